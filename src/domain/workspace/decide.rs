//! What a command to a workspace becomes.
//!
//! Owns the rules of members and profiles in their first, small form.

use switchboard_protocol::vocabulary::{MemberId, ProfileId, ProfileTitle, Timestamp};

use super::{Member, Profile, Role, Workspace, WorkspaceEntry, WorkspaceEvent};
use crate::domain::message::MessageError;

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
    /// Add a profile.
    AddProfile {
        /// Which.
        profile: ProfileId,
        /// The rest.
        details: Profile,
    },
}

/// Why a command to a workspace is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceRejection {
    /// It exists.
    #[error("workspace: it exists already")]
    Exists,
    /// It does not exist.
    #[error("workspace: it does not exist")]
    Missing,
    /// The owner's role is another.
    #[error("role: the one who creates a workspace is its owner, and nobody else is")]
    OneOwner,
    /// Somebody has that id.
    #[error("member: {0} belongs to the workspace already")]
    MemberExists(MemberId),
    /// A profile has that id.
    #[error("profile: {0} exists already")]
    ProfileExists(ProfileId),
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
}

/// Decides a command of whoever runs the daemon.
///
/// # Errors
/// The rule that it breaks.
pub fn decide(
    state: &Workspace,
    action: WorkspaceAction,
    now: Timestamp,
) -> Result<WorkspaceEntry, WorkspaceRejection> {
    let events = match action {
        WorkspaceAction::Create { name, owner } => create(state, name, owner)?,
        WorkspaceAction::AddMember { member, details } => vec![add_member(state, member, details)?],
        WorkspaceAction::AddProfile { profile, details } => vec![add_profile(state, profile, details)?],
    };
    Ok(WorkspaceEntry {
        workspace: state.id,
        revision: state.revision + 1,
        at: now.max(state.last_at),
        by: None,
        events,
    })
}

fn create(
    state: &Workspace,
    name: ProfileTitle,
    (member, details): (MemberId, Member),
) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
    if state.name.is_some() {
        return Err(WorkspaceRejection::Exists);
    }
    if details.role != Role::Owner {
        return Err(WorkspaceRejection::OneOwner);
    }
    Ok(vec![WorkspaceEvent::Created { name }, WorkspaceEvent::MemberAdded { member, details }])
}

fn add_member(
    state: &Workspace,
    member: MemberId,
    details: Member,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    if state.name.is_none() {
        return Err(WorkspaceRejection::Missing);
    }
    if details.role == Role::Owner {
        return Err(WorkspaceRejection::OneOwner);
    }
    if state.members.contains_key(&member) {
        return Err(WorkspaceRejection::MemberExists(member));
    }
    if state.member_by_token(&details.token_hash).is_some() {
        return Err(WorkspaceRejection::TokenInUse);
    }
    if state.members.len() >= MEMBERS_MAX {
        return Err(WorkspaceRejection::TooManyMembers);
    }
    Ok(WorkspaceEvent::MemberAdded { member, details })
}

fn add_profile(
    state: &Workspace,
    profile: ProfileId,
    details: Profile,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    if state.name.is_none() {
        return Err(WorkspaceRejection::Missing);
    }
    if state.profiles.contains_key(&profile) {
        return Err(WorkspaceRejection::ProfileExists(profile));
    }
    if state.profiles.len() >= PROFILES_MAX {
        return Err(WorkspaceRejection::TooManyProfiles);
    }
    if let Some(greeting) = &details.greeting {
        greeting.check()?;
    }
    Ok(WorkspaceEvent::ProfileAdded { profile, details })
}

/// The most members of a workspace.
pub const MEMBERS_MAX: usize = 5_000;

/// The most profiles of a workspace.
pub const PROFILES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workspace::TokenHash;
    use switchboard_protocol::vocabulary::{DisplayName, WorkspaceId};

    fn member(id: u8, role: Role) -> (MemberId, Member) {
        let name = DisplayName::new("Kim").unwrap();
        (MemberId::from_bytes([id; 16]), Member { name, role, token_hash: TokenHash([id; 32]) })
    }

    fn created() -> Workspace {
        let mut state = Workspace::new(WorkspaceId::from_bytes([9; 16]));
        let name = ProfileTitle::new("Demo").unwrap();
        let owner = member(1, Role::Owner);
        let entry =
            decide(&state, WorkspaceAction::Create { name, owner }, Timestamp::from_millis(5)).unwrap();
        state.apply(&entry);
        state
    }

    fn add(state: &Workspace, id: u8, role: Role) -> Result<WorkspaceEntry, WorkspaceRejection> {
        let (member, details) = member(id, role);
        decide(state, WorkspaceAction::AddMember { member, details }, Timestamp::from_millis(1))
    }

    #[test]
    fn a_member_is_known_by_the_token() {
        let mut state = created();
        let entry = add(&state, 2, Role::Readonly).unwrap();
        assert_eq!(entry.at, Timestamp::from_millis(5), "time does not run backwards");
        state.apply(&entry);
        let (found, _) = member(2, Role::Readonly);
        let identity = Identity::Member { workspace: state.id, member: found };
        assert_eq!(state.member_by_token(&TokenHash([2; 32])), Some(identity));
        assert_eq!(state.member_by_token(&TokenHash([3; 32])), None);
    }

    #[test]
    fn there_is_one_owner_and_every_member_and_token_is_there_once() {
        let state = created();
        assert_eq!(add(&state, 2, Role::Owner), Err(WorkspaceRejection::OneOwner));
        let (owner, _) = member(1, Role::Owner);
        assert_eq!(add(&state, 1, Role::Admin), Err(WorkspaceRejection::MemberExists(owner)));
        let (other, mut details) = member(2, Role::Admin);
        details.token_hash = TokenHash([1; 32]);
        let action = WorkspaceAction::AddMember { member: other, details };
        assert_eq!(decide(&state, action, state.last_at), Err(WorkspaceRejection::TokenInUse));
    }

    #[test]
    fn nothing_can_be_added_to_a_workspace_that_is_not_there() {
        let state = Workspace::new(WorkspaceId::from_bytes([9; 16]));
        assert_eq!(add(&state, 2, Role::Admin), Err(WorkspaceRejection::Missing));
    }

    use crate::domain::identity::Identity;
}
