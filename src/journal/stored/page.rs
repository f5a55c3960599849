//! The stored form of a page: some entries of one conversation that follow on one another.
//!
//! Owns what a page says about itself, so that a place in either sequence is found without decoding
//! entries, and how a page grows.

use serde::{Deserialize, Serialize};
use serde_bytes::Bytes;

use super::parts::StoredPlace;
use super::{StoredError, read, write};
use crate::domain::conversation::Place;

/// A page, borrowed from what was read.
#[derive(Debug, Clone)]
pub(in crate::journal) struct Page<'a> {
    /// The revision of its first entry.
    pub(in crate::journal) first: u64,
    /// The revision of its last entry.
    pub(in crate::journal) last: u64,
    /// Where both sequences stand before its first entry.
    pub(in crate::journal) before: Place,
    /// Where both sequences stand after its last entry.
    pub(in crate::journal) after: Place,
    /// Each entry in its stored form.
    pub(in crate::journal) entries: Vec<&'a [u8]>,
}

impl<'a> Page<'a> {
    /// Reads the stored form of a page.
    ///
    /// # Errors
    /// When it is newer than this program, or is none.
    pub(in crate::journal) fn decode(bytes: &'a [u8]) -> Result<Self, StoredError> {
        let stored: StoredPage<'a> = read(PAGE, VERSION, bytes)?;
        let last =
            (stored.entries.len() as u64).checked_sub(1).and_then(|more| stored.first.checked_add(more));
        if last != Some(stored.last) {
            return Err(StoredError::malformed(PAGE, &"it does not have the entries that it says"));
        }
        Ok(Self {
            first: stored.first,
            last: stored.last,
            before: stored.before.place(PAGE)?,
            after: stored.after.place(PAGE)?,
            entries: stored.entries.iter().map(|entry| -> &'a [u8] { entry }).collect(),
        })
    }
}

/// A page that is being made or extended.
#[derive(Debug, Clone)]
pub(in crate::journal) struct PageBuilder {
    /// The revision of its first entry.
    pub(in crate::journal) first: u64,
    before: Place,
    after: Place,
    entries: Vec<bytes::Bytes>,
    bytes: usize,
}

impl PageBuilder {
    /// An empty page whose first entry will have this revision, and this place before it.
    pub(in crate::journal) const fn new(first: u64, before: Place) -> Self {
        Self { first, before, after: before, entries: Vec::new(), bytes: 0 }
    }

    /// Goes on with a page.
    pub(in crate::journal) fn extend(page: &Page<'_>) -> Self {
        let entries = page.entries.iter().map(|entry| bytes::Bytes::copy_from_slice(entry));
        let mut extended = Self { after: page.after, ..Self::new(page.first, page.before) };
        extended.entries = entries.collect();
        extended.bytes = extended.entries.iter().map(|entry| entry.len() + RECORD_OVERHEAD_BYTES).sum();
        extended
    }

    /// The revision that the next entry must have.
    pub(in crate::journal) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Where both sequences stand after its last entry.
    pub(in crate::journal) const fn after(&self) -> Place {
        self.after
    }

    /// Whether it has no entry.
    pub(in crate::journal) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// About how many bytes it has.
    pub(in crate::journal) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next entry.
    pub(in crate::journal) fn push(&mut self, entry: bytes::Bytes, after: Place) {
        self.bytes += entry.len() + RECORD_OVERHEAD_BYTES;
        self.entries.push(entry);
        self.after = after;
    }

    /// Puts another stored form in the place of an entry, with the same events.
    pub(in crate::journal) fn replace(&mut self, at: usize, entry: bytes::Bytes) {
        if let Some(kept) = self.entries.get_mut(at) {
            self.bytes = self.bytes - kept.len() + entry.len();
            *kept = entry;
        }
    }

    /// Its stored form.
    ///
    /// # Errors
    /// None for a page with an entry.
    pub(in crate::journal) fn encode(&self) -> Result<Vec<u8>, StoredError> {
        let stored = StoredPage {
            v: VERSION,
            first: self.first,
            last: self.next() - 1,
            before: StoredPlace::new(self.before),
            after: StoredPlace::new(self.after),
            entries: self.entries.iter().map(|entry| Bytes::new(entry)).collect(),
        };
        let mut buffer = Vec::with_capacity(self.bytes + HEAD_BYTES);
        write(PAGE, &stored, &mut buffer)?;
        Ok(buffer)
    }
}

#[derive(Serialize, Deserialize)]
struct StoredPage<'a> {
    v: u64,
    #[serde(rename = "f")]
    first: u64,
    #[serde(rename = "l")]
    last: u64,
    #[serde(rename = "b")]
    before: StoredPlace,
    #[serde(rename = "a")]
    after: StoredPlace,
    #[serde(rename = "e", borrow)]
    entries: Vec<&'a Bytes>,
}

const PAGE: &str = "page";

const VERSION: u64 = 1;

/// What an entry takes in a page besides itself, in bytes, at the most.
pub(in crate::journal) const RECORD_OVERHEAD_BYTES: usize = 5;

/// What a page of one entry takes besides it, in bytes, at the most.
pub(in crate::journal) const PAGE_OVERHEAD_BYTES: usize = HEAD_BYTES + RECORD_OVERHEAD_BYTES;

/// What a page says about itself, in bytes, at the most.
const HEAD_BYTES: usize = 80;
