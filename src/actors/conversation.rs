//! A conversation that is awake: the mailbox around [`Live`].
//!
//! Owns the carrying of errands, entries and tickets between sessions, the machine and the journal,
//! and the handshake of falling asleep. Must not know what a command means.

mod own;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{ConversationId, Seq, Timestamp, WorkspaceId};
use tokio::sync::watch;

use super::errand::{Errand, ErrandAnswer, ErrandReply, Way};
use super::outlet::{ConversationEnd, Stamp, Typing};
use super::workspace::WorkspaceMsg;
use crate::clock;
use crate::domain::assignment::Line;
use crate::domain::conversation::{
    Context, Conversation, Doors, OwnAction, Policy, Present, Service, admit, asked_in_vain_by_a_looker,
    asks_for_doors,
};
use crate::domain::identity::{Identity, Reader};
use crate::domain::workspace::Workspace;
use crate::journal::{
    AppendError, Incarnation, Journal, OpenError, OpenedConversation, Resolved, SNAPSHOT_ENTRIES, Term,
    TicketSink,
};
use crate::limits;
use crate::machines::desk::Due;
use crate::machines::live::{Action, Live, Ports, SubscriberId};
use crate::stats::{Latency, Stage};

/// What a conversation is told.
#[derive(Debug)]
pub enum ConversationMsg {
    /// A session wants something.
    Errand(Errand, ErrandReply),
    /// A subscriber has read the journal up to a sequence.
    CaughtUp(SubscriberId, Seq),
    /// A subscriber does not follow any more.
    Unsubscribe(SubscriberId),
    /// Somebody is typing.
    Typing {
        /// As which subscriber, who is not told of it.
        from: SubscriberId,
        /// Who.
        identity: Arc<Identity>,
        /// The typist's sequence of the last event seen.
        after_seq: Seq,
        /// For how long it holds, in milliseconds.
        expires_ms: u32,
    },
    /// Everything up to a sequence has reached a client.
    Received {
        /// Whose.
        identity: Arc<Identity>,
        /// The client's sequence of the last event.
        up_to: Seq,
    },
    /// The customer's place in the queue, or that they do not wait any more.
    Line(Option<Line>),
    /// The engine itself does something here.
    Own(OwnAction),
    /// Something may have to end by itself now: the look that was set for this time.
    LookDue(Timestamp),
    /// The journal says what became of appends.
    Resolved(Resolved),
    /// A while has passed: there may have been nothing to do since.
    LookIdle,
    /// The workspace agrees to its sleeping.
    Sleep,
    /// Fails on purpose, to prove that nobody else notices.
    #[cfg(feature = "planted-bugs")]
    Fail,
}

/// What a conversation is connected to.
#[derive(Clone)]
pub struct ConversationPorts {
    /// Its workspace's actor.
    pub workspace: ActorRef<WorkspaceMsg>,
    /// Which workspace that is.
    pub workspace_id: WorkspaceId,
    /// The workspace's term.
    pub term: Term,
    /// Stored state.
    pub journal: Journal,
    /// Where latencies are recorded.
    pub latency: Latency,
    /// The settings in force.
    pub policy: Policy,
    /// Who is there.
    pub present: watch::Receiver<Arc<Present>>,
    /// The settings in force of the workspace, as they become durable.
    pub settings: watch::Receiver<Arc<Workspace>>,
    /// Nothing ends by itself before this.
    pub grace_until: Timestamp,
    /// How long it stays awake without anything to do.
    pub idle: Duration,
}

impl ConversationPorts {
    /// What becomes of a call made now.
    fn doors(&self, state: &Conversation) -> Doors {
        let customer = state.customer.as_ref();
        customer.map_or(Doors::Open, |customer| self.settings.borrow().doors(customer.profile, clock::now()))
    }
}

/// The actor.
pub struct ConversationActor;

/// Its state: open, or refusing everybody because it cannot be opened.
pub struct ConversationState {
    id: ConversationId,
    /// The way to this incarnation.
    way: Way,
    ports: ConversationPorts,
    phase: Phase,
    /// When it was last told something.
    active: Instant,
    timer_runs: bool,
    /// When it looks whether something has to end by itself.
    looks_at: Option<Timestamp>,
    /// What binds it, as of a revision of its workspace.
    service: (u64, Service),
}

#[allow(clippy::large_enum_variant, reason = "nearly always open, and one to an actor")]
enum Phase {
    Opening,
    Open { live: Live<ActorPorts>, incarnation: Incarnation, kept_revision: u64 },
    Refusing(OpenError),
}

struct ActorPorts;

impl Ports for ActorPorts {
    type Token = ErrandReply;
    type Stamp = Stamp;
    type Outlet = ConversationEnd;
}

