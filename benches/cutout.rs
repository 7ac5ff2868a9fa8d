//! How long does a cutout take from an open cube, next to moving the same bytes and next to astrocut?
//!
//! Rivals, in turn at the same places, the cube in the page cache, each file new and removed after its time is taken:
//! - ours: [`Cutter::cut`] and [`fs::write`], from a mapped cube and from one read by system calls;
//! - the bound: `pread` of the rows of the stamp, as many bytes as the TPF has written to a file, renamed;
//! - astrocut's `cube_cut` in one warm process.
//!
//! Then a list of targets on one thread and on two.
//!
//!     cargo bench -p uranometria-benches --bench cutout -- --full

#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use clap::Parser;
use rayon::prelude::*;
use uranometria_benches::input::{Error, Folder, warm};
use uranometria_benches::measure::{Spent, Spread, machine, timed};
use uranometria_benches::run::Common;
use uranometria_cutout::fs::{Format, write};
use uranometria_cutout::{Cutter, Place, Size, Stamp};
use uranometria_fits::Source;
use uranometria_fits::fs::{MappedFile, OpenFile};

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// Sides of the stamps, pixels
    #[arg(long, num_args = 1.., default_values_t = [11, 21, 50])]
    sizes: Vec<usize>,
    /// Places a round
    #[arg(long, default_value_t = 20)]
    places: usize,
    /// Places that astrocut cuts
    #[arg(long, default_value_t = 10)]
    peer_places: usize,
    /// Targets of the list; 0 for no list
    #[arg(long, default_value_t = 1000)]
    targets: usize,
    /// Measure the list alone
    #[arg(long)]
    only_list: bool,
}

fn main() -> Result<(), Error> {
    let mut args = Args::parse();
    let (folder, _guard) = args.common.folder()?;
    if !args.common.bench {
        (args.sizes, args.places, args.targets) = (vec![5, 9], 3, 4);
    }
    let window = args.common.scale().sector();
    let cube = folder.cube(window)?;
    println!("{}", machine(folder.path()));
    println!("cube of {} frames of {} x {}, warm\n", window.frames, window.columns, window.rows);
    warm([cube.as_path()])?;
    if !args.only_list {
        println!("| size | rival | runs | wall ms | CPU ms | wall of the bound | CPU of the bound |");
        println!("|---|---|---|---|---|---|---|");
        for &side in &args.sizes {
            one_by_one(side, &cube, &folder, &args)?;
        }
    }
    if args.targets > 0 {
        list(args.sizes[0], &cube, &folder, &args)?;
    }
    Ok(())
}

/// Opens a cube as mapped memory.
#[allow(unsafe_code)]
fn map(cube: &Path) -> Result<Cutter<MappedFile>, Error> {
    // SAFETY: the cube is only ever replaced, never changed in place.
    Ok(Cutter::new(unsafe { uranometria_cube::fs::map(cube) }?))
}

fn open(cube: &Path) -> Result<Cutter<OpenFile>, Error> {
    Ok(Cutter::new(uranometria_cube::fs::open(cube)?))
}

/// Places on the sky whose stamps lie on the frame, the same on every machine; `first` and on of an endless row.
fn places<S: Source>(
    cutter: &Cutter<S>,
    side: usize,
    first: usize,
    count: usize,
) -> Result<Vec<Place>, Error> {
    let layout = cutter.cube().layout();
    let wcs = &cutter.cube().wcs()?.wcs;
    // Fractions of the golden ratio's kind spread evenly without a period (the R2 sequence).
    let along = |n: usize, step: f64, length: usize| {
        let room = (length - side - 2) as f64;
        1.0 + side as f64 / 2.0 + (n as f64 * step).fract() * room
    };
    (first..first + count)
        .map(|n| {
            let (x, y) = (along(n, 0.754_877_666, layout.columns), along(n, 0.569_840_291, layout.rows));
            let (ra, dec) = wcs.pixel_to_sky(x, y);
            Ok(Place::Sky(uranometria_sky::Direction::from_degrees(ra, dec)?))
        })
        .collect()
}

