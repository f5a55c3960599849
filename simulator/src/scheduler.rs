//! The scheduler: which of the things that could happen happens next.
//!
//! Owns the order of everything, drawn from the seed. Must not know what a step does.

use std::time::Duration;

use switchboard_protocol::vocabulary::{ConversationId, MemberId};

use crate::check::Promise;
use crate::clients::Client;
use crate::conversation::ConversationActor;
use crate::mail::{SessionId, Way};
use crate::network::Lane;
use crate::rates::Part;
use crate::tally::Count;
use crate::workspace::WorkspaceActor;
use crate::world::World;

/// Something that can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    TakeOrder,
    BeginCommit,
    EndCommit,
    TryDiskAgain,
    StoreSnapshot,
    LookAtDisk,
    Workspace,
    DeskLooks,
    LooksForSigns(SessionId),
    AgentLooks(MemberId),
    SessionOverdue(SessionId),
    LookDue(Way),
    BotAnswers(usize),
    Conversation(Way),
    EndOrphan(Way),
    Session(SessionId),
    Pump(u64),
    ReadHistory(usize),
    ReadList(usize),
    LookUp(usize),
    Recall(usize),
    Arrives(usize, Lane),
    DatagramArrives(usize),
    LateRequest(usize),
    ClientSends(usize),
    ClientActs(usize),
    Subscribe(usize, ConversationId),
    Connect(usize),
    // Faults, and what is as rare.
    Idle(Way),
    FollowAgain(usize, ConversationId),
    ConversationFails(Way),
    SessionFails(SessionId),
    WorkspaceFails,
    AgentFails(MemberId),
    SessionSticks(SessionId),
    DiskSlows,
    DiskFills,
    DiskFrees,
    Cut(usize),
    AddressChanges(usize),
    ClientBeginsAnew(usize),
    Crash,
    Stall,
    SettingsChange,
    TimePasses,
}

impl World {
    /// Makes one step. `false`: nothing can happen any more.
    pub(crate) fn step(&mut self, step: u32) -> bool {
        let mut choices = Choices { found: Vec::with_capacity(64), total: 0 };
        self.clients_and_network(&mut choices, step);
        self.parts(&mut choices, step);
        if !self.is_calm {
            self.faults(&mut choices);
        }
        let Some(action) = choices.pick(&mut self.rng) else { return self.wait(step) };
        self.now += Duration::from_millis(self.rng.u64(0..8));
        self.say(|| format!("{step:4} {action:?}"));
        self.perform(action, step);
        self.check_desk();
        true
    }

    /// Nothing can happen now: something may later.
    fn wait(&mut self, step: u32) -> bool {
        if self.stalled.take().is_some() {
            return true;
        }
        let connected = self.clients.iter().filter(|client| client.connection.is_some());
        let follows = connected.clone().flat_map(|client| client.follows.values());
        let due = follows.filter_map(|following| following.follow.due());
        let held = connected.filter_map(|client| client.connection.as_ref());
        let held = held.flat_map(|connection| connection.busy().map(|(_, at)| at));
        let timers = self.next_timer();
        let all = due.chain(held).chain(timers).chain(self.next_lapse()).chain(self.slow_commit_ends());
        let next = all.filter(|at| *at > self.now).min();
        // The doors open and close for ever.
        let Some(next) = next.filter(|next| *next <= self.calm_until) else { return false };
        self.now = self.or_earlier(next);
        self.say(|| format!("{step:4} time passes"));
        true
    }

    /// Nobody's lease runs out only because nobody looked.
    fn or_earlier(&self, next: Duration) -> Duration {
        self.next_look_for_signs().filter(|at| *at > self.now).map_or(next, |look| look.min(next))
    }

    /// When the next timer of the engine comes.
    fn next_timer(&self) -> Option<Duration> {
        let desk = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        let desk = desk.and_then(|workspace| workspace.desk.next_look());
        let next = self.conversations.values().filter_map(ConversationActor::looks_at).chain(desk).min()?;
        let left = next.as_millis().saturating_sub(self.true_time().as_millis()).max(0);
        Some(self.now + Duration::from_millis(left.unsigned_abs()))
    }

    /// For a while nothing happens, up to the next timer or for less.
    fn time_passes(&mut self) {
        self.note(Count::TimePassed);
        let up_to = Duration::from_millis(self.rng.u64(1..4_000));
        let next = match self.next_timer() {
            Some(next) if self.rng.bool() => next.max(self.now),
            Some(_) | None => self.now + up_to,
        };
        self.now = self.or_earlier(next);
    }

