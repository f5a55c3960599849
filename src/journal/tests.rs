//! The journal through its door, on real files, against plain lists.
//!
//! Owns the proof that what was acknowledged is read back, folded or not, also after a restart and
//! with a store made anew. Must not know how the journal does it.

#![allow(clippy::unwrap_used, clippy::panic)]

mod audits;
mod backups;
mod checks;
mod consultations;
mod full;
mod searching;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use proptest::prelude::*;
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Party, Seq, WorkspaceId};

use super::stored::samples::{
    PROFILES, Script, Step, conversation_id, customer, everything, member_id, steps, workspace_entries,
    workspace_id,
};
use super::*;
use crate::domain::assignment::Explanation;
use crate::domain::conversation::{Audience, Conversation, Entry, Served, What};
use crate::domain::identity::{CustomerKey, Reader};
use crate::domain::listing::{Filter, List, ListPlace, Listing, Lists, Wish};
use crate::domain::message::Message;
use crate::limits;

struct Sink(mpsc::Sender<Resolved>);

impl TicketSink for Sink {
    fn resolved(&self, resolved: Resolved) {
        let _ = self.0.send(resolved);
    }
}

/// What happens in the end: an acknowledgement up to a revision, or a refusal.
struct Tickets(mpsc::Receiver<Resolved>);

impl Tickets {
    fn new() -> (Arc<Sink>, Self) {
        let (sender, receiver) = mpsc::channel();
        (Arc::new(Sink(sender)), Self(receiver))
    }

    fn durable(&self, revision: u64) {
        loop {
            match self.0.recv().unwrap() {
                Resolved::Durable { up_to } if up_to >= revision => return,
                Resolved::Durable { .. } => {}
                Resolved::Failed(why) => panic!("{why}"),
            }
        }
    }
}

fn options(dir: &Path) -> JournalOptions {
    JournalOptions {
        log_segment_bytes: 16 << 10,
        store_cache_bytes: 8 << 20,
        fold_age_ms: 5,
        fold_batch_bytes: 4 << 10,
        desk_turn_ms: 1,
        checkpoint_ms: 20,
        ..JournalOptions::new(dir)
    }
}

fn start(dir: &Path) -> (Journal, StartReport) {
    Journal::start(&options(dir), &mut |_| {}).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

const WORKSPACE: u8 = 1;

fn workspace() -> WorkspaceId {
    workspace_id(WORKSPACE)
}

async fn open_workspace(journal: &Journal) -> OpenedWorkspace {
    let (sink, _tickets) = Tickets::new();
    journal.open_workspace(workspace(), sink).await.unwrap()
}

/// Opens a conversation and appends entries to it.
async fn append(journal: &Journal, term: Term, conversation: ConversationId, entries: &[Entry]) {
    let (sink, tickets) = Tickets::new();
    let opened = journal.open_conversation(workspace(), term, conversation, sink).await.unwrap();
    for entry in entries {
        journal.append_conversation(workspace(), opened.incarnation, entry).unwrap();
    }
    if let Some(last) = entries.last() {
        tickets.durable(last.revision);
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_start_however_it_ended() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let id = conversation_id(1);
        let mut script = Script::new(workspace(), id);
        for round in 0..3 {
            let (journal, report) = start(dir.path());
            assert_eq!(report.rebuilt, None);
            let opened = open_workspace(&journal).await;
            let (sink, tickets) = Tickets::new();
            if round == 0 {
                let opened = journal.open_workspace(workspace(), sink).await.unwrap();
                for (_, entry) in workspace_entries() {
                    journal.append_workspace(opened.incarnation, &entry).unwrap();
                }
                tickets.durable(workspace_entries().len() as u64);
                assert_eq!(journal.workspaces().await.unwrap().sound.len(), 1);
            } else {
                assert_eq!(opened.state, super::stored::samples::workspace());
            }
            let term = open_workspace(&journal).await.term;
            let entries = if round == 0 {
                vec![script.start(1, customer(1)), script.say(2, Party::Customer, "hello")]
            } else {
                vec![script.say(3, Party::Customer, "again")]
            };
            append(&journal, term, id, &entries).await;
            let (sink, _tickets) = Tickets::new();
            let opened = journal.open_conversation(workspace(), term, id, sink).await.unwrap();
            assert_eq!(opened.state, script.state);
            assert_eq!(journal.find_conversation(workspace(), &customer(1)).await.unwrap(), Some(id));
            assert_eq!(
                journal.list(workspace(), everything(), None, 10).await.unwrap().rows[0].seq,
                script.state.last.staff
            );
            if round == 1 {
                journal.stop().unwrap();
            }
        }
        let report = verify(dir.path()).unwrap();
        assert!(report.is_sound(), "{report}");
        assert_eq!((report.records, report.conversations, report.workspaces), (10, 1, 1));
    });
}

