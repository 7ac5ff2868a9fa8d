//! Chosen rows as files and as numbers to draw.

use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Time32MillisecondType, Time32SecondType, TimestampMillisecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, RecordBatch, make_array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use uranometria_fits::arrow::keys;
use uranometria_fits::fs::{Durability, NewFile};

use super::{Control, File, Series};
use crate::number::{Abscissa, Number, Ordinate, with_types};
use crate::{Error, bound};

/// What rows are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Parquet, compressed with zstd: columns of any type.
    Parquet,
    /// CSV: of CSV the text of the rows to the byte, of other formats columns that are no arrays.
    Csv,
}

/// Points as a plot takes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// x; times in the unit that the label says, since a date that it says too.
    pub x: Vec<f64>,
    /// y.
    pub y: Vec<f64>,
    /// What x is, with its unit where that is known.
    pub x_label: String,
    /// What y is, with its unit where that is known.
    pub y_label: String,
}

impl Points {
    /// Puts a NaN between segments, so that a line through the points breaks there and nowhere else.
    ///
    /// The segments are those that were chosen with the points.
    pub fn with_breaks(self, segments: &[Range<usize>]) -> Self {
        let room = self.x.len() + segments.len();
        let (mut x, mut y) = (Vec::with_capacity(room), Vec::with_capacity(room));
        for segment in segments {
            if let Some(&last) = x.last() {
                x.push(last);
                y.push(f64::NAN);
            }
            x.extend_from_slice(&self.x[segment.clone()]);
            y.extend_from_slice(&self.y[segment.clone()]);
        }
        Points { x, y, ..self }
    }
}

