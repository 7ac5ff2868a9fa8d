use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, UInt32Array};
use arrow_schema::{Field, Fields};
use arrow_select::concat::concat_batches;
use arrow_select::take::take;
use flate2::write::GzEncoder;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uranometria_catalog::Error;
use uranometria_catalog::fs::{
    AppendOptions, Catalog, Control, ImportOptions, Progress, Query, append, import, verify,
};
use uranometria_fits::arrow::WriteOptions;
use uranometria_fits::arrow::fs::NewTable;
use uranometria_fits::fs::Durability;

use crate::support::{catalogue, stars, table, tree, write_parquet};

#[test]
fn every_row_is_in_the_catalogue_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(30_000, 1);
    let (out, imported) = catalogue(folder.path(), "stars", &ra, &dec, 2000);
    assert_eq!((imported.rows, imported.skipped, imported.resumed), (30_000, 0, 0));
    let verified = verify(&out, &Control::none()).unwrap();
    assert_eq!((verified.rows, verified.problems), (30_000, vec![]));
    let catalog = Catalog::open(&out).unwrap();
    assert!(catalog.parts().len() > 20 && catalog.rows().unwrap() == 30_000);
    let mut seen = BTreeSet::new();
    for part in catalog.parts() {
        assert!(part.rows().unwrap() <= 2000 || part.pixel().order == 10);
        let file = fs::File::open(part.path()).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let column = |n: usize| batch.column(n).as_primitive::<Float64Type>();
            for (row, id) in batch.column(1).as_primitive::<Int64Type>().values().iter().enumerate() {
                assert!(seen.insert(*id));
                let n = usize::try_from(*id).unwrap();
                assert_eq!((column(2).value(row), column(3).value(row)), (ra[n], dec[n]));
                let name = batch.column(5).as_string::<i32>();
                assert_eq!(
                    name.iter().nth(row).flatten(),
                    (id % 5 != 0).then(|| format!("star {id}")).as_deref()
                );
            }
        }
    }
    assert_eq!(seen.len(), 30_000);
    assert_eq!(catalog.schema().field(2).metadata()["ucd"], "pos.eq.ra;meta.main");
}

#[test]
fn an_interrupted_import_goes_on_and_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(60_000, 2);
    let input = [write_parquet(&folder.path().join("in.parquet"), &table(&ra, &dec, 0))];
    // One MiB a run, the least: several runs.
    let options = ImportOptions {
        rows_per_partition: 5000,
        memory: 1,
        threads: 2,
        date: Some("2026-01-01T00:00UTC".into()),
        ..ImportOptions::default()
    };
    let whole = folder.path().join("whole").join("stars");
    fs::create_dir(whole.parent().unwrap()).unwrap();
    let calls = AtomicU64::new(0);
    let count = |_: Progress| {
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let watched = Control { progress: &count, ..Control::none() };
    import(&input, &whole, &options, &watched).unwrap();
    let (wanted, calls) = (tree(&whole), calls.into_inner());
    assert!(calls > 30, "{calls}");
    let mut resumed = 0;
    for stop_at in (1..calls).step_by(7) {
        let out = folder.path().join(format!("at{stop_at}")).join("stars");
        fs::create_dir(out.parent().unwrap()).unwrap();
        let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
        let stopping = |_: Progress| {
            if calls.fetch_add(1, Ordering::Relaxed) + 1 == stop_at {
                stop.store(true, Ordering::Relaxed);
            }
        };
        match import(&input, &out, &options, &Control { progress: &stopping, stop: &stop }) {
            Err(Error::Interrupted) => assert!(!out.exists()),
            // The last call may come too late to stop anything.
            other => assert!(other.is_ok() && stop_at + 3 > calls.into_inner(), "{other:?}"),
        }
        // As if a later run had been finished first, and with other memory from here on.
        let (first, memory) =
            (out.with_file_name(".stars.work").join("run-000000.arrow"), (stop_at % 3) << 22);
        if stop_at.is_multiple_of(3) && first.exists() {
            fs::remove_file(first).unwrap();
        }
        let options = ImportOptions { memory, ..options.clone() };
        let imported = import(&input, &out, &options, &Control::none()).unwrap();
        resumed = resumed.max(imported.resumed);
        assert!(tree(&out) == wanted, "stopped at {stop_at}");
        assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
    }
    assert!(resumed > 30_000, "{resumed}");
}

