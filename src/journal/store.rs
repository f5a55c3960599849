//! The store: the only file that names sled.
//!
//! Owns how sled is opened, read, written and synced so that what `hazards.md` says of it cannot
//! bite. Knows keys and values as bytes only; nothing that was acknowledged is only in here.
//!
//! sled 0.34 may panic when its files are damaged, so a panic in it becomes an error here.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};

use super::CrashPoint;
use super::crash_points::pass;
use super::space::is_no_room;
use crate::clock;
use crate::limits::STORE_ROOM_BYTES;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StoreError {
    /// The disk is full. The store takes nothing more until it is opened again.
    #[error("store: the disk is full")]
    Full,
    /// It failed otherwise.
    #[error("store: {0}")]
    Failed(String),
    /// A value is larger than the store can hold safely.
    #[error("store: a value of {bytes} bytes; at most {VALUE_BYTES_MAX}")]
    ValueTooLarge {
        /// How large it is.
        bytes: usize,
    },
}

/// An open store.
pub(super) struct Store {
    /// Empty once it is closed: handles of a journal that has stopped may live on, its files must not.
    db: RwLock<Option<sled::Db>>,
    /// The same file that sled writes, for the sync that sled does not do.
    file: File,
    /// So much of it has its room on the disk, whatever is written of it.
    held_bytes: AtomicU64,
    folder: PathBuf,
}

/// How many bytes sled may write to open the store of a folder: it fills up its last segment, and writes a new
/// snapshot of its page table.
pub(super) fn opening_bytes(folder: &Path) -> u64 {
    let unfilled = fs::metadata(folder.join("db"))
        .map_or(0, |file| filled_bytes(&file).saturating_sub(file.blocks().saturating_mul(BLOCK_BYTES)));
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let snapshots = files.filter(|file| file.file_name().to_string_lossy().starts_with("snap."));
    let snapshot = snapshots.filter_map(|file| file.metadata().ok()).map(|file| file.len()).max();
    unfilled + 2 * snapshot.unwrap_or(0) + OPENING_BYTES
}

/// What the file takes once its last segment is filled up.
fn filled_bytes(file: &fs::Metadata) -> u64 {
    file.len().next_multiple_of(SEGMENT_BYTES as u64)
}

/// A key or value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value(sled::IVec);

