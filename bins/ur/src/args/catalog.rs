//! The arguments of `ur catalog`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use uranometria_catalog::Condition;
use uranometria_rows::Format;
use uranometria_sky::Angle;

use super::{parse_bytes, parse_threads};

#[derive(Subcommand)]
pub(crate) enum CatalogCommand {
    /// Make a HATS catalogue of tables: parquet, CSV, ECSV, FITS, VOTable
    #[command(after_help = "Examples:
  ur catalog import gaia-*.parquet --ra ra --dec dec --epoch 2016.0 --out gaia
  ur catalog import hipparcos.csv --ra ra_deg --dec dec_deg --epoch 1991.25 --out hipparcos --skip-bad
  ur catalog import survey.fits --ra RAJ2000 --dec DEJ2000 --margin 10arcsec --out survey

The catalogue is a folder that LSDB, DuckDB, Spark and pandas read. Running the same command again
after an interruption goes on where it stopped.")]
    Import(ImportArgs),
    /// Add tables to a catalogue: a new release, another field
    #[command(after_help = "Example:\n  ur catalog append survey night-2.parquet night-3.parquet

The tables have the columns of the catalogue. It is made anew beside its place, margins included, and
replaces the old one in one step. Running the same command again after an interruption goes on where
it stopped, and does nothing once these tables are in.")]
    Append(AppendArgs),
    /// Say what a catalogue has: rows, partitions, columns with units
    #[command(after_help = "Example:\n  ur catalog info gaia")]
    Info {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read every position of a catalogue and prove counts, cells and order
    #[command(after_help = "Example:\n  ur catalog verify gaia\n\nExit code 1 if anything is wrong.")]
    Verify {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write where a catalogue has rows, as a MOC
    #[command(after_help = "Example:\n  ur catalog coverage gaia --order 8 --out gaia.moc.fits")]
    Coverage {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// The order of the smallest cells: 0 to 12
        #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u8).range(..=12))]
        order: u8,
        /// The MOC to write: .fits, .txt (ASCII) or .json
        #[arg(long, value_name = "MOC.fits")]
        out: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Count rows over the sky: a HEALPix map, or a picture of the whole sky
    #[command(after_help = "Examples:
  ur catalog density gaia --order 6 --out gaia-density.fits
  ur catalog density gaia --order 7 --out gaia-density.png")]
    Density {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// The order of the cells: 0 to 12
        #[arg(long, value_name = "K", default_value_t = 6, value_parser = clap::value_parser!(u8).range(..=12))]
        order: u8,
        /// The file to write: .fits or .png
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Find the rows around a place
    #[command(after_help = "Examples:
  ur catalog cone gaia --ra 56.75 --dec 24.12 --radius 1deg --columns ra,dec,phot_g_mean_mag
  ur catalog cone gaia --ra 84.29119 --dec -80.46917 --radius 5arcsec --where 'phot_g_mean_mag < 15'
  ur catalog cone gaia --ra 10.68 --dec 41.27 --radius 1.5deg --out m31.parquet")]
    Cone {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// Right ascension, ICRS degrees
        #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
        ra: f64,
        /// Declination, ICRS degrees
        #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
        dec: f64,
        /// The radius, degrees or with a unit: 1arcmin, 0.5deg, 5arcsec
        #[arg(long, value_name = "ANGLE")]
        radius: Angle,
        #[command(flatten)]
        rows: RowsArgs,
    },
    /// Find the rows inside a polygon with sides on great circles
    #[command(
        after_help = "Example:\n  ur catalog polygon gaia --vertices '56 23.5, 57.5 23.5, 57.5 25, 56 25' --out pleiades.csv

The side on which the smaller part of the sky lies is inside."
    )]
    Polygon {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// Its vertices in order: RA DEC, RA DEC, ..., ICRS degrees
        #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
        vertices: String,
        #[command(flatten)]
        rows: RowsArgs,
    },
    /// Find the rows between two right ascensions and two declinations
    #[command(after_help = "Example:
  ur catalog box gaia --ra 350..10 --dec -1..1 --columns source_id,ra,dec

Right ascensions go east from the first to the second; -90..90 and 0..360 are whole circles.")]
    Box {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// From and to, ICRS degrees
        #[arg(long, value_name = "WEST..EAST", value_parser = parse_range, allow_hyphen_values = true)]
        ra: (f64, f64),
        /// From and to, ICRS degrees
        #[arg(long, value_name = "SOUTH..NORTH", value_parser = parse_range, allow_hyphen_values = true)]
        dec: (f64, f64),
        #[command(flatten)]
        rows: RowsArgs,
    },
    /// Find the rows in the cells of a MOC
    #[command(after_help = "Example:\n  ur catalog moc gaia --moc survey.moc.fits --out inside.parquet")]
    Moc {
        /// The catalogue
        #[arg(value_name = "DIR")]
        catalog: PathBuf,
        /// The MOC: FITS, ASCII or JSON
        #[arg(long, value_name = "MOC.fits")]
        moc: PathBuf,
        #[command(flatten)]
        rows: RowsArgs,
    },
    /// Find rows of two catalogues at the same place
    #[command(after_help = "Examples:
  ur catalog crossmatch survey gaia --radius 1arcsec --out matched.parquet
  ur catalog crossmatch hipparcos gaia --radius 2arcsec --epoch 2016.0 --left --out hip-gaia.csv
  ur catalog crossmatch survey gaia --radius 3arcsec --all --pairs --out pairs.parquet

Left columns keep their names, right ones get the right catalogue's name behind _ where they clash;
_dist_arcsec is last. With --epoch the rows of a catalogue that has proper motions are moved there
from the epoch that was given when it was imported.")]
    Crossmatch(Box<CrossmatchArgs>),
}

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// Tables with the same columns: parquet, CSV, TSV or ECSV, FITS, VOTable, HATS catalogues; files or URLs
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The column of right ascensions, ICRS degrees
    #[arg(long, value_name = "COL")]
    pub(crate) ra: String,
    /// The column of declinations, ICRS degrees
    #[arg(long, value_name = "COL")]
    pub(crate) dec: String,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The name of the catalogue; that of the folder unless given
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// The epoch of the positions, Julian years; that of catalogues stays as it is
    #[arg(long, value_name = "YEAR")]
    pub(crate) epoch: Option<f64>,
    /// The most rows of a partition
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) rows_per_partition: u64,
    /// Keep for each partition the rows within this width of it, as LSDB wants them: 10arcsec; makes a HATS collection
    #[arg(long, value_name = "ANGLE")]
    pub(crate) margin: Option<Angle>,
    /// How columns but positions are compressed
    #[arg(long, value_parser = ["none", "lz4", "zstd"], default_value = "lz4")]
    pub(crate) compression: String,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Args)]
