//! What the log is made of: records of streams, each at a position.
//!
//! Owns the names of streams and places. Must not know what a payload means.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

/// What a record belongs to: everything about one conversation, or about one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// A workspace's settings, members and profiles.
    Workspace(WorkspaceId),
    /// A conversation of a workspace.
    Conversation(WorkspaceId, ConversationId),
}

impl Stream {
    /// The workspace that it belongs to.
    #[must_use]
    pub const fn workspace(&self) -> WorkspaceId {
        match self {
            Self::Workspace(workspace) | Self::Conversation(workspace, _) => *workspace,
        }
    }
}

/// The part of the data that a workspace belongs to for ever. On one machine one log carries all
/// shards; in a cluster each is a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

impl Shard {
    /// How many there are. Fixed for ever: a stored event names its shard.
    pub const COUNT: u16 = 256;

    /// The shard of a workspace: the first two bytes of the SHA-256 of its id, modulo the count.
    #[must_use]
    pub fn of(workspace: WorkspaceId) -> Self {
        let hash = Sha256::digest(workspace.as_bytes());
        Self(u16::from_be_bytes([hash[0], hash[1]]) % Self::COUNT)
    }
}

/// The place of a record in the log: 1 for the first, without gaps. 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// One record as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its place in the log.
    pub position: Position,
    /// The log's epoch: counts how often the log was begun anew. 1 on one machine.
    pub epoch: u32,
    /// What it belongs to.
    pub stream: Stream,
    /// Its place in the stream: 1 for the first, without gaps.
    pub revision: u64,
    /// The stored entry: structure and content.
    pub payload: Bytes,
}
