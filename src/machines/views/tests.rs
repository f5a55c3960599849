//! Windows against a plain sort of all rows, whatever changes and however late it is read.
//!
//! Owns a world of rows that change, are reported late and read late. Must not know the engine.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use switchboard_protocol::vocabulary::Timestamp;

use super::*;
use crate::domain::listing::{Lists, Wish};

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    conversation: u8,
    at: i64,
    list: List,
    member: Option<u8>,
    position: u64,
}

impl Listed for Row {
    fn place(&self) -> ListPlace {
        ListPlace::new(Timestamp::from_millis(self.at), ConversationId::from_bytes([self.conversation; 16]))
    }

    fn profile(&self) -> ProfileId {
        profile(self.conversation % 2)
    }

    fn list(&self) -> List {
        self.list
    }

    fn member(&self) -> Option<MemberId> {
        self.member.map(member)
    }

    fn position(&self) -> u64 {
        self.position
    }
}

fn profile(n: u8) -> ProfileId {
    ProfileId::from_bytes([n; 16])
}

fn member(n: u8) -> MemberId {
    MemberId::from_bytes([n; 16])
}

/// What happens.
#[derive(Debug, Clone)]
enum Happens {
    /// A row changes: its time moves by so much, and it is in a list, and somebody's.
    Change(u8, i64, usize, Option<u8>),
    /// Whoever tells of changes tells of them all.
    Report,
    /// What has changed is told.
    Flush,
    /// What is to be read is read, as it is now.
    Read,
    /// What was read arrives.
    Arrive,
    /// Somebody comes to look.
    Look(usize),
    /// Somebody goes.
    Leave,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        12 => (0..24_u8, -3..30_i64, 0..5_usize, prop::option::of(0..2_u8))
            .prop_map(|(row, by, list, of)| Happens::Change(row, by, list, of)),
        4 => Just(Happens::Report),
        4 => Just(Happens::Flush),
        3 => Just(Happens::Read),
        3 => Just(Happens::Arrive),
        1 => (0..8_usize).prop_map(Happens::Look),
        1 => Just(Happens::Leave),
    ]
}

fn views() -> [View; 8] {
    let view = |lists, of: Option<u8>, rows| {
        let both = [0, 1].map(|n| (profile(n), of.map(member)));
        View { filter: Filter::new(Wish { lists, ..Wish::ALL }, both), rows }
    };
    let one = Wish { profile: Some(profile(1)), ..Wish::ALL };
    let mixed = [(profile(0), Some(member(1))), (profile(1), None)];
    [
        view(Lists::ALL, None, 4),
        view(Lists::ALL, None, 1),
        view(Lists::NONE.with(List::Waiting), None, 3),
        view(Lists::ALL.without(List::WithBot), Some(0), 2),
        view(Lists::NONE.with(List::Completed).with(List::Missed), None, 5),
        view(Lists::ALL, Some(1), 3),
        View { filter: Filter::new(one, mixed), rows: 3 },
        View { filter: Filter::new(Wish::ALL, mixed), rows: 4 },
    ]
}

/// All rows that there ever were, and what is known of them where.
#[derive(Default)]
struct World {
    log: Vec<Row>,
    reported: usize,
    views: Views<Row>,
    under_way: Vec<(ReadOf, Page<Row>)>,
    /// What each who looks has.
    desks: Vec<(View, Option<BTreeMap<u8, Row>>)>,
    snapshots: usize,
    told: usize,
}

impl World {
    /// The first rows of a view among the rows as they were at a position.
    fn plain(&self, view: &View, position: u64, rows: usize) -> Vec<Row> {
        let latest: BTreeMap<u8, Row> = self
            .log
            .iter()
            .filter(|row| row.position <= position)
            .map(|row| (row.conversation, *row))
            .collect();
        let mut shown: Vec<Row> = latest
            .into_values()
            .filter(|row| view.filter.shows(row.profile(), row.list, row.member()))
            .collect();
        shown.sort_by_key(Row::place);
        shown.truncate(rows);
        shown
    }

    fn happen(&mut self, happens: &Happens) {
        match *happens {
            Happens::Change(conversation, by, list, member) => {
                let last = self.log.iter().rev().find(|row| row.conversation == conversation);
                let newest = self.log.last().map_or(0, |row| row.at);
                let at = last.map_or(newest, |row| row.at).max(newest - 40) + by;
                let position = self.log.len() as u64 + 1;
                self.log.push(Row { conversation, at, list: List::ALL[list], member, position });
            }
            Happens::Report => self.report(),
            Happens::Flush => self.flush(),
            Happens::Read => {
                let position = self.log.len() as u64;
                for of in self.views.to_read() {
                    let view = &of.view;
                    let mut rows = self.plain(view, position, view.rows_read() + 1);
                    let is_whole = rows.len() <= view.rows_read();
                    rows.truncate(view.rows_read());
                    let rows = rows.into_iter().map(Arc::new).collect();
                    self.under_way.push((of, Page { rows, is_whole, position }));
                }
            }
            Happens::Arrive => {
                for (of, page) in std::mem::take(&mut self.under_way) {
                    self.views.read(of, page);
                }
                self.snapshots();
            }
            Happens::Look(at) => {
                let view = views()[at].clone();
                self.views.look(&view);
                self.desks.push((view, None));
                self.snapshots();
            }
            Happens::Leave => {
                if !self.desks.is_empty() {
                    self.desks.remove(0);
                }
                let looked: Vec<View> = self.desks.iter().map(|(view, _)| view.clone()).collect();
                self.views.retain(|view| looked.contains(view));
            }
        }
    }

