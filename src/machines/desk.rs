//! The desk of a workspace: when it is looked again who serves what, and what is told to which conversation.
//!
//! Owns the alarms beside [`Dispatch`], and what follows when a conversation sleeps, fails or is set aside, and
//! when a member goes. Must not know actors or clocks: whoever calls says what time it is, and carries what is
//! told.

use std::collections::BTreeSet;
use std::mem;

use switchboard_protocol::vocabulary::{ConversationId, MemberId, ProfileId, Timestamp};

use super::alarms::Alarms;
use super::dispatch::{Announcement, Dispatch, Open, Order};
use super::lines::Lines;
use super::planted::{Bug, is_planted};
use crate::domain::assignment::{Accuracy, Agent, Line, Standing};
use crate::domain::consultation::Stage;
use crate::domain::conversation::{OwnAction, Present, Served, Service};
use crate::domain::workspace::{InProgress, Workspace};

/// What is told to a conversation.
pub type Told = (ConversationId, OwnAction);

/// A consultation that goes on, as it is on disk.
#[derive(Debug, Clone)]
pub struct Found {
    /// In which conversation.
    pub conversation: ConversationId,
    /// At which profile.
    pub profile: ProfileId,
    /// At which revision of the conversation.
    pub revision: u64,
    /// Who serves it.
    pub served: Served,
}

/// When something may have to end by itself in a conversation, by a revision of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which revision; none that exists if nothing is known.
    pub settings: u64,
    /// When, if ever.
    pub at: Option<Timestamp>,
}

/// How waiting goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// How many wait for whom nobody is found.
    pub waiting: u32,
    /// How far off the estimates were, since the workspace began.
    pub accuracy: Accuracy,
}

/// What a look rests on besides what is known.
pub struct Now<'a> {
    /// The time.
    pub at: Timestamp,
    /// The settings that are durable.
    pub workspace: &'a Workspace,
    /// Where chance comes from.
    pub seeds: &'a mut dyn FnMut() -> u64,
}

/// What is looked at when its time comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// Decisions that were not taken.
    Again,
    /// What customers who wait are told of their place.
    Lines,
    /// Those who wait for another reason than is recorded.
    Reasons,
    /// The next moment at which a profile may open or close.
    Boundary,
    /// A member who has gone: what is theirs waits again if they have not come back.
    Grace(MemberId),
    /// A conversation that sleeps and in which something may have to end by itself.
    Conversation(ConversationId),
}

/// Assignment with its alarms.
#[derive(Debug, Clone)]
pub struct Desk {
    dispatch: Dispatch,
    alarms: Alarms<Alarm>,
    lines: Lines,
    /// Whether customers are to be told of their place.
    lines_due: bool,
    /// After how long they were told last, in milliseconds.
    lines_gap_ms: i64,
    /// Conversations that have failed and have not said since what is so.
    unheard: BTreeSet<ConversationId>,
    /// Those whose decision has not reached them: they could not be opened.
    untold: BTreeSet<ConversationId>,
    /// Those that are set aside: what they had said before means nothing.
    aside: BTreeSet<ConversationId>,
    /// Nothing ends by itself before this.
    grace_until: Timestamp,
    /// The revision of the settings that conversations are told.
    settings: u64,
}

impl Desk {
    /// A desk that knows nothing yet.
    #[must_use]
    pub fn new(grace_until: Timestamp) -> Self {
        let (dispatch, alarms) = (Dispatch::default(), Alarms::default());
        Self {
            dispatch,
            alarms,
            lines: Lines::default(),
            lines_due: false,
            lines_gap_ms: LINES_AFTER_MS,
            unheard: BTreeSet::new(),
            untold: BTreeSet::new(),
            aside: BTreeSet::new(),
            grace_until,
            settings: 0,
        }
    }

    /// What is known and decided.
    #[must_use]
    pub const fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// When it is to be looked again.
    #[must_use]
    pub fn next_look(&self) -> Option<Timestamp> {
        self.alarms.next()
    }

    /// Whether something is to be tried again that has come to nothing: a decision that was not taken, or a
    /// conversation that failed and has not said what is so.
    #[must_use]
    pub fn tries_again(&self) -> bool {
        self.alarms.is_set(&Alarm::Again) || !self.unheard.is_empty()
    }

