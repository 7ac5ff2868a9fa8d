//! Packets into nights: repeated, late, damaged, interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use jiff::civil::{Date, date};
use tempfile::TempDir;
use uranometria_alert::fs::{IngestOptions, Ingested, Nights, ingest, nights, read_dead_letters};
use uranometria_alert::simulate::{NightOptions, Simulated};
use uranometria_alert::{DecodeOptions, Error, Projection, Survey};
use uranometria_catalog::fs::{Control, Progress};

use crate::support::{bytes, crc, decode, fixture, packets, read};

fn simulate(folder: &Path, options: NightOptions) -> RecordBatch {
    let night = Simulated::new(options).unwrap();
    let written =
        uranometria_alert::simulate::fs::write(&night, folder, &|_, _| (), &AtomicBool::new(false)).unwrap();
    read(&written.truth, &Projection::all())
}

fn take_in(files: &[PathBuf], archive: &Path, memory: u64) -> Ingested {
    let options = IngestOptions { memory, ..IngestOptions::default() };
    ingest(files, archive, &options, &Control::none()).unwrap()
}

/// The numbers of alerts of each night, in the order of their files; fails where one is there twice or out of order.
fn there(archive: &Path) -> BTreeMap<Date, BTreeSet<i64>> {
    let mut all = BTreeMap::new();
    for night in nights(archive, &Nights { first: date(1972, 1, 1), last: date(2100, 1, 1) }).unwrap() {
        let ids: &mut BTreeSet<i64> = all.entry(night.date).or_default();
        for part in &night.parts {
            let batch = read(&part.path, &Projection::without_cutouts());
            let survey = part.survey.unwrap();
            let id = survey.id(batch.schema_ref()).unwrap();
            for id in batch.column_by_name(id).unwrap().as_primitive::<Int64Type>().values() {
                assert!(ids.insert(*id), "alert {id} is there twice");
            }
            if survey == Survey::Ztf {
                let objects = batch.column_by_name("objectId").unwrap().as_string::<i32>();
                let times =
                    batch.column_by_name("candidate").unwrap().as_struct().column_by_name("jd").unwrap();
                let times = times.as_primitive::<Float64Type>();
                let order: Vec<(&str, f64)> =
                    (0..batch.num_rows()).map(|row| (objects.value(row), times.value(row))).collect();
                assert!(order.is_sorted_by(|a, b| a <= b), "{}", part.path.display());
            }
        }
    }
    all
}

fn ids_of(truth: &RecordBatch, wanted: impl Fn(usize) -> bool) -> BTreeSet<i64> {
    let ids = truth.column_by_name("candid").unwrap().as_primitive::<Int64Type>();
    (0..truth.num_rows()).filter(|row| wanted(*row)).map(|row| ids.value(row)).collect()
}

