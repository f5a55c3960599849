//! The receiving end: what one client is told of its conversation.
//!
//! Owns the checks of every event: that it follows on the one before, and that each message is whole, in
//! its turn and not a repeat. Must not know how messages are sent.

use std::sync::Arc;

use switchboard_client::vocabulary::Seq;
use switchboard_client::wire::{Event, EventKind};
use switchboard_client::{Following, Update};

use crate::clock;
use crate::order::Order;
use crate::payload::{Payload, Side};
use crate::tally::Tally;

/// What one end has received of both.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) pair: usize,
    /// Of the customer, and of the agent.
    pub(crate) orders: [Order; 2],
}

/// Which end of which pair, and what it expects.
pub(crate) struct Receiver {
    pub(crate) pair: usize,
    pub(crate) side: Side,
    /// What messages were made for.
    pub(crate) bytes: usize,
    pub(crate) tally: Arc<Tally>,
}

impl Receiver {
    /// Receives until the client ends.
    pub(crate) async fn run(self, mut following: Following) -> Received {
        let mut received = Received { pair: self.pair, orders: Default::default() };
        let mut last = following.last();
        while let Some(update) = following.next().await {
            match update {
                Ok(Update::Event(event)) => self.event(&event, &mut last, &mut received),
                Ok(Update::Cursors(_) | Update::CaughtUp(_) | Update::Typing(_)) => {}
                Err(error) => self.tally.spoiled(error.to_string()),
            }
        }
        received
    }

    fn event(&self, event: &Event, last: &mut Seq, received: &mut Received) {
        let now = clock::now();
        if event.seq != last.next() {
            self.tally.spoiled(format!("event {} came after {last}", event.seq));
        }
        *last = event.seq;
        let EventKind::Message { content, .. } = &event.what else { return };
        match Payload::read(content, self.bytes) {
            Some(payload) if payload.pair == self.pair => {
                let arrival = received.orders[payload.side.index()].take(payload.number);
                self.tally.arrived(&payload, arrival, payload.side != self.side, now);
            }
            Some(_) | None => self.tally.spoiled(format!("event {} is not as it was sent", event.seq)),
        }
    }
}
