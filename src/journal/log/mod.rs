//! The log: append-only segment files of checksummed commits, the truth of everything stored.
//!
//! Owns the files in the data folder's `log`: how a commit becomes durable with one write and one
//! sync, how the tail is repaired at a start, and how records are read back. Must not know what a
//! payload means, nor who waits for it.

mod blocks;
mod chunks;
mod copy;
mod error;
mod files;
mod format;
mod medium;
mod open;
mod read;
mod rewrite;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::PathBuf;

use bytes::Bytes;

use self::files::{Folder, Prepared};
use self::format::{BLOCK_HEAD_BYTES, BlockKind, HEAD_BYTES, LogId, Salt, SegmentHead};
use super::crash_points::pass;
use super::{CrashPoint, LogRecord, Position, Stream};

pub(super) use chunks::Form;
#[cfg(test)]
pub(super) use chunks::Rewriting;
#[cfg(feature = "fuzzing")]
pub(super) use chunks::fuzz as fuzz_chunk;
pub(super) use copy::{Copied, copy_log};
pub(super) use error::LogError;
#[cfg(feature = "fuzzing")]
pub(super) use format::fuzz;
#[cfg(test)]
pub(super) use medium::faulty::Faults;
pub(super) use medium::{Disk, Medium};
pub(super) use open::{LogOptions, OpenedLog};
pub(super) use read::{LogFiles, Records};
pub(super) use rewrite::{Editor, Fate, rewrite_segment};

/// What is to be written.
pub(super) struct NewRecord<'a> {
    /// What it belongs to.
    pub(super) stream: Stream,
    /// Its place in the stream.
    pub(super) revision: u64,
    /// The stored entry.
    pub(super) payload: &'a Bytes,
}

/// The writing end of the log.
pub(super) struct Log {
    folder: Folder,
    medium: Box<dyn Medium>,
    id: LogId,
    segment_bytes: u64,
    /// The segment that is written; `None` when one is still to be begun.
    current: Option<Segment>,
    /// A write or sync failed: what is in the segment before is not known, until the next one says so.
    in_doubt: bool,
    /// The number of the latest segment, and its first position.
    number: u64,
    first: Position,
    /// The last commit and record that are durable.
    commit: u64,
    last: Position,
    prepared: Prepared,
    buffer: Vec<u8>,
}

/// The segment that is written.
struct Segment {
    file: File,
    path: PathBuf,
    salt: Salt,
    /// Where the next block goes.
    end: u64,
}

impl Log {
    /// The last durable record.
    pub(super) const fn last(&self) -> Position {
        self.last
    }

