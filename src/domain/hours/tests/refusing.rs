//! What settings of operating hours cannot say, and how that is told.
//!
//! Owns a sentence for each rule: the field, the value, the rule.

use super::*;

fn week(day: &str, intervals: &str) -> String {
    given("Asia/Seoul").on(day, intervals).refused()
}

/// What is told of an interval like this, first on a Monday.
fn told(start_minute: u16, end_minute: u16) -> String {
    let mut draft = given("Asia/Seoul");
    draft.week[0].push(IntervalDraft { start_minute, end_minute });
    draft.refused()
}

#[test]
fn a_zone_that_is_none() {
    let rule = "is no time zone; it must be an IANA name such as Asia/Seoul";
    for name in
        ["", "Seoul", "Asia/Seoul ", "+09:00", "EST5EDT,M3.2.0,M11.1.0", "Etc/Unknown", "../etc/passwd"]
    {
        assert_eq!(given(name).refused(), format!("zone: {name:?} {rule}"));
    }
    let shown = "가".repeat(32);
    assert_eq!(given(&"가".repeat(1_000)).refused(), format!("zone: {shown:?} {rule}"));
}

#[test]
fn minutes_that_are_none_of_a_day() {
    let rule = "is no interval; it must begin at minute 0 to 1439 and end at 0 to 1440";
    for (start, end, shown) in
        [(0, 1_441, "00:00-24:01"), (1_440, 60, "24:00-01:00"), (65_535, 65_535, "1092:15-1092:15")]
    {
        assert_eq!(told(start, end), format!("week.mon[0]: {shown} {rule}"));
    }
}

#[test]
fn an_interval_that_could_be_nothing_or_a_whole_day() {
    let rule = "ends when it begins; a whole day is 00:00-24:00";
    assert_eq!(week("tue", "09:00-12:00 13:00-13:00"), format!("week.tue[1]: 13:00-13:00 {rule}"));
    assert_eq!(told(0, 0), format!("week.mon[0]: 00:00-00:00 {rule}"));
}

#[test]
fn intervals_that_overlap() {
    for (intervals, told) in [
        ("09:00-12:00 11:59-18:00", "week.wed[1]: 11:59-18:00 overlaps week.wed[0]: 09:00-12:00"),
        ("13:00-18:00 09:00-13:01", "week.wed[0]: 13:00-18:00 overlaps week.wed[1]: 09:00-13:01"),
        ("09:00-12:00 09:00-12:00", "week.wed[1]: 09:00-12:00 overlaps week.wed[0]: 09:00-12:00"),
        ("22:00-06:00 23:00-24:00", "week.wed[1]: 23:00-24:00 overlaps week.wed[0]: 22:00-06:00"),
        ("00:00-24:00 20:00-21:00", "week.wed[1]: 20:00-21:00 overlaps week.wed[0]: 00:00-24:00"),
    ] {
        assert_eq!(week("wed", intervals), told);
    }
}

#[test]
fn intervals_that_overlap_over_midnight() {
    let night = |day, next| {
        given("Asia/Seoul").on(day, "08:00-09:00 22:00-06:00").on(next, "12:00-13:00 05:59-07:00")
    };
    for (day, next) in [("mon", "tue"), ("sat", "sun"), ("sun", "mon")] {
        let told = format!("week.{next}[1]: 05:59-07:00 overlaps week.{day}[1]: 22:00-06:00");
        assert_eq!(night(day, next).refused(), told);
    }
    assert!(Schedule::new(&night("mon", "wed")).is_ok());
    assert!(Schedule::new(&given("Asia/Seoul").on(DAYS, "06:00-05:59")).is_ok());
    assert!(Schedule::new(&given("Asia/Seoul").on(DAYS, "06:00-12:00 22:00-06:00")).is_ok());
}

#[test]
fn more_intervals_than_a_day_has() {
    let minutes = |count: u16| {
        let minute = |minute| IntervalDraft { start_minute: 2 * minute, end_minute: 2 * minute + 1 };
        (0..count).map(minute).collect::<Vec<_>>()
    };
    let most = u16::try_from(INTERVALS_MAX).unwrap();
    let mut draft = given("Asia/Seoul");
    draft.week[6] = minutes(most);
    assert!(Schedule::new(&draft).is_ok());
    draft.week[6] = minutes(most + 1);
    assert_eq!(draft.refused(), "week.sun: 9 intervals; at most 8 begin on a day");
}

