//! Serving: how a consultation is called, taken, given on and ended.
//!
//! Owns the rules of what customers and agents do about it. Must not know whom automatic assignment
//! chooses, nor what is said meanwhile.

use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, Content, Few, Keyboard, KeyboardButton, Label, MemberId, MessageText,
    Params, Party,
};

use super::decide::{by, going_on, or_unchanged};
use super::{AGENTS_MAX, Context, Conversation, Doors, Event, Rejection, Service, What};
use crate::domain::consultation::{CANCEL_WINDOW_MS, Caller, Consultation, How, Stage, Unserved, begun_by};
use crate::domain::message::Message;

/// An agent is called. Outside operating hours the bot says so.
pub(super) fn call(
    state: &Conversation,
    caller: Caller,
    consultation: ConsultationId,
    category: &CategoryPath,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    if state.served.consultation.is_some() {
        return Err(Rejection::AlreadyCalled);
    }
    if is_preview(state) {
        return Err(Rejection::Preview { action: "call" });
    }
    let called = |in_hours, bot_replies| What::Called {
        consultation,
        category: category.clone(),
        in_hours,
        bot_replies,
    };
    let what = match context.doors {
        Doors::Open => called(true, false),
        Doors::Accepting { bot_replies } => called(false, bot_replies),
        Doors::Refusing => What::CallRefused { category: category.clone() },
    };
    let is_open = context.doors == Doors::Open;
    let notice = context.service.notice.as_ref().filter(|_| !is_open);
    let notice = notice.map(|notice| What::Message(Message::plain(Content::text(notice.clone()))));
    let told = notice.map(|what| Event { by: Party::Bot, what });
    let by = match caller {
        Caller::Customer => Party::Customer,
        Caller::Bot => Party::Bot,
    };
    Ok(std::iter::once(Event { by, what }).chain(told).collect())
}

/// The bot calls an agent at what the customer says now: it comes to its call, or is parked there.
pub(super) fn call_by_bot(
    state: &Conversation,
    category: &CategoryPath,
    context: &Context<'_>,
) -> Vec<Event> {
    // A preview calls nobody, whatever is said in it.
    let consultation = begun_by(state.id, state.revision + 1);
    call(state, Caller::Bot, consultation, category, context).unwrap_or_default()
}

/// Previews have no customer, call nobody, are served by nobody and count nowhere. Agents may look on.
pub(super) fn is_preview(state: &Conversation) -> bool {
    state.customer.as_ref().is_some_and(|customer| customer.platform.as_str() == PREVIEW)
}

/// The customer takes the call back.
pub(super) fn cancel(state: &Conversation, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    let consultation = state.served.consultation.as_ref().ok_or(Rejection::NotCalled)?;
    match consultation.stage {
        Stage::InProgress(_) => Err(Rejection::AlreadyServed),
        Stage::Waiting | Stage::Assigned(_) => {
            let what = given_up(consultation, context, Unserved::GaveUp);
            Ok(vec![Event { by: Party::Customer, what }])
        }
    }
}

/// What a customer's words mean besides what they say: a call, what to call about, or that it is taken back.
pub(super) fn meant(state: &Conversation, words: &str, context: &Context<'_>) -> Vec<Event> {
    let service = context.service;
    if !may_mean(words, service) {
        return Vec::new();
    }
    let words = words.trim().to_lowercase();
    let is_word = |word: &Option<MessageText>| {
        word.as_ref().is_some_and(|word| word.as_str().trim().to_lowercase() == words)
    };
    match &state.served.consultation {
        Some(consultation) => match consultation.stage {
            Stage::Waiting | Stage::Assigned(_) if is_word(&service.cancel_word) => {
                let what = given_up(consultation, context, Unserved::GaveUp);
                vec![Event { by: Party::Customer, what }]
            }
            Stage::Waiting | Stage::Assigned(_) | Stage::InProgress(_) => Vec::new(),
        },
        None if is_word(&service.call_word) && !service.categories.is_empty() => choices(&service.categories),
        None => {
            let named = |category: &&CategoryPath| category.to_string().to_lowercase() == words;
            let category = match service.categories.iter().find(named) {
                Some(category) => category.clone(),
                None if is_word(&service.call_word) => CategoryPath::default(),
                None => return Vec::new(),
            };
            call_by_bot(state, &category, context)
        }
    }
}

