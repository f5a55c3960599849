//! What the handles, the connection's task and the readers of one client share.
//!
//! Owns the one lock of a client, what the next write carries, and who is told of an answer. Must not know
//! the transport's library or how a connection is made.

mod subscriptions;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::vocabulary::{MemberId, SessionId};
use switchboard_protocol::wire::{CodecError, ErrorBody, Op, ReplyBody, ServerLimits, Welcome, encode_frame};
use tokio::sync::{Mutex as FairMutex, Notify, oneshot, watch};
use tokio::time::Instant;

use crate::ambient::random_u64;
use crate::connection::ConnectionState;
use crate::error::{ClientError, Ending};
use crate::outstanding::{Answered, Outstanding};
use crate::subscription::Subscription;
use crate::transport::Link;

/// The answer to a request, for whoever asked.
pub(crate) type Answer = Result<ReplyBody, ClientError>;

/// One client, for everything that works for it.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// There is something for the connection's task to do.
    pub(crate) wake: Notify,
    /// There may be room in the window.
    room: Notify,
    /// Who waits for room waits in the order of asking; the holder is first.
    line: FairMutex<()>,
    pub(crate) connection: watch::Sender<ConnectionState>,
    started: Instant,
}

pub(crate) struct State {
    outstanding: Outstanding<Waiter>,
    subscriptions: Vec<Arc<Subscription>>,
    /// Subscriptions' numbers are never used again in the life of a client, so that one names its
    /// connection too.
    next_number: u32,
    /// Numbers that the server is to be told are no longer wanted.
    unwanted: Vec<u32>,
    /// A subscription may have to be asked for or given back.
    attend: bool,
    /// A subscription found no room in the window: it comes before new requests.
    crowded: bool,
    /// How many wait in line for the window.
    waiting: usize,
    link: Option<Link>,
    session: SessionId,
    member: Option<MemberId>,
    limits: ServerLimits,
    closing_since: Option<Instant>,
    ended: Option<Ending>,
    unanswered: usize,
}

/// Who waits for the answer to a request.
pub(crate) enum Waiter {
    /// A user.
    User(oneshot::Sender<Answer>),
    /// A subscription that asked under a number.
    Subscription(Arc<Subscription>, u32),
    /// Nobody.
    Nobody,
}

/// An answer with whom to tell, to be told when the lock is free again.
pub(crate) type Told = (Waiter, Result<ReplyBody, ErrorBody>);

impl Shared {
    pub(crate) fn new(welcome: &Welcome) -> Self {
        let mut outstanding = Outstanding::new();
        outstanding.set_window(welcome.limits.unanswered_requests_max);
        let state = State {
            outstanding,
            subscriptions: Vec::new(),
            next_number: 1,
            unwanted: Vec::new(),
            attend: false,
            crowded: false,
            waiting: 0,
            link: None,
            session: welcome.session,
            member: welcome.member,
            limits: welcome.limits,
            closing_since: None,
            ended: None,
            unanswered: 0,
        };
        Self {
            state: Mutex::new(state),
            wake: Notify::new(),
            room: Notify::new(),
            line: FairMutex::new(()),
            connection: watch::Sender::new(ConnectionState::Connected { session: welcome.session }),
            started: Instant::now(),
        }
    }

    /// The time since this client began.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The moment that is `since` after this client began.
    pub(crate) fn instant(&self, since: Duration) -> Instant {
        self.started + since
    }

    pub(crate) fn session(&self) -> SessionId {
        self.lock().session
    }

    pub(crate) fn member(&self) -> Option<MemberId> {
        self.lock().member
    }

    pub(crate) fn limits(&self) -> ServerLimits {
        self.lock().limits
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.lock().unanswered
    }

    /// Since when the client is to end; `None` while it is not.
    pub(crate) fn closing_since(&self) -> Option<Instant> {
        self.lock().closing_since
    }

    /// Whether every request that was made has its answer.
    pub(crate) fn is_settled(&self) -> bool {
        self.lock().outstanding.is_empty()
    }

    /// Whether a request that changes something has no answer.
    pub(crate) fn has_unanswered_change(&self) -> bool {
        self.lock().outstanding.oldest_counter().is_some()
    }

    /// Sends a datagram if there is a session.
    pub(crate) fn send_datagram(&self, datagram: Bytes) -> Result<(), ClientError> {
        let state = self.lock();
        state.open()?;
        if let Some(link) = &state.link {
            link.send_datagram(datagram);
        }
        Ok(())
    }

