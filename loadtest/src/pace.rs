//! Who writes when: the sending end.
//!
//! Owns the schedule of an open load, the thread that keeps it, and the other way, as fast as answers
//! come. Must not know what becomes of what was sent.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use switchboard_client::{ClientError, PendingPost};
use tokio::sync::mpsc;

use crate::clock::{self, Micros};
use crate::pairs::Pair;
use crate::payload::{Payload, Side};
use crate::plan::Load;
use crate::tally::Tally;

/// How many messages each end of each pair has sent.
pub(crate) type Sent = Vec<[u64; 2]>;

/// Sends at the load's rate during a span, from a thread of its own; returns when the last message is on
/// its way, which is later than the span when the daemon does not keep up.
pub(crate) async fn at_a_rate(
    load: &Load,
    pairs: &Arc<Vec<Pair>>,
    span: Range<Micros>,
    tally: &Arc<Tally>,
) -> Sent {
    let (to_answers, answers) = mpsc::unbounded_channel();
    let collecting = tokio::spawn(collect(answers, Arc::clone(tally)));
    let mut sender = Sender::new(load, Arc::clone(pairs), to_answers, Arc::clone(tally));
    let sending = tokio::task::spawn_blocking(move || {
        sender.keep(span);
        sender.sent
    });
    // Both end by themselves: neither is cancelled, and a panic of either is the tester's own.
    let sent = sending.await.unwrap_or_default();
    drop(collecting);
    sent
}

/// Sends as fast as answers come, a window of messages for each pair, during a span.
pub(crate) async fn flat_out(
    load: &Load,
    pairs: &Arc<Vec<Pair>>,
    span: Range<Micros>,
    tally: &Arc<Tally>,
) -> Sent {
    let writing: Vec<_> = (0..pairs.len())
        .map(|number| {
            let (pairs, tally, until) = (Arc::clone(pairs), Arc::clone(tally), span.end);
            let load = load.clone();
            tokio::spawn(async move { flat_out_in(&load, &pairs[number], number, until, &tally).await })
        })
        .collect();
    let mut sent = Sent::new();
    for pair in writing {
        sent.push(pair.await.unwrap_or_default());
    }
    sent
}

/// When message `number` of all, from 0, is due: evenly spread.
fn due(begin: Micros, rate: f64, number: u64) -> Micros {
    begin + (number as f64 * 1_000_000.0 / rate) as Micros
}

/// Who writes message `turn` of a pair, from 0: agents write so many of a hundred, evenly mixed.
const fn writer(turn: u64, agent_percent: u64) -> Side {
    if (turn + 1) * agent_percent / 100 > turn * agent_percent / 100 { Side::Agent } else { Side::Customer }
}

/// A message on its way, and its answer.
struct Posted {
    payload: Payload,
    answer: PendingPost,
}

impl Posted {
    async fn answered(self, tally: &Tally) {
        let answer = self.answer.await;
        tally.answered(&self.payload, answer.err().map(|error| error.to_string()), clock::now());
    }
}

/// Keeps the schedule. Clients that have no room for more are tried again; what they are to send keeps
/// the moment at which it was due.
struct Sender {
    load: Load,
    pairs: Arc<Vec<Pair>>,
    sent: Sent,
    /// What is due and not sent, of each end of each pair.
    waiting: Vec<[VecDeque<Micros>; 2]>,
    /// The ends with something waiting.
    held_up: Vec<(usize, Side)>,
    answers: mpsc::UnboundedSender<Posted>,
    tally: Arc<Tally>,
}

impl Sender {
    fn new(
        load: &Load,
        pairs: Arc<Vec<Pair>>,
        answers: mpsc::UnboundedSender<Posted>,
        tally: Arc<Tally>,
    ) -> Self {
        let count = pairs.len();
        let waiting = std::iter::repeat_with(Default::default).take(count).collect();
        let sent = vec![[0; 2]; count];
        Self { load: load.clone(), pairs, sent, waiting, held_up: Vec::new(), answers, tally }
    }

