//! Wire ↔ domain: the one place where the two meet.
//!
//! Owns the translation of requests into questions, and of answers, events, refusals and closings into
//! frames; decides nothing. What a reader may not see has been left out before it comes here, but for
//! the names of agents, which customers are not told.

mod consultations;
mod customer;
mod desk;
mod explained;
#[cfg(test)]
mod monitoring;
mod opening;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Party, Seq};
use switchboard_protocol::wire::{
    CloseCode, CodecError, ConversationFrame, Cursors, DATAGRAM_BYTES_MAX, ErrorBody, ErrorCode, Event,
    EventKind, Goodbye, Line, Op, QuarantinedConversation, Reply, ReplyBody, Request, RequeuedWhy, Sender,
    ServerFrame, StageLatency, Topic, Typing, decode, encode_frame,
};

use self::desk::row;
pub(super) use self::desk::{desk_ended, desk_item};
pub(super) use self::opening::{
    FULL_RETRY_MS, bad_credentials, close_for, hello, instance, member_of, no_place, place, proof,
};
use super::settings;
use crate::actors::outlet::{self, Stamp};
use crate::actors::session::{Answered, Asked, Closing, Refusal, Search, SetAside};
use crate::actors::subscription::Subscription;
use crate::clock;
use crate::domain::consultation::{How, Requeued};
use crate::domain::conversation::{Action, Entry, Rejection, Seen, What};
use crate::domain::identity::{Identity, Reader};
use crate::domain::mask::{MaskAfter, hidden};
use crate::domain::message::Message;
use crate::limits;
use crate::machines::feed::Gap;
use crate::machines::live::SideCursors;
use crate::stats::StageFigures;

/// A frame that is no request.
pub(super) struct BadRequest {
    /// The request that it would have been; without it nothing can be answered, and the session ends.
    pub(super) id: Option<u64>,
    /// What is wrong with it.
    pub(super) error: ErrorBody,
}

/// Reads a request.
pub(super) fn request(body: &[u8]) -> Result<(u64, Asked), BadRequest> {
    let Request { id, n, op } = decode(body).map_err(|error| {
        let id = decode::<OnlyId>(body).ok().map(|only| only.id);
        BadRequest { id, error: bad_frame(&error) }
    })?;
    let counter = match n {
        Some(n) if n > 0 => n,
        Some(_) | None if op.changes() => {
            let sentence = "n: it is missing or 0; a request that changes something needs a counter from 1";
            return Err(BadRequest {
                id: Some(id),
                error: ErrorBody::new(ErrorCode::CounterMissing, sentence),
            });
        }
        Some(_) | None => 0,
    };
    asked(op, counter).map(|asked| (id, asked)).map_err(|error| BadRequest { id: Some(id), error })
}

