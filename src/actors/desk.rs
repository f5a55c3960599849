//! The desk: a live view of the conversation lists and the status board of a workspace.
//!
//! Owns the outbox of a desk subscription, in which a later value of a row replaces an earlier one,
//! so that a busy workspace costs a slow desk nothing. A desk that falls too far behind is given a
//! fresh snapshot instead. Must not know where rows come from, or which are in its view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use switchboard_protocol::vocabulary::{ConversationId, DisplayName, MemberId, ProfileId};
use tokio::sync::Notify;

use crate::domain::listing::{List, ListPlace};
use crate::journal::ListRow;
use crate::limits;
pub use crate::machines::desk::Waiting;
pub use crate::machines::tally::{Counts, Seen, Work};
use crate::machines::views::Listed;

/// An agent on the status board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentStatus {
    /// Which member.
    pub member: MemberId,
    /// The member's name.
    pub name: DisplayName,
    /// Whether a session of theirs is live.
    pub online: bool,
    /// Whether they want to be left alone.
    pub away: bool,
    /// What they have to do.
    pub work: Work,
    /// Whether that is more than automatic assignment gives anybody.
    pub over_limit: bool,
}

/// Something that many desks are told in the same bytes.
#[derive(Debug)]
pub struct Shared<T> {
    /// What it says.
    pub value: T,
    encoded: OnceLock<Bytes>,
}

impl<T> Shared<T> {
    /// Something that is to be told.
    pub const fn new(value: T) -> Self {
        Self { value, encoded: OnceLock::new() }
    }

    /// The bytes that say it: made by whoever wants them first.
    pub fn bytes(&self, encode: impl FnOnce(&T) -> Bytes) -> Bytes {
        self.encoded.get_or_init(|| encode(&self.value)).clone()
    }
}

impl Listed for Shared<ListRow> {
    fn place(&self) -> ListPlace {
        self.value.place()
    }

    fn profile(&self) -> ProfileId {
        self.value.customer.profile
    }

    fn list(&self) -> List {
        self.value.list
    }

    fn member(&self) -> Option<MemberId> {
        self.value.member
    }

    fn position(&self) -> u64 {
        self.value.position.0
    }
}

/// All that a view shows, and the status board.
#[derive(Debug)]
pub struct Snapshot {
    /// The rows of the view.
    pub rows: Vec<Arc<Shared<ListRow>>>,
    /// Every agent.
    pub agents: Arc<[AgentStatus]>,
}

/// What has changed since a desk was told last.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Rows that are new in its view, or have changed.
    pub rows: &'a [Arc<Shared<ListRow>>],
    /// Rows that have left it.
    pub gone: &'a [ConversationId],
    /// Agents who stand otherwise.
    pub agents: &'a [Arc<Shared<AgentStatus>>],
    /// How many conversations there are now with each profile (`None`: with all together) with which there are more
    /// or fewer.
    pub counts: Seen,
}

/// What the writing task takes from a desk's outbox.
#[derive(Debug)]
pub enum DeskItem {
    /// Replaces everything before.
    Snapshot(Arc<Shared<Snapshot>>),
    /// An agent has come or gone, or has more or less to do.
    Agent(Arc<Shared<AgentStatus>>),
    /// Rows have left the view.
    Gone(Vec<ConversationId>),
    /// A row is new in the view, or has changed.
    Row(Arc<Shared<ListRow>>),
    /// How many conversations there are with a profile; `None`: with all together.
    Counts(Option<ProfileId>, Counts),
    /// The subscription has ended.
    Ended,
}

/// The outbox of a desk subscription.
#[derive(Debug, Default)]
pub struct DeskOutlet {
    held: Mutex<Held>,
    filled: Notify,
    abandoned: Notify,
}

#[derive(Debug, Default)]
struct Held {
    snapshot: Option<Arc<Shared<Snapshot>>>,
    rows: BTreeMap<ConversationId, Arc<Shared<ListRow>>>,
    gone: BTreeSet<ConversationId>,
    agents: BTreeMap<MemberId, Arc<Shared<AgentStatus>>>,
    counts: Seen,
    ended: bool,
}

impl DeskOutlet {
    /// The next item; waits for one.
    pub async fn next(&self) -> DeskItem {
        loop {
            let filled = self.filled.notified();
            if let Some(item) = self.try_next() {
                return item;
            }
            filled.await;
        }
    }

