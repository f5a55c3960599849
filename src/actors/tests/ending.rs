//! What becomes of customers whose conversation has ended.
//!
//! Owns the way out of it: each gets one new conversation, however many of their clients ask, and whoever
//! sends into the old one is told.

use super::*;
use crate::domain::conversation::Rejection;
use crate::domain::listing::Filter;

async fn refused(client: &mut Client) -> Rejection {
    match client.answer().await {
        Some(Err(Refusal::Rejected(rejection))) => rejection,
        Some(Ok(_) | Err(_)) | None => panic!("not refused by a rule"),
    }
}

#[tokio::test]
async fn whoever_opens_after_the_end_gets_one_new_conversation() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, old) = house.customer("minji").await;
    let mut tab = house.connect(customer("minji")).await;
    assert_eq!(tab.open().await, Some(old));
    minji.send(old, 2, Action::End);
    minji.accepted().await;
    tab.post(old, 2);
    assert_eq!(refused(&mut tab).await, Rejection::Ended);

    minji.ask(Asked::Open { counter: 3 });
    tab.ask(Asked::Open { counter: 3 });
    let (Some(Ok(Answered::Opened(new))), Some(Ok(Answered::Opened(same)))) =
        (minji.answer().await, tab.answer().await)
    else {
        panic!("not opened")
    };
    assert!(new != old && same == new);
    assert_eq!(minji.posted(new, 4).await.place.unwrap().customer.get(), 2);
    let mut late = house.connect(customer("minji")).await;
    assert_eq!(late.open().await, Some(new));
    // It may end in its turn, also while the workspace still has it in mind.
    late.send(new, 2, Action::End);
    late.accepted().await;
    let newer = minji.open_as(5).await.unwrap();
    assert!(![old, new].contains(&newer));
    house.stop().await;
}

#[tokio::test]
async fn the_next_conversation_is_the_same_after_everything_was_asleep() {
    let house = House::start(Duration::from_millis(1)).await;
    let (mut minji, old) = house.customer("minji").await;
    minji.send(old, 2, Action::End);
    minji.accepted().await;
    house.way_to(old).await.0.wait(Some(SOON)).await.unwrap();
    let new = minji.open_as(3).await.unwrap();
    assert_ne!(new, old);
    house.way_to(new).await.0.wait(Some(SOON)).await.unwrap();
    let mut late = house.connect(customer("minji")).await;
    assert_eq!(late.open().await, Some(new));
    house.stop().await;
}

#[tokio::test]
async fn the_list_shows_the_end_and_the_new_conversation_above_it() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, old) = house.customer("minji").await;
    minji.send(old, 2, Action::End);
    minji.accepted().await;
    let new = minji.open_as(3).await.unwrap();
    let page =
        house.journal.list(WORKSPACE, Filter::new(Wish::ALL, [(PROFILE, None)]), None, 10).await.unwrap();
    let rows: Vec<_> = page.rows.iter().map(|row| (row.conversation, row.ended)).collect();
    assert!(rows == [(new, false), (old, true)] || rows == [(old, true), (new, false)], "{rows:?}");
    house.stop().await;
}
