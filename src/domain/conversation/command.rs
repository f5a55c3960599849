//! What can be asked of a conversation, and how it can be refused.
//!
//! Owns the commands, the context that they are decided in, and the rejections. Must not know the
//! wire's requests or error numbers.

use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, Content, MemberId, MessageText, Seq, Timestamp,
};

use super::{Answer, Entry, Origin};
use crate::domain::assignment::{Explanation, Outcome};
use crate::domain::consultation::Requeued;
use crate::domain::customer::{Details, DetailsChange};
use crate::domain::hours::CountedHours;
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
        /// What was known of the customer when their conversation before this one ended.
        known: Details,
        /// Who answered last for their consultations until then.
        former: Option<MemberId>,
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
    /// Call an agent.
    Call {
        /// The consultation that it begins.
        consultation: ConsultationId,
        /// What it is about.
        category: CategoryPath,
    },
    /// Take the call back.
    Cancel,
    /// Enter.
    Join,
    /// Leave.
    Leave,
    /// Answer for the consultation that waits, or step into the conversation with the bot; and enter.
    Take {
        /// The consultation that it begins, if there is none.
        consultation: ConsultationId,
        /// At which epoch; `None`: at any.
        epoch: Option<u64>,
    },
    /// Give the consultation to somebody.
    Transfer {
        /// Who answers for it, as far as whoever gives it knows.
        from: MemberId,
        /// To whom.
        to: MemberId,
        /// At which epoch; `None`: at any at which `from` answers for it.
        epoch: Option<u64>,
    },
    /// Write down what is known of the customer.
    Describe {
        /// What becomes of each detail.
        change: Box<DetailsChange>,
    },
    /// End the service.
    Complete {
        /// At which epoch; `None`: at any.
        epoch: Option<u64>,
    },
    /// End the conversation for good: the customer begins anew, or an agent is through with it.
    End,
}

impl Action {
    /// The name of what a member does only who is there to be reached, and not by a session that only looks.
    #[must_use]
    pub const fn needs_somebody_there(&self) -> Option<&'static str> {
        match self {
            Self::Post { .. } => Some("post"),
            Self::Read { .. } => Some("read"),
            Self::Join => Some("join"),
            Self::Take { .. } => Some("take"),
            Self::Start { .. }
            | Self::Call { .. }
            | Self::Cancel
            | Self::Leave
            | Self::Transfer { .. }
            | Self::Describe { .. }
            | Self::Complete { .. }
            | Self::End => None,
        }
    }

    /// Whether its decision depends on who is there.
    #[must_use]
    pub const fn asks_who_is_there(&self) -> bool {
        match self {
            Self::Join | Self::Take { .. } | Self::Transfer { .. } => true,
            Self::Start { .. }
            | Self::Post { .. }
            | Self::Read { .. }
            | Self::Call { .. }
            | Self::Cancel
            | Self::Leave
            | Self::Describe { .. }
            | Self::Complete { .. }
            | Self::End => false,
        }
    }
}

/// What the engine itself does in a conversation. It is no client's command: it may come twice, and a second
/// one is stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnAction {
    /// It was decided who serves a consultation, or that it waits.
    Decided {
        /// At which epoch.
        epoch: u64,
        /// The decision, with which consultation it is about.
        explanation: Arc<Explanation>,
    },
    /// Whoever answers for a consultation is not there any more.
    Requeue {
        /// Which.
        consultation: ConsultationId,
        /// At which epoch.
        epoch: u64,
        /// Why.
        why: Requeued,
    },
    /// The bot answers the customer's last message.
    Reply {
        /// Which: the entry that it is in.
        to: u64,
        /// The epoch at which the bot had the floor.
        epoch: u64,
        /// What it says.
        message: Message,
    },
    /// A deadline may have come.
    Look,
}

impl OwnAction {
    /// At which epoch something was decided that must not come to nothing. A word on why a request waits keeps
    /// nothing: nobody need know what became of it.
    #[must_use]
    pub fn decided_at(&self) -> Option<u64> {
        match self {
            Self::Decided { epoch, explanation } => match explanation.outcome {
                Outcome::Assigned { .. } => Some(*epoch),
                Outcome::Waits(_) => None,
            },
            Self::Requeue { epoch, .. } => Some(*epoch),
            Self::Reply { .. } | Self::Look => None,
        }
    }
}

/// What a decision depends on besides the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The time now.
    pub now: Timestamp,
    /// The settings in force.
    pub policy: Policy,
    /// The settings of service in force at the conversation's profile.
    pub service: &'a Service,
    /// What becomes of a call made now; only for what [`asks_for_doors`](super::asks_for_doors) says.
    pub doors: Doors,
    /// Who is there; only for what [`Action::asks_who_is_there`] says. `None`: everybody.
    pub present: Option<&'a Present>,
}

