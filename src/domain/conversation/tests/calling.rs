//! Calls, and what the engine itself does about them.
//!
//! Owns the rules of calling and taking back, of operating hours, of what was decided elsewhere, of the
//! bot's replies, and of what ends by itself.

use std::sync::Arc;

use switchboard_protocol::vocabulary::{CategoryName, CategoryPath};

use super::*;
use crate::domain::assignment::{Considered, Explanation, Outcome as Chosen, Rule, Why};
use crate::domain::consultation::{Beginning, CANCEL_WINDOW_MS, Caller, Requeued, Stage, Unserved, begun_by};
use crate::domain::hours::{CountedHours, Schedule};

fn about_cards() -> CategoryPath {
    CategoryPath::new(vec![CategoryName::new("Bank").unwrap(), CategoryName::new("Cards").unwrap()]).unwrap()
}

pub(super) fn call() -> Action {
    Action::Call { consultation: CONSULTATION, category: about_cards() }
}

pub(super) fn called() -> What {
    What::Called { consultation: CONSULTATION, category: about_cards(), in_hours: true, bot_replies: false }
}

pub(super) fn decided(story: &Story, outcome: Chosen) -> OwnAction {
    let considered = Considered {
        consultation: CONSULTATION,
        automatic: true,
        open: true,
        choosing: crate::domain::assignment::Choosing::default(),
        maximum: 10,
        matched: None,
        former: None,
        seed: 7,
        candidates: Vec::new(),
    };
    let explanation = Arc::new(Explanation { considered, outcome });
    OwnAction::Decided { epoch: story.state.served.epoch, explanation }
}

pub(super) const fn to(member: MemberId) -> Chosen {
    Chosen::Assigned { member, rule: Rule::General }
}

pub(super) fn stage(story: &Story) -> Option<Stage> {
    story.state.served.consultation.as_ref().map(|consultation| consultation.stage)
}

#[test]
fn a_customer_calls_an_agent_once_and_the_bot_is_silent() {
    let mut story = given([(customer(), start())]);
    let entry = story.when(&customer(), call()).becomes([called()]);
    assert_eq!(entry.after(), place(2, 2), "both sides see it");
    assert_eq!((stage(&story), story.state.floor()), (Some(Stage::Waiting), Floor::Nobody));
    story.when(&customer(), call()).refused(Rejection::AlreadyCalled);
    story.when(&agent(ADA), call()).refused(Rejection::OnlyCustomer { action: "call" });
    let _ = story.when(&customer(), post("Hello?")).becomes([message("Hello?")]);
    assert_eq!(story.state.owed, None, "the bot owes nothing");
}

#[test]
fn a_preview_calls_nobody_and_nobody_steps_into_it() {
    let platform = Platform::new("test").unwrap();
    let key = CustomerKey { platform, ..key("minji") };
    let preview = Identity::Customer { workspace: WORKSPACE, customer: key.clone() };
    let mut story = given([(
        preview.clone(),
        Action::Start { customer: key, greeting: None, known: Details::default(), former: None },
    )]);
    story.when(&preview, call()).refused(Rejection::Preview { action: "call" });
    let _ = story.when(&agent(ADA), Action::Join).becomes([What::Entered { member: ADA }]);
    story.when(&agent(ADA), take()).refused(Rejection::Preview { action: "take" });
    assert_eq!((stage(&story), story.state.floor()), (None, Floor::Bot));
}

#[test]
fn service_begins_with_the_first_agents_entry() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.now += 5_000;
    let _ = story.when_own(&decided(&story, to(ADA))).unwrap().unwrap();
    assert_eq!((stage(&story), story.state.floor()), (Some(Stage::Assigned(ADA)), Floor::Nobody));
    let _ = story.when(&agent(ADA), Action::Join).becomes([What::Entered { member: ADA }]);
    assert_eq!((stage(&story), story.state.floor()), (Some(Stage::InProgress(ADA)), Floor::Agents));
    let consultation = story.state.served.consultation.clone().unwrap();
    assert_eq!(consultation.called_at, Timestamp::from_millis(1_000));
    assert_eq!(consultation.served_at, Some(Timestamp::from_millis(6_000)));
    assert_eq!(
        consultation.beginning,
        Beginning::Called { by: Caller::Customer, in_hours: true, bot_replies: false }
    );
    let _ = story.when(&agent(ADA), post("Hi")).becomes([message("Hi")]);
}

