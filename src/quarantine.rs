//! `switchboard quarantine`: the conversations that are set aside.
//!
//! Owns the command's flags and what it prints. Built on the SDK alone, as any client is; must not know the
//! engine.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use switchboard_client::Client;
use switchboard_client::vocabulary::ConversationId;

use crate::chat::find::{Where, parsed};
use crate::chat::{self, ChatError};

/// The flags of the command.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    at: Where,
    /// The token of a member of the workspace. Without it, that of the demo workspace's owner.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print one conversation a line that is set aside, with the reason.
    List,
    /// Have a conversation tried again.
    Release {
        /// Which.
        conversation: String,
    },
}

/// Carries out the command.
pub(crate) fn run(options: &Options) -> ExitCode {
    chat::talk(carry_out(options))
}

async fn carry_out(options: &Options) -> Result<(), ChatError> {
    let found = options.at.found()?;
    let client = Client::connect(found.member_options(options.token.as_deref())?).await?;
    match &options.what {
        What::List => {
            let (conversations, more) = client.quarantined().await?;
            for set_aside in conversations {
                crate::say(&format!("{} {}", set_aside.conversation, set_aside.reason));
            }
            if more {
                crate::say(&"there are more; release some to see them");
            }
        }
        What::Release { conversation } => {
            let conversation: ConversationId = parsed("conversation", conversation)?;
            client.release(conversation).await?;
            crate::say(&format!("{conversation} is tried again by whoever wants it next"));
        }
    }
    client.close().await?;
    Ok(())
}
