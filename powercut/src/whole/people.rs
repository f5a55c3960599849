//! Customers and an agent who never stop talking, by the SDK. Their clients are never made anew.
//!
//! Owns what each of them was answered and shown, and the comparison of that with what is stored in the end.
//! Must not know what happens to the daemon meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use switchboard::ready::{Demo, Ready};
use switchboard_client::vocabulary::{Content, ConversationId, MessageText, Seq, Token, UserKey};
use switchboard_client::wire::{Credentials, Event, EventKind};
use switchboard_client::{
    BackoffSettings, Client, ClientError, ConnectOptions, Following, PendingPost, Trust, Update,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::check::Wrong;

/// Everybody.
pub(super) struct People {
    lines: Vec<Line>,
    over: Arc<AtomicBool>,
}

/// What one client says and is shown in one conversation.
struct Line {
    client: Client,
    conversation: ConversationId,
    by_customer: bool,
    begun: watch::Receiver<u64>,
    answered: watch::Receiver<u64>,
    talking: Option<JoinHandle<Result<Vec<Deed>, Wrong>>>,
    shown: watch::Receiver<Vec<Event>>,
}

/// A message that was acknowledged, and where.
struct Deed {
    seq: Seq,
    text: String,
}

/// How far everybody is, in the order of the lines.
pub(super) struct Progress {
    begun: Vec<u64>,
    answered: Vec<u64>,
}

impl Progress {
    /// How many requests had been begun then that have no answer by a later time.
    pub(super) fn unanswered_at(&self, later: &Self) -> u64 {
        self.begun.iter().zip(&later.answered).map(|(begun, answered)| begun.saturating_sub(*answered)).sum()
    }
}

impl People {
    /// Customers with a conversation each, and an agent who serves them all.
    pub(super) async fn gather(ready: &Ready) -> Result<Self, Wrong> {
        let mut people = Self { lines: Vec::new(), over: Arc::default() };
        let agent = connect(ready, as_agent(ready)?).await?;
        for number in 1..=CUSTOMERS {
            let customer = connect(ready, as_customer(ready, number)?).await?;
            let conversation = in_time("conversation", customer.open()).await?;
            in_time("entering", agent.take(conversation)).await?;
            people.add(&customer, conversation, format!("customer {number}")).await?;
            people.add(&agent, conversation, format!("agent to customer {number}")).await?;
        }
        Ok(people)
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            begun: self.lines.iter().map(|line| *line.begun.borrow()).collect(),
            answered: self.lines.iter().map(|line| *line.answered.borrow()).collect(),
        }
    }

    /// Waits until the last answers of a process that is no more have been taken.
    pub(super) async fn until_quiet(&self) -> Result<Progress, Wrong> {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let (mut last, mut same) = (self.progress(), 0);
        for _ in 0..LOOKS_MAX {
            looks.tick().await;
            let now = self.progress();
            same = if now.answered == last.answered { same + 1 } else { 0 };
            last = now;
            if same == QUIET_LOOKS {
                return Ok(last);
            }
        }
        Err(Wrong::Problem("a daemon that was killed goes on answering".to_owned()))
    }

    /// Waits until everybody is answered again, by themselves.
    pub(super) async fn until_resumed(&mut self, since: &Progress) -> Result<(), Wrong> {
        for (line, since) in self.lines.iter_mut().zip(&since.answered) {
            let went_on = line.answered.wait_for(|answered| answered > since);
            let went_on = match tokio::time::timeout(PATIENCE, went_on).await {
                Ok(went_on) => went_on.map(drop).map_err(drop),
                Err(_) => return Err(Wrong::Problem("somebody is not answered again".to_owned())),
            };
            if went_on.is_err() {
                let why = match line.talking.take() {
                    Some(talking) => talking.await.ok().and_then(Result::err),
                    None => None,
                };
                return Err(why.unwrap_or(Wrong::Unfinished));
            }
        }
        Ok(())
    }

    /// Ends all talk and compares. Returns how many requests were acknowledged.
    pub(super) async fn prove(mut self, ready: &Ready) -> Result<usize, Wrong> {
        self.over.store(true, Ordering::Relaxed);
        let token = as_agent(ready)?;
        let reader = in_time("session", Client::connect(options(ready, token)?.only_looks())).await?;
        let mut said = Vec::new();
        for line in &mut self.lines {
            let Some(talking) = line.talking.take() else { return Err(Wrong::Unfinished) };
            let deeds = tokio::time::timeout(PATIENCE, talking).await;
            said.push(deeds.ok().and_then(Result::ok).unwrap_or(Err(Wrong::Unfinished))?);
        }
        let (mut deeds, mut events) = (0, 0);
        for (line, said) in self.lines.iter_mut().zip(said) {
            let client = if line.by_customer { &line.client } else { &reader };
            let stored = stored(client, line.conversation).await?;
            once_and_in_order(&said, &stored)?;
            line.was_shown(&stored).await?;
            deeds += said.len();
            events += if line.by_customer { 0 } else { stored.len() };
        }
        if events == deeds + CUSTOMERS * BEGINNING_EVENTS {
            return Ok(deeds);
        }
        Err(Wrong::Problem(format!("{events} events are stored of {deeds} messages")))
    }

    /// A client begins to talk and to be shown.
    async fn add(
        &mut self,
        client: &Client,
        conversation: ConversationId,
        name: String,
    ) -> Result<(), Wrong> {
        let following = in_time("conversation", client.follow(conversation, Seq::ZERO)).await?;
        let by_customer = client.member().is_none();
        let (begun_to, begun) = watch::channel(0);
        let (answered_to, answered) = watch::channel(0);
        let (shown_to, shown) = watch::channel(Vec::new());
        tokio::spawn(follow(following, shown_to));
        tokio::spawn(type_on(client.clone(), conversation, Arc::clone(&self.over)));
        let talk = Talk { conversation, name, begun: begun_to, answered: answered_to };
        let talking = Some(tokio::spawn(talk.go_on(client.clone(), Arc::clone(&self.over))));
        let client = client.clone();
        self.lines.push(Line { client, conversation, by_customer, begun, answered, talking, shown });
        Ok(())
    }
}

