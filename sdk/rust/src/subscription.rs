//! One subscription, between its streams and its user.
//!
//! Owns the bounded queue to the user and the judging of what a stream brings, both under one lock,
//! so that an event is given once however many streams carry it. Must not know requests or
//! connections.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use switchboard_protocol::vocabulary::{ConversationId, ProfileId, Seq};
use switchboard_protocol::wire::{
    AgentStatus, ConversationFrame, Cursors, DeskFrame, DeskView, ErrorBody, ErrorCode, Event, ListCounts,
    ReplyBody, Row, Topic, Typing,
};
use tokio::sync::{Notify, oneshot};

use crate::error::{ClientError, Ending};
use crate::progress::{Follow, Verdict};

/// What a follower of a conversation is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// The next event: its sequence is one more than that of the event before it.
    Event(Event),
    /// How far each side has read.
    Cursors(Cursors),
    /// Everything that was there when the subscription began, or began again after a loss of the
    /// connection, has been given up to this sequence.
    CaughtUp(Seq),
    /// Somebody is typing. Dropped rather than kept when the follower is slow.
    Typing(Typing),
}

/// What a follower of the desk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskUpdate {
    /// What there is: replaces everything given before. Comes first, and again after a loss of the
    /// connection.
    Snapshot {
        /// The first rows of the view, newest activity first. What has no room comes by itself.
        rows: Vec<Row>,
        /// The agents of the workspace.
        agents: Vec<AgentStatus>,
    },
    /// A row has come into the view, or has changed in it.
    Row(Row),
    /// Rows have left the view.
    Gone(Vec<ConversationId>),
    /// How many conversations there are to see: after a snapshot, and whenever there are more or fewer.
    Counts(ListCounts),
    /// How many of them are with a profile: after a snapshot for each with which there are any, and whenever there are
    /// more or fewer.
    ProfileCounts {
        /// With which.
        profile: ProfileId,
        /// How many.
        counts: ListCounts,
    },
    /// An agent has come or gone, or has more or less to do.
    Agent(AgentStatus),
}

/// A frame of either kind of stream.
pub(crate) enum Frame {
    Conversation(ConversationFrame),
    Desk(DeskFrame),
}

/// An update of either kind of subscription.
#[derive(Debug)]
pub(crate) enum Item {
    Conversation(Update),
    Desk(DeskUpdate),
}

/// Whether a stream is to be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    On,
    /// The stream is of no more use; the subscription may have to be asked for again.
    Stop,
}

/// What is followed.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Conversation(ConversationId),
    Desk(DeskView),
}

pub(crate) struct Subscription {
    subject: Subject,
    inner: Mutex<Inner>,
    /// There may be room in the queue.
    room: Notify,
}

struct Inner {
    follow: Follow,
    /// The number under which it was last asked for.
    number: u32,
    queue: VecDeque<(usize, Item)>,
    bytes: usize,
    /// Comes after everything in the queue.
    end: End,
    user: Option<Waker>,
    /// Whether the stream's reader waits for room.
    reader_waits: bool,
    /// Dropping it stops the reader of the stream.
    reader: Option<oneshot::Sender<()>>,
    /// Told whether the server accepts the subscription, the first time it says so.
    first: Option<oneshot::Sender<Result<(), ClientError>>>,
}

enum End {
    Open,
    /// To be told once.
    Failed(ClientError),
    Told,
}

impl Subscription {
    /// Follows something after a sequence. The receiver is told whether the server accepts it.
    pub(crate) fn new(subject: Subject, after: Seq) -> (Self, oneshot::Receiver<Result<(), ClientError>>) {
        let (first, accepted) = oneshot::channel();
        let inner = Inner {
            follow: Follow::new(after),
            number: 0,
            queue: VecDeque::new(),
            bytes: 0,
            end: End::Open,
            user: None,
            reader_waits: false,
            reader: None,
            first: Some(first),
        };
        (Self { subject, inner: Mutex::new(inner), room: Notify::new() }, accepted)
    }

    pub(crate) const fn conversation(&self) -> Option<ConversationId> {
        match self.subject {
            Subject::Conversation(conversation) => Some(conversation),
            Subject::Desk(_) => None,
        }
    }

    pub(crate) fn number(&self) -> u32 {
        self.lock().number
    }

    /// What to ask the server for.
    pub(crate) fn topic(&self) -> Topic {
        match &self.subject {
            Subject::Conversation(conversation) => {
                Topic::Conversation { conversation: *conversation, after: self.lock().follow.last() }
            }
            Subject::Desk(view) => Topic::Desk { view: view.clone() },
        }
    }

