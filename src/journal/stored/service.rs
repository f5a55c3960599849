//! The stored form of what happens to consultations.
//!
//! Owns calls, assignments with how they came, and decisions with everything they rest on. Must not know what
//! else is in an event, nor states.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, ConsultationId, ConversationId, MemberId,
};

use super::StoredError;
use super::consultation::{WITH_RECORDS, WITH_SERVICE};
use super::message::PLAIN;
use super::parts::{Id, member, member_id};
use crate::domain::assignment::{
    Agent, Candidate, Choosing, Considered, Explanation, Group, Outcome, Rule, Standing, Strategy, Why,
};
use crate::domain::consultation::{How, Requeued, Unserved, begun_by};
use crate::domain::conversation::What;

/// What an event says of a consultation. What a kind does not need is absent.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StoredService<'a> {
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    consultation: Option<Id>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Vec::is_empty")]
    category: Vec<Cow<'a, str>>,
    /// How or why, as a word.
    #[serde(rename = "w", borrow, default, skip_serializing_if = "Option::is_none")]
    word: Option<Cow<'a, str>>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    from: Option<Id>,
    #[serde(rename = "i", default, skip_serializing_if = "std::ops::Not::not")]
    in_hours: bool,
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    bot_replies: bool,
    #[serde(rename = "x", borrow, default, skip_serializing_if = "Option::is_none")]
    explanation: Option<Box<StoredExplanation<'a>>>,
}

/// An event's kind, the member it names, and the rest; `None` if it is none of service. `place` names the
/// conversation and the entry.
pub(super) fn split(
    what: &What,
    place: (ConversationId, u64),
) -> Option<(&'static str, Option<MemberId>, Option<StoredService<'_>>)> {
    let service = StoredService::default();
    Some(match what {
        What::Assigned { member, how: How::SteppedIn { consultation } }
            if *consultation == begun_by(place.0, place.1) =>
        {
            (ASSIGNED, Some(*member), None)
        }
        What::Called { consultation, category, in_hours, bot_replies } => {
            let service = StoredService {
                consultation: Some(consultation_id(*consultation)),
                category: stored_category(category),
                in_hours: *in_hours,
                bot_replies: *bot_replies,
                ..service
            };
            (CALLED, None, Some(service))
        }
        What::CallRefused { category } => {
            (CALL_REFUSED, None, Some(StoredService { category: stored_category(category), ..service }))
        }
        What::Assigned { member, how } => {
            let (consultation, from) = match how {
                How::Automatic | How::Taken => (None, None),
                How::SteppedIn { consultation } => (Some(consultation_id(*consultation)), None),
                How::Transferred { from } => (None, Some(member_id(*from))),
            };
            let word = Some(Cow::Borrowed(how_word(how)));
            (ASSIGNED, Some(*member), Some(StoredService { word, consultation, from, ..service }))
        }
        What::Requeued { from, why } => {
            let word = match why {
                Requeued::Absent => ABSENT,
                Requeued::Removed => REMOVED,
            };
            (REQUEUED, Some(*from), Some(StoredService { word: Some(Cow::Borrowed(word)), ..service }))
        }
        What::Unserved { why } => {
            let word = Some(Cow::Borrowed(unserved_word(*why)));
            (UNSERVED, None, Some(StoredService { word, ..service }))
        }
        What::Explained(explanation) => {
            let explanation = Some(Box::new(StoredExplanation::new(explanation)));
            (EXPLAINED, None, Some(StoredService { explanation, ..service }))
        }
        What::Started { .. }
        | What::Message(_)
        | What::Entered { .. }
        | What::Left { .. }
        | What::Completed
        | What::Ended
        | What::Described(_)
        | What::Read { .. }
        | What::Unchanged => return None,
    })
}

/// The first version that can say an event of service.
pub(super) const fn version(what: &What, stored: bool) -> u64 {
    match what {
        What::Unserved { why: Unserved::Dismissed } => WITH_RECORDS,
        _ if stored => WITH_SERVICE,
        _ => PLAIN,
    }
}

