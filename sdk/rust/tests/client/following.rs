//! Subscriptions: each event once and in order, and nobody waits for a slow follower.
//!
//! Owns what a follower must see whatever the connection does. Must not know the client's insides.

use std::collections::BTreeMap;

use switchboard_client::vocabulary::Seq;
use switchboard_client::wire::{
    CloseCode, ConversationFrame, Cursors, DeskFrame, ErrorBody, ErrorCode, EventKind, Op, ReplyBody, Topic,
    encode_frame,
};
use switchboard_client::{Client, ClientError, Desk, DeskUpdate, Ending, Following, Update};

use crate::peer::{Peer, Stream, Visit, content, conversation, event, seq};
use crate::{connect, poll_once, run};

/// A following with its number and stream.
async fn follow(client: &Client, visit: &mut Visit, which: u8) -> (Following, u32, Stream) {
    let (following, (number, stream)) = tokio::join!(client.follow(conversation(which), Seq::ZERO), async {
        let (number, after) = visit.subscribed().await;
        assert_eq!(after, 0);
        (number, visit.stream(number).await)
    });
    (following.unwrap(), number, stream)
}

/// Takes events until one has this sequence; each must be the next.
async fn take_to(following: &mut Following, last: u64) {
    while following.last().get() < last {
        let wanted = following.last().next();
        match following.next().await.unwrap().unwrap() {
            Update::Event(event) => assert_eq!(event.seq, wanted),
            Update::Cursors(_) | Update::CaughtUp(_) | Update::Typing(_) => {}
        }
    }
}

/// Expects that a subscription is given back.
async fn unsubscribed(visit: &mut Visit, number: u32) {
    let request = visit.request().await;
    assert_eq!(request.op, Op::Unsubscribe { subscription: number });
    visit.reply(request.id, ReplyBody::Unsubscribed).await;
}

#[test]
fn repeats_are_dropped_and_a_gap_is_asked_for_again() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (mut following, number, mut stream) = follow(&client, &mut visit, 1).await;
        stream.events([1, 2, 2, 1, 3, 5, 6]).await;
        take_to(&mut following, 3).await;
        unsubscribed(&mut visit, number).await;
        let (again, after) = visit.subscribed().await;
        assert_eq!(after, 3);
        assert_ne!(again, number);
        let mut stream = visit.stream(again).await;
        stream.events([3, 4, 5, 6]).await;
        take_to(&mut following, 6).await;
    });
}

#[test]
fn a_stream_that_cannot_be_read_is_asked_for_again() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (mut following, number, mut stream) = follow(&client, &mut visit, 1).await;
        stream.events([1]).await;
        stream.0.write_chunk(bytes::Bytes::from_static(&[0, 0, 0, 2, 0xc1, 0xc1])).await.unwrap();
        unsubscribed(&mut visit, number).await;
        let (again, after) = visit.subscribed().await;
        assert_eq!(after, 1);
        // And so is one that ends without a word.
        let mut stream = visit.stream(again).await;
        stream.events([2]).await;
        stream.0.finish().unwrap();
        unsubscribed(&mut visit, again).await;
        let (last, after) = visit.subscribed().await;
        assert_eq!(after, 2);
        visit.stream(last).await.events([3]).await;
        take_to(&mut following, 3).await;
    });
}

#[test]
fn events_go_on_where_they_were_after_a_loss_of_the_connection() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let (mut one, _, mut stream) = follow(&client, &mut first, 1).await;
        let (mut two, _, _open) = follow(&client, &mut first, 2).await;
        stream.events(1..=5).await;
        take_to(&mut one, 5).await;
        first.close(CloseCode::GoingAway);

        let mut second = peer.welcome(2).await;
        let (again, after) = second.subscribed().await;
        let (other, after_other) = second.subscribed().await;
        assert_eq!((after, after_other), (5, 0));
        second.stream(again).await.events(4..=7).await;
        second.stream(other).await.events(1..=2).await;
        take_to(&mut one, 7).await;
        take_to(&mut two, 2).await;
    });
}

#[test]
fn a_slow_follower_holds_up_nobody_else_and_misses_nothing() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (mut slow, _, mut flooded) = follow(&client, &mut visit, 1).await;
        let (mut quick, _, mut stream) = follow(&client, &mut visit, 2).await;
        // Far more than the queue, the stream's window and the sender's own buffer hold: the sender
        // must come to a halt until the follower reads.
        const EVENTS: u64 = 40_000;
        let halted = tokio::sync::Notify::new();
        let flood = async {
            for at in 1..=EVENTS {
                let frame = encode_frame(&ConversationFrame::Event(event(at))).unwrap();
                let mut write = std::pin::pin!(flooded.0.write_all(&frame));
                if poll_once(write.as_mut()).await.is_pending() {
                    halted.notify_one();
                    write.await.unwrap();
                }
            }
            flooded
        };
        let others = async {
            halted.notified().await;
            let post = client.begin_post(conversation(2), content("quick")).await.unwrap();
            let request = visit.request().await;
            visit.accept(request.id, 1).await;
            post.await.unwrap();
            stream.events(1..=500).await;
            take_to(&mut quick, 500).await;
            assert_eq!(slow.last(), Seq::ZERO);
            take_to(&mut slow, EVENTS).await;
        };
        let (_flooded, ()) = tokio::join!(flood, others);
    });
}

