//! An agent: a member of a workspace while sessions of theirs are live.
//!
//! Owns which sessions these are and until when each is believed to be, and says when the first comes and the last
//! goes. Must not know conversations. Load and notification preferences come to live here.

use std::collections::BTreeMap;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{MemberId, SessionId};

use super::workspace::WorkspaceMsg;
use crate::clock;
use crate::machines::attendance::Attendance;

/// What an agent is told.
#[derive(Debug)]
pub enum AgentMsg {
    /// A session of the member is live, and is believed to be until then.
    Attends(SessionId, Instant),
    /// A session of the member has ended.
    Left(SessionId),
    /// The time has come to look who is not believed any more: the look that was set for this time.
    Look(Instant),
    /// Fails on purpose, to prove that it is begun anew.
    #[cfg(feature = "planted-bugs")]
    Fail,
}

/// The actor.
pub struct AgentActor;

/// Its state.
pub struct AgentState {
    member: MemberId,
    workspace: ActorRef<WorkspaceMsg>,
    sessions: Attendance<SessionId, Instant>,
    /// What the workspace was told last.
    online: Option<bool>,
    /// When the timer comes.
    look_at: Option<Instant>,
}

impl Actor for AgentActor {
    type Msg = AgentMsg;
    type State = AgentState;
    /// Who, with which sessions that are live already, and for whom.
    type Arguments = (MemberId, BTreeMap<SessionId, Instant>, ActorRef<WorkspaceMsg>);

    async fn pre_start(
        &self,
        myself: ActorRef<AgentMsg>,
        (member, sessions, workspace): Self::Arguments,
    ) -> Result<AgentState, ActorProcessingErr> {
        let sessions = Attendance::of(sessions);
        let mut state = AgentState { member, workspace, sessions, online: None, look_at: None };
        state.settle(&myself)?;
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<AgentMsg>,
        message: AgentMsg,
        state: &mut AgentState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            AgentMsg::Attends(session, until) => drop(state.sessions.attends(session, until)),
            AgentMsg::Left(session) => drop(state.sessions.left(&session)),
            AgentMsg::Look(at) if state.look_at == Some(at) => {
                state.look_at = None;
                for session in state.sessions.lapsed(clock::instant()) {
                    tracing::warn!(member = %state.member, %session, "nothing is heard of a session any more");
                    state.workspace.cast(WorkspaceMsg::AgentLapsed(state.member, session))?;
                }
            }
            // Another one was set meanwhile.
            AgentMsg::Look(_) => {}
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            AgentMsg::Fail => panic!("a failure planted on purpose"),
        }
        state.settle(&myself)
    }
}

impl AgentState {
    /// Says whether the member is there, if that is new, and sets the timer for what may run out first.
    fn settle(&mut self, myself: &ActorRef<AgentMsg>) -> Result<(), ActorProcessingErr> {
        let online = self.sessions.is_there();
        if self.online.replace(online) != Some(online) {
            self.workspace.cast(WorkspaceMsg::AgentStatus(self.member, online))?;
        }
        // A later time is looked at when the earlier one has come: a lease is renewed often and runs out seldom.
        if let Some(at) = self.sessions.next().filter(|at| self.look_at.is_none_or(|set| *at < set)) {
            self.look_at = Some(at);
            let wait = at.saturating_duration_since(clock::instant());
            myself.send_after(wait, move || AgentMsg::Look(at));
        }
        Ok(())
    }
}
