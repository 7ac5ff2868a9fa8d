//! Coverage maps of the sky (MOCs): sets of HEALPix cells, their algebra and their file formats.
//!
//! The set algebra, FITS, ASCII, JSON and STC-S are those of the crate `moc`, which this module keeps out of sight.
//! Files are bytes here; opening them is the caller's business.
//!
//! IVOA Recommendation MOC 2.0 (2022).

use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;

use ::moc::deser::ascii::from_ascii_ivoa;
use ::moc::deser::fits::{MocIdxType, MocQtyType, MocType, from_fits_ivoa, ranges_to_fits_ivoa};
use ::moc::deser::json::to_json_aladin;
use ::moc::deser::stcs::stcs2moc;
use ::moc::moc::range::RangeMOC;
use ::moc::moc::{
    CellMOCIntoIterator, CellMOCIterator, CellOrCellRangeMOCIntoIterator, CellOrCellRangeMOCIterator,
    RangeMOCIntoIterator, RangeMOCIterator,
};
use ::moc::qty::Hpx;
use ::moc::ranges::Ranges;

use crate::error::same_length;
use crate::healpix::{self, MAX_DEPTH};
use crate::lanes::given;
use crate::{Cost, Direction, Error, Region};

/// A set of cells of one depth, kept as ranges of cells of depth 29.
///
/// ```
/// use uranometria_sky::{Angle, Cone, Direction, Moc, Region};
///
/// let cone = |ra| Cone::new(Direction::from_degrees(ra, 0.0)?, Angle::from_degrees(2.0));
/// let (left, right) = (Region::from(cone(11.0)?), Region::from(cone(10.0)?));
/// let (left, right) = (Moc::of_region(&left, 8)?, Moc::of_region(&right, 8)?);
/// let both = left.intersection(&right);
/// assert!(both.contains(&Direction::from_degrees(10.5, 0.0)?));
/// assert!(both.area_deg2() < left.area_deg2());
/// assert_eq!(Moc::from_ascii(&both.to_ascii()?)?, both);
/// # Ok::<(), uranometria_sky::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moc {
    cells: RangeMOC<u64, Hpx<u64>>,
}

impl Moc {
    /// The empty set.
    ///
    /// # Errors
    /// [`Error::Depth`].
    pub fn empty(depth: u8) -> Result<Self, Error> {
        Ok(Self { cells: RangeMOC::new_empty(healpix::valid(depth)?) })
    }

    /// The whole sky.
    ///
    /// # Errors
    /// [`Error::Depth`].
    pub fn whole_sky(depth: u8) -> Result<Self, Error> {
        Ok(Self { cells: RangeMOC::new_full_domain(healpix::valid(depth)?) })
    }

    /// The cells of a depth that a region touches, as [`Region::coverage`] has it: none is missing, a few at the
    /// boundary may be too many.
    ///
    /// # Errors
    /// [`Error::Depth`].
    pub fn of_region(region: &Region, depth: u8) -> Result<Self, Error> {
        Self::from_ranges(depth, region.coverage(Cost::Depth(healpix::valid(depth)?)).joined())
    }

