//! The writer: the one thread through which everything becomes durable.
//!
//! Owns when commits are made: everything that has queued while the last one was under way goes into
//! the next. Who may append is the queue's business, how bytes reach the disk the log's. What has
//! become durable is in the tail before anybody is told.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};
use tokio::sync::{oneshot, watch};

use super::crash_points::pass;
use super::fold::Folds;
use super::log::{Log, LogError, NewRecord};
use super::rewrite::Board;
use super::space::Space;
use super::{CrashPoint, Incarnation, OpenError, Resolved, Stream, Term, TicketSink};
use crate::clock;
use crate::machines::commit::{Claim, CommitQueue, CommitSize, Kinds, Settled};

/// What is asked of the writer.
pub(super) enum Order {
    /// Opens a workspace; answered when everything queued before is settled.
    OpenWorkspace { workspace: WorkspaceId, sink: Arc<dyn TicketSink>, reply: OpenReply },
    /// Opens a conversation; answered when everything queued before is settled.
    OpenConversation {
        workspace: WorkspaceId,
        term: Term,
        conversation: ConversationId,
        sink: Arc<dyn TicketSink>,
        reply: OpenReply,
    },
    /// The state of a stream that was opened has been read.
    Ready { claim: Claim<Stream>, revision: u64 },
    /// To become durable.
    Append { claim: Claim<Stream>, revision: u64, payload: Bytes },
    /// An incarnation needs no more tickets.
    Close { claim: Claim<Stream> },
    /// Close the segment of this number, if it is written: something in it is to be erased.
    CloseEarly { number: u64 },
    /// Commit what is queued, close the log, and end.
    Stop,
    /// Fails on purpose, to prove that everything is begun anew from disk.
    #[cfg(feature = "planted-bugs")]
    Fail,
    /// Believes that the log cannot be written, until it is tried again.
    #[cfg(feature = "planted-bugs")]
    Trouble,
}

/// Who waits for an opening.
pub(super) type OpenReply = oneshot::Sender<Result<Opened, OpenError>>;

/// A stream that was opened. Its state can be read now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) claim: Claim<Stream>,
    pub(super) term: Term,
}

/// Told how long each commit took, from its write to the end of its sync.
pub(super) type CommitCallback = Box<dyn Fn(Duration) + Send + Sync>;

/// What the writer and its callers share.
#[derive(Default)]
pub(super) struct Gate {
    /// Whether there is trouble, to be read without the lock.
    troubled: AtomicBool,
    /// Payloads that were handed over and are not settled, in bytes.
    pub(super) queued_bytes: AtomicUsize,
    /// Who is told of commits.
    pub(super) on_commit: OnceLock<CommitCallback>,
    /// Why nothing can be written now, if nothing can.
    trouble: Mutex<Option<Trouble>>,
}

/// Why nothing can be written.
#[derive(Debug, Clone)]
struct Trouble {
    why: String,
    /// Streams can be opened, for reading: no more is on disk than what is known.
    opens: bool,
}

impl Gate {
    /// Why nothing can be written now, if nothing can.
    pub(super) fn trouble(&self) -> Option<String> {
        self.kept().map(|trouble| trouble.why)
    }

    /// Why nothing can be opened now, if nothing can.
    fn closed(&self) -> Option<String> {
        self.kept().filter(|trouble| !trouble.opens).map(|trouble| trouble.why)
    }

    fn kept(&self) -> Option<Trouble> {
        if self.troubled.load(Ordering::Acquire) { self.lock().clone() } else { None }
    }

    /// Nothing can be opened either.
    fn end(&self, why: String) {
        self.set_trouble(Some(Trouble { why, opens: false }));
    }

