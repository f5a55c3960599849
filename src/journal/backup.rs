//! Backups: a copy of a data folder that can be started as it is.
//!
//! Owns what belongs to one: the log, which is the truth, and the small files beside it. The store does not:
//! it is made anew from the log. A backup is taken while the daemon runs, and again into the same folder,
//! which then costs what has come since. Must not know how a log is copied.

use std::fmt;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::data_dir::DataDir;
use super::log::{self, Copied};
use super::{Position, StartError};

/// What a backup, or what was made of one, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupReport {
    /// Everything that was durable up to here.
    pub position: Position,
    /// Segments of the log that were copied now.
    pub copied: usize,
    /// Segments that an earlier backup had already.
    pub kept: usize,
    /// Bytes of the log that were copied now.
    pub bytes: u64,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, copied, kept, bytes } = self;
        write!(f, "everything up to position {}: {copied} segments copied, {bytes} bytes; ", position.0)?;
        write!(f, "{kept} were there already")
    }
}

/// Copies a data folder, whose daemon may be running, into another one. What is there of an earlier backup of
/// the same folder is brought up to date. Blocks.
///
/// # Errors
/// When a folder cannot be used, the log is damaged, or the other folder has something else.
pub fn backup(data: &Path, into: &Path) -> Result<BackupReport, StartError> {
    DataDir::check(data)?;
    copy(data, into)
}

/// Makes a data folder of a backup. Blocks.
///
/// # Errors
/// When the backup cannot be used, or the folder is there already and has a log.
pub fn restore(backup: &Path, data: &Path) -> Result<BackupReport, StartError> {
    DataDir::check(backup)?;
    if data.join(LOG).exists() {
        let error = std::io::Error::other("there is a log already; restore into a new folder");
        return Err(StartError::Io { path: data.to_owned(), error });
    }
    copy(backup, data)
}

fn copy(from: &Path, to: &Path) -> Result<BackupReport, StartError> {
    // Nobody else may take a backup into it, or run on it, meanwhile.
    let target = DataDir::lock(to)?;
    let Copied { position, copied, kept, bytes } = log::copy_log(&from.join(LOG), &target.log())?;
    for name in BESIDE {
        copy_beside(&from.join(name), &to.join(name)).map_err(|error| {
            let path = to.join(name);
            StartError::Io { path, error }
        })?;
    }
    Ok(BackupReport { position, copied, kept, bytes })
}

/// Copies a file or the files of a folder, with their permissions, if it is there.
fn copy_beside(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
        for file in fs::read_dir(from)? {
            let path: PathBuf = file?.path();
            copy_beside(&path, &to.join(path.file_name().unwrap_or_default()))?;
        }
        return fs::File::open(to)?.sync_all();
    }
    if from.is_file() {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()?;
    }
    Ok(())
}

const LOG: &str = "log";

/// What clients know the daemon by, and the demo's credentials.
const BESIDE: &[&str] = &["tls", "demo.json"];
