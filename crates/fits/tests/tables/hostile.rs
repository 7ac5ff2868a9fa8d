//! Headers and descriptors that lie.

use arrow_array::cast::AsArray;
use proptest::prelude::*;
use uranometria_fits::arrow::{ReadOptions, TableReader};
use uranometria_fits::{Value, read_hdus};

use crate::support::{Distant, raw, read, text};

fn error(row_len: usize, rows: usize, cards: &[(&str, Value)], data: &[u8]) -> String {
    read(&raw(row_len, rows, cards, data)).unwrap_err().to_string()
}

#[test]
fn descriptors_beyond_the_heap_are_errors_with_their_row() {
    let check = |form: &str, descriptor: &[u8], wanted: &str| {
        let mut data = vec![0; descriptor.len()];
        data.extend_from_slice(descriptor);
        data.extend([0; 10]);
        let cards = [("TTYPE1", text("FLUX")), ("TFORM1", text(form))];
        assert_eq!(error(descriptor.len(), 2, &cards, &data), wanted);
    };
    let short = |count: i32, offset: i32| [count.to_be_bytes(), offset.to_be_bytes()].concat();
    let long = |count: i64, offset: i64| [count.to_be_bytes(), offset.to_be_bytes()].concat();
    let says = |count: u64, offset: u64| {
        format!(
            "HDU 1: column FLUX, row 1: its array of {count} elements begins at byte {offset} of the heap, which has \
             10 bytes"
        )
    };
    check("1PE(3)", &short(3, 0), &says(3, 0));
    check("1PE(3)", &short(1, 7), &says(1, 7));
    check("1PE(3)", &short(-1, 0), &says(u32::MAX.into(), 0));
    check("1PE(3)", &short(1, -1), &says(1, u32::MAX.into()));
    check("QD", &long(i64::MAX, 8), &says(i64::MAX as u64, 8));
    check("QD", &long(-1, 0), &says(u64::MAX, 0));
    check("QX", &long(-1, -1), &says(u64::MAX, u64::MAX));
    check("QA", &long(11, 0), &says(11, 0));
    check("QM", &long(1, i64::MAX), &says(1, i64::MAX as u64));
}

#[test]
fn an_empty_array_may_point_anywhere() {
    let cards = [("TFORM1", text("1PE(0)")), ("TFORM2", text("PA"))];
    let mut data = [0i32.to_be_bytes(), (-5i32).to_be_bytes()].concat();
    data.extend(data.clone());
    let batch = read(&raw(16, 1, &cards, &data)).unwrap();
    assert_eq!(batch.column(0).as_list::<i32>().value_length(0), 0);
    assert_eq!(batch.column(1).as_string::<i32>().value(0), "");
}

#[test]
fn forms_that_cannot_be_are_errors() {
    let check = |form: &str, wanted: &str| {
        let found = error(16, 1, &[("TFORM1", text(form))], &[0; 16]);
        assert!(found.starts_with("HDU 1: card") && found.contains(wanted), "{form}: {found}");
    };
    check("2PE(3)", "expected at most one array descriptor");
    check("1P", "expected one of L X B I J K A E D C M behind P or Q");
    check("1PZ", "expected one of L X B I J K A E D C M behind P or Q");
    check("1PP", "expected arrays of anything but arrays");
    check("99999999999999999999E", "TFORM1");
    check("4294967296X", "NAXIS1 is 16, expected at least");
    let found = error(i32::MAX as usize, 0, &[("TFORM1", text("17179869176X"))], &[]);
    assert!(found.contains("expected at most 2147483647 elements"), "{found}");
}

#[test]
fn a_heap_outside_the_data_is_an_error() {
    let cards = |theap: i64| [("TFORM1", text("1PE")), ("THEAP", Value::Integer(theap))];
    for theap in [-1, 0, 7, 19, i64::MAX] {
        let found = error(8, 1, &cards(theap), &[0; 18]);
        assert!(found.contains(&format!("THEAP is {theap}, expected an integer in 8..=18")), "{found}");
    }
    read(&raw(8, 1, &cards(18), &[0; 18])).unwrap();
}

#[test]
fn shapes_that_are_not_those_of_the_elements_are_ignored() {
    for dim in ["(3,3)", "(99999999999,99999999999)", "(-1)", "()", "(2,x)", "8", "(0,4)"] {
        let batch = read(&raw(8, 1, &[("TFORM1", text("8B")), ("TDIM1", text(dim))], &[7; 8])).unwrap();
        assert!(batch.schema().field(0).metadata().is_empty(), "{dim}");
        let batch = read(&raw(8, 1, &[("TFORM1", text("8A")), ("TDIM1", text(dim))], b"ab  cd  ")).unwrap();
        assert_eq!(batch.schema().field(0).metadata()["width"].parse::<usize>().unwrap() % 3 % 2, 0, "{dim}");
    }
    for form in ["8A:SSTR0", "8A:SSTR9", "8A0", "8A8"] {
        let batch = read(&raw(8, 1, &[("TFORM1", text(form))], b"ab  cd  ")).unwrap();
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "ab  cd", "{form}");
    }
    // No memory for strings without letters.
    let cards = [("TFORM1", text("8A")), ("TDIM1", text("(0,2000000000)"))];
    assert_eq!(read(&raw(8, 1, &cards, b"ab  cd  ")).unwrap().num_rows(), 1);
}

