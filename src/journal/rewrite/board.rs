//! What the writer, the folds and the rewriter tell each other.
//!
//! Owns which segment is written and when the first of what is in it is due. Must not know files.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use switchboard_protocol::vocabulary::Timestamp;

use crate::journal::Position;

/// The board.
pub(in crate::journal) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

/// The segment that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// Its number. All before it are closed.
    pub(super) number: u64,
    /// When the first of what is in it is to be erased, as far as is known.
    pub(super) due: Option<Timestamp>,
}

struct State {
    open: Open,
    /// The first position in it.
    first: Position,
    stopping: bool,
    /// The rewriter found nothing more to do with this segment written.
    #[cfg(test)]
    settled: Option<Open>,
}

impl Board {
    /// A segment is written that begins with a position.
    pub(in crate::journal) fn new((number, first): (u64, Position)) -> Self {
        let open = Open { number, due: None };
        let state = State {
            open,
            first,
            stopping: false,
            #[cfg(test)]
            settled: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The writer has begun a segment. To be told before anything in it can be read.
    pub(in crate::journal) fn begun(&self, (number, first): (u64, Position)) {
        let mut state = self.lock();
        state.open = Open { number, due: None };
        state.first = first;
        self.changed.notify_all();
    }

    /// A record has something that is due at a time. What is in a closed segment is found when that is
    /// rewritten.
    pub(in crate::journal) fn seen(&self, position: Position, due: Timestamp) {
        let mut state = self.lock();
        if position >= state.first && state.open.due.is_none_or(|known| due < known) {
            state.open.due = Some(due);
            self.changed.notify_all();
        }
    }

    /// The rewriter is to end.
    pub(in crate::journal) fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    pub(super) fn open(&self) -> Open {
        self.lock().open
    }

    /// Waits until something else is known of the segment that is written than this, or the time is over, or
    /// the rewriter is to end.
    pub(super) fn wait(&self, known: Open, time: Duration) {
        #[cfg(test)]
        self.settle(known);
        let waiting = |state: &mut State| !state.stopping && state.open == known;
        drop(self.changed.wait_timeout_while(self.lock(), time, waiting));
    }

    #[cfg(test)]
    fn settle(&self, open: Open) {
        self.lock().settled = Some(open);
        self.changed.notify_all();
    }

    /// Waits until the rewriter has nothing more to do while a segment from this number on is written.
    #[cfg(test)]
    pub(in crate::journal) fn wait_until_settled(&self, number: u64) -> bool {
        let waiting = |state: &mut State| {
            state.settled.is_none_or(|settled| settled.number < number || settled != state.open)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), SETTLED_MAX, waiting);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A test that has waited so long has failed.
#[cfg(test)]
const SETTLED_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_counts_for_the_segment_that_is_written_alone() {
        let board = Board::new((3, Position(40)));
        let due = |ms| Some(Timestamp::from_millis(ms));
        board.seen(Position(39), Timestamp::from_millis(1));
        assert_eq!(board.open(), Open { number: 3, due: None });
        for (position, ms, earliest) in [(40, 500, 500), (41, 900, 500), (42, 200, 200)] {
            board.seen(Position(position), Timestamp::from_millis(ms));
            assert_eq!(board.open().due, due(earliest));
        }
        board.begun((4, Position(43)));
        board.seen(Position(42), Timestamp::from_millis(1));
        assert_eq!(board.open(), Open { number: 4, due: None });
    }
}
