//! Carrying out what was decided.
//!
//! Owns the one way in which a conversation changes; replay is this, repeated. It cannot fail: an
//! entry that exists is true.

use switchboard_protocol::vocabulary::Party;

use super::{Answer, Audience, Conversation, Entry, Event, Floor, Place, Side, What};

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
        let epoch = self.served.epoch;
        self.served.apply(entry.at, event);
        match &event.what {
            What::Started { customer, .. } => self.customer = Some(customer.clone()),
            What::Message(_) => self.apply_message(entry, place, event.by),
            What::Ended => self.ended = true,
            // Nobody was there to be answered. It begins anew when the next agent says something.
            What::Requeued { .. } => self.silent_since = None,
            What::Described(change) => self.details.change(change),
            What::Read { side: Side::Customer, up_to } => self.customer_unread.read_up_to(*up_to),
            What::Read { side: Side::Staff, up_to } => self.staff_unread.read_up_to(*up_to),
            What::Called { .. }
            | What::CallRefused { .. }
            | What::Assigned { .. }
            | What::Unserved { .. }
            | What::Explained(_)
            | What::Entered { .. }
            | What::Left { .. }
            | What::Completed
            | What::Unchanged => {}
        }
        if self.served.consultation.is_none() {
            self.silent_since = None;
        }
        // Whoever had the floor owes nothing any more.
        if self.served.epoch != epoch || self.floor() != Floor::Bot {
            self.owed = None;
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
