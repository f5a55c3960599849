//! The settings of the simulated workspace: what is drawn first, and what somebody changes then.
//!
//! Owns which rules a seed meets: three profiles with blocks of their own or the team's, and hours of a few
//! minutes. Must not know what the settings lead to, nor how a change travels.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use switchboard::domain::assignment::{Choosing, Load, Pool, ProfileAssignment, Strategy};
use switchboard::domain::hours::{
    Acceptance, Choice, IntervalDraft, Mode, Override, ProfileHours, Schedule, ScheduleDraft,
};
use switchboard::domain::workspace::{
    InProgress, Member, Profile, Role, TeamService, TokenHash, Workspace, WorkspaceAction,
};
use switchboard_protocol::vocabulary::{
    CategoryName, CategoryPath, DisplayName, MemberId, MessageText, ProfileId, ProfileTitle, Timestamp,
    WorkspaceId,
};

use crate::world::{EPOCH_MS, World};

/// How many members serve.
pub(crate) const MEMBERS: u8 = 5;

/// The settings that a seed begins with, and the hours of each profile.
pub(crate) fn draw(workspace: WorkspaceId, rng: &mut Rng) -> (Workspace, Timetable) {
    let mut settings = Workspace::new(workspace);
    settings.name = ProfileTitle::new("team").ok();
    for number in 1..=MEMBERS {
        settings.members.extend(details(number).map(|details| (member(number), details)));
    }
    let team = &mut settings.settings.team;
    team.assignment.choosing = choosing(rng);
    team.assignment.load = load(rng);
    team.service.absence.grace_seconds = rng.u32(0..=10);
    team.service.absence.in_progress = if rng.u8(..4) == 0 { InProgress::Keep } else { InProgress::Requeue };
    team.service.auto_close.silent_minutes = rng.bool().then_some(AUTO_CLOSE_MINUTES);
    team.service.auto_close.unserved_minutes = rng.bool().then_some(AUTO_CLOSE_MINUTES);
    team.service.several_places = rng.bool();
    team.service.early_cancel_is_no_miss = rng.bool();
    team.hours.acceptance = acceptance(rng);
    let (of_team, schedule) = hours(rng);
    team.hours.schedule = schedule;
    let mut timetable = Timetable::default();
    for (at, profile) in PROFILES.into_iter().enumerate() {
        if let Ok(title) = ProfileTitle::new("profile") {
            settings.profiles.insert(profile, Profile { title, greeting: None });
        }
        let own = settings.settings.profiles.entry(profile).or_default();
        own.assignment = assignment(at, rng);
        own.bot.call_word = MessageText::new(CALL_WORD).ok().filter(|_| rng.bool());
        own.bot.reply = MessageText::new("the bot answers").ok().filter(|_| rng.u8(..3) == 0);
        if rng.bool() {
            let (of_profile, schedule) = hours(rng);
            let is_own = rng.bool();
            own.hours = ProfileHours {
                mode: Mode::UseHours,
                schedule: if is_own { Choice::Own(schedule) } else { Choice::Team },
                acceptance: if rng.bool() { Choice::Own(acceptance(rng)) } else { Choice::Team },
                bot_replies: rng.bool(),
                ..ProfileHours::default()
            };
            timetable.0.insert(profile, if is_own { of_profile } else { of_team.clone() });
        }
    }
    (settings, timetable)
}

fn choosing(rng: &mut Rng) -> Choosing {
    Choosing {
        sticky: rng.bool(),
        or_another: rng.bool(),
        strategy: [Strategy::Random, Strategy::RoundRobin, Strategy::LeastLoaded][rng.usize(..3)],
    }
}

fn load(rng: &mut Rng) -> Load {
    Load { maximum: rng.u32(1..=3), in_hours_first: rng.bool(), own_list_only: false }
}

fn acceptance(rng: &mut Rng) -> Acceptance {
    if rng.bool() { Acceptance::Accept } else { Acceptance::Refuse }
}

/// The first profile nearly always assigns by itself, the last only in half of the seeds.
fn assignment(at: usize, rng: &mut Rng) -> ProfileAssignment {
    let mut assignment = ProfileAssignment {
        automatic: rng.usize(..8) >= [1, 2, 4][at % 3],
        choosing: rng.bool().then(|| choosing(rng)),
        load: (rng.u8(..3) == 0).then(|| load(rng)),
        general: if rng.u8(..3) == 0 { Pool::List(some_members(rng)) } else { Pool::All },
        no_one_else: rng.u8(..4) == 0,
        ..ProfileAssignment::default()
    };
    for category in [category(1), category(2)] {
        if rng.u8(..3) == 0 {
            assignment.specialists.insert(category, some_members(rng));
        }
    }
    assignment
}

fn some_members(rng: &mut Rng) -> BTreeSet<MemberId> {
    let first = rng.u8(1..=MEMBERS);
    (1..=MEMBERS).filter(|number| *number == first || rng.u8(..3) == 0).map(member).collect()
}

/// What may be called about: nothing, bills, bills that are late.
pub(crate) fn category(levels: usize) -> CategoryPath {
    let levels = ["bills", "late"].into_iter().take(levels).filter_map(|name| CategoryName::new(name).ok());
    CategoryPath::new(levels.collect()).unwrap_or_default()
}

/// When the doors are open by schedule, in minutes of every day; none for profiles that always are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timetable(BTreeMap<ProfileId, Vec<(i64, i64)>>);

