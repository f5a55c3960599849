//! Reading what is durable: the store, complemented by the tail.
//!
//! Owns how the two are put together without a gap or a repeat. Blocks; whoever reads decides on
//! which thread. Must not know who may read what.

mod audit;
mod consultations;
mod digits;
mod explained;
mod history;
mod list;
mod load;
mod open;
mod search;
mod turns;

use std::fmt;

use super::store::StoreError;
use super::stored::StoredError;
use super::{OpenError, ReadError, Stream};

pub(super) use audit::audit;
pub(super) use consultations::{ConsultationCursor, consultations};
pub(super) use explained::read_decisions;
pub(super) use history::{read_after, read_after_in_tail, read_before, shown};
pub(super) use list::{Cursor, list};
pub(super) use load::{customer_of, find_conversation, load_conversation, load_workspace, workspaces};
pub(super) use open::open_consultations;
pub(super) use search::search;
pub(super) use turns::turns;

/// Why reading failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadFault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something stored cannot be read.
    #[error(transparent)]
    Stored(#[from] StoredError),
    /// A stream is not what it must be.
    #[error("revision {revision}: {reason}")]
    Damaged {
        /// The first revision that is missing or cannot be read.
        revision: u64,
        /// What is wrong.
        reason: String,
    },
}

impl ReadFault {
    /// As an error of opening a stream.
    pub(super) fn into_open(self, stream: Stream) -> OpenError {
        match self {
            Self::Store(error) => OpenError::Unavailable(error.to_string()),
            Self::Stored(error) => OpenError::Corrupt { stream, revision: 0, reason: error.to_string() },
            Self::Damaged { revision, reason } => OpenError::Corrupt { stream, revision, reason },
        }
    }

    /// As an error of reading something.
    pub(super) fn into_read(self, what: &dyn fmt::Display) -> ReadError {
        match self {
            Self::Store(error) => ReadError::Unavailable(error.to_string()),
            Self::Stored(_) | Self::Damaged { .. } => {
                ReadError::Corrupt { what: what.to_string(), reason: self.to_string() }
            }
        }
    }
}
