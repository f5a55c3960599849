//! The listener's side of the tree: the sessions.
//!
//! Owns which sessions are live, that an instance has one at a time and a member one place, and the goodbye to all
//! of them when the engine stops. Must not know sockets, nor who is believed to be there.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use switchboard_protocol::vocabulary::{InstanceId, SessionId, WorkspaceId};

use super::session::{Closing, SessionActor, SessionMsg, SessionPorts};
use super::workspace::{Attending, WorkspaceMsg};
use crate::clock;
use crate::domain::identity::Identity;
use crate::machines::places::{Guest, Places, Refused, Step, Why};

/// What the listener is told.
pub enum ListenerMsg {
    /// A client was proven.
    Open(Box<SessionPorts>, OpenedReply),
    /// A session was told to make room, and should have by now.
    Overdue(SessionId),
    /// Nothing says any more that anybody is at the other end of a session.
    Lapsed(SessionId),
    /// A workspace has begun, perhaps in place of one that failed.
    Begun(WorkspaceId, ActorRef<WorkspaceMsg>),
    /// Say goodbye to everybody, each with a wait of their own below this many milliseconds.
    SayGoodbye(u32),
    /// Somebody is no member any more: their sessions are closed.
    Removed(Identity),
    /// How many sessions are live.
    Count(RpcReplyPort<usize>),
}

/// Whoever waits for a session to be opened: it may have to wait for the end of others.
pub type OpenedReply = RpcReplyPort<Result<ActorRef<SessionMsg>, Refused>>;

/// The actor.
pub struct ListenerActor;

/// Its state.
pub struct ListenerState {
    sessions: HashMap<SessionId, Live>,
    actors: HashMap<ActorId, SessionId>,
    places: Places<Arc<Identity>, InstanceId, SessionId, Newcomer>,
    stopping: bool,
}

struct Live {
    session: ActorRef<SessionMsg>,
    identity: Arc<Identity>,
    serves: bool,
    workspace: ActorRef<WorkspaceMsg>,
}

/// A session that may begin, and who is told so.
struct Newcomer(Box<SessionPorts>, OpenedReply);

type Steps = Vec<Step<SessionId, Newcomer>>;

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
        let (sessions, actors, places) = (HashMap::new(), HashMap::new(), Places::new(sessions_max));
        Ok(ListenerState { sessions, actors, places, stopping: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<ListenerMsg>,
        message: ListenerMsg,
        state: &mut ListenerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            ListenerMsg::Open(_, reply) if state.stopping => {
                // Whoever does not wait any more needs no answer.
                let _ = reply.send(Err(Refused::Full));
            }
            ListenerMsg::Open(ports, reply) => {
                let guest = Guest {
                    party: Arc::clone(&ports.identity),
                    instance: ports.instance,
                    session: ports.id,
                    place: ports.place,
                };
                let steps = state.places.arrives(guest, Newcomer(ports, reply), clock::now());
                state.carry_out(&myself, steps).await?;
            }
            ListenerMsg::Overdue(session) => {
                if let Some(live) = state.sessions.get(&session) {
                    tracing::error!(%session, "a session did not end when it was told to");
                    live.session.kill();
                }
            }
            ListenerMsg::Lapsed(session) => {
                let steps = state.places.lapsed(&session);
                state.carry_out(&myself, steps).await?;
            }
            ListenerMsg::Begun(id, workspace) => {
                for live in state.sessions.values_mut().filter(|live| live.identity.workspace() == id) {
                    live.workspace = workspace.clone();
                    let _ = live.session.cast(SessionMsg::WorkspaceBegun(workspace.clone()));
                }
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
        myself: ActorRef<ListenerMsg>,
        event: SupervisionEvent,
        state: &mut ListenerState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(child, _, _) => state.gone(&myself, child.get_id()).await?,
            SupervisionEvent::ActorFailed(child, why) => {
                // The transport notices that its outbox has ended, and closes the connection.
                tracing::error!(%why, "a session failed");
                state.gone(&myself, child.get_id()).await?;
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {}
        }
        Ok(())
    }
}

impl ListenerState {
    async fn carry_out(
        &mut self,
        myself: &ActorRef<ListenerMsg>,
        steps: Steps,
    ) -> Result<(), ActorProcessingErr> {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            match step {
                // Whoever made room has done so because the engine stops.
                Step::Begin(Newcomer(ports, reply)) if self.stopping => {
                    drop(reply.send(Err(Refused::Full)));
                    steps.extend(self.places.left(&ports.id));
                }
                Step::Begin(newcomer) => self.begin(myself, newcomer).await?,
                Step::Close(id, why) => {
                    let Some(live) = self.sessions.get(&id) else { continue };
                    let _ = live.session.cast(SessionMsg::Close(closing(why)));
                    myself.send_after(CLOSE_WAIT, move || ListenerMsg::Overdue(id));
                }
                Step::Refuse(Newcomer(_, reply), why) => drop(reply.send(Err(why))),
            }
        }
        Ok(())
    }

    async fn begin(
        &mut self,
        myself: &ActorRef<ListenerMsg>,
        Newcomer(ports, reply): Newcomer,
    ) -> Result<(), ActorProcessingErr> {
        let (id, identity, workspace) = (ports.id, Arc::clone(&ports.identity), ports.workspace.clone());
        let serves = ports.place.serves();
        let (session, _) = SessionActor::spawn_linked(None, SessionActor, *ports, myself.get_cell()).await?;
        self.actors.insert(session.get_id(), id);
        self.sessions.insert(id, Live { session: session.clone(), identity, serves, workspace });
        if reply.send(Ok(session.clone())).is_err() {
            // Its connection did not wait: nobody else would end it.
            let _ = session.cast(SessionMsg::Closed);
        }
        Ok(())
    }

    async fn gone(
        &mut self,
        myself: &ActorRef<ListenerMsg>,
        actor: ActorId,
    ) -> Result<(), ActorProcessingErr> {
        let Some(id) = self.actors.remove(&actor) else { return Ok(()) };
        let Some(live) = self.sessions.remove(&id) else { return Ok(()) };
        // Whoever it made room for comes before it goes: the member is there all the while.
        let steps = self.places.left(&id);
        self.carry_out(myself, steps).await?;
        if let Some(member) = live.identity.member().filter(|_| live.serves) {
            // A workspace that is gone has forgotten its agents.
            let _ = live.workspace.cast(WorkspaceMsg::AgentSession(member, id, Attending::Gone));
        }
        Ok(())
    }
}

const fn closing(why: Why) -> Closing {
    match why {
        Why::Replaced => Closing::Replaced,
        Why::TakenOver => Closing::TakenOver,
        Why::Lapsed => Closing::Fault,
    }
}

/// How long a session may take to end that was told to.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
