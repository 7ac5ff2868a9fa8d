//! Draws one picture of each kind from made-up data into a folder, to be looked at.
//!
//! `cargo run -p uranometria-plot --example pictures -- FOLDER`

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use uranometria_plot::{LightCurvePlot, Series, StampPlot, Style, gallery_png, light_curve_png, stamp_png};

/// Noise of unit variance, roughly: the sum of twelve uniform numbers, less six.
struct Noise(u64);

impl Noise {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    fn next(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

struct Curve {
    x: Vec<f64>,
    y: Vec<f64>,
    err: Vec<f64>,
    flagged: Vec<bool>,
}

/// A TESS sector of 30-minute cadences from `start`, with a downlink gap, transits and bad cadences.
fn sector(start: f64, period: f64, depth: f64, seed: u64) -> Curve {
    let mut noise = Noise(seed);
    let mut curve = Curve { x: Vec::new(), y: Vec::new(), err: Vec::new(), flagged: Vec::new() };
    for i in 0..1300 {
        let t = f64::from(i) / 48.0;
        if (13.0..14.1).contains(&t) {
            continue;
        }
        let phase = (t + 0.31 * period) % period;
        let transit = if phase < 0.14 { depth } else { 0.0 };
        let mut y = 1.0 + 6e-4 * (t / 2.1).sin() - transit + 4.5e-4 * noise.next();
        let bad = (14.1..14.5).contains(&t) || i % 401 == 77;
        if bad {
            y += 0.004 * noise.next();
        }
        if i == 333 {
            y = 1.4;
        }
        if (600..606).contains(&i) {
            y = f64::NAN;
        }
        curve.x.push(start + t);
        curve.y.push(y);
        curve.err.push(4.5e-4);
        curve.flagged.push(bad);
    }
    curve
}

fn star(columns: usize, rows: usize, brightness: f64, seed: u64) -> Vec<f32> {
    let mut noise = Noise(seed);
    let centre = (columns as f64 / 2.0 - 0.3, rows as f64 / 2.0 - 0.6);
    let neighbour = (centre.0 + 3.4, centre.1 + 2.2);
    (0..columns * rows)
        .map(|i| {
            let (x, y) = ((i % columns) as f64, (i / columns) as f64);
            let spot = |(cx, cy): (f64, f64), height: f64, width: f64| {
                height * (-((x - cx).powi(2) + (y - cy).powi(2)) / (2.0 * width * width)).exp()
            };
            let light = spot(centre, brightness, 0.9) + spot(neighbour, brightness * 0.12, 0.85);
            (118.0 + light + 3.0 * noise.next()) as f32
        })
        .collect()
}

fn brightest(pixels: &[f32], least: f32) -> Vec<bool> {
    pixels.iter().map(|&value| value > least).collect()
}

fn stamp<'a>(pixels: &'a [f32], aperture: &'a [bool]) -> StampPlot<'a> {
    StampPlot {
        title: "TIC 261136679",
        subtitle: "sector 27, camera 4, CCD 2",
        columns: 11,
        rows: 11,
        pixels,
        aperture: Some(aperture),
        marker: Some((5.2, 4.9)),
        column0: 1247,
        row0: 608,
        unit: "flux (e⁻/s)",
        north_east: Some(([0.26, 0.96], [-0.96, 0.26])),
        ..StampPlot::default()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("name a folder to draw into")?);
    fs::create_dir_all(&folder)?;
    let save = |name: &str, png: Vec<u8>| fs::write(folder.join(format!("{name}.png")), png);

    let one = sector(2036.3, 6.27, 0.003, 1);
    let two = sector(2766.6, 6.27, 0.003, 2);
    let series =
        [Series { label: "SAP flux", x: &one.x, y: &one.y, y_err: None, flagged: Some(&one.flagged) }];
    let plot = LightCurvePlot {
        title: "TIC 261136679 (π Men)",
        subtitle: "sector 27, 30 min cadence, threshold aperture",
        x_label: "time (BTJD, TDB days)",
        y_label: "normalised flux",
        series: &series,
        ..LightCurvePlot::default()
    };
    save("points", light_curve_png(&plot)?)?;
    save("line", light_curve_png(&LightCurvePlot { style: Style::Line, ..plot })?)?;
    save("large", light_curve_png(&LightCurvePlot { width: 2000, height: 800, ..plot })?)?;
    save("small", light_curve_png(&LightCurvePlot { width: 360, height: 200, ..plot })?)?;

    let raw: Vec<f64> = one.y.iter().map(|y| y * 18234.5 + 60.0).collect();
    let clean: Vec<f64> = one.y.iter().map(|y| y * 18234.5).collect();
    let err: Vec<f64> = one.err.iter().map(|e| e * 18234.5).collect();
    let both = [
        Series { label: "raw", x: &one.x, y: &raw, ..Series::default() },
        Series { label: "background removed", x: &one.x, y: &clean, y_err: Some(&err), flagged: None },
    ];
    let two_series =
        LightCurvePlot { y_label: "flux (e⁻/s)", series: &both, style: Style::PointsAndLine, ..plot };
    save("two_series", light_curve_png(&two_series)?)?;

    let x: Vec<f64> = one.x.iter().chain(&two.x).copied().collect();
    let y: Vec<f64> = one.y.iter().chain(&two.y).copied().collect();
    let apart = [Series { x: &x, y: &y, ..Series::default() }];
    let years = LightCurvePlot { subtitle: "sectors 27 and 54", series: &apart, ..plot };
    save("two_sectors", light_curve_png(&years)?)?;
    save("two_sectors_line", light_curve_png(&LightCurvePlot { style: Style::Line, ..years })?)?;

    let mut noise = Noise(9);
    let x: Vec<f64> = (0..1_000_000).map(|i| f64::from(i) * 2e-5).collect();
    let y: Vec<f64> = x.iter().map(|t| 20.0 * t.sin() + noise.next()).collect();
    let many = [Series { x: &x, y: &y, ..Series::default() }];
    let million = LightCurvePlot { title: "a million points", subtitle: "", series: &many, ..plot };
    save("million", light_curve_png(&million)?)?;
    save("million_line", light_curve_png(&LightCurvePlot { style: Style::Line, ..million })?)?;

    save("empty", light_curve_png(&LightCurvePlot { series: &[], ..plot })?)?;
    let alone = [Series { x: &[2_459_000.5], y: &[12.25], ..Series::default() }];
    save("alone", light_curve_png(&LightCurvePlot { series: &alone, ..plot })?)?;

    let pixels = star(11, 11, 5200.0, 3);
    let aperture = brightest(&pixels, 700.0);
    save("stamp", stamp_png(&stamp(&pixels, &aperture))?)?;
    save("stamp_small", stamp_png(&StampPlot { width: 240, height: 200, ..stamp(&pixels, &aperture) })?)?;
    let mut edge = pixels.clone();
    for row in edge.chunks_mut(11) {
        row[8..].fill(f32::NAN);
    }
    edge[60] = f32::NAN;
    let at_edge = StampPlot {
        title: "at the edge of the chip",
        marker: Some((2.0, 2.0)),
        column0: -4,
        ..stamp(&edge, &aperture)
    };
    save("stamp_edge", stamp_png(&at_edge)?)?;
    let wide_pixels = star(40, 15, 5200.0, 3);
    let wide =
        StampPlot { columns: 40, rows: 15, aperture: None, width: 1000, ..stamp(&wide_pixels, &aperture) };
    save("stamp_wide", stamp_png(&wide)?)?;

    let curves: Vec<Curve> = (0u32..4)
        .map(|i| sector(2036.3, 2.1 + 1.7 * f64::from(i), 0.002 + 0.002 * f64::from(i), 40 + u64::from(i)))
        .collect();
    let stamps: Vec<Vec<f32>> = (0u32..4).map(|i| star(11, 11, 900.0 * 2f64.powi(i as i32), 70)).collect();
    let apertures: Vec<Vec<bool>> = stamps.iter().map(|pixels| brightest(pixels, 350.0)).collect();
    let drawn: Vec<[Series<'_>; 1]> = curves
        .iter()
        .map(|c| [Series { label: "flux", x: &c.x, y: &c.y, y_err: None, flagged: Some(&c.flagged) }])
        .collect();
    let rows: Vec<_> = (0..4)
        .map(|i| {
            let curve = LightCurvePlot { title: "", subtitle: "aperture flux", series: &drawn[i], ..plot };
            (stamp(&stamps[i], &apertures[i]), curve)
        })
        .collect();
    save("gallery", gallery_png(&rows, "Four stars of sector 27", 1400)?)?;
    Ok(())
}
