//! The stored form of members, profiles and greetings.
//!
//! Owns what an event and the state of a workspace share. Must not know what happens to them.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use switchboard_protocol::vocabulary::{DisplayName, ProfileTitle};

use super::StoredError;
use super::message::{PLAIN, StoredContent, StoredKeyboard, StoredMask, version_of};
use crate::domain::message::Message;
use crate::domain::workspace::{Member, Profile, Role, TokenHash};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredMember<'a> {
    #[serde(rename = "n", borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "r", borrow)]
    role: Cow<'a, str>,
    #[serde(rename = "h")]
    token_hash: ByteArray<32>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct StoredProfile<'a> {
    #[serde(rename = "n", borrow)]
    title: Cow<'a, str>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Option::is_none")]
    greeting: Option<StoredContent<'a>>,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Option::is_none")]
    keyboard: Option<StoredKeyboard<'a>>,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    masks: Vec<StoredMask>,
}

/// What a bot says first, apart from its profile.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredGreeting<'a> {
    #[serde(rename = "g", borrow)]
    content: StoredContent<'a>,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Option::is_none")]
    keyboard: Option<StoredKeyboard<'a>>,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    masks: Vec<StoredMask>,
}

impl<'a> StoredMember<'a> {
    pub(super) fn new(details: &'a Member) -> Self {
        Self {
            name: Cow::Borrowed(details.name.as_str()),
            role: Cow::Borrowed(role_word(details.role)),
            token_hash: ByteArray::new(details.token_hash.0),
        }
    }

    pub(super) fn member(&self) -> Result<Member, StoredError> {
        Ok(Member {
            name: name(&self.name)?,
            role: role(&self.role)?,
            token_hash: TokenHash(self.token_hash.into_array()),
        })
    }
}

impl<'a> StoredProfile<'a> {
    pub(super) fn new(details: &'a Profile) -> Result<Self, StoredError> {
        let greeting = details.greeting.as_ref().map(StoredGreeting::new).transpose()?;
        let (greeting, keyboard, masks) = greeting
            .map_or((None, None, Vec::new()), |StoredGreeting { content, keyboard, masks }| {
                (Some(content), keyboard, masks)
            });
        Ok(Self { title: Cow::Borrowed(details.title.as_str()), greeting, keyboard, masks })
    }

    pub(super) fn profile(&self) -> Result<Profile, StoredError> {
        let content = self.greeting.as_ref();
        let greeting =
            content.map(|content| message(content, self.keyboard.as_ref(), &self.masks)).transpose()?;
        Ok(Profile { title: title(&self.title)?, greeting })
    }
}

impl<'a> StoredGreeting<'a> {
    pub(super) fn new(message: &'a Message) -> Result<Self, StoredError> {
        Ok(Self {
            content: StoredContent::new(&message.content)?,
            keyboard: message.keyboard.as_deref().map(StoredKeyboard::new).transpose()?,
            masks: message.masks.iter().map(StoredMask::new).collect(),
        })
    }

    pub(super) fn message(&self) -> Result<Message, StoredError> {
        message(&self.content, self.keyboard.as_ref(), &self.masks)
    }
}

/// The first version in which a profile can be stored, in its event and in the workspace.
pub(super) fn version_of_profile(details: &Profile) -> u64 {
    details.greeting.as_ref().map_or(PLAIN, version_of)
}

pub(super) const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => OWNER,
        Role::Admin => ADMIN,
        Role::Editor => EDITOR,
        Role::Readonly => READONLY,
    }
}

pub(super) fn role(word: &str) -> Result<Role, StoredError> {
    Ok(match word {
        OWNER => Role::Owner,
        ADMIN => Role::Admin,
        EDITOR => Role::Editor,
        READONLY => Role::Readonly,
        _ => return Err(StoredError::malformed("member", &format_args!("unknown role {word:?}"))),
    })
}

pub(super) fn name(text: &str) -> Result<DisplayName, StoredError> {
    DisplayName::new(text).map_err(|error| StoredError::malformed("member", &error))
}

pub(super) fn title(text: &str) -> Result<ProfileTitle, StoredError> {
    ProfileTitle::new(text).map_err(|error| StoredError::malformed("title", &error))
}

fn message(
    content: &StoredContent<'_>,
    keyboard: Option<&StoredKeyboard<'_>>,
    masks: &[StoredMask],
) -> Result<Message, StoredError> {
    Ok(Message {
        content: content.content()?,
        keyboard: keyboard.map(StoredKeyboard::keyboard).transpose()?.map(Box::new),
        masks: masks.iter().map(StoredMask::mask).collect::<Result<_, _>>()?,
    })
}

const OWNER: &str = "owner";
const ADMIN: &str = "admin";
const EDITOR: &str = "editor";
const READONLY: &str = "readonly";
