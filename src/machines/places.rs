//! Where clients are served.
//!
//! Owns that a client program has one session at a time, and a member one place unless several are allowed; who
//! makes room for whom, and that the next begins only when the one before has ended. Must not know what a session
//! is made of: `P` is somebody, `I` a client program, `S` a session, `W` whoever waits for one to begin.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use switchboard_protocol::vocabulary::Timestamp;

use super::planted::{Bug, is_planted};

/// The place that a session takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// None: a customer's, or that of a member who only looks.
    None,
    /// One beside others: several are allowed.
    Beside,
    /// The only one.
    Only {
        /// Whether another one makes room for it, or is in its way.
        takes_over: bool,
    },
}

impl Place {
    /// Whether whoever has it serves.
    #[must_use]
    pub fn serves(self) -> bool {
        !matches!(self, Self::None) || is_planted(Bug::LookerCounts)
    }
}

/// A session that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest<P, I, S> {
    /// Whose.
    pub party: P,
    /// Of which run of their client program.
    pub instance: I,
    /// Which session it will be.
    pub session: S,
    /// The place that it takes.
    pub place: Place,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<S, W> {
    /// The session begins: it counts from now on, until [`Places::left`].
    Begin(W),
    /// This session is to end; that it has is told to [`Places::left`].
    Close(S, Why),
    /// No session begins.
    Refuse(W, Refused),
}

/// Why a session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The same client program is here again: this is its past.
    Replaced,
    /// Whoever it belongs to serves from another place.
    TakenOver,
    /// Nothing says any more that anybody is there.
    Lapsed,
}

/// Why no session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as there may be.
    Full,
    /// They serve from another place, since then.
    Elsewhere {
        /// When that began.
        since: Timestamp,
    },
}

/// The sessions that are live, and those that wait for the end of others.
#[derive(Debug)]
pub struct Places<P, I, S, W> {
    /// Those that have begun and not ended.
    live: HashMap<S, Live<P, I>>,
    /// The one of each client program.
    clients: HashMap<(P, I), S>,
    /// Those that serve, in the order of their beginning.
    serving: HashMap<P, Vec<S>>,
    /// In the order of their arrival; everything that they wait for is somebody's own.
    waiting: HashMap<P, Vec<Waiting<P, I, S, W>>>,
    sessions_max: usize,
}

#[derive(Debug)]
struct Live<P, I> {
    party: P,
    instance: I,
    since: Timestamp,
    /// It has been told to end.
    closing: bool,
}

#[derive(Debug)]
struct Waiting<P, I, S, W> {
    guest: Guest<P, I, S>,
    since: Timestamp,
    /// They must have ended first.
    ahead: BTreeSet<S>,
    who: W,
}

