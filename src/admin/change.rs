//! What the command changes.
//!
//! Owns how a change is made of flags and JSON, and what is printed of it. Must not know what may be changed.

use std::io::Read as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use switchboard::clock;
use switchboard_client::Client;
use switchboard_client::vocabulary::{
    Content, DisplayName, MemberId, MessageText, ProfileId, ProfileTitle, Token,
};
use switchboard_client::wire::{Change, Greeting, Role};

use super::{Block, Hours, Member};
use crate::chat::ChatError;
use crate::chat::find::parsed;

/// Sets a block.
pub(super) async fn set(
    client: &Client,
    block: Block,
    json: &str,
    profile: impl FnOnce() -> Result<ProfileId, ChatError>,
) -> Result<(), ChatError> {
    let json = if json == "-" { input()? } else { json.to_owned() };
    let change = match block {
        Block::TeamAssignment => Change::TeamAssignment { assignment: read(&json)? },
        Block::TeamHours => Change::TeamHours { hours: read(&json)? },
        Block::TeamService => Change::TeamService { service: read(&json)? },
        Block::Assignment => Change::ProfileAssignment { profile: profile()?, assignment: read(&json)? },
        Block::Hours => Change::ProfileHours { profile: profile()?, hours: read(&json)? },
        Block::Bot => Change::Bot { profile: profile()?, bot: read(&json)? },
        Block::Completion => Change::Completion { profile: profile()?, completion: read(&json)? },
        Block::Greeting => Change::Greeting { profile: profile()?, greeting: read(&json)? },
    };
    say_changed(client, change).await
}

/// Opens or closes by hand.
pub(super) async fn hours(client: &Client, profile: ProfileId, to: Hours) -> Result<(), ChatError> {
    let open = match to {
        Hours::Open => Some(true),
        Hours::Closed => Some(false),
        Hours::Clear => None,
    };
    say_changed(client, Change::OverrideHours { profile, open, until: None }).await
}

/// Changes the members.
pub(super) async fn member(client: &Client, member: &Member) -> Result<(), ChatError> {
    let which = |id: &str| parsed::<MemberId>("member", id);
    let change = match member {
        Member::Add { name, role } => return add_member(client, name, role).await,
        Member::Rename { member, name } => {
            Change::RenameMember { member: which(member)?, name: parsed::<DisplayName>("name", name)? }
        }
        Member::Role { member, role } => Change::ChangeRole { member: which(member)?, role: role_of(role)? },
        Member::Remove { member } => Change::RemoveMember { member: which(member)? },
    };
    say_changed(client, change).await
}

/// Adds a profile, and prints its id.
pub(super) async fn add_profile(
    client: &Client,
    title: &str,
    greeting: Option<&str>,
) -> Result<(), ChatError> {
    let greeting = greeting.map(|text| parsed::<MessageText>("--greeting", text)).transpose()?;
    let greeting = greeting.map(|text| Greeting { content: Content::text(text), keyboard: None });
    let title = parsed::<ProfileTitle>("title", title)?;
    match audited(client, Change::AddProfile { profile: None, title, greeting }).await? {
        Some(Change::AddProfile { profile: Some(profile), .. }) => crate::say(&format!("profile {profile}")),
        Some(_) | None => crate::say(&NOT_TOLD),
    }
    Ok(())
}

async fn add_member(client: &Client, name: &str, role: &str) -> Result<(), ChatError> {
    let (name, role) = (parsed::<DisplayName>("name", name)?, role_of(role)?);
    let secret = clock::token();
    let token = Some(parsed::<Token>("token", &secret)?);
    match audited(client, Change::AddMember { member: None, name, role, token }).await? {
        Some(Change::AddMember { member: Some(member), .. }) => {
            crate::say(&format!("member {member}\ntoken  {secret}"));
        }
        Some(_) | None => crate::say(&NOT_TOLD),
    }
    Ok(())
}

/// Changes something, and gives it as the audit has it: with the id that the engine has drawn.
async fn audited(client: &Client, change: Change) -> Result<Option<Change>, ChatError> {
    let Some(revision) = client.change(change).await?.revision else { return Ok(None) };
    let audit = client.audit(revision.checked_add(1), 1).await?;
    Ok(audit.entries.into_iter().next().and_then(|entry| entry.changes.into_iter().next()))
}

async fn say_changed(client: &Client, change: Change) -> Result<(), ChatError> {
    match client.change(change).await?.revision {
        Some(revision) => crate::say(&format!("changed; revision {revision} of the audit")),
        None => crate::say(&NOT_TOLD),
    }
    Ok(())
}

fn role_of(role: &str) -> Result<Role, ChatError> {
    match role {
        "owner" => Ok(Role::Owner),
        "admin" => Ok(Role::Admin),
        "editor" => Ok(Role::Editor),
        "readonly" => Ok(Role::Readonly),
        _ => Err(ChatError::Usage(format!("role: {role:?} is none; it must be admin, editor or readonly"))),
    }
}

/// A block, which must be all that was written: a misspelt field would switch off what it was meant to set.
fn read<T: DeserializeOwned + Serialize>(json: &str) -> Result<T, ChatError> {
    let usage = |error: serde_json::Error| ChatError::Usage(format!("json: {error}"));
    let block = serde_json::from_str(json).map_err(usage)?;
    let understood = serde_json::to_value(&block).map_err(usage)?;
    match unknown(&serde_json::from_str(json).map_err(usage)?, &understood) {
        Some(field) => Err(ChatError::Usage(format!("json: {field}: there is no such field here"))),
        None => Ok(block),
    }
}

/// The first field with something in it that was not understood. What is left out of a block when it has nothing in
/// it need not come back.
fn unknown(given: &Value, understood: &Value) -> Option<String> {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            given.iter().find_map(|(name, value)| match understood.get(name) {
                Some(known) => unknown(value, known).map(|field| format!("{name}.{field}")),
                None => (!is_nothing(value)).then(|| name.clone()),
            })
        }
        (Value::Array(given), Value::Array(understood)) => given
            .iter()
            .zip(understood)
            .enumerate()
            .find_map(|(at, (value, known))| unknown(value, known).map(|field| format!("[{at}].{field}"))),
        _ => None,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) => false,
    }
}

fn input() -> Result<String, ChatError> {
    let mut json = String::new();
    let read = std::io::stdin().read_to_string(&mut json);
    read.map_err(|error| ChatError::Terminal(format!("the input cannot be read: {error}")))?;
    Ok(json)
}

/// What is said when an answer is not kept any more.
const NOT_TOLD: &str = "changed; the audit says how";
