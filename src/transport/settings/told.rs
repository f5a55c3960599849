//! Settings, audits and refusals as they are told.
//!
//! Owns how much of a list fits into a reply. Must not know who is told: every member sees all settings, and
//! nobody a token.

use std::ops::Bound;

use switchboard_protocol::vocabulary::ClockSpan;
use switchboard_protocol::wire::{self, AuditEntry, Change, ErrorCode, ReplyBody, Settings, encode};

use crate::actors::session::{SettingsOf, Told};
use crate::domain::assignment::{Choosing, Load, Pool, ProfileAssignment, Strategy, TeamAssignment};
use crate::domain::hours::{
    Acceptance, Choice, HolidayDraft, IntervalDraft, ManualOverride, Mode, Notice, Override, ProfileHours,
    Schedule, ScheduleDraft, TeamHours,
};
use crate::domain::message::Message;
use crate::domain::workspace::{
    Bot, InProgress, Role, TeamService, Workspace, WorkspaceEntry, WorkspaceEvent, WorkspaceRejection,
};
use crate::limits;

/// What a workspace says of its settings.
pub(in crate::transport) fn told(told: &Told) -> ReplyBody {
    match told {
        Told::Changed(changed) => ReplyBody::Changed { revision: changed.revision, at: changed.at },
        Told::AcceptedLongAgo => ReplyBody::AlreadyAccepted,
        Told::Settings(workspace, of) => {
            ReplyBody::Settings { revision: workspace.revision, settings: Box::new(settings(workspace, *of)) }
        }
    }
}

/// Settings that were asked for.
pub(super) fn settings(workspace: &Workspace, of: SettingsOf) -> Settings {
    match of {
        SettingsOf::Team => Settings::Team {
            name: workspace.name.clone(),
            assignment: team_assignment(&workspace.settings.team.assignment),
            hours: team_hours(&workspace.settings.team.hours),
            service: team_service(&workspace.settings.team.service),
        },
        SettingsOf::Members(after) => {
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = workspace.members.range((after, Bound::Unbounded));
            let row = |(member, details): (&_, &crate::domain::workspace::Member)| wire::MemberRow {
                member: *member,
                name: details.name.clone(),
                role: role(details.role),
            };
            let members = rest.by_ref().take(limits::SETTINGS_ROWS_MAX).map(row).collect();
            Settings::Members { members, more: rest.next().is_some() }
        }
        SettingsOf::Profiles(after) => {
            let after = after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut rest = workspace.profiles.range((after, Bound::Unbounded));
            let row = |(profile, details): (&_, &crate::domain::workspace::Profile)| wire::ProfileRow {
                profile: *profile,
                title: details.title.clone(),
            };
            let profiles = rest.by_ref().take(limits::SETTINGS_ROWS_MAX).map(row).collect();
            Settings::Profiles { profiles, more: rest.next().is_some() }
        }
        SettingsOf::Assignment(profile) => {
            Settings::ProfileAssignment { assignment: assignment(&workspace.settings_of(profile).assignment) }
        }
        SettingsOf::Hours(profile) => {
            let own = workspace.settings_of(profile);
            Settings::ProfileHours { hours: profile_hours(&own.hours), by_hand: own.manual.map(by_hand) }
        }
        SettingsOf::Bot(profile) => Settings::Bot { bot: bot(&workspace.settings_of(profile).bot) },
        SettingsOf::Greeting(profile) => {
            let own = workspace.profiles.get(&profile).and_then(|profile| profile.greeting.as_ref());
            Settings::Greeting { greeting: own.map(greeting) }
        }
        SettingsOf::Completion(profile) => {
            Settings::Completion { completion: workspace.settings_of(profile).completion }
        }
    }
}

/// What was changed: as many of the newest entries as fit into a reply.
pub(in crate::transport) fn audit(entries: &[WorkspaceEntry], more: bool) -> ReplyBody {
    let mut bytes = 0;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| AuditEntry {
            revision: entry.revision,
            at: entry.at,
            by: entry.by,
            changes: entry.events.iter().map(change).collect(),
        })
        .take_while(|entry| {
            // What cannot be encoded is no part of a reply that can.
            bytes += encode(entry).map_or(limits::REPLY_BYTES_MAX, |encoded| encoded.len());
            bytes <= limits::REPLY_BYTES_MAX
        })
        .collect();
    ReplyBody::Audit { more: more || told.len() < entries.len(), entries: told }
}

