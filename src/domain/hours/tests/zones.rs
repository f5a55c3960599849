//! Places, and what their clocks do: tables of cases around both changes of each.
//!
//! Owns one table for each zone whose clocks do something of their own.

use super::*;

#[test]
fn in_seoul_the_office_is_open_from_monday_to_friday() {
    let schedule = Schedule::default();
    assert_eq!(schedule.zone().name(), "Asia/Seoul");
    schedule.draft().then(&[
        ("2026-11-27T08:59+09", Closed, "2026-11-27T09:00+09"),
        ("2026-11-27T09:00+09", Open, "2026-11-27T18:00+09"),
        ("2026-11-27T17:59:59.999+09", Open, "2026-11-27T18:00+09"),
        ("2026-11-27T18:00+09", Closed, "2026-11-30T09:00+09"),
        ("2026-11-29T23:59+09", Closed, "2026-11-30T09:00+09"),
        ("2026-11-30T00:00Z", Open, "2026-11-30T09:00Z"),
    ]);
}

#[test]
fn seoul_had_summer_time_when_it_had_the_olympic_games() {
    // On 8 May 1988 at 02:00 the clocks went to 03:00, on 9 October at 03:00 to 02:00.
    given("Asia/Seoul").on("sun", "02:30-09:00").then(&[
        ("1988-05-08T01:59+09", Closed, "1988-05-08T03:00+10"),
        ("1988-05-08T03:00+10", Open, "1988-05-08T09:00+10"),
        ("1988-10-09T02:29+10", Closed, "1988-10-09T02:30+10"),
        ("1988-10-09T02:00+09", Open, "1988-10-09T09:00+09"),
    ]);
}

#[test]
fn in_new_york_an_hour_is_skipped_in_spring() {
    // On 8 March 2026 at 02:00 the clocks go to 03:00.
    let sunday = |intervals| given("America/New_York").on("sun", intervals);
    sunday("09:00-18:00").then(&[
        ("2026-03-01T18:00-05", Closed, "2026-03-08T09:00-04"),
        ("2026-03-08T09:00-04", Open, "2026-03-08T18:00-04"),
    ]);
    sunday("01:30-02:30").then(&[
        ("2026-03-08T01:29-05", Closed, "2026-03-08T01:30-05"),
        ("2026-03-08T01:30-05", Open, "2026-03-08T03:00-04"),
        ("2026-03-08T03:00-04", Closed, "2026-03-15T01:30-04"),
    ]);
    sunday("02:30-04:00").then(&[
        ("2026-03-08T01:59-05", Closed, "2026-03-08T03:00-04"),
        ("2026-03-08T03:00-04", Open, "2026-03-08T04:00-04"),
    ]);
    // What lies in it does not take place.
    sunday("02:15-02:45").then(&[
        ("2026-03-01T02:45-05", Closed, "2026-03-15T02:15-04"),
        ("2026-03-08T01:59:59.999-05", Closed, "2026-03-15T02:15-04"),
        ("2026-03-08T03:00-04", Closed, "2026-03-15T02:15-04"),
    ]);
    sunday("01:00-02:10 02:50-04:00").then(&[("2026-03-08T01:30-05", Open, "2026-03-08T04:00-04")]);
    sunday("02:00-03:00").then(&[("2026-03-07T12:00-05", Closed, "2026-03-15T02:00-04")]);
}

#[test]
fn in_new_york_an_hour_is_shown_twice_in_autumn() {
    // On 1 November 2026 at 02:00 the clocks go back to 01:00.
    let sunday = |intervals| given("America/New_York").on("sun", intervals);
    sunday("09:00-18:00").then(&[("2026-10-25T18:00-04", Closed, "2026-11-01T09:00-05")]);
    // It ends when its time is shown for the first time, and does not begin again.
    sunday("01:15-01:45").then(&[
        ("2026-11-01T01:14-04", Closed, "2026-11-01T01:15-04"),
        ("2026-11-01T01:15-04", Open, "2026-11-01T01:45-04"),
        ("2026-11-01T01:45-04", Closed, "2026-11-08T01:15-05"),
        ("2026-11-01T01:00-05", Closed, "2026-11-08T01:15-05"),
        ("2026-11-01T01:15-05", Closed, "2026-11-08T01:15-05"),
    ]);
    // Until 02:00 is until it is 02:00: an hour longer.
    sunday("00:00-02:00").then(&[
        ("2026-11-01T01:59-04", Open, "2026-11-01T02:00-05"),
        ("2026-11-01T01:00-05", Open, "2026-11-01T02:00-05"),
        ("2026-11-01T01:59:59.999-05", Open, "2026-11-01T02:00-05"),
    ]);
    sunday("01:30-02:30").then(&[
        ("2026-11-01T01:29-04", Closed, "2026-11-01T01:30-04"),
        ("2026-11-01T01:00-05", Open, "2026-11-01T02:30-05"),
    ]);
    sunday("02:00-03:00").then(&[
        ("2026-11-01T01:59-04", Closed, "2026-11-01T02:00-05"),
        ("2026-11-01T01:30-05", Closed, "2026-11-01T02:00-05"),
    ]);
}

