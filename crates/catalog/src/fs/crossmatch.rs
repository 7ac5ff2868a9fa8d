//! Rows of two catalogues that are at the same place.
//!
//! Both are sorted by cell, so the left one is taken in portions, and for each the pages of the right one that can have
//! counterparts are read: those of the cells that the circles around the left rows touch, in whichever partition they
//! are. Nothing is lost at a border, and no margin is needed.
//!
//! Most circles lie in one cell, as their cells are several times as wide. That is decided by the corners of a box
//! around the circle: on the HEALPix plane such a box is a convex figure with straight sides but where it reaches over
//! a pole or the latitude at which the projection changes, and cells are convex. All others look in nine cells.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use parquet::arrow::ProjectionMask;
use parquet::file::statistics::Statistics;
use rayon::prelude::*;
use uranometria_sky::{Angle, Astrometry, Cone, Cost, Direction, Motion, Region, healpix};

use super::catalog::{Catalog, OpenPart};
use super::partition::PAGE_ROWS;
use super::{Control, Stage};
use crate::Error;
use crate::positions::doubles;

/// Rows of the left catalogue that are matched together.
const PORTION: usize = 1 << 16;

/// Rows of the right catalogue that are in memory for one portion.
const MOST_RIGHT: usize = 1 << 21;

/// Bytes of pairs that wait for their turn, about: a portion that gives its part of them leaves the rest for later.
const PAIR_BYTES: u64 = 1 << 29;

/// The column of distances.
pub const DISTANCE_COLUMN: &str = "_dist_arcsec";

/// How near two rows must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Radius {
    /// As near as this.
    Within(Angle),
    /// As near as `factor` times the root of the sum of squares of both rows' errors, and `most` at all.
    Errors {
        /// The left column of errors, arcseconds; none is 0.
        left: Option<String>,
        /// The right column of errors, arcseconds; none is 0.
        right: Option<String>,
        /// How many times the error.
        factor: f64,
        /// The most.
        most: Angle,
    },
}

/// Which of several counterparts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// So many of the nearest.
    Nearest(usize),
}

/// The columns of motions, and how long the stars moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// Proper motion in right ascension times the cosine of the declination, mas/yr; null is 0.
    pub pmra: String,
    /// Proper motion in declination, mas/yr; null is 0.
    pub pmdec: String,
    /// Parallax, mas; null and what is not positive is 0. Of use with a radial velocity.
    pub parallax: Option<String>,
    /// Radial velocity, km/s, positive when receding; null is 0. Of use with a parallax.
    pub radial_velocity: Option<String>,
    /// Julian years from the epoch of the catalogue to that of the match.
    pub years: f64,
}

/// How to match.
#[derive(Clone, Debug)]
pub struct MatchOptions {
    /// How near.
    pub radius: Radius,
    /// Which counterparts.
    pub keep: Keep,
    /// Keep left rows without counterpart, with nulls.
    pub left_outer: bool,
    /// The left columns wanted; `None` is all but the cell.
    pub left_columns: Option<Vec<String>>,
    /// The right columns wanted; `None` is all but the cell.
    pub right_columns: Option<Vec<String>>,
    /// Moves the left rows.
    pub left_moved: Option<Moved>,
    /// Moves the right rows.
    pub right_moved: Option<Moved>,
    /// Threads; 0 for one a core.
    pub threads: usize,
}

impl Default for MatchOptions {
    /// The nearest within an arcsecond.
    fn default() -> Self {
        MatchOptions {
            radius: Radius::Within(Angle::from_arcsec(1.0)),
            keep: Keep::Nearest(1),
            left_outer: false,
            left_columns: None,
            right_columns: None,
            left_moved: None,
            right_moved: None,
            threads: 0,
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Left rows.
    pub left: u64,
    /// Left rows with a counterpart.
    pub with_counterpart: u64,
    /// Pairs.
    pub pairs: u64,
}

/// A crossmatch that is ready to run.
#[derive(Debug)]
pub struct Crossmatch<'a> {
    left: Side<'a>,
    right: Side<'a>,
    keep: Keep,
    left_outer: bool,
    factor: f64,
    most: Angle,
    fixed: bool,
    /// How far a pair may be apart before the rows are moved, and the depth of the cells.
    search: Angle,
    depth: u8,
    threads: usize,
    /// Bytes of a pair, about.
    pair_bytes: u64,
    schema: SchemaRef,
}

/// A catalogue and what is read of it.
#[derive(Debug)]
struct Side<'a> {
    catalog: &'a Catalog,
    /// Columns in the result.
    wanted: Vec<usize>,
    error: Option<usize>,
    moved: Option<Columns>,
}

/// The columns of motions, and years.
#[derive(Clone, Copy, Debug)]
struct Columns {
    pmra: usize,
    pmdec: usize,
    parallax: Option<usize>,
    radial_velocity: Option<usize>,
    years: f64,
}

impl Columns {
    /// All that may be, in the order of [`UNITS`].
    fn places(&self) -> [Option<usize>; 4] {
        [Some(self.pmra), Some(self.pmdec), self.parallax, self.radial_velocity]
    }
}

