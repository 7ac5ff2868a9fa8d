//! Rows into files and to the terminal.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use uranometria_fits::fs::{Durability, NewFile, OpenFile};
use uranometria_fits::read_hdus;
use uranometria_votable::Serialisation;

pub use crate::fits::EXTNAME;
use crate::{Encoder, Ending, Error, Format};

/// The format that is meant by a name, or by the ending of a file; a table on the terminal where there is neither.
///
/// A VOTable on standard output is one that people can read, unless its name says which it is.
///
/// # Errors
/// [`Error::Format`], [`Error::Ending`], and [`Error::Terminal`] for bytes that are not for people.
pub fn chosen(name: Option<&str>, out: Option<&Path>) -> Result<Format, Error> {
    let format = match (name, out) {
        (Some(name), _) => name.parse()?,
        (None, Some(out)) => Format::of_path(out)?,
        (None, None) => Format::Table,
    };
    match out {
        None if !format.is_text() && io::stdout().is_terminal() => Err(Error::Terminal { format }),
        None if name == Some("votable") => Ok(Format::VoTable(Serialisation::Tabledata)),
        _ => Ok(format),
    }
}

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
    /// [`Error::Replaces`] where a file of another kind is there; as [`Encoder::new`] and `NewFile::create`.
    pub fn create(out: Option<&Path>, format: Format, schema: &SchemaRef) -> Result<Self, Error> {
        out.map_or(Ok(()), |out| refuse_other(out, format))?;
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

/// Refuses to replace what is no file of rows of its kind: a name that was mistyped does not cost a cube.
fn refuse_other(out: &Path, format: Format) -> Result<(), Error> {
    /// How files begin that are no text.
    const OTHERS: [&[u8]; 4] = [b"PAR1", b"\x89PNG", b"SIMPLE  =", &[0x1f, 0x8b]];
    let mut start = Vec::new();
    // Where nothing is there or it cannot be read, writing tells.
    let Ok(file) = File::open(out) else { return Ok(()) };
    if !file.metadata().is_ok_and(|there| there.is_file()) || file.take(9).read_to_end(&mut start).is_err() {
        return Ok(());
    }
    let is_own = match format {
        Format::Parquet => start.starts_with(b"PAR1"),
        Format::Fits => {
            let hdus = OpenFile::open(out).and_then(|file| read_hdus(&file));
            hdus.is_ok_and(|hdus| hdus.get(1).is_some_and(|hdu| hdu.header.text("EXTNAME") == Some(EXTNAME)))
        }
        _ => !OTHERS.iter().any(|other| start.starts_with(other)),
    };
    match is_own || start.is_empty() {
        true => Ok(()),
        false => Err(Error::Replaces { path: out.to_path_buf(), format }),
    }
}
