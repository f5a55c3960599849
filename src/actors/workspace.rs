//! A workspace: which of its conversations are awake, its agents, its desk, its settings.
//!
//! Owns the waking of conversations and what their failure means, the naming of a customer's next
//! conversation, and the desk's subscribers. Must not know what happens in a conversation.

mod agents;
mod desks;
mod dispatching;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use switchboard_protocol::vocabulary::{ConversationId, MemberId, SessionId, Timestamp, WorkspaceId};
use tokio::sync::watch;

use self::agents::Agent;
use self::desks::Desks;
pub use self::desks::NewDesk;

use super::conversation::{ConversationActor, ConversationMsg, ConversationPorts};
use super::directory::DirectoryMsg;
use super::errand::Way;
use super::session::{
    Answered, LocateReply, OpenReply, Refusal, SetAside, SettingsOf, WantedPage, WantedSearch, WorkspaceReply,
};
use crate::clock;
use crate::domain::conversation::Present;
use crate::domain::conversation::{OwnAction, Policy};
use crate::domain::identity::CustomerKey;
use crate::domain::workspace::{MemberCommand, Workspace};
use crate::journal::{
    DeskChange, Incarnation, Journal, ListPage, ListRow, OpenedWorkspace, Resolved, TicketSink,
};
use crate::limits;
use crate::machines::budget::Allowance;
use crate::machines::desk::{Desk, Due};
use crate::machines::dispatch::Announcement;
use crate::machines::ledger::Ledger;
use crate::machines::openings::{Opening, Openings};
use crate::machines::residence::{Residence, Want};
use crate::machines::views::ReadOf;
use crate::stats::Latency;

/// What a workspace is told.
#[derive(Debug)]
pub enum WorkspaceMsg {
    /// A session wants the way to a conversation; `dead` is one it found closed.
    Locate(ConversationId, Option<Way>, LocateReply),
    /// A customer wants their conversation, and not this one, which has ended.
    Open(CustomerKey, Option<ConversationId>, OpenReply),
    /// The journal was asked which conversation a customer has.
    Found(CustomerKey, Result<Option<ConversationId>, String>),
    /// A conversation has nothing to do; whether it is known to have begun, and when something may have to end
    /// in it by itself.
    AsksToSleep(ConversationId, Way, bool, Due),
    /// A conversation that was told to sleep has work after all.
    Stays(ConversationId, Way),
    /// What is durable of a conversation's consultation.
    Announced(Announcement, Way),
    /// A conversation did not take what was decided at an epoch.
    DecisionRefused(ConversationId, Way, u64),
    /// The time has come to look at something: the look that was set for this time.
    Look(Timestamp),
    /// A conversation cannot be read.
    Quarantine(ConversationId, String),
    /// A member asks which conversations are set aside.
    Quarantined(MemberId, WorkspaceReply),
    /// A member wants a conversation tried again that is set aside.
    Release(MemberId, ConversationId, WorkspaceReply),
    /// A member wants to change a setting.
    Change(Box<MemberCommand>, WorkspaceReply),
    /// A member asks for settings.
    Settings(SettingsOf, WorkspaceReply),
    /// A member asks how many wait, and how far off the estimates were.
    Waiting(MemberId, WorkspaceReply),
    /// A member wants a page of the lists.
    List(WantedPage, WorkspaceReply),
    /// A member searches.
    Search(WantedSearch, WorkspaceReply),
    /// A session by which a member is there says so, or has gone.
    AgentSession(MemberId, SessionId, Attending),
    /// An agent is online or is not.
    AgentStatus(MemberId, bool),
    /// A session of an agent is not believed to be live any more.
    AgentLapsed(MemberId, SessionId),
    /// Somebody follows the desk.
    FollowDesk(NewDesk, WorkspaceReply),
    /// Rows of the lists have changed.
    Rows(Vec<ListRow>),
    /// The first rows of a view were read for the desks that look at it.
    DeskPage(ReadOf, Result<ListPage, String>),
    /// It is time to tell the desks what has changed.
    TurnDesks,
    /// The journal says what became of appends, or that the term has ended.
    Resolved(Resolved),
    /// Fails on purpose, to prove that other workspaces do not notice.
    #[cfg(feature = "planted-bugs")]
    Fail,
}

