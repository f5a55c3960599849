//! What ends by itself while the engine runs: the customer who says nothing more, and the call that nobody serves.
//!
//! Owns what only the tree can show: that the time comes, also for who sleeps and over a restart, and once. Must not
//! know how long it is: the rules say that.

use super::assigning::call;
use super::hours::{MINUTE, Recorded, hours, is_assigned, monday_at};
use super::*;
use crate::actors::desk::AgentStatus;
use crate::clock::by_hand;
use crate::domain::consultation::Unserved;
use crate::domain::hours::Acceptance;
use crate::domain::workspace::{AutoClose, TeamService};
use switchboard_protocol::vocabulary::Timestamp;

/// As short as can be: whatever may sleep does so at once.
const AT_ONCE: Duration = Duration::from_millis(1);

fn closes(silent_minutes: Option<u32>, unserved_minutes: Option<u32>) -> WorkspaceAction {
    let auto_close = AutoClose { silent_minutes, unserved_minutes };
    WorkspaceAction::SetTeamService(TeamService { auto_close, ..TeamService::default() })
}

impl House {
    /// Olivia serves a customer, who has five minutes for an answer from the moment that is returned.
    async fn answered(idle: Duration) -> (Self, Client, Client, ConversationId, Timestamp) {
        by_hand::shows(monday_at(10));
        let (house, mut olivia) = Self::assigning(3, idle).await;
        olivia.sets(3, closes(Some(5), None)).await;
        let (minji, conversation) = house.caller("minji").await;
        olivia.record(1, conversation, is_assigned).await;
        olivia.send(conversation, 4, Action::Join);
        olivia.accepted().await;
        olivia.post(conversation, 5);
        let at = olivia.accepted().await.at;
        (house, olivia, minji, conversation, at)
    }

    /// Somebody calls whom nobody serves, and who waits for five minutes from the moment that is returned.
    async fn unserved(idle: Duration) -> (Self, ConversationId, Timestamp) {
        by_hand::shows(monday_at(10));
        let house = Self::start(idle).await;
        let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
        olivia.sets(1, closes(None, Some(5))).await;
        let (mut minji, conversation) = house.customer("minji").await;
        minji.send(conversation, 2, call());
        let at = minji.accepted().await.at;
        (house, conversation, at)
    }

    /// Waits until it sleeps.
    async fn sleeps(&self, conversation: ConversationId) {
        self.way_to(conversation).await.0.wait(Some(SOON)).await.unwrap();
    }

    /// What has ended in a conversation, read by one who comes for it; more may have ended by the time that the
    /// customer has written once more.
    async fn ends_of(&self, conversation: ConversationId) -> Vec<(Timestamp, What)> {
        let mut minji = self.connect(customer("minji")).await;
        minji.posted(conversation, 99).await;
        let mut ada = self.ada().await;
        let written = |what: &What| matches!(what, What::Message(said) if said.content == text("99"));
        ends(ada.record(7, conversation, written).await)
    }
}

impl Client {
    /// Waits until the desk shows that Olivia serves nobody.
    async fn sees_nobody_served(&mut self) {
        let idle = |agent: &AgentStatus| agent.name.as_str() == "Olivia" && agent.work.in_progress == 0;
        self.desk(9).await.shows(idle).await;
    }

    /// Asks until nobody waits.
    async fn sees_nobody_waiting(&mut self) {
        soon(async {
            loop {
                self.ask(Asked::Waiting);
                match self.answer().await {
                    Some(Ok(Answered::Waiting(waiting))) if waiting.waiting == 0 => return,
                    Some(Ok(Answered::Waiting(_))) => {}
                    Some(Ok(_) | Err(_)) | None => panic!("not told who waits"),
                }
            }
        })
        .await;
    }
}

fn is_end(what: &What) -> bool {
    matches!(what, What::Completed | What::Unserved { .. } | What::Ended)
}

fn ends(recorded: Vec<Recorded>) -> Vec<(Timestamp, What)> {
    let ends = recorded.into_iter().filter(|(_, _, what)| is_end(what));
    ends.map(|(at, _, what)| (at, what)).collect()
}

const TOO_LONG: What = What::Unserved { why: Unserved::TooLong };

/// One end of this kind, and not before its time.
fn assert_ended_once(ends: &[(Timestamp, What)], what: &What, begun: Timestamp) {
    let [(at, ended)] = ends else { panic!("not once: {ends:?}") };
    assert_eq!(ended, what);
    assert!(
        at.as_millis() >= begun.as_millis() + 300_000,
        "{at:?} is before its time, {begun:?} and 5 minutes"
    );
}

