//! Wire ↔ domain for the settings of a workspace.
//!
//! Owns the translation of changes into actions, and of settings, audits and refusals into replies; decides
//! nothing. Must not know requests: those are `wire`'s.

mod asked;
#[cfg(test)]
mod tests;
mod told;

pub(super) use asked::{action, settings_of};
#[cfg(test)]
use told::settings;
pub(super) use told::{audit, rejected, told};
