//! The settings of assignment: the team's, each profile's, and what is in force.
//!
//! Owns which block comes from where, and what a setting cannot mean. Must not know who is there.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_protocol::vocabulary::{CategoryPath, MemberId, ProfileId};

/// How one of several is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Any of them, by chance.
    #[default]
    Random,
    /// Whose last assignment is longest ago.
    RoundRobin,
    /// Who has the least to do; of those, whose last assignment is longest ago.
    LeastLoaded,
}

/// The block of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Choosing {
    /// A returning customer goes to their former agent.
    pub sticky: bool,
    /// If that agent is unavailable, to another; otherwise the customer waits for them.
    pub or_another: bool,
    /// How one of several is chosen.
    pub strategy: Strategy,
}

/// The block of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// The most consultations of an agent, waiting and in progress, over the whole workspace.
    pub maximum: u32,
    /// Requests that came within operating hours go before those that came outside.
    pub in_hours_first: bool,
    /// Agents' lists show only what is assigned to them.
    pub own_list_only: bool,
}

impl Default for Load {
    fn default() -> Self {
        Self { maximum: 10, in_hours_first: false, own_list_only: false }
    }
}

/// The general agents of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Pool {
    /// Every member.
    #[default]
    All,
    /// These.
    List(BTreeSet<MemberId>),
}

impl Pool {
    /// Whether a member is one of them.
    #[must_use]
    pub fn has(&self, member: MemberId) -> bool {
        match self {
            Self::All => true,
            Self::List(members) => members.contains(&member),
        }
    }
}

/// What the team has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamAssignment {
    /// The rules.
    pub choosing: Choosing,
    /// The load.
    pub load: Load,
}

/// What a profile has set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileAssignment {
    /// Whether its requests are assigned automatically.
    pub automatic: bool,
    /// Rules of its own; `None`: the team's.
    pub choosing: Option<Choosing>,
    /// A load of its own; `None`: the team's.
    pub load: Option<Load>,
    /// Its general agents.
    pub general: Pool,
    /// Its specialists by category.
    pub specialists: BTreeMap<CategoryPath, BTreeSet<MemberId>>,
    /// Do not assign to anyone but the configured specialists, where there are some for the category.
    pub no_one_else: bool,
}

/// Why settings of assignment are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    /// The maximum is none.
    #[error("load.maximum: {0}; it must be 1 to {MAXIMUM_MAX}")]
    Maximum(u32),
    /// Somebody is no member.
    #[error("{field}: {member} is no member of the workspace")]
    NoMember {
        /// Where.
        field: String,
        /// Who.
        member: MemberId,
    },
    /// A list of agents has none.
    #[error("{field}: it names nobody; name at least one member")]
    Nobody {
        /// Which.
        field: String,
    },
    /// Specialists of nothing.
    #[error("specialists: a category without a level; name at least the top one")]
    NoCategory,
    /// Too many categories.
    #[error("specialists: {given} categories; at most {SPECIALISTS_MAX}")]
    TooManyCategories {
        /// How many.
        given: usize,
    },
    /// More than a frame holds.
    #[error("assignment: its lists take {bytes} bytes; at most {ASSIGNMENT_BYTES_MAX}")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
}

impl Load {
    /// Checks it.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub const fn check(&self) -> Result<(), AssignmentError> {
        if self.maximum == 0 || self.maximum > MAXIMUM_MAX {
            return Err(AssignmentError::Maximum(self.maximum));
        }
        Ok(())
    }
}

impl ProfileAssignment {
    /// The load in force: its own, or the team's.
    #[must_use]
    pub fn load_in_force(&self, team: &TeamAssignment) -> Load {
        self.load.unwrap_or(team.load)
    }

