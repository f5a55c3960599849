//! What a side has not read yet, and what has reached it.
//!
//! Owns each side's cursors and the count of the other side's messages behind the one that is read. Must not
//! know who of the staff read what: staff read as one.

use std::collections::VecDeque;

use switchboard_protocol::vocabulary::Seq;

use super::Place;
use crate::domain::identity::Reader;

/// The two sides of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The customer.
    Customer,
    /// The bot and the agents.
    Staff,
}

impl Side {
    /// Which sequence the side reads.
    #[must_use]
    pub const fn reader(self) -> Reader {
        match self {
            Self::Customer => Reader::Customer,
            Self::Staff => Reader::Staff,
        }
    }
}

/// What one side has read of the other side's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unread {
    /// The last message that was read.
    pub read: Place,
    /// Those behind it, oldest first: at most [`UNREAD_MAX`], the oldest are dropped.
    pub waiting: VecDeque<Place>,
}

impl Unread {
    /// The other side posted a message.
    pub fn posted(&mut self, place: Place) {
        if self.waiting.len() == UNREAD_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(place);
    }

    /// The last message that reading up to `seq` of the reader's sequence covers and that was not
    /// read before; `None` when it covers nothing new.
    #[must_use]
    pub fn covered(&self, reader: Reader, seq: Seq) -> Option<Place> {
        let count = self.waiting.partition_point(|place| place.of(reader) <= seq);
        count.checked_sub(1).map(|last| self.waiting[last])
    }

    /// The side has read up to a message.
    pub fn read_up_to(&mut self, place: Place) {
        self.read = self.read.max(place);
        while self.waiting.front().is_some_and(|waiting| *waiting <= place) {
            self.waiting.pop_front();
        }
    }

    /// How many are unread; [`UNREAD_MAX`] stands for "that many or more".
    #[must_use]
    pub fn count(&self) -> usize {
        self.waiting.len()
    }
}

/// How far the other side's messages have reached each side. No event, and part of no state: it is what
/// clients say while a conversation is awake, and whatever was read has been received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Received {
    customer: Place,
    staff: Place,
}

impl Received {
    /// Everything up to `seq` of its own sequence has reached a side, which has not read `unread`. Says
    /// whether that is news.
    pub fn reached(&mut self, side: Side, unread: &Unread, seq: Seq) -> bool {
        let reached = match side {
            Side::Customer => &mut self.customer,
            Side::Staff => &mut self.staff,
        };
        let covered = unread.covered(side.reader(), seq);
        let is_news = covered.is_some_and(|place| place > *reached);
        *reached = covered.map_or(*reached, |place| place.max(*reached));
        is_news
    }

    /// The last message that has reached a side.
    #[must_use]
    pub fn of(&self, side: Side, unread: &Unread) -> Place {
        match side {
            Side::Customer => self.customer.max(unread.read),
            Side::Staff => self.staff.max(unread.read),
        }
    }
}

/// More unread messages than this are not counted.
pub const UNREAD_MAX: usize = 999;