/// The error that a rejection is.
pub(in crate::transport) const fn rejected(rejection: &WorkspaceRejection) -> ErrorCode {
    match rejection {
        WorkspaceRejection::Missing
        | WorkspaceRejection::NoMemberAnyMore(_)
        | WorkspaceRejection::TheirsToSay(_)
        | WorkspaceRejection::Forbidden { .. } => ErrorCode::Forbidden,
        WorkspaceRejection::OneOwner(_) | WorkspaceRejection::OwnerStays(_) => ErrorCode::OneOwner,
        WorkspaceRejection::NoSuchMember(_) => ErrorCode::NoSuchMember,
        WorkspaceRejection::NoSuchProfile(_) => ErrorCode::NoSuchProfile,
        WorkspaceRejection::Exists
        | WorkspaceRejection::MemberExists(_)
        | WorkspaceRejection::ProfileExists(_)
        | WorkspaceRejection::TokenInUse => ErrorCode::AlreadyThere,
        WorkspaceRejection::TooManyMembers | WorkspaceRejection::TooManyProfiles => ErrorCode::WorkspaceFull,
        WorkspaceRejection::Greeting(_)
        | WorkspaceRejection::Assignment(_)
        | WorkspaceRejection::Settings(_)
        | WorkspaceRejection::AlwaysOpen(_) => ErrorCode::BadSetting,
        WorkspaceRejection::Overtaken(_) => ErrorCode::Overtaken,
        WorkspaceRejection::InstanceForgotten => ErrorCode::InstanceExpired,
    }
}

fn change(event: &WorkspaceEvent) -> Change {
    match event {
        WorkspaceEvent::Created { name } => Change::Created { name: name.clone() },
        WorkspaceEvent::MemberAdded { member, details } => Change::AddMember {
            member: Some(*member),
            name: details.name.clone(),
            role: role(details.role),
            token: None,
        },
        WorkspaceEvent::MemberRenamed { member, name } => {
            Change::RenameMember { member: *member, name: name.clone() }
        }
        WorkspaceEvent::RoleChanged { member, role: given } => {
            Change::ChangeRole { member: *member, role: role(*given) }
        }
        WorkspaceEvent::MemberRemoved { member } => Change::RemoveMember { member: *member },
        WorkspaceEvent::AwaySet { member, away } => Change::Status { member: *member, away: *away },
        WorkspaceEvent::ProfileAdded { profile, details } => Change::AddProfile {
            profile: Some(*profile),
            title: details.title.clone(),
            greeting: details.greeting.as_ref().map(greeting),
        },
        WorkspaceEvent::TeamAssignmentSet(team) => {
            Change::TeamAssignment { assignment: team_assignment(team) }
        }
        WorkspaceEvent::TeamHoursSet(hours) => Change::TeamHours { hours: team_hours(hours) },
        WorkspaceEvent::TeamServiceSet(service) => Change::TeamService { service: team_service(service) },
        WorkspaceEvent::ProfileAssignmentSet { profile, assignment: own } => {
            Change::ProfileAssignment { profile: *profile, assignment: assignment(own) }
        }
        WorkspaceEvent::ProfileHoursSet { profile, hours } => {
            Change::ProfileHours { profile: *profile, hours: profile_hours(hours) }
        }
        WorkspaceEvent::BotSet { profile, bot: own } => Change::Bot { profile: *profile, bot: bot(own) },
        WorkspaceEvent::GreetingSet { profile, greeting: own } => {
            Change::Greeting { profile: *profile, greeting: own.as_ref().map(greeting) }
        }
        WorkspaceEvent::CompletionSet { profile, flow } => {
            Change::Completion { profile: *profile, completion: *flow }
        }
        WorkspaceEvent::HoursOverridden { profile, manual } => {
            let told = manual.map(by_hand);
            let until = told.and_then(|told| told.until);
            Change::OverrideHours { profile: *profile, open: told.map(|told| told.open), until }
        }
    }
}

const fn role(role: Role) -> wire::Role {
    match role {
        Role::Owner => wire::Role::Owner,
        Role::Admin => wire::Role::Admin,
        Role::Editor => wire::Role::Editor,
        Role::Readonly => wire::Role::Readonly,
    }
}

fn greeting(message: &Message) -> wire::Greeting {
    wire::Greeting { content: message.content.clone(), keyboard: message.keyboard.clone() }
}

