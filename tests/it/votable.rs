//! VOTables of ours, before astropy.
//!
//! UR_PEERS_PYTHON is as in module `peers`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, Int16Builder, ListBuilder};
use arrow_array::types::{Float64Type, Int8Type, Int32Type};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeListArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields, Schema};
use parquet::arrow::ArrowWriter;
use uranometria_votable::{
    Coosys, Info, Param, Serialisation, Status, Timesys, Writer, WriterOptions, error_document, keys,
};

const ROWS: usize = 5;

fn column(name: &str, array: impl Into<ArrayRef>, pairs: &[(&str, &str)]) -> (Field, ArrayRef) {
    let array: ArrayRef = array.into();
    let metadata: HashMap<_, _> =
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    (Field::new(name, array.data_type().clone(), true).with_metadata(metadata), array)
}

/// Columns of every type that is written, with their extremes and nulls.
fn columns() -> Vec<(Field, ArrayRef)> {
    let arc = |array: ArrayRef| array;
    let reals =
        vec![Some(1.0 / 3.0), None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(f64::MIN_POSITIVE)];
    let short = vec![Some(0.1), Some(f32::MAX), None, Some(-0.0), Some(f32::NAN)];
    let complex = StructArray::new(
        Fields::from(vec![
            Field::new("re", DataType::Float64, true),
            Field::new("im", DataType::Float64, true),
        ]),
        vec![
            Arc::new(Float64Array::from(vec![1.5, -0.0, f64::NAN, 1e300, 2.0])),
            Arc::new(Float64Array::from(vec![-2.5, 0.0, 7.0, f64::INFINITY, 3.0])),
        ],
        Some(vec![true, true, true, true, false].into()),
    );
    let mut images = FixedSizeListBuilder::new(Int16Builder::new(), 6);
    for row in 0..ROWS as i16 {
        (0..6).for_each(|n| images.values().append_option((n != row).then_some(row * 10 + n)));
        images.append(row != 4);
    }
    let mut lists = ListBuilder::new(Float64Builder::new());
    lists.append_value([Some(1.5), None, Some(-0.1)]);
    lists.append_null();
    lists.append_value([]);
    lists.append_value([Some(f64::INFINITY)]);
    lists.append_value([Some(4.0), Some(5.0)]);
    let integers = vec![Some(vec![Some(i32::MAX), None]), None, Some(vec![]), Some(vec![Some(1); 4]), None];
    let point =
        [Some([10.5, -20.25]), Some([0.0, 90.0]), Some([1.0, 2.0]), Some([3.0, 4.0]), Some([5.0, 6.0])];
    let point = point.map(|pair| pair.map(|pair| pair.map(Some)));
    let words: DictionaryArray<Int8Type> =
        vec![Some("a"), Some("b"), None, Some("a"), Some("b")].into_iter().collect();
    let text =
        vec![Some("one"), None, Some("<three> & \"four\""), Some("two\nlines\tand\r\nmore"), Some("z")];
    vec![
        column(
            "flag",
            arc(Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), None]))),
            &[(keys::DESCRIPTION, "True & false")],
        ),
        column("u8", arc(Arc::new(UInt8Array::from(vec![Some(0), Some(255), None, Some(1), Some(2)]))), &[]),
        column(
            "i8",
            arc(Arc::new(Int8Array::from(vec![Some(i8::MIN), Some(i8::MAX), None, Some(0), Some(1)]))),
            &[],
        ),
        column(
            "u16",
            arc(Arc::new(UInt16Array::from(vec![Some(0), Some(u16::MAX), None, Some(1), Some(2)]))),
            &[],
        ),
        column(
            "i16",
            arc(Arc::new(Int16Array::from(vec![Some(-5), Some(i16::MAX), None, Some(1), Some(2)]))),
            &[],
        ),
        column(
            "u32",
            arc(Arc::new(UInt32Array::from(vec![Some(0), Some(u32::MAX), None, Some(1), Some(2)]))),
            &[],
        ),
        column(
            "i32",
            arc(Arc::new(Int32Array::from(vec![Some(-7), Some(i32::MAX), None, Some(1), None]))),
            &[(keys::NULL, "-1"), (keys::DISPLAY, "I11")],
        ),
        column(
            "u64",
            arc(Arc::new(UInt64Array::from(vec![Some(0), Some((1 << 63) - 1), None, Some(1), None]))),
            &[],
        ),
        column(
            "source_id",
            arc(Arc::new(Int64Array::from(vec![
                Some(i64::MAX),
                Some(-1),
                None,
                Some(4_295_806_720),
                Some(0),
            ]))),
            &[(keys::UCD, "meta.id;meta.main"), (keys::ID, "source_id")],
        ),
        column("magnitude", arc(Arc::new(Float32Array::from(short))), &[(keys::UNIT, "mag")]),
        column(
            "ra",
            arc(Arc::new(Float64Array::from(reals))),
            &[
                (keys::UNIT, "deg"),
                (keys::UCD, "pos.eq.ra;meta.main"),
                (keys::UTYPE, "stc:a.b"),
                (keys::REF, "icrs"),
                (keys::DESCRIPTION, "Right ascension < 360"),
            ],
        ),
        column(
            "decimal",
            arc(Arc::new(
                Decimal128Array::from(vec![Some(12345), Some(-1), None, Some(0), Some(99)])
                    .with_precision_and_scale(12, 4)
                    .unwrap(),
            )),
            &[],
        ),
        column("complex", arc(Arc::new(complex)), &[]),
        column("text", arc(Arc::new(StringArray::from(text))), &[]),
        column("word", arc(Arc::new(words)), &[]),
        column(
            "unicode",
            arc(Arc::new(StringArray::from(vec![Some("é"), None, Some("Ζ Ret"), Some("漢字"), Some("µas")]))),
            &[(keys::DATATYPE, "unicodeChar")],
        ),
        column(
            "time",
            arc(Arc::new(TimestampMicrosecondArray::from(vec![
                Some(0),
                None,
                Some(-1),
                Some(1_532_545_227_500_000),
                Some(1),
            ]))),
            &[(keys::REF, "utc")],
        ),
        column(
            "date",
            arc(Arc::new(Date32Array::from(vec![Some(0), None, Some(11_016), Some(-1), Some(1)]))),
            &[],
        ),
        column(
            "bytes",
            arc(Arc::new(BinaryArray::from(vec![
                Some([1u8, 255].as_slice()),
                None,
                Some(&[]),
                Some(&[0]),
                Some(&[7]),
            ]))),
            &[],
        ),
        column("image", arc(Arc::new(images.finish())), &[(keys::TDIM, "(3,2)")]),
        column(
            "point",
            arc(Arc::new(FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(point, 2))),
            &[(keys::XTYPE, "point"), (keys::UNIT, "deg")],
        ),
        column("series", arc(Arc::new(lists.finish())), &[(keys::UNIT, "Jy")]),
        column("counts", arc(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(integers))), &[]),
    ]
}