/// Positions and what else decides a match, of rows in order of their cells.
#[derive(Default)]
struct Rows {
    cells: Vec<i64>,
    ra: Vec<f64>,
    dec: Vec<f64>,
    error: Vec<f64>,
    pmra: Vec<f64>,
    pmdec: Vec<f64>,
    parallax: Vec<f64>,
    radial_velocity: Vec<f64>,
}

/// Rows that follow one another in a partition.
#[derive(Clone, Debug)]
struct Piece {
    part: usize,
    rows: Range<usize>,
}

/// A left row, a right row, and their distance in arcseconds.
type Pair = (u32, u32, f64);

/// What the columns of motions have.
const UNITS: [&str; 4] = [
    "numbers, milliarcseconds a year",
    "numbers, milliarcseconds a year",
    "numbers, milliarcseconds",
    "numbers, kilometres a second",
];

impl<'a> Side<'a> {
    fn new(
        catalog: &'a Catalog,
        wanted: Option<&Vec<String>>,
        error: Option<&String>,
        moved: Option<&Moved>,
    ) -> Result<Self, Error> {
        let column = |name: &String| catalog.column(name);
        let wanted = match wanted {
            None => (0..catalog.schema().fields().len()).filter(|&at| at != catalog.cell).collect(),
            Some(names) => catalog.columns(names)?,
        };
        let moved = match moved {
            None => None,
            Some(moved) if !moved.years.is_finite() => {
                let found = moved.years.to_string();
                return Err(Error::Option { option: "years", found, wanted: "a finite number" });
            }
            Some(moved) => {
                let moved = Columns {
                    pmra: column(&moved.pmra)?,
                    pmdec: column(&moved.pmdec)?,
                    parallax: moved.parallax.as_ref().map(column).transpose()?,
                    radial_velocity: moved.radial_velocity.as_ref().map(column).transpose()?,
                    years: moved.years,
                };
                for (at, wanted) in moved.places().into_iter().zip(UNITS) {
                    let Some(at) = at else { continue };
                    let field = catalog.schema().field(at);
                    if !field.data_type().is_numeric() {
                        let (column, found) = (field.name().clone(), field.data_type().to_string());
                        return Err(Error::ColumnType { column, found, wanted }.in_file(catalog.path()));
                    }
                }
                Some(moved)
            }
        };
        Ok(Side { catalog, wanted, error: error.map(column).transpose()?, moved })
    }

    /// The farthest that any row moves.
    fn farthest(&self) -> Result<Angle, Error> {
        let Some(moved) = self.moved else { return Ok(Angle::from_degrees(0.0)) };
        let mut ends = [(0.0_f64, 0.0_f64); 4];
        for part in 0..self.catalog.parts().len() {
            for (column, ends) in moved.places().into_iter().zip(&mut ends) {
                let Some(column) = column else { continue };
                let here = self.ends(part, column)?;
                *ends = (ends.0.min(here.0), ends.1.max(here.1));
            }
        }
        let [east, north, _, radial_velocity] = ends.map(|(least, most)| most.max(-least));
        // What is not positive is no parallax.
        let parallax = ends[2].1;
        // A star that has all of these, and comes nearer.
        let star = Astrometry {
            ra_deg: 0.0,
            dec_deg: 0.0,
            parallax_mas: parallax,
            pmra_mas_yr: east.hypot(north),
            pmdec_mas_yr: 0.0,
            rv_km_s: -radial_velocity * moved.years.signum(),
        };
        let Ok(then) = star.propagate(moved.years) else { return Ok(Angle::from_degrees(180.0)) };
        let (here, then) =
            (Direction::from_degrees(0.0, 0.0)?, Direction::from_degrees(then.ra_deg, then.dec_deg)?);
        Ok(Angle::from_degrees(here.separation(&then).degrees() * 1.000_001))
    }

    /// The least and the greatest number in a column of a partition, and 0.
    fn ends(&self, part: usize, column: usize) -> Result<(f64, f64), Error> {
        let open = self.catalog.parts()[part].open()?;
        let data_type = self.catalog.schema().field(column).data_type();
        // Ends of decimals and of numbers without sign are noted in other forms.
        let plain = data_type.is_floating() || data_type.is_signed_integer();
        if let Some(ends) = ends(open, column).filter(|_| plain) {
            return Ok(ends);
        }
        // Nobody noted them, as where one page has NaN alone.
        let rows = 0..self.catalog.parts()[part].rows()? as usize;
        let mut found = (0.0_f64, 0.0_f64);
        for batch in self.batches(&[Piece { part, rows }], &[column]) {
            let (_, batch) = batch?;
            let name = self.catalog.schema().field(column).name();
            for value in doubles(batch.column(0), name)?.values() {
                found = (found.0.min(*value), found.1.max(*value));
            }
        }
        Ok(found)
    }

