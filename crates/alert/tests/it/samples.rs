//! Every field of real packets and nights is what fastavro and pyarrow read.
//!
//! The fixtures are the small samples; the folder in UR_ALERT_SAMPLES may have the large ones, whose values are in
//! expected.json too.

use std::path::{Path, PathBuf};

use serde_json::Value;
use uranometria_alert::{DecodeOptions, Projection, Stamp};

use crate::support::{bytes, crc, decode, fixture, read};

fn files() -> Vec<PathBuf> {
    let mut folders = vec![fixture("")];
    folders.extend(std::env::var_os("UR_ALERT_SAMPLES").map(PathBuf::from));
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn all_fields_are_those_that_other_readers_give() {
    let expected: Value = serde_json::from_slice(&bytes("expected.json")).unwrap();
    let mut compared = 0;
    for path in files() {
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let Some(columns) = expected.get(&name).and_then(Value::as_object) else { continue };
        let batch = match name.ends_with(".avro") {
            true => decode(&std::fs::read(&path).unwrap(), &DecodeOptions::default()),
            false => read(&path, &Projection::all()),
        };
        let schema = batch.schema();
        let mut found: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        found.sort();
        assert_eq!(found, columns.keys().collect::<Vec<_>>(), "{name}");
        for (column, wanted) in columns {
            let array = batch.column_by_name(column).unwrap();
            let found: Vec<u64> = (0..batch.num_rows()).map(|row| crc(array, row).into()).collect();
            let wanted: Vec<u64> =
                wanted.as_array().unwrap().iter().map(|sum| sum.as_u64().unwrap()).collect();
            assert_eq!(found, wanted, "{name}, {column}");
        }
        compared += 1;
    }
    assert!(compared >= 5, "{compared} files were compared");
}

#[test]
fn cutouts_are_images_of_the_size_that_the_survey_gives() {
    use arrow_array::cast::AsArray;
    let batch = decode(&bytes("ztf-3.3.avro"), &DecodeOptions::default());
    for name in uranometria_alert::CUTOUTS {
        let stamp =
            batch.column_by_name(name).unwrap().as_struct().column_by_name("stampData").unwrap().clone();
        let stamp = Stamp::read(stamp.as_binary::<i32>().value(0)).unwrap();
        assert_eq!((stamp.columns, stamp.rows, stamp.pixels.len()), (63, 63, 3969), "{name}");
        let real = stamp.pixels.iter().filter(|pixel| pixel.is_finite()).count();
        assert!(real > 3000, "{name}: {real} pixels");
    }
    assert!(Stamp::read(b"\x1f\x8bnothing").is_err());
    assert!(Stamp::read(b"SIMPLE").is_err());
}

#[test]
fn the_files_of_rubins_schema_make_the_schema_of_its_packets() {
    use uranometria_alert::Schema;
    let names = ["alert", "ssSource", "diaSource", "diaForcedSource", "diaObject", "mpc_orbits", "ssObject"];
    let texts: Vec<String> = names
        .iter()
        .map(|name| {
            std::fs::read_to_string(fixture("schemas").join(format!("lsst.v11_0.{name}.avsc"))).unwrap()
        })
        .collect();
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    // ssObject is part of the set and not of the alert: two types are outermost.
    assert!(Schema::parse_set(&all).unwrap_err().to_string().contains("ssObject"));
    let of_files = Schema::parse_set(&all[..6]).unwrap();
    let (text, packet) = crate::support::packets(&bytes("lsst-11.avro"));
    let of_packet = Schema::parse(&text).unwrap();
    assert_eq!(of_files.to_arrow().unwrap().fields(), of_packet.to_arrow().unwrap().fields());
    let mut decoder = uranometria_alert::Decoder::new(&of_files, &DecodeOptions::default()).unwrap();
    assert_eq!(decoder.decode(&packet).unwrap(), packet.len());
    let _: &Path = &fixture("");
}
