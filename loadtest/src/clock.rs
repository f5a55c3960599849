//! The only reader of time in the load tester.
//!
//! Owns how moments are told: in microseconds since the tester began, so that one fits into a message's
//! text. Must not know what is measured.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment: microseconds since the tester began.
pub(crate) type Micros = u64;

/// Now.
pub(crate) fn now() -> Micros {
    u64::try_from(BEGUN.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// How long it is until a moment; nothing if it has passed.
pub(crate) fn until(moment: Micros) -> Duration {
    Duration::from_micros(moment.saturating_sub(now()))
}

/// A word that no other run bears: the nanoseconds of the day, for the names of customers.
pub(crate) fn run_name() -> String {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let now = SystemTime::now();
    format!("{:x}", now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos())
}

static BEGUN: LazyLock<Instant> = LazyLock::new(|| {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Instant::now()
});
