//! Blocks there and back, and the largest of each.
//!
//! Owns the proof that a block is told as it was set, and that each fits into a frame. Must not know the rules.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, Content, DisplayName, MemberId, MessageText, ProfileId, ProfileTitle,
    Timestamp, Token, WorkspaceId,
};
use switchboard_protocol::wire::{self, Change, ErrorCode, Reply, ReplyBody, ServerFrame, Settings, encode};

use super::*;
use crate::actors::session::SettingsOf;
use crate::domain::assignment::{ASSIGNMENT_BYTES_MAX, Pool, ProfileAssignment};
use crate::domain::hours::{
    HOLIDAYS_MAX, HolidayDraft, INTERVALS_MAX, IntervalDraft, NOTICE_CHARS_MAX, NoticeText, Schedule,
    ScheduleDraft, TeamHours,
};
use crate::domain::workspace::{
    Bot, Member, Profile, Role, TokenHash, Workspace, WorkspaceAction, WorkspaceEntry, decide_own,
};
use crate::limits;

const PROFILE: ProfileId = ProfileId::from_bytes([7; 16]);

fn member(n: u16) -> MemberId {
    let mut id = [0xff; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    MemberId::from_bytes(id)
}

/// A workspace with so many members, and an entry for each action after them.
fn after(members: u16, actions: Vec<WorkspaceAction>) -> (Workspace, Vec<WorkspaceEntry>) {
    let mut state = Workspace::new(WorkspaceId::from_bytes([1; 16]));
    let title = || ProfileTitle::new("🙂".repeat(ProfileTitle::CHARS_MAX)).unwrap();
    let details = |n: u16, role| {
        let mut token_hash = [0; 32];
        token_hash[..2].copy_from_slice(&n.to_be_bytes());
        let name = DisplayName::new("🙂".repeat(DisplayName::CHARS_MAX)).unwrap();
        (member(n), Member { name, role, token_hash: TokenHash(token_hash) })
    };
    let create = WorkspaceAction::Create { name: title(), owner: details(0, Role::Owner) };
    let profile =
        WorkspaceAction::AddProfile { profile: PROFILE, details: Profile { title: title(), greeting: None } };
    let mut entries = Vec::new();
    for action in [create, profile].into_iter().chain(actions) {
        let entry = decide_own(&state, action, Timestamp::from_millis(i64::MAX)).unwrap();
        state.apply(&entry);
        entries.push(entry);
        // Put there directly: whoever is added is compared with everybody who is there.
        state.members.extend((1..members).map(|n| details(n, Role::Readonly)));
    }
    entries.reverse();
    (state, entries)
}

fn category(n: u8) -> CategoryPath {
    let name = |n| CategoryName::new(format!("{n:03}{}", "🙂".repeat(77))).unwrap();
    CategoryPath::new(vec![name(0), name(1), name(n)]).unwrap()
}

/// About the largest block of every kind.
fn largest() -> Vec<(SettingsOf, WorkspaceAction)> {
    let day: Vec<_> = (0..INTERVALS_MAX as u16)
        .map(|n| IntervalDraft { start_minute: n * 120, end_minute: n * 120 + 60 })
        .collect();
    let holidays = (0..HOLIDAYS_MAX as u16).map(|n| HolidayDraft {
        year: Some(2000 + n),
        month: 12,
        day: 25,
        intervals: day.clone(),
    });
    let schedule = Schedule::new(&ScheduleDraft {
        zone: "America/Argentina/ComodRivadavia".to_owned(),
        week: std::array::from_fn(|_| day.clone()),
        holidays: holidays.collect(),
    });
    let notice = NoticeText::new("🙂".repeat(NOTICE_CHARS_MAX)).unwrap();
    let hours = TeamHours { schedule: schedule.unwrap(), notice, ..TeamHours::default() };
    let members: BTreeSet<_> = (0..(ASSIGNMENT_BYTES_MAX / 18 - 1_650) as u16).map(member).collect();
    let specialists = (0..20).map(|n| (category(n), members.iter().take(25).copied().collect())).collect();
    let general = Pool::List(members);
    let assignment = Box::new(ProfileAssignment { general, specialists, ..ProfileAssignment::default() });
    let text = |text: &str, chars: usize| Some(MessageText::new(text.repeat(chars)).unwrap());
    let bot = Box::new(Bot {
        call_word: text("🙂", 30),
        categories: (0..30).map(category).collect(),
        cancel_word: text("가", 30),
        reply: text("🙂", MessageText::CHARS_MAX),
    });
    vec![
        (SettingsOf::Team, WorkspaceAction::SetTeamHours(Box::new(hours))),
        (
            SettingsOf::Assignment(PROFILE),
            WorkspaceAction::SetProfileAssignment { profile: PROFILE, assignment },
        ),
        (SettingsOf::Bot(PROFILE), WorkspaceAction::SetBot { profile: PROFILE, bot }),
    ]
}

#[test]
fn every_block_fits_into_a_reply_also_in_the_audit_and_is_told_as_it_was_set() {
    for (of, set) in largest() {
        let (state, entries) = after(2_000, vec![set.clone()]);
        let told = Box::new(settings(&state, of));
        let body = ReplyBody::Settings { revision: u64::MAX, settings: told };
        let bytes = encode(&ServerFrame::Reply(Reply { id: u64::MAX, body })).unwrap().len();
        assert!((20_000..limits::REPLY_BYTES_MAX).contains(&bytes), "{of:?}: {bytes} bytes");
        let ReplyBody::Audit { entries: audited, more } = audit(&entries, false) else { unreachable!() };
        let change = audited[0].changes[0].clone();
        assert_eq!(action(change), Ok(set), "{of:?}");
        assert_eq!(more, audited.len() < entries.len());
        let body = ReplyBody::Audit { entries: audited, more };
        assert!(encode(&ServerFrame::Reply(Reply { id: u64::MAX, body })).unwrap().len() < 62 * 1024);
    }
}

#[test]
fn what_does_not_fit_into_an_audit_is_left_for_the_next() {
    let (_, set) = largest().remove(0);
    let (_, entries) = after(1, vec![set.clone(), set]);
    let ReplyBody::Audit { entries: audited, more } = audit(&entries, false) else { unreachable!() };
    assert_eq!((audited.len(), audited[0].revision, more), (1, entries[0].revision, true));
}

#[test]
fn a_page_of_members_fits_into_a_reply_and_the_next_goes_on_after_it() {
    let (state, _) = after(450, Vec::new());
    let (mut all, mut last) = (Vec::new(), None);
    loop {
        let told = settings(&state, SettingsOf::Members(last));
        let body = ReplyBody::Settings { revision: u64::MAX, settings: Box::new(told.clone()) };
        assert!(encode(&ServerFrame::Reply(Reply { id: 1, body })).unwrap().len() < limits::REPLY_BYTES_MAX);
        let Settings::Members { members, more } = told else { unreachable!() };
        last = members.last().map(|row| row.member);
        all.extend(members.into_iter().map(|row| row.member));
        if !more {
            break;
        }
    }
    assert!(all.iter().eq(state.members.keys()));
}

#[test]
fn what_the_engine_says_itself_and_what_is_not_known_is_refused() {
    let sentence = |change| action(change).unwrap_err();
    let name = DisplayName::new("Ada").unwrap();
    let add = |id: Option<MemberId>, role, token: Option<&str>| Change::AddMember {
        member: id,
        name: name.clone(),
        role,
        token: token.map(|token| Token::new(token).unwrap()),
    };
    let (admin, token) = (wire::Role::Admin, Some("0123456789abcdef"));
    assert!(action(add(None, admin, token)).is_ok());
    let refused = sentence(add(Some(member(1)), admin, token));
    assert_eq!(refused.sentence, format!("member: {}; the engine says which, so leave it out", member(1)));
    assert_eq!(sentence(add(None, admin, None)).sentence, "token: it is missing");
    let short = sentence(add(None, admin, Some("0123456789abcde")));
    assert_eq!(short.sentence, "token: 15 characters; a new one has at least 16, drawn by chance");
    assert_eq!(short.code(), Some(ErrorCode::BadSetting));
    let king = wire::UnknownWord::new("king");
    let role = sentence(add(None, wire::Role::Unknown(king), token));
    assert_eq!(role.sentence, "role: \"king\" is not known here; known are owner, admin, editor, readonly");
    assert_eq!(role.code(), Some(ErrorCode::Unsupported));
    let dice = wire::AssignmentStrategy::Unknown(wire::UnknownWord::new("dice"));
    let choosing = Some(wire::Choosing { strategy: dice, ..wire::Choosing::default() });
    let assignment = wire::ProfileAssignment { choosing, ..wire::ProfileAssignment::default() };
    let strategy = sentence(Change::ProfileAssignment { profile: PROFILE, assignment });
    let rule = "choosing.strategy: \"dice\" is not known here; known are random, round_robin, least_loaded";
    assert_eq!((strategy.sentence.as_str(), strategy.code()), (rule, Some(ErrorCode::Unsupported)));
    assert_eq!(sentence(Change::Unknown).code(), Some(ErrorCode::Unsupported));
    let created = Change::Created { name: ProfileTitle::new("Demo").unwrap() };
    let created = sentence(created);
    assert_eq!(created.sentence, "change: created is in the audit alone, and cannot be asked for");
    assert_eq!(created.code(), Some(ErrorCode::BadSetting));
    let until = Some(Timestamp::from_millis(7));
    let closed = Change::OverrideHours { profile: PROFILE, open: Some(false), until };
    assert_eq!(sentence(closed).sentence, "until: 7; the engine says which, so leave it out");
}

#[test]
fn a_schedule_that_cannot_be_meant_is_refused_by_its_field() {
    let span = |text: &str| text.parse().unwrap();
    let week = wire::Week { tue: vec![span("09:00-18:00"), span("17:00-19:00")], ..wire::Week::default() };
    let schedule = wire::Schedule { zone: "Asia/Seoul".to_owned(), week, holidays: Vec::new() };
    let hours = wire::TeamHours { schedule, notice: MessageText::new("Closed").unwrap(), accept: false };
    let refused = action(Change::TeamHours { hours }).unwrap_err();
    assert_eq!(refused.sentence, "week.tue[1]: 17:00-19:00 overlaps week.tue[0]: 09:00-18:00");
    assert_eq!(refused.code(), Some(ErrorCode::BadSetting));
}

#[test]
fn a_greeting_keeps_what_it_suggests() {
    let keyboard = Some(Box::new(switchboard_protocol::vocabulary::Keyboard::Text));
    let content = Content::text(MessageText::new("Hello").unwrap());
    let greeting = Some(wire::Greeting { content, keyboard });
    let set = action(Change::Greeting { profile: PROFILE, greeting: greeting.clone() }).unwrap();
    let (state, _) = after(1, vec![set]);
    assert_eq!(settings(&state, SettingsOf::Greeting(PROFILE)), Settings::Greeting { greeting });
}
