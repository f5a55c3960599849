//! The only door to stored state: the log, which is the truth, and its folds in sled, which are what
//! the engine remembers of it.
//!
//! Must not know actors, sockets or the wire. Owns the stored form of everything.

mod record;

pub use record::{LogRecord, Position, Shard, Stream};