fn ours<S: Source>(cutter: &Cutter<S>, place: Place, side: usize, out: &Path) -> Result<(Stamp, u64), Error> {
    let cutout = cutter.cut(place, Size::square(side))?;
    let bytes = write(&cutout, Format::Tpf, out)?;
    Ok((cutout.stamp(), bytes))
}

/// What no cutout of the same size can do without: the bytes in, the bytes out, a name.
struct Bound {
    file: File,
    data_start: u64,
    layout: uranometria_cube::CubeLayout,
}

impl Bound {
    fn of<S: Source>(cutter: &Cutter<S>, path: &Path) -> Result<Self, Error> {
        let cube = cutter.cube();
        Ok(Bound { file: File::open(path)?, data_start: cube.hdus()[1].data_start, layout: *cube.layout() })
    }

    /// Reads the rows of a stamp and writes `bytes` bytes; one buffer is used all over, so that it stays warm.
    fn run(&self, stamp: Stamp, bytes: u64, buffer: &mut Vec<u8>, out: &Path) -> Result<(), Error> {
        const PIECE: usize = 256 << 10;
        let columns = stamp.x0 as usize..stamp.x0 as usize + stamp.columns;
        for row in 0..stamp.rows {
            let range = self.layout.row_segment(stamp.y0 as usize + row, columns.clone());
            buffer.resize(((range.end - range.start) as usize).max(PIECE), 0);
            let len = (range.end - range.start) as usize;
            self.file.read_exact_at(&mut buffer[..len], self.data_start + range.start)?;
        }
        let part = out.with_extension("part");
        let mut file = File::create(&part)?;
        let mut left = bytes as usize;
        while left > 0 {
            let piece = left.min(PIECE);
            file.write_all(&buffer[..piece])?;
            left -= piece;
        }
        fs::rename(&part, out)?;
        Ok(())
    }
}

fn one_by_one(side: usize, cube: &Path, folder: &Folder, args: &Args) -> Result<(), Error> {
    let out = folder.at("cutout.fits");
    let mut buffer = Vec::new();
    let (mut mapped, mut read, mut bound): (Vec<Spent>, Vec<Spent>, Vec<Spent>) = Default::default();
    let mut bytes = 0;
    for round in 0..args.common.rounds() {
        // Mapped anew, so that pages are mapped in within the time, as for the first cutout of a place.
        let (by_map, by_read) = (map(cube)?, open(cube)?);
        let limit = Bound::of(&by_read, cube)?;
        for place in places(&by_map, side, round * args.places, args.places)? {
            let (result, spent) = timed(|| ours(&by_map, place, side, &out));
            let stamp = result?.0;
            mapped.push(spent);
            fs::remove_file(&out)?;
            let (result, spent) = timed(|| ours(&by_read, place, side, &out));
            bytes = result?.1;
            read.push(spent);
            fs::remove_file(&out)?;
            let (result, spent) = timed(|| limit.run(stamp, bytes, &mut buffer, &out));
            result?;
            bound.push(spent);
            fs::remove_file(&out)?;
        }
    }
    let theirs = astrocut(side, cube, folder, args)?;

    let walls = |runs: &[Spent]| runs.iter().map(|run| run.wall_s).collect::<Vec<f64>>();
    let cpus = |runs: &[Spent]| runs.iter().map(|run| run.cpu_s).collect::<Vec<f64>>();
    let name = format!("{side} px, {:.1} MB", bytes as f64 / 1e6);
    for (rival, runs) in [("pread + write", &bound), ("ours, mapped", &mapped), ("ours, pread", &read)] {
        println!(
            "| {name} | {rival} | {} | {} | {} | {} | {} |",
            runs.len(),
            Spread::of(walls(runs)).times(1e3),
            Spread::of(cpus(runs)).times(1e3),
            Spread::of_ratios(&walls(runs), &walls(&bound)),
            Spread::of_ratios(&cpus(runs), &cpus(&bound)),
        );
    }
    if !theirs.is_empty() {
        let (wall, cpu) = (Spread::of(walls(&theirs)).times(1e3), Spread::of(cpus(&theirs)).times(1e3));
        println!("| {name} | astrocut cube_cut | {} | {wall} | {cpu} | | |", theirs.len());
        let ratio = Spread::of(cpus(&theirs)).median / Spread::of(cpus(&mapped)).median;
        println!("\n{side} px: astrocut takes {ratio:.0} times our CPU time (median by median)\n");
    }
    Ok(())
}

