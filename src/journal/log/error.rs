//! How the log refuses or fails.
//!
//! Owns the sentences that name the place and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::journal::Position;
use crate::journal::space::is_no_room;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub(in crate::journal) enum LogError {
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Something that was acknowledged is not as it was written. Nothing was changed.
    #[error(
        "{}: damaged at byte {offset}, behind position {}: {what}. Nothing was changed. Put back this \
         file, or the whole data folder, from a backup",
        path.display(), behind.0
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The last record before the damage.
        behind: Position,
        /// What is wrong.
        what: String,
    },
    /// Files of the log are missing, or belong to another. Nothing was changed.
    #[error(
        "{}: {what}. Nothing was changed. Put back the missing files, or the whole data folder, from a backup",
        folder.display()
    )]
    Incomplete {
        /// The folder of the log.
        folder: PathBuf,
        /// What is missing.
        what: String,
    },
}

impl LogError {
    /// Whether the disk has no room for it.
    pub(in crate::journal) fn is_no_room(&self) -> bool {
        match self {
            Self::Io { error, .. } => is_no_room(error),
            Self::Damaged { .. } | Self::Incomplete { .. } => false,
        }
    }

    /// An error of the system, with the file.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |error| Self::Io { path: path.to_owned(), error }
    }
}
