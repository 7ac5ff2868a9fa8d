//! The arguments of every verb.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod adql;
mod alerts;
mod catalog;

pub(crate) use adql::{AdqlCommand, CheckArgs, TranslateArgs};
pub(crate) use alerts::{
    AlertsCommand, EstimateArgs, FilterArgs, IngestArgs, NightArgs, RequestArgs, ShowArgs,
};
pub(crate) use catalog::{AppendArgs, CatalogCommand, CrossmatchArgs, ImportArgs, MotionColumns, RowsArgs};

/// Full-frame images, cubes, cutouts, light curves, time series and catalogues.
///
/// Start with `ur demo`. Exit codes: 0 done, 1 nothing found or a check failed, 2 error.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
pub(crate) struct Ur {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Turn full-frame images into a cube, add to it, look at it, prove it
    #[command(subcommand)]
    Cube(CubeCommand),
    /// Cut target pixel files, image cubes or tables out of cubes
    #[command(after_help = "Examples:
  ur cutout --cube s0001-4-2.cube.fits --ra 84.29119 --dec -80.46917 --size 11 --out pi-men.fits
  ur cutout --cube *.cube.fits --targets targets.csv --size 15x21 --out cutouts/
  ur cutout --cube *.cube.fits --track ceres.csv --size 11 --out ceres/

With several cubes, or when --out ends in / or is a folder, files are named by sector, chip, place and size.")]
    Cutout(CutoutArgs),
    /// Sum target pixel files over an aperture: a light curve as FITS, CSV, parquet or a picture
    #[command(after_help = "Examples:
  ur lightcurve pi-men.fits --out pi-men-lc.fits
  ur lightcurve pi-men.fits --aperture all --background none --out pi-men.csv
  ur lightcurve pi-men-s0001.fits pi-men-s0027.fits --stitch --out pi-men.png

The ending of --out says what is written. Several files are joined in order of time; with --stitch each sector is
divided by its median first.")]
    Lightcurve(LightcurveArgs),
    /// Choose the points of a time series that keep its drawn shape, and write all columns of their rows
    #[command(after_help = "Examples:
  ur downsample pi-men-lc.fits --x TIME --y FLUX -n 500 --out pi-men.png
  ur downsample 2024-*.parquet --x time --y current -n 2000 --method m4 --gap 90s --out year.parquet
  ur downsample log.csv --x time --y volts --from 2024-03-01 --to 2024-03-31T12:00 --out march.csv
  ur downsample flux.npy --x time.npy --nan break --out flux.csv

Several files are one series; x ascends from row to row and from file to file. CSV has a header
line, and the text of its rows is kept; of FITS the first table with the columns is taken. An array
is y, and --x the path of another one: .npy, or little-endian numbers alone in a file that ends in
.f32, .f64, .i8 to .i64 or .u8 to .u64.

Without a zone map x and y are read into memory, up to 16 bytes a point. With one (see ur zonemap)
little is read. One beside the first file, FILE.zonemap or its name with .zonemap for its ending,
is found without being named.")]
    Downsample(DownsampleArgs),
    /// Make the zone map of a time series, from which any window of it is down-sampled without reading it
    #[command(after_help = "Examples:
  ur zonemap telemetry.parquet --x time --y current --out telemetry.parquet.zonemap
  ur zonemap 2024-*.parquet --x time --y current --out year.zonemap

It takes 0.5 % of the space that x and y take as numbers of 4 or 8 bytes; more of what is compressed,
of narrower numbers, and of very short files. It knows its files by path, length, time and a hash of
their ends; move it together with them. CSV is read whole whenever it is opened, so a map saves
it little; parquet, FITS and arrays are read where points are looked for.")]
    Zonemap(ZonemapArgs),
    /// Make catalogues of tables, search them, match them, map them
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Keep nights of alerts, choose among them
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Check queries in ADQL, write them as SQL
    #[command(subcommand)]
    Adql(AdqlCommand),
    /// Ask an archive in ADQL: runs the program ur-query, which is installed beside this one
    #[command(disable_help_flag = true)]
    Query {
        /// What ur-query is given
        #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Make data with a known truth
    #[command(subcommand)]
    Simulate(SimulateCommand),
    /// Walk through everything on a small archive made of real data
    #[command(after_help = "Example:\n  ur demo\n\nAn existing folder of the demo is used again.")]
    Demo {
        /// The folder to make
        #[arg(default_value = "uranometria-demo")]
        folder: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct LightcurveArgs {
    /// Target pixel files: ours, TESScut's, or the mission's
    #[arg(required = true, value_name = "TPF")]
    pub(crate) tpf: Vec<PathBuf>,
    /// threshold (--threshold sigma above the median, as lightkurve), all, or a mask: CSV of 0 and 1 (first line is the lowest
    /// row) or a FITS image
    #[arg(long, value_name = "threshold|all|FILE", default_value = "threshold")]
    pub(crate) aperture: String,
    /// How many sigma above the median of the stamp the pixels of the threshold aperture are; 3 unless given
    #[arg(long, value_name = "SIGMA", allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    /// What is subtracted: the median of a ring around the aperture, or nothing
    #[arg(long, value_parser = ["annulus", "none"], default_value = "annulus")]
    pub(crate) background: String,
    /// Divide each sector by its median before joining
    #[arg(long)]
    pub(crate) stitch: bool,
    /// File to write: .fits, .csv, .parquet or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct DownsampleArgs {
    /// Parquet, CSV, FITS tables or arrays: one series, in this order
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The column that ascends: numbers, dates or times; without it the rows are numbered from 0
    #[arg(long, value_name = "COL")]
    pub(crate) x: Option<String>,
    /// The column that is drawn; may be left out for arrays
    #[arg(long, value_name = "COL")]
    pub(crate) y: Option<String>,
    /// How many points
    #[arg(short = 'n', long = "points", value_name = "N", default_value_t = 1000)]
    pub(crate) points: usize,
    /// How they are chosen: by the largest triangles, by extremes, by triangles among extremes, or by first, lowest,
    /// highest and last
    #[arg(long, value_parser = ["lttb", "minmax", "minmaxlttb", "m4"], default_value = "lttb")]
    pub(crate) method: String,
    /// Steps of x that break the line: unusual ones, none, or those wider than this, in units of x or like 90s or 1d
    /// for times
    #[arg(long, value_name = "auto|none|DT", default_value = "auto", allow_hyphen_values = true)]
    pub(crate) gap: String,
    /// What NaN, infinities and nulls do: left out before choosing, or breaking the line too
    #[arg(long, value_parser = ["drop", "break"], default_value = "drop")]
    pub(crate) nan: String,
    /// The lowest x, in its unit; for dates and times also like 2024, 2024-01-31 or 2024-01-31T12:00:00, in UTC where
    /// no zone is given
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) from: Option<String>,
    /// The highest x; of a year, month or day all of it
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) to: Option<String>,
    /// The zone map of the series; made anew if the files were changed
    #[arg(long, value_name = "FILE.zonemap")]
    pub(crate) zonemap: Option<PathBuf>,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// File to write: .parquet, .csv or .png
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct ZonemapArgs {
    /// Parquet, CSV, FITS tables or arrays: one series, in this order
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The column that ascends: numbers, dates or times; without it the rows are numbered from 0
    #[arg(long, value_name = "COL")]
    pub(crate) x: Option<String>,
    /// The column that is drawn; may be left out for arrays
    #[arg(long, value_name = "COL")]
    pub(crate) y: Option<String>,
    /// The zone map to write
    #[arg(long, value_name = "FILE.zonemap")]
    pub(crate) out: PathBuf,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum SimulateCommand {
    /// Make full-frame images of one chip with real coordinates, real stars and known variables
    #[command(after_help = "Examples:
  ur simulate sector --out s1 --sector 1 --camera 4 --ccd 2 --frames 20
  ur simulate sector --out small --size 200x160 --corner 1500x200 --frames 480 --truncated 7 --without-wcs 3,15

Beside the frames: truth.csv (every source), targets.csv (for ur cutout --targets), track-N.csv (for --track). The
same command goes on where it was interrupted; the same seed gives the same bytes.")]
    Sector(Box<SectorArgs>),
    /// Make a night of alerts of ZTF from a real one: files of packets, and what is true of each
    #[command(after_help = "Examples:
  ur simulate night --out night --alerts 10000
  ur simulate night --out night --alerts 250000 --reduced --seed 7 --corrupt 20 --duplicates 100 --late 500

Beside the packets: _truth.parquet with a row for each alert: its object and what that is, its file, and
whether its packet is damaged. The same seed gives the same bytes.")]
    Night(NightArgs),
}

#[derive(Args)]
pub(crate) struct SectorArgs {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Sector: coordinates of 1, 27 and 56 are known
    #[arg(long, default_value_t = 1)]
    pub(crate) sector: u32,
    /// Camera, 1 to 4
    #[arg(long, default_value_t = 1)]
    pub(crate) camera: u32,
    /// CCD, 1 to 4
    #[arg(long, default_value_t = 1)]
    pub(crate) ccd: u32,
    /// Kind of frames
    #[arg(long, value_parser = ["spoc", "tica"], default_value = "spoc")]
    pub(crate) product: String,
    /// Number of frames
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) frames: usize,
    /// Seconds from frame to frame
    #[arg(long, default_value_t = 1800.0, value_name = "S")]
    pub(crate) cadence: f64,
    /// Columns and rows of a frame, for less than the whole chip of 2136x2078
    #[arg(long, value_name = "COLSxROWS", value_parser = parse_pixels)]
    pub(crate) size: Option<(usize, usize)>,
    /// First column and row of such a window, from 0
    #[arg(long, value_name = "COLxROW", value_parser = parse_pixels, requires = "size")]
    pub(crate) corner: Option<(usize, usize)>,
    /// Stars: CSV with ra, dec, mag and optionally pmra, pmdec, source_id; without it the real ones that are
    /// built in, on cameras and CCDs 1/1, 2/2, 3/3 and 4/2 of sector 1
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) stars: Option<PathBuf>,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Drift of the pointing in pixels
    #[arg(long, default_value_t = 0.05, value_name = "PX")]
    pub(crate) jitter: f64,
    /// Days without frames in the middle
    #[arg(long, value_name = "DAYS")]
    pub(crate) gap: Option<f64>,
    /// Frames (numbers from 0, separated by commas) without world coordinates
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) without_wcs: Vec<usize>,
    /// Frames with a quality flag
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) flagged: Vec<usize>,
    /// Frames whose pixels are all zero
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) all_zero: Vec<usize>,
    /// Frames cut short
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) truncated: Vec<usize>,
    /// Frames of another chip
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) wrong_chip: Vec<usize>,
    /// Frames of another size
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) wrong_size: Vec<usize>,
    /// Frames that are there twice
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) duplicated: Vec<usize>,
    /// Frames that are not there
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) missing: Vec<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Threads beyond this number only wait for each other.
const MOST_THREADS: usize = 1024;

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if threads <= MOST_THREADS => Ok(threads),
        _ => Err(format!("expected a number up to {MOST_THREADS}, 0 for one a core")),
    }
}

