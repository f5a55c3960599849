//! What a session sends to a conversation, and how it hears what became of it.
//!
//! Owns the promise that every errand is answered or known to be lost: an [`ErrandReply`] that is
//! dropped, because the conversation stopped or failed, says so by itself.

use std::sync::Arc;
use std::time::Instant;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::{ConversationId, Seq};

use super::conversation::ConversationMsg;
use super::outlet::Outlet;
use super::session::SessionMsg;
use crate::domain::conversation::{Command, Entry};
use crate::domain::identity::Identity;
use crate::journal::{Decisions, NoRoom};
use crate::machines::live::{Outcome, SubscriberId};
use crate::machines::route::Tag;

/// The way to a conversation that is awake: one incarnation of its actor.
#[derive(Debug, Clone)]
pub struct Way(pub ActorRef<ConversationMsg>);

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        self.0.get_id() == other.0.get_id()
    }
}

/// What a session asks of a conversation. It can be asked again of the next incarnation.
#[derive(Debug, Clone)]
pub enum Errand {
    /// A command.
    Command {
        /// Which.
        command: Arc<Command>,
        /// When it reached the engine.
        arrived: Instant,
        /// Whether it comes by a session that only looks.
        looks: bool,
    },
    /// To follow it.
    Subscribe {
        /// As which subscriber.
        subscriber: SubscriberId,
        /// From after this sequence.
        after: Seq,
        /// Whose subscription it is.
        identity: Arc<Identity>,
        /// Where entries go.
        outlet: Arc<Outlet>,
    },
    /// What was decided about its consultations.
    Explain {
        /// Whose question it is.
        identity: Arc<Identity>,
    },
    /// To read back.
    History {
        /// Whose question it is.
        identity: Arc<Identity>,
        /// Only events before this one.
        before: Option<Seq>,
        /// At most so many.
        limit: usize,
    },
}

/// The answer to an errand.
#[derive(Debug)]
pub enum ErrandAnswer {
    /// What became of a command or a subscription.
    Outcome(Outcome),
    /// The entries asked for, and whether there are earlier ones.
    History(Vec<Arc<Entry>>, bool),
    /// The decisions asked for.
    Decisions(Decisions),
    /// Not now; nothing was done.
    Unavailable(String),
    /// Not until there is room on the disk; nothing was done.
    NoRoom(NoRoom),
    /// Nobody is there for it, by a session that only looks; nothing was done.
    OnlyLooks(&'static str),
    /// It cannot be said whether it was done, now or before.
    Unknown,
    /// The conversation is set aside.
    Quarantined(String),
}

/// Whoever waits for the answer to an errand.
#[derive(Debug)]
pub struct ErrandReply {
    to: Option<ActorRef<SessionMsg>>,
    conversation: ConversationId,
    tag: Tag,
    way: Way,
}

impl ErrandReply {
    /// A session waits for what it sent along a way.
    #[must_use]
    pub const fn new(to: ActorRef<SessionMsg>, conversation: ConversationId, tag: Tag, way: Way) -> Self {
        Self { to: Some(to), conversation, tag, way }
    }

    /// Answers.
    pub fn answer(mut self, answer: ErrandAnswer) {
        if let Some(session) = self.to.take() {
            // A session that is gone needs no answer.
            let _ =
                session.cast(SessionMsg::Answered { conversation: self.conversation, tag: self.tag, answer });
        }
    }
}

impl Drop for ErrandReply {
    fn drop(&mut self) {
        if let Some(session) = self.to.take() {
            let (conversation, tag, way) = (self.conversation, self.tag, self.way.clone());
            let _ = session.cast(SessionMsg::Lost { conversation, tag, way });
        }
    }
}
