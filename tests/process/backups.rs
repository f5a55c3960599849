//! Backups of a daemon that runs and is written to.
//!
//! Owns the proof that one can be put in the data folder's place, and that clients go on from there. Must not
//! know what is in a backup.

use std::path::Path;

use crate::chance::Chance;
use crate::daemon::{Daemon, Ended};
use crate::load::Load;
use crate::people::{self, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_under_load_is_put_in_place_of_the_data_folder() {
    let mut chance = Chance::seeded();
    let mut daemon = Daemon::running().await;
    let mut load = Load::begin(&daemon).await;
    let into = daemon.home().join("backup");
    for _ in 0..BACKUPS {
        chance.while_below(std::time::Duration::from_millis(200)).await;
        let done = backup(&daemon, &into).await;
        assert_eq!(done.code, Some(0), "{}", done.err);
    }
    load.end_talk().await;
    let owner = people::looker(&daemon).await;
    let mut all = Vec::new();
    for conversation in &load.conversations {
        all.push((*conversation, stored(&owner, *conversation).await));
    }
    // A last one now holds everything that anybody was answered.
    let last = backup(&daemon, &into).await;
    assert!(last.out.contains("were there already"), "{}", last.out);
    owner.close().await.unwrap();
    daemon.kill();
    std::fs::rename(daemon.data(), daemon.home().join("lost")).unwrap();
    let data = daemon.data();
    let restored = daemon.run(&["restore", into.to_str().unwrap(), "--data", data.to_str().unwrap()]).await;
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    daemon.start().await;
    // By the same certificate and the same token as before.
    let owner = people::looker(&daemon).await;
    for (conversation, events) in &all {
        assert_eq!(stored(&owner, *conversation).await, *events);
    }
    daemon.stop().await;
    daemon.verified().await;
}

#[tokio::test]
async fn a_backup_of_nothing_and_a_restore_over_something_are_refused() {
    let mut daemon = Daemon::running().await;
    let home = daemon.home().to_owned();
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let nothing = daemon.run(&["backup", &path("into"), "--data", &path("nothing")]).await;
    assert_eq!(nothing.code, Some(3), "{}", nothing.err);
    assert!(nothing.err.contains("not a data folder") && !home.join("into").exists(), "{}", nothing.err);
    assert_eq!(backup(&daemon, &home.join("into")).await.code, Some(0));
    daemon.stop().await;
    let over = daemon.run(&["restore", &path("into"), "--data", &path("data")]).await;
    assert_eq!(over.code, Some(3), "{}", over.err);
    assert!(over.err.contains("a log already"), "{}", over.err);
    daemon.verified().await;
}

async fn backup(daemon: &Daemon, into: &Path) -> Ended {
    daemon.run(&["backup", into.to_str().unwrap(), "--data", daemon.data().to_str().unwrap()]).await
}

const BACKUPS: usize = 5;
