//! Timers and restarts, enumerated: what ends by itself does so once, at its very millisecond, wherever anything is
//! begun anew meanwhile.
//!
//! Owns a small engine without faults of its own: the machines of a desk and of its conversations, a log that
//! keeps everything at once, and a clock that goes from one timer to the next. `table` holds each kind of timer
//! against each place of a restart; `waiting` says what it costs to wait. Must not know actors: the simulator
//! meets the same in every order.

#![allow(clippy::unwrap_used, clippy::panic)]

mod table;
mod waiting;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;

use switchboard_protocol::vocabulary::{
    CategoryPath, ConsultationId, Content, ConversationId, DisplayName, InstanceId, MemberId, MessageText,
    Platform, ProfileId, ProfileTitle, Timestamp, UserKey, WorkspaceId,
};

use super::alarms::Alarms;
use super::desk::{Desk, Due, Found, Now, Told};
use super::dispatch::Announcement;
use super::feed::Verdict;
use super::live::{Action as Do, Live, NotDone, Outlet, Ports, SideCursors};
use crate::domain::conversation::{
    Action, Command, Context, Conversation, Entry, Origin, OwnAction, Policy, Service, What, deadline,
};
use crate::domain::customer::Details;
use crate::domain::identity::{CustomerKey, Identity};
use crate::domain::workspace::{
    Member, Profile, Role, TokenHash, Workspace, WorkspaceAction, decide_own as decide_workspace,
};

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([9; 16]);
const PROFILE: ProfileId = ProfileId::from_bytes([7; 16]);
const ADA: MemberId = MemberId::from_bytes([1; 16]);

/// 2026-11-25, a Wednesday, 12:00 in Seoul: the default hours are from nine to six.
const NOON: i64 = 1_795_575_600_000;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// For so long nothing ends by itself after a downtime.
const GRACE: i64 = MINUTE;

struct Nobody;

impl Outlet<()> for Nobody {
    fn push(&self, _: &Arc<Entry>, (): &()) -> bool {
        true
    }
    fn verdict(&self, _: Verdict) {}
    fn lagging(&self) {}
    fn cursors(&self, _: SideCursors) {}
    fn end(&self) {}
}

struct NoPorts;

impl Ports for NoPorts {
    type Token = ();
    type Stamp = ();
    type Outlet = Nobody;
}

/// An incarnation of a conversation.
struct Awake {
    live: Live<NoPorts>,
    service: Service,
}

/// What is on its way.
enum Message {
    Own(ConversationId, OwnAction),
    Said(Announcement),
    Refused(ConversationId, u64),
}

/// The engine.
struct House {
    now: i64,
    grace_until: i64,
    workspace: Workspace,
    /// The revision that conversations are told.
    told: u64,
    desk: Desk,
    awake: BTreeMap<ConversationId, Awake>,
    /// When each of them looks.
    timers: Alarms<ConversationId>,
    mail: VecDeque<Message>,
    online: BTreeSet<MemberId>,
    /// What is stored, with the time at which it was.
    log: BTreeMap<ConversationId, Vec<(i64, Arc<Entry>)>>,
    counter: u64,
    /// How often the desk or a conversation has looked.
    looks: u64,
}

impl House {
    /// Noon, one agent who is there, and one profile whose calls are assigned by itself.
    fn new(at: i64) -> Self {
        let mut workspace = Workspace::new(WORKSPACE);
        let name = DisplayName::new("Ada").unwrap();
        let title = || ProfileTitle::new("Shop").unwrap();
        let owner = (ADA, Member { name, role: Role::Owner, token_hash: TokenHash([1; 32]) });
        let details = Profile { title: title(), greeting: None };
        for action in [
            WorkspaceAction::Create { name: title(), owner },
            WorkspaceAction::AddProfile { profile: PROFILE, details },
        ] {
            let entry = decide_workspace(&workspace, action, Timestamp::from_millis(at)).unwrap();
            workspace.apply(&entry);
        }
        let mut house = Self {
            now: at,
            grace_until: at,
            told: workspace.revision,
            workspace,
            desk: Desk::new(Timestamp::from_millis(at)),
            awake: BTreeMap::new(),
            timers: Alarms::default(),
            mail: VecDeque::new(),
            online: BTreeSet::new(),
            log: BTreeMap::new(),
            counter: 0,
            looks: 0,
        };
        house.begin_desk();
        house.comes(ADA);
        house
    }

