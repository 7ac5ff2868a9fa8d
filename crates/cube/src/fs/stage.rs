//! Uncompressed copies of frames that cannot be read in place.
//!
//! They lie in a hidden folder beside the cube, one file a frame, named by what the frame was when it was copied, so
//! an interrupted run finds them again. A copy counts only with its seal, a file with the length and hash of its
//! bytes: what a power cut left behind is made anew. They go when the cube is made.
//!
//! A proof of a cube has a folder of its own, with a locked file beside it: of a folder without a living owner the
//! next proof of that cube frees the disk.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use flate2::bufread::GzDecoder;
use rustix::fs::Access;
use uranometria_fits::fs::{Durability, NewFile, OpenFile, open_locked};
use uranometria_fits::{self as fits, Hdu, ImageLayout, Source, read_hdus};
use xxhash_rust::xxh3::Xxh3;

use super::scan::is_tile_compressed;
use crate::{Error, Frame};

/// How the folders of proofs are named; a number follows.
const APART: &str = "verify-";
/// Copies are made and hashed in pieces of this many bytes, whole pixels of any type: each thread has a few of them,
/// whatever the size of a frame.
const PIECE: usize = 64 << 10;

/// Copies that may be made at the same time, more or less.
const MAKING: usize = 64;

/// The folder of copies of one cube; it is made when the first copy is.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    /// Of copies that go with this value, whatever comes of the work: the lock on them, from the first one on.
    lock: Option<Mutex<Option<File>>>,
    /// Held while a copy is made, one of them for all copies whose names end alike: a frame that is named twice is
    /// copied once.
    making: [Mutex<()>; MAKING],
}

impl Drop for Staging {
    fn drop(&mut self) {
        // One without a copy is of no use to anybody.
        let _ = fs::remove_dir(&self.folder);
        if let Some(lock) = &self.lock
            && lock.lock().unwrap_or_else(PoisonError::into_inner).is_some()
        {
            self.clear();
            let _ = fs::remove_file(lock_path(&self.folder));
        }
    }
}

impl Staging {
    /// The copies that making or extending a cube leaves for its next run when it is interrupted.
    pub(super) fn beside(cube: &Path) -> Self {
        Self::of(super::beside(cube, "staged"), None)
    }

    /// Copies for one proof of a cube, which may run beside other work on it: beside the cube or, where nothing can be
    /// written, in the folder for temporary files.
    pub(super) fn apart(cube: &Path) -> Self {
        let writable = rustix::fs::access(folder_of(cube), Access::WRITE_OK | Access::EXEC_OK).is_ok();
        let elsewhere = || std::env::temp_dir().join(cube.file_name().unwrap_or_default());
        Self::apart_beside(&if writable { cube.to_path_buf() } else { elsewhere() })
    }

