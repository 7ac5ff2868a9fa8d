//! The headers and names of frames, card for card as TESS writes them.
//!
//! Keywords and their order: frames of SPOC's data release 1 (`ffic`) and of TICA. Values say that the frame is
//! simulated (SIMDATA, ORIGIN, CREATOR) and are otherwise typical ones.

use uranometria_fits::{Card, Header, IntoValue, Value};

use super::chip::Chip;
use super::options::{Product, SectorOptions};
use super::pixels::{LIVE, READ_NOISE_E, readouts};
use super::plan::Times;
use crate::time::{BTJD_ZERO, BTJD_ZERO_MJD, Calendar};

/// What the header of one frame says.
pub(crate) struct Facts<'a> {
    pub(crate) options: &'a SectorOptions,
    /// The chip of the name and the header.
    pub(crate) chip: &'a Chip,
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// At the barycentre.
    pub(crate) times: Times,
    /// Days from the spacecraft's time to the barycentre's.
    pub(crate) barycentric_d: f64,
    /// Which cadence since the start of the mission this is.
    pub(crate) cadence: usize,
    pub(crate) second_orbit: bool,
    pub(crate) flags: u32,
    /// What CRPIX is moved by, from the whole chip to this frame, pixels.
    pub(crate) shift_px: (f64, f64),
    pub(crate) with_wcs: bool,
    pub(crate) truncated: bool,
}

/// Cards with few words.
struct Cards(Header);

impl Cards {
    fn add(&mut self, keyword: &str, value: impl IntoValue, comment: &str) {
        self.0.push(Card::new(keyword, value.into_value(), comment));
    }
}

/// The file's name. Each copy of a frame has another one.
pub(crate) fn name(facts: &Facts<'_>, copy: bool) -> String {
    let Chip { sector, camera, ccd, .. } = facts.chip;
    match facts.options.product {
        Product::Spoc => {
            let stamp = Calendar::tdb(facts.times.start_btjd).stamp();
            let configuration = if copy { 121 } else { 120 };
            format!("tess{stamp}-s{sector:04}-{camera}-{ccd}-{configuration:04}-s_ffic.fits")
        }
        Product::Tica => {
            let orbit = if facts.second_orbit { 2 } else { 1 };
            let version = if copy { 2 } else { 1 };
            format!(
                "hlsp_tica_tess_ffi_s{sector:04}-o{orbit}-{:08}-cam{camera}-ccd{ccd}_tess_v{version:02}_img.fits",
                facts.cadence
            )
        }
    }
}

/// The header of each HDU, without checksums.
pub(crate) fn headers(facts: &Facts<'_>) -> Vec<Header> {
    match facts.options.product {
        Product::Spoc => vec![primary(facts), extension(facts, "cal"), extension(facts, "uncert")],
        Product::Tica => vec![tica(facts)],
    }
}

fn primary(facts: &Facts<'_>) -> Header {
    let mut h = Cards(Header::new());
    let Times { start_btjd, stop_btjd, .. } = facts.times;
    h.add("SIMPLE", true, "conforms to FITS standards");
    h.add("BITPIX", 8, "array data type");
    h.add("NAXIS", 0, "number of array dimensions");
    h.add("EXTEND", true, "file contains extensions");
    h.add("NEXTEND", 2, "number of standard extensions");
    h.add("EXTNAME", "PRIMARY", "name of extension");
    h.add("EXTVER", 1, "extension version number (not format version)");
    h.add("SIMDATA", true, "file is based on simulated data");
    h.add("ORIGIN", "Uranometria", "institution responsible for creating this file");
    h.add("DATE", Calendar::utc(stop_btjd).date(), "file creation date.");
    h.add("TSTART", start_btjd, "observation start time in TJD");
    h.add("TSTOP", stop_btjd, "observation stop time in TJD");
    h.add("DATE-OBS", Calendar::utc(start_btjd).iso(), "TSTART as UTC calendar date");
    h.add("DATE-END", Calendar::utc(stop_btjd).iso(), "TSTOP as UTC calendar date");
    h.add("CREATOR", "uranometria-simulate", "program used to produce this file");
    h.add("PROCVER", env!("CARGO_PKG_VERSION"), "SW version");
    h.add("FILEVER", "1.0", "file format version");
    h.add("TIMVERSN", "OGIP/93-003", "OGIP memo number for file format");
    h.add("TELESCOP", "TESS", "telescope");
    h.add("INSTRUME", "TESS Photometer", "detector type");
    h.add("DATA_REL", 1, "data release version number");
    h.add("ASTATE", true, "archive state F indicates single orbit processi");
    h.add("SCCONFIG", 120, "spacecraft configuration ID");
    h.add("RADESYS", "ICRS", "reference frame of celestial coordinates");
    h.add("FFIINDEX", facts.cadence, "number of FFI cadence interval");
    h.add("EQUINOX", 2000.0, "equinox of celestial coordinate system");
    h.add("CRMITEN", true, "spacecraft cosmic ray mitigation enabled");
    h.add("CRBLKSZ", 10, "[exposures] s/c cosmic ray mitigation block siz");
    h.add("CRSPOC", false, "SPOC cosmic ray cleaning enabled");
    h.0
}

