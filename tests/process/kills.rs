//! The daemon is killed and stopped under load, again and again.
//!
//! Owns the proof that what was acknowledged is there once and in order, and that everybody resumes by
//! themselves without a gap or a repeat. Must not know how the engine does it.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_client::Ending;
use switchboard_client::vocabulary::{ConversationId, Seq};
use switchboard_client::wire::{CloseCode, Event, EventKind};

use crate::chance::Chance;
use crate::daemon::Daemon;
use crate::load::{Acknowledged, Deed, Did, Load, Shown};
use crate::people::{self, customers_part, said, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills_under_load_once_and_in_order() {
    let mut chance = Chance::seeded();
    let mut daemon = Daemon::running().await;
    let mut load = Load::begin(&daemon).await;
    let (mut kills, mut counted, mut acknowledged) = (0, 0, 0);
    while counted < KILLS {
        kills += 1;
        assert!(kills <= 2 * KILLS, "only {counted} kills came with {IN_FLIGHT} requests in flight");
        let sessions = load.sessions();
        chance.while_below(MOMENT).await;
        // Stopped first, it answers no more while everybody goes on; not stopped, it dies in the middle of
        // answering.
        let is_stopped = chance.below(3) > 0;
        if is_stopped {
            daemon.freeze();
            load.until_quiet().await;
        }
        let at_kill = load.progress();
        daemon.kill();
        let answered = load.until_quiet().await;
        let in_flight = at_kill.unanswered_at(&answered);
        let (how, before) = (if is_stopped { "stopped, then killed" } else { "killed" }, acknowledged);
        acknowledged = answered.answers();
        println!(
            "round {kills}: {how} with {in_flight} requests in flight, {} acknowledged",
            acknowledged - before
        );
        assert!(in_flight >= IN_FLIGHT || !is_stopped, "nobody is to wait before so many are in flight");
        counted += u32::from(in_flight >= IN_FLIGHT);
        if chance.below(3) == 0 {
            // Also in the middle of making good what the kill before it left.
            daemon.begin();
            chance.while_below(MOMENT).await;
            daemon.kill();
        }
        daemon.start().await;
        load.until_resumed(&sessions, &answered).await;
    }
    prove(load, daemon).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_loses_nothing_and_tells_everybody_to_come_back() {
    let mut chance = Chance::seeded();
    let mut daemon = Daemon::new().with("stop.reconnect_spread_ms", "300");
    daemon.start().await;
    let mut load = Load::begin(&daemon).await;
    for _ in 1..=STOPS {
        let sessions = load.sessions();
        chance.while_below(MOMENT).await;
        daemon.stop().await;
        daemon.verified().await;
        let at_stop = load.progress();
        daemon.start().await;
        load.until_resumed(&sessions, &at_stop).await;
        for ending in load.last_endings() {
            let Ending::Goodbye(goodbye) = &ending else { panic!("no goodbye: {ending}") };
            assert_eq!(goodbye.close, CloseCode::GoingAway);
            assert!(goodbye.reconnect_after_ms.is_some_and(|wait| wait < 300), "{goodbye:?}");
        }
    }
    prove(load, daemon).await;
}

/// Ends the load, and compares what everybody was answered and shown with what is stored.
async fn prove(mut load: Load, mut daemon: Daemon) {
    let acknowledged = load.end_talk().await;
    let mut stored_as: BTreeMap<(ConversationId, bool), Vec<Event>> = BTreeMap::new();
    let owner = people::looker(&daemon).await;
    for (number, conversation) in (1..).zip(&load.conversations) {
        let staff = stored(&owner, *conversation).await;
        let customer = people::customer(&daemon, &format!("customer {number}")).await;
        let customers = stored(&customer, *conversation).await;
        assert_eq!(customers, customers_part(&staff));
        customer.close().await.unwrap();
        stored_as.insert((*conversation, false), staff);
        stored_as.insert((*conversation, true), customers);
    }
    owner.close().await.unwrap();
    let end =
        |conversation, by_customer| Seq::new(stored_as[&(conversation, by_customer)].len() as u64).unwrap();
    let mut deeds = 0;
    for line in &acknowledged {
        deeds += line.deeds.len();
        once_and_in_order(line, &stored_as[&(line.conversation, line.by_customer)]);
    }
    for Shown { conversation, to_customer, events } in load.end(end).await {
        assert_eq!(events, stored_as[&(conversation, to_customer)], "somebody was shown something else");
    }
    // Everything that is there was somebody's, so that nothing is there that nobody was answered for.
    let events: usize =
        stored_as.iter().filter(|((_, customers), _)| !customers).map(|(_, events)| events.len()).sum();
    let begun = load_begins(&stored_as);
    assert_eq!(events, deeds + begun, "something is stored that nobody did");
    println!("{deeds} requests were acknowledged");
    daemon.stop().await;
    println!("{}", daemon.verified().await);
}

/// What is in the conversations before anybody talks: the beginning, the greeting, each agent's entering, and that
/// one of them serves.
fn load_begins(stored_as: &BTreeMap<(ConversationId, bool), Vec<Event>>) -> usize {
    stored_as.len() / 2 * (2 + 2 + 1)
}

/// Each acknowledged deed is stored once, where its answer said, and in the order in which they were done.
fn once_and_in_order(line: &Acknowledged, stored: &[Event]) {
    assert!(line.deeds.is_sorted_by(|one, next| one.seq < next.seq), "answers are out of order");
    let mut places: BTreeMap<&str, Vec<Seq>> = BTreeMap::new();
    for event in stored {
        if let Some(text) = said(event) {
            places.entry(text).or_default().push(event.seq);
        }
    }
    for Deed { seq, what } in &line.deeds {
        match what {
            Did::Posted(text) => assert_eq!(places[text.as_str()], [*seq], "{text:?}"),
            Did::Joined => assert_eq!(stored[index(*seq)].what, EventKind::Entered),
            Did::Left => assert_eq!(stored[index(*seq)].what, EventKind::Left),
        }
    }
}

fn index(seq: Seq) -> usize {
    usize::try_from(seq.get()).unwrap() - 1
}

/// So many kills count.
const KILLS: u32 = 50;

/// A kill counts when so many requests had no answer.
const IN_FLIGHT: u64 = 50;

const STOPS: u32 = 4;

/// The longest time that a process is left alone.
const MOMENT: Duration = Duration::from_millis(120);
