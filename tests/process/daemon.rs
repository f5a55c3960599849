//! A daemon process in a folder of its own.
//!
//! Owns its start, its ends and what it said, and that it is gone when the test is. It listens at an
//! address of its own, so that clients find it again. Must not know what is said to it.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use switchboard::ready::{self, Demo, Ready};
use tempfile::TempDir;

use crate::wait::until;

/// A daemon: running, or to be started.
pub(crate) struct Daemon {
    home: TempDir,
    settings: Vec<(String, String)>,
    /// `None` where it gets its port when it first starts.
    address: Option<SocketAddr>,
    child: Option<Child>,
}

/// What a process that has ended leaves.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None`: by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// An address that nobody else has on this machine, also while the daemon is down: the port is none that sockets
/// are given when they ask for any, and the host stands for this process. Only Linux has all of 127.0.0.0/8 for
/// itself.
fn own_address() -> Option<SocketAddr> {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);
    let [_, high, middle, low] = process::id().to_be_bytes();
    // At most 22 bits are used for a process.
    let host = Ipv4Addr::new(127, 64 | high, middle, low);
    cfg!(target_os = "linux").then(|| (host, NEXT_PORT.fetch_add(1, Ordering::Relaxed)).into())
}

impl Daemon {
    /// One that has never run.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let daemon = Self { home, settings: Vec::new(), address: own_address(), child: None };
        fs::create_dir(daemon.home.path().join("run")).unwrap();
        // Small files, and no wait for clients that do not go.
        daemon.with("journal.log_segment_bytes", "4194304").with("stop.drain_ms", "1000")
    }

    /// One that runs with its defaults.
    pub(crate) async fn running() -> Self {
        let mut daemon = Self::new();
        daemon.start().await;
        daemon
    }

    /// The same with a setting, for its next start.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let name = format!("SWITCHBOARD__{}", key.replace('.', "__").to_uppercase());
        self.settings.push((name, value.to_owned()));
    }

    /// Starts it, and waits until clients can connect.
    pub(crate) async fn start(&mut self) -> Ready {
        self.begin();
        let (file, err) = (self.ready_file(), self.home.path().join("daemon.err"));
        let child = self.child.as_mut().unwrap();
        let ready = until("ready file", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the daemon ended with {status} at its start:\n{}", text(&err));
            }
            file.exists().then(|| ready::read::<Ready>(&file).unwrap())
        })
        .await;
        self.address = Some(ready.addresses[0]);
        ready
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn begin(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let _ = fs::remove_file(self.ready_file());
        let err =
            File::options().create(true).append(true).open(self.home.path().join("daemon.err")).unwrap();
        let mut command = self.command("serve");
        command.arg("--ready-file").arg(self.ready_file()).arg("--data").arg(self.data());
        command.arg("--listen").arg(self.address.map_or("127.0.0.1:0".to_owned(), |known| known.to_string()));
        command.stdout(File::create(self.home.path().join("daemon.out")).unwrap());
        self.child = Some(command.stderr(err).spawn().unwrap());
    }

    /// Starts it where it cannot, and waits for its end.
    pub(crate) async fn refused(&mut self) -> Ended {
        let said_before = self.trace().len();
        self.begin();
        let code = self.ended().await;
        Ended { code, out: self.said(), err: self.trace().split_off(said_before) }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Holds it where it is, until it is killed.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Asks it to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits for its end and returns its exit code; `None`: by a signal.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        until("end of the daemon", || child.try_wait().unwrap()).await.code()
    }

    /// Asks it to stop, and sees to it that it does so well.
    pub(crate) async fn stop(&mut self) {
        self.ask_to_stop();
        assert_eq!(self.ended().await, Some(0), "{}", self.trace());
    }

    /// Runs another command of the same program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments[0]);
        command.args(&arguments[1..]).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        until(&format!("end of {arguments:?}"), || child.try_wait().unwrap()).await;
        let ended = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: ended.status.code(), out: text(ended.stdout), err: text(ended.stderr) }
    }

    /// Checks the data folder of a daemon that does not run, and returns what is said of it.
    pub(crate) async fn verified(&self) -> String {
        let checked = self.run(&["verify", "--data", self.data().to_str().unwrap()]).await;
        assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
        checked.out
    }

    /// The program with one of its commands, away from everything that is the user's.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        program.arg(command).env_clear().env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        program.current_dir(self.home.path()).envs(self.settings.iter().cloned());
        program
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it has run")
    }

    /// The demo workspace.
    pub(crate) fn demo(&self) -> Demo {
        ready::read(&ready::demo_file(&self.data())).unwrap()
    }

    /// The memory that the process holds, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// The folder that everything of it is in.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn ready_file(&self) -> PathBuf {
        self.home.path().join("ready.json")
    }

    /// What it has traced, over all its starts.
    pub(crate) fn trace(&self) -> String {
        text(&self.home.path().join("daemon.err"))
    }

    /// What it has said on its standard output since its last start.
    pub(crate) fn said(&self) -> String {
        text(&self.home.path().join("daemon.out"))
    }
}

impl Daemon {
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.as_ref().expect("it runs").id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let trace = self.trace();
            let from = trace.char_indices().rev().nth(SHOWN_CHARS).map_or(0, |(at, _)| at);
            eprintln!("the daemon's trace, its end:\n{}", &trace[from..]);
        }
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// How much of the trace is shown when a test fails.
const SHOWN_CHARS: usize = 8_000;
