//! Documents as they are written, to the letter.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray,
    FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListArray, NullArray,
    PrimitiveArray, RecordBatch, StringArray, Time32SecondArray, TimestampMicrosecondArray,
    TimestampSecondArray, UInt8Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields, Schema};
use uranometria_votable::{
    Coosys, Error, Info, Param, Reader, ReaderOptions, Serialisation, Status, Timesys, Writer, WriterOptions,
    keys,
};

fn metadata(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn column(array: ArrayRef) -> (Field, ArrayRef) {
    (Field::new("a", array.data_type().clone(), true), array)
}

fn write(batch: &RecordBatch, serialisation: Serialisation) -> Result<String, Error> {
    let options = WriterOptions { serialisation, ..WriterOptions::default() };
    let mut writer = Writer::new(Vec::new(), batch.schema(), options)?;
    writer.write(batch)?;
    Ok(String::from_utf8(writer.finish(Status::Ok)?).unwrap())
}

/// The cells of one column in TABLEDATA.
fn cells(array: ArrayRef) -> Vec<String> {
    let document = write(&batch(vec![column(array)]), Serialisation::Tabledata).unwrap();
    let rows = document.lines().filter_map(|line| line.strip_prefix("<TR>"));
    rows.map(|row| row.strip_suffix("</TR>").unwrap().to_string()).collect()
}

#[test]
fn a_document_has_all_that_is_asked_for_in_the_order_of_the_schema() {
    let ra = Field::new("ra", DataType::Float64, false).with_metadata(metadata(&[
        (keys::UNIT, "deg"),
        (keys::UCD, "pos.eq.ra;meta.main"),
        (keys::DESCRIPTION, "Right ascension, < 360"),
        (keys::DISPLAY, "F10.4"),
        (keys::ID, "ra"),
        (keys::REF, "icrs"),
    ]));
    let time = Field::new("obs \"time\"", DataType::Utf8, true).with_metadata(metadata(&[
        (keys::XTYPE, "timestamp"),
        (keys::UTYPE, "a:b.c"),
        (keys::ID, "ra"),
        (keys::REF, "nowhere"),
    ]));
    let schema = Schema::new_with_metadata(
        vec![ra, time],
        metadata(&[(keys::NAME, "stars"), (keys::DESCRIPTION, "Some stars")]),
    );
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from(vec![84.25])), Arc::new(StringArray::from(vec![None::<&str>]))];
    let rows = RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap();
    let options = WriterOptions {
        serialisation: Serialisation::Tabledata,
        resource_name: Some("r".to_string()),
        rows: Some(1),
        infos: vec![Info { text: "say \"this\"".to_string(), ..Info::new("query", "SELECT 'a' < 2") }],
        coosys: vec![Coosys { id: "icrs".to_string(), system: "ICRS".to_string(), ..Coosys::default() }],
        timesys: vec![Timesys {
            id: "tdb".to_string(),
            timescale: "TDB".to_string(),
            refposition: "BARYCENTER".to_string(),
            timeorigin: Some("2457000".to_string()),
        }],
        params: vec![Param {
            name: "epoch".to_string(),
            datatype: "double".to_string(),
            value: "2016.0".to_string(),
            unit: Some("yr".to_string()),
            description: Some("Of positions".to_string()),
            ..Param::default()
        }],
        ..WriterOptions::default()
    };
    let mut writer = Writer::new(Vec::new(), &schema, options).unwrap();
    writer.write(&rows).unwrap();
    let document =
        String::from_utf8(writer.finish(Status::Error("disk <full>".to_string())).unwrap()).unwrap();
    let wanted = r#"<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE name="r" type="results">
<INFO name="QUERY_STATUS" value="OK"/>
<INFO name="query" value="SELECT 'a' &lt; 2">say "this"</INFO>
<COOSYS ID="icrs" system="ICRS"/>
<TIMESYS ID="tdb" timeorigin="2457000" timescale="TDB" refposition="BARYCENTER"/>
<PARAM name="epoch" datatype="double" value="2016.0" unit="yr">
<DESCRIPTION>Of positions</DESCRIPTION>
</PARAM>
<TABLE name="stars" nrows="1">
<DESCRIPTION>Some stars</DESCRIPTION>
<FIELD ID="ra" name="ra" datatype="double" width="10" precision="4" unit="deg" ucd="pos.eq.ra;meta.main" ref="icrs"><DESCRIPTION>Right ascension, &lt; 360</DESCRIPTION></FIELD>
<FIELD name="obs &quot;time&quot;" datatype="char" arraysize="*" utype="a:b.c" xtype="timestamp"/>
<DATA><TABLEDATA>
<TR><TD>84.25</TD><TD/></TR>
</TABLEDATA></DATA>
</TABLE>
<INFO name="QUERY_STATUS" value="ERROR">disk &lt;full&gt;</INFO>
</RESOURCE>
</VOTABLE>
"#;
    assert_eq!(document, wanted);
}

