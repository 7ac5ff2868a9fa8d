//! What becomes of types, nulls and metadata, and what is refused.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Int16Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    FixedSizeBinaryArray, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array,
    LargeStringArray, RecordBatch, StringArray, StringViewArray, StructArray, Time64MicrosecondArray,
    TimestampMillisecondArray, TimestampSecondArray, UInt8Array, UInt64Array,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Schema};
use uranometria_fits::arrow::{WriteOptions, fs as arrow_fs, keys};
use uranometria_fits::fs::Durability;
use uranometria_fits::{Card, Hdu, Value, read_hdus};

use crate::support::{batch, read, write, write_batch};

fn header(bytes: &[u8]) -> Hdu {
    read_hdus(bytes).unwrap().remove(1)
}

/// A batch of one column with metadata.
fn with_metadata(name: &str, array: ArrayRef, metadata: &[(&str, &str)]) -> RecordBatch {
    let metadata = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    let metadata: HashMap<String, String> = metadata.collect();
    let field = Field::new(name, array.data_type().clone(), true).with_metadata(metadata);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

fn strings(array: &dyn Array) -> Vec<&str> {
    array.as_string::<i32>().iter().map(|text| text.unwrap()).collect()
}

#[track_caller]
fn refused(batch: &RecordBatch, wanted: &str) {
    assert_eq!(write_batch(batch).unwrap_err().to_string(), wanted);
}

#[test]
fn metadata_become_keywords_and_metadata_again() {
    let long =
        "proper motion in the direction of right ascension, cos(dec) included, at the epoch of the catalogue";
    let metadata = [
        (keys::UNIT, "mas/yr"),
        (keys::UCD, "pos.pm;pos.eq.ra"),
        (keys::DESCRIPTION, long),
        (keys::DISPLAY, "F9.3"),
    ];
    let batch = with_metadata("pmra", Arc::new(Float64Array::from(vec![1.5])), &metadata);
    let bytes = write_batch(&batch).unwrap();
    let hdu = header(&bytes);
    for (keyword, wanted) in
        [("TUNIT1", "mas/yr"), ("TUCD1", "pos.pm;pos.eq.ra"), ("TCOMM1", long), ("TDISP1", "F9.3")]
    {
        assert_eq!(hdu.header.text(keyword), Some(wanted));
    }
    assert_eq!(read(&bytes).unwrap().schema().field(0).metadata(), batch.schema().field(0).metadata());
}

#[test]
fn nulls_are_written_as_the_standard_has_them() {
    let nulls = batch([
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])) as ArrayRef),
        ("short", Arc::new(Int16Array::from(vec![Some(0), None, Some(-5)]))),
        ("large", Arc::new(UInt64Array::from(vec![Some(0), None, Some(u64::MAX - 1)]))),
        ("mag", Arc::new(Float32Array::from(vec![Some(1.0), None, Some(f32::INFINITY)]))),
        ("name", Arc::new(StringArray::from(vec![Some("a"), None, Some("")]))),
    ]);
    let bytes = write_batch(&nulls).unwrap();
    let hdu = header(&bytes);
    assert_eq!(hdu.header.integer("TNULL2"), Some(i16::MIN.into()));
    assert_eq!(hdu.header.integer("TNULL3"), Some(i64::MAX));
    let again = read(&bytes).unwrap();
    for column in 0..3 {
        assert_eq!(&**again.column(column), &**nulls.column(column));
    }
    let mag = again.column(3).as_primitive::<Float32Type>();
    assert!(mag.null_count() == 0 && mag.value(1).is_nan());
    assert_eq!(strings(again.column(4)), ["a", "", ""]);
}

#[test]
fn a_column_without_nulls_may_hold_every_number() {
    let all = batch([("n", Arc::new((0..=255).collect::<UInt8Array>()) as ArrayRef)]);
    let bytes = write_batch(&all).unwrap();
    assert!(header(&bytes).header.card("TNULL1").is_none());
    assert_eq!(&**read(&bytes).unwrap().column(0), &**all.column(0));
    let numbers = (0..=255).map(|n: u8| (n != 7).then_some(n)).collect::<UInt8Array>();
    refused(
        &batch([("n", Arc::new(numbers) as ArrayRef)]),
        "column n, row 255: found the number that stands for null in a column that has nulls, expected another one; \
         cast the column to a wider type",
    );
}

#[test]
fn structs_are_flattened_and_hand_their_nulls_down() {
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("deep", DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
    )]);
    let fields =
        vec![Field::new("ra", DataType::Float64, false), Field::new("in", inner.data_type().clone(), false)];
    let outer = StructArray::new(
        fields.into(),
        vec![Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0])), Arc::new(inner)],
        Some(NullBuffer::from(vec![true, true, false])),
    );
    let bytes = write_batch(&batch([("pos", Arc::new(outer) as ArrayRef)])).unwrap();
    let again = read(&bytes).unwrap();
    let names: Vec<_> = again.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["pos.ra", "pos.in.deep"]);
    assert!(again.column(0).as_primitive::<Float64Type>().value(2).is_nan());
    assert_eq!(again.column(1).as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(1), None, None]));
}

