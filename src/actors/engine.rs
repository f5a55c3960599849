//! The engine: the root of the tree.
//!
//! Owns the directory and the listener, and what their failure means: the directory is begun anew
//! from disk with everything under it, so many times in so long. The handle is what the transport and
//! the daemon hold. Must not know sockets.

use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use switchboard_protocol::vocabulary::{SessionId, WorkspaceId};
use tokio::sync::watch;

use super::directory::{DirectoryActor, DirectoryMsg, Proof, Proven};
use super::listener::{ListenerActor, ListenerMsg};
use super::session::{SessionHandle, SessionPorts};
use super::workspace::{WorkspaceMsg, WorkspacePorts};
use crate::clock;
use crate::domain::conversation::Policy;
use crate::domain::identity::Identity;
use crate::journal::Journal;
use crate::machines::budget::{Allowance, Budget};
use crate::machines::places::Refused;
use crate::stats::Latency;

/// The settings of the tree.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// The settings of conversations.
    pub policy: Policy,
    /// How long a conversation stays awake without anything to do.
    pub conversation_idle: Duration,
    /// For how long after a start nothing ends by itself: customers could not write while it was down.
    pub grace: Duration,
    /// The most sessions at a time.
    pub sessions_max: usize,
    /// For so long a member is believed to be there after the last sign of life of their client.
    pub lease: Duration,
}

/// A running engine. Clones are handles of the same one.
#[derive(Clone)]
pub struct Engine {
    actor: ActorRef<EngineMsg>,
    journal: Journal,
    latency: Latency,
    policy: Policy,
    lease: Duration,
    ended: watch::Receiver<bool>,
}

/// Why an engine does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It could not be started.
    #[error("the engine cannot start: {0}")]
    Start(String),
    /// It cannot do that now.
    #[error("the engine is not available: {0}")]
    Unavailable(String),
}

impl Engine {
    /// Starts the tree on a journal.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub async fn start(
        journal: Journal,
        latency: Latency,
        options: EngineOptions,
    ) -> Result<Self, EngineError> {
        let (say_ended, ended) = watch::channel(false);
        let workspace_ports = WorkspacePorts {
            journal: journal.clone(),
            latency: latency.clone(),
            policy: options.policy,
            conversation_idle: options.conversation_idle,
            grace_until: clock::after(options.grace),
        };
        let arguments = (workspace_ports, options.sessions_max, say_ended);
        let started = EngineActor::spawn(None, EngineActor, arguments).await;
        let (actor, _) = started.map_err(|error| EngineError::Start(error.to_string()))?;
        Ok(Self { actor, journal, latency, policy: options.policy, lease: options.lease, ended })
    }

    /// Says whom a proof proves; `None`: nobody.
    ///
    /// # Errors
    /// When the workspace is not available.
    pub async fn prove(&self, proof: Proof) -> Result<Option<Proven>, EngineError> {
        let (directory, _) = self.parts().await?;
        let proven = ask(&directory, |reply| DirectoryMsg::Prove(proof, reply)).await?;
        proven.map_err(EngineError::Unavailable)
    }

    /// Opens a session, unless there is no place for it.
    ///
    /// # Errors
    /// When the listener is not available.
    pub async fn open_session(
        &self,
        ports: SessionPorts,
    ) -> Result<Result<SessionHandle, Refused>, EngineError> {
        let (_, listener) = self.parts().await?;
        let session = ask(&listener, |reply| ListenerMsg::Open(Box::new(ports), reply)).await?;
        Ok(session.map(SessionHandle))
    }

    /// How many sessions are live.
    ///
    /// # Errors
    /// When the listener is not available.
    pub async fn sessions(&self) -> Result<usize, EngineError> {
        let (_, listener) = self.parts().await?;
        ask(&listener, ListenerMsg::Count).await
    }

    /// Says goodbye to every session: none is opened any more, and each is told when to come back, at
    /// a time of its own within `spread`.
    ///
    /// # Errors
    /// When the listener is not available.
    pub async fn say_goodbye(&self, spread: Duration) -> Result<(), EngineError> {
        let (_, listener) = self.parts().await?;
        let spread_ms = u32::try_from(spread.as_millis()).unwrap_or(u32::MAX);
        listener.cast(ListenerMsg::SayGoodbye(spread_ms)).map_err(|error| unavailable(&error))
    }

    /// Stops the tree and waits until every actor has ended. The journal goes on.
    pub async fn stop(&self) {
        // When it does not end in time, the journal is stopped all the same: that is what must not be lost.
        if let Err(error) = self.actor.stop_and_wait(None, Some(STOP_WAIT)).await {
            tracing::warn!(%error, "the actors did not all stop in time");
        }
    }

    /// Waits until the tree has ended by itself: its budget is spent, or it was stopped.
    pub async fn ended(&self) {
        // An error means that the actor is gone, which is an end as well.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Stored state.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Where latencies are recorded.
    #[must_use]
    pub const fn latency(&self) -> &Latency {
        &self.latency
    }

    /// The settings of conversations.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// For how long a member is believed to be there after a sign of life.
    #[must_use]
    pub const fn lease(&self) -> Duration {
        self.lease
    }

    /// The directory, for tests of failures.
    ///
    /// # Errors
    /// When the engine is not available.
    #[cfg(feature = "planted-bugs")]
    pub async fn directory(&self) -> Result<ActorRef<DirectoryMsg>, EngineError> {
        Ok(self.parts().await?.0)
    }

    async fn parts(&self) -> Result<(ActorRef<DirectoryMsg>, ActorRef<ListenerMsg>), EngineError> {
        ask(&self.actor, EngineMsg::Parts).await
    }
}

