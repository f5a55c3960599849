//! The choice: who gets one request, or why nobody does.
//!
//! Owns the rule of eligibility, the order of the rules, and what is recorded of a decision: everything it
//! rests on, so that the same choice can be made again from the record. Must not know the queue.

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId};

use super::{Agent, Choosing, Request, Roster, Rules, Standing, Strategy};

/// As what somebody may get a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// A specialist of the matching category.
    Specialist,
    /// A general agent.
    General,
    /// Neither.
    Outside,
}

/// An agent who was considered, as they stood then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub member: MemberId,
    /// As what.
    pub group: Group,
    /// How they stood.
    pub agent: Agent,
}

/// Why somebody could not be given a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Neither a specialist of the category nor a general agent, or only specialists are wanted.
    Outside,
    /// Away.
    Away,
    /// Not there.
    Offline,
    /// At the maximum, or above it.
    Full,
}

impl Candidate {
    /// Why they cannot be given a request, if they cannot. The one rule of eligibility.
    #[must_use]
    pub const fn hindrance(&self, maximum: u32) -> Option<Hindrance> {
        match (self.group, self.agent.standing) {
            (Group::Outside, _) => Some(Hindrance::Outside),
            (Group::Specialist | Group::General, Standing::Away) => Some(Hindrance::Away),
            (Group::Specialist | Group::General, Standing::Offline) => Some(Hindrance::Offline),
            (Group::Specialist | Group::General, Standing::Online) if self.agent.load >= maximum => {
                Some(Hindrance::Full)
            }
            (Group::Specialist | Group::General, Standing::Online) => None,
        }
    }

    /// Whether they can be given a request.
    #[must_use]
    pub const fn is_free(&self, maximum: u32) -> bool {
        self.hindrance(maximum).is_none()
    }
}

/// Everything that a decision rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Which request.
    pub consultation: ConsultationId,
    /// Whether the profile's requests are assigned automatically.
    pub automatic: bool,
    /// Whether the profile was open.
    pub open: bool,
    /// The rules in force.
    pub choosing: Choosing,
    /// The most consultations of an agent.
    pub maximum: u32,
    /// The category that has specialists for it.
    pub matched: Option<CategoryPath>,
    /// The former agent, if that counts.
    pub former: Option<MemberId>,
    /// Where chance came from.
    pub seed: u64,
    /// Every member, by their ids; in a workspace of more than [`CANDIDATES_MAX`] only those who were there and
    /// might have been given it.
    pub candidates: Vec<Candidate>,
}

/// The rule that chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A returning customer's former agent.
    Sticky,
    /// A specialist of the category.
    Specialist,
    /// A general agent.
    General,
}

/// Why a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The profile's requests are taken by hand.
    Manual,
    /// The profile is outside its operating hours.
    Closed,
    /// Its customer's former agent is to serve it, and cannot now.
    ForFormer(MemberId),
    /// Nobody who may serve it can now.
    NobodyFree,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes to somebody.
    Assigned {
        /// To whom.
        member: MemberId,
        /// By which rule.
        rule: Rule,
    },
    /// It waits.
    Waits(Why),
}

/// A decision with everything it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What it rests on.
    pub considered: Considered,
    /// What was decided.
    pub outcome: Outcome,
}

impl Explanation {
    /// What it takes of memory besides itself, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(self.considered.candidates.as_slice())
    }
}

/// Decides one request. `seed` is where chance comes from.
#[must_use]
pub fn choose(rules: &Rules, roster: &Roster, request: &Request, seed: u64) -> Explanation {
    let matched = rules.matching(&request.category);
    let candidate = |(member, agent): (MemberId, &Agent)| Candidate {
        member,
        group: group_of(rules, matched.as_ref(), member),
        agent: *agent,
    };
    let everybody = roster.agents().map(candidate);
    let candidates = if roster.len() <= CANDIDATES_MAX {
        everybody.collect()
    } else {
        // A decision has a bound: of so many, those are left out first who could not be given it anyway.
        let is_there = |candidate: &Candidate| {
            !matches!(candidate.hindrance(rules.load.maximum), Some(Hindrance::Outside | Hindrance::Offline))
        };
        everybody.filter(is_there).take(CANDIDATES_MAX).collect()
    };
    let considered = Considered {
        consultation: request.consultation,
        automatic: rules.automatic,
        open: rules.open,
        choosing: rules.choosing,
        maximum: rules.load.maximum,
        former: former_of(rules, matched.as_ref(), roster, request.former),
        seed,
        candidates,
        matched,
    };
    Explanation { outcome: considered.conclude(), considered }
}

