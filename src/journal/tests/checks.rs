//! What `verify` finds that no checksum does: entries that are whole and cannot be true.
//!
//! Owns logs in which one thing is wrong. Must not know how they are read.

use super::*;
use crate::domain::conversation::Origin;
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
