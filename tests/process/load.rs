//! People who never stop talking, in the test's own process.
//!
//! Owns the clients of several customers and agents, each with posts outstanding at all times, and what every
//! one of them was answered and shown. The clients are never made anew. Must not know what happens to the
//! daemon meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use switchboard_client::vocabulary::{ConversationId, Seq, SessionId};
use switchboard_client::wire::Event;
use switchboard_client::{Accepted, Client, ClientError, ConnectionState, Ending, Following, Update};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::daemon::Daemon;
use crate::people;
use crate::wait::{in_time, until};

/// Everybody who talks.
pub(crate) struct Load {
    pub(crate) conversations: Vec<ConversationId>,
    people: Vec<Person>,
    lines: Vec<Line>,
    over: Arc<AtomicBool>,
}

/// A client, and what it noticed of its connection.
struct Person {
    client: Client,
    endings: mpsc::UnboundedReceiver<Ending>,
    follows: Vec<Follow>,
}

/// What a client is shown of a conversation.
struct Follow {
    conversation: ConversationId,
    last: watch::Receiver<Seq>,
    shown: JoinHandle<Vec<Event>>,
}

/// Requests of one client in one conversation, in order.
struct Line {
    conversation: ConversationId,
    begun: watch::Receiver<u64>,
    answered: watch::Receiver<u64>,
    talking: JoinHandle<Vec<Deed>>,
}

/// Something that was acknowledged: the event that it became.
pub(crate) struct Deed {
    pub(crate) seq: Seq,
    pub(crate) what: Did,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Did {
    Posted(String),
    Joined,
    Left,
}

/// What one line of requests became, in order.
pub(crate) struct Acknowledged {
    pub(crate) conversation: ConversationId,
    /// Whether the sequences are the customer's.
    pub(crate) by_customer: bool,
    pub(crate) deeds: Vec<Deed>,
}

/// What one client was shown of one conversation.
pub(crate) struct Shown {
    pub(crate) conversation: ConversationId,
    /// Whether it is the customer's part.
    pub(crate) to_customer: bool,
    pub(crate) events: Vec<Event>,
}

/// How far everybody is, in the order of the lines.
pub(crate) struct Progress {
    begun: Vec<u64>,
    answered: Vec<u64>,
}

impl Progress {
    /// How many requests had been begun then that have no answer by a later time.
    pub(crate) fn unanswered_at(&self, later: &Self) -> u64 {
        self.begun.iter().zip(&later.answered).map(|(begun, answered)| begun.saturating_sub(*answered)).sum()
    }

    /// How many requests were answered.
    pub(crate) fn answers(&self) -> u64 {
        self.answered.iter().sum()
    }
}

impl Load {
    /// Customers with a conversation each, two agents who talk in all of them, and an owner who comes and
    /// goes.
    pub(crate) async fn begin(daemon: &Daemon) -> Self {
        let mut load =
            Self { conversations: Vec::new(), people: Vec::new(), lines: Vec::new(), over: Arc::default() };
        for number in 1..=CUSTOMERS {
            let user_key = format!("customer {number}");
            let client = people::customer(daemon, &user_key).await;
            let conversation = client.open().await.unwrap();
            load.conversations.push(conversation);
            load.add(client, &[conversation]).await;
            load.talk(conversation, &user_key);
        }
        let everywhere = load.conversations.clone();
        for at in 0..2 {
            load.add(people::agent(daemon, at).await, &everywhere).await;
            for (number, conversation) in everywhere.iter().enumerate() {
                let client = &load.people.last().unwrap().client;
                // One serves, the other beside.
                let entered =
                    if at == 0 { client.take(*conversation).await } else { client.join(*conversation).await };
                entered.unwrap();
                load.talk(*conversation, &format!("agent {at} to customer {number}"));
            }
        }
        load.add(people::owner(daemon).await, &everywhere).await;
        for conversation in everywhere {
            load.come_and_go(conversation);
        }
        load
    }

