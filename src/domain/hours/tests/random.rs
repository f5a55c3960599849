//! Random schedules in zones with strange clocks: the rules against the minutes of `model`.
//!
//! Owns which schedules and moments are tried: mostly around the times at which clocks are set.

use proptest::prelude::*;

use super::model::Model;
use super::*;

/// Zones, and moments at which their clocks were or will be set, or a date is skipped.
const ZONES: &[(&str, &[&str])] = &[
    ("Asia/Seoul", &["2026-11-25T00:00Z", "1988-05-07T17:00Z", "1988-10-08T17:00Z"]),
    ("America/New_York", &["2026-03-08T07:00Z", "2026-11-01T06:00Z", "2100-03-14T07:00Z"]),
    ("Europe/London", &["2026-03-29T01:00Z", "2026-10-25T01:00Z", "1971-10-31T02:00Z"]),
    ("Australia/Lord_Howe", &["2026-04-04T15:00Z", "2026-10-03T15:30Z"]),
    ("Pacific/Apia", &["2011-12-30T10:00Z", "2011-09-24T11:00Z", "2012-03-31T14:00Z"]),
    ("America/Sao_Paulo", &["2018-11-04T03:00Z", "2018-02-18T02:00Z"]),
    ("Africa/Casablanca", &["2026-02-15T02:00Z", "2026-03-22T02:00Z"]),
    ("Antarctica/Troll", &["2026-03-29T01:00Z", "2026-10-25T01:00Z"]),
];

/// Some minute of a day; often one at which clocks are set, or one beside it.
fn minute() -> impl Strategy<Value = u16> {
    let grid =
        prop::sample::select(vec![0, 30, 60, 90, 105, 120, 135, 150, 180, 210, 540, 1_380, 1_410, 1_440]);
    prop_oneof![3 => grid, 1 => 0..=1_440_u16]
}

fn interval() -> impl Strategy<Value = IntervalDraft> {
    (minute(), minute()).prop_map(|(start_minute, end_minute)| IntervalDraft { start_minute, end_minute })
}

/// A schedule, and a moment near to which something happens: of the intervals and holidays that are tried,
/// those that can stand together.
fn schedule() -> impl Strategy<Value = (ScheduleDraft, Timestamp)> {
    let zone = prop::sample::select(ZONES)
        .prop_flat_map(|(zone, moments)| (Just(zone), prop::sample::select(moments).prop_map(at)));
    let intervals = prop::collection::vec((0..7_usize, interval()), 0..16);
    let holiday = (-3..4_i64, any::<bool>(), prop::collection::vec(interval(), 0..3));
    let holidays = prop::collection::vec(holiday, 0..4);
    (zone, intervals, holidays).prop_map(|((zone, moment), intervals, holidays)| {
        let mut draft = given(zone);
        for (day, interval) in intervals {
            try_with(&mut draft, |draft| draft.week[day].push(interval));
        }
        for (days, yearly, intervals) in holidays {
            let moment = jiff::Timestamp::from_millisecond(moment.as_millis() + days * DAY_MS).unwrap();
            let date = jiff::tz::Offset::UTC.to_datetime(moment).date();
            let year = (!yearly).then_some(date.year().unsigned_abs());
            let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
            try_with(&mut draft, |draft| {
                draft.holidays.push(HolidayDraft { year, month, day, intervals: Vec::new() })
            });
            for interval in intervals {
                try_with(&mut draft, |draft| {
                    if let Some(holiday) = draft.holidays.last_mut() {
                        holiday.intervals.push(interval);
                    }
                });
            }
        }
        (draft, moment)
    })
}

/// A schedule in Seoul that seldom changes, and only at the hours of [`SELDOM_HOURS`].
fn seldom() -> impl Strategy<Value = ScheduleDraft> {
    let intervals = || prop::sample::select(vec!["", "00:00-24:00", "12:00-24:00", "22:00-06:00"]);
    let every_day = prop::sample::select(vec!["", "00:00-24:00"]);
    let one_day = prop::option::weighted(0.2, (0..7_usize, intervals()));
    let date = (prop::option::of(2026..2034_u16), 1..4_u8, prop_oneof![1..29_u8, Just(29)]);
    let holidays = prop::collection::vec((date, intervals()), 0..5);
    (every_day, one_day, holidays).prop_map(|(every_day, one_day, holidays)| {
        let mut draft = given("Asia/Seoul").on(DAYS, every_day);
        if let Some((day, intervals)) = one_day {
            try_with(&mut draft, |draft| draft.week[day] = drafts(intervals));
        }
        for ((year, month, day), intervals) in holidays {
            let intervals = drafts(intervals);
            try_with(&mut draft, |draft| draft.holidays.push(HolidayDraft { year, month, day, intervals }));
        }
        draft
    })
}

const SELDOM_HOURS: [i64; 4] = [0, 6, 12, 22];

/// Changes a draft, unless it is refused then.
fn try_with(draft: &mut ScheduleDraft, change: impl FnOnce(&mut ScheduleDraft)) {
    let mut changed = draft.clone();
    change(&mut changed);
    if Schedule::new(&changed).is_ok() {
        *draft = changed;
    }
}

