//! The checkpoint: how far the store is known to be on disk, kept outside the store.
//!
//! Owns one small file that is replaced as a whole. A store that has less than it says has lost
//! something, and is made anew. Must not know what the store holds.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::crash_points::pass;
use super::stored::FoldMark;
use super::{CrashPoint, Position};

/// Why a checkpoint could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    /// It is there and is none.
    #[error("{}: not a checkpoint", .0.display())]
    Unreadable(PathBuf),
    /// The file could not be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Replaces the checkpoint of a data folder. The store must have been synced at the mark before.
///
/// # Errors
/// When the file cannot be written; the one before it stays.
pub(super) fn write(dir: &Path, mark: FoldMark) -> io::Result<()> {
    let next = dir.join(NEXT_NAME);
    let mut file = File::create(&next)?;
    file.write_all(line(mark).as_bytes())?;
    pass(CrashPoint::CheckpointWritten);
    file.sync_all()?;
    pass(CrashPoint::CheckpointSynced);
    fs::rename(&next, dir.join(NAME))?;
    pass(CrashPoint::CheckpointRenamed);
    File::open(dir)?.sync_all()
}

/// Reads the checkpoint of a data folder; `None` when there is none yet.
///
/// # Errors
/// When it cannot be read, or is none.
pub(super) fn read(dir: &Path) -> Result<Option<FoldMark>, CheckpointError> {
    let path = dir.join(NAME);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map(Some).ok_or(CheckpointError::Unreadable(path)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(None),
            io::ErrorKind::InvalidData => Err(CheckpointError::Unreadable(path)),
            _ => Err(CheckpointError::Io { path, error }),
        },
    }
}

/// Removes the checkpoint of a data folder: nothing is known of the store any more.
///
/// # Errors
/// When it is there and cannot be removed.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => {
            pass(CrashPoint::CheckpointRemoved);
            File::open(dir)?.sync_all()
        }
    }
}

fn line(mark: FoldMark) -> String {
    let digest: String = mark.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let said = format!("{HEAD} {} {digest}", mark.position.0);
    let checksum = crc32fast::hash(said.as_bytes());
    format!("{said} {checksum:08x}\n")
}

fn parse(text: &str) -> Option<FoldMark> {
    let mut words = text.strip_prefix(HEAD)?.split_whitespace();
    let position = Position(words.next()?.parse().ok()?);
    let hex = words.next()?;
    let mut digest = [0; 16];
    for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    let mark = FoldMark { position, digest };
    (line(mark) == text).then_some(mark)
}

/// The file's name, and that of the one that will replace it.
const NAME: &str = "checkpoint";
const NEXT_NAME: &str = "checkpoint.next";

/// What the file begins with: what it is, and its version.
const HEAD: &str = "switchboard-checkpoint 1";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_replaced_as_a_whole_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        for position in [7, 70_000] {
            let mark = FoldMark { position: Position(position), digest: [position as u8; 16] };
            write(dir.path(), mark).unwrap();
            assert_eq!(read(dir.path()).unwrap(), Some(mark));
        }
        remove(dir.path()).unwrap();
        remove(dir.path()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
    }

    #[test]
    fn one_that_was_altered_or_cut_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let whole = line(FoldMark { position: Position(70_000), digest: [7; 16] });
        assert!(parse(&whole).is_some());
        let altered = whole.replacen("70000", "70001", 1);
        for text in [&altered, &whole[..whole.len() - 1], ""] {
            fs::write(dir.path().join(NAME), text).unwrap();
            assert!(matches!(read(dir.path()), Err(CheckpointError::Unreadable(_))), "{text:?}");
        }
    }
}
