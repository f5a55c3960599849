//! The outbox of one subscription: between a conversation and the task that writes to the client.
//!
//! Owns its bound in bytes, who is woken by what, and the encoded frames that the subscribers of an entry
//! share. Must not know the wire: frames are opaque bytes here.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use switchboard_protocol::vocabulary::{Party, Seq};
use tokio::sync::Notify;

use crate::domain::conversation::{Entry, What};
use crate::domain::identity::Reader;
use crate::limits;
use crate::machines::feed::Verdict;
use crate::machines::live::{self, SideCursors};
use crate::machines::outbox::{self, Outbox};

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

/// What the writing task takes from an outlet.
pub type Item = outbox::Item<(Arc<Entry>, Stamp), Typing>;

/// The outbox of one subscription.
#[derive(Debug, Default)]
pub struct Outlet {
    waiting: Mutex<Waiting>,
    filled: Notify,
    abandoned: Notify,
}

type Waiting = Outbox<(Arc<Entry>, Stamp), Typing>;

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
        self.lock().take()
    }

    /// Somebody is typing; replaces what was not taken yet.
    pub fn typing(&self, typing: Typing) {
        self.put(|waiting| waiting.typing(typing));
    }

    /// Ends the subscription once everything that waits has been taken.
    pub fn close(&self) {
        self.put(Waiting::end);
    }

    /// Nobody wants it any more: ends it, and forgets what waits.
    pub fn abandon(&self) {
        self.put(Waiting::abandon);
        self.abandoned.notify_one();
    }

    /// Waits until nobody wants it any more. For one task, which may be stuck with a client that does not read.
    pub async fn abandoned(&self) {
        self.abandoned.notified().await;
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
        let pushed = || (Arc::clone(entry), stamp.clone());
        let taken = self.0.lock().push(pushed, bytes_of(entry), limits::OUTBOX_BYTES_MAX);
        if taken {
            self.0.filled.notify_one();
        }
        taken
    }

    fn verdict(&self, verdict: Verdict) {
        self.0.put(|waiting| waiting.verdict(verdict));
    }

    fn lagging(&self) {
        self.0.put(Waiting::lagging);
    }

    fn cursors(&self, cursors: SideCursors) {
        self.0.put(|waiting| waiting.cursors(cursors));
    }

    fn end(&self) {
        self.0.close();
    }
}

/// What an entry takes in an outbox: its texts, as they are and in the frames for both kinds of reader, what a
/// decision rests on, which is in no frame, and a flat amount for the rest.
fn bytes_of(entry: &Entry) -> usize {
    let bytes = entry.events.iter().map(|event| match &event.what {
        What::Message(message) => TEXT_COPIES * message.bytes(),
        What::Called { category, .. } | What::CallRefused { category } => TEXT_COPIES * category.bytes(),
        What::Explained(explanation) => explanation.bytes(),
        What::Described(change) => TEXT_COPIES * change.bytes(),
        What::Started { .. }
        | What::Requeued { .. }
        | What::Unserved { .. }
        | What::Assigned { .. }
        | What::Entered { .. }
        | What::Left { .. }
        | What::Completed
        | What::Ended
        | What::Read { .. }
        | What::Unchanged => 0,
    });
    EVENT_BYTES * entry.events.len() + bytes.sum::<usize>()
}

/// What an event takes besides its text, with its frames.
const EVENT_BYTES: usize = 400;