    fn parts(&self, choices: &mut Choices, step: u32) {
        let turn = |part| self.turn(part, step);
        choices.add(turn(Part::Writer), self.mail.has_orders(), Action::TakeOrder);
        choices.add(turn(Part::Writer), self.writer.has_work(), Action::BeginCommit);
        choices.add(turn(Part::Disk), self.may_commit_end(), Action::EndCommit);
        choices.add(
            turn(Part::Disk),
            self.writer.is_troubled() && !self.disk.is_writing(),
            Action::TryDiskAgain,
        );
        choices.add(turn(Part::Disk), !self.snapshots.is_empty(), Action::StoreSnapshot);
        // Now and then, while much is written: a write may find out first.
        choices.add(turn(Part::Disk).div_ceil(20), self.space.is_due(), Action::LookAtDisk);
        let workspace = self.workspace.as_ref().filter(|workspace| workspace.is_open());
        let has_message = workspace.is_some_and(|workspace| self.mail.has_for_workspace(workspace.run));
        choices.add(turn(Part::Workspace), has_message, Action::Workspace);
        choices.add(turn(Part::Workspace), self.desk_is_due(), Action::DeskLooks);
        for at in 0..self.bot_replies.len() {
            choices.add(turn(Part::Client), true, Action::BotAnswers(at));
        }
        for (way, actor) in &self.conversations {
            let works = actor.is_ready() && (actor.is_loading() || self.mail.has_for_conversation(*way));
            choices.add(turn(Part::Conversation), works, Action::Conversation(*way));
            let is_due = actor.looks_at().is_some_and(|at| at <= self.true_time());
            choices.add(turn(Part::Conversation), is_due, Action::LookDue(*way));
            // Slowly: what it does meanwhile must not count.
            choices.add(turn(Part::Conversation).div_ceil(20), actor.is_orphan, Action::EndOrphan(*way));
        }
        for (id, session) in &self.sessions {
            let works = session.comes_to_messages() && self.mail.has_for_session(*id);
            choices.add(turn(Part::Session), works, Action::Session(*id));
            choices.add(turn(Part::Session), session.is_overdue(), Action::SessionOverdue(*id));
        }
        for member in self.agents_due() {
            choices.add(turn(Part::Workspace), true, Action::AgentLooks(member));
        }
        for id in self.looks_due() {
            choices.add(turn(Part::Network), true, Action::LooksForSigns(id));
        }
        for (id, pump) in &self.pumps {
            choices.add(turn(Part::Pump), self.pump_is_ready(pump), Action::Pump(*id));
        }
        for at in 0..self.history_reads.len() {
            choices.add(turn(Part::Disk), true, Action::ReadHistory(at));
        }
        for at in 0..self.list_reads.len() {
            choices.add(turn(Part::Disk), true, Action::ReadList(at));
        }
        for at in 0..self.look_ups.len() {
            choices.add(turn(Part::Disk), true, Action::LookUp(at));
        }
        for at in 0..self.recalls.len() {
            choices.add(turn(Part::Disk), true, Action::Recall(at));
        }
        // A long time is only over when nothing else happens.
        let is_long = self.is_calm && choices.total == 0;
        let idle = if is_long { 1 } else { self.rates.faults.idle * u32::from(!self.is_calm) };
        for (way, actor) in &self.conversations {
            choices.add(idle, actor.may_idle(), Action::Idle(*way));
        }
    }

    fn clients_and_network(&self, choices: &mut Choices, step: u32) {
        let (network, people) = (self.turn(Part::Network, step), self.turn(Part::Client, step));
        for (at, client) in self.clients.iter().enumerate() {
            let comes_anew = client.is_displaced && !self.is_calm;
            choices.add(people.div_ceil(20), comes_anew, Action::ClientBeginsAnew(at));
            // Slowly: the client may have connected again by then.
            choices.add(network.div_ceil(8), client.late.is_some(), Action::LateRequest(at));
            let Some(connection) = &client.connection else {
                choices.add(network, self.may_connect(at), Action::Connect(at));
                continue;
            };
            for (lane, from) in connection.busy() {
                choices.add(network, from <= self.now, Action::Arrives(at, lane));
            }
            choices.add(network, connection.datagrams_come(self.now), Action::DatagramArrives(at));
            choices.add(people, client.can_send(), Action::ClientSends(at));
            for (conversation, following) in &client.follows {
                let is_due = following.follow.due().is_some_and(|due| due <= self.now);
                choices.add(people, is_due && client.has_room(), Action::Subscribe(at, *conversation));
                let looks_again = following.follow.is_over() && !self.is_calm;
                choices.add(people / 5, looks_again, Action::FollowAgain(at, *conversation));
            }
            choices.add(people / 3, !self.is_calm && self.has_something_to_ask(at), Action::ClientActs(at));
        }
    }

