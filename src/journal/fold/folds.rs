//! What readers and the fold thread share.
//!
//! Owns the store with everything that complements it, and the gate between reading it and changing
//! it: a read that takes several steps sees no fold in between.

use std::collections::HashMap;
#[cfg(feature = "planted-bugs")]
use std::sync::atomic::AtomicU8;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use switchboard_protocol::vocabulary::{ConversationId, Timestamp, WorkspaceId};

use super::erase::{Erasure, erase_pages};
use super::record::Understood;
use super::step::{PendingSnapshot, Step, fold};
use super::{Overlay, keys};
use crate::domain::conversation::Conversation;
use crate::journal::crash_points::pass;
use crate::journal::store::{Batch, Store, StoreError};
use crate::journal::stored::{Damaged, FoldMark, encode_conversation};
use crate::journal::tail::Tail;
#[cfg(feature = "planted-bugs")]
use crate::journal::tail::Wish;
use crate::journal::{CrashPoint, DeskChange, Position, Stream};

/// The store, the tail, and what lies between.
pub(in crate::journal) struct Folds {
    /// What is folded.
    pub(in crate::journal) store: Store,
    /// What is not folded yet.
    pub(in crate::journal) tail: Tail,
    /// The rows that are not folded yet.
    pub(in crate::journal) overlay: Overlay,
    /// Held while a batch is applied; shared by readers.
    gate: RwLock<()>,
    snapshots: Mutex<Snapshots>,
    desk: Mutex<Option<DeskCallback>>,
    folded: AtomicU64,
    failed: AtomicBool,
    #[cfg(feature = "planted-bugs")]
    planted: AtomicU8,
}

/// How the folds can be made to fail, for tests of failures.
#[cfg(feature = "planted-bugs")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldFailure {
    /// By an error of the store.
    Error,
    /// By the store's meeting a full disk.
    Full,
    /// By a panic.
    Panic,
}

/// Who is told of changed rows.
pub(in crate::journal) type DeskCallback = Box<dyn Fn(DeskChange) + Send + Sync>;

#[derive(Default)]
struct Snapshots {
    waiting: HashMap<(WorkspaceId, ConversationId), PendingSnapshot>,
    bytes: usize,
}

impl Folds {
    /// Over a store that is true at a mark.
    pub(in crate::journal) fn new(store: Store, mark: FoldMark) -> Self {
        Self {
            store,
            tail: Tail::new(mark.position),
            overlay: Overlay::new(mark.position),
            gate: RwLock::default(),
            snapshots: Mutex::default(),
            desk: Mutex::default(),
            folded: AtomicU64::new(mark.position.0),
            failed: AtomicBool::new(false),
            #[cfg(feature = "planted-bugs")]
            planted: AtomicU8::new(0),
        }
    }

    /// The last folded record.
    pub(in crate::journal) fn folded(&self) -> Position {
        Position(self.folded.load(Ordering::Acquire))
    }

