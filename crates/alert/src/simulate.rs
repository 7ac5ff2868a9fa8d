//! Nights of alerts with a known truth.
//!
//! Alerts are made from a real packet of ZTF: its schema, cutouts and most measurements stay, while number, object,
//! position, time, magnitudes, scores and history follow a model of the object that the truth tells: supernovae in
//! galaxies, kilonovae, variable stars, asteroids and bogus detections. The same seed gives the same bytes on every
//! machine: random numbers are counted from it, and elementary functions are `libm`'s.
//!
//! What the models are: a supernova rises for 15 days by 0.2 magnitudes a day and falls by 0.05, 3 to 30 pixels from the
//! centre of a galaxy; a kilonova falls by 0.5 a day; a star varies as a sine of half a magnitude; an asteroid has no
//! history; a bogus detection has a low score and bad pixels. Fainter than 20.5 the history has limits, not magnitudes.

pub mod fs;
mod model;
mod night;
mod random;

pub use model::{Kind, Truth};
pub use night::{NightOptions, Simulated};
