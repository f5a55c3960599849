//! The workspace's part of assignment against conversations that answer late, twice, or not at all.
//!
//! Owns a small world: conversations as their epochs and stages, with orders and announcements on their way,
//! delivered in any order per conversation's incarnation, lost with it when it fails. What an order wakes says
//! first what is so, and does then what it was woken for.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::{ProptestConfig, any, prop, prop_oneof, proptest};
use proptest::strategy::Strategy;
use switchboard_protocol::vocabulary::{CategoryPath, ProfileId, Timestamp};

use super::*;
use crate::domain::assignment::{Load, Rules};
use crate::machines::tally::{Totals, Work};

const AGENTS: u8 = 4;

fn member(n: u8) -> MemberId {
    MemberId::from_bytes([n; 16])
}

fn conversation(n: u8) -> ConversationId {
    ConversationId::from_bytes([n; 16])
}

fn book(maximum: u32, automatic: bool) -> RuleBook {
    let load = Load { maximum, ..Load::default() };
    let rules = Rules { automatic, open: true, load, ..Rules::default() };
    RuleBook([(ProfileId::from_bytes([1; 16]), rules)].into())
}

/// A conversation, and what is on its way to and from it.
struct Talk {
    id: ConversationId,
    consultation: u8,
    revision: u64,
    epoch: u64,
    stage: Option<Stage>,
    /// Why it waits, as it has recorded.
    why: Option<Why>,
    /// It could not write why it waits, which comes to nothing until the reason is another.
    is_unexplained: bool,
    /// It was given, and not taken by hand.
    is_automatic: bool,
    is_awake: bool,
    called_at: i64,
    orders: VecDeque<Order>,
    said: VecDeque<Announcement>,
    /// What an incarnation that has failed had said, and has not arrived.
    late: VecDeque<Announcement>,
    /// Decisions of the workspace that it has not taken.
    refusals: VecDeque<u64>,
}

struct World {
    dispatch: Dispatch,
    /// What a desk shows, which is told of changes only.
    told: BTreeMap<MemberId, Work>,
    talks: Vec<Talk>,
    seed: u64,
    clock: i64,
    /// The highest maximum that was in force.
    maximum: u32,
    in_force: u32,
    automatic: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Call(u8),
    Take(u8, u8),
    Complete(u8),
    Cancel(u8),
    /// The next order reaches its conversation.
    Order(u8),
    /// The next announcement reaches the workspace.
    Say(u8),
    /// The next refusal does; it waits for no disk, and may overtake announcements.
    Refuse(u8),
    /// What a failed incarnation had said does.
    Late(u8),
    /// The last announcement is said once more.
    Repeat(u8),
    /// The conversation falls asleep, if nothing is on its way.
    Sleep(u8),
    /// The conversation fails: what was on its way to it is lost, and it says again what is
    /// durable. A decision is told again.
    Fail(u8),
    /// The next order reaches its conversation, which cannot write it.
    Deny(u8),
    Stands(u8, bool),
    Leaves(u8, bool),
    /// A member is removed; another of the same name may come.
    Removed(u8),
    Maximum(u32),
    /// The profile's requests are assigned automatically or by hand.
    Automatic(bool),
    /// The workspace fails, and learns everything anew.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    const TALKS: std::ops::Range<u8> = 0..6;
    prop_oneof![
        6 => TALKS.prop_map(Step::Call),
        2 => (TALKS, 0..AGENTS).prop_map(|(talk, agent)| Step::Take(talk, agent)),
        4 => TALKS.prop_map(Step::Complete),
        2 => TALKS.prop_map(Step::Cancel),
        8 => TALKS.prop_map(Step::Order),
        10 => TALKS.prop_map(Step::Say),
        4 => TALKS.prop_map(Step::Refuse),
        2 => TALKS.prop_map(Step::Late),
        1 => TALKS.prop_map(Step::Repeat),
        4 => TALKS.prop_map(Step::Sleep),
        2 => TALKS.prop_map(Step::Fail),
        4 => (0..AGENTS, any::<bool>()).prop_map(|(agent, online)| Step::Stands(agent, online)),
        1 => (0..AGENTS, any::<bool>()).prop_map(|(agent, keeps)| Step::Leaves(agent, keeps)),
        1 => (0..AGENTS).prop_map(Step::Removed),
        2 => TALKS.prop_map(Step::Deny),
        1 => (1..4_u32).prop_map(Step::Maximum),
        1 => any::<bool>().prop_map(Step::Automatic),
        1 => prop::strategy::Just(Step::Restart),
    ]
}

