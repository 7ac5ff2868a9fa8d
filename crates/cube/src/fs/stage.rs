//! Uncompressed copies of frames that cannot be read in place.
//!
//! They lie in a hidden folder beside the cube, one file a frame, named by what the frame was when it was copied, so
//! an interrupted run finds them again. A copy counts only with its seal, a file with the length and hash of its
//! bytes: what a power cut left behind is made anew. They go when the cube is made.

use std::fs;
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uranometria_fits::fs::{Durability, NewFile, OpenFile};
use uranometria_fits::{Hdu, ImageLayout};
use xxhash_rust::xxh3::Xxh3;

use crate::{Error, Frame};

/// The folder of copies of one cube; it is made when the first copy is.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    /// Whether the copies go with this value, whatever comes of the work.
    temporary: bool,
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.temporary {
            self.clear();
        }
    }
}

impl Staging {
    /// The copies that making or extending a cube leaves for its next run when it is interrupted.
    pub(super) fn beside(cube: &Path) -> Self {
        Staging { folder: super::beside(cube, "staged"), temporary: false }
    }

    /// Copies for one proof of a cube, which may run beside other work on it.
    pub(super) fn apart(cube: &Path) -> Self {
        let suffix = format!("verify-{}", std::process::id());
        Staging { folder: super::beside(cube, &suffix), temporary: true }
    }

    /// Removes all copies.
    pub(super) fn clear(&self) {
        // What is left behind is hidden and used or replaced by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn copy_path(&self, original: &Path, kind: &str) -> Result<PathBuf, Error> {
        let meta = fs::metadata(original)
            .map_err(|source| uranometria_fits::Error::io("open it", source).in_file(original))?;
        let mut hash = Xxh3::new();
        hash.write(original.as_os_str().as_encoded_bytes());
        hash.write_u64(meta.len());
        hash.write_i64(meta.mtime());
        hash.write_i64(meta.mtime_nsec());
        Ok(self.folder.join(format!("{:016x}.{kind}", hash.digest())))
    }

    fn make_folder(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.folder).map_err(|source| self.no_copy(&self.folder, 0, source))
    }

    /// What a copy needs cannot be had: no fault of the frame.
    fn no_copy(&self, copy: &Path, wanted: u64, source: io::Error) -> Error {
        Error::NoRoom { path: copy.to_path_buf(), wanted, source }
    }

    /// Makes an uncompressed FITS copy of a gzipped or tile-compressed frame.
    ///
    /// # Errors
    /// [`Error::Fits`] where the frame is at fault, [`Error::NoRoom`] where its copy is.
    #[cfg(feature = "cfitsio")]
    pub(super) fn decompressed(&self, original: &Path) -> Result<PathBuf, Error> {
        const CANNOT_CREATE: i32 = 105;
        const CANNOT_WRITE: i32 = 106;
        let copy = self.copy_path(original, "fits")?;
        if is_sealed(&copy) {
            return Ok(copy);
        }
        self.make_folder()?;
        let part = copy.with_extension("part");
        let _ = fs::remove_file(&part);
        uranometria_fits::fs::decompress(original, &part).map_err(|error| {
            let _ = fs::remove_file(&part);
            let status = match &error {
                uranometria_fits::Error::InFile { source, .. } => match &**source {
                    uranometria_fits::Error::Cfitsio { status, .. } => *status,
                    _ => 0,
                },
                _ => 0,
            };
            match status {
                CANNOT_CREATE | CANNOT_WRITE => self.no_copy(&copy, 0, io::Error::other(error.to_string())),
                _ => error.into(),
            }
        })?;
        fs::rename(&part, &copy)
            .and_then(|()| seal(&copy))
            .map_err(|source| self.no_copy(&copy, 0, source))?;
        Ok(copy)
    }

    /// Says that this build cannot decompress.
    #[cfg(not(feature = "cfitsio"))]
    pub(super) fn decompressed(&self, original: &Path) -> Result<PathBuf, Error> {
        let _ = &self.folder;
        Err(uranometria_fits::Error::WrongKind {
            found: "compressed, and this program was built without the feature cfitsio".to_string(),
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
        if is_sealed(&copy) {
            return Ok(copy);
        }
        self.make_folder()?;
        let wanted = (frame.columns * frame.rows * 4 * frame.product.planes()) as u64;
        let of_copy = |error: uranometria_fits::Error| self.no_copy(&copy, wanted, io::Error::other(error));
        let mut new = NewFile::create(&copy).map_err(of_copy)?;
        let first = frame.product.science_hdu();
        for hdu in &hdus[first..first + frame.product.planes()] {
            let layout = ImageLayout::of(hdu)?;
            let pixels = layout.decode_f32(&hdu.read_data(file)?);
            let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect();
            new.file().write_all(&bytes).map_err(|source| self.no_copy(&copy, wanted, source))?;
        }
        new.publish(Durability::Process).map_err(of_copy)?;
        seal(&copy).map_err(|source| self.no_copy(&copy, wanted, source))?;
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

fn seal_path(copy: &Path) -> PathBuf {
    let mut name = copy.as_os_str().to_os_string();
    name.push(".seal");
    PathBuf::from(name)
}

/// Length and hash of a file in words.
fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 1 << 20]);
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