    fn faults(&self, choices: &mut Choices) {
        let faults = &self.rates.faults;
        for (at, client) in self.clients.iter().enumerate() {
            choices.add(faults.cut, client.connection.is_some(), Action::Cut(at));
            choices.add(faults.address_changes, client.connection.is_some(), Action::AddressChanges(at));
            choices.add(faults.client_begins_anew, true, Action::ClientBeginsAnew(at));
            for conversation in client.follows.keys() {
                choices.add(faults.follows_again, client.has_room(), Action::FollowAgain(at, *conversation));
            }
        }
        for (way, actor) in &self.conversations {
            choices.add(faults.conversation_fails, actor.is_ready(), Action::ConversationFails(*way));
        }
        for id in self.sessions.keys() {
            choices.add(faults.session_fails, true, Action::SessionFails(*id));
            choices.add(faults.session_sticks, self.may_stick(*id), Action::SessionSticks(*id));
        }
        let has_workspace = self.workspace.as_ref().is_some_and(WorkspaceActor::is_open);
        choices.add(faults.workspace_fails, has_workspace, Action::WorkspaceFails);
        for member in self.agents() {
            choices.add(faults.agent_fails, true, Action::AgentFails(member));
        }
        let (is_slow, is_late) = (self.is_disk_slow(), self.slow_commit_ends().is_some());
        choices.add(faults.disk_slows, !is_slow, Action::DiskSlows);
        // Much happens between two steps then, and everything else goes on.
        choices.add(self.rates.turns[Part::Disk as usize].div_ceil(10), is_late, Action::TimePasses);
        choices.add(faults.disk_fills, true, Action::DiskFills);
        choices.add(faults.disk_frees, self.space.is_short(), Action::DiskFrees);
        // Rather in the middle of a commit than when nothing happens.
        let at_stake = if self.disk.is_writing() && !is_late { 12 } else { 1 };
        choices.add(at_stake * faults.crash, true, Action::Crash);
        choices.add(faults.settings_change, true, Action::SettingsChange);
        choices.add(faults.time_passes, true, Action::TimePasses);
        choices.add(faults.stall, self.stalled.is_none(), Action::Stall);
    }

    /// How likely a part has its turn: not at all while it is stalled.
    fn turn(&self, part: Part, step: u32) -> u32 {
        match self.stalled {
            Some((stalled, until)) if stalled == part && step < until => 0,
            Some(_) | None => self.rates.turns[part as usize],
        }
    }

    fn perform(&mut self, action: Action, step: u32) {
        match action {
            Action::TakeOrder => self.take_order(),
            Action::BeginCommit => self.begin_commit(),
            Action::EndCommit => self.end_commit(),
            Action::LookAtDisk => self.look_at_disk(),
            Action::DiskSlows => self.slow_disk(),
            Action::DiskFills => self.fill_disk(),
            Action::DiskFrees => self.free_disk(),
            Action::TryDiskAgain => self.try_disk_again(),
            Action::StoreSnapshot => self.store_snapshot(),
            Action::Workspace => self.run_workspace(),
            Action::DeskLooks => self.desk_looks(),
            Action::LooksForSigns(id) => self.look_for_signs(id),
            Action::AgentLooks(member) => self.agent_looks(member),
            Action::SessionOverdue(id) => {
                self.note(Count::StuckSessionEnded);
                self.fail_session(id);
            }
            Action::AgentFails(member) => self.fail_agent(member),
            Action::SessionSticks(id) => self.stick(id),
            Action::LookDue(way) => self.look_due(way),
            Action::BotAnswers(at) => self.bot_answers(at),
            Action::SettingsChange => self.change_settings(),
            Action::TimePasses => self.time_passes(),
            Action::Conversation(way) => self.run_conversation(way),
            Action::EndOrphan(way) => self.end_orphan(way),
            Action::Session(id) => self.run_session(id),
            Action::Pump(id) => self.run_pump(id),
            Action::ReadHistory(at) => self.read_history(at),
            Action::ReadList(at) => self.read_list(at),
            Action::LookUp(at) => self.look_up(at),
            Action::Recall(at) => self.recall(at),
            Action::Arrives(at, lane) => self.arrives(at, lane),
            Action::DatagramArrives(at) => self.datagram_arrives(at),
            Action::AddressChanges(at) => self.change_address(at),
            Action::LateRequest(at) => self.late_request(at),
            Action::ClientSends(at) => self.client_sends(at),
            Action::ClientActs(at) => self.client_acts(at),
            Action::Subscribe(at, conversation) => self.subscribe(at, conversation),
            Action::Connect(at) => self.connect(at),
            Action::Idle(way) => self.idle(way),
            Action::FollowAgain(at, conversation) => self.follow_again(at, conversation),
            Action::ConversationFails(way) => self.fail_conversation(way),
            Action::SessionFails(id) => self.fail_session(id),
            Action::WorkspaceFails => self.fail_workspace(),
            Action::Cut(at) => {
                self.note(Count::Cut);
                self.cut(at);
            }
            Action::ClientBeginsAnew(at) => self.start_anew(at),
            Action::Crash => self.crash(),
            Action::Stall => {
                self.note(Count::Stall);
                let part = Part::ALL[self.rng.usize(..Part::COUNT)];
                self.stalled = Some((part, step + self.rng.u32(5..80)));
            }
        }
        if self.stalled.is_some_and(|(_, until)| step >= until) {
            self.stalled = None;
        }
    }

