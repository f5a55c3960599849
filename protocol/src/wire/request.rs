//! Requests: what a client can ask for.
//!
//! Owns the one table of operations. Must not know who may do what.

use serde::{Deserialize, Serialize};

use super::{Change, CustomerDetails, CustomerField, DeskView, ListFilter, SearchBy, SettingsOf};
use crate::vocabulary::{CategoryPath, Content, ConversationId, MemberId, SearchText, Seq};

/// One request on the session stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Names the request within its connection; the reply carries it.
    pub id: u64,
    /// The instance's counter, from 1, one higher with every request that changes something, the
    /// same again when a request is resent. Required by operations that change something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// What to do.
    #[serde(rename = "do")]
    pub op: Op,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Customer: the current conversation with the profile; begins one if there is none. *Changes.*
    Open,
    /// Follow a topic on a stream of its own.
    Subscribe {
        /// The client's number for it, unused so far in this connection.
        subscription: u32,
        /// What to follow.
        topic: Topic,
    },
    /// Stop following.
    Unsubscribe {
        /// The number given when it was subscribed.
        subscription: u32,
    },
    /// Post a message. *Changes.*
    Post {
        /// Where.
        conversation: ConversationId,
        /// What.
        content: Content,
    },
    /// Say that everything up to a sequence has been read. *Changes.*
    Read {
        /// Where.
        conversation: ConversationId,
        /// The reader's sequence of the last event read.
        up_to: Seq,
    },
    /// Say that everything up to a sequence has reached this client, which follows the conversation. A latest
    /// value that is not kept on disk.
    Received {
        /// Where.
        conversation: ConversationId,
        /// The reader's sequence of the last event received.
        up_to: Seq,
    },
    /// Agent: enter a conversation, to serve it. *Changes.*
    Join {
        /// Which.
        conversation: ConversationId,
    },
    /// Agent: leave a conversation. It stays assigned. *Changes.*
    Leave {
        /// Which.
        conversation: ConversationId,
    },
    /// Customer: call an agent. *Changes.*
    Call {
        /// In which conversation.
        conversation: ConversationId,
        /// What it is about.
        #[serde(default, skip_serializing_if = "CategoryPath::is_empty")]
        category: CategoryPath,
    },
    /// Customer: take the call back. *Changes.*
    Cancel {
        /// In which conversation.
        conversation: ConversationId,
    },
    /// Agent: answer for the consultation that waits, or step into a conversation with the bot; and enter it.
    /// *Changes.*
    Take {
        /// Which.
        conversation: ConversationId,
        /// At which epoch, as an event or a row has said: if it is another by now, it is refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
    /// Agent: give the consultation to another agent. *Changes.*
    Transfer {
        /// In which conversation.
        conversation: ConversationId,
        /// Who answers for it, as the client knows: if it is somebody else by now, it is refused.
        from: MemberId,
        /// Who is to.
        to: MemberId,
        /// At which epoch, as an event or a row has said: if it is another by now, it is refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
    /// Agent: end the service; all agents leave, and the bot goes on. *Changes.*
    Complete {
        /// Which.
        conversation: ConversationId,
        /// At which epoch, as an event or a row has said: if it is another by now, it is refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
    /// End a conversation for good, as its customer or as an agent who has entered it; the customer's next
    /// `open` begins a new one. *Changes.*
    End {
        /// Which.
        conversation: ConversationId,
    },
    /// Agent: write down what is known of the customer: of each detail that is named a value, or that there is
    /// none. *Changes.*
    Describe {
        /// In which conversation.
        conversation: ConversationId,
        /// What is to be set.
        #[serde(default, skip_serializing_if = "CustomerDetails::is_empty")]
        details: CustomerDetails,
        /// What is to be cleared.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        clear: Vec<CustomerField>,
    },
    /// Agent: who the customer of a conversation is, and what is known of them.
    Customer {
        /// Of which conversation.
        conversation: ConversationId,
    },
    /// Events before a sequence, newest last.
    History {
        /// Which conversation.
        conversation: ConversationId,
        /// Only events before this one; everything when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
        /// How many at the most.
        limit: u16,
    },
    /// Agent: the last decisions of automatic assignment about a conversation, and why they were so.
    Explain {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// Agent: the consultations of a conversation, newest first.
    Consultations {
        /// Which conversation.
        conversation: ConversationId,
        /// Where the page before ended, as its reply said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
        /// How many at the most.
        limit: u16,
    },
    /// Agent: the conversations of the workspace, newest activity first.
    List {
        /// Which of them.
        #[serde(default, skip_serializing_if = "ListFilter::is_all")]
        filter: ListFilter,
        /// Where the page before ended, as its reply said; of the same filter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
        /// How many at the most.
        limit: u16,
    },
    /// Agent: the conversations of the workspace that a text is found in, newest activity first.
    Search {
        /// What is searched for; at least two characters.
        text: SearchText,
        /// In which field; in all of them when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<SearchBy>,
        /// Where the page before ended, as its reply said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
        /// How many at the most.
        limit: u16,
    },
    /// Agent: the conversations of the workspace that are set aside because they fail or cannot be read.
    Quarantined,
    /// Agent: try a conversation again that is set aside.
    Release {
        /// Which.
        conversation: ConversationId,
    },
    /// Agent: settings of the workspace.
    Settings {
        /// Which.
        of: SettingsOf,
    },
    /// Agent: change a setting, as far as the role allows it. *Changes.*
    Change {
        /// What.
        change: Box<Change>,
    },
    /// Agent: say whether one wants to be left alone: nothing is assigned automatically to whoever is away. It
    /// holds until one says otherwise, also while one is not there. *Changes.*
    Status {
        /// Whether one does.
        away: bool,
    },
    /// Agent: what was changed, newest first.
    Audit {
        /// Only entries before this revision; everything when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        /// How many at the most.
        limit: u16,
    },
    /// Agent: how many wait for whom nobody is found, and how far off the estimates were that customers were told.
    Waiting,
    /// Agent: the latencies of every stage that messages pass, since the daemon started.
    Latency,
    /// An operation that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// What a subscription follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "topic", rename_all = "snake_case")]
pub enum Topic {
    /// The events of a conversation.
    Conversation {
        /// Which.
        conversation: ConversationId,
        /// The reader's sequence of the last event it has; the stream begins with the next.
        after: Seq,
    },
    /// Agent: a view of the conversation lists of the workspace, and which agents are there.
    Desk {
        /// Which; absent: the newest of all conversations.
        #[serde(default, skip_serializing_if = "DeskView::is_default")]
        view: DeskView,
    },
    /// A topic that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

impl Op {
    /// Whether it changes something, and so needs a counter.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self {
            Self::Open
            | Self::Post { .. }
            | Self::Read { .. }
            | Self::Join { .. }
            | Self::Leave { .. }
            | Self::Call { .. }
            | Self::Cancel { .. }
            | Self::Take { .. }
            | Self::Transfer { .. }
            | Self::Complete { .. }
            | Self::Change { .. }
            | Self::Status { .. }
            | Self::Describe { .. }
            | Self::End { .. } => true,
            Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Received { .. }
            | Self::History { .. }
            | Self::Explain { .. }
            | Self::Consultations { .. }
            | Self::List { .. }
            | Self::Customer { .. }
            | Self::Search { .. }
            | Self::Quarantined
            | Self::Release { .. }
            | Self::Settings { .. }
            | Self::Audit { .. }
            | Self::Waiting
            | Self::Latency
            | Self::Unknown => false,
        }
    }
}
