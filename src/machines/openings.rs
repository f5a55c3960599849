//! Which conversation is a customer's.
//!
//! Owns the naming of a customer's next conversation: one for all who ask, and the same until its beginning
//! is durable, from when on the journal knows it. Must not know how the journal is asked or how ids are
//! made: `C` is a customer, `W` is whoever waits for the conversation.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::ConversationId;

use super::planted::{Bug, is_planted};

/// What to do for somebody who wants their conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening<W> {
    /// This is it.
    Known(W, Named),
    /// Ask the journal, and say what it knows with [`Openings::found`] or [`Openings::not_found`].
    LookUp,
    /// The journal is being asked already: the answer comes later.
    Later,
}

/// A customer's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Which.
    pub conversation: ConversationId,
    /// The one before it, which has ended: what is known of the customer from there, this one begins with. `None`
    /// of the first, and of one that has begun.
    pub former: Option<ConversationId>,
}

/// The customers whose conversation is being looked for, or was named and may not have begun.
#[derive(Debug)]
pub struct Openings<C, W> {
    customers: BTreeMap<C, Stage<W>>,
    /// The customer of each conversation that was named here.
    named: BTreeMap<ConversationId, C>,
}

#[derive(Debug)]
enum Stage<W> {
    /// Whoever asks, with the conversation that each knows to have ended.
    LookingFor(Vec<(Option<ConversationId>, W)>),
    Named(Named),
}

impl<C, W> Default for Openings<C, W> {
    fn default() -> Self {
        Self { customers: BTreeMap::new(), named: BTreeMap::new() }
    }
}

impl<C: Ord + Clone, W> Openings<C, W> {
    /// Somebody wants a customer's conversation, and not the one that they know to have `ended`. `fresh`
    /// makes an id for a new one.
    pub fn want(
        &mut self,
        customer: &C,
        ended: Option<ConversationId>,
        who: W,
        fresh: impl FnOnce() -> ConversationId,
    ) -> Opening<W> {
        match self.customers.get_mut(customer) {
            Some(Stage::Named(named)) if ended == Some(named.conversation) => {
                self.named.remove(&named.conversation);
                let named = self.name(customer.clone(), Named { conversation: fresh(), former: ended });
                Opening::Known(who, named)
            }
            Some(Stage::Named(named)) => {
                let former = named.former.filter(|_| !is_planted(Bug::FormerForgotten));
                Opening::Known(who, Named { former, ..*named })
            }
            Some(Stage::LookingFor(waiting)) => {
                waiting.push((ended, who));
                Opening::Later
            }
            None => {
                self.customers.insert(customer.clone(), Stage::LookingFor(vec![(ended, who)]));
                Opening::LookUp
            }
        }
    }

    /// The journal has answered: this is the customer's latest conversation, if there is one. Returns who
    /// waited, and the conversation for all of them.
    pub fn found(
        &mut self,
        customer: &C,
        latest: Option<ConversationId>,
        fresh: impl FnOnce() -> ConversationId,
    ) -> Option<(Named, Vec<W>)> {
        let waiting = self.take_waiting(customer)?;
        let goes_on = |id: &ConversationId| waiting.iter().all(|(ended, _)| *ended != Some(*id));
        let named = match latest.filter(goes_on) {
            Some(conversation) => Named { conversation, former: None },
            None if is_planted(Bug::NameForgotten) => Named { conversation: fresh(), former: latest },
            None => self.name(customer.clone(), Named { conversation: fresh(), former: latest }),
        };
        Some((named, waiting.into_iter().map(|(_, who)| who).collect()))
    }

    /// The journal cannot be asked. Returns who waited.
    pub fn not_found(&mut self, customer: &C) -> Vec<W> {
        let waiting = self.take_waiting(customer).unwrap_or_default();
        waiting.into_iter().map(|(_, who)| who).collect()
    }

    /// A conversation goes to sleep. If it has begun, the journal knows whose it is. If not, its name must
    /// not be forgotten: somebody who was told it may still begin it.
    pub fn asleep(&mut self, id: ConversationId, has_begun: bool) {
        if !has_begun && !is_planted(Bug::NameForgottenAsleep) {
            return;
        }
        if let Some(customer) = self.named.remove(&id) {
            self.customers.remove(&customer);
        }
    }

