//! Which conversations sleep, and what they know when they wake.
//!
//! Owns the handshake of falling asleep as the actors carry it out.

use super::*;
use crate::domain::conversation::Rejection;

/// As short as can be: whatever may sleep does so at once.
const AT_ONCE: Duration = Duration::from_millis(1);

#[tokio::test]
async fn an_idle_conversation_stops_and_a_command_wakes_it_with_its_state_intact() {
    let house = House::start(AT_ONCE).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let mut ada = house.ada().await;
    ada.send(conversation, 1, take());
    ada.accepted().await;
    for counter in 2..10 {
        let way = house.way_to(conversation).await;
        way.0.wait(Some(SOON)).await.unwrap();
        let answer = minji.posted(conversation, counter).await;
        assert_eq!(answer.revision, counter + 1);
        assert_eq!(answer.place.unwrap().customer.get(), counter);
        house.way_to(conversation).await.0.wait(Some(SOON)).await.unwrap();
        assert_eq!(minji.posted(conversation, counter).await, answer, "it remembers what it has answered");
    }
    house.way_to(conversation).await.0.wait(Some(SOON)).await.unwrap();
    ada.send(conversation, 2, Action::Post { content: text("Still here") });
    assert_eq!(ada.accepted().await.revision, 11, "who has entered is inside after the sleep");
    house.stop().await;
}

#[tokio::test]
async fn a_command_that_changed_nothing_is_remembered_over_a_sleep_and_changes_nothing_later() {
    let house = House::start(AT_ONCE).await;
    let (_minji, conversation) = house.customer("minji").await;
    let mut ada = house.ada().await;
    let mut answers = Vec::new();
    for (counter, action) in [(1, take()), (2, Action::Join), (3, Action::Leave)] {
        ada.send(conversation, counter, action);
        answers.push(ada.accepted().await);
    }
    assert_eq!(answers[1].place, None, "it became no event");
    house.way_to(conversation).await.0.wait(Some(SOON)).await.unwrap();
    ada.send(conversation, 2, Action::Join);
    assert_eq!(ada.accepted().await, answers[1]);
    ada.post(conversation, 4);
    let Some(Err(Refusal::Rejected(outside))) = ada.answer().await else { panic!("not refused") };
    assert_eq!(outside, Rejection::NotEntered { action: "post" });
    house.stop().await;
}

#[tokio::test]
async fn a_subscriber_keeps_a_conversation_awake() {
    let house = House::start(AT_ONCE).await;
    let (mut minji, followed) = house.customer("minji").await;
    let (_jisoo, other) = house.customer("jisoo").await;
    let mut follower = minji.follow(1, followed, 0).await;
    let way = house.way_to(followed).await;
    for counter in 2..6 {
        house.way_to(other).await.0.wait(Some(SOON)).await.unwrap();
        minji.posted(followed, counter).await;
        assert_eq!(follower.messages(1).await, [(counter, counter.to_string())]);
        assert_eq!(house.way_to(followed).await, way, "the other one sleeps, this one does not");
    }
    drop(follower);
    way.0.wait(Some(SOON)).await.unwrap();
    house.stop().await;
}

#[tokio::test]
async fn commands_that_meet_a_conversation_on_its_way_to_bed_are_not_lost() {
    let house = House::start(AT_ONCE).await;
    let (mut minji, conversation) = house.customer("minji").await;
    for counter in 2..300 {
        assert_eq!(minji.posted(conversation, counter).await.revision, counter);
        if counter % 3 == 0 {
            house.way_to(conversation).await;
        }
    }
    let all: Vec<_> = (2..300).map(|counter| (counter, counter.to_string())).collect();
    assert_eq!(minji.follow(1, conversation, 0).await.messages(all.len()).await, all);
    house.stop().await;
}
