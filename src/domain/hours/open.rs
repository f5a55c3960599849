//! What a schedule means: whether it is open at a moment, and when that changes.
//!
//! Owns the one rule from which everything follows: *an interval begins, and ends, when the clocks of the
//! zone first show its time or a later one.* So each begins and ends at most once, also when the clocks are
//! set; one that lies in an hour that they skip never begins. Must not know the time.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use switchboard_protocol::vocabulary::Timestamp;

use super::Schedule;
use super::interval::{DAY_MINUTES, Intervals};

impl Schedule {
    /// Whether it is open at this moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.covers(self.zone.reached(at))
    }

    /// The first moment after this one at which it opens or closes; `None` if it never does.
    #[must_use]
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let is_open = self.is_open(at);
        let mut reading = self.zone.reached(at);
        let last = self.last_day_of_interest(reading.date())?;
        loop {
            reading = self.next_reading(reading, last, !is_open)?;
            // When the clocks skip it, they show another one at that moment, for which this need not be true.
            let moment = self.zone.first_shown(reading)?;
            if self.is_open(moment) != is_open {
                return Some(moment);
            }
        }
    }

    /// The moment at which it has been open for so long since this one; `None` if it never is.
    #[must_use]
    pub fn open_for(&self, from: Timestamp, millis: i64) -> Option<Timestamp> {
        let (mut at, mut left) = (from, millis);
        for _ in 0..CHANGES_MAX {
            let next = self.next_change(at);
            if !self.is_open(at) {
                at = next?;
                continue;
            }
            let end = Timestamp::from_millis(at.as_millis().saturating_add(left));
            match next {
                Some(next) if next < end => {
                    left -= next.as_millis() - at.as_millis();
                    at = next;
                }
                Some(_) | None => return Some(end),
            }
        }
        Some(at)
    }

    /// Whether an interval has this reading of the clock.
    fn covers(&self, reading: DateTime) -> bool {
        let (date, minute) = (reading.date(), minute_of_day(reading));
        self.on(date).as_slice().iter().any(|interval| interval.has(minute))
            || self.night_before(date).is_some_and(|end| minute < end)
    }

    /// The first boundary behind this reading at which the schedule is open, or closed.
    fn next_reading(&self, behind: DateTime, last: Date, open: bool) -> Option<DateTime> {
        let mut date = behind.date();
        let mut minute = Some(minute_of_day(behind));
        let mut days_of_the_week = 0;
        while date <= last {
            let boundaries = self.on(date).as_slice().iter().flat_map(|interval| interval.boundaries());
            let boundaries =
                boundaries.filter(|boundary| *boundary <= DAY_MINUTES).chain(self.night_before(date));
            let next = boundaries
                .filter(|boundary| minute.is_none_or(|minute| *boundary > minute))
                .filter_map(|boundary| reading_at(date, boundary))
                .filter(|reading| self.covers(*reading) == open)
                .min();
            if next.is_some() {
                return next;
            }
            days_of_the_week = if self.holidays.on(date).is_some() { 0 } else { days_of_the_week + 1 };
            (date, minute) = (date.tomorrow().ok()?, None);
            // The first was looked at in part, or behind a holiday; after it came all seven. Nothing is new until a
            // holiday ends the day before it, or begins.
            if days_of_the_week > 7 {
                date = self.holidays.next(date)?.yesterday().ok()?.max(date);
            }
        }
        None
    }

    /// Until which minute of this date the day before it runs, if it does.
    fn night_before(&self, date: Date) -> Option<u16> {
        let night = self.on(date.yesterday().ok()?).night()?;
        Some(night.boundaries()[1] - DAY_MINUTES)
    }

    /// The last date that must be looked at to know that nothing changes from this one on; `None` if nothing
    /// ever changes.
    fn last_day_of_interest(&self, from: Date) -> Option<Date> {
        let mut days = self.week.days().iter().chain(self.holidays.days());
        if days.all(|intervals| *intervals == Intervals::default()) {
            return None;
        }
        let settled = self.holidays.last_dated().map_or(from, |date| date.max(from));
        let years = if self.holidays.any_yearly() { RETURN_YEARS_MAX } else { 0 };
        Some(settled.saturating_add(years.years().days(WEEKS_AND_NIGHT_DAYS)))
    }
}

fn minute_of_day(reading: DateTime) -> u16 {
    u16::from(reading.hour().unsigned_abs()) * 60 + u16::from(reading.minute().unsigned_abs())
}

/// The last minute of a day is the first of the next.
fn reading_at(date: Date, minute: u16) -> Option<DateTime> {
    if minute == DAY_MINUTES {
        return Some(date.tomorrow().ok()?.at(0, 0, 0, 0));
    }
    let [hour, minute] = [minute / 60, minute % 60].map(|part| part as i8);
    Some(date.at(hour, minute, 0, 0))
}

/// After the last holiday of one year every week is like the one before, save one in which the clocks skip
/// something; and a night reaches into the next.
const WEEKS_AND_NIGHT_DAYS: i64 = 2 * 7 + 2;

/// A date falls on each weekday again within so many years: the 29th of February across a year like 2100.
const RETURN_YEARS_MAX: i64 = 40;

/// Nobody waits through so many openings: a minute of some years is counted as the last.
pub const CHANGES_MAX: usize = 1_000;
