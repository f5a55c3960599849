//! The process that the power is cut under.
//!
//! Owns how it writes its story with many entries outstanding, says what was acknowledged the moment it
//! is, and ends itself at a crash point; and how it looks at what has survived. Must not know that its
//! disk is not a real one.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;
use switchboard::domain::conversation::{Conversation, Entry};
use switchboard::domain::identity::Reader;
use switchboard::domain::workspace::{Workspace, WorkspaceEntry};
use switchboard::journal::{
    CrashPoint, Incarnation, Journal, JournalOptions, Resolved, StartReport, TicketSink, on_crash_point,
    verify,
};
use switchboard_protocol::vocabulary::Seq;

use crate::report::Line;
use crate::story::{self, STREAMS, Story, WORKSPACE, WORKSPACE_ENTRIES_MAX, WORKSPACE_ID, conversation_id};

/// What a child does.
#[derive(Debug, Clone)]
pub struct Orders {
    /// The data folder.
    pub dir: PathBuf,
    /// The seed of the story.
    pub seed: u64,
    /// Where it ends itself, and the how manieth time it is there, from 1.
    pub die_at: Option<(CrashPoint, u32)>,
    /// It stops cleanly when so many entries are acknowledged.
    pub stop_after: Option<u64>,
}

type Failed = Box<dyn std::error::Error>;

/// Writes until it is killed, or has written enough.
///
/// # Errors
/// When the journal cannot be used. That is said as well.
pub fn live(orders: &Orders) -> Result<(), Failed> {
    watch_crash_points(orders.die_at);
    let (journal, report) = start(orders)?;
    let desk = Arc::new(Desk::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut author = runtime.block_on(Author::open(&journal, Story::new(orders.seed), &desk))?;
    say(&Line::Opened(report.rebuilt.map(|reason| format!("{reason:?}"))));
    let mut rng = Rng::with_seed(orders.seed ^ report.durable.0);
    loop {
        match desk.wait(orders.stop_after) {
            Next::Write => author.write(&mut rng)?,
            Next::Stop => {
                journal.stop()?;
                say(&Line::Finished);
                return Ok(());
            }
            // The disk is gone: the end comes from outside.
            Next::Nothing => std::thread::park(),
        }
    }
}

/// Says everything that is stored, and what is wrong with it.
///
/// # Errors
/// When the journal cannot be used. That is said as well.
pub fn check(orders: &Orders) -> Result<(), Failed> {
    watch_crash_points(orders.die_at);
    let (journal, report) = start(orders)?;
    say(&Line::Opened(report.rebuilt.map(|reason| format!("{reason:?}"))));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(say_everything(&journal, Story::new(orders.seed)))?;
    journal.stop()?;
    drop(journal);
    let report = verify(&orders.dir)?;
    report.problems.into_iter().for_each(|problem| say(&Line::Problem(problem)));
    say(&Line::Finished);
    Ok(())
}

fn start(orders: &Orders) -> Result<(Journal, StartReport), Failed> {
    let started = Journal::start(&options(&orders.dir, orders.seed), &mut |_| {});
    started.map_err(|error| {
        say(&Line::Refused(error.to_string()));
        error.into()
    })
}

/// Small and quick, so that segments fill and folds run; how much so is the seed's choice.
fn options(dir: &Path, seed: u64) -> JournalOptions {
    let mut rng = Rng::with_seed(seed);
    if Story::new(seed).is_long() {
        let (checkpoint_ms, checkpoint_bytes) = (NEVER_MS, u64::MAX);
        return JournalOptions {
            fold_age_ms: 1,
            checkpoint_ms,
            checkpoint_bytes,
            ..JournalOptions::new(dir)
        };
    }
    JournalOptions {
        log_segment_bytes: [16 << 10, 64 << 10, 1 << 20][rng.usize(..3)],
        store_cache_bytes: 8 << 20,
        fold_age_ms: rng.u64(1..20),
        fold_batch_bytes: [4 << 10, 64 << 10, 1 << 20][rng.usize(..3)],
        desk_turn_ms: 1,
        checkpoint_ms: [5, 50, 5_000][rng.usize(..3)],
        erase_within_ms: if seed % 2 == 1 { MASKED_LONG_AGO_MS } else { NEVER_OVERDUE_MS },
        ..JournalOptions::new(dir)
    }
}

async fn say_everything(journal: &Journal, story: Story) -> Result<(), Failed> {
    let desk = Arc::new(Desk::default());
    let opened = journal.open_workspace(WORKSPACE_ID, desk.sink(WORKSPACE)).await?;
    let digest = story::digest_of_workspace(&opened.state);
    say(&Line::Found(WORKSPACE, opened.state.revision, digest));
    let mut told = Story::workspace();
    while told.revision < opened.state.revision {
        told.apply(&story.next_of_workspace(&told)?);
    }
    if told != opened.state {
        say(&Line::Problem("the workspace is not as it was told".to_owned()));
    }
    for stream in WORKSPACE + 1..STREAMS {
        let id = conversation_id(stream);
        let state = journal.open_conversation(WORKSPACE_ID, opened.term, id, desk.sink(stream)).await?.state;
        let mut at = Seq::ZERO;
        let mut told = Story::conversation(stream);
        loop {
            let page = journal.read_after(WORKSPACE_ID, id, Reader::Staff, at, PAGE_BYTES).await?;
            let Some(last) = page.last() else { break };
            at = last.after().of(Reader::Staff);
            page.iter().for_each(|entry| {
                say(&Line::Found(stream, entry.revision, story::digest_of_entry(entry)));
            });
        }
        while told.revision < state.revision {
            told.apply(&story.next(stream, &told)?);
        }
        if told != state || told.last.of(Reader::Staff) != at {
            say(&Line::Problem(format!("conversation {stream} is not as it was told")));
        }
    }
    Ok(())
}

/// Writes the story.
struct Author<'a> {
    journal: &'a Journal,
    story: Story,
    desk: &'a Arc<Desk>,
    workspace: (Workspace, Incarnation),
    conversations: Vec<(u8, Conversation, Incarnation)>,
}

