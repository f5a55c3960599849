//! The agents of a workspace: who of its members is there, and who is told so.
//!
//! Owns the agents' actors and what their failure means: the sessions of each are known here as well, so that none
//! has to come again for it. Must not know when a session is not believed any more; the agent says so.

use std::collections::BTreeMap;
use std::time::Instant;

use ractor::{Actor, ActorId, ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{MemberId, SessionId};

use super::{Attending, WorkspaceMsg, WorkspaceState};
use crate::actors::agent::{AgentActor, AgentMsg};
use crate::actors::directory::DirectoryMsg;

/// A member who is or was there.
pub(super) struct Agent {
    actor: ActorRef<AgentMsg>,
    /// What the agent was told: another actor of theirs begins with it.
    sessions: BTreeMap<SessionId, Instant>,
    /// Whether any of them is live, as the agent said last.
    pub(super) online: bool,
}

impl WorkspaceState {
    /// A session of a member says that it is there, or has gone.
    pub(super) async fn agent_session(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        member: MemberId,
        session: SessionId,
        attending: Attending,
    ) -> Result<(), ActorProcessingErr> {
        let message = match attending {
            Attending::Gone => {
                let Some(agent) = self.agents.get_mut(&member) else { return Ok(()) };
                agent.sessions.remove(&session);
                AgentMsg::Left(session)
            }
            Attending::Until(_) | Attending::Looks
                if !self.ledger.durable().members.contains_key(&member) =>
            {
                // It was proven before the member was removed.
                self.show_out(member);
                return Ok(());
            }
            Attending::Looks => return Ok(()),
            Attending::Until(until) => {
                if !self.agents.contains_key(&member) {
                    self.begin_agent(myself, member, BTreeMap::new(), false).await?;
                }
                if let Some(agent) = self.agents.get_mut(&member) {
                    agent.sessions.insert(session, until);
                }
                AgentMsg::Attends(session, until)
            }
        };
        if let Some(agent) = self.agents.get(&member) {
            // One that has failed is begun anew with what is known here.
            let _ = agent.actor.cast(message);
        }
        Ok(())
    }

    /// An agent is online or is not.
    pub(super) async fn agent_status(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        member: MemberId,
        online: bool,
    ) -> Result<(), ActorProcessingErr> {
        let Some(agent) = self.agents.get_mut(&member).filter(|agent| agent.online != online) else {
            return Ok(());
        };
        agent.online = online;
        self.show_status(myself, member);
        self.at_desk(myself, |desk, now| desk.stands(member, online, now)).await?;
        self.tell_present();
        Ok(())
    }

    /// A session of an agent is not believed any more: if there still is one, it ends.
    pub(super) fn agent_lapsed(&mut self, member: MemberId, session: SessionId) {
        if let Some(agent) = self.agents.get_mut(&member) {
            agent.sessions.remove(&session);
        }
        // A directory that is gone takes all with it.
        let _ = self.directory.cast(DirectoryMsg::Lapsed(session));
    }

    /// An agent is begun anew with the sessions that are live: nobody goes away because of it.
    pub(super) async fn agent_failed(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        actor: ActorId,
        why: &str,
    ) -> Result<(), ActorProcessingErr> {
        let failed = self.agents.iter().find(|(_, agent)| agent.actor.get_id() == actor);
        let Some(member) = failed.map(|(member, _)| *member) else { return Ok(()) };
        tracing::error!(%member, why, "an agent failed");
        match self.agents.remove(&member) {
            Some(Agent { sessions, online, .. }) => self.begin_agent(myself, member, sessions, online).await,
            None => Ok(()),
        }
    }

    /// Somebody is no member any more. If they become one again, whoever is there of them then has just come: their
    /// sessions of before are on their way out.
    pub(super) fn forget_agent(&mut self, member: MemberId) {
        if let Some(agent) = self.agents.remove(&member) {
            agent.actor.stop(None);
        }
    }

    async fn begin_agent(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        member: MemberId,
        sessions: BTreeMap<SessionId, Instant>,
        online: bool,
    ) -> Result<(), ActorProcessingErr> {
        let arguments = (member, sessions.clone(), myself.clone());
        let (actor, _) = AgentActor::spawn_linked(None, AgentActor, arguments, myself.get_cell()).await?;
        self.agents.insert(member, Agent { actor, sessions, online });
        Ok(())
    }
}
