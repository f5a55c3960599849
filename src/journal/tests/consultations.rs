//! The records of consultations, and whose turn it was, against a plain replay of the entries.
//!
//! Owns what must be the same whether or not it is folded, and whatever became of the store.

use switchboard_protocol::vocabulary::{ConversationId, MemberId};

use super::{Model, append, conversation_id, customer, open_workspace, runtime, start, workspace};
use crate::domain::consultation::{How, Outcome, Record, Unserved};
use crate::domain::conversation::{Conversation, Entry, Served, What};
use crate::journal::fold::keys;
use crate::journal::store::{Batch, Store};
use crate::journal::stored::samples::{Script, member_id};
use crate::journal::{Journal, RebuildReason, recover};
use crate::limits;
use switchboard_protocol::vocabulary::Party;

/// Every consultation of a conversation by its entries alone, newest first.
fn replayed(entries: &[Entry], state: &Conversation) -> Vec<Record> {
    let mut served = Served::default();
    let events = entries.iter().flat_map(|entry| entry.events.iter().map(|event| (entry.at, event)));
    let over: Vec<_> = events.filter_map(|(at, event)| served.apply(at, event)).collect();
    assert_eq!(served, state.served, "the model itself is right");
    let open = served.consultation.map(|consultation| Record { consultation, over: None });
    open.into_iter().chain(over.into_iter().rev()).collect()
}

/// Every consultation of the customer of a conversation is read, in the order in which they ended.
pub(super) async fn check(journal: &Journal, model: &Model, id: ConversationId) {
    let customer = |id: &ConversationId| model.conversations[id].0.state.customer.clone();
    let theirs = model.begun.iter().rev().filter(|other| customer(other) == customer(&id));
    let expected = theirs.flat_map(|other| {
        let (script, entries) = &model.conversations[other];
        replayed(entries, &script.state).into_iter().map(|record| (*other, record))
    });
    let expected: Vec<_> = expected.collect();
    for limit in [1, 2, 16] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = journal.consultations(workspace(), id, cursor.as_deref(), limit).await.unwrap();
            let page = page.expect("it has begun");
            assert!(page.records.len() <= limit);
            found.extend(page.records);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "in pages of {limit}");
    }
}

pub(super) async fn check_turns(journal: &Journal, model: &Model) {
    assert_eq!(journal.turns(workspace()).await.unwrap(), model.turns);
}

/// Whose turn it is after an entry, whoever was last at the end.
pub(super) fn take_turns(turns: &mut Vec<MemberId>, entry: &Entry) {
    for event in &entry.events {
        if let What::Assigned { member, how: How::Automatic } = event.what {
            turns.retain(|other| *other != member);
            turns.push(member);
        }
    }
}

/// A call that nobody served, and one that goes on.
fn script() -> (Script, Vec<Entry>) {
    let mut script = Script::new(workspace(), conversation_id(1));
    let call = |script: &Script| {
        let consultation = crate::domain::consultation::begun_by(script.state.id, script.state.revision + 1);
        let category = switchboard_protocol::vocabulary::CategoryPath::default();
        What::Called { consultation, category, in_hours: true, bot_replies: false }
    };
    let mut entries = vec![script.start(1, customer(1))];
    let called = call(&script);
    entries.push(script.entry(2, Party::Customer, vec![called]));
    entries.push(script.entry(3, Party::Bot, vec![What::Unserved { why: Unserved::TooLong }]));
    let called = call(&script);
    entries.push(script.entry(4, Party::Customer, vec![called]));
    let assigned = What::Assigned { member: member_id(2), how: How::Automatic };
    entries.push(script.entry(5, Party::Bot, vec![assigned]));
    (script, entries)
}

