//! Slips on the command line: a forgotten name, a list of the wrong files, an ending that is not meant. They cost nothing.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use uranometria_cube::fs::Options;
use uranometria_fits::Value;

use crate::support::{
    Ended, Frames, append, assert_error, build, contents, hdus, hidden, line_of, open, options, run, ur,
    verify,
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `ur`, which must refuse with these words and leave every file as it was.
#[track_caller]
fn assert_refused(frames: &Frames, arguments: &[&str], words: &str) {
    let folder = frames.folder.path();
    let before = contents(folder);
    let ended: Ended = run(ur().args(arguments));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains(words), "{}", ended.err);
    assert!(contents(folder) == before && hidden(folder).is_empty());
}

#[test]
fn the_forgotten_name_of_a_cube_does_not_cost_the_first_file() {
    let frames = Frames::new(|options| options.bad.truncated = vec![1]);
    let packed = frames.at("packed.fits.gz");
    let mut gzip = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
    gzip.write_all(&fs::read(&frames.paths[0]).unwrap()).unwrap();
    gzip.finish().unwrap();
    let list = frames.at("list.txt");
    fs::write(&list, text(&frames.paths[2])).unwrap();
    let at_list = format!("@{}", list.display());
    let others = [text(&frames.paths[3]), text(&frames.paths[4])];
    for out in [&packed, &frames.paths[1], &list] {
        let arguments = [&["cube", "build", "--out", text(out)], &others[..], &[&at_list]].concat();
        assert_refused(&frames, &arguments, "is there already and is no cube that can be read");
    }
    assert_refused(
        &frames,
        &["cube", "build", "--out", others[0], others[0], others[1]],
        "is a full-frame image",
    );
    // Neither does one that cannot be a file.
    fs::create_dir(frames.at("folder")).unwrap();
    let folder = frames.at("folder");
    assert_refused(
        &frames,
        &["cube", "build", "--out", text(&folder), others[0]],
        "it is a folder, expected",
    );
    let nowhere = frames.at("no/cube.fits");
    assert_refused(
        &frames,
        &["cube", "build", "--out", text(&nowhere), others[0]],
        "no is not there; make that",
    );
}

#[test]
fn reasons_are_told_where_no_frame_is_left() {
    let frames = Frames::new(|_| ());
    let error = build(
        &frames.at("cube.fits"),
        &frames.paths,
        &Options { product: Some(uranometria_cube::Product::Tica), skip_bad: true, ..options() },
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("8 of 8 frames") && error.contains("it is a SPOC frame"), "{error}");
}

#[test]
fn a_sector_is_told_where_nothing_else_tells_it_and_contradicts_nothing() {
    let frames = Frames::new(|_| ());
    let with = |sector| Options { sector: Some(sector), ..options() };
    let error = build(&frames.at("cube.fits"), &frames.paths, &with(9)).unwrap_err().to_string();
    assert!(error.contains("it is of sector 1, expected sector 9 as asked for"), "{error}");
    // The names of some tell it, their headers do not.
    let mut paths = frames.paths.clone();
    for (n, path) in paths.iter_mut().enumerate() {
        let line = hdus(path)
            .iter()
            .find_map(|hdu| hdu.header.get("SECTOR").map(|_| line_of(path, hdu.index, "SECTOR")));
        if let Some(line) = line {
            let mut bytes = fs::read(&*path).unwrap();
            bytes[line * 80..line * 80 + 8].copy_from_slice(b"SECTOS  ");
            fs::write(&*path, bytes).unwrap();
        }
        if n > 4 {
            let bare = frames.at(&format!("frame-{n}.fits"));
            fs::rename(&*path, &bare).unwrap();
            *path = bare;
        }
    }
    assert!(build(&frames.at("cube.fits"), &paths, &options()).is_err());
    let cube = frames.at("cube.fits");
    build(&cube, &paths, &with(1)).unwrap();
    assert_eq!(open(&cube).primary().integer("SECTOR"), Some(1));
    let verified = verify(&cube, &paths);
    assert_eq!(verified.differences, 0, "{:?}", verified.examples);
}

#[test]
fn more_keywords_than_a_table_has_columns_are_told_before_anything_is_made() {
    let frames = Frames::new(|_| ());
    let file = fs::read(&frames.paths[0]).unwrap();
    let hdus = hdus(&frames.paths[0]);
    let (start, data) = (hdus[1].header_start as usize, hdus[1].data_start as usize);
    let end = (start..data).step_by(80).find(|&at| file[at..].starts_with(b"END     ")).unwrap();
    let cards = (0..1100).map(|n| format!("{:80}", format!("K{n:<7}= {n:>20}")));
    let mut header = file[start..end].to_vec();
    header.extend(cards.collect::<String>().into_bytes());
    header.extend(format!("{:80}", "END").into_bytes());
    header.resize(header.len().div_ceil(2880) * 2880, b' ');
    let path = frames.at("many.fits");
    fs::write(&path, [&file[..start], &header, &file[data..]].concat()).unwrap();
    let error = build(&frames.at("cube.fits"), &[path], &options()).unwrap_err().to_string();
    assert!(error.contains("HDU 1: it has 1") && error.contains("expected at most 998"), "{error}");
}

#[test]
fn a_frame_that_is_in_the_cube_is_not_listed_as_left_out() {
    let frames = Frames::new(|_| ());
    let cube = frames.at("cube.fits");
    build(&cube, &frames.paths[..6], &options()).unwrap();
    let path = &frames.paths[2];
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    append(&cube, &frames.paths, &Options { skip_bad: true, ..options() }).unwrap();
    let cube = open(&cube);
    assert_eq!((cube.layout().frames, cube.primary().integer("NSKIPPED")), (8, None));
}

