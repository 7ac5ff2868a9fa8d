//! Rows in every format, read back by us and by others.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int8Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float16Array, Float32Array, Float64Array, Int16Array,
    Int64Array, ListArray, RecordBatch, StringArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uranometria_fits::arrow::{ReadOptions, fs as fits_tables, keys};
use uranometria_rows::fs::{EXTNAME, Sink};
use uranometria_rows::{Encoder, Ending, Format};
use uranometria_votable::{Reader, ReaderOptions};

use crate::series_files::Folder;

/// Rows with every kind of value that all formats hold, and lists.
fn rows(lists: bool) -> RecordBatch {
    let about = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    };
    let position = about(&[
        (keys::UNIT, "deg"),
        (keys::UCD, "pos.eq.ra;meta.main"),
        (keys::DESCRIPTION, "It's \"right\", {of} #1: ascension, \\ICRS"),
    ]);
    let mut fields = vec![
        Field::new("source_id", DataType::Int64, false)
            .with_metadata(about(&[(keys::UCD, "meta.id;meta.main")])),
        Field::new("ra", DataType::Float64, true).with_metadata(position),
        Field::new("mag", DataType::Float32, true).with_metadata(about(&[(keys::UNIT, "mag")])),
        Field::new("flags", DataType::Int16, true),
        Field::new("good", DataType::Boolean, true),
        Field::new("name, or so", DataType::Utf8, true),
    ];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![i64::MAX, 4_472_832_130_942_575_872, -3])),
        Arc::new(Float64Array::from(vec![Some(0.1), None, Some(1.0 / 3.0)])),
        Arc::new(Float32Array::from(vec![Some(-1.46_f32), Some(21.3), None])),
        Arc::new(Int16Array::from(vec![Some(-32_000), Some(7), None])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        Arc::new(StringArray::from(vec![Some("α Cen, \"Rigil\""), Some("x y"), None])),
    ];
    if lists {
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![
            Some(vec![Some(1.5), Some(-2.0)]),
            Some(vec![Some(0.25)]),
            Some(vec![Some(7.0)]),
        ]);
        fields.push(Field::new("light", list.data_type().clone(), true));
        columns.push(Arc::new(list));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// A file of the rows, given as two batches.
fn written(folder: &Folder, name: &str, format: Format, rows: &RecordBatch) -> PathBuf {
    let path = folder.at(name);
    let mut sink = Sink::create(Some(&path), format, &rows.schema()).unwrap();
    sink.write(&rows.slice(0, 1)).unwrap();
    sink.write(&rows.slice(1, rows.num_rows() - 1)).unwrap();
    let (count, bytes) = sink.finish(Ending::All).unwrap();
    assert_eq!((count, bytes), (3, fs::metadata(&path).unwrap().len()));
    path
}