    fn apart_beside(cube: &Path) -> Self {
        static PROOFS: AtomicU64 = AtomicU64::new(0);
        remove_abandoned(cube);
        // A number that no other proof has or had, of whatever process on whatever machine.
        let nanoseconds = UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos());
        let proof = PROOFS.fetch_add(1, Ordering::Relaxed);
        let folder = super::beside(cube, &format!("{APART}{nanoseconds}-{proof}"));
        Self::of(folder, Some(Mutex::new(None)))
    }

    fn of(folder: PathBuf, lock: Option<Mutex<Option<File>>>) -> Self {
        Staging { folder, lock, making: std::array::from_fn(|_| Mutex::new(())) }
    }

    /// Waits until nobody makes this copy.
    fn alone(&self, copy: &Path) -> MutexGuard<'_, ()> {
        let mut hash = Xxh3::new();
        hash.write(copy.as_os_str().as_encoded_bytes());
        self.making[hash.digest() as usize % MAKING].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes all copies.
    pub(super) fn clear(&self) {
        // What is left behind is hidden and used or replaced by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn copy_path(&self, original: &Path, kind: &str) -> Result<PathBuf, Error> {
        let meta =
            fs::metadata(original).map_err(|source| fits::Error::io("open it", source).in_file(original))?;
        let mut hash = Xxh3::new();
        hash.write(original.as_os_str().as_encoded_bytes());
        hash.write_u64(meta.len());
        hash.write_i64(meta.mtime());
        hash.write_i64(meta.mtime_nsec());
        Ok(self.folder.join(format!("{:016x}.{kind}", hash.digest())))
    }

    fn make_folder(&self) -> Result<(), Error> {
        if let Some(lock) = &self.lock {
            let mut lock = lock.lock().unwrap_or_else(PoisonError::into_inner);
            if lock.is_none() {
                let locked = open_locked(&lock_path(&self.folder), &self.folder);
                *lock = Some(locked.map_err(|error| no_copy(&self.folder, io::Error::other(error)))?);
            }
        }
        fs::create_dir_all(&self.folder).map_err(|source| no_copy(&self.folder, source))
    }

    /// Makes an uncompressed FITS copy of a tile-compressed frame.
    ///
    /// # Errors
    /// [`Error::Fits`] where the frame is at fault, [`Error::NoCopy`] where its copy is.
    pub(super) fn decompressed(&self, original: &Path) -> Result<PathBuf, Error> {
        self.unpacked(original, |part| self.decompress(original, original, part))
    }

    /// Makes an uncompressed FITS copy of a gzipped frame, which may be tile-compressed too.
    ///
    /// # Errors
    /// As [`Staging::decompressed`].
    pub(super) fn unzipped(&self, original: &Path) -> Result<PathBuf, Error> {
        self.unpacked(original, |part| {
            self.unzip(original, part)?;
            let hdus = OpenFile::open(part).and_then(|file| read_hdus(&file));
            if !hdus.is_ok_and(|hdus| hdus.iter().any(is_tile_compressed)) {
                return Ok(());
            }
            let tiles = part.with_extension("tiles");
            fs::rename(part, &tiles).map_err(|source| no_copy(&tiles, source))?;
            let done = self.decompress(original, &tiles, part);
            let _ = fs::remove_file(&tiles);
            done
        })
    }

    /// Makes a FITS copy by `unpack`, which is given the path to write, unless there is one.
    fn unpacked(
        &self,
        original: &Path,
        unpack: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let copy = self.copy_path(original, "fits")?;
        let _alone = self.alone(&copy);
        if is_sealed(&copy) {
            return Ok(copy);
        }
        self.make_folder()?;
        let part = copy.with_extension("part");
        let _ = fs::remove_file(&part);
        unpack(&part).inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })?;
        fs::rename(&part, &copy).and_then(|()| seal(&copy)).map_err(|source| no_copy(&copy, source))?;
        Ok(copy)
    }

    /// Unpacks a gzipped file in pieces; cfitsio would have all of it in memory.
    fn unzip(&self, original: &Path, to: &Path) -> Result<(), Error> {
        let at_fault = |source| fits::Error::io("unpack it", source).in_file(original);
        let mut packed = BufReader::with_capacity(PIECE, File::open(original).map_err(at_fault)?);
        let mut unpacked = File::create(to).map_err(|source| no_copy(to, source))?;
        let mut piece = vec![0; PIECE];
        loop {
            let mut member = GzDecoder::new(&mut packed);
            loop {
                match member.read(&mut piece).map_err(at_fault)? {
                    0 => break,
                    len => unpacked.write_all(&piece[..len]).map_err(|source| no_copy(to, source))?,
                }
            }
            if !another_member(&mut packed).map_err(at_fault)? {
                return Ok(());
            }
        }
    }

    /// Writes the file `from`, which holds the frame `original`, without tile compression.
    #[cfg(feature = "cfitsio")]
    fn decompress(&self, original: &Path, from: &Path, to: &Path) -> Result<(), Error> {
        const CANNOT_CREATE: i32 = 105;
        const CANNOT_WRITE: i32 = 106;
        fits::fs::decompress(from, to).map_err(|error| {
            let error = match error {
                fits::Error::InFile { source, .. } => *source,
                other => other,
            };
            match error {
                fits::Error::Cfitsio { status: CANNOT_CREATE | CANNOT_WRITE, .. } => {
                    no_copy(to, io::Error::other(error))
                }
                _ => error.in_file(original).into(),
            }
        })
    }

    /// Says that this build cannot decompress.
    #[cfg(not(feature = "cfitsio"))]
    fn decompress(&self, original: &Path, _: &Path, _: &Path) -> Result<(), Error> {
        Err(fits::Error::WrongKind {
            found: "tile-compressed, and this program was built without the feature cfitsio".to_string(),
            wanted: "an uncompressed frame",
        }
        .in_file(original)
        .into())
    }

    /// Writes the planes of a frame one after another as big-endian f32.
    ///
    /// # Errors
    /// As [`Staging::decompressed`].
    pub(super) fn converted(
        &self,
        original: &Path,
        file: &OpenFile,
        hdus: &[Hdu],
        frame: &Frame,
    ) -> Result<PathBuf, Error> {
        let copy = self.copy_path(original, "raw")?;
        let _alone = self.alone(&copy);
        if is_sealed(&copy) {
            return Ok(copy);
        }
        self.make_folder()?;
        let of_copy = |error: fits::Error| no_copy(&copy, io::Error::other(error));
        let mut new = NewFile::create(&copy).map_err(of_copy)?;
        let first = frame.product.science_hdu();
        let mut stored = vec![0; PIECE];
        for hdu in &hdus[first..first + frame.product.planes()] {
            let layout = ImageLayout::of(hdu)?;
            let mut at = hdu.data_start;
            let end = at + hdu.data_len;
            while at < end {
                let len = (end - at).min(PIECE as u64) as usize;
                file.read_at(at, &mut stored[..len]).map_err(|source| {
                    fits::Error::io(format!("read {len} bytes at byte {at}"), source).in_file(original)
                })?;
                let pixels = layout.decode_f32(&stored[..len]);
                let bytes: Vec<u8> = pixels.into_iter().flat_map(f32::to_be_bytes).collect();
                new.file().write_all(&bytes).map_err(|source| no_copy(&copy, source))?;
                at += len as u64;
            }
        }
        new.publish(Durability::Process).map_err(of_copy)?;
        seal(&copy).map_err(|source| no_copy(&copy, source))?;
        Ok(copy)
    }

    /// The frame as it lies in a converted copy.
    pub(super) fn frame_of_copy(&self, mut frame: Frame) -> Frame {
        let plane = frame.columns as u64 * frame.rows as u64 * 4;
        frame.plane_starts = (0..frame.product.planes() as u64).map(|n| n * plane).collect();
        frame
    }

    /// The file whose headers are those of a frame that is read from `pixels`.
    pub(super) fn headers_of(&self, frame: &Frame, pixels: &Path) -> PathBuf {
        let own = frame.path.clone();
        if pixels == own {
            return own;
        }
        // A decompressed copy has the headers before compression; a raw one has none.
        match self.copy_path(&own, "fits") {
            Ok(copy) if copy.exists() => copy,
            _ => own,
        }
    }
}

