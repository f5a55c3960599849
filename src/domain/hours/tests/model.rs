//! A schedule by counting minutes: what `random` holds the rules against.
//!
//! Owns the plain reading of a draft. It walks through time minute by minute, looks at the clock, and remembers
//! the latest that it has shown; it must not know how the rules find a moment.

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::*;

/// What a draft means, minute by minute.
pub(super) struct Model<'a> {
    draft: &'a ScheduleDraft,
    zone: TimeZone,
}

impl<'a> Model<'a> {
    pub(super) fn new(draft: &'a ScheduleDraft) -> Self {
        Self { draft, zone: TimeZoneDatabase::bundled().get(&draft.zone).unwrap() }
    }

    /// Whether it is open at each of so many minutes from this one on.
    pub(super) fn minutes(&self, from: Timestamp, count: usize) -> Vec<bool> {
        let shown =
            |at: Timestamp| self.zone.to_datetime(jiff::Timestamp::from_millisecond(at.as_millis()).unwrap());
        // No clock was ever set back by more than a day.
        let before = later(from, -DAY_MS - MINUTE_MS);
        let lead = (DAY_MS / MINUTE_MS) as usize + 1;
        let moments = (0..lead + count).map(|minute| later(before, minute as i64 * MINUTE_MS));
        let latest = moments.scan(DateTime::MIN, |latest, moment| {
            *latest = shown(moment).max(*latest);
            Some(*latest)
        });
        latest.skip(lead).map(|reading| self.covers(reading)).collect()
    }

    fn covers(&self, reading: DateTime) -> bool {
        let minute =
            u16::from(reading.hour().unsigned_abs()) * 60 + u16::from(reading.minute().unsigned_abs());
        let today = self.on(reading.date());
        let yesterday = self.on(reading.date().yesterday().unwrap());
        let is_night = |draft: &IntervalDraft| draft.end_minute < draft.start_minute;
        today
            .iter()
            .any(|draft| minute >= draft.start_minute && (minute < draft.end_minute || is_night(draft)))
            || yesterday.iter().any(|draft| is_night(draft) && minute < draft.end_minute)
    }

    fn on(&self, date: Date) -> &[IntervalDraft] {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        let year = Some(date.year().unsigned_abs());
        let holiday = |year: Option<u16>| {
            self.draft
                .holidays
                .iter()
                .find(|holiday| (holiday.year, holiday.month, holiday.day) == (year, month, day))
        };
        match holiday(year).or_else(|| holiday(None)) {
            Some(holiday) => &holiday.intervals,
            None => &self.draft.week[date.weekday().to_monday_zero_offset().unsigned_abs() as usize],
        }
    }
}