#[tokio::test]
async fn a_consultation_is_completed_when_the_customer_says_nothing_for_so_long() {
    let (house, mut olivia, mut minji, conversation, _) = House::answered(NO_SLEEP).await;
    by_hand::passes(4 * MINUTE);
    minji.posted(conversation, 3).await;
    by_hand::passes(4 * MINUTE);
    olivia.post(conversation, 6);
    let at = olivia.accepted().await.at;
    by_hand::passes(5 * MINUTE);
    let ended = ends(olivia.record(2, conversation, is_end).await);
    assert_ended_once(&ended, &What::Completed, at);
    assert_eq!(house.ends_of(conversation).await.len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn a_call_is_missed_that_nobody_serves_for_so_long() {
    let (house, conversation, at) = House::unserved(NO_SLEEP).await;
    by_hand::passes(5 * MINUTE);
    let mut ada = house.ada().await;
    let ended = ends(ada.record(2, conversation, is_end).await);
    assert_ended_once(&ended, &TOO_LONG, at);
    assert_eq!(house.ends_of(conversation).await.len(), 1);
    house.stop().await;
}

#[tokio::test]
async fn only_the_time_counts_for_a_call_in_which_the_doors_are_open() {
    let (house, mut olivia) = House::with_hours(8, hours(Acceptance::Accept, false), NO_SLEEP).await;
    olivia.sets(5, closes(Some(5), Some(5))).await;
    olivia.says_away(6, true).await;
    let (_minji, waits) = house.caller("minji").await;
    let (_jisoo, served) = house.customer("jisoo").await;
    olivia.send(served, 7, take());
    olivia.accepted().await;
    olivia.post(served, 8);
    olivia.accepted().await;
    by_hand::passes(59 * MINUTE);
    // A silence counts at any time; by then the other was looked at as well.
    olivia.record(1, served, is_end).await;
    by_hand::passes(6 * MINUTE);
    let ended = ends(olivia.record(2, waits, is_end).await);
    assert_ended_once(&ended, &TOO_LONG, monday_at(9));
    house.stop().await;
}

#[tokio::test]
async fn what_sleeps_is_woken_when_its_time_has_come() {
    let (house, mut olivia, _minji, silent, at) = House::answered(AT_ONCE).await;
    house.sleeps(silent).await;
    by_hand::passes(5 * MINUTE);
    // Nobody else wakes it: the list shows what has become of it.
    olivia.sees_nobody_served().await;
    assert_ended_once(&house.ends_of(silent).await, &What::Completed, at);
    house.stop().await;
}

#[tokio::test]
async fn a_silence_goes_on_over_a_restart_and_ends_once() {
    for down in [MINUTE, 60 * MINUTE] {
        let (house, _olivia, _minji, conversation, at) = House::answered(NO_SLEEP).await;
        by_hand::passes(2 * MINUTE);
        let house = house.again_later(down).await;
        let mut olivia = house.connect(Proof::Token(OLIVIAS_TOKEN)).await;
        house.ada().await.is_seen("Olivia").await;
        by_hand::passes(2 * MINUTE);
        olivia.sees_nobody_served().await;
        let house = house.again_later(60 * MINUTE).await;
        assert_ended_once(&house.ends_of(conversation).await, &What::Completed, at);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_wait_goes_on_over_a_restart_and_ends_once() {
    for (down, idle) in [(MINUTE, NO_SLEEP), (60 * MINUTE, NO_SLEEP), (MINUTE, AT_ONCE)] {
        let (house, conversation, at) = House::unserved(idle).await;
        by_hand::passes(2 * MINUTE);
        let house = house.again_later(down).await;
        let mut ada = house.ada().await;
        ada.is_seen("Ada").await;
        by_hand::passes(2 * MINUTE);
        ada.sees_nobody_waiting().await;
        let house = house.again_later(60 * MINUTE).await;
        assert_ended_once(&house.ends_of(conversation).await, &TOO_LONG, at);
        house.stop().await;
    }
}

#[tokio::test]
async fn what_was_due_while_the_engine_was_down_ends_after_its_time_of_grace() {
    let (house, conversation, _) = House::unserved(NO_SLEEP).await;
    house.engine.stop().await;
    by_hand::passes(60 * MINUTE);
    let begun = clock::now();
    let engine = start_engine_with(&house.journal, NO_SLEEP, NO_LAPSE, MINUTE).await;
    let house = House { engine, ..house };
    let mut minji = house.connect(customer("minji")).await;
    for counter in 3..50 {
        // It looks again and again meanwhile, and finds nothing to do.
        minji.posted(conversation, counter).await;
        by_hand::passes(MINUTE / 60);
    }
    by_hand::passes(MINUTE);
    let ended = ends(house.ada().await.record(1, conversation, is_end).await);
    assert_ended_once(&ended, &TOO_LONG, Timestamp::from_millis(begun.as_millis() - 240_000));
    house.stop().await;
}
