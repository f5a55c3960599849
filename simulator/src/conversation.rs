//! A conversation's actor: the mailbox around [`Live`].
//!
//! Owns the carrying of errands, entries and tickets, and the handshake of falling asleep, as the
//! engine's actor does. Must not know what a command means.

mod commands;

use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::conversation::{
    Context, Doors, OwnAction, Policy, Service, admit, asked_in_vain_by_a_looker, deadline, reply,
};
use switchboard::domain::identity::Reader;
use switchboard::domain::workspace::Workspace;
use switchboard::machines::commit::{Claim, Term};
use switchboard::machines::desk::Due;
use switchboard::machines::live::{Action, Live, NotDone, Ports};
use switchboard_protocol::vocabulary::{ConversationId, Seq, Timestamp};

use crate::check::Promise;
use crate::disk::Record;
use crate::mail::{
    ConversationMsg, Ended, Errand, ErrandAnswer, ErrandReply, Order, Resolved, Run, Way, WorkspaceMsg,
};
use crate::outbox::ConversationEnd;
use crate::tally::Count;
use crate::workspace::{ToldPresent, WorkspaceActor};
use crate::world::World;
use crate::writer::{Opened, Stream};

pub(crate) struct SimulatedPorts;

impl Ports for SimulatedPorts {
    type Token = ErrandReply;
    type Stamp = ();
    type Outlet = ConversationEnd;
}

/// The actor.
pub(crate) struct ConversationActor {
    pub(crate) id: ConversationId,
    pub(crate) way: Way,
    pub(crate) run: Run,
    phase: Phase,
    activity: u64,
    timer_runs: bool,
    /// It is on its way to look whether something has to end.
    looks: bool,
    /// What binds it, as of a revision of its workspace.
    service: (u64, Service),
    /// The last entry for which the bot has been asked, and has not answered.
    bot_works_on: Option<u64>,
    /// Its workspace has ended: it will be ended too, at some time.
    pub(crate) is_orphan: bool,
    /// Whom a consultation can be given to.
    present: ToldPresent,
}

enum Phase {
    /// Waits for the writer.
    Opening,
    /// Reads what is stored.
    Loading(Claim<Stream>),
    Open {
        live: Box<Live<SimulatedPorts>>,
        claim: Claim<Stream>,
        kept_revision: u64,
    },
    Refusing,
}

/// What becomes of an actor by a message.
enum Fate {
    Lives,
    Stops,
    Fails(String),
}

/// What to read beside the mailbox.
pub(crate) struct HistoryRead {
    pub(crate) reply: ErrandReply,
    pub(crate) conversation: ConversationId,
    pub(crate) reader: Reader,
    pub(crate) before: Option<Seq>,
}

impl ConversationActor {
    /// Whether it would handle a message now, or go on opening.
    pub(crate) const fn is_ready(&self) -> bool {
        !matches!(self.phase, Phase::Opening)
    }

    pub(crate) const fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Loading(_))
    }

    /// Whether it waits for nothing of its own.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.phase {
            Phase::Open { live, .. } => live.is_all_durable(),
            Phase::Opening | Phase::Loading(_) | Phase::Refusing => false,
        }
    }

    /// When it will look whether something has to end by itself.
    pub(crate) fn looks_at(&self) -> Option<Timestamp> {
        self.deadline().filter(|_| !self.looks)
    }

    /// When something has to end by itself.
    fn deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Open { live, .. } => deadline(live.state(), &self.service.1),
            Phase::Opening | Phase::Loading(_) | Phase::Refusing => None,
        }
    }

    fn due(&self) -> Due {
        Due { settings: self.service.0, at: self.deadline() }
    }

    /// What binds it is worked out once for each change of the settings.
    fn learn_settings(&mut self, settings: &Workspace, grace_until: Timestamp) {
        let Phase::Open { live, .. } = &self.phase else { return };
        let Some(customer) = &live.state().customer else { return };
        if self.service.0 != settings.revision {
            let mut service = settings.service(customer.profile);
            service.grace_until = grace_until;
            self.service = (settings.revision, service);
        }
    }

    /// Whether a timer of idleness could run out.
    pub(crate) fn may_idle(&self) -> bool {
        !self.timer_runs && !matches!(self.phase, Phase::Opening | Phase::Loading(_)) && self.may_sleep()
    }

    fn has_begun(&self) -> bool {
        matches!(&self.phase, Phase::Open { live, .. } if live.state().revision > 0)
    }

    fn may_sleep(&self) -> bool {
        match &self.phase {
            Phase::Open { live, .. } => live.may_sleep(),
            Phase::Opening | Phase::Loading(_) | Phase::Refusing => true,
        }
    }
}