    /// The motions of rows.
    fn motion<'r>(&self, rows: &'r Rows) -> Motion<'r> {
        let given = |values: &'r Vec<f64>| (!values.is_empty()).then_some(values.as_slice());
        Motion {
            pmra_mas_yr: &rows.pmra,
            pmdec_mas_yr: &rows.pmdec,
            parallax_mas: given(&rows.parallax),
            rv_km_s: given(&rows.radial_velocity),
        }
    }

    /// About how many bytes the wanted columns of a row take, decoded.
    fn row_bytes(&self) -> Result<u64, Error> {
        let Some(part) = self.catalog.parts().first() else { return Ok(0) };
        let file = part.open()?.metadata.metadata();
        let schema = file.file_metadata().schema_descr();
        let wanted = |leaf: &usize| self.wanted.contains(&schema.get_column_root_idx(*leaf));
        let bytes = file
            .row_groups()
            .iter()
            .flat_map(|group| (0..schema.num_columns()).filter(wanted).map(|leaf| group.column(leaf)))
            .map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0))
            .fold(0, u64::saturating_add);
        // Encoded values may take next to nothing; of text nobody knows how much.
        let decoded = self.wanted.iter().map(|column| {
            let data_type = self.catalog.schema().field(*column).data_type();
            data_type.primitive_width().unwrap_or(64) as u64
        });
        Ok((bytes / part.rows()?.max(1)).max(decoded.sum()))
    }

    /// Reads what decides a match.
    fn read(&self, pieces: &[Piece]) -> Result<Rows, Error> {
        let (cell, ra, dec) = (self.catalog.cell, self.catalog.ra, self.catalog.dec);
        let mut columns = vec![cell, ra, dec];
        columns.extend(self.error);
        columns.extend(self.moved.iter().flat_map(Columns::places).flatten());
        columns.sort_unstable();
        columns.dedup();
        let mut rows = Rows::default();
        for batch in self.batches(pieces, &columns) {
            let (part, batch) = batch?;
            let at = |column: usize| batch.column(columns.partition_point(|other| *other < column));
            let in_file = |error: Error| error.in_file(self.catalog.parts()[part].path());
            let read = |column: usize| {
                doubles(at(column), self.catalog.schema().field(column).name()).map_err(in_file)
            };
            let cells = at(cell).as_primitive_opt::<Int64Type>().ok_or_else(|| {
                in_file(Error::NotHats {
                    reason: format!("cells are {}, expected int64", at(cell).data_type()),
                })
            })?;
            if !cells.values().is_sorted() || cells.values().first() < rows.cells.last() {
                let reason = "rows are not in order of their cells; import it anew".to_string();
                return Err(in_file(Error::NotHats { reason }));
            }
            rows.cells.extend_from_slice(cells.values());
            rows.ra.extend_from_slice(read(ra)?.values());
            rows.dec.extend_from_slice(read(dec)?.values());
            if let Some(error) = self.error {
                rows.error.extend_from_slice(read(error)?.values());
            }
            if let Some(moved) = self.moved {
                let known = |speed: &f64| if speed.is_nan() { 0.0 } else { *speed };
                let into = [&mut rows.pmra, &mut rows.pmdec, &mut rows.parallax, &mut rows.radial_velocity];
                for (column, into) in moved.places().into_iter().zip(into) {
                    if let Some(column) = column {
                        into.extend(read(column)?.values().iter().map(known));
                    }
                }
            }
        }
        Ok(rows)
    }

    /// Some columns, ascending, of some rows, and the partition of each batch.
    fn batches<'b>(
        &'b self,
        pieces: &'b [Piece],
        columns: &'b [usize],
    ) -> impl Iterator<Item = Result<(usize, RecordBatch), Error>> + 'b {
        pieces.chunk_by(|a, b| a.part == b.part).flat_map(move |pieces| {
            let part = pieces[0].part;
            let file = &self.catalog.parts()[part];
            let rows: Vec<Range<usize>> = pieces.iter().map(|piece| piece.rows.clone()).collect();
            let reader = file.open().and_then(|open| {
                let mask = ProjectionMask::roots(open.metadata.parquet_schema(), columns.iter().copied());
                open.pages.read((&open.chunks, &open.metadata), mask, &rows, 1 << 16)
            });
            let (reader, failure) = match reader {
                Ok(reader) => (Some(reader), None),
                Err(error) => (None, Some(Err(error.in_file(file.path())))),
            };
            let batches = reader
                .into_iter()
                .flatten()
                .map(move |batch| Ok((part, batch.map_err(|error: Error| error.in_file(file.path()))?)));
            failure.into_iter().chain(batches)
        })
    }

    /// All wanted columns of some rows, in the order wanted.
    fn wanted(&self, pieces: &[Piece]) -> Result<Vec<ArrayRef>, Error> {
        let mut columns = self.wanted.clone();
        columns.sort_unstable();
        let batches: Vec<RecordBatch> =
            self.batches(pieces, &columns).map(|batch| Ok(batch?.1)).collect::<Result<_, Error>>()?;
        let fields: Vec<Arc<Field>> =
            columns.iter().map(|&column| self.catalog.schema().fields()[column].clone()).collect();
        let schema = Arc::new(Schema::new(fields));
        let all = match batches.as_slice() {
            [] => RecordBatch::new_empty(schema),
            [first, ..] => {
                concat_batches(first.schema_ref(), &batches).map_err(Error::arrow("join its rows"))?
            }
        };
        Ok(self
            .wanted
            .iter()
            .map(|column| all.column(columns.partition_point(|at| at < column)).clone())
            .collect())
    }

    /// The pieces that have rows in the cells.
    fn select(&self, ranges: &[Range<u64>]) -> Result<Vec<Piece>, Error> {
        let mut pieces = Vec::new();
        let parts = self.catalog.parts();
        let Some((first, last)) = ranges.first().zip(ranges.last()) else { return Ok(pieces) };
        let from = parts.partition_point(|part| part.pixel().cells().end <= first.start);
        for (part, file) in parts.iter().enumerate().skip(from) {
            let cells = file.pixel().cells();
            if cells.start >= last.end {
                break;
            }
            let at = ranges.partition_point(|range| range.end <= cells.start);
            let end = ranges.partition_point(|range| range.start < cells.end);
            if at < end {
                let rows = file.open()?.pages.select(&ranges[at..end]);
                pieces.extend(rows.into_iter().map(|rows| Piece { part, rows }));
            }
        }
        Ok(pieces)
    }
}

