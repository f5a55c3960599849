//! The outbox of one subscription, with the engine's own machine in it.
//!
//! Owns who may fill it. Must not know the order in which its items are taken.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::conversation::Entry;
use switchboard::machines::feed::Verdict;
use switchboard::machines::live::{Outlet, SideCursors};
use switchboard::machines::outbox;
use switchboard_protocol::vocabulary::{Party, Seq};

/// What is taken from an outbox; of typing, who it is and after which of the reader's events.
pub(crate) type Item = outbox::Item<Arc<Entry>, (Party, Seq)>;

/// The outbox of one subscription.
pub(crate) struct Outbox {
    /// What was there when its reader subscribed, in the reader's sequence.
    pub(crate) there: Cell<Seq>,
    waiting: RefCell<outbox::Outbox<Arc<Entry>, (Party, Seq)>>,
    entries_max: usize,
}

impl Outbox {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { there: Cell::default(), waiting: RefCell::default(), entries_max }
    }

    pub(crate) fn next(&self) -> Option<Item> {
        self.waiting.borrow_mut().take()
    }

    pub(crate) fn has_item(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    pub(crate) fn typing(&self, by: Party, after_seq: Seq) {
        self.waiting.borrow_mut().typing((by, after_seq));
    }

    pub(crate) fn close(&self) {
        self.waiting.borrow_mut().end();
    }

    /// Nobody wants it any more.
    pub(crate) fn abandon(&self) {
        self.waiting.borrow_mut().abandon();
    }
}

/// The conversation's end of an outbox: when it goes, the subscription ends.
pub(crate) struct ConversationEnd(pub(crate) Rc<Outbox>);

impl Drop for ConversationEnd {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Outlet<()> for ConversationEnd {
    fn push(&self, entry: &Arc<Entry>, (): &()) -> bool {
        // Each counts as one.
        self.0.waiting.borrow_mut().push(|| Arc::clone(entry), 1, self.0.entries_max)
    }

    fn verdict(&self, verdict: Verdict) {
        self.0.waiting.borrow_mut().verdict(verdict);
    }

    fn lagging(&self) {
        self.0.waiting.borrow_mut().lagging();
    }

    fn cursors(&self, cursors: SideCursors) {
        self.0.waiting.borrow_mut().cursors(cursors);
    }

    fn end(&self) {
        self.0.close();
    }
}
