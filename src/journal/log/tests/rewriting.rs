//! What rewritten segments promise, on real files.
//!
//! Owns the proof that a rewriting changes what it is told to and nothing else, that damage in what it made is
//! noticed, and that whoever reads or copies meanwhile is not confused. Must not know what a payload means.

use super::rewrite::Done;
use super::*;
use switchboard_protocol::vocabulary::Timestamp;

/// Erases the payloads of some positions, and says that another one is due.
#[derive(Default)]
struct Told {
    erase: Vec<u64>,
    due: Option<(u64, i64)>,
    /// Gives up behind so many records.
    give_up_after: Option<usize>,
    seen: usize,
}

impl Editor for Told {
    fn fate(&mut self, record: &LogRecord) -> Fate {
        self.seen += 1;
        let at = record.position.0;
        let payload = self.erase.contains(&at).then(|| Bytes::from(vec![b'*'; record.payload.len()]));
        let due = self.due.filter(|(position, _)| *position == at);
        Fate { payload, due: due.map(|(_, due)| Timestamp::from_millis(due)) }
    }

    fn gives_up(&self) -> bool {
        self.give_up_after.is_some_and(|after| self.seen >= after)
    }
}

/// Rewrites a segment without changing anything in it.
pub(super) fn rewrite(folder: &Path, number: u64) -> Result<Option<Done>, LogError> {
    rewrite_segment(folder, number, &mut Told::default())
}

/// A log of several segments, all but the last of them rewritten, and what is in it.
fn rewritten(folder: &Path) -> Vec<(u64, usize)> {
    let all = closed(folder);
    for number in 1..segments(folder).len() as u64 {
        rewrite(folder, number).unwrap().unwrap();
    }
    all
}

fn form(segment: &Path) -> Form {
    blocks::Blocks::open(segment).unwrap().0.form()
}

/// The payloads of a log, whatever they are.
fn payloads(folder: &Path) -> Vec<Bytes> {
    let files = LogFiles::find(folder).unwrap();
    files.records(Position(1)).map(|record| record.unwrap().payload).collect()
}

#[test]
fn it_has_the_same_records_from_any_position_in_fewer_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let all = closed(dir.path());
    let before: u64 = segments(dir.path()).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    for round in 0..2 {
        let numbers = 1..segments(dir.path()).len() as u64;
        let done: Vec<Done> = numbers.map(|number| rewrite(dir.path(), number).unwrap().unwrap()).collect();
        assert!(done.iter().all(|done| done.erased == 0 && done.rewriting.erasures == 0), "{round}");
        assert!(done.iter().map(|done| done.bytes).sum::<u64>() < before / 4);
        let files = LogFiles::find(dir.path()).unwrap();
        for from in 0..=all.len() + 1 {
            let wanted = &all[from.saturating_sub(1).min(all.len())..];
            assert_eq!(read(&files, from as u64).unwrap(), wanted, "{from}");
        }
        assert_eq!(reopened(dir.path(), all.len() as u64).unwrap(), all);
    }
}

#[test]
fn what_is_erased_is_gone_and_nothing_else_changes() {
    let dir = tempfile::tempdir().unwrap();
    let all = closed(dir.path());
    let before = payloads(dir.path());
    let mut told = Told { erase: vec![2], due: Some((1, 77)), ..Told::default() };
    let done = rewrite_segment(dir.path(), 1, &mut told).unwrap().unwrap();
    let due = Some(Timestamp::from_millis(77));
    assert_eq!((done.erased, done.rewriting), (1, Rewriting { erasures: 1, due }));
    assert_eq!(form(&segments(dir.path())[0]), Form::Rewritten(done.rewriting));
    let mut after = payloads(dir.path());
    assert_eq!(after[1], vec![b'*'; all[1].1]);
    after[1] = before[1].clone();
    assert_eq!(after, before);

    let done = rewrite(dir.path(), 1).unwrap().unwrap();
    assert_eq!(done.rewriting, Rewriting { erasures: 1, due: None }, "nothing more was erased");
    let mut told = Told { erase: vec![1], ..Told::default() };
    let done = rewrite_segment(dir.path(), 1, &mut told).unwrap().unwrap();
    assert_eq!(done.rewriting.erasures, 2);
}

