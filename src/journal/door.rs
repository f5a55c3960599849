//! The journal's door.
//!
//! Owns how the writer, the tail, the store and the threads behind them are put together. Blocking
//! reads run on the run-time's blocking threads. Must not know what an entry says.

mod reading;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};
use tokio::sync::{oneshot, watch};

use super::crash_points::pass;
use super::data_dir::DataDir;
#[cfg(feature = "planted-bugs")]
use super::fold::FoldFailure;
use super::fold::{FoldThread, Folds};
use super::log::{Disk, Log, LogError, LogFiles, LogOptions, OpenedLog};
use super::read;
use super::recover::{self, Recovered, Site};
use super::rewrite::{Board, Links, Rewriter};
use super::space::{Lookout, Space};
use super::store::{StoreError, VALUE_BYTES_MAX};
use super::tail::Wish;
use super::writer::{Gate, OpenReply, Opened, Order, Writer};
use super::{
    AppendError, CrashPoint, DeskChange, Figures, Incarnation, JournalOptions, NoRoom, OpenError,
    OpenedConversation, OpenedWorkspace, Position, Progress, ReadError, StartError, StartReport, Stream,
    Term, TicketSink, stored,
};
use crate::domain::conversation::{Conversation, Entry};
use crate::domain::workspace::WorkspaceEntry;
use crate::machines::commit::Claim;

/// The journal. A clone is another handle of the same one.
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    orders: mpsc::Sender<Order>,
    folds: Arc<Folds>,
    gate: Arc<Gate>,
    space: Arc<Space>,
    board: Arc<Board>,
    window_bytes: usize,
    tail_bytes_max: u64,
    ended: watch::Receiver<bool>,
    threads: Mutex<Option<Threads>>,
}

/// What runs while the journal is open, and the folder that is ours so long.
struct Threads {
    _lookout: Lookout,
    writer: JoinHandle<Result<(), LogError>>,
    folds: JoinHandle<Result<(), StoreError>>,
    rewriter: JoinHandle<()>,
    _dir: DataDir,
}

impl Journal {
    /// Opens the data folder: locks it, repairs the tail of the log, opens the store or makes it
    /// anew from the log, and folds what the store does not have. Blocks.
    ///
    /// # Errors
    /// When the folder, the log or the store cannot be used.
    pub fn start(
        options: &JournalOptions,
        on_progress: &mut dyn FnMut(Progress),
    ) -> Result<(Self, StartReport), StartError> {
        let dir = DataDir::lock(&options.dir)?;
        let space = Arc::new(Space::new(dir.path(), options.marks(), options.free_space.clone()));
        let at_least = recover::known_to_have(dir.path())?;
        let Begun { log, files, recovered, report } =
            begin(&dir, options, &space, at_least, false, on_progress)?;
        let folds = Arc::new(Folds::new(recovered.store, recovered.mark));
        folds.tail.begin_with(&recovered.unfolded);
        space.started();
        let gate = Arc::new(Gate::default());
        let board = Arc::new(Board::new(log.segment()));
        let (orders, taken) = mpsc::channel();
        let (say_ended, ended) = watch::channel(false);
        let say_folds_ended = say_ended.clone();
        let links = Links { board: Arc::clone(&board), space: Arc::clone(&space), orders: orders.clone() };
        let rewriter = Rewriter::new(dir.log(), files, links, options);
        let writer =
            Writer::new(log, Arc::clone(&folds), Arc::clone(&gate), Arc::clone(&space), Arc::clone(&board));
        let writer = spawn("journal-writer", move || writer.run(&taken, &say_ended))?;
        let fold_thread =
            FoldThread::new(Arc::clone(&folds), Arc::clone(&space), Arc::clone(&board), options);
        let fold_thread = spawn("journal-folds", move || fold_thread.run(&say_folds_ended))?;
        let rewriter = spawn("journal-rewriter", move || rewriter.run())?;
        let lookout = Lookout::start(Arc::clone(&space))
            .map_err(|error| StartError::Log(format!("thread journal-room: {error}")))?;
        let threads = Threads { _lookout: lookout, writer, folds: fold_thread, rewriter, _dir: dir };
        let inner = Inner {
            orders,
            folds,
            gate,
            space,
            window_bytes: options.log_window_bytes,
            tail_bytes_max: options.tail_bytes_max,
            ended,
            board,
            threads: Mutex::new(Some(threads)),
        };
        Ok((Self { inner: Arc::new(inner) }, report))
    }

