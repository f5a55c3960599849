//! Customers: what the agents know of them, and how they are searched for.
//!
//! Owns the details and the fields that can be named. Must not know who may see them.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{CustomerName, EmailAddress, Phone};

/// What is known of a customer, or what of it is to be set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CustomerDetails {
    /// What the customer is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CustomerName>,
    /// The customer's telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// The customer's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailAddress>,
    /// The customer's gender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
}

impl CustomerDetails {
    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.name.is_none() && self.phone.is_none() && self.email.is_none() && self.gender.is_none()
    }

    /// At most so many bytes it takes, besides a flat amount.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let name = self.name.as_ref().map_or(0, |name| name.as_str().len());
        let phone = self.phone.as_ref().map_or(0, |phone| phone.as_str().len());
        let email = self.email.as_ref().map_or(0, |email| email.as_str().len());
        name + phone + email + FIELDS_BYTES
    }
}

/// What the names of the fields take, with the gender.
const FIELDS_BYTES: usize = 48;

/// A customer's gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gender {
    /// A woman.
    Female,
    /// A man.
    Male,
    /// Neither.
    Other,
    /// One that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// A detail of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerField {
    /// What the customer is called.
    Name,
    /// The customer's telephone number.
    Phone,
    /// The customer's e-mail address.
    Email,
    /// The customer's gender.
    Gender,
    /// One that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// What a conversation is searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchBy {
    /// The beginnings of the words of the customer's name.
    Name,
    /// The beginning or the end of the customer's telephone number.
    Phone,
    /// The beginning of the customer's e-mail address.
    Email,
    /// The beginning of what the customer is known by.
    UserKey,
    /// The beginning of a level of what the last consultations were about.
    Category,
    /// Something that this version does not know; refused.
    #[serde(other)]
    Unknown,
}