    fn set_trouble(&self, trouble: Option<Trouble>) {
        if trouble.is_some() || self.troubled.load(Ordering::Acquire) {
            let mut kept = self.lock();
            self.troubled.store(trouble.is_some(), Ordering::Release);
            *kept = trouble;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct JournalKinds;

impl Kinds for JournalKinds {
    type Stream = Stream;
    type Group = WorkspaceId;
    type Payload = Bytes;
    type Waiter = Waiting;
}

/// An opening that waits for what was queued before it.
struct Waiting {
    reply: OpenReply,
    opened: Opened,
}

/// The writer's own state.
pub(super) struct Writer {
    queue: CommitQueue<JournalKinds>,
    log: Log,
    sinks: HashMap<Incarnation, Arc<dyn TicketSink>>,
    folds: Arc<Folds>,
    gate: Arc<Gate>,
    space: Arc<Space>,
    board: Arc<Board>,
    /// The segment that the board knows of.
    segment: u64,
    /// When writing was last tried in vain.
    tried: Instant,
    stopping: bool,
}

impl Writer {
    pub(super) fn new(
        log: Log,
        folds: Arc<Folds>,
        gate: Arc<Gate>,
        space: Arc<Space>,
        board: Arc<Board>,
    ) -> Self {
        let (queue, sinks, tried) = (CommitQueue::default(), HashMap::new(), clock::instant());
        let (segment, _) = log.segment();
        let mut writer =
            Self { queue, log, sinks, folds, gate, space, board, segment, tried, stopping: false };
        if !writer.log.has_segment() {
            writer.is_in_trouble("there was no room for a segment of the log".to_owned());
        }
        writer
    }

    /// Runs until it is told to stop or nobody is left. `ended` becomes true when it has come to an
    /// end of its own: a mistake of ours, after which the journal must be started anew.
    ///
    /// # Errors
    /// When the log could not be closed.
    pub(super) fn run(
        mut self,
        orders: &Receiver<Order>,
        ended: &watch::Sender<bool>,
    ) -> Result<(), LogError> {
        match catch_unwind(AssertUnwindSafe(|| self.serve(orders))) {
            Ok(closed) => closed,
            Err(_) => {
                let why = "the writer has failed";
                tracing::error!("{why}; the journal must be started anew");
                self.gate.end(why.to_owned());
                for sink in self.sinks.values() {
                    sink.resolved(Resolved::Failed(why.to_owned()));
                }
                // Nobody may be watching.
                let _ = ended.send(true);
                Ok(())
            }
        }
    }

    fn serve(&mut self, orders: &Receiver<Order>) -> Result<(), LogError> {
        while !self.stopping || !self.queue.is_empty() {
            if self.queue.is_empty() {
                match self.wait(orders) {
                    Ok(order) => self.take(order),
                    Err(RecvTimeoutError::Timeout) => self.try_again(),
                    Err(RecvTimeoutError::Disconnected) => self.stopping = true,
                }
            }
            for order in orders.try_iter().take(ORDERS_AT_ONCE) {
                self.take(order);
            }
            self.commit();
        }
        self.gate.end("the journal has stopped".to_owned());
        pass(CrashPoint::StopBegun);
        self.log.close()?;
        pass(CrashPoint::LogClosed);
        Ok(())
    }

    /// The next order. In trouble the time comes to try again, however many orders come.
    fn wait(&self, orders: &Receiver<Order>) -> Result<Order, RecvTimeoutError> {
        if self.gate.trouble().is_none() {
            return orders.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        let after = if self.log.is_in_doubt() { TRY_AGAIN_AFTER } else { BEGIN_AGAIN_AFTER };
        match after.saturating_sub(self.tried.elapsed()) {
            Duration::ZERO => Err(RecvTimeoutError::Timeout),
            left => orders.recv_timeout(left),
        }
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::OpenWorkspace { workspace, sink, reply } => {
                let term = self.queue.open_group(workspace);
                self.open(Stream::Workspace(workspace), term, sink, reply);
            }
            Order::OpenConversation { workspace, term, conversation, sink, reply } => {
                self.open(Stream::Conversation(workspace, conversation), term, sink, reply);
            }
            Order::Ready { claim, revision } => self.queue.ready(claim, revision),
            Order::Append { claim, revision, payload } => {
                let bytes = payload.len();
                // Its sink is told in its turn.
                if let Err(refusal) = self.queue.append(claim, revision, payload, bytes) {
                    tracing::debug!(stream = ?claim.stream, %refusal, "an append was refused");
                    self.gate.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                }
            }
            Order::Close { claim } => {
                self.sinks.remove(&claim.incarnation);
                self.queue.end(claim, "it was closed");
            }
            // The next one needs room. Whoever asked asks again.
            Order::CloseEarly { .. } if self.space.may_take().is_err() => {}
            Order::CloseEarly { number } => {
                if let Err(error) = self.log.close_early(number) {
                    tracing::warn!(%error, "the segment that is written could not be closed early");
                }
                self.tell_of_segment();
            }
            Order::Stop => self.stopping = true,
            #[cfg(feature = "planted-bugs")]
            #[allow(clippy::panic, reason = "this is what it is for")]
            Order::Fail => panic!("a failure planted on purpose"),
            #[cfg(feature = "planted-bugs")]
            Order::Trouble => {
                self.gate.end("planted on purpose".to_owned());
                self.tried = clock::instant();
            }
        }
    }

    fn open(&mut self, stream: Stream, term: Term, sink: Arc<dyn TicketSink>, reply: OpenReply) {
        let opened = match self.gate.closed() {
            Some(trouble) => Err(trouble),
            None => self.queue.open(stream, stream.workspace(), term).map_err(|refusal| refusal.to_string()),
        };
        match opened {
            Ok(claim) => {
                self.sinks.insert(claim.incarnation, sink);
                self.queue.barrier(Waiting { reply, opened: Opened { claim, term } });
            }
            // Whoever asked may be gone.
            Err(why) => drop(reply.send(Err(OpenError::Unavailable(why)))),
        }
    }

    /// Makes the next commit durable and tells everybody what became of what.
    fn commit(&mut self) {
        let bytes = self.queue.bytes();
        let settled = match self.write() {
            Ok(()) => self.queue.committed(),
            Err(error) => {
                let why = error.to_string();
                tracing::error!(error = why, "a commit failed; nothing of it was acknowledged");
                if error.is_no_room() {
                    self.space.refused();
                }
                self.is_in_trouble(why.clone());
                self.queue.failed(&why)
            }
        };
        self.gate.queued_bytes.fetch_sub(bytes - self.queue.bytes(), Ordering::Relaxed);
        for settled in settled {
            self.tell(settled);
        }
    }

    fn write(&mut self) -> Result<(), LogError> {
        let batch = self.queue.begin(COMMIT_SIZE);
        if batch.len() == 0 {
            return Ok(());
        }
        let begun = clock::instant();
        let records = self.log.commit(batch.map(|queued| NewRecord {
            stream: queued.claim.stream,
            revision: queued.revision,
            payload: &queued.payload,
        }))?;
        if let Some(told) = self.gate.on_commit.get() {
            told(begun.elapsed());
        }
        self.tell_of_segment();
        self.folds.tail.add(&records);
        pass(CrashPoint::CommitReadable);
        self.gate.set_trouble(None);
        Ok(())
    }

    /// Tells the rewriter when another segment is written, before what is in it can be read.
    fn tell_of_segment(&mut self) {
        let segment = self.log.segment();
        if segment.0 != self.segment {
            self.segment = segment.0;
            self.board.begun(segment);
        }
    }

    fn tell(&mut self, settled: Settled<Stream, Waiting>) {
        match settled {
            Settled::Durable(claim, up_to) => {
                if let Some(sink) = self.sinks.get(&claim.incarnation) {
                    sink.resolved(Resolved::Durable { up_to });
                }
            }
            Settled::Ended(claim, why) => {
                if let Some(sink) = self.sinks.remove(&claim.incarnation) {
                    sink.resolved(Resolved::Failed(why));
                }
            }
            Settled::Reached(Waiting { reply, opened }) => {
                let answer = match self.gate.closed() {
                    None => Ok(opened),
                    Some(trouble) => Err(OpenError::Unavailable(trouble)),
                };
                let refused = answer.is_err();
                if reply.send(answer).is_err() || refused {
                    self.sinks.remove(&opened.claim.incarnation);
                    self.queue.end(opened.claim, "nobody waited for it");
                }
            }
        }
    }

    /// Nothing could be written: looks whether it can be now. On a full disk that takes of the reserve only
    /// what settles a doubt.
    fn try_again(&mut self) {
        if let (false, Err(why)) = (self.log.is_in_doubt(), self.space.may_take()) {
            return self.is_in_trouble(why.to_string());
        }
        match self.log.recover() {
            Ok(()) => {
                tracing::info!("the log can be written again");
                self.tell_of_segment();
                self.gate.set_trouble(None);
            }
            Err(error) => {
                if error.is_no_room() {
                    self.space.refused();
                }
                self.is_in_trouble(error.to_string());
            }
        }
    }

    fn is_in_trouble(&mut self, why: String) {
        self.gate.set_trouble(Some(Trouble { why, opens: !self.log.is_in_doubt() }));
        self.tried = clock::instant();
    }
}

/// How much one commit may take: what a disk writes in about a millisecond.
const COMMIT_SIZE: CommitSize = CommitSize { bytes_max: 1 << 20, records_max: 8_192 };

/// So many orders are taken before the next commit, so that it is not put off without end.
const ORDERS_AT_ONCE: usize = 16_384;

/// How often a log that cannot be written is tried.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often one that only lacks a segment is: while there is no room that costs nothing.
const BEGIN_AGAIN_AFTER: Duration = Duration::from_millis(100);
