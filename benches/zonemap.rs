//! How long does it take to draw any window of a long series that has a zone map?
//!
//! Inputs, made once under `--data` and kept, of so many points:
//! - `regular`: an array of f32, 4 bytes a point, mapped; x is the row number;
//! - `irregular`: the same beside an array of f64, 8 bytes more, with runs of NaN, mapped;
//! - `parquet`: the irregular series in ten files.
//!
//! Rivals, in turn: making the map and reading the same bytes with as many threads (for parquet: decoding the same
//! columns); then the whole series and windows of it to 1,000 points with the map, which is open, and by the scan of
//! the same points in memory: each window once when nobody has read it for a while, and once more. Each answer of the
//! map is compared with that of the scan.
//!
//!     cargo bench -p uranometria-benches --bench zonemap -- --points 100000000

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch};
use clap::Parser;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use rayon::prelude::*;
use uranometria_benches::input::{Error, Folder, warm};
use uranometria_benches::measure::{Spread, machine, timed};
use uranometria_fits::Source;
use uranometria_fits::fs::MappedFile;
use uranometria_lttb::{Chosen, Downsample, Gaps, Method, Regular};
use uranometria_series::{Bound, Control, Series, Window, ZoneMap};

#[derive(Parser)]
struct Args {
    /// Points of each series
    #[arg(long, num_args = 1.., default_values_t = [100_000_000])]
    points: Vec<usize>,
    /// Which inputs
    #[arg(long, num_args = 1.., default_values_t = ["regular".to_string(), "irregular".to_string(), "parquet".to_string()])]
    inputs: Vec<String>,
    /// How often each rival is run
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Folder for the series, on the disk to measure [default: target/bench-data]
    #[arg(long, env = "UR_BENCH_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Given by cargo bench; without it only the way is tried, on next to nothing
    #[arg(long, hide = true)]
    bench: bool,
}

/// Points that are chosen.
const CHOSEN: usize = 1000;

/// Files of the parquet series.
const PARTITIONS: usize = 10;

/// Points that are made or written at a time.
const PIECE: usize = 1 << 20;

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    if !args.bench {
        (args.points, args.rounds) = (vec![300_000], 1);
    }
    // A smoke test leaves nothing behind.
    let temporary = if args.bench { None } else { Some(tempfile::tempdir()?) };
    let given = temporary.as_ref().map(|folder| folder.path().to_path_buf()).or(args.data);
    let folder = Folder::new(given)?;
    println!("{}\n", machine(folder.path()));
    println!("| input | question | runs | ms | beside it, ms | ratio |");
    println!("|---|---|---|---|---|---|");
    for &points in &args.points {
        for input in &args.inputs {
            let input = Input::make(input, points, &folder)?;
            building(&input, &folder, args.rounds)?;
            windows(&input, &folder, args.rounds)?;
        }
    }
    Ok(())
}

/// A series in files.
struct Input {
    name: String,
    points: usize,
    files: Vec<PathBuf>,
    /// The arrays with the same points.
    x: Option<PathBuf>,
    y: PathBuf,
}

impl Input {
    fn make(kind: &str, points: usize, folder: &Folder) -> Result<Self, Error> {
        let at = |name: &str, ending: &str| folder.at(&format!("series-{name}-{points}.{ending}"));
        let holes = kind != "regular";
        let (x, y) = (at("time", "f64"), at(if holes { "holes" } else { "flux" }, "f32"));
        array(&y, points, |n| value(n, holes))?;
        if holes {
            array(&x, points, time)?;
        }
        let files = match kind {
            "parquet" => (0..PARTITIONS).map(|n| at(&format!("part{n}"), "parquet")).collect(),
            "regular" | "irregular" => vec![y.clone()],
            other => {
                return Err(
                    format!("input {other} is not known, expected regular, irregular or parquet").into()
                );
            }
        };
        if kind == "parquet" {
            let rows = |n: usize| n * points / PARTITIONS..(n + 1) * points / PARTITIONS;
            (0..PARTITIONS).into_par_iter().try_for_each(|n| partition(&files[n], rows(n)))?;
        }
        Ok(Input { name: format!("{kind}, {points}"), points, files, x: holes.then_some(x), y })
    }

    fn is_parquet(&self) -> bool {
        self.files.len() > 1
    }

    #[allow(unsafe_code, reason = "files are mapped")]
    fn series(&self) -> Result<Series, Error> {
        if self.is_parquet() {
            return Ok(Series::open(&self.files, Some("time"), Some("flux"))?);
        }
        let x = self.x.as_deref().and_then(Path::to_str);
        // SAFETY: the arrays were made by this program and nobody writes into them.
        Ok(unsafe { Series::open_mapped(&self.files, x, None) }?)
    }

