//! The reading side of a subscription.
//!
//! Owns the order in which one reader gets events: read the journal, ask to become live, forward what
//! is pushed, and read again when told that something was missed. Every event once, none left out.
//! Must not know where pages come from or where events go.

use switchboard_protocol::vocabulary::Seq;

use crate::domain::conversation::{Entry, Seen};
use crate::domain::identity::Reader;

/// What the conversation says when a reader asks to become live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// From here on entries are pushed.
    Live,
    /// There is more in the journal: read it, and ask again.
    ReadOn,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Wait for the conversation's verdict.
    AwaitVerdict,
    /// Read the journal after this sequence.
    Read(Seq),
    /// Tell the conversation that everything up to this sequence has been read.
    Ask(Seq),
    /// Forward what is pushed.
    Forward,
}

/// A gap: an event came that does not follow on the last one. Ours to repair, by reading again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {got} came after event {at}")]
pub struct Gap {
    /// The last event that was forwarded.
    pub at: Seq,
    /// The one that came.
    pub got: Seq,
}

/// One reader's way through a conversation.
#[derive(Debug, Clone)]
pub struct Feed {
    reader: Reader,
    at: Seq,
    turn: Turn,
    live_once: bool,
}

impl Feed {
    /// A reader who has everything up to `after`, and whose subscription has been asked for.
    #[must_use]
    pub const fn new(reader: Reader, after: Seq) -> Self {
        Self { reader, at: after, turn: Turn::AwaitVerdict, live_once: false }
    }

    /// What is to be done next.
    #[must_use]
    pub const fn turn(&self) -> Turn {
        self.turn
    }

    /// Which sequence is read.
    #[must_use]
    pub const fn reader(&self) -> Reader {
        self.reader
    }

    /// The last event that was forwarded.
    #[must_use]
    pub const fn at(&self) -> Seq {
        self.at
    }

    /// The conversation has spoken. Returns `true` when the reader has become live for the first time:
    /// everything that was there when it subscribed has been forwarded.
    pub fn verdict(&mut self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::ReadOn => {
                self.turn = Turn::Read(self.at);
                false
            }
            Verdict::Live => {
                self.turn = Turn::Forward;
                !std::mem::replace(&mut self.live_once, true)
            }
        }
    }

    /// A page was read and its entries taken; `more` says whether it had any.
    pub fn page_read(&mut self, more: bool) {
        self.turn = if more { Turn::Read(self.at) } else { Turn::Ask(self.at) };
    }

    /// The conversation was asked.
    pub fn asked(&mut self) {
        self.turn = Turn::AwaitVerdict;
    }

    /// Something was missed: everything that was pushed has been forwarded, the rest is in the journal.
    pub fn lagging(&mut self) {
        self.turn = Turn::Read(self.at);
    }

    /// Takes an entry: returns what of it the reader has not seen yet.
    ///
    /// # Errors
    /// When something is missing in between; nothing is taken.
    pub fn take<'a>(&mut self, entry: &'a Entry) -> Result<impl Iterator<Item = Seen<'a>> + use<'a>, Gap> {
        let (reader, at) = (self.reader, self.at);
        let before = entry.before.of(reader);
        if before > at {
            return Err(Gap { at, got: before.next() });
        }
        self.at = at.max(entry.after().of(reader));
        Ok(entry.seen_by(reader).filter(move |seen| seen.seq > at))
    }
}