#[test]
fn numbers_are_written_in_their_shortest_form() {
    let reals = vec![0.1, -0.0, 1.0, 1e300, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    let wanted = ["0.1", "-0.0", "1.0", "1e300", "5e-324", "NaN", "+Inf", "-Inf"];
    assert_eq!(cells(Arc::new(Float64Array::from(reals))), wanted.map(|cell| format!("<TD>{cell}</TD>")));
    assert_eq!(cells(Arc::new(Float32Array::from(vec![0.1]))), ["<TD>0.1</TD>"]);
    assert_eq!(
        cells(Arc::new(Int64Array::from(vec![Some(i64::MIN), None]))),
        ["<TD>-9223372036854775808</TD>", "<TD/>"]
    );
    let decimals = Decimal128Array::from(vec![Some(12345), Some(-1), None]).with_precision_and_scale(9, 2);
    assert_eq!(cells(Arc::new(decimals.unwrap())), ["<TD>123.45</TD>", "<TD>-0.01</TD>", "<TD/>"]);
    let large = i128::MAX / 2;
    let decimals =
        PrimitiveArray::<Decimal128Type>::from(vec![large]).with_precision_and_scale(38, -1).unwrap();
    assert_eq!(cells(Arc::new(decimals)), ["<TD>8.507059173023462e38</TD>"]);
}

#[test]
fn dates_and_times_are_written_by_dali() {
    let check = |array: ArrayRef, xtype: Option<&str>, wanted: &[&str]| {
        let document = write(&batch(vec![column(array.clone())]), Serialisation::Tabledata).unwrap();
        let xtype = xtype.map_or(String::new(), |xtype| format!(" xtype=\"{xtype}\""));
        let field = format!("<FIELD name=\"a\" datatype=\"char\" arraysize=\"*\"{xtype}/>");
        assert!(document.contains(&field), "{document}");
        assert_eq!(cells(array), wanted);
    };
    let timestamps = TimestampSecondArray::from(vec![Some(0), None]).with_timezone("UTC");
    check(Arc::new(timestamps), Some("timestamp"), &["<TD>1970-01-01T00:00:00</TD>", "<TD/>"]);
    let micros = TimestampMicrosecondArray::from(vec![-1]);
    check(Arc::new(micros), Some("timestamp"), &["<TD>1969-12-31T23:59:59.999999</TD>"]);
    check(Arc::new(Date32Array::from(vec![11_016])), Some("timestamp"), &["<TD>2000-02-29</TD>"]);
    check(Arc::new(Time32SecondArray::from(vec![3661])), None, &["<TD>01:01:01</TD>"]);
    check(Arc::new(NullArray::new(2)), None, &["<TD/>", "<TD/>"]);
}

#[test]
fn bytes_are_arrays() {
    let blobs = BinaryArray::from(vec![Some([1u8, 255].as_slice()), None, Some(&[])]);
    assert_eq!(cells(Arc::new(blobs)), ["<TD>1 255</TD>", "<TD/>", "<TD></TD>"]);
    let fixed = FixedSizeBinaryArray::try_from_iter([[1u8, 2], [3, 4]].iter()).unwrap();
    let document = write(&batch(vec![column(Arc::new(fixed))]), Serialisation::Tabledata).unwrap();
    assert!(document.contains(r#"datatype="unsignedByte" arraysize="2""#), "{document}");
    assert!(document.contains("<TR><TD>3 4</TD></TR>"), "{document}");
}

#[test]
fn binary2_flags_nulls_by_the_bit() {
    let columns = (0..9).map(|n| {
        let value = (n % 4 != 0).then_some(n);
        (
            Field::new(format!("c{n}"), DataType::Int16, true),
            Arc::new(Int16Array::from(vec![value])) as ArrayRef,
        )
    });
    let document = write(&batch(columns.collect()), Serialisation::Binary2).unwrap();
    // 1000 1000, 1000 0000, then nine numbers of two bytes.
    assert!(
        document.contains("<BINARY2><STREAM encoding=\"base64\">\niIAAAAABAAIAAwAAAAUABgAHAAA=\n</STREAM>"),
        "{document}"
    );
    assert!(!document.contains("VALUES"));
}

#[test]
fn binary_has_a_number_for_null_that_no_value_may_be() {
    let field =
        |pairs: &[(&str, &str)]| Field::new("a", DataType::Int32, true).with_metadata(metadata(pairs));
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None]));
    let document = write(&batch(vec![(field(&[]), numbers.clone())]), Serialisation::Binary).unwrap();
    assert!(document.contains("<VALUES null=\"-2147483648\"/>"), "{document}");
    let chosen = batch(vec![(field(&[(keys::NULL, "-1")]), numbers.clone())]);
    for serialisation in [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2] {
        assert!(write(&chosen, serialisation).unwrap().contains("<VALUES null=\"-1\"/>"));
    }
    let error =
        write(&batch(vec![(field(&[(keys::NULL, "7")]), numbers)]), Serialisation::Binary2).unwrap_err();
    assert!(
        error.to_string().starts_with("column a, row 0: 7, expected another number than the one"),
        "{error}"
    );
    let least = batch(vec![column(Arc::new(Int32Array::from(vec![i32::MIN])))]);
    assert!(write(&least, Serialisation::Binary).is_err());
    assert!(write(&least, Serialisation::Binary2).is_ok());
    // A column without nulls needs none.
    let field = Field::new("a", DataType::Int32, false);
    let whole = batch(vec![(field, Arc::new(Int32Array::from(vec![i32::MIN])))]);
    assert!(!write(&whole, Serialisation::Binary).unwrap().contains("VALUES"));
    // Bytes have no number to spare.
    let bytes = batch(vec![column(Arc::new(UInt8Array::from(vec![Some(255), None])))]);
    let document = write(&bytes, Serialisation::Binary).unwrap();
    assert!(document.contains("datatype=\"short\"") && document.contains("null=\"-32768\""), "{document}");
    assert!(write(&bytes, Serialisation::Binary2).unwrap().contains("datatype=\"unsignedByte\"/>"));
}

