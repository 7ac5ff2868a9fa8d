//! `verify` finds what differs between a cube and its frames.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::AtomicBool;

use uranometria_cube::fs::{Control, Options, Progress, Stage, Verified};
use uranometria_cube::{Cell, Error};

use crate::support::{Frames, build, fixtures, hdus, hidden, line_of, open, options, verify};

/// Verifies with a progress of one's own.
fn verify_with(
    cube: &Path,
    frames: &[PathBuf],
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Verified, Error> {
    let control = Control { progress, stop: &AtomicBool::new(false) };
    uranometria_cube::fs::verify(cube, frames, &Options { threads: 2, ..options() }, &control)
}

/// Changes one byte of a file.
fn change(path: &Path, at: u64, to: impl Fn(u8) -> u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at as usize] = to(bytes[at as usize]);
    fs::write(path, bytes).unwrap();
}

/// Damages a fresh cube and returns what is found.
#[track_caller]
fn found(damage: impl FnOnce(&Frames, &Path)) -> (u64, String) {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    assert_eq!(verify(&cube, &frames.paths).differences, 0);
    damage(&frames, &cube);
    let verified = verify(&cube, &frames.paths);
    (verified.differences, verified.examples.join("\n"))
}

#[test]
fn one_flipped_bit_is_found_with_its_place() {
    for (x, y, time, plane) in [(0, 0, 0, 0), (17, 23, 5, 1), (39, 29, 7, 1)] {
        let (differences, said) = found(|_, cube| {
            let at = ((y * 40 + x) * 8 + time) * 8 + plane * 4 + 3;
            change(cube, hdus(cube)[1].data_start + at, |byte| byte ^ 1);
        });
        // The pixel, and DATASUM of its HDU.
        assert_eq!(differences, 2, "{said}");
        let plane = ["flux", "error"][plane as usize];
        assert!(said.contains(&format!("{plane} of column {x}, row {y} is ")), "{said}");
        assert!(said.contains("HDU 1") && said.contains("DATASUM"), "{said}");
    }
}

#[test]
fn a_changed_header_value_is_found_with_its_keyword() {
    let (differences, said) =
        found(|frames, _| {
            let path = &frames.paths[3];
            change(path, line_of(path, 1, "BARYCORR") as u64 * 80 + 25, |byte| {
                if byte == b'9' { b'1' } else { b'9' }
            });
        });
    assert_eq!(differences, 1, "{said}");
    assert!(said.contains("BARYCORR is ") && said.contains(", the cube has "), "{said}");
}

#[test]
fn a_frame_that_was_not_given_and_one_too_many_are_found() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let verified = verify(&cube, &frames.paths[1..]);
    assert_eq!(verified.differences, 1);
    let name = frames.paths[0].file_name().unwrap().to_str().unwrap();
    assert_eq!(verified.examples, [format!("frame {name} (row 0) was not given")]);

    let cube = frames.at("short.fits");
    build(&cube, &frames.paths[1..], &options()).unwrap();
    let verified = verify(&cube, &frames.paths);
    assert_eq!(verified.examples, [format!("frame {name} is not in the cube")]);
}

#[test]
fn a_damaged_checksum_of_each_hdu_is_found() {
    for hdu in 0..3 {
        let (differences, said) = found(|_, cube| {
            change(cube, line_of(cube, hdu, "CHECKSUM") as u64 * 80 + 14, |byte| {
                if byte == b'a' { b'b' } else { b'a' }
            });
        });
        assert_eq!(differences, 1, "{said}");
        assert!(said.contains(&format!("HDU {hdu}")) && said.contains("CHECKSUM"), "{said}");
    }
}

#[test]
fn a_cell_of_the_table_that_changed_is_found() {
    let (differences, said) = found(|_, cube| {
        let table = &hdus(cube)[2];
        let layout = uranometria_fits::TableLayout::of(table).unwrap();
        let offset = layout.column("DQUALITY").unwrap().offset + 2 * layout.row_len;
        change(cube, table.data_start + offset as u64 + 3, |byte| byte ^ 4);
    });
    assert_eq!(differences, 2, "{said}");
    assert!(said.contains("DQUALITY is 0, the cube has 4"), "{said}");
}

#[test]
fn a_truncated_cube_is_an_error_not_a_difference() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let bytes = fs::read(&cube).unwrap();
    for len in [0, 100, 2880, bytes.len() / 2, bytes.len() - 2880] {
        fs::write(&cube, &bytes[..len]).unwrap();
        let error = verify_with(&cube, &frames.paths, &|_| ()).unwrap_err();
        assert!(error.to_string().starts_with(cube.to_str().unwrap()), "{len} bytes: {error}");
    }
}

#[test]
fn frames_of_several_folders_may_have_one_name() {
    let frames = Frames::new(|_| ());
    let paths: Vec<PathBuf> = (0..8).map(|n| frames.at(&format!("d{}/f{}.fits", n % 3, n / 3))).collect();
    for (from, to) in frames.paths.iter().zip(&paths) {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
    let cube = frames.at("cube.fits");
    build(&cube, &paths, &options()).unwrap();
    let verified = verify(&cube, &paths);
    assert_eq!((verified.differences, verified.frames), (0, 8), "{:?}", verified.examples);

    // A changed start is one difference, not two frames too many or too few.
    let Cell::Real(start) = open(&cube).frames().cell(4, "TSTART") else { panic!("TSTART is no number") };
    let line = line_of(&paths[4], 1, "TSTART") as u64 * 80;
    change(&paths[4], line + 29, |byte| if byte == b'9' { b'8' } else { b'9' });
    let verified = verify(&cube, &paths);
    assert_eq!((verified.differences, verified.frames), (1, 8), "{:?}", verified.examples);
    assert!(verified.examples[0].contains(&format!(", the cube has {start}")), "{:?}", verified.examples);
    assert_eq!(verify(&cube, &paths[1..]).differences, 2);
}

#[test]
fn a_cube_that_shrinks_while_it_is_read_is_named() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let shrinks = || fs::File::options().write(true).open(&cube).unwrap().set_len(30_000).unwrap();
    let progress = |progress: Progress| {
        if progress.stage == Stage::Headers && progress.done == progress.total {
            shrinks();
        }
    };
    let error = verify_with(&cube, &frames.paths, &progress).unwrap_err().to_string();
    assert!(error.starts_with(cube.to_str().unwrap()) && error.contains("at byte"), "{error}");
}

#[test]
fn a_panic_while_pixels_are_compared_is_not_an_interruption() {
    let frames = Frames::new(|_| ());
    let cube = frames.cube("cube.fits");
    let progress = |progress: Progress| assert!(progress.stage != Stage::Comparing, "on purpose");
    let call = || verify_with(&cube, &frames.paths, &progress);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
}

#[test]
fn proofs_of_compressed_frames_do_not_touch_each_others_copies() {
    let compressed = fixtures("compressed", ".fz");
    let folder = tempfile::tempdir().unwrap();
    let cube = folder.path().join("cube.fits");
    build(&cube, &compressed, &options()).unwrap();
    let second = Once::new();
    let progress = |progress: Progress| {
        if progress.stage == Stage::Comparing {
            second.call_once(|| {
                let before = hidden(folder.path());
                assert!(!before.is_empty());
                assert_eq!(verify(&cube, &compressed).differences, 0);
                assert_eq!(hidden(folder.path()).len(), before.len(), "{before:?}");
            });
        }
    };
    assert_eq!(verify_with(&cube, &compressed, &progress).unwrap().differences, 0);
    assert!(second.is_completed() && hidden(folder.path()).is_empty(), "{:?}", hidden(folder.path()));
}
