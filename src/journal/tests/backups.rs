//! Backups: taken while entries are written, brought up to date, and started as they are.
//!
//! Owns the proof that a backup holds everything that was durable when it was begun, and nothing that does
//! not follow on it. Must not know how a log is copied.

use super::*;

/// Appends so many messages to a conversation that has begun.
async fn append_messages(journal: &Journal, term: Term, script: &mut Script, count: u64) {
    let first = script.state.revision + 1;
    let entries: Vec<_> = (first..first + count)
        .map(|at| script.say(at as i64, Party::Customer, &format!("{at} {}", "x".repeat(400))))
        .collect();
    append(journal, term, script.state.id, &entries).await;
}

/// Starts a backup in place of the data folder and returns the conversation that it holds.
async fn started(dir: &Path, id: ConversationId) -> Conversation {
    let report = verify(dir).unwrap();
    assert_eq!(report.problems.len(), 1, "only the store is missing: {report}");
    let (journal, report) = start(dir);
    assert_eq!(report.rebuilt, Some(RebuildReason::Missing));
    let term = open_workspace(&journal).await.term;
    let (sink, _tickets) = Tickets::new();
    let state = journal.open_conversation(workspace(), term, id, sink).await.unwrap().state;
    journal.stop().unwrap();
    assert!(verify(dir).unwrap().is_sound());
    state
}

#[test]
fn a_backup_of_a_running_journal_can_be_started_and_costs_what_has_come_since() {
    runtime().block_on(async {
        let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let mut script = Script::new(workspace(), conversation_id(1));
        append(&journal, term, script.state.id, &[script.start(1, customer(1))]).await;
        for _ in 0..8 {
            append_messages(&journal, term, &mut script, 25).await;
        }
        let first = backup(dir.path(), into.path()).unwrap();
        assert_eq!((first.position, first.kept), (journal.figures().durable, 0));
        assert!(first.copied > 3, "the segments are small: {first}");

        append_messages(&journal, term, &mut script, 20).await;
        let second = backup(dir.path(), into.path()).unwrap();
        assert_eq!(second.position, journal.figures().durable);
        assert!(second.kept >= first.copied - 1 && second.copied < first.copied, "{second}");
        let at_second = script.state.clone();

        append_messages(&journal, term, &mut script, 1).await;
        journal.stop().unwrap();
        let restored = tempfile::tempdir().unwrap();
        let data = restored.path().join("data");
        assert_eq!(restore(into.path(), &data).unwrap().position, second.position);
        assert_eq!(started(&data, at_second.id).await, at_second);
    });
}

#[test]
fn backups_taken_at_any_moment_hold_everything_acknowledged_before() {
    runtime().block_on(async {
        let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let mut script = Script::new(workspace(), conversation_id(1));
        append(&journal, term, script.state.id, &[script.start(1, customer(1))]).await;
        let (source, target) = (dir.path().to_owned(), into.path().to_owned());
        let (known_to, known) = mpsc::channel::<Position>();
        let backups = std::thread::spawn(move || {
            let mut taken = 0;
            while let Ok(at_least) = known.recv() {
                let report = backup(&source, &target).unwrap();
                assert!(report.position >= at_least, "{report}, {at_least:?} was durable before");
                taken += 1;
            }
            taken
        });
        for _ in 0..40 {
            known_to.send(journal.figures().durable).unwrap();
            append_messages(&journal, term, &mut script, 25).await;
        }
        drop(known_to);
        assert_eq!(backups.join().unwrap(), 40);
        backup(dir.path(), into.path()).unwrap();
        assert_eq!(started(into.path(), script.state.id).await, script.state);
        journal.stop().unwrap();
    });
}

#[test]
fn what_cannot_be_a_backup_is_refused_and_changes_nothing() {
    runtime().block_on(async {
        let [one, other, into, empty] = [(); 4].map(|()| tempfile::tempdir().unwrap());
        for dir in [&one, &other] {
            let (journal, _) = start(dir.path());
            let term = open_workspace(&journal).await.term;
            let mut script = Script::new(workspace(), conversation_id(1));
            append(&journal, term, script.state.id, &[script.start(1, customer(1))]).await;
            journal.stop().unwrap();
        }
        let report = backup(one.path(), into.path()).unwrap();
        let refused = backup(other.path(), into.path()).unwrap_err().to_string();
        assert!(refused.contains("another log"), "{refused}");
        assert!(backup(empty.path(), into.path()).unwrap_err().to_string().contains("not a data folder"));
        assert!(restore(into.path(), other.path()).unwrap_err().to_string().contains("a log already"));
        assert_eq!(backup(one.path(), into.path()).unwrap().position, report.position);

        let (journal, _) = start(into.path());
        assert!(matches!(backup(one.path(), into.path()), Err(StartError::InUse { .. })));
        journal.stop().unwrap();
        let ahead = backup(one.path(), into.path()).unwrap_err().to_string();
        assert!(ahead.contains("more than the log"), "{ahead}");
    });
}

#[test]
fn damage_is_not_copied() {
    runtime().block_on(async {
        let (dir, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let mut script = Script::new(workspace(), conversation_id(1));
        append(&journal, term, script.state.id, &[script.start(1, customer(1))]).await;
        append_messages(&journal, term, &mut script, 100).await;
        journal.stop().unwrap();
        let segment = dir.path().join("log/00000000000000000001.seg");
        let mut bytes = fs::read(&segment).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&segment, bytes).unwrap();
        let refused = backup(dir.path(), into.path()).unwrap_err().to_string();
        assert!(refused.contains("00000000000000000001.seg"), "{refused}");
    });
}
