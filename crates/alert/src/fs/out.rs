//! Files that are written: beside their place under a name of their own, and named when they are whole.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::Error;

/// Bytes of a row group that are held before it is written.
const GROUP_BYTES: usize = 32 << 20;

/// Alerts in a row group at most.
const GROUP_ROWS: usize = 1 << 18;

/// A part that is written.
pub(super) struct Part {
    path: PathBuf,
    under_way: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    rows: u64,
}

/// The name of a file while it is written.
fn under_way(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

impl Part {
    pub(super) fn create(path: PathBuf, schema: &SchemaRef) -> Result<Self, Error> {
        let under_way = under_way(&path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::file(folder))?;
        }
        let file = File::create(&under_way).map_err(Error::file(&under_way))?;
        let properties = WriterProperties::builder()
            .set_created_by(format!("uranometria {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::SNAPPY)
            .set_dictionary_page_size_limit(1 << 16)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|error| Error::parquet("begin it")(error).in_file(&path))?;
        Ok(Part { path, under_way, writer, schema: schema.clone(), rows: 0 })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let told = |error| Error::parquet("write alerts")(error).in_file(&self.path);
        self.writer.write(batch).map_err(told)?;
        self.rows += batch.num_rows() as u64;
        if self.writer.in_progress_size() > GROUP_BYTES {
            self.writer.flush().map_err(told)?;
        }
        Ok(())
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.writer.in_progress_size()
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let told = |error| Error::parquet("write alerts")(error).in_file(&self.path);
        self.writer.flush().map_err(told)
    }

    /// Ends it and sends it to the disk; it has its name after [`Finished::keep`].
    pub(super) fn finish(self) -> Result<Finished, Error> {
        let told = |error| Error::parquet("end it")(error).in_file(&self.path);
        let file = self.writer.into_inner().map_err(told)?;
        file.sync_all().map_err(Error::file(&self.path))?;
        let bytes = file.metadata().map_err(Error::file(&self.path))?.len();
        Ok(Finished { path: self.path, under_way: self.under_way, rows: self.rows, bytes })
    }
}

/// A part that is whole and has no name yet.
pub(super) struct Finished {
    pub(super) path: PathBuf,
    under_way: PathBuf,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Finished {
    /// Gives it its name.
    pub(super) fn keep(&self) -> Result<(), Error> {
        fs::rename(&self.under_way, &self.path).map_err(Error::file(&self.path))?;
        sync_folder(&self.path)
    }
}

/// Replaces a small file as a whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let under_way = under_way(path);
    let mut file = File::create(&under_way).map_err(Error::file(&under_way))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::file(&under_way))?;
    fs::rename(&under_way, path).map_err(Error::file(path))?;
    sync_folder(path)
}

/// Sends the name of a file to the disk.
fn sync_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::file(folder))
}

/// A value as the name of a folder, as Hive writes it: what is no letter, digit, blank or one of `._-+*()` as `%` and
/// two digits; nothing is `__HIVE_DEFAULT_PARTITION__`.
pub(super) fn folder_name(value: Option<&str>) -> String {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return "__HIVE_DEFAULT_PARTITION__".into();
    };
    let mut name = String::new();
    // Names may have 255 bytes.
    for byte in value.bytes().take(80) {
        if byte.is_ascii_alphanumeric() || b" ._-+()".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
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
    }
}
