//! What the server sends on subscription streams and in datagrams.
//!
//! Owns what a reader sees of a conversation and of the desk. Must not know what is hidden from
//! whom: that is decided before anything becomes one of these.

use serde::{Deserialize, Serialize};

use super::{CustomerDetails, CustomerField, ErrorBody, ListCounts, ListName};
use crate::vocabulary::{
    CategoryPath, ConsultationId, Content, ConversationId, CustomerName, DisplayName, Keyboard, MemberId,
    Platform, ProfileId, Seq, Timestamp, UserKey,
};

/// The first frame of a subscription stream: which subscription it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionHead {
    /// The number that the client gave.
    pub subscription: u32,
}

/// A frame of a conversation's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ConversationFrame {
    /// The next event: its sequence is one more than that of the event before it.
    Event(Event),
    /// Latest values that are in no sequence.
    Cursors(Cursors),
    /// Everything that was there when the subscription began has been sent.
    CaughtUp {
        /// The reader's sequence of the last event sent.
        seq: Seq,
    },
    /// The subscription has ended; nothing follows.
    Ended {
        /// Why. When retryable: subscribe again after the last sequence received.
        error: ErrorBody,
    },
    /// A frame that this version does not know; ignored.
    #[serde(other)]
    Unknown,
}

/// One event of a conversation, as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the reader's sequence.
    pub seq: Seq,
    /// When it happened; never earlier than the event before it.
    pub at: Timestamp,
    /// Who did it.
    pub by: Sender,
    /// What happened.
    pub what: EventKind,
    /// For staff: the epoch of the conversation that begins with it, if it changes who serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// Who did something, as far as the reader may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Sender {
    /// The customer.
    Customer,
    /// The bot.
    Bot,
    /// An agent; customers are not told which.
    Agent {
        /// Which member, for staff.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<MemberId>,
    },
    /// Somebody that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// The conversation began.
    Started,
    /// A message.
    Message {
        /// What it says.
        content: Content,
        /// What the bot suggests to answer with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keyboard: Option<Box<Keyboard>>,
    },
    /// An agent was called, by the customer or by the bot for them: a consultation waits.
    Called {
        /// Which.
        consultation: ConsultationId,
        /// What it is about.
        #[serde(default, skip_serializing_if = "CategoryPath::is_empty")]
        category: CategoryPath,
    },
    /// Staff only: an agent was called outside operating hours, when calls are not accepted.
    CallRefused {
        /// What it would have been about.
        #[serde(default, skip_serializing_if = "CategoryPath::is_empty")]
        category: CategoryPath,
    },
    /// Staff only: the agent answers for the consultation from now on.
    Assigned {
        /// Who.
        member: MemberId,
        /// How that came.
        #[serde(default, skip_serializing_if = "How::is_unknown")]
        how: How,
        /// Who did before, when it was given on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<MemberId>,
    },
    /// Staff only: nobody answers for the consultation any more; it waits again.
    Requeued {
        /// Who did.
        member: MemberId,
        /// Why.
        why: RequeuedWhy,
    },
    /// Nobody has served the consultation, and it is over.
    Unserved {
        /// Why.
        why: UnservedWhy,
    },
    /// Staff only: the agent entered.
    Entered,
    /// Staff only: the agent left.
    Left,
    /// Staff only: the service was completed and the bot goes on.
    Completed,
    /// Staff only: details of the customer were written down, by an agent; or by the bot what was known of them
    /// from the conversation before.
    Described {
        /// What was set.
        #[serde(default, skip_serializing_if = "CustomerDetails::is_empty")]
        details: CustomerDetails,
        /// What was cleared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        cleared: Vec<CustomerField>,
    },
    /// The conversation ended; nothing follows in it.
    Ended,
    /// Something that this version does not know; it has its place in the sequence all the same.
    #[serde(other)]
    Unknown,
}

/// How somebody came to answer for a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By automatic assignment.
    Automatic,
    /// By taking it while nobody did.
    Taken,
    /// By stepping into a conversation with the bot.
    SteppedIn,
    /// It was given to them.
    Transferred,
    /// Somehow that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl How {
    const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Why a consultation waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequeuedWhy {
    /// The agent is not there any more.
    Absent,
    /// The agent is no member any more.
    Removed,
    /// For a reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why nobody has served a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnservedWhy {
    /// The customer took the call back so soon that it does not count as missed.
    Cancelled,
    /// The customer took the call back.
    GaveUp,
    /// The customer ended the conversation.
    Left,
    /// An agent ended the conversation.
    Dismissed,
    /// It waited for longer than is allowed.
    TooLong,
    /// For a reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl EventKind {
    /// A message without a keyboard.
    #[must_use]
    pub const fn message(content: Content) -> Self {
        Self::Message { content, keyboard: None }
    }
}

