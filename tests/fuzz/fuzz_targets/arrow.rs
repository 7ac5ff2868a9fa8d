//! Any bytes as a FITS file whose tables become record batches: the same by every way of reading, and after writing.
#![no_main]

use std::io::{self, Cursor};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Float64Array, ListArray, RecordBatch};
use arrow_schema::DataType;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use uranometria_fits::arrow::{ReadOptions, TableReader, TableWriter, WriteOptions};
use uranometria_fits::{Error, Source, checksum, read_hdus};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    uranometria_fuzz::mutate(data, size, max_size, seed)
        .unwrap_or_else(|| fuzzer_mutate(data, size, max_size))
});

/// Rows that are looked at: columns without bytes have as many rows as the header likes.
const MOST: usize = 500;

/// Bytes that nothing is borrowed from, like those of a file.
struct Read<'a>(&'a [u8]);

impl Source for Read<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, into)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(hdus) = read_hdus(bytes) else { return };
    for hdu in &hdus {
        let Ok(table) = TableReader::new(bytes, hdu) else { continue };
        let columns = table.schema().fields().len();
        assert_eq!(columns, table.layout().columns.len());
        let rows = 0..table.rows().min(MOST);
        let few = ReadOptions { rows: Some(rows.clone()), batch_bytes: 1 << 20, ..ReadOptions::default() };
        let Ok(whole) = read(&table, &few) else { continue };
        assert_eq!(whole.iter().map(RecordBatch::num_rows).sum::<usize>(), rows.len());
        assert!(whole.iter().all(|batch| batch.schema() == *table.schema()));
        let elsewhere = TableReader::new(Read(bytes), hdu).expect("the header is the same");
        assert_eq!(read(&elsewhere, &few).expect("it was read before"), whole);
        // A part of the last batch: by other batches, some columns in another order.
        let Some(last) = whole.last() else { continue };
        let end = rows.end - last.num_rows() / 3;
        let part = ReadOptions {
            columns: Some((0..columns).rev().step_by(2).collect()),
            rows: Some(rows.end - last.num_rows()..end),
            batch_rows: 3,
            batch_bytes: 100,
        };
        let mut row = 0;
        for batch in read(&elsewhere, &part).expect("it was read before") {
            for (found, wanted) in batch.columns().iter().zip((0..columns).rev().step_by(2)) {
                assert_eq!(**found, *last.column(wanted).slice(row, batch.num_rows()));
            }
            row += batch.num_rows();
        }
        assert_eq!(row, last.num_rows() - last.num_rows() / 3);
        if let Ok(written) = written(&whole) {
            check(&written, &whole);
        }
    }
});

fn read<S: Source>(table: &TableReader<S>, options: &ReadOptions) -> Result<Vec<RecordBatch>, Error> {
    table.read(options)?.collect()
}

fn written(batches: &[RecordBatch]) -> Result<Vec<u8>, Error> {
    let empty = || Cursor::new(Vec::new());
    let options = WriteOptions { utf8: true, ..WriteOptions::default() };
    let mut writer = TableWriter::new(empty(), empty(), &batches[0].schema(), options)?;
    for batch in batches {
        writer.write(batch)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn check(written: &[u8], batches: &[RecordBatch]) {
    let hdus = read_hdus(written).expect("what is written can be read");
    assert!(hdus.iter().all(|hdu| checksum::verify(written, hdu).expect("it has checksums")));
    let table = TableReader::new(written, &hdus[1]).expect("what is written can be read");
    let mut first = 0;
    for batch in batches {
        let options = ReadOptions {
            rows: Some(first..first + batch.num_rows()),
            batch_bytes: 1 << 28,
            ..ReadOptions::default()
        };
        let again = read(&table, &options).expect("what is written can be read");
        assert_eq!(again.len(), 1);
        for (found, wanted) in again[0].columns().iter().zip(batch.columns()) {
            if found.data_type() == wanted.data_type() {
                assert_eq!(found, &without_nulls(wanted));
            }
        }
        first += batch.num_rows();
    }
    assert_eq!(table.rows(), first);
}

/// The same with NaN where a number is missing: FITS has no other null among them.
fn without_nulls(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Float64 => Arc::new(
            array
                .as_primitive::<Float64Type>()
                .iter()
                .map(|x| Some(x.unwrap_or(f64::NAN)))
                .collect::<Float64Array>(),
        ),
        // Lists without elements have as many rows as they say.
        DataType::FixedSizeList(field, len) if *len > 0 => {
            let lists = array.as_fixed_size_list();
            let values = without_nulls(lists.values());
            Arc::new(FixedSizeListArray::new(field.clone(), *len, values, lists.nulls().cloned()))
        }
        DataType::List(field) => {
            let lists = array.as_list::<i32>();
            let values = without_nulls(lists.values());
            Arc::new(ListArray::new(field.clone(), lists.offsets().clone(), values, lists.nulls().cloned()))
        }
        _ => array.clone(),
    }
}
