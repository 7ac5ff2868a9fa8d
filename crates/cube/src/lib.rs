//! Cubes of full-frame images: the frames of one chip turned so that each pixel's time series lies together.
//!
//! The layout is astrocut's, which MAST serves: HDU 0 carries what is common to all frames, HDU 1 the pixels as
//! `[y][x][time][plane]` in big-endian f32, HDU 2 a table with the header of each frame. [`Cube`] reads cubes made
//! here and by astrocut; [`fs::build`] makes them out of core, [`fs::append`] adds later frames, [`fs::verify`]
//! proves a cube against its frames.
//!
//! Two products are known: SPOC frames (flux and error planes, e-/s, barycentric times) and TICA frames (one plane,
//! electrons a frame, spacecraft times). Deliberately absent: other missions, and cubes of several chips.

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
pub use product::Product;
pub use select::{Selection, select};
