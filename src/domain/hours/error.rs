//! Why settings of operating hours are refused.
//!
//! Owns the rules that they can break and how that is told: the field, the value, the rule. Must not know
//! how they are checked.

use super::holidays::{HOLIDAYS_MAX, YEARS};
use super::interval::{DAY_MINUTES, INTERVALS_MAX};
use super::notice::NOTICE_CHARS_MAX;

/// Why a setting is refused. Prints the field, the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value} {rule}")]
pub struct HoursError {
    /// The field, from the schedule or the notice on, such as `week.mon[1]`.
    pub field: String,
    /// What was given, or how it looks.
    pub value: String,
    /// The rule that it broke.
    pub rule: HoursRule,
}

/// A rule of operating hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoursRule {
    /// A zone is one of the database of time zones.
    #[error("is no time zone; it must be an IANA name such as Asia/Seoul")]
    Zone,
    /// An interval begins and ends within a day.
    #[error("is no interval; it must begin at minute 0 to {} and end at 0 to {DAY_MINUTES}", DAY_MINUTES - 1)]
    Minutes,
    /// An interval ends at another time than it begins: it could be nothing or a whole day.
    #[error("ends when it begins; a whole day is 00:00-24:00")]
    NotEmpty,
    /// No two intervals overlap, also not over midnight.
    #[error("overlaps {other}")]
    NoOverlap {
        /// The field of the other one, and the other one.
        other: String,
    },
    /// A day has so many intervals.
    #[error("intervals; at most {INTERVALS_MAX} begin on a day")]
    IntervalsMax,
    /// A holiday is a date that exists, in some year at least.
    #[error("is no date; it must exist, in the years {} to {}", YEARS.start(), YEARS.end())]
    Date,
    /// A date is a holiday once.
    #[error("is a holiday already, in {other}")]
    Once {
        /// The field of the other one.
        other: String,
    },
    /// There are so many holidays.
    #[error("holidays; at most {HOLIDAYS_MAX}")]
    HolidaysMax,
    /// A notice says something, in so many characters.
    #[error("must have 1 to {NOTICE_CHARS_MAX}")]
    NoticeChars,
}

impl HoursError {
    pub(super) fn new(field: impl Into<String>, value: &impl ToString, rule: HoursRule) -> Self {
        Self { field: field.into(), value: value.to_string(), rule }
    }
}
