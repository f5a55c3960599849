//! Restart budgets: so many failures in so long.
//!
//! Owns the count. Must not know what fails, nor read a clock: the time comes in.

use std::collections::VecDeque;

use switchboard_protocol::vocabulary::Timestamp;

/// How many failures are forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// This many…
    pub failures: usize,
    /// …within this many milliseconds.
    pub within_ms: i64,
}

/// The failures of one part.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    failures: VecDeque<Timestamp>,
}

impl Budget {
    /// Whether it allows no restart now.
    #[must_use]
    pub fn is_spent(&self, now: Timestamp, allowance: Allowance) -> bool {
        let since = now.as_millis() - allowance.within_ms;
        self.failures.iter().filter(|at| at.as_millis() > since).count() >= allowance.failures
    }

    /// Notes a failure; says whether the budget still allows a restart.
    pub fn spend(&mut self, now: Timestamp, allowance: Allowance) -> bool {
        let since = now.as_millis() - allowance.within_ms;
        while self.failures.front().is_some_and(|at| at.as_millis() <= since) {
            self.failures.pop_front();
        }
        if self.failures.len() >= allowance.failures {
            return false;
        }
        self.failures.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_forgiven_up_to_the_allowance_and_forgotten_with_time() {
        let allowance = Allowance { failures: 2, within_ms: 100 };
        let mut budget = Budget::default();
        let at = Timestamp::from_millis;
        assert!(budget.spend(at(0), allowance));
        assert!(budget.spend(at(50), allowance));
        assert!(!budget.spend(at(99), allowance));
        assert!(budget.spend(at(100), allowance), "the first is forgotten");
        assert!(!budget.spend(at(120), allowance));
    }
}
