//! From paths to frames: headers are read, compressed frames are copied out.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Hdu, Header, Source, read_hdus};

use super::stage::Staging;
use super::{Control, Options, Stage};
use crate::frame::sector_of_name;
use crate::select::{Wanted, select_wanted};
use crate::{Error, Frame, Problem, Selection};

/// Frames in order of time, the files their pixels are read from (their own, or uncompressed copies), and those that
/// were left out.
pub(super) struct Scan {
    pub(super) frames: Vec<Frame>,
    pub(super) pixels: Vec<PathBuf>,
    pub(super) skipped: Vec<Problem>,
}

/// Why a frame was not scanned.
enum Fault {
    /// It is the frame's fault.
    Frame(String),
    /// It is not: the copy cannot be written, or the work was stopped.
    Work(Error),
}

impl From<uranometria_fits::Error> for Fault {
    fn from(error: uranometria_fits::Error) -> Self {
        Fault::Frame(error.to_string())
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Frame(reason)
    }
}

/// Reads the headers of all frames and keeps those that belong together; frames that do not tell their sector are of the
/// wanted one.
pub(super) fn scan(
    paths: &[PathBuf],
    options: &Options,
    wanted: &Wanted,
    staging: &Staging,
    control: &Control<'_>,
) -> Result<Scan, Error> {
    let done = AtomicU64::new(0);
    let total = paths.len() as u64;
    let one = |path: &PathBuf| -> Result<Result<(Frame, PathBuf), Problem>, Error> {
        control.check()?;
        let scanned = scan_one(path, options, staging);
        let copied = matches!(&scanned, Ok((_, pixels)) if pixels != path);
        let stage = if copied { Stage::Decompressing } else { Stage::Headers };
        control.report(stage, done.fetch_add(1, Ordering::Relaxed) + 1, total);
        match scanned {
            Ok(scanned) => Ok(Ok(scanned)),
            Err(Fault::Frame(reason)) => Ok(Err(Problem { path: path.clone(), reason })),
            Err(Fault::Work(error)) => Err(error),
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads()).build();
    let read = match pool {
        Ok(pool) => pool.install(|| paths.par_iter().map(one).collect::<Result<Vec<_>, Error>>()),
        // No threads are to be had: one is.
        Err(_) => paths.iter().map(one).collect(),
    }?;
    let mut frames = Vec::new();
    let mut copies = HashMap::new();
    let mut problems = Vec::new();
    for result in read {
        match result {
            Ok((mut frame, pixels)) => {
                frame.sector = frame.sector.or(wanted.sector);
                if pixels != frame.path {
                    copies.insert(frame.path.clone(), pixels);
                }
                frames.push(frame);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let Selection { frames, skipped } = select_wanted(frames, problems, options.skip_bad, wanted)?;
    let pixels = frames.iter().map(|frame| copies.get(&frame.path).unwrap_or(&frame.path).clone()).collect();
    Ok(Scan { frames, pixels, skipped })
}

fn scan_one(path: &Path, options: &Options, staging: &Staging) -> Result<(Frame, PathBuf), Fault> {
    let file = OpenFile::open(path)?;
    let hdus = if is_gzip(&file) { None } else { Some(read_hdus(&file).map_err(|e| e.in_file(path))?) };
    match hdus {
        Some(hdus) if !hdus.iter().any(is_tile_compressed) => {
            frame_of(path, path.to_path_buf(), &file, &hdus, options, staging)
        }
        hdus => {
            // Before a whole sector is unpacked for a slip.
            if options.sector.is_some() {
                let sector = match &hdus {
                    Some(hdus) => sector_of(hdus.iter().map(|hdu| &hdu.header)),
                    None => sector_of_gzip(path),
                };
                check_sector(sector.or_else(|| sector_of_name(path)), options)?;
            }
            let copy = match hdus {
                Some(_) => staging.decompressed(path),
                None => staging.unzipped(path),
            };
            let copy = copy.map_err(of_copy)?;
            let file = OpenFile::open(&copy)?;
            let hdus = read_hdus(&file).map_err(|e| e.in_file(path))?;
            frame_of(path, copy, &file, &hdus, options, staging)
        }
    }
}

/// Makes the frame of a file; pixels that are no plain f32 are converted.
fn frame_of(
    path: &Path,
    pixels: PathBuf,
    file: &OpenFile,
    hdus: &[Hdu],
    options: &Options,
    staging: &Staging,
) -> Result<(Frame, PathBuf), Fault> {
    let mut frame = Frame::from_hdus(path, hdus, options.product)?;
    check_sector(frame.sector, options)?;
    frame.sector = frame.sector.or(options.sector);
    if frame.plain {
        return Ok((frame, pixels));
    }
    let pixels = staging.converted(path, file, hdus, &frame).map_err(of_copy)?;
    Ok((staging.frame_of_copy(frame), pixels))
}

fn check_sector(found: Option<i64>, options: &Options) -> Result<(), String> {
    match (found, options.sector) {
        (Some(found), Some(wanted)) if found != wanted => {
            Err(format!("it is of sector {found}, expected sector {wanted} as asked for"))
        }
        _ => Ok(()),
    }
}

/// Tells what is wrong with a frame from what is wrong with writing its copy.
fn of_copy(error: Error) -> Fault {
    match error {
        Error::Fits(error) => Fault::Frame(error.to_string()),
        other => Fault::Work(other),
    }
}

fn is_gzip(file: &OpenFile) -> bool {
    let mut magic = [0; 2];
    file.read_at(0, &mut magic).is_ok() && magic == [0x1f, 0x8b]
}

/// The sector that headers tell, in order of the HDUs: of the science image, which is the second of SPOC's, or of the
/// primary one.
fn sector_of<'a>(mut headers: impl Iterator<Item = &'a Header>) -> Option<i64> {
    let primary = headers.next()?.integer("SECTOR");
    headers.find_map(|header| header.integer("SECTOR")).or(primary)
}

/// The sector that the first headers of a gzipped file tell.
fn sector_of_gzip(path: &Path) -> Option<i64> {
    /// No headers of a frame are longer.
    const LONGEST: u64 = 1 << 20;
    let mut start = Vec::new();
    let packed = MultiGzDecoder::new(File::open(path).ok()?);
    // What is damaged further on is told when it is unpacked.
    let _ = packed.take(LONGEST).read_to_end(&mut start);
    let (primary, len) = Header::parse(&start).ok()?;
    let has_data = primary.integer("NAXIS") != Some(0);
    let second = if has_data { None } else { Header::parse(&start[len..]).ok() };
    sector_of([Some(primary), second.map(|(header, _)| header)].iter().flatten())
}

pub(super) fn is_tile_compressed(hdu: &Hdu) -> bool {
    hdu.header.logical("ZIMAGE") == Some(true)
}

/// Reads the primary and the science header of a frame again, with their comments.
pub(super) fn headers(frame: &Frame, pixels: &Path, staging: &Staging) -> Result<(Header, Header), Error> {
    let path = staging.headers_of(frame, pixels);
    let file = OpenFile::open(&path)?;
    let hdus = read_hdus(&file).map_err(|error| error.in_file(&path))?;
    let science = frame.product.science_hdu();
    let header = |n: usize| hdus.get(n).map(|hdu| hdu.header.clone()).unwrap_or_default();
    Ok((header(0), header(science)))
}
