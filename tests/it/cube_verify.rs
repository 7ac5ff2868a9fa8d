//! `verify` finds what differs between a cube and its frames.

use std::fs;
use std::path::Path;

use crate::support::{Frames, hdus, line_of, options, verify};

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
    crate::support::build(&cube, &frames.paths[1..], &options()).unwrap();
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
        let control = uranometria_cube::fs::Control::none();
        let error = uranometria_cube::fs::verify(&cube, &frames.paths, &options(), &control).unwrap_err();
        assert!(error.to_string().starts_with(cube.to_str().unwrap()), "{len} bytes: {error}");
    }
}
