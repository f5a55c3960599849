//! The stored form of an entry of a conversation: what the log and the pages hold.
//!
//! Owns its two parts. The structure says who, when, of which kind and with which references; the
//! content holds what people wrote and what names them. They are encoded apart, so that content can
//! be erased without touching order or figures. The conversation's id is the record's, not stored twice.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;
use switchboard_protocol::vocabulary::ConversationId;

use super::consultation::WITH_RECORDS;
use super::details::StoredDetailsChange;
use super::message::{PLAIN, StoredContent, StoredKeyboard, StoredMask, version_of};
use super::parts::{Id, StoredParty, StoredPlace, at, customer, instance, instance_id, member, member_id};
use super::service::{self, StoredService};
use super::{StoredError, Version, known_version, one_value, read, write};
use crate::domain::conversation::{Entry, Event, Origin, Side, What};
use crate::domain::customer::DetailsChange;
use crate::domain::message::Message;

/// Appends the stored form of an entry to a buffer.
///
/// # Errors
/// When it holds what is never stored.
pub(in crate::journal) fn encode_entry(entry: &Entry, buffer: &mut Vec<u8>) -> Result<(), StoredError> {
    let mut structure = StoredEntry {
        revision: entry.revision,
        before: StoredPlace::new(entry.before),
        at: entry.at.as_millis(),
        origin: entry.origin.map(|origin| {
            StoredOrigin(StoredParty(origin.party), instance_id(origin.instance), origin.counter)
        }),
        epoch: entry.epoch,
        events: Vec::with_capacity(entry.events.len()),
    };
    let mut contents = Vec::with_capacity(entry.events.len());
    for event in &entry.events {
        let (event, content) = split(event, (entry.conversation, entry.revision))?;
        structure.events.push(event);
        contents.push(content);
    }
    while contents.pop_if(|content| content.is_none()).is_some() {}
    begin_parts(if entry.epoch.is_some() { WITH_EPOCH } else { FIRST }, buffer);
    write_part(STRUCTURE, buffer, |buffer| write(ENTRY, &structure, buffer))?;
    write_part(CONTENT, buffer, |buffer| write(ENTRY, &contents, buffer))
}

/// Reads the stored form of an entry of a conversation.
///
/// # Errors
/// When it is newer than this program, or is none.
pub(in crate::journal) fn decode_entry(
    conversation: ConversationId,
    bytes: &[u8],
) -> Result<Entry, StoredError> {
    let parts: Parts<'_> = read(ENTRY, u64::from(WITH_EPOCH), bytes)?;
    one_value(ENTRY, parts.structure)?;
    one_value(ENTRY, parts.content)?;
    let structure: StoredEntry<'_> = rmp_serde::from_slice(parts.structure)
        .map_err(|error| newer_or_malformed(parts.structure, &error))?;
    let mut contents: Vec<Option<EventContent<'_>>> =
        rmp_serde::from_slice(parts.content).map_err(|error| StoredError::malformed(ENTRY, &error))?;
    if structure.events.is_empty() || contents.len() > structure.events.len() {
        return Err(StoredError::malformed(ENTRY, &"its parts do not fit each other"));
    }
    contents.resize_with(structure.events.len(), || None);
    let origin = structure.origin.map(|StoredOrigin(party, client, counter)| Origin {
        party: party.0,
        instance: instance(client),
        counter,
    });
    let place = (conversation, structure.revision);
    let events = structure.events.iter().zip(&contents);
    Ok(Entry {
        conversation,
        revision: structure.revision,
        before: structure.before.place(ENTRY)?,
        at: at(structure.at),
        origin,
        epoch: structure.epoch,
        events: events
            .map(|(event, content)| join(event, content.as_ref(), place))
            .collect::<Result<_, _>>()?,
    })
}

/// An event of a version that this program does not know may also have fields that it cannot read.
fn newer_or_malformed(structure: &[u8], error: &rmp_serde::decode::Error) -> StoredError {
    #[derive(Deserialize)]
    struct Events {
        #[serde(rename = "e")]
        events: Vec<Version>,
    }
    let versions = rmp_serde::from_slice::<Events>(structure).map(|found| found.events).unwrap_or_default();
    let newest = versions.iter().map(|Version { v }| *v).max().unwrap_or(EVENT_VERSION);
    known_version(EVENT, EVENT_VERSION, newest).err().unwrap_or_else(|| StoredError::malformed(ENTRY, error))
}

/// Both parts, each one MessagePack value of its own.
#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(rename = "s", borrow)]
    structure: &'a Bytes,
    #[serde(rename = "c", borrow)]
    content: &'a Bytes,
}

