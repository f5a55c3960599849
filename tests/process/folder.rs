//! What a start makes of the data folder that it finds.
//!
//! Owns the damage that is done to it between two processes, and what must be left of a conversation
//! afterwards. Must not know more of the files than their names and that a log is written front to back.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use switchboard_client::vocabulary::ConversationId;
use switchboard_client::wire::Event;

use crate::daemon::Daemon;
use crate::people::{self, stored, text};

#[tokio::test]
async fn a_store_that_is_gone_emptied_or_damaged_is_made_anew_by_the_next_start() {
    let (mut daemon, conversation, before) = stopped_after_a_talk().await;
    for (what, damage) in STORE_DAMAGES {
        damage(&daemon.data().join("store"));
        let traced = daemon.trace().len();
        daemon.start().await;
        let trace = daemon.trace().split_off(traced);
        assert!(trace.contains("the store was made anew from the log"), "{what}: {trace}");
        assert_eq!(history(&daemon, conversation).await, before, "{what}");
        daemon.stop().await;
        daemon.verified().await;
    }
}

#[tokio::test]
async fn a_store_that_is_gone_emptied_or_damaged_is_made_anew_when_it_is_asked_for() {
    let (mut daemon, conversation, before) = stopped_after_a_talk().await;
    for (what, damage) in STORE_DAMAGES {
        damage(&daemon.data().join("store"));
        let rebuilt = daemon.run(&["rebuild", "--data", daemon.data().to_str().unwrap()]).await;
        assert_eq!(rebuilt.code, Some(0), "{what}: {}", rebuilt.err);
        assert!(rebuilt.out.contains("records of the log"), "{what}: {}", rebuilt.out);
        daemon.verified().await;
    }
    daemon.start().await;
    assert!(!daemon.trace().contains("made anew"), "{}", daemon.trace());
    assert_eq!(history(&daemon, conversation).await, before);
    daemon.stop().await;
}

#[tokio::test]
async fn an_older_copy_of_the_store_is_noticed_and_made_anew() {
    let (mut daemon, ..) = stopped_after_a_talk().await;
    let (store, older) = (daemon.data().join("store"), daemon.data().with_file_name("older"));
    copy(&store, &older);
    daemon.start().await;
    let (conversation, before) = talk(&daemon).await;
    daemon.stop().await;
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&older, &store).unwrap();
    daemon.start().await;
    let trace = daemon.trace();
    assert!(trace.contains("the store was made anew from the log"), "{trace}");
    assert!(trace.contains("BehindCheckpoint"), "{trace}");
    assert_eq!(history(&daemon, conversation).await, before);
    daemon.stop().await;
    daemon.verified().await;
}

#[tokio::test]
async fn a_snapshot_of_the_store_that_was_torn_does_no_harm() {
    let (mut daemon, conversation, before) = stopped_after_a_talk().await;
    let torn = daemon.data().join("store").join("snap.00000000000000FF.generating");
    fs::write(&torn, b"torn").unwrap();
    daemon.start().await;
    assert!(!torn.exists() && !daemon.trace().contains("made anew"), "{}", daemon.trace());
    assert_eq!(history(&daemon, conversation).await, before);
    daemon.stop().await;
    daemon.verified().await;
}

