//! Cutouts as files.
//!
//! A file gets its name when it is whole. Cutouts are quickly made again, so they are not synced to disk one by one.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uranometria_fits::Source;
use uranometria_fits::fs::{Durability, NewFile};

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
/// # Errors
/// [`Error::Fits`] around what the operating system said, [`Error::Cube`], [`Error::Parquet`].
pub fn write<S: Source>(
    cutout: &Cutout<'_, S>,
    format: Format,
    path: impl AsRef<Path>,
) -> Result<u64, Error> {
    let path = path.as_ref();
    let bytes = match format {
        Format::Tpf => return write_tpf(cutout, path),
        Format::Image => cutout.to_image()?,
        #[cfg(feature = "parquet")]
        Format::Parquet => cutout.to_parquet()?,
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => {
            return Err(Error::NoParquet);
        }
    };
    uranometria_fits::fs::write(path, &bytes, Durability::Process)?;
    Ok(bytes.len() as u64)
}

fn write_tpf<S: Source>(cutout: &Cutout<'_, S>, path: &Path) -> Result<u64, Error> {
    let parts = cutout.parts();
    let mut new = NewFile::create(path)?;
    let mut at = parts.table_start();
    let file = new.file();
    let sum = cutout.write_rows(&parts, &mut |piece| {
        file.write_all_at(piece, at)?;
        at += piece.len() as u64;
        Ok(())
    });
    let named = |error: Error| match error {
        Error::Fits(error) => Error::Fits(error.in_file(path)),
        other => other,
    };
    let head = parts.head(sum.map_err(named)?);
    let fail = |source| uranometria_fits::Error::io("write it", source).in_file(path);
    new.file().write_all(&head).map_err(fail)?;
    new.publish(Durability::Process)?;
    Ok(at)
}

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
