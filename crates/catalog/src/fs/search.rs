//! The rows of a region, read from no more pages than they lie in.
//!
//! A region becomes ranges of cells, these become pages by the page index, which also tells the pages whose rows cannot
//! meet a condition; of the rows of those pages the ones in cells that are all inside are kept as they are; those in
//! cells at the boundary are tested one by one.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use uranometria_sky::{CellRange, Cost, Region};

use super::catalog::Catalog;
use super::decoder::Decoded;
use super::selection::{Selection, both};
use crate::positions::doubles;
use crate::{Condition, Error};

/// Where on the sky to look.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Place {
    /// Everywhere.
    #[default]
    Anywhere,
    /// In a region; its boundary is inside.
    Region(Region),
    /// In cells of depth 29, as `Moc::ranges` has them: ascending and apart.
    Cells(Vec<Range<u64>>),
}

impl<R: Into<Region>> From<R> for Place {
    fn from(region: R) -> Self {
        Place::Region(region.into())
    }
}

/// What to search a catalogue for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Where.
    pub place: Place,
    /// Regions that rows must be in besides, all of them; of those in the place each is tested.
    pub regions: Vec<Region>,
    /// The partitions that are searched, by their places in [`Catalog::parts`].
    pub parts: Range<usize>,
    /// The columns wanted, in that order; `None` is all.
    pub columns: Option<Vec<String>>,
    /// Conditions that rows must meet, all of them.
    pub conditions: Vec<Condition>,
    /// The most rows a batch may have.
    pub batch_rows: usize,
}

impl Default for Query {
    /// All rows and columns.
    fn default() -> Self {
        Query {
            place: Place::Anywhere,
            regions: Vec::new(),
            parts: 0..usize::MAX,
            columns: None,
            conditions: Vec::new(),
            batch_rows: 1 << 16,
        }
    }
}

/// The place as cells.
#[derive(Debug)]
enum Cells {
    All,
    Ranges(Vec<CellRange>),
}

/// A partition by its place, and runs of its rows.
type Selected = (usize, Vec<Range<usize>>);

/// What a search reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Partitions of which something is read, by their places in [`Catalog::parts`].
    pub parts: Vec<usize>,
    /// Rows that are decoded.
    pub rows: u64,
    /// Runs of neighbouring pages they are in.
    pub runs: u64,
}

/// Rows found, batch by batch in the order of their cells. Ends behind an error.
///
/// It borrows its catalogue or, as [`Catalog::search_shared`] gives it, shares it and goes where it likes.
pub struct Search<'a, C = &'a Catalog> {
    catalog: C,
    region: Option<Region>,
    /// Regions that rows must be in as well.
    regions: Vec<Region>,
    cells: Cells,
    /// The same without their kinds, neighbours joined.
    joined: Vec<Range<u64>>,
    selection: Selection,
    batch_rows: usize,
    next_part: usize,
    /// Behind the last partition.
    end: usize,
    open: Option<(usize, Decoded)>,
    decoded: u64,
    stop: Option<Box<dyn Fn() -> bool + Send + 'a>>,
}

impl<C: Borrow<Catalog>> fmt::Debug for Search<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Search");
        shown.field("catalog", &self.catalog.borrow().path()).field("next_part", &self.next_part);
        shown.field("decoded", &self.decoded).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Looks for rows.
    ///
    /// Partitions that the place does not touch are not opened, and of the others the pages it touches are decoded whose
    /// rows may meet the conditions.
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the nearest name; [`Error::ColumnType`] for a number compared with a text;
    /// [`Error::Twice`] for a column that is wanted twice.
    pub fn search(&self, query: &Query) -> Result<Search<'_>, Error> {
        Search::new(self, query)
    }

    /// The same, of a catalogue that is shared, so that the search may live as long as it likes and move to other threads.
    ///
    /// # Errors
    /// As [`Catalog::search`].
    pub fn search_shared(self: &Arc<Self>, query: &Query) -> Result<Search<'static, Arc<Self>>, Error> {
        Search::new(self.clone(), query)
    }

    /// What a search will read: footers are, rows are not.
    ///
    /// # Errors
    /// As [`Catalog::search`], and those of opening partitions.
    pub fn reads(&self, query: &Query) -> Result<Reads, Error> {
        let mut search = self.search(query)?;
        let mut reads = Reads::default();
        while let Some((part, rows)) = search.select()? {
            reads.parts.push(part);
            reads.rows += rows.iter().map(|run| run.len() as u64).sum::<u64>();
            reads.runs += rows.len() as u64;
        }
        Ok(reads)
    }
}

