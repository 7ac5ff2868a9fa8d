//! Files read as one table, as they are.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use uranometria_catalog::fs::{Control, Query, Table};
use uranometria_catalog::{Comparison, Condition, Error, Value};
use uranometria_fits::arrow::WriteOptions;
use uranometria_fits::arrow::fs::NewTable;
use uranometria_fits::fs::Durability;
use uranometria_sky::{Angle, Cone, Direction};
use uranometria_votable::{Serialisation, Status, Writer, WriterOptions};

use super::support::{catalogue, stars, table, write_parquet};

const ROWS: usize = 2_500;

/// The rows, in parquet with row groups of 700 rows and pages of 100.
fn in_groups(path: &Path, batch: &RecordBatch) -> PathBuf {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(700))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(100)
        .build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path.to_path_buf()
}

/// The same rows in each format, in one file or two.
fn files(folder: &Path, batch: &RecordBatch) -> Vec<Vec<PathBuf>> {
    let at = |name: &str| folder.join(name);
    let [first, second] = [batch.slice(0, ROWS / 2), batch.slice(ROWS / 2, batch.num_rows() - ROWS / 2)];
    let mut writer = NewTable::create(at("a.fits"), batch.schema_ref(), WriteOptions::default()).unwrap();
    writer.write(batch).unwrap();
    writer.publish(Durability::Process).unwrap();
    let options = WriterOptions { serialisation: Serialisation::Binary2, ..WriterOptions::default() };
    let mut writer = Writer::new(File::create(at("a.vot")).unwrap(), batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.finish(Status::Ok).unwrap();
    let line = |row: usize| {
        let text = |column: usize| match batch.column(column).is_null(row) {
            true => String::new(),
            false => arrow_cast::display::array_value_to_string(batch.column(column), row).unwrap(),
        };
        (0..5).map(text).collect::<Vec<_>>().join(",") + "\n"
    };
    fs::write(at("a.csv"), format!("id,ra,dec,mag,name\n{}", (0..ROWS).map(line).collect::<String>()))
        .unwrap();
    vec![
        vec![in_groups(&at("a.parquet"), batch)],
        vec![in_groups(&at("b-1.parquet"), &first), write_parquet(&at("b-2.parquet"), &second)],
        vec![at("a.fits")],
        vec![at("a.vot")],
        vec![at("a.csv")],
    ]
}

fn read(table: &Table, query: &Query) -> RecordBatch {
    let reading = table.read(query).unwrap();
    let schema = reading.schema().clone();
    let rows: Vec<_> = reading.map(Result::unwrap).collect();
    concat_batches(&schema, &rows).unwrap()
}

#[test]
fn rows_come_as_they_are_whatever_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 41);
    let batch = table(&ra, &dec, 0);
    for paths in files(folder.path(), &batch) {
        let table = Table::open(&paths, &Control::none()).unwrap();
        assert_eq!(table.paths().collect::<Vec<_>>(), paths);
        let found = read(&table, &Query::default());
        let same = |column: usize| {
            let (found, wanted) = (found.column(column), batch.column(column));
            // NULL and NaN are the same in FITS.
            match found.data_type().is_floating() {
                true => {
                    let numbers = |array: &dyn Array| -> Vec<_> {
                        array
                            .as_primitive::<Float64Type>()
                            .iter()
                            .map(|n| n.filter(|n| !n.is_nan()))
                            .collect()
                    };
                    numbers(found) == numbers(wanted)
                }
                false => found == wanted,
            }
        };
        assert!((0..4).all(same), "{paths:?}");
        let names = |batch: &RecordBatch| -> Vec<String> {
            batch.column(4).as_string::<i32>().iter().map(|name| name.unwrap_or_default().into()).collect()
        };
        assert_eq!(names(&found), names(&batch), "{paths:?}");

        // Other columns in another order, those of conditions not among them.
        let query = Query {
            columns: Some(vec!["name".into(), "ID".into()]),
            conditions: vec!["mag >= 19".parse().unwrap(), "id < 2000".parse().unwrap()],
            batch_rows: 64,
            ..Query::default()
        };
        let found = read(&table, &query);
        let wanted: Vec<i64> =
            (0..2000).filter(|id| id % 7 != 0 && (id % 1000) as f64 / 50.0 >= 19.0).collect();
        assert!(!wanted.is_empty());
        assert_eq!(found.column(1).as_primitive::<Int64Type>().values(), &wanted, "{paths:?}");
        assert_eq!(found.schema().field(0).name(), "name");

        // Rows without columns are counted.
        let none = Query { columns: Some(Vec::new()), ..Query::default() };
        assert_eq!(read(&table, &none).num_rows(), ROWS, "{paths:?}");
        assert!(table.rows().is_none_or(|rows| rows == ROWS as u64));

        // Parts are all rows, once and in order.
        let ids = |parts| {
            let query = Query { columns: Some(vec!["id".into()]), parts, ..Query::default() };
            read(&table, &query).column(0).as_primitive::<Int64Type>().values().to_vec()
        };
        let parts = (0..table.parts()).flat_map(|part| ids(part..part + 1));
        assert_eq!(parts.collect::<Vec<_>>(), (0..ROWS as i64).collect::<Vec<_>>());
        assert_eq!(ids(table.parts()..usize::MAX), [0_i64; 0]);
    }
}

