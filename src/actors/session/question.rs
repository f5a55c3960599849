//! What a client asks of its session, and what it is answered.
//!
//! Owns the questions, answers and refusals, in the domain's words. Must not know the wire's: the
//! transport translates.

use std::sync::Arc;
use std::time::Instant;

use switchboard_protocol::vocabulary::{ConversationId, SearchText, Seq};
use tokio::sync::OwnedSemaphorePermit;

use super::{DeskFollowing, Lane, SetAside, SettingsOf, Told};
use crate::actors::desk::Waiting;
use crate::actors::subscription::Subscription;
use crate::domain::conversation::{Action, Answer, Entry, Rejection};
use crate::domain::listing::Wish;
use crate::domain::search::{Field, QueryError};
use crate::domain::workspace::{WorkspaceAction, WorkspaceEntry, WorkspaceRejection};
use crate::journal::{ConsultationPage, Customer, Decisions, FoundPage, ListPage, NoRoom, ReadError};
use crate::limits;
use crate::stats::StageFigures;

/// A question of the client.
#[derive(Debug)]
pub struct Ask {
    /// Names it in the reply.
    pub id: u64,
    /// When it reached the engine.
    pub arrived: Instant,
    /// What is asked.
    pub what: Asked,
    /// Its credit: given back when the reply has been written.
    pub credit: OwnedSemaphorePermit,
}