#[test]
fn every_alert_is_there_once_whatever_comes_with_it() {
    let folder = TempDir::new().unwrap();
    let (input, archive) = (folder.path().join("in"), folder.path().join("archive"));
    let options = NightOptions {
        alerts: 900,
        corrupt: 7,
        duplicates: 25,
        late: 60,
        per_file: 250,
        seed: 3,
        ..NightOptions::default()
    };
    let truth = simulate(&input, options);
    // So little memory that there are many runs.
    let done = take_in(std::slice::from_ref(&input), &archive, 12 << 20);
    assert_eq!((done.read, done.new, done.repeated, done.dead), (918, 893, 25, 7));
    let damaged = truth.column_by_name("damaged").unwrap().as_boolean();
    let files = truth.column_by_name("file").unwrap().as_string::<i32>();
    let found = there(&archive);
    for (date, late) in [(date(2021, 6, 17), false), (date(2021, 6, 16), true)] {
        let wanted = ids_of(&truth, |row| !damaged.value(row) && (files.value(row) == "late.avro") == late);
        assert!(found[&date] == wanted, "{date}");
    }
    let copies = truth.column_by_name("copies").unwrap().as_primitive::<Int32Type>();
    assert_eq!(copies.values().iter().filter(|copies| **copies == 2).count(), 25);
    // Dead letters have what is needed to look for them and to try them again.
    let letters = done.dead_letters.unwrap();
    let mut told = 0;
    read_dead_letters(&letters, |letter| {
        assert!(letter.file.ends_with(".avro") && letter.packet > 0 && letter.packets == 1, "{letter:?}");
        let file = std::fs::read(&letter.file).unwrap();
        assert!(file[letter.offset as usize..].starts_with(&letter.bytes));
        assert!(letter.reason.contains("found") && letter.schema.contains("candidate"));
        told += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(told, 7);
    let again = take_in(&[letters], &archive, 1 << 30);
    assert_eq!((again.read, again.new, again.dead), (0, 0, 7));
    // The same command once more adds nothing.
    let again = take_in(&[input], &archive, 1 << 30);
    assert_eq!((again.read, again.new, again.repeated, again.dead), (918, 0, 918, 7));
    assert!(there(&archive) == found);
    let left: Vec<_> = std::fs::read_dir(archive.join("alerts/_ingest"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn real_packets_and_nights_of_both_surveys_come_in_with_all_their_values() {
    let folder = TempDir::new().unwrap();
    let files = ["ztf-3.3.avro", "ztf-3.2.avro", "ztf-limits.avro", "lsst-11.avro", "fink-night.parquet"]
        .map(fixture);
    let done = take_in(&files, folder.path(), 1 << 30);
    assert_eq!((done.read, done.new, done.dead), (7, 7, 0));
    let found = there(folder.path());
    assert_eq!(found[&date(2021, 6, 17)], BTreeSet::from([1_628_364_324_215_010_017]));
    assert_eq!(found[&date(2019, 1, 10)], BTreeSet::from([739_260_766_315_010_006]));
    for (name, at) in
        [("ztf-3.3.avro", date(2021, 6, 17)), ("lsst-11.avro", *found.keys().next_back().unwrap())]
    {
        let night = nights(folder.path(), &Nights { first: at, last: at }).unwrap().remove(0);
        let kept = read(&night.parts[0].path, &Projection::all());
        let wanted = decode(&bytes(name), &DecodeOptions::default());
        assert_eq!(kept.num_columns(), wanted.num_columns());
        for (field, column) in wanted.schema().fields().iter().zip(wanted.columns()) {
            assert_eq!(
                crc(kept.column_by_name(field.name()).unwrap(), 0),
                crc(column, 0),
                "{name} {}",
                field.name()
            );
        }
    }
}

#[test]
fn late_alerts_join_a_night_that_readers_hold_open() {
    let folder = TempDir::new().unwrap();
    let archive = folder.path().join("archive");
    let night = NightOptions { alerts: 400, reduced: true, ..NightOptions::default() };
    let first = simulate(&folder.path().join("a"), night.clone());
    take_in(&[folder.path().join("a")], &archive, 1 << 30);
    let all = Nights { first: date(1972, 1, 1), last: date(2100, 1, 1) };
    let open = nights(&archive, &all).unwrap();
    let mut reader =
        uranometria_alert::fs::read_part(&open[0].parts[0].path, &Projection::all(), 100).unwrap();
    reader.next().unwrap().unwrap();
    let mut wanted = ids_of(&first, |_| true);
    for (n, alerts) in [(2, 3), (3, 50), (4, 3), (5, 700)] {
        let name = folder.path().join(n.to_string());
        let more = simulate(&name, NightOptions { alerts, seed: n, ..night.clone() });
        let done = take_in(&[name], &archive, 1 << 30);
        assert_eq!((done.new, done.repeated), (alerts, 0));
        wanted.extend(ids_of(&more, |_| true));
        assert!(there(&archive)[&date(2021, 6, 17)] == wanted);
    }
    // The reader had the night as it was.
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 300);
    // Small parts were merged as more came.
    let parts = nights(&archive, &all).unwrap().remove(0).parts;
    assert!(parts.len() <= 2, "{parts:?}");
}

#[test]
fn packets_without_a_header_are_read_by_a_schema_beside_them() {
    let folder = TempDir::new().unwrap();
    let (schema, packet) = packets(&bytes("ztf-3.3.avro"));
    let path = folder.path().join("loose.avro");
    std::fs::write(&path, [packet.as_slice(), &packet[..]].concat()).unwrap();
    let options = IngestOptions { schema: Some(schema.clone()), ..IngestOptions::default() };
    let done = ingest(&[path], folder.path().join("a"), &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.new, done.repeated, done.dead), (2, 1, 1, 0));
    let path = folder.path().join("framed.avro");
    let frame = [0, 0, 0, 0, 9];
    std::fs::write(&path, [&frame[..], &packet, &[0, 0, 0, 0, 8], &packet].concat()).unwrap();
    let registry = |number: u32| (number == 9).then(|| schema.clone());
    let options = IngestOptions { registry: Some(&registry), ..IngestOptions::default() };
    let done = ingest(&[path], folder.path().join("b"), &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.new, done.dead), (1, 1, 1));
}

#[test]
fn a_large_file_without_headers_is_read_in_pieces_and_resumed_within() {
    let folder = TempDir::new().unwrap();
    let schema = r#"{"type": "record", "name": "alert", "fields": [{"name": "candid", "type": "long"}, {"name": "objectId", "type": "string"},
        {"name": "candidate", "type": {"type": "record", "name": "c", "fields": [{"name": "jd", "type": "double"}]}},
        {"name": "blob", "type": "bytes"}]}"#;
    let long = |number: i64| {
        let mut left = (number << 1) as u64;
        let mut bytes = Vec::new();
        while left >= 0x80 {
            bytes.push(left as u8 | 0x80);
            left >>= 7;
        }
        [&bytes[..], &[left as u8]].concat()
    };
    let packet = |candid: i64| {
        // One is longer than what is read at once.
        let blob = vec![candid as u8; if candid == 20 { 40 << 20 } else { 100_000 }];
        [long(candid), vec![2, b'a'], 2_459_383.0_f64.to_le_bytes().to_vec(), long(blob.len() as i64), blob]
            .concat()
    };
    let path = folder.path().join("loose");
    std::fs::write(&path, (0..60).flat_map(packet).collect::<Vec<u8>>()).unwrap();
    let options = IngestOptions { schema: Some(schema.into()), memory: 1 << 20, ..IngestOptions::default() };
    let archive = folder.path().join("archive");
    let stop = AtomicBool::new(false);
    let progress = |progress: Progress| stop.store(progress.done >= 40, Ordering::Relaxed);
    let control = Control { progress: &progress, stop: &stop };
    let stopped = ingest(&[&path].map(Clone::clone), &archive, &options, &control);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    let done = ingest(&[path], &archive, &options, &Control::none()).unwrap();
    assert!((20..=40).contains(&done.resumed), "{done:?}");
    assert_eq!((done.read, done.new, done.dead), (60, 60, 0));
    let all = nights(&archive, &Nights { first: date(1972, 1, 1), last: date(2100, 1, 1) }).unwrap();
    let batch = read(&all[0].parts[0].path, &Projection::all());
    let blobs = batch.column_by_name("blob").unwrap().as_binary::<i32>();
    let ids = batch.column_by_name("candid").unwrap().as_primitive::<Int64Type>();
    for (id, blob) in ids.values().iter().zip(blobs) {
        assert!(blob.unwrap().iter().all(|byte| i64::from(*byte) == *id));
    }
    assert_eq!(blobs.iter().map(|blob| blob.unwrap().len()).sum::<usize>(), 59 * 100_000 + (40 << 20));
}

