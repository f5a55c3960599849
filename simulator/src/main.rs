//! The simulator's command line.
//!
//! Owns the flags and what is printed. Must not know how a seed is run.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks with people")]

use std::process::ExitCode;

use clap::Parser;
use switchboard::machines::planted::Bug;
use switchboard_simulator::{Summary, run_seed, run_seeds};

/// Runs the engine's state machines through seeded simulations and checks its promises.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 15_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Runs this one only.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints every step; with --seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Plants a mistake that must be found, by its name.
    #[arg(long)]
    bug: Option<String>,
    /// How many threads to use; by default one for each processor.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bug = match arguments.bug.as_deref().map(bug_named).transpose() {
        Ok(bug) => bug,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    match arguments.seed {
        Some(seed) => one(seed, bug, arguments.trace),
        None => {
            let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            let threads = arguments.threads.unwrap_or_else(processors);
            many(&run_seeds(arguments.first, arguments.seeds, threads, bug))
        }
    }
}

fn one(seed: u64, bug: Option<Bug>, prints_trace: bool) -> ExitCode {
    let outcome = run_seed(seed, bug, prints_trace);
    if prints_trace {
        outcome.trace.iter().for_each(|line| println!("{line}"));
    }
    println!("seed {seed}: {} steps, fingerprint {:016x}", outcome.steps, outcome.fingerprint);
    match outcome.failure {
        Some(failure) => {
            println!("step {}: {}\n  {}", failure.step, failure.promise, failure.what);
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

fn many(summary: &Summary) -> ExitCode {
    for (count, times) in summary.tally.iter() {
        println!("{times:>12}  {}", count.text());
    }
    println!("{} seeds, {} steps", summary.seeds, summary.steps);
    if let Some(failure) = &summary.failure {
        println!("\n{failure}");
        return ExitCode::FAILURE;
    }
    let missing = summary.tally.missing();
    for count in &missing {
        println!("never happened: {}", count.text());
    }
    if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bug_named(name: &str) -> Result<Bug, String> {
    let named = Bug::ALL.iter().copied().find(|bug| format!("{bug:?}").eq_ignore_ascii_case(name));
    named.ok_or_else(|| format!("bug: there is none called {name}; there are {:?}", Bug::ALL))
}
