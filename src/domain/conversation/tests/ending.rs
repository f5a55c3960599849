//! How a conversation ends, and that nobody is left in it without a way out.
//!
//! Owns the rules of ending, and of what is still possible afterwards.

use super::*;

#[test]
fn a_customer_begins_anew_by_ending_the_conversation_and_both_sides_see_it() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (customer(), post("Hi"))]);
    let entry = story.when(&customer(), Action::End).becomes([What::Completed, What::Ended]);
    assert_eq!((entry.before, entry.after()), (place(4, 2), place(6, 3)));
    assert!(story.state.served.consultation.is_none() && story.state.ended);
    assert_eq!((story.state.assignee(), story.state.served.epoch), (None, 3), "nothing is left to serve");
}

#[test]
fn only_an_agent_who_has_entered_ends_it() {
    let mut story = given([(customer(), start())]);
    story.when(&agent(ADA), Action::End).refused(Rejection::NotEntered { action: "end" });
    let _ = story.when(&agent(ADA), Action::Join).recorded();
    let _ = story.when(&agent(ADA), Action::End).becomes([What::Ended]);
    assert!(story.state.served.agents.is_empty());
}

#[test]
fn what_has_ended_stays_so_and_is_ended_once() {
    let mut story = given([(customer(), start()), (customer(), Action::End)]);
    story.when(&customer(), Action::End).already_so();
    story.when(&agent(ADA), Action::End).already_so();
    assert_eq!(story.state.served.epoch, 1);
}

#[test]
fn sending_into_what_has_ended_is_refused_with_that_reason_and_so_is_serving_it() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (customer(), Action::End)]);
    for who in [customer(), agent(ADA), agent(BEN)] {
        story.when(&who, post("Hi")).refused(Rejection::Ended);
        assert_eq!(story.state.typist(&who), None);
    }
    for action in [Action::Join, take(), Action::Complete { epoch: None }] {
        story.when(&agent(ADA), action).refused(Rejection::Ended);
    }
    let _ = story.when(&agent(ADA), Action::Leave).becomes([What::Unchanged]);
    assert_eq!(Rejection::Ended.to_string(), "conversation: it has ended; opening one begins a new one");
}

#[test]
fn it_cannot_be_started_again_so_that_the_customer_gets_another_one() {
    let mut story = given([(customer(), start()), (customer(), Action::End)]);
    story.when(&customer(), start()).refused(Rejection::Ended);
    story.when(&agent(ADA), start()).refused(Rejection::OnlyCustomer { action: "open" });
    story.when(&stranger(), start()).refused(Rejection::NoSuchConversation);
}

#[test]
fn a_start_that_was_accepted_is_answered_as_it_was_also_after_the_end() {
    let mut story = given([]);
    let begun = story.when_sent(&customer(), 1, 1, start()).recorded();
    let _ = story.when_sent(&customer(), 1, 2, Action::End).recorded();
    story.when_sent(&customer(), 1, 1, start()).answered_as(&begun);
}

#[test]
fn it_is_still_read_by_both_sides_so_that_nothing_stays_unread() {
    let mut story = given([
        (customer(), start()),
        (agent(ADA), take()),
        (agent(ADA), post("Bye")),
        (customer(), post("Bye")),
        (customer(), Action::End),
    ]);
    let by_customer = What::Read { side: Side::Customer, up_to: place(4, 2) };
    let _ = story.when(&customer(), read(4)).becomes([by_customer]);
    let by_staff = What::Read { side: Side::Staff, up_to: place(5, 3) };
    let _ = story.when(&agent(BEN), read(7)).becomes([by_staff]);
    assert_eq!((story.state.customer_unread.count(), story.state.staff_unread.count()), (0, 0));
}
