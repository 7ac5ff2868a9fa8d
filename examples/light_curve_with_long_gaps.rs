//! A star seen in four sectors with years between them: 1,000 points that keep every transit, and a picture.
//!
//! Run: `cargo run --release -p uranometria-examples --bin light-curve-with-long-gaps -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::f64::consts::TAU;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use uranometria_fits::arrow::WriteOptions;
use uranometria_fits::arrow::fs::NewTable;
use uranometria_fits::fs::{Durability, write};
use uranometria_lttb::{Downsample, Gaps, Method};
use uranometria_plot::{LightCurvePlot, Series as Curve, Style, light_curve_png};
use uranometria_series::{Output, Series, Window};

/// Sector and first day (BTJD); sectors 1, 13, 27 and 61 of TESS began about then.
const SECTORS: [(u32, f64); 4] = [(1, 1325.3), (13, 1653.9), (27, 2036.3), (61, 2962.8)];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-gaps".to_string()));
    std::fs::create_dir_all(&folder)?;

    // One light curve a sector, two minutes apart, with the gap in the middle of each in which data are sent down.
    let mut files = Vec::new();
    for (sector, begin) in SECTORS {
        let rows = (0..18_900).filter(|n| !(9_100..9_800).contains(n));
        let time: Vec<f64> = rows.map(|n| begin + f64::from(n) / 720.0).collect();
        let flux = time.iter().enumerate().map(|(n, &time)| if n % 997 == 0 { f64::NAN } else { flux(time) });
        let flux: ArrayRef = Arc::new(flux.collect::<Float64Array>());
        let batch = RecordBatch::try_from_iter([
            ("TIME", Arc::new(Float64Array::from(time)) as ArrayRef),
            ("FLUX", flux),
        ])?;
        let path = folder.join(format!("sector-{sector:04}.fits"));
        let mut table = NewTable::create(&path, &batch.schema(), WriteOptions::default())?;
        table.write(&batch)?;
        table.publish(Durability::Process)?;
        files.push(path);
    }

    // The files are one series. Gaps cost no points: each stretch between them gets its share by its length.
    let series = Series::open(&files, Some("TIME"), Some("FLUX"))?;
    for method in [Method::Lttb, Method::M4] {
        let request = Downsample { method, gaps: Gaps::Auto, ..Downsample::default() };
        let found = series.choose(&request, &Window::default(), 1000)?;
        let chosen = &found.chosen;
        println!(
            "{method:?}: {} of {} rows in {} segments",
            chosen.indices.len(),
            series.rows(),
            chosen.segments.len()
        );
    }

    let request = Downsample { gaps: Gaps::Auto, ..Downsample::default() };
    let chosen = series.choose(&request, &Window::default(), 1000)?.chosen;
    series.save(folder.join("chosen.parquet"), &chosen.indices, Output::Parquet)?;
    // NaN between segments: the line breaks there and nowhere else.
    let points = series.points_at(&chosen.indices)?.with_breaks(&chosen.segments);
    let curve = [Curve { x: &points.x, y: &points.y, ..Curve::default() }];
    let picture = light_curve_png(&LightCurvePlot {
        title: "four sectors, five years",
        x_label: "TIME (BTJD, d)",
        y_label: "FLUX",
        series: &curve,
        gap: Some(f64::INFINITY),
        style: Style::Line,
        ..LightCurvePlot::default()
    })?;
    write(folder.join("chosen.png"), &picture, Durability::Process)?;
    println!("wrote chosen.parquet and chosen.png in {}", folder.display());
    Ok(())
}

/// A star that turns in 5.3 days, with a planet that passes before it every 6.27 days for two hours.
fn flux(time: f64) -> f64 {
    let phase = (time / 6.27).fract() * 6.27;
    let transit = if phase < 2.0 / 24.0 { 0.004 } else { 0.0 };
    1.0 + 0.002 * (TAU * time / 5.3).sin() + 0.0002 * (time * 1e5).sin() - transit
}
