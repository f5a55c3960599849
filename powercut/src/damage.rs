//! Harm that is done on purpose to what is on a disk.
//!
//! Owns what each kind of harm does to the files. Must not know what the journal makes of it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::life::DATA;

/// A kind of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The store is not there.
    StoreGone,
    /// The store is an empty folder.
    StoreEmptied,
    /// The store's file is cut in half.
    StoreTruncated,
    /// The store's file holds something else.
    StoreOverwritten,
    /// The store cannot be opened.
    StoreUnreadable,
    /// A snapshot of the store was torn while it was written. The store is all right without it.
    StoreSnapshotTorn,
    /// A write at the end of the log was torn. It was never acknowledged.
    LogTorn,
    /// A rewriting of a segment did not come to its end. The segment is there.
    RewritingLeft,
}

impl Damage {
    /// Harm to the store that makes it worthless.
    pub const TO_STORE: &'static [Self] = &[
        Self::StoreGone,
        Self::StoreEmptied,
        Self::StoreTruncated,
        Self::StoreOverwritten,
        Self::StoreUnreadable,
    ];

    /// Does it to a disk.
    pub fn do_to(self, disk: &mut Disk) {
        let store = Path::new(DATA).join("store");
        match self {
            Self::StoreGone => disk.remove_tree(&store),
            Self::StoreEmptied => disk.empty(&store),
            Self::StoreTruncated => disk.alter(&store.join("db"), |bytes| bytes.truncate(used(bytes) / 2)),
            Self::StoreOverwritten => disk.alter(&store.join("db"), |bytes| bytes.fill(0x5a)),
            Self::StoreUnreadable => {
                disk.alter(&store.join("conf"), |bytes| *bytes = b"segment_size: many\nxxxx".to_vec());
            }
            Self::StoreSnapshotTorn => {
                disk.put_file(&store, OsStr::new("snap.00000000000000FF.generating"), b"torn");
            }
            Self::RewritingLeft => {
                let log = Path::new(DATA).join("log");
                disk.put_file(&log, OsStr::new("00000000000000000001.rewriting"), b"torn");
            }
            Self::LogTorn => {
                if let Some(segment) = last_segment(disk) {
                    disk.alter(&segment, |bytes| {
                        let begin = used(bytes).next_multiple_of(8);
                        let end = begin + 5_000;
                        bytes.resize(bytes.len().max(end), 0);
                        bytes[begin..end].fill(0xa5);
                    });
                }
            }
        }
    }
}

/// The segment of the log that was written last.
fn last_segment(disk: &Disk) -> Option<PathBuf> {
    let log = Path::new(DATA).join("log");
    let names = disk.names(disk.find(&log)?).ok()?;
    names
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with(".seg"))
        .max()
        .map(|name| log.join(name))
}

/// How far a file is written: behind its last byte that is not zero.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}
