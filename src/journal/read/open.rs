//! The consultations of a workspace that go on.
//!
//! Owns how the marks and rows of the store and the rows of the overlay become one answer.

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::ReadFault;
use super::list::stored_row;
use crate::journal::OpenConsultation;
use crate::journal::fold::{Folds, keys};
use crate::journal::stored::RowState;

/// Every consultation of a workspace that goes on, by conversation.
pub(in crate::journal) fn open_consultations(
    folds: &Folds,
    workspace: WorkspaceId,
) -> Result<Vec<OpenConsultation>, ReadFault> {
    let _held = folds.hold();
    let newer = folds.overlay.rows_of(workspace);
    let mut found: Vec<_> = newer.iter().filter_map(|(conversation, row)| open(*conversation, row)).collect();
    let all = keys::all_open(workspace);
    for pair in folds.store.scan(&all, &all) {
        let Some(conversation) = keys::open_conversation_of(&pair?.0) else { continue };
        if newer.contains_key(&conversation) {
            continue;
        }
        let row = stored_row(folds, workspace, conversation)?;
        found.extend(row.and_then(|row| open(conversation, &row)));
    }
    found.sort_by_key(|open| open.conversation);
    Ok(found)
}

fn open(conversation: ConversationId, row: &RowState) -> Option<OpenConsultation> {
    row.served.consultation.as_ref()?;
    let (customer, served, revision) = (row.customer.clone()?, row.served.clone(), row.revision);
    Some(OpenConsultation { conversation, customer, revision, served })
}
