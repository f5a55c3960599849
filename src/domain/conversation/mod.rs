//! A conversation: the thread between a customer and a profile.
//!
//! Owns who takes part, the two sequences, exactly-once, who may post what, and what is unread.
//! Must not know other conversations, actors or storage.

mod apply;
mod clients;
mod command;
mod decide;
mod entry;
mod own;
mod served;
mod serving;
mod state;
#[cfg(test)]
mod tests;
mod unread;

pub use apply::answer_of;
pub use clients::{ANSWERS_MAX, Answer, Client, Clients, INSTANCES_MAX, Known, Origin, PartyClients};
pub use command::{Action, Command, Context, Decision, Doors, OwnAction, Policy, Rejection, Service};
pub use decide::{admit, decide};
pub use entry::{Audience, Entry, Event, Place, Seen, What};
pub use own::{deadline, decide_own};
pub use served::Served;
pub use state::{AGENTS_MAX, Conversation, Floor};
pub use unread::{Received, Side, UNREAD_MAX, Unread};
