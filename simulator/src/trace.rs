//! What happened in a run, step by step: the last steps for people, a fingerprint of all of them.
//!
//! Owns how much is kept. Must not know what a step is.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The trace of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    last: VecDeque<String>,
    fingerprint: DefaultHasher,
    keeps_all: bool,
}

impl Trace {
    /// A trace that keeps everything, or the last steps only.
    pub(crate) fn new(keeps_all: bool) -> Self {
        Self { keeps_all, ..Self::default() }
    }

    pub(crate) fn add(&mut self, line: String) {
        line.hash(&mut self.fingerprint);
        if !self.keeps_all && self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// The same for the same steps.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint.finish()
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.last.into()
    }
}

/// So many lines are kept to explain a failure.
const LAST_LINES: usize = 60;