impl Deref for Value {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Changes that are applied together or not at all.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Sets a key. Of several changes of a key the last holds.
    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.push((key, Some(value)));
    }

    /// Removes a key, if it is there.
    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.changes.push((key, None));
    }

    /// Whether it changes nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Store {
    /// Opens the store in a folder; makes it when it is not there.
    ///
    /// # Errors
    /// When sled cannot open it, also when sled panics over it.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        fs::create_dir_all(folder)?;
        pass(CrashPoint::StoreFolderMade);
        remove_torn_snapshots(folder)?;
        pass(CrashPoint::StoreSwept);
        let config = sled::Config::new()
            .path(folder)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        let db = open_unlocked(&config)?;
        let file = OpenOptions::new().read(true).write(true).open(folder.join("db"))?;
        let held_bytes = AtomicU64::new(0);
        let store = Self { db: RwLock::new(Some(db)), file, held_bytes, folder: folder.to_owned() };
        pass(CrashPoint::StoreOpened);
        store.sync_creation()?;
        store.hold_room();
        pass(CrashPoint::StoreLasting);
        Ok(store)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Value>, StoreError> {
        let db = self.db()?;
        guarded(|| db.get(key)).map(|found| found.map(Value))
    }

    /// The last pair whose key begins with `prefix` and is not after `key`.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn at_or_before(
        &self,
        prefix: &[u8],
        key: &[u8],
    ) -> Result<Option<(Value, Value)>, StoreError> {
        let db = self.db()?;
        let found = guarded(|| db.range(prefix..=key).next_back().transpose())?;
        Ok(found.map(|(key, value)| (Value(key), Value(value))))
    }

    /// The pairs whose keys begin with `prefix` and are not before `from`, in order.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
    ) -> impl Iterator<Item = Result<(Value, Value), StoreError>> + use<> {
        let prefix = prefix.to_vec();
        let mut range = self.db().map(|db| db.range(from.to_vec()..));
        std::iter::from_fn(move || {
            let next = match &mut range {
                Ok(range) => guarded(|| range.next().transpose()),
                Err(closed) => Err(closed.clone()),
            };
            match next {
                Ok(Some((key, value))) if key.starts_with(&prefix) => Some(Ok((Value(key), Value(value)))),
                Ok(Some(_) | None) => None,
                Err(error) => Some(Err(error)),
            }
        })
    }

    /// Applies changes together. They can be read at once, and last only after [`Self::sync`].
    ///
    /// # Errors
    /// When a value is too large or the store fails.
    pub(super) fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch.changes {
            match value {
                Some(value) if value.len() > VALUE_BYTES_MAX => {
                    return Err(StoreError::ValueTooLarge { bytes: value.len() });
                }
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        let db = self.db()?;
        guarded(|| db.apply_batch(changes))?;
        self.hold_room();
        Ok(())
    }

    /// Waits until everything applied before is on disk: sled's own flush does not wait for the
    /// disk, so its file is synced behind it.
    ///
    /// # Errors
    /// When the store or the disk fails.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let db = self.db()?;
        guarded(|| db.flush())?;
        self.file.sync_data()?;
        Ok(())
    }

    /// Has the room of the last segment and the next one kept for sled, which does not get over a disk that fills
    /// up while it writes; and an opening fills the last one up, also on a full disk.
    fn hold_room(&self) {
        let bytes = self.file.metadata().map_or(0, |file| filled_bytes(&file) + SEGMENT_BYTES as u64);
        if bytes != self.held_bytes.swap(bytes, Ordering::Relaxed) {
            // Where the file system cannot, more must be free for the same.
            let _ = fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, bytes);
        }
    }

    /// Lets go of the files, so that they can be opened again while handles of this store live on.
    pub(super) fn close(&self) {
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn db(&self) -> Result<sled::Db, StoreError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        db.clone().ok_or_else(|| StoreError::Failed("it is closed".to_owned()))
    }

    /// Makes the files and folders that sled created last.
    fn sync_creation(&self) -> Result<(), StoreError> {
        for path in [&self.folder.join("db"), &self.folder.join("conf"), &self.folder.join("blobs")] {
            File::open(path)?.sync_all()?;
        }
        File::open(&self.folder)?.sync_all()?;
        if let Some(parent) = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

/// sled takes a torn snapshot for a whole one and then never opens again.
fn remove_torn_snapshots(folder: &Path) -> Result<(), StoreError> {
    for file in fs::read_dir(folder)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// Opens sled, waiting while threads of a store that was just closed still hold its lock. Another
/// process cannot hold it: the data folder has a lock of its own.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, StoreError> {
    let begun = clock::instant();
    loop {
        match guarded(|| config.open()) {
            Err(StoreError::Failed(reason))
                if reason.contains("could not acquire lock") && begun.elapsed() < UNLOCK_MAX =>
            {
                #[allow(
                    clippy::disallowed_methods,
                    reason = "a start may wait, and sled says nothing when it is done"
                )]
                std::thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

fn guarded<T>(action: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(outcome) => outcome.map_err(StoreError::from),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(StoreError::Failed(format!("sled panicked: {}", said.unwrap_or("without a word"))))
        }
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            error @ (sled::Error::CollectionNotFound(_)
            | sled::Error::Unsupported(_)
            | sled::Error::ReportableBug(_)
            | sled::Error::Corruption { .. }) => Self::Failed(error.to_string()),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        if is_no_room(&error) { Self::Full } else { Self::Failed(error.to_string()) }
    }
}

/// sled's largest. A store is safer the fewer segments are unsynced; fixed when it is made.
const SEGMENT_BYTES: usize = 16 << 20;

/// sled cleans up only there, so it is never switched off. Milliseconds.
const FLUSH_EVERY_MS: u64 = 500;

/// With the room that must be free sled gets by: what one batch makes it write, the end of a segment that it
/// leaves, and what its own thread cleans up meanwhile.
const _: () = assert!(STORE_ROOM_BYTES >= SEGMENT_BYTES as u64 / 2 * 3);

/// What opening writes besides, and the growth of a page table since its last snapshot.
const OPENING_BYTES: u64 = 1 << 20;

/// The unit in which the system counts what a file takes.
const BLOCK_BYTES: u64 = 512;

/// The most bytes of a value.
pub(super) const VALUE_BYTES_MAX: usize = 128 << 10;

/// A leaf of sled holds up to 16 values, and one above a quarter of a segment goes to a file that
/// is never synced: twenty of our largest must stay below.
const _: () = assert!(20 * VALUE_BYTES_MAX < SEGMENT_BYTES / 4);

/// How long a store that was just closed may keep its lock.
const UNLOCK_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn open(folder: &Path) -> Result<Store, StoreError> {
        Store::open(folder, 8 << 20)
    }

    fn keys(store: &Store, prefix: &[u8], from: &[u8]) -> Vec<Vec<u8>> {
        store.scan(prefix, from).map(|pair| pair.unwrap().0.to_vec()).collect()
    }

    #[test]
    fn what_was_applied_is_there_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let mut batch = Batch::default();
        for key in [&b"a1"[..], b"a2", b"a3", b"b1"] {
            batch.put(key.to_vec(), key.to_vec());
        }
        batch.remove(b"a3".to_vec());
        store.apply(batch).unwrap();
        store.sync().unwrap();
        drop(store);
        let store = open(dir.path()).unwrap();
        assert_eq!(keys(&store, b"a", b"a"), [b"a1", b"a2"]);
        assert_eq!(keys(&store, b"a", b"a2"), [b"a2"]);
        let found = store.at_or_before(b"a", b"a\xff").unwrap().unwrap();
        assert_eq!((&*found.0, &*found.1), (&b"a2"[..], &b"a2"[..]));
        assert_eq!(store.at_or_before(b"b", b"b0").unwrap(), None);
    }

    #[test]
    fn one_that_is_closed_can_be_opened_again_while_it_is_still_held() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        store.close();
        let again = open(dir.path()).unwrap();
        assert_eq!(again.get(b"a1"), Ok(None));
        assert!(store.get(b"a1").is_err() && store.sync().is_err());
        assert!(store.scan(b"a", b"a").next().unwrap().is_err());
    }

    #[test]
    fn its_last_segment_and_the_next_have_their_room_before_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let mut batch = Batch::default();
        batch.put(b"key".to_vec(), b"value".to_vec());
        store.apply(batch).unwrap();
        store.sync().unwrap();
        let file = fs::metadata(dir.path().join("db")).unwrap();
        assert!(
            file.len() <= SEGMENT_BYTES as u64 && file.blocks() * BLOCK_BYTES >= 2 * SEGMENT_BYTES as u64
        );
        store.close();
        assert_eq!(opening_bytes(dir.path()), OPENING_BYTES, "there is no snapshot yet");
    }

    #[test]
    fn a_value_that_sled_would_keep_unsynced_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).unwrap();
        let mut batch = Batch::default();
        batch.put(b"large".to_vec(), vec![0; VALUE_BYTES_MAX + 1]);
        let error = StoreError::ValueTooLarge { bytes: VALUE_BYTES_MAX + 1 };
        assert_eq!(store.apply(batch), Err(error));
        assert_eq!(store.get(b"large").unwrap(), None);
    }

    #[test]
    fn a_torn_snapshot_does_not_keep_it_from_opening() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let torn = dir.path().join("snap.00000000000000FF.generating");
        fs::write(&torn, b"torn").unwrap();
        drop(open(dir.path()).unwrap());
        assert!(!torn.exists());
    }

    #[test]
    fn garbage_is_an_error_or_an_empty_store_but_never_a_panic() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path()).unwrap();
        fs::write(dir.path().join("db"), vec![0xa5; 100_000]).unwrap();
        fs::write(dir.path().join("conf"), b"segment_size: many\nxxxx").unwrap();
        assert!(open(dir.path()).is_err());
    }
}
