//! Times of a day and days of a year, as people write them.
//!
//! Owns their texts: `09:00-18:00`, `2026-09-25`, `09-25`. Must not know calendars: whether there is such a day
//! or which intervals can stand together is for the rules to say.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::beginning;

/// From when to when on a day, in minutes of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClockSpan {
    /// When it begins.
    pub start_minute: u16,
    /// When it ends; before its beginning it is on the next day.
    pub end_minute: u16,
}

/// A day of one year, or of every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CalendarDay {
    /// The year; `None`: every year.
    pub year: Option<u16>,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

/// Why a text is neither. Prints the value and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not written like {example}")]
pub struct CalendarError {
    /// The beginning of what was given.
    pub value: String,
    /// How it should look.
    pub example: &'static str,
}

impl FromStr for ClockSpan {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let span = text.split_once('-').and_then(|(start, end)| {
            Some(Self { start_minute: minute_of_day(start)?, end_minute: minute_of_day(end)? })
        });
        span.ok_or_else(|| CalendarError::new(text, "09:00-18:00"))
    }
}

impl fmt::Display for ClockSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start_minute, end_minute } = self;
        let [start, end] = [start_minute, end_minute].map(|minute| (minute / 60, minute % 60));
        write!(f, "{:02}:{:02}-{:02}:{:02}", start.0, start.1, end.0, end.1)
    }
}

impl FromStr for CalendarDay {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let parts: Vec<&str> = text.split('-').collect();
        let day = match parts[..] {
            [year, month, day] => digits::<4>(year).and_then(|year| Self::new(Some(year), month, day)),
            [month, day] => Self::new(None, month, day),
            _ => None,
        };
        day.ok_or_else(|| CalendarError::new(text, "2026-09-25, or 09-25 for every year"))
    }
}

impl CalendarDay {
    fn new(year: Option<u16>, month: &str, day: &str) -> Option<Self> {
        let part = |text| digits::<2>(text).and_then(|part| u8::try_from(part).ok());
        Some(Self { year, month: part(month)?, day: part(day)? })
    }
}

impl fmt::Display for CalendarDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(year) = self.year {
            write!(f, "{year:04}-")?;
        }
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

macro_rules! texts {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = CalendarError;

            fn try_from(text: String) -> Result<Self, CalendarError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

texts! { ClockSpan CalendarDay }

impl CalendarError {
    fn new(text: &str, example: &'static str) -> Self {
        Self { value: beginning(text), example }
    }
}

/// `24:00` is the end of a day.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (digits::<2>(hour)?, digits::<2>(minute)?);
    (minute < 60).then_some(hour * 60 + minute)
}

fn digits<const COUNT: usize>(text: &str) -> Option<u16> {
    let are_digits = text.len() == COUNT && text.bytes().all(|byte| byte.is_ascii_digit());
    if are_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for text in ["09:00-18:00", "00:00-24:00", "22:00-02:00", "99:59-00:01"] {
            assert_eq!(text.parse::<ClockSpan>().unwrap().to_string(), text);
        }
        let office = ClockSpan { start_minute: 540, end_minute: 1_080 };
        assert_eq!("09:00-18:00".parse(), Ok(office));
        for text in ["2026-09-25", "09-25", "0001-99-00"] {
            assert_eq!(text.parse::<CalendarDay>().unwrap().to_string(), text);
        }
        assert_eq!("09-25".parse(), Ok(CalendarDay { year: None, month: 9, day: 25 }));
    }

    #[test]
    fn what_is_written_otherwise_is_refused_with_how_it_should_be() {
        for text in ["", "9-18", "9:00-18:00", "09:60-18:00", "09:00", "+9:00-18:00", "09:00-18:00-19:00"] {
            let error = text.parse::<ClockSpan>().unwrap_err();
            assert_eq!(error.to_string(), format!("{text:?} is not written like 09:00-18:00"));
        }
        for text in ["", "25", "26-09-25", "2026-9-25", "2026-09-25-01", "+9-25"] {
            assert!(text.parse::<CalendarDay>().is_err(), "{text}");
        }
    }
}
