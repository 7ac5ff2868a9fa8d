//! `ur cutout`: one place, a list of targets, or a moving target, from one or many cubes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde_json::json;
use uranometria_cutout::fs::{self, Format};
use uranometria_cutout::{Cutout, Cutter, Error, Place, Size, Target, read_targets, read_track};
use uranometria_fits::Source;
use uranometria_fits::fs::{Durability, MappedFile};
use uranometria_plot::{StampPlot, stamp_png};
use uranometria_sky::Direction;

use crate::args::CutoutArgs;
use crate::report::{self, Bar, Outcome, line};

/// A file that was written.
struct Written {
    target: String,
    path: PathBuf,
    bytes: u64,
    frames: usize,
    columns: usize,
    rows: usize,
    wcs_max_separation_deg: Option<f64>,
}

/// What to cut: a fixed place or a track, under a name, with a size.
struct Job<'a> {
    name: Option<&'a str>,
    what: What<'a>,
    size: Size,
}

enum What<'a> {
    Place(Place),
    Track(&'a uranometria_sky::Track),
}

pub(crate) fn run(args: &CutoutArgs, stop: &AtomicBool) -> report::Result {
    let (result, time) = report::timed(|| cut_all(args, stop));
    let (written, missed) = result?;
    let bytes: u64 = written.iter().map(|file| file.bytes).sum();
    if args.json {
        report::json(&json!({
            "written": written.iter().map(|file| json!({
                "target": file.target, "file": file.path, "bytes": file.bytes, "frames": file.frames,
                "columns": file.columns, "rows": file.rows,
                "wcs_max_separation_deg": file.wcs_max_separation_deg,
            })).collect::<Vec<_>>(),
            "not_found": missed.iter().map(|(target, reason)| json!({ "target": target, "reason": reason }))
                .collect::<Vec<_>>(),
            "bytes": bytes, "seconds": time.as_secs_f64(),
        }));
    } else {
        for (_, reason) in &missed {
            report::warning(reason);
        }
        match written.as_slice() {
            [] => {}
            [file] => line(format!(
                "{}: {} frames of {} x {} pixels, {} in {:.1} ms",
                file.path.display(),
                file.frames,
                file.columns,
                file.rows,
                report::bytes(bytes),
                time.as_secs_f64() * 1e3
            )),
            files => line(format!(
                "{} cutouts, {} in {:.2} s ({:.0} a second, {})",
                files.len(),
                report::bytes(bytes),
                time.as_secs_f64(),
                files.len() as f64 / time.as_secs_f64(),
                report::rate(bytes, time)
            )),
        }
    }
    Ok(if written.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

type Missed = Vec<(String, String)>;

fn cut_all(
    args: &CutoutArgs,
    stop: &AtomicBool,
) -> Result<(Vec<Written>, Missed), Box<dyn std::error::Error>> {
    let format = match args.format.as_str() {
        "image" => Format::Image,
        "parquet" => Format::Parquet,
        _ => Format::Tpf,
    };
    report::refuse_inputs(&[&args.out], &args.cube)?;
    if let Some(preview) = &args.preview {
        report::refuse_inputs(&[preview], &args.cube)?;
        if *preview == args.out && !preview.is_dir() {
            return Err(format!("{}: --out and --preview are the same file", preview.display()).into());
        }
    }
    let cutters = args.cube.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let tags = tags(&cutters)?;
    let targets: Vec<Target> = match &args.targets {
        Some(path) => read_targets(open_text(path)?).map_err(|error| named(path, error))?,
        None => Vec::new(),
    };
    let track = match &args.track {
        Some(path) => Some(read_track(open_text(path)?).map_err(|error| named(path, error))?),
        None => None,
    };
    let size = |(columns, rows): (f64, f64)| match args.units.as_str() {
        "arcmin" => Ok(Size::Degrees { columns: columns / 60.0, rows: rows / 60.0 }),
        "deg" => Ok(Size::Degrees { columns, rows }),
        _ if columns.fract() == 0.0 && rows.fract() == 0.0 => {
            Ok(Size::Pixels { columns: columns as usize, rows: rows as usize })
        }
        _ => Err(format!(
            "--size {columns}x{rows} is not whole pixels; give whole ones, or --units arcmin or deg"
        )),
    };
    let tica = |cutter: &Cutter<MappedFile>| cutter.cube().product() == uranometria_cube::Product::Tica;
    if track.is_some() && cutters.iter().any(tica) {
        report::warning(
            "times of TICA frames are not barycentric: a BTJD track is up to 8 minutes off on them",
        );
    }
    let mut jobs = Vec::new();
    if let (Some(ra), Some(dec)) = (args.ra, args.dec) {
        let place = Place::Sky(Direction::from_degrees(ra, dec)?);
        jobs.push(Job { name: None, what: What::Place(place), size: size(args.size)? });
    } else if let (Some(x), Some(y)) = (args.x, args.y) {
        jobs.push(Job { name: None, what: What::Place(Place::Pixel { x, y }), size: size(args.size)? });
    } else if let Some(track) = &track {
        jobs.push(Job { name: None, what: What::Track(track), size: size(args.size)? });
    }
    for target in &targets {
        jobs.push(Job {
            name: Some(&target.name),
            what: What::Place(Place::Sky(target.position)),
            size: size(target.size.unwrap_or(args.size))?,
        });
    }

    let many = !targets.is_empty() || cutters.len() > 1;
    let folder = many || args.out.is_dir() || args.out.as_os_str().as_encoded_bytes().ends_with(b"/");
    if folder {
        std::fs::create_dir_all(&args.out)
            .map_err(|error| format!("{}: cannot make it: {error}", args.out.display()))?;
        if let Some(preview) = args.preview.as_ref().filter(|_| many) {
            std::fs::create_dir_all(preview)
                .map_err(|e| format!("{}: cannot make it: {e}", preview.display()))?;
        }
    }
    let bar = Bar::new();
    let done = AtomicU64::new(0);
    let one = |job: &Job<'_>| -> Result<(Vec<Written>, Option<String>), Error> {
        let mut written = Vec::new();
        let mut why_not = None;
        for (cutter, tag) in cutters.iter().zip(&tags) {
            if stop.load(Ordering::Relaxed) {
                return Err(uranometria_cube::Error::Interrupted.into());
            }
            let cutout = match &job.what {
                What::Place(place) => cutter.cut(*place, job.size),
                What::Track(track) => cutter.follow(track, job.size),
            };
            let cutout = match cutout {
                Ok(cutout) => cutout.named(job.name.unwrap_or("")),
                // One place that cannot be cut does not end the others; alone, its size or cube is an error.
                Err(
                    error @ (Error::OffFrame { .. }
                    | Error::TrackOffFrames { .. }
                    | Error::Size { .. }
                    | Error::Cube(uranometria_cube::Error::NoWcs { .. })),
                ) if many || matches!(error, Error::OffFrame { .. } | Error::TrackOffFrames { .. }) => {
                    why_not.get_or_insert(match job.name {
                        Some(name) => format!("target {name}: {error}"),
                        None => error.to_string(),
                    });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let path = match (folder, job.name) {
                (false, _) => args.out.clone(),
                (true, None) => args.out.join(fs::default_name(&cutout, tag, format)),
                (true, Some(name)) => {
                    let tag = if cutters.len() > 1 { format!("-{tag}") } else { String::new() };
                    args.out.join(format!("{}{tag}.{}", fs::file_stem(name), format.extension()))
                }
            };
            let bytes = fs::write(&cutout, format, &path)?;
            if let Some(preview) = &args.preview {
                let picture = if many || preview.is_dir() {
                    preview.join(path.with_extension("png").file_name().unwrap_or_default())
                } else {
                    preview.clone()
                };
                write_preview(&cutout, job.name, &picture)?;
            }
            written.push(Written {
                target: job.name.unwrap_or_default().to_string(),
                bytes,
                frames: cutout.len(),
                columns: cutout.stamp().columns,
                rows: cutout.stamp().rows,
                wcs_max_separation_deg: cutout.fit().map(|fit| fit.max_separation_deg),
                path,
            });
        }
        bar.count("cutting", done.fetch_add(1, Ordering::Relaxed) + 1, jobs.len() as u64);
        Ok((written, why_not))
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    let results = pool.install(|| jobs.par_iter().map(one).collect::<Result<Vec<_>, Error>>());
    drop(bar);
    if stop.load(Ordering::Relaxed) {
        let done = done.load(Ordering::Relaxed);
        return Err(
            format!("interrupted after {done} of {} places; run the same command again", jobs.len()).into()
        );
    }
    let results = results?;
    let mut all = Vec::new();
    let mut missed = Vec::new();
    for (job, (written, why_not)) in jobs.iter().zip(results) {
        if let (true, Some(reason)) = (written.is_empty(), why_not) {
            missed.push((job.name.unwrap_or_default().to_string(), reason));
        }
        all.extend(written);
    }
    Ok((all, missed))
}

/// What tells the cubes apart in file names: sector and chip, and the cube's name where these are the same.
fn tags<S: Source>(cutters: &[Cutter<S>]) -> Result<Vec<String>, String> {
    let chip = |cutter: &Cutter<S>| {
        let number = |keyword: &str| cutter.cube().primary().integer(keyword).unwrap_or(0);
        format!("s{:04}-{}-{}", number("SECTOR"), number("CAMERA"), number("CCD"))
    };
    let chips: Vec<String> = cutters.iter().map(chip).collect();
    let shared = |chip: &String| chips.iter().filter(|other| *other == chip).count() > 1;
    let mut tags: Vec<String> = Vec::new();
    for (cutter, chip) in cutters.iter().zip(&chips) {
        let stem = cutter.cube().path().and_then(Path::file_stem).unwrap_or_default().to_string_lossy();
        let tag = if shared(chip) { format!("{chip}-{}", fs::file_stem(&stem)) } else { chip.clone() };
        if tags.contains(&tag) {
            return Err(format!(
                "two cubes of {chip} are both named {stem}; name each cube once, or rename one"
            ));
        }
        tags.push(tag);
    }
    Ok(tags)
}

#[allow(unsafe_code)]
pub(super) fn open(path: &Path) -> Result<Cutter<MappedFile>, uranometria_cube::Error> {
    // SAFETY: cubes are published whole and only ever replaced by renaming, never changed in place.
    let cube = unsafe { uranometria_cube::fs::map(path) }?;
    Ok(Cutter::new(cube))
}

fn open_text(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("{}: cannot open it: {error}", path.display()))
}

fn named(path: &Path, source: Error) -> Error {
    Error::InFile { path: path.to_path_buf(), source: Box::new(source) }
}

/// Draws the median image of a cutout.
fn write_preview<S: Source>(cutout: &Cutout<'_, S>, name: Option<&str>, path: &Path) -> Result<(), Error> {
    let picture = super::picture::of_cutout(cutout, name)?;
    let plot = StampPlot { width: 640, height: 600, ..picture.plot() };
    let png = stamp_png(&plot).map_err(|error| Error::Table(format!("{}: {error}", path.display())))?;
    uranometria_fits::fs::write(path, &png, Durability::Process)?;
    Ok(())
}
