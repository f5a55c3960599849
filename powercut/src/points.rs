//! A life that ends at each crash point, once with a power cut and once without.
//!
//! Owns which disk and which life come by a crash point. Must not know what lies between two of them.

use std::io;

use fastrand::Rng;
use switchboard::journal::CrashPoint;

use crate::check::Told;
use crate::damage::Damage;
use crate::disk::{Disk, Lie, Mode, Moment};
use crate::history::{Stopped, Tally, look, summary};
use crate::life::{End, Kind, Life, Stage};

/// Disks to begin with: the seed of their story, what was told, and the disk.
pub struct Ground {
    seed: u64,
    told: Told,
    disk: Disk,
}

impl Ground {
    /// A store in the middle of things, after a power cut: a segment is open, and at its end is whatever
    /// is left of a commit.
    ///
    /// # Errors
    /// When the rig fails.
    pub fn busy(stage: &Stage, seed: u64) -> io::Result<Self> {
        Self::after(stage, seed, End::At(CrashPoint::CommitWritten, 4))
    }

    /// A store that was stopped cleanly: everything is in it.
    ///
    /// # Errors
    /// When the rig fails.
    pub fn stopped(stage: &Stage, seed: u64) -> io::Result<Self> {
        Self::after(stage, seed, End::Stopped(500))
    }

    fn after(stage: &Stage, seed: u64, end: End) -> io::Result<Self> {
        let (mut disk, mut told) = (Disk::new(Lie::None), Told::default());
        let said = stage.live(&mut disk, &Life { kind: Kind::Live, seed, end })?;
        told.hear(&said);
        Ok(Self { seed, told, disk: disk.cut(seed, Mode::PageCache) })
    }

