//! Calls while everything happens at once: agents come and go, give on, complete; customers take back; the owner
//! changes the maximum; the daemon is killed and started again.
//!
//! Owns who does what. What must be so of what is stored, `record` knows. Must not know how assignment works.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard::clock;
use switchboard_client::vocabulary::{
    CategoryPath, ConversationId, DisplayName, MemberId, Timestamp, Token, UserKey,
};
use switchboard_client::wire::{
    AuditEntry, Change, Choosing, Credentials, Load, ProfileAssignment, Role, TeamAssignment, TeamService,
};
use switchboard_client::{Accepted, Client, ClientError, ConnectOptions, Desk, DeskUpdate, Endpoint};
use tokio::sync::{RwLock, mpsc, watch};
use tokio::task::JoinSet;

use crate::chance::Chance;
use crate::daemon::Daemon;
use crate::people::{self, as_customer, as_member, stored};
use crate::wait::in_time;
use record::{Check, End, Read, Seen};

/// For figures: `SWITCHBOARD_CALLS=10000 SWITCHBOARD_AGENTS=50 cargo test --release --test process calls --
/// --nocapture`, and with `SWITCHBOARD_CALM=1` the same without kills, absences, edits, and time that
/// agents take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_under_fire_are_never_too_many_for_anybody_and_every_one_of_them_ends() {
    let asked = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |asked| asked.parse().unwrap());
    let (calls, agents) = (asked("SWITCHBOARD_CALLS", CALLS), asked("SWITCHBOARD_AGENTS", AGENTS));
    let is_calm = asked("SWITCHBOARD_CALM", 0) == 1;
    let (mut chance, daemon) = (Chance::seeded(), Daemon::running().await);
    let (house, mut running) = House::open(&daemon, agents, is_calm, &mut chance).await;
    let begun = clock::instant();
    let customers = JoinSet::from_iter((0..CALLERS).map(|_| house.clone().call(calls, chance.branch())));
    let desk = tokio::spawn(house.clone().follow_desk());
    if !is_calm {
        running.spawn(house.clone().edit(chance.branch()));
    }
    let kills = tokio::spawn(house.clone().kill_again_and_again(daemon, chance.branch()));
    customers.join_all().await;
    println!("all have called after {:.1} s", begun.elapsed().as_secs_f64());
    *house.steps_in.write().await = false;
    house.until_over().await;
    println!("{calls} calls, {agents} agents: over after {:.1} s", begun.elapsed().as_secs_f64());
    house.over.store(true, Ordering::Relaxed);
    let mut daemon = kills.await.unwrap();
    running.join_all().await;
    desk.abort();
    daemon.stop().await;
    println!("{}", daemon.verified().await);
    daemon.start().await;
    house.check().await;
    daemon.stop().await;
}

/// What everybody shares.
#[derive(Clone)]
struct House {
    endpoint: Endpoint,
    options: ConnectOptions,
    owner: Client,
    profile: Credentials,
    /// What was seen of it.
    seen: Arc<Mutex<Seen>>,
    /// The conversations that are known, and who is to be told what concerns them.
    known: Arc<Mutex<BTreeSet<ConversationId>>>,
    told: Arc<BTreeMap<MemberId, mpsc::UnboundedSender<ConversationId>>>,
    /// Who is there, as the desk says.
    board: Arc<watch::Sender<BTreeSet<MemberId>>>,
    called: Arc<AtomicU64>,
    /// What was refused, by whom.
    refused: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Whether agents still take what nobody called them for. Whoever does holds it until it is answered, so that
    /// nothing begins any more once it is set.
    steps_in: Arc<RwLock<bool>>,
    over: Arc<AtomicBool>,
    is_calm: bool,
}

/// An agent, with what there may be to do.
struct Agent {
    member: MemberId,
    credentials: Credentials,
    work: mpsc::UnboundedReceiver<ConversationId>,
    colleagues: Vec<MemberId>,
    chance: Chance,
}

