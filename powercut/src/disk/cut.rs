//! The power cut.
//!
//! Owns which of the unsynced changes came to the platter, by a seed. Must not know what they mean.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::file::{DirtyPage, Kept, PAGE_SECTORS};
use super::{Disk, Node, NodeId, Power, ROOT};

/// What came to the platter of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing.
    Nothing,
    /// Each write whole, torn or not at all, each name or not, independently.
    Each,
    /// The oldest pages and the oldest names, as a page cache writes them back; the last page torn.
    PageCache,
}

impl Mode {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Nothing, Self::Each, Self::PageCache];
}

impl Disk {
    /// The disk after a power cut. The same seed makes the same of the same disk.
    #[must_use]
    pub fn cut(&self, seed: u64, mode: Mode) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut left = Self { power: Power::default(), ..self.clone() };
        match mode {
            Mode::Nothing => left.nodes.values_mut().for_each(|node| match node {
                Node::File(file) => file.keep_nothing(),
                Node::Folder(folder) => folder.keep(|_| false),
            }),
            Mode::Each => left.nodes.values_mut().for_each(|node| match node {
                Node::File(file) => file.keep_each(&mut rng),
                Node::Folder(folder) => folder.keep(|_| rng.bool()),
            }),
            Mode::PageCache => left.keep_oldest(&mut rng),
        }
        left.drop_unnamed();
        left
    }

    fn keep_oldest(&mut self, rng: &mut Rng) {
        let (mut pages, mut ages): (Vec<(DirtyPage, NodeId)>, Vec<u64>) = (Vec::new(), Vec::new());
        for (id, node) in &self.nodes {
            match node {
                Node::File(file) => pages.extend(file.dirty_pages().into_iter().map(|page| (page, *id))),
                Node::Folder(folder) => ages.extend(folder.ages()),
            }
        }
        pages.sort_unstable();
        ages.sort_unstable();
        let names_to = ages[..rng.usize(..=ages.len())].last().copied().unwrap_or(0);
        let count = rng.usize(..=pages.len());
        let mut kept: BTreeMap<NodeId, BTreeMap<usize, Kept>> = BTreeMap::new();
        for (at, (page, id)) in pages[..count].iter().enumerate() {
            let is_last = at + 1 == count;
            let how = if is_last { Kept::Sectors(rng.usize(..=PAGE_SECTORS)) } else { Kept::Whole };
            kept.entry(*id).or_default().insert(page.number, how);
        }
        for (id, node) in &mut self.nodes {
            match node {
                Node::File(file) => file.keep_pages(&kept.remove(id).unwrap_or_default(), rng),
                Node::Folder(folder) => folder.keep(|age| age <= names_to),
            }
        }
    }

    /// What has no name any more is gone.
    fn drop_unnamed(&mut self) {
        let (mut named, mut unseen) = (BTreeMap::new(), vec![ROOT]);
        while let Some(id) = unseen.pop() {
            if let Some(node) = self.nodes.remove(&id) {
                if let Node::Folder(folder) = &node {
                    unseen.extend(folder.live.values());
                }
                named.insert(id, node);
            }
        }
        self.nodes = named;
    }
}
