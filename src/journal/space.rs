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
        let taking = AtomicBool::new(true);
        let space = Self { folder: folder.to_owned(), marks, ask, room: Mutex::new(room), taking, state };
        if !reserved {
            space.give_up();
        }
        space.look();
        space
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
                Some(Move::Make) => match self.make() {
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
        let path = self.folder.join(RESERVE);
        match fs::remove_file(&path).and_then(|()| sync_folder(&self.folder)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(path = %path.display(), %error, "the reserve cannot be given up"),
        }
    }

    /// A file that takes its room on the disk and holds nothing.
    fn make(&self) -> io::Result<()> {
        if self.marks.reserve_bytes == 0 {
            return Ok(());
        }
        let path = self.folder.join(RESERVE);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, self.marks.reserve_bytes) {
            Ok(()) => {}
            // Not every file system can.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                fill(&mut file, self.marks.reserve_bytes)?
            }
            Err(error) => return Err(error.into()),
        }
        file.sync_all()?;
        sync_folder(&self.folder)
    }

    /// Says what has changed.
    fn tell(&self, room: &Room) {
        let now = room.may_take();
        self.taking.store(now.is_ok(), Ordering::Release);
        let was = self.state.send_replace(now);
        match (was, now) {
            (Ok(()), Err(why)) => {
                tracing::error!(%why, "nothing is taken until there is room; readers go on")
            }
            (Err(_), Ok(())) => tracing::info!("there is room again; everything is taken"),
            (Ok(()), Ok(())) | (Err(_), Err(_)) => {}
        }
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
