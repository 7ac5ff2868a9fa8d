//! Parquet files: whole columns in parallel, and chosen rows.
//!
//! x and y are read with the types of parquet itself, not those that Arrow noted beside them, because these may be
//! kept in another unit; rows are given back with Arrow's types.

use std::io::{self, BufReader};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataReader,
};
use parquet::file::reader::{ChunkReader, Length};
use rayon::prelude::*;
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{Source, SourceReader};

use super::caught::caught;
use super::pages::Known;
use super::table::{Batches, Places, Table, Wanted, runs};
use crate::Error;

/// Rows that are read in one piece: row groups are joined up to here.
const UNIT: usize = 1 << 20;

/// Rows of a batch: small enough for the cache.
const BATCH: usize = 1 << 14;

/// An open file as parquet wants it. Threads share it, for nothing is sought in it.
#[derive(Clone)]
pub(super) struct Chunks(Arc<OpenFile>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        Source::len(&*self.0)
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<SourceReader<Arc<OpenFile>>>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        // Page headers are what is read this way, and they are short.
        Ok(BufReader::with_capacity(512, SourceReader::new(self.0.clone(), start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > Length::len(self)) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; length];
        self.read_at(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

impl Chunks {
    /// Reads bytes at a place into a buffer.
    pub(super) fn read_at(&self, place: u64, into: &mut [u8]) -> ParquetResult<()> {
        Ok(self.0.read_at(place, into)?)
    }
}

/// An open parquet file.
pub(super) struct ParquetTable {
    chunks: Chunks,
    /// The types that Arrow noted.
    rich: ArrowReaderMetadata,
    /// The types of parquet.
    plain: ArrowReaderMetadata,
    places: Places,
    /// First rows of the row groups, and the number of rows.
    starts: Vec<usize>,
    pages: Known,
}

impl ParquetTable {
    pub(super) fn open(file: OpenFile, wanted: &Wanted<'_>) -> Result<Self, Error> {
        caught(|| Self::open_checked(file, wanted))
    }

    fn open_checked(file: OpenFile, wanted: &Wanted<'_>) -> Result<Self, Error> {
        let chunks = Chunks(Arc::new(file));
        let options = ArrowReaderOptions::new();
        let rich = ArrowReaderMetadata::load(&chunks, options.clone())
            .map_err(Error::parquet("read what is in the file"))?;
        let plain =
            ArrowReaderMetadata::try_new(rich.metadata().clone(), options.with_skip_arrow_metadata(true))
                .map_err(Error::parquet("read what is in the file"))?;
        let rich = with_dates(rich, &plain)?;
        let names = plain.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>();
        let places = wanted.among(&names)?;
        let mut starts = vec![0_usize];
        for (number, group) in rich.metadata().row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).ok();
            let next = rows.and_then(|rows| rows.checked_add(starts[number]));
            let told = || Error::damaged(format!("its row group {number} has {} rows", group.num_rows()));
            starts.push(next.ok_or_else(told)?);
            for column in group.columns() {
                lies_in(column, Length::len(&chunks)).map_err(|place| {
                    let path = column.column_path();
                    Error::damaged(format!("in its row group {number}, column {path} is at {place}"))
                })?;
            }
        }
        Ok(ParquetTable { chunks, rich, plain, places, starts, pages: Known::default() })
    }

    pub(super) fn chunks(&self) -> &Chunks {
        &self.chunks
    }

    /// Where its pages lie, as far as somebody has looked.
    pub(super) fn pages(&self) -> &Known {
        &self.pages
    }

    pub(super) fn metadata(&self) -> &Arc<ParquetMetaData> {
        self.plain.metadata()
    }

    pub(super) fn places(&self) -> Places {
        self.places
    }

    /// First rows of the row groups, and the number of rows behind them.
    pub(super) fn starts(&self) -> &[usize] {
        &self.starts
    }

    fn mask(&self) -> ProjectionMask {
        ProjectionMask::roots(self.plain.parquet_schema(), self.places.x.into_iter().chain([self.places.y]))
    }

    /// The footer of a file that had this row group alone, with the places of its pages if the file lists them.
    pub(super) fn located(&self, group: usize) -> ParquetResult<ParquetMetaData> {
        let footer = self.metadata();
        let alone = ParquetMetaDataBuilder::new(footer.file_metadata().clone())
            .add_row_group(footer.row_group(group).clone())
            .build();
        let mut reader = ParquetMetaDataReader::new_with_metadata(alone)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        reader.read_page_indexes(&self.chunks)?;
        reader.finish()
    }

    /// The row groups that hold some rows, with the rows from the first row of each on.
    fn groups(&self, rows: &[usize]) -> Vec<(usize, Vec<Range<usize>>)> {
        let mut groups: Vec<(usize, Vec<Range<usize>>)> = Vec::new();
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let group = self.starts.partition_point(|&start| start <= first) - 1;
            let here = rest.partition_point(|&row| row < self.starts[group + 1]);
            groups.push((group, runs(&rest[..here], self.starts[group])));
            rest = &rest[here..];
        }
        groups
    }
}

/// Errs with the place of a column chunk that is not in a file of some length.
fn lies_in(column: &ColumnChunkMetaData, file: u64) -> Result<(), String> {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let bytes = column.compressed_size();
    let end = start.checked_add(bytes).and_then(|end| u64::try_from(end).ok());
    match start >= 0 && bytes >= 0 && column.data_page_offset() >= 0 && end.is_some_and(|end| end <= file) {
        true => Ok(()),
        false => Err(format!("byte {start} with {bytes} bytes, of {file} in all")),
    }
}

