//! What a command becomes.
//!
//! Owns the rules of a conversation; reads the state and changes nothing.

use switchboard_protocol::vocabulary::{Content, MemberId, Party, Seq};

use super::serving;
use super::{
    Action, BotPlace, Command, Context, Conversation, Decision, Event, Floor, Known, Rejection, Service,
    Side, What,
};
use crate::domain::consultation::Caller;
use crate::domain::customer::{Details, DetailsChange};
use crate::domain::identity::{CustomerKey, Identity, Reader};
use crate::domain::message::{Message, only_bots};

/// Decides a command.
///
/// A command that was accepted before is answered as it was then. One that was refused before may be tried
/// again, but not after a later one of the same client was accepted: it would be done out of its order.
///
/// # Errors
/// The rule that the command breaks.
pub fn decide(state: &Conversation, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let party = match &command.action {
        Action::Start { customer, .. } => admit_to_start(state, &command.identity, customer)?,
        Action::Post { .. }
        | Action::Read { .. }
        | Action::Call { .. }
        | Action::Cancel
        | Action::Join
        | Action::Leave
        | Action::Take { .. }
        | Action::Transfer { .. }
        | Action::Describe { .. }
        | Action::Complete { .. }
        | Action::End => admit(state, &command.identity)?,
    };
    debug_assert_eq!(party, command.origin.party, "a command's origin is its identity's");
    match state.clients.look_up(&command.origin) {
        Known::New => {}
        Known::Answered(answer) => return Ok(Decision::Answered(answer)),
        Known::LongAgo => return Ok(Decision::AcceptedLongAgo),
        Known::Overtaken => in_any_order(command)?,
        Known::Forgotten => return Err(Rejection::InstanceForgotten),
    }
    // As of the time that its entry will bear: when the clock is set back, nothing is early that was late.
    let context = &Context { now: context.now.max(state.last_at), ..*context };
    let events = match &command.action {
        Action::Start { customer, greeting, known, former } => {
            start(state, customer, greeting.as_ref(), (known, *former))?
        }
        Action::Post { content } => post(state, party, content, context)?,
        Action::Read { up_to } => read(state, party, *up_to)?,
        Action::Call { consultation, category } => {
            only_customer(party, "call")?;
            serving::call(state, Caller::Customer, *consultation, category, context)?
        }
        Action::Cancel => {
            only_customer(party, "cancel")?;
            serving::cancel(state, context)?
        }
        Action::Join => serving::join(state, member_of(party, "join")?, context)?,
        Action::Leave => serving::leave(state, member_of(party, "leave")?),
        Action::Take { consultation, epoch } => {
            serving::take(state, member_of(party, "take")?, *consultation, *epoch, context)?
        }
        Action::Describe { change } => describe(state, member_of(party, "describe")?, change)?,
        Action::Transfer { from, to, epoch } => {
            serving::transfer(state, member_of(party, "transfer")?, (*from, *to), *epoch, context)?
        }
        Action::Complete { epoch } => serving::complete(state, member_of(party, "complete")?, *epoch)?,
        Action::End => serving::end(state, party, context)?,
    };
    // Only a start, a read and an end come to nothing here. They need not be remembered: what has ended
    // stays so, what is read up to an event that exists stays read, and a start finds the conversation
    // begun or is refused because it has ended, so that none does anything when it is sent again.
    if events.is_empty() {
        return Ok(Decision::AlreadySo);
    }
    Ok(Decision::Record(state.next_entry(context.now, Some(command.origin), events)))
}

/// Whether a decision depends on the operating hours, which take longer to work out than most of the rest.
#[must_use]
pub fn asks_for_doors(state: &Conversation, action: &Action, service: &Service) -> bool {
    match action {
        Action::Call { .. } => true,
        Action::Post { .. } if matches!(state.served.bot, BotPlace::Parked { .. }) => true,
        Action::Post { content: Content::Text { text, .. } } => serving::may_mean(text.as_str(), service),
        Action::Post { .. }
        | Action::Start { .. }
        | Action::Read { .. }
        | Action::Cancel
        | Action::Join
        | Action::Leave
        | Action::Take { .. }
        | Action::Transfer { .. }
        | Action::Describe { .. }
        | Action::Complete { .. }
        | Action::End => false,
    }
}

