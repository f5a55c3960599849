//! Changes as they are asked for.
//!
//! Owns what a change lacks, has too much of, or names that is not known here. Must not know who asks.

use std::fmt::Display;

use sha2::{Digest, Sha256};
use switchboard_protocol::vocabulary::{Timestamp, Token};
use switchboard_protocol::wire::{self, Change, ErrorBody, ErrorCode};

use crate::actors::session::SettingsOf;
use crate::clock;
use crate::domain::assignment::{Choosing, Load, Pool, ProfileAssignment, Strategy, TeamAssignment};
use crate::domain::hours::{
    Acceptance, Choice, HolidayDraft, HoursError, IntervalDraft, Mode, Notice, NoticeText, Override,
    ProfileHours, Schedule, ScheduleDraft, TeamHours,
};
use crate::domain::message::Message;
use crate::domain::workspace::{
    Absence, AutoClose, Bot, InProgress, Member, Profile, Role, TeamService, TokenHash, WorkspaceAction,
};
use crate::limits;

/// Which settings are asked for.
pub(in crate::transport) fn settings_of(of: &wire::SettingsOf) -> Result<SettingsOf, ErrorBody> {
    Ok(match *of {
        wire::SettingsOf::Team => SettingsOf::Team,
        wire::SettingsOf::Members { after } => SettingsOf::Members(after),
        wire::SettingsOf::Profiles { after } => SettingsOf::Profiles(after),
        wire::SettingsOf::ProfileAssignment { profile } => SettingsOf::Assignment(profile),
        wire::SettingsOf::ProfileHours { profile } => SettingsOf::Hours(profile),
        wire::SettingsOf::Bot { profile } => SettingsOf::Bot(profile),
        wire::SettingsOf::Greeting { profile } => SettingsOf::Greeting(profile),
        wire::SettingsOf::Completion { profile } => SettingsOf::Completion(profile),
        wire::SettingsOf::Unknown => return Err(unsupported("of")),
    })
}

/// What a change is to do. Ids are drawn here.
pub(in crate::transport) fn action(change: Change) -> Result<WorkspaceAction, ErrorBody> {
    Ok(match change {
        Change::Created { .. } => return Err(only_audited("created")),
        Change::Status { .. } => return Err(only_audited("status")),
        Change::Unknown => return Err(unsupported("change")),
        Change::AddMember { member, name, role: given, token } => {
            absent("member", member)?;
            let details = Member { name, role: role(given)?, token_hash: token_hash(token.as_ref())? };
            WorkspaceAction::AddMember { member: clock::member_id(), details }
        }
        Change::RenameMember { member, name } => WorkspaceAction::RenameMember { member, name },
        Change::ChangeRole { member, role: given } => {
            WorkspaceAction::ChangeRole { member, role: role(given)? }
        }
        Change::RemoveMember { member } => WorkspaceAction::RemoveMember { member },
        Change::AddProfile { profile, title, greeting } => {
            absent("profile", profile)?;
            let details = Profile { title, greeting: greeting.map(message) };
            WorkspaceAction::AddProfile { profile: clock::profile_id(), details }
        }
        Change::TeamAssignment { assignment: wire::TeamAssignment { choosing: given, load: most } } => {
            let team = TeamAssignment { choosing: choosing(given)?, load: load(most) };
            WorkspaceAction::SetTeamAssignment(team)
        }
        Change::TeamHours { hours } => WorkspaceAction::SetTeamHours(Box::new(
            team_hours(hours).map_err(|error| bad(error.to_string()))?,
        )),
        Change::TeamService { service } => WorkspaceAction::SetTeamService(team_service(service)),
        Change::ProfileAssignment { profile, assignment: given } => {
            let assignment = Box::new(assignment(given)?);
            WorkspaceAction::SetProfileAssignment { profile, assignment }
        }
        Change::ProfileHours { profile, hours } => {
            WorkspaceAction::SetProfileHours { profile, hours: Box::new(profile_hours(hours)?) }
        }
        Change::Bot { profile, bot } => {
            let wire::Bot { call_word, categories, cancel_word, reply } = bot;
            let bot = Box::new(Bot { call_word, categories, cancel_word, reply });
            WorkspaceAction::SetBot { profile, bot }
        }
        Change::Greeting { profile, greeting } => {
            WorkspaceAction::SetGreeting { profile, greeting: greeting.map(message) }
        }
        Change::Completion { profile, completion } => {
            WorkspaceAction::SetCompletion { profile, flow: completion }
        }
        Change::OverrideHours { profile, open, until } => {
            absent("until", until.map(Timestamp::as_millis))?;
            let to = open.map(|open| if open { Override::Open } else { Override::Closed });
            WorkspaceAction::OverrideHours { profile, to }
        }
    })
}

fn token_hash(token: Option<&Token>) -> Result<TokenHash, ErrorBody> {
    let token = token.ok_or_else(|| bad("token: it is missing".to_owned()))?.as_str();
    let chars = token.chars().count();
    if chars < limits::TOKEN_CHARS_MIN {
        let least = limits::TOKEN_CHARS_MIN;
        return Err(bad(format!(
            "token: {chars} characters; a new one has at least {least}, drawn by chance"
        )));
    }
    Ok(TokenHash(Sha256::digest(token).into()))
}

fn role(role: wire::Role) -> Result<Role, ErrorBody> {
    Ok(match role {
        wire::Role::Owner => Role::Owner,
        wire::Role::Admin => Role::Admin,
        wire::Role::Editor => Role::Editor,
        wire::Role::Readonly => Role::Readonly,
        wire::Role::Unknown(word) => {
            return Err(unknown("role", word, "owner, admin, editor, readonly"));
        }
    })
}

