//! The seeded simulator: one scheduler drives the engine's plain state machines through crashes, delays,
//! reorderings and failing disks, and holds them against a reference model after every step.
//!
//! Owns the shells around the machines, which carry messages as the engine's actors do. Must not know
//! actors, clocks or real disks: everything that happens in a run is drawn from its seed, so that a seed
//! is the same run every time.
//!
//! - `run` runs seeds and says what failed; `scheduler` chooses what happens next; `rates` draws how often.
//! - `world` is what a run consists of: `writer`, `disk` with its `space` and its `slowness`, `workspace`,
//!   `conversation` with `outbox`, `session`, `pump`, all of them joined by `mail`; and around them `clients`, the
//!   `network` that their connections cross, and the `people` who ask for things.
//! - `places` says from where clients are served, `looking` what is of those who only look.
//! - `desk` is the workspace's part of assignment, under `settings` that somebody changes; `changes` says how those
//!   become durable.
//! - `model` with `stored` and `service`, and `check`, say what must be true; `tally` and `trace` what happened.

mod changes;
mod check;
mod clients;
mod conversation;
mod desk;
mod disk;
mod looking;
mod mail;
mod model;
mod network;
mod outbox;
mod people;
mod places;
mod pump;
mod rates;
mod run;
mod scheduler;
mod service;
mod session;
mod settings;
mod slowness;
mod space;
mod stored;
mod tally;
mod trace;
mod workspace;
mod world;
mod writer;

pub use check::Promise;
pub use run::{Failure, Outcome, Summary, run_seed, run_seeds};
pub use tally::{Count, Tally};
