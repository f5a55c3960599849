//! What the server sends on the session stream: the welcome, replies, the goodbye.
//!
//! Owns the answers to requests. Must not know events, which have streams of their own.

use serde::{Deserialize, Serialize};

use super::{
    AuditEntry, Consultation, CustomerDetails, Decision, ErrorBody, Event, Goodbye, Row, Settings, Welcome,
};
use crate::vocabulary::{ConversationId, Platform, ProfileId, Seq, Timestamp, UserKey};

/// A frame from the server on the session stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
#[allow(clippy::large_enum_variant, reason = "short-lived: decoded, matched and dropped")]
pub enum ServerFrame {
    /// The session is open.
    Welcome(Welcome),
    /// A request was carried out.
    Reply(Reply),
    /// A request, or with `id` absent the hello, was refused; it changed nothing.
    Error {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        /// Why.
        error: ErrorBody,
    },
    /// The server is about to close the connection.
    Goodbye(Goodbye),
    /// A frame that this version does not know; ignored.
    #[serde(other)]
    Unknown,
}

/// A request's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The request.
    pub id: u64,
    /// The answer.
    pub body: ReplyBody,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ReplyBody {
    /// The change is on disk. The same answer is given to a request that is sent again.
    Accepted {
        /// The reader's sequence of the event that it became, if it became one this reader sees.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// When it was accepted.
        at: Timestamp,
    },
    /// The request was accepted so long ago that its answer is not kept any more.
    AlreadyAccepted,
    /// The conversation that was asked for.
    Opened {
        /// Which.
        conversation: ConversationId,
    },
    /// The subscription's stream is open or about to be.
    Subscribed {
        /// Its number.
        subscription: u32,
    },
    /// The subscription has ended.
    Unsubscribed,
    /// Events of a conversation.
    Events {
        /// In sequence.
        events: Vec<Event>,
        /// Whether there are earlier ones.
        more: bool,
    },
    /// What was decided about a conversation.
    Explained {
        /// Newest first.
        decisions: Vec<Decision>,
        /// Whether there may be earlier ones.
        more: bool,
    },
    /// Consultations of a conversation.
    Consultations {
        /// Newest first; the one that goes on is the newest.
        consultations: Vec<Consultation>,
        /// Where the next page starts; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
    },
    /// A page of the conversation list.
    Conversations {
        /// Newest activity first.
        rows: Vec<Row>,
        /// Where the next page starts; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// The position in the log at which the page is true.
        position: u64,
    },
    /// Who the customer of a conversation is.
    Customer {
        /// The profile talked to.
        profile: ProfileId,
        /// Where the customer comes from.
        platform: Platform,
        /// What the customer is known by there.
        user_key: UserKey,
        /// What is known of the customer.
        #[serde(default, skip_serializing_if = "CustomerDetails::is_empty")]
        details: CustomerDetails,
    },
    /// A page of the conversations that a text is found in.
    Found {
        /// Newest activity first.
        rows: Vec<Row>,
        /// Where the next page starts; absent on the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// Whether there are conversations that were not looked at, because too many begin with the text: a
        /// longer one finds them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        /// The position in the log at which the page is true.
        position: u64,
    },
    /// The conversations that are set aside.
    Quarantined {
        /// One each.
        conversations: Vec<QuarantinedConversation>,
        /// Whether there are more.
        more: bool,
    },
    /// The conversation is no longer set aside: the next request for it tries it again.
    Released,
    /// Settings that were asked for.
    Settings {
        /// How many changes the workspace has had: these are true at the last of them.
        revision: u64,
        /// The settings.
        settings: Box<Settings>,
    },
    /// The setting is changed, on disk and for everybody. The same answer is given to a request that is sent
    /// again.
    Changed {
        /// The change's place in the audit.
        revision: u64,
        /// When it was accepted.
        at: Timestamp,
    },
    /// What was changed.
    Audit {
        /// Newest first; at least one, if there is any.
        entries: Vec<AuditEntry>,
        /// Whether there are earlier ones.
        more: bool,
    },
    /// How waiting goes.
    Waiting {
        /// How many wait for whom nobody is found.
        waiting: u32,
        /// How far off the estimates were.
        estimates: EstimateFigures,
    },
    /// The latencies of the stages, in the order in which a message passes them.
    Latency {
        /// One each.
        stages: Vec<StageLatency>,
    },
    /// An answer that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A conversation that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedConversation {
    /// Which.
    pub conversation: ConversationId,
    /// Why, for people.
    pub reason: String,
}

/// How far off the first estimates were that customers were told, of those whom somebody was found for since the
/// workspace's engine began. Looked at every two seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EstimateFigures {
    /// How many were compared; while it is 0, the others are.
    pub compared: u64,
    /// The mean of what was told, in seconds.
    pub told_mean_s: u64,
    /// The mean of how long it took, in seconds.
    pub took_mean_s: u64,
    /// The mean of how far off each was, in seconds, whether too long or too short.
    pub off_mean_s: u64,
}

/// The latency of one stage since the daemon started, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageLatency {
    /// Its name.
    pub stage: String,
    /// How many were measured.
    pub count: u64,
    /// The median.
    pub p50_us: u64,
    /// 90 % are at most this.
    pub p90_us: u64,
    /// 99 % are at most this.
    pub p99_us: u64,
    /// 99.9 % are at most this.
    pub p999_us: u64,
    /// The largest.
    pub max_us: u64,
}