#[tokio::test]
async fn a_missing_store_is_found_by_verify() {
    let (daemon, ..) = stopped_after_a_talk().await;
    fs::remove_dir_all(daemon.data().join("store")).unwrap();
    let checked = daemon.run(&["verify", "--data", daemon.data().to_str().unwrap()]).await;
    assert_eq!(checked.code, Some(DATA));
    assert!(
        checked.out.contains("there is no store") && checked.out.contains("not sound"),
        "{}",
        checked.out
    );
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_stops_the_start_and_names_the_place_and_the_remedy() {
    let (mut daemon, ..) = killed_after_a_talk().await;
    let segment = segment(&daemon);
    let whole = fs::read(&segment).unwrap();
    let middle = whole.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    flip(&segment, middle);
    let refused = daemon.refused().await;
    assert_eq!(refused.code, Some(DATA), "{}", refused.err);
    for words in [segment.to_str().unwrap(), "damaged at byte", "Nothing was changed", "from a backup"] {
        assert!(refused.err.contains(words), "{words:?} is not in {}", refused.err);
    }
    let checked = daemon.run(&["verify", "--data", daemon.data().to_str().unwrap()]).await;
    assert_eq!(checked.code, Some(DATA));
    assert!(checked.out.contains("damaged at byte") && checked.out.contains("not sound"), "{}", checked.out);
    // It has said the truth: put back as it was, nothing is missing.
    flip(&segment, middle);
    assert_eq!(fs::read(&segment).unwrap(), whole);
    daemon.start().await;
}

#[tokio::test]
async fn a_torn_write_at_the_end_of_the_log_is_cut_off() {
    let (mut daemon, conversation, before) = killed_after_a_talk().await;
    let segment = segment(&daemon);
    let end = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    // The beginning of a commit that never came whole: a copy of the one before, cut short.
    let file = OpenOptions::new().read(true).write(true).open(&segment).unwrap();
    let mut torn = [0; 24];
    file.read_exact_at(&mut torn, 64).unwrap();
    file.write_all_at(&torn, (end as u64 / 8 + 1) * 8).unwrap();
    daemon.start().await;
    assert!(daemon.trace().contains("a torn write at the end of the log was cut off"), "{}", daemon.trace());
    assert_eq!(history(&daemon, conversation).await, before);
    daemon.stop().await;
    daemon.verified().await;
}

#[tokio::test]
async fn a_last_commit_that_is_not_whole_is_cut_off_and_what_was_before_it_is_there() {
    let (mut daemon, conversation, before) = killed_after_a_talk().await;
    let segment = segment(&daemon);
    let end = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    OpenOptions::new().write(true).open(&segment).unwrap().set_len(end as u64).unwrap();
    daemon.start().await;
    assert_eq!(history(&daemon, conversation).await, before[..before.len() - 1]);
    daemon.stop().await;
    daemon.verified().await;
}

#[tokio::test]
async fn a_log_that_lost_what_was_folded_is_refused() {
    let (mut daemon, ..) = stopped_after_a_talk().await;
    fs::remove_file(segment(&daemon)).unwrap();
    let refused = daemon.refused().await;
    assert_eq!(refused.code, Some(DATA), "{}", refused.err);
    assert!(refused.err.contains("from a backup"), "{}", refused.err);
}

/// A conversation of which the last message was acknowledged, and then the process was stopped.
async fn stopped_after_a_talk() -> (Daemon, ConversationId, Vec<Event>) {
    let mut daemon = Daemon::running().await;
    let (conversation, events) = talk(&daemon).await;
    daemon.stop().await;
    (daemon, conversation, events)
}

/// The same, but the process was killed before it had folded anything of it.
async fn killed_after_a_talk() -> (Daemon, ConversationId, Vec<Event>) {
    let mut daemon = Daemon::new().with("journal.fold_age_ms", "60000");
    daemon.start().await;
    let (conversation, events) = talk(&daemon).await;
    daemon.kill();
    (daemon, conversation, events)
}

async fn talk(daemon: &Daemon) -> (ConversationId, Vec<Event>) {
    let customer = people::customer(daemon, "carla").await;
    let conversation = customer.open().await.unwrap();
    for number in 1..=40 {
        customer.post(conversation, text(format!("message {number}"))).await.unwrap();
    }
    let events = stored(&customer, conversation).await;
    customer.close().await.unwrap();
    (conversation, events)
}

async fn history(daemon: &Daemon, conversation: ConversationId) -> Vec<Event> {
    let customer = people::customer(daemon, "carla").await;
    let events = stored(&customer, conversation).await;
    customer.close().await.unwrap();
    events
}

/// The segment of the log that was written last.
fn segment(daemon: &Daemon) -> PathBuf {
    let files = fs::read_dir(daemon.data().join("log")).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|end| end == "seg")).max().unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}

fn flip(file: &Path, at: usize) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at as u64).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at as u64).unwrap();
}

type Damage = fn(&Path);

const STORE_DAMAGES: [(&str, Damage); 5] = [
    ("deleted", |store| fs::remove_dir_all(store).unwrap()),
    ("emptied", |store| {
        fs::remove_dir_all(store).unwrap();
        fs::create_dir(store).unwrap();
    }),
    ("truncated", |store| {
        let used = fs::read(store.join("db")).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
        let db = OpenOptions::new().write(true).open(store.join("db")).unwrap();
        db.set_len(used as u64 / 2).unwrap();
    }),
    ("overwritten", |store| {
        let size = fs::metadata(store.join("db")).unwrap().len();
        fs::write(store.join("db"), vec![0x5a; usize::try_from(size).unwrap()]).unwrap();
    }),
    ("unreadable", |store| fs::write(store.join("conf"), b"segment_size: many\nxxxx").unwrap()),
];

/// The exit code of a data folder that cannot be used.
const DATA: i32 = 3;
