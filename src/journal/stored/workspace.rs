//! The stored form of a workspace's entries and of the workspace itself.
//!
//! Owns both. A workspace is stored as one value that the store cuts into pieces.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use switchboard_protocol::vocabulary::{DisplayName, ProfileId, ProfileTitle, WorkspaceId};

use super::message::{ALL_KINDS, PLAIN, StoredContent, StoredKeyboard, StoredMask, version_of};
use super::parts::{Id, at, member, member_id};
use super::{StoredError, Version, known_version, read, write};
use crate::domain::message::Message;
use crate::domain::workspace::{Member, Profile, Role, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent};

/// Appends the stored form of an entry to a buffer.
///
/// # Errors
/// When it holds what is never stored.
pub(in crate::journal) fn encode_workspace_entry(
    entry: &WorkspaceEntry,
    buffer: &mut Vec<u8>,
) -> Result<(), StoredError> {
    let events = entry.events.iter().map(stored_event).collect::<Result<_, _>>()?;
    let stored = StoredEntry {
        v: ENTRY_VERSION,
        revision: entry.revision,
        at: entry.at.as_millis(),
        by: entry.by.map(member_id),
        events,
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
    let stored: StoredEntry<'_> =
        read(ENTRY, ENTRY_VERSION, bytes).map_err(|error| newer_or(bytes, error))?;
    if stored.events.is_empty() {
        return Err(StoredError::malformed(ENTRY, &"it has no event"));
    }
    Ok(WorkspaceEntry {
        workspace,
        revision: stored.revision,
        at: at(stored.at),
        by: stored.by.map(member),
        events: stored.events.iter().map(event).collect::<Result<_, _>>()?,
    })
}

/// The stored form of a workspace.
///
/// # Errors
/// When it holds what is never stored.
pub(in crate::journal) fn encode_workspace(workspace: &Workspace) -> Result<Vec<u8>, StoredError> {
    let members = workspace.members.iter();
    let profiles = workspace.profiles.iter();
    let stored = StoredWorkspace {
        v: workspace.profiles.values().map(version_of_profile).max().unwrap_or(PLAIN),
        name: workspace.name.as_ref().map(|name| Cow::Borrowed(name.as_str())),
        revision: workspace.revision,
        last_at: workspace.last_at.as_millis(),
        members: members.map(|(id, details)| (member_id(*id), stored_member(details))).collect(),
        profiles: profiles
            .map(|(id, details)| Ok((Id::new(*id.as_bytes()), stored_profile(details)?)))
            .collect::<Result<_, _>>()?,
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
    let stored: StoredWorkspace<'_> = read(WORKSPACE, WORKSPACE_VERSION, bytes)?;
    let members = stored.members.iter();
    let profiles = stored.profiles.iter();
    Ok(Workspace {
        id,
        name: stored.name.as_deref().map(title).transpose()?,
        revision: stored.revision,
        last_at: at(stored.last_at),
        members: members
            .map(|(id, details)| Ok((member(*id), member_details(details)?)))
            .collect::<Result<_, _>>()?,
        profiles: profiles
            .map(|(id, details)| Ok((profile_id(*id), profile_details(details)?)))
            .collect::<Result<_, _>>()?,
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
    let newest = versions.iter().map(|Version { v }| *v).max().unwrap_or(EVENT_VERSION);
    known_version(EVENT, EVENT_VERSION, newest).err().unwrap_or(error)
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
    #[serde(rename = "e", borrow)]
    events: Vec<StoredEvent<'a>>,
}

/// An event. What a kind does not need is absent.
#[derive(Serialize, Deserialize)]
struct StoredEvent<'a> {
    v: u64,
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    member: Option<StoredMember<'a>>,
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Option::is_none")]
    profile: Option<StoredProfile<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredMember<'a> {
    #[serde(rename = "n", borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "r", borrow)]
    role: Cow<'a, str>,
    #[serde(rename = "h")]
    token_hash: ByteArray<32>,
}

#[derive(Serialize, Deserialize)]
struct StoredProfile<'a> {
    #[serde(rename = "n", borrow)]
    title: Cow<'a, str>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Option::is_none")]
    greeting: Option<StoredContent<'a>>,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Option::is_none")]
    keyboard: Option<StoredKeyboard<'a>>,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    masks: Vec<StoredMask>,
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
}

fn stored_event(event: &WorkspaceEvent) -> Result<StoredEvent<'_>, StoredError> {
    let empty = |kind: &'static str| StoredEvent {
        v: PLAIN,
        kind: Cow::Borrowed(kind),
        id: None,
        name: None,
        member: None,
        profile: None,
    };
    Ok(match event {
        WorkspaceEvent::Created { name } => {
            StoredEvent { name: Some(Cow::Borrowed(name.as_str())), ..empty(CREATED) }
        }
        WorkspaceEvent::MemberAdded { member, details } => StoredEvent {
            id: Some(member_id(*member)),
            member: Some(stored_member(details)),
            ..empty(MEMBER_ADDED)
        },
        WorkspaceEvent::ProfileAdded { profile, details } => StoredEvent {
            id: Some(Id::new(*profile.as_bytes())),
            v: version_of_profile(details),
            profile: Some(stored_profile(details)?),
            ..empty(PROFILE_ADDED)
        },
    })
}

