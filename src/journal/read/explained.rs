//! The decisions about a conversation's consultations, newest first.
//!
//! Owns the way back through its entries: decisions are in no reader's sequence, so that no place leads to them,
//! and most conversations have few. Must not know what a decision means.

use switchboard_protocol::vocabulary::{ConversationId, WorkspaceId};

use super::ReadFault;
use super::history::Book;
use crate::domain::conversation::What;
use crate::journal::fold::Folds;
use crate::journal::stored::{Page, decode_entry};
use crate::journal::{Decisions, Stream};

/// The last `limit` decisions among the last `entries_max` entries.
pub(in crate::journal) fn read_decisions(
    folds: &Folds,
    (workspace, conversation): (WorkspaceId, ConversationId),
    limit: usize,
    entries_max: usize,
) -> Result<Decisions, ReadFault> {
    let _held = folds.hold();
    let tail = folds.tail.of(Stream::Conversation(workspace, conversation));
    let mut back =
        Back { conversation, below: u64::MAX, left: entries_max, limit, found: Decisions::default() };
    let payloads: Vec<&[u8]> = tail.iter().map(|record| record.payload.as_ref()).collect();
    back.add(&payloads)?;
    let book = Book::new(&folds.store, workspace, conversation);
    while !back.is_done() {
        let Some((_, value)) = book.page_up_to(back.below - 1)? else { break };
        let page = Page::decode(&value)?;
        back.add(&page.entries)?;
        if !back.is_done() {
            // A page ends where the next begins, so that this is further back each time.
            back.below = back.below.min(page.first);
        }
    }
    back.found.more = back.below > 1 && back.below < u64::MAX;
    Ok(back.found)
}

struct Back {
    conversation: ConversationId,
    /// Every entry from this revision on has been looked at.
    below: u64,
    /// So many more may be.
    left: usize,
    limit: usize,
    found: Decisions,
}

impl Back {
    fn is_done(&self) -> bool {
        self.left == 0 || self.found.found.len() >= self.limit || self.below <= 1
    }

    fn add(&mut self, entries: &[&[u8]]) -> Result<(), ReadFault> {
        for bytes in entries.iter().rev() {
            if self.is_done() {
                break;
            }
            let entry = decode_entry(self.conversation, bytes)?;
            if entry.revision >= self.below {
                continue;
            }
            (self.below, self.left) = (entry.revision, self.left - 1);
            for event in entry.events.into_iter().rev() {
                if let What::Explained(explanation) = event.what {
                    self.found.found.push((entry.at, *explanation));
                }
            }
        }
        Ok(())
    }
}
