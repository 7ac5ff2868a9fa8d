//! Files of a night: their footers, what these tell of rows, and the rows.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::statistics::Statistics;
use uranometria_fits::fs::unless_it_panics;

use crate::Error;
use crate::condition::Bounds;

/// The most alerts of a file: a bit each is held of them, and damaged footers tell of more than there is memory for.
const MOST_ROWS: u64 = 1 << 30;

/// A file whose footer was read.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) path: PathBuf,
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    /// The types of the leaves; none of those in lists.
    types: Vec<Option<DataType>>,
}

/// A file that is read at places: threads that share it do not move each other's.
#[derive(Clone, Debug)]
struct Chunks {
    file: Arc<File>,
    length: u64,
}

/// A place in it.
struct From {
    file: Arc<File>,
    at: u64,
}

impl Read for From {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(From { file: self.file.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // Damaged footers ask for more than there is.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            let told = format!("{length} bytes at {start} are not in its {} bytes", self.length);
            return Err(ParquetError::EOF(told));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Runs what reads parquet: on damaged files its decoder may panic.
fn caught<T>(action: &'static str, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let damaged = |panic| Err(Error::Parquet { action, source: ParquetError::General(panic) });
    unless_it_panics(read).unwrap_or_else(damaged)
}

impl OpenFile {
    pub(super) fn open(path: &Path) -> Result<Arc<Self>, Error> {
        let file = File::open(path).map_err(Error::file(path))?;
        let length = file.metadata().map_err(Error::file(path))?.len();
        let chunks = Chunks { file: Arc::new(file), length };
        let action = "read its footer";
        let load =
            || ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()).map_err(Error::parquet(action));
        let metadata = caught(action, load).map_err(|error| error.in_file(path))?;
        check_rows(metadata.metadata()).map_err(|error| error.in_file(path))?;
        let mut types = Vec::new();
        for field in metadata.schema().fields() {
            leaf_types(field.data_type(), &mut types);
        }
        Ok(Arc::new(OpenFile { path: path.to_path_buf(), chunks, metadata, types }))
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Looks at the row groups of a file by its footer, if its columns are those of this one: only statistics of some
    /// leaves are decoded, and the columns are not made of it again.
    pub(super) fn glance<T>(
        &self,
        path: &Path,
        leaves: &[usize],
        look: impl Fn(Glance<'_>) -> T,
    ) -> Result<Option<Vec<T>>, Error> {
        let file = File::open(path).map_err(Error::file(path))?;
        let length = file.metadata().map_err(Error::file(path))?.len();
        let chunks = Chunks { file: Arc::new(file), length };
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(leaves))
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let action = "read its footer";
        let read = || {
            let reader = ParquetMetaDataReader::new().with_metadata_options(Some(options));
            let metadata = reader.parse_and_finish(&chunks).map_err(Error::parquet(action))?;
            check_rows(&metadata)?;
            let (ours, theirs) = (self.metadata.metadata().file_metadata(), metadata.file_metadata());
            let same =
                ours.schema() == theirs.schema() && ours.key_value_metadata() == theirs.key_value_metadata();
            let groups =
                || metadata.row_groups().iter().map(|group| look(Glance { group, types: &self.types }));
            Ok(same.then(|| groups().collect()))
        };
        caught(action, read).map_err(|error| error.in_file(path))
    }

    pub(super) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    pub(super) fn rows(&self, group: usize) -> usize {
        usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0)
    }

    pub(super) fn all_rows(&self) -> u64 {
        (0..self.groups()).map(|group| self.rows(group) as u64).sum()
    }

    /// Bytes that leaves take in a row group: compressed, and decoded.
    pub(super) fn bytes(&self, group: usize, leaves: &[usize]) -> (u64, u64) {
        leaf_bytes(self.metadata.metadata().row_group(group), leaves)
    }

    /// What the footer tells of a leaf's values in a row group.
    pub(super) fn bounds(&self, group: usize, leaf: usize) -> Option<Bounds> {
        bounds(self.metadata.metadata().row_group(group), self.types.get(leaf)?.as_ref()?, leaf)
    }

    /// Reads some leaves of some rows of a row group.
    pub(super) fn read(
        &self,
        group: usize,
        leaves: &[usize],
        rows: Option<RowSelection>,
        batch_rows: usize,
    ) -> Result<Reader<'_>, Error> {
        let action = "read its alerts";
        let read = || {
            let (chunks, metadata) = (self.chunks.clone(), self.metadata.clone());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata);
            let mask = ProjectionMask::leaves(builder.parquet_schema(), leaves.iter().copied());
            let mut builder =
                builder.with_row_groups(vec![group]).with_projection(mask).with_batch_size(batch_rows.max(1));
            if let Some(rows) = rows {
                builder = builder.with_row_selection(rows);
            }
            builder.build().map_err(Error::parquet(action))
        };
        let reader = caught(action, read).map_err(|error| error.in_file(&self.path))?;
        Ok(Reader { reader: Some(reader), path: &self.path })
    }
}

