//! What an entry does to its row of the lists.
//!
//! Owns what a row shows, which activity orders it, and in which lists it has its place.

use switchboard_protocol::vocabulary::{CategoryPath, ConversationId, Party, Seq, Timestamp};

use crate::domain::consultation::Record;
use crate::domain::conversation::{Audience, Entry, Served, Side, Unread, What};
use crate::domain::customer::Details;
use crate::domain::listing::{Filter, ListPlace, Listing, Stretch, waits_since};
use crate::domain::mask::hidden;
use crate::journal::stored::RowState;
use crate::journal::{ListRow, PREVIEW_CHARS_MAX, Position};

impl RowState {
    /// The row of a conversation without any entry.
    pub(in crate::journal) fn new() -> Self {
        Self {
            customer: None,
            details: Details::default(),
            categories: Vec::new(),
            served: Served::default(),
            listing: Listing::default(),
            ended: false,
            last_message: String::new(),
            last_at: Timestamp::from_millis(0),
            unread: Unread::default(),
            seq: Seq::ZERO,
            revision: 0,
            position: Position(0),
        }
    }

    /// Adds the next entry. What nobody sees is no activity: reading moves no row.
    ///
    /// Gives the consultations that are over by it. The one that goes on is in the row.
    pub(in crate::journal) fn apply(&mut self, entry: &Entry, position: Position) -> Vec<Record> {
        let mut over = Vec::new();
        for (place, event) in entry.placed() {
            match event.what.audience() {
                Audience::Everyone | Audience::Staff => self.last_at = entry.at,
                Audience::Uncounted => {}
            }
            self.listing.apply(&self.served, &event.what);
            over.extend(self.served.apply(entry.at, event));
            match &event.what {
                What::Started { customer, .. } => self.customer = Some(customer.clone()),
                What::Message(message) => {
                    // A row stays as it is when a mask becomes due, so it never has what is hidden then.
                    let masked = hidden(message, |_| true);
                    let content = &masked.as_ref().unwrap_or(message).content;
                    self.last_message = content.preview(PREVIEW_CHARS_MAX);
                    match event.by {
                        Party::Customer => self.unread.posted(place),
                        Party::Bot | Party::Agent { .. } => {}
                    }
                }
                What::Ended => self.ended = true,
                What::Described(change) => self.details.change(change),
                What::Called { category, .. } => self.is_about(category),
                What::Read { side: Side::Staff, up_to } => self.unread.read_up_to(*up_to),
                What::CallRefused { .. }
                | What::Assigned { .. }
                | What::Requeued { .. }
                | What::Unserved { .. }
                | What::Explained(_)
                | What::Completed
                | What::Entered { .. }
                | What::Left { .. }
                | What::Read { side: Side::Customer, .. }
                | What::Unchanged => {}
            }
        }
        self.seq = entry.after().staff;
        self.passed(entry.revision, position);
        over
    }

    /// A consultation begins. Of many only the latest are kept.
    fn is_about(&mut self, category: &CategoryPath) {
        if category.is_empty() {
            return;
        }
        self.categories.retain(|known| known != category);
        self.categories.push(category.clone());
        if self.categories.len() > CATEGORIES_MAX {
            self.categories.remove(0);
        }
    }

    /// Steps over an entry that cannot be read.
    pub(in crate::journal) fn passed(&mut self, revision: u64, position: Position) {
        self.revision = revision;
        self.position = position;
    }

    /// Its place, and the stretches of the lists that it has it in: one of its profile's, and one of those of whoever
    /// answers for it. `None` before the conversation has started.
    pub(in crate::journal) fn place(
        &self,
        conversation: ConversationId,
    ) -> Option<(ListPlace, [Option<Stretch>; 2])> {
        let profile = self.customer.as_ref()?.profile;
        let list = self.listing.list(&self.served);
        let member = self.listing.member(&self.served);
        let all = Stretch { profile, of: None, list };
        let theirs = member.map(|member| Stretch { of: Some(member), ..all });
        Some((ListPlace::new(self.last_at, conversation), [Some(all), theirs]))
    }

    /// Whether a filter shows it.
    pub(in crate::journal) fn is_shown_by(&self, filter: &Filter) -> bool {
        let (list, member) = (self.listing.list(&self.served), self.listing.member(&self.served));
        self.customer.as_ref().is_some_and(|customer| filter.shows(customer.profile, list, member))
    }