#[test]
fn of_a_large_file_that_is_damaged_all_before_is_kept_and_16_mib_behind() {
    let folder = TempDir::new().unwrap();
    let (schema, packet) = packets(&bytes("ztf-3.3.avro"));
    let options = IngestOptions { schema: Some(schema), memory: 1 << 20, ..IngestOptions::default() };
    let ones = vec![0xff; 20 << 20];
    let path = folder.path().join("loose");
    std::fs::write(&path, [&packet[..], &ones].concat()).unwrap();
    let done = ingest(&[path], folder.path().join("archive"), &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.new, done.dead), (1, 1, 1));
    let mut letters = Vec::new();
    let keep = |letter| {
        letters.push(letter);
        Ok(())
    };
    read_dead_letters(done.dead_letters.unwrap(), keep).unwrap();
    assert_eq!((letters[0].offset, letters[0].packet), (packet.len() as u64, 2));
    assert!(letters[0].bytes == ones[..16 << 20]);
}

#[test]
fn packets_behind_a_damaged_one_of_their_block_are_found_again() {
    let folder = TempDir::new().unwrap();
    let night = Simulated::new(NightOptions { alerts: 9, ..NightOptions::default() }).unwrap();
    let (batch, _) = night.alerts(0..9).unwrap();
    let encoder = uranometria_alert::Encoder::new(&batch.schema(), Default::default()).unwrap();
    let mut writer = uranometria_alert::ContainerWriter::of_packets(
        Vec::new(),
        encoder.schema(),
        uranometria_alert::Codec::Null,
    )
    .unwrap();
    writer.block_bytes = 1 << 30;
    for (n, mut packet) in encoder.encode(&batch).unwrap().into_iter().enumerate() {
        if n == 4 {
            packet[0] = 1;
        }
        writer.write_packet(&packet).unwrap();
    }
    let path = folder.path().join("block.avro");
    std::fs::write(&path, writer.finish().unwrap()).unwrap();
    let done = take_in(&[path], &folder.path().join("archive"), 1 << 30);
    assert_eq!((done.read, done.new, done.dead), (8, 8, 1));
}

