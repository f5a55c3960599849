//! What idle connections and conversations cost the daemon in memory.
//!
//! Owns the steps after which its memory is looked at. Memory that a process has used once it rarely gives
//! back, so each figure is a difference between two states in which the same things happen at the same
//! time, and the first of anything is not counted. Must not know what the memory is used for.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use switchboard_client::vocabulary::{Content, MessageText};
use switchboard_client::{Client, Endpoint};

use crate::process::Process;
use crate::report::{MemoryReport, MemoryStep};
use crate::target::Target;
use crate::{Failure, clock, pairs};

/// Opens so many connections of customers who do nothing.
///
/// # Errors
/// When they cannot be opened, or the daemon is not on this machine.
pub async fn idle_connections(
    count: usize,
    sockets: usize,
    target: &Target,
) -> Result<MemoryReport, Failure> {
    let mut steps = Steps::of(target)?;
    let sockets = pairs::sockets(sockets)?;
    let run = clock::run_name();
    let customers = |from: usize, to: usize| {
        let options = (from..to).map(|number| target.customer(&format!("{run}-{number}")));
        options.collect::<Result<Vec<_>, _>>()
    };
    let first = pairs::connect_all(&sockets, customers(0, FIRST)?).await?;
    let before = steps.look(format!("{FIRST} connections"), None).await?;
    let clients = pairs::connect_all(&sockets, customers(FIRST, FIRST + count)?).await?;
    steps.look(format!("{count} more idle connections"), Some((before, count))).await?;
    for client in first.into_iter().chain(clients) {
        drop(tokio::spawn(client.close()));
    }
    steps.look("none".to_owned(), None).await?;
    Ok(MemoryReport { what: "idle connections", steps: steps.taken })
}

/// Begins so many conversations, twice, and lets them fall asleep in between. Each customer leaves after a
/// message; `asleep_after` is how long the daemon lets a conversation without followers stay awake, which
/// must be longer than it takes to begin them all.
///
/// # Errors
/// When they cannot be begun, or the daemon is not on this machine.
pub async fn conversations(
    count: usize,
    asleep_after: Duration,
    sockets: usize,
    target: &Target,
) -> Result<MemoryReport, Failure> {
    let mut steps = Steps::of(target)?;
    let sockets = pairs::sockets(sockets)?;
    let run = clock::run_name();
    begin(&sockets, target, &format!("{run}-first"), FIRST).await?;
    let before = steps.look(format!("{FIRST} conversations"), None).await?;
    let begun = clock::now();
    begin(&sockets, target, &format!("{run}-a"), count).await?;
    let awake = steps.look(format!("{count} more, awake"), Some((before, count))).await?;
    if Duration::from_micros(clock::now() - begun) > asleep_after {
        return Err(Failure("the first fell asleep before the last had begun; begin fewer".to_owned()));
    }
    // One that had something to do meanwhile is looked at again after as long a time.
    tokio::time::sleep(asleep_after * 2 + SETTLE).await;
    steps.look("all of them asleep".to_owned(), None).await?;
    begin(&sockets, target, &format!("{run}-b"), count).await?;
    steps.look(format!("{count} asleep, {count} more awake"), Some((awake, count))).await?;
    Ok(MemoryReport { what: "conversations", steps: steps.taken })
}

/// Begins conversations with one message each.
async fn begin(sockets: &[Endpoint], target: &Target, run: &str, count: usize) -> Result<(), Failure> {
    let beginning = (0..count).map(|number| {
        let options = target.customer(&format!("{run}-{number}"));
        let socket = &sockets[number % sockets.len()];
        async move {
            let client = Client::connect_on(socket, options?).await.map_err(Failure::of("connecting"))?;
            let conversation = client.open().await.map_err(Failure::of("opening a conversation"))?;
            let text = MessageText::new("x".repeat(MESSAGE_BYTES)).map_err(Failure::of("a message"))?;
            let posted = client.post(conversation, Content::text(text)).await;
            posted.map_err(Failure::of("posting a message"))?;
            client.close().await.map_err(Failure::of("leaving"))
        }
    });
    stream::iter(beginning).buffer_unordered(AT_ONCE).try_collect().await
}

/// The daemon, and what was seen of it.
struct Steps {
    daemon: Process,
    taken: Vec<MemoryStep>,
}

impl Steps {
    fn of(target: &Target) -> Result<Self, Failure> {
        let daemon = target.pid.map(Process);
        let daemon = daemon.ok_or_else(|| Failure("the daemon's process is not known".to_owned()))?;
        Ok(Self { daemon, taken: Vec::new() })
    }

    /// Looks at the memory when everything has come to rest.
    async fn look(&mut self, state: String, since: Option<(u64, usize)>) -> Result<u64, Failure> {
        tokio::time::sleep(SETTLE).await;
        let resident_bytes = self.daemon.resident_bytes()?;
        let bytes_each =
            since.map(|(before, count)| (resident_bytes as f64 - before as f64) / count.max(1) as f64);
        self.taken.push(MemoryStep { state, resident_bytes, bytes_each });
        Ok(resident_bytes)
    }
}

/// The first so many of anything, which also pay for what is made once.
const FIRST: usize = 100;

/// How long the daemon may take to come to rest.
const SETTLE: Duration = Duration::from_secs(3);

/// Customers who are connected at a time while conversations are begun.
const AT_ONCE: usize = 16;

const MESSAGE_BYTES: usize = 200;
