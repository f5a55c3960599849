//! `switchboard admin`: the settings of a workspace, for whoever may see and change them.
//!
//! Owns the command's flags. Built on the SDK alone, as any client is; must not know the engine, nor who may
//! change what: a refusal is printed as the engine says it.

mod change;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use switchboard_client::Client;
use switchboard_client::vocabulary::ProfileId;

use crate::chat::find::{NO_DEMO, Where, parsed};
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
    /// The profile that it is about. Without it, that of the demo workspace.
    #[arg(long, value_name = "ID")]
    profile: Option<String>,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print settings as JSON; without a block, all of them.
    Show {
        /// Which block.
        block: Option<Shown>,
    },
    /// Set a block as a whole, as `show` prints it.
    Set {
        /// Which block.
        block: Block,
        /// The block as JSON; `-` reads it from the input.
        json: String,
    },
    /// Open or close the profile by hand until its schedule changes next, or take that back.
    Hours {
        /// Which of them.
        to: Hours,
    },
    /// Add, rename or remove a member, or change their role.
    #[command(subcommand)]
    Member(Member),
    /// Add a profile, and print its id.
    AddProfile {
        /// Its title.
        title: String,
        /// What its bot says when a conversation begins.
        #[arg(long, value_name = "TEXT")]
        greeting: Option<String>,
    },
    /// Print how many wait, and how far off the estimates were that customers were told, as JSON.
    Waiting,
    /// Print what was changed, newest first, one JSON object a line.
    Audit {
        /// Only what was changed before this revision.
        #[arg(long, value_name = "REVISION")]
        before: Option<u64>,
        /// At most so many changes.
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
    },
}

/// What can be shown by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// The team's blocks.
    Team,
    /// The team's assignment.
    TeamAssignment,
    /// The team's operating hours.
    TeamHours,
    /// What becomes of consultations.
    TeamService,
    /// The members.
    Members,
    /// The profiles.
    Profiles,
    /// The profile's assignment.
    Assignment,
    /// The profile's operating hours.
    Hours,
    /// The profile's bot.
    Bot,
    /// What the profile's bot says first.
    Greeting,
    /// Where the profile's bot goes on when a consultation is completed.
    Completion,
}

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Block {
    /// The team's assignment.
    TeamAssignment,
    /// The team's operating hours.
    TeamHours,
    /// What becomes of consultations.
    TeamService,
    /// The profile's assignment.
    Assignment,
    /// The profile's operating hours.
    Hours,
    /// The profile's bot.
    Bot,
    /// What the profile's bot says first; `null`: nothing.
    Greeting,
    /// The id of the flow that the profile's bot begins when a consultation is completed; `null`: none.
    Completion,
}

/// What is done by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Hours {
    /// Open.
    Open,
    /// Close.
    Closed,
    /// The schedule holds again.
    Clear,
}

#[derive(Subcommand, Debug)]
enum Member {
    /// Add a member, and print their id and the token that proves them.
    Add {
        /// The name shown to colleagues.
        name: String,
        /// admin, editor or readonly.
        #[arg(long, value_name = "ROLE", default_value = "readonly")]
        role: String,
    },
    /// Give a member another name.
    Rename {
        /// Which.
        member: String,
        /// The name.
        name: String,
    },
    /// Give a member another role.
    Role {
        /// Which.
        member: String,
        /// admin, editor or readonly.
        role: String,
    },
    /// Remove a member: their token proves nobody any more, and their sessions are closed.
    Remove {
        /// Which.
        member: String,
    },
}

/// Carries out the command.
pub(crate) fn run(options: &Options) -> ExitCode {
    chat::talk(carry_out(options))
}

async fn carry_out(options: &Options) -> Result<(), ChatError> {
    let found = options.at.found()?;
    let profile = match &options.profile {
        Some(profile) => Ok(parsed::<ProfileId>("--profile", profile)?),
        None => found.demo().map(|demo| demo.profile).ok_or(NO_DEMO),
    };
    let profile = || profile.map_err(|why| ChatError::Usage(format!("--profile: {why}")));
    let client = Client::connect(found.member_options(options.token.as_deref())?).await?;
    match &options.what {
        What::Show { block: None } => show::everything(&client).await?,
        What::Show { block: Some(block) } => show::block(&client, *block, profile).await?,
        What::Set { block, json } => change::set(&client, *block, json, profile).await?,
        What::Hours { to } => change::hours(&client, profile()?, *to).await?,
        What::Member(member) => change::member(&client, member).await?,
        What::AddProfile { title, greeting } => {
            change::add_profile(&client, title, greeting.as_deref()).await?;
        }
        What::Waiting => show::waiting(&client).await?,
        What::Audit { before, limit } => show::audit(&client, *before, *limit).await?,
    }
    client.close().await?;
    Ok(())
}