/// What is asked.
#[derive(Debug)]
pub enum Asked {
    /// The customer's conversation.
    Open {
        /// The command's counter.
        counter: u64,
    },
    /// A command.
    Command {
        /// To which conversation.
        conversation: ConversationId,
        /// Its counter.
        counter: u64,
        /// What to do.
        action: Action,
    },
    /// That everything up to a sequence has reached the client.
    Received {
        /// Of which conversation.
        conversation: ConversationId,
        /// Up to here.
        up_to: Seq,
    },
    /// To follow a conversation.
    Follow {
        /// Its number.
        subscription: u32,
        /// Which conversation.
        conversation: ConversationId,
        /// From after this sequence.
        after: Seq,
    },
    /// To follow the desk.
    FollowDesk {
        /// Its number.
        subscription: u32,
        /// What is to be seen of the lists.
        wish: Wish,
        /// At most so many rows.
        rows: usize,
    },
    /// To follow no more.
    Unfollow {
        /// Its number.
        subscription: u32,
    },
    /// To read back.
    History {
        /// Which conversation.
        conversation: ConversationId,
        /// Only events before this one.
        before: Option<Seq>,
        /// At most so many.
        limit: usize,
    },
    /// What was decided about a conversation's consultations, and why.
    Explain {
        /// Which conversation.
        conversation: ConversationId,
    },
    /// Who the customer of a conversation is.
    Customer {
        /// Of which conversation.
        conversation: ConversationId,
    },
    /// The consultations of a conversation.
    Consultations {
        /// Which conversation.
        conversation: ConversationId,
        /// Where the page before ended.
        cursor: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// The conversations of some lists.
    List {
        /// Which.
        wish: Wish,
        /// Where the page before ended.
        cursor: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// The conversations that a text is found in.
    Search(Search),
    /// The conversations that are set aside.
    Quarantined,
    /// To set a conversation no longer aside.
    Release {
        /// Which.
        conversation: ConversationId,
    },
    /// To change a setting.
    Change {
        /// The command's counter.
        counter: u64,
        /// What to do.
        action: Box<WorkspaceAction>,
    },
    /// To be left alone, or not any more.
    Status {
        /// The command's counter.
        counter: u64,
        /// Whether one wants that.
        away: bool,
    },
    /// Settings.
    Settings(SettingsOf),
    /// What was changed.
    Audit {
        /// Only entries before this revision.
        before: Option<u64>,
        /// At most so many.
        limit: usize,
    },
    /// How many wait, and how far off the estimates were that customers were told.
    Waiting,
    /// The latencies of the stages.
    Latency,
}

/// A search.
#[derive(Debug)]
pub struct Search {
    /// What is searched for.
    pub text: SearchText,
    /// In which field; `None`: in all.
    pub by: Option<Field>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl Asked {
    /// How many credits it takes: one for each [`limits::CREDIT_BYTES`] that its reply may have.
    #[must_use]
    pub const fn credits(&self) -> u32 {
        match self {
            Self::History { .. }
            | Self::Explain { .. }
            | Self::Consultations { .. }
            | Self::List { .. }
            | Self::Search(_)
            | Self::Settings(_)
            | Self::Audit { .. }
            | Self::Quarantined => limits::LARGE_REPLY_CREDITS,
            Self::Open { .. }
            | Self::Command { .. }
            | Self::Received { .. }
            | Self::Follow { .. }
            | Self::FollowDesk { .. }
            | Self::Unfollow { .. }
            | Self::Release { .. }
            | Self::Change { .. }
            | Self::Status { .. }
            | Self::Waiting
            | Self::Customer { .. }
            | Self::Latency => 1,
        }
    }
}

/// What a session puts into its outbox.
pub enum Out {
    /// The answer to a question, with the credit that the question took.
    Reply(u64, Result<Answered, Refusal>, OwnedSemaphorePermit),
    /// The connection is to be closed.
    Close(Closing),
}

/// An answer.
pub enum Answered {
    /// A command was accepted; the answer, or `None` if it was already as wanted.
    Accepted(Option<Answer>),
    /// It was accepted long ago.
    AcceptedLongAgo,
    /// The customer's conversation.
    Opened(ConversationId),
    /// The subscription has begun.
    Following(Lane, Box<Subscription>),
    /// The desk's subscription has begun.
    FollowingDesk(Lane, DeskFollowing),
    /// The subscription has ended.
    Unfollowed,
    /// What was read back.
    History(History),
    /// What was decided about a conversation's consultations.
    Decisions(Decisions),
    /// Who a customer is.
    Customer(Customer),
    /// A page of the consultations of a conversation.
    Consultations(ConsultationPage),
    /// A page of the list.
    List(ListPage),
    /// A page of what a text was found in.
    Found(FoundPage),
    /// About the conversations that are set aside.
    SetAside(SetAside),
    /// About the workspace's settings.
    Told(Told),
    /// What was changed, newest first, and whether there is more.
    Audit(Vec<WorkspaceEntry>, bool),
    /// How many wait, and how far off the estimates were.
    Waiting(Waiting),
    /// The latencies.
    Latency(Vec<StageFigures>),
}

/// What was read back of a conversation.
pub struct History {
    /// Entries, oldest first; the first may have events before the wanted ones.
    pub entries: Vec<Arc<Entry>>,
    /// Whether there are earlier ones.
    pub more: bool,
    /// Only events before this one were asked for.
    pub before: Option<Seq>,
    /// At most so many were asked for.
    pub limit: usize,
}

/// Why a question was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By a rule.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// By a rule of the workspace.
    #[error("{0}")]
    Workspace(#[from] WorkspaceRejection),
    /// The engine cannot now; nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// The disk is full; nothing was done.
    #[error("{0}")]
    NoRoom(#[from] NoRoom),
    /// The conversation is set aside.
    #[error("conversation: it is set aside: {0}")]
    Quarantined(String),
    /// The engine failed while doing it: nobody knows whether it was done.
    #[error("the engine failed while it did this; it may or may not have been done")]
    Fault,
    /// Only staff may ask that.
    #[error("{0}: only agents may do this")]
    OnlyAgents(&'static str),
    /// Only customers may ask that.
    #[error("{0}: only customers may do this")]
    OnlyCustomers(&'static str),
    /// The session only looks.
    #[error("{0}: a session that only looks cannot do this; connect to serve")]
    OnlyLooks(&'static str),
    /// The subscription's number is in use.
    #[error("subscription: {0} is in use")]
    SubscriptionInUse(u32),
    /// There is no such subscription.
    #[error("subscription: there is none with number {0}")]
    NoSuchSubscription(u32),
    /// Too many subscriptions.
    #[error("subscription: at most {max} at a time", max = limits::SUBSCRIPTIONS_MAX)]
    TooManySubscriptions,
    /// The conversation to be released is not set aside.
    #[error("conversation: {0} is not in quarantine")]
    NotQuarantined(ConversationId),
    /// The text cannot be searched for.
    #[error("{0}")]
    BadSearch(#[from] QueryError),
    /// The list's cursor is none.
    #[error("{0}")]
    BadCursor(String),
}

/// How a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The engine stops; come back after so many milliseconds.
    GoingAway {
        /// The wait.
        reconnect_after_ms: u32,
    },
    /// The same instance has connected again.
    Replaced,
    /// The member serves from another place from now on.
    TakenOver,
    /// The member was removed from the workspace.
    Removed,
    /// The session failed; connect again.
    Fault,
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cursor(_) | ReadError::CursorOfOtherFilter(_) => Self::BadCursor(error.to_string()),
            ReadError::Unavailable(_) | ReadError::Corrupt { .. } => Self::Unavailable(error.to_string()),
        }
    }
}