/// What a copy needs cannot be had: no fault of the frame.
fn no_copy(copy: &Path, source: io::Error) -> Error {
    Error::NoCopy { path: copy.to_path_buf(), source }
}

fn lock_path(folder: &Path) -> PathBuf {
    with_ending(folder, ".lock")
}

fn folder_of(cube: &Path) -> &Path {
    match cube.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes the copies of proofs of a cube that were killed.
fn remove_abandoned(cube: &Path) {
    let folder = folder_of(cube);
    let prefix = super::beside(cube, APART);
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy();
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(number) = name.to_str().and_then(|name| name.strip_prefix(&*prefix)) else { continue };
        let number = number.strip_suffix(".lock").unwrap_or(number);
        if !number.chars().all(|c| c.is_ascii_digit() || c == '-') {
            continue;
        }
        let copies = folder.join(format!("{prefix}{number}"));
        let lock = lock_path(&copies);
        // Who lives has the lock. Where the file system knows none, nobody can tell and the copies stay.
        if let Ok(file) = open_locked(&lock, &copies)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&copies);
            let _ = fs::remove_file(&lock);
        }
    }
}

fn seal_path(copy: &Path) -> PathBuf {
    with_ending(copy, ".seal")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    PathBuf::from(name)
}

/// Length and hash of a file in words.
fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; PIECE]);
    let mut len = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{len} {:016x}\n", hash.digest())),
            read => {
                hash.update(&buffer[..read]);
                len += read as u64;
            }
        }
    }
}

fn seal(copy: &Path) -> io::Result<()> {
    fs::write(seal_path(copy), digest(copy)?)
}

fn is_sealed(copy: &Path) -> bool {
    match (fs::read_to_string(seal_path(copy)), digest(copy)) {
        (Ok(sealed), Ok(found)) => sealed == found,
        _ => false,
    }
}

/// Whether another member of a gzipped file follows; zeros, with which files are filled up to whole blocks, are none.
fn another_member(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = packed.fill_buf()?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if bytes.is_empty() || zeros < bytes.len() {
            let more = bytes.len() > zeros;
            packed.consume(zeros);
            return Ok(more);
        }
        packed.consume(zeros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_changed_since_it_was_sealed_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("0.raw");
        assert!(!is_sealed(&copy));
        fs::write(&copy, b"pixels").unwrap();
        assert!(!is_sealed(&copy));
        seal(&copy).unwrap();
        assert!(is_sealed(&copy));
        fs::write(&copy, b"pixelz").unwrap();
        assert!(!is_sealed(&copy));
    }
}
