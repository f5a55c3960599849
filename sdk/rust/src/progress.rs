//! How far the reader of a subscription has come.
//!
//! Owns the last sequence that was given, what is the next event, a repeat or a gap, when a
//! subscription is to be asked for again and from where, and which typing is out of date. A plain
//! state machine, for the SDK and for simulators and other transports. Must not know sockets,
//! run-times, clocks or randomness: the time (since any fixed moment) and random numbers come in.

use std::time::Duration;

use switchboard_protocol::vocabulary::Seq;
use switchboard_protocol::wire::{ConversationFrame, DeskFrame, ErrorBody, Event, EventKind, Sender, Typing};

use crate::backoff::{ceiling, share};

/// How the server broke the protocol on a subscription.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// An event was left out.
    #[error("event {expected} was expected and {got} came")]
    Gap {
        /// The sequence that should have come.
        expected: Seq,
        /// The sequence that came.
        got: Seq,
    },
    /// A frame could not be read.
    #[error("unreadable: {0}")]
    Garbled(String),
}

/// What to do with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Give it to the user.
    Give,
    /// Drop it: given before.
    Repeat,
    /// Drop it: of a kind that this version does not know.
    Ignore,
    /// Drop it and stop reading this stream; another one will be asked for, or is on its way.
    Again(Option<StreamFault>),
    /// The subscription is over for good; the server's reason.
    Refused(ErrorBody),
    /// The subscription is over for good: the server kept breaking the protocol.
    Faulty(StreamFault),
}

/// Where a subscription stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To be asked for, not before this time.
    Due(Duration),
    /// Asked for under this number.
    Asked(u32),
    /// Its stream is open under this number, since this time.
    Flowing(u32, Duration),
    /// Nothing will follow.
    Over,
}

/// One subscription of a reader, over all the streams and connections that carry it.
#[derive(Debug)]
pub struct Follow {
    last: Seq,
    phase: Phase,
    /// Streams that failed in a row without an event on them.
    failures: u32,
    /// A stream that the server still holds open and this reader has given up.
    stale: Option<u32>,
    /// The last message of each writer, to recognise typing that it has overtaken.
    written: Vec<(Sender, Seq)>,
}

impl Follow {
    /// A reader who has everything up to `after`.
    #[must_use]
    pub const fn new(after: Seq) -> Self {
        Self { last: after, phase: Phase::Due(Duration::ZERO), failures: 0, stale: None, written: Vec::new() }
    }

