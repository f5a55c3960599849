//! A conversation that is awake.
//!
//! Owns the order decide → append → durable → reveal: an answer, an event or a rejection leaves only
//! when everything it rests on is durable. Owns the subscribers and which of them are live. Must not
//! know how messages travel: an [`Outlet`] takes what is for a subscriber, a token is whoever waits
//! for an answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use switchboard_protocol::vocabulary::{Party, Seq};

use super::dispatch::Announcement;
use super::feed::Verdict;
use super::planted::{Bug, is_planted};
use crate::domain::assignment::Line;
use crate::domain::consultation::Stage;
use crate::domain::conversation::{
    Action as Do, Answer, Command, Context, Conversation, Decision, Entry, OwnAction, Place, Received,
    Rejection, Side, What, admit, answer_of, decide, decide_own,
};
use crate::domain::identity::{Identity, Reader};

/// What the machine is connected to.
pub trait Ports {
    /// Whoever waits for an answer.
    type Token;
    /// What travels with an entry from its command to its readers, such as times.
    type Stamp: Clone;
    /// Takes what is for a subscriber.
    type Outlet: Outlet<Self::Stamp>;
}

/// The conversation's end of a subscription.
pub trait Outlet<Stamp> {
    /// Takes a durable entry. `false`: there is no room, and nothing was taken.
    fn push(&self, entry: &Arc<Entry>, stamp: &Stamp) -> bool;
    /// Says how a hand-over goes on. It is taken after what was pushed before it.
    fn verdict(&self, verdict: Verdict);
    /// Marks that the subscriber has missed something and must read on by itself.
    fn lagging(&self);
    /// Replaces the latest cursors.
    fn cursors(&self, cursors: SideCursors);
    /// Says that the incarnation has ended, and the subscription with it.
    fn end(&self);
}

/// How far each side has read and what has reached it, and what the reader has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SideCursors {
    /// The customer's cursor, in the reader's sequence.
    pub customer: Seq,
    /// The staff's cursor, in the reader's sequence.
    pub staff: Seq,
    /// What has reached the customer, in the reader's sequence.
    pub customer_received: Seq,
    /// What has reached the staff, in the reader's sequence.
    pub staff_received: Seq,
    /// What the reader's side has not read.
    pub unread: usize,
    /// The customer's place in the queue, for the customer while they wait.
    pub line: Option<Line>,
}

/// Names a subscriber within a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriberId(pub u64);

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted, now or before.
    Accepted(Answer),
    /// It is already as the command wants it.
    AlreadySo,
    /// It was accepted so long ago that the answer is gone.
    AcceptedLongAgo,
    /// The subscription has begun.
    Subscribed,
    /// It was refused.
    Rejected(Rejection),
}

impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// What the shell has to do, in this order.
#[derive(Debug)]
pub enum Action<P: Ports> {
    /// Hand the entry to the writer.
    Append(Arc<Entry>),
    /// Give the answer.
    Answer(P::Token, Outcome),
    /// Tell the workspace what is durable of its consultation.
    Announce(Announcement),
}

/// Why what the engine itself would do was not done; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone<Full> {
    /// It rests on what is not so any more.
    Rejected(Rejection),
    /// There is no room for it.
    NoRoom(Full),
}

/// A conversation that is awake.
pub struct Live<P: Ports> {
    state: Conversation,
    durable: u64,
    durable_place: Place,
    pending: VecDeque<(Arc<Entry>, P::Stamp)>,
    waiting: VecDeque<(u64, P::Token, Outcome)>,
    /// What is to be said of its consultation once it is durable.
    announcements: VecDeque<Announcement>,
    subscribers: BTreeMap<SubscriberId, Subscriber<P::Outlet>>,
    recent: VecDeque<(Arc<Entry>, P::Stamp)>,
    cursors_moved: bool,
    received: Received,
    /// The place in the queue that the customer is told.
    line: Option<Line>,
}

struct Subscriber<O> {
    reader: Reader,
    outlet: O,
    /// `Some` while live: the last sequence that it has.
    live_at: Option<Seq>,
    /// It has become live and waits for its first cursors, which rest on what is not durable yet.
    lacks_cursors: bool,
}