impl World {
    fn new() -> Self {
        let talk = |n| Talk {
            id: conversation(n),
            consultation: 0,
            revision: 0,
            epoch: 0,
            stage: None,
            why: None,
            is_unexplained: false,
            is_automatic: false,
            is_awake: true,
            called_at: 0,
            orders: VecDeque::new(),
            said: VecDeque::new(),
            late: VecDeque::new(),
            refusals: VecDeque::new(),
        };
        let mut world = Self {
            dispatch: Dispatch::default(),
            told: BTreeMap::new(),
            talks: (0..6).map(talk).collect(),
            seed: 1,
            clock: 0,
            maximum: 2,
            in_force: 2,
            automatic: true,
        };
        world.set_rules(2, true);
        for agent in 0..AGENTS {
            world.with(|dispatch, seeds| dispatch.stands(member(agent), Standing::Online, seeds));
        }
        world
    }

    fn with(&mut self, what: impl FnOnce(&mut Dispatch, &mut dyn FnMut() -> u64) -> Vec<Order>) {
        let mut seed = self.seed;
        let orders = what(&mut self.dispatch, &mut || {
            seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            seed
        });
        self.seed = seed;
        for member in self.dispatch.take_changed() {
            assert_ne!(
                self.told.insert(member, self.dispatch.tally().work(member)),
                Some(self.dispatch.tally().work(member))
            );
        }
        for order in orders {
            let to = match &order {
                Order::Decided { conversation, explanation, .. } => {
                    if let Outcome::Assigned { member, .. } = explanation.outcome {
                        let load = self.dispatch.roster().get(member).unwrap().load;
                        assert!(load <= self.maximum, "{member} was given too much");
                    }
                    *conversation
                }
                Order::Requeue { conversation, .. } => *conversation,
            };
            let talk = self.talks.iter_mut().find(|talk| talk.id == to).unwrap();
            talk.wake();
            talk.orders.push_back(order);
        }
    }

    fn take(&mut self, step: &Step) {
        self.clock += 1;
        self.step(step);
        self.check();
        self.nobody_waits_beside_a_free_agent();
    }

    fn step(&mut self, step: &Step) {
        let clock = self.clock;
        match *step {
            Step::Call(talk) => self.talks[usize::from(talk)].change(|talk| {
                let calls = talk.stage.is_none();
                if calls {
                    talk.consultation += 1;
                    talk.called_at = clock;
                    talk.stage = Some(Stage::Waiting);
                }
                calls
            }),
            Step::Take(talk, agent) => {
                let talk = &mut self.talks[usize::from(talk)];
                if talk.stage == Some(Stage::Waiting) {
                    talk.change(|talk| {
                        talk.stage = Some(Stage::InProgress(member(agent)));
                        talk.is_automatic = false;
                        true
                    });
                }
            }
            Step::Complete(talk) => self.talks[usize::from(talk)].change(|talk| {
                let ends = talk.stage.is_some_and(|stage| stage.assignee().is_some());
                if ends {
                    talk.stage = None;
                }
                ends
            }),
            Step::Cancel(talk) => self.talks[usize::from(talk)].change(|talk| {
                let ends = matches!(talk.stage, Some(Stage::Waiting | Stage::Assigned(_)));
                if ends {
                    talk.stage = None;
                }
                ends
            }),
            Step::Order(talk) => self.talks[usize::from(talk)].obey(),
            Step::Say(talk) => self.hear(usize::from(talk)),
            Step::Refuse(talk) => self.hear_refusal(usize::from(talk)),
            Step::Late(talk) => {
                if let Some(announcement) = self.talks[usize::from(talk)].late.pop_front() {
                    self.with(|dispatch, seeds| dispatch.announced(announcement, seeds));
                }
            }
            Step::Sleep(talk) => self.sleep(usize::from(talk)),
            Step::Repeat(talk) => {
                let again = self.talks[usize::from(talk)].announcement();
                self.talks[usize::from(talk)].said.push_back(again);
            }
            Step::Fail(talk) => {
                let talk = &mut self.talks[usize::from(talk)];
                talk.orders.clear();
                talk.refusals.clear();
                let first = talk.announcement();
                let late: Vec<_> = talk.said.drain(..).collect();
                talk.late.extend(late);
                talk.said.push_back(first);
                talk.is_awake = true;
                talk.orders.extend(self.dispatch.decision(talk.id));
            }
            Step::Stands(agent, online) => {
                let standing = if online { Standing::Online } else { Standing::Away };
                self.with(|dispatch, seeds| dispatch.stands(member(agent), standing, seeds));
            }
            Step::Deny(talk) => self.talks[usize::from(talk)].deny(),
            Step::Leaves(agent, in_progress) => {
                self.with(|dispatch, seeds| dispatch.stands(member(agent), Standing::Offline, seeds));
                self.with(|dispatch, _| dispatch.left(member(agent), in_progress));
            }
            Step::Removed(agent) => self.with(|dispatch, _| dispatch.removed(member(agent))),
            Step::Maximum(maximum) => {
                // What was decided under the old one may be above the new one.
                self.maximum = self.maximum.max(maximum);
                self.set_rules(maximum, self.automatic);
            }
            Step::Automatic(automatic) => self.set_rules(self.in_force, automatic),
            Step::Restart => self.restart(),
        }
    }

