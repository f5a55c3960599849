//! What happened to a workspace, read back page by page.
//!
//! Owns the proof that every entry is in it once, newest first, wherever it is stored by now. Must not know
//! what the entries say.

use super::*;
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::stored::changes;

/// All entries, read in pages of so many.
async fn read(journal: &Journal, limit: usize, bytes_max: usize) -> Vec<WorkspaceEntry> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let (page, more) = journal.audit(workspace(), before, limit, bytes_max).await.unwrap();
        assert!(page.len() <= limit);
        assert!(!page.is_empty() || (all.is_empty() && !more), "a page has something");
        before = page.last().map(|entry| entry.revision);
        all.extend(page);
        if !more {
            return all;
        }
    }
}

fn entries() -> Vec<WorkspaceEntry> {
    let old = workspace_entries().into_iter().map(|(_, entry)| entry);
    old.chain(changes::entries().into_iter().map(|(_, entry)| entry)).collect()
}

async fn append_to_workspace(journal: &Journal, entries: &[WorkspaceEntry]) {
    let (sink, tickets) = Tickets::new();
    let opened = journal.open_workspace(workspace(), sink).await.unwrap();
    for entry in entries {
        journal.append_workspace(opened.incarnation, entry).unwrap();
    }
    tickets.durable(entries.last().unwrap().revision);
}

#[test]
fn every_entry_is_in_the_audit_once_newest_first_folded_or_not() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let entries = entries();
        let (first, second) = entries.split_at(entries.len() / 2);
        let (journal, _) = start(dir.path());
        assert_eq!(read(&journal, 3, 1 << 20).await, []);
        append_to_workspace(&journal, first).await;
        let newest_first = |entries: &[WorkspaceEntry]| entries.iter().rev().cloned().collect::<Vec<_>>();
        assert_eq!(read(&journal, 3, 1 << 20).await, newest_first(first));
        journal.stop().unwrap();

        let (journal, _) = start(dir.path());
        append_to_workspace(&journal, second).await;
        for (limit, bytes_max) in [(1, 1 << 20), (4, 1 << 20), (1_000, 300), (1_000, 1 << 20)] {
            assert_eq!(read(&journal, limit, bytes_max).await, newest_first(&entries), "{limit} {bytes_max}");
        }
        journal.stop().unwrap();

        rebuild(dir.path(), &mut |_| {}).unwrap();
        let (journal, _) = start(dir.path());
        assert_eq!(read(&journal, 7, 1 << 20).await, newest_first(&entries), "of a store made anew");
        journal.stop().unwrap();
    });
}
