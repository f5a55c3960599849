//! Subscription streams: one task each, from a subscription's outbox to its stream.
//!
//! Owns the packing of what waits into one write, and the measuring of when it was written. A stream
//! that its client does not read stops here, and nothing else does. Must not know how a subscription
//! catches up.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quinn::{Connection, SendStream, VarInt};
use serde::Serialize;
use switchboard_protocol::wire::{ErrorBody, ErrorCode, SubscriptionHead, encode, encode_frame};

use super::wire;
use crate::actors::desk::DeskOutlet;
use crate::actors::session::{DeskFollowing, Lane, SessionHandle, SessionMsg};
use crate::actors::subscription::{Delivery, Subscription};
use crate::limits;
use crate::stats::{Latency, Stage};

/// Writes a conversation's subscription to a stream of its own until one side ends it.
pub(super) async fn conversation(
    connection: Connection,
    lane: Lane,
    mut subscription: Box<Subscription>,
    session: SessionHandle,
    latency: Latency,
) {
    let outlet = Arc::clone(subscription.outlet());
    let writing = async {
        // A stream that cannot be written has no reader; nothing is left to say to it.
        if let Ok(writing) = Writing::begin(connection, lane, latency).await {
            let _ = writing.conversation(&mut subscription).await;
        }
    };
    tokio::select! {
        biased;
        () = writing => {}
        () = outlet.abandoned() => {}
    }
    drop(subscription);
    session.tell(SessionMsg::SubscriptionEnded(lane));
}

/// Writes the desk's subscription to a stream of its own until one side ends it.
pub(super) async fn desk(
    connection: Connection,
    lane: Lane,
    following: DeskFollowing,
    session: SessionHandle,
    latency: Latency,
) {
    let outlet = Arc::clone(following.outlet());
    let writing = async {
        if let Ok(writing) = Writing::begin(connection, lane, latency).await {
            let _ = writing.desk(&outlet).await;
        }
    };
    tokio::select! {
        biased;
        () = writing => {}
        () = outlet.abandoned() => {}
    }
    drop(following);
    session.tell(SessionMsg::SubscriptionEnded(lane));
}

struct Writing {
    connection: Connection,
    stream: SendStream,
    batch: Batch,
    latency: Latency,
    /// Everything that was to be said has been.
    finished: bool,
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    chunks: Vec<Bytes>,
    bytes: usize,
    arrived: Vec<Instant>,
}

/// The stream is over.
struct Over;

impl Writing {
    async fn begin(connection: Connection, lane: Lane, latency: Latency) -> Result<Self, Over> {
        // Waits while the client allows no more streams.
        let stream = connection.open_uni().await.map_err(|_| Over)?;
        let mut writing = Self { connection, stream, batch: Batch::default(), latency, finished: false };
        writing.frame(&SubscriptionHead { subscription: lane.number });
        writing.write().await.map(|()| writing)
    }

    async fn conversation(mut self, subscription: &mut Subscription) -> Result<(), Over> {
        loop {
            let mut next = Some(self.next(subscription).await?);
            while let Some(delivery) = next {
                if !self.deliver(subscription, delivery) {
                    return self.end().await;
                }
                next =
                    if self.batch.bytes < limits::FRAME_BYTES_MAX { subscription.try_next() } else { None };
            }
            self.write().await?;
        }
    }

    /// The next delivery, or the news that the client reads no more.
    async fn next(&mut self, subscription: &mut Subscription) -> Result<Delivery, Over> {
        let stopped = self.stream.stopped();
        tokio::select! {
            biased;
            delivery = subscription.next() => Ok(delivery),
            _ = stopped => Err(Over),
        }
    }

    /// Puts a delivery into the batch. `false`: the subscription has ended.
    fn deliver(&mut self, subscription: &mut Subscription, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Entry(entry, stamp) => match wire::entry(subscription, &entry, stamp.as_ref()) {
                Ok(frames) => {
                    self.batch.arrived.extend(stamp.map(|stamp| stamp.arrived));
                    self.push(frames);
                }
                Err(gap) => {
                    tracing::error!(conversation = %subscription.conversation(), %gap, "a subscription has a gap");
                    self.last("events were missed; subscribe again after the last one");
                    return false;
                }
            },
            Delivery::CaughtUp(seq) => self.frame(&wire::caught_up(seq)),
            Delivery::Cursors(cursors) => self.frame(&wire::cursors(cursors)),
            Delivery::Typing(typing) => {
                if let Ok(datagram) = encode(&wire::typing_for(subscription, &typing)) {
                    // Ephemera may be lost.
                    let _ = self.connection.send_datagram(datagram);
                }
            }
            Delivery::Ended => {
                self.last("the subscription has ended; subscribe again after the last event");
                return false;
            }
        }
        true
    }

    fn last(&mut self, sentence: &str) {
        self.frame(&wire::conversation_ended(ErrorBody::new(ErrorCode::Resubscribe, sentence)));
    }

    async fn desk(mut self, outlet: &DeskOutlet) -> Result<(), Over> {
        loop {
            let stopped = self.stream.stopped();
            let mut next = tokio::select! {
                biased;
                item = outlet.next() => Some(item),
                _ = stopped => return Err(Over),
            };
            while let Some(item) = next {
                let Some(bytes) = wire::desk_item(item) else {
                    self.frame(&wire::desk_ended());
                    return self.end().await;
                };
                self.push(bytes);
                next = if self.batch.bytes < limits::FRAME_BYTES_MAX { outlet.try_next() } else { None };
            }
            self.write().await?;
        }
    }

    fn frame(&mut self, frame: &impl Serialize) {
        match encode_frame(frame) {
            Ok(frame) => self.push(frame),
            Err(error) => tracing::error!(%error, "a frame could not be encoded"),
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.batch.bytes += bytes.len();
        self.batch.chunks.push(bytes);
    }

    async fn write(&mut self) -> Result<(), Over> {
        self.stream.write_all_chunks(&mut self.batch.chunks).await.map_err(|_| Over)?;
        for arrived in self.batch.arrived.drain(..) {
            self.latency.record(Stage::Written, arrived.elapsed());
        }
        self.batch.chunks.clear();
        self.batch.bytes = 0;
        Ok(())
    }

    async fn end(mut self) -> Result<(), Over> {
        self.write().await?;
        self.finished = self.stream.finish().is_ok();
        Ok(())
    }
}

impl Drop for Writing {
    /// What nobody reads is not kept for it.
    fn drop(&mut self) {
        if !self.finished {
            // One that is over already needs no end.
            let _ = self.stream.reset(VarInt::from_u32(0));
        }
    }
}