#[test]
fn lists_have_the_shape_of_their_metadata() {
    let item = || Arc::new(Field::new_list_field(DataType::Int32, true));
    let numbers = Int32Array::from_iter_values(0..6);
    let list: ArrayRef = Arc::new(FixedSizeListArray::new(item(), 6, Arc::new(numbers), None));
    let size = |pairs: &[(&str, &str)]| {
        let field = Field::new("a", list.data_type().clone(), true).with_metadata(metadata(pairs));
        let document = write(&batch(vec![(field, list.clone())]), Serialisation::Tabledata).unwrap();
        assert!(document.contains("<TD>0 1 2 3 4 5</TD>"), "{document}");
        document.split("arraysize=\"").nth(1).unwrap().split('"').next().unwrap().to_string()
    };
    assert_eq!(size(&[]), "6");
    assert_eq!(size(&[(keys::TDIM, "(3,2)")]), "3x2");
    assert_eq!(size(&[(keys::TDIM, "(3,3)")]), "6");
    let inner = FixedSizeListArray::new(item(), 2, Arc::new(Int32Array::from_iter_values(0..6)), None);
    let outer = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
    let nested = FixedSizeListArray::new(outer, 3, Arc::new(inner), None);
    let document = write(&batch(vec![column(Arc::new(nested))]), Serialisation::Tabledata).unwrap();
    assert!(document.contains("arraysize=\"2x3\""), "{document}");
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let document = write(&batch(vec![column(Arc::new(lists))]), Serialisation::Tabledata).unwrap();
    assert!(document.contains("<TD>1 -2147483648</TD>"), "{document}");
}

