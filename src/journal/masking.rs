//! What the journal gives out of messages that are masked, on real files.
//!
//! Owns the proof that what is masked at once never reaches the disk, that what is due is not read any more,
//! and that neither a restart nor a store made anew brings it back.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, mpsc};

use switchboard_protocol::vocabulary::{Party, Seq};

use super::stored::samples::{Script, conversation_id, customer, said, workspace_id};
use super::*;
use crate::clock;
use crate::domain::conversation::{Entry, What};
use crate::domain::identity::Reader;
use crate::domain::mask::MaskAfter;
use crate::domain::message::Message;

struct Tickets(mpsc::Sender<Resolved>);

impl TicketSink for Tickets {
    fn resolved(&self, resolved: Resolved) {
        let _ = self.0.send(resolved);
    }
}

/// The bot tells two secrets: one that is masked at once, and one that is after ten minutes.
fn secrets() -> Message {
    let mut message = said("codes: 1234 and 5678");
    message.mask("1234", MaskAfter::AT_ONCE).unwrap();
    message.mask("5678", "10m".parse().unwrap()).unwrap();
    message
}

/// Appends entries and waits until they are durable.
async fn append(journal: &Journal, entries: &[Entry]) {
    let (to_workspace, _workspace) = mpsc::channel();
    let opened = journal.open_workspace(workspace_id(1), Arc::new(Tickets(to_workspace))).await.unwrap();
    let (to_tickets, tickets) = mpsc::channel();
    let sink = Arc::new(Tickets(to_tickets));
    let id = conversation_id(2);
    let opened = journal.open_conversation(workspace_id(1), opened.term, id, sink).await.unwrap();
    for entry in entries {
        journal.append_conversation(workspace_id(1), opened.incarnation, entry).unwrap();
    }
    while tickets.recv().unwrap() != (Resolved::Durable { up_to: entries.len() as u64 }) {}
}

/// What a reader is told, by both ways of reading.
async fn told(journal: &Journal, reader: Reader) -> Vec<String> {
    let (workspace, id) = (workspace_id(1), conversation_id(2));
    let after = journal.read_after(workspace, id, reader, Seq::ZERO, 1 << 16).await.unwrap();
    let (before, _) = journal.read_before(workspace, id, reader, None, 10).await.unwrap();
    assert_eq!(after, before);
    let events = after.iter().flat_map(|entry| entry.events.clone());
    let messages = events.filter_map(|event| match event.what {
        What::Message(message) => Some(message.content.preview(100)),
        _ => None,
    });
    messages.collect()
}

/// Whether some bytes are in a file of the log.
fn log_has(dir: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(dir.join("log")).unwrap();
    files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .any(|content| content.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn what_is_masked_is_not_read_once_it_is_due_nor_after_a_restart_or_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions::new(dir.path());
    let now = clock::now().as_millis();
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    let old = script.start(now - 700_000, customer(1));
    let due = script.entry(now - 600_001, Party::Bot, vec![What::Message(secrets())]);
    let fresh = script.entry(now, Party::Bot, vec![What::Message(secrets())]);
    let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
    append(&journal, &[old, due, fresh]).await;

    let expected = ["codes: **** and ****", "codes: **** and 5678"];
    for reader in [Reader::Customer, Reader::Staff] {
        assert_eq!(told(&journal, reader).await, expected);
    }
    let rows = journal.list(workspace_id(1), None, 9).await.unwrap().rows;
    assert_eq!(rows[0].last_message, "codes: **** and ****", "a row never has what will be hidden");
    journal.stop().unwrap();
    assert!(log_has(dir.path(), b"codes: **** and 5678") && !log_has(dir.path(), b"1234"));

    let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
    assert_eq!(told(&journal, Reader::Customer).await, expected);
    journal.stop().unwrap();
    rebuild(dir.path(), &mut |_| {}).unwrap();
    let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
    assert_eq!(told(&journal, Reader::Staff).await, expected);
    journal.stop().unwrap();
}
