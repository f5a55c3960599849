//! A session: one authenticated client.
//!
//! Owns the carrying of its questions to conversations, workspace and journal, and of the answers to
//! its outbox. Must not know sockets or frames: behind the outbox is the transport.

mod consultations;
mod customers;
mod following;
mod presence;
mod question;
mod routing;
mod waiters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{ConversationId, InstanceId, MemberId, Seq, SessionId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::conversation::ConversationMsg;
use super::errand::{Errand, ErrandAnswer, Way};
use super::workspace::{NewDesk, WorkspaceMsg};
use crate::clock;
use crate::domain::conversation::{Action, Command, Origin};
use crate::domain::customer::Known;
use crate::domain::identity::{CustomerKey, Identity, Reader};
use crate::domain::listing::Wish;
use crate::domain::message::Message;
use crate::domain::workspace::{MemberCommand, WorkspaceAction};
use crate::journal::{Journal, ReadError};
use crate::limits;
pub use crate::machines::attendance::Evidence;
use crate::machines::openings::Named;
pub use crate::machines::places::{Place, Refused};
use crate::machines::route::Tag;
use crate::stats::Latency;

use following::Following;

use routing::{Pending, PendingKind, RoutedErrand, Routing};

pub use following::{DeskFollowing, Lane};
pub use question::{Answered, Ask, Asked, Closing, History, Out, Refusal, Search};
pub use waiters::{
    LocateReply, Located, OpenReply, SetAside, SettingsOf, Told, WantedPage, WantedSearch, WorkspaceReply,
};

/// Says that the session has come to the message.
pub type Taken = oneshot::Sender<()>;

/// What a session is told.
pub enum SessionMsg {
    /// The client asks.
    Ask(Ask),
    /// The client is typing.
    Typing(ConversationId, Seq, u32),
    /// A conversation has answered.
    Answered {
        /// Which.
        conversation: ConversationId,
        /// To which errand.
        tag: Tag,
        /// What.
        answer: ErrandAnswer,
    },
    /// A conversation ended before it answered.
    Lost {
        /// Which.
        conversation: ConversationId,
        /// Which errand.
        tag: Tag,
        /// Along which way it was sent.
        way: Way,
    },
    /// The workspace says where a conversation is.
    Located(ConversationId, Located),
    /// The workspace names the customer's conversation.
    Opened {
        /// For which of the session's openings.
        opening: u64,
        /// Which, or why not.
        found: Result<Named, String>,
        /// What the bot says first.
        greeting: Option<Message>,
    },
    /// What a question with this credit asked for was read, or the workspace has answered it.
    Replied(u64, Result<Answered, Refusal>, OwnedSemaphorePermit),
    /// What is known of a customer from their conversation before was read.
    Recalled {
        /// For which of the session's openings.
        opening: u64,
        /// The customer's conversation.
        conversation: ConversationId,
        /// What the bot says first.
        greeting: Option<Message>,
        /// What is known, or why it cannot be said.
        known: Result<Known, ReadError>,
    },
    /// A subscription was ended by the transport.
    SubscriptionEnded(Lane),
    /// Something was heard of the client: that it is there is believed until then.
    Attends(Instant, Option<Taken>),
    /// The workspace has begun anew.
    WorkspaceBegun(ActorRef<WorkspaceMsg>),
    /// The workspace ended before it answered.
    WorkspaceGone,
    /// The connection is to be closed.
    Close(Closing),
    /// The connection is closed.
    Closed,
    /// Fails on purpose, to prove that other sessions do not notice.
    #[cfg(feature = "planted-bugs")]
    Fail,
}

/// Who is connected, and to what.
#[derive(Clone)]
pub struct SessionPorts {
    /// Which session.
    pub id: SessionId,
    /// Which run of the client program.
    pub instance: InstanceId,
    /// Who it has been proven to be.
    pub identity: Arc<Identity>,
    /// The place that it takes.
    pub place: Place,
    /// For so long a member is believed to be there after a sign of life.
    pub lease: Duration,
    /// The identity's workspace.
    pub workspace: ActorRef<WorkspaceMsg>,
    /// Stored state.
    pub journal: Journal,
    /// Where latencies are recorded.
    pub latency: Latency,
    /// Where answers go. As many wait there as there are credits, which come back when they are written.
    pub out: mpsc::UnboundedSender<Out>,
}

/// The way to a session for its connection, which needs no answer: one that is gone has closed its
/// outbox, and that ends the connection.
#[derive(Debug, Clone)]
pub struct SessionHandle(pub(super) ActorRef<SessionMsg>);

impl SessionHandle {
    /// Tells the session something.
    pub fn tell(&self, message: SessionMsg) {
        let _ = self.0.cast(message);
    }