pub(crate) struct AppendArgs {
    /// The catalogue
    #[arg(value_name = "DIR")]
    pub(crate) catalog: PathBuf,
    /// Tables with its columns: parquet, CSV, TSV or ECSV, FITS, VOTable, HATS catalogues; files or URLs
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How tables are read into a catalogue.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// About how much memory to use
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_bytes)]
    pub(crate) memory: u64,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Leave rows without a position out and list them
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RowsArgs {
    /// The columns wanted, in this order; all unless given
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,
    /// A condition that rows must meet, like 'phot_g_mean_mag < 15' or "class = 'RR'"; several must all be met
    #[arg(long = "where", value_name = "CONDITION")]
    pub(crate) conditions: Vec<Condition>,
    /// How rows are written; by the ending of --out unless given, and as a table on the terminal
    #[arg(long, value_parser = PossibleValuesParser::new(Format::NAMES))]
    pub(crate) format: Option<String>,
    /// The file to write; to the terminal unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print how many rows were found and read, as JSON; only with --out
    #[arg(long, requires = "out")]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct CrossmatchArgs {
    /// The left catalogue
    #[arg(value_name = "A")]
    pub(crate) left: PathBuf,
    /// The right catalogue
    #[arg(value_name = "B")]
    pub(crate) right: PathBuf,
    /// How near rows must be, degrees or with a unit: 1arcsec; at most 1 degree
    #[arg(long, value_name = "ANGLE")]
    pub(crate) radius: Angle,
    /// Keep so many of the nearest counterparts
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) nearest: u32,
    /// Keep all counterparts within the radius
    #[arg(long, conflicts_with = "nearest")]
    pub(crate) all: bool,
    /// Keep left rows without counterpart, with nulls
    #[arg(long = "left")]
    pub(crate) left_outer: bool,
    /// Write the identifiers of both sides and the distance alone, unless --columns and --right-columns name others
    #[arg(long)]
    pub(crate) pairs: bool,
    /// The left columns wanted
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) columns: Option<Vec<String>>,
    /// The right columns wanted
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) right_columns: Option<Vec<String>>,
    /// The epoch at which rows are compared, Julian years
    #[arg(long, value_name = "YEAR")]
    pub(crate) epoch: Option<f64>,
    /// The left columns of proper motions, mas/yr, that in right ascension times the cosine of the declination; and, for
    /// stars that come or go, those of parallaxes, mas, and radial velocities, km/s
    #[arg(long, value_name = "PMRA,PMDEC[,PARALLAX,RV]", value_parser = parse_motion)]
    pub(crate) proper_motion: Option<MotionColumns>,
    /// The same of the right
    #[arg(long, value_name = "PMRA,PMDEC[,PARALLAX,RV]", value_parser = parse_motion)]
    pub(crate) right_proper_motion: Option<MotionColumns>,
    /// Keep what lies within so many times the root of the sum of squares of both errors
    #[arg(long, value_name = "K")]
    pub(crate) sigma: Option<f64>,
    /// The left column of errors, arcseconds
    #[arg(long, value_name = "COL", requires = "sigma")]
    pub(crate) error: Option<String>,
    /// The right column of errors, arcseconds
    #[arg(long, value_name = "COL", requires = "sigma")]
    pub(crate) right_error: Option<String>,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// The file to write: .parquet, .fits, .vot, .ecsv, .csv, .tsv or .json
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_range(text: &str) -> Result<(f64, f64), String> {
    let parts = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    parts.ok_or_else(|| format!("found {text:?}, expected FROM..TO in degrees, for example 350..10"))
}

/// Names of columns: proper motions, and parallax with radial velocity.
#[derive(Clone)]
pub(crate) struct MotionColumns {
    pub(crate) proper_motion: (String, String),
    pub(crate) parallax_and_velocity: Option<(String, String)>,
}

fn parse_motion(text: &str) -> Result<MotionColumns, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
    let (proper_motion, rest) = match &names[..] {
        [pmra, pmdec] => ((pmra, pmdec), None),
        [pmra, pmdec, parallax, velocity] => ((pmra, pmdec), Some((parallax.clone(), velocity.clone()))),
        _ => {
            return Err(format!(
                "found {text:?}, expected two columns or four, for example pmra,pmdec,parallax,radial_velocity"
            ));
        }
    };
    let proper_motion = (proper_motion.0.clone(), proper_motion.1.clone());
    Ok(MotionColumns { proper_motion, parallax_and_velocity: rest })
}
