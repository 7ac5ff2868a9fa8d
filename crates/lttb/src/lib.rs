#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod choose;
mod coordinate;
mod downsample;
mod error;
mod kernel;
mod methods;
mod scan;
mod segments;
mod series;
mod shortcuts;
mod threads;
mod vector;
mod zone;

pub use coordinate::{Axis, Coordinate, Regular, Value};
pub use downsample::{Chosen, Downsample, Gaps, Kernels, Method, Missing};
pub use error::Error;
pub use shortcuts::{lttb, m4, minmax, minmaxlttb};
pub use zone::{Samples, Slices, ZoneError, ZoneMap, ZoneMapBuilder};
