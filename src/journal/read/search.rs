//! The conversations of a workspace that a text is found in.
//!
//! Owns how the index and the rows of the store and those of the overlay become one answer, and how much is looked
//! at for it. Must not know what finds what.

use std::collections::HashSet;

use switchboard_protocol::vocabulary::WorkspaceId;

use super::list::{cut, stored_row};
use super::{Cursor, ReadFault};
use crate::domain::listing::{Filter, ListPlace};
use crate::domain::search::Query;
use crate::journal::fold::{Folds, terms};
use crate::journal::stored::RowState;
use crate::journal::{FoundPage, ListRow};
use crate::limits;

/// The rows from after a place that a text is found in and that a filter shows, newest activity first: at most `limit`,
/// and as many as take `bytes_max`, but one always.
pub(in crate::journal) fn search(
    folds: &Folds,
    workspace: WorkspaceId,
    query: &Query,
    filter: &Filter,
    after: Option<ListPlace>,
    (limit, bytes_max): (usize, usize),
) -> Result<FoundPage, ReadFault> {
    let limit = limit.clamp(1, limits::LIST_ROWS_MAX);
    let is_found = |row: &RowState| {
        row.is_shown_by(filter) && row.findable().is_some_and(|findable| query.finds(&findable))
    };
    let _held = folds.hold();
    let overlaid = folds.overlay.matching(workspace, is_found);
    let (mut rows, mut more) = (overlaid.rows, false);
    let mut looked_at = HashSet::new();
    for beginning in query.beginnings() {
        let from = terms::beginning(workspace, &beginning);
        for (count, pair) in folds.store.scan(&from, &from).enumerate() {
            let (key, _) = pair?;
            if count == limits::SEARCH_TERMS_MAX {
                more = true;
                break;
            }
            let Some(conversation) = terms::conversation_of(&key) else { continue };
            if overlaid.stale.contains(&conversation) || !looked_at.insert(conversation) {
                continue;
            }
            let row = stored_row(folds, workspace, conversation)?;
            let Some(row) = row.filter(is_found) else { continue };
            rows.extend(row.shown(conversation));
        }
    }
    rows.retain(|row: &ListRow| after.is_none_or(|after| row.place() > after));
    let goes_on = cut(&mut rows, (limit, bytes_max));
    let next = rows.last().filter(|_| goes_on).map(|row| Cursor::found(row.place()).to_string());
    Ok(FoundPage { rows, next, more, position: overlaid.position })
}
