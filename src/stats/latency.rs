//! Latency histograms, one for each stage.
//!
//! Owns their precision and bounds: 1 µs to 60 s at two significant digits, about 20 KB each.
//! Recording touches only a histogram of the recording thread, so no message waits for another;
//! reading merges them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use hdrhistogram::Histogram;

/// A stage that a message passes. Each is measured from the message's arrival, so that they add up
/// to what the message's reader waits for, except `Sync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Arrival → the conversation has decided.
    Decided,
    /// Arrival → on disk.
    Durable,
    /// Arrival → in the subscribers' outboxes.
    Pushed,
    /// Arrival → written to a subscriber's stream.
    Written,
    /// One commit of the journal: write and sync.
    Commit,
}

impl Stage {
    /// All of them, in the order in which a message passes them.
    pub const ALL: [Self; 5] = [Self::Decided, Self::Commit, Self::Durable, Self::Pushed, Self::Written];

    /// Its name in figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Durable => "durable",
            Self::Pushed => "pushed",
            Self::Written => "written",
            Self::Commit => "commit",
        }
    }
}

/// The figures of one stage, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageFigures {
    /// Which stage.
    pub stage: Stage,
    /// How many were measured.
    pub count: u64,
    /// The median.
    pub p50_us: u64,
    /// 90 % are at most this.
    pub p90_us: u64,
    /// 99 % are at most this.
    pub p99_us: u64,
    /// 99.9 % are at most this.
    pub p999_us: u64,
    /// The largest.
    pub max_us: u64,
}

/// The histograms of all stages. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    threads: Mutex<Vec<Arc<ThreadStages>>>,
}

type ThreadStages = Mutex<[Option<Histogram<u64>>; Stage::ALL.len()]>;

thread_local! {
    /// This thread's histograms, with whose they are.
    static OWN: RefCell<Vec<(Weak<Shared>, Arc<ThreadStages>)>> = const { RefCell::new(Vec::new()) };
}

impl Latency {
    /// Records how long something took. Longer than a minute counts as a minute.
    pub fn record(&self, stage: Stage, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let own = self.own();
        // Only a reader of the figures ever shares this lock.
        let mut stages = own.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut stages[stage as usize];
        if slot.is_none() {
            *slot = Histogram::new_with_bounds(1, MICROS_MAX, SIGNIFICANT_DIGITS).ok();
        }
        if let Some(histogram) = slot {
            histogram.saturating_record(micros);
        }
    }

    /// The figures of every stage since the start.
    #[must_use]
    pub fn figures(&self) -> Vec<StageFigures> {
        let threads = self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stage::ALL.iter().map(|stage| figures_of(*stage, &threads)).collect()
    }

    fn own(&self) -> Arc<ThreadStages> {
        OWN.with_borrow_mut(|own| {
            let mine = own.iter().find(|(whose, _)| std::ptr::eq(whose.as_ptr(), Arc::as_ptr(&self.shared)));
            if let Some((_, stages)) = mine {
                return Arc::clone(stages);
            }
            own.retain(|(whose, _)| whose.strong_count() > 0);
            let stages = Arc::new(ThreadStages::default());
            own.push((Arc::downgrade(&self.shared), Arc::clone(&stages)));
            self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stages));
            stages
        })
    }
}

fn figures_of(stage: Stage, threads: &[Arc<ThreadStages>]) -> StageFigures {
    let mut sum: Option<Histogram<u64>> = None;
    for thread in threads {
        let stages = thread.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut sum, &stages[stage as usize]) {
            (_, None) => {}
            (None, Some(one)) => sum = Some(one.clone()),
            // The bounds are the same, so adding cannot fail.
            (Some(sum), Some(one)) => sum.add(one).unwrap_or(()),
        }
    }
    let at = |quantile: f64| sum.as_ref().map_or(0, |sum| sum.value_at_quantile(quantile));
    StageFigures {
        stage,
        count: sum.as_ref().map_or(0, Histogram::len),
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        max_us: sum.as_ref().map_or(0, Histogram::max),
    }
}

const MICROS_MAX: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_sum_over_all_threads() {
        let latency = Latency::default();
        let threads: Vec<_> = (1..=4_u64)
            .map(|thread| {
                let latency = latency.clone();
                std::thread::spawn(move || {
                    for _ in 0..100 {
                        latency.record(Stage::Durable, Duration::from_micros(thread * 100));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        latency.record(Stage::Durable, Duration::from_secs(3_600));
        let figures = latency.figures();
        let durable = figures.iter().find(|figures| figures.stage == Stage::Durable).unwrap();
        assert_eq!(durable.count, 401);
        assert!((295..=305).contains(&durable.p50_us), "the 201st of 401: {durable:?}");
        assert!(durable.max_us >= MICROS_MAX - MICROS_MAX / 50, "{durable:?}");
        assert!(figures.iter().all(|stage| stage.stage == Stage::Durable || stage.count == 0));
    }
}