#[test]
fn memory_and_threads_do_not_change_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(40_000, 3);
    let input = [write_parquet(&folder.path().join("in.parquet"), &table(&ra, &dec, 0))];
    let mut trees = Vec::new();
    for (memory, threads) in [(1, 3), (1 << 30, 1)] {
        let options = ImportOptions {
            memory,
            threads,
            name: Some("stars".into()),
            date: Some("2026".into()),
            ..ImportOptions::default()
        };
        let out = folder.path().join(format!("by{threads}"));
        import(&input, &out, &options, &Control::none()).unwrap();
        trees.push(tree(&out));
    }
    assert!(trees[0] == trees[1]);
}

#[test]
fn a_row_without_position_is_named_and_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("a.csv");
    fs::write(&csv, "id,RA,Dec,mag\n1,10.5,20.25,3\n2,,1,4.5\n3,11,91,\n4,x,0,1\n5,12,-90,2\n").unwrap();
    let out = folder.path().join("out");
    let mut options = ImportOptions { ra: "ra".into(), dec: "dec".into(), ..ImportOptions::default() };
    let error = import(std::slice::from_ref(&csv), &out, &options, &Control::none()).unwrap_err().to_string();
    assert!(
        error.contains("a.csv: row 2, ra: found no number, expected degrees from -360 to 360"),
        "{error}"
    );
    options.skip_bad = true;
    let imported = import(std::slice::from_ref(&csv), &out, &options, &Control::none()).unwrap();
    let skipped: Vec<(u64, &str)> =
        imported.skipped_rows.iter().map(|row| (row.row, row.column.as_str())).collect();
    assert_eq!((imported.rows, imported.skipped), (2, 3));
    assert_eq!(skipped, [(2, "ra"), (3, "dec"), (4, "ra")]);
    assert_eq!(verify(&out, &Control::none()).unwrap().problems, Vec::<String>::new());

    options.ra = "RAJ".into();
    let error = import(&[csv], &out, &options, &Control::none()).unwrap_err().to_string();
    assert!(error.contains("column RAJ is not there; did you mean RA?"), "{error}");
}

#[test]
fn tables_of_text_with_whole_and_other_numbers_become_one_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.csv"), folder.path().join("b.csv"));
    fs::write(&a, "ra,dec,x\n1,2,3\n").unwrap();
    fs::write(&b, "x,dec,ra\n3.5,2.5,1\n").unwrap();
    let out = folder.path().join("out");
    import(&[a.clone(), b], &out, &ImportOptions::default(), &Control::none()).unwrap();
    let catalog = Catalog::open(&out).unwrap();
    assert_eq!(catalog.rows().unwrap(), 2);
    assert!(catalog.schema().field(3).data_type().is_floating());
    fs::write(folder.path().join("c.csv"), "ra,dec\n1,2\n").unwrap();
    let error = import(&[a, folder.path().join("c.csv")], &out, &ImportOptions::default(), &Control::none());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("c.csv: its columns are not those of") && error.contains("column x is missing"),
        "{error}"
    );
}

#[test]
fn a_fits_table_gives_the_rows_of_the_same_parquet_table() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(2000, 9);
    let batch = table(&ra, &dec, 0).project(&[0, 1, 2]).unwrap();
    let fits = folder.path().join("in.fits");
    let mut writer = NewTable::create(&fits, batch.schema_ref(), WriteOptions::default()).unwrap();
    writer.write(&batch).unwrap();
    writer.publish(Durability::Process).unwrap();
    let mut rows = Vec::new();
    for (name, input) in [("a", fits), ("b", write_parquet(&folder.path().join("in.parquet"), &batch))] {
        let out = folder.path().join(name);
        import(&[input], &out, &ImportOptions::default(), &Control::none()).unwrap();
        let catalog = Catalog::open(&out).unwrap();
        assert_eq!(catalog.schema().field(2).metadata()["ucd"], "pos.eq.ra;meta.main");
        let found: Vec<_> = catalog.search(&Query::default()).unwrap().map(Result::unwrap).collect();
        let values = |n: usize| -> Vec<_> { found.iter().map(|batch| batch.column(n).clone()).collect() };
        rows.push([values(0), values(1), values(2), values(3)]);
    }
    assert!(rows[0] == rows[1]);
}

