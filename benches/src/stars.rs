//! Stars of a galactic density that are the same on every machine, and what is asked of their catalogues.
//!
//! Two thirds of them are within some degrees of the plane; they come in no order, with magnitudes and motions. A tenth as
//! many others are near some of them, within 0.3 arcseconds.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use uranometria_catalog::fs::{Catalog, Control, Crossmatch, Keep, MatchOptions};
use uranometria_sky::Direction;

use crate::input::{Error, workspace};
use crate::measure::{Spread, machine};

/// What benchmarks on stars are asked.
#[derive(clap::Args)]
pub struct Asked {
    /// Stars
    #[arg(long, default_value_t = 2_000_000)]
    rows: usize,
    /// How often each rival is run
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Folder for input and output [default: target/bench-data]
    #[arg(long, env = "UR_BENCH_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Python environment of the rivals, made by `benches/peers/install.sh DIR catalogues`
    #[arg(long, value_name = "DIR")]
    pub peers: Option<PathBuf>,
    /// Given by cargo bench; without it only the way is tried, on next to nothing
    #[arg(long, hide = true)]
    bench: bool,
}

/// Stars in a folder, and what is reported of them.
pub struct Setting {
    /// How many stars.
    pub rows: usize,
    /// How often each rival is run.
    pub rounds: usize,
    /// Where input and output are.
    pub folder: PathBuf,
    /// Whether there are rows enough to tell anything.
    pub is_real: bool,
    _temporary: Option<tempfile::TempDir>,
}

impl Asked {
    /// Makes the stars, unless they are there, and prints the head of the report.
    ///
    /// # Errors
    /// What files do.
    #[allow(clippy::print_stdout, reason = "a benchmark reports")]
    pub fn prepare(&self) -> Result<Setting, Error> {
        let temporary = if self.bench { None } else { Some(tempfile::tempdir()?) };
        let (rows, rounds) = if self.bench { (self.rows, self.rounds) } else { (3000, 1) };
        let folder = match (&temporary, &self.data) {
            (Some(folder), _) => folder.path().to_path_buf(),
            (None, Some(folder)) => folder.clone(),
            (None, None) => workspace().join("target/bench-data"),
        };
        let folder = folder.join(format!("catalog-{rows}"));
        std::fs::create_dir_all(&folder)?;
        println!("{}\n", machine(&folder));
        let setting = Setting { rows, rounds, folder, is_real: self.bench, _temporary: temporary };
        Stars { rows }.write(&setting.big(), &setting.near())?;
        println!("| rows | question | rival | runs | median (least–most) | |\n|---|---|---|---|---|---|");
        Ok(setting)
    }
}

impl Setting {
    /// The table of the stars.
    pub fn big(&self) -> PathBuf {
        self.folder.join("stars.parquet")
    }

    /// The table of those near some of them.
    pub fn near(&self) -> PathBuf {
        self.folder.join("near.parquet")
    }

    /// Prints a line: question, rival, unit, what each run took, and what else there is to say.
    #[allow(clippy::print_stdout, reason = "a benchmark reports")]
    pub fn report(&self, question: &str, rival: &str, unit: &str, spent: &[f64], more: &str) {
        let spread = Spread::of(spent.iter().copied());
        println!("| {} | {question} | {rival} | {} | {spread} {unit} | {more} |", self.rows, spent.len());
    }
}

/// How many stars are made at a time.
const PORTION: usize = 1 << 20;

/// Stars, by how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Stars {
    /// How many.
    pub rows: usize,
}