/// Carries tickets from the journal's writer to the mailbox.
struct Sink(ActorRef<ConversationMsg>);

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        // One that is gone needs no ticket.
        let _ = self.0.cast(ConversationMsg::Resolved(resolved));
    }
}

impl Actor for ConversationActor {
    type Msg = ConversationMsg;
    type State = ConversationState;
    type Arguments = (ConversationId, ConversationPorts);

    async fn pre_start(
        &self,
        myself: ActorRef<ConversationMsg>,
        (id, ports): Self::Arguments,
    ) -> Result<ConversationState, ActorProcessingErr> {
        Ok(ConversationState {
            id,
            way: Way(myself),
            ports,
            phase: Phase::Opening,
            active: clock::instant(),
            timer_runs: false,
            looks_at: None,
            service: (NOTHING_LEARNED, Service::NONE),
        })
    }

    /// Opens the stored state. Done here, so that whoever wakes it need not wait.
    async fn post_start(
        &self,
        myself: ActorRef<ConversationMsg>,
        state: &mut ConversationState,
    ) -> Result<(), ActorProcessingErr> {
        let ports = &state.ports;
        match open(&myself, state.id, ports).await {
            Ok(opened) => {
                let kept_revision = opened.state.revision;
                let live = Live::new(opened.state);
                // A workspace that is gone asks again when it is there.
                let _ = ports
                    .workspace
                    .cast(WorkspaceMsg::Announced(live.first_announcement(), state.way.clone()));
                state.phase = Phase::Open { live, incarnation: opened.incarnation, kept_revision };
            }
            Err(error) => {
                tracing::warn!(conversation = %state.id, %error, "a conversation cannot be opened");
                if !error.is_retryable() {
                    let _ = ports.workspace.cast(WorkspaceMsg::Quarantine(state.id, error.to_string()));
                }
                state.phase = Phase::Refusing(error);
            }
        }
        state.watch_idleness(&myself);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<ConversationMsg>,
        message: ConversationMsg,
        state: &mut ConversationState,
    ) -> Result<(), ActorProcessingErr> {
        let is_own = |message: &_| {
            matches!(
                message,
                ConversationMsg::LookIdle | ConversationMsg::LookDue(_) | ConversationMsg::Line(_)
            )
        };
        if !is_own(&message) {
            state.active = clock::instant();
        }
        state.learn_settings();
        match message {
            ConversationMsg::Errand(errand, reply) => state.errand(errand, reply)?,
            ConversationMsg::CaughtUp(subscriber, at) => {
                if let Phase::Open { live, .. } = &mut state.phase {
                    live.caught_up(subscriber, at);
                }
            }
            ConversationMsg::Unsubscribe(subscriber) => {
                if let Phase::Open { live, .. } = &mut state.phase {
                    live.unsubscribe(subscriber);
                }
            }
            ConversationMsg::Typing { from, identity, after_seq, expires_ms } => {
                state.typing(from, &identity, after_seq, expires_ms);
            }
            ConversationMsg::Received { identity, up_to } => {
                if let Phase::Open { live, .. } = &mut state.phase {
                    live.received(&identity, up_to);
                }
            }
            ConversationMsg::Line(line) => {
                if let Phase::Open { live, .. } = &mut state.phase {
                    live.stands_in_line(line);
                }
            }
            ConversationMsg::Own(action) => state.own(&myself, &action)?,
            ConversationMsg::LookDue(at) if state.looks_at == Some(at) => {
                state.looks_at = None;
                state.own(&myself, &OwnAction::Look)?;
            }
            // Another one was set meanwhile.
            ConversationMsg::LookDue(_) => {}
            ConversationMsg::Resolved(resolved) => state.resolved(resolved)?,
            ConversationMsg::LookIdle => {
                state.timer_runs = false;
                // One that refuses goes whatever comes: the next may open.
                let is_idle =
                    state.active.elapsed() >= state.idle() || matches!(state.phase, Phase::Refusing(_));
                if is_idle && state.may_sleep() {
                    let way = Way(myself.clone());
                    let has_begun = state.has_begun();
                    let due = Due { settings: state.service.0, at: state.deadline() };
                    let asks = WorkspaceMsg::AsksToSleep(state.id, way, has_begun, due);
                    let _ = state.ports.workspace.cast(asks);
                }
            }
            ConversationMsg::Sleep => {
                let way = Way(myself.clone());
                if state.may_sleep() {
                    state.close();
                    myself.stop(None);
                    return Ok(());
                }
                let _ = state.ports.workspace.cast(WorkspaceMsg::Stays(state.id, way));
            }
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            ConversationMsg::Fail => panic!("a failure planted on purpose"),
        }
        state.reply_as_bot(&myself)?;
        state.watch_idleness(&myself);
        state.watch_deadline(&myself);
        Ok(())
    }
}