    /// The cells of the given depth that hold these cells of depth 29, in any order, overlapping or not.
    ///
    /// # Errors
    /// [`Error::Depth`]; [`Error::Cell`] for a range that ends beyond the last cell.
    pub fn from_ranges(depth: u8, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<Self, Error> {
        healpix::valid(depth)?;
        let cells = healpix::count(MAX_DEPTH)?;
        let up = 2 * (MAX_DEPTH - depth);
        let mut kept = Vec::new();
        for Range { start, end } in ranges {
            if end > cells {
                return Err(Error::Cell { depth: MAX_DEPTH, found: end - 1, cells });
            }
            if start < end {
                kept.push(start >> up << up..(((end - 1) >> up) + 1) << up);
            }
        }
        kept.sort_unstable_by_key(|range| range.start);
        kept.dedup_by(|next, last| {
            let joins = next.start <= last.end;
            if joins {
                last.end = last.end.max(next.end);
            }
            joins
        });
        Ok(Self { cells: RangeMOC::new(depth, Ranges::new_unchecked(kept).into()) })
    }

    /// What was read, once it is sure to be in order: files may say anything.
    fn checked(read: &RangeMOC<u64, Hpx<u64>>) -> Result<Self, Error> {
        Self::from_ranges(read.depth_max(), read.moc_ranges().0.0.iter().cloned())
    }

    /// The cells of a depth, in any order.
    ///
    /// # Errors
    /// [`Error::Depth`], [`Error::Cell`].
    pub fn from_cells(depth: u8, cells: impl IntoIterator<Item = u64>) -> Result<Self, Error> {
        let ranges: Result<Vec<_>, _> =
            cells.into_iter().map(|cell| healpix::range(depth, cell, MAX_DEPTH)).collect();
        Self::from_ranges(depth, ranges?)
    }

    /// Reads STC-S: the cells of a depth that a region written as text touches.
    ///
    /// Circles, ellipses, boxes, polygons, positions and their unions, intersections and complements, in ICRS,
    /// as in `Circle ICRS 10.5 -3.0 0.5`; frames other than ICRS are refused.
    ///
    /// # Errors
    /// [`Error::Depth`], [`Error::Moc`].
    pub fn from_stcs(text: &str, depth: u8) -> Result<Self, Error> {
        let found = stcs2moc(healpix::valid(depth)?, Some(2), text).map_err(unreadable("STC-S"))?;
        Ok(Self { cells: found })
    }

    /// Reads a FITS file; cells as NUNIQ numbers and ranges are understood, of any width.
    ///
    /// # Errors
    /// [`Error::Moc`], also for one of time or frequency.
    pub fn from_fits(bytes: &[u8]) -> Result<Self, Error> {
        if !rows_fit(bytes) {
            return Err(unreadable("FITS")(
                "NAXIS2 of the first extension is missing or beyond the end of the file",
            ));
        }
        // On some damaged headers the reader panics instead of refusing them (moc 0.19.3).
        let read = std::panic::catch_unwind(|| read_fits(bytes));
        Self::checked(&read.map_err(|_| unreadable("FITS")("the header is damaged"))??)
    }

    /// Writes a FITS file of ranges, MOC 2.0.
    ///
    /// # Errors
    /// [`Error::Moc`].
    pub fn to_fits(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let ranges = (&self.cells).into_range_moc_iter();
        ranges_to_fits_ivoa(ranges, None, None, &mut bytes).map_err(unreadable("FITS"))?;
        Ok(bytes)
    }

    /// Reads the text form, `3/3 10 4/16-18 22 5/`; a depth with nothing after it at the end is the set's depth.
    ///
    /// # Errors
    /// [`Error::Moc`].
    pub fn from_ascii(text: &str) -> Result<Self, Error> {
        depths_fit(text).map_err(unreadable("ASCII"))?;
        let found = from_ascii_ivoa::<u64, Hpx<u64>>(text).map_err(unreadable("ASCII"))?;
        Self::checked(&found.into_cellcellrange_moc_iter().ranges().into_range_moc())
    }

    /// Writes the text form on one line.
    ///
    /// # Errors
    /// [`Error::Moc`].
    pub fn to_ascii(&self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        let cells = (&self.cells).into_range_moc_iter().cells().cellranges();
        cells.to_ascii_ivoa(None, false, &mut bytes).map_err(unreadable("ASCII"))?;
        String::from_utf8(bytes).map_err(unreadable("ASCII"))
    }

    /// Reads JSON, `{"3":[3,10],"4":[16,17,18]}`.
    ///
    /// # Errors
    /// [`Error::Moc`]; [`Error::Cell`] for a number beyond the cells of its depth.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| unreadable("JSON")(reason);
        let found: BTreeMap<String, Vec<u64>> = serde_json::from_str(text).map_err(unreadable("JSON"))?;
        let (mut deepest, mut ranges) = (0, Vec::new());
        for (key, cells) in &found {
            let depth = key.parse::<u8>().ok();
            let depth = depth.filter(|depth| *depth <= MAX_DEPTH && depth.to_string() == *key);
            let beyond = || wrong(format!("found the key {key:?}, expected a depth from 0 to {MAX_DEPTH}"));
            let depth = depth.ok_or_else(beyond)?;
            for cell in cells {
                ranges.push(healpix::range(depth, *cell, MAX_DEPTH)?);
            }
            deepest = deepest.max(depth);
        }
        // The reader of JSON keeps the last of several; no key that is a number has a colon.
        if text.matches(':').count() > found.len() {
            return Err(wrong("a depth is there twice".to_string()));
        }
        Self::from_ranges(deepest, ranges)
    }