/// The rows of a catalogue, column by column.
fn rows(path: &Path) -> Vec<ArrayRef> {
    let catalog = Catalog::open(path).unwrap();
    let found: Vec<_> = catalog.search(&Query::default()).unwrap().map(Result::unwrap).collect();
    concat_batches(catalog.schema(), &found).unwrap().columns().to_vec()
}

#[test]
fn text_of_every_kind_gives_the_rows_of_the_same_parquet_table() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (ra, dec) = stars(3000, 10);
    let batch = table(&ra, &dec, 0);
    let made = |name: &str, input: PathBuf| {
        let out = at(name);
        import(&[input], &out, &ImportOptions::default(), &Control::none()).unwrap();
        out
    };
    let wanted = rows(&made("wanted", write_parquet(&at("in.parquet"), &batch)));
    // Numbers as `{}` writes them are read back as they were.
    let text = |delimiter: &str, null: &str| {
        let mut text = ["id", "ra", "dec", "mag", "name"].join(delimiter) + "\n";
        let (mag, name) = (batch.column(3).as_primitive::<Float64Type>(), batch.column(4).as_string::<i32>());
        for id in 0..3000 {
            let mag = if mag.is_valid(id) { mag.value(id).to_string() } else { null.to_string() };
            let name = if name.is_valid(id) { format!("\"{}\"", name.value(id)) } else { null.to_string() };
            let row = [id.to_string(), ra[id].to_string(), dec[id].to_string(), mag, name];
            text.push_str(&(row.join(delimiter) + "\n"));
        }
        text
    };
    let header = |delimiter: &str| {
        let mut header = format!("# %ECSV 1.0\n# ---\n# delimiter: '{delimiter}'\n# datatype:\n");
        for (name, kind) in
            [("id", "int64"), ("ra", "float64"), ("dec", "float64"), ("mag", "float64"), ("name", "string")]
        {
            header.push_str(&format!(
                "# - {{name: {name}, datatype: {kind}, unit: u, description: '{name}: told'}}\n"
            ));
        }
        header
    };
    let packed = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Default::default());
        // In two members, as some writers make them.
        encoder.write_all(&text.as_bytes()[..1000]).unwrap();
        let mut bytes = encoder.finish().unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Default::default());
        encoder.write_all(&text.as_bytes()[1000..]).unwrap();
        bytes.extend(encoder.finish().unwrap());
        bytes
    };
    for (name, bytes) in [
        ("a.csv", text(",", "").into_bytes()),
        ("b.tsv", text("\t", "").into_bytes()),
        ("c.csv.gz", packed(&text(",", ""))),
        ("d.ecsv", (header(",") + &text(",", "null")).into_bytes()),
        ("e.ecsv", (header(" ") + &text(" ", "\"\"")).into_bytes()),
        ("f.csv.gz", packed(&(header(",") + &text(",", "null")))),
        ("g.ecsv", ("\u{feff}".to_string() + &header(",") + &text(",", "null")).into_bytes()),
    ] {
        fs::write(at(name), bytes).unwrap();
        let out = made(&format!("{name}.out"), at(name));
        assert!(rows(&out) == wanted, "{name}");
        let told = Catalog::open(&out).unwrap().schema().field(2).metadata().get("description").cloned();
        assert_eq!(told.as_deref(), (name.contains("ecsv") || name.starts_with('f')).then_some("ra: told"));
    }
    let again = made("again", at("wanted"));
    assert!(rows(&again) == wanted);
    assert_eq!(Catalog::open(&again).unwrap().schema().field(2).metadata()["unit"], "deg");
}

#[test]
fn light_curves_within_rows_come_through() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(3000, 14);
    let (mut light, mut bands) =
        (ListBuilder::new(Float64Builder::new()), ListBuilder::new(StringBuilder::new()));
    for id in 0..3000 {
        (0..id % 4).for_each(|n| light.values().append_value(f64::from(id) + f64::from(n) / 8.0));
        (0..id % 4).for_each(|n| bands.values().append_option((n % 2 == 0).then_some("g")));
        light.append(id % 7 != 0);
        bands.append(true);
    }
    let columns: [(&str, ArrayRef); 2] =
        [("mjd", Arc::new(light.finish())), ("band", Arc::new(bands.finish()))];
    let fields: Fields =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let curves = StructArray::new(fields, columns.map(|(_, array)| array).to_vec(), None);
    let plain = table(&ra, &dec, 0);
    let mut all: Vec<(&str, ArrayRef)> = vec![("curve", Arc::new(curves))];
    all.extend(["id", "ra", "dec"].into_iter().zip(plain.columns().iter().cloned()));
    let batch = RecordBatch::try_from_iter(all).unwrap();
    let input = [write_parquet(&folder.path().join("in.parquet"), &batch)];
    let out = folder.path().join("out");
    let options = ImportOptions { rows_per_partition: 500, memory: 1 << 20, ..ImportOptions::default() };
    import(&input, &out, &options, &Control::none()).unwrap();
    assert_eq!(verify(&out, &Control::none()).unwrap().problems, [""; 0]);
    let found = rows(&out);
    let ids: UInt32Array =
        found[2].as_primitive::<Int64Type>().values().iter().map(|id| *id as u32).collect();
    assert_eq!(found[1].to_data(), take(batch.column(0), &ids, None).unwrap().to_data());
}

