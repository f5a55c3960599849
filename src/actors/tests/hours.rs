//! Operating hours while the engine runs: who is turned away, who is queued, and who is given work when the doors
//! open.
//!
//! Owns what only the tree can show: that a call is asked of the doors as they are at its moment, and that the hours'
//! boundaries come by the clock. Must not know what a schedule means.

use super::assigning::call;
use super::*;
use crate::clock::by_hand;
use crate::domain::assignment::{Load, Outcome, TeamAssignment, Why};
use crate::domain::consultation::How;
use crate::domain::hours::{Acceptance, Choice, Mode, Notice, NoticeText, Override, ProfileHours};
use crate::domain::workspace::Bot;
use switchboard_protocol::vocabulary::{Party, Timestamp};

/// Monday, 4 January 2027, 00:00 in Seoul: the hours that a team has by itself are from 9 to 18 there.
const MONDAY: Timestamp = Timestamp::from_millis(1_798_988_400_000);

pub(super) const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Something that is recorded, with its time and who did it.
pub(super) type Recorded = (Timestamp, Party, What);

/// That time of Monday, in hours.
pub(super) fn monday_at(hours: i64) -> Timestamp {
    Timestamp::from_millis(MONDAY.as_millis() + hours * 3_600_000)
}

pub(super) fn hours(acceptance: Acceptance, bot_replies: bool) -> ProfileHours {
    let notice = Choice::Own(Notice::Message(NoticeText::new(CLOSED).unwrap()));
    let acceptance = Choice::Own(acceptance);
    ProfileHours { mode: Mode::UseHours, notice, acceptance, bot_replies, ..ProfileHours::default() }
}

impl House {
    /// One that has hours and assigns one request at a time to an agent, at a time of Monday. Olivia is there; her
    /// next counter is 5.
    pub(super) async fn with_hours(at: i64, hours: ProfileHours, idle: Duration) -> (Self, Client) {
        by_hand::shows(monday_at(at));
        let (house, mut olivia) = Self::assigning(1, idle).await;
        let hours = Box::new(hours);
        olivia.sets(3, WorkspaceAction::SetProfileHours { profile: PROFILE, hours }).await;
        let words = |text: &str| Some(MessageText::new(text).unwrap());
        let bot = Bot { call_word: words("agent"), reply: words(REPLY), ..Bot::default() };
        olivia.sets(4, WorkspaceAction::SetBot { profile: PROFILE, bot: Box::new(bot) }).await;
        (house, olivia)
    }
}

impl Client {
    /// Opens or closes by hand, or takes that back.
    async fn overrides(&mut self, counter: u64, to: Option<Override>) {
        self.sets(counter, WorkspaceAction::OverrideHours { profile: PROFILE, to }).await;
    }

    /// Everything that is recorded of a conversation, up to the entry in which such a thing happens.
    pub(super) async fn record(
        &mut self,
        subscription: u32,
        conversation: ConversationId,
        last: impl Fn(&What) -> bool,
    ) -> Vec<Recorded> {
        let mut follower = self.follow(subscription, conversation, 0).await;
        let mut recorded = Vec::new();
        loop {
            match soon(follower.from.next()).await {
                Delivery::Entry(entry, _) => {
                    follower.from.take(&entry).unwrap().for_each(drop);
                    recorded
                        .extend(entry.events.iter().map(|event| (entry.at, event.by, event.what.clone())));
                    if entry.events.iter().any(|event| last(&event.what)) {
                        return recorded;
                    }
                }
                Delivery::CaughtUp(_) | Delivery::Cursors(_) | Delivery::Typing(_) => {}
                Delivery::Ended => panic!("it has ended after {recorded:?}"),
            }
        }
    }

    /// Waits until the workspace knows that a member is there, and whatever it has to know before that.
    pub(super) async fn is_seen(&mut self, name: &str) {
        self.desk(8).await.shows(|agent| agent.online && agent.name.as_str() == name).await;
    }

    /// Joins and completes what is hers.
    async fn completes(&mut self, counter: u64, conversation: ConversationId) {
        for (counter, action) in [(counter, Action::Join), (counter + 1, Action::Complete { epoch: None })] {
            self.send(conversation, counter, action);
            self.accepted().await;
        }
    }
}

