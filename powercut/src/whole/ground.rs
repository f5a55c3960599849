//! What a daemon's data are on.
//!
//! Owns that the power of either kind of disk goes at a moment that a seed chooses, and that the disk is
//! afterwards what is left. Must not know who is cut off.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc;

use crate::disk::{Disk, Lie, LoopDisk, Mode, Moment, Mounted, mount};

/// A disk under a daemon.
pub struct Ground(Kind);

enum Kind {
    /// In memory, through FUSE: it knows what was not synced, and keeps a choice of it.
    Memory { disk: Arc<Mutex<Disk>>, mounted: Option<Mounted>, lie: Lie },
    /// A real file system on a loop device: what is left is what the kernel had written.
    Loop(LoopDisk),
}

impl Ground {
    /// A disk in memory, for which FUSE must be there. If it lies, then from when people talk.
    #[must_use]
    pub fn memory(lie: Lie) -> Self {
        Self(Kind::Memory { disk: Arc::new(Mutex::new(Disk::new(Lie::None))), mounted: None, lie })
    }

    /// A disk in a file of a folder.
    ///
    /// # Errors
    /// When this machine has no tools for it, or this process may not mount it.
    pub fn loopback(folder: &Path) -> io::Result<Self> {
        LoopDisk::new(folder).map(|disk| Self(Kind::Loop(disk)))
    }

    pub(super) fn mount(&mut self, point: &Path) -> io::Result<()> {
        std::fs::create_dir_all(point)?;
        match &mut self.0 {
            Kind::Memory { disk, mounted, .. } => *mounted = Some(mount(Arc::clone(disk), point)?),
            Kind::Loop(disk) => disk.mount(point)?,
        }
        Ok(())
    }

    /// People begin to talk: from now on it lies, if it does.
    pub(super) fn lie_from_now(&self) {
        match &self.0 {
            Kind::Memory { disk, lie, .. } => lock(disk).lie_from_now(*lie),
            Kind::Loop(_) => {}
        }
    }

    /// Lets the power go at some moment from now on, and says at which. The daemon is no more from then on: it
    /// does not even notice.
    pub(super) async fn power_goes(&mut self, rng: &mut Rng, daemon: Pid) -> io::Result<String> {
        match &self.0 {
            Kind::Memory { disk, .. } => {
                let moment = MOMENTS[rng.usize(..MOMENTS.len())];
                let left = rng.u32(..MOMENTS_MAX);
                let (told, mut gone) = mpsc::unbounded_channel();
                lock(disk).plan_cut(moment, left, true, move || {
                    // It may have ended, and nobody may be waiting any more.
                    let _ = (kill_process(daemon, Signal::KILL), told.send(()));
                });
                // A daemon that does nothing more comes by no such moment.
                if let Ok(Some(())) = tokio::time::timeout(MOMENT_WAIT, gone.recv()).await {
                    return Ok(format!("{moment:?}, {left} times passed"));
                }
                kill_process(daemon, Signal::KILL)?;
                lock(disk).switch_off();
                Ok("when nothing happened".to_owned())
            }
            Kind::Loop(disk) => {
                let after = Duration::from_micros(rng.u64(..LOOP_MICROS_MAX));
                // Nothing is waited for here: the moment itself is the choice.
                let _ = tokio::time::timeout(after, std::future::pending::<()>()).await;
                kill_process(daemon, Signal::KILL)?;
                disk.switch_off()?;
                Ok(format!("after {} ms", after.as_millis()))
            }
        }
    }

    /// Makes the disk what is left of it, and says what was kept. Nobody may use it any more.
    pub(super) fn forget(&mut self, rng: &mut Rng) -> io::Result<String> {
        self.unmount()?;
        match &self.0 {
            Kind::Memory { disk, .. } => {
                let mode = Mode::ALL[rng.usize(..Mode::ALL.len())];
                let mut disk = lock(disk);
                let left = disk.cut(rng.u64(..), mode);
                *disk = left;
                Ok(format!("{mode:?} kept"))
            }
            Kind::Loop(_) => Ok("kept what was written".to_owned()),
        }
    }

    pub(super) fn unmount(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Memory { mounted, .. } => {
                *mounted = None;
                Ok(())
            }
            Kind::Loop(disk) => disk.unmount(),
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Memory { .. } => "a disk in memory, through FUSE",
            Kind::Loop(_) => "ext4 on a loop device",
        })
    }
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When the power goes.
const MOMENTS: [Moment; 3] = [Moment::BeforeSync, Moment::AfterSync, Moment::BeforeWrite];

/// Fewer moments than this pass by before.
const MOMENTS_MAX: u32 = 60;

const MOMENT_WAIT: Duration = Duration::from_secs(10);

/// The longest that a daemon on a loop device is left alone.
const LOOP_MICROS_MAX: u64 = 300_000;