/// Whether words can mean anything: most are too long for that, or there is no such word.
pub(super) fn may_mean(words: &str, service: &Service) -> bool {
    words.len() <= WORDS_BYTES_MAX && (service.call_word.is_some() || service.cancel_word.is_some())
}

/// The bot asks what to call about.
fn choices(categories: &[CategoryPath]) -> Vec<Event> {
    let question = MessageText::new(QUESTION).map(Content::text);
    let label = |category: &CategoryPath| Label::new(category.to_string()).ok();
    let button = |label| KeyboardButton { label, params: Params::default() };
    let buttons: Vec<_> = categories.iter().filter_map(label).map(button).collect();
    let (Ok(content), Ok(buttons)) = (question, Few::new(buttons)) else { return Vec::new() };
    let keyboard = Some(Box::new(Keyboard::Buttons { buttons }));
    let what = What::Message(Message { content, keyboard, masks: Vec::new() });
    vec![Event { by: Party::Bot, what }]
}

/// What becomes of a consultation that the customer takes back now, while nobody serves it.
fn given_up(consultation: &Consultation, context: &Context<'_>, late: Unserved) -> What {
    let waited = context.now.as_millis() - consultation.called_at.as_millis();
    let is_early = waited <= CANCEL_WINDOW_MS && context.service.early_cancel_is_no_miss;
    consultation.over(if is_early { Unserved::Cancelled } else { late })
}

/// An agent enters.
pub(super) fn join(
    state: &Conversation,
    member: MemberId,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    Ok(or_unchanged(member, enter(state, member, context)?))
}

/// Where there is no room, somebody who is not there any more makes it.
fn enter(state: &Conversation, member: MemberId, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
    let inside = &state.served.agents;
    if inside.contains(&member) {
        return Ok(Vec::new());
    }
    let mut events = Vec::new();
    if inside.len() >= AGENTS_MAX {
        let full = Rejection::TooManyAgents { agents: inside.len(), max: AGENTS_MAX };
        events.push(gone_from(state, context).ok_or(full)?);
    }
    events.push(by(member, What::Entered { member }));
    Ok(events)
}

/// One of those inside who are not there any more leaves; whoever answers for it last.
fn gone_from(state: &Conversation, context: &Context<'_>) -> Option<Event> {
    let present = context.present?;
    let gone = state.served.agents.iter().filter(|agent| !present.is_there(**agent));
    let member = *gone.min_by_key(|agent| state.assignee() == Some(**agent))?;
    Some(by(member, What::Left { member }))
}

/// An agent leaves.
pub(super) fn leave(state: &Conversation, member: MemberId) -> Vec<Event> {
    let inside = state.served.agents.contains(&member);
    or_unchanged(member, inside.then(|| by(member, What::Left { member })))
}

/// An agent answers for what waits, or steps into the conversation with the bot.
pub(super) fn take(
    state: &Conversation,
    member: MemberId,
    consultation: ConsultationId,
    epoch: Option<u64>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    at_epoch(state, "take", epoch)?;
    let how = match (&state.served.consultation, state.assignee()) {
        (_, Some(assignee)) if assignee == member => None,
        (_, Some(assignee)) => return Err(Rejection::AlreadyAssigned { by: assignee }),
        (Some(_), None) => Some(How::Taken),
        (None, None) if is_preview(state) => return Err(Rejection::Preview { action: "take" }),
        (None, None) => Some(How::SteppedIn { consultation }),
    };
    let assigned = how.map(|how| by(member, What::Assigned { member, how }));
    Ok(or_unchanged(member, assigned.into_iter().chain(enter(state, member, context)?)))
}

