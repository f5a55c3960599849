//! What both ends of a connection agree on.
//!
//! Owns the *vocabulary* (ids, bounded texts, message content: the words that the engine's rules
//! speak too) and the *wire* (frames, requests, replies, events, error numbers, the codec).
//! Must not know: sockets, run-times, storage, actors. Nothing here does input or output.

pub mod vocabulary;
pub mod wire;
