//! Target pixel files read as astropy reads them, apertures and sums as lightkurve makes them.
//!
//! The expected values are in data-fixtures/lightcurve, made by data-fixtures/make/lightcurve_lightkurve.py.

use std::fs;
use std::path::PathBuf;

use uranometria_cutout::Error;
use uranometria_cutout::aperture::Aperture;
use uranometria_cutout::lightcurve::{self, Background, LightCurve};
use uranometria_cutout::tpf::Tpf;
use uranometria_fits::fs::OpenFile;

const REAL: &str = "tess/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits";

const STAMPS: [&str; 11] = [
    "plain",
    "flags",
    "neighbour",
    "corner",
    "tie",
    "constant",
    "negative",
    "oblong",
    "gaps",
    "long",
    "none",
];

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(bytes(name)).unwrap()
}

/// The stamps of which there are expected light curves, with their target pixel files.
fn stamps() -> impl Iterator<Item = (&'static str, Tpf)> {
    let paths = STAMPS.iter().map(|name| (*name, format!("lightcurve/{name}.fits")));
    let paths = paths.chain([("real", REAL.to_string())]);
    paths.map(|(name, path)| (name, Tpf::read(&bytes(&path)).unwrap()))
}

/// The four columns that lightkurve computed: flux and error of the threshold mask, of all pixels.
fn expected(name: &str) -> [Vec<f64>; 4] {
    let text = text(&format!("lightcurve/{name}.sap.csv"));
    let mut columns = [const { Vec::new() }; 4];
    for line in text.lines().skip(1) {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(if cell.is_empty() { f64::NAN } else { cell.parse().unwrap() });
        }
    }
    columns
}

#[test]
fn the_real_file_reads_as_astropy_reads_it() {
    let tpf = Tpf::read(&OpenFile::open(fixture(REAL)).unwrap()).unwrap();
    let big_endian = |pixels: &[f32]| pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect::<Vec<_>>();
    assert!(big_endian(tpf.flux()) == bytes("lightcurve/real.flux.be32"));
    assert!(big_endian(tpf.flux_err()) == bytes("lightcurve/real.flux_err.be32"));
    for (n, line) in text("lightcurve/real.frames.csv").lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(tpf.time()[n], cells[0].parse::<f64>().unwrap());
        // astropy's digits are those of the double that the single precision number is.
        assert_eq!(f64::from(tpf.timecorr()[n]), cells[1].parse::<f64>().unwrap());
        assert_eq!(tpf.cadenceno()[n].to_string(), cells[2]);
        assert_eq!(tpf.quality()[n].to_string(), cells[3]);
        assert_eq!(f64::from(tpf.pos_corr1()[n]), cells[4].parse::<f64>().unwrap());
        assert_eq!(f64::from(tpf.pos_corr2()[n]), cells[5].parse::<f64>().unwrap());
        assert_eq!(tpf.ffi_file()[n], cells[6]);
    }
    let wcs = tpf.wcs().unwrap();
    let mut seen = 0;
    for line in text("lightcurve/real.facts.txt").lines() {
        let (key, value) = line.split_once(' ').unwrap();
        let found = match key {
            "frames" => tpf.frames().to_string(),
            "rows" => tpf.rows().to_string(),
            "columns" => tpf.columns().to_string(),
            "column0" => tpf.column0().unwrap().to_string(),
            "row0" => tpf.row0().unwrap().to_string(),
            "sector" => tpf.sector().unwrap().to_string(),
            "camera" => tpf.camera().unwrap().to_string(),
            "ccd" => tpf.ccd().unwrap().to_string(),
            "ra_obj" => tpf.ra_obj().unwrap().to_string(),
            "dec_obj" => tpf.dec_obj().unwrap().to_string(),
            "flux_unit" => tpf.flux_unit().unwrap().to_string(),
            "aperture" => tpf.aperture().iter().map(i32::to_string).collect::<Vec<_>>().join(" "),
            "sky" => {
                let numbers: Vec<f64> = value.split(' ').map(|number| number.parse().unwrap()).collect();
                let (ra, dec) = wcs.pixel_to_sky(numbers[0], numbers[1]);
                assert!((ra - numbers[2]).abs() < 1e-10 && (dec - numbers[3]).abs() < 1e-10, "{line}");
                value.to_string()
            }
            other => panic!("no fact {other}"),
        };
        assert_eq!(found, value, "{key}");
        seen += 1;
    }
    assert_eq!(seen, 17);
    assert_eq!((tpf.ticid(), tpf.object()), (None, None));
}