    /// How far everybody is.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            begun: self.lines.iter().map(|line| *line.begun.borrow()).collect(),
            answered: self.lines.iter().map(|line| *line.answered.borrow()).collect(),
        }
    }

    /// Waits until the last answers of a process that gives no more have been taken, and everybody waits for
    /// others.
    pub(crate) async fn until_quiet(&self) -> Progress {
        let (mut last, mut same) = (self.progress(), 0);
        until("end of the answers", || {
            let now = self.progress();
            same = if now.answered == last.answered { same + 1 } else { 0 };
            last = now;
            (same == QUIET_LOOKS).then_some(())
        })
        .await;
        last
    }

    /// The session that each client has.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        let session = |person: &Person| match &*person.client.connection().borrow() {
            ConnectionState::Connected { session } => *session,
            state @ (ConnectionState::Reconnecting { .. } | ConnectionState::Closed(_)) => {
                panic!("a client is not connected: {state:?}")
            }
        };
        self.people.iter().map(session).collect()
    }

    /// Waits until every client has another session, by itself, and each of its lines goes on.
    pub(crate) async fn until_resumed(&mut self, before: &[SessionId], since: &Progress) {
        for (person, before) in self.people.iter().zip(before) {
            let mut connection = person.client.connection();
            let resumed = connection.wait_for(
                |state| matches!(state, ConnectionState::Connected { session } if session != before),
            );
            in_time("new session", resumed).await.expect("the client lives");
        }
        for (line, since) in self.lines.iter_mut().zip(&since.answered) {
            let went_on = line.answered.wait_for(|answered| answered > since);
            in_time("answer in a new session", went_on).await.expect("nobody was refused anything");
        }
    }

    /// Why the last session of each client ended.
    pub(crate) fn last_endings(&mut self) -> Vec<Ending> {
        let last = |person: &mut Person| {
            std::iter::from_fn(|| person.endings.try_recv().ok()).last().expect("its session has ended")
        };
        self.people.iter_mut().map(last).collect()
    }

    /// Waits until everything that was begun is answered; nothing more is begun.
    pub(crate) async fn end_talk(&mut self) -> Vec<Acknowledged> {
        self.over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for (at, line) in self.lines.drain(..).enumerate() {
            let deeds = in_time("answers to everything", line.talking).await.expect("nobody was refused");
            all.push(Acknowledged { conversation: line.conversation, by_customer: at < CUSTOMERS, deeds });
        }
        all
    }

    /// Waits until everybody was shown everything up to the ends of their conversations, then says goodbye.
    pub(crate) async fn end(self, end: impl Fn(ConversationId, bool) -> Seq) -> Vec<Shown> {
        let mut all = Vec::new();
        for (at, person) in self.people.into_iter().enumerate() {
            let to_customer = at < CUSTOMERS;
            for follow in &person.follows {
                let end = end(follow.conversation, to_customer);
                let shown = follow.last.clone().wait_for(|last| *last >= end).await.map(|last| *last);
                assert_eq!(in_time("the last event", async { shown }).await.expect("it follows"), end);
            }
            in_time("goodbye", person.client.close()).await.unwrap();
            for follow in person.follows {
                let events = in_time("end of the stream", follow.shown).await.unwrap();
                all.push(Shown { conversation: follow.conversation, to_customer, events });
            }
        }
        all
    }

    async fn add(&mut self, client: Client, conversations: &[ConversationId]) {
        let mut follows = Vec::new();
        for conversation in conversations {
            let following = client.follow(*conversation, Seq::ZERO).await.unwrap();
            let (last_to, last) = watch::channel(Seq::ZERO);
            let shown = tokio::spawn(follow(following, last_to));
            follows.push(Follow { conversation: *conversation, last, shown });
        }
        let (ending_to, endings) = mpsc::unbounded_channel();
        tokio::spawn(watch_connection(client.connection(), ending_to));
        tokio::spawn(type_on(client.clone(), conversations[0], Arc::clone(&self.over)));
        self.people.push(Person { client, endings, follows });
    }

    /// The client that was added last talks in a conversation.
    fn talk(&mut self, conversation: ConversationId, name: &str) {
        let client = self.people.last().unwrap().client.clone();
        let (begun_to, begun) = watch::channel(0);
        let (answered_to, answered) = watch::channel(0);
        let (name, over) = (name.to_owned(), Arc::clone(&self.over));
        let talking = tokio::spawn(async move {
            let (mut pending, mut deeds) = (VecDeque::new(), Vec::new());
            for number in 1.. {
                let is_over = over.load(Ordering::Relaxed);
                while pending.len() == OUTSTANDING || (is_over && !pending.is_empty()) {
                    let (text, post) = pending.pop_front().unwrap();
                    let seq = answer(post.await);
                    deeds.push(Deed { seq, what: Did::Posted(text) });
                    answered_to.send_modify(|answered| *answered += 1);
                }
                if is_over {
                    break;
                }
                let text = format!("{name}: {number}");
                let post = client.begin_post(conversation, people::text(text.as_str())).await.unwrap();
                pending.push_back((text, post));
                begun_to.send_modify(|begun| *begun += 1);
            }
            deeds
        });
        self.lines.push(Line { conversation, begun, answered, talking });
    }

    /// The client that was added last enters a conversation and leaves it, again and again.
    fn come_and_go(&mut self, conversation: ConversationId) {
        let client = self.people.last().unwrap().client.clone();
        let (begun_to, begun) = watch::channel(0);
        let (answered_to, answered) = watch::channel(0);
        let over = Arc::clone(&self.over);
        let talking = tokio::spawn(async move {
            let mut deeds = Vec::new();
            while !over.load(Ordering::Relaxed) {
                begun_to.send_modify(|begun| *begun += 1);
                let deed = if deeds.len() % 2 == 0 {
                    Deed { seq: answer(client.join(conversation).await), what: Did::Joined }
                } else {
                    Deed { seq: answer(client.leave(conversation).await), what: Did::Left }
                };
                deeds.push(deed);
                answered_to.send_modify(|answered| *answered += 1);
            }
            deeds
        });
        self.lines.push(Line { conversation, begun, answered, talking });
    }
}

