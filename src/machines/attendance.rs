//! Who is there.
//!
//! Owns that a client program has one session at a time, and when the first session of somebody comes and
//! the last one goes. Must not know what a session is made of: `K` is a client program, `S` a session.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::planted::{Bug, is_planted};

/// What to do with a client that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival<S> {
    /// Begin its session, and say so with [`Places::entered`].
    Welcome,
    /// The same once this session of its own has ended: what that has not sent on yet must not come after
    /// what the next one sends. The client would be told that a command was refused, and then it would be
    /// carried out all the same.
    After(S),
    /// There is no place.
    Full,
}

/// The sessions that are live.
#[derive(Debug)]
pub struct Places<K, S> {
    clients: HashMap<K, S>,
    live: usize,
    sessions_max: usize,
}

impl<K: Eq + Hash, S: Clone + PartialEq> Places<K, S> {
    /// Nobody is there, and at most so many will be.
    #[must_use]
    pub fn new(sessions_max: usize) -> Self {
        Self { clients: HashMap::new(), live: 0, sessions_max }
    }

    /// A client arrives.
    pub fn arrives(&mut self, client: &K) -> Arrival<S> {
        match self.clients.remove(client) {
            Some(_) if is_planted(Bug::SessionForgotten) => Arrival::Welcome,
            Some(before) => Arrival::After(before),
            None if self.live >= self.sessions_max => Arrival::Full,
            None => Arrival::Welcome,
        }
    }

    /// Its session has begun.
    pub fn entered(&mut self, client: K, session: S) {
        self.live += 1;
        self.clients.insert(client, session);
    }

    /// A session has ended.
    pub fn left(&mut self, client: &K, session: &S) {
        self.live = self.live.saturating_sub(1);
        if self.clients.get(client) == Some(session) {
            self.clients.remove(client);
        }
    }
}

/// The live sessions of somebody.
#[derive(Debug)]
pub struct Attendance<S> {
    sessions: BTreeSet<S>,
}

impl<S> Default for Attendance<S> {
    fn default() -> Self {
        Self { sessions: BTreeSet::new() }
    }
}

impl<S: Ord> Attendance<S> {
    /// A session has begun. `true`: it is the first.
    pub fn came(&mut self, session: S) -> bool {
        let is_first = self.sessions.is_empty();
        self.sessions.insert(session);
        is_first
    }

    /// A session has ended. `true`: it was the last.
    pub fn left(&mut self, session: &S) -> bool {
        let was_there = self.sessions.remove(session);
        was_there && (self.sessions.is_empty() || is_planted(Bug::OfflineTooSoon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_session_at_a_time_and_the_next_waits_for_the_end_of_the_last() {
        let mut places = Places::new(10);
        assert_eq!(places.arrives(&'a'), Arrival::Welcome);
        places.entered('a', 1);
        assert_eq!(places.arrives(&'b'), Arrival::Welcome);
        places.entered('b', 2);
        assert_eq!(places.arrives(&'a'), Arrival::After(1));
        places.left(&'a', &1);
        places.entered('a', 3);
        places.left(&'a', &1);
        assert_eq!(
            places.arrives(&'a'),
            Arrival::After(3),
            "a session of the past takes nobody's place away"
        );
    }

    #[test]
    fn there_are_so_many_places_and_one_that_is_replaced_needs_no_other() {
        let mut places = Places::new(1);
        places.entered('a', 1);
        assert_eq!(places.arrives(&'b'), Arrival::Full);
        assert_eq!(places.arrives(&'a'), Arrival::After(1));
        places.left(&'a', &1);
        assert_eq!(places.arrives(&'b'), Arrival::Welcome);
    }

    #[test]
    fn the_first_that_comes_and_the_last_that_goes_are_told_apart() {
        let mut attendance = Attendance::default();
        assert!(attendance.came(1));
        assert!(!attendance.came(2));
        assert!(!attendance.left(&1));
        assert!(!attendance.left(&1), "it had gone already");
        assert!(attendance.left(&2));
        assert!(attendance.came(1));
    }
}