impl<P: Ports> Live<P> {
    /// A conversation in the durable state that the journal gave when it was opened.
    #[must_use]
    pub fn new(state: Conversation) -> Self {
        Self {
            durable: state.revision,
            durable_place: state.last,
            state,
            pending: VecDeque::new(),
            waiting: VecDeque::new(),
            announcements: VecDeque::new(),
            subscribers: BTreeMap::new(),
            recent: VecDeque::new(),
            cursors_moved: false,
            received: Received::default(),
            line: None,
        }
    }

    /// The state with everything decided, durable or not.
    #[must_use]
    pub const fn state(&self) -> &Conversation {
        &self.state
    }

    /// Whether it may go to sleep: nobody follows it, nothing is on its way.
    #[must_use]
    pub fn may_sleep(&self) -> bool {
        is_planted(Bug::SleepWithWork)
            || (self.subscribers.is_empty() && self.pending.is_empty() && self.waiting.is_empty())
    }

    /// Whether everything decided is durable.
    #[must_use]
    pub fn is_all_durable(&self) -> bool {
        self.pending.is_empty()
    }

    /// What has been decided and not revealed, up to a revision.
    pub fn pending_up_to(&self, up_to: u64) -> impl Iterator<Item = &(Arc<Entry>, P::Stamp)> {
        self.pending.iter().take_while(move |(entry, _)| entry.revision <= up_to)
    }

    /// A command has arrived. Whether an entry can be taken now is asked of `room` only when there is one: a
    /// command that was accepted before needs no room, and must not hear that nothing was done.
    ///
    /// # Errors
    /// Whoever waits and why there is no room; nothing has changed.
    pub fn command<Full>(
        &mut self,
        token: P::Token,
        stamp: P::Stamp,
        command: &Command,
        context: &Context<'_>,
        room: impl FnOnce() -> Result<(), Full>,
    ) -> Result<Vec<Action<P>>, (P::Token, Full)> {
        let mut actions = Vec::with_capacity(2);
        let mistaken = self.mistaken_state(&command.action);
        let present = context.present.filter(|_| !is_planted(Bug::AbsentGiven));
        let context = Context { present, ..*context };
        let outcome = match decide(mistaken.as_ref().unwrap_or(&self.state), command, &context) {
            Ok(Decision::Record(entry)) => {
                if let Err(full) = room() {
                    if is_planted(Bug::RefusalTakesCounter) {
                        self.state.clients.remember(&command.origin, answer_of(&entry));
                    }
                    return Err((token, full));
                }
                let answer = answer_of(&entry);
                actions.push(self.record(entry, stamp));
                Outcome::Accepted(answer)
            }
            Ok(Decision::AlreadySo) => Outcome::AlreadySo,
            Ok(Decision::Answered(answer)) => Outcome::Accepted(answer),
            Ok(Decision::AcceptedLongAgo) => Outcome::AcceptedLongAgo,
            Err(rejection) => Outcome::Rejected(rejection),
        };
        actions.extend(self.answer(token, outcome));
        Ok(actions)
    }

