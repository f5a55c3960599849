//! The world of one seed: the engine's parts, the disk below them, the clients around them.
//!
//! Owns everything that a run consists of, its clock and its random numbers. Must not know in which
//! order things happen: that is the scheduler's choice.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use switchboard::domain::conversation::{Conversation, OwnAction};
use switchboard::domain::identity::{CustomerKey, Identity};
use switchboard::domain::message::Message;
use switchboard::domain::workspace::Workspace;
use switchboard::machines::places::Places;
use switchboard::machines::room::NoRoom;
use switchboard_protocol::vocabulary::{
    ConsultationId, Content, ConversationId, InstanceId, MemberId, MessageText, Platform, ProfileId,
    Timestamp, UserKey, WorkspaceId,
};

use crate::changes::Changes;
use crate::check::Promise;
use crate::clients::Client;
use crate::conversation::{ConversationActor, HistoryRead, name};
use crate::desk::Made;
use crate::disk::{Disk, Survival};
use crate::mail::{ListReply, Mail, Run, SessionId, Way};
use crate::model::Model;
use crate::pump::Pump;
use crate::rates::{Part, Rates};
use crate::session::{Recall, Session};
use crate::settings::{self, MEMBERS, PROFILES, Timetable};
use crate::slowness::Slowness;
use crate::space::{PLENTY_BYTES, SNAPSHOT_BYTES, Space};
use crate::tally::{Count, Tally};
use crate::trace::Trace;
use crate::workspace::WorkspaceActor;
use crate::writer::Writer;

/// Everything.
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) rates: Rates,
    pub(crate) now: Duration,
    /// No fault happens any more, and nobody asks for anything new.
    pub(crate) is_calm: bool,
    /// A kind of part that has no turns until a step.
    pub(crate) stalled: Option<(Part, u32)>,
    // The process.
    pub(crate) mail: Mail,
    pub(crate) writer: Writer,
    pub(crate) workspace: Option<WorkspaceActor>,
    pub(crate) conversations: BTreeMap<Way, ConversationActor>,
    /// The settings that the workspace has told its conversations.
    pub(crate) told: RefCell<Arc<Workspace>>,
    /// What the bot will answer, and to which incarnation.
    pub(crate) bot_replies: Vec<(Way, OwnAction)>,
    /// Nothing ends by itself before this.
    pub(crate) grace_until: Timestamp,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) pumps: BTreeMap<u64, Pump>,
    pub(crate) places: Places<Rc<Identity>, InstanceId, SessionId, Box<Session>>,
    pub(crate) history_reads: Vec<HistoryRead>,
    /// Customers whose conversation the journal is asked for, and by whom.
    pub(crate) look_ups: Vec<(Run, CustomerKey)>,
    /// Customers of whom is read what was known at the end of their conversation before.
    pub(crate) recalls: Vec<Recall>,
    /// Questions for the list.
    pub(crate) list_reads: Vec<ListReply>,
    /// Snapshots that are not on the disk yet.
    pub(crate) snapshots: VecDeque<Conversation>,
    // What survives it.
    pub(crate) disk: Disk,
    pub(crate) space: Space,
    pub(crate) slowness: Slowness,
    pub(crate) clients: Vec<Client>,
    pub(crate) greeting: Option<Message>,
    /// The settings that are durable.
    pub(crate) settings: Arc<Workspace>,
    /// When the doors are open by schedule, which stays the same.
    pub(crate) timetable: Timetable,
    // What watches.
    pub(crate) model: Model,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    pub(crate) broken: Option<(Promise, String)>,
    /// Decisions that were made, by where their chance came from.
    pub(crate) decisions: BTreeMap<u64, Made>,
    /// What was to wait again, with the epoch at which it was.
    pub(crate) requeues: BTreeSet<(ConversationId, u64)>,
    /// Those that could not write why they wait, and have not since.
    pub(crate) unexplained: BTreeSet<ConversationId>,
    /// The changes of settings that were sent.
    pub(crate) changes: Changes,
    /// Profiles that were opened or closed by hand: which doors a call met is not known.
    pub(crate) were_opened_by_hand: BTreeSet<ProfileId>,
    /// Openings and closings by hand that were over.
    pub(crate) hands_over: BTreeSet<(ProfileId, Timestamp)>,
    /// So far timers are waited for at the end.
    pub(crate) calm_until: Duration,
    /// The workspace that began last.
    pub(crate) latest_run: Option<Run>,
    /// Whom work could be given to when a workspace of this process ended.
    pub(crate) present_before: BTreeMap<Run, BTreeSet<MemberId>>,
    /// Conversations that were set aside once: whoever served them was free meanwhile.
    pub(crate) set_aside: BTreeSet<ConversationId>,
    last_number: u64,
}

