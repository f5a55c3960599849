//! The only door to stored state: the log, which is the truth, and its folds in sled, which are what
//! the engine remembers of it.
//!
//! Owns the stored form of everything. Must not know actors, sockets or the wire.
//!
//! - [`Journal`]: the door. Appends go through the `writer`, a thread that makes commits of them; reads
//!   take the `tail` and the `store`.
//! - `log`: segment files of checksummed commits.
//! - `fold`: what is made of the log in the background, in `store`, the only file that knows sled.
//! - `read`: states, entries and lists, whatever of them is folded already.
//! - `space`: how much of the disk is free, and the reserve.
//! - `stored`: the stored forms with their versions.
//! - `rewrite`: closed segments of the log are compressed, and what is due is erased from them.
//! - `recover`, `checkpoint`: making the store true again at a start; `check`: comparing it with the log;
//!   `backup`: copying what cannot be made anew.
//! - `crash_points`: the steps in between, named so that each can be tried.

mod backup;
mod check;
mod checkpoint;
mod crash_points;
mod data_dir;
mod door;
mod error;
mod fold;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod log;
#[cfg(test)]
mod masking;
mod options;
mod read;
mod record;
mod recover;
mod rewrite;
mod space;
mod store;
mod stored;
mod tail;
#[cfg(test)]
mod tests;
mod view;
mod writer;

pub use backup::{BackupReport, backup, restore};
pub use check::{CheckReport, verify};
pub use crash_points::CrashPoint;
#[cfg(feature = "crash-points")]
pub use crash_points::on_crash_point;
pub use door::{Journal, rebuild};
pub use error::{AppendError, OpenError, ReadError, StartError};
#[cfg(feature = "planted-bugs")]
pub use fold::FoldFailure;
pub use options::JournalOptions;
pub use record::{LogRecord, Position, Shard, Stream};
pub use space::FreeSpace;
pub use stored::StoredError;
pub use view::{
    ConsultationPage, Customer, Decisions, DeskChange, Figures, FoundPage, ListPage, ListRow,
    OpenConsultation, OpenedConversation, OpenedWorkspace, PREVIEW_CHARS_MAX, Progress, RebuildReason,
    StartReport, Workspaces,
};

pub use crate::machines::commit::{Incarnation, Term};
pub use crate::machines::room::NoRoom;

/// After how many entries a new snapshot of a conversation is worth its writing.
pub const SNAPSHOT_ENTRIES: u64 = 256;

/// Who is told what became of a stream's appends. Called on the writer thread: must not block.
pub trait TicketSink: Send + Sync {
    /// Something became of them.
    fn resolved(&self, resolved: Resolved);
}

/// What became of a stream's appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// Durable, and readable, are all up to this revision.
    Durable {
        /// The last durable revision.
        up_to: u64,
    },
    /// The incarnation has ended: nothing that is not durable yet will become so.
    Failed(String),
}
