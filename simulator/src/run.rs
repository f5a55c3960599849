//! Running seeds: one after the other, on a few threads, until one fails.
//!
//! Owns what is said of a failure and how it is replayed. Must not know what happens in a world.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard::machines::planted::{Bug, plant};

use crate::check::Promise;
use crate::tally::Tally;
use crate::trace::Trace;
use crate::world::World;

/// What a run of one seed came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What happened.
    pub tally: Tally,
    /// How many steps it took.
    pub steps: u32,
    /// The same for the same steps.
    pub fingerprint: u64,
    /// The last steps, or all of them if they were asked for.
    pub trace: Vec<String>,
    /// Which promise was broken, if one was.
    pub failure: Option<Failure>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In which seed.
    pub seed: u64,
    /// At which step.
    pub step: u32,
    /// Which promise.
    pub promise: Promise,
    /// How.
    pub what: String,
    /// The steps before, the last one last.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "seed {}, step {}: {}", self.seed, self.step, self.promise)?;
        writeln!(f, "  {}", self.what)?;
        write!(f, "replay: cargo run -p switchboard-simulator --release -- --seed {} --trace", self.seed)
    }
}

/// Runs one seed, with a mistake planted or none.
#[must_use]
pub fn run_seed(seed: u64, bug: Option<Bug>, keeps_trace: bool) -> Outcome {
    plant(bug);
    let mut world = World::new(seed, Trace::new(keeps_trace));
    let mut step = 0;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        while step < world.rates.steps && world.broken.is_none() && world.step(step) {
            step += 1;
        }
        if world.broken.is_none() {
            step = world.come_to_rest(step);
        }
    }));
    plant(None);
    if ended.is_err() {
        world.broken = Some((Promise::Sound, "a panic; its message is above".to_owned()));
    }
    let World { tally, trace, broken, .. } = world;
    let fingerprint = trace.fingerprint();
    let trace = trace.into_lines();
    let failure = broken.map(|(promise, what)| Failure { seed, step, promise, what, trace: trace.clone() });
    Outcome { tally, steps: step, fingerprint, trace, failure }
}

/// What many seeds came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many were run.
    pub seeds: u64,
    /// How many steps they took.
    pub steps: u64,
    /// What happened in all of them.
    pub tally: Tally,
    /// The failure of the lowest seed that failed.
    pub failure: Option<Failure>,
}

/// Runs seeds from `first` on, on several threads; none is begun after one has failed.
#[must_use]
pub fn run_seeds(first: u64, seeds: u64, threads: usize, bug: Option<Bug>) -> Summary {
    let next = AtomicU64::new(first);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| work(&next, first + seeds, &summary, bug));
        }
    });
    summary.into_inner().unwrap_or_default()
}

fn work(next: &AtomicU64, end: u64, summary: &Mutex<Summary>, bug: Option<Bug>) {
    let mut own = Summary::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let outcome = run_seed(seed, bug, false);
        own.seeds += 1;
        own.steps += u64::from(outcome.steps);
        own.tally.merge(&outcome.tally);
        if let Some(failure) = outcome.failure {
            next.fetch_max(end, Ordering::Relaxed);
            own.failure = Some(failure);
            break;
        }
    }
    // A thread that has panicked has left nothing half-done in it.
    let mut all = summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.seeds += own.seeds;
    all.steps += own.steps;
    all.tally.merge(&own.tally);
    let earlier = |failure: &Failure| all.failure.as_ref().is_none_or(|known| failure.seed < known.seed);
    if own.failure.as_ref().is_some_and(earlier) {
        all.failure = own.failure;
    }
}
