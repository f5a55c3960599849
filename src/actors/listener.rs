//! The listener's side of the tree: the sessions.
//!
//! Owns which sessions are live, that an instance has one at a time, and the goodbye to all of them
//! when the engine stops. Must not know sockets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use switchboard_protocol::vocabulary::{InstanceId, MemberId, Party, SessionId};

use super::session::{Closing, SessionActor, SessionMsg, SessionPorts};
use super::workspace::WorkspaceMsg;
use crate::clock;
use crate::domain::identity::Identity;
use crate::machines::attendance::{Arrival, Places};

/// What the listener is told.
pub enum ListenerMsg {
    /// A client was proven; `None` when the engine is full or stopping.
    Open(SessionPorts, RpcReplyPort<Option<ActorRef<SessionMsg>>>),
    /// Say goodbye to everybody, each with a wait of their own below this many milliseconds.
    SayGoodbye(u32),
    /// Somebody is no member any more: their sessions are closed.
    Removed(Identity),
    /// How many sessions are live.
    Count(RpcReplyPort<usize>),
}

/// The actor.
pub struct ListenerActor;

/// Its state.
pub struct ListenerState {
    sessions: HashMap<ActorId, Live>,
    places: Places<(Arc<Identity>, InstanceId), Session>,
    stopping: bool,
}

struct Live {
    session: ActorRef<SessionMsg>,
    id: SessionId,
    identity: Arc<Identity>,
    instance: InstanceId,
    workspace: ActorRef<WorkspaceMsg>,
}

/// A session's actor, told from others by its id.
#[derive(Clone)]
struct Session(ActorRef<SessionMsg>);

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.0.get_id() == other.0.get_id()
    }
}

impl Actor for ListenerActor {
    type Msg = ListenerMsg;
    type State = ListenerState;
    /// The most sessions at a time.
    type Arguments = usize;

    async fn pre_start(
        &self,
        _: ActorRef<ListenerMsg>,
        sessions_max: usize,
    ) -> Result<ListenerState, ActorProcessingErr> {
        let (sessions, places) = (HashMap::new(), Places::new(sessions_max));
        Ok(ListenerState { sessions, places, stopping: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<ListenerMsg>,
        message: ListenerMsg,
        state: &mut ListenerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ListenerMsg::Open(ports, reply) => {
                let opened = state.open(&myself, ports).await?;
                // If the connection is gone already, the transport has dropped the outbox's other end.
                let _ = reply.send(opened);
            }
            ListenerMsg::SayGoodbye(spread_ms) => {
                state.stopping = true;
                for live in state.sessions.values() {
                    let reconnect_after_ms = clock::random_below(spread_ms);
                    let _ = live.session.cast(SessionMsg::Close(Closing::GoingAway { reconnect_after_ms }));
                }
            }
            ListenerMsg::Removed(identity) => {
                for live in state.sessions.values().filter(|live| *live.identity == identity) {
                    let _ = live.session.cast(SessionMsg::Close(Closing::Removed));
                }
            }
            ListenerMsg::Count(reply) => {
                let _ = reply.send(state.sessions.len());
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<ListenerMsg>,
        event: SupervisionEvent,
        state: &mut ListenerState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => state.gone(child.get_id()),
            SupervisionEvent::ActorFailed(child, why) => {
                // The transport notices that its outbox has ended, and closes the connection.
                tracing::error!(%why, "a session failed");
                state.gone(child.get_id());
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl ListenerState {
    async fn open(
        &mut self,
        myself: &ActorRef<ListenerMsg>,
        ports: SessionPorts,
    ) -> Result<Option<ActorRef<SessionMsg>>, ActorProcessingErr> {
        let key = (Arc::clone(&ports.identity), ports.instance);
        if self.stopping {
            return Ok(None);
        }
        match self.places.arrives(&key) {
            Arrival::Welcome => {}
            Arrival::After(Session(before)) => {
                let _ = before.cast(SessionMsg::Close(Closing::Replaced));
                if before.wait(Some(REPLACED_WAIT)).await.is_err() {
                    before.kill();
                }
            }
            Arrival::Full => return Ok(None),
        }
        let (id, workspace) = (ports.id, ports.workspace.clone());
        let (session, _) = SessionActor::spawn_linked(None, SessionActor, ports, myself.get_cell()).await?;
        if let Some(member) = member_of(&key.0) {
            let _ = workspace.cast(WorkspaceMsg::AgentSession(member, id, true));
        }
        let live =
            Live { session: session.clone(), id, identity: Arc::clone(&key.0), instance: key.1, workspace };
        self.sessions.insert(session.get_id(), live);
        self.places.entered(key, Session(session.clone()));
        Ok(Some(session))
    }

    fn gone(&mut self, actor: ActorId) {
        let Some(live) = self.sessions.remove(&actor) else { return };
        if let Some(member) = member_of(&live.identity) {
            // A workspace that is gone has forgotten its agents.
            let _ = live.workspace.cast(WorkspaceMsg::AgentSession(member, live.id, false));
        }
        let key = (live.identity, live.instance);
        self.places.left(&key, &Session(live.session));
    }
}

fn member_of(identity: &Identity) -> Option<MemberId> {
    match identity.party() {
        Party::Agent { member } => Some(member),
        Party::Customer | Party::Bot => None,
    }
}

/// How long a session may take to make room for the next one of the same client.
const REPLACED_WAIT: Duration = Duration::from_secs(1);
