//! What became of a conversation's consultations, and why somebody got one, as lines for people.
//!
//! Owns their words. Must not know where they come from.

use std::collections::HashMap;

use switchboard_client::vocabulary::{ConversationId, MemberId};
use switchboard_client::wire::{
    Assignee, AssignmentRule, BegunBy, Candidate, Consultation, Decided, Decision, How, Outcome, PassedOver,
    UnservedWhy, WaitsWhy,
};

use super::show::{about, clock, name_of};

type Names = HashMap<MemberId, String>;

/// A consultation, as it is read in a conversation.
pub(super) fn consultation_line(consultation: &Consultation, names: &Names, here: ConversationId) -> String {
    let began = match consultation.begun_by {
        BegunBy::Customer => "the customer called",
        BegunBy::Bot => "the bot called",
        BegunBy::Agent => "an agent stepped in",
        BegunBy::Unknown => "it began",
    };
    let outside = if consultation.outside_hours { " outside the hours" } else { "" };
    let about = about(&consultation.category);
    let is_here = consultation.conversation.is_none_or(|conversation| conversation == here);
    let elsewhere = if is_here { "" } else { ", in another conversation" };
    let mut parts = vec![format!("{} {began}{about}{outside}{elsewhere}", clock(consultation.called_at))];
    if consultation.earlier_assignees > 0 {
        parts.push(format!("{} before", consultation.earlier_assignees));
    }
    parts.extend(consultation.assignees.iter().map(|assignee| answered(assignee, names)));
    parts.extend(consultation.answered_at.map(|at| format!("first answer {}", clock(at))));
    parts.push(match (&consultation.outcome, consultation.ended_at) {
        (None, _) => "goes on".to_owned(),
        (Some(outcome), at) => {
            let at = at.map(|at| format!(" {}", clock(at))).unwrap_or_default();
            format!("{}{at}", became(outcome))
        }
    });
    parts.join("; ")
}

fn answered(assignee: &Assignee, names: &Names) -> String {
    let how = match (assignee.how, assignee.from) {
        (How::Automatic, _) => "assigned".to_owned(),
        (How::Taken, _) => "took it".to_owned(),
        (How::SteppedIn, _) => "stepped in".to_owned(),
        (How::Transferred, Some(from)) => format!("from {}", name_of(from, names)),
        (How::Transferred, None) => "given".to_owned(),
        (How::Unknown, _) => "somehow".to_owned(),
    };
    let until = assignee.until.map(|at| format!("–{}", clock(at))).unwrap_or_default();
    format!("{} ({how}, {}{until})", name_of(assignee.member, names), clock(assignee.since))
}

const fn became(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Cancelled => "taken back at once",
        Outcome::Missed { why } => match why {
            UnservedWhy::GaveUp => "missed: the customer took it back",
            UnservedWhy::Left => "missed: the customer ended the conversation",
            UnservedWhy::Dismissed => "missed: an agent ended the conversation",
            UnservedWhy::TooLong => "missed: it waited for too long",
            UnservedWhy::Cancelled | UnservedWhy::Unknown => "missed",
        },
        Outcome::Unknown => "over",
    }
}

/// A decision, with everybody who was considered below it.
pub(super) fn decision_lines(decision: &Decision, names: &Names) -> String {
    let outcome = match &decision.outcome {
        Decided::Assigned { member, rule } => {
            let rule = match rule {
                AssignmentRule::Sticky => "the customer's former agent",
                AssignmentRule::Specialist => "a specialist",
                AssignmentRule::General => "a general agent",
                AssignmentRule::Unknown => "by a rule that this version does not know",
            };
            format!("went to {}, {rule}", name_of(*member, names))
        }
        Decided::Waits { why, former } => {
            let former = former.map(|former| format!(" {}", name_of(former, names))).unwrap_or_default();
            match why {
                WaitsWhy::Manual => "waits: it is taken by hand".to_owned(),
                WaitsWhy::Closed => "waits for the opening hours".to_owned(),
                WaitsWhy::ForFormer => format!("waits for the former agent{former}"),
                WaitsWhy::NobodyFree => "waits: nobody who may serve it is free".to_owned(),
                WaitsWhy::Unknown => "waits".to_owned(),
            }
        }
        Decided::Unknown => "decided in a way that this version cannot show".to_owned(),
    };
    let mut lines = vec![format!("{} {outcome}; at most {} each", clock(decision.at), decision.maximum)];
    let chosen = match &decision.outcome {
        Decided::Assigned { member, .. } => Some(*member),
        Decided::Waits { .. } | Decided::Unknown => None,
    };
    lines.extend(decision.candidates.iter().map(|candidate| considered(candidate, chosen, names)));
    if decision.left_off > 0 {
        lines.push(format!("      and {} more", decision.left_off));
    }
    lines.join("\n")
}

