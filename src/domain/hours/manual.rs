//! The manual override: somebody opens or closes by hand, until the schedule changes by itself.
//!
//! Owns how long that lasts. Must not know who did it.

use switchboard_protocol::vocabulary::Timestamp;

use super::Schedule;

/// What is set by hand, in place of what the schedule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

/// An override with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ManualOverride {
    /// What is set.
    pub to: Override,
    /// The moment from which on the schedule holds again; without one, when it is taken back.
    pub until: Option<Timestamp>,
}

impl ManualOverride {
    /// Sets an override at a moment: it lasts until the schedule opens or closes next, or, when that never
    /// happens, until it is taken back. A schedule that is set later does not move its end.
    #[must_use]
    pub fn set(to: Override, schedule: &Schedule, at: Timestamp) -> Self {
        Self { to, until: schedule.next_change(at) }
    }

    /// What holds at a moment, unless it is over.
    #[must_use]
    pub fn in_force(self, at: Timestamp) -> Option<Override> {
        self.until.is_none_or(|until| at < until).then_some(self.to)
    }
}