/// Writes the map that holds both parts up to the first of them.
fn begin_parts(version: u8, buffer: &mut Vec<u8>) {
    debug_assert!(version < 0x80, "a larger one takes more than a byte");
    buffer.extend_from_slice(&[FIXMAP_3, FIXSTR_1, b'v', version]);
}

/// Writes a part in place: its length is known only after it.
fn write_part(
    name: u8,
    buffer: &mut Vec<u8>,
    value: impl FnOnce(&mut Vec<u8>) -> Result<(), StoredError>,
) -> Result<(), StoredError> {
    buffer.extend_from_slice(&[FIXSTR_1, name, BIN_32, 0, 0, 0, 0]);
    let start = buffer.len();
    value(buffer)?;
    let length = u32::try_from(buffer.len() - start)
        .map_err(|_| StoredError::Unstorable { what: ENTRY, reason: "it is larger than 4 GiB" })?;
    buffer[start - 4..start].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct StoredEntry<'a> {
    #[serde(rename = "r")]
    revision: u64,
    #[serde(rename = "b")]
    before: StoredPlace,
    #[serde(rename = "t")]
    at: i64,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    origin: Option<StoredOrigin>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
    #[serde(rename = "e", borrow)]
    events: Vec<StoredEvent<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredOrigin(StoredParty, Id, u64);

/// An event without what people wrote. What a kind does not need is absent.
#[derive(Serialize, Deserialize)]
struct StoredEvent<'a> {
    v: u64,
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "b")]
    by: StoredParty,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    member: Option<Id>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    profile: Option<Id>,
    #[serde(rename = "f", borrow, default, skip_serializing_if = "Option::is_none")]
    platform: Option<Cow<'a, str>>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    side: Option<Cow<'a, str>>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    up_to: Option<StoredPlace>,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    masks: Vec<StoredMask>,
    #[serde(rename = "w", borrow, default, skip_serializing_if = "Option::is_none")]
    service: Option<StoredService<'a>>,
}

/// What people wrote, or what names them, in one event.
#[derive(Default, Serialize, Deserialize)]
struct EventContent<'a> {
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    message: Option<StoredContent<'a>>,
    #[serde(rename = "k", borrow, default, skip_serializing_if = "Option::is_none")]
    keyboard: Option<StoredKeyboard<'a>>,
    #[serde(rename = "u", borrow, default, skip_serializing_if = "Option::is_none")]
    user_key: Option<Cow<'a, str>>,
    #[serde(rename = "d", borrow, default, skip_serializing_if = "Option::is_none")]
    details: Option<StoredDetailsChange<'a>>,
}

fn split(
    event: &Event,
    place: (ConversationId, u64),
) -> Result<(StoredEvent<'_>, Option<EventContent<'_>>), StoredError> {
    let mut stored = StoredEvent {
        v: PLAIN,
        kind: Cow::Borrowed(COMPLETED),
        by: StoredParty(event.by),
        member: None,
        profile: None,
        platform: None,
        side: None,
        up_to: None,
        masks: Vec::new(),
        service: None,
    };
    if let Some((kind, member, service)) = service::split(&event.what, place) {
        let v = service::version(&event.what, service.is_some());
        let (kind, member) = (Cow::Borrowed(kind), member.map(member_id));
        return Ok((StoredEvent { v, kind, member, service, ..stored }, None));
    }
    let mut content = None;
    match &event.what {
        What::Started { customer, former } => {
            if former.is_some() {
                stored.v = WITH_RECORDS;
            }
            stored.member = former.map(member_id);
            stored.kind = Cow::Borrowed(STARTED);
            stored.profile = Some(Id::new(*customer.profile.as_bytes()));
            stored.platform = Some(Cow::Borrowed(customer.platform.as_str()));
            let user_key = Some(Cow::Borrowed(customer.user_key.as_str()));
            content = Some(EventContent { user_key, ..EventContent::default() });
        }
        What::Message(message) => {
            stored.v = version_of(message);
            stored.masks = message.masks.iter().map(StoredMask::new).collect();
            stored.kind = Cow::Borrowed(MESSAGE);
            let keyboard = message.keyboard.as_deref().map(StoredKeyboard::new).transpose()?;
            let message = Some(StoredContent::new(&message.content)?);
            content = Some(EventContent { message, keyboard, ..EventContent::default() });
        }
        What::Called { .. }
        | What::CallRefused { .. }
        | What::Assigned { .. }
        | What::Requeued { .. }
        | What::Unserved { .. }
        | What::Explained(_) => {}
        What::Entered { member } => {
            stored.kind = Cow::Borrowed(ENTERED);
            stored.member = Some(member_id(*member));
        }
        What::Left { member } => {
            stored.kind = Cow::Borrowed(LEFT);
            stored.member = Some(member_id(*member));
        }
        What::Completed => stored.kind = Cow::Borrowed(COMPLETED),
        What::Ended => {
            stored.v = WITH_END;
            stored.kind = Cow::Borrowed(ENDED);
        }
        What::Described(change) => {
            stored.v = WITH_RECORDS;
            stored.kind = Cow::Borrowed(DESCRIBED);
            let details = Some(StoredDetailsChange::new(change));
            content = Some(EventContent { details, ..EventContent::default() });
        }
        What::Read { side, up_to } => {
            stored.kind = Cow::Borrowed(READ);
            stored.side = Some(Cow::Borrowed(match side {
                Side::Customer => SIDE_CUSTOMER,
                Side::Staff => SIDE_STAFF,
            }));
            stored.up_to = Some(StoredPlace::new(*up_to));
        }
        What::Unchanged => stored.kind = Cow::Borrowed(UNCHANGED),
    }
    Ok((stored, content))
}

