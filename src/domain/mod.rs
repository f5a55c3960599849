//! The rules of the product, and nothing else.
//!
//! Owns what may happen and what it means: `decide` reads a state and says what a command becomes,
//! `apply` carries out what was decided and cannot fail. Must not know input or output, async,
//! clocks, randomness, storage or the wire: time and fresh ids come in as arguments. From the
//! protocol crate it uses the vocabulary alone.

pub mod assignment;
pub mod clients;
pub mod consultation;
pub mod conversation;
pub mod customer;
pub mod hours;
pub mod identity;
pub mod instance;
pub mod listing;
pub mod mask;
pub mod message;
pub mod search;
pub mod workspace;
