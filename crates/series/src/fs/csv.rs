//! CSV with a header line: numbers for choosing, and the text of chosen rows.
//!
//! A file is parsed once, when it is opened. Kept are x, y, and where every 1024th record begins, so that the text of
//! a row is found again by parsing one block.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampNanosecondType, UInt64Type};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray, RecordBatch, UInt64Array, new_empty_array,
};
use arrow_csv::reader::Format;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take_record_batch;
use csv::{ByteRecord, ErrorKind, Position, Reader, ReaderBuilder};
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Source, SourceReader};

use super::Control;
use super::output::{retyped, with_columns};
use super::table::{Batches, Places, Table, Wanted};
use crate::error::Place;
use crate::{Error, bound};

/// Records between two places that are remembered.
const BLOCK: usize = 1024;

/// Bytes that a record may have: a quote that is not closed would make one of the rest of the file.
const LONGEST: u64 = 16 << 20;

/// Characters of a cell that an error quotes.
const QUOTED: usize = 60;

/// A parsed file.
pub(super) struct CsvTable {
    path: PathBuf,
    file: Arc<OpenFile>,
    places: Places,
    /// The column names, all as text.
    schema: SchemaRef,
    x: Option<ArrayRef>,
    y: ArrayRef,
    /// The header as it stands in the file, and how its line ends.
    header: Vec<u8>,
    end_of_line: &'static [u8],
    /// Byte and line of every [`BLOCK`]th record, and of the end.
    blocks: Vec<(u64, u64)>,
}

/// Files that are read, at the same time, on somebody's watch.
pub(super) struct Reading<'a> {
    pub(super) control: &'a Control<'a>,
    /// Bytes that were read, and all there are.
    pub(super) done: AtomicU64,
    pub(super) all: u64,
}

impl Reading<'_> {
    /// Tells that some more bytes were read.
    fn go_on(&self, bytes: u64) -> Result<(), Error> {
        if self.control.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        (self.control.progress)(before + bytes, self.all);
        Ok(())
    }
}

/// Bytes that are read on somebody's watch.
struct Watched<'a, R> {
    inner: R,
    reading: &'a Reading<'a>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.reading.go_on(read as u64).map_err(std::io::Error::other)?;
        Ok(read)
    }
}

/// A text that is not what its column holds, and what it should be.
type Wrong = &'static str;

/// What an integer should be when x of another file has decimals or integers beyond 63 bits.
const UNLIKE: Wrong =
    "a number that the type of x in the other files holds to the last digit; subtract an offset from x first";

const AN_INTEGER: Wrong = "an integer of the range of the others, of which no float holds all to the last digit; subtract an offset from x first";

const A_NUMBER: Wrong = "a number, or nothing where it is missing";

/// The x read so far, of the narrowest type that holds all of it.
enum Numbers {
    /// With the row and place of the first missing one, for which there is no number.
    Integers(Vec<i64>, Vec<(usize, Place)>),
    /// The same, where some are too high for i64 and none is below 0.
    Unsigned(Vec<u64>, Vec<(usize, Place)>),
    Floats(Vec<f64>),
    /// Nanoseconds since 1970, and whether the texts have a zone.
    Times(Vec<i64>, bool),
}