    /// Opens a workspace for appending. Waits for everything queued before, begins a new
    /// incarnation and a new term; earlier ones are refused from now on.
    ///
    /// # Errors
    /// When the log is not available, or what is stored cannot be read.
    pub async fn open_workspace(
        &self,
        workspace: WorkspaceId,
        sink: Arc<dyn TicketSink>,
    ) -> Result<OpenedWorkspace, OpenError> {
        let opened = self.open(|reply| Order::OpenWorkspace { workspace, sink, reply }).await?;
        let folds = Arc::clone(&self.inner.folds);
        let stream = Stream::Workspace(workspace);
        let state = blocking(move || read::load_workspace(&folds, workspace))
            .await
            .map_err(OpenError::Unavailable)?
            .map_err(|fault| fault.into_open(stream))?;
        self.order(Order::Ready { claim: opened.claim, revision: state.revision })?;
        Ok(OpenedWorkspace { state, incarnation: opened.claim.incarnation, term: opened.term })
    }

    /// Opens a conversation for appending. Waits for everything queued before and begins a new
    /// incarnation; the earlier one is refused from now on.
    ///
    /// # Errors
    /// When the log is not available, or what is stored cannot be read.
    pub async fn open_conversation(
        &self,
        workspace: WorkspaceId,
        term: Term,
        conversation: ConversationId,
        sink: Arc<dyn TicketSink>,
    ) -> Result<OpenedConversation, OpenError> {
        let opened =
            self.open(|reply| Order::OpenConversation { workspace, term, conversation, sink, reply }).await?;
        let folds = Arc::clone(&self.inner.folds);
        let stream = Stream::Conversation(workspace, conversation);
        let state = blocking(move || read::load_conversation(&folds, workspace, conversation))
            .await
            .map_err(OpenError::Unavailable)?
            .map_err(|fault| fault.into_open(stream))?;
        self.order(Order::Ready { claim: opened.claim, revision: state.revision })?;
        Ok(OpenedConversation { state, incarnation: opened.claim.incarnation })
    }

    /// Whether entries can be taken now. To be asked before anything is decided: what is decided and
    /// then not taken ends the incarnation.
    ///
    /// # Errors
    /// When too much waits, the disk is full, or the log cannot be written. Trying again later helps.
    pub fn has_room(&self) -> Result<(), AppendError> {
        let inner = &self.inner;
        inner.space.may_take()?;
        if inner.gate.trouble().is_some() {
            return Err(AppendError::Unavailable);
        }
        let queued = inner.gate.queued_bytes.load(Ordering::Relaxed);
        if queued > inner.window_bytes || inner.folds.tail.bytes() > inner.tail_bytes_max {
            return Err(AppendError::Full);
        }
        Ok(())
    }