    /// Writes JSON.
    ///
    /// # Errors
    /// [`Error::Moc`].
    pub fn to_json(&self) -> Result<String, Error> {
        let mut bytes = Vec::new();
        let cells = (&self.cells).into_range_moc_iter().cells();
        to_json_aladin(cells, &None, "", &mut bytes).map_err(unreadable("JSON"))?;
        String::from_utf8(bytes).map_err(unreadable("JSON"))
    }

    /// The depth of its cells.
    pub fn depth(&self) -> u8 {
        self.cells.depth_max()
    }

    /// Its cells as ranges of depth 29, ascending and apart.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.cells.moc_ranges().0.0
    }

    /// Its cells in as few whole ones as possible, `(depth, cell)`.
    pub fn whole_cells(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        self.ranges().iter().flat_map(|range| healpix::whole_cells(range.clone()))
    }

    /// Whether it has no cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Area in square degrees.
    pub fn area_deg2(&self) -> f64 {
        self.cells.coverage_percentage() * 41_252.961_249_419_27
    }

    /// Whether a direction's cell, the one that [`healpix::hash`] finds, is in it.
    pub fn contains(&self, place: &Direction) -> bool {
        self.contains_cell(healpix::hash_of(MAX_DEPTH, place))
    }

    /// Whether a cell of depth 29 is in it.
    pub fn contains_cell(&self, cell: u64) -> bool {
        let ranges = self.ranges();
        let after = ranges.partition_point(|range| range.start <= cell);
        after > 0 && cell < ranges[after - 1].end
    }

    /// Tests positions in degrees, each as [`Moc::contains`] does. A missing position, NaN in either coordinate, is
    /// not in it.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Row`] as in [`Region::contains_slice`].
    pub fn contains_slice(&self, ra_deg: &[f64], dec_deg: &[f64], out: &mut [bool]) -> Result<(), Error> {
        same_length("dec", ra_deg.len(), dec_deg.len())?;
        same_length("out", ra_deg.len(), out.len())?;
        let mut cells = [0; 256];
        let chunks = ra_deg.chunks(256).zip(dec_deg.chunks(256)).zip(out.chunks_mut(256));
        for (number, ((ra, dec), out)) in chunks.enumerate() {
            let cells = &mut cells[..ra.len()];
            if healpix::hash_slice(MAX_DEPTH, ra, dec, cells).is_ok() {
                for (inside, cell) in out.iter_mut().zip(cells) {
                    *inside = self.contains_cell(*cell);
                }
            } else {
                for (k, inside) in out.iter_mut().enumerate() {
                    let place = given(number * 256 + k, ra[k], dec[k])?;
                    *inside = place.is_some_and(|place| self.contains(&place));
                }
            }
        }
        Ok(())
    }

    /// What is in either; of the greater depth.
    pub fn union(&self, other: &Self) -> Self {
        Self { cells: self.cells.or(&other.cells) }
    }

    /// What is in both; of the greater depth.
    pub fn intersection(&self, other: &Self) -> Self {
        Self { cells: self.cells.and(&other.cells) }
    }

    /// What is in this one and not in the other; of the greater depth.
    pub fn difference(&self, other: &Self) -> Self {
        Self { cells: self.cells.minus(&other.cells) }
    }

    /// What is not in it.
    pub fn complement(&self) -> Self {
        Self { cells: self.cells.not() }
    }

    /// The cells of a lesser depth that it touches; itself for a depth not less than its own.
    pub fn degraded(&self, depth: u8) -> Self {
        if depth >= self.depth() {
            return self.clone();
        }
        Self { cells: self.cells.degraded(depth) }
    }
}

/// Whether the numbers before slashes are depths: the reader shifts by them before it looks (moc 0.19.3).
fn depths_fit(text: &str) -> Result<(), String> {
    let parts = text.split('/');
    let known = parts.clone().count() - 1;
    for part in parts.take(known) {
        let part = part.trim_end();
        let digits = part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let depth = &part[digits..];
        if !depth.is_empty() && depth.parse::<u8>().map_or(true, |depth| depth > MAX_DEPTH) {
            return Err(format!("the depth {depth} is beyond {MAX_DEPTH}"));
        }
    }
    Ok(())
}

