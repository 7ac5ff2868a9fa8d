//! Any bytes as a VOTable: read in small portions, and what was read is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use uranometria_votable::{Reader, ReaderOptions, Serialisation, Status, Writer, WriterOptions};

fuzz_target!(|bytes: &[u8]| {
    let options = ReaderOptions {
        batch_rows: 7,
        max_row_bytes: 1 << 20,
        batch_bytes: 1 << 20,
        ..ReaderOptions::default()
    };
    let Ok(mut reader) = Reader::new(bytes, &options) else { return };
    let schema = reader.schema();
    let batches: Vec<_> = reader.by_ref().take(100).map_while(Result::ok).collect();
    for serialisation in [Serialisation::Tabledata, Serialisation::Binary, Serialisation::Binary2] {
        let options = WriterOptions { serialisation, unicode: true, ..WriterOptions::default() };
        let Ok(mut writer) = Writer::new(Vec::new(), &schema, options) else { continue };
        if batches.iter().try_for_each(|batch| writer.write(batch)).is_err() {
            continue;
        }
        let written = writer.rows();
        let document = writer.finish(Status::Ok).expect("rows that were written can be finished");
        let again =
            Reader::new(document.as_slice(), &ReaderOptions::default()).expect("what is written can be read");
        let rows: usize = again.map(|batch| batch.expect("what is written can be read").num_rows()).sum();
        assert_eq!(rows as u64, written);
    }
});
