//! Operating hours of a real daemon: closed and opened by the command line, and what customers notice of it.
//!
//! Owns the way from there to the calls. Must not know what a schedule means, nor how time passes: the tests of the
//! tree set the clock.

use switchboard_client::vocabulary::{CategoryPath, ConversationId, MemberId, Seq};
use switchboard_client::wire::{Event, EventKind};
use switchboard_client::{Client, Update};

use crate::daemon::Daemon;
use crate::people::{self, said, stored};
use crate::wait::in_time;

/// By itself always open: so nothing that is set by hand ends before it is taken back, whenever this is run.
fn hours(accept: bool) -> String {
    let all_day = r#"["00:00-24:00"]"#;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| format!("\"{day}\":{all_day}"));
    let schedule = format!(r#"{{"zone":"UTC","week":{{{}}}}}"#, days.join(","));
    format!(r#"{{"use_hours":true,"schedule":{schedule},"notice":"{CLOSED}","accept":{accept}}}"#)
}

async fn admin(daemon: &Daemon, arguments: &[&str]) {
    let ended = daemon.run(&[&["admin"], arguments].concat()).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}{}", ended.out, ended.err);
}

/// A customer who has called.
async fn caller(daemon: &Daemon, user_key: &str) -> (Client, ConversationId) {
    let customer = people::customer(daemon, user_key).await;
    let conversation = in_time("conversation", customer.open()).await.unwrap();
    in_time("answer", customer.call(conversation, CategoryPath::default())).await.unwrap();
    (customer, conversation)
}

/// Who is given a consultation, as soon as somebody is.
async fn assigned(agent: &Client, conversation: ConversationId) -> MemberId {
    let mut following = in_time("subscription", agent.follow(conversation, Seq::ZERO)).await.unwrap();
    loop {
        let update = in_time("assignment", following.next()).await.unwrap().unwrap();
        if let Update::Event(Event { what: EventKind::Assigned { member, .. }, .. }) = update {
            return member;
        }
    }
}

fn is_called(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event.what, EventKind::Called { .. }))
}

#[tokio::test]
async fn customers_are_told_that_it_is_closed_and_those_who_are_queued_are_served_when_it_opens() {
    let mut daemon = Daemon::running().await;
    let ada = people::agent(&daemon, 0).await;
    admin(&daemon, &["set", "assignment", r#"{"automatic":true}"#]).await;
    admin(&daemon, &["set", "hours", &hours(false)]).await;
    admin(&daemon, &["hours", "closed"]).await;
    let (carla, refused) = caller(&daemon, "carla").await;
    let seen = stored(&carla, refused).await;
    assert!(seen.last().and_then(said) == Some(CLOSED) && !is_called(&seen), "{seen:?}");

    admin(&daemon, &["set", "hours", &hours(true)]).await;
    let (dora, queued) = caller(&daemon, "dora").await;
    let seen = stored(&dora, queued).await;
    assert!(seen.last().and_then(said) == Some(CLOSED) && is_called(&seen), "{seen:?}");
    // Closed by hand, and queued, over a restart as well.
    daemon.stop().await;
    daemon.start().await;
    in_time("answer", dora.post(queued, people::text("Hello?"))).await.unwrap();
    let before = stored(&ada, queued).await;
    admin(&daemon, &["hours", "clear"]).await;
    assert_eq!(Some(assigned(&ada, queued).await), ada.member());
    assert!(
        !before.iter().any(|event| matches!(event.what, EventKind::Assigned { .. })),
        "nobody is given work while it is closed: {before:?}"
    );
    assert!(!is_called(&stored(&ada, refused).await), "whoever was turned away waits for nothing");
    daemon.stop().await;
}

const CLOSED: &str = "We are closed.";
