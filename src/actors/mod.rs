//! Mailboxes around the domain, and the tree that supervises them.
//!
//! Owns who is whose child, what a failure means, and the carrying of messages. Must not know sockets
//! or the wire (clients are behind a [`session`]'s outbox), nor rules: those are the domain's and the
//! machines'.
//!
//! ```text
//! engine
//! ├─ directory                  who owns which workspace; who a credential proves
//! │  └─ workspace ×W            which conversations are awake; the desk
//! │     ├─ agent ×A             the sessions of a member
//! │     └─ conversation ×C      one per conversation that is awake
//! └─ listener
//!    └─ session ×S              one per connection
//! ```

pub mod agent;
pub mod conversation;
pub mod desk;
pub mod directory;
pub mod engine;
pub mod errand;
pub mod listener;
pub mod outlet;
pub mod session;
pub mod subscription;
#[cfg(all(test, feature = "planted-bugs"))]
mod tests;
pub mod workspace;
