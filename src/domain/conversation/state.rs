//! The state of a conversation.
//!
//! Owns what `decide` needs to know, and nothing that it does not: messages are in the journal.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{ConversationId, MemberId, Party, Timestamp, WorkspaceId};

use super::{Clients, Place, Unread, admit};
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
    /// How many entries it has.
    pub revision: u64,
    /// Where both sequences stand.
    pub last: Place,
    /// When the last entry was made.
    pub last_at: Timestamp,
    /// The agents who have entered.
    pub agents: BTreeSet<MemberId>,
    /// Who serves it.
    pub assignee: Option<MemberId>,
    /// Counts the changes of who serves it, so that an old decision can be told from a new one.
    pub epoch: u64,
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
            revision: 0,
            last: Place::default(),
            last_at: Timestamp::from_millis(0),
            agents: BTreeSet::new(),
            assignee: None,
            epoch: 0,
            ended: false,
            customer_unread: Unread::default(),
            staff_unread: Unread::default(),
            clients: Clients::default(),
        }
    }

    /// Whether a human serves it: then the bot is silent.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.assignee.is_some() || !self.agents.is_empty()
    }

    /// As whom somebody may be shown typing: the customer, or an agent who has entered.
    #[must_use]
    pub fn typist(&self, identity: &Identity) -> Option<Party> {
        match admit(self, identity).ok()? {
            Party::Customer | Party::Bot | Party::Agent { .. } if self.ended => None,
            Party::Agent { member } if !self.agents.contains(&member) => None,
            party @ (Party::Customer | Party::Bot | Party::Agent { .. }) => Some(party),
        }
    }
}

/// The most agents in a conversation at a time.
pub const AGENTS_MAX: usize = 16;
