//! `ur cube`: build, info, verify, append.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use uranometria_cube::fs::{self, Control, Options, Report};
use uranometria_cube::{Cube, Problem};
use uranometria_fits::{Source, checksum};

use crate::args::{CubeCommand, CubeOptions, WorkOptions};
use crate::report::{self, Bar, Outcome, line};

pub(crate) fn run(command: CubeCommand, stop: &AtomicBool) -> report::Result {
    match command {
        CubeCommand::Build { out, cube, frames } => {
            make(&cube, &frames, stop, |frames, options, control| fs::build(&out, frames, options, control))
        }
        CubeCommand::Append { cube, options, frames } => {
            make(&options, &frames, stop, |frames, options, control| {
                fs::append(&cube, frames, options, control)
            })
        }
        CubeCommand::Verify { cube, work, frames } => verify(&cube, &work, &frames, stop),
        CubeCommand::Info { cube, json } => info(&cube, json),
    }
}

impl CubeOptions {
    fn to_library(&self) -> Options {
        Options {
            // clap lets only the three names through.
            product: self.product.parse().ok(),
            sector: self.sector,
            memory: self.work.memory,
            threads: self.work.threads,
            skip_bad: self.skip_bad,
            date: None,
        }
    }
}

/// Replaces `@LIST` by the paths in that file.
fn expand(frames: &[PathBuf]) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut paths = Vec::new();
    for frame in frames {
        match frame.as_os_str().as_bytes().strip_prefix(b"@") {
            Some(list) => {
                let list = Path::new(OsStr::from_bytes(list));
                let text = std::fs::read(list)
                    .map_err(|error| format!("{}: cannot read it: {error}", list.display()))?;
                let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                paths.extend(lines.filter(|line| !line.is_empty()).map(OsStr::from_bytes).map(PathBuf::from));
            }
            None => paths.push(frame.clone()),
        }
    }
    Ok(paths)
}