/// Reads whole pixels like `1500x200`, or `200` for both.
fn parse_pixels(text: &str) -> Result<(usize, usize), String> {
    let parts = text
        .split_once('x')
        .or(Some((text, text)))
        .and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
    parts.ok_or_else(|| format!("found {text:?}, expected whole columns and rows, for example 1500x200"))
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["ra", "x", "targets", "track"]))]
pub(crate) struct CutoutArgs {
    /// One or more cubes; places off a cube are passed over where another has them
    #[arg(long, required = true, num_args = 1.., value_name = "CUBE")]
    pub(crate) cube: Vec<PathBuf>,
    /// Right ascension, ICRS degrees
    #[arg(long, value_name = "DEG", requires = "dec", allow_negative_numbers = true)]
    pub(crate) ra: Option<f64>,
    /// Declination, ICRS degrees
    #[arg(long, value_name = "DEG", requires = "ra", allow_negative_numbers = true)]
    pub(crate) dec: Option<f64>,
    /// Column of the frame, from 0
    #[arg(long, value_name = "COL", requires = "y", allow_negative_numbers = true)]
    pub(crate) x: Option<f64>,
    /// Row of the frame, from 0
    #[arg(long, value_name = "ROW", requires = "x", allow_negative_numbers = true)]
    pub(crate) y: Option<f64>,
    /// CSV with columns ra, dec and optionally name and size; --out is a folder
    #[arg(long, value_name = "T.csv")]
    pub(crate) targets: Option<PathBuf>,
    /// CSV with columns time (BTJD, TDB), ra, dec: follow a moving target
    #[arg(long, value_name = "T.csv")]
    pub(crate) track: Option<PathBuf>,
    /// Columns, or columns x rows, for example 11 or 11x15
    #[arg(long, value_name = "COLS[xROWS]", value_parser = uranometria_cutout::parse_size)]
    pub(crate) size: (f64, f64),
    /// Unit of --size and of sizes in --targets
    #[arg(long, value_parser = ["px", "arcmin", "deg"], default_value = "px")]
    pub(crate) units: String,
    /// Kind of file; unless given, parquet where --out ends so, else tpf
    #[arg(long, value_parser = ["tpf", "image", "parquet"])]
    pub(crate) format: Option<String>,
    /// Also write a picture of the stamp; with several cutouts a folder
    #[arg(long, value_name = "PNG")]
    pub(crate) preview: Option<PathBuf>,
    /// File or folder to write
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: PathBuf,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum CubeCommand {
    /// Make a cube of the frames of one camera and CCD
    #[command(
        after_help = "Example:\n  ur cube build --out s0001-1-1.cube.fits tess*-s0001-1-1-*_ffic.fits\n\nRunning the \
                      same command again after an interruption goes on where it stopped."
    )]
    Build {
        /// The cube to make; an existing one is replaced when the new one is whole
        #[arg(long, value_name = "CUBE.fits")]
        out: PathBuf,
        #[command(flatten)]
        cube: CubeOptions,
        /// Full-frame images, or @LIST: a file with a path a line
        #[arg(required = true, value_name = "FFI")]
        frames: Vec<PathBuf>,
    },
    /// Say what is in a cube
    #[command(after_help = "Example:\n  ur cube info s0001-1-1.cube.fits")]
    Info {
        /// The cube
        cube: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare every pixel and header value that a cube has with its frames, and its checksums
    #[command(
        after_help = "Example:\n  ur cube verify s0001-1-1.cube.fits tess*-s0001-1-1-*_ffic.fits\n\nExit code 1 if \
                      anything differs."
    )]
    Verify {
        /// The cube
        cube: PathBuf,
        #[command(flatten)]
        work: WorkOptions,
        /// The full-frame images it was made of, or @LIST
        #[arg(required = true, value_name = "FFI")]
        frames: Vec<PathBuf>,
    },
    /// Add later frames to a cube; the old one stays valid until the longer one replaces it
    #[command(after_help = "Example:\n  ur cube append s0001-1-1.cube.fits tess*-s0001-1-1-*_ffic.fits")]
    Append {
        /// The cube
        cube: PathBuf,
        #[command(flatten)]
        options: CubeOptions,
        /// Later full-frame images, or @LIST
        #[arg(required = true, value_name = "FFI")]
        frames: Vec<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct CubeOptions {
    /// Kind of frames
    #[arg(long, value_parser = ["auto", "spoc", "tica"], default_value = "auto")]
    pub(crate) product: String,
    /// The sector, where neither headers nor file names tell it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=9999))]
    pub(crate) sector: Option<i64>,
    /// Leave unusable frames out and list them in the header
    #[arg(long)]
    pub(crate) skip_bad: bool,
    #[command(flatten)]
    pub(crate) work: WorkOptions,
}

#[derive(Args)]
pub(crate) struct WorkOptions {
    /// The most memory to use, for example 512MiB or 4GB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_bytes)]
    pub(crate) memory: u64,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Reads a size like `1GiB`, `500MB`, `64k` or `1000000`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1_048_576.0,
        "g" | "gib" => 1_073_741_824.0,
        "t" | "tib" => 1_099_511_627_776.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => {
            return Err(format!(
                "unit {unit:?} is not known, expected B, KiB, MiB, GiB, TiB, kB, MB, GB or TB"
            ));
        }
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 && number * factor < 9e18 => Ok((number * factor) as u64),
        _ => Err(format!("{text:?} is no size, expected a number with a unit such as 1GiB")),
    }
}
