//! A workspace: one company's space, with its members and profiles.
//!
//! Owns who belongs to it, and as whom a credential proves somebody. Accounts, sign-in and the
//! full table of roles come later; until then a member is proven by a token of which only the
//! hash is kept. Must not know conversations or how a token is hashed.

mod decide;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{MEMBERS_MAX, PROFILES_MAX, WorkspaceAction, WorkspaceRejection, decide};
pub use state::{Member, Profile, Role, TokenHash, Workspace, WorkspaceEntry, WorkspaceEvent};
