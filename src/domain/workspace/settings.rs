//! The settings of a workspace: the team's and each profile's, in blocks that are set as a whole.
//!
//! Owns what the blocks consist of beyond assignment and hours, their defaults, and what they cannot mean.
//! Must not know who sets them.

use std::collections::BTreeMap;

use switchboard_protocol::vocabulary::{CategoryPath, FlowId, Label, MessageText, ProfileId, beginning};

use crate::domain::assignment::{ProfileAssignment, TeamAssignment};
use crate::domain::hours::{Choice, ManualOverride, Notice, ProfileHours, TeamHours};

/// All settings of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The team's.
    pub team: TeamSettings,
    /// Those of each profile that has set any.
    pub profiles: BTreeMap<ProfileId, ProfileSettings>,
}

/// What the team has set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamSettings {
    /// Automatic assignment.
    pub assignment: TeamAssignment,
    /// Operating hours.
    pub hours: TeamHours,
    /// What becomes of consultations.
    pub service: TeamService,
}

/// What a profile has set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileSettings {
    /// Automatic assignment.
    pub assignment: ProfileAssignment,
    /// Operating hours.
    pub hours: ProfileHours,
    /// What was opened or closed by hand.
    pub manual: Option<ManualOverride>,
    /// Its bot, beyond the greeting.
    pub bot: Bot,
    /// The flow that its bot begins when a consultation is completed; `None`: it goes on where it was, or at the
    /// start.
    pub completion: Option<FlowId>,
}

/// What becomes of consultations, and of the agents who serve them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TeamService {
    /// What ends by itself.
    pub auto_close: AutoClose,
    /// What becomes of the work of an agent who is gone.
    pub absence: Absence,
    /// A call that is taken back at once is not missed.
    pub early_cancel_is_no_miss: bool,
    /// An account may serve from several places at once.
    pub several_places: bool,
}

/// What ends by itself. Both are off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutoClose {
    /// A consultation is completed when the customer has said nothing for so many minutes after an agent.
    pub silent_minutes: Option<u32>,
    /// A call is missed that nobody has served for so many minutes.
    pub unserved_minutes: Option<u32>,
}

/// What becomes of the work of an agent who is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// So many seconds nothing: the agent may come back.
    pub grace_seconds: u32,
    /// What becomes of what is in progress after that.
    pub in_progress: InProgress,
}

/// What becomes of what an agent serves who does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InProgress {
    /// It waits again.
    #[default]
    Requeue,
    /// It stays the agent's.
    Keep,
}

impl Default for Absence {
    fn default() -> Self {
        Self { grace_seconds: 60, in_progress: InProgress::Requeue }
    }
}

/// A bot that follows no flow: it knows two words, and offers categories to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bot {
    /// What a customer says to call an agent.
    pub call_word: Option<MessageText>,
    /// What a customer who calls can choose from; none: nothing is asked.
    pub categories: Vec<CategoryPath>,
    /// What a customer says to take the call back.
    pub cancel_word: Option<MessageText>,
    /// What it answers to everything else; `None`: nothing.
    pub reply: Option<MessageText>,
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number is too small or too large.
    #[error("{field}: {value}; it must be {min} to {max}")]
    OutOfRange {
        /// Which.
        field: &'static str,
        /// What was given.
        value: u32,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A word is none, or too long.
    #[error(
        "{field}: {value:?} ({chars} characters); a word has 1 to {WORD_CHARS_MAX}, besides spaces around it"
    )]
    Word {
        /// Which.
        field: &'static str,
        /// The beginning of what was given.
        value: String,
        /// Its length.
        chars: usize,
    },
    /// Two words are one.
    #[error("cancel_word: {value:?} is the call_word as well; whoever says it could mean either")]
    SameWord {
        /// The word.
        value: String,
    },
    /// Too many categories.
    #[error("categories: {given} given; at most {BOT_CATEGORIES_MAX}")]
    TooManyCategories {
        /// How many.
        given: usize,
    },
    /// A category without a level.
    #[error("categories[{at}]: a category without a level; name at least the top one")]
    NoCategory {
        /// Which.
        at: usize,
    },
    /// A category that was there already, as customers say it.
    #[error(
        "categories[{at}]: {category} is there already; upper and lower case are the same in what customers say"
    )]
    CategoryTwice {
        /// Which.
        at: usize,
        /// Its name.
        category: CategoryPath,
    },
    /// A category and a word are one.
    #[error("categories[{at}]: {category} is the {word} as well; whoever says it could mean either")]
    CategoryIsWord {
        /// Which.
        at: usize,
        /// Its name.
        category: CategoryPath,
        /// Which word.
        word: &'static str,
    },
    /// A category that nobody can say.
    #[error(
        "categories[{at}]: {value:?} begins or ends with a space, without which is taken what customers say"
    )]
    CategorySpaces {
        /// Which.
        at: usize,
        /// The beginning of its name.
        value: String,
    },
    /// A category that is longer than what a button says.
    #[error(
        "categories[{at}]: {value:?} ({chars} characters with all its levels); a button has at most {}",
        Label::CHARS_MAX
    )]
    CategoryLabel {
        /// Which.
        at: usize,
        /// The beginning of its name.
        value: String,
        /// Its length.
        chars: usize,
    },
    /// Categories that nobody is asked to choose from.
    #[error(
        "categories: {given} given without a call_word; whoever says that word is asked to choose from them"
    )]
    NotOffered {
        /// How many.
        given: usize,
    },
    /// More than a frame holds.
    #[error("bot: it takes {bytes} bytes; at most {BOT_BYTES_MAX}")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// There is no such flow.
    #[error("{field}: the profile has no flow {flow}")]
    NoSuchFlow {
        /// Where it was named.
        field: &'static str,
        /// Which.
        flow: FlowId,
    },
}