impl Numbers {
    fn push(&mut self, text: &[u8], place: Place) -> Result<(), Wrong> {
        let text = std::str::from_utf8(text).map_err(|_| A_NUMBER)?.trim_ascii();
        match self {
            Numbers::Integers(numbers, missing) => {
                if let Ok(number) = text.parse() {
                    numbers.push(number);
                } else if text.is_empty() {
                    missing.push((numbers.len(), place));
                    numbers.push(0);
                } else if let (Ok(number), true) = (text.parse::<u64>(), numbers.iter().all(|&n| n >= 0)) {
                    let mut unsigned: Vec<u64> = numbers.iter().map(|&number| number as u64).collect();
                    unsigned.push(number);
                    *self = Numbers::Unsigned(unsigned, std::mem::take(missing));
                } else if let Some(number) = float(text)? {
                    *self = Numbers::Floats(floats(numbers.iter().map(|&n| n.into()), missing, number)?);
                } else if numbers.is_empty()
                    && let Some((time, zoned)) = bound::nanoseconds(text)
                {
                    *self = Numbers::Times(vec![time], zoned);
                } else if missing.len() == numbers.len() && bound::nanoseconds(text).is_some() {
                    return Err("a number, or nothing before it to be missing: a date or time x cannot be");
                } else {
                    return Err("a number, or a date and time like 2024-01-31T12:00:00");
                }
            }
            Numbers::Unsigned(numbers, missing) => {
                if let Ok(number) = text.parse() {
                    numbers.push(number);
                } else if text.is_empty() {
                    missing.push((numbers.len(), place));
                    numbers.push(0);
                } else {
                    let number = float(text)?.ok_or(A_NUMBER)?;
                    *self = Numbers::Floats(floats(numbers.iter().map(|&n| n.into()), missing, number)?);
                }
            }
            Numbers::Floats(numbers) if text.is_empty() => numbers.push(f64::NAN),
            Numbers::Floats(numbers) => numbers.push(float(text)?.ok_or(A_NUMBER)?),
            Numbers::Times(times, zoned) => {
                let (time, has_zone) = bound::nanoseconds(text)
                    .ok_or("a date and time like 2024-01-31T12:00:00 between the years 1678 and 2261")?;
                match (*zoned, has_zone) {
                    (true, false) => {
                        return Err("a time with a zone as in the rows before, such as Z or +02:00");
                    }
                    (false, true) => return Err("a time without a zone as in the rows before"),
                    _ => times.push(time),
                }
            }
        }
        Ok(())
    }

    fn finish(self, column: &str) -> Result<ArrayRef, Error> {
        Ok(match self {
            Numbers::Integers(_, missing) | Numbers::Unsigned(_, missing) if !missing.is_empty() => {
                return Err(missing_integer(missing[0].1, column));
            }
            Numbers::Integers(numbers, _) => Arc::new(Int64Array::from(numbers)),
            Numbers::Unsigned(numbers, _) => Arc::new(UInt64Array::from(numbers)),
            Numbers::Floats(numbers) => Arc::new(Float64Array::from(numbers)),
            Numbers::Times(times, zoned) => Arc::new(
                PrimitiveArray::<TimestampNanosecondType>::from(times)
                    .with_timezone_opt(zoned.then_some(bound::UTC)),
            ),
        })
    }
}

/// Whether a float holds an integer to the last digit.
fn is_exact(number: i128) -> bool {
    (number as f64) as i128 == number
}

/// Reads a float, or an integer that is one; `None` where it is neither.
fn float(text: &str) -> Result<Option<f64>, Wrong> {
    if text.parse::<i128>().is_ok_and(|number| !is_exact(number)) {
        return Err(
            "a number that a float holds to the last digit, as x is not of integers from 0 to 18446744073709551615 \
             or of 64 bits with a sign; subtract an offset from x first",
        );
    }
    Ok(text.parse().ok())
}

/// Turns the integers so far into floats, of which `next` is one.
fn floats(
    numbers: impl Iterator<Item = i128>,
    missing: &[(usize, Place)],
    next: f64,
) -> Result<Vec<f64>, Wrong> {
    let exact = |number| if is_exact(number) { Ok(number as f64) } else { Err(AN_INTEGER) };
    let mut floats: Vec<f64> = numbers.map(exact).collect::<Result<_, _>>()?;
    missing.iter().for_each(|&(row, _)| floats[row] = f64::NAN);
    floats.push(next);
    Ok(floats)
}

/// The error for a null in an x that cannot be NaN.
pub(super) fn missing_integer(place: Place, column: &str) -> Error {
    let (found, wanted) = ("nothing".to_string(), "a number: an integer or time x cannot be missing");
    Error::Cell { place, column: column.to_string(), found, wanted }
}

fn y_number(text: &[u8]) -> Result<f64, Wrong> {
    let text = std::str::from_utf8(text).map_err(|_| A_NUMBER)?.trim_ascii();
    if text.is_empty() { Ok(f64::NAN) } else { text.parse().map_err(|_| A_NUMBER) }
}