/// Reads an event of service; `None` if its kind is none. `place` names the conversation and the entry.
pub(super) fn join(
    kind: &str,
    member: Option<MemberId>,
    service: Option<&StoredService<'_>>,
    place: (ConversationId, u64),
) -> Result<Option<What>, StoredError> {
    let absent = || lacks(kind);
    let none = StoredService::default();
    let stored = service.unwrap_or(&none);
    let word = stored.word.as_deref();
    Ok(Some(match kind {
        CALLED => What::Called {
            consultation: stored.consultation.map(consultation).ok_or_else(absent)?,
            category: category(&stored.category)?,
            in_hours: stored.in_hours,
            bot_replies: stored.bot_replies,
        },
        CALL_REFUSED => What::CallRefused { category: category(&stored.category)? },
        ASSIGNED => {
            let how = match (word, stored.consultation, stored.from) {
                (Some(AUTOMATIC), ..) => How::Automatic,
                (Some(TAKEN), ..) => How::Taken,
                (Some(STEPPED_IN), Some(id), _) => How::SteppedIn { consultation: consultation(id) },
                (Some(TRANSFERRED), _, Some(from)) => How::Transferred { from: self::member(from) },
                // Before there were consultations, an agent who took a conversation stepped into it.
                (None, ..) => How::SteppedIn { consultation: begun_by(place.0, place.1) },
                (Some(_), ..) => return Err(absent()),
            };
            What::Assigned { member: member.ok_or_else(absent)?, how }
        }
        REQUEUED => {
            let why = match word {
                Some(ABSENT) => Requeued::Absent,
                Some(REMOVED) => Requeued::Removed,
                Some(_) | None => return Err(absent()),
            };
            What::Requeued { from: member.ok_or_else(absent)?, why }
        }
        UNSERVED => What::Unserved { why: word.and_then(unserved).ok_or_else(absent)? },
        EXPLAINED => {
            let explanation = stored.explanation.as_ref().ok_or_else(absent)?;
            What::Explained(Box::new(explanation.explanation()?))
        }
        _ => return Ok(None),
    }))
}

/// A decision. The candidates are one run of bytes, [`CANDIDATE_BYTES`] for each: a workspace has many.
#[derive(Serialize, Deserialize)]
struct StoredExplanation<'a> {
    #[serde(rename = "c")]
    consultation: Id,
    /// Automatic, open, sticky, or another.
    #[serde(rename = "s")]
    switches: (bool, bool, bool, bool),
    #[serde(rename = "w", borrow)]
    strategy: Cow<'a, str>,
    #[serde(rename = "m")]
    maximum: u32,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Option::is_none")]
    matched: Option<Vec<Cow<'a, str>>>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    former: Option<Id>,
    #[serde(rename = "e")]
    seed: u64,
    #[serde(rename = "d")]
    candidates: ByteBuf,
    /// By which rule or why, and who, if anybody.
    #[serde(rename = "r", borrow)]
    outcome: (Cow<'a, str>, Option<Id>),
}

impl<'a> StoredExplanation<'a> {
    fn new(explanation: &'a Explanation) -> Self {
        let Considered {
            consultation,
            automatic,
            open,
            choosing: Choosing { sticky, or_another, strategy },
            maximum,
            matched,
            former,
            seed,
            candidates,
        } = &explanation.considered;
        let (word, who) = match explanation.outcome {
            Outcome::Assigned { member, rule: Rule::Sticky } => (STICKY, Some(member)),
            Outcome::Assigned { member, rule: Rule::Specialist } => (SPECIALIST, Some(member)),
            Outcome::Assigned { member, rule: Rule::General } => (GENERAL, Some(member)),
            Outcome::Waits(why) => why_word(why),
        };
        Self {
            consultation: consultation_id(*consultation),
            switches: (*automatic, *open, *sticky, *or_another),
            strategy: Cow::Borrowed(strategy_word(*strategy)),
            maximum: *maximum,
            matched: matched.as_ref().map(stored_category),
            former: former.map(member_id),
            seed: *seed,
            candidates: ByteBuf::from(candidates.iter().flat_map(candidate_bytes).collect::<Vec<u8>>()),
            outcome: (Cow::Borrowed(word), who.map(member_id)),
        }
    }

