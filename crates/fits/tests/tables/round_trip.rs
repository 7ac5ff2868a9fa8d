//! Record batches, written and read again.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, ListArray, PrimitiveArray,
    RecordBatch, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use uranometria_fits::arrow::{WriteOptions, keys};

use crate::support::{read, write};

/// Integers, of which none is the number for null where there are nulls.
fn integers<T: ArrowPrimitiveType>(
    words: &[Option<u64>],
    null: T::Native,
    of: fn(u64) -> T::Native,
) -> ArrayRef {
    let nulls = words.contains(&None);
    let value = |word: u64| if nulls && of(word) == null { T::Native::default() } else { of(word) };
    Arc::new(words.iter().map(|word| word.map(value)).collect::<PrimitiveArray<T>>())
}

/// Words as elements of the kind of that number.
fn elements(kind: usize, words: &[Option<u64>]) -> ArrayRef {
    let bits = || words.iter().map(|word| word.unwrap_or(0));
    match kind {
        0 => Arc::new(words.iter().map(|word| word.map(|word| word % 2 == 1)).collect::<BooleanArray>()),
        1 => integers::<UInt8Type>(words, u8::MAX, |word| word as u8),
        2 => integers::<Int8Type>(words, i8::MIN, |word| word as i8),
        3 => integers::<Int16Type>(words, i16::MIN, |word| word as i16),
        4 => integers::<UInt16Type>(words, u16::MAX, |word| word as u16),
        5 => integers::<Int32Type>(words, i32::MIN, |word| word as i32),
        6 => integers::<UInt32Type>(words, u32::MAX, |word| word as u32),
        7 => integers::<Int64Type>(words, i64::MIN, |word| word as i64),
        8 => integers::<UInt64Type>(words, u64::MAX, |word| word),
        9 => Arc::new(bits().map(|word| f32::from_bits(word as u32)).collect::<Float32Array>()),
        10 => Arc::new(bits().map(f64::from_bits).collect::<Float64Array>()),
        _ => {
            let part = |by: u32| {
                Arc::new(bits().map(|word| f64::from_bits(word.rotate_left(by))).collect::<Float64Array>())
            };
            let field = |name: &str| Arc::new(Field::new(name, DataType::Float64, false));
            Arc::new(StructArray::from(vec![
                (field("re"), part(0) as ArrayRef),
                (field("im"), part(9) as ArrayRef),
            ]))
        }
    }
}

const KINDS: usize = 12;

/// How the elements of a column come in rows.
#[derive(Clone, Copy, Debug)]
enum Rows {
    One,
    Fixed(usize),
    List,
    /// Text of at most so many bytes.
    Text(Option<usize>),
}

fn column(
    rows: Rows,
    kind: usize,
    words: &[Option<u64>],
    count: usize,
) -> (ArrayRef, HashMap<String, String>) {
    let item = |values: &ArrayRef| {
        Arc::new(Field::new_list_field(values.data_type().clone(), kind == 0 || values.null_count() > 0))
    };
    let words = |len: usize| words.iter().copied().cycle().take(len).collect::<Vec<_>>();
    let mut metadata = HashMap::new();
    let array: ArrayRef = match rows {
        Rows::One => elements(kind, &words(count)),
        Rows::Fixed(size) => {
            let values = elements(kind, &words(count * size));
            let list =
                FixedSizeListArray::try_new_with_length(item(&values), size as i32, values, None, count);
            Arc::new(list.unwrap())
        }
        Rows::List => {
            let lengths: Vec<usize> =
                words(count).iter().map(|word| word.map_or(0, |word| word as usize % 5)).collect();
            let values = elements(kind, &words(lengths.iter().sum()));
            Arc::new(ListArray::new(item(&values), OffsetBuffer::from_lengths(lengths), values, None))
        }
        Rows::Text(width) => {
            if let Some(width) = width {
                metadata.insert(keys::WIDTH.to_string(), width.to_string());
            }
            let text = |word: &Option<u64>| {
                let bytes = word.unwrap_or(0).to_le_bytes();
                let len = bytes[0] as usize % 8 % (width.unwrap_or(9) + 1);
                let text: String = bytes[1..=len].iter().map(|byte| char::from(b' ' + byte % 95)).collect();
                text.trim_end().to_string()
            };
            Arc::new(words(count).iter().map(|word| Some(text(word))).collect::<StringArray>())
        }
    };
    (array, metadata)
}

fn rows() -> impl Strategy<Value = Rows> {
    prop_oneof![
        3 => Just(Rows::One),
        2 => (0usize..5).prop_map(Rows::Fixed),
        2 => Just(Rows::List),
        1 => prop::option::of(0usize..9).prop_map(Rows::Text),
    ]
}

proptest! {
    #[test]
    fn batches_read_back_as_they_were_written(
        columns in prop::collection::vec(
            (rows(), 0..KINDS, prop::collection::vec(prop::option::weighted(0.8, any::<u64>()), 1..40)), 1..8),
        count in 0usize..60,
        cut in 0usize..60,
        short_descriptors: bool,
    ) {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (n, (rows, kind, words)) in columns.iter().enumerate() {
            let (array, metadata) = column(*rows, *kind, words, count);
            let mut metadata = metadata;
            metadata.insert(keys::UNIT.to_string(), format!("unit of {n}"));
            metadata.insert(keys::DESCRIPTION.to_string(), "a column's long description ".repeat(1 + n).trim().to_string());
            fields.push(Field::new(format!("c{n}"), array.data_type().clone(), true).with_metadata(metadata));
            arrays.push(array);
        }
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
        let cut = cut.min(count);
        let parts = [batch.slice(0, cut), batch.slice(cut, count - cut)];
        let options = WriteOptions { short_descriptors, ..WriteOptions::default() };
        let again = read(&write(&schema, &parts, options).unwrap()).unwrap();
        prop_assert_eq!(again.num_rows(), count);
        for (n, (found, wanted)) in again.columns().iter().zip(batch.columns()).enumerate() {
            // Without rows, nothing tells that elements may be null.
            prop_assert!(count == 0 || **found == **wanted, "column {}: {:?} is not {:?}", n, found, wanted);
            let again = again.schema();
            let (found, wanted) = (again.field(n).metadata(), schema.field(n).metadata());
            for key in [keys::UNIT, keys::DESCRIPTION] {
                prop_assert_eq!(&found[key], &wanted[key]);
            }
        }
    }
}