impl<'a> Author<'a> {
    async fn open(journal: &'a Journal, story: Story, desk: &'a Arc<Desk>) -> Result<Self, Failed> {
        let opened = journal.open_workspace(WORKSPACE_ID, desk.sink(WORKSPACE)).await?;
        let workspace = (opened.state, opened.incarnation);
        let mut conversations = Vec::new();
        for stream in WORKSPACE + 1..STREAMS {
            let id = conversation_id(stream);
            let sink = desk.sink(stream);
            let opened = journal.open_conversation(WORKSPACE_ID, opened.term, id, sink).await?;
            conversations.push((stream, opened.state, opened.incarnation));
        }
        Ok(Self { journal, story, desk, workspace, conversations })
    }

    /// Makes up some entries and then appends them quickly, so that many are outstanding at once.
    fn write(&mut self, rng: &mut Rng) -> Result<(), Failed> {
        let mut made = Vec::with_capacity(AT_ONCE);
        for _ in 0..AT_ONCE {
            made.push(self.make(rng)?);
        }
        for made in made {
            match made {
                Made::Workspace(entry, incarnation, digest) => {
                    self.desk.sent(WORKSPACE, entry.revision, digest);
                    self.journal.append_workspace(incarnation, &entry)?;
                }
                Made::Conversation(stream, entry, incarnation, digest) => {
                    self.desk.sent(stream, entry.revision, digest);
                    self.journal.append_conversation(WORKSPACE_ID, incarnation, &entry)?;
                }
            }
        }
        Ok(())
    }

    fn make(&mut self, rng: &mut Rng) -> Result<Made, Failed> {
        let (state, incarnation) = &mut self.workspace;
        if state.revision < WORKSPACE_ENTRIES_MAX && rng.u8(..40) == 0 {
            let entry = self.story.next_of_workspace(state)?;
            state.apply(&entry);
            return Ok(Made::Workspace(entry, *incarnation, story::digest_of_workspace(state)));
        }
        let at = rng.usize(..self.conversations.len());
        let (stream, state, incarnation) = &mut self.conversations[at];
        if rng.u8(..4) == 0 && self.desk.is_durable(*stream, state.revision) {
            self.journal.keep_snapshot(state);
        }
        let entry: Entry = self.story.next(*stream, state)?;
        state.apply(&entry);
        let digest = story::digest_of_entry(&entry);
        Ok(Made::Conversation(*stream, entry, *incarnation, digest))
    }
}

