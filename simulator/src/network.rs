//! The network: the connections of clients, and everything that is on its way on them.
//!
//! Owns what a lane promises: requests and replies come in order, each subscription has a stream that waits
//! for no other, datagrams come in any order or not at all; and what a cut and a change of the client's
//! address do to all that. Must not know what is said on a lane.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use switchboard_protocol::vocabulary::{ConversationId, Seq};
use switchboard_protocol::wire::{Request, Typing};

use crate::mail::{ForGood, SessionId, SessionMsg};
use crate::pump::Frame;
use crate::session::Reply;
use crate::tally::Count;
use crate::world::World;

/// A connection; each of its streams is in order, and none waits for another.
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) session: SessionId,
    pub(crate) up: VecDeque<Request>,
    pub(crate) down: VecDeque<Down>,
    pub(crate) streams: BTreeMap<u32, VecDeque<Frame>>,
    pub(crate) datagrams_up: VecDeque<(ConversationId, Seq)>,
    pub(crate) datagrams_down: VecDeque<Typing>,
    /// Nothing comes on a lane before its time: the client's address has changed.
    held: BTreeMap<Lane, Duration>,
    /// The same for every lane.
    held_all: Duration,
}

pub(crate) enum Down {
    Reply(u64, Reply),
    Listed(u64, Vec<ConversationId>),
    Goodbye(ForGood),
}

/// What is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    Up,
    Down,
    Stream(u32),
}

impl Connection {
    pub(crate) const fn new(id: u64, session: SessionId) -> Self {
        Self {
            id,
            session,
            up: VecDeque::new(),
            down: VecDeque::new(),
            streams: BTreeMap::new(),
            datagrams_up: VecDeque::new(),
            datagrams_down: VecDeque::new(),
            held: BTreeMap::new(),
            held_all: Duration::ZERO,
        }
    }

    /// The lanes on which something is on its way, and from when on it may come.
    pub(crate) fn busy(&self) -> impl Iterator<Item = (Lane, Duration)> {
        let up = (!self.up.is_empty()).then_some(Lane::Up);
        let down = (!self.down.is_empty()).then_some(Lane::Down);
        let streams = self.streams.iter().filter(|(_, stream)| !stream.is_empty());
        let lanes = up.into_iter().chain(down).chain(streams.map(|(number, _)| Lane::Stream(*number)));
        lanes.map(|lane| {
            let held = self.held.get(&lane).copied().unwrap_or_default();
            (lane, held.max(self.held_all))
        })
    }

    /// Whether a datagram is on its way, and may come.
    pub(crate) fn datagrams_come(&self, now: Duration) -> bool {
        self.held_all <= now && !(self.datagrams_up.is_empty() && self.datagrams_down.is_empty())
    }

    fn changes_address(&mut self, now: Duration, rng: &mut fastrand::Rng) {
        let mut later = |up_to_ms| now + Duration::from_millis(rng.u64(1..up_to_ms));
        self.held_all = later(STALL_MS_MAX);
        let busy: Vec<_> = self.busy().map(|(lane, _)| lane).collect();
        self.held = busy.into_iter().map(|lane| (lane, later(DELAY_MS_MAX))).collect();
    }
}

impl World {
    /// The client is in another network from now on. Its connection, and the session on it, stay the same;
    /// what was on its way is sent again on the new path, or is lost if nobody sends it again.
    pub(crate) fn change_address(&mut self, at: usize) {
        let (now, rng) = (self.now, &mut self.rng);
        let Some(connection) = &mut self.clients[at].connection else { return };
        connection.changes_address(now, rng);
        let keeps: Vec<bool> = connection.datagrams_up.iter().map(|_| rng.bool()).collect();
        let datagrams = connection.datagrams_up.len() + connection.datagrams_down.len();
        let mut keep = keeps.iter();
        connection.datagrams_up.retain(|_| keep.next().copied().unwrap_or(false));
        connection.datagrams_down.retain(|_| rng.bool());
        let left = connection.datagrams_up.len() + connection.datagrams_down.len();
        let held = connection.busy().count();
        self.note(Count::AddressChanged);
        (left..datagrams).for_each(|_| self.note(Count::DatagramLost));
        (0..held).for_each(|_| self.note(Count::LaneHeld));
    }

