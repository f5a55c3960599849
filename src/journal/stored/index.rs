//! The stored forms of the small values: which conversation a customer has, what is damaged, and how
//! far the folds are.
//!
//! Owns them together, because each is a few fields. Must not know when they are written.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::ConversationId;

use super::parts::Id;
use super::{StoredError, in_the_end, read, write};
use crate::journal::{LogRecord, Position, Stream};

/// The conversation that a customer has now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct CurrentConversation {
    /// Which.
    pub(in crate::journal) conversation: ConversationId,
    /// Where in the log it started: of two the later one holds.
    pub(in crate::journal) position: Position,
}

impl CurrentConversation {
    /// Its stored form.
    ///
    /// # Errors
    /// None.
    pub(in crate::journal) fn encode(self) -> Result<Vec<u8>, StoredError> {
        let conversation = Id::new(*self.conversation.as_bytes());
        let mut buffer = Vec::new();
        write(CURRENT, &StoredCurrent { v: VERSION, conversation, position: self.position.0 }, &mut buffer)?;
        Ok(buffer)
    }

    /// Reads its stored form.
    ///
    /// # Errors
    /// When it is newer than this program, or is none.
    pub(in crate::journal) fn decode(bytes: &[u8]) -> Result<Self, StoredError> {
        let stored: StoredCurrent = read(CURRENT, VERSION, bytes)?;
        Ok(Self {
            conversation: ConversationId::from_bytes(stored.conversation.into_array()),
            position: Position(stored.position),
        })
    }
}

/// A stream was found damaged: it cannot be opened, while all others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::journal) struct Damaged {
    /// The first revision that cannot be read or is missing.
    pub(in crate::journal) revision: u64,
    /// What is wrong with it.
    pub(in crate::journal) reason: String,
}

impl Damaged {
    /// Its stored form.
    ///
    /// # Errors
    /// None.
    pub(in crate::journal) fn encode(&self) -> Result<Vec<u8>, StoredError> {
        let stored =
            StoredDamage { v: VERSION, revision: self.revision, reason: Cow::Borrowed(&self.reason) };
        let mut buffer = Vec::new();
        write(DAMAGE, &stored, &mut buffer)?;
        Ok(buffer)
    }

    /// Reads its stored form.
    ///
    /// # Errors
    /// When it is newer than this program, or is none.
    pub(in crate::journal) fn decode(bytes: &[u8]) -> Result<Self, StoredError> {
        let stored: StoredDamage<'_> = read(DAMAGE, VERSION, bytes)?;
        Ok(Self { revision: stored.revision, reason: stored.reason.into_owned() })
    }
}

/// How far the folds are, and of which log: the digest is that of the record at the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::journal) struct FoldMark {
    /// Everything up to here is folded.
    pub(in crate::journal) position: Position,
    /// The first 16 bytes of the SHA-256 of the record there; zeros before the first.
    pub(in crate::journal) digest: [u8; 16],
}

impl FoldMark {
    /// The mark after folding a record.
    pub(in crate::journal) fn of(record: &LogRecord) -> Self {
        let mut hash = Sha256::new();
        hash.update(record.position.0.to_be_bytes());
        hash.update(record.stream.workspace().as_bytes());
        match record.stream {
            Stream::Workspace(_) => hash.update([0]),
            Stream::Conversation(_, conversation) => hash.update(conversation.as_bytes()),
        }
        hash.update(record.revision.to_be_bytes());
        // The same record may be erased from in the log before or after it is folded.
        hash.update(in_the_end(record.stream, &record.payload));
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.finalize()[..16]);
        Self { position: record.position, digest }
    }

    /// Its stored form.
    ///
    /// # Errors
    /// None.
    pub(in crate::journal) fn encode(self) -> Result<Vec<u8>, StoredError> {
        let stored =
            StoredMark { v: VERSION, position: self.position.0, digest: ByteArray::new(self.digest) };
        let mut buffer = Vec::new();
        write(MARK, &stored, &mut buffer)?;
        Ok(buffer)
    }

    /// Reads its stored form.
    ///
    /// # Errors
    /// When it is newer than this program, or is none.
    pub(in crate::journal) fn decode(bytes: &[u8]) -> Result<Self, StoredError> {
        let stored: StoredMark = read(MARK, VERSION, bytes)?;
        Ok(Self { position: Position(stored.position), digest: stored.digest.into_array() })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredCurrent {
    v: u64,
    #[serde(rename = "c")]
    conversation: Id,
    #[serde(rename = "p")]
    position: u64,
}

#[derive(Serialize, Deserialize)]
struct StoredDamage<'a> {
    v: u64,
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "e", borrow)]
    reason: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct StoredMark {
    v: u64,
    #[serde(rename = "p")]
    position: u64,
    #[serde(rename = "d")]
    digest: ByteArray<16>,
}

const CURRENT: &str = "current conversation";
const DAMAGE: &str = "damage";
const MARK: &str = "fold mark";

const VERSION: u64 = 1;
