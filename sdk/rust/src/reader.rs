//! The reader of one subscription stream.
//!
//! Owns a task for as long as its stream lives: it reads no further than its user's queue has room,
//! so that a slow user is felt by the sender of that stream and by nobody else. Must not know how
//! subscriptions are asked for.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::wire::{CodecError, SubscriptionHead, decode};

use crate::ambient::random_u64;
use crate::shared::Shared;
use crate::subscription::{Frame, Reading, Subscription};
use crate::transport::Receiving;

/// Reads a stream that the server has opened until either side gives it up. Dropping the stream
/// tells the server to stop.
pub(crate) async fn read(shared: Arc<Shared>, mut stream: Receiving) {
    let head = tokio::time::timeout(HEAD_WAIT, head(&mut stream)).await;
    let Ok(Some(number)) = head else {
        tracing::debug!("a stream that does not say what it carries is given up");
        return;
    };
    let Some(subscription) = shared.carried(number) else { return };
    let Some(stopped) = subscription.opened(number, shared.now()) else { return };
    tokio::select! {
        biased;
        _ = stopped => return,
        () = pump(&shared, &subscription, number, &mut stream) => {}
    }
    subscription.wake_user();
    shared.attend();
}

async fn head(stream: &mut Receiving) -> Option<u32> {
    loop {
        match stream.next_frame() {
            Ok(Some(body)) => return decode::<SubscriptionHead>(&body).ok().map(|head| head.subscription),
            Ok(None) => {}
            Err(_) => return None,
        }
        if !matches!(stream.fill().await, Ok(true)) {
            return None;
        }
    }
}

/// Reads until the stream is of no more use.
async fn pump(shared: &Shared, subscription: &Subscription, number: u32, stream: &mut Receiving) {
    // Needed once at the most: where it is used, the stream ends.
    let random = random_u64();
    loop {
        let now = shared.now();
        loop {
            let body = match stream.next_frame() {
                Ok(Some(body)) => body,
                Ok(None) => break,
                Err(error) => return subscription.garbled(number, error.to_string(), now, random),
            };
            let frame = match frame(subscription, &body) {
                Ok(frame) => frame,
                Err(error) => return subscription.garbled(number, error.to_string(), now, random),
            };
            subscription.room(body.len()).await;
            if subscription.take(number, frame, body.len(), now, random) == Reading::Stop {
                return;
            }
        }
        subscription.wake_user();
        match stream.fill().await {
            Ok(true) => {}
            Ok(false) | Err(_) => return subscription.cut(number, shared.now(), random),
        }
    }
}

fn frame(subscription: &Subscription, body: &Bytes) -> Result<Frame, CodecError> {
    match subscription.conversation() {
        Some(_) => decode(body).map(Frame::Conversation),
        None => decode(body).map(Frame::Desk),
    }
}

/// How long a stream may take to say which subscription it carries.
const HEAD_WAIT: Duration = Duration::from_secs(10);
