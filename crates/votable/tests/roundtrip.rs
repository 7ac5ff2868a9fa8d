//! What is written is read again, whatever it is, but for what the standard cannot say.

use std::collections::HashMap;
use std::io::BufReader;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, DictionaryArray, FixedSizeListArray, Float64Array, ListArray,
    PrimitiveArray, RecordBatch, StringArray, StringViewArray, StructArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, Fields, Schema};
use proptest::prelude::*;
use uranometria_votable::{
    Reader, ReaderOptions, Serialisation, Status, TableChoice, Writer, WriterOptions, keys,
};

const ROWS: usize = 9;

/// A column as it is written and as it should be read.
#[derive(Clone, Debug)]
struct Column {
    field: Field,
    written: ArrayRef,
    /// What TABLEDATA, BINARY and BINARY2 give.
    read: [ArrayRef; 3],
}

fn number(serialisation: Serialisation) -> usize {
    [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2]
        .iter()
        .position(|it| *it == serialisation)
        .unwrap()
}

impl Column {
    fn same(written: ArrayRef) -> Self {
        let read = [written.clone(), written.clone(), written.clone()];
        Column::new(written, read)
    }

    fn new(written: ArrayRef, read: [ArrayRef; 3]) -> Self {
        Column { field: Field::new("", written.data_type().clone(), true), written, read }
    }
}

fn rows<T: Strategy>(of: T) -> impl Strategy<Value = Vec<T::Value>> {
    prop::collection::vec(of, ROWS)
}

fn maybe<T: Strategy>(of: T) -> impl Strategy<Value = Option<T::Value>> {
    prop::option::weighted(0.8, of)
}

/// Numbers of one type, read as those of another.
fn integers<W, R>() -> impl Strategy<Value = Column>
where
    W: ArrowPrimitiveType<Native: proptest::arbitrary::Arbitrary + Copy + PartialEq + Bounded>,
    R: ArrowPrimitiveType<Native: TryFrom<W::Native>>,
{
    // The least number stands for null where one must, and the greatest of 64 bits have no counterpart.
    let fits = |value: &W::Native| *value != W::Native::LEAST && R::Native::try_from(*value).is_ok();
    rows(maybe(any::<W::Native>())).prop_map(move |values| {
        let values: Vec<_> = values.into_iter().map(|value| value.filter(fits)).collect();
        let written: ArrayRef = Arc::new(PrimitiveArray::<W>::from_iter(values.iter().copied()));
        let read = values.iter().map(|value| value.and_then(|value| R::Native::try_from(value).ok()));
        let read: ArrayRef = Arc::new(PrimitiveArray::<R>::from_iter(read));
        Column::new(written, [read.clone(), read.clone(), read])
    })
}

trait Bounded {
    const LEAST: Self;
}

macro_rules! bounded {
    ($($type:ty, $least:expr;)*) => { $(impl Bounded for $type { const LEAST: $type = $least; })* };
}

bounded! { i8, i8::MIN; i16, i16::MIN; i32, i32::MIN; i64, i64::MIN; u16, u16::MAX; u32, u32::MAX; u64, u64::MAX; }

fn bytes() -> impl Strategy<Value = Column> {
    rows(maybe(any::<u8>())).prop_map(|values| {
        let written: ArrayRef = Arc::new(PrimitiveArray::<UInt8Type>::from_iter(values.iter().copied()));
        let wide = values.iter().map(|value| value.map(i16::from));
        let wide: ArrayRef = Arc::new(PrimitiveArray::<Int16Type>::from_iter(wide));
        Column::new(written.clone(), [written.clone(), wide, written])
    })
}

fn real() -> impl Strategy<Value = f64> {
    use prop::num::f64;
    prop_oneof![
        f64::NORMAL | f64::SUBNORMAL | f64::ZERO | f64::INFINITE | f64::NEGATIVE | f64::POSITIVE,
        Just(std::f64::consts::PI),
        Just(std::primitive::f64::NAN),
    ]
}

fn reals() -> impl Strategy<Value = Column> {
    rows(maybe(real())).prop_map(|values| {
        let written: ArrayRef = Arc::new(Float64Array::from(values.clone()));
        let nan = values.iter().map(|value| value.unwrap_or(f64::NAN));
        let nan: ArrayRef = Arc::new(Float64Array::from_iter_values(nan));
        Column::new(written.clone(), [written.clone(), nan, written])
    })
}