#[test]
fn holidays_that_are_no_dates() {
    let rule = "is no date; it must exist, in the years 1970 to 9999";
    for (date, shown) in [
        ("2026-02-29", "2026-02-29"),
        ("2100-02-29", "2100-02-29"),
        ("2026-13-01", "2026-13-01"),
        ("2026-00-01", "2026-00-01"),
        ("2026-04-31", "2026-04-31"),
        ("2026-04-255", "2026-04-255"),
        ("1969-12-31", "1969-12-31"),
        ("10000-01-01", "10000-01-01"),
        ("65535-01-01", "65535-01-01"),
        ("02-30", "02-30 of every year"),
        ("06-31", "06-31 of every year"),
        ("01-00", "01-00 of every year"),
    ] {
        let draft = given("Asia/Seoul").holiday("12-25", "").holiday(date, "");
        assert_eq!(draft.refused(), format!("holidays[1]: {shown} {rule}"));
    }
    for date in ["02-29", "2028-02-29", "1970-01-01", "9999-12-31"] {
        assert!(Schedule::new(&given("Asia/Seoul").holiday(date, "")).is_ok(), "{date}");
    }
}

#[test]
fn a_holiday_that_is_there_twice() {
    let twice =
        |date| given("Asia/Seoul").holiday("01-01", "").holiday(date, "").holiday(date, "09:00-10:00");
    assert_eq!(twice("2026-12-25").refused(), "holidays[2]: 2026-12-25 is a holiday already, in holidays[1]");
    assert_eq!(
        twice("12-25").refused(),
        "holidays[2]: 12-25 of every year is a holiday already, in holidays[1]"
    );
    let both = given("Asia/Seoul").holiday("12-25", "").holiday("2026-12-25", "");
    assert!(Schedule::new(&both).is_ok());
}

#[test]
fn intervals_of_a_holiday_that_cannot_be() {
    let holiday = |intervals| given("Asia/Seoul").holiday("01-01", "").holiday("12-25", intervals).refused();
    assert!(
        holiday("09:00-10:00 10:00-10:00").starts_with("holidays[1].intervals[1]: 10:00-10:00 ends when")
    );
    let told = "holidays[1].intervals[0]: 10:00-12:00 overlaps holidays[1].intervals[1]: 09:00-11:00";
    assert_eq!(holiday("10:00-12:00 09:00-11:00"), told);
    let nine = "holidays[1].intervals: 9 intervals; at most 8 begin on a day";
    assert_eq!(holiday(&"09:00-10:00 ".repeat(9)), nine);
}

#[test]
fn more_holidays_than_a_year_has_days() {
    let mut draft = given("Asia/Seoul");
    let holiday = |year| HolidayDraft { year: Some(year), month: 1, day: 1, intervals: Vec::new() };
    draft.holidays = (2_000..2_366).map(holiday).collect();
    assert_eq!(draft.holidays.len(), HOLIDAYS_MAX);
    assert!(Schedule::new(&draft).is_ok());
    draft.holidays.push(holiday(2_366));
    assert_eq!(draft.refused(), "holidays: 367 holidays; at most 366");
}

#[test]
fn a_notice_that_is_empty_or_too_long() {
    let told = |text: &str| NoticeText::new(text).unwrap_err().to_string();
    let rule = "characters) must have 1 to 1000";
    assert_eq!(told(""), format!("notice: \"\" (0 {rule}"));
    let shown = "가".repeat(32);
    assert_eq!(told(&"가".repeat(NOTICE_CHARS_MAX + 1)), format!("notice: \"{shown}\" (1001 {rule}"));
    assert_eq!(told(&"가".repeat(10_000)), format!("notice: \"{shown}\" (10000 {rule}"));
    for text in ["가".repeat(NOTICE_CHARS_MAX), "two\nlines".to_owned()] {
        assert_eq!(NoticeText::new(&*text).unwrap().as_message().as_str(), text);
    }
    assert!(NoticeText::default().as_message().as_str().contains("hours"));
}
