//! `ur cutout`: one place, a list of targets, or a moving target, from one or many cubes.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;
use serde_json::json;
use uranometria_cutout::fs::{self, Format};
use uranometria_cutout::{Cutout, Cutter, Error, Place, Size, Target, read_targets, read_track};
use uranometria_fits::Source;
use uranometria_fits::fs::{Durability, MappedFile, destination, part_path};
use uranometria_plot::{StampPlot, stamp_png};
use uranometria_sky::Direction;

use crate::args::CutoutArgs;
use crate::files::{self, Kind};
use crate::report::{self, Bar, Outcome, line};

/// The most bytes that file systems allow in the name of a file.
const LONGEST_NAME: usize = 255;

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

impl Job<'_> {
    fn cut<'c, S: Source>(&self, cutter: &'c Cutter<S>) -> Result<Cutout<'c, S>, Error> {
        let cutout = match &self.what {
            What::Place(place) => cutter.cut(*place, self.size),
            What::Track(track) => cutter.follow(track, self.size),
        };
        Ok(cutout?.named(self.name.unwrap_or("")))
    }
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
                "target": file.target, "file": report::path(&file.path), "bytes": file.bytes, "frames": file.frames,
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

/// Whether an output is a folder, there or to be made.
fn is_folder(out: &Path) -> bool {
    out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The kind of file that was asked for, which the endings of files may not belie.
fn format(args: &CutoutArgs) -> Result<Format, String> {
    let many = args.targets.is_some() || args.cube.len() > 1;
    let in_folder = many || is_folder(&args.out);
    let ending = files::ending_of(&args.out);
    if many && !is_folder(&args.out) && ["fits", "fit", "parquet"].contains(&ending.as_str()) {
        let out = args.out.display();
        return Err(format!(
            "{out}: several cutouts go into a folder, expected the name of one; end it with / if it is"
        ));
    }
    let format = match args.format.as_deref() {
        Some("image") => Format::Image,
        Some("parquet") => Format::Parquet,
        None if ending == "parquet" && !in_folder => Format::Parquet,
        _ => Format::Tpf,
    };
    if !in_folder {
        files::ending(&args.out, if format == Format::Parquet { &["parquet"] } else { &["fits", "fit"] })?;
    }
    if let Some(preview) = args.preview.as_ref().filter(|preview| !many && !is_folder(preview)) {
        files::ending(preview, &["png"])?;
    }
    Ok(format)
}

fn kind(format: Format) -> Kind {
    match format {
        Format::Tpf => Kind::TargetPixelFile,
        Format::Image => Kind::ImageCutout,
        Format::Parquet => Kind::Parquet,
    }
}

fn cut_all(
    args: &CutoutArgs,
    stop: &AtomicBool,
) -> Result<(Vec<Written>, Missed), Box<dyn std::error::Error>> {
    let format = format(args)?;
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
            "size {columns}x{rows} is not whole pixels; give whole ones, or --units arcmin or deg"
        )),
    };
    let of_all = || size(args.size).map_err(|reason| format!("--{reason}"));
    let tica = |cutter: &Cutter<MappedFile>| cutter.cube().product() == uranometria_cube::Product::Tica;
    if track.is_some() && cutters.iter().any(tica) {
        report::warning(
            "times of TICA frames are not barycentric: a BTJD track is up to 8 minutes off on them",
        );
    }
    let mut jobs = Vec::new();
    if let (Some(ra), Some(dec)) = (args.ra, args.dec) {
        let place = Place::Sky(Direction::from_degrees(ra, dec)?);
        jobs.push(Job { name: None, what: What::Place(place), size: of_all()? });
    } else if let (Some(x), Some(y)) = (args.x, args.y) {
        jobs.push(Job { name: None, what: What::Place(Place::Pixel { x, y }), size: of_all()? });
    } else if let Some(track) = &track {
        jobs.push(Job { name: None, what: What::Track(track), size: of_all()? });
    }
    for target in &targets {
        jobs.push(Job {
            name: Some(&target.name),
            what: What::Place(Place::Sky(target.position)),
            size: match (target.size, &args.targets) {
                (Some(own), Some(path)) => size(own)
                    .map_err(|reason| format!("{}, target {}: {reason}", path.display(), target.name))?,
                _ => of_all()?,
            },
        });
    }

    let many = !targets.is_empty() || cutters.len() > 1;
    let outputs = Outputs { args, format, many, cubes: cutters.len() };
    outputs.refuse_inputs(&jobs, &cutters, &tags)?;
    let missing = outputs.missing_folders();
    let bar = Bar::new();
    let done = AtomicU64::new(0);
    let one = |job: &Job<'_>| -> Result<(Vec<Written>, Vec<String>), Error> {
        let mut written = Vec::new();
        let mut why_not = Vec::new();
        for (cutter, tag) in cutters.iter().zip(&tags) {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let cutout = match job.cut(cutter) {
                Ok(cutout) => cutout,
                // One place that cannot be cut does not end the others; alone, its size or cube is an error.
                Err(
                    error @ (Error::OffFrame { .. }
                    | Error::TrackOffFrames { .. }
                    | Error::Size { .. }
                    | Error::Cube(uranometria_cube::Error::NoWcs { .. })),
                ) if many || matches!(error, Error::OffFrame { .. } | Error::TrackOffFrames { .. }) => {
                    // Of one cube there is no doubt which it was.
                    why_not.push(match cutter.cube().path() {
                        // Errors of the cube itself name it.
                        Some(path) if cutters.len() > 1 && !matches!(error, Error::Cube(_)) => {
                            error.in_file(path).to_string()
                        }
                        _ => error.to_string(),
                    });
                    continue;
                }
                Err(error) => return Err(error),
            };
            let path = outputs.path(job, tag, || Ok(fs::default_name(&cutout, tag, format)))?;
            outputs.make_folders(&path)?;
            let bytes = fs::write_watched(&cutout, format, &path, stop)?;
            if let Some(picture) = outputs.preview(&path) {
                write_preview(&cutout, job.name, &picture, stop)?;
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
    let results = match results {
        Ok(results) => results,
        Err(error) => {
            // Those that are empty go again.
            for folder in missing {
                let _ = std::fs::remove_dir(folder);
            }
            let done = done.load(Ordering::Relaxed);
            return Err(match error {
                Error::Interrupted => {
                    let of = format!("{done} of {} places", jobs.len());
                    format!("interrupted after {of}; run the same command again").into()
                }
                error => error.into(),
            });
        }
    };
    let mut all = Vec::new();
    let mut missed = Vec::new();
    for (job, (written, why_not)) in jobs.iter().zip(results) {
        if written.is_empty() {
            let reason = why_not.join("; ");
            missed.push(match job.name {
                Some(name) => (name.to_string(), format!("target {name}: {reason}")),
                None => (String::new(), reason),
            });
        }
        all.extend(written);
    }
    Ok((all, missed))
}

/// Where the cutouts and their previews go.
struct Outputs<'a> {
    args: &'a CutoutArgs,
    format: Format,
    /// Whether there are several targets or cubes.
    many: bool,
    cubes: usize,
}