    fn at_desk(&mut self, happens: impl FnOnce(&mut Desk, &mut Now<'_>) -> Vec<Told>) {
        let at = Timestamp::from_millis(self.now);
        let told = happens(&mut self.desk, &mut Now { at, workspace: &self.workspace, seeds: &mut || 0 });
        self.mail.extend(told.into_iter().map(|(id, action)| Message::Own(id, action)));
        let awake = &self.awake;
        self.desk.take_lines(at, |id| awake.contains_key(&id));
    }

    fn sets(&mut self, action: WorkspaceAction) {
        let before = self.workspace.clone();
        let entry = decide_workspace(&self.workspace, action, Timestamp::from_millis(self.now)).unwrap();
        self.workspace.apply(&entry);
        if !entry.changes_settings() {
            self.at_desk(Desk::intents_changed);
            return self.deliver();
        }
        self.told = self.workspace.revision;
        self.at_desk(|desk, now| desk.settings_changed(&before, now));
        let ids: Vec<_> = self.awake.keys().copied().collect();
        for id in ids {
            let service = self.service();
            self.awake.get_mut(&id).unwrap().service = service;
            self.set_timer(id);
        }
        self.deliver();
    }

    fn service(&self) -> Service {
        let mut service = self.workspace.service(PROFILE);
        service.grace_until = Timestamp::from_millis(self.grace_until);
        service
    }

    fn comes(&mut self, member: MemberId) {
        self.online.insert(member);
        self.at_desk(|desk, now| desk.stands(member, true, now));
        self.deliver();
    }

    fn goes(&mut self, member: MemberId) {
        self.online.remove(&member);
        self.at_desk(|desk, now| desk.stands(member, false, now));
        self.deliver();
    }

    /// A customer or an agent does something, which is accepted.
    fn does(&mut self, who: Identity, id: ConversationId, action: Action) {
        self.wake(id);
        self.counter += 1;
        let origin =
            Origin { party: who.party(), instance: InstanceId::from_bytes([1; 16]), counter: self.counter };
        let now = Timestamp::from_millis(self.now);
        let doors = self.workspace.doors(PROFILE, now);
        let Awake { live, service } = self.awake.get_mut(&id).unwrap();
        let context = Context { now, policy: Policy::default(), service, doors, present: None };
        let command = Command { identity: who, origin, action };
        let before = live.state().revision;
        let actions = live.command((), (), &command, &context, || Ok::<(), Infallible>(())).unwrap();
        self.carry_out(id, actions);
        self.set_timer(id);
        assert!(self.state(id).revision > before, "it was not done: {command:?}");
        self.deliver();
    }

    fn state(&self, id: ConversationId) -> Conversation {
        let mut state = Conversation::new(WORKSPACE, id);
        self.log.get(&id).into_iter().flatten().for_each(|(_, entry)| state.apply(entry));
        state
    }

    fn wake(&mut self, id: ConversationId) {
        if !self.awake.contains_key(&id) {
            let live = Live::new(self.state(id));
            self.mail.push_back(Message::Said(live.first_announcement()));
            let service = self.service();
            self.awake.insert(id, Awake { live, service });
            self.set_timer(id);
        }
    }

    fn set_timer(&mut self, id: ConversationId) {
        let Awake { live, service } = &self.awake[&id];
        self.timers.set(id, deadline(live.state(), service));
    }

    fn carry_out(&mut self, id: ConversationId, actions: impl IntoIterator<Item = Do<NoPorts>>) {
        for action in actions {
            match action {
                Do::Append(entry) => {
                    let revision = entry.revision;
                    self.log.entry(id).or_default().push((self.now, entry));
                    let actions = self.awake.get_mut(&id).unwrap().live.durable(revision);
                    self.carry_out(id, actions);
                }
                Do::Announce(said) => self.mail.push_back(Message::Said(said)),
                Do::Answer((), _) => {}
            }
        }
    }

    fn own(&mut self, id: ConversationId, action: &OwnAction) {
        self.wake(id);
        let Awake { live, service } = self.awake.get_mut(&id).unwrap();
        let (now, policy) = (Timestamp::from_millis(self.now), Policy::default());
        let context = Context { now, policy, service, doors: Default::default(), present: None };
        match live.own((), action, &context, || Ok::<(), Infallible>(())) {
            Ok(append) => self.carry_out(id, append),
            Err(NotDone::Rejected(_)) => {
                self.mail.extend(action.decided_at().map(|epoch| Message::Refused(id, epoch)));
            }
            Err(NotDone::NoRoom(never)) => match never {},
        }
        self.set_timer(id);
    }

    /// Everything that is on its way arrives.
    fn deliver(&mut self) {
        while let Some(message) = self.mail.pop_front() {
            match message {
                Message::Own(id, action) => {
                    self.looks += u64::from(action == OwnAction::Look);
                    self.own(id, &action);
                }
                Message::Said(said) => self.at_desk(|desk, now| desk.announced(said, now)),
                Message::Refused(id, epoch) => self.at_desk(|desk, now| desk.refused(id, epoch, now)),
            }
        }
    }

    /// When the next timer comes: the desk's, or that of a conversation that is awake.
    fn next(&self) -> Option<i64> {
        self.timers.next().into_iter().chain(self.desk.next_look()).min().map(Timestamp::as_millis)
    }

    /// Time passes, up to and with this moment: each timer comes at its own.
    fn until(&mut self, moment: i64) {
        let mut at_once = 0;
        while let Some(next) = self.next().filter(|next| *next <= moment) {
            at_once = if next > self.now { 0 } else { at_once + 1 };
            assert!(at_once < 100, "it looks for ever");
            self.now = self.now.max(next);
            if self.desk.next_look().is_some_and(|at| at.as_millis() <= self.now) {
                self.looks += 1;
                self.at_desk(Desk::look);
                self.deliver();
            }
            let due = self.timers.due(Timestamp::from_millis(self.now));
            self.mail.extend(due.into_iter().map(|id| Message::Own(id, OwnAction::Look)));
            self.deliver();
        }
        self.now = moment;
    }

    /// A conversation falls asleep.
    fn sleeps(&mut self, id: ConversationId) {
        let Awake { live, service } = self.awake.remove(&id).unwrap();
        self.timers.set(id, None);
        assert!(live.may_sleep());
        let due = Due { settings: self.told, at: deadline(live.state(), &service) };
        self.at_desk(|desk, now| {
            desk.sleeps(id, due, now);
            Vec::new()
        });
    }

    fn all_sleep(&mut self) {
        let ids: Vec<_> = self.awake.keys().copied().collect();
        ids.into_iter().for_each(|id| self.sleeps(id));
    }

    fn all_wake(&mut self) {
        let ids: Vec<_> = self.log.keys().copied().collect();
        ids.into_iter().for_each(|id| self.wake(id));
        self.deliver();
    }

    /// Every conversation fails.
    fn conversations_fail(&mut self) {
        let failed = std::mem::take(&mut self.awake);
        self.timers = Alarms::default();
        for id in self.log.keys().copied().collect::<Vec<_>>() {
            if failed.contains_key(&id) {
                self.at_desk(|desk, _| desk.failed(id).into_iter().collect());
            }
        }
        self.deliver();
    }

    /// The workspace begins anew, and its conversations with it. Those who are there come back at once.
    fn workspace_restarts(&mut self) {
        self.awake.clear();
        self.timers = Alarms::default();
        self.mail.clear();
        self.begin_desk();
        for member in self.online.clone() {
            self.comes(member);
        }
    }

    /// The engine is not there for a while: customers have their time of grace then.
    fn engine_restarts(&mut self, downtime: i64) {
        self.now += downtime;
        self.grace_until = self.now + GRACE;
        self.workspace_restarts();
    }

    fn begin_desk(&mut self) {
        self.told = self.workspace.revision;
        self.desk = Desk::new(Timestamp::from_millis(self.grace_until));
        let found: Vec<_> = self.log.keys().map(|id| self.state(*id)).collect();
        let found = found.into_iter().filter(|state| state.served.consultation.is_some());
        let found: Vec<_> = found
            .map(|state| Found {
                conversation: state.id,
                profile: PROFILE,
                revision: state.revision,
                served: state.served,
            })
            .collect();
        self.at_desk(|desk, now| desk.begin(found, [], now));
        self.deliver();
    }

    /// Everything that has happened in a conversation, with when it was stored.
    fn happened(&self, id: ConversationId) -> Vec<(i64, What)> {
        let entries = self.log.get(&id).into_iter().flatten();
        entries.flat_map(|(at, entry)| entry.events.iter().map(|event| (*at, event.what.clone()))).collect()
    }
}

const fn conversation(n: u64) -> ConversationId {
    let mut bytes = [3; 16];
    [bytes[0], bytes[1], bytes[2]] = [(n >> 16) as u8, (n >> 8) as u8, n as u8];
    ConversationId::from_bytes(bytes)
}

fn customer(id: ConversationId) -> Identity {
    let user_key = UserKey::new(id.to_string()).unwrap();
    let customer = CustomerKey { profile: PROFILE, platform: Platform::new("web").unwrap(), user_key };
    Identity::Customer { workspace: WORKSPACE, customer }
}

const fn ada() -> Identity {
    Identity::Member { workspace: WORKSPACE, member: ADA }
}

fn call(id: ConversationId) -> Action {
    let consultation = ConsultationId::from_bytes(*id.as_bytes());
    Action::Call { consultation, category: CategoryPath::default() }
}

fn post() -> Action {
    Action::Post { content: Content::text(MessageText::new("Hello").unwrap()) }
}

impl House {
    /// A customer begins a conversation and calls.
    fn calls(&mut self, id: ConversationId) {
        let who = customer(id);
        let Identity::Customer { customer, .. } = who.clone() else { panic!("no customer") };
        self.does(
            who.clone(),
            id,
            Action::Start { customer, known: Details::default(), former: None, greeting: None },
        );
        self.does(who, id, call(id));
    }
}
