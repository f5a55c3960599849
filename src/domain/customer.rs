//! What is known of a customer besides their key: details that agents write down.
//!
//! Owns the details and how they are changed: each field is left, set or cleared. Must not know who may do that,
//! nor in which conversation they are kept.

use switchboard_protocol::vocabulary::{CustomerName, EmailAddress, MemberId, Phone};

/// What a customer's next conversation begins with, from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// What the agents have written down.
    pub details: Details,
    /// Who answered last for their consultations.
    pub former: Option<MemberId>,
}

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// What the customer is called.
    pub name: Option<CustomerName>,
    /// The telephone number.
    pub phone: Option<Phone>,
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The gender.
    pub gender: Option<Gender>,
}

/// A customer's gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gender {
    /// A woman.
    Female,
    /// A man.
    Male,
    /// Neither.
    Other,
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Leave,
    /// It is this from now on.
    Set(T),
    /// It is not known any more.
    Clear,
}

/// What becomes of each detail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetailsChange {
    /// Of the name.
    pub name: Edit<CustomerName>,
    /// Of the telephone number.
    pub phone: Edit<Phone>,
    /// Of the e-mail address.
    pub email: Edit<EmailAddress>,
    /// Of the gender.
    pub gender: Edit<Gender>,
}

impl Details {
    /// Changes them.
    pub fn change(&mut self, change: &DetailsChange) {
        change.name.apply_to(&mut self.name);
        change.phone.apply_to(&mut self.phone);
        change.email.apply_to(&mut self.email);
        change.gender.apply_to(&mut self.gender);
    }

    /// What of a change makes a difference; `None`: nothing.
    #[must_use]
    pub fn differences(&self, change: &DetailsChange) -> Option<DetailsChange> {
        let differences = DetailsChange {
            name: change.name.difference_to(self.name.as_ref()),
            phone: change.phone.difference_to(self.phone.as_ref()),
            email: change.email.difference_to(self.email.as_ref()),
            gender: change.gender.difference_to(self.gender.as_ref()),
        };
        (differences != DetailsChange::default()).then_some(differences)
    }

    /// The change that makes them of nothing; `None`: there are none.
    #[must_use]
    pub fn from_nothing(&self) -> Option<DetailsChange> {
        let set = DetailsChange {
            name: Edit::to(self.name.clone()),
            phone: Edit::to(self.phone.clone()),
            email: Edit::to(self.email.clone()),
            gender: Edit::to(self.gender),
        };
        (set != DetailsChange::default()).then_some(set)
    }
}

impl DetailsChange {
    /// At most so many bytes it takes, besides a flat amount.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let name = self.name.set().map_or(0, |name| name.as_str().len());
        let phone = self.phone.set().map_or(0, |phone| phone.as_str().len());
        let email = self.email.set().map_or(0, |email| email.as_str().len());
        name + phone + email + FIELDS_BYTES
    }
}

impl<T: Clone + PartialEq> Edit<T> {
    fn to(value: Option<T>) -> Self {
        value.map_or(Self::Leave, Self::Set)
    }

    fn apply_to(&self, field: &mut Option<T>) {
        match self {
            Self::Leave => {}
            Self::Set(value) => *field = Some(value.clone()),
            Self::Clear => *field = None,
        }
    }

    fn difference_to(&self, field: Option<&T>) -> Self {
        match (self, field) {
            (Self::Set(value), Some(now)) if value == now => Self::Leave,
            (Self::Clear, None) => Self::Leave,
            (Self::Leave | Self::Set(_) | Self::Clear, _) => self.clone(),
        }
    }

    /// What it is set to, if it is.
    #[must_use]
    pub const fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Leave | Self::Clear => None,
        }
    }

    /// Whether it is cleared.
    #[must_use]
    pub const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }
}

/// What the names of the fields take, with what is cleared and the gender.
const FIELDS_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_a_difference_and_it_makes_the_same_of_them() {
        let (kim, lee) = (CustomerName::new("Kim").unwrap(), CustomerName::new("Lee").unwrap());
        let phone = Phone::new("010-1234-5678").unwrap();
        let known = Details { name: Some(kim.clone()), phone: Some(phone), ..Details::default() };
        let change = DetailsChange {
            name: Edit::Set(kim),
            phone: Edit::Clear,
            email: Edit::Clear,
            gender: Edit::Set(Gender::Other),
        };
        let differences = known.differences(&change).unwrap();
        let expected = DetailsChange {
            phone: Edit::Clear,
            gender: Edit::Set(Gender::Other),
            ..DetailsChange::default()
        };
        assert_eq!(differences, expected);
        let (mut whole, mut short) = (known.clone(), known);
        whole.change(&change);
        short.change(&differences);
        assert_eq!(whole, short);
        assert_eq!(whole.differences(&change), None);
        let renamed = DetailsChange { name: Edit::Set(lee.clone()), ..DetailsChange::default() };
        whole.change(&renamed);
        assert_eq!((whole.name, whole.phone), (Some(lee), None));
    }

    #[test]
    fn what_is_made_of_nothing_is_the_same() {
        assert_eq!(Details::default().from_nothing(), None);
        let known = Details { email: Some(EmailAddress::new("a@b").unwrap()), ..Details::default() };
        let mut made = Details::default();
        made.change(&known.from_nothing().unwrap());
        assert_eq!(made, known);
    }
}
