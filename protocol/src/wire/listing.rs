//! The lists of conversations: what is asked of them, and what the desk shows of them.
//!
//! Owns the names of the lists, the filter, the view and the counts. Must not know which list a conversation is in.

use serde::{Deserialize, Serialize};

use super::Row;
use crate::vocabulary::{MemberId, ProfileId};

/// A list: every conversation is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListName {
    /// Nobody was called, or the call was taken back so soon that it does not count.
    WithBot,
    /// An agent was called and nobody serves it yet, whether or not somebody is to.
    Waiting,
    /// An agent serves it.
    InProgress,
    /// Its last consultation was served and is over.
    Completed,
    /// Its last consultation is over, and nobody served it.
    Missed,
    /// One that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ListName {
    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Which conversations a list or a view has.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ListFilter {
    /// Those of these lists; of all when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListName>,
    /// Only those with this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// Only one's own: those that one answers for, and of those that are over the ones that one answered for last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
    /// Without those of the list `with_bot`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hide_bot: bool,
}

impl ListFilter {
    /// The conversations of one list.
    #[must_use]
    pub fn of(list: ListName) -> Self {
        Self { lists: vec![list], ..Self::default() }
    }

    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// What a desk shows of the lists: the newest conversations of a filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct DeskView {
    /// Which conversations.
    #[serde(default, skip_serializing_if = "ListFilter::is_all")]
    pub filter: ListFilter,
    /// How many rows at the most; absent: as many as there may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
}

impl DeskView {
    /// Whether it is the view of a desk that names none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How many conversations there are to see, as far as the member's lists show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListCounts {
    /// In the list `waiting`.
    pub waiting: u32,
    /// Of these, those that need this member's attention: nobody answers for them, or the member does.
    pub attention: u32,
    /// In the list `in_progress`.
    pub in_progress: u32,
}

impl Row {
    /// Whether it needs a member's attention: it waits, and nobody answers for it or the member does. No field says
    /// so, since the same bytes go to every member.
    #[must_use]
    pub fn needs_attention(&self, of: MemberId) -> bool {
        self.list == ListName::Waiting && self.assignee.is_none_or(|assignee| assignee == of)
    }
}
