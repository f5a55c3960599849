//! Exactly once: what a client is answered when it sends something again.
//!
//! Owns the promise over (instance, counter) and where it ends.

use super::*;

const FIRST: u8 = 20;

#[test]
fn the_same_command_again_is_answered_as_it_was_and_not_done_again() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let posted = story.when_sent(&customer(), FIRST, 7, post("Hi")).recorded();
    let _ = story.when(&agent(ADA), post("Yes?")).recorded();
    let before = story.state.clone();
    story.now += 60_000;
    for _ in 0..2 {
        story.when_sent(&customer(), FIRST, 7, post("Hi")).answered_as(&posted);
    }
    assert_eq!(story.state, before);
}

#[test]
fn every_command_that_changes_something_is_done_once() {
    let mut story = given([(customer(), start())]);
    let commands = [
        (agent(ADA), take()),
        (customer(), post("Hi")),
        (agent(ADA), read(4)),
        (agent(ADA), Action::Leave),
        (agent(ADA), Action::Join),
        (agent(ADA), Action::Complete { epoch: None }),
    ];
    let done: Vec<_> = (1..)
        .zip(&commands)
        .map(|(counter, (who, action))| story.when_sent(who, FIRST, counter, action.clone()).recorded())
        .collect();
    let before = story.state.clone();
    for ((counter, (who, action)), entry) in (1..).zip(commands).zip(&done) {
        story.when_sent(&who, FIRST, counter, action).answered_as(entry);
    }
    assert_eq!(story.state, before);
}

#[test]
fn the_start_again_is_answered_even_though_it_has_started() {
    let mut story = given([]);
    let started = story.when_sent(&customer(), FIRST, 1, start()).recorded();
    story.when_sent(&customer(), FIRST, 1, start()).answered_as(&started);
    story.when_sent(&customer(), FIRST + 1, 1, start()).already_so();
}

#[test]
fn a_join_that_found_itself_inside_does_not_enter_when_it_comes_again_after_leaving() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join)]);
    let joined = story.when_sent(&agent(ADA), FIRST, 1, Action::Join).becomes([What::Unchanged]);
    let left = story.when_sent(&agent(ADA), FIRST, 2, Action::Leave).becomes([What::Left { member: ADA }]);
    story.when_sent(&agent(ADA), FIRST, 1, Action::Join).answered_as(&joined);
    story.when_sent(&agent(ADA), FIRST, 2, Action::Leave).answered_as(&left);
    assert!(story.state.served.agents.is_empty(), "left is left");
}

#[test]
fn a_leave_that_found_itself_outside_does_not_leave_when_it_comes_again_after_joining() {
    let mut story = given([(customer(), start())]);
    let left = story.when_sent(&agent(ADA), FIRST, 1, Action::Leave).becomes([What::Unchanged]);
    let entered = [What::Entered { member: ADA }];
    let joined = story.when_sent(&agent(ADA), FIRST, 2, Action::Join).becomes(entered);
    story.when_sent(&agent(ADA), FIRST, 1, Action::Leave).answered_as(&left);
    story.when_sent(&agent(ADA), FIRST, 2, Action::Join).answered_as(&joined);
    assert!(story.state.served.agents.contains(&ADA), "inside is inside");
}

#[test]
fn a_take_that_found_itself_served_does_not_take_when_it_comes_again_after_completion() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let taken = story.when_sent(&agent(ADA), FIRST, 1, take()).becomes([What::Unchanged]);
    let done =
        story.when_sent(&agent(ADA), FIRST, 2, Action::Complete { epoch: None }).becomes([What::Completed]);
    story.when_sent(&agent(ADA), FIRST, 1, take()).answered_as(&taken);
    story.when_sent(&agent(ADA), FIRST, 2, Action::Complete { epoch: None }).answered_as(&done);
    assert_eq!(story.state.served.consultation, None, "completed is completed");
}

#[test]
fn a_start_or_a_read_that_came_to_nothing_comes_to_nothing_whenever_it_comes_again() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (customer(), post("Hi"))]);
    let _ = story.when(&agent(ADA), read(4)).recorded();
    let again = [(customer(), start()), (agent(ADA), read(4)), (customer(), read(2))];
    let first_and_again = |story: &mut Story| {
        for (counter, (who, action)) in (1..).zip(&again) {
            story.when_sent(who, FIRST, counter, action.clone()).already_so();
        }
    };
    first_and_again(&mut story);
    for (who, action) in [(agent(ADA), post("Yes?")), (customer(), post("Hi")), (agent(ADA), read(6))] {
        let _ = story.when(&who, action).recorded();
        first_and_again(&mut story);
    }
}

#[test]
fn what_was_refused_may_be_tried_again() {
    let mut story = given([(customer(), start())]);
    let outside = Rejection::NotEntered { action: "post" };
    story.when_sent(&agent(ADA), FIRST, 1, post("Hi")).refused(outside);
    // From another place, so that nothing of this client has been done since.
    let _ = story.when_sent(&agent(ADA), FIRST + 1, 1, take()).recorded();
    let _ = story.when_sent(&agent(ADA), FIRST, 1, post("Hi")).becomes([message("Hi")]);
}

