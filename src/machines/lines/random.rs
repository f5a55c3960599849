//! Random queues: what customers who wait are told of their place, from the events of their conversations on.
//!
//! Owns the rule of when a place gets worse, and a plain list of callers to hold every place against. Must not know
//! how places are kept or compared.

#![allow(clippy::unwrap_used)]

use proptest::prelude::{Just, ProptestConfig, any, prop, prop_oneof, proptest};
use proptest::sample::Index;
use proptest::strategy::Strategy;
use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, Party};

use super::*;
use crate::domain::assignment::{Load, RuleBook, Rules};
use crate::domain::consultation::{How, Requeued, Stage, Unserved};
use crate::domain::conversation::{Event, Served, What};
use crate::machines::dispatch::{Announcement, Dispatch, Open};

#[derive(Debug, Clone)]
enum Step {
    Calls {
        profile: u8,
        in_hours: bool,
    },
    /// Somebody is found for one who waits.
    Found(Index),
    /// Whoever was found for one is gone.
    Again(Index),
    GivesUp(Index),
    /// A conversation that waits stops, and its customer is told anew.
    Stops(Index),
    /// Nothing happens but that it is looked at.
    Passes,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..3_u8, any::<bool>()).prop_map(|(profile, in_hours)| Step::Calls { profile, in_hours }),
        4 => any::<Index>().prop_map(Step::Found),
        4 => any::<Index>().prop_map(Step::Again),
        1 => any::<Index>().prop_map(Step::GivesUp),
        1 => any::<Index>().prop_map(Step::Stops),
        1 => Just(Step::Passes),
    ]
}

/// Somebody who has called: who comes later in the list has called later.
struct Caller {
    id: ConversationId,
    profile: u8,
    in_hours: bool,
    revision: u64,
    served: Served,
}

impl Caller {
    fn stage(&self) -> Option<Stage> {
        self.served.consultation.as_ref().map(|consultation| consultation.stage)
    }

    fn waits(&self) -> bool {
        self.stage() == Some(Stage::Waiting)
    }
}

struct World {
    in_hours_first: bool,
    callers: Vec<Caller>,
    dispatch: Dispatch,
    lines: Lines,
    /// The positions that were told last.
    told: BTreeMap<ConversationId, u32>,
    clock: i64,
}

fn profile(n: u8) -> ProfileId {
    ProfileId::from_bytes([n; 16])
}

const AGENT: MemberId = MemberId::from_bytes([7; 16]);

impl World {
    /// Two profiles whose requests are taken by hand.
    fn new(in_hours_first: bool) -> Self {
        let load = Load { in_hours_first, ..Load::default() };
        let rules = |n| (profile(n), Rules { open: true, load, ..Rules::default() });
        let mut dispatch = Dispatch::default();
        dispatch.set_rules(RuleBook([rules(1), rules(2)].into()), &mut || 0);
        let (lines, told) = (Lines::default(), BTreeMap::new());
        Self { in_hours_first, callers: Vec::new(), dispatch, lines, told, clock: 0 }
    }

    /// Does a step, and gives the caller who waits by it and did not before, with whether they have called now.
    fn take(&mut self, step: &Step) -> Option<(usize, bool)> {
        self.clock += 1;
        match *step {
            Step::Calls { profile, in_hours } => {
                let at = self.callers.len();
                let n = u8::try_from(at).unwrap();
                let id = ConversationId::from_bytes([n; 16]);
                let served = Served::default();
                self.callers.push(Caller { id, profile, in_hours, revision: 0, served });
                // Ids say nothing of who called first.
                let consultation = ConsultationId::from_bytes([n.wrapping_mul(37); 16]);
                let category = CategoryPath::default();
                let called = What::Called { consultation, category, in_hours, bot_replies: false };
                self.happens(at, Party::Customer, called);
                Some((at, true))
            }
            Step::Found(index) => {
                let at = self.one(index, Caller::waits)?;
                self.happens(at, Party::Bot, What::Assigned { member: AGENT, how: How::Automatic });
                None
            }
            Step::Again(index) => {
                let at = self.one(index, |caller| caller.stage() == Some(Stage::Assigned(AGENT)))?;
                self.happens(at, Party::Bot, What::Requeued { from: AGENT, why: Requeued::Absent });
                Some((at, false))
            }
            Step::GivesUp(index) => {
                let at = self.one(index, Caller::waits)?;
                self.happens(at, Party::Customer, What::Unserved { why: Unserved::GaveUp });
                None
            }
            Step::Stops(index) => {
                let at = self.one(index, Caller::waits)?;
                self.lines.forget(self.callers[at].id);
                None
            }
            Step::Passes => None,
        }
    }

