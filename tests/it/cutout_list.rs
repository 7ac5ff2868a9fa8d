//! `ur cutout`: lists of targets, several cubes, names, sizes, what was not found, and exit codes.

use std::fs;
use std::path::{Path, PathBuf};

use uranometria_cutout::Tpf;
use uranometria_simulate::sector::Kind;

use crate::support::{Ended, Frames, assert_error, contents, run, ur};

fn tpf(path: &Path) -> Tpf {
    Tpf::read(fs::read(path).unwrap().as_slice()).unwrap()
}

/// Where the middle of the frames is on the sky.
fn middle(frames: &Frames) -> (f64, f64) {
    let options = frames.sector.options();
    frames.sector.wcs(0).unwrap().pixel_to_sky(options.columns as f64 / 2.0, options.rows as f64 / 2.0)
}

fn cutout(cubes: &[&PathBuf], arguments: &[&str], out: &Path) -> Ended {
    run(ur().args(["cutout", "--cube"]).args(cubes).args(arguments).arg("--out").arg(out))
}

/// Writes a list of targets.
fn list(frames: &Frames, text: &str) -> String {
    let path = frames.at("list.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn a_list_becomes_one_file_a_target() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let (ra, dec) = middle(&frames);
    let text = format!("ra,dec,name,size\n{ra},{dec},pi Men,\n{ra},{dec},,7x3\n{ra},{dec},last,4\n");
    let targets = list(&frames, &text);
    let out = frames.at("new/cutouts");
    let ended = cutout(&[&cube], &["--targets", &targets, "--size", "5"], &out);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.starts_with("3 cutouts, "), "{ended:?}");
    let names: Vec<String> = contents(&out).into_keys().collect();
    assert_eq!(names, ["2.fits", "last.fits", "pi_Men.fits"]);
    for (name, size) in [("pi_Men", (5, 5)), ("2", (7, 3)), ("last", (4, 4))] {
        let tpf = tpf(&out.join(format!("{name}.fits")));
        assert_eq!((tpf.columns(), tpf.rows()), size);
        assert_eq!(tpf.object(), Some(name.replace('_', " ").as_str()));
        assert!((tpf.ra_obj().unwrap() - ra).abs() < 1e-9);
    }
}

