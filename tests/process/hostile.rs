//! Clients that mean no good, or read nothing: what they cost, and that nobody else pays it.
//!
//! Owns the proof of the bound in memory that is stated for a connection, and that whoever reads late gets
//! everything. Must not know how the daemon keeps to it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::FutureExt as _;
use quinn::VarInt;
use switchboard::limits;
use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::wire::{
    CloseCode, ConversationFrame, ErrorCode, Op, Reply, ReplyBody, Request, ServerFrame, SubscriptionHead,
    Topic, Typing, encode, encode_frame,
};
use switchboard_client::{Client, Update};

use crate::daemon::Daemon;
use crate::people::{self, as_customer, as_member, text};
use crate::raw::{Frames, Raw};
use crate::wait::in_time;

#[tokio::test]
async fn streams_that_nobody_reads_hold_up_no_other_and_are_caught_up_and_live_when_somebody_does() {
    let daemon = Daemon::running().await;
    let mut raw = Raw::with_windows(&daemon, VarInt::from_u32(16 * 1024)).await;
    raw.hello(1, as_customer(&daemon, "carla")).await;
    let conversation = raw.open().await;
    let agent = people::agent(&daemon, 0).await;
    in_time("entering", agent.take(conversation)).await.unwrap();
    let mut unread = Vec::new();
    for number in 1..=4 {
        unread.push(followed(&mut raw, number, conversation).await);
    }
    let mut read = followed(&mut raw, 5, conversation).await;
    // More than an outbox and the windows hold, several times.
    let said = 2 + 5 * limits::OUTBOX_BYTES_MAX as u64 / 900;
    let mut pending = Vec::new();
    for _ in 2..said {
        pending.push(in_time("room", agent.begin_post(conversation, text("x".repeat(900)))).await.unwrap());
    }
    for post in pending {
        in_time("answer", post).await.unwrap();
    }
    // Started and greeted, then the agent's: what the fifth is told while four are stuck.
    assert_eq!(seqs_up_to(&mut read, said).await, (1..=said).collect::<Vec<_>>());
    for stream in &mut unread {
        assert_eq!(
            seqs_up_to(stream, said).await,
            (1..=said).collect::<Vec<_>>(),
            "gapless, from the journal"
        );
    }
    in_time("answer", agent.post(conversation, text("live again"))).await.unwrap();
    for stream in unread.iter_mut().chain([&mut read]) {
        assert_eq!(seqs_up_to(stream, said + 1).await, [said + 1]);
    }
}

#[tokio::test]
async fn clients_that_read_nothing_take_no_more_memory_than_is_stated() {
    let daemon = Daemon::running().await;
    people::may_serve_from_several_places(&daemon).await;
    let talkers = talkers(&daemon).await;
    let before = daemon.resident_kib();
    let mut hostile = Vec::new();
    for instance in 1..=HOSTILE {
        let mut raw = Raw::with_windows(&daemon, VarInt::from_u32(4 * 1024)).await;
        raw.hello(instance, as_member(&daemon.demo().agents[0].token)).await;
        for (number, (_, conversation)) in (1..).zip(&talkers) {
            raw.frame(&follow(number, *conversation)).await;
        }
        // What comes of these is never read, and all of them are asked for more than there is room for.
        for (_, conversation) in &talkers {
            flood(&mut raw, *conversation).await;
        }
        hostile.push(raw);
    }
    // Everybody goes on talking, with a desk and subscriptions that are not read.
    for round in 0..ROUNDS {
        for (client, conversation) in &talkers {
            let said = text(format!("{round} {}", "y".repeat(900)));
            in_time("answer", client.post(*conversation, said)).await.unwrap();
        }
    }
    let grown = daemon.resident_kib().saturating_sub(before) * 1024;
    let each = grown / u64::from(HOSTILE);
    println!(
        "{HOSTILE} clients that read nothing: {} KiB each; {} KiB are stated",
        each / 1024,
        stated() / 1024
    );
    assert!(each < stated(), "{each} bytes for a client that reads nothing; {} are stated", stated());
    let (client, conversation) = &talkers[0];
    in_time("answer", client.post(*conversation, text("still here"))).await.unwrap();
    drop(hostile);
}

