//! The journal on a disk that gets full, without one: what is free is said by the test.
//!
//! Owns the proof that entries are refused with the reason, that whatever was acknowledged is read, folded or
//! not, also by a start on a full disk, and that everything goes on when there is room. Must not know the marks'
//! rules.

use proptest::strategy::ValueTree as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// What is free, for all journals of a test.
#[derive(Clone)]
struct Free(Arc<AtomicU64>);

impl Free {
    fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::SeqCst);
    }

    fn options(&self, dir: &Path) -> JournalOptions {
        let free = Arc::clone(&self.0);
        JournalOptions {
            room_bytes_min: MARK,
            reserve_bytes: 1 << 20,
            free_space: FreeSpace::from_fn(move |_| Ok(free.load(Ordering::SeqCst))),
            ..options(dir)
        }
    }

    fn start(&self, dir: &Path) -> Result<(Journal, StartReport), StartError> {
        Journal::start(&self.options(dir), &mut |_| {})
    }
}

/// Waits until entries are taken, or are not any more.
async fn until_room(journal: &Journal, taken: bool) {
    journal.room().wait_for(|room| room.is_ok() == taken).await.unwrap();
}

#[test]
fn entries_are_refused_with_the_reason_and_taken_again_when_there_is_room() {
    runtime().block_on(async {
        let (dir, free) = (tempfile::tempdir().unwrap(), Free::new(PLENTY));
        let (journal, _) = free.start(dir.path()).unwrap();
        assert_eq!(journal.has_room(), Ok(()));
        free.set(FEW);
        until_room(&journal, false).await;
        let needed_bytes = MARK / 4 * 5 + (1 << 20);
        assert_eq!(journal.has_room(), Err(AppendError::NoRoom(NoRoom { free_bytes: FEW, needed_bytes })));
        free.set(PLENTY);
        until_room(&journal, true).await;
        assert_eq!(journal.has_room(), Ok(()));
        journal.stop().unwrap();
    });
}

#[test]
fn what_was_decided_before_is_committed_and_read_but_not_folded_without_room() {
    runtime().block_on(async {
        let (dir, free) = (tempfile::tempdir().unwrap(), Free::new(PLENTY));
        let (journal, _) = free.start(dir.path()).unwrap();
        let term = open_workspace(&journal).await.term;
        let mut model = Model::default();
        free.set(FEW);
        until_room(&journal, false).await;
        let folded = journal.figures().folded;
        model.act(&journal, term, 1, &some_steps()).await;
        model.check(&journal).await;
        journal.stop().unwrap();
        assert_eq!(journal.figures().folded, folded, "the store was written without room");
        drop(journal);

        let (journal, report) = free.start(dir.path()).unwrap();
        assert_eq!((report.durable, report.replayed), (Position(folded.0 + STEPS), 0));
        model.check(&journal).await;
        free.set(PLENTY);
        until_room(&journal, true).await;
        let term = open_workspace(&journal).await.term;
        model.act(&journal, term, 100, &some_steps()).await;
        model.check(&journal).await;
        journal.stop().unwrap();
        drop(journal);
        let report = verify(dir.path()).unwrap();
        assert!(report.is_sound() && report.folded == report.durable, "{report}");
    });
}

#[test]
fn a_store_that_must_be_made_anew_waits_for_room_untouched() {
    runtime().block_on(async {
        let (dir, free) = (tempfile::tempdir().unwrap(), Free::new(PLENTY));
        let (journal, _) = free.start(dir.path()).unwrap();
        journal.stop().unwrap();
        drop(journal);
        let store = dir.path().join(recover::STORE);
        fs::write(store.join("conf"), GARBAGE).unwrap();
        free.set(FEW);
        let Err(error) = free.start(dir.path()) else { panic!("started") };
        assert!(error.is_no_room(), "{error}");
        assert_eq!(fs::read(store.join("conf")).unwrap(), GARBAGE);
        free.set(PLENTY);
        let (journal, report) = free.start(dir.path()).unwrap();
        assert!(report.rebuilt.is_some());
        journal.stop().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn reading_gives_what_was_acknowledged_however_full_the_disk_was(
        rounds in prop::collection::vec(
            (steps(20), harms(), any::<bool>(), free_at_times(), free_at_times()),
            1..5,
        ),
    ) {
        let runtime = runtime();
        let (dir, older) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (free, mut model) = (Free::new(PLENTY), Model::default());
        for (round, (steps, harm, stopped, at_start, later)) in rounds.into_iter().enumerate() {
            free.set(if round == 0 { PLENTY } else { at_start });
            let (journal, _) = free.start(dir.path()).or_else(|error| {
                assert!(error.is_no_room(), "{error}");
                free.set(PLENTY);
                free.start(dir.path())
            }).unwrap();
            runtime.block_on(async {
                let term = open_workspace(&journal).await.term;
                model.check(&journal).await;
                let term = if round > 0 { open_workspace(&journal).await.term } else { term };
                let (one, two) = steps.split_at(steps.len() / 2);
                model.act(&journal, term, round as i64 * 1_000, one).await;
                free.set(later);
                model.act(&journal, term, round as i64 * 1_000 + 500, two).await;
                model.check(&journal).await;
            });
            if stopped {
                journal.stop().unwrap();
            }
            drop(journal);
            if round == 0 {
                copy(&dir.path().join(recover::STORE), older.path());
            }
            harm.do_to(dir.path(), older.path());
        }
        free.set(PLENTY);
        let (journal, _) = free.start(dir.path()).unwrap();
        runtime.block_on(model.check(&journal));
        journal.stop().unwrap();
        drop(journal);
        let report = verify(dir.path()).unwrap();
        prop_assert!(report.is_sound() && report.folded == report.durable, "{}", report);
    }
}

fn free_at_times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(PLENTY), Just(MARK - 1), Just(FEW), Just(0)]
}

fn some_steps() -> Vec<Step> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let steps = steps(40).prop_filter("too few", |steps| steps.len() as u64 >= STEPS);
    let mut steps = steps.new_tree(&mut runner).unwrap().current();
    steps.truncate(STEPS as usize);
    steps
}

const GARBAGE: &[u8] = b"segment_size: many\nxxxx";

const STEPS: u64 = 8;

/// With less than this free entries are refused.
const MARK: u64 = 100 << 20;

const PLENTY: u64 = 1 << 30;

/// So few that the store is not written, and enough to open it.
const FEW: u64 = 20 << 20;
