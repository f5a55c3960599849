//! What is said against the rules, and what is said again.
//!
//! Owns the proof that each fault has its number or close code, that nobody else notices, and that a request
//! that is sent again is answered as it was. Must not know how the daemon finds out.

use std::time::Duration;

use quinn::VarInt;
use serde_json::json;
use switchboard::clock;
use switchboard::limits::INSTANCE_AHEAD_MS_MAX;
use switchboard_client::vocabulary::{ConversationId, InstanceId, Seq};
use switchboard_client::wire::{
    CloseCode, ConversationFrame, DeskView, ErrorBody, ErrorCode, Hello, Op, ReplyBody, Request, ServerFrame,
    SubscriptionHead, Topic, Typing, UNANSWERED_REQUESTS_MAX, encode, encode_frame,
};

use crate::daemon::Daemon;
use crate::people::{self, as_customer, as_member, text};
use crate::raw::{Frames, Raw, hello};
use crate::wait::in_time;

#[tokio::test]
async fn a_hello_against_the_rules_is_refused_with_its_number() {
    let daemon = Daemon::running().await;
    let carla = || as_customer(&daemon, "carla");
    let future = Hello { protocol: 9, ..hello(1, carla()) };
    let nobody = hello(1, as_member("0123456789abcdef0123456789abcdef"));
    let robot = json!({ "protocol": 1, "credentials": { "as": "robot" } });
    let undated = Hello { instance: Some(InstanceId::from_bytes([1; 16])), ..hello(1, carla()) };
    let unborn = Hello { instance: Some(ahead_by(INSTANCE_AHEAD_MS_MAX + 60_000)), ..hello(1, carla()) };
    let cases = [
        (
            "a later version",
            encode_frame(&future).unwrap().to_vec(),
            ErrorCode::ProtocolVersion,
            CloseCode::Refused,
        ),
        (
            "a token of nobody",
            encode_frame(&nobody).unwrap().to_vec(),
            ErrorCode::BadCredentials,
            CloseCode::Refused,
        ),
        (
            "credentials of another kind",
            encode_frame(&robot).unwrap().to_vec(),
            ErrorCode::Unsupported,
            CloseCode::ProtocolError,
        ),
        (
            "an instance without a time",
            encode_frame(&undated).unwrap().to_vec(),
            ErrorCode::InstanceExpired,
            CloseCode::Refused,
        ),
        (
            "an instance from the future",
            encode_frame(&unborn).unwrap().to_vec(),
            ErrorCode::InstanceExpired,
            CloseCode::Refused,
        ),
        ("no MessagePack", framed(b"\xc1"), ErrorCode::MalformedFrame, CloseCode::ProtocolError),
        ("another value", framed(b"\x93\x01\x02\x03"), ErrorCode::MalformedRequest, CloseCode::ProtocolError),
        ("an empty frame", vec![0; 4], ErrorCode::MalformedFrame, CloseCode::ProtocolError),
        ("a frame too large", vec![255; 4], ErrorCode::MalformedFrame, CloseCode::ProtocolError),
    ];
    for (what, bytes, error, close) in cases {
        let mut raw = Raw::connect(&daemon).await;
        raw.bytes(&bytes).await;
        assert_eq!(raw.refused().await, (error.number(), close.number()), "{what}");
    }
    let silent = Raw::connect(&daemon).await;
    let mut gone = Raw::connect(&daemon).await;
    gone.send.finish().unwrap();
    assert_eq!(gone.closed().await, CloseCode::ProtocolError.number());
    still_serves(&daemon).await;
    drop(silent);
}

#[tokio::test]
async fn an_instance_is_issued_to_whoever_names_none_and_kept_by_whoever_names_it() {
    let daemon = Daemon::running().await;
    let carla = || as_customer(&daemon, "carla");
    let naming = |instance| Hello { instance, ..hello(1, carla()) };
    let mut first = Raw::connect(&daemon).await;
    let issued = first.welcome(&naming(None)).await.instance;
    let mut second = Raw::connect(&daemon).await;
    let later = second.welcome(&naming(None)).await.instance;
    assert_ne!(issued, later);
    assert!(issued.issued_at().unwrap() <= later.issued_at().unwrap(), "they rise with the daemon's clock");
    let conversation = first.open().await;
    let post = Op::Post { conversation, content: text("once") };
    let answer = first.ask(2, Some(2), post.clone()).await;

    let mut again = Raw::connect(&daemon).await;
    assert_eq!(again.welcome(&naming(Some(issued))).await.instance, issued);
    assert_eq!(first.closed().await, CloseCode::Replaced.number(), "it is the same run of the program");
    assert_eq!(again.ask(1, Some(2), post).await, answer);

    let set_back = ahead_by(INSTANCE_AHEAD_MS_MAX / 2);
    let mut before = Raw::connect(&daemon).await;
    assert_eq!(before.welcome(&naming(Some(set_back))).await.instance, set_back, "the clock was set back");
    assert_eq!(before.open().await, conversation);
}

