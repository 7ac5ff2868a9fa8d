//! How long does it take to choose the alerts of a night and write their light curves?
//!
//! Input: a night of alerts made of `data-fixtures/alerts/fink_sample.parquet`, again and again, with names, places, times
//! and magnitudes of their own; in row groups of 65,536, without images. Rivals:
//! - [`select`] of three requests, from the folder of the night to parquet that is synced to disk: a few columns
//!   compared, which keeps a tenth; the same over the history of each alert; all alerts;
//! - [`estimate`] of the first;
//! - with `--peers`, DuckDB on one thread, from the same files to parquet, of the first;
//! - with `--stars N`, the first and no star of a catalogue of N within 1.5 arcseconds;
//! - with `--year N`, [`estimate`] of the three over a year of nights of N alerts.
//!
//! Rates are alerts looked at by second of processor time, and of the wall.
//!
//!     cargo bench -p uranometria-benches --bench alert_filter -- --peers --stars 20000000

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StructArray};
use clap::Parser;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uranometria_alert::Content;
use uranometria_alert::fs::{ArchiveSources, Request, SelectControl, SelectOptions, estimate, select};
use uranometria_benches::input::{Error, workspace};
use uranometria_benches::measure::{Spread, machine, timed};
use uranometria_benches::peers::Peers;
use uranometria_benches::stars::random;
use uranometria_catalog::fs::{Control, ImportOptions, import};

#[derive(Parser)]
struct Args {
    /// Alerts of the night
    #[arg(long, default_value_t = 250_000)]
    alerts: usize,
    /// Stars of the catalogue
    #[arg(long, default_value_t = 0)]
    stars: usize,
    /// Alerts of each night of a year
    #[arg(long, default_value_t = 0)]
    year: usize,
    /// How often each is run
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Threads; 0 for one a core
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Measure DuckDB too; see peers/install.sh
    #[arg(long)]
    peers: bool,
    /// Given by cargo bench; without it only the way is tried
    #[arg(long, hide = true)]
    bench: bool,
}

const FEW: &str = "candidate.magpsf < 17.5; candidate.rb >= 0.65; candidate.nbad = 0";
const HISTORY: &str = "candidate.magpsf < 17.5; candidate.rb >= 0.65; COUNT(history WHERE magpsf < 19) >= 3";

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    if !args.bench {
        (args.alerts, args.rounds, args.stars, args.year) = (3_000, 1, args.stars.min(1_000), 3);
    }
    let folder = tempfile::tempdir()?;
    println!("{}\n", machine(folder.path()));
    let sample = sample()?;
    let bytes = night(folder.path(), &sample, date(2021, 11, 3), 0..args.alerts)?;
    println!("{} alerts in {:.1} MB\n", args.alerts, bytes as f64 / 1e6);
    let rates = |name: &str, spent: &[(f64, f64)], kept: u64| {
        let rate = |seconds: f64| args.alerts as f64 / seconds / 1e6;
        let processor = Spread::of(spent.iter().map(|(_, processor)| rate(*processor)));
        let wall = Spread::of(spent.iter().map(|(wall, _)| rate(*wall)));
        println!("{name}: {kept} kept; {processor} M/s of processor time, {wall} M/s by the wall");
    };
    if args.stars > 0 {
        catalogue(folder.path(), args.stars)?;
    }
    let sources = ArchiveSources::new(Some(folder.path()));
    let options = SelectOptions { threads: args.threads, ..SelectOptions::default() };
    let matched = format!("{FEW}; NOT MATCHES('stars', 1.5)");
    let mut asked = vec![("three columns", FEW), ("a history", HISTORY), ("everything", "")];
    if args.stars > 0 {
        asked.push(("three columns, then a crossmatch", &matched));
        asked.push(("a crossmatch of all", "NOT MATCHES('stars', 1.5)"));
    }
    for (name, conditions) in asked {
        let mut request = Request::new("2021-11-03".parse()?);
        (request.conditions, request.content) = (conditions.to_string(), Content::Light);
        let (mut spent, mut kept) = (Vec::new(), 0);
        for _ in 0..args.rounds {
            let out = tempfile::tempdir_in(folder.path())?;
            let control = SelectControl::none();
            let (done, time) =
                timed(|| select(folder.path(), &request, &options, out.path(), &sources, &control));
            kept = done?.written();
            spent.push((time.wall_s, time.cpu_s));
        }
        rates(name, &spent, kept);
        let control = SelectControl::none();
        let (found, time) = timed(|| estimate(folder.path(), &request, args.threads, &sources, &control));
        let found = found?;
        println!(
            "  estimated {:.0} give or take {:.0} in {:.1} ms",
            found.alerts,
            found.alerts_off,
            time.wall_s * 1e3
        );
    }
    if args.peers {
        let peers = Peers::find(None)?.ok_or("the peers are not installed; see benches/peers/install.sh")?;
        let mut spent = Vec::new();
        let mut kept = 0;
        for _ in 0..args.rounds {
            let files = folder.path().join("alerts/*/*/*/*.parquet");
            let out = folder.path().join("duckdb.parquet");
            let found = peers.run(peers.script("alert_filter.py").arg(files).arg(out))?;
            let number = |name: &str| found[name].as_f64().unwrap_or(f64::NAN);
            spent.push((number("seconds"), number("processor")));
            kept = number("kept") as u64;
        }
        rates("three columns, DuckDB on one thread", &spent, kept);
    }
    if args.year > 0 {
        year(folder.path(), &sample, &args)?;
    }
    Ok(())
}