impl TeamService {
    /// Checks it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), SettingsError> {
        let minutes = |field, value: Option<u32>| {
            value.map_or(Ok(()), |value| in_range(field, value, 1, AUTO_CLOSE_MINUTES_MAX))
        };
        minutes("auto_close.silent_minutes", self.auto_close.silent_minutes)?;
        minutes("auto_close.unserved_minutes", self.auto_close.unserved_minutes)?;
        in_range("absence.grace_seconds", self.absence.grace_seconds, 0, GRACE_SECONDS_MAX)
    }
}

impl Bot {
    /// Checks it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), SettingsError> {
        let call = self.call_word.as_ref().map(|word| checked_word("call_word", word)).transpose()?;
        let cancel = self.cancel_word.as_ref().map(|word| checked_word("cancel_word", word)).transpose()?;
        if let Some(value) = cancel.as_ref().filter(|cancel| Some(*cancel) == call.as_ref()) {
            return Err(SettingsError::SameWord { value: value.clone() });
        }
        self.check_categories(call.as_deref(), cancel.as_deref())?;
        let bytes = self.bytes();
        if bytes > BOT_BYTES_MAX { Err(SettingsError::TooLarge { bytes }) } else { Ok(()) }
    }

    /// Each can be chosen: it is offered, and what its button says means it and nothing else.
    fn check_categories(&self, call: Option<&str>, cancel: Option<&str>) -> Result<(), SettingsError> {
        let given = self.categories.len();
        if given > BOT_CATEGORIES_MAX {
            return Err(SettingsError::TooManyCategories { given });
        }
        if given > 0 && call.is_none() {
            return Err(SettingsError::NotOffered { given });
        }
        let mut meanings: BTreeMap<String, Option<&'static str>> = BTreeMap::new();
        meanings.extend(call.map(|word| (word.to_owned(), Some("call_word"))));
        meanings.extend(cancel.map(|word| (word.to_owned(), Some("cancel_word"))));
        for (at, category) in self.categories.iter().enumerate() {
            let said = checked_category(at, category)?;
            match meanings.insert(said, None) {
                None => {}
                Some(None) => return Err(SettingsError::CategoryTwice { at, category: category.clone() }),
                Some(Some(word)) => {
                    return Err(SettingsError::CategoryIsWord { at, category: category.clone(), word });
                }
            }
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let texts = [&self.call_word, &self.cancel_word, &self.reply];
        let texts: usize = texts.into_iter().flatten().map(|text| text.as_str().len()).sum();
        texts + self.categories.iter().map(CategoryPath::bytes).sum::<usize>()
    }
}

/// Checks what a profile tells outside of its hours: a flow must be there.
pub(super) const fn check_notice(hours: &ProfileHours) -> Result<(), SettingsError> {
    match &hours.notice {
        Choice::Own(Notice::Flow(flow)) => no_such_flow("notice", *flow),
        Choice::Own(Notice::Message(_)) | Choice::Team => Ok(()),
    }
}

/// Checks where a profile's bot goes on: a flow must be there.
pub(super) const fn check_completion(flow: Option<FlowId>) -> Result<(), SettingsError> {
    match flow {
        Some(flow) => no_such_flow("completion", flow),
        None => Ok(()),
    }
}

/// A profile has no flows yet.
const fn no_such_flow(field: &'static str, flow: FlowId) -> Result<(), SettingsError> {
    Err(SettingsError::NoSuchFlow { field, flow })
}

/// A word as it is compared with what a customer says.
fn checked_word(field: &'static str, given: &MessageText) -> Result<String, SettingsError> {
    let word = given.as_str().trim();
    let chars = word.chars().count();
    if (1..=WORD_CHARS_MAX).contains(&chars) {
        Ok(word.to_lowercase())
    } else {
        Err(SettingsError::Word { field, value: beginning(given.as_str()), chars })
    }
}

/// A category as it is compared with what a customer says.
fn checked_category(at: usize, category: &CategoryPath) -> Result<String, SettingsError> {
    if category.is_empty() {
        return Err(SettingsError::NoCategory { at });
    }
    let shown = category.to_string();
    let (chars, value) = (shown.chars().count(), beginning(&shown));
    if chars > Label::CHARS_MAX {
        return Err(SettingsError::CategoryLabel { at, value, chars });
    }
    if shown.trim() != shown {
        return Err(SettingsError::CategorySpaces { at, value });
    }
    Ok(shown.to_lowercase())
}

const fn in_range(field: &'static str, value: u32, min: u32, max: u32) -> Result<(), SettingsError> {
    if value < min || value > max {
        return Err(SettingsError::OutOfRange { field, value, min, max });
    }
    Ok(())
}

/// The most characters of a call word or a cancel word.
pub const WORD_CHARS_MAX: usize = 30;

/// The most categories that a bot offers: as many as a keyboard has buttons.
pub const BOT_CATEGORIES_MAX: usize = 50;

/// The most bytes of a bot's words: less than a frame holds.
pub const BOT_BYTES_MAX: usize = 48 * 1024;

/// The longest time after which something ends by itself, in minutes: a week.
pub const AUTO_CLOSE_MINUTES_MAX: u32 = 7 * 24 * 60;

/// The longest time that an agent may be gone, in seconds.
pub const GRACE_SECONDS_MAX: u32 = 60 * 60;
