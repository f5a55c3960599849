//! Changes of a workspace: as they are asked for, and as the audit tells them.
//!
//! Owns the table of changes. Must not know who may make which.

use serde::{Deserialize, Serialize};

use super::settings::{
    Bot, Greeting, ProfileAssignment, ProfileHours, Role, TeamAssignment, TeamHours, TeamService,
};
use crate::vocabulary::{DisplayName, FlowId, MemberId, ProfileId, ProfileTitle, Timestamp, Token};

/// A change. A block is set as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The workspace was created. The audit alone has it.
    Created {
        /// Its name.
        name: ProfileTitle,
    },
    /// Add a member.
    AddMember {
        /// Which; the engine draws the id, and the audit tells it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<MemberId>,
        /// The name.
        name: DisplayName,
        /// The role.
        role: Role,
        /// The secret that proves the member; the audit never has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Token>,
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
    /// Remove a member.
    RemoveMember {
        /// Which.
        member: MemberId,
    },
    /// A member wants to be left alone, or does not any more. The audit alone has it: it is their own to say, by
    /// an operation of its own.
    Status {
        /// Which.
        member: MemberId,
        /// Whether they do.
        away: bool,
    },
    /// Add a profile.
    AddProfile {
        /// Which; the engine draws the id, and the audit tells it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<ProfileId>,
        /// The title.
        title: ProfileTitle,
        /// What its bot says first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        greeting: Option<Greeting>,
    },
    /// Set the team's assignment.
    TeamAssignment {
        /// The block.
        assignment: TeamAssignment,
    },
    /// Set the team's operating hours.
    TeamHours {
        /// The block.
        hours: TeamHours,
    },
    /// Set what becomes of consultations.
    TeamService {
        /// The block.
        service: TeamService,
    },
    /// Set a profile's assignment.
    ProfileAssignment {
        /// Of which.
        profile: ProfileId,
        /// The block.
        assignment: ProfileAssignment,
    },
    /// Set a profile's operating hours.
    ProfileHours {
        /// Of which.
        profile: ProfileId,
        /// The block.
        hours: ProfileHours,
    },
    /// Set a profile's bot.
    Bot {
        /// Of which.
        profile: ProfileId,
        /// The block.
        bot: Bot,
    },
    /// Set what a profile's bot says first.
    Greeting {
        /// Of which.
        profile: ProfileId,
        /// The greeting; absent: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        greeting: Option<Greeting>,
    },
    /// Set where a profile's bot goes on when a consultation is completed.
    Completion {
        /// Of which.
        profile: ProfileId,
        /// The flow that it begins; absent: it goes on where it was, or at the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completion: Option<FlowId>,
    },
    /// Open or close a profile by hand, until its schedule changes next.
    OverrideHours {
        /// Which.
        profile: ProfileId,
        /// Whether to open it; absent: the schedule holds again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open: Option<bool>,
        /// Until when that holds, in the audit; the engine finds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// One that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place: 1 for the first, without gaps.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
    /// Who; absent: whoever runs the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// What.
    pub changes: Vec<Change>,
}
