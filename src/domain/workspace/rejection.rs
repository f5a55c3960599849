//! Why a command to a workspace is refused.
//!
//! Owns the rejections: each names the field, the value and the rule. Must not know the wire's error numbers.

use switchboard_protocol::vocabulary::{MemberId, ProfileId};

use super::{MEMBERS_MAX, PROFILES_MAX, Role, SettingsError};
use crate::domain::assignment::AssignmentError;
use crate::domain::message::MessageError;

/// Why a command to a workspace is refused. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceRejection {
    /// It exists.
    #[error("workspace: it exists already")]
    Exists,
    /// It does not exist.
    #[error("workspace: it does not exist")]
    Missing,
    /// Whoever asks has been removed.
    #[error("member: {0} is no member of the workspace any more")]
    NoMemberAnyMore(MemberId),
    /// The role is too low.
    #[error("{action}: only {} may do this, not one whose role is {role}", who(*lowest))]
    Forbidden {
        /// What was asked for.
        action: &'static str,
        /// The role of whoever asks.
        role: Role,
        /// The lowest role that may.
        lowest: Role,
    },
    /// It is about somebody else.
    #[error("status: only {0} may say whether they are away")]
    TheirsToSay(MemberId),
    /// The owner's role is another, or another's role is the owner's.
    #[error("role: {0}; the one who creates a workspace is its owner, and nobody else is")]
    OneOwner(Role),
    /// The owner stays.
    #[error("member: {0} is the owner, who can neither be removed nor have another role")]
    OwnerStays(MemberId),
    /// Somebody has that id.
    #[error("member: {0} belongs to the workspace already")]
    MemberExists(MemberId),
    /// There is no such member.
    #[error("member: {0} is no member of the workspace")]
    NoSuchMember(MemberId),
    /// A profile has that id.
    #[error("profile: {0} exists already")]
    ProfileExists(ProfileId),
    /// There is no such profile.
    #[error("profile: {0} is no profile of the workspace")]
    NoSuchProfile(ProfileId),
    /// The bot cannot greet so.
    #[error("greeting: {0}")]
    Greeting(#[from] MessageError),
    /// Somebody has that token.
    #[error("token: another member has it")]
    TokenInUse,
    /// Too many members.
    #[error("member: the workspace has {MEMBERS_MAX}; more are not possible")]
    TooManyMembers,
    /// Too many profiles.
    #[error("profile: the workspace has {PROFILES_MAX}; more are not possible")]
    TooManyProfiles,
    /// A setting of assignment cannot be meant.
    #[error("{0}")]
    Assignment(#[from] AssignmentError),
    /// Another setting cannot be meant.
    #[error("{0}")]
    Settings(#[from] SettingsError),
    /// It has no hours that could be overridden.
    #[error("profile: {0} is always open; have it use hours before they are overridden")]
    AlwaysOpen(ProfileId),
    /// It was refused when its turn came.
    #[error("n: {0} was refused when its turn came, and later ones have been done; send it as a new one")]
    Overtaken(u64),
    /// The client instance was forgotten.
    #[error("instance: it has not been used here for so long that it was forgotten; connect without one")]
    InstanceForgotten,
}

const fn who(lowest: Role) -> &'static str {
    match lowest {
        Role::Owner => "the owner",
        Role::Admin => "the owner and admins",
        Role::Editor => "the owner, admins and editors",
        Role::Readonly => "members",
    }
}
