//! The rules of a workspace that `decide` does not show beside itself, and all of them against a list.
//!
//! Owns the creating of a workspace, its profiles and its bounds, and random commands.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    Content, DisplayName, MemberId, MessageText, Platform, ProfileId, ProfileTitle, Timestamp, UserKey,
    WorkspaceId,
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
    decide(state, action, Timestamp::from_millis(7))
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
        assert_eq!(refused, Err(WorkspaceRejection::OneOwner));
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

fn actions() -> impl Strategy<Value = WorkspaceAction> {
    let role =
        || prop::sample::select(vec![Role::Owner, Role::Admin, Role::Editor, Role::Readonly, Role::Readonly]);
    prop_oneof![
        1 => (0..6_u16, role()).prop_map(|(n, role)| create(n, role)),
        5 => (0..6_u16, 0..8_u16, role()).prop_map(|(n, token, role)| member(n, token, role)),
        3 => (0..4_u16).prop_map(profile),
    ]
}

/// What a list of the accepted commands says of one more.
fn allows(accepted: &[WorkspaceAction], action: &WorkspaceAction) -> bool {
    let exists = accepted.iter().any(|earlier| matches!(earlier, WorkspaceAction::Create { .. }));
    let members = accepted.iter().filter_map(|earlier| match earlier {
        WorkspaceAction::Create { owner: (member, details), .. }
        | WorkspaceAction::AddMember { member, details } => Some((*member, details.token_hash)),
        WorkspaceAction::AddProfile { .. } => None,
    });
    match action {
        WorkspaceAction::Create { owner: (_, details), .. } => !exists && details.role == Role::Owner,
        WorkspaceAction::AddMember { member, details } => {
            let is_new = members.into_iter().all(|(id, token)| id != *member && token != details.token_hash);
            exists && details.role != Role::Owner && is_new
        }
        WorkspaceAction::AddProfile { profile, .. } => {
            let is_new = accepted.iter().all(|earlier| match earlier {
                WorkspaceAction::AddProfile { profile: added, .. } => added != profile,
                WorkspaceAction::Create { .. } | WorkspaceAction::AddMember { .. } => true,
            });
            exists && is_new
        }
    }
}

proptest! {
    #[test]
    fn a_workspace_is_the_list_of_what_was_accepted(
        tries in prop::collection::vec((actions(), -50..200_i64), 1..40),
    ) {
        let (mut state, mut entries, mut accepted, mut now) =
            (Workspace::new(ID), Vec::<WorkspaceEntry>::new(), Vec::new(), 1_000_000);
        for (action, passes) in tries {
            now += passes;
            let at = Timestamp::from_millis(now);
            let decided = decide(&state, action.clone(), at);
            prop_assert_eq!(&decided, &decide(&state, action.clone(), at), "the same, decided again");
            prop_assert_eq!(decided.is_ok(), allows(&accepted, &action), "{:?}", decided);
            let Ok(entry) = decided else { continue };
            let latest = entries.iter().map(|earlier| earlier.at).max().map_or(at, |latest| latest.max(at));
            prop_assert_eq!((entry.revision, entry.at), (entries.len() as u64 + 1, latest));
            state.apply(&entry);
            entries.push(entry);
            accepted.push(action);
        }
        let mut replayed = Workspace::new(ID);
        entries.iter().for_each(|entry| replayed.apply(entry));
        prop_assert_eq!(&replayed, &state);
        let owners = state.members.values().filter(|member| member.role == Role::Owner).count();
        prop_assert_eq!(owners, usize::from(state.name.is_some()));
        for (member, details) in &state.members {
            let identity = Identity::Member { workspace: ID, member: *member };
            prop_assert_eq!(state.member_by_token(&details.token_hash), Some(identity));
        }
    }
}