    /// The engine itself does something. Nobody waits for an answer.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn own<Full>(
        &mut self,
        stamp: P::Stamp,
        action: &OwnAction,
        context: &Context<'_>,
        room: impl FnOnce() -> Result<(), Full>,
    ) -> Result<Option<Action<P>>, NotDone<Full>> {
        let decision = match self.mistaken_own(action, context) {
            Some(mistaken) => mistaken,
            None => decide_own(&self.state, action, context),
        };
        match decision.map_err(NotDone::Rejected)? {
            Some(entry) => {
                room().map_err(NotDone::NoRoom)?;
                Ok(Some(self.record(entry, stamp)))
            }
            None => Ok(None),
        }
    }

    /// What the workspace is told first: what is durable when an incarnation begins.
    #[must_use]
    pub fn first_announcement(&self) -> Announcement {
        Announcement::of(&self.state)
    }

    fn record(&mut self, entry: Entry, stamp: P::Stamp) -> Action<P> {
        let entry = Arc::new(entry);
        let turn = self.state.served.turn();
        self.state.apply(&entry);
        self.pending.push_back((Arc::clone(&entry), stamp));
        if self.state.served.turn() != turn {
            self.announcements.push_back(Announcement::of(&self.state));
        }
        if is_planted(Bug::PushBeforeDurable) {
            self.push_planted();
        }
        Action::Append(entry)
    }

    /// Somebody wants to follow the conversation from after a sequence.
    pub fn subscribe(
        &mut self,
        token: P::Token,
        id: SubscriberId,
        identity: &Identity,
        after: Seq,
        outlet: P::Outlet,
    ) -> Option<Action<P>> {
        let reader = identity.reader();
        let last = self.durable_place.of(reader);
        let refused = match admit(&self.state, identity) {
            Err(rejection) => Some(rejection),
            Ok(_) if after > last => Some(Rejection::BeyondEnd { up_to: after, last }),
            Ok(_) => None,
        };
        let outcome = match refused {
            Some(rejection) => Outcome::Rejected(rejection),
            None => {
                self.subscribers
                    .insert(id, Subscriber { reader, outlet, live_at: None, lacks_cursors: false });
                self.caught_up(id, after);
                Outcome::Subscribed
            }
        };
        self.answer(token, outcome)
    }

    /// A subscriber has read the journal up to a sequence. Here, and only here, it becomes live: when
    /// what it has not read is still at hand. Otherwise it is told to read on.
    pub fn caught_up(&mut self, id: SubscriberId, at: Seq) {
        let durable_place = self.durable_place;
        let quiet = self.pending.is_empty();
        let Some(subscriber) = self.subscribers.get_mut(&id) else { return };
        let reader = subscriber.reader;
        let oldest_at_hand = self.recent.front().map_or(durable_place, |(entry, _)| entry.before);
        if at < oldest_at_hand.of(reader) && !is_planted(Bug::HandOverWithGap) {
            subscriber.outlet.verdict(Verdict::ReadOn);
            return;
        }
        subscriber.live_at = Some(at);
        for (entry, stamp) in &self.recent {
            subscriber.offer(entry, stamp);
        }
        // Not before what is at hand: whoever is live has everything that was there. One without room
        // for that was told so, and asks again.
        if subscriber.live_at.is_some() {
            subscriber.outlet.verdict(Verdict::Live);
            subscriber.lacks_cursors = !quiet;
            if quiet {
                subscriber.outlet.cursors(cursors(&self.state, &self.received, self.line, reader));
            }
            if reader == Reader::Customer {
                self.forget_masked();
            }
        }
    }

    /// Everything up to a sequence of the reader's has reached whoever says so and takes part. Nothing is
    /// recorded: this is remembered while the conversation is awake.
    pub fn received(&mut self, identity: &Identity, up_to: Seq) {
        // An agent who has not entered looks on, and nobody is to notice.
        let takes_part = match admit(&self.state, identity) {
            Ok(Party::Customer) => true,
            Ok(Party::Agent { member }) => self.state.served.agents.contains(&member),
            Ok(Party::Bot) | Err(_) => false,
        };
        if !takes_part {
            return;
        }
        let (side, unread) = match identity.reader() {
            Reader::Customer => (Side::Customer, &self.state.customer_unread),
            Reader::Staff => (Side::Staff, &self.state.staff_unread),
        };
        // Nobody can have what is not durable.
        let durable = self.durable_place.of(side.reader());
        let up_to = if is_planted(Bug::ReceivedBeforeDurable) { up_to } else { up_to.min(durable) };
        if is_planted(Bug::ReceivedGoesBack) {
            self.received = Received::default();
        }
        self.cursors_moved |= self.received.reached(side, unread, up_to);
        self.tell_cursors();
    }

    /// Somebody types who has seen everything up to a sequence of their own. Returns as whom, and who is to be
    /// told, after which event of the reader's sequence: the two sides count differently, so that a foreign
    /// sequence would mean nothing; and nobody hears of an event that is not durable.
    pub fn typing(
        &self,
        from: SubscriberId,
        identity: &Identity,
        after_seq: Seq,
    ) -> Option<(Party, impl Iterator<Item = (&P::Outlet, Seq)>)> {
        let typist = self.state.typist(identity)?;
        let own = identity.reader();
        let others = self.subscribers.iter().filter(move |(id, _)| **id != from);
        let told = others.map(move |(_, subscriber)| {
            let durable = self.durable_place.of(subscriber.reader);
            let after = match subscriber.reader == own {
                true => after_seq.min(durable),
                false if is_planted(Bug::TypingBeforeDurable) => self.state.last.of(subscriber.reader),
                false => durable,
            };
            (&subscriber.outlet, after)
        });
        Some((typist, told))
    }

    /// A subscriber does not follow any more.
    pub fn unsubscribe(&mut self, id: SubscriberId) {
        self.subscribers.remove(&id);
    }

    /// Everything up to this revision is durable: answers are given, entries are pushed.
    pub fn durable(&mut self, up_to: u64) -> Vec<Action<P>> {
        while self.pending.front().is_some_and(|(entry, _)| entry.revision <= up_to) {
            if let Some((entry, stamp)) = self.pending.pop_front() {
                self.reveal(entry, stamp);
            }
        }
        self.tell_cursors();
        let mut actions = Vec::new();
        // Each says everything: the last one will do.
        let told = self.announcements.iter().take_while(|it| it.revision <= self.durable).count();
        actions.extend(self.announcements.drain(..told).next_back().map(Action::Announce));
        while self.waiting.front().is_some_and(|(revision, _, _)| *revision <= self.durable) {
            if let Some((_, token, outcome)) = self.waiting.pop_front() {
                actions.push(Action::Answer(token, outcome));
            }
        }
        actions
    }

    /// The incarnation ends: what is not durable dies with it. Returns who was still waiting; their
    /// commands may or may not become durable, so they have to be sent again to the next incarnation.
    pub fn end(self) -> Vec<P::Token> {
        for subscriber in self.subscribers.values() {
            subscriber.outlet.end();
        }
        self.waiting.into_iter().map(|(_, token, _)| token).collect()
    }

    /// Ends the life of a conversation that may sleep; its state is worth keeping.
    #[must_use]
    pub fn into_state(self) -> Conversation {
        self.state
    }

    fn answer(&mut self, token: P::Token, outcome: Outcome) -> Option<Action<P>> {
        if self.durable == self.state.revision || is_planted(Bug::AnswerBeforeDurable) {
            return Some(Action::Answer(token, outcome));
        }
        self.waiting.push_back((self.state.revision, token, outcome));
        None
    }

    /// The customer's place in the queue is another, or they do not wait any more.
    pub fn stands_in_line(&mut self, line: Option<Line>) {
        self.line = line;
        for subscriber in self.subscribers.values_mut() {
            subscriber.lacks_cursors |= subscriber.reader == Reader::Customer;
        }
        self.tell_cursors();
    }

    /// Tells whoever is live of cursors that have moved, once they rest on what is durable alone.
    fn tell_cursors(&mut self) {
        if !self.pending.is_empty() {
            return;
        }
        let moved = std::mem::take(&mut self.cursors_moved);
        for subscriber in self.subscribers.values_mut().filter(|subscriber| subscriber.live_at.is_some()) {
            if std::mem::take(&mut subscriber.lacks_cursors) || moved {
                subscriber.outlet.cursors(cursors(&self.state, &self.received, self.line, subscriber.reader));
            }
        }
    }

    fn reveal(&mut self, entry: Arc<Entry>, stamp: P::Stamp) {
        self.durable = entry.revision;
        self.durable_place = entry.after();
        self.cursors_moved |= entry.events.iter().any(|event| matches!(event.what, What::Read { .. }));
        for subscriber in self.subscribers.values_mut() {
            subscriber.offer(&entry, &stamp);
        }
        let is_live = |subscriber: &Subscriber<_>| {
            subscriber.reader == Reader::Customer && subscriber.live_at.is_some()
        };
        // Nobody can follow a conversation before it has begun: its customer still has to get the greeting.
        let is_awaited = entry.revision == 1 && !self.subscribers.values().any(is_live);
        let is_left_to_journal = entry.has_masks() && !is_awaited;
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((entry, stamp));
        if is_left_to_journal {
            self.forget_masked();
        }
    }

    /// Whoever comes later must not see what was masked meanwhile: the journal knows what is due.
    fn forget_masked(&mut self) {
        if let Some(last) = self.recent.iter().rposition(|(entry, _)| entry.has_masks()) {
            self.recent.drain(..=last);
        }
    }

    /// What a mistake takes for the state when it decides.
    fn mistaken_state(&self, action: &Do) -> Option<Conversation> {
        let forgets_answers = is_planted(Bug::ForgetAnswers);
        let overlooks_end = is_planted(Bug::EndOverlooked) && matches!(action, Do::Post { .. });
        (forgets_answers || overlooks_end).then(|| {
            let mut state = self.state.clone();
            if forgets_answers {
                state.clients = Default::default();
            }
            state.ended &= !overlooks_end;
            state
        })
    }

    /// What a mistake decides of what the engine itself does.
    fn mistaken_own(
        &self,
        action: &OwnAction,
        context: &Context<'_>,
    ) -> Option<Result<Option<Entry>, Rejection>> {
        match action {
            OwnAction::Reply { to, epoch, .. } if is_planted(Bug::FloorForgotten) => {
                let mut state = self.state.clone();
                (state.served.consultation, state.served.epoch, state.owed) = (None, *epoch, Some(*to));
                Some(decide_own(&state, action, context))
            }
            OwnAction::Look if is_planted(Bug::DeadlineTooEarly) => {
                let mut service = context.service.clone();
                for after in [&mut service.silent_ms, &mut service.unserved_ms].into_iter().flatten() {
                    *after /= 2;
                }
                Some(decide_own(&self.state, action, &Context { service: &service, ..*context }))
            }
            OwnAction::Requeue { consultation, why, .. } if is_planted(Bug::TimerTwice) => {
                let (consultation, epoch, why) = (*consultation, self.state.served.epoch, *why);
                Some(decide_own(&self.state, &OwnAction::Requeue { consultation, epoch, why }, context))
            }
            OwnAction::Decided { .. }
            | OwnAction::Requeue { .. }
            | OwnAction::Reply { .. }
            | OwnAction::Look => None,
        }
    }

    fn push_planted(&mut self) {
        if let Some((entry, stamp)) = self.pending.back() {
            for subscriber in self.subscribers.values_mut() {
                subscriber.offer(entry, stamp);
            }
        }
    }
}

