//! Frames that cannot go into a cube are named, all at once, and nothing is left under the final name.

use std::fs;
use std::path::PathBuf;

use uranometria_cube::Problem;
use uranometria_cube::fs::Options;
use uranometria_simulate::SectorOptions;

use crate::support::{Frames, assert_pixels, build, hdus, hidden, line_of, options, planes, verify};

/// Builds from `paths`, which must be refused, and returns what was said about each bad frame.
#[track_caller]
fn refused(frames: &Frames, paths: &[PathBuf]) -> Vec<Problem> {
    let out = frames.at("cube.fits");
    let error = build(&out, paths, &options()).unwrap_err();
    assert!(!out.exists(), "a refused cube has its final name");
    assert!(hidden(frames.folder.path()).iter().all(|name| !name.ends_with(".part")));
    match error {
        uranometria_cube::Error::BadFrames { problems, .. } => problems,
        other => panic!("{other}"),
    }
}

/// Builds without the bad frames; the others must be in the cube and the bad ones in its header.
#[track_caller]
fn skipped(frames: &Frames, paths: &[PathBuf], bad: &[Problem]) {
    let out = frames.at("cube.fits");
    let report = build(&out, paths, &Options { skip_bad: true, ..options() }).unwrap();
    assert_eq!(report.skipped, bad);
    let good: Vec<_> = paths.iter().filter(|path| bad.iter().all(|problem| problem.path != **path)).collect();
    assert_pixels(&out, &good.iter().map(|path| planes(path)).collect::<Vec<_>>());
    let primary = hdus(&out).swap_remove(0).header;
    assert_eq!(primary.integer("NSKIPPED"), Some(bad.len() as i64));
    let history = primary.cards().iter().filter(|card| card.keyword == "HISTORY");
    // A name may be longer than a card, and cards are broken at blanks.
    let without_blanks = |text: &str| text.replace(' ', "");
    let history: String = history.map(|card| without_blanks(&card.comment)).collect();
    for problem in bad {
        let name = problem.path.file_name().unwrap().to_str().unwrap();
        assert!(history.contains(&without_blanks(name)), "{name} is not in {history:?}");
    }
    let folder = frames.folder.path().to_str().unwrap();
    assert!(!history.contains(folder), "the header tells of this machine: {history}");
    let verified = verify(&out, paths);
    assert_eq!(verified.differences, 0, "{:?}", verified.examples);
}

/// Frames made bad by the simulation: which are refused, and what is said.
#[track_caller]
fn check(change: impl FnOnce(&mut SectorOptions), wanted: &[(usize, &str)]) {
    let frames = Frames::new(change);
    let problems = refused(&frames, &frames.paths);
    let found: Vec<&PathBuf> = problems.iter().map(|problem| &problem.path).collect();
    let wanted_paths: Vec<&PathBuf> = wanted.iter().map(|(n, _)| &frames.paths[*n]).collect();
    assert_eq!(found, wanted_paths, "{problems:?}");
    for (problem, (_, words)) in problems.iter().zip(wanted) {
        assert!(problem.reason.contains(words), "{:?} lacks {words:?}", problem.reason);
    }
    skipped(&frames, &frames.paths, &problems);
}

#[test]
fn truncated_frames_are_refused_with_what_is_missing() {
    check(|options| options.bad.truncated = vec![2, 5], &[(2, "bytes"), (5, "bytes")]);
}

#[test]
fn a_skipped_frame_of_any_name_is_known_again() {
    let frames = Frames::tica(|options| options.bad.truncated = vec![2, 3, 4, 5]);
    let mut paths = frames.paths.clone();
    let longer = format!("{}-{}.fits", "a-name-of-more-than-one-card".repeat(4), "and more".repeat(12));
    for (n, name) in [(3, "two  blanks.fits"), (4, "two blanks.fits"), (5, &longer)] {
        paths[n] = frames.at(name);
        fs::rename(&frames.paths[n], &paths[n]).unwrap();
    }
    assert_eq!(paths[2].file_name().unwrap().len(), 64);
    let problems = refused(&frames, &paths);
    assert_eq!(problems.len(), 4);
    skipped(&frames, &paths, &problems);

    // A name that begins like a skipped one is not skipped.
    let out = frames.at("cube.fits");
    let other = frames.at("two  blanks");
    fs::copy(frames.at("two  blanks.fits"), &other).unwrap();
    paths.push(other);
    let verified = verify(&out, &paths);
    assert_eq!(verified.differences, 1, "{:?}", verified.examples);
    assert!(verified.examples[0].contains("two  blanks, HDU 0"), "{:?}", verified.examples);
}

#[test]
fn frames_of_another_size_are_refused_with_both_sizes() {
    let words = "it is of 40 columns and 29 rows, expected of 40 columns and 30 rows as most others";
    check(|options| options.bad.wrong_size = vec![0], &[(0, words)]);
}

#[test]
fn duplicates_are_refused_and_the_first_of_them_kept() {
    check(|options| options.bad.duplicated = vec![3], &[(4, "duplicate: TSTART is ")]);
}

#[test]
fn frames_of_another_chip_are_refused_with_both_chips() {
    let frames = Frames::new(|options| options.bad.wrong_chip = vec![6]);
    let problems = refused(&frames, &frames.paths);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].path, frames.paths[6]);
    assert_eq!(problems[0].reason, "it is camera 4 CCD 3, expected camera 4 CCD 2 as most others");
    skipped(&frames, &frames.paths, &problems);
}

