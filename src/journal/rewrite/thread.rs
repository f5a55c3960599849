//! The rewriter's thread.
//!
//! Owns the doing of what the plan says, one segment at a time, with the least urgency of the journal's
//! threads. Nothing that fails here is the journal's failure: it is traced, and tried again later. Must not know
//! what a segment is made of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use switchboard_protocol::vocabulary::Timestamp;

use super::board::{Board, Open};
use super::plan::{Next, Plan};
use crate::clock;
use crate::journal::log::{Editor, Fate, Form, LogError, LogFiles, rewrite_segment};
use crate::journal::space::Space;
use crate::journal::stored::{Erased, erase};
use crate::journal::writer::Order;
use crate::journal::{JournalOptions, LogRecord};

/// The rewriter's own state.
pub(in crate::journal) struct Rewriter {
    folder: PathBuf,
    links: Links,
    plan: Plan,
    files: LogFiles,
}

/// Who the rewriter talks with.
pub(in crate::journal) struct Links {
    /// Where it hears of the segment that is written.
    pub(in crate::journal) board: Arc<Board>,
    /// How much of the disk is free.
    pub(in crate::journal) space: Arc<Space>,
    /// Where it asks the writer to close it.
    pub(in crate::journal) orders: mpsc::Sender<Order>,
}

impl Rewriter {
    /// The thread's state, before it runs, over a log that was just opened.
    pub(in crate::journal) fn new(
        folder: PathBuf,
        files: LogFiles,
        links: Links,
        options: &JournalOptions,
    ) -> Self {
        let plan = Plan::new(files.forms(), links.board.open(), options.erase_within_ms);
        Self { folder, links, plan, files }
    }

    /// Runs until the board says that it is to end.
    pub(in crate::journal) fn run(mut self) {
        // Only a kindness to the others; without it everything is right as well.
        let _ = rustix::process::nice(NICENESS);
        self.look_at_what_was_written();
        while !self.links.board.is_stopping() {
            let open = self.links.board.open();
            self.plan.learn(open);
            let now = clock::now();
            match self.plan.next(now) {
                Next::Rewrite(number) => self.rewrite(number, now),
                Next::CloseEarly(number) => {
                    self.plan.asked(now);
                    // A writer that has ended closes its segment at the next start.
                    let _ = self.links.orders.send(Order::CloseEarly { number });
                }
                Next::Wait(until) => self.wait(open, now, until),
            }
        }
    }

    /// The segment that is written may have been begun in an earlier run, and nobody has told what is in it.
    fn look_at_what_was_written(&self) {
        let Some(first) = self.files.last_begins_with() else { return };
        for record in self.files.records(first) {
            // One that cannot be read is found by whoever needs it.
            let Ok(record) = record else { return };
            if self.links.board.is_stopping() {
                return;
            }
            let Erased { due, .. } = erase(record.stream, &record.payload, Timestamp::from_millis(i64::MIN));
            if let Some(due) = due {
                self.links.board.seen(record.position, due);
            }
        }
    }

    fn rewrite(&mut self, number: u64, now: Timestamp) {
        // A second form stands beside the first for a while: on a full disk that is room for others.
        if let Err(why) = self.links.space.may_take() {
            tracing::debug!(number, %why, "a segment is rewritten later");
            self.plan.failed(number, now);
            return;
        }
        let mut eraser = Eraser { now, board: &self.links.board };
        let rewrite = || rewrite_segment(&self.folder, number, &mut eraser);
        let Ok(done) = catch_unwind(AssertUnwindSafe(rewrite)) else {
            tracing::error!(number, "a segment could not be rewritten by a mistake of ours; it is as it was");
            self.plan.damaged(number);
            return;
        };
        match done {
            Ok(Some(done)) => {
                self.plan.rewritten(number, Form::Rewritten(done.rewriting));
                let (before, bytes, erased) = (done.bytes_before, done.bytes, done.erased);
                tracing::info!(number, before, bytes, erased, "a segment of the log was rewritten");
            }
            Ok(None) => {}
            Err(error @ LogError::Io { .. }) => {
                tracing::warn!(number, %error, "a segment could not be rewritten; it is tried again");
                self.plan.failed(number, now);
            }
            Err(error @ (LogError::Damaged { .. } | LogError::Incomplete { .. })) => {
                tracing::error!(number, %error, "a segment is damaged and stays as it is");
                self.plan.damaged(number);
            }
        }
    }

    fn wait(&self, open: Open, now: Timestamp, until: Option<Timestamp>) {
        let left = until.map_or(i64::MAX, |until| until.as_millis().saturating_sub(now.as_millis()));
        // The time of day may be set meanwhile.
        let time = Duration::from_millis(left.unsigned_abs()).min(LOOK_AGAIN_AFTER);
        self.links.board.wait(open, time);
    }
}

/// Says what becomes of payloads: what is due by a time is erased.
struct Eraser<'a> {
    now: Timestamp,
    board: &'a Board,
}

impl Editor for Eraser<'_> {
    fn fate(&mut self, record: &LogRecord) -> Fate {
        let Erased { stored, due } = erase(record.stream, &record.payload, self.now);
        Fate { payload: stored.map(Into::into), due }
    }

    fn gives_up(&self) -> bool {
        self.board.is_stopping()
    }
}

/// The longest wait without a look at the time of day.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// How much less urgent than the writer, on the scale of nice(2).
const NICENESS: i32 = 10;
