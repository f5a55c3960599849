//! What `verify` finds that no checksum does: entries that are whole and cannot be true.
//!
//! Owns logs in which one thing is wrong. Must not know how they are read.

use super::*;
use crate::domain::conversation::Origin;
use crate::domain::workspace::WorkspaceEntry;
use crate::journal::stored::changes;
use switchboard_protocol::vocabulary::{InstanceId, Timestamp};

/// What `verify` says of a conversation of three entries, the last of which was changed before it was written.
fn problems(change: impl FnOnce(&mut Entry)) -> Vec<String> {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let mut script = Script::new(workspace(), conversation_id(1));
        let mut entries = vec![
            script.start(1, customer(1)),
            script.say(2, Party::Customer, "hello"),
            script.say(3, Party::Customer, "again"),
        ];
        entries[1].origin = Some(origin(7));
        change(&mut entries[2]);
        append(&journal, term, script.state.id, &entries).await;
        journal.stop().unwrap();
        verify(dir.path()).unwrap().problems
    })
}

fn origin(counter: u64) -> Origin {
    Origin { party: Party::Customer, instance: InstanceId::from_bytes([9; 16]), counter }
}

/// What `verify` says of a workspace, the last of whose entries was changed before it was written.
fn problems_of_workspace(change: impl FnOnce(&mut WorkspaceEntry)) -> Vec<String> {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let (sink, tickets) = Tickets::new();
        let opened = journal.open_workspace(workspace(), sink).await.unwrap();
        let changes = changes::entries().into_iter().take(3);
        let mut entries: Vec<_> =
            workspace_entries().into_iter().chain(changes).map(|(_, entry)| entry).collect();
        change(entries.last_mut().unwrap());
        for entry in &entries {
            journal.append_workspace(opened.incarnation, entry).unwrap();
        }
        tickets.durable(entries.len() as u64);
        journal.stop().unwrap();
        verify(dir.path()).unwrap().problems
    })
}

#[test]
fn entries_of_a_workspace_that_cannot_follow_on_one_another_are_named() {
    assert_eq!(problems_of_workspace(|_| ()), [] as [String; 0]);
    let says = |found: Vec<String>, word: &str| {
        assert!(found.iter().any(|problem| problem.contains(word)), "{found:?}")
    };
    says(
        problems_of_workspace(|entry| entry.at = Timestamp::from_millis(1)),
        "earlier than the entry before",
    );
    let again = |entry: &mut WorkspaceEntry| entry.origin.as_mut().unwrap().counter = 1;
    says(problems_of_workspace(again), "was done before");
}

#[test]
fn what_is_as_it_must_be_is_sound() {
    assert_eq!(problems(|entry| entry.origin = Some(origin(8))), [] as [String; 0]);
}

#[test]
fn entries_that_cannot_follow_on_one_another_are_named() {
    let says = |found: Vec<String>, word: &str| {
        assert!(found.iter().any(|problem| problem.contains(word)), "{found:?}")
    };
    says(problems(|entry| entry.at = Timestamp::from_millis(1)), "earlier than the entry before");
    says(problems(|entry| entry.before.customer = Seq::ZERO), "where both sequences stood");
    says(problems(|entry| entry.origin = Some(origin(7))), "was done before");
}