fn short_reals() -> impl Strategy<Value = Column> {
    use prop::num::f32;
    rows(f32::NORMAL | f32::SUBNORMAL | f32::ZERO | f32::INFINITE | f32::NEGATIVE | f32::POSITIVE)
        .prop_map(|values| Column::same(Arc::new(PrimitiveArray::<Float32Type>::from_iter_values(values))))
}

fn booleans() -> impl Strategy<Value = Column> {
    rows(maybe(any::<bool>())).prop_map(|values| Column::same(Arc::new(BooleanArray::from(values))))
}

/// Texts as each serialisation has them: empty is null, null is empty, or both are what they are.
fn text_column(values: Vec<Option<String>>) -> Column {
    let written: ArrayRef = Arc::new(StringArray::from(values.clone()));
    let not_empty = values.iter().map(|value| value.as_deref().filter(|text| !text.is_empty()));
    let never_null = values.iter().map(|value| Some(value.as_deref().unwrap_or("")));
    let read: [ArrayRef; 3] = [
        Arc::new(StringArray::from_iter(not_empty)),
        Arc::new(StringArray::from_iter(never_null)),
        written.clone(),
    ];
    Column::new(written, read)
}

fn texts() -> impl Strategy<Value = Column> {
    rows(maybe("[ -~\t\n\r]{0,12}")).prop_map(text_column)
}

fn unicode() -> impl Strategy<Value = Column> {
    let letters = "[ -~\t\n\r\u{80}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]{0,9}";
    rows(maybe(letters)).prop_map(|values| {
        let mut column = text_column(values);
        let key = (keys::DATATYPE.to_string(), "unicodeChar".to_string());
        column.field = column.field.with_metadata(HashMap::from([key]));
        column
    })
}

fn views_and_dictionaries() -> impl Strategy<Value = Column> {
    (rows(maybe("[a-d]{1,3}")), any::<bool>()).prop_map(|(values, view)| {
        let mut column = text_column(values.clone());
        column.written = if view {
            Arc::new(StringViewArray::from_iter(values.iter().map(Option::as_deref)))
        } else {
            let dictionary: DictionaryArray<Int8Type> = values.iter().map(Option::as_deref).collect();
            Arc::new(dictionary)
        };
        column.field = Field::new("", column.written.data_type().clone(), true);
        column
    })
}

fn complexes() -> impl Strategy<Value = Column> {
    rows(maybe((real(), real()))).prop_map(|values| {
        let part = |name: &str| Arc::new(Field::new(name, DataType::Float64, true));
        let fields = Fields::from(vec![part("re"), part("im")]);
        let parts = |half: fn((f64, f64)) -> f64| -> ArrayRef {
            let part = values.iter().map(|value| value.map_or(f64::NAN, half));
            Arc::new(Float64Array::from_iter_values(part))
        };
        let parts = vec![parts(|pair| pair.0), parts(|pair| pair.1)];
        let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
        let written: ArrayRef = Arc::new(StructArray::new(fields.clone(), parts.clone(), Some(nulls)));
        let nan: ArrayRef = Arc::new(StructArray::new(fields, parts, None));
        Column::new(written.clone(), [written.clone(), nan, written])
    })
}

fn blobs() -> impl Strategy<Value = Column> {
    rows(maybe(prop::collection::vec(any::<u8>(), 0..6))).prop_map(|values| {
        let written: ArrayRef = Arc::new(BinaryArray::from_iter(values.iter().map(Option::as_deref)));
        let list = |values: Vec<Option<Vec<u8>>>| -> ArrayRef {
            let lists = values.into_iter().map(|value| value.map(|bytes| bytes.into_iter().map(Some)));
            Arc::new(ListArray::from_iter_primitive::<UInt8Type, _, _>(lists))
        };
        let not_empty = values.iter().map(|value| value.clone().filter(|bytes| !bytes.is_empty())).collect();
        let never_null = values.iter().map(|value| Some(value.clone().unwrap_or_default())).collect();
        let read = [list(not_empty), list(never_null), list(values)];
        Column::new(written, read)
    })
}

