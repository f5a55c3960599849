//! Reading the log back: every record from a position on.
//!
//! Owns which segments there are and how they follow on one another. Reads only. Must not be asked
//! for what is not durable.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::blocks::{Blocks, NextBlock};
use super::chunks::Form;
use super::files::Folder;
use super::format::{self, SegmentHead};
use super::{LogError, LogRecord, Position};

/// The segments of a log, each with its head.
#[derive(Debug, Clone)]
pub(in crate::journal) struct LogFiles {
    folder: Folder,
    heads: Vec<SegmentHead>,
    /// What each was made of when it was found; it may have been rewritten since.
    forms: Vec<Form>,
    /// Nothing behind this is read.
    last: Position,
}

impl LogFiles {
    /// Finds the segments in a folder and checks that none is missing or foreign.
    ///
    /// # Errors
    /// When one is, or a head cannot be read.
    pub(in crate::journal) fn find(folder: &Path) -> Result<Self, LogError> {
        let folder = Folder::existing(folder);
        let incomplete = |what| LogError::Incomplete { folder: folder.path().to_owned(), what };
        let (mut heads, mut forms): (Vec<SegmentHead>, Vec<Form>) = Default::default();
        for (number, wanted) in folder.numbers()?.into_iter().zip(1..) {
            if number != wanted {
                return Err(incomplete(format!("segment {wanted} is missing")));
            }
            let path = folder.segment(number);
            let (blocks, head) = Blocks::open(&path)?;
            let before = heads.last();
            let foreign = head.number != number || before.is_some_and(|before| before.log != head.log);
            let follows = before.is_none_or(|before| {
                head.first >= before.first && head.commit_before >= before.commit_before
            });
            if foreign || !follows {
                return Err(incomplete(format!("{} does not belong to this log", path.display())));
            }
            heads.push(head);
            forms.push(blocks.form());
        }
        Ok(Self { folder, heads, forms, last: Position(u64::MAX) })
    }

    /// The same, of which nothing behind a position is read.
    pub(super) fn up_to(self, last: Position) -> Self {
        Self { last, ..self }
    }

    pub(super) fn heads(&self) -> &[SegmentHead] {
        &self.heads
    }

    /// Checks that every segment that another follows reaches up to it. One that was closed is known by
    /// its end; of one that was not every block is read.
    ///
    /// # Errors
    /// When one does not.
    pub(super) fn check_ends(&self) -> Result<(), LogError> {
        for (head, after) in self.heads.iter().zip(self.heads.iter().skip(1)) {
            let path = self.folder.segment(head.number);
            let file = File::open(&path).map_err(LogError::io(&path))?;
            if Blocks::ends_with(&file, &path, head, after)? {
                continue;
            }
            let (mut blocks, _) = Blocks::of(file, &path)?;
            while blocks.commit() < after.commit_before {
                let (offset, behind) = (blocks.offset(), blocks.last());
                match blocks.next_block()? {
                    NextBlock::Commit(..) => {}
                    NextBlock::Closed | NextBlock::Nothing => {
                        let what = "no whole commit, where there must be one".to_owned();
                        return Err(LogError::Damaged { path, offset, behind, what });
                    }
                }
            }
        }
        Ok(())
    }

    /// The last durable record.
    pub(in crate::journal) const fn last(&self) -> Position {
        self.last
    }

    /// How many segments there are.
    pub(in crate::journal) const fn segments(&self) -> usize {
        self.heads.len()
    }

    /// What each segment was made of when it was found, in order.
    pub(in crate::journal) fn forms(&self) -> impl Iterator<Item = Form> {
        self.forms.iter().copied()
    }

    /// The position that the last segment begins with.
    pub(in crate::journal) fn last_begins_with(&self) -> Option<Position> {
        self.heads.last().map(|head| head.first)
    }

    /// Every record from a position on, in order. After an error nothing follows.
    pub(in crate::journal) fn records(&self, from: Position) -> Records {
        // Of segments that begin with the same record only the last has it.
        let segment = self.heads.partition_point(|head| head.first <= from).saturating_sub(1);
        Records {
            files: self.clone(),
            from,
            next: Position(0),
            segment,
            blocks: None,
            ready: Vec::new().into_iter(),
            ended: false,
        }
    }
}

/// The records of a log.
pub(in crate::journal) struct Records {
    files: LogFiles,
    from: Position,
    /// The next record to be read from a file; 0 before the first.
    next: Position,
    segment: usize,
    blocks: Option<(Blocks, PathBuf)>,
    ready: std::vec::IntoIter<LogRecord>,
    ended: bool,
}

impl Iterator for Records {
    type Item = Result<LogRecord, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.ready.find(|record| record.position >= self.from) {
                return Some(Ok(record));
            }
            if self.ended {
                return None;
            }
            match self.read_on() {
                Ok(true) => {}
                Ok(false) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Records {
    /// Reads the next block or goes to the next segment; `false` at the end.
    fn read_on(&mut self) -> Result<bool, LogError> {
        let Some(head) = self.files.heads.get(self.segment).copied() else { return Ok(false) };
        let after = self.files.heads.get(self.segment + 1).copied();
        if self.blocks.is_none() {
            let path = self.files.folder.segment(head.number);
            self.blocks = Some((Blocks::open(&path)?.0, path));
            self.next = head.first;
        }
        let Some((blocks, path)) = &mut self.blocks else { return Ok(false) };
        let all = match after {
            Some(after) => blocks.commit() >= after.commit_before,
            None => blocks.last() >= self.files.last,
        };
        if all {
            // What else is in a segment that another follows was never acknowledged.
            self.blocks = None;
            self.segment += 1;
            return Ok(after.is_some());
        }
        let is_open_end = after.is_none() && self.files.last.0 == u64::MAX;
        let (offset, behind) = (blocks.offset(), blocks.last());
        let damaged = |what| LogError::Damaged { path: path.clone(), offset, behind, what };
        match blocks.next_block()? {
            NextBlock::Commit(block, payload) => {
                let records = format::records(head.epoch, &block, payload).map_err(damaged)?;
                self.ready = records.into_iter();
                Ok(true)
            }
            // Before the end of the log is known, its last segment ends where its blocks do, unless that is
            // in the middle of them.
            NextBlock::Closed if is_open_end => Ok(false),
            NextBlock::Nothing if is_open_end => {
                if let Some((blocks, _)) = self.blocks.take() {
                    blocks.torn()?;
                }
                Ok(false)
            }
            NextBlock::Closed => {
                Err(damaged("the segment ends before everything in it has been read".to_owned()))
            }
            NextBlock::Nothing => Err(damaged("no whole commit, where there must be one".to_owned())),
        }
    }
}