fn asked(op: Op, counter: u64) -> Result<Asked, ErrorBody> {
    let command = |conversation, action| Asked::Command { conversation, counter, action };
    Ok(match op {
        Op::Open => Asked::Open { counter },
        Op::Post { conversation, content } => command(conversation, Action::Post { content }),
        Op::Read { conversation, up_to } => command(conversation, Action::Read { up_to }),
        Op::Received { conversation, up_to } => Asked::Received { conversation, up_to },
        Op::Join { conversation } => command(conversation, Action::Join),
        Op::Leave { conversation } => command(conversation, Action::Leave),
        Op::Call { conversation, category } => {
            command(conversation, Action::Call { consultation: clock::consultation_id(), category })
        }
        Op::Cancel { conversation } => command(conversation, Action::Cancel),
        Op::Take { conversation, epoch } => {
            command(conversation, Action::Take { consultation: clock::consultation_id(), epoch })
        }
        Op::Describe { conversation, details, clear } => {
            let change = Box::new(customer::change(details, &clear)?);
            command(conversation, Action::Describe { change })
        }
        Op::Search { text, by, cursor, limit } => {
            let by = by.map(customer::field).transpose()?;
            Asked::Search(Search { text, by, cursor, limit: limit.into() })
        }
        Op::Customer { conversation } => Asked::Customer { conversation },
        Op::Transfer { conversation, from, to, epoch } => {
            command(conversation, Action::Transfer { from, to, epoch })
        }
        Op::Complete { conversation, epoch } => command(conversation, Action::Complete { epoch }),
        Op::End { conversation } => command(conversation, Action::End),
        Op::Subscribe { subscription, topic: Topic::Conversation { conversation, after } } => {
            Asked::Follow { subscription, conversation, after }
        }
        Op::Subscribe { subscription, topic: Topic::Desk { view } } => Asked::FollowDesk {
            subscription,
            wish: desk::wish(&view.filter)?,
            rows: view.rows.map_or(limits::LIST_ROWS_MAX, usize::from),
        },
        Op::Subscribe { topic: Topic::Unknown, .. } => {
            return Err(ErrorBody::new(ErrorCode::Unsupported, "topic: this one is not known here"));
        }
        Op::Unsubscribe { subscription } => Asked::Unfollow { subscription },
        Op::History { conversation, before, limit } => {
            Asked::History { conversation, before, limit: limit.into() }
        }
        Op::Explain { conversation } => Asked::Explain { conversation },
        Op::Consultations { conversation, cursor, limit } => {
            Asked::Consultations { conversation, cursor, limit: limit.into() }
        }
        Op::List { filter, cursor, limit } => {
            Asked::List { wish: desk::wish(&filter)?, cursor, limit: limit.into() }
        }
        Op::Quarantined => Asked::Quarantined,
        Op::Release { conversation } => Asked::Release { conversation },
        Op::Settings { of } => Asked::Settings(settings::settings_of(&of)?),
        Op::Change { change } => Asked::Change { counter, action: Box::new(settings::action(*change)?) },
        Op::Status { away } => Asked::Status { counter, away },
        Op::Audit { before, limit } => Asked::Audit { before, limit: limit.into() },
        Op::Waiting => Asked::Waiting,
        Op::Latency => Asked::Latency,
        Op::Unknown => return Err(ErrorBody::new(ErrorCode::Unsupported, "op: this one is not known here")),
    })
}

/// Reads a typing datagram; `None` when it is none.
pub(super) fn typing(datagram: &[u8]) -> Option<(ConversationId, Seq, u32)> {
    if datagram.len() > DATAGRAM_BYTES_MAX {
        return None;
    }
    let typing: Typing = decode(datagram).ok()?;
    Some((typing.conversation, typing.after_seq, typing.expires_ms))
}

/// Somebody is typing, for a reader.
pub(super) fn typing_for(subscription: &Subscription, typing: &outlet::Typing) -> Typing {
    Typing {
        conversation: subscription.conversation(),
        by: Some(sender(typing.by, subscription.reader())),
        after_seq: typing.after_seq,
        expires_ms: typing.expires_ms,
    }
}

/// The frame that answers a request.
pub(super) fn reply_frame(id: u64, answer: Result<ReplyBody, ErrorBody>) -> ServerFrame {
    match answer {
        Ok(body) => ServerFrame::Reply(Reply { id, body }),
        Err(error) => ServerFrame::Error { id: Some(id), error },
    }
}

/// Speaks to one kind of reader.
#[derive(Clone, Copy)]
pub(super) struct Speaker(Reader);

impl Speaker {
    /// Speaks to somebody with this identity.
    pub(super) const fn to(identity: &Identity) -> Self {
        Self(identity.reader())
    }

    /// An answer.
    pub(super) fn reply(self, answered: Answered) -> ReplyBody {
        reply(answered, self.0)
    }
}

/// The answer to a request to follow something.
pub(super) const fn subscribed(subscription: u32) -> ReplyBody {
    ReplyBody::Subscribed { subscription }
}

