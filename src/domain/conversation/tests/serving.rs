//! Who serves a conversation.
//!
//! Owns the rules of joining, leaving, taking and completing.

use super::*;

#[test]
fn an_agent_enters_once() {
    let mut story = given([(customer(), start())]);
    let entry = story.when(&agent(ADA), Action::Join).becomes([What::Entered { member: ADA }]);
    assert_eq!(entry.after(), place(2, 1), "the customer counts nothing of it");
    let again = story.when(&agent(ADA), Action::Join).becomes([What::Unchanged]);
    assert_eq!((again.before, again.after()), (place(2, 1), place(2, 1)), "nobody counts that");
    assert_eq!(story.state.floor(), Floor::Bot, "joining stops nobody");
    assert_eq!((story.state.assignee(), story.state.served.epoch), (None, 0), "joining assigns nobody");
    story.when(&agent(ADA), post("Hi")).refused(Rejection::NotServed { action: "post" });
}

#[test]
fn only_agents_serve() {
    let mut story = given([(customer(), start())]);
    let actions = [
        (Action::Join, "join"),
        (Action::Leave, "leave"),
        (take(), "take"),
        (Action::Complete { epoch: None }, "complete"),
    ];
    for (command, action) in actions {
        story.when(&customer(), command).refused(Rejection::OnlyAgents { action });
    }
}

#[test]
fn a_conversation_holds_so_many_agents() {
    let mut story = given([(customer(), start())]);
    let member = |n: usize| MemberId::from_bytes([u8::try_from(n).unwrap() + 100; 16]);
    for n in 0..AGENTS_MAX {
        let _ = story.when(&agent(member(n)), Action::Join).recorded();
    }
    let full = Rejection::TooManyAgents { agents: AGENTS_MAX, max: AGENTS_MAX };
    story.when(&agent(ADA), Action::Join).refused(full.clone());
    story.when(&agent(ADA), take()).refused(full);
    assert_eq!(story.state.assignee(), None, "whoever cannot enter takes nothing");
    let _ = story.when(&agent(member(3)), Action::Join).becomes([What::Unchanged]);
    let _ = story.when(&agent(member(3)), take()).becomes([stepped_in(member(3))]);
    let _ = story.when(&agent(member(0)), Action::Leave).recorded();
    let _ = story.when(&agent(ADA), Action::Join).recorded();
}

#[test]
fn leaving_neither_unassigns_nor_completes() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let epoch = story.state.served.epoch;
    let entry = story.when(&agent(ADA), Action::Leave).becomes([What::Left { member: ADA }]);
    assert!(entry.seen_by(Reader::Customer).next().is_none());
    assert_eq!((story.state.assignee(), story.state.served.epoch), (Some(ADA), epoch));
    assert!(story.state.floor() == Floor::Agents && story.state.served.agents.is_empty());
    let _ = story.when(&agent(ADA), Action::Leave).becomes([What::Unchanged]);
    let _ = story.when(&agent(ADA), Action::Join).becomes([What::Entered { member: ADA }]);
}

#[test]
fn taking_a_free_conversation_assigns_it_and_enters() {
    let mut story = given([(customer(), start())]);
    let taken = [stepped_in(ADA), What::Entered { member: ADA }];
    let entry = story.when(&agent(ADA), take()).becomes(taken);
    assert_eq!((entry.before, entry.after()), (place(1, 1), place(3, 1)));
    assert_eq!((story.state.assignee(), story.state.served.epoch), (Some(ADA), 1));
}

#[test]
fn whoever_is_inside_already_is_only_assigned_and_whoever_has_left_only_enters() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join)]);
    let _ = story.when(&agent(ADA), take()).becomes([stepped_in(ADA)]);
    let _ = story.when(&agent(ADA), take()).becomes([What::Unchanged]);
    let _ = story.when(&agent(ADA), Action::Leave).recorded();
    let _ = story.when(&agent(ADA), take()).becomes([What::Entered { member: ADA }]);
    assert_eq!(story.state.served.epoch, 1, "the assignee is the same");
}

#[test]
fn what_somebody_serves_is_not_taken_and_the_loser_is_told_who_won() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let lost = Rejection::AlreadyAssigned { by: ADA };
    story.when(&agent(BEN), take()).refused(lost.clone());
    let _ = story.when(&agent(BEN), Action::Join).becomes([What::Entered { member: BEN }]);
    story.when(&agent(BEN), take()).refused(lost.clone());
    let _ = story.when(&agent(ADA), Action::Leave).recorded();
    story.when(&agent(BEN), take()).refused(lost);
    let _ = story.when(&agent(BEN), Action::Complete { epoch: None }).recorded();
    let taken = [stepped_in(BEN), What::Entered { member: BEN }];
    let _ = story.when(&agent(BEN), take()).becomes(taken);
}

#[test]
fn nothing_is_completed_that_nobody_serves() {
    let mut story = given([(customer(), start())]);
    story
        .when(&agent(ADA), Action::Complete { epoch: None })
        .refused(Rejection::NotServed { action: "complete" });
    let _ = story.when(&agent(ADA), take()).recorded();
    let _ = story.when(&agent(ADA), Action::Complete { epoch: None }).recorded();
    story
        .when(&agent(ADA), Action::Complete { epoch: None })
        .refused(Rejection::NotServed { action: "complete" });
}

#[test]
fn only_an_agent_who_has_entered_completes() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    let outside = Rejection::NotEntered { action: "complete" };
    story.when(&agent(BEN), Action::Complete { epoch: None }).refused(outside.clone());
    let _ = story.when(&agent(ADA), Action::Leave).recorded();
    story.when(&agent(ADA), Action::Complete { epoch: None }).refused(outside);
}

#[test]
fn any_agent_who_has_entered_completes_and_all_are_out() {
    let mut story = given([
        (customer(), start()),
        (agent(ADA), take()),
        (agent(BEN), Action::Join),
        (agent(CID), Action::Join),
    ]);
    let entry = story.when(&agent(BEN), Action::Complete { epoch: None }).becomes([What::Completed]);
    assert!(entry.seen_by(Reader::Customer).next().is_none(), "the customer is not told");
    assert_eq!((story.state.assignee(), story.state.served.epoch), (None, 2));
    assert_eq!((story.state.floor(), story.state.served.former), (Floor::Bot, Some(ADA)));
    for member in [ADA, BEN, CID] {
        story.when(&agent(member), post("Hi")).refused(Rejection::NotEntered { action: "post" });
    }
}
