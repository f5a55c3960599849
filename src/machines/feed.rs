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
    /// From here on entries are pushed; those up to this sequence were there before.
    Live(Seq),
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
    catching_up: CatchingUp,
}

/// Whether the reader has had everything that was there when it first became live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CatchingUp {
    /// It has not become live.
    Reading,
    /// Not before it has this sequence.
    UpTo(Seq),
    /// It has, and that has been said.
    Done,
}

impl Feed {
    /// A reader who has everything up to `after`, and whose subscription has been asked for.
    #[must_use]
    pub const fn new(reader: Reader, after: Seq) -> Self {
        Self { reader, at: after, turn: Turn::AwaitVerdict, catching_up: CatchingUp::Reading }
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

    /// The conversation has spoken.
    pub fn verdict(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::ReadOn => self.turn = Turn::Read(self.at),
            Verdict::Live(up_to) => {
                self.turn = Turn::Forward;
                if self.catching_up == CatchingUp::Reading {
                    self.catching_up = CatchingUp::UpTo(up_to);
                }
            }
        }
    }

    /// Says once, when it is so, that everything that was there when the reader first became live has
    /// been forwarded: up to the sequence that it returns.
    pub fn caught_up(&mut self) -> Option<Seq> {
        match self.catching_up {
            CatchingUp::UpTo(up_to) if self.at >= up_to => {
                self.catching_up = CatchingUp::Done;
                Some(self.at)
            }
            CatchingUp::Reading | CatchingUp::UpTo(_) | CatchingUp::Done => None,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::conversation::{Event, Place, What};
    use switchboard_protocol::vocabulary::{Content, ConversationId, MessageText, Party, Timestamp};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn message(number: u64) -> Entry {
        let before = Place { staff: seq(number - 1), customer: seq(number - 1) };
        let content = Content::text(MessageText::new("hello").unwrap());
        Entry {
            conversation: ConversationId::from_bytes([7; 16]),
            revision: number,
            before,
            at: Timestamp::from_millis(0),
            origin: None,
            events: vec![Event { by: Party::Customer, what: What::Message { content } }],
        }
    }

    #[test]
    fn it_is_said_once_and_not_before_everything_was_forwarded() {
        let mut feed = Feed::new(Reader::Customer, Seq::ZERO);
        feed.verdict(Verdict::Live(seq(2)));
        assert_eq!((feed.turn(), feed.caught_up()), (Turn::Forward, None), "what was at hand comes first");
        assert_eq!(feed.take(&message(1)).unwrap().count(), 1);
        assert_eq!(feed.caught_up(), None);
        feed.lagging();
        assert_eq!(feed.take(&message(2)).unwrap().count(), 1);
        assert_eq!((feed.caught_up(), feed.caught_up()), (Some(seq(2)), None));
        feed.verdict(Verdict::Live(seq(9)));
        assert_eq!(feed.caught_up(), None, "only the first time");
    }

    #[test]
    fn whoever_has_everything_is_told_at_once() {
        let mut feed = Feed::new(Reader::Staff, seq(5));
        assert_eq!(feed.caught_up(), None);
        feed.verdict(Verdict::Live(seq(5)));
        assert_eq!(feed.caught_up(), Some(seq(5)));
    }
}
