//! A page of a workspace's lists.
//!
//! Owns how the rows of the store and those of the overlay become one list, and the cursor that a
//! page ends with.

use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::{ReadFault, digits};
use crate::domain::listing::{Filter, ListPlace, Stretch, Wish};
use crate::journal::fold::Folds;
use crate::journal::fold::keys::{self, place_bytes, place_of};
use crate::journal::store::{Store, StoreError};
use crate::journal::stored::{RowState, decode_row};
use crate::journal::{ListPage, ListRow, ReadError};

/// Where a page of a list ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::journal) struct Cursor {
    of: [u8; OF_BYTES],
    place: ListPlace,
}

impl Cursor {
    fn new(wish: Wish, place: ListPlace) -> Self {
        Self { of: Self::of(wish), place }
    }

    /// Which lists and whether only one's own · which profile, if one.
    fn of(wish: Wish) -> [u8; OF_BYTES] {
        let mut of = [0; OF_BYTES];
        of[0] = wish.lists.bits() << 1 | u8::from(wish.mine);
        if let Some(profile) = wish.profile {
            of[1..].copy_from_slice(profile.as_bytes());
        }
        of
    }

    /// One of a search.
    pub(super) const fn found(place: ListPlace) -> Self {
        Self { of: SEARCH, place }
    }

    /// Where a search goes on.
    ///
    /// # Errors
    /// When it is of a list.
    pub(in crate::journal) fn found_place(self) -> Result<ListPlace, ReadError> {
        if self.of == SEARCH { Ok(self.place) } else { Err(ReadError::CursorOfOtherFilter(self.to_string())) }
    }

    /// Where it goes on with a wish, which must be that of the page before. What may be seen of that may be more or
    /// less than then.
    ///
    /// # Errors
    /// When it is of another.
    pub(in crate::journal) fn place(self, wish: Wish) -> Result<ListPlace, ReadError> {
        if self.of == Self::of(wish) {
            Ok(self.place)
        } else {
            Err(ReadError::CursorOfOtherFilter(self.to_string()))
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        digits::write(f, self.of.iter().chain(&place_bytes(self.place)))
    }
}

impl FromStr for Cursor {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let none = || ReadError::Cursor(text.chars().take(64).collect());
        let (of, place) = text.split_at_checked(2 * OF_BYTES).ok_or_else(none)?;
        let place = digits::bytes(place).ok_or_else(none)?;
        Ok(Self { of: digits::bytes(of).ok_or_else(none)?, place: place_of(&place) })
    }
}

/// The rows of a workspace's lists from after a place, newest activity first: at most `limit`, and as many as take
/// `bytes_max`, but one always.
pub(in crate::journal) fn list(
    folds: &Folds,
    workspace: WorkspaceId,
    filter: &Filter,
    after: Option<ListPlace>,
    (limit, bytes_max): (usize, usize),
) -> Result<ListPage, ReadFault> {
    let limit = limit.max(1);
    let lists: Vec<Stretch> = filter.stretches().collect();
    let _held = folds.hold();
    // One more than wanted, to know whether anything follows.
    let overlaid = folds.overlay.of(workspace, &lists, after, limit + 1);
    let mut rows = overlaid.rows;
    let mut found = 0;
    for place in merged(&folds.store, workspace, &lists, after) {
        let conversation = place?.conversation();
        if overlaid.stale.contains(&conversation) {
            continue;
        }
        let row = stored_row(folds, workspace, conversation)?;
        if let Some(row) = row.and_then(|row| row.shown(conversation)) {
            rows.push(row);
            found += 1;
        }
        if found > limit {
            break;
        }
    }
    let more = cut(&mut rows, (limit, bytes_max));
    let next = rows.last().filter(|_| more).map(|row| Cursor::new(filter.wish(), row.place()).to_string());
    Ok(ListPage { rows, next, position: overlaid.position })
}