    /// Checks it against the members there are.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, is_member: impl Fn(MemberId) -> bool) -> Result<(), AssignmentError> {
        if let Some(load) = &self.load {
            load.check()?;
        }
        if let Pool::List(members) = &self.general {
            check_members(|| "general".to_owned(), members, &is_member)?;
        }
        if self.specialists.len() > SPECIALISTS_MAX {
            return Err(AssignmentError::TooManyCategories { given: self.specialists.len() });
        }
        for (category, members) in &self.specialists {
            if category.levels().is_empty() {
                return Err(AssignmentError::NoCategory);
            }
            check_members(|| format!("specialists of {category}"), members, &is_member)?;
        }
        let bytes = self.bytes();
        if bytes > ASSIGNMENT_BYTES_MAX { Err(AssignmentError::TooLarge { bytes }) } else { Ok(()) }
    }

    /// At most so many bytes its lists take, besides a flat amount.
    fn bytes(&self) -> usize {
        let general = match &self.general {
            Pool::All => 0,
            Pool::List(members) => members.len() * MEMBER_BYTES,
        };
        let specialists = self.specialists.iter();
        let specialists = specialists
            .map(|(path, members)| SPECIALISTS_BYTES + path.bytes() + members.len() * MEMBER_BYTES);
        general + specialists.sum::<usize>()
    }

    /// It without a member, who is none any more. A list that becomes empty stays one: it names nobody.
    pub fn forget(&mut self, member: MemberId) {
        if let Pool::List(members) = &mut self.general {
            members.remove(&member);
        }
        self.specialists.retain(|_, members| {
            members.remove(&member);
            !members.is_empty()
        });
    }
}

fn check_members(
    field: impl FnOnce() -> String,
    members: &BTreeSet<MemberId>,
    is_member: &impl Fn(MemberId) -> bool,
) -> Result<(), AssignmentError> {
    if members.is_empty() {
        return Err(AssignmentError::Nobody { field: field() });
    }
    match members.iter().find(|member| !is_member(**member)) {
        Some(member) => Err(AssignmentError::NoMember { field: field(), member: *member }),
        None => Ok(()),
    }
}

/// What is in force for the requests of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Whether they are assigned automatically.
    pub automatic: bool,
    /// Whether the profile is within its operating hours: outside, requests wait.
    pub open: bool,
    /// The rules.
    pub choosing: Choosing,
    /// The load.
    pub load: Load,
    /// The general agents.
    pub general: Pool,
    /// The specialists by category.
    pub specialists: BTreeMap<CategoryPath, BTreeSet<MemberId>>,
    /// Nobody but the specialists, where there are some.
    pub no_one_else: bool,
}

impl Rules {
    /// What is in force: each block is the profile's own, or the team's.
    #[must_use]
    pub fn in_force(team: &TeamAssignment, profile: &ProfileAssignment, open: bool) -> Self {
        Self {
            automatic: profile.automatic,
            open,
            choosing: profile.choosing.unwrap_or(team.choosing),
            load: profile.load_in_force(team),
            general: profile.general.clone(),
            specialists: profile.specialists.clone(),
            no_one_else: profile.no_one_else,
        }
    }

    /// The deepest category of a path that has specialists.
    #[must_use]
    pub fn matching(&self, category: &CategoryPath) -> Option<CategoryPath> {
        category.upwards().find(|path| self.specialists.contains_key(path))
    }
}

/// What is in force for each profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleBook(pub BTreeMap<ProfileId, Rules>);

impl RuleBook {
    /// The rules for a profile's requests; without any, nothing is assigned.
    #[must_use]
    pub fn of(&self, profile: ProfileId) -> Option<&Rules> {
        self.0.get(&profile)
    }
}

/// The highest maximum of consultations of an agent.
pub const MAXIMUM_MAX: u32 = 1_000;

/// The most categories of a profile that have specialists.
pub const SPECIALISTS_MAX: usize = 1_000;

/// The most bytes of a profile's lists of agents: less than a frame holds.
pub const ASSIGNMENT_BYTES_MAX: usize = 48 * 1024;

/// What a member of a list takes on the wire.
const MEMBER_BYTES: usize = 18;

/// What a category with specialists takes there, besides both.
const SPECIALISTS_BYTES: usize = 32;
