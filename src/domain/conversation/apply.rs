//! Carrying out what was decided.
//!
//! Owns the one way in which a conversation changes; replay is this, repeated. It cannot fail: an
//! entry that exists is true.

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, MemberId, Party, Timestamp};

use super::{Answer, Audience, Conversation, Entry, Event, Floor, Place, Side, What};
use crate::domain::consultation::{Beginning, Consultation, How, Stage};

impl Conversation {
    /// Adds the next entry.
    pub fn apply(&mut self, entry: &Entry) {
        debug_assert_eq!(entry.revision, self.revision + 1, "entries are applied in order");
        debug_assert_eq!(entry.before, self.last, "entries follow on one another");
        for (place, event) in entry.placed() {
            self.apply_event(entry, place, event);
        }
        self.revision = entry.revision;
        self.last = entry.after();
        self.last_at = entry.at;
        if let Some(origin) = &entry.origin {
            self.clients.remember(origin, answer_of(entry));
        }
    }

    fn apply_event(&mut self, entry: &Entry, place: Place, event: &Event) {
        match &event.what {
            What::Started { customer } => self.customer = Some(customer.clone()),
            What::Message(_) => self.apply_message(entry, place, event.by),
            What::Called { consultation, category, in_hours, bot_replies } => {
                let beginning = Beginning::Called { in_hours: *in_hours, bot_replies: *bot_replies };
                self.serve(entry.at, *consultation, beginning, category.clone(), Stage::Waiting);
            }
            What::Assigned { member, how: How::SteppedIn { consultation } } => {
                let stage = Stage::Assigned(*member);
                let category = CategoryPath::default();
                self.serve(entry.at, *consultation, Beginning::SteppedIn, category, stage);
                self.begin_service(entry.at);
            }
            What::Assigned { member, how } => self.assign(*member, *how, entry.at),
            What::Requeued { from, .. } => {
                self.agents.remove(from);
                self.wait_again();
            }
            What::Entered { member } => {
                self.agents.insert(*member);
                self.begin_service(entry.at);
            }
            What::Left { member } => {
                self.agents.remove(member);
            }
            What::Completed => {
                self.former = self.assignee().or(self.former);
                self.end_service();
            }
            What::Unserved { .. } => self.end_service(),
            What::Ended => {
                self.end_service();
                self.ended = true;
            }
            What::Read { side: Side::Customer, up_to } => self.customer_unread.read_up_to(*up_to),
            What::Read { side: Side::Staff, up_to } => self.staff_unread.read_up_to(*up_to),
            What::CallRefused { .. } | What::Explained(_) | What::Unchanged => {}
        }
    }

    fn apply_message(&mut self, entry: &Entry, place: Place, by: Party) {
        match by {
            Party::Customer => {
                self.staff_unread.posted(place);
                self.silent_since = None;
                self.owed = (self.floor() == Floor::Bot).then_some(entry.revision);
            }
            Party::Bot => {
                self.customer_unread.posted(place);
                self.owed = None;
            }
            Party::Agent { .. } => {
                self.customer_unread.posted(place);
                self.silent_since = Some(entry.at);
            }
        }
    }

    /// A consultation begins.
    fn serve(
        &mut self,
        at: Timestamp,
        id: ConsultationId,
        beginning: Beginning,
        category: CategoryPath,
        stage: Stage,
    ) {
        self.consultation = Some(Consultation {
            id,
            beginning,
            category,
            called_at: at,
            stage,
            served_at: None,
            transfers: 0,
        });
        self.turn_over();
    }

    fn assign(&mut self, member: MemberId, how: How, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation {
            consultation.stage = match consultation.stage {
                Stage::InProgress(_) => Stage::InProgress(member),
                Stage::Waiting | Stage::Assigned(_) => Stage::Assigned(member),
            };
            consultation.transfers += u32::from(matches!(how, How::Transferred { .. }));
            self.turn_over();
        }
        // Somebody who has only joined may be inside already.
        if self.agents.contains(&member) {
            self.begin_service(at);
        }
    }

    fn wait_again(&mut self) {
        if let Some(consultation) = &mut self.consultation {
            consultation.stage = Stage::Waiting;
            self.turn_over();
        }
    }

    /// Somebody is inside and somebody answers for it: service has begun.
    fn begin_service(&mut self, at: Timestamp) {
        if let Some(consultation) = &mut self.consultation
            && let Stage::Assigned(member) = consultation.stage
        {
            consultation.stage = Stage::InProgress(member);
            consultation.served_at.get_or_insert(at);
            self.owed = None;
        }
    }

    fn end_service(&mut self) {
        self.agents.clear();
        self.consultation = None;
        self.silent_since = None;
        self.turn_over();
    }

    /// Who serves it or has the floor has changed.
    const fn turn_over(&mut self) {
        self.epoch += 1;
        self.owed = None;
    }
}

/// The answer to the command that became this entry.
#[must_use]
pub fn answer_of(entry: &Entry) -> Answer {
    let counted = entry
        .placed()
        .map(|(place, event)| (place, event.what.audience()))
        .filter(|(_, audience)| *audience != Audience::Uncounted)
        .last();
    Answer {
        revision: entry.revision,
        place: counted.map(|(place, _)| place),
        customer_sees: counted.is_some_and(|(_, audience)| audience == Audience::Everyone),
        at: entry.at,
    }
}
