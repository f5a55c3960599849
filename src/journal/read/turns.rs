//! Whose turn it was last to be assigned something automatically.
//!
//! Owns how what the store has and what the unfolded tail adds become one order. Must not know what a turn is for.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::{MemberId, WorkspaceId};

use super::ReadFault;
use crate::journal::Position;
use crate::journal::fold::{Folds, keys};

/// The members who were ever assigned something automatically, whoever was last at the end.
pub(in crate::journal) fn turns(folds: &Folds, workspace: WorkspaceId) -> Result<Vec<MemberId>, ReadFault> {
    let _held = folds.hold();
    let mut last: BTreeMap<MemberId, Position> = folds.overlay.turns_of(workspace);
    let all = keys::turns(workspace);
    for pair in folds.store.scan(&all, &all) {
        let (key, value) = pair?;
        if let Some((member, position)) = keys::turn_of(&key, &value) {
            let known = last.entry(member).or_default();
            *known = position.max(*known);
        }
    }
    let mut turns: Vec<_> = last.into_iter().map(|(member, position)| (position, member)).collect();
    turns.sort_unstable();
    Ok(turns.into_iter().map(|(_, member)| member).collect())
}
