//! A disk that knows what of it would survive a power cut.
//!
//! Owns files and folders twice: as programs see them, and as they are on the platter; between the two
//! lies what was not synced yet. Syncing a file does not make its name last: that is its folder's to
//! sync. Must not know who uses it; how it is mounted is the business of [`mount`].

mod cut;
mod file;
mod folder;
mod loopback;
mod mount;
mod tamper;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use cut::Mode;
pub use loopback::LoopDisk;
pub use mount::{Mounted, mount};

use file::FileNode;
use folder::FolderNode;

/// The number of a file or folder.
pub(crate) type NodeId = u64;

/// The folder that everything is in.
pub(crate) const ROOT: NodeId = 1;

/// A disk in memory.
#[derive(Debug, Clone)]
pub struct Disk {
    nodes: BTreeMap<NodeId, Node>,
    next: NodeId,
    /// Counts changes, so that each has an age.
    age: u64,
    lie: Lie,
    power: Power,
}

#[derive(Debug, Clone)]
pub(crate) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// What a disk says it has done and has not: proof that the check finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It is honest.
    None,
    /// Syncs of files do nothing.
    Files,
    /// Syncs of folders do nothing.
    Folders,
}

/// When the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Instead of a sync.
    BeforeSync,
    /// Behind a sync, which is still answered.
    AfterSync,
    /// Instead of a write.
    BeforeWrite,
    /// Behind a name that was made, removed or changed.
    AfterName,
}

/// The power supply.
#[derive(Debug, Clone, Default)]
struct Power {
    is_off: bool,
    plan: Option<Plan>,
}

/// When the power goes: after so many of these moments, as far as it was armed.
#[derive(Debug, Clone)]
struct Plan {
    moment: Moment,
    left: u32,
    armed: bool,
    told: Told,
}

/// Who is told that the power goes: before whoever uses the disk notices.
#[derive(Clone)]
struct Told(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

/// Why the disk did not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskError {
    NotFound,
    Exists,
    NotEmpty,
    WrongKind,
    /// Files are moved inside their folder only.
    OtherFolder,
    PowerOff,
}

