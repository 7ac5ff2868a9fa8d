//! Full-frame images with a known truth, from real stars and real world coordinates.
//!
//! A [`Sector`] is a run of frames of one TESS chip: real places on the chip for real stars, plus variables,
//! transits, transients and asteroids whose light is known exactly. Frames are made in memory, each on its own;
//! [`sector::fs`] writes them all to a folder. One seed gives the same bytes on every machine and with any number
//! of threads: random numbers are keyed by seed and frame, and elementary functions are `libm`'s.
//!
//! Deliberately absent: what real detectors do beyond photons and noise (saturation, bleeding, straps, cosmic
//! rays), wings of the point spread beyond a Gaussian, its change across the field.
//!
//! Sources of the embedded stars and coordinates, and their licences: `data/README.md`.
//!
//! ```
//! use uranometria_simulate::{Sector, SectorOptions, Stars};
//!
//! let options = SectorOptions { camera: 4, ccd: 2, columns: 300, rows: 200, column0: 900, row0: 900, frames: 3,
//!     ..SectorOptions::default() };
//! let sector = Sector::new(options, &Stars::embedded())?;
//! let frame = sector.frame(0)?;
//! assert_eq!(frame.name, "tess2018206190539-s0001-4-2-0120-s_ffic.fits");
//! assert_eq!(frame.bytes.len() % 2880, 0);
//! # Ok::<(), uranometria_simulate::Error>(())
//! ```

mod error;
mod random;
pub mod sector;
mod stars;
mod time;

pub use error::Error;
pub use sector::{BadFrames, Product, Sector, SectorOptions};
pub use stars::{Star, Stars};
