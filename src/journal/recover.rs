//! Making the store true again at a start.
//!
//! Owns the question whether a store can be trusted, setting it aside when it cannot, and folding
//! what it does not have. The log is only read. What it says goes; the store is made to fit.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::{self, CheckpointError};
use super::crash_points::pass;
use super::fold::{Meaning, Understood, fold, keys, understand};
use super::log::{LogFiles, Records};
use super::space::Space;
use super::store::{Batch, Store, StoreError, opening_bytes};
use super::stored::{FoldMark, StoredError};
use super::{CrashPoint, LogRecord, Position, Progress, RebuildReason, StartError};

/// A store that is true.
pub(super) struct Recovered {
    /// The store.
    pub(super) store: Store,
    /// Where it is true: at the end of the log.
    pub(super) mark: FoldMark,
    /// Why it was made anew, if it was.
    pub(super) rebuilt: Option<RebuildReason>,
    /// Records that it did not have.
    pub(super) replayed: u64,
    /// Records that it does not have yet, for want of room on the disk.
    pub(super) unfolded: Vec<LogRecord>,
}

/// Where a store is, and the room that there is for it.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    /// The data folder.
    pub(super) dir: &'a Path,
    /// What sled may keep in memory, in bytes.
    pub(super) cache_bytes: u64,
    /// The room on its disk.
    pub(super) space: &'a Space,
    /// The most records that may wait for room, in bytes.
    pub(super) unfolded_bytes_max: u64,
}

/// Opens the store of a data folder and folds what it does not have; makes it anew if it cannot be
/// trusted, or if `anew` says so. What there is no room to fold is returned, if it is not too much.
///
/// # Errors
/// When the log cannot be read, a new store cannot be used either, or the disk is too full.
pub(super) fn recover(
    site: &Site<'_>,
    log: &LogFiles,
    anew: bool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, StartError> {
    let reason = if anew {
        Some(RebuildReason::Asked)
    } else {
        match open_trusted(site, log)? {
            Trust::Yes(store, mark) => match replay(site, store, mark, log, Onto::Existing, on_progress) {
                Ok(recovered) => return settle(site, recovered),
                Err(ReplayError::Untrusted(reason)) => Some(RebuildReason::Unreadable(reason)),
                Err(ReplayError::Start(error)) => return Err(error),
            },
            Trust::New => None,
            Trust::No(reason) => Some(reason),
        }
    };
    // A disk that is full is no reason to put anything out of the way.
    if !site.space.may_fold() {
        return Err(StartError::NoRoom("the store must be made anew".to_owned()));
    }
    set_aside(site.dir)?;
    let store = Store::open(&site.dir.join(STORE), site.cache_bytes)?;
    let mut layout = Batch::default();
    layout.put(keys::LAYOUT.to_vec(), vec![LAYOUT]);
    store.apply(layout)?;
    match replay(site, store, FoldMark::default(), log, Onto::New, on_progress) {
        Ok(recovered) => settle(site, Recovered { rebuilt: reason, ..recovered }),
        Err(ReplayError::Untrusted(reason)) => Err(StartError::Store(reason)),
        Err(ReplayError::Start(error)) => Err(error),
    }
}

/// What the log must have at least: everything that was folded has been durable. A checkpoint that
/// cannot be read says nothing.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn known_to_have(dir: &Path) -> Result<Position, StartError> {
    match checkpoint::read(dir) {
        Ok(checkpoint) => Ok(checkpoint.unwrap_or_default().position),
        Err(CheckpointError::Unreadable(_)) => Ok(Position(0)),
        Err(CheckpointError::Io { path, error }) => Err(StartError::Io { path, error }),
    }
}

/// What was found.
enum Trust {
    /// It fits the log and the checkpoint.
    Yes(Store, FoldMark),
    /// There is neither store nor log.
    New,
    /// It does not fit.
    No(RebuildReason),
}

