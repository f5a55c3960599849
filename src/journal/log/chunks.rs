//! The form of a segment that was rewritten: its blocks in compressed chunks.
//!
//! Owns the layout, all numbers big-endian, and the only calls of the library that compresses. What comes out
//! of the chunks are the blocks of a plain segment, byte for byte but for what was erased. Must not know what
//! a block is made of.
//!
//! ```text
//! segment  head (64 bytes, version 2), what the rewriting says of itself, chunks, the block of its end
//! head     as that of a plain one, but for the number of erasures u32 where that has 0 u32
//! itself   due i64, i64::MAX for never · 0 u32 · CRC-32 of all that u32
//! chunk    magic u32 · 0 u32 · stored bytes u32 · plain bytes u32 · CRC-32 of what is stored u32 · CRC-32
//!          of all that u32, then what is stored: a zstd frame of whole blocks
//! ```
//!
//! The checksums also cover the log's id and the segment's number, as those of blocks do.

use std::fs::File;
use std::io::{self, BufReader, Read as _};

use bytes::{Buf as _, Bytes};
use switchboard_protocol::vocabulary::Timestamp;

use super::format::{BLOCK_HEAD_BYTES, HEAD_BYTES, Salt, SegmentHead};

/// What a segment is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) enum Form {
    /// Blocks, as they were written.
    Plain,
    /// Chunks.
    Rewritten(Rewriting),
}

/// What a rewritten segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Rewriting {
    /// How many of its rewritings have erased something.
    pub(in crate::journal) erasures: u32,
    /// When the next of what is left in it is to be erased.
    pub(in crate::journal) due: Option<Timestamp>,
}

impl Form {
    /// Whether a copy that has this form lacks nothing that was erased from another that has that form.
    pub(super) fn is_as_erased_as(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Plain) => true,
            (Self::Plain, Self::Rewritten(other)) => other.erasures == 0,
            // Of two that erased equally often, in two lives of a log, one may have erased more at once.
            (Self::Rewritten(one), Self::Rewritten(other)) if one.erasures == other.erasures => {
                other.erasures == 0 || one.due == other.due
            }
            (Self::Rewritten(one), Self::Rewritten(other)) => one.erasures > other.erasures,
        }
    }
}

/// What a rewritten segment begins with.
pub(super) fn encode_begin(head: &SegmentHead, rewriting: &Rewriting) -> [u8; BEGIN_BYTES] {
    let mut bytes = head.encode_rewritten(rewriting.erasures).to_vec();
    let due = rewriting.due.map_or(NEVER, Timestamp::as_millis);
    let mut said = due.to_be_bytes().to_vec();
    said.extend_from_slice(&[0; 4]);
    let sum = Salt::of(head).sum(&said);
    bytes.extend_from_slice(&said);
    bytes.extend_from_slice(&sum.to_be_bytes());
    let mut begin = [0; BEGIN_BYTES];
    begin.copy_from_slice(&bytes);
    begin
}

/// Makes a chunk of some blocks.
///
/// # Errors
/// When they cannot be in one, or there is no memory to compress in.
pub(super) fn encode_chunk(salt: Salt, blocks: &[u8]) -> io::Result<Vec<u8>> {
    let stored = zstd::bulk::compress(blocks, LEVEL)?;
    if blocks.len().max(stored.len()) > CHUNK_BYTES_MAX as usize {
        return Err(io::Error::other("a commit in it is larger than a chunk can be"));
    }
    let mut chunk = CHUNK_MAGIC.to_vec();
    chunk.extend_from_slice(&[0; 4]);
    chunk.extend_from_slice(&(stored.len() as u32).to_be_bytes());
    chunk.extend_from_slice(&(blocks.len() as u32).to_be_bytes());
    chunk.extend_from_slice(&salt.sum(&stored).to_be_bytes());
    let sum = salt.sum(&chunk);
    chunk.extend_from_slice(&sum.to_be_bytes());
    chunk.extend_from_slice(&stored);
    Ok(chunk)
}

/// Reads the blocks out of the chunks of a segment.
pub(super) struct Chunks {
    reader: BufReader<File>,
    salt: Salt,
    /// Where the chunk that is read begins, and where the next does.
    place: u64,
    next: u64,
    /// What of it is not read yet.
    plain: Bytes,
}

