//! The stored form of a consultation: in the state of its conversation, in its row, and as a record when it is over.
//!
//! Owns it with who has answered for it, and who serves a conversation. Must not know events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::parts::{Id, at, member, member_id};
use super::service::{
    category, consultation as consultation_of, consultation_id, how, how_word, stored_category, unserved,
    unserved_word, why, why_word,
};
use super::{StoredError, read, write};
use crate::domain::consultation::{
    ASSIGNEES_MAX, Assignee, Assignees, Beginning, Caller, Consultation, How, Outcome, Over, Record, Stage,
};
use crate::domain::conversation::{BotPlace, Served};

/// The stored form of the record of a consultation that is over.
///
/// # Errors
/// When it goes on: then it is in the row of its conversation.
pub(in crate::journal) fn encode_record(record: &Record) -> Result<Vec<u8>, StoredError> {
    let over = record.over.ok_or(StoredError::Unstorable { what: RECORD, reason: "it goes on" })?;
    let outcome = match over.outcome {
        Outcome::Completed => None,
        Outcome::Unserved(why) => Some(Cow::Borrowed(unserved_word(why))),
    };
    let consultation = StoredConsultation::new(&record.consultation);
    let mut buffer = Vec::with_capacity(TYPICAL_BYTES);
    let stored = StoredRecord { v: WITH_RECORDS, consultation, ended_at: over.at.as_millis(), outcome };
    write(RECORD, &stored, &mut buffer)?;
    Ok(buffer)
}

/// Reads the stored form of a record.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_record(bytes: &[u8]) -> Result<Record, StoredError> {
    let stored: StoredRecord<'_> = read(RECORD, WITH_RECORDS, bytes)?;
    let outcome = match stored.outcome.as_deref() {
        None => Outcome::Completed,
        Some(word) => Outcome::Unserved(unserved(word).ok_or_else(|| lacks("a known outcome"))?),
    };
    let over = Some(Over { at: at(stored.ended_at), outcome });
    Ok(Record { consultation: stored.consultation.consultation()?, over })
}

/// A consultation that is over. Without an outcome it was completed.
#[derive(Serialize, Deserialize)]
struct StoredRecord<'a> {
    v: u64,
    #[serde(rename = "c", borrow)]
    consultation: StoredConsultation<'a>,
    #[serde(rename = "e")]
    ended_at: i64,
    #[serde(rename = "o", borrow, default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Cow<'a, str>>,
}

/// A consultation.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredConsultation<'a> {
    #[serde(rename = "c")]
    id: Id,
    /// Whether it was called within hours, and whether the bot replies; `None`: an agent stepped in.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    called: Option<(bool, bool)>,
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    called_by_bot: bool,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Vec::is_empty")]
    category: Vec<Cow<'a, str>>,
    #[serde(rename = "t")]
    called_at: i64,
    #[serde(rename = "q")]
    waits_since: i64,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    assignee: Option<Id>,
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    in_progress: bool,
    /// Why it waits, and for whom.
    #[serde(rename = "y", borrow, default, skip_serializing_if = "Option::is_none")]
    why: Option<(Cow<'a, str>, Option<Id>)>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    served_at: Option<i64>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    answered_at: Option<i64>,
    #[serde(rename = "n")]
    transfers: u32,
    #[serde(rename = "w", default, skip_serializing_if = "is_none")]
    requeues: u32,
    #[serde(rename = "h", borrow, default, skip_serializing_if = "Vec::is_empty")]
    assignees: Vec<StoredAssignee<'a>>,
    #[serde(rename = "m", default, skip_serializing_if = "is_none")]
    earlier: u32,
}

/// Who, how and from whom, since when and until when.
#[derive(Serialize, Deserialize)]
struct StoredAssignee<'a>(Id, #[serde(borrow)] Cow<'a, str>, Option<Id>, i64, Option<i64>);

impl<'a> StoredConsultation<'a> {
    pub(super) fn new(consultation: &'a Consultation) -> Self {
        let (called, called_by_bot) = match consultation.beginning {
            Beginning::Called { by, in_hours, bot_replies } => {
                (Some((in_hours, bot_replies)), by == Caller::Bot)
            }
            Beginning::SteppedIn => (None, false),
        };
        Self {
            id: consultation_id(consultation.id),
            called,
            called_by_bot,
            category: stored_category(&consultation.category),
            called_at: consultation.called_at.as_millis(),
            waits_since: consultation.waits_since.as_millis(),
            assignee: consultation.assignee().map(member_id),
            in_progress: matches!(consultation.stage, Stage::InProgress(_)),
            why: consultation.why.map(|why| {
                let (word, who) = why_word(why);
                (Cow::Borrowed(word), who.map(member_id))
            }),
            served_at: consultation.served_at.map(|at| at.as_millis()),
            answered_at: consultation.answered_at.map(|at| at.as_millis()),
            transfers: consultation.transfers,
            requeues: consultation.requeues,
            assignees: consultation.assignees.last.iter().map(StoredAssignee::new).collect(),
            earlier: consultation.assignees.earlier,
        }
    }