fn options(serialisation: Serialisation) -> WriterOptions {
    WriterOptions {
        serialisation,
        resource_name: Some("everything".to_string()),
        table_name: Some("types".to_string()),
        description: Some("Columns of every type".to_string()),
        rows: Some(ROWS as u64),
        infos: vec![Info {
            text: "The & query".to_string(),
            ..Info::new("query", "SELECT * FROM \"t\" WHERE a < 2")
        }],
        coosys: vec![Coosys {
            id: "icrs".to_string(),
            system: "ICRS".to_string(),
            epoch: Some("J2016.0".to_string()),
            ..Coosys::default()
        }],
        timesys: vec![Timesys {
            id: "utc".to_string(),
            timescale: "UTC".to_string(),
            refposition: "TOPOCENTER".to_string(),
            timeorigin: None,
        }],
        params: vec![Param {
            name: "epoch".to_string(),
            datatype: "double".to_string(),
            value: "2016.0".to_string(),
            unit: Some("yr".to_string()),
            description: Some("Epoch of positions".to_string()),
            ..Param::default()
        }],
        ..WriterOptions::default()
    }
}

#[test]
fn astropy_reads_in_our_votables_what_we_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let (fields, arrays): (Vec<_>, Vec<_>) = columns().into_iter().unzip();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let rows = folder.path().join("rows.parquet");
    let mut parquet = ArrowWriter::try_new(File::create(&rows).unwrap(), batch.schema(), None).unwrap();
    parquet.write(&batch).unwrap();
    parquet.close().unwrap();

    let mut documents = Vec::new();
    for serialisation in [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2] {
        for status in [Status::Ok, Status::Overflow, Status::Error("the disk is full".to_string())] {
            let path = folder.path().join(format!("{}.vot", documents.len()));
            let file = File::create(&path).unwrap();
            let mut writer = Writer::new(file, batch.schema(), options(serialisation)).unwrap();
            for row in 0..ROWS {
                writer.write(&batch.slice(row, 1)).unwrap();
            }
            writer.finish(status).unwrap();
            documents.push(path);
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/votable.py");
    let python = std::env::var_os("UR_PEERS_PYTHON").filter(|path| !path.is_empty());
    let mut command =
        Command::new(python.expect("set UR_PEERS_PYTHON to a Python interpreter that has astropy"));
    let output = command.arg(script).arg(&rows).args(&documents).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}{}", text(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), documents.len(), "{said}");

    // An error document is a VOTable without a table.
    let path = folder.path().join("error.vot");
    fs::write(&path, error_document("no table `stars`; did you mean `star` < & >?")).unwrap();
    let code = "import sys; from astropy.io import votable; \
                resource = votable.parse(sys.argv[1], verify='exception').resources[0]; \
                assert resource.type == 'results', resource.type; \
                print(resource.infos[0].value, resource.infos[0].content)";
    let python = std::env::var_os("UR_PEERS_PYTHON").unwrap();
    let output = Command::new(python).args(["-c", code]).arg(&path).output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(said.trim(), "ERROR no table `stars`; did you mean `star` < & >?", "{}", text(&output.stderr));
}