fn joined(ranges: &[CellRange]) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range.start..range.end),
        }
    }
    joined
}

impl<'a, C: Borrow<Catalog>> Search<'a, C> {
    fn new(held: C, query: &Query) -> Result<Self, Error> {
        let catalog = held.borrow();
        let (region, cells) = match &query.place {
            Place::Anywhere => (None, Cells::All),
            // As fine as is worth its while: 100 cells cost some microseconds, as does testing 2000 rows.
            Place::Region(region) => {
                (Some(region.clone()), Cells::Ranges(region.coverage(Cost::Cells(100)).ranges().to_vec()))
            }
            Place::Cells(ranges) => {
                let full = |range: &Range<u64>| CellRange { start: range.start, end: range.end, full: true };
                (None, Cells::Ranges(ranges.iter().map(full).collect()))
            }
        };
        let joined = match &cells {
            Cells::All => Vec::new(),
            Cells::Ranges(ranges) => joined(ranges),
        };
        let mut besides = Vec::new();
        if matches!(cells, Cells::Ranges(_)) {
            besides.push(catalog.cell);
        }
        if region.is_some() || !query.regions.is_empty() {
            besides.extend([catalog.ra, catalog.dec]);
        }
        let selection = Selection::new(catalog.schema(), query, besides)
            .map_err(|error| error.in_file(catalog.path()))?;
        let first = match joined.first() {
            Some(first) => catalog.parts.partition_point(|part| part.pixel().cells().end <= first.start),
            None if matches!(cells, Cells::All) => 0,
            None => catalog.parts.len(),
        };
        let next_part = first.max(query.parts.start);
        let end = query.parts.end.min(catalog.parts.len());
        Ok(Search {
            catalog: held,
            region,
            regions: query.regions.clone(),
            next_part,
            end,
            cells,
            joined,
            selection,
            batch_rows: query.batch_rows.max(1),
            open: None,
            decoded: 0,
            stop: None,
        })
    }

    /// Asks now and then whether to go on; if not, the search ends with [`Error::Interrupted`].
    #[must_use]
    pub fn stop_when(self, stop: impl Fn() -> bool + Send + 'a) -> Self {
        Search { stop: Some(Box::new(stop)), ..self }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &SchemaRef {
        &self.selection.schema
    }

    /// Rows that were decoded so far, whether they were found to be inside or not.
    pub fn decoded(&self) -> u64 {
        self.decoded
    }

    /// The next partition with rows to read, and these.
    fn select(&mut self) -> Result<Option<Selected>, Error> {
        let parts = &self.catalog.borrow().parts[..self.end];
        while let Some(part) = parts.get(self.next_part) {
            let inside = part.pixel().cells();
            let at = self.joined.partition_point(|range| range.end <= inside.start);
            if matches!(self.cells, Cells::Ranges(_)) {
                let Some(range) = self.joined.get(at) else {
                    self.next_part = self.end;
                    return Ok(None);
                };
                if range.start >= inside.end {
                    let rest = &parts[self.next_part..];
                    self.next_part += rest.partition_point(|part| part.pixel().cells().end <= range.start);
                    continue;
                }
            }
            self.next_part += 1;
            let open = part.open()?;
            let all = Range { start: 0, end: open.metadata.metadata().file_metadata().num_rows() as usize };
            let rows = match self.cells {
                Cells::All => Vec::from_iter([all]),
                Cells::Ranges(_) => open.pages.select(&self.joined[at..]),
            };
            let rows = self.selection.conditions.iter().fold(rows, |rows, (column, condition)| {
                open.pages.meeting(&open.metadata, rows, (*column, condition))
            });
            if !rows.iter().all(Range::is_empty) {
                return Ok(Some((self.next_part - 1, rows)));
            }
        }
        Ok(None)
    }

    /// Opens the next partition with pages to read; false if there is none.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some((at, rows)) = self.select()? else { return Ok(false) };
        let part = &self.catalog.borrow().parts[at];
        let open = part.open()?;
        let mask = ProjectionMask::roots(open.metadata.parquet_schema(), self.selection.read.iter().copied());
        let chunks = (&open.chunks, &open.metadata);
        let reader = open.pages.read(chunks, mask, &rows, self.batch_rows);
        self.open = Some((at, reader.map_err(|error: Error| error.in_file(part.path()))?));
        Ok(true)
    }

    /// The rows of a batch that are wanted.
    fn keep(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let inside = match &self.cells {
            Cells::All => None,
            Cells::Ranges(ranges) => self.inside(batch, ranges)?,
        };
        let mut mask = self.selection.met(batch, inside)?;
        for region in &self.regions {
            mask = Some(both(mask, self.tested(batch, region)?));
        }
        self.selection.given(batch, mask.as_ref())
    }

