//! What conversations answer a session, and what its client is told of it.
//!
//! Owns the translation of outcomes into replies, and what is checked of what leaves the engine. Must not know how a
//! request came to a conversation.

use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::conversation::{Entry, Rejection};
use switchboard::machines::live::Outcome;
use switchboard::machines::route::Tag;
use switchboard_protocol::vocabulary::ConversationId;
use switchboard_protocol::wire::{ErrorBody, ErrorCode, ReplyBody};

use super::{ALREADY_SO, Begun, Followed, Kind, Pending, Reply, Session, accepted};
use crate::mail::ErrandAnswer;
use crate::tally::Count;
use crate::world::World;

impl World {
    pub(super) fn errand_answered(
        &mut self,
        session: &mut Session,
        conversation: ConversationId,
        tag: Tag,
        answer: ErrandAnswer,
    ) {
        if !session.routes.entry(conversation).or_default().answered(tag) {
            return;
        }
        let outcome = match answer {
            ErrandAnswer::Outcome(outcome) => outcome,
            ErrandAnswer::History(entries) => {
                return self.history_answered(session, conversation, tag, &entries);
            }
            ErrandAnswer::Unavailable(why) => {
                return self.refuse(session, tag, ErrorBody::new(ErrorCode::Unavailable, why));
            }
            ErrandAnswer::NoRoom(why) => {
                self.note(Count::HeldForRoom);
                return self.refuse(session, tag, ErrorBody::new(ErrorCode::NoRoom, why.to_string()));
            }
            ErrandAnswer::OnlyLooks(what) => {
                self.note(Count::RefusedToLook);
                return self.refuse(session, tag, ErrorBody::new(ErrorCode::OnlyLooks, what));
            }
            ErrandAnswer::Unknown => {
                return self.refuse(session, tag, ErrorBody::new(ErrorCode::Fault, "not known"));
            }
        };
        let reader = session.identity.reader();
        let opens = session.pending.get(&tag).filter(|pending| matches!(pending.kind, Kind::Open));
        let opening = opens.and_then(|pending| Some((pending.ask, pending.counter?)));
        let body = match outcome {
            Outcome::Rejected(Rejection::Ended) if let Some(opening) = opening => {
                session.pending.remove(&tag);
                self.note(Count::OpenedAnother);
                return self.open_conversation(session, opening, Some(conversation));
            }
            Outcome::Accepted(_) | Outcome::AlreadySo | Outcome::AcceptedLongAgo if opening.is_some() => {
                ReplyBody::Opened { conversation }
            }
            Outcome::Accepted(answer) => accepted(&answer, reader),
            Outcome::AlreadySo => ALREADY_SO,
            Outcome::AcceptedLongAgo => ReplyBody::AlreadyAccepted,
            Outcome::Subscribed => return self.subscribed(session, conversation, tag),
            Outcome::Rejected(rejection) => {
                self.note(if rejection == Rejection::Ended {
                    Count::RefusedAfterEnd
                } else {
                    Count::Rejected
                });
                if matches!(rejection, Rejection::NotPresent { .. }) {
                    self.note(Count::TransferRefused);
                }
                let code = match rejection {
                    Rejection::InstanceForgotten => ErrorCode::InstanceExpired,
                    Rejection::Overtaken { .. } => ErrorCode::Overtaken,
                    // By which rule makes no difference here.
                    _ => ErrorCode::Forbidden,
                };
                let error = ErrorBody::new(code, rejection.to_string());
                return self.refuse(session, tag, error);
            }
        };
        if let Some(Pending { ask, counter, .. }) = session.pending.remove(&tag) {
            self.reply(session, ask, counter, Ok(body));
        }
    }

    fn subscribed(&mut self, session: &mut Session, conversation: ConversationId, tag: Tag) {
        let Some(Pending { ask, kind: Kind::Follow { subscription, after }, .. }) =
            session.pending.remove(&tag)
        else {
            return;
        };
        let Some(Some(Followed { subscriber, outbox, way, .. })) = session.following.get(&subscription)
        else {
            // It was ended before it began.
            let error = ErrorBody::new(ErrorCode::NoSuchSubscription, "ended");
            return self.reply(session, ask, None, Err(error));
        };
        let (subscriber, outbox, way) = (*subscriber, Rc::clone(outbox), *way);
        let begun = Begun { number: subscription, conversation, subscriber, outbox, way, after };
        self.note_looked(session);
        self.begin_pump(session, begun);
        self.reply(session, ask, None, Ok(ReplyBody::Subscribed { subscription }));
    }

    fn history_answered(
        &mut self,
        session: &mut Session,
        conversation: ConversationId,
        tag: Tag,
        entries: &[Arc<Entry>],
    ) {
        let Some(Pending { ask, .. }) = session.pending.remove(&tag) else { return };
        let reader = session.identity.reader();
        for seen in entries.iter().flat_map(|entry| entry.seen_by(reader)) {
            self.check_shown(conversation, &session.identity, &seen, "history");
        }
        self.note(Count::HistoryRead);
        self.note_looked(session);
        self.reply(session, ask, None, Ok(ReplyBody::Events { events: Vec::new(), more: false }));
    }

    pub(super) fn refuse(&mut self, session: &mut Session, tag: Tag, error: ErrorBody) {
        if let Some(Pending { ask, counter, kind }) = session.pending.remove(&tag) {
            if let Kind::Follow { subscription, .. } = kind {
                session.following.remove(&subscription);
            }
            self.reply(session, ask, counter, Err(error));
            if let Some(counter) = counter {
                self.model.passed_over((session.instance, counter));
            }
        }
    }

    /// What leaves here is revealed: from now on it must be true for ever.
    pub(crate) fn reply(&mut self, session: &Session, ask: u64, counter: Option<u64>, reply: Reply) {
        self.say(|| format!("     session {} answers {ask}, counter {counter:?}: {reply:?}", session.id.0));
        if let Some(counter) = counter {
            let reader = session.identity.reader();
            self.check_reply((session.instance, counter), reader, &reply);
            self.check_looker_told(session, counter, &reply);
        }
        self.reply_to_client(session.client, session.connection, ask, reply);
    }
}
