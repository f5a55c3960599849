//! What the engine itself does in a conversation.
//!
//! Owns which decisions of others still hold when they come: each names the epoch that it was made at. Owns
//! what ends by itself, and when. Must not know clocks: a deadline is looked at, never kept.

use switchboard_protocol::vocabulary::{Content, Party, Timestamp};

use super::serving;
use super::{BotPlace, Context, Conversation, Entry, Event, Floor, OwnAction, Rejection, Service, What};
use crate::domain::assignment::{Explanation, Outcome};
use crate::domain::consultation::{Consultation, How, Stage, Unserved};
use crate::domain::message::Message;

/// Decides what the engine itself does. `None`: there is nothing to do.
///
/// # Errors
/// When it rests on what is not so any more.
pub fn decide_own(
    state: &Conversation,
    action: &OwnAction,
    context: &Context<'_>,
) -> Result<Option<Entry>, Rejection> {
    let bot = |what| Event { by: Party::Bot, what };
    let events = match action {
        OwnAction::Decided { epoch, explanation } => decided(state, *epoch, explanation)?,
        OwnAction::Requeue { consultation, epoch, why } => {
            let current = state.served.consultation.as_ref().filter(|current| current.id == *consultation);
            let from = current.and_then(Consultation::assignee);
            let from =
                from.filter(|_| *epoch == state.served.epoch).ok_or_else(|| moved(state, "requeue"))?;
            vec![bot(What::Requeued { from, why: *why })]
        }
        OwnAction::Reply { to, epoch, message } => {
            if state.floor() != Floor::Bot || *epoch != state.served.epoch || state.owed != Some(*to) {
                return Err(moved(state, "reply"));
            }
            vec![bot(What::Message(message.clone()))]
        }
        OwnAction::Look => due(state, context).into_iter().map(bot).collect(),
    };
    if events.is_empty() {
        return Ok(None);
    }
    Ok(Some(state.next_entry(context.now, None, events)))
}

/// What the bot has to answer now, if it has to say anything. At the start it says what it says first.
#[must_use]
pub fn reply(state: &Conversation, service: &Service, now: Timestamp) -> Option<OwnAction> {
    let to = state.owed?;
    let greeting = service.greeting.as_ref().filter(|_| state.served.bot == BotPlace::Start);
    let reply = || service.reply.as_ref().map(|text| Message::plain(Content::text(text.clone())));
    let message = greeting.cloned().or_else(reply)?;
    // Nobody expects an answer any more.
    if now.as_millis() - state.last_at.as_millis() > REPLY_WITHIN_MS {
        return None;
    }
    Some(OwnAction::Reply { to, epoch: state.served.epoch, message })
}

/// When something is to end by itself, if nothing happens until then.
#[must_use]
pub fn deadline(state: &Conversation, service: &Service) -> Option<Timestamp> {
    let consultation = state.served.consultation.as_ref()?;
    match consultation.stage {
        Stage::InProgress(_) => service.silent_at(state.silent_since?),
        Stage::Waiting | Stage::Assigned(_) => service.unserved_at(consultation.waits_since),
    }
}

fn decided(state: &Conversation, epoch: u64, explanation: &Explanation) -> Result<Vec<Event>, Rejection> {
    let waits = state.served.consultation.as_ref().is_some_and(|consultation| {
        consultation.id == explanation.considered.consultation && consultation.stage == Stage::Waiting
    });
    if !waits || epoch != state.served.epoch {
        return Err(moved(state, "assign"));
    }
    let bot = |what| Event { by: Party::Bot, what };
    let assigned = match explanation.outcome {
        Outcome::Assigned { member, .. } => {
            let assigned = bot(What::Assigned { member, how: How::Automatic });
            serving::out_before(state, member).into_iter().chain([assigned]).collect()
        }
        Outcome::Waits(_) => Vec::new(),
    };
    let explained = bot(What::Explained(Box::new(explanation.clone())));
    Ok(std::iter::once(explained).chain(assigned).collect())
}

fn due(state: &Conversation, context: &Context<'_>) -> Option<What> {
    let at = deadline(state, context.service)?;
    if context.now < at {
        return None;
    }
    state.served.consultation.as_ref().map(|consultation| consultation.over(Unserved::TooLong))
}

fn moved(state: &Conversation, action: &'static str) -> Rejection {
    Rejection::Moved { action, assignee: state.assignee() }
}

/// For how long the bot owes an answer, in milliseconds.
const REPLY_WITHIN_MS: i64 = 60_000;