/// The least and the greatest number in a column, and 0, where all row groups have noted them.
fn ends(open: &OpenPart, column: usize) -> Option<(f64, f64)> {
    let file = open.metadata.metadata();
    let descriptor = open.metadata.parquet_schema();
    let leaf = (0..descriptor.num_columns()).find(|leaf| descriptor.get_column_root_idx(*leaf) == column)?;
    let mut all = (0.0_f64, 0.0_f64);
    for group in file.row_groups() {
        let statistics = group.column(leaf).statistics()?;
        if statistics.null_count_opt() == u64::try_from(group.num_rows()).ok() {
            continue;
        }
        let here = match statistics {
            Statistics::Double(ends) => (*ends.min_opt()?, *ends.max_opt()?),
            Statistics::Float(ends) => (f64::from(*ends.min_opt()?), f64::from(*ends.max_opt()?)),
            Statistics::Int32(ends) => (f64::from(*ends.min_opt()?), f64::from(*ends.max_opt()?)),
            Statistics::Int64(ends) => (*ends.min_opt()? as f64, *ends.max_opt()? as f64),
            _ => return None,
        };
        if !(here.0.is_finite() && here.1.is_finite()) {
            return None;
        }
        all = (all.0.min(here.0), all.1.max(here.1));
    }
    Some(all)
}

impl<'a> Crossmatch<'a> {
    /// Prepares a match; the result has the left columns, the right ones, and [`DISTANCE_COLUMN`]. Right columns whose
    /// name is taken get the name of the right catalogue behind `_`.
    ///
    /// # Errors
    /// [`Error::NoColumn`]; [`Error::Twice`] for a column that is wanted twice; [`Error::ColumnType`] for motions that are no
    /// numbers; [`Error::Option`] for radii that are not from 0 to 1 degree, and for motions that move a
    /// star by more than that.
    pub fn new(left: &'a Catalog, right: &'a Catalog, options: &MatchOptions) -> Result<Self, Error> {
        let (errors, factor, most, fixed) = match &options.radius {
            Radius::Within(radius) => ((None, None), 1.0, *radius, true),
            Radius::Errors { left, right, factor, most } => {
                ((left.as_ref(), right.as_ref()), *factor, *most, false)
            }
        };
        let bad = |option, found: String, wanted| Err(Error::Option { option, found, wanted });
        if !(0.0..=1.0).contains(&most.degrees()) {
            return bad("radius", format!("{} degrees", most.degrees()), "0 to 1 degree");
        }
        if !(factor >= 0.0 && factor.is_finite()) {
            return bad("factor", factor.to_string(), "a finite number, at least 0");
        }
        if options.keep == Keep::Nearest(0) {
            return bad("nearest", "0".into(), "at least 1");
        }
        let left = Side::new(left, options.left_columns.as_ref(), errors.0, options.left_moved.as_ref())?;
        let right = Side::new(right, options.right_columns.as_ref(), errors.1, options.right_moved.as_ref())?;
        let farthest = right.farthest()?;
        if farthest.degrees() > 1.0 {
            return bad(
                "years",
                format!("so many that stars move {} degrees", farthest.degrees()),
                "at most 1 degree",
            );
        }
        let search = Angle::from_degrees((most.degrees() + farthest.degrees()) * (1.0 + 1e-9) + 1e-11);
        let around = Cone::new(Direction::from_degrees(0.0, 0.0)?, search)?;
        // The least cells of which nine hold any such circle; most circles lie in one cell of some depths up, which are
        // as many as leave few right rows in a cell.
        let least = Region::from(around).coverage(Cost::Beyond(0)).depth();
        let sky = right
            .catalog
            .parts()
            .iter()
            .map(|part| 0.25_f64.powi(part.pixel().order.into()) / 12.0)
            .sum::<f64>();
        let rows = right.catalog.rows()? as f64;
        let in_cell = |up: &u8| rows / sky / 12.0 * 0.25_f64.powi(i32::from(least.saturating_sub(*up)));
        let up = (2..=4).rev().find(|up| in_cell(up) <= 1.0).unwrap_or(2);
        let depth = least.saturating_sub(up);
        let schema = schema(&left, &right, options.left_outer);
        let pair_bytes = left.row_bytes()?.saturating_add(right.row_bytes()?).saturating_add(16);
        let threads = options.threads;
        let (keep, left_outer) = (options.keep, options.left_outer);
        Ok(Crossmatch {
            left,
            right,
            keep,
            left_outer,
            factor,
            most,
            fixed,
            search,
            depth,
            threads,
            pair_bytes,
            schema,
        })
    }

