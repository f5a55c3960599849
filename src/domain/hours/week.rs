//! The week: which intervals begin on which weekday.
//!
//! Owns that no interval runs into one of the next day, also not from Sunday into Monday. Must not know
//! holidays.

use jiff::civil::Weekday;

use super::interval::{DAY_MINUTES, Interval, Intervals, overlap};
use super::{HoursError, IntervalDraft};

/// A week as it is given: the intervals of each weekday, from Monday on.
pub type WeekDraft = [Vec<IntervalDraft>; 7];

/// A week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Week([Intervals; 7]);

impl Week {
    /// Checks a week.
    pub(super) fn new(drafts: &WeekDraft) -> Result<Self, HoursError> {
        let mut days: [Intervals; 7] = Default::default();
        for (day, drafts) in drafts.iter().enumerate() {
            days[day] = Intervals::new(&field(day), drafts)?;
        }
        for (day, intervals) in days.iter().enumerate() {
            let next = (day + 1) % days.len();
            let (Some(night), Some(first)) = (intervals.night(), days[next].as_slice().first()) else {
                continue;
            };
            let ([_, end], [start, _]) = (night.boundaries(), first.boundaries());
            if DAY_MINUTES + start < end {
                let place = |day: usize, interval: Interval| {
                    let at =
                        drafts[day].iter().position(|draft| draft.start_minute == interval.boundaries()[0]);
                    format!("{}[{}]", field(day), at.unwrap_or_default())
                };
                return Err(overlap((&place(next, *first), *first), (&place(day, night), night)));
            }
        }
        Ok(Self(days))
    }

    /// The intervals that begin on this weekday.
    pub(super) fn on(&self, day: Weekday) -> &Intervals {
        &self.0[usize::from(day.to_monday_zero_offset().unsigned_abs())]
    }

    /// All seven days, from Monday on.
    pub(super) fn days(&self) -> &[Intervals; 7] {
        &self.0
    }
}

fn field(day: usize) -> String {
    format!("week.{}", WEEKDAYS[day])
}

/// What the days are called in fields.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
