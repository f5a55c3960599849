//! The settings of operating hours: the team's, a profile's, and what they come to together.
//!
//! Owns which of the two holds for each part, and what becomes of a customer who asks for somebody. Must not
//! know when somebody asks, nor what is done about it.

use switchboard_protocol::vocabulary::Timestamp;

use super::{ManualOverride, Notice, NoticeText, Override, Schedule};

/// What holds for every profile that has not its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamHours {
    /// When the team serves.
    pub schedule: Schedule,
    /// What customers are told outside.
    pub notice: NoticeText,
    /// Whether they are queued all the same.
    pub acceptance: Acceptance,
}

/// What a profile does about hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileHours {
    /// Whether it has hours at all.
    pub mode: Mode,
    /// When it is served.
    pub schedule: Choice<Schedule>,
    /// What its customers are told outside.
    pub notice: Choice<Notice>,
    /// Whether they are queued all the same.
    pub acceptance: Choice<Acceptance>,
    /// Whether its bot answers those who are queued outside; the team has no such switch.
    pub bot_replies: bool,
}

/// Whether a profile has hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is always open: neither the schedule nor an override matters to it.
    #[default]
    AlwaysOpen,
    /// It has.
    UseHours,
}

/// Whose setting holds for a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Choice<T> {
    /// The team's.
    #[default]
    Team,
    /// Its own.
    Own(T),
}

/// Whether those are queued who ask for somebody outside of the hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acceptance {
    /// They are not.
    #[default]
    Refuse,
    /// They are.
    Accept,
}

/// What holds for a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effective<'a> {
    /// It is always open.
    AlwaysOpen,
    /// It has hours.
    Hours {
        /// When it is served.
        schedule: &'a Schedule,
        /// What happens outside.
        outside: OutsideHours,
    },
}

/// What happens outside of a profile's hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideHours {
    /// What customers are told.
    pub notice: Notice,
    /// Whether they are queued all the same.
    pub acceptance: Acceptance,
    /// Whether the bot answers those who are queued.
    pub bot_replies: bool,
}

/// What becomes of a customer who asks for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is open: the customer is queued like everybody.
    Open,
    /// The customer is told so and is not queued; then the flow goes on as if the customer had cancelled. It
    /// does not count as missed.
    Refused {
        /// What the customer is told.
        notice: Notice,
    },
    /// The customer is told so and is queued.
    Accepted {
        /// What the customer is told.
        notice: Notice,
        /// Whether the bot answers meanwhile; otherwise it is silent.
        bot_replies: bool,
    },
}

/// What the settings of the team and of a profile come to.
#[must_use]
pub fn effective<'a>(team: &'a TeamHours, profile: &'a ProfileHours) -> Effective<'a> {
    match profile.mode {
        Mode::AlwaysOpen => Effective::AlwaysOpen,
        Mode::UseHours => Effective::Hours {
            schedule: profile.schedule.or(&team.schedule),
            outside: OutsideHours {
                notice: match &profile.notice {
                    Choice::Team => Notice::Message(team.notice.clone()),
                    Choice::Own(notice) => notice.clone(),
                },
                acceptance: *profile.acceptance.or(&team.acceptance),
                bot_replies: profile.bot_replies,
            },
        },
    }
}

/// What becomes of a customer who asks for somebody at this moment.
#[must_use]
pub fn verdict(effective: &Effective<'_>, manual: Option<ManualOverride>, at: Timestamp) -> Verdict {
    let Effective::Hours { schedule, outside } = effective else {
        return Verdict::Open;
    };
    let is_open = match manual.and_then(|manual| manual.in_force(at)) {
        Some(Override::Open) => true,
        Some(Override::Closed) => false,
        None => schedule.is_open(at),
    };
    let notice = || outside.notice.clone();
    match outside.acceptance {
        _ if is_open => Verdict::Open,
        Acceptance::Refuse => Verdict::Refused { notice: notice() },
        Acceptance::Accept => Verdict::Accepted { notice: notice(), bot_replies: outside.bot_replies },
    }
}

impl<T> Choice<T> {
    /// Its own, or else the team's.
    fn or<'a>(&'a self, team: &'a T) -> &'a T {
        match self {
            Self::Team => team,
            Self::Own(own) => own,
        }
    }
}
