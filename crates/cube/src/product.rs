//! The two kinds of full-frame images and the keywords in which they differ.
//!
//! SPOC: "TESS Science Data Products Description Document", EXP-TESS-ARC-ICD-0014, section 5. TICA: Fausnaugh et al.
//! 2020, RNAAS 4, 251.

use std::fmt;
use std::str::FromStr;

use uranometria_fits::{Hdu, HduKind, ImageLayout};

/// Who made the frames, and so how they are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// The mission's pipeline: a flux and an error plane in e-/s, times in BTJD (TDB, barycentric).
    Spoc,
    /// The quick-look product: one plane in electrons a frame, times in TJD at the spacecraft.
    Tica,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Product::Spoc => "SPOC",
            Product::Tica => "TICA",
        })
    }
}

impl FromStr for Product {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "spoc" => Ok(Product::Spoc),
            "tica" => Ok(Product::Tica),
            _ => Err(format!("product {text:?} is not known, expected spoc or tica")),
        }
    }
}

impl Product {
    /// Recognises the product from the HDUs of a frame.
    pub(crate) fn detect(hdus: &[Hdu]) -> Option<Self> {
        let is_image = |hdu: &Hdu| {
            matches!(hdu.kind, HduKind::Primary | HduKind::Image)
                && ImageLayout::of(hdu).is_ok_and(|layout| layout.axes.len() == 2)
        };
        let primary = hdus.first()?;
        if is_image(primary) && primary.header.number("STARTTJD").is_some() {
            return Some(Product::Tica);
        }
        let science = hdus.get(1)?;
        (is_image(science) && hdus.get(2).is_some_and(is_image) && science.header.number("TSTART").is_some())
            .then_some(Product::Spoc)
    }

    /// Recognises the product from the columns of a cube's frame table.
    pub(crate) fn of_columns(has: impl Fn(&str) -> bool) -> Option<Self> {
        if has("STARTTJD") { Some(Product::Tica) } else { has("TSTART").then_some(Product::Spoc) }
    }

    /// Planes in the cube: flux and error, or flux alone.
    pub fn planes(self) -> usize {
        match self {
            Product::Spoc => 2,
            Product::Tica => 1,
        }
    }

    /// The HDU of the first plane in a frame.
    pub(crate) fn science_hdu(self) -> usize {
        match self {
            Product::Spoc => 1,
            Product::Tica => 0,
        }
    }

    /// Keyword of the start of a frame, days.
    pub fn start_keyword(self) -> &'static str {
        match self {
            Product::Spoc => "TSTART",
            Product::Tica => "STARTTJD",
        }
    }

    /// Keyword of the end of a frame, days.
    pub fn stop_keyword(self) -> &'static str {
        match self {
            Product::Spoc => "TSTOP",
            Product::Tica => "ENDTJD",
        }
    }

    /// Keyword of the middle of a frame, days; SPOC has none, its middle is the mean of start and stop.
    pub fn middle_keyword(self) -> Option<&'static str> {
        match self {
            Product::Spoc => None,
            Product::Tica => Some("MIDTJD"),
        }
    }

    /// Keyword of the barycentric correction in days; TICA's times have none.
    pub fn barycentric_keyword(self) -> Option<&'static str> {
        match self {
            Product::Spoc => Some("BARYCORR"),
            Product::Tica => None,
        }
    }

    /// Keyword of the number of a frame in the mission's count.
    pub fn cadence_keyword(self) -> &'static str {
        match self {
            Product::Spoc => "FFIINDEX",
            Product::Tica => "CADENCE",
        }
    }

    /// Keyword of the quality flags of a frame.
    pub fn quality_keyword(self) -> &'static str {
        match self {
            Product::Spoc => "DQUALITY",
            Product::Tica => "QUAL_BIT",
        }
    }

    /// Keywords of camera and CCD, each 1 to 4.
    pub fn chip_keywords(self) -> [&'static str; 2] {
        match self {
            Product::Spoc => ["CAMERA", "CCD"],
            Product::Tica => ["CAMNUM", "CCDNUM"],
        }
    }

    /// The unit of the flux plane.
    pub fn flux_unit(self) -> &'static str {
        match self {
            Product::Spoc => "e-/s",
            Product::Tica => "electrons",
        }
    }
}
