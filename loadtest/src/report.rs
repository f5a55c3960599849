//! What a measurement has found, as a table for people and as JSON for programs.
//!
//! Owns the names of the figures. Must not know how they came about.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;
use switchboard_client::wire::StageLatency;

/// What a load has shown.
#[derive(Debug, Serialize)]
pub struct LoadReport {
    /// Pairs of a customer and an agent.
    pub pairs: usize,
    /// Agents besides who followed a desk.
    pub desks: usize,
    /// What all of them were told together, the warm-up included.
    pub desk_updates: u64,
    /// The messages' size, in bytes.
    pub bytes: usize,
    /// The rate that was asked for, in messages a second; 0 is as fast as possible.
    pub rate: f64,
    /// How long was measured, in seconds.
    pub seconds: f64,
    /// Messages that were sent, those of the warm-up included. So for the counts below.
    pub sent: u64,
    /// Messages that were accepted.
    pub acknowledged: u64,
    /// Messages that reached the other end.
    pub delivered: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// The first refusal, or what the first spoiled thing was.
    pub first_fault: Option<String>,
    /// Messages that did not reach both ends.
    pub lost: u64,
    /// Messages that reached an end more than once.
    pub repeated: u64,
    /// Messages that reached an end after a later one of the same sender.
    pub out_of_order: u64,
    /// Messages that are not as they were sent, and events that do not follow on the one before.
    pub spoiled: u64,
    /// Messages accepted a second, in the measured time.
    pub per_second: f64,
    /// What the ends saw, in the measured time.
    pub latencies: Latencies,
    /// What the daemon saw since it started.
    pub stages: Vec<StageLatency>,
    /// What the daemon used, if it runs on this machine.
    pub daemon: Option<Cost>,
    /// What the load tester used.
    pub tester: Cost,
}

impl LoadReport {
    /// Whether every message arrived once, in order, as it was sent.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        let faults = self.lost + self.repeated + self.out_of_order + self.spoiled + self.refused;
        faults == 0 && self.sent == self.acknowledged && self.sent == self.delivered
    }
}

/// What a process used.
#[derive(Debug, Serialize)]
pub struct Cost {
    /// Processor time for a message, in microseconds.
    pub cpu_us_per_message: f64,
    /// The share of one processor, in percent.
    pub cpu_percent: f64,
    /// Memory at the end, in bytes.
    pub resident_bytes: u64,
}

/// Latencies, from when a message was due and from when it was sent.
#[derive(Debug, Serialize)]
pub struct Latencies {
    /// How late it was sent: what the tester itself adds.
    pub due_to_sent: Figures,
    /// Until its sender had the answer.
    pub due_to_acknowledged: Figures,
    /// The same from the sending.
    pub sent_to_acknowledged: Figures,
    /// Until the other end had it.
    pub due_to_delivered: Figures,
    /// The same from the sending.
    pub sent_to_delivered: Figures,
}

/// The figures of a histogram, in microseconds.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// How many were measured.
    pub count: u64,
    /// The mean.
    pub mean_us: f64,
    /// The median.
    pub p50_us: u64,
    /// 90 % are at most this.
    pub p90_us: u64,
    /// 99 % are at most this.
    pub p99_us: u64,
    /// 99.9 % are at most this.
    pub p999_us: u64,
    /// The largest.
    pub max_us: u64,
}

impl From<&Histogram<u64>> for Figures {
    fn from(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            count: histogram.len(),
            mean_us: histogram.mean(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
        }
    }
}

/// What calls have shown.
#[derive(Debug, Serialize)]
pub struct CallReport {
    /// Customers, each with one call at a time.
    pub customers: usize,
    /// Agents.
    pub agents: usize,
    /// The most consultations that each may have.
    pub maximum: u32,
    /// The rate that was asked for, in calls a second.
    pub rate: f64,
    /// From the first call until the last was completed, in seconds.
    pub seconds: f64,
    /// From when a call was due until its customer had the answer.
    pub due_to_called: Figures,
    /// From then until an agent who watches saw whom it was assigned to.
    pub due_to_assigned: Figures,
}

/// What connections or conversations cost in memory.
#[derive(Debug, Serialize)]
pub struct MemoryReport {
    /// What was counted.
    pub what: &'static str,
    /// The steps, in order.
    pub steps: Vec<MemoryStep>,
}

