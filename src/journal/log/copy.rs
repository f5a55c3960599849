//! Copying a log that may be written to meanwhile.
//!
//! Owns which bytes of which segments make a whole log: closed segments as they are, of the last one
//! everything up to its last whole commit. Every checksum is checked on the way. Must not know what else
//! is in a data folder.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

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
        if let Some(after) = after
            && has_already(&from, &to, head, after)?
        {
            result.kept += 1;
            continue;
        }
        let (bytes, last) = whole_bytes(&from, head, after)?;
        copy_segment(&from, &to, head.number, bytes)?;
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

/// Whether an earlier copy has the whole of a segment that another follows: closed, with the same end.
fn has_already(
    from: &Folder,
    to: &Folder,
    head: &SegmentHead,
    after: &SegmentHead,
) -> Result<bool, LogError> {
    let (source, copy) = (from.segment(head.number), to.segment(head.number));
    if !copy.exists() {
        return Ok(false);
    }
    let length = |path: &Path| fs::metadata(path).map(|found| found.len()).map_err(LogError::io(path));
    Ok(length(&source)? == length(&copy)?
        && Blocks::ends_with(&source, head, after)?
        && Blocks::ends_with(&copy, head, after)?)
}

/// How many bytes of a segment are to be copied, and the last record in them.
fn whole_bytes(
    from: &Folder,
    head: &SegmentHead,
    after: Option<&SegmentHead>,
) -> Result<(u64, Position), LogError> {
    let path = from.segment(head.number);
    let (mut blocks, _) = Blocks::open(&path)?;
    let closed = loop {
        match blocks.next_block()? {
            NextBlock::Commit(..) => {}
            NextBlock::Closed => break true,
            NextBlock::Nothing => break false,
        }
    };
    let (offset, behind) = (blocks.offset(), blocks.last());
    if after.is_some_and(|after| blocks.commit() < after.commit_before) {
        let what = "no whole commit, where there must be one".to_owned();
        return Err(LogError::Damaged { path, offset, behind, what });
    }
    let length = fs::metadata(&path).map_err(LogError::io(&path))?.len();
    // What lies behind the last whole commit of the last segment is being written, or torn.
    Ok((if closed || after.is_some() { length } else { offset }, behind))
}

/// Copies so many bytes, whole or not at all.
fn copy_segment(from: &Folder, to: &Folder, number: u64, bytes: u64) -> Result<(), LogError> {
    let (source, target) = (from.segment(number), to.segment(number));
    let beside = target.with_extension("copying");
    let copy = || {
        let mut file = File::create(&beside)?;
        std::io::copy(&mut File::open(&source)?.take(bytes), &mut file)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&beside, &target)
    };
    copy().map_err(LogError::io(&target))?;
    sync_folder(to.path())
}
