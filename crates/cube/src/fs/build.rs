//! A new cube from frames.

use std::path::{Path, PathBuf};

use super::engine::{Plan, make};
use super::input::Input;
use super::scan::{headers, scan};
use super::stage::Staging;
use super::{Control, Options, Report, today};
use crate::{CubeLayout, Error, Frame, FrameTable, primary};

/// Makes a cube of the frames of one chip.
///
/// Frames are sorted by time. An interrupted run is gone on with when the same call is made again, and gives the same
/// bytes. The file has its name only when it is whole and synced to disk.
///
/// # Errors
/// [`Error::BadFrames`] with every unusable frame, unless `options.skip_bad`; [`Error::NoRoom`],
/// [`Error::Memory`], [`Error::Interrupted`], [`Error::Fits`].
pub fn build(
    out: impl AsRef<Path>,
    frames: &[PathBuf],
    options: &Options,
    control: &Control<'_>,
) -> Result<Report, Error> {
    let out = out.as_ref();
    let staging = Staging::beside(out);
    let (scanned, skipped) = scan(frames, options, &staging, control)?;
    let frames: Vec<Frame> = scanned.iter().map(|scanned| scanned.frame.clone()).collect();
    let template = frames.iter().position(Frame::has_wcs).unwrap_or(0);
    let (first_primary, _) = headers(&scanned[0], &staging)?;
    let (_, template) = headers(&scanned[template], &staging)?;
    let date = options.date.clone().unwrap_or_else(today);
    let first = &frames[0];
    let layout = CubeLayout {
        rows: first.rows,
        columns: first.columns,
        frames: frames.len(),
        planes: first.product.planes(),
    };
    let plan = Plan {
        primary: primary::of_frames(&first_primary, &frames, &skipped, &date),
        table: FrameTable::of_frames(&template, &frames).to_hdu(),
        layout,
        input: Input::new(None, &scanned, layout.planes)?,
    };
    drop(frames);
    let made = make(out, plan, options, control)?;
    staging.clear();
    Ok(Report { path: out.to_path_buf(), layout, bytes: made.bytes, resumed: made.resumed, skipped })
}
