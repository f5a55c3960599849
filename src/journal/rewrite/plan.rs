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
    /// The segment that is written, and the last one that was asked for.
    open: Open,
    asked: Option<Asked>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    number: u64,
    at: Timestamp,
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
        Self { within_ms, closed: closed.collect(), open, asked: None }
    }

    /// This is known of the segment that is written: all before it are closed.
    pub(super) fn learn(&mut self, open: Open) {
        if open.number != self.open.number {
            let closed = Closed { form: Form::Plain, from: ALWAYS };
            self.closed.extend((self.open.number..open.number).map(|number| (number, closed)));
        }
        self.open = open;
    }

    /// What is to be done at this time: first what is overdue, then what is only to be compressed.
    pub(super) fn next(&self, now: Timestamp) -> Next {
        let closed = self.closed.iter().filter_map(|(number, closed)| {
            let (urgency, when) = match closed.form {
                Form::Plain => (Urgency::Any, ALWAYS),
                Form::Rewritten(rewriting) => (Urgency::Overdue, after(rewriting.due?, self.within_ms)),
            };
            Some((urgency, when.max(closed.from), Next::Rewrite(*number)))
        });
        let open = self.open.due.map(|due| {
            let when = after(due, self.within_ms).max(self.ask_from());
            (Urgency::Overdue, when, Next::CloseEarly(self.open.number))
        });
        let mut first: Option<(Urgency, Timestamp, Next)> = None;
        let mut earliest = NEVER;
        for (urgency, when, next) in closed.chain(open) {
            earliest = earliest.min(when);
            if when <= now && first.is_none_or(|(most, before, _)| (urgency, when) < (most, before)) {
                first = Some((urgency, when, next));
            }
        }
        match first {
            Some((_, _, next)) => next,
            None => Next::Wait((earliest != NEVER).then_some(earliest)),
        }
    }

    /// A segment has this form now.
    pub(super) fn rewritten(&mut self, number: u64, form: Form) {
        self.closed.insert(number, Closed { form, from: ALWAYS });
    }

    /// A segment could not be rewritten at this time; it is tried again later.
    pub(super) fn failed(&mut self, number: u64, now: Timestamp) {
        self.leave(number, after(now, TRY_AGAIN_AFTER_MS));
    }

    /// A segment is damaged, and is left as it is.
    pub(super) fn damaged(&mut self, number: u64) {
        self.leave(number, NEVER);
    }

    fn leave(&mut self, number: u64, from: Timestamp) {
        if let Some(closed) = self.closed.get_mut(&number) {
            closed.from = from;
        }
    }

    /// The writer was asked at this time to close its segment.
    pub(super) fn asked(&mut self, at: Timestamp) {
        self.asked = Some(Asked { number: self.open.number, at });
    }

    /// It is asked again when it could not, and otherwise not so soon that segments become tiny.
    fn ask_from(&self) -> Timestamp {
        match self.asked {
            Some(Asked { number, at }) if number == self.open.number => after(at, TRY_AGAIN_AFTER_MS),
            Some(Asked { at, .. }) => after(at, self.within_ms),
            None => ALWAYS,
        }
    }
}

/// How soon something is to be done, the soonest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Overdue,
    Any,
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add_unsigned(ms))
}

/// What could not be done is tried again after so long, in milliseconds.
const TRY_AGAIN_AFTER_MS: u64 = 60_000;

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
        plan.asked(at(9_000));
        assert_eq!(plan.next(at(68_999)), Next::Wait(Some(at(69_000))), "it may have been unable to");
        assert_eq!(plan.next(at(69_000)), Next::CloseEarly(2));
        plan.learn(Open { number: 3, due: Some(at(8_500)) });
        assert_eq!(plan.next(at(9_999)), Next::Rewrite(2));
        assert_eq!(plan.next(at(10_000)), Next::CloseEarly(3), "no sooner, and before what only compresses");
    }

    #[test]
    fn what_failed_is_tried_later_and_what_is_damaged_not_at_all() {
        let mut plan = plan(&[Form::Plain, Form::Plain], None);
        plan.failed(1, at(500));
        plan.damaged(2);
        assert_eq!(plan.next(at(60_499)), Next::Wait(Some(at(60_500))));
        assert_eq!(plan.next(at(60_500)), Next::Rewrite(1));
        plan.damaged(1);
        assert_eq!(plan.next(at(i64::MAX - 1)), Next::Wait(None));
    }

    #[test]
    fn a_time_beyond_all_times_never_comes() {
        let plan = plan(&[rewritten(Some(i64::MAX - 1))], None);
        assert_eq!(plan.next(at(i64::MAX - 1)), Next::Wait(None));
    }
}