fn considered(candidate: &Candidate, chosen: Option<MemberId>, names: &Names) -> String {
    let standing = match candidate.passed_over {
        None if Some(candidate.member) == chosen => "chosen",
        None => "could have had it",
        Some(PassedOver::Outside) => "passed over: serves others",
        Some(PassedOver::Away) => "passed over: away",
        Some(PassedOver::Offline) => "passed over: not there",
        Some(PassedOver::Full) => "passed over: has as many as allowed",
        Some(PassedOver::Unknown) => "passed over",
    };
    let specialist = if candidate.specialist { ", a specialist" } else { "" };
    let name = name_of(candidate.member, names);
    format!("      {name}{specialist}, has {}: {standing}", candidate.load)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_client::vocabulary::{CategoryPath, ConsultationId, Timestamp};

    fn ids() -> (MemberId, MemberId, Names) {
        let (ada, ben) = (MemberId::from_bytes([1; 16]), MemberId::from_bytes([2; 16]));
        (ada, ben, HashMap::from([(ada, "Ada".to_owned()), (ben, "Ben".to_owned())]))
    }

    #[test]
    fn a_consultation_reads_from_its_beginning_to_its_end() {
        let (ada, ben, names) = ids();
        let at = |minute: i64| Timestamp::from_millis(minute * 60_000);
        let [here, elsewhere] = [1, 2].map(|n| ConversationId::from_bytes([n; 16]));
        let consultation = Consultation {
            conversation: Some(here),
            consultation: ConsultationId::from_bytes([3; 16]),
            begun_by: BegunBy::Bot,
            category: CategoryPath::default(),
            called_at: at(1),
            outside_hours: true,
            served_at: Some(at(2)),
            answered_at: Some(at(3)),
            ended_at: Some(at(6)),
            outcome: Some(Outcome::Completed),
            assignees: vec![
                Assignee { member: ada, how: How::Automatic, from: None, since: at(2), until: Some(at(4)) },
                Assignee { member: ben, how: How::Transferred, from: Some(ada), since: at(4), until: None },
            ],
            earlier_assignees: 2,
            transfers: 1,
            requeues: 0,
        };
        assert_eq!(
            consultation_line(&consultation, &names, here),
            "00:01 the bot called outside the hours; 2 before; Ada (assigned, 00:02–00:04); \
             Ben (from Ada, 00:04); first answer 00:03; completed 00:06"
        );
        let read_elsewhere = consultation_line(&consultation, &names, elsewhere);
        assert!(
            read_elsewhere.starts_with("00:01 the bot called outside the hours, in another conversation; ")
        );
    }

    #[test]
    fn a_decision_says_of_everybody_why_they_did_not_get_it() {
        let (ada, ben, names) = ids();
        let candidate =
            |member, load, passed_over| Candidate { member, specialist: member == ada, load, passed_over };
        let decision = Decision {
            at: Timestamp::from_millis(60_000),
            consultation: ConsultationId::from_bytes([3; 16]),
            outcome: Decided::Assigned { member: ada, rule: AssignmentRule::Specialist },
            maximum: 3,
            candidates: vec![candidate(ada, 1, None), candidate(ben, 3, Some(PassedOver::Full))],
            left_off: 4,
        };
        assert_eq!(
            decision_lines(&decision, &names),
            "00:01 went to Ada, a specialist; at most 3 each\n      Ada, a specialist, has 1: chosen\n      \
             Ben, has 3: passed over: has as many as allowed\n      and 4 more"
        );
    }
}
