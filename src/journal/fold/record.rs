//! A record of the log with what it means.
//!
//! Owns the one place where records are read for folding: what cannot be read is a value like any
//! other there, so that one bad record stops its own stream only.

use std::sync::Arc;

use switchboard_protocol::vocabulary::Timestamp;

use crate::domain::conversation::Entry;
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::stored::{StoredError, decode_entry, decode_workspace_entry};
use crate::journal::{LogRecord, Stream};

/// A record with what it means.
#[derive(Debug, Clone)]
pub(in crate::journal) struct Understood {
    /// The record.
    pub(in crate::journal) record: LogRecord,
    /// What it means.
    pub(in crate::journal) meaning: Meaning,
}

/// What a record means.
#[derive(Debug, Clone)]
pub(in crate::journal) enum Meaning {
    /// An entry of a conversation.
    Conversation(Arc<Entry>),
    /// An entry of a workspace.
    Workspace(Arc<WorkspaceEntry>),
    /// Nothing that can be read.
    Unreadable(StoredError),
}

impl Meaning {
    /// When the next of it is to be erased.
    pub(in crate::journal) fn next_due(&self) -> Option<Timestamp> {
        match self {
            Self::Conversation(entry) => entry.next_due(),
            Self::Workspace(_) | Self::Unreadable(_) => None,
        }
    }
}

/// Reads a record.
pub(in crate::journal) fn understand(record: LogRecord) -> Understood {
    let meaning = match record.stream {
        Stream::Conversation(_, conversation) => decode_entry(conversation, &record.payload)
            .and_then(|entry| same_revision(entry.revision, &record).map(|()| entry))
            .map(|entry| Meaning::Conversation(Arc::new(entry))),
        Stream::Workspace(workspace) => decode_workspace_entry(workspace, &record.payload)
            .and_then(|entry| same_revision(entry.revision, &record).map(|()| entry))
            .map(|entry| Meaning::Workspace(Arc::new(entry))),
    };
    Understood { meaning: meaning.unwrap_or_else(Meaning::Unreadable), record }
}

fn same_revision(revision: u64, record: &LogRecord) -> Result<(), StoredError> {
    if revision == record.revision {
        return Ok(());
    }
    let reason = format!("revision {revision} in the record of revision {}", record.revision);
    Err(StoredError::Malformed { what: "entry", reason })
}
