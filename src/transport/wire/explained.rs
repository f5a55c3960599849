//! Decisions on the wire.
//!
//! Owns their translation, and who of those considered is told when not all are. Must not know how anything is
//! chosen.

use switchboard_protocol::vocabulary::Timestamp;
use switchboard_protocol::wire::{AssignmentRule, Decided, Decision, PassedOver, ReplyBody, WaitsWhy};

use crate::domain::assignment::{Candidate, Explanation, Group, Hindrance, Outcome, Rule, Why};
use crate::journal::Decisions;
use crate::limits;

/// The answer.
pub(super) fn reply(decisions: &Decisions) -> ReplyBody {
    let decisions_told = decisions.found.iter().map(|(at, explanation)| decision(*at, explanation)).collect();
    ReplyBody::Explained { decisions: decisions_told, more: decisions.more }
}

fn decision(at: Timestamp, Explanation { considered, outcome }: &Explanation) -> Decision {
    let maximum = considered.maximum;
    let chosen = match outcome {
        Outcome::Assigned { member, .. } => Some(*member),
        Outcome::Waits(_) => None,
    };
    let mut candidates: Vec<&Candidate> = considered.candidates.iter().collect();
    // Those outside are the many, and say the least.
    candidates.sort_by_key(|candidate| {
        let hindrance = candidate.hindrance(maximum);
        (Some(candidate.member) != chosen, hindrance.is_some(), hindrance == Some(Hindrance::Outside))
    });
    let left_off = candidates.len().saturating_sub(limits::CANDIDATES_MAX);
    candidates.truncate(limits::CANDIDATES_MAX);
    Decision {
        at,
        consultation: considered.consultation,
        outcome: decided(outcome),
        maximum,
        candidates: candidates.into_iter().map(|told| candidate(told, maximum)).collect(),
        left_off: u32::try_from(left_off).unwrap_or(u32::MAX),
    }
}

const fn decided(outcome: &Outcome) -> Decided {
    match outcome {
        Outcome::Assigned { member, rule } => {
            let rule = match rule {
                Rule::Sticky => AssignmentRule::Sticky,
                Rule::Specialist => AssignmentRule::Specialist,
                Rule::General => AssignmentRule::General,
            };
            Decided::Assigned { member: *member, rule }
        }
        Outcome::Waits(why) => {
            let (why, former) = match why {
                Why::Manual => (WaitsWhy::Manual, None),
                Why::Closed => (WaitsWhy::Closed, None),
                Why::ForFormer(former) => (WaitsWhy::ForFormer, Some(*former)),
                Why::NobodyFree => (WaitsWhy::NobodyFree, None),
            };
            Decided::Waits { why, former }
        }
    }
}

fn candidate(candidate: &Candidate, maximum: u32) -> switchboard_protocol::wire::Candidate {
    let passed_over = candidate.hindrance(maximum).map(|hindrance| match hindrance {
        Hindrance::Outside => PassedOver::Outside,
        Hindrance::Away => PassedOver::Away,
        Hindrance::Offline => PassedOver::Offline,
        Hindrance::Full => PassedOver::Full,
    });
    let specialist = candidate.group == Group::Specialist;
    let Candidate { member, agent, .. } = *candidate;
    switchboard_protocol::wire::Candidate { member, specialist, load: agent.load, passed_over }
}

#[cfg(test)]
mod tests {
    use super::super::reply_frame;
    use super::*;
    use crate::domain::assignment::{Agent, Choosing, Considered, Standing};
    use switchboard_protocol::vocabulary::{ConsultationId, MemberId};
    use switchboard_protocol::wire::encode;

    fn member(n: u16) -> MemberId {
        let mut id = [0xff; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        MemberId::from_bytes(id)
    }

    /// Many members, most of whom are outside, and nobody but the last could be given anything.
    fn explanation(members: u16) -> Explanation {
        let candidate = |n| {
            let standing = if n + 1 == members { Standing::Online } else { Standing::Offline };
            let group = if n % 100 == 99 { Group::Specialist } else { Group::Outside };
            Candidate { member: member(n), group, agent: Agent { standing, load: 7, turn: u64::MAX } }
        };
        let considered = Considered {
            consultation: ConsultationId::from_bytes([0xff; 16]),
            automatic: true,
            open: true,
            choosing: Choosing::default(),
            maximum: u32::MAX,
            matched: None,
            former: None,
            seed: 0,
            candidates: (0..members).map(candidate).collect(),
        };
        Explanation { outcome: considered.conclude(), considered }
    }

    #[test]
    fn as_many_decisions_as_are_told_fit_into_a_frame_and_who_matters_comes_first() {
        let found = vec![(Timestamp::from_millis(i64::MAX), explanation(5_000)); limits::DECISIONS_MAX];
        let body = reply(&Decisions { found, more: true });
        assert!(encode(&reply_frame(u64::MAX, Ok(body.clone()))).is_ok());
        let ReplyBody::Explained { decisions, .. } = body else { panic!("not explained") };
        let [first, second, ..] = decisions[0].candidates[..] else { panic!("nobody") };
        assert_eq!((first.member, first.passed_over), (member(4_999), None));
        assert_eq!((second.specialist, second.passed_over), (true, Some(PassedOver::Offline)));
        assert_eq!(decisions[0].left_off as usize + decisions[0].candidates.len(), 5_000);
    }
}
