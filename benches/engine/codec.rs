//! The codec: the two frames that every message needs.
//!
//! Owns what they look like. Must not know how they travel.

use std::hint::black_box;

use criterion::Criterion;
use switchboard_protocol::vocabulary::{MemberId, Seq, Timestamp};
use switchboard_protocol::wire::{
    ConversationFrame, Event, EventKind, Op, Request, Sender, decode, encode_frame,
};

use crate::samples::{content, conversation_id};

pub(crate) fn bench(criterion: &mut Criterion) {
    let post = Request {
        id: 4_711,
        n: Some(4_700),
        op: Op::Post { conversation: conversation_id(1), content: content() },
    };
    let event = ConversationFrame::Event(Event {
        seq: Seq::new(4_711).unwrap(),
        at: Timestamp::from_millis(1_763_000_000_000),
        by: Sender::Agent { member: Some(MemberId::from_bytes([5; 16])) },
        what: EventKind::message(content()),
        epoch: None,
    });
    let post_frame = encode_frame(&post).unwrap();
    let event_frame = encode_frame(&event).unwrap();
    let mut group = criterion.benchmark_group("codec");
    group.bench_function("encode/post", |bench| bench.iter(|| encode_frame(black_box(&post))));
    group.bench_function("decode/post", |bench| {
        bench.iter(|| decode::<Request>(black_box(&post_frame[LENGTH_BYTES..])));
    });
    group.bench_function("encode/event", |bench| bench.iter(|| encode_frame(black_box(&event))));
    group.bench_function("decode/event", |bench| {
        bench.iter(|| decode::<ConversationFrame>(black_box(&event_frame[LENGTH_BYTES..])));
    });
    group.finish();
}

const LENGTH_BYTES: usize = 4;
