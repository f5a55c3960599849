//! Searching, against a plain scan of all rows.
//!
//! Owns the proof that the index, the tail and both together find what the definition finds, whatever became of the
//! store, and that the index holds the terms that there are and no others. Must not know the definition.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{CustomerName, MemberId, SearchText};

use super::*;
use crate::domain::customer::{DetailsChange, Edit};
use crate::domain::search::{Field, Query};
use crate::journal::fold::{keys, terms};
use crate::journal::stored::RowState;
use crate::journal::stored::samples::member_id;

/// The rows as plain replay of what was acknowledged makes them.
fn rows(model: &Model) -> Vec<(ConversationId, RowState)> {
    let rows = model.conversations.iter().map(|(id, (_, entries))| {
        let mut row = RowState::new();
        entries.iter().for_each(|entry| drop(row.apply(entry, Position(entry.revision))));
        (*id, row)
    });
    rows.collect()
}

/// What a plain scan finds, newest activity first.
fn scanned(
    rows: &[(ConversationId, RowState)],
    query: &Query,
    sees: Option<MemberId>,
) -> Vec<ConversationId> {
    let found = rows.iter().filter(|(_, row)| {
        let is_seen = sees.is_none() || row.listing.member(&row.served) == sees;
        is_seen && row.findable().is_some_and(|findable| query.finds(&findable))
    });
    let mut found: Vec<_> = found.filter_map(|(id, row)| Some((row.place(*id)?, *id))).collect();
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

/// Every page of a search.
async fn searched(journal: &Journal, query: &Query, filter: Filter, limit: usize) -> Vec<ConversationId> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = journal
            .search(workspace(), query.clone(), filter.clone(), cursor.as_deref(), limit)
            .await
            .unwrap();
        assert!(page.rows.len() <= limit && !page.more);
        assert!(!page.rows.is_empty() || cursor.is_none(), "a page that was promised has something");
        for row in page.rows {
            assert!(!found.contains(&row.conversation), "found twice");
            found.push(row.conversation);
        }
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

fn query(text: &str, by: Option<Field>) -> Option<Query> {
    Query::new(&SearchText::new(text).ok()?, by).ok()
}

/// Texts that find something often, and what people wrote about.
fn texts(steps: &[Step]) -> BTreeSet<String> {
    let some = [
        "ada",
        "ad",
        "love ada",
        "김철",
        "철수",
        "황보",
        "관",
        "민수",
        "010-12",
        "0125",
        "ada1",
        "ada2@mail",
        "cust",
    ];
    let written = steps.iter().flat_map(|step| {
        let chars: Vec<char> = step.words.chars().take(3).collect();
        [chars.iter().collect::<String>(), format!("{:04}", step.who)]
    });
    some.into_iter().map(str::to_owned).chain(written).collect()
}

const FIELDS: [Option<Field>; 6] = [
    None,
    Some(Field::Name),
    Some(Field::Phone),
    Some(Field::Email),
    Some(Field::UserKey),
    Some(Field::Category),
];

async fn check(model: &Model, journal: &Journal, steps: &[Step]) {
    let rows = rows(model);
    let theirs = Filter::new(Wish::ALL, PROFILES.map(|profile| (profile, Some(member_id(1)))));
    for (limit, text) in (1..=3).cycle().zip(texts(steps)) {
        for query in FIELDS.into_iter().filter_map(|by| query(&text, by)) {
            let found = searched(journal, &query, everything(), limit).await;
            assert_eq!(found, scanned(&rows, &query, None), "{query:?}");
            let found = searched(journal, &query, theirs.clone(), limit).await;
            assert_eq!(found, scanned(&rows, &query, Some(member_id(1))), "{query:?} of one member");
        }
    }
}

/// The keys of the index in the store of a folder.
fn index(dir: &Path) -> BTreeSet<Vec<u8>> {
    let store = store::Store::open(&dir.join(recover::STORE), 8 << 20).unwrap();
    let keys = store.scan(terms::TERMS, terms::TERMS).map(|pair| pair.unwrap().0.to_vec());
    keys.collect()
}

/// The keys that it must have.
fn keys_of(rows: &[(ConversationId, RowState)]) -> BTreeSet<Vec<u8>> {
    let keys = rows.iter().flat_map(|(id, row)| {
        row.terms().into_iter().map(|term| terms::key(workspace(), &term, *id)).collect::<Vec<_>>()
    });
    keys.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_search_finds_what_a_plain_scan_finds_folded_or_not_and_whatever_became_of_the_store(
        rounds in prop::collection::vec((steps(40), harms(), any::<bool>()), 1..4),
    ) {
        let (dir, older) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut model = Model::default();
        runtime().block_on(async {
            for (at, (steps, harm, folds)) in (0..).step_by(100).zip(&rounds) {
                let fold_age_ms = if *folds { 1 } else { 3_600_000 };
                let options = JournalOptions { fold_age_ms, ..options(dir.path()) };
                let (journal, _) = Journal::start(&options, &mut |_| {}).unwrap();
                let term = open_workspace(&journal).await.term;
                model.act(&journal, term, at, steps).await;
                check(&model, &journal, steps).await;
                journal.stop().unwrap();
                drop(journal);
                let expected = keys_of(&rows(&model));
                assert_eq!(index(dir.path()), expected, "the terms that there are and no others");
                let store = dir.path().join(recover::STORE);
                if !older.path().join("db").exists() {
                    copy(&store, older.path());
                }
                harm.do_to(dir.path(), older.path());
            }
            drop(rebuild(dir.path(), &mut |_| {}).unwrap());
            assert_eq!(index(dir.path()), keys_of(&rows(&model)), "made anew it is the same");
        });
    }
}

#[test]
fn a_store_from_before_there_were_terms_is_made_anew_and_has_them() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let mut script = Script::new(workspace(), conversation_id(1));
        append(&journal, term, conversation_id(1), &[script.start(1, customer(7))]).await;
        journal.stop().unwrap();
        drop(journal);
        let store = store::Store::open(&dir.path().join(recover::STORE), 8 << 20).unwrap();
        let mut older = store::Batch::default();
        for kind in [keys::LAYOUT, terms::TERMS] {
            store.scan(kind, kind).for_each(|pair| older.remove(pair.unwrap().0.to_vec()));
        }
        store.apply(older).unwrap();
        store.sync().unwrap();
        drop(store);
        let (journal, report) = start(dir.path());
        assert_eq!(report.rebuilt, Some(RebuildReason::OtherLayout));
        let query = query("customer-7", Some(Field::UserKey)).unwrap();
        assert_eq!(searched(&journal, &query, everything(), 1).await, [conversation_id(1)]);
        journal.stop().unwrap();
    });
}

