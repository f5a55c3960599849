//! The windows that desks look at: the first rows of a filter, and how they change.
//!
//! Owns which rows a window has, what those who look at it have been told, and when it must be read again because
//! rows have left it. Whoever looks at the same window shares the work. Must not know where rows are read, how
//! often it is told, or what a row shows.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use switchboard_protocol::vocabulary::{ConversationId, MemberId, ProfileId};

use crate::domain::listing::{Filter, List, ListPlace};

/// A row as far as a window needs it.
pub trait Listed {
    /// Its place.
    fn place(&self) -> ListPlace;
    /// With which profile it is.
    fn profile(&self) -> ProfileId;
    /// Which list it is in.
    fn list(&self) -> List;
    /// Whose it is there.
    fn member(&self) -> Option<MemberId>;
    /// Of two rows of a conversation the one with the higher position is newer.
    fn position(&self) -> u64;
}

/// What a desk looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// Which conversations.
    pub filter: Filter,
    /// How many at the most.
    pub rows: usize,
}

impl View {
    /// How many rows are read for it: more than it shows, so that some may leave before it is read again.
    #[must_use]
    pub const fn rows_read(&self) -> usize {
        2 * self.rows
    }
}

/// The first rows of a filter, as they were read.
#[derive(Debug, Clone)]
pub struct Page<R> {
    /// Newest activity first.
    pub rows: Vec<Arc<R>>,
    /// Whether there are none beyond them.
    pub is_whole: bool,
    /// The position that it is true at.
    pub position: u64,
}

/// A reading of a view's first rows: one that was asked for by a window that is gone is none of the next's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOf {
    /// Which view.
    pub view: View,
    serial: u64,
}

/// What has changed in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta<R> {
    /// Rows that are new in it, or have changed.
    pub rows: Vec<Arc<R>>,
    /// Rows that have left it.
    pub gone: Vec<ConversationId>,
}

/// All windows that somebody looks at.
#[derive(Debug)]
pub struct Views<R> {
    /// The latest of each row that has changed since the windows were told of.
    changed: BTreeMap<ConversationId, Arc<R>>,
    windows: BTreeMap<View, Window<R>>,
    last_serial: u64,
}

impl<R> Default for Views<R> {
    fn default() -> Self {
        Self { changed: BTreeMap::new(), windows: BTreeMap::new(), last_serial: 0 }
    }
}

/// What is known of a view.
#[derive(Debug)]
struct Window<R> {
    rows: BTreeMap<ListPlace, Arc<R>>,
    places: BTreeMap<ConversationId, ListPlace>,
    /// The last place up to which every row is known; `None`: all are.
    known_to: Option<ListPlace>,
    /// The position that it was read at.
    since: u64,
    /// The rows that whoever looks has, with their positions; `None` before the first are there.
    told: Option<BTreeMap<ConversationId, u64>>,
    reading: Reading<R>,
    /// Whether it may have other rows than were told.
    is_touched: bool,
}

/// Whether a window is read.
#[derive(Debug)]
enum Reading<R> {
    No,
    Wanted,
    /// Which reading it is; the latest of each row that has changed meanwhile; whether it has to be read once more.
    Under(u64, BTreeMap<ConversationId, Arc<R>>, bool),
}

impl<R: Listed> Views<R> {
    /// Somebody looks at a view.
    pub fn look(&mut self, view: &View) {
        if !self.windows.contains_key(view) {
            self.windows.insert(view.clone(), Window::new());
        }
    }

    /// Forgets what nobody looks at any more.
    pub fn retain(&mut self, is_looked_at: impl Fn(&View) -> bool) {
        self.windows.retain(|view, _| is_looked_at(view));
        if self.windows.is_empty() {
            self.changed.clear();
        }
    }

    /// A row has changed. Costs the same however many look at it.
    pub fn changed(&mut self, row: Arc<R>) {
        if self.windows.is_empty() {
            return;
        }
        if self.changed.len() >= CHANGED_ROWS_MAX && !self.changed.contains_key(&row.place().conversation()) {
            self.changed.clear();
            self.windows.values_mut().for_each(Window::read_anew);
            return;
        }
        keep_latest(&mut self.changed, row);
    }

    /// Time has passed: what has changed in each window. One that has to be read says nothing until it is.
    pub fn flush(&mut self) -> BTreeMap<View, Delta<R>> {
        let changed = mem::take(&mut self.changed);
        let mut deltas = BTreeMap::new();
        for (view, window) in &mut self.windows {
            changed.values().for_each(|row| window.change(view, row));
            deltas.extend(window.delta(view.rows).map(|delta| (view.clone(), delta)));
        }
        deltas
    }

    /// The views whose first rows have to be read now.
    pub fn to_read(&mut self) -> Vec<ReadOf> {
        let serial = &mut self.last_serial;
        let wanted = self.windows.iter_mut().filter(|(_, window)| matches!(window.reading, Reading::Wanted));
        let begun = wanted.map(|(view, window)| {
            *serial += 1;
            window.reading = Reading::Under(*serial, BTreeMap::new(), false);
            ReadOf { view: view.clone(), serial: *serial }
        });
        begun.collect()
    }

    /// Whether somebody still waits for a reading.
    #[must_use]
    pub fn awaits(&self, of: &ReadOf) -> bool {
        self.windows.get(&of.view).is_some_and(|window| window.awaits(of.serial))
    }

