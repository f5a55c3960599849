//! The workspace's part of assignment: the carrying of announcements to the desk and of what it tells.
//!
//! Owns what is checked of a decision when it is made, and of the queue when nothing is on its way. Must not
//! know how a decision is made.

use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::assignment::{Explanation, Outcome, Request, Roster, Standing, choose};
use switchboard::domain::consultation::Stage;
use switchboard::domain::conversation::OwnAction;
use switchboard::domain::workspace::InProgress;
use switchboard::machines::desk::{Desk, Found, Now, Told};
use switchboard_protocol::vocabulary::{ConversationId, MemberId};

use crate::check::Promise;
use crate::conversation::name;
use crate::mail::Run;
use crate::service::Call;
use crate::settings::PROFILE;
use crate::tally::Count;
use crate::workspace::{Wanted, WorkspaceActor};
use crate::world::World;

/// A decision as it was made.
#[derive(Clone, Copy)]
pub(crate) struct Made {
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
        workspace.settings = Rc::clone(&self.settings);
        self.told.replace(Rc::clone(&workspace.settings));
        self.at_desk(workspace, |desk, now| desk.begin(found, now));
    }

    /// Something has happened: the desk says what is to be told.
    pub(crate) fn at_desk(
        &mut self,
        workspace: &mut WorkspaceActor,
        happens: impl FnOnce(&mut Desk, &mut Now<'_>) -> Vec<Told>,
    ) {
        let at = self.wall_clock();
        let settings = Rc::clone(&workspace.settings);
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
                let made = Made { run: workspace.run, conversation, epoch: *epoch, is_taken: false };
                self.decisions.entry(explanation.considered.seed).or_insert(made);
            }
            self.locate(workspace, conversation, None, Wanted::Told(action));
        }
    }

    /// Other settings are durable: they are in force from now on.
    pub(crate) fn settings_changed(&mut self, workspace: &mut WorkspaceActor) {
        workspace.settings = Rc::clone(&self.settings);
        self.told.replace(Rc::clone(&workspace.settings));
        self.at_desk(workspace, |desk, now| {
            desk.deadlines_changed(now.workspace);
            desk.rules_changed(now)
        });
        let members = &workspace.settings.members;
        workspace.agents.retain(|member, _| members.contains_key(member));
        workspace.online.retain(|member| members.contains_key(member));
        self.show_out_strangers();
    }

    /// The time has come to look at something.
    pub(crate) fn desk_looks(&mut self) {
        if let Some(mut workspace) = self.workspace.take() {
            self.note(Count::DeskLooked);
            self.at_desk(&mut workspace, Desk::look);
            self.workspace = Some(workspace);
        }
    }

    /// Whether it could look now.
    pub(crate) fn desk_is_due(&self) -> bool {
        let workspace = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        let next = workspace.and_then(|workspace| workspace.desk.next_look());
        next.is_some_and(|next| next <= self.true_time())
    }

    /// Somebody is chosen: they are there, and nobody before in the same class is left waiting.
    fn check_decision(&mut self, workspace: &WorkspaceActor, explanation: &Explanation) {
        let Outcome::Assigned { member, .. } = explanation.outcome else { return };
        let considered = &explanation.considered;
        let is_there = workspace.online.contains(&member) && workspace.settings.members.contains_key(&member);
        if !is_there {
            self.broken(Promise::Eligible, format!("{member} was chosen, who is not there"));
        }
        let maximum = workspace.settings.settings.team.assignment.load.maximum;
        let chosen = considered.candidates.iter().find(|candidate| candidate.member == member);
        if considered.maximum != maximum || chosen.is_none_or(|chosen| chosen.agent.load >= maximum) {
            self.broken(
                Promise::Capacity,
                format!("{member} was chosen as {chosen:?}; {maximum} is the most"),
            );
        }
        let dispatch = workspace.desk.dispatch();
        let request = dispatch.open().find(|(_, open)| open.request.consultation == considered.consultation);
        let Some((_, open)) = request else { return };
        let given = &open.request;
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

    /// Nothing is on its way, and the journal writes: the desk knows what is so, and nobody waits beside
    /// somebody who may serve them.
    pub(crate) fn check_desk(&mut self) {
        let Some(workspace) = self.workspace.as_ref().filter(|workspace| workspace.is_open()) else { return };
        let is_quiet = self.mail.is_quiet(workspace.run)
            && self.writer.is_idle()
            && self.conversations.values().all(|actor| actor.is_at_rest() && !actor.is_orphan);
        if !is_quiet || workspace.desk.tries_again() {
            return;
        }
        let mut found = Vec::new();
        let dispatch = workspace.desk.dispatch();
        let rules = self.settings.rules(PROFILE, self.true_time());
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
            let (None, Some(rules)) = (call.holder, &rules) else { continue };
            let explanation = choose(rules, &roster, &request_of(call), 0);
            if let Outcome::Assigned { member, .. } = explanation.outcome {
                let known = dispatch.roster().get(member);
                let what =
                    format!("{}: {call:?} waits beside {member}, known as {known:?}", name(conversation));
                found.push((Promise::Waiting, what));
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

    fn true_roster(&self, online: &std::collections::BTreeSet<MemberId>) -> Roster {
        let mut roster = Roster::default();
        for member in self.settings.members.keys() {
            let agent = roster.member(*member);
            agent.standing = if online.contains(member) { Standing::Online } else { Standing::Offline };
            agent.load = u32::try_from(self.model.service.held(*member)).unwrap_or(u32::MAX);
        }
        roster
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
        profile: PROFILE,
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
