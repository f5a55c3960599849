//! The state of a workspace, and what is recorded of it.
//!
//! Owns members, profiles and how entries change them.

use std::collections::BTreeMap;
use std::fmt;

use switchboard_protocol::vocabulary::{
    DisplayName, MemberId, Platform, ProfileId, ProfileTitle, Timestamp, UserKey, WorkspaceId,
};

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
    /// A profile was added.
    ProfileAdded {
        /// Which.
        profile: ProfileId,
        /// The rest.
        details: Profile,
    },
}

impl Workspace {
    /// A workspace without any entry.
    #[must_use]
    pub const fn new(id: WorkspaceId) -> Self {
        Self {
            id,
            name: None,
            revision: 0,
            last_at: Timestamp::from_millis(0),
            members: BTreeMap::new(),
            profiles: BTreeMap::new(),
        }
    }

    /// Adds the next entry.
    pub fn apply(&mut self, entry: &WorkspaceEntry) {
        debug_assert_eq!(entry.revision, self.revision + 1, "entries are applied in order");
        for event in &entry.events {
            match event {
                WorkspaceEvent::Created { name } => self.name = Some(name.clone()),
                WorkspaceEvent::MemberAdded { member, details } => {
                    self.members.insert(*member, details.clone());
                }
                WorkspaceEvent::ProfileAdded { profile, details } => {
                    self.profiles.insert(*profile, details.clone());
                }
            }
        }
        self.revision = entry.revision;
        self.last_at = entry.at;
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
