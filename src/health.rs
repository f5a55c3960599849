//! The health file: what a daemon says of itself to whoever asks on its machine.
//!
//! Owns the states, the file in the data folder, and how it is told whether its daemon runs. The file has its
//! room from the beginning and is written over in place, because a disk that is full is what it must be able to
//! speak of. Must not know why a state changes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use serde::{Deserialize, Serialize};

/// How a daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// It opens the data folder; nobody is served yet.
    Starting,
    /// It cannot start before there is room on the disk, and will then; nobody is served yet.
    WaitingForRoom {
        /// How much room there is and how much must be.
        reason: String,
    },
    /// Everybody is served.
    Ready,
    /// The disk is full: whoever reads is served, and nothing else is taken until there is room.
    NoRoom {
        /// How much room there is and how much must be.
        reason: String,
    },
    /// It does not run.
    NotRunning,
}

/// The file, held by its daemon: whoever asks finds out by that whether the daemon runs.
#[derive(Debug)]
pub struct HealthFile(File);

impl HealthFile {
    /// Makes or takes over the file of a data folder, which is made when it is not there. The daemon is starting.
    ///
    /// # Errors
    /// When the file cannot be used, or another process has it.
    pub fn hold(data_dir: &Path) -> io::Result<Self> {
        // What people write to each other is in it.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).clone();
        let file = options.open(data_dir.join(HEALTH))?;
        fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let held = Self(file);
        held.write(&Health::Starting)?;
        Ok(held)
    }

    /// Says how the daemon is now.
    pub fn say(&mut self, health: &Health) {
        if let Err(error) = self.write(health) {
            tracing::warn!(%error, "how the daemon is could not be written to its health file");
        }
    }

    fn write(&self, health: &Health) -> io::Result<()> {
        let mut text = serde_json::to_vec(health)?;
        // The rest of the room, so that there is always as much.
        text.resize(FILE_BYTES.max(text.len()), b'\n');
        self.0.write_all_at(&text, 0)?;
        self.0.set_len(text.len() as u64)
    }
}

/// How the daemon of a data folder is.
///
/// # Errors
/// When the file cannot be read, or is none.
pub fn of(data_dir: &Path) -> io::Result<Health> {
    let file = match File::open(data_dir.join(HEALTH)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Health::NotRunning),
        Err(error) => return Err(error),
    };
    // Asking takes nothing: a daemon that starts at this moment is not in the way of it.
    if fcntl_getlk(&file, &Flock::from(FlockType::ReadLock))?.is_none() {
        return Ok(Health::NotRunning);
    }
    Ok(serde_json::from_str(&io::read_to_string(file)?)?)
}

const HEALTH: &str = "health";

/// A block of the disk: what is written is in it as a whole.
const FILE_BYTES: usize = 4_096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_was_said_last_is_there_in_the_room_that_it_has_from_the_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let mut held = HealthFile::hold(&data).unwrap();
        let path = data.join(HEALTH);
        let said = || serde_json::from_str::<Health>(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(said(), Health::Starting);
        for health in [Health::NoRoom { reason: "no room ".repeat(40) }, Health::Ready] {
            held.say(&health);
            assert_eq!(said(), health);
            assert_eq!(fs::metadata(&path).unwrap().len(), FILE_BYTES as u64);
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn one_that_nobody_holds_is_of_a_daemon_that_does_not_run() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of(dir.path()).unwrap(), Health::NotRunning);
        drop(HealthFile::hold(dir.path()).unwrap());
        assert_eq!(of(dir.path()).unwrap(), Health::NotRunning);
    }
}
