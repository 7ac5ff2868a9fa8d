#![doc = include_str!("../README.md")]

mod datatype;
mod document;
mod error;
pub mod keys;
mod read;
mod write;

pub use document::{Coosys, Info, Param, Status, Timesys};
pub use error::Error;
pub use read::{Reader, ReaderOptions, TableChoice};
pub use write::{Serialisation, Writer, WriterOptions, error_document};
