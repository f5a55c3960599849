//! The workspace's part of assignment: the carrying of announcements to the machine and of what it tells to
//! conversations, and the timer for its alarms.
//!
//! Owns when the timer comes. Must not know who is assigned to what, or why.

use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Timestamp};

use super::{Wanted, WorkspaceMsg, WorkspaceState};
use crate::actors::conversation::ConversationMsg;
use crate::actors::errand::Way;
use crate::actors::session::{Refusal, SetAside};
use crate::clock;
use crate::domain::conversation::OwnAction;
use crate::journal::OpenConsultation;
use crate::machines::desk::{Desk, Found, Now, Told};

impl WorkspaceState {
    /// What goes on when the workspace begins, as it is on disk.
    pub(super) async fn learn_what_goes_on(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
    ) -> Result<(), ActorProcessingErr> {
        let workspace = self.ledger.durable().id;
        let open = self.conversation_ports.journal.open_consultations(workspace).await?;
        let turns = self.conversation_ports.journal.turns(workspace).await?;
        let found = open.into_iter().map(|OpenConsultation { conversation, customer, revision, served }| {
            Found { conversation, profile: customer.profile, revision, served }
        });
        self.at_desk(myself, |desk, now| desk.begin(found, turns, now)).await
    }

    /// Something has happened: the desk says what is to be told.
    pub(super) async fn at_desk(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        happens: impl FnOnce(&mut Desk, &mut Now<'_>) -> Vec<Told>,
    ) -> Result<(), ActorProcessingErr> {
        let workspace = Arc::clone(self.ledger.durable());
        let told = {
            let mut now = Now { at: clock::now(), workspace: &workspace, seeds: &mut clock::seed };
            happens(&mut self.desk, &mut now)
        };
        for (conversation, action) in told {
            self.tell(myself, conversation, action).await?;
        }
        for member in self.desk.take_changed() {
            self.show_status(myself, member);
        }
        self.count_for_desks(myself);
        let residence = &self.residence;
        let is_awake = |conversation| residence.home(conversation).is_some();
        for (conversation, line) in self.desk.take_lines(clock::now(), is_awake) {
            if let Some(way) = self.residence.home(conversation) {
                let _ = way.0.cast(ConversationMsg::Line(line));
            }
        }
        self.set_alarm(myself);
        Ok(())
    }

    /// The time has come to look at something.
    pub(super) async fn look(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        at: Timestamp,
    ) -> Result<(), ActorProcessingErr> {
        if self.alarm_at != Some(at) {
            // Another one was set meanwhile.
            return Ok(());
        }
        self.alarm_at = None;
        self.at_desk(myself, Desk::look).await
    }

    /// A conversation has failed. It begins again at once: what was on its way to it is lost, and it has to say
    /// what is so, which may be a call that nobody knows of.
    pub(super) async fn failed(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
    ) -> Result<(), ActorProcessingErr> {
        if self.residence.is_quarantined(conversation) {
            self.at_desk(myself, |desk, now| desk.set_aside(conversation, now)).await
        } else {
            self.at_desk(myself, |desk, _| desk.failed(conversation).into_iter().collect()).await
        }
    }

    /// A conversation that was set aside is tried again, if whoever wants that may.
    pub(super) async fn release(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        by: MemberId,
        conversation: ConversationId,
    ) -> Result<Result<SetAside, Refusal>, ActorProcessingErr> {
        if let Err(forbidden) = self.ledger.durable().may_release(by) {
            return Ok(Err(forbidden.into()));
        }
        let released = self.residence.release(conversation);
        tracing::info!(%conversation, member = %by, released, "a conversation is to be tried again");
        if !released {
            return Ok(Err(Refusal::NotQuarantined(conversation)));
        }
        // One that has found that it cannot be read would go on refusing.
        if let Some(way) = self.residence.dismiss(conversation) {
            let _ = way.0.cast(ConversationMsg::Sleep);
        }
        self.at_desk(myself, |desk, _| vec![desk.released(conversation)]).await?;
        Ok(Ok(SetAside::Released(conversation)))
    }

    /// Members want to be left alone, or do not any more.
    pub(super) async fn intend(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        members: &[MemberId],
    ) -> Result<(), ActorProcessingErr> {
        members.iter().for_each(|member| self.show_status(myself, *member));
        self.at_desk(myself, Desk::intents_changed).await?;
        self.tell_present();
        Ok(())
    }

    /// Tells conversations who is there.
    pub(super) fn tell_present(&self) {
        self.tell_present.send_replace(Arc::new(self.desk.present()));
    }

    async fn tell(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
        action: OwnAction,
    ) -> Result<(), ActorProcessingErr> {
        self.locate(myself, conversation, None, Wanted::Told(action)).await
    }

    /// One timer at a time, for what comes first.
    fn set_alarm(&mut self, myself: &ActorRef<WorkspaceMsg>) {
        let Some(at) = self.desk.next_look() else { return };
        if self.alarm_at.is_some_and(|set| set <= at) {
            return;
        }
        self.alarm_at = Some(at);
        myself.send_after(clock::wait_for(at), move || WorkspaceMsg::Look(at));
    }
}

impl Wanted {
    /// Whether the desk tells it again after a failure. It must not be told twice.
    pub(super) const fn is_told_again(&self) -> bool {
        matches!(self, Self::Told(OwnAction::Decided { .. }))
    }

    /// There is the way.
    pub(super) fn found(self, way: Way) {
        match self {
            Self::Way(reply) => reply.found(way),
            // If it has ended, its next incarnation says what is so.
            Self::Told(action) => drop(way.0.cast(ConversationMsg::Own(action))),
        }
    }

    /// It is set aside.
    pub(super) fn quarantined(self, reason: String) {
        match self {
            Self::Way(reply) => reply.quarantined(reason),
            Self::Told(_) => {}
        }
    }
}