impl Outputs<'_> {
    /// The file of a cutout; `default_name` is asked for a place without a name in a folder.
    fn path(
        &self,
        job: &Job<'_>,
        tag: &str,
        default_name: impl FnOnce() -> Result<PathBuf, Error>,
    ) -> Result<PathBuf, Error> {
        let out = &self.args.out;
        if !(self.many || is_folder(out)) {
            return Ok(out.clone());
        }
        Ok(match job.name {
            None => out.join(default_name()?),
            Some(name) => {
                let tag = if self.cubes > 1 { format!("-{tag}") } else { String::new() };
                out.join(format!("{}{tag}.{}", fs::file_stem(name), self.format.extension()))
            }
        })
    }

    /// The picture that goes with a file.
    fn preview(&self, path: &Path) -> Option<PathBuf> {
        let preview = self.args.preview.as_ref()?;
        let slash = preview.as_os_str().as_encoded_bytes().ends_with(b"/");
        let folder = self.many || slash || preview.is_dir();
        let name = || path.with_extension("png").file_name().unwrap_or_default().to_os_string();
        Some(if folder { preview.join(name()) } else { preview.clone() })
    }

    /// Refuses, before anything is written, files that would replace an input or each other.
    ///
    /// A file named for a target counts whether or not the target will be found.
    fn refuse_inputs<S: Source>(
        &self,
        jobs: &[Job<'_>],
        cutters: &[Cutter<S>],
        tags: &[String],
    ) -> Result<(), String> {
        let args = self.args;
        let mut outputs = Vec::new();
        for job in jobs {
            for (cutter, tag) in cutters.iter().zip(tags) {
                let default_name = || Ok(fs::default_name(&job.cut(cutter)?, tag, self.format));
                // Where there is no cutout nothing will be written; why is told when it is its turn.
                let Ok(path) = self.path(job, tag, default_name) else { continue };
                outputs.extend(self.preview(&path).map(|preview| (preview, Kind::Png)));
                outputs.push((path, kind(self.format)));
            }
        }
        let inputs = args.cube.iter().chain(&args.targets).chain(&args.track);
        let inputs: Vec<PathBuf> = inputs.cloned().collect();
        files::refuse_inputs(&outputs.iter().map(|(path, _)| path).collect::<Vec<_>>(), &inputs)?;
        outputs.iter().try_for_each(|(path, kind)| files::refuse_other_kind(path, *kind))?;
        let outputs: Vec<PathBuf> = outputs.into_iter().map(|(path, _)| path).collect();
        if !self.many {
            // Those of several are made.
            outputs.iter().filter(|path| **path != args.out).try_for_each(|path| match path.parent() {
                Some(folder) if folder == args.out => Ok(()),
                _ => files::need_folder(path),
            })?;
        }
        let mut seen = HashSet::new();
        for path in &outputs {
            // Where its folder is still to be made, no link can lead elsewhere.
            let file = destination(path).unwrap_or_else(|_| path.clone());
            let spelt = std::path::absolute(&file).unwrap_or(file);
            let folder = spelt.parent().and_then(|folder| folder.canonicalize().ok());
            let spelt =
                folder.zip(spelt.file_name()).map_or(spelt.clone(), |(folder, name)| folder.join(name));
            if !seen.insert(spelt) {
                return Err(format!(
                    "{} would be written twice; give other names, or remove the link that leads to it",
                    path.display()
                ));
            }
            let name = path.file_name().unwrap_or_default();
            if part_path(path, "part").file_name().is_some_and(|part| part.len() > LONGEST_NAME) {
                let name = name.display();
                return Err(format!("{name} is too long for a file; give targets and cubes shorter names"));
            }
        }
        Ok(())
    }

    /// The folders that will be made, the innermost first.
    fn missing_folders(&self) -> Vec<PathBuf> {
        let args = self.args;
        let folders = [Some(&args.out), args.preview.as_ref()].into_iter().flatten();
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        folders.flat_map(|path| path.ancestors().take_while(missing)).map(Path::to_path_buf).collect()
    }

    /// Makes the folders that a cutout and its preview go to, if they are ours to make.
    fn make_folders(&self, path: &Path) -> Result<(), Error> {
        let make = |folder: &Path| {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Fits(uranometria_fits::Error::io("make it", source).in_file(folder)))
        };
        if *path != self.args.out {
            make(&self.args.out)?;
        }
        match &self.args.preview {
            Some(preview) if self.many => make(preview),
            _ => Ok(()),
        }
    }
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
fn write_preview<S: Source>(
    cutout: &Cutout<'_, S>,
    name: Option<&str>,
    path: &Path,
    stop: &AtomicBool,
) -> Result<(), Error> {
    let picture = super::picture::of_cutout_watched(cutout, name, stop)?;
    let plot = StampPlot { width: 640, height: 600, ..picture.plot() };
    let png = stamp_png(&plot).map_err(|error| Error::Table(format!("{}: {error}", path.display())))?;
    uranometria_fits::fs::write(path, &png, Durability::Process)?;
    Ok(())
}
