//! A client's live subscriptions.
//!
//! Owns which there are, under which numbers they are asked for, and when. Must not know what their
//! streams bring.

use std::sync::Arc;
use std::time::Duration;

use switchboard_protocol::wire::{Op, Typing};

use super::{Shared, State, Waiter};
use crate::error::ClientError;
use crate::subscription::Subscription;
use crate::transport::SUBSCRIPTIONS_MAX;

impl Shared {
    /// Adds a subscription; it is asked for as soon as there is room.
    pub(crate) fn subscribe(&self, subscription: Arc<Subscription>) -> Result<(), ClientError> {
        let mut state = self.lock();
        state.open()?;
        let live = state.subscriptions.len();
        let max = SUBSCRIPTIONS_MAX.min(state.limits.subscriptions_max as usize);
        if live >= max {
            return Err(ClientError::TooManySubscriptions { live, max });
        }
        state.subscriptions.push(subscription);
        state.attend = true;
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Its user has gone.
    pub(crate) fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        let unwanted = subscription.leave();
        let mut state = self.lock();
        state.subscriptions.retain(|known| !Arc::ptr_eq(known, subscription));
        if state.ended.is_none() {
            state.unwanted.extend(unwanted);
            state.attend = true;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// A subscription has to be asked for again, or is over.
    pub(crate) fn attend(&self) {
        self.lock().attend = true;
        self.wake.notify_one();
    }

    /// Which subscription a stream carries.
    pub(crate) fn carried(&self, number: u32) -> Option<Arc<Subscription>> {
        self.lock().subscriptions.iter().find(|subscription| subscription.number() == number).cloned()
    }

    /// Gives typing to whoever follows the conversation.
    pub(crate) fn typing(&self, typing: &Typing) {
        let state = self.lock();
        for subscription in &state.subscriptions {
            if subscription.conversation() == Some(typing.conversation) {
                subscription.typing(typing);
            }
        }
    }
}

impl State {
    /// Makes the requests that subscriptions need now. Returns when the next one is due.
    pub(super) fn ask_for_subscriptions(&mut self, now: Duration) -> Option<Duration> {
        self.crowded = false;
        self.subscriptions.retain(|subscription| match subscription.take_unwanted() {
            Some(number) => {
                self.unwanted.push(number);
                !subscription.is_over()
            }
            None => !subscription.is_over(),
        });
        while let Some(subscription) = self.unwanted.first().copied() {
            if self.outstanding.begin(Op::Unsubscribe { subscription }, Waiter::Nobody).is_err() {
                self.crowded = true;
                return None;
            }
            self.unwanted.remove(0);
        }
        let mut next = None::<Duration>;
        for subscription in &self.subscriptions {
            let Some(due) = subscription.due() else { continue };
            if due > now {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let number = self.next_number;
            let op = Op::Subscribe { subscription: number, topic: subscription.topic() };
            if self.outstanding.room(&op).is_err() {
                self.crowded = true;
                return None;
            }
            self.next_number = self.next_number.wrapping_add(1);
            subscription.asked(number);
            // There is room: that was just asked.
            let _ = self.outstanding.begin(op, Waiter::Subscription(Arc::clone(subscription), number));
        }
        // What is due later is looked at again then.
        self.attend = next.is_some();
        next
    }
}