impl House {
    /// A workspace with agents, who are at work.
    async fn open(daemon: &Daemon, agents: u64, is_calm: bool, chance: &mut Chance) -> (Self, JoinSet<()>) {
        let mut options = people::options(daemon, as_member(&daemon.demo().owner.token));
        options.first_attempts = u32::MAX;
        let endpoint = Endpoint::new().unwrap();
        let owner = Client::connect_on(&endpoint, options.clone()).await.unwrap();
        let (mut told, mut work) = (BTreeMap::new(), Vec::new());
        for number in 0..agents {
            let token = Token::new(clock::token()).unwrap();
            let name = DisplayName::new(format!("agent {number}")).unwrap();
            let (member, role) = (None, Role::Readonly);
            owner.change(Change::AddMember { member, name, role, token: Some(token.clone()) }).await.unwrap();
            let credentials = Credentials::Agent { token };
            let options = ConnectOptions { credentials: credentials.clone(), ..options.clone() };
            let client = Client::connect_on(&endpoint, options).await.unwrap();
            let (tell, hear) = mpsc::unbounded_channel();
            told.insert(client.member().unwrap(), tell);
            work.push((client, credentials, hear));
        }
        let house = Self {
            endpoint,
            options,
            owner,
            profile: as_customer(daemon, "nobody"),
            told: Arc::new(told),
            board: Arc::new(watch::Sender::default()),
            seen: Arc::default(),
            known: Arc::default(),
            called: Arc::default(),
            refused: Arc::default(),
            steps_in: Arc::new(RwLock::new(true)),
            over: Arc::default(),
            is_calm,
        };
        house.set(daemon).await;
        let colleagues: Vec<MemberId> = house.told.keys().copied().collect();
        let serving = work.into_iter().map(|(client, credentials, work)| {
            let (member, colleagues) = (client.member().unwrap(), colleagues.clone());
            let agent = Agent { member, credentials, work, colleagues, chance: chance.branch() };
            house.clone().serve(client, agent)
        });
        let running = JoinSet::from_iter(serving);
        (house, running)
    }

    /// Everything is assigned, to these agents alone.
    async fn set(&self, daemon: &Daemon) {
        let service = TeamService {
            silent_minutes: None,
            unserved_minutes: None,
            grace_seconds: 1,
            keep_in_progress: false,
            early_cancel_is_no_miss: true,
            several_places: false,
        };
        self.owner.change(Change::TeamService { service }).await.unwrap();
        self.set_maximum(5).await;
        let general = Some(self.told.keys().copied().collect());
        let assignment = ProfileAssignment { automatic: true, general, ..ProfileAssignment::default() };
        let profile = daemon.demo().profile;
        self.owner.change(Change::ProfileAssignment { profile, assignment }).await.unwrap();
    }

    async fn set_maximum(&self, maximum: u32) {
        let load = Load { maximum, in_hours_first: false, own_list_only: false };
        let assignment = TeamAssignment { choosing: Choosing::default(), load };
        let changed = self.owner.change(Change::TeamAssignment { assignment }).await.unwrap();
        let now = clock::now();
        self.seen().changed.extend(changed.revision.map(|revision| (revision, now)));
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<ConversationId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self, credentials: Credentials) -> Client {
        let options = ConnectOptions { credentials, ..self.options.clone() };
        in_time("session", Client::connect_on(&self.endpoint, options)).await.unwrap()
    }

    /// One customer after the other calls, and some take it back.
    async fn call(self, calls: u64, mut chance: Chance) {
        loop {
            let number = self.called.fetch_add(1, Ordering::Relaxed);
            if number >= calls {
                return;
            }
            let mut credentials = self.profile.clone();
            if let Credentials::Customer { user_key, .. } = &mut credentials {
                *user_key = UserKey::new(format!("customer {number}")).unwrap();
            }
            let customer = self.connect(credentials).await;
            let conversation = in_time("conversation", customer.open()).await.unwrap();
            self.known().insert(conversation);
            self.told("call", customer.call(conversation, CategoryPath::default()).await);
            if chance.once_in(10) {
                chance.while_below(BEFORE_CANCEL).await;
                self.told("cancel", customer.cancel(conversation).await);
            }
            in_time("goodbye", customer.close()).await.unwrap();
        }
    }

