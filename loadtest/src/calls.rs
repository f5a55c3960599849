//! Calls: customers who call agents at a rate, and how soon somebody has each of them.
//!
//! Owns the calling and the serving, at a profile and by agents of its own, so that whatever else there is stays
//! as it is. A call is due at a moment that was fixed before, and its latencies count from then. Must not know how
//! assignment works.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;
use hdrhistogram::Histogram;
use switchboard_client::vocabulary::{
    CategoryPath, ConversationId, DisplayName, MemberId, ProfileId, ProfileTitle, Seq, Token,
};
use switchboard_client::wire::{Change, EventKind, Load as Most, ProfileAssignment, Role};
use switchboard_client::{Client, Endpoint, Following, Update};

use crate::clock::Micros;
use crate::report::CallReport;
use crate::target::Target;
use crate::{Failure, clock, pairs};

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct CallLoad {
    /// Calls.
    pub calls: u64,
    /// Calls a second.
    pub rate: f64,
    /// Agents.
    pub agents: usize,
    /// The most consultations that each may have.
    pub maximum: u32,
    /// Customers, each with one call at a time. More than all agents may have: then some wait.
    pub customers: usize,
    /// How long an agent takes for each.
    pub service: Duration,
    /// UDP sockets that clients share.
    pub sockets: usize,
}

/// Puts the load on the daemon.
///
/// # Errors
/// When it could not be put on it, or a call was not assigned within a minute.
pub async fn run(load: &CallLoad, target: &Target) -> Result<CallReport, Failure> {
    let centre = Centre::open(load, target).await?;
    let run = clock::run_name();
    let mut lines = Vec::with_capacity(load.customers);
    for number in 0..load.customers.max(1) {
        lines.push(centre.line(target, &run, number).await?);
    }
    let turns =
        Arc::new(Turns { next: AtomicU64::new(0), begun: clock::now() + BEGIN_AFTER_MICROS, load: *load });
    let calling = lines.into_iter().map(|line| tokio::spawn(line.call(Arc::clone(&turns))));
    let calling: FuturesUnordered<_> = calling.collect();
    let seen: Vec<Seen> = calling.map_err(Failure::of("a customer")).try_fold(Vec::new(), add).await?;
    let seconds = (clock::now() - turns.begun) as f64 / 1e6;
    centre.close().await?;
    let mut all = Seen::new()?;
    for seen in &seen {
        all.called.add(&seen.called).map_err(Failure::of("a histogram"))?;
        all.assigned.add(&seen.assigned).map_err(Failure::of("a histogram"))?;
    }
    Ok(CallReport {
        customers: load.customers,
        agents: load.agents,
        maximum: load.maximum,
        rate: load.rate,
        seconds,
        due_to_called: (&all.called).into(),
        due_to_assigned: (&all.assigned).into(),
    })
}

async fn add(mut all: Vec<Seen>, seen: Result<Seen, Failure>) -> Result<Vec<Seen>, Failure> {
    all.push(seen?);
    Ok(all)
}

/// Whose turn it is to call, and when.
struct Turns {
    next: AtomicU64,
    begun: Micros,
    load: CallLoad,
}

impl Turns {
    /// When the next call is due; `None` after the last.
    fn next(&self) -> Option<Micros> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let after = number as f64 * 1e6 / self.load.rate;
        (number < self.load.calls).then(|| self.begun + after as Micros)
    }
}

/// How long everything took, in microseconds.
struct Seen {
    called: Histogram<u64>,
    assigned: Histogram<u64>,
}

impl Seen {
    fn new() -> Result<Self, Failure> {
        let histogram = || {
            Histogram::new_with_bounds(1, MICROS_MAX, SIGNIFICANT_DIGITS).map_err(Failure::of("a histogram"))
        };
        Ok(Self { called: histogram()?, assigned: histogram()? })
    }
}

/// A profile whose calls are assigned automatically, and its agents.
struct Centre {
    owner: Client,
    profile: ProfileId,
    agents: Arc<BTreeMap<MemberId, Client>>,
    sockets: Vec<Endpoint>,
}

impl Centre {
    async fn open(load: &CallLoad, target: &Target) -> Result<Self, Failure> {
        let sockets = pairs::sockets(load.sockets)?;
        let owner = Client::connect_on(&sockets[0], target.owner()?).await;
        let owner = owner.map_err(Failure::of("connecting the owner"))?;
        let profile = add_profile(&owner).await?;
        let mut options = Vec::with_capacity(load.agents);
        for number in 0..load.agents.max(1) {
            let token = Token::new(format!("{}-{number}", clock::run_name()));
            let token = token.map_err(Failure::of("a token"))?;
            let name = DisplayName::new(format!("load {number}")).map_err(Failure::of("a name"))?;
            let (member, role) = (None, Role::Readonly);
            change(&owner, Change::AddMember { member, name, role, token: Some(token.clone()) }).await?;
            options.push(target.member(token));
        }
        let agents = pairs::connect_all(&sockets, options).await?;
        let agents = agents.into_iter().filter_map(|client| Some((client.member()?, client))).collect();
        let centre = Self { owner, profile, agents: Arc::new(agents), sockets };
        let most = Most { maximum: load.maximum, in_hours_first: false, own_list_only: false };
        let general = Some(centre.agents.keys().copied().collect());
        let assignment =
            ProfileAssignment { automatic: true, load: Some(most), general, ..ProfileAssignment::default() };
        change(&centre.owner, Change::ProfileAssignment { profile, assignment }).await?;
        Ok(centre)
    }