impl World {
    /// Starts an actor, which asks the writer for the stream.
    pub(crate) fn wake(&mut self, id: ConversationId, workspace: &WorkspaceActor, term: Term) -> Way {
        self.note(Count::Wake);
        let way = Way(self.number());
        self.mail.open_conversation(way);
        let actor = ConversationActor {
            id,
            way,
            run: workspace.run,
            phase: Phase::Opening,
            activity: 0,
            timer_runs: false,
            looks: false,
            service: (u64::MAX, Service::NONE),
            bot_works_on: None,
            is_orphan: false,
            present: Rc::clone(&workspace.present),
        };
        self.conversations.insert(way, actor);
        self.mail.order(Order::OpenConversation { term, conversation: id, way });
        way
    }

    /// The writer has answered. `false`: the actor is gone.
    pub(crate) fn conversation_opened(&mut self, way: Way, opened: &Opened) -> bool {
        let Some(actor) = self.conversations.get_mut(&way) else { return false };
        actor.phase = match opened {
            Ok((claim, _)) => Phase::Loading(*claim),
            Err(_) => Phase::Refusing,
        };
        if matches!(actor.phase, Phase::Refusing) {
            self.note(Count::OpenRefused);
        }
        true
    }

    /// The actor's turn: it goes on opening, or handles its next message.
    pub(crate) fn run_conversation(&mut self, way: Way) {
        let Some(mut actor) = self.conversations.remove(&way) else { return };
        if let Phase::Loading(claim) = actor.phase {
            actor.phase = self.load(actor.id, claim);
            if let Phase::Open { live, .. } = &actor.phase {
                let first = live.first_announcement();
                self.mail.to_workspace(actor.run, WorkspaceMsg::Announced(first, way));
            }
            self.conversations.insert(way, actor);
            return;
        }
        let Some(message) = self.mail.next_for_conversation(way) else {
            self.conversations.insert(way, actor);
            return;
        };
        actor.activity += 1;
        if actor.is_orphan {
            self.note(Count::OrphanWorked);
        }
        if !actor.is_orphan {
            let settings = Arc::clone(&self.told.borrow());
            actor.learn_settings(&settings, self.grace_until);
        }
        let fate = self.handle(&mut actor, message);
        self.ask_bot(&mut actor);
        match fate {
            Fate::Lives => drop(self.conversations.insert(way, actor)),
            Fate::Stops => self.end_conversation(actor, None),
            Fate::Fails(why) => self.end_conversation(actor, Some(why)),
        }
    }

    /// The actor panics over its next message.
    pub(crate) fn fail_conversation(&mut self, way: Way) {
        self.note(Count::ConversationFailed);
        if let Some(actor) = self.conversations.remove(&way) {
            let poison = self.mail.next_for_conversation(way);
            drop(poison);
            self.end_conversation(actor, Some("a failure on purpose".to_owned()));
        }
    }

    /// An actor whose workspace has ended is ended.
    pub(crate) fn end_orphan(&mut self, way: Way) {
        if let Some(actor) = self.conversations.remove(&way) {
            self.end_conversation(actor, None);
        }
    }

    /// What it held is dropped, what lies in its mailbox too, and its workspace hears of it.
    fn end_conversation(&mut self, actor: ConversationActor, failed: Option<String>) {
        let ConversationActor { id, way, run, phase, .. } = actor;
        if let Phase::Open { live, .. } = phase {
            drop(live.end());
        }
        self.mail.close_conversation(way);
        self.mail.ended(run, Ended { conversation: id, way, failed });
    }

    fn load(&mut self, id: ConversationId, claim: Claim<Stream>) -> Phase {
        let state = self.disk.load(id);
        if state != self.disk.replay(id) {
            self.broken(Promise::G1, format!("{} woke with a state that never became durable", name(id)));
        }
        self.mail.order(Order::Ready(claim, state.revision));
        let kept_revision = state.revision;
        Phase::Open { live: Box::new(Live::new(state)), claim, kept_revision }
    }

