//! The ready file: how a program on this machine finds a running daemon.
//!
//! Owns its form and where the last started daemon of this user leaves a copy. Must not know what a
//! daemon does. Written whole or not at all, readable for its owner alone: it may hold credentials.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::{MemberId, ProfileId, WorkspaceId};

/// What a running daemon says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    /// The SHA-256 of its certificate, in hexadecimal.
    pub fingerprint: String,
    /// Its process.
    pub pid: u32,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Who can be played in the demo workspace, if this start has made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo: Option<Demo>,
}

impl Ready {
    /// Whether its process is there. Its number may be another's by now, so a yes is no promise.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
    }
}

/// The demo workspace and its credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demo {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Its profile.
    pub profile: ProfileId,
    /// Its owner.
    pub owner: DemoMember,
    /// Its agents.
    pub agents: Vec<DemoMember>,
}

/// A member of the demo workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoMember {
    /// Which.
    pub member: MemberId,
    /// The name.
    pub name: String,
    /// The token.
    pub token: String,
}

/// Why a ready file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReadyError {
    /// The system refuses.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no ready file.
    #[error("{path}: it is not a ready file: {error}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The folder for it is another user's.
    #[error("{path}: it belongs to another user")]
    Foreign {
        /// Which folder.
        path: PathBuf,
    },
}

impl ReadyError {
    /// Whether the disk has no room for it.
    #[must_use]
    pub fn is_no_room(&self) -> bool {
        match self {
            Self::Io { error, .. } => error.kind() == std::io::ErrorKind::StorageFull,
            Self::Content { .. } | Self::Foreign { .. } => false,
        }
    }
}

/// Writes a value as one JSON object, which is there after a power cut as well.
///
/// # Errors
/// Names the file.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), ReadyError> {
    let io = |error| ReadyError::Io { path: path.to_owned(), error };
    let json = serde_json::to_vec_pretty(value)
        .map_err(|error| ReadyError::Content { path: path.to_owned(), error })?;
    let beside = path.with_extension("writing");
    // A left-over may have other permissions.
    let _ = std::fs::remove_file(&beside);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).map_err(io)?;
    file.write_all(&json).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&beside, path).map_err(io)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// Names the file.
pub fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ReadyError> {
    let json = std::fs::read(path).map_err(|error| ReadyError::Io { path: path.to_owned(), error })?;
    serde_json::from_slice(&json).map_err(|error| ReadyError::Content { path: path.to_owned(), error })
}

/// Where the last started daemon of this user leaves a copy of its ready file.
///
/// # Errors
/// When the folder cannot be made or is another user's.
pub fn well_known() -> Result<PathBuf, ReadyError> {
    let user = rustix::process::geteuid().as_raw();
    let dir = match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) if !dir.is_empty() => PathBuf::from(dir).join("switchboard"),
        Some(_) | None => std::env::temp_dir().join(format!("switchboard-{user}")),
    };
    let io = |error| ReadyError::Io { path: dir.clone(), error };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
    let found = std::fs::symlink_metadata(&dir).map_err(io)?;
    // In a shared folder somebody else may have been first.
    if !found.is_dir() || found.uid() != user || found.permissions().mode() & 0o022 != 0 {
        return Err(ReadyError::Foreign { path: dir });
    }
    Ok(dir.join("ready.json"))
}

/// Where the credentials of the demo workspace stay, for later starts.
#[must_use]
pub fn demo_file(data_dir: &Path) -> PathBuf {
    data_dir.join("demo.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        let ready = Ready {
            addresses: vec!["127.0.0.1:4433".parse().unwrap()],
            fingerprint: "ab".repeat(32),
            pid: 7,
            data_dir: "data".into(),
            demo: None,
        };
        write(&path, &ready).unwrap();
        write(&path, &ready).unwrap();
        assert_eq!(read::<Ready>(&path).unwrap(), ready);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{}").unwrap();
        assert!(read::<Ready>(&path).unwrap_err().to_string().contains("ready.json"));
    }
}
