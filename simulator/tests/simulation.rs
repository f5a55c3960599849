//! The simulator keeps its own promises: enough seeds pass, everything it is there to meet is met, each
//! known mistake is found, and a seed is the same run every time.
//!
//! Must not know how a seed is run.

use switchboard::machines::planted::Bug;
use switchboard_simulator::{Promise, run_seed, run_seeds};

#[test]
fn two_thousand_seeds_keep_every_promise_and_meet_everything() {
    let summary = run_seeds(0, 2_000, THREADS, None);
    if let Some(failure) = &summary.failure {
        panic!("{failure}");
    }
    assert_eq!(summary.seeds, 2_000);
    assert_eq!(summary.tally.missing(), []);
}

#[test]
fn each_known_mistake_is_found_by_the_promise_that_it_breaks() {
    for bug in Bug::ALL {
        let (promise, seeds) = found_by(*bug);
        let failure = run_seeds(0, seeds, THREADS, Some(*bug)).failure;
        let failure = failure.unwrap_or_else(|| panic!("{bug:?} was not found in {seeds} seeds"));
        assert_eq!(failure.promise, promise, "{bug:?}: {failure}");
    }
}

/// Which promise a mistake breaks first, and in how many seeds that must show.
const fn found_by(bug: Bug) -> (Promise, u64) {
    match bug {
        Bug::AnswerBeforeDurable => (Promise::G1, 10),
        Bug::PushBeforeDurable => (Promise::G3, 10),
        Bug::ForgetAnswers => (Promise::G2, 50),
        Bug::HandOverWithGap => (Promise::G3, 10),
        Bug::HandOverWithRepeat => (Promise::G3, 10),
        Bug::FenceIgnored => (Promise::G2, 2_000),
        Bug::SleepWithWork => (Promise::Alive, 10),
        Bug::ResendOutOfOrder => (Promise::G2, 10),
        Bug::FailedCommitKept => (Promise::G2, 50),
        Bug::LagForgotten => (Promise::G3, 50),
        Bug::WayAskedTwice => (Promise::G2, 4_000),
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in 0..20 {
        let (first, second) = (run_seed(seed, None, true), run_seed(seed, None, true));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert_eq!((first.fingerprint, first.tally), (second.fingerprint, second.tally), "seed {seed}");
        let elsewhere = std::thread::spawn(move || run_seed(seed, None, false).fingerprint).join();
        assert_eq!(elsewhere.ok(), Some(first.fingerprint), "seed {seed}");
    }
}

#[test]
fn a_failure_says_where_it_was_and_how_to_see_it_again() {
    let bug = Some(Bug::AnswerBeforeDurable);
    let failure = run_seeds(0, 10, 1, bug).failure.expect("it is found at once");
    let again = run_seed(failure.seed, bug, false).failure;
    assert_eq!(again.as_ref(), Some(&failure));
    let said = failure.to_string();
    for part in
        [format!("seed {}, step {}", failure.seed, failure.step), format!("--seed {} --trace", failure.seed)]
    {
        assert!(said.contains(&part), "{said}");
    }
}

/// As many as a small machine has processors.
const THREADS: usize = 2;
