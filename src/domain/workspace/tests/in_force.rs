//! What the settings come to, at a moment.
//!
//! Owns a team in Seoul that serves on weekdays from nine to six. Must not know the rules of hours or of
//! assignment: those have tests of their own.

use std::sync::Arc;

use super::*;
use crate::domain::assignment::{Load, ProfileAssignment, TeamAssignment};
use crate::domain::conversation::{Doors, Service};
use crate::domain::hours::{
    Acceptance, Choice, CountedHours, Mode, NoticeText, Override, ProfileHours, Schedule, ScheduleDraft,
    TeamHours, WeekDraft,
};

/// 2026-11-25, a Wednesday, 12:00 in Seoul.
const NOON: Timestamp = Timestamp::from_millis(1_795_575_600_000);
const HOUR_MS: i64 = 3_600_000;

fn later(hours: i64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + hours * HOUR_MS)
}

/// The company with hours: the first profile uses the team's, the second is always open.
fn with_hours(acceptance: Acceptance, bot_replies: bool) -> Workspace {
    let notice = NoticeText::new("Tomorrow!").unwrap();
    let team = TeamHours { notice, acceptance, ..TeamHours::default() };
    let hours = ProfileHours { mode: Mode::UseHours, bot_replies, ..ProfileHours::default() };
    let set = WorkspaceAction::SetProfileHours { profile: profile_id(1), hours: hours.into() };
    then(then(company(), WorkspaceAction::SetTeamHours(team.into())), set)
}

#[test]
fn the_doors_follow_the_hours() {
    let state = with_hours(Acceptance::Refuse, false);
    let doors = |at| state.doors(profile_id(1), at);
    assert_eq!((doors(NOON), doors(later(6)), doors(later(21))), (Doors::Open, Doors::Refusing, Doors::Open));
    assert_eq!(state.doors(profile_id(2), later(6)), Doors::Open, "it is always open");
    let accepting = with_hours(Acceptance::Accept, true);
    assert_eq!(accepting.doors(profile_id(1), later(6)), Doors::Accepting { bot_replies: true });
}

#[test]
fn outside_the_hours_requests_wait() {
    let load = Load { maximum: 3, ..Load::default() };
    let team = TeamAssignment { load, ..TeamAssignment::default() };
    let assignment = ProfileAssignment { automatic: true, ..ProfileAssignment::default() };
    let set = WorkspaceAction::SetProfileAssignment { profile: profile_id(1), assignment: assignment.into() };
    let state = with_hours(Acceptance::Accept, false);
    let state = then(then(state, WorkspaceAction::SetTeamAssignment(team)), set);
    let rules = |at| state.rules(profile_id(1), at).unwrap();
    assert_eq!((rules(NOON).automatic, rules(NOON).open, rules(NOON).load.maximum), (true, true, 3));
    assert!(!rules(later(6)).open, "accepted or not, it is closed");
    assert_eq!(state.rules(profile_id(9), NOON), None);
    let book = state.rule_book(NOON);
    assert_eq!(book.of(profile_id(1)), Some(&rules(NOON)));
    assert_eq!(book.of(profile_id(2)).map(|rules| rules.automatic), Some(false));
    assert_eq!(book.0.len(), 2);
}

#[test]
fn a_conversation_is_bound_by_the_team_and_its_profile() {
    let greeting = company().profiles[&profile_id(1)].greeting.clone();
    assert_eq!(company().service(profile_id(1)), Service { greeting: greeting.clone(), ..Service::NONE });
    let service = TeamService {
        auto_close: AutoClose { silent_minutes: Some(5), unserved_minutes: Some(30) },
        early_cancel_is_no_miss: true,
        ..TeamService::default()
    };
    let bot = Box::new(Bot { cancel_word: Some(text("stop")), ..Bot::default() });
    let state = then(with_hours(Acceptance::Refuse, false), WorkspaceAction::SetTeamService(service));
    let state = then(state, WorkspaceAction::SetBot { profile: profile_id(1), bot });
    let expected = Service {
        notice: Some(text("Tomorrow!")),
        cancel_word: Some(text("stop")),
        early_cancel_is_no_miss: true,
        greeting,
        silent_ms: Some(300_000),
        unserved_ms: Some(1_800_000),
        hours: Some(Arc::new(CountedHours { schedule: Schedule::default(), by_hand: None })),
        ..Service::NONE
    };
    assert_eq!(state.service(profile_id(1)), expected);
    let other = Service { notice: None, cancel_word: None, hours: None, ..expected };
    assert_eq!(state.service(profile_id(2)), other, "what is always open needs no notice");
}