fn open_trusted(site: &Site<'_>, log: &LogFiles) -> Result<Trust, StartError> {
    let dir = site.dir;
    let checkpoint = match checkpoint::read(dir) {
        Ok(checkpoint) => checkpoint.unwrap_or_default(),
        Err(CheckpointError::Unreadable(_)) => return Ok(Trust::No(RebuildReason::CheckpointUnreadable)),
        Err(CheckpointError::Io { path, error }) => return Err(StartError::Io { path, error }),
    };
    let folder = dir.join(STORE);
    if !folder.join("db").exists() {
        let new = log.last() == Position(0) && checkpoint.position == Position(0);
        return Ok(if new { Trust::New } else { Trust::No(RebuildReason::Missing) });
    }
    // Where it would meet a full disk it is not opened at all: that leaves less room each time.
    let bytes = opening_bytes(&folder);
    if !site.space.has(bytes) {
        let what = format!("the store needs {} MiB to be opened", bytes.div_ceil(1 << 20));
        return Err(StartError::NoRoom(what));
    }
    let store = match Store::open(&folder, site.cache_bytes) {
        Ok(store) => store,
        Err(error @ StoreError::Full) => return Err(error.into()),
        Err(error @ (StoreError::Failed(_) | StoreError::ValueTooLarge { .. })) => {
            return Ok(Trust::No(RebuildReason::Unreadable(error.to_string())));
        }
    };
    let mark = match store.get(keys::MARK).map(|mark| mark.map(|mark| FoldMark::decode(&mark)).transpose()) {
        Ok(Ok(mark)) => mark.unwrap_or_default(),
        Ok(Err(error @ StoredError::Newer { .. })) => return Err(StartError::Store(error.to_string())),
        Ok(Err(error)) => return Ok(Trust::No(RebuildReason::Unreadable(error.to_string()))),
        Err(error) => return Ok(Trust::No(RebuildReason::Unreadable(error.to_string()))),
    };
    match store.get(keys::LAYOUT) {
        Ok(Some(layout)) if *layout == [LAYOUT] => {}
        Ok(_) => return Ok(Trust::No(RebuildReason::OtherLayout)),
        Err(error) => return Ok(Trust::No(RebuildReason::Unreadable(error.to_string()))),
    }
    Ok(match compare(mark, checkpoint, log)? {
        Some(reason) => Trust::No(reason),
        None => Trust::Yes(store, mark),
    })
}

/// Whether a store with this mark belongs to the log and has what the checkpoint says.
fn compare(
    mark: FoldMark,
    checkpoint: FoldMark,
    log: &LogFiles,
) -> Result<Option<RebuildReason>, StartError> {
    if mark.position > log.last() || checkpoint.position > log.last() {
        let store = mark.position.max(checkpoint.position);
        return Ok(Some(RebuildReason::AheadOfLog { store, log: log.last() }));
    }
    if mark.position < checkpoint.position {
        let reason =
            RebuildReason::BehindCheckpoint { store: mark.position, checkpoint: checkpoint.position };
        return Ok(Some(reason));
    }
    for mark in [mark, checkpoint] {
        if mark.position == Position(0) {
            continue;
        }
        let record = log.records(mark.position).next().transpose()?;
        if record.is_none_or(|record| FoldMark::of(&record) != mark) {
            return Ok(Some(RebuildReason::OtherLog { position: mark.position }));
        }
    }
    Ok(None)
}

/// What a replay is folded onto.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Onto {
    /// A store that was there: what does not fit is the store's fault.
    Existing,
    /// A new one: what does not fit is in the log, and stays with its stream.
    New,
}

/// Why a replay did not come to its end.
enum ReplayError {
    /// The store is not what it seemed.
    Untrusted(String),
    /// It is not the store's fault.
    Start(StartError),
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::Start(error.into()),
            StoreError::Failed(_) | StoreError::ValueTooLarge { .. } => Self::Untrusted(error.to_string()),
        }
    }
}