    /// The next item, if there is one. Those of the rows come before the counts that speak of them.
    pub fn try_next(&self) -> Option<DeskItem> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Some(DeskItem::Ended);
        }
        if let Some(snapshot) = waiting.snapshot.take() {
            return Some(DeskItem::Snapshot(snapshot));
        }
        if let Some((_, agent)) = waiting.agents.pop_first() {
            return Some(DeskItem::Agent(agent));
        }
        if !waiting.gone.is_empty() {
            return Some(DeskItem::Gone(std::mem::take(&mut waiting.gone).into_iter().collect()));
        }
        if let Some((_, row)) = waiting.rows.pop_first() {
            return Some(DeskItem::Row(row));
        }
        waiting.counts.pop_first().map(|(profile, counts)| DeskItem::Counts(profile, counts))
    }

    /// Gives the state of everything; what was not taken yet is in it.
    pub fn snapshot(&self, snapshot: Arc<Shared<Snapshot>>, counts: Seen) {
        let mut waiting = self.lock();
        waiting.forget();
        waiting.snapshot = Some(snapshot);
        waiting.counts = counts;
        drop(waiting);
        self.filled.notify_one();
    }

    /// Something has changed. `false`: too much waits; a snapshot is wanted instead.
    #[must_use]
    pub fn change(&self, changes: &Changes<'_>) -> bool {
        let mut waiting = self.lock();
        for row in changes.rows {
            waiting.gone.remove(&row.value.conversation);
            waiting.rows.insert(row.value.conversation, Arc::clone(row));
        }
        for conversation in changes.gone {
            waiting.rows.remove(conversation);
            waiting.gone.insert(*conversation);
        }
        for agent in changes.agents {
            waiting.agents.insert(agent.value.member, Arc::clone(agent));
        }
        waiting.counts.extend(&changes.counts);
        let rows = waiting.rows.len() + waiting.gone.len();
        let has_room = rows <= limits::DESK_ROWS_MAX && waiting.agents.len() <= limits::DESK_AGENTS_MAX;
        if !has_room {
            waiting.forget();
        }
        drop(waiting);
        self.filled.notify_one();
        has_room
    }

    /// Forgets what waits: a snapshot is given soon.
    pub fn forget(&self) {
        self.lock().forget();
    }

    /// Ends the subscription.
    pub fn close(&self) {
        self.lock().ended = true;
        self.filled.notify_one();
    }

    /// Nobody wants it any more: ends it, and forgets what waits.
    pub fn abandon(&self) {
        *self.lock() = Held { ended: true, ..Held::default() };
        self.filled.notify_one();
        self.abandoned.notify_one();
    }

    /// Waits until nobody wants it any more. For one task, which may be stuck with a client that does not read.
    pub async fn abandoned(&self) {
        self.abandoned.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing that holds the lock can panic half-way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Forgets everything, since a snapshot will have it.
    fn forget(&mut self) {
        *self = Self { ended: self.ended, ..Self::default() };
    }
}

/// The workspace's end of a desk's outbox: when it goes, also by a panic, the subscription ends.
#[derive(Debug)]
pub struct WorkspaceEnd(pub Arc<DeskOutlet>);