impl Timetable {
    pub(crate) fn uses_hours(&self, profile: ProfileId) -> bool {
        self.0.contains_key(&profile)
    }

    /// Whether the schedule has it open at this moment.
    pub(crate) fn is_open(&self, profile: ProfileId, at: Timestamp) -> bool {
        let Some(intervals) = self.0.get(&profile) else { return true };
        let minute = at.as_millis().div_euclid(MINUTE_MS).rem_euclid(DAY_MINUTES);
        intervals.iter().any(|(from, to)| (*from..*to).contains(&minute))
    }

    /// For how long the schedule has had it open between two moments, in milliseconds; at least so long is enough.
    pub(crate) fn open_for(
        &self,
        profile: ProfileId,
        (from, to): (Timestamp, Timestamp),
        enough: i64,
    ) -> i64 {
        let (mut at, to, mut open) = (from.as_millis(), to.as_millis(), 0);
        while at < to && open < enough {
            let next = ((at.div_euclid(MINUTE_MS) + 1) * MINUTE_MS).min(to);
            if self.is_open(profile, Timestamp::from_millis(at)) {
                open += next - at;
            }
            at = next;
        }
        open
    }
}

/// Some minutes open and some closed, from about when a seed begins.
fn hours(rng: &mut Rng) -> (Vec<(i64, i64)>, Schedule) {
    let (mut minute, mut intervals) = (EPOCH_MS.div_euclid(MINUTE_MS).rem_euclid(DAY_MINUTES), Vec::new());
    minute += rng.i64(0..=1);
    for _ in 0..6 {
        let end = minute + rng.i64(1..=2);
        intervals.push((minute, end));
        minute = end + rng.i64(1..=2);
    }
    let draft =
        |(from, to): &(i64, i64)| IntervalDraft { start_minute: *from as u16, end_minute: *to as u16 };
    let day: Vec<_> = intervals.iter().map(draft).collect();
    let week = std::array::from_fn(|_| day.clone());
    let draft = ScheduleDraft { zone: "UTC".to_owned(), week, holidays: Vec::new() };
    let schedule = Schedule::new(&draft).unwrap_or_else(|why| unreachable!("{why}"));
    (intervals, schedule)
}

impl World {
    /// Something that the owner sets otherwise.
    pub(crate) fn some_change(&mut self) -> WorkspaceAction {
        let (settings, rng) = (std::sync::Arc::clone(&self.settings), &mut self.rng);
        let at = rng.usize(..PROFILES.len());
        let profile = PROFILES[at];
        match rng.u8(..16) {
            0..4 => {
                let mut assignment = settings.settings.team.assignment;
                assignment.load.maximum = rng.u32(1..=3);
                WorkspaceAction::SetTeamAssignment(assignment)
            }
            4..8 if self.timetable.uses_hours(profile) => {
                let to = [Some(Override::Open), Some(Override::Closed), None][rng.usize(..3)];
                WorkspaceAction::OverrideHours { profile, to }
            }
            4..10 => {
                let mut assignment = self::assignment(at, rng);
                // Whoever was removed is in no list.
                let gone = (1..=MEMBERS).map(member).filter(|member| !settings.members.contains_key(member));
                gone.for_each(|member| assignment.forget(member));
                if matches!(&assignment.general, Pool::List(members) if members.is_empty()) {
                    assignment.general = Pool::All;
                }
                WorkspaceAction::SetProfileAssignment { profile, assignment: Box::new(assignment) }
            }
            10..13 => {
                let number = rng.u8(2..=MEMBERS);
                match (settings.members.contains_key(&member(number)), details(number)) {
                    (false, Some(details)) => WorkspaceAction::AddMember { member: member(number), details },
                    (true, _) | (false, None) => WorkspaceAction::RemoveMember { member: member(number) },
                }
            }
            _ => WorkspaceAction::SetTeamService(other_service(settings.settings.team.service, rng)),
        }
    }
}

fn other_service(mut service: TeamService, rng: &mut Rng) -> TeamService {
    let auto_close = &mut service.auto_close;
    let minutes = if rng.bool() { &mut auto_close.silent_minutes } else { &mut auto_close.unserved_minutes };
    *minutes = minutes.xor(Some(AUTO_CLOSE_MINUTES));
    service.absence.grace_seconds = rng.u32(0..=10);
    service
}

/// What is known of a member. The first is the owner.
pub(crate) fn details(number: u8) -> Option<Member> {
    let name = DisplayName::new("agent").ok()?;
    let role = if number == 1 { Role::Owner } else { Role::Readonly };
    Some(Member { name, role, token_hash: TokenHash([number; 32]) })
}

pub(crate) const fn member(number: u8) -> MemberId {
    MemberId::from_bytes([number; 16])
}

/// Who may change settings.
pub(crate) const OWNER: MemberId = member(1);

/// The profiles.
pub(crate) const PROFILES: [ProfileId; 3] =
    [ProfileId::from_bytes([1; 16]), ProfileId::from_bytes([2; 16]), ProfileId::from_bytes([3; 16])];

/// What customers say to call an agent, where the bot listens to it.
pub(crate) const CALL_WORD: &str = "agent, please";

/// What ends by itself does so after as long, whenever that is set.
const AUTO_CLOSE_MINUTES: u32 = 1;

const MINUTE_MS: i64 = 60_000;

const DAY_MINUTES: i64 = 24 * 60;

/// The same in milliseconds.
pub(crate) const AUTO_CLOSE_MS: i64 = AUTO_CLOSE_MINUTES as i64 * MINUTE_MS;
