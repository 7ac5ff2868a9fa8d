//! From paths to frames: headers are read, compressed frames are copied out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Hdu, Header, Source, read_hdus};

use super::stage::Staging;
use super::{Control, Options, Stage};
use crate::{Error, Frame, Problem, Selection, select};

/// A frame and the file its pixels are read from: its own, or an uncompressed copy.
#[derive(Clone, Debug)]
pub(super) struct Scanned {
    pub(super) frame: Frame,
    pub(super) pixels: PathBuf,
}

/// Reads the headers of all frames and keeps those that belong together, in order of time.
pub(super) fn scan(
    paths: &[PathBuf],
    options: &Options,
    staging: &Staging,
    control: &Control<'_>,
) -> Result<(Vec<Scanned>, Vec<Problem>), Error> {
    let done = AtomicU64::new(0);
    let total = paths.len() as u64;
    let read: Vec<Result<Scanned, Problem>> = paths
        .par_iter()
        .map(|path| {
            control.check()?;
            let scanned = scan_one(path, options, staging);
            control.report(Stage::Headers, done.fetch_add(1, Ordering::Relaxed) + 1, total);
            match scanned {
                Err(Error::NoRoom { .. }) | Ok(Ok(_)) | Ok(Err(_)) => scanned,
                Err(other) => Ok(Err(Problem { path: path.clone(), reason: other.to_string() })),
            }
        })
        .collect::<Result<_, Error>>()?;
    let mut frames = Vec::new();
    let mut copies = std::collections::HashMap::new();
    let mut problems = Vec::new();
    for result in read {
        match result {
            Ok(Scanned { frame, pixels }) => {
                if pixels != frame.path {
                    copies.insert(frame.path.clone(), pixels);
                }
                frames.push(frame);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let Selection { frames, skipped } = select(frames, problems, options.skip_bad)?;
    let scanned = frames
        .into_iter()
        .map(|mut frame| {
            frame.sector = options.sector.or(frame.sector);
            let pixels = copies.get(&frame.path).unwrap_or(&frame.path).clone();
            Scanned { frame, pixels }
        })
        .collect();
    Ok((scanned, skipped))
}

fn scan_one(path: &Path, options: &Options, staging: &Staging) -> Result<Result<Scanned, Problem>, Error> {
    let problem = |reason: String| Problem { path: path.to_path_buf(), reason };
    let file = OpenFile::open(path)?;
    let hdus = if is_gzip(&file) { None } else { Some(read_hdus(&file).map_err(|e| e.in_file(path))?) };
    let needs_copy = hdus.as_ref().is_none_or(|hdus| hdus.iter().any(is_tile_compressed));
    let frame = |hdus: &[Hdu]| Frame::from_hdus(path, hdus, options.product);
    let (frame, pixels) = match hdus {
        Some(hdus) if !needs_copy => match frame(&hdus) {
            Ok(frame) if frame.plain => (frame, path.to_path_buf()),
            Ok(frame) => {
                let pixels = staging.converted(path, &file, &hdus, &frame)?;
                (staging.frame_of_copy(frame), pixels)
            }
            Err(reason) => return Ok(Err(problem(reason))),
        },
        _ => {
            let copy = staging.decompressed(path)?;
            let file = OpenFile::open(&copy)?;
            let hdus = read_hdus(&file).map_err(|e| e.in_file(path))?;
            match frame(&hdus) {
                Ok(frame) if frame.plain => (frame, copy),
                Ok(frame) => {
                    let pixels = staging.converted(path, &file, &hdus, &frame)?;
                    (staging.frame_of_copy(frame), pixels)
                }
                Err(reason) => return Ok(Err(problem(reason))),
            }
        }
    };
    Ok(Ok(Scanned { frame, pixels }))
}

fn is_gzip(file: &OpenFile) -> bool {
    let mut magic = [0; 2];
    file.read_at(0, &mut magic).is_ok() && magic == [0x1f, 0x8b]
}

fn is_tile_compressed(hdu: &Hdu) -> bool {
    hdu.header.logical("ZIMAGE") == Some(true)
}

/// Reads the primary and the science header of a frame again, with their comments.
pub(super) fn headers(scanned: &Scanned, staging: &Staging) -> Result<(Header, Header), Error> {
    let path = staging.headers_of(&scanned.frame, &scanned.pixels);
    let file = OpenFile::open(&path)?;
    let hdus = read_hdus(&file).map_err(|error| error.in_file(&path))?;
    let science = scanned.frame.product.science_hdu();
    let header = |n: usize| hdus.get(n).map(|hdu| hdu.header.clone()).unwrap_or_default();
    Ok((header(0), header(science)))
}