impl Series {
    /// Reads all columns of some rows, given in ascending order.
    ///
    /// Names, types and metadata of fields are those of the first file; columns of CSV get the types that all of it
    /// has.
    ///
    /// # Errors
    /// What reading gives, inside [`Error::InFile`].
    pub fn rows_at(&self, rows: &[usize]) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        self.rows_watched(rows, &Control::none())
    }

    fn rows_watched(
        &self,
        rows: &[usize],
        control: &Control<'_>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), Error> {
        let schema = self.csv_types(control)?.unwrap_or_else(|| self.schema.clone());
        let batches = self.take(rows, false, control)?;
        // Metadata may differ from file to file.
        let batches = batches.into_iter().map(|batch| batch.with_schema(schema.clone()));
        let batches = batches.collect::<Result<_, _>>().map_err(Error::arrow("join the files"))?;
        Ok((schema, batches))
    }

    /// Reads x and y of some rows, given in ascending order, for drawing.
    ///
    /// # Errors
    /// As [`rows_at`](Series::rows_at).
    pub fn points_at(&self, rows: &[usize]) -> Result<Points, Error> {
        self.points_watched(rows, &Control::none())
    }

    /// As [`points_at`](Series::points_at), stopped by `control`.
    ///
    /// # Errors
    /// As [`points_at`](Series::points_at); [`Error::Interrupted`].
    pub fn points_watched(&self, rows: &[usize], control: &Control<'_>) -> Result<Points, Error> {
        with_types!(self.x_kind(), self.y_kind(), <X, Y> self.points_typed::<X, Y>(rows, control))
    }

    fn points_typed<X: Abscissa, Y: Ordinate>(
        &self,
        rows: &[usize],
        control: &Control<'_>,
    ) -> Result<Points, Error> {
        let (mut xs, mut ys): (Vec<X::X>, Vec<f64>) = (Vec::new(), Vec::new());
        let batches = self.take(rows, true, control)?;
        for batch in &batches {
            let (mut x_room, mut y_room) = (Vec::new(), Vec::new());
            // A null among the chosen cannot be: it would have been an error before.
            if let Ok((x, y)) = self.numbers::<X, Y>(batch, (&mut x_room, &mut y_room)) {
                xs.extend_from_slice(x);
                ys.extend(y.iter().map(|&y| y.into()));
            }
        }
        let unit = |name: &str| {
            let field = self.schema.field_with_name(name).ok()?;
            field.metadata().get(keys::UNIT).filter(|unit| !unit.is_empty())
        };
        let labelled = |name: &str| match unit(name) {
            Some(unit) => format!("{name} ({unit})"),
            None => name.to_string(),
        };
        let y_label = labelled(&self.y.0);
        let (x, x_label) = match &self.x {
            None => (rows.iter().map(|&row| row as f64).collect(), "row".to_string()),
            Some((name, DataType::Duration(unit))) => {
                let ticks_per_second = bound::ticks_per_second(*unit);
                let seconds: Vec<f64> =
                    xs.iter().map(|x| x.since(Default::default()) / ticks_per_second).collect();
                let longest = seconds.iter().fold(0.0, |longest: f64, seconds| longest.max(seconds.abs()));
                let (length, unit) = unit_of(longest);
                (seconds.iter().map(|seconds| seconds / length).collect(), format!("{name} ({unit})"))
            }
            Some((name, data_type)) => match bound::clock(data_type) {
                None => match far_origin(&xs, data_type) {
                    None => (xs.iter().map(|x| x.since(Default::default())).collect(), labelled(name)),
                    Some(origin) => {
                        let from_origin = format!("{name} - {origin:?}");
                        let label = match unit(name) {
                            Some(unit) => format!("{from_origin} ({unit})"),
                            None => from_origin,
                        };
                        (xs.iter().map(|x| x.since(origin)).collect(), label)
                    }
                },
                Some(ticks_per_second) => {
                    let origin = xs.first().copied().unwrap_or_default();
                    let since: Vec<f64> = xs.iter().map(|x| x.since(origin) / ticks_per_second).collect();
                    let span = since.last().copied().unwrap_or(0.0);
                    let (length, unit) = unit_of(span);
                    let date = bound::text(origin.whole(), data_type);
                    (
                        since.iter().map(|seconds| seconds / length).collect(),
                        format!("{name} ({unit} since {date})"),
                    )
                }
            },
        };
        Ok(Points { x, y: ys, x_label, y_label })
    }

    /// Writes all columns of some rows, given in ascending order, as a file that appears when it is whole.
    ///
    /// Returns its length in bytes.
    ///
    /// # Errors
    /// As [`rows_at`](Series::rows_at) and [`NewFile`]; [`Error::Nested`] for CSV of arrays.
    pub fn save(&self, path: impl AsRef<Path>, rows: &[usize], output: Output) -> Result<u64, Error> {
        self.save_watched(path, rows, output, &Control::none())
    }

    /// As [`save`](Series::save), watched and stopped by `control` while it reads CSV for its types, and stopped while
    /// it reads rows.
    ///
    /// # Errors
    /// As [`save`](Series::save); [`Error::Interrupted`].
    pub fn save_watched(
        &self,
        path: impl AsRef<Path>,
        rows: &[usize],
        output: Output,
        control: &Control<'_>,
    ) -> Result<u64, Error> {
        let path = path.as_ref();
        let mut new = NewFile::create(path)?;
        let written = match output {
            Output::Parquet => self.parquet(rows, new.file(), control),
            Output::Csv => self.csv(rows, new.file(), control),
        };
        written.map_err(|error| if let Error::Interrupted = error { error } else { error.in_file(path) })?;
        let len = new.file().metadata().map_err(|error| Error::io("write it", error).in_file(path))?.len();
        new.publish(Durability::Process)?;
        Ok(len)
    }

    /// Writes all columns of some rows, given in ascending order, as parquet, compressed with zstd.
    ///
    /// Times in whole seconds and dates in milliseconds, which parquet does not have, become times in milliseconds.
    ///
    /// # Errors
    /// As [`rows_at`](Series::rows_at); [`Error::Parquet`].
    pub fn write_parquet(&self, rows: &[usize], out: impl Write + Send) -> Result<(), Error> {
        self.parquet(rows, out, &Control::none())
    }

    fn parquet(&self, rows: &[usize], out: impl Write + Send, control: &Control<'_>) -> Result<(), Error> {
        let (schema, batches) = self.rows_watched(rows, control)?;
        let (schema, batches) = with_columns(&schema, &batches, milliseconds, in_milliseconds)
            .map_err(Error::arrow("turn seconds into milliseconds"))?;
        let mut metadata: Vec<KeyValue> = schema
            .metadata()
            .iter()
            .map(|(key, value)| KeyValue { key: key.clone(), value: Some(value.clone()) })
            .collect();
        metadata.sort_by(|a, b| a.key.cmp(&b.key));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata((!metadata.is_empty()).then_some(metadata))
            .build();
        let fail = "write parquet";
        let mut writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(Error::parquet(fail))?;
        for batch in &batches {
            writer.write(batch).map_err(Error::parquet(fail))?;
        }
        writer.close().map_err(Error::parquet(fail))?;
        Ok(())
    }

    /// Writes all columns of some rows, given in ascending order, as CSV with a header line.
    ///
    /// Rows of CSV are copied as they are. Otherwise numbers have the fewest digits that read back the same, dates
    /// and times are those of ISO 8601, and null is an empty cell. Times of a named zone are written in UTC.
    ///
    /// # Errors
    /// As [`rows_at`](Series::rows_at); [`Error::Nested`]; [`Error::Io`].
    pub fn write_csv(&self, rows: &[usize], out: impl Write) -> Result<(), Error> {
        self.csv(rows, out, &Control::none())
    }

    fn csv(&self, rows: &[usize], out: impl Write, control: &Control<'_>) -> Result<(), Error> {
        let mut out = BufWriter::new(out);
        if let Some(File::Csv(first)) = self.parts.first().map(|part| &part.file) {
            let (header, end_of_line) = first.header();
            let fail = |error| Error::io("write CSV", error);
            out.write_all(header).and_then(|()| out.write_all(end_of_line)).map_err(fail)?;
            let mut rest = rows;
            for part in &self.parts {
                let File::Csv(table) = &part.file else { continue };
                let end = part.first + part.file.table().rows();
                let (here, later) = rest.split_at(rest.partition_point(|&row| row < end));
                rest = later;
                let here: Vec<usize> = here.iter().map(|row| row - part.first).collect();
                let copied = table.text(&here, |row| {
                    if control.stop.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted);
                    }
                    out.write_all(row).and_then(|()| out.write_all(end_of_line)).map_err(fail)
                });
                copied.map_err(|error| error.in_file(&part.path))?;
            }
            return out.flush().map_err(fail);
        }
        let nested = self.schema.fields().iter().filter(|field| field.data_type().is_nested());
        let nested: Vec<String> = nested.map(|field| field.name().clone()).collect();
        if !nested.is_empty() {
            return Err(Error::Nested { columns: nested });
        }
        let (schema, batches) = self.rows_watched(rows, control)?;
        let (schema, mut batches) =
            with_columns(&schema, &batches, utc, retyped).map_err(Error::arrow("write times in UTC"))?;
        if batches.is_empty() {
            // The header is written with the first batch.
            batches.push(RecordBatch::new_empty(schema));
        }
        let mut writer = arrow_csv::Writer::new(&mut out);
        for batch in &batches {
            writer.write(batch).map_err(Error::arrow("write CSV"))?;
        }
        drop(writer);
        out.flush().map_err(|error| Error::io("write CSV", error))
    }
}

