//! Files that are written: beside their place under a hidden name, and named when they are whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use uranometria_fits::fs::{Durability, NewFile, open_locked, part_path};
use xxhash_rust::xxh3::xxh3_64;

use crate::Error;
use crate::container::{Codec, ContainerWriter};
use crate::encode::UnionOrder;

/// Bytes of a row group that are held before it is written.
const GROUP_BYTES: usize = 32 << 20;

/// Alerts in a row group at most.
const GROUP_ROWS: usize = 1 << 18;

/// The kind of the files that are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Parquet.
    #[default]
    Parquet,
    /// Avro container files, blocks deflated. Records have the names that they had in the packets, and a number behind where
    /// two of one name differ in what was chosen of them; null is the second type of unions, as readers of Fink's topics
    /// need it.
    Avro,
}

impl Format {
    /// How names of such files end: `parquet` or `avro`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Parquet => "parquet",
            Format::Avro => "avro",
        }
    }
}

/// A part that is written.
pub(super) struct Part {
    path: PathBuf,
    new: NewFile,
    writer: Writer,
    schema: SchemaRef,
    rows: u64,
}

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Avro(Box<ContainerWriter<File>>),
}

impl Writer {
    fn begin(file: File, schema: &SchemaRef, format: Format) -> Result<Self, Error> {
        match format {
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_created_by(format!("uranometria {}", env!("CARGO_PKG_VERSION")))
                    .set_compression(Compression::SNAPPY)
                    .set_dictionary_page_size_limit(1 << 16)
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .build();
                let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties));
                Ok(Writer::Parquet(Box::new(writer.map_err(Error::parquet("begin it"))?)))
            }
            Format::Avro => {
                let writer = ContainerWriter::new(file, schema, Codec::Deflate, UnionOrder::NullLast)?;
                Ok(Writer::Avro(Box::new(writer)))
            }
        }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        match self {
            Writer::Parquet(writer) => {
                writer.write(batch).map_err(Error::parquet("write alerts"))?;
                if writer.in_progress_size() > GROUP_BYTES { self.flush() } else { Ok(()) }
            }
            Writer::Avro(writer) => writer.write(batch),
        }
    }

    fn held(&self) -> usize {
        match self {
            Writer::Parquet(writer) => writer.in_progress_size(),
            // A block under way and packed.
            Writer::Avro(writer) => 2 * writer.block_bytes,
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        match self {
            Writer::Parquet(writer) => writer.flush().map_err(Error::parquet("write alerts")),
            Writer::Avro(writer) => writer.end_block(),
        }
    }

    fn finish(self) -> Result<File, Error> {
        match self {
            Writer::Parquet(writer) => writer.into_inner().map_err(Error::parquet("end it")),
            Writer::Avro(writer) => writer.finish(),
        }
    }
}

impl Part {
    pub(super) fn create(path: PathBuf, schema: &SchemaRef, format: Format) -> Result<Self, Error> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let mut new = NewFile::create(&path)?;
        let file = new.file().try_clone().map_err(Error::file(&path))?;
        let writer = Writer::begin(file, schema, format).map_err(|error| error.in_file(&path))?;
        Ok(Part { path, new, writer, schema: schema.clone(), rows: 0 })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.writer.write(batch).map_err(|error| error.in_file(&self.path))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.writer.held()
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.writer.flush().map_err(|error| error.in_file(&self.path))
    }

    /// Ends it; it has its name after [`Finished::keep`].
    pub(super) fn finish(self) -> Result<Finished, Error> {
        let file = self.writer.finish().map_err(|error| error.in_file(&self.path))?;
        let bytes = file.metadata().map_err(Error::file(&self.path))?.len();
        Ok(Finished { path: self.path, new: self.new, rows: self.rows, bytes })
    }
}

/// A part that is whole and has no name yet.
pub(super) struct Finished {
    pub(super) path: PathBuf,
    new: NewFile,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Finished {
    /// Sends it to the disk and gives it its name.
    pub(super) fn keep(self) -> Result<(), Error> {
        Ok(self.new.publish(Durability::Disk)?)
    }

    /// Its name, and the one it has until it is kept.
    pub(super) fn paths(&self) -> [PathBuf; 2] {
        [self.path.clone(), part_path(&self.path, "part")]
    }
}

/// A lock that one run holds while it writes what a report tells of.
pub(super) struct RunLock {
    path: PathBuf,
    /// Locked until it is closed.
    _file: File,
}

impl RunLock {
    pub(super) fn take(report: &Path) -> Result<Self, Error> {
        let path = part_path(report, "lock");
        let file = open_locked(&path, report)?;
        Ok(RunLock { path, _file: file })
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // While it is locked, so that nobody holds a lock on a file without a name. What stays harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what an earlier run of the same request left of a night: files in some folders whose names begin so, hidden
/// ones too, but those that stay.
pub(super) fn remove_leftovers(folders: &[PathBuf], begin: &str, stay: &[PathBuf]) -> Result<(), Error> {
    for folder in folders {
        for (name, path) in super::night::entries(folder)? {
            let ours = name.strip_prefix('.').unwrap_or(&name).starts_with(begin);
            if ours && !stay.contains(&path) {
                fs::remove_file(&path).map_err(Error::file(&path))?;
            }
        }
    }
    Ok(())
}

/// A value as the name of a folder, as Hive writes it: what is no letter, digit, blank or one of `._-+()` as `%` and
/// two digits; nothing is `__HIVE_DEFAULT_PARTITION__`. Of long values the beginning is kept and a checksum of all.
pub(super) fn folder_name(value: Option<&str>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return "__HIVE_DEFAULT_PARTITION__".into();
    };
    let mut name = String::new();
    // Names may have 255 bytes, and a byte becomes three.
    let kept = if value.len() > 72 { 60 } else { value.len() };
    for byte in value.bytes().take(kept) {
        if byte.is_ascii_alphanumeric() || b" ._-+()".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if kept < value.len() {
        name.push_str(&format!("~{:016x}", xxh3_64(value.as_bytes())));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_make_names_of_folders() {
        assert_eq!(folder_name(Some("RRLyr*_Candidate/x")), "RRLyr%2A_Candidate%2Fx");
        assert_eq!(folder_name(Some("Early SN Ia candidate")), "Early SN Ia candidate");
        assert_eq!(folder_name(None), "__HIVE_DEFAULT_PARTITION__");
        let long = |last: &str| folder_name(Some(&("é".repeat(50) + last)));
        assert_ne!(long("a"), long("b"));
        assert!("finkclass=".len() + long("a").len() < 255);
    }

    #[test]
    fn one_run_at_a_time_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("_filter-1.json");
        let lock = RunLock::take(&report).unwrap();
        let told = RunLock::take(&report).err().unwrap().to_string();
        assert!(told.contains("_filter-1.json"), "{told}");
        drop(lock);
        drop(RunLock::take(&report).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
