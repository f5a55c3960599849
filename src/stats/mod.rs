//! Figures about the engine itself.
//!
//! Owns the latency histograms of the stages that a message passes. Must not know actors or sockets:
//! they hand over durations.

mod latency;

pub use latency::{Latency, Stage, StageFigures};
