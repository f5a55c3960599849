//! The room on the data folder's disk: how much is free, and the reserve.
//!
//! Owns the looks at the disk, the reserve's file, and telling who asks whether anything may be written.
//! What follows from what is free is decided in [`crate::machines::room`]. Must not know what is written.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tokio::sync::watch;

use crate::machines::room::{Marks, Move, NoRoom, Room};

/// Says how many bytes can be written to the disk of a folder. A clone asks the same.
#[derive(Clone)]
pub struct FreeSpace(Arc<Ask>);

type Ask = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

impl FreeSpace {
    /// Asks something else than the system.
    #[must_use]
    pub fn from_fn(ask: impl Fn(&Path) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }
}

impl Default for FreeSpace {
    /// Asks the system.
    fn default() -> Self {
        Self::from_fn(|folder| {
            let disk = statvfs(folder)?;
            if disk.f_blocks == 0 {
                // The file system does not say how large it is, and so not how full.
                return Ok(u64::MAX);
            }
            // What is kept for the superuser does not count, whoever we are: it is not ours to use up.
            Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
        })
    }
}

impl fmt::Debug for FreeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreeSpace")
    }
}

/// The room on one disk, for everybody who writes there.
pub(super) struct Space {
    folder: PathBuf,
    marks: Marks,
    ask: FreeSpace,
    room: Mutex<Room>,
    /// Whether entries may be taken, to be read without the lock.
    taking: AtomicBool,
    /// A start may take all of the reserve, for the store cannot be opened without any room; afterwards a part
    /// stays for the next start.
    starting: AtomicBool,
    /// For whoever waits for a change.
    state: watch::Sender<Result<(), NoRoom>>,
}

impl Space {
    /// Looks for the first time. A reserve of another size than wanted goes.
    pub(super) fn new(folder: &Path, marks: Marks, ask: FreeSpace) -> Self {
        let is_wanted = |bytes: u64| bytes == marks.reserve_bytes && bytes > 0;
        let reserved = fs::metadata(folder.join(RESERVE)).is_ok_and(|file| is_wanted(file.len()));
        let room = Room::new(marks, reserved || marks.reserve_bytes == 0);
        let state = watch::Sender::new(Ok(()));
        let (taking, starting) = (AtomicBool::new(true), AtomicBool::new(true));
        let (folder, room) = (folder.to_owned(), Mutex::new(room));
        let space = Self { folder, marks, ask, room, taking, starting, state };
        if !reserved {
            space.give_up();
        }
        space.look();
        space
    }

    /// The start is over: what it has taken of the reserve is kept for the next one, if there is room.
    pub(super) fn started(&self) {
        let room = self.room();
        self.starting.store(false, Ordering::Relaxed);
        if !room.is_reserved()
            && let Err(error) = self.hold(self.start_bytes())
        {
            tracing::warn!(%error, "there is no room that could be kept for the next start");
        }
    }

    /// Looks how much is free, and does to the reserve what follows from it.
    pub(super) fn look(&self) {
        let mut room = self.room();
        self.look_at(&mut room);
        self.tell(&room);
    }

    /// Something could not be written for want of room.
    pub(super) fn refused(&self) {
        let mut room = self.room();
        if room.refused() == Some(Move::GiveUp) {
            self.give_up();
        }
        // What is free is asked for the reason only: the next look comes soon enough to go on.
        if let Ok(free_bytes) = (self.ask.0)(&self.folder) {
            room.found(free_bytes);
        }
        self.tell(&room);
    }

    /// Whether entries may be taken.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn may_take(&self) -> Result<(), NoRoom> {
        if self.taking.load(Ordering::Acquire) { Ok(()) } else { *self.state.borrow() }
    }

    /// Whether the store may be written, as of now.
    pub(super) fn may_fold(&self) -> bool {
        let mut room = self.room();
        self.look_at(&mut room);
        self.tell(&room);
        room.may_fold()
    }

    /// Whether so many bytes are free now.
    pub(super) fn has(&self, bytes: u64) -> bool {
        (self.ask.0)(&self.folder).map_or(true, |free| free >= bytes)
    }

    /// Changes when entries are held and when they are taken again.
    pub(super) fn watch(&self) -> watch::Receiver<Result<(), NoRoom>> {
        self.state.subscribe()
    }

    fn look_at(&self, room: &mut Room) {
        // At most: it is given up, or it is made.
        for _ in 0..LOOKS_MAX {
            let free_bytes = match (self.ask.0)(&self.folder) {
                Ok(free_bytes) => free_bytes,
                Err(error) => {
                    tracing::warn!(%error, "how much of the disk is free cannot be told");
                    return;
                }
            };
            match room.look(free_bytes) {
                Some(Move::GiveUp) => self.give_up(),
                Some(Move::Make) => match self.hold(self.marks.reserve_bytes) {
                    Ok(()) => room.made(true),
                    Err(error) => {
                        tracing::warn!(%error, "the reserve cannot be made yet");
                        self.give_up();
                        return room.made(false);
                    }
                },
                None => return,
            }
        }
    }

    fn give_up(&self) {
        let (path, left) = (self.folder.join(RESERVE), self.start_bytes());
        let given_up = if left == 0 || self.starting.load(Ordering::Relaxed) {
            fs::remove_file(&path)
        } else {
            OpenOptions::new().write(true).open(&path).and_then(|file| {
                // Half made it may be shorter.
                let bytes = file.metadata()?.len();
                file.set_len(bytes.min(left))?;
                file.sync_all()
            })
        };
        match given_up.and_then(|()| sync_folder(&self.folder)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "the reserve cannot be given up"),
        }
    }

    /// Makes the file of the reserve take so much room on the disk; it holds nothing.
    fn hold(&self, bytes: u64) -> io::Result<()> {
        if bytes == 0 {
            return Ok(());
        }
        let path = self.folder.join(RESERVE);
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => {}
            // Not every file system can.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => fill(&mut file, bytes)?,
            Err(error) => return Err(error.into()),
        }
        file.sync_all()?;
        sync_folder(&self.folder)
    }

    /// What of the reserve stays for the next start, in bytes.
    const fn start_bytes(&self) -> u64 {
        self.marks.reserve_bytes / 4
    }

    /// Says what has changed. While entries are held the figures of their reason are those of the last look,
    /// and whoever waits is told of them only with the change.
    fn tell(&self, room: &Room) {
        let now = room.may_take();
        self.taking.store(now.is_ok(), Ordering::Release);
        self.state.send_if_modified(|was| {
            let changed = was.is_ok() != now.is_ok();
            *was = now;
            changed
        });
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that looks again and again. It ends when this is dropped.
pub(super) struct Lookout {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lookout {
    /// Begins to look.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(space: Arc<Space>) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let look = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                space.look();
            }
        };
        let thread = thread::Builder::new().name("journal-room".to_owned()).spawn(look)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// Whether an error of the system says that the disk is full.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes zeros, where room cannot be had otherwise.
fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    let zeros = vec![0; FILL_BYTES];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(FILL_BYTES as u64);
        file.write_all(&zeros[..part as usize])?;
        left -= part;
    }
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The file of the reserve in the data folder.
const RESERVE: &str = "reserve";