#[test]
fn what_is_in_no_sequence_and_what_is_not_known_keep_their_places() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (mut following, _, mut stream) = follow(&client, &mut visit, 1).await;
        let mut unknown = event(1);
        unknown.what = EventKind::Unknown;
        let cursors = Cursors { unread: 3, ..Cursors::default() };
        stream.say(&BTreeMap::from([("t", "weather"), ("sky", "clear")])).await;
        stream.say(&ConversationFrame::Event(unknown.clone())).await;
        stream.say(&ConversationFrame::Cursors(cursors)).await;
        stream.say(&ConversationFrame::CaughtUp { seq: seq(1) }).await;
        assert_eq!(following.next().await, Some(Ok(Update::Event(unknown))));
        assert_eq!(following.next().await, Some(Ok(Update::Cursors(cursors))));
        assert_eq!(following.next().await, Some(Ok(Update::CaughtUp(seq(1)))));
    });
}

#[test]
fn dropping_a_following_unsubscribes_and_makes_room_for_another() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let mut held = Vec::new();
        for which in 1..=16 {
            held.push(follow(&client, &mut visit, which).await);
        }
        let full = client.follow(conversation(17), Seq::ZERO).await.err();
        assert_eq!(full, Some(ClientError::TooManySubscriptions { live: 16, max: 16 }));
        let (following, number, stream) = held.remove(3);
        drop(following);
        unsubscribed(&mut visit, number).await;
        // The client stops the stream, too.
        assert!(stream.0.stopped().await.unwrap().is_some());
        held.push(follow(&client, &mut visit, 17).await);
    });
}

#[test]
fn a_refused_subscription_is_an_error_and_a_final_end_the_last_word() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let error = ErrorBody::new(ErrorCode::NoSuchConversation, "none");
        let (refused, ()) = tokio::join!(client.follow(conversation(1), Seq::ZERO), async {
            let request = visit.request().await;
            visit.refuse(request.id, error.clone()).await;
        });
        assert_eq!(refused.err(), Some(ClientError::Rejected(error.clone())));

        let (mut following, _, mut stream) = follow(&client, &mut visit, 1).await;
        stream.events([1]).await;
        stream.say(&ConversationFrame::Ended { error: error.clone() }).await;
        take_to(&mut following, 1).await;
        assert_eq!(following.next().await, Some(Err(ClientError::Rejected(error))));
        assert_eq!(following.next().await, None);

        // One that may be asked again is, and its follower does not notice.
        let (mut following, _, mut stream) = follow(&client, &mut visit, 2).await;
        let error = ErrorBody::new(ErrorCode::Resubscribe, "lost touch");
        stream.events([1]).await;
        stream.say(&ConversationFrame::Ended { error }).await;
        let (again, after) = visit.subscribed().await;
        assert_eq!(after, 1);
        visit.stream(again).await.events([2]).await;
        take_to(&mut following, 2).await;
    });
}

#[test]
fn followings_end_with_their_client() {
    run(async {
        let peer = Peer::new();
        let (client, mut visit) = connect(&peer).await;
        let (mut following, _, _stream) = follow(&client, &mut visit, 1).await;
        let (closed, ()) = tokio::join!(client.close(), visit.gone());
        closed.unwrap();
        assert_eq!(following.next().await, None);

        let (client, mut visit) = connect(&peer).await;
        let (mut following, _, _stream) = follow(&client, &mut visit, 1).await;
        visit.close(CloseCode::Replaced);
        let last = following.next().await;
        assert!(matches!(last, Some(Err(ClientError::Closed(Ending::Closed { .. })))), "{last:?}");
        assert_eq!(following.next().await, None);
    });
}

/// A desk with its stream.
async fn desk_subscribed(visit: &mut Visit) -> Stream {
    let request = visit.request().await;
    let Op::Subscribe { subscription, topic: Topic::Desk { .. } } = request.op else { panic!("{request:?}") };
    visit.reply(request.id, ReplyBody::Subscribed { subscription }).await;
    visit.stream(subscription).await
}

#[test]
fn the_desk_begins_with_a_snapshot_again_after_a_loss_of_the_connection() {
    run(async {
        let peer = Peer::new();
        let (client, mut first) = connect(&peer).await;
        let (desk, mut stream) = tokio::join!(client.desk(), desk_subscribed(&mut first));
        let mut desk: Desk = desk.unwrap();
        let snapshot = DeskFrame::Snapshot { rows: Vec::new(), agents: Vec::new() };
        let wanted = DeskUpdate::Snapshot { rows: Vec::new(), agents: Vec::new() };
        stream.say(&snapshot).await;
        assert_eq!(desk.next().await, Some(Ok(wanted.clone())));
        first.close(CloseCode::Fault);
        let mut second = peer.welcome(2).await;
        desk_subscribed(&mut second).await.say(&snapshot).await;
        assert_eq!(desk.next().await, Some(Ok(wanted)));
    });
}
