//! The blocks of a segment, one after the other, whichever form it has.
//!
//! Owns how a segment is read: whoever reads the log reads through here. A file that was opened stays whole,
//! also when a rewritten one takes its place. Must not know what is done about damage.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::LogError;
use super::chunks::{Chunks, Form};
use super::format::{BLOCK_HEAD_BYTES, BlockHead, BlockKind, Body, HEAD_BYTES, Salt, SegmentHead};
use crate::journal::Position;

/// Reads a segment from its beginning.
pub(super) struct Blocks {
    path: PathBuf,
    source: Source,
    form: Form,
    salt: Salt,
    /// Where the next block of a plain segment is.
    offset: u64,
    /// The last commit and record before it.
    commit: u64,
    last: Position,
}

/// Where blocks come from.
enum Source {
    Plain(BufReader<File>),
    Chunks(Chunks),
}

/// What comes next.
pub(super) enum NextBlock {
    /// A commit, and its payload.
    Commit(BlockHead, Bytes),
    /// The end of a segment that was closed.
    Closed,
    /// No block that follows on the last one.
    Nothing,
}

impl Blocks {
    /// Opens a segment and reads its head.
    ///
    /// # Errors
    /// When it cannot be read, or its head is none.
    pub(super) fn open(path: &Path) -> Result<(Self, SegmentHead), LogError> {
        Self::of(File::open(path).map_err(LogError::io(path))?, path)
    }

    /// The same, of a file that is open, whose cursor is at its beginning.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(super) fn of(file: File, path: &Path) -> Result<(Self, SegmentHead), LogError> {
        let damaged =
            |what| LogError::Damaged { path: path.to_owned(), offset: 0, behind: Position(0), what };
        let mut reader = BufReader::with_capacity(READ_BYTES, file);
        let mut head = [0; HEAD_BYTES];
        let read = reader.read_exact(&mut head);
        let head = match read {
            Ok(()) => SegmentHead::decode(&head),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err("it is shorter than its head".to_owned())
            }
            Err(error) => return Err(LogError::io(path)(error)),
        };
        let (head, body) = head.map_err(damaged)?;
        let (source, form) = match body {
            Body::Blocks => (Source::Plain(reader), Form::Plain),
            Body::Chunks { erasures } => {
                let begun = Chunks::begin(reader, &head, erasures).map_err(LogError::io(path))?;
                let (chunks, form) = begun.map_err(damaged)?;
                (Source::Chunks(chunks), form)
            }
        };
        let blocks = Self {
            path: path.to_owned(),
            source,
            form,
            salt: Salt::of(&head),
            offset: HEAD_BYTES as u64,
            commit: head.commit_before,
            last: Position(head.first.0.saturating_sub(1)),
        };
        Ok((blocks, head))
    }

    /// What the segment is made of.
    pub(super) const fn form(&self) -> Form {
        self.form
    }

    /// Whether a segment is closed, and its end says that `after` follows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn ends_with(
        file: &File,
        path: &Path,
        head: &SegmentHead,
        after: &SegmentHead,
    ) -> Result<bool, LogError> {
        let length = file.metadata().map_err(LogError::io(path))?.len();
        let Some(offset) = length.checked_sub(BLOCK_HEAD_BYTES as u64) else { return Ok(false) };
        let mut bytes = [0; BLOCK_HEAD_BYTES];
        file.read_exact_at(&mut bytes, offset).map_err(LogError::io(path))?;
        Ok(BlockHead::decode(Salt::of(head), &bytes).is_some_and(|end| {
            end.kind == BlockKind::End && end.commit == after.commit_before && end.first == after.first
        }))
    }

    /// Where in the file the next block is or would be, or the chunk that has it.
    pub(super) fn offset(&self) -> u64 {
        match &self.source {
            Source::Plain(_) => self.offset,
            Source::Chunks(chunks) => chunks.place(),
        }
    }

    /// The last commit that was read, or the one before the segment.
    pub(super) const fn commit(&self) -> u64 {
        self.commit
    }

    /// The last record that was read, or the one before the segment.
    pub(super) const fn last(&self) -> Position {
        self.last
    }

    /// Reads the next block.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next_block(&mut self) -> Result<NextBlock, LogError> {
        let mut bytes = [0; BLOCK_HEAD_BYTES];
        if !self.read(&mut bytes)? {
            return Ok(NextBlock::Nothing);
        }
        let Some(head) = BlockHead::decode(self.salt, &bytes) else { return Ok(NextBlock::Nothing) };
        if head.first.0 != self.last.0 + 1 {
            return Ok(NextBlock::Nothing);
        }
        match head.kind {
            BlockKind::End if head.commit == self.commit => return Ok(NextBlock::Closed),
            BlockKind::Commit if head.commit == self.commit + 1 && head.records > 0 => {}
            BlockKind::End | BlockKind::Commit => return Ok(NextBlock::Nothing),
        }
        let mut payload = vec![0; head.payload_bytes as usize];
        if !self.read(&mut payload)? || !head.is_of(self.salt, &payload) {
            return Ok(NextBlock::Nothing);
        }
        let padding = head.stride() - BLOCK_HEAD_BYTES as u64 - u64::from(head.payload_bytes);
        let mut zeros = [0; super::format::ALIGN_BYTES];
        // The last block of a file may lack its padding; there is nothing behind it then.
        let _ = self.read(&mut zeros[..padding as usize])?;
        self.offset += head.stride();
        self.commit = head.commit;
        self.last = head.last();
        Ok(NextBlock::Commit(head, payload.into()))
    }

    /// Looks at everything behind the last block that was read: a torn write, which was never acknowledged,
    /// or nothing. Returns its length in bytes.
    ///
    /// # Errors
    /// When something that was acknowledged is behind it, so that it is damage and not the end; and when the
    /// file cannot be read.
    pub(super) fn torn(self) -> Result<u64, LogError> {
        let (path, offset, behind) = (self.path.clone(), self.offset(), self.last);
        let damaged = |what| Err(LogError::Damaged { path, offset, behind, what });
        let reader = match self.source {
            Source::Plain(reader) => reader,
            // It was whole on disk before it got its name.
            Source::Chunks(_) => return damaged("no whole commit, where there must be one".to_owned()),
        };
        let rest = rest(reader, self.offset, self.salt, self.commit).map_err(LogError::io(&self.path))?;
        match rest {
            Some(Rest { later: Some(later), .. }) => {
                damaged(format!("no whole commit, but a later one follows at byte {later}"))
            }
            Some(Rest { bytes, later: None }) => Ok(bytes),
            None => Ok(0),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<bool, LogError> {
        let read = match &mut self.source {
            Source::Plain(reader) => match reader.read_exact(bytes) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
                Err(error) => Err(error),
            },
            Source::Chunks(chunks) => chunks.read(bytes),
        };
        read.map_err(LogError::io(&self.path))
    }
}