    pub(super) fn consultation(&self) -> Result<Consultation, StoredError> {
        let beginning = match self.called {
            Some((in_hours, bot_replies)) => {
                let by = if self.called_by_bot { Caller::Bot } else { Caller::Customer };
                Beginning::Called { by, in_hours, bot_replies }
            }
            None => Beginning::SteppedIn,
        };
        let stage = match (self.assignee.map(member), self.in_progress) {
            (None, false) => Stage::Waiting,
            (Some(member), false) => Stage::Assigned(member),
            (Some(member), true) => Stage::InProgress(member),
            (None, true) => return Err(lacks("an assignee of what is in progress")),
        };
        let why = self
            .why
            .as_ref()
            .map(|(word, who)| why(word, who.map(member)).ok_or_else(|| lacks("a known reason to wait")));
        if self.assignees.len() > ASSIGNEES_MAX {
            return Err(lacks("a bound of its assignees"));
        }
        let last = self.assignees.iter().map(|stored| stored.assignee(self.id));
        Ok(Consultation {
            id: consultation_of(self.id),
            beginning,
            category: category(&self.category)?,
            called_at: at(self.called_at),
            waits_since: at(self.waits_since),
            stage,
            why: why.transpose()?,
            served_at: self.served_at.map(at),
            answered_at: self.answered_at.map(at),
            transfers: self.transfers,
            requeues: self.requeues,
            assignees: Assignees { last: last.collect::<Result<_, _>>()?, earlier: self.earlier },
        })
    }
}

impl<'a> StoredAssignee<'a> {
    fn new(assignee: &Assignee) -> Self {
        let from = match assignee.how {
            How::Transferred { from } => Some(member_id(from)),
            How::Automatic | How::Taken | How::SteppedIn { .. } => None,
        };
        let until = assignee.until.map(|at| at.as_millis());
        let word = Cow::Borrowed(how_word(&assignee.how));
        Self(member_id(assignee.member), word, from, assignee.since.as_millis(), until)
    }

    fn assignee(&self, of: Id) -> Result<Assignee, StoredError> {
        let Self(who, word, from, since, until) = self;
        let how = how(word, consultation_of(of), from.map(member)).ok_or_else(|| lacks("how it came"))?;
        Ok(Assignee { member: member(*who), how, since: at(*since), until: until.map(at) })
    }
}

/// Who serves a conversation.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredServed<'a> {
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    agents: Vec<Id>,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    consultation: Option<StoredConsultation<'a>>,
    #[serde(rename = "p")]
    epoch: u64,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    former: Option<Id>,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Option::is_none")]
    bot: Option<StoredBotPlace<'a>>,
}

impl<'a> StoredServed<'a> {
    pub(super) fn new(served: &'a Served) -> Self {
        Self {
            agents: served.agents.iter().map(|agent| member_id(*agent)).collect(),
            consultation: served.consultation.as_ref().map(StoredConsultation::new),
            epoch: served.epoch,
            former: served.former.map(member_id),
            bot: StoredBotPlace::new(&served.bot),
        }
    }

    pub(super) fn served(&self) -> Result<Served, StoredError> {
        Ok(Served {
            agents: self.agents.iter().map(|agent| member(*agent)).collect(),
            consultation: self.consultation.as_ref().map(StoredConsultation::consultation).transpose()?,
            epoch: self.epoch,
            former: self.former.map(member),
            bot: bot_place(self.bot.as_ref())?,
        })
    }
}

/// Where the bot is: whether it is parked, and then the category of its call; otherwise it is at the start.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredBotPlace<'a>(bool, #[serde(borrow)] Vec<Cow<'a, str>>);

impl<'a> StoredBotPlace<'a> {
    /// `None`: it goes on as it did.
    pub(super) fn new(bot: &'a BotPlace) -> Option<Self> {
        match bot {
            BotPlace::On => None,
            BotPlace::Parked { category } => Some(Self(true, stored_category(category))),
            BotPlace::Start => Some(Self(false, Vec::new())),
        }
    }
}

/// Where the bot is.
pub(super) fn bot_place(stored: Option<&StoredBotPlace<'_>>) -> Result<BotPlace, StoredError> {
    Ok(match stored {
        None => BotPlace::On,
        Some(StoredBotPlace(true, levels)) => BotPlace::Parked { category: category(levels)? },
        Some(StoredBotPlace(false, _)) => BotPlace::Start,
    })
}

/// The first version that can say who serves a conversation.
pub(super) fn version(served: &Served) -> u64 {
    let is_simple = |consultation: &Consultation| {
        let by_bot = matches!(consultation.beginning, Beginning::Called { by: Caller::Bot, .. });
        let Consultation { answered_at, requeues, assignees, .. } = consultation;
        !by_bot && answered_at.is_none() && *requeues == 0 && *assignees == Assignees::default()
    };
    let is_explained = |consultation: &Consultation| consultation.why.is_some();
    if served.consultation.as_ref().is_some_and(is_explained) {
        WITH_REASONS
    } else if served.bot != BotPlace::On || !served.consultation.as_ref().is_none_or(is_simple) {
        WITH_RECORDS
    } else {
        WITH_SERVICE
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the attribute calls it so")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

fn lacks(what: &str) -> StoredError {
    StoredError::malformed(RECORD, &format_args!("it lacks {what}"))
}

/// The third version has consultations.
pub(super) const WITH_SERVICE: u64 = 3;

/// The fourth has who has answered for them, records of those that are over, and where the bot is.
pub(super) const WITH_RECORDS: u64 = 4;

/// The fifth has why they wait.
pub(super) const WITH_REASONS: u64 = 5;

const RECORD: &str = "consultation";

/// Room for a record with a category and an agent or two.
const TYPICAL_BYTES: usize = 256;
