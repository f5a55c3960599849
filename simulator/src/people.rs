//! People: what they ask for, at random.
//!
//! Owns the questions and how often each is asked, also those that a well-behaved client would not ask. Must
//! not know how they travel.

use switchboard::domain::identity::{Identity, Reader};
use switchboard_protocol::vocabulary::{
    CategoryPath, Content, ConversationId, CustomerName, MessageText, Seq,
};
use switchboard_protocol::wire::{CustomerDetails, ListFilter, Op, Topic};

use crate::clients::Waiter;
use crate::settings::{CALL_WORD, MEMBERS, category, member};
use crate::tally::Count;
use crate::world::World;

impl World {
    /// Whether somebody would ask for something. Who knows of no conversation asks for one, and waits; an
    /// agent only when there is one.
    pub(crate) fn has_something_to_ask(&self, at: usize) -> bool {
        let client = &self.clients[at];
        let finds_one = match client.identity.reader() {
            Reader::Customer => true,
            Reader::Staff => self.model.conversations().next().is_some(),
        };
        let knows_one = !client.follows.is_empty() && client.has_room();
        knows_one || (client.outstanding.is_empty() && finds_one)
    }

    /// Somebody asks for something.
    pub(crate) fn client_acts(&mut self, at: usize) {
        let client = &self.clients[at];
        let reader = client.identity.reader();
        let followed: Vec<_> = client.follows.keys().copied().collect();
        // Mostly about the latest: a customer goes on in the conversation that was opened last.
        let latest = client.home.or(followed.last().copied());
        let is_over = latest.is_none_or(|latest| client.has_seen_end(latest));
        let Some(latest) = latest.filter(|_| !is_over || self.rng.u8(..6) == 0) else {
            let op = match reader {
                Reader::Customer => Op::Open,
                Reader::Staff => Op::List { filter: ListFilter::default(), cursor: None, limit: 9 },
            };
            return self.request(at, op, None);
        };
        let conversation = match self.rng.u8(..5) {
            0 if !followed.is_empty() => followed[self.rng.usize(..followed.len())],
            _ => latest,
        };
        if reader == Reader::Customer && self.rng.u32(..100) < self.rates.calls {
            let category = category(self.rng.usize(..3));
            return self.request(at, Op::Call { conversation, category }, None);
        }
        match self.rng.u32(..100) {
            0..44 => {
                let op = self.post(conversation);
                self.request(at, op, None);
            }
            44..54 => {
                let up_to = self.seen(at, conversation);
                self.request(at, Op::Read { conversation, up_to }, None);
            }
            54..58 => {
                let last = self.clients[at].follows.get(&conversation).map(|it| it.follow.last());
                let before = last.filter(|last| *last > Seq::ZERO);
                self.request(at, Op::History { conversation, before, limit: 3 }, None);
            }
            58..68 => {
                let up_to = self.seen(at, conversation);
                self.request(at, Op::Received { conversation, up_to }, None);
            }
            68..74 => self.types(at, conversation),
            74..75 => self.asks_what_is_not_theirs(at),
            96..98 if reader == Reader::Staff => {
                let op = self.describe(conversation);
                self.request(at, op, None);
            }
            rest => {
                let op = match reader {
                    Reader::Customer => customers_op(rest - 75, conversation),
                    Reader::Staff => self.agents_op(at, rest - 75, conversation),
                };
                self.request(at, op, None);
            }
        }
    }

    fn agents_op(&mut self, at: usize, drawn: u32, conversation: ConversationId) -> Op {
        match drawn {
            0..6 => Op::Join { conversation },
            6..9 => self.transfer(at, conversation),
            9..11 => Op::Leave { conversation },
            11..14 => Op::Take { conversation, epoch: None },
            // What it was once, or will be.
            14..15 => Op::Take { conversation, epoch: Some(1) },
            15..18 => Op::Complete { conversation: self.mostly_theirs(at, conversation), epoch: None },
            18..19 => Op::Complete { conversation, epoch: Some(2) },
            19..20 => Op::End { conversation },
            20..21 => Op::Open,
            // Between them somebody is described.
            23..24 => Op::Release { conversation },
            _ => Op::List { filter: ListFilter::default(), cursor: None, limit: 9 },
        }
    }

    /// Mostly something that somebody answers for, if there is anything.
    fn mostly_theirs(&mut self, at: usize, conversation: ConversationId) -> ConversationId {
        let own = self.clients[at].identity.member();
        let mut open = self.model.service.open();
        let theirs = open.find(|(_, call)| call.holder.is_some() && call.holder == own).map(|(id, _)| id);
        theirs.filter(|_| self.rng.u8(..4) > 0).unwrap_or(conversation)
    }

    /// To whomever: they may be there or not.
    fn transfer(&mut self, at: usize, conversation: ConversationId) -> Op {
        let conversation = self.mostly_theirs(at, conversation);
        let (any, to) = (self.rng.u8(1..=MEMBERS), self.rng.u8(1..=MEMBERS));
        let from = self.model.service.holder(conversation).unwrap_or_else(|| member(any));
        Op::Transfer { conversation, from, to: member(to), epoch: None }
    }

    /// How far somebody says to have come; now and then further than they can have.
    fn seen(&mut self, at: usize, conversation: ConversationId) -> Seq {
        let last = self.clients[at]
            .follows
            .get(&conversation)
            .map_or(Seq::ZERO, |following| following.follow.last());
        let too_far = if self.rng.u8(..8) == 0 { self.rng.u64(1..4) } else { 0 };
        Seq::new(last.get() + too_far).unwrap_or(last)
    }