/// What the bot has said.
fn bot_said(recorded: &[Recorded]) -> Vec<String> {
    let said = recorded.iter().filter_map(|(_, by, what)| match what {
        What::Message(message) if *by == Party::Bot => Some(message.content.preview(100)),
        _ => None,
    });
    said.collect()
}

fn calls(recorded: &[Recorded]) -> Vec<(bool, bool)> {
    let calls = recorded.iter().filter_map(|(_, _, what)| match what {
        What::Called { in_hours, bot_replies, .. } => Some((*in_hours, *bot_replies)),
        _ => None,
    });
    calls.collect()
}

pub(super) const fn is_assigned(what: &What) -> bool {
    matches!(what, What::Assigned { how: How::Automatic, .. })
}

fn assigned_at(recorded: &[Recorded]) -> Timestamp {
    recorded.iter().find(|(_, _, what)| is_assigned(what)).unwrap().0
}

#[tokio::test]
async fn whoever_calls_while_it_is_closed_by_hand_is_told_so_and_is_not_queued() {
    let (house, mut olivia) = House::with_hours(10, hours(Acceptance::Refuse, false), NO_SLEEP).await;
    olivia.overrides(5, Some(Override::Closed)).await;
    let (mut minji, conversation) = house.caller("minji").await;
    minji.send(conversation, 3, Action::Post { content: text("agent") });
    minji.accepted().await;
    olivia.overrides(6, None).await;
    minji.send(conversation, 4, call());
    minji.accepted().await;
    let recorded = olivia.record(1, conversation, is_assigned).await;
    let by =
        recorded.iter().filter_map(|(_, by, what)| matches!(what, What::CallRefused { .. }).then_some(*by));
    assert_eq!(by.collect::<Vec<_>>(), [Party::Customer, Party::Bot], "by the button, and by the word");
    assert_eq!(bot_said(&recorded), [CLOSED, CLOSED]);
    assert_eq!(calls(&recorded), [(true, false)], "only when it was open again");
    house.stop().await;
}

#[tokio::test]
async fn the_bot_answers_those_who_are_queued_outside_the_hours_if_it_is_set_so() {
    for bot_replies in [true, false] {
        let hours = hours(Acceptance::Accept, bot_replies);
        let (house, mut olivia) = House::with_hours(10, hours, NO_SLEEP).await;
        olivia.overrides(5, Some(Override::Closed)).await;
        let (mut minji, conversation) = house.caller("minji").await;
        minji.send(conversation, 3, Action::Post { content: text("How late is it?") });
        minji.accepted().await;
        if bot_replies {
            let answered = |what: &What| matches!(what, What::Message(said) if said.content == text(REPLY));
            olivia.record(1, conversation, answered).await;
        }
        olivia.overrides(6, Some(Override::Open)).await;
        let recorded = olivia.record(2, conversation, is_assigned).await;
        assert_eq!(calls(&recorded), [(false, bot_replies)]);
        let said: &[&str] = if bot_replies { &[CLOSED, REPLY] } else { &[CLOSED] };
        assert_eq!(bot_said(&recorded), said);
        house.stop().await;
    }
}

#[tokio::test]
async fn opening_by_hand_hands_out_the_queue_in_the_order_that_is_set() {
    for in_hours_first in [true, false] {
        let (house, mut olivia) = House::with_hours(10, hours(Acceptance::Accept, false), NO_SLEEP).await;
        let load = Load { maximum: 1, in_hours_first, ..Load::default() };
        let team = TeamAssignment { load, ..TeamAssignment::default() };
        olivia.sets(5, WorkspaceAction::SetTeamAssignment(team)).await;
        olivia.overrides(6, Some(Override::Closed)).await;
        let (_jisoo, outside) = house.caller("jisoo").await;
        olivia.says_away(7, true).await;
        olivia.overrides(8, None).await;
        by_hand::passes(MINUTE);
        let (_minji, inside) = house.caller("minji").await;
        olivia.overrides(9, Some(Override::Closed)).await;
        olivia.says_away(10, false).await;
        by_hand::passes(MINUTE);
        olivia.overrides(11, Some(Override::Open)).await;
        let order = if in_hours_first { [inside, outside] } else { [outside, inside] };
        let mut given = Vec::new();
        for (subscription, conversation) in (1..).zip(order) {
            let recorded = olivia.record(subscription, conversation, is_assigned).await;
            let at = assigned_at(&recorded);
            assert!(at >= Timestamp::from_millis(monday_at(10).as_millis() + 120_000), "not while closed");
            given.push(at);
            by_hand::passes(MINUTE);
            olivia.completes(10 + 2 * u64::from(subscription), conversation).await;
        }
        assert!(given[0] < given[1], "one after the other: {given:?}");
        house.stop().await;
    }
}

