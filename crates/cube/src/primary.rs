//! The primary header of a cube: that of its first frame, with what is true of all of them.

use uranometria_fits::{Header, Value};

use crate::frame_table::{ascii, is_of_file};
use crate::select::without_comparison;
use crate::{Frame, Problem};

/// How the history of a frame that was left out begins; behind it stand its name, a colon and the reason.
const SKIPPED: &str = "skipped ";

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
    header.remove("NSKIPPED");
    list_skipped(&mut header, skipped.iter().map(line).collect());
    header
}

/// Brings the primary header of a cube up to its later frames.
///
/// `absent` are the names of those of its frames that were not given again. A file that it lists already is not listed
/// again, and one that seems to be such a frame, damaged since, not at all.
pub(crate) fn extended(
    old: &Header,
    absent: &[String],
    frames: &[Frame],
    skipped: &[Problem],
    date: &str,
) -> Header {
    let mut header = old.clone();
    header.remove("CHECKSUM");
    header.remove("DATASUM");
    header.set("DATE", date, "file creation date");
    end_with(&mut header, frames);
    let listed = Skipped::of(old);
    let is_frame = |name: &str| {
        let name = ascii(name);
        absent.iter().any(|absent| is_of_file(absent, &name))
    };
    let names = skipped.iter().map(|problem| (file_name(problem), problem));
    let new = names.filter(|(name, _)| !listed.has(name) && !is_frame(name));
    let new: Vec<String> = new.map(|(_, problem)| line(problem)).collect();
    let names: Vec<String> = frames.iter().map(|frame| ascii(&frame.file_name())).collect();
    listed.remove_from(&mut header);
    let still = listed.lines.into_iter().filter(|line| !names.iter().any(|name| is_of(line, name)));
    list_skipped(&mut header, still.chain(new).collect());
    header
}

fn end_with(header: &mut Header, frames: &[Frame]) {
    let Some(last) = frames.last() else { return };
    let keyword = last.product.stop_keyword();
    if let Some(value) = last.value(keyword) {
        header.set("TSTOP", value.clone(), format!("[d] end of the last frame ({keyword})"));
    }
    // Not all frames have it: the one that is there may be of an earlier one.
    header.remove("DATE-END");
    if let Some(Value::Text(text)) = last.value("DATE-END") {
        header.set("DATE-END", text.clone(), "end of the last frame, UTC");
    }
}

/// The frames that a cube's header says were left out: its last histories that begin so, as many as NSKIPPED says.
///
/// Those before them are of the first frame.
pub(crate) struct Skipped {
    lines: Vec<String>,
    /// How many histories that begin so are the first frame's.
    of_frame: usize,
}

impl Skipped {
    /// Reads them from the primary header of a cube.
    pub(crate) fn of(header: &Header) -> Self {
        let texts = header.histories();
        let mut lines: Vec<String> =
            texts.iter().filter_map(|text| text.strip_prefix(SKIPPED)).map(str::to_string).collect();
        let count = match header.get("NSKIPPED") {
            Some(Value::Integer(count)) => usize::try_from(*count).unwrap_or(0),
            _ => 0,
        };
        let of_frame = lines.len().saturating_sub(count);
        lines.drain(..of_frame);
        Skipped { lines, of_frame }
    }

    /// Whether a file of that name is among them.
    pub(crate) fn has(&self, name: &str) -> bool {
        let name = ascii(name);
        self.lines.iter().any(|line| is_of(line, &name))
    }

    /// Removes their list from the header that it was read from.
    fn remove_from(&self, header: &mut Header) {
        header.remove("NSKIPPED");
        let mut passed = 0;
        header.remove_histories(|text| {
            passed += usize::from(text.starts_with(SKIPPED));
            text.starts_with(SKIPPED) && passed > self.of_frame
        });
    }
}

/// Whether a line is that of a name in ASCII, not of one that begins with it.
fn is_of(line: &str, name: &str) -> bool {
    line.strip_prefix(name).is_some_and(|rest| rest == ":" || rest.starts_with(": "))
}

fn file_name(problem: &Problem) -> String {
    problem.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Tells of a frame that was left out in the same words on any machine and in any run.
fn line(problem: &Problem) -> String {
    let name = file_name(problem);
    let reason = problem.reason.replace(&problem.path.display().to_string(), &name);
    let reason = reason.strip_prefix(&name).unwrap_or(&reason).trim_start_matches([',', ':', ' ']);
    ascii(&format!("{name}: {}", without_comparison(reason)))
}

/// Lists frames as left out, in order of their lines; the header has no such list.
fn list_skipped(header: &mut Header, mut lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    lines.sort();
    header.set("NSKIPPED", lines.len(), "frames left out, listed in HISTORY");
    lines.iter().for_each(|line| header.history(format!("{SKIPPED}{line}")));
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

#[cfg(test)]
mod tests {
    use uranometria_fits::Card;

    use super::*;

    /// A header with these lines of HISTORY, as they stand in a file behind the eighth byte.
    fn header_of(lines: &[&str]) -> Header {
        let mut header = Header::primary();
        lines.iter().for_each(|line| header.push(Card::commentary("HISTORY", *line)));
        Header::parse(&header.to_bytes()).unwrap().0
    }

    #[test]
    fn names_that_older_versions_broke_are_found() {
        let tica = "hlsp_tica_tess_ffi_s0001-o1-00004699-cam1-ccd1_tess_v01_img.fits";
        let long = "a-name-longer-than-a-card-".repeat(4) + ".fits";
        let (begin, end) = long.split_at(69);
        let mut header = header_of(&[
            "of another program",
            " skipped flats: of the first frame",
            " skipped",
            &format!("   {tica}:"),
            "   truncated",
            &format!(" skipped b-{tica}: it is"),
            "   truncated",
            " skipped",
            &format!("   {begin}"),
            &format!("{end}:"),
            "   truncated",
        ]);
        header.set("NSKIPPED", 3, "");
        let skipped = Skipped::of(&header);
        assert_eq!(skipped.lines.len(), 3);
        assert!(skipped.has(tica) && skipped.has(&format!("b-{tica}")) && skipped.has(&long));
        assert!(!skipped.has("hlsp_tica") && !skipped.has("of another program") && !skipped.has("flats"));
        skipped.remove_from(&mut header);
        assert_eq!(header.histories(), ["of another program", "skipped flats: of the first frame"]);
        assert_eq!(header.get("NSKIPPED"), None);
    }

    #[test]
    fn a_name_is_not_taken_for_one_that_begins_with_it() {
        let problem = |name: &str| Problem { path: format!("a/b/{name}").into(), reason: "why".to_string() };
        let names = ["a b.fits", "a  b.fits", "ä.fits", "c: d.fits"];
        let mut header = header_of(&[]);
        list_skipped(&mut header, names.iter().map(|name| line(&problem(name))).collect());
        let skipped = Skipped::of(&Header::parse(&header.to_bytes()).unwrap().0);
        assert!(names.iter().all(|name| skipped.has(name)));
        assert!(["a", "a b", "a b.fit", "a   b.fits", "b.fits"].iter().all(|name| !skipped.has(name)));
    }
}
