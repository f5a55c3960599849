//! What a desk shows, put together from its updates.
//!
//! Owns the order of rows and what each update does to them. Must not know how updates arrive.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::{MemberId, ProfileId};
use switchboard_protocol::wire::{AgentStatus, ListCounts, ListName, Row};

use crate::subscription::DeskUpdate;

/// A desk as it stands after the updates that it was given.
///
/// Between two updates of the same moment it may have a row more than its view; after the last of them it has
/// exactly the view's.
#[derive(Debug, Clone, Default)]
pub struct DeskState {
    rows: Vec<Row>,
    agents: Vec<AgentStatus>,
    counts: ListCounts,
    /// Of each with which there are any.
    profiles: BTreeMap<ProfileId, ListCounts>,
}

impl DeskState {
    /// Adds an update.
    pub fn apply(&mut self, update: DeskUpdate) {
        match update {
            DeskUpdate::Snapshot { rows, agents } => {
                self.rows = rows;
                self.rows.sort_by_key(place);
                self.agents = agents;
                self.profiles.clear();
            }
            DeskUpdate::Row(row) => {
                self.rows.retain(|known| known.conversation != row.conversation);
                let at = self.rows.partition_point(|known| place(known) < place(&row));
                self.rows.insert(at, row);
            }
            DeskUpdate::Gone(gone) => self.rows.retain(|row| !gone.contains(&row.conversation)),
            DeskUpdate::Counts(counts) => self.counts = counts,
            DeskUpdate::ProfileCounts { profile, counts } if counts == ListCounts::default() => {
                self.profiles.remove(&profile);
            }
            DeskUpdate::ProfileCounts { profile, counts } => {
                self.profiles.insert(profile, counts);
            }
            DeskUpdate::Agent(agent) => {
                match self.agents.iter_mut().find(|known| known.member == agent.member) {
                    Some(known) => *known = agent,
                    None => self.agents.push(agent),
                }
            }
        }
    }

    /// The rows of the view, newest activity first.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The agents of the workspace.
    #[must_use]
    pub fn agents(&self) -> &[AgentStatus] {
        &self.agents
    }

    /// One of them.
    #[must_use]
    pub fn agent(&self, member: MemberId) -> Option<&AgentStatus> {
        self.agents.iter().find(|agent| agent.member == member)
    }

    /// Whether a conversation is kept for somebody who is not there: its customer waits for them. Until their time of
    /// grace is over, and after it if the team's setting is that what is in progress stays theirs.
    #[must_use]
    pub fn is_kept(&self, row: &Row) -> bool {
        let is_served = matches!(row.list, ListName::Waiting | ListName::InProgress);
        is_served && row.assignee.and_then(|member| self.agent(member)).is_some_and(|agent| !agent.online)
    }

    /// How many conversations there are to see.
    #[must_use]
    pub const fn counts(&self) -> ListCounts {
        self.counts
    }

    /// How many of them are with a profile. It has calls that nobody has seen to while `attention` is not zero.
    #[must_use]
    pub fn counts_with(&self, profile: ProfileId) -> ListCounts {
        self.profiles.get(&profile).copied().unwrap_or_default()
    }
}

/// The place of a row: newest activity first, then by conversation.
fn place(row: &Row) -> impl Ord + use<> {
    (std::cmp::Reverse(row.last_at), row.conversation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_protocol::vocabulary::{
        CategoryPath, ConversationId, DisplayName, Platform, Seq, Timestamp, UserKey,
    };

    fn row(conversation: u8, last_at: i64) -> Row {
        Row {
            conversation: ConversationId::from_bytes([conversation; 16]),
            profile: ProfileId::from_bytes([1; 16]),
            platform: Platform::new("web").unwrap(),
            user_key: UserKey::new("u").unwrap(),
            list: ListName::Waiting,
            assignee: None,
            answered: None,
            waits_since: None,
            category: CategoryPath::default(),
            ended: false,
            last_message: String::new(),
            last_at: Timestamp::from_millis(last_at),
            unread: 0,
            seq: Seq::ZERO,
            epoch: 0,
            name: None,
        }
    }

    #[test]
    fn what_is_kept_for_somebody_who_is_not_there_is_marked() {
        let member = |n| MemberId::from_bytes([n; 16]);
        let agent = |n, online| AgentStatus {
            member: member(n),
            name: DisplayName::new("Ada").unwrap(),
            online,
            away: false,
            waiting: 0,
            in_progress: 0,
            over_limit: false,
        };
        let mut desk = DeskState::default();
        desk.apply(DeskUpdate::Snapshot { rows: Vec::new(), agents: vec![agent(1, true), agent(2, false)] });
        let served = |list, assignee| Row { list, assignee, ..row(1, 10) };
        for (kept, list, assignee) in [
            (true, ListName::InProgress, Some(member(2))),
            (true, ListName::Waiting, Some(member(2))),
            (false, ListName::InProgress, Some(member(1))),
            (false, ListName::Waiting, None),
            (false, ListName::Completed, Some(member(2))),
        ] {
            assert_eq!(desk.is_kept(&served(list, assignee)), kept, "{list:?} {assignee:?}");
        }
        desk.apply(DeskUpdate::Agent(agent(2, true)));
        assert!(!desk.is_kept(&served(ListName::InProgress, Some(member(2)))), "they are back");
    }

    #[test]
    fn rows_move_to_their_place_and_leave_it() {
        let mut desk = DeskState::default();
        let counts = ListCounts { waiting: 3, attention: 1, in_progress: 0 };
        let rows = vec![row(1, 10), row(2, 20)];
        desk.apply(DeskUpdate::Snapshot { rows, agents: Vec::new() });
        desk.apply(DeskUpdate::Counts(counts));
        desk.apply(DeskUpdate::Row(row(3, 15)));
        desk.apply(DeskUpdate::Row(row(1, 30)));
        assert_eq!(desk.rows(), [row(1, 30), row(2, 20), row(3, 15)]);
        desk.apply(DeskUpdate::Gone(vec![ConversationId::from_bytes([2; 16])]));
        assert_eq!((desk.rows(), desk.counts()), (&[row(1, 30), row(3, 15)][..], counts));
        let with = |n| ProfileId::from_bytes([n; 16]);
        let of_one = |counts| DeskUpdate::ProfileCounts { profile: with(1), counts };
        desk.apply(of_one(counts));
        assert_eq!((desk.counts_with(with(1)), desk.counts_with(with(2))), (counts, ListCounts::default()));
        desk.apply(of_one(ListCounts::default()));
        assert_eq!(desk.counts_with(with(1)), ListCounts::default());
        desk.apply(of_one(counts));
        desk.apply(DeskUpdate::Snapshot { rows: Vec::new(), agents: Vec::new() });
        assert_eq!(desk.counts_with(with(1)), ListCounts::default(), "those of a snapshot follow it");
        assert!(desk.rows().is_empty());
    }
}
