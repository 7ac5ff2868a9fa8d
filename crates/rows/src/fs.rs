//! Rows into files and to the terminal.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use uranometria_fits::fs::{Durability, NewFile};

pub use crate::fits::EXTNAME;
use crate::{Encoder, Ending, Error, Format};

/// Rows under way to a file, which appears when it is whole, or to standard output.
///
/// Dropped without [`Sink::finish`], it leaves nothing behind.
pub struct Sink {
    file: Option<NewFile>,
    encoder: Encoder<Box<dyn Write + Send>>,
}

impl Sink {
    /// Begins a file, or goes to standard output where there is none.
    ///
    /// # Errors
    /// As [`Encoder::new`] and `NewFile::create`.
    pub fn create(out: Option<&Path>, format: Format, schema: &SchemaRef) -> Result<Self, Error> {
        let mut file = out.map(NewFile::create).transpose()?;
        let to: Box<dyn Write + Send> = match &mut file {
            Some(file) => Box::new(file.file().try_clone()?),
            None => Box::new(io::stdout()),
        };
        let to: Box<dyn Write + Send> = Box::new(BufWriter::with_capacity(1 << 16, to));
        Ok(Sink { file, encoder: Encoder::new(to, schema, format)? })
    }

    /// Writes the rows of a batch.
    ///
    /// # Errors
    /// As [`Encoder::write`].
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        self.encoder.write(rows)
    }

    /// Completes the file and gives it its name; the rows and bytes written, none of standard output.
    ///
    /// # Errors
    /// As [`Encoder::finish`] and `NewFile::publish`.
    pub fn finish(self, ending: Ending) -> Result<(u64, u64), Error> {
        let rows = self.encoder.rows();
        self.encoder.finish(ending)?;
        let Some(mut file) = self.file else { return Ok((rows, 0)) };
        let bytes = file.file().metadata()?.len();
        file.publish(Durability::Process)?;
        Ok((rows, bytes))
    }
}
