//! The data folder: one process at a time, and no program older than what wrote it.
//!
//! Owns the lock and the file that names the version of the whole layout. Must not know what else is
//! in the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::crash_points::pass;
use super::space::is_no_room;
use super::{CrashPoint, StartError};

/// A data folder that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    /// The system lets go of the lock when the file is closed, also when the process is killed.
    _lock: File,
}

impl DataDir {
    /// Locks a data folder; makes it when it is not there.
    ///
    /// # Errors
    /// When another process has it, a newer program wrote it, or it cannot be used.
    pub(super) fn lock(path: &Path) -> Result<Self, StartError> {
        // What people write to each other is in it.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        pass(CrashPoint::FolderMade);
        let lock = lock_file(path)?;
        check_format(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Checks that a folder is a data folder that this program can read, whoever has it. Changes nothing.
    ///
    /// # Errors
    /// When it is none, or a newer program wrote it.
    pub(super) fn check(path: &Path) -> Result<(), StartError> {
        if !path.join(FORMAT).exists() {
            return Err(io(path)(std::io::Error::other("it is not a data folder")));
        }
        check_format(path)
    }

    /// Locks a data folder that must be there already. Leaves nothing in a folder that is none.
    ///
    /// # Errors
    /// As [`DataDir::lock`], and when there is none.
    pub(super) fn lock_existing(path: &Path) -> Result<Self, StartError> {
        if !path.join(FORMAT).exists() {
            return Err(io(path)(std::io::Error::other("it is not a data folder; name one with --data")));
        }
        Self::lock(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }
}

fn lock_file(path: &Path) -> Result<File, StartError> {
    let name = path.join(LOCK);
    // Not emptied when it is opened: what another process wrote is still to be read.
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
    let mut file = opened.map_err(io(&name))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut pid = String::new();
        // Without the number the sentence still says what to do.
        let _ = file.read_to_string(&mut pid);
        return Err(StartError::InUse { path: path.to_owned(), process: pid.trim().to_owned() });
    }
    match file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
        // The lock holds without the number, which is for people.
        Err(error) if !is_no_room(&error) => Err(io(&name)(error)),
        Ok(()) | Err(_) => Ok(file),
    }
}

/// Checks the version of the layout; writes it when there is none yet.
fn check_format(path: &Path) -> Result<(), StartError> {
    let name = path.join(FORMAT);
    let text = match fs::read_to_string(&name) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            sync_above(path)?;
            return write_format(path);
        }
        Err(error) => return Err(io(&name)(error)),
    };
    let found = text.trim().strip_prefix(FORMAT_PREFIX).and_then(|version| version.parse::<u32>().ok());
    match found {
        Some(found) if found <= VERSION => Ok(()),
        Some(found) => Err(StartError::Newer { path: path.to_owned(), found, known: VERSION }),
        None => {
            let error = std::io::Error::other("it does not name the version of a data folder");
            Err(io(&name)(error))
        }
    }
}

/// Makes the names of the folder and of those above it last: any of them may have been made just now.
/// The file that names the version comes afterwards, so that this is done once.
fn sync_above(path: &Path) -> Result<(), StartError> {
    let path = path.canonicalize().map_err(io(path))?;
    for folder in path.ancestors().skip(1) {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // Where we may not look, or nothing can be changed or synced, we have made nothing.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied
                        | ErrorKind::ReadOnlyFilesystem
                        | ErrorKind::InvalidInput
                        | ErrorKind::Unsupported
                ) => {}
            outcome => outcome.map_err(io(folder))?,
        }
    }
    Ok(())
}

fn write_format(path: &Path) -> Result<(), StartError> {
    let (name, next) = (path.join(FORMAT), path.join("FORMAT.next"));
    let write = || {
        let mut file = File::create(&next)?;
        writeln!(file, "{FORMAT_PREFIX}{VERSION}")?;
        pass(CrashPoint::FormatWritten);
        file.sync_all()?;
        pass(CrashPoint::FormatSynced);
        fs::rename(&next, &name)?;
        pass(CrashPoint::FormatRenamed);
        File::open(path)?.sync_all()
    };
    write().map_err(io(&name))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> StartError {
    |error| StartError::Io { path: path.to_owned(), error }
}

const LOCK: &str = "LOCK";
const FORMAT: &str = "FORMAT";
const FORMAT_PREFIX: &str = "switchboard data ";

/// The version of the layout that this program writes, and the highest that it reads.
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_folder_is_held_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataDir::lock(dir.path()).unwrap();
        let sentence = DataDir::lock(dir.path()).unwrap_err().to_string();
        assert!(sentence.contains(&format!("in use by process {}", std::process::id())), "{sentence}");
        drop(held);
        DataDir::lock(dir.path()).unwrap();
    }

    #[test]
    fn a_newer_folder_and_a_strange_one_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(DataDir::lock(dir.path()).unwrap());
        let format = dir.path().join(FORMAT);
        assert_eq!(fs::read_to_string(&format).unwrap(), "switchboard data 1\n");
        fs::write(&format, "switchboard data 2\n").unwrap();
        let error = DataDir::lock(dir.path()).unwrap_err();
        assert!(matches!(error, StartError::Newer { found: 2, known: 1, .. }), "{error}");
        fs::write(&format, "notes\n").unwrap();
        assert!(matches!(DataDir::lock(dir.path()), Err(StartError::Io { .. })));
    }

    #[test]
    fn what_is_not_there_is_not_made_when_it_must_be() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        assert!(DataDir::lock_existing(&missing).is_err());
        assert!(!missing.exists());
        let sentence = DataDir::lock_existing(dir.path()).unwrap_err().to_string();
        assert!(sentence.contains("not a data folder"), "{sentence}");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "something was left in a folder that is none"
        );
    }

    #[test]
    fn a_folder_that_is_made_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let made = dir.path().join("data");
        drop(DataDir::lock(&made).unwrap());
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
