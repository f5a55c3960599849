//! What each reader sees, and as what it is counted.
//!
//! Owns the two sequences and the answers that name places in them.

use super::*;
use crate::domain::mask::MaskAfter;

/// Something of every kind.
fn told() -> Story {
    given([
        (
            customer(),
            Action::Start {
                customer: key("minji"),
                greeting: Some(said("Hello")),
                known: Details::default(),
                former: None,
            },
        ),
        (customer(), post("Help!")),
        (agent(ADA), take()),
        (agent(BEN), Action::Join),
        (agent(BEN), read(3)),
        (agent(ADA), post("Sure")),
        (customer(), read(4)),
        (agent(BEN), Action::Leave),
        (agent(ADA), Action::Complete { epoch: None }),
        (customer(), post("Thanks")),
    ])
}

#[test]
fn staff_see_everything_but_cursors_without_a_gap() {
    let seen = [
        What::Started { customer: key("minji"), former: None },
        message("Hello"),
        message("Help!"),
        stepped_in(ADA),
        What::Entered { member: ADA },
        What::Entered { member: BEN },
        message("Sure"),
        What::Left { member: BEN },
        What::Completed,
        message("Thanks"),
    ];
    assert_eq!(told().seen_by(Reader::Staff), (1..).zip(seen).collect::<Vec<_>>());
}

#[test]
fn the_customer_sees_the_talk_alone_and_cannot_count_the_rest() {
    let seen = [
        What::Started { customer: key("minji"), former: None },
        message("Hello"),
        message("Help!"),
        message("Sure"),
        message("Thanks"),
    ];
    assert_eq!(told().seen_by(Reader::Customer), (1..).zip(seen).collect::<Vec<_>>());
    assert_eq!(told().state.last, place(10, 5));
}

#[test]
fn what_is_masked_at_once_is_not_kept_and_the_rest_is_shown_until_it_is_due() {
    let mut greeting = said("a 1 b 2");
    greeting.mask("1", MaskAfter::AT_ONCE).unwrap();
    greeting.mask("2", "10m".parse().unwrap()).unwrap();
    let mut story = given([]);
    let greeting = Some(greeting);
    let live = story
        .when(
            &customer(),
            Action::Start { customer: key("minji"), greeting, known: Details::default(), former: None },
        )
        .recorded();
    let words = |entry: &Entry| match &entry.events[1].what {
        What::Message(message) => message.content.preview(99),
        other => panic!("{other:?}"),
    };
    assert_eq!(words(&live), "a 1 b 2", "whoever is there sees the original");
    let kept = live.at_rest().unwrap();
    assert_eq!((words(&kept), kept.has_masks(), kept.after()), ("a * b 2".to_owned(), true, live.after()));
    let at = |ms| Timestamp::from_millis(live.at.as_millis() + ms);
    assert_eq!(kept.shown_at(at(599_999)), None);
    let due = kept.shown_at(at(600_000)).unwrap();
    assert_eq!((words(&due), due.has_masks()), ("a * b *".to_owned(), false));
    assert_eq!(Entry { events: live.events.clone(), ..due }, live, "nothing else has changed");
}

#[test]
fn each_entry_goes_on_where_the_one_before_it_ended() {
    let mut end = (0, place(0, 0));
    for entry in told().entries {
        assert_eq!((entry.revision, entry.before), (end.0 + 1, end.1));
        end = (entry.revision, entry.after());
        assert!(!entry.events.is_empty());
    }
}

#[test]
fn an_answer_names_the_last_event_that_counts_and_who_counts_it() {
    let answers: Vec<_> =
        told().entries.iter().map(answer_of).map(|answer| (answer.place, answer.customer_sees)).collect();
    let expected = [
        (Some(place(2, 2)), true),
        (Some(place(3, 3)), true),
        (Some(place(5, 3)), false),
        (Some(place(6, 3)), false),
        (None, false),
        (Some(place(7, 4)), true),
        (None, false),
        (Some(place(8, 4)), false),
        (Some(place(9, 4)), false),
        (Some(place(10, 5)), true),
    ];
    assert_eq!(answers, expected);
    for (revision, entry) in (1..).zip(&told().entries) {
        assert_eq!((answer_of(entry).revision, answer_of(entry).at), (revision, entry.at));
    }
}
