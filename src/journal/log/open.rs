//! Opening the log: what is there, whether it is whole, and where it ends.
//!
//! Owns the one repair that is allowed: a torn write at the very end, which was never acknowledged,
//! is cut off. Everything else that is wrong is an error, and changes nothing. What is left of a rewriting is
//! removed: the segment that it was to replace is there.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::blocks::{Blocks, NextBlock};
use super::files::{Folder, Prepared};
use super::format::SegmentHead;
use super::read::LogFiles;
use super::{Log, LogError, Medium, Position};
use crate::clock;
use crate::journal::CrashPoint;
use crate::journal::crash_points::pass;

/// How the log is run.
#[derive(Debug, Clone)]
pub(in crate::journal) struct LogOptions {
    /// Its folder.
    pub(in crate::journal) folder: PathBuf,
    /// How large a segment is, in bytes.
    pub(in crate::journal) segment_bytes: u64,
    /// Something else remembers that the log had at least this much.
    pub(in crate::journal) at_least: Position,
    /// Whether files may be made now. Without, a log whose last segment is closed has none to write to, until
    /// it is recovered.
    pub(in crate::journal) may_grow: bool,
}

/// An open log.
pub(in crate::journal) struct OpenedLog {
    /// Its writing end.
    pub(in crate::journal) log: Log,
    /// What is in it.
    pub(in crate::journal) files: LogFiles,
    /// Bytes of a torn write that were cut off.
    pub(in crate::journal) bytes_cut: u64,
}

impl Log {
    /// Opens the log in a folder, or begins one.
    ///
    /// # Errors
    /// When a file cannot be read or written, or something of the log is missing or damaged.
    pub(in crate::journal) fn open(
        options: &LogOptions,
        medium: Box<dyn Medium>,
    ) -> Result<OpenedLog, LogError> {
        let folder = Folder::open(&options.folder)?;
        if !options.may_grow {
            // Its room is worth more to the store, which cannot be opened without any.
            folder.remove_prepared();
        }
        folder.sweep()?;
        let files = LogFiles::find(&options.folder)?;
        files.check_ends()?;
        let end = match files.heads().last() {
            Some(head) => Some((*head, End::find(&folder, head)?)),
            None => None,
        };
        let last = end.as_ref().map_or(Position(0), |(_, end)| end.last);
        if last < options.at_least {
            let what = format!(
                "the log ends at position {}, but the store has had everything up to {}",
                last.0, options.at_least.0
            );
            return Err(LogError::Incomplete { folder: options.folder.clone(), what });
        }
        let mut log = Self {
            folder,
            medium,
            id: end.as_ref().map_or_else(clock::random, |(head, _)| head.log),
            segment_bytes: options.segment_bytes,
            current: None,
            in_doubt: false,
            number: end.as_ref().map_or(0, |(head, _)| head.number),
            first: end.as_ref().map_or(Position(1), |(head, _)| head.first),
            commit: end.as_ref().map_or(0, |(_, end)| end.commit),
            last,
            prepared: Prepared::default(),
            buffer: Vec::new(),
        };
        let bytes_cut = end.as_ref().map_or(0, |(_, end)| end.torn_bytes);
        match end {
            Some((head, end)) if !end.closed => {
                end.cut(&log.folder, &head)?;
                log.current = Some(log.folder.reopen_segment(&head, end.offset)?);
                if options.may_grow {
                    log.prepared.start(&log.folder, log.segment_bytes);
                }
            }
            Some(_) | None if options.may_grow => log.current = Some(log.new_segment()?),
            Some(_) | None => {}
        }
        let files = LogFiles::find(&options.folder)?.up_to(log.last);
        Ok(OpenedLog { log, files, bytes_cut })
    }
}

/// Where the last segment ends.
struct End {
    offset: u64,
    commit: u64,
    last: Position,
    closed: bool,
    torn_bytes: u64,
}

impl End {
    fn find(folder: &Folder, head: &SegmentHead) -> Result<Self, LogError> {
        let path = folder.segment(head.number);
        let (mut blocks, _) = Blocks::open(&path)?;
        let closed = loop {
            match blocks.next_block()? {
                NextBlock::Commit(..) => {}
                NextBlock::Closed => break true,
                NextBlock::Nothing => break false,
            }
        };
        let (offset, commit, last) = (blocks.offset(), blocks.commit(), blocks.last());
        let torn_bytes = if closed { 0 } else { blocks.torn()? };
        Ok(Self { offset, commit, last, closed, torn_bytes })
    }

    /// Puts zeros over a torn write, and makes everything that was read last: it may have come to
    /// the disk's cache only.
    fn cut(&self, folder: &Folder, head: &SegmentHead) -> Result<(), LogError> {
        let path = folder.segment(head.number);
        let file = OpenOptions::new().write(true).open(&path).map_err(LogError::io(&path))?;
        let mut at = self.offset;
        let end = self.offset + self.torn_bytes;
        let zeros = vec![0; 1 << 20];
        while at < end {
            let part = (end - at).min(zeros.len() as u64);
            file.write_all_at(&zeros[..part as usize], at).map_err(LogError::io(&path))?;
            pass(CrashPoint::TailZeroed);
            at += part;
        }
        file.sync_all().map_err(LogError::io(&path))?;
        pass(CrashPoint::TailSynced);
        Ok(())
    }
}