fn join(
    stored: &StoredEvent<'_>,
    content: Option<&EventContent<'_>>,
    place: (ConversationId, u64),
) -> Result<Event, StoredError> {
    // A later version only adds kinds and fields: each event bears the first one that can say it, so that
    // an older program refuses exactly what it cannot read.
    known_version(EVENT, EVENT_VERSION, stored.v)?;
    let absent = || StoredError::malformed(EVENT, &format_args!("{:?} lacks a part", stored.kind));
    let of_member = || stored.member.map(member).ok_or_else(absent);
    let what = match stored.kind.as_ref() {
        STARTED => {
            let user_key = content.and_then(|content| content.user_key.as_ref());
            let (Some(profile), Some(platform), Some(user_key)) =
                (stored.profile, &stored.platform, user_key)
            else {
                return Err(absent());
            };
            What::Started {
                customer: customer(EVENT, profile, platform, user_key)?,
                former: stored.member.map(member),
            }
        }
        MESSAGE => {
            let parts = content.ok_or_else(absent)?;
            let keyboard = parts.keyboard.as_ref().map(StoredKeyboard::keyboard).transpose()?;
            let content = parts.message.as_ref().ok_or_else(absent)?.content()?;
            let masks = stored.masks.iter().map(StoredMask::mask).collect::<Result<_, _>>()?;
            What::Message(Message { content, keyboard: keyboard.map(Box::new), masks })
        }
        ENTERED => What::Entered { member: of_member()? },
        LEFT => What::Left { member: of_member()? },
        COMPLETED => What::Completed,
        ENDED => What::Ended,
        DESCRIBED => {
            let change = content.and_then(|content| content.details.as_ref());
            What::Described(Box::new(change.map_or(Ok(DetailsChange::default()), |change| change.change())?))
        }
        READ => {
            let side = match stored.side.as_deref() {
                Some(SIDE_CUSTOMER) => Side::Customer,
                Some(SIDE_STAFF) => Side::Staff,
                Some(_) | None => return Err(absent()),
            };
            What::Read { side, up_to: stored.up_to.ok_or_else(absent)?.place(EVENT)? }
        }
        UNCHANGED => What::Unchanged,
        kind => {
            let what = service::join(kind, stored.member.map(member), stored.service.as_ref(), place)?;
            what.ok_or_else(|| StoredError::malformed(EVENT, &format_args!("of unknown kind {kind:?}")))?
        }
    };
    Ok(Event { by: stored.by.0, what })
}

const STARTED: &str = "start";
const MESSAGE: &str = "msg";
const ENTERED: &str = "enter";
const LEFT: &str = "leave";
const COMPLETED: &str = "done";
const ENDED: &str = "end";
const DESCRIBED: &str = "desc";
const READ: &str = "read";
const UNCHANGED: &str = "same";

const SIDE_CUSTOMER: &str = "c";
const SIDE_STAFF: &str = "s";

const STRUCTURE: u8 = b's';
const CONTENT: u8 = b'c';

/// MessagePack: a map of three pairs, a text of one byte, bytes with a length of four.
const FIXMAP_3: u8 = 0x83;
const FIXSTR_1: u8 = 0xa1;
const BIN_32: u8 = 0xc6;

const ENTRY: &str = "entry";
const EVENT: &str = "event";

/// The version of the entry as a whole.
const FIRST: u8 = 1;

/// The first version that has the epoch at which the entry came.
const WITH_EPOCH: u8 = 4;

/// The newest version of the events in it.
const EVENT_VERSION: u64 = WITH_RECORDS;

/// The first version that has the end of a conversation.
const WITH_END: u64 = 2;
