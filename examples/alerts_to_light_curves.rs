//! From packets to light curves: a simulated night is taken in, supernovae are chosen by conditions, and drawn.
//!
//! Run: `cargo run --release -p uranometria-examples --bin alerts-to-light-curves -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use uranometria_alert::fs::{
    ArchiveSources, IngestOptions, Request, SelectControl, SelectOptions, ingest, listed, read_part, select,
};
use uranometria_alert::simulate::{self, NightOptions, Simulated};
use uranometria_alert::{Content, LightCurve, Projection, Stamp, cutout, light_curves};
use uranometria_catalog::fs::Control;
use uranometria_fits::fs::Durability;
use uranometria_plot::{LightCurvePlot, Series, StampPlot, gallery_png};

/// Rising, seen often enough, real, and beside a galaxy.
const YOUNG_SUPERNOVAE: &str = "
    candidate.rb > 0.8; candidate.isdiffpos = 't';
    COUNT(prv_candidates WHERE magpsf IS NOT NULL) >= 3;
    SLOPE(history, magpsf) < -0.1;   -- magnitudes a day
    candidate.distnr > 2";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-alerts".to_string()));
    let night = Simulated::new(NightOptions { alerts: 2000, ..NightOptions::default() })?;
    let packets = simulate::fs::write(&night, folder.join("packets"), &|_, _| (), &AtomicBool::new(false))?;

    let archive = folder.join("archive");
    let taken = ingest(&packets.files, &archive, &IngestOptions::default(), &Control::none())?;
    println!("{} alerts taken in, {} of them new", taken.read, taken.new);

    let mut request = Request::new("2021-06-17".parse()?);
    request.conditions = YOUNG_SUPERNOVAE.to_string();
    request.content = Content::Full;
    let (chosen, sources) = (folder.join("chosen"), ArchiveSources::new(Some(&archive)));
    let options = SelectOptions::default();
    let selected = select(&archive, &request, &options, &chosen, &sources, &SelectControl::none())?;
    println!("{} of {} alerts chosen", selected.passed(), selected.input());
    for condition in selected.nights.iter().flat_map(|night| &night.conditions) {
        println!("{:>6} removed by {}", condition.removed, condition.text.trim());
    }

    let mut drawn: Vec<(LightCurve, Stamp)> = Vec::new();
    for path in listed(&[chosen])? {
        for batch in read_part(path, &Projection::all(), 8)? {
            let batch = batch?;
            for (row, curve) in light_curves(&batch)?.into_iter().enumerate() {
                if let Some(bytes) = cutout(&batch, "cutoutScience", row).filter(|_| drawn.len() < 4) {
                    drawn.push((curve, Stamp::read(&bytes)?));
                }
            }
        }
    }
    let points: Vec<[Vec<f64>; 2]> = drawn
        .iter()
        .map(|(curve, _)| {
            let all = curve.measurements.iter();
            [all.clone().map(|one| one.mjd).collect(), all.map(|one| one.flux_njy / 1e3).collect()]
        })
        .collect();
    let series: Vec<[Series<'_>; 1]> =
        points.iter().map(|[x, y]| [Series { label: "flux", x, y, ..Series::default() }]).collect();
    let rows: Vec<_> = drawn
        .iter()
        .zip(&series)
        .map(|((curve, stamp), series)| {
            let stamp = StampPlot {
                title: "science",
                columns: stamp.columns,
                rows: stamp.rows,
                pixels: &stamp.pixels,
                ..StampPlot::default()
            };
            let curve = LightCurvePlot {
                title: &curve.object,
                x_label: "MJD (days, UTC)",
                y_label: "difference flux (µJy)",
                series,
                full_range: true,
                ..LightCurvePlot::default()
            };
            (stamp, curve)
        })
        .collect();
    let picture = gallery_png(&rows, "rising, beside a galaxy", 1400)?;
    uranometria_fits::fs::write(folder.join("alerts.png"), &picture, Durability::Process)?;
    println!("wrote alerts.png in {}", folder.display());
    Ok(())
}