#[test]
fn what_waits_is_taken_and_what_is_assigned_is_not() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let taken = [What::Assigned { member: BEN, how: How::Taken }, What::Entered { member: BEN }];
    let _ = story.when(&agent(BEN), take()).becomes(taken);
    assert_eq!(stage(&story), Some(Stage::InProgress(BEN)));
    story.when(&agent(ADA), take()).refused(Rejection::AlreadyAssigned { by: BEN });
}

#[test]
fn a_decision_holds_only_while_nothing_has_changed_since() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let early = decided(&story, to(ADA));
    let waits = story.when_own(&decided(&story, Chosen::Waits(Why::NobodyFree))).unwrap().unwrap();
    assert_eq!(waits.after(), waits.before, "nobody sees why it waits as an event");
    let why =
        |story: &Story| story.state.served.consultation.as_ref().and_then(|consultation| consultation.why);
    assert_eq!(why(&story), Some(Why::NobodyFree));
    let _ = story.when_own(&early).unwrap().unwrap();
    assert_eq!(why(&story), None, "it waits no more");
    let moved = Rejection::Moved { action: "assign", assignee: Some(ADA) };
    assert_eq!(story.when_own(&early), Err(moved.clone()), "the same again does nothing");
    let second = decided(&story, to(BEN));
    assert_eq!(story.when_own(&second), Err(moved), "it waits no more");
    let _ = story.when(&customer(), Action::Cancel).recorded();
    let _ = story.when(&customer(), call()).recorded();
    assert_eq!(story.when_own(&early), Err(Rejection::Moved { action: "assign", assignee: None }));
}

#[test]
fn what_an_absent_agent_had_waits_again_at_its_old_place() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    story.now += 60_000;
    let (epoch, why) = (story.state.served.epoch, Requeued::Absent);
    let requeue = OwnAction::Requeue { consultation: CONSULTATION, epoch, why };
    let entry = story.when_own(&requeue).unwrap().unwrap();
    assert_eq!(entry.events, [Event { by: Party::Bot, what: What::Requeued { from: ADA, why } }]);
    assert!(story.state.served.agents.is_empty());
    let consultation = story.state.served.consultation.clone().unwrap();
    assert_eq!((consultation.stage, consultation.called_at.as_millis()), (Stage::Waiting, 1_000));
    assert!(story.when_own(&requeue).is_err(), "once");
}

#[test]
fn a_consultation_is_given_to_another_by_comparing_who_has_it() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    let give = |from, to| Action::Transfer { from, to, epoch: None };
    let outside = Rejection::NotEntered { action: "transfer" };
    story.when(&agent(CID), give(ADA, BEN)).refused(outside);
    let given = What::Assigned { member: BEN, how: How::Transferred { from: ADA } };
    let entry = story.when(&agent(ADA), give(ADA, BEN)).becomes([given]);
    assert!(entry.seen_by(Reader::Customer).next().is_none());
    let moved = Rejection::Moved { action: "transfer", assignee: Some(BEN) };
    story.when(&agent(ADA), give(ADA, CID)).refused(moved);
    assert_eq!(stage(&story), Some(Stage::InProgress(BEN)));
    assert_eq!(story.state.served.consultation.as_ref().map(|consultation| consultation.transfers), Some(1));
    let _ = story.when(&agent(ADA), give(BEN, BEN)).becomes([What::Unchanged]);
    story.present = Some(Present { online: [BEN].into(), away: [CID].into() });
    story.when(&agent(ADA), give(BEN, CID)).refused(Rejection::NotPresent { member: CID });
    let mut with_the_bot = super::given([(customer(), start())]);
    with_the_bot.when(&agent(ADA), give(ADA, BEN)).refused(Rejection::NotServed { action: "transfer" });
}

