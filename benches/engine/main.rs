//! Benches of the engine's parts: `cargo bench --bench engine [NAME]`.
//!
//! Owns the choice of what is measured; each bench is short, so that the whole stays below five minutes.
//! The whole daemon is measured by the load tester, from outside. Must not know figures: docs/PERFORMANCE.md
//! has those.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot work is to say so and end")]

mod assignment;
mod codec;
mod desks;
mod domain;
mod folds;
mod journal;
mod lists;
mod samples;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    codec::bench(&mut criterion);
    domain::bench(&mut criterion);
    assignment::bench(&mut criterion);
    journal::bench(&mut criterion);
    folds::bench(&mut criterion);
    desks::bench(&mut criterion);
    lists::bench(&mut criterion);
    criterion.final_summary();
}
