//! What a conversation remembers of each accepted command.
//!
//! Owns the answer that the same command gets when it is sent again. Must not know how long it is remembered.

use switchboard_protocol::vocabulary::Timestamp;

use super::Place;
use crate::domain::clients;

/// What an accepted command was answered. The same is given to the same command sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The entry that it became; the answer may be given once that is durable.
    pub revision: u64,
    /// The place of its last event that counts; `None` if it has none.
    pub place: Option<Place>,
    /// Whether the customer counts that event.
    pub customer_sees: bool,
    /// When it was accepted.
    pub at: Timestamp,
}

/// The client instances that have acted in a conversation.
pub type Clients = clients::Clients<Answer>;

/// The instances of one party.
pub type PartyClients = clients::PartyClients<Answer>;

/// One instance.
pub type Client = clients::Client<Answer>;

/// What is known of a counter of an instance.
pub type Known = clients::Known<Answer>;