fn refuse(error: csv::Error) -> Error {
    let line = |position: Option<Position>| position.map_or(0, |position| position.line());
    match error.into_kind() {
        ErrorKind::Io(source) => Error::io("read it", source),
        ErrorKind::Utf8 { pos, err } => Error::Line { line: line(pos), reason: err.to_string() },
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let reason = format!("{len} columns, expected {expected_len} as in the header");
            Error::Line { line: line(pos), reason }
        }
        other => Error::Line { line: 0, reason: format!("{other:?}") },
    }
}

/// A cell as errors show it.
fn quoted(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(4 * QUOTED)]);
    let shown: String = text.chars().take(QUOTED).collect();
    if shown.len() < cell.len() { format!("{shown:?}...") } else { format!("{shown:?}") }
}

/// Gives no more than the longest record has between two records.
struct Short<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Short<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other(format!("a record is longer than {LONGEST} bytes")));
        }
        let read = self.inner.read(into)?;
        self.left.set(self.left.get().saturating_sub(read as u64));
        Ok(read)
    }
}

/// The line, counted from the first one of a record, on which a quote is opened in it that is not closed.
fn unclosed(record: &[u8]) -> Option<u64> {
    let mut bytes = record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record).iter().peekable();
    let (mut line, mut opened) = (0, 0);
    let (mut in_quotes, mut at_start, mut begun) = (false, true, false);
    while let Some(&byte) = bytes.next() {
        let is_end = matches!(byte, b'\r' | b'\n');
        match byte {
            b'"' if in_quotes && bytes.peek() == Some(&&b'"') => {
                bytes.next();
            }
            b'"' if in_quotes => in_quotes = false,
            b'"' if at_start => (in_quotes, opened) = (true, line),
            // Empty lines before a record belong to it.
            _ if is_end && begun && !in_quotes => return None,
            _ => {}
        }
        at_start = !in_quotes && (byte == b',' || is_end);
        begun |= !is_end;
        line += u64::from(byte == b'\n');
    }
    in_quotes.then_some(opened)
}

/// The error for a quote in the record at some place that is not closed, if there is one.
fn open_quote(file: &OpenFile, at: &Position) -> Option<Error> {
    let len = Source::len(file).saturating_sub(at.byte()).min(LONGEST);
    let mut record = vec![0; usize::try_from(len).ok()?];
    file.read_at(at.byte(), &mut record).ok()?;
    let line = at.line() + unclosed(&record)?;
    let whole = at.byte() + len == Source::len(file);
    let reason = if whole {
        "the quote that is opened here is not closed".to_string()
    } else {
        format!(
            "the quote that is opened here is not closed within {} MiB, the longest a record may be",
            LONGEST >> 20
        )
    };
    Some(Error::Line { line, reason })
}

impl CsvTable {
    pub(super) fn open(
        path: &Path,
        file: OpenFile,
        wanted: &Wanted<'_>,
        reading: &Reading<'_>,
    ) -> Result<Self, Error> {
        let file = Arc::new(file);
        let mut last = Position::new();
        let table = Self::parse(path, file.clone(), wanted, reading, &mut last);
        // Such a quote makes one record of the rest of the file, which may be wrong in any way, or in none.
        open_quote(&file, &last).map_or(table, Err)
    }

