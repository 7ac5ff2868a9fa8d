//! Foreign programs on our files, and we on theirs.
//!
//! UR_PEERS_PYTHON names a Python with astropy 8.0, lightkurve 2.6 and astrocut 1.4.0. fitsverify is looked for on PATH,
//! or where UR_FITSVERIFY says.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use uranometria_cutout::fs::{Format, write};
use uranometria_cutout::{Cutter, Place, Size, Tpf};
use uranometria_sky::Direction;

use crate::support::{Frames, append, assert_pixels, bits, build, fixtures, open, options, run, ur, verify};

/// Runs a script of tests/peers, which must end well, and returns what it printed.
#[track_caller]
pub(crate) fn python(script: &str, arguments: &[&Path]) -> String {
    let python = std::env::var_os("UR_PEERS_PYTHON").filter(|path| !path.is_empty());
    let python = python.expect(
        "set UR_PEERS_PYTHON to a Python interpreter that has astropy, lightkurve and astrocut, or test without the \
         feature `peers`",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(script);
    let output = Command::new(&python).arg(&script).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("UR_PEERS_PYTHON is {}: {error}", python.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn check(script: &str, file: &Path, frames: &[PathBuf]) {
    let arguments: Vec<&Path> = std::iter::once(file).chain(frames.iter().map(PathBuf::as_path)).collect();
    let said = python(script, &arguments);
    assert!(said.lines().any(|line| line.starts_with("ok ")), "{said}");
}

/// Frames of a window with every oddity a good cube may have.
fn frames() -> Frames {
    Frames::new(|options| {
        (options.columns, options.rows, options.frames, options.jitter_px) = (120, 100, 12, 0.3);
        (options.bad.without_wcs, options.bad.flagged) = (vec![0, 7], vec![(3, 8), (5, 1 << 12)]);
    })
}

fn at(x: f64, y: f64) -> Place {
    Place::Pixel { x, y }
}

#[test]
fn astropy_finds_our_cubes_right() {
    let frames = frames();
    check("cube_check.py", &frames.cube("cube.fits"), &frames.paths);
    let grown = frames.at("grown.fits");
    build(&grown, &frames.paths[..5], &options()).unwrap();
    append(&grown, &frames.paths[5..], &options()).unwrap();
    check("cube_check.py", &grown, &frames.paths);
    let tica = Frames::tica(|options| options.bad.without_wcs = vec![0]);
    check("cube_check.py", &tica.cube("cube.fits"), &tica.paths);
}

#[test]
fn lightkurve_finds_our_target_pixel_files_right() {
    let frames = frames();
    let cutter = frames.cutter();
    for (n, (place, columns, rows)) in
        [(at(60.0, 50.0), 11, 11), (at(30.4, 77.7), 20, 7), (at(1.0, 98.0), 9, 8), (at(60.0, 50.0), 60, 60)]
            .into_iter()
            .enumerate()
    {
        let path = frames.at(&format!("{n}.fits"));
        write(&cutter.cut(place, Size::Pixels { columns, rows }).unwrap(), Format::Tpf, &path).unwrap();
        check("tpf_check.py", &path, &frames.paths);
    }
}

#[test]
fn lightkurve_finds_our_light_curves_right() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.frames) = (60, 50, 60));
    let cutter = frames.cutter();
    let tpf = frames.at("tpf.fits");
    let star = frames.sector.truth().sources.iter().min_by(|a, b| a.mag.total_cmp(&b.mag)).unwrap();
    let place = Place::Sky(Direction::from_degrees(star.ra_deg, star.dec_deg).unwrap());
    write(&cutter.cut(place, Size::square(15)).unwrap(), Format::Tpf, &tpf).unwrap();
    for aperture in ["threshold", "all"] {
        let curve = frames.at(&format!("{aperture}.fits"));
        let mut command = ur();
        command
            .args(["lightcurve", "--background", "none", "--aperture", aperture, "--out"])
            .arg(&curve)
            .arg(&tpf);
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        python("lightcurve_check.py", &[&tpf, &curve, Path::new(aperture)]);
        fitsverify(&curve);
    }
}

/// Compares the pixels of two cutouts after proving that they have the same place.
#[track_caller]
fn assert_same_cutout(ours: &Tpf, theirs: &Tpf) {
    assert_eq!(
        (ours.columns(), ours.rows(), ours.frames()),
        (theirs.columns(), theirs.rows(), theirs.frames())
    );
    assert_eq!(bits(ours.flux()), bits(theirs.flux()));
    assert_eq!(bits(ours.flux_err()), bits(theirs.flux_err()));
    assert_eq!((ours.time(), ours.quality()), (theirs.time(), theirs.quality()));
}

fn read(path: &Path) -> Tpf {
    Tpf::read(fs::read(path).unwrap().as_slice()).unwrap()
}

