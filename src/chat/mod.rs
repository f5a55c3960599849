//! `switchboard chat`: a conversation in the terminal, or in a script.
//!
//! Owns the command's flags and what it ends with. Built on the SDK alone, as any client is; must not
//! know the engine.

mod customers;
pub(crate) mod find;
mod lists;
mod past;
mod presence;
mod profiles;
mod room;
mod script;
mod show;
mod terminal;
mod words;

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
    #[command(flatten)]
    at: find::Where,
    /// Agent: the token. Without it, that of an agent of the demo workspace.
    #[arg(long, value_name = "TOKEN", requires = "agent")]
    token: Option<String>,
    /// Agent: which agent of the demo workspace, by name. Without it, the first.
    #[arg(long, value_name = "NAME", requires = "agent", conflicts_with = "token")]
    name: Option<String>,
    /// Agent: serve from here, whether or not you serve from another place. Without it, you are asked at a terminal.
    #[arg(long, requires = "agent")]
    take_over: bool,
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
pub(crate) enum ChatError {
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
    talk(chat(options))
}

/// Runs what a command does with a daemon, and says how it ended.
pub(crate) fn talk(what: impl Future<Output = Result<(), ChatError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::fail(crate::EXIT_FAILURE, &error),
    };
    let talked = runtime.block_on(what);
    // A thread may still be waiting for the keyboard.
    runtime.shutdown_background();
    match talked {
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