fn reply(answered: Answered, reader: Reader) -> ReplyBody {
    match answered {
        Answered::Accepted(Some(answer)) => {
            let sees = reader == Reader::Staff || answer.customer_sees;
            let seq = answer.place.filter(|_| sees).map(|place| place.of(reader));
            ReplyBody::Accepted { seq, at: answer.at }
        }
        Answered::Accepted(None) => ReplyBody::Accepted { seq: None, at: clock::now() },
        Answered::AcceptedLongAgo => ReplyBody::AlreadyAccepted,
        Answered::Opened(conversation) => ReplyBody::Opened { conversation },
        Answered::Following(lane, _) | Answered::FollowingDesk(lane, _) => subscribed(lane.number),
        Answered::Unfollowed => ReplyBody::Unsubscribed,
        Answered::History(history) => {
            let mut events: Vec<Event> = history
                .entries
                .iter()
                .flat_map(|entry| entry.seen_by(reader))
                .map(|seen| event(seen, reader))
                .collect();
            events.retain(|event| history.before.is_none_or(|before| event.seq < before));
            let surplus = surplus(&events, history.limit);
            ReplyBody::Events { more: history.more || surplus > 0, events: events.split_off(surplus) }
        }
        Answered::Decisions(decisions) => explained::reply(&decisions),
        Answered::Customer(found) => customer::reply(found),
        Answered::Found(page) => ReplyBody::Found {
            rows: page.rows.into_iter().map(row).collect(),
            next: page.next,
            more: page.more,
            position: page.position.0,
        },
        Answered::Consultations(page) => consultations::reply(page),
        Answered::List(page) => ReplyBody::Conversations {
            rows: page.rows.into_iter().map(row).collect(),
            next: page.next,
            position: page.position.0,
        },
        Answered::SetAside(SetAside::List(found, more)) => {
            let told = |(conversation, reason)| QuarantinedConversation { conversation, reason };
            ReplyBody::Quarantined { conversations: found.into_iter().map(told).collect(), more }
        }
        Answered::SetAside(SetAside::Released(_)) => ReplyBody::Released,
        Answered::Told(told) => settings::told(&told),
        Answered::Audit(entries, more) => settings::audit(&entries, more),
        Answered::Waiting(waiting) => desk::waiting(waiting),
        Answered::Latency(stages) => ReplyBody::Latency { stages: stages.into_iter().map(stage).collect() },
    }
}

/// How many of the earliest events do not fit into the reply.
fn surplus(events: &[Event], limit: usize) -> usize {
    let mut bytes = 0;
    let fitting = events.iter().rev().take(limit).take_while(|event| {
        bytes += EVENT_BYTES
            + match &event.what {
                EventKind::Message { content, keyboard } => {
                    content.bytes() + keyboard.as_ref().map_or(0, |keyboard| keyboard.bytes())
                }
                EventKind::Called { category, .. } | EventKind::CallRefused { category } => category.bytes(),
                EventKind::Described { details, .. } => details.bytes(),
                EventKind::Started
                | EventKind::Assigned { .. }
                | EventKind::Requeued { .. }
                | EventKind::Unserved { .. }
                | EventKind::Entered
                | EventKind::Left
                | EventKind::Completed
                | EventKind::Ended
                | EventKind::Unknown => 0,
            };
        bytes <= limits::REPLY_BYTES_MAX
    });
    events.len() - fitting.count()
}

/// A refusal as it travels.
pub(super) fn error(refusal: &Refusal) -> ErrorBody {
    let code = match refusal {
        Refusal::Rejected(rejection) => rejected(rejection),
        Refusal::Workspace(rejection) => settings::rejected(rejection),
        Refusal::Unavailable(_) => ErrorCode::Unavailable,
        Refusal::NoRoom(_) => ErrorCode::NoRoom,
        Refusal::Quarantined(_) => ErrorCode::Quarantined,
        Refusal::Fault => ErrorCode::Fault,
        Refusal::OnlyLooks(_) => ErrorCode::OnlyLooks,
        Refusal::OnlyAgents(_) | Refusal::OnlyCustomers(_) => ErrorCode::Forbidden,
        Refusal::SubscriptionInUse(_) => ErrorCode::SubscriptionInUse,
        Refusal::NoSuchSubscription(_) => ErrorCode::NoSuchSubscription,
        Refusal::TooManySubscriptions => ErrorCode::TooManySubscriptions,
        Refusal::NotQuarantined(_) => ErrorCode::NotQuarantined,
        Refusal::BadCursor(_) => ErrorCode::BadCursor,
        Refusal::BadSearch(_) => ErrorCode::MalformedRequest,
    };
    let waits = [(ErrorCode::Unavailable, RETRY_MS), (ErrorCode::NoRoom, NO_ROOM_RETRY_MS)];
    let wait_ms = waits.iter().find(|(waits, _)| *waits == code).map(|(_, wait_ms)| *wait_ms);
    ErrorBody { wait_ms, assignee: assignee(refusal), ..ErrorBody::new(code, refusal.to_string()) }
}

/// Who was faster than whoever is refused.
const fn assignee(refusal: &Refusal) -> Option<MemberId> {
    if let Refusal::Rejected(Rejection::AlreadyAssigned { by }) = refusal {
        Some(*by)
    } else if let Refusal::Rejected(Rejection::Moved { assignee, .. }) = refusal {
        *assignee
    } else {
        None
    }
}

