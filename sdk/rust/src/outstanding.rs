//! The requests that have no answer yet.
//!
//! Owns their counters, the window that bounds them, the order in which they are sent and sent
//! again, and the match of answers to them. A plain state machine, for the SDK and for simulators
//! and other transports. Must not know time, sockets, run-times or who waits for an answer: that
//! is the type parameter `W`, handed back with the answer.

use std::collections::VecDeque;

use switchboard_protocol::wire::{ErrorBody, ErrorCode, Op, ReplyBody, Request, UNANSWERED_REQUESTS_MAX};

/// Why no further request may be made for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowFull {
    /// As many requests as are allowed have no answer.
    #[error("{0} requests have no answer")]
    Count(u64),
    /// The next counter would be too far above the oldest one without an answer.
    #[error("the oldest unanswered counter is {0} behind")]
    Span(u64),
}

/// A request that found no room; given back whole.
#[derive(Debug)]
pub struct NoRoom<W> {
    /// Which bound was reached.
    pub why: WindowFull,
    /// The operation.
    pub op: Op,
    /// Who would have waited.
    pub waiter: W,
}

/// What an answer meant.
#[derive(Debug)]
pub enum Answered<W> {
    /// The request is done: tell its waiter.
    Done {
        /// Who waited.
        waiter: W,
        /// The answer, or why the request was refused.
        result: Result<ReplyBody, ErrorBody>,
    },
    /// The engine is stopping: the request stays unanswered, to be sent again on the next connection.
    Kept,
    /// No request of that number was sent on this connection. The peer broke the protocol.
    Unknown,
}

/// The unanswered requests of one client instance, oldest first.
///
/// A request belongs to the instance and outlives connections, except those that speak about a
/// connection's own subscriptions ([`is_bound`]): they die with it.
#[derive(Debug)]
pub struct Outstanding<W> {
    entries: VecDeque<Entry<W>>,
    next_id: u64,
    next_n: u64,
    window: u64,
    unsent: usize,
}

#[derive(Debug)]
struct Entry<W> {
    request: Request,
    waiter: W,
    place: Place,
}

/// Where a request is, as far as this end knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// To be sent on this connection, or on the next one.
    Unsent,
    /// Sent on this connection.
    Sent,
    /// Refused by an engine that is stopping; to be sent on the next connection.
    Held,
}

impl<W> Default for Outstanding<W> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            next_id: 1,
            next_n: 1,
            window: UNANSWERED_REQUESTS_MAX as u64,
            unsent: 0,
        }
    }
}

impl<W> Outstanding<W> {
    /// Nothing outstanding, counters at 1, the protocol's own window.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the server's window: the most requests without an answer, and the widest span of
    /// their counters. Never above the protocol's own, never below one.
    pub fn set_window(&mut self, requests: u32) {
        self.window = u64::from(requests).clamp(1, UNANSWERED_REQUESTS_MAX as u64);
    }

