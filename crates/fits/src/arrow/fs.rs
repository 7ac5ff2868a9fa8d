//! Tables in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::Schema;

use super::{TableReader, TableWriter, WriteOptions};
use crate::fs::{Durability, NewFile, OpenFile, open_locked, part_path};
use crate::{Error, HduKind, read_hdus};

/// Opens the first binary table of a file, or the first of a name.
///
/// Capitals matter in the name, as in EXTNAME.
///
/// # Errors
/// [`Error::InFile`] around [`Error::NoTable`] and what [`read_hdus`] and [`TableReader::new`] say.
pub fn open(path: impl AsRef<Path>, name: Option<&str>) -> Result<TableReader<OpenFile>, Error> {
    let path = path.as_ref();
    let file = OpenFile::open(path)?;
    let table = || {
        let hdus = read_hdus(&file)?;
        let wanted = |name: &str| name.to_string();
        let mut tables = hdus.into_iter().filter(|hdu| hdu.kind == HduKind::BinTable);
        tables
            .find(|hdu| name.is_none_or(|name| hdu.name() == name))
            .ok_or_else(|| Error::NoTable { wanted: name.map(wanted) })
    };
    let hdu = table().map_err(|error| error.in_file(path))?;
    TableReader::new(file, &hdu).map_err(|error| error.in_file(path))
}

/// A file with one table under way, published when it is whole.
///
/// Dropped without [`publish`](NewTable::publish), it leaves nothing behind.
#[derive(Debug)]
pub struct NewTable {
    file: NewFile,
    writer: TableWriter<File, File>,
    path: PathBuf,
}

impl NewTable {
    /// Begins a file that will be published as `path`.
    ///
    /// Arrays in the heap wait in a second, nameless file beside it.
    ///
    /// # Errors
    /// As [`NewFile::create`] and [`TableWriter::new`].
    pub fn create(path: impl AsRef<Path>, schema: &Schema, options: WriteOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut file = NewFile::create(path)?;
        let heap_path = part_path(path, "heap");
        let heap = open_locked(&heap_path, path)?;
        let fail = |source| Error::io("write it", source).in_file(path);
        // Without a name it goes with its last handle, however the process ends.
        fs::remove_file(&heap_path).and_then(|()| heap.set_len(0)).map_err(fail)?;
        let out = file.file().try_clone().map_err(fail)?;
        let writer = TableWriter::new(out, heap, schema, options).map_err(|error| error.in_file(path))?;
        Ok(NewTable { file, writer, path: path.to_path_buf() })
    }

    /// Appends the rows of a batch.
    ///
    /// # Errors
    /// As [`TableWriter::write`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.writer.write(batch).map_err(|error| error.in_file(&self.path))
    }

    /// Ends the table and gives the file its name.
    ///
    /// # Errors
    /// As [`TableWriter::finish`] and [`NewFile::publish`].
    pub fn publish(self, durability: Durability) -> Result<(), Error> {
        self.writer.finish().map_err(|error| error.in_file(&self.path))?;
        self.file.publish(durability)
    }
}
