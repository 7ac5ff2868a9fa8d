//! Light curves as FITS that lightkurve opens as it opens the mission's.
//!
//! PRIMARY, LIGHTCURVE and one APERTURE for each target pixel file. The layout is that of the mission's light curves
//! with two differences: there is no PDCSAP_FLUX, since no systematics were corrected, and FLUX stands in its place,
//! which `lightkurve.read` prefers to it. Equal light curves give equal bytes: there is no DATE.
//!
//! TESS Science Data Products Description Document, EXP-TESS-ARC-ICD-0014.

use uranometria_fits::checksum::sealed_hdu;
use uranometria_fits::{Card, ColumnSpec, Header, IntoValue, Value, table_header};

use super::{Background, FluxUnit, LightCurve, Part};
use crate::Error;
use crate::aperture::Aperture;

/// The bit of the APERTURE image that marks the pixels summed.
const SUMMED: i32 = 2;

/// The bit of the APERTURE image that marks the pixels from which the background was measured.
const BACKGROUND: i32 = 4;

/// What the primary header takes over from the target pixel files where they agree.
const OF_TARGET: &[&str] = &[
    "SIMDATA", "INSTRUME", "DATA_REL", "FFI_TYPE", "OBJECT", "TICID", "SECTOR", "CAMERA", "CCD", "RADESYS",
    "EQUINOX", "RA_OBJ", "DEC_OBJ", "PMRA", "PMDEC", "PMTOTAL", "TESSMAG", "TEFF", "LOGG", "MH", "RADIUS",
    "TICVER",
];

/// What the header of the table takes over from the target pixel files where they agree.
const OF_EXPOSURE: &[&str] = &[
    "EXPOSURE", "LIVETIME", "DEADC", "TIMEPIXR", "TIERRELA", "INT_TIME", "READTIME", "FRAMETIM", "NUM_FRM",
    "TIMEDEL", "NREADOUT", "DEADAPP", "VIGNAPP",
];

/// How the world coordinates in the header of an aperture image begin.
const OF_SKY: &[&str] = &[
    "WCSAXES", "CTYPE", "CRPIX", "CRVAL", "CUNIT", "CDELT", "PC1_", "PC2_", "CD1_", "CD2_", "LONPOLE",
    "LATPOLE", "RADESYS", "EQUINOX", "WCSNAME", "WCS_MSEP", "WCS_SIG",
];

/// Writes a light curve as the bytes of a FITS file.
///
/// The columns of HDU 1 are TIME (D), TIMECORR, CADENCENO, SAP_FLUX, SAP_FLUX_ERR, SAP_BKG, SAP_BKG_ERR, FLUX and
/// FLUX_ERR (both as SAP_FLUX), QUALITY and, where rows of several sectors are joined, SECTOR. Fluxes are in single
/// precision, missing ones NaN. In APERTURE bit 1 marks the pixels collected, 2 those summed, 4 those of the
/// background, 1024 collateral ones. Keywords of the target pixel files are kept where all parts agree.
///
/// # Errors
/// [`Error::Length`].
pub fn to_fits(curve: &LightCurve) -> Result<Vec<u8>, Error> {
    curve.check()?;
    let mut bytes = sealed_hdu(primary(curve), &[]);
    bytes.extend(table(curve));
    for (n, part) in (1..).zip(&curve.parts) {
        bytes.extend(aperture(part, n));
    }
    Ok(bytes)
}

fn primary(curve: &LightCurve) -> Header {
    let mut header = Header::primary();
    header.set("NEXTEND", 1 + curve.parts.len(), "number of standard extensions");
    header.set("EXTNAME", "PRIMARY", "name of extension");
    header.set("ORIGIN", "Uranometria", "institution responsible for creating this file");
    header.set("CREATOR", "Uranometria LightCurve", "software that made this file");
    header.set("PROCVER", env!("CARGO_PKG_VERSION"), "its version");
    header.set("TIMVERSN", "OGIP/93-003", "OGIP memo number for file format");
    header.set("TELESCOP", "TESS", "telescope");
    copy_agreed(curve, OF_TARGET, &mut header);
    header
}

