//! A reader who has stopped reading among many who have not: what it costs in bytes, and what it costs them.
//!
//! Owns the proof that it stays within its bound and that the others are shown everything. What it costs them in
//! time is printed: on a machine that does something else as well it means nothing. Must not know how the daemon
//! keeps them apart.

use std::time::{Duration, Instant};

use quinn::VarInt;
use switchboard::{clock, limits};
use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::wire::{Op, Request, Topic};
use switchboard_client::{Client, Following, Update};
use tokio::task::JoinSet;

use crate::daemon::Daemon;
use crate::people::{self, as_member, said, text};
use crate::raw::Raw;
use crate::wait::in_time;

/// For figures: `SWITCHBOARD_MESSAGES=100000 cargo test --release --test process stalled -- --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_reads_nothing_stays_within_its_bound_and_keeps_nothing_from_two_hundred_others() {
    let messages = std::env::var("SWITCHBOARD_MESSAGES").map_or(MESSAGES, |asked| asked.parse().unwrap());
    let daemon = Daemon::running().await;
    people::may_serve_from_several_places(&daemon).await;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::meet(&daemon, number).await);
    }
    let (mut without, mut with, mut grown) = (Vec::new(), Vec::new(), 0);
    // In turns, so that whatever else the machine does falls on both.
    for _ in 0..ROUNDS {
        let took;
        (took, pairs) = pass(pairs, messages / 2 / ROUNDS).await;
        without.extend(took);
        let resident = daemon.resident_kib();
        let stalled = stall(&daemon, &pairs).await;
        let took;
        (took, pairs) = pass(pairs, messages / ROUNDS).await;
        with.extend(took);
        grown = grown.max(daemon.resident_kib().saturating_sub(resident));
        drop(stalled);
    }
    let (stated, each) = (limits::CONNECTION_BYTES_MAX / 1024, limits::LANE_BYTES_MAX / 1024);
    println!(
        "one reads nothing while {messages} messages pass between {} others; stated for it are {stated} KiB, of \
         which {each} KiB for a subscription; the daemon grew by {grown} KiB at the most, with what it keeps of \
         the messages",
        2 * PAIRS,
    );
    assert!(grown <= u64::try_from(stated).unwrap() + messages as u64, "it grew by {grown} KiB");
    println!("delivered in µs, p50 and p99: {:?} without, {:?} with it", at(without), at(with));
}

/// Somebody who follows as much as is allowed, and reads none of it.
async fn stall(daemon: &Daemon, pairs: &[Pair]) -> Raw {
    let mut stalled = Raw::with_windows(daemon, VarInt::from_u32(4 * 1024)).await;
    stalled.hello(1, as_member(&daemon.demo().agents[1].token)).await;
    for (number, pair) in (1..).zip(pairs).take(limits::SUBSCRIPTIONS_MAX) {
        let topic = Topic::Conversation { conversation: pair.conversation, after: Seq::ZERO };
        let op = Op::Subscribe { subscription: number, topic };
        stalled.frame(&Request { id: number.into(), n: None, op }).await;
    }
    stalled
}

/// A customer and an agent, who both follow what the customer says.
struct Pair {
    number: u32,
    customer: Client,
    conversation: ConversationId,
    followings: [Following; 2],
    _agent: Client,
}

impl Pair {
    async fn meet(daemon: &Daemon, number: u32) -> Self {
        let customer = people::customer(daemon, &format!("customer {number}")).await;
        let agent = people::agent(daemon, 0).await;
        let conversation = customer.open().await.unwrap();
        let followings = [
            customer.follow(conversation, Seq::ZERO).await.unwrap(),
            agent.follow(conversation, Seq::ZERO).await.unwrap(),
        ];
        Self { number, customer, conversation, followings, _agent: agent }
    }

    /// Posts so many, one in each turn, and returns how long each took to both readers, in microseconds.
    async fn talk(mut self, messages: usize) -> (Vec<u64>, Self) {
        let begun = clock::instant();
        let (customer, conversation) = (self.customer.clone(), self.conversation);
        // One after the other, not all at once.
        let first = tokio::time::Instant::now() + self.number * TURN / PAIRS;
        let posting = tokio::spawn(async move {
            let mut turn = tokio::time::interval_at(first, TURN);
            for _ in 0..messages {
                turn.tick().await;
                let now = begun.elapsed().as_micros();
                drop(customer.begin_post(conversation, text(format!("{now}"))).await.unwrap());
            }
        });
        let [one, other] = self.followings;
        let ((mut took, one), (others, other)) =
            tokio::join!(hear(one, messages, begun), hear(other, messages, begun));
        took.extend(others);
        self.followings = [one, other];
        posting.await.unwrap();
        (took, self)
    }
}

/// Reads so many messages; each says when it was sent.
async fn hear(mut following: Following, messages: usize, begun: Instant) -> (Vec<u64>, Following) {
    let mut took = Vec::with_capacity(messages);
    while took.len() < messages {
        let update = in_time("message", following.next()).await.unwrap().unwrap();
        let Update::Event(event) = update else { continue };
        if let Some(sent) = said(&event).and_then(|said| said.parse::<u128>().ok()) {
            took.push(u64::try_from(begun.elapsed().as_micros().saturating_sub(sent)).unwrap());
        }
    }
    (took, following)
}

/// So many messages pass between all pairs. Returns how long each took to its readers.
async fn pass(pairs: Vec<Pair>, messages: usize) -> (Vec<u64>, Vec<Pair>) {
    let each = messages / pairs.len();
    let mut talks: JoinSet<_> = pairs.into_iter().map(|pair| pair.talk(each)).collect();
    let (mut took, mut pairs) = (Vec::with_capacity(2 * messages), Vec::new());
    while let Some(talked) = talks.join_next().await {
        let (times, pair) = talked.unwrap();
        took.extend(times);
        pairs.push(pair);
    }
    pairs.sort_by_key(|pair| pair.number);
    (took, pairs)
}

/// The median, and what only one in a hundred exceeds.
fn at(mut took: Vec<u64>) -> [u64; 2] {
    took.sort_unstable();
    [took[took.len() / 2], took[took.len() * 99 / 100]]
}

const PAIRS: u32 = 100;

const ROUNDS: usize = 4;

/// How many messages pass while one reads nothing, unless more are asked for. Each is far below a KiB.
const MESSAGES: usize = 4_000;

/// How often each customer says something: all together about a thousand times a second.
const TURN: Duration = Duration::from_millis(100);
