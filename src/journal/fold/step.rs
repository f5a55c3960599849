//! One step of folding: some records of the log become one batch of the store.
//!
//! Owns what each fold is made of. A step reads the store and changes nothing itself; its batch
//! carries the mark of the last record, so that the store always knows where it is true.

use std::collections::{BTreeMap, HashMap};

use switchboard_protocol::vocabulary::{ConversationId, MemberId, WorkspaceId};

use super::keys::{PageKey, RecordPlace, list_place};
use super::record::{Meaning, Understood};
use super::terms::{change_terms, put_terms};
use super::{keys, pieces};
use crate::domain::conversation::{Place, What};
use crate::domain::workspace::Workspace;
use crate::journal::crash_points::pass;
use crate::journal::store::{Batch, Store, StoreError};
use crate::journal::stored::{
    CurrentConversation, Damaged, FoldMark, Page, PageBuilder, RECORD_OVERHEAD_BYTES, RowState, StoredError,
    decode_row, decode_workspace, encode_record, encode_row, encode_workspace,
};
use crate::journal::{CrashPoint, Position, Stream};

/// What a step has made.
pub(in crate::journal) struct Step<'a> {
    store: &'a Store,
    /// To be applied to the store.
    pub(in crate::journal) batch: Batch,
    /// Streams that were found damaged in this step.
    pub(in crate::journal) damaged: Vec<(Stream, Damaged)>,
    /// How many snapshots are in the batch.
    pub(in crate::journal) snapshots: usize,
    /// The rows that it has changed.
    rows: HashMap<(WorkspaceId, ConversationId), RowState>,
    /// Where in the log members were last assigned something automatically, of those who were in it.
    turns: BTreeMap<(WorkspaceId, MemberId), Position>,
}

/// A snapshot that waits to be written: its revision, and its stored form.
pub(in crate::journal) struct PendingSnapshot {
    /// The last entry in it.
    pub(in crate::journal) revision: u64,
    /// Where both sequences stand in it.
    pub(in crate::journal) last: Place,
    /// The stored form.
    pub(in crate::journal) bytes: Vec<u8>,
}

/// Folds records that follow on everything folded before.
///
/// # Errors
/// When the store fails. What is wrong with a stream is not an error but a mark on the stream.
pub(in crate::journal) fn fold<'a>(store: &'a Store, records: &[Understood]) -> Result<Step<'a>, StoreError> {
    let mut step = Step {
        store,
        batch: Batch::default(),
        damaged: Vec::new(),
        snapshots: 0,
        rows: HashMap::new(),
        turns: BTreeMap::new(),
    };
    let mut streams: BTreeMap<Stream, Vec<&Understood>> = BTreeMap::new();
    for understood in records {
        streams.entry(understood.record.stream).or_default().push(understood);
    }
    for (stream, records) in streams {
        match stream {
            Stream::Workspace(workspace) => step.workspace(workspace, &records)?,
            Stream::Conversation(workspace, conversation) => {
                step.pages(workspace, conversation, &records)?;
                step.row(workspace, conversation, &records)?;
            }
        }
    }
    step.put_turns()?;
    if let Some(last) = records.last() {
        step.batch.put(keys::MARK.to_vec(), made(FoldMark::of(&last.record).encode())?);
    }
    Ok(step)
}

