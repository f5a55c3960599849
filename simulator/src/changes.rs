//! Changes of settings: from a member's client by way of its session and the workspace's ledger to the disk, and
//! back.
//!
//! Owns what each change says, which travels beside its request, and what must be true of it: done once, in its
//! client's order, shown and answered only when it is durable. Must not know what a setting leads to.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard::domain::assignment::ProfileAssignment;
use switchboard::domain::hours::{ManualOverride, Override};
use switchboard::domain::identity::Identity;
use switchboard::domain::workspace::{
    Changed, MemberCommand, Workspace, WorkspaceAction, WorkspaceEntry, WorkspaceEvent, WorkspaceRejection,
    decide_own,
};
use switchboard::machines::desk::Desk;
use switchboard::machines::ledger::{Decided, Outcome, Settled};
use switchboard::machines::room::NoRoom;
use switchboard_protocol::vocabulary::{InstanceId, MemberId};
use switchboard_protocol::wire::{Change, ErrorBody, ErrorCode, Op, ReplyBody};

use crate::check::Promise;
use crate::clients::Waiter;
use crate::disk::Record;
use crate::mail::{ChangeReply, Changing, Order, WorkspaceMsg};
use crate::model::Origin;
use crate::session::Session;
use crate::settings::{MEMBERS, OWNER, PROFILES, details};
use crate::tally::Count;
use crate::workspace::WorkspaceActor;
use crate::world::{Refused, World};

/// What became of a change.
pub(crate) enum ChangeAnswer {
    Outcome(Outcome),
    NoRoom(NoRoom),
    Unavailable,
}

/// The changes that clients have sent.
#[derive(Default)]
pub(crate) struct Changes {
    sent: BTreeMap<Origin, Sent>,
    /// The last counter of each client that is durable.
    last: BTreeMap<InstanceId, u64>,
}

struct Sent {
    by: MemberId,
    action: WorkspaceAction,
    /// It was handed to the writer.
    was_decided: bool,
    /// The revision that it has become.
    became: Option<u64>,
    was_passed_over: bool,
    was_refused: bool,
}

impl Changes {
    pub(crate) fn has(&self, origin: Origin) -> bool {
        self.sent.contains_key(&origin)
    }

    fn passed_over(&mut self, origin: Origin) {
        if let Some(sent) = self.sent.get_mut(&origin) {
            sent.was_passed_over = true;
        }
    }

    /// An entry is durable.
    fn durable(&mut self, entry: &WorkspaceEntry, before: &Workspace) -> Result<(), String> {
        if entry.revision != before.revision + 1 {
            return Err(format!("revision {} came after {}", entry.revision, before.revision));
        }
        let Some(origin) = &entry.origin else { return Err("nobody has sent it".to_owned()) };
        let named = format!("counter {} of {}", origin.counter, origin.instance);
        let Some(sent) = self.sent.get_mut(&(origin.instance, origin.counter)) else {
            return Err(format!("{named} was never sent"));
        };
        let expected = decide_own(before, sent.action.clone(), entry.at).map(|entry| entry.events);
        if entry.by != Some(sent.by) || expected.as_ref() != Ok(&entry.events) {
            return Err(format!("{named} became something else than was sent"));
        }
        if sent.was_refused {
            return Err(format!("{named} was done after its client was told that nothing was done"));
        }
        if sent.became.replace(entry.revision).is_some() {
            return Err(format!("{named} was done twice"));
        }
        let last = self.last.entry(origin.instance).or_default();
        if origin.counter < *last {
            return Err(format!("{named} was done after counter {last}"));
        }
        *last = origin.counter;
        Ok(())
    }
}

impl World {
    /// Somebody changes a setting: mostly the owner, who may.
    pub(crate) fn change_settings(&mut self) {
        let staff = |world: &Self, at: usize| match &*world.clients[at].identity {
            Identity::Member { member, .. } => Some(*member),
            Identity::Customer { .. } => None,
        };
        let says_away = self.rng.u8(..3) == 0;
        let anybody = says_away || self.rng.u8(..10) == 0;
        let may = |at: &usize| {
            staff(self, *at).is_some_and(|member| anybody || member == OWNER) && self.clients[*at].has_room()
        };
        let senders: Vec<_> = (0..self.clients.len()).filter(may).collect();
        if senders.is_empty() {
            return;
        }
        let at = senders[self.rng.usize(..senders.len())];
        let Some(member) = staff(self, at) else { return };
        let action = match says_away {
            true => WorkspaceAction::SetAway { member, away: !self.settings.away.contains(&member) },
            false => self.some_change(),
        };
        self.request_change(at, member, action);
    }

    fn request_change(&mut self, at: usize, by: MemberId, action: WorkspaceAction) {
        // What it says is found by its counter: the wire's form has tests of its own.
        let op = match &action {
            WorkspaceAction::SetAway { away, .. } => Op::Status { away: *away },
            _ => Op::Change {
                change: Box::new(Change::OverrideHours { profile: PROFILES[0], open: None, until: None }),
            },
        };
        let client = &mut self.clients[at];
        let counter = client.last_counter + 1;
        self.trace.add(format!("     counter {counter}: {action:?}"));
        match client.outstanding.begin(op, Waiter { counter: Some(counter), subscribes: None }) {
            Ok(_) => {
                client.last_counter = counter;
                let origin = (client.instance, counter);
                self.sent_change(origin, by, action);
                self.note(Count::ChangeSent);
            }
            Err(_) => self.note(Count::WindowFull),
        }
    }

