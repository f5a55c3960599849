//! Entries of a conversation, from a place in a reader's sequence onwards or backwards.
//!
//! Owns how a place is found: by halving, over what pages say of themselves and then inside one.

use std::sync::Arc;

use switchboard_protocol::vocabulary::{ConversationId, Seq, Timestamp, WorkspaceId};

use super::ReadFault;
use crate::domain::conversation::Entry;
use crate::domain::identity::Reader;
use crate::journal::Stream;
use crate::journal::fold::{Folds, keys};
use crate::journal::store::{Store, Value};
use crate::journal::stored::{Page, decode_entry};
use crate::journal::tail::TailRecord;
use crate::limits;

/// The entries with events after a sequence, if the tail alone has them; `None` when the store is
/// needed. Does not touch the store.
pub(in crate::journal) fn read_after_in_tail(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    reader: Reader,
    after: Seq,
    bytes_max: usize,
) -> Option<Result<Vec<Arc<Entry>>, ReadFault>> {
    let tail = folds.tail.of(Stream::Conversation(workspace, conversation));
    let first = decode_entry(conversation, &tail.first()?.payload).ok()?;
    if first.before.of(reader) > after {
        return None;
    }
    let mut forward = Forward::new(conversation, reader, after, bytes_max);
    Some(forward.add_tail(&tail).map(|()| forward.found))
}

/// The entries with events after a sequence, in order: at least one if there is any, and as many as
/// fit in `bytes_max`.
pub(in crate::journal) fn read_after(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    reader: Reader,
    after: Seq,
    bytes_max: usize,
) -> Result<Vec<Arc<Entry>>, ReadFault> {
    let _held = folds.hold();
    let tail = folds.tail.of(Stream::Conversation(workspace, conversation));
    let mut forward = Forward::new(conversation, reader, after, bytes_max);
    let book = Book::new(&folds.store, workspace, conversation);
    if let Some((from, _)) = book.page_with(reader, after)? {
        for pair in folds.store.scan(&keys::pages(workspace, conversation), &from) {
            let (_, value) = pair?;
            forward.add_page(&Page::decode(&value)?)?;
            if forward.is_full() {
                return Ok(forward.found);
            }
        }
    }
    forward.add_tail(&tail)?;
    Ok(forward.found)
}

/// The entries with the last `limit` events before a sequence, oldest first, and whether the reader
/// has earlier ones.
pub(in crate::journal) fn read_before(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    reader: Reader,
    before: Option<Seq>,
    limit: usize,
) -> Result<(Vec<Arc<Entry>>, bool), ReadFault> {
    let _held = folds.hold();
    let tail = folds.tail.of(Stream::Conversation(workspace, conversation));
    let before = before.unwrap_or(Seq::MAX);
    let mut backward =
        Backward { conversation, reader, before, left: limit.max(1), bytes: 0, found: Vec::new() };
    let payloads: Vec<&[u8]> = tail.iter().map(|record| record.payload.as_ref()).collect();
    backward.add(&payloads)?;
    let book = Book::new(&folds.store, workspace, conversation);
    // Pages are looked up only below what the tail has given.
    let mut page = match tail.first() {
        _ if backward.is_full() || before == Seq::ZERO => None,
        Some(first) => book.page_up_to(first.revision.saturating_sub(1))?,
        None => book.page_up_to(u64::MAX)?,
    };
    if page
        .as_ref()
        .is_some_and(|(_, value)| Page::decode(value).is_ok_and(|page| page.before.of(reader) >= before))
    {
        page = book.page_with(reader, before.previous().previous())?;
    }
    while let Some((_, value)) = page {
        let read = Page::decode(&value)?;
        if read.before.of(reader) < read.after.of(reader) {
            backward.add(&read.entries)?;
        }
        page = if backward.is_full() || read.first <= 1 { None } else { book.page_up_to(read.first - 1)? };
    }
    Ok(backward.done())
}

/// Entries as they may be shown now: what the masks of their messages hide by now is hidden. Every reader's
/// entries pass through here, so that an original is never given out once it is due.
pub(in crate::journal) fn shown(entries: Vec<Arc<Entry>>, now: Timestamp) -> Vec<Arc<Entry>> {
    entries.into_iter().map(|entry| entry.shown_at(now).map_or(entry, Arc::new)).collect()
}

/// The pages of a conversation.
pub(super) struct Book<'a> {
    store: &'a Store,
    workspace: WorkspaceId,
    conversation: ConversationId,
}

impl<'a> Book<'a> {
    pub(super) const fn new(store: &'a Store, workspace: WorkspaceId, conversation: ConversationId) -> Self {
        Self { store, workspace, conversation }
    }

    /// The last page that begins at or before a revision.
    pub(super) fn page_up_to(&self, revision: u64) -> Result<Option<(Value, Value)>, ReadFault> {
        let pages = keys::pages(self.workspace, self.conversation);
        let key = keys::page(self.workspace, self.conversation, revision);
        Ok(self.store.at_or_before(&pages, &key)?)
    }

