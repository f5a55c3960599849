//! How much goes on in a workspace: at each profile, and of whom.
//!
//! Owns the counts of the open consultations by how far they have come, kept as they move. Must not know queues,
//! slots or what has been decided: only what is durable is counted.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_protocol::vocabulary::{MemberId, ProfileId};

use crate::domain::consultation::Stage;

/// What somebody has to do: consultations of theirs, as far as that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Assigned, and not begun.
    pub waiting: u32,
    /// In progress.
    pub in_progress: u32,
}

/// All that goes on, of the workspace or of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Nobody is to serve it.
    pub unassigned: u32,
    /// Somebody is to, and has not begun.
    pub assigned: u32,
    /// In progress.
    pub in_progress: u32,
}

/// How many conversations somebody has to see, of the workspace or of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Those that wait.
    pub waiting: u32,
    /// Those of them that nobody answers for, or whoever looks does.
    pub attention: u32,
    /// Those in progress.
    pub in_progress: u32,
}

/// What somebody has to see: of each profile (`None`: of all together) at which there is something.
pub type Seen = BTreeMap<Option<ProfileId>, Counts>;

/// The counts.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    all: Totals,
    /// Of those at which something goes on.
    profiles: BTreeMap<ProfileId, Totals>,
    /// Of those who have something to do, by where.
    works: BTreeMap<(MemberId, ProfileId), Work>,
    changed: BTreeSet<MemberId>,
    changes: u64,
}

/// Where a consultation is: at which profile, and how far.
pub type Standpoint = (ProfileId, Stage);

impl Tally {
    /// All that goes on.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.all
    }

    /// What goes on at each profile at which something does.
    pub fn profiles(&self) -> impl Iterator<Item = (ProfileId, Totals)> {
        self.profiles.iter().map(|(profile, totals)| (*profile, *totals))
    }

    /// What somebody has to do.
    #[must_use]
    pub fn work(&self, member: MemberId) -> Work {
        let everywhere =
            (member, ProfileId::from_bytes([0; 16]))..=(member, ProfileId::from_bytes([u8::MAX; 16]));
        let works = self.works.range(everywhere).map(|(_, work)| *work);
        works.fold(Work::default(), |sum, work| Work {
            waiting: sum.waiting + work.waiting,
            in_progress: sum.in_progress + work.in_progress,
        })
    }

    /// What somebody has to do at a profile.
    #[must_use]
    pub fn work_at(&self, member: MemberId, profile: ProfileId) -> Work {
        self.works.get(&(member, profile)).copied().unwrap_or_default()
    }

    /// How many conversations a member has to see, who sees of some profiles only what is their own.
    #[must_use]
    pub fn seen_by(&self, member: MemberId, sees_only_own: impl Fn(ProfileId) -> bool) -> Seen {
        let (mut seen, mut all) = (Seen::new(), Counts::default());
        for (profile, totals) in self.profiles() {
            let own = self.work_at(member, profile);
            let here = if sees_only_own(profile) {
                Counts { waiting: own.waiting, attention: own.waiting, in_progress: own.in_progress }
            } else {
                Counts {
                    waiting: totals.unassigned.saturating_add(totals.assigned),
                    attention: totals.unassigned.saturating_add(own.waiting),
                    in_progress: totals.in_progress,
                }
            };
            if here != Counts::default() {
                all.waiting = all.waiting.saturating_add(here.waiting);
                all.attention = all.attention.saturating_add(here.attention);
                all.in_progress = all.in_progress.saturating_add(here.in_progress);
                seen.insert(Some(profile), here);
            }
        }
        seen.insert(None, all);
        seen
    }

    /// How often the counts have changed: while it is the same, so are they.
    #[must_use]
    pub const fn changes(&self) -> u64 {
        self.changes
    }

    /// Those who have more or less to do than when this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<MemberId> {
        std::mem::take(&mut self.changed)
    }

    /// A consultation has come from somewhere to somewhere; `None`: it is not, or is not any more.
    pub fn moves(&mut self, from: Option<Standpoint>, to: Option<Standpoint>) {
        if from == to {
            return;
        }
        self.changes += 1;
        if let Some(from) = from {
            self.count(from, |count| *count = count.saturating_sub(1));
            self.drop_empty(from);
        }
        if let Some(to) = to {
            self.count(to, |count| *count += 1);
        }
    }

    fn count(&mut self, (profile, stage): Standpoint, change: impl Fn(&mut u32)) {
        change(self.all.of(stage));
        change(self.profiles.entry(profile).or_default().of(stage));
        let (member, begun) = match stage {
            Stage::Waiting => return,
            Stage::Assigned(member) => (member, false),
            Stage::InProgress(member) => (member, true),
        };
        let work = self.works.entry((member, profile)).or_default();
        change(if begun { &mut work.in_progress } else { &mut work.waiting });
        self.changed.insert(member);
    }

    fn drop_empty(&mut self, (profile, stage): Standpoint) {
        if self.profiles.get(&profile) == Some(&Totals::default()) {
            self.profiles.remove(&profile);
        }
        if let Some(member) = stage.assignee()
            && self.work_at(member, profile) == Work::default()
        {
            self.works.remove(&(member, profile));
        }
    }
}

