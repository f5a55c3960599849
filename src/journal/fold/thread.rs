//! The fold thread.
//!
//! Owns when things are done: rows are brought up to date and told of in turns, records are folded
//! when they are old or many, in bounded steps, and checkpoints are made behind them. Runs with less
//! urgency than the writer, which never waits for it. When it fails, the journal must be started anew.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};
use tokio::sync::watch;

use super::folds::Folds;
use super::record::{Understood, understand};
use crate::clock;
use crate::journal::crash_points::pass;
use crate::journal::rewrite::Board;
use crate::journal::space::{Space, is_no_room};
use crate::journal::store::StoreError;
use crate::journal::tail::Wish;
use crate::journal::{CrashPoint, DeskChange, JournalOptions, ListRow, LogRecord, Position, checkpoint};

/// The fold thread's own state.
pub(in crate::journal) struct FoldThread {
    folds: Arc<Folds>,
    board: Arc<Board>,
    dir: PathBuf,
    space: Arc<Space>,
    /// Nothing is folded until there is room.
    held: bool,
    pace: Pace,
    /// Read, but not yet in the overlay; kept only while the store fails.
    unseen: Vec<Understood>,
    /// In the overlay, with when they came; not yet folded.
    pending: VecDeque<(Understood, Instant)>,
    pending_bytes: u64,
    /// Everything up to here is being folded.
    folding_to: Position,
    changed: HashMap<WorkspaceId, HashMap<ConversationId, ListRow>>,
    reported: Instant,
    checkpointed: Instant,
    unchecked_bytes: u64,
    /// The store has met a full disk. It takes nothing more until it is opened again, when there is room.
    full: bool,
    /// When what is due was last looked for, and found to be no more.
    erased: Option<Instant>,
}

/// How often and how much, from the options.
#[derive(Debug, Clone, Copy)]
struct Pace {
    fold_age: Duration,
    fold_tail_bytes: u64,
    fold_batch_bytes: u64,
    desk_turn: Duration,
    checkpoint_age: Duration,
    checkpoint_bytes: u64,
}

impl FoldThread {
    /// The thread's state, before it runs.
    pub(in crate::journal) fn new(
        folds: Arc<Folds>,
        space: Arc<Space>,
        board: Arc<Board>,
        options: &JournalOptions,
    ) -> Self {
        let now = clock::instant();
        Self {
            folding_to: folds.folded(),
            folds,
            board,
            dir: options.dir.clone(),
            space,
            held: false,
            pace: Pace {
                fold_age: Duration::from_millis(options.fold_age_ms),
                fold_tail_bytes: options.fold_tail_bytes,
                fold_batch_bytes: options.fold_batch_bytes,
                desk_turn: Duration::from_millis(options.desk_turn_ms),
                checkpoint_age: Duration::from_millis(options.checkpoint_ms),
                checkpoint_bytes: options.checkpoint_bytes,
            },
            unseen: Vec::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            changed: HashMap::new(),
            reported: now,
            checkpointed: now,
            unchecked_bytes: 0,
            full: false,
            erased: None,
        }
    }

    /// Runs until it is told to finish or to quit. `ended` becomes true when the journal must be started anew,
    /// because the store has failed or by a mistake of ours.
    ///
    /// # Errors
    /// When it was told to finish, and something could not be folded or synced.
    pub(in crate::journal) fn run(mut self, ended: &watch::Sender<bool>) -> Result<(), StoreError> {
        // Only a kindness to the writer; without it everything is right as well.
        let _ = rustix::process::nice(NICENESS);
        loop {
            let nothing = self.pending.is_empty() && self.unseen.is_empty() && self.changed.is_empty();
            let idle = nothing && !self.folds.has_failed();
            let taken = self.folds.tail.take(idle, self.wait(idle));
            match taken.wish {
                Wish::Quit => return Ok(()),
                Wish::Finish => return self.finish(taken.records),
                Wish::None | Wish::Look => {}
            }
            if self.folds.has_failed() {
                self.wait_for_room(taken.records, ended);
                continue;
            }
            let turn = catch_unwind(AssertUnwindSafe(|| self.turn(taken.records)));
            let failed = || Err(StoreError::Failed("the folds have failed by a mistake of ours".to_owned()));
            if let Err(error) = turn.unwrap_or_else(|_| failed()) {
                self.fail(&error, ended);
            }
        }
    }