/// Batches until an error; a decoder that panicked is not asked again.
struct Caught<I>(Option<I>);

impl<I: Iterator<Item = Result<RecordBatch, Error>>> Iterator for Caught<I> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batches = self.0.as_mut()?;
        let batch = caught(|| batches.next().transpose()).transpose();
        if !matches!(batch, Some(Ok(_))) {
            self.0 = None;
        }
        batch
    }
}

impl Table for ParquetTable {
    fn rows(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    fn schema(&self) -> &SchemaRef {
        self.rich.schema()
    }

    fn types(&self) -> (Option<DataType>, DataType) {
        let plain = |place: usize| self.plain.schema().field(place).data_type().clone();
        // Seconds, durations and dates in milliseconds are nothing to parquet but integers, and are kept as they are.
        let of_x = |place: usize| match (plain(place), self.rich.schema().field(place).data_type()) {
            (
                DataType::Int64,
                rich @ (DataType::Timestamp(..) | DataType::Duration(_) | DataType::Date64),
            ) => rich.clone(),
            (plain, _) => plain,
        };
        (self.places.x.map(of_x), plain(self.places.y))
    }

    fn units(&self) -> Vec<Range<usize>> {
        let mut units: Vec<Range<usize>> = Vec::new();
        for pair in self.starts.windows(2) {
            match units.last_mut() {
                Some(unit) if pair[1] - unit.start <= UNIT => unit.end = pair[1],
                _ => units.push(pair[0]..pair[1]),
            }
        }
        units
    }

    fn batches(&self, rows: Range<usize>) -> Result<Batches<'_>, Error> {
        let first = self.starts.partition_point(|&start| start < rows.start);
        let end = self.starts.partition_point(|&start| start < rows.end);
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks.clone(), self.plain.clone());
        let builder = builder
            .with_row_groups((first..end).collect())
            .with_projection(self.mask())
            .with_batch_size(BATCH);
        let reader = caught(|| builder.build().map_err(Error::parquet("read columns")))?;
        let order = self.places.order();
        Ok(Box::new(Caught(Some(reader.map(move |batch| {
            let batch = batch.map_err(Error::arrow("read columns"))?;
            batch.project(&order).map_err(Error::arrow("read columns"))
        })))))
    }

    fn take(&self, rows: &[usize], points_only: bool) -> Result<Vec<RecordBatch>, Error> {
        let groups = self.groups(rows);
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(points_only);
        let one = |(group, ranges): &(usize, Vec<Range<usize>>)| -> Result<Vec<RecordBatch>, Error> {
            let metadata = self
                .located(*group)
                .and_then(|footer| ArrowReaderMetadata::try_new(Arc::new(footer), options.clone()))
                .map_err(Error::parquet("read where its pages are"))?;
            let metadata = if points_only { metadata } else { with_dates(metadata, &self.plain)? };
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.chunks.clone(), metadata);
            let mask = if points_only { self.mask() } else { ProjectionMask::all() };
            let len = self.starts[group + 1] - self.starts[*group];
            let reader = builder
                .with_projection(mask)
                .with_row_selection(RowSelection::from_consecutive_ranges(ranges.iter().cloned(), len))
                .with_batch_size(rows.len().max(1))
                .build()
                .map_err(Error::parquet("read the chosen rows"))?;
            let order = self.places.order();
            let batches = reader.map(|batch| {
                let batch = batch.map_err(Error::arrow("read the chosen rows"))?;
                if points_only {
                    batch.project(&order).map_err(Error::arrow("read the chosen rows"))
                } else {
                    Ok(batch)
                }
            });
            batches.collect()
        };
        let read: Vec<_> = groups.par_iter().map(|group| caught(|| one(group))).collect();
        Ok(read.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }
}

/// Types with dates in days for what is that in the file, though Arrow noted milliseconds.
fn with_dates(rich: ArrowReaderMetadata, plain: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata, Error> {
    let (noted, stored) = (rich.schema(), plain.schema());
    let fields = fields_with_dates(noted.fields(), stored.fields());
    if fields == *noted.fields() {
        return Ok(rich);
    }
    let schema = Schema::new(fields).with_metadata(noted.metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(rich.metadata().clone(), options)
        .map_err(Error::parquet("read what is in the file"))
}

fn fields_with_dates(noted: &Fields, stored: &Fields) -> Fields {
    noted.iter().zip(stored).map(|(noted, stored)| field_with_dates(noted, stored)).collect()
}

fn field_with_dates(noted: &FieldRef, stored: &FieldRef) -> FieldRef {
    let data_type = match (noted.data_type(), stored.data_type()) {
        (DataType::Date64, DataType::Date32) => DataType::Date32,
        (DataType::Struct(noted), DataType::Struct(stored)) => {
            DataType::Struct(fields_with_dates(noted, stored))
        }
        (DataType::List(noted), DataType::List(stored)) => DataType::List(field_with_dates(noted, stored)),
        (DataType::LargeList(noted), DataType::List(stored)) => {
            DataType::LargeList(field_with_dates(noted, stored))
        }
        (DataType::FixedSizeList(noted, len), DataType::List(stored)) => {
            DataType::FixedSizeList(field_with_dates(noted, stored), *len)
        }
        (DataType::Map(noted, sorted), DataType::Map(stored, _)) => {
            DataType::Map(field_with_dates(noted, stored), *sorted)
        }
        _ => return noted.clone(),
    };
    Arc::new(noted.as_ref().clone().with_data_type(data_type))
}
