//! The folder that one process owns.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::id::is_id;

/// Folders inside, all of which are made when it is opened.
const PARTS: [&str; 6] = ["incoming", "work", "datasets", "runs", "models", "results"];

/// A folder with everything that a server remembers. While this value lives, no other process can open it: its lock is
/// held by the operating system, which lets it go however the process ends.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Held, not read.
    _lock: File,
}

/// How long a lock is waited for whose owner is gone: a killed process lets go of it when the disk has written what it was
/// told to write.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Whether a process is there and not about to go, as far as can be told; where it cannot, it is.
fn lives(pid: &str) -> bool {
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return true;
    }
    // Its state is the letter after its name, which stands in brackets and may hold any.
    std::fs::read_to_string(processes.join(pid).join("stat")).is_ok_and(|stat| {
        stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with(['Z', 'X']))
    })
}

impl Folder {
    /// Makes the folder where it is missing, and takes possession of it.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::io(root, source);
        make_private(root).map_err(io)?;
        let root = root.canonicalize().map_err(io)?;
        let path = root.join("lock");
        let io = |source| StoreError::io(&path, source);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = lock.seek(SeekFrom::Start(0)).and_then(|_| lock.read_to_string(&mut pid));
                    let pid: String = pid.chars().filter(char::is_ascii_digit).take(12).collect();
                    // A child that a killed owner was just starting holds the lock until it has become another program.
                    if lives(&pid) || began.elapsed() > LONGEST_WAIT {
                        return Err(StoreError::Locked { path: root, pid });
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
            }
        }
        lock.set_len(0).map_err(io)?;
        lock.seek(SeekFrom::Start(0)).map_err(io)?;
        writeln!(lock, "{}", std::process::id()).map_err(io)?;
        for part in PARTS {
            make_private(&root.join(part)).map_err(|source| StoreError::io(&root, source))?;
        }
        Ok(Self { root, _lock: lock })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("eddy.db")
    }

    /// A place for something that is arriving or being made; it may be gone after the next start.
    pub fn incoming(&self, id: &str) -> PathBuf {
        self.place("incoming", id)
    }

    /// The folder of a job while it is at work.
    pub fn work(&self, job: &str) -> PathBuf {
        self.place("work", job)
    }

    /// The folder of a data set.
    pub fn dataset(&self, id: &str) -> PathBuf {
        self.place("datasets", id)
    }

    /// The folder of a finished run.
    pub fn run(&self, id: &str) -> PathBuf {
        self.place("runs", id)
    }

    /// The file of a model.
    pub fn model(&self, id: &str) -> PathBuf {
        self.place("models", id)
    }

    /// The folder of what another job than a run has found.
    pub fn result(&self, job: &str) -> PathBuf {
        self.place("results", job)
    }

    /// A name that is no id stands for a place that is never there.
    fn place(&self, part: &str, id: &str) -> PathBuf {
        self.root.join(part).join(if is_id(id) { id } else { "nothing" })
    }

    /// Gives something that is whole its final name, so that a crash leaves either nothing or all of it. `from` is a
    /// file or a folder of files.
    pub fn settle(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        let io = |source| StoreError::io(from, source);
        if from.is_dir() {
            for entry in fs::read_dir(from).map_err(io)? {
                let path = entry.map_err(io)?.path();
                if path.is_file() {
                    synchronise(&path)?;
                }
            }
        }
        synchronise(from)?;
        fs::rename(from, to).map_err(io)?;
        synchronise(to.parent().unwrap_or(&self.root))
    }

    /// Removes a file or a folder; none there is no error. A worker that outlives its killed server by a moment may still
    /// write into its folder: it is given time to notice.
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        debug_assert!(path.starts_with(&self.root));
        let began = Instant::now();
        loop {
            let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            match done.map_err(|source| (source.kind(), source)) {
                Err((ErrorKind::DirectoryNotEmpty, _)) if began.elapsed() < LONGEST_WAIT => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err((kind, source)) if kind != ErrorKind::NotFound => {
                    return Err(StoreError::io(path, source));
                }
                _ => return Ok(()),
            }
        }
    }

    /// Names of what lies in a part of the folder.
    pub(crate) fn names(&self, part: &str) -> Result<Vec<String>, StoreError> {
        let path = self.root.join(part);
        let io = |source| StoreError::io(&path, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(io)? {
            names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Bytes of all files below.
    pub fn bytes(&self) -> u64 {
        bytes_below(&self.root)
    }

    /// Bytes that the file system still has for us.
    pub fn free_bytes(&self) -> Option<u64> {
        let about = rustix::fs::statvfs(&self.root).ok()?;
        Some(about.f_bavail.saturating_mul(about.f_frsize))
    }
}

/// Bytes of all files below a folder; 0 when it is not there.
pub(crate) fn bytes_below(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => bytes_below(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

/// A folder that nobody else may look into.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Waits until a file or folder is on the disk.
fn synchronise(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| StoreError::io(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_id;

    #[test]
    fn a_second_owner_is_refused_by_the_name_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::open(folder.path()).unwrap();
        let error = Folder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        Folder::open(folder.path()).unwrap();
    }

    #[test]
    fn a_folder_that_somebody_still_writes_into_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        let path = folder.work(&new_id());
        fs::create_dir(&path).unwrap();
        let writer = std::thread::spawn({
            let path = path.clone();
            // Until the folder is gone.
            move || (0..100_000).all(|n| fs::write(path.join(n.to_string()), "").is_ok())
        });
        folder.remove(&path).unwrap();
        assert!(!writer.join().unwrap() && !path.exists());
    }

    #[test]
    fn a_name_that_is_no_id_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        for name in ["..", "../lock", "a/b", "", ".", "%2e%2e", "nothing\0"] {
            assert_eq!(folder.dataset(name), folder.root().join("datasets/nothing"));
        }
        let id = new_id();
        assert_eq!(folder.dataset(&id), folder.root().join("datasets").join(&id));
    }

    #[test]
    fn what_settles_is_there_and_what_is_removed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::open(folder.path()).unwrap();
        let (from, to) = (folder.work(&new_id()), folder.run(&new_id()));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a"), "text").unwrap();
        folder.settle(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("a")).unwrap(), b"text");
        assert!(folder.bytes() >= 4 && !from.exists());
        folder.remove(&to).unwrap();
        folder.remove(&to).unwrap();
        assert!(!to.exists());
    }
}
