//! What one receiver has had of one sender.
//!
//! Owns the judging of each message's number: in turn, too late, or once more. A plain state machine;
//! must not know where numbers come from.

use std::collections::BTreeSet;

/// The numbers that have arrived; they are given out from 1 without a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// The highest that has arrived.
    last: u64,
    /// Lower ones that have not.
    missing: BTreeSet<u64>,
}

/// How a number came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is the next one.
    InTurn,
    /// Some before it have not come.
    Early,
    /// Later ones came before it.
    Late,
    /// It had come before.
    Again,
}

impl Order {
    /// A number has arrived.
    pub(crate) fn take(&mut self, number: u64) -> Arrival {
        if number <= self.last {
            return if self.missing.remove(&number) { Arrival::Late } else { Arrival::Again };
        }
        let first_missing = self.last + 1;
        self.missing.extend(first_missing..number);
        self.last = number;
        if first_missing == number { Arrival::InTurn } else { Arrival::Early }
    }

    /// How many of the numbers up to `sent` have not arrived.
    pub(crate) fn lost(&self, sent: u64) -> u64 {
        self.missing.len() as u64 + sent.saturating_sub(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_way_to_arrive_has_its_name() {
        let mut order = Order::default();
        let arrivals = [1, 3, 2, 2, 4].map(|number| order.take(number));
        let expected = [Arrival::InTurn, Arrival::Early, Arrival::Late, Arrival::Again, Arrival::InTurn];
        assert_eq!((arrivals, order.lost(4), order.lost(6)), (expected, 0, 2));
    }

    proptest! {
        #[test]
        fn it_counts_as_a_plain_list_does(numbers in proptest::collection::vec(1..40_u64, 0..80)) {
            let mut order = Order::default();
            let mut seen = BTreeSet::new();
            for number in numbers {
                let again = !seen.insert(number);
                prop_assert_eq!(order.take(number) == Arrival::Again, again);
            }
            prop_assert_eq!(order.lost(50), 50 - seen.len() as u64);
        }
    }
}
