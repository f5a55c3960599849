//! The workspace's part of assignment: the carrying of announcements to the desk and of what it tells.
//!
//! Owns what is checked of a decision when it is made, and of the queue when nothing is on its way. Must not
//! know how a decision is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard::domain::assignment::{
    Explanation, Outcome, Pool, ProfileAssignment, Request, Roster, Standing, choose,
};
use switchboard::domain::consultation::Stage;
use switchboard::domain::conversation::{Entry, OwnAction, What};
use switchboard::domain::hours::Override;
use switchboard::domain::identity::Identity;
use switchboard::domain::workspace::InProgress;
use switchboard::machines::desk::{Desk, Found, Now, Told};
use switchboard_protocol::vocabulary::{CategoryPath, ConversationId, MemberId, ProfileId, Timestamp};

use crate::check::Promise;
use crate::conversation::name;
use crate::mail::{ForGood, Run, SessionMsg};
use crate::service::Call;
use crate::settings::{AUTO_CLOSE_MS, PROFILES};
use crate::tally::Count;
use crate::workspace::{Wanted, WorkspaceActor};
use crate::world::{CLOCK_JUMP_MS, World};

/// A decision as it was made.
#[derive(Clone, Copy)]
pub(crate) struct Made {
    /// Its place among all decisions.
    pub(crate) number: usize,
    run: Run,
    conversation: ConversationId,
    epoch: u64,
    is_taken: bool,
}

impl World {
    /// What goes on when the workspace begins, as it is on disk.
    pub(crate) fn learn_what_goes_on(&mut self, workspace: &mut WorkspaceActor) {
        let found: Vec<_> = self.disk.conversations().map(|id| self.disk.replay(id)).collect();
        let found = found.into_iter().filter(|state| state.served.consultation.is_some());
        let found: Vec<_> = found
            .filter_map(|state| {
                let profile = state.customer.as_ref()?.profile;
                Some(Found {
                    conversation: state.id,
                    profile,
                    revision: state.revision,
                    served: state.served,
                })
            })
            .collect();
        if !found.is_empty() {
            self.note(Count::BegunWithCalls);
        }
        self.latest_run = Some(workspace.run);
        self.told.replace(Arc::clone(workspace.settings()));
        let turns = self.disk.turns().to_vec();
        self.at_desk(workspace, |desk, now| desk.begin(found, turns, now));
    }