/// The unit in which people tell such a span, given in seconds, and its length.
fn unit_of(span: f64) -> (f64, &'static str) {
    [(86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")]
        .into_iter()
        .find(|(length, _)| span >= 2.0 * length)
        .unwrap_or((1.0, "seconds"))
}

/// The first of some integers, where floats counted from 0 would hardly tell them apart.
fn far_origin<X: Number>(xs: &[X], data_type: &DataType) -> Option<X> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    let (&first, &last) = (xs.first()?, xs.last()?);
    let size = first.since(X::default()).abs().max(last.since(X::default()).abs());
    // Labels of ticks have room for some six digits more than the axis needs.
    let far = size > EXACT || size > 1e6 * last.since(first);
    (data_type.is_integer() && far && xs.len() > 1).then_some(first)
}

/// Gives some columns another type: `wanted` says which, `convert` makes it.
pub(super) fn with_columns(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    wanted: impl Fn(&DataType) -> Option<DataType>,
    convert: impl Fn(&ArrayRef, DataType) -> Result<ArrayRef, ArrowError>,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let field = |field: &Arc<Field>| match wanted(field.data_type()) {
        Some(data_type) => Arc::new(field.as_ref().clone().with_data_type(data_type)),
        None => field.clone(),
    };
    let fields: Vec<Arc<Field>> = schema.fields().iter().map(field).collect();
    let schema = Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()));
    let of_batch = |batch: &RecordBatch| {
        let column = |column: &ArrayRef| match wanted(column.data_type()) {
            Some(data_type) => convert(column, data_type),
            None => Ok(column.clone()),
        };
        let columns = batch.columns().iter().map(column).collect::<Result<_, _>>()?;
        RecordBatch::try_new(schema.clone(), columns)
    };
    let batches = batches.iter().map(of_batch).collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

/// UTC for times of a named zone, whose rules would be needed to write them otherwise; numbers stay the same.
fn utc(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(unit, Some(zone)) if !zone.starts_with(['+', '-']) => {
            Some(DataType::Timestamp(*unit, Some("+00:00".into())))
        }
        _ => None,
    }
}

pub(super) fn retyped(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(array.to_data().into_builder().data_type(data_type).build()?))
}

/// Times in milliseconds for those in whole seconds, and for dates in milliseconds, which are integers to parquet.
fn milliseconds(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => {
            Some(DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))
        }
        DataType::Time32(TimeUnit::Second) => Some(DataType::Time32(TimeUnit::Millisecond)),
        DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Millisecond, None)),
        _ => None,
    }
}

fn in_milliseconds(array: &ArrayRef, data_type: DataType) -> Result<ArrayRef, ArrowError> {
    fn of<From: ArrowPrimitiveType, Into: ArrowPrimitiveType>(
        array: &ArrayRef,
        times_1000: impl Fn(From::Native) -> Option<Into::Native>,
    ) -> Result<PrimitiveArray<Into>, ArrowError> {
        array.as_primitive::<From>().try_unary(|number| {
            let reason = || ArrowError::ComputeError(format!("{number:?} s are too many"));
            times_1000(number).ok_or_else(reason)
        })
    }
    let array: ArrayRef = match data_type {
        _ if *array.data_type() == DataType::Date64 => array.clone(),
        DataType::Time32(_) => {
            Arc::new(of::<Time32SecondType, Time32MillisecondType>(array, |s| s.checked_mul(1000))?)
        }
        _ => Arc::new(of::<TimestampSecondType, TimestampMillisecondType>(array, |s| s.checked_mul(1000))?),
    };
    retyped(&array, data_type)
}
