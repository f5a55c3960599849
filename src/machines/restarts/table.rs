//! Each kind of timer, and each place at which something is begun anew.
//!
//! Owns both lists, and for each pair the very millisecond at which the effect comes. Must not know how it comes.

use super::*;
use crate::domain::assignment::{Load, ProfileAssignment, TeamAssignment};
use crate::domain::consultation::{Requeued, Unserved};
use crate::domain::conversation::Event;
use crate::domain::hours::{Acceptance, Mode, NoticeText, Override, ProfileHours, TeamHours};
use crate::domain::mask::{MaskAfter, masks_of};
use crate::domain::message::Message as Posted;
use crate::domain::workspace::{Absence, AutoClose, InProgress, TeamService};
use switchboard_protocol::vocabulary::Party;

/// Where something is begun anew: so many milliseconds from the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    /// The conversation sleeps from then on.
    Sleeps(i64),
    /// And is woken a second later, and sleeps again.
    SleepsAndWakes(i64),
    ConversationFails(i64),
    WorkspaceRestarts(i64),
    EngineRestarts(i64),
    /// And every conversation is woken then, by whoever looks at it.
    RestartsAwake(i64),
    /// The engine is not there from then on for so long.
    Downtime(i64, i64),
}

use Place::{
    ConversationFails, Downtime, EngineRestarts, Nowhere, RestartsAwake, Sleeps, SleepsAndWakes,
    WorkspaceRestarts,
};

/// Long before, shortly before, exactly at, shortly after.
const PLACES: &[Place] = &[
    Nowhere,
    Sleeps(-5 * SECOND),
    Sleeps(-1),
    SleepsAndWakes(-5 * SECOND),
    ConversationFails(-5 * SECOND),
    ConversationFails(-1),
    ConversationFails(0),
    ConversationFails(1),
    WorkspaceRestarts(-5 * SECOND),
    WorkspaceRestarts(-1),
    WorkspaceRestarts(0),
    WorkspaceRestarts(1),
    EngineRestarts(-5 * SECOND),
    EngineRestarts(-1),
    EngineRestarts(0),
    EngineRestarts(1),
    RestartsAwake(-5 * SECOND),
    RestartsAwake(0),
    Downtime(-5 * SECOND, 4 * SECOND),
    Downtime(-5 * SECOND, 5 * SECOND),
    Downtime(-1, 2),
    Downtime(-1, HOUR),
    Downtime(0, HOUR),
    Downtime(1, HOUR),
];

/// What is begun anew, when that is over, seen from the deadline.
enum Begun {
    Nothing,
    Workspace(i64),
    Engine(i64),
}

impl Place {
    /// What is begun anew before the timer has come.
    const fn begun(self) -> Begun {
        match self {
            WorkspaceRestarts(at) if at <= 0 => Begun::Workspace(at),
            EngineRestarts(at) | RestartsAwake(at) if at <= 0 => Begun::Engine(at),
            Downtime(at, time) if at <= 0 => Begun::Engine(at + time),
            Nowhere | Sleeps(_) | SleepsAndWakes(_) | ConversationFails(_) | WorkspaceRestarts(_)
            | EngineRestarts(_) | RestartsAwake(_) | Downtime(..) => Begun::Nothing,
        }
    }

    /// When customers' timers come, seen from the deadline: after a downtime they have their time of grace.
    fn with_grace(self) -> i64 {
        match self.begun() {
            Begun::Nothing | Begun::Workspace(_) => 0,
            Begun::Engine(at) => (at + GRACE).max(0),
        }
    }

    /// When that comes which only needs somebody who does it.
    fn at_once(self) -> i64 {
        match self.begun() {
            Begun::Nothing | Begun::Workspace(_) => 0,
            Begun::Engine(at) => at.max(0),
        }
    }

    /// When the grace of somebody ends who does not come back: sessions end with their workspace, so that it begins
    /// anew with it.
    const fn without_agent(self, grace: i64) -> i64 {
        match self.begun() {
            Begun::Nothing => 0,
            Begun::Workspace(at) => at + grace,
            Begun::Engine(at) => at + if grace > GRACE { grace } else { GRACE },
        }
    }