    fn sent_change(&mut self, origin: Origin, by: MemberId, action: WorkspaceAction) {
        let sent =
            Sent { by, action, was_decided: false, became: None, was_passed_over: false, was_refused: false };
        self.changes.sent.insert(origin, sent);
    }

    /// Whoever runs the engine makes everybody a member again who was removed. `false`: nobody is missing.
    pub(crate) fn restore_members(&mut self) -> bool {
        let Some(run) = self.workspace.as_ref().map(|workspace| workspace.run) else { return false };
        let missing: Vec<_> = (1..=MEMBERS)
            .filter(|number| !self.settings.members.contains_key(&crate::settings::member(*number)))
            .collect();
        for number in &missing {
            let instance = self.instance();
            let Some(details) = details(*number) else { continue };
            let action = WorkspaceAction::AddMember { member: crate::settings::member(*number), details };
            self.sent_change((instance, 1), OWNER, action.clone());
            let command = MemberCommand { member: OWNER, instance, counter: 1, action };
            self.mail.to_workspace(run, WorkspaceMsg::Change(Box::new(command), ChangeReply::nobody()));
        }
        !missing.is_empty()
    }

    /// A session asks its workspace.
    pub(crate) fn ask_change(&mut self, session: &Session, ask: u64, counter: u64) {
        let origin = (session.instance, counter);
        let Some(Sent { by, action, .. }) = self.changes.sent.get(&origin) else { return };
        let command =
            MemberCommand { member: *by, instance: session.instance, counter, action: action.clone() };
        let reply = self.mail.workspace_reply(session.id, Changing(ask, counter));
        self.mail.to_workspace(session.run, WorkspaceMsg::Change(Box::new(command), reply));
    }

    /// The workspace decides a change. The answer waits until everything that it rests on is durable.
    pub(crate) fn change(
        &mut self,
        workspace: &mut WorkspaceActor,
        command: MemberCommand,
        reply: ChangeReply,
    ) {
        let (now, has_room) = (self.wall_clock(), self.has_room());
        let origin = (command.instance, command.counter);
        let Some(claim) = workspace.claim else { return };
        match workspace.ledger.command(reply, command, now, || has_room) {
            Ok(Decided { append, answer }) => {
                let is_known = self.changes.sent.get_mut(&origin);
                match (&append, is_known) {
                    (Some(_), Some(sent)) => {
                        if std::mem::replace(&mut sent.was_decided, true) {
                            self.note(Count::ChangeDecidedAgain);
                        }
                    }
                    (None, Some(sent)) if sent.became.is_some() => self.note(Count::ChangeRecognised),
                    (None | Some(_), Some(_) | None) => {}
                }
                if let Some(entry) = append {
                    self.mail.order(Order::Append(claim, Record::Workspace(Arc::new(entry))));
                } else {
                    self.changes.passed_over(origin);
                }
                answer.into_iter().for_each(|(reply, outcome)| reply.changed(ChangeAnswer::Outcome(outcome)));
            }
            Err((reply, why)) => {
                self.changes.passed_over(origin);
                self.note(Count::NoRoom);
                reply.changed(match why {
                    Refused::NoRoom(why) => ChangeAnswer::NoRoom(why),
                    Refused::Unavailable(_) => ChangeAnswer::Unavailable,
                });
            }
        }
        self.check_in_force(workspace);
    }

    /// What is in force is durable.
    fn check_in_force(&mut self, workspace: &WorkspaceActor) {
        let (known, durable) = (workspace.settings().revision, self.settings.revision);
        if known > durable {
            let what = format!("the settings of revision {known} are in force, and {durable} is durable");
            self.broken(Promise::G1, what);
        }
    }

    /// Entries are durable: whoever is concerned is told, and then whoever waits is answered.
    pub(crate) fn settle_changes(&mut self, workspace: &mut WorkspaceActor, up_to: u64) {
        let Settled { entries, answers } = workspace.ledger.settle(up_to);
        self.check_in_force(workspace);
        if entries.iter().any(WorkspaceEntry::changes_settings) {
            self.settings_changed(workspace);
            workspace.tell_present();
        }
        if entries.iter().flat_map(WorkspaceEntry::away).next().is_some() {
            self.at_desk(workspace, Desk::intents_changed);
            workspace.tell_present();
        }
        answers.into_iter().for_each(|(reply, outcome)| reply.changed(ChangeAnswer::Outcome(outcome)));
    }

