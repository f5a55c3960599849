//! A subscription: the task around [`Feed`] that fills a client's stream.
//!
//! Owns the joining of what is stored and what is pushed, as the engine's task does, and stops while its
//! client does not read. Must not know how a client judges what comes.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::conversation::{Entry, Event};
use switchboard::domain::identity::{Identity, Reader};
use switchboard::machines::feed::{Feed, Turn};
use switchboard::machines::live::{SideCursors, SubscriberId};
use switchboard_protocol::vocabulary::{ConversationId, Seq, Timestamp};
use switchboard_protocol::wire::Typing;

use crate::check::Promise;
use crate::clients::sender;
use crate::mail::{ConversationMsg, ErrandAnswer, SessionId, SessionMsg, Way};
use crate::outbox::{Item, Outbox};
use crate::session::{Begun, Session};
use crate::tally::Count;
use crate::world::World;

/// The task.
pub(crate) struct Pump {
    client: usize,
    connection: u64,
    session: SessionId,
    number: u32,
    conversation: ConversationId,
    subscriber: SubscriberId,
    way: Way,
    outbox: Rc<Outbox>,
    identity: Rc<Identity>,
    feed: Feed,
    /// The last ones that were sent.
    cursors: Option<SideCursors>,
    page: VecDeque<Arc<Entry>>,
}

/// What flows to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Head,
    Event { seq: Seq, at: Timestamp, event: Event },
    CaughtUp(Seq),
    Cursors(SideCursors),
    Ended,
}

impl World {
    /// The conversation has accepted a subscription.
    pub(crate) fn begin_pump(&mut self, session: &Session, begun: Begun) {
        let Begun { number, conversation, subscriber, outbox, way, after } = begun;
        let reader = session.identity.reader();
        let pump = Pump {
            client: session.client,
            connection: session.connection,
            session: session.id,
            number,
            conversation,
            subscriber,
            way,
            outbox,
            identity: Rc::clone(&session.identity),
            feed: Feed::new(reader, after),
            cursors: None,
            page: VecDeque::new(),
        };
        let id = self.number();
        self.pumps.insert(id, pump);
        self.frame_to_client(session.client, session.connection, number, Frame::Head);
    }

    /// Whether there is something to do for it, and its client would take it.
    pub(crate) fn pump_is_ready(&self, pump: &Pump) -> bool {
        let Some(waiting) = self.frames_waiting(pump.client, pump.connection, pump.number) else {
            // Nobody reads: it has to notice.
            return true;
        };
        let has_work = !pump.page.is_empty()
            || matches!(pump.feed.turn(), Turn::Read(_) | Turn::Ask(_))
            || pump.outbox.has_item();
        has_work && waiting < self.rates.stream_frames_max
    }

    /// The task's turn.
    pub(crate) fn run_pump(&mut self, id: u64) {
        let Some(mut pump) = self.pumps.remove(&id) else { return };
        let goes_on = self.frames_waiting(pump.client, pump.connection, pump.number).is_some()
            && self.advance(&mut pump);
        if goes_on {
            self.pumps.insert(id, pump);
        } else {
            self.mail.to_conversation(pump.way, ConversationMsg::Unsubscribe(pump.subscriber));
            self.mail.to_session(pump.session, SessionMsg::SubscriptionEnded(pump.number));
        }
    }

