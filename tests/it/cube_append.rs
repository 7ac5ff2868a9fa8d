//! Appending is building: later frames behind a cube give what all frames together give.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use uranometria_cube::Error;
use uranometria_cube::fs::{Control, Options, Progress, Stage};
use uranometria_simulate::SectorOptions;

use crate::support::{
    Frames, append, assert_pixels, assert_same_file, build, contents, hdus, hidden, line_of, options, verify,
};

/// Builds from the first `count` frames and appends the others: the same bytes as of all.
#[track_caller]
fn check(frames: &Frames, count: usize) {
    let (whole, grown) = (frames.at("whole.fits"), frames.at("grown.fits"));
    build(&whole, &frames.paths, &options()).unwrap();
    build(&grown, &frames.paths[..count], &options()).unwrap();
    append(&grown, &frames.paths[count..], &options()).unwrap();
    assert_same_file(&grown, &whole);
    assert_eq!(hdus(&grown)[1].header.integer("BITPIX"), Some(-32));
    assert_eq!(verify(&grown, &frames.paths).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn appended_frames_give_the_bytes_of_one_build() {
    let frames = Frames::new(|_| ());
    for count in [1, 4, 7] {
        check(&frames, count);
    }
    check(&Frames::tica(|_| ()), 3);
}

#[test]
fn frames_appended_one_by_one_give_the_bytes_of_one_build() {
    let frames = Frames::new(|_| ());
    let grown = frames.at("grown.fits");
    build(&grown, &frames.paths[..1], &options()).unwrap();
    for path in &frames.paths[1..] {
        append(&grown, std::slice::from_ref(path), &options()).unwrap();
    }
    assert_same_file(&grown, &frames.cube("whole.fits"));
}

#[test]
fn a_cube_without_coordinates_gets_the_columns_of_a_later_frame_that_has_them() {
    let without = |missing: std::ops::Range<usize>| {
        Frames::new(|options: &mut SectorOptions| options.bad.without_wcs = missing.collect())
    };
    check(&without(0..3), 3);
    check(&without(0..5), 3);
    check(&without(0..8), 3);
    check(&without(3..8), 3);
}

/// Writes a frame again under another name, with another value of a text keyword of its science header.
fn with_text(path: &Path, name: &str, keyword: &str, value: &str) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    let card = format!("{keyword:8}= ");
    let line = line_of(path, 1, keyword);
    let text = format!("{card}'{value}'");
    bytes[line * 80..line * 80 + 80].copy_from_slice(format!("{text:80}").as_bytes());
    let changed = path.with_file_name(name);
    fs::write(&changed, bytes).unwrap();
    changed
}

#[test]
fn strings_and_names_may_become_longer() {
    let mut frames = Frames::new(|options| options.checksum = false);
    let long = "tess2018206190539-s0001-4-2-0120-s_ffic-reprocessed-with-a-much-longer-name.fits";
    frames.paths[6] = with_text(&frames.paths[6], long, "TASSIGN", "SPACECRAFT AND THEN SOME MORE");
    check(&frames, 4);
    check(&frames, 7);
}

#[test]
fn little_memory_and_many_threads_append_the_same_bytes() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (150, 120));
    let whole = frames.cube("whole.fits");
    for (memory, threads) in [((32 << 20) + 8 * (28 << 10) + 600, 1), (34 << 20, 3)] {
        let grown = frames.at("grown.fits");
        build(&grown, &frames.paths[..5], &options()).unwrap();
        append(&grown, &frames.paths[5..], &Options { memory, threads, ..options() }).unwrap();
        assert_same_file(&grown, &whole);
    }
}

#[test]
fn skipped_frames_of_both_runs_are_listed() {
    let frames = Frames::new(|options| options.bad.truncated = vec![1, 6]);
    let skip = Options { skip_bad: true, ..options() };
    let (whole, grown) = (frames.at("whole.fits"), frames.at("grown.fits"));
    build(&whole, &frames.paths, &skip).unwrap();
    build(&grown, &frames.paths[..4], &skip).unwrap();
    append(&grown, &frames.paths[4..], &skip).unwrap();
    assert_eq!(hdus(&grown)[0].header.integer("NSKIPPED"), Some(2));
    assert_same_file(&grown, &whole);
}

