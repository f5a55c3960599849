//! A real disk that is a file: an ext4 file system on a loop device.
//!
//! Owns how it is made and mounted, and that its file system can be stopped in its tracks, so that nothing
//! more reaches the file: what only the kernel's page cache knew is gone then, as when the power goes. For
//! machines without FUSE; needs root. Must not know who uses it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file with a file system in it.
#[derive(Debug)]
pub struct LoopDisk {
    image: PathBuf,
    /// Where it is mounted, and through which device.
    mounted: Option<(PathBuf, String)>,
}

impl LoopDisk {
    /// Makes an empty file system in a folder of a real disk.
    ///
    /// # Errors
    /// When this machine has no tools for it, or this process may not mount it.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let image = tempfile::Builder::new().suffix(".ext4").tempfile_in(folder)?.into_temp_path().keep()?;
        let mut disk = Self { image, mounted: None };
        std::fs::OpenOptions::new().write(true).open(&disk.image)?.set_len(IMAGE_BYTES)?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image))?;
        let point = tempfile::tempdir_in(folder)?;
        disk.mount(point.path())?;
        disk.unmount()?;
        Ok(disk)
    }

    /// Mounts it. What the last power cut left half done is made good by the file system's own journal.
    ///
    /// # Errors
    /// When this process may not, or there is no loop device.
    pub fn mount(&mut self, folder: &Path) -> io::Result<()> {
        // Past the page cache of the disk below: the file is what a platter would be.
        let device =
            run(Command::new("losetup").args(["--find", "--show", "--direct-io=on"]).arg(&self.image))?;
        self.mounted = Some((folder.to_owned(), device.clone()));
        run(Command::new("mount").args(["-t", "ext4"]).arg(device).arg(folder)).map(drop)
    }

    /// Stops the file system as a power cut does: nothing that has not reached the file reaches it any more.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn switch_off(&self) -> io::Result<()> {
        let Some((folder, _)) = &self.mounted else { return Ok(()) };
        run(Command::new("mount").args(["-o", "remount,abort"]).arg(folder)).map(drop)
    }

    /// Takes it off its folder. Nobody may use it any more.
    ///
    /// # Errors
    /// When somebody does.
    pub fn unmount(&mut self) -> io::Result<()> {
        let Some((folder, device)) = self.mounted.take() else { return Ok(()) };
        // One that could not be mounted still has its device.
        let unmounted = run(Command::new("umount").arg(folder));
        run(Command::new("losetup").arg("--detach").arg(device))?;
        unmounted.map(drop)
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // What cannot be taken away now is somebody's to find: there is nobody to tell.
        let _ = self.unmount();
        let _ = std::fs::remove_file(&self.image);
    }
}

/// Runs a tool, and returns what it says.
fn run(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let tool = command.get_program().to_string_lossy();
    Err(io::Error::other(format!("{tool}: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

/// Room for what a daemon writes in some lives.
const IMAGE_BYTES: u64 = 512 << 20;
