//! A session's actor: the mailbox around [`Route`].
//!
//! Owns the carrying of requests to conversations and of answers to the client, as the engine's actor
//! does. Must not know how a client makes requests.

mod answers;
mod opening;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use switchboard::domain::conversation::{Action, Answer, Command, Origin};
use switchboard::domain::customer::{DetailsChange, Edit};
use switchboard::domain::identity::{Identity, Reader};
use switchboard::machines::live::SubscriberId;
use switchboard::machines::places::Place;
use switchboard::machines::route::{Route, Step, Tag};
use switchboard_protocol::vocabulary::{ConversationId, InstanceId, Seq, Timestamp};
use switchboard_protocol::wire::{ErrorBody, ErrorCode, Op, ReplyBody, Request, Topic};

use crate::mail::{
    Ask, ConversationMsg, Errand, ForGood, Located, Run, SessionId, SessionMsg, Way, WorkspaceMsg,
};
use crate::network::Down;
use crate::outbox::Outbox;
use crate::places::{LEASE, Signs};
use crate::tally::Count;
use crate::world::World;

/// The actor.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// Whose, and over which of its connections.
    pub(crate) client: usize,
    pub(crate) connection: u64,
    pub(crate) identity: Rc<Identity>,
    pub(crate) instance: InstanceId,
    pub(crate) run: Run,
    pub(crate) place: Place,
    /// Its client has said that its user only wants to look.
    pub(crate) looks: bool,
    /// Until when the client is believed to be there, and what that rests on.
    pub(crate) until: Duration,
    pub(crate) signs: Signs,
    routes: BTreeMap<ConversationId, Route<Way, Routed>>,
    pending: BTreeMap<Tag, Pending>,
    last_tag: Tag,
    following: BTreeMap<u32, Option<Followed>>,
    /// Questions for the customer's conversation, until the workspace has named it.
    opening: BTreeMap<u64, (u64, u64)>,
    last_opening: u64,
}

/// An errand before it is sent: a subscription gets a fresh outbox with every sending.
#[derive(Clone)]
enum Routed {
    Plain(Errand),
    Follow { subscription: u32, after: Seq },
}

struct Pending {
    ask: u64,
    counter: Option<u64>,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Command,
    Open,
    Follow { subscription: u32, after: Seq },
    History,
}

struct Followed {
    conversation: ConversationId,
    subscriber: SubscriberId,
    outbox: Rc<Outbox>,
    way: Way,
}

/// A subscription that has begun.
pub(crate) struct Begun {
    pub(crate) number: u32,
    pub(crate) conversation: ConversationId,
    pub(crate) subscriber: SubscriberId,
    pub(crate) outbox: Rc<Outbox>,
    pub(crate) way: Way,
    pub(crate) after: Seq,
}

pub(crate) use opening::Recall;

/// An answer to a request.
pub(crate) type Reply = Result<ReplyBody, ErrorBody>;

impl Session {
    pub(crate) const fn new(
        id: SessionId,
        (client, connection): (usize, u64),
        identity: Rc<Identity>,
        instance: InstanceId,
        run: Run,
        (place, signs, looks): (Place, Signs, bool),
    ) -> Self {
        Self {
            id,
            client,
            connection,
            identity,
            instance,
            run,
            place,
            looks,
            until: Duration::ZERO,
            signs,
            routes: BTreeMap::new(),
            pending: BTreeMap::new(),
            last_tag: 0,
            following: BTreeMap::new(),
            opening: BTreeMap::new(),
            last_opening: 0,
        }
    }

    /// What was asked of the workspace before may rest on what the next one does not know.
    fn waits_for_something(&self) -> bool {
        !self.pending.is_empty() || !self.opening.is_empty()
    }

    fn command(&self, counter: u64, action: Action) -> Errand {
        let identity = Identity::clone(&self.identity);
        let origin = Origin { party: identity.party(), instance: self.instance, counter };
        Errand::Command(Rc::new(Command { identity, origin, action }), !self.counts())
    }

