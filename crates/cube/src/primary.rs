//! The primary header of a cube: that of its first frame, with what is true of all of them.

use uranometria_fits::{Header, Value};

use crate::{Frame, Problem};

/// Makes the primary header of a new cube.
///
/// `first_header` is the primary header of the first frame; `date` the day of making, `YYYY-MM-DD`.
pub(crate) fn of_frames(first_header: &Header, frames: &[Frame], skipped: &[Problem], date: &str) -> Header {
    let mut header = Header::primary();
    let first = &frames[0];
    for card in first_header.cards() {
        if !describes_pixels(&card.keyword) {
            match &card.value {
                Some(value) => header.set(&card.keyword, value.clone(), card.comment.clone()),
                None => header.push(card.clone()),
            }
        }
    }
    header.set("EXTNAME", "PRIMARY", "name of extension");
    header.set("NEXTEND", 2, "number of standard extensions");
    header.set("ORIGIN", "Uranometria", "institution responsible for creating this file");
    header.set("DATE", date, "file creation date");
    if let Some(Value::Text(creator)) = first_header.get("CREATOR") {
        header.set("FFICREAT", creator.clone(), "software that made the frames");
    }
    header.set(
        "CREATOR",
        concat!("uranometria-cube ", env!("CARGO_PKG_VERSION")),
        "software that made this file",
    );
    header.set("FFI_TYPE", first.product.to_string(), "kind of the frames");
    header.set("CAMERA", first.camera, "camera number");
    header.set("CCD", first.ccd, "CCD chip number");
    if let Some(sector) = first.sector {
        header.set("SECTOR", sector, "observing sector");
    }
    header.set(
        "TSTART",
        first.start,
        format!("[d] start of the first frame ({})", first.product.start_keyword()),
    );
    if let Some(Value::Text(text)) = first.value("DATE-OBS") {
        header.set("DATE-OBS", text.clone(), "start of the first frame, UTC");
    }
    end_with(&mut header, frames);
    list_skipped(&mut header, skipped);
    header
}

/// Brings the primary header of a cube up to its later frames.
pub(crate) fn extended(old: &Header, frames: &[Frame], skipped: &[Problem], date: &str) -> Header {
    let mut header = old.clone();
    header.remove("CHECKSUM");
    header.remove("DATASUM");
    header.set("DATE", date, "file creation date");
    end_with(&mut header, frames);
    list_skipped(&mut header, skipped);
    header
}

fn end_with(header: &mut Header, frames: &[Frame]) {
    let Some(last) = frames.last() else { return };
    let keyword = last.product.stop_keyword();
    if let Some(value) = last.value(keyword) {
        header.set("TSTOP", value.clone(), format!("[d] end of the last frame ({keyword})"));
    }
    if let Some(Value::Text(text)) = last.value("DATE-END") {
        header.set("DATE-END", text.clone(), "end of the last frame, UTC");
    }
}

fn list_skipped(header: &mut Header, skipped: &[Problem]) {
    if skipped.is_empty() {
        return;
    }
    let before = header.integer("NSKIPPED").unwrap_or(0);
    header.set("NSKIPPED", before + skipped.len() as i64, "frames left out, listed in HISTORY");
    for problem in skipped {
        let name = problem.path.file_name().unwrap_or_default().to_string_lossy();
        // Paths differ from machine to machine; the cube's bytes shall not.
        let reason = problem.reason.replace(&problem.path.display().to_string(), &name);
        let reason = reason.strip_prefix(&*name).unwrap_or(&reason).trim_start_matches([',', ':', ' ']);
        header.history(format!("skipped {name}: {reason}"));
    }
}

/// Whether a keyword tells of the pixels of one frame or of the layout of one HDU.
///
/// Such keywords in the primary header of a frame or of a cube are not true of what is made of it.
pub fn describes_pixels(keyword: &str) -> bool {
    const STEMS: [&str; 29] = [
        "NAXIS", "CRPIX", "CRVAL", "CTYPE", "CUNIT", "CDELT", "CROTA", "CD1_", "CD2_", "PC1_", "PC2_", "A_",
        "B_", "AP_", "BP_", "PV1_", "PV2_", "CPDIS", "CQDIS", "D2IM", "MJD-", "TTYPE", "TFORM", "TUNIT",
        "TNULL", "TSCAL", "TZERO", "TDISP", "TDIM",
    ];
    const WORDS: [&str; 31] = [
        "SIMPLE", "XTENSION", "PCOUNT", "GCOUNT", "TFIELDS", "THEAP", "BITPIX", "EXTEND", "BSCALE", "BZERO",
        "BLANK", "BUNIT", "CHECKSUM", "DATASUM", "WCSAXES", "LONPOLE", "LATPOLE", "STARTTJD", "MIDTJD",
        "ENDTJD", "TIME", "CADENCE", "QUAL_BIT", "CAMNUM", "CCDNUM", "CAM", "UNITS", "WCSGDF", "RMSA",
        "RMSB", "GROUPS",
    ];
    STEMS.iter().any(|stem| keyword.starts_with(stem)) || WORDS.contains(&keyword)
}