impl Totals {
    const fn of(&mut self, stage: Stage) -> &mut u32 {
        match stage {
            Stage::Waiting => &mut self.unassigned,
            Stage::Assigned(_) => &mut self.assigned,
            Stage::InProgress(_) => &mut self.in_progress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, prop, proptest};

    fn standpoint() -> impl Strategy<Value = Option<Standpoint>> {
        prop::option::weighted(0.7, (0..3_u8, 0..3_u8, 0..3_u8)).prop_map(|standpoint| {
            let (profile, member, stage) = standpoint?;
            let (profile, member) =
                (ProfileId::from_bytes([profile; 16]), MemberId::from_bytes([member; 16]));
            Some((
                profile,
                [Stage::Waiting, Stage::Assigned(member), Stage::InProgress(member)][usize::from(stage)],
            ))
        })
    }

    fn count(of: impl Iterator<Item = Standpoint>) -> Totals {
        of.fold(Totals::default(), |mut totals, (_, stage)| {
            *totals.of(stage) += 1;
            totals
        })
    }

    /// What a member has to see is counted over the rows that they are shown.
    fn check_seen(tally: &Tally, at: &[Option<Standpoint>]) {
        let (member, closed) = (MemberId::from_bytes([1; 16]), ProfileId::from_bytes([2; 16]));
        let mut seen = Seen::from([(None, Counts::default())]);
        for (profile, stage) in at.iter().flatten().copied() {
            let is_own = stage.assignee() == Some(member);
            if profile == closed && !is_own {
                continue;
            }
            for key in [None, Some(profile)] {
                let counts = seen.entry(key).or_default();
                match stage {
                    Stage::InProgress(_) => counts.in_progress += 1,
                    Stage::Waiting | Stage::Assigned(_) => {
                        counts.waiting += 1;
                        counts.attention += u32::from(is_own || stage == Stage::Waiting);
                    }
                }
            }
        }
        assert_eq!(tally.seen_by(member, |profile| profile == closed), seen);
    }

    proptest! {
        #[test]
        fn the_counts_are_those_of_a_recount_and_whoever_has_other_work_is_named(
            steps in prop::collection::vec((any::<prop::sample::Index>(), standpoint()), 1..60),
        ) {
            let (mut tally, mut at) = (Tally::default(), [None; 5]);
            for (which, to) in steps {
                let which = which.index(at.len());
                let (before, changes) = (tally.clone(), tally.changes());
                tally.moves(at[which], to);
                assert_eq!(tally.changes() == changes, at[which] == to);
                at[which] = to;
                let open = || at.iter().flatten().copied();
                assert_eq!(tally.totals(), count(open()));
                let changed = tally.take_changed();
                for n in 0..3 {
                    let profile = ProfileId::from_bytes([n; 16]);
                    let here = || open().filter(move |(at, _)| *at == profile);
                    let counted = tally.profiles().find(|(at, _)| *at == profile).map(|(_, totals)| totals);
                    assert_eq!(counted, here().next().map(|_| count(here())));
                    let member = MemberId::from_bytes([n; 16]);
                    let theirs = |stage: &Stage| stage.assignee() == Some(member);
                    let own = count(open().filter(|(_, stage)| theirs(stage)));
                    assert_eq!(tally.work(member), Work { waiting: own.assigned, in_progress: own.in_progress });
                    assert!(changed.contains(&member) || tally.work(member) == before.work(member));
                    for m in 0..3 {
                        let at_one = ProfileId::from_bytes([m; 16]);
                        let own = count(open().filter(|(at, stage)| theirs(stage) && *at == at_one));
                        let work = Work { waiting: own.assigned, in_progress: own.in_progress };
                        assert_eq!(tally.work_at(member, at_one), work);
                    }
                }
                check_seen(&tally, &at);
                assert_eq!(tally.works.len(), tally.works.values().filter(|work| **work != Work::default()).count());
            }
        }
    }
}
