//! Which frames belong into one cube, and in what order.

use std::collections::HashMap;
use std::hash::Hash;

use uranometria_fits::Source;

use crate::{Cube, Error, Frame, Problem, Product};

/// What ends the reason why a frame does not belong to the others; how many they are would differ from run to run.
const AS_OTHERS: &str = " as most others";

/// What ends the reason why a frame does not belong to a cube that is there.
const AS_CUBE: &str = " as the cube";

/// The reason why a frame was left out without what it was compared with, which differs from run to run.
pub(crate) fn without_comparison(reason: &str) -> &str {
    let reason = reason.strip_suffix(AS_OTHERS).unwrap_or(reason);
    reason.strip_suffix(AS_CUBE).unwrap_or(reason)
}

/// What all frames have to be; what is not told is what most of them are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) product: Option<Product>,
    /// Camera and CCD.
    pub(crate) chip: Option<(i64, i64)>,
    /// Columns and rows.
    pub(crate) size: Option<(usize, usize)>,
    pub(crate) sector: Option<i64>,
}

impl Wanted {
    /// What further frames of a cube have to be.
    pub(crate) fn by<S: Source>(cube: &Cube<S>) -> Self {
        let [camera, ccd, sector] =
            ["CAMERA", "CCD", "SECTOR"].map(|keyword| cube.primary().integer(keyword));
        Wanted {
            product: Some(cube.product()),
            chip: camera.zip(ccd),
            size: Some((cube.layout().columns, cube.layout().rows)),
            sector,
        }
    }
}

/// The frames of a cube in order of time, and those left out.
#[derive(Debug)]
pub struct Selection {
    /// Frames of one chip, size and product; starts ascend strictly.
    pub frames: Vec<Frame>,
    /// Frames left out, in order of their paths.
    pub skipped: Vec<Problem>,
}

/// Sorts frames by their start and keeps those that belong together.
///
/// What most frames have (product, camera and CCD, size, sector) is what all must have; of equal starts the first
/// file name counts. `unreadable` are frames that could not even be read. The result does not depend on the order
/// of the arguments.
///
/// # Errors
/// [`Error::BadFrames`] with every problem, unless `skip_bad` and some are left; [`Error::NoFrames`].
pub fn select(frames: Vec<Frame>, unreadable: Vec<Problem>, skip_bad: bool) -> Result<Selection, Error> {
    select_wanted(frames, unreadable, skip_bad, &Wanted::default())
}

/// As [`select`], where a cube may tell what frames have to be.
pub(crate) fn select_wanted(
    frames: Vec<Frame>,
    unreadable: Vec<Problem>,
    skip_bad: bool,
    wanted: &Wanted,
) -> Result<Selection, Error> {
    let given = frames.len() + unreadable.len();
    let mut skipped = unreadable;
    let mut frames = frames;
    frames.sort_by(|a, b| a.start.total_cmp(&b.start).then_with(|| a.path.cmp(&b.path)));

    frames = keep_common(
        frames,
        &mut skipped,
        wanted.product,
        |f| f.product,
        |product: &Product| format!("a {product} frame"),
    );
    frames = keep_common(
        frames,
        &mut skipped,
        wanted.chip,
        |f| (f.camera, f.ccd),
        |(camera, ccd)| format!("camera {camera} CCD {ccd}"),
    );
    frames = keep_common(
        frames,
        &mut skipped,
        wanted.size,
        |f| (f.columns, f.rows),
        |(columns, rows)| format!("of {columns} columns and {rows} rows"),
    );
    let told = frames.iter().any(|frame| frame.sector.is_some());
    frames = keep_common(
        frames,
        &mut skipped,
        wanted.sector,
        |f| if told { f.sector.unwrap_or(-1) } else { -1 },
        |sector| if *sector < 0 { "of no known sector".to_string() } else { format!("of sector {sector}") },
    );

    let mut kept: Vec<Frame> = Vec::with_capacity(frames.len());
    for frame in frames {
        match kept.last() {
            Some(last) if last.start == frame.start => {
                let keyword = frame.product.start_keyword();
                let reason = format!("duplicate: {keyword} is {}, as in {}", frame.start, last.file_name());
                skipped.push(Problem { path: frame.path, reason });
            }
            _ => kept.push(frame),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    if !skipped.is_empty() && (!skip_bad || kept.is_empty()) {
        return Err(Error::BadFrames { problems: skipped, frames: given });
    }
    if kept.is_empty() {
        return Err(Error::NoFrames);
    }
    Ok(Selection { frames: kept, skipped })
}

/// Keeps the frames that have the wanted key or, where none is wanted, the commonest; of equally common ones that of
/// the earliest frame.
fn keep_common<K: Eq + Hash>(
    frames: Vec<Frame>,
    skipped: &mut Vec<Problem>,
    wanted: Option<K>,
    key: impl Fn(&Frame) -> K,
    describe: impl Fn(&K) -> String,
) -> Vec<Frame> {
    let mut counts: HashMap<K, (usize, usize)> = HashMap::new();
    for (n, frame) in frames.iter().enumerate() {
        counts.entry(key(frame)).or_insert((0, n)).0 += 1;
    }
    let best = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    let as_what = if wanted.is_some() { AS_CUBE } else { AS_OTHERS };
    let Some(common) = wanted.or(best.map(|(common, _)| common)) else { return frames };
    let (kept, others): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| key(frame) == common);
    skipped.extend(others.into_iter().map(|frame| Problem {
        reason: format!("it is {}, expected {}{as_what}", describe(&key(&frame)), describe(&common)),
        path: frame.path,
    }));
    kept
}