/// The form of version 2: what is on disk must be read for ever. What compresses may come to other bytes.
#[test]
fn the_layout_is_the_one_that_is_on_disk() {
    let golden = include_str!("../../../../tests/golden/log/rewritten-segment-2.hex").trim();
    let bytes: Vec<u8> =
        (0..golden.len()).step_by(2).map(|at| u8::from_str_radix(&golden[at..at + 2], 16).unwrap()).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("00000000000000000003.seg");
    fs::write(&path, &bytes).unwrap();
    let (mut blocks, head) = blocks::Blocks::open(&path).unwrap();
    let wanted = SegmentHead { log: [7; 16], epoch: 1, number: 3, first: Position(40), commit_before: 9 };
    assert_eq!(head, wanted);
    let rewriting = Rewriting { erasures: 5, due: Some(Timestamp::from_millis(1_700_000_000_000)) };
    assert_eq!(blocks.form(), Form::Rewritten(rewriting));
    assert_eq!(chunks::encode_begin(&head, &rewriting), bytes[..chunks::BEGIN_BYTES]);
    for (commit, first) in [(10, 40), (11, 42)] {
        let blocks::NextBlock::Commit(block, payload) = blocks.next_block().unwrap() else { panic!("none") };
        assert_eq!((block.commit, block.first, block.records), (commit, Position(first), 2));
        let records = format::records(1, &block, payload).unwrap();
        assert_eq!(records[1].payload, format!("record {}", first + 1));
    }
    assert!(matches!(blocks.next_block().unwrap(), blocks::NextBlock::Closed));
}

#[test]
fn whoever_reads_while_it_is_replaced_goes_on_and_what_was_found_before_stays_true() {
    let dir = tempfile::tempdir().unwrap();
    let all = closed(dir.path());
    let files = LogFiles::find(dir.path()).unwrap();
    let mut reading = files.records(Position(1));
    let first = reading.next().unwrap().unwrap();
    for number in 1..segments(dir.path()).len() as u64 {
        let mut told = Told { erase: vec![3], ..Told::default() };
        rewrite_segment(dir.path(), number, &mut told).unwrap().unwrap();
    }
    let rest: Vec<LogRecord> = reading.map(Result::unwrap).collect();
    assert_eq!((first.position.0, rest.len()), (1, all.len() - 1));
    assert_eq!(rest[1].payload, payload(3, all[2].1), "a file that was opened stays as it was");
    let again: Vec<LogRecord> = files.records(Position(1)).map(Result::unwrap).collect();
    assert_eq!((again.len(), &again[2].payload[..]), (all.len(), &vec![b'*'; all[2].1][..]));
}

#[test]
fn what_is_given_up_changes_nothing_and_what_it_leaves_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let all = closed(dir.path());
    let before = fs::read(&segments(dir.path())[0]).unwrap();
    let mut told = Told { give_up_after: Some(0), ..Told::default() };
    assert_eq!(rewrite_segment(dir.path(), 1, &mut told).unwrap(), None);
    let left = dir.path().join("00000000000000000001.rewriting");
    assert!(!left.exists() && fs::read(&segments(dir.path())[0]).unwrap() == before);
    fs::write(&left, b"a rewriting that did not come to its end").unwrap();
    assert_eq!(reopened(dir.path(), all.len() as u64).unwrap(), all);
    assert!(!left.exists());
}

#[test]
fn a_damaged_segment_is_named_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path());
    let segment = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[HEAD_BYTES + 200] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let error = rewrite(dir.path(), 1).unwrap_err();
    assert!(matches!(error, LogError::Damaged { behind: Position(0), .. }), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), segments(dir.path()).len() + 1, "one is prepared");
}

