//! Who is there.
//!
//! Owns when somebody comes and goes whose sessions each hold a lease, which is as long as the evidence of life
//! is good for. Must not know where the evidence comes from, nor clocks: `S` is a session, `T` a moment.

use std::collections::BTreeMap;
use std::ops::Add;
use std::time::Duration;

use super::planted::{Bug, is_planted};

/// The sessions by which somebody is there, and until when each is believed.
#[derive(Debug, Clone)]
pub struct Attendance<S, T> {
    sessions: BTreeMap<S, T>,
}

impl<S, T> Default for Attendance<S, T> {
    fn default() -> Self {
        Self { sessions: BTreeMap::new() }
    }
}

impl<S: Ord + Clone, T: Ord + Copy> Attendance<S, T> {
    /// Somebody with these sessions.
    #[must_use]
    pub const fn of(sessions: BTreeMap<S, T>) -> Self {
        Self { sessions }
    }

    /// A session is live, and is believed to be until then. Says whether somebody is there because of that who
    /// was not.
    pub fn attends(&mut self, session: S, until: T) -> bool {
        let is_first = self.sessions.is_empty();
        let known = self.sessions.entry(session).or_insert(until);
        *known = until.max(*known);
        is_first
    }

    /// A session has ended. Says whether it was the last.
    pub fn left(&mut self, session: &S) -> bool {
        let was_there = self.sessions.remove(session).is_some();
        was_there && (self.sessions.is_empty() || is_planted(Bug::OfflineTooSoon))
    }

    /// The sessions that are not believed any more; they have ended.
    pub fn lapsed(&mut self, now: T) -> Vec<S> {
        let lapsed = self.sessions.iter().filter(|(_, until)| **until <= now);
        let lapsed: Vec<_> = lapsed.map(|(session, _)| session.clone()).collect();
        for session in &lapsed {
            self.sessions.remove(session);
        }
        lapsed
    }

    /// When the first of them is not believed any more.
    #[must_use]
    pub fn next(&self) -> Option<T> {
        self.sessions.values().min().copied()
    }

    /// Whether anybody is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// The sessions, and until when each is believed.
    #[must_use]
    pub const fn sessions(&self) -> &BTreeMap<S, T> {
        &self.sessions
    }
}

/// Watches over a session's connection for evidence that somebody is at its other end.
#[derive(Debug, Clone)]
pub struct Evidence<T> {
    lease: Duration,
    looked_at: T,
    heard: u64,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Evidence<T> {
    /// So much has been heard of the other end by now, a moment ago at the latest. A lease is as long as this.
    #[must_use]
    pub const fn new(lease: Duration, now: T, heard: u64) -> Self {
        Self { lease, looked_at: now, heard }
    }

    /// How often it is to be looked: so that a lease is renewed twice before it runs out.
    #[must_use]
    pub const fn every(&self) -> Duration {
        Duration::from_nanos(self.lease.as_nanos() as u64 / LOOKS_PER_LEASE)
    }

    /// So much has been heard in all. If it is more than the last time, the lease runs from then on: nobody knows
    /// how soon after that it was, and it must not outlive the evidence.
    pub fn look(&mut self, now: T, heard: u64) -> Option<T> {
        let since = std::mem::replace(&mut self.looked_at, now);
        let before = std::mem::replace(&mut self.heard, heard);
        if is_planted(Bug::LeaseWithoutEvidence) {
            return Some(now + self.lease);
        }
        (heard > before).then(|| since + self.lease)
    }
}

/// Each look is one message of the session to its agent.
const LOOKS_PER_LEASE: u64 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_that_comes_and_the_last_that_goes_are_told_apart() {
        let mut attendance = Attendance::default();
        assert!(attendance.attends(1, 10));
        assert!(!attendance.attends(2, 10));
        assert!(!attendance.attends(1, 20), "a lease that is renewed is nobody's arrival");
        assert!(!attendance.left(&1));
        assert!(!attendance.left(&1), "it had gone already");
        assert!(attendance.left(&2));
        assert!(attendance.attends(1, 10));
    }

    #[test]
    fn a_lease_that_runs_out_ends_the_session_and_a_renewal_that_comes_late_shortens_none() {
        let mut attendance = Attendance::default();
        attendance.attends('a', 10);
        attendance.attends('b', 30);
        attendance.attends('b', 20);
        assert_eq!(attendance.next(), Some(10));
        assert_eq!(attendance.lapsed(9), []);
        assert_eq!(attendance.lapsed(10), ['a']);
        assert!(attendance.is_there());
        assert_eq!(attendance.lapsed(29), []);
        assert_eq!(attendance.lapsed(30), ['b']);
        assert!(!attendance.is_there() && attendance.next().is_none());
    }

    const MS: Duration = Duration::from_millis(1);

    proptest! {
        /// Packets come at any time, and looks are late by anything: a lease never outlives what was heard last by
        /// more than its length, and while something comes often enough and looks are in time it does not run out.
        #[test]
        fn a_lease_is_bounded_by_the_evidence_and_kept_by_it(
            gaps in prop::collection::vec(1_u32..40, 1..60),
            delays in prop::collection::vec(0_u32..30, 1..60),
            is_punctual: bool,
        ) {
            let lease = 90 * MS;
            let mut evidence = Evidence::new(lease, Duration::ZERO, 1);
            let mut packets = vec![Duration::ZERO];
            for gap in gaps {
                packets.push(*packets.last().unwrap() + gap * MS);
            }
            let last = *packets.last().unwrap();
            let (mut now, mut until) = (Duration::ZERO, lease);
            for delay in delays {
                now += evidence.every() + if is_punctual { Duration::ZERO } else { delay * MS };
                let heard: Vec<_> = packets.iter().take_while(|at| **at <= now).collect();
                if let Some(renewed) = evidence.look(now, heard.len() as u64) {
                    prop_assert!(renewed <= *heard[heard.len() - 1] + lease, "it outlives the evidence");
                    until = renewed;
                }
                // Packets come every 40 ms or more often, so there is one in any two looks.
                prop_assert!(!is_punctual || now > last || until > now, "it has run out at {now:?}");
            }
        }
    }
}
