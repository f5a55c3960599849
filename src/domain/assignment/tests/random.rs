//! Random histories: the queue against the plain list of `model`, after every step.
//!
//! Owns what is tried: arrivals, departures, agents who come, go and finish, and edits of every setting.

use proptest::prelude::{ProptestConfig, any, prop, prop_compose, prop_oneof, proptest};
use proptest::strategy::Strategy;

use super::model::Model;
use super::*;
use crate::domain::assignment::Strategy as Choice;

#[derive(Debug, Clone)]
enum Step {
    Arrives {
        profile: u8,
        category: u8,
        former: Option<u8>,
        in_hours: bool,
    },
    /// One that waits is cancelled.
    Leaves(prop::sample::Index),
    Stands(u8, u8),
    /// An agent finishes something.
    Finishes(u8),
    Removed(u8),
    Set {
        profile: u8,
        rules: Rules,
    },
}

const AGENTS: u8 = 5;

fn path(n: u8) -> CategoryPath {
    match n {
        0 => category(&[]),
        1 => category(&["a"]),
        2 => category(&["a", "b"]),
        3 => category(&["a", "b", "c"]),
        _ => category(&["d"]),
    }
}

fn some_members() -> impl Strategy<Value = BTreeSet<MemberId>> {
    prop::collection::btree_set(1..=AGENTS, 1..4)
        .prop_map(|numbers| numbers.into_iter().map(member).collect())
}

prop_compose! {
    fn rules()(
        (automatic, open) in (prop::bool::weighted(0.9), prop::bool::weighted(0.9)),
        (sticky, or_another) in any::<(bool, bool)>(),
        strategy in prop::sample::select(vec![Choice::Random, Choice::RoundRobin, Choice::LeastLoaded]),
        (maximum, in_hours_first) in (1..4_u32, any::<bool>()),
        general in prop::option::of(some_members()),
        specialists in prop::collection::btree_map((1..5_u8).prop_map(path), some_members(), 0..3),
        no_one_else in any::<bool>(),
    ) -> Rules {
        Rules {
            automatic,
            open,
            choosing: Choosing { sticky, or_another, strategy },
            load: Load { maximum, in_hours_first, own_list_only: false },
            general: general.map_or(Pool::All, Pool::List),
            specialists,
            no_one_else,
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..3_u8, 0..5_u8, prop::option::of(1..=AGENTS), any::<bool>()).prop_map(
            |(profile, category, former, in_hours)| Step::Arrives { profile, category, former, in_hours }
        ),
        1 => any::<prop::sample::Index>().prop_map(Step::Leaves),
        4 => (1..=AGENTS, 0..5_u8).prop_map(|(agent, standing)| Step::Stands(agent, standing)),
        5 => (1..=AGENTS).prop_map(Step::Finishes),
        1 => (1..=AGENTS).prop_map(Step::Removed),
        2 => (1..3_u8, rules()).prop_map(|(profile, rules)| Step::Set { profile, rules }),
    ]
}

struct Both {
    queue: Queue,
    roster: Roster,
    book: RuleBook,
    model: Model,
    arrived: u16,
    seed: u64,
}

impl Both {
    fn new(first: Rules, second: Rules) -> Self {
        let rules = vec![(profile(1), first), (profile(2), second)];
        Self {
            queue: Queue::default(),
            roster: Roster::default(),
            book: RuleBook(rules.iter().cloned().collect()),
            model: Model { rules, ..Model::default() },
            arrived: 0,
            seed: 1,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Arrives { profile: at, category, former, in_hours } => {
                self.arrives(at, category, former, in_hours)
            }
            Step::Leaves(which) => {
                if !self.model.waiting.is_empty() {
                    let at = which.index(self.model.waiting.len());
                    let gone = self.model.waiting.remove(at);
                    assert_eq!(self.queue.remove(gone.consultation), Some(gone));
                }
            }
            Step::Stands(agent, standing) => {
                let standing =
                    [Standing::Online, Standing::Online, Standing::Online, Standing::Away, Standing::Offline]
                        [usize::from(standing)];
                let is_new = self.roster.get(member(agent)).is_none();
                self.roster.member(member(agent)).standing = standing;
                self.model.agents.retain(|(id, ..)| *id != member(agent));
                let load = self.roster.get(member(agent)).unwrap().load;
                self.model.agents.push((member(agent), standing, load));
                if is_new {
                    self.queue.arrange(&self.book, &self.roster);
                }
            }
            Step::Finishes(agent) => {
                if self.roster.get(member(agent)).is_some_and(|agent| agent.load > 0) {
                    self.roster.member(member(agent)).load -= 1;
                    self.model
                        .agents
                        .iter_mut()
                        .filter(|(id, ..)| *id == member(agent))
                        .for_each(|(.., load)| *load -= 1);
                }
            }
            Step::Removed(agent) => {
                self.roster.remove(member(agent));
                self.model.agents.retain(|(id, ..)| *id != member(agent));
                self.queue.arrange(&self.book, &self.roster);
            }
            Step::Set { profile: at, rules } => {
                self.book.0.insert(profile(at), rules.clone());
                self.model.rules[usize::from(at - 1)].1 = rules;
                self.queue.arrange(&self.book, &self.roster);
            }
        }
        self.drain();
        self.check();
    }

    fn arrives(&mut self, at: u8, category: u8, former: Option<u8>, in_hours: bool) {
        self.arrived += 1;
        let request = Request {
            profile: profile(at),
            category: path(category),
            former: former.map(member),
            in_hours,
            ..request(self.arrived)
        };
        let eligible = self.model.eligible(&request);
        self.model.waiting.push(request.clone());
        let seed = self.seed();
        let explanation = self.queue.arrive(&self.book, &mut self.roster, request.clone(), seed).unwrap();
        match explanation.outcome {
            Outcome::Assigned { member, .. } => {
                assert!(eligible.contains(&member), "{member} was not eligible: {eligible:?}");
                self.model.give(request.consultation, member);
            }
            Outcome::Waits(_) => assert!(eligible.is_empty(), "it waits beside {eligible:?}"),
        }
    }

    fn drain(&mut self) {
        let mut seed = self.seed;
        let given = self.queue.drain(&self.book, &mut self.roster, &mut || {
            seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            seed
        });
        self.seed = seed;
        for (request, explanation) in given {
            assert_eq!(explanation.considered.conclude(), explanation.outcome, "the record says the same");
            let next = self.model.next().expect("somebody could be served");
            assert_eq!(next.consultation, request.consultation, "in order");
            let Outcome::Assigned { member, .. } = explanation.outcome else { panic!("it was not given") };
            assert!(self.model.eligible(&request).contains(&member));
            self.model.give(request.consultation, member);
        }
    }

    fn check(&self) {
        assert_eq!(self.model.next(), None, "somebody waits beside an agent who may serve them");
        let waiting: BTreeSet<_> = self.queue.requests().map(|request| request.consultation).collect();
        assert_eq!(waiting, self.model.waiting.iter().map(|request| request.consultation).collect());
        assert_eq!(self.queue.len(), waiting.len());
        for (member, standing, load) in &self.model.agents {
            let agent = self.roster.get(*member).unwrap();
            assert_eq!((agent.standing, agent.load), (*standing, *load));
        }
    }

    fn seed(&mut self) -> u64 {
        self.seed = self.seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(3);
        self.seed
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nobody_waits_beside_an_agent_who_may_serve_them_and_nobody_else_serves_them(
        first in rules(),
        second in rules(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut both = Both::new(first, second);
        for step in steps {
            both.take(step);
        }
    }
}