impl<P, I, S, W> Places<P, I, S, W>
where
    P: Eq + Hash + Clone,
    I: Eq + Hash + Clone,
    S: Eq + Hash + Ord + Copy,
{
    /// Nobody is there, and at most so many will be.
    #[must_use]
    pub fn new(sessions_max: usize) -> Self {
        let (live, clients, serving, waiting) = Default::default();
        Self { live, clients, serving, waiting, sessions_max }
    }

    /// Somebody arrives. What another session has not sent on yet must not come after what the next one sends: the
    /// client would be told that a command was refused, and then it would be carried out all the same. So the next
    /// one waits for the end of those that make room for it.
    pub fn arrives(&mut self, guest: Guest<P, I, S>, who: W, now: Timestamp) -> Vec<Step<S, W>> {
        let own = self.own_place(&guest);
        let asks = guest.place == Place::Only { takes_over: false } && own.is_none();
        if let Some(since) = self.elsewhere(&guest).filter(|_| asks) {
            return vec![Step::Refuse(who, Refused::Elsewhere { since })];
        }
        let since = own.unwrap_or(now);
        let mut steps = self.supersede(&guest, now);
        let ahead = self.make_room(&guest, &mut steps);
        if !ahead.is_empty() {
            let waiting = Waiting { guest, since, ahead, who };
            self.waiting.entry(waiting.guest.party.clone()).or_default().push(waiting);
        } else if self.live.len() < self.sessions_max {
            self.begin(guest, since);
            steps.push(Step::Begin(who));
        } else {
            steps.push(Step::Refuse(who, Refused::Full));
        }
        steps
    }

    /// A session has ended. Those begin that waited for nothing else.
    pub fn left(&mut self, session: &S) -> Vec<Step<S, W>> {
        let Some(ended) = self.live.remove(session) else { return Vec::new() };
        let Live { party, instance, .. } = ended;
        let key = (party, instance);
        if self.clients.get(&key) == Some(session) {
            self.clients.remove(&key);
        }
        let (party, _) = key;
        retain(&mut self.serving, &party, |serving| serving != session);
        let mut ready = Vec::new();
        for mut waiting in self.waiting.remove(&party).unwrap_or_default() {
            waiting.ahead.remove(session);
            if waiting.ahead.is_empty() {
                ready.push(waiting);
            } else {
                self.waiting.entry(party.clone()).or_default().push(waiting);
            }
        }
        let begin = |Waiting { guest, since, who, .. }| {
            self.begin(guest, since);
            Step::Begin(who)
        };
        ready.into_iter().map(begin).collect()
    }

    /// Nothing says any more that somebody is there: their session is to end.
    pub fn lapsed(&mut self, session: &S) -> Vec<Step<S, W>> {
        self.close(*session, Why::Lapsed).into_iter().collect()
    }

    /// How many sessions have begun and not ended.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.len()
    }

    fn begin(&mut self, guest: Guest<P, I, S>, since: Timestamp) {
        let Guest { party, instance, session, place } = guest;
        if place.serves() {
            self.serving.entry(party.clone()).or_default().push(session);
        }
        self.clients.insert((party.clone(), instance.clone()), session);
        self.live.insert(session, Live { party, instance, since, closing: false });
    }

    /// Since when the same client program has a place already: it is not asked.
    fn own_place(&self, guest: &Guest<P, I, S>) -> Option<Timestamp> {
        self.holders(&guest.party).find(|(instance, _)| **instance == guest.instance).map(|(_, since)| since)
    }

    /// Since when another one has a place.
    fn elsewhere(&self, guest: &Guest<P, I, S>) -> Option<Timestamp> {
        if is_planted(Bug::TwoPlaces) {
            return None;
        }
        let others = self.holders(&guest.party).filter(|(instance, _)| **instance != guest.instance);
        others.map(|(_, since)| since).max()
    }

    /// The client programs of somebody that have a place, or wait for one that was given up to them.
    fn holders(&self, party: &P) -> impl Iterator<Item = (&I, Timestamp)> {
        let serving = self.serving.get(party).into_iter().flatten().filter_map(|id| self.live.get(id));
        let serving = serving.filter(|live| !live.closing).map(|live| (&live.instance, live.since));
        let waiting = self.waiting.get(party).into_iter().flatten();
        let waiting = waiting.filter(|waiting| waiting.guest.place.serves());
        serving.chain(waiting.map(|waiting| (&waiting.guest.instance, waiting.since)))
    }

    /// Of those that wait, some need not any more: the same client program is here again, or the place that they
    /// wait for is taken over before they have it.
    fn supersede(&mut self, guest: &Guest<P, I, S>, now: Timestamp) -> Vec<Step<S, W>> {
        let takes_over = guest.place == Place::Only { takes_over: true };
        let Some(waiting) = self.waiting.remove(&guest.party) else { return Vec::new() };
        let (past, stay): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| {
            waiting.guest.instance == guest.instance || (takes_over && waiting.guest.place.serves())
        });
        if !stay.is_empty() {
            self.waiting.insert(guest.party.clone(), stay);
        }
        past.into_iter().map(|past| Step::Refuse(past.who, Refused::Elsewhere { since: now })).collect()
    }

    /// Closes what is to make room. Returns what has to have ended first.
    fn make_room(&mut self, guest: &Guest<P, I, S>, steps: &mut Vec<Step<S, W>>) -> BTreeSet<S> {
        let mut ahead = BTreeSet::new();
        let same = self.clients.get(&(guest.party.clone(), guest.instance.clone())).copied();
        if let Some(before) = same.filter(|_| !is_planted(Bug::SessionForgotten)) {
            steps.extend(self.close(before, Why::Replaced));
            ahead.insert(before);
        }
        let Place::Only { takes_over } = guest.place else { return ahead };
        for other in self.serving.get(&guest.party).cloned().unwrap_or_default() {
            if takes_over && !is_planted(Bug::TwoPlaces) {
                steps.extend(self.close(other, Why::TakenOver));
            }
            // One that another has closed is on its way out.
            if self.live.get(&other).is_some_and(|live| live.closing) {
                ahead.insert(other);
            }
        }
        ahead
    }

    fn close(&mut self, session: S, why: Why) -> Option<Step<S, W>> {
        let live = self.live.get_mut(&session).filter(|live| !live.closing)?;
        live.closing = true;
        Some(Step::Close(session, why))
    }
}

fn retain<P: Eq + Hash, S>(of: &mut HashMap<P, Vec<S>>, party: &P, keep: impl Fn(&S) -> bool) {
    if let Some(all) = of.get_mut(party) {
        all.retain(keep);
        if all.is_empty() {
            of.remove(party);
        }
    }
}

#[cfg(test)]
mod tests;