const fn rejected(rejection: &Rejection) -> ErrorCode {
    match rejection {
        Rejection::NoSuchConversation => ErrorCode::NoSuchConversation,
        Rejection::InstanceForgotten => ErrorCode::InstanceExpired,
        Rejection::Overtaken { .. } => ErrorCode::Overtaken,
        Rejection::OnlyAgents { .. } | Rejection::OnlyCustomer { .. } => ErrorCode::Forbidden,
        Rejection::NotEntered { .. } => ErrorCode::NotEntered,
        Rejection::AlreadyAssigned { .. } => ErrorCode::AlreadyAssigned,
        Rejection::NotServed { .. } => ErrorCode::NotServed,
        Rejection::AlreadyCalled => ErrorCode::AlreadyCalled,
        Rejection::NotCalled => ErrorCode::NotCalled,
        Rejection::AlreadyServed => ErrorCode::AlreadyServed,
        Rejection::Preview { .. } | Rejection::Nobody => ErrorCode::Preview,
        Rejection::Moved { .. } => ErrorCode::Moved,
        Rejection::NotPresent { .. } => ErrorCode::NotPresent,
        Rejection::Ended => ErrorCode::ConversationEnded,
        Rejection::TooManyAgents { .. } => ErrorCode::TooManyAgents,
        Rejection::TextTooLong { .. } => ErrorCode::TextTooLong,
        Rejection::OnlyBot { .. } => ErrorCode::OnlyBot,
        Rejection::UnknownContent => ErrorCode::Unsupported,
        Rejection::BeyondEnd { .. } => ErrorCode::BeyondEnd,
    }
}

/// How a connection is closed, and what is said before.
pub(super) fn goodbye(closing: Closing) -> (CloseCode, Goodbye) {
    let (close, reason, reconnect_after_ms) = match closing {
        Closing::GoingAway { reconnect_after_ms } => {
            (CloseCode::GoingAway, "the engine stops; connect again then", Some(reconnect_after_ms))
        }
        Closing::Replaced => (CloseCode::Replaced, "the same client instance has connected again", None),
        Closing::TakenOver => (CloseCode::TakenOver, "you serve from another place from now on", None),
        Closing::Removed => (CloseCode::Removed, "you are no member of the workspace any more", None),
        Closing::Fault => (CloseCode::Fault, "the session failed; connect again", Some(0)),
    };
    (close, Goodbye { close, reason: reason.to_owned(), reconnect_after_ms })
}

/// The events of an entry that a subscriber has not had, as frames. They are made once for all
/// subscribers who need the same.
///
/// # Errors
/// When an event before them is missing.
pub(super) fn entry(
    subscription: &mut Subscription,
    entry: &Entry,
    stamp: Option<&Stamp>,
) -> Result<Bytes, Gap> {
    let reader = subscription.reader();
    // It may have waited in the outbox until a mask was due; what is masked at once is live until it is read.
    let now = clock::now();
    let late = entry.hidden(|mask| mask.after != MaskAfter::AT_ONCE && mask.after.is_due(entry.at, now));
    let (entry, stamp) = (late.as_ref().unwrap_or(entry), stamp.filter(|_| late.is_none()));
    let whole = subscription.at() == entry.before.of(reader);
    let seen = subscription.take(entry)?;
    Ok(match stamp {
        Some(stamp) if whole => stamp.frames_for(reader).get_or_init(|| events(seen, reader)).clone(),
        Some(_) | None => events(seen, reader),
    })
}

fn events<'a>(seen: impl Iterator<Item = Seen<'a>>, reader: Reader) -> Bytes {
    let mut frames = seen.map(|seen| {
        // An event is far smaller than a frame: its texts are bounded.
        encode_frame(&ConversationFrame::Event(event(seen, reader))).unwrap_or_default()
    });
    match (frames.next(), frames.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => only,
        (Some(first), Some(second)) => {
            let mut all = BytesMut::from(first);
            all.extend_from_slice(&second);
            frames.for_each(|frame| all.extend_from_slice(&frame));
            all.freeze()
        }
    }
}

/// A reader has everything that was there when it subscribed.
pub(super) const fn caught_up(seq: Seq) -> ConversationFrame {
    ConversationFrame::CaughtUp { seq }
}

/// The cursors.
pub(super) fn cursors(cursors: SideCursors) -> ConversationFrame {
    ConversationFrame::Cursors(Cursors {
        customer_read: cursors.customer,
        staff_read: cursors.staff,
        customer_received: cursors.customer_received,
        staff_received: cursors.staff_received,
        unread: u32::try_from(cursors.unread).unwrap_or(u32::MAX),
        line: cursors.line.map(|told| Line { position: told.position, wait_s: told.wait_s }),
    })
}

