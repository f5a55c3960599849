//! What the log promises, on real files.
//!
//! Owns the proof that a commit is there whole or not at all, whatever tears or fails. Must not know
//! what a payload means.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use switchboard_protocol::vocabulary::WorkspaceId;

use super::*;

mod rewriting;

const STREAM: Stream = Stream::Workspace(WorkspaceId::from_bytes([3; 16]));

fn options(folder: &Path) -> LogOptions {
    LogOptions { folder: folder.to_owned(), segment_bytes: 4 << 10, at_least: Position(0), may_grow: true }
}

fn open(folder: &Path) -> OpenedLog {
    Log::open(&options(folder), Box::new(Disk)).unwrap()
}

/// Commits payloads of these sizes, each of bytes that tell it apart.
fn commit(log: &mut Log, sizes: &[usize]) -> Result<(), LogError> {
    let from = log.last().0;
    let payloads: Vec<Bytes> = sizes.iter().zip(from + 1..).map(|(size, at)| payload(at, *size)).collect();
    let records = payloads.iter().zip(from + 1..);
    let records = records.map(|(payload, revision)| NewRecord { stream: STREAM, revision, payload });
    let committed = log.commit(records)?;
    assert_eq!(committed.last().map(|record| record.position), Some(log.last()));
    Ok(())
}

fn payload(at: u64, size: usize) -> Bytes {
    vec![at as u8 | 1; size].into()
}

fn read(files: &LogFiles, from: u64) -> Result<Vec<(u64, usize)>, LogError> {
    files
        .records(Position(from))
        .map(|record| {
            record.map(|record| {
                assert_eq!(record.position.0, record.revision);
                assert_eq!(record.payload, payload(record.position.0, record.payload.len()));
                (record.position.0, record.payload.len())
            })
        })
        .collect()
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    paths.sort();
    paths
}

#[test]
fn what_was_committed_is_read_from_any_position_over_segments_and_openings() {
    let dir = tempfile::tempdir().unwrap();
    let mut sizes = Vec::new();
    for round in 0..4_usize {
        let mut opened = open(dir.path());
        assert_eq!((opened.log.last().0, opened.bytes_cut), (sizes.len() as u64, 0));
        for size in [0, 1, 700, 5_000, 300] {
            commit(&mut opened.log, &[size, round]).unwrap();
            sizes.extend([size, round]);
        }
        if round % 2 == 0 {
            opened.log.close().unwrap();
        }
    }
    assert!(segments(dir.path()).len() > 4);
    let files = open(dir.path()).files;
    let all: Vec<(u64, usize)> = (1..).zip(sizes).collect();
    for from in 0..=all.len() + 1 {
        assert_eq!(
            read(&files, from as u64).unwrap(),
            all[from.saturating_sub(1).min(all.len())..],
            "{from}"
        );
    }
}

#[test]
fn a_torn_last_write_is_cut_off_wherever_it_was_torn() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    commit(&mut log, &[40]).unwrap();
    let whole = log.current.as_ref().unwrap().end;
    commit(&mut log, &[60, 9]).unwrap();
    let end = log.current.as_ref().unwrap().end;
    drop(log);
    let segment = segments(dir.path()).remove(0);
    let original = fs::read(&segment).unwrap();
    for torn in whole..end - 4 {
        let mut bytes = original.clone();
        bytes[torn as usize..].fill(0);
        // Zeros may be what was written there.
        if bytes == original {
            continue;
        }
        fs::write(&segment, &bytes).unwrap();
        let mut opened = open(dir.path());
        assert_eq!(opened.log.last(), Position(1), "torn at {torn}");
        commit(&mut opened.log, &[5]).unwrap();
        drop(opened);
        assert_eq!(read(&open(dir.path()).files, 0).unwrap(), [(1, 40), (2, 5)]);
    }
}

#[test]
fn damage_before_the_last_commit_stops_the_opening_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    for _ in 0..3 {
        commit(&mut log, &[40]).unwrap();
    }
    drop(log);
    let segment = segments(dir.path()).remove(0);
    let original = fs::read(&segment).unwrap();
    let second = HEAD_BYTES
        + (original[HEAD_BYTES..].windows(4).skip(1).position(|four| four == b"SwBk").unwrap() + 1);
    for at in [second + 3, second + 20, second + BLOCK_HEAD_BYTES + 50] {
        let mut bytes = original.clone();
        bytes[at] ^= 4;
        fs::write(&segment, &bytes).unwrap();
        let Err(error) = Log::open(&options(dir.path()), Box::new(Disk)) else { panic!("opened") };
        let sentence = error.to_string();
        assert!(matches!(error, LogError::Damaged { behind: Position(1), .. }), "{sentence}");
        // Whoever only reads, and does not know where the log ends, must not take it for the end.
        let error = read(&LogFiles::find(dir.path()).unwrap(), 1).unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(sentence.contains(&format!("at byte {second}")), "{sentence}");
        assert_eq!(fs::read(&segment).unwrap(), bytes);
    }
}

