//! The arguments of `ur alerts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse_threads;

#[derive(Subcommand)]
pub(crate) enum AlertsCommand {
    /// Choose alerts of an archive's nights and write them to a folder
    #[command(after_help = "Examples:
  ur alerts filter --archive sky --nights 2021-11-01..2021-11-30 --out bright \\
      --where \"candidate.magpsf < 18; candidate.distnr > 2;\" --content light
  ur alerts filter --archive sky --nights 2021-11-03 --class \"SN candidate\" --class \"(TNS) SN Ia\" --out sn
  ur alerts filter --archive sky --nights 2021-11-03 --filter kilonova.sql --partition-by none --out kn

Conditions are parted by `;` or by line, all must hold, and -- begins a comment. They are expressions of
SQL over the fields of alerts, which may be named without their struct: magpsf > 19.5 AND rb >= 0.65.
Histories:    COUNT(prv_candidates WHERE magpsf IS NOT NULL) >= 3
              SLOPE(history, magpsf WHERE fid = 1) > 0.3      (mag a day; history has the current one too)
              DAYS_SINCE_FIRST(prv_candidates WHERE magpsf < 20) < 5
Places:       ABS(GAL_B()) > 10      IN_CONE(84.3, -80.5, 1.5)      IN_MOC('map.fits')
Catalogues:   NOT MATCHES('gaia', 1.5 WHERE parallax > 1)      (arcsec; of the archive, or a HATS folder)
Watch lists:  WATCHED('mine.csv', 2)      (ra, dec and radius in arcsec; or objectId)

A filter is a file of conditions whose head names it: `-- name: x` and `-- version: 1`. Counts of each
night and condition are kept in _filter-*.json. Running the same command again after an interruption
goes on where it stopped. Exit code 1 if nothing passed.")]
    Filter(FilterArgs),
    /// Say how many alerts and bytes `ur alerts filter` would write
    #[command(after_help = "Example:
  ur alerts estimate --archive sky --nights 2021-01-01..2021-12-31 --class \"SN candidate\" --content light

Exact where footers tell, otherwise from a sample, with how far it may be off (95 %). Green is below
250,000 alerts and 10 GB, red above a million alerts or 100 GB.")]
    Estimate(EstimateArgs),
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
    #[arg(long, value_parser = ["parquet"], default_value = "parquet")]
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
