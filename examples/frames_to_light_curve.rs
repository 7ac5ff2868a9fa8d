//! From full-frame images to the light curve of a transiting planet, through the libraries alone.
//!
//! Run: `cargo run --release -p uranometria-examples --bin frames-to-light-curve -- FOLDER`
#![allow(clippy::print_stdout, reason = "an example speaks")]

use std::error::Error;
use std::path::PathBuf;

use uranometria_cube::fs::{Control, Options, build, open};
use uranometria_cutout::lightcurve::{Background, LightCurve, to_fits};
use uranometria_cutout::{Aperture, Cutter, Place, Size, Tpf};
use uranometria_fits::fs::{Durability, write};
use uranometria_simulate::sector::{Kind, Signal};
use uranometria_simulate::{Sector, SectorOptions, Stars};
use uranometria_sky::Direction;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or("example-transit".to_string()));

    // Frames with a known truth: a window of sector 1, camera 4, CCD 2.
    let options = SectorOptions {
        camera: 4,
        ccd: 2,
        frames: 300,
        columns: 160,
        rows: 160,
        column0: 1500,
        row0: 150,
        transits: 1,
        ..SectorOptions::default()
    };
    let sector = Sector::new(options, &Stars::embedded())?;
    let frames = uranometria_simulate::sector::fs::write(&sector, &folder.join("frames"), &|_| {})?.frames;

    // One cube of all frames; interrupted, the same call goes on where it stopped.
    let cube = folder.join("cube.fits");
    build(&cube, &frames, &Options::default(), &Control::none())?;

    // The cube is opened once; `cutter` can serve any number of cutouts and threads.
    let cutter = Cutter::new(open(&cube)?);
    let planet = sector.truth().of_kind(Kind::Transit).next().ok_or("no star of this window has a planet")?;
    let place = Place::Sky(Direction::from_degrees(planet.ra_deg, planet.dec_deg)?);
    let bytes = cutter.cut(place, Size::square(11))?.named(&planet.id).to_tpf()?;
    write(folder.join("planet.fits"), &bytes, Durability::Process)?;

    let tpf = Tpf::read(&bytes)?;
    let curve = LightCurve::extract(&tpf, &Aperture::threshold(&tpf, 3.0)?, Background::default())?;
    write(folder.join("planet-lightcurve.fits"), &to_fits(&curve)?, Durability::Process)?;

    let Signal::Transit { depth, period_d, epoch_btjd, duration_d } = planet.signal else {
        return Err("a transiting star has a transit".into());
    };
    let mean = |inside: bool| {
        let from_middle = |time: f64| ((time - epoch_btjd) / period_d).fract().abs();
        let is_inside = |time: f64| {
            let phase = from_middle(time);
            phase.min(1.0 - phase) * period_d < duration_d * 0.3
        };
        let chosen: Vec<f64> = curve
            .time
            .iter()
            .zip(&curve.flux)
            .filter(|(t, _)| is_inside(**t) == inside)
            .map(|(_, f)| *f)
            .collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    println!("{}: transit depth {:.4}, measured {:.4}", planet.id, depth, 1.0 - mean(true) / mean(false));
    println!("wrote {}, planet.fits and planet-lightcurve.fits beside it", cube.display());
    Ok(())
}