    /// Keeps the store as it is while reading several things of it.
    pub(in crate::journal) fn hold(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether folding has failed. It goes on when the journal is started again.
    pub(in crate::journal) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Folding has failed.
    pub(in crate::journal) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// Has folding fail in its next turn.
    #[cfg(feature = "planted-bugs")]
    pub(in crate::journal) fn plant_failure(&self, failure: FoldFailure) {
        let number = match failure {
            FoldFailure::Error => 1,
            FoldFailure::Full => 2,
            FoldFailure::Panic => 3,
        };
        self.planted.store(number, Ordering::Relaxed);
        self.tail.wish(Wish::Look);
    }

    #[cfg(feature = "planted-bugs")]
    #[expect(clippy::panic, reason = "this is what it is for")]
    pub(super) fn fail_as_planted(&self) -> Result<(), StoreError> {
        match self.planted.load(Ordering::Relaxed) {
            0 => Ok(()),
            1 => Err(StoreError::Failed("planted on purpose".to_owned())),
            2 => Err(StoreError::Full),
            _ => panic!("a failure planted on purpose"),
        }
    }

    /// Takes a snapshot to be written when everything in it is folded. It is a cache: when too many
    /// wait, it is not taken.
    pub(in crate::journal) fn offer_snapshot(&self, state: &Conversation) {
        let Ok(bytes) = encode_conversation(state) else { return };
        let key = (state.workspace, state.id);
        let mut snapshots = lock(&self.snapshots);
        if snapshots.bytes + bytes.len() > SNAPSHOTS_BYTES_MAX {
            return;
        }
        snapshots.bytes += bytes.len();
        let snapshot = PendingSnapshot { revision: state.revision, last: state.last, bytes };
        if let Some(older) = snapshots.waiting.insert(key, snapshot) {
            snapshots.bytes -= older.bytes.len();
        }
    }

    /// Folds records that follow on everything folded before, with the snapshots that they complete.
    /// Returns the streams that were found damaged.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::journal) fn step(
        &self,
        records: &[Understood],
    ) -> Result<Vec<(Stream, Damaged)>, StoreError> {
        let mut step = fold(&self.store, records)?;
        self.add_snapshots(&mut step)?;
        let (snapshots, Step { batch, damaged, .. }) = (step.snapshots, step);
        self.apply(batch, records)?;
        if snapshots > 0 {
            pass(CrashPoint::SnapshotApplied);
        }
        Ok(damaged)
    }

    /// Erases what is due by now from some pages. Says whether there may be more, or `None` when nothing was
    /// due.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::journal) fn erase(&self, now: Timestamp) -> Result<Option<bool>, StoreError> {
        let Erasure { batch, more } = erase_pages(&self.store, now)?;
        if batch.is_empty() {
            return Ok(None);
        }
        self.apply(batch, &[])?;
        pass(CrashPoint::PagesErased);
        Ok(Some(more))
    }

    /// The mark that the store is true at.
    ///
    /// # Errors
    /// When the store fails, or its mark cannot be read.
    pub(in crate::journal) fn mark(&self) -> Result<FoldMark, StoreError> {
        let mark = self.store.get(keys::MARK)?.map(|mark| FoldMark::decode(&mark)).transpose();
        mark.map(Option::unwrap_or_default).map_err(|error| StoreError::Failed(error.to_string()))
    }

    /// Registers who is told of changed rows.
    pub(in crate::journal) fn on_desk_change(&self, callback: DeskCallback) {
        *lock(&self.desk) = Some(callback);
    }

    /// Tells of changed rows.
    pub(in crate::journal) fn report(&self, change: DeskChange) {
        if let Some(callback) = lock(&self.desk).as_ref() {
            callback(change);
        }
    }

    fn add_snapshots(&self, step: &mut Step<'_>) -> Result<(), StoreError> {
        let taken = {
            let mut snapshots = lock(&self.snapshots);
            snapshots.bytes = 0;
            std::mem::take(&mut snapshots.waiting)
        };
        let mut early = Vec::new();
        for ((workspace, conversation), snapshot) in taken {
            if !step.snapshot(workspace, conversation, &snapshot)? {
                early.push(((workspace, conversation), snapshot));
            }
        }
        let mut snapshots = lock(&self.snapshots);
        for (key, snapshot) in early {
            // A later one may have come meanwhile.
            if !snapshots.waiting.contains_key(&key) {
                snapshots.bytes += snapshot.bytes.len();
                snapshots.waiting.insert(key, snapshot);
            }
        }
        Ok(())
    }

    fn apply(&self, batch: Batch, records: &[Understood]) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        pass(CrashPoint::FoldMade);
        self.store.apply(batch)?;
        pass(CrashPoint::FoldApplied);
        if let Some(last) = records.last() {
            let folded = last.record.position;
            self.tail.drop_folded(records.iter().map(|understood| &understood.record));
            self.overlay.drop_folded(records, folded);
            self.folded.store(folded.0, Ordering::Release);
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most bytes of snapshots that wait to be written.
const SNAPSHOTS_BYTES_MAX: usize = 16 << 20;
