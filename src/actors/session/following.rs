//! A session's subscriptions.
//!
//! Owns their numbers, and the outlets behind them. Must not know what flows through an outlet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_protocol::vocabulary::ConversationId;

use super::routing::PendingKind;
use super::{Answered, Refusal, SessionState};
use crate::actors::conversation::ConversationMsg;
use crate::actors::desk::DeskOutlet;
use crate::actors::errand::Way;
use crate::actors::outlet::Outlet;
use crate::actors::subscription::{Subscription, SubscriptionParts};
use crate::limits;
use crate::machines::live::SubscriberId;

/// The subscriptions of a session, by the numbers that the client gave.
#[derive(Default)]
pub(super) struct Following {
    subscriptions: BTreeMap<u32, Followed>,
}

enum Followed {
    /// Not sent to its conversation yet.
    Asked,
    Conversation {
        conversation: ConversationId,
        subscriber: SubscriberId,
        outlet: Arc<Outlet>,
        way: Way,
    },
    Desk(Arc<DeskOutlet>),
}

impl Following {
    /// Takes a number for a subscription to a conversation.
    pub(super) fn begin(&mut self, subscription: u32) -> Result<(), Refusal> {
        self.insert(subscription, Followed::Asked)
    }

    /// Takes a number for a subscription to the desk.
    pub(super) fn begin_desk(&mut self, subscription: u32) -> Result<Arc<DeskOutlet>, Refusal> {
        let outlet = Arc::new(DeskOutlet::default());
        self.insert(subscription, Followed::Desk(Arc::clone(&outlet)))?;
        Ok(outlet)
    }

    /// A subscription is being sent to its conversation: with a fresh outlet, since the one before
    /// may have ended with the incarnation that had it.
    pub(super) fn sent(
        &mut self,
        subscription: u32,
        conversation: ConversationId,
        way: &Way,
    ) -> (SubscriberId, Arc<Outlet>) {
        let subscriber = SubscriberId(SUBSCRIBERS.fetch_add(1, Ordering::Relaxed));
        let outlet = Arc::new(Outlet::default());
        let followed = Followed::Conversation {
            conversation,
            subscriber,
            outlet: Arc::clone(&outlet),
            way: way.clone(),
        };
        self.subscriptions.insert(subscription, followed);
        (subscriber, outlet)
    }

    /// A subscription is over; its number is free again.
    pub(super) fn ended(&mut self, subscription: u32) {
        self.subscriptions.remove(&subscription);
    }

    /// Ends a subscription.
    pub(super) fn end(&mut self, subscription: u32) -> Result<(), Refusal> {
        match self.subscriptions.remove(&subscription) {
            Some(Followed::Conversation { subscriber, outlet, way, .. }) => leave(subscriber, &outlet, &way),
            Some(Followed::Desk(outlet)) => outlet.close(),
            Some(Followed::Asked) => {}
            None => return Err(Refusal::NoSuchSubscription(subscription)),
        }
        Ok(())
    }

    /// The way to a conversation that is followed, and as which subscriber.
    pub(super) fn way_to(&self, wanted: ConversationId) -> Option<(&Way, SubscriberId)> {
        self.subscriptions.values().find_map(|followed| match followed {
            Followed::Conversation { conversation, way, subscriber, .. } => {
                (*conversation == wanted).then_some((way, *subscriber))
            }
            Followed::Asked | Followed::Desk(_) => None,
        })
    }

    fn insert(&mut self, subscription: u32, followed: Followed) -> Result<(), Refusal> {
        if self.subscriptions.contains_key(&subscription) {
            return Err(Refusal::SubscriptionInUse(subscription));
        }
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS_MAX {
            return Err(Refusal::TooManySubscriptions);
        }
        self.subscriptions.insert(subscription, followed);
        Ok(())
    }
}

impl SessionState {
    /// The conversation has accepted a subscription.
    pub(super) fn begun_following(&mut self, kind: &PendingKind) -> Result<Answered, Refusal> {
        let PendingKind::Follow { subscription, after } = *kind else { return Err(Refusal::Fault) };
        let Some(Followed::Conversation { conversation, subscriber, outlet, way }) =
            self.following.subscriptions.get(&subscription)
        else {
            // It was ended before it began.
            return Err(Refusal::NoSuchSubscription(subscription));
        };
        let parts = SubscriptionParts {
            conversation: *conversation,
            workspace: self.ports.identity.workspace(),
            subscriber: *subscriber,
            actor: way.0.clone(),
            journal: self.ports.journal.clone(),
            outlet: Arc::clone(outlet),
            reader: self.ports.identity.reader(),
            after,
        };
        Ok(Answered::Following(subscription, Box::new(Subscription::new(parts))))
    }
}

impl Drop for Following {
    /// The session ends: so does everything that it followed.
    fn drop(&mut self) {
        for followed in self.subscriptions.values() {
            match followed {
                Followed::Conversation { subscriber, outlet, way, .. } => leave(*subscriber, outlet, way),
                Followed::Desk(outlet) => outlet.close(),
                Followed::Asked => {}
            }
        }
    }
}

/// Ends a subscription on both sides: the conversation may have a subscriber whose task was never begun,
/// which nobody else would take away.
fn leave(subscriber: SubscriberId, outlet: &Outlet, way: &Way) {
    outlet.close();
    // One that is gone has no subscribers.
    let _ = way.0.cast(ConversationMsg::Unsubscribe(subscriber));
}

/// Numbers subscribers, so that no two of one conversation share a number.
static SUBSCRIBERS: AtomicU64 = AtomicU64::new(1);
