//! When service begins, and what becomes of those who were inside and are not there any more.
//!
//! Owns the rules of coming to what one was given, of making room, and of what a silence and a former agent are
//! once somebody has gone. Must not know when the engine finds that somebody has gone.

use std::collections::BTreeSet;

use super::calling::{call, decided, stage, to};
use super::*;
use crate::domain::consultation::{Consultation, Requeued, Stage};

fn consultation(story: &Story) -> &Consultation {
    story.state.served.consultation.as_ref().unwrap()
}

/// Whoever answers for it is gone for so long that it waits again.
fn gone(story: &mut Story) {
    let (epoch, why) = (story.state.served.epoch, Requeued::Absent);
    story.when_own(&OwnAction::Requeue { consultation: CONSULTATION, epoch, why }).unwrap().unwrap();
}

const fn gives(from: MemberId, to: MemberId) -> Action {
    Action::Transfer { from, to, epoch: None }
}

const fn left(member: MemberId) -> Event {
    Event { by: Party::Agent { member }, what: What::Left { member } }
}

#[test]
fn whoever_is_chosen_was_inside_perhaps_and_serves_only_when_they_come() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join), (customer(), call())]);
    story.service = Service { unserved_ms: Some(9_000), ..Service::default() };
    story.now = 2_000;
    let action = decided(&story, to(ADA));
    let entry = story.when_own(&action).unwrap().unwrap();
    let assigned = What::Assigned { member: ADA, how: How::Automatic };
    assert_eq!(entry.events[1..], [left(ADA), Event { by: Party::Bot, what: assigned }]);
    assert_eq!((stage(&story), story.state.floor()), (Some(Stage::Assigned(ADA)), Floor::Nobody));
    assert_eq!(
        deadline(&story.state, &story.service),
        Some(Timestamp::from_millis(10_000)),
        "nobody has come"
    );
    story.when(&agent(ADA), post("Hi")).refused(Rejection::NotEntered { action: "post" });
    story.now = 6_000;
    let _ = story.when(&agent(ADA), Action::Join).becomes([What::Entered { member: ADA }]);
    assert_eq!(consultation(&story).served_at, Some(Timestamp::from_millis(6_000)));
    let _ = story.when(&agent(ADA), post("Hi")).becomes([message("Hi")]);
}

#[test]
fn whoever_was_chosen_comes_by_taking_it_as_well() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join), (customer(), call())]);
    let action = decided(&story, to(ADA));
    let _ = story.when_own(&action).unwrap();
    let _ = story.when(&agent(ADA), take()).becomes([What::Entered { member: ADA }]);
    assert_eq!(stage(&story), Some(Stage::InProgress(ADA)));
}

#[test]
fn whoever_takes_it_while_inside_has_come() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join), (customer(), call())]);
    let _ = story.when(&agent(ADA), take()).becomes([What::Assigned { member: ADA, how: How::Taken }]);
    assert_eq!(stage(&story), Some(Stage::InProgress(ADA)));
}

#[test]
fn what_is_given_on_before_anybody_came_waits_for_the_colleague_to_come_and_what_is_served_does_not() {
    let mut story = given([(customer(), start()), (agent(BEN), Action::Join), (customer(), call())]);
    let action = decided(&story, to(ADA));
    let _ = story.when_own(&action).unwrap();
    assert_eq!(stage(&story), Some(Stage::Assigned(ADA)), "a colleague who looks on does not serve it");
    let entry = story.when(&agent(ADA), gives(ADA, BEN)).recorded();
    let given_on = What::Assigned { member: BEN, how: How::Transferred { from: ADA } };
    assert_eq!(entry.events, [left(BEN), Event { by: Party::Agent { member: ADA }, what: given_on }]);
    assert_eq!(stage(&story), Some(Stage::Assigned(BEN)));
    let _ = story.when(&agent(BEN), Action::Join).becomes([What::Entered { member: BEN }]);
    let _ = story.when(&agent(ADA), Action::Join).recorded();
    let given_back = What::Assigned { member: ADA, how: How::Transferred { from: BEN } };
    let _ = story.when(&agent(BEN), gives(BEN, ADA)).becomes([given_back]);
    assert_eq!(stage(&story), Some(Stage::InProgress(ADA)));
    assert!(story.state.served.agents.contains(&ADA));
}

