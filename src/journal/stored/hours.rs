//! The stored form of operating hours.
//!
//! Owns the schedule as it would be given, the notice and what was set by hand. What is stored is checked
//! like what is given: a schedule is whole or it is an error. Must not know whose hours they are.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_protocol::vocabulary::FlowId;

use super::StoredError;
use super::parts::{Id, at};
use crate::domain::hours::{
    Acceptance, Choice, HolidayDraft, IntervalDraft, ManualOverride, Mode, Notice, NoticeText, Override,
    ProfileHours, Schedule, ScheduleDraft, TeamHours, WeekDraft,
};

/// The team's hours.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTeamHours<'a> {
    #[serde(rename = "s", borrow)]
    schedule: StoredSchedule<'a>,
    #[serde(rename = "n", borrow)]
    notice: Cow<'a, str>,
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    accepts: bool,
}

/// A profile's hours. What is absent is the team's.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredProfileHours<'a> {
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    uses_hours: bool,
    #[serde(rename = "s", borrow, default, skip_serializing_if = "Option::is_none")]
    schedule: Option<StoredSchedule<'a>>,
    #[serde(rename = "n", borrow, default, skip_serializing_if = "Option::is_none")]
    notice: Option<Cow<'a, str>>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    flow: Option<Id>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    accepts: Option<bool>,
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    bot_replies: bool,
}

/// Whether it was opened, and until when that holds, if that is known.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct StoredOverride(bool, Option<i64>);

/// The zone, the minutes of the intervals of each weekday, and the holidays.
#[derive(Serialize, Deserialize)]
struct StoredSchedule<'a> {
    #[serde(rename = "z", borrow)]
    zone: Cow<'a, str>,
    #[serde(rename = "w")]
    week: [Vec<u16>; 7],
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    holidays: Vec<StoredHoliday>,
}

/// The year, unless it returns every year; month, day, and the minutes of its intervals.
#[derive(Serialize, Deserialize)]
struct StoredHoliday(Option<u16>, u8, u8, Vec<u16>);

impl<'a> StoredTeamHours<'a> {
    pub(super) fn new(hours: &'a TeamHours) -> Self {
        Self {
            schedule: StoredSchedule::new(&hours.schedule),
            notice: Cow::Borrowed(hours.notice.as_message().as_str()),
            accepts: accepts(hours.acceptance),
        }
    }

    pub(super) fn hours(&self) -> Result<TeamHours, StoredError> {
        Ok(TeamHours {
            schedule: self.schedule.schedule()?,
            notice: notice(&self.notice)?,
            acceptance: acceptance(self.accepts),
        })
    }
}

impl<'a> StoredProfileHours<'a> {
    pub(super) fn new(hours: &'a ProfileHours) -> Self {
        let (notice, flow) = match &hours.notice {
            Choice::Team => (None, None),
            Choice::Own(Notice::Message(text)) => (Some(Cow::Borrowed(text.as_message().as_str())), None),
            Choice::Own(Notice::Flow(flow)) => (None, Some(Id::new(*flow.as_bytes()))),
        };
        Self {
            uses_hours: match hours.mode {
                Mode::AlwaysOpen => false,
                Mode::UseHours => true,
            },
            schedule: own(&hours.schedule).map(StoredSchedule::new),
            notice,
            flow,
            accepts: own(&hours.acceptance).copied().map(accepts),
            bot_replies: hours.bot_replies,
        }
    }

    pub(super) fn hours(&self) -> Result<ProfileHours, StoredError> {
        let notice = match (&self.notice, self.flow) {
            (None, None) => None,
            (Some(text), None) => Some(Notice::Message(notice(text)?)),
            (None, Some(flow)) => Some(Notice::Flow(FlowId::from_bytes(flow.into_array()))),
            (Some(_), Some(_)) => return Err(malformed(&"a notice that is both a text and a flow")),
        };
        Ok(ProfileHours {
            mode: if self.uses_hours { Mode::UseHours } else { Mode::AlwaysOpen },
            schedule: choice(self.schedule.as_ref().map(StoredSchedule::schedule).transpose()?),
            notice: choice(notice),
            acceptance: choice(self.accepts.map(acceptance)),
            bot_replies: self.bot_replies,
        })
    }
}

impl StoredOverride {
    pub(super) fn new(manual: ManualOverride) -> Self {
        let open = match manual.to {
            Override::Open => true,
            Override::Closed => false,
        };
        Self(open, manual.until.map(|until| until.as_millis()))
    }

    pub(super) fn manual(self) -> ManualOverride {
        let to = if self.0 { Override::Open } else { Override::Closed };
        ManualOverride { to, until: self.1.map(at) }
    }
}

impl StoredSchedule<'_> {
    fn new(schedule: &Schedule) -> Self {
        let ScheduleDraft { zone, week, holidays } = schedule.draft();
        let holiday = |HolidayDraft { year, month, day, intervals }: HolidayDraft| {
            StoredHoliday(year, month, day, minutes(&intervals))
        };
        Self {
            zone: Cow::Owned(zone),
            week: week.each_ref().map(|intervals| minutes(intervals)),
            holidays: holidays.into_iter().map(holiday).collect(),
        }
    }

    fn schedule(&self) -> Result<Schedule, StoredError> {
        let mut week = WeekDraft::default();
        for (day, stored) in week.iter_mut().zip(&self.week) {
            *day = intervals(stored)?;
        }
        let holiday = |StoredHoliday(year, month, day, minutes): &StoredHoliday| {
            Ok(HolidayDraft { year: *year, month: *month, day: *day, intervals: intervals(minutes)? })
        };
        let holidays = self.holidays.iter().map(holiday).collect::<Result<_, StoredError>>()?;
        let draft = ScheduleDraft { zone: self.zone.as_ref().to_owned(), week, holidays };
        Schedule::new(&draft).map_err(|error| malformed(&error))
    }
}

fn minutes(intervals: &[IntervalDraft]) -> Vec<u16> {
    intervals.iter().flat_map(|interval| [interval.start_minute, interval.end_minute]).collect()
}

fn intervals(minutes: &[u16]) -> Result<Vec<IntervalDraft>, StoredError> {
    let (pairs, odd) = minutes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(malformed(&"an interval without an end"));
    }
    let interval = |[start_minute, end_minute]: &[u16; 2]| IntervalDraft {
        start_minute: *start_minute,
        end_minute: *end_minute,
    };
    Ok(pairs.iter().map(interval).collect())
}

fn notice(text: &str) -> Result<NoticeText, StoredError> {
    NoticeText::new(text).map_err(|error| malformed(&error))
}

const fn accepts(acceptance: Acceptance) -> bool {
    match acceptance {
        Acceptance::Refuse => false,
        Acceptance::Accept => true,
    }
}

const fn acceptance(accepts: bool) -> Acceptance {
    if accepts { Acceptance::Accept } else { Acceptance::Refuse }
}

const fn own<T>(choice: &Choice<T>) -> Option<&T> {
    match choice {
        Choice::Team => None,
        Choice::Own(own) => Some(own),
    }
}

fn choice<T>(own: Option<T>) -> Choice<T> {
    own.map_or(Choice::Team, Choice::Own)
}

fn malformed(error: &dyn std::fmt::Display) -> StoredError {
    StoredError::malformed("operating hours", error)
}