#[test]
fn what_ends_by_itself_does_so_otherwise_when_its_hours_are_others() {
    let state = with_hours(Acceptance::Accept, false);
    let service = TeamService {
        auto_close: AutoClose { unserved_minutes: Some(30), ..AutoClose::default() },
        ..TeamService::default()
    };
    let state = then(state, WorkspaceAction::SetTeamService(service));
    let own = || Box::new(ProfileHours { mode: Mode::UseHours, ..ProfileHours::default() });
    let assignment =
        TeamAssignment { load: Load { maximum: 3, ..Load::default() }, ..TeamAssignment::default() };
    let grace = TeamService { absence: Absence { grace_seconds: 1, ..Absence::default() }, ..service };
    for (action, ends) in [
        (WorkspaceAction::SetTeamAssignment(assignment), false),
        (WorkspaceAction::SetTeamService(grace), false),
        (WorkspaceAction::SetTeamService(TeamService::default()), true),
        (WorkspaceAction::SetProfileHours { profile: profile_id(2), hours: own() }, true),
        (WorkspaceAction::OverrideHours { profile: profile_id(1), to: Some(Override::Closed) }, true),
    ] {
        let after = then(state.clone(), action.clone());
        assert_eq!(after.ends_otherwise(&state), ends, "{action:?}");
    }
}

#[test]
fn the_next_boundary_is_the_first_of_any_profile() {
    assert_eq!(company().next_boundary(NOON), None, "nobody uses hours");
    let state = with_hours(Acceptance::Refuse, false);
    assert_eq!(state.next_boundary(NOON), Some(later(6)), "at six");
    assert_eq!(state.next_boundary(later(6)), Some(later(21)), "at nine");
    let mut week = WeekDraft::default();
    week[2] = vec!["10:00-13:00"].into_iter().map(interval).collect();
    let draft = ScheduleDraft { zone: "Asia/Seoul".to_owned(), week, holidays: Vec::new() };
    let schedule = Choice::Own(Schedule::new(&draft).unwrap());
    let hours = Box::new(ProfileHours { mode: Mode::UseHours, schedule, ..ProfileHours::default() });
    let state = then(state, WorkspaceAction::SetProfileHours { profile: profile_id(2), hours });
    assert_eq!(state.next_boundary(NOON), Some(later(1)), "the second profile closes at one");
}

fn interval(text: &str) -> crate::domain::hours::IntervalDraft {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
    };
    let (start, end) = text.split_once('-').unwrap();
    crate::domain::hours::IntervalDraft { start_minute: minute(start), end_minute: minute(end) }
}

#[test]
fn what_is_set_by_hand_holds_until_the_schedule_changes() {
    let state = with_hours(Acceptance::Refuse, false);
    let close = WorkspaceAction::OverrideHours { profile: profile_id(1), to: Some(Override::Closed) };
    let mut state = state;
    let entry = decide_own(&state, close, NOON).unwrap();
    state.apply(&entry);
    assert_eq!(state.doors(profile_id(1), NOON), Doors::Refusing);
    assert!(!state.rules(profile_id(1), NOON).unwrap().open);
    assert_eq!(state.next_boundary(NOON), Some(later(6)));
    assert_eq!(state.doors(profile_id(1), later(21)), Doors::Open, "and opens by itself");
    let back = WorkspaceAction::OverrideHours { profile: profile_id(1), to: None };
    assert_eq!(then(state, back).doors(profile_id(1), NOON), Doors::Open);
}
