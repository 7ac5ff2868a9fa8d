//! Cutouts: a cube and a place on the sky give target pixel files, image cubes, tables and light curves.
//!
//! A [`Cutter`] holds an open [`Cube`](uranometria_cube::Cube) and what all its cutouts share; [`Cutter::cut`] finds
//! the pixels of a place and [`Cutout`] writes them. A [`Tpf`] reads any target pixel file back, and
//! [`lightcurve`] sums it over an [`Aperture`]. Cutting takes `&self`: one cutter serves many threads.
//!
//! Deliberately absent: difference imaging, detrending, and PSF photometry.
//!
//! ```
//! use uranometria_cube::fs::{Control, Options, build, open};
//! use uranometria_cutout::{Cutter, Place, Size, Tpf};
//! # use uranometria_simulate::{Sector, SectorOptions, Stars};
//! # let folder = tempfile::tempdir()?;
//! # let options = SectorOptions { frames: 3, columns: 60, rows: 50, ..SectorOptions::default() };
//! # let sector = Sector::new(options, &Stars::embedded())?;
//! # let frames = uranometria_simulate::sector::fs::write(&sector, folder.path(), &|_| {})?.frames;
//! # let cube = folder.path().join("cube.fits");
//! // `frames`: the paths of the full-frame images of one camera and CCD.
//! build(&cube, &frames, &Options::default(), &Control::none())?;
//!
//! let cutter = Cutter::new(open(&cube)?);
//! let cutout = cutter.cut(Place::Pixel { x: 20.0, y: 30.0 }, Size::Pixels { columns: 5, rows: 7 })?;
//! assert_eq!(cutout.flux()?.len(), 3 * 7 * 5); // [time][row][column]
//! assert_eq!((cutout.stamp().x0, cutout.stamp().y0), (18, 27));
//! assert!(cutout.fit().is_some_and(|fit| fit.max_separation_deg < 1e-5));
//!
//! let tpf = Tpf::read(&cutout.to_tpf()?)?;
//! assert_eq!((tpf.columns(), tpf.rows(), tpf.frames()), (5, 7, 3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aperture;
mod cutter;
mod error;
pub mod fs;
mod image;
pub mod lightcurve;
mod median;
mod output;
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
pub use median::median_image;
pub use stamp::{Size, Stamp};
pub use target::{Place, Target, parse_size, read_targets, read_track};
pub use tpf::Tpf;
