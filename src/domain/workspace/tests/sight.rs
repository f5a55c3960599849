//! Who sees only what is theirs, and how much automatic assignment gives anybody.
//!
//! Owns the workspaces in which that is asked. Must not know lists or desks.

use super::*;
use crate::domain::assignment::{Load, ProfileAssignment};
use crate::domain::listing::{Filter, Lists, Wish};

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

#[test]
fn everybody_below_the_owner_sees_only_their_own_when_the_team_says_so() {
    for own_list_only in [false, true] {
        let state = team(own_list_only, 10);
        for n in 1..=5 {
            let wish = Wish { lists: Lists::ALL, mine: false };
            let narrowed = own_list_only && n != 1;
            let of = narrowed.then(|| member_id(n));
            assert_eq!(state.filter(member_id(n), wish), Filter { of, ..Filter::ALL }, "{n}");
            let mine = Filter { of: Some(member_id(n)), ..Filter::ALL };
            assert_eq!(state.filter(member_id(n), Wish { mine: true, ..wish }), mine);
        }
    }
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