/// Opens the stored state. Trouble that may pass is waited out for a while: whoever asked waits in the
/// mailbox, and is told nothing that is not known.
async fn open(
    myself: &ActorRef<ConversationMsg>,
    id: ConversationId,
    ports: &ConversationPorts,
) -> Result<OpenedConversation, OpenError> {
    let mut tries = 1;
    loop {
        let sink = Arc::new(Sink(myself.clone()));
        match ports.journal.open_conversation(ports.workspace_id, ports.term, id, sink).await {
            Err(error) if error.is_retryable() && tries < limits::OPEN_TRIES_MAX => tries += 1,
            outcome => return outcome,
        }
        tokio::time::sleep(OPEN_AGAIN_AFTER).await;
    }
}

impl ConversationState {
    /// What binds it is worked out once for each change of the settings.
    fn learn_settings(&mut self) {
        let Phase::Open { live, .. } = &self.phase else { return };
        let Some(customer) = &live.state().customer else { return };
        // A workspace that is gone changes nothing any more.
        let is_known = self.service.0 != NOTHING_LEARNED;
        if is_known && !self.ports.settings.has_changed().unwrap_or(false) {
            return;
        }
        let settings = self.ports.settings.borrow_and_update();
        let mut service = settings.service(customer.profile);
        service.grace_until = self.ports.grace_until;
        self.service = (settings.revision, service);
    }

    fn errand(&mut self, errand: Errand, reply: ErrandReply) -> Result<(), ActorProcessingErr> {
        let live = match &mut self.phase {
            Phase::Open { live, .. } => live,
            Phase::Refusing(error) if error.is_retryable() => {
                reply.answer(match errand {
                    // It may have been accepted before: only the state, which cannot be had, would say.
                    Errand::Command { .. } => ErrandAnswer::Unknown,
                    Errand::Subscribe { .. } | Errand::History { .. } | Errand::Explain { .. } => {
                        ErrandAnswer::Unavailable(error.to_string())
                    }
                });
                return Ok(());
            }
            Phase::Refusing(error) => {
                reply.answer(ErrandAnswer::Quarantined(error.to_string()));
                return Ok(());
            }
            Phase::Opening => return Err("an errand came before the conversation was opened".into()),
        };
        match errand {
            Errand::Command { command, looks: true, .. }
                if let Some(what) = asked_in_vain_by_a_looker(live.state(), &command) =>
            {
                reply.answer(ErrandAnswer::OnlyLooks(what));
                Ok(())
            }
            Errand::Command { command, arrived, .. } => {
                let ConversationPorts { policy, journal, present, .. } = &self.ports;
                let service = &self.service.1;
                let doors = match asks_for_doors(live.state(), &command.action, service) {
                    true => self.ports.doors(live.state()),
                    false => Doors::default(),
                };
                let present = command.action.asks_who_is_there().then(|| Arc::clone(&present.borrow()));
                let context = Context {
                    now: clock::now(),
                    policy: *policy,
                    service,
                    doors,
                    present: present.as_deref(),
                };
                let room = || journal.has_room();
                match live.command(reply, Stamp::new(arrived), &command, &context, room) {
                    Ok(actions) => {
                        self.ports.latency.record(Stage::Decided, arrived.elapsed());
                        self.act(actions)
                    }
                    Err((reply, why)) => {
                        reply.answer(match why {
                            AppendError::NoRoom(why) => ErrandAnswer::NoRoom(why),
                            AppendError::Full | AppendError::Unavailable | AppendError::Unstorable(_) => {
                                ErrandAnswer::Unavailable(why.to_string())
                            }
                        });
                        Ok(())
                    }
                }
            }
            Errand::Subscribe { subscriber, after, identity, outlet } => {
                let end = ConversationEnd(outlet);
                let action = live.subscribe(reply, subscriber, &identity, after, end);
                self.act(action)
            }
            Errand::Explain { identity } => {
                match admit(live.state(), &identity) {
                    Ok(_) => self.read_decisions(reply),
                    Err(rejection) => reply.answer(ErrandAnswer::Outcome(rejection.into())),
                }
                Ok(())
            }
            Errand::History { identity, before, limit } => {
                match admit(live.state(), &identity) {
                    Ok(_) => self.read_back(identity.reader(), before, limit, reply),
                    Err(rejection) => reply.answer(ErrandAnswer::Outcome(rejection.into())),
                }
                Ok(())
            }
        }
    }

