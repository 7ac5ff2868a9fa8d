//! A year of telemetry in ten parquet files: a zone map made once, then any window of it in milliseconds.
//!
//! Run: `cargo run --release -p uranometria-examples --bin telemetry-in-partitions -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float32Array, RecordBatch, TimestampMillisecondArray};
use parquet::arrow::ArrowWriter;
use uranometria_lttb::{Downsample, Gaps, Missing};
use uranometria_series::{Control, Output, Series, ZoneMap};

const PARTITIONS: i64 = 10;
const ROWS: i64 = 500_000;

/// Milliseconds since 1970 of 2024-01-01, and between two samples.
const START: i64 = 1_704_067_200_000;
const STEP: i64 = 6_300;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-telemetry".to_string()));
    std::fs::create_dir_all(&folder)?;

    let mut files = Vec::new();
    for partition in 0..PARTITIONS {
        let rows = partition * ROWS..(partition + 1) * ROWS;
        let time = TimestampMillisecondArray::from_iter_values(
            rows.clone().map(|n| START + n * STEP + n * n % 1_000),
        );
        let current: Float32Array = rows.map(current).collect();
        let columns: [(&str, ArrayRef); 2] = [("time", Arc::new(time)), ("current", Arc::new(current))];
        let batch = RecordBatch::try_from_iter(columns)?;
        let path = folder.join(format!("part-{partition}.parquet"));
        let mut writer = ArrowWriter::try_new(File::create(&path)?, batch.schema(), None)?;
        writer.write(&batch)?;
        writer.close()?;
        files.push(path);
    }

    // The map is made once; where it is there already and its files are as they were, it is opened.
    let series = Series::open(&files, Some("time"), Some("current"))?;
    let path = folder.join("year.zonemap");
    let map = match ZoneMap::open(&path, &series) {
        Ok(map) => map,
        Err(_) => {
            let map = ZoneMap::build(&series, &Control::none())?;
            println!("{} rows mapped in {} bytes", series.rows(), map.save(&path)?);
            map
        }
    };

    // Zooming in. Of the files, a few pages are read each time.
    let request = Downsample { gaps: Gaps::Auto, missing: Missing::Break, ..Downsample::default() };
    let windows =
        [None, Some(("2024-03-01", "2024-05-31")), Some(("2024-04-10T06:00:00", "2024-04-10T18:00:00"))];
    for (n, bounds) in windows.into_iter().enumerate() {
        let window = series.window(bounds.map(|b| b.0), bounds.map(|b| b.1))?;
        let start = Instant::now();
        let found = series.choose_with(&map, &request, &window, 800)?;
        let took = start.elapsed();
        let chosen = &found.chosen;
        println!(
            "{} of {} rows in {} segments, {took:.1?}",
            chosen.indices.len(),
            found.window.len(),
            chosen.segments.len()
        );
        series.save(folder.join(format!("window-{n}.csv")), &chosen.indices, Output::Csv)?;
    }
    println!("wrote year.zonemap and window-0.csv to window-2.csv in {}", folder.display());
    Ok(())
}

/// A current in amperes: days and seasons, a spike now and then, and an hour in May for which it was off.
fn current(row: i64) -> Option<f32> {
    let days = (row * STEP) as f64 / 86_400_000.0;
    let spike = if row % 400_009 == 77 { 9.0 } else { 0.0 };
    let off = (130.0..130.05).contains(&days);
    let value = 3.0 + (days / 58.0).sin() + 0.3 * (days * std::f64::consts::TAU).sin() + spike;
    (!off).then_some(value as f32)
}