impl Chunks {
    /// Reads what a segment says of itself, behind its head.
    ///
    /// # Errors
    /// When the file cannot be read. The inner error is a sentence: what is wrong with what was read.
    pub(super) fn begin(
        mut reader: BufReader<File>,
        head: &SegmentHead,
        erasures: u32,
    ) -> io::Result<Result<(Self, Form), String>> {
        let salt = Salt::of(head);
        let mut said = [0; BEGIN_BYTES - HEAD_BYTES];
        if !read(&mut reader, &mut said)? {
            return Ok(Err("it is shorter than its head".to_owned()));
        }
        let (body, sum) = said.split_at(said.len() - 4);
        if salt.sum(body).to_be_bytes() != sum {
            return Ok(Err("the checksum of its head is wrong".to_owned()));
        }
        let mut body = body;
        let due = match body.get_i64() {
            NEVER => None,
            due => Some(Timestamp::from_millis(due)),
        };
        let at = BEGIN_BYTES as u64;
        let chunks = Self { reader, salt, place: at, next: at, plain: Bytes::new() };
        Ok(Ok((chunks, Form::Rewritten(Rewriting { erasures, due }))))
    }

    /// Where in the file what is read next comes from.
    pub(super) fn place(&self) -> u64 {
        if self.plain.is_empty() { self.next } else { self.place }
    }

    /// Fills the bytes; `false` when so many do not follow, or what follows is not whole.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<bool> {
        if bytes.is_empty() {
            return Ok(true);
        }
        if self.plain.is_empty() && !self.read_chunk()? {
            return Ok(false);
        }
        // A block lies in one chunk.
        Ok(self.plain.try_copy_to_slice(bytes).is_ok())
    }

    fn read_chunk(&mut self) -> io::Result<bool> {
        let mut head = [0; CHUNK_HEAD_BYTES];
        if !read(&mut self.reader, &mut head)? {
            return Ok(false);
        }
        let (plain, length) = if head.starts_with(CHUNK_MAGIC) {
            let Some(chunk) = ChunkHead::decode(self.salt, &head) else { return Ok(false) };
            let mut stored = vec![0; chunk.stored_bytes as usize];
            if !read(&mut self.reader, &mut stored)? {
                return Ok(false);
            }
            let Some(plain) = chunk.open(self.salt, &stored) else { return Ok(false) };
            (plain, CHUNK_HEAD_BYTES + stored.len())
        } else {
            // Behind the chunks is the block of the end, as in a plain segment.
            let mut end = [0; BLOCK_HEAD_BYTES];
            end[..CHUNK_HEAD_BYTES].copy_from_slice(&head);
            if !read(&mut self.reader, &mut end[CHUNK_HEAD_BYTES..])? {
                return Ok(false);
            }
            (end.to_vec(), end.len())
        };
        self.place = self.next;
        self.next += length as u64;
        self.plain = plain.into();
        Ok(true)
    }
}

struct ChunkHead {
    stored_bytes: u32,
    plain_bytes: u32,
    stored_sum: u32,
}

impl ChunkHead {
    fn decode(salt: Salt, bytes: &[u8; CHUNK_HEAD_BYTES]) -> Option<Self> {
        let (body, sum) = bytes.split_at(CHUNK_HEAD_BYTES - 4);
        let mut rest = body.strip_prefix(CHUNK_MAGIC).filter(|_| salt.sum(body).to_be_bytes() == sum)?;
        rest.advance(4);
        let (stored_bytes, plain_bytes, stored_sum) = (rest.get_u32(), rest.get_u32(), rest.get_u32());
        // Room is made for so many: more than any chunk has would be believed further on.
        let fits = stored_bytes <= CHUNK_BYTES_MAX && plain_bytes <= CHUNK_BYTES_MAX;
        fits.then_some(Self { stored_bytes, plain_bytes, stored_sum })
    }