#[test]
fn a_call_is_taken_back_until_somebody_serves_and_at_once_it_is_not_missed_if_that_is_set() {
    for (after, set, why) in [
        (CANCEL_WINDOW_MS, true, Unserved::Cancelled),
        (CANCEL_WINDOW_MS + 1, true, Unserved::GaveUp),
        (0, false, Unserved::GaveUp),
    ] {
        let mut story = given([(customer(), start()), (customer(), call())]);
        story.service.early_cancel_is_no_miss = set;
        story.now += after;
        let _ = story.when(&customer(), Action::Cancel).becomes([What::Unserved { why }]);
        assert_eq!((stage(&story), story.state.floor()), (None, Floor::Bot));
        story.when(&customer(), Action::Cancel).refused(Rejection::NotCalled);
    }
    let mut served = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    served.when(&customer(), Action::Cancel).refused(Rejection::AlreadyServed);
    served.when(&agent(ADA), Action::Cancel).refused(Rejection::OnlyCustomer { action: "cancel" });
}

#[test]
fn a_clock_that_is_set_back_makes_no_call_early_that_was_late() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.service.early_cancel_is_no_miss = true;
    let called_at = story.now;
    story.now += CANCEL_WINDOW_MS + 1;
    let late = story.when(&customer(), post("hello?")).recorded();
    story.now = called_at;
    let entry = story.when(&customer(), Action::Cancel).becomes([What::Unserved { why: Unserved::GaveUp }]);
    assert_eq!(entry.at, late.at);
}

#[test]
fn the_cancel_word_takes_a_call_back_and_means_nothing_otherwise() {
    let mut story = given([(customer(), start())]);
    story.service.cancel_word = Some(MessageText::new("Cancel").unwrap());
    let _ = story.when(&customer(), post("cancel")).becomes([message("cancel")]);
    let _ = story.when(&customer(), call()).recorded();
    let why = Unserved::GaveUp;
    let _ = story.when(&customer(), post(" CANCEL")).becomes([message(" CANCEL"), What::Unserved { why }]);
    let _ = story.when(&agent(ADA), take()).recorded();
    let _ = story.when(&customer(), post("cancel")).becomes([message("cancel")]);
}

#[test]
fn outside_operating_hours_the_customer_is_told_and_the_call_refused_or_queued() {
    let mut story = given([(customer(), start())]);
    story.service.notice = Some(MessageText::new("Closed").unwrap());
    story.doors = Doors::Refusing;
    let entry = story.when(&customer(), call()).recorded();
    let refused = Event { by: Party::Customer, what: What::CallRefused { category: about_cards() } };
    let told = Event { by: Party::Bot, what: message("Closed") };
    assert_eq!(entry.events, [refused, told.clone()]);
    assert_eq!((stage(&story), story.state.floor()), (None, Floor::Bot));

    for (bot_replies, floor) in [(true, Floor::Bot), (false, Floor::Nobody)] {
        let mut story = given([(customer(), start())]);
        story.service.notice = Some(MessageText::new("Closed").unwrap());
        story.doors = Doors::Accepting { bot_replies };
        let entry = story.when(&customer(), call()).recorded();
        assert_eq!(entry.events[1], told);
        assert_eq!((stage(&story), story.state.floor()), (Some(Stage::Waiting), floor));
        let _ = story.when(&agent(ADA), take()).recorded();
        assert_eq!(story.state.floor(), Floor::Agents);
    }
}

