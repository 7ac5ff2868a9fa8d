//! Slips on the command line: a forgotten name, a list of the wrong files, an ending that is not meant. They cost nothing.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use uranometria_cube::Error;
use uranometria_cube::fs::{Control, Options};
use uranometria_fits::Value;

use uranometria_cutout::{Cutter, Place, Size};

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
    let packed = gzip(&frames.paths[0]);
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
        assert!(hdus(path).iter().all(|hdu| hdu.header.get("SECTOR").is_none()));
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

/// Writes another card over that of a keyword that stands in the primary header.
fn overwrite(path: &Path, keyword: &str, card: &[u8]) {
    let line = line_of(path, 0, keyword);
    let mut bytes = fs::read(path).unwrap();
    bytes[line * 80..(line + 1) * 80].fill(b' ');
    bytes[line * 80..line * 80 + card.len()].copy_from_slice(card);
    fs::write(path, bytes).unwrap();
}

fn gzip(path: &Path) -> PathBuf {
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let mut gzip = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::fast());
    gzip.write_all(&fs::read(path).unwrap()).unwrap();
    gzip.finish().unwrap();
    packed
}

#[test]
fn a_header_knows_its_sector_better_than_a_name() {
    let frames = Frames::new(|_| ());
    let mut paths = frames.paths.clone();
    for (n, path) in paths.iter_mut().enumerate() {
        overwrite(path, "TELESCOP", b"SECTOR  =                    7");
        let named = frames.at(&format!("again-s0009-{n}.fits"));
        fs::rename(&*path, &named).unwrap();
        *path = named;
    }
    *paths.last_mut().unwrap() = gzip(paths.last().unwrap());
    let with = |sector| Options { sector: Some(sector), ..options() };
    let error = build(&frames.at("cube.fits"), &paths, &with(9)).unwrap_err().to_string();
    let each = error.matches("it is of sector 7, expected sector 9 as asked for").count();
    assert_eq!(each, paths.len(), "{error}");
    assert_eq!(hidden(frames.folder.path()), [""; 0]);
    build(&frames.at("cube.fits"), &paths, &with(7)).unwrap();
    assert_eq!(open(&frames.at("cube.fits")).primary().integer("SECTOR"), Some(7));
    // In the header of the science image it counts more.
    let other = Frames::new(|_| ());
    let packed: Vec<PathBuf> = other
        .paths
        .iter()
        .enumerate()
        .map(|(n, path)| {
            let science = line_of(path, 1, "RADESYS") * 80;
            let mut bytes = fs::read(path).unwrap();
            bytes[science..science + 80].fill(b' ');
            bytes[science..science + 30].copy_from_slice(b"SECTOR  =                    5");
            let named = other.at(&format!("again-s0009-{n}.fits"));
            fs::write(&named, bytes).unwrap();
            gzip(&named)
        })
        .collect();
    build(&other.at("cube.fits"), &packed, &with(5)).unwrap();
    assert_eq!(open(&other.at("cube.fits")).primary().integer("SECTOR"), Some(5));
}

#[test]
fn copies_of_a_refused_append_go_with_the_next_one() {
    let frames = Frames::new(|_| ());
    let packed: Vec<PathBuf> = frames.paths.iter().map(|path| gzip(path)).collect();
    let (cube, bad) = (frames.at("cube.fits"), frames.at("bad.fits"));
    build(&cube, &packed[..6], &options()).unwrap();
    fs::write(&bad, "no frame").unwrap();
    let refused = append(&cube, &[&packed[..], &[bad]].concat(), &options());
    assert!(matches!(refused, Err(Error::BadFrames { .. })), "{refused:?}");
    // The next run may leave it out and then finds them again.
    assert_eq!(hidden(frames.folder.path()).len(), 1);
    assert_eq!(append(&cube, &packed[..6], &options()).unwrap().known, 6);
    assert_eq!(hidden(frames.folder.path()), [""; 0]);
}