#[test]
fn alerts_without_time_and_files_of_other_things_are_dead_letters() {
    let folder = TempDir::new().unwrap();
    let schema = r#"{"type": "record", "name": "alert", "fields": [{"name": "candid", "type": "long"}, {"name": "objectId", "type": "string"},
        {"name": "candidate", "type": {"type": "record", "name": "c", "fields": [{"name": "jd", "type": "double"}]}}]}"#;
    let packet = |jd: f64| [&[2, 2, b'a'][..], &jd.to_le_bytes()].concat();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("loose"), [packet(f64::NAN), packet(2_459_383.0)].concat()).unwrap();
    std::fs::write(at("empty"), "").unwrap();
    let options = IngestOptions { schema: Some(schema.into()), ..IngestOptions::default() };
    let archive = folder.path().join("archive");
    let done = ingest(&[at("loose"), at("empty")], &archive, &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.new, done.dead), (1, 1, 2));
    let mut reasons = Vec::new();
    read_dead_letters(done.dead_letters.unwrap(), |letter| {
        reasons.push(letter.reason);
        Ok(())
    })
    .unwrap();
    reasons.sort();
    assert_eq!(
        reasons,
        ["candidate.jd: found NaN, expected a time between 1972 and 2200", "the file is empty"]
    );
    let done = take_in(&[fixture("schemas/lsst.v11_0.alert.avsc")], &archive, 1 << 30);
    assert_eq!((done.read, done.dead), (0, 1));
    assert!(matches!(ingest(&[], &archive, &options, &Control::none()), Err(Error::NoFiles)));
    let missing =
        ingest(&[at("missing.avro")], &archive, &options, &Control::none()).unwrap_err().to_string();
    assert!(missing.contains("missing.avro"), "{missing}");
}

