//! The state of a workspace, and what is recorded of it.
//!
//! Owns members, profiles and the events: each entry says who changed what and when, and together they are
//! the audit trail. Must not know what may be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use switchboard_protocol::vocabulary::{
    DisplayName, FlowId, MemberId, Platform, ProfileId, ProfileTitle, Timestamp, UserKey, WorkspaceId,
};

use super::{Bot, MembersAnswers, Settings, TeamService};
use crate::domain::assignment::{ProfileAssignment, TeamAssignment};
use crate::domain::clients::Origin;
use crate::domain::hours::{ManualOverride, ProfileHours, TeamHours};
use crate::domain::identity::{CustomerKey, Identity};
use crate::domain::message::Message;

/// A workspace, as the sum of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Which.
    pub id: WorkspaceId,
    /// Its name; `None` until it is created.
    pub name: Option<ProfileTitle>,
    /// How many entries it has.
    pub revision: u64,
    /// When the last entry was made.
    pub last_at: Timestamp,
    /// Its members.
    pub members: BTreeMap<MemberId, Member>,
    /// Its profiles.
    pub profiles: BTreeMap<ProfileId, Profile>,
    /// The members who want to be left alone, whether or not they are there.
    pub away: BTreeSet<MemberId>,
    /// Its settings.
    pub settings: Settings,
    /// What its members' clients have been answered.
    pub answers: MembersAnswers,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name shown to colleagues.
    pub name: DisplayName,
    /// What the member may do.
    pub role: Role,
    /// The hash of the token that proves who it is.
    pub token_hash: TokenHash,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything; exactly one.
    Owner,
    /// Profiles, also to create and delete them.
    Admin,
    /// Profiles and flows.
    Editor,
    /// Look; may serve as agent like everybody.
    Readonly,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Readonly => "readonly",
        })
    }
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Its title.
    pub title: ProfileTitle,
    /// What its bot says when a conversation begins.
    pub greeting: Option<Message>,
}

/// The SHA-256 of a token. The token itself is never kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// What one accepted command became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceEntry {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// Its place among the workspace's entries: 1 for the first, without gaps.
    pub revision: u64,
    /// When; never earlier than the entry before it.
    pub at: Timestamp,
    /// Who; `None` for whoever runs the daemon.
    pub by: Option<MemberId>,
    /// Which client's command it was, if a member's client gave it.
    pub origin: Option<Origin>,
    /// What happened; at least one.
    pub events: Vec<WorkspaceEvent>,
}

/// What happened to a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceEvent {
    /// It was created.
    Created {
        /// Its name.
        name: ProfileTitle,
    },
    /// A member was added.
    MemberAdded {
        /// Which.
        member: MemberId,
        /// The rest.
        details: Member,
    },
    /// A member has another name.
    MemberRenamed {
        /// Which.
        member: MemberId,
        /// The name.
        name: DisplayName,
    },
    /// A member has another role.
    RoleChanged {
        /// Which.
        member: MemberId,
        /// The role.
        role: Role,
    },
    /// A member was removed.
    MemberRemoved {
        /// Which.
        member: MemberId,
    },
    /// A member wants to be left alone, or does not any more.
    AwaySet {
        /// Which.
        member: MemberId,
        /// Whether they do.
        away: bool,
    },
    /// A profile was added.
    ProfileAdded {
        /// Which.
        profile: ProfileId,
        /// The rest.
        details: Profile,
    },
    /// The team's assignment was set.
    TeamAssignmentSet(TeamAssignment),
    /// The team's operating hours were set.
    TeamHoursSet(Box<TeamHours>),
    /// What becomes of consultations was set.
    TeamServiceSet(TeamService),
    /// A profile's assignment was set.
    ProfileAssignmentSet {
        /// Of which.
        profile: ProfileId,
        /// The block.
        assignment: Box<ProfileAssignment>,
    },
    /// A profile's operating hours were set.
    ProfileHoursSet {
        /// Of which.
        profile: ProfileId,
        /// The block.
        hours: Box<ProfileHours>,
    },
    /// A profile's bot was set.
    BotSet {
        /// Of which.
        profile: ProfileId,
        /// The block.
        bot: Box<Bot>,
    },
    /// What a profile's bot says first was set.
    GreetingSet {
        /// Of which.
        profile: ProfileId,
        /// The greeting; `None`: nothing.
        greeting: Option<Message>,
    },
    /// Where a profile's bot goes on when a consultation is completed was set.
    CompletionSet {
        /// Of which.
        profile: ProfileId,
        /// At the beginning of this flow; `None`: where it was, or at the start.
        flow: Option<FlowId>,
    },
    /// A profile was opened or closed by hand, or that was taken back.
    HoursOverridden {
        /// Which.
        profile: ProfileId,
        /// What holds, and until when; `None`: the schedule again.
        manual: Option<ManualOverride>,
    },
}