    /// What was stored, as it was; `None` when it is not what was stored.
    fn open(&self, salt: Salt, stored: &[u8]) -> Option<Vec<u8>> {
        if salt.sum(stored) != self.stored_sum {
            return None;
        }
        let plain = zstd::bulk::decompress(stored, self.plain_bytes as usize).ok()?;
        (plain.len() == self.plain_bytes as usize).then_some(plain)
    }
}

fn read(reader: &mut BufReader<File>, bytes: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// How long the beginning of a rewritten segment is, in bytes.
pub(super) const BEGIN_BYTES: usize = HEAD_BYTES + 16;

/// Blocks go into one chunk until they are so many bytes: what compresses well and is quickly made.
pub(super) const CHUNK_BYTES: usize = 1 << 20;

/// The most bytes of a chunk, plain or stored. A block that is larger cannot be in one; no commit is.
pub(super) const CHUNK_BYTES_MAX: u32 = 16 << 20;

const CHUNK_HEAD_BYTES: usize = 24;
const CHUNK_MAGIC: &[u8] = b"SwCk";

/// Nothing is left to be erased.
const NEVER: i64 = i64::MAX;

/// More than this takes longer and saves little.
const LEVEL: i32 = 3;

/// Reads bytes as a chunk whose checksums are right.
#[cfg(feature = "fuzzing")]
pub(in crate::journal) fn fuzz(bytes: &[u8]) {
    let Some((sizes, stored)) = bytes.split_first_chunk::<4>() else { return };
    let salt = Salt::of(&SegmentHead::default());
    let mut head = CHUNK_MAGIC.to_vec();
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&(stored.len() as u32).to_be_bytes());
    head.extend_from_slice(sizes);
    head.extend_from_slice(&salt.sum(stored).to_be_bytes());
    head.extend_from_slice(&salt.sum(&head).to_be_bytes());
    if let Some(head) = head.first_chunk().and_then(|head| ChunkHead::decode(salt, head)) {
        drop(head.open(salt, stored));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_copy_is_kept_unless_it_may_have_what_was_erased() {
        let rewritten = |erasures, due: Option<i64>| {
            Form::Rewritten(Rewriting { erasures, due: due.map(Timestamp::from_millis) })
        };
        let kept = [
            (Form::Plain, Form::Plain),
            (Form::Plain, rewritten(0, Some(5))),
            (rewritten(0, None), rewritten(0, Some(5))),
            (rewritten(1, Some(5)), rewritten(1, Some(5))),
            (rewritten(2, None), rewritten(1, Some(5))),
            (rewritten(1, None), Form::Plain),
        ];
        let copied_again = [
            (Form::Plain, rewritten(1, None)),
            (rewritten(0, Some(5)), rewritten(1, None)),
            (rewritten(1, Some(5)), rewritten(1, None)),
            (rewritten(1, Some(5)), rewritten(2, Some(9))),
        ];
        for (copy, source) in kept {
            assert!(copy.is_as_erased_as(source), "{copy:?}, {source:?}");
        }
        for (copy, source) in copied_again {
            assert!(!copy.is_as_erased_as(source), "{copy:?}, {source:?}");
        }
    }

    #[test]
    fn a_chunk_is_read_as_it_was_made_and_no_other_is() {
        let salt = Salt::of(&SegmentHead {
            log: [7; 16],
            epoch: 1,
            number: 3,
            first: crate::journal::Position(40),
            commit_before: 9,
        });
        let blocks: Vec<u8> = (0..5_000_u32).flat_map(|n| (n / 7).to_be_bytes()).collect();
        let chunk = encode_chunk(salt, &blocks).unwrap();
        assert!(chunk.len() < blocks.len() / 2);
        let read = |bytes: &[u8]| {
            let (head, stored) = bytes.split_first_chunk().unwrap();
            ChunkHead::decode(salt, head).and_then(|head| head.open(salt, stored))
        };
        assert_eq!(read(&chunk), Some(blocks));
        for at in 0..chunk.len() {
            let mut altered = chunk.clone();
            altered[at] ^= 1;
            assert_eq!(read(&altered), None, "{at}");
        }
        let too_large = vec![0; CHUNK_BYTES_MAX as usize + 1];
        assert!(encode_chunk(salt, &too_large).is_err());
    }
}
