//! The stored form of what happens to a workspace.
//!
//! Owns one event of every kind, and the first version that can say it. Must not know entries.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::hours::{StoredOverride, StoredProfileHours, StoredTeamHours};
use super::message::{ALL_KINDS, PLAIN};
use super::parts::{Id, flow, flow_id, member, member_id, profile, profile_id};
use super::people::{
    StoredGreeting, StoredMember, StoredProfile, name, role, role_word, title, version_of_profile,
};
use super::settings::{StoredBot, StoredProfileAssignment, StoredTeamAssignment, StoredTeamService};
use super::{StoredError, known_version};
use crate::domain::workspace::WorkspaceEvent;

/// An event. What a kind does not need is absent.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct StoredChange<'a> {
    v: u64,
    #[serde(rename = "k", borrow)]
    kind: Cow<'a, str>,
    /// The member or the profile.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    /// A name, or the word of a role.
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "m", borrow, default, skip_serializing_if = "Option::is_none")]
    member: Option<StoredMember<'a>>,
    #[serde(rename = "p", borrow, default, skip_serializing_if = "Option::is_none")]
    profile: Option<StoredProfile<'a>>,
    #[serde(rename = "ta", borrow, default, skip_serializing_if = "Option::is_none")]
    team_assignment: Option<StoredTeamAssignment<'a>>,
    #[serde(rename = "th", borrow, default, skip_serializing_if = "Option::is_none")]
    team_hours: Option<Box<StoredTeamHours<'a>>>,
    #[serde(rename = "ts", default, skip_serializing_if = "Option::is_none")]
    team_service: Option<StoredTeamService>,
    #[serde(rename = "pa", borrow, default, skip_serializing_if = "Option::is_none")]
    assignment: Option<Box<StoredProfileAssignment<'a>>>,
    #[serde(rename = "ph", borrow, default, skip_serializing_if = "Option::is_none")]
    hours: Option<Box<StoredProfileHours<'a>>>,
    #[serde(rename = "b", borrow, default, skip_serializing_if = "Option::is_none")]
    bot: Option<Box<StoredBot<'a>>>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Option::is_none")]
    greeting: Option<Box<StoredGreeting<'a>>>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    manual: Option<StoredOverride>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    away: Option<bool>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    flow: Option<Id>,
}

impl<'a> StoredChange<'a> {
    /// The stored form of an event.
    ///
    /// # Errors
    /// When it holds what is never stored.
    pub(super) fn new(event: &'a WorkspaceEvent) -> Result<Self, StoredError> {
        let of = |kind, id| Self { v: SETTINGS, kind: Cow::Borrowed(kind), id: Some(id), ..Self::default() };
        let of_member = |kind, id| of(kind, member_id(id));
        let of_profile = |kind, id| of(kind, profile_id(id));
        let of_team = |kind| Self { v: SETTINGS, kind: Cow::Borrowed(kind), ..Self::default() };
        Ok(match event {
            WorkspaceEvent::Created { name } => {
                Self { v: PLAIN, name: Some(Cow::Borrowed(name.as_str())), ..of_team(CREATED) }
            }
            WorkspaceEvent::MemberAdded { member, details } => Self {
                v: PLAIN,
                member: Some(StoredMember::new(details)),
                ..of_member(MEMBER_ADDED, *member)
            },
            WorkspaceEvent::MemberRenamed { member, name } => {
                Self { name: Some(Cow::Borrowed(name.as_str())), ..of_member(MEMBER_RENAMED, *member) }
            }
            WorkspaceEvent::RoleChanged { member, role } => {
                Self { name: Some(Cow::Borrowed(role_word(*role))), ..of_member(ROLE_CHANGED, *member) }
            }
            WorkspaceEvent::AwaySet { member, away } => {
                Self { away: Some(*away), ..of_member(AWAY, *member) }
            }
            WorkspaceEvent::MemberRemoved { member } => of_member(MEMBER_REMOVED, *member),
            WorkspaceEvent::ProfileAdded { profile, details } => Self {
                v: version_of_profile(details),
                profile: Some(StoredProfile::new(details)?),
                ..of_profile(PROFILE_ADDED, *profile)
            },
            WorkspaceEvent::TeamAssignmentSet(team) => {
                Self { team_assignment: Some(StoredTeamAssignment::new(team)), ..of_team(TEAM_ASSIGNMENT) }
            }
            WorkspaceEvent::TeamHoursSet(hours) => {
                Self { team_hours: Some(Box::new(StoredTeamHours::new(hours))), ..of_team(TEAM_HOURS) }
            }
            WorkspaceEvent::TeamServiceSet(service) => {
                Self { team_service: Some(StoredTeamService::new(service)), ..of_team(TEAM_SERVICE) }
            }
            WorkspaceEvent::ProfileAssignmentSet { profile, assignment } => Self {
                assignment: Some(Box::new(StoredProfileAssignment::new(assignment))),
                ..of_profile(PROFILE_ASSIGNMENT, *profile)
            },
            WorkspaceEvent::ProfileHoursSet { profile, hours } => Self {
                hours: Some(Box::new(StoredProfileHours::new(hours))),
                ..of_profile(PROFILE_HOURS, *profile)
            },
            WorkspaceEvent::BotSet { profile, bot } => {
                Self { bot: Some(Box::new(StoredBot::new(bot))), ..of_profile(BOT, *profile) }
            }
            WorkspaceEvent::GreetingSet { profile, greeting } => Self {
                greeting: greeting.as_ref().map(StoredGreeting::new).transpose()?.map(Box::new),
                ..of_profile(GREETING, *profile)
            },
            WorkspaceEvent::CompletionSet { profile, flow } => {
                Self { v: COMPLETIONS, flow: flow.map(flow_id), ..of_profile(COMPLETION, *profile) }
            }
            WorkspaceEvent::HoursOverridden { profile, manual } => {
                Self { manual: manual.map(StoredOverride::new), ..of_profile(OVERRIDDEN, *profile) }
            }
        })
    }

