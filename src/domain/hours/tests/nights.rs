//! Nights, holidays, and schedules that seldom or never change: tables of cases.
//!
//! Owns what a night means before and after a holiday. All are in Seoul, where no clock is set.

use super::*;

fn seoul() -> ScheduleDraft {
    given("Asia/Seoul")
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    seoul().on("mon", "22:00-06:00").then(&[
        ("2026-11-30T21:59+09", Closed, "2026-11-30T22:00+09"),
        ("2026-11-30T22:00+09", Open, "2026-12-01T06:00+09"),
        ("2026-12-01T00:00+09", Open, "2026-12-01T06:00+09"),
        ("2026-12-01T06:00+09", Closed, "2026-12-07T22:00+09"),
        ("2026-11-30T05:59+09", Closed, "2026-11-30T22:00+09"),
    ]);
    seoul().on("sun", "23:00-01:00").then(&[("2026-11-30T00:30+09", Open, "2026-11-30T01:00+09")]);
}

#[test]
fn intervals_that_touch_are_one() {
    seoul().on("mon", "09:00-12:00 12:00-18:00 20:00-24:00").on("tue", "00:00-01:00 01:00-02:00").then(&[
        ("2026-11-30T10:00+09", Open, "2026-11-30T18:00+09"),
        ("2026-11-30T12:00+09", Open, "2026-11-30T18:00+09"),
        ("2026-11-30T20:00+09", Open, "2026-12-01T02:00+09"),
    ]);
    seoul().on("mon tue", "09:00-12:00 13:00-18:00").then(&[
        ("2026-11-30T12:30+09", Closed, "2026-11-30T13:00+09"),
        ("2026-11-30T18:00+09", Closed, "2026-12-01T09:00+09"),
    ]);
}

#[test]
fn midnight_at_the_end_of_a_day_can_be_written_as_that_of_the_next() {
    let (end, beginning) = (seoul().on("fri", "18:00-24:00"), seoul().on("fri", "18:00-00:00"));
    assert_eq!(end.schedule(), beginning.schedule());
    end.then(&[("2026-11-27T23:59+09", Open, "2026-11-28T00:00+09")]);
}

#[test]
fn on_a_holiday_nothing_begins_that_the_week_says() {
    // The 25th is a Friday.
    seoul().on("mon tue wed thu fri", "09:00-18:00").holiday("2026-12-25", "").then(&[
        ("2026-12-24T18:00+09", Closed, "2026-12-28T09:00+09"),
        ("2026-12-25T12:00+09", Closed, "2026-12-28T09:00+09"),
        ("2027-12-24T18:00+09", Closed, "2027-12-27T09:00+09"),
    ]);
}

#[test]
fn a_week_whose_only_day_is_a_holiday_is_not_like_the_next() {
    seoul().on("mon", "09:00-18:00").holiday("2026-11-30", "").then(&[
        ("2026-11-24T00:00+09", Closed, "2026-12-07T09:00+09"),
        ("2026-11-23T18:00+09", Closed, "2026-12-07T09:00+09"),
        ("2026-11-30T12:00+09", Closed, "2026-12-07T09:00+09"),
    ]);
}

#[test]
fn a_night_runs_on_into_a_holiday_and_none_begins_on_it() {
    let nights = || seoul().on(DAYS, "22:00-06:00");
    nights().holiday("2026-12-25", "").then(&[
        ("2026-12-24T23:00+09", Open, "2026-12-25T06:00+09"),
        ("2026-12-25T05:59+09", Open, "2026-12-25T06:00+09"),
        ("2026-12-25T06:00+09", Closed, "2026-12-26T22:00+09"),
        ("2026-12-26T01:00+09", Closed, "2026-12-26T22:00+09"),
    ]);
    // Whoever closes at midnight says so for the day before.
    nights().holiday("2026-12-24", "22:00-24:00").holiday("2026-12-25", "").then(&[
        ("2026-12-24T05:59+09", Open, "2026-12-24T06:00+09"),
        ("2026-12-24T23:00+09", Open, "2026-12-25T00:00+09"),
        ("2026-12-25T00:00+09", Closed, "2026-12-26T22:00+09"),
    ]);
}

