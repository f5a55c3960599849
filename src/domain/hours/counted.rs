//! The time that counts for those who wait: while the doors are open.
//!
//! Owns which time that is. What was opened by hand does not count, and nothing counts before what was closed by
//! hand is over: so no one who waits hears that it took too long at the moment at which the doors open. Must not
//! know who waits, or for what.

use switchboard_protocol::vocabulary::Timestamp;

use super::{ManualOverride, Override, Schedule};

/// The hours in which time counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedHours {
    /// When the doors are open.
    pub schedule: Schedule,
    /// What was opened or closed by hand last.
    pub by_hand: Option<ManualOverride>,
}

impl CountedHours {
    /// The moment at which so much time has counted since this one; `None` if so much never does.
    #[must_use]
    pub fn after(&self, from: Timestamp, millis: i64) -> Option<Timestamp> {
        let from = match self.by_hand {
            Some(ManualOverride { to: Override::Closed, until }) => from.max(until?),
            Some(ManualOverride { to: Override::Open, .. }) | None => from,
        };
        self.schedule.open_for(from, millis)
    }
}