fn answer(answer: Result<Accepted, ClientError>) -> Seq {
    let accepted = answer.unwrap_or_else(|error| panic!("a request was refused: {error}"));
    accepted.seq.expect("the answer is kept for as long as it may be asked for")
}

async fn follow(mut following: Following, last_to: watch::Sender<Seq>) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    while let Some(update) = following.next().await {
        match update.unwrap() {
            Update::Event(event) => {
                last_to.send_replace(event.seq);
                events.push(event);
            }
            Update::Cursors(_) | Update::CaughtUp(_) | Update::Typing(_) => {}
        }
    }
    events
}

/// Tells why each session of a client ended.
pub(crate) async fn watch_connection(
    mut connection: watch::Receiver<ConnectionState>,
    endings: mpsc::UnboundedSender<Ending>,
) {
    let mut is_connected = true;
    while connection.changed().await.is_ok() {
        let state = connection.borrow_and_update();
        if let ConnectionState::Reconnecting { because, .. } = &*state
            && is_connected
        {
            // The last of it all is not asked for.
            let _ = endings.send(because.clone());
        }
        is_connected = matches!(*state, ConnectionState::Connected { .. });
    }
}

/// Types all the time. Whoever has sent everything and waits for answers notices a killed daemon only when
/// there is something to send; so there is.
async fn type_on(client: Client, conversation: ConversationId, over: Arc<AtomicBool>) {
    let mut every = tokio::time::interval(TYPING_EVERY);
    while !over.load(Ordering::Relaxed) {
        every.tick().await;
        client.typing(conversation, Seq::ZERO, 1_000).unwrap();
    }
}

const CUSTOMERS: usize = 3;

/// So many looks in a row without another answer: there is none under way any more.
const QUIET_LOOKS: u32 = 10;

const TYPING_EVERY: Duration = Duration::from_millis(50);

/// Posts that each line has outstanding at all times.
const OUTSTANDING: usize = 16;
