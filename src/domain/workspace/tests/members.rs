//! Members: who may do what, and what becomes of one who is removed.
//!
//! Owns the table of roles as a table. Must not know what a block may say.

use std::collections::BTreeSet;

use super::*;
use crate::domain::assignment::{Pool, ProfileAssignment};

/// One action of every kind that makes sense in the company, with its name and the members who may.
fn table() -> Vec<(&'static str, WorkspaceAction, Vec<u16>)> {
    let (owner, admins, editors) = (vec![1], vec![1, 2], vec![1, 2, 3]);
    let (other, page) = (member_id(4), profile_id(1));
    let (assignment, hours, bot) = (Box::default(), Box::default(), Box::default());
    vec![
        ("add_member", member(5, 5, Role::Admin), owner.clone()),
        ("rename_member", rename(4, "Choi"), owner.clone()),
        ("change_role", WorkspaceAction::ChangeRole { member: other, role: Role::Admin }, owner.clone()),
        ("remove_member", WorkspaceAction::RemoveMember { member: other }, owner.clone()),
        ("team_assignment", WorkspaceAction::SetTeamAssignment(Default::default()), owner.clone()),
        ("team_hours", WorkspaceAction::SetTeamHours(Default::default()), owner.clone()),
        ("team_service", WorkspaceAction::SetTeamService(Default::default()), owner.clone()),
        (
            "profile_assignment",
            WorkspaceAction::SetProfileAssignment { profile: page, assignment },
            owner.clone(),
        ),
        ("profile_hours", WorkspaceAction::SetProfileHours { profile: page, hours }, owner.clone()),
        ("completion", WorkspaceAction::SetCompletion { profile: page, flow: None }, owner.clone()),
        ("override_hours", WorkspaceAction::OverrideHours { profile: page, to: None }, owner),
        ("add_profile", profile(3), admins),
        ("bot", WorkspaceAction::SetBot { profile: page, bot }, editors.clone()),
        ("greeting", WorkspaceAction::SetGreeting { profile: page, greeting: None }, editors),
    ]
}

fn rename(n: u16, name: &str) -> WorkspaceAction {
    WorkspaceAction::RenameMember { member: member_id(n), name: DisplayName::new(name).unwrap() }
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let state = company();
    for (name, action, may) in table() {
        for n in 1..=4 {
            let decided = when_by(&state, n, action.clone());
            if may.contains(&n) {
                assert!(matches!(decided, Ok(WorkspaceDecision::Record(_))), "{name} by {n}: {decided:?}");
            } else {
                let said = decided.unwrap_err().to_string();
                assert!(said.starts_with(&format!("{name}: only the owner")), "{name} by {n}: {said}");
            }
        }
    }
    let refused = when_by(&state, 4, member(5, 5, Role::Readonly)).unwrap_err().to_string();
    assert_eq!(refused, "add_member: only the owner may do this, not one whose role is readonly");
}

#[test]
fn members_see_what_is_set_aside_and_whoever_may_change_bots_has_it_tried_again() {
    let state = company();
    for n in 1..=4 {
        assert_eq!(state.may_see_set_aside(member_id(n)), Ok(()));
        assert_eq!(state.may_release(member_id(n)).is_ok(), n < 4, "member {n}");
    }
    let refused = state.may_release(member_id(4)).unwrap_err().to_string();
    let rule = "release: only the owner, admins and editors may do this, not one whose role is readonly";
    assert_eq!(refused, rule);
    let removed = WorkspaceRejection::NoMemberAnyMore(member_id(9));
    assert_eq!(state.may_release(member_id(9)), Err(removed.clone()));
    assert_eq!(state.may_see_set_aside(member_id(9)), Err(removed));
}

#[test]
fn nobody_creates_a_workspace_that_they_are_in() {
    assert_eq!(when_by(&company(), 1, create(9, Role::Owner)), Err(WorkspaceRejection::Exists));
}

