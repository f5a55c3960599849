//! Power cuts for the journal.
//!
//! Owns a rig that proves that what was acknowledged survives: a [`disk`] that forgets what was not
//! synced, a [`child`] process that writes a [`story`] through the journal and [`report`]s what was
//! acknowledged to it, a [`life`] of that process that ends when the power goes, and a [`history`] of
//! lives on one disk, with a [`check`] after each. [`points`] ends lives at every crash point, [`damage`]
//! harms the store. [`whole`] does the same under a daemon with clients. Must know the journal by its door
//! only.

pub mod check;
pub mod child;
pub mod damage;
pub mod disk;
pub mod history;
pub mod life;
pub mod points;
pub mod report;
pub mod story;
pub mod whole;