#[test]
fn what_is_no_table_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let refused = |name: &str| {
        let error = import(&[at(name)], at("out"), &ImportOptions::default(), &Control::none()).unwrap_err();
        assert!(!at("out").exists());
        error.to_string()
    };
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    assert!(refused("pipe").contains("is a pipe or device, and tables are read several times"));
    fs::create_dir(at("folder")).unwrap();
    assert!(refused("folder").contains("is a folder that is no HATS catalogue; give files of parquet"));
    fs::write(at("a.ecsv"), "# %ECSV 1.0\n# ---\n# datatype: 5\nra,dec\n1,2\n").unwrap();
    assert!(refused("a.ecsv").contains("a.ecsv: its comments begin as those of ECSV and are not"));
    fs::write(
        at("b.ecsv"),
        "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: ra, datatype: float64}\n# - {name: dec, datatype: \
         float64}\ndec,ra\n1,2\n",
    )
    .unwrap();
    let error = refused("b.ecsv");
    assert!(error.contains("b.ecsv: ") && error.contains("dec"), "{error}");
    fs::write(at("c.gz"), [0x1f, 0x8b, 8, 0, 0, 0]).unwrap();
    assert!(refused("c.gz").contains("c.gz: cannot read it"));
    let url = PathBuf::from("s3://bucket/out");
    fs::write(at("d.csv"), "ra,dec\n1,2\n").unwrap();
    let error = import(&[at("d.csv")], url, &ImportOptions::default(), &Control::none()).unwrap_err();
    assert!(error.to_string().contains("expected a folder of this machine"), "{error}");
}

#[test]
fn a_catalogue_that_was_set_aside_gets_its_name_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (ra, dec) = stars(100, 12);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 500);
    let more = [write_parquet(&at("more.parquet"), &table(&[1.0], &[2.0], 100))];
    let set_aside = at(".stars.old");
    let append = || append(&out, &more, &AppendOptions::default(), &Control::none());
    // Ended between the two steps, once with a folder that somebody made since.
    for empty in [false, true] {
        fs::rename(&out, &set_aside).unwrap();
        if empty {
            fs::create_dir(&out).unwrap();
        }
        let rows = Catalog::open(&set_aside).unwrap().rows().unwrap();
        let appended = append().unwrap();
        assert_eq!(appended.map_or(rows, |appended| appended.rows), 101);
        assert!(out.exists() && !set_aside.exists());
    }
    // Ended before the old one was removed.
    catalogue(folder.path(), "other", &ra, &dec, 500);
    fs::rename(at("other"), &set_aside).unwrap();
    assert!(append().unwrap().is_none());
    assert!(!set_aside.exists());
    assert_eq!(Catalog::open(&out).unwrap().rows().unwrap(), 101);
    // Nothing of ours.
    fs::create_dir(&set_aside).unwrap();
    assert!(append().unwrap().is_none());
    assert!(set_aside.exists());
}

#[test]
fn a_catalogue_is_not_made_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(100, 13);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 500);
    let itself = [out.clone()];
    let error = append(&out, &itself, &AppendOptions::default(), &Control::none()).unwrap_err();
    assert!(error.to_string().contains("lies inside"), "{error}");
    let error = import(&itself, &out, &ImportOptions::default(), &Control::none()).unwrap_err();
    assert!(error.to_string().contains("lies inside"), "{error}");
    assert_eq!(Catalog::open(&out).unwrap().rows().unwrap(), 100);
}