fn lists() -> impl Strategy<Value = Column> {
    let element = maybe(i32::MIN + 1..=i32::MAX);
    rows(maybe(prop::collection::vec(element, 0..5))).prop_map(|values| {
        let list = |values: Vec<Option<Vec<Option<i32>>>>| -> ArrayRef {
            let mut builder = ListBuilder::new(Int32Builder::new());
            for value in values {
                builder.append_option(value);
            }
            Arc::new(builder.finish())
        };
        let not_empty = values.iter().map(|value| value.clone().filter(|list| !list.is_empty())).collect();
        let never_null = values.iter().map(|value| Some(value.clone().unwrap_or_default())).collect();
        let read = [list(not_empty), list(never_null), list(values.clone())];
        Column::new(list(values), read)
    })
}

fn fixed_lists() -> impl Strategy<Value = Column> {
    rows(maybe([real(), real(), real()])).prop_map(|values| {
        let list = |values: &[Option<[f64; 3]>], nulls: bool| -> ArrayRef {
            let numbers = values.iter().flat_map(|value| value.unwrap_or([f64::NAN; 3]));
            let elements: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
            // The elements of a list that is null are null.
            let valid = values.iter().flat_map(|value| [value.is_some() || !nulls; 3]);
            let elements: ArrayRef = Arc::new(Float64Array::new(
                elements.as_any().downcast_ref::<Float64Array>().unwrap().values().clone(),
                Some(NullBuffer::from_iter(valid)),
            ));
            let nulls = nulls.then(|| NullBuffer::from_iter(values.iter().map(Option::is_some)));
            let item = Arc::new(Field::new_list_field(DataType::Float64, true));
            Arc::new(FixedSizeListArray::new(item, 3, elements, nulls))
        };
        let (with, without) = (list(&values, true), list(&values, false));
        Column::new(with.clone(), [with.clone(), without, with])
    })
}

fn lists_of_fixed_lists() -> impl Strategy<Value = Column> {
    rows(maybe(prop::collection::vec([any::<bool>(), any::<bool>()], 1..4))).prop_map(|values| {
        let list = |nulls: bool| -> ArrayRef {
            let lists = || values.iter().map(|value| value.as_deref().unwrap_or(&[]));
            let elements: Vec<bool> = lists().flatten().flatten().copied().collect();
            let item = Arc::new(Field::new_list_field(DataType::Boolean, true));
            let inner = FixedSizeListArray::new(item, 2, Arc::new(BooleanArray::from(elements)), None);
            let item = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
            let offsets = OffsetBuffer::from_lengths(lists().map(<[[bool; 2]]>::len));
            let nulls = nulls.then(|| NullBuffer::from_iter(values.iter().map(Option::is_some)));
            Arc::new(ListArray::new(item, offsets, Arc::new(inner), nulls))
        };
        Column::new(list(true), [list(true), list(false), list(true)])
    })
}

fn strings() -> impl Strategy<Value = Column> {
    rows([r"[a-z<&]{0,4}[a-z]?", "[a-z]{0,5}"]).prop_map(|values| {
        let elements = StringArray::from_iter_values(values.iter().flatten());
        let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
        let mut column = Column::same(Arc::new(FixedSizeListArray::new(item, 2, Arc::new(elements), None)));
        let width = (keys::WIDTH.to_string(), "5".to_string());
        column.field = column.field.with_metadata(HashMap::from([width]));
        column
    })
}

fn column() -> impl Strategy<Value = Column> {
    prop_oneof![
        integers::<Int8Type, Int16Type>(),
        integers::<Int16Type, Int16Type>(),
        integers::<UInt16Type, Int32Type>(),
        integers::<Int32Type, Int32Type>(),
        integers::<UInt32Type, Int64Type>(),
        integers::<Int64Type, Int64Type>(),
        integers::<UInt64Type, Int64Type>(),
        prop_oneof![
            bytes(),
            reals(),
            short_reals(),
            booleans(),
            texts(),
            unicode(),
            views_and_dictionaries(),
            complexes()
        ],
        prop_oneof![blobs(), lists(), fixed_lists(), lists_of_fixed_lists(), strings()],
    ]
}

