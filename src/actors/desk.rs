//! The desk: the live conversation list and the status board of a workspace.
//!
//! Owns the outbox of a desk subscription, in which a later value of a row replaces an earlier one,
//! so that a busy workspace costs a slow desk nothing. A desk that falls too far behind is given a
//! fresh snapshot instead. Must not know where rows come from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard_protocol::vocabulary::{ConversationId, DisplayName, MemberId};
use tokio::sync::Notify;

use crate::journal::ListRow;
use crate::limits;
pub use crate::machines::desk::Waiting;
pub use crate::machines::dispatch::Work;

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
}

/// What the writing task takes from a desk's outbox.
#[derive(Debug, PartialEq, Eq)]
pub enum DeskItem {
    /// Replaces everything before.
    Snapshot(Vec<ListRow>, Arc<[AgentStatus]>),
    /// A row is new or has changed.
    Row(ListRow),
    /// An agent has come or gone, or has more or less to do.
    Agent(AgentStatus),
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
    /// No snapshot has come yet: rows are kept until it does.
    begun: bool,
    snapshot: Option<(Vec<ListRow>, Arc<[AgentStatus]>)>,
    rows: BTreeMap<ConversationId, ListRow>,
    agents: BTreeMap<MemberId, AgentStatus>,
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

    /// The next item, if there is one.
    pub fn try_next(&self) -> Option<DeskItem> {
        let mut waiting = self.lock();
        if waiting.ended {
            return Some(DeskItem::Ended);
        }
        if !waiting.begun {
            return None;
        }
        if let Some((rows, agents)) = waiting.snapshot.take() {
            return Some(DeskItem::Snapshot(rows, agents));
        }
        if let Some((_, agent)) = waiting.agents.pop_first() {
            return Some(DeskItem::Agent(agent));
        }
        waiting.rows.pop_first().map(|(_, row)| DeskItem::Row(row))
    }

    /// Gives the state of everything; rows that are newer stay behind it.
    pub fn snapshot(&self, rows: Vec<ListRow>, agents: Arc<[AgentStatus]>) {
        let mut waiting = self.lock();
        for row in &rows {
            let newer = waiting.rows.get(&row.conversation).is_some_and(|kept| kept.position > row.position);
            if !newer {
                waiting.rows.remove(&row.conversation);
            }
        }
        waiting.agents.clear();
        waiting.snapshot = Some((rows, agents));
        waiting.begun = true;
        drop(waiting);
        self.filled.notify_one();
    }

    /// A row has changed. `false`: too many wait; a snapshot is wanted instead.
    #[must_use]
    pub fn row(&self, row: ListRow) -> bool {
        let mut waiting = self.lock();
        if waiting.rows.len() >= limits::DESK_ROWS_MAX && !waiting.rows.contains_key(&row.conversation) {
            waiting.begin_anew();
            return false;
        }
        waiting.rows.insert(row.conversation, row);
        drop(waiting);
        self.filled.notify_one();
        true
    }

    /// An agent has come or gone, or has more or less to do. `false`: too many wait; a snapshot is wanted instead.
    #[must_use]
    pub fn agent(&self, status: AgentStatus) -> bool {
        let mut waiting = self.lock();
        if waiting.agents.len() >= limits::DESK_AGENTS_MAX && !waiting.agents.contains_key(&status.member) {
            waiting.begin_anew();
            return false;
        }
        waiting.agents.insert(status.member, status);
        drop(waiting);
        self.filled.notify_one();
        true
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
    fn begin_anew(&mut self) {
        self.rows.clear();
        self.agents.clear();
        self.snapshot = None;
        self.begun = false;
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
    use switchboard_protocol::vocabulary::{Platform, ProfileId, Seq, Timestamp, UserKey};

    fn row(conversation: u16, position: u64) -> ListRow {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&conversation.to_be_bytes());
        ListRow {
            epoch: 0,
            conversation: ConversationId::from_bytes(id),
            customer: CustomerKey {
                profile: ProfileId::from_bytes([1; 16]),
                platform: Platform::new("web").unwrap(),
                user_key: UserKey::new("u").unwrap(),
            },
            name: None,
            assignee: None,
            ended: false,
            last_message: String::new(),
            last_at: Timestamp::from_millis(0),
            unread: 0,
            seq: Seq::ZERO,
            position: Position(position),
        }
    }

    #[test]
    fn nothing_goes_out_before_the_snapshot_and_nothing_old_after_it() {
        let outlet = DeskOutlet::default();
        assert!(outlet.row(row(1, 5)) && outlet.row(row(2, 9)));
        assert_eq!(outlet.try_next(), None);
        outlet.snapshot(vec![row(1, 7), row(2, 8)], Arc::default());
        assert_eq!(outlet.try_next(), Some(DeskItem::Snapshot(vec![row(1, 7), row(2, 8)], Arc::default())));
        assert_eq!(outlet.try_next(), Some(DeskItem::Row(row(2, 9))));
        assert_eq!(outlet.try_next(), None);
    }

    #[test]
    fn a_row_waits_once_and_too_many_ask_for_a_snapshot() {
        let outlet = DeskOutlet::default();
        outlet.snapshot(Vec::new(), Arc::default());
        outlet.try_next();
        for position in 1..=10_000 {
            assert!(outlet.row(row(1, position)));
        }
        for conversation in 2..=limits::DESK_ROWS_MAX as u16 {
            assert!(outlet.row(row(conversation, 1)));
        }
        assert!(!outlet.row(row(60_000, 1)));
        assert_eq!(outlet.try_next(), None, "the snapshot comes first");
    }

    #[test]
    fn an_agent_waits_once_and_too_many_ask_for_a_snapshot() {
        let status = |n: u16, online| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&n.to_be_bytes());
            let (member, name) = (MemberId::from_bytes(id), DisplayName::new("Ada").unwrap());
            AgentStatus { member, name, online, away: false, work: Work::default() }
        };
        let outlet = DeskOutlet::default();
        outlet.snapshot(Vec::new(), Arc::default());
        outlet.try_next();
        for n in 0..10_000_u16 {
            assert!(outlet.agent(status(n % limits::DESK_AGENTS_MAX as u16, n % 2 == 0)));
        }
        assert!(!outlet.agent(status(60_000, true)));
        assert_eq!(outlet.try_next(), None, "the snapshot comes first");
        outlet.snapshot(Vec::new(), Arc::default());
        assert!(outlet.try_next().is_some_and(|item| matches!(item, DeskItem::Snapshot(..))));
        assert_eq!(outlet.try_next(), None, "it has what waited");
    }
}