#[test]
fn the_cube_and_not_the_most_frames_decides_what_belongs_to_it() {
    let frames = Frames::new(|_| ());
    let chip = Frames::new(|options| (options.camera, options.ccd, options.frames) = (3, 3, 16));
    let mut size = Frames::new(|options| (options.columns, options.frames) = (44, 20));
    // Without those of the same names.
    size.paths.drain(..8);
    let cube = frames.at("cube.fits");
    build(&cube, &frames.paths[..4], &options()).unwrap();
    for (others, words) in [
        (&chip, "it is camera 3 CCD 3, expected camera 4 CCD 2 as the cube"),
        (&size, "it is of 44 columns and 30 rows, expected of 40 columns and 30 rows as the cube"),
    ] {
        let given = [&frames.paths[..6], &others.paths].concat();
        let error = append(&cube, &given, &options()).unwrap_err().to_string();
        assert_eq!(error.matches(words).count(), others.paths.len(), "{error}");
        let verified = verify(&cube, &[&frames.paths[..4], &others.paths].concat());
        assert_eq!((verified.frames, verified.differences), (4, others.paths.len() as u64), "{verified:?}");
        assert!(verified.examples[0].contains(words), "{verified:?}");
    }
    let skip = Options { skip_bad: true, ..options() };
    let report = append(&cube, &[&frames.paths[..6], &chip.paths].concat(), &skip).unwrap();
    assert_eq!((report.layout.frames, report.known, report.skipped.len()), (6, 4, 16));
    let report = append(&cube, &[&frames.paths[4..], &size.paths].concat(), &skip).unwrap();
    assert_eq!((report.layout.frames, report.known, report.skipped.len()), (8, 2, 12));
    let all = [&frames.paths[..], &chip.paths, &size.paths].concat();
    assert_eq!(verify(&cube, &all).differences, 0);
    // None of them is left: there is nothing that could be left out.
    let error = append(&cube, &chip.paths, &skip).unwrap_err().to_string();
    assert!(error.contains("16 of 16 frames") && !error.contains("--skip-bad"), "{error}");
}

#[test]
fn frames_of_one_name_and_two_starts_are_counted_each() {
    let (frames, other) = (Frames::new(|_| ()), Frames::new(|_| ()));
    let twin = other.at(frames.paths[0].file_name().unwrap().to_str().unwrap());
    fs::copy(&frames.paths[1], &twin).unwrap();
    let given = [frames.paths[0].clone(), twin];
    let cube = frames.at("cube.fits");
    build(&cube, &given, &options()).unwrap();
    let report = append(&cube, &given, &options()).unwrap();
    assert_eq!((report.known, report.layout.frames), (2, 2));
}

#[test]
fn bytes_outside_of_ascii_are_no_difference() {
    let frames = Frames::new(|_| ());
    for path in &frames.paths {
        overwrite(path, "TELESCOP", b"LATIN   = 'caf\xe9\tau lait'");
        overwrite(path, "INSTRUME", b"K\xc9YWORD = 12\xe9");
        let science = hdus(path)[1].header_start as usize;
        let mut bytes = fs::read(path).unwrap();
        let line = line_of(path, 1, "RADESYS") * 80;
        assert!(line > science);
        bytes[line..line + 32].copy_from_slice(b"TIM\xc9DEL =             0.25 / \xb5s ");
        fs::write(path, bytes).unwrap();
    }
    let cube = frames.cube("cube.fits");
    let verified = verify(&cube, &frames.paths);
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
    let packed: Vec<PathBuf> = frames.paths[..5].iter().map(|path| gzip(path)).collect();
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
    let with = |keyword: &str, value: &str| {
        overwrite(&cube, keyword, format!("{keyword:8}= {value:>20}").as_bytes());
        verify(&cube, &frames.paths).examples.join("\n")
    };
    let told = with("TSTOP", "1.5");
    assert!(told.contains("TSTOP is 1.5, the frames make it 1325."), "{told}");
    overwrite(&cube, "CAMERA", b"CAMERA  =                    3");
    let error = uranometria_cube::fs::verify(&cube, &frames.paths, &options(), &Control::none()).unwrap_err();
    assert!(
        error.to_string().contains("it is camera 4 CCD 2, expected camera 3 CCD 2 as the cube"),
        "{error}"
    );
}

#[test]
fn a_light_curve_is_of_one_target_and_costs_no_target_pixel_file() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.movers) = (160, 120, 1));
    let cube = frames.cube("cube.fits");
    let cut_of = |size: &str, arguments: &[&str], name: &str| {
        let out = frames.at(name);
        let ended = run(ur()
            .args(["cutout", "--size", size, "--cube"])
            .arg(&cube)
            .args(arguments)
            .arg("--out")
            .arg(&out));
        assert_eq!(ended.code, Some(0), "{ended:?}");
        out
    };
    let cut = |arguments: &[&str], name: &str| cut_of("5", arguments, name);
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
    assert_refused(&frames, &["lightcurve", "--out", a, b], "is there already and is no light curve");
    // Whatever is there: a cube, half a target pixel file.
    assert_refused(&frames, &["lightcurve", "--out", text(&cube), a], "is no light curve");
    let half = frames.at("half.fits");
    fs::write(&half, &fs::read(&here).unwrap()[..20_000]).unwrap();
    assert_refused(&frames, &["lightcurve", "--out", text(&half), a], "is no light curve");
    // A copy has the same frames, and so has another stamp of the star.
    let (copy, wide) = (frames.at("copy.fits"), cut_of("9", &["--x", "40", "--y", "40"], "wide.fits"));
    fs::copy(&here, &copy).unwrap();
    for other in [text(&copy), text(&wide)] {
        let words = "of sector 1, and so has light curve 1 (a.fits); join only one of them";
        let arguments = ["lightcurve", "--aperture", "all", "--background", "none", a, other, "--out", out];
        assert_refused(&frames, &arguments, words);
    }
    let threshold =
        |aperture, sigma| ["lightcurve", "--aperture", aperture, "--threshold", sigma, a, "--out", out];
    assert_refused(&frames, &threshold("all", "3"), "--threshold is of --aperture threshold");
    assert_refused(&frames, &threshold("threshold", "nan"), "--threshold is NaN, expected a number");
}

