//! The only reader of randomness.
//!
//! Owns how a random number comes about. Must not know what it is used for.

/// A random number, uniform over all 64-bit numbers. Without a source of randomness it is zero: waits
/// would then not be spread, and TLS would not have come this far.
pub(crate) fn random_u64() -> u64 {
    let mut bytes = [0; 8];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "no randomness");
    }
    u64::from_ne_bytes(bytes)
}
