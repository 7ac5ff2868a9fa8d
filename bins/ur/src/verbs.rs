//! One module a verb: arguments to a library call, its result to a report.

pub(crate) mod adql;
pub(crate) mod alerts;
pub(crate) mod catalog;
pub(crate) mod cube;
pub(crate) mod cutout;
pub(crate) mod demo;
pub(crate) mod downsample;
pub(crate) mod lightcurve;
mod picture;
pub(crate) mod query;
pub(crate) mod simulate;
pub(crate) mod zonemap;
