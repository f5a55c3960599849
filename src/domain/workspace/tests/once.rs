//! Exactly once: a member's command that comes again has its answer, and no second effect.
//!
//! Owns what is remembered of whom, and for how long. Must not know what the commands do.

use super::*;

fn rename(name: &str) -> WorkspaceAction {
    WorkspaceAction::RenameMember { member: member_id(4), name: DisplayName::new(name).unwrap() }
}

/// Carries out a command that must be recorded.
fn record(state: &mut Workspace, who: (u16, u8, u64), action: WorkspaceAction) -> Changed {
    let decided = decide(state, command(who, action), Timestamp::from_millis(7)).unwrap();
    let WorkspaceDecision::Record(entry) = decided else { panic!("it is new: {decided:?}") };
    state.apply(&entry);
    Changed { revision: entry.revision, at: entry.at }
}

fn again(state: &Workspace, who: (u16, u8, u64)) -> Result<WorkspaceDecision, WorkspaceRejection> {
    decide(state, command(who, rename("Again")), Timestamp::from_millis(9))
}

#[test]
fn a_command_that_comes_again_is_answered_as_it_was() {
    let mut state = company();
    let first = record(&mut state, (1, 1, 1), rename("One"));
    record(&mut state, (1, 1, 2), rename("Two"));
    assert_eq!(again(&state, (1, 1, 1)), Ok(WorkspaceDecision::Answered(first)));
    assert!(matches!(again(&state, (1, 2, 1)), Ok(WorkspaceDecision::Record(_))), "another client's is new");
    let mut replayed = state.clone();
    replayed.answers = MembersAnswers::default();
    assert!(matches!(again(&replayed, (1, 1, 1)), Ok(WorkspaceDecision::Record(_))), "it rests on the state");
}

#[test]
fn a_command_that_was_passed_over_is_not_done_out_of_its_order() {
    let mut state = company();
    record(&mut state, (1, 1, 3), rename("Three"));
    assert_eq!(again(&state, (1, 1, 2)), Err(WorkspaceRejection::Overtaken(2)));
}

#[test]
fn what_is_refused_is_not_remembered_and_may_be_tried_again() {
    let mut state = company();
    let stranger = WorkspaceAction::RemoveMember { member: member_id(9) };
    assert!(decide(&state, command((1, 1, 1), stranger), Timestamp::from_millis(7)).is_err());
    record(&mut state, (1, 1, 1), rename("One"));
}

#[test]
fn an_answer_that_is_long_ago_is_still_no_second_effect() {
    let mut state = company();
    for counter in 1..=33 {
        record(&mut state, (1, 1, counter), rename("Much"));
    }
    assert_eq!(again(&state, (1, 1, 1)), Ok(WorkspaceDecision::AcceptedLongAgo));
}

#[test]
fn a_member_who_was_removed_and_comes_back_does_nothing_twice() {
    let mut state = company();
    record(&mut state, (1, 1, 1), WorkspaceAction::ChangeRole { member: member_id(4), role: Role::Editor });
    let bot = WorkspaceAction::SetBot { profile: profile_id(1), bot: Box::default() };
    record(&mut state, (4, 5, 1), bot.clone());
    record(&mut state, (1, 1, 2), WorkspaceAction::RemoveMember { member: member_id(4) });
    record(&mut state, (1, 1, 3), member(4, 4, Role::Editor));
    let old = decide(&state, command((4, 5, 1), bot.clone()), Timestamp::from_millis(9));
    assert_eq!(old, Err(WorkspaceRejection::InstanceForgotten));
    record(&mut state, (4, 6, 1), bot.clone());
    let old = decide(&state, command((4, 5, 1), bot), Timestamp::from_millis(9));
    assert_eq!(old, Err(WorkspaceRejection::InstanceForgotten), "also when something is known of them again");
    assert!(again(&state, (1, 1, 4)).is_ok(), "nobody else is concerned");
}

#[test]
fn so_many_members_are_remembered_and_the_one_who_did_nothing_for_longest_goes_first() {
    let mut state = given([create(1, Role::Owner), profile(1)]);
    let bot = || WorkspaceAction::SetBot { profile: profile_id(1), bot: Box::default() };
    let many = u16::try_from(REMEMBERED_MEMBERS_MAX).unwrap() + 2;
    for n in 2..=many {
        state = then(state, member(n, n, Role::Editor));
    }
    // Instances rise with time, as the engine issues them.
    let first = record(&mut state, (2, 2, 1), bot());
    record(&mut state, (3, 3, 1), bot());
    for n in 4..many {
        record(&mut state, (n, 4, 1), bot());
    }
    let second = record(&mut state, (2, 2, 2), bot());
    record(&mut state, (1, 5, 1), bot());
    assert_eq!(state.answers.clients.parties.len(), REMEMBERED_MEMBERS_MAX);
    let when = |who| decide(&state, command(who, bot()), Timestamp::from_millis(9));
    assert_eq!(when((3, 3, 1)), Err(WorkspaceRejection::InstanceForgotten), "and not done again");
    assert_eq!(when((2, 2, 1)), Ok(WorkspaceDecision::Answered(first)));
    assert_eq!(when((2, 2, 2)), Ok(WorkspaceDecision::Answered(second)));
    assert!(matches!(when((3, 4, 1)), Ok(WorkspaceDecision::Record(_))), "a later instance is new");
    assert!(matches!(when((many, 5, 1)), Ok(WorkspaceDecision::Record(_))), "so is one of somebody else");
}
