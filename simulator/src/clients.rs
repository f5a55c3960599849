//! Clients: the SDK's plain machines, and people who ask for things at random.
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
use switchboard_protocol::vocabulary::{
    Content, ConversationId, InstanceId, MessageText, Party, Seq, Timestamp,
};
use switchboard_protocol::wire::{
    ConversationFrame, Cursors, ErrorBody, ErrorCode, EventKind, Op, Request, Sender, Topic,
};

use crate::check::Promise;
use crate::mail::{SessionId, SessionMsg};
use crate::pump::Frame;
use crate::session::{Reply, Session};
use crate::tally::Count;
use crate::world::World;

/// One client program.
pub(crate) struct Client {
    pub(crate) identity: Rc<Identity>,
    pub(crate) instance: InstanceId,
    /// The conversation that a customer has; for an agent, one of them.
    pub(crate) home: ConversationId,
    pub(crate) outstanding: Outstanding<Waiter>,
    pub(crate) follows: BTreeMap<ConversationId, Following>,
    pub(crate) connection: Option<Connection>,
    /// Requests that were on their way when the connection was lost, and may still arrive.
    pub(crate) late: Option<(SessionId, VecDeque<Request>)>,
    /// It will not come back.
    pub(crate) has_left: bool,
    /// Which conversation each stream of the connection carries.
    carries: BTreeMap<u32, ConversationId>,
    last_number: u32,
    last_counter: u64,
}

/// What a client knows of a conversation.
pub(crate) struct Following {
    pub(crate) follow: Follow,
    pub(crate) transcript: Vec<(Seq, Timestamp, Event)>,
    pub(crate) cursors: Option<SideCursors>,
}

/// What waits for an answer.
pub(crate) struct Waiter {
    counter: Option<u64>,
    subscribes: Option<(ConversationId, u32)>,
}

/// A connection; each of its streams is in order, and none waits for another.
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) session: SessionId,
    pub(crate) up: VecDeque<Request>,
    pub(crate) down: VecDeque<Down>,
    pub(crate) streams: BTreeMap<u32, VecDeque<Frame>>,
}

pub(crate) enum Down {
    Reply(u64, Reply),
    Goodbye,
}

impl Client {
    pub(crate) fn new(identity: Rc<Identity>, instance: InstanceId, home: ConversationId) -> Self {
        Self {
            identity,
            instance,
            home,
            outstanding: Outstanding::new(),
            follows: BTreeMap::new(),
            connection: None,
            late: None,
            has_left: false,
            carries: BTreeMap::new(),
            last_number: 0,
            last_counter: 0,
        }
    }

    /// Follows a conversation from its beginning.
    pub(crate) fn follow(&mut self, conversation: ConversationId) {
        let following = Following { follow: Follow::new(Seq::ZERO), transcript: Vec::new(), cursors: None };
        self.follows.insert(conversation, following);
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
            following.follow = Follow::new(following.follow.last());
        }
    }

    fn connection_lost(&mut self) {
        self.connection = None;
        self.carries.clear();
        self.outstanding.connection_lost();
        self.follows.values_mut().for_each(|following| following.follow.connection_lost());
    }
}

impl World {
    /// The client connects, again as the same instance; the session before is ended.
    pub(crate) fn connect(&mut self, at: usize) {
        let Some(workspace) = &self.workspace else { return self.start_workspace() };
        let run = workspace.run;
        if self.session_before(at).is_some() {
            return self.replace_session(at);
        }
        let (id, connection) = (SessionId(self.number()), self.number());
        let client = &mut self.clients[at];
        if let Some((before, _)) = client.late.take() {
            self.mail.to_session(before, SessionMsg::Closed);
        }
        let (identity, instance) = (Rc::clone(&client.identity), client.instance);
        self.sessions.insert(id, Session::new(id, (at, connection), identity, instance, run));
        self.mail.open_session(id);
        self.clients[at].connection = Some(Connection {
            id: connection,
            session: id,
            up: VecDeque::new(),
            down: VecDeque::new(),
            streams: BTreeMap::new(),
        });
        self.note(Count::Connected);
    }

    /// The session that the same client program still has, if it has one.
    fn session_before(&self, at: usize) -> Option<&Session> {
        let instance = self.clients[at].instance;
        self.sessions.values().find(|session| session.client == at && session.instance == instance)
    }

    /// Whether the client could connect now. A session before must have ended: what it has not sent on
    /// yet would otherwise come after what the next one sends.
    pub(crate) fn may_connect(&self, at: usize) -> bool {
        let workspace_opens = self.workspace.as_ref().is_some_and(|workspace| !workspace.is_open());
        let waits = self.session_before(at).is_some_and(|before| before.is_replaced);
        !workspace_opens && !waits && !self.clients[at].has_left
    }

    fn replace_session(&mut self, at: usize) {
        let Some(before) = self.session_before(at).map(|before| before.id) else { return };
        if let Some(session) = self.sessions.get_mut(&before) {
            session.is_replaced = true;
            self.mail.to_session(before, SessionMsg::Replaced);
            self.note(Count::SessionReplaced);
        }
    }