    fn handle(&mut self, actor: &mut ConversationActor, message: ConversationMsg) -> Fate {
        match message {
            ConversationMsg::Errand(errand, reply) => self.errand(actor, errand, reply),
            ConversationMsg::CaughtUp(subscriber, at) => {
                if let Phase::Open { live, .. } = &mut actor.phase {
                    live.caught_up(subscriber, at);
                }
                Fate::Lives
            }
            ConversationMsg::Unsubscribe(subscriber) => {
                if let Phase::Open { live, .. } = &mut actor.phase {
                    live.unsubscribe(subscriber);
                }
                Fate::Lives
            }
            ConversationMsg::Typing(from, identity, after_seq) => {
                if let Phase::Open { live, .. } = &actor.phase
                    && let Some((by, told)) = live.typing(from, &identity, after_seq)
                {
                    told.for_each(|(end, after_seq)| end.0.typing(by, after_seq));
                }
                Fate::Lives
            }
            ConversationMsg::Received(identity, up_to) => {
                if let Phase::Open { live, .. } = &mut actor.phase {
                    self.model.claimed(actor.id, identity.reader(), up_to);
                    live.received(&identity, up_to);
                }
                Fate::Lives
            }
            ConversationMsg::Own(action) => self.own(actor, &action),
            ConversationMsg::LookDue => {
                actor.looks = false;
                self.own(actor, &OwnAction::Look)
            }
            ConversationMsg::Resolved(resolved) => self.conversation_resolved(actor, resolved),
            ConversationMsg::IdleSince(activity) => {
                actor.timer_runs = false;
                // This message itself counts as one. One that refuses goes whatever comes.
                let is_idle = actor.activity == activity + 1 || matches!(actor.phase, Phase::Refusing);
                if is_idle && actor.may_sleep() {
                    let asks = WorkspaceMsg::AsksToSleep(actor.id, actor.way, actor.has_begun(), actor.due());
                    self.mail.to_workspace(actor.run, asks);
                }
                Fate::Lives
            }
            ConversationMsg::Sleep if actor.may_sleep() => {
                self.note(Count::Sleep);
                self.fall_asleep(actor);
                Fate::Stops
            }
            ConversationMsg::Sleep => {
                self.note(Count::SleepRefused);
                self.mail.to_workspace(actor.run, WorkspaceMsg::Stays(actor.id, actor.way));
                Fate::Lives
            }
        }
    }

    fn errand(&mut self, actor: &mut ConversationActor, errand: Errand, reply: ErrandReply) -> Fate {
        let live = match &mut actor.phase {
            Phase::Open { live, .. } => live,
            Phase::Refusing => {
                let answer = match &errand {
                    Errand::Command(command, _) => {
                        self.model.passed_over((command.origin.instance, command.origin.counter));
                        ErrandAnswer::Unknown
                    }
                    Errand::Subscribe { .. } | Errand::History { .. } => {
                        ErrandAnswer::Unavailable("it cannot be opened".to_owned())
                    }
                };
                reply.answer(answer);
                return Fate::Lives;
            }
            Phase::Opening | Phase::Loading(_) => return Fate::Fails("an errand came too early".to_owned()),
        };
        match errand {
            Errand::Command(command, true)
                if let Some(what) = asked_in_vain_by_a_looker(live.state(), &command) =>
            {
                self.model.passed_over((command.origin.instance, command.origin.counter));
                reply.answer(ErrandAnswer::OnlyLooks(what));
            }
            Errand::Command(command, _) => return self.command(actor, &command, reply),
            Errand::Subscribe { subscriber, after, identity, outbox } => {
                let revealed = live.pending_up_to(u64::MAX).next().map(|(entry, ())| entry.before);
                outbox.there.set(revealed.unwrap_or(live.state().last).of(identity.reader()));
                let action = live.subscribe(reply, subscriber, &identity, after, ConversationEnd(outbox));
                self.act(actor, action);
            }
            Errand::History { identity, before } => match admit(live.state(), &identity) {
                Ok(_) => {
                    let (conversation, reader) = (actor.id, identity.reader());
                    self.history_reads.push(HistoryRead { reply, conversation, reader, before });
                }
                Err(rejection) => reply.answer(ErrandAnswer::Outcome(rejection.into())),
            },
        }
        Fate::Lives
    }

    fn act(&self, actor: &ConversationActor, actions: impl IntoIterator<Item = Action<SimulatedPorts>>) {
        let Phase::Open { claim, .. } = &actor.phase else { return };
        for action in actions {
            match action {
                Action::Append(entry) => {
                    self.mail.order(Order::Append(*claim, Record::Conversation(entry)));
                }
                Action::Answer(reply, outcome) => reply.answer(ErrandAnswer::Outcome(outcome)),
                Action::Announce(announcement) => {
                    self.mail.to_workspace(actor.run, WorkspaceMsg::Announced(announcement, actor.way));
                }
            }
        }
    }

