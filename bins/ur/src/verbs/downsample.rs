//! `ur downsample`: a time series to the few rows that draw it.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;
use uranometria_fits::fs::{Durability, destination, write};
use uranometria_lttb::{Chosen, Downsample, Gaps, Method, Missing};
use uranometria_plot::{LightCurvePlot, Series as Curve, Style, light_curve_png};
use uranometria_series::{Control, Error as SeriesError, Found, Output, Series, ZoneMap};

use super::zonemap::pool;
use crate::args::DownsampleArgs;
use crate::files;
use crate::report::{self, Bar, Outcome, line};

/// How a picture or table of the chosen rows is written.
enum Kind {
    Table(Output),
    Picture,
}

/// The largest number that a picture has a place for.
const MOST: f64 = LightCurvePlot::MOST;

/// What was done.
struct Done {
    found: Found,
    rows: usize,
    /// The zone map that was used.
    zonemap: Option<PathBuf>,
    bytes: u64,
}

pub(crate) fn run(args: &DownsampleArgs, stop: &AtomicBool) -> report::Result {
    let ending = files::ending(&args.out, &["parquet", "csv", "png"])?;
    let kind = match ending.as_str() {
        "parquet" => Kind::Table(Output::Parquet),
        "csv" => Kind::Table(Output::Csv),
        _ => Kind::Picture,
    };
    // An array of x has a file of its own.
    let of_x = args.x.as_ref().map(PathBuf::from);
    let inputs: Vec<PathBuf> = args.files.iter().chain(&of_x).chain(&args.zonemap).cloned().collect();
    files::refuse_twice(&args.files)?;
    files::refuse_inputs(&[&args.out], &inputs)?;
    files::need_folder(&args.out)?;
    destination(&args.out)?;
    files::refuse_other_kind(&args.out, files::Kind::by_ending(&ending))?;
    let (done, time) = report::timed(|| pool(args.threads)?.install(|| downsample(args, &kind, stop)));
    let done = done.map_err(|error| error as Box<dyn Error>)?;
    let chosen = &done.found.chosen;
    if args.json {
        report::json(&json!({
            "file": (done.bytes > 0).then(|| report::path(&args.out)), "rows": done.rows,
            "points": done.found.window.len(), "chosen": chosen.indices.len(),
            "segments": chosen.segments.len(), "method": args.method,
            "zone_map": done.zonemap.as_ref().map(|path| report::path(path)), "bytes": done.bytes,
            "seconds": time.as_secs_f64(),
        }));
    } else if done.bytes > 0 {
        line(summary(args, &done, time));
    }
    Ok(if done.bytes > 0 { Outcome::Done } else { Outcome::Nothing })
}

fn summary(args: &DownsampleArgs, done: &Done, time: Duration) -> String {
    let chosen = &done.found.chosen;
    let segments = match chosen.segments.len() {
        0 | 1 => String::new(),
        several => format!(" in {several} segments"),
    };
    let from = match &done.zonemap {
        Some(path) => format!(", from {}", path.display()),
        None => String::new(),
    };
    format!(
        "{}: {} of {} points by {}{segments}{from}, {} in {:.2} s",
        args.out.display(),
        chosen.indices.len(),
        done.found.window.len(),
        args.method,
        report::bytes(done.bytes),
        time.as_secs_f64()
    )
}

fn downsample(
    args: &DownsampleArgs,
    kind: &Kind,
    stop: &AtomicBool,
) -> Result<Done, Box<dyn Error + Send + Sync>> {
    let bar = Bar::new();
    let progress = |done, total| bar.count("reading files", done, total);
    let control = Control { progress: &progress, stop };
    let series = Series::open_watched(&args.files, args.x.as_deref(), args.y.as_deref(), &control)?;
    drop(bar);
    let window = series.window(args.from.as_deref(), args.to.as_deref())?;
    let request = Downsample {
        method: match args.method.as_str() {
            "minmax" => Method::MinMax,
            "minmaxlttb" => Method::MinMaxLttb { ratio: 4 },
            "m4" => Method::M4,
            _ => Method::Lttb,
        },
        gaps: match args.gap.as_str() {
            "auto" => Gaps::Auto,
            "none" => Gaps::None,
            width => Gaps::Over(series.gap(width)?),
        },
        missing: if args.nan == "break" { Missing::Break } else { Missing::Drop },
        threads: args.threads,
        ..Downsample::default()
    };
    let zonemap = zone_map(args, &series, stop)?;
    let found = match &zonemap {
        Some((map, _)) => {
            let control = Control { progress: &|_, _| {}, stop };
            series.choose_with_watched(map, &request, &window, args.points, &control)?
        }
        None => {
            let bar = Bar::new();
            let progress = |done, total| bar.count("reading rows", done, total);
            series.choose_watched(&request, &window, args.points, &Control { progress: &progress, stop })?
        }
    };
    let mut done = Done { found, rows: series.rows(), zonemap: zonemap.map(|(_, path)| path), bytes: 0 };
    let chosen = &done.found.chosen;
    if chosen.indices.is_empty() && args.points > 0 {
        let where_ = if window.is_all() { "in the series" } else { "between --from and --to" };
        report::warning(&format!("{}: no point {where_} has both x and y; nothing was written", names(args)));
        return Ok(done);
    }
    done.bytes = match kind {
        Kind::Table(output) => {
            let bar = Bar::new();
            let progress = |done, total| bar.count("telling types", done, total);
            let control = Control { progress: &progress, stop };
            series.save_watched(&args.out, &chosen.indices, *output, &control)?
        }
        Kind::Picture => {
            let png = picture(args, &series, &done.found, stop)?;
            write(&args.out, &png, Durability::Process)?;
            png.len() as u64
        }
    };
    Ok(done)
}

