//! One life of a child on a disk, from its start to its end.
//!
//! Owns the mount, the process, what it said, and when the power goes. Must not know what was right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard::journal::CrashPoint;

use crate::disk::{Disk, Moment, mount};
use crate::report::Line;

/// How a life is lived.
#[derive(Debug, Clone)]
pub struct Life {
    /// What the child does.
    pub kind: Kind,
    /// The seed of the story.
    pub seed: u64,
    /// When it ends.
    pub end: End,
}

/// What a child does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It writes.
    Live,
    /// It looks at what is there.
    Check,
}

/// When a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// When the child has done everything.
    Done,
    /// When it has stopped cleanly, after so many entries were acknowledged.
    Stopped(u64),
    /// When the power goes, at the so manieth of these moments, counted from its start.
    Opening(Moment, u32),
    /// The same, counted while it has enough outstanding.
    Running(Moment, u32),
    /// When it passes a crash point for the so manieth time.
    At(CrashPoint, u32),
}

/// What a child has said.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// What was acknowledged: stream and revision, with the digest.
    pub durable: BTreeMap<(u8, u64), String>,
    /// The last revision of each stream that was sent.
    pub sent: BTreeMap<u8, u64>,
    /// What was found, and anything found twice.
    pub found: BTreeMap<(u8, u64), String>,
    /// The crash points that were passed.
    pub passed: BTreeSet<CrashPoint>,
    /// Where it ended itself.
    pub died: Option<CrashPoint>,
    /// Whether the journal opened, and why its store was made anew.
    pub opened: Option<Option<String>>,
    /// What is wrong, a sentence each.
    pub problems: Vec<String>,
    /// How many entries were sent.
    pub sent_count: usize,
    /// Sent and not acknowledged when it ended.
    pub outstanding: usize,
    /// Whether the power may go now.
    is_armed: bool,
    /// It did everything.
    pub finished: bool,
    /// It did not come to the planned end in time.
    pub is_late: bool,
    /// The end of what it said to nobody.
    pub trace: String,
}

/// The places that lives need.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The program whose children live.
    pub program: PathBuf,
    /// A folder of a real disk, for mount points.
    pub folder: PathBuf,
}

enum Event {
    Line(Line),
    PowerOff,
    Gone,
}

impl Stage {
    /// Whether this process may mount file systems of its own.
    ///
    /// # Errors
    /// Why it may not.
    pub fn can_mount(&self) -> io::Result<()> {
        let point = tempfile::tempdir_in(&self.folder)?;
        mount(Arc::new(Mutex::new(Disk::new(crate::disk::Lie::None))), point.path()).map(drop)
    }

    /// Lives a life on a disk, which is left as it is when the power goes or the process ends.
    ///
    /// # Errors
    /// When the child cannot be started.
    pub fn live(&self, disk: &mut Disk, life: &Life) -> io::Result<Said> {
        let point = tempfile::tempdir_in(&self.folder)?;
        let (events, heard) = mpsc::channel();
        if let End::Opening(moment, left) | End::Running(moment, left) = life.end {
            let armed = matches!(life.end, End::Opening(..));
            let told = events.clone();
            disk.plan_cut(moment, left, armed, move || {
                // The life may be over.
                let _ = told.send(Event::PowerOff);
            });
        }
        let shared = Arc::new(Mutex::new(std::mem::replace(disk, Disk::new(crate::disk::Lie::None))));
        let mounted = mount(Arc::clone(&shared), point.path())?;
        let trace = tempfile::NamedTempFile::new_in(&self.folder)?;
        let mut child = self.spawn(life, point.path(), trace.reopen()?)?;
        listen(&mut child, events);
        let mut said = Said::default();
        loop {
            match heard.recv_timeout(LIFE_MAX) {
                Ok(Event::Line(line)) => said.hear(line, &shared),
                Ok(Event::PowerOff) => child.kill()?,
                Ok(Event::Gone) => break,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    said.is_late = true;
                    lock(&shared).switch_off();
                    child.kill()?;
                }
            }
        }
        child.wait()?;
        drop(mounted);
        *disk = match Arc::try_unwrap(shared) {
            Ok(shared) => shared.into_inner().unwrap_or_else(PoisonError::into_inner),
            Err(shared) => lock(&shared).clone(),
        };
        disk.switch_on();
        said.trace = tail(&std::fs::read_to_string(trace.path())?);
        Ok(said)
    }

    fn spawn(&self, life: &Life, dir: &Path, trace: File) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg(match life.kind {
            Kind::Live => "live",
            Kind::Check => "check",
        });
        command.arg("--dir").arg(dir.join(DATA)).arg("--seed").arg(life.seed.to_string());
        match life.end {
            End::Stopped(after) => {
                command.arg("--stop-after").arg(after.to_string());
            }
            End::At(crash_point, times) => {
                command.arg("--die-at").arg(format!("{crash_point:?}")).arg("--times").arg(times.to_string());
                command.arg("--stop-after").arg(ENOUGH.to_string());
            }
            End::Done | End::Opening(..) | End::Running(..) => {}
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(trace).spawn()
    }
}

impl Said {
    fn hear(&mut self, line: Line, disk: &Mutex<Disk>) {
        match line {
            Line::Opened(rebuilt) => self.opened = Some(rebuilt),
            Line::Refused(why) => self.problems.push(format!("the journal did not open: {why}")),
            Line::Sent(stream, revision) => {
                self.sent.insert(stream, revision);
                self.sent_count += 1;
                self.count(disk);
            }
            Line::Durable(stream, revision, digest) => {
                self.durable.insert((stream, revision), digest);
                self.count(disk);
            }
            Line::Found(stream, revision, digest) => {
                if self.found.insert((stream, revision), digest).is_some() {
                    self.problems.push(format!("stream {stream} has revision {revision} twice"));
                }
            }
            Line::Passed(point) => {
                self.passed.insert(point);
            }
            Line::Died(point) => self.died = Some(point),
            Line::Problem(problem) => self.problems.push(problem),
            Line::Finished => self.finished = true,
        }
    }

    /// The power may go while enough is outstanding, once the journal was open.
    fn count(&mut self, disk: &Mutex<Disk>) {
        self.outstanding = self.sent_count.saturating_sub(self.durable.len());
        let is_enough = self.outstanding >= OUTSTANDING_MIN + SPARE;
        if self.is_armed != is_enough {
            self.is_armed = is_enough;
            lock(disk).arm(is_enough);
        }
    }
}

/// Reads what the child says until it has ended.
fn listen(child: &mut Child, events: Sender<Event>) {
    let Some(said) = child.stdout.take() else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if let Some(line) = Line::parse(&line)
                && events.send(Event::Line(line)).is_err()
            {
                return;
            }
        }
        // Whoever listened may have given up.
        let _ = events.send(Event::Gone);
    });
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn lock(disk: &Mutex<Disk>) -> MutexGuard<'_, Disk> {
    disk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data folder on the disk: two folders deep, so that both must be made to last.
pub const DATA: &str = "srv/data";

/// A power cut counts when at least so many entries are outstanding.
pub const OUTSTANDING_MIN: usize = 50;

/// So many more must be outstanding for moments to count: what it says comes a little late.
const SPARE: usize = 50;

/// A life that waits for a crash point stops when so many entries were acknowledged.
const ENOUGH: u64 = 1_000;

/// A life that does not come to its end is ended.
const LIFE_MAX: Duration = Duration::from_secs(60);
