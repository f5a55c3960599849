//! The outbox of one subscription: between a conversation and the task that writes to the client.
//!
//! Owns its bound in bytes, the latest values that overwrite one another, and the encoded frames that
//! the subscribers of an entry share. Must not know the wire: frames are opaque bytes here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use switchboard_protocol::vocabulary::{Party, Seq};
use tokio::sync::Notify;

use crate::domain::conversation::{Entry, What};
use crate::domain::identity::Reader;
use crate::limits;
use crate::machines::feed::Verdict;
use crate::machines::live::{self, ReadCursors};

/// What travels with an entry from its command to its readers.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// When the command reached the engine.
    pub arrived: Instant,
    /// The entry as frames, for each kind of reader, once somebody has made them.
    pub frames: Arc<[OnceLock<Bytes>; 2]>,
}

impl Stamp {
    /// The stamp of a command that arrived at a moment.
    #[must_use]
    pub fn new(arrived: Instant) -> Self {
        Self { arrived, frames: Arc::default() }
    }

    /// The place of the frames for a kind of reader.
    #[must_use]
    pub fn frames_for(&self, reader: Reader) -> &OnceLock<Bytes> {
        match reader {
            Reader::Customer => &self.frames[0],
            Reader::Staff => &self.frames[1],
        }
    }
}

/// Somebody is typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    /// Who.
    pub by: Party,
    /// The reader's sequence of the last event that the typist had seen.
    pub after_seq: Seq,
    /// For how long it holds, in milliseconds.
    pub expires_ms: u32,
}

/// What the writing task takes from an outlet, most urgent first.
#[derive(Debug)]
pub enum Item {
    /// How a hand-over goes on.
    Verdict(Verdict),
    /// An entry.
    Entry(Arc<Entry>, Stamp),
    /// Everything before was taken, and something was missed after it.
    Lagging,
    /// The latest read cursors.
    Cursors(ReadCursors),
    /// The latest typing.
    Typing(Typing),
    /// The subscription has ended.
    Ended,
}

/// The outbox of one subscription.
#[derive(Debug, Default)]
pub struct Outlet {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    verdict: Option<Verdict>,
    entries: VecDeque<(Arc<Entry>, Stamp)>,
    bytes: usize,
    lagging: bool,
    cursors: Option<ReadCursors>,
    typing: Option<Typing>,
    ended: bool,
}

impl Outlet {
    /// The next item; waits for one. After [`Item::Ended`] nothing comes any more.
    pub async fn next(&self) -> Item {
        loop {
            let filled = self.filled.notified();
            if let Some(item) = self.try_next() {
                return item;
            }
            filled.await;
        }
    }

    /// The next item, if there is one.
    pub fn try_next(&self) -> Option<Item> {
        let mut waiting = self.lock();
        if let Some((entry, stamp)) = waiting.entries.pop_front() {
            waiting.bytes -= bytes_of(&entry);
            return Some(Item::Entry(entry, stamp));
        }
        // A verdict speaks of what was pushed before it.
        if let Some(verdict) = waiting.verdict.take() {
            return Some(Item::Verdict(verdict));
        }
        if std::mem::take(&mut waiting.lagging) {
            return Some(Item::Lagging);
        }
        if let Some(cursors) = waiting.cursors.take() {
            return Some(Item::Cursors(cursors));
        }
        if let Some(typing) = waiting.typing.take() {
            return Some(Item::Typing(typing));
        }
        waiting.ended.then_some(Item::Ended)
    }

    /// Somebody is typing; replaces what was not taken yet.
    pub fn typing(&self, typing: Typing) {
        self.put(|waiting| waiting.typing = Some(typing));
    }

    /// Ends the subscription once everything that waits has been taken.
    pub fn close(&self) {
        self.put(|waiting| waiting.ended = true);
    }

    fn put(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.lock());
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds the lock can panic half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The conversation's end of an outlet: when it goes, also by a panic, the subscription ends.
#[derive(Debug)]
pub struct ConversationEnd(pub Arc<Outlet>);

impl Drop for ConversationEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl live::Outlet<Stamp> for ConversationEnd {
    fn push(&self, entry: &Arc<Entry>, stamp: &Stamp) -> bool {
        let bytes = bytes_of(entry);
        let mut waiting = self.0.lock();
        // One entry always fits, so that no entry is too large for ever.
        if waiting.bytes > 0 && waiting.bytes + bytes > limits::OUTBOX_BYTES_MAX {
            return false;
        }
        waiting.bytes += bytes;
        waiting.entries.push_back((Arc::clone(entry), stamp.clone()));
        drop(waiting);
        self.0.filled.notify_one();
        true
    }

    fn verdict(&self, verdict: Verdict) {
        self.0.put(|waiting| waiting.verdict = Some(verdict));
    }

    fn lagging(&self) {
        self.0.put(|waiting| waiting.lagging = true);
    }

    fn cursors(&self, cursors: ReadCursors) {
        self.0.put(|waiting| waiting.cursors = Some(cursors));
    }

    fn end(&self) {
        self.0.close();
    }
}

/// What an entry counts in an outbox: its texts, and a flat amount for the rest.
fn bytes_of(entry: &Entry) -> usize {
    let texts = entry.events.iter().map(|event| match &event.what {
        What::Message { content } => content.bytes(),
        What::Started { .. }
        | What::Assigned { .. }
        | What::Entered { .. }
        | What::Left { .. }
        | What::Completed
        | What::Read { .. } => 0,
    });
    EVENT_BYTES * entry.events.len() + texts.sum::<usize>()
}

/// What an event takes besides its text.
const EVENT_BYTES: usize = 160;
