//! Packets there and back, by other schemas, in other frames.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema as ArrowSchema};
use proptest::prelude::*;
use uranometria_alert::{
    Codec, ContainerWriter, DecodeOptions, Decoder, Encoder, Projection, Schema, UnionOrder, registry_frame,
};

use crate::support::{bytes, decode, packets};

#[test]
fn packets_are_written_back_to_the_same_bytes() {
    for name in ["ztf-3.3.avro", "ztf-3.2.avro", "ztf-limits.avro", "lsst-11.avro"] {
        let (_, packet) = packets(&bytes(name));
        let batch = decode(&bytes(name), &DecodeOptions::default());
        let encoder = Encoder::new(&batch.schema(), UnionOrder::AsRead).unwrap();
        assert!(encoder.encode(&batch).unwrap() == [packet], "{name}");
    }
}

#[test]
fn container_files_of_every_codec_read_back_as_they_were() {
    for name in ["ztf-3.3.avro", "lsst-11.avro"] {
        let batch = decode(&bytes(name), &DecodeOptions::default());
        for codec in [Codec::Null, Codec::Deflate, Codec::Snappy, Codec::Zstandard] {
            for order in [UnionOrder::AsRead, UnionOrder::NullLast] {
                let mut writer = ContainerWriter::new(Vec::new(), &batch.schema(), codec, order).unwrap();
                writer.write(&batch).unwrap();
                writer.write(&batch).unwrap();
                let file = writer.finish().unwrap();
                let again = decode(&file, &DecodeOptions::default());
                assert_eq!(again.num_rows(), 2);
                for row in 0..2 {
                    for (a, b) in again.columns().iter().zip(batch.columns()) {
                        assert_eq!(
                            crate::support::crc(a, row),
                            crate::support::crc(b, 0),
                            "{name} {codec:?}"
                        );
                    }
                }
                if order == UnionOrder::AsRead {
                    assert_eq!(again.slice(0, 1), batch);
                }
            }
        }
    }
}

#[test]
fn unions_for_readers_of_topics_have_null_last() {
    let batch = decode(&bytes("lsst-11.avro"), &DecodeOptions::default());
    let schema = Encoder::new(&batch.schema(), UnionOrder::NullLast).unwrap().schema().to_json();
    assert!(schema.contains("\"null\"]") && !schema.contains("[\"null\""), "{schema}");
}

#[test]
fn fields_that_are_not_wanted_are_passed_over() {
    for name in ["ztf-3.3.avro", "lsst-11.avro"] {
        let whole = decode(&bytes(name), &DecodeOptions::default());
        for projection in [
            Projection::without_cutouts(),
            Projection::only([
                "candidate.magpsf",
                "prv_candidates.jd",
                "diaSource.ra",
                "prvDiaSources.psfFlux",
            ]),
            Projection::without(["prv_candidates.magpsf", "diaSource", "candid"]),
        ] {
            let some = decode(&bytes(name), &DecodeOptions { projection, ..DecodeOptions::default() });
            assert!(some.num_columns() > 0 && some.get_array_memory_size() < whole.get_array_memory_size());
            for (field, column) in some.schema().fields().iter().zip(some.columns()) {
                let from = whole.column_by_name(field.name()).unwrap();
                let wanted = uranometria_alert::conform(
                    &RecordBatch::try_from_iter([(field.name(), from.clone())]).unwrap(),
                    &Arc::new(ArrowSchema::new(vec![field.clone()])),
                );
                assert_eq!(column, wanted.unwrap().column(0), "{name}, {}", field.name());
            }
        }
    }
}

/// Reads a packet of one schema as another wants it and gives its columns as text.
#[track_caller]
fn resolve(writer: &str, reader: &str, packet: &[u8], expected: &[(&str, &str)]) {
    let (writer, reader) = (Schema::parse(writer).unwrap(), Schema::parse(reader).unwrap());
    let mut decoder =
        Decoder::new(&writer, &DecodeOptions { reader: Some(&reader), ..DecodeOptions::default() }).unwrap();
    assert_eq!(decoder.decode(packet), Ok(packet.len()));
    let batch = decoder.finish().unwrap();
    let text = |array: &ArrayRef| {
        let options = arrow_cast::display::FormatOptions::default().with_null("null");
        arrow_cast::display::ArrayFormatter::try_new(array, &options).unwrap().value(0).to_string()
    };
    let schema = batch.schema();
    let found: Vec<(&str, String)> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .zip(batch.columns().iter().map(text))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(found, expected);
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "r", "fields": [{fields}]}}"#)
}