#[test]
fn the_bot_answers_each_message_once_and_never_after_it_has_lost_the_floor() {
    let mut story = given([(customer(), start()), (customer(), post("Hi"))]);
    let reply = |story: &Story| OwnAction::Reply {
        to: story.state.owed.unwrap_or_default(),
        epoch: story.state.served.epoch,
        message: said("Yes?"),
    };
    let first = reply(&story);
    let entry = story.when_own(&first).unwrap().unwrap();
    assert_eq!(entry.events, [Event { by: Party::Bot, what: message("Yes?") }]);
    assert!(story.when_own(&first).is_err(), "once");
    let _ = story.when(&customer(), post("Well")).recorded();
    let late = reply(&story);
    let _ = story.when(&agent(ADA), take()).recorded();
    let moved = Rejection::Moved { action: "reply", assignee: Some(ADA) };
    assert_eq!(story.when_own(&late), Err(moved));
    let _ = story.when(&agent(ADA), Action::Complete { epoch: None }).recorded();
    assert!(story.when_own(&late).is_err(), "also when it has the floor again");
}

#[test]
fn a_silent_consultation_ends_by_itself_and_one_that_nobody_serves_is_missed() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    story.service = Service { silent_ms: Some(5_000), unserved_ms: Some(9_000), ..Service::default() };
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(10_000)));
    story.now = 9_999;
    assert_eq!(story.when_own(&OwnAction::Look), Ok(None));
    let mut missed = given([(customer(), start()), (customer(), call())]);
    missed.service = story.service.clone();
    missed.now = 10_000;
    let entry = missed.when_own(&OwnAction::Look).unwrap().unwrap();
    assert_eq!(entry.events[0].what, What::Unserved { why: Unserved::TooLong });
    assert_eq!(missed.when_own(&OwnAction::Look), Ok(None), "once");

    let _ = story.when(&agent(ADA), take()).recorded();
    assert_eq!(deadline(&story.state, &story.service), None, "nobody has said anything");
    let _ = story.when(&agent(ADA), post("Well?")).recorded();
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(14_999)));
    let _ = story.when(&customer(), post("Hm")).recorded();
    assert_eq!(deadline(&story.state, &story.service), None, "it is the agent's turn");
    let _ = story.when(&agent(ADA), post("Well?")).recorded();
    story.now = 14_999;
    let entry = story.when_own(&OwnAction::Look).unwrap().unwrap();
    assert_eq!(entry.events, [Event { by: Party::Bot, what: What::Completed }]);
    assert_eq!(story.state.served.former, Some(ADA));
}

#[test]
fn nobody_is_missed_before_the_doors_have_been_open_for_as_long_as_one_may_wait() {
    let hours = CountedHours { schedule: Schedule::default(), by_hand: None };
    let mut story = given([(customer(), start())]);
    let service = Service { silent_ms: Some(60_000), unserved_ms: Some(1_800_000), ..Service::default() };
    story.service = Service { hours: Some(Arc::new(hours)), ..service };
    // The first of January 1970, a Thursday, at 22:00 in Seoul.
    story.now = 13 * 3_600_000;
    story.doors = Doors::Accepting { bot_replies: false };
    let _ = story.when(&customer(), call()).recorded();
    let half_past_nine = Timestamp::from_millis(24 * 3_600_000 + 1_800_000);
    assert_eq!(deadline(&story.state, &story.service), Some(half_past_nine));
    story.now = half_past_nine.as_millis() - 1;
    assert_eq!(story.when_own(&OwnAction::Look), Ok(None));
    let _ = story.when(&agent(ADA), take()).recorded();
    let _ = story.when(&agent(ADA), post("Well?")).recorded();
    let served = story.now;
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(served + 60_000)));
}

#[test]
fn after_a_downtime_nothing_ends_before_the_time_of_grace_is_over() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let grace_until = Timestamp::from_millis(90_000);
    story.service = Service { unserved_ms: Some(9_000), grace_until, ..Service::default() };
    assert_eq!(deadline(&story.state, &story.service), Some(grace_until));
    story.now = 89_999;
    assert_eq!(story.when_own(&OwnAction::Look), Ok(None));
}

