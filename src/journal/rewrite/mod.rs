//! The rewriter: closed segments of the log are compressed, and what is due is erased from them.
//!
//! Owns a thread beside writer and folds, of lower urgency than both. Which segment is next is a decision of
//! `plan`, which knows no files; `board` is how writer, folds and rewriter tell each other what they need; how a
//! segment is rewritten is the log's business. Must not touch the segment that is written: the writer is asked
//! to close it.

mod board;
mod plan;
mod thread;

pub(super) use board::Board;
pub(super) use thread::{Links, Rewriter};