    /// A session has opened.
    pub(crate) fn session_opened(&self, link: Link, welcome: &Welcome) {
        let mut state = self.lock();
        state.link = Some(link);
        state.session = welcome.session;
        state.member = welcome.member;
        state.limits = welcome.limits;
        state.outstanding.set_window(welcome.limits.unanswered_requests_max);
        state.attend = true;
        drop(state);
        self.connection.send_replace(ConnectionState::Connected { session: welcome.session });
        self.room.notify_one();
    }

    /// The session is gone; what it left unanswered goes to the next one.
    pub(crate) fn session_lost(&self) {
        let mut state = self.lock();
        state.link = None;
        state.unwanted.clear();
        // Those were the subscriptions' own requests: they are asked for anew.
        drop(state.outstanding.connection_lost());
        for subscription in &state.subscriptions {
            subscription.connection_lost();
        }
        state.crowded = false;
    }

    /// Everything that is to be sent now, as frames. Returns when a subscription is next to be asked for.
    pub(crate) fn fill(&self, frames: &mut Vec<Bytes>) -> Option<Duration> {
        let mut failed = Vec::new();
        let mut state = self.lock();
        let due = if state.attend { state.ask_for_subscriptions(self.now()) } else { None };
        let bytes_max = state.limits.frame_bytes_max as usize;
        while let Some(request) = state.outstanding.next_to_send() {
            let id = request.id;
            let frame = encode_frame(request).and_then(|frame| match frame.len() - LENGTH_BYTES {
                bytes if bytes > bytes_max => Err(CodecError::TooLarge { bytes }),
                _ => Ok(frame),
            });
            match frame {
                Ok(frame) => frames.push(frame),
                Err(error) => failed.push((state.outstanding.withdraw(id), error)),
            }
        }
        let room = state.waiting > 0 && !state.crowded && state.outstanding.room(&Op::Latency).is_ok();
        drop(state);
        if room {
            self.room.notify_one();
        }
        for (waiter, error) in failed {
            if let Some(Waiter::User(user)) = waiter {
                // A user who has gone is not told.
                let _ = user.send(Err(ClientError::Request(error)));
            }
        }
        due
    }

    /// Takes the answer to a request; whom to tell is added to `told`.
    ///
    /// # Errors
    /// When no such request is unanswered: the server broke the protocol.
    pub(crate) fn answer(
        &self,
        id: u64,
        result: Result<ReplyBody, ErrorBody>,
        told: &mut Vec<Told>,
    ) -> Result<(), Ending> {
        match self.lock().outstanding.answer(id, result) {
            Answered::Done { waiter, result } => told.push((waiter, result)),
            Answered::Kept => {}
            Answered::Unknown => {
                return Err(Ending::Protocol(format!("an answer to request {id}, which has none to come")));
            }
        }
        Ok(())
    }

    /// Tells everybody whose answer has come.
    pub(crate) fn tell(&self, told: &mut Vec<Told>) {
        for (waiter, result) in told.drain(..) {
            match waiter {
                // A user who has gone is not told.
                Waiter::User(user) => drop(user.send(result.map_err(ClientError::Rejected))),
                Waiter::Subscription(subscription, number) => {
                    subscription.answered(number, &result, self.now(), random_u64());
                    self.lock().attend = true;
                }
                Waiter::Nobody => {}
            }
        }
    }

    /// The client is to end: no new requests; those made are answered first.
    pub(crate) fn begin_closing(&self) {
        self.lock().closing_since.get_or_insert_with(Instant::now);
        self.wake.notify_one();
        self.room.notify_one();
    }

    /// The client has ended; everybody who waits is told.
    pub(crate) fn end(&self, ending: &Ending) {
        let (waiters, subscriptions) = {
            let mut state = self.lock();
            state.link = None;
            state.ended = Some(ending.clone());
            let waiters = state.outstanding.drain();
            state.unanswered = waiters.iter().filter(|waiter| matches!(waiter, Waiter::User(_))).count();
            (waiters, std::mem::take(&mut state.subscriptions))
        };
        for waiter in waiters {
            if let Waiter::User(user) = waiter {
                let _ = user.send(Err(ClientError::Closed(ending.clone())));
            }
        }
        for subscription in subscriptions {
            subscription.client_ended(ending);
        }
        self.room.notify_one();
        self.connection.send_replace(ConnectionState::Closed(ending.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if it did, the state would still be whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&self) -> Result<(), ClientError> {
        match (&self.ended, self.closing_since) {
            (Some(ending), _) => Err(ClientError::Closed(ending.clone())),
            (None, Some(_)) => Err(ClientError::Closed(Ending::Done)),
            (None, None) => Ok(()),
        }
    }
}

/// The width of a frame's length.
const LENGTH_BYTES: usize = 4;
