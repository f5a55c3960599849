//! How long to wait before the next try.
//!
//! Owns exponential growth with full jitter. Must not know clocks or randomness: the random number
//! comes in, the wait goes out. Source of the algorithm: "Exponential Backoff And Jitter", AWS
//! Architecture Blog, 2015 ("full jitter").

use std::time::Duration;

/// The settings of a back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffSettings {
    /// The ceiling of the first wait. Default: 100 ms.
    pub first: Duration,
    /// The ceiling that no wait exceeds. Default: 15 s.
    pub max: Duration,
    /// A session that lived at least this long counts as good: the next loss starts at `first`
    /// again. Default: 2 s.
    pub settled: Duration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            max: Duration::from_secs(15),
            settled: Duration::from_secs(2),
        }
    }
}

/// Counts tries in a row and says how long to wait before the next one.
#[derive(Debug, Clone)]
pub struct Backoff {
    settings: BackoffSettings,
    attempt: u32,
}

impl Backoff {
    /// No try has failed yet.
    #[must_use]
    pub const fn new(settings: BackoffSettings) -> Self {
        Self { settings, attempt: 0 }
    }

    /// How many tries have failed in a row.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A session has ended after `lived`.
    pub fn session_ended(&mut self, lived: Duration) {
        if lived >= self.settings.settled {
            self.attempt = 0;
        }
    }

    /// The wait before the next try: `at_least`, and on top of it anything from nothing to the
    /// ceiling, which doubles with every try. `random` is uniform over all 64-bit numbers.
    pub fn next(&mut self, at_least: Duration, random: u64) -> Duration {
        let ceiling = ceiling(self.settings.first, self.settings.max, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        at_least + share(ceiling, random)
    }
}

/// `first` doubled `doublings` times, at most `max`.
pub(crate) fn ceiling(first: Duration, max: Duration, doublings: u32) -> Duration {
    first.saturating_mul(1_u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX)).min(max)
}

/// A part of `whole`, in whole microseconds, as large as `random` is within its range.
pub(crate) fn share(whole: Duration, random: u64) -> Duration {
    let micros = (whole.as_micros() * u128::from(random)) >> u64::BITS;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_most() {
        let settings = BackoffSettings {
            first: Duration::from_millis(100),
            max: Duration::from_millis(500),
            settled: Duration::from_secs(1),
        };
        let mut backoff = Backoff::new(settings);
        let waits: Vec<u128> = (0..5).map(|_| backoff.next(Duration::ZERO, u64::MAX).as_millis()).collect();
        assert_eq!(waits, [99, 199, 399, 499, 499]);
        backoff.session_ended(Duration::from_millis(999));
        assert_eq!(backoff.attempt(), 5);
        backoff.session_ended(Duration::from_secs(1));
        assert_eq!(backoff.attempt(), 0);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_below_what_was_asked_nor_above_it_and_the_ceiling(
            random: u64, attempts in 0..100_u32, at_least_ms in 0..60_000_u64,
        ) {
            let settings = BackoffSettings::default();
            let mut backoff = Backoff::new(settings);
            for _ in 0..attempts {
                backoff.next(Duration::ZERO, 0);
            }
            let at_least = Duration::from_millis(at_least_ms);
            let wait = backoff.next(at_least, random);
            prop_assert!(wait >= at_least && wait <= at_least + settings.max);
        }
    }
}
