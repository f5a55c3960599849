//! A file: what programs see, what is on the platter, and the writes in between.
//!
//! Owns what becomes of writes that were not synced, one by one or page by page. Must not know names.

use std::collections::BTreeMap;

use fastrand::Rng;

/// A file of the disk.
#[derive(Debug, Clone)]
pub(crate) struct FileNode {
    pub(crate) mode: u32,
    pub(crate) live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
struct Change {
    age: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

/// A page that was written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DirtyPage {
    /// When it was written first since the last sync.
    pub(super) age: u64,
    /// Its number in the file.
    pub(super) number: usize,
}

/// How much of a page has come to the platter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Whole,
    /// So many sectors of it.
    Sectors(usize),
}

impl FileNode {
    pub(crate) const fn new(mode: u32) -> Self {
        Self { mode, live: Vec::new(), durable: Vec::new(), pending: Vec::new() }
    }

    /// One that is on the platter as it is.
    pub(super) fn on_platter(mode: u32, content: Vec<u8>) -> Self {
        Self { mode, live: content.clone(), durable: content, pending: Vec::new() }
    }

    pub(super) fn read(&self, offset: u64, size: usize) -> &[u8] {
        let begin = (offset as usize).min(self.live.len());
        &self.live[begin..(begin + size).min(self.live.len())]
    }

    pub(super) fn write(&mut self, age: u64, offset: u64, bytes: &[u8]) {
        let what = What::Write { offset: offset as usize, bytes: bytes.to_vec() };
        what.apply_to(&mut self.live);
        self.pending.push(Change { age, what });
    }

    pub(super) fn set_length(&mut self, age: u64, length: u64) {
        let what = What::Length(length as usize);
        what.apply_to(&mut self.live);
        self.pending.push(Change { age, what });
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.what.apply_to(&mut self.durable);
        }
    }

    /// How many bytes were written since the last sync.
    pub(super) fn unsynced_bytes(&self) -> usize {
        let sizes = self.pending.iter().map(|change| match &change.what {
            What::Write { bytes, .. } => bytes.len(),
            What::Length(_) => 0,
        });
        sizes.sum()
    }

    /// What is left when nothing more came to the platter.
    pub(super) fn keep_nothing(&mut self) {
        self.settle(self.durable.clone());
    }

    /// What is left when each write came to the platter whole, torn or not at all.
    pub(super) fn keep_each(&mut self, rng: &mut Rng) {
        let mut kept = std::mem::take(&mut self.durable);
        for change in &self.pending {
            match rng.u8(..4) {
                0 => {}
                1 => change.what.torn(rng).iter().for_each(|part| part.apply_to(&mut kept)),
                _ => change.what.apply_to(&mut kept),
            }
        }
        self.settle(kept);
    }

    /// What is left when these pages came to the platter, as they were last.
    pub(super) fn keep_pages(&mut self, pages: &BTreeMap<usize, Kept>, rng: &mut Rng) {
        let mut kept = std::mem::take(&mut self.durable);
        for (number, how) in pages {
            let begin = (number * PAGE_BYTES).min(self.live.len());
            let length = match how {
                Kept::Whole => PAGE_BYTES,
                Kept::Sectors(sectors) => sectors * SECTOR_BYTES,
            };
            let end = (begin + length).min(self.live.len());
            kept.resize(kept.len().max(end), 0);
            kept[begin..end].copy_from_slice(&self.live[begin..end]);
        }
        let was_cut = self.pending.iter().any(|change| matches!(change.what, What::Length(_)));
        if was_cut && rng.bool() {
            kept.resize(self.live.len(), 0);
        }
        self.settle(kept);
    }

    /// The pages that are not on the platter as they are.
    pub(super) fn dirty_pages(&self) -> Vec<DirtyPage> {
        let mut pages: BTreeMap<usize, u64> = BTreeMap::new();
        for change in &self.pending {
            if let What::Write { offset, bytes } = &change.what {
                for number in offset / PAGE_BYTES..(offset + bytes.len()).div_ceil(PAGE_BYTES) {
                    pages.entry(number).or_insert(change.age);
                }
            }
        }
        pages.into_iter().map(|(number, age)| DirtyPage { age, number }).collect()
    }

    fn settle(&mut self, kept: Vec<u8>) {
        self.live.clone_from(&kept);
        self.durable = kept;
        self.pending.clear();
    }
}

impl What {
    fn apply_to(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length, 0),
        }
    }

    /// What came to the platter of a write that was torn: its beginning, or some of its sectors. A
    /// length is never torn.
    fn torn(&self, rng: &mut Rng) -> Vec<Self> {
        let Self::Write { offset, bytes } = self else { return vec![self.clone()] };
        let part = |begin: usize, end: usize| Self::Write {
            offset: offset + begin,
            bytes: bytes[begin..end].to_vec(),
        };
        if rng.bool() {
            return vec![part(0, rng.usize(..=bytes.len()))];
        }
        let (mut parts, mut begin) = (Vec::new(), 0);
        while begin < bytes.len() {
            let end = ((offset + begin) / SECTOR_BYTES + 1) * SECTOR_BYTES - offset;
            let end = end.min(bytes.len());
            if rng.bool() {
                parts.push(part(begin, end));
            }
            begin = end;
        }
        parts
    }
}

/// A page of the page cache, in bytes.
const PAGE_BYTES: usize = 4096;

/// What a disk writes whole or not at all, in bytes.
const SECTOR_BYTES: usize = 512;

/// The sectors of a page.
pub(super) const PAGE_SECTORS: usize = PAGE_BYTES / SECTOR_BYTES;

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> FileNode {
        let mut file = FileNode::new(0o644);
        file.write(1, 0, &[1; 10_000]);
        file.sync();
        file.write(2, 4_000, &[2; 4_000]);
        file.write(3, 0, &[3; 10]);
        file
    }

    #[test]
    fn pages_are_as_old_as_their_first_write() {
        let pages: Vec<_> = written().dirty_pages().iter().map(|page| (page.number, page.age)).collect();
        assert_eq!(pages, [(0, 2), (1, 2)]);
    }

    #[test]
    fn a_page_that_was_kept_is_as_it_was_last() {
        let mut file = written();
        file.keep_pages(&BTreeMap::from([(0, Kept::Whole)]), &mut Rng::with_seed(1));
        assert_eq!((file.live[0], file.live[4_095], file.live[4_096]), (3, 2, 1));
        assert_eq!((file.live.len(), file.dirty_pages().len()), (10_000, 0));
    }

    #[test]
    fn a_write_is_kept_lost_or_torn_by_the_seed() {
        let kept = |seed| {
            let mut file = written();
            file.keep_each(&mut Rng::with_seed(seed));
            file.live[4_000..8_000].iter().filter(|byte| **byte == 2).count()
        };
        let all: Vec<usize> = (0..50).map(kept).collect();
        assert!(all.contains(&0) && all.contains(&4_000));
        assert!(all.iter().any(|kept| (1..4_000).contains(kept)));
        assert_eq!(all, (0..50).map(kept).collect::<Vec<_>>());
    }
}