#[test]
fn an_entry_says_who_and_when_and_which_client() {
    let Ok(WorkspaceDecision::Record(entry)) = when_by(&company(), 1, rename(4, "Choi")) else {
        panic!("it is accepted")
    };
    assert_eq!((entry.by, entry.at), (Some(member_id(1)), Timestamp::from_millis(7)));
    assert_eq!(entry.origin.map(|origin| origin.counter), Some(1));
    let own = when(&company(), rename(4, "Choi")).unwrap();
    assert_eq!((own.by, own.origin), (None, None), "whoever runs the daemon is nobody of the workspace");
}

#[test]
fn a_member_who_is_renamed_or_has_another_role_is_otherwise_the_same() {
    let role = WorkspaceAction::ChangeRole { member: member_id(4), role: Role::Admin };
    let state = then(then(company(), rename(4, "Choi")), role);
    let changed = &state.members[&member_id(4)];
    assert_eq!((changed.name.as_str(), changed.role), ("Choi", Role::Admin));
    assert_eq!(changed.token_hash, company().members[&member_id(4)].token_hash);
    assert!(matches!(when_by(&state, 4, profile(3)), Ok(WorkspaceDecision::Record(_))), "at once");
}

#[test]
fn everybody_says_themselves_that_they_are_away_and_nobody_says_it_of_another() {
    let away = |n, away| WorkspaceAction::SetAway { member: member_id(n), away };
    for n in 1..=4 {
        assert!(matches!(when_by(&company(), n, away(n, true)), Ok(WorkspaceDecision::Record(_))), "{n}");
    }
    let of_another = when_by(&company(), 1, away(4, true));
    assert_eq!(of_another, Err(WorkspaceRejection::TheirsToSay(member_id(4))), "not even the owner");
    let state = then(then(company(), away(3, true)), away(4, true));
    assert_eq!(state.away, BTreeSet::from([3, 4].map(member_id)));
    let state = then(then(state, away(3, false)), WorkspaceAction::RemoveMember { member: member_id(4) });
    assert_eq!(state.away, BTreeSet::new());
    assert_eq!(when(&state, away(4, true)), Err(WorkspaceRejection::NoSuchMember(member_id(4))));
}

#[test]
fn the_owner_stays_the_owner() {
    let state = company();
    let owner = member_id(1);
    let remove = when_by(&state, 1, WorkspaceAction::RemoveMember { member: owner });
    assert_eq!(remove, Err(WorkspaceRejection::OwnerStays(owner)));
    let lower = WorkspaceAction::ChangeRole { member: owner, role: Role::Admin };
    assert_eq!(when_by(&state, 1, lower), Err(WorkspaceRejection::OwnerStays(owner)));
    let second = WorkspaceAction::ChangeRole { member: member_id(2), role: Role::Owner };
    assert_eq!(when_by(&state, 1, second), Err(WorkspaceRejection::OneOwner(Role::Owner)));
}

#[test]
fn whoever_is_removed_is_nobody_and_in_no_list() {
    let both = BTreeSet::from([3, 4].map(member_id));
    let assignment = ProfileAssignment { general: Pool::List(both), ..ProfileAssignment::default() };
    let set = WorkspaceAction::SetProfileAssignment { profile: profile_id(1), assignment: assignment.into() };
    let removed = member_id(4);
    let state = then(then(company(), set), WorkspaceAction::RemoveMember { member: removed });
    let left = Pool::List([member_id(3)].into());
    assert_eq!(state.settings_of(profile_id(1)).assignment.general, left);
    let mut token = [0; 32];
    token[1] = 4;
    assert_eq!(state.member_by_token(&TokenHash(token)), None);
    let asks = when_by(&state, 4, WorkspaceAction::SetTeamHours(Default::default()));
    assert_eq!(asks, Err(WorkspaceRejection::NoMemberAnyMore(removed)));
    let again = WorkspaceAction::RemoveMember { member: removed };
    assert_eq!(when(&state, again), Err(WorkspaceRejection::NoSuchMember(removed)));
    assert_eq!(when(&state, rename(4, "Choi")), Err(WorkspaceRejection::NoSuchMember(removed)));
}