/// A conversation that is served by the first of so many agents that it is full.
fn full() -> (Story, Vec<MemberId>) {
    let member = |n: usize| MemberId::from_bytes([u8::try_from(n).unwrap() + 100; 16]);
    let inside: Vec<_> = (0..AGENTS_MAX).map(member).collect();
    let mut story = given([(customer(), start()), (agent(inside[0]), take())]);
    for member in &inside[1..] {
        let _ = story.when(&agent(*member), Action::Join).recorded();
    }
    (story, inside)
}

#[test]
fn one_who_is_not_there_any_more_makes_room_and_whoever_answers_for_it_last() {
    let (mut story, inside) = full();
    // The first and the third are gone; the last only wants to be left alone.
    let mut online: BTreeSet<_> = inside.iter().copied().chain([ADA, BEN]).collect();
    let away = [inside[AGENTS_MAX - 1]].into();
    for gone in [0, 2, AGENTS_MAX - 1] {
        online.remove(&inside[gone]);
    }
    story.present = Some(Present { online, away });
    for (newcomer, goes) in [(ADA, inside[2]), (BEN, inside[0])] {
        let entry = story.when(&agent(newcomer), Action::Join).recorded();
        let entered = What::Entered { member: newcomer };
        let entered = Event { by: Party::Agent { member: newcomer }, what: entered };
        assert_eq!(entry.events, [left(goes), entered]);
    }
    assert_eq!(story.state.assignee(), Some(inside[0]), "they go on answering for it");
    let full = Rejection::TooManyAgents { agents: AGENTS_MAX, max: AGENTS_MAX };
    story.when(&agent(CID), Action::Join).refused(full);
}

#[test]
fn whoever_answers_for_it_comes_back_to_it_also_where_those_who_are_gone_fill_it() {
    let (mut story, inside) = full();
    let _ = story.when(&agent(inside[0]), Action::Leave).recorded();
    let _ = story.when(&agent(ADA), Action::Join).recorded();
    story.present = Some(Present { online: [inside[0]].into(), ..Present::default() });
    let entry = story.when(&agent(inside[0]), take()).recorded();
    let entered = What::Entered { member: inside[0] };
    let entered = Event { by: Party::Agent { member: inside[0] }, what: entered };
    assert_eq!(entry.events, [left(ADA), entered]);
}

#[test]
fn whoever_served_it_last_is_the_former_agent_also_if_nobody_does_when_it_is_over() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    gone(&mut story);
    assert_eq!(story.state.served.former, Some(ADA));
    // Somebody else is found, and does not come.
    let action = decided(&story, to(BEN));
    let _ = story.when_own(&action).unwrap();
    let _ = story.when(&customer(), Action::Cancel).becomes([What::Completed]);
    assert_eq!(story.state.served.former, Some(ADA), "whoever did not come has served nobody");
}

#[test]
fn a_customer_is_silent_towards_whoever_serves_and_not_towards_somebody_who_has_gone() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    story.service = Service { silent_ms: Some(10_000), ..Service::default() };
    let _ = story.when(&agent(ADA), post("Well?")).recorded();
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(11_000)));
    story.now = 3_000;
    gone(&mut story);
    story.now = 20_000;
    let _ = story.when(&agent(BEN), take()).recorded();
    assert_eq!(deadline(&story.state, &story.service), None, "the one who has come has said nothing");
    assert_eq!(story.when_own(&OwnAction::Look), Ok(None));
    let _ = story.when(&agent(BEN), post("Hm?")).recorded();
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(30_000)));
    // One that is given on goes on: the customer was asked, by whomever.
    let _ = story.when(&agent(BEN), gives(BEN, ADA)).recorded();
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(30_000)));
}