    /// The way to a conversation that is followed.
    fn way_to(&self, wanted: ConversationId) -> Option<&Followed> {
        self.following.values().flatten().find(|followed| followed.conversation == wanted)
    }
}

impl World {
    /// The actor's turn.
    pub(crate) fn run_session(&mut self, id: SessionId) {
        let (Some(mut session), Some(message)) = (self.sessions.remove(&id), self.mail.next_for_session(id))
        else {
            return;
        };
        match message {
            SessionMsg::Ask(request) => self.ask(&mut session, request),
            SessionMsg::Typing(conversation, after_seq) => {
                if let Some(followed) = self.way_that_counts(&session, conversation) {
                    let identity = Rc::clone(&session.identity);
                    let typing = ConversationMsg::Typing(followed.subscriber, identity, after_seq);
                    self.mail.to_conversation(followed.way, typing);
                }
            }
            SessionMsg::Opened(opening, found) => self.opened(&mut session, opening, found),
            SessionMsg::Recalled(opening, conversation, known) => match known {
                Ok(known) => self.begin(&mut session, opening, conversation, known),
                Err(why) => self.cannot_open(&mut session, opening, why),
            },
            SessionMsg::Listed(ask, conversations) => {
                self.say_to_client(session.client, session.connection, Down::Listed(ask, conversations));
            }
            SessionMsg::Released(ask, released) => {
                let nobody = || ErrorBody::new(ErrorCode::NotQuarantined, "not set aside");
                let reply = if released { Ok(ReplyBody::Unsubscribed) } else { Err(nobody()) };
                self.reply(&session, ask, None, reply);
            }
            SessionMsg::Changed(changing, answer) => self.change_answered(&session, changing, answer),
            SessionMsg::Answered { conversation, tag, answer } => {
                self.errand_answered(&mut session, conversation, tag, answer);
            }
            SessionMsg::Lost { conversation, tag, way } => {
                self.note(Count::CommandLost);
                let steps = session.routes.entry(conversation).or_default().lost(tag, &way);
                self.carry_out(&mut session, conversation, steps);
            }
            SessionMsg::Located(conversation, Located::At(way)) => {
                let steps = session.routes.entry(conversation).or_default().resolved(&way);
                self.carry_out(&mut session, conversation, steps);
            }
            SessionMsg::Located(conversation, Located::Quarantined) => {
                for tag in session.routes.entry(conversation).or_default().unresolved() {
                    self.refuse(&mut session, tag, ErrorBody::new(ErrorCode::Quarantined, "set aside"));
                }
            }
            SessionMsg::SubscriptionEnded(number) => drop(session.following.remove(&number)),
            SessionMsg::Attends(until) => {
                if !self.attends(&mut session, until) {
                    return self.close_session(session, ForGood(false));
                }
            }
            SessionMsg::WorkspaceBegun(_) if session.waits_for_something() => {
                return self.close_session(session, ForGood(false));
            }
            SessionMsg::WorkspaceBegun(run) => {
                session.run = run;
                let until = session.until;
                if !self.attends(&mut session, until) {
                    return self.close_session(session, ForGood(false));
                }
            }
            SessionMsg::WorkspaceGone => return self.close_session(session, ForGood(false)),
            SessionMsg::Close(for_good) => return self.close_session(session, for_good),
            SessionMsg::Closed => return self.end_session(session),
        }
        self.sessions.insert(id, session);
    }

    /// A client was proven and has its place: its session begins.
    pub(crate) fn session_begins(&mut self, mut session: Session) {
        self.mail.open_session(session.id);
        let until = self.now + LEASE;
        if self.attends(&mut session, until) {
            self.sessions.insert(session.id, session);
        } else {
            self.close_session(session, ForGood(false));
        }
    }

    fn close_session(&mut self, session: Session, for_good: ForGood) {
        self.hang_up(session.client, session.connection, for_good);
        self.end_session(session);
    }

