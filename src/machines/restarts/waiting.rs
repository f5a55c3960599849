//! What it costs to wait: nothing.
//!
//! Owns the count of what is looked at and stored while consultations only wait. Must not know how long a look takes.

use super::*;
use crate::domain::consultation::Unserved;
use crate::domain::workspace::{AutoClose, TeamService};

/// So many wait.
const WAITING: u64 = 10_000;

impl House {
    fn stored(&self) -> usize {
        self.log.values().map(Vec::len).sum()
    }
}

/// Ten thousand calls that will be missed after half an hour, a millisecond after one another.
fn ten_thousand_wait() -> House {
    let mut house = House::new(NOON);
    let auto_close = AutoClose { silent_minutes: Some(20), unserved_minutes: Some(30) };
    house.sets(WorkspaceAction::SetTeamService(TeamService { auto_close, ..TeamService::default() }));
    for n in 0..WAITING {
        house.now = NOON + n as i64;
        house.calls(conversation(n));
    }
    house
}

/// Nothing is looked at and nothing stored until the first is due; then each is missed at its own time.
fn wait_and_end(house: &mut House) {
    let (looks, stored) = (house.looks, house.stored());
    let first = NOON + 30 * MINUTE;
    house.until(first - 1);
    assert_eq!((house.looks - looks, house.stored() - stored), (0, 0), "while nothing happened");
    house.until(first + WAITING as i64 - 1);
    assert_eq!(house.stored() - stored, WAITING as usize, "each once");
    for n in 0..WAITING {
        let missed = (first + n as i64, What::Unserved { why: Unserved::TooLong });
        assert_eq!(house.happened(conversation(n)).pop(), Some(missed));
    }
    assert_eq!(house.desk.dispatch().open().count(), 0);
}

#[test]
fn ten_thousand_who_wait_cost_no_look_and_no_record_until_the_first_is_due() {
    let mut awake = ten_thousand_wait();
    // Customers are told their place once, when the last has come.
    awake.until(NOON + MINUTE);
    wait_and_end(&mut awake);
    let mut asleep = ten_thousand_wait();
    asleep.until(NOON + MINUTE);
    asleep.all_sleep();
    asleep.until(NOON + 2 * MINUTE);
    wait_and_end(&mut asleep);
}

#[test]
fn nor_when_somebody_says_that_they_are_away() {
    let mut house = ten_thousand_wait();
    house.until(NOON + MINUTE);
    house.sets(WorkspaceAction::SetAway { member: ADA, away: true });
    house.all_sleep();
    house.until(NOON + 2 * MINUTE);
    assert!(house.awake.is_empty(), "nobody is woken");
    wait_and_end(&mut house);
}

#[test]
fn nor_after_a_restart() {
    let mut house = ten_thousand_wait();
    house.all_sleep();
    house.engine_restarts(SECOND);
    house.until(house.now + MINUTE);
    assert!(house.awake.is_empty(), "nobody is woken");
    wait_and_end(&mut house);
}

#[test]
fn an_estimate_that_only_grows_is_told_less_and_less_often() {
    let mut house = House::new(NOON);
    for n in 0..6 {
        house.calls(conversation(n));
    }
    for n in 0..4 {
        house.until(house.now + MINUTE);
        house.does(customer(conversation(n)), conversation(n), Action::Cancel);
    }
    house.until(house.now + 10 * SECOND);
    let looks = house.looks;
    house.until(house.now + 24 * HOUR);
    assert!((10..20).contains(&(house.looks - looks)), "{} looks in a day", house.looks - looks);
}
