//! The headers of a cutout: what the mission's target pixel files and TESScut's say, told truly.
//!
//! Keywords: "TESS Science Data Products Description Document", EXP-TESS-ARC-ICD-0014, sections 4 and 5; world
//! coordinates of image columns in tables: FITS 4.0, section 8.3 and table 22.

use uranometria_cube::{Cell, Product, describes_pixels};
use uranometria_fits::{Card, Header, Source, Value};
use uranometria_wcs::Wcs;

use crate::{Cutout, Stamp};

/// Keywords of the science image that hold for all frames of a cutout.
const IMAGE_KEYWORDS: [&str; 31] = [
    "BACKAPP", "DEADAPP", "DEADC", "EXPOSURE", "FRAMETIM", "FXDOFF", "GAINA", "GAINB", "GAINC", "GAIND",
    "INT_TIME", "LIVETIME", "MEANBLCA", "MEANBLCB", "MEANBLCC", "MEANBLCD", "NREADOUT", "NUM_FRM",
    "READNOIA", "READNOIB", "READNOIC", "READNOID", "READTIME", "TIERRELA", "TIMEDEL", "TIMEPIXR", "VIGNAPP",
    "CRM", "CRM_N", "SPM", "EXPTIME",
];

impl<S: Source> Cutout<'_, S> {
    /// The primary header, without checksums.
    pub(crate) fn primary_header(&self) -> Header {
        let cube = self.cutter.cube();
        let mut header = Header::primary();
        for card in cube.primary().cards() {
            if let Some(value) = &card.value
                && card.keyword != "NSKIPPED"
                && !describes_pixels(&card.keyword)
            {
                header.set(&card.keyword, value.clone(), card.comment.clone());
            }
        }
        let product = cube.product();
        let comment = |header: &mut Header, keyword: &str, comment: &str| {
            if let Some(value) = header.get(keyword).cloned() {
                header.set(keyword, value, comment);
            }
        };
        header.set("EXTNAME", "PRIMARY", "name of extension");
        header.set("NEXTEND", 2, "number of standard extensions");
        header.set("ORIGIN", "Uranometria", "institution responsible for creating this file");
        comment(&mut header, "DATE", "creation date of the cube");
        header.set(
            "CREATOR",
            concat!("uranometria-cutout ", env!("CARGO_PKG_VERSION"), " TargetPixelFile"),
            "software that made this file",
        );
        comment(&mut header, "PROCVER", "software version of the frames");
        comment(&mut header, "FFIINDEX", "number of FFI cadence interval of first FFI");
        header.set("TELESCOP", "TESS", "telescope");
        header.set("FFI_TYPE", product.to_string(), "the FFI type used to make the cutout");
        let (ra, dec) = self.position.map_or((Value::Undefined, Value::Undefined), |position| {
            (Value::Real(position.ra_deg()), Value::Real(position.dec_deg()))
        });
        let moving = if self.is_moving() { " in the middle of the passage" } else { "" };
        header.set("RA_OBJ", ra, format!("[deg] right ascension{moving}"));
        header.set("DEC_OBJ", dec, format!("[deg] declination{moving}"));
        let (timeref, note) = match product {
            Product::Spoc => ("SOLARSYSTEM", "barycentric correction applied to times"),
            Product::Tica => ("LOCAL", "times at the spacecraft, no correction applied"),
        };
        header.set("TIMEREF", timeref, note);
        header.set("TASSIGN", "SPACECRAFT", "where time is assigned");
        header.set("TIMESYS", "TDB", "time system is Barycentric Dynamical Time (TDB)");
        header.set("BJDREFI", 2_457_000, "integer part of BTJD reference date");
        header.set("BJDREFF", 0.0, "fraction of the day in BTJD reference date");
        header.set("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP");
        if let (Some(start), Some(stop)) = (header.number("TSTART"), header.number("TSTOP")) {
            header.set("TELAPSE", stop - start, "[d] TSTOP - TSTART");
        }
        header.set("OBJECT", self.object.clone(), "name of the target");
        for (keyword, comment) in [
            ("TCID", "unique TESS target identifier"),
            ("PXTABLE", "pixel table ID"),
            ("PMRA", "[mas/yr] RA proper motion"),
            ("PMDEC", "[mas/yr] Dec proper motion"),
            ("PMTOTAL", "[mas/yr] total proper motion"),
            ("TESSMAG", "[mag] TESS magnitude"),
            ("TEFF", "[K] effective temperature"),
            ("LOGG", "[cm/s2] log10 surface gravity"),
            ("MH", "[log10([M/H])] metallicity"),
            ("RADIUS", "[solar radii] stellar radius"),
            ("TICVER", "TIC version"),
            ("TICID", "unique TESS target identifier"),
        ] {
            header.set(keyword, Value::Undefined, comment);
        }
        header
    }

    /// Adds what the frames say in common, and which frame gave the world coordinates.
    pub(crate) fn add_image_keywords(&self, header: &mut Header) {
        let cube = self.cutter.cube();
        let frames = cube.frames();
        let frame = self.wcs_frame.unwrap_or(frames.len() / 2);
        for keyword in IMAGE_KEYWORDS {
            let value = match frames.cell(frame, keyword) {
                Cell::Integer(number) => Value::Integer(number),
                Cell::Real(number) => Value::Real(number),
                Cell::Text(text) => Value::Text(text),
                Cell::Missing => continue,
            };
            header.push(Card::new(keyword, value, frames.comment(keyword).unwrap_or("")));
        }
        for (keyword, comment) in [
            ("CDPP0_5", "RMS CDPP on 0.5-hr time scales"),
            ("CDPP1_0", "RMS CDPP on 1.0-hr time scales"),
            ("CDPP2_0", "RMS CDPP on 2.0-hr time scales"),
            ("CROWDSAP", "ratio of target flux to total flux in op. ap."),
            ("FLFRCSAP", "frac. of target flux w/in the op. aperture"),
        ] {
            header.push(Card::new(keyword, Value::Undefined, comment));
        }
        if let Some(frame) = self.wcs_frame {
            let name = self.cutter.file_names[frame].clone();
            header.push(Card::new("WCS_FFI", Value::Text(name), "frame whose WCS was fitted"));
        }
    }

    /// Says of a moving target that the header is that of one frame.
    pub(crate) fn add_remark_on_motion(&self, header: &mut Header) {
        let lines = [
            "Moving target: every frame has a stamp of its own, whose first pixel",
            "is CCD column CORNER_COLUMN and row CORNER_ROW (from 1) of its row in",
            "the table. The stamp, its position and the bits of APERTURE are those",
            "of the frame in the middle of the passage, the world coordinates and",
            "the image keywords those of the frame that WCS_FFI names.",
        ];
        for line in lines.into_iter().filter(|_| self.is_moving()) {
            header.push(Card::commentary("COMMENT", format!(" {line}")));
        }
    }

    /// Repeats the primary's facts in an extension, as the mission's files do; undefined ones are not facts.
    pub(crate) fn inherit(&self, primary: &Header, header: &mut Header) {
        header.push(Card::new("INHERIT", Value::Logical(true), "inherit the primary header"));
        let known: Vec<String> = header.cards().iter().map(|card| card.keyword.clone()).collect();
        for card in primary.cards() {
            let structural = matches!(
                card.keyword.as_str(),
                "SIMPLE"
                    | "BITPIX"
                    | "NAXIS"
                    | "EXTEND"
                    | "NEXTEND"
                    | "EXTNAME"
                    | "EXTVER"
                    | "CHECKSUM"
                    | "DATASUM"
            );
            let known = known.contains(&card.keyword);
            if !structural && !known && card.value != Some(Value::Undefined) {
                header.push(card.clone());
            }
        }
    }

    /// The APERTURE header: image keywords, world coordinates, quality of the fit, meaning of the bits.
    pub(crate) fn aperture_header(&self, primary: &Header) -> Header {
        let mut header = Header::image_extension(32, &[self.stamp.columns, self.stamp.rows]);
        header.push(Card::new("EXTNAME", Value::Text("APERTURE".into()), "name of extension"));
        if let Some(fit) = &self.fit {
            for (keyword, value, comment) in celestial(&fit.wcs) {
                header.push(Card::new(keyword, value, comment));
            }
            physical(&self.stamp, |keyword, value, comment| {
                let keyword = match keyword {
                    "WCSN" => "WCSNAMEP",
                    "WCAX" => "WCSAXESP",
                    "1CTY" => "CTYPE1P",
                    "2CTY" => "CTYPE2P",
                    "1CUN" => "CUNIT1P",
                    "2CUN" => "CUNIT2P",
                    "1CRV" => "CRVAL1P",
                    "2CRV" => "CRVAL2P",
                    "1CDL" => "CDELT1P",
                    "2CDL" => "CDELT2P",
                    "1CRP" => "CRPIX1P",
                    _ => "CRPIX2P",
                };
                header.push(Card::new(keyword, value, comment));
            });
            let max = Value::Real(fit.max_separation_deg);
            header.push(Card::new("WCS_MSEP", max, "[deg] max offset between cutout WCS and FFI WCS"));
            let sum = Value::Real(fit.root_sum_square_deg);
            header.push(Card::new("WCS_SIG", sum, "[deg] root of summed squared offsets, all pixels"));
        }
        header.push(Card::new("NPIXMISS", Value::Undefined, "number of op. aperture pixels not collected"));
        header.push(Card::new("NPIXSAP", Value::Undefined, "number of pixels in optimal aperture"));
        self.inherit(primary, &mut header);
        for line in [
            "Bits of this image: 1 the pixel is on the frame; 1024 it is collateral",
            "(columns 1-44 and 2093-2136, rows 2049-2078 of the chip); 0 off the frame,",
            "where FLUX is NaN.",
        ] {
            header.push(Card::commentary("COMMENT", format!(" {line}")));
        }
        self.add_remark_on_motion(&mut header);
        header
    }
}

