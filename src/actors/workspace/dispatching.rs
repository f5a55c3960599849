//! The workspace's part of assignment: the carrying of announcements to the machine and of its orders to
//! conversations, and the alarms that belong to it.
//!
//! Owns when it is looked again. Must not know who is assigned to what, or why.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Timestamp};

use super::{Wanted, WorkspaceMsg, WorkspaceState};
use crate::actors::conversation::ConversationMsg;
use crate::actors::errand::Way;
use crate::clock;
use crate::domain::assignment::Standing;
use crate::domain::conversation::{OwnAction, Service};
use crate::domain::workspace::InProgress;
use crate::journal::{OpenConsultation, ReadError};
use crate::machines::dispatch::{Announcement, Open, Order};

/// What is looked at when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// Decisions that were not taken.
    Again,
    /// What customers who wait are told of their place.
    Lines,
    /// The next moment at which a profile may open or close.
    Boundary,
    /// A member who has gone: what is in progress waits again if they have not come back.
    Grace(MemberId),
    /// A conversation that sleeps and in which something may have to end by itself.
    Conversation(ConversationId),
}

impl WorkspaceState {
    /// What goes on when the workspace begins, as it is on disk.
    pub(super) async fn learn_what_goes_on(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
    ) -> Result<(), ActorProcessingErr> {
        let workspace = Arc::clone(self.ledger.durable());
        for member in workspace.members.keys() {
            // Nobody is there yet, and nothing is known that could be given.
            let none = self.dispatch.stands(*member, Standing::Offline, &mut clock::seed);
            debug_assert!(none.is_empty(), "nothing is decided before anything is known");
        }
        let open: Result<Vec<OpenConsultation>, ReadError> =
            self.conversation_ports.journal.open_consultations(workspace.id).await;
        for OpenConsultation { conversation, customer, revision, served } in open? {
            let open = Open::of(customer.profile, &served);
            let announcement = Announcement { conversation, revision, is_first: true, open };
            let at = served.consultation.as_ref().map(|consultation| {
                // Never later than what ends by itself: the conversation looks when exactly that is.
                let since = consultation.served_at.unwrap_or(consultation.called_at);
                self.earliest_end(&workspace.service(customer.profile), since)
            });
            self.alarms.set(Alarm::Conversation(conversation), at.flatten());
            self.announced(myself, announcement).await?;
        }
        self.rules_changed(myself).await
    }

    fn earliest_end(&self, service: &Service, since: Timestamp) -> Option<Timestamp> {
        let after = [service.silent_ms, service.unserved_ms].into_iter().flatten().min()?;
        let at = Timestamp::from_millis(since.as_millis().saturating_add(after));
        Some(at.max(self.conversation_ports.grace_until))
    }

    /// What ends by itself, and when, may be other from now on: every conversation looks, those too that sleep.
    pub(super) fn deadlines_changed(&mut self) {
        let workspace = Arc::clone(self.ledger.durable());
        let open: Vec<_> = self.dispatch.open().map(|(id, open)| (id, open.request.clone())).collect();
        for (conversation, request) in open {
            let at = self.earliest_end(&workspace.service(request.profile), request.called_at);
            self.alarms.set(Alarm::Conversation(conversation), at);
        }
    }

    /// The settings or the operating hours in force are others from now on.
    pub(super) async fn rules_changed(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
    ) -> Result<(), ActorProcessingErr> {
        let (now, workspace) = (clock::now(), Arc::clone(self.ledger.durable()));
        let mut orders = Vec::new();
        let known: Vec<_> = self.dispatch.roster().agents().map(|(member, _)| member).collect();
        for member in known.into_iter().filter(|member| !workspace.members.contains_key(member)) {
            orders.extend(self.dispatch.removed(member));
        }
        for member in workspace.members.keys() {
            if self.dispatch.roster().get(*member).is_none() {
                orders.extend(self.dispatch.stands(*member, Standing::Offline, &mut clock::seed));
            }
        }
        orders.extend(self.dispatch.set_rules(workspace.rule_book(now), &mut clock::seed));
        self.alarms.set(Alarm::Boundary, workspace.next_boundary(now));
        self.carry_out(myself, orders).await
    }

    /// A conversation says what is durable of its consultation.
    pub(super) async fn announced(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        announcement: Announcement,
    ) -> Result<(), ActorProcessingErr> {
        if announcement.is_first {
            self.lines.forget(announcement.conversation);
        }
        let orders = self.dispatch.announced(announcement, &mut clock::seed);
        self.carry_out(myself, orders).await
    }

    /// A conversation did not take a decision.
    pub(super) async fn decision_refused(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
        epoch: u64,
    ) -> Result<(), ActorProcessingErr> {
        let orders = self.dispatch.refused(conversation, epoch, &mut clock::seed);
        self.alarms.set(Alarm::Again, Some(clock::after(AGAIN_AFTER)));
        self.carry_out(myself, orders).await
    }

    /// A member has come or gone.
    pub(super) async fn stands(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        member: MemberId,
        online: bool,
    ) -> Result<(), ActorProcessingErr> {
        let absence = self.ledger.durable().settings.team.service.absence;
        let grace = Duration::from_secs(absence.grace_seconds.into());
        let keeps = online || absence.in_progress == InProgress::Keep;
        let standing = self.standing_of(member, online);
        let mut orders = self.dispatch.stands(member, standing, &mut clock::seed);
        if !online {
            orders.extend(self.dispatch.left(member, false));
        }
        self.alarms.set(Alarm::Grace(member), (!keeps).then(|| clock::after(grace)));
        self.carry_out(myself, orders).await
    }