    /// The connection is lost. What was on its way up may still arrive; what was on its way down not.
    pub(crate) fn cut(&mut self, at: usize) {
        let on = self.clients[at].connection.as_ref().map(|connection| connection.session);
        on.into_iter().for_each(|session| self.heard(session));
        let client = &mut self.clients[at];
        client.waits = None;
        if let Some(connection) = client.connection.take() {
            let earlier = client.late.replace((connection.session, connection.up));
            if let Some((session, _)) = earlier {
                self.connection_closed(session);
            }
        }
        self.clients[at].connection_lost();
    }

    /// The engine is gone, and every connection with it.
    pub(crate) fn everybody_loses_connection(&mut self) {
        for client in &mut self.clients {
            client.late = None;
            client.waits = None;
            client.connection_lost();
        }
    }

    /// A late request arrives, or the engine notices that the connection is gone.
    pub(crate) fn late_request(&mut self, at: usize) {
        let Some((session, up)) = &mut self.clients[at].late else { return };
        let session = *session;
        match up.pop_front() {
            Some(request) => {
                self.heard(session);
                self.mail.to_session(session, SessionMsg::Ask(request));
                self.note(Count::LateRequest);
            }
            None => {
                self.clients[at].late = None;
                self.connection_closed(session);
            }
        }
    }

    pub(crate) fn client_sends(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if let (Some(connection), Some(request)) = (&mut client.connection, client.outstanding.next_to_send())
        {
            connection.up.push_back(request.clone());
        }
    }

    /// The first thing on a lane arrives.
    pub(crate) fn arrives(&mut self, at: usize, lane: Lane) {
        match lane {
            Lane::Up => self.request_arrives(at),
            Lane::Down => self.reply_arrives(at),
            Lane::Stream(number) => self.frame_arrives(at, number),
        }
    }

    fn request_arrives(&mut self, at: usize) {
        let Some(connection) = &mut self.clients[at].connection else { return };
        if let Some(request) = connection.up.pop_front() {
            let session = connection.session;
            self.heard(session);
            self.mail.to_session(session, SessionMsg::Ask(request));
        }
    }

    /// A datagram arrives, whichever it is, or is lost.
    pub(crate) fn datagram_arrives(&mut self, at: usize) {
        let is_lost = self.happens(self.rates.faults.datagram_lost);
        let Some(connection) = &mut self.clients[at].connection else { return };
        let (ups, all) =
            (connection.datagrams_up.len(), connection.datagrams_up.len() + connection.datagrams_down.len());
        let chosen = self.rng.usize(..all);
        let overtakes = if chosen < ups { chosen > 0 } else { chosen > ups };
        let (session, mut up, mut down) = (connection.session, None, None);
        if chosen < ups {
            up = connection.datagrams_up.remove(chosen);
        } else {
            down = connection.datagrams_down.remove(chosen - ups);
        }
        if is_lost {
            return self.note(Count::DatagramLost);
        }
        if overtakes {
            self.note(Count::DatagramOvertook);
        }
        if let Some((conversation, after_seq)) = up {
            self.mail.to_session(session, SessionMsg::Typing(conversation, after_seq));
        }
        if let Some(typing) = down {
            self.typing_arrives(at, &typing);
        }
    }

    pub(crate) fn reply_to_client(&mut self, at: usize, connection: u64, ask: u64, reply: Reply) {
        self.say_to_client(at, connection, Down::Reply(ask, reply));
    }

    /// The engine closes a connection.
    pub(crate) fn hang_up(&mut self, at: usize, connection: u64, for_good: ForGood) {
        self.say_to_client(at, connection, Down::Goodbye(for_good));
    }

    pub(crate) fn say_to_client(&mut self, at: usize, connection: u64, down: Down) {
        if let Some(connection) = self.connection(at, connection) {
            connection.down.push_back(down);
        }
    }

    pub(crate) fn typing_to_client(&mut self, at: usize, connection: u64, typing: Typing) {
        if let Some(connection) = self.connection(at, connection) {
            connection.datagrams_down.push_back(typing);
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
}

/// For so long nothing comes either way while a new path is being found, in milliseconds.
const STALL_MS_MAX: u64 = 200;

/// For so long what was on its way when the path was lost is delayed, in milliseconds.
const DELAY_MS_MAX: u64 = 500;