fn make(
    options: &CubeOptions,
    frames: &[PathBuf],
    stop: &AtomicBool,
    work: impl FnOnce(&[PathBuf], &Options, &Control<'_>) -> Result<Report, uranometria_cube::Error>,
) -> report::Result {
    let frames = expand(frames)?;
    let bar = Bar::new();
    let progress = |progress| bar.cube(progress);
    let control = Control { progress: &progress, stop };
    let (made, time) = report::timed(|| work(&frames, &options.to_library(), &control));
    drop(bar);
    let made = made?;
    let layout = made.layout;
    let turned = layout.data_len().unwrap_or(0) - made.resumed;
    if options.work.json {
        report::json(&json!({
            "cube": report::path(&made.path), "bytes": made.bytes, "rows": layout.rows, "columns": layout.columns,
            "frames": layout.frames, "planes": layout.planes, "resumed_bytes": made.resumed,
            "seconds": time.as_secs_f64(), "known": made.known, "skipped": problems(&made.skipped),
        }));
        return Ok(Outcome::Done);
    }
    for problem in &made.skipped {
        report::warning(&format!("skipped {problem}"));
    }
    line(format!(
        "{}: {} frames of {} x {} pixels, {} in {:.2} s ({})",
        made.path.display(),
        layout.frames,
        layout.columns,
        layout.rows,
        report::bytes(made.bytes),
        time.as_secs_f64(),
        report::rate(turned, time)
    ));
    if made.known > 0 {
        line(format!("  {} of the frames given were in it already", made.known));
    }
    if made.resumed > 0 && turned > 0 {
        line(format!("  {} were there from an interrupted run", report::bytes(made.resumed)));
    }
    Ok(Outcome::Done)
}

fn problems(problems: &[Problem]) -> Vec<serde_json::Value> {
    problems
        .iter()
        .map(|problem| json!({ "file": report::path(&problem.path), "reason": problem.reason }))
        .collect()
}

fn verify(cube: &Path, work: &WorkOptions, frames: &[PathBuf], stop: &AtomicBool) -> report::Result {
    let frames = expand(frames)?;
    let bar = Bar::new();
    let progress = |progress| bar.cube(progress);
    let control = Control { progress: &progress, stop };
    let options = Options { memory: work.memory, threads: work.threads, ..Options::default() };
    let (verified, time) = report::timed(|| fs::verify(cube, &frames, &options, &control));
    drop(bar);
    let verified = verified?;
    if work.json {
        report::json(&json!({
            "cube": report::path(cube), "equal": verified.differences == 0, "frames": verified.frames,
            "bytes": verified.bytes, "checksums": verified.checksums, "differences": verified.differences,
            "examples": verified.examples, "seconds": time.as_secs_f64(),
        }));
    } else if verified.differences == 0 {
        line(format!(
            "{}: {} frames, {} of pixels and {} checksums agree ({})",
            cube.display(),
            verified.frames,
            report::bytes(verified.bytes),
            verified.checksums,
            report::rate(verified.bytes, time)
        ));
    } else {
        line(format!("{}: {} differences, the first:", cube.display(), verified.differences));
        for example in &verified.examples {
            line(format!("  {example}"));
        }
    }
    Ok(if verified.differences == 0 { Outcome::Done } else { Outcome::Nothing })
}

fn info(path: &Path, as_json: bool) -> report::Result {
    let cube = fs::open(path)?;
    let (facts, sound) = facts(&cube, path);
    let outcome = if sound { Outcome::Done } else { Outcome::Nothing };
    if as_json {
        report::json(&facts);
        return Ok(outcome);
    }
    let text = |key: &str| match &facts[key] {
        serde_json::Value::Null => "unknown".to_string(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    line(text("cube"));
    line(format!("  product   {} ({})", text("product"), text("flux_unit")));
    line(format!("  chip      sector {}, camera {}, CCD {}", text("sector"), text("camera"), text("ccd")));
    line(format!("  frames    {}, {} flagged, {} skipped", text("frames"), text("flagged"), text("skipped")));
    line(format!("  time      {} to {} {}", text("first_time"), text("last_time"), text("time_system")));
    line(format!(
        "  pixels    {} columns x {} rows x {} planes",
        text("columns"),
        text("rows"),
        text("planes")
    ));
    line(format!("  size      {}", report::bytes(cube.source().len())));
    match &facts["footprint"] {
        serde_json::Value::Array(corners) => {
            line(format!("  wcs       of frame {}", text("wcs_frame")));
            for corner in corners {
                line(format!("  corner    RA {:.6} Dec {:+.6}", number(&corner[0]), number(&corner[1])));
            }
        }
        _ => line("  wcs       none: cut by pixel"),
    }
    line(format!("  checksums {}", text("checksums")));
    Ok(outcome)
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// What is in a cube, and whether its headers and table agree with their checksums.
fn facts<S: Source>(cube: &Cube<S>, path: &Path) -> (serde_json::Value, bool) {
    let (layout, primary) = (cube.layout(), cube.primary());
    let finite: Vec<f64> = cube.times().iter().copied().filter(|time| time.is_finite()).collect();
    let wcs = cube.wcs().ok();
    let stored = cube.hdus().iter().filter(|hdu| hdu.header.get("CHECKSUM").is_some()).count();
    // The pixels may be hundreds of gigabytes; `verify` sums them.
    let small = cube.hdus().iter().filter(|hdu| hdu.index != 1);
    let damaged: Vec<String> = small
        .filter_map(|hdu| checksum::verify(cube.source(), hdu).err())
        .map(|error| error.to_string())
        .collect();
    let checksums = match (stored, damaged.first()) {
        (_, Some(error)) => error.clone(),
        (0, _) => "none".to_string(),
        (stored, None) => format!("{stored} stored, headers and table agree"),
    };
    let time_system = match cube.product() {
        uranometria_cube::Product::Spoc => "BTJD (TDB, barycentric)",
        uranometria_cube::Product::Tica => "TJD (at the spacecraft)",
    };
    let facts = json!({
        "cube": report::path(path), "product": cube.product().to_string(), "flux_unit": cube.product().flux_unit(),
        "sector": primary.integer("SECTOR"), "camera": primary.integer("CAMERA"), "ccd": primary.integer("CCD"),
        "frames": layout.frames, "columns": layout.columns, "rows": layout.rows, "planes": layout.planes,
        "bytes": cube.source().len(),
        "flagged": cube.quality().iter().filter(|quality| **quality != 0).count(),
        "skipped": primary.integer("NSKIPPED").unwrap_or(0),
        "first_time": finite.first(), "last_time": finite.last(), "time_system": time_system,
        "wcs_frame": wcs.map(|wcs| cube.file_names()[wcs.frame].clone()),
        "footprint": wcs.map(|wcs| wcs.wcs.footprint(layout.columns, layout.rows)),
        "checksums": checksums,
    });
    (facts, damaged.is_empty())
}
