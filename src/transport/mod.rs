//! Clients over QUIC: the only place that knows sockets and the wire.
//!
//! Owns the listener, connections and streams with every window and limit set, and the translation
//! between the wire and the domain (in `wire` alone). Must not know stored state or rules.

mod connection;
mod endpoint;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod openings;
mod pump;
mod settings;
mod tls;
mod wire;

pub use endpoint::{Endpoint, EndpointError, EndpointOptions};
pub use tls::{Identity, TlsError, TlsSource};