    /// Whether a request would find room.
    ///
    /// # Errors
    /// The bound that is reached.
    pub fn room(&self, op: &Op) -> Result<(), WindowFull> {
        let unanswered = self.entries.len() as u64;
        if unanswered >= self.window {
            return Err(WindowFull::Count(unanswered));
        }
        match self.oldest_counter() {
            // The newest counter is at most window − 1 above the oldest: together they are as many
            // counters as the engine keeps answers, so that the oldest one's is still there.
            Some(oldest) if op.changes() && self.next_n - oldest >= self.window => {
                Err(WindowFull::Span(self.next_n - oldest))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Adds a request, gives it its number and, when it changes something, its counter. It is to
    /// be sent after everything added before it. Returns its number.
    ///
    /// # Errors
    /// [`NoRoom`], with everything given back, when the window is full.
    pub fn begin(&mut self, op: Op, waiter: W) -> Result<u64, NoRoom<W>> {
        if let Err(why) = self.room(&op) {
            return Err(NoRoom { why, op, waiter });
        }
        let n = op.changes().then(|| {
            self.next_n += 1;
            self.next_n - 1
        });
        let id = self.next_id;
        self.next_id += 1;
        self.entries.push_back(Entry { request: Request { id, n, op }, waiter, place: Place::Unsent });
        self.unsent += 1;
        Ok(id)
    }

    /// The next request to send on this connection, from then on counted as sent. `None` when
    /// everything is sent, or when the server's window (which may have shrunk) is full.
    pub fn next_to_send(&mut self) -> Option<&Request> {
        if self.unsent == 0 {
            return None;
        }
        let mut sent = 0;
        let mut oldest_sent = None;
        for entry in &mut self.entries {
            match entry.place {
                Place::Sent => {
                    sent += 1;
                    oldest_sent = oldest_sent.or(entry.request.n);
                }
                Place::Held => oldest_sent = oldest_sent.or(entry.request.n),
                Place::Unsent => {
                    let far = oldest_sent.zip(entry.request.n).is_some_and(|(old, n)| n - old >= self.window);
                    if far || sent >= self.window {
                        return None;
                    }
                    entry.place = Place::Sent;
                    self.unsent -= 1;
                    return Some(&entry.request);
                }
            }
        }
        None
    }

    /// Takes the answer to request `id`.
    pub fn answer(&mut self, id: u64, result: Result<ReplyBody, ErrorBody>) -> Answered<W> {
        let Some(at) = self.entries.iter().position(|entry| entry.request.id == id) else {
            return Answered::Unknown;
        };
        let entry = &mut self.entries[at];
        if entry.place != Place::Sent {
            return Answered::Unknown;
        }
        let stopping = matches!(&result, Err(error) if error.code() == Some(ErrorCode::Stopping));
        if stopping && !is_bound(&entry.request.op) {
            entry.place = Place::Held;
            return Answered::Kept;
        }
        match self.entries.remove(at) {
            Some(entry) => Answered::Done { waiter: entry.waiter, result },
            None => Answered::Unknown,
        }
    }

    /// The connection is gone: everything unanswered is to be sent again in the original order,
    /// with the same counters. Requests bound to the connection are dropped; their waiters are
    /// returned.
    pub fn connection_lost(&mut self) -> Vec<W> {
        let mut dropped = Vec::new();
        for mut entry in std::mem::take(&mut self.entries) {
            if is_bound(&entry.request.op) {
                dropped.push(entry.waiter);
            } else {
                entry.place = Place::Unsent;
                self.entries.push_back(entry);
            }
        }
        self.unsent = self.entries.len();
        dropped
    }

    /// Takes one request back that cannot be sent; its waiter is returned.
    pub fn withdraw(&mut self, id: u64) -> Option<W> {
        let at = self.entries.iter().position(|entry| entry.request.id == id)?;
        let entry = self.entries.remove(at)?;
        self.unsent -= usize::from(entry.place == Place::Unsent);
        Some(entry.waiter)
    }

    /// Gives everything up and returns who waited, oldest first.
    pub fn drain(&mut self) -> Vec<W> {
        self.unsent = 0;
        self.entries.drain(..).map(|entry| entry.waiter).collect()
    }

    /// How many requests have no answer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether every request has its answer.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether something is to be sent.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.unsent > 0
    }

    /// The oldest counter without an answer.
    #[must_use]
    pub fn oldest_counter(&self) -> Option<u64> {
        self.entries.iter().find_map(|entry| entry.request.n)
    }
}

/// Whether a request speaks about its connection's own subscriptions, and so is never resent.
#[must_use]
pub const fn is_bound(op: &Op) -> bool {
    match op {
        Op::Subscribe { .. } | Op::Unsubscribe { .. } => true,
        Op::Open
        | Op::Post { .. }
        | Op::Read { .. }
        | Op::Received { .. }
        | Op::Join { .. }
        | Op::Leave { .. }
        | Op::Call { .. }
        | Op::Cancel { .. }
        | Op::Take { .. }
        | Op::Transfer { .. }
        | Op::Complete { .. }
        | Op::Describe { .. }
        | Op::Customer { .. }
        | Op::Search { .. }
        | Op::End { .. }
        | Op::History { .. }
        | Op::Explain { .. }
        | Op::Consultations { .. }
        | Op::List { .. }
        | Op::Quarantined
        | Op::Release { .. }
        | Op::Settings { .. }
        | Op::Change { .. }
        | Op::Status { .. }
        | Op::Audit { .. }
        | Op::Waiting
        | Op::Latency
        | Op::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};
    use switchboard_protocol::vocabulary::Timestamp;

    const SUBSCRIBE: Op = Op::Unsubscribe { subscription: 1 };

    fn accepted() -> ReplyBody {
        ReplyBody::Accepted { seq: None, at: Timestamp::from_millis(0) }
    }

    fn send_all(outstanding: &mut Outstanding<u32>) -> Vec<(u64, Option<u64>)> {
        std::iter::from_fn(|| outstanding.next_to_send().map(|request| (request.id, request.n))).collect()
    }

    #[test]
    fn only_what_changes_something_takes_a_counter() {
        let mut outstanding = Outstanding::new();
        for (at, op) in [Op::Open, Op::Latency, Op::Open].into_iter().enumerate() {
            outstanding.begin(op, at as u32).unwrap();
        }
        assert_eq!(send_all(&mut outstanding), [(1, Some(1)), (2, None), (3, Some(2))]);
        assert_eq!(send_all(&mut outstanding), []);
    }

    #[test]
    fn the_window_bounds_the_count_and_the_span() {
        let mut outstanding = Outstanding::new();
        outstanding.set_window(3);
        outstanding.begin(Op::Open, 0).unwrap();
        send_all(&mut outstanding);
        for n in 2..=3 {
            let id = outstanding.begin(Op::Open, n).unwrap();
            send_all(&mut outstanding);
            assert!(matches!(outstanding.answer(id, Ok(accepted())), Answered::Done { .. }));
        }
        assert_eq!(outstanding.room(&Op::Open), Err(WindowFull::Span(3)));
        assert_eq!(outstanding.room(&Op::Latency), Ok(()));
        outstanding.begin(Op::Latency, 4).unwrap();
        outstanding.begin(Op::Latency, 5).unwrap();
        assert_eq!(outstanding.begin(Op::Latency, 6).unwrap_err().why, WindowFull::Count(3));
    }

    #[test]
    fn a_lost_connection_resends_in_order_without_what_was_bound_to_it() {
        let mut outstanding = Outstanding::new();
        for (at, op) in [Op::Open, SUBSCRIBE, Op::Latency, Op::Open].into_iter().enumerate() {
            outstanding.begin(op, at as u32).unwrap();
        }
        send_all(&mut outstanding);
        assert_eq!(outstanding.connection_lost(), [1]);
        assert_eq!(send_all(&mut outstanding), [(1, Some(1)), (3, None), (4, Some(2))]);
    }

    #[test]
    fn a_stopping_engine_leaves_the_request_for_the_next_connection() {
        let mut outstanding = Outstanding::new();
        let id = outstanding.begin(Op::Open, 7).unwrap();
        send_all(&mut outstanding);
        let stopping = Err(ErrorBody::new(ErrorCode::Stopping, "stopping"));
        assert!(matches!(outstanding.answer(id, stopping), Answered::Kept));
        assert_eq!(send_all(&mut outstanding), []);
        outstanding.connection_lost();
        assert_eq!(send_all(&mut outstanding), [(id, Some(1))]);
        assert!(matches!(outstanding.answer(id, Ok(accepted())), Answered::Done { waiter: 7, .. }));
    }

    #[test]
    fn an_answer_to_what_was_not_sent_here_is_not_taken() {
        let mut outstanding = Outstanding::new();
        let id = outstanding.begin(Op::Open, 7).unwrap();
        assert!(matches!(outstanding.answer(id, Ok(accepted())), Answered::Unknown));
        send_all(&mut outstanding);
        outstanding.connection_lost();
        assert!(matches!(outstanding.answer(id, Ok(accepted())), Answered::Unknown));
        assert_eq!(outstanding.len(), 1);
    }

    /// What may happen in any order.
    #[derive(Debug, Clone)]
    enum Act {
        Begin(Op),
        Send,
        /// The server takes the oldest request on its way.
        Serve,
        /// The server refuses it because it is stopping.
        ServeStopping,
        /// The server refuses it for another reason.
        ServeRefusal,
        /// The answer at this place of those on their way arrives; they may overtake each other.
        Arrive(usize),
        Cut,
        Window(u32),
    }

    fn acts() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => prop_oneof![Just(Op::Open), Just(Op::Latency), Just(SUBSCRIBE)].prop_map(Act::Begin),
            6 => Just(Act::Send),
            6 => Just(Act::Serve),
            1 => Just(Act::ServeStopping),
            1 => Just(Act::ServeRefusal),
            6 => (0..4_usize).prop_map(Act::Arrive),
            1 => Just(Act::Cut),
            1 => (1..40_u32).prop_map(Act::Window),
        ]
    }

