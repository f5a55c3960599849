//! Tests with real processes: the daemon as it is started, stopped, killed and refused, and its clients.
//!
//! Owns what only processes can show. They speak with the daemon as anybody does: by the command line, the
//! SDK, and for what no well-behaved client says, by frames of their own. Must not know the engine's insides.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "seeds and traces are for whoever reads a failure"
)]

mod admin;
mod backups;
mod calls;
mod chance;
mod chat;
mod colleagues;
mod customers;
mod daemon;
mod ending;
mod epochs;
mod folder;
mod full_disk;
mod half_open;
mod hostile;
mod hours;
mod kills;
mod kinds;
mod load;
mod manners;
mod network;
mod people;
mod places;
mod quarantine;
mod raw;
mod reconnects;
mod relay;
mod small_disk;
mod stalled;
mod talk;
mod terminal;
mod wait;
mod wire;