    fn types(&mut self, at: usize, conversation: ConversationId) {
        let after_seq = self.seen(at, conversation);
        if let Some(connection) = &mut self.clients[at].connection {
            connection.datagrams_up.push_back((conversation, after_seq));
            self.note(Count::Typed);
        }
    }

    /// About a conversation that is another customer's, or that does not exist.
    fn asks_what_is_not_theirs(&mut self, at: usize) {
        let Identity::Customer { customer, .. } = &*self.clients[at].identity else { return };
        let foreign: Vec<_> = self.model.conversations_of_others(customer).collect();
        let picked = self.rng.usize(..=foreign.len());
        let conversation = foreign.get(picked).copied().unwrap_or(NOWHERE);
        let op = match self.rng.u8(..3) {
            0 => self.post(conversation),
            1 => Op::History { conversation, before: None, limit: 3 },
            _ => Op::End { conversation },
        };
        self.note(Count::AskedForForeign);
        self.request(at, op, None);
    }

    /// What is written down of a customer is never the same twice; now and then it is that nothing is known.
    fn describe(&mut self, conversation: ConversationId) -> Op {
        let number = self.number();
        let name = CustomerName::new(format!("name {number}")).ok().filter(|_| !number.is_multiple_of(5));
        let details = CustomerDetails { name, ..CustomerDetails::default() };
        Op::Describe { conversation, details, clear: Vec::new() }
    }

    fn post(&mut self, conversation: ConversationId) -> Op {
        let calls = self.rng.u32(..100) < self.rates.calls;
        let text = if calls { CALL_WORD.to_owned() } else { format!("text {}", self.number()) };
        match MessageText::new(text) {
            Ok(text) => Op::Post { conversation, content: Content::text(text) },
            Err(_) => Op::Latency,
        }
    }

    /// A subscription is due.
    pub(crate) fn subscribe(&mut self, at: usize, conversation: ConversationId) {
        let client = &mut self.clients[at];
        let number = client.next_subscription();
        let Some(following) = client.follows.get_mut(&conversation) else { return };
        let after = following.follow.last();
        let op = Op::Subscribe { subscription: number, topic: Topic::Conversation { conversation, after } };
        if client.outstanding.room(&op).is_ok() {
            following.follow.asked(number);
            if after > Seq::ZERO {
                self.note(Count::Resumed);
            }
            self.clients[at].carries.insert(number, conversation);
            self.request(at, op, Some((conversation, number)));
        }
    }

    /// The user looks away and looks again: the subscription is ended and another one begun.
    pub(crate) fn follow_again(&mut self, at: usize, conversation: ConversationId) {
        if let Some(subscription) = self.clients[at].look_away(conversation) {
            self.note(Count::Unsubscribed);
            self.request(at, Op::Unsubscribe { subscription }, None);
        }
    }

    pub(crate) fn request(&mut self, at: usize, op: Op, subscribes: Option<(ConversationId, u32)>) {
        let client = &mut self.clients[at];
        let counter = op.changes().then_some(client.last_counter + 1);
        self.trace.add(format!("     counter {counter:?}: {op:?}"));
        let conversation = conversation_of(&op);
        let text = match &op {
            Op::Post { content, .. } => content.as_text().map(|text| text.as_str().to_owned()),
            _ => None,
        };
        let needs_somebody =
            matches!(op, Op::Post { .. } | Op::Read { .. } | Op::Join { .. } | Op::Take { .. });
        match (client.outstanding.begin(op, Waiter { counter, subscribes }), counter) {
            (Ok(_), Some(counter)) => {
                client.last_counter = counter;
                let origin = (client.instance, counter);
                self.model.sent(origin, &client.identity, conversation, (text, needs_somebody));
                self.note(Count::CommandSent);
            }
            (Ok(_), None) => {}
            (Err(_), _) => self.note(Count::WindowFull),
        }
    }
}

fn customers_op(drawn: u32, conversation: ConversationId) -> Op {
    match drawn {
        0..5 => Op::End { conversation },
        // An agent's business.
        5..7 => Op::Take { conversation, epoch: None },
        7..11 => Op::Call { conversation, category: CategoryPath::default() },
        11..15 => Op::Cancel { conversation },
        _ => Op::Open,
    }
}

/// The conversation that a command names.
const fn conversation_of(op: &Op) -> Option<ConversationId> {
    match op {
        Op::Post { conversation, .. }
        | Op::Read { conversation, .. }
        | Op::Join { conversation }
        | Op::Leave { conversation }
        | Op::Call { conversation, .. }
        | Op::Cancel { conversation }
        | Op::Take { conversation, .. }
        | Op::Transfer { conversation, .. }
        | Op::Complete { conversation, .. }
        | Op::Describe { conversation, .. }
        | Op::End { conversation } => Some(*conversation),
        Op::Open
        | Op::Subscribe { .. }
        | Op::Unsubscribe { .. }
        | Op::Consultations { .. }
        | Op::Received { .. }
        | Op::History { .. }
        | Op::Explain { .. }
        | Op::Customer { .. }
        | Op::Search { .. }
        | Op::List { .. }
        | Op::Quarantined
        | Op::Release { .. }
        | Op::Settings { .. }
        | Op::Change { .. }
        | Op::Status { .. }
        | Op::Audit { .. }
        | Op::Waiting
        | Op::Latency
        | Op::Unknown => None,
    }
}

/// The id of no conversation.
const NOWHERE: ConversationId = ConversationId::from_bytes([0xee; 16]);
