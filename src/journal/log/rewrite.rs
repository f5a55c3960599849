//! Rewriting a closed segment: the same commits and records in chunks, with what is due erased.
//!
//! Owns that the file with the segment's name is at every moment one of the two, whole and on disk. A segment
//! in which anything is wrong stays as it is. Must not know what a payload means: whoever does says what
//! becomes of it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use switchboard_protocol::vocabulary::Timestamp;

use super::blocks::{Blocks, NextBlock};
use super::chunks::{self, BEGIN_BYTES, CHUNK_BYTES, Form, Rewriting};
use super::files::{Folder, sync_folder};
use super::format::{self, BlockHead, BlockKind, Salt, SegmentHead};
use super::{LogError, LogRecord, Position};
use crate::journal::CrashPoint;
use crate::journal::crash_points::pass;

/// What becomes of a record's payload.
#[derive(Debug, Clone, Default)]
pub(in crate::journal) struct Fate {
    /// What it is from now on, if not what it was.
    pub(in crate::journal) payload: Option<Bytes>,
    /// When the next of it is to be erased.
    pub(in crate::journal) due: Option<Timestamp>,
}

/// Who says what becomes of payloads, and when to give up.
pub(in crate::journal) trait Editor {
    /// What becomes of a record's payload.
    fn fate(&mut self, record: &LogRecord) -> Fate;
    /// Whether the rewriting is to be given up: it is begun anew another time.
    fn gives_up(&self) -> bool;
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Done {
    /// What the segment says of itself now.
    pub(in crate::journal) rewriting: Rewriting,
    /// Records whose payloads are not what they were.
    pub(in crate::journal) erased: u64,
    /// The size of the file before, in bytes.
    pub(in crate::journal) bytes_before: u64,
    /// And now.
    pub(in crate::journal) bytes: u64,
}

/// Rewrites a segment that another follows; `None` when it was given up.
///
/// # Errors
/// When a file cannot be read or written, or something in the segment is damaged. Then it is as it was.
pub(in crate::journal) fn rewrite_segment(
    folder: &Path,
    number: u64,
    editor: &mut dyn Editor,
) -> Result<Option<Done>, LogError> {
    let folder = Folder::existing(folder);
    let (path, beside) = (folder.segment(number), folder.beside(number));
    let (_, after) = Blocks::open(&folder.segment(number + 1))?;
    let (blocks, head) = Blocks::open(&path)?;
    let bytes_before = fs::metadata(&path).map_err(LogError::io(&path))?.len();
    let segment = Closed { path: &path, head, after };
    let written = match segment.write(&beside, blocks, editor) {
        Ok(Some(written)) => written,
        other => {
            // What was written is of no use. Should it stay, the next start removes it.
            let _ = fs::remove_file(&beside);
            return other.map(|_| None);
        }
    };
    segment.check(&beside, written.sum)?;
    fs::rename(&beside, &path).map_err(LogError::io(&path))?;
    pass(CrashPoint::RewriteRenamed);
    sync_folder(folder.path())?;
    pass(CrashPoint::RewriteLasting);
    let Written { rewriting, erased, bytes, .. } = written;
    Ok(Some(Done { rewriting, erased, bytes_before, bytes }))
}

/// A segment that another follows.
struct Closed<'a> {
    path: &'a Path,
    head: SegmentHead,
    after: SegmentHead,
}

/// The file that will take its place, on disk but for its name.
struct Written {
    rewriting: Rewriting,
    erased: u64,
    /// Over all its blocks.
    sum: u32,
    bytes: u64,
}

impl Closed<'_> {
    fn write(
        &self,
        beside: &Path,
        mut blocks: Blocks,
        editor: &mut dyn Editor,
    ) -> Result<Option<Written>, LogError> {
        let mut erasures = match blocks.form() {
            Form::Plain => 0,
            Form::Rewritten(rewriting) => rewriting.erasures,
        };
        let mut edit = Edit { editor, due: None, erased: 0 };
        let mut chunks = ChunkWriter::create(beside, Salt::of(&self.head))?;
        while let Some((block, payload)) = self.next_commit(&mut blocks)? {
            if edit.editor.gives_up() {
                return Ok(None);
            }
            let (offset, behind) = (blocks.offset(), Position(block.first.0.saturating_sub(1)));
            let payload = edit.block(self.head.epoch, &block, payload);
            chunks.add(&block, &payload.map_err(|what| self.damaged(offset, behind, what))?)?;
        }
        erasures += u32::from(edit.erased > 0);
        let rewriting = Rewriting { erasures, due: edit.due };
        let (sum, bytes) = chunks.finish(self, &rewriting)?;
        Ok(Some(Written { rewriting, erased: edit.erased, sum, bytes }))
    }

    /// Reads back what was written: what takes the place of the truth must be as true.
    fn check(&self, beside: &Path, sum: u32) -> Result<(), LogError> {
        let mut read = crc32fast::Hasher::new();
        let mut read_back = || -> Result<bool, LogError> {
            let (mut blocks, head) = Blocks::open(beside)?;
            while let Some((_, payload)) = self.next_commit(&mut blocks)? {
                read.update(&payload);
            }
            Ok(head == self.head && matches!(blocks.next_block()?, NextBlock::Closed))
        };
        match read_back() {
            Err(error @ LogError::Io { .. }) => Err(error),
            Ok(true) if read.finalize() == sum => Ok(()),
            Ok(_) | Err(LogError::Damaged { .. } | LogError::Incomplete { .. }) => {
                Err(LogError::io(beside)(io::Error::other("it does not read as it was written")))
            }
        }
    }

    /// The next commit; `None` behind the last that was acknowledged.
    fn next_commit(&self, blocks: &mut Blocks) -> Result<Option<(BlockHead, Bytes)>, LogError> {
        if blocks.commit() >= self.after.commit_before {
            return Ok(None);
        }
        let (offset, behind) = (blocks.offset(), blocks.last());
        match blocks.next_block()? {
            NextBlock::Commit(block, payload) => Ok(Some((block, payload))),
            NextBlock::Closed | NextBlock::Nothing => {
                Err(self.damaged(offset, behind, "no whole commit, where there must be one".to_owned()))
            }
        }
    }

    fn damaged(&self, offset: u64, behind: Position, what: String) -> LogError {
        LogError::Damaged { path: self.path.to_owned(), offset, behind, what }
    }
}