/// What a footer tells of a leaf's values in a row group.
fn bounds(group: &RowGroupMetaData, data_type: &DataType, leaf: usize) -> Option<Bounds> {
    let statistics = group.columns().get(leaf)?.statistics()?;
    let nulls = statistics.null_count_opt();
    let rows = u64::try_from(group.num_rows()).unwrap_or(0);
    let mut bounds = Bounds {
        numbers: (f64::NEG_INFINITY, f64::INFINITY),
        texts: None,
        some_null: nulls != Some(0),
        all_null: nulls == Some(rows),
    };
    // Nobody notes the ends of nothing.
    if bounds.all_null {
        return Some(bounds);
    }
    let plain = matches!(
        data_type,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
    );
    match statistics {
        Statistics::Int32(ends) if plain => {
            bounds.numbers = (f64::from(*ends.min_opt()?), f64::from(*ends.max_opt()?));
        }
        Statistics::Int64(ends) if plain => {
            bounds.numbers = (*ends.min_opt()? as f64, *ends.max_opt()? as f64);
        }
        Statistics::Int64(ends) => {
            let DataType::Timestamp(unit, _) = data_type else {
                return None;
            };
            let micros = match unit {
                TimeUnit::Second => 1e6,
                TimeUnit::Millisecond => 1e3,
                TimeUnit::Microsecond => 1.0,
                TimeUnit::Nanosecond => 1e-3,
            };
            // A microsecond of room, as parts of one are cut off.
            bounds.numbers = (*ends.min_opt()? as f64 * micros - 1.0, *ends.max_opt()? as f64 * micros + 1.0);
        }
        Statistics::Float(ends) => {
            bounds.numbers = (f64::from(*ends.min_opt()?), f64::from(*ends.max_opt()?));
        }
        Statistics::Double(ends) => bounds.numbers = (*ends.min_opt()?, *ends.max_opt()?),
        Statistics::ByteArray(ends) if matches!(data_type, DataType::Utf8 | DataType::LargeUtf8) => {
            let ends = ends.min_opt()?.data().to_vec()..ends.max_opt()?.data().to_vec();
            bounds.texts = Some((ends.start, ends.end));
        }
        _ => return None,
    }
    Some(bounds)
}

/// What a footer tells of a row group.
pub(super) struct Glance<'a> {
    group: &'a RowGroupMetaData,
    types: &'a [Option<DataType>],
}

impl Glance<'_> {
    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.group.num_rows()).unwrap_or(0)
    }

    /// Bytes that leaves take, compressed.
    pub(super) fn bytes(&self, leaves: &[usize]) -> u64 {
        leaf_bytes(self.group, leaves).0
    }

    pub(super) fn bounds(&self, leaf: usize) -> Option<Bounds> {
        bounds(self.group, self.types.get(leaf)?.as_ref()?, leaf)
    }
}

/// Bytes that leaves take in a row group: compressed, and decoded.
fn leaf_bytes(group: &RowGroupMetaData, leaves: &[usize]) -> (u64, u64) {
    leaves.iter().filter_map(|leaf| group.columns().get(*leaf)).fold((0, 0), |sum, column| {
        let size = |size: i64| u64::try_from(size).unwrap_or(0);
        (sum.0 + size(column.compressed_size()), sum.1 + size(column.uncompressed_size()))
    })
}

/// Whether footers tell of no more alerts than there may be.
fn check_rows(metadata: &ParquetMetaData) -> Result<(), Error> {
    let rows = metadata.row_groups().iter().try_fold(0_u64, |sum, group| {
        sum.checked_add(u64::try_from(group.num_rows()).ok()?).filter(|sum| *sum <= MOST_ROWS)
    });
    match rows {
        Some(_) => Ok(()),
        None => {
            let told = format!("its footer tells of more than {MOST_ROWS} alerts, or of less than none");
            Err(Error::Fields { reason: told })
        }
    }
}

/// Batches of a row group; ends behind an error.
pub(super) struct Reader<'a> {
    reader: Option<ParquetRecordBatchReader>,
    path: &'a Path,
}

impl Iterator for Reader<'_> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let action = "read its alerts";
        let reader = self.reader.as_mut()?;
        let next = caught(action, || reader.next().transpose().map_err(Error::arrow(action)));
        let next = next.map_err(|error| error.in_file(self.path)).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.reader = None;
        }
        next
    }
}

/// Adds the types of the leaves, in their order.
fn leaf_types(data_type: &DataType, types: &mut Vec<Option<DataType>>) {
    match data_type {
        DataType::Struct(fields) => fields.iter().for_each(|field| leaf_types(field.data_type(), types)),
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Map(..) => {
            let all = crate::condition::leaves(data_type);
            types.resize(types.len() + all, None);
        }
        other => types.push(Some(other.clone())),
    }
}