    /// Hands an entry of a conversation to the writer. Does not wait: what became of it is said
    /// through the sink. Its term is that under which the incarnation was opened.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn append_conversation(
        &self,
        workspace: WorkspaceId,
        incarnation: Incarnation,
        entry: &Entry,
    ) -> Result<(), AppendError> {
        let mut payload = Vec::new();
        let at_rest = entry.at_rest();
        stored::encode_entry(at_rest.as_ref().unwrap_or(entry), &mut payload)?;
        let stream = Stream::Conversation(workspace, entry.conversation);
        self.append(Claim { stream, incarnation }, entry.revision, payload)
    }

    /// Hands an entry of a workspace to the writer. Does not wait: what became of it is said
    /// through the sink.
    ///
    /// # Errors
    /// When it was not taken.
    pub fn append_workspace(
        &self,
        incarnation: Incarnation,
        entry: &WorkspaceEntry,
    ) -> Result<(), AppendError> {
        let mut payload = Vec::new();
        stored::encode_workspace_entry(entry, &mut payload)?;
        let stream = Stream::Workspace(entry.workspace);
        self.append(Claim { stream, incarnation }, entry.revision, payload)
    }

    /// Ends an incarnation of a conversation: its sink is let go and its appends are refused.
    /// `snapshot` is the state, if all of it is durable; it makes the next opening quick.
    pub fn close_conversation(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        incarnation: Incarnation,
        snapshot: Option<Conversation>,
    ) {
        if let Some(snapshot) = snapshot {
            self.keep_snapshot(&snapshot);
        }
        let stream = Stream::Conversation(workspace, conversation);
        // A journal that has ended has no incarnation to end.
        let _ = self.order(Order::Close { claim: Claim { stream, incarnation } });
    }

    /// Keeps a state of a conversation that goes on, so that opening it stays quick; worth it every
    /// [`super::SNAPSHOT_ENTRIES`] entries. All of it must be durable.
    pub fn keep_snapshot(&self, snapshot: &Conversation) {
        self.inner.folds.offer_snapshot(snapshot);
    }

    /// Registers who is told of changed rows. Called on the fold thread with what has changed in one
    /// workspace since the last call; it must not block.
    pub fn on_desk_change(&self, callback: Box<dyn Fn(DeskChange) + Send + Sync>) {
        self.inner.folds.on_desk_change(callback);
    }

    /// Registers who is told how long each commit took, from its write to the end of its sync. Called
    /// on the writer thread: must not block. Only the first one is.
    pub fn on_commit(&self, callback: Box<dyn Fn(Duration) + Send + Sync>) {
        let _ = self.inner.gate.on_commit.set(callback);
    }

    /// Ends when the journal has failed, by a mistake of ours or because its store has, and must be started
    /// anew.
    pub async fn failed(&self) {
        let mut ended = self.inner.ended.clone();
        if ended.wait_for(|ended| *ended).await.is_err() {
            // Stopped cleanly: it will not fail any more.
            std::future::pending::<()>().await;
        }
    }

    /// Changes when entries are held for want of room on the disk, and when they are taken again. Ends with
    /// the journal.
    #[must_use]
    pub fn room(&self) -> watch::Receiver<Result<(), NoRoom>> {
        self.inner.space.watch()
    }

    /// How the journal is doing.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let folds = &self.inner.folds;
        let committed = folds.tail.committed();
        Figures {
            durable: committed.last,
            folded: folds.folded(),
            tail_bytes: folds.tail.bytes(),
            commits: committed.commits,
            records: committed.records,
            bytes: committed.bytes,
            fold_failed: folds.has_failed(),
        }
    }

    /// Stops cleanly: writes what is queued, folds it, syncs, makes a checkpoint, ends the threads.
    /// Blocks. What comes afterwards is refused. A second call does nothing.
    ///
    /// # Errors
    /// When something of that failed; nothing that was acknowledged is lost by it.
    pub fn stop(&self) -> Result<(), StartError> {
        let Some(threads) = lock(&self.inner.threads).take() else { return Ok(()) };
        self.inner.stop_rewriter(threads.rewriter);
        // One that has ended already need not be told.
        let _ = self.inner.orders.send(Order::Stop);
        let written = threads.writer.join().map_err(|_| StartError::Log("the writer has failed".to_owned()));
        self.inner.folds.tail.wish(Wish::Finish);
        let folded = threads.folds.join().map_err(|_| StartError::Store("the folds have failed".to_owned()));
        self.inner.folds.store.close();
        written??;
        Ok(folded??)
    }

    /// Waits until the rewriter has nothing more to do while a segment from this number on is written.
    #[cfg(test)]
    pub(super) fn wait_until_rewritten(&self, number: u64) {
        assert!(self.inner.board.wait_until_settled(number), "segment {number} never came");
    }

    /// Makes the writer fail, for tests of failures.
    #[cfg(feature = "planted-bugs")]
    pub fn fail_writer(&self) {
        // One that has ended has failed already.
        let _ = self.order(Order::Fail);
    }

    /// Makes the folds fail, for tests of failures.
    #[cfg(feature = "planted-bugs")]
    pub fn fail_folds(&self, failure: FoldFailure) {
        self.inner.folds.plant_failure(failure);
    }

    /// Appends a payload that is no entry, for tests of records that cannot be read.
    ///
    /// # Errors
    /// When it was not taken.
    #[cfg(feature = "planted-bugs")]
    pub fn append_garbage(
        &self,
        stream: Stream,
        incarnation: Incarnation,
        revision: u64,
    ) -> Result<(), AppendError> {
        self.append(Claim { stream, incarnation }, revision, b"\xc1no entry".to_vec())
    }

    /// Makes the writer believe that the log cannot be written, until it tries again by itself.
    #[cfg(feature = "planted-bugs")]
    pub fn plant_trouble(&self) {
        // One that has ended is in trouble already.
        let _ = self.order(Order::Trouble);
    }

    async fn open(&self, order: impl FnOnce(OpenReply) -> Order) -> Result<Opened, OpenError> {
        let (reply, answer) = oneshot::channel();
        self.order(order(reply))?;
        answer.await.map_err(|_| OpenError::Unavailable(STOPPED.to_owned()))?
    }

    fn append(&self, claim: Claim<Stream>, revision: u64, payload: Vec<u8>) -> Result<(), AppendError> {
        if payload.len() > RECORD_BYTES_MAX {
            return Err(AppendError::Unstorable(format!(
                "{} bytes; at most {RECORD_BYTES_MAX}",
                payload.len()
            )));
        }
        let bytes = payload.len();
        self.inner.gate.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let order = Order::Append { claim, revision, payload: payload.into() };
        self.inner.orders.send(order).map_err(|_| AppendError::Unavailable)
    }

    fn order(&self, order: Order) -> Result<(), OpenError> {
        self.inner.orders.send(order).map_err(|_| OpenError::Unavailable(STOPPED.to_owned()))
    }
}