#[test]
fn what_was_refused_is_not_done_after_what_was_sent_later() {
    let mut story = given([(customer(), start())]);
    let outside = Rejection::NotEntered { action: "post" };
    let sent = [post("Hi"), Action::Leave, Action::Join, Action::Complete { epoch: None }];
    story.when_sent(&agent(ADA), FIRST, 1, post("Hi")).refused(outside);
    let taken = story.when_sent(&agent(ADA), FIRST, 9, take()).recorded();
    for (counter, action) in (1..).zip(sent) {
        let overtaken = Rejection::Overtaken { counter };
        story.when_sent(&agent(ADA), FIRST, counter, action).refused(overtaken);
    }
    story.when_sent(&agent(ADA), FIRST, 9, take()).answered_as(&taken);
    let _ = story.when_sent(&agent(ADA), FIRST, 10, post("Hi")).becomes([message("Hi")]);
}

#[test]
fn what_makes_no_difference_later_is_done_when_it_comes() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (agent(ADA), post("Hi"))]);
    let _ = story.when_sent(&customer(), FIRST, 9, post("nine")).recorded();
    let read = Action::Read { up_to: story.state.last.customer };
    let earlier = story.when_sent(&customer(), FIRST, 8, read.clone()).recorded();
    story.when_sent(&customer(), FIRST, 8, read).answered_as(&earlier);
    let again = story.when_sent(&customer(), FIRST, 7, start());
    assert_eq!(again.0, Ok(Decision::AlreadySo));
}

#[test]
fn the_oldest_of_a_full_window_is_remembered() {
    let mut story = given([(customer(), start())]);
    let oldest = story.when_sent(&customer(), FIRST, 1, post("one")).recorded();
    for counter in 2..=ANSWERS_MAX as u64 {
        let _ = story.when_sent(&customer(), FIRST, counter, post("Hi")).recorded();
    }
    story.when_sent(&customer(), FIRST, 1, post("one")).answered_as(&oldest);
}

#[test]
fn what_is_long_past_is_accepted_already_and_never_posted_again() {
    let mut story = given([(customer(), start())]);
    for counter in 1..=ANSWERS_MAX as u64 + 3 {
        let _ = story.when_sent(&customer(), FIRST, counter, post("Hi")).recorded();
    }
    for counter in 1..=3 {
        let again = story.when_sent(&customer(), FIRST, counter, post("Hi"));
        assert_eq!(again.0, Ok(Decision::AcceptedLongAgo));
    }
    let kept = &story.entries[4].clone();
    story.when_sent(&customer(), FIRST, 4, post("Hi")).answered_as(kept);
}

#[test]
fn instances_and_parties_count_for_themselves() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (agent(BEN), Action::Join)]);
    for (who, client) in
        [(customer(), FIRST), (customer(), FIRST + 1), (agent(ADA), FIRST), (agent(BEN), FIRST)]
    {
        let _ = story.when_sent(&who, client, 1, post("Hi")).becomes([message("Hi")]);
    }
}

#[test]
fn a_forgotten_instance_is_refused_and_a_newer_one_is_not() {
    let mut story = given([(customer(), start())]);
    let instances_max = u8::try_from(INSTANCES_MAX).unwrap();
    for client in FIRST..=FIRST + instances_max {
        let _ = story.when_sent(&customer(), client, 1, post("Hi")).recorded();
    }
    for counter in [1, 2] {
        let forgotten = story.when_sent(&customer(), FIRST, counter, post("Hi"));
        forgotten.refused(Rejection::InstanceForgotten);
    }
    let newer = FIRST + instances_max + 1;
    let _ = story.when_sent(&customer(), newer, 1, post("Hi")).becomes([message("Hi")]);
}

#[test]
fn an_instance_stays_forgotten_when_older_ones_are_forgotten_after_it() {
    let mut story = given([(customer(), start())]);
    let youngest_first = (0..u8::try_from(INSTANCES_MAX).unwrap()).rev().map(|n| FIRST + n);
    let youngest = FIRST + u8::try_from(INSTANCES_MAX).unwrap() - 1;
    for client in youngest_first.chain([youngest + 1, youngest + 2]) {
        let _ = story.when_sent(&customer(), client, 1, post("Hi")).recorded();
    }
    for forgotten in [youngest, youngest - 1] {
        let again = story.when_sent(&customer(), forgotten, 1, post("Hi"));
        again.refused(Rejection::InstanceForgotten);
    }
}

#[test]
fn an_instance_that_is_in_use_is_not_forgotten_and_nobody_pushes_out_anothers() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let by_ada = story.when_sent(&agent(ADA), FIRST, 1, post("Hi")).recorded();
    for round in 1..=u64::try_from(INSTANCES_MAX).unwrap() * 2 {
        let kept = story.when_sent(&customer(), FIRST, round, post("Hi")).recorded();
        let other = FIRST + u8::try_from(round).unwrap();
        let _ = story.when_sent(&customer(), other, 1, post("Hi")).recorded();
        story.when_sent(&customer(), FIRST, round, post("Hi")).answered_as(&kept);
    }
    story.when_sent(&agent(ADA), FIRST, 1, post("Hi")).answered_as(&by_ada);
}

#[test]
fn a_resend_by_somebody_who_may_not_see_it_learns_nothing() {
    let mut story = given([(customer(), start())]);
    let _ = story.when_sent(&customer(), FIRST, 1, post("Hi")).recorded();
    story.when_sent(&stranger(), FIRST, 1, post("Hi")).refused(Rejection::NoSuchConversation);
}
