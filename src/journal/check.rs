//! Comparing the store with the log.
//!
//! Owns the proof that what is read by key is what was written: every record's checksum, every
//! stream's order, what must be true of a conversation's entries whatever is done, and for each
//! conversation that its pages hold exactly its records. Changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::data_dir::DataDir;
use super::fold::{Folds, Meaning, keys, understand};
use super::log::LogFiles;
use super::recover::STORE;
use super::store::Store;
use super::stored::{FoldMark, Page, decode_row, in_the_end};
use super::{Position, StartError, Stream, read};
use crate::domain::clients;
use crate::domain::conversation::{Conversation, Entry, Known};
use crate::domain::workspace::{Workspace, WorkspaceEntry};

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckReport {
    /// Segments of the log.
    pub segments: usize,
    /// Records in it.
    pub records: u64,
    /// Conversations in it.
    pub conversations: u64,
    /// Workspaces in it.
    pub workspaces: u64,
    /// The store is true up to here.
    pub folded: Position,
    /// The end of the log.
    pub durable: Position,
    /// Pages in the store.
    pub pages: u64,
    /// Entries in them.
    pub entries: u64,
    /// What is wrong, a sentence each; at most 100.
    pub problems: Vec<String>,
}

/// The most problems that a report names.
const PROBLEMS_MAX: usize = 100;

impl CheckReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "log:   {} records in {} segments, {} workspaces, {} conversations, up to position {}",
            self.records, self.segments, self.workspaces, self.conversations, self.durable.0
        )?;
        writeln!(
            f,
            "store: {} entries in {} pages, up to position {}",
            self.entries, self.pages, self.folded.0
        )?;
        for problem in &self.problems {
            writeln!(f, "wrong: {problem}")?;
        }
        write!(f, "{}", if self.is_sound() { "sound" } else { "not sound" })
    }
}

/// Checks the log and the store of a data folder against each other. Blocks.
///
/// # Errors
/// When the folder is in use or cannot be read. What is wrong in it is in the report.
pub fn verify(dir: &Path) -> Result<CheckReport, StartError> {
    let dir = DataDir::lock_existing(dir)?;
    let failed = |error: &dyn fmt::Display| StartError::Log(error.to_string());
    let mut report = CheckReport::default();
    let files = LogFiles::find(&dir.log()).map_err(|error| failed(&error))?;
    report.segments = files.segments();
    let store = if dir.path().join(STORE).join("db").exists() {
        let store = Store::open(&dir.path().join(STORE), STORE_CACHE_BYTES);
        Some(store.map_err(|error| StartError::Store(error.to_string()))?)
    } else {
        report.problem("there is no store; the next start makes it anew".to_owned());
        None
    };
    let mark = store.as_ref().and_then(|store| mark_of(store, &mut report)).unwrap_or_default();
    report.folded = mark.position;
    let streams = walk_log(&files, mark, &mut report);
    if let Some(store) = store {
        compare(store, mark, &streams, &mut report);
    }
    Ok(report)
}

/// What the log has of a stream.
#[derive(Default)]
struct Walked {
    revision: u64,
    /// The last revision that the store must have, and the digest of all entries up to it.
    folded: u64,
    digest: Sha256,
    /// What its entries have made of a conversation, as long as they are as they must be.
    state: Option<Conversation>,
    /// The same of a workspace.
    workspace: Option<Workspace>,
}

impl Walked {
    /// Holds the next entry of a conversation against those before it.
    fn entry(&mut self, workspace: WorkspaceId, entry: &Entry) -> Result<(), String> {
        if self.revision == 1 {
            self.state = Some(Conversation::new(workspace, entry.conversation));
        }
        // After a first mistake what follows would only repeat it.
        let Some(mut state) = self.state.take() else { return Ok(()) };
        if entry.revision != state.revision + 1 {
            return Err(format!("entry {} comes after entry {}", entry.revision, state.revision));
        }
        if entry.before != state.last {
            return Err("it does not follow on where both sequences stood".to_owned());
        }
        if entry.at < state.last_at {
            return Err("it is earlier than the entry before it".to_owned());
        }
        if let Some(origin) = &entry.origin
            && matches!(state.clients.look_up(origin), Known::Answered(_) | Known::LongAgo)
        {
            return Err(format!("counter {} of {} was done before", origin.counter, origin.instance));
        }
        state.apply(entry);
        self.state = Some(state);
        Ok(())
    }

    /// Holds the next entry of a workspace against those before it.
    fn change(&mut self, entry: &WorkspaceEntry) -> Result<(), String> {
        if self.revision == 1 {
            self.workspace = Some(Workspace::new(entry.workspace));
        }
        // As above.
        let Some(mut state) = self.workspace.take() else { return Ok(()) };
        if entry.revision != state.revision + 1 {
            return Err(format!("entry {} comes after entry {}", entry.revision, state.revision));
        }
        if entry.at < state.last_at {
            return Err("it is earlier than the entry before it".to_owned());
        }
        if let Some(origin) = &entry.origin
            && matches!(state.answers.look_up(origin), clients::Known::Answered(_) | clients::Known::LongAgo)
        {
            return Err(format!("counter {} of {} was done before", origin.counter, origin.instance));
        }
        state.apply(entry);
        self.workspace = Some(state);
        Ok(())
    }
}

