//! The only reader of time of day and randomness.
//!
//! Must not know what they are used for.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01 UTC; 0 on a clock that is set before that.
pub(crate) fn unix_ms() -> i64 {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Random bytes. Without a source of randomness they are zero: the ids made of them would then be
/// told apart by their time alone, and TLS would not have come this far.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "no randomness");
    }
    bytes
}

/// A random number, uniform over all 64-bit numbers.
pub(crate) fn random_u64() -> u64 {
    u64::from_ne_bytes(random_bytes())
}