/// Whether a command may still be done after later ones of its client: when it makes no difference.
fn in_any_order(command: &Command) -> Result<(), Rejection> {
    match command.action {
        Action::Start { .. } | Action::Read { .. } => Ok(()),
        Action::Post { .. }
        | Action::Call { .. }
        | Action::Cancel
        | Action::Join
        | Action::Leave
        | Action::Take { .. }
        | Action::Transfer { .. }
        | Action::Describe { .. }
        | Action::Complete { .. }
        | Action::End => Err(Rejection::Overtaken { counter: command.origin.counter }),
    }
}

/// Says as whom somebody takes part in a conversation: customers in their own, members in those of
/// their workspace.
///
/// # Errors
/// [`Rejection::NoSuchConversation`] to everybody else, whether or not it exists.
pub fn admit(state: &Conversation, identity: &Identity) -> Result<Party, Rejection> {
    let known = state.workspace == identity.workspace()
        && match (identity, &state.customer) {
            (_, None) => false,
            (Identity::Customer { customer, .. }, Some(own)) => customer == own,
            (Identity::Member { .. }, Some(_)) => true,
        };
    if known { Ok(identity.party()) } else { Err(Rejection::NoSuchConversation) }
}

/// The name of what a member asks in vain by a session that only looks. What they did before, when they were there, is
/// answered as it was then.
#[must_use]
pub fn asked_in_vain_by_a_looker(state: &Conversation, command: &Command) -> Option<&'static str> {
    let what = command.action.needs_somebody_there()?;
    match state.clients.look_up(&command.origin) {
        Known::New | Known::Overtaken => Some(what),
        Known::Answered(_) | Known::LongAgo | Known::Forgotten => None,
    }
}

fn admit_to_start(
    state: &Conversation,
    identity: &Identity,
    customer: &CustomerKey,
) -> Result<Party, Rejection> {
    match identity {
        Identity::Member { .. } => Err(Rejection::OnlyCustomer { action: "open" }),
        Identity::Customer { workspace, customer: own }
            if state.customer.is_none() && *workspace == state.workspace && own == customer =>
        {
            Ok(identity.party())
        }
        Identity::Customer { .. } => admit(state, identity),
    }
}

fn start(
    state: &Conversation,
    customer: &CustomerKey,
    greeting: Option<&Message>,
    (known, former): (&Details, Option<MemberId>),
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    if state.customer.is_some() {
        return Ok(Vec::new());
    }
    let started = Event { by: Party::Customer, what: What::Started { customer: customer.clone(), former } };
    let known = known.from_nothing().map(|change| What::Described(Box::new(change)));
    let greeting = greeting.map(|message| What::Message(message.clone()));
    let by_bot = known.into_iter().chain(greeting).map(|what| Event { by: Party::Bot, what });
    Ok(std::iter::once(started).chain(by_bot).collect())
}

/// A member writes down what is known of the customer. What has ended says for ever what the next one begins with.
fn describe(state: &Conversation, member: MemberId, change: &DetailsChange) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    if serving::is_preview(state) {
        return Err(Rejection::Nobody);
    }
    let differences = state.details.differences(change).map(|change| What::Described(Box::new(change)));
    Ok(or_unchanged(member, differences.map(|what| by(member, what))))
}

/// Nothing begins, is said or is served in a conversation that has ended; it is still read.
pub(super) const fn going_on(state: &Conversation) -> Result<(), Rejection> {
    if state.ended { Err(Rejection::Ended) } else { Ok(()) }
}

