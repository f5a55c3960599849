//! Customers on the wire.
//!
//! Owns the translation of details and of their changes. Must not know who may see them.

use switchboard_protocol::wire::{
    CustomerDetails, CustomerField, ErrorBody, ErrorCode, EventKind, Gender as WireGender, ReplyBody,
    SearchBy,
};

use crate::domain::customer::{Details, DetailsChange, Edit, Gender, Known};
use crate::domain::search::Field;
use crate::journal::Customer;

/// What a client wants changed.
///
/// # Errors
/// When a field or a gender is not known here, or a field is named twice.
pub(super) fn change(details: CustomerDetails, clear: &[CustomerField]) -> Result<DetailsChange, ErrorBody> {
    let CustomerDetails { name, phone, email, gender } = details;
    let mut change = DetailsChange {
        name: set(name),
        phone: set(phone),
        email: set(email),
        gender: gender.map_or(Ok(Edit::Leave), |gender| known(gender).map(Edit::Set))?,
    };
    for field in clear {
        match field {
            CustomerField::Name => cleared("name", &mut change.name)?,
            CustomerField::Phone => cleared("phone", &mut change.phone)?,
            CustomerField::Email => cleared("email", &mut change.email)?,
            CustomerField::Gender => cleared("gender", &mut change.gender)?,
            CustomerField::Unknown => {
                let sentence = "clear: it names a field that is not known here";
                return Err(ErrorBody::new(ErrorCode::Unsupported, sentence));
            }
        }
    }
    Ok(change)
}

/// What a client searches in.
///
/// # Errors
/// When it is not known here.
pub(super) fn field(by: SearchBy) -> Result<Field, ErrorBody> {
    match by {
        SearchBy::Name => Ok(Field::Name),
        SearchBy::Phone => Ok(Field::Phone),
        SearchBy::Email => Ok(Field::Email),
        SearchBy::UserKey => Ok(Field::UserKey),
        SearchBy::Category => Ok(Field::Category),
        SearchBy::Unknown => {
            let sentence = "by: this field is not known here; known are \"name\", \"phone\", \"email\", \"user_key\" \
                            and \"category\"";
            Err(ErrorBody::new(ErrorCode::Unsupported, sentence))
        }
    }
}

/// An event.
pub(super) fn described(change: &DetailsChange) -> EventKind {
    let DetailsChange { name, phone, email, gender } = change;
    let details = CustomerDetails {
        name: name.set().cloned(),
        phone: phone.set().cloned(),
        email: email.set().cloned(),
        gender: gender.set().copied().map(told),
    };
    let fields = [
        (CustomerField::Name, name.is_clear()),
        (CustomerField::Phone, phone.is_clear()),
        (CustomerField::Email, email.is_clear()),
        (CustomerField::Gender, gender.is_clear()),
    ];
    let cleared = fields.into_iter().filter(|(_, is_clear)| *is_clear).map(|(field, _)| field);
    EventKind::Described { details, cleared: cleared.collect() }
}

/// An answer.
pub(super) fn reply(customer: Customer) -> ReplyBody {
    let Customer { key, known: Known { details: Details { name, phone, email, gender }, .. } } = customer;
    ReplyBody::Customer {
        profile: key.profile,
        platform: key.platform,
        user_key: key.user_key,
        details: CustomerDetails { name, phone, email, gender: gender.map(told) },
    }
}

fn set<T>(value: Option<T>) -> Edit<T> {
    value.map_or(Edit::Leave, Edit::Set)
}

fn cleared<T: Clone + PartialEq>(field: &'static str, edit: &mut Edit<T>) -> Result<(), ErrorBody> {
    if edit.set().is_some() {
        let sentence = format!("{field}: it is to be set and to be cleared at once");
        return Err(ErrorBody::new(ErrorCode::MalformedRequest, sentence));
    }
    *edit = Edit::Clear;
    Ok(())
}

fn known(gender: WireGender) -> Result<Gender, ErrorBody> {
    match gender {
        WireGender::Female => Ok(Gender::Female),
        WireGender::Male => Ok(Gender::Male),
        WireGender::Other => Ok(Gender::Other),
        WireGender::Unknown => {
            let sentence = "gender: this one is not known here; known are \"female\", \"male\" and \"other\"";
            Err(ErrorBody::new(ErrorCode::Unsupported, sentence))
        }
    }
}

const fn told(gender: Gender) -> WireGender {
    match gender {
        Gender::Female => WireGender::Female,
        Gender::Male => WireGender::Male,
        Gender::Other => WireGender::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_protocol::vocabulary::CustomerName;

    #[test]
    fn a_field_that_is_set_and_cleared_or_not_known_is_refused_by_name() {
        let details =
            || CustomerDetails { name: CustomerName::new("Kim").ok(), ..CustomerDetails::default() };
        let refused = |details, clear: &[CustomerField]| {
            let error = change(details, clear).unwrap_err();
            (error.number, error.sentence.split(':').next().unwrap().to_owned())
        };
        assert_eq!(refused(details(), &[CustomerField::Name]), (101, "name".to_owned()));
        assert_eq!(refused(details(), &[CustomerField::Unknown]), (102, "clear".to_owned()));
        let gender = CustomerDetails { gender: Some(WireGender::Unknown), ..details() };
        assert_eq!(refused(gender, &[]), (102, "gender".to_owned()));
    }

    #[test]
    fn what_a_client_wants_changed_is_told_as_it_was_asked_for() {
        let details = CustomerDetails {
            gender: Some(WireGender::Other),
            name: CustomerName::new("Kim").ok(),
            ..Default::default()
        };
        let clear = vec![CustomerField::Phone, CustomerField::Email];
        let told = described(&change(details.clone(), &clear).unwrap());
        assert_eq!(told, EventKind::Described { details, cleared: clear });
    }
}
