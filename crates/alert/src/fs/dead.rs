//! Packets that could not be read, kept with the reason, so that they can be tried again.
//!
//! A file of dead letters is parquet with the columns `file`, `packet` (from 1), `packets` (how many are lost with it),
//! `offset` (bytes from the beginning of the file), `reason`, `schema` (JSON, where it is known) and `bytes`. Given to
//! an ingest, each letter is tried again by its schema.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uranometria_fits::fs::{Durability, NewFile};

use super::read;
use crate::{Error, Projection};

/// A packet that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The file it came from.
    pub file: String,
    /// Its number there, from 1.
    pub packet: u64,
    /// How many packets are lost with it: those behind it in a block, whose beginnings nobody knows.
    pub packets: u64,
    /// Where it begins in the file; in a block that is compressed, where the block begins.
    pub offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The schema it was written by, JSON; empty where it is not known.
    pub schema: String,
    /// The bytes, at most the first 16 MiB.
    pub bytes: Vec<u8>,
}

/// The most bytes that are kept of a letter.
pub(super) const KEPT: usize = 16 << 20;

pub(super) fn columns() -> SchemaRef {
    Arc::new(ArrowSchema::new(vec![
        Field::new("file", DataType::Utf8, false),
        Field::new("packet", DataType::Int64, false),
        Field::new("packets", DataType::Int64, false),
        Field::new("offset", DataType::Int64, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("schema", DataType::Utf8, false),
        Field::new("bytes", DataType::Binary, false),
    ]))
}

/// Whether a parquet file is one of dead letters: as an ingest writes it, of the same types and without nulls.
pub(super) fn is_dead(schema: &ArrowSchema) -> bool {
    let ours = columns();
    ours.fields().len() == schema.fields().len()
        && ours
            .fields()
            .iter()
            .zip(schema.fields())
            .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type() && !b.is_nullable())
}

fn batch(letters: &[DeadLetter]) -> Result<RecordBatch, Error> {
    let text = |of: fn(&DeadLetter) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(letters.iter().map(of)))
    };
    let number = |of: fn(&DeadLetter) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            letters.iter().map(|letter| of(letter).min(i64::MAX as u64) as i64),
        ))
    };
    let arrays = vec![
        text(|letter| &letter.file),
        number(|letter| letter.packet),
        number(|letter| letter.packets),
        number(|letter| letter.offset),
        text(|letter| &letter.reason),
        text(|letter| &letter.schema),
        Arc::new(BinaryArray::from_iter_values(letters.iter().map(|letter| letter.bytes.as_slice()))),
    ];
    RecordBatch::try_new(columns(), arrays).map_err(Error::arrow("keep dead letters"))
}

/// A file of dead letters under way.
pub(super) struct DeadWriter {
    new: NewFile,
    writer: ArrowWriter<File>,
    /// Letters of the row group under way, and their bytes.
    letters: usize,
    bytes: usize,
}

/// A row group ends behind so many letters, or bytes: there are at most 32,767 of them in a file.
const GROUP_LETTERS: usize = 1024;
const GROUP_BYTES: usize = 8 << 20;

impl DeadWriter {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let mut new = NewFile::create(path)?;
        let file = new.file().try_clone().map_err(|source| Error::io("write it", source).in_file(path))?;
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = ArrowWriter::try_new(file, columns(), Some(properties));
        Ok(DeadWriter {
            new,
            writer: writer.map_err(|source| Error::parquet("write it")(source).in_file(path))?,
            letters: 0,
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, letters: &[DeadLetter]) -> Result<(), Error> {
        let failed = Error::parquet("keep dead letters");
        for letter in letters {
            self.writer.write(&batch(std::slice::from_ref(letter))?).map_err(&failed)?;
            self.letters += 1;
            self.bytes += letter.bytes.len() + letter.schema.len() + letter.reason.len();
            // What is in memory stays bounded.
            if self.letters >= GROUP_LETTERS || self.bytes >= GROUP_BYTES {
                self.writer.flush().map_err(&failed)?;
                (self.letters, self.bytes) = (0, 0);
            }
        }
        Ok(())
    }

    pub(super) fn publish(self) -> Result<(), Error> {
        self.writer.close().map_err(Error::parquet("keep dead letters"))?;
        Ok(self.new.publish(Durability::Disk)?)
    }
}

/// Gives the dead letters of a file to a function.
///
/// # Errors
/// [`Error::InFile`] around [`Error::Io`], [`Error::Parquet`], or [`Error::NoAlerts`] where it is no such file; those
/// of the function.
pub fn read_dead_letters(
    path: impl AsRef<Path>,
    mut take: impl FnMut(DeadLetter) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = path.as_ref();
    let mut letters = || {
        let file = File::open(path).map_err(|source| Error::io("open it", source))?;
        if !is_dead(read::builder(file)?.schema()) {
            let found = "its columns are not those of dead letters".to_string();
            return Err(Error::NoAlerts { found, wanted: "a file that an ingest wrote" });
        }
        for batch in read::open(path, &Projection::all(), 16, 0)? {
            let batch = batch.map_err(Error::arrow("read it"))?;
            let text = |at: usize, row| batch.column(at).as_string::<i32>().value(row).to_string();
            let number =
                |at: usize, row| batch.column(at).as_primitive::<Int64Type>().value(row).max(0) as u64;
            for row in 0..batch.num_rows() {
                take(DeadLetter {
                    file: text(0, row),
                    packet: number(1, row),
                    packets: number(2, row),
                    offset: number(3, row),
                    reason: text(4, row),
                    schema: text(5, row),
                    bytes: batch.column(6).as_binary::<i32>().value(row).to_vec(),
                })?;
            }
        }
        Ok(())
    };
    letters().map_err(|error: Error| error.in_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_letters_make_few_row_groups() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("dead.parquet");
        let letter = |packet| DeadLetter {
            file: "a.avro".into(),
            packet,
            packets: 1,
            offset: 7,
            reason: "found nothing".into(),
            schema: String::new(),
            bytes: vec![1, 2, 3],
        };
        let mut writer = DeadWriter::create(&path).unwrap();
        (0..3000).try_for_each(|packet| writer.write(&[letter(packet)])).unwrap();
        writer.publish().unwrap();
        let groups = read::builder(File::open(&path).unwrap()).unwrap().metadata().num_row_groups();
        assert_eq!(groups, 3);
        let mut packet = 0;
        read_dead_letters(&path, |found| {
            assert_eq!(found, letter(packet));
            packet += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(packet, 3000);
    }

    #[test]
    fn a_file_of_the_same_columns_and_other_types_has_no_letters() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("other.parquet");
        for (kind, null) in [(DataType::Int64, false), (DataType::Utf8, true)] {
            let mut fields: Vec<Field> =
                columns().fields().iter().map(|field| field.as_ref().clone()).collect();
            fields[4] = Field::new("reason", kind, null);
            let schema = Arc::new(ArrowSchema::new(fields));
            let mut writer =
                ArrowWriter::try_new(File::create(&path).unwrap(), schema.clone(), None).unwrap();
            writer.write(&RecordBatch::new_empty(schema)).unwrap();
            writer.close().unwrap();
            let error = read_dead_letters(&path, |_| Ok(())).unwrap_err().to_string();
            assert!(error.contains("other.parquet"), "{error}");
        }
    }
}
