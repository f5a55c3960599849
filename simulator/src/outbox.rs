//! The outbox of one subscription, as the engine's: bounded, and latest values overwrite one another.
//!
//! Owns the order in which its items are taken. Must not know who takes them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use switchboard::domain::conversation::Entry;
use switchboard::machines::feed::Verdict;
use switchboard::machines::live::{Outlet, SideCursors};
use switchboard_protocol::vocabulary::{Party, Seq};

/// What is taken from an outbox, most urgent first.
pub(crate) enum Item {
    Verdict(Verdict),
    Entry(Arc<Entry>),
    Lagging,
    Cursors(SideCursors),
    /// Who types, and after which of the reader's events.
    Typing(Party, Seq),
    Ended,
}

/// The outbox of one subscription.
pub(crate) struct Outbox {
    /// What was there when its reader subscribed, in the reader's sequence.
    pub(crate) there: Cell<Seq>,
    waiting: RefCell<Waiting>,
    entries_max: usize,
}

#[derive(Default)]
struct Waiting {
    verdict: Option<Verdict>,
    entries: VecDeque<Arc<Entry>>,
    lagging: bool,
    cursors: Option<SideCursors>,
    typing: Option<(Party, Seq)>,
    ended: bool,
}

impl Outbox {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { there: Cell::default(), waiting: RefCell::default(), entries_max }
    }

    pub(crate) fn next(&self) -> Option<Item> {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(entry) = waiting.entries.pop_front() {
            return Some(Item::Entry(entry));
        }
        if let Some(verdict) = waiting.verdict.take() {
            return Some(Item::Verdict(verdict));
        }
        if std::mem::take(&mut waiting.lagging) {
            return Some(Item::Lagging);
        }
        if let Some(cursors) = waiting.cursors.take() {
            return Some(Item::Cursors(cursors));
        }
        if let Some((by, after_seq)) = waiting.typing.take() {
            return Some(Item::Typing(by, after_seq));
        }
        waiting.ended.then_some(Item::Ended)
    }

    pub(crate) fn has_item(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.verdict.is_some()
            || !waiting.entries.is_empty()
            || waiting.lagging
            || waiting.cursors.is_some()
            || waiting.typing.is_some()
            || waiting.ended
    }

    pub(crate) fn typing(&self, by: Party, after_seq: Seq) {
        self.waiting.borrow_mut().typing = Some((by, after_seq));
    }

    pub(crate) fn close(&self) {
        self.waiting.borrow_mut().ended = true;
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
        let mut waiting = self.0.waiting.borrow_mut();
        if waiting.entries.len() >= self.0.entries_max {
            return false;
        }
        waiting.entries.push_back(Arc::clone(entry));
        true
    }

    fn verdict(&self, verdict: Verdict) {
        self.0.waiting.borrow_mut().verdict = Some(verdict);
    }

    fn lagging(&self) {
        self.0.waiting.borrow_mut().lagging = true;
    }

    fn cursors(&self, cursors: SideCursors) {
        self.0.waiting.borrow_mut().cursors = Some(cursors);
    }

    fn end(&self) {
        self.0.close();
    }
}
