//! The engine's choreography as plain state machines.
//!
//! Owns what must hold however messages between the parts are delayed, reordered or lost. Must not
//! know ractor, tokio, sled, quinn, threads or clocks: the shells carry the messages, and the
//! simulator in `simulator/` carries them in every order it can think of.
//!
//! - `commit`: append → ticket; fencing by incarnation, revision and term.
//! - [`live`]: a conversation that is awake: decide, append, and reveal only what is durable.
//! - [`ledger`]: the settings of a workspace: the same for what is decided there.
//! - [`dispatch`]: who serves what, without races; [`alarms`]: one time for each thing.
//! - [`desk`]: both together: when it is looked again, and what is told to which conversation.
//! - [`feed`]: the reading side of a subscription: catch up from the journal, then live.
//! - [`outbox`]: what waits for a subscription's reader, in its order and bounded.
//! - [`views`]: the windows that desks look at, and what is told of them.
//! - [`residence`]: which conversations of a workspace are awake; sleep and wake.
//! - [`route`]: a session's way to a conversation: in order, resent when the conversation dies.
//! - [`openings`]: which conversation is a customer's, also after one has ended.
//! - [`places`]: one session to a client program, one place to a member; who makes room for whom.
//! - [`attendance`]: when somebody comes and goes; leases, and the evidence that renews them.
//! - [`room`]: a disk that gets full: who is held, and what becomes of the reserve.
//! - [`budget`]: so many times in so long, for restarts and for ephemera.
//! - [`planted`]: known mistakes that the simulator must find.

pub mod alarms;
pub mod attendance;
pub mod budget;
pub mod commit;
pub mod desk;
pub mod dispatch;
pub mod feed;
pub mod ledger;
pub mod lines;
pub mod live;
pub mod openings;
pub mod outbox;
pub mod places;
pub mod planted;
pub mod residence;
#[cfg(test)]
mod restarts;
pub mod room;
pub mod route;
pub mod tally;
pub mod views;
