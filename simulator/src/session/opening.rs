//! How a session comes to its customer's conversation.
//!
//! Owns the two steps of it, as the engine's session takes them: the workspace names the conversation, and what was
//! known at the end of the one before is read. Must not know what else a session asks for.

use switchboard::domain::conversation::Action;
use switchboard::domain::customer::Known;
use switchboard::domain::identity::Identity;
use switchboard::machines::openings::Named;
use switchboard_protocol::vocabulary::ConversationId;
use switchboard_protocol::wire::{ErrorBody, ErrorCode};

use super::{Kind, Pending, Routed, Session};
use crate::mail::{Opening, SessionId, SessionMsg, WorkspaceMsg};
use crate::tally::Count;
use crate::world::World;

/// What is known of a customer is read from the conversation before.
pub(crate) struct Recall {
    pub(crate) session: SessionId,
    pub(crate) opening: u64,
    pub(crate) former: ConversationId,
    /// The one that is to begin with it.
    pub(crate) conversation: ConversationId,
}

impl World {
    /// Asks the workspace for the customer's conversation; `ended` is one that turned out to have ended.
    pub(super) fn open_conversation(
        &mut self,
        session: &mut Session,
        (ask, counter): (u64, u64),
        ended: Option<ConversationId>,
    ) {
        let Identity::Customer { customer, .. } = &*session.identity else {
            self.model.passed_over((session.instance, counter));
            let error = ErrorBody::new(ErrorCode::Forbidden, "only customers");
            return self.reply(session, ask, Some(counter), Err(error));
        };
        session.last_opening += 1;
        session.opening.insert(session.last_opening, (ask, counter));
        let reply = self.mail.workspace_reply(session.id, Opening(session.last_opening));
        self.mail.to_workspace(session.run, WorkspaceMsg::Open(customer.clone(), ended, reply));
    }

    pub(super) fn opened(&mut self, session: &mut Session, opening: u64, found: Result<Named, String>) {
        match found {
            Ok(Named { conversation, former: None }) => {
                self.begin(session, opening, conversation, Known::default());
            }
            Ok(Named { conversation, former: Some(former) }) => {
                self.recalls.push(Recall { session: session.id, opening, former, conversation });
            }
            Err(why) => self.cannot_open(session, opening, why),
        }
    }

    /// Begins the customer's conversation, unless it has begun.
    pub(super) fn begin(
        &mut self,
        session: &mut Session,
        opening: u64,
        conversation: ConversationId,
        known: Known,
    ) {
        let Some((ask, counter)) = session.opening.remove(&opening) else { return };
        let Identity::Customer { customer, .. } = &*session.identity else { return };
        let action = Action::Start {
            customer: customer.clone(),
            greeting: self.greeting.clone(),
            known: known.details,
            former: known.former,
        };
        let errand = Routed::Plain(session.command(counter, action));
        let pending = Pending { ask, counter: Some(counter), kind: Kind::Open };
        self.send(session, conversation, errand, pending);
    }

    pub(super) fn cannot_open(&mut self, session: &mut Session, opening: u64, why: String) {
        let Some((ask, counter)) = session.opening.remove(&opening) else { return };
        self.model.passed_over((session.instance, counter));
        // It may be a second try, of which the first was heard.
        let error = ErrorBody::new(ErrorCode::Fault, why);
        self.reply(session, ask, Some(counter), Err(error));
    }

    /// The journal says what is known of a customer from the conversation before, or cannot.
    pub(crate) fn recall(&mut self, at: usize) {
        let Recall { session, opening, former, conversation } = self.recalls.swap_remove(at);
        let known = match self.happens(self.rates.faults.disk_fails) {
            true => {
                self.note(Count::RecallFailed);
                Err("it cannot be read now".to_owned())
            }
            false => {
                let before = self.disk.load(former);
                Ok(Known { details: before.details, former: before.served.former })
            }
        };
        self.mail.to_session(session, SessionMsg::Recalled(opening, conversation, known));
    }
}
