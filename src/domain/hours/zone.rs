//! Time zones: what the clocks of a place show.
//!
//! Owns the names of zones, and how a reading of the clock and a moment become each other also where clocks
//! are set forwards or back. Must not know what happens at which reading.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp as Moment};
use switchboard_protocol::vocabulary::{Timestamp, beginning};

use super::{HoursError, HoursRule};

/// A time zone of the IANA database.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Finds a zone by its name, in whatever letters.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn new(name: &str) -> Result<Self, HoursError> {
        let found = TimeZoneDatabase::bundled().get(name).ok();
        // One name stands for "not known": its clocks would show nothing in particular.
        found
            .filter(|zone| zone.iana_name().is_some() && !zone.is_unknown())
            .map(Self)
            .ok_or_else(|| HoursError::new("zone", &format!("{:?}", beginning(name)), HoursRule::Zone))
    }

    /// Its name, spelled as the database spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// The latest reading that the clocks have shown up to this moment: what they show, or, while they show
    /// again what they showed before they were set back, the last that they showed then.
    pub(super) fn reached(&self, at: Timestamp) -> DateTime {
        let moment = moment(at);
        let shown = self.0.to_datetime(moment);
        let AmbiguousOffset::Fold { before, after } = self.0.to_ambiguous_timestamp(shown).offset() else {
            return shown;
        };
        if self.0.to_offset(moment) != after {
            return shown;
        }
        // It is the second time. `preceding` stops short of the moment itself.
        let next = moment.saturating_add(TICK).unwrap_or(moment);
        let set_back = self
            .0
            .preceding(next)
            .map(|change| change.timestamp())
            .find(|moment| moment.checked_sub(TICK).is_ok_and(|last| self.0.to_offset(last) == before));
        set_back
            .and_then(|moment| moment.checked_sub(TICK).ok())
            .map_or(shown, |last| before.to_datetime(last))
    }

    /// The first moment at which the clocks show this reading or a later one; `None` at the end of time.
    pub(super) fn first_shown(&self, reading: DateTime) -> Option<Timestamp> {
        let moment = match self.0.to_ambiguous_timestamp(reading).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(reading).ok()?,
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(reading).ok()?,
            // They never show it: they are set forwards over it, some time after the new offset would have
            // shown it.
            AmbiguousOffset::Gap { after, .. } => {
                let changes = self.0.following(after.to_timestamp(reading).ok()?);
                changes.into_iter().find(|change| change.offset() == after)?.timestamp()
            }
        };
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }
}

impl Default for Zone {
    #[expect(clippy::expect_used, reason = "a test finds it")]
    fn default() -> Self {
        // Where most of those live whom the product is for.
        Self::new("Asia/Seoul").expect("it is compiled in")
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A moment before or after all time that has dates is the first or the last that has one.
fn moment(at: Timestamp) -> Moment {
    let ms = at.as_millis();
    let beyond = if ms < 0 { Moment::MIN } else { Moment::MAX };
    Moment::from_millisecond(ms).unwrap_or(beyond)
}

/// The shortest time that the engine tells apart.
const TICK: SignedDuration = SignedDuration::from_millis(1);