impl WorkspaceEnd {
    /// Whether somebody still holds the other end.
    #[must_use]
    pub fn has_reader(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl Drop for WorkspaceEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::CustomerKey;
    use crate::journal::Position;
    use switchboard_protocol::vocabulary::{CategoryPath, Platform, Seq, Timestamp, UserKey};

    fn id(conversation: u16) -> ConversationId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&conversation.to_be_bytes());
        ConversationId::from_bytes(id)
    }

    fn row(conversation: u16, position: u64) -> Arc<Shared<ListRow>> {
        Arc::new(Shared::new(ListRow {
            epoch: 0,
            conversation: id(conversation),
            customer: CustomerKey {
                profile: ProfileId::from_bytes([1; 16]),
                platform: Platform::new("web").unwrap(),
                user_key: UserKey::new("u").unwrap(),
            },
            name: None,
            list: List::WithBot,
            assignee: None,
            member: None,
            waits_since: None,
            category: CategoryPath::default(),
            ended: false,
            last_message: String::new(),
            last_at: Timestamp::from_millis(0),
            unread: 0,
            seq: Seq::ZERO,
            position: Position(position),
        }))
    }

    fn snapshot(rows: Vec<Arc<Shared<ListRow>>>) -> Arc<Shared<Snapshot>> {
        Arc::new(Shared::new(Snapshot { rows, agents: Arc::default() }))
    }

    /// What is taken, in short.
    fn taken(outlet: &DeskOutlet) -> Vec<String> {
        let items = std::iter::from_fn(|| outlet.try_next());
        items
            .map(|item| match item {
                DeskItem::Snapshot(snapshot) => format!("snapshot of {}", snapshot.value.rows.len()),
                DeskItem::Agent(agent) => format!("agent {}", agent.value.online),
                DeskItem::Gone(gone) => format!("{} gone", gone.len()),
                DeskItem::Row(row) => format!("row at {}", row.value.position.0),
                DeskItem::Counts(_, counts) => format!("{} wait", counts.waiting),
                DeskItem::Ended => "ended".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_snapshot_replaces_what_waits_and_what_comes_later_follows_it() {
        let outlet = DeskOutlet::default();
        let counts = |waiting| Seen::from([(None, Counts { waiting, ..Counts::default() })]);
        let early = [row(1, 5)];
        assert!(outlet.change(&Changes { rows: &early, counts: counts(1), ..Changes::default() }));
        outlet.snapshot(snapshot(vec![row(1, 7), row(2, 8)]), counts(2));
        let later = [row(2, 9)];
        assert!(outlet.change(&Changes { rows: &later, gone: &[id(1)], ..Changes::default() }));
        assert_eq!(taken(&outlet), ["snapshot of 2", "1 gone", "row at 9", "2 wait"]);
    }

    #[test]
    fn the_last_word_on_a_row_is_the_only_one() {
        let outlet = DeskOutlet::default();
        for position in 1..=100 {
            let (rows, gone) = ([row(1, position), row(2, position)], [id(1)]);
            assert!(outlet.change(&Changes { rows: &rows, ..Changes::default() }));
            assert!(outlet.change(&Changes { gone: &gone, ..Changes::default() }));
        }
        assert_eq!(taken(&outlet), ["1 gone", "row at 100"]);
        assert!(outlet.change(&Changes { gone: &[id(1)], ..Changes::default() }));
        assert!(outlet.change(&Changes { rows: &[row(1, 101)], ..Changes::default() }));
        assert_eq!(taken(&outlet), ["row at 101"]);
    }

    #[test]
    fn too_many_rows_ask_for_a_snapshot() {
        let outlet = DeskOutlet::default();
        for n in 0..limits::DESK_ROWS_MAX as u16 {
            let (rows, gone) = ([row(n, 1)], [id(n)]);
            let changes = Changes { rows: &rows, ..Changes::default() };
            assert!(outlet.change(&changes));
            assert!(n % 2 == 0 || outlet.change(&Changes { gone: &gone, ..Changes::default() }));
        }
        assert!(!outlet.change(&Changes { gone: &[id(60_000)], ..Changes::default() }));
        assert!(taken(&outlet).is_empty(), "the snapshot has it");
    }

    #[test]
    fn an_agent_waits_once_and_too_many_ask_for_a_snapshot() {
        let status = |n: u16, online| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&n.to_be_bytes());
            let (member, name) = (MemberId::from_bytes(id), DisplayName::new("Ada").unwrap());
            let work = Work::default();
            Arc::new(Shared::new(AgentStatus { member, name, online, away: false, work, over_limit: false }))
        };
        let outlet = DeskOutlet::default();
        for n in 0..10_000_u16 {
            let agents = [status(n % limits::DESK_AGENTS_MAX as u16, n % 2 == 0)];
            assert!(outlet.change(&Changes { agents: &agents, ..Changes::default() }));
        }
        assert!(!outlet.change(&Changes { agents: &[status(60_000, true)], ..Changes::default() }));
        assert!(taken(&outlet).is_empty(), "the snapshot has it");
    }

    #[test]
    fn what_many_are_told_is_encoded_once() {
        let mut times = 0;
        let row = row(1, 1);
        for _ in 0..3 {
            let bytes = row.bytes(|_| {
                times += 1;
                Bytes::from_static(b"row")
            });
            assert_eq!(bytes, "row");
        }
        assert_eq!(times, 1);
    }
}
