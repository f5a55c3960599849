//! The command line of Switchboard.
//!
//! Owns the commands, their flags and the exit codes. What a command does is elsewhere.

mod admin;
mod chat;
mod quarantine;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use switchboard::config::{Flags, Settings, TraceFormat};
use switchboard::daemon::{self, DaemonError};
use switchboard::health::{self, Health};
use switchboard::journal;

/// The engine of a customer-service chat product.
///
/// Exit codes: 0 done; 1 something went wrong; 2 the command line or the settings are wrong; 3 the
/// data folder cannot be used (in use, damaged, from a newer version); 4 the address or the
/// certificate cannot be used; 5 the engine failed too often; 6 a client was refused or cut off. Of
/// health: 7 only whoever reads is served; 8 the daemon is starting or waits for room; 9 it is not
/// running.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon. This is what happens without a command.
    Serve(Serve),
    /// Chat in the terminal, as a customer or as an agent.
    Chat(chat::Options),
    /// See, change and audit the settings of a workspace.
    Admin(admin::Options),
    /// List the conversations that are set aside because they fail or cannot be read, or release one.
    Quarantine(quarantine::Options),
    /// Read the settings and say whether they can be used.
    CheckConfig(Layers),
    /// Say how the daemon of a data folder is. For probes: 0 means that everybody is served.
    Health(Folder),
    /// Check the log, and the store against it. The daemon must not be running.
    Verify(Folder),
    /// Throw the store away and make it anew from the log. The daemon must not be running.
    Rebuild(Folder),
    /// Copy the data folder, whether or not its daemon runs, into another one. Done again, it costs what has
    /// come since.
    Backup(Backup),
    /// Make a data folder of a backup.
    Restore(Restore),
}

#[derive(Args, Default)]
struct Serve {
    #[command(flatten)]
    layers: Layers,
    /// Write one JSON object here when clients can connect: addresses, certificate fingerprint, and
    /// on an empty store the demo credentials.
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[derive(Args, Default)]
struct Layers {
    /// A file with settings; config/default.toml names them all.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder; overrides data.dir.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; overrides listen.address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

#[derive(Args)]
struct Folder {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
}

#[derive(Args)]
struct Backup {
    /// Where the backup is or shall be.
    #[arg(value_name = "INTO")]
    into: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
struct Restore {
    /// Where the backup is.
    #[arg(value_name = "FROM")]
    from: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

fn main() -> ExitCode {
    match Cli::parse().command.unwrap_or_else(|| Command::Serve(Serve::default())) {
        Command::Serve(options) => serve(&options),
        Command::Chat(options) => chat::run(&options),
        Command::Admin(options) => admin::run(&options),
        Command::Quarantine(options) => quarantine::run(&options),
        Command::CheckConfig(layers) => check_config(&layers),
        Command::Health(folder) => health(&folder),
        Command::Verify(folder) => verify(&folder),
        Command::Rebuild(folder) => rebuild(&folder),
        Command::Backup(Backup { into, folder }) => report(journal::backup(&folder.data, &into)),
        Command::Restore(Restore { from, folder }) => report(journal::restore(&from, &folder.data)),
    }
}

fn serve(options: &Serve) -> ExitCode {
    let settings = match load(&options.layers) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    if let Err(why) = start_tracing(&settings) {
        return fail(EXIT_USAGE, &why);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILURE, &error),
    };
    let served = runtime.block_on(daemon::serve(&settings, options.ready_file.as_deref()));
    runtime.shutdown_timeout(daemon::RUNTIME_STOP_WAIT);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match &error {
                DaemonError::Store(_) => EXIT_DATA,
                DaemonError::Listen(_) => EXIT_LISTEN,
                DaemonError::Engine => EXIT_ENGINE,
                DaemonError::Other(_) => EXIT_FAILURE,
            };
            fail(code, &error)
        }
    }
}

fn check_config(layers: &Layers) -> ExitCode {
    let settings = match load(layers) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    if let Err(why) = trace_filter(&settings) {
        return fail(EXIT_USAGE, &why);
    }
    say(&format!("the settings can be used\n{settings:#?}"));
    ExitCode::SUCCESS
}

fn health(folder: &Folder) -> ExitCode {
    match health::of(&folder.data) {
        Ok(Health::Ready) => {
            say(&"ready");
            ExitCode::SUCCESS
        }
        Ok(Health::NoRoom { reason }) => fail(EXIT_READERS_ONLY, &format!("only reading goes on: {reason}")),
        Ok(Health::WaitingForRoom { reason }) => fail(EXIT_STARTING, &format!("the start waits: {reason}")),
        Ok(Health::Starting) => fail(EXIT_STARTING, &"it is starting"),
        Ok(Health::NotRunning) => fail(EXIT_NOT_RUNNING, &"it is not running"),
        Err(error) => fail(EXIT_FAILURE, &format!("{}: {error}", folder.data.display())),
    }
}

fn verify(folder: &Folder) -> ExitCode {
    match journal::verify(&folder.data) {
        Ok(report) => {
            say(&report);
            if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_DATA) }
        }
        Err(error) => fail(EXIT_DATA, &error),
    }
}

fn rebuild(folder: &Folder) -> ExitCode {
    let mut said = 0;
    let rebuilt = journal::rebuild(&folder.data, &mut |progress| {
        let tenths = (progress.done.0 * 10).checked_div(progress.total.0).unwrap_or(10);
        if tenths > said {
            said = tenths;
            say(&format!("{} of {} records", progress.done.0, progress.total.0));
        }
    });
    match rebuilt {
        Ok(report) => {
            say(&format!("the store was made anew from {} records of the log", report.durable.0));
            ExitCode::SUCCESS
        }
        Err(error) => fail(EXIT_DATA, &error),
    }
}

fn report(done: Result<impl std::fmt::Display, impl std::fmt::Display>) -> ExitCode {
    match done {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(error) => fail(EXIT_DATA, &error),
    }
}

fn load(layers: &Layers) -> Result<Settings, ExitCode> {
    let flags = Flags { data_dir: layers.data.clone(), listen_address: layers.listen.clone() };
    Settings::load(layers.config.as_deref(), &flags).map_err(|error| fail(EXIT_USAGE, &error))
}

fn start_tracing(settings: &Settings) -> Result<(), String> {
    let filter = trace_filter(settings)?;
    // Colours are for people: in a file they are debris.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    match settings.trace.format {
        TraceFormat::Text => lines.init(),
        TraceFormat::Json => lines.json().init(),
    }
    Ok(())
}

fn trace_filter(settings: &Settings) -> Result<tracing_subscriber::EnvFilter, String> {
    let level = &settings.trace.level;
    tracing_subscriber::EnvFilter::try_new(level)
        .map_err(|error| format!("trace.level: {level:?} is no level or filter: {error}"))
}

/// Says something to whoever called the command.
fn say(what: &dyn std::fmt::Display) {
    use std::io::Write as _;
    // Nobody may be reading.
    let _ = writeln!(std::io::stdout(), "{what}");
}

fn fail(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "switchboard: {why}");
    ExitCode::from(code)
}

const EXIT_FAILURE: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_DATA: u8 = 3;
const EXIT_LISTEN: u8 = 4;
const EXIT_ENGINE: u8 = 5;
/// A chat, or another command that speaks with a daemon, was refused or cut off.
const EXIT_CHAT: u8 = 6;
/// The daemon serves whoever reads, and nobody else.
const EXIT_READERS_ONLY: u8 = 7;
/// The daemon serves nobody yet.
const EXIT_STARTING: u8 = 8;
const EXIT_NOT_RUNNING: u8 = 9;
