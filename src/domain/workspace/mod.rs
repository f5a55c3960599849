//! A workspace: one company's space, with its members, profiles and settings.
//!
//! Owns who belongs to it, as whom a credential proves somebody, who may change which setting, and what the
//! settings come to for whoever asks. Accounts and sign-in come later; until then a member is proven by a
//! token of which only the hash is kept. Must not know conversations beyond the words that it answers them
//! in, or how a token is hashed.

mod action;
mod apply;
mod blocks;
mod decide;
mod in_force;
mod permit;
mod rejection;
mod settings;
mod sight;
mod state;
#[cfg(test)]
mod tests;

pub use action::{MemberCommand, WorkspaceAction};
pub use apply::{Changed, MembersAnswers, REMEMBERED_MEMBERS_MAX};
pub use decide::{MEMBERS_MAX, PROFILES_MAX, WorkspaceDecision, decide, decide_own};
pub use permit::permit;
pub use rejection::WorkspaceRejection;
pub use settings::{
    AUTO_CLOSE_MINUTES_MAX, Absence, AutoClose, BOT_BYTES_MAX, BOT_CATEGORIES_MAX, Bot, GRACE_SECONDS_MAX,
    InProgress, ProfileSettings, Settings, SettingsError, TeamService, TeamSettings, WORD_CHARS_MAX,
};
pub use state::{Member, Profile, Role, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent};