impl Considered {
    /// What follows from it: the same for ever.
    #[must_use]
    pub fn conclude(&self) -> Outcome {
        let assigned = if self.automatic && self.open { self.chosen() } else { None };
        let waits = || Outcome::Waits(why(self.automatic, self.open, self.choosing, self.former));
        assigned.map_or_else(waits, |(rule, member)| Outcome::Assigned { member, rule })
    }

    /// Who gets it, if somebody may and can.
    fn chosen(&self) -> Option<(Rule, MemberId)> {
        if let Some(former) = self.former {
            let at = self.candidates.binary_search_by_key(&former, |candidate| candidate.member);
            if at.is_ok_and(|at| self.candidates[at].is_free(self.maximum)) {
                return Some((Rule::Sticky, former));
            }
            if !self.choosing.or_another {
                return None;
            }
        }
        for (group, rule) in [(Group::Specialist, Rule::Specialist), (Group::General, Rule::General)] {
            let free = self
                .candidates
                .iter()
                .filter(|candidate| candidate.group == group && candidate.is_free(self.maximum));
            if let Some(member) = pick(self.choosing.strategy, self.seed, free) {
                return Some((rule, member));
            }
        }
        None
    }
}

/// Why a request waits that nobody can be given now: that follows from the rules alone.
pub(super) const fn why(automatic: bool, open: bool, choosing: Choosing, former: Option<MemberId>) -> Why {
    match former {
        _ if !automatic => Why::Manual,
        _ if !open => Why::Closed,
        Some(former) if !choosing.or_another => Why::ForFormer(former),
        Some(_) | None => Why::NobodyFree,
    }
}

/// As what a member may get a request whose category has these specialists.
pub(super) fn group_of(rules: &Rules, matched: Option<&CategoryPath>, member: MemberId) -> Group {
    let specialists = matched.and_then(|category| rules.specialists.get(category));
    match specialists {
        Some(specialists) if specialists.contains(&member) => Group::Specialist,
        Some(_) if rules.no_one_else => Group::Outside,
        Some(_) | None if rules.general.has(member) => Group::General,
        Some(_) | None => Group::Outside,
    }
}

/// The former agent, where that counts: somebody who has gone for good, or may not serve such requests any
/// more, is not waited for.
pub(super) fn former_of(
    rules: &Rules,
    matched: Option<&CategoryPath>,
    roster: &Roster,
    former: Option<MemberId>,
) -> Option<MemberId> {
    let former = former.filter(|_| rules.choosing.sticky)?;
    let counts = roster.get(former).is_some() && group_of(rules, matched, former) != Group::Outside;
    counts.then_some(former)
}

fn pick<'a>(
    strategy: Strategy,
    seed: u64,
    free: impl Iterator<Item = &'a Candidate> + Clone,
) -> Option<MemberId> {
    let chosen = match strategy {
        Strategy::Random => {
            let count = free.clone().count() as u128;
            // The upper half of the product is below the count, each value as likely as the others.
            let at = (u128::from(seed) * count) >> 64;
            free.into_iter().nth(at as usize)
        }
        Strategy::RoundRobin => free.min_by_key(|candidate| candidate.agent.turn),
        Strategy::LeastLoaded => free.min_by_key(|candidate| (candidate.agent.load, candidate.agent.turn)),
    };
    chosen.map(|candidate| candidate.member)
}

/// The most candidates of a decision.
pub const CANDIDATES_MAX: usize = 3_500;
