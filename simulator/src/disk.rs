//! The disk: what is durable, what is being written, and what is in doubt after a failure.
//!
//! Owns the truth. A commit is one checksummed block: it survives a crash whole or not at all. One that
//! failed is in doubt until the next segment begins, which says that it never was. Must not know who
//! writes or reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard::domain::consultation::How;
use switchboard::domain::conversation::{Conversation, Entry, What};
use switchboard::domain::identity::{CustomerKey, Reader};
use switchboard::domain::workspace::WorkspaceEntry;
use switchboard_protocol::vocabulary::{ConversationId, MemberId, Seq, WorkspaceId};

/// The disk. It survives a crash.
pub(crate) struct Disk {
    workspace: WorkspaceId,
    durable: BTreeMap<ConversationId, Vec<Arc<Entry>>>,
    writing: Option<Vec<Record>>,
    in_doubt: Vec<Record>,
    snapshots: BTreeMap<ConversationId, Conversation>,
    /// The conversation of each customer that began last.
    latest: BTreeMap<CustomerKey, ConversationId>,
    /// Who was ever assigned something automatically, whoever was last at the end.
    turns: Vec<MemberId>,
}

/// What is written.
#[derive(Clone)]
pub(crate) enum Record {
    Conversation(Arc<Entry>),
    /// Of the settings. What they come to is the world's to know.
    Workspace(Arc<WorkspaceEntry>),
}

impl Record {
    /// Its place in its stream.
    pub(crate) fn revision(&self) -> u64 {
        match self {
            Self::Conversation(entry) => entry.revision,
            Self::Workspace(entry) => entry.revision,
        }
    }
}

/// What is found of a commit after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survival {
    /// All of it.
    Whole,
    /// A torn block, which is cut off.
    Torn,
}

impl Disk {
    pub(crate) const fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            durable: BTreeMap::new(),
            writing: None,
            in_doubt: Vec::new(),
            snapshots: BTreeMap::new(),
            latest: BTreeMap::new(),
            turns: Vec::new(),
        }
    }

    /// A commit is being written. After a failed one it goes to a new segment.
    pub(crate) fn begin(&mut self, commit: Vec<Record>) {
        self.begin_segment();
        self.writing = Some(commit);
    }

    pub(crate) const fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// How many entries are being written.
    pub(crate) fn writing(&self) -> usize {
        self.writing.as_ref().map_or(0, Vec::len)
    }

    /// Whether more may be on it than is known.
    pub(crate) const fn is_in_doubt(&self) -> bool {
        !self.in_doubt.is_empty()
    }

    /// Nothing of the commit has been written.
    pub(crate) fn forget(&mut self) {
        self.writing = None;
    }

    /// The write and its sync have succeeded. Returns what is durable by it.
    pub(crate) fn complete(&mut self) -> Vec<Record> {
        let commit = self.writing.take().unwrap_or_default();
        self.keep(&commit);
        commit
    }

    /// The write or its sync has failed.
    pub(crate) fn fail(&mut self) {
        self.in_doubt = self.writing.take().unwrap_or_default();
    }

    /// A new segment begins: what was in doubt is gone for good.
    pub(crate) fn begin_segment(&mut self) {
        self.in_doubt.clear();
    }

    /// The process ends here. Returns what had been on its way and turns out to be durable.
    pub(crate) fn crash(&mut self, survival: Survival) -> Vec<Record> {
        let in_doubt = std::mem::take(&mut self.in_doubt);
        let last = self.writing.take().unwrap_or(in_doubt);
        let found = match survival {
            Survival::Whole => last,
            Survival::Torn => Vec::new(),
        };
        self.keep(&found);
        found
    }

    /// Which conversation of a customer began last.
    pub(crate) fn latest_of(&self, customer: &CustomerKey) -> Option<ConversationId> {
        self.latest.get(customer).copied()
    }

    /// Who was ever assigned something automatically, whoever was last at the end.
    pub(crate) fn turns(&self) -> &[MemberId] {
        &self.turns
    }

    /// The conversations that have begun.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = ConversationId> {
        self.durable.keys().copied()
    }

    /// The durable entries of a conversation.
    pub(crate) fn entries(&self, conversation: ConversationId) -> &[Arc<Entry>] {
        self.durable.get(&conversation).map_or(&[], Vec::as_slice)
    }

    /// The sum of the durable entries, from the first one on.
    pub(crate) fn replay(&self, conversation: ConversationId) -> Conversation {
        let mut state = Conversation::new(self.workspace, conversation);
        self.entries(conversation).iter().for_each(|entry| state.apply(entry));
        state
    }

    /// The same by way of the snapshot, if there is one that is not ahead.
    pub(crate) fn load(&self, conversation: ConversationId) -> Conversation {
        let entries = self.entries(conversation);
        match self.snapshots.get(&conversation) {
            Some(snapshot) if snapshot.revision <= entries.len() as u64 => {
                let mut state = snapshot.clone();
                entries.iter().skip(snapshot.revision as usize).for_each(|entry| state.apply(entry));
                state
            }
            Some(_) | None => self.replay(conversation),
        }
    }

    pub(crate) fn keep_snapshot(&mut self, state: Conversation) {
        self.snapshots.insert(state.id, state);
    }

    /// The durable entries with events that this reader sees after a sequence, at most so many.
    pub(crate) fn read_after(
        &self,
        conversation: ConversationId,
        reader: Reader,
        after: Seq,
        entries_max: usize,
    ) -> Vec<Arc<Entry>> {
        let unseen = |entry: &&Arc<Entry>| entry.seen_by(reader).any(|seen| seen.seq > after);
        self.entries(conversation).iter().filter(unseen).take(entries_max).cloned().collect()
    }

    /// The durable entries with the last events that this reader sees before a sequence.
    pub(crate) fn read_before(
        &self,
        conversation: ConversationId,
        reader: Reader,
        before: Option<Seq>,
        entries_max: usize,
    ) -> Vec<Arc<Entry>> {
        let wanted = |entry: &&Arc<Entry>| {
            entry.seen_by(reader).any(|seen| before.is_none_or(|before| seen.seq < before))
        };
        let mut found: Vec<_> =
            self.entries(conversation).iter().rev().filter(wanted).take(entries_max).cloned().collect();
        found.reverse();
        found
    }

    fn keep(&mut self, commit: &[Record]) {
        for record in commit {
            let Record::Conversation(entry) = record else { continue };
            for event in &entry.events {
                if let What::Started { customer, .. } = &event.what {
                    self.latest.insert(customer.clone(), entry.conversation);
                }
                if let What::Assigned { member, how: How::Automatic } = event.what {
                    self.turns.retain(|other| *other != member);
                    self.turns.push(member);
                }
            }
            self.durable.entry(entry.conversation).or_default().push(Arc::clone(entry));
        }
    }
}