#[test]
fn a_readers_schema_gives_order_types_defaults_and_names_and_loses_nothing() {
    resolve(
        &record(
            r#"{"name": "a", "type": "int"}, {"name": "old", "type": "float"}, {"name": "only", "type": "string"}"#,
        ),
        &record(
            r#"{"name": "new", "aliases": ["old"], "type": "double"}, {"name": "x", "type": ["null", "int"], "default": null},
               {"name": "y", "type": {"type": "array", "items": "long"}, "default": [1, -2]}, {"name": "a", "type": ["null", "long"]}"#,
        ),
        &[0x0d, 0, 0, 0x20, 0x40, 4, b'h', b'i'],
        &[("new", "2.5"), ("x", "null"), ("y", "[1, -2]"), ("a", "-7"), ("only", "hi")],
    );
}

#[test]
fn enums_unions_and_nested_records_are_resolved() {
    let writer = record(
        r#"{"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["A", "B", "C"]}},
           {"name": "u", "type": ["long", "null", "string"]},
           {"name": "s", "type": {"type": "record", "name": "ns.s", "fields": [{"name": "p", "type": "int"}, {"name": "q", "type": "bytes"}]}}"#,
    );
    let reader = record(
        r#"{"name": "s", "type": {"type": "record", "name": "other.s", "fields": [{"name": "z", "type": "string", "default": "none"}, {"name": "q", "type": "string"}]}},
           {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["A", "X"], "default": "X"}}"#,
    );
    resolve(
        &writer,
        &reader,
        &[4, 4, 2, b'k', 6, 2, b'v'],
        &[("s", "{z: none, q: v, p: 3}"), ("e", "X"), ("u", "{long: null, string: k}")],
    );
}

