//! One load, from its first connection to its last answer.
//!
//! Owns the order of the steps: open the pairs, send, wait for what is on its way, close, add up. Must
//! not know how any of them is done.

use std::sync::Arc;
use std::time::Duration;

use switchboard_client::wire::StageLatency;
use tokio::task::JoinHandle;

use crate::clock::Micros;
use crate::desks::Desks;
use crate::pace::Sent;
use crate::pairs::{OpenPair, Pair};
use crate::payload::Side;
use crate::plan::Load;
use crate::process::Process;
use crate::receive::{Received, Receiver};
use crate::report::{Cost, LoadReport};
use crate::tally::Tally;
use crate::target::Target;
use crate::{Failure, clock, pace, pairs};

/// Puts the load on the daemon.
///
/// # Errors
/// When it could not be put on it. What was lost or came twice is in the report.
pub async fn run(load: &Load, target: &Target) -> Result<LoadReport, Failure> {
    target.let_agents_share().await?;
    let open = pairs::open(load, target).await?;
    let desks = Desks::open(load.desks, target).await?;
    let tally = Arc::new(Tally::new()?);
    let (pairs, receiving) = receive(open, load.bytes, &tally);
    let pairs = Arc::new(pairs);

    let begin = clock::now() + BEGIN_AFTER_MICROS;
    let measured = begin + micros(load.warm_up);
    let end = measured + micros(load.time);
    tally.measure(measured..end);
    let usage = tokio::spawn(watch_usage(target.pid, measured, end));
    let sent = if load.rate > 0.0 {
        pace::at_a_rate(load, &pairs, begin..end, &tally).await
    } else {
        pace::flat_out(load, &pairs, begin..end, &tally).await
    };
    let usage = usage.await.map_err(Failure::of("watching the processes"))??;
    let expected = sent.iter().flatten().sum::<u64>();
    let settled = tally.wait_until(|counts| {
        let refused = counts.refused;
        counts.acknowledged + refused >= expected && counts.delivered + refused >= expected
    });
    // What has not come by then is lost, and reported so.
    let _ = tokio::time::timeout(SETTLE_WAIT, settled).await;
    let stages = stages(&pairs).await?;
    let desk_updates = desks.close().await;
    close(pairs).await;
    let received = joined(receiving).await?;
    let report = usage.report(load, &tally, &sent, &received, stages)?;
    Ok(LoadReport { desk_updates, ..report })
}

/// Begins to receive at both ends of every pair.
fn receive(open: Vec<OpenPair>, bytes: usize, tally: &Arc<Tally>) -> (Vec<Pair>, Vec<JoinHandle<Received>>) {
    let mut pairs = Vec::with_capacity(open.len());
    let mut receiving = Vec::with_capacity(open.len() * 2);
    for (number, OpenPair { pair, customer, agent }) in open.into_iter().enumerate() {
        for (side, following) in [(Side::Customer, customer), (Side::Agent, agent)] {
            let receiver = Receiver { pair: number, side, bytes, tally: Arc::clone(tally) };
            receiving.push(tokio::spawn(receiver.run(following)));
        }
        pairs.push(pair);
    }
    (pairs, receiving)
}

async fn stages(pairs: &[Pair]) -> Result<Vec<StageLatency>, Failure> {
    match pairs.first() {
        Some(pair) => pair.end(Side::Agent).latency().await.map_err(Failure::of("asking for latencies")),
        None => Ok(Vec::new()),
    }
}

/// Says goodbye everywhere; receivers end by it.
async fn close(pairs: Arc<Vec<Pair>>) {
    let closing: Vec<_> = pairs
        .iter()
        .flat_map(|pair| [pair.end(Side::Customer).clone(), pair.end(Side::Agent).clone()])
        .map(|client| tokio::spawn(client.close()))
        .collect();
    for client in closing {
        // What was unanswered has been counted.
        let _ = client.await;
    }
}

async fn joined(receiving: Vec<JoinHandle<Received>>) -> Result<Vec<Received>, Failure> {
    let mut received = Vec::with_capacity(receiving.len());
    for end in receiving {
        received.push(end.await.map_err(Failure::of("a receiver"))?);
    }
    Ok(received)
}

/// What was used between two moments.
struct Usage {
    daemon: Option<Spent>,
    tester: Spent,
}

struct Spent {
    cpu_micros: u64,
    resident_bytes: u64,
}

async fn watch_usage(pid: Option<u32>, from: Micros, to: Micros) -> Result<Usage, Failure> {
    let daemon = pid.map(Process);
    let spent = |process: Process| {
        Ok::<_, Failure>(Spent {
            cpu_micros: process.cpu_micros()?,
            resident_bytes: process.resident_bytes()?,
        })
    };
    let look = || Ok::<_, Failure>((daemon.map(spent).transpose()?, spent(Process::own())?));
    tokio::time::sleep(clock::until(from)).await;
    let (daemon_before, tester_before) = look()?;
    tokio::time::sleep(clock::until(to)).await;
    let (daemon, tester) = look()?;
    let since = |before: Spent, now: Spent| Spent { cpu_micros: now.cpu_micros - before.cpu_micros, ..now };
    let daemon = daemon_before.zip(daemon).map(|(before, now)| since(before, now));
    Ok(Usage { daemon, tester: since(tester_before, tester) })
}

impl Usage {
    fn report(
        self,
        load: &Load,
        tally: &Tally,
        sent: &Sent,
        received: &[Received],
        stages: Vec<StageLatency>,
    ) -> Result<LoadReport, Failure> {
        let counts = tally.counts();
        let seconds = load.time.as_secs_f64();
        let cost = |Spent { cpu_micros, resident_bytes }| Cost {
            cpu_us_per_message: cpu_micros as f64 / (counts.measured.max(1)) as f64,
            cpu_percent: cpu_micros as f64 / seconds / 10_000.0,
            resident_bytes,
        };
        if sent.len() != load.pairs {
            return Err(Failure("the sender has failed".to_owned()));
        }
        let lost = |end: &Received| -> u64 {
            end.orders.iter().zip(sent[end.pair]).map(|(order, sent)| order.lost(sent)).sum()
        };
        Ok(LoadReport {
            pairs: load.pairs,
            desks: load.desks,
            desk_updates: 0,
            bytes: load.bytes,
            rate: load.rate,
            seconds,
            sent: sent.iter().flatten().sum(),
            acknowledged: counts.acknowledged,
            delivered: counts.delivered,
            refused: counts.refused,
            first_fault: counts.first_fault,
            lost: received.iter().map(lost).sum(),
            repeated: counts.repeated,
            out_of_order: counts.out_of_order,
            spoiled: counts.spoiled,
            per_second: counts.measured as f64 / seconds,
            latencies: tally.latencies(),
            stages,
            daemon: self.daemon.map(cost),
            tester: cost(self.tester),
        })
    }
}

fn micros(time: Duration) -> Micros {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The first message is due so long after everybody is ready.
const BEGIN_AFTER_MICROS: Micros = 200_000;

/// How long what is on its way may take after the last message was sent.
const SETTLE_WAIT: Duration = Duration::from_secs(15);