    fn wait(&self, idle: bool) -> Duration {
        if self.folds.has_failed() || self.held {
            self.pace.desk_turn.max(FAILED_TURN)
        } else if idle {
            self.pace.checkpoint_age
        } else if self.is_folding() {
            Duration::ZERO
        } else {
            self.pace.desk_turn
        }
    }

    fn turn(&mut self, records: Vec<LogRecord>) -> Result<(), StoreError> {
        self.see(records)?;
        if self.reported.elapsed() >= self.pace.desk_turn {
            self.report();
        }
        #[cfg(feature = "planted-bugs")]
        self.folds.fail_as_planted()?;
        // When nothing more is taken, what was is folded at once: as long as there is room for it.
        let is_full = self.space.may_take().is_err();
        if self.is_due() || is_full {
            self.folding_to = self.last_pending();
        }
        self.held = !self.space.may_fold();
        if self.held {
            return Ok(());
        }
        if self.is_folding() || self.pending.is_empty() {
            self.step()?;
        }
        if self.erased.is_none_or(|looked| looked.elapsed() >= ERASE_EVERY) {
            self.erase()?;
        }
        let old = is_full || self.checkpointed.elapsed() >= self.pace.checkpoint_age;
        if self.unchecked_bytes > 0 && old || self.unchecked_bytes >= self.pace.checkpoint_bytes {
            self.checkpoint()?;
        }
        Ok(())
    }

    fn finish(mut self, records: Vec<LogRecord>) -> Result<(), StoreError> {
        if self.folds.has_failed() {
            // What was half done when it failed is nowhere but in the log.
            return Err(StoreError::Failed("it has failed before".to_owned()));
        }
        self.see(records)?;
        self.report();
        loop {
            if !self.space.may_fold() {
                tracing::warn!(
                    records = self.pending.len(),
                    "not folded for want of room; the next start does it"
                );
                return Ok(());
            }
            let is_last = self.pending.is_empty();
            self.step()?;
            if is_last {
                break;
            }
        }
        self.erased = None;
        while self.erased.is_none() && self.space.may_fold() {
            self.erase()?;
        }
        self.checkpoint()
    }

    /// Erases what is due from some pages.
    fn erase(&mut self) -> Result<(), StoreError> {
        let found = self.folds.erase(clock::now())?;
        // It is to last as what was folded is.
        self.unchecked_bytes += u64::from(found.is_some());
        self.erased = (found != Some(true)).then(clock::instant);
        Ok(())
    }

    fn see(&mut self, records: Vec<LogRecord>) -> Result<(), StoreError> {
        for understood in records.into_iter().map(understand) {
            if let Some(due) = understood.meaning.next_due() {
                self.board.seen(understood.record.position, due);
            }
            self.unseen.push(understood);
        }
        if self.unseen.is_empty() {
            return Ok(());
        }
        let rows = self.folds.overlay.see(&self.folds.store, &self.unseen)?;
        for ((workspace, conversation), row) in rows {
            self.changed.entry(workspace).or_default().insert(conversation, row);
        }
        let now = clock::instant();
        for understood in self.unseen.drain(..) {
            self.pending_bytes += size(&understood);
            self.pending.push_back((understood, now));
        }
        Ok(())
    }

    fn report(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        for (workspace, rows) in self.changed.drain() {
            let mut rows: Vec<ListRow> = rows.into_values().collect();
            rows.sort_by_key(|row| row.position);
            self.folds.report(DeskChange { workspace, rows });
        }
        self.reported = clock::instant();
    }

