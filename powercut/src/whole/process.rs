//! A daemon's process.
//!
//! Owns its start, that it says when clients can connect, and its end. Must not know what it stores, nor on
//! what.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use switchboard::config::{Flags, Settings};
use switchboard::daemon::Daemon;
use switchboard::ready::{self, Ready};
use tokio::sync::oneshot;

use super::Trouble;
use crate::check::Wrong;
use crate::report::Line;

/// Where a daemon is.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its data folder.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: String,
}

/// Is the daemon, until it is killed.
///
/// # Errors
/// When it cannot start or go on. That is said as well.
pub fn serve(place: &Place, ready_file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let flags = Flags { data_dir: Some(place.data.clone()), listen_address: Some(place.listen.clone()) };
    let settings = Settings::load(None, &flags)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(run(settings, ready_file));
    if let Err(error) = &served {
        crate::child::say(&Line::Refused(error.to_string()));
    }
    served
}

async fn run(settings: Settings, ready_file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut daemon = Daemon::start(settings).await?;
    ready::write(ready_file, daemon.ready())?;
    crate::child::say(&Line::Opened(None));
    Ok(daemon.run(std::future::pending()).await?)
}

/// A daemon that runs until it is killed.
pub(super) struct Process {
    child: Child,
    ready_file: PathBuf,
    /// What it says first.
    first: Option<oneshot::Receiver<Option<Line>>>,
}

impl Process {
    /// Starts it; everything that is not its data is in `home`.
    pub(super) fn start(program: &Path, home: &Path, place: &Place) -> io::Result<Self> {
        let ready_file = home.join("ready.json");
        let mut command = Command::new(program);
        command.arg("serve").arg("--ready-file").arg(&ready_file);
        command.arg("--dir").arg(&place.data).arg("--listen").arg(&place.listen);
        // Small files, so that segments end and begin.
        command.env("SWITCHBOARD__JOURNAL__LOG_SEGMENT_BYTES", SEGMENT_BYTES);
        let trace = File::options().create(true).append(true).open(home.join(TRACE))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(trace);
        let mut child = command.spawn()?;
        let first = child.stdout.take().map(first_line);
        Ok(Self { child, ready_file, first })
    }

    /// Waits until clients can connect.
    pub(super) async fn ready(&mut self) -> Result<Ready, Trouble> {
        let first = self.first.take().ok_or_else(|| io::Error::other("it was waited for already"))?;
        match tokio::time::timeout(START_WAIT, first).await {
            Ok(Ok(Some(Line::Opened(_)))) => {
                ready::read(&self.ready_file).map_err(|error| io::Error::other(error.to_string()).into())
            }
            Ok(Ok(Some(Line::Refused(why)))) => {
                Err(Wrong::Problem(format!("the daemon did not start: {why}")).into())
            }
            Ok(other) => Err(Wrong::Problem(format!("the daemon did not start: {other:?}")).into()),
            Err(_) => Err(Wrong::Problem("the daemon takes too long to start".to_owned()).into()),
        }
    }

    pub(super) fn pid(&self) -> io::Result<Pid> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.ok_or_else(|| io::Error::other("it has no number"))
    }
}

/// It is gone for good afterwards.
impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of what the daemons in a folder have said to nobody.
pub(super) fn trace(home: &Path) -> String {
    let text = std::fs::read_to_string(home.join(TRACE)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TRACE_LINES)..].join("\n")
}

fn first_line(said: ChildStdout) -> oneshot::Receiver<Option<Line>> {
    let (to_task, first) = oneshot::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(said).lines().map_while(Result::ok);
        // Whoever asked may have given up.
        let _ = to_task.send(lines.find_map(|line| Line::parse(&line)));
        lines.for_each(drop);
    });
    first
}

const TRACE: &str = "daemon.err";

const TRACE_LINES: usize = 20;

const SEGMENT_BYTES: &str = "4194304";

/// Long enough for a machine that is busy with something else.
const START_WAIT: Duration = Duration::from_secs(60);
