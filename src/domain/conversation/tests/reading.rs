//! What each side has read, and what it has not.
//!
//! Owns the rules of cursors and of the counts of unread messages.

use super::*;

fn unread(story: &Story) -> (usize, usize) {
    (story.state.customer_unread.count(), story.state.staff_unread.count())
}

#[test]
fn each_side_has_unread_what_the_other_posted() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    assert_eq!(unread(&story), (0, 0), "coming and going is nothing to read");
    for (who, expected) in [(customer(), (0, 1)), (agent(ADA), (1, 1)), (agent(ADA), (2, 1))] {
        let _ = story.when(&who, post("Hi")).recorded();
        assert_eq!(unread(&story), expected);
    }
}

#[test]
fn a_side_reads_in_its_own_sequence_and_the_cursor_is_a_place_in_both() {
    // For the staff: start, assigned, entered, question, entered, answer. For the customer: start, question, answer.
    let mut story = given([
        (customer(), start()),
        (agent(ADA), take()),
        (customer(), post("Why?")),
        (agent(BEN), Action::Join),
        (agent(BEN), post("So.")),
    ]);
    let read_by_staff = What::Read { side: Side::Staff, up_to: place(4, 2) };
    let entry = story.when(&agent(ADA), read(4)).becomes([read_by_staff]);
    assert_eq!((entry.before, entry.after()), (place(6, 3), place(6, 3)), "nobody counts it");
    let read_by_customer = What::Read { side: Side::Customer, up_to: place(6, 3) };
    let _ = story.when(&customer(), read(3)).becomes([read_by_customer]);
    assert_eq!(unread(&story), (0, 0));
    let cursors = (story.state.customer_unread.read, story.state.staff_unread.read);
    assert_eq!(cursors, (place(6, 3), place(4, 2)));
}

#[test]
fn reading_a_part_leaves_the_rest_and_moves_to_the_last_message_it_covers() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join)]);
    for _ in 0..3 {
        let _ = story.when(&customer(), post("Hi")).recorded();
        let _ = story.when(&agent(ADA), Action::Leave).recorded();
        let _ = story.when(&agent(ADA), Action::Join).recorded();
    }
    // The messages are at 3, 6 and 9: up to 8 the last one covered is at 6.
    let covered = What::Read { side: Side::Staff, up_to: place(6, 3) };
    let _ = story.when(&agent(ADA), read(8)).becomes([covered]);
    assert_eq!(unread(&story), (0, 1));
    for nothing_new in [0, 2, 6, 8] {
        story.when(&agent(ADA), read(nothing_new)).already_so();
    }
    assert_eq!(story.state.staff_unread.read, place(6, 3), "a cursor does not go back");
    let _ = story.when(&agent(ADA), read(11)).recorded();
    assert_eq!(unread(&story), (0, 0));
}

#[test]
fn what_has_reached_a_side_moves_forward_and_counts_the_other_sides_messages_alone() {
    // For the staff: start, assigned, entered, question, answer, answer. For the customer: start, question, answers.
    let mut story = given([
        (customer(), start()),
        (agent(ADA), take()),
        (customer(), post("Why?")),
        (agent(ADA), post("So.")),
        (agent(ADA), post("And.")),
    ]);
    let seq = |value| Seq::new(value).unwrap();
    let mut received = Received::default();
    let unread = &story.state.customer_unread;
    assert!(!received.reached(Side::Customer, unread, seq(2)), "one's own question is no news");
    assert!(received.reached(Side::Customer, unread, seq(3)));
    assert_eq!(received.of(Side::Customer, unread), place(5, 3));
    assert!(
        !received.reached(Side::Customer, unread, seq(3))
            && !received.reached(Side::Customer, unread, seq(1))
    );
    assert_eq!(received.of(Side::Customer, unread), place(5, 3), "it does not go back");
    assert_eq!(received.of(Side::Staff, &story.state.staff_unread), place(0, 0));
    let _ = story.when(&customer(), read(4)).recorded();
    assert_eq!(
        received.of(Side::Customer, &story.state.customer_unread),
        place(6, 4),
        "what is read was received"
    );
}

#[test]
fn ones_own_messages_are_nothing_to_read() {
    let mut story = given([(customer(), start()), (agent(ADA), take()), (customer(), post("Hi"))]);
    story.when(&customer(), read(2)).already_so();
    let _ = story.when(&agent(ADA), read(4)).recorded();
    let _ = story.when(&agent(ADA), post("Yes")).recorded();
    story.when(&agent(ADA), read(5)).already_so();
}

#[test]
fn nobody_reads_beyond_the_end_of_what_they_see() {
    let mut story = given([(customer(), start()), (agent(ADA), Action::Join), (customer(), post("Hi"))]);
    let beyond =
        |up_to, last| Rejection::BeyondEnd { up_to: Seq::new(up_to).unwrap(), last: Seq::new(last).unwrap() };
    // There is an event 3, but not for the customer.
    story.when(&customer(), read(3)).refused(beyond(3, 2));
    story.when(&agent(ADA), read(4)).refused(beyond(4, 3));
    story.when(&agent(ADA), read(Seq::MAX.get())).refused(beyond(Seq::MAX.get(), 3));
    assert_eq!(unread(&story), (0, 1));
}

#[test]
fn an_agent_who_only_looks_marks_nothing_as_read() {
    let mut story = given([(customer(), start()), (customer(), post("Hi"))]);
    story.when(&agent(ADA), read(2)).refused(Rejection::NotEntered { action: "read" });
    assert_eq!(unread(&story), (0, 1));
}

#[test]
fn staff_read_as_one() {
    let mut story = given([
        (customer(), start()),
        (agent(ADA), Action::Join),
        (agent(BEN), Action::Join),
        (customer(), post("Hi")),
    ]);
    let _ = story.when(&agent(ADA), read(4)).recorded();
    story.when(&agent(BEN), read(4)).already_so();
}

#[test]
fn unread_is_counted_up_to_its_bound_on_both_sides_and_reading_all_clears_it() {
    let mut story = given([(customer(), start()), (agent(ADA), take())]);
    for n in 1..=UNREAD_MAX + 5 {
        let _ = story.when(&customer(), post("Hi")).recorded();
        let _ = story.when(&agent(ADA), post("Hi")).recorded();
        assert_eq!(unread(&story), (n.min(UNREAD_MAX), n.min(UNREAD_MAX)));
    }
    let last = story.state.last;
    let _ = story.when(&customer(), read(last.customer.get() - 2)).recorded();
    assert_eq!(unread(&story), (1, UNREAD_MAX));
    for (who, last) in [(customer(), last.customer), (agent(ADA), last.staff)] {
        let _ = story.when(&who, read(last.get())).recorded();
    }
    assert_eq!(unread(&story), (0, 0));
}
