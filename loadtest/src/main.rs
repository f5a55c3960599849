//! The command line of the load tester.
//!
//! Owns the flags and the exit codes. Must not know how anything is measured.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser};
use serde::Serialize;
use switchboard_client::vocabulary::{ProfileId, Token};
use switchboard_client::{Fingerprint, Trust};
use switchboard_loadtest::calls::{self, CallLoad};
use switchboard_loadtest::daemon::{self, Daemon};
use switchboard_loadtest::load;
use switchboard_loadtest::plan::Load;
use switchboard_loadtest::target::Target;
use switchboard_loadtest::{Failure, memory};

/// Pairs of customers and agents who write to each other through a daemon of Switchboard, and what they
/// see: latencies, and whether every message arrives once and in order.
///
/// Exit codes: 0 everything arrived; 1 something was lost, repeated, out of order or refused, or nothing
/// could be measured; 2 the command line is wrong.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    where_to: WhereTo,
    #[command(flatten)]
    load: LoadFlags,
    /// Instead of a load: open so many idle connections, and say what each costs the daemon in memory.
    #[arg(long, value_name = "N", conflicts_with = "conversations")]
    idle: Option<usize>,
    /// Instead of a load: begin so many conversations twice, and say what each costs the daemon in memory,
    /// awake and asleep.
    #[arg(long, value_name = "N")]
    conversations: Option<usize>,
    /// With --conversations: after so many seconds without followers one falls asleep. A daemon started by
    /// --spawn is told so; for any other it is what its settings say.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    asleep_after: u64,
    #[command(flatten)]
    calls: CallFlags,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Threads of the load tester, besides the one that keeps time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
}

#[derive(Args)]
struct WhereTo {
    /// Start a daemon on a fresh folder, and stop it at the end.
    #[arg(long, conflicts_with_all = ["ready_file", "addr"])]
    spawn: bool,
    /// With --spawn: the daemon's program; else the one in this program's folder.
    #[arg(long, value_name = "PROGRAM", requires = "spawn")]
    daemon: Option<PathBuf>,
    /// With --spawn: where its folder is made, on the disk to be measured; else in the daemon's own.
    #[arg(long, value_name = "DIR", requires = "spawn")]
    beside: Option<PathBuf>,
    /// The ready file of a running daemon.
    #[arg(long, value_name = "FILE", conflicts_with = "addr")]
    ready_file: Option<PathBuf>,
    /// The address of a running daemon.
    #[arg(long, value_name = "ADDRESS:PORT", requires_all = ["fingerprint", "token", "profile"])]
    addr: Option<SocketAddr>,
    /// With --addr: the SHA-256 of its certificate.
    #[arg(long, requires = "addr")]
    fingerprint: Option<Fingerprint>,
    /// With --addr: the tokens of agents.
    #[arg(long, requires = "addr", value_parser = token)]
    token: Vec<Token>,
    /// With --addr: the profile that customers write to.
    #[arg(long, requires = "addr")]
    profile: Option<ProfileId>,
}

#[derive(Args)]
struct CallFlags {
    /// Instead of a load: so many calls of agents, at a profile and by agents of their own, and how soon somebody
    /// has each.
    #[arg(long, value_name = "N", conflicts_with_all = ["idle", "conversations"])]
    calls: Option<u64>,
    /// With --calls: calls a second.
    #[arg(long, value_name = "N", default_value_t = 200.0, value_parser = call_rate)]
    call_rate: f64,
    /// With --calls: agents.
    #[arg(long, value_name = "N", default_value_t = 50)]
    agents: usize,
    /// With --calls: the most consultations that each may have.
    #[arg(long, value_name = "N", default_value_t = 5)]
    maximum: u32,
    /// With --calls: customers, each with one call at a time.
    #[arg(long, value_name = "N", default_value_t = 200)]
    customers: usize,
    /// With --calls: seconds that an agent takes for each.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = seconds)]
    service: f64,
}

#[derive(Args)]
struct LoadFlags {
    /// Pairs, each a customer and an agent in a conversation of their own.
    #[arg(long, value_name = "N", default_value_t = 500)]
    pairs: usize,
    /// Messages a second, over all pairs; 0: as fast as possible.
    #[arg(long, value_name = "N", default_value_t = 2_000.0, value_parser = rate)]
    rate: f64,
    /// As fast as possible; the same as --rate 0.
    #[arg(long)]
    max: bool,
    /// When as fast as possible: a pair's messages on their way.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = window)]
    window: usize,
    /// Seconds before anything is measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = seconds)]
    warm_up: f64,
    /// Seconds that are measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = seconds)]
    time: f64,
    /// The size of a message, in bytes.
    #[arg(long, value_name = "N", default_value_t = 200)]
    bytes: usize,
    /// How many of a hundred messages agents write.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(0..=100))]
    agent_percent: u64,
    /// Connections of agents, each in the conversations of several pairs; else one for each pair.
    #[arg(long, value_name = "N")]
    agent_connections: Option<usize>,
    /// UDP sockets that the clients share.
    #[arg(long, value_name = "N", default_value_t = 2)]
    sockets: usize,
    /// Agents besides, on a socket of their own, who follow a desk each and do nothing else.
    #[arg(long, value_name = "N", default_value_t = 0)]
    desks: usize,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr(), "switchboard-loadtest: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was as it should be.
fn run(cli: &Cli) -> Result<bool, Failure> {
    let (mut spawned, target) = target(cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cli.threads.into())
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("the run-time: {error}")))?;
    let sound = runtime.block_on(measure(cli, &target))?;
    match spawned.take() {
        Some(daemon) => daemon.stop().map(|()| sound),
        None => Ok(sound),
    }
}

