//! The folds: how fast records of the log become the store, behind the messages and at a rebuild.
//!
//! Owns the two measurements. Must not know what the store is.

use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use switchboard::clock;
use switchboard::journal::{JournalOptions, rebuild};

use crate::samples::{Bench, folder};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("folds");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(FOLDED));
    group.bench_function("fold", |bench| {
        bench.iter_custom(|iterations| (0..iterations).map(|_| fold()).sum());
    });

    let folder = folder();
    let mut journal = Bench::start(&JournalOptions::new(folder.path()));
    journal.open(CONVERSATIONS);
    journal.append(REBUILT);
    journal.stop();
    group.throughput(Throughput::Elements(REBUILT));
    group.bench_function("rebuild", |bench| {
        bench.iter(|| rebuild(folder.path(), &mut |_| {}).unwrap());
    });
    group.finish();
}

/// How long a clean stop takes when nothing is folded yet: it folds everything.
fn fold() -> Duration {
    let folder = folder();
    let never = u64::MAX / 2;
    let options = JournalOptions {
        fold_age_ms: 3_600_000,
        fold_tail_bytes: never,
        ..JournalOptions::new(folder.path())
    };
    let mut journal = Bench::start(&options);
    journal.open(CONVERSATIONS);
    journal.append(FOLDED);
    let begun = clock::instant();
    journal.stop();
    begun.elapsed()
}

const CONVERSATIONS: u64 = 500;

/// Records in one measurement.
const FOLDED: u64 = 20_000;
const REBUILT: u64 = 100_000;