    /// When it is to be asked for, since the client began.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.lock().follow.due()
    }

    pub(crate) fn asked(&self, number: u32) {
        let mut inner = self.lock();
        inner.number = number;
        inner.follow.asked(number);
    }

    /// The server has answered the request for `number`.
    pub(crate) fn answered(
        &self,
        number: u32,
        result: &Result<ReplyBody, ErrorBody>,
        now: Duration,
        random: u64,
    ) {
        let mut inner = self.lock();
        match result {
            Ok(_) => inner.tell_first(Ok(())),
            Err(error) => {
                // The engine is about to say goodbye: it is asked again on the next connection.
                let stopping = error.code() == Some(ErrorCode::Stopping);
                if inner.first.is_some() && !stopping {
                    inner.tell_first(Err(ClientError::Rejected(error.clone())));
                    inner.follow.leave();
                    inner.follow.take_stale();
                    inner.end = End::Told;
                    return;
                }
                let verdict = inner.follow.refused(number, error, now, random);
                inner.obey(verdict);
            }
        }
        let user = inner.user_to_wake();
        drop(inner);
        wake(user);
    }

    /// A stream for `number` has opened: its reader is to stop when the receiver resolves. `None`:
    /// the stream is of the past.
    pub(crate) fn opened(&self, number: u32, now: Duration) -> Option<oneshot::Receiver<()>> {
        let mut inner = self.lock();
        if !inner.follow.opened(number, now) {
            return None;
        }
        let (reader, stopped) = oneshot::channel();
        inner.reader = Some(reader);
        Some(stopped)
    }

    /// Waits until the queue has room for a frame of so many bytes. Only one reader of the current
    /// stream waits at a time.
    pub(crate) async fn room(&self, bytes: usize) {
        loop {
            {
                let mut inner = self.lock();
                if inner.has_room(bytes) || inner.follow.is_over() {
                    inner.reader_waits = false;
                    return;
                }
                inner.reader_waits = true;
                let user = inner.user_to_wake();
                drop(inner);
                wake(user);
            }
            self.room.notified().await;
        }
    }

    /// Judges a frame of stream `from` and queues what it brings. The user is woken by
    /// [`wake_user`](Self::wake_user), once for many frames.
    pub(crate) fn take(&self, from: u32, frame: Frame, bytes: usize, now: Duration, random: u64) -> Reading {
        let mut inner = self.lock();
        if inner.follow.is_over() {
            return Reading::Stop;
        }
        let verdict = match &frame {
            Frame::Conversation(frame) => inner.follow.conversation(from, frame, now, random),
            Frame::Desk(frame) => inner.follow.desk(from, frame, now, random),
        };
        if verdict == Verdict::Give
            && let Some(item) = item(frame)
        {
            inner.push(bytes, item);
        }
        inner.obey(verdict)
    }

    /// Something unreadable came on stream `from`.
    pub(crate) fn garbled(&self, from: u32, what: String, now: Duration, random: u64) {
        let mut inner = self.lock();
        let verdict = inner.follow.garbled(from, what, now, random);
        inner.obey(verdict);
    }

    /// Stream `from` ended without saying why.
    pub(crate) fn cut(&self, from: u32, now: Duration, random: u64) {
        let mut inner = self.lock();
        let verdict = inner.follow.cut(from, now, random);
        inner.obey(verdict);
    }

    pub(crate) fn wake_user(&self) {
        let user = self.lock().user_to_wake();
        wake(user);
    }

    /// Queues typing if it is still of interest and there is room.
    pub(crate) fn typing(&self, typing: &Typing) {
        let mut inner = self.lock();
        if inner.follow.is_over() || !inner.follow.typing_counts(typing) || !inner.has_room(TYPING_BYTES) {
            return;
        }
        inner.push(TYPING_BYTES, Item::Conversation(Update::Typing(typing.clone())));
        let user = inner.user_to_wake();
        drop(inner);
        wake(user);
    }

    /// The next item for the user; `None` when there is nothing more to come.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Item, ClientError>>> {
        let mut inner = self.lock();
        let Some((bytes, item)) = inner.queue.pop_front() else {
            return match std::mem::replace(&mut inner.end, End::Told) {
                End::Open => {
                    inner.end = End::Open;
                    if !inner.user.as_ref().is_some_and(|user| user.will_wake(cx.waker())) {
                        inner.user = Some(cx.waker().clone());
                    }
                    Poll::Pending
                }
                End::Failed(error) => Poll::Ready(Some(Err(error))),
                End::Told => Poll::Ready(None),
            };
        };
        inner.bytes -= bytes;
        if inner.queue.is_empty() && inner.queue.capacity() > QUEUE_ITEMS_KEPT {
            inner.queue = VecDeque::new();
        }
        // Not for every item: the reader then finds room for many.
        let room = inner.reader_waits
            && inner.queue.len() <= QUEUE_ITEMS_MAX / 2
            && inner.bytes <= QUEUE_BYTES_MAX / 2;
        if room {
            inner.reader_waits = false;
        }
        drop(inner);
        if room {
            self.room.notify_one();
        }
        Poll::Ready(Some(Ok(item)))
    }

    /// A number that the server is to be told is no longer wanted.
    pub(crate) fn take_unwanted(&self) -> Option<u32> {
        self.lock().follow.take_stale()
    }

    /// Whether nothing more is to be asked for.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().follow.is_over()
    }

    pub(crate) fn connection_lost(&self) {
        self.lock().follow.connection_lost();
    }

    /// The user has gone. Returns the number that the server is to be told.
    pub(crate) fn leave(&self) -> Option<u32> {
        let mut inner = self.lock();
        inner.follow.leave();
        inner.end = End::Told;
        inner.queue = VecDeque::new();
        inner.bytes = 0;
        inner.user = None;
        inner.reader = None;
        inner.first = None;
        inner.follow.take_stale()
    }

    /// The client has ended, and this with it.
    pub(crate) fn client_ended(&self, ending: &Ending) {
        let mut inner = self.lock();
        inner.tell_first(Err(ClientError::Closed(ending.clone())));
        inner.follow.leave();
        inner.reader = None;
        if matches!(inner.end, End::Open) {
            inner.end = match ending {
                // What the user has asked for is no failure.
                Ending::Done => End::Told,
                Ending::Refused(_)
                | Ending::Goodbye(_)
                | Ending::Closed { .. }
                | Ending::Lost(_)
                | Ending::TimedOut(_)
                | Ending::Untrusted(_)
                | Ending::Protocol(_) => End::Failed(ClientError::Closed(ending.clone())),
            };
        }
        let user = inner.user.take();
        drop(inner);
        wake(user);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; if it did, the state would still be whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_room(&self, bytes: usize) -> bool {
        self.queue.is_empty() || (self.queue.len() < QUEUE_ITEMS_MAX && self.bytes + bytes <= QUEUE_BYTES_MAX)
    }

    fn push(&mut self, bytes: usize, item: Item) {
        self.bytes += bytes;
        self.queue.push_back((bytes, item));
    }

    /// Does what a verdict says about the stream and the subscription.
    fn obey(&mut self, verdict: Verdict) -> Reading {
        match verdict {
            Verdict::Give | Verdict::Repeat | Verdict::Ignore => Reading::On,
            Verdict::Again(fault) => {
                if let Some(fault) = fault {
                    tracing::warn!(%fault, number = self.number, "a subscription is asked for again");
                }
                Reading::Stop
            }
            Verdict::Refused(error) => self.fail(ClientError::Rejected(error)),
            Verdict::Faulty(fault) => self.fail(ClientError::Subscription(fault)),
        }
    }

    fn fail(&mut self, error: ClientError) -> Reading {
        if matches!(self.end, End::Open) {
            self.end = End::Failed(error);
        }
        Reading::Stop
    }

    fn tell_first(&mut self, result: Result<(), ClientError>) {
        if let Some(first) = self.first.take() {
            // A user who has gone is not told.
            let _ = first.send(result);
        }
    }

    /// The user's waker, if there is something to give.
    fn user_to_wake(&mut self) -> Option<Waker> {
        if self.queue.is_empty() && matches!(self.end, End::Open) { None } else { self.user.take() }
    }
}

