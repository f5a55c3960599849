//! The stored form of a workspace's entries and of the workspace itself.
//!
//! Owns both. A workspace is stored as one value that the store cuts into pieces. Must not know what is in an
//! event.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::{Party, WorkspaceId};

use super::answers::StoredAnswers;
use super::change::{CHANGE, COMPLETIONS, NEWEST_CHANGE, SETTINGS, StoredChange};
use super::message::PLAIN;
use super::parts::{Id, at, instance, instance_id, member, member_id, profile, profile_id};
use super::people::{StoredMember, StoredProfile, title, version_of_profile};
use super::settings::StoredSettings;
use super::{StoredError, Version, known_version, read, write};
use crate::domain::clients::Origin;
use crate::domain::workspace::{Settings, Workspace, WorkspaceEntry};

/// Appends the stored form of an entry to a buffer.
///
/// # Errors
/// When it holds what is never stored.
pub(in crate::journal) fn encode_workspace_entry(
    entry: &WorkspaceEntry,
    buffer: &mut Vec<u8>,
) -> Result<(), StoredError> {
    let unstorable = StoredError::Unstorable { what: ENTRY, reason: "its client is another's" };
    let by = entry.by.map(|member| Party::Agent { member });
    if entry.origin.is_some_and(|origin| Some(origin.party) != by) {
        return Err(unstorable);
    }
    let stored = StoredEntry {
        v: if entry.origin.is_some() { ONCE } else { FIRST },
        revision: entry.revision,
        at: entry.at.as_millis(),
        by: entry.by.map(member_id),
        origin: entry.origin.map(|origin| (instance_id(origin.instance), origin.counter)),
        events: entry.events.iter().map(StoredChange::new).collect::<Result<_, _>>()?,
    };
    write(ENTRY, &stored, buffer)
}

/// Reads the stored form of an entry of a workspace.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_workspace_entry(
    workspace: WorkspaceId,
    bytes: &[u8],
) -> Result<WorkspaceEntry, StoredError> {
    let stored: StoredEntry<'_> = read(ENTRY, ONCE, bytes).map_err(|error| newer_or(bytes, error))?;
    if stored.events.is_empty() {
        return Err(StoredError::malformed(ENTRY, &"it has no event"));
    }
    let by = stored.by.map(member);
    let origin = match (by, stored.origin) {
        (_, None) => None,
        (Some(member), Some((id, counter))) => {
            Some(Origin { party: Party::Agent { member }, instance: instance(id), counter })
        }
        (None, Some(_)) => return Err(StoredError::malformed(ENTRY, &"a client's, and nobody's")),
    };
    Ok(WorkspaceEntry {
        workspace,
        revision: stored.revision,
        at: at(stored.at),
        by,
        origin,
        events: stored.events.iter().map(StoredChange::event).collect::<Result<_, _>>()?,
    })
}

/// The stored form of a workspace.
///
/// # Errors
/// When it holds what is never stored.
pub(in crate::journal) fn encode_workspace(workspace: &Workspace) -> Result<Vec<u8>, StoredError> {
    let members = workspace.members.iter();
    let profiles = workspace.profiles.iter();
    let settings = (workspace.settings != Settings::default()).then_some(&workspace.settings);
    let answers = StoredAnswers::new(&workspace.answers)?;
    let stored = StoredWorkspace {
        v: if workspace.settings.profiles.values().any(|own| own.completion.is_some()) {
            COMPLETIONS
        } else if settings.is_some() || answers.is_some() || !workspace.away.is_empty() {
            SETTINGS
        } else {
            workspace.profiles.values().map(version_of_profile).max().unwrap_or(PLAIN)
        },
        name: workspace.name.as_ref().map(|name| Cow::Borrowed(name.as_str())),
        revision: workspace.revision,
        last_at: workspace.last_at.as_millis(),
        members: members.map(|(id, details)| (member_id(*id), StoredMember::new(details))).collect(),
        profiles: profiles
            .map(|(id, details)| Ok((profile_id(*id), StoredProfile::new(details)?)))
            .collect::<Result<_, _>>()?,
        settings: settings.map(StoredSettings::new),
        away: workspace.away.iter().copied().map(member_id).collect(),
        answers,
    };
    let mut buffer = Vec::new();
    write(WORKSPACE, &stored, &mut buffer)?;
    Ok(buffer)
}

/// Reads the stored form of a workspace.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_workspace(id: WorkspaceId, bytes: &[u8]) -> Result<Workspace, StoredError> {
    let stored: StoredWorkspace<'_> = read(WORKSPACE, COMPLETIONS, bytes)?;
    let members = stored.members.iter();
    let profiles = stored.profiles.iter();
    Ok(Workspace {
        id,
        name: stored.name.as_deref().map(title).transpose()?,
        revision: stored.revision,
        last_at: at(stored.last_at),
        members: members.map(|(id, stored)| Ok((member(*id), stored.member()?))).collect::<Result<_, _>>()?,
        profiles: profiles
            .map(|(id, stored)| Ok((profile(*id), stored.profile()?)))
            .collect::<Result<_, _>>()?,
        away: stored.away.iter().copied().map(member).collect(),
        settings: stored.settings.as_ref().map(StoredSettings::settings).transpose()?.unwrap_or_default(),
        answers: stored.answers.as_ref().map(StoredAnswers::answers).unwrap_or_default(),
    })
}

/// An event of a version that this program does not know may also have fields that it cannot read.
fn newer_or(bytes: &[u8], error: StoredError) -> StoredError {
    #[derive(Deserialize)]
    struct Events {
        #[serde(rename = "e")]
        events: Vec<Version>,
    }
    let versions = rmp_serde::from_slice::<Events>(bytes).map(|found| found.events).unwrap_or_default();
    let newest = versions.iter().map(|Version { v }| *v).max().unwrap_or(NEWEST_CHANGE);
    known_version(CHANGE, NEWEST_CHANGE, newest).err().unwrap_or(error)
}

#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    v: u64,
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "t")]
    at: i64,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    by: Option<Id>,
    /// The client's instance and its counter.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    origin: Option<(Id, u64)>,
    #[serde(rename = "e", borrow)]
    events: Vec<StoredChange<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredWorkspace<'a> {
    v: u64,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "t")]
    last_at: i64,
    #[serde(rename = "m", borrow)]
    members: Vec<(Id, StoredMember<'a>)>,
    #[serde(rename = "p", borrow)]
    profiles: Vec<(Id, StoredProfile<'a>)>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    settings: Option<StoredSettings<'a>>,
    /// The members who want to be left alone.
    #[serde(rename = "w", default, skip_serializing_if = "Vec::is_empty")]
    away: Vec<Id>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    answers: Option<StoredAnswers>,
}

const ENTRY: &str = "workspace entry";
const WORKSPACE: &str = "workspace";

/// An entry bears the first version that can say it: the second has which client's command it was.
const FIRST: u64 = 1;
const ONCE: u64 = 2;