/// The celestial coordinates of a linear WCS as an image header has them, with CDELT 1 and PC.
pub(crate) fn celestial(wcs: &Wcs) -> Vec<(&'static str, Value, &'static str)> {
    let (crpix, crval, cd) = (wcs.crpix(), wcs.crval_deg(), wcs.cd());
    let real = Value::Real;
    let text = |text: &str| Value::Text(text.to_string());
    vec![
        ("WCSAXES", Value::Integer(2), "number of coordinate axes"),
        ("CTYPE1", text("RA---TAN"), "right ascension, gnomonic projection"),
        ("CTYPE2", text("DEC--TAN"), "declination, gnomonic projection"),
        ("CRPIX1", real(crpix[0]), "[pixel] reference pixel along image axis 1"),
        ("CRPIX2", real(crpix[1]), "[pixel] reference pixel along image axis 2"),
        ("CRVAL1", real(crval[0]), "[deg] right ascension at reference pixel"),
        ("CRVAL2", real(crval[1]), "[deg] declination at reference pixel"),
        ("CUNIT1", text("deg"), "physical unit in column dimension"),
        ("CUNIT2", text("deg"), "physical unit in row dimension"),
        ("CDELT1", real(1.0), "[deg] scale, in PC"),
        ("CDELT2", real(1.0), "[deg] scale, in PC"),
        ("PC1_1", real(cd[0][0]), "coordinate transformation matrix element"),
        ("PC1_2", real(cd[0][1]), "coordinate transformation matrix element"),
        ("PC2_1", real(cd[1][0]), "coordinate transformation matrix element"),
        ("PC2_2", real(cd[1][1]), "coordinate transformation matrix element"),
        ("LONPOLE", real(wcs.lonpole_deg()), "[deg] native longitude of celestial pole"),
        ("LATPOLE", real(crval[1]), "[deg] native latitude of celestial pole"),
    ]
}

