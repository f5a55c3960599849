//! What the journal hands out.
//!
//! Owns the values that its door answers with. Must not know how they are stored.

use switchboard_protocol::vocabulary::{
    CategoryPath, ConversationId, CustomerName, MemberId, Seq, Timestamp, WorkspaceId,
};

use super::{Incarnation, Position, Term};
use crate::domain::assignment::Explanation;
use crate::domain::consultation::Record;
use crate::domain::conversation::{Conversation, Served};
use crate::domain::customer::Known;
use crate::domain::identity::CustomerKey;
use crate::domain::listing::{List, ListPlace};
use crate::domain::workspace::Workspace;

/// A workspace that was opened for appending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedWorkspace {
    /// Its durable state; revision 0 if it has no entry yet.
    pub state: Workspace,
    /// What every append to it must name.
    pub incarnation: Incarnation,
    /// What every append to it and to its conversations must name; earlier terms are refused.
    pub term: Term,
}

/// A conversation that was opened for appending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedConversation {
    /// Its durable state; revision 0 if it has no entry yet.
    pub state: Conversation,
    /// What every append to it must name.
    pub incarnation: Incarnation,
}

/// Every workspace that was created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workspaces {
    /// Their durable states.
    pub sound: Vec<Workspace>,
    /// Those whose records cannot be read: whose members and profiles they have is not known.
    pub damaged: Vec<WorkspaceId>,
}

/// A row of the conversation list of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRow {
    /// Which conversation.
    pub conversation: ConversationId,
    /// With whom.
    pub customer: CustomerKey,
    /// What the customer is called, if that is known.
    pub name: Option<CustomerName>,
    /// Which list it is in.
    pub list: List,
    /// Who serves it; `None`: the bot.
    pub assignee: Option<MemberId>,
    /// Whose it is in its list: who serves it, or answered last for it when it was over.
    pub member: Option<MemberId>,
    /// Since when it waits, if it is in the list of those that do.
    pub waits_since: Option<Timestamp>,
    /// What it is about, or was last.
    pub category: CategoryPath,
    /// Whether it has ended.
    pub ended: bool,
    /// The beginning of the last message, at most [`PREVIEW_CHARS_MAX`] characters; empty before the first.
    pub last_message: String,
    /// When something that counts last happened.
    pub last_at: Timestamp,
    /// The customer's messages that no agent has read; [`crate::domain::conversation::UNREAD_MAX`]
    /// stands for that many or more.
    pub unread: usize,
    /// The last event's sequence for staff.
    pub seq: Seq,
    /// The epoch of who serves it.
    pub epoch: u64,
    /// The log's position that the row is true at: of two rows of a conversation the higher is newer.
    pub position: Position,
}

/// Who a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// What they are known by.
    pub key: CustomerKey,
    /// What is known of them.
    pub known: Known,
}

impl ListRow {
    /// Its place in its list.
    #[must_use]
    pub const fn place(&self) -> ListPlace {
        ListPlace::new(self.last_at, self.conversation)
    }

    /// At most so many bytes it takes as it travels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = self.customer.platform.as_str().len()
            + self.customer.user_key.as_str().len()
            + self.name.as_ref().map_or(0, |name| name.as_str().len())
            + self.last_message.len();
        ROW_BYTES + texts + self.category.bytes()
    }
}

/// What a row takes at the most besides its texts, in bytes: ids, numbers, and the names of the fields.
const ROW_BYTES: usize = 320;

/// A consultation that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenConsultation {
    /// In which conversation.
    pub conversation: ConversationId,
    /// With whom.
    pub customer: CustomerKey,
    /// At which revision of the conversation this is true.
    pub revision: u64,
    /// Who serves it.
    pub served: Served,
}

/// The most characters of a message that a row shows.
pub const PREVIEW_CHARS_MAX: usize = 80;

/// Decisions about a conversation's consultations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    /// Each with its time, newest first.
    pub found: Vec<(Timestamp, Explanation)>,
    /// Whether there may be earlier ones.
    pub more: bool,
}

/// A page of the consultations of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsultationPage {
    /// Newest first, each with its conversation; the one that goes on is the newest.
    pub records: Vec<(ConversationId, Record)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Newest activity first.
    pub rows: Vec<ListRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
    /// The log's position that the page is true at.
    pub position: Position,
}

/// A page of what a text was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPage {
    /// Newest activity first.
    pub rows: Vec<ListRow>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
    /// Whether more begins with the text than was looked at.
    pub more: bool,
    /// The log's position that the page is true at.
    pub position: Position,
}

/// The rows of a workspace that have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskChange {
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// Each as it is now; of a row that changed several times only the last.
    pub rows: Vec<ListRow>,
}

/// How the journal is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// The last durable record.
    pub durable: Position,
    /// The last folded record.
    pub folded: Position,
    /// Bytes of durable records that are not folded yet.
    pub tail_bytes: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Records committed since the start.
    pub records: u64,
    /// Payload bytes committed since the start.
    pub bytes: u64,
    /// Whether the folds have failed; appends are refused once the tail is full.
    pub fold_failed: bool,
}

/// Why the store was made anew from the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RebuildReason {
    /// It was not there.
    Missing,
    /// It was there, with nothing in it that its checkpoint says it has, or less.
    BehindCheckpoint {
        /// What it has.
        store: Position,
        /// What the checkpoint says.
        checkpoint: Position,
    },
    /// It has more than the log.
    AheadOfLog {
        /// What it has.
        store: Position,
        /// What the log has.
        log: Position,
    },
    /// Its last record is not the one that the log has there.
    OtherLog {
        /// Where.
        position: Position,
    },
    /// It could not be opened or read.
    Unreadable(String),
    /// It was made by a program that laid it out otherwise.
    OtherLayout,
    /// The checkpoint could not be read.
    CheckpointUnreadable,
    /// It was asked for.
    Asked,
}

/// What a start has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartReport {
    /// Bytes that a torn write had left at the end of the log, now cut off. They were never acknowledged.
    pub log_bytes_cut: u64,
    /// The last durable record.
    pub durable: Position,
    /// Why the store was made anew, if it was.
    pub rebuilt: Option<RebuildReason>,
    /// Records of the log that the store did not have yet.
    pub replayed: u64,
}

/// How far a start or a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Folded up to here.
    pub done: Position,
    /// The end of the log.
    pub total: Position,
}