    /// Something has happened: the desk says what is to be told.
    pub(crate) fn at_desk(
        &mut self,
        workspace: &mut WorkspaceActor,
        happens: impl FnOnce(&mut Desk, &mut Now<'_>) -> Vec<Told>,
    ) {
        let at = self.wall_clock();
        let settings = Arc::clone(workspace.settings());
        let rng = &mut self.rng;
        let mut seeds = || rng.u64(..);
        let told = happens(&mut workspace.desk, &mut Now { at, workspace: &settings, seeds: &mut seeds });
        for (_, action) in &told {
            match action {
                OwnAction::Decided { explanation, .. }
                    if self.decisions.contains_key(&explanation.considered.seed) =>
                {
                    self.note(Count::DecisionToldAgain);
                }
                OwnAction::Decided { explanation, .. } => self.check_decision(workspace, explanation),
                OwnAction::Requeue { .. } | OwnAction::Reply { .. } | OwnAction::Look => {}
            }
        }
        for (conversation, action) in told {
            self.say(|| format!("     told {}: {}", name(conversation), brief(&action)));
            if let OwnAction::Decided { epoch, explanation } = &action {
                let number = self.decisions.len();
                self.note_while_slow(Count::DecidedWhileSlow);
                let made = Made { number, run: workspace.run, conversation, epoch: *epoch, is_taken: false };
                self.decisions.entry(explanation.considered.seed).or_insert(made);
            }
            if let OwnAction::Requeue { epoch, .. } = &action {
                self.requeues.insert((conversation, *epoch));
            }
            self.locate(workspace, conversation, None, Wanted::Told(action));
        }
    }

    /// Other settings are durable: they are in force from now on.
    pub(crate) fn settings_changed(&mut self, workspace: &mut WorkspaceActor) {
        let before = self.told.replace(Arc::clone(workspace.settings()));
        self.at_desk(workspace, |desk, now| desk.settings_changed(&before, now));
        let members = Arc::clone(workspace.settings());
        workspace.agents.retain(|member, _| members.members.contains_key(member));
        workspace.online.retain(|member| members.members.contains_key(member));
        self.show_out_strangers();
    }

    /// The sessions of those who are no members any more are closed.
    fn show_out_strangers(&self) {
        let members = &self.settings.members;
        for session in self.sessions.values() {
            match &*session.identity {
                Identity::Member { member, .. } if !members.contains_key(member) => {
                    self.mail.to_session(session.id, SessionMsg::Close(ForGood(false)));
                }
                Identity::Member { .. } | Identity::Customer { .. } => {}
            }
        }
    }

    /// The time has come to look at something.
    pub(crate) fn desk_looks(&mut self) {
        if let Some(mut workspace) = self.workspace.take() {
            self.note(Count::DeskLooked);
            self.note_while_slow(Count::TimerWhileSlow);
            let (before, given) = (self.open_doors(&workspace), self.decisions.len());
            self.at_desk(&mut workspace, Desk::look);
            let after = self.open_doors(&workspace);
            let opened = after.iter().filter(|(profile, is_open)| **is_open && !before[*profile]).count();
            let closed = after.iter().filter(|(profile, is_open)| !**is_open && before[*profile]).count();
            (0..opened).for_each(|_| self.note(Count::DoorsOpened));
            (0..closed).for_each(|_| self.note(Count::DoorsClosed));
            if opened > 0 && self.decisions.len() > given {
                self.note(Count::GivenAtOpening);
            }
            self.note_hands_that_are_over();
            self.workspace = Some(workspace);
        }
    }

    fn note_hands_that_are_over(&mut self) {
        let now = self.true_time();
        let by_hand = self.settings.settings.profiles.iter();
        let over = by_hand.filter_map(|(profile, own)| Some((*profile, own.manual?.until?)));
        let over: Vec<_> = over.filter(|(_, until)| *until <= now).collect();
        for over in over {
            if self.hands_over.insert(over) {
                self.note(Count::HandIsOver);
            }
        }
    }

    /// Which doors the desk has open.
    fn open_doors(&self, workspace: &WorkspaceActor) -> BTreeMap<ProfileId, bool> {
        let book = workspace.desk.dispatch().book();
        PROFILES.into_iter().map(|id| (id, book.of(id).is_some_and(|rules| rules.open))).collect()
    }

    /// The doors of a profile at a moment, by the settings that are durable: by hand, or by the timetable.
    pub(crate) fn is_open(&self, profile: ProfileId, at: Timestamp) -> bool {
        let by_hand = self.settings.settings_of(profile).manual;
        let in_force = by_hand.filter(|by_hand| by_hand.until.is_none_or(|until| at < until));
        match in_force.filter(|_| self.timetable.uses_hours(profile)) {
            Some(by_hand) => by_hand.to == Override::Open,
            None => self.timetable.is_open(profile, at),
        }
    }

    /// A call was recorded as one within or outside of the hours: so it was, unless somebody has opened or closed
    /// by hand, which conversations hear of at some time.
    pub(crate) fn check_doors(&mut self, entry: &Entry, in_hours: bool) {
        let Some(profile) = self.model.service.profile(entry.conversation) else { return };
        if self.were_opened_by_hand.contains(&profile) {
            return;
        }
        // The clock may have been read when it had jumped back.
        let earliest = Timestamp::from_millis(entry.at.as_millis() - CLOCK_JUMP_MS);
        let might_be = [earliest, entry.at].map(|at| self.timetable.is_open(profile, at));
        if !might_be.contains(&in_hours) {
            let what = format!("{}: called at {:?}, {in_hours}", name(entry.conversation), entry.at);
            self.broken(Promise::Hours, what);
        }
    }

    /// Whether it could look now.
    pub(crate) fn desk_is_due(&self) -> bool {
        let workspace = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        let next = workspace.and_then(|workspace| workspace.desk.next_look());
        next.is_some_and(|next| next <= self.true_time())
    }

    /// Somebody is chosen: they are there and may serve it, and nobody before in the same class is left waiting.
    fn check_decision(&mut self, workspace: &WorkspaceActor, explanation: &Explanation) {
        let Outcome::Assigned { member, .. } = explanation.outcome else { return };
        let considered = &explanation.considered;
        let settings = Arc::clone(workspace.settings());
        let is_there = workspace.online.contains(&member)
            && settings.members.contains_key(&member)
            && !settings.away.contains(&member);
        if !is_there {
            self.broken(Promise::Eligible, format!("{member} was chosen, who is not there or is away"));
        }
        let everybody = considered.candidates.iter().map(|candidate| candidate.member);
        if !everybody.eq(settings.members.keys().copied()) {
            self.broken(Promise::Explained, format!("{explanation:?} has not looked at everybody"));
        }
        let dispatch = workspace.desk.dispatch();
        let request = dispatch.open().find(|(_, open)| open.request.consultation == considered.consultation);
        let Some((_, open)) = request else { return };
        let given = &open.request;
        let own = settings.settings_of(given.profile);
        let maximum = own.assignment.load.unwrap_or(settings.settings.team.assignment.load).maximum;
        let chosen = considered.candidates.iter().find(|candidate| candidate.member == member);
        if considered.maximum != maximum || chosen.is_none_or(|chosen| chosen.agent.load >= maximum) {
            let what = format!("{member} was chosen as {chosen:?}; {maximum} is the most");
            return self.broken(Promise::Capacity, what);
        }
        if !own.assignment.automatic || !may_serve(&own.assignment, &given.category, member) {
            let what = format!("{member} was chosen for {given:?}; in force is {:?}", own.assignment);
            return self.broken(Promise::Eligible, what);
        }
        // A boundary that has passed is looked at in its turn.
        let now = self.true_time();
        let is_late = workspace.desk.next_look().is_some_and(|next| next <= now);
        if !self.is_open(given.profile, now) && self.settings == settings && !is_late {
            let what = format!("{given:?} was given at {now:?}, when it was closed");
            return self.broken(Promise::Hours, what);
        }
        let class =
            |request: &Request| (request.profile, request.category.clone(), request.former, request.in_hours);
        let place = |request: &Request| (request.called_at, request.consultation);
        let passed_by =
            dispatch.requests().find(|waits| class(waits) == class(given) && place(waits) < place(given));
        if let Some(passed_by) = passed_by {
            self.broken(Promise::Order, format!("{given:?} was given, and {passed_by:?} waits"));
        }
    }

    /// A decision has become durable: it is of the workspace that there is, and about what was so.
    pub(crate) fn check_taken(&mut self, conversation: ConversationId, explanation: &Explanation) {
        self.unexplained.remove(&conversation);
        let changes = self.model.service.changes(conversation);
        let made = self.decisions.get_mut(&explanation.considered.seed).filter(|made| !made.is_taken);
        let Some(made) = made else {
            return self
                .broken(Promise::Stale, format!("{}: taken twice, or never made", name(conversation)));
        };
        made.is_taken = true;
        let made = *made;
        if Some(made.run) != self.latest_run {
            self.broken(Promise::Stale, format!("{}: of a former term", name(conversation)));
        }
        if made.conversation != conversation || made.epoch != changes {
            let what = format!("{}: made at {}, taken at {changes}", name(conversation), made.epoch);
            self.broken(Promise::Stale, what);
        }
    }

    /// The number of the decision that an entry has.
    pub(crate) fn decision_in(&self, entry: &Entry) -> Option<usize> {
        entry.events.iter().find_map(|event| {
            let What::Explained(explanation) = &event.what else { return None };
            self.decisions.get(&explanation.considered.seed).map(|made| made.number)
        })
    }

    /// Somebody's work waits again: because it was told so, at this very epoch.
    pub(crate) fn check_requeued(&mut self, conversation: ConversationId) {
        let changes = self.model.service.changes(conversation);
        if !self.requeues.contains(&(conversation, changes)) {
            let what = format!("{}: waits again at {changes}, which nobody has said", name(conversation));
            self.broken(Promise::Timers, what);
        }
    }

    /// Nothing is on its way, and the journal writes: the desk knows what is so, and nobody waits beside
    /// somebody who may serve them.
    pub(crate) fn check_desk(&mut self) {
        let Some(workspace) = self.workspace.as_ref().filter(|workspace| workspace.is_open()) else { return };
        let is_quiet = self.mail.is_quiet(workspace.run)
            && self.writer.is_idle()
            && self.conversations.values().all(|actor| actor.is_at_rest() && !actor.is_orphan);
        if !is_quiet || workspace.desk.tries_again() || self.desk_is_due() {
            return;
        }
        let mut found = Vec::new();
        let dispatch = workspace.desk.dispatch();
        let now = self.true_time();
        let roster = self.true_roster(&workspace.online);
        for (conversation, call) in self.model.service.open() {
            if workspace.residence.is_quarantined(conversation) || self.set_aside.contains(&conversation) {
                continue;
            }
            let known = dispatch.get(conversation).map(|open| open.stage);
            if known != Some(stage_of(call)) {
                let what = format!("{}: known is {known:?}; it is {call:?}", name(conversation));
                found.push((Promise::Forgotten, what));
            }
            let rules = self.settings.rules(call.profile, now);
            let (None, Some(mut rules)) = (call.holder, rules) else { continue };
            rules.open = self.is_open(call.profile, now);
            let explanation = choose(&rules, &roster, &request_of(call), 0);
            if let Outcome::Assigned { member, .. } = explanation.outcome {
                let known = dispatch.roster().get(member);
                let what =
                    format!("{}: {call:?} waits beside {member}, known as {known:?}", name(conversation));
                found.push((Promise::Waiting, what));
            }
            let is_said = self.unexplained.contains(&conversation) || workspace.desk.explains();
            if let (Outcome::Waits(why), false) = (explanation.outcome, is_said)
                && call.why != Some(why)
            {
                let what = format!("{}: {call:?} waits for {why:?}", name(conversation));
                found.push((Promise::Explained, what));
            }
        }
        self.note(Count::DeskQuiet);
        for (promise, what) in found {
            self.broken(promise, what);
        }
    }

    /// Everything is over: nothing is somebody's who is not there, unless it is to stay theirs.
    pub(crate) fn check_nobody_waits_for_the_absent(&mut self) {
        let Some(workspace) = &self.workspace else { return };
        let keeps = self.settings.settings.team.service.absence.in_progress == InProgress::Keep;
        let forgotten = self.model.service.open().find(|(id, call)| {
            let is_away = call.holder.is_some_and(|holder| !workspace.online.contains(&holder));
            is_away && !(keeps && call.has_begun) && !self.set_aside.contains(id)
        });
        if let Some((id, call)) = forgotten {
            let what = format!("{}: {call:?} is theirs, who is gone", name(id));
            self.broken(Promise::Forgotten, what);
        }
    }

    /// Everything is over: nothing goes on that should have ended by itself. What cannot be opened does not.
    pub(crate) fn check_nothing_is_overdue(&mut self) {
        let auto_close = self.settings.settings.team.service.auto_close;
        let (now, mut found) = (self.true_time(), None);
        for (id, call) in self.model.service.open().filter(|(id, _)| !self.set_aside.contains(id)) {
            let closed = self.settings.settings_of(call.profile).manual;
            let since = match closed {
                Some(closed) if closed.to == Override::Closed => {
                    closed.until.unwrap_or(now).max(call.waits_since)
                }
                Some(_) | None => call.waits_since,
            };
            let waited = self.timetable.open_for(call.profile, (since, now), 2 * AUTO_CLOSE_MS);
            let is_silent = |since: Timestamp| now.as_millis() - since.as_millis() >= 2 * AUTO_CLOSE_MS;
            let is_overdue = match call.has_begun {
                true => auto_close.silent_minutes.is_some() && call.silent_since.is_some_and(is_silent),
                false => auto_close.unserved_minutes.is_some() && waited >= 2 * AUTO_CLOSE_MS,
            };
            if is_overdue {
                found = Some(format!("{}: {call:?} goes on at {now:?}", name(id)));
            }
        }
        found.into_iter().for_each(|what| self.broken(Promise::Forgotten, what));
    }

    fn true_roster(&self, online: &std::collections::BTreeSet<MemberId>) -> Roster {
        let mut roster = Roster::default();
        for member in self.settings.members.keys() {
            let agent = roster.member(*member);
            agent.standing = match (online.contains(member), self.settings.away.contains(member)) {
                (false, _) => Standing::Offline,
                (true, true) => Standing::Away,
                (true, false) => Standing::Online,
            };
            agent.load = u32::try_from(self.model.service.held(*member)).unwrap_or(u32::MAX);
        }
        roster
    }
}

/// Whether the settings let a member serve requests about something, read from them by themselves.
fn may_serve(assignment: &ProfileAssignment, category: &CategoryPath, member: MemberId) -> bool {
    let specialists = assignment.specialists.iter();
    let matching = specialists.filter(|(path, _)| category.levels().starts_with(path.levels()));
    let deepest = matching.max_by_key(|(path, _)| path.levels().len());
    let is_general = match &assignment.general {
        Pool::All => true,
        Pool::List(members) => members.contains(&member),
    };
    match deepest {
        Some((_, members)) => members.contains(&member) || (!assignment.no_one_else && is_general),
        None => is_general,
    }
}

const fn stage_of(call: &Call) -> Stage {
    match call.holder {
        None => Stage::Waiting,
        Some(member) if call.has_begun => Stage::InProgress(member),
        Some(member) => Stage::Assigned(member),
    }
}

fn request_of(call: &Call) -> Request {
    Request {
        consultation: call.id,
        profile: call.profile,
        category: call.category.clone(),
        former: call.former,
        called_at: call.called_at,
        in_hours: call.in_hours,
    }
}

fn brief(action: &OwnAction) -> String {
    match action {
        OwnAction::Decided { epoch, explanation } => {
            format!("at {epoch}, {:?}", Arc::as_ref(explanation).outcome)
        }
        OwnAction::Requeue { .. } | OwnAction::Reply { .. } | OwnAction::Look => format!("{action:?}"),
    }
}