    /// Ends the faults, lets everything come to rest, and lets everybody leave.
    pub(crate) fn come_to_rest(&mut self, mut step: u32) -> u32 {
        (self.is_calm, self.stalled) = (true, None);
        self.calm_until = self.now + Duration::from_secs(REST_SECONDS);
        self.empty_disk();
        self.quicken_disk();
        step = self.run_out(step);
        if self.restore_members() {
            step = self.run_out(step);
        }
        for _ in 0..FOLLOW_AGAIN_MAX {
            let is_quarantined = self.workspace.as_ref().is_some_and(WorkspaceActor::has_quarantined);
            if !is_quarantined && !self.somebody_misses_something() {
                break;
            }
            if is_quarantined {
                // What is set aside stays so until the engine is started again.
                self.crash();
            }
            // What was refused because it had not begun may have begun meanwhile.
            self.clients.iter_mut().for_each(Client::follow_what_was_refused);
            step = self.run_out(step);
        }
        self.check_at_rest();
        if self.broken.is_none() {
            self.say(|| "everybody leaves".to_owned());
            for at in 0..self.clients.len() {
                self.clients[at].has_left = true;
                self.cut(at);
            }
            self.calm_until = self.now + Duration::from_secs(REST_SECONDS);
            step = self.run_out(step);
            self.check_deserted();
            self.check_nothing_is_overdue();
            self.check_nobody_waits_for_the_absent();
        }
        step
    }

    fn somebody_misses_something(&self) -> bool {
        self.clients.iter().filter(|client| !client.is_displaced).any(|client| {
            let reader = client.identity.reader();
            let mut follows = client.follows.iter();
            follows.any(|(id, following)| following.follow.is_over() && self.model.has_begun(*id, reader))
        })
    }

    /// Steps until nothing can happen any more.
    fn run_out(&mut self, first: u32) -> u32 {
        for step in first..first + REST_STEPS_MAX {
            if self.broken.is_some() || !self.step(step) {
                return step;
            }
        }
        self.broken(Promise::Alive, format!("no rest after {REST_STEPS_MAX} steps"));
        first + REST_STEPS_MAX
    }
}

/// What could happen, each with its weight.
struct Choices {
    found: Vec<(u32, Action)>,
    total: u32,
}

impl Choices {
    fn add(&mut self, weight: u32, is_possible: bool, action: Action) {
        if is_possible && weight > 0 {
            self.total += weight;
            self.found.push((self.total, action));
        }
    }

    fn pick(&self, rng: &mut fastrand::Rng) -> Option<Action> {
        if self.total == 0 {
            return None;
        }
        let drawn = rng.u32(..self.total);
        let at = self.found.partition_point(|(up_to, _)| *up_to <= drawn);
        self.found.get(at).map(|(_, action)| *action)
    }
}

/// Longer than any grace and any time after which something ends by itself, and than the doors are closed once.
const REST_SECONDS: u64 = 240;

/// Far more steps than it takes to come to rest.
const REST_STEPS_MAX: u32 = 20_000;

/// More often than that nobody is refused once everything is at rest.
const FOLLOW_AGAIN_MAX: usize = 3;