impl Step<'_> {
    /// Adds a snapshot, if everything in it is folded. Says whether it is done with.
    ///
    /// # Errors
    /// When the store fails.
    pub(in crate::journal) fn snapshot(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        snapshot: &PendingSnapshot,
    ) -> Result<bool, StoreError> {
        let stored;
        let row = match self.rows.get(&(workspace, conversation)) {
            Some(row) => row,
            None => match self.store.get(&keys::row(workspace, conversation))?.map(|row| decode_row(&row)) {
                Some(Ok(row)) => {
                    stored = row;
                    &stored
                }
                Some(Err(_)) => return Ok(true),
                None => return Ok(false),
            },
        };
        if row.revision < snapshot.revision {
            return Ok(false);
        }
        // One that was made of entries which never became durable is not true.
        if row.revision > snapshot.revision || row.seq == snapshot.last.staff {
            let key = keys::snapshot(workspace, conversation);
            pieces::write(self.store, &mut self.batch, &key, &snapshot.bytes)?;
            self.snapshots += 1;
            pass(CrashPoint::SnapshotMade);
        }
        Ok(true)
    }

    fn pages(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        records: &[&Understood],
    ) -> Result<(), StoreError> {
        let stream = Stream::Conversation(workspace, conversation);
        let key = keys::page(workspace, conversation, u64::MAX);
        let last = self.store.at_or_before(&keys::pages(workspace, conversation), &key)?;
        let mut page = PageBuilder::new(1, Place::default());
        if let Some((_, value)) = &last {
            match Page::decode(value) {
                Ok(found) if value.len() <= PAGE_EXTEND_BYTES_MAX => page = PageBuilder::extend(&found),
                Ok(found) => page = PageBuilder::new(found.last + 1, found.after),
                Err(error) => self.damage(stream, 0, &error.to_string())?,
            }
        }
        for understood in records {
            let record = &understood.record;
            if record.revision < page.next() {
                continue;
            }
            let (before, after) = match &understood.meaning {
                Meaning::Conversation(entry) => (entry.before, entry.after()),
                Meaning::Workspace(_) => (page.after(), page.after()),
                Meaning::Unreadable(error) => {
                    self.damage(stream, record.revision, &error.to_string())?;
                    (page.after(), page.after())
                }
            };
            if record.revision > page.next() {
                self.damage(stream, page.next(), "it is missing")?;
                self.put_page(workspace, conversation, &page)?;
                page = PageBuilder::new(record.revision, before);
            }
            let bytes = page.bytes() + record.payload.len() + RECORD_OVERHEAD_BYTES;
            if !page.is_empty() && bytes > PAGE_BYTES_MAX {
                self.put_page(workspace, conversation, &page)?;
                page = PageBuilder::new(record.revision, before);
            }
            page.push(record.payload.clone(), after);
            if let Some(due) = understood.meaning.next_due() {
                let page = PageKey { workspace, conversation, first: page.first };
                self.batch.put(keys::due(due, &page), Vec::new());
            }
        }
        self.put_page(workspace, conversation, &page)
    }

    fn put_page(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        page: &PageBuilder,
    ) -> Result<(), StoreError> {
        if !page.is_empty() {
            self.batch.put(keys::page(workspace, conversation, page.first), made(page.encode())?);
        }
        Ok(())
    }

    fn row(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        records: &[&Understood],
    ) -> Result<(), StoreError> {
        let key = keys::row(workspace, conversation);
        let mut row = match self.store.get(&key)?.map(|value| decode_row(&value)) {
            Some(Ok(row)) => row,
            Some(Err(error)) => {
                self.damage(Stream::Conversation(workspace, conversation), 0, &error.to_string())?;
                RowState::new()
            }
            None => RowState::new(),
        };
        let found_by = change_terms(records).then(|| row.terms());
        let (place_before, was_open) = (row.place(conversation), row.served.consultation.is_some());
        for understood in records {
            let record = &understood.record;
            if record.position <= row.position {
                continue;
            }
            match &understood.meaning {
                Meaning::Conversation(entry) => {
                    for over in row.apply(entry, record.position) {
                        let place = RecordPlace::new(entry.revision, over.consultation.id);
                        let key = keys::record(workspace, conversation, place);
                        self.batch.put(key, made(encode_record(&over))?);
                    }
                    for event in &entry.events {
                        if let What::Started { customer, .. } = &event.what {
                            let current = CurrentConversation { conversation, position: record.position };
                            self.batch.put(keys::customer(workspace, customer), made(current.encode())?);
                            let talk = keys::talk(workspace, customer, record.position);
                            self.batch.put(talk, conversation.as_bytes().to_vec());
                        }
                    }
                    for member in entry.assigned_automatically() {
                        let turn = self.turns.entry((workspace, member)).or_default();
                        *turn = record.position.max(*turn);
                    }
                }
                Meaning::Workspace(_) | Meaning::Unreadable(_) => {
                    row.passed(record.revision, record.position);
                }
            }
        }
        if let Some(before) = found_by {
            put_terms(&mut self.batch, (workspace, conversation), &before, &row.terms());
        }
        match (was_open, row.served.consultation.is_some()) {
            // Also of rows that were open before there were marks.
            (_, true) => self.batch.put(keys::open(workspace, conversation), Vec::new()),
            (true, false) => self.batch.remove(keys::open(workspace, conversation)),
            (false, false) => {}
        }
        let place = row.place(conversation);
        if place != place_before {
            if let Some((place, lists)) = place_before {
                lists
                    .iter()
                    .flatten()
                    .for_each(|list| self.batch.remove(list_place(workspace, *list, place)));
            }
            if let Some((place, lists)) = place {
                let lists = lists.iter().flatten();
                lists.for_each(|list| self.batch.put(list_place(workspace, *list, place), Vec::new()));
            }
        }
        self.batch.put(key, made(encode_row(&row))?);
        self.rows.insert((workspace, conversation), row);
        Ok(())
    }

    /// A record that is folded again must not take a later turn back.
    fn put_turns(&mut self) -> Result<(), StoreError> {
        for ((workspace, member), turn) in std::mem::take(&mut self.turns) {
            let key = keys::turn(workspace, member);
            let known = self.store.get(&key)?.and_then(|value| keys::turn_of(&key, &value));
            if known.is_none_or(|(_, known)| known < turn) {
                self.batch.put(key, turn.0.to_be_bytes().to_vec());
            }
        }
        Ok(())
    }

    fn workspace(&mut self, workspace: WorkspaceId, records: &[&Understood]) -> Result<(), StoreError> {
        let stream = Stream::Workspace(workspace);
        let key = keys::workspace(workspace);
        let stored = pieces::read(self.store, &key)?;
        let mut state = match stored.map(|bytes| decode_workspace(workspace, &bytes)) {
            Some(Ok(state)) => state,
            Some(Err(error)) => {
                self.damage(stream, 0, &error.to_string())?;
                Workspace::new(workspace)
            }
            None => Workspace::new(workspace),
        };
        for understood in records {
            let next = state.revision + 1;
            match &understood.meaning {
                Meaning::Workspace(entry) if entry.revision == next => {
                    state.apply(entry);
                    let payload = understood.record.payload.to_vec();
                    self.batch.put(keys::audited(workspace, entry.revision), payload);
                }
                Meaning::Workspace(entry) if entry.revision < next => {}
                Meaning::Workspace(_) | Meaning::Conversation(_) => {
                    self.damage(stream, next, "it is missing")?;
                }
                Meaning::Unreadable(error) => {
                    self.damage(stream, understood.record.revision, &error.to_string())?;
                }
            }
        }
        pieces::write(self.store, &mut self.batch, &key, &made(encode_workspace(&state))?)
    }

    /// Marks a stream as damaged, unless it is already.
    fn damage(&mut self, stream: Stream, revision: u64, reason: &str) -> Result<(), StoreError> {
        let key = keys::damage(stream);
        let marked = self.damaged.iter().any(|(known, _)| *known == stream);
        if !marked && self.store.get(&key)?.is_none() {
            let damaged = Damaged { revision, reason: reason.to_owned() };
            self.batch.put(key, made(damaged.encode())?);
            self.damaged.push((stream, damaged));
        }
        Ok(())
    }
}

/// What the folds make themselves always has a stored form; should it not, folding fails.
fn made(encoded: Result<Vec<u8>, StoredError>) -> Result<Vec<u8>, StoreError> {
    encoded.map_err(|error| StoreError::Failed(error.to_string()))
}

/// A last page up to this size is extended instead of beginning another, in bytes.
const PAGE_EXTEND_BYTES_MAX: usize = 4 << 10;

/// The most bytes of a page's entries, unless it has only one.
const PAGE_BYTES_MAX: usize = 63 << 10;
