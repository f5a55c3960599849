//! The rows that have changed since they were last folded, in memory.
//!
//! Owns how lists show everything durable although the store is behind. Written by the fold thread
//! alone, read by whoever lists.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard_protocol::vocabulary::{ConversationId, MemberId, WorkspaceId};

use super::keys;
use super::record::{Meaning, Understood};
use crate::domain::conversation::What;
use crate::domain::identity::CustomerKey;
use crate::domain::listing::{ListPlace, Stretch};
use crate::journal::store::{Store, StoreError};
use crate::journal::stored::{RowState, decode_row};
use crate::journal::{ListRow, Position, Stream};

/// The rows that the store does not have yet.
#[derive(Default)]
pub(in crate::journal) struct Overlay {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    rows: HashMap<RowKey, RowState>,
    /// Where conversations have begun, of which the store may not know that they have.
    begun: HashMap<RowKey, Position>,
    /// Where members were last assigned something automatically, of what the store does not have.
    turns: BTreeMap<(WorkspaceId, MemberId), Position>,
    places: BTreeSet<(WorkspaceId, Stretch, ListPlace)>,
    seen: Position,
}

/// Which row.
type RowKey = (WorkspaceId, ConversationId);

/// What a list needs of the overlay.
pub(in crate::journal) struct Overlaid {
    /// The first rows of the lists after a place, in order.
    pub(in crate::journal) rows: Vec<ListRow>,
    /// The conversations of the workspace whose rows in the store are out of date.
    pub(in crate::journal) stale: HashSet<ConversationId>,
    /// Where in the log it is true.
    pub(in crate::journal) position: Position,
}

impl Overlay {
    /// An empty overlay over a store that is true at a position.
    pub(in crate::journal) fn new(folded: Position) -> Self {
        let overlay = Self::default();
        overlay.lock().seen = folded;
        overlay
    }

    /// Adds records, and returns the rows that they have changed, as they are now.
    ///
    /// # Errors
    /// When the store, which has the rows as they were, fails; then nothing is added.
    pub(in crate::journal) fn see(
        &self,
        store: &Store,
        records: &[Understood],
    ) -> Result<HashMap<RowKey, ListRow>, StoreError> {
        let touched: HashSet<RowKey> =
            records.iter().filter_map(|record| row_key(record.record.stream)).collect();
        let missing: Vec<RowKey> = {
            let state = self.lock();
            touched.iter().filter(|key| !state.rows.contains_key(*key)).copied().collect()
        };
        let mut loaded = HashMap::with_capacity(missing.len());
        for (workspace, conversation) in missing {
            let row = store.get(&keys::row(workspace, conversation))?;
            // One that cannot be read is reported when it is folded; here it begins anew.
            let row = row.and_then(|row| decode_row(&row).ok()).unwrap_or_else(RowState::new);
            loaded.insert((workspace, conversation), row);
        }
        let mut state = self.lock();
        state.rows.extend(loaded);
        for key in &touched {
            state.take_place(*key);
        }
        for understood in records {
            state.apply(understood);
        }
        for key in &touched {
            state.give_place(*key);
        }
        self.moved.notify_all();
        let shown = touched.into_iter().filter_map(|key| {
            let row = state.rows.get(&key)?;
            Some((key, row.shown(key.1)?))
        });
        Ok(shown.collect())
    }

    /// Drops the rows that the store has now, which is true at `folded`.
    pub(in crate::journal) fn drop_folded(&self, records: &[Understood], folded: Position) {
        let mut state = self.lock();
        state.turns.retain(|_, turn| *turn > folded);
        for key in records.iter().filter_map(|record| row_key(record.record.stream)) {
            if state.rows.get(&key).is_some_and(|row| row.position <= folded) {
                state.take_place(key);
                state.rows.remove(&key);
                state.begun.remove(&key);
            }
        }
    }

    /// Waits until everything up to a position is in it; says whether that came in time.
    pub(in crate::journal) fn wait_for(&self, position: Position, time: Duration) -> bool {
        let waited = self.moved.wait_timeout_while(self.lock(), time, |state| state.seen < position);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.seen >= position
    }

    /// Whether everything up to a position is in it.
    pub(in crate::journal) fn has_seen(&self, position: Position) -> bool {
        self.lock().seen >= position
    }