/// Cuts at pixels with our cutter and with astrocut from the same cube.
fn cut_by_both(frames: &Frames, cube: &Path) {
    let cutter = Cutter::new(open(cube));
    let wcs = &cutter.cube().wcs().unwrap().wcs;
    // Odd sizes at fractions below a half, where astrocut takes the nearest pixel as middle too; even sizes anywhere.
    for (n, (x, y, columns, rows)) in [
        (60.2, 50.3, 11, 11),
        (33.1, 20.4, 5, 9),
        (80.3, 61.8, 6, 4),
        (80.7, 61.2, 8, 8),
        (1.2, 50.2, 7, 7),
        (119.1, 99.2, 9, 5),
    ]
    .into_iter()
    .enumerate()
    {
        let (ra, dec) = wcs.pixel_to_sky(x, y);
        let place = Place::Sky(Direction::from_degrees(ra, dec).unwrap());
        let ours = cutter.cut(place, Size::Pixels { columns, rows }).unwrap().to_tpf().unwrap();
        let out = frames.at(&format!("astrocut-{n}.fits"));
        let words = [ra.to_string(), dec.to_string(), columns.to_string(), rows.to_string()];
        let words: Vec<&Path> = words.iter().map(Path::new).collect();
        python("astrocut_run.py", &[&[Path::new("cut"), cube], words.as_slice(), &[&out]].concat());
        assert_same_cutout(&Tpf::read(ours.as_slice()).unwrap(), &read(&out));
    }
}

#[test]
fn astrocut_cuts_from_our_cube_what_we_cut() {
    let frames = frames();
    let cube = frames.cube("cube.fits");
    cut_by_both(&frames, &cube);
}

#[test]
fn we_cut_from_a_cube_of_astrocut_what_astrocut_cuts() {
    let frames = frames();
    let cube = frames.at("astrocut.fits");
    let paths: Vec<&Path> = frames.paths.iter().map(PathBuf::as_path).collect();
    python("astrocut_run.py", &[&[Path::new("cube"), &cube], paths.as_slice()].concat());
    cut_by_both(&frames, &cube);
    assert_pixels(&cube, &frames.planes());
    let verified = verify(&cube, &frames.paths);
    assert_eq!(verified.differences, 0, "{:?}", verified.examples);
}

#[test]
fn astropy_reads_the_real_cutout_as_we_do() {
    let path = fixtures("tess", "astrocut.fits").remove(0);
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    python("tpf_dump.py", &[&path, &dump]);
    let tpf = read(&path);
    let mut wanted: Vec<u8> = tpf.time().iter().flat_map(|value| value.to_be_bytes()).collect();
    for values in [tpf.flux(), tpf.flux_err()] {
        wanted.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }
    for values in [tpf.quality(), tpf.aperture()] {
        wanted.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    }
    assert!(fs::read(&dump).unwrap() == wanted);
}

/// Fails unless fitsverify finds no error, and no warning but for two that the layout brings with it: keywords without a
/// value, as in the mission's files, and columns named for keywords with a hyphen, as in astrocut's cubes.
#[track_caller]
fn fitsverify(path: &Path) {
    let program = std::env::var_os("UR_FITSVERIFY").unwrap_or_else(|| OsString::from("fitsverify"));
    let output = Command::new(&program).arg(path).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; set UR_FITSVERIFY", program.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(" and 0 error(s)."), "{said}");
    let known = ["has a null value", "contains character '-'"];
    let warnings = said.lines().filter(|line| line.starts_with("*** Warning"));
    let others: Vec<&str> = warnings.filter(|line| !known.iter().any(|words| line.contains(words))).collect();
    assert!(others.is_empty(), "{}: {others:?}", path.display());
}

#[test]
fn fitsverify_finds_no_error_in_our_files() {
    for frames in [frames(), Frames::tica(|options| options.columns = 120)] {
        let cube = frames.cube("cube.fits");
        fitsverify(&cube);
        let cutter = Cutter::new(open(&cube));
        let cutout =
            cutter.cut(at(38.0, 29.0), Size::Pixels { columns: 7, rows: 5 }).unwrap().named("a star");
        for (format, name) in [(Format::Tpf, "tpf.fits"), (Format::Image, "image.fits")] {
            write(&cutout, format, frames.at(name)).unwrap();
            fitsverify(&frames.at(name));
        }
        fitsverify(&frames.paths[0]);
    }
    let frames = Frames::new(|options| (options.columns, options.rows, options.movers) = (160, 120, 1));
    let track = uranometria_cutout::read_track(frames.sector.truth().tracks[0].to_csv().as_bytes()).unwrap();
    write(&frames.cutter().follow(&track, Size::square(5)).unwrap(), Format::Tpf, frames.at("track.fits"))
        .unwrap();
    fitsverify(&frames.at("track.fits"));
}
