//! A schedule: the zone, the week and the holidays, checked as a whole.
//!
//! Owns what a schedule is made of, and the one that a team has which has set none. Must not know what it
//! means at a moment; `open` says that.

use jiff::civil::Date;

use super::holidays::Holidays;
use super::interval::Intervals;
use super::week::Week;
use super::{HolidayDraft, HoursError, IntervalDraft, WeekDraft, Zone};

/// A schedule as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleDraft {
    /// The name of the time zone.
    pub zone: String,
    /// The intervals of each weekday.
    pub week: WeekDraft,
    /// The holidays.
    pub holidays: Vec<HolidayDraft>,
}

/// When a team serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub(super) zone: Zone,
    pub(super) week: Week,
    pub(super) holidays: Holidays,
}

impl Schedule {
    /// Checks a schedule.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn new(draft: &ScheduleDraft) -> Result<Self, HoursError> {
        Ok(Self {
            zone: Zone::new(&draft.zone)?,
            week: Week::new(&draft.week)?,
            holidays: Holidays::new(&draft.holidays)?,
        })
    }

    /// The schedule as it would be given, in order.
    #[must_use]
    pub fn draft(&self) -> ScheduleDraft {
        ScheduleDraft {
            zone: self.zone.name().to_owned(),
            week: self.week.days().each_ref().map(Intervals::drafts),
            holidays: self.holidays.drafts(),
        }
    }

    /// Its time zone.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The intervals that begin on a date: those of the holiday that it is, or those of the week.
    pub(super) fn on(&self, date: Date) -> &Intervals {
        self.holidays.on(date).unwrap_or_else(|| self.week.on(date.weekday()))
    }
}

impl Default for Schedule {
    /// From Monday to Friday, 09:00 to 18:00, in the default zone.
    #[expect(clippy::expect_used, reason = "a test makes it")]
    fn default() -> Self {
        let office = IntervalDraft { start_minute: 9 * 60, end_minute: 18 * 60 };
        let week = [1, 1, 1, 1, 1, 0, 0].map(|count| vec![office; count]);
        // It is a constant.
        let week = Week::new(&week).expect("its intervals are far from each other");
        Self { zone: Zone::default(), week, holidays: Holidays::default() }
    }
}