    /// The sequence of the last event that was given.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.last
    }

    /// When the subscription is to be asked for; `None` when it need not be.
    #[must_use]
    pub const fn due(&self) -> Option<Duration> {
        match self.phase {
            Phase::Due(at) => Some(at),
            Phase::Asked(_) | Phase::Flowing(..) | Phase::Over => None,
        }
    }

    /// It is being asked for under `number`. Returns the sequence to ask for events after.
    pub const fn asked(&mut self, number: u32) -> Seq {
        self.phase = Phase::Asked(number);
        self.last
    }

    /// A stream with this number has opened. False: it is none of ours, or of the past.
    pub fn opened(&mut self, number: u32, now: Duration) -> bool {
        let ours = self.phase == Phase::Asked(number);
        if ours {
            self.phase = Phase::Flowing(number, now);
        }
        ours
    }

    /// The request for `number` was refused. Final errors end the subscription.
    pub fn refused(&mut self, number: u32, error: &ErrorBody, now: Duration, random: u64) -> Verdict {
        self.ended(number, error, now, random)
    }

    /// The connection is gone: to be asked for again on the next one.
    pub const fn connection_lost(&mut self) {
        self.stale = None;
        match self.phase {
            Phase::Asked(_) | Phase::Flowing(..) => self.phase = Phase::Due(Duration::ZERO),
            Phase::Due(_) | Phase::Over => {}
        }
    }

    /// The user has gone: nothing is to be asked for any more.
    pub fn leave(&mut self) {
        self.give_up_stream();
        self.phase = Phase::Over;
    }

    /// Whether nothing will follow.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// A number that the server is to be told is no longer wanted. Returned once.
    pub const fn take_stale(&mut self) -> Option<u32> {
        self.stale.take()
    }

    /// Judges a frame of a conversation that came on stream `from`.
    pub fn conversation(
        &mut self,
        from: u32,
        frame: &ConversationFrame,
        now: Duration,
        random: u64,
    ) -> Verdict {
        match frame {
            ConversationFrame::Event(event) => self.event(from, event, now, random),
            ConversationFrame::CaughtUp { seq } if *seq > self.last => {
                let fault = StreamFault::Gap { expected: self.last.next(), got: seq.next() };
                self.fault(from, fault, now, random)
            }
            ConversationFrame::CaughtUp { .. } | ConversationFrame::Cursors(_) => Verdict::Give,
            ConversationFrame::Ended { error } => self.ended(from, error, now, random),
            ConversationFrame::Unknown => Verdict::Ignore,
        }
    }

    /// Judges a frame of the desk that came on stream `from`.
    pub fn desk(&mut self, from: u32, frame: &DeskFrame, now: Duration, random: u64) -> Verdict {
        match frame {
            // The desk has no sequence: what a stream of the past still brings would undo what is newer.
            DeskFrame::Snapshot { .. }
            | DeskFrame::Row(_)
            | DeskFrame::Gone { .. }
            | DeskFrame::Counts(_)
            | DeskFrame::ProfileCounts { .. }
            | DeskFrame::Agent(_) => {
                if self.carries(from) {
                    Verdict::Give
                } else {
                    Verdict::Again(None)
                }
            }
            DeskFrame::Ended { error } => self.ended(from, error, now, random),
            DeskFrame::Unknown => Verdict::Ignore,
        }
    }

    /// Stream `from` ended without saying why, or was reset.
    pub fn cut(&mut self, from: u32, now: Duration, random: u64) -> Verdict {
        if self.carries(from) {
            self.give_up_stream();
            self.retry(Duration::ZERO, now, random);
        }
        Verdict::Again(None)
    }

    /// Something unreadable came on stream `from`.
    pub fn garbled(&mut self, from: u32, what: String, now: Duration, random: u64) -> Verdict {
        self.fault(from, StreamFault::Garbled(what), now, random)
    }

    /// Whether typing is worth showing: its writer has written nothing since.
    #[must_use]
    pub fn typing_counts(&self, typing: &Typing) -> bool {
        let Some(by) = &typing.by else { return true };
        !self.written.iter().any(|(writer, seq)| writer == by && *seq > typing.after_seq)
    }

    fn event(&mut self, from: u32, event: &Event, now: Duration, random: u64) -> Verdict {
        if event.seq <= self.last {
            return Verdict::Repeat;
        }
        if event.seq != self.last.next() {
            let fault = StreamFault::Gap { expected: self.last.next(), got: event.seq };
            return self.fault(from, fault, now, random);
        }
        self.last = event.seq;
        self.failures = 0;
        if matches!(event.what, EventKind::Message { .. }) {
            self.wrote(&event.by, event.seq);
        }
        Verdict::Give
    }

    fn wrote(&mut self, writer: &Sender, seq: Seq) {
        if let Some((_, last)) = self.written.iter_mut().find(|(known, _)| known == writer) {
            *last = seq;
            return;
        }
        if self.written.len() == WRITERS_MAX {
            // The writer who has been silent longest is the least likely to be typing.
            self.written.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
            self.written.pop();
        }
        self.written.push((writer.clone(), seq));
    }

    fn ended(&mut self, from: u32, error: &ErrorBody, now: Duration, random: u64) -> Verdict {
        if !self.carries(from) {
            return Verdict::Again(None);
        }
        if !error.retryable {
            self.phase = Phase::Over;
            return Verdict::Refused(error.clone());
        }
        self.retry(Duration::from_millis(u64::from(error.wait_ms.unwrap_or(0))), now, random);
        Verdict::Again(None)
    }

    fn fault(&mut self, from: u32, fault: StreamFault, now: Duration, random: u64) -> Verdict {
        if !self.carries(from) {
            return Verdict::Again(None);
        }
        self.give_up_stream();
        self.retry(Duration::ZERO, now, random);
        if self.failures >= FAULTS_MAX {
            self.phase = Phase::Over;
            return Verdict::Faulty(fault);
        }
        Verdict::Again(Some(fault))
    }

    /// Whether `from` is the stream that carries the subscription now; else it is of the past.
    const fn carries(&self, from: u32) -> bool {
        match self.phase {
            Phase::Asked(number) | Phase::Flowing(number, _) => number == from,
            Phase::Due(_) | Phase::Over => false,
        }
    }

    const fn give_up_stream(&mut self) {
        match self.phase {
            Phase::Asked(number) | Phase::Flowing(number, _) => self.stale = Some(number),
            Phase::Due(_) | Phase::Over => {}
        }
    }

    fn retry(&mut self, at_least: Duration, now: Duration, random: u64) {
        if matches!(self.phase, Phase::Flowing(_, since) if now.saturating_sub(since) >= SETTLED) {
            self.failures = 0;
        }
        let wait = at_least + share(ceiling(RETRY_FIRST, RETRY_MAX, self.failures), random);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Due(now + wait);
    }
}

