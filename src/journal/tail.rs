//! The tail: what is durable but not yet folded, in memory.
//!
//! Owns it from the moment of the commit, on the writer's thread, until it is in the store. Payloads
//! stay in their stored form and are read by whoever needs them, so that a commit costs one lock and
//! no decoding. Must not know the store.
//!
//! **The rule of reading**: take the tail first, then the store, and drop by revision what both have.
//! A record leaves the tail only after it can be read in the store, so there is never a gap.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::vocabulary::WorkspaceId;

use super::stored::{CurrentConversation, decode_entry};
use super::{LogRecord, Position, Stream};
use crate::domain::conversation::What;
use crate::domain::identity::CustomerKey;

/// The unfolded records, by stream and in order.
#[derive(Default)]
pub(super) struct Tail {
    state: Mutex<State>,
    arrived: Condvar,
    /// The bytes in it, to be read without the lock.
    bytes: AtomicU64,
}

/// A record of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TailRecord {
    /// Its place in the log.
    pub(super) position: Position,
    /// Its place in the stream.
    pub(super) revision: u64,
    /// The stored entry.
    pub(super) payload: Bytes,
}

/// What the fold thread is to do besides folding when it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Wish {
    /// Nothing else.
    #[default]
    None,
    /// Look at what has come now: somebody waits for it.
    Look,
    /// Fold everything, make a checkpoint, and end.
    Finish,
    /// End at once.
    Quit,
}

/// What the fold thread takes out.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The records that came since the last time, in order.
    pub(super) records: Vec<LogRecord>,
    /// What else to do.
    pub(super) wish: Wish,
}

/// What has been committed since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Committed {
    /// The last record; what was there at the start counts.
    pub(super) last: Position,
    /// Commits.
    pub(super) commits: u64,
    /// Records.
    pub(super) records: u64,
    /// Payload bytes.
    pub(super) bytes: u64,
}

#[derive(Default)]
struct State {
    streams: HashMap<Stream, VecDeque<TailRecord>>,
    customers: HashMap<(WorkspaceId, CustomerKey), CurrentConversation>,
    arrivals: Vec<LogRecord>,
    wish: Wish,
    /// The fold thread sleeps until something comes.
    idle: bool,
    committed: Committed,
}

impl Tail {
    /// An empty tail behind everything that is folded.
    pub(super) fn new(folded: Position) -> Self {
        let tail = Self::default();
        tail.lock().committed.last = folded;
        tail
    }

    /// Takes what was durable before the start and is not folded yet.
    pub(super) fn begin_with(&self, records: &[LogRecord]) {
        self.add(records);
        let mut state = self.lock();
        state.committed = Committed { last: state.committed.last, ..Committed::default() };
    }

    /// Adds a commit. Called on the writer's thread before anybody is told of it.
    pub(super) fn add(&self, records: &[LogRecord]) {
        let Some(last) = records.last() else { return };
        let mut bytes = 0;
        let mut state = self.lock();
        for record in records {
            bytes += record.payload.len() as u64 + RECORD_BYTES;
            let LogRecord { position, stream, revision, .. } = *record;
            let kept = TailRecord { position, revision, payload: record.payload.clone() };
            state.streams.entry(stream).or_default().push_back(kept);
            state.note_customer(record);
        }
        state.arrivals.extend_from_slice(records);
        state.committed.last = last.position;
        state.committed.commits += 1;
        state.committed.records += records.len() as u64;
        state.committed.bytes += bytes;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if std::mem::take(&mut state.idle) {
            self.arrived.notify_one();
        }
    }

    /// What is unfolded of a stream, in order.
    pub(super) fn of(&self, stream: Stream) -> Vec<TailRecord> {
        let state = self.lock();
        state.streams.get(&stream).map(|records| records.iter().cloned().collect()).unwrap_or_default()
    }

    /// The workspaces that have something unfolded.
    pub(super) fn workspaces(&self) -> Vec<WorkspaceId> {
        let state = self.lock();
        let streams = state.streams.keys().filter_map(|stream| match stream {
            Stream::Workspace(workspace) => Some(*workspace),
            Stream::Conversation(_, _) => None,
        });
        streams.collect()
    }

    /// The conversation that a customer has now, if it began so lately.
    pub(super) fn current(
        &self,
        workspace: WorkspaceId,
        customer: &CustomerKey,
    ) -> Option<CurrentConversation> {
        self.lock().customers.get(&(workspace, customer.clone())).copied()
    }

    /// What was committed.
    pub(super) fn committed(&self) -> Committed {
        self.lock().committed
    }