    /// The columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Matches, and gives the rows found to `sink`, ordered by the left row's cell and then by distance.
    ///
    /// # Errors
    /// Those of reading, of `sink`, and [`Error::Interrupted`].
    pub fn run(
        &self,
        control: &Control<'_>,
        mut sink: impl FnMut(RecordBatch) -> Result<(), Error>,
    ) -> Result<Matched, Error> {
        let mut work: VecDeque<Work> = VecDeque::new();
        let mut total = 0;
        for (part, file) in self.left.catalog.parts().iter().enumerate() {
            let rows = file.rows()? as usize;
            work.extend(pieces(part, 0..rows, PORTION).map(Work::ToDo));
            total += rows as u64;
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool = pool.map_err(|error| Error::io("start threads", std::io::Error::other(error)))?;
        // So many together that no thread waits long for the last, and few enough to be kept in memory.
        let together = 4 * pool.current_num_threads();
        let most = (PAIR_BYTES / self.pair_bytes / together as u64).clamp(1 << 10, 1 << 20) as usize;
        let mut matched = Matched::default();
        let mut waiting = 0;
        while !work.is_empty() {
            control.check()?;
            // Where enough waits, the first alone is done, for which the others wait.
            let next = if waiting < (most * together) as u64 { together } else { 1 };
            let to_do: Vec<(usize, Piece)> = work
                .iter()
                .take(next)
                .enumerate()
                .filter_map(|(at, work)| match work {
                    Work::ToDo(piece) => Some((at, piece.clone())),
                    Work::Done(_) => None,
                })
                .collect();
            let done: Vec<(Vec<Found>, Option<Range<usize>>)> = pool
                .install(|| {
                    to_do.par_iter().map(|(_, piece)| self.portion(piece, most, control)).collect::<Vec<_>>()
                })
                .into_iter()
                .collect::<Result<_, Error>>()?;
            // From the last, so that the places of those before stay true.
            for ((at, piece), (found, rest)) in to_do.into_iter().zip(done).rev() {
                waiting += found.iter().map(|found| found.pairs).sum::<u64>();
                work[at] = Work::Done(found);
                let Some(rest) = rest else { continue };
                // As many rows in each piece as gave pairs enough, but no fewer than a page has.
                let rows = (rest.start - piece.rows.start).max(PAGE_ROWS);
                for (n, piece) in pieces(piece.part, rest, rows).enumerate() {
                    work.insert(at + 1 + n, Work::ToDo(piece));
                }
            }
            while matches!(work.front(), Some(Work::Done(_))) {
                let Some(Work::Done(found)) = work.pop_front() else { break };
                for found in found {
                    matched.left += found.left;
                    matched.with_counterpart += found.with_counterpart;
                    matched.pairs += found.pairs;
                    waiting -= found.pairs;
                    if found.rows.num_rows() > 0 {
                        sink(found.rows)?;
                    }
                }
            }
            control.report(Stage::Matching, matched.left, total);
        }
        Ok(matched)
    }

    /// Matches some left rows, and tells those of them that are left to be matched behind very many pairs.
    fn portion(
        &self,
        piece: &Piece,
        most: usize,
        control: &Control<'_>,
    ) -> Result<(Vec<Found>, Option<Range<usize>>), Error> {
        let mut rows = self.left.read(std::slice::from_ref(piece))?;
        if let Some(Columns { years, .. }) = self.left.moved {
            let (mut ra, mut dec) = (std::mem::take(&mut rows.ra), std::mem::take(&mut rows.dec));
            Astrometry::propagate_slice(years, &mut ra, &mut dec, &self.left.motion(&rows))
                .map_err(|error| Error::from(error).in_file(self.left.catalog.parts()[piece.part].path()))?;
            (rows.ra, rows.dec) = (ra, dec);
        }
        let homes = self.homes(&rows)?;
        let (mut found, mut pairs_found) = (Vec::new(), 0);
        let mut todo = Vec::from_iter([Range { start: 0, end: rows.ra.len() }]);
        while let Some(part) = todo.pop() {
            control.check()?;
            let pieces = self.right.select(&self.ranges(&homes[part.clone()])?)?;
            let count: usize = pieces.iter().map(|piece| piece.rows.len()).sum();
            if count > MOST_RIGHT && part.len() > 1 {
                let middle = part.start + part.len() / 2;
                todo.extend([middle..part.end, part.start..middle]);
                continue;
            }
            let right = self.right.read(&pieces)?;
            let (pairs, next) =
                self.pairs(&rows, part.clone(), &homes, &right, most - pairs_found, control)?;
            pairs_found += pairs.len();
            found.push(self.joined(piece, part.start..next, &pairs, &pieces)?);
            if pairs_found >= most {
                let rest = piece.rows.start + next..piece.rows.end;
                return Ok((found, (!rest.is_empty()).then_some(rest)));
            }
        }
        Ok((found, None))
    }

    /// The cell of each left row, and whether its circle reaches into others.
    fn homes(&self, rows: &Rows) -> Result<Vec<(u64, bool)>, Error> {
        let (count, reach) = (rows.ra.len(), self.search.degrees());
        let mut cells = vec![0; count];
        // Rows without position are asked at a place that has one, and matched with nothing later.
        let place = |row: usize| match rows.ra[row].is_nan() || rows.dec[row].is_nan() {
            true => (0.0, 0.0),
            false => (rows.ra[row], rows.dec[row]),
        };
        let (ra, dec): (Vec<f64>, Vec<f64>) = (0..count).map(place).unzip();
        healpix::hash_slice(self.depth, &ra, &dec, &mut cells)?;
        let mut homes: Vec<(u64, bool)> = cells.iter().map(|&cell| (cell, false)).collect();
        // The latitude at which HEALPix changes its projection: sin is 2/3.
        let change = (2.0_f64 / 3.0).asin().to_degrees();
        let special = |dec: f64| dec.abs() + 2.0 * reach >= 90.0 || (dec.abs() - change).abs() <= 2.0 * reach;
        let (mut corner_ra, mut corner_dec, mut corners) =
            (vec![0.0; count], vec![0.0; count], vec![0; count]);
        for (east, north) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
            for row in 0..count {
                let away = if special(dec[row]) {
                    0.0
                } else {
                    (self.search.radians().sin() / dec[row].to_radians().cos()).asin().to_degrees()
                        * (1.0 + 1e-9)
                };
                corner_ra[row] = ra[row] + east * away;
                corner_dec[row] = if away == 0.0 { dec[row] } else { dec[row] + north * reach };
            }
            healpix::hash_slice(self.depth, &corner_ra, &corner_dec, &mut corners)?;
            for row in 0..count {
                homes[row].1 |= corners[row] != homes[row].0 || special(dec[row]);
            }
        }
        Ok(homes)
    }

