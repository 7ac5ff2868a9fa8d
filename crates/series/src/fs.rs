//! Series in files.

mod arrays;
mod caught;
mod choose;
mod csv;
mod fits;
mod open;
mod output;
mod pages;
mod parquet;
mod recent;
mod samples;
mod table;
mod zonemap;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::concat::concat_batches;
use rayon::prelude::*;
use uranometria_lttb as lttb;

use crate::Error;
use crate::bound;
use crate::error::Place;
use crate::number::{Abscissa, Kind, Number, Ordinate, with_types};

use self::arrays::ArrayTable;
use self::csv::CsvTable;
use self::fits::FitsTable;
use self::parquet::ParquetTable;
use self::table::Table;

pub use choose::Found;
pub use output::{Output, Points};
pub use zonemap::{Control, ZoneMap};

/// An x and a y among the columns of one or many files.
///
/// The files are one series, in the order given. x is of floats, integers, dates or times, and ascends from row to row
/// and from file to file; without x the rows are numbered from 0. y is of floats, or of integers, which become f64. A
/// null y is a missing point like NaN, and so is a null x among floats. All files have one format and the same columns:
///
/// - parquet: columns of the top level;
/// - CSV: a header line and commas. An empty cell is missing; dates and times are those of ISO 8601;
/// - FITS: the first binary table that has the columns, TSCAL and TZERO applied;
/// - arrays: one dimension of little-endian numbers is y, named like the file or as asked for; x is the path of
///   another such array, as long as all of y together. An array is an `.npy` file, or nothing but the numbers in a
///   file whose ending says what they are: `.f32`, `.f64`, `.i8` to `.i64`, `.u8` to `.u64`.
pub struct Series {
    parts: Vec<Part>,
    /// Name and type of x, if it has a column, and of y.
    x: Option<(String, DataType)>,
    y: (String, DataType),
    schema: SchemaRef,
    /// The array of x, where it has a file of its own.
    x_path: Option<PathBuf>,
    /// The types of CSV, which are told only when they are asked for.
    inferred: OnceLock<SchemaRef>,
}

/// One file.
struct Part {
    path: PathBuf,
    file: File,
    /// The number of its first row in the series.
    first: usize,
}

enum File {
    Array(ArrayTable),
    Csv(CsvTable),
    Fits(FitsTable),
    Parquet(ParquetTable),
}

impl File {
    /// Says in which part of the file something is wrong, where it has several.
    fn place(&self, error: Error) -> Error {
        match self {
            File::Fits(table) => table.in_hdu(error),
            _ => error,
        }
    }

    fn table(&self) -> &dyn Table {
        match self {
            File::Array(table) => table,
            File::Csv(table) => table,
            File::Fits(table) => table,
            File::Parquet(table) => table,
        }
    }
}

/// Rows of a series that can be read in one piece.
struct Unit<'a> {
    part: &'a Part,
    rows: Range<usize>,
}

impl Series {
    /// The number of rows of all files.
    pub fn rows(&self) -> usize {
        self.parts.last().map_or(0, |part| part.first + part.file.table().rows())
    }

    /// The name of x, if it has a column.
    pub fn x_name(&self) -> Option<&str> {
        self.x.as_ref().map(|(name, _)| name.as_str())
    }

    /// The name of y.
    pub fn y_name(&self) -> &str {
        &self.y.0
    }

    /// The files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }

    fn x_kind(&self) -> Option<Kind> {
        self.x.as_ref().and_then(|(_, data_type)| Kind::of_x(data_type))
    }

    fn y_kind(&self) -> Kind {
        Kind::of_y(&self.y.1).unwrap_or(Kind::F64)
    }

    /// What x is, for errors: its name and type.
    fn x_column(&self) -> (&str, Option<&DataType>) {
        match &self.x {
            Some((name, data_type)) => (name, Some(data_type)),
            None => ("the row number", None),
        }
    }

