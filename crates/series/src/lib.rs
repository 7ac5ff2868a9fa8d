#![doc = include_str!("../README.md")]

mod bound;
mod error;
pub mod fs;
mod number;
mod sidecar;

pub use bound::{Bound, Window};
pub use error::{Error, Place};
pub use fs::{Control, Found, Output, Points, Series, ZoneMap};