#[test]
fn an_earlier_incarnation_and_an_earlier_term_are_refused() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let id = conversation_id(1);
        let mut script = Script::new(workspace(), id);
        let entry = script.start(1, customer(1));
        let (old_sink, old) = Tickets::new();
        let opened = journal.open_conversation(workspace(), term, id, old_sink).await.unwrap();
        let (new_sink, new) = Tickets::new();
        let reopened = journal.open_conversation(workspace(), term, id, new_sink).await.unwrap();
        assert!(matches!(old.0.recv().unwrap(), Resolved::Failed(_)));
        journal.append_conversation(workspace(), opened.incarnation, &entry).unwrap();
        journal.append_conversation(workspace(), reopened.incarnation, &entry).unwrap();
        new.durable(1);
        assert_eq!(journal.figures().records, 1, "only the new incarnation's");

        open_workspace(&journal).await;
        let entry = script.say(2, Party::Customer, "late");
        journal.append_conversation(workspace(), reopened.incarnation, &entry).unwrap();
        assert!(matches!(new.0.recv().unwrap(), Resolved::Failed(_)));
        let (sink, _tickets) = Tickets::new();
        let refused = journal.open_conversation(workspace(), term, id, sink).await;
        assert!(matches!(refused, Err(OpenError::Unavailable(_))));
        journal.stop().unwrap();
    });
}

#[test]
fn an_entry_is_refused_or_can_be_folded_whatever_its_size() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let id = conversation_id(1);
        let (sink, tickets) = Tickets::new();
        let opened = journal.open_conversation(workspace(), term, id, sink).await.unwrap();
        let message = What::Message(Message::plain(super::stored::samples::text(&"🙂".repeat(4_000))));
        let mut script = Script::new(workspace(), id);
        let mut refused = 0;
        for messages in 1..12 {
            let mut next = script.clone();
            let entry = next.entry(1, Party::Customer, vec![message.clone(); messages]);
            match journal.append_conversation(workspace(), opened.incarnation, &entry) {
                Ok(()) => script = next,
                Err(AppendError::Unstorable(_)) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(refused > 0 && script.state.revision > 5);
        tickets.durable(script.state.revision);
        journal.stop().unwrap();
        drop(journal);
        let report = verify(dir.path()).unwrap();
        assert!(report.is_sound(), "{report}");
    });
}

#[test]
fn a_store_of_another_layout_is_made_anew_and_one_of_this_is_not() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let entry = Script::new(workspace(), conversation_id(1)).start(1, customer(1));
        append(&journal, term, conversation_id(1), &[entry]).await;
        journal.stop().unwrap();
        drop(journal);
        let (journal, report) = start(dir.path());
        assert_eq!(report.rebuilt, None);
        journal.stop().unwrap();
        drop(journal);
        lay_out_otherwise(&dir.path().join(recover::STORE));
        let (journal, report) = start(dir.path());
        assert_eq!(report.rebuilt, Some(RebuildReason::OtherLayout));
        let page = journal.list(workspace(), everything(), None, 9).await.unwrap();
        assert_eq!(page.rows.len(), 1);
    });
}