proptest! {
    #[test]
    fn it_is_open_and_changes_as_counting_minutes_says(
        (draft, moment) in schedule(),
        lead in 0..DAY_MS,
        asked in prop::collection::vec(0..3 * DAY_MS, 40),
    ) {
        let schedule = draft.schedule();
        // From a whole minute on, a day or so before the clocks are set.
        let from = later(moment, -(lead / MINUTE_MS + 720) * MINUTE_MS);
        let minutes = Model::new(&draft).minutes(from, (4 * DAY_MS / MINUTE_MS) as usize);
        for (minute, is_open) in minutes.iter().enumerate() {
            let at = later(from, minute as i64 * MINUTE_MS);
            prop_assert_eq!(schedule.is_open(at), *is_open, "{:?}", at);
        }
        let end = later(from, 4 * DAY_MS);
        for ms in asked {
            let minute = (ms / MINUTE_MS) as usize;
            let is_open = minutes[minute];
            prop_assert_eq!(schedule.is_open(later(from, ms)), is_open);
            let change = minutes[minute..].iter().position(|other| *other != is_open);
            let expected = change.map(|count| later(from, (minute + count) as i64 * MINUTE_MS));
            let found = schedule.next_change(later(from, ms));
            match expected {
                Some(_) => prop_assert_eq!(found, expected),
                None => prop_assert!(found.is_none_or(|found| found >= end), "{:?}", found),
            }
        }
    }

    #[test]
    fn time_counts_while_it_is_open_as_counting_minutes_says(
        (draft, moment) in schedule(),
        lead in 0..720_i64,
        asked in prop::collection::vec((0..2 * DAY_MS, 1..2_000_usize), 20),
    ) {
        let schedule = draft.schedule();
        let from = later(moment, -lead * MINUTE_MS);
        let minutes = Model::new(&draft).minutes(from, (4 * DAY_MS / MINUTE_MS) as usize);
        let end = later(from, 4 * DAY_MS);
        for (ms, wanted) in asked {
            let start = later(from, ms);
            // What is left of the first minute, and then whole ones.
            let (first, rest) = ((ms / MINUTE_MS) as usize, MINUTE_MS - ms % MINUTE_MS);
            let mut left = wanted as i64 * MINUTE_MS;
            let expected = (first..minutes.len()).find_map(|minute| {
                let (begins, length) = match minute == first {
                    true => (start, rest),
                    false => (later(from, minute as i64 * MINUTE_MS), MINUTE_MS),
                };
                let counts = if minutes[minute] { length } else { 0 };
                left -= counts;
                (counts > 0 && left <= 0).then(|| later(begins, length + left))
            });
            let found = schedule.open_for(start, wanted as i64 * MINUTE_MS);
            match expected {
                Some(_) => prop_assert_eq!(found, expected),
                None => prop_assert!(found.is_none_or(|found| found > end), "{:?}", found),
            }
        }
    }

    #[test]
    fn between_two_changes_nothing_changes(
        (draft, moment) in schedule(),
        away in prop_oneof![-15 * DAY_MS..15 * DAY_MS, -12_000 * DAY_MS..12_000 * DAY_MS],
        between in prop::collection::vec(0.0..1.0_f64, 20),
    ) {
        let schedule = draft.schedule();
        let mut at = later(moment, away);
        for _ in 0..8 {
            let is_open = schedule.is_open(at);
            let change = schedule.next_change(at);
            let length = change.map_or(400 * DAY_MS, |change| change.as_millis() - at.as_millis());
            prop_assert!(length > 0);
            for part in &between {
                let inside = later(at, (length as f64 * part) as i64);
                prop_assert_eq!((schedule.is_open(inside), schedule.next_change(inside)), (is_open, change));
            }
            let Some(change) = change else { break };
            prop_assert_eq!(schedule.is_open(later(change, -1)), is_open);
            prop_assert_eq!(schedule.is_open(change), !is_open);
            at = change;
        }
    }

    #[test]
    fn a_change_that_is_years_ahead_is_found_as_by_looking_at_every_day(draft in seldom()) {
        let schedule = draft.schedule();
        let first = at("2026-01-01T00:00+09");
        let hour = |day, hour| later(first, day * DAY_MS + hour * 60 * MINUTE_MS);
        let moments = (0..9 * 366).flat_map(|day| SELDOM_HOURS.map(|each| hour(day, each)));
        let is_open = schedule.is_open(first);
        let change = moments.into_iter().find(|moment| schedule.is_open(*moment) != is_open);
        let found = schedule.next_change(first);
        // What returns in leap years may be beyond what was looked at.
        let end = later(first, 9 * 366 * DAY_MS);
        prop_assert_eq!(found.filter(|found| *found < end), change, "{:?}", found);
    }

    #[test]
    fn a_schedule_is_what_its_draft_says((draft, _) in schedule()) {
        let schedule = draft.schedule();
        prop_assert_eq!(Schedule::new(&schedule.draft()), Ok(schedule));
    }

    #[test]
    fn a_week_is_refused_when_a_minute_is_in_two_intervals(
        intervals in prop::collection::vec((0..7_usize, interval()), 0..7),
    ) {
        let mut draft = given("Asia/Seoul");
        let mut times = vec![0; 7 * 1_440];
        let mut is_good = true;
        for (day, interval) in intervals {
            let (start, end) = (usize::from(interval.start_minute), usize::from(interval.end_minute));
            is_good &= start < 1_440 && start != end;
            let length = if end < start { end + 1_440 - start } else { end - start };
            for minute in start..start + length {
                times[(day * 1_440 + minute) % (7 * 1_440)] += 1;
            }
            draft.week[day].push(interval);
        }
        is_good &= times.iter().all(|count| *count <= 1);
        let schedule = Schedule::new(&draft);
        prop_assert_eq!(schedule.is_ok(), is_good, "{:?}", schedule);
    }
}
