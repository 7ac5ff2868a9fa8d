//! Header keywords to a WCS and back.
//!
//! The caller's FITS library parses cards; this module asks it for the handful of keywords of the
//! first two axes. Alternate systems (CTYPE1A), PVi_m parameters and lookup-table distortions are
//! not read: the latter two move pixels, so their presence is an error and not a wrong answer.
//!
//! Greisen & Calabretta 2002, A&A 395, 1061 (CD, PC, CDELT, CUNIT); Calabretta & Greisen 2002,
//! A&A 395, 1077 (CTYPE, LONPOLE, CROTA in section 6.1); Shupe et al. 2005, ADASS XIV, ASP 347, 491.

use std::fmt;

use crate::Error;
use crate::sip::{MAX_ORDER, Sip, pairs};
use crate::wcs::{Wcs, default_lonpole_deg};

/// A header value as the caller's FITS library gave it.
#[derive(Clone, Debug, PartialEq)]
pub enum Keyword {
    /// An integer or floating-point value.
    Number(f64),
    /// A character string; trailing blanks do not matter.
    Text(String),
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(text) => write!(f, "'{text}'"),
        }
    }
}

const WANTED_CTYPE: &str = "'RA---TAN' and 'DEC--TAN' or 'RA---TAN-SIP' and 'DEC--TAN-SIP', in either order";
const WANTED_CUNIT: &str = "'deg', 'arcmin', 'arcsec', 'mas' or 'rad'";

/// Keywords of distortions that are not applied here.
const REFUSED: [(&str, &str); 8] = [
    ("PV1_1", "no PVi_m, or the header converted from TPV to SIP"),
    ("PV2_1", "no PVi_m, or the header converted from TPV to SIP"),
    ("CPDIS1", "no lookup-table distortion"),
    ("CPDIS2", "no lookup-table distortion"),
    ("CQDIS1", "no lookup-table distortion"),
    ("CQDIS2", "no lookup-table distortion"),
    ("D2IMDIS1", "no lookup-table distortion"),
    ("D2IMDIS2", "no lookup-table distortion"),
];

impl Wcs {
    /// Reads the system of the first two axes from a header.
    ///
    /// `lookup` returns the value of a keyword, None if it is not in the header. Read are CTYPEi
    /// (either axis order), CRVALi, CRPIXi, CUNITi, LONPOLE, A_ORDER, B_ORDER, A_p_q, B_p_q, and
    /// CDi_j, or CDELTi with PCi_j or CROTAi. Terms of a matrix that are left out have the
    /// standard's defaults. SIP is applied if A_ORDER and B_ORDER are there, as astropy does,
    /// whether or not CTYPE says `-SIP`.
    ///
    /// # Errors
    /// [`Error::MissingKeyword`] and [`Error::BadKeyword`] name the keyword, what was found and
    /// what was wanted; [`Error::SingularMatrix`].
    pub fn from_keywords(lookup: impl Fn(&str) -> Option<Keyword>) -> Result<Self, Error> {
        let header = Header(lookup);
        let lon = header.longitude_axis()?;
        for (keyword, wanted) in REFUSED {
            if let Some(found) = (header.0)(keyword) {
                return Err(bad(keyword, &found, wanted));
            }
        }
        let axes = if lon == 1 { [1, 2] } else { [2, 1] };
        let units = [header.unit_deg(axes[0])?, header.unit_deg(axes[1])?];
        let mut crval_deg = [0.0; 2];
        for i in 0..2 {
            crval_deg[i] = header.required(&format!("CRVAL{}", axes[i]))? * units[i];
        }
        let crpix = [header.required("CRPIX1")?, header.required("CRPIX2")?];
        let rows = header.matrix(axes)?;
        let cd = [0, 1].map(|i| rows[i].map(|value| value * units[i]));
        let lonpole_deg = header.number("LONPOLE")?.unwrap_or_else(|| default_lonpole_deg(crval_deg[1]));
        if crval_deg[1].abs() > 90.0 {
            let keyword = format!("CRVAL{}", axes[1]);
            let found = Keyword::Number(crval_deg[1] / units[1]);
            return Err(bad(&keyword, &found, "a declination of -90..=90 degrees"));
        }
        let wcs = Self::with_lonpole(crval_deg, crpix, cd, lonpole_deg)?;
        Ok(match header.distortion()? {
            Some([a, b]) => wcs.with_sip(a, b),
            None => wcs,
        })
    }