    /// How many customers are kept here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    /// Whether no customer is kept here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.customers.is_empty()
    }

    fn take_waiting(&mut self, customer: &C) -> Option<Vec<(Option<ConversationId>, W)>> {
        match self.customers.remove(customer)? {
            Stage::LookingFor(waiting) => Some(waiting),
            named @ Stage::Named(_) => {
                self.customers.insert(customer.clone(), named);
                None
            }
        }
    }

    fn name(&mut self, customer: C, named: Named) -> Named {
        if self.named.len() == NAMED_MAX
            && let Some((_, oldest)) = self.named.pop_first()
        {
            self.customers.remove(&oldest);
        }
        self.named.insert(named.conversation, customer.clone());
        self.customers.insert(customer, Stage::Named(named));
        named
    }
}

/// So many names are kept that have not been seen to begin. Then the oldest goes: ids rise with time, and
/// nobody is still about to begin what was named so many names ago.
pub const NAMED_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ConversationId = ConversationId::from_bytes([1; 16]);
    const NEW: ConversationId = ConversationId::from_bytes([2; 16]);
    const NEWER: ConversationId = ConversationId::from_bytes([3; 16]);

    /// One that goes on or is the first, and one that follows on another.
    const fn is(conversation: ConversationId) -> Named {
        Named { conversation, former: None }
    }

    const fn after(former: ConversationId, conversation: ConversationId) -> Named {
        Named { conversation, former: Some(former) }
    }

    fn none() -> ConversationId {
        panic!("no new conversation is wanted")
    }

    #[test]
    fn the_journal_is_asked_once_for_all_and_all_get_what_it_knows() {
        let mut openings = Openings::default();
        assert_eq!(openings.want(&'c', None, 1, none), Opening::LookUp);
        assert_eq!(openings.want(&'c', None, 2, none), Opening::Later);
        assert_eq!(openings.found(&'c', Some(OLD), none), Some((is(OLD), vec![1, 2])));
        assert_eq!(openings.found(&'c', Some(OLD), none), None);
        assert!(openings.is_empty(), "the journal knows it");
    }

    #[test]
    fn whoever_knows_that_it_has_ended_gets_a_new_one_and_everybody_else_the_same() {
        let mut openings = Openings::default();
        assert_eq!(openings.want(&'c', None, 1, none), Opening::LookUp);
        assert_eq!(openings.want(&'c', Some(OLD), 2, none), Opening::Later);
        assert_eq!(openings.found(&'c', Some(OLD), || NEW), Some((after(OLD, NEW), vec![1, 2])));
        assert_eq!(openings.want(&'c', Some(OLD), 3, none), Opening::Known(3, after(OLD, NEW)));
        assert_eq!(openings.want(&'c', Some(NEW), 4, || NEWER), Opening::Known(4, after(NEW, NEWER)));
        assert_eq!(openings.want(&'c', None, 5, none), Opening::Known(5, after(NEW, NEWER)));
        assert_eq!(openings.want(&'d', None, 6, none), Opening::LookUp, "another customer");
    }

    #[test]
    fn a_name_is_kept_until_its_beginning_is_durable() {
        let mut openings = Openings::default();
        openings.want(&'c', None, 1, none);
        assert_eq!(openings.found(&'c', None, || NEW), Some((is(NEW), vec![1])));
        openings.asleep(OLD, true);
        openings.asleep(NEW, false);
        assert_eq!(openings.want(&'c', None, 2, none), Opening::Known(2, is(NEW)));
        openings.asleep(NEW, true);
        assert!(openings.is_empty());
        assert_eq!(openings.want(&'c', None, 3, none), Opening::LookUp);
    }

    #[test]
    fn when_the_journal_cannot_be_asked_everybody_hears_so_and_it_is_asked_again() {
        let mut openings = Openings::default();
        openings.want(&'c', None, 1, none);
        openings.want(&'c', None, 2, none);
        assert_eq!(openings.not_found(&'c'), [1, 2]);
        assert_eq!(openings.want(&'c', None, 3, none), Opening::LookUp);
    }

    #[test]
    fn names_that_never_begin_are_bounded() {
        let mut openings = Openings::default();
        let mut id = 0_u64;
        for customer in 0..=NAMED_MAX {
            openings.want(&customer, None, (), none);
            id += 1;
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&id.to_be_bytes());
            openings.found(&customer, None, || ConversationId::from_bytes(bytes));
        }
        assert_eq!(openings.len(), NAMED_MAX);
        assert_eq!(openings.want(&0, None, (), none), Opening::LookUp, "the oldest was forgotten");
    }
}
