//! Clients: the SDK's plain machines.
//!
//! Owns what a client remembers: its unanswered requests, how far each conversation has come to it, and
//! the transcript that it has seen. Survives a crash of the engine. Must not know the engine's inside.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use switchboard::domain::conversation::{Event, What};
use switchboard::domain::identity::{Identity, Reader};
use switchboard::machines::live::SideCursors;
use switchboard_client::outstanding::{Answered, Outstanding};
use switchboard_client::progress::{Follow, Verdict};
use switchboard_protocol::vocabulary::{ConversationId, InstanceId, Party, Seq, Timestamp};
use switchboard_protocol::wire::{
    ConversationFrame, Cursors, CustomerDetails, ErrorBody, ErrorCode, EventKind, How, Op, ReplyBody,
    Request, RequeuedWhy, Sender, Typing, UnservedWhy,
};

use crate::check::Promise;
use crate::mail::{ForGood, SessionId};
use crate::network::{Connection, Down};
use crate::pump::Frame;
use crate::session::Reply;
use crate::tally::Count;
use crate::world::World;

/// One client program.
pub(crate) struct Client {
    pub(crate) identity: Rc<Identity>,
    pub(crate) instance: InstanceId,
    /// The conversation that was opened last, if it is a customer's.
    pub(crate) home: Option<ConversationId>,
    pub(crate) outstanding: Outstanding<Waiter>,
    pub(crate) follows: BTreeMap<ConversationId, Following>,
    pub(crate) connection: Option<Connection>,
    /// Requests that were on their way when the connection was lost, and may still arrive.
    pub(crate) late: Option<(SessionId, VecDeque<Request>)>,
    /// It has said hello and waits for this session to begin.
    pub(crate) waits: Option<SessionId>,
    /// It serves from another place now, and this one does not come back by itself.
    pub(crate) is_displaced: bool,
    /// Its user only wants to look.
    pub(crate) looks: bool,
    /// Its user wants it to take over when it begins.
    pub(crate) takes_over: bool,
    /// It will not come back.
    pub(crate) has_left: bool,
    pub(crate) last_counter: u64,
    /// Which conversation each stream of the connection carries.
    pub(crate) carries: BTreeMap<u32, ConversationId>,
    last_number: u32,
}

/// What a client knows of a conversation.
pub(crate) struct Following {
    pub(crate) follow: Follow,
    /// Where it began: the machine knows nothing of what was written before.
    began_after: Seq,
    pub(crate) transcript: Vec<(Seq, Timestamp, Event)>,
    pub(crate) cursors: Option<SideCursors>,
}

/// What waits for an answer.
pub(crate) struct Waiter {
    pub(crate) counter: Option<u64>,
    /// Which conversation, under which number, if it is a subscription.
    pub(crate) subscribes: Option<(ConversationId, u32)>,
}