    /// A plain server: what it did for each counter, and a ring of its last answers.
    #[derive(Default)]
    struct Server {
        last_n: u64,
        answers: BTreeMap<u64, u64>,
        done: Vec<u64>,
        inbox: VecDeque<Request>,
        replies: Vec<(u64, Result<ReplyBody, ErrorBody>)>,
    }

    impl Server {
        /// Carries out one request; true when it needed an answer that is not kept any more.
        fn serve(&mut self) -> bool {
            let Some(request) = self.inbox.pop_front() else { return false };
            if let Some(n) = request.n {
                if self.answers.contains_key(&n) {
                    self.replies.push((request.id, Ok(accepted())));
                    return false;
                }
                if n <= self.last_n && self.done.contains(&n) {
                    return true;
                }
                self.done.push(n);
                self.last_n = self.last_n.max(n);
                self.answers.insert(n, request.id);
                while self.answers.len() > UNANSWERED_REQUESTS_MAX {
                    self.answers.pop_first();
                }
            }
            self.replies.push((request.id, Ok(accepted())));
            false
        }

        fn refuse(&mut self, code: ErrorCode) {
            if let Some(request) = self.inbox.pop_front() {
                self.replies.push((request.id, Err(ErrorBody::new(code, "not now"))));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// Whatever is lost and resent: each waiter hears once, each change is made once, the
        /// server always still has the answer, and requests leave in order within the window.
        #[test]
        fn each_request_is_answered_once_and_each_change_made_once(
            acts in proptest::collection::vec(acts(), 1..200),
        ) {
            let mut outstanding = Outstanding::new();
            let mut server = Server::default();
            let mut waiting = BTreeSet::new();
            let mut begun = 0_u32;
            let mut sent_here: Vec<u64> = Vec::new();
            let mut changes_begun = 0;
            for act in acts {
                match act {
                    Act::Begin(op) => {
                        let changes = op.changes();
                        if outstanding.begin(op, begun).is_ok() {
                            waiting.insert(begun);
                            begun += 1;
                            changes_begun += u64::from(changes);
                        }
                    }
                    Act::Send => {
                        if let Some(request) = outstanding.next_to_send() {
                            prop_assert!(sent_here.last().is_none_or(|last| *last < request.id));
                            sent_here.push(request.id);
                            server.inbox.push_back(request.clone());
                        }
                    }
                    Act::Serve => prop_assert!(!server.serve(), "the answer was forgotten"),
                    Act::ServeStopping => server.refuse(ErrorCode::Stopping),
                    Act::ServeRefusal => server.refuse(ErrorCode::Unavailable),
                    Act::Arrive(at) if at < server.replies.len() => {
                        let (id, result) = server.replies.remove(at);
                        match outstanding.answer(id, result) {
                            Answered::Done { waiter, .. } => prop_assert!(waiting.remove(&waiter)),
                            Answered::Kept => {}
                            Answered::Unknown => prop_assert!(false, "{id} was sent"),
                        }
                    }
                    Act::Arrive(_) => {}
                    Act::Cut => {
                        for waiter in outstanding.connection_lost() {
                            prop_assert!(waiting.remove(&waiter));
                        }
                        server.inbox.clear();
                        server.replies.clear();
                        sent_here.clear();
                    }
                    Act::Window(window) => outstanding.set_window(window),
                }
                prop_assert_eq!(outstanding.len(), waiting.len());
                prop_assert!(outstanding.len() <= UNANSWERED_REQUESTS_MAX);
            }
            // At last everything settles.
            for waiter in outstanding.connection_lost() {
                prop_assert!(waiting.remove(&waiter));
            }
            server.inbox.clear();
            server.replies.clear();
            while !outstanding.is_empty() {
                let request = outstanding.next_to_send().unwrap().clone();
                server.inbox.push_back(request);
                prop_assert!(!server.serve(), "the answer was forgotten");
                let (id, result) = server.replies.pop().unwrap();
                if let Answered::Done { waiter, .. } = outstanding.answer(id, result) {
                    prop_assert!(waiting.remove(&waiter));
                }
            }
            prop_assert!(waiting.is_empty());
            let unique: BTreeSet<u64> = server.done.iter().copied().collect();
            prop_assert_eq!(unique.len(), server.done.len());
            prop_assert!(server.done.iter().all(|n| *n <= changes_begun));
        }
    }
}