    /// As it is shown; `None` before the conversation has started.
    pub(in crate::journal) fn shown(&self, conversation: ConversationId) -> Option<ListRow> {
        self.customer.as_ref().map(|customer| ListRow {
            conversation,
            customer: customer.clone(),
            name: self.details.name.clone(),
            list: self.listing.list(&self.served),
            assignee: self.served.assignee(),
            member: self.listing.member(&self.served),
            waits_since: waits_since(&self.served),
            category: self.listing.category(&self.served).cloned().unwrap_or_default(),
            ended: self.ended,
            last_message: self.last_message.clone(),
            last_at: self.last_at,
            unread: self.unread.count(),
            seq: self.seq,
            epoch: self.served.epoch,
            position: self.position,
        })
    }
}

/// So many of the paths that consultations were about are kept in a row.
pub(in crate::journal) const CATEGORIES_MAX: usize = 3;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::journal::stored::samples::{Script, conversation_id, customer, member_id, workspace_id};

    #[test]
    fn a_row_shows_the_last_message_the_assignee_and_what_the_staff_have_not_read() {
        let mut script = Script::new(workspace_id(1), conversation_id(1));
        let member = member_id(2);
        let agent = Party::Agent { member };
        let mut row = RowState::new();
        let apply = |row: &mut RowState, entry: Entry| {
            let position = Position(entry.revision * 10);
            row.apply(&entry, position);
        };
        apply(&mut row, script.start(100, customer(1)));
        apply(&mut row, script.say(200, Party::Customer, &"가".repeat(200)));
        apply(&mut row, script.say(300, Party::Customer, "second"));
        let assigned = script.stepped_in(member);
        apply(&mut row, script.entry(400, agent, vec![assigned]));
        let shown = row.shown(conversation_id(1)).unwrap();
        assert_eq!((shown.unread, shown.assignee, shown.last_at.as_millis()), (2, Some(member), 400));
        assert_eq!((shown.last_message.as_str(), shown.seq.get(), shown.position.0), ("second", 4, 40));

        let up_to = script.state.last;
        apply(&mut row, script.entry(500, agent, vec![What::Read { side: Side::Staff, up_to }]));
        apply(&mut row, script.entry(600, agent, vec![What::Completed]));
        apply(&mut row, script.entry(700, Party::Customer, vec![What::Read { side: Side::Customer, up_to }]));
        let shown = row.shown(conversation_id(1)).unwrap();
        assert_eq!((shown.unread, shown.assignee, shown.last_at.as_millis()), (0, None, 600));
        assert_eq!(row.unread, script.state.staff_unread, "counted as the conversation counts it");

        let (before, place) = (shown, row.place(conversation_id(1)));
        apply(&mut row, script.entry(800, agent, vec![What::Unchanged]));
        let shown = row.shown(conversation_id(1)).unwrap();
        assert_eq!(ListRow { position: before.position, ..shown }, before, "nothing happened");
        assert_eq!(row.place(conversation_id(1)), place);
    }

    #[test]
    fn a_row_says_that_its_conversation_has_ended() {
        let mut script = Script::new(workspace_id(1), conversation_id(1));
        let mut row = RowState::new();
        row.apply(&script.start(1, customer(1)), Position(1));
        let agent = Party::Agent { member: member_id(2) };
        let assigned = script.stepped_in(member_id(2));
        row.apply(&script.entry(2, agent, vec![assigned]), Position(2));
        row.apply(&script.entry(3, Party::Customer, vec![What::Ended]), Position(3));
        let shown = row.shown(conversation_id(1)).unwrap();
        assert_eq!((shown.assignee, shown.ended, shown.last_at.as_millis()), (None, true, 3));
    }

    #[test]
    fn a_long_message_is_cut_to_characters() {
        let mut script = Script::new(workspace_id(1), conversation_id(1));
        let mut row = RowState::new();
        row.apply(&script.start(1, customer(1)), Position(1));
        row.apply(&script.say(2, Party::Bot, &"가".repeat(200)), Position(2));
        assert_eq!(row.last_message, "가".repeat(PREVIEW_CHARS_MAX));
        assert_eq!(row.unread.count(), 0, "what the bot says, the staff need not read");
    }
}
