//! The daemon: the only place that wires everything, its start and its clean stop.
//!
//! Owns the order in which things come up and go down. Must not know rules, frames or stored forms.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::actors::engine::{self, Engine, EngineOptions};
use crate::clock;
use crate::config::{Settings, millis};
use crate::demo;
use crate::domain::conversation::Policy;
use crate::health::{Health, HealthFile};
use crate::journal::{Journal, JournalOptions, Progress, StartError, StartReport, Workspaces};
use crate::machines::budget::{Allowance, Budget};
use crate::ready::{self, Demo, Ready};
use crate::stats::{Latency, Stage};
use crate::transport::{Endpoint, EndpointOptions, Identity, TlsSource};

/// Why the daemon has ended, when it was not asked to. Each has an exit code of its own.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The data folder, the log or the store cannot be used.
    #[error(transparent)]
    Store(#[from] StartError),
    /// The address or the certificate cannot be used.
    #[error("{0}")]
    Listen(String),
    /// The actors failed more often than their budget allows.
    #[error("the engine failed too often and has ended; the trace says why")]
    Engine,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// Runs the daemon until a signal tells it to stop.
///
/// # Errors
/// Why it could not start, or could not go on.
pub async fn serve(settings: &Settings, ready_file: Option<&Path>) -> Result<(), DaemonError> {
    // First of all, so that a signal during the start is not lost.
    let mut stop = StopSignal::listen()?;
    let started = Daemon::start_unless(settings.clone(), pin!(stop.wait())).await?;
    let mut daemon = match started {
        Ok(daemon) => daemon,
        Err(name) => {
            tracing::info!(signal = name, "ending before the start");
            return Ok(());
        }
    };
    daemon.announce(ready_file)?;
    let ran = daemon
        .run(async {
            let name = stop.wait().await;
            tracing::info!(signal = name, "stopping");
        })
        .await;
    ran.and(daemon.stop().await)
}

/// A daemon in this process: everything from the data folder to the listener.
pub struct Daemon {
    settings: Settings,
    ready: Ready,
    endpoint: Endpoint,
    running: Running,
    latency: Latency,
    budget: Budget,
    health: Saying,
    /// Where the ready file goes that found no room.
    unannounced: Option<PathBuf>,
}

/// What is begun anew when the journal has failed.
struct Running {
    journal: Journal,
    engine: Engine,
}

impl Daemon {
    /// Starts it: clients can connect when this returns.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn start(settings: Settings) -> Result<Self, DaemonError> {
        match Self::start_unless(settings, pin!(std::future::pending::<Infallible>())).await? {
            Ok(daemon) => Ok(daemon),
            Err(never) => match never {},
        }
    }

    /// Starts it, unless `stop` comes while it waits for room on the disk.
    async fn start_unless<T>(
        settings: Settings,
        mut stop: Pin<&mut impl Future<Output = T>>,
    ) -> Result<Result<Self, T>, DaemonError> {
        let latency = Latency::default();
        let mut health = Saying::begin(&settings);
        let journal = match start_journal_unless(&settings, &mut health, stop.as_mut()).await? {
            Ok(journal) => journal,
            Err(stopped) => return Ok(Err(stopped)),
        };
        match open_doors(&settings, &journal, &latency, &mut health, stop).await {
            Ok(Ok((engine, endpoint, ready))) => {
                let running = Running { journal, engine };
                let (budget, unannounced) = (Budget::default(), None);
                Ok(Ok(Self { settings, ready, endpoint, running, latency, budget, health, unannounced }))
            }
            Ok(Err(stopped)) => {
                stop_journal(journal).await?;
                Ok(Err(stopped))
            }
            Err(error) => {
                stop_journal(journal).await?;
                Err(error)
            }
        }
    }

    /// What clients need to know of it.
    #[must_use]
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Waits until `stop` says so. When the journal fails meanwhile, it and the tree are begun anew from
    /// disk; clients connect again to the same listener.
    ///
    /// # Errors
    /// When the engine or the journal have failed more often than their budget allows, or what is on
    /// disk cannot be used any more.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<(), DaemonError> {
        let mut stop = pin!(stop);
        loop {
            let Running { journal, engine } = &self.running;
            let mut room = journal.room();
            let now = *room.borrow_and_update();
            self.health.say(match now {
                Ok(()) => Health::Ready,
                Err(why) => Health::NoRoom { reason: why.to_string() },
            });
            if now.is_ok()
                && let Some(file) = self.unannounced.take()
            {
                ready::write(&file, &self.ready).map_err(|error| DaemonError::Other(error.to_string()))?;
            }
            tokio::select! {
                () = &mut stop => return Ok(()),
                Ok(()) = room.changed() => {}
                () = engine.ended() => return Err(DaemonError::Engine),
                () = journal.failed() => {
                    if !self.budget.spend(clock::now(), JOURNAL_ALLOWANCE) {
                        return Err(DaemonError::Engine);
                    }
                    tracing::error!("the journal has failed; everything is begun anew from disk");
                    if let Some(()) = self.begin_anew_unless(stop.as_mut()).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Stops it: clients are told to go and when to come back; everything acknowledged is on disk.
    ///
    /// # Errors
    /// When the last folds or syncs failed; nothing that was acknowledged is lost by it.
    pub async fn stop(self) -> Result<(), DaemonError> {
        drain(&self.settings, &self.running.engine, &self.endpoint).await;
        stop_journal(self.running.journal).await
    }

    /// `Some`: `stop` came while it waited for room on the disk.
    async fn begin_anew_unless<T>(
        &mut self,
        stop: Pin<&mut impl Future<Output = T>>,
    ) -> Result<Option<T>, DaemonError> {
        // Every session ends with the tree, and its connection with it.
        self.running.engine.stop().await;
        // It has failed already: what it says of that now is nothing new.
        let _ = stop_journal(self.running.journal.clone()).await;
        let journal = match start_journal_unless(&self.settings, &mut self.health, stop).await? {
            Ok(journal) => journal,
            Err(stopped) => return Ok(Some(stopped)),
        };
        let engine = start_engine(&self.settings, &journal, &self.latency).await?;
        self.endpoint.serve(engine.clone());
        self.running = Running { journal, engine };
        Ok(None)
    }

    /// Tells other programs of this user where it is.
    fn announce(&mut self, ready_file: Option<&Path>) -> Result<(), DaemonError> {
        let ready = &self.ready;
        // A convenience: without it, clients need flags.
        let well_known = ready::well_known().and_then(|file| ready::write(&file, ready));
        if let Err(error) = well_known {
            tracing::debug!(%error, "other programs of this user cannot find the daemon by themselves");
        }
        // Last: whoever waits for it may rely on the rest.
        match ready_file.map(|file| (file, ready::write(file, ready))) {
            Some((file, Err(error))) if error.is_no_room() => {
                tracing::error!(%error, "the ready file is written when there is room");
                self.unannounced = Some(file.to_owned());
            }
            Some((_, Err(error))) => return Err(DaemonError::Other(error.to_string())),
            Some((_, Ok(()))) | None => {}
        }
        tracing::info!(address = ?ready.addresses, fingerprint = ready.fingerprint, "ready");
        if let Some(demo) = &ready.demo {
            let mut out = std::io::stdout().lock();
            // Nobody may be reading.
            let _ = write!(out, "{}", welcome(demo));
        }
        Ok(())
    }
}

/// What is said of the daemon's health, to whoever reads its file and in the trace.
struct Saying {
    file: Option<HealthFile>,
    said: Health,
}

impl Saying {
    fn begin(settings: &Settings) -> Self {
        let held = HealthFile::hold(&settings.data.dir);
        // Without it everything goes on, but nobody on this machine can ask.
        let file = held.inspect_err(|error| tracing::warn!(%error, "there is no health file")).ok();
        Self { file, said: Health::Starting }
    }

    fn say(&mut self, health: Health) {
        if self.said == health {
            return;
        }
        match (&self.said, &health) {
            (_, Health::WaitingForRoom { reason }) => {
                tracing::error!(reason, "the start waits for room on the disk");
            }
            (_, Health::NoRoom { reason }) => {
                tracing::error!(reason, "only whoever reads is served until there is room on the disk");
            }
            (Health::NoRoom { .. }, Health::Ready) => tracing::info!("there is room again on the disk"),
            (_, Health::Ready | Health::Starting | Health::NotRunning) => {}
        }
        if let Some(file) = &mut self.file {
            file.say(&health);
        }
        self.said = health;
    }
}

async fn open_doors<T>(
    settings: &Settings,
    journal: &Journal,
    latency: &Latency,
    health: &mut Saying,
    stop: Pin<&mut impl Future<Output = T>>,
) -> Result<Result<(Engine, Endpoint, Ready), T>, DaemonError> {
    let data_dir = absolute(&settings.data.dir);
    let demo = match make_demo_if_empty(journal, &data_dir, health, stop).await? {
        Ok(demo) => demo,
        Err(stopped) => return Ok(Err(stopped)),
    };
    let engine = start_engine(settings, journal, latency).await?;
    let identity =
        Identity::load(&tls_source(settings)).map_err(|error| DaemonError::Listen(error.to_string()))?;
    let fingerprint = identity.fingerprint();
    let endpoint = Endpoint::listen(&endpoint_options(settings), identity, engine.clone())
        .map_err(|error| DaemonError::Listen(error.to_string()))?;
    let ready =
        Ready { addresses: vec![endpoint.address()], fingerprint, pid: std::process::id(), data_dir, demo };
    Ok(Ok((engine, endpoint, ready)))
}

async fn start_engine(
    settings: &Settings,
    journal: &Journal,
    latency: &Latency,
) -> Result<Engine, DaemonError> {
    let commits = latency.clone();
    journal.on_commit(Box::new(move |took| commits.record(Stage::Commit, took)));
    let options = EngineOptions {
        policy: Policy { text_chars_max: settings.conversation.text_chars_max },
        conversation_idle: millis(settings.conversation.idle_ms),
        grace: engine::GRACE,
        sessions_max: settings.listen.sessions_max,
        lease: millis(settings.agents.lease_ms),
    };
    Engine::start(journal.clone(), latency.clone(), options)
        .await
        .map_err(|error| DaemonError::Other(error.to_string()))
}

async fn stop_journal(journal: Journal) -> Result<(), DaemonError> {
    blocking(move || journal.stop()).await?.map_err(DaemonError::from)
}

/// Starts the journal; as long as there is no room for that, again and again until `stop` comes.
async fn start_journal_unless<T>(
    settings: &Settings,
    health: &mut Saying,
    mut stop: Pin<&mut impl Future<Output = T>>,
) -> Result<Result<Journal, T>, DaemonError> {
    loop {
        match start_journal(settings).await {
            Err(DaemonError::Store(error)) if error.is_no_room() => {
                health.say(Health::WaitingForRoom { reason: error.to_string() })
            }
            started => return Ok(Ok(started?)),
        }
        tokio::select! {
            stopped = stop.as_mut() => return Ok(Err(stopped)),
            () = tokio::time::sleep(START_AGAIN_AFTER) => {}
        }
    }
}

async fn start_journal(settings: &Settings) -> Result<Journal, DaemonError> {
    let wanted = &settings.journal;
    let options = JournalOptions {
        log_segment_bytes: wanted.log_segment_bytes,
        log_window_bytes: usize::try_from(wanted.log_window_bytes).unwrap_or(usize::MAX),
        store_cache_bytes: wanted.store_cache_bytes,
        fold_age_ms: wanted.fold_age_ms,
        erase_within_ms: wanted.erase_within_ms,
        fold_tail_bytes: wanted.fold_tail_bytes,
        tail_bytes_max: wanted.tail_bytes_max,
        room_bytes_min: settings.data.room_bytes_min,
        reserve_bytes: settings.data.reserve_bytes,
        ..JournalOptions::new(&settings.data.dir)
    };
    let (journal, report) = blocking(move || Journal::start(&options, &mut trace_progress())).await??;
    let StartReport { log_bytes_cut, durable, rebuilt, replayed } = report;
    if log_bytes_cut > 0 {
        tracing::warn!(
            bytes = log_bytes_cut,
            "a torn write at the end of the log was cut off; it was never acknowledged"
        );
    }
    if let Some(reason) = rebuilt {
        tracing::warn!(?reason, "the store was made anew from the log");
    }
    tracing::info!(position = durable.0, replayed, "the journal is open");
    Ok(journal)
}

/// Says how far a long start has come: at every tenth.
fn trace_progress() -> impl FnMut(Progress) {
    let mut said = 0;
    move |progress: Progress| {
        let tenths = (progress.done.0 * 10).checked_div(progress.total.0).unwrap_or(10);
        if tenths > said {
            said = tenths;
            tracing::info!(
                done = progress.done.0,
                total = progress.total.0,
                "folding the log into the store"
            );
        }
    }
}

async fn make_demo_if_empty<T>(
    journal: &Journal,
    data_dir: &Path,
    health: &mut Saying,
    stop: Pin<&mut impl Future<Output = T>>,
) -> Result<Result<Option<Demo>, T>, DaemonError> {
    let other = |error: &dyn std::fmt::Display| DaemonError::Other(error.to_string());
    if journal.workspaces().await.map_err(|error| other(&error))? != Workspaces::default() {
        return Ok(Ok(None));
    }
    let mut room = journal.room();
    let now = *room.borrow();
    if let Err(why) = now {
        health.say(Health::WaitingForRoom { reason: why.to_string() });
        tokio::select! {
            stopped = stop => return Ok(Err(stopped)),
            _ = room.wait_for(Result::is_ok) => {}
        }
    }
    // Kept first: a workspace whose credentials nobody has would be there for good.
    let demo = demo::draw();
    ready::write(&ready::demo_file(data_dir), &demo).map_err(|error| other(&error))?;
    demo::create(journal, &demo).await.map_err(|error| other(&error))?;
    Ok(Ok(Some(demo)))
}

fn welcome(demo: &Demo) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "switchboard".to_owned());
    let names: Vec<&str> = demo.agents.iter().map(|agent| agent.name.as_str()).collect();
    format!(
        "\nA demo workspace was made, with the agents {names}. Talk to yourself in two more terminals:\n\n\
         \x20   {program} chat --customer\n\
         \x20   {program} chat --agent\n\n\
         Their credentials are in demo.json in the data folder. Ctrl-C stops the daemon.\n\n",
        names = names.join(" and "),
    )
}

/// Tells clients to go and when to come back, and waits until they are gone.
async fn drain(settings: &Settings, engine: &Engine, endpoint: &Endpoint) {
    endpoint.refuse_new();
    if let Err(error) = engine.say_goodbye(millis(settings.stop.reconnect_spread_ms)).await {
        tracing::warn!(%error, "nobody could be told that the engine stops");
    }
    endpoint.close(millis(settings.stop.drain_ms)).await;
    engine.stop().await;
}

fn tls_source(settings: &Settings) -> TlsSource {
    match (&settings.tls.certificate, &settings.tls.key) {
        (Some(certificate), Some(key)) => {
            TlsSource::Files { certificate: certificate.clone(), key: key.clone() }
        }
        (Some(_), None) | (None, _) => TlsSource::SelfMade { dir: settings.data.dir.join("tls") },
    }
}

fn endpoint_options(settings: &Settings) -> EndpointOptions {
    let listen = &settings.listen;
    EndpointOptions {
        address: listen.address,
        idle: millis(listen.idle_ms),
        keep_alive: millis(listen.keep_alive_ms),
        hello: millis(listen.hello_ms),
        segmentation_offload: listen.segmentation_offload,
    }
}

fn absolute(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DaemonError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| DaemonError::Other(error.to_string()))
}

