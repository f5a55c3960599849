//! What a customer who waits is told: how many go first, and for about how long.
//!
//! Owns the pace of a queue and the estimate that follows from it. Must not know who is told, or how often.

use std::collections::VecDeque;

use switchboard_protocol::vocabulary::Timestamp;

/// A place in a queue, as its customer is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// 1: nobody goes first.
    pub position: u32,
    /// For about so many seconds; `None` until enough have gone.
    pub wait_s: Option<u32>,
}

/// How fast those who wait in a queue go: by being served, or by giving up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pace {
    /// When the last ones went.
    gone: VecDeque<Timestamp>,
}

impl Pace {
    /// Somebody who waited does not any more.
    pub fn gone(&mut self, at: Timestamp) {
        if self.gone.len() == WINDOW {
            self.gone.pop_front();
        }
        self.gone.push_back(at);
    }

    /// What somebody at this position is told. The estimate is the position times the mean time between two of the
    /// last twenty who went, in which the time since the last one counts if it makes the mean longer: a queue
    /// in which nobody goes any more is not told to be fast.
    #[must_use]
    pub fn line(&self, position: u32, now: Timestamp) -> Line {
        let wait_s = self.mean_ms(now).map(|mean| {
            let ms = u64::from(position).saturating_mul(mean);
            u32::try_from(ms.div_ceil(STEP_MS).saturating_mul(STEP_MS / 1_000)).unwrap_or(u32::MAX)
        });
        Line { position, wait_s }
    }

    fn mean_ms(&self, now: Timestamp) -> Option<u64> {
        if self.gone.len() < FEWEST {
            return None;
        }
        let (first, last) = (self.gone.front()?.as_millis(), self.gone.back()?.as_millis());
        let mean =
            |until: i64, count: usize| until.saturating_sub(first).max(0).unsigned_abs() / count as u64;
        Some(mean(last, self.gone.len() - 1).max(mean(now.as_millis(), self.gone.len())))
    }
}

/// How far off the estimates were that customers were told when they began to wait, of those whom somebody
/// was found for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accuracy {
    /// How many estimates were compared.
    pub compared: u64,
    /// The sum of what was told, in milliseconds.
    told_ms: u64,
    /// The sum of how long it took, in milliseconds.
    took_ms: u64,
    /// The sum of how far off each was, in milliseconds.
    off_ms: u64,
}

impl Accuracy {
    /// Somebody who was told to wait so long has waited so long.
    pub fn add(&mut self, told_s: u32, took_ms: u64) {
        let told_ms = u64::from(told_s) * 1_000;
        self.compared += 1;
        self.told_ms = self.told_ms.saturating_add(told_ms);
        self.took_ms = self.took_ms.saturating_add(took_ms);
        self.off_ms = self.off_ms.saturating_add(told_ms.abs_diff(took_ms));
    }

    /// The mean of what was told, in seconds; 0 as long as nothing was compared.
    #[must_use]
    pub const fn told_mean_s(&self) -> u64 {
        mean_s(self.told_ms, self.compared)
    }

    /// The mean of how long it took, in seconds.
    #[must_use]
    pub const fn took_mean_s(&self) -> u64 {
        mean_s(self.took_ms, self.compared)
    }

    /// The mean of how far off each was, in seconds, whether too long or too short.
    #[must_use]
    pub const fn off_mean_s(&self) -> u64 {
        mean_s(self.off_ms, self.compared)
    }
}

const fn mean_s(sum_ms: u64, count: u64) -> u64 {
    match count.checked_mul(1_000) {
        Some(0) | None => 0,
        Some(divisor) => sum_ms.saturating_add(divisor / 2) / divisor,
    }
}

/// So many of those who went count.
const WINDOW: usize = 20;

/// Fewer say nothing.
const FEWEST: usize = 4;

/// An estimate is told in steps of this, upwards: it is no better than that, and so does not change all the time.
const STEP_MS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BinaryHeap;

    fn pace(gone: &[i64]) -> Pace {
        let mut pace = Pace::default();
        gone.iter().for_each(|at| pace.gone(Timestamp::from_millis(*at)));
        pace
    }

    fn wait_s(pace: &Pace, position: u32, now: i64) -> Option<u32> {
        pace.line(position, Timestamp::from_millis(now)).wait_s
    }

    #[test]
    fn the_estimate_is_the_position_times_the_mean_time_between_those_who_went() {
        assert_eq!(wait_s(&pace(&[0, 60_000, 120_000]), 1, 120_000), None, "too few");
        let steady = pace(&[0, 60_000, 120_000, 180_000]);
        assert_eq!((wait_s(&steady, 1, 180_000), wait_s(&steady, 5, 180_000)), (Some(60), Some(300)));
        assert_eq!(
            wait_s(&steady, 1, 400_000),
            Some(120),
            "nobody goes any more: 400 s by 4, in steps of 30 s"
        );
        let faster: Vec<_> = (0..40).map(|n| n * 1_000).collect();
        assert_eq!(wait_s(&pace(&faster), 90, 39_000), Some(90), "one a second");
        assert_eq!(wait_s(&pace(&[i64::MIN, 0, 1, i64::MAX]), u32::MAX, i64::MAX), Some(u32::MAX));
        assert_eq!(wait_s(&pace(&[5, 5, 5, 5]), 7, 5), Some(0), "all at once");
    }

    #[test]
    fn how_far_off_estimates_were_does_not_cancel_out() {
        let mut accuracy = Accuracy::default();
        assert_eq!((accuracy.told_mean_s(), accuracy.took_mean_s(), accuracy.off_mean_s()), (0, 0, 0));
        accuracy.add(60, 30_000);
        accuracy.add(60, 90_000);
        accuracy.add(30, 30_400);
        assert_eq!((accuracy.compared, accuracy.told_mean_s(), accuracy.took_mean_s()), (3, 50, 50));
        assert_eq!(accuracy.off_mean_s(), 20);
    }

    /// Twelve agents, service of random length with a mean of five minutes, and always thirty who wait: what is
    /// told when somebody comes is compared with how long it then takes.
    #[test]
    fn the_estimate_is_right_on_the_average_and_seldom_far_off() {
        let (mut seed, mut free, mut pace) = (1_u64, BinaryHeap::new(), Pace::default());
        let mut service = || {
            seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            let chance = ((seed >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            (-chance.ln() * 300_000.0) as i64
        };
        (0..12).for_each(|_| free.push(std::cmp::Reverse(service())));
        let (mut told, mut sum, mut off, mut count) = (VecDeque::new(), 0.0, 0.0, 0.0);
        for _ in 0..4_000 {
            let std::cmp::Reverse(now) = free.pop().unwrap();
            free.push(std::cmp::Reverse(now + service()));
            pace.gone(Timestamp::from_millis(now));
            if told.len() == 30 {
                let (at, estimate): (i64, Option<u32>) = told.pop_front().unwrap();
                if let Some(estimate) = estimate {
                    let (took, estimate) = ((now - at) as f64 / 1_000.0, f64::from(estimate));
                    (sum, off, count) =
                        (sum + (estimate - took) / took, off + ((estimate - took) / took).abs(), count + 1.0);
                }
            }
            told.push_back((now, wait_s(&pace, 30, now)));
        }
        let (bias, error) = (sum / count, off / count);
        assert!(bias.abs() < 0.1, "on the average it is off by {bias:.3} of the wait");
        assert!(error < 0.3, "it is off by {error:.3} of the wait");
    }
}