/// An entry that is made up and not yet appended, with its digest.
enum Made {
    Workspace(WorkspaceEntry, Incarnation, String),
    Conversation(u8, Entry, Incarnation, String),
}

/// What is outstanding.
#[derive(Default)]
struct Desk {
    state: Mutex<Outstanding>,
    settled: Condvar,
}

#[derive(Default)]
struct Outstanding {
    streams: [VecDeque<(u64, String)>; STREAMS as usize],
    last_durable: [u64; STREAMS as usize],
    count: usize,
    durable: u64,
    failed: bool,
}

enum Next {
    Write,
    Stop,
    Nothing,
}

impl Desk {
    fn sink(self: &Arc<Self>, stream: u8) -> Arc<dyn TicketSink> {
        Arc::new(Sink { stream, desk: Arc::clone(self) })
    }

    fn sent(&self, stream: u8, revision: u64, digest: String) {
        let mut state = self.lock();
        say(&Line::Sent(stream, revision));
        state.streams[usize::from(stream)].push_back((revision, digest));
        state.count += 1;
    }

    /// Whether everything of a stream up to a revision is durable.
    fn is_durable(&self, stream: u8, revision: u64) -> bool {
        self.lock().last_durable[usize::from(stream)] >= revision
    }

    /// Waits until something may be written, or nothing more is to be.
    fn wait(&self, stop_after: Option<u64>) -> Next {
        let mut state = self.lock();
        loop {
            let enough = stop_after.is_some_and(|enough| state.durable >= enough);
            match (state.failed, enough) {
                (true, _) => return Next::Nothing,
                (false, true) if state.count == 0 => return Next::Stop,
                (false, false) if state.count < OUTSTANDING_MAX => return Next::Write,
                (false, _) => {}
            }
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outstanding> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sink {
    stream: u8,
    desk: Arc<Desk>,
}

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        let mut state = self.desk.lock();
        match resolved {
            Resolved::Durable { up_to } => {
                let queue = usize::from(self.stream);
                while let Some((revision, digest)) =
                    state.streams[queue].pop_front_if(|(revision, _)| *revision <= up_to)
                {
                    say(&Line::Durable(self.stream, revision, digest));
                    state.last_durable[queue] = revision;
                    state.count -= 1;
                    state.durable += 1;
                }
            }
            Resolved::Failed(_) => state.failed = true,
        }
        self.desk.settled.notify_one();
    }
}

/// Says which crash points are passed, and ends the process at one of them as a power cut does:
/// nothing is tidied up.
fn watch_crash_points(die_at: Option<(CrashPoint, u32)>) {
    let passed: Mutex<Vec<CrashPoint>> = Mutex::default();
    let left = AtomicU32::new(die_at.map_or(0, |(_, times)| times));
    on_crash_point(Box::new(move |point| {
        let is_new = {
            let mut passed = passed.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !passed.contains(&point);
            if is_new {
                passed.push(point);
            }
            is_new
        };
        if is_new {
            say(&Line::Passed(point));
        }
        if die_at.is_some_and(|(at, _)| at == point) && left.fetch_sub(1, Ordering::SeqCst) == 1 {
            say(&Line::Died(point));
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }));
}

/// A line in one write; whoever listens may be gone.
pub(crate) fn say(line: &Line) {
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// More entries are appended while fewer than these are outstanding.
const OUTSTANDING_MAX: usize = 150;

/// So many entries are appended at once.
const AT_ONCE: usize = 150;

/// What was masked this long ago is overdue, in milliseconds: the masks of a story are due for years.
const MASKED_LONG_AGO_MS: u64 = 100;

/// Longer ago than any mask is due, in milliseconds.
const NEVER_OVERDUE_MS: u64 = 1 << 45;

/// Longer than any life, in milliseconds.
const NEVER_MS: u64 = 600_000;

const PAGE_BYTES: usize = 256 << 10;
