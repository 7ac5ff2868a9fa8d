//! `ur alerts show`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::json;
use uranometria_alert::fs::{listed, read_packets, read_part};
use uranometria_alert::{Error, LightCurve, Projection, Stamp, cutout, light_curves};
use uranometria_fits::fs::Durability;
use uranometria_plot::{LightCurvePlot, Series, StampPlot, gallery_png};

use crate::args::ShowArgs;
use crate::files::{self, Kind};
use crate::report::{self, Outcome, line};

/// An alert to draw.
struct Shown {
    title: String,
    curve: LightCurve,
    /// Nothing where the alert has no such picture.
    stamp: Option<Stamp>,
    /// By wavelength.
    bands: Vec<Band>,
}

/// What was measured in a band.
struct Band {
    name: String,
    days: Vec<f64>,
    flux_ujy: Vec<f64>,
    error_ujy: Vec<f64>,
}

pub(super) fn show(args: &ShowArgs) -> report::Result {
    files::ending(&args.out, &["png"])?;
    files::refuse_other_kind(&args.out, Kind::Png)?;
    files::need_folder(&args.out)?;
    let (mut shown, mut seen) = (Vec::new(), 0_u64);
    'files: for path in listed(&args.files)? {
        for batch in alerts(&path)? {
            let batch = batch?;
            let curves = light_curves(&batch).map_err(|error| format!("{}: {error}", path.display()))?;
            for (row, curve) in curves.into_iter().enumerate() {
                if shown.len() == args.limit {
                    break 'files;
                }
                seen += 1;
                if !args.objects.is_empty() && !args.objects.contains(&curve.object) {
                    continue;
                }
                let bytes = cutout(&batch, args.cutout.field(), row);
                let stamp = bytes.and_then(|bytes| {
                    let told = |error: Error| format!("{}: alert {}: {error}", path.display(), curve.id);
                    Stamp::read(&bytes).map_err(|error| report::warning(&told(error))).ok()
                });
                shown.push(Shown::of(curve, stamp));
            }
        }
    }
    if shown.is_empty() {
        match args.json {
            true => report::json(&json!({ "out": null, "alerts": [] })),
            false => line(format!("none of {seen} alerts is to be shown")),
        }
        return Ok(Outcome::Nothing);
    }
    let title = match shown.len() {
        1 => String::new(),
        many => format!("{many} alerts"),
    };
    uranometria_fits::fs::write(&args.out, &picture(&shown, args, &title)?, Durability::Process)?;
    if args.json {
        let alerts = shown.iter().map(|one| {
            json!({
                "alert": one.curve.id, "object": one.curve.object, "measurements": one.curve.measurements.len(),
                "cutout": one.stamp.is_some(),
            })
        });
        report::json(&json!({ "out": report::path(&args.out), "alerts": alerts.collect::<Vec<_>>() }));
    } else {
        line(format!("{}: {} alerts", args.out.display(), shown.len()));
    }
    Ok(Outcome::Done)
}

type Batches = Box<dyn Iterator<Item = Result<arrow_array::RecordBatch, Error>>>;

/// The alerts of a parquet or Avro file, few at a time.
fn alerts(path: &Path) -> Result<Batches, Box<dyn std::error::Error>> {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.map_err(|error| format!("{}: cannot read it: {error}", path.display()))?;
    Ok(match &magic {
        b"Obj\x01" => Box::new(read_packets(path, &Projection::all(), 16)?),
        _ => Box::new(read_part(path, &Projection::all(), 16)?),
    })
}

impl Shown {
    fn of(curve: LightCurve, stamp: Option<Stamp>) -> Self {
        let mut names: Vec<&str> = curve.measurements.iter().map(|one| one.band.as_str()).collect();
        // By wavelength.
        names.sort_by_key(|name| ("ugrizy".find(name).unwrap_or(9), *name));
        names.dedup();
        let of_band = |band: &str| {
            let all = || curve.measurements.iter().filter(|one| one.band == band);
            Band {
                name: band.to_string(),
                days: all().map(|one| one.mjd).collect(),
                flux_ujy: all().map(|one| one.flux_njy / 1e3).collect(),
                error_ujy: all().map(|one| one.error_njy / 1e3).collect(),
            }
        };
        let bands = names.into_iter().map(of_band).collect();
        let title = match curve.object.as_str() {
            "" => format!("alert {}", curve.id),
            object => object.to_string(),
        };
        Shown { title, curve, stamp, bands }
    }
}

fn picture(shown: &[Shown], args: &ShowArgs, title: &str) -> Result<Vec<u8>, uranometria_plot::Error> {
    let subtitles: Vec<String> = shown.iter().map(|one| format!("alert {}", one.curve.id)).collect();
    let counts: Vec<String> =
        shown.iter().map(|one| format!("{} measurements", one.curve.measurements.len())).collect();
    let series: Vec<Vec<Series<'_>>> = shown
        .iter()
        .map(|one| {
            let series = one.bands.iter().map(|band| Series {
                label: &band.name,
                x: &band.days,
                y: &band.flux_ujy,
                y_err: Some(&band.error_ujy),
                ..Series::default()
            });
            series.collect()
        })
        .collect();
    let rows: Vec<_> = shown
        .iter()
        .zip(subtitles.iter().zip(&counts).zip(&series))
        .map(|(one, ((subtitle, count), series))| {
            let stamp = one.stamp.as_ref();
            let stamp = StampPlot {
                title: args.cutout.name(),
                subtitle,
                columns: stamp.map_or(0, |stamp| stamp.columns),
                rows: stamp.map_or(0, |stamp| stamp.rows),
                pixels: stamp.map_or(&[], |stamp| &stamp.pixels),
                column0: 1,
                row0: 1,
                ..StampPlot::default()
            };
            let curve = LightCurvePlot {
                title: &one.title,
                subtitle: count,
                x_label: "MJD (days)",
                y_label: "difference flux (µJy)",
                series,
                break_axis: false,
                full_range: true,
                ..LightCurvePlot::default()
            };
            (stamp, curve)
        })
        .collect();
    gallery_png(&rows, title, 1400)
}