/// Appends a growing list of frames step by step, each list with all before it: the same bytes as of all at once.
#[track_caller]
fn check_growing(frames: &Frames, paths: &[PathBuf], steps: &[usize], skipped: i64) {
    let skip = Options { skip_bad: true, ..options() };
    let (whole, grown) = (frames.at("whole.fits"), frames.at("grown.fits"));
    build(&whole, paths, &skip).unwrap();
    build(&grown, &paths[..steps[0]], &skip).unwrap();
    for &step in steps {
        append(&grown, &paths[..step], &skip).unwrap();
        assert_eq!(verify(&grown, &paths[..step]).differences, 0);
    }
    for _ in 0..2 {
        append(&grown, paths, &skip).unwrap();
        assert_eq!(hdus(&grown)[0].header.integer("NSKIPPED"), Some(skipped));
        assert_same_file(&grown, &whole);
    }
    assert_eq!(verify(&grown, paths).differences, 0);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn skipped_frames_that_are_given_again_are_listed_once() {
    let frames = Frames::new(|options| {
        options.frames = 12;
        options.bad.truncated = vec![1, 9];
        options.bad.wrong_size = vec![2];
        options.bad.wrong_chip = vec![6];
        options.bad.duplicated = vec![4];
    });
    check_growing(&frames, &frames.paths, &[4, 8, 11], 5);
    let tica = Frames::tica(|options| options.bad.truncated = vec![1, 6]);
    check_growing(&tica, &tica.paths, &[3, 5], 2);
    // Of another product, and of a name that comes before those listed already.
    let mut mixed = frames.paths.clone();
    mixed.insert(4, tica.paths[0].clone());
    mixed.insert(9, frames.at("a.fits"));
    fs::write(frames.at("a.fits"), "not FITS").unwrap();
    check_growing(&frames, &mixed, &[4, 8, 11], 7);
}

#[test]
fn a_skipped_frame_that_was_mended_is_listed_no_more() {
    let frames = Frames::new(|options| options.bad.truncated = vec![1, 7]);
    let skip = Options { skip_bad: true, ..options() };
    let (whole, grown) = (frames.at("whole.fits"), frames.at("grown.fits"));
    build(&grown, &frames.paths, &skip).unwrap();
    let good = Frames::new(|_| ());
    fs::copy(&good.paths[7], &frames.paths[7]).unwrap();
    append(&grown, &frames.paths, &skip).unwrap();
    build(&whole, &frames.paths, &skip).unwrap();
    assert_same_file(&grown, &whole);
}

#[test]
fn an_append_without_new_frames_leaves_what_an_interrupted_one_did() {
    let frames = Frames::new(|options| (options.columns, options.rows) = (200, 150));
    let grown = frames.at("grown.fits");
    build(&grown, &frames.paths[..4], &options()).unwrap();
    let stop = AtomicBool::new(false);
    let progress = |progress: Progress| {
        stop.fetch_or(
            progress.stage == Stage::Turning && progress.done > progress.total / 2,
            Ordering::Relaxed,
        );
    };
    let control = Control { progress: &progress, stop: &stop };
    let few = Options { threads: 1, memory: (32 << 20) + (1 << 20), ..options() };
    let interrupted = uranometria_cube::fs::append(&grown, &frames.paths[4..], &few, &control).unwrap_err();
    assert!(matches!(interrupted, Error::Interrupted), "{interrupted}");
    let left = contents(frames.folder.path());

    assert_eq!(append(&grown, &frames.paths[..4], &few).unwrap().known, 4);
    assert!(contents(frames.folder.path()) == left, "{:?}", hidden(frames.folder.path()));
    let report = append(&grown, &frames.paths[4..], &few).unwrap();
    assert!(report.resumed > report.bytes / 3, "{report:?}");
    assert_same_file(&grown, &frames.cube("whole.fits"));
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn frames_that_do_not_fit_are_refused_and_the_cube_stays() {
    let frames = Frames::new(|options| options.bad.truncated = vec![7]);
    let cube = frames.at("cube.fits");
    build(&cube, &frames.paths[2..6], &options()).unwrap();
    let before = fs::read(&cube).unwrap();
    let refused = |paths: &[PathBuf]| {
        let error = append(&cube, paths, &options()).unwrap_err();
        assert!(fs::read(&cube).unwrap() == before, "the cube changed");
        error
    };
    // Earlier, and a mixture.
    for paths in [&frames.paths[..1], &[frames.paths[0].clone(), frames.paths[6].clone()]] {
        let error = refused(paths);
        assert!(matches!(&error, Error::NotLater { frame, .. } if *frame == paths[0]), "{error}");
    }
    let truncated = refused(&frames.paths[6..]).to_string();
    assert!(truncated.contains(frames.paths[7].to_str().unwrap()), "{truncated}");

    let smaller = Frames::new(|options| (options.rows, options.frames) = (20, 10));
    let error = refused(&smaller.paths[8..]).to_string();
    assert!(
        error.contains("it is of 40 columns and 20 rows, expected of 40 columns and 30 rows as the cube"),
        "{error}"
    );
    let other_chip = Frames::new(|options| (options.camera, options.ccd, options.frames) = (3, 3, 10));
    let error = refused(&other_chip.paths[8..]).to_string();
    assert!(error.contains("it is camera 3 CCD 3, expected camera 4 CCD 2 as the cube"), "{error}");
    let tica = Frames::tica(|options| options.frames = 10);
    let error = refused(&tica.paths[8..]).to_string();
    assert!(error.contains("it is a TICA frame, expected a SPOC frame"), "{error}");
    assert_pixels(&cube, &frames.planes_of(2..6));
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn frames_that_are_in_the_cube_are_passed_over() {
    let frames = Frames::new(|_| ());
    let (whole, grown) = (frames.cube("whole.fits"), frames.at("grown.fits"));
    build(&grown, &frames.paths[..4], &options()).unwrap();
    let report = append(&grown, &frames.paths, &options()).unwrap();
    assert_eq!((report.known, report.layout.frames), (4, frames.paths.len()));
    assert_same_file(&grown, &whole);
    let report = append(&grown, &frames.paths, &options()).unwrap();
    assert_eq!(report.known, frames.paths.len());
    assert_same_file(&grown, &whole);
    assert!(hidden(frames.folder.path()).is_empty());
}

#[test]
fn frames_of_another_sector_are_refused() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let later = Frames::new(|options| (options.sector, options.faint_per_chip) = (27, 20_000));
    let error = append(&cube, &later.paths, &options()).unwrap_err().to_string();
    assert!(error.contains("sector 27"), "{error}");
}

#[test]
fn what_is_no_cube_is_not_appended_to() {
    let frames = Frames::new(|_| ());
    let before = fs::read(&frames.paths[0]).unwrap();
    let error = append(&frames.paths[0], &frames.paths[1..], &options()).unwrap_err();
    assert!(matches!(error, Error::NotACube { .. }), "{error}");
    assert!(fs::read(&frames.paths[0]).unwrap() == before);
}