/// Which members are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Present {
    /// Whom work can be given to.
    pub online: BTreeSet<MemberId>,
    /// Who is there and wants to be left alone.
    pub away: BTreeSet<MemberId>,
}

impl Present {
    /// Whether work can be given to somebody.
    #[must_use]
    pub fn takes_work(&self, member: MemberId) -> bool {
        self.online.contains(&member)
    }

    /// Whether somebody can be reached.
    #[must_use]
    pub fn is_there(&self, member: MemberId) -> bool {
        self.online.contains(&member) || self.away.contains(&member)
    }
}

impl Context<'static> {
    /// Without operating hours, and with no settings of service.
    #[must_use]
    pub fn plain(now: Timestamp, policy: Policy) -> Self {
        static NONE: Service = Service::NONE;
        Self { now, policy, service: &NONE, doors: Doors::Open, present: None }
    }
}

/// What becomes of a call, by the operating hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Doors {
    /// It is within operating hours, or there are none.
    #[default]
    Open,
    /// It is outside, and calls are accepted.
    Accepting {
        /// Whether the bot answers until an agent enters.
        bot_replies: bool,
    },
    /// It is outside, and calls are refused.
    Refusing,
}

/// The settings of service at a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What the customer is told who calls outside operating hours.
    pub notice: Option<MessageText>,
    /// What the customer says to call an agent.
    pub call_word: Option<MessageText>,
    /// What a customer who says that can choose from; none: nothing is asked.
    pub categories: Vec<CategoryPath>,
    /// What the bot answers to everything else; `None`: nothing.
    pub reply: Option<MessageText>,
    /// What the bot says at the start.
    pub greeting: Option<Message>,
    /// What the customer says to take a call back.
    pub cancel_word: Option<MessageText>,
    /// A call that is taken back at once is not missed.
    pub early_cancel_is_no_miss: bool,
    /// A consultation ends when the customer has said nothing for so long after an agent, in milliseconds.
    pub silent_ms: Option<i64>,
    /// A consultation that nobody serves is missed after so long, in milliseconds.
    pub unserved_ms: Option<i64>,
    /// The hours in which that counts; `None`: it always does.
    pub hours: Option<Arc<CountedHours>>,
    /// Nothing ends by itself before this: after a downtime customers have a time of grace.
    pub grace_until: Timestamp,
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

impl Service {
    /// Nothing is set.
    pub const NONE: Self = Self {
        notice: None,
        call_word: None,
        categories: Vec::new(),
        reply: None,
        greeting: None,
        cancel_word: None,
        early_cancel_is_no_miss: false,
        silent_ms: None,
        unserved_ms: None,
        hours: None,
        grace_until: Timestamp::from_millis(0),
    };

    /// When a consultation ends in which the customer has said nothing since then.
    #[must_use]
    pub fn silent_at(&self, since: Timestamp) -> Option<Timestamp> {
        Some(later(since, self.silent_ms?).max(self.grace_until))
    }

    /// When a call is missed that nobody has served since then: only the time counts in which the doors are open.
    #[must_use]
    pub fn unserved_at(&self, since: Timestamp) -> Option<Timestamp> {
        let after = self.unserved_ms?;
        let at = match &self.hours {
            Some(hours) => hours.after(since, after)?,
            None => later(since, after),
        };
        Some(at.max(self.grace_until))
    }
}

const fn later(since: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(since.as_millis().saturating_add(millis))
}

impl Default for Service {
    fn default() -> Self {
        Self::NONE
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
    #[error("{action}: nobody serves this conversation; take it first")]
    NotServed {
        /// What was asked for.
        action: &'static str,
    },
    /// There is a consultation already.
    #[error("call: an agent has been called already")]
    AlreadyCalled,
    /// There is nothing to take back.
    #[error("cancel: no call waits")]
    NotCalled,
    /// An agent serves already.
    #[error("cancel: an agent serves already")]
    AlreadyServed,
    /// It is a preview.
    #[error("{action}: a preview calls nobody, and nobody serves it")]
    Preview {
        /// What was tried.
        action: &'static str,
    },
    /// It is a preview.
    #[error("describe: a preview has no customer")]
    Nobody,
    /// Whoever is to get it is not there, or does not want to be.
    #[error(
        "to: member {member} is away, not there, or none of this workspace; only who is there can be given it"
    )]
    NotPresent {
        /// Who.
        member: MemberId,
    },
    /// Somebody else was faster.
    #[error("{action}: {} answers for this conversation now", name_of(*assignee))]
    Moved {
        /// What was asked for.
        action: &'static str,
        /// Who answers for it now.
        assignee: Option<MemberId>,
    },
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

fn name_of(member: Option<MemberId>) -> String {
    member.map_or_else(|| "nobody".to_owned(), |member| format!("member {member}"))
}
