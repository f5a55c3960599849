//! The bytes of the log: a segment's head, the blocks that follow it, the records in a block.
//!
//! Owns the layout, all numbers big-endian, and its checksums. Must not know files.
//!
//! ```text
//! segment  head (64 bytes), then blocks, each beginning at a multiple of 8; zeros where none is yet
//! head     magic 8 · version u16 · 0 u16 · epoch u32 · log id 16 · number u64 · first position u64
//!          · commit before u64 · 0 u32 · CRC-32 of all that u32
//! block    magic u32 · kind u8 · 0 u8 · 0 u16 · commit u64 · first position u64 · payload bytes u32
//!          · records u32 · CRC-32 of the payload u32 · CRC-32 of all that u32, then the payload
//! record   kind u8 (1 workspace, 2 conversation) · workspace 16 · [conversation 16] · revision u64
//!          · payload bytes u32 · payload
//! ```
//!
//! The checksums of a block also cover the log's id and the segment's number, which are not written
//! with it: a block of another log or segment is none here. A segment of version 2 has its blocks in chunks,
//! which `chunks` knows.

use bytes::{Buf, Bytes};
use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use crate::journal::{LogRecord, Position, Stream};

/// Names a log for ever: every segment bears it.
pub(super) type LogId = [u8; 16];

/// The beginning of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "fuzzing", derive(Default))]
pub(super) struct SegmentHead {
    /// Which log it belongs to.
    pub(super) log: LogId,
    /// Counts how often the log was begun anew.
    pub(super) epoch: u32,
    /// Its number: 1 for the first, without gaps.
    pub(super) number: u64,
    /// The position of its first record.
    pub(super) first: Position,
    /// The last commit before it. A later one in the segment before was never acknowledged.
    pub(super) commit_before: u64,
}

/// How long a head is, in bytes.
pub(super) const HEAD_BYTES: usize = 64;

/// How long the beginning of a block is, in bytes.
pub(super) const BLOCK_HEAD_BYTES: usize = 40;

/// Blocks begin at multiples of this, in bytes.
pub(super) const ALIGN_BYTES: usize = 8;

/// The version of a segment of blocks, and that of one of chunks, which is the highest that this program
/// reads.
const PLAIN_VERSION: u16 = 1;
const REWRITTEN_VERSION: u16 = 2;

/// What follows on the head of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Blocks.
    Blocks,
    /// What a rewriting says of itself, and chunks: it has erased something so many times.
    Chunks {
        /// How many times.
        erasures: u32,
    },
}

impl SegmentHead {
    /// The head of a segment of blocks.
    pub(super) fn encode(&self) -> [u8; HEAD_BYTES] {
        self.encode_as(PLAIN_VERSION, 0)
    }

    /// The head of a segment of chunks.
    pub(super) fn encode_rewritten(&self, erasures: u32) -> [u8; HEAD_BYTES] {
        self.encode_as(REWRITTEN_VERSION, erasures)
    }

    fn encode_as(&self, version: u16, erasures: u32) -> [u8; HEAD_BYTES] {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(SEGMENT_MAGIC);
        bytes.extend_from_slice(&version.to_be_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.log);
        for number in [self.number, self.first.0, self.commit_before] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&erasures.to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        let mut head = [0; HEAD_BYTES];
        head.copy_from_slice(&bytes);
        head
    }

    /// Reads a head.
    ///
    /// # Errors
    /// A sentence: what is wrong with it.
    pub(super) fn decode(bytes: &[u8; HEAD_BYTES]) -> Result<(Self, Body), String> {
        let (body, sum) = bytes.split_at(HEAD_BYTES - 4);
        if !body.starts_with(SEGMENT_MAGIC) {
            return Err("it does not begin as a segment does".to_owned());
        }
        if crc32fast::hash(body).to_be_bytes() != sum {
            return Err("the checksum of its head is wrong".to_owned());
        }
        let mut rest = &body[SEGMENT_MAGIC.len()..];
        let version = rest.get_u16();
        if version > REWRITTEN_VERSION {
            let known = REWRITTEN_VERSION;
            return Err(format!("it has version {version}; this program knows {known}: start a newer one"));
        }
        rest.advance(2);
        let epoch = rest.get_u32();
        let mut log = LogId::default();
        rest.copy_to_slice(&mut log);
        let (number, first, commit_before) = (rest.get_u64(), Position(rest.get_u64()), rest.get_u64());
        let body = if version == REWRITTEN_VERSION {
            Body::Chunks { erasures: rest.get_u32() }
        } else {
            Body::Blocks
        };
        Ok((Self { log, epoch, number, first, commit_before }, body))
    }
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// One commit.
    Commit,
    /// The end of a segment that was closed.
    End,
}

