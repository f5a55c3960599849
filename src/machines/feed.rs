//! The reading side of a subscription.
//!
//! Owns the order in which one reader gets events: read the journal, ask to become live, forward what
//! is pushed, and read again when told that something was missed. Every event once, none left out.
//! Must not know where pages come from or where events go.

use switchboard_protocol::vocabulary::Seq;

use super::planted::{Bug, is_planted};
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
    pub fn new(reader: Reader, after: Seq) -> Self {
        let resumes_late = is_planted(Bug::ResumeOneLate) && after > Seq::ZERO;
        let at = if resumes_late { after.next() } else { after };
        Self { reader, at, turn: Turn::AwaitVerdict, live_once: false }
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
        self.turn = if is_planted(Bug::LagForgotten) { Turn::Forward } else { Turn::Read(self.at) };
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
    use crate::domain::message::Message;
    use switchboard_protocol::vocabulary::{
        Content, ConversationId, MemberId, MessageText, Party, Timestamp,
    };

    const MEMBER: MemberId = MemberId::from_bytes([2; 16]);

    fn seq(value: u64) -> Seq {
        Seq::new(value).unwrap()
    }

    fn entry(revision: u64, before: (u64, u64), events: Vec<What>) -> Entry {
        let by = Party::Agent { member: MEMBER };
        Entry {
            conversation: ConversationId::from_bytes([1; 16]),
            revision,
            before: Place { staff: seq(before.0), customer: seq(before.1) },
            at: Timestamp::from_millis(0),
            origin: None,
            epoch: None,
            events: events.into_iter().map(|what| Event { by, what }).collect(),
        }
    }

    fn message() -> What {
        What::Message(Message::plain(Content::text(MessageText::new("hello").unwrap())))
    }

    fn entered() -> What {
        What::Entered { member: MEMBER }
    }

    fn taken(feed: &mut Feed, entry: &Entry) -> Vec<u64> {
        feed.take(entry).unwrap().map(|seen| seen.seq.get()).collect()
    }

    #[test]
    fn a_reader_reads_page_by_page_asks_and_forwards() {
        let mut feed = Feed::new(Reader::Staff, seq(0));
        assert_eq!(feed.turn(), Turn::AwaitVerdict);
        assert!(!feed.verdict(Verdict::ReadOn));
        assert_eq!(feed.turn(), Turn::Read(seq(0)));
        assert_eq!(taken(&mut feed, &entry(1, (0, 0), vec![message()])), [1]);
        feed.page_read(true);
        assert_eq!(feed.turn(), Turn::Read(seq(1)), "there may be another page");
        feed.page_read(false);
        assert_eq!(feed.turn(), Turn::Ask(seq(1)));
        feed.asked();
        assert_eq!(feed.turn(), Turn::AwaitVerdict);
        assert!(feed.verdict(Verdict::Live));
        assert_eq!(feed.turn(), Turn::Forward);
    }

    #[test]
    fn becoming_live_counts_the_first_time_only() {
        let mut feed = Feed::new(Reader::Staff, seq(0));
        assert!(feed.verdict(Verdict::Live));
        feed.lagging();
        assert_eq!(feed.turn(), Turn::Read(seq(0)));
        feed.page_read(false);
        feed.asked();
        assert!(!feed.verdict(Verdict::Live));
    }

    #[test]
    fn one_without_room_for_what_was_at_hand_reads_on_without_a_verdict() {
        let mut feed = Feed::new(Reader::Staff, seq(0));
        assert_eq!(taken(&mut feed, &entry(1, (0, 0), vec![message()])), [1]);
        feed.lagging();
        assert_eq!(feed.turn(), Turn::Read(seq(1)));
    }

    #[test]
    fn what_was_read_is_not_given_again_and_the_new_part_of_an_entry_is() {
        let mut feed = Feed::new(Reader::Staff, seq(2));
        assert_eq!(taken(&mut feed, &entry(1, (0, 0), vec![message(), message()])), [] as [u64; 0]);
        assert_eq!(taken(&mut feed, &entry(2, (1, 1), vec![message(), message()])), [3]);
        assert_eq!(feed.at(), seq(3));
    }

    #[test]
    fn a_missing_entry_is_a_gap_and_nothing_is_taken() {
        let mut feed = Feed::new(Reader::Staff, seq(1));
        let late = entry(3, (2, 2), vec![message()]);
        assert_eq!(feed.take(&late).err(), Some(Gap { at: seq(1), got: seq(3) }));
        assert_eq!(feed.at(), seq(1));
        assert_eq!(taken(&mut feed, &entry(2, (1, 1), vec![message()])), [2]);
    }

    #[test]
    fn a_customer_neither_sees_nor_counts_what_is_hidden() {
        let mut feed = Feed::new(Reader::Customer, seq(0));
        assert_eq!(taken(&mut feed, &entry(1, (0, 0), vec![entered()])), [] as [u64; 0]);
        assert_eq!(feed.at(), seq(0));
        assert_eq!(taken(&mut feed, &entry(2, (1, 0), vec![entered(), message()])), [1]);
        assert_eq!(taken(&mut feed, &entry(4, (9, 1), vec![message()])), [2], "hidden entries leave no gap");
    }
}