impl Line {
    /// Sees to it that the client was shown exactly what is stored.
    async fn was_shown(&mut self, stored: &[Event]) -> Result<(), Wrong> {
        let all = self.shown.wait_for(|shown| shown.len() >= stored.len());
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(Ok(shown)) if *shown == stored => Ok(()),
            Ok(Ok(_)) => Err(Wrong::Problem("somebody was shown something else than is stored".to_owned())),
            Ok(Err(_)) | Err(_) => Err(Wrong::Problem("somebody is not shown everything".to_owned())),
        }
    }
}

/// One who talks.
struct Talk {
    conversation: ConversationId,
    name: String,
    begun: watch::Sender<u64>,
    answered: watch::Sender<u64>,
}

impl Talk {
    async fn go_on(self, client: Client, over: Arc<AtomicBool>) -> Result<Vec<Deed>, Wrong> {
        let (mut pending, mut deeds) = (VecDeque::<(String, PendingPost)>::new(), Vec::new());
        for number in 1_u64.. {
            let is_over = over.load(Ordering::Relaxed);
            while pending.len() == OUTSTANDING || is_over {
                let Some((text, post)) = pending.pop_front() else { return Ok(deeds) };
                let accepted = post.await.map_err(|error| problem("a request", &error))?;
                let seq = accepted.seq.ok_or(Wrong::Problem("an answer is forgotten".to_owned()))?;
                deeds.push(Deed { seq, text });
                self.answered.send_modify(|answered| *answered += 1);
            }
            let text = format!("{}: {number}", self.name);
            let content = MessageText::new(text.clone()).map_err(|error| problem("a text", &error))?;
            let post = client.begin_post(self.conversation, Content::text(content)).await;
            pending.push_back((text, post.map_err(|error| problem("a request", &error))?));
            self.begun.send_modify(|begun| *begun += 1);
        }
        Ok(deeds)
    }
}

async fn follow(mut following: Following, shown: watch::Sender<Vec<Event>>) {
    // Whoever is refused is shown nothing more, which is noticed.
    while let Some(Ok(update)) = following.next().await {
        match update {
            Update::Event(event) => shown.send_modify(|shown| shown.push(event)),
            Update::Cursors(_) | Update::CaughtUp(_) | Update::Typing(_) => {}
        }
    }
}

/// Types all the time. Whoever waits for answers notices a daemon that is gone only when there is something to
/// send; so there is.
async fn type_on(client: Client, conversation: ConversationId, over: Arc<AtomicBool>) {
    let mut every = tokio::time::interval(TYPING_EVERY);
    while !over.load(Ordering::Relaxed) {
        every.tick().await;
        if client.typing(conversation, Seq::ZERO, TYPING_MS).is_err() {
            return;
        }
    }
}