#[test]
fn what_a_reader_cannot_have_is_refused_with_the_field() {
    for (writer, reader, told) in [
        (
            r#"{"name": "a", "type": "string"}"#,
            r#"{"name": "a", "type": "int"}"#,
            "field a: found string, expected int",
        ),
        (r#"{"name": "a", "type": "double"}"#, r#"{"name": "a", "type": "float"}"#, "found double"),
        (r#"{"name": "a", "type": "int"}"#, r#"{"name": "b", "type": "int"}"#, "field b: found nothing"),
        (
            r#"{"name": "a", "type": "int"}"#,
            r#"{"name": "b", "type": "int", "default": "x"}"#,
            "default \"x\"",
        ),
    ] {
        let (writer, reader) =
            (Schema::parse(&record(writer)).unwrap(), Schema::parse(&record(reader)).unwrap());
        let options = DecodeOptions { reader: Some(&reader), ..DecodeOptions::default() };
        let error = Decoder::new(&writer, &options).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_schema_that_contains_itself_is_refused_unless_that_part_is_not_wanted() {
    let schema =
        Schema::parse(&record(r#"{"name": "id", "type": "long"}, {"name": "next", "type": ["null", "r"]}"#))
            .unwrap();
    let error = Decoder::new(&schema, &DecodeOptions::default()).unwrap_err().to_string();
    assert!(error.contains("contain itself"), "{error}");
    let options = DecodeOptions { projection: Projection::only(["id"]), ..DecodeOptions::default() };
    let mut decoder = Decoder::new(&schema, &options).unwrap();
    assert_eq!(decoder.decode(&[2, 2, 4, 2, 6, 0]), Ok(6));
    // Deeper than any stack.
    let error = decoder.decode(&[2; 1_000_000]).unwrap_err();
    assert!(error.found.contains("deep"), "{error}");
}

#[test]
fn the_frame_of_a_registry_is_taken_off() {
    let (_, packet) = packets(&bytes("ztf-3.3.avro"));
    let framed = [&[0, 0, 0, 1, 7], packet.as_slice()].concat();
    assert_eq!(registry_frame(&framed), Some((263, packet.as_slice())));
    assert_eq!(registry_frame(&packet), None);
    assert_eq!(registry_frame(&[0, 0]), None);
}

/// Any column of up to `depth` levels.
fn any_type(depth: u32) -> BoxedStrategy<DataType> {
    let leaf = prop_oneof![
        Just(DataType::Boolean),
        Just(DataType::Int32),
        Just(DataType::Int64),
        Just(DataType::Float32),
        Just(DataType::Float64),
        Just(DataType::Utf8),
        Just(DataType::Binary),
        Just(DataType::Date32),
        Just(DataType::FixedSizeBinary(3)),
        Just(DataType::Decimal128(12, 3)),
        Just(DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some("UTC".into()))),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        let field = |name: &'static str, inner: BoxedStrategy<DataType>| {
            (inner, any::<bool>())
                .prop_map(move |(kind, nullable)| Arc::new(Field::new(name, kind, nullable)))
        };
        let inner = inner.boxed();
        prop_oneof![
            field("item", inner.clone()).prop_map(DataType::List),
            (field("a", inner.clone()), field("b", inner.clone()), field("c", inner.clone()))
                .prop_map(|(a, b, c)| DataType::Struct(vec![a, b, c].into())),
            field("value", inner).prop_map(|value| {
                let key = Arc::new(Field::new("key", DataType::Utf8, false));
                let entries = Field::new("entries", DataType::Struct(vec![key, value].into()), false);
                DataType::Map(Arc::new(entries), false)
            }),
        ]
    })
    .boxed()
}

/// Packets that look random are columns that look random: what of any bytes can be read is taken.
fn column_of(kind: &DataType, nullable: bool, bytes: &[u8], rows: usize) -> Option<ArrayRef> {
    let columns = ArrowSchema::new(vec![Field::new("x", kind.clone(), nullable)]);
    let schema = Schema::from_arrow(&columns, UnionOrder::AsRead).ok()?;
    let mut decoder = Decoder::new(&schema, &DecodeOptions::default()).ok()?;
    let mut at = 0;
    while decoder.rows() < rows && at < bytes.len() {
        let _ = decoder.decode(&bytes[at..]);
        at += 1;
    }
    let batch = decoder.finish().ok()?;
    let column = batch.column(0).clone();
    Some(if column.is_empty() && nullable { new_null_array(column.data_type(), rows) } else { column })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read_as_it_was(
        kind in any_type(3),
        nullable in any::<bool>(),
        bytes in proptest::collection::vec(prop_oneof![4 => 0u8..16, 1 => any::<u8>()], 0..600),
    ) {
        let column = column_of(&kind, nullable, &bytes, 20);
        prop_assume!(column.as_ref().is_some_and(|column| !column.is_empty()));
        let column = column.unwrap();
        let field = Field::new("x", column.data_type().clone(), nullable);
        let batch = RecordBatch::try_new(Arc::new(ArrowSchema::new(vec![field])), vec![column]).unwrap();
        for order in [UnionOrder::AsRead, UnionOrder::NullLast] {
            let encoder = Encoder::new(&batch.schema(), order).unwrap();
            let mut decoder = Decoder::new(encoder.schema(), &DecodeOptions::default()).unwrap();
            for packet in encoder.encode(&batch).unwrap() {
                prop_assert_eq!(decoder.decode(&packet), Ok(packet.len()));
            }
            let again = decoder.finish().unwrap();
            // The names that records got are in the metadata of the fields; values are the same.
            let same = uranometria_alert::conform(&again, &batch.schema()).unwrap();
            prop_assert_eq!(&same, &batch);
        }
    }

    #[test]
    fn numbers_are_read_alike_at_the_end_of_the_bytes_and_before_others(
        fields in proptest::collection::vec((0..4_usize, 0..3_usize), 1..6),
        bytes in proptest::collection::vec(prop_oneof![3 => Just(0_u8), 3 => Just(2), 2 => 0x7e..0x82_u8, 2 => any::<u8>()], 0..60),
    ) {
        let types = ["float", "double", "int", "long"];
        let field = |(at, (kind, null)): (usize, &(usize, usize))| {
            let kind = types[*kind];
            let kind = [format!("\"{kind}\""), format!("[\"null\",\"{kind}\"]"), format!("[\"{kind}\",\"null\"]")][*null].clone();
            format!("{{\"name\":\"f{at}\",\"type\":{kind}}}")
        };
        let fields: Vec<String> = fields.iter().enumerate().map(field).collect();
        let schema = Schema::parse(&record(&fields.join(","))).unwrap();
        let read = |bytes: &[u8]| {
            let mut decoder = Decoder::new(&schema, &DecodeOptions::default()).unwrap();
            decoder.decode(bytes).map(|length| (length, decoder.finish().unwrap()))
        };
        // With nothing behind it, a number near the end is read byte by byte.
        for behind in [0, 0xff] {
            let before_others = read(&[&bytes[..], &[behind; 64]].concat());
            match (read(&bytes), before_others) {
                (Ok(alone), Ok(before_others)) => {
                    prop_assert_eq!(alone.0, before_others.0);
                    prop_assert_eq!(format!("{:?}", alone.1), format!("{:?}", before_others.1));
                    prop_assert_eq!(read(&bytes[..alone.0]).map(|(length, _)| length), Ok(alone.0));
                }
                (Ok(alone), Err(damage)) => prop_assert!(false, "{alone:?}, before others {damage}"),
                (Err(damage), others) => {
                    // It may have ended too early, or is as wrong before others.
                    let too_short = damage.found.contains("to the end");
                    prop_assert!(too_short || others == Err(damage));
                }
            }
        }
    }

    #[test]
    fn no_bytes_of_any_schema_make_a_panic(
        kind in any_type(4),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        column_of(&kind, true, &bytes, 300);
    }
}

#[test]
fn columns_of_other_origin_are_written_as_the_nearest_type() {
    use arrow_array::record_batch;
    let batch = record_batch!(("a", UInt8, [200]), ("b", UInt64, [7]), ("c", Utf8, ["x"])).unwrap();
    let large = cast(batch.column(2), &DataType::LargeUtf8).unwrap();
    let dictionary =
        cast(batch.column(2), &DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into())).unwrap();
    let batch = RecordBatch::try_from_iter([
        ("a", batch.column(0).clone()),
        ("b", batch.column(1).clone()),
        ("c", large),
        ("d", dictionary),
    ])
    .unwrap();
    let encoder = Encoder::new(&batch.schema(), UnionOrder::AsRead).unwrap();
    let packet = encoder.encode(&batch).unwrap().remove(0);
    assert_eq!(packet, [0x90, 3, 14, 2, b'x', 2, b'x']);
    let huge = record_batch!(("b", UInt64, [u64::MAX])).unwrap();
    let error =
        Encoder::new(&huge.schema(), UnionOrder::AsRead).unwrap().encode(&huge).unwrap_err().to_string();
    assert!(error.starts_with("b: found"), "{error}");
}

#[test]
fn a_type_without_a_union_is_read_as_one_of_several() {
    resolve(
        &record(r#"{"name": "a", "type": "int"}, {"name": "b", "type": "long"}"#),
        &record(r#"{"name": "a", "type": ["null", "int", "string"]}"#),
        &[10, 4],
        &[("a", "{int: 5}"), ("b", "2")],
    );
}

#[test]
fn defaults_of_lists_and_records_are_of_the_readers_types() {
    let inner = r#"{"type": "record", "name": "inner", "fields": [{"name": "p", "type": "int"}, {"name": "q", "type": "string"}]}"#;
    let list = format!(r#"{{"name": "l", "type": {{"type": "array", "items": {inner}}}, "default": []}}"#);
    let map =
        r#"{"name": "m", "type": {"type": "map", "values": "inner"}, "default": {"k": {"p": 1, "q": "x"}}}"#;
    resolve(
        &record(r#"{"name": "a", "type": "int"}"#),
        &record(&format!("{list}, {map}")),
        &[10],
        &[("l", "[]"), ("m", "{k: {p: 1, q: x}}"), ("a", "5")],
    );
}

#[test]
fn unions_without_a_common_type_and_meanings_of_other_scale_are_refused() {
    let decimal = |scale: u32| {
        format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": {scale}}}"#)
    };
    let stamp = |unit: &str| format!(r#"{{"type": "long", "logicalType": "timestamp-{unit}"}}"#);
    for (writer, reader, told) in [
        (r#"["int", "string"]"#.to_string(), r#"["boolean", "null"]"#.to_string(), "union of boolean, null"),
        (decimal(2), decimal(3), "Decimal"),
        (stamp("millis"), stamp("micros"), "TimestampMicros"),
    ] {
        let field = |kind: &str| record(&format!(r#"{{"name": "a", "type": {kind}}}"#));
        let [writer, reader] = [writer, reader].map(|kind| Schema::parse(&field(&kind)).unwrap());
        let options = DecodeOptions { reader: Some(&reader), ..DecodeOptions::default() };
        let error = Decoder::new(&writer, &options).unwrap_err().to_string();
        assert!(error.contains("field a") && error.contains(told), "{error}");
    }
}
