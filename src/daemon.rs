//! The daemon: the only place that wires everything, its start and its clean stop.
//!
//! Owns the order in which things come up and go down. Must not know rules, frames or stored forms.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::actors::engine::{Engine, EngineOptions};
use crate::config::{Settings, millis};
use crate::demo;
use crate::domain::conversation::Policy;
use crate::journal::{Journal, JournalOptions, Progress, StartError, StartReport};
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

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// Why it could not start, or could not go on.
pub async fn serve(settings: &Settings, ready_file: Option<&Path>) -> Result<(), DaemonError> {
    // First of all, so that a signal during the start is not lost.
    let mut stop = StopSignal::listen()?;
    let journal = start_journal(settings).await?;
    let served = serve_on(settings, ready_file, &journal, &mut stop).await;
    let stopped = blocking(move || journal.stop()).await?;
    served.and(stopped.map_err(DaemonError::from))
}

async fn serve_on(
    settings: &Settings,
    ready_file: Option<&Path>,
    journal: &Journal,
    stop: &mut StopSignal,
) -> Result<(), DaemonError> {
    let data_dir = absolute(&settings.data.dir);
    let demo = make_demo_if_empty(journal, &data_dir).await?;
    let latency = Latency::default();
    let commits = latency.clone();
    journal.on_commit(Box::new(move |took| commits.record(Stage::Commit, took)));
    let options = EngineOptions {
        policy: Policy { text_chars_max: settings.conversation.text_chars_max },
        conversation_idle: millis(settings.conversation.idle_ms),
        sessions_max: settings.listen.sessions_max,
    };
    let engine = Engine::start(journal.clone(), latency, options)
        .await
        .map_err(|error| DaemonError::Other(error.to_string()))?;
    let identity =
        Identity::load(&tls_source(settings)).map_err(|error| DaemonError::Listen(error.to_string()))?;
    let fingerprint = identity.fingerprint();
    let endpoint = Endpoint::listen(&endpoint_options(settings), identity, engine.clone())
        .map_err(|error| DaemonError::Listen(error.to_string()))?;
    let ready =
        Ready { addresses: vec![endpoint.address()], fingerprint, pid: std::process::id(), data_dir, demo };
    announce(&ready, ready_file)?;
    tokio::select! {
        name = stop.wait() => tracing::info!(signal = name, "stopping"),
        () = engine.ended() => return Err(DaemonError::Engine),
    }
    drain(settings, &engine, &endpoint).await;
    Ok(())
}

async fn start_journal(settings: &Settings) -> Result<Journal, DaemonError> {
    let wanted = &settings.journal;
    let options = JournalOptions {
        log_segment_bytes: wanted.log_segment_bytes,
        log_window_bytes: usize::try_from(wanted.log_window_bytes).unwrap_or(usize::MAX),
        store_cache_bytes: wanted.store_cache_bytes,
        fold_age_ms: wanted.fold_age_ms,
        fold_tail_bytes: wanted.fold_tail_bytes,
        tail_bytes_max: wanted.tail_bytes_max,
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

async fn make_demo_if_empty(journal: &Journal, data_dir: &Path) -> Result<Option<Demo>, DaemonError> {
    let other = |error: &dyn std::fmt::Display| DaemonError::Other(error.to_string());
    if !journal.workspaces().await.map_err(|error| other(&error))?.is_empty() {
        return Ok(None);
    }
    let demo = demo::create(journal).await.map_err(|error| other(&error))?;
    ready::write(&ready::demo_file(data_dir), &demo).map_err(|error| other(&error))?;
    Ok(Some(demo))
}

fn announce(ready: &Ready, ready_file: Option<&Path>) -> Result<(), DaemonError> {
    if let Some(file) = ready_file {
        ready::write(file, ready).map_err(|error| DaemonError::Other(error.to_string()))?;
    }
    // A convenience: without it, clients need flags.
    let well_known = ready::well_known().and_then(|file| ready::write(&file, ready));
    if let Err(error) = well_known {
        tracing::debug!(%error, "other programs of this user cannot find the daemon by themselves");
    }
    tracing::info!(address = ?ready.addresses, fingerprint = ready.fingerprint, "ready");
    if let Some(demo) = &ready.demo {
        let mut out = std::io::stdout().lock();
        // Nobody may be reading.
        let _ = write!(out, "{}", welcome(demo));
    }
    Ok(())
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

/// How long the run-time may take to let go of its threads after everything has stopped.
pub const RUNTIME_STOP_WAIT: Duration = Duration::from_secs(1);
