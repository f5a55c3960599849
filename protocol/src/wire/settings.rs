//! The settings of a workspace, in blocks.
//!
//! Owns the shape of each block: what is set at once, and told at once; a block fits into a frame. A switch that
//! is absent is off. Must not know who may set them, nor what they cannot mean.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{
    CalendarDay, CategoryPath, ClockSpan, Content, DisplayName, FlowId, Keyboard, MemberId, MessageText,
    ProfileId, ProfileTitle, Timestamp,
};

use super::UnknownWord;

/// Which settings are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum SettingsOf {
    /// The team's blocks.
    Team,
    /// The members, in the order of their ids.
    Members {
        /// Only those after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<MemberId>,
    },
    /// The profiles, in the order of their ids.
    Profiles {
        /// Only those after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<ProfileId>,
    },
    /// A profile's assignment.
    ProfileAssignment {
        /// Of which.
        profile: ProfileId,
    },
    /// A profile's operating hours, and what was set by hand.
    ProfileHours {
        /// Of which.
        profile: ProfileId,
    },
    /// A profile's bot.
    Bot {
        /// Of which.
        profile: ProfileId,
    },
    /// What a profile's bot says first.
    Greeting {
        /// Of which.
        profile: ProfileId,
    },
    /// Where a profile's bot goes on when a consultation is completed.
    Completion {
        /// Of which.
        profile: ProfileId,
    },
    /// Something that this version does not know; refused.
    #[serde(other)]
    Unknown,
}

/// Settings that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Settings {
    /// The team's blocks.
    Team {
        /// The workspace's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<ProfileTitle>,
        /// Automatic assignment.
        assignment: TeamAssignment,
        /// Operating hours.
        hours: TeamHours,
        /// What becomes of consultations.
        service: TeamService,
    },
    /// Members.
    Members {
        /// One each.
        members: Vec<MemberRow>,
        /// Whether there are more.
        more: bool,
    },
    /// Profiles.
    Profiles {
        /// One each.
        profiles: Vec<ProfileRow>,
        /// Whether there are more.
        more: bool,
    },
    /// A profile's assignment.
    ProfileAssignment {
        /// The block.
        assignment: ProfileAssignment,
    },
    /// A profile's operating hours.
    ProfileHours {
        /// The block.
        hours: ProfileHours,
        /// What was set by hand and holds, or held.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_hand: Option<ByHand>,
    },
    /// A profile's bot.
    Bot {
        /// The block.
        bot: Bot,
    },
    /// What a profile's bot says first.
    Greeting {
        /// The greeting; absent: nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        greeting: Option<Greeting>,
    },
    /// Where a profile's bot goes on when a consultation is completed.
    Completion {
        /// The flow that it begins; absent: it goes on where it was, or at the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completion: Option<FlowId>,
    },
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Which.
    pub member: MemberId,
    /// The name shown to colleagues.
    pub name: DisplayName,
    /// What the member may do.
    pub role: Role,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRow {
    /// Which.
    pub profile: ProfileId,
    /// Its title.
    pub title: ProfileTitle,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "a role is a text")]
pub enum Role {
    /// Everything; exactly one.
    Owner,
    /// Add profiles, and what editors may.
    Admin,
    /// Change bots.
    Editor,
    /// Look, and serve as everybody.
    Readonly,
    /// One that this version does not know.
    #[serde(untagged)]
    Unknown(UnknownWord),
}

/// How one of several agents is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", expecting = "a strategy is a text")]
pub enum AssignmentStrategy {
    /// Any of them, by chance.
    #[default]
    Random,
    /// Whose last assignment is longest ago.
    RoundRobin,
    /// Who has the least to do.
    LeastLoaded,
    /// One that this version does not know.
    #[serde(untagged)]
    Unknown(UnknownWord),
}

/// The rules of assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choosing {
    /// A returning customer goes to their former agent.
    #[serde(default)]
    pub sticky: bool,
    /// If that agent is unavailable, to another; otherwise the customer waits for them.
    #[serde(default)]
    pub or_another: bool,
    /// How one of several is chosen.
    #[serde(default)]
    pub strategy: AssignmentStrategy,
}

