//! Who sees only what is theirs, and how much automatic assignment gives anybody.
//!
//! Owns the workspaces in which that is asked. Must not know lists or desks.

use super::*;
use crate::domain::assignment::{Load, ProfileAssignment};
use crate::domain::listing::{Filter, List, Lists, Wish};

fn team(own_list_only: bool, maximum: u32) -> Workspace {
    let mut state = given([
        create(1, Role::Owner),
        member(2, 2, Role::Admin),
        member(3, 3, Role::Editor),
        member(4, 4, Role::Readonly),
        profile(1),
        profile(2),
    ]);
    state.settings.team.assignment.load = Load { maximum, own_list_only, ..Load::default() };
    state
}

/// What a profile says, if anything: whether lists show only what is one's own.
fn says(own_list_only: Option<bool>) -> ProfileAssignment {
    let load = own_list_only.map(|own_list_only| Load { own_list_only, ..Load::default() });
    ProfileAssignment { load, ..ProfileAssignment::default() }
}

#[test]
fn everybody_below_the_owner_sees_only_their_own_of_the_profiles_whose_load_says_so() {
    let own = |of_team: bool, of_profile: Option<bool>| of_profile.unwrap_or(of_team);
    for (of_team, of_profile) in [false, true]
        .into_iter()
        .flat_map(|team| [None, Some(false), Some(true)].map(|profile| (team, profile)))
    {
        let mut state = team(of_team, 10);
        let profiles: Vec<_> = state.profiles.keys().copied().collect();
        state.settings.profiles.entry(profiles[1]).or_default().assignment = says(of_profile);
        for n in 1..=5 {
            let only = |narrowed: bool| (narrowed && n != 1).then(|| member_id(n));
            let shown = [(profiles[0], only(of_team)), (profiles[1], only(own(of_team, of_profile)))];
            let filter = |wish| state.filter(member_id(n), wish).unwrap();
            assert_eq!(filter(Wish::ALL), Filter::new(Wish::ALL, shown), "{n}");
            let one = Wish { profile: Some(profiles[1]), ..Wish::ALL };
            assert_eq!(filter(one), Filter::new(one, [shown[1]]));
            let mine = Wish { mine: true, lists: Lists::NONE.with(List::Missed), ..Wish::ALL };
            let own = profiles.iter().map(|profile| (*profile, Some(member_id(n))));
            assert_eq!(filter(mine), Filter::new(mine, own));
        }
    }
}

#[test]
fn a_profile_that_the_workspace_does_not_have_has_no_lists() {
    let state = team(false, 10);
    let unknown = Wish { profile: Some(ProfileId::from_bytes([0xee; 16])), ..Wish::ALL };
    let why = state.filter(member_id(2), unknown).unwrap_err();
    assert_eq!(
        why.to_string(),
        format!("profile: {} is no profile of the workspace", unknown.profile.unwrap())
    );
    assert_eq!(state.shown(member_id(2), unknown), Filter::new(unknown, []));
}

#[test]
fn nobody_has_more_than_the_highest_maximum_of_a_profile_by_assignment_alone() {
    let mut state = team(false, 5);
    assert_eq!(state.load_max(), 5);
    let own = |maximum| ProfileAssignment {
        load: Some(Load { maximum, ..Load::default() }),
        ..ProfileAssignment::default()
    };
    let profiles: Vec<_> = state.profiles.keys().copied().collect();
    for (profile, maximum, most) in [(profiles[0], 8, 8), (profiles[1], 2, 8), (profiles[0], 3, 3)] {
        state.settings.profiles.entry(profile).or_default().assignment = own(maximum);
        assert_eq!(state.load_max(), most);
    }
    assert_eq!(Workspace::new(ID).load_max(), Load::default().maximum, "without a profile: the team's");
}
