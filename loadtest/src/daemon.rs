//! A daemon of the tester's own, on a folder that is thrown away.
//!
//! Owns its start and its end. Must not know what is measured on it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::target::Target;
use crate::{Failure, clock};

/// A daemon that runs until this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    folder: TempDir,
}

impl Daemon {
    /// Starts a program on a fresh data folder below `beside`, which should be on the disk that is to be
    /// measured. Conversations that nobody follows fall asleep after `asleep_after`; other settings come
    /// from the environment, as for any daemon.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(program: &Path, beside: &Path, asleep_after: Duration) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("loadtest-").tempdir_in(beside);
        let folder = folder.map_err(Failure::of("a folder for the daemon"))?;
        let log = std::fs::File::create(folder.path().join("daemon.log"));
        let log = log.map_err(Failure::of("the daemon's trace"))?;
        let child = Command::new(program)
            .arg("serve")
            .arg("--data")
            .arg(folder.path().join("data"))
            .args(["--listen", "127.0.0.1:0", "--ready-file"])
            .arg(folder.path().join("ready.json"))
            .env("SWITCHBOARD__CONVERSATION__IDLE_MS", asleep_after.as_millis().to_string())
            // Other programs of this user are not to find this daemon.
            .env("XDG_RUNTIME_DIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| Failure(format!("{}: {error}", program.display())))?;
        Ok(Self { child, folder })
    }

    /// Waits until clients can connect.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub fn ready(&mut self) -> Result<Target, Failure> {
        let file = self.folder.path().join("ready.json");
        let deadline = clock::now() + START_MICROS_MAX;
        while !file.exists() {
            let ended = self.child.try_wait().map_err(Failure::of("the daemon"))?;
            if ended.is_some() || clock::now() > deadline {
                return Err(Failure(format!("the daemon is not ready; it says:\n{}", self.trace())));
            }
            // There is no event to wait for: it is another process that writes a file.
            pause(POLL);
        }
        Target::from_ready_file(&file)
    }

    /// What it has traced.
    fn trace(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("daemon.log")).unwrap_or_default()
    }

    /// Stops it as an operator would, and checks that it ended well.
    ///
    /// # Errors
    /// When it did not.
    pub fn stop(mut self) -> Result<(), Failure> {
        self.terminate();
        let deadline = clock::now() + STOP_MICROS_MAX;
        loop {
            match self.child.try_wait().map_err(Failure::of("the daemon"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Failure(format!("the daemon ended with {status}:\n{}", self.trace())));
                }
                None if clock::now() > deadline => {
                    return Err(Failure("the daemon does not stop".to_owned()));
                }
                None => pause(POLL),
            }
        }
    }

    fn terminate(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // One that has ended need not be told.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Daemon {
    /// Its folder goes with it, so there is nothing that it could save.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the daemon's program is expected: in the folder of this one.
///
/// # Errors
/// When the system does not say where that is, or the program is not there.
pub fn beside_this_program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(Failure::of("this program"))?;
    let program = own.with_file_name("switchboard");
    if program.exists() {
        return Ok(program);
    }
    Err(Failure(format!("{}: it is not there; build it, or name another with --daemon", program.display())))
}

fn pause(time: Duration) {
    #[allow(clippy::disallowed_methods, reason = "before and after the measurement nothing else runs here")]
    std::thread::sleep(time);
}

const POLL: Duration = Duration::from_millis(20);
const START_MICROS_MAX: u64 = 60_000_000;
const STOP_MICROS_MAX: u64 = 30_000_000;
