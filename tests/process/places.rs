//! From where a member serves: two real clients of one member, and what silence means.
//!
//! Owns the proof that a place is asked for, taken over and told, and that an agent is shown as being there exactly
//! while their client gives signs of life. Must not know who makes room for whom.

use std::collections::BTreeMap;

use switchboard_client::vocabulary::{MemberId, Timestamp};
use switchboard_client::wire::{Change, CloseCode, ErrorCode, ListFilter};
use switchboard_client::{Client, ClientError, ConnectOptions, ConnectionState, Desk, DeskUpdate, Ending};

use crate::chance::Chance;
use crate::daemon::Daemon;
use crate::people::{self, text};
use crate::relay::{Relay, Weather};
use crate::wait::in_time;

/// How Ada connects.
fn ada(daemon: &Daemon) -> ConnectOptions {
    people::options(daemon, people::as_member(&daemon.demo().agents[0].token))
}

async fn connected(options: ConnectOptions) -> Result<Client, ClientError> {
    in_time("session", Client::connect(options)).await
}

/// Somebody who watches the board, and is not on it.
struct Board {
    desk: Desk,
    /// Everything that was shown of each since it was asked last.
    shown: BTreeMap<MemberId, Vec<bool>>,
    _owner: Client,
}

impl Board {
    async fn of(daemon: &Daemon) -> Self {
        let owner = people::as_member(&daemon.demo().owner.token);
        let owner = connected(people::options(daemon, owner).only_looks()).await.unwrap();
        let desk = owner.desk().await.unwrap();
        Self { desk, shown: BTreeMap::new(), _owner: owner }
    }

    /// Waits until it shows a member so; returns what it has shown of them until then.
    async fn shows(&mut self, member: MemberId, online: bool) -> Vec<bool> {
        while self.shown.get(&member).and_then(|shown| shown.last()) != Some(&online) {
            let agents = match in_time("change on the board", self.desk.next()).await.unwrap().unwrap() {
                DeskUpdate::Snapshot { agents, .. } => agents,
                DeskUpdate::Agent(agent) => vec![agent],
                DeskUpdate::Row(_)
                | DeskUpdate::Gone(_)
                | DeskUpdate::Counts(_)
                | DeskUpdate::ProfileCounts { .. } => Vec::new(),
            };
            for agent in agents {
                self.shown.entry(agent.member).or_default().push(agent.online);
            }
        }
        self.shown.remove(&member).unwrap_or_default()
    }
}

/// How a client has ended.
async fn ended(client: &Client) -> Ending {
    let mut connection = client.connection();
    let closed = connection.wait_for(|state| matches!(state, ConnectionState::Closed(_)));
    match in_time("end of the client", closed).await.unwrap().clone() {
        ConnectionState::Closed(ending) => ending,
        open => panic!("{open:?}"),
    }
}

#[tokio::test]
async fn a_second_place_is_told_of_the_first_and_takes_over_and_the_first_is_told_why() {
    let daemon = Daemon::running().await;
    let mut board = Board::of(&daemon).await;
    let carla = people::customer(&daemon, "carla").await;
    let conversation = carla.open().await.unwrap();
    let first = connected(ada(&daemon)).await.unwrap();
    let member = first.member().unwrap();
    board.shows(member, true).await;
    first.take(conversation).await.unwrap();

    let refused = connected(ada(&daemon)).await;
    let Err(ClientError::ServedElsewhere { since: Some(since) }) = refused else { panic!("{refused:?}") };
    assert!(since > Timestamp::from_millis(0));
    first.post(conversation, text("still here")).await.unwrap();

    let second = connected(ada(&daemon).take_over(true)).await.unwrap();
    let ending = ended(&first).await;
    assert!(ending.is_taken_over(), "{ending}");
    assert!(
        matches!(&ending, Ending::Goodbye(goodbye)
            if goodbye.close == CloseCode::TakenOver && goodbye.reason.contains("another place")
                && goodbye.reconnect_after_ms.is_none()),
        "{ending:?}"
    );
    second.post(conversation, text("from here now")).await.unwrap();
    second.close().await.unwrap();
    let shown = board.shows(member, false).await;
    let before = shown.split_last().map(|(_, before)| before).unwrap_or_default();
    assert!(before.iter().all(|online| *online), "she was there all the while: {shown:?}");
}