#[test]
fn targets_that_are_not_on_the_frame_are_told_and_the_others_cut() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let (ra, dec) = middle(&frames);
    let out = frames.at("out");
    let targets = list(&frames, &format!("name,ra,dec\nhere,{ra},{dec}\nfar,10,20\nbehind,265,75\n"));
    let ended = cutout(&[&cube], &["--targets", &targets, "--size", "5"], &out);
    assert_eq!(ended.code, Some(0));
    let warnings: Vec<&str> = ended.err.lines().collect();
    assert_eq!(warnings.len(), 2, "{ended:?}");
    for (warning, name) in warnings.iter().zip(["far", "behind"]) {
        assert!(warning.starts_with(&format!("warning: target {name}: RA ")), "{warning}");
    }
    let json = cutout(&[&cube], &["--targets", &targets, "--size", "5", "--json"], &out).json();
    assert_eq!(json["written"].as_array().unwrap().len(), 1);
    assert_eq!(json["written"][0]["target"], "here");
    assert_eq!(json["written"][0]["frames"], 8);
    assert_eq!(
        (&json["not_found"][0]["target"], &json["not_found"][1]["target"]),
        (&"far".into(), &"behind".into())
    );

    let nothing = list(&frames, "ra,dec\n10,20\n");
    let ended = cutout(&[&cube], &["--targets", &nothing, "--size", "5"], &frames.at("none"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let ended = cutout(&[&cube], &["--ra", "10", "--dec", "20", "--size", "5"], &frames.at("one.fits"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("is not on the frame") && !frames.at("one.fits").exists(), "{ended:?}");
}

#[test]
fn one_place_is_one_file() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let (ra, dec) = middle(&frames);
    assert!(dec < 0.0, "the test wants a negative number after a space");
    let out = frames.at("one.fits");
    let (ra, dec) = (ra.to_string(), dec.to_string());
    let ended = cutout(&[&cube], &["--ra", &ra, "--dec", &dec, "--size", "6x4"], &out);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("8 frames of 6 x 4 pixels"), "{ended:?}");
    assert_eq!((tpf(&out).columns(), tpf(&out).rows()), (6, 4));

    let pixel = cutout(&[&cube], &["--x", "-1", "--y", "20", "--size", "5"], &frames.at("pixel.fits"));
    assert_eq!(pixel.code, Some(0), "{pixel:?}");
    assert_eq!(
        (tpf(&frames.at("pixel.fits")).column0(), tpf(&frames.at("pixel.fits")).row0()),
        (Some(-2), Some(19))
    );

    // 21 arcsec a pixel, nearly.
    for (units, size) in [("arcmin", "3.5x1.75"), ("deg", "0.0583333x0.0291667")] {
        let path = frames.at("angle.fits");
        let ended = cutout(&[&cube], &["--x", "20", "--y", "15", "--units", units, "--size", size], &path);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!((9..=11).contains(&tpf(&path).columns()) && (4..=6).contains(&tpf(&path).rows()));
    }
    for (format, ending) in [("image", "fits"), ("parquet", "parquet")] {
        let folder = frames.folder.path().to_str().unwrap().to_string() + "/as/";
        let ended = cutout(
            &[&cube],
            &["--x", "20", "--y", "15", "--size", "3", "--format", format],
            Path::new(&folder),
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(contents(Path::new(&folder)).keys().any(|name| name.ends_with(ending)));
    }
}

#[test]
fn several_cubes_give_a_file_each_and_places_off_one_are_passed_over() {
    let left = Frames::new(|options| options.frames = 3);
    let right = Frames::new(|options| (options.frames, options.column0) = (4, 930));
    let (a, b) = (left.cube("a.fits"), right.cube("b.fits"));
    // Column 5 of the right one is column 35 of the left one; column 5 of the left one is on that alone.
    let (ra, dec) = right.sector.wcs(0).unwrap().pixel_to_sky(5.0, 15.0);
    let alone = left.sector.wcs(0).unwrap().pixel_to_sky(5.0, 15.0);
    let out = left.at("out");
    let one = |cubes: &[&PathBuf], (ra, dec): (f64, f64)| {
        let (ra, dec) = (ra.to_string(), dec.to_string());
        cutout(cubes, &["--ra", &ra, "--dec", &dec, "--size", "3", "--json"], &out)
    };
    let both = one(&[&a, &b], (ra, dec));
    assert_eq!(both.code, Some(0), "{both:?}");
    assert_eq!(both.json()["written"].as_array().unwrap().len(), 2, "{both:?}");
    let single = one(&[&a, &b], alone).json();
    assert_eq!(single["written"].as_array().unwrap().len(), 1, "{single}");
    assert_eq!(single["written"][0]["frames"], 3);
}

#[test]
fn the_targets_and_tracks_of_a_simulation_are_cut_as_they_are() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.movers) = (160, 120, 1));
    let cube = frames.cube("cube.fits");
    let out = frames.at("cutouts");
    let targets = frames.at("targets.csv");
    let ended = cutout(&[&cube], &["--targets", targets.to_str().unwrap(), "--size", "5", "--json"], &out);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let truth = frames.sector.truth();
    assert_eq!(ended.json()["written"].as_array().unwrap().len(), truth.targets.len());
    // Movers have tracks, and are not in the list.
    assert!(truth.targets.iter().all(|&target| truth.sources[target].kind != Kind::Mover));
    assert!(truth.of_kind(Kind::Mover).count() == 1);
    let moving = frames.at("moving.fits");
    let track = frames.at("track-1.csv");
    let ended = cutout(&[&cube], &["--track", track.to_str().unwrap(), "--size", "5"], &moving);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(tpf(&moving).frames() > 0);
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let wcs = frames.sector.wcs(0).unwrap();
    let rows = (0..200).map(|n| {
        let (ra, dec) = wcs.pixel_to_sky((n % 40) as f64, (n % 29) as f64);
        format!("{ra},{dec}\n")
    });
    let targets = list(&frames, &format!("ra,dec\n{}", rows.collect::<String>()));
    let cut = |threads: &str, out: &str| {
        let out = frames.at(out);
        let arguments = ["--targets", &targets, "--size", "5", "--threads", threads];
        assert_eq!(cutout(&[&cube], &arguments, &out).code, Some(0));
        contents(&out)
    };
    let one = cut("1", "one");
    assert_eq!(one.len(), 200);
    assert!(cut("5", "five") == one);
}

#[test]
fn wrong_lists_and_places_are_errors_that_name_them() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let path = frames.at("list.csv").display().to_string();
    let check = |text: &str, wanted: &str| {
        let targets = list(&frames, text);
        let ended = cutout(&[&cube], &["--targets", &targets, "--size", "5"], &frames.at("out"));
        assert_error(&ended, &format!("error: {path}, {wanted}"));
    };
    check("ra,dec\n1,2\nx,3\n", "row 2: ra is \"x\", expected a number");
    check("ra,declination\n1,2\n", "column dec is missing, found ra, declination");
    check("ra,dec\n1,95\n", "row 1: ");
    check("ra,dec,name\n1,2,a\n1,3,a\n", "targets 1 and 2 are both named \"a\"");
    check("", "");
    let place = ["--ra", "10", "--dec", "-95", "--size", "5"];
    assert_error(&cutout(&[&cube], &place, &frames.at("a.fits")), "error: ");
    let place = ["--x", "10", "--y", "5", "--size", "2.5"];
    assert_error(
        &cutout(&[&cube], &place, &frames.at("a.fits")),
        "error: --size 2.5x2.5 is not whole pixels",
    );
    let missing = frames.at("missing.fits");
    let ended = cutout(&[&missing], &["--x", "1", "--y", "5", "--size", "5"], &frames.at("a.fits"));
    assert_error(&ended, &format!("error: {}", missing.display()));
    let frame = &frames.paths[0];
    let ended = cutout(&[frame], &["--x", "1", "--y", "5", "--size", "5"], &frames.at("a.fits"));
    assert_error(&ended, &format!("error: {} is not a cube: ", frame.display()));
    let track = list(&frames, "time,ra,dec\n5,1,2\n4,1,2\n");
    let ended = cutout(&[&cube], &["--track", &track, "--size", "5"], &frames.at("a.fits"));
    assert_error(&ended, &format!("error: {path}"));
    assert!(!frames.at("a.fits").exists());
}