fn table(curve: &LightCurve) -> Vec<u8> {
    let flux = |name: &str, comment: &str| ColumnSpec {
        comment: comment.into(),
        unit: curve.unit.name().map(str::to_string),
        display: Some("E14.7".into()),
        ..ColumnSpec::new(name, "E")
    };
    let other = |name: &str, form: &str, unit: Option<&str>, display: &str, comment: &str| ColumnSpec {
        comment: comment.into(),
        unit: unit.map(str::to_string),
        display: Some(display.into()),
        ..ColumnSpec::new(name, form)
    };
    // A column SECTOR hides the keyword from lightkurve, which sorts light curves by it.
    let sectors = curve.sector.windows(2).any(|pair| pair[0] != pair[1]);
    let days = format!("{}, days", curve.time_reference());
    let mut columns = vec![
        other("TIME", "D", Some(&days), "D14.7", "mid-time of the frame"),
        other("TIMECORR", "E", Some("d"), "E14.7", "barycentric correction in TIME"),
        other("CADENCENO", "J", None, "I10", "cadence number"),
        flux("SAP_FLUX", "sum over the aperture minus SAP_BKG"),
        flux("SAP_FLUX_ERR", "standard error of SAP_FLUX"),
        flux("SAP_BKG", "background subtracted"),
        flux("SAP_BKG_ERR", "standard error of SAP_BKG"),
        flux("FLUX", "the same as SAP_FLUX"),
        flux("FLUX_ERR", "the same as SAP_FLUX_ERR"),
        other("QUALITY", "J", None, "B16.16", "quality flags"),
    ];
    if sectors {
        columns.push(other("SECTOR", "J", None, "I10", "sector, 0 if not known"));
    }
    let row_len = 8 + 4 * (columns.len() - 1);
    let mut data = Vec::with_capacity(row_len * curve.len());
    for row in curve.rows() {
        data.extend(row.time.to_be_bytes());
        data.extend(row.timecorr.to_be_bytes());
        data.extend(row.cadenceno.to_be_bytes());
        let [flux, flux_err, ..] = row.values;
        for value in row.values.into_iter().chain([flux, flux_err]) {
            data.extend((value as f32).to_be_bytes());
        }
        data.extend(row.quality.to_be_bytes());
        if sectors {
            data.extend(row.sector.to_be_bytes());
        }
    }
    let mut header = table_header(&columns, row_len, curve.len(), |_, _| {});
    header.set("EXTNAME", "LIGHTCURVE", "name of extension");
    set_times(curve, &mut header);
    copy_agreed(curve, OF_EXPOSURE, &mut header);
    let subtracted = curve.parts.iter().any(|part| part.background != Background::None);
    header.set("BACKAPP", subtracted, "background is subtracted");
    if curve.unit == FluxUnit::Relative {
        // lightkurve knows a normalised light curve by this keyword, which is too long for a plain card.
        header.set("NORMALIZED", true, "fluxes are divided");
    }
    for text in remarks(curve, subtracted) {
        header.push(Card::commentary("COMMENT", text));
    }
    sealed_hdu(header, &data)
}

/// What a reader should know before using the numbers.
fn remarks(curve: &LightCurve, subtracted: bool) -> Vec<&'static str> {
    let mut remarks = vec![
        "Aperture photometry. No correction of systematics was applied; there",
        "is no PDCSAP_FLUX. FLUX and FLUX_ERR repeat SAP_FLUX and SAP_FLUX_ERR",
        "for programs that look for these names.",
    ];
    remarks.extend(match subtracted {
        true => [
            "SAP_BKG is the clipped median of the background pixels (bit 4 of the",
            "APERTURE image) times the pixels summed. It was subtracted.",
        ],
        false => ["No background was subtracted by this program; SAP_BKG is 0.", ""],
    });
    if curve.unit == FluxUnit::Relative {
        remarks.extend([
            "All fluxes of a sector are divided by the median of its unflagged",
            "fluxes, NORMMED in the header of its APERTURE image.",
        ]);
    }
    remarks.retain(|remark| !remark.is_empty());
    remarks
}

/// The keywords of time: the scale of the parts, the first start and the last stop.
fn set_times(curve: &LightCurve, header: &mut Header) {
    header.set("TIMESYS", "TDB", "time system");
    header.set("BJDREFI", 2_457_000, "integer part of BTJD reference date");
    header.set("BJDREFF", 0.0, "fraction of the day in BTJD reference date");
    header.set("TIMEUNIT", "d", "time unit of TIME, TSTART and TSTOP");
    copy_agreed(curve, &["TIMEREF", "TASSIGN", "TIMESYS"], header);
    let numbers = |keyword| curve.parts.iter().filter_map(move |part| part.number(keyword));
    let start = numbers("TSTART").reduce(f64::min);
    let stop = numbers("TSTOP").reduce(f64::max);
    if let Some(start) = start {
        header.set("TSTART", start, "start of the first frame in BTJD");
    }
    if let Some(stop) = stop {
        header.set("TSTOP", stop, "stop of the last frame in BTJD");
    }
    if let (Some(start), Some(stop)) = (start, stop) {
        header.set("TELAPSE", stop - start, "[d] TSTOP - TSTART");
    }
    copy_agreed(curve, &["DATE-OBS", "DATE-END"], header);
}