    /// One of the callers who are so.
    fn one(&self, index: Index, is_so: impl Fn(&Caller) -> bool) -> Option<usize> {
        let so: Vec<usize> = (0..self.callers.len()).filter(|at| is_so(&self.callers[*at])).collect();
        if so.is_empty() { None } else { Some(*index.get(&so)) }
    }

    /// Something happens in a conversation, and it says so to the workspace.
    fn happens(&mut self, at: usize, by: Party, what: What) {
        let caller = &mut self.callers[at];
        caller.served.apply(Timestamp::from_millis(self.clock), &Event { by, what });
        caller.revision += 1;
        let open = Open::of(profile(caller.profile), &caller.served);
        let said = Announcement { conversation: caller.id, revision: caller.revision, open, why: None };
        self.dispatch.announced(said, &mut || 0);
    }

    /// Whoever waits is told what is new.
    fn tell(&mut self) {
        let now = Timestamp::from_millis(self.clock);
        for (id, line) in self.lines.turn(&self.dispatch.queues(), now, |_| true) {
            match line {
                Some(line) => self.told.insert(id, line.position),
                None => self.told.remove(&id),
            };
        }
    }

    /// The plain list: whoever has called before goes first, but for calls outside the hours, where that is set.
    fn position(&self, of: usize) -> u32 {
        let caller = &self.callers[of];
        let goes_first = |(at, other): &(usize, &Caller)| {
            let is_of_another_kind = self.in_hours_first && other.in_hours != caller.in_hours;
            let first = if is_of_another_kind { other.in_hours } else { *at < of };
            other.waits() && other.profile == caller.profile && first
        };
        1 + u32::try_from(self.callers.iter().enumerate().filter(goes_first).count()).unwrap()
    }

    /// The rule: a place gets worse only by somebody at the same profile who called earlier and waits again, or,
    /// where those go first, who called within the hours, for whoever called outside them.
    fn may_get_worse(&self, of: usize, came: Option<(usize, bool)>) -> bool {
        let Some((who, is_new)) = came else { return false };
        let (caller, other) = (&self.callers[of], &self.callers[who]);
        let earlier = !is_new && who < of;
        let within = self.in_hours_first && other.in_hours && !caller.in_hours;
        other.profile == caller.profile && (earlier || within)
    }

    fn check(&self, before: &BTreeMap<ConversationId, u32>, came: Option<(usize, bool)>) {
        for (at, caller) in self.callers.iter().enumerate() {
            let now = self.told.get(&caller.id).copied();
            if let (Some(before), Some(now)) = (before.get(&caller.id).copied(), now)
                && now > before
            {
                assert!(self.may_get_worse(at, came), "caller {at}: {before}, then {now}, by {came:?}");
                assert_eq!(now, before + 1, "caller {at}");
            }
            assert_eq!(now, caller.waits().then(|| self.position(at)), "caller {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_place_gets_worse_only_by_an_earlier_call_that_waits_again_or_one_within_the_hours_that_goes_first(
        in_hours_first in any::<bool>(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut world = World::new(in_hours_first);
        for step in &steps {
            let before = world.told.clone();
            let came = world.take(step);
            world.tell();
            world.check(&before, came);
        }
    }
}