#[tokio::test]
async fn whoever_is_displaced_while_the_daemon_is_away_finds_the_place_taken_and_gives_up() {
    let mut daemon = Daemon::running().await;
    let first = connected(ada(&daemon).take_over(true)).await.unwrap();
    let mut board = Board::of(&daemon).await;
    board.shows(first.member().unwrap(), true).await;
    daemon.stop().await;
    daemon.start().await;
    // Both want the place now: the first comes back by itself, as the client that took over and is no new one.
    let second = connected(ada(&daemon).take_over(true)).await.unwrap();
    let ending = ended(&first).await;
    assert!(ending.is_taken_over(), "{ending}");
    second.close().await.unwrap();
}

#[tokio::test]
async fn a_client_that_connects_again_is_not_asked_although_its_session_before_has_not_ended() {
    let daemon = Daemon::running().await;
    let mut raw = crate::raw::Raw::connect(&daemon).await;
    let token = people::as_member(&daemon.demo().agents[0].token);
    raw.hello(1, token.clone()).await;
    let mut again = crate::raw::Raw::connect(&daemon).await;
    again.hello(1, token).await;
    let refused = connected(ada(&daemon)).await;
    assert!(matches!(refused, Err(ClientError::ServedElsewhere { .. })), "{refused:?}");
}

#[tokio::test]
async fn several_places_are_a_setting_and_nobody_is_thrown_out_when_it_is_switched_off() {
    let daemon = Daemon::running().await;
    let owner = people::owner(&daemon).await;
    let first = connected(ada(&daemon)).await.unwrap();
    let service = |several_places| Change::TeamService { service: people::service(several_places) };
    owner.change(service(true)).await.unwrap();
    let second = connected(ada(&daemon)).await.unwrap();
    owner.change(service(false)).await.unwrap();
    for place in [&first, &second] {
        place.list(ListFilter::default(), None, 1).await.unwrap();
    }
    let refused = connected(ada(&daemon)).await;
    assert!(matches!(refused, Err(ClientError::ServedElsewhere { .. })), "{refused:?}");
    let third = connected(ada(&daemon).take_over(true)).await.unwrap();
    for place in [&first, &second] {
        assert!(ended(place).await.is_taken_over(), "one place is one place again");
    }
    third.list(ListFilter::default(), None, 1).await.unwrap();
}

#[tokio::test]
async fn whoever_only_looks_is_nowhere_shown_and_neither_takes_nor_writes() {
    let daemon = Daemon::running().await;
    let carla = people::customer(&daemon, "carla").await;
    let conversation = carla.open().await.unwrap();
    let mut board = Board::of(&daemon).await;
    let hers = daemon.demo().agents[0].member;
    assert_eq!(board.shows(hers, false).await, [false], "the board's beginning");
    let lookers = [connected(ada(&daemon).only_looks()).await, connected(ada(&daemon).only_looks()).await];
    let [looker, _other] = lookers.map(Result::unwrap);
    let taken = looker.take(conversation).await;
    let posted = looker.post(conversation, text("hello")).await;
    for refused in [taken, posted] {
        let Err(ClientError::Rejected(error)) = refused else { panic!("{refused:?}") };
        assert_eq!(error.code(), Some(ErrorCode::OnlyLooks), "{error}");
    }
    assert!(looker.history(conversation, None, 10).await.is_ok());
    let serving = connected(ada(&daemon)).await.unwrap();
    assert_eq!(serving.member(), Some(hers));
    assert_eq!(board.shows(hers, true).await, [true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_client_is_not_heard_any_more_is_gone_after_a_lease_and_a_quiet_one_is_not() {
    let mut daemon = Daemon::new()
        .with("listen.idle_ms", "600000")
        .with("listen.keep_alive_ms", "200")
        .with("agents.lease_ms", "1500");
    daemon.start().await;
    let mut board = Board::of(&daemon).await;
    let silent = connected(ada(&daemon)).await.unwrap();
    let quiet = silent.member().unwrap();
    let relay = Relay::to(daemon.address(), Chance::seeded()).await;
    let token = people::as_member(&daemon.demo().agents[1].token);
    let lost = people::connect_at(&daemon, relay.address(), token).await;
    let member = lost.member().unwrap();
    board.shows(quiet, true).await;
    // Twice, so that the quiet one has been quiet for longer than a lease.
    for _ in 0..2 {
        board.shows(member, true).await;
        relay.weather(Weather { lost_permille: 1_000, ..Weather::default() });
        board.shows(member, false).await;
        relay.weather(Weather::default());
    }
    board.shows(member, true).await;
    assert_eq!(board.shown.get(&quiet), None, "nothing has happened to the quiet one");
}
