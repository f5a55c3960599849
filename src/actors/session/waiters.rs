//! A session that waits for its workspace.
//!
//! Owns the promise that it hears something: a reply that is dropped says that the workspace is gone.

use std::sync::Arc;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::{ConversationId, MemberId, ProfileId};
use tokio::sync::OwnedSemaphorePermit;

use super::{Answered, Lane, Refusal, SessionMsg};
use crate::actors::errand::Way;
use crate::domain::listing::Wish;
use crate::domain::message::Message;
use crate::domain::search::Query;
use crate::domain::workspace::{Changed, Workspace};
use crate::machines::openings::Named;

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
    opening: u64,
    greeting: Option<Message>,
}

impl OpenReply {
    /// A session waits, with an opening of this number.
    #[must_use]
    pub const fn new(to: ActorRef<SessionMsg>, opening: u64) -> Self {
        Self { to: Some(to), opening, greeting: None }
    }

    /// The same with what the bot says first.
    #[must_use]
    pub fn with_greeting(mut self, greeting: Option<Message>) -> Self {
        self.greeting = greeting;
        self
    }

    /// This is it.
    pub fn opened(self, named: Named) {
        self.say(Ok(named));
    }

    /// It cannot be had now.
    pub fn unavailable(self, why: &str) {
        self.say(Err(why.to_owned()));
    }

    fn say(mut self, found: Result<Named, String>) {
        if let Some(session) = self.to.take() {
            let greeting = self.greeting.take();
            // A session that is gone needs no conversation.
            let _ = session.cast(SessionMsg::Opened { opening: self.opening, found, greeting });
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

/// What a workspace says of the conversations that it has set aside.
#[derive(Debug)]
pub enum SetAside {
    /// These, each with the reason, and whether there are more.
    List(Vec<(ConversationId, String)>, bool),
    /// One is no longer set aside.
    Released(ConversationId),
}

/// Which settings are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsOf {
    /// The team's.
    Team,
    /// The members, after this one.
    Members(Option<MemberId>),
    /// The profiles, after this one.
    Profiles(Option<ProfileId>),
    /// A profile's assignment.
    Assignment(ProfileId),
    /// A profile's hours.
    Hours(ProfileId),
    /// A profile's bot.
    Bot(ProfileId),
    /// What a profile's bot says first.
    Greeting(ProfileId),
    /// Where a profile's bot goes on when a consultation is completed.
    Completion(ProfileId),
}

impl SettingsOf {
    /// The profile whose settings they are.
    #[must_use]
    pub const fn profile(self) -> Option<ProfileId> {
        match self {
            Self::Team | Self::Members(_) | Self::Profiles(_) => None,
            Self::Assignment(profile)
            | Self::Hours(profile)
            | Self::Bot(profile)
            | Self::Greeting(profile)
            | Self::Completion(profile) => Some(profile),
        }
    }
}

/// What a workspace says of its settings.
#[derive(Debug)]
pub enum Told {
    /// One was changed.
    Changed(Changed),
    /// It was changed long ago.
    AcceptedLongAgo,
    /// They are these, and of these the ones that were asked for.
    Settings(Arc<Workspace>, SettingsOf),
}

/// A session that asks its workspace, because of a question of its client.
#[derive(Debug)]
pub struct WorkspaceReply {
    to: ActorRef<SessionMsg>,
    owed: Option<(u64, OwnedSemaphorePermit)>,
}

impl WorkspaceReply {
    /// A session waits, with a question and its credit.
    #[must_use]
    pub const fn new(to: ActorRef<SessionMsg>, ask: u64, credit: OwnedSemaphorePermit) -> Self {
        Self { to, owed: Some((ask, credit)) }
    }

    /// Answers.
    pub fn answer(mut self, answer: Result<Answered, Refusal>) {
        if let Some((ask, credit)) = self.owed.take() {
            // A session that is gone needs no answer.
            let _ = self.to.cast(SessionMsg::Replied(ask, answer, credit));
        }
    }

    /// Answers that nothing is followed, whose number is free again.
    pub fn not_following(self, lane: Lane, refusal: Refusal) {
        // It comes before the answer: whoever has that may use the number.
        let _ = self.to.cast(SessionMsg::SubscriptionEnded(lane));
        self.answer(Err(refusal));
    }
}

impl Drop for WorkspaceReply {
    fn drop(&mut self) {
        if self.owed.is_some() {
            let _ = self.to.cast(SessionMsg::WorkspaceGone);
        }
    }
}

/// A page of a search that a member wants.
#[derive(Debug)]
pub struct WantedSearch {
    /// Who.
    pub member: MemberId,
    /// What is searched for.
    pub query: Query,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}

/// A page of the lists that a member wants.
#[derive(Debug)]
pub struct WantedPage {
    /// Who.
    pub member: MemberId,
    /// Of which lists.
    pub wish: Wish,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most so many rows.
    pub limit: usize,
}
