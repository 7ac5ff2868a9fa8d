//! Columns, rows and batches by choice.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, Float64Array, Int32Array, RecordBatch, StringArray};
use uranometria_fits::arrow::{ReadOptions, TableReader};
use uranometria_fits::read_hdus;

use crate::support::{Distant, batch, raw, read, table, text, write_batch};

/// Numbers, texts in the heap, and lists of as many elements as the row's number modulo 7.
fn sample(rows: usize) -> RecordBatch {
    let mut lists = ListBuilder::new(Int32Builder::new());
    for row in 0..rows {
        lists.append_value((0..row % 7).map(|n| Some((row * 10 + n) as i32)));
    }
    batch([
        ("n", Arc::new((0..rows as i32).collect::<Int32Array>())),
        ("half", Arc::new((0..rows).map(|row| row as f64 / 2.0).collect::<Float64Array>())),
        ("list", Arc::new(lists.finish())),
        ("text", Arc::new((0..rows).map(|row| Some(format!("row {row}"))).collect::<StringArray>())),
    ])
}

fn joined(batches: impl Iterator<Item = Result<RecordBatch, uranometria_fits::Error>>) -> Vec<RecordBatch> {
    batches.map(Result::unwrap).collect()
}

/// Whether batches hold the same rows as a part of one batch.
#[track_caller]
fn assert_rows(batches: &[RecordBatch], whole: &RecordBatch, from: usize, to: usize) {
    let mut at = from;
    for batch in batches {
        for (found, wanted) in batch.columns().iter().zip(whole.columns()) {
            assert_eq!(&**found, &*wanted.slice(at, batch.num_rows()), "from row {at}");
        }
        at += batch.num_rows();
    }
    assert_eq!(at, to);
}

#[test]
fn any_rows_in_batches_of_any_size_are_those_of_the_table() {
    let bytes = write_batch(&sample(1000)).unwrap();
    let hdu = &read_hdus(&bytes).unwrap()[1];
    let whole = read(&bytes).unwrap();
    let distant = TableReader::new(Distant::new(&bytes), hdu).unwrap();
    let near = table(&bytes).unwrap();
    for (rows, batch_rows, batch_bytes) in [
        (0..1000, 8192, 64 << 20),
        (0..1000, 1, 64 << 20),
        (13..14, 8192, 64 << 20),
        (990..1000, 3, 64 << 20),
        (500..500, 8192, 64 << 20),
        (1000..1000, 8192, 64 << 20),
        (17..900, 0, 0),
        (17..900, usize::MAX, 2000),
        (17..900, usize::MAX, usize::MAX),
    ] {
        let (from, to) = (rows.start, rows.end);
        let options = ReadOptions { rows: Some(rows), batch_rows, batch_bytes, columns: None };
        assert_rows(&joined(near.read(&options).unwrap()), &whole, from, to);
        assert_rows(&joined(distant.read(&options).unwrap()), &whole, from, to);
    }
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let bytes = write_batch(&sample(20)).unwrap();
    let table = table(&bytes).unwrap();
    let columns = Some(table.columns(&["TEXT", "n"]).unwrap());
    let batch =
        table.read(&ReadOptions { columns, ..ReadOptions::default() }).unwrap().next().unwrap().unwrap();
    assert_eq!(
        batch.schema().fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(),
        ["text", "n"]
    );
    assert_eq!(batch.column(1).as_primitive::<Int32Type>().value(19), 19);
    let none = ReadOptions { columns: Some(vec![]), batch_rows: 15, ..ReadOptions::default() };
    let rows: Vec<_> = joined(table.read(&none).unwrap()).iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [15, 5]);
}

#[test]
fn names_that_differ_in_capitals_alone_are_told_apart() {
    let cards = [("TTYPE1", text("a")), ("TFORM1", text("B")), ("TTYPE2", text("A")), ("TFORM2", text("B"))];
    let bytes = raw(2, 1, &cards, &[1, 2]);
    assert_eq!(table(&bytes).unwrap().columns(&["A", "a"]).unwrap(), [1, 0]);
}

#[test]
fn columns_and_rows_that_are_not_there_are_errors() {
    let bytes = write_batch(&sample(20)).unwrap();
    let table = table(&bytes).unwrap();
    let error = table.columns(&["lisp"]).unwrap_err().to_string();
    assert_eq!(error, "HDU 1: column lisp is not in the table; did you mean list?");
    let options = |rows, columns| ReadOptions { rows, columns, ..ReadOptions::default() };
    let error = table.read(&options(Some(5..21), None)).unwrap_err().to_string();
    assert_eq!(error, "HDU 1: rows 5..21 were asked for, but the table has 20");
    #[allow(clippy::reversed_empty_ranges, reason = "that is the question")]
    let error = table.read(&options(Some(7..5), None)).unwrap_err().to_string();
    assert_eq!(error, "HDU 1: rows 7..5 were asked for, but the table has 20");
    let error = table.read(&options(None, Some(vec![4]))).unwrap_err().to_string();
    assert_eq!(error, "HDU 1: column number 4, counted from 0, is not in the table");
}

#[test]
fn a_distant_table_is_read_in_few_pieces() {
    let bytes = write_batch(&sample(1000)).unwrap();
    let hdu = &read_hdus(&bytes).unwrap()[1];
    for (batch_rows, wanted) in [(1000, 3), (500, 6)] {
        let source = Distant::new(&bytes);
        let table = TableReader::new(&source, hdu).unwrap();
        let options = ReadOptions { batch_rows, ..ReadOptions::default() };
        assert_eq!(joined(table.read(&options).unwrap()).len(), 1000 / batch_rows);
        assert_eq!(source.reads.load(Ordering::Relaxed), wanted);
    }
    // Rows in the buffer are not read again where their arrays did not fit into one batch.
    let source = Distant::new(&bytes);
    let table = TableReader::new(&source, hdu).unwrap();
    let columns = Some(table.columns(&["list"]).unwrap());
    let options = ReadOptions { columns, batch_bytes: 4000, ..ReadOptions::default() };
    let batches = joined(table.read(&options).unwrap());
    assert!(source.reads.load(Ordering::Relaxed) < 2 * batches.len() + 2);
}
