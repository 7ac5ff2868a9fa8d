//! Later frames at the end of a cube.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use uranometria_fits::Source;
use uranometria_fits::fs::destination;

use super::engine::{Claim, Plan, make};
use super::input::Input;
use super::scan::{Scan, headers, scan};
use super::stage::Staging;
use super::{Control, Options, Report, beside, open, today};
use crate::frame_table::{ascii, is_of_file};
use crate::select::Wanted;
use crate::{Cube, CubeLayout, Error, Frame, primary};

/// Adds later frames to a cube, which stays as it is until the longer one replaces it in one step.
///
/// Frames that the cube has already, by name and start, are passed over and counted, and files that it lists as
/// skipped are not listed again; where no new frame is left, the cube stays as it is. Else the result is, but for DATE,
/// what [`build`](super::build) makes of all frames together, as long as no keyword has values of several types (the
/// old table has 0 for a missing integer, which build would not write among reals, and 5.0 for an integer among reals,
/// which it would not write among texts). Time is the second fastest axis, so all of the cube is copied; memory stays
/// within `options.memory`.
///
/// # Errors
/// [`Error::NotLater`], and as [`build`](super::build).
pub fn append(
    cube_path: impl AsRef<Path>,
    frames: &[PathBuf],
    options: &Options,
    control: &Control<'_>,
) -> Result<Report, Error> {
    // Locked only where there is a cube, so that a wrong name leaves nothing behind.
    open(&cube_path)?;
    let path = &destination(cube_path)?;
    let claim = Claim::take(path)?;
    let cube = open(path)?;
    let staging = Staging::beside(path);
    // What an interrupted run left is for its next run.
    let others = !claim.is_fresh() || beside(path, "journal").exists();
    let options = Options { product: Some(options.product.unwrap_or(cube.product())), ..options.clone() };
    // Copies of compressed frames stay when some frame is bad: the next run may leave it out.
    let Scan { frames: mut new, mut pixels, skipped } =
        scan(frames, &options, &Wanted::by(&cube), &staging, control)?;
    let given = leave_out_known(&cube, &mut new, &mut pixels);
    let known = given.len();
    let report = |layout: CubeLayout, bytes, resumed| Report {
        path: path.to_path_buf(),
        layout,
        bytes,
        resumed,
        known,
        skipped: skipped.clone(),
    };
    if new.is_empty() {
        if !others {
            staging.clear();
            let _ = std::fs::remove_file(beside(path, "journal"));
        }
        return Ok(report(*cube.layout(), cube.source().len(), cube.layout().data_len().unwrap_or(0)));
    }
    check_later(&cube, &new).inspect_err(|_| {
        if !others {
            staging.clear();
        }
    })?;
    // Columns come from the first frame with world coordinates; that may be a new one.
    let template = match (cube.wcs(), new.iter().position(Frame::has_wcs)) {
        (Err(Error::NoWcs { .. }), Some(at)) => Some(headers(&new[at], &pixels[at], &staging)?.1),
        _ => None,
    };
    let date = options.date.clone().unwrap_or_else(today);
    let old = *cube.layout();
    let layout = CubeLayout { frames: old.frames + new.len(), ..old };
    let rows = cube.file_names().into_iter().enumerate();
    let absent: Vec<String> = rows.filter(|(row, _)| !given.contains(row)).map(|(_, name)| name).collect();
    let primary = primary::extended(cube.primary(), &absent, &new, &skipped, &date);
    let table = cube.frames().extended(template.as_ref(), &new).to_hdu();
    new.iter_mut().for_each(|frame| frame.values = Vec::new());
    let plan = Plan { primary, table, layout, input: Input::new(Some(cube), &new, &pixels, layout.planes)? };
    let made = make(path, &claim, plan, &options, control)?;
    staging.clear();
    Ok(report(layout, made.bytes, made.resumed))
}

/// Takes out the frames that the cube has, by name and start, and returns their rows in the cube.
fn leave_out_known<S: Source>(
    cube: &Cube<S>,
    new: &mut Vec<Frame>,
    pixels: &mut Vec<PathBuf>,
) -> HashSet<usize> {
    let starts = cube.frames().numbers(cube.product().start_keyword()).unwrap_or_default();
    let mut have: HashMap<u64, Vec<(usize, String)>> = HashMap::new();
    for (row, (name, start)) in cube.file_names().into_iter().zip(starts).enumerate() {
        have.entry(start.to_bits()).or_default().push((row, name));
    }
    let mut given = HashSet::new();
    let mut is_known = |frame: &Frame| {
        let rows = have.get(&frame.start.to_bits()).map_or(&[][..], Vec::as_slice);
        let own = ascii(&frame.file_name());
        let found = rows.iter().find(|(_, name)| is_of_file(name, &own));
        given.extend(found.map(|(row, _)| *row));
        found.is_some()
    };
    let known: Vec<bool> = new.iter().map(&mut is_known).collect();
    let mut of_frames = known.iter();
    new.retain(|_| of_frames.next() != Some(&true));
    let mut of_pixels = known.iter();
    pixels.retain(|_| of_pixels.next() != Some(&true));
    given
}

/// Checks that the frames, which are in order of time, are later than the cube's last one.
fn check_later<S: Source>(cube: &Cube<S>, new: &[Frame]) -> Result<(), Error> {
    let first = &new[0];
    let starts = cube.frames().numbers(cube.product().start_keyword()).unwrap_or_default();
    let last = starts.into_iter().fold(f64::NEG_INFINITY, f64::max);
    if first.start <= last {
        return Err(Error::NotLater { frame: first.path.clone(), start: first.start, last });
    }
    Ok(())
}