#[test]
fn dictionaries_are_written_as_their_values() {
    let mut texts = StringDictionaryBuilder::<Int32Type>::new();
    for text in [Some("K"), None, Some("G"), Some("K")] {
        texts.append_option(text);
    }
    let texts: ArrayRef = Arc::new(texts.finish());
    let again = read(&write_batch(&with_metadata("class", texts.clone(), &[])).unwrap()).unwrap();
    assert_eq!(strings(again.column(0)), ["K", "", "G", "K"]);
    let again = read(&write_batch(&with_metadata("class", texts, &[(keys::WIDTH, "3")])).unwrap()).unwrap();
    assert_eq!(strings(again.column(0)), ["K", "", "G", "K"]);

    // The number for null is among the values, but no row has it.
    let values: ArrayRef = Arc::new(Int16Array::from(vec![Some(10), None, Some(i16::MIN)]));
    let keys = Int32Array::from(vec![Some(0), Some(1), None, Some(0)]);
    let numbers: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, values.clone()));
    let again = read(&write_batch(&batch([("n", numbers)])).unwrap()).unwrap();
    assert_eq!(
        again.column(0).as_primitive::<Int16Type>(),
        &Int16Array::from(vec![Some(10), None, None, Some(10)])
    );
    let keys = Int32Array::from(vec![1, 2]);
    let numbers: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, values));
    let error = write_batch(&batch([("n", numbers)])).unwrap_err().to_string();
    assert!(error.starts_with("column n, row 1: found the number that stands for null"), "{error}");

    let none = DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![None, None]),
        Arc::new(StringArray::from(vec![""; 0])),
    );
    let again = read(&write_batch(&batch([("none", Arc::new(none) as ArrayRef)])).unwrap()).unwrap();
    assert_eq!(strings(again.column(0)), ["", ""]);
}

#[test]
fn dates_and_times_are_text_of_the_calendar() {
    let zoned = TimestampMillisecondArray::from(vec![Some(1_532_000_000_123), None]).with_timezone("+02:00");
    let times = batch([
        ("date", Arc::new(Date32Array::from(vec![Some(17_731), None])) as ArrayRef),
        ("second", Arc::new(TimestampSecondArray::from(vec![0, -1]))),
        ("zoned", Arc::new(zoned)),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![86_399_999_999, 0]))),
    ]);
    let bytes = write_batch(&times).unwrap();
    let again = read(&bytes).unwrap();
    assert_eq!(header(&bytes).header.text("TFORM3"), Some("23A"));
    assert_eq!(strings(again.column(0)), ["2018-07-19", ""]);
    assert_eq!(strings(again.column(1)), ["1970-01-01T00:00:00", "1969-12-31T23:59:59"]);
    assert_eq!(strings(again.column(2)), ["2018-07-19T11:33:20.123", ""]);
    assert_eq!(strings(again.column(3)), ["23:59:59.999999", "00:00:00.000000"]);
    let error =
        write_batch(&batch([("t", Arc::new(TimestampSecondArray::from(vec![0, i64::MAX])) as ArrayRef)]));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("column t, row 1: found 9223372036854775807 of type Timestamp"), "{error}");
}

#[test]
fn lists_that_are_null_are_empty_or_null_all_through() {
    let mut fixed = FixedSizeListBuilder::new(Int16Builder::new(), 2);
    let mut lists = ListBuilder::new(Int16Builder::new());
    for row in [Some([1, 2]), None, Some([5, 6])] {
        for n in 0..2 {
            fixed.values().append_value(row.map_or(9, |row| row[n]));
            lists.values().append_value(row.map_or(9, |row| row[n]));
        }
        fixed.append(row.is_some());
        lists.append(row.is_some());
    }
    let bytes = write_batch(&batch([
        ("fixed", Arc::new(fixed.finish()) as ArrayRef),
        ("lists", Arc::new(lists.finish()) as ArrayRef),
    ]));
    let bytes = bytes.unwrap();
    let again = read(&bytes).unwrap();
    let fixed = again.column(0).as_fixed_size_list().values().clone();
    let wanted = Int16Array::from(vec![Some(1), Some(2), None, None, Some(5), Some(6)]);
    assert_eq!(fixed.as_primitive::<Int16Type>(), &wanted);
    let lists = again.column(1).as_list::<i32>();
    assert_eq!(lists.values().as_primitive::<Int16Type>(), &Int16Array::from(vec![1, 2, 5, 6]));
    assert_eq!(lists.offsets().as_ref(), [0, 2, 2, 4]);
    // What the null list held is not in the heap.
    assert_eq!(header(&bytes).header.integer("PCOUNT"), Some(8));
    assert_eq!(header(&bytes).header.text("TFORM2"), Some("1QI(2)"));
}