    /// Rows that can be read at the same time, in order.
    fn units(&self) -> Vec<Unit<'_>> {
        let units = |part: &'_ Part| part.file.table().units();
        self.parts
            .iter()
            .flat_map(|part| units(part).into_iter().map(move |rows| Unit { part, rows }))
            .collect()
    }

    /// Gives x and y of a unit to `each`, piece by piece; x is empty where it has no column.
    fn stream<X: Abscissa, Y: Ordinate>(
        &self,
        unit: &Unit<'_>,
        mut each: impl FnMut(&[X::X], &[Y]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Unit { part, rows } = unit;
        let mut read = || {
            if let File::Array(table) = &part.file
                && !table.may_lack_x()
            {
                return table.each::<X, Y>(rows.clone(), &mut each);
            }
            let (mut x_room, mut y_room) = (Vec::new(), Vec::new());
            let mut row = rows.start;
            for batch in part.file.table().batches(rows.clone())? {
                let batch = batch?;
                let null = |null| self.missing_x(part, row + null);
                let (x, y) = self.numbers::<X, Y>(&batch, (&mut x_room, &mut y_room)).map_err(null)?;
                // Before anybody counts on there being as many as was said.
                if batch.num_rows() > rows.end - row {
                    return Err(Error::damaged(format!(
                        "it has more than the {} rows it tells of",
                        rows.len()
                    )));
                }
                each(x, y)?;
                row += batch.num_rows();
            }
            if row != rows.end {
                let reason = format!("only {} of {} rows could be read", row - rows.start, rows.len());
                return Err(Error::damaged(reason));
            }
            Ok(())
        };
        read().map_err(|error| part.file.place(error).in_file(&part.path))
    }

    /// The error for an x that is missing in a row of a file and cannot be; where x has a file of its own, there.
    fn missing_x(&self, part: &Part, row: usize) -> Error {
        let error = |row| csv::missing_integer(Place::Row(row), self.x_name().unwrap_or_default());
        match &self.x_path {
            Some(path) => error(part.first + row).in_file(path),
            None => error(row),
        }
    }

    /// The numbers of a batch of x, if it has a column, and y.
    ///
    /// # Errors
    /// The index of a null x that cannot be.
    fn numbers<'a, X: Abscissa, Y: Ordinate>(
        &self,
        batch: &'a RecordBatch,
        (x_room, y_room): (&'a mut Vec<X::X>, &'a mut Vec<Y>),
    ) -> Result<(&'a [X::X], &'a [Y]), usize> {
        let y = Y::of_array(batch.column(batch.num_columns() - 1), y_room)?;
        let x = if X::COLUMN { <X::X>::of_array(batch.column(0), x_room)? } else { &[] };
        Ok((x, y))
    }

    /// The file that has a row of the series.
    fn part_of(&self, row: usize) -> &Part {
        // Of empty files that begin with the same row the last one is not empty.
        &self.parts[self.parts.partition_point(|part| part.first <= row).max(1) - 1]
    }

    /// Says in which file and row something is wrong.
    fn place(&self, error: lttb::Error) -> Error {
        let lttb::Error::Unsorted { index, found, before } = error else { return error.into() };
        let column = self.x_name().unwrap_or_default().to_string();
        let (found, before) = (self.x_text(found), self.x_text(before));
        if let Some(x_path) = &self.x_path {
            // All of x is in one file, whatever those of y are.
            let place = Place::Row(index);
            return Error::Unsorted { place, column, found, before, earlier: None }.in_file(x_path);
        }
        // The zone map knows the block, not the point.
        let index = self.first_there(index).unwrap_or(index);
        let part = self.part_of(index);
        let row = index - part.first;
        let place = match &part.file {
            File::Csv(table) => table.line(row).map_or(Place::Row(row), Place::Line),
            _ => Place::Row(row),
        };
        let is_first = part.first > 0 && self.first_there(part.first) == Some(index);
        let earlier = is_first.then(|| self.part_of(part.first - 1).path.clone());
        part.file.place(Error::Unsorted { place, column, found, before, earlier }).in_file(&part.path)
    }

    /// The first row from one on that has both x and y.
    fn first_there(&self, row: usize) -> Option<usize> {
        with_types!(self.x_kind(), self.y_kind(), <X, Y> self.first_there_typed::<X, Y>(row))
    }

    fn first_there_typed<X: Abscissa, Y: Ordinate>(&self, row: usize) -> Option<usize> {
        for unit in self.units().iter().filter(|unit| unit.part.first + unit.rows.end > row) {
            let (mut at, mut found) = (unit.part.first + unit.rows.start, None);
            let streamed = self.stream::<X, Y>(unit, |x, y| {
                let is_there = |&place: &usize| {
                    at + place >= row && y[place].is_there() && x.get(place).is_none_or(|x| x.is_there())
                };
                found = (0..y.len()).find(is_there).map(|place| at + place);
                at += y.len();
                // Ends the reading.
                if found.is_some() { Err(Error::Interrupted) } else { Ok(()) }
            });
            if found.is_some() || streamed.is_err() {
                return found;
            }
        }
        None
    }

    /// Writes an x as people read it: times as dates.
    fn x_text(&self, number: String) -> String {
        match (&self.x, number.parse()) {
            (Some((_, data_type)), Ok(number)) => bound::text(number, data_type),
            _ => number,
        }
    }

    /// Reads rows: all columns, or x (if it has a column) and y alone. A batch a file, several of an array.
    fn take(
        &self,
        rows: &[usize],
        points_only: bool,
        control: &Control<'_>,
    ) -> Result<Vec<RecordBatch>, Error> {
        /// Rows of an array that are read at once. Other formats are rather read in one go.
        const PIECE: usize = 1 << 14;
        let typed = if points_only { None } else { self.csv_types(control)? };
        let mut rest = rows;
        let mut jobs = Vec::new();
        while let Some(&row) = rest.first() {
            let part = self.part_of(row);
            let end = part.first + part.file.table().rows();
            let here = rest.partition_point(|&row| row < end);
            let piece = if matches!(part.file, File::Array(_)) { PIECE } else { here };
            let of_part = |rows: &[usize]| rows.iter().map(|row| row - part.first).collect::<Vec<_>>();
            jobs.extend(rest[..here].chunks(piece).map(|rows| (part, of_part(rows))));
            rest = &rest[here..];
        }
        let one = |(part, rows): &(&Part, Vec<usize>)| {
            if control.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let taken = match (&part.file, &typed) {
                (File::Csv(table), Some(schema)) => csv::parse(table, rows, schema),
                (file, _) => file.table().take(rows, points_only),
            };
            let whole = taken.and_then(|taken| match taken.first() {
                Some(first) => concat_batches(&first.schema(), &taken).map_err(Error::arrow("join rows")),
                None => Ok(RecordBatch::new_empty(self.schema.clone())),
            });
            whole.map_err(|error| error.in_file(&part.path))
        };
        let taken: Vec<_> = jobs.par_iter().map(one).collect();
        taken.into_iter().collect()
    }

    /// The types of the columns, if the files are CSV: told by reading all of it.
    fn csv_types(&self, control: &Control<'_>) -> Result<Option<SchemaRef>, Error> {
        let tables: Vec<&CsvTable> = self
            .parts
            .iter()
            .filter_map(|part| if let File::Csv(table) = &part.file { Some(table) } else { None })
            .collect();
        if tables.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.inferred.get() {
            return Ok(Some(known.clone()));
        }
        let inferred = csv::infer(&tables, control)?;
        // What was read as numbers is of numbers, whatever blanks or digits there are.
        let read = |field: &Arc<Field>| match (&self.x, &self.y) {
            // Arrow tells the unit, but not whether there is a zone.
            (Some((x, DataType::Timestamp(_, zone))), _) if field.name() == x => match field.data_type() {
                DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, zone.clone()),
                DataType::Utf8 => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
                other => other.clone(),
            },
            (Some((x, DataType::UInt64)), _) if field.name() == x => DataType::UInt64,
            (Some((x, x_type)), _) if field.name() == x && *field.data_type() == DataType::Utf8 => {
                x_type.clone()
            }
            (_, (y, y_type)) if field.name() == y && *field.data_type() == DataType::Utf8 => y_type.clone(),
            _ => field.data_type().clone(),
        };
        let fields = inferred.fields().iter().map(|field| field.as_ref().clone().with_data_type(read(field)));
        let inferred = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Some(self.inferred.get_or_init(|| inferred).clone()))
    }
}

/// Counts the rows of an error of a window from the first row of the series.
fn shifted(error: lttb::Error, start: usize) -> lttb::Error {
    match error {
        lttb::Error::Unsorted { index, found, before } => {
            lttb::Error::Unsorted { index: index + start, found, before }
        }
        other => other,
    }
}
