//! A session's errands on their way.
//!
//! Owns the routes and what is pending on them. Must not know what an errand means.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::{ConversationId, Seq};
use tokio::sync::OwnedSemaphorePermit;

use super::waiters::LocateReply;
use super::{Answered, History, Lane, Opening, Refusal, SessionMsg, SessionState, following};
use crate::actors::conversation::ConversationMsg;
use crate::actors::errand::{Errand, ErrandAnswer, ErrandReply, Way};
use crate::actors::workspace::WorkspaceMsg;
use crate::domain::conversation::Rejection;
use crate::limits;
use crate::machines::live::Outcome;
use crate::machines::route::{Route, Step, Tag};

/// The routes of a session, and what it has not been answered.
#[derive(Default)]
pub(super) struct Routing {
    routes: HashMap<ConversationId, Route<Way, RoutedErrand>>,
    pending: HashMap<Tag, Pending>,
    last_tag: Tag,
}

/// An errand before it is sent: a subscription gets a fresh outlet with every sending.
#[derive(Debug, Clone)]
pub(super) enum RoutedErrand {
    Plain(Errand),
    Follow { lane: Lane, after: Seq },
}

/// A question whose answer is on its way.
pub(super) struct Pending {
    ask: u64,
    kind: PendingKind,
    credit: OwnedSemaphorePermit,
}

/// What the answer will be made into.
pub(super) enum PendingKind {
    Command,
    Explain,
    Open { counter: u64, arrived: Instant },
    Follow { lane: Lane, after: Seq },
    History { before: Option<Seq>, limit: usize },
}

impl Pending {
    pub(super) const fn new(ask: u64, kind: PendingKind, credit: OwnedSemaphorePermit) -> Self {
        Self { ask, kind, credit }
    }
}

impl Routing {
    /// Whether nothing waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// The route to a conversation. When there are too many, those on which nothing is pending are
    /// forgotten: the next command finds its way again.
    pub(super) fn to(&mut self, conversation: ConversationId) -> &mut Route<Way, RoutedErrand> {
        if self.routes.len() >= limits::ROUTES_MAX && !self.routes.contains_key(&conversation) {
            self.routes.retain(|_, route| !route.is_idle());
        }
        self.routes.entry(conversation).or_default()
    }
}

impl SessionState {
    /// Sends an errand along the route of its conversation.
    pub(super) fn send(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        conversation: ConversationId,
        errand: RoutedErrand,
        pending: Pending,
    ) {
        self.routing.last_tag += 1;
        let tag = self.routing.last_tag;
        self.routing.pending.insert(tag, pending);
        let step = self.routing.to(conversation).send(tag, errand);
        self.carry_out(myself, conversation, step);
    }

    pub(super) fn carry_out(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        conversation: ConversationId,
        steps: impl IntoIterator<Item = Step<Way, RoutedErrand>>,
    ) {
        for step in steps {
            match step {
                Step::Resolve(dead) => {
                    let reply = LocateReply::new(myself.clone(), conversation);
                    let _ = self.ports.workspace.cast(WorkspaceMsg::Locate(conversation, dead, reply));
                }
                Step::Send(way, tag, errand) => {
                    let reply = ErrandReply::new(myself.clone(), conversation, tag, way.clone());
                    match errand {
                        // One that is closed gives the errand back by losing it.
                        RoutedErrand::Plain(errand) => {
                            let _ = way.0.cast(ConversationMsg::Errand(errand, reply));
                        }
                        RoutedErrand::Follow { lane, after } => {
                            let (subscriber, outlet, wanted) = self.following.sent(lane, conversation, &way);
                            let identity = Arc::clone(&self.ports.identity);
                            let errand = Errand::Subscribe {
                                subscriber,
                                after,
                                identity,
                                outlet: Arc::clone(&outlet),
                            };
                            let _ = way.0.cast(ConversationMsg::Errand(errand, reply));
                            if !wanted {
                                following::leave(subscriber, &outlet, &way);
                            }
                        }
                    }
                }
                Step::GiveUp(tag) => self.refuse(tag, Refusal::Fault),
            }
        }
    }

    pub(super) fn answered(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        conversation: ConversationId,
        tag: Tag,
        answer: ErrandAnswer,
    ) {
        if !self.routing.to(conversation).answered(tag) {
            return;
        }
        let Some(Pending { ask, kind, credit }) = self.routing.pending.remove(&tag) else { return };
        let answer = match answer {
            ErrandAnswer::Outcome(Outcome::Rejected(Rejection::Ended))
                if let PendingKind::Open { counter, arrived } = kind =>
            {
                return self.open(myself, Opening { ask, counter, arrived, credit }, Some(conversation));
            }
            ErrandAnswer::Outcome(outcome) => self.outcome(conversation, &kind, outcome),
            ErrandAnswer::History(entries, more) => {
                let PendingKind::History { before, limit } = kind else { return };
                Ok(Answered::History(History { entries, more, before, limit }))
            }
            ErrandAnswer::Decisions(decisions) => Ok(Answered::Decisions(decisions)),
            ErrandAnswer::OnlyLooks(what) => self.not_following(&kind, Refusal::OnlyLooks(what)),
            ErrandAnswer::Unknown => self.not_following(&kind, Refusal::Fault),
            ErrandAnswer::Unavailable(why) => self.not_following(&kind, Refusal::Unavailable(why)),
            ErrandAnswer::NoRoom(why) => self.not_following(&kind, Refusal::NoRoom(why)),
            ErrandAnswer::Quarantined(why) => self.not_following(&kind, Refusal::Quarantined(why)),
        };
        self.reply(ask, answer, credit);
    }

    fn outcome(
        &mut self,
        conversation: ConversationId,
        kind: &PendingKind,
        outcome: Outcome,
    ) -> Result<Answered, Refusal> {
        match outcome {
            Outcome::Rejected(rejection) => self.not_following(kind, rejection.into()),
            Outcome::Subscribed => self.begun_following(kind),
            Outcome::Accepted(_) | Outcome::AlreadySo | Outcome::AcceptedLongAgo
                if matches!(kind, PendingKind::Open { .. }) =>
            {
                Ok(Answered::Opened(conversation))
            }
            Outcome::Accepted(answer) => Ok(Answered::Accepted(Some(answer))),
            Outcome::AlreadySo => Ok(Answered::Accepted(None)),
            Outcome::AcceptedLongAgo => Ok(Answered::AcceptedLongAgo),
        }
    }

    pub(super) fn refuse(&mut self, tag: Tag, refusal: Refusal) {
        if let Some(Pending { ask, kind, credit }) = self.routing.pending.remove(&tag) {
            let answer = self.not_following(&kind, refusal);
            self.reply(ask, answer, credit);
        }
    }

    /// A question is refused; if it was one to follow, its number is free again.
    fn not_following(&mut self, kind: &PendingKind, refusal: Refusal) -> Result<Answered, Refusal> {
        if let PendingKind::Follow { lane, .. } = kind {
            self.following.ended(*lane);
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation(n: u32) -> ConversationId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        ConversationId::from_bytes(id)
    }

    #[test]
    fn a_session_that_visits_many_conversations_remembers_so_many_and_none_too_few() {
        let mut routing = Routing::default();
        let errand = RoutedErrand::Follow { lane: Lane { number: 1, serial: 1 }, after: Seq::ZERO };
        routing.to(conversation(0)).send(1, errand);
        for n in 1..10_000 {
            routing.to(conversation(n));
            assert!(routing.routes.len() <= limits::ROUTES_MAX);
        }
        assert!(routing.to(conversation(0)).answered(1), "what is pending is kept");
    }
}
