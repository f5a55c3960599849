//! The stored form of what is known of a customer.
//!
//! Owns the details as they stand in states and rows, and a change of them as it stands in the content of an
//! event: all of it is personal. Must not know which version of what can say it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::{CustomerName, EmailAddress, Phone};

use super::StoredError;
use crate::domain::customer::{Details, DetailsChange, Edit, Gender};

/// Details. What is not known is absent.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StoredDetails<'a> {
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Option::is_none")]
    phone: Option<Cow<'a, str>>,
    #[serde(rename = "e", borrow, default, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Option::is_none")]
    gender: Option<Cow<'a, str>>,
}

/// A change of details: what is set, and which fields are cleared. One whose content was erased changes nothing.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StoredDetailsChange<'a> {
    #[serde(rename = "s", borrow, default)]
    set: StoredDetails<'a>,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Vec::is_empty")]
    cleared: Vec<Cow<'a, str>>,
}

impl<'a> StoredDetails<'a> {
    /// The stored form; `None` when nothing is known.
    pub(super) fn new(details: &'a Details) -> Option<Self> {
        let stored = Self {
            name: details.name.as_ref().map(|name| Cow::Borrowed(name.as_str())),
            phone: details.phone.as_ref().map(|phone| Cow::Borrowed(phone.as_str())),
            email: details.email.as_ref().map(|email| Cow::Borrowed(email.as_str())),
            gender: details.gender.map(|gender| Cow::Borrowed(gender_word(gender))),
        };
        (*details != Details::default()).then_some(stored)
    }

    pub(super) fn details(&self) -> Result<Details, StoredError> {
        let malformed = |error: &dyn std::fmt::Display| StoredError::malformed(DETAILS, error);
        Ok(Details {
            name: text(self.name.as_ref(), CustomerName::new)?,
            phone: text(self.phone.as_ref(), Phone::new)?,
            email: text(self.email.as_ref(), EmailAddress::new)?,
            gender: match self.gender.as_deref() {
                None => None,
                Some(FEMALE) => Some(Gender::Female),
                Some(MALE) => Some(Gender::Male),
                Some(OTHER) => Some(Gender::Other),
                Some(word) => return Err(malformed(&format_args!("unknown gender {word:?}"))),
            },
        })
    }
}

impl<'a> StoredDetailsChange<'a> {
    pub(super) fn new(change: &'a DetailsChange) -> Self {
        let DetailsChange { name, phone, email, gender } = change;
        let set = StoredDetails {
            name: name.set().map(|name| Cow::Borrowed(name.as_str())),
            phone: phone.set().map(|phone| Cow::Borrowed(phone.as_str())),
            email: email.set().map(|email| Cow::Borrowed(email.as_str())),
            gender: gender.set().map(|gender| Cow::Borrowed(gender_word(*gender))),
        };
        let fields = [
            (NAME, name.is_clear()),
            (PHONE, phone.is_clear()),
            (EMAIL, email.is_clear()),
            (GENDER, gender.is_clear()),
        ];
        let cleared = fields.into_iter().filter(|(_, is_clear)| *is_clear);
        Self { set, cleared: cleared.map(|(field, _)| Cow::Borrowed(field)).collect() }
    }

    pub(super) fn change(&self) -> Result<DetailsChange, StoredError> {
        let Details { name, phone, email, gender } = self.set.details()?;
        let mut change =
            DetailsChange { name: edit(name), phone: edit(phone), email: edit(email), gender: edit(gender) };
        for field in &self.cleared {
            match field.as_ref() {
                NAME => change.name = Edit::Clear,
                PHONE => change.phone = Edit::Clear,
                EMAIL => change.email = Edit::Clear,
                GENDER => change.gender = Edit::Clear,
                _ => return Err(StoredError::malformed(DETAILS, &format_args!("unknown field {field:?}"))),
            }
        }
        Ok(change)
    }
}

fn edit<T>(value: Option<T>) -> Edit<T> {
    value.map_or(Edit::Leave, Edit::Set)
}

fn text<T, E: std::fmt::Display>(
    stored: Option<&Cow<'_, str>>,
    checked: fn(String) -> Result<T, E>,
) -> Result<Option<T>, StoredError> {
    let checked = stored.map(|text| checked(text.to_string())).transpose();
    checked.map_err(|error| StoredError::malformed(DETAILS, &error))
}

const fn gender_word(gender: Gender) -> &'static str {
    match gender {
        Gender::Female => FEMALE,
        Gender::Male => MALE,
        Gender::Other => OTHER,
    }
}

const DETAILS: &str = "details";

const NAME: &str = "n";
const PHONE: &str = "p";
const EMAIL: &str = "e";
const GENDER: &str = "g";

const FEMALE: &str = "f";
const MALE: &str = "m";
const OTHER: &str = "o";