#[test]
fn rows_without_bytes_cost_no_memory() {
    let cards = [("TFORM1", text("0D")), ("TFORM2", text("0A")), ("NAXIS2", Value::Integer(i64::MAX))];
    let bytes = raw(0, 0, &cards, &[]);
    let table = TableReader::new(bytes.as_slice(), &read_hdus(&bytes).unwrap()[1]).unwrap();
    let options = ReadOptions { batch_rows: usize::MAX, batch_bytes: 1 << 16, ..ReadOptions::default() };
    let first = table.read(&options).unwrap().next().unwrap().unwrap();
    assert!(first.num_rows() < 1 << 16);
    let last = ReadOptions { rows: Some(i64::MAX as usize - 1..i64::MAX as usize), ..options };
    assert_eq!(table.read(&last).unwrap().next().unwrap().unwrap().num_rows(), 1);
}

#[test]
fn many_descriptors_of_the_same_array_do_not_fill_the_memory() {
    let rows = 1000;
    let mut data: Vec<u8> = [100_000u32.to_be_bytes(), 0u32.to_be_bytes()].concat().repeat(rows);
    data.resize(data.len() + 800_000, 0);
    let bytes = raw(8, rows, &[("TFORM1", text("1PD"))], &data);
    let table = TableReader::new(bytes.as_slice(), &read_hdus(&bytes).unwrap()[1]).unwrap();
    let options = ReadOptions { batch_bytes: 2 << 20, ..ReadOptions::default() };
    for batch in table.read(&options).unwrap().take(3) {
        assert_eq!(batch.unwrap().num_rows(), 2);
    }
}

#[test]
fn an_error_ends_the_batches() {
    let data = [1u32.to_be_bytes(), 99u32.to_be_bytes()].concat().repeat(3);
    let bytes = raw(8, 3, &[("TFORM1", text("1PD"))], &data);
    let table = TableReader::new(bytes.as_slice(), &read_hdus(&bytes).unwrap()[1]).unwrap();
    let batches = table.read(&ReadOptions { batch_rows: 1, ..ReadOptions::default() }).unwrap();
    assert_eq!(batches.map(|batch| batch.is_err()).collect::<Vec<_>>(), [true]);
}

proptest! {
    /// Whatever cards and bytes: an error or batches, and the same from a source in memory and a distant one.
    #[test]
    fn no_table_makes_a_panic(
        forms in prop::collection::vec(
            ("[0-9]{0,2}", "[LXBIJKAEDCMPQ]", "[LXBIJKAEDCMP]?", "(|\\([0-9]{0,2}\\)|[0-9]|:SSTR[0-9])"), 1..5),
        dims in prop::collection::vec(prop::option::of("\\([0-9]{1,2}(,[0-9])?\\)"), 5),
        nulls in prop::collection::vec(prop::option::of(-1i64..300), 5),
        zeros in prop::collection::vec(prop::option::of(prop::sample::select(vec![-128.0, 32768.0, 0.5, 9223372036854775808.0])), 5),
        rows in 0usize..9,
        theap in prop::option::of(0i64..600),
        data in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 600..900),
        batch_bytes in 0usize..500,
    ) {
        let mut cards = Vec::new();
        for (n, (repeat, letter, inner, rest)) in forms.iter().enumerate() {
            let n = n + 1;
            cards.push((format!("TFORM{n}"), text(&format!("{repeat}{letter}{inner}{rest}"))));
            cards.extend(dims[n].as_ref().map(|dim| (format!("TDIM{n}"), text(dim))));
            cards.extend(nulls[n].map(|null| (format!("TNULL{n}"), Value::Integer(null))));
            cards.extend(zeros[n].map(|zero| (format!("TZERO{n}"), Value::Real(zero))));
        }
        cards.extend(theap.map(|theap| ("THEAP".to_string(), Value::Integer(theap))));
        let cards: Vec<(&str, Value)> = cards.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let bytes = raw(60, rows, &cards, &data);
        let hdu = &read_hdus(&bytes).unwrap()[1];
        let near = TableReader::new(bytes.as_slice(), hdu);
        let distant = TableReader::new(Distant::new(&bytes), hdu);
        prop_assert_eq!(near.is_ok(), distant.is_ok());
        if let (Ok(near), Ok(distant)) = (near, distant) {
            let options = ReadOptions { batch_bytes, ..ReadOptions::default() };
            let (near, distant) = (near.read(&options).unwrap(), distant.read(&options).unwrap());
            let rows_of = |batches: Vec<Result<arrow_array::RecordBatch, _>>| {
                batches.iter().map(|batch| batch.as_ref().ok().map(|batch| batch.num_rows())).collect::<Vec<_>>()
            };
            let (near, distant) = (rows_of(near.collect()), rows_of(distant.collect()));
            let whole = |batches: &[Option<usize>]| batches.iter().copied().sum::<Option<usize>>();
            prop_assert_eq!(whole(&near), whole(&distant));
            if let Some(found) = whole(&near) {
                prop_assert_eq!(found, rows);
            }
        }
    }
}