const fn choosing(own: &Choosing) -> wire::Choosing {
    let strategy = match own.strategy {
        Strategy::Random => wire::AssignmentStrategy::Random,
        Strategy::RoundRobin => wire::AssignmentStrategy::RoundRobin,
        Strategy::LeastLoaded => wire::AssignmentStrategy::LeastLoaded,
    };
    wire::Choosing { sticky: own.sticky, or_another: own.or_another, strategy }
}

const fn load(own: &Load) -> wire::Load {
    wire::Load { maximum: own.maximum, in_hours_first: own.in_hours_first, own_list_only: own.own_list_only }
}

const fn team_assignment(team: &TeamAssignment) -> wire::TeamAssignment {
    wire::TeamAssignment { choosing: choosing(&team.choosing), load: load(&team.load) }
}

fn assignment(own: &ProfileAssignment) -> wire::ProfileAssignment {
    let specialists = own.specialists.iter().map(|(category, members)| wire::Specialists {
        category: category.clone(),
        members: members.iter().copied().collect(),
    });
    wire::ProfileAssignment {
        automatic: own.automatic,
        choosing: own.choosing.as_ref().map(choosing),
        load: own.load.as_ref().map(load),
        general: match &own.general {
            Pool::All => None,
            Pool::List(members) => Some(members.iter().copied().collect()),
        },
        specialists: specialists.collect(),
        no_one_else: own.no_one_else,
    }
}

fn team_hours(team: &TeamHours) -> wire::TeamHours {
    wire::TeamHours {
        schedule: schedule(&team.schedule),
        notice: team.notice.as_message().clone(),
        accept: accepts(team.acceptance),
    }
}

fn profile_hours(own: &ProfileHours) -> wire::ProfileHours {
    let (notice, flow) = match &own.notice {
        Choice::Team => (None, None),
        Choice::Own(Notice::Message(text)) => (Some(text.as_message().clone()), None),
        Choice::Own(Notice::Flow(flow)) => (None, Some(*flow)),
    };
    wire::ProfileHours {
        use_hours: match own.mode {
            Mode::AlwaysOpen => false,
            Mode::UseHours => true,
        },
        schedule: match &own.schedule {
            Choice::Team => None,
            Choice::Own(own) => Some(schedule(own)),
        },
        notice,
        flow,
        accept: match own.acceptance {
            Choice::Team => None,
            Choice::Own(own) => Some(accepts(own)),
        },
        bot_replies: own.bot_replies,
    }
}

fn schedule(schedule: &Schedule) -> wire::Schedule {
    let ScheduleDraft { zone, week, holidays } = schedule.draft();
    let spans = |intervals: Vec<IntervalDraft>| {
        let span = |IntervalDraft { start_minute, end_minute }| ClockSpan { start_minute, end_minute };
        intervals.into_iter().map(span).collect::<Vec<_>>()
    };
    let holiday = |HolidayDraft { year, month, day, intervals }| wire::Holiday {
        date: switchboard_protocol::vocabulary::CalendarDay { year, month, day },
        intervals: spans(intervals),
    };
    wire::Schedule {
        zone,
        week: week.map(spans).into(),
        holidays: holidays.into_iter().map(holiday).collect(),
    }
}

const fn accepts(acceptance: Acceptance) -> bool {
    match acceptance {
        Acceptance::Refuse => false,
        Acceptance::Accept => true,
    }
}

const fn by_hand(manual: ManualOverride) -> wire::ByHand {
    let open = match manual.to {
        Override::Open => true,
        Override::Closed => false,
    };
    wire::ByHand { open, until: manual.until }
}

const fn team_service(service: &TeamService) -> wire::TeamService {
    wire::TeamService {
        silent_minutes: service.auto_close.silent_minutes,
        unserved_minutes: service.auto_close.unserved_minutes,
        grace_seconds: service.absence.grace_seconds,
        keep_in_progress: match service.absence.in_progress {
            InProgress::Requeue => false,
            InProgress::Keep => true,
        },
        early_cancel_is_no_miss: service.early_cancel_is_no_miss,
        several_places: service.several_places,
    }
}

fn bot(own: &Bot) -> wire::Bot {
    wire::Bot {
        call_word: own.call_word.clone(),
        categories: own.categories.clone(),
        cancel_word: own.cancel_word.clone(),
        reply: own.reply.clone(),
    }
}