/// The stamp's place on the chip, by the first letters of the keywords of a table column.
fn physical(stamp: &Stamp, mut add: impl FnMut(&'static str, Value, &'static str)) {
    let text = |text: &str| Value::Text(text.to_string());
    add("WCSN", text("PHYSICAL"), "name of the detector coordinates");
    add("WCAX", Value::Integer(2), "number of detector axes");
    add("1CTY", text("RAWX"), "axis 1: CCD column");
    add("2CTY", text("RAWY"), "axis 2: CCD row");
    add("1CUN", text("PIXEL"), "unit of axis 1");
    add("2CUN", text("PIXEL"), "unit of axis 2");
    add("1CRV", Value::Integer(stamp.x0 + 1), "CCD column of the first pixel, from 1");
    add("2CRV", Value::Integer(stamp.y0 + 1), "CCD row of the first pixel, from 1");
    add("1CDL", Value::Real(1.0), "step of axis 1");
    add("2CDL", Value::Real(1.0), "step of axis 2");
    add("1CRP", Value::Integer(1), "reference column of the stamp");
    add("2CRP", Value::Integer(1), "reference row of the stamp");
}

/// Adds the world coordinates of image column `n` of a table.
pub(crate) fn add_column_wcs(header: &mut Header, n: usize, wcs: Option<&Wcs>, stamp: &Stamp) {
    for (keyword, value, comment) in wcs.map_or(Vec::new(), celestial) {
        let keyword = match keyword {
            "WCSAXES" => format!("WCAX{n}"),
            "CTYPE1" => format!("1CTYP{n}"),
            "CTYPE2" => format!("2CTYP{n}"),
            "CRPIX1" => format!("1CRPX{n}"),
            "CRPIX2" => format!("2CRPX{n}"),
            "CRVAL1" => format!("1CRVL{n}"),
            "CRVAL2" => format!("2CRVL{n}"),
            "CUNIT1" => format!("1CUNI{n}"),
            "CUNIT2" => format!("2CUNI{n}"),
            "CDELT1" => format!("1CDLT{n}"),
            "CDELT2" => format!("2CDLT{n}"),
            "PC1_1" => format!("11PC{n}"),
            "PC1_2" => format!("12PC{n}"),
            "PC2_1" => format!("21PC{n}"),
            "PC2_2" => format!("22PC{n}"),
            "LONPOLE" => format!("LONP{n}"),
            _ => format!("LATP{n}"),
        };
        header.push(Card::new(keyword, value, comment));
    }
    physical(stamp, |keyword, value, comment| {
        header.push(Card::new(format!("{keyword}{n}P"), value, comment));
    });
}