#[tokio::test]
async fn the_doors_open_and_close_by_the_clock() {
    let (house, mut olivia) = House::with_hours(8, hours(Acceptance::Accept, false), NO_SLEEP).await;
    let (_minji, early) = house.caller("minji").await;
    by_hand::passes(HOUR);
    let recorded = olivia.record(1, early, is_assigned).await;
    assert_eq!(calls(&recorded), [(false, false)]);
    assert!(assigned_at(&recorded) >= monday_at(9));
    olivia.completes(5, early).await;

    let (_jisoo, inside) = house.caller("jisoo").await;
    let recorded = olivia.record(2, inside, is_assigned).await;
    assert_eq!((calls(&recorded), bot_said(&recorded)), (vec![(true, false)], vec![]));
    let (_hana, waits) = house.caller("hana").await;
    assert_eq!(olivia.hears_why(waits, 1).await.outcome, Outcome::Waits(Why::NobodyFree));
    by_hand::passes(9 * HOUR);
    assert_eq!(olivia.hears_why(waits, 2).await.outcome, Outcome::Waits(Why::Closed));
    // There is room from now on, and nobody is given work before Tuesday.
    olivia.completes(5, inside).await;
    by_hand::passes(15 * HOUR);
    let recorded = olivia.record(3, waits, is_assigned).await;
    assert_eq!(calls(&recorded), [(true, false)]);
    assert!(assigned_at(&recorded) >= monday_at(24 + 9), "{recorded:?}");
    house.stop().await;
}

#[tokio::test]
async fn what_is_opened_by_hand_closes_when_the_schedule_closes() {
    let (house, mut olivia) = House::with_hours(19, hours(Acceptance::Refuse, false), NO_SLEEP).await;
    olivia.overrides(5, Some(Override::Open)).await;
    let (_minji, evening) = house.caller("minji").await;
    let recorded = olivia.record(1, evening, is_assigned).await;
    assert_eq!(calls(&recorded), [(true, false)]);
    // Over the whole of Tuesday, which ends what was set by hand.
    by_hand::passes(24 * HOUR);
    let (_jisoo, next) = house.caller("jisoo").await;
    let recorded = olivia.record(2, next, |what| matches!(what, What::CallRefused { .. })).await;
    assert_eq!(bot_said(&recorded), [CLOSED]);
    house.stop().await;
}

#[tokio::test]
async fn the_doors_open_for_those_who_were_queued_before_the_engine_began_anew() {
    for down in [HOUR / 2, 2 * HOUR] {
        let (house, olivia) =
            House::with_hours(8, hours(Acceptance::Accept, false), Duration::from_millis(1)).await;
        let (_minji, conversation) = house.caller("minji").await;
        olivia.goes();
        // Over the boundary as well, while it is down.
        let house = house.again_later(down).await;
        let mut ada = house.ada().await;
        ada.is_seen("Ada").await;
        by_hand::passes(HOUR);
        let recorded = ada.record(1, conversation, is_assigned).await;
        assert_eq!(calls(&recorded), [(false, false)]);
        assert!(assigned_at(&recorded) >= monday_at(9), "{down:?}");
        let house = house.again().await;
        let (mut ada, mut minji) = (house.ada().await, house.connect(customer("minji")).await);
        minji.posted(conversation, 9).await;
        let recorded = ada
            .record(1, conversation, |what| matches!(what, What::Message(said) if said.content == text("9")))
            .await;
        let given = recorded.iter().filter(|(_, _, what)| is_assigned(what)).count();
        assert_eq!(given, 1, "it is given once: {recorded:?}");
        house.stop().await;
    }
}

const CLOSED: &str = "We are back at nine.";
const REPLY: &str = "I am only a bot.";
