//! The arguments of `ur alerts` and of `ur simulate night`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::parse_bytes;

#[derive(Subcommand)]
pub(crate) enum AlertsCommand {
    /// Take alert packets into the nights of an archive
    #[command(after_help = "Examples:
  ur alerts ingest ztf_public_20210617/ --archive archive
  ur alerts ingest night-*.avro fink/*.parquet --archive archive --without-cutouts
  ur alerts ingest stream.bin --schema alert.avsc --archive archive
  ur alerts ingest archive/alerts/_dead/*.parquet --archive archive

Files are told apart by what is in them: Avro container files, parquet nights of Fink, packets without
a header (with --schema or --registry), and dead letters, which are tried again. An alert that its night
has already is not added again; late ones join their night, which readers see as a whole, before or
after. Packets that cannot be read go to alerts/_dead in the archive, with the reason, and the rest goes
on. Running the same command again after an interruption goes on where it stopped. Exit code 1 if there
was no alert to read.")]
    Ingest(IngestArgs),
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
