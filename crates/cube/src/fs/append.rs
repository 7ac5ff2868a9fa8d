//! Later frames at the end of a cube.

use std::path::{Path, PathBuf};

use uranometria_fits::Source;

use super::engine::{Plan, make};
use super::input::Input;
use super::scan::{headers, scan};
use super::stage::Staging;
use super::{Control, Options, Report, beside, open, today};
use crate::{Cube, CubeLayout, Error, Frame, primary};

/// Adds later frames to a cube, which stays as it is until the longer one replaces it in one step.
///
/// The result is, but for DATE, what [`build`](super::build) makes of all frames together. Time is the second fastest
/// axis, so all of the cube is copied; memory stays within `options.memory`.
///
/// # Errors
/// [`Error::NotLater`], and as [`build`](super::build).
pub fn append(
    cube_path: impl AsRef<Path>,
    frames: &[PathBuf],
    options: &Options,
    control: &Control<'_>,
) -> Result<Report, Error> {
    let path = cube_path.as_ref();
    let cube = open(path)?;
    let staging = Staging::beside(path);
    let options = Options { product: Some(options.product.unwrap_or(cube.product())), ..options.clone() };
    let (scanned, skipped) = scan(frames, &options, &staging, control)?;
    let new: Vec<Frame> = scanned.iter().map(|scanned| scanned.frame.clone()).collect();
    if finished_before(path, &cube, &new) {
        let bytes = cube.source().len();
        let layout = *cube.layout();
        let resumed = layout.data_len().unwrap_or(0);
        return Ok(Report { path: path.to_path_buf(), layout, bytes, resumed, skipped });
    }
    check_fit(&cube, &new)?;
    // Columns come from the first frame with world coordinates; that may be a new one.
    let template = match (cube.wcs(), new.iter().position(Frame::has_wcs)) {
        (Err(_), Some(at)) => Some(headers(&scanned[at], &staging)?.1),
        _ => None,
    };
    let date = options.date.clone().unwrap_or_else(today);
    let old = *cube.layout();
    let layout = CubeLayout { frames: old.frames + new.len(), ..old };
    let plan = Plan {
        primary: primary::extended(cube.primary(), &new, &skipped, &date),
        table: cube.frames().extended(template.as_ref(), &new).to_hdu(),
        layout,
        input: Input::new(Some(cube), &scanned, layout.planes)?,
    };
    drop(new);
    let made = make(path, plan, &options, control)?;
    staging.clear();
    Ok(Report { path: path.to_path_buf(), layout, bytes: made.bytes, resumed: made.resumed, skipped })
}

/// Whether an earlier run ended between publishing the cube and removing its journal: the frames are in it.
fn finished_before<S: Source>(path: &Path, cube: &Cube<S>, new: &[Frame]) -> bool {
    let (journal, part) = (beside(path, "journal"), beside(path, "part"));
    let names = cube.file_names();
    let finished =
        journal.exists() && !part.exists() && new.iter().all(|frame| names.contains(&frame.file_name()));
    if finished {
        // Harmless where it stays.
        let _ = std::fs::remove_file(&journal);
    }
    finished
}

/// Checks that the frames are of the cube's chip, size and sector and later than its last frame.
fn check_fit<S: Source>(cube: &Cube<S>, new: &[Frame]) -> Result<(), Error> {
    let layout = cube.layout();
    let first = &new[0];
    let bad = |reason: String| {
        let problem = crate::Problem { path: first.path.clone(), reason };
        Error::BadFrames { problems: vec![problem], frames: new.len() }
    };
    if first.product.planes() != layout.planes {
        return Err(bad(format!("it is a {} frame, the cube has {} planes", first.product, layout.planes)));
    }
    if (first.columns, first.rows) != (layout.columns, layout.rows) {
        return Err(bad(format!(
            "it is {} columns and {} rows large, the cube {} and {}",
            first.columns, first.rows, layout.columns, layout.rows
        )));
    }
    let chip = ["CAMERA", "CCD"].map(|keyword| cube.primary().integer(keyword));
    if let [Some(camera), Some(ccd)] = chip
        && (first.camera, first.ccd) != (camera, ccd)
    {
        return Err(bad(format!(
            "it is of camera {} CCD {}, the cube of camera {camera} CCD {ccd}",
            first.camera, first.ccd
        )));
    }
    if let (Some(found), Some(sector)) = (first.sector, cube.primary().integer("SECTOR"))
        && found != sector
    {
        return Err(bad(format!("it is of sector {found}, the cube of sector {sector}")));
    }
    let starts = cube.frames().numbers(cube.product().start_keyword()).unwrap_or_default();
    let last = starts.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if first.start <= last {
        return Err(Error::NotLater { frame: first.path.clone(), start: first.start, last });
    }
    Ok(())
}