/// The row of a conversation as it is in the store. One that cannot be read is left out: it is no reason to have none.
pub(super) fn stored_row(
    folds: &Folds,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<Option<RowState>, StoreError> {
    let row = folds.store.get(&keys::row(workspace, conversation))?;
    Ok(row.and_then(|row| match decode_row(&row) {
        Ok(row) => Some(row),
        Err(error) => {
            tracing::error!(%conversation, %error, "a row cannot be read, and is left out");
            None
        }
    }))
}

/// Sorts rows and leaves the first of them: at most `limit`, and as many as take `bytes_max`, but one always. Whether
/// there are more.
pub(super) fn cut(rows: &mut Vec<ListRow>, (limit, bytes_max): (usize, usize)) -> bool {
    rows.sort_by_key(ListRow::place);
    let mut bytes = 0;
    let fitting = rows.iter().take(limit).take_while(|row| {
        bytes += row.bytes();
        bytes <= bytes_max
    });
    let fitting = fitting.count().max(1);
    let more = rows.len() > fitting;
    rows.truncate(fitting);
    more
}

/// The places of several lists in the store as one list.
fn merged(
    store: &Store,
    workspace: WorkspaceId,
    lists: &[Stretch],
    after: Option<ListPlace>,
) -> impl Iterator<Item = Result<ListPlace, StoreError>> {
    let places = move |list: &Stretch| {
        let prefix = keys::list(workspace, *list);
        let from = after.map_or_else(|| prefix.clone(), |place| keys::list_place(workspace, *list, place));
        let places = store.scan(&prefix, &from).filter_map(|pair| match pair {
            Ok((key, _)) => keys::list_place_of(&key).map(Ok),
            Err(error) => Some(Err(error)),
        });
        places.filter(move |place| !matches!(place, Ok(place) if Some(*place) == after)).peekable()
    };
    Merged { lists: lists.iter().map(places).collect() }
}

struct Merged<I: Iterator> {
    lists: Vec<Peekable<I>>,
}

impl<I: Iterator<Item = Result<ListPlace, StoreError>>> Iterator for Merged<I> {
    type Item = Result<ListPlace, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let heads = self.lists.iter_mut().enumerate();
        let heads = heads.filter_map(|(at, list)| match list.peek()? {
            Ok(place) => Some((Some(*place), at)),
            // What cannot be read is said at once.
            Err(_) => Some((None, at)),
        });
        let (_, first) = heads.min()?;
        self.lists[first].next()
    }
}

/// What a cursor says of whose it is, in bytes.
const OF_BYTES: usize = 17;

/// Stands in a cursor for that it is of a search; no wish is this.
const SEARCH: [u8; OF_BYTES] = [u8::MAX; OF_BYTES];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::listing::{List, Lists};
    use crate::journal::fold::keys::PLACE_BYTES;
    use switchboard_protocol::vocabulary::ProfileId;

    #[test]
    fn a_cursor_is_one_that_was_given_or_it_is_refused() {
        let cursor = Cursor::new(Wish::ALL, place_of(&[0xa7; PLACE_BYTES]));
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for text in ["", "a7", &"a".repeat(81), &"g".repeat(82), &"가".repeat(27), &"+1".repeat(41)] {
            assert!(matches!(text.parse::<Cursor>(), Err(ReadError::Cursor(_))), "{text:?}");
        }
    }

    #[test]
    fn a_cursor_goes_on_with_its_own_filter_and_no_other() {
        let profile = |n| Some(ProfileId::from_bytes([n; 16]));
        let filters = [
            Wish::ALL,
            Wish { lists: Lists::ALL.without(List::WithBot), ..Wish::ALL },
            Wish { lists: Lists::NONE.with(List::Waiting), ..Wish::ALL },
            Wish { mine: true, ..Wish::ALL },
            Wish { profile: profile(1), ..Wish::ALL },
            Wish { profile: profile(2), ..Wish::ALL },
        ];
        let place = place_of(&[7; PLACE_BYTES]);
        for one in filters {
            for other in filters {
                let found = Cursor::new(one, place).place(other);
                assert_eq!(found.ok(), (one == other).then_some(place));
            }
        }
    }
}
