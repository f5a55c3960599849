//! A page of a workspace's list.
//!
//! Owns how the rows of the store and those of the overlay become one list, and the cursor that a
//! page ends with.

use std::fmt;
use std::str::FromStr;

use switchboard_protocol::vocabulary::WorkspaceId;

use super::ReadFault;
use crate::journal::fold::Folds;
use crate::journal::fold::keys::{self, ListPlace};
use crate::journal::stored::decode_row;
use crate::journal::{ListPage, ListRow, ReadError};

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Cursor(pub(super) ListPlace);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let none = || ReadError::Cursor(text.chars().take(64).collect());
        let digits = text.as_bytes();
        if digits.len() != 48 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(none());
        }
        let mut place = [0; 24];
        for (byte, at) in place.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| none())?;
        }
        Ok(Self(ListPlace(place)))
    }
}

/// The rows of a workspace from after a cursor, newest activity first.
pub(in crate::journal) fn list(
    folds: &Folds,
    workspace: WorkspaceId,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<ListPage, ReadFault> {
    let limit = limit.clamp(1, LIST_ROWS_MAX);
    let after = cursor.map(|Cursor(place)| place);
    let _held = folds.hold();
    // One more than wanted, to know whether anything follows.
    let overlaid = folds.overlay.of(workspace, after, limit + 1);
    let mut rows = overlaid.rows;
    let from = after.map_or_else(|| keys::list(workspace), |place| keys::list_place(workspace, place));
    let mut found = 0;
    for pair in folds.store.scan(&keys::list(workspace), &from) {
        let (key, _) = pair?;
        let Some(place) = keys::list_place_of(&key) else { continue };
        let conversation = place.conversation();
        if Some(place) == after || overlaid.stale.contains(&conversation) {
            continue;
        }
        let row = folds.store.get(&keys::row(workspace, conversation))?;
        let row = row.map(|row| decode_row(&row)).transpose()?;
        if let Some(row) = row.and_then(|row| row.shown(conversation)) {
            rows.push((place, row));
            found += 1;
        }
        if found > limit {
            break;
        }
    }
    rows.sort_by_key(|(place, _)| *place);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(place, _)| Cursor(*place).to_string());
    let rows: Vec<ListRow> = rows.into_iter().map(|(_, row)| row).collect();
    Ok(ListPage { rows, next, position: overlaid.position })
}

/// The most rows of a page.
pub(in crate::journal) const LIST_ROWS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_is_one_that_was_given_or_it_is_refused() {
        let cursor = Cursor(ListPlace([0xa7; 24]));
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for text in ["", "a7", &"a".repeat(47), &"g".repeat(48), &"가".repeat(16), &"+1".repeat(24)] {
            assert!(matches!(text.parse::<Cursor>(), Err(ReadError::Cursor(_))), "{text:?}");
        }
    }
}