    /// What became of what somebody did; being refused is nothing unusual here.
    fn told(&self, what: &str, answer: Result<Accepted, ClientError>) -> Option<Timestamp> {
        match answer {
            Ok(accepted) => accepted.at,
            Err(ClientError::Rejected(why)) => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused.entry(format!("{what}: {:?}", why.code())).or_default() += 1;
                None
            }
            Err(other) => panic!("{what}: {other}"),
        }
    }

    /// The daemon is killed at any moment and started again.
    async fn kill_again_and_again(self, mut daemon: Daemon, mut chance: Chance) -> Daemon {
        while !self.is_calm && !self.over.load(Ordering::Relaxed) {
            chance.while_below(BETWEEN_KILLS).await;
            daemon.kill();
            // Not before: whatever it has stored is older.
            let at = clock::now();
            self.seen().kills.push(at);
            self.board.send_modify(BTreeSet::clear);
            daemon.start().await;
        }
        daemon
    }

    /// An agent at work, who goes away now and then.
    async fn serve(self, mut client: Client, mut agent: Agent) {
        while !self.over.load(Ordering::Relaxed) {
            if let Ok(work) = tokio::time::timeout(LOOK_UP, agent.work.recv()).await {
                let Some(conversation) = work else { return };
                self.work(&client, &mut agent, conversation).await;
            }
            if !self.is_calm && agent.chance.once_in(25) {
                client = self.go_away(client, &mut agent).await;
            }
        }
        in_time("goodbye", client.close()).await.unwrap();
    }

    /// Something that may be this agent's: it is served, and given on or completed.
    async fn work(&self, client: &Client, agent: &mut Agent, conversation: ConversationId) {
        self.told("join", client.join(conversation).await);
        if !self.is_calm {
            agent.chance.while_below(SERVICE).await;
        }
        if !self.is_calm && agent.chance.once_in(20) {
            let colleagues = &agent.colleagues;
            let to = colleagues[agent.chance.below(colleagues.len() as u64) as usize];
            let given = self.told("transfer", client.transfer(conversation, agent.member, to).await);
            self.answered(conversation, given);
        } else {
            self.told("complete", client.complete(conversation).await);
        }
        if !self.is_calm && agent.chance.once_in(20) {
            let other = {
                let known = self.known();
                known.iter().nth(agent.chance.below(known.len() as u64) as usize).copied()
            };
            let Some(other) = other else { return };
            let steps_in = self.steps_in.read().await;
            if !*steps_in {
                return;
            }
            let taken = self.told("take", client.take(other).await);
            self.answered(other, taken);
        }
    }

    fn answered(&self, conversation: ConversationId, at: Option<Timestamp>) {
        let now = clock::now();
        self.seen().answered.extend(at.map(|at| ((conversation, at), now)));
    }

    async fn go_away(&self, client: Client, agent: &mut Agent) -> Client {
        let mut board = self.board.subscribe();
        let here = board.wait_for(|board| board.contains(&agent.member));
        in_time("agent on the board", here).await.unwrap();
        in_time("goodbye", client.close()).await.unwrap();
        let gone = board.wait_for(|board| !board.contains(&agent.member));
        in_time("agent off the board", gone).await.unwrap();
        let gone = clock::now();
        agent.chance.while_below(ABSENCE).await;
        self.seen().absences.push((agent.member, gone, clock::now()));
        self.connect(agent.credentials.clone()).await
    }

    /// The owner has other ideas again and again.
    async fn edit(self, mut chance: Chance) {
        while !self.over.load(Ordering::Relaxed) {
            chance.while_below(BETWEEN_EDITS).await;
            self.set_maximum(u32::try_from(1 + chance.below(8)).unwrap()).await;
        }
    }

    /// Tells agents what is theirs, and who is there.
    async fn follow_desk(self) {
        let mut desk: Desk = in_time("desk", self.owner.desk()).await.unwrap();
        while let Some(update) = desk.next().await {
            match update.unwrap() {
                DeskUpdate::Snapshot { rows, agents } => {
                    rows.iter().for_each(|row| self.tell(row.assignee, row.conversation));
                    let here = agents.iter().filter(|agent| agent.online).map(|agent| agent.member);
                    self.board.send_replace(here.collect());
                }
                DeskUpdate::Row(row) => self.tell(row.assignee, row.conversation),
                DeskUpdate::Gone(_) | DeskUpdate::Counts(_) | DeskUpdate::ProfileCounts { .. } => {}
                DeskUpdate::Agent(agent) => self.board.send_modify(|board| {
                    board.remove(&agent.member);
                    board.extend(agent.online.then_some(agent.member));
                }),
            }
        }
    }

    fn tell(&self, assignee: Option<MemberId>, conversation: ConversationId) {
        if let Some(agent) = assignee.and_then(|member| self.told.get(&member)) {
            // One that has gone home has nothing more to do.
            let _ = agent.send(conversation);
        }
    }

    /// Waits until nothing goes on in any conversation, as it is stored. Nothing begins any more. Agents are told
    /// again of what the desk may not have shown.
    async fn until_over(&self) {
        let mut patience = Patience::default();
        let mut open: Vec<_> = self.known().iter().copied().collect();
        loop {
            let read = self.read(open).await;
            open = read.iter().filter(|(_, it)| it.is_open).map(|(id, _)| *id).collect();
            for (conversation, read) in &read {
                self.tell(read.assignee, *conversation);
            }
            if open.is_empty() {
                return;
            }
            patience.look(open.len(), &read);
            let _ = tokio::time::timeout(LOOK_UP, std::future::pending::<()>()).await;
        }
    }

    /// These conversations as they are stored.
    async fn read(&self, conversations: Vec<ConversationId>) -> Vec<(ConversationId, Read)> {
        let (mut reading, mut all) = (JoinSet::new(), Vec::new());
        for conversation in conversations {
            let owner = self.owner.clone();
            reading.spawn(async move {
                (conversation, record::read(conversation, &stored(&owner, conversation).await))
            });
            if reading.len() == READERS {
                all.extend(reading.join_next().await.map(Result::unwrap));
            }
        }
        all.extend(reading.join_all().await);
        all
    }

    /// Reads everything, and sees to it that it is as it must be.
    async fn check(&self) {
        let conversations: Vec<ConversationId> = self.known().iter().copied().collect();
        let reads: Vec<Read> = self.read(conversations).await.into_iter().map(|(_, read)| read).collect();
        assert!(reads.iter().all(|read| !read.is_open), "it was over, and is not any more");
        let (mut counts, mut ends) = (BTreeMap::new(), BTreeMap::<End, usize>::new());
        for read in &reads {
            read.counts.iter().for_each(|(what, count)| *counts.entry(*what).or_insert(0) += count);
            read.ends.iter().for_each(|end| *ends.entry(*end).or_default() += 1);
        }
        let audit = self.audit().await;
        let seen = self.seen();
        let check = Check::new(&seen, &audit, &reads);
        let ((most, beside_hands), tried) = (check.capacity(), check.presence());
        println!("{counts:?}\n{ends:?}\nrefused: {:?}", self.refused.lock().unwrap());
        println!(
            "{} kills, {} absences, {} edits; at most {most} at a time; {beside_hands} were decided beside what \
             hands had done, {tried} while somebody was seen to be gone",
            seen.kills.len(),
            seen.absences.len(),
            seen.changed.len(),
        );
        let begun = counts.get("called").unwrap_or(&0) + counts.get("stepped in").unwrap_or(&0);
        assert_eq!(ends.values().sum::<usize>(), begun, "every consultation ends once");
        assert!(reads.iter().all(|read| !read.ends.is_empty()), "each customer called, or was served before");
        assert!(counts.get("assigned").is_some_and(|assigned| *assigned * 2 > reads.len()), "{counts:?}");
    }

    /// All that was changed, oldest first.
    async fn audit(&self) -> Vec<AuditEntry> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = in_time("audit", self.owner.audit(before, 100)).await.unwrap();
            before = page.entries.last().map(|entry| entry.revision);
            all.extend(page.entries);
            if !page.more {
                all.reverse();
                return all;
            }
        }
    }
}

