//! How the journal refuses or fails.
//!
//! Owns the errors of its door. Must not know the wire's error numbers.

use std::path::PathBuf;

use super::log::LogError;
use super::space::is_no_room;
use super::store::StoreError;
use super::{NoRoom, Position, StoredError, Stream};

/// Why a journal could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be used; the sentence says where and what to do.
    #[error("log: {0}")]
    Log(String),
    /// Another process has the data folder.
    #[error(
        "the data folder {} is in use by process {process}; stop it, or choose another folder with --data",
        path.display()
    )]
    InUse {
        /// Which folder.
        path: PathBuf,
        /// The number of the process.
        process: String,
    },
    /// A newer program wrote the data folder.
    #[error(
        "the data folder {} has version {found}; this program knows {known}: start a newer one",
        path.display()
    )]
    Newer {
        /// Which folder.
        path: PathBuf,
        /// The version that it has.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// A record in the log cannot be read. Nothing of the log is thrown away for it.
    #[error("log: record {} of {stream:?} cannot be read: {reason}", position.0)]
    Record {
        /// Where in the log.
        position: Position,
        /// Of which stream.
        stream: Stream,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was made anew and still cannot be used.
    #[error("store: {0}")]
    Store(String),
    /// The disk is too full to start. Trying again helps when there is room.
    #[error("no room: {0}")]
    NoRoom(String),
    /// A file of the data folder cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        if error.is_no_room() { Self::NoRoom(error.to_string()) } else { Self::Log(error.to_string()) }
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::NoRoom(error.to_string()),
            StoreError::Failed(_) | StoreError::ValueTooLarge { .. } => Self::Store(error.to_string()),
        }
    }
}

impl StartError {
    /// Whether it can be tried again when there is room on the disk.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        match self {
            Self::NoRoom(_) => true,
            Self::Io { error, .. } => is_no_room(error),
            Self::Log(_) | Self::InUse { .. } | Self::Newer { .. } | Self::Record { .. } | Self::Store(_) => {
                false
            }
        }
    }
}

/// Why a stream could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be written at the moment, or the journal is stopping. Try again later.
    #[error("journal: not available: {0}")]
    Unavailable(String),
    /// What is stored of the stream cannot be read. Opening it again will not help: quarantine it.
    #[error("{stream:?}: damaged at revision {revision}: {reason}")]
    Corrupt {
        /// Which.
        stream: Stream,
        /// The first revision that cannot be read.
        revision: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl OpenError {
    /// Whether trying again later can help.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Corrupt { .. } => false,
        }
    }
}

/// Why an entry was not taken. Nothing of it will become durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Too much waits to become durable, or to be folded. Try again later.
    #[error("journal: too much waits to be written; try again later")]
    Full,
    /// The disk is full, or nearly so. Try again when there is room.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The journal is stopping, or the log has failed.
    #[error("journal: not available")]
    Unavailable,
    /// The entry has no stored form. A mistake of whoever made it.
    #[error("entry: {0}")]
    Unstorable(String),
}

impl From<StoredError> for AppendError {
    fn from(error: StoredError) -> Self {
        Self::Unstorable(error.to_string())
    }
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The journal is stopping, or the store has failed. Try again later.
    #[error("journal: not available: {0}")]
    Unavailable(String),
    /// What is stored cannot be read.
    #[error("{what}: damaged: {reason}")]
    Corrupt {
        /// What was read.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The cursor of a list was not made by this journal.
    #[error("cursor: {0:?} is not one that a list ended with")]
    Cursor(String),
    /// The cursor of a list was made for another filter.
    #[error("cursor: {0:?} is that of a list with another filter; begin this one without a cursor")]
    CursorOfOtherFilter(String),
}
