//! The consultations of a customer, newest first.
//!
//! Owns how the records of the store, the rows' consultations that go on, and what the unfolded tail adds become one
//! answer over all conversations of the customer, and the cursor that a page ends with. Must not know who may read
//! them.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::{ReadFault, digits};
use crate::domain::consultation::Record;
use crate::domain::identity::CustomerKey;
use crate::journal::fold::Folds;
use crate::journal::fold::keys::{self, RecordPlace};
use crate::journal::store::StoreError;
use crate::journal::stored::{RowState, decode_entry, decode_record, decode_row};
use crate::journal::{ConsultationPage, ReadError, Stream};
use crate::limits;

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct ConsultationCursor {
    conversation: ConversationId,
    at: At,
}

/// Where in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the consultation that goes on, or went on then.
    Open,
    /// At one that is over.
    Over(RecordPlace),
}

impl fmt::Display for ConsultationCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits::write(f, self.conversation.as_bytes())?;
        match self.at {
            At::Open => f.write_str(OPEN),
            At::Over(place) => digits::write(f, &place.0),
        }
    }
}

impl FromStr for ConsultationCursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let none = || ReadError::Cursor(text.chars().take(64).collect());
        let (conversation, at) = text.split_at_checked(32).ok_or_else(none)?;
        let conversation = ConversationId::from_bytes(digits::bytes(conversation).ok_or_else(none)?);
        let at = match at {
            OPEN => At::Open,
            place => At::Over(RecordPlace(digits::bytes(place).ok_or_else(none)?)),
        };
        Ok(Self { conversation, at })
    }
}

/// The consultations of the customer of a conversation, in all their conversations, from after a cursor; `None` if the
/// conversation has not begun. A cursor of another customer's is none.
pub(in crate::journal) fn consultations(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    cursor: Option<ConsultationCursor>,
    limit: usize,
) -> Result<Result<Option<ConsultationPage>, ReadError>, ReadFault> {
    let _held = folds.hold();
    let Some(customer) = known(folds, workspace, conversation)?.0.customer else { return Ok(Ok(None)) };
    let mut talks = talks_of(folds, workspace, &customer)?;
    if let Some(cursor) = cursor {
        let Some(first) = talks.iter().position(|talk| *talk == cursor.conversation) else {
            return Ok(Err(ReadError::Cursor(cursor.to_string())));
        };
        talks.drain(..first);
    }
    // One more than wanted, to know whether anything follows.
    let mut page = Vec::new();
    let mut looked_at = 0;
    for talk in &talks {
        let from = cursor.filter(|cursor| cursor.conversation == *talk).map(|cursor| cursor.at);
        let found = of_one(folds, (workspace, *talk), from, limit + 1 - page.len())?;
        page.extend(
            found.into_iter().map(|(at, record)| (ConsultationCursor { conversation: *talk, at }, record)),
        );
        looked_at += 1;
        if page.len() > limit || looked_at == limits::TALKS_LOOKED_AT_MAX {
            break;
        }
    }
    let next = if page.len() > limit {
        page.truncate(limit);
        page.last().map(|(cursor, _)| *cursor)
    } else {
        // Behind everything of the last that was looked at.
        let last = talks[..looked_at].last().filter(|_| looked_at < talks.len());
        last.map(|last| ConsultationCursor { conversation: *last, at: At::Over(RecordPlace([u8::MAX; 24])) })
    };
    let records = page.into_iter().map(|(cursor, record)| (cursor.conversation, record)).collect();
    Ok(Ok(Some(ConsultationPage { records, next: next.map(|cursor| cursor.to_string()) })))
}

/// The conversations of a customer, the last to begin first.
fn talks_of(
    folds: &Folds,
    workspace: WorkspaceId,
    customer: &CustomerKey,
) -> Result<Vec<ConversationId>, StoreError> {
    let all = keys::talks(workspace, customer);
    let mut folded = Vec::new();
    for pair in folds.store.scan(&all, &all) {
        let (_, value) = pair?;
        folded.extend((*value).try_into().ok().map(ConversationId::from_bytes));
    }
    // What the store does not know to have begun has begun later than what it knows.
    let mut young = folds.overlay.talks_of(workspace, customer);
    young.retain(|(_, talk)| !folded.contains(talk));
    young.sort_by_key(|young| Reverse(*young));
    Ok(young.into_iter().map(|(_, talk)| talk).chain(folded).collect())
}

/// The row of a conversation with everything that is durable, and the consultations that are over and not folded.
fn known(
    folds: &Folds,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<(RowState, Vec<(RecordPlace, Record)>), ReadFault> {
    let tail = folds.tail.of(Stream::Conversation(workspace, conversation));
    let row = folds.store.get(&keys::row(workspace, conversation))?;
    let mut row = row.map(|row| decode_row(&row)).transpose()?.unwrap_or_else(RowState::new);
    let mut newest = Vec::new();
    for record in &tail {
        if record.position <= row.position {
            continue;
        }
        let entry = decode_entry(conversation, &record.payload)?;
        for over in row.apply(&entry, record.position) {
            newest.push((RecordPlace::new(entry.revision, over.consultation.id), over));
        }
    }
    newest.sort_by_key(|(place, _)| *place);
    Ok((row, newest))
}

/// The consultations of one conversation from after a place, at most so many.
fn of_one(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    from: Option<At>,
    most: usize,
) -> Result<Vec<(At, Record)>, ReadFault> {
    let (row, newest) = known(folds, workspace, conversation)?;
    let after = match from {
        Some(At::Over(place)) => Some(place),
        Some(At::Open) | None => None,
    };
    let open = row.served.consultation.filter(|_| from.is_none());
    let open = open.map(|consultation| (At::Open, Record { consultation, over: None }));
    let mut page: Vec<_> = open.into_iter().collect();
    let is_wanted = |place: RecordPlace| after.is_none_or(|after| place > after);
    let newest = newest.into_iter().filter(|(place, _)| is_wanted(*place));
    page.extend(newest.map(|(place, record)| (At::Over(place), record)));
    let all = keys::records(workspace, conversation);
    let from = after.map_or_else(|| all.clone(), |place| keys::record(workspace, conversation, place));
    for pair in folds.store.scan(&all, &from) {
        if page.len() >= most {
            break;
        }
        let (key, value) = pair?;
        if let Some(place) = keys::record_place_of(&key).filter(|place| is_wanted(*place)) {
            page.push((At::Over(place), decode_record(&value)?));
        }
    }
    page.truncate(most);
    Ok(page)
}

/// The cursor of the consultation that goes on.
const OPEN: &str = "open";
