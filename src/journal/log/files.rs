//! The files of the log: their names, how one comes to be, and how it is made to last.
//!
//! Owns that a segment is whole on disk, its name with it, before anything is written to it. Must not
//! know commits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::format::{HEAD_BYTES, Salt, SegmentHead};
use super::{LogError, Medium, Segment};
use crate::journal::CrashPoint;
use crate::journal::crash_points::pass;

/// The folder of the log.
#[derive(Debug, Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder, which is made when it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, LogError> {
        fs::create_dir_all(path).map_err(LogError::io(path))?;
        pass(CrashPoint::LogFolderMade);
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        // A process that ended too soon may have left a segment whose name is not on disk, and it is
        // gone on with.
        sync_folder(path)?;
        Ok(Self(path.to_owned()))
    }

    /// The folder as it is.
    pub(super) fn existing(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn segment(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:020}.{EXTENSION}"))
    }

    /// The file that will take the place of a segment.
    pub(super) fn beside(&self, number: u64) -> PathBuf {
        self.segment(number).with_extension(REWRITING)
    }

    /// Removes what rewritings left that did not come to their end.
    pub(super) fn sweep(&self) -> Result<(), LogError> {
        for file in fs::read_dir(&self.0).map_err(LogError::io(&self.0))? {
            let path = file.map_err(LogError::io(&self.0))?.path();
            if path.extension().is_some_and(|extension| extension == REWRITING) {
                fs::remove_file(&path).map_err(LogError::io(&path))?;
                pass(CrashPoint::RewriteSwept);
            }
        }
        Ok(())
    }

    /// The numbers of the segments in it, in order.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, LogError> {
        let mut numbers = Vec::new();
        for file in fs::read_dir(&self.0).map_err(LogError::io(&self.0))? {
            let path = file.map_err(LogError::io(&self.0))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let stem = path.file_stem().and_then(|stem| stem.to_str());
                let number = stem.and_then(|stem| stem.parse().ok()).ok_or_else(|| LogError::Incomplete {
                    folder: self.0.clone(),
                    what: format!("{} is not named as a segment is", path.display()),
                })?;
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes what was prepared for the next segment, if it is there.
    pub(super) fn remove_prepared(&self) {
        // It is made again when it is needed.
        let _ = fs::remove_file(self.0.join(PREPARED));
    }

    /// Makes a prepared file the segment with this head. One of the same number, whose making had
    /// failed, is replaced.
    pub(super) fn begin_segment(
        &self,
        file: File,
        head: &SegmentHead,
        medium: &dyn Medium,
    ) -> Result<Segment, LogError> {
        let (prepared, path) = (self.0.join(PREPARED), self.segment(head.number));
        let begin = || {
            medium.write(&file, &head.encode(), 0)?;
            pass(CrashPoint::SegmentHeadWritten);
            medium.sync(&file)?;
            pass(CrashPoint::SegmentHeadSynced);
            fs::rename(&prepared, &path)
        };
        begin().map_err(LogError::io(&path))?;
        pass(CrashPoint::SegmentRenamed);
        sync_folder(&self.0)?;
        pass(CrashPoint::SegmentBegun);
        Ok(Segment { file, path, salt: Salt::of(head), end: HEAD_BYTES as u64 })
    }

    /// Opens a segment to go on writing it.
    pub(super) fn reopen_segment(&self, head: &SegmentHead, end: u64) -> Result<Segment, LogError> {
        let path = self.segment(head.number);
        let file = OpenOptions::new().write(true).open(&path).map_err(LogError::io(&path))?;
        Ok(Segment { file, path, salt: Salt::of(head), end })
    }
}

/// The file of the next segment, made in the background so that no commit waits for it.
#[derive(Default)]
pub(super) struct Prepared(Option<JoinHandle<Result<File, LogError>>>);

impl Prepared {
    /// Begins to make it.
    pub(super) fn start(&mut self, folder: &Folder, bytes: u64) {
        let folder = folder.clone();
        let make = move || prepare(&folder, bytes);
        // Without a thread it is made when it is needed.
        self.0 = std::thread::Builder::new().name("log-prepare".to_owned()).spawn(make).ok();
    }

    /// The file; made now if it is not there.
    pub(super) fn take(&mut self, folder: &Folder, bytes: u64) -> Result<File, LogError> {
        match self.0.take().map(JoinHandle::join) {
            Some(Ok(Ok(file))) => Ok(file),
            Some(Ok(Err(_)) | Err(_)) | None => prepare(folder, bytes),
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // What became of it is found out at the next start.
            let _ = thread.join();
        }
    }
}

/// A file of zeros, on disk: writing into it changes no metadata, so that a sync writes data only.
fn prepare(folder: &Folder, bytes: u64) -> Result<File, LogError> {
    let path = folder.0.join(PREPARED);
    let make = || -> io::Result<File> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        pass(CrashPoint::PrepareCreated);
        let zeros = vec![0; ZEROS_BYTES];
        let mut left = bytes;
        while left > 0 {
            let part = left.min(ZEROS_BYTES as u64);
            file.write_all(&zeros[..part as usize])?;
            left -= part;
        }
        pass(CrashPoint::PrepareFilled);
        file.sync_all()?;
        pass(CrashPoint::PrepareSynced);
        Ok(file)
    };
    make().map_err(|error| {
        // Half of it is of no use, and takes the last room of a disk that is full.
        folder.remove_prepared();
        LogError::io(&path)(error)
    })
}

/// Makes the names in a folder last.
pub(super) fn sync_folder(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(LogError::io(path))
}

const EXTENSION: &str = "seg";
const REWRITING: &str = "rewriting";
const PREPARED: &str = "prepared";
const ZEROS_BYTES: usize = 1 << 20;
