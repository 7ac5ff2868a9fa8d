//! Cutouts as files.
//!
//! A file gets its name when it is whole. Cutouts are quickly made again, so they are not synced to disk one by one.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use uranometria_fits::Source;
use uranometria_fits::fs::{Durability, NewFile};

use crate::output::{NEVER, Output};
use crate::{Cutout, Error};

/// The kinds of file a cutout can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A target pixel file.
    Tpf,
    /// A FITS image cube.
    Image,
    /// Parquet; needs the feature `parquet`.
    Parquet,
}

impl Format {
    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Tpf | Format::Image => "fits",
            Format::Parquet => "parquet",
        }
    }
}

/// Writes a cutout and returns how many bytes the file has; an existing file is replaced in one step.
///
/// Takes some tens of MiB of memory, whatever the number of frames and the size of the stamp; parquet takes more for
/// stamps of more than a million pixels, about ten times the bytes of one image.
///
/// # Errors
/// [`Error::Fits`] around what the operating system said, [`Error::Cube`], [`Error::Parquet`].
pub fn write<S: Source>(
    cutout: &Cutout<'_, S>,
    format: Format,
    path: impl AsRef<Path>,
) -> Result<u64, Error> {
    write_watched(cutout, format, path, &NEVER)
}

/// Writes a cutout as [`write()`] does, unless `stop` becomes true before it is whole: then nothing is left of it, and an
/// existing file stays as it was.
///
/// # Errors
/// [`Error::Interrupted`]; as [`write()`].
pub fn write_watched<S: Source>(
    cutout: &Cutout<'_, S>,
    format: Format,
    path: impl AsRef<Path>,
    stop: &AtomicBool,
) -> Result<u64, Error> {
    let path = path.as_ref();
    match format {
        Format::Tpf => publish(path, |file| anywhere(file, stop, |out| cutout.write_tpf(out))),
        Format::Image => publish(path, |file| anywhere(file, stop, |out| cutout.write_image(out))),
        #[cfg(feature = "parquet")]
        Format::Parquet => publish(path, |file| cutout.write_parquet(file, stop)),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => Err(Error::NoParquet),
    }
}

/// Makes a file of what `write` writes, under its name when it is whole.
fn publish(path: &Path, write: impl FnOnce(&File) -> Result<u64, Error>) -> Result<u64, Error> {
    let mut new = NewFile::create(path)?;
    let len = write(new.file()).map_err(|error| match error {
        Error::Fits(error) => Error::Fits(error.in_file(path)),
        other => other,
    })?;
    new.publish(Durability::Process)?;
    Ok(len)
}

fn anywhere(
    file: &File,
    stop: &AtomicBool,
    write: impl FnOnce(&mut Output<'_>) -> Result<u64, Error>,
) -> Result<u64, Error> {
    write(&mut Output::new(&mut |at, piece| file.write_all_at(piece, at)).until(stop))
}

/// The most bytes that [`file_stem`] of a target's name may have.
///
/// Of the 255 that file systems allow, the rest is for the dot and `.part` of the name under which a file grows, for
/// what tells the cutouts of several cubes apart, and for the ending.
pub const LONGEST_STEM: usize = 200;

/// Turns the name of a target into a file name: letters, digits and `+-_.` stay, the rest becomes `_`.
pub fn file_stem(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '+' | '-' | '_' | '.') { c } else { '_' };
    let stem: String = name.trim().chars().map(keep).collect();
    match stem.as_str() {
        "" | "." | ".." => format!("_{stem}"),
        stem if stem.starts_with('.') => format!("_{stem}"),
        _ => stem,
    }
}

/// The name TESScut's users know: sector and chip (`tag`, such as `s0001-4-2`), position and size.
pub fn default_name<S: Source>(cutout: &Cutout<'_, S>, tag: &str, format: Format) -> PathBuf {
    let place = match cutout.position() {
        Some(position) => format!("{:.6}_{:.6}", position.ra_deg(), position.dec_deg()),
        None => format!("x{}_y{}", cutout.stamp().x0, cutout.stamp().y0),
    };
    let (columns, rows) = (cutout.stamp().columns, cutout.stamp().rows);
    PathBuf::from(format!("tess-{tag}_{place}_{columns}x{rows}.{}", format.extension()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::pixels::testing::{Unmapped, cube, cutter};
    use crate::{Place, Size};

    fn formats() -> impl Iterator<Item = Format> {
        let all = [Format::Tpf, Format::Image, Format::Parquet];
        all.into_iter().filter(|format| *format != Format::Parquet || cfg!(feature = "parquet"))
    }

    #[test]
    fn a_cutout_that_cannot_be_read_leaves_the_older_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cutout");
        fs::write(&path, "an older file").unwrap();
        let unmapped = Unmapped::new(cube(30, 30, 2500));
        let cutter = cutter(&unmapped);
        let cutout = cutter.cut(Place::Pixel { x: 15.0, y: 15.0 }, Size::square(30)).unwrap();
        for format in formats() {
            // More than a tile of it.
            unmapped.left.store(17 << 20, Ordering::Relaxed);
            let error = write(&cutout, format, &path).unwrap_err().to_string();
            assert!(error.contains("the disk is broken"), "{error}");
            assert_eq!(fs::read(&path).unwrap(), b"an older file");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn an_interrupted_cutout_leaves_the_older_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cutout");
        fs::write(&path, "an older file").unwrap();
        let (place, size) = (Place::Pixel { x: 20.0, y: 20.0 }, Size::square(40));
        for format in formats() {
            let unmapped = Unmapped::new(cube(40, 40, 2500));
            let cutter = cutter(&unmapped);
            let cutout = cutter.cut(place, size).unwrap();
            // Reading sets the flag: the first of two tiles is not written any more, the second not read.
            unmapped.stops.store(true, Ordering::Relaxed);
            let before = unmapped.left.load(Ordering::Relaxed);
            let error = write_watched(&cutout, format, &path, &unmapped.stop).unwrap_err();
            assert!(matches!(error, Error::Interrupted), "{error}");
            assert!(before - unmapped.left.load(Ordering::Relaxed) <= 20 << 20);
            assert_eq!(fs::read(&path).unwrap(), b"an older file");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let cutter = cutter(cube(3, 3, 2));
        let cutout = cutter.cut(Place::Pixel { x: 1.0, y: 1.0 }, Size::square(3)).unwrap();
        for format in formats() {
            let error = write(&cutout, format, folder.path().join("nowhere/a.fits")).unwrap_err();
            assert!(error.to_string().contains("nowhere"), "{error}");
        }
    }
}
