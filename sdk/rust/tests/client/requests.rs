//! Requests: each is carried out once, in order, and answered.
//!
//! Owns what the peer must receive whatever the connection does. Must not know the client's insides.

use switchboard_client::ClientError;
use switchboard_client::vocabulary::Seq;
use switchboard_client::wire::{CloseCode, ErrorBody, ErrorCode, ListFilter, Op, ReplyBody, ServerLimits};

use crate::peer::{Peer, content, conversation, instance_id, session_id};
use crate::{connect, poll_once, run};

#[test]
fn what_a_lost_connection_left_unanswered_is_sent_again_with_the_same_counters_before_newer_requests() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let posts = [
            client.begin_post(conversation(1), content("one")).await.unwrap(),
            client.begin_post(conversation(1), content("two")).await.unwrap(),
        ];
        let listing = tokio::spawn({
            let client = client.clone();
            async move { client.list(ListFilter::default(), None, 10).await }
        });
        let mut sent = Vec::new();
        for _ in 0..3 {
            let request = first.request().await;
            sent.push((request.n, request.op));
        }
        assert_eq!(sent.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [Some(1), Some(2), None]);
        first.close(CloseCode::Fault);

        let mut second = peer.welcome(2).await;
        assert_eq!(second.hello.instance, Some(instance_id(1)));
        assert_eq!(second.hello.resume, Some(session_id(1)));
        let third = client.begin_post(conversation(1), content("three")).await.unwrap();
        let mut ids = Vec::new();
        for wanted in sent {
            let request = second.request().await;
            assert_eq!((request.n, request.op), wanted);
            ids.push(request.id);
        }
        let newer = second.request().await;
        assert_eq!(newer.n, Some(3));

        // Answers may come in any order.
        second.accept(newer.id, 13).await;
        second.accept(ids[1], 12).await;
        second.reply(ids[0], ReplyBody::AlreadyAccepted).await;
        second.reply(ids[2], ReplyBody::Conversations { rows: Vec::new(), next: None, position: 77 }).await;
        let [one, two] = posts;
        assert_eq!(one.await.unwrap().seq, None);
        assert_eq!(two.await.unwrap().seq.unwrap().get(), 12);
        assert_eq!(third.await.unwrap().seq.unwrap().get(), 13);
        assert_eq!(listing.await.unwrap().unwrap().position, 77);
    });
}

#[test]
fn a_request_that_a_stopping_engine_refused_is_carried_out_by_the_next() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        let request = first.request().await;
        first.refuse(request.id, ErrorBody::new(ErrorCode::Stopping, "stopping")).await;
        first.goodbye(CloseCode::GoingAway, Some(0)).await;
        let mut second = peer.welcome(2).await;
        let again = second.request().await;
        assert_eq!((again.n, &again.op), (Some(1), &request.op));
        second.accept(again.id, 1).await;
        post.await.unwrap();
    });
}

#[test]
fn the_window_makes_later_posts_wait_in_their_order() {
    run(async {
        let peer = Peer::new();
        let limits = ServerLimits { unanswered_requests_max: 4, ..ServerLimits::default() };
        let (client, mut visit) = tokio::join!(switchboard_client::Client::connect(peer.options()), async {
            let mut visit = peer.visit().await;
            visit.welcome(1, limits).await;
            visit
        });
        let client = client.unwrap();
        assert_eq!(client.limits(), limits);
        let mut pending = Vec::new();
        for at in 0..4 {
            pending.push(client.begin_post(conversation(1), content(&format!("{at}"))).await.unwrap());
        }
        let full = client.try_begin_post(conversation(1), content("no")).unwrap_err();
        assert!(matches!(full, ClientError::WindowFull(_)) && full.is_retryable(), "{full}");
        // Whoever waits is polled once, in order, so that the order of the calls is known.
        let mut waiting = Vec::new();
        for at in 4..12 {
            let client = client.clone();
            let mut post =
                Box::pin(async move { client.begin_post(conversation(1), content(&format!("{at}"))).await });
            assert!(poll_once(post.as_mut()).await.is_pending());
            waiting.push(tokio::spawn(post));
        }
        for at in 0..12_u64 {
            let request = visit.request().await;
            assert_eq!(request.n, Some(at + 1));
            let Op::Post { content: said, .. } = request.op else { panic!("{request:?}") };
            assert_eq!(said, content(&format!("{at}")));
            visit.accept(request.id, at + 1).await;
        }
        for (at, post) in pending.into_iter().enumerate() {
            assert_eq!(post.await.unwrap().seq.unwrap().get(), at as u64 + 1);
        }
        for post in waiting {
            post.await.unwrap().unwrap().await.unwrap();
        }
    });
}

