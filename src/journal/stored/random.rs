//! What must hold of everything that is stored, with random values of it.
//!
//! Owns the properties: each is read as it was stored, and no bytes whatever make reading panic. Must not know how the
//! values are made.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use proptest::prelude::*;

use super::samples::{conversation_id, workspace_id};
use super::values::{
    conversation, encoded_page, entry, number, page, place, record, row, workspace, workspace_entry,
};
use super::*;
use crate::domain::conversation::{Entry, Place, What};
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::Position;

/// Something stored, of any kind.
fn stored() -> impl Strategy<Value = Vec<u8>> {
    let of_entry = |entry: Entry| {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes).unwrap();
        bytes
    };
    let of_workspace_entry = |entry: WorkspaceEntry| {
        let mut bytes = Vec::new();
        encode_workspace_entry(&entry, &mut bytes).unwrap();
        bytes
    };
    prop_oneof![
        entry().prop_map(of_entry).boxed(),
        workspace_entry().prop_map(of_workspace_entry).boxed(),
        conversation().prop_map(|state| encode_conversation(&state).unwrap()).boxed(),
        workspace().prop_map(|state| encode_workspace(&state).unwrap()).boxed(),
        row().prop_map(|row| encode_row(&row).unwrap()).boxed(),
        record().prop_map(|record| encode_record(&record).unwrap()).boxed(),
        page().prop_map(|page| encoded_page(&page)).boxed(),
    ]
}

/// Reads bytes as everything that there is; says how often they were that.
fn read_as_everything(bytes: &[u8]) -> usize {
    let read = [
        decode_entry(conversation_id(2), bytes).is_ok(),
        decode_workspace_entry(workspace_id(1), bytes).is_ok(),
        decode_conversation(workspace_id(1), conversation_id(2), bytes).is_ok(),
        decode_workspace(workspace_id(1), bytes).is_ok(),
        decode_row(bytes).is_ok(),
        decode_record(bytes).is_ok(),
        Page::decode(bytes).is_ok(),
        CurrentConversation::decode(bytes).is_ok(),
        Damaged::decode(bytes).is_ok(),
        FoldMark::decode(bytes).is_ok(),
    ];
    read.into_iter().filter(|read| *read).count()
}

proptest! {
    #[test]
    fn every_entry_is_read_as_it_was_stored(entry in entry()) {
        let mut bytes = Vec::new();
        encode_entry(&entry, &mut bytes).unwrap();
        let said = entry.events.iter().map(|event| match &event.what {
            What::Message(message) => message.bytes(),
            _ => 0,
        });
        let most = (1 + entry.events.len()) * EVENT_BYTES_MAX + said.sum::<usize>();
        prop_assert!(bytes.len() <= most, "{} bytes; at most {most}", bytes.len());
        prop_assert_eq!(decode_entry(entry.conversation, &bytes), Ok(entry));
    }

    #[test]
    fn every_state_of_a_conversation_is_read_as_it_was_stored(state in conversation()) {
        let bytes = encode_conversation(&state).unwrap();
        prop_assert_eq!(decode_conversation(state.workspace, state.id, &bytes), Ok(state));
    }

    #[test]
    fn every_workspace_is_read_as_it_was_stored(state in workspace(), entry in workspace_entry()) {
        let bytes = encode_workspace(&state).unwrap();
        prop_assert_eq!(decode_workspace(state.id, &bytes), Ok(state));
        let mut bytes = Vec::new();
        encode_workspace_entry(&entry, &mut bytes).unwrap();
        prop_assert_eq!(decode_workspace_entry(entry.workspace, &bytes), Ok(entry));
    }

    #[test]
    fn every_row_is_read_as_it_was_stored(row in row()) {
        let bytes = encode_row(&row).unwrap();
        prop_assert_eq!(decode_row(&bytes), Ok(row));
    }

    #[test]
    fn every_record_is_read_as_it_was_stored(record in record()) {
        let bytes = encode_record(&record).unwrap();
        prop_assert_eq!(decode_record(&bytes), Ok(record));
    }

    #[test]
    fn every_page_is_read_as_it_was_stored_and_goes_on(page in page(), next in place()) {
        let bytes = encoded_page(&page);
        let read = Page::decode(&bytes).unwrap();
        let (first, before, entries) = &page;
        prop_assert_eq!((read.first, read.before), (*first, *before));
        prop_assert_eq!(read.last, first + entries.len() as u64 - 1);
        prop_assert_eq!(Some(&read.after), entries.last().map(|(_, after)| after));
        let expected: Vec<_> = entries.iter().map(|(bytes, _)| bytes.as_slice()).collect();
        prop_assert_eq!(&read.entries, &expected);
        let mut longer = PageBuilder::extend(&read);
        longer.push(Bytes::from_static(b"next"), next);
        let bytes = longer.encode().unwrap();
        let longer = Page::decode(&bytes).unwrap();
        prop_assert_eq!((longer.last, longer.after), (read.last + 1, next));
        prop_assert_eq!(longer.entries, [expected, vec![b"next"]].concat());
    }

    #[test]
    fn every_small_value_is_read_as_it_was_stored(
        id in any::<[u8; 16]>(), position in number(), revision in number(), reason in "(?s).{0,99}",
    ) {
        let position = Position(position);
        let conversation = switchboard_protocol::vocabulary::ConversationId::from_bytes(id);
        let current = CurrentConversation { conversation, position };
        prop_assert_eq!(CurrentConversation::decode(&current.encode().unwrap()), Ok(current));
        let damaged = Damaged { revision, reason };
        prop_assert_eq!(Damaged::decode(&damaged.encode().unwrap()), Ok(damaged));
        let mark = FoldMark { position, digest: id };
        prop_assert_eq!(FoldMark::decode(&mark.encode().unwrap()), Ok(mark));
    }

    #[test]
    fn what_is_cut_off_is_never_read_as_anything(bytes in stored(), end in any::<prop::sample::Index>()) {
        prop_assert!(read_as_everything(&bytes) > 0);
        prop_assert_eq!(read_as_everything(&bytes[..end.index(bytes.len())]), 0);
    }

    #[test]
    fn flipped_bits_and_foreign_bytes_never_make_it_panic(
        mut bytes in stored(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6),
        foreign in prop::collection::vec(any::<u8>(), 0..200),
        splice in any::<prop::sample::Index>(),
    ) {
        read_as_everything(&foreign);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            read_as_everything(&bytes);
        }
        let from = splice.index(bytes.len());
        bytes.splice(from..(from + foreign.len()).min(bytes.len()), foreign);
        read_as_everything(&bytes);
    }
}

/// What an event takes besides its message, at the most: the longest names of a customer.
const EVENT_BYTES_MAX: usize = 1_024;

#[test]
fn a_page_whose_revisions_run_over_the_last_number_is_malformed() {
    let (first, place) = (u64::MAX - 6, Place::default());
    let page = (first, place, vec![(vec![1], place), (vec![2], place)]);
    let mut bytes = encoded_page(&page);
    let at = bytes.windows(8).position(|window| window == first.to_be_bytes()).unwrap();
    bytes[at..at + 8].copy_from_slice(&u64::MAX.to_be_bytes());
    assert!(matches!(Page::decode(&bytes), Err(StoredError::Malformed { .. })));
}