#[test]
fn damage_in_a_closed_segment_is_noticed_when_it_is_read_and_a_cut_one_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    for _ in 0..8 {
        commit(&mut log, &[900]).unwrap();
    }
    drop(log);
    let segment = segments(dir.path()).remove(0);
    let original = fs::read(&segment).unwrap();
    let mut bytes = original.clone();
    bytes[HEAD_BYTES + 200] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let error = read(&open(dir.path()).files, 1).unwrap_err();
    assert!(matches!(error, LogError::Damaged { behind: Position(0), .. }), "{error}");

    fs::write(&segment, &original[..original.len() - 1_000]).unwrap();
    assert!(matches!(Log::open(&options(dir.path()), Box::new(Disk)), Err(LogError::Damaged { .. })));
}

#[test]
fn damage_in_the_last_commit_is_noticed_when_the_log_was_closed_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    commit(&mut log, &[40]).unwrap();
    let last = log.current.as_ref().unwrap().end as usize;
    commit(&mut log, &[60]).unwrap();
    log.close().unwrap();
    drop(log);
    let segment = segments(dir.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes[last + BLOCK_HEAD_BYTES + 50] ^= 4;
    fs::write(&segment, &bytes).unwrap();
    let Err(error) = Log::open(&options(dir.path()), Box::new(Disk)) else { panic!("opened") };
    assert!(matches!(error, LogError::Damaged { behind: Position(1), .. }), "{error}");
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[test]
fn a_missing_or_foreign_segment_and_a_missing_log_are_noticed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&dir, &other] {
        let mut log = open(dir.path()).log;
        for _ in 0..12 {
            commit(&mut log, &[900]).unwrap();
        }
    }
    let refused = |at_least| {
        let options = LogOptions { at_least, ..options(dir.path()) };
        matches!(Log::open(&options, Box::new(Disk)), Err(LogError::Incomplete { .. }))
    };
    assert!(!refused(Position(12)));
    assert!(refused(Position(13)));
    let (ours, foreign) = (segments(dir.path()).remove(1), segments(other.path()).remove(1));
    let kept = fs::read(&ours).unwrap();
    fs::remove_file(&ours).unwrap();
    assert!(refused(Position(0)), "one is missing");
    fs::copy(foreign, &ours).unwrap();
    assert!(refused(Position(0)), "one is of another log");
    fs::write(&ours, kept).unwrap();
    assert!(!refused(Position(0)));
    for segment in segments(dir.path()) {
        fs::remove_file(segment).unwrap();
    }
    assert!(refused(Position(12)), "the whole log is gone");
}

#[test]
fn what_failed_to_be_written_or_synced_never_comes_back() {
    for fail_sync in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let faults = Faults::default();
        let mut log = Log::open(&options(dir.path()), Box::new(faults.clone())).unwrap().log;
        commit(&mut log, &[10]).unwrap();
        let fault = if fail_sync { &faults.syncs } else { &faults.writes };
        fault.store(true, Ordering::SeqCst);
        for _ in 0..3 {
            assert!(matches!(commit(&mut log, &[20]), Err(LogError::Io { .. })));
        }
        assert_eq!(log.last(), Position(1));
        fault.store(false, Ordering::SeqCst);
        commit(&mut log, &[30]).unwrap();
        drop(log);
        assert_eq!(segments(dir.path()).len(), 2);
        let opened = open(dir.path());
        assert_eq!(read(&opened.files, 1).unwrap(), [(1, 10), (2, 30)]);
    }
}

/// A log of several segments that was closed, and what is in it.
fn closed(folder: &Path) -> Vec<(u64, usize)> {
    let mut log = open(folder).log;
    for sizes in [&[40, 900, 7][..], &[3_000], &[5_000, 1], &[600], &[33, 0]] {
        commit(&mut log, sizes).unwrap();
    }
    log.close().unwrap();
    (1..).zip([40, 900, 7, 3_000, 5_000, 1, 600, 33, 0]).collect()
}