/// The beginning of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHead {
    pub(super) kind: BlockKind,
    /// The commit's number; of an end, the last one before it.
    pub(super) commit: u64,
    /// The position of its first record; of an end, the next position.
    pub(super) first: Position,
    pub(super) payload_bytes: u32,
    pub(super) records: u32,
    payload_sum: u32,
}

/// What the checksums of a segment's blocks also cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Salt(u32);

impl Salt {
    pub(super) fn of(head: &SegmentHead) -> Self {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&head.log);
        sum.update(&head.number.to_be_bytes());
        Self(sum.finalize())
    }

    /// The checksum of some bytes of the segment.
    pub(super) fn sum(self, bytes: &[u8]) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.0.to_be_bytes());
        sum.update(bytes);
        sum.finalize()
    }
}

impl BlockHead {
    /// Reads the beginning of a block; `None` when it is none of this segment.
    pub(super) fn decode(salt: Salt, bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..BLOCK_HEAD_BYTES)?;
        let (body, sum) = bytes.split_at(BLOCK_HEAD_BYTES - 4);
        if !body.starts_with(BLOCK_MAGIC) || salt.sum(body).to_be_bytes() != sum {
            return None;
        }
        let mut rest = &body[BLOCK_MAGIC.len()..];
        let kind = match rest.get_u8() {
            1 => BlockKind::Commit,
            2 => BlockKind::End,
            _ => return None,
        };
        rest.advance(3);
        let (commit, first) = (rest.get_u64(), Position(rest.get_u64()));
        let (payload_bytes, records, payload_sum) = (rest.get_u32(), rest.get_u32(), rest.get_u32());
        // Numbers that no block has would be believed further on: room is made for so many records.
        let fits =
            records <= payload_bytes / RECORD_BYTES_MIN && first.0.checked_add(records.into()).is_some();
        if first.0 == 0 || !fits {
            return None;
        }
        Some(Self { kind, commit, first, payload_bytes, records, payload_sum })
    }

    /// Whether this is its payload.
    pub(super) fn is_of(&self, salt: Salt, payload: &[u8]) -> bool {
        payload.len() == self.payload_bytes as usize && salt.sum(payload) == self.payload_sum
    }

    /// How far the next block is from this one's beginning, in bytes.
    pub(super) const fn stride(&self) -> u64 {
        (BLOCK_HEAD_BYTES as u64 + self.payload_bytes as u64).next_multiple_of(ALIGN_BYTES as u64)
    }

    /// The last position after it.
    pub(super) const fn last(&self) -> Position {
        Position(self.first.0 + self.records as u64 - 1)
    }
}

/// Begins a block in a buffer, which is emptied: room for its head.
pub(super) fn begin_block(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(BLOCK_HEAD_BYTES, 0);
}

/// Adds a record to a block.
pub(super) fn add_record(buffer: &mut Vec<u8>, stream: Stream, revision: u64, payload: &[u8]) {
    match stream {
        Stream::Workspace(workspace) => {
            buffer.push(1);
            buffer.extend_from_slice(workspace.as_bytes());
        }
        Stream::Conversation(workspace, conversation) => {
            buffer.push(2);
            buffer.extend_from_slice(workspace.as_bytes());
            buffer.extend_from_slice(conversation.as_bytes());
        }
    }
    buffer.extend_from_slice(&revision.to_be_bytes());
    // Bounded by the largest record, far below.
    buffer.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    buffer.extend_from_slice(payload);
}

