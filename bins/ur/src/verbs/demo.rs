//! `ur demo`: the whole way from frames to light curves on a small archive, in under a minute.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use uranometria_cube::fs::{Control, Options};
use uranometria_cutout::fs::Format;
use uranometria_cutout::lightcurve::{Background, LightCurve, to_fits};
use uranometria_cutout::{Aperture, Place, Size, Tpf, read_targets, read_track};
use uranometria_fits::fs::{Durability, write};
use uranometria_simulate::sector::Kind;
use uranometria_simulate::sector::fs::{Done, write_until};
use uranometria_simulate::{BadFrames, Sector, SectorOptions, Stars};

use super::cutout::open;
use super::lightcurve::{Mask, extract};
use super::picture::{self, CurvePicture, StampPicture};
use crate::report::{self, Bar, Outcome, line};

/// A real cutout of TESS sector 1, served by TESScut.
const REAL_NAME: &str = "tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits";
const REAL: &[u8] =
    include_bytes!("../../../../data-fixtures/tess/tess-s0001-4-2_84.291190_-80.469170_6x6_astrocut.fits");

pub(crate) fn run(folder: &Path, stop: &AtomicBool) -> report::Result {
    let start = Instant::now();
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{}: cannot make it: {error}", folder.display()))?;
    line(format!("A small archive in {}/\n", folder.display()));
    real_cutout(folder)?;
    let cube = simulated_cube(folder, stop)?;
    cutouts(folder, &cube, stop)?;
    line(format!("\nDone in {:.1} s. Look at the pictures, then go on:", start.elapsed().as_secs_f64()));
    line(format!("  ur cube info {}", cube.display()));
    line(format!(
        "  ur cutout --cube {} --ra 84.2912 --dec -80.4692 --size 15 --out my-first.fits --preview my-first.png",
        cube.display()
    ));
    line("  ur lightcurve my-first.fits --out my-first-lc.png");
    Ok(Outcome::Done)
}

fn real_cutout(folder: &Path) -> Result<(), Box<dyn Error>> {
    line("1. A real cutout: pi Mensae in sector 1, made by TESScut");
    let path = folder.join(REAL_NAME);
    write(&path, REAL, Durability::Process)?;
    let tpf = Tpf::read(REAL)?;
    let (curve, time) = report::timed(|| -> Result<LightCurve, Box<dyn Error>> {
        let aperture = Aperture::threshold(&tpf, 3.0)?;
        Ok(LightCurve::extract(&tpf, &aperture, Background::None)?.with_origin(REAL_NAME))
    });
    let curve = curve?;
    let (fits, png) = (folder.join("pi-men-lightcurve.fits"), folder.join("pi-men-lightcurve.png"));
    write(&fits, &to_fits(&curve)?, Durability::Process)?;
    write(&png, &picture::of_light_curve(&curve, "pi Mensae, TESS sector 1").png()?, Durability::Process)?;
    line(format!(
        "   {} frames of {} x {} pixels, {} pixels summed in {:.2} ms",
        tpf.frames(),
        tpf.columns(),
        tpf.rows(),
        curve.parts.iter().map(|part| part.aperture.count()).sum::<usize>(),
        time.as_secs_f64() * 1e3
    ));
    line(format!("   {}\n   {}", fits.display(), png.display()));
    Ok(())
}

/// Frames around pi Mensae: the real coordinates of sector 1, camera 4, CCD 2, and the real stars there.
fn simulated_cube(folder: &Path, stop: &AtomicBool) -> Result<PathBuf, Box<dyn Error>> {
    line("\n2. A small sector around it: real coordinates, real stars, known variables");
    let options = SectorOptions {
        sector: 1,
        camera: 4,
        ccd: 2,
        frames: 480,
        columns: 240,
        rows: 200,
        column0: 1500,
        row0: 150,
        gap_d: Some(1.0),
        variables: 0.3,
        transits: 2,
        transients: 1,
        movers: 1,
        bad: BadFrames {
            without_wcs: vec![3],
            flagged: vec![(100, 32)],
            truncated: vec![200],
            ..BadFrames::default()
        },
        ..SectorOptions::default()
    };
    let sector = Sector::new(options, &Stars::embedded())?;
    let frames = folder.join("frames");
    let bar = Bar::new();
    let (written, time) = report::timed(|| {
        let progress = |done: Done| bar.count("drawing frames", done.frames as u64, done.of as u64);
        write_until(&sector, &frames, &progress, stop)
    });
    drop(bar);
    let written = written?;
    line(format!(
        "   {} frames, {} in {:.1} s, {} sources; one frame is cut short on purpose",
        written.frames.len(),
        report::bytes(written.bytes),
        time.as_secs_f64(),
        sector.truth().sources.len()
    ));

    line("\n3. Frames to cube: each pixel's series becomes contiguous");
    let cube = folder.join("s0001-4-2.cube.fits");
    let bar = Bar::new();
    let progress = |progress| bar.cube(progress);
    let options = Options { skip_bad: true, ..Options::default() };
    let control = Control { progress: &progress, stop };
    let (made, time) =
        report::timed(|| uranometria_cube::fs::build(&cube, &written.frames, &options, &control));
    drop(bar);
    let made = made?;
    for problem in &made.skipped {
        line(format!(
            "   left out: {}",
            problem.reason.replace(&format!("{}, ", problem.path.display()), "")
        ));
    }
    line(format!(
        "   {}: {} frames, {} in {:.2} s ({})",
        cube.display(),
        made.layout.frames,
        report::bytes(made.bytes),
        time.as_secs_f64(),
        report::rate(made.bytes, time)
    ));
    let bar = Bar::new();
    let progress = |progress| bar.cube(progress);
    let control = Control { progress: &progress, stop };
    let (verified, time) =
        report::timed(|| uranometria_cube::fs::verify(&cube, &written.frames, &options, &control));
    drop(bar);
    let verified = verified?;
    line(format!(
        "   verified: {} differences in {} of pixels ({})",
        verified.differences,
        report::bytes(verified.bytes),
        report::rate(verified.bytes, time)
    ));
    Ok(cube)
}

