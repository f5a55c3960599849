//! An agent: a member of a workspace while sessions of theirs are live.
//!
//! Owns which sessions these are, and says when the first comes and the last goes. Must not know
//! conversations. Presence, load and notification preferences come to live here.

use std::collections::BTreeSet;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{MemberId, SessionId};

use super::workspace::WorkspaceMsg;

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
    sessions: BTreeSet<SessionId>,
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
        Ok(AgentState { member, workspace, sessions: BTreeSet::new() })
    }

    async fn handle(
        &self,
        _: ActorRef<AgentMsg>,
        message: AgentMsg,
        state: &mut AgentState,
    ) -> Result<(), ActorProcessingErr> {
        let was_online = !state.sessions.is_empty();
        match message {
            AgentMsg::Arrived(session) => {
                state.sessions.insert(session);
            }
            AgentMsg::Left(session) => {
                state.sessions.remove(&session);
            }
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            AgentMsg::Fail => panic!("a failure planted on purpose"),
        }
        let online = !state.sessions.is_empty();
        if online != was_online {
            state.workspace.cast(WorkspaceMsg::AgentStatus(state.member, online))?;
        }
        Ok(())
    }
}