/// The ceiling of the wait before a stream that failed is asked for again; doubles with each failure.
const RETRY_FIRST: Duration = Duration::from_millis(20);

/// The ceiling of all such waits.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A stream that flowed this long was good: the next failure counts as the first.
const SETTLED: Duration = Duration::from_secs(5);

/// So many faults in a row, without an event between them, end the subscription.
const FAULTS_MAX: u32 = 5;

/// Of so many writers the last message is remembered.
const WRITERS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;
    use switchboard_protocol::vocabulary::{Content, ConversationId, MessageText, Timestamp};
    use switchboard_protocol::wire::ErrorCode;

    fn seq(value: u64) -> Seq {
        Seq::new(value).unwrap()
    }

    fn event(at: u64) -> ConversationFrame {
        ConversationFrame::Event(Event {
            seq: seq(at),
            at: Timestamp::from_millis(0),
            by: Sender::Customer,
            epoch: None,
            what: EventKind::message(Content::text(MessageText::new("x").unwrap())),
        })
    }

    fn flowing(after: u64, number: u32) -> Follow {
        let mut follow = Follow::new(seq(after));
        assert_eq!(follow.asked(number), seq(after));
        assert!(follow.opened(number, Duration::ZERO));
        follow
    }

    fn judge(follow: &mut Follow, from: u32, frame: &ConversationFrame) -> Verdict {
        follow.conversation(from, frame, Duration::from_secs(1), 0)
    }

    #[test]
    fn a_repeat_is_dropped_and_a_gap_asks_again_from_the_last_good_one() {
        let mut follow = flowing(3, 1);
        assert_eq!(judge(&mut follow, 1, &event(4)), Verdict::Give);
        assert_eq!(judge(&mut follow, 1, &event(4)), Verdict::Repeat);
        let gap = StreamFault::Gap { expected: seq(5), got: seq(6) };
        assert_eq!(judge(&mut follow, 1, &event(6)), Verdict::Again(Some(gap)));
        assert_eq!(follow.take_stale(), Some(1));
        assert_eq!(follow.take_stale(), None);
        assert_eq!(follow.due(), Some(Duration::from_secs(1)));
        assert_eq!(follow.asked(2), seq(4));
    }

    #[test]
    fn caught_up_beyond_what_was_sent_is_a_gap() {
        let mut follow = flowing(3, 1);
        assert_eq!(judge(&mut follow, 1, &ConversationFrame::CaughtUp { seq: seq(3) }), Verdict::Give);
        let verdict = judge(&mut follow, 1, &ConversationFrame::CaughtUp { seq: seq(4) });
        assert!(matches!(verdict, Verdict::Again(Some(StreamFault::Gap { .. }))), "{verdict:?}");
    }

    #[test]
    fn faults_without_end_end_the_subscription() {
        let mut follow = Follow::new(Seq::ZERO);
        for number in 1.. {
            follow.asked(number);
            follow.opened(number, Duration::ZERO);
            match judge(&mut follow, number, &event(2)) {
                Verdict::Again(Some(_)) if number < FAULTS_MAX => {}
                Verdict::Faulty(_) if number == FAULTS_MAX => break,
                other => panic!("{number}: {other:?}"),
            }
        }
        assert!(follow.is_over());
        assert_eq!(follow.take_stale(), Some(FAULTS_MAX));
    }

    #[test]
    fn an_end_is_final_or_waits_as_long_as_it_says() {
        let retryable = ErrorBody::new(ErrorCode::Resubscribe, "lagging").after_ms(700);
        let mut follow = flowing(0, 1);
        assert_eq!(
            judge(&mut follow, 1, &ConversationFrame::Ended { error: retryable }),
            Verdict::Again(None)
        );
        assert_eq!(follow.due(), Some(Duration::from_millis(1_700)));
        assert_eq!(follow.take_stale(), None);

        let last = ErrorBody::new(ErrorCode::Quarantined, "unreadable");
        let mut follow = flowing(0, 1);
        let ended = ConversationFrame::Ended { error: last.clone() };
        assert_eq!(judge(&mut follow, 1, &ended), Verdict::Refused(last));
        assert!(follow.is_over());
    }

    #[test]
    fn the_past_does_not_disturb_the_present() {
        let mut follow = flowing(0, 1);
        follow.connection_lost();
        follow.asked(2);
        assert!(!follow.opened(1, Duration::ZERO));
        assert_eq!(judge(&mut follow, 1, &event(1)), Verdict::Give);
        assert_eq!(judge(&mut follow, 1, &event(3)), Verdict::Again(None));
        assert_eq!(follow.cut(1, Duration::ZERO, 0), Verdict::Again(None));
        assert!(follow.opened(2, Duration::ZERO));
        assert_eq!(judge(&mut follow, 2, &event(1)), Verdict::Repeat);
        assert_eq!(judge(&mut follow, 2, &event(2)), Verdict::Give);
    }

    #[test]
    fn typing_that_a_message_has_overtaken_does_not_count() {
        let mut follow = flowing(0, 1);
        let mut typing = Typing {
            conversation: ConversationId::from_bytes([1; 16]),
            by: Some(Sender::Customer),
            after_seq: seq(0),
            expires_ms: 5_000,
        };
        assert!(follow.typing_counts(&typing));
        judge(&mut follow, 1, &event(1));
        assert!(!follow.typing_counts(&typing));
        typing.by = Some(Sender::Agent { member: None });
        assert!(follow.typing_counts(&typing));
        typing = Typing { by: Some(Sender::Customer), after_seq: seq(1), ..typing };
        assert!(follow.typing_counts(&typing));
    }

    /// What a server and a network may do to a stream.
    #[derive(Debug, Clone)]
    enum Act {
        Next,
        Repeat(u64),
        Skip(u64),
        CaughtUp,
        End(bool),
        Cut,
        Lose,
        Resubscribe,
        Old,
    }

    fn acts() -> impl Strategy<Value = Act> {
        prop_oneof![
            12 => Just(Act::Next),
            2 => (0..5_u64).prop_map(Act::Repeat),
            1 => (1..5_u64).prop_map(Act::Skip),
            2 => Just(Act::CaughtUp),
            1 => any::<bool>().prop_map(Act::End),
            1 => Just(Act::Cut),
            1 => Just(Act::Lose),
            6 => Just(Act::Resubscribe),
            2 => Just(Act::Old),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever the streams do, the user is given 1, 2, 3, … once each, and a subscription
        /// that is not over is always either flowing or due.
        #[test]
        fn the_user_sees_each_event_once_in_order(
            acts in proptest::collection::vec(acts(), 1..300), random: u64,
        ) {
            let mut follow = Follow::new(Seq::ZERO);
            let mut given = Vec::new();
            let mut number = 0;
            // The next event that the current stream, and the one before it, would carry.
            let (mut sent, mut sent_before) = (None::<u64>, None::<u64>);
            let now = Duration::from_secs(1);
            for act in acts {
                let (from, frame) = match act {
                    Act::Resubscribe => {
                        if follow.due().is_some() {
                            number += 1;
                            sent_before = sent;
                            sent = Some(follow.asked(number).get() + 1);
                            prop_assert!(follow.opened(number, now));
                        }
                        continue;
                    }
                    Act::Lose => {
                        follow.connection_lost();
                        (sent, sent_before) = (None, None);
                        continue;
                    }
                    Act::Cut => {
                        follow.cut(number, now, random);
                        sent = None;
                        continue;
                    }
                    Act::End(_) if sent.is_none() => continue,
                    Act::End(retryable) => {
                        let mut error = ErrorBody::new(ErrorCode::Resubscribe, "");
                        error.retryable = retryable;
                        sent = None;
                        (number, ConversationFrame::Ended { error })
                    }
                    Act::Old => {
                        let Some(next) = &mut sent_before else { continue };
                        *next += 1;
                        (number - 1, event(*next - 1))
                    }
                    Act::Next | Act::Repeat(_) | Act::Skip(_) | Act::CaughtUp => {
                        let Some(next) = &mut sent else { continue };
                        let frame = match act {
                            Act::Repeat(back) => event(next.saturating_sub(back).max(1)),
                            Act::Skip(ahead) => event(*next + ahead),
                            Act::CaughtUp => ConversationFrame::CaughtUp { seq: seq(*next - 1) },
                            Act::Next | Act::Old | Act::End(_) | Act::Cut | Act::Lose | Act::Resubscribe => {
                                *next += 1;
                                event(*next - 1)
                            }
                        };
                        (number, frame)
                    }
                };
                match (follow.conversation(from, &frame, now, random), &frame) {
                    (Verdict::Give, ConversationFrame::Event(event)) => given.push(event.seq.get()),
                    (Verdict::Again(_) | Verdict::Refused(_) | Verdict::Faulty(_), _) if from == number => {
                        sent = None;
                    }
                    (Verdict::Again(_), _) => sent_before = None,
                    _ => {}
                }
                prop_assert!(follow.is_over() || follow.due().is_some() || sent.is_some());
            }
            let wanted: Vec<u64> = (1..=given.len() as u64).collect();
            prop_assert_eq!(follow.last().get(), given.len() as u64);
            prop_assert_eq!(given, wanted);
        }
    }
}