/// What the editor has made of the records so far.
struct Edit<'a> {
    editor: &'a mut dyn Editor,
    due: Option<Timestamp>,
    erased: u64,
}

impl Edit<'_> {
    /// What becomes of a block.
    fn block(&mut self, epoch: u32, block: &BlockHead, payload: Bytes) -> Result<Bytes, String> {
        let mut records = format::records(epoch, block, payload.clone())?;
        let mut is_as_it_was = true;
        for record in &mut records {
            let Fate { payload, due } = self.editor.fate(record);
            self.due = [self.due, due].into_iter().flatten().min();
            if let Some(payload) = payload {
                (record.payload, is_as_it_was) = (payload, false);
                self.erased += 1;
            }
        }
        if is_as_it_was {
            return Ok(payload);
        }
        let mut edited = Vec::with_capacity(payload.len());
        for LogRecord { stream, revision, payload, .. } in &records {
            format::add_record(&mut edited, *stream, *revision, payload);
        }
        Ok(edited.into())
    }
}

/// Writes blocks in chunks.
struct ChunkWriter<'a> {
    path: &'a Path,
    file: File,
    salt: Salt,
    /// Blocks that wait for their chunk.
    plain: Vec<u8>,
    sum: crc32fast::Hasher,
    bytes: u64,
    block: Vec<u8>,
}

impl<'a> ChunkWriter<'a> {
    fn create(path: &'a Path, salt: Salt) -> Result<Self, LogError> {
        let file = File::create(path).map_err(LogError::io(path))?;
        let (plain, sum, block) = (Vec::new(), crc32fast::Hasher::new(), Vec::new());
        let mut writer = Self { path, file, salt, plain, sum, bytes: 0, block };
        // Room for what is known only at the end.
        writer.put(&[0; BEGIN_BYTES])?;
        pass(CrashPoint::RewriteBegun);
        Ok(writer)
    }

    fn add(&mut self, head: &BlockHead, payload: &[u8]) -> Result<(), LogError> {
        format::begin_block(&mut self.block);
        self.block.extend_from_slice(payload);
        format::end_block(&mut self.block, self.salt, head.kind, head.commit, head.first, head.records);
        self.sum.update(payload);
        if self.plain.len() + self.block.len() > CHUNK_BYTES {
            self.end_chunk()?;
        }
        self.plain.extend_from_slice(&self.block);
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), LogError> {
        if self.plain.is_empty() {
            return Ok(());
        }
        let chunk = chunks::encode_chunk(self.salt, &self.plain).map_err(LogError::io(self.path))?;
        self.plain.clear();
        self.put(&chunk)?;
        // In small steps, so that no commit waits for the disk to take all of it.
        self.file.sync_data().map_err(LogError::io(self.path))
    }

    /// Ends the segment; returns the checksum over its blocks and its size.
    fn finish(mut self, segment: &Closed<'_>, rewriting: &Rewriting) -> Result<(u32, u64), LogError> {
        self.end_chunk()?;
        let Closed { head, after, .. } = segment;
        format::begin_block(&mut self.block);
        format::end_block(&mut self.block, self.salt, BlockKind::End, after.commit_before, after.first, 0);
        let end = std::mem::take(&mut self.block);
        self.put(&end)?;
        let begin = chunks::encode_begin(head, rewriting);
        self.file.write_all_at(&begin, 0).map_err(LogError::io(self.path))?;
        pass(CrashPoint::RewriteWritten);
        self.file.sync_all().map_err(LogError::io(self.path))?;
        pass(CrashPoint::RewriteSynced);
        Ok((self.sum.finalize(), self.bytes))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.file.write_all(bytes).map_err(LogError::io(self.path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