/// Whether the bytes have room for the rows that the table's header claims: the reader makes room for those first, and
/// ends the program if there is none (moc 0.19.3). Like it, this expects NAXIS2 on the fifth card of the second HDU.
fn rows_fit(bytes: &[u8]) -> bool {
    let mut cards = bytes.chunks_exact(80);
    let blocks = cards.position(|card| card.starts_with(b"END ")).map_or(0, |end| end / 36 + 1);
    let rows = || {
        let card = bytes.get(2880 * blocks + 4 * 80..)?.get(..80)?.strip_prefix(b"NAXIS2  =")?;
        str::from_utf8(card).ok()?.split('/').next()?.trim().parse::<usize>().ok()
    };
    rows().is_some_and(|rows| rows <= bytes.len())
}

fn read_fits(bytes: &[u8]) -> Result<RangeMOC<u64, Hpx<u64>>, Error> {
    match from_fits_ivoa(Cursor::new(bytes)).map_err(unreadable("FITS"))? {
        MocIdxType::U16(MocQtyType::Hpx(MocType::Cells(cells))) => {
            Ok(cells.into_cell_moc_iter().ranges().convert::<u64, Hpx<u64>>().into_range_moc())
        }
        MocIdxType::U32(MocQtyType::Hpx(MocType::Cells(cells))) => {
            Ok(cells.into_cell_moc_iter().ranges().convert::<u64, Hpx<u64>>().into_range_moc())
        }
        MocIdxType::U64(MocQtyType::Hpx(MocType::Cells(cells))) => {
            Ok(cells.into_cell_moc_iter().ranges().into_range_moc())
        }
        MocIdxType::U16(MocQtyType::Hpx(MocType::Ranges(ranges))) => {
            Ok(ranges.convert::<u64, Hpx<u64>>().into_range_moc())
        }
        MocIdxType::U32(MocQtyType::Hpx(MocType::Ranges(ranges))) => {
            Ok(ranges.convert::<u64, Hpx<u64>>().into_range_moc())
        }
        MocIdxType::U64(MocQtyType::Hpx(MocType::Ranges(ranges))) => Ok(ranges.into_range_moc()),
        _ => Err(unreadable("FITS")("not a MOC of space alone")),
    }
}

/// Of equal depth and with the same cells.
impl PartialEq for Moc {
    fn eq(&self, other: &Self) -> bool {
        self.depth() == other.depth() && self.ranges() == other.ranges()
    }
}

impl Eq for Moc {}

