//! `switchboard chat`: a conversation in the terminal, or in a script.
//!
//! Owns the command's flags and what it ends with. Built on the SDK alone, as any client is; must not
//! know the engine.

mod find;
mod room;
mod script;
mod show;
mod terminal;
mod words;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use switchboard_client::ClientError;

use self::room::Room;

/// The flags of a chat.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Chat as a customer.
    #[arg(long, conflicts_with = "agent", required_unless_present = "agent")]
    customer: bool,
    /// Chat as an agent.
    #[arg(long)]
    agent: bool,
    /// The ready file of the daemon. Without it and --addr, the daemon that was started last on this
    /// machine is used.
    #[arg(long, value_name = "FILE", conflicts_with = "addr")]
    ready_file: Option<PathBuf>,
    /// The daemon's address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    addr: Option<SocketAddr>,
    /// The SHA-256 of the daemon's certificate, in hexadecimal. Without it, with --addr, the
    /// certificate must be one that this machine trusts.
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// The name that the daemon's certificate must bear.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    server_name: String,
    /// Accept any certificate. Whoever sits in between can read everything.
    #[arg(long, conflicts_with = "fingerprint")]
    insecure: bool,
    /// Agent: the token. Without it, that of an agent of the demo workspace.
    #[arg(long, value_name = "TOKEN", requires = "agent")]
    token: Option<String>,
    /// Agent: which agent of the demo workspace, by name. Without it, the first.
    #[arg(long, value_name = "NAME", requires = "agent", conflicts_with = "token")]
    name: Option<String>,
    /// Agent: which conversation. Without it, the one with the newest activity.
    #[arg(long, value_name = "ID", requires = "agent")]
    conversation: Option<String>,
    /// Customer: the profile to talk to. Without it, that of the demo workspace.
    #[arg(long, value_name = "ID", requires = "customer")]
    profile: Option<String>,
    /// Customer: who you are.
    #[arg(long, value_name = "KEY", requires = "customer", default_value = "customer-1")]
    user_key: String,
    /// For scripts: print one event a line as a JSON object, read one message a line, and end when
    /// the input has ended and everything is acknowledged.
    #[arg(long)]
    json: bool,
    /// With --json: stay so many seconds longer.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, requires = "json")]
    wait: u64,
}

/// Why a chat has ended otherwise than by its user.
#[derive(Debug, thiserror::Error)]
enum ChatError {
    /// A flag cannot be used.
    #[error("{0}")]
    Usage(String),
    /// It was refused or cut off.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The terminal, the input or the output failed.
    #[error("{0}")]
    Terminal(String),
}

/// Chats until the user or the input ends it.
pub(crate) fn run(options: &Options) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::fail(crate::EXIT_FAILURE, &error),
    };
    let chatted = runtime.block_on(chat(options));
    // A thread may still be waiting for the keyboard.
    runtime.shutdown_background();
    match chatted {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match &error {
                ChatError::Usage(_) => crate::EXIT_USAGE,
                ChatError::Client(_) => crate::EXIT_CHAT,
                ChatError::Terminal(_) => crate::EXIT_FAILURE,
            };
            crate::fail(code, &error)
        }
    }
}

async fn chat(options: &Options) -> Result<(), ChatError> {
    let room = Room::enter(options).await?;
    if options.json {
        script::run(room, std::time::Duration::from_secs(options.wait)).await
    } else {
        terminal::run(room).await
    }
}
