//! Holidays: dates with intervals of their own, or none, in place of the week's.
//!
//! Owns which dates can be holidays, of one year or of every year, and which intervals begin on them. Must
//! not know the week.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::interval::Intervals;
use super::{HoursError, HoursRule, IntervalDraft};

/// A holiday as it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayDraft {
    /// The year; without one it returns every year, the 29th of February every leap year.
    pub year: Option<u16>,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The intervals that begin on it; none is closed.
    pub intervals: Vec<IntervalDraft>,
}

/// Some holidays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Holidays {
    dated: BTreeMap<Date, Intervals>,
    /// By month and day.
    yearly: BTreeMap<(i8, i8), Intervals>,
}

impl Holidays {
    /// Checks holidays, given in any order.
    pub(super) fn new(drafts: &[HolidayDraft]) -> Result<Self, HoursError> {
        if drafts.len() > HOLIDAYS_MAX {
            return Err(HoursError::new("holidays", &drafts.len(), HoursRule::HolidaysMax));
        }
        let mut holidays = Self::default();
        for (at, draft) in drafts.iter().enumerate() {
            let field = format!("holidays[{at}]");
            let Some(date) = draft.date() else {
                return Err(HoursError::new(field, draft, HoursRule::Date));
            };
            let intervals = Intervals::new(&format!("{field}.intervals"), &draft.intervals)?;
            let earlier = match draft.year {
                Some(_) => holidays.dated.insert(date, intervals),
                None => holidays.yearly.insert((date.month(), date.day()), intervals),
            };
            if earlier.is_some() {
                let same = |other: &HolidayDraft| {
                    (other.year, other.month, other.day) == (draft.year, draft.month, draft.day)
                };
                let other = drafts.iter().position(same).unwrap_or_default();
                return Err(HoursError::new(
                    field,
                    draft,
                    HoursRule::Once { other: format!("holidays[{other}]") },
                ));
            }
        }
        Ok(holidays)
    }

    /// The intervals that begin on this date, if it is a holiday. What is said of one year holds before what is
    /// said of every year.
    pub(super) fn on(&self, date: Date) -> Option<&Intervals> {
        self.dated.get(&date).or_else(|| self.yearly.get(&(date.month(), date.day())))
    }

    /// The first holiday on this date or after it.
    pub(super) fn next(&self, from: Date) -> Option<Date> {
        let dated = self.dated.range(from..).next().map(|(date, _)| *date);
        let years = from.year()..=from.year().saturating_add(LEAP_YEARS_APART_MAX);
        let in_year =
            |year| self.yearly.keys().filter_map(move |(month, day)| Date::new(year, *month, *day).ok());
        let yearly = years.flat_map(in_year).find(|date| *date >= from);
        dated.into_iter().chain(yearly).min()
    }

    /// The last holiday of one year.
    pub(super) fn last_dated(&self) -> Option<Date> {
        self.dated.last_key_value().map(|(date, _)| *date)
    }

    /// Whether one returns every year.
    pub(super) fn any_yearly(&self) -> bool {
        !self.yearly.is_empty()
    }

    /// What begins on each of them.
    pub(super) fn days(&self) -> impl Iterator<Item = &Intervals> {
        self.dated.values().chain(self.yearly.values())
    }

    /// As they would be given: those of one year first, in order.
    pub(super) fn drafts(&self) -> Vec<HolidayDraft> {
        let draft = |year: Option<i16>, month: i8, day: i8, intervals: &Intervals| HolidayDraft {
            year: year.map(i16::unsigned_abs),
            month: month.unsigned_abs(),
            day: day.unsigned_abs(),
            intervals: intervals.drafts(),
        };
        let dated = self
            .dated
            .iter()
            .map(|(date, intervals)| draft(Some(date.year()), date.month(), date.day(), intervals));
        let yearly = self.yearly.iter().map(|((month, day), intervals)| draft(None, *month, *day, intervals));
        dated.chain(yearly).collect()
    }
}

impl HolidayDraft {
    /// Its date, or that of it in a leap year; `None` if there is none.
    fn date(&self) -> Option<Date> {
        let year = self.year.unwrap_or(A_LEAP_YEAR);
        if !YEARS.contains(&year) {
            return None;
        }
        let [month, day] = [self.month, self.day].map(i8::try_from);
        Date::new(i16::try_from(year).ok()?, month.ok()?, day.ok()?).ok()
    }
}

impl fmt::Display for HolidayDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year {
            Some(year) => write!(f, "{year:04}-{:02}-{:02}", self.month, self.day),
            None => write!(f, "{:02}-{:02} of every year", self.month, self.day),
        }
    }
}

/// The most holidays: one for every day of a year.
pub const HOLIDAYS_MAX: usize = 366;

/// The years in which a holiday can be.
pub(super) const YEARS: RangeInclusive<u16> = 1970..=9999;

/// From a leap year to the next, across a year like 2100.
const LEAP_YEARS_APART_MAX: i16 = 8;

/// Every date is in it.
const A_LEAP_YEAR: u16 = 2000;