/// An agent who answers for it, or is inside, gives it to a colleague.
pub(super) fn transfer(
    state: &Conversation,
    member: MemberId,
    (from, to): (MemberId, MemberId),
    epoch: Option<u64>,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    let action = "transfer";
    at_epoch(state, action, epoch)?;
    let assignee = state.assignee().ok_or(Rejection::NotServed { action })?;
    if assignee != from {
        return Err(Rejection::Moved { action, assignee: Some(assignee) });
    }
    if assignee != member && !state.served.agents.contains(&member) {
        return Err(Rejection::NotEntered { action });
    }
    if to != from && context.present.is_some_and(|present| !present.takes_work(to)) {
        return Err(Rejection::NotPresent { member: to });
    }
    if to == from {
        return Ok(or_unchanged(member, None));
    }
    let given = by(member, What::Assigned { member: to, how: How::Transferred { from } });
    Ok(out_before(state, to).into_iter().chain([given]).collect())
}

/// Somebody is about to get what nobody serves, and was inside before it was theirs, perhaps without being there
/// any more: they are out first, since service begins with their coming and not with their having been there.
pub(super) fn out_before(state: &Conversation, member: MemberId) -> Option<Event> {
    let stage = state.served.consultation.as_ref().map(|consultation| consultation.stage);
    let is_served = matches!(stage, Some(Stage::InProgress(_)));
    let is_out = !is_served && state.served.agents.contains(&member);
    is_out.then(|| by(member, What::Left { member }))
}

/// An agent inside ends the consultation.
pub(super) fn complete(
    state: &Conversation,
    member: MemberId,
    epoch: Option<u64>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    at_epoch(state, "complete", epoch)?;
    match state.served.consultation.as_ref().map(|consultation| consultation.stage) {
        Some(Stage::InProgress(_)) if state.served.agents.contains(&member) => {
            Ok(vec![by(member, What::Completed)])
        }
        Some(_) => Err(Rejection::NotEntered { action: "complete" }),
        None => Err(Rejection::NotServed { action: "complete" }),
    }
}

/// What was decided at an epoch holds at that one alone: whoever comes too late is told who was faster.
fn at_epoch(state: &Conversation, action: &'static str, epoch: Option<u64>) -> Result<(), Rejection> {
    match epoch {
        Some(epoch) if epoch != state.served.epoch => {
            Err(Rejection::Moved { action, assignee: state.assignee() })
        }
        Some(_) | None => Ok(()),
    }
}

/// The customer begins anew, or an agent is through with it. What goes on ends with it.
pub(super) fn end(
    state: &Conversation,
    party: Party,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    if state.ended {
        return Ok(Vec::new());
    }
    if let Party::Agent { member } = party
        && !state.served.agents.contains(&member)
    {
        return Err(Rejection::NotEntered { action: "end" });
    }
    let service = state.served.consultation.as_ref().map(|consultation| match (consultation.stage, party) {
        (Stage::InProgress(_), _) => What::Completed,
        (Stage::Waiting | Stage::Assigned(_), Party::Agent { .. }) => consultation.over(Unserved::Dismissed),
        (Stage::Waiting | Stage::Assigned(_), Party::Customer | Party::Bot) => {
            given_up(consultation, context, Unserved::Left)
        }
    });
    let event = |what| Event { by: party, what };
    Ok(service.into_iter().chain([What::Ended]).map(event).collect())
}

/// Longer words mean nothing but what they say, in bytes: three levels of a category, of four bytes a character.
const WORDS_BYTES_MAX: usize = 1_300;

/// What the bot asks a customer who has something to choose from.
const QUESTION: &str = "What is it about? / 어떤 상담을 원하시나요?";

/// The platform of previews.
const PREVIEW: &str = "test";
