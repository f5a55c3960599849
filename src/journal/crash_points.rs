//! Crash points: the steps at which a power cut would find the journal in the middle of something.
//!
//! Owns their names, so that a rig can end the process at each of them and prove that it did. Without
//! the feature `crash-points`, which no release build has, passing one is nothing at all. Must not know
//! what happens to the process there.

/// A step of the journal, named by what has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashPoint {
    /// The data folder and those above it are there, not yet on disk.
    FolderMade,
    /// The file that names the layout is written, not yet synced.
    FormatWritten,
    /// The file that names the layout is synced, and has not got its name yet.
    FormatSynced,
    /// The file that names the layout has its name, which may not be on disk.
    FormatRenamed,
    /// The folder of the log is there, not yet on disk.
    LogFolderMade,
    /// Some zeros are written over a torn end of the log, not yet synced.
    TailZeroed,
    /// What was found at the end of the log is synced.
    TailSynced,
    /// The file of the next segment is there, with nothing in it.
    PrepareCreated,
    /// The file of the next segment is full of zeros, not yet synced.
    PrepareFilled,
    /// The file of the next segment is synced.
    PrepareSynced,
    /// A segment is full: the next commit needs another.
    SegmentFull,
    /// The end of a segment is written, its length still that which was prepared.
    SegmentEndWritten,
    /// A segment is cut to its length, not yet synced.
    SegmentCut,
    /// A segment is closed and synced.
    SegmentClosed,
    /// The head of a segment is written, not yet synced.
    SegmentHeadWritten,
    /// The head of a segment is synced, and the file has not got its name yet.
    SegmentHeadSynced,
    /// A segment has its name, which may not be on disk.
    SegmentRenamed,
    /// A segment and its name are on disk.
    SegmentBegun,
    /// A segment is to be closed before it is full.
    SegmentCloseAsked,
    /// The file of a rewritten segment is there, with nothing in it.
    RewriteBegun,
    /// A rewritten segment is written, not yet synced.
    RewriteWritten,
    /// A rewritten segment is synced, and has not got its name yet.
    RewriteSynced,
    /// A rewritten segment has its name, which may not be on disk.
    RewriteRenamed,
    /// A rewritten segment and its name are on disk.
    RewriteLasting,
    /// What was left of a rewriting is removed; that may not be on disk.
    RewriteSwept,
    /// A commit is made, and nothing of it written.
    CommitMade,
    /// A commit is written, not yet synced.
    CommitWritten,
    /// A commit is synced, and nobody knows.
    CommitSynced,
    /// A commit can be read, and nobody was told.
    CommitReadable,
    /// Everything is committed, and the log not yet closed.
    StopBegun,
    /// The log is closed, and the rest not yet folded.
    LogClosed,
    /// The store's folder is there, not yet on disk.
    StoreFolderMade,
    /// Torn snapshots of the store are removed.
    StoreSwept,
    /// The store is open; what was created for it may not be on disk.
    StoreOpened,
    /// The store and the names of its files are on disk.
    StoreLasting,
    /// A batch of folds is made, and not yet in the store.
    FoldMade,
    /// A batch of folds is in the store, not yet synced.
    FoldApplied,
    /// What is due is erased from pages of the store, not yet synced.
    PagesErased,
    /// A snapshot goes into the batch that is being made.
    SnapshotMade,
    /// A batch with a snapshot is in the store, not yet synced.
    SnapshotApplied,
    /// A checkpoint is due, and nothing done for it.
    CheckpointDue,
    /// The store is synced for a checkpoint.
    CheckpointStoreSynced,
    /// A checkpoint is written, not yet synced.
    CheckpointWritten,
    /// A checkpoint is synced, and has not got its name yet.
    CheckpointSynced,
    /// A checkpoint has its name, which may not be on disk.
    CheckpointRenamed,
    /// The log is open at a start, the store not yet.
    LogOpened,
    /// A batch of the log is replayed onto a store that was there.
    ReplayedBatch,
    /// Everything is replayed, not yet synced.
    Replayed,
    /// The store that was set aside before is gone.
    OlderAsideRemoved,
    /// The store is set aside; that may not be on disk.
    StoreSetAside,
    /// The checkpoint of the store that was set aside is removed; that may not be on disk.
    CheckpointRemoved,
    /// There is neither store nor checkpoint, on disk.
    AsideLasting,
    /// A batch of the log is in the store that is made anew.
    RebuiltBatch,
    /// The store that is made anew has everything, not yet synced.
    Rebuilt,
}

impl CrashPoint {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::FolderMade,
        Self::FormatWritten,
        Self::FormatSynced,
        Self::FormatRenamed,
        Self::LogFolderMade,
        Self::TailZeroed,
        Self::TailSynced,
        Self::PrepareCreated,
        Self::PrepareFilled,
        Self::PrepareSynced,
        Self::SegmentFull,
        Self::SegmentEndWritten,
        Self::SegmentCut,
        Self::SegmentClosed,
        Self::SegmentHeadWritten,
        Self::SegmentHeadSynced,
        Self::SegmentRenamed,
        Self::SegmentBegun,
        Self::SegmentCloseAsked,
        Self::RewriteBegun,
        Self::RewriteWritten,
        Self::RewriteSynced,
        Self::RewriteRenamed,
        Self::RewriteLasting,
        Self::RewriteSwept,
        Self::CommitMade,
        Self::CommitWritten,
        Self::CommitSynced,
        Self::CommitReadable,
        Self::StopBegun,
        Self::LogClosed,
        Self::StoreFolderMade,
        Self::StoreSwept,
        Self::StoreOpened,
        Self::StoreLasting,
        Self::FoldMade,
        Self::FoldApplied,
        Self::PagesErased,
        Self::SnapshotMade,
        Self::SnapshotApplied,
        Self::CheckpointDue,
        Self::CheckpointStoreSynced,
        Self::CheckpointWritten,
        Self::CheckpointSynced,
        Self::CheckpointRenamed,
        Self::LogOpened,
        Self::ReplayedBatch,
        Self::Replayed,
        Self::OlderAsideRemoved,
        Self::StoreSetAside,
        Self::CheckpointRemoved,
        Self::AsideLasting,
        Self::RebuiltBatch,
        Self::Rebuilt,
    ];
}

#[cfg(feature = "crash-points")]
mod hook {
    use super::CrashPoint;
    use std::sync::OnceLock;

    type Hook = Box<dyn Fn(CrashPoint) + Send + Sync>;

    static HOOK: OnceLock<Hook> = OnceLock::new();

    /// Registers who is called at each crash point, on the thread that passes it. Only the first one is.
    pub fn on_crash_point(hook: Hook) {
        let _ = HOOK.set(hook);
    }

    pub(in crate::journal) fn pass(point: CrashPoint) {
        if let Some(hook) = HOOK.get() {
            hook(point);
        }
    }
}

#[cfg(feature = "crash-points")]
pub use hook::on_crash_point;
#[cfg(feature = "crash-points")]
pub(super) use hook::pass;

/// Passes a crash point: nothing, in this build.
#[cfg(not(feature = "crash-points"))]
pub(super) const fn pass(_: CrashPoint) {}
