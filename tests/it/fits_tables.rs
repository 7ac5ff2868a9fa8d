//! Tables read and written again, before astropy and fitsverify.
//!
//! The inputs are those of data-fixtures/fits-tables, which astropy wrote. UR_PEERS_PYTHON and UR_FITSVERIFY are as in
//! module `peers`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use uranometria_fits::arrow::{ReadOptions, WriteOptions, fs as tables};
use uranometria_fits::fs::Durability;

fn program(variable: &str, usual: Option<&str>) -> OsString {
    let named = std::env::var_os(variable).filter(|path| !path.is_empty());
    named.or(usual.map(OsString::from)).unwrap_or_else(|| panic!("set {variable}"))
}

/// Runs a program and returns what it printed and whether it ended well.
#[track_caller]
fn run(command: &mut Command) -> (String, bool) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout) + &text(&output.stderr), output.status.success())
}

#[test]
fn astropy_finds_in_our_tables_what_it_wrote_itself() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-fixtures/fits-tables/types.fits");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fits_tables.py");
    let folder = tempfile::tempdir().unwrap();
    for name in ["FIXED", "HEAP", "HEAPQ", "GAPPED", "ODD"] {
        for short_descriptors in [false, true] {
            let copy: PathBuf = folder.path().join(format!("{name}-{short_descriptors}.fits"));
            let table = tables::open(&source, Some(name)).unwrap();
            let mut columns: Vec<usize> = (0..table.schema().fields().len()).collect();
            // The first two hold the number for null beside nulls of another number, the nulls of the third become
            // NaN, and astropy has one string where the last has two.
            let left_out = ["INT", "SHORTS", "SCALED", "STRINGS"];
            columns.retain(|&column| !left_out.contains(&table.schema().field(column).name().as_str()));
            let options = ReadOptions { columns: Some(columns), batch_rows: 2, ..ReadOptions::default() };
            let batches = table.read(&options).unwrap();
            let options = WriteOptions { short_descriptors, ..WriteOptions::default() };
            let mut new = tables::NewTable::create(&copy, batches.schema(), options).unwrap();
            for batch in batches {
                new.write(&batch.unwrap()).unwrap();
            }
            new.publish(Durability::Process).unwrap();

            let mut python = Command::new(program("UR_PEERS_PYTHON", None));
            let (said, well) = run(python.arg(&script).arg(&source).arg(name).arg(&copy));
            assert!(well && said.lines().any(|line| line.starts_with("ok ")), "{said}");
            let (said, _) = run(Command::new(program("UR_FITSVERIFY", Some("fitsverify"))).arg(&copy));
            assert!(said.contains(" and 0 error(s)."), "{said}");
            let warnings = said.lines().filter(|line| line.starts_with("*** Warning"));
            // Long strings are the standard's own since its version 4.0.
            let others: Vec<&str> = warnings.filter(|line| !line.contains("long string keyword")).collect();
            assert!(others.is_empty(), "{others:?}");
        }
    }
}
