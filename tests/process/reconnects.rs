//! Many clients who are sent away by a clean stop, and come back.
//!
//! Owns the proof that the server spreads their return over its window, that all of them come back by themselves
//! and miss nothing. How many come at a time is printed: it is a figure of the machine as well. Must not know how
//! the server draws.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use switchboard::clock;
use switchboard_client::vocabulary::{ConversationId, Seq, SessionId};
use switchboard_client::{Client, ConnectionState, Ending};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::daemon::Daemon;
use crate::load::watch_connection;
use crate::people::{self, said, stored, text};
use crate::wait::in_time;

/// For figures: `SWITCHBOARD_CLIENTS=1000 cargo test --release --test process come_back -- --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_under_load_come_back_from_a_stop_at_times_of_their_own_and_miss_nothing() {
    let clients = std::env::var("SWITCHBOARD_CLIENTS").map_or(CLIENTS, |asked| asked.parse().unwrap());
    let spread_ms = clients * SPREAD_MS_EACH;
    let mut daemon = Daemon::new().with("stop.reconnect_spread_ms", &spread_ms.to_string());
    daemon.start().await;
    let over = Arc::new(AtomicBool::new(false));
    let mut talkers = Vec::new();
    for number in 0..clients {
        talkers.push(Talker::begin(&daemon, number, clients, &over).await);
    }
    let sessions: Vec<SessionId> = talkers.iter().map(Talker::session).collect();
    let asked = clock::instant();
    daemon.stop().await;
    let at_stop: Vec<usize> = talkers.iter().map(|talker| *talker.answered.borrow()).collect();
    daemon.start().await;
    let ready = clock::instant();
    let returns: Vec<_> =
        talkers.iter().zip(sessions).map(|(talker, session)| talker.is_back(session)).collect();
    let mut back = Vec::new();
    for returned in returns {
        back.push(in_time("new session", returned).await.unwrap());
    }
    for (talker, at_stop) in talkers.iter_mut().zip(at_stop) {
        let went_on = talker.answered.wait_for(|answered| *answered > at_stop);
        in_time("answer in a new session", went_on).await.expect("nobody was refused anything");
    }
    let waits: Vec<u32> = talkers.iter_mut().map(Talker::was_sent_away_for).collect();
    assert!(waits.iter().all(|wait| *wait < spread_ms), "{waits:?}");
    // By chance, some quarter of the window is nobody's in less than one of 10^20 runs.
    for quarter in 0..4 {
        assert!(
            waits.iter().any(|wait| wait * 4 / spread_ms == quarter),
            "nobody in quarter {quarter}: {waits:?}"
        );
    }
    println!("{}", Figures { spread_ms, asked, ready, back });
    over.store(true, Ordering::Relaxed);
    for talker in talkers {
        talker.missed_nothing().await;
    }
    daemon.stop().await;
    println!("{}", daemon.verified().await);
}

/// A customer who says something now and then.
struct Talker {
    client: Client,
    conversation: ConversationId,
    endings: mpsc::UnboundedReceiver<Ending>,
    answered: watch::Receiver<usize>,
    talking: JoinHandle<Vec<(String, Seq)>>,
}

impl Talker {
    async fn begin(daemon: &Daemon, number: u32, of: u32, over: &Arc<AtomicBool>) -> Self {
        let client = people::customer(daemon, &format!("customer {number}")).await;
        let conversation = client.open().await.unwrap();
        let (ending_to, endings) = mpsc::unbounded_channel();
        tokio::spawn(watch_connection(client.connection(), ending_to));
        let (answered_to, answered) = watch::channel(0);
        let (talker, over) = (client.clone(), Arc::clone(over));
        let talking = tokio::spawn(async move {
            let mut turn = tokio::time::interval(Duration::from_millis(u64::from(of) * TURN_MS_EACH));
            let mut deeds = Vec::new();
            while !over.load(Ordering::Relaxed) {
                turn.tick().await;
                let what = format!("{number}: {}", deeds.len());
                let accepted = talker.post(conversation, text(what.as_str())).await.unwrap();
                deeds.push((what, accepted.seq.unwrap()));
                answered_to.send_replace(deeds.len());
            }
            deeds
        });
        Self { client, conversation, endings, answered, talking }
    }

    fn session(&self) -> SessionId {
        let ConnectionState::Connected { session } = *self.client.connection().borrow() else {
            panic!("a client is not connected")
        };
        session
    }

    /// Ends when the client has another session, and says when that was.
    fn is_back(&self, before: SessionId) -> JoinHandle<Instant> {
        let mut connection = self.client.connection();
        tokio::spawn(async move {
            let is_new = |state: &ConnectionState| match state {
                ConnectionState::Connected { session } => *session != before,
                ConnectionState::Reconnecting { .. } | ConnectionState::Closed(_) => false,
            };
            connection.wait_for(is_new).await.expect("the client lives");
            clock::instant()
        })
    }

    /// How long it was to stay away, in milliseconds.
    fn was_sent_away_for(&mut self) -> u32 {
        let first = self.endings.try_recv().expect("its session has ended");
        let Ending::Goodbye(goodbye) = first else { panic!("no goodbye: {first}") };
        goodbye.reconnect_after_ms.expect("it was asked to come back")
    }

    /// What it was answered for is stored, once and in order, and nothing else of it.
    async fn missed_nothing(self) {
        let deeds = in_time("answers to everything", self.talking).await.expect("nobody was refused");
        let stored = stored(&self.client, self.conversation).await;
        let stored: Vec<(String, Seq)> = stored
            .iter()
            .skip(BEGINNING_EVENTS)
            .filter_map(|event| Some((said(event)?.to_owned(), event.seq)))
            .collect();
        assert_eq!(stored, deeds);
        self.client.close().await.unwrap();
    }
}

/// When everybody came back.
struct Figures {
    spread_ms: u32,
    asked: Instant,
    ready: Instant,
    back: Vec<Instant>,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { spread_ms, asked, ready, back } = self;
        let mut after: Vec<u128> =
            back.iter().map(|back| back.saturating_duration_since(*ready).as_millis()).collect();
        after.sort_unstable();
        let most = after.chunk_by(|one, next| one / 100 == next / 100).map(<[u128]>::len).max();
        write!(
            f,
            "{} clients were sent away over {spread_ms} ms; clients could connect again after {} ms; from then on at \
             most {} came in a tenth of a second, half were back after {} ms, all after {} ms",
            back.len(),
            ready.saturating_duration_since(*asked).as_millis(),
            most.unwrap_or_default(),
            after[after.len() / 2],
            after[after.len() - 1],
        )
    }
}

const CLIENTS: u32 = 200;

/// The window: as many milliseconds for each client.
const SPREAD_MS_EACH: u32 = 5;

/// How often each says something: all together about a thousand times a second.
const TURN_MS_EACH: u64 = 1;

/// What a customer sees of a conversation before anybody talks: its beginning and the greeting.
const BEGINNING_EVENTS: usize = 2;
