//! FITS world coordinates TAN and TAN-SIP, both ways, and linear fits.
//!
//! A [`Wcs`] is read from a header through a lookup function, so that any FITS library serves, and
//! turns pixels into positions on the sky and back. [`fit_stamp`] and [`fit_tan`] find the linear
//! WCS that comes closest to another one, or to matched points.
//!
//! Pixels are 0-based here: the centre of the first pixel is (0, 0). FITS counts from 1, and so do
//! CRPIX and only CRPIX in this crate. Positions are degrees in the frame of the header (RADESYS is
//! not looked at; TESS writes ICRS).
//!
//! Not here: projections other than TAN, lookup-table distortions, TPV, more than two axes.
//!
//! Calabretta & Greisen 2002, A&A 395, 1077 (TAN: section 5.1.3) and Shupe et al. 2005, ADASS XIV,
//! ASP 347, 491 (SIP). Checked against astropy to 1e-8 px.

mod error;
mod fit;
mod keywords;
mod sip;
mod tangent;
mod wcs;

pub use error::Error;
pub use fit::{LinearFit, fit_stamp, fit_tan};
pub use keywords::Keyword;
pub use sip::Sip;
pub use wcs::Wcs;