/// The zone map that was named, or one that lies beside the first file; made anew if it is older than the files.
fn zone_map(
    args: &DownsampleArgs,
    series: &Series,
    stop: &AtomicBool,
) -> Result<Option<(ZoneMap, PathBuf)>, Box<dyn Error + Send + Sync>> {
    let named = args.zonemap.is_some();
    let paths = match &args.zonemap {
        Some(path) => vec![path.clone()],
        None => beside(&args.files[0]),
    };
    for path in paths {
        match ZoneMap::open(&path, series) {
            Ok(map) => return Ok(Some((map, path))),
            Err(SeriesError::Stale { path: changed, change }) => {
                let why = format!("{} {change} since it was made", changed.display());
                return anew(series, path, &why, stop).map(Some);
            }
            Err(error) => match added(&error) {
                // One that was not named may be that of the first file alone, and is kept.
                Some(why) if named => return anew(series, path, &why, stop).map(Some),
                _ if named => return Err(error.into()),
                _ => report::warning(&format!("{error}; going on without it")),
            },
        }
    }
    Ok(None)
}

/// Makes a zone map that is out of date once more.
fn anew(
    series: &Series,
    path: PathBuf,
    why: &str,
    stop: &AtomicBool,
) -> Result<(ZoneMap, PathBuf), Box<dyn Error + Send + Sync>> {
    report::warning(&format!("{}: {why}; making it anew", path.display()));
    let bar = Bar::new();
    let progress = |done, total| bar.count("mapping rows", done, total);
    let map = ZoneMap::build(series, &Control { progress: &progress, stop })?;
    drop(bar);
    if let Err(error) = map.save(&path) {
        report::warning(&format!("{error}; going on without keeping it"));
    }
    Ok((map, path))
}

/// Says how a series grew since its zone map was made, if it did.
fn added(error: &SeriesError) -> Option<String> {
    match error {
        SeriesError::InFile { source, .. } => added(source),
        SeriesError::Grown { known, now } => Some(format!("it is of the first {known} of {now} files")),
        _ => None,
    }
}

/// Where the zone map of a series is looked for.
fn beside(first: &Path) -> Vec<PathBuf> {
    let mut appended = OsString::from(first.as_os_str());
    appended.push(".zonemap");
    let paths = [PathBuf::from(appended), first.with_extension("zonemap")];
    paths.into_iter().filter(|path| path.is_file()).collect()
}

/// The files as people call them.
fn names(args: &DownsampleArgs) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match args.files.as_slice() {
        [one] => name(one),
        [first, .., last] => format!("{} to {}", name(first), name(last)),
        [] => String::new(),
    }
}

fn picture(
    args: &DownsampleArgs,
    series: &Series,
    found: &Found,
    stop: &AtomicBool,
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let Chosen { indices, segments } = &found.chosen;
    let points = series.points_watched(indices, &Control { progress: &|_, _| {}, stop })?;
    let out = points.y.iter().chain(&points.x).filter(|&&number| number.abs() > MOST).count();
    if out > 0 {
        let of_them = if out == 1 { "1 number is" } else { &format!("{out} numbers are") };
        report::warning(&format!("{of_them} beyond {MOST:e} and not drawn"));
    }
    let points = points.with_breaks(segments);
    let curve = [Curve { x: &points.x, y: &points.y, ..Curve::default() }];
    let subtitle = format!("{} of {} points by {}", indices.len(), found.window.len(), args.method);
    Ok(light_curve_png(&LightCurvePlot {
        title: &names(args),
        subtitle: &subtitle,
        x_label: &points.x_label,
        y_label: &points.y_label,
        series: &curve,
        // The line and the axis break between segments, and nowhere else.
        gap: Some(f64::INFINITY),
        break_axis: true,
        // Each point was chosen, the lone extreme too.
        full_range: true,
        style: Style::Line,
        ..LightCurvePlot::default()
    })?)
}