fn check(columns: &[Column], serialisation: Serialisation, piece: usize, capacity: usize, batch_rows: usize) {
    let names = columns.iter().enumerate().map(|(n, column)| column.field.clone().with_name(format!("c{n}")));
    let schema = Arc::new(Schema::new(names.collect::<Vec<_>>()));
    let written = columns.iter().map(|column| column.written.clone()).collect();
    let batch = RecordBatch::try_new(schema.clone(), written).unwrap();
    let options = WriterOptions { serialisation, ..WriterOptions::default() };
    let mut writer = Writer::new(Vec::new(), &schema, options).unwrap();
    for from in (0..ROWS).step_by(piece) {
        writer.write(&batch.slice(from, piece.min(ROWS - from))).unwrap();
    }
    assert_eq!(writer.rows(), ROWS as u64);
    let document = writer.finish(Status::Ok).unwrap();

    let options = ReaderOptions { batch_rows, table: TableChoice::Index(0), ..ReaderOptions::default() };
    let source = BufReader::with_capacity(capacity, document.as_slice());
    let reader = Reader::new(source, &options).unwrap();
    let schema = reader.schema();
    let mut from = 0;
    for batch in reader {
        let batch = batch.unwrap();
        assert_eq!(batch.schema(), schema);
        for (column, found) in columns.iter().zip(batch.columns()) {
            let wanted = column.read[number(serialisation)].slice(from, batch.num_rows());
            let text = || String::from_utf8_lossy(&document);
            assert_eq!(found.data_type(), wanted.data_type());
            assert_eq!(found, &wanted, "row {from} of {}", text());
        }
        from += batch.num_rows();
    }
    assert_eq!(from, ROWS);
}

proptest! {
    #[test]
    fn any_batch_is_read_as_it_was_written(
        columns in prop::collection::vec(column(), 1..12),
        piece in 1..=ROWS,
        capacity in prop_oneof![1usize..60, Just(8192)],
        batch_rows in 1usize..12,
    ) {
        for serialisation in [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2] {
            check(&columns, serialisation, piece, capacity, batch_rows);
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drain(&bytes);
    }

    #[test]
    fn broken_documents_are_read_without_panic(
        columns in prop::collection::vec(column(), 1..6),
        serialisation in prop::sample::select(vec![
            Serialisation::Tabledata,
            Serialisation::Binary,
            Serialisation::Binary2,
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![
            any::<u8>(),
            prop::sample::select(b"<>&\"'=/!-[]x*0 ".to_vec()),
        ]), 1..5),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let names = columns.iter().enumerate().map(|(n, it)| it.field.clone().with_name(format!("c{n}")));
        let schema = Arc::new(Schema::new(names.collect::<Vec<_>>()));
        let arrays = columns.iter().map(|column| column.written.clone()).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
        let options = WriterOptions { serialisation, ..WriterOptions::default() };
        let mut writer = Writer::new(Vec::new(), &schema, options).unwrap();
        writer.write(&batch).unwrap();
        let mut document = writer.finish(Status::Ok).unwrap();
        for (at, byte) in changes {
            let len = document.len();
            document[at.index(len)] = byte;
        }
        if cut {
            document.truncate(end.index(document.len()));
        }
        drain(&document);
    }
}

proptest! {
    #[test]
    fn broken_headers_are_read_without_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..30), 1..4),
    ) {
        // Pieces of the document in other places of it.
        let mut document = include_bytes!("everything.vot").to_vec();
        for (from, to, len) in changes {
            let from = from.index(document.len());
            let piece = document[from..document.len().min(from + len)].to_vec();
            let to = to.index(document.len());
            let end = document.len().min(to + len / 2);
            document.splice(to..end, piece);
        }
        drain(&document);
    }
}

/// Reads what can be read with little memory; an error ends it.
fn drain(document: &[u8]) {
    let options = ReaderOptions { max_row_bytes: 1 << 20, ..ReaderOptions::default() };
    for capacity in [5, 4096] {
        let source = BufReader::with_capacity(capacity, document);
        if let Ok(reader) = Reader::new(source, &options) {
            let batches: Vec<_> = reader.collect();
            let errors = batches.iter().filter(|batch| batch.is_err()).count();
            assert!(errors == 0 || (errors == 1 && batches.last().unwrap().is_err()));
        }
    }
}
