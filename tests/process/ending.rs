//! A conversation ends, and its customer goes on in another one.
//!
//! Owns the proof that nobody sends into the void, also over a kill. Must not know how the engine finds the
//! next conversation.

use switchboard_client::ClientError;
use switchboard_client::vocabulary::Seq;
use switchboard_client::wire::{ErrorCode, EventKind};

use crate::daemon::Daemon;
use crate::people::{self, stored, text};
use crate::wait::in_time;

#[tokio::test]
async fn what_is_sent_into_the_end_is_refused_and_the_next_conversation_outlives_a_kill() {
    let mut daemon = Daemon::running().await;
    let (carla, ada) = (people::customer(&daemon, "carla").await, people::agent(&daemon, 0).await);
    let old = carla.open().await.unwrap();
    ada.take(old).await.unwrap();
    carla.end(old).await.unwrap();
    for client in [&carla, &ada] {
        let refused = client.post(old, text("anybody there?")).await;
        let Err(ClientError::Rejected(error)) = refused else { panic!("{refused:?}") };
        assert_eq!(error.code(), Some(ErrorCode::ConversationEnded));
        assert!(!error.retryable && error.sentence.contains("opening one begins a new one"), "{error}");
        let last = stored(client, old).await.pop().unwrap();
        assert_eq!(last.what, EventKind::Ended, "both sides see it");
    }
    let new = carla.open().await.unwrap();
    assert_ne!(new, old);
    let said = carla.post(new, text("again")).await.unwrap();
    daemon.kill();
    daemon.start().await;
    assert_eq!(in_time("open", carla.open()).await.unwrap(), new);
    assert_eq!(stored(&carla, new).await.last().map(|event| event.seq), said.seq);
    let mut following = carla.follow(old, Seq::ZERO).await.unwrap();
    assert!(in_time("first event", following.next()).await.unwrap().is_ok(), "it can still be read");
    drop(following);
    for client in [carla, ada] {
        client.close().await.unwrap();
    }
    daemon.stop().await;
}