    fn report(&mut self) {
        for row in &self.log[self.reported..] {
            self.views.changed(Arc::new(*row));
        }
        self.reported = self.log.len();
    }

    /// Everybody has the first rows of their view, as they are where it is true.
    fn flush(&mut self) {
        let deltas = self.views.flush();
        for (view, has) in &mut self.desks {
            let (Some(has), Some(delta)) = (has, deltas.get(view)) else { continue };
            assert!(!delta.rows.is_empty() || !delta.gone.is_empty());
            assert!(delta.rows.len() <= view.rows && delta.gone.len() <= view.rows);
            self.told += 1;
            has.retain(|_, row| !delta.gone.contains(&row.place().conversation()));
            has.extend(delta.rows.iter().map(|row| (row.conversation, **row)));
        }
        self.snapshots();
        self.check();
    }

    fn snapshots(&mut self) {
        for (view, has) in self.desks.iter_mut().filter(|(_, has)| has.is_none()) {
            let shown = self.views.shown(view);
            self.snapshots += usize::from(shown.is_some());
            *has = shown.map(|rows| rows.iter().map(|row| (row.conversation, **row)).collect());
        }
    }

    fn check(&self) {
        for (view, has) in &self.desks {
            let window = &self.views.windows[view];
            let (Some(has), Reading::No) = (has, &window.reading) else { continue };
            let position = window.since.max(self.reported as u64);
            let mut has: Vec<Row> = has.values().copied().collect();
            has.sort_by_key(Row::place);
            assert_eq!(has, self.plain(view, position, view.rows), "{view:?} at {position}");
        }
    }

    /// Nothing more happens: everybody has what there is.
    fn settle(&mut self) {
        for _ in 0..4 {
            self.report();
            for happens in [Happens::Flush, Happens::Read, Happens::Arrive, Happens::Flush] {
                self.happen(&happens);
            }
        }
        for (view, has) in &self.desks {
            assert!(matches!(self.views.windows[view].reading, Reading::No) && has.is_some(), "{view:?}");
        }
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whoever_looks_has_the_first_rows_of_a_plain_sort_after_each_flush(
        steps in prop::collection::vec(happens(), 1..160),
    ) {
        let mut world = World::default();
        world.happen(&Happens::Look(0));
        for step in &steps {
            world.happen(step);
        }
        world.settle();
    }
}

#[test]
fn a_row_that_changes_often_is_told_once_and_one_outside_not_at_all() {
    let mut world = World::default();
    for conversation in 0..20 {
        world.happen(&Happens::Change(conversation, 10, 1, None));
    }
    world.happen(&Happens::Look(0));
    world.settle();
    for _ in 0..1_000 {
        // The last of all stays where it is.
        let row = Row { position: world.log.len() as u64 + 1, ..world.log[0] };
        world.log.push(row);
        world.happen(&Happens::Change(19, 1, 1, None));
        world.report();
    }
    let delta = world.views.flush().remove(&views()[0]).unwrap();
    assert_eq!((delta.rows.len(), delta.rows[0].position, delta.gone.len()), (1, 1_020 + 1_000, 0));
    assert!(world.views.flush().is_empty());
    assert!(world.views.to_read().is_empty());
}

#[test]
fn a_window_is_read_again_only_when_as_many_have_left_as_were_kept_in_reserve() {
    let mut world = World::default();
    for conversation in 0..20 {
        world.happen(&Happens::Change(conversation, 1, 1, None));
    }
    world.happen(&Happens::Look(2));
    world.settle();
    let view = &views()[2];
    for left in 1..=4_u8 {
        world.happen(&Happens::Change(20 - left, 1, 3, None));
        world.report();
        world.flush();
        assert_eq!(world.views.to_read().len(), usize::from(usize::from(left) > view.rows), "{left}");
    }
}

#[test]
fn more_changes_than_are_kept_have_every_window_read_anew() {
    let mut views: Views<Wide> = Views::default();
    let view = View { filter: Filter::new(Wish::ALL, [(profile(0), None)]), rows: 2 };
    views.look(&view);
    let of = views.to_read().remove(0);
    views.read(of, Page { rows: Vec::new(), is_whole: true, position: 0 });
    for n in 0..=CHANGED_ROWS_MAX as u64 {
        views.changed(Arc::new(Wide(n + 1)));
    }
    assert!(views.flush().is_empty());
    assert_eq!(views.to_read().into_iter().map(|of| of.view).collect::<Vec<_>>(), [view]);
}

/// A row of a conversation of its own.
#[derive(Debug, PartialEq, Eq)]
struct Wide(u64);

impl Listed for Wide {
    fn place(&self) -> ListPlace {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.0.to_be_bytes());
        ListPlace::new(Timestamp::from_millis(0), ConversationId::from_bytes(id))
    }

    fn profile(&self) -> ProfileId {
        profile(0)
    }

    fn list(&self) -> List {
        List::Waiting
    }

    fn member(&self) -> Option<MemberId> {
        None
    }

    fn position(&self) -> u64 {
        self.0
    }
}