    /// Whether some of those who wait have yet to be told why.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.alarms.is_set(&Alarm::Reasons)
    }

    /// The workspace begins with what is on disk: what goes on, and whose turn it was, the last at the end. Nobody
    /// is there yet.
    pub fn begin(
        &mut self,
        found: impl IntoIterator<Item = Found>,
        turns: impl IntoIterator<Item = MemberId>,
        now: &mut Now<'_>,
    ) -> Vec<Told> {
        self.settings = now.workspace.revision;
        let members = &now.workspace.members;
        self.dispatch.had_turns(turns.into_iter().filter(|member| members.contains_key(member)));
        for member in now.workspace.members.keys() {
            let none = self.dispatch.stands(*member, Standing::Offline, now.seeds);
            debug_assert!(none.is_empty(), "nothing is decided before anything is known");
        }
        let mut orders = Vec::new();
        for Found { conversation, profile, revision, served } in found {
            let at = served.consultation.as_ref().and_then(|consultation| {
                let since = match consultation.stage {
                    Stage::InProgress(_) => consultation.served_at.unwrap_or(consultation.called_at),
                    Stage::Waiting | Stage::Assigned(_) => consultation.waits_since,
                };
                self.earliest_end(&now.workspace.service(profile), consultation.stage, since)
            });
            self.alarms.set(Alarm::Conversation(conversation), at);
            let announcement = Announcement::about(conversation, revision, Some(profile), &served);
            orders.extend(self.announced(announcement, now));
        }
        orders.extend(self.rules_changed(now));
        orders
    }

    /// The settings are others from now on, for conversations too, which are told.
    pub fn settings_changed(&mut self, before: &Workspace, now: &mut Now<'_>) -> Vec<Told> {
        self.settings = now.workspace.revision;
        if now.workspace.ends_otherwise(before) {
            self.deadlines_changed(now.workspace);
        }
        if now.workspace.settings.team.service.absence != before.settings.team.service.absence {
            self.absence_changed(now);
        }
        self.rules_changed(now)
    }

    /// What becomes of the work of those who are gone is otherwise from now on: their time of grace begins anew, also
    /// of those whose work has stayed theirs after it.
    fn absence_changed(&mut self, now: &Now<'_>) {
        let agents = self.dispatch.roster().agents();
        let is_awaited = |agent: &Agent| agent.standing == Standing::Offline && agent.load > 0;
        let gone = agents.filter(|(_, agent)| is_awaited(agent)).map(|(member, _)| member);
        let until = after(now.at, grace_ms(now.workspace)).max(self.grace_until);
        for member in gone.collect::<Vec<_>>() {
            self.alarms.set(Alarm::Grace(member), Some(until));
        }
    }

    /// What ends by itself, and when, may be other from now on: every conversation looks, those too that sleep.
    fn deadlines_changed(&mut self, workspace: &Workspace) {
        let open = self.dispatch.open().map(|(conversation, Open { request, stage, .. })| {
            let service = workspace.service(request.profile);
            (conversation, self.earliest_end(&service, *stage, request.called_at))
        });
        let ends: Vec<_> = open.collect();
        ends.into_iter()
            .for_each(|(conversation, at)| self.alarms.set(Alarm::Conversation(conversation), at));
    }

    /// Never later than something ends by itself: the conversation looks when exactly that is.
    fn earliest_end(&self, service: &Service, stage: Stage, since: Timestamp) -> Option<Timestamp> {
        let end = match stage {
            Stage::InProgress(_) => service.silent_at(since),
            Stage::Waiting | Stage::Assigned(_) => service.unserved_at(since),
        };
        end.map(|at| at.max(self.grace_until))
    }

    /// The rules or the operating hours in force are others from now on.
    pub fn rules_changed(&mut self, now: &mut Now<'_>) -> Vec<Told> {
        let (members, mut orders) = (&now.workspace.members, Vec::new());
        let known: Vec<_> = self.dispatch.roster().agents().map(|(member, _)| member).collect();
        for member in known.into_iter().filter(|member| !members.contains_key(member)) {
            orders.extend(self.dispatch.removed(member));
            self.alarms.set(Alarm::Grace(member), None);
        }
        // Nothing is given any more to whoever has said meanwhile that they are away.
        self.dispatch.note_standings(self.standings(now.workspace));
        for member in members.keys() {
            if self.dispatch.roster().get(*member).is_none() {
                self.dispatch.joined(*member);
            }
        }
        // Only now: nothing is decided any more by the rules, or among the members, that were.
        orders.extend(self.dispatch.set_rules(now.workspace.rule_book(now.at), now.seeds));
        self.alarms.set(Alarm::Boundary, now.workspace.next_boundary(now.at));
        orders.extend(self.explain(now));
        told(orders)
    }

    /// A boundary that has passed holds before anything is decided, however late its alarm is.
    fn pass_boundary(&mut self, now: &mut Now<'_>) -> Vec<Told> {
        let has_passed = self.alarms.get(&Alarm::Boundary).is_some_and(|at| at <= now.at);
        if !has_passed || is_planted(Bug::OpeningOverlooked) {
            return Vec::new();
        }
        self.rules_changed(now)
    }

    /// Those who wait for another reason than they did are told it: a few at a time, since it wakes and writes.
    fn explain(&mut self, now: &mut Now<'_>) -> Vec<Order> {
        if is_planted(Bug::ReasonsForgotten) {
            return Vec::new();
        }
        let (orders, more) = self.dispatch.explain(REASONS_AT_ONCE, now.seeds);
        self.alarms.set(Alarm::Reasons, more.then(|| after(now.at, REASONS_AFTER_MS)));
        orders
    }

    /// What is recorded of why somebody waits may not be so: that is looked at after a while.
    fn explain_soon(&mut self, now: &Now<'_>) {
        if !self.alarms.is_set(&Alarm::Reasons) {
            self.alarms.set(Alarm::Reasons, Some(after(now.at, REASONS_AFTER_MS)));
        }
    }

    /// A conversation says what is durable of its consultation.
    pub fn announced(&mut self, announcement: Announcement, now: &mut Now<'_>) -> Vec<Told> {
        let conversation = announcement.conversation;
        if self.aside.contains(&conversation) {
            return Vec::new();
        }
        if self.unheard.remove(&conversation) {
            // What was to be recorded of why it waits may be lost.
            self.explain_soon(now);
        }
        self.said(announcement, now)
    }

    /// What a conversation had said before it failed arrives after that. It was so, but perhaps not the last of it.
    pub fn announced_late(&mut self, announcement: Announcement, now: &mut Now<'_>) -> Vec<Told> {
        if self.aside.contains(&announcement.conversation) {
            return Vec::new();
        }
        self.said(announcement, now)
    }

    fn said(&mut self, announcement: Announcement, now: &mut Now<'_>) -> Vec<Told> {
        let conversation = announcement.conversation;
        let mut all = self.pass_boundary(now);
        let before = self.dispatch.why(conversation);
        let mut orders = self.dispatch.announced(announcement, now.seeds);
        let recorded = self.dispatch.why(conversation);
        if before.is_some() && recorded.is_some() && before != recorded {
            // What was told later is on its way to be recorded, and the rules may have changed since it was told.
            self.explain_soon(now);
        }
        if let Some(open) = self.dispatch.get(conversation) {
            self.lines.is_found(conversation, open.stage.assignee().is_some());
        }
        if self.untold.remove(&conversation) {
            // Somebody else has woken it meanwhile.
            orders.extend(self.dispatch.decision(conversation));
        }
        self.await_assignee(conversation, now);
        all.extend(told(orders));
        all
    }

    /// Somebody answers for it who is not there, after a restart perhaps: they have their time of grace.
    fn await_assignee(&mut self, conversation: ConversationId, now: &Now<'_>) {
        let Some(member) = self.dispatch.get(conversation).and_then(|open| open.stage.assignee()) else {
            return;
        };
        let is_gone =
            self.dispatch.roster().get(member).is_some_and(|agent| agent.standing == Standing::Offline);
        if is_gone && !self.alarms.is_set(&Alarm::Grace(member)) {
            let grace = after(now.at, grace_ms(now.workspace)).max(self.grace_until);
            self.alarms.set(Alarm::Grace(member), Some(grace));
        }
    }

    /// A conversation did not take a decision.
    pub fn refused(&mut self, conversation: ConversationId, epoch: u64, now: &mut Now<'_>) -> Vec<Told> {
        let mut all = self.pass_boundary(now);
        all.extend(told(self.dispatch.refused(conversation, epoch, now.seeds)));
        self.try_again(now.at);
        all
    }

    /// What was not taken is told again after a while: what does not come through must not be put off by more of it.
    fn try_again(&mut self, now: Timestamp) {
        if self.dispatch.is_unsettled() && !self.alarms.is_set(&Alarm::Again) {
            self.alarms.set(Alarm::Again, Some(after(now, AGAIN_AFTER_MS)));
        }
    }

    /// Who is there.
    #[must_use]
    pub fn present(&self) -> Present {
        let mut present = Present::default();
        for (member, agent) in self.dispatch.roster().agents() {
            match agent.standing {
                Standing::Online => present.online.insert(member),
                Standing::Away => present.away.insert(member),
                Standing::Offline => false,
            };
        }
        present
    }

    /// A member has come or gone.
    pub fn stands(&mut self, member: MemberId, online: bool, now: &mut Now<'_>) -> Vec<Told> {
        if !now.workspace.members.contains_key(&member) {
            // Their sessions are on their way out.
            return Vec::new();
        }
        let standing = standing_of(member, online, now.workspace);
        self.dispatch.note_standings([(member, standing)]);
        let mut all = self.pass_boundary(now);
        let mut orders = self.dispatch.stands(member, standing, now.seeds);
        // Should something turn out to be theirs later, they have their time of grace from then on.
        let holds = self.dispatch.roster().get(member).is_some_and(|agent| agent.load > 0);
        let grace = (!online && holds).then(|| after(now.at, grace_ms(now.workspace)));
        self.alarms.set(Alarm::Grace(member), grace);
        if !online {
            orders.extend(self.dispatch.left(member, false));
        }
        all.extend(told(orders));
        all
    }

    /// Members want to be left alone, or do not any more. They keep what they have.
    pub fn intents_changed(&mut self, now: &mut Now<'_>) -> Vec<Told> {
        let standings = self.standings(now.workspace);
        self.dispatch.note_standings(standings.iter().copied());
        let mut all = self.pass_boundary(now);
        all.extend(told(self.dispatch.stand(standings, now.seeds)));
        all
    }

    /// How those stand who are there, as they have said last.
    fn standings(&self, workspace: &Workspace) -> Vec<(MemberId, Standing)> {
        let agents = self.dispatch.roster().agents();
        let there = agents.filter(|(_, agent)| agent.standing != Standing::Offline);
        there.map(|(member, _)| (member, standing_of(member, true, workspace))).collect()
    }

    /// Those who have more or less to do than when this was asked last.
    pub fn take_changed(&mut self) -> BTreeSet<MemberId> {
        self.dispatch.take_changed()
    }

    /// What customers are to be told of their place now: `None`, that they do not wait any more. Of what sleeps
    /// nobody follows anything.
    pub fn take_lines(
        &mut self,
        now: Timestamp,
        is_awake: impl Fn(ConversationId) -> bool,
    ) -> Vec<(ConversationId, Option<Line>)> {
        if !mem::take(&mut self.lines_due) {
            let may_change = !self.lines.is_empty() || self.dispatch.waiting() > 0;
            self.lines_gap_ms = LINES_AFTER_MS;
            let at = after(now, LINES_AFTER_MS);
            if may_change && self.alarms.get(&Alarm::Lines).is_none_or(|set| set > at) {
                self.alarms.set(Alarm::Lines, Some(at));
            }
            return Vec::new();
        }
        let told = self.lines.turn(&self.dispatch.queues(), now, is_awake);
        // While nothing happens only an estimate gets longer, and it is told so less and less often.
        if self.lines.estimates() {
            self.lines_gap_ms = self.lines_gap_ms.saturating_mul(2);
            self.alarms.set(Alarm::Lines, Some(after(now, self.lines_gap_ms)));
        }
        told
    }

    /// How many wait with the profiles that count, and how far off the estimates were that customers were told.
    #[must_use]
    pub fn waiting(&self, counts: impl Fn(ProfileId) -> bool) -> Waiting {
        let profiles = self.dispatch.tally().profiles().filter(|(profile, _)| counts(*profile));
        let waiting = profiles.fold(0, |sum: u32, (_, totals)| sum.saturating_add(totals.unassigned));
        Waiting { waiting, accuracy: self.lines.accuracy() }
    }

    /// The time has come to look at something.
    pub fn look(&mut self, now: &mut Now<'_>) -> Vec<Told> {
        let mut all = Vec::new();
        for alarm in self.alarms.due(now.at) {
            match alarm {
                Alarm::Again => {
                    all.extend(told(self.dispatch.again(now.seeds)));
                    self.try_again(now.at);
                }
                Alarm::Lines => self.lines_due = true,
                Alarm::Reasons => {
                    let orders = self.explain(now);
                    all.extend(told(orders));
                }
                Alarm::Boundary if is_planted(Bug::OpeningOverlooked) => {}
                Alarm::Boundary => all.extend(self.rules_changed(now)),
                Alarm::Grace(member) => {
                    let requeues = now.workspace.settings.team.service.absence.in_progress;
                    all.extend(told(self.dispatch.left(member, requeues == InProgress::Requeue)));
                }
                Alarm::Conversation(conversation) => {
                    let is_untold = self.untold.remove(&conversation);
                    all.push(self.wake(conversation, is_untold));
                }
            }
        }
        all
    }

    /// A conversation falls asleep: if something has to end by itself in it, it is woken then. What was worked out
    /// by other settings, or could not be, is worked out again soon.
    pub fn sleeps(&mut self, conversation: ConversationId, due: Due, now: &Now<'_>) {
        let may_go_on = self.dispatch.is_open(conversation) || self.unheard.contains(&conversation);
        let must_try_again = may_go_on && due.settings != self.settings;
        let at = if must_try_again { Some(after(now.at, AGAIN_AFTER_MS)) } else { due.at };
        if must_try_again {
            self.unheard.insert(conversation);
            if self.dispatch.decision(conversation).is_some() {
                self.untold.insert(conversation);
            }
        }
        self.dispatch.sleeps(conversation);
        self.lines.forget(conversation);
        self.alarms.set(Alarm::Conversation(conversation), at);
    }

    /// A conversation is set aside: whoever was to serve it is free.
    pub fn set_aside(&mut self, conversation: ConversationId, now: &mut Now<'_>) -> Vec<Told> {
        self.alarms.set(Alarm::Conversation(conversation), None);
        self.unheard.remove(&conversation);
        self.untold.remove(&conversation);
        self.aside.insert(conversation);
        told(self.dispatch.set_aside(conversation, now.seeds))
    }

    /// A conversation is set aside no longer: it begins, and says what is so.
    #[must_use]
    pub fn released(&mut self, conversation: ConversationId) -> Told {
        self.aside.remove(&conversation);
        (conversation, OwnAction::Look)
    }

    /// A conversation has failed. It begins again at once and says what is so: what was on its way to it is
    /// lost, and what it had not said yet as well, a call perhaps. What was decided about it is told again.
    #[must_use]
    pub fn failed(&mut self, conversation: ConversationId) -> Option<Told> {
        if is_planted(Bug::UnsaidForgotten) && !self.dispatch.is_open(conversation) {
            return None;
        }
        self.unheard.insert(conversation);
        self.untold.remove(&conversation);
        self.lines.forget(conversation);
        Some(self.wake(conversation, !is_planted(Bug::ToldOnce)))
    }

    /// What wakes a conversation: the decision that has not reached it, or a look.
    fn wake(&self, conversation: ConversationId, is_untold: bool) -> Told {
        let decision = self.dispatch.decision(conversation).filter(|_| is_untold);
        decision.map_or((conversation, OwnAction::Look), told_one)
    }
}

