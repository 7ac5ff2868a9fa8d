//! The arguments of `ur query`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Ask an archive in ADQL 2.1: catalogues, files and time series as tables, their columns with units.
///
/// Exit codes: 0 done, 1 no rows, 2 error.
#[derive(Parser)]
#[command(
    name = "ur query",
    bin_name = "ur query",
    version,
    max_term_width = 110,
    after_help = "Examples:
  ur query \"SELECT TOP 5 source_id FROM gaia.source ORDER BY phot_g_mean_mag\" --archive archive
  ur query --archive archive --out pleiades.vot - < pleiades.adql
  ur query --archive archive --explain \"SELECT ra FROM gaia.source WHERE DISTANCE(ra, dec, 9, 41) < 1\"
  ur query --upload mine=targets.csv \"SELECT COUNT(*) AS n FROM mine WHERE tmag < 10\"
  ur query --archive archive --engine postgres://me@localhost/sky --load

Tables of the archive are, as SCHEMA.TABLE, catalogues/SCHEMA/TABLE: HATS catalogues, as ur catalog
import makes them, in which regions are found by an index; files of parquet, CSV, ECSV, FITS or
VOTable; folders of such files. Time series are series.TABLE. TAP_SCHEMA describes them all."
)]
pub(crate) struct Args {
    /// The query; - for standard input
    #[arg(value_name = "QUERY", required_unless_present = "load")]
    pub(crate) query: Option<String>,
    /// The archive: a folder with catalogues/SCHEMA/TABLE and series/TABLE
    #[arg(long, value_name = "DIR", required_unless_present = "upload")]
    pub(crate) archive: Option<PathBuf>,
    /// A file of yours as TAP_UPLOAD.NAME: parquet, CSV, ECSV, FITS or VOTable; repeatable
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_upload)]
    pub(crate) upload: Vec<(String, PathBuf)>,
    /// What runs the query: embedded, or a PostgreSQL with q3c or pgSphere that has the tables, postgres://USER@HOST/DATABASE
    #[arg(long, value_name = "embedded|URL", default_value = "embedded")]
    pub(crate) engine: String,
    /// Which of PostgreSQL's indexes of the sky is used; that which is there unless given, q3c if both are
    #[arg(long, value_parser = ["q3c", "pgsphere"])]
    pub(crate) dialect: Option<String>,
    /// Copy the catalogues of the archive into PostgreSQL first, with an index of positions, in the place of those there
    #[arg(long)]
    pub(crate) load: bool,
    /// table, csv, tsv, ecsv, json, fits, parquet or votable (votable/td, votable/b, votable/b2); by default what the
    /// ending of --out says, else a table
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// File to write; standard output unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show how the query is run and which pages are read, and do not run it
    #[arg(long)]
    pub(crate) explain: bool,
    /// The most rows to give; says so if there are more
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
    /// How long the query may take, like 30s, 5min or 2h
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) timeout: Option<Duration>,
    /// Memory for sorting, grouping and joining, like 512MiB or 4GiB; what needs more goes to files
    #[arg(long, value_name = "SIZE", value_parser = parse_memory, default_value = "2GiB")]
    pub(crate) memory: usize,
    /// The folder for these files; that of the system unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) spill: Option<PathBuf>,
    /// Threads; 0 for one a core
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
    /// Take the standard alone, and not what live clients send beyond it
    #[arg(long)]
    pub(crate) strict: bool,
}

/// A number and its unit.
fn number(text: &str) -> Option<(f64, &str)> {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = text[..at].parse::<f64>().ok().filter(|number| *number > 0.0)?;
    Some((number, text[at..].trim()))
}

fn parse_upload(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.into(), file.into())),
        _ => Err(format!("{text:?} is no table; write it like mine=targets.csv")),
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let wanted = || format!("{text:?} is no time; write one like 30s, 5min or 2h");
    let (number, unit) = number(text).ok_or_else(wanted)?;
    let seconds = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wanted()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wanted())
}

fn parse_memory(text: &str) -> Result<usize, String> {
    let wanted = || format!("{text:?} is no size; write one like 512MiB or 4GiB");
    let (number, unit) = number(text).ok_or_else(wanted)?;
    let bytes = match unit {
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0_f64.powi(4),
        _ => return Err(wanted()),
    };
    Ok((number * bytes) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_have_a_name_and_a_file() {
        assert_eq!(parse_upload("mine=a=b.csv").unwrap(), ("mine".into(), "a=b.csv".into()));
        for wrong in ["", "mine", "=a.csv", "mine="] {
            assert!(parse_upload(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(parse_time("1.5min").unwrap(), Duration::from_secs(90));
        assert_eq!(parse_time("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(parse_memory("0.5GiB").unwrap(), 512 << 20);
        for wrong in ["", "0s", "s", "-1s", "3 days", "1e30h"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["12", "4GB", "0MiB", "MiB"] {
            assert!(parse_memory(wrong).is_err(), "{wrong}");
        }
    }
}