    /// The bytes in it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Asks something of the fold thread.
    pub(super) fn wish(&self, wish: Wish) {
        let mut state = self.lock();
        state.wish = state.wish.max(wish);
        state.idle = false;
        self.arrived.notify_one();
    }

    /// Takes what has come, for the fold thread. Waits until something is wished or the time is over;
    /// when `idle`, also until something comes.
    pub(super) fn take(&self, idle: bool, time: Duration) -> Taken {
        let mut state = self.lock();
        state.idle = idle && state.arrivals.is_empty();
        let waiting = |state: &mut State| state.wish == Wish::None && (!idle || state.idle);
        let waited = self.arrived.wait_timeout_while(state, time, waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle = false;
        let wish = state.wish;
        if wish == Wish::Look {
            state.wish = Wish::None;
        }
        Taken { records: std::mem::take(&mut state.arrivals), wish }
    }

    /// Drops records that can be read in the store now.
    pub(super) fn drop_folded<'a>(&self, records: impl Iterator<Item = &'a LogRecord>) {
        let mut bytes = 0;
        let mut state = self.lock();
        let mut last = Position(0);
        for record in records {
            bytes += record.payload.len() as u64 + RECORD_BYTES;
            last = record.position;
            if let Some(queue) = state.streams.get_mut(&record.stream) {
                while queue.front().is_some_and(|front| front.position <= record.position) {
                    queue.pop_front();
                }
                if queue.is_empty() {
                    state.streams.remove(&record.stream);
                }
            }
        }
        state.customers.retain(|_, current| current.position > last);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A conversation names its customer in its first entry, which alone is read here.
    fn note_customer(&mut self, record: &LogRecord) {
        let Stream::Conversation(workspace, conversation) = record.stream else { return };
        if record.revision != 1 {
            return;
        }
        // One that cannot be read has no customer that could be found by it; the fold reports it.
        let Ok(entry) = decode_entry(conversation, &record.payload) else { return };
        for event in entry.events {
            if let What::Started { customer, .. } = event.what {
                let current = CurrentConversation { conversation, position: record.position };
                self.customers.insert((workspace, customer), current);
            }
        }
    }
}

/// What a record takes in the tail besides its payload, in bytes: about two of its structs.
const RECORD_BYTES: u64 = 128;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::journal::stored::encode_entry;
    use crate::journal::stored::samples::{Script, conversation_id, customer, workspace_id};
    use switchboard_protocol::vocabulary::Party;

    fn records() -> Vec<LogRecord> {
        let (workspace, conversation) = (workspace_id(1), conversation_id(1));
        let mut script = Script::new(workspace, conversation);
        let entries = [script.start(1, customer(1)), script.say(2, Party::Customer, "hello")];
        let records = entries.iter().map(|entry| {
            let mut payload = Vec::new();
            encode_entry(entry, &mut payload).unwrap();
            LogRecord {
                position: Position(entry.revision + 40),
                epoch: 1,
                stream: Stream::Conversation(workspace, conversation),
                revision: entry.revision,
                payload: payload.into(),
            }
        });
        records.collect()
    }

    #[test]
    fn what_was_added_is_read_until_it_is_folded() {
        let tail = Tail::new(Position(40));
        let records = records();
        let stream = records[0].stream;
        tail.add(&records);
        assert_eq!(tail.of(stream).len(), 2);
        let current = tail.current(workspace_id(1), &customer(1)).unwrap();
        assert_eq!((current.conversation, current.position), (conversation_id(1), Position(41)));
        assert_eq!(tail.current(workspace_id(2), &customer(1)), None);
        assert_eq!(tail.committed().last, Position(42));

        tail.drop_folded(records[..1].iter());
        assert_eq!(tail.of(stream)[0].revision, 2);
        assert_eq!(tail.current(workspace_id(1), &customer(1)), None);
        tail.drop_folded(records[1..].iter());
        assert_eq!((tail.of(stream), tail.bytes()), (vec![], 0));
    }

    #[test]
    fn the_fold_thread_takes_each_record_once_and_every_wish() {
        let tail = Tail::new(Position(40));
        let records = records();
        tail.add(&records[..1]);
        assert_eq!(tail.take(true, Duration::from_secs(60)).records, records[..1]);
        tail.add(&records[1..]);
        tail.wish(Wish::Look);
        let taken = tail.take(false, Duration::from_secs(60));
        assert_eq!((taken.records.as_slice(), taken.wish), (&records[1..], Wish::Look));
        assert_eq!(tail.take(false, Duration::ZERO).wish, Wish::None);
        tail.wish(Wish::Quit);
        tail.wish(Wish::Finish);
        assert_eq!(tail.take(true, Duration::from_secs(60)).wish, Wish::Quit);
    }
}