    /// Which rows of a batch are in a region, each tested.
    fn tested(&self, batch: &RecordBatch, region: &Region) -> Result<BooleanArray, Error> {
        let ra = doubles(batch.column(self.selection.place(self.catalog.borrow().ra)), "right ascension")?;
        let dec = doubles(batch.column(self.selection.place(self.catalog.borrow().dec)), "declination")?;
        let mut inside = vec![false; batch.num_rows()];
        region.contains_slice(ra.values(), dec.values(), &mut inside)?;
        Ok(inside.into())
    }

    /// Which rows of a batch are inside; None for all.
    fn inside(&self, batch: &RecordBatch, ranges: &[CellRange]) -> Result<Option<BooleanArray>, Error> {
        let cells = batch.column(self.selection.place(self.catalog.borrow().cell));
        let cells = cells.as_primitive_opt::<Int64Type>().ok_or_else(|| Error::ColumnType {
            column: self.catalog.borrow().schema().field(self.catalog.borrow().cell).name().clone(),
            found: cells.data_type().to_string(),
            wanted: "64-bit integers",
        })?;
        let cells = cells.values();
        let mut mask = BooleanBuilder::with_capacity(cells.len());
        if !cells.is_sorted() {
            return self.inside_unsorted(batch, ranges).map(Some);
        }
        let coordinates = match self.region {
            None => None,
            Some(_) => Some((
                doubles(batch.column(self.selection.place(self.catalog.borrow().ra)), "right ascension")?,
                doubles(batch.column(self.selection.place(self.catalog.borrow().dec)), "declination")?,
            )),
        };
        let Some(&first) = cells.first() else { return Ok(None) };
        let mut row = 0;
        let mut tested: Vec<bool> = Vec::new();
        let from = ranges.partition_point(|range| (range.end as i64) <= first);
        for range in &ranges[from..] {
            if row == cells.len() {
                break;
            }
            let start = row + cells[row..].partition_point(|cell| *cell < range.start as i64);
            let end = start + cells[start..].partition_point(|cell| *cell < range.end as i64);
            mask.append_n(start - row, false);
            match (&self.region, &coordinates) {
                (Some(region), Some((ra, dec))) if !range.full => {
                    tested.clear();
                    tested.resize(end - start, false);
                    region.contains_slice(
                        &ra.values()[start..end],
                        &dec.values()[start..end],
                        &mut tested,
                    )?;
                    mask.append_slice(&tested);
                }
                _ => mask.append_n(end - start, true),
            }
            row = end;
        }
        mask.append_n(cells.len() - row, false);
        Ok(Some(mask.finish()))
    }

    /// The same where rows are in any order: catalogues of other programs.
    fn inside_unsorted(&self, batch: &RecordBatch, ranges: &[CellRange]) -> Result<BooleanArray, Error> {
        if let Some(region) = &self.region {
            return self.tested(batch, region);
        }
        let cells =
            batch.column(self.selection.place(self.catalog.borrow().cell)).as_primitive::<Int64Type>();
        let inside = |cell: &i64| {
            let after = ranges.partition_point(|range| (range.start as i64) <= *cell);
            after > 0 && *cell < ranges[after - 1].end as i64
        };
        Ok(cells.values().iter().map(inside).collect::<Vec<bool>>().into())
    }
}

impl<C: Borrow<Catalog>> Iterator for Search<'_, C> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.stop.as_ref().is_some_and(|stop| stop()) {
                (self.open, self.next_part) = (None, self.end);
                self.stop = None;
                return Some(Err(Error::Interrupted));
            }
            let Some((part, reader)) = &mut self.open else {
                match self.advance() {
                    Ok(true) => continue,
                    Ok(false) => return None,
                    Err(error) => {
                        self.next_part = self.end;
                        return Some(Err(error));
                    }
                }
            };
            let part = *part;
            let Some(batch) = reader.next() else {
                self.open = None;
                continue;
            };
            let kept = batch.and_then(|batch| {
                self.decoded += batch.num_rows() as u64;
                self.keep(&batch)
            });
            match kept {
                Ok(batch) if batch.num_rows() == 0 => {}
                Ok(batch) => return Some(Ok(batch)),
                Err(error) => {
                    (self.open, self.next_part) = (None, self.end);
                    return Some(Err(error.in_file(self.catalog.borrow().parts[part].path())));
                }
            }
        }
    }
}
