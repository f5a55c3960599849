//! Power cuts under the journal, and under the whole daemon.
//!
//! Owns the proof that everything acknowledged survives them, that every crash point was tried, and
//! that the check would say so if it were otherwise. Where nothing can be mounted, each test says by
//! name that it was skipped, or fails if `POWER_CUTS_REQUIRED` is set. Must not know how a disk forgets.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use switchboard::journal::CrashPoint;
use switchboard_powercut::check::Wrong;
use switchboard_powercut::damage::Damage;
use switchboard_powercut::disk::{Lie, LoopDisk};
use switchboard_powercut::history::{self, Stopped};
use switchboard_powercut::life::{OUTSTANDING_MIN, Stage};
use switchboard_powercut::points;
use switchboard_powercut::whole::{self, Ground, IN_FLIGHT_MIN, Tally};

#[test]
fn fifty_power_cuts_lose_double_reorder_or_alter_nothing_acknowledged() {
    let Some(stage) = Scene::set("fifty_power_cuts_lose_double_reorder_or_alter_nothing_acknowledged") else {
        return;
    };
    let tally = history::run(&stage.stage, 0, CUTS, Lie::None).unwrap_or_else(|stopped| panic!("{stopped}"));
    assert!(tally.cuts.len() >= CUTS && tally.cuts.iter().all(|cut| *cut >= OUTSTANDING_MIN), "{tally:?}");
    assert!(tally.kills > 0 && tally.early_cuts > 0 && tally.acknowledged > 1_000, "{tally:?}");
    for point in [CrashPoint::RewriteLasting, CrashPoint::PagesErased] {
        assert!(tally.passed.contains(&point), "{point:?} was never passed");
    }
    say(&format!(
        "{} power cuts, with so many entries outstanding: {:?}; {} more, {} kills; {} acknowledged",
        tally.cuts.len(),
        tally.cuts,
        tally.early_cuts,
        tally.kills,
        tally.acknowledged
    ));
}

#[test]
fn power_cuts_under_the_whole_daemon_keep_everything_that_its_clients_were_answered_and_shown() {
    let name = "power_cuts_under_the_whole_daemon_keep_everything_that_its_clients_were_answered_and_shown";
    let Some(stage) = Scene::set(name) else {
        return;
    };
    cut_the_whole_daemon(&stage.stage, Ground::memory(Lie::None), WHOLE_CUTS);
}

#[test]
fn power_cuts_on_a_loop_device_keep_everything_that_clients_were_answered_and_shown() {
    let name = "power_cuts_on_a_loop_device_keep_everything_that_clients_were_answered_and_shown";
    let scene = Scene::empty();
    match Ground::loopback(&scene.stage.folder) {
        // In the place of those that need FUSE, where it is missing.
        Ok(ground) => {
            let cuts = if scene.stage.can_mount().is_ok() { WHOLE_CUTS } else { CUTS };
            cut_the_whole_daemon(&scene.stage, ground, cuts);
        }
        Err(error) if scene.stage.can_mount().is_ok() => say(&format!("SKIPPED {name}: {error}")),
        Err(error) => skipped(name, &error),
    }
}

#[test]
fn a_loop_device_keeps_what_was_synced_and_forgets_the_rest() {
    let name = "a_loop_device_keeps_what_was_synced_and_forgets_the_rest";
    let (scene, point) = (Scene::empty(), tempfile::tempdir().unwrap());
    let mut disk = match LoopDisk::new(&scene.stage.folder) {
        Ok(disk) => disk,
        Err(error) => return say(&format!("SKIPPED {name}: {error}")),
    };
    disk.mount(point.path()).unwrap();
    let mut synced = File::create(point.path().join("synced")).unwrap();
    synced.write_all(b"synced").unwrap();
    synced.sync_all().unwrap();
    File::open(point.path()).unwrap().sync_all().unwrap();
    std::fs::write(point.path().join("unsynced"), "unsynced").unwrap();
    drop(synced);
    disk.switch_off().unwrap();
    disk.unmount().unwrap();
    disk.mount(point.path()).unwrap();
    assert_eq!(std::fs::read(point.path().join("synced")).unwrap(), b"synced");
    assert_ne!(std::fs::read(point.path().join("unsynced")).unwrap_or_default(), b"unsynced");
    disk.unmount().unwrap();
}

#[test]
fn a_power_cut_with_megabytes_of_the_store_unsynced_loses_nothing_acknowledged() {
    let Some(stage) =
        Scene::set("a_power_cut_with_megabytes_of_the_store_unsynced_loses_nothing_acknowledged")
    else {
        return;
    };
    let mut tally = history::Tally::default();
    history::history(&stage.stage, LONG_SEED, Lie::None, &mut tally)
        .unwrap_or_else(|stopped| panic!("{stopped}"));
    say(&format!("{} bytes of a store unsynced", tally.store_unsynced_max));
}