    /// The actor panics. The transport notices, and closes the connection.
    pub(crate) fn fail_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.note(Count::SessionFailed);
            self.close_session(session, ForGood(false));
        }
    }

    fn end_session(&mut self, session: Session) {
        // Whoever it made room for comes before it goes.
        let steps = self.places.left(&session.id);
        self.carry_out_places(steps);
        self.has_gone(&session);
        for followed in session.following.into_values().flatten() {
            self.end_following(&followed);
        }
        self.mail.close_session(session.id);
    }

    fn ask(&mut self, session: &mut Session, request: Request) {
        let Request { id, n, op } = request;
        let consultation = self.fresh_consultation();
        let plain = |world: &mut Self, session: &mut Session, conversation, action| {
            if let Some(counter) = n {
                world.command_for(session, (id, counter), conversation, action);
            }
        };
        match op {
            Op::Open => {
                if let Some(counter) = n {
                    self.open_conversation(session, (id, counter), None);
                }
            }
            Op::Post { conversation: of, content } => plain(self, session, of, Action::Post { content }),
            Op::Read { conversation, up_to } => plain(self, session, conversation, Action::Read { up_to }),
            Op::Join { conversation } => plain(self, session, conversation, Action::Join),
            Op::Leave { conversation } => plain(self, session, conversation, Action::Leave),
            Op::Take { conversation: of, epoch } => {
                plain(self, session, of, Action::Take { consultation, epoch })
            }
            Op::Call { conversation, category } => {
                plain(self, session, conversation, Action::Call { consultation, category });
            }
            Op::Cancel { conversation } => plain(self, session, conversation, Action::Cancel),
            Op::Transfer { conversation: of, from, to, epoch } => {
                plain(self, session, of, Action::Transfer { from, to, epoch });
            }
            Op::Describe { conversation, details, .. } => {
                let name = details.name.map_or(Edit::Clear, Edit::Set);
                let change = Box::new(DetailsChange { name, ..DetailsChange::default() });
                plain(self, session, conversation, Action::Describe { change });
            }
            Op::Complete { conversation: of, epoch } => plain(self, session, of, Action::Complete { epoch }),
            Op::End { conversation } => plain(self, session, conversation, Action::End),
            Op::Subscribe { subscription, topic: Topic::Conversation { conversation, after } } => {
                session.following.insert(subscription, None);
                let pending = Pending { ask: id, counter: None, kind: Kind::Follow { subscription, after } };
                self.send(session, conversation, Routed::Follow { subscription, after }, pending);
            }
            Op::Unsubscribe { subscription } => {
                let ended = self.unfollow(session, subscription);
                self.reply(session, id, None, ended);
            }
            Op::History { conversation, before, .. } => {
                let errand = Errand::History { identity: Rc::clone(&session.identity), before };
                let pending = Pending { ask: id, counter: None, kind: Kind::History };
                self.send(session, conversation, Routed::Plain(errand), pending);
            }
            Op::Received { conversation, up_to } => self.received(session, id, conversation, up_to),
            Op::List { .. } => {
                self.note_looked(session);
                self.mail.ask_for_list(session.run, session.id, id);
            }
            Op::Release { conversation } => {
                let reply = self.mail.workspace_reply(session.id, Ask(id));
                self.mail.to_workspace(session.run, WorkspaceMsg::Release(conversation, reply));
            }
            Op::Change { .. } | Op::Status { .. } => {
                n.into_iter().for_each(|counter| self.ask_change(session, id, counter));
            }
            // Nobody asks for these here.
            Op::Subscribe { topic: Topic::Desk { .. } | Topic::Unknown, .. }
            | Op::Explain { .. }
            | Op::Customer { .. }
            | Op::Search { .. }
            | Op::Consultations { .. }
            | Op::Quarantined
            | Op::Settings { .. }
            | Op::Audit { .. }
            | Op::Waiting
            | Op::Latency
            | Op::Unknown => {}
        }
    }

    fn received(&mut self, session: &Session, ask: u64, conversation: ConversationId, up_to: Seq) {
        if let Some(followed) = self.way_that_counts(session, conversation) {
            let received = ConversationMsg::Received(Rc::clone(&session.identity), up_to);
            self.mail.to_conversation(followed.way, received);
        }
        self.reply(session, ask, None, Ok(ALREADY_SO));
    }

    /// The way to a conversation that is followed, if what its client has received or types is anybody's.
    fn way_that_counts<'a>(&mut self, session: &'a Session, wanted: ConversationId) -> Option<&'a Followed> {
        let followed = session.way_to(wanted)?;
        if session.counts() {
            return Some(followed);
        }
        self.note(Count::UncountedByLooker);
        None
    }

    fn command_for(
        &mut self,
        session: &mut Session,
        (ask, counter): (u64, u64),
        conversation: ConversationId,
        action: Action,
    ) {
        self.note_asked(session, counter);
        let errand = Routed::Plain(session.command(counter, action));
        let pending = Pending { ask, counter: Some(counter), kind: Kind::Command };
        self.send(session, conversation, errand, pending);
    }

    fn unfollow(&self, session: &mut Session, subscription: u32) -> Reply {
        match session.following.remove(&subscription) {
            Some(followed) => {
                followed.iter().for_each(|followed| self.end_following(followed));
                Ok(ReplyBody::Unsubscribed)
            }
            None => Err(ErrorBody::new(ErrorCode::NoSuchSubscription, "none")),
        }
    }

    /// The conversation is told as well: it may have a subscriber whose task was never begun.
    fn end_following(&self, followed: &Followed) {
        followed.outbox.abandon();
        self.mail.to_conversation(followed.way, ConversationMsg::Unsubscribe(followed.subscriber));
    }

    fn send(
        &mut self,
        session: &mut Session,
        conversation: ConversationId,
        errand: Routed,
        pending: Pending,
    ) {
        session.last_tag += 1;
        let tag = session.last_tag;
        session.pending.insert(tag, pending);
        let step = session.routes.entry(conversation).or_default().send(tag, errand);
        self.carry_out(session, conversation, step);
    }

    fn carry_out(
        &mut self,
        session: &mut Session,
        conversation: ConversationId,
        steps: impl IntoIterator<Item = Step<Way, Routed>>,
    ) {
        for step in steps {
            match step {
                Step::Resolve(dead) => {
                    let reply = self.mail.workspace_reply(session.id, conversation);
                    self.mail.to_workspace(session.run, WorkspaceMsg::Locate(conversation, dead, reply));
                }
                Step::Send(way, tag, errand) => {
                    let errand = match errand {
                        Routed::Plain(errand) => errand,
                        Routed::Follow { subscription, after } => {
                            let subscriber = SubscriberId(self.number());
                            let outbox = Rc::new(Outbox::new(self.rates.outbox_entries_max));
                            let followed =
                                Followed { conversation, subscriber, outbox: Rc::clone(&outbox), way };
                            session.following.insert(subscription, Some(followed));
                            let identity = Rc::clone(&session.identity);
                            Errand::Subscribe { subscriber, after, identity, outbox }
                        }
                    };
                    let reply = self.mail.errand_reply(session.id, conversation, tag, way);
                    // One that is closed gives the errand back by losing it.
                    self.mail.to_conversation(way, ConversationMsg::Errand(errand, reply));
                }
                Step::GiveUp(tag) => {
                    self.note(Count::GivenUp);
                    self.refuse(session, tag, ErrorBody::new(ErrorCode::Fault, "given up"));
                }
            }
        }
    }
}

fn accepted(answer: &Answer, reader: Reader) -> ReplyBody {
    let counts = reader == Reader::Staff || answer.customer_sees;
    ReplyBody::Accepted { seq: answer.place.filter(|_| counts).map(|place| place.of(reader)), at: answer.at }
}

/// What is answered when there was nothing to do. No entry has this time.
pub(crate) const ALREADY_SO: ReplyBody = ReplyBody::Accepted { seq: None, at: Timestamp::from_millis(-1) };
