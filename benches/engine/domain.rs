//! The rules: one message decided and applied in a conversation that has a history.
//!
//! Owns nothing but that measurement. Must not know journals.

use std::hint::black_box;

use criterion::Criterion;
use switchboard::domain::conversation::{Action, decide};

use crate::samples::{command, content, context, conversation, decided};

pub(crate) fn bench(criterion: &mut Criterion) {
    let state = conversation(1_000);
    let post = command(0, 2_000, Action::Post { content: content() });
    let context = context(2_000);
    let mut group = criterion.benchmark_group("domain");
    group.bench_function("decide/post", |bench| {
        bench.iter(|| decide(black_box(&state), black_box(&post), &context));
    });
    // In a state that goes on, as one that is awake does.
    let mut state = state.clone();
    let mut counter = 2_000;
    group.bench_function("decide and apply/post", |bench| {
        bench.iter(|| {
            counter += 1;
            let post = command(0, counter, Action::Post { content: content() });
            let entry = decided(&state, &post, &context);
            state.apply(black_box(&entry));
        });
    });
    group.finish();
}
