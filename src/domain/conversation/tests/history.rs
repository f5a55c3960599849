//! What a consultation keeps of itself.
//!
//! Owns who has answered for it, when it was first answered, and what is left of it when it is over.

use std::sync::Arc;

use switchboard_protocol::vocabulary::CategoryPath;

use super::*;
use crate::domain::assignment::{Choosing, Considered, Explanation, Outcome as Chosen, Rule};
use crate::domain::consultation::{
    ASSIGNEES_MAX, Assignee, Beginning, Caller, Consultation, Outcome as End, Over, Record, Requeued,
    Unserved,
};

fn call() -> Action {
    Action::Call { consultation: CONSULTATION, category: CategoryPath::default() }
}

const fn give(from: MemberId, to: MemberId) -> Action {
    Action::Transfer { from, to, epoch: None }
}

fn assign(story: &Story, member: MemberId) -> OwnAction {
    let considered = Considered {
        consultation: CONSULTATION,
        automatic: true,
        open: true,
        choosing: Choosing::default(),
        maximum: 10,
        matched: None,
        former: None,
        seed: 7,
        candidates: Vec::new(),
    };
    let outcome = Chosen::Assigned { member, rule: Rule::General };
    let explanation = Arc::new(Explanation { considered, outcome });
    OwnAction::Decided { epoch: story.state.served.epoch, explanation }
}

fn requeue(story: &Story) -> OwnAction {
    let (epoch, why) = (story.state.served.epoch, Requeued::Absent);
    OwnAction::Requeue { consultation: CONSULTATION, epoch, why }
}

fn consultation(story: &Story) -> &Consultation {
    story.state.served.consultation.as_ref().unwrap()
}

fn held(member: MemberId, how: How, since: i64, until: Option<i64>) -> Assignee {
    let at = Timestamp::from_millis;
    Assignee { member, how, since: at(since), until: until.map(at) }
}

/// The records of the consultations that are over, found by replaying what was recorded.
fn records(story: &Story) -> Vec<Record> {
    let mut served = Served::default();
    let events = story.entries.iter().flat_map(|entry| entry.events.iter().map(|event| (entry.at, event)));
    events.filter_map(|(at, event)| served.apply(at, event)).collect()
}

#[test]
fn a_consultation_keeps_who_answered_for_it_from_when_how_and_until_when() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.now = 2_000;
    let _ = story.when_own(&assign(&story, ADA)).unwrap().unwrap();
    story.now = 3_000;
    let _ = story.when_own(&requeue(&story)).unwrap().unwrap();
    story.now = 4_000;
    let _ = story.when(&agent(BEN), take()).recorded();
    story.now = 5_000;
    let _ = story.when(&agent(BEN), give(BEN, CID)).recorded();
    let assignees = [
        held(ADA, How::Automatic, 2_000, Some(3_000)),
        held(BEN, How::Taken, 4_000, Some(5_000)),
        held(CID, How::Transferred { from: BEN }, 5_000, None),
    ];
    assert_eq!(Vec::from(consultation(&story).assignees.last.clone()), assignees);
    let Consultation { transfers, requeues, served_at, answered_at, .. } = consultation(&story);
    assert_eq!((*transfers, *requeues, served_at.map(|at| at.as_millis())), (1, 1, Some(4_000)));
    assert_eq!(*answered_at, None, "nobody has said anything yet");
}

#[test]
fn it_is_answered_with_the_first_word_of_an_agent_whoever_says_it_and_once() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.now = 2_000;
    let _ = story.when(&customer(), post("Hello?")).recorded();
    let _ = story.when(&agent(ADA), take()).recorded();
    assert_eq!(consultation(&story).answered_at, None, "service has begun, and that is no answer");
    let _ = story.when(&agent(BEN), Action::Join).recorded();
    story.now = 7_000;
    let _ = story.when(&agent(BEN), post("Hi")).recorded();
    story.now = 8_000;
    let _ = story.when(&agent(ADA), post("Hi")).recorded();
    assert_eq!(consultation(&story).answered_at, Some(Timestamp::from_millis(7_000)));
}

#[test]
fn more_than_so_many_are_counted_and_not_kept() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    for turn in 0..ASSIGNEES_MAX + 3 {
        let (from, to) = if turn % 2 == 0 { (ADA, BEN) } else { (BEN, ADA) };
        let _ = story.when(&agent(ADA), give(from, to)).recorded();
    }
    let assignees = &consultation(&story).assignees;
    assert_eq!((assignees.last.len(), assignees.earlier), (ASSIGNEES_MAX, 4));
    assert_eq!(assignees.last.back().map(|last| (last.member, last.until)), Some((BEN, None)));
    assert!(assignees.last.iter().rev().skip(1).all(|held| held.until.is_some()), "one at a time");
}

#[test]
fn what_is_left_of_each_says_how_it_began_who_answered_and_what_became_of_it() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.now = 2_000;
    let _ = story.when(&customer(), Action::Cancel).recorded();
    story.now = 3_000;
    let _ = story.when(&agent(ADA), take()).recorded();
    story.now = 4_000;
    let _ = story.when(&agent(ADA), Action::Complete { epoch: None }).recorded();
    let [cancelled, stepped_in]: [Record; 2] = records(&story).try_into().unwrap();
    let at = Timestamp::from_millis;
    let beginning = Beginning::Called { by: Caller::Customer, in_hours: true, bot_replies: false };
    assert_eq!(cancelled.consultation.beginning, beginning);
    let outcome = End::Unserved(Unserved::GaveUp);
    assert_eq!(cancelled.over, Some(Over { at: at(2_000), outcome }));
    assert_eq!(stepped_in.consultation.beginning, Beginning::SteppedIn);
    assert_eq!(stepped_in.over, Some(Over { at: at(4_000), outcome: End::Completed }));
    let how = How::SteppedIn { consultation: CONSULTATION };
    let until = Some(4_000);
    assert_eq!(Vec::from(stepped_in.consultation.assignees.last), [held(ADA, how, 3_000, until)]);
}

#[test]
fn an_agent_who_ends_the_conversation_while_a_call_waits_has_dismissed_it_and_that_is_missed() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), Action::Join)]);
    let _ = story.when_own(&assign(&story, BEN)).unwrap().unwrap();
    // Within the time in which the customer could have taken it back without its being missed.
    story.service.early_cancel_is_no_miss = true;
    let why = Unserved::Dismissed;
    let _ = story.when(&agent(ADA), Action::End).becomes([What::Unserved { why }, What::Ended]);
    assert!(why.is_missed(), "the customer wanted somebody, and nobody came");
    assert_eq!(records(&story)[0].over.map(|over| over.outcome), Some(End::Unserved(why)));
}

#[test]
fn a_call_that_is_refused_outside_the_hours_is_no_consultation() {
    let mut story = given([(customer(), start())]);
    story.doors = Doors::Refusing;
    let _ = story.when(&customer(), call()).recorded();
    assert!(story.state.served.consultation.is_none() && records(&story).is_empty());
}