#[tokio::test]
async fn subscriptions_that_are_begun_and_left_unread_do_not_add_up() {
    let daemon = Daemon::running().await;
    let talkers = talkers(&daemon).await;
    let mut raw = Raw::with_windows(&daemon, VarInt::from_u32(1_024)).await;
    raw.hello(1, as_member(&daemon.demo().agents[0].token)).await;
    let before = daemon.resident_kib();
    let mut id = 0;
    for round in 0..300_u32 {
        let (_, conversation) = &talkers[round as usize % talkers.len()];
        let topic = Topic::Conversation { conversation: *conversation, after: Seq::ZERO };
        for op in [Op::Subscribe { subscription: round, topic }, Op::Unsubscribe { subscription: round }] {
            id += 1;
            raw.ask(id, None, op).await.unwrap();
        }
    }
    let grown = daemon.resident_kib().saturating_sub(before) * 1024;
    assert!(grown < stated(), "{grown} bytes for subscriptions that have ended");
    let (_, conversation) = &talkers[0];
    raw.frame(&follow(1, *conversation)).await;
    raw.answer(1).await.unwrap();
}

#[tokio::test]
async fn an_earlier_connection_that_reads_nothing_is_not_kept_beside_the_next() {
    let daemon = Daemon::running().await;
    let talker = &talkers(&daemon).await[0];
    let mut stuck: Option<Raw> = None;
    for _ in 0..3 {
        let mut next = Raw::with_windows(&daemon, VarInt::from_u32(4 * 1024)).await;
        next.hello(1, as_member(&daemon.demo().agents[0].token)).await;
        if let Some(before) = stuck {
            assert_eq!(before.closed().await, CloseCode::Replaced.number());
        }
        flood(&mut next, talker.1).await;
        stuck = Some(next);
    }
}

#[tokio::test]
async fn more_large_answers_than_there_are_credits_for_come_all_the_same_one_to_a_request() {
    let daemon = Daemon::running().await;
    let (client, conversation) = talkers(&daemon).await.remove(0);
    drop(client);
    let mut raw = Raw::session(&daemon, 1, as_member(&daemon.demo().agents[0].token)).await;
    for id in 1..=100 {
        raw.frame(&history(id, conversation)).await;
    }
    let mut answered = BTreeSet::new();
    while answered.len() < 100 {
        match raw.next().await {
            ServerFrame::Reply(Reply { id, body: ReplyBody::Events { events, .. } })
                if !events.is_empty() =>
            {
                assert!(answered.insert(id), "{id} was answered twice");
            }
            other => panic!("no answer: {other:?}"),
        }
    }
}

#[tokio::test]
async fn nobody_opens_more_streams_than_are_allowed_or_ends_one_in_the_middle_of_a_frame() {
    let daemon = Daemon::running().await;
    let mut raw = Raw::session(&daemon, 1, as_customer(&daemon, "carla")).await;
    let conversation = raw.open().await;
    let (mut upload, _) = raw.connection.open_bi().now_or_never().expect("a second stream").unwrap();
    assert!(raw.connection.open_bi().now_or_never().is_none(), "a third stream was allowed");
    assert!(raw.connection.open_uni().now_or_never().is_none(), "a stream without an answer was allowed");
    // What is written on a stream that is not read stays with the client, and holds up nothing.
    let junk = vec![7; 1 << 20];
    assert!(upload.write_all(&junk).now_or_never().is_none(), "all of it was taken");
    let post = Op::Post { conversation, content: text("still here") };
    raw.ask(2, Some(2), post).await.unwrap();
    raw.bytes(&[0, 0, 0, 9, 1]).await;
    raw.send.finish().unwrap();
    let refused = (ErrorCode::MalformedFrame.number(), CloseCode::ProtocolError.number());
    assert_eq!(raw.refused().await, refused);
}