    /// Ends a session that does not come to its messages.
    pub fn kill(&self) {
        tracing::error!("a session does not come to its messages; it is ended");
        self.0.kill();
    }

    /// Waits until the session has ended.
    pub async fn ended(&self) {
        // Without a limit there is no other outcome.
        let _ = self.0.wait(None).await;
    }
}

/// The actor.
pub struct SessionActor;

/// Its state.
pub struct SessionState {
    ports: SessionPorts,
    routing: Routing,
    following: Following,
    opening: BTreeMap<u64, Opening>,
    last_opening: u64,
    /// Until when the client is believed to be there.
    until: Instant,
}

/// A customer's question for their conversation, until the workspace has named it.
struct Opening {
    ask: u64,
    counter: u64,
    arrived: Instant,
    credit: OwnedSemaphorePermit,
}

impl Actor for SessionActor {
    type Msg = SessionMsg;
    type State = SessionState;
    type Arguments = SessionPorts;

    async fn pre_start(
        &self,
        myself: ActorRef<SessionMsg>,
        ports: SessionPorts,
    ) -> Result<SessionState, ActorProcessingErr> {
        let mut state = SessionState {
            ports,
            routing: Routing::default(),
            following: Following::default(),
            opening: BTreeMap::new(),
            last_opening: 0,
            until: clock::instant(),
        };
        state.begins(&myself);
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SessionMsg>,
        message: SessionMsg,
        state: &mut SessionState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SessionMsg::Ask(ask) => state.ask(&myself, ask),
            SessionMsg::Typing(conversation, after_seq, expires_ms) => {
                state.typing(conversation, after_seq, expires_ms);
            }
            SessionMsg::Answered { conversation, tag, answer } => {
                state.answered(&myself, conversation, tag, answer);
            }
            SessionMsg::Lost { conversation, tag, way } => {
                let steps = state.routing.to(conversation).lost(tag, &way);
                state.carry_out(&myself, conversation, steps);
            }
            SessionMsg::Located(conversation, Located::At(way)) => {
                let steps = state.routing.to(conversation).resolved(&way);
                state.carry_out(&myself, conversation, steps);
            }
            SessionMsg::Located(conversation, Located::Quarantined(reason)) => {
                for tag in state.routing.to(conversation).unresolved() {
                    state.refuse(tag, Refusal::Quarantined(reason.clone()));
                }
            }
            SessionMsg::Opened { opening, found, greeting } => {
                state.opened(&myself, opening, found, greeting);
            }
            SessionMsg::Replied(ask, answer, credit) => state.reply(ask, answer, credit),
            SessionMsg::Recalled { opening, conversation, greeting, known } => {
                state.recalled(&myself, opening, conversation, greeting, known);
            }
            SessionMsg::SubscriptionEnded(lane) => state.following.ended(lane),
            SessionMsg::Attends(until, taken) => {
                // A connection that has ended does not want to know.
                if let Some(taken) = taken {
                    let _ = taken.send(());
                }
                state.attends(&myself, until);
            }
            SessionMsg::WorkspaceBegun(workspace) => state.workspace_begun(&myself, workspace),
            SessionMsg::WorkspaceGone => state.close(&myself, Closing::Fault),
            SessionMsg::Close(closing) => state.close(&myself, closing),
            SessionMsg::Closed => myself.stop(None),
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            SessionMsg::Fail => panic!("a failure planted on purpose"),
        }
        Ok(())
    }
}

