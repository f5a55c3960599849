//! What is fuzzed, one function to a target: whatever the bytes are, nothing panics, hangs or breaks a rule.
//!
//! Owns the rules that must hold for any input. The fuzzer that feeds them is libFuzzer (`cargo fuzz`), or a
//! test that goes through the corpora. Must not know how inputs are found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a target fails")]

mod commands;
mod frames;
mod requests;

pub use commands::commands;
pub use frames::frames;
pub use requests::requests;

/// Every stored form, read and written again.
pub fn records(data: &[u8]) {
    switchboard::journal::fuzzing::records(data);
}

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: &[(&str, Target)] =
    &[("frames", frames), ("requests", requests), ("records", records), ("commands", commands)];
