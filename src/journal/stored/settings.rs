//! The stored form of the settings of a workspace.
//!
//! Owns the blocks of team and profiles; a profile that has set nothing is not stored. Must not know events.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::MessageText;

use super::StoredError;
use super::hours::{StoredOverride, StoredProfileHours, StoredTeamHours};
use super::parts::{Id, flow, flow_id, member, member_id, profile, profile_id};
use super::service::{category, stored_category, strategy, strategy_word};
use crate::domain::assignment::{Choosing, Load, Pool, ProfileAssignment, TeamAssignment};
use crate::domain::workspace::{
    Absence, AutoClose, Bot, InProgress, ProfileSettings, Settings, TeamService, TeamSettings,
};

/// All settings.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSettings<'a> {
    #[serde(rename = "a", borrow)]
    assignment: StoredTeamAssignment<'a>,
    #[serde(rename = "h", borrow)]
    hours: StoredTeamHours<'a>,
    #[serde(rename = "s")]
    service: StoredTeamService,
    #[serde(rename = "p", borrow)]
    profiles: Vec<(Id, StoredProfileSettings<'a>)>,
}

#[derive(Serialize, Deserialize)]
struct StoredProfileSettings<'a> {
    #[serde(rename = "a", borrow)]
    assignment: StoredProfileAssignment<'a>,
    #[serde(rename = "h", borrow)]
    hours: StoredProfileHours<'a>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    manual: Option<StoredOverride>,
    #[serde(rename = "b", borrow)]
    bot: StoredBot<'a>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    completion: Option<Id>,
}

/// The team's assignment: rules and load.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTeamAssignment<'a>(#[serde(borrow)] StoredChoosing<'a>, StoredLoad);

/// Sticky, or to another, and the strategy.
#[derive(Serialize, Deserialize)]
struct StoredChoosing<'a>(bool, bool, #[serde(borrow)] Cow<'a, str>);

/// The maximum, in hours first, own list only.
#[derive(Serialize, Deserialize)]
struct StoredLoad(u32, bool, bool);

/// A profile's assignment. Rules and load that are absent are the team's, a list that is absent is everybody.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredProfileAssignment<'a> {
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    automatic: bool,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    choosing: Option<StoredChoosing<'a>>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    load: Option<StoredLoad>,
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    general: Option<Vec<Id>>,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Vec::is_empty")]
    specialists: Vec<(Vec<Cow<'a, str>>, Vec<Id>)>,
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    no_one_else: bool,
}

/// What becomes of consultations.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredTeamService {
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    silent_minutes: Option<u32>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    unserved_minutes: Option<u32>,
    #[serde(rename = "g")]
    grace_seconds: u32,
    #[serde(rename = "k", default, skip_serializing_if = "std::ops::Not::not")]
    keeps_in_progress: bool,
    #[serde(rename = "e", default, skip_serializing_if = "std::ops::Not::not")]
    early_cancel_is_no_miss: bool,
    #[serde(rename = "p", default, skip_serializing_if = "std::ops::Not::not")]
    several_places: bool,
}

/// A bot's words.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredBot<'a> {
    #[serde(rename = "w", borrow, default, skip_serializing_if = "Option::is_none")]
    call_word: Option<Cow<'a, str>>,
    #[serde(rename = "g", borrow, default, skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Vec<Cow<'a, str>>>,
    #[serde(rename = "c", borrow, default, skip_serializing_if = "Option::is_none")]
    cancel_word: Option<Cow<'a, str>>,
    #[serde(rename = "r", borrow, default, skip_serializing_if = "Option::is_none")]
    reply: Option<Cow<'a, str>>,
}

impl<'a> StoredSettings<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        let Settings { team, profiles } = settings;
        let profiles = profiles.iter().map(|(profile, own)| {
            let own = StoredProfileSettings {
                assignment: StoredProfileAssignment::new(&own.assignment),
                hours: StoredProfileHours::new(&own.hours),
                manual: own.manual.map(StoredOverride::new),
                bot: StoredBot::new(&own.bot),
                completion: own.completion.map(flow_id),
            };
            (profile_id(*profile), own)
        });
        Self {
            assignment: StoredTeamAssignment::new(&team.assignment),
            hours: StoredTeamHours::new(&team.hours),
            service: StoredTeamService::new(&team.service),
            profiles: profiles.collect(),
        }
    }

    pub(super) fn settings(&self) -> Result<Settings, StoredError> {
        let profiles = self.profiles.iter().map(|(id, own)| {
            let own = ProfileSettings {
                assignment: own.assignment.assignment()?,
                hours: own.hours.hours()?,
                manual: own.manual.map(StoredOverride::manual),
                bot: own.bot.bot()?,
                completion: own.completion.map(flow),
            };
            Ok((profile(*id), own))
        });
        Ok(Settings {
            team: TeamSettings {
                assignment: self.assignment.assignment()?,
                hours: self.hours.hours()?,
                service: self.service.service(),
            },
            profiles: profiles.collect::<Result<_, StoredError>>()?,
        })
    }
}