#[test]
fn a_holiday_can_have_intervals_of_its_own_also_into_the_night() {
    // The 26th is a Saturday.
    seoul().on("fri sat", "09:00-18:00").holiday("2026-12-25", "10:00-12:00 22:00-10:00").then(&[
        ("2026-12-25T09:00+09", Closed, "2026-12-25T10:00+09"),
        ("2026-12-25T10:00+09", Open, "2026-12-25T12:00+09"),
        ("2026-12-25T22:00+09", Open, "2026-12-26T18:00+09"),
        ("2026-12-26T09:30+09", Open, "2026-12-26T18:00+09"),
    ]);
    seoul().on("thu", "22:00-06:00").holiday("2026-12-25", "05:00-05:30").then(&[
        ("2026-12-25T05:15+09", Open, "2026-12-25T06:00+09"),
        ("2026-12-25T05:45+09", Open, "2026-12-25T06:00+09"),
    ]);
}

#[test]
fn a_holiday_returns_every_year_unless_that_year_says_otherwise() {
    seoul().on(DAYS, "09:00-18:00").holiday("12-25", "").holiday("2027-12-25", "10:00-11:00").then(&[
        ("2026-12-24T18:00+09", Closed, "2026-12-26T09:00+09"),
        ("2027-12-24T18:00+09", Closed, "2027-12-25T10:00+09"),
        ("2028-12-24T18:00+09", Closed, "2028-12-26T09:00+09"),
    ]);
}

#[test]
fn what_never_opens_or_never_closes_never_changes() {
    let always = || seoul().on(DAYS, "00:00-24:00");
    always().then(&[("2026-11-30T00:00+09", Open, NEVER)]);
    seoul().on(DAYS, "09:00-24:00 00:00-09:00").then(&[("2026-11-30T09:00+09", Open, NEVER)]);
    seoul().on(DAYS, "09:00-08:59").then(&[("2026-11-30T09:00+09", Open, "2026-12-01T08:59+09")]);
    seoul().then(&[("2026-11-30T00:00+09", Closed, NEVER)]);
    seoul().holiday("01-01", "").holiday("2027-01-01", "").then(&[("2026-11-30T00:00+09", Closed, NEVER)]);
    always().holiday("2026-12-25", "00:00-24:00").then(&[("2026-11-30T00:00+09", Open, NEVER)]);
    // What was is no reason for another change.
    always().holiday("2025-12-25", "").then(&[
        ("2025-12-24T00:00+09", Open, "2025-12-25T00:00+09"),
        ("2025-12-25T00:00+09", Closed, "2025-12-26T00:00+09"),
        ("2026-11-30T00:00+09", Open, NEVER),
    ]);
}

#[test]
fn what_counts_while_it_is_open_goes_on_counting_when_it_opens_again() {
    let schedule = seoul().on("mon tue wed thu fri", "09:00-18:00").schedule();
    let counted = |from: &str, minutes: i64| schedule.open_for(at(from), minutes * 60_000);
    assert_eq!(counted("2026-11-25T12:00+09:00", 30), Some(at("2026-11-25T12:30+09:00")));
    assert_eq!(
        counted("2026-11-25T17:30+09:00", 30),
        Some(at("2026-11-25T18:00+09:00")),
        "to the last minute"
    );
    assert_eq!(counted("2026-11-25T17:45+09:00", 30), Some(at("2026-11-26T09:15+09:00")));
    assert_eq!(counted("2026-11-27T20:00+09:00", 30), Some(at("2026-11-30T09:30+09:00")), "over a week-end");
    assert_eq!(counted("2026-11-25T09:00+09:00", 24 * 60), Some(at("2026-11-27T15:00+09:00")));
    assert_eq!(seoul().schedule().open_for(at("2026-11-25T12:00+09:00"), 60_000), None, "it never opens");
    let always = seoul().on("mon tue wed thu fri sat sun", "00:00-24:00").schedule();
    assert_eq!(always.open_for(at("2026-11-28T23:00Z"), 60_000), Some(at("2026-11-28T23:01Z")));
    let seldom = seoul().on("mon", "09:00-09:01").schedule();
    let last = seldom.open_for(at("2026-11-25T12:00+09:00"), 7 * 24 * 3_600_000);
    assert_eq!(last, Some(at("2036-06-23T09:01+09:00")), "so long nobody waits");
}

