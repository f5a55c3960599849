//! What a load is to be.
//!
//! Owns its numbers. Must not know how it is put on a daemon.

use std::time::Duration;

/// What to do.
#[derive(Debug, Clone)]
pub struct Load {
    /// Pairs of a customer and an agent.
    pub pairs: usize,
    /// Messages a second over all pairs; 0: as fast as answers come.
    pub rate: f64,
    /// Unanswered messages of a pair when it is as fast as answers come.
    pub window: usize,
    /// Sent before anything is measured.
    pub warm_up: Duration,
    /// Measured.
    pub time: Duration,
    /// The messages' size.
    pub bytes: usize,
    /// How many of a hundred messages agents write.
    pub agent_percent: u64,
    /// Connections of agents, each in the conversations of several pairs; `None`: one for each pair.
    pub agent_connections: Option<usize>,
    /// UDP sockets that clients share.
    pub sockets: usize,
    /// Agents besides who follow a desk each and do nothing else.
    pub desks: usize,
}
