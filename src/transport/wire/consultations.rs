//! Consultations on the wire.
//!
//! Owns the translation of their records. Must not know where they come from.

use switchboard_protocol::vocabulary::{ConversationId, MemberId};
use switchboard_protocol::wire::{
    Assignee, BegunBy, Consultation, How as HowTold, Outcome, ReplyBody, UnservedWhy,
};

use crate::domain::consultation::{self, Beginning, Caller, How, Record, Unserved};
use crate::journal::ConsultationPage;

/// The answer.
pub(super) fn reply(page: ConsultationPage) -> ReplyBody {
    let consultations = page.records.into_iter().map(consultation).collect();
    ReplyBody::Consultations { consultations, next: page.next }
}

/// Why nobody has served a consultation.
pub(super) const fn why(why: Unserved) -> UnservedWhy {
    match why {
        Unserved::Cancelled => UnservedWhy::Cancelled,
        Unserved::GaveUp => UnservedWhy::GaveUp,
        Unserved::Left => UnservedWhy::Left,
        Unserved::Dismissed => UnservedWhy::Dismissed,
        Unserved::TooLong => UnservedWhy::TooLong,
    }
}

/// How somebody came to answer for a consultation, and from whom it was given to them.
pub(super) const fn how(how: How) -> (HowTold, Option<MemberId>) {
    match how {
        How::Automatic => (HowTold::Automatic, None),
        How::Taken => (HowTold::Taken, None),
        How::SteppedIn { .. } => (HowTold::SteppedIn, None),
        How::Transferred { from } => (HowTold::Transferred, Some(from)),
    }
}

fn consultation((conversation, Record { consultation, over }): (ConversationId, Record)) -> Consultation {
    let (begun_by, outside_hours) = match consultation.beginning {
        Beginning::Called { by: Caller::Customer, in_hours, .. } => (BegunBy::Customer, !in_hours),
        Beginning::Called { by: Caller::Bot, in_hours, .. } => (BegunBy::Bot, !in_hours),
        Beginning::SteppedIn => (BegunBy::Agent, false),
    };
    Consultation {
        conversation: Some(conversation),
        consultation: consultation.id,
        begun_by,
        category: consultation.category,
        called_at: consultation.called_at,
        outside_hours,
        served_at: consultation.served_at,
        answered_at: consultation.answered_at,
        ended_at: over.map(|over| over.at),
        outcome: over.map(|over| outcome(over.outcome)),
        assignees: consultation.assignees.last.into_iter().map(assignee).collect(),
        earlier_assignees: consultation.assignees.earlier,
        transfers: consultation.transfers,
        requeues: consultation.requeues,
    }
}

const fn outcome(outcome: consultation::Outcome) -> Outcome {
    match outcome {
        consultation::Outcome::Completed => Outcome::Completed,
        consultation::Outcome::Unserved(unserved) if unserved.is_missed() => {
            Outcome::Missed { why: why(unserved) }
        }
        consultation::Outcome::Unserved(_) => Outcome::Cancelled,
    }
}

fn assignee(held: consultation::Assignee) -> Assignee {
    let (how, from) = how(held.how);
    Assignee { member: held.member, how, from, since: held.since, until: held.until }
}

#[cfg(test)]
mod tests {
    use super::super::reply_frame;
    use super::*;
    use crate::domain::consultation::{ASSIGNEES_MAX, Assignees, Over, Stage};
    use crate::limits;
    use switchboard_protocol::vocabulary::{
        CATEGORY_LEVELS_MAX, CategoryName, CategoryPath, ConsultationId, Timestamp,
    };
    use switchboard_protocol::wire::encode;

    fn longest(over: consultation::Outcome) -> Record {
        let (id, member) = (ConsultationId::from_bytes([0xff; 16]), MemberId::from_bytes([0xff; 16]));
        let at = Timestamp::from_millis(i64::MAX);
        let name = CategoryName::new("🙂".repeat(CategoryName::CHARS_MAX)).unwrap();
        let held = consultation::Assignee {
            member,
            how: How::Transferred { from: member },
            since: at,
            until: Some(at),
        };
        let last = vec![held; ASSIGNEES_MAX].into();
        let consultation = consultation::Consultation {
            id,
            beginning: Beginning::Called { by: Caller::Customer, in_hours: false, bot_replies: true },
            category: CategoryPath::new(vec![name; CATEGORY_LEVELS_MAX]).unwrap(),
            called_at: at,
            waits_since: at,
            stage: Stage::InProgress(member),
            why: None,
            served_at: Some(at),
            answered_at: Some(at),
            transfers: u32::MAX,
            requeues: u32::MAX,
            assignees: Assignees { last, earlier: u32::MAX },
        };
        Record { consultation, over: Some(Over { at, outcome: over }) }
    }

    #[test]
    fn the_longest_page_fits_into_a_frame() {
        let over = consultation::Outcome::Unserved(Unserved::Dismissed);
        let conversation = ConversationId::from_bytes([0xff; 16]);
        let records = vec![(conversation, longest(over)); limits::CONSULTATIONS_MAX];
        let page = ConsultationPage { records, next: Some("f".repeat(200)) };
        assert!(encode(&reply_frame(u64::MAX, Ok(reply(page)))).is_ok());
    }

    #[test]
    fn a_call_that_is_taken_back_early_is_cancelled_and_every_other_that_nobody_served_is_missed() {
        for (unserved, told) in [
            (Unserved::Cancelled, Outcome::Cancelled),
            (Unserved::GaveUp, Outcome::Missed { why: UnservedWhy::GaveUp }),
            (Unserved::Left, Outcome::Missed { why: UnservedWhy::Left }),
            (Unserved::Dismissed, Outcome::Missed { why: UnservedWhy::Dismissed }),
            (Unserved::TooLong, Outcome::Missed { why: UnservedWhy::TooLong }),
        ] {
            let record = longest(consultation::Outcome::Unserved(unserved));
            assert_eq!(consultation((ConversationId::from_bytes([1; 16]), record)).outcome, Some(told));
        }
    }
}