#[tokio::test]
async fn a_client_that_says_no_hello_is_not_waited_for() {
    let daemon = Daemon::new().with("listen.hello_ms", "200");
    let daemon = started(daemon).await;
    let mut silent = Raw::connect(&daemon).await;
    silent.bytes(&[0, 0, 0, 9, 1]).await;
    assert_eq!(silent.closed().await, CloseCode::Overloaded.number(), "it may come again");
    still_serves(&daemon).await;
}

#[tokio::test]
async fn a_broken_frame_ends_the_session_and_a_bad_request_does_not() {
    let daemon = Daemon::running().await;
    let carla = || as_customer(&daemon, "carla");
    for (what, bytes, error) in [
        ("no MessagePack", framed(b"\xc1"), ErrorCode::MalformedFrame),
        ("two values", framed(b"\xc0\xc0"), ErrorCode::MalformedFrame),
        ("an endless nest", framed(&[0x91; 60_000]), ErrorCode::MalformedFrame),
        ("a frame too large", 65_537_u32.to_be_bytes().to_vec(), ErrorCode::MalformedFrame),
        (
            "a request without an id",
            encode_frame(&json!({ "do": { "op": "open" } })).unwrap().to_vec(),
            ErrorCode::MalformedRequest,
        ),
    ] {
        let mut raw = Raw::session(&daemon, 1, carla()).await;
        raw.bytes(&bytes).await;
        assert_eq!(raw.refused().await, (error.number(), CloseCode::ProtocolError.number()), "{what}");
    }
    let mut raw = Raw::session(&daemon, 2, carla()).await;
    let conversation = raw.open().await;
    raw.frame(&json!({ "id": 7, "do": { "op": "dance" } })).await;
    refused(raw.answer(7).await, ErrorCode::Unsupported);
    raw.frame(&json!({ "id": 8, "n": 1, "do": { "op": "post", "content": 1 } })).await;
    refused(raw.answer(8).await, ErrorCode::MalformedRequest);
    let post = |said: &str| Op::Post { conversation, content: text(said) };
    refused(raw.ask(9, None, post("no counter")).await, ErrorCode::CounterMissing);
    refused(raw.ask(10, Some(2), post(&"x".repeat(1_001))).await, ErrorCode::TextTooLong);
    refused(raw.ask(11, None, Op::Latency).await, ErrorCode::Forbidden);
    refused(raw.ask(12, Some(3), Op::Take { conversation, epoch: None }).await, ErrorCode::Forbidden);
    let elsewhere = ConversationId::from_bytes([9; 16]);
    refused(
        raw.ask(13, Some(4), Op::Read { conversation: elsewhere, up_to: Seq::ZERO }).await,
        ErrorCode::NoSuchConversation,
    );
    let far = Seq::new(1_000).unwrap();
    refused(raw.ask(14, Some(5), Op::Read { conversation, up_to: far }).await, ErrorCode::BeyondEnd);
    // What was refused may be tried again with the same counter.
    assert_eq!(seq(raw.ask(15, Some(2), post("short enough")).await), 3);
    still_serves(&daemon).await;
}

