//! A conversation: the thread between a customer and a profile.
//!
//! Owns who takes part, the two sequences, exactly-once, who may post what, and what is unread.
//! Must not know other conversations, actors or storage.

mod answer;
mod apply;
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

pub use crate::domain::clients::{ANSWERS_MAX, INSTANCES_MAX, Origin};
pub use answer::{Answer, Client, Clients, Known, PartyClients};
pub use apply::answer_of;
pub use command::{
    Action, Command, Context, Decision, Doors, OwnAction, Policy, Present, Rejection, Service,
};
pub use decide::{admit, asked_in_vain_by_a_looker, asks_for_doors, decide};
pub use entry::{Audience, Entry, Event, Place, Seen, What};
pub use own::{deadline, decide_own, reply};
pub use served::{BotPlace, Served};
pub use state::{AGENTS_MAX, Conversation, Floor};
pub use unread::{Received, Side, UNREAD_MAX, Unread};
