//! The folds: what the store remembers of the log, so that it can be read by key.
//!
//! Owns pages, rows, lists, terms, the customers' conversations, workspaces and snapshots. Each is a pure function
//! of the log up to the mark, save that from pages what is due may be erased already. Must not know how commits
//! are made.

mod erase;
mod folds;
pub(in crate::journal) mod keys;
mod overlay;
pub(in crate::journal) mod pieces;
mod record;
mod rows;
mod step;
pub(in crate::journal) mod terms;
mod thread;

#[cfg(feature = "planted-bugs")]
pub use folds::FoldFailure;
pub(in crate::journal) use folds::Folds;
pub(in crate::journal) use overlay::Overlay;
pub(in crate::journal) use record::{Meaning, Understood, understand};
pub(in crate::journal) use step::fold;
pub(in crate::journal) use thread::FoldThread;
