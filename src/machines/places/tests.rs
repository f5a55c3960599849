//! One place to a member, whatever happens in between.
//!
//! Owns the plain model that the places are held against: it believes only what it is told to do. Must not know how
//! the machine keeps them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::machines::attendance::Attendance;

type Told = Vec<Step<u32, u32>>;

/// What waits is named by the session that it waits for.
fn arrives(places: &mut Places<u8, char, u32, u32>, instance: char, session: u32, place: Place) -> Told {
    let guest = Guest { party: 1, instance, session, place };
    places.arrives(guest, session, Timestamp::from_millis(i64::from(session)))
}

fn elsewhere(since: i64) -> Refused {
    Refused::Elsewhere { since: Timestamp::from_millis(since) }
}

const ASKS: Place = Place::Only { takes_over: false };
const TAKES_OVER: Place = Place::Only { takes_over: true };

#[test]
fn a_client_has_one_session_at_a_time_and_the_next_waits_for_the_end_of_the_last() {
    let mut places = Places::new(10);
    assert_eq!(arrives(&mut places, 'a', 1, Place::None), [Step::Begin(1)]);
    assert_eq!(arrives(&mut places, 'b', 2, Place::None), [Step::Begin(2)]);
    assert_eq!(arrives(&mut places, 'a', 3, Place::None), [Step::Close(1, Why::Replaced)]);
    assert_eq!(arrives(&mut places, 'a', 4, Place::None), [Step::Refuse(3, elsewhere(4))], "it has gone on");
    assert_eq!(places.left(&1), [Step::Begin(4)]);
    assert_eq!(places.left(&1), []);
    assert_eq!(
        arrives(&mut places, 'a', 5, Place::None),
        [Step::Close(4, Why::Replaced)],
        "a session of the past takes nobody's place away"
    );
}

#[test]
fn there_are_so_many_places_and_one_that_is_replaced_needs_no_other() {
    let mut places = Places::new(1);
    assert_eq!(arrives(&mut places, 'a', 1, Place::None), [Step::Begin(1)]);
    assert_eq!(arrives(&mut places, 'b', 2, Place::None), [Step::Refuse(2, Refused::Full)]);
    assert_eq!(arrives(&mut places, 'a', 3, Place::None), [Step::Close(1, Why::Replaced)]);
    assert_eq!(places.left(&1), [Step::Begin(3)]);
    places.left(&3);
    assert_eq!(arrives(&mut places, 'b', 4, Place::None), [Step::Begin(4)]);
}

#[test]
fn another_place_is_asked_for_and_taken_over_and_the_same_client_is_never_asked() {
    let mut places = Places::new(10);
    assert_eq!(arrives(&mut places, 'a', 1, ASKS), [Step::Begin(1)]);
    assert_eq!(arrives(&mut places, 'b', 2, ASKS), [Step::Refuse(2, elsewhere(1))]);
    assert_eq!(
        arrives(&mut places, 'b', 3, Place::None),
        [Step::Begin(3)],
        "whoever only looks takes no place"
    );
    assert_eq!(arrives(&mut places, 'a', 4, ASKS), [Step::Close(1, Why::Replaced)]);
    assert_eq!(places.left(&1), [Step::Begin(4)]);
    assert_eq!(arrives(&mut places, 'c', 5, ASKS), [Step::Refuse(5, elsewhere(1))], "it is the same place");
    assert_eq!(arrives(&mut places, 'c', 6, TAKES_OVER), [Step::Close(4, Why::TakenOver)]);
    assert_eq!(arrives(&mut places, 'a', 7, ASKS), [Step::Refuse(7, elsewhere(6))], "it has lost it");
    assert_eq!(places.left(&4), [Step::Begin(6)]);
    assert_eq!(arrives(&mut places, 'a', 8, ASKS), [Step::Refuse(8, elsewhere(6))]);
}

#[test]
fn of_two_that_take_over_at_once_one_has_it_and_the_other_hears_so() {
    let mut places = Places::new(10);
    arrives(&mut places, 'a', 1, ASKS);
    assert_eq!(arrives(&mut places, 'b', 2, TAKES_OVER), [Step::Close(1, Why::TakenOver)]);
    assert_eq!(arrives(&mut places, 'c', 3, TAKES_OVER), [Step::Refuse(2, elsewhere(3))]);
    assert_eq!(places.left(&1), [Step::Begin(3)]);
}

#[test]
fn whoever_is_believed_no_more_keeps_nobody_out_who_waits_for_their_end() {
    let mut places = Places::new(10);
    arrives(&mut places, 'a', 1, ASKS);
    assert_eq!(places.lapsed(&1), [Step::Close(1, Why::Lapsed)]);
    assert_eq!(places.lapsed(&1), [], "once");
    assert_eq!(arrives(&mut places, 'b', 2, ASKS), []);
    assert_eq!(places.left(&1), [Step::Begin(2)]);
}

#[test]
fn when_several_are_allowed_no_more_nobody_is_thrown_out_until_somebody_takes_over() {
    let mut places = Places::new(10);
    assert_eq!(arrives(&mut places, 'a', 1, Place::Beside), [Step::Begin(1)]);
    assert_eq!(arrives(&mut places, 'b', 2, Place::Beside), [Step::Begin(2)]);
    assert_eq!(arrives(&mut places, 'a', 3, ASKS), [Step::Close(1, Why::Replaced)]);
    assert_eq!(places.left(&1), [Step::Begin(3)]);
    assert_eq!(arrives(&mut places, 'c', 4, ASKS), [Step::Refuse(4, elsewhere(2))]);
    let both = [Step::Close(2, Why::TakenOver), Step::Close(3, Why::TakenOver)];
    assert_eq!(arrives(&mut places, 'c', 5, TAKES_OVER), both);
    assert_eq!(places.left(&2), []);
    assert_eq!(places.left(&3), [Step::Begin(5)]);
}

