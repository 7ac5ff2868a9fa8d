//! Any bytes as a schema with packets, and as a container file; what is read is written and read again.
//!
//! The input is a schema as JSON, a zero byte, and packets; or a container file.
#![no_main]

use arrow_array::RecordBatch;
use libfuzzer_sys::fuzz_target;
use uranometria_alert::{
    Codec, Container, ContainerWriter, DecodeOptions, Decoder, Encoder, Projection, Schema, Slice, Stamp,
    UnionOrder,
};

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"SIMPLE") || bytes.starts_with(&[0x1f, 0x8b]) {
        let _ = Stamp::read(bytes);
        return;
    }
    if bytes.starts_with(b"Obj\x01") {
        let Ok(Ok(mut container)) = Container::open(Slice::new(bytes)) else { return };
        let schema = std::str::from_utf8(container.schema()).ok().and_then(|text| Schema::parse(text).ok());
        let Some(mut decoder) =
            schema.and_then(|schema| Decoder::new(&schema, &DecodeOptions::default()).ok())
        else {
            return;
        };
        while let Ok(Some(block)) = container.next_block() {
            match block {
                Ok(block) => drop(read(&mut decoder, block.data)),
                Err(_) => drop(container.resync(1 << 20, |_| ())),
            }
        }
        return;
    }
    let Some(end) = bytes.iter().position(|byte| *byte == 0) else { return };
    let (text, packets) = (&bytes[..end], &bytes[end + 1..]);
    let Some(schema) = std::str::from_utf8(text).ok().and_then(|text| Schema::parse(text).ok()) else {
        return;
    };
    let again = Schema::parse(&schema.to_json()).expect("a schema that is written can be read");
    assert_eq!(again, schema);
    // A schema always reads what it writes itself, and passes over it.
    for projection in [Projection::all(), Projection::only(["a", "b.c"])] {
        for reader in [None, Some(&schema)] {
            let options = DecodeOptions { reader, projection: projection.clone() };
            let Ok(mut decoder) = Decoder::new(&schema, &options) else { continue };
            let batch = read(&mut decoder, packets);
            if reader.is_none() && projection == Projection::all() {
                round_trip(&batch);
            }
        }
    }
});

/// Reads packets one after another, at most some.
fn read(decoder: &mut Decoder, bytes: &[u8]) -> RecordBatch {
    let mut at = 0;
    for _ in 0..32 {
        match decoder.decode(&bytes[at..]) {
            Ok(0) | Err(_) => break,
            Ok(len) => at += len,
        }
    }
    decoder.finish().expect("what was read is a batch")
}

fn round_trip(batch: &RecordBatch) {
    let Ok(encoder) = Encoder::new(batch.schema_ref(), UnionOrder::AsRead) else { return };
    let packets = encoder.encode(batch).expect("what was read can be written");
    let mut writer = ContainerWriter::of_packets(Vec::new(), encoder.schema(), Codec::Deflate)
        .expect("memory takes a header");
    packets.iter().for_each(|packet| writer.write_packet(packet).expect("memory takes packets"));
    let mut decoder =
        Decoder::new(encoder.schema(), &DecodeOptions::default()).expect("what was written is a schema");
    for packet in &packets {
        assert_eq!(decoder.decode(packet), Ok(packet.len()));
    }
    assert_eq!(decoder.finish().expect("what was read is a batch").num_rows(), batch.num_rows());
}