    /// Keywords, values and comments that describe this system, in the order of a header.
    ///
    /// [`Wcs::from_keywords`] makes an equal system of them. Coefficients of SIP that are 0 are
    /// left out.
    pub fn keywords(&self) -> Vec<(String, Keyword, &'static str)> {
        let text = |value: &str| Keyword::Text(value.to_owned());
        let suffix = if self.is_linear() { "" } else { "-SIP" };
        let projection = if self.is_linear() { "gnomonic projection" } else { "gnomonic projection + SIP" };
        let ([ra, dec], [x, y], cd) = (self.crval_deg(), self.crpix(), self.cd());
        let mut cards: Vec<(String, Keyword, &'static str)> = vec![
            ("CTYPE1".into(), Keyword::Text(format!("RA---TAN{suffix}")), projection),
            ("CTYPE2".into(), Keyword::Text(format!("DEC--TAN{suffix}")), projection),
            ("CUNIT1".into(), text("deg"), "unit of axis 1"),
            ("CUNIT2".into(), text("deg"), "unit of axis 2"),
            ("CRVAL1".into(), Keyword::Number(ra), "[deg] right ascension at CRPIX"),
            ("CRVAL2".into(), Keyword::Number(dec), "[deg] declination at CRPIX"),
            ("CRPIX1".into(), Keyword::Number(x), "[pixel] reference column, first is 1"),
            ("CRPIX2".into(), Keyword::Number(y), "[pixel] reference row, first is 1"),
            ("CD1_1".into(), Keyword::Number(cd[0][0]), "[deg/pixel] linear transformation"),
            ("CD1_2".into(), Keyword::Number(cd[0][1]), "[deg/pixel] linear transformation"),
            ("CD2_1".into(), Keyword::Number(cd[1][0]), "[deg/pixel] linear transformation"),
            ("CD2_2".into(), Keyword::Number(cd[1][1]), "[deg/pixel] linear transformation"),
            (
                "LONPOLE".into(),
                Keyword::Number(self.lonpole_deg()),
                "[deg] native longitude of celestial pole",
            ),
        ];
        if let Some((a, b)) = self.sip() {
            for (letter, sip) in [('A', a), ('B', b)] {
                let order = Keyword::Number(sip.order() as f64);
                cards.push((format!("{letter}_ORDER"), order, "polynomial order of SIP distortion"));
                cards.extend(sip.terms().map(|((p, q), value)| {
                    (format!("{letter}_{p}_{q}"), Keyword::Number(value), "SIP distortion coefficient")
                }));
            }
        }
        cards
    }
}

/// A lookup function with questions this module asks it.
struct Header<F>(F);

impl<F: Fn(&str) -> Option<Keyword>> Header<F> {
    /// A number that may be absent.
    fn number(&self, keyword: &str) -> Result<Option<f64>, Error> {
        match (self.0)(keyword) {
            None => Ok(None),
            Some(Keyword::Number(value)) if value.is_finite() => Ok(Some(value)),
            Some(found) => Err(bad(keyword, &found, "a finite number")),
        }
    }

    fn required(&self, keyword: &str) -> Result<f64, Error> {
        let missing = || Error::MissingKeyword { keyword: keyword.to_owned(), wanted: "a number" };
        self.number(keyword)?.ok_or_else(missing)
    }

    /// Which axis, 1 or 2, is right ascension.
    fn longitude_axis(&self) -> Result<usize, Error> {
        let mut names = Vec::with_capacity(2);
        for keyword in ["CTYPE1", "CTYPE2"] {
            let Some(found) = (self.0)(keyword) else {
                return Err(Error::MissingKeyword { keyword: keyword.to_owned(), wanted: WANTED_CTYPE });
            };
            let name = match &found {
                Keyword::Text(text) => match text.trim_end() {
                    "RA---TAN" | "RA---TAN-SIP" => Some("RA"),
                    "DEC--TAN" | "DEC--TAN-SIP" => Some("DEC"),
                    _ => None,
                },
                Keyword::Number(_) => None,
            };
            match name {
                Some(name) if !names.contains(&name) => names.push(name),
                _ => return Err(bad(keyword, &found, WANTED_CTYPE)),
            }
        }
        Ok(if names[0] == "RA" { 1 } else { 2 })
    }

