//! A sector: the frames that one TESS chip takes in 27 days, or a part of them.
//!
//! [`Sector::new`] plans the sky and keeps it as [`Truth`]; [`Sector::frame`] renders one frame of it.
//!
//! The model of a pixel, in electrons a second:
//! - A source of magnitude m gives 10^(0.4 (20.44 - m)) electrons a second, TESS's zero point (Vanderspek et al.
//!   2018, TESS Instrument Handbook, section 3.3); whatever band the magnitude is of, it is taken as TESS's.
//! - It is spread by a Gaussian of sigma 0.85 px, integrated over each pixel and cut off at 6 px.
//! - Light changes between frames, not within one: brightness and place are those of mid-exposure.
//! - Background: a gradient over the chip and scattered light that rises towards the ends of an orbit.
//! - Noise: photons and the read noise of the four outputs, normal. The uncertainty plane is
//!   sqrt(max(flux, 0) / exposure + rn^2), without noise of its own.
//! - Columns 0..44 and 2092..2136 and rows 2048..2078 of the chip carry no stars, but a small fixed pattern.
//! - Bright stars do not saturate and do not bleed.
//!
//! Pixels are 0-based, (0, 0) at the centre of the first pixel of the written frame; `image[y][x]`.

mod chip;
pub mod fs;
mod header;
mod options;
mod pixels;
mod plan;
mod pointing;
mod scene;
mod truth;

pub use options::{BadFrames, CHIP_COLUMNS, CHIP_ROWS, Product, SectorOptions};
pub use plan::{Frame, PlannedFile, Sector, Times};
pub use truth::{Kind, Signal, Source, Track, Truth};
