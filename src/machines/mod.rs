//! The engine's choreography as plain state machines.
//!
//! Owns what must hold however messages between the parts are delayed, reordered or lost. Must not
//! know ractor, tokio, sled, quinn, threads or clocks: the shells carry the messages, and the
//! simulator in `simulator/` carries them in every order it can think of.
