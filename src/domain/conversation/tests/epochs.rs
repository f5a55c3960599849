//! Acting on what was seen: compare and set on the epoch.
//!
//! Owns the rule that of everything decided at one epoch at most one thing is done, and that every loser is told who
//! answers now.

use std::sync::Arc;

use proptest::prelude::*;
use switchboard_protocol::vocabulary::CategoryPath;

use super::*;
use crate::domain::assignment::{Choosing, Considered, Explanation, Outcome as Chosen, Rule};
use crate::domain::consultation::Requeued;

/// What somebody decides by what they have seen at an epoch.
#[derive(Debug, Clone)]
enum Decide {
    Take(MemberId),
    Transfer { by: MemberId, from: MemberId, to: MemberId },
    Complete(MemberId),
    Assign(MemberId),
    Requeue,
}

fn decide_something() -> impl Strategy<Value = Decide> {
    let member = || prop::sample::select(vec![ADA, BEN, CID]);
    prop_oneof![
        3 => member().prop_map(Decide::Take),
        3 => (member(), member(), member()).prop_map(|(by, from, to)| Decide::Transfer { by, from, to }),
        1 => member().prop_map(Decide::Complete),
        3 => member().prop_map(Decide::Assign),
        1 => Just(Decide::Requeue),
    ]
}

impl Story {
    /// Does what was decided at an epoch.
    fn at_epoch(&mut self, decided: &Decide, epoch: u64) -> Result<Vec<What>, Rejection> {
        let whats = |entry: Entry| entry.events.into_iter().map(|event| event.what).collect();
        let command = match *decided {
            Decide::Assign(member) => {
                let considered = Considered {
                    consultation: CONSULTATION,
                    automatic: true,
                    open: true,
                    choosing: Choosing::default(),
                    maximum: 10,
                    matched: None,
                    former: None,
                    seed: 7,
                    candidates: Vec::new(),
                };
                let outcome = Chosen::Assigned { member, rule: Rule::General };
                let explanation = Arc::new(Explanation { considered, outcome });
                let done = self.when_own(&OwnAction::Decided { epoch, explanation })?;
                return Ok(done.map(whats).unwrap_or_default());
            }
            Decide::Requeue => {
                let why = Requeued::Absent;
                let done = self.when_own(&OwnAction::Requeue { consultation: CONSULTATION, epoch, why })?;
                return Ok(done.map(whats).unwrap_or_default());
            }
            Decide::Take(member) => (member, Action::Take { consultation: CONSULTATION, epoch: Some(epoch) }),
            Decide::Transfer { by, from, to } => (by, Action::Transfer { from, to, epoch: Some(epoch) }),
            Decide::Complete(member) => (member, Action::Complete { epoch: Some(epoch) }),
        };
        match self.when(&agent(command.0), command.1).0? {
            Decision::Record(entry) => Ok(whats(entry)),
            other => panic!("neither done nor refused: {other:?}"),
        }
    }
}

fn call() -> Action {
    Action::Call { consultation: CONSULTATION, category: CategoryPath::default() }
}

#[test]
fn what_was_decided_too_late_is_refused_with_who_answers_now() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let seen = story.state.served.epoch;
    let at = |epoch| Action::Take { consultation: CONSULTATION, epoch };
    let _ = story.when(&agent(ADA), at(Some(seen))).recorded();
    let moved = |action| Rejection::Moved { action, assignee: Some(ADA) };
    story.when(&agent(BEN), at(Some(seen))).refused(moved("take"));
    let give = Action::Transfer { from: ADA, to: BEN, epoch: Some(seen) };
    story.when(&agent(ADA), give).refused(moved("transfer"));
    story.when(&agent(ADA), Action::Complete { epoch: Some(seen) }).refused(moved("complete"));
    let _ = story.when(&agent(ADA), Action::Complete { epoch: Some(seen + 1) }).becomes([What::Completed]);
    let nobody = Rejection::Moved { action: "take", assignee: None };
    story.when(&agent(BEN), at(Some(seen + 1))).refused(nobody.clone());
    assert_eq!(nobody.to_string(), "take: nobody answers for this conversation now");
}

#[test]
fn the_same_command_again_gets_the_same_answer_whatever_the_epoch_is_by_then() {
    let mut story = given([(customer(), start()), (customer(), call())]);
    let take = Action::Take { consultation: CONSULTATION, epoch: Some(1) };
    let taken = story.when_sent(&agent(ADA), 1, 9, take.clone()).recorded();
    story.when_sent(&agent(ADA), 1, 9, take).answered_as(&taken);
}

proptest! {
    /// Whoever acts, and in whichever order: they all have seen the same.
    #[test]
    fn of_what_is_decided_at_one_epoch_at_most_one_thing_is_done_and_every_loser_is_told_the_winner(
        is_served in any::<bool>(),
        rounds in prop::collection::vec(prop::collection::vec(decide_something(), 1..8), 1..12),
    ) {
        let mut story = given([(customer(), start()), (customer(), call())]);
        // All may give away what one of them answers for.
        for member in [ADA, BEN, CID] {
            let _ = story.when(&agent(member), Action::Join).recorded();
        }
        if is_served {
            let _ = story.when(&agent(ADA), take()).recorded();
        }
        for round in rounds {
            if story.state.served.consultation.is_none() {
                let _ = story.when(&customer(), call()).recorded();
                for member in [ADA, BEN, CID] {
                    let _ = story.when(&agent(member), Action::Join).0;
                }
            }
            let seen = story.state.served.epoch;
            let mut done = 0;
            for decided in &round {
                let before = story.state.served.epoch;
                match story.at_epoch(decided, seen) {
                    Ok(whats) => {
                        let changes = whats.iter().filter(|what| what.begins_epoch()).count();
                        prop_assert_eq!(before, seen, "done at another epoch: {:?}", decided);
                        prop_assert_eq!(story.state.served.epoch, seen + changes as u64);
                        done += changes;
                    }
                    Err(rejection) if before != seen => {
                        let Rejection::Moved { assignee, .. } = rejection else {
                            return Err(TestCaseError::fail(format!("{decided:?} is told {rejection:?}")));
                        };
                        prop_assert_eq!(assignee, story.state.assignee(), "the winner");
                    }
                    // At the epoch that there is, the other rules hold.
                    Err(_) => {}
                }
            }
            prop_assert!(done <= 1, "{done} things were done at epoch {seen}: {round:?}");
        }
    }
}
