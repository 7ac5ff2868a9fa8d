//! Cubes of full-frame images: the frames of one chip turned so that each pixel's time series lies together.
//!
//! The layout is astrocut's, which MAST serves: HDU 0 carries what is common to all frames, HDU 1 the pixels as
//! `[y][x][time][plane]` in big-endian f32, HDU 2 a table with the header of each frame. [`Cube`] reads cubes made
//! here and by astrocut; [`fs::build`] makes them out of core, [`fs::append`] adds later frames, [`fs::verify`]
//! proves a cube against its frames.
//!
//! Two products are known: SPOC frames (flux and error planes, e-/s, barycentric times) and TICA frames (one plane,
//! electrons a frame, spacecraft times). Deliberately absent: other missions, and cubes of several chips.
//!
//! ```
//! use uranometria_cube::fs::{Control, Options, build, open, verify};
//! # use uranometria_simulate::{Sector, SectorOptions, Stars};
//! # let folder = tempfile::tempdir()?;
//! # let options = SectorOptions { frames: 4, columns: 40, rows: 30, noise: false, ..SectorOptions::default() };
//! # let sector = Sector::new(options, &Stars::embedded())?;
//! # let frames = uranometria_simulate::sector::fs::write(&sector, folder.path(), &|_| {})?.frames;
//! # let path = folder.path().join("cube.fits");
//! // `frames`: the paths of the full-frame images of one camera and CCD, in any order.
//! let options = Options { memory: 256 << 20, ..Options::default() };
//! build(&path, &frames, &options, &Control::none())?;
//!
//! let cube = open(&path)?;
//! assert_eq!((cube.layout().rows, cube.layout().columns, cube.layout().frames), (30, 40, 4));
//! let series = cube.series(10, 20)?; // column 10, row 20: flux and error
//! assert_eq!((series.len(), series[0].len()), (2, 4));
//! assert_eq!(verify(&path, &frames, &options, &Control::none())?.differences, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cube;
mod error;
mod frame;
mod frame_table;
pub mod fs;
mod layout;
mod primary;
mod product;
mod select;
mod transpose;

pub use cube::{Cube, FrameWcs};
pub use error::{Error, Problem};
pub use frame::Frame;
pub use frame_table::{Cell, FrameTable};
pub use layout::CubeLayout;
pub use primary::describes_pixels;
pub use product::Product;
pub use select::{Selection, select};