    /// The cells of depth 29 that the circles of rows touch.
    fn ranges(&self, homes: &[(u64, bool)]) -> Result<Vec<Range<u64>>, Error> {
        let mut cells: Vec<u64> = Vec::with_capacity(homes.len());
        let mut more: Vec<u64> = Vec::new();
        for (cell, reaches_out) in homes {
            if cells.last() != Some(cell) {
                cells.push(*cell);
            }
            if *reaches_out {
                more.extend(healpix::neighbours(self.depth, *cell)?);
            }
        }
        more.sort_unstable();
        more.dedup();
        cells.extend(more);
        // The stable sort merges what is in order already.
        cells.sort();
        cells.dedup();
        let shift = 2 * (healpix::MAX_DEPTH - self.depth);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for cell in cells {
            let range = cell << shift..(cell + 1) << shift;
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => ranges.push(range),
            }
        }
        Ok(ranges)
    }

    /// Pairs of some left rows, ordered by left row and distance, until there are enough; and the row behind the last.
    fn pairs(
        &self,
        left: &Rows,
        part: Range<usize>,
        homes: &[(u64, bool)],
        right: &Rows,
        most: usize,
        control: &Control<'_>,
    ) -> Result<(Vec<Pair>, usize), Error> {
        let mut pairs: Vec<Pair> = Vec::with_capacity(part.len());
        let end = part.end;
        let shift = 2 * (healpix::MAX_DEPTH - self.depth);
        let range = |cell: u64, hint: usize| {
            let (start, end) = ((cell << shift) as i64, ((cell + 1) << shift) as i64);
            // Left rows ascend, so the place is near the one before.
            let from = near(&right.cells, start, hint);
            let to = from + right.cells[from..].iter().take_while(|cell| **cell < end).count();
            from..to
        };
        let mut hint = 0;
        for row in part {
            // Of a wide circle one row may have millions of candidates.
            control.check()?;
            let (home, more) = homes[row];
            let first = pairs.len();
            let here = range(home, hint);
            hint = here.start;
            self.near_rows(left, row, right, here, &mut pairs)?;
            if more {
                for cell in healpix::neighbours(self.depth, home)? {
                    self.near_rows(left, row, right, range(cell, hint), &mut pairs)?;
                }
            }
            let found = &mut pairs[first..];
            found.sort_unstable_by(|a, b| a.2.total_cmp(&b.2).then(a.1.cmp(&b.1)));
            if let Keep::Nearest(nearest) = self.keep {
                pairs.truncate(first.saturating_add(nearest).min(pairs.len()));
            }
            if pairs.len() >= most {
                return Ok((pairs, row + 1));
            }
        }
        Ok((pairs, end))
    }

    /// Adds the pairs of a left row with some right rows.
    fn near_rows(
        &self,
        left: &Rows,
        row: usize,
        right: &Rows,
        candidates: Range<usize>,
        pairs: &mut Vec<Pair>,
    ) -> Result<(), Error> {
        let (ra, dec) = (left.ra[row], left.dec[row]);
        for other in candidates {
            let (mut other_ra, mut other_dec) = (right.ra[other], right.dec[other]);
            let mut reach = self.most.degrees();
            // A row without position is never near.
            if other_ra.is_nan() || other_dec.is_nan() {
                continue;
            }
            if let Some(Columns { years, .. }) = self.right.moved {
                let of = |values: &[f64]| values.get(other).copied().unwrap_or(0.0);
                let star = Astrometry {
                    ra_deg: other_ra,
                    dec_deg: other_dec,
                    parallax_mas: of(&right.parallax),
                    pmra_mas_yr: right.pmra[other],
                    pmdec_mas_yr: right.pmdec[other],
                    rv_km_s: of(&right.radial_velocity),
                };
                let way = if star.parallax_mas > 0.0 && star.rv_km_s != 0.0 {
                    self.search.degrees() - reach
                } else {
                    let speed = star.pmra_mas_yr.hypot(star.pmdec_mas_yr);
                    Angle::from_mas(speed * years.abs()).degrees() * 1.000_001
                };
                if (other_dec - dec).abs() > (reach + way) * (1.0 + 1e-9) + 1e-11 {
                    continue;
                }
                let moved = star
                    .propagate(years)
                    .map_err(|error| Error::from(error).in_file(self.right.catalog.path()))?;
                (other_ra, other_dec) = (moved.ra_deg, moved.dec_deg);
            }
            if !self.fixed {
                let error = |rows: &Rows, row: usize| rows.error.get(row).copied().unwrap_or(0.0);
                let error = error(left, row).hypot(error(right, other));
                let own = Angle::from_arcsec(self.factor * error).degrees();
                // Unlike `min`, this keeps NaN, of a missing error.
                reach = if own > reach { reach } else { own };
            }
            if (other_dec - dec).abs() > reach * (1.0 + 1e-9) + 1e-11 {
                continue;
            }
            let distance = separation((ra, dec), (other_ra, other_dec));
            // NaN, of a missing position or error, is never near.
            if distance <= reach {
                pairs.push((row as u32, other as u32, distance * 3600.0));
            }
        }
        Ok(())
    }

    /// The rows of the result.
    fn joined(
        &self,
        piece: &Piece,
        part: Range<usize>,
        pairs: &[Pair],
        pieces: &[Piece],
    ) -> Result<Found, Error> {
        let mut lefts: Vec<u32> = Vec::with_capacity(pairs.len());
        let mut rights: Vec<Option<u32>> = Vec::with_capacity(pairs.len());
        let mut distances: Vec<Option<f64>> = Vec::with_capacity(pairs.len());
        let (mut next, mut with_counterpart) = (0, 0);
        for row in part.clone() {
            let before = next;
            while let Some((left, right, distance)) = pairs.get(next).filter(|pair| pair.0 as usize == row) {
                lefts.push(left - part.start as u32);
                rights.push(Some(*right));
                distances.push(Some(*distance));
                next += 1;
            }
            with_counterpart += u64::from(next > before);
            if next == before && self.left_outer {
                lefts.push((row - part.start) as u32);
                rights.push(None);
                distances.push(None);
            }
        }
        let failed = Error::arrow("join the rows of a match");
        let mut arrays: Vec<ArrayRef> = Vec::new();
        let rows = piece.rows.start + part.start..piece.rows.start + part.end;
        let chosen = UInt32Array::from(lefts);
        if !chosen.values().is_empty() {
            for array in self.left.wanted(&[Piece { part: piece.part, rows }])? {
                arrays.push(take(&array, &chosen, None).map_err(&failed)?);
            }
            let (pieces, places) = compact(pieces, &rights);
            for (array, field) in
                self.right.wanted(&pieces)?.iter().zip(&self.schema.fields()[self.left.wanted.len()..])
            {
                let empty = arrow_array::new_null_array(field.data_type(), places.len());
                arrays.push(if array.is_empty() {
                    empty
                } else {
                    take(array, &places, None).map_err(&failed)?
                });
            }
            arrays.push(Arc::new(Float64Array::from(distances)));
        }
        let rows = match arrays.is_empty() {
            true => RecordBatch::new_empty(self.schema.clone()),
            false => RecordBatch::try_new(self.schema.clone(), arrays).map_err(&failed)?,
        };
        Ok(Found { rows, left: part.len() as u64, with_counterpart, pairs: pairs.len() as u64 })
    }
}

