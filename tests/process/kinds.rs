//! Every kind of message that people send, and how far it has come.
//!
//! Owns the proof that each arrives as it was sent, live and later, that what is not theirs to send is
//! refused with its number, and that the other side learns what was received. Must not know how messages
//! are stored.

use switchboard_client::vocabulary::{
    Button, Content, Few, Label, Latitude, Link, Location, Longitude, Media, MediaKind, MessageText, Payload,
    PlaceName, Seq,
};
use switchboard_client::wire::{ErrorCode, Event, EventKind};
use switchboard_client::{ClientError, Following, Update};

use crate::daemon::Daemon;
use crate::people::{self, stored};
use crate::wait::in_time;

#[tokio::test]
async fn each_kind_arrives_as_it_was_sent_and_the_sender_learns_what_was_received() {
    let daemon = Daemon::running().await;
    let (carla, ada) = (people::customer(&daemon, "carla").await, people::agent(&daemon, 0).await);
    let conversation = carla.open().await.unwrap();
    ada.take(conversation).await.unwrap();
    let mut at_carla = carla.follow(conversation, Seq::ZERO).await.unwrap();
    let mut at_ada = ada.follow(conversation, Seq::ZERO).await.unwrap();
    let mut last = Seq::ZERO;
    for content in kinds() {
        let said = EventKind::message(content.clone());
        for client in [&carla, &ada] {
            client.post(conversation, content.clone()).await.unwrap();
            // Each is waited for on both sides; one that arrived as something else never comes.
            next(&mut at_carla, &said).await;
            last = next(&mut at_ada, &said).await.seq;
        }
    }
    let kept: Vec<_> = stored(&ada, conversation).await.into_iter().map(|event| event.what).collect();
    let sent: Vec<_> =
        kinds().map(EventKind::message).into_iter().flat_map(|said| [said.clone(), said]).collect();
    assert!(kept.ends_with(&sent), "{kept:?}");

    carla.received(conversation, at_carla.last()).await.unwrap();
    let received = async {
        loop {
            if let Update::Cursors(cursors) = at_ada.next().await.unwrap().unwrap()
                && cursors.customer_received == last
            {
                break cursors;
            }
        }
    };
    assert!(in_time("delivery", received).await.customer_read < last, "received, and not read yet");
    drop((at_carla, at_ada));
    for client in [carla, ada] {
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_only_the_bot_sends_is_refused_with_its_number() {
    let daemon = Daemon::running().await;
    let carla = people::customer(&daemon, "carla").await;
    let conversation = carla.open().await.unwrap();
    let button =
        Button::Postback { label: Label::new("Yes").unwrap(), payload: Payload::new("yes").unwrap() };
    let (text, buttons) = (MessageText::new("Well?").unwrap(), Few::new(vec![button]).unwrap());
    let refused = carla.post(conversation, Content::Text { text, buttons }).await;
    let Err(ClientError::Rejected(error)) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (error.code(), error.sentence.as_str()),
        (Some(ErrorCode::OnlyBot), "content: only the bot sends buttons")
    );
    carla.close().await.unwrap();
}

/// One of each kind that people send.
fn kinds() -> [Content; 6] {
    let media = |kind, uri| Content::Media(Media::new(kind, Link::new(uri).unwrap()).unwrap());
    [
        Content::text(MessageText::new("{}").unwrap()),
        media(MediaKind::Image, "https://example.com/tea.png"),
        media(MediaKind::Video, "https://example.com/tea.mp4"),
        media(MediaKind::Audio, "https://example.com/tea.ogg"),
        media(MediaKind::Link, "tel:+82-2-123-4567"),
        Content::Location(Location {
            title: Some(PlaceName::new("시청").unwrap()),
            latitude: Latitude::new(37.5665).unwrap(),
            longitude: Longitude::new(126.978).unwrap(),
        }),
    ]
}

/// The next event that is this.
async fn next(following: &mut Following, wanted: &EventKind) -> Event {
    let found = async {
        loop {
            match following.next().await.unwrap().unwrap() {
                Update::Event(event) if event.what == *wanted => return event,
                Update::Event(_) | Update::Cursors(_) | Update::CaughtUp(_) | Update::Typing(_) => {}
            }
        }
    };
    in_time("event", found).await
}