#[test]
fn what_is_opened_by_hand_does_not_count_and_nothing_does_before_what_was_closed_is_over() {
    let schedule = seoul().on("mon tue wed thu fri", "09:00-18:00").schedule();
    let counted = |by_hand: Option<ManualOverride>, from: &str| {
        CountedHours { schedule: schedule.clone(), by_hand }.after(at(from), 30 * 60_000)
    };
    let early = at("2026-11-25T08:00+09:00");
    let opened = Some(ManualOverride::set(Override::Open, &schedule, early));
    assert_eq!(counted(opened, "2026-11-25T03:00+09:00"), Some(at("2026-11-25T09:30+09:00")));
    let noon = at("2026-11-25T12:00+09:00");
    let closed = Some(ManualOverride::set(Override::Closed, &schedule, noon));
    let next_day = Some(at("2026-11-26T09:30+09:00"));
    assert_eq!(counted(closed, "2026-11-25T11:50+09:00"), next_day, "also once it is over");
    assert_eq!(counted(closed, "2026-11-26T10:00+09:00"), Some(at("2026-11-26T10:30+09:00")));
    let until_taken_back = Some(ManualOverride { to: Override::Closed, until: None });
    assert_eq!(counted(until_taken_back, "2026-11-25T11:50+09:00"), None);
}

#[test]
fn a_change_is_found_however_far_it_is() {
    let always = || seoul().on(DAYS, "00:00-24:00");
    always().holiday("9999-12-25", "").then(&[
        ("2026-11-30T00:00+09", Open, "9999-12-25T00:00+09"),
        ("9999-12-25T00:00+09", Closed, "9999-12-26T00:00+09"),
    ]);
    always().holiday("02-29", "").then(&[("2096-03-01T00:00+09", Open, "2104-02-29T00:00+09")]);
    // A holiday that changes nothing hides none that does.
    always().holiday("03-01", "00:00-24:00").holiday("2500-03-03", "09:00-24:00").then(&[
        ("2026-11-30T00:00+09", Open, "2500-03-03T00:00+09"),
        ("2500-03-03T00:00+09", Closed, "2500-03-03T09:00+09"),
        ("2500-03-03T09:00+09", Open, NEVER),
    ]);
    // A night of a holiday ends on the day after it.
    seoul().holiday("2030-12-25", "18:00-06:00").then(&[
        ("2026-11-30T00:00+09", Closed, "2030-12-25T18:00+09"),
        ("2030-12-25T18:00+09", Open, "2030-12-26T06:00+09"),
        ("2030-12-26T06:00+09", Closed, NEVER),
    ]);
    seoul().holiday("12-25", "09:00-18:00").then(&[("2026-12-25T18:00+09", Closed, "2027-12-25T09:00+09")]);
}

#[test]
fn every_day_of_a_year_can_be_a_holiday_but_one_that_is_rare() {
    // Open on Sundays, but on no date except the 29th of February.
    let mut draft = seoul().on("sun", "09:00-18:00");
    for month in 1..=12_u8 {
        let days = jiff::civil::date(2025, month.try_into().unwrap(), 1).days_in_month().unsigned_abs();
        let closed = |day| HolidayDraft { year: None, month, day, intervals: Vec::new() };
        draft.holidays.extend((1..=days).map(closed));
    }
    assert_eq!(draft.holidays.len(), HOLIDAYS_MAX - 1);
    draft.then(&[
        ("1880-03-01T00:00Z", Closed, "1920-02-29T09:00+09"),
        ("2088-03-01T00:00Z", Closed, "2128-02-29T09:00+09"),
    ]);
}
