//! The load tester of Switchboard: what customers and agents of a running daemon see under load.
//!
//! Owns the measuring, through the SDK alone; must not know the inside of the daemon. A load is a number
//! of pairs, each a customer and an agent in a conversation of their own, who write to each other at a
//! total rate. The rate is open: a message is due at a moment that was fixed before, and its latency
//! counts from then, also when the daemon or the tester was too slow to send it in time.
//!
//! - [`plan`]: what a load is to be.
//! - [`load`]: putting it on a daemon. `pairs` opens the conversations, `pace` says who writes when and
//!   sends it, `receive` checks what arrives by `order` and `payload`, `tally` adds it all up.
//! - [`calls`]: customers who call agents, and how soon somebody has each.
//! - [`memory`]: what idle connections and conversations cost the daemon.
//! - [`target`]: which daemon, and as whom; [`daemon`] starts one, `process` looks at it from outside.
//! - [`report`]: what is shown.

pub mod calls;
mod clock;
pub mod daemon;
mod desks;
pub mod load;
pub mod memory;
mod order;
mod pace;
mod pairs;
mod payload;
pub mod plan;
mod process;
mod receive;
pub mod report;
mod tally;
pub mod target;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// A failure of something, with its reason.
    pub(crate) fn of<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}