    /// `false`: the subscription has ended.
    fn advance(&mut self, pump: &mut Pump) -> bool {
        if let Some(entry) = pump.page.pop_front() {
            let goes_on = self.forward(pump, &entry);
            if pump.page.is_empty() && matches!(pump.feed.turn(), Turn::Read(_)) {
                pump.feed.page_read(true);
            }
            return goes_on;
        }
        match pump.feed.turn() {
            Turn::AwaitVerdict | Turn::Forward => match pump.outbox.next() {
                Some(item) => self.item(pump, item),
                None => true,
            },
            Turn::Read(after) => {
                self.note(Count::CatchUpRead);
                if self.space.may_take().is_err() {
                    self.note(Count::ReadWhileFull);
                }
                let entries_max = self.rates.page_entries_max;
                let page = self.disk.read_after(pump.conversation, pump.feed.reader(), after, entries_max);
                pump.page = page.into();
                if pump.page.is_empty() {
                    pump.feed.page_read(false);
                }
                true
            }
            Turn::Ask(at) => {
                let caught_up = ConversationMsg::CaughtUp(pump.subscriber, at);
                if !self.mail.to_conversation(pump.way, caught_up) {
                    return self.end_stream(pump);
                }
                pump.feed.asked();
                true
            }
        }
    }

    fn item(&mut self, pump: &mut Pump, item: Item) -> bool {
        match item {
            Item::Verdict(verdict) => {
                if pump.feed.verdict(verdict) {
                    self.note(Count::BecameLive);
                    let at = pump.feed.at();
                    let there = pump.outbox.there.get();
                    if at < there {
                        let what = format!("caught up at {at}, though {there} was there");
                        self.broken(Promise::G3, what);
                    }
                    self.frame(pump, Frame::CaughtUp(at));
                }
                true
            }
            Item::Entry(entry) => {
                if entry.after().of(pump.feed.reader()) <= pump.feed.at() {
                    self.broken(Promise::G3, format!("entry {} was pushed again", entry.revision));
                }
                self.forward(pump, &entry)
            }
            Item::Lagging => {
                self.note(Count::Lagged);
                pump.feed.lagging();
                true
            }
            Item::Cursors(cursors) => {
                self.check_cursors(pump.conversation, pump.feed.reader(), &cursors, pump.cursors.as_ref());
                pump.cursors = Some(cursors);
                self.frame(pump, Frame::Cursors(cursors));
                true
            }
            Item::Typing((by, after_seq)) => {
                self.check_typing(pump.conversation, pump.feed.reader(), after_seq);
                let by = sender(by, pump.feed.reader());
                let conversation = pump.conversation;
                let typing = Typing { conversation, by: Some(by), after_seq, expires_ms: 5_000 };
                self.typing_to_client(pump.client, pump.connection, typing);
                true
            }
            Item::Ended => self.end_stream(pump),
        }
    }

    fn forward(&mut self, pump: &mut Pump, entry: &Entry) -> bool {
        let mut next = pump.feed.at().next();
        match pump.feed.take(entry) {
            Ok(events) => {
                for seen in events {
                    if seen.seq != next {
                        self.broken(Promise::G3, format!("event {} was sent where {next} belongs", seen.seq));
                    }
                    next = seen.seq.next();
                    self.check_shown(pump.conversation, &pump.identity, &seen, "a subscription");
                    let frame = Frame::Event { seq: seen.seq, at: seen.at, event: seen.event.clone() };
                    self.frame(pump, frame);
                }
                true
            }
            Err(gap) => {
                self.broken(Promise::G3, format!("a subscription has a gap: {gap}"));
                self.end_stream(pump)
            }
        }
    }

    fn end_stream(&mut self, pump: &Pump) -> bool {
        self.note(Count::SubscriptionEnded);
        self.frame(pump, Frame::Ended);
        false
    }

    fn frame(&mut self, pump: &Pump, frame: Frame) {
        self.frame_to_client(pump.client, pump.connection, pump.number, frame);
    }

    /// Reads beside the mailbox what a conversation was asked for.
    pub(crate) fn read_history(&mut self, at: usize) {
        let read = self.history_reads.swap_remove(at);
        let entries_max = self.rates.page_entries_max;
        let entries = self.disk.read_before(read.conversation, read.reader, read.before, entries_max);
        read.reply.answer(ErrandAnswer::History(entries));
    }
}

/// A name for people.
pub(crate) const fn reader_name(reader: Reader) -> &'static str {
    match reader {
        Reader::Customer => "the customer",
        Reader::Staff => "the staff",
    }
}