/// How far each side has read and received, in the reader's own sequence, and what the reader has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursors {
    /// The customer has read up to here.
    pub customer_read: Seq,
    /// The staff have read up to here.
    pub staff_read: Seq,
    /// The customer's clients have received the other side's messages up to here, as far as is known.
    #[serde(default)]
    pub customer_received: Seq,
    /// The staff's clients have received the other side's messages up to here, as far as is known.
    #[serde(default)]
    pub staff_received: Seq,
    /// Messages of the other side that the reader's side has not read.
    pub unread: u32,
    /// The customer's place in the queue, for the customer while nobody answers for their call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<Line>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// 1: nobody goes first. It rises only when somebody who goes first has to wait again, or calls
    /// within operating hours where those go first.
    pub position: u32,
    /// For about so many seconds; absent while nothing is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<u32>,
}

/// A frame of the desk's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum DeskFrame {
    /// What there is: replaces everything sent before. Rows and agents that have no room follow by themselves.
    Snapshot {
        /// The first rows of the view, newest activity first.
        rows: Vec<Row>,
        /// The agents of the workspace.
        agents: Vec<AgentStatus>,
    },
    /// A row has come into the view, or has changed in it.
    Row(Row),
    /// Rows have left the view.
    Gone {
        /// Which.
        conversations: Vec<ConversationId>,
    },
    /// How many conversations there are to see; follows the snapshot, and whenever there are more or fewer.
    Counts(ListCounts),
    /// How many of them are with a profile; follows the snapshot for each with which there are any, and whenever there
    /// are more or fewer. It has calls that nobody has seen to while `attention` is not zero.
    ProfileCounts {
        /// With which.
        profile: ProfileId,
        /// How many.
        counts: ListCounts,
    },
    /// An agent has come or gone, or has more or less to do.
    Agent(AgentStatus),
    /// The subscription has ended; nothing follows.
    Ended {
        /// Why.
        error: ErrorBody,
    },
    /// A frame that this version does not know; ignored.
    #[serde(other)]
    Unknown,
}

/// An agent on the status board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStatus {
    /// Which member.
    pub member: MemberId,
    /// The member's name.
    pub name: DisplayName,
    /// Whether a session by which they serve is live.
    pub online: bool,
    /// Whether they want to be left alone. Whoever is not online is offline, away or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub away: bool,
    /// How many consultations are assigned to them that they have not begun to serve.
    #[serde(default)]
    pub waiting: u32,
    /// How many consultations they serve.
    #[serde(default)]
    pub in_progress: u32,
    /// Whether they have more than automatic assignment gives anybody: by taking some, or because it was more once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over_limit: bool,
}

/// A row of a conversation list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Which conversation.
    pub conversation: ConversationId,
    /// With which profile.
    pub profile: ProfileId,
    /// Where the customer comes from.
    pub platform: Platform,
    /// What the customer is known by.
    pub user_key: UserKey,
    /// What the customer is called, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<CustomerName>,
    /// Which list it is in.
    #[serde(default, skip_serializing_if = "ListName::is_unknown")]
    pub list: ListName,
    /// Who serves it; absent: the bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<MemberId>,
    /// Who answered for it last, when its last consultation is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<MemberId>,
    /// Since when it waits, if it is in the list `waiting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_since: Option<Timestamp>,
    /// What it is about, or was last.
    #[serde(default, skip_serializing_if = "CategoryPath::is_empty")]
    pub category: CategoryPath,
    /// Whether the conversation has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// The beginning of the last message.
    pub last_message: String,
    /// When something last happened.
    pub last_at: Timestamp,
    /// The customer's messages that no agent has read.
    pub unread: u32,
    /// The last event's sequence for staff.
    pub seq: Seq,
    /// The epoch of who serves it; absent before the first.
    #[serde(default, skip_serializing_if = "is_before_the_first")]
    pub epoch: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the attribute calls it so")]
const fn is_before_the_first(epoch: &u64) -> bool {
    *epoch == 0
}

/// Somebody is typing. A datagram, both ways; it may be lost, and is forgotten when it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Where.
    pub conversation: ConversationId,
    /// Who; set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Sender>,
    /// The sequence of the last event the typist has seen: a reader who has a later message of
    /// the typist ignores this.
    pub after_seq: Seq,
    /// For how long it holds, in milliseconds.
    pub expires_ms: u32,
}