/// The load of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// The most consultations at a time, over the whole workspace.
    pub maximum: u32,
    /// Requests that came within operating hours go first.
    #[serde(default)]
    pub in_hours_first: bool,
    /// Agents' lists show only what is assigned to them.
    #[serde(default)]
    pub own_list_only: bool,
}

/// The team's assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamAssignment {
    /// The rules.
    pub choosing: Choosing,
    /// The load.
    pub load: Load,
}

/// A profile's assignment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfileAssignment {
    /// Whether requests are assigned automatically.
    #[serde(default)]
    pub automatic: bool,
    /// Rules of its own; absent: the team's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choosing: Option<Choosing>,
    /// A load of its own; absent: the team's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// Its general agents; absent: every member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub general: Option<Vec<MemberId>>,
    /// Its specialists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub specialists: Vec<Specialists>,
    /// Do not assign to anyone but the specialists, where there are some for the category.
    #[serde(default)]
    pub no_one_else: bool,
}

/// The specialists of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Specialists {
    /// Of which.
    pub category: CategoryPath,
    /// Who.
    pub members: Vec<MemberId>,
}

/// When a team serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The IANA name of the time zone.
    pub zone: String,
    /// The intervals of each weekday.
    pub week: Week,
    /// The holidays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Holiday>,
}

macro_rules! week {
    ($($day:ident)*) => {
        /// The intervals of each weekday; a day that is absent is closed.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct Week {$(
            /// Those that begin on this day.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub $day: Vec<ClockSpan>,
        )*}

        impl From<[Vec<ClockSpan>; 7]> for Week {
            fn from([$($day),*]: [Vec<ClockSpan>; 7]) -> Self {
                Self { $($day),* }
            }
        }

        impl From<Week> for [Vec<ClockSpan>; 7] {
            fn from(Week { $($day),* }: Week) -> Self {
                [$($day),*]
            }
        }
    };
}

week! { mon tue wed thu fri sat sun }

/// A day with intervals of its own in place of the week's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// Which day, of one year or of every year.
    pub date: CalendarDay,
    /// Its intervals; none: closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<ClockSpan>,
}

/// The team's operating hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamHours {
    /// When the team serves.
    pub schedule: Schedule,
    /// What customers are told outside.
    pub notice: MessageText,
    /// Whether they are queued all the same.
    #[serde(default)]
    pub accept: bool,
}

/// A profile's operating hours. What is absent is the team's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProfileHours {
    /// Whether it has hours; otherwise it is always open.
    #[serde(default)]
    pub use_hours: bool,
    /// When it is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What its customers are told outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<MessageText>,
    /// Or the flow that they go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowId>,
    /// Whether they are queued all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<bool>,
    /// Whether the bot answers those who are queued outside.
    #[serde(default)]
    pub bot_replies: bool,
}

/// What was opened or closed by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// Whether it was opened.
    pub open: bool,
    /// Until when that holds; absent: until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What becomes of consultations, and of the agents who serve them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamService {
    /// A consultation is completed when the customer has said nothing for so long; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_minutes: Option<u32>,
    /// A call is missed that nobody has served for so long; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unserved_minutes: Option<u32>,
    /// How long the work of an agent is kept who is gone.
    pub grace_seconds: u32,
    /// Whether what is in progress stays the agent's after that; otherwise it waits again.
    #[serde(default)]
    pub keep_in_progress: bool,
    /// A call that is taken back at once is not missed.
    #[serde(default)]
    pub early_cancel_is_no_miss: bool,
    /// An account may serve from several places at once.
    #[serde(default)]
    pub several_places: bool,
}

/// A bot that follows no flow.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bot {
    /// What a customer says to call an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_word: Option<MessageText>,
    /// What a customer who calls can choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryPath>,
    /// What a customer says to take the call back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_word: Option<MessageText>,
    /// What it answers to everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<MessageText>,
}

/// What a bot says when a conversation begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// What it says.
    pub content: Content,
    /// What is suggested to answer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyboard: Option<Box<Keyboard>>,
}