impl World {
    pub(crate) fn new(seed: u64, trace: Trace) -> Self {
        let mut rng = Rng::with_seed(seed);
        let rates = Rates::draw(&mut rng);
        let (greets, free_bytes) = (rng.bool(), rng.u64(..PLENTY_BYTES));
        let (settings, timetable) = settings::draw(WORKSPACE, &mut rng);
        let settings = Arc::new(settings);
        let mut world = Self {
            rng,
            rates,
            now: Duration::ZERO,
            is_calm: false,
            stalled: None,
            mail: Mail::default(),
            writer: Writer::default(),
            workspace: None,
            conversations: BTreeMap::new(),
            told: RefCell::new(Arc::clone(&settings)),
            bot_replies: Vec::new(),
            grace_until: Timestamp::from_millis(EPOCH_MS),
            sessions: BTreeMap::new(),
            pumps: BTreeMap::new(),
            places: Places::new(usize::MAX),
            history_reads: Vec::new(),
            look_ups: Vec::new(),
            recalls: Vec::new(),
            list_reads: Vec::new(),
            snapshots: VecDeque::new(),
            disk: Disk::new(WORKSPACE),
            space: Space::new(free_bytes),
            slowness: Slowness::default(),
            clients: Vec::new(),
            greeting: MessageText::new("welcome")
                .ok()
                .filter(|_| greets)
                .map(|text| Message::plain(Content::text(text))),
            settings,
            model: Model::new(timetable.clone()),
            timetable,
            changes: Changes::default(),
            requeues: BTreeSet::new(),
            unexplained: BTreeSet::new(),
            were_opened_by_hand: BTreeSet::new(),
            hands_over: BTreeSet::new(),
            calm_until: Duration::MAX,
            tally: Tally::default(),
            trace,
            broken: None,
            decisions: BTreeMap::new(),
            latest_run: None,
            present_before: BTreeMap::new(),
            set_aside: BTreeSet::new(),
            last_number: 0,
        };
        world.settle_clients();
        world.begin_space();
        world
    }

    fn settle_clients(&mut self) {
        for at in 1..=self.rates.customers {
            for _ in 0..self.rates.clients_each {
                let Some(identity) = customer(at) else { continue };
                self.settle_client(identity);
            }
        }
        for at in 0..self.rates.agents {
            // Those above the number of members are second devices.
            let member = settings::member(at as u8 % MEMBERS + 1);
            self.settle_client(Identity::Member { workspace: WORKSPACE, member });
        }
        for _ in 0..self.rates.lookers {
            let member = settings::member(self.rng.u8(1..=MEMBERS.min(self.rates.agents as u8)));
            self.settle_client(Identity::Member { workspace: WORKSPACE, member });
            self.clients.iter_mut().next_back().into_iter().for_each(|client| client.looks = true);
        }
    }

    fn settle_client(&mut self, identity: Identity) {
        let instance = self.instance();
        let mut client = Client::new(Rc::new(identity), instance);
        client.outstanding.set_window(self.rates.requests_window);
        self.clients.push(client);
    }

    /// A number that was not used before.
    pub(crate) const fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The id of a client program that begins now: ids rise with time.
    pub(crate) fn instance(&mut self) -> InstanceId {
        let number = self.number();
        InstanceId::v7(i64::try_from(number).unwrap_or(i64::MAX), [0; 10])
    }

    /// The id of a conversation that is named now: ids rise with time.
    pub(crate) fn conversation_id(&mut self) -> ConversationId {
        let mut bytes = [0; 16];
        let number = u32::try_from(self.number()).unwrap_or(u32::MAX);
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ConversationId::from_bytes(bytes)
    }

    /// The id of a consultation that may begin now.
    pub(crate) fn fresh_consultation(&mut self) -> ConsultationId {
        ConsultationId::from_bytes(*self.conversation_id().as_bytes())
    }

    /// The time as the engine reads it: now and then the clock has jumped back.
    pub(crate) fn wall_clock(&mut self) -> Timestamp {
        let now = self.true_time().as_millis();
        if self.happens(self.rates.faults.clock_jumps_back) {
            self.note(Count::ClockJumpedBack);
            return Timestamp::from_millis(now - self.rng.i64(1..CLOCK_JUMP_MS));
        }
        Timestamp::from_millis(now)
    }

