//! Seeded chance.
//!
//! Owns the numbers that decide what a run does. A test prints its seed; with `SWITCHBOARD_SEED` it draws the
//! same numbers again. Must not know what is decided by them.

use std::time::Duration;

/// A sequence of numbers that a seed determines: splitmix64, by Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) struct Chance(u64);

impl Chance {
    /// The seed that is asked for, or another every time; printed either way.
    pub(crate) fn seeded() -> Self {
        let asked = std::env::var("SWITCHBOARD_SEED").ok();
        let seed = asked.map_or_else(
            || u64::from_le_bytes(switchboard::clock::random()),
            |seed| seed.parse().expect("SWITCHBOARD_SEED is a number"),
        );
        println!("SWITCHBOARD_SEED={seed}");
        Self(seed)
    }

    /// Another sequence, for somebody who draws at the same time as others.
    pub(crate) fn branch(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    /// Whether something happens that does so once in so many times.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Lets a while below `most` go by. What comes next is to come at any moment.
    pub(crate) async fn while_below(&mut self, most: Duration) {
        let micros = self.below(u64::try_from(most.as_micros()).unwrap());
        // Nothing is waited for here: the moment itself is the input.
        let _ = tokio::time::timeout(Duration::from_micros(micros), std::future::pending::<()>()).await;
    }
}