/// Left rows that are yet to be matched, or what they gave until its turn comes.
enum Work {
    ToDo(Piece),
    Done(Vec<Found>),
}

/// Rows of a partition in pieces of so many.
fn pieces(part: usize, rows: Range<usize>, most: usize) -> impl Iterator<Item = Piece> {
    let end = rows.end;
    rows.step_by(most).map(move |start| Piece { part, rows: start..end.min(start + most) })
}

/// What a part of a portion gave.
struct Found {
    rows: RecordBatch,
    left: u64,
    with_counterpart: u64,
    pairs: u64,
}

/// The pieces with the rows that are used alone, and where in them those rows are.
fn compact(pieces: &[Piece], rows: &[Option<u32>]) -> (Vec<Piece>, UInt32Array) {
    let mut used: Vec<u32> = rows.iter().flatten().copied().collect();
    // Left and right rows are both ordered by cell, so these are nearly in order, which the stable sort makes use of.
    used.sort();
    used.dedup();
    let mut hint = 0;
    let mut place = |row: u32| {
        hint = near(&used, row, hint);
        hint as u32
    };
    let places: UInt32Array = rows.iter().map(|row| row.map(&mut place)).collect();
    let mut out: Vec<Piece> = Vec::new();
    let (mut pieces, mut before) = (pieces.iter(), 0);
    let mut current = pieces.next();
    for &row in &used {
        let row = row as usize;
        while let Some(piece) = current.filter(|piece| row >= before + piece.rows.len()) {
            before += piece.rows.len();
            current = pieces.next();
        }
        let Some(piece) = current else { break };
        let at = piece.rows.start + row - before;
        match out.last_mut() {
            Some(last) if last.part == piece.part && last.rows.end == at => last.rows.end += 1,
            _ => out.push(Piece { part: piece.part, rows: at..at + 1 }),
        }
    }
    (out, places)
}