impl Inner {
    /// What it has not come to is done after the next start.
    fn stop_rewriter(&self, rewriter: JoinHandle<()>) {
        self.board.stop();
        if rewriter.join().is_err() {
            tracing::error!("the rewriter has failed by a mistake of ours; the log is as it was");
        }
    }
}

impl Drop for Inner {
    /// Not stopped: what was acknowledged is on disk, and what is not folded will be at the next
    /// start. The folder stays ours until all threads are gone.
    fn drop(&mut self) {
        let Some(threads) = lock(&self.threads).take() else { return };
        self.stop_rewriter(threads.rewriter);
        // What fails here is found at the next start.
        let _ = self.orders.send(Order::Stop);
        let _ = threads.writer.join();
        self.folds.tail.wish(Wish::Quit);
        let _ = threads.folds.join();
    }
}

/// Throws the store away and makes it anew from the log. Blocks.
///
/// # Errors
/// When the folder, the log or the new store cannot be used.
pub fn rebuild(dir: &Path, on_progress: &mut dyn FnMut(Progress)) -> Result<StartReport, StartError> {
    let dir = DataDir::lock_existing(dir)?;
    let options = JournalOptions::new(dir.path());
    let space = Space::new(dir.path(), options.marks(), options.free_space.clone());
    let Begun { mut log, report, .. } = begin(&dir, &options, &space, Position(0), true, on_progress)?;
    log.close()?;
    Ok(report)
}

/// A log and a store that fit each other.
struct Begun {
    log: Log,
    files: LogFiles,
    recovered: Recovered,
    report: StartReport,
}

fn begin(
    dir: &DataDir,
    options: &JournalOptions,
    space: &Space,
    at_least: Position,
    anew: bool,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Begun, StartError> {
    let may_grow = space.may_take().is_ok();
    let log_options =
        LogOptions { folder: dir.log(), segment_bytes: options.log_segment_bytes, at_least, may_grow };
    let OpenedLog { log, files, bytes_cut } = Log::open(&log_options, Box::new(Disk))?;
    pass(CrashPoint::LogOpened);
    let site = Site {
        dir: dir.path(),
        cache_bytes: options.store_cache_bytes,
        space,
        unfolded_bytes_max: options.tail_bytes_max,
    };
    let recovered = recover::recover(&site, &files, anew, on_progress)?;
    let report = StartReport {
        log_bytes_cut: bytes_cut,
        durable: log.last(),
        rebuilt: recovered.rebuilt.clone(),
        replayed: recovered.replayed,
    };
    Ok(Begun { log, files, recovered, report })
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StartError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| StartError::Log(format!("thread {name}: {error}")))
}

/// Waits until lists have everything that is durable now.
fn catch_up(folds: &Folds) -> Result<(), ReadError> {
    let durable = folds.tail.committed().last;
    if !folds.overlay.has_seen(durable) {
        folds.tail.wish(Wish::Look);
        if !folds.overlay.wait_for(durable, LIST_WAIT_MAX) {
            return Err(ReadError::Unavailable("the lists are too far behind".to_owned()));
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const STOPPED: &str = "it has stopped";

/// The most bytes of a stored entry.
const RECORD_BYTES_MAX: usize = 120 << 10;

/// What the log takes, the folds must take as well: a page holds at least one entry.
const _: () = assert!(RECORD_BYTES_MAX + stored::PAGE_OVERHEAD_BYTES <= VALUE_BYTES_MAX);

/// How long a list waits for the fold thread to have seen everything durable.
const LIST_WAIT_MAX: Duration = Duration::from_secs(5);