    /// Carries it out, where the deadline is this.
    fn take(self, house: &mut House, deadline: i64) {
        let mut to = |at: i64, what: &mut dyn FnMut(&mut House)| {
            // Whatever is due at this very moment has not come yet.
            house.until(deadline + at - 1);
            house.now += 1;
            what(house);
        };
        match self {
            Nowhere => {}
            Sleeps(at) => to(at, &mut House::all_sleep),
            SleepsAndWakes(at) => {
                to(at, &mut House::all_sleep);
                to(at + SECOND, &mut |house| {
                    house.all_wake();
                    house.all_sleep();
                });
            }
            ConversationFails(at) => to(at, &mut House::conversations_fail),
            WorkspaceRestarts(at) => to(at, &mut House::workspace_restarts),
            EngineRestarts(at) => to(at, &mut |house| house.engine_restarts(0)),
            RestartsAwake(at) => to(at, &mut |house| {
                house.engine_restarts(0);
                house.all_wake();
            }),
            Downtime(at, time) => to(at, &mut |house| house.engine_restarts(time)),
        }
    }
}

/// One kind of timer against every place: what happens from the deadline's setting on until long after it, and
/// when, seen from the deadline.
fn table(
    kind: &str,
    set: impl Fn() -> (House, i64),
    is_effect: impl Fn(&What) -> bool,
    expected: impl Fn(Place) -> Option<i64>,
) {
    for place in PLACES {
        let (mut house, deadline) = set();
        let (id, before) = (conversation(1), house.happened(conversation(1)).len());
        place.take(&mut house, deadline);
        house.until(deadline + 2 * HOUR);
        let happened = house.happened(id).split_off(before);
        let effects = happened.iter().filter(|(_, what)| is_effect(what));
        let effects: Vec<_> = effects.map(|(at, _)| at - deadline).collect();
        assert_eq!(effects, Vec::from_iter(expected(*place)), "{kind}, {place:?}: {happened:?}");
        house.agrees();
    }
}

impl House {
    /// The desk knows of every conversation what is stored.
    fn agrees(&self) {
        for id in self.log.keys() {
            let stored = self.state(*id).served.consultation.map(|consultation| consultation.stage);
            assert_eq!(self.desk.dispatch().get(*id).map(|open| open.stage), stored);
        }
    }

    fn service_is(&mut self, service: TeamService) {
        self.sets(WorkspaceAction::SetTeamService(service));
    }

    /// Calls are assigned by themselves, so many to an agent.
    fn assigns(&mut self, maximum: u32) {
        let load = Load { maximum, ..Load::default() };
        self.sets(WorkspaceAction::SetTeamAssignment(TeamAssignment { load, ..TeamAssignment::default() }));
        let assignment = Box::new(ProfileAssignment { automatic: true, ..ProfileAssignment::default() });
        self.sets(WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment });
    }

    /// The profile is open from nine to six, and calls are taken outside as well.
    fn has_hours(&mut self) {
        let notice = NoticeText::new("Tomorrow!").unwrap();
        let team = TeamHours { notice, acceptance: Acceptance::Accept, ..TeamHours::default() };
        self.sets(WorkspaceAction::SetTeamHours(Box::new(team)));
        let hours = Box::new(ProfileHours { mode: Mode::UseHours, ..ProfileHours::default() });
        self.sets(WorkspaceAction::SetProfileHours { profile: PROFILE, hours });
    }

    fn by_hand(&mut self, to: Override) {
        self.sets(WorkspaceAction::OverrideHours { profile: PROFILE, to: Some(to) });
    }
}

/// Ten minutes of either.
fn auto_close() -> TeamService {
    let auto_close = AutoClose { silent_minutes: Some(10), unserved_minutes: Some(10) };
    TeamService { auto_close, ..TeamService::default() }
}

const fn is_assigned(what: &What) -> bool {
    matches!(what, What::Assigned { .. })
}

const fn is_requeued(what: &What) -> bool {
    matches!(what, What::Requeued { why: Requeued::Absent, .. })
}

#[test]
fn a_call_that_nobody_serves_is_missed() {
    let set = || {
        let mut house = House::new(NOON);
        house.service_is(auto_close());
        house.calls(conversation(1));
        (house, NOON + 10 * MINUTE)
    };
    let is_effect = |what: &What| matches!(what, What::Unserved { why: Unserved::TooLong });
    table("unserved", set, is_effect, |place| Some(place.with_grace()));
}