    fn set_rules(&mut self, maximum: u32, automatic: bool) {
        (self.in_force, self.automatic) = (maximum, automatic);
        let book = book(maximum, automatic);
        self.with(|dispatch, seeds| dispatch.set_rules(book, seeds));
        self.explain();
    }

    fn explain(&mut self) {
        self.with(|dispatch, seeds| {
            let (orders, more) = dispatch.explain(usize::MAX, seeds);
            assert!(!more, "that was all");
            orders
        });
    }

    fn sleep(&mut self, talk: usize) {
        let talk = &mut self.talks[talk];
        if talk.orders.is_empty() && talk.said.is_empty() && talk.refusals.is_empty() {
            talk.is_awake = false;
            self.dispatch.sleeps(talk.id);
        }
    }

    fn hear(&mut self, talk: usize) {
        if let Some(announcement) = self.talks[talk].said.pop_front() {
            self.with(|dispatch, seeds| dispatch.announced(announcement, seeds));
        }
    }

    fn hear_refusal(&mut self, talk: usize) {
        if let Some(epoch) = self.talks[talk].refusals.pop_front() {
            let id = self.talks[talk].id;
            self.with(|dispatch, seeds| dispatch.refused(id, epoch, seeds));
        }
    }

    /// A new term: no conversation of the old one can append any more, so that each begins anew as well.
    fn restart(&mut self) {
        let agents: Vec<_> =
            self.dispatch.roster().agents().map(|(member, agent)| (member, agent.standing)).collect();
        let book = self.dispatch.book.clone();
        self.dispatch = Dispatch::default();
        self.told.clear();
        self.with(|dispatch, seeds| dispatch.set_rules(book, seeds));
        for talk in 0..self.talks.len() {
            let talk = &mut self.talks[talk];
            talk.orders.clear();
            talk.refusals.clear();
            talk.said.clear();
            talk.late.clear();
            talk.is_awake = false;
            let first = talk.announcement();
            self.with(|dispatch, seeds| dispatch.announced(first, seeds));
        }
        for (member, standing) in agents {
            self.with(|dispatch, seeds| dispatch.stands(member, standing, seeds));
        }
    }

    fn check(&self) {
        for agent in 0..AGENTS {
            let theirs = |talk: &&Talk| talk.stage.and_then(Stage::assignee) == Some(member(agent));
            let given = self.talks.iter().filter(theirs).filter(|talk| talk.is_automatic).count();
            assert!(given <= self.maximum as usize, "{given} were given to {agent}");
        }
        for (member, agent) in self.dispatch.roster().agents() {
            let held = self.dispatch.known.values().filter(|known| known.holder() == Some(member)).count();
            assert_eq!(agent.load as usize, held, "every slot is somebody's");
            let stages = || self.dispatch.open().map(|(_, open)| open.stage);
            let waiting = stages().filter(|stage| *stage == Stage::Assigned(member)).count();
            let in_progress = stages().filter(|stage| *stage == Stage::InProgress(member)).count();
            let work = self.dispatch.tally().work(member);
            assert_eq!((work.waiting as usize, work.in_progress as usize), (waiting, in_progress));
            let told = self.told.get(&member).copied().unwrap_or_default();
            assert_eq!(told, work, "whoever has more or less to do is named");
        }
        let count = |such: fn(Stage) -> bool| {
            u32::try_from(self.dispatch.open().filter(|(_, open)| such(open.stage)).count()).unwrap()
        };
        let totals = Totals {
            unassigned: count(|stage| stage == Stage::Waiting),
            assigned: count(|stage| matches!(stage, Stage::Assigned(_))),
            in_progress: count(|stage| matches!(stage, Stage::InProgress(_))),
        };
        assert_eq!(self.dispatch.tally().totals(), totals);
        let waiting: BTreeSet<_> =
            self.dispatch.queue.requests().map(|request| request.consultation).collect();
        for known in self.dispatch.known.values() {
            let Some(open) = &known.open else { continue };
            let waits = open.stage == Stage::Waiting && known.reserved.is_none() && !known.is_unsettled;
            assert_eq!(waiting.contains(&open.request.consultation), waits);
        }
    }

