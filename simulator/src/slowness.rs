//! A journal that is slow for a while: each commit takes its time, and its tickets come late.
//!
//! Owns when that is so, and what is counted that goes on meanwhile. Must not know what is written, nor whether it
//! comes to be durable.

use std::time::Duration;

use switchboard::domain::conversation::{Entry, What};

use crate::tally::Count;
use crate::world::World;

/// How slow the journal is.
#[derive(Default)]
pub(crate) struct Slowness {
    /// Commits that are under way before this are slow.
    until: Duration,
    /// When the commit under way may come to its end, if it is a slow one.
    ends: Option<Duration>,
}

impl World {
    /// The journal becomes slow, also in the middle of a commit.
    pub(crate) fn slow_disk(&mut self) {
        self.note(Count::JournalSlow);
        self.slowness.until = self.now + Duration::from_millis(self.rng.u64(SLOW_MS));
        if self.disk.is_writing() {
            self.commit_begins();
        }
    }

    /// The disk is as quick as ever.
    pub(crate) fn quicken_disk(&mut self) {
        self.slowness = Slowness::default();
    }

    pub(crate) fn is_disk_slow(&self) -> bool {
        self.now < self.slowness.until
    }

    /// A commit is under way from now on.
    pub(crate) fn commit_begins(&mut self) {
        let takes = Duration::from_millis(self.rng.u64(COMMIT_MS));
        self.slowness.ends = self.is_disk_slow().then_some(self.now + takes);
    }

    /// Whether the commit under way could come to its end now.
    pub(crate) fn may_commit_end(&self) -> bool {
        self.disk.is_writing() && self.slowness.ends.is_none_or(|ends| ends <= self.now)
    }

    /// The commit under way has come to its end.
    pub(crate) fn commit_ended(&mut self) {
        if self.slowness.ends.take().is_some() {
            self.note(Count::CommitSlow);
        }
    }

    /// When a slow commit comes to its end, if one is under way.
    pub(crate) fn slow_commit_ends(&self) -> Option<Duration> {
        self.slowness.ends.filter(|_| self.disk.is_writing())
    }

    /// Something goes on that is counted by itself while tickets are late.
    pub(crate) fn note_while_slow(&mut self, count: Count) {
        if self.slow_commit_ends().is_some_and(|ends| ends > self.now) {
            self.note(count);
        }
    }

    /// A conversation has taken something.
    pub(crate) fn note_taken(&mut self, entry: &Entry) {
        if entry.events.iter().any(|event| matches!(event.what, What::Called { .. })) {
            self.note_while_slow(Count::CalledWhileSlow);
        }
    }
}

/// For so long the journal is slow, in milliseconds.
const SLOW_MS: std::ops::Range<u64> = 2_000..40_000;

/// So long a commit takes while it is, in milliseconds.
const COMMIT_MS: std::ops::Range<u64> = 100..8_000;
