//! The engine of a customer-service chat product.
//!
//! The map of the modules, from the rules outwards; each may use only what stands above it
//! (`tests/tidy` holds the exact table):
//!
//! - [`domain`]: the rules. Pure: `decide` says what a command becomes, `apply` carries it out.
//! - [`machines`]: the engine's own choreography (commit, live conversation, hand-over, sleep and
//!   wake) as plain state machines, so that a simulator can drive them.
//! - [`journal`]: the only door to stored state: the log, and its folds in sled.
//! - [`stats`]: latency histograms. [`clock`]: time and randomness. [`limits`]: every bound.
//! - [`actors`]: mailboxes around the domain: engine, directory, workspace, agent, conversation, session.
//! - [`transport`]: QUIC, and the translation between the wire and the domain.
//! - [`daemon`]: wires everything, starts and stops it. [`config`]: the settings. [`ready`]: how clients
//!   on this machine find it. [`health`]: what it says of itself there. [`demo`]: what there is to talk to
//!   on an empty store.

pub mod actors;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod domain;
pub mod health;
pub mod journal;
pub mod limits;
pub mod machines;
pub mod ready;
pub mod stats;
pub mod transport;