#[test]
fn an_ingest_that_is_stopped_goes_on_where_it_was() {
    let folder = TempDir::new().unwrap();
    let (input, archive) = (folder.path().join("in"), folder.path().join("archive"));
    let truth = simulate(
        &input,
        NightOptions { alerts: 600, corrupt: 3, late: 100, per_file: 1000, ..NightOptions::default() },
    );
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let options = IngestOptions { memory: 9 << 20, ..IngestOptions::default() };
    let mut tries = 0;
    let done = loop {
        tries += 1;
        assert!(tries < 500);
        calls.store(0, Ordering::Relaxed);
        stop.store(false, Ordering::Relaxed);
        // Each try comes a little further; the first not far.
        let count = |_| {
            if calls.fetch_add(1, Ordering::Relaxed) > 100 + tries {
                stop.store(true, Ordering::Relaxed)
            }
        };
        match ingest(
            std::slice::from_ref(&input),
            &archive,
            &options,
            &Control { progress: &count, stop: &stop },
        ) {
            Ok(done) => break done,
            Err(error) => assert!(matches!(error, Error::Interrupted), "{error}"),
        }
    };
    assert!(tries > 3 && done.resumed > 0, "{tries} tries, {done:?}");
    assert_eq!((done.read, done.new, done.repeated, done.dead), (597, 597, 0, 3));
    let damaged = truth.column_by_name("damaged").unwrap().as_boolean();
    let found: BTreeSet<i64> = there(&archive).into_values().flatten().collect();
    assert!(found == ids_of(&truth, |row| !damaged.value(row)));
}

#[test]
fn dead_letters_are_tried_again_and_none_is_lost_where_that_is_interrupted() {
    let folder = TempDir::new().unwrap();
    let (schema, packet) = packets(&bytes("ztf-3.3.avro"));
    let letters_of = |path: &Path| {
        let mut letters = BTreeMap::new();
        let keep = |letter: uranometria_alert::fs::DeadLetter| {
            assert!(letters.insert((letter.file.clone(), letter.packet), letter.bytes).is_none());
            Ok(())
        };
        read_dead_letters(path, keep).unwrap();
        letters
    };
    // Files of packets that lack their ends, 40 KiB each.
    let files: Vec<PathBuf> = (0..90)
        .map(|number| {
            let path = folder.path().join(format!("{number}.avro"));
            std::fs::write(&path, &packet[..40 << 10]).unwrap();
            path
        })
        .collect();
    let options = IngestOptions { schema: Some(schema), memory: 1 << 20, ..IngestOptions::default() };
    let archive = folder.path().join("archive");
    let done = ingest(&files, &archive, &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.dead), (0, 90));
    let first = folder.path().join("first.parquet");
    std::fs::rename(done.dead_letters.unwrap(), &first).unwrap();
    let stop = AtomicBool::new(false);
    let calls = AtomicU64::new(0);
    let count = |_| stop.store(calls.fetch_add(1, Ordering::Relaxed) > 70, Ordering::Relaxed);
    let control = Control { progress: &count, stop: &stop };
    let stopped = ingest(std::slice::from_ref(&first), &archive, &options, &control);
    assert!(matches!(stopped, Err(Error::Interrupted)), "{stopped:?}");
    let done = ingest(std::slice::from_ref(&first), &archive, &options, &Control::none()).unwrap();
    assert_eq!((done.read, done.dead), (0, 90));
    assert_eq!(letters_of(&done.dead_letters.unwrap()), letters_of(&first));
}

/// What the test below runs and kills: an ingest, where the variables tell of one.
#[test]
fn child_of_the_test_that_kills() {
    let (Some(input), Some(archive)) =
        (std::env::var_os("UR_TEST_INPUT"), std::env::var_os("UR_TEST_ARCHIVE"))
    else {
        return;
    };
    take_in(&[PathBuf::from(input)], Path::new(&archive), 9 << 20);
}