/// As long as something becomes of it, it is waited for.
#[derive(Default)]
struct Patience {
    left: usize,
    since: Option<std::time::Instant>,
}

impl Patience {
    fn look(&mut self, left: usize, read: &[(ConversationId, Read)]) {
        let since = *self.since.get_or_insert_with(clock::instant);
        if left != self.left {
            (self.left, self.since) = (left, None);
        } else if since.elapsed() > STUCK {
            let stuck: Vec<_> = read.iter().filter(|(_, read)| read.is_open).take(3).collect();
            panic!("{left} calls, and nothing becomes of them: {stuck:#?}");
        }
    }
}

const CALLS: u64 = 300;

const AGENTS: u64 = 8;

/// So many customers at a time.
const CALLERS: u64 = 32;

const READERS: usize = 64;

const BETWEEN_KILLS: Duration = Duration::from_secs(3);

const BETWEEN_EDITS: Duration = Duration::from_millis(400);

const BEFORE_CANCEL: Duration = Duration::from_millis(200);

/// How long agents take for a customer.
const SERVICE: Duration = Duration::from_millis(40);

const ABSENCE: Duration = Duration::from_millis(500);

const LOOK_UP: Duration = Duration::from_millis(200);

/// Nothing has come to an end for so long: something is lost.
const STUCK: Duration = Duration::from_secs(60);
