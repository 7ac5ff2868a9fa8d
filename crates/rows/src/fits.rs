//! A FITS file with one binary table, for which rows wait until their number is known.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use uranometria_fits::arrow::{TableWriter, WriteOptions};

use crate::Error;

/// The EXTNAME of tables of rows, by which they are known.
pub const EXTNAME: &str = "ROWS";

pub(crate) struct Fits<W> {
    to: W,
    /// The file that is written, which has no name.
    whole: File,
    table: TableWriter<File, File>,
}

impl<W: Write> Fits<W> {
    pub(crate) fn new(to: W, schema: &Schema) -> Result<Self, Error> {
        let whole = tempfile::tempfile()?;
        let options = WriteOptions { name: Some(EXTNAME.into()), ..WriteOptions::default() };
        let table = TableWriter::new(whole.try_clone()?, tempfile::tempfile()?, schema, options)?;
        Ok(Fits { to, whole, table })
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        Ok(self.table.write(rows)?)
    }

    pub(crate) fn finish(mut self) -> Result<W, Error> {
        self.table.finish()?;
        self.whole.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.whole, &mut self.to)?;
        Ok(self.to)
    }
}
