//! Directions, angles and tracks on the celestial sphere.
//!
//! A [`Direction`] is a place on the sky in ICRS, an [`Angle`] a distance or a turn with its unit
//! forgotten only after it was said, and a [`Track`] the places of something that moves.
//!
//! Not here: frames other than ICRS, aberration and refraction, anything about pixels.

mod angle;
mod direction;
mod error;
mod track;

pub use angle::Angle;
pub use direction::Direction;
pub use error::Error;
pub use track::Track;