fn extension(facts: &Facts<'_>, kind: &str) -> Header {
    let mut h = Cards(Header::new());
    let Chip { camera, ccd, pointing_deg: [ra, dec, roll], .. } = *facts.chip;
    let Times { start_btjd, stop_btjd, .. } = facts.times;
    let (cadence_s, cadence_d) = (facts.options.cadence_s, facts.options.cadence_d());
    h.add("XTENSION", "IMAGE", "marks the beginning of a new HDU");
    h.add("BITPIX", -32, "array data type");
    h.add("NAXIS", 2, "NAXIS");
    h.add("NAXIS1", facts.columns, "length of first array dimension");
    h.add("NAXIS2", facts.rows, "length of second array dimension");
    h.add("PCOUNT", 0, "group parameter count");
    h.add("GCOUNT", 1, "group count");
    h.add("INHERIT", true, "inherit the primary header");
    h.add("EXTNAME", format!("CAMERA.CCD {camera}.{ccd} {kind}"), "name of extension");
    h.add("EXTVER", 1, "extension version number");
    h.add("SIMDATA", true, "file is based on simulated data");
    h.add("TELESCOP", "TESS", "telescope");
    h.add("INSTRUME", "TESS Photometer", "detector type");
    h.add("CAMERA", camera, "Camera number");
    h.add("CCD", ccd, "CCD chip number");
    h.add("BUNIT", "electrons/s", "physical units of image data");
    h.add("RADESYS", "ICRS", "reference frame of celestial coordinates");
    h.add("EQUINOX", 2000.0, "equinox");
    h.add("IMAGTYPE", kind, "FFI image type");
    h.add("EXPOSURE", cadence_d * LIVE, "[d] time on source");
    h.add("TIMEREF", "SOLARSYSTEM", "barycentric correction applied to times");
    h.add("TASSIGN", "SPACECRAFT", "where time is assigned");
    h.add("TIMESYS", "TDB", "time system is TDB");
    h.add("BJDREFI", BTJD_ZERO as i64, "integer part of BTJD reference date");
    h.add("BJDREFF", 0.0, "fraction of the day in BTJD reference date");
    h.add("TIMEUNIT", "d", "time unit for TIME, TSTART and TSTOP");
    h.add("TELAPSE", cadence_d, "[d] TSTOP - TSTART");
    h.add("LIVETIME", cadence_d * LIVE, "[d] TELAPSE multiplied by DEADC");
    h.add("TSTART", start_btjd, "observation start time in BTJD");
    h.add("TSTOP", stop_btjd, "observation stop time in BTJD");
    h.add("DATE-OBS", Calendar::utc(start_btjd).iso(), "TSTART as UTC calendar date");
    h.add("DATE-END", Calendar::utc(stop_btjd).iso(), "TSTOP as UTC calendar date");
    h.add("MJD-BEG", start_btjd + BTJD_ZERO_MJD, "MJD of start");
    h.add("MJD-END", stop_btjd + BTJD_ZERO_MJD, "MJD of end");
    h.add("DEADC", LIVE, "deadtime correction");
    h.add("TIMEPIXR", 0.5, "bin time beginning=0 middle=0.5 end=1");
    h.add("TIERRELA", 1.16e-5, "[d] relative time error");
    h.add("BARYCORR", facts.barycentric_d, "[d] barycentric time correction");
    h.add("INT_TIME", 1.98, "[s] photon accumulation time per frame");
    h.add("READTIME", 0.02, "[s] readout time per frame");
    h.add("FRAMETIM", 2.0, "[s] frame time [INT_TIME + READTIME]");
    h.add("NUM_FRM", (cadence_s / 2.0) as i64, "number of frames per time stamp");
    h.add("TIMEDEL", cadence_d, "[d] time resolution of data");
    h.add("BACKAPP", false, "background is subtracted");
    h.add("DEADAPP", true, "deadtime applied");
    h.add("VIGNAPP", true, "vignetting or collimator correction applied");
    for (output, gain) in ['A', 'B', 'C', 'D'].into_iter().zip([5.25, 5.23, 5.26, 5.2]) {
        let comment = format!("[electrons/count] CCD output {output} gain");
        h.add(&format!("GAIN{output}"), gain, &comment);
    }
    for (output, noise) in ['A', 'B', 'C', 'D'].into_iter().zip(READ_NOISE_E) {
        let comment = format!("[electrons] read noise CCD output {output}");
        h.add(&format!("READNOI{output}"), noise, &comment);
    }
    h.add("NREADOUT", readouts(cadence_s), "number of read per cadence");
    h.add("FXDOFF", 419_400, "compression fixed offset");
    for (output, level) in ['A', 'B', 'C', 'D'].into_iter().zip([6654, 6649, 6619, 6666]) {
        let comment = format!("[count] FSW mean black level CCD output {output}");
        h.add(&format!("MEANBLC{output}"), level, &comment);
    }
    h.add("FFIINDEX", facts.cadence, "number of FFI cadence interval");
    h.add("DQUALITY", facts.flags, "data quality flag bits");
    h.add("RA_NOM", ra, "[deg] RA of spacecraft boresight");
    h.add("DEC_NOM", dec, "[deg] declination of s/c boresight");
    h.add("ROLL_NOM", roll, "[deg] roll angle of spacecraft");
    if facts.with_wcs {
        add_wcs(&mut h, facts);
    } else {
        h.add("WCSAXES", 0, "no WCS");
    }
    h.0
}

