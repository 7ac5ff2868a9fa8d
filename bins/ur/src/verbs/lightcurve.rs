//! `ur lightcurve`: target pixel files to one light curve.

use std::error::Error;
use std::path::Path;

use serde_json::json;
use uranometria_cutout::lightcurve::{
    Background, LightCurve, join, stitch, to_fits, write_csv, write_parquet,
};
use uranometria_cutout::{Aperture, Tpf};
use uranometria_fits::fs::{Durability, OpenFile, destination, write};

use super::picture;
use crate::args::LightcurveArgs;
use crate::files::{self, Kind};
use crate::report::{self, Outcome, line};

/// What an aperture can be made of.
pub(super) enum Mask<'a> {
    /// So many sigma above the median.
    Threshold(f64),
    All,
    File(&'a Path),
}

pub(crate) fn run(args: &LightcurveArgs) -> report::Result {
    let mask = match (args.aperture.as_str(), args.threshold) {
        ("threshold", None) => Mask::Threshold(3.0),
        ("threshold", Some(sigma)) if sigma.is_finite() => Mask::Threshold(sigma),
        ("threshold", Some(sigma)) => return Err(format!("--threshold is {sigma}, expected a number").into()),
        (_, Some(_)) => return Err("--threshold is of --aperture threshold; leave one of the two out".into()),
        ("all", None) => Mask::All,
        (file, None) => Mask::File(Path::new(file)),
    };
    let background = if args.background == "none" { Background::None } else { Background::default() };
    let kind = files::ending(&args.out, &["fits", "csv", "parquet", "png"])?;
    let mut inputs = args.tpf.clone();
    if let Mask::File(file) = &mask {
        inputs.push(file.to_path_buf());
    }
    files::refuse_inputs(&[&args.out], &inputs)?;
    files::refuse_twice(&args.tpf)?;
    destination(&args.out)?;
    let output = if kind == "fits" { Kind::LightCurve } else { Kind::by_ending(&kind) };
    files::refuse_other_kind(&args.out, output)?;
    let (curve, time) = report::timed(|| -> Result<_, Box<dyn Error>> {
        let curves = args.tpf.iter().map(|path| extract(path, &mask, background));
        let curves = curves.collect::<Result<Vec<_>, _>>()?;
        Ok(if args.stitch { stitch(curves)? } else { join(curves)? })
    });
    let curve = curve?;
    let title = curve_title(&args.tpf[0], args.tpf.len());
    write(&args.out, &encode(&curve, &kind, &title)?, Durability::Process)?;
    let facts = facts(&curve);
    if args.json {
        report::json(&json!({
            "file": report::path(&args.out), "rows": curve.len(), "aperture_pixels": facts.pixels, "unit": curve.unit.name(),
            "median_flux": facts.median, "unusable_rows": facts.unusable, "seconds": time.as_secs_f64(),
        }));
    } else {
        line(format!(
            "{}: {} rows, {} pixels summed, median {:.6} {}, {} rows flagged unusable",
            args.out.display(),
            curve.len(),
            facts.pixels,
            facts.median,
            curve.unit.name().unwrap_or("(relative)"),
            facts.unusable
        ));
    }
    Ok(if facts.median.is_nan() { Outcome::Nothing } else { Outcome::Done })
}

/// Reads a target pixel file and sums it.
pub(super) fn extract(
    path: &Path,
    mask: &Mask<'_>,
    background: Background,
) -> Result<LightCurve, Box<dyn Error>> {
    let tpf = Tpf::read(&OpenFile::open(path)?).map_err(|error| error.in_file(path))?;
    let aperture = match mask {
        Mask::Threshold(sigma) => Aperture::threshold(&tpf, *sigma),
        Mask::All => Aperture::all(&tpf),
        Mask::File(file) => {
            let bytes = std::fs::read(file)
                .map_err(|error| format!("{}: cannot read it: {error}", file.display()))?;
            let aperture = Aperture::from_file(&bytes, tpf.columns(), tpf.rows());
            return finish(&tpf, aperture.map_err(|error| error.in_file(file))?, background, path);
        }
    };
    finish(&tpf, aperture.map_err(|error| error.in_file(path))?, background, path)
}

fn finish(
    tpf: &Tpf,
    aperture: Aperture,
    background: Background,
    path: &Path,
) -> Result<LightCurve, Box<dyn Error>> {
    let curve = LightCurve::extract(tpf, &aperture, background).map_err(|error| error.in_file(path))?;
    Ok(curve.with_origin(&path.file_name().unwrap_or_default().to_string_lossy()))
}

fn encode(curve: &LightCurve, kind: &str, title: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    match kind {
        "fits" => bytes = to_fits(curve)?,
        "csv" => write_csv(curve, &mut bytes)?,
        "parquet" => write_parquet(curve, &mut bytes)?,
        _ => bytes = picture::of_light_curve(curve, title).png()?,
    }
    Ok(bytes)
}

fn curve_title(first: &Path, files: usize) -> String {
    let stem = first.file_stem().unwrap_or_default().to_string_lossy();
    if files == 1 { stem.into_owned() } else { format!("{stem} and {} more", files - 1) }
}

struct Facts {
    pixels: usize,
    median: f64,
    unusable: usize,
}

fn facts(curve: &LightCurve) -> Facts {
    Facts {
        pixels: curve.parts.iter().map(|part| part.aperture.count()).sum(),
        median: curve.median_flux(),
        unusable: (0..curve.len()).filter(|&row| !curve.is_usable(row)).count(),
    }
}
