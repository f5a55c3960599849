//! Carrying out what was decided.
//!
//! Owns the one way in which a conversation changes; replay is this, repeated. It cannot fail: an
//! entry that exists is true.

use switchboard_protocol::vocabulary::Party;

use super::{Answer, Audience, Conversation, Entry, Event, Place, Side, What};

impl Conversation {
    /// Adds the next entry.
    pub fn apply(&mut self, entry: &Entry) {
        debug_assert_eq!(entry.revision, self.revision + 1, "entries are applied in order");
        debug_assert_eq!(entry.before, self.last, "entries follow on one another");
        for (place, event) in entry.placed() {
            self.apply_event(place, event);
        }
        self.revision = entry.revision;
        self.last = entry.after();
        self.last_at = entry.at;
        if let Some(origin) = &entry.origin {
            self.clients.remember(origin, answer_of(entry));
        }
    }

    fn apply_event(&mut self, place: Place, event: &Event) {
        match &event.what {
            What::Started { customer } => self.customer = Some(customer.clone()),
            What::Message(_) => match event.by {
                Party::Customer => self.staff_unread.posted(place),
                Party::Bot | Party::Agent { .. } => self.customer_unread.posted(place),
            },
            What::Assigned { member } => {
                self.assignee = Some(*member);
                self.epoch += 1;
            }
            What::Entered { member } => {
                self.agents.insert(*member);
            }
            What::Left { member } => {
                self.agents.remove(member);
            }
            What::Completed => {
                self.agents.clear();
                self.assignee = None;
                self.epoch += 1;
            }
            What::Ended => {
                self.agents.clear();
                self.assignee = None;
                self.epoch += 1;
                self.ended = true;
            }
            What::Read { side: Side::Customer, up_to } => self.customer_unread.read_up_to(*up_to),
            What::Read { side: Side::Staff, up_to } => self.staff_unread.read_up_to(*up_to),
            What::Unchanged => {}
        }
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