async fn measure(cli: &Cli, target: &Target) -> Result<bool, Failure> {
    let sockets = cli.load.sockets;
    if let Some(load) = cli.calls.load(sockets) {
        show(cli, &calls::run(&load, target).await?)?;
        return Ok(true);
    }
    match (cli.idle, cli.conversations) {
        (Some(count), _) => show(cli, &memory::idle_connections(count, sockets, target).await?)?,
        (None, Some(count)) => {
            let asleep_after = Duration::from_secs(cli.asleep_after);
            show(cli, &memory::conversations(count, asleep_after, sockets, target).await?)?;
        }
        (None, None) => {
            let report = load::run(&cli.load.load(), target).await?;
            show(cli, &report)?;
            return Ok(report.is_sound());
        }
    }
    Ok(true)
}

fn target(cli: &Cli) -> Result<(Option<Daemon>, Target), Failure> {
    let WhereTo { spawn, daemon: program, beside, ready_file, addr, fingerprint, token, profile } =
        &cli.where_to;
    if let (Some(address), Some(fingerprint), Some(profile)) = (addr, fingerprint, profile) {
        let trust = Trust::Pinned(*fingerprint);
        let agents = token.clone();
        let (addresses, profile) = (vec![*address], *profile);
        return Ok((None, Target { addresses, trust, profile, agents, owner: None, pid: None }));
    }
    if let Some(file) = ready_file {
        return Ok((None, Target::from_ready_file(file)?));
    }
    if !spawn {
        return Err(Failure("which daemon? --spawn, --ready-file or --addr says it".to_owned()));
    }
    let program = program.clone().map_or_else(daemon::beside_this_program, Ok)?;
    let beside = beside.clone().or_else(|| program.parent().map(Into::into)).unwrap_or_default();
    let mut daemon = Daemon::start(&program, &beside, Duration::from_secs(cli.asleep_after))?;
    let target = daemon.ready()?;
    Ok((Some(daemon), target))
}

impl CallFlags {
    fn load(&self, sockets: usize) -> Option<CallLoad> {
        Some(CallLoad {
            calls: self.calls?,
            rate: self.call_rate,
            agents: self.agents,
            maximum: self.maximum,
            customers: self.customers,
            service: Duration::from_secs_f64(self.service),
            sockets,
        })
    }
}

impl LoadFlags {
    fn load(&self) -> Load {
        Load {
            pairs: self.pairs.max(1),
            rate: if self.max { 0.0 } else { self.rate },
            window: self.window,
            warm_up: Duration::from_secs_f64(self.warm_up),
            time: Duration::from_secs_f64(self.time),
            bytes: self.bytes,
            agent_percent: self.agent_percent,
            agent_connections: self.agent_connections,
            sockets: self.sockets,
            desks: self.desks,
        }
    }
}

fn show(cli: &Cli, report: &(impl Serialize + std::fmt::Display)) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = if cli.json {
        let json = serde_json::to_string(report).map_err(|error| Failure(error.to_string()))?;
        writeln!(out, "{json}")
    } else {
        writeln!(out, "{report}")
    };
    written.map_err(|error| Failure(format!("the report: {error}")))
}

fn token(text: &str) -> Result<Token, String> {
    Token::new(text).map_err(|error| error.to_string())
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 1e7)
}

fn call_rate(text: &str) -> Result<f64, String> {
    rate(text).and_then(|rate| if rate > 0.0 { Ok(rate) } else { Err("it must be above 0".to_owned()) })
}

fn seconds(text: &str) -> Result<f64, String> {
    number(text, 1e6)
}

fn window(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(window @ 1..=WINDOW_MAX) => Ok(window),
        Ok(_) | Err(_) => Err(format!("it must be from 1 to {WINDOW_MAX}")),
    }
}

fn number(text: &str, max: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=max).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(format!("it must be a number from 0 to {max}")),
    }
}

/// A client has so many unanswered messages at the most.
const WINDOW_MAX: usize = 32;
