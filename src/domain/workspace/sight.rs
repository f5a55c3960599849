//! What a member sees of the workspace's lists, and what its status board marks.
//!
//! Owns the one place where "agents' lists show only what is assigned to them" holds. Must not know lists.

use switchboard_protocol::vocabulary::{MemberId, ProfileId};

use super::{Role, Workspace, WorkspaceRejection};
use crate::domain::assignment::Load;
use crate::domain::listing::{Filter, Wish};

impl Workspace {
    /// Whether a member's lists show only what is the member's own of a profile: everybody's below the owner, if the
    /// profile's load says so.
    #[must_use]
    pub fn sees_only_own(&self, member: MemberId, profile: ProfileId) -> bool {
        let is_owner = self.members.get(&member).is_some_and(|member| member.role == Role::Owner);
        self.load_of(profile).own_list_only && !is_owner
    }

    /// What a member is shown who wishes this. Every list and every desk goes through here.
    ///
    /// # Errors
    /// When the workspace does not have the profile that is wished for.
    pub fn filter(&self, member: MemberId, wish: Wish) -> Result<Filter, WorkspaceRejection> {
        if let Some(profile) = wish.profile.filter(|profile| !self.profiles.contains_key(profile)) {
            return Err(WorkspaceRejection::NoSuchProfile(profile));
        }
        Ok(self.shown(member, wish))
    }

    /// The same; of a profile that the workspace does not have, nothing.
    #[must_use]
    pub fn shown(&self, member: MemberId, wish: Wish) -> Filter {
        let shown = |profile: &ProfileId| {
            let only_own = wish.mine || self.sees_only_own(member, *profile);
            (*profile, only_own.then_some(member))
        };
        Filter::new(wish, self.profiles.keys().map(shown))
    }

    /// The load in force for a profile.
    fn load_of(&self, profile: ProfileId) -> Load {
        self.settings_of(profile).assignment.load_in_force(&self.settings.team.assignment)
    }

    /// The most consultations that anybody has by automatic assignment alone: whoever has more took some by hand,
    /// or got them while it was more.
    #[must_use]
    pub fn load_max(&self) -> u32 {
        let most = self.profiles.keys().map(|profile| self.load_of(*profile).maximum).max();
        most.unwrap_or(self.settings.team.assignment.load.maximum)
    }
}