    /// Degrees in the unit of an axis.
    fn unit_deg(&self, axis: usize) -> Result<f64, Error> {
        let keyword = format!("CUNIT{axis}");
        let Some(found) = (self.0)(&keyword) else {
            return Ok(1.0);
        };
        let Keyword::Text(text) = &found else {
            return Err(bad(&keyword, &found, WANTED_CUNIT));
        };
        match text.trim() {
            "" | "deg" | "degree" | "degrees" => Ok(1.0),
            "arcmin" => Ok(1.0 / 60.0),
            "arcsec" => Ok(1.0 / 3600.0),
            "mas" => Ok(1.0 / 3_600_000.0),
            "rad" => Ok(1_f64.to_degrees()),
            _ => Err(bad(&keyword, &found, WANTED_CUNIT)),
        }
    }

    /// The linear part in the axes' own units, its rows in the order of `axes`.
    fn matrix(&self, axes: [usize; 2]) -> Result<[[f64; 2]; 2], Error> {
        let (cd, pc) = (self.terms("CD")?, self.terms("PC")?);
        if cd.iter().flatten().any(Option::is_some) {
            if pc.iter().flatten().any(Option::is_some) {
                let found = "in one header with PCi_j".to_owned();
                return Err(Error::BadKeyword { keyword: "CDi_j".into(), found, wanted: "one or the other" });
            }
            return Ok(axes.map(|i| [0, 1].map(|j| cd[i - 1][j].unwrap_or(0.0))));
        }
        let cdelt = axes.map(|i| self.number(&format!("CDELT{i}")));
        let [lon_step, lat_step] = match cdelt.map(|step| step.transpose()) {
            // A PC matrix may carry the scale, and CDELT its default of 1.
            [None, None] if pc.iter().flatten().any(Option::is_some) => [1.0, 1.0],
            [None, None] => {
                let keyword = "CD1_1".to_owned();
                return Err(Error::MissingKeyword {
                    keyword,
                    wanted: "CDi_j, or CDELTi with PCi_j or CROTA2",
                });
            }
            [lon, lat] => [lon.unwrap_or(Ok(1.0))?, lat.unwrap_or(Ok(1.0))?],
        };
        if pc.iter().flatten().any(Option::is_some) {
            let steps = [lon_step, lat_step];
            return Ok([0, 1].map(|row| {
                let i = axes[row];
                [1, 2].map(|j| steps[row] * pc[i - 1][j - 1].unwrap_or(f64::from(u8::from(i == j))))
            }));
        }
        let turn = self.number(&format!("CROTA{}", axes[1]))?.unwrap_or(0.0);
        let (sin, cos) = if turn == 0.0 { (0.0, 1.0) } else { turn.to_radians().sin_cos() };
        // Written for right ascension first; with the axes swapped the columns swap too.
        let rows = [[lon_step * cos, -lat_step * sin], [lon_step * sin, lat_step * cos]];
        Ok(if axes[0] == 1 { rows } else { rows.map(|[lon, lat]| [lat, lon]) })
    }

    /// The four keywords `{name}i_j`.
    fn terms(&self, name: &str) -> Result<[[Option<f64>; 2]; 2], Error> {
        let term = |i: usize, j: usize| self.number(&format!("{name}{i}_{j}"));
        Ok([[term(1, 1)?, term(1, 2)?], [term(2, 1)?, term(2, 2)?]])
    }

    /// The SIP polynomials A and B.
    fn distortion(&self) -> Result<Option<[Sip; 2]>, Error> {
        match (self.order('A')?, self.order('B')?) {
            (None, None) => Ok(None),
            (Some(a), Some(b)) => Ok(Some([self.sip('A', a)?, self.sip('B', b)?])),
            (a, _) => {
                let keyword = if a.is_none() { "A_ORDER" } else { "B_ORDER" };
                Err(Error::MissingKeyword { keyword: keyword.into(), wanted: "A_ORDER and B_ORDER together" })
            }
        }
    }