    /// What is not done now is the workspace's to try again.
    fn own(&mut self, actor: &mut ConversationActor, action: &OwnAction) -> Fate {
        let (now, has_room) = (self.wall_clock(), self.has_room());
        self.say(|| format!("     {} does something of its own", name(actor.id)));
        if let OwnAction::Reply { .. } = action {
            actor.bot_works_on = None;
        }
        let done = match &mut actor.phase {
            Phase::Open { live, .. } => {
                let (service, doors) = (&actor.service.1, Doors::default());
                let context = Context { now, policy: Policy::default(), service, doors, present: None };
                live.own((), action, &context, || has_room).map_err(|why| match why {
                    NotDone::Rejected(_) => Count::OwnRejected,
                    NotDone::NoRoom(_) => Count::OwnNoRoom,
                })
            }
            Phase::Opening | Phase::Loading(_) | Phase::Refusing => {
                self.note(Count::OwnNotOpen);
                return Fate::Lives;
            }
        };
        match done {
            Ok(append) => self.act(actor, append),
            Err(why) => {
                self.note(why);
                self.say(|| format!("     not done: {}", why.text()));
                if let OwnAction::Decided { .. } = action {
                    self.unexplained.insert(actor.id);
                }
                if let OwnAction::Reply { .. } = action {
                    self.note(Count::ReplyTooLate);
                }
                if let Some(epoch) = action.decided_at() {
                    let refused = WorkspaceMsg::DecisionRefused(actor.id, actor.way, epoch);
                    self.mail.to_workspace(actor.run, refused);
                }
            }
        }
        Fate::Lives
    }

    /// The bot is asked for what it owes. It takes its time.
    fn ask_bot(&mut self, actor: &mut ConversationActor) {
        let Phase::Open { live, .. } = &actor.phase else { return };
        let owed = live.state().owed;
        if !live.is_all_durable() || owed.is_none() || owed == actor.bot_works_on {
            return;
        }
        if let Some(action) = reply(live.state(), &actor.service.1, self.wall_clock()) {
            actor.bot_works_on = owed;
            self.bot_replies.push((actor.way, action));
        }
    }

    /// The bot has its answer.
    pub(crate) fn bot_answers(&mut self, at: usize) {
        let (way, action) = self.bot_replies.swap_remove(at);
        self.mail.to_conversation(way, ConversationMsg::Own(action));
    }

    /// A conversation looks whether something has to end by itself.
    pub(crate) fn look_due(&mut self, way: Way) {
        if let Some(actor) = self.conversations.get_mut(&way) {
            actor.looks = true;
            self.note_while_slow(Count::TimerWhileSlow);
            self.mail.to_conversation(way, ConversationMsg::LookDue);
        }
    }

    fn conversation_resolved(&mut self, actor: &mut ConversationActor, resolved: Resolved) -> Fate {
        let Phase::Open { live, kept_revision, .. } = &mut actor.phase else { return Fate::Lives };
        let up_to = match resolved {
            Resolved::Durable(up_to) => up_to,
            Resolved::Failed(why) => {
                self.note(Count::IncarnationEnded);
                return Fate::Fails(why);
            }
        };
        let mut actions = live.durable(up_to);
        if live.is_all_durable() && live.state().revision >= *kept_revision + SNAPSHOT_ENTRIES {
            *kept_revision = live.state().revision;
            let state = live.state().clone();
            self.keep_snapshot(state);
        }
        if self.fails_half_way() {
            actions.truncate(actions.len() / 2);
            self.act(actor, actions);
            return Fate::Fails("a failure half-way on purpose".to_owned());
        }
        self.act(actor, actions);
        Fate::Lives
    }

    fn fall_asleep(&mut self, actor: &mut ConversationActor) {
        let phase = std::mem::replace(&mut actor.phase, Phase::Opening);
        if let Phase::Open { live, claim, kept_revision } = phase {
            let state = live.into_state();
            if state.revision > kept_revision {
                self.keep_snapshot(state);
            }
            self.mail.order(Order::Close(claim));
        }
    }

    /// The timer of idleness runs out.
    pub(crate) fn idle(&mut self, way: Way) {
        if let Some(actor) = self.conversations.get_mut(&way) {
            actor.timer_runs = true;
            let activity = actor.activity;
            self.mail.to_conversation(way, ConversationMsg::IdleSince(activity));
        }
    }
}

/// A short name for people.
pub(crate) fn name(id: ConversationId) -> String {
    let bytes = id.as_bytes();
    format!("conversation {}", u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// A snapshot is kept this often while a conversation goes on.
const SNAPSHOT_ENTRIES: u64 = 5;
