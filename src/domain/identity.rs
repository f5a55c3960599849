//! Who somebody has been proven to be.
//!
//! Owns the identity that every command carries. Must not know tokens or connections: those prove
//! an identity, this is the outcome.

use switchboard_protocol::vocabulary::{MemberId, Party, Platform, ProfileId, UserKey, WorkspaceId};

/// What a customer is known by: the key within a profile and a platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerKey {
    /// The profile talked to.
    pub profile: ProfileId,
    /// Where the customer comes from.
    pub platform: Platform,
    /// What the customer is known by there.
    pub user_key: UserKey,
}

/// Somebody with a proven identity, in one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A customer of one of the workspace's profiles.
    Customer {
        /// The profile's workspace.
        workspace: WorkspaceId,
        /// Which customer.
        customer: CustomerKey,
    },
    /// A member of the workspace, who may serve as agent.
    Member {
        /// The workspace.
        workspace: WorkspaceId,
        /// Which member.
        member: MemberId,
    },
}

impl Identity {
    /// The workspace that it belongs to.
    #[must_use]
    pub const fn workspace(&self) -> WorkspaceId {
        match self {
            Self::Customer { workspace, .. } | Self::Member { workspace, .. } => *workspace,
        }
    }

    /// Which member it is, if it is one.
    #[must_use]
    pub const fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member { member, .. } => Some(*member),
            Self::Customer { .. } => None,
        }
    }

    /// As whom it acts in a conversation.
    #[must_use]
    pub const fn party(&self) -> Party {
        match self {
            Self::Customer { .. } => Party::Customer,
            Self::Member { member, .. } => Party::Agent { member: *member },
        }
    }

    /// Which of the two sequences it reads.
    #[must_use]
    pub const fn reader(&self) -> Reader {
        match self {
            Self::Customer { .. } => Reader::Customer,
            Self::Member { .. } => Reader::Staff,
        }
    }
}

/// The two kinds of reader, each with a sequence of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reader {
    /// Sees and counts only what a customer may see.
    Customer,
    /// Sees everything.
    Staff,
}