fn message(greeting: wire::Greeting) -> Message {
    Message { keyboard: greeting.keyboard, ..Message::plain(greeting.content) }
}

fn choosing(given: wire::Choosing) -> Result<Choosing, ErrorBody> {
    let wire::Choosing { sticky, or_another, strategy } = given;
    let strategy = match strategy {
        wire::AssignmentStrategy::Random => Strategy::Random,
        wire::AssignmentStrategy::RoundRobin => Strategy::RoundRobin,
        wire::AssignmentStrategy::LeastLoaded => Strategy::LeastLoaded,
        wire::AssignmentStrategy::Unknown(word) => {
            return Err(unknown("choosing.strategy", word, "random, round_robin, least_loaded"));
        }
    };
    Ok(Choosing { sticky, or_another, strategy })
}

const fn load(given: wire::Load) -> Load {
    let wire::Load { maximum, in_hours_first, own_list_only } = given;
    Load { maximum, in_hours_first, own_list_only }
}

fn assignment(given: wire::ProfileAssignment) -> Result<ProfileAssignment, ErrorBody> {
    let mut specialists = std::collections::BTreeMap::new();
    for (at, wire::Specialists { category, members }) in given.specialists.into_iter().enumerate() {
        if specialists.contains_key(&category) {
            return Err(bad(format!("specialists[{at}].category: {category} is there already")));
        }
        specialists.insert(category, members.into_iter().collect());
    }
    Ok(ProfileAssignment {
        automatic: given.automatic,
        choosing: given.choosing.map(choosing).transpose()?,
        load: given.load.map(load),
        general: given.general.map_or(Pool::All, |members| Pool::List(members.into_iter().collect())),
        specialists,
        no_one_else: given.no_one_else,
    })
}

fn team_hours(given: wire::TeamHours) -> Result<TeamHours, HoursError> {
    Ok(TeamHours {
        schedule: schedule(given.schedule)?,
        notice: NoticeText::new(given.notice)?,
        acceptance: acceptance(given.accept),
    })
}

fn profile_hours(given: wire::ProfileHours) -> Result<ProfileHours, ErrorBody> {
    let refused = |error: HoursError| bad(error.to_string());
    let notice = match (given.notice, given.flow) {
        (None, None) => Choice::Team,
        (Some(text), None) => Choice::Own(Notice::Message(NoticeText::new(text).map_err(refused)?)),
        (None, Some(flow)) => Choice::Own(Notice::Flow(flow)),
        (Some(_), Some(flow)) => {
            return Err(bad(format!("notice: there is the flow {flow} as well; give one of them")));
        }
    };
    let own = given.schedule.map(schedule).transpose().map_err(refused)?;
    Ok(ProfileHours {
        mode: if given.use_hours { Mode::UseHours } else { Mode::AlwaysOpen },
        schedule: own.map_or(Choice::Team, Choice::Own),
        notice,
        acceptance: given.accept.map_or(Choice::Team, |accept| Choice::Own(acceptance(accept))),
        bot_replies: given.bot_replies,
    })
}

fn schedule(given: wire::Schedule) -> Result<Schedule, HoursError> {
    let intervals = |spans: Vec<switchboard_protocol::vocabulary::ClockSpan>| {
        let interval = |span: switchboard_protocol::vocabulary::ClockSpan| IntervalDraft {
            start_minute: span.start_minute,
            end_minute: span.end_minute,
        };
        spans.into_iter().map(interval).collect::<Vec<_>>()
    };
    let week: [Vec<_>; 7] = given.week.into();
    let holiday = |holiday: wire::Holiday| HolidayDraft {
        year: holiday.date.year,
        month: holiday.date.month,
        day: holiday.date.day,
        intervals: intervals(holiday.intervals),
    };
    Schedule::new(&ScheduleDraft {
        zone: given.zone,
        week: week.map(intervals),
        holidays: given.holidays.into_iter().map(holiday).collect(),
    })
}

const fn acceptance(accept: bool) -> Acceptance {
    if accept { Acceptance::Accept } else { Acceptance::Refuse }
}

const fn team_service(given: wire::TeamService) -> TeamService {
    let in_progress = if given.keep_in_progress { InProgress::Keep } else { InProgress::Requeue };
    TeamService {
        auto_close: AutoClose {
            silent_minutes: given.silent_minutes,
            unserved_minutes: given.unserved_minutes,
        },
        absence: Absence { grace_seconds: given.grace_seconds, in_progress },
        early_cancel_is_no_miss: given.early_cancel_is_no_miss,
        several_places: given.several_places,
    }
}

/// A field that the engine fills, and the client must not.
fn absent<T: Display>(field: &str, value: Option<T>) -> Result<(), ErrorBody> {
    match value {
        None => Ok(()),
        Some(value) => Err(bad(format!("{field}: {value}; the engine says which, so leave it out"))),
    }
}

fn bad(sentence: String) -> ErrorBody {
    ErrorBody::new(ErrorCode::BadSetting, sentence)
}

fn only_audited(change: &str) -> ErrorBody {
    bad(format!("change: {change} is in the audit alone, and cannot be asked for"))
}

/// A word that is none of those that there are.
fn unknown(field: &str, word: wire::UnknownWord, known: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::Unsupported, format!("{field}: {word:?} is not known here; known are {known}"))
}

fn unsupported(field: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::Unsupported, format!("{field}: this one is not known here"))
}
