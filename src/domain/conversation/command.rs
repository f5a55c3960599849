//! What can be asked of a conversation, and how it can be refused.
//!
//! Owns the commands, the context that they are decided in, and the rejections. Must not know the
//! wire's requests or error numbers.

use switchboard_protocol::vocabulary::{Content, MemberId, Seq, Timestamp};

use super::{Answer, Entry, Origin};
use crate::domain::identity::{CustomerKey, Identity};
use crate::domain::message::Message;

/// A command with who gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Who.
    pub identity: Identity,
    /// Which client's command it is, so that it is carried out once.
    pub origin: Origin,
    /// What to do.
    pub action: Action,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Begin the conversation, unless it has begun.
    Start {
        /// With whom.
        customer: CustomerKey,
        /// What the bot says first.
        greeting: Option<Message>,
    },
    /// Post a message.
    Post {
        /// What it says.
        content: Content,
    },
    /// Say what has been read, in the reader's own sequence.
    Read {
        /// Everything up to here.
        up_to: Seq,
    },
    /// Enter.
    Join,
    /// Leave.
    Leave,
    /// Become the assignee, and enter.
    Take,
    /// End the service.
    Complete,
    /// End the conversation for good: the customer begins anew, or an agent is through with it.
    End,
}

/// What a decision depends on besides the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The time now.
    pub now: Timestamp,
    /// The settings in force.
    pub policy: Policy,
}

/// The settings that bind a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The most characters of a text.
    pub text_chars_max: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { text_chars_max: 1_000 }
    }
}

/// What a command becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This is to be recorded and applied.
    Record(Entry),
    /// It is as the command wants it, and will be so for ever; nothing to record.
    AlreadySo,
    /// The command was accepted before and answered so.
    Answered(Answer),
    /// The command was accepted before, so long ago that its answer is gone.
    AcceptedLongAgo,
}

/// Why a command is refused. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such conversation for whoever asks.
    #[error("conversation: there is none with this id that you may see")]
    NoSuchConversation,
    /// The client instance was forgotten.
    #[error("instance: it has not been used here for so long that it was forgotten; connect without one")]
    InstanceForgotten,
    /// It was refused when its turn came, and must not be done out of its order.
    #[error(
        "n: {counter} was refused when its turn came, and later ones have been done; send it as a new one"
    )]
    Overtaken {
        /// Its counter.
        counter: u64,
    },
    /// Only staff do that.
    #[error("{action}: only agents may do this")]
    OnlyAgents {
        /// What was asked for.
        action: &'static str,
    },
    /// Only customers do that.
    #[error("{action}: only the customer may do this")]
    OnlyCustomer {
        /// What was asked for.
        action: &'static str,
    },
    /// The agent has not entered.
    #[error("{action}: enter the conversation first")]
    NotEntered {
        /// What was asked for.
        action: &'static str,
    },
    /// Somebody else serves it.
    #[error("take: member {by} serves this conversation already")]
    AlreadyAssigned {
        /// Who.
        by: MemberId,
    },
    /// It has ended.
    #[error("conversation: it has ended; opening one begins a new one")]
    Ended,
    /// Nobody serves it.
    #[error("complete: nobody serves this conversation")]
    NotServed,
    /// Too many agents.
    #[error("join: {agents} agents are in this conversation; at most {max}")]
    TooManyAgents {
        /// How many are there.
        agents: usize,
        /// How many may be.
        max: usize,
    },
    /// The text is too long.
    #[error("text: it has {chars} characters; at most {max}")]
    TextTooLong {
        /// Its length in characters.
        chars: usize,
        /// The most that the settings allow.
        max: usize,
    },
    /// The content is of a kind that this version does not know.
    #[error("content: a kind in it is not known here; known are \"text\", \"media\" and \"location\"")]
    UnknownContent,
    /// Only the bot says that.
    #[error("content: only the bot sends {what}")]
    OnlyBot {
        /// What of it.
        what: &'static str,
    },
    /// The sequence lies beyond the last event.
    #[error("up_to: {up_to} lies beyond the last event, {last}")]
    BeyondEnd {
        /// What was given.
        up_to: Seq,
        /// The last.
        last: Seq,
    },
}
