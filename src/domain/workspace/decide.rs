//! What a command to a workspace becomes.
//!
//! Owns the rules of members, profiles and settings: whoever may do a thing may still only do what makes
//! sense. Nothing is half done. Must not know who may do what; `permit` says that.

use switchboard_protocol::vocabulary::{MemberId, Party, ProfileId, ProfileTitle, Timestamp};

use super::blocks::exists;
use super::{
    Changed, Member, MemberCommand, Profile, Role, Workspace, WorkspaceAction, WorkspaceEntry,
    WorkspaceEvent, WorkspaceRejection, blocks, permit,
};
use crate::domain::clients::{Known, Origin};

/// What a member's command becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkspaceDecision {
    /// This is to be recorded and applied.
    Record(WorkspaceEntry),
    /// The command was accepted before and answered so.
    Answered(Changed),
    /// The command was accepted before, so long ago that its answer is gone.
    AcceptedLongAgo,
}

/// Decides a command of a member.
///
/// A command that was accepted before is answered as it was then, as long as the member is one. One that was
/// refused before may be tried again, but not after a later one of the same client was accepted.
///
/// # Errors
/// The rule that it breaks.
pub fn decide(
    state: &Workspace,
    command: MemberCommand,
    now: Timestamp,
) -> Result<WorkspaceDecision, WorkspaceRejection> {
    let MemberCommand { member, instance, counter, action } = command;
    let Some(Member { role, .. }) = state.members.get(&member) else {
        return Err(WorkspaceRejection::NoMemberAnyMore(member));
    };
    let origin = Origin { party: Party::Agent { member }, instance, counter };
    match state.answers.look_up(&origin) {
        Known::New => {}
        Known::Answered(answer) => return Ok(WorkspaceDecision::Answered(answer)),
        Known::LongAgo => return Ok(WorkspaceDecision::AcceptedLongAgo),
        Known::Overtaken => return Err(WorkspaceRejection::Overtaken(counter)),
        Known::Forgotten => return Err(WorkspaceRejection::InstanceForgotten),
    }
    permit(member, *role, &action)?;
    let entry = decide_own(state, action, now)?;
    Ok(WorkspaceDecision::Record(WorkspaceEntry { by: Some(member), origin: Some(origin), ..entry }))
}

/// Decides a command of whoever runs the daemon, who may do everything that makes sense.
///
/// # Errors
/// The rule that it breaks.
pub fn decide_own(
    state: &Workspace,
    action: WorkspaceAction,
    now: Timestamp,
) -> Result<WorkspaceEntry, WorkspaceRejection> {
    let at = now.max(state.last_at);
    Ok(WorkspaceEntry {
        workspace: state.id,
        revision: state.revision + 1,
        at,
        by: None,
        origin: None,
        events: events(state, action, at)?,
    })
}

fn events(
    state: &Workspace,
    action: WorkspaceAction,
    at: Timestamp,
) -> Result<Vec<WorkspaceEvent>, WorkspaceRejection> {
    let event = match action {
        WorkspaceAction::Create { name, owner } => return create(state, name, owner),
        WorkspaceAction::AddMember { member, details } => add_member(state, member, details)?,
        WorkspaceAction::RenameMember { member, name } => {
            known_member(state, member)?;
            WorkspaceEvent::MemberRenamed { member, name }
        }
        WorkspaceAction::ChangeRole { member, role } => change_role(state, member, role)?,
        WorkspaceAction::RemoveMember { member } => {
            no_owner(state, member)?;
            WorkspaceEvent::MemberRemoved { member }
        }
        WorkspaceAction::SetAway { member, away } => {
            known_member(state, member)?;
            WorkspaceEvent::AwaySet { member, away }
        }
        WorkspaceAction::AddProfile { profile, details } => add_profile(state, profile, details)?,
        WorkspaceAction::SetTeamAssignment(assignment) => blocks::team_assignment(state, assignment)?,
        WorkspaceAction::SetTeamHours(hours) => blocks::team_hours(state, hours)?,
        WorkspaceAction::SetTeamService(service) => blocks::team_service(state, service)?,
        WorkspaceAction::SetProfileAssignment { profile, assignment } => {
            blocks::profile_assignment(state, profile, assignment)?
        }
        WorkspaceAction::SetProfileHours { profile, hours } => blocks::profile_hours(state, profile, hours)?,
        WorkspaceAction::SetBot { profile, bot } => blocks::bot(state, profile, bot)?,
        WorkspaceAction::SetGreeting { profile, greeting } => blocks::greeting(state, profile, greeting)?,
        WorkspaceAction::SetCompletion { profile, flow } => blocks::completion(state, profile, flow)?,
        WorkspaceAction::OverrideHours { profile, to } => blocks::override_hours(state, profile, to, at)?,
    };
    Ok(vec![event])
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
        return Err(WorkspaceRejection::OneOwner(details.role));
    }
    Ok(vec![WorkspaceEvent::Created { name }, WorkspaceEvent::MemberAdded { member, details }])
}

fn add_member(
    state: &Workspace,
    member: MemberId,
    details: Member,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    exists(state)?;
    if details.role == Role::Owner {
        return Err(WorkspaceRejection::OneOwner(details.role));
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
    exists(state)?;
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

fn known_member(state: &Workspace, member: MemberId) -> Result<&Member, WorkspaceRejection> {
    state.members.get(&member).ok_or(WorkspaceRejection::NoSuchMember(member))
}

fn no_owner(state: &Workspace, member: MemberId) -> Result<(), WorkspaceRejection> {
    match known_member(state, member)?.role {
        Role::Owner => Err(WorkspaceRejection::OwnerStays(member)),
        Role::Admin | Role::Editor | Role::Readonly => Ok(()),
    }
}

fn change_role(
    state: &Workspace,
    member: MemberId,
    role: Role,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    no_owner(state, member)?;
    if role == Role::Owner {
        return Err(WorkspaceRejection::OneOwner(role));
    }
    Ok(WorkspaceEvent::RoleChanged { member, role })
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
            decide_own(&state, WorkspaceAction::Create { name, owner }, Timestamp::from_millis(5)).unwrap();
        state.apply(&entry);
        state
    }

    fn add(state: &Workspace, id: u8, role: Role) -> Result<WorkspaceEntry, WorkspaceRejection> {
        let (member, details) = member(id, role);
        decide_own(state, WorkspaceAction::AddMember { member, details }, Timestamp::from_millis(1))
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
        assert_eq!(add(&state, 2, Role::Owner), Err(WorkspaceRejection::OneOwner(Role::Owner)));
        let (owner, _) = member(1, Role::Owner);
        assert_eq!(add(&state, 1, Role::Admin), Err(WorkspaceRejection::MemberExists(owner)));
        let (other, mut details) = member(2, Role::Admin);
        details.token_hash = TokenHash([1; 32]);
        let action = WorkspaceAction::AddMember { member: other, details };
        assert_eq!(decide_own(&state, action, state.last_at), Err(WorkspaceRejection::TokenInUse));
    }

    #[test]
    fn nothing_can_be_added_to_a_workspace_that_is_not_there() {
        let state = Workspace::new(WorkspaceId::from_bytes([9; 16]));
        assert_eq!(add(&state, 2, Role::Admin), Err(WorkspaceRejection::Missing));
    }

    use crate::domain::identity::Identity;
}