    fn keep(&mut self, span: Range<Micros>) {
        // As exact as the system can wake it; without that, messages go out some 50 µs later.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        for number in 0.. {
            let due = due(span.start, self.load.rate, number);
            if due >= span.end {
                break;
            }
            self.wait(due);
            let pair = number as usize % self.pairs.len();
            // Neighbours begin at different turns, so that both ends write at any time.
            let turn = number / self.pairs.len() as u64 + pair as u64;
            let side = writer(turn, self.load.agent_percent);
            let waiting = &mut self.waiting[pair][side.index()];
            waiting.push_back(due);
            if waiting.len() > 1 || !self.send(pair, side) {
                self.held_up.push((pair, side));
            }
        }
        let over = clock::now() + LATE_MICROS_MAX;
        while !self.held_up.is_empty() && clock::now() < over {
            self.wait(clock::now() + RETRY_MICROS);
        }
    }

    /// Waits for a moment, and sends meanwhile what was held up.
    fn wait(&mut self, moment: Micros) {
        loop {
            let left = clock::until(moment);
            if left.is_zero() {
                return;
            }
            let nap =
                if self.held_up.is_empty() { left } else { left.min(Duration::from_micros(RETRY_MICROS)) };
            #[allow(clippy::disallowed_methods, reason = "a thread of its own, which keeps time")]
            std::thread::sleep(nap);
            let mut held_up = std::mem::take(&mut self.held_up);
            held_up.retain(|(pair, side)| !self.send(*pair, *side));
            self.held_up = held_up;
        }
    }

    /// Sends what waits at one end; `false` if something still does.
    fn send(&mut self, pair: usize, side: Side) -> bool {
        while let Some(&due) = self.waiting[pair][side.index()].front() {
            let Pair { conversation, .. } = self.pairs[pair];
            let number = self.sent[pair][side.index()] + 1;
            let payload = Payload { pair, side, number, due, sent: clock::now() };
            let begun = match payload.content(self.load.bytes) {
                Ok(content) => self.pairs[pair].end(side).try_begin_post(conversation, content),
                Err(error) => {
                    self.tally.answered(&payload, Some(error.to_string()), clock::now());
                    self.waiting[pair][side.index()].pop_front();
                    continue;
                }
            };
            match begun {
                Ok(answer) => {
                    // Who collects ends after this.
                    let _ = self.answers.send(Posted { payload, answer });
                    self.sent[pair][side.index()] = number;
                }
                Err(ClientError::WindowFull(_)) => return false,
                Err(error) => self.tally.answered(&payload, Some(error.to_string()), clock::now()),
            }
            self.waiting[pair][side.index()].pop_front();
        }
        true
    }
}

/// Takes every answer, until no more are asked for and all have come.
async fn collect(mut posted: mpsc::UnboundedReceiver<Posted>, tally: Arc<Tally>) {
    let mut on_their_way = FuturesUnordered::new();
    let mut open = true;
    while open || !on_their_way.is_empty() {
        tokio::select! {
            biased;
            Some(()) = on_their_way.next() => {}
            next = posted.recv(), if open => match next {
                Some(posted) => on_their_way.push(posted.answered(&tally)),
                None => open = false,
            },
        }
    }
}

async fn flat_out_in(load: &Load, pair: &Pair, number: usize, until: Micros, tally: &Tally) -> [u64; 2] {
    let mut sent = [0; 2];
    let mut on_their_way = FuturesUnordered::new();
    for turn in number as u64.. {
        let now = clock::now();
        if now >= until {
            break;
        }
        let side = writer(turn, load.agent_percent);
        let payload = Payload { pair: number, side, number: sent[side.index()] + 1, due: now, sent: now };
        let begun = match payload.content(load.bytes) {
            Ok(content) => {
                pair.end(side).begin_post(pair.conversation, content).await.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match begun {
            Ok(answer) => {
                sent[side.index()] += 1;
                on_their_way.push(Posted { payload, answer }.answered(tally));
            }
            Err(error) => {
                tally.answered(&payload, Some(error), clock::now());
                break;
            }
        }
        if on_their_way.len() >= load.window {
            on_their_way.next().await;
        }
    }
    while on_their_way.next().await.is_some() {}
    sent
}

/// How often a client without room is tried again, in microseconds.
const RETRY_MICROS: u64 = 200;

/// How long after its span a load may still send what was due in it, in microseconds.
const LATE_MICROS_MAX: u64 = 30_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_at_even_distances_and_do_not_drift() {
        assert_eq!(
            [0, 1, 2_000, 7_200_000].map(|number| due(5, 2_000.0, number)),
            [5, 505, 1_000_005, 3_600_000_005]
        );
        assert_eq!(due(0, 3.0, 3_000_000), 1_000_000_000_000);
    }

    #[test]
    fn agents_write_their_share() {
        for percent in [0, 1, 50, 99, 100] {
            let agents = (0..1_000).filter(|turn| writer(*turn, percent) == Side::Agent).count();
            assert_eq!(agents as u64, percent * 10, "{percent} %");
        }
        assert_ne!(writer(4, 50), writer(5, 50));
    }
}