#[test]
fn a_call_that_is_taken_at_night_is_missed_when_the_doors_have_been_open_for_long_enough() {
    let set = || {
        let mut house = House::new(NOON + 7 * HOUR);
        house.has_hours();
        house.service_is(auto_close());
        house.calls(conversation(1));
        (house, NOON + 21 * HOUR + 10 * MINUTE)
    };
    let is_effect = |what: &What| matches!(what, What::Unserved { why: Unserved::TooLong });
    table("unserved at night", set, is_effect, |place| Some(place.with_grace()));
}

#[test]
fn a_consultation_whose_customer_is_silent_is_completed() {
    let set = || {
        let mut house = House::new(NOON);
        house.service_is(auto_close());
        let id = conversation(1);
        house.calls(id);
        house.does(
            ada(),
            id,
            Action::Take { consultation: ConsultationId::from_bytes([5; 16]), epoch: None },
        );
        house.until(NOON + MINUTE);
        house.does(ada(), id, post());
        (house, NOON + 11 * MINUTE)
    };
    table("silent", set, |what| *what == What::Completed, |place| Some(place.with_grace()));
}

fn absent_from(in_progress: InProgress, grace_seconds: u32) -> impl Fn() -> (House, i64) {
    move || {
        let mut house = House::new(NOON);
        house.assigns(3);
        let absence = Absence { grace_seconds, in_progress };
        house.service_is(TeamService { absence, ..TeamService::default() });
        let id = conversation(1);
        house.calls(id);
        house.does(ada(), id, Action::Join);
        house.until(NOON + MINUTE);
        house.goes(ADA);
        (house, NOON + MINUTE + i64::from(grace_seconds) * SECOND)
    }
}

#[test]
fn what_somebody_serves_who_is_gone_waits_again_after_the_grace_or_stays_theirs() {
    for (seconds, grace) in [(30, 30 * SECOND), (300, 5 * MINUTE)] {
        let expected = |place: Place| Some(place.without_agent(grace));
        table("grace", absent_from(InProgress::Requeue, seconds), is_requeued, expected);
    }
    table("kept", absent_from(InProgress::Keep, 30), is_requeued, |_| None);
}

#[test]
fn what_somebody_has_not_begun_who_goes_waits_again_at_once_and_not_once_more() {
    for in_progress in [InProgress::Requeue, InProgress::Keep] {
        let set = || {
            let mut house = House::new(NOON);
            house.assigns(3);
            let absence = Absence { grace_seconds: 30, in_progress };
            house.service_is(TeamService { absence, ..TeamService::default() });
            house.calls(conversation(1));
            let before = house.happened(conversation(1)).len();
            house.goes(ADA);
            let happened = house.happened(conversation(1)).split_off(before);
            assert!(happened.iter().any(|(at, what)| (*at, is_requeued(what)) == (NOON, true)));
            (house, NOON + 30 * SECOND)
        };
        table("gone before it began", set, is_requeued, |_| None);
    }
}

#[test]
fn what_is_theirs_who_do_not_come_back_after_a_restart_waits_again_after_the_grace() {
    for in_progress in [InProgress::Requeue, InProgress::Keep] {
        let set = || {
            let mut house = House::new(NOON);
            house.assigns(3);
            let absence = Absence { grace_seconds: 30, in_progress };
            house.service_is(TeamService { absence, ..TeamService::default() });
            house.calls(conversation(1));
            // Nobody is told that she goes: the engine ends before.
            house.online.clear();
            (house, NOON + MINUTE)
        };
        table("never back", set, is_requeued, |place| match place {
            WorkspaceRestarts(at) => Some(at + 30 * SECOND),
            EngineRestarts(at) | RestartsAwake(at) => Some(at + GRACE),
            Downtime(at, time) => Some(at + time + GRACE),
            Nowhere | Sleeps(_) | SleepsAndWakes(_) | ConversationFails(_) => None,
        });
    }
}

