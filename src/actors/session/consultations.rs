//! The consultations of a conversation, and the decisions about them, for staff.
//!
//! Owns how each is asked for: records are read from the journal beside the mailbox, so that nobody is woken for
//! them. Must not know what is in them.

use std::sync::Arc;

use ractor::ActorRef;
use switchboard_protocol::vocabulary::ConversationId;
use tokio::sync::OwnedSemaphorePermit;

use super::routing::{Pending, PendingKind, RoutedErrand};
use super::{Answered, Refusal, SessionMsg, SessionState};
use crate::actors::errand::Errand;
use crate::domain::conversation::Rejection;

impl SessionState {
    pub(super) fn explain(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        conversation: ConversationId,
        credit: OwnedSemaphorePermit,
    ) {
        match self.staff("explain") {
            Err(refusal) => self.reply(ask, Err(refusal), credit),
            Ok(()) => {
                let identity = Arc::clone(&self.ports.identity);
                let errand = RoutedErrand::Plain(Errand::Explain { identity });
                self.send(myself, conversation, errand, Pending::new(ask, PendingKind::Explain, credit));
            }
        }
    }

    pub(super) fn consultations(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        (conversation, cursor, limit): (ConversationId, Option<String>, usize),
        credit: OwnedSemaphorePermit,
    ) {
        if let Err(refusal) = self.staff("consultations") {
            return self.reply(ask, Err(refusal), credit);
        }
        let (myself, journal, workspace) =
            (myself.clone(), self.ports.journal.clone(), self.ports.identity.workspace());
        tokio::spawn(async move {
            let page = journal.consultations(workspace, conversation, cursor.as_deref(), limit).await;
            // One of another workspace has not begun in this one.
            let page = page.map_err(Refusal::from);
            let page = page.and_then(|page| page.ok_or(Refusal::Rejected(Rejection::NoSuchConversation)));
            let _ = myself.cast(SessionMsg::Replied(ask, page.map(Answered::Consultations), credit));
        });
    }
}
