//! The queue: requests that wait, in their order, and what can be given to whom now.
//!
//! Owns the order of requests and its draining: each trigger ends with no request waiting that somebody
//! could be given. Requests that nothing tells apart but their place are kept together, so that one look
//! at the first of them is enough. Must not know how a decision is made, nor what becomes of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, ProfileId, Timestamp};

use super::choose::{former_of, group_of, why};
use super::{Agent, Candidate, Explanation, Group, Outcome, Roster, RuleBook, Rules, Why, choose};

/// A consultation that needs an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub consultation: ConsultationId,
    /// At which profile.
    pub profile: ProfileId,
    /// What it is about.
    pub category: CategoryPath,
    /// Who served the customer before.
    pub former: Option<MemberId>,
    /// When it was called: its place, also when it is queued again.
    pub called_at: Timestamp,
    /// Whether it was called within operating hours.
    pub in_hours: bool,
}

/// A place in the queue: the lesser goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    outside_hours: bool,
    called_at: Timestamp,
    consultation: ConsultationId,
}

impl Place {
    /// Whose place it is.
    #[must_use]
    pub const fn consultation(&self) -> ConsultationId {
        self.consultation
    }
}

/// What requests have in common that only their places tell apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    profile: ProfileId,
    matched: Option<CategoryPath>,
    former: Option<MemberId>,
}

/// The requests that wait.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    classes: BTreeMap<Arc<Class>, BTreeMap<Place, Request>>,
    places: BTreeMap<ConsultationId, (Arc<Class>, Place)>,
}

impl Queue {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether a request waits.
    #[must_use]
    pub fn has(&self, consultation: ConsultationId) -> bool {
        self.places.contains_key(&consultation)
    }

    /// All requests that wait, in no order that means anything.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.classes.values().flat_map(BTreeMap::values)
    }

    /// Adds a request, at the place that its call gave it. One that waits already is replaced.
    pub fn push(&mut self, book: &RuleBook, roster: &Roster, request: Request) {
        self.remove(request.consultation);
        let rules = book.of(request.profile);
        let (class, place) = (class_of(rules, roster, &request), place_of(rules, &request));
        let known = self.classes.get_key_value(&class).map(|(known, _)| Arc::clone(known));
        let class = known.unwrap_or_else(|| Arc::new(class));
        self.places.insert(request.consultation, (Arc::clone(&class), place));
        self.classes.entry(class).or_default().insert(place, request);
    }

    /// Takes a request out.
    pub fn remove(&mut self, consultation: ConsultationId) -> Option<Request> {
        let (class, place) = self.places.remove(&consultation)?;
        let requests = self.classes.get_mut(&class)?;
        let request = requests.remove(&place);
        if requests.is_empty() {
            self.classes.remove(&class);
        }
        request
    }

    /// Settings or members have changed: every request finds its place anew.
    pub fn arrange(&mut self, book: &RuleBook, roster: &Roster) {
        let requests: Vec<Request> =
            std::mem::take(self).classes.into_values().flat_map(BTreeMap::into_values).collect();
        for request in requests {
            self.push(book, roster, request);
        }
    }

    /// Decides a new request, or one that is queued again, and queues it if it has to wait.
    ///
    /// Those that wait already cannot be given to anybody, so that nobody is passed by.
    pub fn arrive(
        &mut self,
        book: &RuleBook,
        roster: &mut Roster,
        request: Request,
        seed: u64,
    ) -> Option<Explanation> {
        let Some(rules) = book.of(request.profile) else {
            self.push(book, roster, request);
            return None;
        };
        let explanation = choose(rules, roster, &request, seed);
        match explanation.outcome {
            Outcome::Assigned { member, .. } => {
                self.remove(request.consultation);
                roster.assigned(member);
            }
            Outcome::Waits(_) => self.push(book, roster, request),
        }
        Some(explanation)
    }

    /// Says why a request waits; `None` if it does not, or nothing is in force for it.
    #[must_use]
    pub fn explain(
        &self,
        book: &RuleBook,
        roster: &Roster,
        consultation: ConsultationId,
        seed: u64,
    ) -> Option<Explanation> {
        let (class, place) = self.places.get(&consultation)?;
        let request = self.classes.get(class)?.get(place)?;
        Some(choose(book.of(request.profile)?, roster, request, seed))
    }

    /// Why each request waits that nobody can be given now, with its place. It costs no look at the agents.
    pub fn reasons(&self, book: &RuleBook) -> impl Iterator<Item = (Place, Why)> {
        self.classes.iter().flat_map(move |(class, requests)| {
            let rules = book.of(class.profile);
            let why = rules.map(|rules| why(rules.automatic, rules.open, rules.choosing, class.former));
            requests.keys().filter_map(move |place| Some((*place, why?)))
        })
    }

    /// Gives out whatever can be given now, in order. To be called after everything that may have freed
    /// somebody, until which [`Queue::arrive`] must not be.
    pub fn drain(
        &mut self,
        book: &RuleBook,
        roster: &mut Roster,
        seeds: &mut dyn FnMut() -> u64,
    ) -> Vec<(Request, Explanation)> {
        let mut given = Vec::new();
        let mut free = BTreeMap::new();
        let mut heads: BinaryHeap<_> = self
            .classes
            .iter()
            .filter_map(|(class, requests)| {
                requests.first_key_value().map(|(place, _)| Reverse((*place, Arc::clone(class))))
            })
            .collect();
        while let Some(Reverse((place, class))) = heads.pop() {
            let Some(rules) = book.of(class.profile) else { continue };
            let free = free.entry(class.profile).or_insert_with(|| Free::of(rules, roster));
            if !free.can_be_given(rules, roster, &class) {
                continue;
            }
            let Some(request) = self.classes.get(&class).and_then(|requests| requests.get(&place)) else {
                continue;
            };
            let explanation = choose(rules, roster, request, seeds());
            let Outcome::Assigned { member, .. } = explanation.outcome else { continue };
            roster.assigned(member);
            given.extend(self.remove(place.consultation).map(|request| (request, explanation)));
            if let Some((next, _)) = self.classes.get(&class).and_then(BTreeMap::first_key_value) {
                heads.push(Reverse((*next, class)));
            }
        }
        given
    }
}