#[test]
fn in_london_a_night_is_an_hour_shorter_or_longer() {
    // On 29 March 2026 at 01:00 the clocks go to 02:00, on 25 October at 02:00 back to 01:00.
    given("Europe/London").on("sat", "22:00-01:00").on("sun", "02:30-06:00").then(&[
        ("2026-03-28T22:00Z", Open, "2026-03-29T02:00+01"),
        ("2026-03-29T02:00+01", Closed, "2026-03-29T02:30+01"),
        ("2026-10-24T22:00+01", Open, "2026-10-25T01:00+01"),
        ("2026-10-25T01:00+01", Closed, "2026-10-25T02:30Z"),
        ("2026-10-25T01:00Z", Closed, "2026-10-25T02:30Z"),
    ]);
    // In spring they are one: the time between the two was skipped.
    given("Europe/London").on("sat", "22:00-01:10").on("sun", "01:20-06:00").then(&[
        ("2026-03-28T22:00Z", Open, "2026-03-29T06:00+01"),
        ("2026-03-21T22:00Z", Open, "2026-03-22T01:10Z"),
    ]);
    given("Europe/London").on("sat", "22:00-06:00").then(&[
        ("2026-03-29T00:59Z", Open, "2026-03-29T06:00+01"),
        ("2026-10-25T01:30Z", Open, "2026-10-25T06:00Z"),
    ]);
}

#[test]
fn on_lord_howe_the_clocks_are_set_by_half_an_hour() {
    // On 4 October 2026 at 02:00 they go to 02:30, on 5 April at 02:00 back to 01:30.
    let sunday = |intervals| given("Australia/Lord_Howe").on("sun", intervals);
    sunday("01:00-02:15").then(&[
        ("2026-10-04T01:59+10:30", Open, "2026-10-04T02:30+11"),
        ("2026-10-04T02:30+11", Closed, "2026-10-11T01:00+11"),
        ("2026-04-05T01:45+11", Open, "2026-04-05T02:15+10:30"),
    ]);
    sunday("02:10-02:20").then(&[("2026-10-04T01:59+10:30", Closed, "2026-10-11T02:10+11")]);
    sunday("01:40-01:50").then(&[
        ("2026-04-05T01:39+11", Closed, "2026-04-05T01:40+11"),
        ("2026-04-05T01:40+11", Open, "2026-04-05T01:50+11"),
        ("2026-04-05T01:50+11", Closed, "2026-04-12T01:40+10:30"),
        ("2026-04-05T01:40+10:30", Closed, "2026-04-12T01:40+10:30"),
    ]);
    sunday("09:00-10:00").then(&[
        ("2026-04-05T08:59+10:30", Closed, "2026-04-05T09:00+10:30"),
        ("2026-10-04T09:00+11", Open, "2026-10-04T10:00+11"),
    ]);
}

#[test]
fn in_sao_paulo_midnight_was_skipped_or_came_twice() {
    // On 4 November 2018 at 00:00 the clocks went to 01:00, on 18 February at 00:00 back to 23:00 of Saturday.
    given("America/Sao_Paulo").on("sat", "09:00-24:00").on("sun", "00:30-06:00").then(&[
        ("2018-11-03T23:59-03", Open, "2018-11-04T06:00-02"),
        ("2018-11-10T23:59-02", Open, "2018-11-11T00:00-02"),
        ("2018-02-17T23:59-02", Open, "2018-02-18T00:00-03"),
        ("2018-02-17T23:00-03", Open, "2018-02-18T00:00-03"),
        ("2018-02-18T00:00-03", Closed, "2018-02-18T00:30-03"),
    ]);
}

#[test]
fn in_apia_a_friday_was_skipped() {
    // At the end of 29 December 2011 it was the 31st.
    given("Pacific/Apia").on("thu", "22:00-06:00").on("fri", "09:00-18:00").on("sat", "09:00-12:00").then(&[
        ("2011-12-29T22:00-10", Open, "2011-12-31T00:00+14"),
        ("2011-12-31T00:00+14", Closed, "2011-12-31T09:00+14"),
    ]);
    given("Pacific/Apia").on("fri", "22:00-06:00").then(&[
        ("2011-12-29T23:59-10", Closed, "2011-12-31T00:00+14"),
        ("2011-12-31T00:00+14", Open, "2011-12-31T06:00+14"),
    ]);
}

#[test]
fn a_zone_has_the_name_that_the_database_knows_it_by() {
    assert_eq!(Zone::new("asia/seoul").unwrap(), Zone::default());
    for name in ["UTC", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
        assert_eq!(Zone::new(name).unwrap().name(), name);
        assert_eq!(Zone::new(&name.to_lowercase()).unwrap().name(), name);
    }
}

#[test]
fn before_the_first_date_and_after_the_last_there_is_an_answer() {
    for zone in ["Asia/Seoul", "America/New_York", "Pacific/Apia", "UTC"] {
        let schedule = given(zone).on(DAYS, "09:00-18:00").holiday("12-25", "").schedule();
        assert!(schedule.next_change(Timestamp::from_millis(i64::MIN)).is_some(), "{zone}");
        assert_eq!(schedule.next_change(Timestamp::from_millis(i64::MAX)), None, "{zone}");
    }
}