#[test]
fn the_epoch_of_catalogues_stays_and_is_not_mixed_with_another() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(300, 7);
    let table = write_parquet(&folder.path().join("t.parquet"), &table(&ra, &dec, 0));
    let made = |name: &str, tables: &[&Path], epoch: Option<f64>| {
        let tables: Vec<PathBuf> = tables.iter().map(|table| table.to_path_buf()).collect();
        let options = ImportOptions { ra: "ra".into(), dec: "dec".into(), epoch, ..ImportOptions::default() };
        let out = folder.path().join(name);
        import(&tables, &out, &options, &Control::none()).map(|_| out)
    };
    let epoch = |path: &PathBuf| Catalog::open(path).unwrap().epoch();
    let old = made("old", &[&table], Some(1991.25)).unwrap();
    let new = made("new", &[&table], Some(2016.0)).unwrap();
    let none = made("none", &[&table], None).unwrap();
    assert_eq!(epoch(&none), None);
    assert_eq!(epoch(&made("again", &[&old], None).unwrap()), Some(1991.25));
    assert_eq!(epoch(&made("twice", &[&old, &old], None).unwrap()), Some(1991.25));
    assert_eq!(epoch(&made("other", &[&old], Some(2000.0)).unwrap()), Some(2000.0));
    // Of other positions nobody knows it.
    let options =
        ImportOptions { ra: "mag".into(), dec: "dec".into(), skip_bad: true, ..ImportOptions::default() };
    let swapped = folder.path().join("swapped");
    import(std::slice::from_ref(&old), &swapped, &options, &Control::none()).unwrap();
    assert_eq!(epoch(&swapped), None);
    // Nobody knows that of all rows.
    assert_eq!(epoch(&made("half", &[&old, &table], None).unwrap()), None);
    let error = made("both", &[&old, &new], None).unwrap_err().to_string();
    assert!(error.contains("the epoch is 1991.25 of some rows and 2016 of others"), "{error}");
    assert_eq!(epoch(&made("given", &[&old, &new], Some(2000.0)).unwrap()), Some(2000.0));
    let append = |to: &PathBuf, more: &PathBuf| {
        append(to, std::slice::from_ref(more), &AppendOptions::default(), &Control::none())
    };
    let error = append(&new, &old).unwrap_err().to_string();
    assert!(error.contains("2016 of some rows and 1991.25 of others"), "{error}");
    append(&new, &none).unwrap();
    assert_eq!(epoch(&new), Some(2016.0));
}

#[test]
fn a_folder_that_is_no_catalogue_is_not_replaced_but_an_older_catalogue_is() {
    let folder = tempfile::tempdir().unwrap();
    let input = [write_parquet(&folder.path().join("in.parquet"), &table(&[1.0], &[2.0], 0))];
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("thesis.tex"), "").unwrap();
    let error = import(&input, &out, &ImportOptions::default(), &Control::none()).unwrap_err();
    assert!(error.to_string().contains("no HATS catalogue"), "{error}");
    fs::remove_file(out.join("thesis.tex")).unwrap();
    for _ in 0..2 {
        import(&input, &out, &ImportOptions::default(), &Control::none()).unwrap();
        assert_eq!(Catalog::open(&out).unwrap().rows().unwrap(), 1);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_changed_catalogue_does_not_verify() {
    let folder = tempfile::tempdir().unwrap();
    let (ra, dec) = stars(3000, 4);
    let (out, _) = catalogue(folder.path(), "stars", &ra, &dec, 500);
    let properties = out.join("hats.properties");
    let text = fs::read_to_string(&properties).unwrap();
    fs::write(&properties, text.replace("hats_nrows=3000", "hats_nrows=2999")).unwrap();
    let problems = verify(&out, &Control::none()).unwrap().problems;
    assert_eq!(problems, ["property hats_nrows: found 2999, expected 3000"]);
    let catalog = Catalog::open(&out).unwrap();
    let (one, two) = (catalog.parts()[0].path(), catalog.parts()[1].path());
    fs::copy(one, two).unwrap();
    fs::copy(one, two.with_file_name("Npix=7000000.parquet")).unwrap();
    let problems = verify(&out, &Control::none()).unwrap().problems;
    assert!(problems.iter().any(|problem| problem.contains("is not in Norder")), "{problems:?}");
    let stray = "Npix=7000000.parquet: is not in partition_info.csv; remove it";
    assert!(problems.iter().any(|problem| problem.ends_with(stray)), "{problems:?}");
}
