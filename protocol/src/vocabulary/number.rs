//! Sequences, times, and the numbers of messages.
//!
//! Owns their range and arithmetic. Must not know who counts what.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ContentError;

/// A place in a sequence that has no gaps: the first event has 1, and 0 is "before the first".
/// It stays below 2^53, so that a JavaScript number holds it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Seq(u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The largest sequence, 2^53 − 1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The sequence with this number, if it is in range.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 { Some(Self(value)) } else { None }
    }

    /// The one after this. Saturates at [`Seq::MAX`], which no conversation can reach.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 < Self::MAX.0 { Self(self.0 + 1) } else { self }
    }

    /// The one before this; zero stays zero.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// As a plain number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl TryFrom<u64> for Seq {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        Self::new(value).ok_or_else(|| format!("sequence: {value} is out of range; at most 2^53-1"))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many milliseconds after (or before) 1970-01-01 UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

/// A finite number.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Decimal(f64);

impl Decimal {
    /// Checks a number.
    ///
    /// # Errors
    /// When it is infinite or none.
    pub fn new(value: f64) -> Result<Self, ContentError> {
        within("number", value, f64::MAX).map(Self)
    }

    /// As a plain number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// It is finite, so it equals itself.
impl Eq for Decimal {}

impl TryFrom<f64> for Decimal {
    type Error = ContentError;

    fn try_from(value: f64) -> Result<Self, ContentError> {
        Self::new(value)
    }
}

impl From<Decimal> for f64 {
    fn from(number: Decimal) -> Self {
        number.0
    }
}

macro_rules! degrees {
    ($($(#[$doc:meta])* $name:ident $field:literal max $max:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(Decimal);

        impl $name {
            /// Checks an angle in degrees.
            ///
            /// # Errors
            /// When it is out of range.
            pub fn new(value: f64) -> Result<Self, ContentError> {
                within($field, value, $max).map(|value| Self(Decimal(value)))
            }

            /// In degrees.
            #[must_use]
            pub const fn get(self) -> f64 {
                self.0.get()
            }
        }

        impl TryFrom<f64> for $name {
            type Error = ContentError;

            fn try_from(value: f64) -> Result<Self, ContentError> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(degrees: $name) -> Self {
                degrees.get()
            }
        }

        /// Where somebody is never reaches a log by accident.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

degrees! {
    /// Degrees north of the equator; south of it they are negative.
    Latitude "latitude" max 90.0;
    /// Degrees east of Greenwich; west of it they are negative.
    Longitude "longitude" max 180.0;
}

fn within(field: &'static str, value: f64, max: f64) -> Result<f64, ContentError> {
    // What is no number compares with nothing.
    if (-max..=max).contains(&value) {
        return Ok(value);
    }
    Err(ContentError::Range { field, value, min: -max, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_on_earth() {
        for degrees in [-90.0, 0.0, 37.5665, 90.0] {
            assert_eq!(Latitude::new(degrees).unwrap().get(), degrees);
        }
        assert!(Longitude::new(-180.0).is_ok() && Longitude::new(180.0).is_ok());
        let error = Latitude::new(90.1).unwrap_err().to_string();
        assert_eq!(error, "latitude: 90.1 is out of range; allowed is -90 to 90");
        for nothing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Longitude::new(nothing).is_err() && Decimal::new(nothing).is_err());
        }
    }

    #[test]
    fn whole_degrees_may_be_written_as_integers() {
        let bytes = rmp_serde::to_vec(&-127).unwrap();
        assert_eq!(rmp_serde::from_slice::<Longitude>(&bytes).unwrap().get(), -127.0);
    }
}