type Done<T> = Result<T, DiskError>;

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(lie: Lie) -> Self {
        let nodes = BTreeMap::from([(ROOT, Node::Folder(FolderNode::new(0o755)))]);
        Self { nodes, next: ROOT + 1, age: 0, lie, power: Power::default() }
    }

    /// Plans a power cut. `told` is called when the power goes, before whoever uses the disk notices.
    pub fn plan_cut(
        &mut self,
        moment: Moment,
        left: u32,
        armed: bool,
        told: impl Fn() + Send + Sync + 'static,
    ) {
        self.power.plan = Some(Plan { moment, left, armed, told: Told(Arc::new(told)) });
    }

    /// Whether the planned moments count from now on.
    pub fn arm(&mut self, armed: bool) {
        if let Some(plan) = &mut self.power.plan {
            plan.armed = armed;
        }
    }

    /// Switches the power off: nothing more is done or answered.
    pub fn switch_off(&mut self) {
        self.power.is_off = true;
    }

    /// The power is on and nothing is planned: another process uses the disk as the last one left it.
    pub fn switch_on(&mut self) {
        self.power = Power::default();
    }

    /// Tells the truth or lies from now on.
    pub const fn lie_from_now(&mut self, lie: Lie) {
        self.lie = lie;
    }

    /// How many bytes were written to a file since it was synced last; none, if it is not there.
    #[must_use]
    pub fn unsynced_bytes(&self, path: &Path) -> usize {
        let file = self.find(path).and_then(|file| self.file(file).ok());
        file.map_or(0, FileNode::unsynced_bytes)
    }

    pub(crate) fn node(&self, node: NodeId) -> Done<&Node> {
        self.nodes.get(&node).ok_or(DiskError::NotFound)
    }

    pub(crate) fn lookup(&self, folder: NodeId, name: &OsStr) -> Done<NodeId> {
        self.powered()?;
        self.folder(folder)?.live.get(name).copied().ok_or(DiskError::NotFound)
    }

    pub(crate) fn names(&self, folder: NodeId) -> Done<Vec<(String, NodeId)>> {
        self.powered()?;
        let live = &self.folder(folder)?.live;
        Ok(live.iter().map(|(name, node)| (name.to_string_lossy().into_owned(), *node)).collect())
    }

    pub(crate) fn make(&mut self, folder: NodeId, name: &OsStr, node: Node) -> Done<NodeId> {
        self.powered()?;
        let (age, made) = (self.aged(), self.next);
        let entries = self.folder_mut(folder)?;
        if entries.live.contains_key(name) {
            return Err(DiskError::Exists);
        }
        entries.put(age, name, made);
        self.nodes.insert(made, node);
        self.next += 1;
        self.named();
        Ok(made)
    }

    pub(crate) fn remove(&mut self, folder: NodeId, name: &OsStr) -> Done<()> {
        let removed = self.lookup(folder, name)?;
        if matches!(self.node(removed)?, Node::Folder(inner) if !inner.live.is_empty()) {
            return Err(DiskError::NotEmpty);
        }
        let age = self.aged();
        self.folder_mut(folder)?.remove(age, name);
        self.named();
        Ok(())
    }

    pub(crate) fn rename(&mut self, folder: NodeId, from: &OsStr, to_folder: NodeId, to: &OsStr) -> Done<()> {
        let moved = self.lookup(folder, from)?;
        if folder != to_folder {
            return Err(DiskError::OtherFolder);
        }
        let age = self.aged();
        self.folder_mut(folder)?.rename(age, from, to, moved);
        self.named();
        Ok(())
    }

    pub(crate) fn read(&self, file: NodeId, offset: u64, size: usize) -> Done<&[u8]> {
        self.powered()?;
        Ok(self.file(file)?.read(offset, size))
    }

    pub(crate) fn write(&mut self, file: NodeId, offset: u64, bytes: &[u8]) -> Done<()> {
        self.pass(Moment::BeforeWrite)?;
        let age = self.aged();
        self.file_mut(file)?.write(age, offset, bytes);
        Ok(())
    }

    pub(crate) fn set_length(&mut self, file: NodeId, length: u64) -> Done<()> {
        self.powered()?;
        let age = self.aged();
        self.file_mut(file)?.set_length(age, length);
        Ok(())
    }

    /// Makes everything in a file or folder last, unless the disk lies.
    pub(crate) fn sync(&mut self, node: NodeId) -> Done<()> {
        self.pass(Moment::BeforeSync)?;
        let lie = self.lie;
        match self.nodes.get_mut(&node).ok_or(DiskError::NotFound)? {
            Node::File(file) if lie != Lie::Files => file.sync(),
            Node::Folder(folder) if lie != Lie::Folders => folder.sync(),
            Node::File(_) | Node::Folder(_) => {}
        }
        // It was done before the power went, so it is answered.
        let _ = self.pass(Moment::AfterSync);
        Ok(())
    }

    /// The file or folder at a path from the root, as programs see it.
    pub(crate) fn find(&self, path: &Path) -> Option<NodeId> {
        path.iter().try_fold(ROOT, |folder, name| self.folder(folder).ok()?.live.get(name).copied())
    }

    pub(crate) fn file(&self, node: NodeId) -> Done<&FileNode> {
        match self.node(node)? {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(DiskError::WrongKind),
        }
    }

    pub(crate) fn file_mut(&mut self, node: NodeId) -> Done<&mut FileNode> {
        match self.nodes.get_mut(&node).ok_or(DiskError::NotFound)? {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(DiskError::WrongKind),
        }
    }

    fn folder(&self, node: NodeId) -> Done<&FolderNode> {
        match self.node(node)? {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(DiskError::WrongKind),
        }
    }

    fn folder_mut(&mut self, node: NodeId) -> Done<&mut FolderNode> {
        match self.nodes.get_mut(&node).ok_or(DiskError::NotFound)? {
            Node::Folder(folder) => Ok(folder),
            Node::File(_) => Err(DiskError::WrongKind),
        }
    }

    const fn aged(&mut self) -> u64 {
        self.age += 1;
        self.age
    }

    const fn powered(&self) -> Done<()> {
        if self.power.is_off { Err(DiskError::PowerOff) } else { Ok(()) }
    }

    fn named(&mut self) {
        // The change was made before the power went; whether it is answered is nobody's concern.
        let _ = self.pass(Moment::AfterName);
    }

    /// Comes by a moment, at which the power may go.
    fn pass(&mut self, moment: Moment) -> Done<()> {
        self.powered()?;
        let Some(plan) = self.power.plan.as_mut().filter(|plan| plan.armed && plan.moment == moment) else {
            return Ok(());
        };
        if plan.left > 0 {
            plan.left -= 1;
            return Ok(());
        }
        (plan.told.0)();
        self.power.is_off = true;
        Err(DiskError::PowerOff)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn name(name: &str) -> &OsStr {
        OsStr::new(name)
    }

    fn file(disk: &mut Disk, folder: NodeId, called: &str, bytes: &[u8]) -> NodeId {
        let made = disk.make(folder, name(called), Node::File(FileNode::new(0o644))).unwrap();
        disk.write(made, 0, bytes).unwrap();
        made
    }

    fn content(disk: &Disk, path: &str) -> Option<Vec<u8>> {
        Some(disk.read(disk.find(Path::new(path))?, 0, 1 << 20).unwrap().to_vec())
    }

    #[test]
    fn a_file_that_was_synced_is_lost_with_its_name_and_kept_with_its_folder_synced() {
        let mut disk = Disk::new(Lie::None);
        let made = file(&mut disk, ROOT, "a", b"synced");
        disk.sync(made).unwrap();
        assert_eq!(content(&disk.cut(1, Mode::Nothing), "a"), None);
        disk.sync(ROOT).unwrap();
        disk.write(made, 0, b"SYNCED").unwrap();
        assert_eq!(content(&disk, "a").unwrap(), b"SYNCED");
        assert_eq!(content(&disk.cut(1, Mode::Nothing), "a").unwrap(), b"synced");
    }

    #[test]
    fn a_rename_is_lost_or_not_and_never_half() {
        let mut disk = Disk::new(Lie::None);
        let made = file(&mut disk, ROOT, "next", b"new");
        let old = file(&mut disk, ROOT, "now", b"old");
        for node in [made, old, ROOT] {
            disk.sync(node).unwrap();
        }
        disk.rename(ROOT, name("next"), ROOT, name("now")).unwrap();
        let seen = |seed| {
            let cut = disk.cut(seed, Mode::Each);
            (content(&cut, "next"), content(&cut, "now"))
        };
        let all: std::collections::BTreeSet<_> = (0..50).map(seen).collect();
        let lost = (Some(b"new".to_vec()), Some(b"old".to_vec()));
        assert_eq!(all, [lost, (None, Some(b"new".to_vec()))].into());
    }

    #[test]
    fn a_disk_that_lies_keeps_nothing() {
        for (lie, kept) in [(Lie::Files, Some(Vec::new())), (Lie::Folders, None)] {
            let mut disk = Disk::new(lie);
            let made = file(&mut disk, ROOT, "a", b"synced");
            disk.sync(made).unwrap();
            disk.sync(ROOT).unwrap();
            assert_eq!(content(&disk.cut(1, Mode::Nothing), "a"), kept);
        }
    }

    #[test]
    fn nothing_is_done_once_the_power_has_gone() {
        for (moment, kept) in [(Moment::BeforeSync, b"old"), (Moment::AfterSync, b"new")] {
            let mut disk = Disk::new(Lie::None);
            let made = file(&mut disk, ROOT, "a", b"old");
            disk.sync(made).unwrap();
            disk.sync(ROOT).unwrap();
            disk.write(made, 0, b"new").unwrap();
            let (told, heard) = std::sync::mpsc::channel();
            disk.plan_cut(moment, 0, true, move || told.send(()).unwrap());
            assert_eq!(disk.sync(made).is_ok(), moment == Moment::AfterSync);
            heard.try_recv().unwrap();
            assert_eq!(disk.write(made, 0, b"!!!"), Err(DiskError::PowerOff));
            assert_eq!(content(&disk.cut(1, Mode::Nothing), "a").unwrap(), kept);
        }
    }
}