/// How often a text is there.
const TEXT_COPIES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::domain::assignment::{Request, Roster, Rules, choose};
    use crate::domain::conversation::{Event, Place};
    use crate::domain::message::Message;
    use crate::machines::live::Outlet as _;
    use switchboard_protocol::vocabulary::{
        CategoryPath, ConsultationId, Content, ConversationId, MemberId, MessageText, ProfileId, Timestamp,
    };

    fn outlet() -> (Arc<Outlet>, ConversationEnd) {
        let outlet = Arc::new(Outlet::default());
        (Arc::clone(&outlet), ConversationEnd(outlet))
    }

    /// An entry with so many messages of so many bytes each.
    fn entry(revision: u64, messages: usize, bytes: usize) -> Arc<Entry> {
        let content = Content::text(MessageText::new("x".repeat(bytes)).unwrap());
        let event = Event { by: Party::Bot, what: What::Message(Message::plain(content)) };
        Arc::new(Entry {
            conversation: ConversationId::from_bytes([1; 16]),
            revision,
            before: Place::default(),
            at: Timestamp::from_millis(0),
            origin: None,
            epoch: None,
            events: vec![event; messages],
        })
    }

    fn push(end: &ConversationEnd, entry: &Arc<Entry>) -> bool {
        end.push(entry, &Stamp::new(clock::instant()))
    }

    /// What waits, by name; an entry by its revision.
    fn take_all(outlet: &Outlet) -> Vec<String> {
        let names = std::iter::from_fn(|| match outlet.try_next()? {
            Item::Verdict(Verdict::Live) => Some("live".to_owned()),
            Item::Verdict(Verdict::ReadOn) => Some("read on".to_owned()),
            Item::Entry((entry, _)) => Some(format!("{}", entry.revision)),
            Item::Lagging => Some("lagging".to_owned()),
            Item::Cursors(cursors) => Some(format!("unread {}", cursors.unread)),
            Item::Typing(typing) => Some(format!("typing {}", typing.expires_ms)),
            Item::Ended => None,
        });
        names.collect()
    }

    fn typing(expires_ms: u32) -> Typing {
        Typing { by: Party::Customer, after_seq: Seq::ZERO, expires_ms }
    }

    #[test]
    fn entries_wait_in_order_up_to_the_bound_and_there_is_room_again_when_one_is_taken() {
        let (outlet, end) = outlet();
        let bytes = EVENT_BYTES + TEXT_COPIES * 1_000;
        let fit = limits::OUTBOX_BYTES_MAX / bytes;
        for revision in 1..=fit as u64 {
            assert!(push(&end, &entry(revision, 1, 1_000)));
        }
        let one_more = entry(fit as u64 + 1, 1, 1_000);
        assert!(!push(&end, &one_more), "nothing of it was taken");
        assert!(matches!(outlet.try_next(), Some(Item::Entry((first, _))) if first.revision == 1));
        assert!(push(&end, &one_more));
        let rest: Vec<_> = (2..=fit + 1).map(|revision| revision.to_string()).collect();
        assert_eq!(take_all(&outlet), rest);
        assert_eq!(outlet.lock().bytes(), 0);
    }

    #[test]
    fn small_events_count_as_well() {
        let (_outlet, end) = outlet();
        let taken = (1..).take_while(|revision| push(&end, &entry(*revision, 1, 1))).count();
        assert_eq!(taken, limits::OUTBOX_BYTES_MAX / (EVENT_BYTES + TEXT_COPIES));
    }

    #[test]
    fn what_a_decision_rests_on_counts_as_well() {
        let mut roster = Roster::default();
        for number in 0..100 {
            roster.member(MemberId::from_bytes([number; 16]));
        }
        let request = Request {
            consultation: ConsultationId::from_bytes([2; 16]),
            profile: ProfileId::from_bytes([3; 16]),
            category: CategoryPath::default(),
            former: None,
            called_at: Timestamp::from_millis(0),
            in_hours: true,
        };
        let explanation = choose(&Rules::default(), &roster, &request, 0);
        let mut decided = Arc::unwrap_or_clone(entry(1, 1, 1));
        let before = bytes_of(&decided);
        decided.events[0].what = What::Explained(Box::new(explanation));
        assert!(bytes_of(&decided) >= before + 100 * size_of::<MemberId>(), "{}", bytes_of(&decided));
    }

    #[test]
    fn one_entry_always_fits_however_large_and_no_second_one_beside_it() {
        let (outlet, end) = outlet();
        let large = entry(1, 30, MessageText::CHARS_MAX);
        assert!(bytes_of(&large) > limits::OUTBOX_BYTES_MAX);
        assert!(push(&end, &large));
        assert!(!push(&end, &entry(2, 1, 1)));
        assert_eq!(take_all(&outlet), ["1"]);
        assert!(push(&end, &large), "what was taken counts no more");
    }

    #[test]
    fn what_was_missed_is_said_after_everything_that_was_not() {
        let (outlet, end) = outlet();
        end.lagging();
        end.cursors(SideCursors { unread: 4, ..SideCursors::default() });
        outlet.typing(typing(5));
        assert!(push(&end, &entry(1, 1, 1)) && push(&end, &entry(2, 1, 1)));
        end.verdict(Verdict::Live);
        end.end();
        assert_eq!(take_all(&outlet), ["1", "2", "live", "lagging", "unread 4", "typing 5"]);
        assert!(take_all(&outlet).is_empty());
    }

    #[test]
    fn of_latest_values_only_the_last_waits_and_it_waits_once() {
        let (outlet, end) = outlet();
        for value in 1..=1_000 {
            end.cursors(SideCursors { unread: value as usize, ..SideCursors::default() });
            outlet.typing(typing(value));
            end.lagging();
        }
        assert_eq!(take_all(&outlet), ["lagging", "unread 1000", "typing 1000"]);
        assert!(outlet.try_next().is_none());
    }

    #[test]
    fn the_end_comes_after_what_waits_and_stays() {
        let (outlet, end) = outlet();
        assert!(push(&end, &entry(1, 1, 1)));
        drop(end);
        assert!(matches!(outlet.try_next(), Some(Item::Entry(..))));
        assert!(matches!(outlet.try_next(), Some(Item::Ended)));
        assert!(matches!(outlet.try_next(), Some(Item::Ended)));
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_forgotten_and_takes_nothing() {
        let (outlet, end) = outlet();
        assert!(push(&end, &entry(1, 1, 1_000)));
        outlet.abandon();
        outlet.abandoned().await;
        assert!(push(&end, &entry(2, 1, 1_000)), "the conversation learns of it by a message of its own");
        assert_eq!(outlet.lock().bytes(), 0);
        assert!(matches!(outlet.try_next(), Some(Item::Ended)));
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_whatever_comes() {
        let (outlet, end) = outlet();
        let wait = || {
            let outlet = Arc::clone(&outlet);
            tokio::spawn(async move { outlet.next().await })
        };
        let waiting = wait();
        tokio::task::yield_now().await;
        assert!(push(&end, &entry(1, 1, 1)));
        assert!(matches!(waiting.await, Ok(Item::Entry(..))));
        let waiting = wait();
        tokio::task::yield_now().await;
        end.cursors(SideCursors::default());
        assert!(matches!(waiting.await, Ok(Item::Cursors(_))));
        let waiting = wait();
        tokio::task::yield_now().await;
        drop(end);
        assert!(matches!(waiting.await, Ok(Item::Ended)));
    }
}