/// How often the disk is looked at. What is written in between, by us or by others, must fit below the mark.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// So many looks settle it: one gives the reserve up or makes it, the next finds nothing to do.
const LOOKS_MAX: u32 = 2;

const FILL_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::atomic::AtomicU64;

    const MARKS: Marks =
        Marks { low_bytes: 10 << 20, resume_bytes: 12 << 20, reserve_bytes: 4 << 20, store_bytes: 1 << 20 };

    /// A disk of so many bytes, on which only the reserve and one other thing are.
    struct Disk {
        folder: tempfile::TempDir,
        other: Arc<AtomicU64>,
    }

    impl Disk {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), other: Arc::default() }
        }

        fn space(&self) -> Space {
            let other = Arc::clone(&self.other);
            let ask = FreeSpace::from_fn(move |folder| {
                let reserve = fs::metadata(folder.join(RESERVE)).map_or(0, |file| file.len());
                Ok((64_u64 << 20).saturating_sub(reserve + other.load(Ordering::SeqCst)))
            });
            Space::new(self.folder.path(), MARKS, ask)
        }

        fn leave(&self, free: u64) {
            let reserve = fs::metadata(self.folder.path().join(RESERVE)).map_or(0, |file| file.len());
            self.other.store((64 << 20) - reserve - free, Ordering::SeqCst);
        }

        /// How large the reserve is; all of it takes room.
        fn reserve(&self) -> u64 {
            fs::metadata(self.folder.path().join(RESERVE)).map_or(0, |file| {
                assert!(file.blocks() * 512 >= file.len(), "it is hollow");
                file.len()
            })
        }
    }

    #[test]
    fn the_reserve_takes_its_room_is_given_up_but_for_a_part_and_comes_back() {
        let disk = Disk::new();
        let space = disk.space();
        space.started();
        assert_eq!((disk.reserve(), space.may_take()), (4 << 20, Ok(())));
        disk.leave((10 << 20) - 1);
        space.look();
        assert_eq!(disk.reserve(), 1 << 20);
        assert!(space.may_take().is_err() && space.may_fold());
        disk.leave((16 << 20) - 1);
        space.look();
        assert!(space.may_take().is_err());
        disk.leave(16 << 20);
        space.look();
        assert_eq!((disk.reserve(), space.may_take()), (4 << 20, Ok(())));
    }

    #[test]
    fn a_start_may_use_all_of_it_and_leaves_a_part_for_the_next() {
        let disk = Disk::new();
        disk.space().started();
        disk.leave(0);
        let space = disk.space();
        assert_eq!(disk.reserve(), 0);
        assert!(space.has(4 << 20) && !space.has((4 << 20) + 1));
        space.started();
        assert_eq!(disk.reserve(), 1 << 20);
    }

    #[test]
    fn a_reserve_of_another_size_is_made_anew() {
        let disk = Disk::new();
        fs::write(disk.folder.path().join(RESERVE), vec![0; 5 << 20]).unwrap();
        disk.space().started();
        assert_eq!(disk.reserve(), 4 << 20);
    }

    #[test]
    fn a_refusal_holds_entries_until_the_next_look() {
        let disk = Disk::new();
        let space = disk.space();
        space.started();
        let mut changed = space.watch();
        space.refused();
        assert!(space.may_take().is_err() && changed.has_changed().unwrap());
        changed.mark_unchanged();
        space.look();
        assert!(space.may_take().is_ok() && changed.has_changed().unwrap());
    }

    #[test]
    fn where_room_cannot_be_had_otherwise_it_is_written() {
        let mut file = tempfile::tempfile().unwrap();
        fill(&mut file, (1 << 20) + 7).unwrap();
        let written = file.metadata().unwrap();
        assert_eq!(written.len(), (1 << 20) + 7);
        assert!(written.blocks() * 512 >= written.len());
    }
}
