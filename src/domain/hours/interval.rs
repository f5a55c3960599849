//! Intervals: from when to when a team serves on a day.
//!
//! Owns minutes of the day, intervals that cross midnight, and which intervals can stand together on one
//! day. Must not know which day it is.

use std::fmt;

use super::{HoursError, HoursRule};

/// An interval as it is given, in minutes of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalDraft {
    /// When it begins: 0 (00:00) to 1439 (23:59).
    pub start_minute: u16,
    /// When it ends: 1 (00:01) to 1440 (24:00), or on the next day when that is before it begins. 0 is the
    /// same as 1440.
    pub end_minute: u16,
}

/// An interval of less than a day, or of a day from midnight to midnight: open from its first minute up to, and
/// without, its last. It belongs to the day on which it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    start: u16,
    /// Counted from the same midnight as its start, so that it is always behind it.
    end: u16,
}

impl Interval {
    /// The interval as it would be given.
    pub(super) const fn draft(self) -> IntervalDraft {
        let end_minute = if self.end > DAY_MINUTES { self.end - DAY_MINUTES } else { self.end };
        IntervalDraft { start_minute: self.start, end_minute }
    }

    /// Whether it has this minute of the day on which it begins, or, a day's minutes later, of the next.
    pub(super) fn has(self, minute: u16) -> bool {
        (self.start..self.end).contains(&minute)
    }

    /// When it begins and ends, in minutes of the day on which it begins.
    pub(super) const fn boundaries(self) -> [u16; 2] {
        [self.start, self.end]
    }

    fn new(IntervalDraft { start_minute, end_minute }: IntervalDraft) -> Result<Self, HoursRule> {
        if start_minute >= DAY_MINUTES || end_minute > DAY_MINUTES {
            return Err(HoursRule::Minutes);
        }
        if start_minute == end_minute {
            return Err(HoursRule::NotEmpty);
        }
        let ends_next_day = end_minute < start_minute;
        Ok(Self { start: start_minute, end: end_minute + if ends_next_day { DAY_MINUTES } else { 0 } })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draft().fmt(f)
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.draft().fmt(f)
    }
}

impl fmt::Display for IntervalDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start_minute, end_minute } = self;
        let [start, end] = [start_minute, end_minute].map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", start.0, start.1, end.0, end.1)
    }
}

/// The intervals that begin on one day, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Intervals(Vec<Interval>);

impl Intervals {
    /// Checks the intervals of a day, given in any order.
    pub(super) fn new(field: &str, drafts: &[IntervalDraft]) -> Result<Self, HoursError> {
        if drafts.len() > INTERVALS_MAX {
            return Err(HoursError::new(field, &drafts.len(), HoursRule::IntervalsMax));
        }
        let mut intervals = Vec::with_capacity(drafts.len());
        for (at, draft) in drafts.iter().enumerate() {
            let refused = |rule| HoursError::new(format!("{field}[{at}]"), draft, rule);
            intervals.push((Interval::new(*draft).map_err(refused)?, at));
        }
        intervals.sort_by_key(|(interval, at)| (interval.start, *at));
        for pair in intervals.windows(2) {
            let [(earlier, earlier_at), (later, later_at)] = [pair[0], pair[1]];
            if later.start < earlier.end {
                return Err(overlap(
                    (&format!("{field}[{later_at}]"), later),
                    (&format!("{field}[{earlier_at}]"), earlier),
                ));
            }
        }
        Ok(Self(intervals.into_iter().map(|(interval, _)| interval).collect()))
    }

    /// All of them, in order.
    pub(super) fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// The one that crosses midnight, if one does.
    pub(super) fn night(&self) -> Option<Interval> {
        self.0.last().copied().filter(|interval| interval.end > DAY_MINUTES)
    }

    /// As they would be given.
    pub(super) fn drafts(&self) -> Vec<IntervalDraft> {
        self.0.iter().map(|interval| interval.draft()).collect()
    }
}

/// One interval overlaps another that begins before it.
pub(super) fn overlap(
    (field, interval): (&str, Interval),
    (other_field, other): (&str, Interval),
) -> HoursError {
    HoursError::new(field, &interval, HoursRule::NoOverlap { other: format!("{other_field}: {other}") })
}

/// The most intervals that begin on a day.
pub const INTERVALS_MAX: usize = 8;

/// Minutes of a day on which no clock is set.
pub(super) const DAY_MINUTES: u16 = 24 * 60;