    /// Parses all of a file; `last` becomes the place of the last record, or of the one that is wrong.
    fn parse(
        path: &Path,
        file: Arc<OpenFile>,
        wanted: &Wanted<'_>,
        reading: &Reading<'_>,
        last: &mut Position,
    ) -> Result<Self, Error> {
        let left = Cell::new(LONGEST);
        let bytes = Short { inner: SourceReader::new(file.clone(), 0), left: &left };
        let mut reader = Reader::from_reader(BufReader::with_capacity(1 << 20, bytes));
        let header = reader.byte_headers().map_err(refuse)?.clone();
        let names: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_string()).collect();
        let places = wanted.among(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let places = places.map_err(|error| match (names.as_slice(), error) {
            ([one], Error::NoColumn { .. } | Error::WhichColumn { .. }) if one.contains([';', '\t']) => {
                let found = if one.contains(';') { "semicolons" } else { "tabs" };
                let reason =
                    format!("the header has {found} and no commas; write the file with commas first");
                Error::Line { line: 1, reason }
            }
            (_, error) => error,
        })?;
        let end = reader.position().byte();
        let mut text = vec![0; end as usize];
        file.read_at(0, &mut text).map_err(|error| Error::io("read its header", error))?;
        let two = text.ends_with(b"\r") || text.ends_with(b"\r\n");
        let end_of_line: &[u8] = if two { b"\r\n" } else { b"\n" };
        let text = trim(&text).to_vec();

        let mut x = places.x.map(|_| Numbers::Integers(Vec::new(), Vec::new()));
        let (mut y, mut blocks) = (Vec::new(), Vec::new());
        let mut record = ByteRecord::new();
        loop {
            left.set(LONGEST);
            let more = reader.read_byte_record(&mut record);
            if !matches!(more, Ok(false))
                && let Some(position) = record.position()
            {
                last.clone_from(position);
            }
            if !more.map_err(refuse)? {
                break;
            }
            let (byte, line) = record.position().map_or((0, 0), |at| (at.byte(), at.line()));
            if y.len() % BLOCK == 0 {
                reading.go_on(byte - blocks.last().map_or(0, |&(before, _)| before))?;
                blocks.push((byte, line));
            }
            let wrong = |column: usize, wanted: Wrong| Error::Cell {
                place: Place::Line(line),
                column: names[column].clone(),
                found: quoted(&record[column]),
                wanted,
            };
            if let (Some(x), Some(column)) = (&mut x, places.x) {
                x.push(&record[column], Place::Line(line)).map_err(|wanted| wrong(column, wanted))?;
            }
            // With its end. More than that is quotes, the end of the line before, or an empty line.
            let plain = record[0].len() as u64 + 1;
            if names.len() == 1 && reader.position().byte() - byte > plain && is_behind_empty(&file, byte)? {
                let reason = "an empty line is no row; write \"\" or NaN where a number is missing".into();
                return Err(Error::Line { line, reason });
            }
            y.push(y_number(&record[places.y]).map_err(|wanted| wrong(places.y, wanted))?);
        }
        blocks.push((Source::len(&*file), reader.position().line()));
        drop(reader);
        let x = x.zip(places.x).map(|(x, column)| x.finish(&names[column])).transpose()?;
        let fields: Vec<Field> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        Ok(CsvTable {
            path: path.to_path_buf(),
            file,
            places,
            schema: Arc::new(Schema::new(fields)),
            x,
            y: Arc::new(Float64Array::from(y)),
            header: text,
            end_of_line,
            blocks,
        })
    }

