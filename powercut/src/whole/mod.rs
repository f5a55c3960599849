//! Power cuts under the whole daemon, while customers and agents talk through it.
//!
//! Owns the lives of a daemon on one disk: when the power goes, that its clients come back by themselves, and
//! that in the end everybody was shown and answered what is stored. Must not know the journal, nor how a disk
//! forgets.

mod ground;
mod people;
mod process;

use std::fmt;
use std::io;
use std::path::PathBuf;

use fastrand::Rng;
use switchboard::ready;

use crate::check::Wrong;
use crate::history::{Failure, Stopped};
use crate::life::Stage;

pub use ground::Ground;
pub use process::{Place, serve};

use people::People;
use process::Process;

/// What has happened in the lives of a daemon.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The power cuts that count, in their order.
    pub cuts: Vec<Cut>,
    /// Power cuts with fewer requests in flight, or while the daemon made good what the one before had left.
    pub other_cuts: u32,
    /// Requests that were acknowledged.
    pub acknowledged: usize,
}

/// A power cut that counts.
#[derive(Debug, Clone)]
pub struct Cut {
    /// The requests that had no answer when the power went.
    pub in_flight: u64,
    /// When it went, and what was left.
    pub how: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} requests in flight", self.how, self.in_flight)
    }
}

/// Why lives came to no good end.
enum Trouble {
    Wrong(Wrong),
    Rig(io::Error),
}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Self {
        Self::Wrong(wrong)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Rig(error)
    }
}

/// Lives lives of a daemon on one disk until there were so many power cuts that count.
///
/// # Errors
/// When something is not as it was acknowledged or shown, or somebody cannot go on.
pub fn run(stage: &Stage, ground: Ground, seed: u64, cuts: usize) -> Result<Tally, Stopped> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let home = tempfile::tempdir_in(&stage.folder)?;
    let mut lives = Lives {
        program: stage.program.clone(),
        home: home.path().to_owned(),
        ground,
        rng: Rng::with_seed(seed),
        tally: Tally::default(),
    };
    match runtime.block_on(lives.live(cuts)) {
        Ok(()) => Ok(lives.tally),
        Err(Trouble::Rig(error)) => Err(Stopped::Rig(error)),
        Err(Trouble::Wrong(wrong)) => {
            let last = lives.tally.cuts.last().map_or("before the first cut".to_owned(), Cut::to_string);
            let life = format!("{} cuts of the whole daemon; the last: {last}", lives.tally.cuts.len());
            let trace = process::trace(&lives.home);
            Err(Stopped::Wrong(Box::new(Failure { seed, life, wrong: vec![wrong], trace })))
        }
    }
}

struct Lives {
    program: PathBuf,
    home: PathBuf,
    ground: Ground,
    rng: Rng,
    tally: Tally,
}

impl Lives {
    async fn live(&mut self, cuts: usize) -> Result<(), Trouble> {
        let mut place = Place { data: self.home.join("disk").join(DATA), listen: "127.0.0.1:0".to_owned() };
        let mut daemon = self.begin(&place)?;
        let ready = daemon.ready().await?;
        place.listen = ready.addresses.first().map(ToString::to_string).unwrap_or_default();
        let mut people = People::gather(&ready).await?;
        self.ground.lie_from_now();
        while self.tally.cuts.len() < cuts {
            if self.tally.other_cuts as usize > 2 * cuts + MORE {
                return Err(io::Error::other("too few cuts come with enough in flight").into());
            }
            let moment = self.ground.power_goes(&mut self.rng, daemon.pid()?).await?;
            let at_cut = people.progress();
            drop(daemon);
            let answered = people.until_quiet().await?;
            let how = format!("{moment}; {}", self.ground.forget(&mut self.rng)?);
            self.count(Cut { in_flight: at_cut.unanswered_at(&answered), how });
            while self.rng.u8(..4) == 0 {
                // Also while it makes good what the cut before has left.
                daemon = self.begin(&place)?;
                self.ground.power_goes(&mut self.rng, daemon.pid()?).await?;
                drop(daemon);
                self.ground.forget(&mut self.rng)?;
                self.tally.other_cuts += 1;
            }
            daemon = self.begin(&place)?;
            daemon.ready().await?;
            people.until_resumed(&answered).await?;
        }
        self.tally.acknowledged = people.prove(&ready).await?;
        let demo =
            ready::read(&ready::demo_file(&place.data)).map_err(|error| Wrong::Problem(error.to_string()))?;
        if ready.demo.as_ref() != Some(&demo) {
            return Err(Wrong::Problem("the credentials of the first start are gone".to_owned()).into());
        }
        drop(daemon);
        Ok(self.ground.unmount()?)
    }

    fn begin(&mut self, place: &Place) -> io::Result<Process> {
        self.ground.mount(&self.home.join("disk"))?;
        Process::start(&self.program, &self.home, place)
    }

    fn count(&mut self, cut: Cut) {
        if cut.in_flight >= IN_FLIGHT_MIN {
            self.tally.cuts.push(cut);
        } else {
            self.tally.other_cuts += 1;
        }
    }
}

/// A power cut counts when so many requests have no answer.
pub const IN_FLIGHT_MIN: u64 = 50;

/// The data folder on the disk: two folders deep, so that both must be made to last.
const DATA: &str = "srv/data";

/// So many cuts that do not count are no sign of anything.
const MORE: usize = 20;
