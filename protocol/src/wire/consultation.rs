//! Consultations as they are kept: what they were about, who answered for them, and what became of them.
//!
//! Owns their shape. Must not know how they are counted, nor who may see them.

use serde::{Deserialize, Serialize};

use super::{How, UnservedWhy};
use crate::vocabulary::{CategoryPath, ConsultationId, ConversationId, MemberId, Timestamp};

/// A consultation of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consultation {
    /// In which of the customer's conversations; absent: in the one that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// Which.
    pub consultation: ConsultationId,
    /// What it began with.
    pub begun_by: BegunBy,
    /// What it was about.
    #[serde(default, skip_serializing_if = "CategoryPath::is_empty")]
    pub category: CategoryPath,
    /// When it began.
    pub called_at: Timestamp,
    /// Whether it was called outside operating hours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside_hours: bool,
    /// When service began, with the first agent's entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_at: Option<Timestamp>,
    /// When an agent first said something in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// When it was over; absent: it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What became of it; absent: it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Who has answered for it, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<Assignee>,
    /// How many answered for it before those.
    #[serde(default)]
    pub earlier_assignees: u32,
    /// How often it was given from one agent to another.
    #[serde(default)]
    pub transfers: u32,
    /// How often it had to wait again.
    #[serde(default)]
    pub requeues: u32,
}

/// What a consultation began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BegunBy {
    /// The customer called an agent.
    Customer,
    /// The bot called one for them.
    Bot,
    /// An agent stepped into a conversation with the bot.
    Agent,
    /// Somebody that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Somebody who has answered for a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignee {
    /// Who.
    pub member: MemberId,
    /// How that came.
    pub how: How,
    /// Who did before, when it was given on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<MemberId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; absent: they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What became of a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// It was served.
    Completed,
    /// Nobody has served it.
    Missed {
        /// Why.
        why: UnservedWhy,
    },
    /// The customer took the call back so soon that it does not count as missed.
    Cancelled,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}