    /// Turns an x of integers into another type of numbers, which another file of the series has; without rows x has
    /// the type of the others.
    ///
    /// # Errors
    /// [`Error::Cell`] for an integer that the other type does not hold.
    pub(super) fn become_like(&mut self, wanted: &DataType) -> Result<(), Error> {
        let Some(x) = &self.x else { return Ok(()) };
        let numbers: Box<dyn Iterator<Item = i128> + '_> = match x.data_type() {
            found if found == wanted => return Ok(()),
            _ if x.is_empty() => {
                self.x = Some(new_empty_array(wanted));
                return Ok(());
            }
            DataType::Int64 => Box::new(x.as_primitive::<Int64Type>().values().iter().map(|&n| n.into())),
            DataType::UInt64 => Box::new(x.as_primitive::<UInt64Type>().values().iter().map(|&n| n.into())),
            _ => return Ok(()),
        };
        let fit = |(row, number): (usize, i128), fits| if fits { Ok(number) } else { Err((row, number)) };
        let numbered = numbers.enumerate();
        let as_float = |it: (usize, i128)| fit(it, is_exact(it.1)).map(|number| number as f64);
        let as_unsigned = |it: (usize, i128)| fit(it, it.1 >= 0).map(|number| number as u64);
        let changed: Result<ArrayRef, (usize, i128)> = match wanted {
            DataType::Float64 => numbered
                .map(as_float)
                .collect::<Result<Vec<_>, _>>()
                .map(|x| Arc::new(Float64Array::from(x)) as _),
            DataType::UInt64 => numbered
                .map(as_unsigned)
                .collect::<Result<Vec<_>, _>>()
                .map(|x| Arc::new(UInt64Array::from(x)) as _),
            _ => return Ok(()),
        };
        let (row, number) = match changed {
            Ok(x) => {
                self.x = Some(x);
                return Ok(());
            }
            Err(found) => found,
        };
        let column = self.places.x.map(|x| self.schema.field(x).name().clone()).unwrap_or_default();
        let place = self.line(row).map_or(Place::Row(row), Place::Line);
        Err(Error::Cell { place, column, found: number.to_string(), wanted: UNLIKE })
    }

    /// The header line and how it ends.
    pub(super) fn header(&self) -> (&[u8], &'static [u8]) {
        (&self.header, self.end_of_line)
    }

    /// Gives the text of each of some rows, in ascending order, to `each`; the end of the line is left out.
    pub(super) fn text(
        &self,
        rows: &[usize],
        mut each: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.scan(rows, |text, _| each(text))
    }

    /// The line on which a row begins, counted from 1.
    pub(super) fn line(&self, row: usize) -> Option<u64> {
        let mut found = None;
        let scanned = self.scan(&[row], |_, line| {
            found = Some(line);
            Ok(())
        });
        scanned.ok().and(found)
    }

    /// The first cell that is not UTF-8, as an error.
    fn no_text(&self) -> Option<Error> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .from_reader(BufReader::with_capacity(1 << 20, SourceReader::new(&*self.file, 0)));
        let mut record = ByteRecord::new();
        while reader.read_byte_record(&mut record).ok()? {
            if let Some(column) = record.iter().position(|cell| std::str::from_utf8(cell).is_err()) {
                let place = Place::Line(record.position().map_or(0, Position::line));
                return Some(self.cell(place, column, &record[column], "text in UTF-8").in_file(&self.path));
            }
        }
        None
    }

    /// The error for a cell that is not what it should be.
    fn cell(&self, place: Place, column: usize, found: &[u8], wanted: Wrong) -> Error {
        let column = self.schema.field(column).name().clone();
        Error::Cell { place, column, found: quoted(found), wanted }
    }

    fn scan(
        &self,
        rows: &[usize],
        mut each: impl FnMut(&[u8], u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for of_block in rows.chunk_by(|a, b| a / BLOCK == b / BLOCK) {
            let block = of_block[0] / BLOCK;
            let ((start, line), (end, _)) = (self.blocks[block], self.blocks[block + 1]);
            let mut text = vec![0; (end - start) as usize];
            let fail = |error| Error::io(format!("read {} bytes at byte {start}", end - start), error);
            self.file.read_at(start, &mut text).map_err(fail)?;
            let mut reader = ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
            let mut record = ByteRecord::new();
            let mut next = of_block.iter().map(|row| row % BLOCK).peekable();
            let mut at = 0;
            while let Some(&wanted) = next.peek() {
                if !reader.read_byte_record(&mut record).map_err(refuse)? {
                    return Err(Error::Line {
                        line,
                        reason: "the file was changed while it was read".into(),
                    });
                }
                if at == wanted {
                    let from = record.position().cloned().unwrap_or_else(Position::new);
                    let to = reader.position().byte() as usize;
                    each(trim(&text[from.byte() as usize..to]), line + from.line() - 1)?;
                    next.next();
                }
                at += 1;
            }
        }
        Ok(())
    }
}