#[test]
fn a_customer_who_ends_the_conversation_while_waiting_has_missed_somebody() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let why = Unserved::Left;
    let _ = story.when(&customer(), Action::End).becomes([What::Unserved { why }, What::Ended]);
    for action in [call(), Action::Cancel] {
        story.when(&customer(), action).refused(Rejection::Ended);
    }
    assert!(Unserved::Left.is_missed() && !Unserved::Cancelled.is_missed());
}

#[test]
fn what_was_served_and_waits_again_has_its_time_anew_and_is_never_missed() {
    let mut story = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    story.service = Service { unserved_ms: Some(9_000), ..Service::default() };
    story.now = 60_000;
    let (epoch, why) = (story.state.served.epoch, Requeued::Absent);
    let requeue = OwnAction::Requeue { consultation: CONSULTATION, epoch, why };
    let _ = story.when_own(&requeue).unwrap().unwrap();
    assert_eq!(deadline(&story.state, &story.service), Some(Timestamp::from_millis(69_000)));
    let mut given_up = given([(customer(), start()), (customer(), call()), (agent(ADA), take())]);
    given_up.when_own(&requeue).unwrap().unwrap();
    let _ = given_up.when(&customer(), Action::Cancel).becomes([What::Completed]);
    story.now = 69_000;
    let entry = story.when_own(&OwnAction::Look).unwrap().unwrap();
    assert_eq!(entry.events, [Event { by: Party::Bot, what: What::Completed }]);
}

#[test]
fn a_word_calls_and_where_there_is_something_to_choose_the_bot_asks_first() {
    let mut story = given([(customer(), start())]);
    story.service.call_word = Some(MessageText::new("Agent").unwrap());
    let entry = story.when(&customer(), post("agent")).recorded();
    let What::Called { category, .. } = &entry.events[1].what else { panic!("{entry:?}") };
    assert!(category.is_empty());

    let mut story = given([(customer(), start())]);
    story.service.call_word = Some(MessageText::new("Agent").unwrap());
    story.service.categories = vec![about_cards()];
    let asked = story.when(&customer(), post("agent")).recorded();
    let What::Message(Message { keyboard: Some(_), .. }) = &asked.events[1].what else { panic!("{asked:?}") };
    assert_eq!((asked.events[1].by, stage(&story)), (Party::Bot, None));
    let chosen = story.when(&customer(), post("BANK > c")).recorded();
    assert_eq!(chosen.events.len(), 1, "that is none of them");
    let service = std::mem::take(&mut story.service);
    story.service = Service {
        categories: vec![CategoryPath::new(vec![CategoryName::new("B").unwrap()]).unwrap()],
        ..service
    };
    let entry = story.when(&customer(), post("b")).recorded();
    let What::Called { category, consultation, .. } = &entry.events[1].what else { panic!("{entry:?}") };
    assert_eq!(
        (category, *consultation),
        (&story.service.categories[0], begun_by(CONVERSATION, entry.revision))
    );
}

#[test]
fn the_bot_owes_no_answer_after_a_while() {
    let story = given([(customer(), start()), (customer(), post("Hi"))]);
    let service = Service { reply: Some(MessageText::new("Yes?").unwrap()), ..Service::default() };
    let at = |now| reply(&story.state, &service, Timestamp::from_millis(now));
    assert!(matches!(at(61_000), Some(OwnAction::Reply { to: 2, .. })));
    assert_eq!(at(61_001), None);
}

#[test]
fn whoever_served_a_customer_before_is_known_to_their_next_conversation() {
    let mut story = given([]);
    let (customer_key, known) = (key("minji"), Details::default());
    let start = Action::Start { customer: customer_key.clone(), greeting: None, known, former: Some(ADA) };
    let started = What::Started { customer: customer_key, former: Some(ADA) };
    let _ = story.when(&customer(), start).becomes([started]);
    assert_eq!(story.state.served.former, Some(ADA));
}
