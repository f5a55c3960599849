//! What customers who wait are told of their place.
//!
//! Owns what each was told last, so that they hear of changes only, how fast each profile's queue goes, and how
//! far off the estimates were. Must not know clocks, or how often it is asked.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_protocol::vocabulary::{ConversationId, ProfileId, Timestamp};

use crate::domain::assignment::{Accuracy, Line, Pace, Place};

/// Those who wait at each profile, in order.
pub type Queues = BTreeMap<ProfileId, BTreeMap<Place, ConversationId>>;

/// What customers were told.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    told: BTreeMap<ConversationId, Waiting>,
    paces: BTreeMap<ProfileId, Pace>,
    accuracy: Accuracy,
}

/// Somebody who waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    profile: ProfileId,
    /// What their present incarnation was told last.
    told: Option<Line>,
    /// The first estimate that they were told, in seconds, and when.
    first: Option<(Timestamp, u32)>,
    /// Whether somebody was found for them since: it may be over by the next turn.
    found: bool,
}

impl Lines {
    /// Whether nobody waits, as far as anybody was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Whether somebody who waits is told for how long: that changes by itself.
    #[must_use]
    pub fn estimates(&self) -> bool {
        self.told.values().any(|waiting| waiting.told.is_some_and(|line| line.wait_s.is_some()))
    }

    /// A conversation has stopped: its next incarnation has not been told anything.
    pub fn forget(&mut self, conversation: ConversationId) {
        self.told.entry(conversation).and_modify(|waiting| waiting.told = None);
    }

    /// How far off the estimates were, since the workspace began.
    #[must_use]
    pub const fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    /// Whether somebody is found for one who waited at the last turn.
    pub fn is_found(&mut self, conversation: ConversationId, found: bool) {
        self.told.entry(conversation).and_modify(|waiting| waiting.found = found);
    }

    /// Those who wait now: who is to be told what. `None`: that they do not wait any more. Those who sleep are told
    /// when they are awake.
    pub fn turn(
        &mut self,
        queues: &Queues,
        now: Timestamp,
        is_awake: impl Fn(ConversationId) -> bool,
    ) -> Vec<(ConversationId, Option<Line>)> {
        let mut told = BTreeMap::new();
        let here: BTreeSet<_> = queues.values().flat_map(BTreeMap::values).collect();
        let gone = self.told.iter().filter(|(id, _)| !here.contains(id)).map(|(id, waiting)| (*id, *waiting));
        let gone: Vec<_> = gone.collect();
        for (_, waiting) in &gone {
            self.paces.entry(waiting.profile).or_default().gone(now);
            if let Some((at, wait_s)) = waiting.first.filter(|_| waiting.found) {
                let took = now.as_millis().saturating_sub(at.as_millis());
                self.accuracy.add(wait_s, took.max(0).unsigned_abs());
            }
        }
        // What was fast while somebody waited says nothing of the next time.
        self.paces.retain(|profile, _| queues.contains_key(profile));
        let mut changed: Vec<_> = gone.into_iter().map(|(id, _)| (id, None)).collect();
        for (profile, queue) in queues {
            let pace = self.paces.entry(*profile).or_default();
            for (id, position) in queue.values().zip(1..) {
                let line = is_awake(*id).then(|| pace.line(position, now));
                let before = self.told.get(id);
                if line.is_some() && before.is_none_or(|before| before.told != line) {
                    changed.push((*id, line));
                }
                let estimate = line.and_then(|line| line.wait_s).map(|wait_s| (now, wait_s));
                let first = before.and_then(|before| before.first).or(estimate);
                told.insert(*id, Waiting { profile: *profile, told: line, first, found: false });
            }
        }
        self.told = told;
        changed
    }
}