/// A step of a measurement of memory.
#[derive(Debug, Serialize)]
pub struct MemoryStep {
    /// What is there at its end.
    pub state: String,
    /// The daemon's memory then, in bytes.
    pub resident_bytes: u64,
    /// What it is more than in an earlier step, for each of those that were counted, in bytes.
    pub bytes_each: Option<f64>,
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = if self.rate > 0.0 { format!("{} a second", self.rate) } else { "any rate".to_owned() };
        writeln!(
            f,
            "{} pairs, {}-byte messages, {rate}, {:.1} s measured\n",
            self.pairs, self.bytes, self.seconds
        )?;
        writeln!(
            f,
            "sent {}   acknowledged {}   delivered {}",
            self.sent, self.acknowledged, self.delivered
        )?;
        let Self { refused, lost, repeated, out_of_order, spoiled, .. } = self;
        writeln!(
            f,
            "lost {lost}   repeated {repeated}   out of order {out_of_order}   spoiled {spoiled}   refused {refused}"
        )?;
        if let Some(why) = &self.first_fault {
            writeln!(f, "the first of them: {why}")?;
        }
        if self.desks > 0 {
            writeln!(f, "{} desks, told of {} changes", self.desks, self.desk_updates)?;
        }
        writeln!(f, "{:.0} a second\n", self.per_second)?;
        head(f, "milliseconds")?;
        let Latencies {
            due_to_sent,
            due_to_acknowledged,
            sent_to_acknowledged,
            due_to_delivered,
            sent_to_delivered,
        } = &self.latencies;
        row(f, "due → sent", due_to_sent)?;
        row(f, "due → acknowledged", due_to_acknowledged)?;
        row(f, "sent → acknowledged", sent_to_acknowledged)?;
        row(f, "due → delivered", due_to_delivered)?;
        row(f, "sent → delivered", sent_to_delivered)?;
        for stage in &self.stages {
            let StageLatency { stage, count, p50_us, p90_us, p99_us, p999_us, max_us } = stage;
            line(f, &format!("daemon: {stage}"), *count, [*p50_us, *p90_us, *p99_us, *p999_us, *max_us])?;
        }
        writeln!(f)?;
        for (who, cost) in [("daemon", self.daemon.as_ref()), ("tester", Some(&self.tester))] {
            if let Some(Cost { cpu_us_per_message, cpu_percent, resident_bytes }) = cost {
                let mib = *resident_bytes as f64 / f64::from(1 << 20);
                writeln!(
                    f,
                    "{who}: {cpu_us_per_message:.1} µs of processor a message ({cpu_percent:.0} %), {mib:.0} MiB"
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for CallReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { customers, agents, maximum, rate, seconds, .. } = self;
        writeln!(
            f,
            "{customers} customers, {agents} agents of at most {maximum}, {rate} a second, {seconds:.1} s\n"
        )?;
        head(f, "milliseconds")?;
        row(f, "due → called", &self.due_to_called)?;
        row(f, "due → assigned", &self.due_to_assigned)
    }
}

impl fmt::Display for MemoryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<48} {:>12} {:>16}", "", "KiB", "KiB each")?;
        for MemoryStep { state, resident_bytes, bytes_each } in &self.steps {
            let each = bytes_each.map_or_else(String::new, |bytes| format!("{:.1}", bytes / 1024.0));
            writeln!(f, "{state:<48} {:>12} {each:>16}", resident_bytes / 1024)?;
        }
        Ok(())
    }
}

fn head(f: &mut fmt::Formatter<'_>, unit: &str) -> fmt::Result {
    let [p50, p90, p99, p999, max] = ["50 %", "90 %", "99 %", "99.9 %", "max"];
    writeln!(f, "{unit:<22} {:>9} {p50:>9} {p90:>9} {p99:>9} {p999:>9} {max:>9}", "count")
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, figures: &Figures) -> fmt::Result {
    let Figures { count, p50_us, p90_us, p99_us, p999_us, max_us, .. } = figures;
    line(f, name, *count, [*p50_us, *p90_us, *p99_us, *p999_us, *max_us])
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, count: u64, micros: [u64; 5]) -> fmt::Result {
    write!(f, "{name:<22} {count:>9}")?;
    for micros in micros {
        write!(f, " {:>9.3}", micros as f64 / 1_000.0)?;
    }
    writeln!(f)
}