fn event(stored: &StoredEvent<'_>) -> Result<WorkspaceEvent, StoredError> {
    // A later version only adds fields, and each event bears the first one that can say it.
    known_version(EVENT, EVENT_VERSION, stored.v)?;
    let absent = || StoredError::malformed(EVENT, &format_args!("{:?} lacks a part", stored.kind));
    match stored.kind.as_ref() {
        CREATED => Ok(WorkspaceEvent::Created { name: title(stored.name.as_deref().ok_or_else(absent)?)? }),
        MEMBER_ADDED => Ok(WorkspaceEvent::MemberAdded {
            member: stored.id.map(member).ok_or_else(absent)?,
            details: member_details(stored.member.as_ref().ok_or_else(absent)?)?,
        }),
        PROFILE_ADDED => Ok(WorkspaceEvent::ProfileAdded {
            profile: stored.id.map(profile_id).ok_or_else(absent)?,
            details: profile_details(stored.profile.as_ref().ok_or_else(absent)?)?,
        }),
        _ => Err(StoredError::malformed(EVENT, &format_args!("of unknown kind {:?}", stored.kind))),
    }
}

fn stored_member(details: &Member) -> StoredMember<'_> {
    let role = match details.role {
        Role::Owner => OWNER,
        Role::Admin => ADMIN,
        Role::Editor => EDITOR,
        Role::Readonly => READONLY,
    };
    StoredMember {
        name: Cow::Borrowed(details.name.as_str()),
        role: Cow::Borrowed(role),
        token_hash: ByteArray::new(details.token_hash.0),
    }
}

fn member_details(stored: &StoredMember<'_>) -> Result<Member, StoredError> {
    let role = match stored.role.as_ref() {
        OWNER => Role::Owner,
        ADMIN => Role::Admin,
        EDITOR => Role::Editor,
        READONLY => Role::Readonly,
        _ => return Err(StoredError::malformed("member", &format_args!("unknown role {:?}", stored.role))),
    };
    let name = DisplayName::new(stored.name.as_ref());
    Ok(Member {
        name: name.map_err(|error| StoredError::malformed("member", &error))?,
        role,
        token_hash: TokenHash(stored.token_hash.into_array()),
    })
}

fn stored_profile(details: &Profile) -> Result<StoredProfile<'_>, StoredError> {
    let greeting = details.greeting.as_ref();
    let keyboard = greeting.and_then(|message| message.keyboard.as_deref());
    Ok(StoredProfile {
        title: Cow::Borrowed(details.title.as_str()),
        greeting: greeting.map(|message| StoredContent::new(&message.content)).transpose()?,
        keyboard: keyboard.map(StoredKeyboard::new).transpose()?,
        masks: greeting.map_or_else(Vec::new, |message| message.masks.iter().map(StoredMask::new).collect()),
    })
}

/// The first version in which a profile can be stored, in its event and in the workspace.
fn version_of_profile(details: &Profile) -> u64 {
    details.greeting.as_ref().map_or(PLAIN, version_of)
}

fn profile_details(stored: &StoredProfile<'_>) -> Result<Profile, StoredError> {
    let content = stored.greeting.as_ref().map(StoredContent::content).transpose()?;
    let keyboard = stored.keyboard.as_ref().map(StoredKeyboard::keyboard).transpose()?;
    let masks = stored.masks.iter().map(StoredMask::mask).collect::<Result<_, _>>()?;
    let greeting = content.map(|content| Message { content, keyboard: keyboard.map(Box::new), masks });
    Ok(Profile { title: title(&stored.title)?, greeting })
}

fn title(text: &str) -> Result<ProfileTitle, StoredError> {
    ProfileTitle::new(text).map_err(|error| StoredError::malformed("title", &error))
}

fn profile_id(id: Id) -> ProfileId {
    ProfileId::from_bytes(id.into_array())
}

const CREATED: &str = "create";
const MEMBER_ADDED: &str = "member";
const PROFILE_ADDED: &str = "profile";

const OWNER: &str = "owner";
const ADMIN: &str = "admin";
const EDITOR: &str = "editor";
const READONLY: &str = "readonly";

const ENTRY: &str = "workspace entry";
const EVENT: &str = "workspace event";
const WORKSPACE: &str = "workspace";

const ENTRY_VERSION: u64 = 1;
const EVENT_VERSION: u64 = ALL_KINDS;
const WORKSPACE_VERSION: u64 = ALL_KINDS;