#[test]
fn rows_come_back_from_the_formats_that_keep_them_whole() {
    let folder = Folder::new();
    let rows = rows(true);
    for name in Format::NAMES.into_iter().filter(|name| name.starts_with("votable")) {
        let path = written(&folder, &name.replace('/', "."), name.parse().unwrap(), &rows);
        let reader =
            Reader::new(BufReader::new(File::open(path).unwrap()), &ReaderOptions::default()).unwrap();
        let schema = reader.schema();
        let back: Vec<_> = reader.map(Result::unwrap).collect();
        let back = concat_batches(&schema, &back).unwrap();
        for (n, column) in rows.columns().iter().enumerate() {
            // BINARY has no null but among integers, whose number for it is told.
            if name != "votable/b" || column.null_count() == 0 {
                assert_eq!(back.column(n).to_data(), column.to_data(), "{name} {n}");
            }
            let keys = [keys::UNIT, keys::UCD, keys::DESCRIPTION];
            let of =
                |batch: &RecordBatch| keys.map(|key| batch.schema().field(n).metadata().get(key).cloned());
            assert_eq!(of(&back), of(&rows), "{name} {n}");
        }
    }
    let mut sink = Sink::create(Some(&folder.at("rows.fits")), Format::Fits, &rows.schema()).unwrap();
    let refused = sink.write(&rows).unwrap_err().to_string();
    assert!(refused.contains("name, or so"), "{refused}");
    drop(sink);
    let rows = rows.project(&[0, 1, 2, 3, 4, 6]).unwrap();
    let path = written(&folder, "rows.fits", Format::Fits, &rows);
    let table = fits_tables::open(&path, Some(EXTNAME)).unwrap();
    let back: Vec<_> = table.read(&ReadOptions::default()).unwrap().map(Result::unwrap).collect();
    let back = concat_batches(table.schema(), &back).unwrap();
    for (n, column) in rows.columns().iter().enumerate() {
        let unit = |batch: &RecordBatch| batch.schema().field(n).metadata().get(keys::UNIT).cloned();
        assert_eq!(unit(&back), unit(&rows));
        // Among floating numbers null is NaN, which stays one.
        if column.data_type().is_floating() {
            let doubles = |column: &ArrayRef| -> Vec<u64> {
                let column = cast(column, &DataType::Float64).unwrap();
                let values = column.as_primitive::<Float64Type>().iter();
                values.map(|value| value.unwrap_or(f64::NAN).to_bits() & !(1 << 63)).collect()
            };
            assert_eq!(doubles(back.column(n)), doubles(column));
        } else {
            // Whether elements may be null is not told by FITS.
            let back = cast(back.column(n), column.data_type()).unwrap();
            assert_eq!(back.to_data(), column.to_data(), "fits {n}");
        }
    }
    let path = written(&folder, "rows.parquet", Format::Parquet, &rows);
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
    assert_eq!(reader.map(Result::unwrap).collect::<Vec<_>>(), [rows]);
}

fn text(format: &str, rows: &RecordBatch, ending: Ending) -> String {
    let mut encoder = Encoder::new(Vec::new(), &rows.schema(), format.parse().unwrap()).unwrap();
    encoder.write(rows).unwrap();
    String::from_utf8(encoder.finish(ending).unwrap()).unwrap()
}

#[test]
fn texts_are_as_people_and_programs_expect_them() {
    let few = rows(true).project(&[0, 1, 4, 5, 6]).unwrap();
    assert_eq!(
        text("ecsv", &few, Ending::All),
        r##"# %ECSV 1.0
# ---
# delimiter: ','
# datatype:
# - {name: "source_id", datatype: int64, meta: {ucd: "meta.id;meta.main"}}
# - {name: "ra", datatype: float64, unit: "deg", description: "It's \"right\", {of} #1: ascension, \\ICRS", meta: {ucd: "pos.eq.ra;meta.main"}}
# - {name: "good", datatype: bool}
# - {name: "name, or so", datatype: string}
# - {name: "light", datatype: string, subtype: "float64[null]"}
source_id,ra,good,"name, or so",light
9223372036854775807,0.1,True,"α Cen, ""Rigil""","[1.5,-2.0]"
4472832130942575872,,False,x y,[0.25]
-3,0.3333333333333333,,,[7.0]
"##
    );
    assert_eq!(
        text("json", &few.project(&[0, 1, 2, 4]).unwrap(), Ending::Cut),
        r#"{"metadata": [{"name":"source_id","datatype":"Int64","ucd":"meta.id;meta.main"},
{"name":"ra","datatype":"Float64","unit":"deg","ucd":"pos.eq.ra;meta.main","description":"It's \"right\", {of} #1: ascension, \\ICRS"},
{"name":"good","datatype":"Boolean"},
{"name":"light","datatype":"List(Float64)"}],
"data": [
[9223372036854775807,0.1,true,[1.5,-2.0]],
[4472832130942575872,null,false,[0.25]],
[-3,0.3333333333333333,null,[7.0]]
],
"overflow": true}
"#
    );
    let flat = rows(false).project(&[0, 1, 5]).unwrap();
    assert_eq!(
        text("tsv", &flat, Ending::All),
        "source_id\tra\tname, or so\n9223372036854775807\t0.1\t\"α Cen, \"\"Rigil\"\"\"\n4472832130942575872\t\tx \
         y\n-3\t0.3333333333333333\t\n"
    );
    assert_eq!(
        text("table", &flat, Ending::Cut),
        "          source_id                  ra  name, or so\n                                    \
         deg\n9223372036854775807                 0.1  α Cen, \"Rigil\"\n4472832130942575872                      x \
         y\n                 -3  0.3333333333333333\n... and more: the limit of rows was reached\n"
    );
    let Err(refused) = Encoder::new(Vec::new(), &few.schema(), Format::Csv) else { panic!("a list in CSV") };
    assert_eq!(refused.to_string(), "CSV cannot hold light (a list); leave them out, or write parquet");
    assert!(text("votable/td", &flat, Ending::Cut).contains("value=\"OVERFLOW\""));
}

