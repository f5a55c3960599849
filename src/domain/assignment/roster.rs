//! The roster: the agents of a workspace, as assignment sees them.
//!
//! Owns each agent's standing and load. Must not know sessions, nor what the load consists of.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::MemberId;

/// Whether an agent can be given work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// There, and wants to be.
    Online,
    /// There, and wants to be left alone.
    Away,
    /// Not there.
    #[default]
    Offline,
}

/// An agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agent {
    /// Whether work can be given.
    pub standing: Standing,
    /// Consultations, waiting and in progress, those included that are being assigned.
    pub load: u32,
    /// The number of the last automatic assignment in the workspace that was this agent's; 0: none yet.
    pub turn: u64,
}

/// The agents of a workspace: every member is one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roster {
    agents: BTreeMap<MemberId, Agent>,
    last_turn: u64,
}

impl Roster {
    /// Adds a member who is not there, or finds the one who is.
    pub fn member(&mut self, member: MemberId) -> &mut Agent {
        self.agents.entry(member).or_default()
    }

    /// Removes a member.
    pub fn remove(&mut self, member: MemberId) {
        self.agents.remove(&member);
    }

    /// An agent, if there is one.
    #[must_use]
    pub fn get(&self, member: MemberId) -> Option<&Agent> {
        self.agents.get(&member)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// All agents, by their ids.
    pub fn agents(&self) -> impl Iterator<Item = (MemberId, &Agent)> {
        self.agents.iter().map(|(member, agent)| (*member, agent))
    }

    /// Members had their turn before, in this order.
    pub fn had_turns(&mut self, members: impl IntoIterator<Item = MemberId>) {
        for member in members {
            self.last_turn += 1;
            let turn = self.last_turn;
            self.member(member).turn = turn;
        }
    }

    /// Work was given automatically: the load grows, and the turn is taken.
    pub fn assigned(&mut self, member: MemberId) {
        self.last_turn += 1;
        let turn = self.last_turn;
        let agent = self.member(member);
        agent.load += 1;
        agent.turn = turn;
    }
}