    /// The first rows of a view were read, which was asked for.
    pub fn read(&mut self, of: ReadOf, page: Page<R>) {
        if let Some(window) = self.windows.get_mut(&of.view) {
            window.read(of, page);
        }
    }

    /// The rows that whoever looks at a view was told last; `None` if there are none to tell yet.
    #[must_use]
    pub fn shown(&self, view: &View) -> Option<Vec<Arc<R>>> {
        // What has changed in it since must be told to the others first: it is their next change.
        let is_as_told = |window: &&Window<R>| {
            window.told.is_some() && !window.is_touched && matches!(window.reading, Reading::No)
        };
        let window = self.windows.get(view).filter(is_as_told)?;
        Some(window.rows.values().take(view.rows).cloned().collect())
    }
}

impl<R: Listed> Window<R> {
    const fn new() -> Self {
        Self {
            rows: BTreeMap::new(),
            places: BTreeMap::new(),
            known_to: None,
            since: 0,
            told: None,
            reading: Reading::Wanted,
            is_touched: false,
        }
    }

    const fn awaits(&self, serial: u64) -> bool {
        matches!(self.reading, Reading::Under(awaited, ..) if awaited == serial)
    }

    /// Something was missed.
    fn read_anew(&mut self) {
        match &mut self.reading {
            Reading::No => self.reading = Reading::Wanted,
            Reading::Wanted => {}
            Reading::Under(_, changed, again) => {
                changed.clear();
                *again = true;
            }
        }
    }

    fn change(&mut self, view: &View, row: &Arc<R>) {
        match &mut self.reading {
            Reading::No => self.place(view, row),
            // What is read will have it.
            Reading::Wanted | Reading::Under(_, _, true) => {}
            Reading::Under(_, changed, _) if changed.len() >= CHANGED_ROWS_MAX => self.read_anew(),
            Reading::Under(_, changed, _) => keep_latest(changed, Arc::clone(row)),
        }
    }

    /// Puts a row where it belongs now.
    fn place(&mut self, view: &View, row: &Arc<R>) {
        // What was read has it, or a later one.
        if row.position() <= self.since {
            return;
        }
        let place = row.place();
        if let Some(before) = self.places.remove(&place.conversation()) {
            self.rows.remove(&before);
            self.is_touched = true;
        }
        let is_known = self.known_to.is_none_or(|last| place <= last);
        if is_known && view.filter.shows(row.profile(), row.list(), row.member()) {
            self.places.insert(place.conversation(), place);
            self.rows.insert(place, Arc::clone(row));
            self.is_touched = true;
        }
        while self.rows.len() > view.rows_read() {
            if let Some((_, last)) = self.rows.pop_last() {
                self.places.remove(&last.place().conversation());
            }
            self.known_to = self.rows.last_key_value().map(|(place, _)| *place);
        }
        if self.known_to.is_some() && self.rows.len() < view.rows {
            self.reading = Reading::Wanted;
        }
    }

    fn read(&mut self, ReadOf { view, serial }: ReadOf, page: Page<R>) {
        if !self.awaits(serial) {
            return;
        }
        let Reading::Under(_, changed, again) = mem::replace(&mut self.reading, Reading::No) else { return };
        if again {
            self.reading = Reading::Wanted;
            return;
        }
        let Page { rows, is_whole, position } = page;
        self.places = rows.iter().map(|row| (row.place().conversation(), row.place())).collect();
        self.rows = rows.into_iter().map(|row| (row.place(), row)).collect();
        self.known_to = self.rows.last_key_value().map(|(place, _)| *place).filter(|_| !is_whole);
        self.since = position;
        self.is_touched = true;
        for row in changed.values() {
            self.change(&view, row);
        }
        if self.told.is_none() && matches!(self.reading, Reading::No) {
            // Nobody has anything of it yet.
            self.told = Some(self.first(view.rows));
            self.is_touched = false;
        }
    }

    fn first(&self, rows: usize) -> BTreeMap<ConversationId, u64> {
        self.rows.values().take(rows).map(|row| (row.place().conversation(), row.position())).collect()
    }

    fn delta(&mut self, rows: usize) -> Option<Delta<R>> {
        if !self.is_touched || !matches!(self.reading, Reading::No) {
            return None;
        }
        self.is_touched = false;
        let now = self.first(rows);
        let before = self.told.replace(now).unwrap_or_default();
        let now = self.told.as_ref()?;
        let has_it = |row: &&Arc<R>| before.get(&row.place().conversation()) == Some(&row.position());
        let changed: Vec<_> = self.rows.values().take(rows).filter(|row| !has_it(row)).cloned().collect();
        let gone: Vec<_> = before.keys().filter(|id| !now.contains_key(*id)).copied().collect();
        (!changed.is_empty() || !gone.is_empty()).then_some(Delta { rows: changed, gone })
    }
}

fn keep_latest<R: Listed>(rows: &mut BTreeMap<ConversationId, Arc<R>>, row: Arc<R>) {
    let kept = rows.entry(row.place().conversation()).or_insert_with(|| Arc::clone(&row));
    if kept.position() < row.position() {
        *kept = row;
    }
}

/// The most rows that change between two flushes, or while a window is read; more have it read anew.
const CHANGED_ROWS_MAX: usize = 4_096;

#[cfg(test)]
mod tests;