impl Client {
    pub(crate) fn new(identity: Rc<Identity>, instance: InstanceId) -> Self {
        Self {
            identity,
            instance,
            home: None,
            outstanding: Outstanding::new(),
            follows: BTreeMap::new(),
            connection: None,
            late: None,
            waits: None,
            is_displaced: false,
            looks: false,
            takes_over: false,
            has_left: false,
            last_counter: 0,
            carries: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// Follows a conversation from its beginning.
    fn follow(&mut self, conversation: ConversationId) {
        let following = Following {
            follow: Follow::new(Seq::ZERO),
            began_after: Seq::ZERO,
            transcript: Vec::new(),
            cursors: None,
        };
        self.follows.insert(conversation, following);
    }

    fn hears_of(&mut self, conversation: ConversationId) {
        if !self.follows.contains_key(&conversation) {
            self.follow(conversation);
        }
    }

    pub(crate) const fn next_subscription(&mut self) -> u32 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether it knows that a conversation has ended.
    pub(crate) fn has_seen_end(&self, conversation: ConversationId) -> bool {
        let last = self.follows.get(&conversation).and_then(|following| following.transcript.last());
        last.is_some_and(|(_, _, event)| event.what == What::Ended)
    }

    /// Whether a request of its own could leave.
    pub(crate) fn can_send(&self) -> bool {
        self.outstanding.has_unsent()
    }

    /// Whether it may ask for one thing more.
    pub(crate) fn has_room(&self) -> bool {
        self.outstanding.room(&Op::Latency).is_ok()
    }

    /// Follows again what the engine refused for good: somebody looks whether it is back.
    pub(crate) fn follow_what_was_refused(&mut self) {
        for following in self.follows.values_mut().filter(|following| following.follow.is_over()) {
            following.anew();
        }
    }

    /// Will follow a conversation anew. Returns the subscription that is no longer wanted, if there is one.
    pub(crate) fn look_away(&mut self, conversation: ConversationId) -> Option<u32> {
        let following = self.follows.get_mut(&conversation)?;
        let mut past = following.anew();
        past.leave();
        let subscription = past.take_stale()?;
        if let Some(connection) = &mut self.connection {
            connection.streams.remove(&subscription);
        }
        self.carries.remove(&subscription);
        Some(subscription)
    }

    pub(crate) fn connection_lost(&mut self) {
        self.connection = None;
        self.carries.clear();
        self.outstanding.connection_lost();
        self.follows.values_mut().for_each(|following| following.follow.connection_lost());
    }
}

impl Following {
    /// Begins a subscription behind what has been seen. Returns the one before.
    fn anew(&mut self) -> Follow {
        self.began_after = self.follow.last();
        std::mem::replace(&mut self.follow, Follow::new(self.began_after))
    }
}

impl World {
    /// The client's program ends and is begun anew, as another instance that knows nothing.
    pub(crate) fn start_anew(&mut self, at: usize) {
        self.note(Count::InstanceBegun);
        if self.clients[at].connection.is_some() {
            self.cut(at);
        }
        let (instance, takes_over) = (self.instance(), self.rng.bool());
        // Also somebody who was refused because they serve from another place.
        let looks = self.rng.u8(..6) == 0;
        let client = &mut self.clients[at];
        client.outstanding.drain();
        client.outstanding = Outstanding::new();
        client.outstanding.set_window(self.rates.requests_window);
        (client.instance, client.last_counter, client.waits) = (instance, 0, None);
        (client.is_displaced, client.takes_over) = (false, takes_over);
        client.looks = looks && client.identity.member().is_some();
        let followed: Vec<_> = client.follows.keys().copied().collect();
        followed.into_iter().for_each(|conversation| client.follow(conversation));
    }

    pub(crate) fn reply_arrives(&mut self, at: usize) {
        let client = &mut self.clients[at];
        let down = client.connection.as_mut().and_then(|connection| connection.down.pop_front());
        match down {
            Some(Down::Reply(id, reply)) => self.hear(at, id, &reply),
            Some(Down::Listed(id, conversations)) => {
                conversations.into_iter().for_each(|conversation| client.hears_of(conversation));
                let page = ReplyBody::Conversations { rows: Vec::new(), next: None, position: 0 };
                self.hear(at, id, &Ok(page));
            }
            Some(Down::Goodbye(ForGood(for_good))) => {
                self.note(Count::HungUp);
                let client = &mut self.clients[at];
                client.is_displaced = for_good;
                client.connection_lost();
            }
            None => {}
        }
    }

    fn hear(&mut self, at: usize, id: u64, reply: &Reply) {
        let (now, random) = (self.now, self.rng.u64(..));
        let client = &mut self.clients[at];
        match client.outstanding.answer(id, reply.clone()) {
            Answered::Done { waiter, .. } => {
                if let (Some((conversation, number)), Err(error)) = (waiter.subscribes, reply)
                    && let Some(following) = client.follows.get_mut(&conversation)
                {
                    following.follow.refused(number, error, now, random);
                }
                if let Ok(ReplyBody::Opened { conversation }) = reply {
                    client.home = Some(*conversation);
                    client.hears_of(*conversation);
                }
                if let Some(counter) = waiter.counter {
                    let instance = client.instance;
                    self.told((instance, counter), reply);
                }
            }
            Answered::Kept | Answered::Unknown => {
                self.broken(Promise::G2, format!("request {id} was answered twice"));
            }
        }
    }

    pub(crate) fn frame_arrives(&mut self, at: usize, number: u32) {
        let (now, random) = (self.now, self.rng.u64(..));
        let Some(connection) = &mut self.clients[at].connection else { return };
        let Some(frame) = connection.streams.get_mut(&number).and_then(VecDeque::pop_front) else { return };
        let verdict = self.clients[at].judge(number, &frame, now, random);
        match verdict {
            Verdict::Give | Verdict::Ignore => {}
            Verdict::Repeat => self.broken(Promise::G3, format!("a client was sent {frame:?} twice")),
            Verdict::Again(Some(fault)) | Verdict::Faulty(fault) => {
                self.broken(Promise::G3, format!("a client's stream: {fault}"));
            }
            // It does not read that stream any more.
            Verdict::Again(None) | Verdict::Refused(_) => {
                if let Some(connection) = &mut self.clients[at].connection {
                    connection.streams.remove(&number);
                }
            }
        }
    }

    /// Somebody is said to type. It is shown, unless it has been overtaken by what they wrote.
    pub(crate) fn typing_arrives(&mut self, at: usize, typing: &Typing) {
        let reader = self.clients[at].identity.reader();
        let Some(following) = self.clients[at].follows.get(&typing.conversation) else { return };
        if !following.follow.typing_counts(typing) {
            return self.note(Count::TypingOvertaken);
        }
        let known = typing.after_seq.max(following.began_after);
        let later = following.transcript.iter().rev().take_while(|(seq, ..)| *seq > known);
        let has_written = later
            .filter(|(_, _, event)| matches!(event.what, What::Message(_)))
            .any(|(_, _, event)| Some(sender(event.by, reader)) == typing.by);
        self.note(Count::TypingShown);
        if has_written {
            self.broken(Promise::G3, format!("client {at} shows {typing:?}, who has written since"));
        }
    }
}

impl Client {
    fn judge(&mut self, number: u32, frame: &Frame, now: Duration, random: u64) -> Verdict {
        let reader = self.identity.reader();
        let conversation = self.carries.get(&number);
        let Some(following) = conversation.and_then(|conversation| self.follows.get_mut(conversation)) else {
            return Verdict::Again(None);
        };
        if *frame == Frame::Head {
            let is_wanted = following.follow.opened(number, now);
            return if is_wanted { Verdict::Give } else { Verdict::Again(None) };
        }
        let verdict = following.follow.conversation(number, &wire_frame(frame, reader), now, random);
        if verdict == Verdict::Give {
            match frame {
                Frame::Event { seq, at, event } => following.transcript.push((*seq, *at, event.clone())),
                Frame::Cursors(cursors) => following.cursors = Some(*cursors),
                Frame::Head | Frame::CaughtUp(_) | Frame::Ended => {}
            }
        }
        verdict
    }
}

fn wire_frame(frame: &Frame, reader: Reader) -> ConversationFrame {
    match frame {
        Frame::Event { seq, at, event } => {
            let by = sender(event.by, reader);
            let what = match &event.what {
                What::Message(message) => EventKind::message(message.content.clone()),
                What::Called { consultation, category, .. } => {
                    EventKind::Called { consultation: *consultation, category: category.clone() }
                }
                What::Assigned { member, .. } => {
                    EventKind::Assigned { member: *member, how: How::Unknown, from: None }
                }
                What::Unserved { .. } => EventKind::Unserved { why: UnservedWhy::GaveUp },
                What::CallRefused { category } => EventKind::CallRefused { category: category.clone() },
                What::Requeued { from, .. } => {
                    EventKind::Requeued { member: *from, why: RequeuedWhy::Absent }
                }
                What::Started { .. } => EventKind::Started,
                What::Entered { .. } => EventKind::Entered,
                What::Left { .. } => EventKind::Left,
                What::Completed => EventKind::Completed,
                What::Ended => EventKind::Ended,
                What::Described(_) => {
                    EventKind::Described { details: CustomerDetails::default(), cleared: Vec::new() }
                }
                What::Explained(_) | What::Read { .. } | What::Unchanged => EventKind::Unknown,
            };
            ConversationFrame::Event(switchboard_protocol::wire::Event {
                seq: *seq,
                at: *at,
                by,
                what,
                epoch: None,
            })
        }
        Frame::CaughtUp(seq) => ConversationFrame::CaughtUp { seq: *seq },
        Frame::Cursors(cursors) => ConversationFrame::Cursors(Cursors {
            customer_read: cursors.customer,
            staff_read: cursors.staff,
            customer_received: cursors.customer_received,
            staff_received: cursors.staff_received,
            unread: u32::try_from(cursors.unread).unwrap_or(u32::MAX),
            line: None,
        }),
        Frame::Ended => {
            ConversationFrame::Ended { error: ErrorBody::new(ErrorCode::Resubscribe, "it has ended") }
        }
        Frame::Head => ConversationFrame::Unknown,
    }
}

/// Who did something, as a reader is told: customers do not learn which agent it was.
pub(crate) const fn sender(party: Party, reader: Reader) -> Sender {
    match (party, reader) {
        (Party::Customer, _) => Sender::Customer,
        (Party::Bot, _) => Sender::Bot,
        (Party::Agent { .. }, Reader::Customer) => Sender::Agent { member: None },
        (Party::Agent { member }, Reader::Staff) => Sender::Agent { member: Some(member) },
    }
}