impl SessionState {
    fn ask(&mut self, myself: &ActorRef<SessionMsg>, ask: Ask) {
        let Ask { id, arrived, what, credit } = ask;
        match what {
            Asked::Open { counter } => {
                self.open(myself, Opening { ask: id, counter, arrived, credit }, None);
            }
            Asked::Command { conversation, counter, action } => {
                let errand = RoutedErrand::Plain(self.command(counter, action, arrived));
                self.send(myself, conversation, errand, Pending::new(id, PendingKind::Command, credit));
            }
            Asked::Received { conversation, up_to } => self.received(id, conversation, up_to, credit),
            Asked::Follow { subscription, conversation, after } => {
                let lane = match self.following.begin(subscription) {
                    Ok(lane) => lane,
                    Err(refusal) => return self.reply(id, Err(refusal), credit),
                };
                let errand = RoutedErrand::Follow { lane, after };
                let kind = PendingKind::Follow { lane, after };
                self.send(myself, conversation, errand, Pending::new(id, kind, credit));
            }
            Asked::FollowDesk { subscription, wish, rows } => {
                self.follow_desk(myself, id, subscription, (wish, rows), credit);
            }
            Asked::Unfollow { subscription } => {
                let ended = self.following.end(subscription).map(|()| Answered::Unfollowed);
                self.reply(id, ended, credit);
            }
            Asked::History { conversation, before, limit } => {
                let limit = limit.clamp(1, limits::HISTORY_EVENTS_MAX);
                let identity = Arc::clone(&self.ports.identity);
                let errand = RoutedErrand::Plain(Errand::History { identity, before, limit });
                let kind = PendingKind::History { before, limit };
                self.send(myself, conversation, errand, Pending::new(id, kind, credit));
            }
            Asked::Customer { conversation } => self.customer_of(myself, id, conversation, credit),
            Asked::Search(search) => self.search(myself, id, search, credit),
            Asked::Explain { conversation } => self.explain(myself, id, conversation, credit),
            Asked::Consultations { conversation, cursor, limit } => {
                self.consultations(myself, id, (conversation, cursor, limit), credit);
            }
            Asked::List { wish, cursor, limit } => self.list(myself, id, (wish, cursor, limit), credit),
            Asked::Quarantined => {
                self.ask_workspace(myself, id, "quarantine", credit, WorkspaceMsg::Quarantined)
            }
            Asked::Release { conversation } => {
                let release = |reply| WorkspaceMsg::Release(conversation, reply);
                self.ask_workspace(myself, id, "quarantine", credit, release);
            }
            Asked::Change { counter, action } => {
                self.change(myself, id, counter, "change", |_| *action, credit);
            }
            Asked::Status { counter, away } => {
                let action = |member| WorkspaceAction::SetAway { member, away };
                self.change(myself, id, counter, "status", action, credit);
            }
            Asked::Settings(of) => {
                let settings = |reply| WorkspaceMsg::Settings(of, reply);
                self.ask_workspace(myself, id, "settings", credit, settings);
            }
            Asked::Waiting => match self.member("waiting") {
                Err(refusal) => self.reply(id, Err(refusal), credit),
                Ok(member) => {
                    let waiting = |reply| WorkspaceMsg::Waiting(member, reply);
                    self.ask_workspace(myself, id, "waiting", credit, waiting);
                }
            },
            Asked::Audit { before, limit } => self.audit(myself, id, before, limit, credit),
            Asked::Latency => {
                let figures = self.staff("latency").map(|()| self.ports.latency.figures());
                self.reply(id, figures.map(Answered::Latency), credit);
            }
        }
    }

    fn command(&self, counter: u64, action: Action, arrived: Instant) -> Errand {
        let identity = Identity::clone(&self.ports.identity);
        let origin = Origin { party: identity.party(), instance: self.ports.instance, counter };
        let command = Arc::new(Command { identity, origin, action });
        Errand::Command { command, arrived, looks: !self.counts() }
    }

    /// Asks the workspace for the customer's conversation; `ended` is one that turned out to have ended.
    fn open(&mut self, myself: &ActorRef<SessionMsg>, opening: Opening, ended: Option<ConversationId>) {
        match &*self.ports.identity {
            Identity::Member { .. } => {
                self.reply(opening.ask, Err(Refusal::OnlyCustomers("open")), opening.credit);
            }
            Identity::Customer { customer, .. } => {
                // By a number of its own: the client may give two questions the same.
                self.last_opening += 1;
                self.opening.insert(self.last_opening, opening);
                let reply = OpenReply::new(myself.clone(), self.last_opening);
                let _ = self.ports.workspace.cast(WorkspaceMsg::Open(customer.clone(), ended, reply));
            }
        }
    }

    fn opened(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        opening: u64,
        found: Result<Named, String>,
        greeting: Option<Message>,
    ) {
        match found {
            Ok(Named { conversation, former: None }) => {
                self.begin(myself, opening, conversation, greeting, Known::default());
            }
            Ok(Named { conversation, former: Some(former) }) => {
                self.recall(myself, opening, (former, conversation), greeting);
            }
            Err(why) => self.cannot_open(opening, &why),
        }
    }

    /// The workspace says what the member may see of it.
    fn follow_desk(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        subscription: u32,
        (wish, rows): (Wish, usize),
        credit: OwnedSemaphorePermit,
    ) {
        let begun = self.member("desk").and_then(|member| {
            let (lane, following) = self.following.begin_desk(subscription)?;
            Ok(NewDesk { lane, following, member, wish, rows })
        });
        match begun {
            Err(refusal) => self.reply(ask, Err(refusal), credit),
            // A workspace that is gone drops the reply, which says so.
            Ok(desk) => {
                let reply = WorkspaceReply::new(myself.clone(), ask, credit);
                let _ = self.ports.workspace.cast(WorkspaceMsg::FollowDesk(desk, reply));
            }
        }
    }

