//! The only reader of time and randomness.
//!
//! Owns what "now" is and how fresh ids come about. Everything that decides is told the time; what
//! is told here is for the shells.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use switchboard_protocol::vocabulary::{
    ConsultationId, ConversationId, InstanceId, MemberId, ProfileId, SessionId, Timestamp, WorkspaceId,
};

/// The time of day, UTC.
#[must_use]
pub fn now() -> Timestamp {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    let now = SystemTime::now();
    let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let now = Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    #[cfg(test)]
    let now = by_hand::shown(now);
    now
}

/// A moment to measure from; it never runs backwards.
#[must_use]
pub fn instant() -> Instant {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    Instant::now()
}

/// Random bytes from the operating system.
///
/// # Panics
/// When the system has no randomness to give: nothing can be made safely then.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[allow(clippy::expect_used, reason = "without randomness no id and no secret can be made")]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// The time of day after a while.
#[must_use]
pub fn after(wait: Duration) -> Timestamp {
    let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now().as_millis().saturating_add(wait))
}

/// How long to wait for a time of day: a minute at the most, then it is to be looked again, since timers know
/// nothing of a clock that is set.
#[must_use]
pub fn wait_for(at: Timestamp) -> Duration {
    let left = at.as_millis().saturating_sub(now().as_millis()).max(1).unsigned_abs();
    let at_the_latest = LOOK_AT_THE_LATEST;
    #[cfg(test)]
    let at_the_latest = by_hand::look_within(at_the_latest);
    Duration::from_millis(left).min(at_the_latest)
}

/// Where chance comes from in a decision that is to be made again from its record.
#[must_use]
pub fn seed() -> u64 {
    u64::from_le_bytes(random())
}

/// A fresh secret, as 32 hexadecimal digits.
#[must_use]
pub fn token() -> String {
    random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random number below a bound; zero when the bound is zero.
#[must_use]
pub fn random_below(bound: u32) -> u32 {
    share(u32::from_le_bytes(random()), bound)
}

/// The number below a bound that is as far up as `random` is within its range.
fn share(random: u32, bound: u32) -> u32 {
    // The product's high half is even to within 2^-32, which is plenty for spreading load.
    let wide = u64::from(random) * u64::from(bound);
    (wide >> 32) as u32
}

macro_rules! fresh {
    ($($(#[$doc:meta])* $name:ident $id:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name() -> $id {
            $id::v7(now().as_millis(), random())
        }
    )*};
}

fresh! {
    /// A fresh id for a conversation.
    conversation_id ConversationId;
    /// A fresh id for a consultation.
    consultation_id ConsultationId;
    /// A fresh id for a workspace.
    workspace_id WorkspaceId;
    /// A fresh id for a profile.
    profile_id ProfileId;
    /// A fresh id for a member.
    member_id MemberId;
    /// A fresh id for a session.
    session_id SessionId;
    /// A fresh id for a client instance.
    instance_id InstanceId;
}

/// How long to wait without a look at the time of day.
const LOOK_AT_THE_LATEST: Duration = Duration::from_secs(60);

/// A clock that a test sets, for its own thread and for the actors that run there. Whoever waits for a time of day
/// looks at it often: a minute is as long as the test says.
#[cfg(test)]
pub mod by_hand {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static AHEAD_MS: Cell<Option<i64>> = const { Cell::new(None) };
    }

    /// From now on the clock shows this, and goes on from there.
    pub fn shows(at: Timestamp) {
        AHEAD_MS.set(None);
        AHEAD_MS.set(Some(at.as_millis() - now().as_millis()));
    }

    /// It is so much later now.
    pub fn passes(time: Duration) {
        shows(after(time));
    }

    pub(super) fn shown(now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() + AHEAD_MS.get().unwrap_or(0))
    }

    pub(super) fn look_within(otherwise: Duration) -> Duration {
        AHEAD_MS.get().map_or(otherwise, |_| Duration::from_millis(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_drawn_is_below_the_bound(random: u32, bound in 1..u32::MAX) {
            prop_assert!(share(random, bound) < bound);
            prop_assert_eq!(share(random, 0), 0);
        }

        /// Random numbers that are even over their range give waits that are even over theirs: of ten thousand,
        /// each tenth of the window gets a thousand, but for those at its two edges.
        #[test]
        fn draws_are_spread_over_the_whole_window(first in 0..STEP, bound in 1_000_u32..600_000) {
            let mut tenths = [0_u32; 10];
            for at in 0..DRAWS {
                let wait = share(first + at * STEP, bound);
                tenths[(u64::from(wait) * 10 / u64::from(bound)) as usize] += 1;
            }
            // A wait is a whole number, so a tenth of a small window is not exactly a tenth of the draws.
            let edge = DRAWS / bound + 2;
            prop_assert!(tenths.iter().all(|draws| draws.abs_diff(DRAWS / 10) <= edge), "{tenths:?}");
        }
    }

    const DRAWS: u32 = 10_000;

    const STEP: u32 = u32::MAX / DRAWS;
}