#[test]
fn a_second_journal_on_the_same_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = start(dir.path());
    let Err(error) = Journal::start(&options(dir.path()), &mut |_| {}) else { panic!("opened twice") };
    assert!(matches!(error, StartError::InUse { .. }), "{error}");
    assert!(matches!(verify(dir.path()), Err(StartError::InUse { .. })));
    journal.stop().unwrap();
}

#[test]
fn a_log_that_has_lost_something_is_not_taken_for_the_truth() {
    runtime().block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = start(dir.path());
        let term = open_workspace(&journal).await.term;
        let entry = Script::new(workspace(), conversation_id(1)).start(1, customer(1));
        append(&journal, term, conversation_id(1), &[entry]).await;
        journal.stop().unwrap();
        drop(journal);
        fs::remove_dir_all(dir.path().join("log")).unwrap();
        let Err(error) = Journal::start(&options(dir.path()), &mut |_| {}) else { panic!("opened") };
        assert!(error.to_string().contains("ends at position 0"), "{error}");
    });
}

/// What is done to the store between two starts.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Nothing,
    Gone,
    Empty,
    Older,
    Garbled,
    NoCheckpoint,
    Rebuilt,
    OtherLayout,
}

fn harms() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => Just(Harm::Nothing),
        1 => Just(Harm::Gone),
        1 => Just(Harm::Empty),
        1 => Just(Harm::Older),
        1 => Just(Harm::Garbled),
        1 => Just(Harm::NoCheckpoint),
        1 => Just(Harm::Rebuilt),
        1 => Just(Harm::OtherLayout),
    ]
}

impl Harm {
    fn do_to(self, dir: &Path, older: &Path) {
        let store = dir.join(recover::STORE);
        match self {
            Self::Nothing => {}
            Self::Gone => fs::remove_dir_all(store).unwrap(),
            Self::Empty => {
                fs::remove_dir_all(&store).unwrap();
                drop(store::Store::open(&store, 8 << 20).unwrap());
            }
            Self::Older => {
                fs::remove_dir_all(&store).unwrap();
                copy(older, &store);
            }
            Self::Garbled => fs::write(store.join("conf"), b"garbage").unwrap(),
            Self::NoCheckpoint => checkpoint::remove(dir).unwrap(),
            Self::OtherLayout => lay_out_otherwise(&store),
            Self::Rebuilt => drop(rebuild(dir, &mut |_| {}).unwrap()),
        }
    }
}

