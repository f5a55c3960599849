//! The power-cut rig's command line, and the command line of its children.
//!
//! Owns the flags and what is printed. Must not know what a history is made of.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program talks with people")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use switchboard::journal::CrashPoint;
use switchboard_powercut::child::{self, Orders};
use switchboard_powercut::disk::Lie;
use switchboard_powercut::history::{self, Tally};
use switchboard_powercut::life::Stage;
use switchboard_powercut::report::point_named;
use switchboard_powercut::whole::{self, Ground, Place};

/// Cuts the power under the journal and looks whether everything acknowledged is there.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    child: Option<Child>,
    /// How many power cuts there are to be, each with at least 50 entries outstanding.
    #[arg(long, default_value_t = 1_000)]
    cuts: usize,
    /// The first seed. One that failed is run again as it was.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Instead of the journal: cut the power under the whole daemon, with so many clients' requests in flight.
    #[arg(long)]
    whole: bool,
    /// With --whole: on a file system on a loop device, for machines without FUSE.
    #[arg(long, requires = "whole")]
    r#loop: bool,
}

#[derive(Subcommand)]
enum Child {
    /// Writes until it is killed; started by the rig.
    #[command(hide = true)]
    Live(Said),
    /// Says what is stored; started by the rig.
    #[command(hide = true)]
    Check(Said),
    /// Is the daemon; started by the rig.
    #[command(hide = true)]
    Serve(Served),
}

#[derive(Args)]
struct Served {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    listen: String,
    #[arg(long)]
    ready_file: PathBuf,
}

#[derive(Args)]
struct Said {
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    die_at: Option<String>,
    #[arg(long, default_value_t = 1)]
    times: u32,
    #[arg(long)]
    stop_after: Option<u64>,
}

impl Said {
    fn orders(self) -> Orders {
        let point = self.die_at.as_deref().and_then(point_named);
        Orders {
            dir: self.dir,
            seed: self.seed,
            die_at: point.map(|point| (point, self.times)),
            stop_after: self.stop_after,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.child {
        Some(Child::Live(said)) => child::live(&said.orders()).map_err(|error| error.to_string()),
        Some(Child::Check(said)) => child::check(&said.orders()).map_err(|error| error.to_string()),
        Some(Child::Serve(Served { dir, listen, ready_file })) => {
            whole::serve(&Place { data: dir, listen }, &ready_file).map_err(|error| error.to_string())
        }
        None => cut(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn cut(arguments: &Arguments) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let stage = Stage { program, folder: folder.path().to_owned() };
    if arguments.r#loop {
        let ground = Ground::loopback(&stage.folder).map_err(|error| error.to_string())?;
        return cut_whole(&stage, ground, arguments);
    }
    stage.can_mount().map_err(|error| format!("no file system can be mounted here: {error}"))?;
    if arguments.whole {
        return cut_whole(&stage, Ground::memory(Lie::None), arguments);
    }
    let tally = history::run(&stage, arguments.seed, arguments.cuts, Lie::None);
    print(&tally.map_err(|stopped| stopped.to_string())?);
    Ok(())
}

fn cut_whole(stage: &Stage, ground: Ground, arguments: &Arguments) -> Result<(), String> {
    println!("{ground}");
    let tally = whole::run(stage, ground, arguments.seed, arguments.cuts);
    let tally = tally.map_err(|stopped| stopped.to_string())?;
    tally.cuts.iter().for_each(|cut| println!("{cut}"));
    println!("{} more; {} requests were acknowledged, none missing", tally.other_cuts, tally.acknowledged);
    Ok(())
}

fn print(tally: &Tally) {
    println!(
        "{} power cuts with at least {} entries outstanding, {} with fewer, {} kills",
        tally.cuts.len(),
        tally.cuts.iter().min().unwrap_or(&0),
        tally.early_cuts,
        tally.kills
    );
    println!(
        "{} entries acknowledged, none missing; {} stores made anew; at most {} bytes of a store unsynced",
        tally.acknowledged, tally.rebuilt, tally.store_unsynced_max
    );
    for point in CrashPoint::ALL {
        let passed = if tally.passed.contains(point) { "passed" } else { "never passed" };
        println!("{point:?}: {passed}");
    }
}
