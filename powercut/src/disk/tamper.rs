//! Changing a disk from outside, while nobody uses it.
//!
//! Owns that such a change is on the platter at once. What is not there is left alone.

use std::ffi::OsStr;
use std::path::Path;

use super::file::FileNode;
use super::folder::Names;
use super::{Disk, Node, NodeId};

impl Disk {
    /// Removes a file or folder with everything in it.
    pub fn remove_tree(&mut self, path: &Path) {
        let parent = path.parent().and_then(|parent| self.find(parent));
        if let (Some(parent), Some(name)) = (parent, path.file_name()) {
            self.tamper(parent, |names| {
                names.remove(name);
            });
        }
    }

    /// Removes everything in a folder.
    pub fn empty(&mut self, path: &Path) {
        if let Some(folder) = self.find(path) {
            self.tamper(folder, Names::clear);
        }
    }

    /// Changes the content of a file.
    pub fn alter(&mut self, path: &Path, alter: impl FnOnce(&mut Vec<u8>)) {
        if let Some(Ok(file)) = self.find(path).map(|file| self.file_mut(file)) {
            let mut content = file.live.clone();
            alter(&mut content);
            *file = FileNode::on_platter(file.mode, content);
        }
    }

    /// Puts a file into a folder.
    pub fn put_file(&mut self, folder: &Path, name: &OsStr, content: &[u8]) {
        if let Some(folder) = self.find(folder) {
            let made = self.next;
            self.next += 1;
            self.nodes.insert(made, Node::File(FileNode::on_platter(0o644, content.to_vec())));
            self.tamper(folder, |names| {
                names.insert(name.to_owned(), made);
            });
        }
    }

    fn tamper(&mut self, folder: NodeId, change: impl FnOnce(&mut Names)) {
        if let Ok(folder) = self.folder_mut(folder) {
            folder.tamper(change);
        }
    }
}