/// Whether there is an empty line between the record before and the one that begins at some byte.
fn is_behind_empty(file: &OpenFile, byte: u64) -> Result<bool, Error> {
    let mut near = [0; 3];
    let from = byte.saturating_sub(1);
    let len = Source::len(file).saturating_sub(from).min(3) as usize;
    file.read_at(from, &mut near[..len]).map_err(|error| Error::io("read its lines", error))?;
    let [before, first, second] = near;
    // A line that ends in two bytes ends at the first of them.
    let first = if (before, first) == (b'\r', b'\n') { second } else { first };
    Ok(matches!(first, b'\r' | b'\n'))
}

/// Without the ends of lines before and behind it.
fn trim(text: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let from = text.iter().position(|byte| !is_end(byte)).unwrap_or(text.len());
    let to = text.iter().rposition(|byte| !is_end(byte)).map_or(from, |last| last + 1);
    &text[from..to]
}

/// How often those who watch are told when types are told: at so many bytes.
const WATCHED: usize = 1 << 18;

/// Infers the types of all columns from all rows of all files.
///
/// # Errors
/// [`Error::Cell`] for what is not UTF-8; [`Error::Arrow`]; [`Error::Interrupted`]; the widths of rows were checked before.
pub(super) fn infer(tables: &[&CsvTable], control: &Control<'_>) -> Result<SchemaRef, Error> {
    let all = tables.iter().map(|table| table.file.len()).sum();
    let reading = Reading { control, done: AtomicU64::new(0), all };
    let mut all: Box<dyn Read + '_> = Box::new(std::io::empty());
    for (n, table) in tables.iter().enumerate() {
        // Headers are the first file's; a last line may lack its end.
        let start = if n == 0 { 0 } else { table.blocks[0].0 };
        let watched = Watched { inner: SourceReader::new(&*table.file, start), reading: &reading };
        all = Box::new(all.chain(BufReader::with_capacity(WATCHED, watched)).chain(&b"\n"[..]));
    }
    match Format::default().with_header(true).infer_schema(all, None) {
        Ok((schema, _)) => Ok(Arc::new(schema)),
        Err(_) if control.stop.load(Ordering::Relaxed) => Err(Error::Interrupted),
        // Arrow counts the lines of all files as one.
        Err(error) => {
            let no_text = tables.iter().find_map(|table| table.no_text());
            Err(no_text.unwrap_or_else(|| Error::arrow("tell the types")(error)))
        }
    }
}

/// Parses the text of some rows.
pub(super) fn parse(table: &CsvTable, rows: &[usize], schema: &SchemaRef) -> Result<Vec<RecordBatch>, Error> {
    let (mut text, mut lines) = (Vec::new(), Vec::with_capacity(rows.len()));
    table.scan(rows, |row, line| {
        text.extend_from_slice(row);
        text.push(b'\n');
        lines.push(line);
        Ok(())
    })?;
    // Arrow reads times with an offset from UTC, but knows no names of zones.
    let rezoned = |data_type: &DataType, from: &str, to: &str| match data_type {
        DataType::Timestamp(unit, Some(zone)) if **zone == *from => {
            Some(DataType::Timestamp(*unit, Some(to.into())))
        }
        _ => None,
    };
    const OFFSET: &str = "+00:00";
    let offset = with_columns(schema, &[], |of| rezoned(of, bound::UTC, OFFSET), retyped);
    let schema = offset.map_err(Error::arrow("name the zone of times"))?.0;
    // Blanks around a number are no part of it; around words they are.
    let is_text: Vec<bool> =
        schema.fields().iter().map(|field| *field.data_type() == DataType::Utf8).collect();
    let mut records = ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
    let mut trimmed = csv::Writer::from_writer(Vec::with_capacity(text.len()));
    for record in records.byte_records() {
        let record = record.map_err(refuse)?;
        let cells = record.iter().zip(&is_text);
        let cells = cells.map(|(cell, &is_text)| if is_text { cell } else { cell.trim_ascii() });
        trimmed.write_record(cells).map_err(refuse)?;
    }
    let text = trimmed.into_inner().map_err(|error| Error::io("read the chosen rows", error.into_error()))?;
    let read = typed(&schema, rows.len(), None, &text).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let batches = read.map_err(|error| {
        let error = wrong_cell(table, &lines, &schema, &text).unwrap_or(error);
        error.in_file(&table.path)
    })?;
    let named = with_columns(&schema, &batches, |of| rezoned(of, OFFSET, bound::UTC), retyped);
    Ok(named.map_err(Error::arrow("name the zone of times"))?.1)
}