async fn ask<M: ractor::Message, T: Send + 'static>(
    actor: &ActorRef<M>,
    message: impl FnOnce(RpcReplyPort<T>) -> M,
) -> Result<T, EngineError> {
    match actor.call(message, Some(ANSWER_WAIT)).await.map_err(|error| unavailable(&error))? {
        ractor::rpc::CallResult::Success(answer) => Ok(answer),
        ractor::rpc::CallResult::Timeout => Err(unavailable(&"no answer in time")),
        ractor::rpc::CallResult::SenderError => Err(unavailable(&"it ended meanwhile")),
    }
}

fn unavailable(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Unavailable(error.to_string())
}

/// What the engine is told.
pub enum EngineMsg {
    /// Somebody is no member any more.
    Removed(Identity),
    /// Nothing says any more that anybody is at the other end of a session.
    Lapsed(SessionId),
    /// A workspace has begun.
    Begun(WorkspaceId, ActorRef<WorkspaceMsg>),
    /// The way to its parts.
    Parts(RpcReplyPort<(ActorRef<DirectoryMsg>, ActorRef<ListenerMsg>)>),
}

struct EngineActor;

struct EngineState {
    ports: WorkspacePorts,
    sessions_max: usize,
    directory: ActorRef<DirectoryMsg>,
    listener: ActorRef<ListenerMsg>,
    budget: Budget,
    say_ended: watch::Sender<bool>,
}

impl Actor for EngineActor {
    type Msg = EngineMsg;
    type State = EngineState;
    type Arguments = (WorkspacePorts, usize, watch::Sender<bool>);

    async fn pre_start(
        &self,
        myself: ActorRef<EngineMsg>,
        (ports, sessions_max, say_ended): Self::Arguments,
    ) -> Result<EngineState, ActorProcessingErr> {
        let directory = start_directory(&myself, &ports).await?;
        let listener = start_listener(&myself, sessions_max).await?;
        Ok(EngineState { ports, sessions_max, directory, listener, budget: Budget::default(), say_ended })
    }

    async fn handle(
        &self,
        _: ActorRef<EngineMsg>,
        message: EngineMsg,
        state: &mut EngineState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            EngineMsg::Removed(identity) => {
                // A listener that is gone has no sessions.
                let _ = state.listener.cast(ListenerMsg::Removed(identity));
            }
            EngineMsg::Lapsed(session) => {
                let _ = state.listener.cast(ListenerMsg::Lapsed(session));
            }
            EngineMsg::Begun(id, workspace) => {
                let _ = state.listener.cast(ListenerMsg::Begun(id, workspace));
            }
            EngineMsg::Parts(reply) => {
                let _ = reply.send((state.directory.clone(), state.listener.clone()));
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<EngineMsg>,
        state: &mut EngineState,
    ) -> Result<(), ActorProcessingErr> {
        let _ = state.say_ended.send(true);
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<EngineMsg>,
        event: SupervisionEvent,
        state: &mut EngineState,
    ) -> Result<(), ActorProcessingErr> {
        let (child, why) = match event {
            SupervisionEvent::ActorTerminated(child, _, why) => (child, why.unwrap_or_default()),
            SupervisionEvent::ActorFailed(child, why) => (child, why.to_string()),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return Ok(()),
        };
        tracing::error!(why, "a part of the engine ended; it is begun anew");
        if !state.budget.spend(clock::now(), ENGINE_ALLOWANCE) {
            myself.stop(Some(format!("too many failures; at last: {why}")));
            return Ok(());
        }
        state.restart(&myself, child.get_id()).await
    }
}

impl EngineState {
    async fn restart(
        &mut self,
        myself: &ActorRef<EngineMsg>,
        child: ActorId,
    ) -> Result<(), ActorProcessingErr> {
        if child == self.directory.get_id() {
            self.directory = start_directory(myself, &self.ports).await?;
        } else if child == self.listener.get_id() {
            self.listener = start_listener(myself, self.sessions_max).await?;
        }
        Ok(())
    }
}

async fn start_directory(
    myself: &ActorRef<EngineMsg>,
    ports: &WorkspacePorts,
) -> Result<ActorRef<DirectoryMsg>, ActorProcessingErr> {
    let arguments = (ports.clone(), myself.clone());
    let started = DirectoryActor::spawn_linked(None, DirectoryActor, arguments, myself.get_cell()).await?;
    Ok(started.0)
}

async fn start_listener(
    myself: &ActorRef<EngineMsg>,
    sessions_max: usize,
) -> Result<ActorRef<ListenerMsg>, ActorProcessingErr> {
    let started = ListenerActor::spawn_linked(None, ListenerActor, sessions_max, myself.get_cell()).await?;
    Ok(started.0)
}

/// How often a part of the engine may fail before the daemon ends.
const ENGINE_ALLOWANCE: Allowance = Allowance { times: 3, within_ms: 60_000 };

/// How long an answer may take that goes down the tree.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// For how long after a start nothing ends by itself.
pub const GRACE: Duration = Duration::from_secs(60);

/// How long the actors may take to stop.
const STOP_WAIT: Duration = Duration::from_secs(5);