    /// A member wants to be left alone, or does not any more. They keep what they have.
    pub(super) async fn intends(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        member: MemberId,
    ) -> Result<(), ActorProcessingErr> {
        self.show_status(myself, member);
        if !self.ledger.durable().members.contains_key(&member) {
            return Ok(());
        }
        let online = self.agents.get(&member).is_some_and(|agent| agent.online);
        let standing = self.standing_of(member, online);
        let orders = self.dispatch.stands(member, standing, &mut clock::seed);
        self.carry_out(myself, orders).await
    }

    /// Whether they are there and whether they want to be left alone are two facts.
    fn standing_of(&self, member: MemberId, online: bool) -> Standing {
        match (online, self.ledger.durable().away.contains(&member)) {
            (false, _) => Standing::Offline,
            (true, true) => Standing::Away,
            (true, false) => Standing::Online,
        }
    }

    /// The time has come to look at something.
    pub(super) async fn look(&mut self, myself: &ActorRef<WorkspaceMsg>) -> Result<(), ActorProcessingErr> {
        self.alarm_at = None;
        for alarm in self.alarms.due(clock::now()) {
            let orders = match alarm {
                Alarm::Again => self.dispatch.again(&mut clock::seed),
                Alarm::Lines => {
                    self.tell_lines();
                    Vec::new()
                }
                Alarm::Boundary => {
                    self.rules_changed(myself).await?;
                    Vec::new()
                }
                // Told again until it is so: what could not be written now is not done.
                Alarm::Grace(member) => {
                    let orders = self.dispatch.left(member, true);
                    self.alarms.set(alarm, (!orders.is_empty()).then(|| clock::after(AGAIN_AFTER)));
                    orders
                }
                Alarm::Conversation(conversation) => {
                    self.tell(myself, conversation, OwnAction::Look).await?;
                    Vec::new()
                }
            };
            self.carry_out(myself, orders).await?;
        }
        self.set_alarm(myself);
        Ok(())
    }

    /// A conversation falls asleep: if something has to end by itself in it, it is woken then.
    pub(super) fn sleeps(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
        deadline: Option<Timestamp>,
    ) {
        self.dispatch.sleeps(conversation);
        self.alarms.set(Alarm::Conversation(conversation), deadline);
        self.set_alarm(myself);
    }

    /// A conversation is set aside: whoever was to serve it is free.
    pub(super) async fn set_aside(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
    ) -> Result<(), ActorProcessingErr> {
        let orders = self.dispatch.set_aside(conversation, &mut clock::seed);
        self.carry_out(myself, orders).await
    }

    /// A conversation has failed. If somebody is to serve it, it begins again at once: what was on its way to
    /// it is lost, and it has to say what is so.
    pub(super) async fn failed(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        conversation: ConversationId,
    ) -> Result<(), ActorProcessingErr> {
        if self.residence.is_quarantined(conversation) {
            self.set_aside(myself, conversation).await
        } else if self.dispatch.is_open(conversation) {
            self.tell(myself, conversation, OwnAction::Look).await
        } else {
            Ok(())
        }
    }

    async fn carry_out(
        &mut self,
        myself: &ActorRef<WorkspaceMsg>,
        orders: Vec<Order>,
    ) -> Result<(), ActorProcessingErr> {
        for order in orders {
            let (conversation, action) = match order {
                Order::Decided { conversation, epoch, explanation } => {
                    (conversation, OwnAction::Decided { epoch, explanation })
                }
                Order::Requeue { conversation, consultation, epoch, why } => {
                    (conversation, OwnAction::Requeue { consultation, epoch, why })
                }
            };
            self.tell(myself, conversation, action).await?;
        }
        for member in self.dispatch.take_changed() {
            self.show_status(myself, member);
        }
        let may_change = !self.lines.is_empty() || self.dispatch.waiting() > 0;
        if may_change && !self.alarms.is_set(&Alarm::Lines) {
            self.alarms.set(Alarm::Lines, Some(clock::after(LINES_AFTER)));
        }
        self.set_alarm(myself);
        Ok(())
    }

    /// Tells customers who wait what has changed of their place. One whose conversation sleeps follows nothing.
    fn tell_lines(&mut self) {
        for (conversation, line) in self.lines.turn(&self.dispatch.queues(), clock::now()) {
            if let Some(way) = self.residence.home(conversation) {
                let _ = way.0.cast(ConversationMsg::Line(line));
            }
        }
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
        let Some(at) = self.alarms.next() else { return };
        if self.alarm_at.is_some_and(|set| set <= at) {
            return;
        }
        self.alarm_at = Some(at);
        let left = at.as_millis().saturating_sub(clock::now().as_millis()).max(1);
        myself.send_after(Duration::from_millis(left.unsigned_abs()), || WorkspaceMsg::Look);
    }
}

impl Wanted {
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

/// How often customers are told of their place, at the most.
const LINES_AFTER: Duration = Duration::from_secs(2);

/// How soon what was not taken is decided again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