    /// The event.
    ///
    /// # Errors
    /// When it is newer than this program, or is none.
    pub(super) fn event(&self) -> Result<WorkspaceEvent, StoredError> {
        // A later version only adds fields, and each event bears the first one that can say it.
        known_version(CHANGE, NEWEST_CHANGE, self.v)?;
        let absent = || StoredError::malformed(CHANGE, &format_args!("{:?} lacks a part", self.kind));
        let text = || self.name.as_deref().ok_or_else(absent);
        let of_member = || self.id.map(member).ok_or_else(absent);
        let of_profile = || self.id.map(profile).ok_or_else(absent);
        Ok(match self.kind.as_ref() {
            CREATED => WorkspaceEvent::Created { name: title(text()?)? },
            MEMBER_ADDED => WorkspaceEvent::MemberAdded {
                member: of_member()?,
                details: self.member.as_ref().ok_or_else(absent)?.member()?,
            },
            MEMBER_RENAMED => WorkspaceEvent::MemberRenamed { member: of_member()?, name: name(text()?)? },
            ROLE_CHANGED => WorkspaceEvent::RoleChanged { member: of_member()?, role: role(text()?)? },
            MEMBER_REMOVED => WorkspaceEvent::MemberRemoved { member: of_member()? },
            AWAY => WorkspaceEvent::AwaySet { member: of_member()?, away: self.away.ok_or_else(absent)? },
            PROFILE_ADDED => WorkspaceEvent::ProfileAdded {
                profile: of_profile()?,
                details: self.profile.as_ref().ok_or_else(absent)?.profile()?,
            },
            TEAM_ASSIGNMENT => {
                let team = self.team_assignment.as_ref().ok_or_else(absent)?;
                WorkspaceEvent::TeamAssignmentSet(team.assignment()?)
            }
            TEAM_HOURS => {
                let hours = self.team_hours.as_ref().ok_or_else(absent)?.hours()?;
                WorkspaceEvent::TeamHoursSet(Box::new(hours))
            }
            TEAM_SERVICE => WorkspaceEvent::TeamServiceSet(self.team_service.ok_or_else(absent)?.service()),
            PROFILE_ASSIGNMENT => {
                let assignment = self.assignment.as_ref().ok_or_else(absent)?.assignment()?;
                let assignment = Box::new(assignment);
                WorkspaceEvent::ProfileAssignmentSet { profile: of_profile()?, assignment }
            }
            PROFILE_HOURS => {
                let hours = Box::new(self.hours.as_ref().ok_or_else(absent)?.hours()?);
                WorkspaceEvent::ProfileHoursSet { profile: of_profile()?, hours }
            }
            BOT => {
                let bot = Box::new(self.bot.as_ref().ok_or_else(absent)?.bot()?);
                WorkspaceEvent::BotSet { profile: of_profile()?, bot }
            }
            GREETING => WorkspaceEvent::GreetingSet {
                profile: of_profile()?,
                greeting: self.greeting.as_ref().map(|greeting| greeting.message()).transpose()?,
            },
            COMPLETION => WorkspaceEvent::CompletionSet { profile: of_profile()?, flow: self.flow.map(flow) },
            OVERRIDDEN => WorkspaceEvent::HoursOverridden {
                profile: of_profile()?,
                manual: self.manual.map(StoredOverride::manual),
            },
            _ => {
                return Err(StoredError::malformed(CHANGE, &format_args!("of unknown kind {:?}", self.kind)));
            }
        })
    }
}

/// What an event is called in an error.
pub(super) const CHANGE: &str = "workspace event";

/// The third version has settings. The first has plain texts, the second every kind of message.
pub(super) const SETTINGS: u64 = 3;

/// The fourth has where the bot goes on.
pub(super) const COMPLETIONS: u64 = 4;

/// The newest version of an event.
pub(super) const NEWEST_CHANGE: u64 = COMPLETIONS;

const _: () = assert!(PLAIN < ALL_KINDS && ALL_KINDS < SETTINGS, "a later version says more");

const CREATED: &str = "create";
const MEMBER_ADDED: &str = "member";
const MEMBER_RENAMED: &str = "rename";
const ROLE_CHANGED: &str = "role";
const MEMBER_REMOVED: &str = "remove";
const AWAY: &str = "away";
const PROFILE_ADDED: &str = "profile";
const TEAM_ASSIGNMENT: &str = "team_assignment";
const TEAM_HOURS: &str = "team_hours";
const TEAM_SERVICE: &str = "team_service";
const PROFILE_ASSIGNMENT: &str = "assignment";
const PROFILE_HOURS: &str = "hours";
const BOT: &str = "bot";
const GREETING: &str = "greeting";
const COMPLETION: &str = "completion";
const OVERRIDDEN: &str = "override";