    /// The last page before which the reader had not seen more than `after`: the next event is in
    /// it, or in what follows it.
    fn page_with(&self, reader: Reader, after: Seq) -> Result<Option<(Value, Value)>, ReadFault> {
        let Some(mut found) = self.page_up_to(u64::MAX)? else { return Ok(None) };
        let last = Page::decode(&found.1)?;
        if last.before.of(reader) <= after {
            return Ok(Some(found));
        }
        // Between the two, `low` is the last revision known to be early enough, `high` the first too late.
        let (mut low, mut high) = (0, last.first);
        while high - low > 1 {
            let Some(pair) = self.page_up_to(low + (high - low) / 2)? else {
                let reason = "the first page is missing".to_owned();
                return Err(ReadFault::Damaged { revision: 1, reason });
            };
            let page = Page::decode(&pair.1)?;
            if page.before.of(reader) <= after {
                low = page.last;
                found = pair;
            } else {
                high = page.first;
            }
        }
        Ok(Some(found))
    }
}

/// What is found reading forward.
struct Forward {
    conversation: ConversationId,
    reader: Reader,
    after: Seq,
    bytes_left: usize,
    /// The revision that must come next, once something was read.
    next: Option<u64>,
    full: bool,
    found: Vec<Arc<Entry>>,
}

impl Forward {
    const fn new(conversation: ConversationId, reader: Reader, after: Seq, bytes_max: usize) -> Self {
        Self {
            conversation,
            reader,
            after,
            bytes_left: bytes_max,
            next: None,
            full: false,
            found: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.full
    }

    fn add_page(&mut self, page: &Page<'_>) -> Result<(), ReadFault> {
        self.follow(page.first, page.last)?;
        if page.after.of(self.reader) > self.after {
            self.add(&page.entries)?;
        }
        Ok(())
    }

    fn add_tail(&mut self, tail: &[TailRecord]) -> Result<(), ReadFault> {
        let known = tail.partition_point(|record| self.next.is_some_and(|next| record.revision < next));
        let tail = &tail[known..];
        if let (Some(first), Some(last)) = (tail.first(), tail.last()) {
            self.follow(first.revision, last.revision)?;
            let payloads: Vec<&[u8]> = tail.iter().map(|record| record.payload.as_ref()).collect();
            self.add(&payloads)?;
        }
        Ok(())
    }

    fn follow(&mut self, first: u64, last: u64) -> Result<(), ReadFault> {
        match self.next {
            Some(next) if next != first => {
                Err(ReadFault::Damaged { revision: next, reason: "it is missing".to_owned() })
            }
            Some(_) | None => {
                self.next = Some(last + 1);
                Ok(())
            }
        }
    }

    fn add(&mut self, entries: &[&[u8]]) -> Result<(), ReadFault> {
        let begin = first_beyond(self.conversation, entries, self.reader, self.after)?;
        for bytes in &entries[begin..] {
            let entry = decode_entry(self.conversation, bytes)?;
            if entry.seen_by(self.reader).any(|seen| seen.seq > self.after) {
                if !self.found.is_empty() && bytes.len() > self.bytes_left {
                    self.full = true;
                    return Ok(());
                }
                self.bytes_left = self.bytes_left.saturating_sub(bytes.len());
                self.found.push(Arc::new(entry));
            }
        }
        Ok(())
    }
}

/// What is found reading backward, newest first.
struct Backward {
    conversation: ConversationId,
    reader: Reader,
    before: Seq,
    /// Events still wanted.
    left: usize,
    bytes: usize,
    found: Vec<Arc<Entry>>,
}

impl Backward {
    fn is_full(&self) -> bool {
        self.left == 0 || self.bytes >= BACKWARD_BYTES_MAX
    }

    fn add(&mut self, entries: &[&[u8]]) -> Result<(), ReadFault> {
        if self.before == Seq::ZERO {
            return Ok(());
        }
        // Entries from here on begin at or after the sequence.
        let wanted = first_beyond(self.conversation, entries, self.reader, self.before.previous())?;
        let end = entries.len().min(wanted + 1);
        for bytes in entries[..end].iter().rev() {
            if self.is_full() {
                break;
            }
            let entry = decode_entry(self.conversation, bytes)?;
            let events = entry.seen_by(self.reader).filter(|seen| seen.seq < self.before).count();
            if events > 0 {
                self.left = self.left.saturating_sub(events);
                self.bytes += bytes.len();
                self.found.push(Arc::new(entry));
            }
        }
        Ok(())
    }

    fn done(mut self) -> (Vec<Arc<Entry>>, bool) {
        self.found.reverse();
        let first = self.found.first().and_then(|entry| entry.seen_by(self.reader).next());
        let more = first.is_some_and(|first| first.seq > Seq::ZERO.next());
        (self.found, more)
    }
}

/// The first of some entries after which the reader has seen more than `seq`; their number if none.
fn first_beyond(
    conversation: ConversationId,
    entries: &[&[u8]],
    reader: Reader,
    seq: Seq,
) -> Result<usize, ReadFault> {
    let (mut low, mut high) = (0, entries.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if decode_entry(conversation, entries[middle])?.after().of(reader) > seq {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// The most bytes that reading backward gives, save that it gives at least one entry: nobody can be given
/// more at once.
const BACKWARD_BYTES_MAX: usize = limits::FRAME_BYTES_MAX;
