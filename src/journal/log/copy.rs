//! Copying a log that may be written to meanwhile.
//!
//! Owns which bytes of which segments make a whole log: closed segments as they are, of the last one
//! everything up to its last whole commit. Every checksum is checked on the way. A segment may be replaced by
//! its rewritten form at any moment: each is opened once. Must not know what else is in a data folder.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::blocks::{Blocks, NextBlock};
use super::files::{Folder, sync_folder};
use super::format::SegmentHead;
use super::read::LogFiles;
use super::{LogError, Position};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::journal) struct Copied {
    /// Everything up to here.
    pub(in crate::journal) position: Position,
    /// Segments that were copied now.
    pub(in crate::journal) copied: usize,
    /// Segments that an earlier copy had already.
    pub(in crate::journal) kept: usize,
    /// Bytes that were copied now.
    pub(in crate::journal) bytes: u64,
}

/// Copies the log in one folder to another, which may have an earlier copy of the same log.
///
/// # Errors
/// When a file cannot be read or written, something of the log is missing or damaged, or the other folder
/// has another log, or more of this one.
pub(in crate::journal) fn copy_log(from: &Path, to: &Path) -> Result<Copied, LogError> {
    let source = LogFiles::find(from)?;
    let (from, to) = (Folder::existing(from), Folder::open(to)?);
    check_same_log(&source, &LogFiles::find(to.path())?, &to)?;
    let mut result = Copied::default();
    for (at, head) in source.heads().iter().enumerate() {
        let after = source.heads().get(at + 1);
        let mut segment = Source::open(from.segment(head.number))?;
        if let Some(after) = after
            && segment.is_copied(&to, head, after)?
        {
            result.kept += 1;
            continue;
        }
        let (bytes, last) = segment.whole_bytes(after)?;
        segment.copy(&to, head.number, bytes)?;
        result.position = last;
        result.copied += 1;
        result.bytes += bytes;
    }
    Ok(result)
}

fn check_same_log(source: &LogFiles, target: &LogFiles, to: &Folder) -> Result<(), LogError> {
    let incomplete =
        |what: &str| LogError::Incomplete { folder: to.path().to_owned(), what: what.to_owned() };
    for (head, copied) in source.heads().iter().zip(target.heads()) {
        if head != copied {
            return Err(incomplete("it has a copy of another log"));
        }
    }
    if target.segments() > source.segments() {
        return Err(incomplete("its copy has more than the log that is to be copied"));
    }
    Ok(())
}

/// A segment that is to be copied, as it was when it was opened.
struct Source {
    path: PathBuf,
    file: File,
}

impl Source {
    fn open(path: PathBuf) -> Result<Self, LogError> {
        let file = File::open(&path).map_err(LogError::io(&path))?;
        Ok(Self { path, file })
    }

    fn blocks(&mut self) -> Result<Blocks, LogError> {
        let from_the_beginning = |file: &mut File| {
            file.rewind()?;
            file.try_clone()
        };
        let file = from_the_beginning(&mut self.file).map_err(LogError::io(&self.path))?;
        Ok(Blocks::of(file, &self.path)?.0)
    }

    /// Whether an earlier copy has the whole of it, which another follows: closed, with the same end, and
    /// nothing in it that was erased here.
    fn is_copied(&mut self, to: &Folder, head: &SegmentHead, after: &SegmentHead) -> Result<bool, LogError> {
        let path = to.segment(head.number);
        if !path.exists() {
            return Ok(false);
        }
        let mut copy = Self::open(path)?;
        let ends = |segment: &Self| Blocks::ends_with(&segment.file, &segment.path, head, after);
        Ok(ends(self)? && ends(&copy)? && copy.blocks()?.form().is_as_erased_as(self.blocks()?.form()))
    }

    /// How many bytes of it are to be copied, and the last record in them.
    fn whole_bytes(&mut self, after: Option<&SegmentHead>) -> Result<(u64, Position), LogError> {
        let mut blocks = self.blocks()?;
        let closed = loop {
            match blocks.next_block()? {
                NextBlock::Commit(..) => {}
                NextBlock::Closed => break true,
                NextBlock::Nothing => break false,
            }
        };
        let (path, offset, behind) = (&self.path, blocks.offset(), blocks.last());
        if after.is_some_and(|after| blocks.commit() < after.commit_before) {
            let what = "no whole commit, where there must be one".to_owned();
            return Err(LogError::Damaged { path: path.clone(), offset, behind, what });
        }
        let length = self.file.metadata().map_err(LogError::io(path))?.len();
        // What lies behind the last whole commit of the last segment is being written, or torn.
        Ok((if closed || after.is_some() { length } else { offset }, behind))
    }

    /// Copies so many bytes, whole or not at all.
    fn copy(&mut self, to: &Folder, number: u64, bytes: u64) -> Result<(), LogError> {
        let target = to.segment(number);
        let beside = target.with_extension("copying");
        let mut copy = || {
            let mut file = File::create(&beside)?;
            self.file.rewind()?;
            io::copy(&mut (&self.file).take(bytes), &mut file)?;
            file.flush()?;
            file.sync_all()?;
            fs::rename(&beside, &target)
        };
        copy().map_err(LogError::io(&target))?;
        sync_folder(to.path())
    }
}
