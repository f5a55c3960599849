//! Which conversations of a workspace are awake.
//!
//! Owns the handshake of sleep and wake: a conversation asks to sleep, is told to go once nobody is
//! sent to it any more, and a command that wants it meanwhile waits until it is gone and wakes it
//! again, or until it decides to stay. Owns which conversations are quarantined. Must not know what a
//! conversation is made of: `H` is the way to it, `W` is whoever waits for that.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::{ConversationId, Timestamp};

use super::budget::{Allowance, Budget};

/// What to do for somebody who wants a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want<H, W> {
    /// Here is the way.
    Route(W, H),
    /// It sleeps: wake it, and say so with [`Residence::woken`].
    Wake(W),
    /// It is going to sleep: the answer comes later.
    Later,
    /// It is set aside.
    Quarantined(W, String),
}

/// The conversations of a workspace that are not simply asleep.
#[derive(Debug)]
pub struct Residence<H, W> {
    homes: BTreeMap<ConversationId, Home<H, W>>,
    budgets: BTreeMap<ConversationId, Budget>,
    /// Where each lived that has failed, the last time.
    failed: BTreeMap<ConversationId, H>,
    quarantined: BTreeMap<ConversationId, String>,
    allowance: Allowance,
}

#[derive(Debug)]
enum Home<H, W> {
    Awake(H),
    Leaving(H, Vec<W>),
}

impl<H: Clone + PartialEq, W> Residence<H, W> {
    /// Nobody is awake; each conversation may fail as often as the allowance says.
    #[must_use]
    pub const fn new(allowance: Allowance) -> Self {
        Self {
            homes: BTreeMap::new(),
            budgets: BTreeMap::new(),
            failed: BTreeMap::new(),
            quarantined: BTreeMap::new(),
            allowance,
        }
    }

    /// Somebody wants a conversation. `dead` is a way to it that they found closed: they wait until
    /// its end has been noticed here.
    pub fn want(&mut self, id: ConversationId, who: W, dead: Option<&H>) -> Want<H, W> {
        if let Some(reason) = self.quarantined.get(&id) {
            return Want::Quarantined(who, reason.clone());
        }
        match self.homes.get_mut(&id) {
            None => Want::Wake(who),
            Some(Home::Awake(home)) if dead == Some(home) => {
                let leaving = Home::Leaving(home.clone(), vec![who]);
                self.homes.insert(id, leaving);
                Want::Later
            }
            Some(Home::Awake(home)) => Want::Route(who, home.clone()),
            Some(Home::Leaving(_, waiting)) => {
                waiting.push(who);
                Want::Later
            }
        }
    }

    /// A conversation was woken.
    pub fn woken(&mut self, id: ConversationId, home: H) {
        self.homes.insert(id, Home::Awake(home));
    }

    /// A conversation asks to sleep. `true`: tell it to go, unless work has come meanwhile.
    pub fn asks_to_sleep(&mut self, id: ConversationId, home: &H) -> bool {
        match self.homes.get(&id) {
            Some(Home::Awake(awake)) if awake == home => {
                self.homes.insert(id, Home::Leaving(home.clone(), Vec::new()));
                true
            }
            Some(Home::Awake(_) | Home::Leaving(..)) | None => false,
        }
    }

    /// Whoever lives there is to go: what is wanted next, the next one does. Returns where it is told so.
    pub fn dismiss(&mut self, id: ConversationId) -> Option<H> {
        let home = self.home(id)?.clone();
        self.asks_to_sleep(id, &home).then_some(home)
    }