/// The pixels that the lines of `ur lightcurve --json` say are summed.
fn summed(tpf: &Path, sigma: &str) -> u64 {
    let out = tpf.with_extension("csv");
    let ended = run(ur().args(["lightcurve", "--json", "--threshold", sigma, "--out"]).arg(out).arg(tpf));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str::<serde_json::Value>(&ended.out).unwrap()["aperture_pixels"].as_u64().unwrap()
}

#[test]
fn a_higher_threshold_takes_fewer_pixels() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (160, 120));
    let cube = frames.cube("cube.fits");
    let tpf = frames.at("a.fits");
    let place = ["cutout", "--x", "60", "--y", "60", "--size", "31", "--cube"];
    assert_eq!(run(ur().args(place).arg(&cube).arg("--out").arg(&tpf)).code, Some(0));
    let counts = ["-1", "3"].map(|sigma| summed(&tpf, sigma));
    assert!(counts[0] > counts[1] && counts[1] > 0, "{counts:?}");
}

#[test]
fn no_cutout_is_lost_to_another_nor_costs_another_file() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (160, 120));
    let (cube, many) = (frames.cube("cube.fits"), frames.at("many"));
    let cutter = Cutter::new(open(&cube));
    let center = |x, y| {
        let size = Size::Pixels { columns: 5, rows: 5 };
        cutter.cut(Place::Pixel { x, y }, size).unwrap().position().unwrap()
    };
    let rows = [center(40.0, 40.0), center(90.0, 80.0)];
    let list = frames.at("two.csv");
    let [a, b] = rows.map(|place| format!("{},{}", place.ra_deg(), place.dec_deg()));
    fs::write(&list, format!("name,ra,dec\na,{a}\nb,{b}\n")).unwrap();
    fs::create_dir(&many).unwrap();
    std::os::unix::fs::symlink("a.fits", many.join("b.fits")).unwrap();
    let (cube, list, many) = (text(&cube), text(&list), text(&many));
    let arguments = ["cutout", "--cube", cube, "--targets", list, "--size", "5", "--out", many];
    assert_refused(&frames, &arguments, "b.fits would be written twice");
    // Neither a cube nor a target pixel file is replaced by what is none.
    let other = frames.cube("other.fits");
    let place = ["cutout", "--x", "40", "--y", "40", "--size", "5", "--cube", cube];
    assert_refused(&frames, &[&place[..], &["--out", text(&other)]].concat(), "is no target pixel file");
    let (stamp, picture) = (frames.at("stamp.fits"), frames.at("picture.png"));
    let to = |out: &Path| run(ur().args(place).arg("--out").arg(out));
    assert_eq!((to(&stamp).code, to(&stamp).code), (Some(0), Some(0)));
    fs::copy(&stamp, &picture).unwrap();
    let preview = [&place[..], &["--out", text(&stamp), "--preview", text(&picture)]].concat();
    assert_refused(&frames, &preview, "picture.png is there already and is no PNG picture");
    let image = [&place[..], &["--format", "image", "--out", text(&stamp)]].concat();
    assert_refused(&frames, &image, "is no image cutout");
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
    for name in ["c.png", "c.fits.gz", "c"] {
        assert_error(&cut(&frames.at(name), &[]), &format!("error: {}: ending ", frames.at(name).display()));
        let preview = frames.at(name).with_extension("fits");
        let ended = cut(&frames.at("d.fits"), &["--preview", text(&preview)]);
        assert_error(&ended, &format!("error: {}: ending \"fits\" is not known", preview.display()));
    }
    let list = frames.at("list.csv");
    fs::write(&list, "ra,dec,size\n1,2,5\n3,4,2.5\n").unwrap();
    let ended = run(ur()
        .args(["cutout", "--size", "5", "--out", text(&frames.at("o")), "--targets", text(&list)])
        .arg("--cube")
        .arg(&cube));
    assert_error(&ended, &format!("error: {}, target 2: size 2.5x2.5 is not whole pixels", list.display()));
    let ended = run(ur()
        .args(["cutout", "--size", "5", "--out", text(&frames.at("o.fits")), "--targets", text(&list)])
        .arg("--cube")
        .arg(&cube));
    assert_error(
        &ended,
        &format!("error: {}: several cutouts go into a folder", frames.at("o.fits").display()),
    );
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
