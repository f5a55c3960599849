//! What a conversation does without being asked: the answer of the bot, what the desk decided, and what ends by
//! itself.
//!
//! Owns the timer for the next end. Must not know what is decided, or what an end means.

use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::Timestamp;

use super::{ConversationMsg, ConversationPorts, ConversationState, Phase};
use crate::actors::errand::Way;
use crate::actors::outlet::Stamp;
use crate::actors::workspace::WorkspaceMsg;
use crate::clock;
use crate::domain::conversation::{Context, Doors, OwnAction, deadline, reply};
use crate::machines::live::NotDone;

impl ConversationState {
    /// The bot answers what it owes. What cannot be written now is tried with whatever comes next.
    pub(super) fn reply_as_bot(
        &mut self,
        myself: &ActorRef<ConversationMsg>,
    ) -> Result<(), ActorProcessingErr> {
        let Phase::Open { live, .. } = &self.phase else { return Ok(()) };
        match live.is_all_durable().then(|| reply(live.state(), &self.service.1, clock::now())).flatten() {
            Some(action) => self.own(myself, &action),
            None => Ok(()),
        }
    }

    /// What is not done now is the workspace's to try again.
    pub(super) fn own(
        &mut self,
        myself: &ActorRef<ConversationMsg>,
        action: &OwnAction,
    ) -> Result<(), ActorProcessingErr> {
        let done = match &mut self.phase {
            Phase::Open { live, .. } => {
                let ConversationPorts { policy, journal, .. } = &self.ports;
                let (service, doors) = (&self.service.1, Doors::default());
                let context = Context { now: clock::now(), policy: *policy, service, doors, present: None };
                let room = || journal.has_room();
                live.own(Stamp::new(clock::instant()), action, &context, room).map_err(|why| match why {
                    NotDone::Rejected(why) => why.to_string(),
                    NotDone::NoRoom(why) => why.to_string(),
                })
            }
            // Whether it was done before is not known either: the workspace tells the next incarnation.
            Phase::Opening | Phase::Refusing(_) => return Ok(()),
        };
        match done {
            Ok(append) => self.act(append),
            Err(why) => {
                tracing::debug!(conversation = %self.id, why, "something decided elsewhere was not done");
                if let Some(epoch) = action.decided_at() {
                    let refused = WorkspaceMsg::DecisionRefused(self.id, Way(myself.clone()), epoch);
                    let _ = self.ports.workspace.cast(refused);
                }
                Ok(())
            }
        }
    }

    /// Looks when something has to end by itself. Should it sleep then, the workspace wakes it.
    pub(super) fn watch_deadline(&mut self, myself: &ActorRef<ConversationMsg>) {
        let Some(at) = self.deadline() else { return };
        if self.looks_at.is_some_and(|looks_at| looks_at <= at.max(clock::now())) {
            return;
        }
        // What could not be written when it was due is tried again, not over and over.
        let at = at.max(clock::after(LOOK_AGAIN_AFTER));
        self.looks_at = Some(at);
        myself.send_after(clock::wait_for(at), move || ConversationMsg::LookDue(at));
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Open { live, .. } => deadline(live.state(), &self.service.1),
            Phase::Opening | Phase::Refusing(_) => None,
        }
    }
}

/// How soon it looks again for what was due and could not be done.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);