/// Everything of a conversation that the client may see.
async fn stored(client: &Client, conversation: ConversationId) -> Result<Vec<Event>, Wrong> {
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let page = in_time("history", client.history(conversation, before, PAGE_EVENTS)).await?;
        before = page.events.first().map(|event| event.seq);
        pages.push(page.events);
        if !page.more {
            break;
        }
    }
    let events: Vec<Event> = pages.into_iter().rev().flatten().collect();
    let mut last = Seq::ZERO;
    for event in &events {
        if event.seq != last.next() {
            return Err(Wrong::Problem(format!("a gap or a repeat after {last} of {conversation}")));
        }
        last = event.seq;
    }
    Ok(events)
}

/// Each acknowledged message is stored once, as it was sent, where its answer said, and in the order in which
/// they were sent.
fn once_and_in_order(said: &[Deed], stored: &[Event]) -> Result<(), Wrong> {
    let mut places: BTreeMap<&str, Vec<Seq>> = BTreeMap::new();
    for event in stored {
        if let EventKind::Message { content, .. } = &event.what
            && let Some(text) = content.as_text()
        {
            places.entry(text.as_str()).or_default().push(event.seq);
        }
    }
    for Deed { seq, text } in said {
        match places.get(text.as_str()).map(Vec::as_slice) {
            Some([place]) if place == seq => {}
            found => return Err(Wrong::Problem(format!("{text:?}, acknowledged at {seq}, is at {found:?}"))),
        }
    }
    if said.is_sorted_by(|one, next| one.seq < next.seq) {
        return Ok(());
    }
    Err(Wrong::Problem("answers are out of order".to_owned()))
}

fn as_customer(ready: &Ready, number: usize) -> Result<Credentials, Wrong> {
    let user_key = UserKey::new(format!("customer {number}")).map_err(|error| problem("a key", &error))?;
    let profile = demo(ready)?.profile;
    Ok(Credentials::Customer { profile, platform: None, user_key })
}

fn as_agent(ready: &Ready) -> Result<Credentials, Wrong> {
    let agent = demo(ready)?.agents.first().ok_or(Wrong::Unfinished)?;
    Ok(Credentials::Agent {
        token: Token::new(agent.token.clone()).map_err(|error| problem("a token", &error))?,
    })
}

fn demo(ready: &Ready) -> Result<&Demo, Wrong> {
    ready.demo.as_ref().ok_or(Wrong::Problem("the first start has made no workspace".to_owned()))
}

async fn connect(ready: &Ready, credentials: Credentials) -> Result<Client, Wrong> {
    in_time("session", Client::connect(options(ready, credentials)?)).await
}

fn options(ready: &Ready, credentials: Credentials) -> Result<ConnectOptions, Wrong> {
    let fingerprint = ready.fingerprint.parse().map_err(|error| problem("a fingerprint", &error))?;
    let trust = Trust::Pinned(fingerprint);
    let mut options = ConnectOptions::new(ready.addresses.clone(), trust, credentials).backoff(IMPATIENT);
    options.connect_timeout = HANDSHAKE;
    Ok(options)
}

async fn in_time<T>(what: &str, asked: impl Future<Output = Result<T, ClientError>>) -> Result<T, Wrong> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| problem(what, &error)),
        Err(_) => Err(Wrong::Problem(format!("no {what} in time"))),
    }
}

fn problem(what: &str, error: &dyn fmt::Display) -> Wrong {
    Wrong::Problem(format!("{what}: {error}"))
}

const CUSTOMERS: usize = 4;

/// Posts that each has outstanding in each conversation at all times.
const OUTSTANDING: usize = 15;

/// What the staff see of a conversation before anybody talks: its beginning, the greeting, that the agent serves it and
/// has come in.
const BEGINNING_EVENTS: usize = 4;

const PAGE_EVENTS: u16 = 200;

const TYPING_EVERY: Duration = Duration::from_millis(50);

const TYPING_MS: u32 = 1_000;

/// So many looks in a row without another answer: there is none under way any more.
const QUIET_LOOKS: u32 = 10;

const LOOKS_MAX: u32 = 12_000;

const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Long enough for a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that is gone in the middle of a handshake is noticed by nothing but this.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// A daemon that is cut off every second is worth no growing wait.
const IMPATIENT: BackoffSettings = BackoffSettings {
    first: Duration::from_millis(50),
    max: Duration::from_millis(200),
    settled: Duration::from_millis(100),
};
