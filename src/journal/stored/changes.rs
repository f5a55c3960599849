//! Settings for tests: one change of every kind, and random ones.
//!
//! Owns what the golden files of settings mean, and random settings whether or not the rules would make them.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, Content, DisplayName, FlowId, InstanceId, MemberId, MessageText, Party,
    ProfileId, Timestamp,
};

use super::messages::message;
use super::samples::{member_id, workspace, workspace_id};
use crate::domain::assignment::{
    Choosing, Load, Pool, ProfileAssignment, Strategy as AssignmentStrategy, TeamAssignment,
};
use crate::domain::clients::{Client, Clients, Origin, PartyClients};
use crate::domain::hours::{
    Acceptance, Choice, HolidayDraft, IntervalDraft, ManualOverride, Mode, Notice, NoticeText, Override,
    ProfileHours, Schedule, ScheduleDraft, TeamHours, WeekDraft,
};
use crate::domain::message::Message;
use crate::domain::workspace::{
    Absence, AutoClose, Bot, Changed, InProgress, MembersAnswers, ProfileSettings, Role, Settings,
    TeamService, TeamSettings, Workspace, WorkspaceEntry, WorkspaceEvent,
};

/// A change of every kind, by a member's client, but for the last.
pub(in crate::journal) fn entries() -> Vec<(&'static str, WorkspaceEntry)> {
    let (member, profile) = (member_id(6), ProfileId::from_bytes([0x70; 16]));
    let greeting = Some(Message::plain(Content::text(text("안녕하세요"))));
    let until = Some(Timestamp::from_millis(1_700_100_000_000));
    let overridden =
        |to, until| WorkspaceEvent::HoursOverridden { profile, manual: Some(ManualOverride { to, until }) };
    let assignment_of_teams = Box::new(ProfileAssignment::default());
    let events = [
        ("member_renamed", WorkspaceEvent::MemberRenamed { member, name: DisplayName::new("최").unwrap() }),
        ("made_admin", WorkspaceEvent::RoleChanged { member, role: Role::Admin }),
        ("made_editor", WorkspaceEvent::RoleChanged { member, role: Role::Editor }),
        ("made_readonly", WorkspaceEvent::RoleChanged { member, role: Role::Readonly }),
        ("team_assignment", WorkspaceEvent::TeamAssignmentSet(team_assignment())),
        ("team_hours", WorkspaceEvent::TeamHoursSet(Box::new(team_hours()))),
        ("team_service", WorkspaceEvent::TeamServiceSet(team_service())),
        ("team_service_default", WorkspaceEvent::TeamServiceSet(TeamService::default())),
        (
            "assignment_of_the_teams",
            WorkspaceEvent::ProfileAssignmentSet { profile, assignment: assignment_of_teams },
        ),
        ("assignment", WorkspaceEvent::ProfileAssignmentSet { profile, assignment: Box::new(assignment()) }),
        ("hours_of_the_teams", WorkspaceEvent::ProfileHoursSet { profile, hours: Box::default() }),
        ("hours", WorkspaceEvent::ProfileHoursSet { profile, hours: Box::new(hours()) }),
        ("bot_silent", WorkspaceEvent::BotSet { profile, bot: Box::default() }),
        ("bot", WorkspaceEvent::BotSet { profile, bot: Box::new(bot()) }),
        ("greeting_taken", WorkspaceEvent::GreetingSet { profile, greeting: None }),
        ("greeting", WorkspaceEvent::GreetingSet { profile, greeting }),
        ("override_taken_back", WorkspaceEvent::HoursOverridden { profile, manual: None }),
        ("opened", overridden(Override::Open, until)),
        ("closed", overridden(Override::Closed, None)),
        ("member_removed", WorkspaceEvent::MemberRemoved { member: member_id(5) }),
        ("came_back", WorkspaceEvent::AwaySet { member, away: false }),
        ("went_away", WorkspaceEvent::AwaySet { member, away: true }),
    ];
    let entry = |(at, (name, event)): (u64, (&'static str, WorkspaceEvent))| {
        let revision = 7 + at;
        let by = (name != "member_removed").then_some(member_id(3));
        let instance = InstanceId::from_bytes([0x1a; 16]);
        let origin = by.map(|member| Origin { party: Party::Agent { member }, instance, counter: 1 + at });
        let at = Timestamp::from_millis(1_700_000_000_000 + i64::try_from(revision).unwrap());
        (name, WorkspaceEntry { workspace: workspace_id(1), revision, at, by, origin, events: vec![event] })
    };
    (0_u64..).zip(events).map(entry).collect()
}

/// A workspace with something in every setting, and clients that were answered.
pub(super) fn with_settings() -> Workspace {
    let mut state = workspace();
    entries().iter().for_each(|(_, entry)| state.apply(entry));
    state.answers.forgotten = Some(InstanceId::from_bytes([0x0f; 16]));
    state
}

fn text(words: &str) -> MessageText {
    MessageText::new(words).unwrap()
}

fn category(names: &[&str]) -> CategoryPath {
    CategoryPath::new(names.iter().map(|name| CategoryName::new(*name).unwrap()).collect()).unwrap()
}

fn team_assignment() -> TeamAssignment {
    TeamAssignment {
        choosing: Choosing { sticky: true, or_another: true, strategy: AssignmentStrategy::LeastLoaded },
        load: Load { maximum: 300, in_hours_first: true, own_list_only: true },
    }
}

fn team_hours() -> TeamHours {
    TeamHours {
        schedule: schedule(),
        notice: NoticeText::new("We are closed.").unwrap(),
        acceptance: Acceptance::Accept,
    }
}

/// A night, a lunch, a holiday of one year and one of every year.
fn schedule() -> Schedule {
    let interval = |start_minute, end_minute| IntervalDraft { start_minute, end_minute };
    let mut week = WeekDraft::default();
    week[0] = vec![interval(540, 720), interval(780, 1_080)];
    week[4] = vec![interval(1_320, 120)];
    let holidays = vec![
        HolidayDraft { year: Some(2026), month: 9, day: 25, intervals: vec![interval(600, 720)] },
        HolidayDraft { year: None, month: 1, day: 1, intervals: Vec::new() },
    ];
    Schedule::new(&ScheduleDraft { zone: "America/New_York".to_owned(), week, holidays }).unwrap()
}

fn team_service() -> TeamService {
    TeamService {
        auto_close: AutoClose { silent_minutes: Some(10), unserved_minutes: Some(300) },
        absence: Absence { grace_seconds: 0, in_progress: InProgress::Keep },
        early_cancel_is_no_miss: true,
        several_places: true,
    }
}

fn assignment() -> ProfileAssignment {
    ProfileAssignment {
        automatic: true,
        choosing: Some(Choosing { strategy: AssignmentStrategy::RoundRobin, ..Choosing::default() }),
        load: Some(Load::default()),
        general: Pool::List([member_id(3), member_id(5)].into()),
        specialists: [
            (category(&["Bank"]), [member_id(4)].into()),
            (category(&["Bank", "카드"]), [member_id(4), member_id(6)].into()),
        ]
        .into(),
        no_one_else: true,
    }
}

fn hours() -> ProfileHours {
    ProfileHours {
        mode: Mode::UseHours,
        schedule: Choice::Own(Schedule::default()),
        notice: Choice::Own(Notice::Message(NoticeText::default())),
        acceptance: Choice::Own(Acceptance::Refuse),
        bot_replies: true,
    }
}

fn bot() -> Bot {
    Bot {
        call_word: Some(text("상담원")),
        categories: vec![category(&["Bank"]), category(&["Bank", "카드", "Lost"])],
        cancel_word: Some(text("취소")),
        reply: Some(text("Say 상담원 to talk to somebody.")),
    }
}

fn any_text() -> impl Strategy<Value = MessageText> {
    "[ -~가-힣]{1,40}".prop_map(|words| MessageText::new(words).unwrap())
}

fn any_category() -> impl Strategy<Value = CategoryPath> {
    prop::collection::vec("[a-z가-힣]{1,8}", 0..4).prop_map(|names| {
        CategoryPath::new(names.into_iter().map(|name| CategoryName::new(name).unwrap()).collect()).unwrap()
    })
}

fn any_member() -> impl Strategy<Value = MemberId> {
    any::<[u8; 16]>().prop_map(MemberId::from_bytes)
}

fn any_members() -> impl Strategy<Value = std::collections::BTreeSet<MemberId>> {
    prop::collection::btree_set(any_member(), 0..4)
}

fn any_choosing() -> impl Strategy<Value = Choosing> {
    let strategies =
        [AssignmentStrategy::Random, AssignmentStrategy::RoundRobin, AssignmentStrategy::LeastLoaded];
    (any::<(bool, bool)>(), prop::sample::select(strategies.to_vec()))
        .prop_map(|((sticky, or_another), strategy)| Choosing { sticky, or_another, strategy })
}

fn any_load() -> impl Strategy<Value = Load> {
    any::<(u32, bool, bool)>().prop_map(|(maximum, in_hours_first, own_list_only)| Load {
        maximum,
        in_hours_first,
        own_list_only,
    })
}

prop_compose! {
    fn any_assignment()(
        automatic in any::<bool>(),
        choosing in prop::option::of(any_choosing()),
        load in prop::option::of(any_load()),
        general in prop::option::of(any_members()),
        specialists in prop::collection::btree_map(any_category(), any_members(), 0..3),
        no_one_else in any::<bool>(),
    ) -> ProfileAssignment {
        let general = general.map_or(Pool::All, Pool::List);
        ProfileAssignment { automatic, choosing, load, general, specialists, no_one_else }
    }
}

/// One interval a day at the most, and holidays that are all others.
fn any_schedule() -> impl Strategy<Value = Schedule> {
    let interval = prop::option::of((0..720_u16, 720..=1_440_u16));
    let day = interval.prop_map(|interval| {
        let interval = interval.map(|(start_minute, end_minute)| IntervalDraft { start_minute, end_minute });
        interval.into_iter().collect::<Vec<_>>()
    });
    let holidays = prop::collection::btree_map(
        (prop::option::of(1970..=9999_u16), 1..=12_u8, 1..=28_u8),
        day.clone(),
        0..4,
    );
    let zone = prop::sample::select(vec!["Asia/Seoul", "UTC", "America/New_York", "Australia/Lord_Howe"]);
    (zone, prop::collection::vec(day, 7), holidays).prop_map(|(zone, week, holidays)| {
        let holidays = holidays.into_iter().map(|((year, month, day), intervals)| HolidayDraft {
            year,
            month,
            day,
            intervals,
        });
        let week = WeekDraft::try_from(week).unwrap();
        let draft = ScheduleDraft { zone: zone.to_owned(), week, holidays: holidays.collect() };
        Schedule::new(&draft).unwrap()
    })
}

fn any_notice() -> impl Strategy<Value = NoticeText> {
    any_text().prop_map(|text| NoticeText::new(text.as_str()).unwrap())
}

fn any_acceptance() -> impl Strategy<Value = Acceptance> {
    prop::sample::select(vec![Acceptance::Refuse, Acceptance::Accept])
}

fn own<T: std::fmt::Debug>(own: impl Strategy<Value = T>) -> impl Strategy<Value = Choice<T>> {
    prop::option::of(own).prop_map(|own| own.map_or(Choice::Team, Choice::Own))
}

fn any_team_hours() -> impl Strategy<Value = TeamHours> {
    (any_schedule(), any_notice(), any_acceptance()).prop_map(|(schedule, notice, acceptance)| TeamHours {
        schedule,
        notice,
        acceptance,
    })
}

prop_compose! {
    fn any_hours()(
        mode in prop::sample::select(vec![Mode::AlwaysOpen, Mode::UseHours]),
        schedule in own(any_schedule()),
        notice in own(prop_oneof![
            any_notice().prop_map(Notice::Message),
            any::<[u8; 16]>().prop_map(|id| Notice::Flow(FlowId::from_bytes(id))),
        ]),
        acceptance in own(any_acceptance()),
        bot_replies in any::<bool>(),
    ) -> ProfileHours {
        ProfileHours { mode, schedule, notice, acceptance, bot_replies }
    }
}

prop_compose! {
    fn any_service()(
        (silent_minutes, unserved_minutes) in any::<(Option<u32>, Option<u32>)>(),
        grace_seconds in any::<u32>(),
        (keep, early_cancel_is_no_miss, several_places) in any::<(bool, bool, bool)>(),
    ) -> TeamService {
        let in_progress = if keep { InProgress::Keep } else { InProgress::Requeue };
        TeamService {
            auto_close: AutoClose { silent_minutes, unserved_minutes },
            absence: Absence { grace_seconds, in_progress },
            early_cancel_is_no_miss,
            several_places,
        }
    }
}

prop_compose! {
    fn any_bot()(
        call_word in prop::option::of(any_text()),
        cancel_word in prop::option::of(any_text()),
        reply in prop::option::of(any_text()),
        categories in prop::collection::vec(any_category(), 0..3),
    ) -> Bot {
        Bot { call_word, categories, cancel_word, reply }
    }
}

fn any_manual() -> impl Strategy<Value = Option<ManualOverride>> {
    prop::option::of(any::<(bool, Option<i64>)>().prop_map(|(open, until)| ManualOverride {
        to: if open { Override::Open } else { Override::Closed },
        until: until.map(Timestamp::from_millis),
    }))
}

fn any_team_assignment() -> impl Strategy<Value = TeamAssignment> {
    (any_choosing(), any_load()).prop_map(|(choosing, load)| TeamAssignment { choosing, load })
}

fn any_profile() -> impl Strategy<Value = ProfileId> {
    any::<[u8; 16]>().prop_map(ProfileId::from_bytes)
}

fn any_flow() -> impl Strategy<Value = Option<FlowId>> {
    prop::option::of(any::<[u8; 16]>().prop_map(FlowId::from_bytes))
}

fn any_instance() -> impl Strategy<Value = InstanceId> {
    any::<[u8; 16]>().prop_map(InstanceId::from_bytes)
}

/// Random settings.
pub(super) fn settings() -> BoxedStrategy<Settings> {
    let team = (any_team_assignment(), any_team_hours(), any_service())
        .prop_map(|(assignment, hours, service)| TeamSettings { assignment, hours, service });
    let own = (any_assignment(), any_hours(), any_manual(), any_bot(), any_flow()).prop_map(
        |(assignment, hours, manual, bot, completion)| ProfileSettings {
            assignment,
            hours,
            manual,
            bot,
            completion,
        },
    );
    (team, prop::collection::btree_map(any_profile(), own, 0..3))
        .prop_map(|(team, profiles)| Settings { team, profiles })
        .boxed()
}

/// Random answers of members' clients.
pub(super) fn answers() -> BoxedStrategy<MembersAnswers> {
    let answer = any::<(u64, u64, i64)>()
        .prop_map(|(counter, revision, at)| (counter, Changed { revision, at: Timestamp::from_millis(at) }));
    let client = (any_instance(), prop::collection::vec(answer, 0..4), any::<u64>())
        .prop_map(|(instance, answers, dropped)| Client { instance, answers: answers.into(), dropped });
    let clients = (prop::option::of(any_instance()), prop::collection::vec(client, 0..3))
        .prop_map(|(forgotten, instances)| PartyClients { forgotten, instances: instances.into() });
    let party = any_member().prop_map(|member| Party::Agent { member });
    (prop::collection::btree_map(party, clients, 0..3), prop::option::of(any_instance()))
        .prop_map(|(parties, forgotten)| MembersAnswers { clients: Clients { parties }, forgotten })
        .boxed()
}

/// A random change of a setting or a member.
pub(super) fn event() -> BoxedStrategy<WorkspaceEvent> {
    let role = prop::sample::select(vec![Role::Owner, Role::Admin, Role::Editor, Role::Readonly]);
    let name = "[a-z가-힣]{1,30}".prop_map(|name| DisplayName::new(name).unwrap());
    prop_oneof![
        (any_member(), name).prop_map(|(member, name)| WorkspaceEvent::MemberRenamed { member, name }),
        (any_member(), any::<bool>()).prop_map(|(member, away)| WorkspaceEvent::AwaySet { member, away }),
        (any_member(), role).prop_map(|(member, role)| WorkspaceEvent::RoleChanged { member, role }),
        any_member().prop_map(|member| WorkspaceEvent::MemberRemoved { member }),
        any_team_assignment().prop_map(WorkspaceEvent::TeamAssignmentSet),
        any_team_hours().prop_map(|hours| WorkspaceEvent::TeamHoursSet(Box::new(hours))),
        any_service().prop_map(WorkspaceEvent::TeamServiceSet),
        (any_profile(), any_assignment()).prop_map(|(profile, assignment)| {
            WorkspaceEvent::ProfileAssignmentSet { profile, assignment: Box::new(assignment) }
        }),
        (any_profile(), any_hours())
            .prop_map(|(profile, hours)| WorkspaceEvent::ProfileHoursSet { profile, hours: Box::new(hours) }),
        (any_profile(), any_bot())
            .prop_map(|(profile, bot)| WorkspaceEvent::BotSet { profile, bot: Box::new(bot) }),
        (any_profile(), prop::option::of(message()))
            .prop_map(|(profile, greeting)| WorkspaceEvent::GreetingSet { profile, greeting }),
        (any_profile(), any_flow())
            .prop_map(|(profile, flow)| WorkspaceEvent::CompletionSet { profile, flow }),
        (any_profile(), any_manual())
            .prop_map(|(profile, manual)| WorkspaceEvent::HoursOverridden { profile, manual }),
    ]
    .boxed()
}
