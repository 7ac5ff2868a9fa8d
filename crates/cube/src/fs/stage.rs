//! Uncompressed copies of frames that cannot be read in place.
//!
//! They lie in `.NAME.staged` beside the cube, one file a frame, named by what the frame was when it was copied, so
//! an interrupted run finds them again. They go when the cube is made.

use std::fs;
use std::hash::Hasher;
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
}

impl Staging {
    pub(super) fn beside(cube: &Path) -> Self {
        Staging { folder: super::beside(cube, "staged") }
    }

    /// Removes all copies.
    pub(super) fn clear(&self) {
        // What is left behind is hidden and used or replaced by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn copy_path(&self, original: &Path, kind: &str) -> Result<PathBuf, Error> {
        let io =
            |action: &str, path: &Path, source| uranometria_fits::Error::io(action, source).in_file(path);
        let meta = fs::metadata(original).map_err(|source| io("open it", original, source))?;
        fs::create_dir_all(&self.folder).map_err(|source| io("create this folder", &self.folder, source))?;
        let mut hash = Xxh3::new();
        hash.write(original.as_os_str().as_encoded_bytes());
        hash.write_u64(meta.len());
        hash.write_i64(meta.mtime());
        hash.write_i64(meta.mtime_nsec());
        Ok(self.folder.join(format!("{:016x}.{kind}", hash.digest())))
    }

    /// Makes an uncompressed FITS copy of a gzipped or tile-compressed frame.
    #[cfg(feature = "cfitsio")]
    pub(super) fn decompressed(&self, original: &Path) -> Result<PathBuf, Error> {
        let copy = self.copy_path(original, "fits")?;
        if !copy.exists() {
            let part = copy.with_extension("part");
            let _ = fs::remove_file(&part);
            uranometria_fits::fs::decompress(original, &part)?;
            fs::rename(&part, &copy)
                .map_err(|source| uranometria_fits::Error::io("rename it", source).in_file(&part))?;
        }
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
    pub(super) fn converted(
        &self,
        original: &Path,
        file: &OpenFile,
        hdus: &[Hdu],
        frame: &Frame,
    ) -> Result<PathBuf, Error> {
        let copy = self.copy_path(original, "raw")?;
        if copy.exists() {
            return Ok(copy);
        }
        let mut new = NewFile::create(&copy)?;
        let first = frame.product.science_hdu();
        for hdu in &hdus[first..first + frame.product.planes()] {
            let layout = ImageLayout::of(hdu)?;
            let pixels = layout.decode_f32(&hdu.read_data(file)?);
            let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect();
            std::io::Write::write_all(new.file(), &bytes)
                .map_err(|source| uranometria_fits::Error::io("write it", source).in_file(&copy))?;
        }
        new.publish(Durability::Process)?;
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
