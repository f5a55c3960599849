//! Power cuts under the journal.
//!
//! Owns the proof that everything acknowledged survives them, that every crash point was tried, and
//! that the check would say so if it were otherwise. Where nothing can be mounted, each test says by
//! name that it was skipped, or fails if `POWER_CUTS_REQUIRED` is set. Must not know how a disk forgets.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write as _;
use std::path::PathBuf;

use switchboard::journal::CrashPoint;
use switchboard_powercut::check::Wrong;
use switchboard_powercut::damage::Damage;
use switchboard_powercut::disk::Lie;
use switchboard_powercut::history::{self, Stopped, Tally};
use switchboard_powercut::life::{OUTSTANDING_MIN, Stage};
use switchboard_powercut::points::Ground;

#[test]
fn fifty_power_cuts_lose_double_reorder_or_alter_nothing_acknowledged() {
    let Some(stage) = Scene::set("fifty_power_cuts_lose_double_reorder_or_alter_nothing_acknowledged") else {
        return;
    };
    let tally = history::run(&stage.stage, 0, CUTS, Lie::None).unwrap_or_else(|stopped| panic!("{stopped}"));
    assert!(tally.cuts >= CUTS && tally.outstanding_min >= OUTSTANDING_MIN, "{tally:?}");
    assert!(tally.kills > 0 && tally.early_cuts > 0 && tally.acknowledged > 1_000, "{tally:?}");
    for point in [CrashPoint::RewriteLasting, CrashPoint::PagesErased] {
        assert!(tally.passed.contains(&point), "{point:?} was never passed");
    }
    say(&format!(
        "{} power cuts, each with at least {} entries outstanding; {} more, {} kills; {} acknowledged",
        tally.cuts, tally.outstanding_min, tally.early_cuts, tally.kills, tally.acknowledged
    ));
}

#[test]
fn a_power_cut_with_megabytes_of_the_store_unsynced_loses_nothing_acknowledged() {
    let Some(stage) =
        Scene::set("a_power_cut_with_megabytes_of_the_store_unsynced_loses_nothing_acknowledged")
    else {
        return;
    };
    let mut tally = Tally::default();
    history::history(&stage.stage, LONG_SEED, Lie::None, &mut tally)
        .unwrap_or_else(|stopped| panic!("{stopped}"));
    say(&format!("{} bytes of a store unsynced", tally.store_unsynced_max));
}

#[test]
fn a_power_cut_at_every_crash_point_loses_nothing_acknowledged() {
    let Some(stage) = Scene::set("a_power_cut_at_every_crash_point_loses_nothing_acknowledged") else {
        return;
    };
    let mut tally = Tally::default();
    let mut missed = CrashPoint::ALL.to_vec();
    for seed in [GROUND_SEED, ROOMY_SEED] {
        let ground = Ground::busy(&stage.stage, seed).unwrap();
        missed.retain(|point| match ground.try_point(&stage.stage, *point, &mut tally) {
            Ok(hit) => {
                say(&format!("{}: {point:?}", if hit { "hit" } else { "not hit yet" }));
                !hit
            }
            Err(stopped) => panic!("{stopped}"),
        });
    }
    assert!(missed.is_empty(), "never hit: {missed:?}");
}

#[test]
fn a_disk_that_does_not_sync_files_or_folders_is_found_out() {
    let Some(stage) = Scene::set("a_disk_that_does_not_sync_files_or_folders_is_found_out") else {
        return;
    };
    for lie in [Lie::Files, Lie::Folders] {
        match history::run(&stage.stage, 0, CUTS, lie) {
            Err(Stopped::Wrong(failure)) => {
                let is_loss = |wrong: &Wrong| match wrong {
                    Wrong::Missing { .. } => true,
                    Wrong::Problem(what) => what.contains("did not open"),
                    Wrong::Altered { .. } | Wrong::Disordered { .. } | Wrong::Unfinished => false,
                };
                assert!(failure.wrong.iter().any(is_loss), "{failure}");
            }
            Err(stopped @ Stopped::Rig(_)) => panic!("{stopped}"),
            Ok(tally) => panic!("nobody noticed that {lie:?} are not synced: {tally:?}"),
        }
    }
}

#[test]
fn a_harmed_store_is_noticed_and_made_anew_also_when_the_power_goes_meanwhile() {
    let Some(stage) =
        Scene::set("a_harmed_store_is_noticed_and_made_anew_also_when_the_power_goes_meanwhile")
    else {
        return;
    };
    let (ground, mut tally) = (Ground::stopped(&stage.stage, GROUND_SEED).unwrap(), Tally::default());
    for damage in Damage::TO_STORE {
        let rebuilt = ground.try_damage(&stage.stage, *damage, &mut tally);
        let rebuilt = rebuilt.unwrap_or_else(|stopped| panic!("{damage:?}: {stopped}"));
        assert!(rebuilt.is_some(), "{damage:?} was not noticed");
    }
    let untouched = ground.try_damage(&stage.stage, Damage::StoreSnapshotTorn, &mut tally);
    assert_eq!(untouched.unwrap_or_else(|stopped| panic!("{stopped}")), None);
}

/// What a test needs of this machine, as long as it runs.
struct Scene {
    stage: Stage,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// `None` where nothing can be mounted: then the test says that it was skipped.
    fn set(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_switchboard-powercut"));
        let stage = Stage { program, folder: folder.path().to_owned() };
        match stage.can_mount() {
            Ok(()) => Some(Self { stage, _folder: folder }),
            Err(error) => {
                assert!(std::env::var_os(REQUIRED).is_none(), "{test}: nothing can be mounted here: {error}");
                say(&format!("SKIPPED {test}: no file system can be mounted here: {error}"));
                None
            }
        }
    }
}

/// Past the harness, which keeps what a test prints to itself when it passes.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

const CUTS: u32 = 50;

/// Where this variable is set, nothing may be skipped.
const REQUIRED: &str = "POWER_CUTS_REQUIRED";

/// A seed of long lives without checkpoints.
const LONG_SEED: u64 = 15;

/// A seed whose story has records of all sizes, in segments that take many commits.
const GROUND_SEED: u64 = 11;

/// A seed of short messages, whose segments are long not full when something in them is overdue.
const ROOMY_SEED: u64 = 13;
