//! What `ur cutout` and `ur lightcurve` write: never over an input, never a half, nothing where nothing was found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Ended, Frames, assert_error, contents, run, ur};

/// The middle of the frames as a list of one target.
fn list(frames: &Frames, name: &str) -> PathBuf {
    let options = frames.sector.options();
    let middle = (options.columns as f64 / 2.0, options.rows as f64 / 2.0);
    let (ra, dec) = frames.sector.wcs(0).unwrap().pixel_to_sky(middle.0, middle.1);
    let path = frames.at("tg.csv");
    fs::write(&path, format!("ra,dec,name\n{ra},{dec},first\n{ra},{dec},{name}\n")).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn cutout(cube: &Path, arguments: &[&str]) -> Ended {
    run(ur().args(["cutout", "--cube", text(cube), "--size", "5"]).args(arguments))
}

/// Fails unless the call is refused for that input and changes nothing in the folder.
#[track_caller]
fn assert_refused(folder: &Path, input: &Path, call: impl FnOnce() -> Ended) {
    let before = contents(folder);
    let ended = call();
    assert_error(&ended, &format!("error: {} is an input and would be replaced", input.display()));
    assert!(contents(folder) == before, "the folder was changed");
}

#[test]
fn a_target_named_like_its_cube_does_not_replace_it() {
    let frames = Frames::new(|_| ());
    fs::create_dir(frames.at("arch")).unwrap();
    let cube = frames.cube("arch/pi.fits");
    let (targets, out) = (list(&frames, "pi"), frames.at("arch"));
    let arguments = ["--targets", text(&targets), "--out", text(&out)];
    assert_refused(&out, &cube, || cutout(&cube, &arguments));
    // The cube's other name on the way.
    std::os::unix::fs::symlink(&out, frames.at("link")).unwrap();
    let link = frames.at("link");
    let arguments = ["--targets", text(&targets), "--out", text(&link)];
    assert_refused(&out, &link.join("pi.fits"), || cutout(&cube, &arguments));
}

#[test]
fn the_default_name_of_a_cutout_does_not_replace_its_cube() {
    let frames = Frames::new(|_| ());
    let (cube, out) = (frames.cube("cube.fits"), frames.at("out/"));
    let place = ["--x", "20", "--y", "15", "--out", text(&out)];
    assert_eq!(cutout(&cube, &place).code, Some(0));
    let name = out.join(contents(&out).keys().next().unwrap());
    fs::rename(&cube, &name).unwrap();
    assert_refused(&out, &name, || cutout(&name, &place));
}

#[test]
fn a_preview_does_not_replace_an_input_or_the_cutout() {
    let frames = Frames::new(|_| ());
    fs::create_dir(frames.at("pictures")).unwrap();
    let (pictures, out) = (frames.at("pictures"), frames.at("out"));
    let cube = frames.cube("pictures/pi.png");
    let targets = list(&frames, "pi");
    let arguments = ["--targets", text(&targets), "--out", text(&out), "--preview", text(&pictures)];
    assert_refused(&pictures, &cube, || cutout(&cube, &arguments));
    assert!(!out.exists());
    let (same, link) = (pictures.join("a.fits"), pictures.join("a.png"));
    std::os::unix::fs::symlink(&same, &link).unwrap();
    let place = ["--x", "20", "--y", "15", "--out", text(&same), "--preview", text(&pictures)];
    assert_error(&cutout(&cube, &place), &format!("error: {} would be written twice", same.display()));
}

#[test]
fn lists_tracks_and_apertures_are_not_replaced() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.movers) = (160, 120, 1));
    let (cube, folder) = (frames.cube("cube.fits"), frames.folder.path());
    let (pixel, tpf) = (["--x", "20", "--y", "15"], frames.at("a.fits"));
    assert_eq!(cutout(&cube, &[&pixel[..], &["--out", text(&tpf)]].concat()).code, Some(0));
    let track = frames.at("track.fits");
    fs::rename(frames.at("track-1.csv"), &track).unwrap();
    let follow = ["--track", text(&track), "--out", text(&track)];
    assert_refused(folder, &track, || cutout(&cube, &follow));
    // A list may have any name, that of one of its cutouts too.
    let targets = frames.at("first.fits");
    fs::rename(list(&frames, "last"), &targets).unwrap();
    let into = ["--targets", text(&targets), "--out", text(folder)];
    assert_refused(folder, &targets, || cutout(&cube, &into));
    let mask = frames.at("mask.csv");
    fs::write(&mask, "1,1,1,1,1\n".repeat(5)).unwrap();
    let sum = ["lightcurve", text(&tpf), "--aperture", text(&mask), "--out", text(&mask)];
    assert_refused(folder, &mask, || run(ur().args(sum)));
}

#[test]
fn nothing_is_made_where_nothing_was_found_and_every_cube_is_named() {
    let frames = Frames::new(|_| ());
    let (cube, other) = (frames.cube("cube.fits"), frames.at("other.fits"));
    fs::copy(&cube, &other).unwrap();
    let off = frames.at("new/off/");
    let place = ["--ra", "10", "--dec", "20", "--out", text(&off)];
    let ended = run(ur().args(["cutout", "--cube", text(&cube), text(&other), "--size", "5"]).args(place));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for cube in [&cube, &other] {
        assert!(
            ended.err.contains(&format!("{}, RA 10 Dec 20 deg is not on the frame", cube.display())),
            "{ended:?}"
        );
    }
    assert!(!frames.at("new").exists());
}

#[test]
fn a_name_too_long_for_a_file_is_told_with_its_row_before_anything_is_written() {
    let frames = Frames::new(|_| ());
    let (cube, out) = (frames.cube("cube.fits"), frames.at("out"));
    let targets = list(&frames, &"n".repeat(240));
    let ended = cutout(&cube, &["--targets", text(&targets), "--out", text(&out)]);
    assert_error(&ended, &format!("error: {}, row 2: name ", targets.display()));
    assert!(!out.exists());
    let targets = list(&frames, &"n".repeat(200));
    let ended = cutout(&cube, &["--targets", text(&targets), "--out", text(&out)]);
    assert_eq!((ended.code, contents(&out).len()), (Some(0), 2), "{ended:?}");
}

#[test]
fn an_interrupted_cutout_leaves_nothing_behind() {
    let frames = Frames::new(|options| (options.columns, options.rows, options.frames) = (300, 300, 12));
    let cube = frames.cube("cube.fits");
    for format in ["tpf", "image", "parquet"] {
        let out = frames.at("new/large");
        // Far larger than the frame: hundreds of MB, which nobody waits for.
        let mut call = ur();
        call.args(["cutout", "--x", "20", "--y", "15", "--size", "2000", "--format", format, "--cube"]);
        call.arg(&cube).arg("--out").arg(format!("{}/", out.display()));
        let mut child = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = || fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some());
        while !begun() {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be interrupted");
            std::thread::yield_now();
        }
        let kill = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
        assert!(kill.success());
        let ended: Ended = child.wait_with_output().unwrap().into();
        assert_error(&ended, "error: interrupted after 0 of 1 places; run the same command again\n");
        assert!(!frames.at("new").exists(), "{format} left something");
    }
}
