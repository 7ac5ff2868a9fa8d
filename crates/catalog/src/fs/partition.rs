//! Writing a partition: the units of all runs, merged.
//!
//! Row groups and pages have fixed numbers of rows, whatever the runs and units, so that the same rows give the same
//! bytes. A page of positions is 32 KiB that need no decoding.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use uranometria_fits::fs::{Durability, NewFile};

use super::import::Compression;
use super::runs::{OpenRun, gather, order};
use crate::plan::{Partition, Plan};
use crate::{CELL_COLUMN, Error};

/// Rows a page: the least that is decoded for a region.
pub(super) const PAGE_ROWS: usize = 4096;

/// How partitions are written.
pub(super) struct Format {
    pub(super) schema: SchemaRef,
    pub(super) properties: Arc<WriterProperties>,
    /// Rows a row group.
    pub(super) group_rows: usize,
}

impl Format {
    /// `plain` are the columns that are never compressed.
    pub(super) fn new(
        schema: SchemaRef,
        plain: [&str; 2],
        compression: Compression,
        group_rows: usize,
    ) -> Self {
        let codec = match compression {
            Compression::None => Codec::UNCOMPRESSED,
            Compression::Lz4 => Codec::LZ4_RAW,
            Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        };
        let mut properties = WriterProperties::builder()
            .set_created_by(format!("uranometria {}", env!("CARGO_PKG_VERSION")))
            .set_compression(codec)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_data_page_size_limit(1 << 24)
            .set_write_batch_size(PAGE_ROWS)
            .set_max_row_group_row_count(Some(group_rows))
            .set_dictionary_page_size_limit(1 << 14)
            .set_sorting_columns(Some(vec![SortingColumn {
                column_idx: 0,
                descending: false,
                nulls_first: false,
            }]));
        for name in [CELL_COLUMN, plain[0], plain[1]] {
            let column = ColumnPath::new(vec![name.to_string()]);
            properties = properties
                .set_column_compression(column.clone(), Codec::UNCOMPRESSED)
                .set_column_encoding(column, Encoding::PLAIN);
        }
        for field in schema.fields() {
            // A dictionary must be read whole for one page, and numbers that repeat are left to the codec.
            if field.data_type().is_primitive() || plain.contains(&field.name().as_str()) {
                let column = ColumnPath::new(vec![field.name().clone()]);
                properties = properties.set_column_dictionary_enabled(column, false);
            }
        }
        Format { schema, properties: Arc::new(properties.build()), group_rows }
    }

    /// Writes a partition and returns how many rows it has; `done` is told of each row group.
    pub(super) fn write(
        &self,
        path: &Path,
        plan: &Plan,
        partition: &Partition,
        runs: &mut [OpenRun<'_>],
        done: &dyn Fn(u64) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let mut file = PartitionFile::create(self, path)?;
        for unit in partition.units.clone() {
            let mut pieces: Vec<RecordBatch> = Vec::new();
            for run in &mut *runs {
                pieces.extend(run.unit(unit)?);
            }
            let order = order(&pieces);
            let inside = |cell: i64| plan.units[unit].contains(&(cell as u64));
            if !order.iter().all(|(cell, _)| inside(*cell)) {
                return Err(Error::Changed);
            }
            file.push(gather(&pieces, &order)?, done)?;
        }
        file.finish(done)
    }
}

/// A partition in the making: rows in order become row groups of one size.
pub(super) struct PartitionFile<'a> {
    format: &'a Format,
    new: NewFile,
    writer: ArrowWriter<BufWriter<File>>,
    waiting: Vec<RecordBatch>,
    count: usize,
    rows: u64,
}

impl<'a> PartitionFile<'a> {
    pub(super) fn create(format: &'a Format, path: &Path) -> Result<Self, Error> {
        let mut new = NewFile::create(path)?;
        let file = new.file().try_clone().map_err(|source| Error::io("open it", source))?;
        let out = BufWriter::with_capacity(1 << 20, file);
        let properties = (*format.properties).clone();
        let writer = ArrowWriter::try_new(out, format.schema.clone(), Some(properties))
            .map_err(Error::parquet("write it"))?;
        Ok(PartitionFile { format, new, writer, waiting: Vec::new(), count: 0, rows: 0 })
    }

    /// Adds rows behind those before; `done` is told of each row group.
    pub(super) fn push(
        &mut self,
        sorted: RecordBatch,
        done: &dyn Fn(u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.count += sorted.num_rows();
        self.waiting.push(sorted);
        while self.count >= self.format.group_rows {
            self.flush(self.format.group_rows, done)?;
        }
        Ok(())
    }

    /// Gives the file its name and returns how many rows it has.
    pub(super) fn finish(mut self, done: &dyn Fn(u64) -> Result<(), Error>) -> Result<u64, Error> {
        if self.count > 0 {
            self.flush(self.count, done)?;
        }
        let mut out = self.writer.into_inner().map_err(Error::parquet("write it"))?;
        std::io::Write::flush(&mut out).map_err(|source| Error::io("write it", source))?;
        drop(out);
        self.new.publish(Durability::Disk)?;
        Ok(self.rows)
    }

    /// Writes the first rows of those that wait as a row group.
    fn flush(&mut self, count: usize, done: &dyn Fn(u64) -> Result<(), Error>) -> Result<(), Error> {
        let all =
            concat_batches(&self.format.schema, &self.waiting).map_err(Error::arrow("join its rows"))?;
        self.waiting.clear();
        if all.num_rows() > count {
            self.waiting.push(all.slice(count, all.num_rows() - count));
        }
        self.writer.write(&all.slice(0, count)).map_err(Error::parquet("write it"))?;
        self.writer.flush().map_err(Error::parquet("write it"))?;
        self.rows += count as u64;
        self.count -= count;
        done(count as u64)
    }
}
