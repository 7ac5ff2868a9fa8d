#![doc = include_str!("../README.md")]

#[cfg(feature = "arrow")]
mod arrow;
mod check;
mod convert;
mod dialect;
mod error;
mod functions;
mod geometry;
mod infer;
mod lexer;
mod options;
mod stcs;
mod tables;
pub mod tree;
mod types;
mod units;
mod words;
mod write;

pub use check::{Checked, check};
pub use error::{Error, Errors, Kind, Span};
pub use functions::{Functions, Signature};
pub use options::{Mode, Options, Version, parse};
pub use stcs::{Shape, ShapeKind};
pub use tables::{Column, TableInfo, Tables};
pub use types::Type;
pub use words::is_regular;
pub use write::{Engine, translate};
