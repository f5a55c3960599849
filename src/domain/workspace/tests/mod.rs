//! The rules of a workspace that `decide` does not show beside itself: given, when, then.
//!
//! Owns the workspaces that are given, and the creating of one, its profiles and its bounds.

#![allow(clippy::unwrap_used)]

mod blocks;
mod in_force;
mod members;
mod once;
mod random;
mod sight;

use switchboard_protocol::vocabulary::{
    Content, DisplayName, InstanceId, MemberId, MessageText, Platform, ProfileId, ProfileTitle, Timestamp,
    UserKey, WorkspaceId,
};

use super::*;
use crate::domain::identity::{CustomerKey, Identity};
use crate::domain::message::{Message, MessageError};

const ID: WorkspaceId = WorkspaceId::from_bytes([9; 16]);

fn wide(n: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[14..].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn title(text: &str) -> ProfileTitle {
    ProfileTitle::new(text).unwrap()
}

fn member(n: u16, token: u16, role: Role) -> WorkspaceAction {
    let name = DisplayName::new("Kim").unwrap();
    let mut token_hash = [0; 32];
    token_hash[..2].copy_from_slice(&token.to_be_bytes());
    let details = Member { name, role, token_hash: TokenHash(token_hash) };
    WorkspaceAction::AddMember { member: MemberId::from_bytes(wide(n)), details }
}

fn profile(n: u16) -> WorkspaceAction {
    let greeting = Some(Message::plain(Content::text(MessageText::new("Hello").unwrap())));
    let details = Profile { title: title("Support"), greeting };
    WorkspaceAction::AddProfile { profile: ProfileId::from_bytes(wide(n)), details }
}

fn create(n: u16, role: Role) -> WorkspaceAction {
    let WorkspaceAction::AddMember { member, details } = member(n, n, role) else { unreachable!() };
    WorkspaceAction::Create { name: title("Demo"), owner: (member, details) }
}

/// A workspace that has carried out these commands.
fn given(actions: impl IntoIterator<Item = WorkspaceAction>) -> Workspace {
    let mut state = Workspace::new(ID);
    for action in actions {
        let entry = when(&state, action).unwrap();
        state.apply(&entry);
    }
    state
}

fn when(state: &Workspace, action: WorkspaceAction) -> Result<WorkspaceEntry, WorkspaceRejection> {
    decide_own(state, action, Timestamp::from_millis(7))
}

/// What a member's command becomes, of a client that has sent none before.
fn when_by(
    state: &Workspace,
    n: u16,
    action: WorkspaceAction,
) -> Result<WorkspaceDecision, WorkspaceRejection> {
    decide(state, command((n, 1, 1), action), Timestamp::from_millis(7))
}

/// The command of a member, by an instance, with a counter.
fn command((n, instance, counter): (u16, u8, u64), action: WorkspaceAction) -> MemberCommand {
    let instance = InstanceId::from_bytes([instance; 16]);
    MemberCommand { member: member_id(n), instance, counter, action }
}

/// A workspace after a command that must be accepted.
fn then(mut state: Workspace, action: WorkspaceAction) -> Workspace {
    let entry = when(&state, action).unwrap();
    state.apply(&entry);
    state
}

/// The owner is 1, an admin 2, an editor 3, somebody who only looks 4; the profiles are 1 and 2.
fn company() -> Workspace {
    given([
        create(1, Role::Owner),
        member(2, 2, Role::Admin),
        member(3, 3, Role::Editor),
        member(4, 4, Role::Readonly),
        profile(1),
        profile(2),
    ])
}

fn member_id(n: u16) -> MemberId {
    MemberId::from_bytes(wide(n))
}

fn profile_id(n: u16) -> ProfileId {
    ProfileId::from_bytes(wide(n))
}

fn text(text: &str) -> MessageText {
    MessageText::new(text).unwrap()
}

#[test]
fn whoever_creates_it_is_its_owner() {
    let entry = when(&Workspace::new(ID), create(1, Role::Owner)).unwrap();
    assert_eq!((entry.workspace, entry.revision, entry.at), (ID, 1, Timestamp::from_millis(7)));
    assert!(matches!(
        &entry.events[..],
        [WorkspaceEvent::Created { .. }, WorkspaceEvent::MemberAdded { details, .. }]
            if details.role == Role::Owner
    ));
    for role in [Role::Admin, Role::Editor, Role::Readonly] {
        let refused = when(&Workspace::new(ID), create(1, role));
        assert_eq!(refused, Err(WorkspaceRejection::OneOwner(role)));
    }
}

#[test]
fn it_is_created_once() {
    let state = given([create(1, Role::Owner)]);
    assert_eq!(when(&state, create(2, Role::Owner)), Err(WorkspaceRejection::Exists));
}

#[test]
fn a_profile_is_added_once_and_only_to_a_workspace_that_is_there() {
    let state = given([create(1, Role::Owner), profile(1)]);
    let id = ProfileId::from_bytes(wide(1));
    assert_eq!(when(&state, profile(1)), Err(WorkspaceRejection::ProfileExists(id)));
    assert_eq!(when(&Workspace::new(ID), profile(1)), Err(WorkspaceRejection::Missing));
}

#[test]
fn a_customer_is_one_of_a_profile_that_is_there() {
    let state = given([create(1, Role::Owner), profile(1)]);
    let (platform, user_key) = (Platform::new("web").unwrap(), UserKey::new("minji").unwrap());
    let key = |profile| CustomerKey { profile, platform: platform.clone(), user_key: user_key.clone() };
    let identity = |n| state.customer(ProfileId::from_bytes(wide(n)), platform.clone(), user_key.clone());
    let own = key(ProfileId::from_bytes(wide(1)));
    assert_eq!(identity(1), Some(Identity::Customer { workspace: ID, customer: own }));
    assert_eq!(identity(2), None);
}

#[test]
fn a_profile_greets_with_what_the_bot_can_say() {
    let state = given([create(1, Role::Owner)]);
    let WorkspaceAction::AddProfile { profile, mut details } = profile(1) else { unreachable!() };
    details.greeting = Some(Message::plain(Content::Unknown));
    let refused = when(&state, WorkspaceAction::AddProfile { profile, details });
    assert_eq!(refused, Err(WorkspaceRejection::Greeting(MessageError::Unknown)));
}

#[test]
fn members_and_profiles_have_their_bounds() {
    let mut state = given([create(0, Role::Owner)]);
    let WorkspaceAction::AddMember { details, .. } = member(1, 1, Role::Readonly) else { unreachable!() };
    let WorkspaceAction::AddProfile { details: profile_details, .. } = profile(1) else { unreachable!() };
    // Put there directly: whoever is added is compared with everybody who is there.
    for n in 1..u16::try_from(MEMBERS_MAX).unwrap() {
        assert!(state.members.insert(MemberId::from_bytes(wide(n)), details.clone()).is_none());
    }
    for n in 1..u16::try_from(PROFILES_MAX).unwrap() {
        state.profiles.insert(ProfileId::from_bytes(wide(n)), profile_details.clone());
    }
    let last_profile = when(&state, profile(60_000)).unwrap();
    state.apply(&last_profile);
    assert_eq!(when(&state, profile(60_001)), Err(WorkspaceRejection::TooManyProfiles));
    let one_more = member(60_000, 60_000, Role::Admin);
    assert_eq!(when(&state, one_more.clone()), Err(WorkspaceRejection::TooManyMembers));
    state.members.pop_last();
    assert!(when(&state, one_more).is_ok());
}

#[test]
fn a_token_never_prints_itself() {
    let printed = format!("{:?}", given([create(1, Role::Owner)]));
    assert!(printed.contains("TokenHash(…)"), "{printed}");
}
