//! What the fourth version of stored forms can say, for the golden files: what is known of a customer, and what
//! their consultations were about.
//!
//! Owns those values. Must not know how they are stored.

#![allow(clippy::unwrap_used)]

use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, CustomerName, EmailAddress, Party, Phone,
};

use super::row::RowState;
use super::samples::{Script, conversation_id, customer, member_id, workspace_id};
use crate::domain::conversation::{Conversation, Entry, What};
use crate::domain::customer::{Details, DetailsChange, Edit, Gender};

/// Entries that the third version could not say.
pub(super) fn entries() -> Vec<(&'static str, Entry)> {
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    let known = details().from_nothing().unwrap();
    let some = DetailsChange { name: known.name.clone(), phone: Edit::Clear, ..DetailsChange::default() };
    let cleared =
        DetailsChange { phone: Edit::Clear, email: Edit::Clear, name: Edit::Clear, gender: Edit::Clear };
    let described = |change| What::Described(Box::new(change));
    let mut begun = script.entry(
        1_700_000_000_000,
        Party::Customer,
        vec![What::Started { customer: customer(1), former: None }, described(known)],
    );
    begun.events[1].by = Party::Bot;
    let returned = What::Started { customer: customer(1), former: Some(member_id(3)) };
    let returned = Script::new(workspace_id(1), conversation_id(2)).entry(
        1_700_000_000_000,
        Party::Customer,
        vec![returned],
    );
    let agent = Party::Agent { member: member_id(3) };
    vec![
        ("started_with_details", begun),
        ("described", script.entry(1_700_000_001_000, agent, vec![described(some)])),
        ("started_by_who_was_served", returned),
        ("described_as_unknown", script.entry(1_700_000_002_000, agent, vec![described(cleared)])),
    ]
}

/// The same conversation with a customer of whom everything is known.
pub(super) fn conversation(other: Conversation) -> (&'static str, Conversation) {
    ("described", Conversation { details: details(), ..other })
}

/// The same row with what is known of its customer, and with what consultations were about.
pub(super) fn rows(other: &RowState) -> [(String, RowState); 2] {
    let categories = vec![bank(), CategoryPath::default()];
    [
        ("row_described".to_owned(), RowState { details: details(), ..other.clone() }),
        ("row_about".to_owned(), RowState { categories, ..other.clone() }),
    ]
}

/// A category of two levels.
pub(super) fn bank() -> CategoryPath {
    let names = ["Bank", "카드"].map(|name| CategoryName::new(name).unwrap());
    CategoryPath::new(names.to_vec()).unwrap()
}

fn details() -> Details {
    Details {
        name: CustomerName::new("김철수").ok(),
        phone: Phone::new("+82 10-1234-5678").ok(),
        email: EmailAddress::new("chulsoo@mail.example").ok(),
        gender: Some(Gender::Male),
    }
}
