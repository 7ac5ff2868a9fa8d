//! A thousand cutouts from one open cube on all cores.
//!
//! Run: `cargo run --release -p uranometria-examples --bin many-targets-many-threads -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use rayon::prelude::*;
use uranometria_cube::fs::{Control, Options, build, open};
use uranometria_cutout::{Cutter, Place, Size};
use uranometria_simulate::{Sector, SectorOptions, Stars};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-many".to_string()));
    let options = SectorOptions { frames: 200, columns: 200, rows: 200, ..SectorOptions::default() };
    let sector = Sector::new(options, &Stars::embedded())?;
    let frames = uranometria_simulate::sector::fs::write(&sector, &folder.join("frames"), &|_| {})?.frames;
    let cube = folder.join("cube.fits");
    build(&cube, &frames, &Options::default(), &Control::none())?;

    let cutter = Cutter::new(open(&cube)?);
    let start = Instant::now();
    let brightest = (0..1000u32)
        .into_par_iter()
        .map(|n| {
            let place = Place::Pixel { x: f64::from(n * 37 % 200), y: f64::from(n * 91 % 200) };
            let cutout = cutter.cut(place, Size::square(11))?;
            // [time][row][column] in e-/s, NaN over the edge of the frame.
            let flux = cutout.flux()?;
            let brightest = flux.into_iter().filter(|value| !value.is_nan()).fold(f32::MIN, f32::max);
            Ok::<_, uranometria_cutout::Error>((n, brightest))
        })
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    println!("1000 cutouts of 11 x 11 pixels and 200 frames in {:.0?}", start.elapsed());
    if let Some((n, flux)) = brightest {
        println!("the brightest pixel is in cutout {n}: {flux:.0} e-/s");
    }
    Ok(())
}
