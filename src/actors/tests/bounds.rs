//! What a client may ask for, however it asks.
//!
//! Owns credits, numbers that are given twice, and subscriptions that nobody reads.

use super::*;
use crate::limits;

#[tokio::test]
async fn questions_of_one_number_are_all_answered_and_give_back_their_credits() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    for _ in 0..3 {
        ada.ask_as(7, Asked::List { wish: Wish::ALL, cursor: None, limit: 10 });
    }
    for _ in 0..3 {
        assert!(matches!(ada.answer().await, Some(Ok(Answered::List(_)))));
    }
    assert_eq!(ada.credits.available_permits(), CREDITS);
    let mut minji = house.connect(customer("minji")).await;
    for counter in 1..=3 {
        minji.ask_as(7, Asked::Open { counter });
    }
    for _ in 0..3 {
        assert!(matches!(minji.answer().await, Some(Ok(Answered::Opened(_)))));
    }
    assert_eq!(minji.credits.available_permits(), CREDITS);
    house.stop().await;
}

#[tokio::test]
async fn a_credit_comes_back_when_the_answer_is_taken_and_not_before() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    for _ in 0..5 {
        ada.ask(Asked::Latency);
    }
    soon(async {
        while ada.out.len() < 5 {
            tokio::task::yield_now().await
        }
    })
    .await;
    assert_eq!(ada.credits.available_permits(), CREDITS - 5, "the answers wait");
    for left in (0..5).rev() {
        assert!(matches!(ada.answer().await, Some(Ok(Answered::Latency(_)))));
        assert_eq!(ada.credits.available_permits(), CREDITS - left);
    }
    house.stop().await;
}

#[tokio::test]
async fn a_number_that_is_used_again_belongs_to_the_later_subscription() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let earlier = minji.follow(1, conversation, 0).await;
    minji.ask(Asked::Unfollow { subscription: 1 });
    assert!(matches!(minji.answer().await, Some(Ok(Answered::Unfollowed))));
    let mut later = minji.follow(1, conversation, 0).await;

    minji.session.tell(SessionMsg::SubscriptionEnded(earlier.lane));

    minji.ask(Asked::Follow { subscription: 1, conversation, after: Seq::ZERO });
    assert!(matches!(minji.answer().await, Some(Err(Refusal::SubscriptionInUse(1)))), "it goes on");
    minji.posted(conversation, 2).await;
    assert_eq!(later.messages(1).await, [(2, "2".to_owned())]);
    house.stop().await;
}

#[tokio::test]
async fn a_subscription_that_is_ended_before_it_began_leaves_nothing_behind() {
    let house = House::start(Duration::from_millis(50)).await;
    let (minji, conversation) = house.customer("minji").await;
    drop(minji);
    let mut again = house.connect(customer("minji")).await;
    // The way is not known yet when the second comes.
    again.ask(Asked::Follow { subscription: 1, conversation, after: Seq::ZERO });
    again.ask(Asked::Unfollow { subscription: 1 });
    assert!(matches!(again.answer().await, Some(Ok(Answered::Unfollowed))));
    assert!(matches!(again.answer().await, Some(Err(Refusal::NoSuchSubscription(1)))));
    let way = house.way_to(conversation).await;
    way.0.wait(Some(SOON)).await.unwrap();
    house.stop().await;
}

#[tokio::test]
async fn subscriptions_that_nobody_wants_count_until_their_tasks_have_let_go() {
    let house = House::start(NO_SLEEP).await;
    let (mut minji, conversation) = house.customer("minji").await;
    let mut stuck = Vec::new();
    for number in 0..limits::LANES_MAX as u32 {
        stuck.push(minji.follow(number, conversation, 0).await);
        minji.ask(Asked::Unfollow { subscription: number });
        assert!(matches!(minji.answer().await, Some(Ok(Answered::Unfollowed))));
    }
    minji.ask(Asked::Follow { subscription: 99, conversation, after: Seq::ZERO });
    assert!(matches!(minji.answer().await, Some(Err(Refusal::TooManySubscriptions))));
    soon(stuck[0].from.outlet().abandoned()).await;
    stuck.pop();
    minji.follow(99, conversation, 0).await;
    house.stop().await;
}

#[tokio::test]
async fn a_session_follows_one_desk() {
    let house = House::start(NO_SLEEP).await;
    let mut ada = house.ada().await;
    ada.ask(desk_of_all(1));
    let Some(Ok(Answered::FollowingDesk(_, desk))) = ada.answer().await else { panic!("not following") };
    ada.ask(desk_of_all(2));
    assert!(matches!(ada.answer().await, Some(Err(Refusal::SubscriptionInUse(1)))));
    ada.ask(Asked::Unfollow { subscription: 1 });
    assert!(matches!(ada.answer().await, Some(Ok(Answered::Unfollowed))));
    soon(desk.outlet().abandoned()).await;
    ada.ask(desk_of_all(2));
    assert!(matches!(ada.answer().await, Some(Ok(Answered::FollowingDesk(..)))));
    house.stop().await;
}
