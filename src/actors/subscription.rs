//! A subscription to a conversation, as the task that writes to the client sees it.
//!
//! Owns the joining of the journal's pages and the conversation's pushes into one sequence, by the
//! [`Feed`] machine. Must not know frames or streams.

use std::collections::VecDeque;
use std::sync::Arc;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::{ConversationId, Seq, WorkspaceId};
use tokio::sync::OwnedSemaphorePermit;

use super::conversation::ConversationMsg;
use super::outlet::{Item, Outlet, Stamp, Typing};
use crate::domain::conversation::{Entry, Seen};
use crate::domain::identity::Reader;
use crate::journal::Journal;
use crate::limits;
use crate::machines::feed::{Feed, Gap, Turn};
use crate::machines::live::{SideCursors, SubscriberId};

/// What comes next for the client.
#[derive(Debug)]
pub enum Delivery {
    /// An entry; what of it is new is said by [`Subscription::take`].
    Entry(Arc<Entry>, Option<Stamp>),
    /// Everything that was there when it subscribed has been delivered.
    CaughtUp(Seq),
    /// The latest read cursors.
    Cursors(SideCursors),
    /// The latest typing.
    Typing(Typing),
    /// It has ended; subscribing again after the last event goes on.
    Ended,
}

/// A subscription to a conversation.
pub struct Subscription {
    conversation: ConversationId,
    workspace: WorkspaceId,
    subscriber: SubscriberId,
    actor: ActorRef<ConversationMsg>,
    journal: Journal,
    outlet: Arc<Outlet>,
    feed: Feed,
    page: VecDeque<Arc<Entry>>,
    _place: Option<OwnedSemaphorePermit>,
}

/// What a subscription is connected to.
pub struct SubscriptionParts {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// As which subscriber.
    pub subscriber: SubscriberId,
    /// The conversation's actor.
    pub actor: ActorRef<ConversationMsg>,
    /// Stored state.
    pub journal: Journal,
    /// Where the conversation puts what is for this subscriber.
    pub outlet: Arc<Outlet>,
    /// Which sequence is read.
    pub reader: Reader,
    /// From after this one.
    pub after: Seq,
    /// Its place among those of its session; free again when it is dropped.
    pub place: Option<OwnedSemaphorePermit>,
}

impl Subscription {
    /// A subscription that the conversation has accepted.
    #[must_use]
    pub fn new(parts: SubscriptionParts) -> Self {
        let SubscriptionParts { conversation, workspace, subscriber, actor, journal, outlet, .. } = parts;
        let feed = Feed::new(parts.reader, parts.after);
        let (page, _place) = (VecDeque::new(), parts.place);
        Self { conversation, workspace, subscriber, actor, journal, outlet, feed, page, _place }
    }

    /// Which conversation it follows.
    #[must_use]
    pub const fn conversation(&self) -> ConversationId {
        self.conversation
    }

    /// What waits for the client.
    #[must_use]
    pub const fn outlet(&self) -> &Arc<Outlet> {
        &self.outlet
    }

    /// Which sequence it reads.
    #[must_use]
    pub const fn reader(&self) -> Reader {
        self.feed.reader()
    }

    /// The last event that was taken.
    #[must_use]
    pub const fn at(&self) -> Seq {
        self.feed.at()
    }

    /// What comes next; waits for it.
    pub async fn next(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = self.try_next() {
                return delivery;
            }
            match self.feed.turn() {
                Turn::AwaitVerdict | Turn::Forward => {
                    let item = self.outlet.next().await;
                    if let Some(delivery) = self.item(item) {
                        return delivery;
                    }
                }
                Turn::Read(after) => {
                    let (reader, bytes) = (self.feed.reader(), limits::CATCH_UP_BYTES_MAX);
                    let read =
                        self.journal.read_after(self.workspace, self.conversation, reader, after, bytes);
                    match read.await {
                        Ok(entries) if entries.is_empty() => self.feed.page_read(false),
                        Ok(entries) => self.page = entries.into(),
                        Err(error) => {
                            tracing::warn!(conversation = %self.conversation, %error, "catching up failed");
                            return Delivery::Ended;
                        }
                    }
                }
                Turn::Ask(at) => {
                    if self.actor.cast(ConversationMsg::CaughtUp(self.subscriber, at)).is_err() {
                        return Delivery::Ended;
                    }
                    self.feed.asked();
                }
            }
        }
    }

    /// What comes next, if it is at hand.
    pub fn try_next(&mut self) -> Option<Delivery> {
        if let Some(entry) = self.page.pop_front() {
            return Some(Delivery::Entry(entry, None));
        }
        while matches!(self.feed.turn(), Turn::AwaitVerdict | Turn::Forward) {
            let item = self.outlet.try_next()?;
            if let Some(delivery) = self.item(item) {
                return Some(delivery);
            }
        }
        None
    }

    /// Takes an entry that was delivered: what of it the client has not had.
    ///
    /// # Errors
    /// When something is missing in between, which ends the subscription.
    pub fn take<'a>(&mut self, entry: &'a Entry) -> Result<impl Iterator<Item = Seen<'a>> + use<'a>, Gap> {
        let taken = self.feed.take(entry)?;
        if self.page.is_empty() && matches!(self.feed.turn(), Turn::Read(_)) {
            self.feed.page_read(true);
        }
        Ok(taken)
    }

    fn item(&mut self, item: Item) -> Option<Delivery> {
        match item {
            Item::Verdict(verdict) => {
                self.feed.verdict(verdict).then_some(Delivery::CaughtUp(self.feed.at()))
            }
            Item::Entry((entry, stamp)) => Some(Delivery::Entry(entry, Some(stamp))),
            Item::Lagging => {
                self.feed.lagging();
                None
            }
            Item::Cursors(cursors) => Some(Delivery::Cursors(cursors)),
            Item::Typing(typing) => Some(Delivery::Typing(typing)),
            Item::Ended => Some(Delivery::Ended),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // One that is gone has no subscribers.
        let _ = self.actor.cast(ConversationMsg::Unsubscribe(self.subscriber));
    }
}
