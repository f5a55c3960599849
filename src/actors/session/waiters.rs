//! A session that waits for its workspace.
//!
//! Owns the promise that it hears something: a reply that is dropped says that the workspace is gone.

use ractor::ActorRef;
use switchboard_protocol::vocabulary::ConversationId;

use super::SessionMsg;
use crate::actors::errand::Way;
use crate::domain::message::Message;

/// Where a conversation is.
#[derive(Debug)]
pub enum Located {
    /// There.
    At(Way),
    /// Set aside, and why.
    Quarantined(String),
}

/// A session that waits for the way to a conversation.
#[derive(Debug)]
pub struct LocateReply {
    to: Option<ActorRef<SessionMsg>>,
    conversation: ConversationId,
}

impl LocateReply {
    /// A session waits for the way to a conversation.
    #[must_use]
    pub const fn new(to: ActorRef<SessionMsg>, conversation: ConversationId) -> Self {
        Self { to: Some(to), conversation }
    }

    /// It is there.
    pub fn found(self, way: Way) {
        self.say(Located::At(way));
    }

    /// It is set aside.
    pub fn quarantined(self, reason: String) {
        self.say(Located::Quarantined(reason));
    }

    fn say(mut self, located: Located) {
        if let Some(session) = self.to.take() {
            // A session that is gone needs no way.
            let _ = session.cast(SessionMsg::Located(self.conversation, located));
        }
    }
}

impl Drop for LocateReply {
    fn drop(&mut self) {
        if let Some(session) = self.to.take() {
            let _ = session.cast(SessionMsg::WorkspaceGone);
        }
    }
}

/// A session that waits for its customer's conversation.
#[derive(Debug)]
pub struct OpenReply {
    to: Option<ActorRef<SessionMsg>>,
    ask: u64,
    greeting: Option<Message>,
}

impl OpenReply {
    /// A session waits, because of a question of its client.
    #[must_use]
    pub const fn new(to: ActorRef<SessionMsg>, ask: u64) -> Self {
        Self { to: Some(to), ask, greeting: None }
    }

    /// The same with what the bot says first.
    #[must_use]
    pub fn with_greeting(mut self, greeting: Option<Message>) -> Self {
        self.greeting = greeting;
        self
    }

    /// This is it.
    pub fn opened(self, conversation: ConversationId) {
        self.say(Ok(conversation));
    }

    /// It cannot be had now.
    pub fn unavailable(self, why: &str) {
        self.say(Err(why.to_owned()));
    }

    fn say(mut self, found: Result<ConversationId, String>) {
        if let Some(session) = self.to.take() {
            let greeting = self.greeting.take();
            // A session that is gone needs no conversation.
            let _ = session.cast(SessionMsg::Opened { ask: self.ask, found, greeting });
        }
    }
}

impl Drop for OpenReply {
    fn drop(&mut self) {
        if let Some(session) = self.to.take() {
            let _ = session.cast(SessionMsg::WorkspaceGone);
        }
    }
}
