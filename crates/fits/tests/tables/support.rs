//! Tables in memory.

use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use uranometria_fits::arrow::{ReadOptions, TableReader, TableWriter, WriteOptions};
use uranometria_fits::checksum::{sealed_hdu, verify};
use uranometria_fits::{Card, Error, Header, Source, Value, read_hdus};

pub(crate) fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "data-fixtures", "fits-tables", name].iter().collect()
}

/// A source that has nothing in memory and counts how often it is read.
pub(crate) struct Distant {
    bytes: Vec<u8>,
    pub(crate) reads: AtomicUsize,
}

impl Distant {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Distant { bytes: bytes.to_vec(), reads: AtomicUsize::new(0) }
    }
}

impl Source for Distant {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.bytes.read_at(offset, into)
    }
}

/// Writes batches as a table.
pub(crate) fn write(
    schema: &Schema,
    batches: &[RecordBatch],
    options: WriteOptions,
) -> Result<Vec<u8>, Error> {
    let empty = || Cursor::new(Vec::new());
    let mut writer = TableWriter::new(empty(), empty(), schema, options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    let bytes = writer.finish()?.into_inner();
    assert_eq!(bytes.len() % 2880, 0);
    for hdu in read_hdus(&bytes)? {
        assert!(verify(&bytes, &hdu)?, "no checksum");
    }
    Ok(bytes)
}

pub(crate) fn write_batch(batch: &RecordBatch) -> Result<Vec<u8>, Error> {
    write(&batch.schema(), std::slice::from_ref(batch), WriteOptions::default())
}

/// A reader of the table in HDU 1.
pub(crate) fn table(bytes: &[u8]) -> Result<TableReader<&[u8]>, Error> {
    TableReader::new(bytes, &read_hdus(bytes)?[1])
}

/// Everything in HDU 1 as one batch.
pub(crate) fn read(bytes: &[u8]) -> Result<RecordBatch, Error> {
    let table = table(bytes)?;
    let options = ReadOptions { batch_rows: usize::MAX, ..ReadOptions::default() };
    let mut batches = table.read(&options)?;
    let batch = batches.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(table.schema().clone())))?;
    assert!(batches.next().is_none(), "there is a second batch");
    Ok(batch)
}

/// A file with a table of the given cards and data, sealed.
pub(crate) fn raw(row_len: usize, rows: usize, cards: &[(&str, Value)], data: &[u8]) -> Vec<u8> {
    let fields = cards.iter().filter(|(keyword, _)| keyword.starts_with("TFORM")).count();
    let mut header = Header::new();
    header.set("XTENSION", "BINTABLE", "");
    for (keyword, value) in
        [("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", row_len), ("NAXIS2", rows), ("PCOUNT", 0), ("GCOUNT", 1)]
    {
        header.set(keyword, value, "");
    }
    header.set("PCOUNT", data.len() - (row_len * rows).min(data.len()), "");
    header.set("TFIELDS", fields, "");
    for (keyword, value) in cards {
        header.remove(keyword);
        header.push(Card::new(*keyword, value.clone(), ""));
    }
    let mut bytes = Header::primary().to_bytes();
    bytes.extend(sealed_hdu(header, data));
    bytes
}

pub(crate) fn text(value: &str) -> Value {
    Value::Text(value.to_string())
}

/// A batch of columns whose fields are nullable where they have nulls.
pub(crate) fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}