    /// What the clock should say.
    pub(crate) fn true_time(&self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether an entry can be taken now.
    ///
    /// # Errors
    /// Why not: the disk is full, or something else that passes.
    pub(crate) fn has_room(&mut self) -> Result<(), Refused> {
        self.space.may_take().map_err(Refused::NoRoom)?;
        if self.writer.is_troubled() {
            return Err(Refused::Unavailable("the disk failed".to_owned()));
        }
        let is_full = self.writer.queued() > self.rates.window_entries;
        if is_full || self.happens(self.rates.faults.no_room) {
            return Err(Refused::Unavailable("too much waits".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn fails_half_way(&mut self) -> bool {
        let fails = self.happens(self.rates.faults.fails_half_way);
        if fails {
            self.note(Count::FailedHalfWay);
        }
        fails
    }

    /// Whether a fault happens that happens so often of a hundred times.
    pub(crate) fn happens(&mut self, of_a_hundred: u32) -> bool {
        !self.is_calm && of_a_hundred > 0 && self.rng.u32(..100) < of_a_hundred
    }

    /// A state is worth keeping. All of it must be durable.
    pub(crate) fn keep_snapshot(&mut self, state: Conversation) {
        if state.revision > self.disk.entries(state.id).len() as u64 {
            let what = format!("{}: a snapshot has what is not durable", name(state.id));
            self.broken(Promise::G1, what);
        }
        self.snapshots.push_back(state);
    }

    pub(crate) fn store_snapshot(&mut self) {
        if !self.may_fold() || !self.space.take(SNAPSHOT_BYTES) {
            return self.note(Count::FoldHeld);
        }
        self.note(Count::SnapshotKept);
        if let Some(snapshot) = self.snapshots.pop_front() {
            self.disk.keep_snapshot(snapshot);
        }
    }

    /// The process ends at once, and is begun again from what is on the disk.
    pub(crate) fn crash(&mut self) {
        self.note(Count::Crash);
        if self.space.may_take().is_err() {
            self.note(Count::CrashWhileFull);
        }
        let survival = if self.rng.bool() { Survival::Whole } else { Survival::Torn };
        let was_writing = self.disk.is_writing();
        self.note_while_slow(Count::CrashWhileSlow);
        self.commit_ended();
        let found = self.disk.crash(survival);
        match survival {
            Survival::Whole if !found.is_empty() => self.note(Count::CrashKept),
            Survival::Torn if was_writing => self.note(Count::CrashTorn),
            Survival::Whole | Survival::Torn => {}
        }
        self.model_durable(&found);
        self.check_disk();
        // The mailboxes first: whoever waits in this process hears nothing any more.
        self.mail = Mail::default();
        self.writer = Writer::default();
        self.workspace = None;
        self.conversations.clear();
        self.sessions.clear();
        self.pumps.clear();
        self.places = Places::new(usize::MAX);
        self.history_reads.clear();
        self.look_ups.clear();
        self.recalls.clear();
        self.list_reads.clear();
        self.bot_replies.clear();
        self.present_before.clear();
        // Customers could not write meanwhile.
        self.grace_until = Timestamp::from_millis(self.true_time().as_millis() + self.rng.i64(0..5_000));
        self.snapshots.clear();
        self.everybody_loses_connection();
        self.begin_space();
        if let Err(why) = self.space.may_take() {
            // There was no room for a segment of the log.
            self.writer.is_in_trouble(why.to_string(), true);
        }
    }

    /// Counts something.
    pub(crate) fn note(&mut self, count: Count) {
        self.tally.add(count);
    }

    /// Adds to the trace.
    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        self.trace.add(line());
    }
}

/// Why an entry cannot be taken; nothing was done.
pub(crate) enum Refused {
    NoRoom(NoRoom),
    Unavailable(String),
}

fn customer(number: u8) -> Option<Identity> {
    let customer = CustomerKey {
        profile: PROFILES[usize::from(number) % PROFILES.len()],
        platform: Platform::new("web").ok()?,
        user_key: UserKey::new(format!("customer {number}")).ok()?,
    };
    Some(Identity::Customer { workspace: WORKSPACE, customer })
}

const WORKSPACE: WorkspaceId = WorkspaceId::from_bytes([9; 16]);

/// The clock jumps back by less than this, in milliseconds.
pub(crate) const CLOCK_JUMP_MS: i64 = 10_000;

/// When every simulation begins.
pub(crate) const EPOCH_MS: i64 = 1_800_000_000_000;
