//! States: conversations and workspaces as the sum of their durable entries.
//!
//! Owns replay, and the check that entries follow on one another: a state is whole or it is an error.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::ReadFault;
use crate::domain::conversation::{Conversation, Entry};
use crate::domain::customer::Known;
use crate::domain::identity::CustomerKey;
use crate::domain::workspace::Workspace;
use crate::journal::fold::{Folds, keys, pieces};
use crate::journal::stored::{
    CurrentConversation, Damaged, Page, StoredError, decode_conversation, decode_entry, decode_workspace,
    decode_workspace_entry,
};
use crate::journal::tail::TailRecord;
use crate::journal::{Customer, Stream, Workspaces};

/// The durable state of a conversation; revision 0 if it has no entry.
pub(in crate::journal) fn load_conversation(
    folds: &Folds,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<Conversation, ReadFault> {
    let stream = Stream::Conversation(workspace, id);
    let _held = folds.hold();
    let tail = folds.tail.of(stream);
    check_damage(folds, stream)?;
    let snapshot = pieces::read(&folds.store, &keys::snapshot(workspace, id))?;
    // A snapshot is a cache: one that cannot be used is as good as none.
    let snapshot = snapshot.and_then(|bytes| decode_conversation(workspace, id, &bytes).ok());
    if let Some(Ok(state)) = snapshot.map(|state| replay(folds, state, &tail)) {
        return Ok(state);
    }
    replay(folds, Conversation::new(workspace, id), &tail)
}

/// Applies everything durable that comes after a state.
fn replay(folds: &Folds, state: Conversation, tail: &[TailRecord]) -> Result<Conversation, ReadFault> {
    let (workspace, id, begun) = (state.workspace, state.id, state.revision);
    let mut replay = Replay { state, last: tail.last().map_or(0, |record| record.revision) };
    let pages = keys::pages(workspace, id);
    let from = folds.store.at_or_before(&pages, &keys::page(workspace, id, begun + 1))?;
    if let Some((from, _)) = from {
        for pair in folds.store.scan(&pages, &from) {
            let (_, value) = pair?;
            let page = Page::decode(&value)?;
            replay.last = replay.last.max(page.last);
            if page.last == replay.state.revision && page.after != replay.state.last {
                return Err(ReadFault::Damaged { revision: begun, reason: "another state".to_owned() });
            }
            for (bytes, revision) in page.entries.iter().zip(page.first..) {
                replay.add(revision, bytes)?;
            }
        }
    }
    for record in tail {
        replay.add(record.revision, &record.payload)?;
    }
    let Replay { state, last } = replay;
    if state.revision > last {
        let reason = "the state has more than is durable".to_owned();
        return Err(ReadFault::Damaged { revision: state.revision, reason });
    }
    Ok(state)
}

struct Replay {
    state: Conversation,
    /// The last durable revision that was met.
    last: u64,
}

impl Replay {
    fn add(&mut self, revision: u64, bytes: &[u8]) -> Result<(), ReadFault> {
        let next = self.state.revision + 1;
        if revision < next {
            return Ok(());
        }
        let entry = decode_entry(self.state.id, bytes);
        let entry = entry.map_err(|error| ReadFault::Damaged { revision, reason: error.to_string() })?;
        self.check(next, &entry)?;
        self.state.apply(&entry);
        Ok(())
    }

    fn check(&self, next: u64, entry: &Entry) -> Result<(), ReadFault> {
        let reason = if entry.revision != next {
            format!("it is missing: revision {} follows", entry.revision)
        } else if entry.before != self.state.last {
            "its sequences do not follow on those before".to_owned()
        } else {
            return Ok(());
        };
        Err(ReadFault::Damaged { revision: next, reason })
    }
}

/// The durable state of a workspace; revision 0 if it has no entry.
pub(in crate::journal) fn load_workspace(folds: &Folds, id: WorkspaceId) -> Result<Workspace, ReadFault> {
    let _held = folds.hold();
    held_workspace(folds, id)
}

fn held_workspace(folds: &Folds, id: WorkspaceId) -> Result<Workspace, ReadFault> {
    let stream = Stream::Workspace(id);
    let tail = folds.tail.of(stream);
    check_damage(folds, stream)?;
    let stored = pieces::read(&folds.store, &keys::workspace(id))?;
    let stored = stored.map(|bytes| decode_workspace(id, &bytes)).transpose()?;
    let mut state = stored.unwrap_or_else(|| Workspace::new(id));
    for record in tail {
        let next = state.revision + 1;
        if record.revision < next {
            continue;
        }
        let entry = decode_workspace_entry(id, &record.payload);
        let entry = entry.map_err(|error| damaged(record.revision, &error))?;
        if entry.revision != next {
            return Err(ReadFault::Damaged { revision: next, reason: "it is missing".to_owned() });
        }
        state.apply(&entry);
    }
    Ok(state)
}

/// Every workspace that was created.
pub(in crate::journal) fn workspaces(folds: &Folds) -> Result<Workspaces, ReadFault> {
    let _held = folds.hold();
    let mut ids: BTreeSet<WorkspaceId> = folds.tail.workspaces().into_iter().collect();
    for pair in folds.store.scan(keys::WORKSPACES, keys::WORKSPACES) {
        ids.extend(keys::workspace_of(&pair?.0));
    }
    let mut found = Workspaces::default();
    for id in ids {
        match held_workspace(folds, id) {
            Ok(workspace) if workspace.name.is_some() => found.sound.push(workspace),
            Ok(_) => {}
            // One damaged workspace is no reason to have none; opening it says what is wrong.
            Err(ReadFault::Damaged { .. } | ReadFault::Stored(_)) => {
                tracing::error!(workspace = %id, "damaged, and left out");
                found.damaged.push(id);
            }
            Err(fault @ ReadFault::Store(_)) => return Err(fault),
        }
    }
    Ok(found)
}

/// The conversation that a customer has now.
pub(in crate::journal) fn find_conversation(
    folds: &Folds,
    workspace: WorkspaceId,
    customer: &CustomerKey,
) -> Result<Option<ConversationId>, ReadFault> {
    if let Some(current) = folds.tail.current(workspace, customer) {
        return Ok(Some(current.conversation));
    }
    let stored = folds.store.get(&keys::customer(workspace, customer))?;
    let current = stored.map(|value| CurrentConversation::decode(&value)).transpose()?;
    Ok(current.map(|current| current.conversation))
}

/// Who the customer of a conversation is; `None` when it has not begun.
pub(in crate::journal) fn customer_of(
    folds: &Folds,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<Option<Customer>, ReadFault> {
    let Conversation { customer, details, served, .. } = load_conversation(folds, workspace, conversation)?;
    Ok(customer.map(|key| Customer { key, known: Known { details, former: served.former } }))
}

fn check_damage(folds: &Folds, stream: Stream) -> Result<(), ReadFault> {
    match folds.store.get(&keys::damage(stream))?.map(|value| Damaged::decode(&value)) {
        None => Ok(()),
        Some(Ok(Damaged { revision, reason })) => Err(ReadFault::Damaged { revision, reason }),
        Some(Err(error)) => Err(damaged(0, &error)),
    }
}

fn damaged(revision: u64, error: &StoredError) -> ReadFault {
    ReadFault::Damaged { revision, reason: error.to_string() }
}