    /// Ends a life at a crash point, once with a power cut and once without; then the power is cut under
    /// the next life as well. Says whether the point was reached.
    ///
    /// How often a life comes by a point depends on its threads: one that did not come by often enough is
    /// followed by others, which end there the first time.
    ///
    /// # Errors
    /// When something that was acknowledged is not there.
    pub fn try_point(&self, stage: &Stage, point: CrashPoint, tally: &mut Tally) -> Result<bool, Stopped> {
        let mut rng = Rng::with_seed(self.seed ^ point as u64);
        let often = if matches!(start_of(point), Start::Busy) { rng.u32(1..=3) } else { 1 };
        for nth in std::iter::once(often).chain(std::iter::repeat_n(1, TRIES_MORE)) {
            if self.end_at(stage, point, nth, &mut rng, tally)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn end_at(
        &self,
        stage: &Stage,
        point: CrashPoint,
        nth: u32,
        rng: &mut Rng,
        tally: &mut Tally,
    ) -> Result<bool, Stopped> {
        let (mut disk, mut told) = self.start(stage, point)?;
        let end = End::At(point, nth);
        let said = stage.live(&mut disk, &Life { kind: Kind::Live, seed: self.seed, end })?;
        told.hear(&said);
        tally.passed.extend(&said.passed);
        let mode = Mode::ALL[rng.usize(..Mode::ALL.len())];
        let what = format!("{point:?}, then {mode:?} kept, {}", summary(&said));
        look(stage, &disk.cut(rng.u64(..), mode), self.seed, &told, what, tally)?;

        // Soon, before a later sync makes good what the first life had left undone.
        let end = End::Running(Moment::AfterSync, rng.u32(..4));
        let next = stage.live(&mut disk, &Life { kind: Kind::Live, seed: self.seed, end })?;
        told.hear(&next);
        let what = format!("killed at {point:?}, then cut with nothing kept, {}", summary(&next));
        look(stage, &disk.cut(rng.u64(..), Mode::Nothing), self.seed, &told, what, tally)?;
        Ok(said.died == Some(point))
    }

    /// Harms a disk, and cuts the power under the start that puts it right. Says why the next start made
    /// the store anew without that, if it did.
    ///
    /// # Errors
    /// When something that was acknowledged is not there.
    pub fn try_damage(
        &self,
        stage: &Stage,
        damage: Damage,
        tally: &mut Tally,
    ) -> Result<Option<String>, Stopped> {
        let mut rng = Rng::with_seed(self.seed ^ damage as u64);
        let mut disk = self.disk.clone();
        damage.do_to(&mut disk);
        let what = format!("{damage:?}");
        let found = look(stage, &disk, self.seed, &self.told, what, tally)?;
        for mode in Mode::ALL {
            let (mut disk, mut told) = (disk.clone(), self.told.clone());
            let end = End::Opening(Moment::BeforeSync, rng.u32(1..16));
            let said = stage.live(&mut disk, &Life { kind: Kind::Live, seed: self.seed, end })?;
            told.hear(&said);
            let what = format!("{damage:?}, then {end:?} with {mode:?} kept, {}", summary(&said));
            look(stage, &disk.cut(rng.u64(..), *mode), self.seed, &told, what, tally)?;
        }
        Ok(found.opened.flatten())
    }

    fn start(&self, stage: &Stage, point: CrashPoint) -> io::Result<(Disk, Told)> {
        let (mut disk, told) = (self.disk.clone(), self.told.clone());
        match start_of(point) {
            Start::New => return Ok((Disk::new(Lie::None), Told::default())),
            Start::Used | Start::Busy => {}
            Start::Harmed(damage) => damage.do_to(&mut disk),
            Start::HarmedAgain(damage) => {
                damage.do_to(&mut disk);
                stage.live(&mut disk, &Life { kind: Kind::Check, seed: self.seed, end: End::Done })?;
                damage.do_to(&mut disk);
            }
        }
        Ok((disk, told))
    }
}

/// What a life must find so that it comes by a crash point.
enum Start {
    New,
    Used,
    /// As [`Start::Used`]; it comes by again and again.
    Busy,
    Harmed(Damage),
    /// Harmed, put right by a start, and harmed again.
    HarmedAgain(Damage),
}

fn start_of(point: CrashPoint) -> Start {
    use CrashPoint as P;
    match point {
        P::FolderMade
        | P::FormatWritten
        | P::FormatSynced
        | P::FormatRenamed
        | P::LogFolderMade
        | P::StoreFolderMade
        | P::StoreOpened
        | P::StoreLasting => Start::New,
        P::TailZeroed => Start::Harmed(Damage::LogTorn),
        P::RewriteSwept => Start::Harmed(Damage::RewritingLeft),
        P::StoreSetAside | P::RebuiltBatch | P::Rebuilt | P::AsideLasting | P::CheckpointRemoved => {
            Start::Harmed(Damage::StoreUnreadable)
        }
        P::OlderAsideRemoved => Start::HarmedAgain(Damage::StoreUnreadable),
        P::SegmentFull
        | P::SegmentEndWritten
        | P::SegmentCut
        | P::SegmentClosed
        | P::SegmentHeadWritten
        | P::SegmentHeadSynced
        | P::SegmentRenamed
        | P::SegmentBegun
        | P::RewriteBegun
        | P::RewriteWritten
        | P::RewriteSynced
        | P::RewriteRenamed
        | P::RewriteLasting
        | P::CommitMade
        | P::CommitWritten
        | P::CommitSynced
        | P::CommitReadable
        | P::FoldMade
        | P::FoldApplied => Start::Busy,
        P::TailSynced
        | P::PrepareCreated
        | P::PrepareFilled
        | P::PrepareSynced
        | P::SegmentCloseAsked
        | P::StopBegun
        | P::LogClosed
        | P::StoreSwept
        | P::PagesErased
        | P::SnapshotMade
        | P::SnapshotApplied
        | P::CheckpointDue
        | P::CheckpointStoreSynced
        | P::CheckpointWritten
        | P::CheckpointSynced
        | P::CheckpointRenamed
        | P::LogOpened
        | P::ReplayedBatch
        | P::Replayed => Start::Used,
    }
}

/// How many more lives are tried at a point that the first one did not reach.
const TRIES_MORE: usize = 4;
