//! The load tester against an engine in this process: it counts what there is to count.
//!
//! Owns a listener with a demo workspace, and a few short loads on it. Must not measure time: that is
//! different on every machine.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use switchboard::actors::engine::{Engine, EngineOptions};
use switchboard::demo;
use switchboard::domain::conversation::Policy;
use switchboard::journal::{Journal, JournalOptions};
use switchboard::stats::Latency;
use switchboard::transport::{Endpoint, EndpointOptions, Identity, TlsSource};
use switchboard_client::Trust;
use switchboard_client::vocabulary::Token;
use switchboard_loadtest::load::{self, Load};
use switchboard_loadtest::memory;
use switchboard_loadtest::target::Target;
use tempfile::TempDir;

struct Listener {
    target: Target,
    journal: Journal,
    _endpoint: Endpoint,
    _folder: TempDir,
}

impl Listener {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = JournalOptions::new(folder.path().join("data"));
        let (journal, _) =
            tokio::task::spawn_blocking(|| Journal::start(options, &mut |_| {})).await.unwrap().unwrap();
        let demo = demo::create(&journal).await.unwrap();
        let options = EngineOptions {
            policy: Policy::default(),
            conversation_idle: Duration::from_secs(60),
            sessions_max: 1_000,
        };
        let engine = Engine::start(journal.clone(), Latency::default(), options).await.unwrap();
        let identity = Identity::load(&TlsSource::SelfMade { dir: folder.path().join("tls") }).unwrap();
        let trust = Trust::Pinned(identity.fingerprint().parse().unwrap());
        let options = EndpointOptions {
            address: "127.0.0.1:0".parse().unwrap(),
            idle: Duration::from_secs(30),
            keep_alive: Duration::from_secs(10),
            hello: Duration::from_secs(30),
            segmentation_offload: true,
        };
        let endpoint = Endpoint::listen(&options, identity, engine).unwrap();
        let target = Target {
            addresses: vec![endpoint.address()],
            trust,
            profile: demo.profile,
            agents: demo.agents.iter().map(|agent| Token::new(&*agent.token).unwrap()).collect(),
            pid: Some(std::process::id()),
        };
        Self { target, journal, _endpoint: endpoint, _folder: folder }
    }

    async fn stop(self) {
        tokio::task::spawn_blocking(move || self.journal.stop()).await.unwrap().unwrap();
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
