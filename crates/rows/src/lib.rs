#![doc = include_str!("../README.md")]

mod ecsv;
mod encoder;
mod error;
mod fits;
mod format;
pub mod fs;
mod json;
mod table;

pub use encoder::{Encoder, Ending};
pub use error::Error;
pub use format::Format;