fn cutouts(folder: &Path, cube: &Path, stop: &AtomicBool) -> Result<(), Box<dyn Error>> {
    line("\n4. Cutouts and light curves of everything that changes");
    let frames = folder.join("frames");
    let cutter = open(cube)?;
    let size = Size::square(11);
    let list = frames.join("targets.csv");
    let targets = std::fs::File::open(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let targets = read_targets(targets)?;
    let stamps = folder.join("cutouts");
    std::fs::create_dir_all(&stamps)?;
    let (bytes, time) = report::timed(|| -> Result<u64, Box<dyn Error>> {
        let mut bytes = 0;
        for target in &targets {
            let cutout = cutter.cut(Place::Sky(target.position), size)?.named(&target.name);
            let file = stamps.join(format!("{}.fits", uranometria_cutout::fs::file_stem(&target.name)));
            bytes += uranometria_cutout::fs::write_watched(&cutout, Format::Tpf, file, stop)?;
        }
        Ok(bytes)
    });
    let bytes = bytes?;
    line(format!(
        "   {} target pixel files, {} in {:.0} ms ({:.2} ms each)",
        targets.len(),
        report::bytes(bytes),
        time.as_secs_f64() * 1e3,
        time.as_secs_f64() * 1e3 / targets.len().max(1) as f64
    ));
    let mut rows: Vec<(StampPicture, CurvePicture)> = Vec::new();
    // The list has the most telling of each kind first, named by its kind.
    for (kind, what) in
        [(Kind::Variable, "a variable star"), (Kind::Transit, "a transit"), (Kind::Transient, "a new star")]
    {
        let of_kind = format!("{kind}-");
        let Some(target) = targets.iter().find(|target| target.name.starts_with(&of_kind)) else { continue };
        let file = stamps.join(format!("{}.fits", uranometria_cutout::fs::file_stem(&target.name)));
        let cutout = cutter.cut(Place::Sky(target.position), size)?;
        let title = format!("{what}: {}", target.name);
        rows.push((
            picture::of_cutout(&cutout, Some(&title))?,
            picture::of_light_curve(&curve_of(&file)?, ""),
        ));
    }
    let track = frames.join("track-1.csv");
    if let Ok(track) = std::fs::File::open(&track) {
        let cutout = cutter.follow(&read_track(track)?, size)?.named("asteroid");
        let file = stamps.join("asteroid.fits");
        uranometria_cutout::fs::write(&cutout, Format::Tpf, &file)?;
        let title = "an asteroid, followed";
        rows.push((
            picture::of_cutout(&cutout, Some(title))?,
            picture::of_light_curve(&curve_of(&file)?, ""),
        ));
    }
    let gallery = folder.join("gallery.png");
    write(&gallery, &picture::gallery(&rows, "Cut from one cube")?, Durability::Process)?;
    line(format!("   {}/\n   {}", stamps.display(), gallery.display()));
    Ok(())
}

/// Sums a cutout over its threshold aperture, or all of it where nothing stands out, and writes the light curve.
fn curve_of(file: &Path) -> Result<LightCurve, Box<dyn Error>> {
    let curve = match extract(file, &Mask::Threshold(3.0), Background::default()) {
        Ok(curve) => curve,
        Err(_) => extract(file, &Mask::All, Background::None)?,
    };
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    write(file.with_file_name(format!("{name}-lightcurve.fits")), &to_fits(&curve)?, Durability::Process)?;
    Ok(curve)
}