    /// Writes records as one commit, and returns them with their positions once they are durable.
    ///
    /// # Errors
    /// When they are not known to be durable. They never become so: the next commit goes to a new
    /// segment, which says after which commit it follows.
    pub(super) fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = NewRecord<'a>>,
    ) -> Result<Vec<LogRecord>, LogError> {
        let mut committed = Vec::with_capacity(records.size_hint().0);
        let mut position = self.last;
        format::begin_block(&mut self.buffer);
        for NewRecord { stream, revision, payload } in records {
            position.0 += 1;
            format::add_record(&mut self.buffer, stream, revision, payload);
            committed.push(LogRecord { position, epoch: EPOCH, stream, revision, payload: payload.clone() });
        }
        let (commit, first) = (self.commit + 1, Position(self.last.0 + 1));
        let mut segment = self.segment_for(self.buffer.len())?;
        let records = committed.len() as u32;
        format::end_block(&mut self.buffer, segment.salt, BlockKind::Commit, commit, first, records);
        pass(CrashPoint::CommitMade);
        self.in_doubt = true;
        self.medium.write(&segment.file, &self.buffer, segment.end).map_err(LogError::io(&segment.path))?;
        pass(CrashPoint::CommitWritten);
        self.medium.sync(&segment.file).map_err(LogError::io(&segment.path))?;
        pass(CrashPoint::CommitSynced);
        self.in_doubt = false;
        segment.end += self.buffer.len() as u64;
        self.current = Some(segment);
        (self.commit, self.last) = (commit, position);
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        Ok(committed)
    }

    /// Whether something may be on disk that was never acknowledged.
    pub(super) const fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Whether there is a segment to write to.
    pub(super) const fn has_segment(&self) -> bool {
        self.current.is_some()
    }

    /// Begins a new segment, if there is none to write to.
    ///
    /// # Errors
    /// When that is not possible yet.
    pub(super) fn recover(&mut self) -> Result<(), LogError> {
        if self.current.is_none() {
            self.current = Some(self.new_segment()?);
        }
        Ok(())
    }

    /// The number of the segment that is written, and the position that it begins with or will begin with.
    pub(super) const fn segment(&self) -> (u64, Position) {
        (self.number, self.first)
    }

    /// Closes the segment that is written, if it has this number and something in it, and begins the next.
    ///
    /// # Errors
    /// When that is not possible now. The next commit begins a segment then, if there is none.
    pub(super) fn close_early(&mut self, number: u64) -> Result<(), LogError> {
        if self.number != number || self.last < self.first {
            return Ok(());
        }
        // Without the file of the next one, nothing is changed.
        let next = self.prepared.take(&self.folder, self.segment_bytes)?;
        if let Some(segment) = self.current.take() {
            pass(CrashPoint::SegmentCloseAsked);
            if let Err(error) = self.close_segment(&segment) {
                tracing::warn!(%error, "a segment of the log could not be closed");
            }
        }
        self.current = Some(self.begin_segment(next)?);
        Ok(())
    }

    /// Closes the segment that is written. What comes afterwards goes to a new one.
    ///
    /// # Errors
    /// When that is not known to be durable; everything committed is all the same.
    pub(super) fn close(&mut self) -> Result<(), LogError> {
        let segment = match self.current.take() {
            Some(segment) => segment,
            // What had failed must not come back at the next start.
            None if self.in_doubt => self.new_segment()?,
            None => return Ok(()),
        };
        self.close_segment(&segment)
    }

    /// Takes the segment that a block of so many bytes goes to. Until it is put back it is not known
    /// what is in it.
    fn segment_for(&mut self, block_bytes: usize) -> Result<Segment, LogError> {
        if let Some(segment) = self.current.take() {
            let end = segment.end + block_bytes as u64 + END_BYTES;
            if end <= self.segment_bytes || segment.end == HEAD_BYTES as u64 {
                return Ok(segment);
            }
            pass(CrashPoint::SegmentFull);
            // Without its end it is still whole: the next one says after which commit it follows.
            if let Err(error) = self.close_segment(&segment) {
                tracing::warn!(%error, "a segment of the log could not be closed");
            }
        }
        self.new_segment()
    }

    fn close_segment(&self, segment: &Segment) -> Result<(), LogError> {
        let mut end = Vec::new();
        format::begin_block(&mut end);
        let next = Position(self.last.0 + 1);
        format::end_block(&mut end, segment.salt, BlockKind::End, self.commit, next, 0);
        let close = || {
            self.medium.write(&segment.file, &end, segment.end)?;
            pass(CrashPoint::SegmentEndWritten);
            segment.file.set_len(segment.end + end.len() as u64)?;
            pass(CrashPoint::SegmentCut);
            self.medium.sync(&segment.file)
        };
        close().map_err(LogError::io(&segment.path))?;
        pass(CrashPoint::SegmentClosed);
        Ok(())
    }

    fn new_segment(&mut self) -> Result<Segment, LogError> {
        let file = self.prepared.take(&self.folder, self.segment_bytes)?;
        self.begin_segment(file)
    }

    fn begin_segment(&mut self, file: File) -> Result<Segment, LogError> {
        let number = self.number + 1;
        let head = SegmentHead {
            log: self.id,
            epoch: EPOCH,
            number,
            first: Position(self.last.0 + 1),
            commit_before: self.commit,
        };
        let segment = self.folder.begin_segment(file, &head, &*self.medium)?;
        (self.number, self.first, self.in_doubt) = (number, head.first, false);
        self.prepared.start(&self.folder, self.segment_bytes);
        Ok(segment)
    }
}

/// The log is begun anew never on one machine.
const EPOCH: u32 = 1;

/// What a segment needs for its end, in bytes.
const END_BYTES: u64 = BLOCK_HEAD_BYTES as u64 + 8;

/// A larger buffer is given back after its commit, in bytes.
const BUFFER_BYTES_KEPT: usize = 2 << 20;