#[test]
fn kill_9_at_any_moment_and_the_same_again_leaves_every_alert_there_once() {
    let folder = TempDir::new().unwrap();
    let (input, archive) = (folder.path().join("in"), folder.path().join("archive"));
    let options = NightOptions {
        alerts: 1200,
        corrupt: 5,
        duplicates: 30,
        late: 200,
        per_file: 500,
        ..NightOptions::default()
    };
    let truth = simulate(&input, options);
    let damaged = truth.column_by_name("damaged").unwrap().as_boolean();
    let wanted = ids_of(&truth, |row| !damaged.value(row));
    let child = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "ingest::child_of_the_test_that_kills"]);
        command.env("UR_TEST_INPUT", &input).env("UR_TEST_ARCHIVE", &archive);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut random = 88_172_645_463_325_252_u64;
    let mut killed = 0;
    for _ in 0..10 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut running = child();
        let start = std::time::Instant::now();
        let wait = std::time::Duration::from_millis(20 + random % 400);
        while start.elapsed() < wait && running.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let ended = running.try_wait().unwrap().is_some();
        running.kill().unwrap();
        running.wait().unwrap();
        killed += u32::from(!ended);
        // Whenever it was killed: no alert is there twice, and none that is not true.
        let found: BTreeSet<i64> = there(&archive).into_values().flatten().collect();
        assert!(found.is_subset(&wanted));
        if ended {
            break;
        }
    }
    assert!(killed > 0);
    assert!(child().wait().unwrap().success());
    let found: BTreeSet<i64> = there(&archive).into_values().flatten().collect();
    assert!(found == wanted, "{} of {}", found.len(), wanted.len());
}

/// Takes in packets of a schema without a header.
fn take_in_loose(archive: &Path, schema: &str, packets: &[Vec<u8>]) -> Ingested {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("loose");
    std::fs::write(&path, packets.concat()).unwrap();
    let options = IngestOptions { schema: Some(schema.to_string()), ..IngestOptions::default() };
    ingest(&[path], archive, &options, &Control::none()).unwrap()
}

/// A schema of Rubin's alerts with some fields before the least that there are.
fn rubin(fields: &str) -> String {
    format!(
        r#"{{"type": "record", "name": "alert", "fields": [{fields}, {{"name": "diaSource", "type":
            {{"type": "record", "name": "s", "fields": [{{"name": "midpointMjdTai", "type": "double"}}]}}}}]}}"#
    )
}

fn at_night(start: &[u8]) -> Vec<u8> {
    [start, &61_041.2_f64.to_le_bytes()].concat()
}

fn parts_of(archive: &Path) -> Vec<PathBuf> {
    let all = Nights { first: date(1972, 1, 1), last: date(2100, 1, 1) };
    let nights = nights(archive, &all).unwrap();
    nights.into_iter().flat_map(|night| night.parts).map(|part| part.path).collect()
}

#[test]
fn what_else_is_in_the_folder_of_a_night_stays_there() {
    let folder = TempDir::new().unwrap();
    let archive = folder.path().join("archive");
    let night = NightOptions { alerts: 20, reduced: true, ..NightOptions::default() };
    for seed in [1, 2] {
        let input = folder.path().join(seed.to_string());
        simulate(&input, NightOptions { seed, ..night.clone() });
        assert_eq!(take_in(&[input], &archive, 1 << 30).new, 20);
        let there = parts_of(&archive).remove(0);
        let there = there.parent().unwrap();
        if seed == 1 {
            std::fs::write(there.join("notes.txt"), "of the weather").unwrap();
            std::fs::create_dir(there.join("plots")).unwrap();
            std::fs::write(there.join("plots/seeing.txt"), "1.9").unwrap();
        }
        assert_eq!(std::fs::read_to_string(there.join("notes.txt")).unwrap(), "of the weather");
        assert_eq!(std::fs::read_to_string(there.join("plots/seeing.txt")).unwrap(), "1.9");
    }
    assert_eq!(parts_of(&archive).len(), 1);
}