/// Whether a session is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attending {
    /// It is, and is believed to be until then.
    Until(Instant),
    /// It is, but nobody is there by it.
    Looks,
    /// It has ended.
    Gone,
}

/// What a workspace is connected to, and its settings.
#[derive(Clone)]
pub struct WorkspacePorts {
    /// Stored state.
    pub journal: Journal,
    /// Where latencies are recorded.
    pub latency: Latency,
    /// The settings of conversations.
    pub policy: Policy,
    /// How long a conversation stays awake without anything to do.
    pub conversation_idle: Duration,
    /// Nothing ends by itself before this: customers could not write while the engine was down.
    pub grace_until: Timestamp,
}

/// The actor.
pub struct WorkspaceActor;

/// Its state.
pub struct WorkspaceState {
    ledger: Ledger<WorkspaceReply>,
    /// Tells conversations what is in force.
    told: watch::Sender<Arc<Workspace>>,
    /// Tells conversations whom work can be given to.
    tell_present: watch::Sender<Arc<Present>>,
    incarnation: Incarnation,
    directory: ActorRef<DirectoryMsg>,
    conversation_ports: ConversationPorts,
    residence: Residence<Way, (ConversationId, Wanted)>,
    desk: Desk,
    /// When the timer comes.
    alarm_at: Option<Timestamp>,
    conversations: HashMap<ActorId, (ConversationId, Way)>,
    openings: Openings<CustomerKey, OpenReply>,
    agents: BTreeMap<MemberId, Agent>,
    desks: Desks,
}

/// What a conversation is wanted for.
enum Wanted {
    /// A session wants the way to it.
    Way(LocateReply),
    /// It is told to do something.
    Told(OwnAction),
}

/// Carries tickets from the journal's writer to the mailbox.
struct Sink(ActorRef<WorkspaceMsg>);

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        // One that is gone needs no ticket.
        let _ = self.0.cast(WorkspaceMsg::Resolved(resolved));
    }
}

impl Actor for WorkspaceActor {
    type Msg = WorkspaceMsg;
    type State = WorkspaceState;
    type Arguments = (WorkspaceId, WorkspacePorts, ActorRef<DirectoryMsg>);

    async fn pre_start(
        &self,
        myself: ActorRef<WorkspaceMsg>,
        (id, ports, directory): Self::Arguments,
    ) -> Result<WorkspaceState, ActorProcessingErr> {
        let sink = Arc::new(Sink(myself.clone()));
        let OpenedWorkspace { state, incarnation, term } = ports.journal.open_workspace(id, sink).await?;
        let (tell_present, present) = watch::channel(Arc::default());
        let (told, settings) = watch::channel(Arc::new(state.clone()));
        let conversation_ports = ConversationPorts {
            workspace: myself.clone(),
            workspace_id: id,
            term,
            journal: ports.journal,
            latency: ports.latency,
            policy: ports.policy,
            present,
            settings,
            grace_until: ports.grace_until,
            idle: ports.conversation_idle,
        };
        Ok(WorkspaceState {
            ledger: Ledger::new(state),
            told,
            tell_present,
            incarnation,
            directory,
            conversation_ports,
            residence: Residence::new(CONVERSATION_ALLOWANCE),
            desk: Desk::new(ports.grace_until),
            alarm_at: None,
            conversations: HashMap::new(),
            openings: Openings::default(),
            agents: BTreeMap::new(),
            desks: Desks::default(),
        })
    }

    /// Before anything else that it is told, and without the directory having to wait for a large one.
    async fn post_start(
        &self,
        myself: ActorRef<WorkspaceMsg>,
        state: &mut WorkspaceState,
    ) -> Result<(), ActorProcessingErr> {
        // The one before may have ended before it had told everything.
        state.tell_directory();
        state.learn_what_goes_on(&myself).await
    }