/// What is read of a log that is known to have had everything up to a position.
fn reopened(folder: &Path, at_least: u64) -> Result<Vec<(u64, usize)>, LogError> {
    let options = LogOptions { at_least: Position(at_least), ..options(folder) };
    read(&Log::open(&options, Box::new(Disk))?.files, 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Some bits mean nothing: those between two blocks, and the end of a segment that another follows.
    #[test]
    fn a_flipped_bit_anywhere_is_noticed_or_changes_nothing(
        segment: prop::sample::Index, at: prop::sample::Index, bit in 0..8_u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let all = closed(dir.path());
        let segment = segment.get(&segments(dir.path())).clone();
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
    fn a_segment_that_was_cut_short_is_noticed_or_lacks_nothing(
        segment: prop::sample::Index, length: prop::sample::Index,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let all = closed(dir.path());
        let segment = segment.get(&segments(dir.path())).clone();
        let bytes = fs::read(&segment).unwrap();
        fs::write(&segment, &bytes[..length.index(bytes.len())]).unwrap();
        match reopened(dir.path(), all.len() as u64) {
            Ok(found) => prop_assert_eq!(found, all),
            Err(error) => prop_assert!(error.to_string().contains("from a backup"), "{}", error),
        }
    }
}

/// What may happen to a log.
#[derive(Debug, Clone)]
enum Act {
    Commit(Vec<usize>),
    FailWrite(usize),
    FailSync(usize),
    Close,
    Crash,
    /// A crash in the middle of a write, which left so many bytes of garbage.
    Tear(usize),
    /// The segment that is written is closed before it is full.
    CloseEarly,
    /// A segment that another follows is rewritten.
    Rewrite(prop::sample::Index),
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => prop::collection::vec(0..2_000_usize, 1..5).prop_map(Act::Commit),
        1 => (0..2_000_usize).prop_map(Act::FailWrite),
        1 => (0..2_000_usize).prop_map(Act::FailSync),
        1 => Just(Act::Close),
        1 => Just(Act::Crash),
        1 => (1..500_usize).prop_map(Act::Tear),
        1 => Just(Act::CloseEarly),
        2 => any::<prop::sample::Index>().prop_map(Act::Rewrite),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a plain list: whatever happens, what was acknowledged is there, and nothing else. After
    /// a failed write or sync and a crash, what had failed may be there as well: it was not said to be
    /// lost before the next commit.
    #[test]
    fn the_log_is_the_list_of_what_was_acknowledged(acts in prop::collection::vec(acts(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let faults = Faults::default();
        let reopen = || Log::open(&options(dir.path()), Box::new(faults.clone())).unwrap();
        let mut log = reopen().log;
        let mut model: Vec<(u64, usize)> = Vec::new();
        let mut unknown: Option<usize> = None;
        for act in acts {
            let mut crashed = true;
            match act {
                Act::Commit(sizes) => {
                    commit(&mut log, &sizes).unwrap();
                    model.extend((model.len() as u64 + 1..).zip(sizes));
                    (unknown, crashed) = (None, false);
                }
                Act::FailWrite(size) | Act::FailSync(size) => {
                    let fault = if matches!(act, Act::FailSync(_)) { &faults.syncs } else { &faults.writes };
                    let first = log.current.is_some();
                    fault.store(true, Ordering::SeqCst);
                    commit(&mut log, &[size]).unwrap_err();
                    fault.store(false, Ordering::SeqCst);
                    if first && matches!(act, Act::FailSync(_)) {
                        unknown = Some(size);
                    }
                    crashed = false;
                }
                Act::Close => {
                    log.close().unwrap();
                    unknown = None;
                }
                Act::CloseEarly => {
                    log.close_early(log.number).unwrap();
                    crashed = false;
                }
                Act::Rewrite(segment) => {
                    if log.number > 1 {
                        let number = segment.index(log.number as usize - 1) as u64 + 1;
                        rewriting::rewrite(dir.path(), number).unwrap();
                    }
                    crashed = false;
                }
                Act::Crash => {}
                Act::Tear(bytes) => {
                    if let Some(segment) = &log.current {
                        let garbage: Vec<u8> = (0..bytes).map(|at| at as u8 | 0x80).collect();
                        segment.file.write_all_at(&garbage, segment.end).unwrap();
                    }
                }
            }
            if crashed {
                drop(log);
                let opened = reopen();
                log = opened.log;
                let found = read(&opened.files, 1).unwrap();
                if let (Some(size), true) = (unknown.take(), found.len() > model.len()) {
                    model.push((model.len() as u64 + 1, size));
                }
                prop_assert_eq!(&found, &model);
                prop_assert_eq!(log.last().0, model.len() as u64);
            }
        }
    }
}

#[test]
fn a_log_that_may_not_grow_is_opened_as_it_is_and_goes_on_when_it_may() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).log;
    commit(&mut log, &[40, 9]).unwrap();
    log.close().unwrap();
    drop(log);
    let names = || {
        let files = fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    let held = LogOptions { may_grow: false, ..options(dir.path()) };
    let mut log = Log::open(&held, Box::new(Disk)).unwrap().log;
    assert!(!log.has_segment() && !log.is_in_doubt());
    assert_eq!(names().len(), 1, "only the segment is there");
    log.close().unwrap();
    log.recover().unwrap();
    commit(&mut log, &[7]).unwrap();
    drop(log);
    // One that is not closed is gone on with.
    let mut log = Log::open(&held, Box::new(Disk)).unwrap().log;
    assert!(log.has_segment());
    commit(&mut log, &[8]).unwrap();
    drop(log);
    assert_eq!(read(&open(dir.path()).files, 1).unwrap(), [(1, 40), (2, 9), (3, 7), (4, 8)]);
}