    /// What some lists of a workspace together, from after a place, need.
    pub(in crate::journal) fn of(
        &self,
        workspace: WorkspaceId,
        lists: &[Stretch],
        after: Option<ListPlace>,
        limit: usize,
    ) -> Overlaid {
        let state = self.lock();
        let from = after.map_or(Bound::Included(ListPlace::FIRST), Bound::Excluded);
        let mut places: Vec<ListPlace> = Vec::new();
        for list in lists {
            let key = |place| (workspace, *list, place);
            let found = state.places.range((from.map(key), Bound::Included(key(ListPlace::LAST))));
            places.extend(found.map(|(_, _, place)| *place).take(limit));
        }
        places.sort();
        let rows = places.into_iter().take(limit).filter_map(|place| {
            let conversation = place.conversation();
            state.rows.get(&(workspace, conversation))?.shown(conversation)
        });
        let rows = rows.collect();
        let stale =
            state.rows.keys().filter(|(of, _)| *of == workspace).map(|(_, conversation)| *conversation);
        Overlaid { rows, stale: stale.collect(), position: state.seen }
    }

    /// Every row of a workspace that fits, with the conversations whose rows in the store are out of date.
    pub(in crate::journal) fn matching(
        &self,
        workspace: WorkspaceId,
        fits: impl Fn(&RowState) -> bool,
    ) -> Overlaid {
        let state = self.lock();
        let of_workspace = state.rows.iter().filter(|((of, _), _)| *of == workspace);
        let (mut rows, mut stale) = (Vec::new(), HashSet::new());
        for ((_, conversation), row) in of_workspace {
            stale.insert(*conversation);
            if fits(row) {
                rows.extend(row.shown(*conversation));
            }
        }
        Overlaid { rows, stale, position: state.seen }
    }

    /// The conversations of a customer of which the store may not know that they have begun, and where they have.
    pub(in crate::journal) fn talks_of(
        &self,
        workspace: WorkspaceId,
        customer: &CustomerKey,
    ) -> Vec<(Position, ConversationId)> {
        let state = self.lock();
        let of_workspace = state.begun.iter().filter(|((of, _), _)| *of == workspace);
        let is_theirs = |key| state.rows.get(key).and_then(|row| row.customer.as_ref()) == Some(customer);
        let theirs = of_workspace.filter(|(key, _)| is_theirs(*key));
        theirs.map(|((_, conversation), begun)| (*begun, *conversation)).collect()
    }

    /// The rows of a workspace that the store does not have as they are.
    pub(in crate::journal) fn rows_of(&self, workspace: WorkspaceId) -> HashMap<ConversationId, RowState> {
        let state = self.lock();
        let rows = state.rows.iter().filter(|((of, _), _)| *of == workspace);
        rows.map(|((_, conversation), row)| (*conversation, row.clone())).collect()
    }

    /// Where the members of a workspace were last assigned something automatically, of what the store does not
    /// have.
    pub(in crate::journal) fn turns_of(&self, workspace: WorkspaceId) -> BTreeMap<MemberId, Position> {
        let state = self.lock();
        let turns = state.turns.iter().filter(|((of, _), _)| *of == workspace);
        turns.map(|((_, member), turn)| (*member, *turn)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_place(&mut self, key: RowKey) {
        for place in self.places_of(key) {
            self.places.remove(&place);
        }
    }

    fn give_place(&mut self, key: RowKey) {
        let places = self.places_of(key);
        self.places.extend(places);
    }

    fn places_of(&self, (workspace, conversation): RowKey) -> Vec<(WorkspaceId, Stretch, ListPlace)> {
        let place = self.rows.get(&(workspace, conversation)).and_then(|row| row.place(conversation));
        let places = place.into_iter().flat_map(|(place, lists)| lists.map(|list| Some((list?, place))));
        places.flatten().map(|(list, place)| (workspace, list, place)).collect()
    }

    fn apply(&mut self, understood: &Understood) {
        let record = &understood.record;
        self.seen = self.seen.max(record.position);
        let Some(key) = row_key(record.stream) else { return };
        let Some(row) = self.rows.get_mut(&key) else { return };
        if record.position <= row.position {
            return;
        }
        match &understood.meaning {
            Meaning::Conversation(entry) => {
                for member in entry.assigned_automatically() {
                    self.turns.insert((record.stream.workspace(), member), record.position);
                }
                if entry.events.iter().any(|event| matches!(event.what, What::Started { .. })) {
                    self.begun.insert(key, record.position);
                }
                drop(row.apply(entry, record.position));
            }
            Meaning::Workspace(_) | Meaning::Unreadable(_) => row.passed(record.revision, record.position),
        }
    }
}

const fn row_key(stream: Stream) -> Option<RowKey> {
    match stream {
        Stream::Workspace(_) => None,
        Stream::Conversation(workspace, conversation) => Some((workspace, conversation)),
    }
}
