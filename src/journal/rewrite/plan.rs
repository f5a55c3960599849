//! Which segment is rewritten next, and when.
//!
//! Owns that decision: a closed segment is compressed at once, and rewritten again when something in it has
//! been due for long enough that others may be erased with it; one that is still written is closed for that.
//! Must not know files or clocks: it is told the time.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::Timestamp;

use super::board::Open;
use crate::journal::log::Form;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Rewrite a closed segment.
    Rewrite(u64),
    /// Have the segment that is written closed.
    CloseEarly(u64),
    /// Nothing before this time, if ever.
    Wait(Option<Timestamp>),
}

/// The segments of the log, as far as the rewriter knows them.
#[derive(Debug)]
pub(super) struct Plan {
    /// For so long what is due may wait for more, in milliseconds.
    within_ms: u64,
    closed: BTreeMap<u64, Closed>,
    /// The segment that is written, and when it may be asked for again.
    open: Open,
    ask_from: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    form: Form,
    /// It failed, and is not tried before.
    from: Timestamp,
}

impl Plan {
    /// Of a log whose closed segments have these forms, the first of them being number 1.
    pub(super) fn new(forms: impl Iterator<Item = Form>, open: Open, within_ms: u64) -> Self {
        let closed = (1..open.number).zip(forms.map(|form| Closed { form, from: ALWAYS }));
        Self { within_ms, closed: closed.collect(), open, ask_from: ALWAYS }
    }

    /// This is known of the segment that is written: all before it are closed.
    pub(super) fn learn(&mut self, open: Open) {
        if open.number != self.open.number {
            let closed = Closed { form: Form::Plain, from: ALWAYS };
            self.closed.extend((self.open.number..open.number).map(|number| (number, closed)));
            self.ask_from = ALWAYS;
        }
        self.open = open;
    }

    /// What is to be done at this time.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let closed = self.closed.iter().filter_map(|(number, closed)| {
            let when = match closed.form {
                Form::Plain => ALWAYS,
                Form::Rewritten(rewriting) => self.overdue(rewriting.due?),
            };
            Some((when.max(closed.from), Next::Rewrite(*number)))
        });
        let open = self.open.due.map(|due| {
            let when = self.overdue(due).max(self.ask_from);
            (when, Next::CloseEarly(self.open.number))
        });
        match closed.chain(open).min_by_key(|(when, _)| *when) {
            Some((when, next)) if when <= now => next,
            Some((NEVER, _)) | None => Next::Wait(None),
            Some((when, _)) => Next::Wait(Some(when)),
        }
    }

    /// A segment has this form now.
    pub(super) fn rewritten(&mut self, number: u64, form: Form) {
        self.closed.insert(number, Closed { form, from: ALWAYS });
    }

    /// A segment could not be rewritten: it is not tried before this time, or not at all.
    pub(super) fn failed(&mut self, number: u64, again: Option<Timestamp>) {
        if let Some(closed) = self.closed.get_mut(&number) {
            closed.from = again.unwrap_or(NEVER);
        }
    }

    /// The writer was asked to close its segment; it is not asked again before this time.
    pub(super) fn asked(&mut self, again: Timestamp) {
        self.ask_from = again;
    }

    fn overdue(&self, due: Timestamp) -> Timestamp {
        Timestamp::from_millis(due.as_millis().saturating_add_unsigned(self.within_ms))
    }
}

const ALWAYS: Timestamp = Timestamp::from_millis(i64::MIN);
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::log::Rewriting;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn rewritten(due: Option<i64>) -> Form {
        Form::Rewritten(Rewriting { erasures: 0, due: due.map(at) })
    }

    fn plan(forms: &[Form], due: Option<i64>) -> Plan {
        let open = Open { number: forms.len() as u64 + 1, due: due.map(at) };
        Plan::new(forms.iter().copied(), open, 1_000)
    }

    #[test]
    fn what_is_closed_is_compressed_oldest_first_and_what_is_written_never() {
        let mut plan = plan(&[rewritten(None), Form::Plain, Form::Plain], None);
        assert_eq!(plan.next(at(0)), Next::Rewrite(2));
        plan.rewritten(2, rewritten(None));
        assert_eq!(plan.next(at(0)), Next::Rewrite(3));
        plan.rewritten(3, rewritten(None));
        assert_eq!(plan.next(at(0)), Next::Wait(None));
        plan.learn(Open { number: 6, due: None });
        assert_eq!(plan.next(at(0)), Next::Rewrite(4));
        plan.rewritten(4, rewritten(None));
        assert_eq!(plan.next(at(0)), Next::Rewrite(5));
    }

    #[test]
    fn what_is_due_waits_for_more_and_then_no_longer() {
        let plan = plan(&[rewritten(Some(9_000)), rewritten(Some(5_000))], Some(8_000));
        assert_eq!(plan.next(at(5_999)), Next::Wait(Some(at(6_000))));
        assert_eq!(plan.next(at(6_000)), Next::Rewrite(2));
    }

    #[test]
    fn the_segment_that_is_written_is_closed_for_what_is_overdue_in_it() {
        let mut plan = plan(&[rewritten(None)], Some(8_000));
        assert_eq!(plan.next(at(8_999)), Next::Wait(Some(at(9_000))));
        assert_eq!(plan.next(at(9_000)), Next::CloseEarly(2));
        plan.asked(at(69_000));
        assert_eq!(plan.next(at(9_001)), Next::Wait(Some(at(69_000))));
        plan.learn(Open { number: 3, due: Some(at(8_500)) });
        assert_eq!(plan.next(at(9_001)), Next::Rewrite(2));
        plan.rewritten(2, rewritten(None));
        assert_eq!(plan.next(at(9_500)), Next::CloseEarly(3), "the next one is asked for at once");
    }

    #[test]
    fn what_failed_is_tried_later_and_what_is_damaged_not_at_all() {
        let mut plan = plan(&[Form::Plain, Form::Plain], None);
        plan.failed(1, Some(at(500)));
        plan.failed(2, None);
        assert_eq!(plan.next(at(499)), Next::Wait(Some(at(500))));
        assert_eq!(plan.next(at(500)), Next::Rewrite(1));
        plan.failed(1, None);
        assert_eq!(plan.next(at(i64::MAX - 1)), Next::Wait(None));
    }

    #[test]
    fn a_time_beyond_all_times_never_comes() {
        let plan = plan(&[rewritten(Some(i64::MAX - 1))], None);
        assert_eq!(plan.next(at(i64::MAX - 1)), Next::Wait(None));
    }
}
