//! The disk as a file system of this machine, through FUSE.
//!
//! Owns the translation between the kernel's requests and the disk: the only file that names fuser.
//! Must not decide anything.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BackgroundSession, BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::file::FileNode;
use super::folder::FolderNode;
use super::{Disk, DiskError, Node, NodeId};

/// A disk that is mounted until this is dropped.
pub struct Mounted(Option<BackgroundSession>);

/// Mounts a disk on an empty folder.
///
/// # Errors
/// When this machine has no FUSE, or this process may not mount.
pub fn mount(disk: Arc<Mutex<Disk>>, folder: &Path) -> io::Result<Mounted> {
    fuser::spawn_mount(Shell { disk }, folder, &Config::default()).map(|session| Mounted(Some(session)))
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            // A mount that somebody else has taken away is gone as well.
            let _ = session.umount_and_join();
        }
    }
}

struct Shell {
    disk: Arc<Mutex<Disk>>,
}

impl Shell {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attributes(&self, id: NodeId) -> Result<FileAttr, DiskError> {
        attributes_of(&self.disk(), id)
    }

    fn make(&self, parent: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, DiskError> {
        let mut disk = self.disk();
        let made = disk.make(parent.0, name, node)?;
        attributes_of(&disk, made)
    }
}

impl Filesystem for Shell {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let disk = self.disk();
        entry(disk.lookup(parent.0, name).and_then(|id| attributes_of(&disk, id)), reply);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attribute(self.attributes(ino.0), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        _mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let sized = size.map_or(Ok(()), |size| self.disk().set_length(ino.0, size));
        attribute(sized.and_then(|()| self.attributes(ino.0)), reply);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        entry(self.make(parent, name, Node::Folder(FolderNode::new(mode & !umask))), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.disk().remove(parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        done(self.disk().rename(parent.0, name, newparent.0, newname), reply);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().read(ino.0, offset, size as usize) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(number(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk().write(ino.0, offset, data) {
            // A request of the kernel is far smaller.
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(number(error)),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        #[expect(
            clippy::disallowed_methods,
            reason = "a disk takes its time for a sync, and what queues meanwhile is the next commit"
        )]
        std::thread::sleep(SYNC);
        done(self.disk().sync(ino.0), reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        done(self.disk().sync(ino.0), reply);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let disk = self.disk();
        let names = match disk.names(ino.0) {
            Ok(names) => names,
            Err(error) => return reply.error(number(error)),
        };
        for ((name, id), at) in names.into_iter().zip(1..).skip(offset as usize) {
            let kind = disk.node(id).map_or(FileType::RegularFile, kind_of);
            if reply.add(INodeNo(id), at, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        match self.make(parent, name, Node::File(FileNode::new(mode & !umask))) {
            Ok(made) => {
                reply.created(&VALID, &made, Generation(0), FileHandle(0), FopenFlags::empty());
            }
            Err(error) => reply.error(number(error)),
        }
    }
}

fn attributes_of(disk: &Disk, id: NodeId) -> Result<FileAttr, DiskError> {
    let node = disk.node(id)?;
    let (mode, size) = match node {
        Node::File(file) => (file.mode, file.live.len() as u64),
        Node::Folder(folder) => (folder.mode, 0),
    };
    Ok(FileAttr {
        ino: INodeNo(id),
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: kind_of(node),
        perm: (mode & 0o7777) as u16,
        nlink: 1,
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

const fn kind_of(node: &Node) -> FileType {
    match node {
        Node::File(_) => FileType::RegularFile,
        Node::Folder(_) => FileType::Directory,
    }
}

fn entry(found: Result<FileAttr, DiskError>, reply: ReplyEntry) {
    match found {
        Ok(attributes) => reply.entry(&VALID, &attributes, Generation(0)),
        Err(error) => reply.error(number(error)),
    }
}

fn attribute(found: Result<FileAttr, DiskError>, reply: ReplyAttr) {
    match found {
        Ok(attributes) => reply.attr(&VALID, &attributes),
        Err(error) => reply.error(number(error)),
    }
}

fn done(outcome: Result<(), DiskError>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(number(error)),
    }
}

const fn number(error: DiskError) -> Errno {
    match error {
        DiskError::NotFound => Errno::ENOENT,
        DiskError::Exists => Errno::EEXIST,
        DiskError::NotEmpty => Errno::ENOTEMPTY,
        DiskError::WrongKind => Errno::EISDIR,
        DiskError::OtherFolder => Errno::EXDEV,
        DiskError::PowerOff => Errno::EIO,
    }
}

/// How long a file's sync takes.
const SYNC: Duration = Duration::from_millis(1);

/// How long the kernel may remember: nobody changes the disk behind its back while it is mounted.
const VALID: Duration = Duration::from_secs(3600);
