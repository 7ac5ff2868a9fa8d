//! Ten thousand fresh points a chip, asked of astropy while the test runs.
//!
//! Needs feature `peers` and a Python with astropy, named by the environment variable
//! UR_PEERS_PYTHON. The largest differences are printed; see them with `--nocapture`.
#![cfg(feature = "peers")]

mod fixture;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use fixture::{blocks, path, separation_deg};

#[test]
#[allow(clippy::print_stdout)]
fn ten_thousand_points_a_chip_agree_both_ways() {
    let python = env::var_os("UR_PEERS_PYTHON")
        .expect("UR_PEERS_PYTHON is not set: name a Python interpreter that has astropy and numpy");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wcs_points");
    let status = Command::new(&python)
        .arg(path("tests/peers/wcs_points.py"))
        .arg("--header-cards")
        .args(["chips.txt", "cases.txt"].map(|file| path("data-fixtures/wcs").join(file)))
        .arg("--out")
        .arg(&out)
        .status()
        .unwrap_or_else(|error| panic!("{}: {error}", Path::new(&python).display()));
    assert!(status.success(), "wcs_points.py: {status}");

    let (mut points, mut unanswered) = (0, 0);
    let (mut worst_px, mut worst_deg) = (0.0_f64, 0.0_f64);
    for block in blocks("chips.txt").iter().chain(&blocks("cases.txt")) {
        let (name, wcs) = (&block.name, block.wcs());
        let bytes = fs::read(out.join(format!("{name}.f64"))).unwrap();
        let numbers: Vec<f64> =
            bytes.chunks_exact(8).map(|word| f64::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(numbers.len(), 80_000, "{name}");
        for row in numbers.chunks_exact(8) {
            let [x, y, ra, dec, asked_ra, asked_dec, asked_x, asked_y] = row.try_into().unwrap();
            let (ra2, dec2) = wcs.pixel_to_sky(x, y);
            let off_deg = separation_deg(ra, dec, ra2, dec2);
            let (x2, y2) = wcs.sky_to_pixel(asked_ra, asked_dec).unwrap_or_else(|e| panic!("{name}: {e}"));
            let pixel_deg = wcs.pixel_scales_deg()[0];
            let off_px = if asked_x.is_nan() {
                // Astropy found no pixel: ours must give the position again.
                unanswered += 1;
                let (ra3, dec3) = wcs.pixel_to_sky(x2, y2);
                separation_deg(asked_ra, asked_dec, ra3, dec3) / pixel_deg
            } else {
                (x2 - asked_x).hypot(y2 - asked_y)
            };
            let off = off_px.max(off_deg / pixel_deg);
            assert!(off <= 1e-8, "{name}: pixel {x} {y} or sky {asked_ra} {asked_dec}: {off} px off");
            worst_deg = worst_deg.max(off_deg);
            worst_px = worst_px.max(off_px);
            points += 1;
        }
    }
    fs::remove_dir_all(&out).unwrap();
    println!("{points} points both ways: at most {worst_deg:.1e} deg and {worst_px:.1e} px from astropy,");
    println!("which has no pixel for {unanswered} of them");
    assert!(unanswered < 100);
}