/// Estimates over a year.
fn year(archive: &Path, sample: &[RecordBatch], args: &Args) -> Result<(), Error> {
    let first = date(2022, 1, 1);
    for (at, day) in first.series(1.day()).take(365).enumerate() {
        night(archive, sample, day, at * args.year..(at + 1) * args.year)?;
    }
    for (name, conditions) in [("three columns", FEW), ("a history", HISTORY), ("everything", "")] {
        let mut request = Request::new("2022-01-01..2022-12-31".parse()?);
        (request.conditions, request.content) = (conditions.to_string(), Content::Light);
        let mut spent = Vec::new();
        for _ in 0..args.rounds {
            let (sources, control) = (ArchiveSources::new(Some(archive)), SelectControl::none());
            let (found, time) = timed(|| estimate(archive, &request, args.threads, &sources, &control));
            let found = found?;
            spent.push(time.wall_s * 1e3);
            if spent.len() == args.rounds {
                let (input, alerts, off) = (found.input, found.alerts, found.alerts_off);
                println!(
                    "a year, {name}: {alerts:.0} give or take {off:.0} of {input}, {} ms",
                    Spread::of(spent.drain(..))
                );
            }
        }
    }
    Ok(())
}

fn sample() -> Result<Vec<RecordBatch>, Error> {
    let sample = File::open(workspace().join("data-fixtures/alerts/fink_sample.parquet"))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(sample)?.with_batch_size(1000).build()?;
    Ok(reader.collect::<Result<_, _>>()?)
}

/// Writes alerts of some numbers as a night, and returns its bytes.
fn night(archive: &Path, sample: &[RecordBatch], day: Date, numbers: Range<usize>) -> Result<u64, Error> {
    let folder = archive.join("alerts").join(day.strftime("year=%Y/month=%m/day=%d").to_string());
    fs::create_dir_all(&folder)?;
    let path = folder.join("night.parquet");
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(1 << 16))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&path)?, sample[0].schema(), Some(properties))?;
    let Range { mut start, end } = numbers;
    while start < end {
        for batch in sample {
            let rows = batch.num_rows().min(end - start);
            if rows > 0 {
                writer.write(&varied(&batch.slice(0, rows), start)?)?;
                start += rows;
            }
        }
    }
    writer.close()?;
    Ok(fs::metadata(&path)?.len())
}

/// Alerts with names, places, times and magnitudes of their own.
fn varied(batch: &RecordBatch, first: usize) -> Result<RecordBatch, Error> {
    let rows = batch.num_rows();
    let numbers = |which: u64| (first..first + rows).map(move |row| random(row, which));
    let mut columns = batch.columns().to_vec();
    let schema = batch.schema();
    columns[schema.index_of("candid")?] =
        Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (first + row) as i64)));
    let at = schema.index_of("candidate")?;
    let candidate = columns[at].as_struct();
    let mut fields: Vec<ArrayRef> = candidate.columns().to_vec();
    for (field, array) in candidate.fields().iter().zip(&mut fields) {
        *array = match field.name().as_str() {
            "ra" => Arc::new(Float64Array::from_iter_values(numbers(0).map(|at| at * 360.0))),
            "dec" => Arc::new(Float64Array::from_iter_values(
                numbers(1).map(|at| (at * 1.4 - 0.45).clamp(-1.0, 1.0).asin().to_degrees()),
            )),
            "jd" => Arc::new(Float64Array::from_iter_values(numbers(2).map(|at| 2_459_521.5 + at))),
            "magpsf" => {
                Arc::new(Float32Array::from_iter_values(numbers(3).map(|at| (15.5 + 6.0 * at) as f32)))
            }
            "rb" => Arc::new(Float32Array::from_iter_values(numbers(4).map(|at| (0.5 + 0.5 * at) as f32))),
            _ => array.clone(),
        };
    }
    columns[at] =
        Arc::new(StructArray::try_new(candidate.fields().clone(), fields, candidate.nulls().cloned())?);
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Makes a catalogue of stars all over the sky.
fn catalogue(archive: &Path, stars: usize) -> Result<(), Error> {
    let table = archive.join("stars.parquet");
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut first = 0;
    while first < stars {
        let rows = first..stars.min(first + (1 << 20));
        first = rows.end;
        let ra: Vec<f64> = rows.clone().map(|row| random(row, 5) * 360.0).collect();
        let dec: Vec<f64> = rows.map(|row| (random(row, 6) * 2.0 - 1.0).asin().to_degrees()).collect();
        let arrays: [(&str, ArrayRef); 2] =
            [("ra", Arc::new(Float64Array::from(ra))), ("dec", Arc::new(Float64Array::from(dec)))];
        let batch = RecordBatch::try_from_iter(arrays)?;
        if writer.is_none() {
            writer = Some(ArrowWriter::try_new(File::create(&table)?, batch.schema(), None)?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    fs::create_dir_all(archive.join("catalogues/public"))?;
    let options = ImportOptions { ra: "ra".into(), dec: "dec".into(), ..ImportOptions::default() };
    import(&[table], archive.join("catalogues/public/stars"), &options, &Control::none())?;
    Ok(())
}