    fn act(
        &mut self,
        actions: impl IntoIterator<Item = Action<ActorPorts>>,
    ) -> Result<(), ActorProcessingErr> {
        let Phase::Open { incarnation, .. } = &self.phase else { return Ok(()) };
        let ports = &self.ports;
        for action in actions {
            match action {
                // What was not taken is lost, and with it everything decided since: this incarnation
                // ends, and sessions send what was unanswered to the next.
                Action::Append(entry) => {
                    ports.journal.append_conversation(ports.workspace_id, *incarnation, &entry)?;
                }
                Action::Answer(reply, outcome) => reply.answer(ErrandAnswer::Outcome(outcome)),
                Action::Announce(announcement) => {
                    let _ = ports.workspace.cast(WorkspaceMsg::Announced(announcement, self.way.clone()));
                }
            }
        }
        Ok(())
    }

    fn resolved(&mut self, resolved: Resolved) -> Result<(), ActorProcessingErr> {
        let Phase::Open { live, kept_revision, .. } = &mut self.phase else { return Ok(()) };
        let up_to = match resolved {
            Resolved::Durable { up_to } => up_to,
            Resolved::Failed(why) => return Err(why.into()),
        };
        let arrived: Vec<_> = live.pending_up_to(up_to).map(|(_, stamp)| stamp.arrived).collect();
        for arrived in &arrived {
            self.ports.latency.record(Stage::Durable, arrived.elapsed());
        }
        let actions = live.durable(up_to);
        for arrived in arrived {
            self.ports.latency.record(Stage::Pushed, arrived.elapsed());
        }
        if live.is_all_durable() && live.state().revision >= *kept_revision + SNAPSHOT_ENTRIES {
            *kept_revision = live.state().revision;
            self.ports.journal.keep_snapshot(live.state());
        }
        self.act(actions)
    }

    /// Reads the journal beside the mailbox, which must not wait.
    fn read_back(&self, reader: Reader, before: Option<Seq>, limit: usize, reply: ErrandReply) {
        let (journal, workspace, id) = (self.ports.journal.clone(), self.ports.workspace_id, self.id);
        tokio::spawn(async move {
            match journal.read_before(workspace, id, reader, before, limit).await {
                Ok((entries, more)) => reply.answer(ErrandAnswer::History(entries, more)),
                Err(error) => reply.answer(ErrandAnswer::Unavailable(error.to_string())),
            }
        });
    }

    /// Likewise.
    fn read_decisions(&self, reply: ErrandReply) {
        let (journal, workspace, id) = (self.ports.journal.clone(), self.ports.workspace_id, self.id);
        tokio::spawn(async move {
            reply.answer(match journal.decisions(workspace, id).await {
                Ok(decisions) => ErrandAnswer::Decisions(decisions),
                Err(error) => ErrandAnswer::Unavailable(error.to_string()),
            });
        });
    }

    fn typing(&self, from: SubscriberId, identity: &Identity, after_seq: Seq, expires_ms: u32) {
        let Phase::Open { live, .. } = &self.phase else { return };
        let Some((by, told)) = live.typing(from, identity, after_seq) else { return };
        for (end, after_seq) in told {
            end.0.typing(Typing { by, after_seq, expires_ms });
        }
    }

    /// Whether it is known to have begun. Whatever one that may sleep has is durable.
    fn has_begun(&self) -> bool {
        matches!(&self.phase, Phase::Open { live, .. } if live.state().revision > 0)
    }

    fn may_sleep(&self) -> bool {
        match &self.phase {
            Phase::Open { live, .. } => live.may_sleep(),
            Phase::Opening | Phase::Refusing(_) => true,
        }
    }

    /// Looks again after a while whether there is nothing to do: one timer at a time, and none while
    /// somebody follows.
    fn watch_idleness(&mut self, myself: &ActorRef<ConversationMsg>) {
        if self.timer_runs || !self.may_sleep() {
            return;
        }
        self.timer_runs = true;
        // Once it has asked to sleep the time is over, and it asks again after as long.
        let idle = self.idle();
        let left = idle.saturating_sub(self.active.elapsed());
        myself.send_after(if left.is_zero() { idle } else { left }, || ConversationMsg::LookIdle);
    }

    /// How long it stays awake without anything to do.
    fn idle(&self) -> Duration {
        if self.has_begun() { self.ports.idle } else { NOTHING_IDLE.min(self.ports.idle) }
    }

    fn close(&mut self) {
        let phase = std::mem::replace(&mut self.phase, Phase::Opening);
        if let Phase::Open { live, incarnation, kept_revision } = phase {
            let state: Conversation = live.into_state();
            let snapshot = (state.revision > kept_revision).then_some(state);
            self.ports.journal.close_conversation(self.ports.workspace_id, self.id, incarnation, snapshot);
        }
    }
}

/// How long the journal has between two tries of opening.
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(750);

/// How long a conversation without any entry stays awake: ids that mean nothing must cost nothing.
const NOTHING_IDLE: Duration = Duration::from_millis(250);

/// No revision of any workspace.
const NOTHING_LEARNED: u64 = u64::MAX;
