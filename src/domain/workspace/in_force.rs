//! What the settings come to: the questions that conversations, assignment and timers have.
//!
//! Owns which block holds for a profile at a moment, in the words of whoever asks. Must not know what is done
//! about it.

use std::sync::{Arc, LazyLock};

use switchboard_protocol::vocabulary::{ProfileId, Timestamp};

use super::{AutoClose, ProfileSettings, Workspace};
use crate::domain::assignment::{RuleBook, Rules};
use crate::domain::conversation::{Doors, Service};
use crate::domain::hours::{
    Choice, CountedHours, Effective, ManualOverride, Notice, Verdict, effective, verdict,
};

impl Workspace {
    /// What a profile has set; what it has not is the default.
    #[must_use]
    pub fn settings_of(&self, profile: ProfileId) -> &ProfileSettings {
        static NONE: LazyLock<ProfileSettings> = LazyLock::new(ProfileSettings::default);
        self.settings.profiles.get(&profile).unwrap_or(&NONE)
    }

    /// The rules of assignment in force for a profile; `None` if it is none of the workspace's.
    #[must_use]
    pub fn rules(&self, profile: ProfileId, now: Timestamp) -> Option<Rules> {
        self.profiles.contains_key(&profile).then(|| {
            let own = self.settings_of(profile);
            let is_open = self.verdict(own, now) == Verdict::Open;
            Rules::in_force(&self.settings.team.assignment, &own.assignment, is_open)
        })
    }

    /// The rules in force for every profile.
    #[must_use]
    pub fn rule_book(&self, now: Timestamp) -> RuleBook {
        let rules = |profile: &ProfileId| Some((*profile, self.rules(*profile, now)?));
        RuleBook(self.profiles.keys().filter_map(rules).collect())
    }

    /// What binds the conversations of a profile. Their time of grace after a downtime is not known here.
    #[must_use]
    pub fn service(&self, profile: ProfileId) -> Service {
        let own = self.settings_of(profile);
        let team = &self.settings.team.service;
        let AutoClose { silent_minutes, unserved_minutes } = team.auto_close;
        let (notice, hours) = match effective(&self.settings.team.hours, &own.hours) {
            Effective::Hours { outside, schedule } => {
                let notice = match outside.notice {
                    Notice::Message(text) => Some(text.as_message().clone()),
                    Notice::Flow(_) => None,
                };
                (notice, Some(CountedHours { schedule: schedule.clone(), by_hand: own.manual }))
            }
            Effective::AlwaysOpen => (None, None),
        };
        Service {
            notice,
            call_word: own.bot.call_word.clone(),
            categories: own.bot.categories.clone(),
            reply: own.bot.reply.clone(),
            greeting: self.profiles.get(&profile).and_then(|profile| profile.greeting.clone()),
            cancel_word: own.bot.cancel_word.clone(),
            early_cancel_is_no_miss: team.early_cancel_is_no_miss,
            silent_ms: silent_minutes.map(minutes_ms),
            unserved_ms: unserved_minutes.map(minutes_ms),
            hours: hours.filter(|_| unserved_minutes.is_some()).map(Arc::new),
            ..Service::NONE
        }
    }

    /// Whether something may end by itself at another time than with the settings before.
    #[must_use]
    pub fn ends_otherwise(&self, before: &Self) -> bool {
        let (team, team_before) = (&self.settings.team, &before.settings.team);
        let hours = |of: &Self, profile: &ProfileId| {
            let own = of.settings_of(*profile);
            (own.hours.mode, own.hours.schedule.clone(), own.manual)
        };
        team.service.auto_close != team_before.service.auto_close
            || team.hours.schedule != team_before.hours.schedule
            || self.profiles.keys().any(|profile| hours(self, profile) != hours(before, profile))
    }

    /// What becomes of a call to a profile at this moment.
    #[must_use]
    pub fn doors(&self, profile: ProfileId, now: Timestamp) -> Doors {
        match self.verdict(self.settings_of(profile), now) {
            Verdict::Open => Doors::Open,
            Verdict::Accepted { bot_replies, .. } => Doors::Accepting { bot_replies },
            Verdict::Refused { .. } => Doors::Refusing,
        }
    }

    /// The first moment after this one at which a profile may open or close; `None` if none ever does.
    #[must_use]
    pub fn next_boundary(&self, now: Timestamp) -> Option<Timestamp> {
        let mut team = None;
        let mut teams = || *team.get_or_insert_with(|| self.settings.team.hours.schedule.next_change(now));
        let own = self.settings.profiles.values();
        let boundary = |own: &ProfileSettings| {
            let Effective::Hours { schedule, .. } = effective(&self.settings.team.hours, &own.hours) else {
                return None;
            };
            match own.manual.filter(|manual| manual.in_force(now).is_some()) {
                Some(ManualOverride { until, .. }) => until,
                None if own.hours.schedule == Choice::Team => teams(),
                None => schedule.next_change(now),
            }
        };
        own.filter_map(boundary).min()
    }

    fn verdict(&self, own: &ProfileSettings, now: Timestamp) -> Verdict {
        verdict(&effective(&self.settings.team.hours, &own.hours), own.manual, now)
    }
}

const fn minutes_ms(minutes: u32) -> i64 {
    minutes as i64 * 60_000
}
