//! What the journal keeps and gives out of messages that are masked, on real files.
//!
//! Owns the proof that what is masked at once never reaches the disk, that what is due is not read any more and
//! is erased from log, pages and backups, and that neither a restart nor a store made anew brings it back. Must
//! not know how a segment is rewritten.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::{Arc, mpsc};

use switchboard_protocol::vocabulary::{Party, Seq};

use super::fold::keys;
use super::stored::samples::{Script, conversation_id, customer, everything, said, workspace_id};
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
    secret("5678")
}

fn secret(later: &str) -> Message {
    let mut message = said(&format!("codes: 1234 and {later}"));
    message.mask("1234", MaskAfter::AT_ONCE).unwrap();
    message.mask(later, "10m".parse().unwrap()).unwrap();
    message
}

/// A conversation in which the bot has told a secret that is due, and one that is not.
fn due_and_fresh() -> [Entry; 4] {
    let now = clock::now().as_millis();
    let mut script = Script::new(workspace_id(1), conversation_id(2));
    [
        script.start(now - 700_000, customer(1)),
        script.entry(now - 600_001, Party::Bot, vec![What::Message(secret("DUE-5678"))]),
        script.entry(now, Party::Bot, vec![What::Message(secret("FRESH-99"))]),
        script.say(now, Party::Customer, "what people say stays"),
    ]
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

/// Every record of a log, whichever form its segments have.
fn records(dir: &Path) -> Vec<LogRecord> {
    let files = super::log::LogFiles::find(&dir.join("log")).unwrap();
    files.records(Position(1)).map(Result::unwrap).collect()
}

/// Whether some bytes are in a log: in a record, or in a file as it is.
fn keeps(dir: &Path, bytes: &[u8]) -> bool {
    let has = |record: LogRecord| record.payload.windows(bytes.len()).any(|window| window == bytes);
    log_has(dir, bytes) || records(dir).into_iter().any(has)
}

/// Whether some bytes are in a page of the store.
fn pages_have(dir: &Path, bytes: &[u8]) -> bool {
    let store = super::store::Store::open(&dir.join("store"), 8 << 20).unwrap();
    let pages: Vec<Vec<u8>> =
        store.scan(keys::PAGES, keys::PAGES).map(|page| page.unwrap().1.to_vec()).collect();
    assert!(!pages.is_empty());
    pages.iter().any(|page| page.windows(bytes.len()).any(|window| window == bytes))
}

#[tokio::test]
async fn what_is_due_is_erased_from_the_log_its_backup_and_the_pages_and_nothing_else_changes() {
    let [dir, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let entries = due_and_fresh();
    let options = JournalOptions { fold_age_ms: 1, ..JournalOptions::new(dir.path()) };
    let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
    append(&journal, &entries).await;
    backup(dir.path(), into.path()).unwrap();
    let (told_before, before) = (told(&journal, Reader::Staff).await, records(dir.path()));
    let rows = journal.list(workspace_id(1), everything(), None, 9).await.unwrap().rows;
    assert!(keeps(dir.path(), b"DUE-5678") && keeps(into.path(), b"DUE-5678"), "nothing was asked for yet");
    drop(journal);

    let (journal, _) =
        Journal::start(&JournalOptions { erase_within_ms: 0, ..options }, &mut |_| {}).unwrap();
    journal.wait_until_rewritten(2);
    backup(dir.path(), into.path()).unwrap();
    assert_eq!(told(&journal, Reader::Staff).await, told_before);
    assert_eq!(journal.list(workspace_id(1), everything(), None, 9).await.unwrap().rows, rows);
    journal.stop().unwrap();
    for dir in [dir.path(), into.path()] {
        assert!(!keeps(dir, b"DUE-5678") && keeps(dir, b"FRESH-99") && keeps(dir, b"stays"));
    }
    assert!(!pages_have(dir.path(), b"DUE-5678") && pages_have(dir.path(), b"FRESH-99"));
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report}");

    let after = records(dir.path());
    assert_eq!(after.len(), before.len());
    for (after, before) in after.iter().zip(&before) {
        let place = |record: &LogRecord| (record.position, record.epoch, record.stream, record.revision);
        assert_eq!(place(after), place(before));
    }
    let stored: Vec<Entry> = after
        .iter()
        .filter(|record| matches!(record.stream, Stream::Conversation(..)))
        .map(|record| super::stored::decode_entry(conversation_id(2), &record.payload).unwrap())
        .collect();
    let wanted = entries.map(|entry| entry.at_rest().unwrap_or(entry));
    let wanted = wanted.map(|entry| entry.shown_at(clock::now()).unwrap_or(entry));
    assert_eq!(stored, wanted, "only what is due is hidden, and its mask is done with");
}

#[tokio::test]
async fn a_store_that_was_folded_before_its_log_was_erased_from_is_trusted_and_so_is_one_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    // The mark is that of an entry which is erased from.
    let [old, due, ..] = due_and_fresh();
    let options = JournalOptions::new(dir.path());
    let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
    append(&journal, &[old, due]).await;
    journal.stop().unwrap();
    for _ in 0..2 {
        let (journal, report) = Journal::start(&options, &mut |_| {}).unwrap();
        assert_eq!((report.rebuilt, report.replayed), (None, 0));
        journal.wait_until_rewritten(2);
        assert!(!keeps(dir.path(), b"DUE-5678"), "closed segments are rewritten once in any case");
        journal.stop().unwrap();
        assert!(verify(dir.path()).unwrap().is_sound());
    }
    rebuild(dir.path(), &mut |_| {}).unwrap();
    let report = verify(dir.path()).unwrap();
    assert!(report.is_sound(), "{report}");
    assert!(!pages_have(dir.path(), b"DUE-5678"));
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
    let rows = journal.list(workspace_id(1), everything(), None, 9).await.unwrap().rows;
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