#[test]
fn nested_lists_get_a_shape() {
    let item = |array: &dyn Array| Arc::new(Field::new_list_field(array.data_type().clone(), false));
    let values = Float32Array::from_iter_values((0..12).map(|n| n as f32));
    let inner = FixedSizeListArray::new(item(&values), 3, Arc::new(values.clone()), None);
    let outer = FixedSizeListArray::new(item(&inner), 2, Arc::new(inner), None);
    let bytes = write_batch(&batch([("image", Arc::new(outer) as ArrayRef)])).unwrap();
    assert_eq!(header(&bytes).header.text("TDIM1"), Some("(3,2)"));
    let again = read(&bytes).unwrap();
    let list = again.column(0).as_fixed_size_list();
    assert_eq!((list.value_length(), list.values().as_primitive::<Float32Type>()), (6, &values));
}

#[test]
fn text_and_bytes_of_every_kind_are_written() {
    let kinds = batch([
        ("large", Arc::new(LargeStringArray::from(vec!["one", "two"])) as ArrayRef),
        ("view", Arc::new(StringViewArray::from(vec!["a text longer than twelve bytes", ""]))),
        ("bytes", Arc::new(BinaryArray::from_vec(vec![b"\0\xff", b""]))),
        (
            "fixed",
            Arc::new(FixedSizeBinaryArray::try_from_iter([[1u8, 2, 3], [4, 5, 6]].into_iter()).unwrap()),
        ),
    ]);
    let again = read(&write_batch(&kinds).unwrap()).unwrap();
    assert_eq!(strings(again.column(0)), ["one", "two"]);
    assert_eq!(strings(again.column(1)), ["a text longer than twelve bytes", ""]);
    let bytes = again.column(2).as_list::<i32>();
    assert_eq!(bytes.values().to_data().buffers()[0].as_slice(), [0, 255]);
    let fixed = again.column(3).as_fixed_size_list();
    assert_eq!(fixed.values().to_data().buffers()[0].as_slice(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn text_that_does_not_fit_is_refused_with_its_row() {
    let text = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
    refused(
        &with_metadata("name", text(vec!["ok", "longer"]), &[(keys::WIDTH, "5")]),
        "column name, row 1: found \"longer\", expected at most 5 bytes, as its metadata `width` has it",
    );
    for metadata in [&[(keys::WIDTH, "9")][..], &[]] {
        refused(
            &with_metadata("name", text(vec!["ok", "β Pic"]), metadata),
            "column name, row 1: found \"β Pic\", expected printable ASCII, or the option to write UTF-8",
        );
        let batch = with_metadata("name", text(vec!["ok", "β Pic"]), metadata);
        let options = WriteOptions { utf8: true, ..WriteOptions::default() };
        let again = read(&write(&batch.schema(), &[batch], options).unwrap()).unwrap();
        assert_eq!(strings(again.column(0)), ["ok", "β Pic"]);
    }
}

#[test]
fn types_without_a_counterpart_are_refused_by_name() {
    let wanted = "expected a type with a counterpart in FITS; cast the column or leave it out";
    let decimal = Decimal128Array::from(vec![1]).with_precision_and_scale(10, 2).unwrap();
    refused(
        &batch([("price", Arc::new(decimal) as ArrayRef)]),
        &format!("column price: found Arrow type Decimal128(10, 2), {wanted}"),
    );
    let mut lists = ListBuilder::new(arrow_array::builder::StringBuilder::new());
    lists.append_value([Some("a")]);
    let error =
        write_batch(&batch([("names", Arc::new(lists.finish()) as ArrayRef)])).unwrap_err().to_string();
    assert!(error.starts_with("column names: found Arrow type List(") && error.ends_with(wanted), "{error}");
    refused(
        &with_metadata("flux", Arc::new(Float32Array::from(vec![1.0])), &[(keys::TDIM, "(2,3)")]),
        "column flux: found 1E with the metadata `tdim` \"(2,3)\", expected a shape of as many elements",
    );
    refused(
        &with_metadata("name", Arc::new(StringArray::from(vec!["a"])), &[(keys::WIDTH, "five")]),
        "column name: found width \"five\", expected a number of bytes",
    );
    refused(
        &batch([("größe", Arc::new(Float32Array::from(vec![1.0])) as ArrayRef)]),
        "column größe: found that name, expected a name of printable ASCII",
    );
    let many: Vec<_> = (0..1000).map(|n| Field::new(format!("c{n}"), DataType::Int16, false)).collect();
    let error = write(&Schema::new(many), &[], WriteOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "column c999: found 1000 columns, expected at most 999");
}

#[test]
fn a_batch_of_another_schema_is_refused() {
    let one = batch([("a", Arc::new(Int16Array::from(vec![1])) as ArrayRef)]);
    let other = batch([("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
    let error = write(&one.schema(), &[one.clone(), other], WriteOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "column a, row 1: found Arrow type Int32, expected Int16, as in the schema");
}

#[test]
fn cards_and_name_are_kept_and_what_the_table_needs_is_not_overruled() {
    let rows = batch([("a", Arc::new(Int16Array::from(vec![1, 2])) as ArrayRef)]);
    let options = WriteOptions {
        name: Some("STARS".into()),
        cards: vec![
            Card::new("EPOCH", Value::Real(2016.0), "of the positions"),
            Card::new("NAXIS2", Value::Integer(99), ""),
            Card::new("THEAP", Value::Integer(1), ""),
            Card::commentary("HISTORY", "selected by hand"),
        ],
        ..WriteOptions::default()
    };
    let hdu = header(&write(&rows.schema(), &[rows.clone(), rows], options).unwrap());
    assert_eq!((hdu.name(), hdu.header.number("EPOCH")), ("STARS", Some(2016.0)));
    assert_eq!((hdu.header.integer("NAXIS2"), hdu.header.integer("THEAP")), (Some(4), None));
    assert!(hdu.header.cards().iter().any(|card| card.keyword == "HISTORY"));
}

#[test]
fn a_header_that_needs_fewer_cards_than_were_planned_keeps_its_length() {
    // Each TNULL that is not needed leaves a card free, here some hundred: more than a block.
    let columns: Vec<(String, ArrayRef)> =
        (0..100).map(|n| (format!("c{n}"), Arc::new(Int16Array::from(vec![n, 1])) as ArrayRef)).collect();
    let wide = RecordBatch::try_from_iter(columns).unwrap();
    let again = read(&write_batch(&wide).unwrap()).unwrap();
    assert_eq!(again.columns(), wide.columns());
}

#[test]
fn tables_stand_behind_each_other_in_one_file() {
    let rows = batch([("a", Arc::new(StringArray::from(vec!["x", "yz"])) as ArrayRef)]);
    let mut bytes = write_batch(&rows).unwrap();
    let second = WriteOptions { primary: None, name: Some("TWO".into()), ..WriteOptions::default() };
    bytes.extend({
        let empty = || std::io::Cursor::new(Vec::new());
        let mut writer =
            uranometria_fits::arrow::TableWriter::new(empty(), empty(), &rows.schema(), second).unwrap();
        writer.write(&rows).unwrap();
        writer.finish().unwrap().into_inner()
    });
    let hdus = read_hdus(&bytes).unwrap();
    assert_eq!((hdus.len(), hdus[2].name()), (3, "TWO"));
}

#[test]
fn a_file_is_published_whole_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stars.fits");
    let names: StringArray = (0..10_000).map(|n| Some(format!("star {n}"))).collect();
    let rows = batch([("name", Arc::new(names) as ArrayRef)]);
    let mut table = arrow_fs::NewTable::create(&path, &rows.schema(), WriteOptions::default()).unwrap();
    table.write(&rows).unwrap();
    assert!(!path.exists());
    table.publish(Durability::Process).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let reader = arrow_fs::open(&path, None).unwrap();
    let found: usize = reader.read(&Default::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(found, 10_000);
    let dropped =
        arrow_fs::NewTable::create(folder.path().join("other.fits"), &rows.schema(), WriteOptions::default());
    drop(dropped.unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn complex_numbers_keep_their_parts_and_their_scaling() {
    use crate::support::{raw, text};
    let data: Vec<u8> = [1.0f32, -2.0].iter().flat_map(|part| part.to_be_bytes()).collect();
    let cards = [
        ("TFORM1", text("C")),
        ("TSCAL1", Value::Real(3.0)),
        ("TZERO1", Value::Real(10.0)),
        ("TTYPE1", text("")),
    ];
    let again = read(&raw(8, 1, &cards, &data)).unwrap();
    assert_eq!(again.schema().field(0).name(), "col1");
    let parts = again.column(0).as_struct();
    let part = |n: usize| parts.column(n).as_primitive::<Float64Type>().value(0);
    assert_eq!((part(0), part(1)), (13.0, -6.0));
}

#[test]
fn text_that_is_no_utf8_is_latin_1() {
    use crate::support::{raw, text};
    let again = read(&raw(4, 1, &[("TFORM1", text("4A"))], b"\xe9t\xe9 ")).unwrap();
    assert_eq!(strings(again.column(0)), ["été"]);
}
