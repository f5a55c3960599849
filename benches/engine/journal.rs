//! The journal's appends: how many become durable a second, and how long one takes, beside what the disk
//! itself can do.
//!
//! Owns both measurements, in one run on one disk, because only their ratio says something about the
//! journal. Must not know what is stored.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use switchboard::clock;
use switchboard::journal::JournalOptions;

use crate::samples::{Bench, MESSAGE_BYTES, conversation_id, entry, folder};

pub(crate) fn bench(criterion: &mut Criterion) {
    disk(criterion);
    appends(criterion);
    opening(criterion);
}

/// A write of one record and its sync, into room that is there already: the least that durability costs.
fn disk(criterion: &mut Criterion) {
    let folder = folder();
    let file = OpenOptions::new().write(true).create_new(true).open(folder.path().join("raw")).unwrap();
    file.write_all_at(&vec![0; RAW_FILE_BYTES as usize], 0).unwrap();
    file.sync_all().unwrap();
    let record = [7; MESSAGE_BYTES + 150];
    let mut at = 0;
    let mut group = criterion.benchmark_group("disk");
    group.throughput(Throughput::Elements(1));
    group.bench_function("write+fdatasync", |bench| {
        bench.iter(|| {
            file.write_all_at(&record, at).unwrap();
            file.sync_data().unwrap();
            at = (at + record.len() as u64) % (RAW_FILE_BYTES - record.len() as u64);
        });
    });
    group.finish();
}

/// One message outstanding in each of so many conversations: with one, the time is that of a ticket.
fn appends(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(1));
    for outstanding in [1, 16, 64, 256, 1_024] {
        let folder = folder();
        let mut journal = Bench::start(&JournalOptions::new(folder.path()));
        journal.open(outstanding);
        group.bench_with_input(
            BenchmarkId::new("append", outstanding),
            &outstanding,
            |bench, outstanding| {
                bench.iter_custom(|iterations| {
                    // Fewer than are outstanding would be one commit of fewer.
                    let messages = iterations.max(*outstanding * 2);
                    let begun = clock::instant();
                    journal.append(messages);
                    scaled(begun.elapsed(), iterations, messages)
                });
            },
        );
        journal.stop();
    }
    group.finish();
}

/// Opening a conversation, which is what waking it takes: from its entries, and from a state that was kept.
fn opening(criterion: &mut Criterion) {
    let folder = folder();
    let mut journal = Bench::start(&JournalOptions::new(folder.path()));
    journal.open(1);
    journal.append(ENTRIES);
    journal.stop();
    let mut group = criterion.benchmark_group("journal");

    let journal = Bench::start(&JournalOptions::new(folder.path()));
    // What it takes to ask the writer and to read on another thread, whatever there is to read.
    group.bench_function("open/nothing", |bench| bench.iter(|| journal.open_one(1)));
    group.bench_function("open/1000 entries", |bench| bench.iter(|| journal.open_one(0)));
    let opened = journal.open_one(0);
    assert_eq!((opened.state.revision, opened.state.id), (ENTRIES, conversation_id(0)));
    assert_eq!(entry(0, ENTRIES).after(), opened.state.last);
    let (workspace, id) = (opened.state.workspace, opened.state.id);
    journal.journal.close_conversation(workspace, id, opened.incarnation, Some(opened.state));
    journal.stop();

    let journal = Bench::start(&JournalOptions::new(folder.path()));
    group.bench_function("open/1000 entries, state kept", |bench| bench.iter(|| journal.open_one(0)));
    journal.stop();
    group.finish();
}

/// The part of a time that belongs to the iterations that were asked for.
fn scaled(time: Duration, iterations: u64, done: u64) -> Duration {
    time.mul_f64(iterations as f64 / done as f64)
}

const ENTRIES: u64 = 1_000;
const RAW_FILE_BYTES: u64 = 8 << 20;