#[test]
fn a_frame_in_another_product_is_refused() {
    let frames = Frames::new(|_| ());
    let tica = Frames::tica(|options| options.frames = 1);
    let paths = [frames.paths.as_slice(), &tica.paths].concat();
    let problems = refused(&frames, &paths);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].reason, "it is a TICA frame, expected a SPOC frame as most others");
}

#[test]
fn all_bad_frames_are_named_at_once() {
    let frames = Frames::new(|options| {
        options.bad.truncated = vec![1];
        options.bad.wrong_size = vec![2];
        options.bad.wrong_chip = vec![3];
        options.bad.duplicated = vec![4];
    });
    let missing = frames.at("not-there.fits");
    let text = frames.at("notes.fits");
    fs::write(&text, "Observing log, not FITS.\n".repeat(200)).unwrap();
    let empty = frames.at("empty.fits");
    fs::write(&empty, "").unwrap();
    let folder = frames.at("folder.fits");
    fs::create_dir(&folder).unwrap();
    let strange = frames.at("cutout.fits");
    fs::copy(crate::support::fixtures("tess", "astrocut.fits").remove(0), &strange).unwrap();
    let mut paths = frames.paths.clone();
    paths.extend([&missing, &text, &empty, &folder, &strange].map(PathBuf::clone));

    let problems = refused(&frames, &paths);
    let said = |path: &PathBuf| {
        let problem = problems.iter().find(|problem| problem.path == *path);
        problem.unwrap_or_else(|| panic!("{} is not named in {problems:?}", path.display())).to_string()
    };
    assert_eq!(problems.len(), 9, "{problems:?}");
    for path in &paths[5..6] {
        assert!(said(path).contains("duplicate"), "{}", said(path));
    }
    for (path, words) in [
        (&missing, "No such file"),
        (&text, "SIMPLE"),
        (&empty, "empty"),
        (&folder, "directory"),
        (&strange, "it is no full-frame image"),
    ] {
        assert!(said(path).contains(words), "{:?} lacks {words:?}", said(path));
        assert!(said(path).starts_with(path.to_str().unwrap()), "{:?} does not name it first", said(path));
    }
    skipped(&frames, &paths, &problems);
}

#[test]
fn a_frame_missing_from_the_disk_does_not_stop_the_others_from_being_named() {
    let frames = Frames::new(|_| ());
    fs::remove_file(&frames.paths[0]).unwrap();
    fs::remove_file(&frames.paths[7]).unwrap();
    let problems = refused(&frames, &frames.paths);
    assert_eq!(
        problems.iter().map(|problem| &problem.path).collect::<Vec<_>>(),
        [&frames.paths[0], &frames.paths[7]]
    );
}

#[test]
fn an_older_cube_stays_where_frames_are_refused() {
    let frames = Frames::new(|options| options.bad.truncated = vec![1]);
    let out = frames.at("cube.fits");
    build(&out, &frames.paths[2..], &options()).unwrap();
    let before = fs::read(&out).unwrap();
    assert!(build(&out, &frames.paths, &options()).is_err());
    assert!(fs::read(&out).unwrap() == before);
}

#[test]
fn no_frame_and_no_good_frame_are_errors() {
    let frames = Frames::new(|options| (options.frames, options.bad.truncated) = (1, vec![0]));
    let out = frames.at("cube.fits");
    let skip = Options { skip_bad: true, ..options() };
    let error = build(&out, &[], &skip).unwrap_err();
    assert!(matches!(error, uranometria_cube::Error::NoFrames), "{error}");
    let error = build(&out, &frames.paths, &skip).unwrap_err();
    assert!(
        matches!(&error, uranometria_cube::Error::BadFrames { problems, .. } if problems.len() == 1),
        "{error}"
    );
    assert!(!out.exists());
}

#[test]
fn a_header_that_lacks_a_keyword_is_named_with_file_hdu_and_keyword() {
    let frames = Frames::new(|_| ());
    let check = |keyword: &str, value: &str, words: &[&str]| {
        let bytes = fs::read(&frames.paths[3]).unwrap();
        let card = format!("{keyword:8}= ");
        let line = line_of(&frames.paths[3], 1, keyword);
        let mut changed = bytes.clone();
        changed[line * 80..line * 80 + 80].copy_from_slice(format!("{card}{value:>20}{:50}", "").as_bytes());
        fs::write(&frames.paths[3], changed).unwrap();
        let problems = refused(&frames, &frames.paths);
        let said = problems[0].to_string();
        fs::write(&frames.paths[3], bytes).unwrap();
        assert!(said.starts_with(frames.paths[3].to_str().unwrap()), "{said}");
        for word in words {
            assert!(said.contains(word), "{said:?} lacks {word:?}");
        }
    };
    check("CAMERA", "9", &["HDU 1", "CAMERA is 9", "1..=4"]);
    check("CCD", "'two'", &["HDU 1", "CCD is 'two'", "1..=4"]);
    check("TSTOP", "'later'", &["HDU 1", "TSTOP is 'later'", "a number of days"]);
    check("TSTART", "'sooner'", &["no full-frame image", "TSTART"]);
    check("NAXIS1", "0", &["no full-frame image"]);
    check("NAXIS1", "41", &["HDU"]);
    check("NAXIS2", "99999999999999", &["HDU 1", "truncated: the data end at byte"]);
    check("NAXIS2", "9999999999999999999", &["HDU 1", "NAXIS2"]);
    check("BITPIX", "7", &["HDU 1", "BITPIX is 7"]);
}