    fn is_due(&self) -> bool {
        let old = self.pending.front().is_some_and(|(_, came)| came.elapsed() >= self.pace.fold_age);
        old || self.pending_bytes >= self.pace.fold_tail_bytes
    }

    fn is_folding(&self) -> bool {
        self.pending.front().is_some_and(|(next, _)| next.record.position <= self.folding_to)
    }

    fn last_pending(&self) -> Position {
        self.pending.back().map_or(self.folding_to, |(last, _)| last.record.position)
    }

    /// Folds what one batch may take; also writes the snapshots that have become complete.
    fn step(&mut self) -> Result<(), StoreError> {
        let mut bytes = 0;
        let sizes = self.pending.iter().map(|(understood, _)| size(understood));
        let count = sizes.take_while(|size| {
            let first = bytes == 0;
            bytes += size;
            first || bytes <= self.pace.fold_batch_bytes
        });
        let count = count.count();
        let (records, came): (Vec<_>, Vec<_>) = self.pending.drain(..count).unzip();
        let bytes = records.iter().map(size).sum::<u64>();
        match self.folds.step(&records) {
            Ok(damaged) => {
                for (stream, damaged) in damaged {
                    tracing::error!(?stream, revision = damaged.revision, reason = damaged.reason, "damaged");
                }
                self.pending_bytes -= bytes;
                self.unchecked_bytes += bytes;
                Ok(())
            }
            Err(error) => {
                for back in records.into_iter().zip(came).rev() {
                    self.pending.push_front(back);
                }
                Err(error)
            }
        }
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        pass(CrashPoint::CheckpointDue);
        let mark = self.folds.mark()?;
        self.folds.store.sync()?;
        pass(CrashPoint::CheckpointStoreSynced);
        match checkpoint::write(&self.dir, mark) {
            // The store is none the worse for it: the one before holds.
            Err(error) if is_no_room(&error) => {
                tracing::warn!(%error, "a checkpoint found no room");
                self.space.refused();
                return Ok(());
            }
            written => written?,
        }
        self.checkpointed = clock::instant();
        self.unchecked_bytes = 0;
        Ok(())
    }

    /// What has failed here stays failed: sled does not recover by itself, and the log has everything. On a
    /// full disk the store could not be opened again, so that waits until there is room.
    fn fail(&mut self, error: &StoreError, ended: &watch::Sender<bool>) {
        self.folds.fail();
        match error {
            StoreError::Full => {
                tracing::error!(%error, "the folds wait for room; messages go on until the tail is full");
                self.full = true;
                self.space.refused();
            }
            StoreError::Failed(_) | StoreError::ValueTooLarge { .. } => {
                tracing::error!(%error, "the folds have failed; the journal must be started anew");
                // Nobody may be watching.
                let _ = ended.send(true);
            }
        }
    }

    /// Nothing can be folded: on a full disk rows stay true in memory until there is room.
    fn wait_for_room(&mut self, records: Vec<LogRecord>, ended: &watch::Sender<bool>) {
        if !self.full {
            return;
        }
        if self.see(records).is_ok() {
            self.report();
        }
        if self.space.may_take().is_ok() {
            tracing::info!("there is room for the store; the journal must be started anew");
            self.full = false;
            let _ = ended.send(true);
        }
    }
}

/// What a record counts for, in bytes.
fn size(understood: &Understood) -> u64 {
    understood.record.payload.len() as u64 + 1
}

/// How often what is due in the pages is looked for.
const ERASE_EVERY: Duration = Duration::from_secs(1);

/// How long a turn is at the least when nothing can be folded.
const FAILED_TURN: Duration = Duration::from_millis(100);

/// How much less urgent than the writer, on the scale of nice(2).
const NICENESS: i32 = 5;
