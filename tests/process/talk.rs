//! A customer and two agents talk, each from a process of its own.
//!
//! Owns the proof that everybody is shown what is stored and theirs to see, in order and without gaps. Must
//! not know how it gets to them.

use serde_json::{Value, json};
use switchboard_client::wire::{Event, EventKind, Sender};

use crate::chat::Chat;
use crate::daemon::Daemon;
use crate::people::{self, customers_part, said, stored};

#[tokio::test]
async fn everybody_is_shown_what_is_stored_and_theirs_to_see() {
    let mut daemon = Daemon::running().await;
    let mut customer = Chat::enter(&daemon, &["--customer", "--user-key", "carla"]).await;
    customer.say("where is my parcel?");
    customer.until_heard("where is my parcel?").await;
    let id = customer.conversation();
    let mut ada = Chat::enter(&daemon, &["--agent", "--name", "Ada", "--conversation", &id]).await;
    ada.say("let me look");
    customer.until_heard("let me look").await;
    let mut ben = Chat::enter(&daemon, &["--agent", "--name", "Ben", "--conversation", &id]).await;
    ben.say("it left on Monday 📦");
    customer.until_heard("it left on Monday 📦").await;
    customer.say("고맙습니다");
    ben.until_heard("고맙습니다").await;
    let ben_first = ben.end().await;
    customer.say("and my invoice?");
    ada.until_heard("and my invoice?").await;
    ada.say("it is in the parcel");
    customer.until_heard("it is in the parcel").await;

    // The chat has no word for this in a script.
    let owner = people::owner(&daemon).await;
    let conversation = id.parse().unwrap();
    owner.join(conversation).await.unwrap();
    owner.complete(conversation).await.unwrap();
    customer.say("one more thing");
    customer.until_heard("one more thing").await;
    let mut ben = Chat::enter(&daemon, &["--agent", "--name", "Ben", "--conversation", &id]).await;
    ben.until_heard("one more thing").await;
    ben.say("yes?");
    for chat in [&mut customer, &mut ada, &mut ben] {
        chat.until_heard("yes?").await;
    }
    let (customer, ada, ben_second) = (customer.end().await, ada.end().await, ben.end().await);

    let staff = stored(&owner, conversation).await;
    let client = people::customer(&daemon, "carla").await;
    assert_eq!(client.open().await.unwrap(), conversation);
    assert_eq!(stored(&client, conversation).await, customers_part(&staff));
    assert_eq!(customer, shown(&customers_part(&staff)));
    for (transcript, last_heard) in [(&ben_first, "고맙습니다"), (&ada, "yes?"), (&ben_second, "yes?")] {
        assert_eq!(*transcript, shown(&staff)[..transcript.len()], "not what is stored up to the leaving");
        assert!(transcript.iter().any(|event| event["text"] == last_heard), "{last_heard:?} is missing");
    }
    assert_eq!(coming_and_going(&staff), COMING_AND_GOING);
    client.close().await.unwrap();
    owner.close().await.unwrap();
    daemon.stop().await;
    verify_counts(&daemon, &staff).await;
}

/// The log holds what makes the demo workspace, and an entry for each event that was not recorded together
/// with the one before it: the greeting, and the entering of who was assigned.
async fn verify_counts(daemon: &Daemon, staff: &[Event]) {
    let together = staff.iter().filter(|event| match &event.what {
        EventKind::Assigned { .. } => true,
        // What the bot says when it begins again after the service is an answer, in an entry of its own.
        EventKind::Message { .. } => event.by == Sender::Bot && event.seq.get() == GREETING_SEQ,
        EventKind::Started
        | EventKind::Called { .. }
        | EventKind::CallRefused { .. }
        | EventKind::Requeued { .. }
        | EventKind::Unserved { .. }
        | EventKind::Entered
        | EventKind::Left
        | EventKind::Completed
        | EventKind::Ended
        | EventKind::Described { .. }
        | EventKind::Unknown => false,
    });
    let entries = staff.len() - together.count() + LEAVINGS_OF_NOBODY;
    let report = daemon.verified().await;
    let log =
        format!("log:   {} records in 1 segments, 1 workspaces, 1 conversations", DEMO_RECORDS + entries);
    assert!(report.contains(&log) && report.contains(&format!("store: {entries} entries")), "{report}");
}

/// What a chat prints of events.
fn shown(events: &[Event]) -> Vec<Value> {
    events.iter().map(event).collect()
}

fn event(event: &Event) -> Value {
    let (by, member) = match &event.by {
        Sender::Customer => ("customer", None),
        Sender::Bot => ("bot", None),
        Sender::Agent { member } => ("agent", *member),
        Sender::Unknown => panic!("the engine and this test are of one version"),
    };
    let mut line = json!({
        "type": "event", "seq": event.seq, "at": event.at, "by": by, "kind": kind(&event.what),
    });
    if let Some(member) = member {
        line["member"] = member.to_string().into();
    }
    if let Some(text) = said(event) {
        line["text"] = text.into();
    }
    line
}

fn kind(what: &EventKind) -> &'static str {
    match what {
        EventKind::Started => "started",
        EventKind::Message { .. } => "message",
        EventKind::Called { .. } => "called",
        EventKind::CallRefused { .. } => "call_refused",
        EventKind::Assigned { .. } => "assigned",
        EventKind::Requeued { .. } => "requeued",
        EventKind::Unserved { .. } => "unserved",
        EventKind::Entered => "entered",
        EventKind::Left => "left",
        EventKind::Completed => "completed",
        EventKind::Ended => "ended",
        EventKind::Described { .. } => "described",
        EventKind::Unknown => panic!("the engine and this test are of one version"),
    }
}

fn coming_and_going(staff: &[Event]) -> Vec<&'static str> {
    let kinds = staff.iter().map(|event| kind(&event.what));
    kinds.filter(|kind| !["started", "message"].contains(kind)).collect()
}

/// Ada; Ben comes and goes; the owner comes and completes, which ends Ada's part too; Ben again. Ada's own
/// leaving has nothing left to end.
const COMING_AND_GOING: [&str; 9] =
    ["assigned", "entered", "entered", "left", "entered", "completed", "assigned", "entered", "left"];

/// The greeting comes with the beginning.
const GREETING_SEQ: u64 = 2;

/// Ada leaves at the end, whom the completion has led out already: recorded, and no event.
const LEAVINGS_OF_NOBODY: usize = 1;

/// The workspace with its owner, two agents and a profile.
const DEMO_RECORDS: usize = 4;