#[test]
fn a_power_cut_at_every_crash_point_loses_nothing_acknowledged() {
    let Some(stage) = Scene::set("a_power_cut_at_every_crash_point_loses_nothing_acknowledged") else {
        return;
    };
    let mut tally = history::Tally::default();
    let mut missed = CrashPoint::ALL.to_vec();
    for seed in [GROUND_SEED, ROOMY_SEED] {
        let ground = points::Ground::busy(&stage.stage, seed).unwrap();
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
fn a_disk_that_does_not_sync_files_is_found_out_by_the_clients_of_the_whole_daemon() {
    let name = "a_disk_that_does_not_sync_files_is_found_out_by_the_clients_of_the_whole_daemon";
    let Some(stage) = Scene::set(name) else {
        return;
    };
    match whole::run(&stage.stage, Ground::memory(Lie::Files), 0, WHOLE_CUTS) {
        Err(Stopped::Wrong(failure)) => say(&format!("found out: {}", failure.wrong[0])),
        Err(stopped @ Stopped::Rig(_)) => panic!("{stopped}"),
        Ok(tally) => panic!("nobody noticed that files are not synced: {tally:?}"),
    }
}

#[test]
fn a_harmed_store_is_noticed_and_made_anew_also_when_the_power_goes_meanwhile() {
    let Some(stage) =
        Scene::set("a_harmed_store_is_noticed_and_made_anew_also_when_the_power_goes_meanwhile")
    else {
        return;
    };
    let (ground, mut tally) =
        (points::Ground::stopped(&stage.stage, GROUND_SEED).unwrap(), history::Tally::default());
    for damage in Damage::TO_STORE {
        let rebuilt = ground.try_damage(&stage.stage, *damage, &mut tally);
        let rebuilt = rebuilt.unwrap_or_else(|stopped| panic!("{damage:?}: {stopped}"));
        assert!(rebuilt.is_some(), "{damage:?} was not noticed");
    }
    let untouched = ground.try_damage(&stage.stage, Damage::StoreSnapshotTorn, &mut tally);
    assert_eq!(untouched.unwrap_or_else(|stopped| panic!("{stopped}")), None);
}

fn cut_the_whole_daemon(stage: &Stage, ground: Ground, cuts: usize) {
    let ground_said = ground.to_string();
    let tally = whole::run(stage, ground, 0, cuts).unwrap_or_else(|stopped| panic!("{stopped}"));
    assert!(tally.cuts.iter().all(|cut| cut.in_flight >= IN_FLIGHT_MIN), "{tally:?}");
    assert!(tally.cuts.len() == cuts && tally.acknowledged > 100 * cuts, "{tally:?}");
    tally.cuts.iter().for_each(|cut| say(&format!("{ground_said}: {cut}")));
    let Tally { other_cuts, acknowledged, .. } = tally;
    say(&format!(
        "{ground_said}: {cuts} power cuts, {other_cuts} more; {acknowledged} requests acknowledged"
    ));
}

/// What a test needs of this machine, as long as it runs.
struct Scene {
    stage: Stage,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// `None` where nothing can be mounted through FUSE: then the test says that it was skipped.
    fn set(test: &str) -> Option<Self> {
        let scene = Self::empty();
        match scene.stage.can_mount() {
            Ok(()) => Some(scene),
            Err(error) => {
                skipped(test, &error);
                None
            }
        }
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_switchboard-powercut"));
        Self { stage: Stage { program, folder: folder.path().to_owned() }, _folder: folder }
    }
}

/// Says that a test cannot be run here, unless it must be.
fn skipped(test: &str, error: &std::io::Error) {
    assert!(std::env::var_os(REQUIRED).is_none(), "{test}: nothing can be mounted here: {error}");
    say(&format!("SKIPPED {test}: no file system can be mounted here: {error}"));
}

/// Past the harness, which keeps what a test prints to itself when it passes.
fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

const CUTS: usize = 50;

/// Power cuts under the whole daemon; its program makes more of them.
const WHOLE_CUTS: usize = 8;

/// Where this variable is set, nothing may be skipped.
const REQUIRED: &str = "POWER_CUTS_REQUIRED";

/// A seed of long lives without checkpoints.
const LONG_SEED: u64 = 15;

/// A seed whose story has records of all sizes, in segments that take many commits.
const GROUND_SEED: u64 = 11;

/// A seed of short messages, whose segments are long not full when something in them is overdue.
const ROOMY_SEED: u64 = 13;
