//! What the setting of a block becomes.
//!
//! Owns what each block must be checked against: the members, the profiles, the schedule there is. Must not
//! know who sets it.

use switchboard_protocol::vocabulary::{FlowId, ProfileId, Timestamp};

use super::settings::{check_completion, check_notice};
use super::{Bot, Profile, TeamService, Workspace, WorkspaceEvent, WorkspaceRejection};
use crate::domain::assignment::{ProfileAssignment, TeamAssignment};
use crate::domain::hours::{Effective, ManualOverride, Override, ProfileHours, TeamHours, effective};
use crate::domain::message::Message;

pub(super) fn team_assignment(
    state: &Workspace,
    assignment: TeamAssignment,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    exists(state)?;
    assignment.load.check()?;
    Ok(WorkspaceEvent::TeamAssignmentSet(assignment))
}

pub(super) fn team_hours(
    state: &Workspace,
    hours: Box<TeamHours>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    exists(state)?;
    Ok(WorkspaceEvent::TeamHoursSet(hours))
}

pub(super) fn team_service(
    state: &Workspace,
    service: TeamService,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    exists(state)?;
    service.check()?;
    Ok(WorkspaceEvent::TeamServiceSet(service))
}

pub(super) fn profile_assignment(
    state: &Workspace,
    profile: ProfileId,
    assignment: Box<ProfileAssignment>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    assignment.check(|member| state.members.contains_key(&member))?;
    Ok(WorkspaceEvent::ProfileAssignmentSet { profile, assignment })
}

pub(super) fn profile_hours(
    state: &Workspace,
    profile: ProfileId,
    hours: Box<ProfileHours>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    check_notice(&hours)?;
    Ok(WorkspaceEvent::ProfileHoursSet { profile, hours })
}

pub(super) fn bot(
    state: &Workspace,
    profile: ProfileId,
    bot: Box<Bot>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    bot.check()?;
    Ok(WorkspaceEvent::BotSet { profile, bot })
}

pub(super) fn greeting(
    state: &Workspace,
    profile: ProfileId,
    greeting: Option<Message>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    greeting.as_ref().map(Message::check).transpose()?;
    Ok(WorkspaceEvent::GreetingSet { profile, greeting })
}

pub(super) fn completion(
    state: &Workspace,
    profile: ProfileId,
    flow: Option<FlowId>,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    check_completion(flow)?;
    Ok(WorkspaceEvent::CompletionSet { profile, flow })
}

/// An override ends when the schedule that holds for the profile now changes next.
pub(super) fn override_hours(
    state: &Workspace,
    profile: ProfileId,
    to: Option<Override>,
    now: Timestamp,
) -> Result<WorkspaceEvent, WorkspaceRejection> {
    known(state, profile)?;
    let Some(to) = to else { return Ok(WorkspaceEvent::HoursOverridden { profile, manual: None }) };
    let own = state.settings_of(profile);
    match effective(&state.settings.team.hours, &own.hours) {
        Effective::AlwaysOpen => Err(WorkspaceRejection::AlwaysOpen(profile)),
        Effective::Hours { schedule, .. } => {
            let manual = Some(ManualOverride::set(to, schedule, now));
            Ok(WorkspaceEvent::HoursOverridden { profile, manual })
        }
    }
}

/// Nothing can be set in a workspace that is not there.
pub(super) const fn exists(state: &Workspace) -> Result<(), WorkspaceRejection> {
    if state.name.is_none() { Err(WorkspaceRejection::Missing) } else { Ok(()) }
}

fn known(state: &Workspace, profile: ProfileId) -> Result<&Profile, WorkspaceRejection> {
    state.profiles.get(&profile).ok_or(WorkspaceRejection::NoSuchProfile(profile))
}