    /// A customer with a conversation that an agent watches.
    async fn line(&self, target: &Target, run: &str, number: usize) -> Result<Line, Failure> {
        let socket = &self.sockets[number % self.sockets.len()];
        let options = target.customer_of(self.profile, &format!("{run}-{number}"))?;
        let customer =
            Client::connect_on(socket, options).await.map_err(Failure::of("connecting a customer"))?;
        let conversation = customer.open().await.map_err(Failure::of("opening a conversation"))?;
        let watcher = self.agents.values().nth(number % self.agents.len());
        let watcher = watcher.ok_or_else(|| Failure("there is no agent".to_owned()))?;
        let watching = watcher.follow(conversation, Seq::ZERO).await.map_err(Failure::of("watching"))?;
        Ok(Line { customer, conversation, watching, agents: Arc::clone(&self.agents) })
    }

    /// Removes the agents; their sessions end with that.
    async fn close(self) -> Result<(), Failure> {
        for member in self.agents.keys() {
            change(&self.owner, Change::RemoveMember { member: *member }).await?;
        }
        self.owner.close().await.map_err(Failure::of("leaving"))
    }
}

/// A customer who calls again and again, and what an agent sees of it.
struct Line {
    customer: Client,
    conversation: ConversationId,
    watching: Following,
    agents: Arc<BTreeMap<MemberId, Client>>,
}

impl Line {
    async fn call(mut self, turns: Arc<Turns>) -> Result<Seen, Failure> {
        let mut seen = Seen::new()?;
        while let Some(due) = turns.next() {
            tokio::time::sleep(clock::until(due)).await;
            let called = self.customer.call(self.conversation, CategoryPath::default()).await;
            called.map_err(Failure::of("calling"))?;
            seen.called.saturating_record((clock::now() - due).max(1));
            let assigned = tokio::time::timeout(ASSIGNED_WITHIN, self.assigned()).await;
            let member = assigned.map_err(|_| Failure("a call was assigned to nobody".to_owned()))??;
            seen.assigned.saturating_record((clock::now() - due).max(1));
            let agent = self.agents.get(&member);
            let agent = agent.ok_or_else(|| Failure("a call was assigned to somebody else".to_owned()))?;
            agent.join(self.conversation).await.map_err(Failure::of("entering"))?;
            tokio::time::sleep(turns.load.service).await;
            agent.complete(self.conversation).await.map_err(Failure::of("completing"))?;
        }
        self.customer.close().await.map_err(Failure::of("leaving"))?;
        Ok(seen)
    }

    /// To whom the call is assigned.
    async fn assigned(&mut self) -> Result<MemberId, Failure> {
        while let Some(update) = self.watching.next().await {
            if let Update::Event(event) = update.map_err(Failure::of("watching"))?
                && let EventKind::Assigned { member, .. } = event.what
            {
                return Ok(member);
            }
        }
        Err(Failure("an agent's client has ended".to_owned()))
    }
}

async fn add_profile(owner: &Client) -> Result<ProfileId, Failure> {
    let title = ProfileTitle::new("load").map_err(Failure::of("a title"))?;
    let added = owner.change(Change::AddProfile { profile: None, title, greeting: None }).await;
    let revision = added.map_err(Failure::of("adding a profile"))?.revision;
    let audit =
        owner.audit(revision.map(|revision| revision + 1), 1).await.map_err(Failure::of("the audit"))?;
    let mut changes = audit.entries.into_iter().flat_map(|entry| entry.changes);
    let added = changes
        .find_map(|change| if let Change::AddProfile { profile, .. } = change { profile } else { None });
    added.ok_or_else(|| Failure("the audit does not tell the profile".to_owned()))
}

async fn change(owner: &Client, change: Change) -> Result<(), Failure> {
    owner.change(change).await.map(drop).map_err(Failure::of("changing a setting"))
}

/// The first call is due so long after everybody is ready.
const BEGIN_AFTER_MICROS: Micros = 200_000;

/// A call that nobody has by then is lost.
const ASSIGNED_WITHIN: Duration = Duration::from_secs(60);

/// Longer than two minutes counts as two minutes.
const MICROS_MAX: u64 = 120_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
