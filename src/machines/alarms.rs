//! Alarms: what is to be looked at when.
//!
//! Owns one time for each thing, and which comes next. An alarm may come early, never late: whoever is
//! called looks, and sets it again. Must not know clocks, nor what is looked at.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_protocol::vocabulary::Timestamp;

/// One time for each thing.
#[derive(Debug, Clone)]
pub struct Alarms<K> {
    at: BTreeMap<K, Timestamp>,
    order: BTreeSet<(Timestamp, K)>,
}

impl<K> Default for Alarms<K> {
    fn default() -> Self {
        Self { at: BTreeMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Alarms<K> {
    /// Sets the time of a thing, in place of the one it has; `None`: it has none.
    pub fn set(&mut self, thing: K, at: Option<Timestamp>) {
        if let Some(before) = self.at.remove(&thing) {
            self.order.remove(&(before, thing.clone()));
        }
        if let Some(at) = at {
            self.at.insert(thing.clone(), at);
            self.order.insert((at, thing));
        }
    }

    /// Whether a thing has a time.
    #[must_use]
    pub fn is_set(&self, thing: &K) -> bool {
        self.at.contains_key(thing)
    }

    /// The time of a thing.
    #[must_use]
    pub fn get(&self, thing: &K) -> Option<Timestamp> {
        self.at.get(thing).copied()
    }

    /// When the next one is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes what is due, in order of time.
    pub fn due(&mut self, now: Timestamp) -> Vec<K> {
        let mut due = Vec::new();
        while let Some((at, thing)) = self.order.pop_first() {
            if at > now {
                self.order.insert((at, thing));
                break;
            }
            self.at.remove(&thing);
            due.push(thing);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn each_thing_has_one_time_and_is_due_once_in_order() {
        let mut alarms = Alarms::default();
        for (thing, millis) in [('a', 30), ('b', 10), ('c', 20), ('a', 5)] {
            alarms.set(thing, Some(at(millis)));
        }
        alarms.set('c', None);
        assert_eq!(alarms.next(), Some(at(5)));
        assert_eq!(alarms.due(at(4)), []);
        assert_eq!(alarms.due(at(10)), ['a', 'b']);
        assert_eq!((alarms.next(), alarms.due(at(99))), (None, vec![]));
    }
}
