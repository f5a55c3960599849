//! An agent: a member of a workspace while sessions of theirs are live.
//!
//! Owns which sessions these are, and says when the first comes and the last goes. Must not know
//! conversations. Presence, load and notification preferences come to live here.

use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{MemberId, SessionId};

use super::workspace::WorkspaceMsg;
use crate::machines::attendance::Attendance;

/// What an agent is told.
#[derive(Debug)]
pub enum AgentMsg {
    /// A session of the member is live.
    Arrived(SessionId),
    /// A session of the member has ended.
    Left(SessionId),
    /// Fails on purpose, to prove that the desks are told.
    #[cfg(feature = "planted-bugs")]
    Fail,
}

/// The actor.
pub struct AgentActor;

/// Its state.
pub struct AgentState {
    member: MemberId,
    workspace: ActorRef<WorkspaceMsg>,
    sessions: Attendance<SessionId>,
}

impl Actor for AgentActor {
    type Msg = AgentMsg;
    type State = AgentState;
    type Arguments = (MemberId, ActorRef<WorkspaceMsg>);

    async fn pre_start(
        &self,
        _: ActorRef<AgentMsg>,
        (member, workspace): Self::Arguments,
    ) -> Result<AgentState, ActorProcessingErr> {
        Ok(AgentState { member, workspace, sessions: Attendance::default() })
    }

    async fn handle(
        &self,
        _: ActorRef<AgentMsg>,
        message: AgentMsg,
        state: &mut AgentState,
    ) -> Result<(), ActorProcessingErr> {
        let status = match message {
            AgentMsg::Arrived(session) => state.sessions.came(session).then_some(true),
            AgentMsg::Left(session) => state.sessions.left(&session).then_some(false),
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            AgentMsg::Fail => panic!("a failure planted on purpose"),
        };
        if let Some(online) = status {
            state.workspace.cast(WorkspaceMsg::AgentStatus(state.member, online))?;
        }
        Ok(())
    }
}