fn named(name: &str) -> What {
    let name = Edit::Set(CustomerName::new(name).unwrap());
    What::Described(Box::new(DetailsChange { name, ..DetailsChange::default() }))
}

/// More conversations than are looked at, all of one name.
#[test]
fn a_search_that_too_much_begins_with_says_so_and_gives_the_youngest() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let id = |n: u64| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            ConversationId::from_bytes(id)
        };
        let count = limits::SEARCH_TERMS_MAX as u64 + 3;
        for n in 1..=count {
            let mut script = Script::new(workspace(), id(n));
            let agent = Party::Agent { member: member_id(1) };
            let name = if n == 1 { "Kim Only" } else { "Kim" };
            let entries =
                [script.start(n as i64, customer(1)), script.entry(n as i64, agent, vec![named(name)])];
            append(&journal, term, id(n), &entries).await;
        }
        let search = async |text: &str| {
            let query = query(text, Some(Field::Name)).unwrap();
            journal.search(workspace(), query, everything(), None, 5).await.unwrap()
        };
        while journal.figures().folded < journal.figures().durable {
            // A search waits until the fold thread has looked at everything.
            search("nobody").await;
        }
        let page = search("kim").await;
        assert!(page.more);
        assert_eq!(
            page.rows.iter().map(|row| row.conversation).collect::<Vec<_>>()[..2],
            [id(count), id(count - 1)]
        );
        let page = search("kim o").await;
        assert!(!page.rows.is_empty() || page.more, "a cut answer says that it is one");
        let page = search("only").await;
        assert_eq!((page.rows[0].conversation, page.rows.len(), page.more), (id(1), 1, false));
        journal.stop().unwrap();
    });
}