#[test]
fn frames_that_were_packed_are_known_again() {
    let frames = Frames::tica(|_| ());
    let packed: Vec<PathBuf> = frames.paths[..5]
        .iter()
        .map(|path| {
            let packed = PathBuf::from(format!("{}.gz", path.display()));
            let mut gzip = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
            gzip.write_all(&fs::read(path).unwrap()).unwrap();
            gzip.finish().unwrap();
            packed
        })
        .collect();
    let cube = frames.at("cube.fits");
    build(&cube, &packed, &options()).unwrap();
    let report = append(&cube, &frames.paths, &options()).unwrap();
    assert_eq!((report.known, report.layout.frames), (5, 8));
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
}

#[test]
fn coordinates_that_a_frame_never_had_are_found() {
    let frames = Frames::new(|options| options.bad.without_wcs = vec![3]);
    let cube = frames.cube("cube.fits");
    let table = &hdus(&cube)[2];
    let layout = uranometria_fits::TableLayout::of(table).unwrap();
    let column = layout.find("CRVAL1").unwrap();
    let at = table.data_start as usize + 3 * layout.row_len + column.offset;
    let mut bytes = fs::read(&cube).unwrap();
    bytes[at..at + 8].copy_from_slice(&1f64.to_be_bytes());
    fs::write(&cube, bytes).unwrap();
    let verified = verify(&cube, &frames.paths);
    assert!(
        verified.examples.iter().any(|text| text.contains("CRVAL1 is missing, the cube has 1")),
        "{verified:?}"
    );
    // So is a card of the primary header.
    let cube = frames.cube("other.fits");
    let line = line_of(&cube, 0, "CAMERA");
    let mut bytes = fs::read(&cube).unwrap();
    bytes[line * 80 + 29] = b'3';
    fs::write(&cube, bytes).unwrap();
    let verified = verify(&cube, &frames.paths);
    assert!(
        verified.examples.iter().any(|text| text.contains("CAMERA is 3, the frames make it 4")),
        "{verified:?}"
    );
}

#[test]
fn a_light_curve_is_of_one_target_and_costs_no_target_pixel_file() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.movers) = (160, 120, 1));
    let cube = frames.cube("cube.fits");
    let cut = |arguments: &[&str], name: &str| {
        let out = frames.at(name);
        let ended = run(ur()
            .args(["cutout", "--size", "5", "--cube"])
            .arg(&cube)
            .args(arguments)
            .arg("--out")
            .arg(&out));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        out
    };
    let (here, there) =
        (cut(&["--x", "40", "--y", "40"], "a.fits"), cut(&["--x", "90", "--y", "80"], "b.fits"));
    let place = |path: &Path, keyword| match hdus(path)[0].header.get(keyword) {
        Some(Value::Real(number)) => *number,
        other => panic!("{other:?}"),
    };
    assert!(place(&here, "RA_OBJ") != place(&there, "RA_OBJ"));
    let track = frames.at("track-1.csv");
    let moving = cut(&["--track", text(&track)], "moving.fits");
    let out = frames.at("out.csv");
    let (a, b, moving, out) = (text(&here), text(&there), text(&moving), text(&out));
    assert_refused(
        &frames,
        &["lightcurve", "--aperture", "all", "--background", "none", a, b, "--out", out],
        "has the position RA",
    );
    assert_refused(
        &frames,
        &["lightcurve", "--aperture", "all", "--background", "none", a, moving, "--out", out],
        "a moving target",
    );
    assert_refused(&frames, &["lightcurve", a, a, "--out", out], "was given twice");
    assert_refused(&frames, &["lightcurve", "--out", a, b], "is a target pixel file and would be replaced");
}

#[test]
fn the_ending_of_a_cutout_is_not_belied() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let cut = |out: &Path, format: &[&str]| {
        let place = ["cutout", "--x", "20", "--y", "15", "--size", "5", "--cube"];
        run(ur().args(place).arg(&cube).arg("--out").arg(out).args(format))
    };
    assert_eq!(cut(&frames.at("a.parquet"), &[]).code, Some(0));
    assert!(fs::read(frames.at("a.parquet")).unwrap().starts_with(b"PAR1"));
    for (name, format) in [("b.parquet", "tpf"), ("b.fits", "parquet")] {
        let ended = cut(&frames.at(name), &["--format", format]);
        assert_error(&ended, &format!("error: {}: ending ", frames.at(name).display()));
        assert!(!frames.at(name).exists());
    }
    let list = frames.at("list.csv");
    fs::write(&list, "ra,dec,size\n1,2,5\n3,4,2.5\n").unwrap();
    let ended = run(ur()
        .args(["cutout", "--size", "5", "--out", text(&frames.at("o")), "--targets", text(&list)])
        .arg("--cube")
        .arg(&cube));
    assert_error(&ended, &format!("error: {}, target 2: size 2.5x2.5 is not whole pixels", list.display()));
}

#[test]
fn frames_may_have_any_name() {
    let frames = Frames::new(|_| ());
    let name = [frames.paths[0].file_name().unwrap().as_bytes(), b"\xff"].concat();
    let odd = frames.folder.path().join(OsStr::from_bytes(&name));
    fs::rename(&frames.paths[0], &odd).unwrap();
    let list = frames.at("list");
    fs::write(&list, odd.as_os_str().as_bytes()).unwrap();
    let at_list = format!("@{}", list.display());
    for (name, first) in [("a.fits", odd.as_os_str()), ("b.fits", OsStr::new(&at_list))] {
        let ended = run(ur()
            .args(["cube", "build", "--out"])
            .arg(frames.at(name))
            .arg(first)
            .args(&frames.paths[1..]));
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}