/// Completes a block: fills in its head and the zeros behind it.
pub(super) fn end_block(
    buffer: &mut Vec<u8>,
    salt: Salt,
    kind: BlockKind,
    commit: u64,
    first: Position,
    records: u32,
) {
    let payload = &buffer[BLOCK_HEAD_BYTES..];
    let mut head = Vec::with_capacity(BLOCK_HEAD_BYTES);
    head.extend_from_slice(BLOCK_MAGIC);
    let kind = match kind {
        BlockKind::Commit => 1,
        BlockKind::End => 2,
    };
    head.extend_from_slice(&[kind, 0, 0, 0]);
    head.extend_from_slice(&commit.to_be_bytes());
    head.extend_from_slice(&first.0.to_be_bytes());
    head.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    head.extend_from_slice(&records.to_be_bytes());
    head.extend_from_slice(&salt.sum(payload).to_be_bytes());
    head.extend_from_slice(&salt.sum(&head).to_be_bytes());
    buffer[..BLOCK_HEAD_BYTES].copy_from_slice(&head);
    buffer.resize(buffer.len().next_multiple_of(ALIGN_BYTES), 0);
}

/// Reads the records of a block, whose checksum was found right.
///
/// # Errors
/// A sentence, when they are not as many as its head says: whoever wrote it made a mistake.
pub(super) fn records(epoch: u32, head: &BlockHead, mut payload: Bytes) -> Result<Vec<LogRecord>, String> {
    // Room for no more than its bytes can be, whatever its head says.
    let room = (head.records as usize).min(payload.len() / RECORD_BYTES_MIN as usize);
    let mut records = Vec::with_capacity(room);
    let mut position = head.first;
    // No more than it says: the position behind the last may be none.
    while payload.has_remaining() && records.len() < head.records as usize {
        let record = record(epoch, position, &mut payload);
        records.push(record.ok_or("a record in it is cut off")?);
        position.0 += 1;
    }
    match (records.len(), payload.remaining()) {
        (found, 0) if found == head.records as usize => Ok(records),
        (found, 0) => Err(format!("it has {found} records and says {}", head.records)),
        (_, more) => Err(format!("{more} bytes follow its {} records", head.records)),
    }
}

fn record(epoch: u32, position: Position, payload: &mut Bytes) -> Option<LogRecord> {
    let kind = payload.try_get_u8().ok()?;
    let workspace = WorkspaceId::from_bytes(id(payload)?);
    let stream = match kind {
        1 => Stream::Workspace(workspace),
        2 => Stream::Conversation(workspace, ConversationId::from_bytes(id(payload)?)),
        _ => return None,
    };
    let revision = payload.try_get_u64().ok()?;
    let bytes = payload.try_get_u32().ok()? as usize;
    let payload = (bytes <= payload.len()).then(|| payload.split_to(bytes))?;
    Some(LogRecord { position, epoch, stream, revision, payload })
}

fn id(payload: &mut Bytes) -> Option<[u8; 16]> {
    let mut id = [0; 16];
    payload.try_copy_to_slice(&mut id).ok()?;
    Some(id)
}

const SEGMENT_MAGIC: &[u8] = b"SWB-LOG\n";
/// The bytes of the shortest record: a kind, a workspace, a revision and a length.
const RECORD_BYTES_MIN: u32 = 29;

const BLOCK_MAGIC: &[u8] = b"SwBk";