/// Makes a store one that bears another layout than this program's.
fn lay_out_otherwise(store: &Path) {
    let store = store::Store::open(store, 8 << 20).unwrap();
    let mut other = store::Batch::default();
    other.put(fold::keys::LAYOUT.to_vec(), vec![1]);
    store.apply(other).unwrap();
    store.sync().unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

/// Plain lists of what was acknowledged.
#[derive(Default)]
struct Model {
    conversations: BTreeMap<ConversationId, (Script, Vec<Entry>)>,
    /// In the order in which they have begun.
    begun: Vec<ConversationId>,
    /// Who was assigned something automatically, whoever was last at the end.
    turns: Vec<MemberId>,
    /// Where lists are read on from that were begun before something happened.
    cursors: BTreeMap<Filter, (String, ListPlace)>,
}

impl Model {
    async fn act(&mut self, journal: &Journal, term: Term, at: i64, steps: &[Step]) {
        for (step, now) in steps.iter().zip(at..) {
            let id = conversation_id(step.who % 4 + 1);
            let (script, entries) =
                self.conversations.entry(id).or_insert_with(|| (Script::new(workspace(), id), Vec::new()));
            let entry = if script.state.revision == 0 {
                let profile = PROFILES[usize::from(step.who % 2)];
                self.begun.push(id);
                script.start(now, CustomerKey { profile, ..customer(step.who % 2 + 1) })
            } else {
                script.step(now, step)
            };
            append(journal, term, id, std::slice::from_ref(&entry)).await;
            consultations::take_turns(&mut self.turns, &entry);
            entries.push(entry);
        }
    }

    /// The places of a list, sorted from all conversations, from after one.
    fn places(&self, filter: &Filter, after: Option<ListPlace>) -> Vec<ListPlace> {
        let shown = self.conversations.values().filter_map(|(script, entries)| {
            let (mut served, mut listing) = (Served::default(), Listing::default());
            let mut last_at = None;
            for (at, event) in
                entries.iter().flat_map(|entry| entry.events.iter().map(|event| (entry.at, event)))
            {
                listing.apply(&served, &event.what);
                served.apply(at, event);
                last_at = if event.what.audience() == Audience::Uncounted { last_at } else { Some(at) };
            }
            let profile = script.state.customer.as_ref()?.profile;
            let is_shown = filter.shows(profile, listing.list(&served), listing.member(&served));
            Some(ListPlace::new(last_at?, script.state.id)).filter(|_| is_shown)
        });
        let mut places: Vec<_> = shown.filter(|place| after.is_none_or(|after| *place > after)).collect();
        places.sort();
        places
    }

    /// Reads a list page by page, first from where it was left before something happened.
    async fn check_list(&mut self, journal: &Journal, filter: Filter) {
        let left = self.cursors.remove(&filter).map(|(cursor, after)| (Some(cursor), Some(after)));
        for (mut cursor, mut after) in left.into_iter().chain([(None, None)]) {
            let is_first = cursor.is_none();
            loop {
                let page = journal.list(workspace(), filter.clone(), cursor.as_deref(), 2).await.unwrap();
                let expected = self.places(&filter, after);
                let found: Vec<_> = page.rows.iter().map(ListRow::place).collect();
                assert_eq!(found, expected[..expected.len().min(2)], "{filter:?} after {after:?}");
                assert_eq!(page.next.is_some(), expected.len() > 2);
                for row in &page.rows {
                    let state = &self.conversations[&row.conversation].0.state;
                    assert_eq!((row.seq, row.unread), (state.last.staff, state.staff_unread.count()));
                    assert!(filter.shows(row.customer.profile, row.list, row.member));
                }
                after = found.last().copied();
                cursor = page.next;
                let (Some(next), Some(after)) = (&cursor, after) else { break };
                if is_first {
                    self.cursors.entry(filter.clone()).or_insert_with(|| (next.clone(), after));
                }
            }
        }
    }

    async fn check(&mut self, journal: &Journal) {
        for (id, (script, entries)) in &self.conversations {
            let term = open_workspace(journal).await.term;
            let (sink, _tickets) = Tickets::new();
            let opened = journal.open_conversation(workspace(), term, *id, sink).await.unwrap();
            assert_eq!(opened.state, script.state);
            for reader in [Reader::Staff, Reader::Customer] {
                check_reads(journal, *id, reader, entries, &script.state).await;
            }
            check_decisions(journal, *id, entries).await;
            consultations::check(journal, self, *id).await;
        }
        consultations::check_turns(journal, self).await;
        for filter in filters() {
            self.check_list(journal, filter).await;
        }
        let open = journal.open_consultations(workspace()).await.unwrap();
        let open: Vec<_> =
            open.into_iter().map(|open| (open.conversation, open.revision, open.served)).collect();
        let states = self.conversations.values().map(|(script, _)| &script.state);
        let expected = states.filter(|state| state.served.consultation.is_some());
        assert_eq!(
            open,
            expected.map(|state| (state.id, state.revision, state.served.clone())).collect::<Vec<_>>()
        );
    }
}

/// Every kind of filter: of everybody's and of some members', of one profile or both.
fn filters() -> impl Iterator<Item = Filter> {
    let some = [
        Lists::ALL,
        Lists::ALL.without(List::WithBot),
        Lists::NONE.with(List::Missed).with(List::Waiting),
        Lists::NONE,
    ];
    let lists = some.into_iter().chain(List::ALL.map(|list| Lists::NONE.with(list)));
    let [all, one, other] = [None, Some(member_id(1)), Some(member_id(2))];
    let shown = [[all, all], [one, one], [other, other], [all, one]];
    let wishes = lists.flat_map(|lists| [None, Some(PROFILES[1])].map(|profile| (lists, profile)));
    wishes.flat_map(move |(lists, profile)| {
        let wish = Wish { lists, profile, mine: false };
        shown.map(|of| Filter::new(wish, PROFILES.into_iter().zip(of)))
    })
}

async fn check_decisions(journal: &Journal, id: ConversationId, entries: &[Entry]) {
    let Decisions { found, more } = journal.decisions(workspace(), id).await.unwrap();
    let made = entries.iter().rev().flat_map(|entry| {
        entry.events.iter().filter_map(move |event| match &event.what {
            What::Explained(explanation) => Some((entry.at, Explanation::clone(explanation))),
            _ => None,
        })
    });
    assert_eq!(found, made.take(limits::DECISIONS_MAX).collect::<Vec<_>>());
    assert_eq!(more, found.len() == limits::DECISIONS_MAX, "the first entry is none");
}

async fn check_reads(
    journal: &Journal,
    id: ConversationId,
    reader: Reader,
    entries: &[Entry],
    state: &Conversation,
) {
    let seen = |entries: &[Entry]| -> Vec<u64> {
        entries.iter().flat_map(|entry| entry.seen_by(reader)).map(|seen| seen.seq.get()).collect()
    };
    let all = seen(entries);
    let last = state.last.of(reader).get();
    assert_eq!(all, (1..=last).collect::<Vec<_>>(), "the model itself has no gap");
    for after in 0..=last {
        let (mut got, mut at) = (Vec::new(), Seq::new(after).unwrap());
        loop {
            let page = journal.read_after(workspace(), id, reader, at, 150).await.unwrap();
            let Some(end) = page.last().map(|entry| entry.after().of(reader)) else { break };
            let page: Vec<Entry> = page.iter().map(|entry| Entry::clone(entry)).collect();
            got.extend(seen(&page).into_iter().filter(|seq| *seq > at.get()));
            at = end;
        }
        assert_eq!(got, all[after as usize..]);
        let before = Seq::new(after + 1).unwrap();
        let (page, more) = journal.read_before(workspace(), id, reader, Some(before), 3).await.unwrap();
        let page: Vec<Entry> = page.iter().map(|entry| Entry::clone(entry)).collect();
        let got: Vec<u64> = seen(&page).into_iter().filter(|seq| *seq <= after).collect();
        assert!(all[..after as usize].ends_with(&got) && got.len() >= 3.min(after as usize));
        assert_eq!(more, page.first().is_some_and(|first| first.before.of(reader) > Seq::ZERO));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn reading_gives_what_was_acknowledged_whatever_became_of_the_store(
        rounds in prop::collection::vec((steps(25), harms(), any::<bool>()), 1..5),
    ) {
        let runtime = runtime();
        let (dir, older) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut model = Model::default();
        for (round, (steps, harm, stopped)) in rounds.into_iter().enumerate() {
            let (journal, _) = start(dir.path());
            runtime.block_on(async {
                let term = open_workspace(&journal).await.term;
                model.check(&journal).await;
                let term = if round > 0 { open_workspace(&journal).await.term } else { term };
                model.act(&journal, term, round as i64 * 1_000, &steps).await;
                model.check(&journal).await;
            });
            if stopped {
                journal.stop().unwrap();
            }
            drop(journal);
            if stopped {
                let report = verify(dir.path()).unwrap();
                prop_assert!(report.is_sound(), "{}", report);
            }
            if round == 0 {
                copy(&dir.path().join(recover::STORE), older.path());
            }
            harm.do_to(dir.path(), older.path());
        }
        let (journal, _) = start(dir.path());
        runtime.block_on(model.check(&journal));
    }
}
