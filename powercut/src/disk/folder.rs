//! A folder: the names that programs see, those on the platter, and the changes in between.
//!
//! Owns what becomes of names that were not synced. Must not know what is behind a name.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::NodeId;

/// What is in a folder.
pub(super) type Names = BTreeMap<OsString, NodeId>;

/// A folder of the disk.
#[derive(Debug, Clone)]
pub(crate) struct FolderNode {
    pub(crate) mode: u32,
    pub(super) live: Names,
    durable: Names,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Change {
    age: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Put { name: OsString, node: NodeId },
    Remove { name: OsString },
    Rename { from: OsString, to: OsString, node: NodeId },
}

impl FolderNode {
    pub(crate) const fn new(mode: u32) -> Self {
        Self { mode, live: BTreeMap::new(), durable: BTreeMap::new(), pending: Vec::new() }
    }

    pub(super) fn put(&mut self, age: u64, name: &OsStr, node: NodeId) {
        self.change(age, What::Put { name: name.to_owned(), node });
    }

    pub(super) fn remove(&mut self, age: u64, name: &OsStr) {
        self.change(age, What::Remove { name: name.to_owned() });
    }

    pub(super) fn rename(&mut self, age: u64, from: &OsStr, to: &OsStr, node: NodeId) {
        self.change(age, What::Rename { from: from.to_owned(), to: to.to_owned(), node });
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.what.apply_to(&mut self.durable);
        }
    }

    /// The ages of the changes that are not on the platter.
    pub(super) fn ages(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().map(|change| change.age)
    }

    /// What is left when of the changes those came to the platter that are `kept`.
    pub(super) fn keep(&mut self, mut kept: impl FnMut(u64) -> bool) {
        for change in self.pending.drain(..) {
            if kept(change.age) {
                change.what.apply_to(&mut self.durable);
            }
        }
        self.live.clone_from(&self.durable);
    }

    /// Changes the names on the platter; what was pending is there as well.
    pub(super) fn tamper(&mut self, change: impl FnOnce(&mut Names)) {
        self.sync();
        change(&mut self.durable);
        self.live.clone_from(&self.durable);
    }

    fn change(&mut self, age: u64, what: What) {
        what.apply_to(&mut self.live);
        self.pending.push(Change { age, what });
    }
}

impl What {
    fn apply_to(&self, names: &mut Names) {
        match self {
            Self::Put { name, node } => {
                names.insert(name.clone(), *node);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
            Self::Rename { from, to, node } => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}
