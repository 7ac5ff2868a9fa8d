//! A target pixel file that follows a moving target, and a picture of it.
//!
//! Run: `cargo run --release -p uranometria-examples --bin follow-an-asteroid -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;

use uranometria_cube::fs::{Control, Options, build, open};
use uranometria_cutout::fs::{Format, write};
use uranometria_cutout::{Cutter, Size, median_image, read_track};
use uranometria_fits::fs::Durability;
use uranometria_plot::{StampPlot, stamp_png};
use uranometria_simulate::{Sector, SectorOptions, Stars};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-asteroid".to_string()));
    let options = SectorOptions {
        frames: 150,
        columns: 160,
        rows: 160,
        column0: 900,
        row0: 900,
        movers: 1,
        ..Default::default()
    };
    let sector = Sector::new(options, &Stars::embedded())?;
    let written = uranometria_simulate::sector::fs::write(&sector, &folder.join("frames"), &|_| {})?;
    let cube = folder.join("cube.fits");
    build(&cube, &written.frames, &Options::default(), &Control::none())?;

    let cutter = Cutter::new(open(&cube)?);
    // time (BTJD, TDB), ra, dec: what an ephemeris service answers.
    let track = read_track(File::open(&written.tracks[0])?)?;
    let size = Size::Pixels { columns: 13, rows: 13 };
    let cutout = cutter.follow(&track, size)?.named("asteroid");
    write(&cutout, Format::Tpf, folder.join("asteroid.fits"))?;

    // Stars smear out in the median of frames that move with the asteroid; the asteroid stays.
    let image = median_image(&cutout.flux()?, 13 * 13);
    let picture = stamp_png(&StampPlot {
        title: "an asteroid, followed",
        columns: 13,
        rows: 13,
        pixels: &image,
        unit: "e-/s",
        ..StampPlot::default()
    })?;
    uranometria_fits::fs::write(folder.join("asteroid.png"), &picture, Durability::Process)?;
    let middle = image[6 * 13 + 6];
    let edge = image[0];
    println!(
        "{} frames followed; median in the middle {middle:.1} e-/s, at the corner {edge:.1}",
        cutout.len()
    );
    println!("wrote asteroid.fits and asteroid.png in {}", folder.display());
    Ok(())
}
