//! What astropy wrote and read: data-fixtures/fits-tables.

use std::fs;
use std::slice;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde_json::{Value, json};
use uranometria_fits::arrow::{ReadOptions, TableReader, WriteOptions, fs as arrow_fs};
use uranometria_fits::read_hdus;

use crate::support::{Distant, fixture, read, write};

/// An element as types.json has it.
fn element(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    let real =
        |value: f64| json!(format!("{:016x}", if value.is_nan() { f64::NAN } else { value }.to_bits()));
    match array.data_type() {
        DataType::Boolean => json!(array.as_boolean().value(at)),
        DataType::Int8 => json!(array.as_primitive::<Int8Type>().value(at)),
        DataType::UInt8 => json!(array.as_primitive::<UInt8Type>().value(at)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(at)),
        DataType::UInt16 => json!(array.as_primitive::<UInt16Type>().value(at)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(at)),
        DataType::UInt32 => json!(array.as_primitive::<UInt32Type>().value(at)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(at)),
        DataType::UInt64 => json!(array.as_primitive::<UInt64Type>().value(at)),
        DataType::Float32 => real(array.as_primitive::<Float32Type>().value(at).into()),
        DataType::Float64 => real(array.as_primitive::<Float64Type>().value(at)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(at)),
        DataType::Struct(_) => {
            let parts = array.as_struct();
            json!([element(parts.column(0), at), element(parts.column(1), at)])
        }
        DataType::FixedSizeList(..) => all(&array.as_fixed_size_list().value(at)),
        DataType::List(_) => all(&array.as_list::<i32>().value(at)),
        other => panic!("{other}"),
    }
}

fn all(array: &ArrayRef) -> Value {
    (0..array.len()).map(|at| element(array, at)).collect()
}

/// Real numbers, which are strings, as their bits.
fn with_bits(value: &Value, real: bool) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| with_bits(value, real)).collect(),
        Value::String(text) if real => {
            let number: f64 = text.parse().unwrap();
            json!(format!("{:016x}", if number.is_nan() { f64::NAN } else { number }.to_bits()))
        }
        other => other.clone(),
    }
}

fn arrow_type(element: &str) -> DataType {
    let complex = |part: DataType| {
        let field = |name: &str| arrow_schema::Field::new(name, part.clone(), false);
        DataType::Struct(vec![field("re"), field("im")].into())
    };
    match element {
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "uint8" => DataType::UInt8,
        "int16" => DataType::Int16,
        "uint16" => DataType::UInt16,
        "int32" => DataType::Int32,
        "uint32" => DataType::UInt32,
        "int64" => DataType::Int64,
        "uint64" => DataType::UInt64,
        "float32" => DataType::Float32,
        "float64" => DataType::Float64,
        "complex64" => complex(DataType::Float32),
        "complex128" => complex(DataType::Float64),
        "str" => DataType::Utf8,
        other => panic!("{other}"),
    }
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(fixture("types.json")).unwrap()).unwrap()
}

/// Compares a batch with a table of types.json.
#[track_caller]
fn check(batch: &arrow_array::RecordBatch, wanted: &Value) {
    let columns = wanted["columns"].as_array().unwrap();
    assert_eq!(batch.num_columns(), columns.len());
    for ((field, array), wanted) in batch.schema().fields().iter().zip(batch.columns()).zip(columns) {
        let name = wanted["name"].as_str().unwrap();
        assert_eq!(field.name(), name);
        let item = match (field.data_type(), &wanted["repeat"]) {
            (DataType::FixedSizeList(item, size), Value::Number(count)) => {
                assert_eq!(i64::from(*size), count.as_i64().unwrap(), "{name}");
                item.data_type()
            }
            (DataType::List(item), Value::String(_)) => item.data_type(),
            (own, Value::Null) => own,
            (own, repeat) => panic!("{name} is {own}, and {repeat} elements were wanted"),
        };
        let kind = wanted["element"].as_str().unwrap();
        assert_eq!(*item, arrow_type(kind), "{name}");
        let real = kind.starts_with("float") || kind.starts_with("complex");
        assert_eq!(all(array), with_bits(&wanted["values"], real), "{name}");
        let mut metadata = field.metadata().clone();
        metadata.remove("width");
        let metadata: Value = metadata.into_iter().collect();
        assert_eq!(metadata, wanted["metadata"], "{name}");
    }
}

#[test]
fn every_type_is_read_as_astropy_reads_it() {
    let bytes = fs::read(fixture("types.fits")).unwrap();
    let hdus = read_hdus(&bytes).unwrap();
    let expected = expected();
    let tables = expected["tables"].as_array().unwrap();
    assert_eq!(hdus.len(), tables.len() + 1);
    for (hdu, wanted) in hdus[1..].iter().zip(tables) {
        let reader = TableReader::new(bytes.as_slice(), hdu).unwrap();
        assert_eq!(reader.schema().metadata()["name"], wanted["name"].as_str().unwrap());
        let batches: Vec<_> = reader.read(&ReadOptions::default()).unwrap().map(Result::unwrap).collect();
        assert_eq!(batches.len(), 1);
        check(&batches[0], wanted);
        let distant = TableReader::new(Distant::new(&bytes), hdu).unwrap();
        check(&distant.read(&ReadOptions::default()).unwrap().next().unwrap().unwrap(), wanted);
    }
}

#[test]
fn what_was_read_is_written_so_that_it_reads_the_same() {
    let bytes = fs::read(fixture("types.fits")).unwrap();
    let hdus = read_hdus(&bytes).unwrap();
    for (hdu, wanted) in hdus[1..].iter().zip(expected()["tables"].as_array().unwrap()) {
        for short_descriptors in [false, true] {
            let reader = TableReader::new(bytes.as_slice(), hdu).unwrap();
            let batch = reader.read(&ReadOptions::default()).unwrap().next().unwrap().unwrap();
            let mut columns: Vec<usize> = (0..batch.num_columns()).collect();
            // Two hold the number for null as a value beside nulls of another number, and nulls of one become NaN.
            let left_out = ["INT", "SHORTS", "SCALED"];
            columns.retain(|&column| !left_out.contains(&batch.schema().field(column).name().as_str()));
            let batch = batch.project(&columns).unwrap();
            let options = WriteOptions { short_descriptors, ..WriteOptions::default() };
            let again = read(&write(&batch.schema(), slice::from_ref(&batch), options).unwrap()).unwrap();
            let mut wanted = wanted.clone();
            let kept = wanted["columns"].as_array().unwrap().clone();
            wanted["columns"] = columns.iter().map(|&column| kept[column].clone()).collect();
            for column in wanted["columns"].as_array_mut().unwrap() {
                if column["name"] == "STRINGS" {
                    // `rAw` is older than TDIM, which is what is written.
                    column["metadata"]["tdim"] = json!("(5,2)");
                }
            }
            check(&again, &wanted);
        }
    }
}

#[test]
fn a_table_is_opened_by_its_name() {
    let path = fixture("types.fits");
    assert_eq!(arrow_fs::open(&path, None).unwrap().schema().metadata()["name"], "FIXED");
    let table = arrow_fs::open(&path, Some("HEAPQ")).unwrap();
    assert_eq!(table.rows(), 5);
    let error = arrow_fs::open(&path, Some("STARS")).unwrap_err().to_string();
    assert!(error.ends_with("types.fits, it has no binary table named \"STARS\""), "{error}");
}