    /// The connection is lost. What was on its way up may still arrive; what was on its way down not.
    pub(crate) fn cut(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if let Some(connection) = client.connection.take() {
            client.late = Some((connection.session, connection.up));
        }
        client.connection_lost();
    }

    /// The engine is gone, and every connection with it.
    pub(crate) fn everybody_loses_connection(&mut self) {
        for client in &mut self.clients {
            client.late = None;
            client.connection_lost();
        }
    }

    /// A late request arrives, or the engine notices that the connection is gone.
    pub(crate) fn late_request(&mut self, at: usize) {
        let Some((session, up)) = &mut self.clients[at].late else { return };
        let session = *session;
        match up.pop_front() {
            Some(request) => {
                self.mail.to_session(session, SessionMsg::Ask(request));
                self.note(Count::LateRequest);
            }
            None => {
                self.clients[at].late = None;
                self.mail.to_session(session, SessionMsg::Closed);
            }
        }
    }

    /// The client's program ends and is begun anew, as another instance that knows nothing.
    pub(crate) fn start_anew(&mut self, at: usize) {
        self.note(Count::InstanceBegun);
        if self.clients[at].connection.is_some() {
            self.cut(at);
        }
        let instance = self.instance();
        let client = &mut self.clients[at];
        client.outstanding.drain();
        client.outstanding = Outstanding::new();
        (client.instance, client.last_counter) = (instance, 0);
        let followed: Vec<_> = client.follows.keys().copied().collect();
        followed.into_iter().for_each(|conversation| client.follow(conversation));
    }

    /// Somebody asks for something.
    pub(crate) fn client_acts(&mut self, at: usize) {
        let client = &self.clients[at];
        let is_customer = client.identity.reader() == Reader::Customer;
        let followed: Vec<_> = client.follows.keys().copied().collect();
        let conversation = followed[self.rng.usize(..followed.len())];
        let last = client.follows[&conversation].follow.last();
        let op = match self.rng.u32(..100) {
            0..45 => self.post(conversation),
            45..55 => Op::Read { conversation, up_to: last },
            55..60 => {
                Op::History { conversation, before: last.get().checked_sub(1).and(Some(last)), limit: 3 }
            }
            _ if is_customer => Op::Open,
            60..75 => Op::Join { conversation },
            75..82 => Op::Leave { conversation },
            82..92 => Op::Take { conversation },
            _ => Op::Complete { conversation },
        };
        self.request(at, op, conversation, None);
    }

    fn post(&mut self, conversation: ConversationId) -> Op {
        let text = format!("text {}", self.number());
        match MessageText::new(text) {
            Ok(text) => Op::Post { conversation, content: Content::text(text) },
            Err(_) => Op::Latency,
        }
    }

    /// A subscription is due.
    pub(crate) fn subscribe(&mut self, at: usize, conversation: ConversationId) {
        let client = &mut self.clients[at];
        let Some(following) = client.follows.get_mut(&conversation) else { return };
        client.last_number += 1;
        let number = client.last_number;
        let after = following.follow.last();
        let op = Op::Subscribe { subscription: number, topic: Topic::Conversation { conversation, after } };
        if client.outstanding.room(&op).is_ok() {
            following.follow.asked(number);
            client.carries.insert(number, conversation);
            self.request(at, op, conversation, Some(number));
        }
    }

    /// The user looks away and looks again: the subscription is ended and another one begun.
    pub(crate) fn follow_again(&mut self, at: usize, conversation: ConversationId) {
        let client = &mut self.clients[at];
        let Some(following) = client.follows.get_mut(&conversation) else { return };
        let anew = Follow::new(following.follow.last());
        let mut past = std::mem::replace(&mut following.follow, anew);
        past.leave();
        if let Some(subscription) = past.take_stale() {
            self.note(Count::Unsubscribed);
            if let Some(connection) = &mut self.clients[at].connection {
                connection.streams.remove(&subscription);
            }
            self.clients[at].carries.remove(&subscription);
            self.request(at, Op::Unsubscribe { subscription }, conversation, None);
        }
    }

    fn request(&mut self, at: usize, op: Op, conversation: ConversationId, number: Option<u32>) {
        let client = &mut self.clients[at];
        let conversation = if op == Op::Open { client.home } else { conversation };
        let text = match &op {
            Op::Post { content, .. } => content.as_text().map(|text| text.as_str().to_owned()),
            _ => None,
        };
        let counter = op.changes().then_some(client.last_counter + 1);
        self.trace.add(format!("     counter {counter:?}: {op:?}"));
        let waiter = Waiter { counter, subscribes: number.map(|number| (conversation, number)) };
        match (client.outstanding.begin(op, waiter), counter) {
            (Ok(_), Some(counter)) => {
                client.last_counter = counter;
                let origin = (client.instance, counter);
                self.model.sent(origin, conversation, text);
                self.note(Count::CommandSent);
            }
            (Ok(_), None) => {}
            (Err(_), _) => self.note(Count::WindowFull),
        }
    }

