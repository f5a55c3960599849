//! A consultation: one episode of human service within a conversation.
//!
//! Owns what it consists of, its stages, who has answered for it, and its outcomes: it is the unit of assignment
//! and of the statistics. Must not know what is said meanwhile, nor who could serve it.

use std::collections::VecDeque;

use switchboard_protocol::vocabulary::{CategoryPath, ConsultationId, ConversationId, MemberId, Timestamp};

use super::assignment::Why;
use super::conversation::What;

/// A consultation that goes on. A conversation has one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consultation {
    /// Which.
    pub id: ConsultationId,
    /// What it began with.
    pub beginning: Beginning,
    /// What it is about.
    pub category: CategoryPath,
    /// When it was called, which is its place in the queue; of one that an agent began, when that was.
    pub called_at: Timestamp,
    /// Since when nobody serves it, if nobody does.
    pub waits_since: Timestamp,
    /// How far it has come.
    pub stage: Stage,
    /// Why it waits, as that was explained last; `None` if it was not, or does not wait.
    pub why: Option<Why>,
    /// When service began: with the first agent's entry.
    pub served_at: Option<Timestamp>,
    /// When an agent said something for the first time since then.
    pub answered_at: Option<Timestamp>,
    /// How often it was given from one agent to another.
    pub transfers: u32,
    /// How often it had to wait again.
    pub requeues: u32,
    /// Who has answered for it.
    pub assignees: Assignees,
}

/// What a consultation began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// An agent was called.
    Called {
        /// By whom.
        by: Caller,
        /// Whether that was within operating hours.
        in_hours: bool,
        /// Whether the bot answers until an agent enters.
        bot_replies: bool,
    },
    /// An agent stepped into a conversation with the bot: nobody has waited.
    SteppedIn,
}

/// Who calls an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The customer asked for one.
    Customer,
    /// The bot came to where it calls one.
    Bot,
}

/// Who has answered for a consultation, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assignees {
    /// The last of them, oldest first: at most [`ASSIGNEES_MAX`].
    pub last: VecDeque<Assignee>,
    /// How many there were before those.
    pub earlier: u32,
}

/// Somebody who has answered for a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignee {
    /// Who.
    pub member: MemberId,
    /// How that came.
    pub how: How,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None`: they do.
    pub until: Option<Timestamp>,
}

impl Assignees {
    /// Somebody answers for it from now on, and nobody else.
    pub fn next(&mut self, member: MemberId, how: How, at: Timestamp) {
        self.none(at);
        if self.last.len() == ASSIGNEES_MAX {
            self.last.pop_front();
            self.earlier = self.earlier.saturating_add(1);
        }
        self.last.push_back(Assignee { member, how, since: at, until: None });
    }

    /// Nobody answers for it any more.
    pub fn none(&mut self, at: Timestamp) {
        if let Some(last) = self.last.back_mut() {
            last.until.get_or_insert(at);
        }
    }
}

/// A consultation as it is kept: also when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// It, as it goes on or as it was in the end.
    pub consultation: Consultation,
    /// Its end, if it is over.
    pub over: Option<Over>,
}

/// The end of a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was served.
    Completed,
    /// Nobody has served it.
    Unserved(Unserved),
}

/// How far a consultation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nobody is to serve it yet.
    Waiting,
    /// Somebody is to serve it, and nobody has entered yet.
    Assigned(MemberId),
    /// It is served. Somebody answers for it, whoever else is inside.
    InProgress(MemberId),
}

impl Stage {
    /// Who answers for it.
    #[must_use]
    pub const fn assignee(self) -> Option<MemberId> {
        match self {
            Self::Waiting => None,
            Self::Assigned(member) | Self::InProgress(member) => Some(member),
        }
    }
}

impl Consultation {
    /// Who answers for it.
    #[must_use]
    pub const fn assignee(&self) -> Option<MemberId> {
        self.stage.assignee()
    }

    /// What its end is: completed if it was ever served.
    #[must_use]
    pub const fn over(&self, unserved: Unserved) -> What {
        match self.outcome(unserved) {
            Outcome::Completed => What::Completed,
            Outcome::Unserved(why) => What::Unserved { why },
        }
    }

    /// What becomes of it if it is over now, and for this if nobody has served it.
    #[must_use]
    pub const fn outcome(&self, unserved: Unserved) -> Outcome {
        match self.served_at {
            Some(_) => Outcome::Completed,
            None => Outcome::Unserved(unserved),
        }
    }

    /// It is over: nobody answers for it any more.
    #[must_use]
    pub fn ended(mut self, at: Timestamp, outcome: Outcome) -> Record {
        self.assignees.none(at);
        self.why = None;
        Record { consultation: self, over: Some(Over { at, outcome }) }
    }

    /// Whether the bot goes on answering for now.
    #[must_use]
    pub const fn bot_replies(&self) -> bool {
        let before_service = matches!(self.stage, Stage::Waiting | Stage::Assigned(_));
        before_service && matches!(self.beginning, Beginning::Called { bot_replies: true, .. })
    }
}

/// The id of the consultation that an entry of a conversation begins without naming it: always the same, and
/// no other's.
#[must_use]
pub fn begun_by(conversation: ConversationId, revision: u64) -> ConsultationId {
    let mut bytes = *conversation.as_bytes();
    for (byte, of_revision) in bytes[8..].iter_mut().zip(revision.to_be_bytes()) {
        *byte ^= of_revision;
    }
    ConsultationId::from_bytes(bytes)
}

/// How somebody came to answer for a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By automatic assignment.
    Automatic,
    /// By taking it while nobody did.
    Taken,
    /// By stepping into a conversation with the bot, which began this consultation.
    SteppedIn {
        /// Which.
        consultation: ConsultationId,
    },
    /// It was given to them by a colleague, or by themselves to another.
    Transferred {
        /// Who answered for it before.
        from: MemberId,
    },
}

/// Why a consultation waits again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeued {
    /// The agent is not there any more.
    Absent,
    /// The agent is no member any more.
    Removed,
}

/// Why nobody has served a consultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unserved {
    /// The customer took the call back, so soon that it does not count as missed.
    Cancelled,
    /// The customer took the call back.
    GaveUp,
    /// The customer ended the conversation.
    Left,
    /// An agent ended the conversation. The customer did not want that, and was not served: it is missed.
    Dismissed,
    /// It waited for longer than is allowed.
    TooLong,
}

impl Unserved {
    /// Whether it counts as missed.
    #[must_use]
    pub const fn is_missed(self) -> bool {
        match self {
            Self::Cancelled => false,
            Self::GaveUp | Self::Left | Self::Dismissed | Self::TooLong => true,
        }
    }
}

/// How long after the call it can be taken back without being missed, in milliseconds.
pub const CANCEL_WINDOW_MS: i64 = 10_000;

/// So many of those who have answered for a consultation are kept: more are only counted.
pub const ASSIGNEES_MAX: usize = 16;