/// Customers, each in a conversation that has been talked in, and whose clients go on.
async fn talkers(daemon: &Daemon) -> Vec<(Client, ConversationId)> {
    let mut talkers = Vec::new();
    for number in 1..=CONVERSATIONS {
        let client = people::customer(daemon, &format!("talker {number}")).await;
        let conversation = client.open().await.unwrap();
        let mut pending = Vec::new();
        for message in 0..TALKED {
            // Small ones and large ones: the first cost more than their text, the others are their text.
            let said = if message % 2 == 0 { "z".repeat(900) } else { "z".to_owned() };
            pending.push(in_time("room", client.begin_post(conversation, text(said))).await.unwrap());
        }
        for post in pending {
            in_time("answer", post).await.unwrap();
        }
        talkers.push((client, conversation));
    }
    // Whoever comes after everything is folded finds it in the store, not in the tail.
    let (client, conversation) = &talkers[0];
    let mut following = in_time("subscription", client.follow(*conversation, Seq::ZERO)).await.unwrap();
    while !matches!(in_time("update", following.next()).await, Some(Ok(Update::CaughtUp { .. }))) {}
    talkers
}

/// Asks for more than anybody has room for, until nothing more is taken.
async fn flood(raw: &mut Raw, conversation: ConversationId) {
    let read_back = encode_frame(&history(99, conversation)).unwrap();
    let typing = Typing { conversation, by: None, after_seq: Seq::ZERO, expires_ms: 1_000 };
    let typing = encode(&typing).unwrap();
    let flood = async {
        loop {
            // A datagram that finds no room replaces an older one.
            let _ = raw.connection.send_datagram(typing.clone());
            raw.send.write_all(&read_back).await.unwrap();
        }
    };
    // That nothing is taken any more shows only by waiting.
    let _: Result<(), _> = tokio::time::timeout(FLOOD, flood).await;
}

fn follow(number: u32, conversation: ConversationId) -> Request {
    let topic = Topic::Conversation { conversation, after: Seq::ZERO };
    Request { id: number.into(), n: None, op: Op::Subscribe { subscription: number, topic } }
}

fn history(id: u64, conversation: ConversationId) -> Request {
    Request { id, n: None, op: Op::History { conversation, before: None, limit: 200 } }
}

async fn followed(raw: &mut Raw, number: u32, conversation: ConversationId) -> Frames {
    let Request { id, n, op } = follow(number, conversation);
    assert_eq!(raw.ask(id, n, op).await, Ok(ReplyBody::Subscribed { subscription: number }));
    let mut stream = raw.stream().await;
    assert_eq!(stream.next().await, Some(SubscriptionHead { subscription: number }));
    stream
}

/// The sequences of the events that come, up to one.
async fn seqs_up_to(stream: &mut Frames, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        match stream.next().await.expect("the stream goes on") {
            ConversationFrame::Event(event) => seqs.push(event.seq.get()),
            ConversationFrame::CaughtUp { .. } | ConversationFrame::Cursors(_) => {}
            other @ (ConversationFrame::Ended { .. } | ConversationFrame::Unknown) => panic!("{other:?}"),
        }
    }
    seqs
}

const fn stated() -> u64 {
    limits::CONNECTION_BYTES_MAX as u64
}

/// How many clients read nothing.
const HOSTILE: u8 = 6;

/// How many conversations each of them follows: as many as are allowed.
const CONVERSATIONS: usize = limits::SUBSCRIPTIONS_MAX;

/// How many messages each conversation has before.
const TALKED: usize = 120;

/// How many more it has after that.
const ROUNDS: usize = 60;

/// How long a client floods before it counts as not being listened to.
const FLOOD: Duration = Duration::from_millis(100);
