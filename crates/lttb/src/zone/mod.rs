//! Zone maps: what is known of each block of a series, enough to choose points without reading most of it.
//!
//! For two fixed vertices the area of the triangle is the absolute value of a linear function of the third,
//! so the box around a block bounds it from above. Blocks that cannot win are not read; means of buckets come
//! from sums of blocks.

mod build;
mod bytes;
mod choose;
mod map;
mod samples;
mod zoned;

pub use build::ZoneMapBuilder;
pub use map::ZoneMap;
pub use samples::{Samples, Slices, ZoneError};