    pub(crate) fn client_sends(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if let (Some(connection), Some(request)) = (&mut client.connection, client.outstanding.next_to_send())
        {
            connection.up.push_back(request.clone());
        }
    }

    /// A request reaches the engine.
    pub(crate) fn request_arrives(&mut self, at: usize) {
        let Some(connection) = &mut self.clients[at].connection else { return };
        if let Some(request) = connection.up.pop_front() {
            self.mail.to_session(connection.session, SessionMsg::Ask(request));
        }
    }

    pub(crate) fn reply_to_client(&mut self, at: usize, connection: u64, ask: u64, reply: Reply) {
        if let Some(connection) = self.connection(at, connection) {
            connection.down.push_back(Down::Reply(ask, reply));
        }
    }

    /// The engine closes a connection.
    pub(crate) fn hang_up(&mut self, at: usize, connection: u64) {
        if let Some(connection) = self.connection(at, connection) {
            connection.down.push_back(Down::Goodbye);
        }
    }

    pub(crate) fn frame_to_client(&mut self, at: usize, connection: u64, number: u32, frame: Frame) {
        let frames_max = self.rates.stream_frames_max;
        let Some(connection) = self.connection(at, connection) else { return };
        match connection.streams.get_mut(&number) {
            Some(stream) => {
                stream.push_back(frame);
                if stream.len() >= frames_max {
                    self.note(Count::SlowReader);
                }
            }
            None if frame == Frame::Head => drop(connection.streams.insert(number, VecDeque::from([frame]))),
            None => {}
        }
    }

    /// How many frames wait for the client to read them; `None`: it does not read any more.
    pub(crate) fn frames_waiting(&self, at: usize, connection: u64, number: u32) -> Option<usize> {
        let open = self.clients[at].connection.as_ref().filter(|open| open.id == connection)?;
        open.streams.get(&number).map(VecDeque::len)
    }

    fn connection(&mut self, at: usize, connection: u64) -> Option<&mut Connection> {
        self.clients[at].connection.as_mut().filter(|open| open.id == connection)
    }

    pub(crate) fn reply_arrives(&mut self, at: usize) {
        let (now, random) = (self.now, self.rng.u64(..));
        let client = &mut self.clients[at];
        let down = client.connection.as_mut().and_then(|connection| connection.down.pop_front());
        let (id, reply) = match down {
            Some(Down::Reply(id, reply)) => (id, reply),
            Some(Down::Goodbye) => {
                self.note(Count::HungUp);
                return self.clients[at].connection_lost();
            }
            None => return,
        };
        match client.outstanding.answer(id, reply.clone()) {
            Answered::Done { waiter, .. } => {
                if let (Some((conversation, number)), Err(error)) = (waiter.subscribes, &reply)
                    && let Some(following) = client.follows.get_mut(&conversation)
                {
                    following.follow.refused(number, error, now, random);
                }
                if let Some(counter) = waiter.counter {
                    let instance = client.instance;
                    self.told((instance, counter), &reply);
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
}

impl Client {
    fn judge(&mut self, number: u32, frame: &Frame, now: Duration, random: u64) -> Verdict {
        let conversation = self.carries.get(&number);
        let Some(following) = conversation.and_then(|conversation| self.follows.get_mut(conversation)) else {
            return Verdict::Again(None);
        };
        if *frame == Frame::Head {
            let is_wanted = following.follow.opened(number, now);
            return if is_wanted { Verdict::Give } else { Verdict::Again(None) };
        }
        let verdict = following.follow.conversation(number, &wire_frame(frame), now, random);
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

fn wire_frame(frame: &Frame) -> ConversationFrame {
    match frame {
        Frame::Event { seq, at, event } => {
            let by = match event.by {
                Party::Customer => Sender::Customer,
                Party::Bot => Sender::Bot,
                Party::Agent { member } => Sender::Agent { member: Some(member) },
            };
            let what = match &event.what {
                What::Message(message) => EventKind::message(message.content.clone()),
                What::Assigned { member } => EventKind::Assigned { member: *member },
                What::Started { .. } => EventKind::Started,
                What::Entered { .. } => EventKind::Entered,
                What::Left { .. } => EventKind::Left,
                What::Completed => EventKind::Completed,
                What::Ended => EventKind::Ended,
                What::Read { .. } | What::Unchanged => EventKind::Unknown,
            };
            ConversationFrame::Event(switchboard_protocol::wire::Event { seq: *seq, at: *at, by, what })
        }
        Frame::CaughtUp(seq) => ConversationFrame::CaughtUp { seq: *seq },
        Frame::Cursors(cursors) => ConversationFrame::Cursors(Cursors {
            customer_read: cursors.customer,
            staff_read: cursors.staff,
            customer_received: cursors.customer_received,
            staff_received: cursors.staff_received,
            unread: u32::try_from(cursors.unread).unwrap_or(u32::MAX),
        }),
        Frame::Ended => {
            ConversationFrame::Ended { error: ErrorBody::new(ErrorCode::Resubscribe, "it has ended") }
        }
        Frame::Head => ConversationFrame::Unknown,
    }
}