#[test]
fn alerts_that_a_file_of_another_name_has_are_not_added_again() {
    let folder = TempDir::new().unwrap();
    let (input, archive) = (folder.path().join("in"), folder.path().join("archive"));
    simulate(&input, NightOptions { alerts: 20, reduced: true, ..NightOptions::default() });
    take_in(std::slice::from_ref(&input), &archive, 1 << 30);
    let part = parts_of(&archive).remove(0);
    std::fs::rename(&part, part.with_file_name("of_a_broker.parquet")).unwrap();
    let done = take_in(&[input], &archive, 1 << 30);
    assert_eq!((done.new, done.repeated), (0, 20));
}

#[test]
fn alerts_of_one_night_may_have_their_numbers_in_different_fields() {
    let archive = TempDir::new().unwrap();
    let one = rubin(r#"{"name": "alertId", "type": "long"}"#);
    let both = rubin(r#"{"name": "diaSourceId", "type": "long"}, {"name": "alertId", "type": "long"}"#);
    let first = take_in_loose(archive.path(), &one, &[at_night(&[2]), at_night(&[4])]);
    assert_eq!((first.new, first.dead), (2, 0));
    let second = take_in_loose(archive.path(), &both, &[at_night(&[4, 4]), at_night(&[6, 6])]);
    assert_eq!((second.new, second.repeated), (1, 1));
    let again = take_in_loose(archive.path(), &one, &[at_night(&[2]), at_night(&[4]), at_night(&[6])]);
    assert_eq!((again.new, again.repeated), (0, 3));
    assert_eq!(parts_of(archive.path()).len(), 1);
}

#[test]
fn alerts_whose_columns_do_not_go_together_have_parts_of_their_own() {
    let archive = TempDir::new().unwrap();
    let of = |kind: &str| {
        rubin(&format!(r#"{{"name": "alertId", "type": "long"}}, {{"name": "x", "type": "{kind}"}}"#))
    };
    assert_eq!(take_in_loose(archive.path(), &of("int"), &[at_night(&[2, 2])]).new, 1);
    assert_eq!(take_in_loose(archive.path(), &of("string"), &[at_night(&[4, 2, b'x'])]).new, 1);
    assert_eq!(parts_of(archive.path()).len(), 2);
    assert_eq!(take_in_loose(archive.path(), &of("int"), &[at_night(&[2, 2])]).repeated, 1);
}

#[test]
fn what_finished_work_left_is_removed() {
    let folder = TempDir::new().unwrap();
    let left = folder.path().join("alerts/_ingest/done-1");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("run-000001.json"), "{}").unwrap();
    take_in(&[fixture("ztf-3.3.avro")], folder.path(), 1 << 30);
    assert!(!left.exists());
}

#[test]
fn a_false_number_of_packets_is_told_as_no_more_than_there_is_room_for() {
    let folder = TempDir::new().unwrap();
    let good = bytes("ztf-3.3.avro");
    let mut container =
        uranometria_alert::Container::open(uranometria_alert::Slice::new(&good)).unwrap().unwrap();
    let at = container.offset() as usize;
    let data = container.next_block().unwrap().unwrap().unwrap().data.len() as u64;
    let most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    let path = folder.path().join("a.avro");
    // Twice, so that the sum is one that no number has.
    let block = [&most[..], &good[at + 1..]].concat();
    std::fs::write(&path, [&good[..at], &block, &block].concat()).unwrap();
    let done = take_in(&[path], &folder.path().join("archive"), 1 << 30);
    assert_eq!((done.read, done.new), (2, 1));
    assert!(done.dead > 0 && done.dead <= 2 * data, "{}", done.dead);
}

#[test]
fn nights_of_different_seeds_have_different_alerts() {
    let number = |seed| {
        let night = Simulated::new(NightOptions { seed, ..NightOptions::default() }).unwrap();
        night.alerts(0..1).unwrap().1[0].candid
    };
    assert_eq!([1, 2, 11, 101].map(number).into_iter().collect::<BTreeSet<_>>().len(), 4);
}