    /// The workspace says what the member may see of it.
    fn list(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        (wish, cursor, limit): (Wish, Option<String>, usize),
        credit: OwnedSemaphorePermit,
    ) {
        match self.member("list") {
            Err(refusal) => self.reply(ask, Err(refusal), credit),
            Ok(member) => {
                let limit = limit.clamp(1, limits::LIST_ROWS_MAX);
                let wanted = WantedPage { member, wish, cursor, limit };
                let reply = WorkspaceReply::new(myself.clone(), ask, credit);
                let _ = self.ports.workspace.cast(WorkspaceMsg::List(wanted, reply));
            }
        }
    }

    fn change(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        counter: u64,
        what: &'static str,
        action: impl FnOnce(MemberId) -> WorkspaceAction,
        credit: OwnedSemaphorePermit,
    ) {
        match *self.ports.identity {
            Identity::Customer { .. } => self.reply(ask, Err(Refusal::OnlyAgents(what)), credit),
            // As above.
            Identity::Member { member, .. } => {
                let instance = self.ports.instance;
                let action = action(member);
                let command = Box::new(MemberCommand { member, instance, counter, action });
                let reply = WorkspaceReply::new(myself.clone(), ask, credit);
                let _ = self.ports.workspace.cast(WorkspaceMsg::Change(command, reply));
            }
        }
    }

    fn audit(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        before: Option<u64>,
        limit: usize,
        credit: OwnedSemaphorePermit,
    ) {
        if let Err(refusal) = self.staff("audit") {
            return self.reply(ask, Err(refusal), credit);
        }
        let (myself, journal, workspace) =
            (myself.clone(), self.ports.journal.clone(), self.ports.identity.workspace());
        tokio::spawn(async move {
            let limit = limit.clamp(1, limits::AUDIT_ENTRIES_MAX);
            let read = journal.audit(workspace, before, limit, limits::CATCH_UP_BYTES_MAX).await;
            let audit = read.map(|(entries, more)| Answered::Audit(entries, more)).map_err(Refusal::from);
            let _ = myself.cast(SessionMsg::Replied(ask, audit, credit));
        });
    }

    fn ask_workspace(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        action: &'static str,
        credit: OwnedSemaphorePermit,
        what: impl FnOnce(WorkspaceReply) -> WorkspaceMsg,
    ) {
        match self.staff(action) {
            Err(refusal) => self.reply(ask, Err(refusal), credit),
            // A workspace that is gone drops the reply, which says so.
            Ok(()) => {
                let _ = self.ports.workspace.cast(what(WorkspaceReply::new(myself.clone(), ask, credit)));
            }
        }
    }

    /// Only where it follows: the way is known, and nobody is woken for it.
    fn typing(&self, conversation: ConversationId, after_seq: Seq, expires_ms: u32) {
        if let Some((way, from)) = self.following.way_to(conversation).filter(|_| self.counts()) {
            let identity = Arc::clone(&self.ports.identity);
            let expires_ms = expires_ms.min(limits::TYPING_MS_MAX);
            let _ = way.0.cast(ConversationMsg::Typing { from, identity, after_seq, expires_ms });
        }
    }

    /// As with typing: whoever has received something follows, and nobody is woken for it.
    fn received(&self, ask: u64, conversation: ConversationId, up_to: Seq, credit: OwnedSemaphorePermit) {
        if let Some((way, _)) = self.following.way_to(conversation).filter(|_| self.counts()) {
            let identity = Arc::clone(&self.ports.identity);
            let _ = way.0.cast(ConversationMsg::Received { identity, up_to });
        }
        self.reply(ask, Ok(Answered::Accepted(None)), credit);
    }

    fn reply(&self, ask: u64, answer: Result<Answered, Refusal>, credit: OwnedSemaphorePermit) {
        // A transport that is gone needs no replies.
        let _ = self.ports.out.send(Out::Reply(ask, answer, credit));
    }

    fn close(&self, myself: &ActorRef<SessionMsg>, closing: Closing) {
        let _ = self.ports.out.send(Out::Close(closing));
        myself.stop(None);
    }

    fn staff(&self, action: &'static str) -> Result<(), Refusal> {
        match self.ports.identity.reader() {
            Reader::Staff => Ok(()),
            Reader::Customer => Err(Refusal::OnlyAgents(action)),
        }
    }

    fn member(&self, action: &'static str) -> Result<MemberId, Refusal> {
        match *self.ports.identity {
            Identity::Member { member, .. } => Ok(member),
            Identity::Customer { .. } => Err(Refusal::OnlyAgents(action)),
        }
    }

    fn customer(&self) -> Option<CustomerKey> {
        match &*self.ports.identity {
            Identity::Customer { customer, .. } => Some(customer.clone()),
            Identity::Member { .. } => None,
        }
    }
}