#[test]
fn threshold_masks_are_those_of_lightkurve() {
    for (name, tpf) in stamps() {
        let wanted = Aperture::from_file(
            &bytes(&format!("lightcurve/{name}.threshold.csv")),
            tpf.columns(),
            tpf.rows(),
        );
        match (Aperture::threshold(&tpf, 3.0), wanted) {
            (Err(Error::EmptyAperture { .. }), Err(Error::EmptyAperture { .. })) => assert_eq!(name, "none"),
            (found, wanted) => assert_eq!(found.unwrap().to_csv(), wanted.unwrap().to_csv(), "{name}"),
        }
    }
}

#[test]
fn sums_and_errors_are_those_of_lightkurve_to_a_millionth() {
    for (name, tpf) in stamps() {
        let [flux, flux_err, flux_all, flux_err_all] = expected(name);
        let everything =
            Aperture::new(tpf.columns(), tpf.rows(), vec![true; tpf.columns() * tpf.rows()]).unwrap();
        check(name, &tpf, &everything, &flux_all, &flux_err_all);
        if let Ok(aperture) = Aperture::threshold(&tpf, 3.0) {
            check(name, &tpf, &aperture, &flux, &flux_err);
        }
        if name == "real" {
            assert_eq!(Aperture::all(&tpf).unwrap(), everything);
        }
    }
}

fn check(name: &str, tpf: &Tpf, aperture: &Aperture, flux: &[f64], flux_err: &[f64]) {
    let curve = LightCurve::extract(tpf, aperture, Background::None).unwrap();
    assert_eq!((curve.len(), curve.len()), (flux.len(), flux_err.len()), "{name}");
    for frame in 0..curve.len() {
        // lightkurve sums in single precision, so its errors are relative to the pixels and not to their sum.
        let scale: f64 =
            aperture.pixels().map(|at| f64::from(tpf.frame(frame)[at].abs())).filter(|x| !x.is_nan()).sum();
        let close = |found: f64, wanted: f64, scale: f64| {
            found == wanted || found.is_nan() && wanted.is_nan() || (found - wanted).abs() <= 1e-6 * scale
        };
        let (found, wanted) = (curve.flux[frame], flux[frame]);
        assert!(close(found, wanted, scale), "{name}, frame {frame}: flux {found}, lightkurve {wanted}");
        let (found, wanted) = (curve.flux_err[frame], flux_err[frame]);
        assert!(close(found, wanted, wanted), "{name}, frame {frame}: flux_err {found}, lightkurve {wanted}");
    }
}

#[test]
fn a_ring_around_the_real_star_gives_a_background_for_every_frame() {
    let tpf = Tpf::read(&bytes(REAL)).unwrap();
    let aperture = Aperture::threshold(&tpf, 3.0).unwrap();
    let plain = LightCurve::extract(&tpf, &aperture, Background::None).unwrap();
    let curve = LightCurve::extract(&tpf, &aperture, Background::default()).unwrap();
    for frame in 0..curve.len() {
        assert!(curve.background[frame] > 0.0 && curve.background_err[frame] > 0.0);
        let sum = curve.flux[frame] + curve.background[frame];
        assert!((sum - plain.flux[frame]).abs() < 1e-6);
        assert_eq!(curve.flux_err[frame], plain.flux_err[frame]);
    }
    let everything = Aperture::all(&tpf).unwrap();
    let error = LightCurve::extract(&tpf, &everything, Background::default()).unwrap_err().to_string();
    assert!(error.ends_with("use --background none or a larger stamp"), "{error}");
}

#[test]
fn the_aperture_of_a_written_light_curve_serves_as_a_mask() {
    let tpf = Tpf::read(&bytes(REAL)).unwrap();
    let aperture = Aperture::threshold(&tpf, 3.0).unwrap();
    let curve = LightCurve::extract(&tpf, &aperture, Background::default()).unwrap();
    let file = lightcurve::to_fits(&curve).unwrap();
    assert_eq!(Aperture::from_file(&file, tpf.columns(), tpf.rows()).unwrap(), aperture);
}
