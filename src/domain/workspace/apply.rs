//! How entries change a workspace, and what its members' clients have been answered.
//!
//! Owns the carrying out of what was decided, which cannot fail, and the bound of what is remembered. Must
//! not know what may be decided.

use switchboard_protocol::vocabulary::{InstanceId, MemberId, Party, Timestamp};

use super::{ProfileSettings, Workspace, WorkspaceEntry, WorkspaceEvent};
use crate::domain::clients::{Clients, Known, Origin};

/// What an accepted command was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// The entry that it became; the answer may be given once that is durable.
    pub revision: u64,
    /// When it was accepted.
    pub at: Timestamp,
}

/// What the members' clients have been answered, so that a command that comes again is not done again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MembersAnswers {
    /// By member.
    pub clients: Clients<Changed>,
    /// The latest instance of any member who was forgotten as a whole: an instance up to this one, of a member
    /// of whom nothing is known, may have been answered.
    pub forgotten: Option<InstanceId>,
}

impl MembersAnswers {
    /// What is known of a command.
    #[must_use]
    pub fn look_up(&self, origin: &Origin) -> Known<Changed> {
        let is_known = self.clients.parties.contains_key(&origin.party);
        match self.forgotten {
            Some(forgotten) if !is_known && origin.instance <= forgotten => Known::Forgotten,
            Some(_) | None => self.clients.look_up(origin),
        }
    }

    /// Remembers an answer. When there are too many members, the one who changed nothing for longest goes.
    fn remember(&mut self, origin: &Origin, answer: Changed) {
        let is_known = self.clients.parties.contains_key(&origin.party);
        self.clients.remember(origin, answer);
        if let Some(clients) = self.clients.parties.get_mut(&origin.party).filter(|_| !is_known) {
            // Something may have been forgotten of them, also now that something is known again.
            clients.forgotten = clients.forgotten.max(self.forgotten);
        }
        let parties = &self.clients.parties;
        if parties.len() > REMEMBERED_MEMBERS_MAX {
            let last = |party: &&Party| {
                let answers = parties[*party].instances.iter().flat_map(|client| client.answers.back());
                answers.map(|(_, answer)| answer.revision).max()
            };
            if let Some(party) = parties.keys().min_by_key(last).copied() {
                self.forget(party);
            }
        }
    }

    fn forget(&mut self, party: Party) {
        let Some(clients) = self.clients.parties.remove(&party) else { return };
        let instances = clients.instances.iter().map(|client| client.instance);
        self.forgotten = instances.chain(clients.forgotten).chain(self.forgotten).max();
    }
}

impl Workspace {
    /// Adds the next entry.
    pub fn apply(&mut self, entry: &WorkspaceEntry) {
        debug_assert_eq!(entry.revision, self.revision + 1, "entries are applied in order");
        for event in &entry.events {
            self.apply_event(event);
        }
        if let Some(origin) = &entry.origin {
            self.answers.remember(origin, Changed { revision: entry.revision, at: entry.at });
        }
        self.revision = entry.revision;
        self.last_at = entry.at;
    }

    fn apply_event(&mut self, event: &WorkspaceEvent) {
        match event {
            WorkspaceEvent::Created { name } => self.name = Some(name.clone()),
            WorkspaceEvent::MemberAdded { member, details } => {
                self.members.insert(*member, details.clone());
            }
            WorkspaceEvent::MemberRenamed { member, name } => {
                self.members.entry(*member).and_modify(|details| details.name = name.clone());
            }
            WorkspaceEvent::RoleChanged { member, role } => {
                self.members.entry(*member).and_modify(|details| details.role = *role);
            }
            WorkspaceEvent::MemberRemoved { member } => self.remove_member(*member),
            WorkspaceEvent::AwaySet { member, away: true } => _ = self.away.insert(*member),
            WorkspaceEvent::AwaySet { member, away: false } => _ = self.away.remove(member),
            WorkspaceEvent::ProfileAdded { profile, details } => {
                self.profiles.insert(*profile, details.clone());
            }
            WorkspaceEvent::TeamAssignmentSet(assignment) => self.settings.team.assignment = *assignment,
            WorkspaceEvent::TeamHoursSet(hours) => self.settings.team.hours = (**hours).clone(),
            WorkspaceEvent::TeamServiceSet(service) => self.settings.team.service = *service,
            WorkspaceEvent::GreetingSet { profile, greeting } => {
                self.profiles.entry(*profile).and_modify(|details| details.greeting.clone_from(greeting));
            }
            WorkspaceEvent::ProfileAssignmentSet { profile, assignment } => {
                self.settings.profiles.entry(*profile).or_default().assignment = (**assignment).clone();
            }
            WorkspaceEvent::ProfileHoursSet { profile, hours } => {
                self.settings.profiles.entry(*profile).or_default().hours = (**hours).clone();
            }
            WorkspaceEvent::BotSet { profile, bot } => {
                self.settings.profiles.entry(*profile).or_default().bot = (**bot).clone();
            }
            WorkspaceEvent::CompletionSet { profile, flow } => {
                self.settings.profiles.entry(*profile).or_default().completion = *flow;
            }
            WorkspaceEvent::HoursOverridden { profile, manual } => {
                self.settings.profiles.entry(*profile).or_default().manual = *manual;
            }
        }
    }

    /// Nothing of a member stays: neither in a list of agents nor in what clients were answered.
    fn remove_member(&mut self, member: MemberId) {
        self.members.remove(&member);
        self.away.remove(&member);
        self.answers.forget(Party::Agent { member });
        for ProfileSettings { assignment, .. } in self.settings.profiles.values_mut() {
            assignment.forget(member);
        }
    }
}

/// So many members' clients are remembered: those who changed a setting last.
pub const REMEMBERED_MEMBERS_MAX: usize = 64;