    /// What the plain reading reads.
    fn bytes(&self) -> Vec<&Path> {
        match self.is_parquet() {
            true => self.files.iter().map(PathBuf::as_path).collect(),
            false => self.x.iter().chain([&self.y]).map(PathBuf::as_path).collect(),
        }
    }
}

/// A number that looks random.
fn noise(n: usize) -> u32 {
    let mixed = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 32) as u32
}

/// Waves, noise, spikes and, in series with holes, 5,000 missing values in every million.
fn value(n: usize, holes: bool) -> f32 {
    if holes && n % 1_000_000 < 5_000 {
        return f32::NAN;
    }
    let noise = noise(n);
    let spike = if noise % 9_999_991 == 7 { 40.0 } else { 0.0 };
    let long = n as f64 * 1e-7;
    ((long.sin() * 10.0 + (long * 37.0).sin() * 3.0) as f32) + noise as f32 * 2e-10 + spike
}

/// Ascending, each step another: in seconds.
fn time(n: usize) -> f64 {
    n as f64 + f64::from(noise(n)) * 2e-10
}

/// Makes an array, unless it is there with its length.
fn array<T: bytemuck::NoUninit + Send>(
    path: &Path,
    points: usize,
    of: impl Fn(usize) -> T + Sync,
) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() == (points * size_of::<T>()) as u64) {
        return Ok(());
    }
    let mut out = BufWriter::new(File::create(path)?);
    for start in (0..points).step_by(PIECE) {
        let values: Vec<T> = (start..points.min(start + PIECE)).into_par_iter().map(&of).collect();
        out.write_all(bytemuck::cast_slice(&values))?;
    }
    Ok(out.flush()?)
}

/// Writes a partition, unless it is there with its rows.
fn partition(path: &Path, rows: Range<usize>) -> Result<(), Error> {
    if let Ok(file) = File::open(path)
        && let Ok(known) = ParquetRecordBatchReaderBuilder::try_new(file)
        && known.metadata().file_metadata().num_rows() == rows.len() as i64
    {
        return Ok(());
    }
    let part = path.with_extension("part");
    let batch = |rows: Range<usize>| {
        let time: ArrayRef = Arc::new(rows.clone().map(time).collect::<Float64Array>());
        let flux: ArrayRef = Arc::new(Float32Array::from_iter_values(rows.map(|n| value(n, true))));
        RecordBatch::try_from_iter([("time", time), ("flux", flux)])
    };
    let mut writer = ArrowWriter::try_new(File::create(&part)?, batch(0..0)?.schema(), None)?;
    for start in rows.clone().step_by(PIECE) {
        writer.write(&batch(start..rows.end.min(start + PIECE))?)?;
    }
    writer.close()?;
    Ok(fs::rename(part, path)?)
}

fn row(input: &str, question: &str, ours: &[f64], theirs: &[f64]) {
    let ms = |walls: &[f64]| Spread::of(walls.iter().copied()).times(1e3);
    let ratio = Spread::of_ratios(ours, theirs);
    println!("| {input} | {question} | {} | {} | {} | {ratio} |", ours.len(), ms(ours), ms(theirs));
}

/// Making the map, beside reading.
fn building(input: &Input, folder: &Folder, rounds: usize) -> Result<(), Error> {
    let bytes = warm(input.bytes())?;
    let series = input.series()?;
    let (mut builds, mut reads, mut opens, mut saves) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let path = folder.at("measured.zonemap");
    let mut size = 0;
    for _ in 0..rounds {
        let (read, spent) =
            timed(|| if input.is_parquet() { decode(&input.files) } else { read(&input.bytes()) });
        assert_eq!(read?, if input.is_parquet() { input.points as u64 } else { bytes });
        reads.push(spent.wall_s);
        let (map, spent) = timed(|| ZoneMap::build(&series, &Control::none()));
        builds.push(spent.wall_s);
        let (saved, spent) = timed(|| map.and_then(|map| map.save(&path)));
        size = saved?;
        saves.push(spent.wall_s);
        let (opened, spent) = timed(|| ZoneMap::open(&path, &series));
        opened?;
        opens.push(spent.wall_s);
    }
    let beside = if input.is_parquet() { "decoding" } else { "reading" };
    row(
        &input.name,
        &format!("making the map, beside {beside} {:.1} MB", bytes as f64 / 1e6),
        &builds,
        &reads,
    );
    let share = 100.0 * size as f64 / bytes as f64;
    row(
        &input.name,
        &format!("opening the map ({share:.2} % of the data), beside saving it"),
        &opens,
        &saves,
    );
    Ok(())
}