    fn explanation(&self) -> Result<Explanation, StoredError> {
        let (automatic, open, sticky, or_another) = self.switches;
        let strategy = strategy(&self.strategy).ok_or_else(|| lacks("a known strategy"))?;
        let who = self.outcome.1.map(member);
        let assigned = |rule| who.map(|member| Outcome::Assigned { member, rule });
        let outcome = match &*self.outcome.0 {
            STICKY => assigned(Rule::Sticky),
            SPECIALIST => assigned(Rule::Specialist),
            GENERAL => assigned(Rule::General),
            word => why(word, who).map(Outcome::Waits),
        };
        let (candidates, rest) = self.candidates.as_chunks::<CANDIDATE_BYTES>();
        if !rest.is_empty() {
            return Err(lacks("a whole candidate"));
        }
        let considered = Considered {
            consultation: consultation(self.consultation),
            automatic,
            open,
            choosing: Choosing { sticky, or_another, strategy },
            maximum: self.maximum,
            matched: self.matched.as_deref().map(category).transpose()?,
            former: self.former.map(member),
            seed: self.seed,
            candidates: candidates.iter().map(candidate).collect::<Result<_, _>>()?,
        };
        Ok(Explanation { considered, outcome: outcome.ok_or_else(|| lacks("a known outcome"))? })
    }
}

/// Member 16 · group and standing u8 · load u32 · turn u64, big-endian.
fn candidate_bytes(candidate: &Candidate) -> [u8; CANDIDATE_BYTES] {
    let group = match candidate.group {
        Group::Specialist => 0,
        Group::General => 1,
        Group::Outside => 2,
    };
    let standing = match candidate.agent.standing {
        Standing::Online => 0,
        Standing::Away => 1,
        Standing::Offline => 2,
    };
    let mut bytes = [0; CANDIDATE_BYTES];
    bytes[..16].copy_from_slice(candidate.member.as_bytes());
    bytes[16] = group << 4 | standing;
    bytes[17..21].copy_from_slice(&candidate.agent.load.to_be_bytes());
    bytes[21..].copy_from_slice(&candidate.agent.turn.to_be_bytes());
    bytes
}

fn candidate(bytes: &[u8; CANDIDATE_BYTES]) -> Result<Candidate, StoredError> {
    let group = match bytes[16] >> 4 {
        0 => Group::Specialist,
        1 => Group::General,
        2 => Group::Outside,
        _ => return Err(lacks("a known group")),
    };
    let standing = match bytes[16] & 0xf {
        0 => Standing::Online,
        1 => Standing::Away,
        2 => Standing::Offline,
        _ => return Err(lacks("a known standing")),
    };
    let (mut id, mut load, mut turn) = ([0; 16], [0; 4], [0; 8]);
    id.copy_from_slice(&bytes[..16]);
    load.copy_from_slice(&bytes[17..21]);
    turn.copy_from_slice(&bytes[21..]);
    let agent = Agent { standing, load: u32::from_be_bytes(load), turn: u64::from_be_bytes(turn) };
    Ok(Candidate { member: MemberId::from_bytes(id), group, agent })
}

/// The word for why a consultation waits, and for whom if it does.
pub(super) const fn why_word(why: Why) -> (&'static str, Option<MemberId>) {
    match why {
        Why::Manual => (MANUAL, None),
        Why::Closed => (CLOSED, None),
        Why::ForFormer(member) => (FOR_FORMER, Some(member)),
        Why::NobodyFree => (NOBODY_FREE, None),
    }
}

/// Why a consultation waits.
pub(super) fn why(word: &str, who: Option<MemberId>) -> Option<Why> {
    match word {
        MANUAL => Some(Why::Manual),
        CLOSED => Some(Why::Closed),
        FOR_FORMER => who.map(Why::ForFormer),
        NOBODY_FREE => Some(Why::NobodyFree),
        _ => None,
    }
}

/// The word for how somebody came to answer for a consultation.
pub(super) const fn how_word(how: &How) -> &'static str {
    match how {
        How::Automatic => AUTOMATIC,
        How::Taken => TAKEN,
        How::SteppedIn { .. } => STEPPED_IN,
        How::Transferred { .. } => TRANSFERRED,
    }
}

