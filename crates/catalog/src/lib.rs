#![doc = include_str!("../README.md")]

mod condition;
mod error;
pub mod fs;
mod pixel;
mod plan;
mod positions;
mod properties;

pub use condition::{Comparison, Condition, Value};
pub use error::Error;
pub use pixel::Pixel;
pub use properties::Properties;

/// The column of HEALPix cells of depth 29, by which the rows of a catalogue are sorted.
pub const CELL_COLUMN: &str = "_healpix_29";
