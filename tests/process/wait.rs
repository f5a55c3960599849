//! Waiting, bounded: for an event, or where a process tells of none, by looking again.
//!
//! Owns the patience of these tests. Must not know what is waited for: the caller names it, and the name is
//! what a test that waited in vain fails with.

use std::future::Future;
use std::time::Duration;

/// What becomes of a future that must come to its end soon.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("no {what} within {} s", PATIENCE.as_secs()))
}

/// Looks again and again until there is something. For what other processes do: a file that appears, an
/// end, a line in a trace.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut every = tokio::time::interval(LOOK_EVERY);
    let looking = async {
        loop {
            every.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    };
    in_time(what, looking).await
}

/// Long enough for a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOK_EVERY: Duration = Duration::from_millis(5);