fn post(
    state: &Conversation,
    party: Party,
    content: &Content,
    context: &Context<'_>,
) -> Result<Vec<Event>, Rejection> {
    going_on(state)?;
    if let Party::Agent { member } = party {
        if !state.served.agents.contains(&member) {
            return Err(Rejection::NotEntered { action: "post" });
        }
        // The bot goes on while agents look on.
        if state.floor() != Floor::Agents {
            return Err(Rejection::NotServed { action: "post" });
        }
    }
    check(content, context)?;
    let said = Event { by: party, what: What::Message(Message::plain(content.clone())) };
    let words = match content {
        Content::Text { text, .. } => Some(text.as_str()),
        Content::Media(_) | Content::Cards { .. } | Content::Location(_) | Content::Unknown => None,
    };
    let meant = match (party, &state.served.bot) {
        (Party::Customer, BotPlace::Parked { category }) => serving::call_by_bot(state, category, context),
        (Party::Customer, BotPlace::On | BotPlace::Start) => {
            words.map_or_else(Vec::new, |words| serving::meant(state, words, context))
        }
        (Party::Bot | Party::Agent { .. }, _) => Vec::new(),
    };
    Ok(std::iter::once(said).chain(meant).collect())
}

fn check(content: &Content, context: &Context<'_>) -> Result<(), Rejection> {
    if let Some(what) = only_bots(content) {
        return Err(Rejection::OnlyBot { what });
    }
    match content {
        Content::Text { text, .. } => {
            let max = context.policy.text_chars_max;
            // Bytes are at least as many as characters, so short texts need no counting.
            let chars = if text.as_str().len() <= max { 0 } else { text.as_str().chars().count() };
            if chars > max { Err(Rejection::TextTooLong { chars, max }) } else { Ok(()) }
        }
        Content::Media(_) | Content::Cards { .. } | Content::Location(_) if content.is_known() => Ok(()),
        Content::Media(_) | Content::Cards { .. } | Content::Location(_) | Content::Unknown => {
            Err(Rejection::UnknownContent)
        }
    }
}

fn read(state: &Conversation, party: Party, up_to: Seq) -> Result<Vec<Event>, Rejection> {
    let (side, reader, unread) = match party {
        Party::Customer => (Side::Customer, Reader::Customer, &state.customer_unread),
        // Nobody can enter what has ended, and what came last must not stay unread for ever.
        Party::Agent { member } if !state.served.agents.contains(&member) && !state.ended => {
            return Err(Rejection::NotEntered { action: "read" });
        }
        Party::Agent { .. } | Party::Bot => (Side::Staff, Reader::Staff, &state.staff_unread),
    };
    let last = state.last.of(reader);
    if up_to > last {
        return Err(Rejection::BeyondEnd { up_to, last });
    }
    let covered = unread.covered(reader, up_to);
    Ok(covered.map(|up_to| Event { by: party, what: What::Read { side, up_to } }).into_iter().collect())
}

/// What a member's command becomes, also when there is nothing to do: it must be remembered even so. The
/// member may undo it before an answer that was lost is asked for again, and then it would take effect.
pub(super) fn or_unchanged(member: MemberId, events: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let events: Vec<Event> = events.into_iter().collect();
    if events.is_empty() { vec![by(member, What::Unchanged)] } else { events }
}

pub(super) fn by(member: MemberId, what: What) -> Event {
    Event { by: Party::Agent { member }, what }
}

fn only_customer(party: Party, action: &'static str) -> Result<(), Rejection> {
    match party {
        Party::Customer => Ok(()),
        Party::Bot | Party::Agent { .. } => Err(Rejection::OnlyCustomer { action }),
    }
}

fn member_of(party: Party, action: &'static str) -> Result<MemberId, Rejection> {
    match party {
        Party::Agent { member } => Ok(member),
        Party::Customer | Party::Bot => Err(Rejection::OnlyAgents { action }),
    }
}