#[test]
fn pages_of_parquet_that_cannot_meet_a_condition_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 42);
    let path = in_groups(&folder.path().join("a.parquet"), &table(&ra, &dec, 0));
    let table = Table::open(&[path], &Control::none()).unwrap();
    assert_eq!(table.parts(), 4);
    let conditions = vec![Condition::new("id", Comparison::Equal, Value::Integer(1234))];
    let query = Query { conditions, ..Query::default() };
    let reads = table.reads(&query).unwrap();
    assert_eq!((reads.parts, reads.rows), (1, Some(100)));
    assert_eq!(read(&table, &query).num_rows(), 1);
    let all = table.reads(&Query::default()).unwrap();
    assert_eq!((all.parts, all.rows), (4, Some(ROWS as u64)));
}

#[test]
fn a_catalogue_is_a_table_of_its_partitions_with_all_columns() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 43);
    let (path, imported) = catalogue(folder.path(), "stars", &ra, &dec, 500);
    let table = Table::open(&[path], &Control::none()).unwrap();
    assert_eq!(table.rows(), Some(imported.rows));
    assert_eq!(table.schema().field(0).name(), "_healpix_29");
}

#[test]
fn a_place_a_misspelt_column_and_a_damaged_file_are_errors_that_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 44);
    let batch = table(&ra, &dec, 0);
    let path = in_groups(&folder.path().join("a.parquet"), &batch);
    let open = Table::open(std::slice::from_ref(&path), &Control::none()).unwrap();
    let told = |query: Query| open.read(&query).unwrap_err().to_string();
    let cone = Cone::new(Direction::from_degrees(1.0, 2.0).unwrap(), Angle::from_degrees(1.0)).unwrap();
    assert!(told(Query { place: cone.into(), ..Query::default() }).contains("import them as a catalogue"));
    let columns = |names: &[&str]| Some(names.iter().map(|name| name.to_string()).collect());
    assert!(told(Query { columns: columns(&["nmae"]), ..Query::default() }).contains("did you mean name"));
    assert!(told(Query { columns: columns(&["id", "ID"]), ..Query::default() }).contains("twice"));
    let conditions = vec!["name < 5".parse().unwrap()];
    assert!(told(Query { conditions, ..Query::default() }).contains("name"));
    assert!(matches!(Table::open(&[], &Control::none()), Err(Error::NoFiles)));

    // Damaged between the footer and the first page.
    let mut bytes = fs::read(&path).unwrap();
    let len = bytes.len();
    bytes[4..len / 2].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let open = Arc::new(Table::open(std::slice::from_ref(&path), &Control::none()).unwrap());
    let mut reading = open.read_shared(&Query::default()).unwrap();
    let error = reading.find_map(Result::err).unwrap().to_string();
    assert!(error.contains("a.parquet"), "{error}");
    assert!(reading.next().is_none(), "it ends behind an error");
}

#[test]
fn a_reading_that_nobody_waits_for_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 45);
    let path = in_groups(&folder.path().join("a.parquet"), &table(&ra, &dec, 0));
    let table = Table::open(&[path], &Control::none()).unwrap();
    let stop = AtomicBool::new(false);
    let query = Query { batch_rows: 10, ..Query::default() };
    let mut reading = table.read(&query).unwrap().stop_when(|| stop.load(Ordering::Relaxed));
    assert_eq!(reading.next().unwrap().unwrap().num_rows(), 10);
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(reading.next(), Some(Err(Error::Interrupted))));
    assert!(reading.next().is_none());
}

#[test]
fn a_file_that_was_replaced_is_not_read_by_the_columns_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(ROWS, 46);
    let batch = table(&ra, &dec, 0);
    for paths in files(folder.path(), &batch) {
        let open = Table::open(&paths, &Control::none()).unwrap();
        let turned = folder.path().join("turned");
        fs::write(&turned, fs::read(&paths[0]).unwrap()).unwrap();
        fs::rename(&turned, &paths[0]).unwrap();
        let error = open.read(&Query::default()).unwrap().find_map(Result::err).unwrap().to_string();
        assert!(error.contains("replaced") && error.contains(paths[0].to_str().unwrap()), "{error}");
    }
}

#[test]
fn finding_the_types_of_text_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    fs::write(&path, "a,b\n".to_string() + &"1,2\n".repeat(100_000)).unwrap();
    let stop = AtomicBool::new(true);
    let control = Control { progress: &|_| stop.store(true, Ordering::Relaxed), stop: &stop };
    stop.store(false, Ordering::Relaxed);
    assert!(matches!(Table::open(&[path], &control), Err(Error::Interrupted)));
}