/// Who can be given the requests of a profile. Loads only grow while the queue is drained, so that whoever is full
/// stays so, and so does a pool in which nobody is free.
struct Free {
    members: Vec<MemberId>,
    without_anybody: BTreeSet<Option<CategoryPath>>,
}

impl Free {
    fn of(rules: &Rules, roster: &Roster) -> Self {
        let is_free = |(member, agent): (MemberId, &Agent)| {
            let candidate = Candidate { member, group: Group::General, agent: *agent };
            candidate.is_free(rules.load.maximum).then_some(member)
        };
        Self { members: roster.agents().filter_map(is_free).collect(), without_anybody: BTreeSet::new() }
    }

    /// Whether somebody can be given the requests of a class.
    fn can_be_given(&mut self, rules: &Rules, roster: &Roster, class: &Class) -> bool {
        if !rules.automatic || !rules.open {
            return false;
        }
        let is_free = |member: MemberId| {
            let group = group_of(rules, class.matched.as_ref(), member);
            let candidate = roster.get(member).map(|agent| Candidate { member, group, agent: *agent });
            candidate.is_some_and(|candidate| candidate.is_free(rules.load.maximum))
        };
        if let Some(former) = class.former {
            if is_free(former) {
                return true;
            }
            if !rules.choosing.or_another {
                return false;
            }
        }
        let is_full =
            |member: &MemberId| roster.get(*member).is_none_or(|agent| agent.load >= rules.load.maximum);
        while self.members.pop_if(|member| is_full(member)).is_some() {}
        if self.members.is_empty() || self.without_anybody.contains(&class.matched) {
            return false;
        }
        let anybody = self.members.iter().any(|member| is_free(*member));
        if !anybody {
            self.without_anybody.insert(class.matched.clone());
        }
        anybody
    }
}

fn class_of(rules: Option<&Rules>, roster: &Roster, request: &Request) -> Class {
    let matched = rules.and_then(|rules| rules.matching(&request.category));
    let former = rules.and_then(|rules| former_of(rules, matched.as_ref(), roster, request.former));
    Class { profile: request.profile, matched, former }
}

impl RuleBook {
    /// The place of a request.
    #[must_use]
    pub fn place(&self, request: &Request) -> Place {
        place_of(self.of(request.profile), request)
    }
}

fn place_of(rules: Option<&Rules>, request: &Request) -> Place {
    Place {
        outside_hours: rules.is_some_and(|rules| rules.load.in_hours_first) && !request.in_hours,
        called_at: request.called_at,
        consultation: request.consultation,
    }
}