    fn order(&self, letter: char) -> Result<Option<usize>, Error> {
        let keyword = format!("{letter}_ORDER");
        let Some(value) = self.number(&keyword)? else {
            return Ok(None);
        };
        let Some(order) = (0..=MAX_ORDER).find(|&order| order as f64 == value) else {
            return Err(bad(&keyword, &Keyword::Number(value), "a whole number, 0..=9"));
        };
        Ok(Some(order))
    }

    fn sip(&self, letter: char, order: usize) -> Result<Sip, Error> {
        let mut terms = Vec::new();
        for (p, q) in pairs(order) {
            if let Some(value) = self.number(&format!("{letter}_{p}_{q}"))? {
                terms.push(((p, q), value));
            }
        }
        Sip::new(order, terms)
    }
}

fn bad(keyword: &str, found: &Keyword, wanted: &'static str) -> Error {
    Error::BadKeyword { keyword: keyword.to_owned(), found: found.to_string(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(value: f64) -> Keyword {
        Keyword::Number(value)
    }

    fn text(value: &str) -> Keyword {
        Keyword::Text(value.to_owned())
    }

    fn sip_header() -> Vec<(String, Keyword)> {
        let cards: [(&str, Keyword); 17] = [
            ("CTYPE1", text("RA---TAN-SIP")),
            ("CTYPE2", text("DEC--TAN-SIP")),
            ("CRVAL1", number(311.69317068139264)),
            ("CRVAL2", number(-43.13247315750573)),
            ("CRPIX1", number(1045.0)),
            ("CRPIX2", number(1001.0)),
            ("CD1_1", number(0.005368078758578525)),
            ("CD1_2", number(-0.0018321609010365)),
            ("CD2_1", number(0.001965360126079205)),
            ("CD2_2", number(0.005409119677756225)),
            ("CUNIT1", text("deg     ")),
            ("A_ORDER", number(2.0)),
            ("A_2_0", number(-1.918e-5)),
            ("A_1_1", number(1.713e-5)),
            ("B_ORDER", number(3.0)),
            ("B_0_2", number(1.7e-5)),
            ("B_0_3", number(-2.7e-9)),
        ];
        cards.map(|(keyword, value)| (keyword.to_owned(), value)).to_vec()
    }

    fn read(cards: &[(String, Keyword)]) -> Result<Wcs, Error> {
        Wcs::from_keywords(|keyword| cards.iter().find(|card| card.0 == keyword).map(|card| card.1.clone()))
    }

    /// The message after one keyword of the example was changed, or removed where None.
    fn message(keyword: &str, value: Option<Keyword>) -> String {
        let mut cards = sip_header();
        cards.retain(|card| card.0 != keyword);
        cards.extend(value.map(|value| (keyword.to_owned(), value)));
        read(&cards).unwrap_err().to_string()
    }

    #[test]
    fn keywords_are_read_again_to_an_equal_wcs() {
        let wcs = read(&sip_header()).unwrap();
        let again: Vec<_> = wcs.keywords().into_iter().map(|(keyword, value, _)| (keyword, value)).collect();
        assert_eq!(read(&again).unwrap(), wcs);
        assert!(!wcs.is_linear());
        assert_eq!(wcs.sip().unwrap().1.order(), 3);
    }

    #[test]
    fn comments_fit_a_card() {
        for (keyword, value, comment) in read(&sip_header()).unwrap().keywords() {
            assert!(keyword.len() <= 8);
            let width = if matches!(value, Keyword::Text(_)) { 20 } else { 24 };
            assert!(10 + width + 3 + comment.len() <= 80, "{keyword}");
        }
    }

    #[test]
    fn errors_name_the_keyword_and_both_sides() {
        assert_eq!(
            message("CTYPE1", Some(text("RA---SIN"))),
            "CTYPE1 is 'RA---SIN', expected 'RA---TAN' and 'DEC--TAN' or 'RA---TAN-SIP' and \
             'DEC--TAN-SIP', in either order"
        );
        assert!(message("CTYPE2", Some(text("RA---TAN"))).starts_with("CTYPE2 is 'RA---TAN', expected"));
        assert!(message("CTYPE2", Some(number(1.0))).starts_with("CTYPE2 is 1, expected"));
        assert!(message("CTYPE1", None).starts_with("CTYPE1 is missing"));
        assert!(message("CRVAL1", None).starts_with("CRVAL1 is missing, expected a number"));
        assert_eq!(message("CRPIX2", Some(text("x"))), "CRPIX2 is 'x', expected a finite number");
        assert_eq!(
            message("CRVAL2", Some(number(-91.0))),
            "CRVAL2 is -91, expected a declination of -90..=90 degrees"
        );
        assert_eq!(message("CD1_1", Some(number(f64::NAN))), "CD1_1 is NaN, expected a finite number");
        assert!(message("CUNIT1", Some(text("furlong"))).starts_with("CUNIT1 is 'furlong', expected 'deg'"));
        assert!(message("B_ORDER", None).starts_with("B_ORDER is missing"));
        assert!(message("PC1_1", Some(number(1.0))).starts_with("CDi_j is in one header with PCi_j"));
        assert!(message("PV2_1", Some(number(1.0))).starts_with("PV2_1 is 1, expected no PVi_m"));
        assert!(message("LONPOLE", Some(number(f64::INFINITY))).starts_with("LONPOLE is inf"));
    }

    #[test]
    fn an_order_that_is_no_small_whole_number_is_refused() {
        for order in [-1.0, 10.0, 1e300, 2.5, f64::NAN, f64::INFINITY] {
            assert!(message("A_ORDER", Some(number(order))).starts_with("A_ORDER is"), "{order}");
        }
    }

    #[test]
    fn coefficients_that_are_no_numbers_are_refused() {
        assert_eq!(message("A_1_1", Some(number(f64::NAN))), "A_1_1 is NaN, expected a finite number");
        assert_eq!(message("B_0_0", Some(text("a"))), "B_0_0 is 'a', expected a finite number");
    }

    #[test]
    fn a_header_without_a_scale_is_refused() {
        let mut cards = sip_header();
        cards.retain(|card| !card.0.starts_with("CD"));
        assert!(read(&cards).unwrap_err().to_string().starts_with("CD1_1 is missing"));
        cards.push(("CDELT1".into(), number(f64::NAN)));
        assert!(read(&cards).unwrap_err().to_string().starts_with("CDELT1 is NaN"));
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        let mut cards = sip_header();
        cards.retain(|card| card.0 != "CD2_2" && card.0 != "CD1_1");
        cards.retain(|card| card.0 != "CD2_1");
        assert!(matches!(read(&cards), Err(Error::SingularMatrix { .. })));
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_or_the_wcs_panic(
            picks in prop::collection::vec((0..17_usize, prop_oneof![any::<f64>(), -3.0..12.0_f64]), 0..6),
            x in any::<f64>(),
            y in any::<f64>(),
        ) {
            let mut cards = sip_header();
            for (index, value) in picks {
                if matches!(cards[index].1, Keyword::Number(_)) {
                    cards[index].1 = number(value);
                }
            }
            if let Ok(wcs) = read(&cards) {
                let (ra, dec) = wcs.pixel_to_sky(x, y);
                prop_assert!(ra.is_nan() || (0.0..360.0).contains(&ra));
                let _ = wcs.sky_to_pixel(ra, dec);
                let _ = wcs.sky_to_pixel(x, y.clamp(-90.0, 90.0));
                let _ = wcs.sky_to_pixel_near(10.0, 10.0, (x, y));
                let again: Vec<_> = wcs.keywords().into_iter().map(|card| (card.0, card.1)).collect();
                prop_assert_eq!(read(&again).unwrap(), wcs);
            }
        }

        #[test]
        fn what_is_found_is_what_was_asked(u in -1045.0..1100.0_f64, v in -1001.0..1100.0_f64) {
            let wcs = read(&sip_header()).unwrap();
            let (ra, dec) = wcs.pixel_to_sky(u, v);
            let (x, y) = wcs.sky_to_pixel(ra, dec).unwrap();
            prop_assert!((x - u).hypot(y - v) < 1e-9);
        }
    }
}
