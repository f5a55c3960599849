//! Clients behind a bad network: it loses, delays and reorders, and their address changes.
//!
//! Owns the proof that a conversation does not notice. Must not know how QUIC does it.

use std::time::Duration;

use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::wire::Event;
use switchboard_client::{Client, ConnectionState, Desk, DeskUpdate, Following, Update};

use crate::chance::Chance;
use crate::daemon::Daemon;
use crate::people::{self, said, stored, text, without_gaps};
use crate::relay::{Relay, Weather};
use crate::wait::in_time;

/// A customer and an agent behind the relay, in a conversation that both follow.
struct Talk {
    customer: Client,
    agent: Client,
    conversation: ConversationId,
    shown_to_customer: Following,
    shown_to_agent: Following,
}

impl Talk {
    async fn begin(daemon: &Daemon, relay: &Relay) -> Self {
        let customer =
            people::connect_at(daemon, relay.address(), people::as_customer(daemon, "carla")).await;
        let ada = people::as_member(&daemon.demo().agents[0].token);
        let agent = people::connect_at(daemon, relay.address(), ada).await;
        let conversation = customer.open().await.unwrap();
        agent.take(conversation).await.unwrap();
        let shown_to_customer = customer.follow(conversation, Seq::ZERO).await.unwrap();
        let shown_to_agent = agent.follow(conversation, Seq::ZERO).await.unwrap();
        Self { customer, agent, conversation, shown_to_customer, shown_to_agent }
    }

    /// Both say something, and each hears the other.
    async fn exchange(&self, number: u64) {
        let (asked, answered) = (text(format!("question {number}")), text(format!("answer {number}")));
        let posting = async {
            tokio::join!(
                self.customer.post(self.conversation, asked),
                self.agent.post(self.conversation, answered)
            )
        };
        let (asked, answered) = in_time("acknowledgement", posting).await;
        assert!(asked.unwrap().seq.is_some() && answered.unwrap().seq.is_some());
    }

    /// What both were shown up to the end of what is stored: everything of it, in order.
    async fn prove(mut self, exchanges: u64) {
        let staff = stored(&self.agent, self.conversation).await;
        let customers = stored(&self.customer, self.conversation).await;
        for (following, expected) in
            [(&mut self.shown_to_agent, &staff), (&mut self.shown_to_customer, &customers)]
        {
            let mut shown: Vec<Event> = Vec::new();
            while shown.len() < expected.len() {
                if let Update::Event(event) = next(following).await {
                    shown.push(event);
                }
            }
            without_gaps(&shown);
            assert_eq!(&shown, expected);
        }
        let count =
            |word: &str| customers.iter().filter_map(said).filter(|text| text.starts_with(word)).count();
        assert_eq!((count("question") as u64, count("answer") as u64), (exchanges, exchanges));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_changes_is_no_new_login_and_loses_nothing() {
    let daemon = Daemon::running().await;
    let relay = Relay::to(daemon.address(), Chance::seeded()).await;
    let talk = Talk::begin(&daemon, &relay).await;
    let owner = people::owner(&daemon).await;
    let mut desk = owner.desk().await.unwrap();
    let online = online_agents(&mut desk).await;
    let sessions = [session(&talk.customer), session(&talk.agent)];
    for number in 0..MOVES {
        relay.move_everybody();
        talk.exchange(number).await;
    }
    assert_eq!([session(&talk.customer), session(&talk.agent)], sessions, "somebody logged in anew");
    // Whoever comes now is seen on the desk after everything that happened before.
    let ben = people::agent(&daemon, 1).await;
    let mut came = Vec::new();
    while came.is_empty() {
        if let DeskUpdate::Agent(agent) = in_time("desk", desk.next()).await.unwrap().unwrap() {
            came.push((agent.member, agent.online));
        }
    }
    assert_eq!(came, [(ben.member().unwrap(), true)], "who was there: {online}");
    talk.prove(MOVES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_delays_and_overtaking_are_not_noticed() {
    let daemon = Daemon::running().await;
    let relay = Relay::to(daemon.address(), Chance::seeded()).await;
    let talk = Talk::begin(&daemon, &relay).await;
    let sessions = [session(&talk.customer), session(&talk.agent)];
    relay.weather(Weather { lost_permille: 50, delay_max: Duration::from_millis(10) });
    for number in 0..EXCHANGES {
        talk.exchange(number).await;
    }
    relay.weather(Weather::default());
    assert_eq!([session(&talk.customer), session(&talk.agent)], sessions, "somebody logged in anew");
    talk.prove(EXCHANGES).await;
}

/// An agent follows two conversations. A datagram with an event of the first is lost; an event of the second
/// that comes after it is shown before the first has been sent again. In one common stream that can never be,
/// so one time is proof; it need not be every time, because the daemon may be quick to send again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_in_one_conversation_does_not_hold_up_another() {
    let daemon = Daemon::running().await;
    let relay = Relay::to(daemon.address(), Chance::seeded()).await;
    let ada = people::as_member(&daemon.demo().agents[0].token);
    let agent = people::connect_at(&daemon, relay.address(), ada).await;
    let (carla, dora) = (people::customer(&daemon, "carla").await, people::customer(&daemon, "dora").await);
    let (first, second) = (carla.open().await.unwrap(), dora.open().await.unwrap());
    let mut of_first = agent.follow(first, Seq::ZERO).await.unwrap();
    let mut of_second = agent.follow(second, Seq::ZERO).await.unwrap();
    for following in [&mut of_first, &mut of_second] {
        while !matches!(next(following).await, Update::CaughtUp(_)) {}
    }
    let mut overtaken = 0;
    for _ in 0..TRIES {
        relay.lose_one_longer_than(LONG_BYTES);
        carla.post(first, text("x".repeat(LONG_BYTES))).await.unwrap();
        dora.post(second, text("short")).await.unwrap();
        let (mut long, mut short) = (false, false);
        while !(long && short) {
            tokio::select! {
                update = next(&mut of_first) => long |= matches!(update, Update::Event(_)),
                update = next(&mut of_second) => {
                    short |= matches!(update, Update::Event(_));
                    overtaken += u32::from(short && !long);
                }
            }
        }
    }
    println!("{overtaken} of {TRIES} times");
    assert!(overtaken > 0, "what came later was always held up");
}

async fn next(following: &mut Following) -> Update {
    in_time("event", following.next()).await.unwrap().unwrap()
}

fn session(client: &Client) -> ConnectionState {
    let state = client.connection().borrow().clone();
    assert!(matches!(state, ConnectionState::Connected { .. }), "{state:?}");
    state
}

/// How many agents are online, as a desk is told first.
async fn online_agents(desk: &mut Desk) -> usize {
    loop {
        let update = in_time("desk", desk.next()).await.unwrap().unwrap();
        if let DeskUpdate::Snapshot { agents, .. } = update {
            return agents.iter().filter(|agent| agent.online).count();
        }
    }
}

/// How often everybody's address changes.
const MOVES: u64 = 10;

/// How often both say something in bad weather.
const EXCHANGES: u64 = 60;

/// How often the one loss is tried.
const TRIES: u32 = 20;

/// Longer than any datagram that carries only a short text.
const LONG_BYTES: usize = 700;