#[tokio::test]
async fn a_request_sent_again_gets_its_answer_again_also_from_the_next_process() {
    let mut daemon = Daemon::running().await;
    let carla = as_customer(&daemon, "carla");
    let mut raw = Raw::session(&daemon, 1, carla.clone()).await;
    let conversation = raw.open().await;
    let post = |said: &str| Op::Post { conversation, content: text(said) };
    let first = raw.ask(2, Some(2), post("once")).await;
    assert_eq!(seq(first.clone()), 3);
    assert_eq!(raw.ask(3, Some(2), post("once")).await, first, "on the same connection");
    let mut again = Raw::session(&daemon, 1, carla.clone()).await;
    assert_eq!(raw.closed().await, CloseCode::Replaced.number(), "an instance has one session");
    assert_eq!(again.ask(1, Some(2), post("once")).await, first, "on the next connection");
    daemon.kill();
    daemon.start().await;
    let mut later = Raw::session(&daemon, 1, carla.clone()).await;
    assert_eq!(later.ask(1, Some(2), post("once")).await, first, "from the next process");
    for n in 3..3 + UNANSWERED_REQUESTS_MAX as u64 {
        later.ask(n, Some(n), post("more")).await.unwrap();
    }
    assert_eq!(later.ask(99, Some(2), post("once")).await, Ok(ReplyBody::AlreadyAccepted));
    let mut other = Raw::session(&daemon, 2, carla).await;
    assert_eq!(seq(other.ask(1, Some(2), post("another's")).await), 4 + UNANSWERED_REQUESTS_MAX as u64);
}

#[tokio::test]
async fn whoever_has_said_everything_is_answered_everything_and_then_let_go() {
    let daemon = Daemon::running().await;
    let mut raw = Raw::session(&daemon, 1, as_customer(&daemon, "carla")).await;
    let conversation = raw.open().await;
    for n in 2..=UNANSWERED_REQUESTS_MAX as u64 {
        raw.frame(&Request { id: n, n: Some(n), op: Op::Post { conversation, content: text("and") } }).await;
    }
    raw.send.finish().unwrap();
    for n in 2..=UNANSWERED_REQUESTS_MAX as u64 {
        assert_eq!(seq(raw.answer(n).await), n + 1);
    }
    assert!(raw.has_ended().await, "something came after the last answer");
    assert_eq!(raw.closed().await, CloseCode::Done.number());
}

#[tokio::test]
async fn a_subscription_has_a_number_an_end_and_a_place_to_begin_again() {
    let daemon = Daemon::running().await;
    let mut raw = Raw::session(&daemon, 1, as_customer(&daemon, "carla")).await;
    let conversation = raw.open().await;
    let follow = |subscription, after| Op::Subscribe {
        subscription,
        topic: Topic::Conversation { conversation, after: Seq::new(after).unwrap() },
    };
    assert_eq!(raw.ask(2, None, follow(5, 0)).await, Ok(ReplyBody::Subscribed { subscription: 5 }));
    let mut stream = raw.stream().await;
    assert_eq!(stream.next().await, Some(SubscriptionHead { subscription: 5 }));
    assert_eq!(seqs_until_caught_up(&mut stream).await, [1, 2]);
    refused(raw.ask(3, None, follow(5, 0)).await, ErrorCode::SubscriptionInUse);
    refused(raw.ask(4, None, Op::Unsubscribe { subscription: 6 }).await, ErrorCode::NoSuchSubscription);
    refused(raw.ask(5, None, follow(6, 3)).await, ErrorCode::BeyondEnd);
    let desk = Op::Subscribe { subscription: 6, topic: Topic::Desk { view: DeskView::default() } };
    refused(raw.ask(6, None, desk).await, ErrorCode::Forbidden);
    assert_eq!(raw.ask(7, None, Op::Unsubscribe { subscription: 5 }).await, Ok(ReplyBody::Unsubscribed));
    while let Some(frame) = stream.next::<ConversationFrame>().await {
        assert!(!matches!(frame, ConversationFrame::Event(_)), "{frame:?} after the end");
    }
    raw.ask(8, Some(2), Op::Post { conversation, content: text("unheard") }).await.unwrap();
    assert_eq!(raw.ask(9, None, follow(5, 2)).await, Ok(ReplyBody::Subscribed { subscription: 5 }));
    let mut stream = raw.stream().await;
    assert_eq!(stream.next().await, Some(SubscriptionHead { subscription: 5 }));
    assert_eq!(seqs_until_caught_up(&mut stream).await, [3]);
    for number in 6..21 {
        raw.ask(u64::from(number) + 10, None, follow(number, 0)).await.unwrap();
    }
    refused(raw.ask(50, None, follow(99, 0)).await, ErrorCode::TooManySubscriptions);
}

