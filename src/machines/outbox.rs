//! What waits for the reader of one subscription.
//!
//! Owns the order in which it is taken, the bound on what waits, and that a later one of the latest values
//! replaces the one before. Must not know who fills it or who takes from it: `E` is an entry with what
//! travels beside it, `T` somebody's typing.

use std::collections::VecDeque;

use super::feed::Verdict;
use super::live::SideCursors;
use super::planted::{Bug, is_planted};

/// What is taken, most urgent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<E, T> {
    /// An entry.
    Entry(E),
    /// How a hand-over goes on: it speaks of what was pushed before it.
    Verdict(Verdict),
    /// Everything before was taken, and something was missed after it.
    Lagging,
    /// The latest cursors.
    Cursors(SideCursors),
    /// The latest typing.
    Typing(T),
    /// The subscription has ended.
    Ended,
}

/// What waits.
#[derive(Debug)]
pub struct Outbox<E, T> {
    /// Each with its size.
    entries: VecDeque<(E, usize)>,
    bytes: usize,
    verdict: Option<Verdict>,
    lagging: bool,
    cursors: Option<SideCursors>,
    typing: Option<T>,
    ended: bool,
}

impl<E, T> Default for Outbox<E, T> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            verdict: None,
            lagging: false,
            cursors: None,
            typing: None,
            ended: false,
        }
    }
}

impl<E, T> Outbox<E, T> {
    /// Takes the next item, if there is one. [`Item::Ended`] comes again and again.
    pub fn take(&mut self) -> Option<Item<E, T>> {
        if is_planted(Bug::VerdictOvertakes)
            && let Some(verdict) = self.verdict.take()
        {
            return Some(Item::Verdict(verdict));
        }
        if let Some((entry, bytes)) = self.entries.pop_front() {
            self.bytes -= bytes;
            return Some(Item::Entry(entry));
        }
        if let Some(verdict) = self.verdict.take() {
            return Some(Item::Verdict(verdict));
        }
        if std::mem::take(&mut self.lagging) {
            return Some(Item::Lagging);
        }
        if let Some(cursors) = self.cursors.take() {
            return Some(Item::Cursors(cursors));
        }
        if let Some(typing) = self.typing.take() {
            return Some(Item::Typing(typing));
        }
        self.ended.then_some(Item::Ended)
    }

    /// Whether there is nothing to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.verdict.is_none()
            && !self.lagging
            && self.cursors.is_none()
            && self.typing.is_none()
            && !self.ended
    }

    /// How much the entries take that wait, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes an entry of so many bytes, if no more than so many wait then. `false`: there is no room, and
    /// nothing was taken. One entry always fits, so that no entry is too large for ever; and what has ended
    /// takes everything and keeps nothing.
    pub fn push(&mut self, entry: impl FnOnce() -> E, bytes: usize, bytes_max: usize) -> bool {
        if self.ended {
            return true;
        }
        if self.bytes > 0 && self.bytes + bytes > bytes_max {
            return false;
        }
        self.bytes += bytes;
        self.entries.push_back((entry(), bytes));
        true
    }

    /// Says how a hand-over goes on.
    pub const fn verdict(&mut self, verdict: Verdict) {
        self.verdict = Some(verdict);
    }

    /// Marks that something was missed.
    pub const fn lagging(&mut self) {
        self.lagging = true;
    }

    /// Replaces the latest cursors.
    pub const fn cursors(&mut self, cursors: SideCursors) {
        self.cursors = Some(cursors);
    }

    /// Replaces the latest typing.
    pub fn typing(&mut self, typing: T) {
        self.typing = Some(typing);
    }

    /// Ends the subscription once everything that waits has been taken.
    pub const fn end(&mut self) {
        self.ended = true;
    }

    /// Ends it at once, and forgets what waits.
    pub fn abandon(&mut self) {
        *self = Self { ended: true, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(outbox: &mut Outbox<char, u8>) -> Vec<Item<char, u8>> {
        std::iter::from_fn(|| outbox.take().filter(|item| *item != Item::Ended)).collect()
    }

    #[test]
    fn entries_come_first_then_what_speaks_of_them_and_the_end_last() {
        let mut outbox: Outbox<char, u8> = Outbox::default();
        outbox.end();
        assert_eq!(outbox.take(), Some(Item::Ended));
        let mut outbox = Outbox::default();
        outbox.typing(5);
        outbox.cursors(SideCursors::default());
        outbox.lagging();
        outbox.verdict(Verdict::Live);
        assert!(outbox.push(|| 'a', 1, 9) && outbox.push(|| 'b', 1, 9));
        outbox.end();
        let in_order = [
            Item::Entry('a'),
            Item::Entry('b'),
            Item::Verdict(Verdict::Live),
            Item::Lagging,
            Item::Cursors(SideCursors::default()),
            Item::Typing(5),
        ];
        assert_eq!(taken(&mut outbox), in_order);
        assert_eq!(outbox.take(), Some(Item::Ended));
        assert_eq!(outbox.take(), Some(Item::Ended), "it stays ended");
    }

    #[test]
    fn what_waits_is_bounded_and_one_entry_always_fits() {
        let mut outbox: Outbox<char, u8> = Outbox::default();
        assert!(outbox.push(|| 'a', 20, 10));
        assert!(!outbox.push(|| panic!("it was not asked for"), 1, 10));
        assert_eq!(outbox.take(), Some(Item::Entry('a')));
        assert!(outbox.is_empty() && outbox.bytes() == 0);
        assert!(outbox.push(|| 'b', 6, 10) && outbox.push(|| 'c', 4, 10) && !outbox.push(|| 'd', 1, 10));
    }

    #[test]
    fn what_nobody_wants_is_forgotten_and_what_comes_later_too() {
        let mut outbox: Outbox<char, u8> = Outbox::default();
        assert!(outbox.push(|| 'a', 1, 9));
        outbox.abandon();
        assert!(outbox.push(|| 'b', 1, 9));
        assert_eq!((outbox.bytes(), outbox.take()), (0, Some(Item::Ended)));
    }
}
