//! A history: several lives on one disk, each ended by a power cut or a kill, each looked at afterwards.
//!
//! Owns the choices of a seed: when the power goes, what of the unsynced writes is left, what is killed
//! only. Must not know how a choice is carried out.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use fastrand::Rng;
use switchboard::journal::CrashPoint;

use crate::check::{Told, Wrong};
use crate::disk::{Disk, Lie, Mode, Moment};
use crate::life::{DATA, End, Kind, Life, OUTSTANDING_MIN, Said, Stage};
use crate::story::Story;

/// What has happened in some histories.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Entries that were outstanding when the power went, for each of the cuts that count: enough.
    pub cuts: Vec<usize>,
    /// Power cuts while the journal opened, or with little outstanding.
    pub early_cuts: u32,
    /// Processes that were killed while the power stayed on.
    pub kills: u32,
    /// Entries that were acknowledged.
    pub acknowledged: usize,
    /// The most bytes that the store had not synced when the power went.
    pub store_unsynced_max: usize,
    /// How often the store was made anew behind a cut.
    pub rebuilt: u32,
    /// The crash points that were passed.
    pub passed: BTreeSet<CrashPoint>,
}

/// A history that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// The seed: the same one makes the same choices again.
    pub seed: u64,
    /// What the last life was.
    pub life: String,
    /// What is wrong.
    pub wrong: Vec<Wrong>,
    /// What the check said to nobody.
    pub trace: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.life)?;
        self.wrong.iter().try_for_each(|wrong| writeln!(f, "  {wrong}"))?;
        f.write_str(&self.trace)
    }
}

/// Why histories came to no good end.
#[derive(Debug)]
pub enum Stopped {
    /// One went wrong.
    Wrong(Box<Failure>),
    /// The rig itself failed.
    Rig(io::Error),
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(failure) => failure.fmt(f),
            Self::Rig(error) => write!(f, "the rig failed: {error}"),
        }
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Rig(error)
    }
}

/// Lives histories from a seed on until there were so many power cuts that count.
///
/// # Errors
/// At the first history that goes wrong.
pub fn run(stage: &Stage, first: u64, cuts: usize, lie: Lie) -> Result<Tally, Stopped> {
    let mut tally = Tally::default();
    for seed in first.. {
        if tally.cuts.len() >= cuts {
            break;
        }
        history(stage, seed, lie, &mut tally)?;
    }
    Ok(tally)
}

/// Lives the history of a seed.
///
/// # Errors
/// When it goes wrong.
pub fn history(stage: &Stage, seed: u64, lie: Lie, tally: &mut Tally) -> Result<(), Stopped> {
    let mut rng = Rng::with_seed(seed);
    let mut disk = Disk::new(lie);
    let mut told = Told::default();
    let is_long = Story::new(seed).is_long();
    for number in 0..if is_long { LONG_LIVES } else { LIVES } {
        let life = Life { kind: Kind::Live, seed, end: end(&mut rng, number, is_long) };
        let said = stage.live(&mut disk, &life)?;
        told.hear(&said);
        tally.passed.extend(&said.passed);
        tally.acknowledged += said.durable.len();
        if rng.u8(..6) == 0 {
            tally.kills += 1;
            continue;
        }
        let (mode, cut_seed) = (Mode::ALL[rng.usize(..Mode::ALL.len())], rng.u64(..));
        let unsynced = disk.unsynced_bytes(&Path::new(DATA).join("store").join("db"));
        tally.store_unsynced_max = tally.store_unsynced_max.max(unsynced);
        disk = disk.cut(cut_seed, mode);
        count(&said, tally);
        let what = format!("life {number} ended {:?} with {mode:?} kept, {}", life.end, summary(&said));
        look(stage, &disk, seed, &told, what, tally)?;
    }
    Ok(())
}

/// Looks at a copy of a disk, so that the next life finds it as the power cut left it.
///
/// # Errors
/// When what was told is not what is found.
pub fn look(
    stage: &Stage,
    disk: &Disk,
    seed: u64,
    told: &Told,
    life: String,
    tally: &mut Tally,
) -> Result<Said, Stopped> {
    let found = stage.live(&mut disk.clone(), &Life { kind: Kind::Check, seed, end: End::Done })?;
    tally.passed.extend(&found.passed);
    if matches!(&found.opened, Some(Some(_))) {
        tally.rebuilt += 1;
    }
    let wrong = told.compare(&found, seed);
    if wrong.is_empty() {
        Ok(found)
    } else {
        Err(Stopped::Wrong(Box::new(Failure { seed, life, wrong, trace: found.trace })))
    }
}

/// What is worth knowing of a life.
#[must_use]
pub fn summary(said: &Said) -> String {
    let Said { durable, outstanding, opened, is_late, .. } = said;
    format!("{} acknowledged, {outstanding} outstanding, opened {opened:?}, late {is_late}", durable.len())
}

fn count(said: &Said, tally: &mut Tally) {
    if said.outstanding >= OUTSTANDING_MIN {
        tally.cuts.push(said.outstanding);
    } else {
        tally.early_cuts += 1;
    }
}

/// When the power goes. A new store lives its first life shortly.
fn end(rng: &mut Rng, number: u32, is_long: bool) -> End {
    if is_long {
        return End::Running(Moment::BeforeSync, rng.u32(20..60));
    }
    let moments = [Moment::BeforeSync, Moment::AfterSync, Moment::BeforeWrite, Moment::AfterName];
    let moment = moments[rng.usize(..moments.len())];
    let first = number == 0;
    if rng.u8(..5) == 0 {
        return End::Opening(moment, rng.u32(..if first { 12 } else { 30 }));
    }
    let most = match moment {
        Moment::BeforeSync | Moment::AfterSync | Moment::BeforeWrite if first => 10,
        Moment::BeforeSync | Moment::AfterSync => 20,
        Moment::BeforeWrite => 60,
        Moment::AfterName => 6,
    };
    End::Running(moment, rng.u32(..most))
}

/// Lives of a history.
const LIVES: u32 = 6;

/// Lives of a history of long ones.
const LONG_LIVES: u32 = 3;
