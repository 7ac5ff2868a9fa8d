//! The arguments of `ur alerts` and of `ur simulate night`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use uranometria_alert::CUTOUTS;

use super::{parse_bytes, parse_threads};

#[derive(Subcommand)]
pub(crate) enum AlertsCommand {
    /// Take alert packets into the nights of an archive
    #[command(after_help = "Examples:
  ur alerts ingest ztf_public_20210617/ --archive archive
  ur alerts ingest night-*.avro fink/*.parquet --archive archive --without-cutouts
  ur alerts ingest stream.bin --schema alert.avsc --archive archive
  ur alerts ingest archive/alerts/_dead/*.parquet --archive archive

Files are told apart by what is in them: Avro container files, parquet nights of Fink, packets
without a header (with --schema or --registry), and dead letters, which are tried again. An alert
that its night has already is not added again; late ones join their night, which readers see as a
whole, before or after. Packets that cannot be read go to alerts/_dead in the archive, with the
reason, and the rest goes on. Running the same command again after an interruption goes on where
it stopped. Exit code 1 if there was no alert to read.")]
    Ingest(IngestArgs),
    /// Choose alerts of an archive's nights and write them to a folder
    #[command(after_help = "Examples:
  ur alerts filter --archive sky --nights 2021-11-01..2021-11-30 --out bright \\
      --where \"candidate.magpsf < 18; candidate.distnr > 2;\" --content light
  ur alerts filter --archive sky --nights 2021-11-03 --class \"SN candidate\" \\
      --class \"(TNS) SN Ia\" --out sn
  ur alerts filter --archive sky --nights 2021-11-03 --filter kilonova.sql --out kn

Conditions are parted by `;` or by line, all must hold, and -- begins a comment. They are
expressions of SQL over the fields of alerts, which may be named without their struct:
magpsf > 19.5 AND rb >= 0.65.
Histories:    COUNT(prv_candidates WHERE magpsf IS NOT NULL) >= 3
              SLOPE(history, magpsf WHERE fid = 1) > 0.3      (a day; with the current one)
              DAYS_SINCE_FIRST(prv_candidates WHERE magpsf < 20) < 5
Places:       ABS(GAL_B()) > 10      IN_CONE(84.3, -80.5, 1.5)      IN_MOC('map.fits')
Catalogues:   NOT MATCHES('gaia', 1.5 WHERE parallax > 1)      (arcsec)
Watch lists:  WATCHED('mine.csv', 2)      (ra, dec and radius in arcsec; or objectId)

Catalogues are those of the archive, or HATS folders. A filter is a file of conditions whose head
names it: `-- name: x` and `-- version: 1`. Counts of each night and condition are kept in
_filter-*.json. Running the same command again after an interruption goes on where it stopped.
Exit code 1 if nothing passed.")]
    Filter(FilterArgs),
    /// Say how many alerts and bytes `ur alerts filter` would write
    #[command(after_help = "Example:
  ur alerts estimate --archive sky --nights 2021-01-01..2021-12-31 --class \"SN candidate\"

Exact where footers tell, otherwise from a sample, with how far it may be off (95 %). Green is
below 250,000 alerts and 10 GB, red above a million alerts or 100 GB.")]
    Estimate(EstimateArgs),
    /// Draw alerts: a cutout of each and the light curve that it tells
    #[command(after_help = "Examples:
  ur alerts show sn/ --out sn.png
  ur alerts show night.avro --object ZTF18abkhcrj --cutout difference --out alert.png

Files are Avro container files, or parquet as ur alerts filter writes it with --content full; of
folders, all in them. Fluxes are those of the difference images: of ZTF from its magnitudes,
negative where the object is fainter than on the template; upper limits are left out. Days are
MJD, of ZTF in UTC, of Rubin in TAI. Exit code 1 if there is no such alert.")]
    Show(ShowArgs),
}

/// Which alerts, and how much of them.
#[derive(Args)]
pub(crate) struct RequestArgs {
    /// The archive; its nights are alerts/year=/month=/day=
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: PathBuf,
    /// The first and the last night, or one: 2021-11-01..2021-11-30
    #[arg(long, value_name = "A..B")]
    pub(crate) nights: String,
    /// Alerts of one survey alone
    #[arg(long, value_parser = ["ztf", "lsst"])]
    pub(crate) survey: Option<String>,
    /// A class; several are alternatives: "SN candidate", "(TNS) SN Ia", "(SIMBAD) RRLyr", Unknown, All
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Vec<String>,
    /// Conditions, all of which must hold
    #[arg(
        long = "where",
        value_name = "\"...;\"",
        default_value = "",
        allow_hyphen_values = true,
        hide_default_value = true
    )]
    pub(crate) conditions: String,
    /// A named filter, whose conditions must hold besides
    #[arg(long, value_name = "FILE")]
    pub(crate) filter: Option<PathBuf>,
    /// How much of an alert: the light curve, all but images, images, all, or fields with commas between
    #[arg(long, value_name = "light|medium|cutouts|full|FIELDS", default_value = "full")]
    pub(crate) content: String,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", value_parser = parse_threads, default_value_t = 0)]
    pub(crate) threads: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct FilterArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
    /// Part the folder by night (year=/month=/day=), by class (finkclass=), or not at all
    #[arg(long, value_parser = ["time", "class", "none"], default_value = "time")]
    pub(crate) partition_by: String,
    /// Kind of files
    #[arg(long, value_parser = ["parquet", "avro"], default_value = "parquet")]
    pub(crate) format: String,
    /// The most alerts, of the first nights
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Refuse to write a night of which more than this share passes
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true)]
    pub(crate) max_share: Option<f64>,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Files of alerts, folders of them (.avro and .parquet), or @LIST: a file with a path a line
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Alerts of this object alone; may be given several times
    #[arg(long = "object", value_name = "NAME")]
    pub(crate) objects: Vec<String>,
    /// Which picture
    #[arg(long, value_enum, default_value_t = Cutout::Science)]
    pub(crate) cutout: Cutout,
    /// The most alerts
    #[arg(long, value_name = "N", value_parser = parse_limit, default_value_t = 10)]
    pub(crate) limit: usize,
    /// The picture to write: .png
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A picture of an alert.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Cutout {
    Science,
    Template,
    Difference,
}

impl Cutout {
    /// The field that has it.
    pub(crate) fn field(self) -> &'static str {
        CUTOUTS[self as usize]
    }

    pub(crate) fn name(self) -> &'static str {
        ["science", "template", "difference"][self as usize]
    }
}

#[derive(Args)]
pub(crate) struct IngestArgs {
    /// Files of alerts, folders of them (.avro and .parquet), or @LIST: a file with a path a line
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The archive; its folder alerts is made if missing
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: PathBuf,
    /// Leave the pictures out
    #[arg(long)]
    pub(crate) without_cutouts: bool,
    /// Schema of packets without a header; several files make one schema together
    #[arg(long, value_name = "FILE.avsc")]
    pub(crate) schema: Vec<PathBuf>,
    /// Schema of packets in the frame of a registry, by its number
    #[arg(long, value_name = "NUMBER=FILE.avsc", value_parser = parse_registry)]
    pub(crate) registry: Vec<(u32, PathBuf)>,
    /// About how much memory to use, for example 512MiB or 4GB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_bytes)]
    pub(crate) memory: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_limit(text: &str) -> Result<usize, String> {
    let limit = text.parse().ok().filter(|limit| *limit > 0);
    limit.ok_or_else(|| format!("found {text:?}, expected a whole number from 1"))
}

fn parse_registry(text: &str) -> Result<(u32, PathBuf), String> {
    let parts = text.split_once('=').and_then(|(number, path)| Some((number.parse().ok()?, path.into())));
    parts.ok_or_else(|| format!("found {text:?}, expected a number and a file, for example 42=alert.avsc"))
}

#[derive(Args)]
pub(crate) struct NightArgs {
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Different alerts
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) alerts: u64,
    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// The night, UTC
    #[arg(long, value_name = "DATE", default_value = "2021-06-17")]
    pub(crate) night: Date,
    /// Without cutouts: a sixth of the bytes
    #[arg(long)]
    pub(crate) reduced: bool,
    /// How many of the packets are damaged
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) corrupt: u64,
    /// How many of the alerts are there twice
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) duplicates: u64,
    /// How many of the alerts are of the night before, in a file of their own
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) late: u64,
    /// Alerts a file
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) per_file: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
