//! A session's subscriptions.
//!
//! Owns their numbers, and the outlets behind them. Must not know what flows through an outlet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use switchboard_protocol::vocabulary::ConversationId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
pub(super) struct Following {
    subscriptions: BTreeMap<u32, (Lane, Followed)>,
    last_serial: u64,
    /// One for each subscription that takes memory: those that have a number, and those whose task has not
    /// noticed yet that they have none any more.
    places: Arc<Semaphore>,
}

/// A subscription: the number that the client gave, and which of those that have had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    /// The client's number.
    pub number: u32,
    /// Unlike that of any other subscription of the session.
    pub(super) serial: u64,
}

enum Followed {
    /// Not sent to its conversation yet.
    Asked(OwnedSemaphorePermit),
    Conversation {
        conversation: ConversationId,
        subscriber: SubscriberId,
        outlet: Arc<Outlet>,
        way: Way,
        /// Its place, until it begins.
        place: Option<OwnedSemaphorePermit>,
    },
    Desk(Arc<DeskOutlet>),
}

/// A subscription to the desk, as the task that writes to the client sees it.
#[derive(Debug)]
pub struct DeskFollowing {
    outlet: Arc<DeskOutlet>,
    _place: OwnedSemaphorePermit,
}

impl DeskFollowing {
    /// What is for the client.
    #[must_use]
    pub const fn outlet(&self) -> &Arc<DeskOutlet> {
        &self.outlet
    }
}

impl Default for Following {
    fn default() -> Self {
        let places = Arc::new(Semaphore::new(limits::LANES_MAX));
        Self { subscriptions: BTreeMap::new(), last_serial: 0, places }
    }
}

impl Following {
    /// Takes a number for a subscription to a conversation.
    pub(super) fn begin(&mut self, number: u32) -> Result<Lane, Refusal> {
        let place = self.place(number)?;
        Ok(self.insert(number, Followed::Asked(place)))
    }

    /// Takes a number for a subscription to the desk. One is enough.
    pub(super) fn begin_desk(&mut self, number: u32) -> Result<(Lane, DeskFollowing), Refusal> {
        let place = self.place(number)?;
        let desk = self.subscriptions.values().find(|(_, followed)| matches!(followed, Followed::Desk(_)));
        if let Some((lane, _)) = desk {
            return Err(Refusal::SubscriptionInUse(lane.number));
        }
        let outlet = Arc::new(DeskOutlet::default());
        let lane = self.insert(number, Followed::Desk(Arc::clone(&outlet)));
        Ok((lane, DeskFollowing { outlet, _place: place }))
    }

    /// A subscription is being sent to its conversation: with a fresh outlet, since the one before
    /// may have ended with the incarnation that had it. `false`: it was ended before it was sent.
    pub(super) fn sent(
        &mut self,
        lane: Lane,
        conversation: ConversationId,
        way: &Way,
    ) -> (SubscriberId, Arc<Outlet>, bool) {
        let subscriber = SubscriberId(SUBSCRIBERS.fetch_add(1, Ordering::Relaxed));
        let outlet = Arc::new(Outlet::default());
        let Some((_, followed)) = self.subscriptions.get_mut(&lane.number).filter(|(kept, _)| *kept == lane)
        else {
            return (subscriber, outlet, false);
        };
        let way = way.clone();
        let sent = Followed::Conversation {
            conversation,
            subscriber,
            outlet: Arc::clone(&outlet),
            way,
            place: None,
        };
        let before = std::mem::replace(followed, sent);
        if let (
            Followed::Conversation { place, .. },
            Followed::Asked(kept) | Followed::Conversation { place: Some(kept), .. },
        ) = (followed, before)
        {
            *place = Some(kept);
        }
        (subscriber, outlet, true)
    }

    /// A subscription is over; its number is free again, unless another has it already.
    pub(super) fn ended(&mut self, lane: Lane) {
        if self.subscriptions.get(&lane.number).is_some_and(|(kept, _)| *kept == lane) {
            self.subscriptions.remove(&lane.number);
        }
    }

    /// Ends a subscription.
    pub(super) fn end(&mut self, number: u32) -> Result<(), Refusal> {
        match self.subscriptions.remove(&number) {
            Some((_, followed)) => followed.leave(),
            None => return Err(Refusal::NoSuchSubscription(number)),
        }
        Ok(())
    }

    /// The way to a conversation that is followed, and as which subscriber.
    pub(super) fn way_to(&self, wanted: ConversationId) -> Option<(&Way, SubscriberId)> {
        self.subscriptions.values().find_map(|(_, followed)| match followed {
            Followed::Conversation { conversation, way, subscriber, .. } => {
                (*conversation == wanted).then_some((way, *subscriber))
            }
            Followed::Asked(_) | Followed::Desk(_) => None,
        })
    }

    fn place(&self, number: u32) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.subscriptions.contains_key(&number) {
            return Err(Refusal::SubscriptionInUse(number));
        }
        if self.subscriptions.len() >= limits::SUBSCRIPTIONS_MAX {
            return Err(Refusal::TooManySubscriptions);
        }
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::TooManySubscriptions)
    }

    fn insert(&mut self, number: u32, followed: Followed) -> Lane {
        self.last_serial += 1;
        let lane = Lane { number, serial: self.last_serial };
        self.subscriptions.insert(number, (lane, followed));
        lane
    }
}

impl Followed {
    /// Ends it on both sides.
    fn leave(&self) {
        match self {
            Self::Conversation { subscriber, outlet, way, .. } => leave(*subscriber, outlet, way),
            Self::Desk(outlet) => outlet.abandon(),
            Self::Asked(_) => {}
        }
    }
}

impl SessionState {
    /// The conversation has accepted a subscription.
    pub(super) fn begun_following(&mut self, kind: &PendingKind) -> Result<Answered, Refusal> {
        let PendingKind::Follow { lane, after } = *kind else { return Err(Refusal::Fault) };
        let kept = self.following.subscriptions.get_mut(&lane.number).filter(|(kept, _)| *kept == lane);
        let Some((
            _,
            Followed::Conversation { conversation, subscriber, outlet, way, place: place @ Some(_) },
        )) = kept
        else {
            // It was ended before it began.
            return Err(Refusal::NoSuchSubscription(lane.number));
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
            place: place.take(),
        };
        Ok(Answered::Following(lane, Box::new(Subscription::new(parts))))
    }
}

impl Drop for Following {
    /// The session ends: so does everything that it followed.
    fn drop(&mut self) {
        self.subscriptions.values().for_each(|(_, followed)| followed.leave());
    }
}

/// Ends a subscription on both sides: the conversation may have a subscriber whose task was never begun,
/// which nobody else would take away.
pub(super) fn leave(subscriber: SubscriberId, outlet: &Outlet, way: &Way) {
    outlet.abandon();
    // One that is gone has no subscribers.
    let _ = way.0.cast(ConversationMsg::Unsubscribe(subscriber));
}

/// Numbers subscribers, so that no two of one conversation share a number.
static SUBSCRIBERS: AtomicU64 = AtomicU64::new(1);
