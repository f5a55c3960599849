//! The load tester against an engine in this process: it counts what there is to count.
//!
//! Owns a listener with a demo workspace, and a few short loads on it. Must not measure time: that is
//! different on every machine.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use switchboard::config::{Flags, Settings};
use switchboard::daemon::Daemon;
use switchboard_client::Trust;
use switchboard_client::vocabulary::Token;
use switchboard_loadtest::calls::{self, CallLoad};
use switchboard_loadtest::load;
use switchboard_loadtest::memory;
use switchboard_loadtest::plan::Load;
use switchboard_loadtest::target::Target;
use tempfile::TempDir;

struct Listener {
    target: Target,
    daemon: Daemon,
    _folder: TempDir,
}

impl Listener {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flags = Flags {
            data_dir: Some(folder.path().join("data")),
            listen_address: Some("127.0.0.1:0".to_owned()),
        };
        let daemon = Daemon::start(Settings::load(None, &flags).unwrap()).await.unwrap();
        let ready = daemon.ready();
        let demo = ready.demo.as_ref().unwrap();
        let target = Target {
            addresses: ready.addresses.clone(),
            trust: Trust::Pinned(ready.fingerprint.parse().unwrap()),
            profile: demo.profile,
            agents: demo.agents.iter().map(|agent| Token::new(&*agent.token).unwrap()).collect(),
            owner: Some(Token::new(&*demo.owner.token).unwrap()),
            pid: Some(ready.pid),
        };
        Self { target, daemon, _folder: folder }
    }

    async fn stop(self) {
        self.daemon.stop().await.unwrap();
    }
}

fn short_load() -> Load {
    Load {
        pairs: 5,
        rate: 400.0,
        window: 4,
        warm_up: Duration::from_millis(250),
        time: Duration::from_millis(250),
        bytes: 200,
        agent_percent: 50,
        agent_connections: None,
        sockets: 1,
        desks: 3,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_rate_every_message_is_sent_accepted_and_delivered_once() {
    let listener = Listener::start().await;
    let report = load::run(&short_load(), &listener.target).await.unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.sent, report.acknowledged, report.delivered), (200, 200, 200));
    let measured = [&report.latencies.due_to_acknowledged, &report.latencies.due_to_delivered];
    assert!(measured.iter().all(|figures| figures.count == 100), "half of them were due after the warm-up");
    assert!(report.desks == 3 && report.desk_updates > 3, "every desk begins with what there is: {report}");
    assert!(report.stages.iter().any(|stage| stage.stage == "written" && stage.count > 200));
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_fast_as_possible_through_shared_agents_nothing_is_lost() {
    let listener = Listener::start().await;
    let load = Load { rate: 0.0, agent_connections: Some(2), agent_percent: 30, ..short_load() };
    let report = load::run(&load, &listener.target).await.unwrap();
    assert!(report.is_sound() && report.sent > 0, "{report}");
    let too_few = Load { pairs: 17, agent_connections: Some(1), ..load };
    let failure = load::run(&too_few, &listener.target).await.unwrap_err();
    assert!(failure.to_string().contains("17 conversations"), "{failure}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_no_success() {
    let listener = Listener::start().await;
    let load = Load { bytes: 1_001, ..short_load() };
    let report = load::run(&load, &listener.target).await.unwrap();
    assert!(!report.is_sound(), "{report}");
    assert_eq!((report.refused, report.acknowledged), (200, 0));
    assert!(report.first_fault.as_ref().is_some_and(|fault| fault.contains("text")), "{report}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_looked_at_before_and_after() {
    let listener = Listener::start().await;
    let report = memory::idle_connections(50, 1, &listener.target).await.unwrap();
    let bytes: Vec<_> = report.steps.iter().map(|step| step.bytes_each.is_some()).collect();
    assert_eq!(bytes, [false, true, false], "{report}");
    assert!(report.steps.iter().all(|step| step.resident_bytes > 0), "{report}");
    listener.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_assigned_and_there_may_be_more_customers_than_agents_have_room_for() {
    let listener = Listener::start().await;
    let (service, sockets) = (Duration::ZERO, 1);
    let load = CallLoad { calls: 40, rate: 400.0, agents: 2, maximum: 2, customers: 8, service, sockets };
    let report = calls::run(&load, &listener.target).await.unwrap();
    assert_eq!((report.due_to_called.count, report.due_to_assigned.count), (40, 40), "{report}");
    let unowned = Target { owner: None, ..listener.target.clone() };
    let failure = calls::run(&load, &unowned).await.unwrap_err();
    assert!(failure.to_string().contains("owner"), "{failure}");
    listener.stop().await;
}