/// Reads files with all threads and returns how many bytes they have.
fn read(paths: &[&Path]) -> Result<u64, Error> {
    let mut bytes = 0;
    for path in paths {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        const AT_ONCE: u64 = 1 << 20;
        (0..len.div_ceil(AT_ONCE)).into_par_iter().try_for_each_init(
            || vec![0; AT_ONCE as usize],
            |buffer, n| {
                file.read_exact_at(&mut buffer[..AT_ONCE.min(len - n * AT_ONCE) as usize], n * AT_ONCE)
            },
        )?;
        bytes += len;
    }
    Ok(bytes)
}

/// Decodes x and y of parquet files with all threads and returns how many rows they have.
fn decode(paths: &[PathBuf]) -> Result<u64, Error> {
    let one = |path: &PathBuf| -> Result<u64, Error> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let mut rows = 0;
        for batch in builder.with_projection(ProjectionMask::all()).with_batch_size(1 << 14).build()? {
            rows += batch?.num_rows() as u64;
        }
        Ok(rows)
    };
    paths.par_iter().map(one).sum()
}

/// Windows with the map, beside the scan of the same points.
#[allow(unsafe_code, reason = "files are mapped")]
fn windows(input: &Input, folder: &Folder, rounds: usize) -> Result<(), Error> {
    let series = input.series()?;
    let map = ZoneMap::open(folder.at("measured.zonemap"), &series)?;
    // SAFETY: as above.
    let mapped = |path: &PathBuf| unsafe { MappedFile::open(path) };
    let (x, y) = (input.x.as_ref().map(mapped).transpose()?, mapped(&input.y)?);
    let y: &[f32] = numbers(&y)?;
    let x: Option<&[f64]> = x.as_ref().map(numbers).transpose()?;
    let lttb = Downsample::default();
    let with_gaps = Downsample { gaps: Gaps::Auto, ..lttb };
    let m4 = Downsample { method: Method::M4, ..lttb };
    let all = std::slice::from_ref(&(0..input.points)).to_vec();
    let mut questions = vec![
        ("everything, LTTB".to_string(), all.clone(), lttb),
        ("everything, LTTB with gaps".to_string(), all.clone(), with_gaps),
        ("everything, M4".to_string(), all, m4),
    ];
    for len in
        [10_000, 1_000_000, 4_000_000, 10_000_000, 100_000_000].into_iter().filter(|&len| len < input.points)
    {
        let starts = (0..rounds).map(|n| (input.points - len) / rounds.max(2) * n + n * 777 % 4096);
        let ranges = starts.map(|start| start.min(input.points - len)..start.min(input.points - len) + len);
        questions.push((format!("windows of {len}, LTTB"), ranges.collect(), lttb));
    }
    for (question, ranges, request) in questions {
        let (mut firsts, mut ours, mut scans, mut differing) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for n in 0..rounds {
            let range = ranges[n % ranges.len()].clone();
            let window = match x {
                _ if range.len() == input.points => Window::default(),
                Some(x) => bounds(x[range.start], x[range.end - 1]),
                None => bounds(range.start as f64, (range.end - 1) as f64),
            };
            let ask = || timed(|| series.choose_with(&map, &request, &window, CHOSEN));
            let (first, spent) = ask();
            first?;
            firsts.push(spent.wall_s);
            let (found, spent) = ask();
            ours.push(spent.wall_s);
            let found = found?;
            let part = found.window.clone();
            let (wanted, spent) = timed(|| match x {
                Some(x) => request.choose(&x[part.clone()], &y[part.clone()], CHOSEN),
                None => request.choose(Regular, &y[part.clone()], CHOSEN),
            });
            scans.push(spent.wall_s);
            differing += differences(&found.chosen, &wanted?, part.start);
        }
        row(&input.name, &format!("{question}, asked the first time"), &firsts, &scans);
        row(&input.name, &format!("{question}, again"), &ours, &scans);
        if differing > 0 {
            return Err(format!(
                "{}, {question}: {differing} points differ from those of the scan",
                input.name
            )
            .into());
        }
    }
    Ok(())
}

fn bounds(from: f64, to: f64) -> Window {
    Window { from: Some(Bound::Float(from)), to: Some(Bound::Float(to)) }
}

fn numbers<T: bytemuck::AnyBitPattern>(file: &MappedFile) -> Result<&[T], Error> {
    let bytes = file.slice(0, file.len() as usize).ok_or("a map is in memory")?;
    bytemuck::try_cast_slice(bytes).map_err(|error| Error::from(error.to_string()))
}

/// How many points are not those of the scan of a part that begins at `start`.
fn differences(found: &Chosen, wanted: &Chosen, start: usize) -> usize {
    let wanted_there = wanted.indices.iter().map(|index| index + start);
    let differing =
        found.indices.iter().zip(wanted_there).filter(|(found, wanted)| **found != *wanted).count();
    differing
        + found.indices.len().abs_diff(wanted.indices.len())
        + usize::from(found.segments != wanted.segments)
}
