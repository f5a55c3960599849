//! What the command shows.
//!
//! Owns the JSON that it prints: blocks as they are set. Must not know how they are changed.

use serde::Serialize;
use serde_json::{Map, Value};
use switchboard_client::Client;
use switchboard_client::vocabulary::ProfileId;
use switchboard_client::wire::{MemberRow, ProfileRow, Settings, SettingsOf};

use super::Shown;
use crate::chat::ChatError;

/// Prints all settings as one object.
pub(super) async fn everything(client: &Client) -> Result<(), ChatError> {
    let mut all = fields(client, SettingsOf::Team).await?;
    all.insert("members".to_owned(), json(&members(client).await?)?);
    let mut profiles = Vec::new();
    for row in profiles_of(client).await? {
        let profile = row.profile;
        let Value::Object(mut shown) = json(&row)? else { continue };
        for (name, of) in [
            ("assignment", SettingsOf::ProfileAssignment { profile }),
            ("hours", SettingsOf::ProfileHours { profile }),
            ("bot", SettingsOf::Bot { profile }),
            ("greeting", SettingsOf::Greeting { profile }),
            ("completion", SettingsOf::Completion { profile }),
        ] {
            let mut block = fields(client, of).await?;
            shown.insert(name.to_owned(), block.remove(name).unwrap_or_default());
            // What was done by hand stands beside the hours.
            shown.extend(block);
        }
        profiles.push(Value::Object(shown));
    }
    all.insert("profiles".to_owned(), Value::Array(profiles));
    print(&Value::Object(all))
}

/// Prints one block.
pub(super) async fn block(
    client: &Client,
    block: Shown,
    profile: impl FnOnce() -> Result<ProfileId, ChatError>,
) -> Result<(), ChatError> {
    let shown = match block {
        Shown::Members => json(&members(client).await?)?,
        Shown::Profiles => json(&profiles_of(client).await?)?,
        Shown::Team => Value::Object(fields(client, SettingsOf::Team).await?),
        Shown::TeamAssignment => one(client, SettingsOf::Team, "assignment").await?,
        Shown::TeamHours => one(client, SettingsOf::Team, "hours").await?,
        Shown::TeamService => one(client, SettingsOf::Team, "service").await?,
        Shown::Assignment => {
            one(client, SettingsOf::ProfileAssignment { profile: profile()? }, "assignment").await?
        }
        Shown::Hours => one(client, SettingsOf::ProfileHours { profile: profile()? }, "hours").await?,
        Shown::Bot => one(client, SettingsOf::Bot { profile: profile()? }, "bot").await?,
        Shown::Completion => {
            one(client, SettingsOf::Completion { profile: profile()? }, "completion").await?
        }
        Shown::Greeting => one(client, SettingsOf::Greeting { profile: profile()? }, "greeting").await?,
    };
    print(&shown)
}

/// Prints what was changed, newest first.
pub(super) async fn audit(client: &Client, mut before: Option<u64>, limit: usize) -> Result<(), ChatError> {
    let mut left = limit;
    while left > 0 {
        let page = client.audit(before, u16::try_from(left).unwrap_or(u16::MAX)).await?;
        for entry in &page.entries {
            crate::say(&json(entry)?);
        }
        left = left.saturating_sub(page.entries.len());
        before = page.entries.last().map(|entry| entry.revision);
        if !page.more || before.is_none() {
            break;
        }
    }
    Ok(())
}

async fn members(client: &Client) -> Result<Vec<MemberRow>, ChatError> {
    let mut all: Vec<MemberRow> = Vec::new();
    loop {
        let of = SettingsOf::Members { after: all.last().map(|row| row.member) };
        let Settings::Members { members, more } = client.settings(of).await?.settings else {
            return Err(unknown());
        };
        let ends = members.is_empty() || !more;
        all.extend(members);
        if ends {
            return Ok(all);
        }
    }
}

async fn profiles_of(client: &Client) -> Result<Vec<ProfileRow>, ChatError> {
    let mut all: Vec<ProfileRow> = Vec::new();
    loop {
        let of = SettingsOf::Profiles { after: all.last().map(|row| row.profile) };
        let Settings::Profiles { profiles, more } = client.settings(of).await?.settings else {
            return Err(unknown());
        };
        let ends = profiles.is_empty() || !more;
        all.extend(profiles);
        if ends {
            return Ok(all);
        }
    }
}

/// How waiting goes.
pub(super) async fn waiting(client: &Client) -> Result<(), ChatError> {
    let (waiting, estimates) = client.waiting().await?;
    print(&json(&serde_json::json!({ "waiting": waiting, "estimates": estimates }))?)
}

/// One block of settings, as it is set.
async fn one(client: &Client, of: SettingsOf, name: &str) -> Result<Value, ChatError> {
    Ok(fields(client, of).await?.remove(name).unwrap_or_default())
}

/// The fields of settings, without the tag that says which they are.
async fn fields(client: &Client, of: SettingsOf) -> Result<Map<String, Value>, ChatError> {
    let Value::Object(mut fields) = json(&client.settings(of).await?.settings)? else {
        return Err(unknown());
    };
    fields.remove("of");
    Ok(fields)
}

fn json(value: &impl Serialize) -> Result<Value, ChatError> {
    serde_json::to_value(value).map_err(|error| ChatError::Terminal(error.to_string()))
}

fn print(value: &Value) -> Result<(), ChatError> {
    let text = serde_json::to_string_pretty(value);
    crate::say(&text.map_err(|error| ChatError::Terminal(error.to_string()))?);
    Ok(())
}

fn unknown() -> ChatError {
    ChatError::Terminal("the daemon answered with settings of a kind that is not known here".to_owned())
}