/// SIGTERM and SIGINT.
struct StopSignal {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, DaemonError> {
        let listen = |kind| signal(kind).map_err(|error| DaemonError::Other(format!("signals: {error}")));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// How often a start is tried that had no room.
const START_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How often the journal may fail before the daemon ends.
const JOURNAL_ALLOWANCE: Allowance = Allowance { times: 3, within_ms: 60_000 };

/// How long the run-time may take to let go of its threads after everything has stopped.
pub const RUNTIME_STOP_WAIT: Duration = Duration::from_secs(1);

#[cfg(all(test, feature = "planted-bugs"))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::Flags;
    use crate::journal::FoldFailure;
    use switchboard_client::vocabulary::{Content, MessageText, Seq, UserKey};
    use switchboard_client::wire::{Credentials, EventKind};
    use switchboard_client::{Client, ConnectOptions, ConnectionState, Trust, Update};

    fn text(text: &str) -> Content {
        Content::text(MessageText::new(text).unwrap())
    }

    async fn started(dir: &Path) -> Daemon {
        let flags =
            Flags { data_dir: Some(dir.join("data")), listen_address: Some("127.0.0.1:0".to_owned()) };
        Daemon::start(Settings::load(None, &flags).unwrap()).await.unwrap()
    }

    async fn connected(ready: Ready) -> Client {
        let trust = Trust::Pinned(ready.fingerprint.parse().unwrap());
        let profile = ready.demo.unwrap().profile;
        let user_key = UserKey::new("ada").unwrap();
        let customer = Credentials::Customer { profile, platform: None, user_key };
        Client::connect(ConnectOptions::new(ready.addresses, trust, customer)).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_whose_writer_fails_is_begun_anew_and_clients_come_back_to_everything() {
        comes_back_to_everything(Journal::fail_writer).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_whose_store_fails_is_begun_anew_and_clients_come_back_to_everything() {
        comes_back_to_everything(|journal| journal.fail_folds(FoldFailure::Error)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_whose_folds_panic_is_begun_anew_and_clients_come_back_to_everything() {
        comes_back_to_everything(|journal| journal.fail_folds(FoldFailure::Panic)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_whose_store_has_met_a_full_disk_is_begun_anew_when_there_is_room() {
        comes_back_to_everything(|journal| journal.fail_folds(FoldFailure::Full)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_journal_that_fails_again_and_again_ends_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = started(dir.path()).await;
        let client = connected(daemon.ready().clone()).await;
        let mut state = client.connection();
        for failure in 1..=JOURNAL_ALLOWANCE.times + 1 {
            let before = state.borrow_and_update().clone();
            let how = if failure % 2 == 0 { FoldFailure::Panic } else { FoldFailure::Error };
            daemon.running.journal.fail_folds(how);
            // Whoever is connected to what was begun anew has a new session.
            let another = |state: &ConnectionState| {
                *state != before && matches!(state, ConnectionState::Connected { .. })
            };
            let ran = daemon.run(async { drop(state.wait_for(another).await) }).await;
            assert_eq!(ran.is_ok(), failure <= JOURNAL_ALLOWANCE.times, "failure {failure}: {ran:?}");
        }
        drop(client);
        // The folds have failed, and say so; what was acknowledged is in the log.
        assert!(daemon.stop().await.is_err());
    }

    async fn comes_back_to_everything(fail: impl Fn(&Journal)) {
        let dir = tempfile::tempdir().unwrap();
        let mut daemon = started(dir.path()).await;
        let ready = daemon.ready().clone();
        let journal = daemon.running.journal.clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let running = tokio::spawn(async move {
            let ran = daemon.run(async { drop(stopped.await) }).await;
            (daemon, ran)
        });
        let client = connected(ready).await;
        let mut state = client.connection();
        let first = state.borrow_and_update().clone();
        let conversation = client.open().await.unwrap();
        let mut following = client.follow(conversation, Seq::ZERO).await.unwrap();
        client.post(conversation, text("before")).await.unwrap();
        fail(&journal);
        let another =
            |state: &ConnectionState| *state != first && matches!(state, ConnectionState::Connected { .. });
        state.wait_for(another).await.unwrap();
        client.post(conversation, text("after")).await.unwrap();
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| *last != text("after")) {
            if let Update::Event(event) = following.next().await.unwrap().unwrap()
                && let EventKind::Message { content, .. } = event.what
            {
                seen.push(content);
            }
        }
        assert_eq!(seen[1..], [text("before"), text("after")], "behind the greeting, each once");
        stop.send(()).unwrap();
        client.close().await.unwrap();
        let (daemon, ran) = running.await.unwrap();
        ran.unwrap();
        daemon.stop().await.unwrap();
    }
}
