//! Documents that astropy wrote, read to the values that astropy reads. See data-fixtures/votable/README.md.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt8Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use serde_json::{Value, json};
use uranometria_votable::{Info, Reader, ReaderOptions, Status, TableChoice, keys};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data-fixtures/votable").join(name)
}

/// A cell as the fixture's JSON has it.
fn cell(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    let list = |list: ArrayRef| (0..list.len()).map(|at| cell(&list, at)).collect();
    match array.data_type() {
        DataType::Boolean => json!(array.as_boolean().value(at)),
        DataType::UInt8 => json!(array.as_primitive::<UInt8Type>().value(at)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(at)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(at)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(at)),
        DataType::Float32 => real(array.as_primitive::<Float32Type>().value(at).into(), true),
        DataType::Float64 => real(array.as_primitive::<Float64Type>().value(at), false),
        DataType::Utf8 => json!(array.as_string::<i32>().value(at)),
        DataType::Struct(_) => {
            let parts = array.as_struct();
            Value::Array(parts.columns().iter().map(|part| cell(part, at)).collect())
        }
        DataType::List(_) => Value::Array(list(array.as_list::<i32>().value(at))),
        DataType::FixedSizeList(..) => Value::Array(list(array.as_fixed_size_list().value(at))),
        other => panic!("{other}"),
    }
}

/// The bits of a real number, so that -0 and NaN can be told.
fn real(value: f64, short: bool) -> Value {
    if value.is_nan() {
        return json!("NaN");
    }
    if short { json!((value as f32).to_bits()) } else { json!(value.to_bits()) }
}

/// The fixture's value with real numbers as bits.
fn bits(value: &Value, datatype: &str) -> Value {
    match value {
        Value::Array(values) => values.iter().map(|value| bits(value, datatype)).collect(),
        Value::String(text) if datatype.starts_with("float") => {
            real(text.parse::<f32>().unwrap().into(), true)
        }
        Value::String(text) if datatype.starts_with("double") => real(text.parse().unwrap(), false),
        other => other.clone(),
    }
}

#[test]
fn astropys_documents_have_the_values_that_astropy_reads() {
    let types: Value = serde_json::from_slice(&fs::read(fixture("types.json")).unwrap()).unwrap();
    for (name, columns) in types["documents"].as_object().unwrap() {
        for batch_rows in [1, 3, 100] {
            let options = ReaderOptions { batch_rows, ..ReaderOptions::default() };
            let file = BufReader::new(File::open(fixture(name)).unwrap());
            let mut reader = Reader::new(file, &options).unwrap();
            let schema = reader.schema();
            let columns = columns.as_array().unwrap();
            assert_eq!(schema.fields().len(), columns.len());
            assert_eq!(schema.metadata()[keys::NAME], "types");
            assert_eq!(schema.metadata()[keys::DESCRIPTION], "Columns of every datatype.");
            let mut row = 0;
            for batch in reader.by_ref() {
                let batch = batch.unwrap();
                for (array, wanted) in batch.columns().iter().zip(columns) {
                    let datatype = wanted["datatype"].as_str().unwrap();
                    for at in 0..batch.num_rows() {
                        let wanted_cell = bits(&wanted["rows"][row + at], datatype);
                        assert_eq!(
                            cell(array, at),
                            wanted_cell,
                            "{name}, {}, row {}",
                            wanted["name"],
                            row + at
                        );
                    }
                }
                row += batch.num_rows();
            }
            assert_eq!(row, 5);
            assert_eq!(reader.status(), Some(Status::Ok));
            assert_eq!(reader.infos()[0], Info::new("QUERY_STATUS", "OK"));
            for (field, wanted) in schema.fields().iter().zip(columns) {
                assert_eq!(*field.name(), wanted["name"].as_str().unwrap());
                let known =
                    [("id", keys::ID), ("unit", keys::UNIT), ("ucd", keys::UCD), ("xtype", keys::XTYPE)];
                for (attribute, key) in known {
                    let found = field.metadata().get(key).map(String::as_str);
                    assert_eq!(found, wanted[attribute].as_str(), "{name}, {}, {attribute}", field.name());
                }
                assert_eq!(field.metadata()[keys::DESCRIPTION], wanted["description"].as_str().unwrap());
                let null = field.metadata().get(keys::NULL).map(|null| json!(null.parse::<i64>().unwrap()));
                assert_eq!(null.unwrap_or(Value::Null), wanted["null"], "{name}, {}", field.name());
            }
            assert_eq!(schema.field_with_name("IMAGE").unwrap().metadata()[keys::TDIM], "(3,2)");
            assert_eq!(schema.field_with_name("CHARS").unwrap().metadata()[keys::WIDTH], "8");
            assert_eq!(schema.field_with_name("DOUBLE").unwrap().metadata()[keys::DISPLAY], "F12.6");
        }
    }
}

#[test]
fn a_table_is_found_by_id_name_and_number() {
    let open = |table| {
        let options = ReaderOptions { table, ..ReaderOptions::default() };
        Reader::new(BufReader::new(File::open(fixture("binary2.vot")).unwrap()), &options)
    };
    for table in
        [TableChoice::Id("t1".to_string()), TableChoice::Name("types".to_string()), TableChoice::Index(0)]
    {
        assert_eq!(open(table).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 5);
    }
    let error = open(TableChoice::Name("stars".to_string())).unwrap_err();
    assert_eq!(error.to_string(), "a table with name stars is not there; there are table types");
    let error = open(TableChoice::Index(1)).unwrap_err();
    assert_eq!(error.to_string(), "table number 1, counted from 0, is not there; there are table types");
}