/// Copies the cards that are the same in all parts; the comment is that of the first.
fn copy_agreed(curve: &LightCurve, keywords: &[&str], header: &mut Header) {
    for keyword in keywords {
        let card = |part: &Part| part.header_with(keyword)?.card(keyword).cloned();
        let Some(Some(first)) = curve.parts.first().map(card) else { continue };
        let same = |part: &Part| card(part).is_some_and(|card| card.value == first.value);
        if let Some(value) = first.value.clone().filter(|_| curve.parts.iter().all(same)) {
            header.set(keyword, Copied(value), first.comment);
        }
    }
}

/// A value as it stood in another header.
struct Copied(Value);

impl IntoValue for Copied {
    fn into_value(self) -> Value {
        match self.0 {
            // Text that no header can hold as a number is kept as text.
            Value::Invalid(text) => Value::Text(text),
            value => value,
        }
    }
}

/// The APERTURE image of one part.
fn aperture(part: &Part, version: usize) -> Vec<u8> {
    let Part { aperture, background_mask, bits, .. } = part;
    let mut header = Header::image_extension(32, &[aperture.columns(), aperture.rows()]);
    header.set("EXTNAME", "APERTURE", "name of extension");
    header.set("EXTVER", version, "number of the target pixel file");
    if let Some(sky) = &part.aperture_header {
        let wanted = |card: &&Card| OF_SKY.iter().any(|stem| card.keyword.starts_with(stem));
        for card in sky.cards().iter().filter(wanted) {
            header.push(card.clone());
        }
    }
    set_corner(part, &mut header);
    for keyword in ["SECTOR", "CAMERA", "CCD"] {
        if let Some(number) = part.integer(keyword) {
            header.set(keyword, number, "");
        }
    }
    if !part.origin.is_empty() {
        header.set("TPFFILE", part.origin.as_str(), "target pixel file");
    }
    header.set("NPIXSAP", aperture.count(), "number of pixels summed");
    if let Background::Annulus { inner, outer } = part.background {
        let count = background_mask.iter().filter(|inside| **inside).count();
        header.set("NPIXBKG", count, "number of pixels of the background");
        header.set("BKGINNER", inner, "[pixel] nearest distance from the aperture");
        header.set("BKGOUTER", outer, "[pixel] farthest distance asked for");
    }
    if let Some(median) = part.normalised_by {
        header.set("NORMMED", median, "median by which the fluxes were divided");
    }
    for text in [
        "Bit 1 (value 1): collected. Bit 2 (2): summed into SAP_FLUX. Bit 3 (4):",
        "used for SAP_BKG. Bit 11 (1024): collateral pixel, without sky.",
    ] {
        header.push(Card::commentary("COMMENT", text));
    }
    let data: Vec<u8> = pixels(aperture, background_mask, bits).flat_map(i32::to_be_bytes).collect();
    sealed_hdu(header, &data)
}

fn pixels<'a>(
    aperture: &'a Aperture,
    background: &'a [bool],
    bits: &'a [i32],
) -> impl Iterator<Item = i32> + 'a {
    aperture.mask().iter().enumerate().map(|(at, &summed)| {
        let background = background.get(at).is_some_and(|inside| *inside);
        let bits = bits.get(at).copied().unwrap_or(0);
        bits | if summed { SUMMED } else { 0 } | if background { BACKGROUND } else { 0 }
    })
}

/// The CCD column and row of the first pixel, as the second coordinate system of the image.
fn set_corner(part: &Part, header: &mut Header) {
    let [Some(column), Some(row)] = part.corner else { return };
    header.set("WCSNAMEP", "PHYSICAL", "name of the coordinates on the chip");
    header.set("WCSAXESP", 2, "number of their axes");
    for (axis, (name, first)) in (1..).zip([("RAWX", column), ("RAWY", row)]) {
        header.set(&format!("CTYPE{axis}P"), name, "column or row of the chip");
        header.set(&format!("CUNIT{axis}P"), "PIXEL", "");
        header.set(&format!("CRPIX{axis}P"), 1.0, "");
        header.set(&format!("CRVAL{axis}P"), f64::from(first), "of the first pixel, from 1");
        header.set(&format!("CDELT{axis}P"), 1.0, "");
    }
}