fn tica(facts: &Facts<'_>) -> Header {
    let mut h = Cards(Header::new());
    let Chip { sector, camera, ccd, pointing_deg: [ra, dec, roll], .. } = *facts.chip;
    let cadence_s = facts.options.cadence_s;
    let at_spacecraft = |btjd: f64| btjd - facts.barycentric_d;
    let start = at_spacecraft(facts.times.start_btjd);
    let middle = at_spacecraft(facts.times.mid_btjd);
    let stop = at_spacecraft(facts.times.stop_btjd);
    h.add("SIMPLE", true, "conforms to FITS standard");
    h.add("BITPIX", -32, "array data type");
    h.add("NAXIS", 2, "number of array dimensions");
    h.add("NAXIS1", facts.columns, "");
    h.add("NAXIS2", facts.rows, "");
    h.add("EXTEND", true, "");
    h.add("CRM_N", 10, "Window for CRM min/max rejection");
    h.add("ORBIT_ID", 7 + 2 * sector + u32::from(facts.second_orbit), "Orbit ID");
    h.add("ACS_MODE", "FP", "Attitude Control System mode");
    h.add("SC_RA", ra, "[deg] RA of spacecraft boresight");
    h.add("SC_DEC", dec, "[deg] declination of spacecraft boresight");
    h.add("SC_ROLL", roll, "[deg] roll angle of spacecraft");
    h.add("SC_QUATX", 0.1, "");
    h.add("SC_QUATY", 0.2, "");
    h.add("SC_QUATZ", 0.3, "");
    h.add("SC_QUATQ", 0.9, "");
    h.add("TJD_ZERO", BTJD_ZERO, "Julian date of TJD 0");
    h.add("STARTTJD", start, "[d] start at the spacecraft, TDB");
    h.add("MIDTJD", middle, "[d] middle at the spacecraft, TDB");
    h.add("ENDTJD", stop, "[d] end at the spacecraft, TDB");
    h.add("EXPTIME", cadence_s * LIVE, "[s] time on source");
    h.add("INT_TIME", cadence_s, "[s] cadence");
    h.add("PIX_CAT", 0, "");
    h.add("REQUANT", 1, "");
    h.add("DIFF_HUF", 0, "");
    h.add("PRIM_HUF", 1, "");
    h.add("QUAL_BIT", facts.flags, "data quality flag bits");
    h.add("SPM", 2, "");
    h.add("CAM", camera, "Camera number");
    h.add("CADENCE", facts.cadence, "Cadence number");
    h.add("CRM", true, "Cosmic ray mitigation");
    h.add("CAMNUM", camera, "Camera number");
    h.add("CCDNUM", ccd, "CCD chip number");
    h.add("SCIPIXS", "[45:2092, 1:2048]", "Pixels that see the sky, of the whole chip");
    h.add("GAIN_A", 5.25, "");
    h.add("GAIN_B", 5.23, "");
    h.add("GAIN_C", 5.26, "");
    h.add("GAIN_D", 5.2, "");
    h.add("UNITS", "electrons", "electrons a frame");
    h.add("EQUINOX", 2000.0, "");
    h.add("TIME", middle, "[d] as MIDTJD");
    h.add("FILTER", "TESS", "");
    h.add("TELESCOP", "TESS", "telescope");
    h.add("INSTRUME", "TESS Photometer", "detector type");
    h.add("MJD-BEG", start + BTJD_ZERO_MJD, "MJD of start");
    h.add("MJD-END", stop + BTJD_ZERO_MJD, "MJD of end");
    h.add("DATE-OBS", Calendar::utc(start).iso(), "STARTTJD as UTC calendar date");
    h.add("DATE-END", Calendar::utc(stop).iso(), "ENDTJD as UTC calendar date");
    h.add("RADESYS", "ICRS", "reference frame of celestial coordinates");
    h.add("SIMDATA", true, "file is based on simulated data");
    if facts.with_wcs {
        h.add("FLXWIN", 5, "");
        h.add("WCSGDF", 0.99, "");
        h.add("RMSA", 0.1, "");
        h.add("RMSB", 0.1, "");
        add_wcs(&mut h, facts);
    }
    h.0
}