    async fn handle(
        &self,
        myself: ActorRef<WorkspaceMsg>,
        message: WorkspaceMsg,
        state: &mut WorkspaceState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WorkspaceMsg::Locate(id, dead, reply) => {
                state.locate(&myself, id, dead.as_ref(), Wanted::Way(reply)).await?;
            }
            WorkspaceMsg::Open(customer, ended, reply) => state.open(&myself, customer, ended, reply),
            WorkspaceMsg::Found(customer, found) => state.found(&customer, found),
            WorkspaceMsg::AsksToSleep(id, way, has_begun, due) => {
                state.openings.asleep(id, has_begun);
                if state.residence.asks_to_sleep(id, &way) {
                    state
                        .at_desk(&myself, |desk, now| {
                            desk.sleeps(id, due, now);
                            Vec::new()
                        })
                        .await?;
                    // If it is gone already, its end is on its way here.
                    let _ = way.0.cast(ConversationMsg::Sleep);
                }
            }
            WorkspaceMsg::Stays(id, way) => {
                let waiting = state.residence.stays(id, &way);
                state.relocate(&myself, waiting).await?;
            }
            WorkspaceMsg::Quarantine(id, reason) => {
                tracing::error!(conversation = %id, reason, "a conversation is set aside");
                state.residence.quarantine(id, reason);
                state.at_desk(&myself, |desk, now| desk.set_aside(id, now)).await?;
            }
            WorkspaceMsg::Announced(said, way) if state.residence.has_failed(said.conversation, &way) => {
                state.at_desk(&myself, |desk, now| desk.announced_late(said, now)).await?;
            }
            WorkspaceMsg::Announced(said, _) => {
                state.at_desk(&myself, |desk, now| desk.announced(said, now)).await?;
            }
            // What an incarnation refused that has failed is told to the next one.
            WorkspaceMsg::DecisionRefused(id, way, _) if state.residence.has_failed(id, &way) => {}
            WorkspaceMsg::DecisionRefused(id, _, epoch) => {
                state.at_desk(&myself, |desk, now| desk.refused(id, epoch, now)).await?;
            }
            WorkspaceMsg::Look(at) => state.look(&myself, at).await?,
            WorkspaceMsg::Quarantined(member, reply) => {
                reply.answer(state.quarantined(member).map(Answered::SetAside));
            }
            WorkspaceMsg::Release(member, id, reply) => {
                let released = state.release(&myself, member, id).await?;
                reply.answer(released.map(Answered::SetAside));
            }
            WorkspaceMsg::Change(command, reply) => state.change(*command, reply)?,
            WorkspaceMsg::Settings(of, reply) => state.tell_settings(of, reply),
            WorkspaceMsg::Waiting(member, reply) => {
                reply.answer(Ok(Answered::Waiting(state.waiting(member))));
            }
            WorkspaceMsg::List(wanted, reply) => state.list(wanted, reply),
            WorkspaceMsg::Search(wanted, reply) => state.search(wanted, reply),
            WorkspaceMsg::AgentSession(member, session, attending) => {
                state.agent_session(&myself, member, session, attending).await?;
            }
            WorkspaceMsg::AgentStatus(member, online) => {
                state.agent_status(&myself, member, online).await?;
            }
            WorkspaceMsg::AgentLapsed(member, session) => state.agent_lapsed(member, session),
            WorkspaceMsg::FollowDesk(desk, reply) => state.follow_desk(&myself, desk, reply),
            WorkspaceMsg::Rows(rows) => state.rows(&myself, rows),
            WorkspaceMsg::DeskPage(of, page) => state.desk_page(&myself, of, page),
            WorkspaceMsg::TurnDesks => state.turn_desks(&myself),
            WorkspaceMsg::Resolved(Resolved::Durable { up_to }) => state.settle(&myself, up_to).await?,
            WorkspaceMsg::Resolved(Resolved::Failed(why)) => return Err(why.into()),
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            WorkspaceMsg::Fail => panic!("a failure planted on purpose"),
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<WorkspaceMsg>,
        event: SupervisionEvent,
        state: &mut WorkspaceState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => {
                if let Some((id, way)) = state.conversations.remove(&child.get_id()) {
                    let waiting = state.residence.gone(id, &way);
                    state.relocate(&myself, waiting).await?;
                }
            }
            SupervisionEvent::ActorFailed(child, why) => {
                if let Some((id, way)) = state.conversations.remove(&child.get_id()) {
                    tracing::error!(conversation = %id, %why, "a conversation failed");
                    let mut waiting = state.residence.failed(id, &way, clock::now(), &why.to_string());
                    waiting.retain(|(_, wanted)| !wanted.is_told_again());
                    state.relocate(&myself, waiting).await?;
                    state.failed(&myself, id).await?;
                } else {
                    state.agent_failed(&myself, child.get_id(), &why.to_string()).await?;
                }
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl WorkspaceState {
    /// Gives the way to a conversation, waking it if it sleeps.
    async fn locate(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        id: ConversationId,
        dead: Option<&Way>,
        wanted: Wanted,
    ) -> Result<(), ActorProcessingErr> {
        match self.residence.want(id, (id, wanted), dead) {
            Want::Route((_, wanted), way) => wanted.found(way),
            Want::Later => {}
            Want::Quarantined((_, wanted), reason) => wanted.quarantined(reason),
            Want::Wake((_, wanted)) => {
                let arguments = (id, self.conversation_ports.clone());
                let (actor, _) =
                    ConversationActor::spawn_linked(None, ConversationActor, arguments, myself.get_cell())
                        .await?;
                let way = Way(actor);
                self.conversations.insert(way.0.get_id(), (id, way.clone()));
                self.residence.woken(id, way.clone());
                wanted.found(way);
            }
        }
        Ok(())
    }

    fn quarantined(&self, by: MemberId) -> Result<SetAside, Refusal> {
        self.ledger.durable().may_see_set_aside(by)?;
        let mut found: Vec<_> = self
            .residence
            .quarantined()
            .take(limits::QUARANTINED_LISTED_MAX + 1)
            .map(|(id, reason)| (id, reason.chars().take(limits::REASON_CHARS_MAX).collect()))
            .collect();
        let more = found.len() > limits::QUARANTINED_LISTED_MAX;
        found.truncate(limits::QUARANTINED_LISTED_MAX);
        Ok(SetAside::List(found, more))
    }

    async fn relocate(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        waiting: Vec<(ConversationId, Wanted)>,
    ) -> Result<(), ActorProcessingErr> {
        for (id, wanted) in waiting {
            self.locate(myself, id, None, wanted).await?;
        }
        Ok(())
    }

    /// Finds a customer's conversation, or names a fresh one. Asked once for all who ask meanwhile.
    fn open(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        customer: CustomerKey,
        ended: Option<ConversationId>,
        reply: OpenReply,
    ) {
        let workspace = self.ledger.durable();
        let greeting = workspace.profiles.get(&customer.profile).and_then(|profile| profile.greeting.clone());
        let reply = reply.with_greeting(greeting);
        match self.openings.want(&customer, ended, reply, clock::conversation_id) {
            Opening::Known(reply, named) => return reply.opened(named),
            Opening::Later => return,
            Opening::LookUp => {}
        }
        let (myself, journal, workspace) =
            (myself.clone(), self.conversation_ports.journal.clone(), self.ledger.durable().id);
        tokio::spawn(async move {
            let found =
                journal.find_conversation(workspace, &customer).await.map_err(|error| error.to_string());
            let _ = myself.cast(WorkspaceMsg::Found(customer, found));
        });
    }

    fn found(&mut self, customer: &CustomerKey, found: Result<Option<ConversationId>, String>) {
        match found {
            Ok(latest) => {
                let found = self.openings.found(customer, latest, clock::conversation_id);
                for (named, reply) in
                    found.into_iter().flat_map(|(named, all)| all.into_iter().map(move |it| (named, it)))
                {
                    reply.opened(named);
                }
            }
            Err(why) => {
                let waiting = self.openings.not_found(customer);
                waiting.into_iter().for_each(|reply| reply.unavailable(&why));
            }
        }
    }
}

/// Carries changed rows from the journal's fold thread to the workspaces.
pub fn deliver_rows(workspace: &ActorRef<WorkspaceMsg>, change: DeskChange) {
    // One that is gone has no desks.
    let _ = workspace.cast(WorkspaceMsg::Rows(change.rows));
}

/// How often a conversation may fail before it is set aside.
const CONVERSATION_ALLOWANCE: Allowance = Allowance { times: 5, within_ms: 60_000 };
