//! Cutouts: a cube and a place on the sky give target pixel files, image cubes, tables and light curves.
//!
//! A [`Cutter`] holds an open [`Cube`](uranometria_cube::Cube) and what all its cutouts share; [`Cutter::cut`] finds
//! the pixels of a place and [`Cutout`] writes them. A [`Tpf`] reads any target pixel file back, and
//! [`lightcurve`] sums it over an [`Aperture`]. Cutting takes `&self`: one cutter serves many threads.
//!
//! Deliberately absent: difference imaging, detrending, and PSF photometry.

pub mod aperture;
mod cutter;
mod error;
pub mod fs;
mod image;
pub mod lightcurve;
#[cfg(feature = "parquet")]
mod parquet;
mod pixels;
mod stamp;
mod target;
mod target_pixel_file;
pub mod tpf;
mod tpf_header;

pub use aperture::Aperture;
pub use cutter::{Cutout, Cutter};
pub use error::Error;
pub use pixels::median_image;
pub use stamp::{Size, Stamp};
pub use target::{Place, Target, parse_size, read_targets, read_track};
pub use tpf::Tpf;
