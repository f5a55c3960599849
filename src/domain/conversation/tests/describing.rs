//! What is known of the customer: who writes it down, and what it is forgotten by.
//!
//! Owns the rules of details. What they are held against at random is in `random`.

use switchboard_protocol::vocabulary::{CustomerName, Phone};

use super::*;
use crate::domain::customer::{DetailsChange, Edit};

fn name(name: &str) -> CustomerName {
    CustomerName::new(name).unwrap()
}

fn describe(change: DetailsChange) -> Action {
    Action::Describe { change: Box::new(change) }
}

fn called(words: &str) -> DetailsChange {
    DetailsChange { name: Edit::Set(name(words)), ..DetailsChange::default() }
}

fn described(change: DetailsChange) -> What {
    What::Described(Box::new(change))
}

#[test]
fn any_member_writes_down_what_is_known_without_having_entered_and_the_customer_sees_nothing_of_it() {
    let mut story = given([(customer(), start())]);
    let entry = story.when(&agent(BEN), describe(called("Kim"))).becomes([described(called("Kim"))]);
    assert_eq!((entry.before, entry.after()), (place(1, 1), place(2, 1)));
    assert_eq!(story.state.details.name, Some(name("Kim")));
    assert_eq!(story.state.served.epoch, 0, "nobody's decision has become an old one");
    story.when(&customer(), describe(called("Lee"))).refused(Rejection::OnlyAgents { action: "describe" });
    story.when(&outsider(), describe(called("Lee"))).refused(Rejection::NoSuchConversation);
}

#[test]
fn each_field_is_left_or_set_or_cleared_and_what_makes_no_difference_is_not_told() {
    let mut story = given([(customer(), start()), (agent(ADA), describe(called("Kim")))]);
    let phone = Edit::Set(Phone::new("010-1234-5678").unwrap());
    let change = DetailsChange { phone: phone.clone(), email: Edit::Clear, ..called("Kim") };
    let difference = DetailsChange { phone, ..DetailsChange::default() };
    let _ = story.when(&agent(BEN), describe(change)).becomes([described(difference)]);
    let change = DetailsChange { name: Edit::Clear, ..DetailsChange::default() };
    let _ = story.when(&agent(BEN), describe(change.clone())).becomes([described(change.clone())]);
    assert!(story.state.details.name.is_none() && story.state.details.phone.is_some());
    let _ = story.when(&agent(BEN), describe(change)).becomes([What::Unchanged]);
}

#[test]
fn it_is_done_once_also_when_somebody_wrote_something_else_meanwhile() {
    let mut story = given([(customer(), start())]);
    let kim = story.when_sent(&agent(ADA), 1, 1, describe(called("Kim"))).recorded();
    let _ = story.when(&agent(BEN), describe(called("Lee"))).recorded();
    story.when_sent(&agent(ADA), 1, 1, describe(called("Kim"))).answered_as(&kim);
    assert_eq!(story.state.details.name, Some(name("Lee")));
    let _ = story.when_sent(&agent(ADA), 1, 3, Action::Join).recorded();
    story.when_sent(&agent(ADA), 1, 2, describe(called("Kim"))).refused(Rejection::Overtaken { counter: 2 });
}

#[test]
fn what_has_ended_takes_no_more_and_a_preview_has_nobody_to_describe() {
    let mut story = given([(customer(), start()), (customer(), Action::End)]);
    story.when(&agent(ADA), describe(called("Kim"))).refused(Rejection::Ended);
    let key = CustomerKey { platform: Platform::new("test").unwrap(), ..key("minji") };
    let preview = Identity::Customer { workspace: WORKSPACE, customer: key.clone() };
    let start = Action::Start { customer: key, greeting: None, known: Details::default(), former: None };
    let mut story = given([(preview, start)]);
    story.when(&agent(ADA), describe(called("Kim"))).refused(Rejection::Nobody);
    assert_eq!(Rejection::Nobody.to_string(), "describe: a preview has no customer");
}

#[test]
fn a_conversation_begins_with_what_is_known_from_the_one_before() {
    let mut story = given([]);
    let mut known = Details::default();
    known.change(&called("Kim"));
    let greeting = Some(said("Hello"));
    let entry = story.when(
        &customer(),
        Action::Start { customer: key("minji"), greeting, known: known.clone(), former: None },
    );
    let entry = entry.recorded();
    let bots = |what| Event { by: Party::Bot, what };
    assert_eq!(entry.events[1..], [bots(described(called("Kim"))), bots(message("Hello"))]);
    assert_eq!((story.state.details.clone(), entry.after()), (known, place(3, 2)));
    let again =
        Action::Start { customer: key("minji"), greeting: None, known: Details::default(), former: None };
    story.when(&customer(), again).already_so();
    assert_eq!(story.state.details.name, Some(name("Kim")), "it has begun: nothing is forgotten");
}