#[tokio::test]
async fn a_client_that_reads_no_answers_is_no_longer_listened_to_and_costs_nobody_else() {
    let daemon = Daemon::running().await;
    let window = VarInt::from_u32(16 * 1024);
    let mut deaf = Raw::with_windows(&daemon, window).await;
    deaf.hello(1, as_customer(&daemon, "carla")).await;
    let conversation = deaf.open().await;
    for n in 2..=33 {
        let content = text("x".repeat(900));
        deaf.ask(n, Some(n), Op::Post { conversation, content }).await.unwrap();
    }
    let before = daemon.resident_kib();
    // Each answer is some 30 KiB. The daemon takes what it has credits for and what its windows hold.
    let read_back = encode_frame(&Request {
        id: 100,
        n: None,
        op: Op::History { conversation, before: None, limit: 200 },
    });
    let read_back = read_back.unwrap();
    let mut taken = 0_usize;
    let flood = async {
        loop {
            taken += deaf.send.write(&read_back).await.unwrap();
        }
    };
    // That nothing is taken any more shows only by waiting.
    let _: Result<(), _> = tokio::time::timeout(FLOOD, flood).await;
    assert!(taken < 1 << 20, "{taken} bytes were taken from somebody who reads nothing");
    let grown = daemon.resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB for a client that reads nothing");
    still_serves(&daemon).await;
    // Whoever reads again is answered.
    assert!(matches!(deaf.next().await, ServerFrame::Reply(reply) if reply.id == 100));
}

#[tokio::test]
async fn datagrams_and_streams_that_mean_nothing_are_dropped() {
    let daemon = Daemon::running().await;
    let mut raw = Raw::session(&daemon, 1, as_customer(&daemon, "carla")).await;
    let conversation = raw.open().await;
    let elsewhere = ConversationId::from_bytes([9; 16]);
    let typing = |conversation| Typing { conversation, by: None, after_seq: Seq::MAX, expires_ms: u32::MAX };
    for datagram in [
        &b""[..],
        b"\xc1",
        &[0x91; 900],
        &encode(&typing(elsewhere)).unwrap(),
        &encode(&typing(conversation)).unwrap(),
    ] {
        raw.connection.send_datagram(datagram.to_vec().into()).unwrap();
    }
    let (mut another, _) = in_time("stream", raw.connection.open_bi()).await.unwrap();
    another.write_all(&framed(b"\xc1")).await.unwrap();
    assert_eq!(seq(raw.ask(2, Some(2), Op::Post { conversation, content: text("still here") }).await), 3);
    still_serves(&daemon).await;
}

/// An instance that was made so far in the future.
fn ahead_by(ms: i64) -> InstanceId {
    InstanceId::v7(clock::now().as_millis() + ms, [7; 10])
}

async fn started(mut daemon: Daemon) -> Daemon {
    daemon.start().await;
    daemon
}

/// Somebody else talks as if nothing had happened.
async fn still_serves(daemon: &Daemon) {
    let other = people::customer(daemon, "somebody else").await;
    let conversation = other.open().await.unwrap();
    in_time("answer", other.post(conversation, text("hello?"))).await.unwrap();
    other.close().await.unwrap();
}

async fn seqs_until_caught_up(stream: &mut Frames) -> Vec<u64> {
    let mut seqs = Vec::new();
    loop {
        match stream.next().await.expect("the stream goes on") {
            ConversationFrame::Event(event) => seqs.push(event.seq.get()),
            ConversationFrame::CaughtUp { .. } => return seqs,
            ConversationFrame::Cursors(_) => {}
            other @ (ConversationFrame::Ended { .. } | ConversationFrame::Unknown) => panic!("{other:?}"),
        }
    }
}

fn seq(answer: Result<ReplyBody, ErrorBody>) -> u64 {
    match answer {
        Ok(ReplyBody::Accepted { seq: Some(seq), .. }) => seq.get(),
        other => panic!("not accepted: {other:?}"),
    }
}

fn refused(answer: Result<ReplyBody, ErrorBody>, code: ErrorCode) {
    match answer {
        Err(error) => assert_eq!(error.code(), Some(code), "{error}"),
        Ok(answer) => panic!("not refused: {answer:?}"),
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// How long a client floods before it counts as not being listened to.
const FLOOD: Duration = Duration::from_secs(1);
