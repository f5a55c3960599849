//! The rules of operating hours, told as given / when / then.
//!
//! Owns how a schedule and a moment are written in a test. `zones` and `nights` are tables of cases, one for
//! each thing that can be asked; `random` holds everything at once against `model`, which counts minutes.

#![allow(clippy::unwrap_used, clippy::panic)]

mod model;
mod nights;
mod random;
mod refusing;
mod settings;
mod zones;

use switchboard_protocol::vocabulary::Timestamp;

use super::*;

/// What a schedule is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

use State::{Closed, Open};

/// A row of a table: at this moment it is this, until that moment; `NEVER` if it never changes.
type Row<'a> = (&'a str, State, &'a str);

const NEVER: &str = "";

/// A schedule in this zone that is never open.
fn given(zone: &str) -> ScheduleDraft {
    ScheduleDraft { zone: zone.to_owned(), week: WeekDraft::default(), holidays: Vec::new() }
}

impl ScheduleDraft {
    /// With these intervals on these weekdays.
    fn on(mut self, days: &str, intervals: &str) -> Self {
        for day in days.split_whitespace() {
            let day = DAYS.split_whitespace().position(|name| name == day).unwrap();
            self.week[day] = drafts(intervals);
        }
        self
    }

    /// With a holiday on `2026-12-25`, or on `12-25` of every year.
    fn holiday(mut self, date: &str, intervals: &str) -> Self {
        let parts: Vec<u16> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let (year, [month, day]) = match parts[..] {
            [year, month, day] => (Some(year), [month, day]),
            [month, day] => (None, [month, day]),
            _ => panic!("{date} is no date"),
        };
        let [month, day] = [month, day].map(|part| u8::try_from(part).unwrap());
        self.holidays.push(HolidayDraft { year, month, day, intervals: drafts(intervals) });
        self
    }

    fn schedule(&self) -> Schedule {
        Schedule::new(self).unwrap()
    }

    /// The rule that it breaks, as it is told.
    fn refused(&self) -> String {
        Schedule::new(self).unwrap_err().to_string()
    }

    /// Every row of the table holds.
    fn then(self, rows: &[Row<'_>]) -> Self {
        let schedule = self.schedule();
        for (moment, state, until) in rows {
            let is_open = *state == Open;
            assert_eq!(schedule.is_open(at(moment)), is_open, "{moment}");
            let change = schedule.next_change(at(moment));
            assert_eq!(change, (*until != NEVER).then(|| at(until)), "{moment} until {until}");
            if let Some(change) = change {
                assert_eq!(schedule.is_open(later(change, -1)), is_open, "just before {until}");
                assert_eq!(schedule.is_open(change), !is_open, "{until}");
            }
        }
        self
    }
}

/// Intervals like `09:00-12:00 13:00-18:00`.
fn drafts(text: &str) -> Vec<IntervalDraft> {
    text.split_whitespace().map(interval).collect()
}

fn interval(text: &str) -> IntervalDraft {
    let minutes = text.split('-').map(|time| {
        let (hour, minute) = time.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    });
    let [start_minute, end_minute] = minutes.collect::<Vec<_>>().try_into().unwrap();
    IntervalDraft { start_minute, end_minute }
}

/// A moment, with the offset of the clocks that show it.
fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(moment.as_millisecond())
}

fn later(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(at.as_millis() + ms)
}

const DAYS: &str = "mon tue wed thu fri sat sun";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
