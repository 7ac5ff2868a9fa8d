//! What crosses crates, one module a subject.
//!
//! Frames are made by `uranometria-simulate` in small windows of a chip; nothing is downloaded. Tests of the command
//! line start the programs that were built with them. Module `peers` (feature `peers`) compares with
//! foreign programs, as do others behind that feature; `.ci/run` names each of these tests or its module.

mod alerts;
mod architecture;
mod catalog;
mod catalog_store;
mod cli;
mod cube_append;
mod cube_build;
mod cube_refuse;
mod cube_verify;
mod cutout;
mod cutout_files;
mod cutout_list;
mod downsample;
#[cfg(feature = "peers")]
mod engines;
#[cfg(feature = "peers")]
mod fits_tables;
mod foreign_frames;
mod interruption;
mod moving;
mod outputs;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod postgres;
mod query;
mod rows;
#[path = "../../crates/series/tests/support/mod.rs"]
mod series_files;
mod slips;
mod support;
#[cfg(feature = "peers")]
mod votable;
mod zonemap;
