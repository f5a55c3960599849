//! Doors for the fuzzer, which are in no release.
//!
//! Owns the rule of every stored form: whatever the bytes are, reading them ends, and what was read is written
//! and read again as the same. Must not know who finds the bytes.

#![allow(clippy::panic, reason = "this is how a target fails")]

use std::fmt::Debug;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::stored::{
    CurrentConversation, Damaged, FoldMark, Page, StoredError, decode_conversation, decode_entry, decode_row,
    decode_workspace, decode_workspace_entry, encode_conversation, encode_entry, encode_row,
    encode_workspace, encode_workspace_entry,
};
use crate::domain::conversation::{Conversation, Entry};

/// Reads bytes as the stored form that the first of them names.
pub fn records(data: &[u8]) {
    let Some((form, bytes)) = data.split_first() else { return };
    match form {
        0 => again(bytes, |bytes| decode_entry(CONVERSATION, bytes), entry),
        1 => again(
            bytes,
            |bytes| decode_workspace_entry(WORKSPACE, bytes),
            |entry| {
                let mut buffer = Vec::new();
                encode_workspace_entry(entry, &mut buffer).map(|()| buffer)
            },
        ),
        2 => again(bytes, state, encode_conversation),
        3 => again(bytes, |bytes| decode_workspace(WORKSPACE, bytes), encode_workspace),
        4 => again(bytes, decode_row, encode_row),
        5 => again(bytes, CurrentConversation::decode, |current| current.encode()),
        6 => again(bytes, Damaged::decode, Damaged::encode),
        7 => again(bytes, FoldMark::decode, |mark| mark.encode()),
        8 => {
            if let Ok(page) = Page::decode(bytes) {
                assert_eq!(page.last + 1 - page.first, page.entries.len() as u64);
                page.entries.iter().for_each(|bytes| drop(decode_entry(CONVERSATION, bytes)));
            }
        }
        9 => super::log::fuzz_chunk(bytes),
        _ => super::log::fuzz(bytes),
    }
}

/// What the rules make can be stored, and is read as what it was.
pub fn is_stored_as_itself(entry: &Entry, state: &Conversation) {
    let read = self::entry(entry).and_then(|bytes| decode_entry(entry.conversation, &bytes));
    assert_eq!(read.as_ref(), Ok(entry));
    let read = encode_conversation(state);
    let read = read.and_then(|bytes| decode_conversation(state.workspace, state.id, &bytes));
    assert_eq!(read.as_ref(), Ok(state));
}

fn again<T: PartialEq + Debug>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<T, StoredError>,
    write: impl Fn(&T) -> Result<Vec<u8>, StoredError>,
) {
    let Ok(value) = read(bytes) else { return };
    let written = write(&value).unwrap_or_else(|error| panic!("{value:?} was read and has no form: {error}"));
    assert_eq!(read(&written).as_ref(), Ok(&value), "it is read as another");
}

fn entry(entry: &Entry) -> Result<Vec<u8>, StoredError> {
    let mut buffer = Vec::new();
    encode_entry(entry, &mut buffer).map(|()| buffer)
}

fn state(bytes: &[u8]) -> Result<Conversation, StoredError> {
    decode_conversation(WORKSPACE, CONVERSATION, bytes)
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([1; 16]);
const CONVERSATION: ConversationId = ConversationId::from_bytes([2; 16]);