/// How somebody came to answer for this consultation, from whom if it was given to them.
pub(super) fn how(word: &str, consultation: ConsultationId, from: Option<MemberId>) -> Option<How> {
    match (word, from) {
        (AUTOMATIC, _) => Some(How::Automatic),
        (TAKEN, _) => Some(How::Taken),
        (STEPPED_IN, _) => Some(How::SteppedIn { consultation }),
        (TRANSFERRED, Some(from)) => Some(How::Transferred { from }),
        _ => None,
    }
}

/// The word for why nobody has served a consultation.
pub(super) const fn unserved_word(why: Unserved) -> &'static str {
    match why {
        Unserved::Cancelled => CANCELLED,
        Unserved::GaveUp => GAVE_UP,
        Unserved::Left => LEFT,
        Unserved::Dismissed => DISMISSED,
        Unserved::TooLong => TOO_LONG,
    }
}

/// Why nobody has served a consultation.
pub(super) fn unserved(word: &str) -> Option<Unserved> {
    match word {
        CANCELLED => Some(Unserved::Cancelled),
        GAVE_UP => Some(Unserved::GaveUp),
        LEFT => Some(Unserved::Left),
        DISMISSED => Some(Unserved::Dismissed),
        TOO_LONG => Some(Unserved::TooLong),
        _ => None,
    }
}

pub(super) const fn strategy_word(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Random => RANDOM,
        Strategy::RoundRobin => ROUND_ROBIN,
        Strategy::LeastLoaded => LEAST_LOADED,
    }
}

pub(super) fn strategy(word: &str) -> Option<Strategy> {
    match word {
        RANDOM => Some(Strategy::Random),
        ROUND_ROBIN => Some(Strategy::RoundRobin),
        LEAST_LOADED => Some(Strategy::LeastLoaded),
        _ => None,
    }
}

pub(super) fn stored_category(path: &CategoryPath) -> Vec<Cow<'_, str>> {
    path.levels().iter().map(|level| Cow::Borrowed(level.as_str())).collect()
}

pub(super) fn category(levels: &[Cow<'_, str>]) -> Result<CategoryPath, StoredError> {
    let malformed = |error: &dyn std::fmt::Display| StoredError::malformed(SERVICE, &error);
    let levels = levels.iter().map(|level| CategoryName::new(&**level).map_err(|error| malformed(&error)));
    CategoryPath::new(levels.collect::<Result<_, _>>()?).map_err(|error| malformed(&error))
}

pub(super) const fn consultation_id(consultation: ConsultationId) -> Id {
    Id::new(*consultation.as_bytes())
}

pub(super) fn consultation(id: Id) -> ConsultationId {
    ConsultationId::from_bytes(id.into_array())
}

fn lacks(what: &str) -> StoredError {
    StoredError::malformed(SERVICE, &format_args!("{what} lacks a part, or is not known"))
}

const SERVICE: &str = "service";

/// What a candidate takes, in bytes.
const CANDIDATE_BYTES: usize = 29;

const CALLED: &str = "call";
const CALL_REFUSED: &str = "refuse";
const ASSIGNED: &str = "assign";
const REQUEUED: &str = "requeue";
const UNSERVED: &str = "unserved";
const EXPLAINED: &str = "explain";

const AUTOMATIC: &str = "auto";
const TAKEN: &str = "take";
const STEPPED_IN: &str = "step";
const TRANSFERRED: &str = "give";

const ABSENT: &str = "absent";
const REMOVED: &str = "removed";

const CANCELLED: &str = "cancel";
const GAVE_UP: &str = "giveup";
const LEFT: &str = "left";
const DISMISSED: &str = "dismissed";
const TOO_LONG: &str = "long";

const RANDOM: &str = "random";
const ROUND_ROBIN: &str = "round";
const LEAST_LOADED: &str = "least";

const STICKY: &str = "sticky";
const SPECIALIST: &str = "special";
const GENERAL: &str = "general";
const MANUAL: &str = "manual";
const CLOSED: &str = "closed";
const FOR_FORMER: &str = "former";
const NOBODY_FREE: &str = "nobody";
