//! The stored form of everything that the journal keeps.
//!
//! Owns types of its own, neither the wire's nor the domain's, and their conversion both ways:
//! MessagePack with short names and defaults, each value with its version `v`. What is older than
//! this code is upgraded when it is read, what is newer is refused. `tests/golden/stored` holds
//! every form ever written. Must not know files, threads or sled.

mod answers;
mod change;
#[cfg(test)]
pub(in crate::journal) mod changes;
mod consultation;
mod conversation;
#[cfg(test)]
mod described;
mod details;
mod entry;
mod erasure;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod golden;
mod hours;
mod index;
mod message;
#[cfg(test)]
mod messages;
mod page;
mod parts;
mod people;
#[cfg(test)]
mod random;
#[cfg(test)]
mod records;
mod row;
#[cfg(test)]
pub(in crate::journal) mod samples;
mod service;
mod settings;
#[cfg(test)]
mod values;
mod workspace;

use serde::Deserialize;
use serde::Serialize;
use switchboard_protocol::wire::check_structure;

pub(in crate::journal) use consultation::{decode_record, encode_record};
pub(in crate::journal) use conversation::{decode_conversation, encode_conversation};
pub(in crate::journal) use entry::{decode_entry, encode_entry};
pub(in crate::journal) use erasure::{Erased, erase, in_the_end};
pub(in crate::journal) use index::{CurrentConversation, Damaged, FoldMark};
pub(in crate::journal) use page::{PAGE_OVERHEAD_BYTES, Page, PageBuilder, RECORD_OVERHEAD_BYTES};
pub(in crate::journal) use row::{RowState, decode_row, encode_row};
pub(in crate::journal) use workspace::{
    decode_workspace, decode_workspace_entry, encode_workspace, encode_workspace_entry,
};

/// Why something has no stored form, or a stored form no meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoredError {
    /// A newer version of the program wrote it.
    #[error("{what} has version {found}; this program knows {known}: start a newer one")]
    Newer {
        /// What it is.
        what: &'static str,
        /// The version that it has.
        found: u64,
        /// The highest that this program knows.
        known: u64,
    },
    /// It is not what it should be.
    #[error("{what}: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
    /// The domain never makes such a value, so there is no stored form of it.
    #[error("{what} cannot be stored: {reason}")]
    Unstorable {
        /// What it is.
        what: &'static str,
        /// Why not.
        reason: &'static str,
    },
}

impl StoredError {
    fn malformed(what: &'static str, reason: &dyn std::fmt::Display) -> Self {
        Self::Malformed { what, reason: reason.to_string() }
    }
}

/// Appends one value.
fn write<T: Serialize>(what: &'static str, value: &T, buffer: &mut Vec<u8>) -> Result<(), StoredError> {
    let mut serializer = rmp_serde::Serializer::new(buffer).with_struct_map();
    value.serialize(&mut serializer).map_err(|error| StoredError::malformed(what, &error))
}

/// Reads exactly one value, of a version up to `known`.
fn read<'a, T: Deserialize<'a>>(what: &'static str, known: u64, bytes: &'a [u8]) -> Result<T, StoredError> {
    one_value(what, bytes)?;
    let version = rmp_serde::from_slice(bytes).map(|Version { v }| v);
    let found = version.map_err(|error| StoredError::malformed(what, &error))?;
    known_version(what, known, found)?;
    rmp_serde::from_slice(bytes).map_err(|error| StoredError::malformed(what, &error))
}

/// The MessagePack library ignores what follows a value: stored values have nothing behind them.
fn one_value(what: &'static str, bytes: &[u8]) -> Result<(), StoredError> {
    check_structure(bytes, DEPTH_MAX).map_err(|error| StoredError::malformed(what, &error))
}

fn known_version(what: &'static str, known: u64, found: u64) -> Result<(), StoredError> {
    match found {
        0 => Err(StoredError::malformed(what, &"it has no version")),
        found if found > known => Err(StoredError::Newer { what, found, known }),
        _ => Ok(()),
    }
}

/// The version of any stored value, whatever else is in it.
#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    v: u64,
}

/// Deeper than any stored value nests.
const DEPTH_MAX: usize = 12;
