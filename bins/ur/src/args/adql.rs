//! The arguments of `ur adql`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum AdqlCommand {
    /// Check queries: grammar, functions and, with an archive, tables, columns and types
    #[command(after_help = "Example:
  ur adql check --jsonl queries.jsonl
  echo '{\"id\": 1, \"query\": \"SELECT TOP 5 ra FROM gaia.source\"}' | ur adql check --jsonl -

A line in is {\"id\",\"query\"} and, if wanted, \"version\" (\"2.0\" or \"2.1\") and \"functions\", declared as
TAPRegExt does: \"f(a REAL, b TIMESTAMP) -> BIGINT\". A line out, in the same order, is {\"id\",\"ok\"} and, of
what is not, \"error\" and \"span\", [start,end) in bytes. Exit code 1 if anything is not ok.")]
    Check(CheckArgs),
    /// Write a query as the SQL of an engine
    #[command(after_help = "Examples:
  ur adql translate --dialect q3c \"SELECT ra FROM gaia.source WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(10, -20, 1))\"
  ur adql translate --dialect datafusion --strict - < query.adql")]
    Translate(TranslateArgs),
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Take the standard alone; the default
    #[arg(long, conflicts_with = "lenient")]
    pub(crate) strict: bool,
    /// Take also what live clients send
    #[arg(long)]
    pub(crate) lenient: bool,
    /// Queries, one JSON object a line; - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) jsonl: PathBuf,
    /// Check against the tables of an archive: catalogues/SCHEMA/TABLE and series/TABLE
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct TranslateArgs {
    /// The engine
    #[arg(long, value_parser = ["datafusion", "q3c", "pgsphere"])]
    pub(crate) dialect: String,
    /// Take the standard alone, and not what live clients send
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check against the tables of an archive first: catalogues/SCHEMA/TABLE and series/TABLE
    #[arg(long, value_name = "DIR")]
    pub(crate) archive: Option<PathBuf>,
    /// The query; - for standard input
    #[arg(value_name = "QUERY|-")]
    pub(crate) query: String,
}