/// Folds the log from behind a mark to its end.
fn replay(
    site: &Site<'_>,
    store: Store,
    mut mark: FoldMark,
    log: &LogFiles,
    onto: Onto,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Recovered, ReplayError> {
    let (mut replayed, mut unfolded) = (0, Vec::new());
    let mut records = log.records(Position(mark.position.0 + 1));
    loop {
        let batch = next_batch(&mut records).map_err(ReplayError::Start)?;
        let Some(last) = batch.last() else { break };
        if !site.space.may_fold() {
            unfolded = hold(site, &store, batch, &mut records, onto)?;
            break;
        }
        mark = FoldMark::of(&last.record);
        replayed += batch.len() as u64;
        let step = fold(&store, &batch)?;
        if let (Onto::Existing, Some((stream, damaged))) = (onto, step.damaged.first()) {
            return Err(ReplayError::Untrusted(format!("{stream:?}: {}", damaged.reason)));
        }
        for (stream, damaged) in &step.damaged {
            tracing::error!(?stream, revision = damaged.revision, reason = damaged.reason, "damaged");
        }
        store.apply(step.batch)?;
        pass(match onto {
            Onto::Existing => CrashPoint::ReplayedBatch,
            Onto::New => CrashPoint::RebuiltBatch,
        });
        on_progress(Progress { done: mark.position, total: log.last() });
    }
    Ok(Recovered { store, mark, rebuilt: None, replayed, unfolded })
}

/// What there is no room to fold: it is kept in memory, unless it is too much or the store does not fit it.
fn hold(
    site: &Site<'_>,
    store: &Store,
    mut held: Vec<Understood>,
    records: &mut Records,
    onto: Onto,
) -> Result<Vec<LogRecord>, ReplayError> {
    let bytes = |batch: &[Understood]| batch.iter().map(|held| held.record.payload.len() as u64).sum::<u64>();
    let mut held_bytes = bytes(&held);
    loop {
        let batch = next_batch(records).map_err(ReplayError::Start)?;
        held_bytes += bytes(&batch);
        if onto == Onto::New || held_bytes > site.unfolded_bytes_max {
            let what = "what the store does not have cannot be folded yet".to_owned();
            return Err(ReplayError::Start(StartError::NoRoom(what)));
        }
        if batch.is_empty() {
            break;
        }
        held.extend(batch);
    }
    if let Some((stream, damaged)) = fold(store, &held)?.damaged.first() {
        return Err(ReplayError::Untrusted(format!("{stream:?}: {}", damaged.reason)));
    }
    Ok(held.into_iter().map(|held| held.record).collect())
}

fn next_batch(records: &mut Records) -> Result<Vec<Understood>, StartError> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        let Some(record) = records.next().transpose()? else { break };
        bytes += record.payload.len();
        let understood = understand(record);
        if let Meaning::Unreadable(error @ StoredError::Newer { .. }) = &understood.meaning {
            let LogRecord { position, stream, .. } = understood.record;
            return Err(StartError::Record { position, stream, reason: error.to_string() });
        }
        batch.push(understood);
    }
    Ok(batch)
}

/// Makes what was folded last.
fn settle(site: &Site<'_>, recovered: Recovered) -> Result<Recovered, StartError> {
    let dir = site.dir;
    if recovered.replayed > 0 && recovered.unfolded.is_empty() {
        pass(if recovered.rebuilt.is_some() { CrashPoint::Rebuilt } else { CrashPoint::Replayed });
        recovered.store.sync()?;
        checkpoint::write(dir, recovered.mark).map_err(|error| io_failed(dir, error))?;
    }
    Ok(recovered)
}

/// Puts the store out of the way; the one put there before goes. The checkpoint goes last: as long as
/// the store has its name, it must not be forgotten what the store should have.
fn set_aside(dir: &Path) -> Result<(), StartError> {
    let (store, aside) = (dir.join(STORE), dir.join(SET_ASIDE));
    if store.exists() {
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(|error| io_failed(&aside, error))?;
            pass(CrashPoint::OlderAsideRemoved);
        }
        fs::rename(&store, &aside).map_err(|error| io_failed(&store, error))?;
        pass(CrashPoint::StoreSetAside);
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| io_failed(dir, error))?;
    }
    checkpoint::remove(dir).map_err(|error| io_failed(dir, error))?;
    pass(CrashPoint::AsideLasting);
    Ok(())
}

fn io_failed(path: &Path, error: io::Error) -> StartError {
    StartError::Io { path: PathBuf::from(path), error }
}

/// The folder of the store in the data folder, and that of one that was set aside.
pub(super) const STORE: &str = "store";
const SET_ASIDE: &str = "store.set-aside";

/// How keys and values lie in the store: raised whenever a fold is laid out otherwise, or has more in it than an
/// older program put there. A store of another layout is made anew. The first bore none.
const LAYOUT: u8 = 3;

/// How much of the log one batch takes, in bytes: nobody waits for anything else meanwhile.
const BATCH_BYTES: usize = 4 << 20;
