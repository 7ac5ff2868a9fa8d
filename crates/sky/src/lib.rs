#![cfg_attr(feature = "regions", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "regions"), doc = "Directions, tracks and proper motions on the celestial sphere.")]

mod angle;
mod astrometry;
mod direction;
mod error;
#[cfg(feature = "regions")]
mod exact;
#[cfg(feature = "regions")]
pub mod healpix;
#[cfg(feature = "regions")]
mod lanes;
#[cfg(feature = "moc")]
mod moc;
#[cfg(feature = "regions")]
mod region;
mod track;

pub use angle::Angle;
pub use astrometry::{Astrometry, Motion};
pub use direction::Direction;
pub use error::Error;
#[cfg(feature = "moc")]
pub use moc::Moc;
#[cfg(feature = "regions")]
pub use region::{CellRange, Cone, Cost, Coverage, EllipticalCone, Polygon, Region, SkyBox, Zone};
pub use track::Track;