fn astrocut(side: usize, cube: &Path, folder: &Folder, args: &Args) -> Result<Vec<Spent>, Error> {
    let Some(peers) = args.common.peers()? else { return Ok(Vec::new()) };
    let places = places(&open(cube)?, side, 0, args.peer_places)?;
    let mut command = peers.script("cutout.py");
    command.arg(cube).arg(folder.path()).arg(side.to_string());
    for place in places {
        if let Place::Sky(position) = place {
            command.arg(format!("{},{}", position.ra_deg(), position.dec_deg()));
        }
    }
    let result = peers.run(&mut command)?;
    let numbers = |name: &str| result[name].as_array().cloned().unwrap_or_default();
    let pairs = numbers("wall_s").into_iter().zip(numbers("cpu_s"));
    let spent = |(wall, cpu): (serde_json::Value, serde_json::Value)| {
        Some(Spent { wall_s: wall.as_f64()?, cpu_s: cpu.as_f64()? })
    };
    pairs.map(|pair| spent(pair).ok_or_else(|| Error::from("no numbers from astrocut"))).collect()
}

/// Many targets in one call, as `ur cutout --targets` does it, on one thread and on two.
fn list(side: usize, cube: &Path, folder: &Folder, args: &Args) -> Result<(), Error> {
    let cutter = map(cube)?;
    let limit = Bound::of(&cutter, cube)?;
    let places = places(&cutter, side, 0, args.targets)?;
    let dir = folder.at("cutouts");
    let (mut ones, mut twos, mut bound_ones, mut bound_twos) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..args.common.rounds() {
        for (threads, ours_of, bound_of) in [(1, &mut ones, &mut bound_ones), (2, &mut twos, &mut bound_twos)]
        {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            fresh(&dir)?;
            let cutter = map(cube)?;
            let (written, spent) = timed(|| {
                pool.install(|| {
                    let one = |(n, place): (usize, &Place)| ours(&cutter, *place, side, &target(&dir, n));
                    places.par_iter().enumerate().map(one).collect::<Result<Vec<_>, Error>>()
                })
            });
            let written = written?;
            ours_of.push(spent);
            bytes = written.iter().map(|(_, bytes)| bytes).sum();
            fresh(&dir)?;
            let (result, spent) = timed(|| {
                pool.install(|| {
                    written
                        .par_iter()
                        .enumerate()
                        .try_for_each_init(Vec::new, |buffer, (n, (stamp, bytes))| {
                            limit.run(*stamp, *bytes, buffer, &target(&dir, n))
                        })
                })
            });
            result?;
            bound_of.push(spent);
        }
    }
    fresh(&dir)?;
    fs::remove_dir(&dir)?;

    let walls = |runs: &[Spent]| runs.iter().map(|run| run.wall_s).collect::<Vec<f64>>();
    println!("\n{} targets of {side} px, {:.0} MB\n", args.targets, bytes as f64 / 1e6);
    println!("| rival | runs | 1 thread, s | 2 threads, s | a second | speed-up | CPU s, 1 and 2 threads |");
    println!("|---|---|---|---|---|---|---|");
    for (rival, ones, twos) in [("ours, mapped", &ones, &twos), ("pread + write", &bound_ones, &bound_twos)] {
        let cpu = |runs: &[Spent]| Spread::of(runs.iter().map(|run| run.cpu_s)).median;
        println!(
            "| {rival} | {} | {} | {} | {:.0} | {} | {:.2}, {:.2} |",
            ones.len(),
            Spread::of(walls(ones)),
            Spread::of(walls(twos)),
            args.targets as f64 / Spread::of(walls(twos)).median,
            Spread::of_ratios(&walls(ones), &walls(twos)),
            cpu(ones),
            cpu(twos),
        );
    }
    Ok(())
}

fn target(dir: &Path, n: usize) -> PathBuf {
    dir.join(format!("{n}.fits"))
}

/// Empties a folder and waits until the disk has nothing to do.
fn fresh(dir: &Path) -> Result<(), Error> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    rustix::fs::sync();
    Ok(())
}