fn told(orders: Vec<Order>) -> Vec<Told> {
    orders.into_iter().map(told_one).collect()
}

fn told_one(order: Order) -> Told {
    match order {
        Order::Decided { conversation, epoch, explanation } => {
            (conversation, OwnAction::Decided { epoch, explanation })
        }
        Order::Requeue { conversation, consultation, epoch, why } => {
            (conversation, OwnAction::Requeue { consultation, epoch, why })
        }
    }
}

/// Whether somebody is there and whether they want to be left alone are two facts.
fn standing_of(member: MemberId, online: bool, workspace: &Workspace) -> Standing {
    let is_away = workspace.away.contains(&member) && !is_planted(Bug::AwayOverlooked);
    match (online, is_away) {
        (false, _) => Standing::Offline,
        (true, true) => Standing::Away,
        (true, false) => Standing::Online,
    }
}

fn grace_ms(workspace: &Workspace) -> i64 {
    i64::from(workspace.settings.team.service.absence.grace_seconds) * 1_000
}

const fn after(now: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}

/// How often customers are told of their place, at the most; each time after which nothing has happened, half as often.
const LINES_AFTER_MS: i64 = 2_000;

/// To so many at the most is told at once that they wait for another reason.
const REASONS_AT_ONCE: usize = 100;

/// How soon it is told to the next ones, in milliseconds.
const REASONS_AFTER_MS: i64 = 1_000;

/// How soon what was not taken is decided again, in milliseconds.
const AGAIN_AFTER_MS: i64 = 1_000;

#[cfg(test)]
mod tests;
