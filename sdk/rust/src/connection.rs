//! How a client is connected.
//!
//! Owns the states that its user is shown. Must not know what brings them about.

use std::time::Duration;

use switchboard_protocol::vocabulary::SessionId;

use crate::error::Ending;

/// How a client is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// A session is open.
    Connected {
        /// Which.
        session: SessionId,
    },
    /// The last session or try has ended, and the next try comes after a wait.
    Reconnecting {
        /// Which try in a row the next one is, from 1.
        attempt: u32,
        /// Why the last one ended.
        because: Ending,
        /// How long the client waits before the next one.
        wait: Duration,
    },
    /// The client has ended for good.
    Closed(Ending),
}
