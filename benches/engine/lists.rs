//! A page of the lists: of a workspace with few and with many profiles, of all of them and of one.
//!
//! Owns the journals that are read. Must not know how lists are kept.

use criterion::{BenchmarkId, Criterion};
use switchboard::domain::listing::{Filter, Wish};
use switchboard::journal::JournalOptions;

use crate::samples::{Bench, WORKSPACE, folder, profile};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lists");
    for profiles in [1, 10, 100, 1_000] {
        let folder = folder();
        let mut journal = Bench::start(&JournalOptions::new(folder.path()));
        journal.profiles = profiles;
        journal.open(CONVERSATIONS);
        journal.append(CONVERSATIONS);
        // Everything is in the store when it begins anew.
        journal.stop();
        let journal = Bench::start(&JournalOptions::new(folder.path()));
        for (name, one) in [("all", None), ("one profile", Some(profile(0)))] {
            let wish = Wish { profile: one, ..Wish::ALL };
            let filter = Filter::new(wish, (0..profiles).map(|number| (profile(number), None)));
            group.bench_function(BenchmarkId::new(name, profiles), |bench| {
                bench.iter(|| {
                    let page = journal.journal.list(WORKSPACE, filter.clone(), None, ROWS);
                    assert!(!journal.runtime.block_on(page).unwrap().rows.is_empty());
                });
            });
        }
        journal.stop();
    }
    group.finish();
}

const CONVERSATIONS: u64 = 10_000;

/// Rows of a page.
const ROWS: usize = 48;