impl StoredTeamAssignment<'_> {
    pub(super) fn new(team: &TeamAssignment) -> Self {
        Self(StoredChoosing::new(&team.choosing), StoredLoad::new(&team.load))
    }

    pub(super) fn assignment(&self) -> Result<TeamAssignment, StoredError> {
        Ok(TeamAssignment { choosing: self.0.choosing()?, load: self.1.load() })
    }
}

impl StoredChoosing<'_> {
    fn new(choosing: &Choosing) -> Self {
        Self(choosing.sticky, choosing.or_another, Cow::Borrowed(strategy_word(choosing.strategy)))
    }

    fn choosing(&self) -> Result<Choosing, StoredError> {
        let Self(sticky, or_another, word) = self;
        let strategy = strategy(word).ok_or_else(|| malformed(&format_args!("strategy {word:?}")))?;
        Ok(Choosing { sticky: *sticky, or_another: *or_another, strategy })
    }
}

impl StoredLoad {
    const fn new(load: &Load) -> Self {
        Self(load.maximum, load.in_hours_first, load.own_list_only)
    }

    const fn load(&self) -> Load {
        Load { maximum: self.0, in_hours_first: self.1, own_list_only: self.2 }
    }
}

impl<'a> StoredProfileAssignment<'a> {
    pub(super) fn new(own: &'a ProfileAssignment) -> Self {
        let specialists = own
            .specialists
            .iter()
            .map(|(path, members)| (stored_category(path), members.iter().copied().map(member_id).collect()));
        Self {
            automatic: own.automatic,
            choosing: own.choosing.as_ref().map(StoredChoosing::new),
            load: own.load.as_ref().map(StoredLoad::new),
            general: match &own.general {
                Pool::All => None,
                Pool::List(members) => Some(members.iter().copied().map(member_id).collect()),
            },
            specialists: specialists.collect(),
            no_one_else: own.no_one_else,
        }
    }

    pub(super) fn assignment(&self) -> Result<ProfileAssignment, StoredError> {
        let members = |ids: &[Id]| ids.iter().copied().map(member).collect();
        let specialists = self.specialists.iter().map(|(path, ids)| Ok((category(path)?, members(ids))));
        Ok(ProfileAssignment {
            automatic: self.automatic,
            choosing: self.choosing.as_ref().map(StoredChoosing::choosing).transpose()?,
            load: self.load.as_ref().map(StoredLoad::load),
            general: self.general.as_deref().map_or(Pool::All, |ids| Pool::List(members(ids))),
            specialists: specialists.collect::<Result<_, StoredError>>()?,
            no_one_else: self.no_one_else,
        })
    }
}

impl StoredTeamService {
    pub(super) const fn new(service: &TeamService) -> Self {
        Self {
            silent_minutes: service.auto_close.silent_minutes,
            unserved_minutes: service.auto_close.unserved_minutes,
            grace_seconds: service.absence.grace_seconds,
            keeps_in_progress: match service.absence.in_progress {
                InProgress::Requeue => false,
                InProgress::Keep => true,
            },
            early_cancel_is_no_miss: service.early_cancel_is_no_miss,
            several_places: service.several_places,
        }
    }

    pub(super) const fn service(self) -> TeamService {
        let in_progress = if self.keeps_in_progress { InProgress::Keep } else { InProgress::Requeue };
        TeamService {
            auto_close: AutoClose {
                silent_minutes: self.silent_minutes,
                unserved_minutes: self.unserved_minutes,
            },
            absence: Absence { grace_seconds: self.grace_seconds, in_progress },
            early_cancel_is_no_miss: self.early_cancel_is_no_miss,
            several_places: self.several_places,
        }
    }
}

impl<'a> StoredBot<'a> {
    pub(super) fn new(bot: &'a Bot) -> Self {
        let text = |text: &'a Option<MessageText>| text.as_ref().map(|text| Cow::Borrowed(text.as_str()));
        Self {
            call_word: text(&bot.call_word),
            categories: bot.categories.iter().map(stored_category).collect(),
            cancel_word: text(&bot.cancel_word),
            reply: text(&bot.reply),
        }
    }

    pub(super) fn bot(&self) -> Result<Bot, StoredError> {
        let text = |text: &Option<Cow<'_, str>>| {
            let text = text.as_deref().map(MessageText::new).transpose();
            text.map_err(|error| malformed(&error))
        };
        Ok(Bot {
            call_word: text(&self.call_word)?,
            categories: self.categories.iter().map(|path| category(path)).collect::<Result<_, _>>()?,
            cancel_word: text(&self.cancel_word)?,
            reply: text(&self.reply)?,
        })
    }
}

fn malformed(error: &dyn std::fmt::Display) -> StoredError {
    StoredError::malformed("settings", error)
}