impl WorkspaceEntry {
    /// Who is no member any more by it.
    pub fn removed(&self) -> impl Iterator<Item = MemberId> {
        self.events.iter().filter_map(|event| {
            let WorkspaceEvent::MemberRemoved { member } = event else { return None };
            Some(*member)
        })
    }

    /// Who wants to be left alone by it, or does not any more.
    pub fn away(&self) -> impl Iterator<Item = MemberId> {
        self.events.iter().filter_map(|event| {
            let WorkspaceEvent::AwaySet { member, .. } = event else { return None };
            Some(*member)
        })
    }

    /// Whether anything but the wish to be left alone is other by it.
    #[must_use]
    pub fn changes_settings(&self) -> bool {
        self.away().count() < self.events.len()
    }

    /// Whether the members are others by it, or are called otherwise.
    #[must_use]
    pub fn changes_members(&self) -> bool {
        self.events.iter().any(|event| match event {
            WorkspaceEvent::Created { .. }
            | WorkspaceEvent::MemberAdded { .. }
            | WorkspaceEvent::MemberRenamed { .. }
            | WorkspaceEvent::MemberRemoved { .. } => true,
            WorkspaceEvent::RoleChanged { .. }
            | WorkspaceEvent::AwaySet { .. }
            | WorkspaceEvent::ProfileAdded { .. }
            | WorkspaceEvent::TeamAssignmentSet(_)
            | WorkspaceEvent::TeamHoursSet(_)
            | WorkspaceEvent::TeamServiceSet(_)
            | WorkspaceEvent::ProfileAssignmentSet { .. }
            | WorkspaceEvent::ProfileHoursSet { .. }
            | WorkspaceEvent::BotSet { .. }
            | WorkspaceEvent::GreetingSet { .. }
            | WorkspaceEvent::CompletionSet { .. }
            | WorkspaceEvent::HoursOverridden { .. } => false,
        })
    }
}

impl Workspace {
    /// A workspace without any entry.
    #[must_use]
    pub fn new(id: WorkspaceId) -> Self {
        Self {
            id,
            name: None,
            revision: 0,
            last_at: Timestamp::from_millis(0),
            members: BTreeMap::new(),
            profiles: BTreeMap::new(),
            away: BTreeSet::new(),
            settings: Settings::default(),
            answers: MembersAnswers::default(),
        }
    }

    /// The member with this token.
    #[must_use]
    pub fn member_by_token(&self, token_hash: &TokenHash) -> Option<Identity> {
        let found = self.members.iter().find(|(_, member)| member.token_hash == *token_hash);
        found.map(|(member, _)| Identity::Member { workspace: self.id, member: *member })
    }

    /// The customer with this key, if the profile is one of the workspace's.
    #[must_use]
    pub fn customer(&self, profile: ProfileId, platform: Platform, user_key: UserKey) -> Option<Identity> {
        self.profiles.contains_key(&profile).then_some(Identity::Customer {
            workspace: self.id,
            customer: CustomerKey { profile, platform, user_key },
        })
    }
}