#[test]
fn types_that_votable_lacks_are_refused_before_anything_is_written() {
    let check = |data_type: DataType, wanted: &str| {
        let schema = Schema::new(vec![Field::new("a", data_type, true)]);
        let mut out = Vec::new();
        let error = Writer::new(&mut out, &schema, WriterOptions::default()).unwrap_err().to_string();
        assert!(error.starts_with("column a: ") && error.contains(wanted), "{error}");
        assert!(out.is_empty());
    };
    let list = |of: DataType| DataType::List(Arc::new(Field::new_list_field(of, true)));
    let fixed = |of: DataType, len| DataType::FixedSizeList(Arc::new(Field::new_list_field(of, true)), len);
    check(list(DataType::Utf8), "lists of strings, expected a length of the strings in its metadata `width`");
    check(list(list(DataType::Int32)), "type List");
    check(list(DataType::Binary), "type List");
    check(list(DataType::Date32), "type List");
    check(fixed(DataType::Int32, 0), "lists of no elements");
    check(fixed(fixed(fixed(DataType::Int8, i32::MAX), i32::MAX), i32::MAX), "than can be counted");
    check(DataType::Struct(Fields::from(vec![Field::new("x", DataType::Int32, true)])), "type Struct");
    check(DataType::Duration(arrow_schema::TimeUnit::Second), "type Duration");
}

#[test]
fn a_value_that_cannot_be_written_leaves_the_rows_before_it() {
    let check = |array: ArrayRef, serialisation, wanted: &str| {
        let batch = batch(vec![column(Arc::new(BooleanArray::from(vec![true; 3]))), column(array)]);
        let options = WriterOptions { serialisation, ..WriterOptions::default() };
        let mut writer = Writer::new(Vec::new(), batch.schema(), options).unwrap();
        let error = writer.write(&batch).unwrap_err().to_string();
        assert!(error.starts_with("column a, row 2: ") && error.contains(wanted), "{error}");
        let document = writer.finish(Status::Error(error.clone())).unwrap();
        let mut reader = Reader::new(document.as_slice(), &ReaderOptions::default()).unwrap();
        assert_eq!(reader.by_ref().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2);
        assert_eq!(reader.status(), Some(Status::Error(error)));
    };
    let all = [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2];
    for serialisation in all {
        let numbers = UInt64Array::from(vec![0, 1, 1 << 63]);
        check(Arc::new(numbers), serialisation, "9223372036854775808, expected at most 9223372036854775807");
        let dates = Date32Array::from(vec![0, 1, i32::MAX]);
        check(Arc::new(dates), serialisation, "expected a date of the years 0 to 9999");
        let texts = StringArray::from(vec!["a", "b", "\0"]);
        check(Arc::new(texts), serialisation, "expected text without");
    }
    let texts = || Arc::new(StringArray::from(vec!["a", "b", "é"]));
    check(texts(), Serialisation::Binary2, "\"é\", expected ASCII, as `char` has it in BINARY and BINARY2");
    assert_eq!(cells(texts())[2], "<TD>é</TD>");
    let options = WriterOptions { unicode: true, ..WriterOptions::default() };
    let rows = batch(vec![column(texts())]);
    let mut writer = Writer::new(Vec::new(), rows.schema(), options).unwrap();
    writer.write(&rows).unwrap();
    assert_eq!(writer.rows(), 3);
}

#[test]
fn batches_of_other_columns_are_refused() {
    let rows = batch(vec![column(Arc::new(Int32Array::from(vec![1])))]);
    let mut writer = Writer::new(Vec::new(), rows.schema(), WriterOptions::default()).unwrap();
    let other = batch(vec![column(Arc::new(Int64Array::from(vec![1])))]);
    let error = writer.write(&other).unwrap_err().to_string();
    assert_eq!(error, "a batch of type Int64 in column a, expected Int32, as in the schema");
    let error = writer.write(&RecordBatch::new_empty(Arc::new(Schema::empty()))).unwrap_err().to_string();
    assert_eq!(error, "a batch of 0 columns, expected 1, as in the schema");
    // What was written so far can be sent away.
    assert!(!std::mem::take(writer.get_mut()).is_empty());
    writer.write(&rows).unwrap();
    assert!(writer.finish(Status::Ok).unwrap().ends_with(b"</VOTABLE>\n"));
}

#[test]
fn a_table_may_be_empty() {
    let rows = batch(vec![column(Arc::new(Int32Array::from(Vec::<i32>::new())))]);
    for serialisation in [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2] {
        let document = write(&rows, serialisation).unwrap();
        assert_eq!(Reader::new(document.as_bytes(), &ReaderOptions::default()).unwrap().count(), 0);
    }
}