#[test]
fn a_subscription_comes_before_posts_that_wait_for_the_window() {
    run(async {
        let peer = Peer::new();
        let limits = ServerLimits { unanswered_requests_max: 2, ..ServerLimits::default() };
        let (client, mut visit) = tokio::join!(switchboard_client::Client::connect(peer.options()), async {
            let mut visit = peer.visit().await;
            visit.welcome(1, limits).await;
            visit
        });
        let client = client.unwrap();
        let one = client.begin_post(conversation(1), content("one")).await.unwrap();
        let two = client.begin_post(conversation(1), content("two")).await.unwrap();
        let mut following = Box::pin(client.follow(conversation(1), Seq::ZERO));
        assert!(poll_once(following.as_mut()).await.is_pending());
        let mut third = Box::pin(client.begin_post(conversation(1), content("three")));
        assert!(poll_once(third.as_mut()).await.is_pending());

        let ids = [visit.request().await.id, visit.request().await.id];
        visit.accept(ids[0], 1).await;
        visit.subscribed().await;
        let _following = following.await.unwrap();
        let (third, request) = tokio::join!(third, visit.request());
        assert_eq!(request.n, Some(3));
        visit.accept(ids[1], 2).await;
        visit.accept(request.id, 3).await;
        for post in [one, two, third.unwrap()] {
            post.await.unwrap();
        }
    });
}

#[test]
fn a_refusal_reaches_whoever_asked_and_nobody_else() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let refused = client.begin_post(conversation(1), content("one")).await.unwrap();
        let accepted = client.begin_post(conversation(1), content("two")).await.unwrap();
        let error = ErrorBody::new(ErrorCode::NotEntered, "enter first");
        let (one, two) = (visit.request().await, visit.request().await);
        visit.refuse(one.id, error.clone()).await;
        visit.accept(two.id, 1).await;
        assert_eq!(refused.await, Err(ClientError::Rejected(error)));
        assert!(accepted.await.is_ok());
    });
}

#[test]
fn an_answer_of_another_kind_is_an_error() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (opened, ()) = tokio::join!(client.open(), async {
            let request = visit.request().await;
            assert_eq!(request.op, Op::Open);
            visit.reply(request.id, ReplyBody::Latency { stages: Vec::new() }).await;
        });
        assert_eq!(opened, Err(ClientError::WrongAnswer("latency")));
    });
}

#[test]
fn an_answer_that_nothing_waits_for_starts_a_new_session() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        visit.accept(99, 1).await;
        let _second = peer.welcome(2).await;
        drop(client);
    });
}

#[test]
fn close_waits_for_answers_and_refuses_what_comes_later() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let other = client.clone();
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        let closing = tokio::spawn(client.close());
        let request = visit.request().await;
        let mut refused = other.try_begin_post(conversation(1), content("late"));
        while refused.is_ok() {
            // The spawned close has not been polled yet: what got through is answered, too.
            let late = visit.request().await;
            visit.accept(late.id, 2).await;
            refused = other.try_begin_post(conversation(1), content("late"));
        }
        assert!(matches!(refused, Err(ClientError::Closed(_))));
        visit.accept(request.id, 1).await;
        visit.gone().await;
        closing.await.unwrap().unwrap();
        assert!(post.await.is_ok());
    });
}

#[test]
fn close_says_what_stayed_unanswered() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        visit.request().await;
        let closing = tokio::spawn(client.close());
        visit.close(CloseCode::Replaced);
        assert!(matches!(post.await, Err(ClientError::Closed(_))));
        assert_eq!(closing.await.unwrap(), Err(ClientError::Unanswered(1)));
    });
}

#[test]
fn the_last_dropped_handle_says_goodbye_after_the_answers() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let post = client.begin_post(conversation(1), content("one")).await.unwrap();
        drop(client.clone());
        drop(client);
        let request = visit.request().await;
        visit.accept(request.id, 1).await;
        visit.gone().await;
        assert!(post.await.is_ok());
    });
}
