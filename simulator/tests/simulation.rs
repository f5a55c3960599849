//! The simulator keeps its own promises: enough seeds pass, everything it is there to meet is met, each
//! known mistake is found, and a seed is the same run every time.
//!
//! Must not know how a seed is run.

use std::ops::Range;

use switchboard::machines::planted::Bug;
use switchboard_simulator::{Promise, run_seed, run_seeds};

#[test]
fn fifteen_thousand_seeds_keep_every_promise_and_meet_everything() {
    let summary = run_seeds(0, SEEDS, THREADS, None);
    for (count, times) in summary.tally.iter() {
        println!("{times:>12}  {}", count.text());
    }
    if let Some(failure) = &summary.failure {
        panic!("{failure}");
    }
    assert_eq!(summary.seeds, SEEDS);
    assert_eq!(summary.tally.missing(), []);
}

#[test]
fn each_known_mistake_is_found_by_a_promise_that_it_breaks() {
    for bug in Bug::ALL {
        let (promises, seeds) = found_by(*bug);
        let failure = run_seeds(seeds.start, seeds.end - seeds.start, THREADS, Some(*bug)).failure;
        let failure = failure.unwrap_or_else(|| panic!("{bug:?} was not found in the seeds {seeds:?}"));
        assert!(promises.contains(&failure.promise), "{bug:?}: {failure}");
    }
}

/// Which promises a mistake breaks, one of them first, and in which seeds that must show.
const fn found_by(bug: Bug) -> (&'static [Promise], Range<u64>) {
    use Promise::{
        Alive, Capacity, Eligible, Explained, Floor, Forgotten, G1, G2, G3, Presence, Room, Stale, Timers,
        Waiting,
    };
    match bug {
        Bug::AnswerBeforeDurable => (&[G1], 0..50),
        // A reader who is pushed an entry early is pushed it out of turn, too.
        Bug::PushBeforeDurable => (&[G1, G3], 0..50),
        Bug::ForgetAnswers => (&[G2], 0..200),
        Bug::HandOverWithGap => (&[G3], 0..50),
        Bug::HandOverWithRepeat => (&[G3], 0..50),
        Bug::FenceIgnored => (&[G2], 0..1_000),
        // What is not durable is kept; or a conversation that is followed falls asleep again and again.
        Bug::SleepWithWork => (&[G1, Alive], 0..50),
        Bug::ResendOutOfOrder => (&[G2], 0..50),
        // It is acknowledged; or what is appended next does not follow on what is stored.
        Bug::FailedCommitKept => (&[G1, G2], 0..200),
        Bug::LagForgotten => (&[G3], 0..50),
        // A command is refused by one copy and done by another; or a subscriber is left behind.
        Bug::WayAskedTwice => (&[G2, Alive], 0..15_000),
        // Somebody is answered who should not be, or a state is kept that never was.
        Bug::RefusalTakesCounter => (&[G1, G2], 0..200),
        Bug::EndOverlooked => (&[G2], 0..50),
        Bug::ReceivedGoesBack => (&[G3], 0..2_000),
        Bug::ReceivedBeforeDurable => (&[G3], 0..5_000),
        Bug::TypingBeforeDurable => (&[G1], 0..200),
        Bug::ResumeOneLate => (&[G3], 0..50),
        Bug::NameForgotten => (&[G2], 0..50),
        Bug::NameForgottenAsleep => (&[G2], 0..1_000),
        Bug::FormerForgotten => (&[G2], 0..1_000),
        // A command is refused by one session, and done by the one before; or both serve.
        Bug::SessionForgotten => (&[G2, Presence], 0..5_000),
        Bug::OfflineTooSoon => (&[Presence], 0..50),
        Bug::TwoPlaces => (&[Presence], 0..50),
        Bug::LeaseWithoutEvidence => (&[Presence], 0..50),
        Bug::FullDiskForgotten => (&[Room], 0..5_000),
        Bug::VerdictOvertakes => (&[G3], 0..50),
        Bug::TakenWithoutReserve => (&[Room], 0..50),
        Bug::SlotLost => (&[Waiting], 0..5_000),
        // An assignment is one of the things that may be appended; any of them is unknown to the new term.
        Bug::FormerTermAppends => (&[Stale, Forgotten, G2], 0..1_000),
        Bug::DeadlineTooEarly => (&[Timers], 0..200),
        Bug::FloorForgotten => (&[Floor], 0..1_000),
        Bug::AbsentForgotten => (&[Forgotten], 0..5_000),
        Bug::UnsaidForgotten => (&[Forgotten], 0..5_000),
        Bug::ToldOnce => (&[Waiting, Forgotten], 0..5_000),
        // Two decisions about one request: one agent too many has it, or somebody else is passed over.
        Bug::FirstWordEndsDecision => (&[Capacity, Stale, Forgotten], 0..5_000),
        Bug::TimerTwice => (&[Timers], 0..15_000),
        Bug::SettingBeforeDurable => (&[G1], 0..50),
        Bug::OpeningOverlooked => (&[Waiting], 0..200),
        Bug::AwayOverlooked => (&[Eligible], 0..200),
        Bug::AbsentGiven => (&[Eligible], 0..1_000),
        Bug::LookerCounts => (&[Presence], 0..50),
        Bug::ReasonsForgotten => (&[Explained], 0..200),
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

const SEEDS: u64 = 15_000;

/// As many as a small machine has processors.
const THREADS: usize = 2;
