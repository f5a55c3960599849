//! Customers and agents, by the SDK.
//!
//! Owns how they connect, and what each may see of a conversation. Must not know processes.

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::ready::Ready;
use switchboard_client::vocabulary::{Content, ConversationId, MessageText, Seq, Token, UserKey};
use switchboard_client::wire::{Change, Credentials, Event, EventKind, Sender, TeamService};
use switchboard_client::{BackoffSettings, Client, ConnectOptions, Trust};

use crate::daemon::Daemon;
use crate::wait::in_time;

/// A customer of the demo workspace.
pub(crate) async fn customer(daemon: &Daemon, user_key: &str) -> Client {
    connect(daemon, as_customer(daemon, user_key)).await
}

/// An agent of the demo workspace, by its place in the list.
pub(crate) async fn agent(daemon: &Daemon, at: usize) -> Client {
    connect(daemon, as_member(&daemon.demo().agents[at].token)).await
}

/// The owner of the demo workspace, who may serve as well.
pub(crate) async fn owner(daemon: &Daemon) -> Client {
    connect(daemon, as_member(&daemon.demo().owner.token)).await
}

/// The owner, who only looks.
pub(crate) async fn looker(daemon: &Daemon) -> Client {
    let options = options(daemon, as_member(&daemon.demo().owner.token)).only_looks();
    in_time("session", Client::connect(options)).await.unwrap()
}

/// From now on everybody may serve from several places.
pub(crate) async fn may_serve_from_several_places(daemon: &Daemon) {
    let owner = looker(daemon).await;
    owner.change(Change::TeamService { service: service(true) }).await.unwrap();
    owner.close().await.unwrap();
}

/// The team's service as it is by itself, but for this.
pub(crate) fn service(several_places: bool) -> TeamService {
    TeamService {
        silent_minutes: None,
        unserved_minutes: None,
        grace_seconds: 60,
        keep_in_progress: false,
        early_cancel_is_no_miss: false,
        several_places,
    }
}

pub(crate) fn as_customer(daemon: &Daemon, user_key: &str) -> Credentials {
    let user_key = UserKey::new(user_key).unwrap();
    Credentials::Customer { profile: daemon.demo().profile, platform: None, user_key }
}

pub(crate) fn as_member(token: &str) -> Credentials {
    Credentials::Agent { token: Token::new(token).unwrap() }
}

/// A client of the daemon, which is known by the fingerprint that its ready file told.
pub(crate) async fn connect(daemon: &Daemon, credentials: Credentials) -> Client {
    connect_at(daemon, daemon.address(), credentials).await
}

/// The same at an address from which there is a way to the daemon.
pub(crate) async fn connect_at(daemon: &Daemon, address: SocketAddr, credentials: Credentials) -> Client {
    in_time("session", Client::connect(options_at(daemon, address, credentials))).await.unwrap()
}

/// How to connect to the daemon.
pub(crate) fn options(daemon: &Daemon, credentials: Credentials) -> ConnectOptions {
    options_at(daemon, daemon.address(), credentials)
}

fn options_at(daemon: &Daemon, address: SocketAddr, credentials: Credentials) -> ConnectOptions {
    let ready: Ready = switchboard::ready::read(&daemon.ready_file()).unwrap();
    let trust = Trust::Pinned(ready.fingerprint.parse().unwrap());
    let mut options = ConnectOptions::new(vec![address], trust, credentials).backoff(IMPATIENT);
    options.connect_timeout = HANDSHAKE;
    options
}

pub(crate) fn text(text: impl Into<String>) -> Content {
    Content::text(MessageText::new(text.into()).unwrap())
}

/// What an event says, if it is a message.
pub(crate) fn said(event: &Event) -> Option<&str> {
    match &event.what {
        EventKind::Message { content, .. } => content.as_text().map(MessageText::as_str),
        EventKind::Started
        | EventKind::Called { .. }
        | EventKind::CallRefused { .. }
        | EventKind::Requeued { .. }
        | EventKind::Unserved { .. }
        | EventKind::Assigned { .. }
        | EventKind::Entered
        | EventKind::Left
        | EventKind::Completed
        | EventKind::Ended
        | EventKind::Described { .. }
        | EventKind::Unknown => None,
    }
}

/// Everything of a conversation that the client may see, as it is stored; without gaps, or the test fails.
pub(crate) async fn stored(client: &Client, conversation: ConversationId) -> Vec<Event> {
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = in_time("history", client.history(conversation, before, 200)).await.unwrap();
        before = page.events.first().map(|event| event.seq);
        pages.push(page.events);
        if !page.more {
            break;
        }
    }
    let events: Vec<Event> = pages.into_iter().rev().flatten().collect();
    without_gaps(&events);
    events
}

/// What a customer may see of what the staff see: neither who came and went, nor which agent it was, nor
/// that there is anything more.
pub(crate) fn customers_part(staff: &[Event]) -> Vec<Event> {
    let mut last = Seq::ZERO;
    let seen = staff.iter().filter(|event| match event.what {
        EventKind::Started
        | EventKind::Message { .. }
        | EventKind::Called { .. }
        | EventKind::Unserved { .. }
        | EventKind::Ended => true,
        EventKind::CallRefused { .. }
        | EventKind::Requeued { .. }
        | EventKind::Assigned { .. }
        | EventKind::Entered
        | EventKind::Left
        | EventKind::Completed
        | EventKind::Described { .. }
        | EventKind::Unknown => false,
    });
    let seen = seen.map(|event| {
        last = last.next();
        let by = match event.by {
            Sender::Agent { .. } => Sender::Agent { member: None },
            Sender::Customer | Sender::Bot | Sender::Unknown => event.by.clone(),
        };
        Event { seq: last, at: event.at, by, what: event.what.clone(), epoch: None }
    });
    seen.collect()
}

/// Sees to it that events count 1, 2, 3 and so on, and that time does not run back.
pub(crate) fn without_gaps(events: &[Event]) {
    let mut last = Seq::ZERO;
    for event in events {
        assert_eq!(event.seq, last.next(), "a gap or a repeat after {last}");
        last = event.seq;
    }
    assert!(events.is_sorted_by_key(|event| event.at), "time runs back");
}

/// A daemon that is killed every second is worth no growing wait here.
const IMPATIENT: BackoffSettings = BackoffSettings {
    first: Duration::from_millis(50),
    max: Duration::from_millis(200),
    settled: Duration::from_millis(100),
};

/// A daemon that is killed in the middle of a handshake is noticed by nothing but this.
const HANDSHAKE: Duration = Duration::from_secs(3);
