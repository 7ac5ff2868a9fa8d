//! Opening and publishing files.
//!
//! A new file grows under a hidden name beside its place and is renamed when it is whole, so that its final name
//! never stands for half a file, whenever the process ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::{Error, Source};

#[cfg(feature = "cfitsio")]
mod cfitsio;
mod decoder;
#[cfg(feature = "cfitsio")]
pub use cfitsio::decompress;
pub use decoder::unless_it_panics;

/// An open file, read in place. Safe while others write to it; each reading is a system call.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    len: u64,
}

impl OpenFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`Error::InFile`] around [`Error::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let open = || {
            let file = File::open(path)?;
            let meta = file.metadata()?;
            if meta.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(OpenFile { file, len: meta.len() })
        };
        open().map_err(|source| Error::io("open it", source).in_file(path))
    }
}

impl Source for OpenFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(into, offset)
    }
}

/// A file mapped into memory: reading copies nothing and makes no system call.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// Maps a file.
    ///
    /// # Safety
    /// Nobody may shorten or change the file while it is mapped. Files that are only ever replaced by renaming, as
    /// this crate publishes them, keep that promise.
    ///
    /// # Errors
    /// [`Error::InFile`] around [`Error::Io`].
    #[allow(unsafe_code)]
    pub unsafe fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let fail = |source| Error::io("open it", source).in_file(path);
        let file = File::open(path).map_err(fail)?;
        if file.metadata().map_err(fail)?.is_dir() {
            return Err(fail(io::ErrorKind::IsADirectory.into()));
        }
        // SAFETY: the caller promises that the file does not change while it is mapped.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(fail)?;
        Ok(MappedFile(map))
    }
}

impl Source for MappedFile {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (*self.0).read_at(offset, into)
    }

    fn slice(&self, offset: u64, len: usize) -> Option<&[u8]> {
        Source::slice(&*self.0, offset, len)
    }
}

/// How hard a finished file is pressed onto the disk before it gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives the end of the process, not a power cut: for files that are quickly made again.
    Process,
    /// Survives a power cut: the file and its folder are synced.
    Disk,
}

/// A file under way: written under a hidden name, then published under its own.
///
/// Dropped without [`publish`](NewFile::publish), it leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    part: PathBuf,
    path: PathBuf,
    published: bool,
}

/// The hidden name under which the file of that path grows.
pub fn part_path(path: &Path, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{suffix}"))
}

/// Where a file of that name lies or will lie: where symbolic links lead to.
///
/// # Errors
/// [`Error::WrongKind`] where something else than a file is there, which renaming would replace; [`Error::Io`] where
/// its folder is not there.
pub fn destination(path: impl AsRef<Path>) -> Result<PathBuf, Error> {
    /// More links than this are taken for a ring.
    const LINKS: usize = 40;
    let named = path.as_ref();
    let other = |found: &str| {
        Err(Error::WrongKind { found: found.to_string(), wanted: "the name of a file" }.in_file(named))
    };
    match fs::metadata(named) {
        Ok(meta) if meta.is_dir() => return other("a folder"),
        Ok(meta) if !meta.is_file() => return other("no regular file"),
        Err(_) if named.as_os_str().as_encoded_bytes().ends_with(b"/") => return other("a folder"),
        _ => {}
    }
    let mut path = named.to_path_buf();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_symlink()) {
        return other("no regular file, but a ring of links");
    }
    match path.parent() {
        Some(folder) if folder != Path::new("") && !folder.is_dir() => {
            let action =
                format!("make it, for the folder {} is not there; make that first", folder.display());
            let source = fs::metadata(folder).err().unwrap_or(io::ErrorKind::NotADirectory.into());
            Err(Error::io(action, source).in_file(named))
        }
        _ => Ok(path),
    }
}

impl NewFile {
    /// Begins a file that will be published as `path`; the remains of an earlier, ended attempt are replaced.
    ///
    /// # Errors
    /// [`Error::Locked`] while another process writes the same file; [`Error::Io`]; as [`destination`].
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = &destination(path)?;
        let part = part_path(path, "part");
        let file = open_locked(&part, path)?;
        // Emptying an empty file would be harmless, but ext4 sends a file that was emptied to the disk when it is closed.
        let empty = || if file.metadata()?.len() > 0 { file.set_len(0) } else { Ok(()) };
        empty().map_err(|source| Error::io("empty it", source).in_file(&part))?;
        Ok(NewFile { file, part, path: path.to_path_buf(), published: false })
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives the file its name, replacing an older one in one step.
    ///
    /// # Errors
    /// [`Error::Io`]; then nothing was published.
    pub fn publish(mut self, durability: Durability) -> Result<(), Error> {
        self.file.flush().map_err(|source| Error::io("write it", source).in_file(&self.path))?;
        publish(&self.file, &self.part, &self.path, durability)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: the name is hidden and the next attempt replaces it.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Opens `part` for reading and writing, made if missing, and locks it for this process.
///
/// `path` is the file it will become, for the error.
///
/// # Errors
/// [`Error::Locked`], [`Error::Io`].
pub fn open_locked(part: &Path, path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    loop {
        let file = options.open(part).map_err(|source| Error::io("create it", source).in_file(part))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { path: path.to_path_buf() }),
            // Some network file systems cannot lock; then two writers are the operator's to avoid.
            Err(TryLockError::Error(_)) => return Ok(file),
        }
        // Another writer may have published this very file between its opening and its locking here.
        let same = |here: &fs::Metadata, there: &fs::Metadata| {
            (here.dev(), here.ino()) == (there.dev(), there.ino())
        };
        if let (Ok(here), Ok(there)) = (file.metadata(), fs::metadata(part))
            && same(&here, &there)
        {
            return Ok(file);
        }
    }
}

/// Renames a finished file to its own name.
///
/// # Errors
/// [`Error::Io`].
pub fn publish(file: &File, part: &Path, path: &Path, durability: Durability) -> Result<(), Error> {
    if durability == Durability::Disk {
        file.sync_all().map_err(|source| Error::io("sync it to disk", source).in_file(path))?;
    }
    fs::rename(part, path).map_err(|source| Error::io("give it its name", source).in_file(path))?;
    if durability == Durability::Disk {
        let sync = sync_folder(path.parent().unwrap_or(Path::new("")));
        sync.map_err(|source| Error::io("sync its folder to disk", source).in_file(path))?;
    }
    Ok(())
}

/// Sends the names in a folder to the disk; the empty path is the working folder.
///
/// # Errors
/// What the operating system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Writes a whole file and publishes it.
///
/// # Errors
/// As [`NewFile::create`] and [`NewFile::publish`].
pub fn write(path: impl AsRef<Path>, bytes: &[u8], durability: Durability) -> Result<(), Error> {
    let path = path.as_ref();
    let mut new = NewFile::create(path)?;
    new.file().write_all(bytes).map_err(|source| Error::io("write it", source).in_file(path))?;
    new.publish(durability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpublished_file_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fits");
        let mut new = NewFile::create(&path).unwrap();
        new.file().write_all(b"half").unwrap();
        drop(new);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn links_are_followed_and_nothing_but_files_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("there")).unwrap();
        std::os::unix::fs::symlink("there/a.fits", at("link")).unwrap();
        std::os::unix::fs::symlink("ring", at("ring")).unwrap();
        write(at("link"), b"new", Durability::Process).unwrap();
        assert_eq!(fs::read(at("there/a.fits")).unwrap(), b"new");
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        for (name, wanted) in
            [("there", "it is a folder"), ("ring", "it is no regular file, but"), ("no/a", "folder")]
        {
            let error = write(at(name), b"", Durability::Process).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains(name), "{error}");
        }
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let error = write(at("socket"), b"", Durability::Process).unwrap_err().to_string();
        assert!(error.ends_with("it is no regular file, expected the name of a file"), "{error}");
    }

    #[test]
    fn a_file_replaces_an_older_one_and_two_writers_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fits");
        write(&path, b"old", Durability::Disk).unwrap();
        let mut new = NewFile::create(&path).unwrap();
        new.file().write_all(b"new").unwrap();
        assert!(matches!(NewFile::create(&path), Err(Error::Locked { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        new.publish(Durability::Disk).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    #[allow(unsafe_code)]
    fn a_mapped_and_an_open_file_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.fits");
        write(&path, &[1, 2, 3, 4, 5], Durability::Process).unwrap();
        let open = OpenFile::open(&path).unwrap();
        // SAFETY: nobody else knows the file.
        let mapped = unsafe { MappedFile::open(&path) }.unwrap();
        let (mut a, mut b) = ([0; 3], [0; 3]);
        open.read_at(2, &mut a).unwrap();
        mapped.read_at(2, &mut b).unwrap();
        assert_eq!((a, Source::len(&open)), (b, Source::len(&mapped)));
        assert!(open.read_at(3, &mut a).is_err() && mapped.read_at(3, &mut b).is_err());
    }
}