#[cfg(test)]
mod tests {
    use uranometria_fits::{TableLayout, checksum, read_hdus};

    use super::*;
    use crate::lightcurve::{join, stitch};
    use crate::tpf::testing::File;

    fn curve(sector: i32, background: Background) -> LightCurve {
        let mut file = File::new(
            4,
            5,
            5,
            |frame, row, column| {
                if (row, column) == (2, 2) { 100.0 + frame as f32 } else { 1.0 }
            },
        );
        file.sector = sector;
        file.aperture[0] = 1025;
        let tpf = file.tpf();
        let mask = (0..25).map(|at| at == 12).collect();
        LightCurve::extract(&tpf, &Aperture::new(5, 5, mask).unwrap(), background).unwrap()
    }

    #[test]
    fn a_written_light_curve_has_valid_checksums_and_the_columns_read_back() {
        let curve = curve(27, Background::default()).with_origin("tpf.fits");
        let bytes = to_fits(&curve).unwrap();
        assert_eq!(bytes, to_fits(&curve).unwrap());
        let hdus = read_hdus(&bytes).unwrap();
        assert_eq!(
            hdus.iter().map(|hdu| hdu.name()).collect::<Vec<_>>(),
            ["PRIMARY", "LIGHTCURVE", "APERTURE"]
        );
        for hdu in &hdus {
            assert!(checksum::verify(&bytes, hdu).unwrap());
        }
        let layout = TableLayout::of(&hdus[1]).unwrap();
        let data = hdus[1].read_data(&bytes).unwrap();
        let last = layout.rows(&data).nth(3).unwrap();
        let number = |name: &str| layout.column(name).unwrap().number(last).unwrap();
        assert_eq!((number("TIME"), number("CADENCENO")), (curve.time[3], 3.0));
        assert_eq!((layout.find("SECTOR"), hdus[0].header.integer("SECTOR")), (None, Some(27)));
        assert_eq!((number("SAP_FLUX"), number("FLUX"), number("SAP_BKG")), (102.0, 102.0, 1.0));
        let image = hdus[2].read_data(&bytes).unwrap();
        assert_eq!(image[..4], 1025_i32.to_be_bytes());
        assert_eq!(image[4 * 12..][..4], 3_i32.to_be_bytes());
        assert_eq!(image[4 * 10..][..4], 5_i32.to_be_bytes());
        assert_eq!(hdus[2].header.text("TPFFILE"), Some("tpf.fits"));
        assert_eq!(hdus[2].header.number("CRVAL1P"), Some(1628.0));
    }

    #[test]
    fn joined_sectors_have_an_aperture_each_and_no_sector_of_the_whole() {
        let mut curves = vec![curve(1, Background::None), curve(2, Background::None)];
        curves[1].time.iter_mut().for_each(|time| *time += 27.0);
        let bytes = to_fits(&join(curves.clone()).unwrap()).unwrap();
        let hdus = read_hdus(&bytes).unwrap();
        assert_eq!(hdus[0].header.integer("SECTOR"), None);
        let sectors: Vec<_> = hdus[2..].iter().map(|hdu| hdu.header.integer("SECTOR")).collect();
        assert_eq!(sectors, [Some(1), Some(2)]);
        let layout = TableLayout::of(&hdus[1]).unwrap();
        assert_eq!(layout.column("FLUX").unwrap().unit.as_deref(), Some("e-/s"));
        let data = hdus[1].read_data(&bytes).unwrap();
        let sector = |row: &[u8]| layout.column("SECTOR").unwrap().integer(row).unwrap();
        assert_eq!(layout.rows(&data).map(sector).collect::<Vec<_>>(), [1, 1, 1, 1, 2, 2, 2, 2]);

        let bytes = to_fits(&stitch(curves).unwrap()).unwrap();
        let hdus = read_hdus(&bytes).unwrap();
        assert_eq!(TableLayout::of(&hdus[1]).unwrap().column("FLUX").unwrap().unit, None);
        assert_eq!(hdus[1].header.logical("NORMALIZED"), Some(true));
        assert_eq!(hdus[2].header.number("NORMMED"), Some(101.5));
    }
}
