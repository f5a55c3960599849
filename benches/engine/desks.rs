//! The desks of a busy workspace: what a message costs, and what a turn does.
//!
//! Owns 500 conversations of which two messages each come between two turns, and agents who all look at the same
//! view or each at one of their own. Must not know how rows are read or where bytes go.

use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use switchboard::actors::desk::{Changes, DeskItem, DeskOutlet, Shared};
use switchboard::domain::identity::CustomerKey;
use switchboard::domain::listing::{Filter, List, Wish};
use switchboard::journal::{ListRow, Position};
use switchboard::machines::views::{Listed as _, Page, View, Views};
use switchboard_protocol::vocabulary::{
    CategoryPath, ConversationId, MemberId, Platform, ProfileId, Seq, Timestamp, UserKey,
};
use switchboard_protocol::wire::{DeskFrame, ListName, Row, encode_frame};

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("desks");
    for desks in [1, 10, 100] {
        for (name, own) in [("one view", false), ("own views", true)] {
            let mut workspace = Workspace::new(desks, own);
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(format!("message/{name}"), desks), |bench| {
                bench.iter(|| workspace.message());
            });
            group.throughput(Throughput::Elements(MESSAGES));
            group.bench_function(
                BenchmarkId::new(format!("1000 messages and a turn/{name}"), desks),
                |bench| {
                    bench.iter(|| {
                        (0..MESSAGES).for_each(|_| workspace.message());
                        workspace.turn()
                    });
                },
            );
        }
    }
    group.finish();
}

/// A workspace with its desks.
struct Workspace {
    views: Views<Shared<ListRow>>,
    desks: Vec<(View, DeskOutlet)>,
    messages: u64,
}

impl Workspace {
    fn new(desks: usize, own: bool) -> Self {
        let mut views = Views::default();
        let desks: Vec<_> = (0..desks)
            .map(|number| {
                let of = own.then(|| member(number as u64));
                let filter = Filter::new(Wish::ALL, [(row(0, 0).customer.profile, of)]);
                (View { filter, rows: 48 }, DeskOutlet::default())
            })
            .collect();
        desks.iter().for_each(|(view, _)| views.look(view));
        for of in views.to_read() {
            let rows = (0..CONVERSATIONS).map(|number| row(number, 0));
            let rows = rows.filter(|row| of.view.filter.shows(row.customer.profile, row.list, row.member));
            let mut rows: Vec<_> = rows.map(|row| Arc::new(Shared::new(row))).collect();
            rows.sort_by_key(|row| row.place());
            let is_whole = rows.len() <= of.view.rows_read();
            rows.truncate(of.view.rows_read());
            views.read(of, Page { rows, is_whole, position: 0 });
        }
        Self { views, desks, messages: 0 }
    }

    /// A message has changed a row.
    fn message(&mut self) {
        self.messages += 1;
        let number = self.messages % CONVERSATIONS;
        self.views.changed(Arc::new(Shared::new(row(number, self.messages))));
    }

    /// Every desk is told, and what it is told is encoded. Returns how many bytes that is.
    fn turn(&mut self) -> usize {
        let deltas = self.views.flush();
        let mut bytes = 0;
        for (view, outlet) in &self.desks {
            if let Some(delta) = deltas.get(view) {
                let changes = Changes { rows: &delta.rows, gone: &delta.gone, ..Changes::default() };
                assert!(outlet.change(&changes));
            }
            while let Some(item) = outlet.try_next() {
                bytes += match item {
                    DeskItem::Row(row) => row.bytes(encoded).len(),
                    DeskItem::Gone(gone) => 16 * gone.len(),
                    DeskItem::Snapshot(_) | DeskItem::Agent(_) | DeskItem::Counts(..) | DeskItem::Ended => 0,
                };
            }
        }
        bytes
    }
}

fn encoded(row: &ListRow) -> Bytes {
    encode_frame(&DeskFrame::Row(Row {
        conversation: row.conversation,
        profile: row.customer.profile,
        platform: row.customer.platform.clone(),
        user_key: row.customer.user_key.clone(),
        list: ListName::InProgress,
        assignee: row.assignee,
        answered: None,
        waits_since: row.waits_since,
        category: row.category.clone(),
        ended: row.ended,
        last_message: row.last_message.clone(),
        last_at: row.last_at,
        unread: 1,
        seq: row.seq,
        epoch: 1,
        name: None,
    }))
    .unwrap()
}

fn row(number: u64, position: u64) -> ListRow {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let assignee = Some(member(number % 100));
    ListRow {
        conversation: ConversationId::from_bytes(id),
        customer: CustomerKey {
            profile: ProfileId::from_bytes([1; 16]),
            platform: Platform::new("web").unwrap(),
            user_key: UserKey::new(format!("customer-{number}")).unwrap(),
        },
        list: List::InProgress,
        assignee,
        member: assignee,
        waits_since: None,
        category: CategoryPath::default(),
        ended: false,
        last_message: "Good morning, I have not received the parcel that I ordered last week.".to_owned(),
        last_at: Timestamp::from_millis(1_700_000_000_000 + position as i64),
        unread: 1,
        seq: Seq::new(position).unwrap(),
        epoch: 1,
        name: None,
        position: Position(position),
    }
}

fn member(number: u64) -> MemberId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MemberId::from_bytes(id)
}

const CONVERSATIONS: u64 = 500;

/// Between two turns.
const MESSAGES: u64 = 1_000;
