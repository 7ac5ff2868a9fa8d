//! Fixtures, and values as bytes that a checksum is made of (see data-fixtures/make/alerts_expected.py).

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use uranometria_alert::{Container, DecodeOptions, Decoder, Projection, Schema, Slice};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/alerts").join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// All packets of a container file as a batch.
pub(crate) fn decode(file: &[u8], options: &DecodeOptions<'_>) -> RecordBatch {
    let mut container = Container::open(Slice::new(file)).unwrap().unwrap();
    let schema = Schema::parse(std::str::from_utf8(container.schema()).unwrap()).unwrap();
    let mut decoder = Decoder::new(&schema, options).unwrap();
    while let Some(block) = container.next_block().unwrap() {
        let block = block.unwrap();
        let mut at = 0;
        for _ in 0..block.count {
            at += decoder.decode(&block.data[at..]).unwrap();
        }
        assert_eq!(at, block.data.len());
    }
    decoder.finish().unwrap()
}

/// All rows of a parquet file as a batch.
pub(crate) fn read(path: &Path, projection: &Projection) -> RecordBatch {
    let batches = uranometria_alert::fs::read_part(path, projection, 1024).unwrap();
    let batches: Vec<RecordBatch> = batches.map(|batch| batch.unwrap()).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// The schema and the packets of a container file.
pub(crate) fn packets(file: &[u8]) -> (String, Vec<u8>) {
    let mut container = Container::open(Slice::new(file)).unwrap().unwrap();
    let text = String::from_utf8(container.schema().to_vec()).unwrap();
    let data = container.next_block().unwrap().unwrap().unwrap().data.to_vec();
    (text, data)
}

/// Puts a value to bytes.
pub(crate) fn put(array: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    if array.data_type() != &DataType::Null && array.is_null(row) || array.data_type() == &DataType::Null {
        return out.push(b'n');
    }
    let whole = |number: i64, out: &mut Vec<u8>| out.extend(format!("i{number};").as_bytes());
    let double = |number: f64, out: &mut Vec<u8>| {
        out.push(b'd');
        let one_nan = if number.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { number };
        out.extend(one_nan.to_le_bytes());
    };
    let span = |letter: char, bytes: &[u8], out: &mut Vec<u8>| {
        out.extend(format!("{letter}{}:", bytes.len()).as_bytes());
        out.extend(bytes);
    };
    match array.data_type() {
        DataType::Boolean => out.push(if array.as_boolean().value(row) { b't' } else { b'f' }),
        DataType::Int32 => whole(array.as_primitive::<Int32Type>().value(row).into(), out),
        DataType::Int64 => whole(array.as_primitive::<Int64Type>().value(row), out),
        DataType::Float32 => double(array.as_primitive::<Float32Type>().value(row).into(), out),
        DataType::Float64 => double(array.as_primitive::<Float64Type>().value(row), out),
        DataType::Utf8 => span('s', array.as_string::<i32>().value(row).as_bytes(), out),
        DataType::Binary => span('b', array.as_binary::<i32>().value(row), out),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            out.push(b'[');
            (0..items.len()).for_each(|row| put(&items, row, out));
            out.push(b']');
        }
        DataType::Struct(fields) => {
            out.push(b'{');
            for (field, column) in fields.iter().zip(array.as_struct().columns()) {
                out.extend(format!("{}=", field.name()).as_bytes());
                put(column, row, out);
            }
            out.push(b'}');
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>();
            let mut order: Vec<usize> = (0..keys.len()).collect();
            order.sort_by_key(|row| keys.value(*row));
            out.push(b'{');
            for row in order {
                out.extend(format!("{}=", keys.value(row)).as_bytes());
                put(entries.column(1), row, out);
            }
            out.push(b'}');
        }
        DataType::Timestamp(..) => put(&cast(array, &DataType::Int64).unwrap(), row, out),
        other => panic!("no values of {other} are expected"),
    }
}

pub(crate) fn crc(array: &ArrayRef, row: usize) -> u32 {
    let mut out = Vec::new();
    put(array, row, &mut out);
    let mut crc = flate2::Crc::new();
    crc.update(&out);
    crc.sum()
}