#[cfg(test)]
mod random;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::assignment::{Request, RuleBook};
    use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId};

    const PROFILE: ProfileId = ProfileId::from_bytes([1; 16]);

    fn id(n: u8) -> ConversationId {
        ConversationId::from_bytes([n; 16])
    }

    /// Those who wait, each called at the time that is its number.
    fn queue(waiting: &[u8]) -> Queues {
        let place = |n: &u8| {
            let request = Request {
                consultation: ConsultationId::from_bytes([*n; 16]),
                profile: PROFILE,
                category: CategoryPath::default(),
                former: None,
                called_at: Timestamp::from_millis((*n).into()),
                in_hours: true,
            };
            (RuleBook::default().place(&request), id(*n))
        };
        if waiting.is_empty() {
            return Queues::new();
        }
        [(PROFILE, waiting.iter().map(place).collect())].into()
    }

    fn turn(lines: &mut Lines, waiting: &[u8], now: i64) -> Vec<(ConversationId, Option<u32>)> {
        let told = lines.turn(&queue(waiting), Timestamp::from_millis(now), |_| true);
        told.into_iter().map(|(id, line)| (id, line.map(|line| line.position))).collect()
    }

    #[test]
    fn everybody_hears_of_a_change_of_their_own_and_of_nothing_else() {
        let mut lines = Lines::default();
        assert_eq!(turn(&mut lines, &[3, 5], 1), [(id(3), Some(1)), (id(5), Some(2))]);
        assert_eq!(turn(&mut lines, &[3, 5], 2), []);
        assert_eq!(turn(&mut lines, &[3, 5, 6], 3), [(id(6), Some(3))], "whoever comes later moves nobody");
        assert_eq!(turn(&mut lines, &[5, 6], 4), [(id(3), None), (id(5), Some(1)), (id(6), Some(2))]);
        let again = turn(&mut lines, &[3, 5, 6], 5);
        assert_eq!(
            again,
            [(id(3), Some(1)), (id(5), Some(2)), (id(6), Some(3))],
            "queued again in its place"
        );
        lines.forget(id(5));
        assert_eq!(turn(&mut lines, &[3, 5, 6], 6), [(id(5), Some(2))]);
        assert_eq!(turn(&mut lines, &[], 7).len(), 3);
        assert!(lines.is_empty());
    }

    #[test]
    fn an_estimate_comes_with_those_who_go_and_is_forgotten_when_nobody_waits() {
        let mut lines = Lines::default();
        for n in 0..4 {
            turn(&mut lines, &[n, 9], i64::from(n) * 60_000);
        }
        assert_eq!(lines.told[&id(9)].told.unwrap().wait_s, None, "three have gone");
        turn(&mut lines, &[9], 240_000);
        assert_eq!(lines.told[&id(9)].told, Some(Line { position: 1, wait_s: Some(60) }));
        turn(&mut lines, &[], 250_000);
        turn(&mut lines, &[9], 9_000_000);
        assert_eq!(lines.told[&id(9)].told, Some(Line { position: 1, wait_s: None }));
    }

    #[test]
    fn the_first_estimate_is_compared_with_how_long_it_took_until_somebody_was_found() {
        let mut lines = Lines::default();
        for n in 0..4 {
            turn(&mut lines, &[n, 9, 200], i64::from(n) * 60_000);
        }
        assert_eq!(lines.accuracy(), Accuracy::default(), "nobody was told an estimate");
        turn(&mut lines, &[9, 200], 240_000);
        assert_eq!(lines.told[&id(200)].told, Some(Line { position: 2, wait_s: Some(120) }));
        lines.forget(id(9));
        turn(&mut lines, &[9, 200], 330_000);
        lines.is_found(id(9), true);
        // Somebody was found, and was not there any more; then the customer gave up.
        lines.is_found(id(200), true);
        lines.is_found(id(200), false);
        turn(&mut lines, &[], 340_000);
        let accuracy = lines.accuracy();
        assert_eq!(accuracy.compared, 1, "whoever gave up says nothing of it");
        assert_eq!((accuracy.told_mean_s(), accuracy.took_mean_s(), accuracy.off_mean_s()), (60, 100, 40));
    }
}
