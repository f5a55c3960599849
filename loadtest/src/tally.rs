//! The sum of everything that is seen under a load.
//!
//! Owns the counts and the histograms, and the span of time that is measured: what was due before or
//! after it is counted and not timed. Must not know who sees what.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use crate::Failure;
use crate::clock::Micros;
use crate::order::Arrival;
use crate::payload::Payload;
use crate::report::Latencies;

/// The sum. Everybody who sees something adds to it.
#[derive(Debug)]
pub(crate) struct Tally {
    sum: Mutex<Sum>,
    changed: Notify,
}

/// What has been seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Messages that were accepted.
    pub(crate) acknowledged: u64,
    /// Those of them that were so within the measured span.
    pub(crate) measured: u64,
    /// Messages that were refused, or whose client ended.
    pub(crate) refused: u64,
    /// The first refusal, or what the first spoiled thing was.
    pub(crate) first_fault: Option<String>,
    /// Messages that reached the other end of their pair.
    pub(crate) delivered: u64,
    /// Messages that reached an end once more.
    pub(crate) repeated: u64,
    /// Messages that reached an end after a later one.
    pub(crate) out_of_order: u64,
    /// Messages that are not as they were sent, and events that do not follow on the one before.
    pub(crate) spoiled: u64,
}

#[derive(Debug)]
struct Sum {
    span: Range<Micros>,
    counts: Counts,
    sent_late: Histogram<u64>,
    acknowledged_due: Histogram<u64>,
    acknowledged_sent: Histogram<u64>,
    delivered_due: Histogram<u64>,
    delivered_sent: Histogram<u64>,
}

impl Tally {
    /// Nothing was seen, and nothing is measured yet.
    ///
    /// # Errors
    /// When there cannot be histograms of this precision.
    pub(crate) fn new() -> Result<Self, Failure> {
        let histogram = || {
            Histogram::new_with_bounds(1, MICROS_MAX, SIGNIFICANT_DIGITS).map_err(Failure::of("a histogram"))
        };
        let sum = Sum {
            span: 0..0,
            counts: Counts::default(),
            sent_late: histogram()?,
            acknowledged_due: histogram()?,
            acknowledged_sent: histogram()?,
            delivered_due: histogram()?,
            delivered_sent: histogram()?,
        };
        Ok(Self { sum: Mutex::new(sum), changed: Notify::new() })
    }

    /// From here on this span is measured.
    pub(crate) fn measure(&self, span: Range<Micros>) {
        self.lock().span = span;
    }

    /// A message was accepted or refused.
    pub(crate) fn answered(&self, payload: &Payload, refusal: Option<String>, now: Micros) {
        let mut sum = self.lock();
        match refusal {
            Some(refusal) => {
                sum.counts.refused += 1;
                sum.counts.first_fault.get_or_insert(refusal);
            }
            None => {
                sum.counts.acknowledged += 1;
                // By when it came, so that a daemon that falls behind does not count as one that keeps up.
                if sum.span.contains(&now) {
                    sum.counts.measured += 1;
                }
                if sum.span.contains(&payload.due) {
                    record(&mut sum.sent_late, payload.due, payload.sent);
                    record(&mut sum.acknowledged_due, payload.due, now);
                    record(&mut sum.acknowledged_sent, payload.sent, now);
                }
            }
        }
        drop(sum);
        self.changed.notify_one();
    }

    /// A message has arrived at one end of its pair: at the other one if `across`.
    pub(crate) fn arrived(&self, payload: &Payload, arrival: Arrival, across: bool, now: Micros) {
        let mut sum = self.lock();
        match arrival {
            Arrival::InTurn | Arrival::Early => {}
            Arrival::Late => sum.counts.out_of_order += 1,
            Arrival::Again => sum.counts.repeated += 1,
        }
        if !across || arrival == Arrival::Again {
            return;
        }
        sum.counts.delivered += 1;
        if sum.span.contains(&payload.due) {
            record(&mut sum.delivered_due, payload.due, now);
            record(&mut sum.delivered_sent, payload.sent, now);
        }
        drop(sum);
        self.changed.notify_one();
    }

    /// Something has arrived that should not look so.
    pub(crate) fn spoiled(&self, what: String) {
        let mut sum = self.lock();
        sum.counts.spoiled += 1;
        sum.counts.first_fault.get_or_insert(what);
    }

    /// Waits until the counts satisfy a condition.
    pub(crate) async fn wait_until(&self, condition: impl Fn(&Counts) -> bool) {
        while !condition(&self.lock().counts) {
            self.changed.notified().await;
        }
    }

    /// The counts.
    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts.clone()
    }

    /// The latencies.
    pub(crate) fn latencies(&self) -> Latencies {
        let sum = self.lock();
        Latencies {
            due_to_sent: (&sum.sent_late).into(),
            due_to_acknowledged: (&sum.acknowledged_due).into(),
            sent_to_acknowledged: (&sum.acknowledged_sent).into(),
            due_to_delivered: (&sum.delivered_due).into(),
            sent_to_delivered: (&sum.delivered_sent).into(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sum> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn record(histogram: &mut Histogram<u64>, from: Micros, to: Micros) {
    histogram.saturating_record(to.saturating_sub(from).max(1));
}

/// Longer than a minute counts as a minute.
const MICROS_MAX: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