fn add_wcs(h: &mut Cards, facts: &Facts<'_>) {
    h.add("WCSAXES", 2, "number of coordinate axes");
    h.add("CTYPE1", "RA---TAN-SIP", "Gnomonic projection + SIP distortions");
    h.add("CTYPE2", "DEC--TAN-SIP", "Gnomonic projection + SIP distortions");
    for &(keyword, value) in &facts.chip.keywords {
        if keyword == "A_ORDER" {
            h.add("CUNIT1", "deg", "physical unit");
            h.add("CUNIT2", "deg", "physical unit");
        }
        let (value, comment) = match keyword {
            "CRVAL1" => (value, "RA at CRPIX1, CRPIX2"),
            "CRVAL2" => (value, "DEC at CRPIX1, CRPIX2"),
            "CRPIX1" => (value + facts.shift_px.0, "X reference pixel"),
            "CRPIX2" => (value + facts.shift_px.1, "Y reference pixel"),
            _ if keyword.starts_with("CD") => (value, "linear transformation"),
            _ if keyword.ends_with("_ORDER") => {
                h.add(keyword, Value::Integer(value as i64), "Polynomial order");
                continue;
            }
            _ => (value, "distortion coefficient"),
        };
        h.add(keyword, value, comment);
    }
    h.add("A_DMAX", facts.chip.distortion_px[0], "maximum distortion, axis 1");
    h.add("B_DMAX", facts.chip.distortion_px[1], "maximum distortion, axis 2");
}
