//! What a session asks the journal about customers.
//!
//! Owns that a customer's conversation begins with what was known at the end of the one before, and what is asked
//! of a search. Must not know how anything is found.

use ractor::ActorRef;
use switchboard_protocol::vocabulary::ConversationId;
use tokio::sync::OwnedSemaphorePermit;

use super::routing::{Pending, PendingKind, RoutedErrand};
use super::{Answered, Opening, Refusal, Search, SessionMsg, SessionState, WantedSearch, WorkspaceReply};
use crate::actors::workspace::WorkspaceMsg;
use crate::domain::conversation::{Action, Rejection};
use crate::domain::customer::Known;
use crate::domain::message::Message;
use crate::domain::search::Query;
use crate::journal::ReadError;
use crate::limits;

impl SessionState {
    /// Reads what was known at the end of the conversation before. It has ended, as whoever named the next one knows,
    /// and what has ended takes no more details: it cannot have become more meanwhile.
    pub(super) fn recall(
        &self,
        myself: &ActorRef<SessionMsg>,
        opening: u64,
        (former, conversation): (ConversationId, ConversationId),
        greeting: Option<Message>,
    ) {
        let (myself, journal, workspace) =
            (myself.clone(), self.ports.journal.clone(), self.ports.identity.workspace());
        tokio::spawn(async move {
            let customer = journal.customer_of(workspace, former).await;
            let known = customer.map(|customer| customer.map(|customer| customer.known).unwrap_or_default());
            let _ = myself.cast(SessionMsg::Recalled { opening, conversation, greeting, known });
        });
    }

    pub(super) fn recalled(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        opening: u64,
        conversation: ConversationId,
        greeting: Option<Message>,
        known: Result<Known, ReadError>,
    ) {
        let known = match known {
            Ok(known) => known,
            Err(
                error
                @ (ReadError::Unavailable(_) | ReadError::Cursor(_) | ReadError::CursorOfOtherFilter(_)),
            ) => {
                return self.cannot_open(opening, &error.to_string());
            }
            // That will not change, and the customer must be able to write.
            Err(error @ ReadError::Corrupt { .. }) => {
                tracing::error!(%conversation, %error, "begun without what was known of the customer");
                Known::default()
            }
        };
        self.begin(myself, opening, conversation, greeting, known);
    }

    /// Begins the customer's conversation, unless it has begun.
    pub(super) fn begin(
        &mut self,
        myself: &ActorRef<SessionMsg>,
        opening: u64,
        conversation: ConversationId,
        greeting: Option<Message>,
        Known { details: known, former }: Known,
    ) {
        let Some(opening) = self.opening.remove(&opening) else { return };
        let Opening { ask, counter, arrived, credit } = opening;
        let Some(customer) = self.customer() else { return };
        let action = Action::Start { customer, greeting, known, former };
        let errand = RoutedErrand::Plain(self.command(counter, action, arrived));
        let kind = PendingKind::Open { counter, arrived };
        self.send(myself, conversation, errand, Pending::new(ask, kind, credit));
    }

    /// Nobody knows whether it was done: it may be a second try, of which the first was heard.
    pub(super) fn cannot_open(&mut self, opening: u64, why: &str) {
        tracing::warn!(why, "a customer's conversation cannot be found");
        if let Some(Opening { ask, credit, .. }) = self.opening.remove(&opening) {
            self.reply(ask, Err(Refusal::Fault), credit);
        }
    }

    /// Searches for a text. The workspace says what the member may see of it.
    pub(super) fn search(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        Search { text, by, cursor, limit }: Search,
        credit: OwnedSemaphorePermit,
    ) {
        let member = self.member("search");
        let wanted = member.and_then(|member| {
            let query = Query::new(&text, by).map_err(Refusal::from)?;
            Ok(WantedSearch { member, query, cursor, limit: limit.clamp(1, limits::LIST_ROWS_MAX) })
        });
        match wanted {
            Err(refusal) => self.reply(ask, Err(refusal), credit),
            // A workspace that is gone drops the reply, which says so.
            Ok(wanted) => {
                let reply = WorkspaceReply::new(myself.clone(), ask, credit);
                let _ = self.ports.workspace.cast(WorkspaceMsg::Search(wanted, reply));
            }
        }
    }

    /// Reads who the customer of a conversation is.
    pub(super) fn customer_of(
        &self,
        myself: &ActorRef<SessionMsg>,
        ask: u64,
        conversation: ConversationId,
        credit: OwnedSemaphorePermit,
    ) {
        if let Err(refusal) = self.staff("customer") {
            return self.reply(ask, Err(refusal), credit);
        }
        let (myself, journal, workspace) =
            (myself.clone(), self.ports.journal.clone(), self.ports.identity.workspace());
        tokio::spawn(async move {
            let found = journal.customer_of(workspace, conversation).await.map_err(Refusal::from);
            let found = found.and_then(|found| found.ok_or(Rejection::NoSuchConversation.into()));
            let _ = myself.cast(SessionMsg::Replied(ask, found.map(Answered::Customer), credit));
        });
    }
}
