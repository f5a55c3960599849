//! The consultations of a conversation, newest first.
//!
//! Owns how the records of the store, the row's consultation that goes on, and what the unfolded tail adds become
//! one answer, and the cursor that a page ends with. Must not know who may read them.

use std::fmt;
use std::str::FromStr;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::ReadFault;
use crate::domain::consultation::Record;
use crate::journal::fold::Folds;
use crate::journal::fold::keys::{self, RecordPlace};
use crate::journal::stored::{RowState, decode_entry, decode_record, decode_row};
use crate::journal::{ConsultationPage, ReadError, Stream};

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) enum ConsultationCursor {
    /// At the consultation that goes on, or went on then.
    Open,
    /// At one that is over.
    Over(RecordPlace),
}

impl fmt::Display for ConsultationCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str(OPEN),
            Self::Over(place) => place.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl FromStr for ConsultationCursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let none = || ReadError::Cursor(text.chars().take(64).collect());
        if text == OPEN {
            return Ok(Self::Open);
        }
        let digits = text.as_bytes();
        if digits.len() != 48 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(none());
        }
        let mut place = [0; 24];
        for (byte, at) in place.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| none())?;
        }
        Ok(Self::Over(RecordPlace(place)))
    }
}

/// The consultations of a conversation from after a cursor; `None` if the conversation has not begun.
pub(in crate::journal) fn consultations(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    cursor: Option<ConsultationCursor>,
    limit: usize,
) -> Result<Option<ConsultationPage>, ReadFault> {
    let _held = folds.hold();
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
    if row.customer.is_none() {
        return Ok(None);
    }
    newest.sort_by_key(|(place, _)| *place);
    let after = match cursor {
        Some(ConsultationCursor::Over(place)) => Some(place),
        Some(ConsultationCursor::Open) | None => None,
    };
    let open = row.served.consultation.filter(|_| cursor.is_none());
    let open = open.map(|consultation| (ConsultationCursor::Open, Record { consultation, over: None }));
    let all = keys::records(workspace, conversation);
    let from = after.map_or_else(|| all.clone(), |place| keys::record(workspace, conversation, place));
    let folded = folds.store.scan(&all, &from).map(|pair| {
        let (key, value) = pair?;
        Ok(keys::record_place_of(&key).map(|place| (place, value)))
    });
    // One more than wanted, to know whether anything follows.
    let mut page: Vec<_> = open.into_iter().collect();
    let is_wanted = |place: RecordPlace| after.is_none_or(|after| place > after);
    let newest = newest.into_iter().filter(|(place, _)| is_wanted(*place));
    page.extend(newest.map(|(place, record)| (ConsultationCursor::Over(place), record)));
    for found in folded {
        if page.len() > limit {
            break;
        }
        let found: Result<_, ReadFault> = found;
        if let Some((place, value)) = found?.filter(|(place, _)| is_wanted(*place)) {
            page.push((ConsultationCursor::Over(place), decode_record(&value)?));
        }
    }
    let more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| more).map(|(cursor, _)| cursor.to_string());
    Ok(Some(ConsultationPage { records: page.into_iter().map(|(_, record)| record).collect(), next }))
}

/// The cursor of the consultation that goes on.
const OPEN: &str = "open";
