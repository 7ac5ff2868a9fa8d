//! Bytes that are meant to do harm.

use uranometria_alert::{Container, DecodeOptions, Decoder, Projection, Schema, Slice};

use crate::support::{bytes, decode, packets};

/// Decodes one packet of a record with one field and expects an error that says so.
#[track_caller]
fn check(kind: &str, packet: &[u8], expected: &str) {
    let schema = format!(r#"{{"type": "record", "name": "r", "fields": [{{"name": "x", "type": {kind}}}]}}"#);
    let mut decoder = Decoder::new(&Schema::parse(&schema).unwrap(), &DecodeOptions::default()).unwrap();
    let error = decoder.decode(packet).unwrap_err().to_string();
    assert!(error.starts_with("x") && error.contains(expected), "{error}");
    assert_eq!(decoder.rows(), 0);
    assert_eq!(decoder.finish().unwrap().num_rows(), 0);
}

#[test]
fn lies_about_lengths_are_told() {
    let longest = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    check(r#""string""#, &longest, "a length of 9223372036854775807 bytes");
    check(r#""string""#, &[1], "a length of -1 bytes");
    check(r#""bytes""#, &[4, 1], "a length of 2 bytes, expected 0 to 1, what is left");
    check(r#""string""#, &[4, 0xc3, 0x28], "byte 0xc3 in text, expected UTF-8");
    check(r#""long""#, &[0xff; 11], "a number of more than 64 bits");
    check(r#""long""#, &[0xff; 3], "3 bytes to the end, expected 4 more");
    check(r#""int""#, &longest, "a number of 32 bits");
    check(r#""double""#, &[0; 7], "7 bytes to the end, expected 8 more");
    check(r#""boolean""#, &[2], "byte 2, expected 0 or 1");
    check(r#"["null", "int"]"#, &[6], "branch 3 of a union, expected 0 to 1");
    check(r#"["null", "int"]"#, &[1], "branch -1");
    check(r#"{"type": "enum", "name": "e", "symbols": ["A"]}"#, &[2], "symbol 1 of an enum, expected 0 to 0");
    let items = r#"{"type": "array", "items": "double"}"#;
    check(items, &longest, "a block of 9223372036854775807 items in 0 bytes");
    check(items, &[3, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0], "a length of");
    check(r#"{"type": "array", "items": "null"}"#, &longest, "too much that takes no bytes");
    check(r#"{"type": "map", "values": "null"}"#, &longest, "a block of 9223372036854775807 items");
    check(r#"{"type": "array", "items": "int"}"#, &[4, 2, 0xff], "x[1], byte 2");
    let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 1}"#;
    check(decimal, &[[34u8].as_slice(), &[1; 17]].concat(), "one of 38 digits");
}

#[test]
fn a_field_deep_inside_is_named() {
    let (text, mut packet) = packets(&bytes("ztf-3.3.avro"));
    let mut decoder = Decoder::new(&Schema::parse(&text).unwrap(), &DecodeOptions::default()).unwrap();
    packet.truncate(3000);
    let error = decoder.decode(&packet).unwrap_err();
    assert!(error.field.starts_with("prv_candidates["), "{error}");
    assert!(error.offset <= 3000 && error.offset > 2900, "{error}");
}

#[test]
fn what_takes_no_bytes_does_not_fill_the_memory() {
    let fields: Vec<String> = (0..1000).map(|n| format!(r#"{{"name": "f{n}", "type": "double"}}"#)).collect();
    let wide = format!(r#"{{"type": "record", "name": "w", "fields": [{}]}}"#, fields.join(","));
    let kind = format!(r#"{{"type": "array", "items": ["null", {wide}]}}"#);
    let mut packet = vec![0xc0, 0x84, 0x3d];
    packet.resize(500_010, 0);
    check(&kind, &packet, "too much that takes no bytes");
}

#[test]
fn a_damaged_packet_leaves_the_batch_as_it_was() {
    for name in ["ztf-3.3.avro", "lsst-11.avro"] {
        let (text, packet) = packets(&bytes(name));
        let wanted = decode(&bytes(name), &DecodeOptions::default());
        let mut decoder = Decoder::new(&Schema::parse(&text).unwrap(), &DecodeOptions::default()).unwrap();
        let mut good = 0;
        let step = 97;
        for end in (0..packet.len()).step_by(step) {
            assert!(decoder.decode(&packet[..end]).is_err());
            if end % (step * 50) == 0 {
                decoder.decode(&packet).unwrap();
                good += 1;
            }
        }
        let batch = decoder.finish().unwrap();
        assert_eq!(batch.num_rows(), good);
        for row in 0..good {
            assert_eq!(batch.slice(row, 1), wanted, "{name}");
        }
    }
}

#[test]
fn every_changed_byte_is_read_or_told() {
    for name in ["ztf-3.3.avro", "lsst-11.avro"] {
        let (text, packet) = packets(&bytes(name));
        let schema = Schema::parse(&text).unwrap();
        let options = DecodeOptions { projection: Projection::without_cutouts(), ..DecodeOptions::default() };
        let mut decoder = Decoder::new(&schema, &options).unwrap();
        let mut told = 0;
        for at in 0..packet.len().min(8000) {
            for bits in [0x01, 0x80, 0xff] {
                let mut changed = packet.clone();
                changed[at] ^= bits;
                told += u32::from(decoder.decode(&changed).is_err());
                decoder.truncate(0);
            }
        }
        assert!(told > 1000, "{name}: {told}");
    }
}

#[test]
fn damaged_container_files_are_told_and_gone_on_with() {
    let good = bytes("ztf-3.3.avro");
    for end in [0, 3, 4, 100, 20_000] {
        assert!(Container::open(Slice::new(&good[..end])).unwrap().is_err(), "{end}");
    }
    let mut container = Container::open(Slice::new(&good[..good.len() - 1])).unwrap().unwrap();
    let error = container.next_block().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("the rest of a block"), "{error}");
    assert!(container.resync(10, |_| ()).unwrap() > 1000);
    assert!(container.next_block().unwrap().is_none());
    // A block whose marker is damaged, and a good one behind it.
    let batch = decode(&good, &DecodeOptions::default());
    let new = uranometria_alert::ContainerWriter::new;
    let mut writer =
        new(Vec::new(), &batch.schema(), uranometria_alert::Codec::Null, Default::default()).unwrap();
    let mut at = [0; 3];
    writer.block_bytes = 1;
    (0..3).for_each(|_| writer.write(&batch).unwrap());
    let mut file = writer.finish().unwrap();
    let mut container = Container::open(Slice::new(&file)).unwrap().unwrap();
    for at in &mut at {
        *at = container.offset() as usize;
        container.next_block().unwrap().unwrap().unwrap();
    }
    file[at[1] - 3] ^= 1;
    let mut container = Container::open(Slice::new(&file)).unwrap().unwrap();
    let error = container.next_block().unwrap().unwrap().unwrap_err().to_string();
    assert!(error.contains("another marker"), "{error}");
    // The next marker is that of the second block.
    container.resync(0, |_| ()).unwrap();
    assert_eq!(container.offset() as usize, at[2]);
    assert_eq!(container.next_block().unwrap().unwrap().unwrap().count, 1);
}

#[test]
fn what_stands_under_nulls_counts_as_bytes_of_the_batch() {
    let schema = r#"{"type": "record", "name": "r", "fields":
        [{"name": "x", "type": ["null", {"type": "fixed", "name": "f", "size": 1000000}]}]}"#;
    let mut decoder = Decoder::new(&Schema::parse(schema).unwrap(), &DecodeOptions::default()).unwrap();
    for _ in 0..10 {
        decoder.decode(&[0]).unwrap();
    }
    assert_eq!(decoder.packet_bytes(), 10_000_010);
    decoder.finish().unwrap();
    assert_eq!(decoder.packet_bytes(), 0);
}

#[test]
fn empty_records_in_one_another_are_passed_over_at_once() {
    let mut fields = r#"{"name": "f0", "type": {"type": "record", "name": "r0", "fields": []}}"#.to_string();
    for n in 1..60 {
        let before = n - 1;
        fields += &format!(
            r#", {{"name": "f{n}", "type": {{"type": "record", "name": "r{n}", "fields":
                [{{"name": "a", "type": "r{before}"}}, {{"name": "b", "type": "r{before}"}}]}}}}"#
        );
    }
    let schema = format!(
        r#"{{"type": "record", "name": "r", "fields": [{fields}, {{"name": "id", "type": "long"}}]}}"#
    );
    let options = DecodeOptions { projection: Projection::only(["id"]), ..DecodeOptions::default() };
    let mut decoder = Decoder::new(&Schema::parse(&schema).unwrap(), &options).unwrap();
    assert_eq!(decoder.decode(&[2]), Ok(1));
}