    /// Everything on its way arrives. Then the workspace knows what is so, and nobody waits beside a free agent.
    fn settle(&mut self) {
        for _ in 0..5 {
            for _ in 0..100 {
                for talk in 0..self.talks.len() {
                    self.talks[talk].obey();
                    self.hear(talk);
                    self.hear_refusal(talk);
                }
            }
            self.with(Dispatch::again);
            self.explain();
        }
        for _ in 0..100 {
            for talk in 0..self.talks.len() {
                self.talks[talk].obey();
                self.hear(talk);
                self.hear_refusal(talk);
            }
        }
        self.check();
        for talk in &self.talks {
            let known = self.dispatch.known.get(&talk.id).and_then(|known| known.open.as_ref());
            assert_eq!(known.map(|open| open.stage), talk.stage, "the workspace knows what is so");
            assert!(self.dispatch.known.get(&talk.id).is_none_or(|known| known.reserved.is_none()));
        }
        self.nobody_waits_beside_a_free_agent();
        assert!(!self.dispatch.is_unsettled(), "nothing is left to be said again");
        let why = if self.automatic { Why::NobodyFree } else { Why::Manual };
        for talk in self.talks.iter().filter(|talk| talk.stage == Some(Stage::Waiting)) {
            assert!(talk.why == Some(why) || talk.is_unexplained, "what is recorded of why it waits is so");
        }
        for stage in self.talks.iter().filter_map(|talk| talk.stage) {
            let Some(member) = stage.assignee() else { continue };
            assert!(self.dispatch.roster().get(member).is_some(), "it is with nobody");
            let is_gone = self.dispatch.gone.get(&member);
            assert!(is_gone.is_none_or(|in_progress| matches!(stage, Stage::InProgress(_)) && !in_progress));
        }
    }

    fn nobody_waits_beside_a_free_agent(&self) {
        let maximum = self.dispatch.book.of(ProfileId::from_bytes([1; 16])).unwrap().load.maximum;
        let is_free = self
            .dispatch
            .roster()
            .agents()
            .any(|(_, agent)| agent.standing == Standing::Online && agent.load < maximum);
        let is_free = is_free && self.automatic;
        assert!(!is_free || self.dispatch.waiting() == 0, "somebody waits beside a free agent");
    }
}

impl Talk {
    /// It says first what is so.
    fn wake(&mut self) {
        if !self.is_awake {
            self.is_awake = true;
            let first = self.announcement();
            self.said.push_back(first);
        }
    }

    fn change(&mut self, what: impl FnOnce(&mut Self) -> bool) {
        self.wake();
        if what(self) {
            (self.why, self.is_unexplained) = (None, false);
            self.revision += 1;
            self.epoch += 1;
            let said = self.announcement();
            self.said.push_back(said);
        }
    }

    fn announcement(&self) -> Announcement {
        let open = self.stage.map(|stage| {
            let mut id = *self.id.as_bytes();
            id[15] = self.consultation;
            let request = Request {
                consultation: ConsultationId::from_bytes(id),
                profile: ProfileId::from_bytes([1; 16]),
                category: CategoryPath::default(),
                former: None,
                called_at: Timestamp::from_millis(self.called_at),
                in_hours: true,
            };
            Open { request, epoch: self.epoch, stage }
        });
        Announcement { conversation: self.id, revision: self.revision, open, why: self.why }
    }

    fn obey(&mut self) {
        match self.orders.pop_front() {
            Some(Order::Decided { epoch, explanation, .. }) => match explanation.outcome {
                Outcome::Assigned { member, .. } if self.epoch == epoch => {
                    assert_eq!(self.stage, Some(Stage::Waiting), "one decision at an epoch");
                    self.change(|talk| {
                        talk.stage = Some(Stage::Assigned(member));
                        talk.is_automatic = true;
                        true
                    });
                }
                Outcome::Waits(why) if self.epoch == epoch => {
                    assert_eq!(self.stage, Some(Stage::Waiting), "nobody else decides");
                    (self.why, self.is_unexplained) = (Some(why), false);
                    self.revision += 1;
                    let said = self.announcement();
                    self.said.push_back(said);
                }
                Outcome::Assigned { .. } => self.refusals.push_back(epoch),
                Outcome::Waits(_) => {}
            },
            Some(Order::Requeue { epoch, .. }) if self.epoch == epoch => self.change(|talk| {
                talk.stage = Some(Stage::Waiting);
                true
            }),
            Some(Order::Requeue { epoch, .. }) => self.refusals.push_back(epoch),
            None => {}
        }
    }

    /// It cannot write what it is told.
    fn deny(&mut self) {
        match self.orders.pop_front() {
            Some(Order::Decided { epoch, explanation, .. }) => match explanation.outcome {
                Outcome::Assigned { .. } => self.refusals.push_back(epoch),
                Outcome::Waits(_) => self.is_unexplained = true,
            },
            Some(Order::Requeue { epoch, .. }) => self.refusals.push_back(epoch),
            None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_late_lost_or_said_twice_every_slot_is_somebodys_and_nobody_waits_for_nothing(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.settle();
    }
}