/// Parses rows, so many at a time, all their columns or one.
fn typed<'a>(
    schema: &SchemaRef,
    batch_rows: usize,
    column: Option<usize>,
    text: &'a [u8],
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<'a>, Error> {
    let mut builder = arrow_csv::ReaderBuilder::new(schema.clone()).with_batch_size(batch_rows.max(1));
    if let Some(column) = column {
        builder = builder.with_projection(vec![column]);
    }
    let reader = builder.build(text).map_err(Error::arrow("read the chosen rows"))?;
    Ok(reader.map(|batch| batch.map_err(Error::arrow("read the chosen rows"))))
}

/// The first cell that is not of the type of its column, as an error: Arrow counts the lines of the chosen rows, not
/// those of the file.
fn wrong_cell(table: &CsvTable, lines: &[u64], schema: &SchemaRef, text: &[u8]) -> Option<Error> {
    let row = typed(schema, 1, None, text).ok()?.position(|batch| batch.is_err())?;
    let mut records = ReaderBuilder::new().has_headers(false).from_reader(text);
    let record = records.byte_records().nth(row)?.ok()?;
    let mut alone = csv::Writer::from_writer(Vec::new());
    alone.write_byte_record(&record).ok()?;
    let alone = alone.into_inner().ok()?;
    let fails = |column: &usize| {
        typed(schema, 1, Some(*column), &alone).is_ok_and(|mut batches| batches.any(|batch| batch.is_err()))
    };
    let column = (0..schema.fields().len()).find(fails)?;
    let wanted = what_a_cell_is(schema.field(column).data_type());
    Some(table.cell(Place::Line(*lines.get(row)?), column, &record[column], wanted))
}

/// What stands in a cell of a column of some type, and the way out where it does not.
///
/// Text that looks like a date need not be one; whatever else Arrow took for a type it can read as that.
fn what_a_cell_is(data_type: &DataType) -> Wrong {
    match data_type {
        DataType::Date32 => "a date like 2024-01-31 as in its other rows; written as CSV it stays as it is",
        DataType::Timestamp(..) => {
            "a date and time like 2024-01-31T12:00:00 as in its other rows; written as CSV it stays as it is"
        }
        _ => "a number as in its other rows; written as CSV it stays as it is",
    }
}

impl Table for CsvTable {
    fn rows(&self) -> usize {
        self.y.len()
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn types(&self) -> (Option<DataType>, DataType) {
        (self.x.as_ref().map(|x| x.data_type().clone()), DataType::Float64)
    }

    fn units(&self) -> Vec<Range<usize>> {
        std::iter::once(0..self.rows()).collect()
    }

    fn batches(&self, rows: Range<usize>) -> Result<Batches<'_>, Error> {
        let slice = |array: &ArrayRef| array.slice(rows.start, rows.len());
        let columns = self.x.iter().map(slice).chain([slice(&self.y)]).collect();
        let name = |place: usize| self.schema.field(place).name().clone();
        let (x_type, y_type) = self.types();
        let x_field = self.places.x.zip(x_type).map(|(place, x)| Field::new(name(place), x, false));
        let y_field = Field::new(name(self.places.y), y_type, false);
        let schema = Schema::new(x_field.into_iter().chain([y_field]).collect::<Vec<_>>());
        let batch = RecordBatch::try_new(Arc::new(schema), columns).map_err(Error::arrow("hold the numbers"));
        Ok(Box::new(std::iter::once(batch)))
    }

    fn take(&self, rows: &[usize], _points_only: bool) -> Result<Vec<RecordBatch>, Error> {
        let indices = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
        let take = |batch: Result<RecordBatch, Error>| {
            take_record_batch(&batch?, &indices).map_err(Error::arrow("take the chosen rows"))
        };
        self.batches(0..self.rows())?.map(take).collect()
    }
}
