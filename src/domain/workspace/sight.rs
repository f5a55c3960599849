//! What a member sees of the workspace's lists, and what its status board marks.
//!
//! Owns the one place where "agents' lists show only what is assigned to them" holds. Must not know lists.

use switchboard_protocol::vocabulary::MemberId;

use super::{Role, Workspace};
use crate::domain::listing::{Filter, Wish};

impl Workspace {
    /// Whether a member's lists show only what is the member's own: everybody's below the owner, if the team says
    /// so. A profile that brings a load of its own does not change that, since the lists are those of the team.
    #[must_use]
    pub fn sees_only_own(&self, member: MemberId) -> bool {
        let is_owner = self.members.get(&member).is_some_and(|member| member.role == Role::Owner);
        self.settings.team.assignment.load.own_list_only && !is_owner
    }

    /// What a member is shown who wishes this. Every list and every desk goes through here.
    #[must_use]
    pub fn filter(&self, member: MemberId, wish: Wish) -> Filter {
        let only_own = wish.mine || self.sees_only_own(member);
        Filter { lists: wish.lists, of: only_own.then_some(member) }
    }

    /// The most consultations that anybody has by automatic assignment alone: whoever has more took some by hand,
    /// or got them while it was more.
    #[must_use]
    pub fn load_max(&self) -> u32 {
        let team = self.settings.team.assignment.load;
        let load = |profile| self.settings_of(profile).assignment.load.unwrap_or(team);
        let most = self.profiles.keys().map(|profile| load(*profile).maximum).max();
        most.unwrap_or(team.maximum)
    }
}