/// A subscription's last frame.
pub(super) const fn conversation_ended(error: ErrorBody) -> ConversationFrame {
    ConversationFrame::Ended { error }
}

fn event(seen: Seen<'_>, reader: Reader) -> Event {
    let what = match &seen.event.what {
        What::Started { .. } => EventKind::Started,
        What::Message(message) => said(message, reader),
        What::Called { consultation, category, .. } => {
            EventKind::Called { consultation: *consultation, category: category.clone() }
        }
        What::CallRefused { category } => EventKind::CallRefused { category: category.clone() },
        What::Assigned { member, how } => assigned(*member, *how),
        What::Requeued { from, why } => EventKind::Requeued {
            member: *from,
            why: match why {
                Requeued::Absent => RequeuedWhy::Absent,
                Requeued::Removed => RequeuedWhy::Removed,
            },
        },
        What::Unserved { why } => EventKind::Unserved { why: consultations::why(*why) },
        What::Entered { .. } => EventKind::Entered,
        What::Left { .. } => EventKind::Left,
        What::Completed => EventKind::Completed,
        What::Ended => EventKind::Ended,
        What::Described(change) => customer::described(change),
        // In no sequence, so it is not seen as an event.
        What::Explained(_) | What::Read { .. } | What::Unchanged => EventKind::Unknown,
    };
    // It counts what a customer must not be able to.
    let epoch = seen.epoch.filter(|_| reader == Reader::Staff);
    Event { seq: seen.seq, at: seen.at, by: sender(seen.event.by, reader), what, epoch }
}

fn assigned(member: MemberId, how: How) -> EventKind {
    let (how, from) = consultations::how(how);
    EventKind::Assigned { member, how, from }
}

/// What is masked at once only the customer sees, and only live: the journal does not have it.
fn said(message: &Message, reader: Reader) -> EventKind {
    let masked = match reader {
        Reader::Customer => None,
        Reader::Staff => hidden(message, |mask| mask.after == MaskAfter::AT_ONCE),
    };
    let Message { content, keyboard, .. } = masked.as_ref().unwrap_or(message);
    EventKind::Message { content: content.clone(), keyboard: keyboard.clone() }
}

fn sender(party: Party, reader: Reader) -> Sender {
    match (party, reader) {
        (Party::Customer, _) => Sender::Customer,
        (Party::Bot, _) => Sender::Bot,
        (Party::Agent { member }, Reader::Staff) => Sender::Agent { member: Some(member) },
        (Party::Agent { .. }, Reader::Customer) => Sender::Agent { member: None },
    }
}

fn stage(figures: StageFigures) -> StageLatency {
    StageLatency {
        stage: figures.stage.name().to_owned(),
        count: figures.count,
        p50_us: figures.p50_us,
        p90_us: figures.p90_us,
        p99_us: figures.p99_us,
        p999_us: figures.p999_us,
        max_us: figures.max_us,
    }
}

/// What is left of a request that cannot be read.
#[derive(Deserialize)]
struct OnlyId {
    id: u64,
}

fn bad_frame(error: &CodecError) -> ErrorBody {
    ErrorBody::new(error.code(), error.to_string())
}

fn bad_request(error: &dyn std::fmt::Display) -> ErrorBody {
    ErrorBody::new(ErrorCode::MalformedRequest, error.to_string())
}

/// How long a client is asked to wait before it tries again, in milliseconds.
const RETRY_MS: u32 = 500;

/// The same when the disk is full, which takes people to change.
const NO_ROOM_RETRY_MS: u32 = 2_000;

/// What an event takes in a reply besides its text, at the most.
const EVENT_BYTES: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_protocol::vocabulary::{Content, MessageText};

    #[test]
    fn what_is_masked_at_once_is_the_customers_alone_to_see() {
        let mut message = Message::plain(Content::text(MessageText::new("code 1234").unwrap()));
        message.mask("1234", MaskAfter::AT_ONCE).unwrap();
        for (reader, words) in [(Reader::Customer, "code 1234"), (Reader::Staff, "code ****")] {
            let EventKind::Message { content, .. } = said(&message, reader) else { panic!("not a message") };
            assert_eq!(content.preview(99), words);
        }
    }
}