/// Reads bytes as the head of a segment, and as a block of it whose checksums are right.
#[cfg(feature = "fuzzing")]
pub(in crate::journal) fn fuzz(bytes: &[u8]) {
    if let Some(head) = bytes.first_chunk::<HEAD_BYTES>() {
        // Whatever it says of itself, it says it in a sentence.
        drop(SegmentHead::decode(head));
    }
    let (salt, body_bytes) = (Salt(7), BLOCK_HEAD_BYTES - 4 - BLOCK_MAGIC.len());
    let Some((body, payload)) = bytes.split_at_checked(body_bytes) else { return };
    let mut head = [BLOCK_MAGIC, body].concat();
    head.extend(salt.sum(&head).to_be_bytes());
    if let Some(head) = BlockHead::decode(salt, &head) {
        let _ = (head.stride(), head.last());
        if let Ok(records) = records(1, &head, Bytes::copy_from_slice(payload)) {
            assert_eq!(records.len(), head.records as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HEAD: SegmentHead =
        SegmentHead { log: [7; 16], epoch: 1, number: 3, first: Position(40), commit_before: 9 };

    fn block(payloads: &[Vec<u8>]) -> Vec<u8> {
        let (workspace, conversation) =
            (WorkspaceId::from_bytes([1; 16]), ConversationId::from_bytes([2; 16]));
        let mut buffer = Vec::new();
        begin_block(&mut buffer);
        for (payload, revision) in payloads.iter().zip(5..) {
            let stream = match revision % 2 {
                0 => Stream::Workspace(workspace),
                _ => Stream::Conversation(workspace, conversation),
            };
            add_record(&mut buffer, stream, revision, payload);
        }
        end_block(&mut buffer, Salt::of(&HEAD), BlockKind::Commit, 10, Position(40), payloads.len() as u32);
        buffer
    }

    #[test]
    fn a_head_is_read_as_it_was_written_and_no_other_is() {
        let bytes = HEAD.encode();
        assert_eq!(SegmentHead::decode(&bytes).unwrap(), (HEAD, Body::Blocks));
        let rewritten = HEAD.encode_rewritten(7);
        assert_eq!(SegmentHead::decode(&rewritten).unwrap(), (HEAD, Body::Chunks { erasures: 7 }));
        for bytes in [bytes, rewritten] {
            for at in 0..HEAD_BYTES {
                let mut altered = bytes;
                altered[at] ^= 1;
                SegmentHead::decode(&altered).unwrap_err();
            }
        }
    }

    #[test]
    fn a_newer_segment_is_refused() {
        let newer = HEAD.encode_as(REWRITTEN_VERSION + 1, 0);
        let sentence = SegmentHead::decode(&newer).unwrap_err();
        assert!(sentence.contains("start a newer one"), "{sentence}");
    }

    /// The form of version 1, byte by byte: what is on disk must be read for ever.
    #[test]
    fn the_layout_is_the_one_that_is_on_disk() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&HEAD.encode()), include_str!("../../../tests/golden/log/segment-head-1.hex").trim());
        let block = block(&[b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(hex(&block), include_str!("../../../tests/golden/log/block-1.hex").trim());
    }

    proptest! {
        #[test]
        fn a_block_is_read_as_it_was_written(payloads: Vec<Vec<u8>>) {
            let bytes = block(&payloads);
            let salt = Salt::of(&HEAD);
            let head = BlockHead::decode(salt, &bytes).unwrap();
            let end = BLOCK_HEAD_BYTES + head.payload_bytes as usize;
            prop_assert_eq!(bytes.len() as u64, head.stride());
            let payload = Bytes::copy_from_slice(&bytes[BLOCK_HEAD_BYTES..end]);
            prop_assert!(head.is_of(salt, &payload));
            let read = records(1, &head, payload).unwrap();
            let read: Vec<Vec<u8>> = read.into_iter().map(|record| record.payload.to_vec()).collect();
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn one_flipped_bit_is_noticed(payloads: Vec<Vec<u8>>, at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = block(&payloads);
            let salt = Salt::of(&HEAD);
            let length = BLOCK_HEAD_BYTES + BlockHead::decode(salt, &bytes).unwrap().payload_bytes as usize;
            bytes[at.index(length)] ^= 1 << bit;
            let head = BlockHead::decode(salt, &bytes);
            prop_assert!(head.is_none_or(|head| !head.is_of(salt, &bytes[BLOCK_HEAD_BYTES..length])));
        }

        #[test]
        fn a_block_of_another_segment_is_none(payloads: Vec<Vec<u8>>) {
            let other = Salt::of(&SegmentHead { number: 4, ..HEAD });
            prop_assert!(BlockHead::decode(other, &block(&payloads)).is_none());
        }
    }
}
