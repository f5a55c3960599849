//! A door for the fuzzer, which is in no release: a session as a connection serves it, without a connection.
//!
//! Owns that each request is handed over for its credits, and that each answer and each event of a
//! subscription becomes frames. Must not know who finds the bytes.

#![allow(clippy::panic, reason = "this is how a target fails")]

use std::sync::Arc;

use serde::Serialize;
use switchboard_protocol::vocabulary::ConversationId;
use switchboard_protocol::wire::{ErrorBody, ServerFrame, ServerLimits, encode_frame};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::connection::{Welcomed, welcome};
use super::wire::{self, BadRequest, Speaker};
use crate::actors::engine::Engine;
use crate::actors::session::{Answered, Ask, DeskFollowing, Lane, Out, Refusal, SessionHandle, SessionMsg};
use crate::actors::subscription::{Delivery, Subscription};
use crate::clock;
use crate::limits;

/// A session, and what it has said.
pub struct Session {
    session: SessionHandle,
    out: UnboundedReceiver<Out>,
    speaker: Speaker,
    credits: Arc<Semaphore>,
    readers: JoinSet<()>,
    answered: Vec<u64>,
    opened: Option<ConversationId>,
}

/// What became of a frame.
pub enum Taken {
    /// It is a request, and will be answered.
    Request(u64),
    /// It was answered at once: it is none.
    Refused,
    /// It ends the session.
    Broken,
}

impl Session {
    /// Opens a session as the body of a hello wants it.
    ///
    /// # Errors
    /// As the client is told.
    pub async fn open(engine: &Engine, hello: &[u8]) -> Result<Self, ErrorBody> {
        let hello = wire::hello(hello)?;
        let Welcomed { session, out, speaker, welcome, .. } =
            welcome(&hello, engine, ServerLimits::default()).await?;
        written(&ServerFrame::Welcome(welcome));
        let credits = Arc::new(Semaphore::new(limits::UNANSWERED_REQUESTS_MAX));
        Ok(Self {
            session,
            out,
            speaker,
            credits,
            readers: JoinSet::new(),
            answered: Vec::new(),
            opened: None,
        })
    }

    /// Takes the body of a frame.
    pub async fn take(&mut self, body: &[u8]) -> Taken {
        match wire::request(body) {
            Ok((id, what)) => {
                let Some(credit) = self.credits(what.credits()).await else { return Taken::Broken };
                self.session.tell(SessionMsg::Ask(Ask { id, arrived: clock::instant(), what, credit }));
                Taken::Request(id)
            }
            Err(BadRequest { id: Some(id), error }) => {
                written(&wire::reply_frame(id, Err(error)));
                Taken::Refused
            }
            Err(BadRequest { id: None, error }) => {
                written(&ServerFrame::Error { id: None, error });
                Taken::Broken
            }
        }
    }

    /// Takes a datagram.
    pub fn datagram(&self, bytes: &[u8]) {
        if let Some((conversation, after_seq, expires_ms)) = wire::typing(bytes) {
            self.session.tell(SessionMsg::Typing(conversation, after_seq, expires_ms));
        }
    }

    /// Waits until everything is answered, and ends the session. Returns which requests were answered and which
    /// conversation was opened, or `None` when the engine has ended the session.
    pub async fn finish(mut self) -> Option<(Vec<u64>, Option<ConversationId>)> {
        let all = u32::try_from(limits::UNANSWERED_REQUESTS_MAX).unwrap_or(u32::MAX);
        let everything = self.credits(all).await;
        self.session.tell(SessionMsg::Closed);
        everything.map(|_| (self.answered, self.opened))
    }

    async fn credits(&mut self, wanted: u32) -> Option<OwnedSemaphorePermit> {
        let credits = Arc::clone(&self.credits).acquire_many_owned(wanted);
        tokio::pin!(credits);
        loop {
            tokio::select! {
                credits = &mut credits => return credits.ok(),
                out = self.out.recv() => match out? {
                    Out::Reply(id, answer, _) => self.hear(id, answer),
                    Out::Close(_) => return None,
                },
            }
        }
    }

    fn hear(&mut self, id: u64, answer: Result<Answered, Refusal>) {
        self.answered.push(id);
        let answer = match answer {
            Ok(Answered::Following(lane, subscription)) => {
                self.readers.spawn(read(lane, subscription, self.session.clone()));
                Ok(wire::subscribed(lane.number))
            }
            Ok(Answered::FollowingDesk(lane, following)) => {
                self.readers.spawn(read_desk(lane, following, self.session.clone()));
                Ok(wire::subscribed(lane.number))
            }
            Ok(answered) => {
                if let Answered::Opened(conversation) = answered {
                    self.opened = Some(conversation);
                }
                Ok(self.speaker.reply(answered))
            }
            Err(refusal) => Err(wire::error(&refusal)),
        };
        written(&wire::reply_frame(id, answer));
    }
}

async fn read(lane: Lane, mut subscription: Box<Subscription>, session: SessionHandle) {
    loop {
        match subscription.next().await {
            Delivery::Entry(entry, stamp) => {
                if let Err(gap) = wire::entry(&mut subscription, &entry, stamp.as_ref()) {
                    panic!("a subscription has a gap: {gap}");
                }
            }
            Delivery::CaughtUp(seq) => written(&wire::caught_up(seq)),
            Delivery::Cursors(cursors) => written(&wire::cursors(cursors)),
            Delivery::Typing(typing) => written(&wire::typing_for(&subscription, &typing)),
            Delivery::Ended => break,
        }
    }
    session.tell(SessionMsg::SubscriptionEnded(lane));
}

async fn read_desk(lane: Lane, following: DeskFollowing, session: SessionHandle) {
    while let Some(bytes) = wire::desk_item(following.outlet().next().await) {
        assert!(!bytes.is_empty(), "it cannot be said");
    }
    written(&wire::desk_ended());
    session.tell(SessionMsg::SubscriptionEnded(lane));
}

/// Whatever the engine says fits into a frame.
fn written(frame: &impl Serialize) {
    if let Err(error) = encode_frame(frame) {
        panic!("it cannot be said: {error}");
    }
}