/// The first place with at least this value in ascending ones, quickly if it is near the hint.
fn near<T: PartialOrd + Copy>(cells: &[T], cell: T, hint: usize) -> usize {
    let (mut low, mut step) = (hint.min(cells.len()), 1);
    if low > 0 && cells[low - 1] >= cell {
        return cells[..low].partition_point(|other| *other < cell);
    }
    let mut high = low;
    while high < cells.len() && cells[high] < cell {
        low = high + 1;
        high += step;
        step *= 2;
    }
    let high = high.min(cells.len());
    low + cells[low..high].partition_point(|other| *other < cell)
}

/// Degrees between two positions in degrees, exact for small ones.
fn separation((ra, dec): (f64, f64), (other_ra, other_dec): (f64, f64)) -> f64 {
    let half = |a: f64, b: f64| (0.5 * (a - b)).to_radians().sin();
    let cos = |dec: f64| dec.to_radians().cos();
    let square = half(dec, other_dec).powi(2) + cos(dec) * cos(other_dec) * half(ra, other_ra).powi(2);
    2.0 * square.sqrt().clamp(0.0, 1.0).asin().to_degrees()
}

fn schema(left: &Side<'_>, right: &Side<'_>, left_outer: bool) -> SchemaRef {
    let field = |side: &Side<'_>, column: usize| side.catalog.schema().field(column).clone();
    let mut fields: Vec<Field> = left.wanted.iter().map(|&column| field(left, column)).collect();
    for &column in &right.wanted {
        let mut field = field(right, column);
        while field.name() == DISTANCE_COLUMN || fields.iter().any(|other| other.name() == field.name()) {
            field = field.clone().with_name(format!("{}_{}", field.name(), right.catalog.name()));
        }
        let nullable = field.is_nullable() || left_outer;
        fields.push(field.with_nullable(nullable));
    }
    let about =
        [("unit".to_string(), "arcsec".to_string()), ("ucd".to_string(), "pos.angDistance".to_string())];
    fields
        .push(Field::new(DISTANCE_COLUMN, DataType::Float64, left_outer).with_metadata(HashMap::from(about)));
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hint_does_not_change_the_place(
            mut cells in prop::collection::vec(0_i64..40, 0..60), cell in 0_i64..42, hint in 0_usize..70,
        ) {
            cells.sort_unstable();
            prop_assert_eq!(near(&cells, cell, hint), cells.partition_point(|other| *other < cell));
        }

        #[test]
        fn rows_that_are_used_are_found_in_fewer_pieces(
            lengths in prop::collection::vec((0_usize..3, 1_usize..5), 1..8), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let (mut at, mut pieces) = (0, Vec::new());
            for (gap, len) in lengths {
                pieces.push(Piece { part: at / 7, rows: at + gap..at + gap + len });
                at += gap + len;
            }
            let all: Vec<(usize, usize)> =
                pieces.iter().flat_map(|piece| piece.rows.clone().map(|row| (piece.part, row))).collect();
            let rows: Vec<Option<u32>> = picks.iter().map(|pick| Some(pick.index(all.len()) as u32)).collect();
            let (used, places) = compact(&pieces, &rows);
            let left: Vec<(usize, usize)> =
                used.iter().flat_map(|piece| piece.rows.clone().map(|row| (piece.part, row))).collect();
            for (row, place) in rows.iter().flatten().zip(places.values()) {
                prop_assert_eq!(left[*place as usize], all[*row as usize]);
            }
        }
    }

    #[test]
    fn small_separations_are_exact() {
        let (a, b) = ((10.0, 60.0), (10.0 + 2e-9, 60.0));
        assert!((separation(a, b) / 1e-9 - 1.0).abs() < 1e-6);
        assert!((separation((359.999_9, 0.0), (0.000_1, 0.0)) - 0.000_2).abs() < 1e-12);
        assert!(separation((f64::NAN, 0.0), (0.0, 0.0)).is_nan());
    }
}