#[test]
fn when_the_doors_open_whoever_waits_is_given_out() {
    let opening = NOON + 21 * HOUR;
    let at_night = |by_hand: Option<Override>| {
        move || {
            let mut house = House::new(NOON + 7 * HOUR);
            house.assigns(3);
            house.has_hours();
            by_hand.into_iter().for_each(|to| house.by_hand(to));
            house.calls(conversation(1));
            (house, opening)
        }
    };
    table("opening", at_night(None), is_assigned, |place| Some(place.at_once()));
    let closed = at_night(Some(Override::Closed));
    table("closed by hand until it opens", closed, is_assigned, |place| Some(place.at_once()));
    let by_day = || {
        let mut house = House::new(NOON);
        house.assigns(3);
        house.has_hours();
        house.by_hand(Override::Closed);
        house.calls(conversation(1));
        (house, opening)
    };
    table("closed by hand by day", by_day, is_assigned, |place| Some(place.at_once()));
}

/// One is served, and another waits for its end, which comes this long from the closing.
fn full_at_closing(by_hand: Option<Override>, place: Place, ends: i64) -> (House, i64) {
    let closing = NOON + 6 * HOUR;
    let mut house = House::new(NOON);
    house.assigns(1);
    house.has_hours();
    by_hand.into_iter().for_each(|to| house.by_hand(to));
    house.calls(conversation(2));
    house.does(ada(), conversation(2), Action::Join);
    house.calls(conversation(1));
    place.take(&mut house, closing);
    // The downtime may be longer.
    house.until((closing + ends).max(house.now));
    house.does(ada(), conversation(2), Action::Complete { epoch: None });
    house.until(closing + 16 * HOUR);
    (house, closing)
}

#[test]
fn when_the_doors_have_closed_nobody_is_given_out_until_they_open() {
    for by_hand in [None, Some(Override::Open)] {
        for place in PLACES {
            let (house, closing) = full_at_closing(by_hand, *place, 1);
            let happened = house.happened(conversation(1));
            let given = happened.iter().filter(|(_, what)| is_assigned(what)).map(|(at, _)| at - closing);
            assert_eq!(given.collect::<Vec<_>>(), [15 * HOUR], "{place:?}");
        }
        let (house, closing) = full_at_closing(by_hand, WorkspaceRestarts(-SECOND), -1);
        let happened = house.happened(conversation(1));
        let given = happened.iter().find(|(_, what)| is_assigned(what));
        assert_eq!(given.map(|(at, _)| *at), Some(closing - 1), "until then they are open");
    }
}

#[test]
fn a_call_can_be_taken_back_for_ten_seconds_without_being_missed_whatever_begins_anew() {
    for place in PLACES {
        for late in [0, 1] {
            let mut house = House::new(NOON);
            house.service_is(TeamService { early_cancel_is_no_miss: true, ..TeamService::default() });
            let id = conversation(1);
            house.calls(id);
            let last = NOON + 10 * SECOND;
            place.take(&mut house, last);
            house.until((last + late).max(house.now));
            house.does(customer(id), id, Action::Cancel);
            let why = if house.now <= last { Unserved::Cancelled } else { Unserved::GaveUp };
            let now = house.now;
            assert_eq!(house.happened(id).pop(), Some((now, What::Unserved { why })), "{place:?}, {late}");
        }
    }
}

#[test]
fn what_is_masked_after_a_time_is_hidden_from_that_moment_on() {
    let plain = Posted::plain(Content::text(MessageText::new("code 1234").unwrap()));
    let masks = masks_of(&plain, "1234", "10m".parse::<MaskAfter>().unwrap());
    let what = What::Message(Posted { masks, ..plain });
    let entry = Entry {
        conversation: conversation(1),
        revision: 1,
        before: Default::default(),
        at: Timestamp::from_millis(NOON),
        origin: None,
        epoch: None,
        events: vec![Event { by: Party::Bot, what }],
    };
    // It rests on the entry alone, which is the same wherever it is read; `journal::masking` reads it there.
    let shown = |at: i64| entry.shown_at(Timestamp::from_millis(at));
    assert!(shown(NOON + 10 * MINUTE - 1).is_none(), "as it was");
    assert!(shown(NOON + 10 * MINUTE).is_some());
    assert_eq!(entry.next_due(), Some(Timestamp::from_millis(NOON + 10 * MINUTE)), "when it is erased");
}