/// Random numbers from 0 to 1: splitmix64 (Steele, Lea and Flood 2014) of a counter, in many sequences.
pub fn random(n: usize, which: u64) -> f64 {
    let mut z = (n as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(which.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

impl Stars {
    /// Right ascension and declination in degrees.
    fn place(n: usize) -> (f64, f64) {
        // Galactic to equatorial (The Hipparcos and Tycho Catalogues, volume 1, equation 1.5.11), transposed.
        const ROTATION: [[f64; 3]; 3] = [
            [-0.054_875_560_4, 0.494_109_427_9, -0.867_666_149_0],
            [-0.873_437_090_2, -0.444_829_630_0, -0.198_076_373_4],
            [-0.483_835_015_5, 0.746_982_244_5, 0.455_983_776_2],
        ];
        let longitude = std::f64::consts::TAU * random(n, 1);
        let latitude = if random(n, 2) < 0.7 {
            let side = 2.0 * random(n, 3) - 1.0;
            (-10.0 * (1.0 - side.abs()).max(1e-12).ln()).min(89.9).copysign(side).to_radians()
        } else {
            (2.0 * random(n, 3) - 1.0).asin()
        };
        let galactic = [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()];
        let [x, y, z] = ROTATION.map(|row| row.iter().zip(galactic).map(|(a, b)| a * b).sum::<f64>());
        (y.atan2(x).to_degrees().rem_euclid(360.0), z.clamp(-1.0, 1.0).asin().to_degrees())
    }

    /// Writes the stars and those near some of them as tables, unless they are there.
    ///
    /// # Errors
    /// What files do.
    pub fn write(&self, big: &Path, near: &Path) -> Result<(), Error> {
        if big.exists() && near.exists() {
            return Ok(());
        }
        let portion = |start: usize| -> Result<RecordBatch, Error> {
            let rows = start..self.rows.min(start + PORTION);
            let (ra, dec): (Vec<f64>, Vec<f64>) = rows.clone().map(Self::place).unzip();
            let floats = |which: u64, low: f64, high: f64| -> ArrayRef {
                let value = |n| (low + (high - low) * random(n, which)) as f32;
                Arc::new(Float32Array::from_iter_values(rows.clone().map(value)))
            };
            Ok(RecordBatch::try_from_iter([
                (
                    "source_id",
                    Arc::new(Int64Array::from_iter_values(rows.clone().map(|n| n as i64))) as ArrayRef,
                ),
                ("ra", Arc::new(Float64Array::from(ra))),
                ("dec", Arc::new(Float64Array::from(dec))),
                ("g", floats(4, 12.0, 21.0)),
                ("bp", floats(5, 12.0, 22.0)),
                ("rp", floats(6, 11.0, 20.0)),
                ("pmra", floats(7, -30.0, 30.0)),
                ("pmdec", floats(8, -30.0, 30.0)),
                ("parallax", floats(9, 0.0, 3.0)),
            ])?)
        };
        write_parquet(big, (0..self.rows).step_by(PORTION).map(portion))?;
        let few = |start: usize| -> Result<RecordBatch, Error> {
            let rows = start..(self.rows / 10).min(start + PORTION);
            let star = |n: usize| (random(n, 10) * self.rows as f64) as usize;
            let shifted = rows.clone().map(|n| {
                let (ra, dec) = Self::place(star(n));
                let (turn, far) = (std::f64::consts::TAU * random(n, 11), 0.3 / 3600.0 * random(n, 12));
                let dec_here = (dec + far * turn.sin()).clamp(-90.0, 90.0);
                ((ra + far * turn.cos() / dec.to_radians().cos()).rem_euclid(360.0), dec_here)
            });
            let (ra, dec): (Vec<f64>, Vec<f64>) = shifted.unzip();
            Ok(RecordBatch::try_from_iter([
                ("id", Arc::new(Int64Array::from_iter_values(rows.clone().map(|n| n as i64))) as ArrayRef),
                ("truth", Arc::new(Int64Array::from_iter_values(rows.map(|n| star(n) as i64)))),
                ("ra", Arc::new(Float64Array::from(ra))),
                ("dec", Arc::new(Float64Array::from(dec))),
            ])?)
        };
        write_parquet(near, (0..self.rows / 10).step_by(PORTION).map(few))
    }
}

fn write_parquet(
    path: &Path,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let part = path.with_extension("part");
    let mut writer: Option<ArrowWriter<File>> = None;
    for batch in batches {
        let batch = batch?;
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(ArrowWriter::try_new(File::create(&part)?, batch.schema(), None)?),
        };
        writer.write(&batch)?;
    }
    writer.ok_or("no rows")?.into_inner()?.flush()?;
    Ok(std::fs::rename(part, path)?)
}

/// Opens a catalogue.
///
/// # Errors
/// Those of [`Catalog::map`].
#[allow(unsafe_code)]
pub fn open(path: &Path) -> Result<Catalog, Error> {
    // SAFETY: catalogues are only ever replaced as a whole.
    Ok(unsafe { Catalog::map(path) }?)
}

/// How many pairs within an arcsecond there are, and the sum of seven times the left and the right number modulo 2^61.
///
/// # Errors
/// Those of [`Crossmatch`].
pub fn all_pairs(left: &Catalog, right: &Catalog) -> Result<(u64, u64), Error> {
    let options = MatchOptions {
        keep: Keep::All,
        left_columns: Some(vec!["id".into()]),
        right_columns: Some(vec!["source_id".into()]),
        ..MatchOptions::default()
    };
    let mut sum = 0_u64;
    let found = Crossmatch::new(left, right, &options)?.run(&Control::none(), |rows| {
        let numbers = |column: usize| rows.column(column).as_primitive::<Int64Type>().values();
        for (left, right) in numbers(0).iter().zip(numbers(1)) {
            sum += 7 * *left as u64 + *right as u64;
        }
        Ok(())
    })?;
    Ok((found.pairs, sum % (1 << 61)))
}

/// A hundred places, half of them those of rows, half anywhere.
pub fn centres(ra_deg: &[f64], dec_deg: &[f64]) -> Vec<Direction> {
    let centre = |n: usize| {
        if n.is_multiple_of(2) {
            let row = (random(n, 20) * ra_deg.len() as f64) as usize;
            Direction::from_degrees(ra_deg[row], dec_deg[row])
        } else {
            Direction::from_degrees(360.0 * random(n, 21), (2.0 * random(n, 22) - 1.0).asin().to_degrees())
        }
    };
    (0..100).filter_map(|n| centre(n).ok()).collect()
}
