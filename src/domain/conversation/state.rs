//! The state of a conversation.
//!
//! Owns what `decide` needs to know, and nothing that it does not: messages are in the journal.

use switchboard_protocol::vocabulary::{ConversationId, MemberId, Party, Timestamp, WorkspaceId};

use super::{Clients, Entry, Event, Origin, Place, Served, Unread, admit};
use crate::domain::consultation::Stage;
use crate::domain::customer::Details;
use crate::domain::identity::{CustomerKey, Identity};

/// A conversation, as the sum of its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// With whom; `None` until it has started.
    pub customer: Option<CustomerKey>,
    /// What is known of them.
    pub details: Details,
    /// How many entries it has.
    pub revision: u64,
    /// Where both sequences stand.
    pub last: Place,
    /// When the last entry was made.
    pub last_at: Timestamp,
    /// Who serves it.
    pub served: Served,
    /// The entry of the customer's last message, if the bot is to answer it and has not.
    pub owed: Option<u64>,
    /// When an agent last said something, if the customer has said nothing since and it has not had to wait again.
    pub silent_since: Option<Timestamp>,
    /// Whether it has ended: the customer's next conversation is another one.
    pub ended: bool,
    /// What the customer has not read.
    pub customer_unread: Unread,
    /// What the staff have not read.
    pub staff_unread: Unread,
    /// What each client has been answered.
    pub clients: Clients,
}

impl Conversation {
    /// A conversation without any entry.
    #[must_use]
    pub fn new(workspace: WorkspaceId, id: ConversationId) -> Self {
        Self {
            id,
            workspace,
            customer: None,
            details: Details::default(),
            revision: 0,
            last: Place::default(),
            last_at: Timestamp::from_millis(0),
            served: Served::default(),
            owed: None,
            silent_since: None,
            ended: false,
            customer_unread: Unread::default(),
            staff_unread: Unread::default(),
            clients: Clients::default(),
        }
    }

    /// The entry that follows, if this happens now.
    #[must_use]
    pub fn next_entry(&self, now: Timestamp, origin: Option<Origin>, events: Vec<Event>) -> Entry {
        let changes = events.iter().any(|event| event.what.begins_epoch());
        Entry {
            conversation: self.id,
            revision: self.revision + 1,
            before: self.last,
            at: now.max(self.last_at),
            origin,
            epoch: changes.then_some(self.served.epoch),
            events,
        }
    }

    /// Who answers for its consultation.
    #[must_use]
    pub fn assignee(&self) -> Option<MemberId> {
        self.served.assignee()
    }

    /// Who may speak besides the customer. One at a time: whoever has lost the floor has lost it when
    /// [`Served::epoch`] has moved on.
    #[must_use]
    pub fn floor(&self) -> Floor {
        match &self.served.consultation {
            _ if self.ended => Floor::Nobody,
            None => Floor::Bot,
            Some(consultation) => match consultation.stage {
                Stage::InProgress(_) => Floor::Agents,
                Stage::Waiting | Stage::Assigned(_) if consultation.bot_replies() => Floor::Bot,
                Stage::Waiting | Stage::Assigned(_) => Floor::Nobody,
            },
        }
    }

    /// As whom somebody may be shown typing: the customer, or an agent who has entered.
    #[must_use]
    pub fn typist(&self, identity: &Identity) -> Option<Party> {
        match admit(self, identity).ok()? {
            Party::Customer | Party::Bot | Party::Agent { .. } if self.ended => None,
            Party::Agent { member } if !self.served.agents.contains(&member) => None,
            party @ (Party::Customer | Party::Bot | Party::Agent { .. }) => Some(party),
        }
    }
}

/// Who may speak to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// The bot.
    Bot,
    /// The agents inside.
    Agents,
    /// Nobody: an agent is waited for, or it has ended.
    Nobody,
}

/// The most agents in a conversation at a time.
pub const AGENTS_MAX: usize = 16;
