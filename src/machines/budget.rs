//! Budgets: so many times in so long.
//!
//! Owns the count, of restarts after failures and of ephemera alike. Must not know what is counted, nor
//! read a clock: the time comes in.

use std::collections::VecDeque;

use switchboard_protocol::vocabulary::Timestamp;

/// How often something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// This many times…
    pub times: usize,
    /// …within this many milliseconds.
    pub within_ms: i64,
}

/// When it happened to one part, as far back as it counts.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    spent: VecDeque<Timestamp>,
}

impl Budget {
    /// Whether it allows nothing now.
    #[must_use]
    pub fn is_spent(&self, now: Timestamp, allowance: Allowance) -> bool {
        let since = now.as_millis() - allowance.within_ms;
        self.spent.iter().filter(|at| at.as_millis() > since).count() >= allowance.times
    }

    /// Takes one out of it. `false`: it is spent, and nothing was taken.
    pub fn spend(&mut self, now: Timestamp, allowance: Allowance) -> bool {
        let since = now.as_millis() - allowance.within_ms;
        while self.spent.front().is_some_and(|at| at.as_millis() <= since) {
            self.spent.pop_front();
        }
        if self.spent.len() >= allowance.times {
            return false;
        }
        self.spent.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spent_by_the_allowance_and_refilled_by_time() {
        let allowance = Allowance { times: 2, within_ms: 100 };
        let mut budget = Budget::default();
        let at = Timestamp::from_millis;
        assert!(budget.spend(at(0), allowance));
        assert!(budget.spend(at(50), allowance));
        assert!(!budget.spend(at(99), allowance));
        assert!(budget.spend(at(100), allowance), "the first is forgotten");
        assert!(!budget.spend(at(120), allowance));
    }
}
