//! How bytes reach the disk.
//!
//! Owns the only calls that write and sync the log, so that tests can make them fail. Must not know
//! what is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Writes and syncs files.
pub(in crate::journal) trait Medium: Send {
    /// Writes all bytes at a place.
    ///
    /// # Errors
    /// What the system says. How much was written is not known then.
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Waits until everything written is on disk.
    ///
    /// # Errors
    /// What the system says. What was written may be lost then, even if a second sync succeeds.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The disk.
pub(in crate::journal) struct Disk;

impl Medium for Disk {
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

#[cfg(test)]
pub(in crate::journal) mod faulty {
    //! A disk that fails when it is told to.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Disk, File, Medium, io};

    /// What fails from now on.
    #[derive(Debug, Clone, Default)]
    pub(in crate::journal) struct Faults {
        /// Writes put down half of their bytes and fail.
        pub(in crate::journal) writes: Arc<AtomicBool>,
        /// Syncs fail.
        pub(in crate::journal) syncs: Arc<AtomicBool>,
    }

    impl Medium for Faults {
        fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            if self.writes.load(Ordering::SeqCst) {
                Disk.write(file, &bytes[..bytes.len() / 2], offset)?;
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            Disk.write(file, bytes, offset)
        }

        fn sync(&self, file: &File) -> io::Result<()> {
            if self.syncs.load(Ordering::SeqCst) {
                return Err(io::Error::other("a sync that was told to fail"));
            }
            Disk.sync(file)
        }
    }
}