/// What may happen.
#[derive(Debug, Clone)]
enum Happens {
    Arrives {
        party: u8,
        instance: u8,
        place: Place,
    },
    /// One of those that were told to end does, or one that was not: its client went, or it crashed.
    Ends(prop::sample::Index),
    /// Nothing is heard any more of one.
    Lapses(prop::sample::Index),
}

fn happens() -> impl Strategy<Value = Happens> {
    let place = prop_oneof![Just(Place::None), Just(ASKS), Just(TAKES_OVER)];
    prop_oneof![
        3 => (0..2_u8, 0..3_u8, place)
            .prop_map(|(party, instance, place)| Happens::Arrives { party, instance, place }),
        3 => any::<prop::sample::Index>().prop_map(Happens::Ends),
        1 => any::<prop::sample::Index>().prop_map(Happens::Lapses),
    ]
}

/// What is so, written without the machine's rules: it believes only the steps.
#[derive(Default)]
struct Model {
    live: BTreeMap<u32, Live>,
    asked: BTreeMap<u32, (u8, u8, Place)>,
    there: BTreeMap<u8, Attendance<u32, u32>>,
    closing: BTreeSet<u32>,
}

struct Live {
    party: u8,
    instance: u8,
    serves: bool,
}

impl Model {
    fn carry_out(&mut self, steps: Vec<Step<u32, u32>>) -> Result<(), TestCaseError> {
        for step in steps {
            match step {
                Step::Begin(session) => {
                    let (party, instance, place) = self.asked.remove(&session).expect("it was waiting");
                    let same =
                        self.live.values().any(|live| (live.party, live.instance) == (party, instance));
                    prop_assert!(!same, "a client has two sessions");
                    let serves = place.serves();
                    if serves {
                        let other = self.live.values().any(|live| live.party == party && live.serves);
                        prop_assert!(!other, "there are two places");
                        self.there.entry(party).or_default().attends(session, u32::MAX);
                    }
                    self.live.insert(session, Live { party, instance, serves });
                }
                Step::Close(session, _) => {
                    prop_assert!(self.live.contains_key(&session), "what is closed is live");
                    prop_assert!(self.closing.insert(session), "it is told once");
                }
                Step::Refuse(session, _) => {
                    prop_assert!(self.asked.remove(&session).is_some(), "it is answered once");
                }
            }
        }
        Ok(())
    }

    fn ends(&mut self, session: u32, steps: Vec<Step<u32, u32>>) -> Result<(), TestCaseError> {
        let live = self.live.remove(&session).expect("it was live");
        self.closing.remove(&session);
        self.carry_out(steps)?;
        if live.serves {
            let attendance = self.there.get_mut(&live.party).expect("somebody was there");
            attendance.left(&session);
        }
        Ok(())
    }
}

proptest! {
    /// Never two places and never two sessions of a client; whoever arrives is answered in the end; and a member is
    /// there exactly while a session by which they serve is live, a take-over being no going away.
    #[test]
    fn there_is_one_place_and_somebody_in_it(all in prop::collection::vec(happens(), 1..60)) {
        let (mut places, mut model) = (Places::new(100), Model::default());
        for (number, happens) in (0..).zip(all) {
            match happens {
                Happens::Arrives { party, instance, place } => {
                    let asks = place == ASKS;
                    let holds = |live: &Live| live.party == party && live.serves;
                    let is_alone = !model.live.values().any(holds)
                        && !model.asked.values().any(|(other, _, place)| *other == party && place.serves());
                    model.asked.insert(number, (party, instance, place));
                    let guest = Guest { party, instance, session: number, place };
                    let steps = places.arrives(guest, number, Timestamp::from_millis(i64::from(number)));
                    let is_refused = steps.iter().any(|step| matches!(step, Step::Refuse(who, _) if *who == number));
                    prop_assert!(!is_refused || (asks && !is_alone), "nobody is refused without another place");
                    model.carry_out(steps)?;
                }
                Happens::Ends(which) if !model.live.is_empty() => {
                    let live: Vec<_> = model.live.keys().copied().collect();
                    let session = *which.get(&live);
                    let steps = places.left(&session);
                    let party = model.live[&session].party;
                    model.ends(session, steps)?;
                    let is_there = model.there.get(&party).is_some_and(Attendance::is_there);
                    let serves = model.live.values().any(|live| live.party == party && live.serves);
                    prop_assert_eq!(is_there, serves);
                }
                Happens::Lapses(which) if !model.live.is_empty() => {
                    let live: Vec<_> = model.live.keys().copied().collect();
                    let steps = places.lapsed(which.get(&live));
                    model.carry_out(steps)?;
                }
                Happens::Ends(_) | Happens::Lapses(_) => {}
            }
            prop_assert_eq!(places.live(), model.live.len());
        }
        // Everything that was told to end does, and then whoever still waits has a place.
        while let Some(session) = model.closing.first().copied() {
            let steps = places.left(&session);
            model.ends(session, steps)?;
        }
        prop_assert!(model.asked.is_empty(), "somebody waits for nothing: {:?}", model.asked.keys());
    }
}
