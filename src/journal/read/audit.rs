//! What happened to a workspace, newest first.
//!
//! Owns the way back through its entries, folded or not. Must not know who may read them.

use switchboard_protocol::vocabulary::WorkspaceId;

use super::ReadFault;
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::fold::{Folds, keys};
use crate::journal::stored::decode_workspace_entry;
use crate::journal::{StoredError, Stream};

/// The entries before a revision, newest first: at least one if there is any, at most `limit`, and as many as
/// fit in `bytes_max`; and whether there are earlier ones.
pub(in crate::journal) fn audit(
    folds: &Folds,
    workspace: WorkspaceId,
    before: Option<u64>,
    limit: usize,
    bytes_max: usize,
) -> Result<(Vec<WorkspaceEntry>, bool), ReadFault> {
    let _held = folds.hold();
    let tail = folds.tail.of(Stream::Workspace(workspace));
    let before = before.unwrap_or(u64::MAX);
    let mut page = Page { limit, bytes_max, bytes: 0, found: Vec::new() };
    for record in tail.iter().rev().filter(|record| record.revision < before) {
        let entry = decode_workspace_entry(workspace, &record.payload);
        if !page.takes(entry, record.revision, record.payload.len())? {
            return Ok((page.found, true));
        }
    }
    let mut next = tail.first().map_or(before, |first| first.revision.min(before));
    while let Some(key) = next.checked_sub(1).map(|last| keys::audited(workspace, last)) {
        let Some((_, value)) = folds.store.at_or_before(&keys::audit(workspace), &key)? else { break };
        let entry = decode_workspace_entry(workspace, &value);
        next = entry.as_ref().map_or(next, |entry| entry.revision);
        if !page.takes(entry, next, value.len())? {
            return Ok((page.found, true));
        }
    }
    Ok((page.found, false))
}

struct Page {
    limit: usize,
    bytes_max: usize,
    bytes: usize,
    found: Vec<WorkspaceEntry>,
}

impl Page {
    /// Adds an entry, unless the page is full: it has at least one.
    fn takes(
        &mut self,
        entry: Result<WorkspaceEntry, StoredError>,
        revision: u64,
        bytes: usize,
    ) -> Result<bool, ReadFault> {
        self.bytes += bytes;
        if !self.found.is_empty() && (self.found.len() >= self.limit || self.bytes > self.bytes_max) {
            return Ok(false);
        }
        let entry = entry.map_err(|error| ReadFault::Damaged { revision, reason: error.to_string() })?;
        self.found.push(entry);
        Ok(true)
    }
}