fn item(frame: Frame) -> Option<Item> {
    match frame {
        Frame::Conversation(frame) => match frame {
            ConversationFrame::Event(event) => Some(Item::Conversation(Update::Event(event))),
            ConversationFrame::Cursors(cursors) => Some(Item::Conversation(Update::Cursors(cursors))),
            ConversationFrame::CaughtUp { seq } => Some(Item::Conversation(Update::CaughtUp(seq))),
            ConversationFrame::Ended { .. } | ConversationFrame::Unknown => None,
        },
        Frame::Desk(frame) => match frame {
            DeskFrame::Snapshot { rows, agents } => Some(Item::Desk(DeskUpdate::Snapshot { rows, agents })),
            DeskFrame::Row(row) => Some(Item::Desk(DeskUpdate::Row(row))),
            DeskFrame::Gone { conversations } => Some(Item::Desk(DeskUpdate::Gone(conversations))),
            DeskFrame::Counts(counts) => Some(Item::Desk(DeskUpdate::Counts(counts))),
            DeskFrame::ProfileCounts { profile, counts } => {
                Some(Item::Desk(DeskUpdate::ProfileCounts { profile, counts }))
            }
            DeskFrame::Agent(agent) => Some(Item::Desk(DeskUpdate::Agent(agent))),
            DeskFrame::Ended { .. } | DeskFrame::Unknown => None,
        },
    }
}

fn wake(user: Option<Waker>) {
    if let Some(user) = user {
        user.wake();
    }
}

/// The most items that wait for a user.
const QUEUE_ITEMS_MAX: usize = 256;

/// The most bytes, as they came from the wire, that wait for a user; a single larger frame passes.
const QUEUE_BYTES_MAX: usize = 128 * 1024;

/// A queue with room for more than this gives its memory back when it is empty.
const QUEUE_ITEMS_KEPT: usize = 16;

/// What typing counts for in the queue, in bytes.
const TYPING_BYTES: usize = 64;