impl<O> Subscriber<O> {
    /// Pushes an entry to a live subscriber that has not got it; makes it lagging when there is no room.
    fn offer<Stamp>(&mut self, entry: &Arc<Entry>, stamp: &Stamp)
    where
        O: Outlet<Stamp>,
    {
        let Some(at) = self.live_at else { return };
        let end = entry.after().of(self.reader);
        let repeats = end <= at && !is_planted(Bug::HandOverWithRepeat);
        if repeats || end == entry.before.of(self.reader) {
            return;
        }
        if self.outlet.push(entry, stamp) {
            self.live_at = Some(end);
        } else {
            self.live_at = None;
            self.outlet.lagging();
        }
    }
}

fn cursors(state: &Conversation, received: &Received, line: Option<Line>, reader: Reader) -> SideCursors {
    // It may have been told before the customer was served.
    let waits = state.served.consultation.as_ref().is_some_and(|open| open.stage == Stage::Waiting);
    let unread = match reader {
        Reader::Customer => &state.customer_unread,
        Reader::Staff => &state.staff_unread,
    };
    SideCursors {
        customer: state.customer_unread.read.of(reader),
        staff: state.staff_unread.read.of(reader),
        customer_received: received.of(Side::Customer, &state.customer_unread).of(reader),
        staff_received: received.of(Side::Staff, &state.staff_unread).of(reader),
        unread: unread.count(),
        line: line.filter(|_| waits && reader == Reader::Customer),
    }
}

/// Entries kept at hand for a hand-over: so many may be decided while a reader asks to become live.
const RECENT_MAX: usize = 8;

#[cfg(test)]
mod tests;