    /// Work had come meanwhile: it stays. Returns who waited, to be sent to it.
    pub fn stays(&mut self, id: ConversationId, home: &H) -> Vec<W> {
        match self.homes.remove(&id) {
            Some(Home::Leaving(leaving, waiting)) if leaving == *home => {
                self.homes.insert(id, Home::Awake(leaving));
                waiting
            }
            Some(other) => {
                self.homes.insert(id, other);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// It is gone: asleep, or dead. Returns who waited; they want it again.
    pub fn gone(&mut self, id: ConversationId, home: &H) -> Vec<W> {
        match self.homes.remove(&id) {
            Some(Home::Awake(awake)) if awake == *home => Vec::new(),
            Some(Home::Leaving(leaving, waiting)) if leaving == *home => waiting,
            Some(other) => {
                self.homes.insert(id, other);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    /// Where it is, if it is awake and stays so.
    #[must_use]
    pub fn home(&self, id: ConversationId) -> Option<&H> {
        match self.homes.get(&id)? {
            Home::Awake(home) => Some(home),
            Home::Leaving(..) => None,
        }
    }

    /// Whether this is where it lived when it failed last: whatever it said then may have been overtaken.
    #[must_use]
    pub fn has_failed(&self, id: ConversationId, home: &H) -> bool {
        self.failed.get(&id) == Some(home)
    }

    /// Whether it is set aside.
    #[must_use]
    pub fn is_quarantined(&self, id: ConversationId) -> bool {
        self.quarantined.contains_key(&id)
    }

    /// It failed. Like [`Residence::gone`]; when its budget is spent it is set aside.
    pub fn failed(&mut self, id: ConversationId, home: &H, now: Timestamp, why: &str) -> Vec<W> {
        let waiting = self.gone(id, home);
        self.failed.insert(id, home.clone());
        if !self.budgets.entry(id).or_default().spend(now, self.allowance) {
            self.quarantine(id, format!("it failed too often; at last: {why}"));
        }
        waiting
    }

    /// Sets a conversation aside, with the reason.
    pub fn quarantine(&mut self, id: ConversationId, reason: String) {
        self.budgets.remove(&id);
        self.quarantined.insert(id, reason);
    }

    /// Sets a conversation no longer aside: whoever wants it next wakes it, with a budget of its own again.
    /// `false`: it was not set aside.
    pub fn release(&mut self, id: ConversationId) -> bool {
        self.quarantined.remove(&id).is_some()
    }

    /// How many are awake or on their way out.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.homes.len()
    }

    /// Those set aside, each with the reason.
    pub fn quarantined(&self) -> impl Iterator<Item = (ConversationId, &str)> {
        self.quarantined.iter().map(|(id, reason)| (*id, reason.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ConversationId = ConversationId::from_bytes([1; 16]);

    fn residence() -> Residence<u8, &'static str> {
        Residence::new(Allowance { times: 1, within_ms: 1_000 })
    }

    #[test]
    fn what_is_wanted_of_one_that_was_dismissed_is_wanted_of_the_next() {
        let mut residence = residence();
        assert_eq!(residence.dismiss(ID), None);
        residence.woken(ID, 7);
        assert_eq!(residence.dismiss(ID), Some(7));
        assert_eq!(residence.dismiss(ID), None, "it is on its way");
        assert_eq!(residence.want(ID, "a", None), Want::Later);
        assert_eq!(residence.gone(ID, &7), ["a"]);
        assert_eq!(residence.want(ID, "a", None), Want::Wake("a"));
    }

    #[test]
    fn a_command_that_comes_while_it_leaves_wakes_it_again() {
        let mut residence = residence();
        assert_eq!(residence.want(ID, "a", None), Want::Wake("a"));
        residence.woken(ID, 7);
        assert_eq!(residence.want(ID, "b", None), Want::Route("b", 7));
        assert!(residence.asks_to_sleep(ID, &7));
        assert_eq!(residence.want(ID, "c", None), Want::Later);
        assert_eq!(residence.gone(ID, &7), ["c"]);
        assert_eq!(residence.want(ID, "c", None), Want::Wake("c"));
    }

    #[test]
    fn it_may_stay_and_a_past_incarnation_has_no_say() {
        let mut residence = residence();
        residence.woken(ID, 7);
        assert!(residence.asks_to_sleep(ID, &7));
        assert_eq!(residence.want(ID, "c", None), Want::Later);
        assert_eq!(residence.stays(ID, &7), ["c"]);
        assert!(!residence.asks_to_sleep(ID, &6));
        assert!(residence.gone(ID, &6).is_empty());
        assert_eq!(residence.want(ID, "d", None), Want::Route("d", 7));
    }

    #[test]
    fn whoever_found_it_dead_waits_until_that_is_noticed() {
        let mut residence = residence();
        residence.woken(ID, 7);
        assert_eq!(residence.want(ID, "a", Some(&6)), Want::Route("a", 7));
        assert_eq!(residence.want(ID, "b", Some(&7)), Want::Later);
        assert_eq!(residence.gone(ID, &7), ["b"]);
    }

    #[test]
    fn one_that_spends_its_budget_is_set_aside() {
        let mut residence = residence();
        for (home, at) in [(7, 0), (8, 10)] {
            residence.woken(ID, home);
            residence.failed(ID, &home, Timestamp::from_millis(at), "oops");
        }
        let Want::Quarantined("x", reason) = residence.want(ID, "x", None) else { panic!("not set aside") };
        assert!(reason.contains("oops"));
        assert_eq!(residence.quarantined().count(), 1);
        assert_eq!(residence.awake(), 0);
    }

    #[test]
    fn one_that_is_released_is_woken_again_and_may_fail_as_often_as_any() {
        let mut residence = residence();
        residence.quarantine(ID, "damaged".to_owned());
        assert!(residence.release(ID));
        assert!(!residence.release(ID), "it is no longer set aside");
        assert_eq!(residence.want(ID, "a", None), Want::Wake("a"));
        residence.woken(ID, 7);
        residence.failed(ID, &7, Timestamp::from_millis(0), "oops");
        assert_eq!(residence.want(ID, "a", None), Want::Wake("a"), "one failure is forgiven");
    }
}