#[test]
fn what_was_never_acknowledged_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let faults = Faults::default();
    let mut log = Log::open(&options(dir.path()), Box::new(faults.clone())).unwrap().log;
    commit(&mut log, &[10]).unwrap();
    faults.syncs.store(true, Ordering::SeqCst);
    commit(&mut log, &[20]).unwrap_err();
    faults.syncs.store(false, Ordering::SeqCst);
    commit(&mut log, &[30]).unwrap();
    drop(log);
    rewrite(dir.path(), 1).unwrap().unwrap();
    assert_eq!(read(&open(dir.path()).files, 1).unwrap(), [(1, 10), (2, 30)]);
}

#[test]
fn a_segment_is_closed_early_only_as_it_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    log.close_early(1).unwrap();
    assert_eq!(log.segment(), (1, Position(1)), "nothing is in it");
    commit(&mut log, &[10]).unwrap();
    log.close_early(2).unwrap();
    assert_eq!(log.segment(), (1, Position(1)), "it is another one");
    log.close_early(1).unwrap();
    assert_eq!(log.segment(), (2, Position(2)));
    commit(&mut log, &[20]).unwrap();
    drop(log);
    rewrite(dir.path(), 1).unwrap().unwrap();
    assert_eq!(read(&open(dir.path()).files, 1).unwrap(), [(1, 10), (2, 20)]);
}

#[test]
fn a_copy_gets_what_was_erased_and_not_what_was_only_compressed() {
    let [dir, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    closed(dir.path());
    let count = segments(dir.path()).len();
    assert_eq!(copy_log(dir.path(), into.path()).unwrap().copied, count);
    rewrite(dir.path(), 1).unwrap().unwrap();
    let copied = copy_log(dir.path(), into.path()).unwrap();
    assert_eq!((copied.copied, copied.kept), (1, count - 1), "the last one is always copied");

    let mut told = Told { erase: vec![2], ..Told::default() };
    rewrite_segment(dir.path(), 1, &mut told).unwrap().unwrap();
    let copied = copy_log(dir.path(), into.path()).unwrap();
    assert_eq!((copied.copied, copied.kept), (2, count - 2));
    assert_eq!(payloads(into.path()), payloads(dir.path()));
    assert_eq!(payloads(into.path())[1][0], b'*');
    assert_eq!(copy_log(dir.path(), into.path()).unwrap().copied, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_flipped_bit_in_one_is_noticed_or_changes_nothing(
        segment: prop::sample::Index, at: prop::sample::Index, bit in 0..8_u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let all = rewritten(dir.path());
        let segments = segments(dir.path());
        let segment = segment.get(&segments[..segments.len() - 1]).clone();
        let mut bytes = fs::read(&segment).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(&segment, &bytes).unwrap();
        match reopened(dir.path(), all.len() as u64) {
            Ok(found) => prop_assert_eq!(found, all),
            Err(error) => {
                let sentence = error.to_string();
                prop_assert!(sentence.contains("from a backup"), "{}", sentence);
                prop_assert!(fs::read(&segment).unwrap() == bytes, "something was changed");
            }
        }
    }

    #[test]
    fn one_that_was_cut_short_is_noticed_or_lacks_nothing(
        segment: prop::sample::Index, length: prop::sample::Index,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let all = rewritten(dir.path());
        let segments = segments(dir.path());
        let segment = segment.get(&segments[..segments.len() - 1]).clone();
        let bytes = fs::read(&segment).unwrap();
        fs::write(&segment, &bytes[..length.index(bytes.len())]).unwrap();
        match reopened(dir.path(), all.len() as u64) {
            Ok(found) => prop_assert_eq!(found, all),
            Err(error) => prop_assert!(error.to_string().contains("from a backup"), "{}", error),
        }
    }
}