/// Everything from a place in a plain segment on: where bytes other than zero end, and whether a later block
/// of this segment is among them. `None` when there are only zeros.
fn rest(mut reader: BufReader<File>, from: u64, salt: Salt, commit: u64) -> io::Result<Option<Rest>> {
    // What was read of the block that is none must be looked at again.
    reader.seek(SeekFrom::Start(from))?;
    let (mut used, mut later, mut offset) = (None, None, from);
    let mut carried: Vec<u8> = Vec::new();
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let read = chunk.len();
        if let Some(at) = chunk.iter().rposition(|byte| *byte != 0) {
            used = Some(offset + at as u64 + 1);
        }
        // A head may lie across two chunks: the end of one is looked at with the next.
        let begin = offset - carried.len() as u64;
        carried.extend_from_slice(chunk);
        reader.consume(read);
        offset += read as u64;
        later = later.or_else(|| find_later(salt, commit, &carried).map(|at| begin + at as u64));
        let keep = carried.len() % super::format::ALIGN_BYTES + BLOCK_HEAD_BYTES;
        carried.drain(..carried.len().saturating_sub(keep));
    }
    Ok(used.map(|end| Rest { bytes: end - from, later }))
}

/// Where the head of a block is that was written only after the next commit had become durable: a later
/// commit, or the end of the segment behind it.
fn find_later(salt: Salt, commit: u64, bytes: &[u8]) -> Option<usize> {
    let is_later = |head: BlockHead| match head.kind {
        BlockKind::Commit => head.commit > commit + 1,
        BlockKind::End => head.commit > commit,
    };
    (0..bytes.len())
        .step_by(super::format::ALIGN_BYTES)
        .find(|at| BlockHead::decode(salt, &bytes[*at..]).is_some_and(is_later))
}

/// What lies behind the last good block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// So many bytes, up to the last that is not zero.
    pub(super) bytes: u64,
    /// Where the head of a later block is. A write that was torn has none behind it.
    pub(super) later: Option<u64>,
}

const READ_BYTES: usize = 256 << 10;