#[test]
fn what_text_has_no_place_for_is_kept_all_the_same() {
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("#b"), Some("a"), None]));
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![
        Some(vec![Some(f64::NAN), Some(f64::NEG_INFINITY), None]),
        Some(vec![Some(0.1)]),
        None,
    ]);
    let list: ArrayRef = Arc::new(list);
    let halves: ArrayRef = Arc::new(Float16Array::from(vec![half::f16::from_f32(0.5); 3]));
    let values: ArrayRef = Arc::new(StringArray::from(vec![None, Some("x")]));
    let places: arrow_array::Int8Array = vec![Some(0), Some(1), None].into();
    let dictionary: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::new(places, values));
    let columns = [("#id", words, true), ("l", list, true), ("h", halves, true), ("d", dictionary, true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let odd = HashMap::from([(keys::DESCRIPTION.to_string(), "a\u{85}b\u{2028}c\u{7f}".to_string())]);
    fields[0].set_metadata(odd);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap();
    assert_eq!(
        text("ecsv", &batch, Ending::All),
        r##"# %ECSV 1.0
# ---
# delimiter: ','
# datatype:
# - {name: "#id", datatype: string, description: "a\u0085b\u2028c\u007f"}
# - {name: "l", datatype: string, subtype: "float64[null]"}
# - {name: "h", datatype: float32}
# - {name: "d", datatype: string}
"#id","l","h","d"
"#b","[NaN,-Infinity,null]",0.5,""
"a","[0.1]",0.5,"x"
"","",0.5,""
"##
    );
    assert!(text("json", &batch, Ending::All).contains("[\"#b\",[null,null,null],0.5,null]"));
}

#[test]
fn what_is_not_finished_leaves_nothing_behind() {
    let folder = Folder::new();
    for name in Format::NAMES {
        let rows = rows(false).project(&[0, 1, 2]).unwrap();
        let mut sink = Sink::create(Some(&folder.at("rows")), name.parse().unwrap(), &rows.schema()).unwrap();
        sink.write(&rows).unwrap();
        drop(sink);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
        // Nothing but the names, where there are no rows.
        let sink = Sink::create(Some(&folder.at("rows")), name.parse().unwrap(), &rows.schema()).unwrap();
        assert_eq!(sink.finish(Ending::All).unwrap().0, 0, "{name}");
        fs::remove_file(folder.at("rows")).unwrap();
    }
}

#[cfg(feature = "peers")]
#[test]
fn astropy_reads_the_rows_that_pyarrow_reads() {
    let folder = Folder::new();
    let (whole, flat) = (rows(true), rows(false));
    let of = |rows: &RecordBatch, names: &[(&str, &str)]| -> Vec<PathBuf> {
        names.iter().map(|(name, format)| written(&folder, name, format.parse().unwrap(), rows)).collect()
    };
    let lists = [("a.parquet", "parquet"), ("a.json", "json"), ("a.ecsv", "ecsv")];
    let all = [
        ("b.parquet", "parquet"),
        ("b.csv", "csv"),
        ("b.tsv", "tsv"),
        ("b.ecsv", "ecsv"),
        ("b.json", "json"),
        ("td.vot", "votable/td"),
        ("b.vot", "votable/b"),
        ("b2.vot", "votable/b2"),
    ];
    let ascii = flat.project(&[0, 1, 2, 3, 4]).unwrap();
    let fits = [("c.parquet", "parquet"), ("c.fits", "fits")];
    for (rows, names) in [(&whole, &lists[..]), (&flat, &all[..]), (&ascii, &fits[..])] {
        let files = of(rows, names);
        let files: Vec<&std::path::Path> = files.iter().map(PathBuf::as_path).collect();
        let said = crate::peers::python("rows_check.py", &files);
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), names.len() - 1, "{said}");
    }
}
