//! Which frames belong into one cube, and in what order.

use std::collections::HashMap;
use std::hash::Hash;

use crate::{Error, Frame, Problem, Product};

/// What ends the reason why a frame does not belong to the others; how many they are would differ from run to run.
pub(crate) const AS_OTHERS: &str = " as most others";

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
    let given = frames.len() + unreadable.len();
    let mut skipped = unreadable;
    let mut frames = frames;
    frames.sort_by(|a, b| a.start.total_cmp(&b.start).then_with(|| a.path.cmp(&b.path)));

    frames =
        keep_common(frames, &mut skipped, |f| f.product, |product: &Product| format!("a {product} frame"));
    frames = keep_common(
        frames,
        &mut skipped,
        |f| (f.camera, f.ccd),
        |(camera, ccd)| format!("camera {camera} CCD {ccd}"),
    );
    frames = keep_common(
        frames,
        &mut skipped,
        |f| (f.columns, f.rows),
        |(columns, rows)| format!("of {columns} columns and {rows} rows"),
    );
    let told = frames.iter().any(|frame| frame.sector.is_some());
    frames = keep_common(
        frames,
        &mut skipped,
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

/// Keeps the frames that have the commonest key; of equally common ones that of the earliest frame.
fn keep_common<K: Eq + Hash>(
    frames: Vec<Frame>,
    skipped: &mut Vec<Problem>,
    key: impl Fn(&Frame) -> K,
    describe: impl Fn(&K) -> String,
) -> Vec<Frame> {
    let mut counts: HashMap<K, (usize, usize)> = HashMap::new();
    for (n, frame) in frames.iter().enumerate() {
        counts.entry(key(frame)).or_insert((0, n)).0 += 1;
    }
    let best = counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    let Some((common, _)) = best else { return frames };
    let (kept, others): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| key(frame) == common);
    skipped.extend(others.into_iter().map(|frame| Problem {
        reason: format!("it is {}, expected {}{AS_OTHERS}", describe(&key(&frame)), describe(&common)),
        path: frame.path,
    }));
    kept
}