#[cfg(test)]
mod tests {
    use uranometria_cube::Cube;
    use uranometria_fits::checksum::sealed_hdu;
    use uranometria_fits::{ColumnSpec, Header, table_header};

    use crate::{Cutter, Place, Size, Tpf};

    #[test]
    fn what_the_primary_of_a_cube_says_of_a_layout_is_not_said_of_its_cutouts() {
        let mut primary = Header::primary();
        for (keyword, value) in [("NAXIS", 2), ("NAXIS1", 7), ("NAXIS2", 0)] {
            primary.set(keyword, value, "");
        }
        let layout = ["BZERO", "TSCAL5", "TZERO1", "CD1_1", "PV1_1"];
        for keyword in layout {
            primary.set(keyword, 5.0, "");
        }
        primary.set("RADESYS", "ICRS", "");
        let columns = ["TSTART", "TSTOP"].map(|name| ColumnSpec::new(name, "D"));
        let days: Vec<u8> = [1325.0f64, 1326.0].iter().flat_map(|day| day.to_be_bytes()).collect();
        let mut bytes = sealed_hdu(primary, &[]);
        bytes.extend(sealed_hdu(Header::image_extension(-32, &[1, 1, 1, 1]), &1.5f32.to_be_bytes()));
        bytes.extend(sealed_hdu(table_header(&columns, 16, 1, |_, _| {}), &days));
        let cutter = Cutter::new(Cube::open(bytes).unwrap());
        let cutout = cutter.cut(Place::Pixel { x: 0.0, y: 0.0 }, Size::square(1)).unwrap();
        let tpf = Tpf::read(&cutout.to_tpf().unwrap()).unwrap();
        assert_eq!((tpf.time(), tpf.flux(), tpf.aperture()), (&[1325.5][..], &[1.5][..], &[1][..]));
        let aperture = tpf.aperture_header().unwrap();
        assert_eq!([tpf.pixels_header(), aperture].map(|header| header.text("RADESYS")), [Some("ICRS"); 2]);
        assert!(layout.iter().all(|keyword| aperture.get(keyword).is_none()));
    }
}