fn walk_log(files: &LogFiles, mark: FoldMark, report: &mut CheckReport) -> BTreeMap<Stream, Walked> {
    let mut streams: BTreeMap<Stream, Walked> = BTreeMap::new();
    for record in files.records(Position(1)) {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                report.problem(format!("log: {error}"));
                break;
            }
        };
        report.records += 1;
        report.durable = record.position;
        let walked = streams.entry(record.stream).or_default();
        if record.revision != walked.revision + 1 {
            let (stream, wanted) = (record.stream, walked.revision + 1);
            report.problem(format!("log: {stream:?}: revision {} where {wanted} belongs", record.revision));
        }
        walked.revision = record.revision;
        if record.position <= mark.position {
            walked.folded = record.revision;
            walked.digest.update(in_the_end(record.stream, &record.payload));
        }
        if record.position == mark.position && FoldMark::of(&record) != mark {
            report.problem(format!("store: it was made from another log (position {})", mark.position.0));
        }
        let understood = understand(record);
        let found = match &understood.meaning {
            Meaning::Conversation(entry) => walked.entry(understood.record.stream.workspace(), entry),
            Meaning::Workspace(entry) => walked.change(entry),
            Meaning::Unreadable(error) => Err(error.to_string()),
        };
        if let Err(problem) = found {
            let record = understood.record;
            report.problem(format!("log: {:?} revision {}: {problem}", record.stream, record.revision));
        }
    }
    if report.durable < mark.position {
        report.problem(format!(
            "store: it has everything up to position {}, the log ends at {}",
            mark.position.0, report.durable.0
        ));
    }
    for stream in streams.keys() {
        match stream {
            Stream::Workspace(_) => report.workspaces += 1,
            Stream::Conversation(..) => report.conversations += 1,
        }
    }
    streams
}

fn mark_of(store: &Store, report: &mut CheckReport) -> Option<FoldMark> {
    match store.get(keys::MARK) {
        Ok(None) => None,
        Ok(Some(mark)) => match FoldMark::decode(&mark) {
            Ok(mark) => Some(mark),
            Err(error) => {
                report.problem(format!("store: {error}"));
                None
            }
        },
        Err(error) => {
            report.problem(error.to_string());
            None
        }
    }
}

fn compare(store: Store, mark: FoldMark, streams: &BTreeMap<Stream, Walked>, report: &mut CheckReport) {
    let folds = Folds::new(store, mark);
    for (stream, walked) in streams.iter().filter(|(_, walked)| walked.folded > 0) {
        let found = match stream {
            Stream::Workspace(workspace) => compare_workspace(&folds, *workspace, walked),
            Stream::Conversation(workspace, conversation) => {
                compare_conversation(&folds, *workspace, *conversation, walked, report)
            }
        };
        if let Err(problem) = found {
            report.problem(format!("store: {stream:?}: {problem}"));
        }
    }
}

fn compare_workspace(folds: &Folds, workspace: WorkspaceId, walked: &Walked) -> Result<(), String> {
    let state = read::load_workspace(folds, workspace).map_err(|fault| fault.to_string())?;
    same("revision", state.revision, walked.folded)?;
    match &walked.workspace {
        Some(walked_state) if walked_state.revision == state.revision && *walked_state != state => {
            Err("its state is not what its entries make".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn compare_conversation(
    folds: &Folds,
    workspace: WorkspaceId,
    conversation: ConversationId,
    walked: &Walked,
    report: &mut CheckReport,
) -> Result<(), String> {
    let (mut digest, mut last) = (Sha256::new(), 0);
    let prefix = keys::pages(workspace, conversation);
    for pair in folds.store.scan(&prefix, &prefix) {
        let (_, value) = pair.map_err(|error| error.to_string())?;
        let page = Page::decode(&value).map_err(|error| error.to_string())?;
        same("first revision of a page", page.first, last + 1)?;
        last = page.last;
        report.pages += 1;
        report.entries += page.entries.len() as u64;
        // What is due may be erased from one and not yet from the other.
        let stream = Stream::Conversation(workspace, conversation);
        page.entries.iter().for_each(|entry| digest.update(in_the_end(stream, entry)));
    }
    same("last revision of the pages", last, walked.folded)?;
    if digest.finalize() != walked.digest.clone().finalize() {
        return Err("its pages hold other entries than the log".to_owned());
    }
    let row = folds.store.get(&keys::row(workspace, conversation)).map_err(|error| error.to_string())?;
    let row = row.ok_or("it has no row in the list")?;
    let row = decode_row(&row).map_err(|error| error.to_string())?;
    same("revision of its row", row.revision, walked.folded)?;
    let state = read::load_conversation(folds, workspace, conversation).map_err(|fault| fault.to_string())?;
    same("revision of its state", state.revision, walked.folded)?;
    match &walked.state {
        Some(walked_state) if walked_state.revision == state.revision && *walked_state != state => {
            Err("its state is not what its entries make".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn same(what: &str, found: u64, wanted: u64) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what} is {found}, the log has {wanted}")) }
}

/// What the store may keep in memory while it is checked.
const STORE_CACHE_BYTES: u64 = 256 << 20;