    /// The session tells its client.
    pub(crate) fn change_answered(
        &mut self,
        session: &Session,
        Changing(ask, counter): Changing,
        answer: ChangeAnswer,
    ) {
        let origin = (session.instance, counter);
        let became = self.changes.sent.get(&origin).and_then(|sent| sent.became);
        let reply = match answer {
            ChangeAnswer::Outcome(Outcome::Changed(Changed { revision, at })) => {
                if became != Some(revision) {
                    let what = format!("{origin:?} was answered revision {revision}, and is {became:?}");
                    self.broken(Promise::G1, what);
                }
                Ok(ReplyBody::Changed { revision, at })
            }
            ChangeAnswer::Outcome(Outcome::AcceptedLongAgo) => Ok(ReplyBody::AlreadyAccepted),
            ChangeAnswer::Outcome(Outcome::Rejected(why)) => {
                self.note(Count::ChangeRejected);
                let was_passed_over = self.changes.sent.get(&origin).is_some_and(|sent| sent.was_passed_over);
                let code = match why {
                    WorkspaceRejection::Overtaken(_) if !was_passed_over => {
                        self.broken(Promise::G2, format!("{origin:?} was overtaken before its turn came"));
                        ErrorCode::Overtaken
                    }
                    WorkspaceRejection::Overtaken(_) => ErrorCode::Overtaken,
                    // Nothing is known any more of what a member did who was removed.
                    WorkspaceRejection::InstanceForgotten | WorkspaceRejection::NoMemberAnyMore(_) => {
                        ErrorCode::InstanceExpired
                    }
                    // By which rule makes no difference here.
                    _ => ErrorCode::Forbidden,
                };
                Err(ErrorBody::new(code, why.to_string()))
            }
            ChangeAnswer::NoRoom(why) => {
                self.note(Count::HeldForRoom);
                Err(ErrorBody::new(ErrorCode::NoRoom, why.to_string()))
            }
            ChangeAnswer::Unavailable => Err(ErrorBody::new(ErrorCode::Unavailable, "too much waits")),
        };
        self.reply(session, ask, None, reply);
    }

    /// A client hears that its change was not done.
    pub(crate) fn told_of_change(&mut self, origin: Origin, error: &ErrorBody) {
        if matches!(error.code(), Some(ErrorCode::Fault | ErrorCode::InstanceExpired)) {
            return;
        }
        let Some(sent) = self.changes.sent.get_mut(&origin) else { return };
        sent.was_refused = true;
        if sent.became.is_some() {
            self.broken(Promise::G2, format!("{origin:?} is done, and its client was told: {error}"));
        }
    }

    /// A change is durable.
    pub(crate) fn setting_durable(&mut self, entry: &WorkspaceEntry) {
        if let Err(what) = self.changes.durable(entry, &self.settings) {
            self.broken(Promise::G2, format!("settings: {what}"));
        }
        for event in &entry.events {
            self.note_change(event);
        }
        let mut changed = Workspace::clone(&self.settings);
        changed.apply(entry);
        self.settings = Arc::new(changed);
    }

    fn note_change(&mut self, event: &WorkspaceEvent) {
        match event {
            WorkspaceEvent::AwaySet { away: true, .. } => self.note(Count::SaidAway),
            WorkspaceEvent::AwaySet { away: false, .. } => self.note(Count::SaidBack),
            WorkspaceEvent::MemberRemoved { member } => {
                self.note(Count::MemberRemoved);
                if self.model.service.held(*member) > 0 {
                    self.note(Count::RemovedWhileServing);
                }
            }
            WorkspaceEvent::MemberAdded { .. } => self.note(Count::MemberAdded),
            WorkspaceEvent::TeamAssignmentSet(assignment) => {
                self.note(Count::MaximumChanged);
                self.note_lowered(assignment.load.maximum);
            }
            WorkspaceEvent::ProfileAssignmentSet { assignment, .. } => {
                self.note(Count::RulesChanged);
                let ProfileAssignment { load, .. } = &**assignment;
                load.iter().for_each(|load| self.note_lowered(load.maximum));
            }
            WorkspaceEvent::TeamServiceSet(_) => self.note(Count::ServiceChanged),
            WorkspaceEvent::HoursOverridden { profile, manual } => {
                self.were_opened_by_hand.insert(*profile);
                self.note(match manual {
                    Some(ManualOverride { to: Override::Open, .. }) => Count::OpenedByHand,
                    Some(ManualOverride { to: Override::Closed, .. }) => Count::ClosedByHand,
                    None => Count::GivenBackToSchedule,
                });
            }
            WorkspaceEvent::Created { .. }
            | WorkspaceEvent::MemberRenamed { .. }
            | WorkspaceEvent::RoleChanged { .. }
            | WorkspaceEvent::ProfileAdded { .. }
            | WorkspaceEvent::TeamHoursSet(_)
            | WorkspaceEvent::ProfileHoursSet { .. }
            | WorkspaceEvent::BotSet { .. }
            | WorkspaceEvent::CompletionSet { .. }
            | WorkspaceEvent::GreetingSet { .. } => {}
        }
    }

    fn note_lowered(&mut self, maximum: u32) {
        let is_above = |member: &MemberId| self.model.service.held(*member) > maximum as usize;
        if self.settings.members.keys().any(is_above) {
            self.note(Count::MaximumBelowLoad);
        }
    }
}
