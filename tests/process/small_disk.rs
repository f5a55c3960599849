//! A disk that is small enough to be filled.
//!
//! Owns a file system in memory on a folder, what else is on it, and that it is gone when the test is. Where
//! nothing can be mounted, the test says by name that it was skipped, or fails if `FULL_DISKS_REQUIRED` is set.
//! Must not know who else writes there.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// A disk of its own on a folder.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// `None` where none can be mounted.
    pub(crate) fn mounted(test: &str, folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let size = format!("size={DISK_BYTES},mode=700");
        let mounting = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        let error = match mounting {
            Ok(done) if done.status.success() => return Some(Self { folder: folder.to_owned() }),
            Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(std::env::var_os(REQUIRED).is_none(), "{test}: no file system can be mounted here: {error}");
        // Past the harness, which keeps what a test prints to itself when it passes.
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no file system can be mounted here: {error}");
        None
    }

    /// Something else takes all but so many bytes of it.
    pub(crate) fn fill(&self, leave: u64) {
        let file = OpenOptions::new().create(true).append(true).open(self.ballast()).unwrap();
        let mut part = PART_BYTES;
        loop {
            let (free, has) = (self.free(), file.metadata().unwrap().len());
            part = part.min(free.saturating_sub(leave).next_multiple_of(PAGE_BYTES));
            if part == 0 {
                return;
            }
            // What another took meanwhile cannot be had.
            if fallocate(&file, FallocateFlags::empty(), has, part).is_err() {
                part /= 2;
            }
        }
    }

    /// What else was on it is gone.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }

    /// How many bytes can be written to it.
    pub(crate) fn free(&self) -> u64 {
        let disk = statvfs(&self.folder).unwrap();
        disk.f_bavail * disk.f_frsize
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The daemon may still be there when a test fails: it goes with its last user.
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.folder).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.folder.display());
        }
    }
}

/// Room for two segments of the log, the store, the reserve and the mark, and some more.
const DISK_BYTES: u64 = 160 << 20;

const PART_BYTES: u64 = 8 << 20;
const PAGE_BYTES: u64 = 4_096;

/// Where this variable is set, nothing may be skipped.
const REQUIRED: &str = "FULL_DISKS_REQUIRED";
