//! What can be asked of a workspace.
//!
//! Owns the actions and who gives them. A setting is set a whole block at a time. Must not know who may do
//! what, nor the wire's requests.

use switchboard_protocol::vocabulary::{DisplayName, FlowId, InstanceId, MemberId, ProfileId, ProfileTitle};

use super::{Bot, Member, Profile, Role, TeamService};
use crate::domain::assignment::{ProfileAssignment, TeamAssignment};
use crate::domain::hours::{Override, ProfileHours, TeamHours};
use crate::domain::message::Message;

/// An action with the member who wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCommand {
    /// Who.
    pub member: MemberId,
    /// By which client, so that it is carried out once.
    pub instance: InstanceId,
    /// The client's counter.
    pub counter: u64,
    /// What to do.
    pub action: WorkspaceAction,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceAction {
    /// Create it.
    Create {
        /// Its name.
        name: ProfileTitle,
        /// Its owner.
        owner: (MemberId, Member),
    },
    /// Add a member.
    AddMember {
        /// Which.
        member: MemberId,
        /// The rest.
        details: Member,
    },
    /// Give a member another name.
    RenameMember {
        /// Which.
        member: MemberId,
        /// The name.
        name: DisplayName,
    },
    /// Give a member another role.
    ChangeRole {
        /// Which.
        member: MemberId,
        /// The role.
        role: Role,
    },
    /// Remove a member, from every list of agents as well.
    RemoveMember {
        /// Which.
        member: MemberId,
    },
    /// Say that a member wants to be left alone, or does not any more. Their own to say.
    SetAway {
        /// Which.
        member: MemberId,
        /// Whether they do.
        away: bool,
    },
    /// Add a profile.
    AddProfile {
        /// Which.
        profile: ProfileId,
        /// The rest.
        details: Profile,
    },
    /// Set the team's assignment.
    SetTeamAssignment(TeamAssignment),
    /// Set the team's operating hours.
    SetTeamHours(Box<TeamHours>),
    /// Set what becomes of consultations.
    SetTeamService(TeamService),
    /// Set a profile's assignment.
    SetProfileAssignment {
        /// Of which.
        profile: ProfileId,
        /// The block.
        assignment: Box<ProfileAssignment>,
    },
    /// Set a profile's operating hours.
    SetProfileHours {
        /// Of which.
        profile: ProfileId,
        /// The block.
        hours: Box<ProfileHours>,
    },
    /// Set a profile's bot.
    SetBot {
        /// Of which.
        profile: ProfileId,
        /// The block.
        bot: Box<Bot>,
    },
    /// Set what a profile's bot says when a conversation begins.
    SetGreeting {
        /// Of which.
        profile: ProfileId,
        /// The greeting; `None`: nothing.
        greeting: Option<Message>,
    },
    /// Set where a profile's bot goes on when a consultation is completed.
    SetCompletion {
        /// Of which.
        profile: ProfileId,
        /// At the beginning of this flow; `None`: where it was, or at the start.
        flow: Option<FlowId>,
    },
    /// Open or close a profile by hand, or take that back.
    OverrideHours {
        /// Which.
        profile: ProfileId,
        /// What is to hold until the schedule changes next; `None`: the schedule again.
        to: Option<Override>,
    },
}
