//! The index of terms: by what which conversation is found.
//!
//! Owns its keys, and that it changes only with what somebody is found by: a message costs it nothing. It may say
//! too much and never too little, so that whoever reads it looks at the row. Must not know what a term is made of.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::record::{Meaning, Understood};
use crate::domain::conversation::What;
use crate::domain::search::{Findable, Term, TermKind};
use crate::journal::store::Batch;
use crate::journal::stored::RowState;

/// All terms.
pub(in crate::journal) const TERMS: &[u8] = b"i";

impl RowState {
    /// What its conversation is found by; `None` before it has started.
    pub(in crate::journal) fn findable(&self) -> Option<Findable<'_>> {
        let (details, categories) = (&self.details, self.categories.as_slice());
        self.customer.as_ref().map(|customer| Findable { customer, details, categories })
    }

    /// Its terms.
    pub(in crate::journal) fn terms(&self) -> BTreeSet<Term> {
        self.findable().map(|findable| findable.terms()).unwrap_or_default()
    }
}

/// Whether records change what their conversation is found by.
pub(super) fn change_terms(records: &[&Understood]) -> bool {
    records.iter().any(|understood| match &understood.meaning {
        Meaning::Conversation(entry) => entry.events.iter().any(|event| match &event.what {
            What::Started { .. } | What::Described(_) => true,
            What::Called { category, .. } => !category.is_empty(),
            What::Message(_)
            | What::CallRefused { .. }
            | What::Assigned { .. }
            | What::Requeued { .. }
            | What::Unserved { .. }
            | What::Explained(_)
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Ended
            | What::Read { .. }
            | What::Unchanged => false,
        }),
        Meaning::Workspace(_) | Meaning::Unreadable(_) => false,
    })
}

/// Takes the terms away that a conversation had and has not any more, and adds those that it has now.
pub(super) fn put_terms(
    batch: &mut Batch,
    (workspace, conversation): (WorkspaceId, ConversationId),
    before: &BTreeSet<Term>,
    now: &BTreeSet<Term>,
) {
    // Two of them may have the same key: one that stays must not be taken away by one that goes.
    let keys = |terms: &BTreeSet<Term>| -> BTreeSet<Vec<u8>> {
        terms.iter().map(|term| key(workspace, term, conversation)).collect()
    };
    let (before, now) = (keys(before), keys(now));
    before.difference(&now).for_each(|key| batch.remove(key.clone()));
    now.difference(&before).for_each(|key| batch.put(key.clone(), Vec::new()));
}

/// Where the terms of a workspace are that begin so.
pub(in crate::journal) fn beginning(workspace: WorkspaceId, Term { kind, text }: &Term) -> Vec<u8> {
    [TERMS, workspace.as_bytes(), &[letter(*kind)], cut(text)].concat()
}

/// The conversation that has the term with this key.
pub(in crate::journal) fn conversation_of(key: &[u8]) -> Option<ConversationId> {
    let (_, id) = key.split_last_chunk::<16>()?;
    Some(ConversationId::from_bytes(id.map(|byte| !byte)))
}

/// Of one term the youngest conversations come first: their ids rise with time.
pub(in crate::journal) fn key(workspace: WorkspaceId, term: &Term, conversation: ConversationId) -> Vec<u8> {
    let id = conversation.as_bytes().map(|byte| !byte);
    // No term has a zero in it.
    [beginning(workspace, term).as_slice(), &[0], &id].concat()
}

const fn letter(kind: TermKind) -> u8 {
    match kind {
        TermKind::Word => b'w',
        TermKind::Digits => b'd',
        TermKind::DigitsBackwards => b'b',
        TermKind::Email => b'e',
        TermKind::UserKey => b'k',
        TermKind::Category => b'c',
    }
}

/// As much of a text as a key has. What is longer is found with what begins the same.
fn cut(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(TERM_BYTES_MAX)]
}

/// The most bytes of a term in its key.
const TERM_BYTES_MAX: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::stored::samples::{conversation_id, workspace_id};

    fn term(kind: TermKind, text: &str) -> Term {
        Term { kind, text: text.to_owned() }
    }

    #[test]
    fn a_key_begins_as_its_term_does_and_names_its_conversation_the_youngest_first() {
        let kim = term(TermKind::Word, "김철수");
        let (old, young) = (conversation_id(1), conversation_id(2));
        let keys = [young, old].map(|conversation| key(workspace_id(1), &kim, conversation));
        assert!(keys.is_sorted());
        assert_eq!(keys.each_ref().map(|key| conversation_of(key)), [Some(young), Some(old)]);
        let begins = |kind, text| keys[0].starts_with(&beginning(workspace_id(1), &term(kind, text)));
        assert!(begins(TermKind::Word, "김철") && begins(TermKind::Word, "김철수"));
        assert!(!begins(TermKind::Word, "김철수님") && !begins(TermKind::UserKey, "김철"));
        assert!(!keys[0].starts_with(&beginning(workspace_id(2), &kim)));
    }

    #[test]
    fn a_long_term_is_cut_in_its_key_as_what_is_searched_for_is() {
        let long = "가".repeat(300);
        let stored = key(workspace_id(1), &term(TermKind::UserKey, &long), conversation_id(1));
        for text in [long.as_str(), &long[..9], &long[..600]] {
            assert!(stored.starts_with(&beginning(workspace_id(1), &term(TermKind::UserKey, text))));
        }
        assert!(stored.len() < 150);
    }
}
