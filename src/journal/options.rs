//! How a journal is run.
//!
//! Owns the settings and their defaults. Must not know where they come from.

use std::path::PathBuf;

use super::FreeSpace;
use crate::limits::STORE_ROOM_BYTES;
use crate::machines::room::Marks;

/// The settings of a journal.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// The data folder. It is created when it is missing.
    pub dir: PathBuf,
    /// The size of a segment of the log, in bytes.
    pub log_segment_bytes: u64,
    /// The most bytes that may wait for the next commits. More is refused as [`super::AppendError::Full`].
    pub log_window_bytes: usize,
    /// What sled may keep in memory, in bytes.
    pub store_cache_bytes: u64,
    /// Fold when the oldest unfolded record is older than this, in milliseconds.
    pub fold_age_ms: u64,
    /// Fold when the unfolded records are larger than this, in bytes.
    pub fold_tail_bytes: u64,
    /// The most of the log that one batch of a fold takes, in bytes; always at least one record.
    pub fold_batch_bytes: u64,
    /// The most unfolded records that are kept in memory, in bytes. More is refused as
    /// [`super::AppendError::Full`] until the folds have caught up.
    pub tail_bytes_max: u64,
    /// The least time between two reports of changed rows, in milliseconds.
    pub desk_turn_ms: u64,
    /// How long what is due to be erased from the log may wait for more, in milliseconds.
    pub erase_within_ms: u64,
    /// Make a checkpoint when the last one is older than this, in milliseconds.
    pub checkpoint_ms: u64,
    /// Make a checkpoint when this much was folded since the last one, in bytes.
    pub checkpoint_bytes: u64,
    /// With less than this free on the disk, nothing is taken, in bytes; with a quarter more, it is again.
    pub room_bytes_min: u64,
    /// The size of a file that is given up when there is no room, so that what was taken can be folded, in
    /// bytes.
    pub reserve_bytes: u64,
    /// Who says how much is free.
    pub free_space: FreeSpace,
}

impl JournalOptions {
    /// The defaults, for a data folder.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            log_segment_bytes: 64 << 20,
            log_window_bytes: 32 << 20,
            store_cache_bytes: 64 << 20,
            fold_age_ms: 1_000,
            fold_tail_bytes: 8 << 20,
            fold_batch_bytes: 1 << 20,
            tail_bytes_max: 128 << 20,
            desk_turn_ms: 50,
            erase_within_ms: 3_600_000,
            checkpoint_ms: 5_000,
            checkpoint_bytes: 64 << 20,
            room_bytes_min: 0,
            reserve_bytes: 0,
            free_space: FreeSpace::default(),
        }
    }

    /// What must be free for what.
    pub(super) const fn marks(&self) -> Marks {
        Marks {
            low_bytes: self.room_bytes_min,
            resume_bytes: self.room_bytes_min.saturating_add(self.room_bytes_min / 4),
            reserve_bytes: self.reserve_bytes,
            store_bytes: STORE_ROOM_BYTES,
        }
    }
}
