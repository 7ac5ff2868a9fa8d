//! A new cube from frames.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uranometria_fits::fs::destination;

use super::engine::{Claim, Plan, make};
use super::input::Input;
use super::scan::{Scan, headers, scan};
use super::stage::Staging;
use super::{Control, Options, Report, open, today};
use crate::select::Wanted;
use crate::{CubeLayout, Error, Frame, FrameTable, primary};

/// Makes a cube of the frames of one chip.
///
/// Frames are sorted by time. An interrupted run is gone on with when the same call is made again, and gives the same
/// bytes. The file has its name only when it is whole and synced to disk.
///
/// # Errors
/// [`Error::BadFrames`] with every unusable frame, unless `options.skip_bad`; [`Error::IsInput`] where `out` is one
/// of the frames and [`Error::Occupied`] where it is anything else than a cube; [`Error::NoRoom`], [`Error::NoCopy`], [`Error::Memory`], [`Error::Interrupted`], [`Error::Fits`].
pub fn build(
    out: impl AsRef<Path>,
    frames: &[PathBuf],
    options: &Options,
    control: &Control<'_>,
) -> Result<Report, Error> {
    let out = &destination(out)?;
    refuse_others(out, frames)?;
    let claim = Claim::take(out)?;
    let staging = Staging::beside(out);
    let Scan { mut frames, pixels, skipped } = scan(frames, options, &Wanted::default(), &staging, control)?;
    let template = frames.iter().position(Frame::has_wcs).unwrap_or(0);
    let (first_primary, _) = headers(&frames[0], &pixels[0], &staging)?;
    let (_, template) = headers(&frames[template], &pixels[template], &staging)?;
    let date = options.date.clone().unwrap_or_else(today);
    let first = &frames[0];
    let layout = CubeLayout {
        rows: first.rows,
        columns: first.columns,
        frames: frames.len(),
        planes: first.product.planes(),
    };
    let primary = primary::of_frames(&first_primary, &frames, &skipped, &date);
    let table = FrameTable::of_frames(&template, &frames).to_hdu();
    frames.iter_mut().for_each(|frame| frame.values = Vec::new());
    let plan = Plan { primary, table, layout, input: Input::new(None, &frames, &pixels, layout.planes)? };
    let made = make(out, &claim, plan, options, control)?;
    staging.clear();
    Ok(Report {
        path: out.to_path_buf(),
        layout,
        bytes: made.bytes,
        resumed: made.resumed,
        known: 0,
        skipped,
    })
}

/// Refuses to replace anything but a cube: the name of the cube was forgotten in front of a list of frames.
fn refuse_others(out: &Path, frames: &[PathBuf]) -> Result<(), Error> {
    let Ok(there) = std::fs::metadata(out) else { return Ok(()) };
    let is_out = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|meta| (meta.dev(), meta.ino()) == (there.dev(), there.ino()))
    };
    if frames.iter().any(is_out) {
        return Err(Error::IsInput { path: out.to_path_buf() });
    }
    match open(out) {
        // An empty file is nothing that would be lost.
        Err(_) if there.len() > 0 => Err(Error::Occupied { path: out.to_path_buf() }),
        _ => Ok(()),
    }
}