fn unreadable<E: ToString>(format: &'static str) -> impl Fn(E) -> Error {
    move |reason| Error::Moc { format, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Angle, Cone};

    #[test]
    fn texts_that_are_no_cells_are_errors() {
        let told = |found: Result<Moc, Error>| found.unwrap_err().to_string();
        assert!(told(Moc::from_ascii("35/\n6 14-17")).contains("the depth 35 is beyond 29"));
        assert!(told(Moc::from_json(r#"{"3":[1],"64" : [0]}"#)).contains("found the key \"64\""));
        assert!(told(Moc::from_json(r#"{"3":[1],"3":[2]}"#)).contains("a depth is there twice"));
        for text in
            ["99999999999/1", "3/768", "3/5-768", "3/9-5", "3/ 1 4/-", "/", "3/1 3/1-1 2/0", "-1/0", "3"]
        {
            let found = Moc::from_ascii(text);
            assert!(
                found.is_err() || found.unwrap().ranges().iter().all(|cells| cells.end <= 12 << 58),
                "{text}"
            );
        }
        for text in [
            r#"{"30":[1]}"#,
            r#"{"3":[768]}"#,
            r#"{"3":[-1]}"#,
            r#"{"3":["1"]}"#,
            r#"{"3":[1.5]}"#,
            r#"{"order":[1]}"#,
            r#"{"3":[1],"03":[2]}"#,
            r#"{"3"}"#,
            ":",
            "{",
        ] {
            assert!(Moc::from_json(text).is_err(), "{text}");
        }
        assert_eq!(Moc::from_ascii("29/").unwrap().depth(), 29);
    }

    fn cone(ra: f64, dec: f64, radius: f64, depth: u8) -> Moc {
        let centre = Direction::from_degrees(ra, dec).unwrap();
        Moc::of_region(&Cone::new(centre, Angle::from_degrees(radius)).unwrap().into(), depth).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for moc in [
            cone(10.0, 89.0, 3.0, 9),
            Moc::whole_sky(0).unwrap(),
            Moc::empty(7).unwrap(),
            cone(0.0, 0.0, 1e-6, 29),
        ] {
            assert_eq!(Moc::from_fits(&moc.to_fits().unwrap()).unwrap(), moc);
            assert_eq!(Moc::from_ascii(&moc.to_ascii().unwrap()).unwrap(), moc);
            assert_eq!(Moc::from_json(&moc.to_json().unwrap()).unwrap(), moc);
        }
        let text = Moc::from_ascii("1/1 2 4 2/12-14 21 23 25 8/").unwrap();
        assert_eq!(text.depth(), 8);
        assert_eq!(text.whole_cells().next(), Some((1, 1)));
    }

    #[test]
    fn texts_that_are_no_mocs_are_refused() {
        assert!(Moc::from_fits(b"SIMPLE  = nothing").is_err());
        assert!(Moc::from_fits(&[]).is_err());
        let whole = cone(10.0, 89.0, 3.0, 9).to_fits().unwrap();
        for place in (0..5760).step_by(80) {
            let mut damaged = whole.clone();
            damaged[place..place + 80].fill(b' ');
            let _ = Moc::from_fits(&damaged);
            let _ = Moc::from_fits(&whole[..place]);
        }
        let at = whole.windows(10).position(|card| card == b"NAXIS2  = ").unwrap();
        for rows in ["1000000000000", "4611686018427387904"] {
            let mut boasting = whole.clone();
            boasting[at + 10..at + 30].copy_from_slice(format!("{rows:>20}").as_bytes());
            let error = Moc::from_fits(&boasting).unwrap_err().to_string();
            assert!(error.ends_with("missing or beyond the end of the file"), "{error}");
        }
        assert!(Moc::from_ascii("one/two").is_err());
        assert!(Moc::from_json("[1, 2").is_err());
        let error = Moc::from_stcs("Circle FK5 1 2 3", 8).unwrap_err();
        assert!(error.to_string().starts_with("MOC as STC-S is not readable: "), "{error}");
        assert!(matches!(Moc::from_ranges(3, Some(0..u64::MAX)), Err(Error::Cell { .. })));
    }

    #[test]
    fn sets_follow_the_rules_of_sets() {
        let (a, b) = (cone(10.0, 20.0, 2.0, 10), cone(12.0, 20.0, 2.0, 10));
        let parts =
            a.difference(&b).area_deg2() + b.difference(&a).area_deg2() + a.intersection(&b).area_deg2();
        assert!((a.union(&b).area_deg2() - parts).abs() < 1e-9);
        assert_eq!(a.complement().complement(), a);
        assert!(a.intersection(&a.complement()).is_empty());
        assert_eq!(a.union(&a.complement()), Moc::whole_sky(10).unwrap());
        assert_eq!(Moc::from_ranges(10, a.ranges().to_vec()).unwrap(), a);
        assert!(a.degraded(5).difference(&a).area_deg2() > 0.0 && a.difference(&a.degraded(5)).is_empty());
    }

    #[test]
    fn text_regions_are_those_of_the_same_numbers() {
        let text = Moc::from_stcs("Circle ICRS 10.0 20.0 2.0", 9).unwrap();
        let ours = cone(10.0, 20.0, 2.0, 9);
        assert!(
            text.difference(&ours).area_deg2() + ours.difference(&text).area_deg2() < 0.02 * ours.area_deg2()
        );
    }

    #[test]
    fn slices_answer_what_single_tests_answer() {
        let moc = cone(359.5, -5.0, 3.0, 11);
        let ra: Vec<f64> = (0..1000).map(|n| (f64::from(n) * 0.37) % 10.0 - 5.0).chain([f64::NAN]).collect();
        let dec: Vec<f64> = (0..1000).map(|n| (f64::from(n) * 0.011) - 10.0).chain([0.0]).collect();
        let mut out = vec![false; ra.len()];
        moc.contains_slice(&ra, &dec, &mut out).unwrap();
        let single =
            |k: usize| Direction::from_degrees(ra[k], dec[k]).is_ok_and(|place| moc.contains(&place));
        assert!((0..ra.len()).all(|k| out[k] == single(k)));
        assert!(out.iter().filter(|inside| **inside).count() > 100 && !out[1000]);
        let wrong =
            moc.contains_slice(&[0.0; 300], &[[0.0; 299].as_slice(), &[-91.0]].concat(), &mut out[..300]);
        assert!(matches!(wrong, Err(Error::Row { index: 299, .. })), "{wrong:?}");
    }
}