#[test]
fn what_has_not_begun_has_none_and_a_foreign_cursor_is_refused() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let of = |cursor| journal.consultations(workspace(), conversation_id(1), cursor, 9);
        assert_eq!(of(None).await.unwrap(), None);
        let (letters, signs, cut) = ("g".repeat(80), "+1".repeat(40), "a".repeat(33));
        let (foreign, wide) = ("a".repeat(80), "가".repeat(12));
        for cursor in ["", "open", "a7", &letters, &signs, &cut, &wide] {
            assert!(of(Some(cursor)).await.is_err(), "{cursor:?}");
        }
        let term = open_workspace(&journal).await.term;
        let (_, entries) = script();
        append(&journal, term, conversation_id(1), &entries[..1]).await;
        assert_eq!(of(None).await.unwrap().map(|page| page.records), Some(Vec::new()));
        assert!(of(Some(&foreign)).await.is_err(), "it is of no conversation of theirs");
        journal.stop().unwrap();
    });
}

#[test]
fn the_one_that_goes_on_moves_to_those_that_are_over_between_two_pages() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let (mut script, entries) = script();
        append(&journal, term, conversation_id(1), &entries).await;
        let page = |cursor: Option<String>| {
            let journal = journal.clone();
            async move {
                let read = journal.consultations(workspace(), conversation_id(1), cursor.as_deref(), 1).await;
                read.unwrap().unwrap()
            }
        };
        let first = page(None).await;
        assert_eq!(first.records[0].1.over, None);
        let gave_up = vec![What::Unserved { why: Unserved::GaveUp }];
        let entry = script.entry(6, Party::Customer, gave_up);
        append(&journal, term, conversation_id(1), &[entry]).await;
        // It is there again, over by now, rather than the one behind it being left out.
        let second = page(first.next).await;
        assert_eq!(second.records[0].1.consultation.id, first.records[0].1.consultation.id);
        let third = page(second.next).await;
        let outcome = third.records[0].1.over.map(|over| over.outcome);
        assert_eq!((outcome, third.next), (Some(Outcome::Unserved(Unserved::TooLong)), None));
        journal.stop().unwrap();
    });
}

/// More conversations without a consultation than are looked at for a page, and one with two before them.
#[test]
fn what_lies_behind_many_conversations_is_found_page_by_page() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let (_, entries) = script();
        append(&journal, term, conversation_id(1), &entries).await;
        let ids: Vec<_> = (2..=limits::TALKS_LOOKED_AT_MAX as u8 + 2).map(conversation_id).collect();
        for id in &ids {
            append(&journal, term, *id, &[Script::new(workspace(), *id).start(9, customer(1))]).await;
        }
        let page = async |cursor: Option<&str>| {
            journal.consultations(workspace(), ids[0], cursor, 9).await.unwrap().unwrap()
        };
        let first = page(None).await;
        assert_eq!(first.records, []);
        let second = page(first.next.as_deref()).await;
        let found: Vec<_> = second.records.iter().map(|(id, record)| (*id, record.over.is_some())).collect();
        assert_eq!(found, [(conversation_id(1), false), (conversation_id(1), true)]);
        assert_eq!(second.next, None);
        journal.stop().unwrap();
    });
}

#[test]
fn a_store_from_before_there_were_records_is_made_anew_and_has_them() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let (script, entries) = script();
        append(&journal, term, conversation_id(1), &entries).await;
        journal.stop().unwrap();
        drop(journal);
        let store = Store::open(&dir.path().join(recover::STORE), 8 << 20).unwrap();
        let mut older = Batch::default();
        for kind in [keys::LAYOUT, keys::RECORDS, keys::TURNS] {
            store.scan(kind, kind).for_each(|pair| older.remove(pair.unwrap().0.to_vec()));
        }
        store.apply(older).unwrap();
        store.sync().unwrap();
        drop(store);
        let (journal, report) = start(dir.path());
        assert_eq!(report.rebuilt, Some(RebuildReason::OtherLayout));
        let begun = vec![conversation_id(1)];
        let conversations = [(conversation_id(1), (script, entries))].into();
        check(&journal, &Model { begun, conversations, ..Model::default() }, conversation_id(1)).await;
        assert_eq!(journal.turns(workspace()).await.unwrap(), [member_id(2)]);
        journal.stop().unwrap();
        drop(journal);
        assert_eq!(start(dir.path()).1.rebuilt, None, "once");
    });
}
