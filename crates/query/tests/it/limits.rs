//! Limits of rows, time and memory, and answers that nobody waits for any more.

use std::time::{Duration, Instant};

use uranometria_query::{Error, Request, Resources};

use crate::support::{Archive, texts};

/// Numbers from 0, many.
fn numbers(resources: &Resources, count: usize) -> Archive {
    let mut archive = Archive::empty(resources);
    let column = |of: fn(usize) -> f64| (0..count).map(|row| Some(of(row))).collect::<Vec<_>>();
    archive.add(
        "t.n",
        &[("n", column(|row| row as f64)), ("m", column(|row| (row.wrapping_mul(7919) % 1_000_003) as f64))],
    );
    archive
}

#[test]
fn more_rows_than_wanted_are_told() {
    let archive = numbers(&Resources::default(), 30_000);
    let query = "SELECT n FROM t.n ORDER BY n";
    for (limit, given, overflowed) in [
        (None, 30_000, false),
        (Some(30_000), 30_000, false),
        (Some(29_999), 29_999, true),
        (Some(0), 0, true),
    ] {
        let (rows, more) = archive.ask(&Request { max_rows: limit, ..Request::new(query) }).unwrap();
        assert_eq!((rows.num_rows(), more), (given, overflowed), "{limit:?}");
    }
    let top = Request { max_rows: Some(5), ..Request::new("SELECT TOP 5 n FROM t.n ORDER BY n DESC") };
    let (rows, more) = archive.ask(&top).unwrap();
    assert_eq!(
        (texts(&rows), more),
        (["29999.0", "29998.0", "29997.0", "29996.0", "29995.0"].map(String::from).to_vec(), false)
    );
    let none = Request { max_rows: Some(0), ..Request::new("SELECT n FROM t.n WHERE n < 0") };
    assert!(!archive.ask(&none).unwrap().1);
}

#[test]
fn a_query_ends_at_its_limit_of_time() {
    let archive = numbers(&Resources::default(), 20_000);
    // 4e8 pairs.
    let query = "SELECT COUNT(*) AS n FROM t.n AS a JOIN t.n AS b ON a.m * b.n + SIN(a.n) * b.m > a.n * b.m + COS(b.n)";
    let start = Instant::now();
    let limit = Some(Duration::from_millis(200));
    let error = archive.ask(&Request { time_limit: limit, ..Request::new(query) }).unwrap_err();
    assert!(matches!(error, Error::TimeOut { .. }) && error.to_string().contains("0.2 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn sorts_beyond_the_memory_go_to_files_and_what_cannot_is_an_error() {
    let spill = tempfile::tempdir().unwrap();
    let resources = Resources { memory: 16 << 20, threads: 1, spill: Some(spill.path().to_path_buf()) };
    let archive = numbers(&resources, 1_500_000);
    let rows = archive.rows("SELECT m, n FROM t.n ORDER BY m, n");
    let sorted = |rows: &arrow_array::RecordBatch| {
        let (m, n) = (crate::support::doubles(rows, "m"), crate::support::doubles(rows, "n"));
        m.iter().zip(&n).is_sorted_by(|a, b| a.0 < b.0 || a.0 == b.0 && a.1 < b.1)
    };
    assert!(rows.num_rows() == 1_500_000 && sorted(&rows));
    // Files are gone when the answer is.
    drop(archive);
    let left = std::fs::read_dir(spill.path()).unwrap().count();
    assert_eq!(left, 0);

    let archive = numbers(&Resources { memory: 1 << 20, ..Resources::default() }, 300_000);
    let error =
        archive.ask(&Request::new("SELECT a.n FROM t.n AS a JOIN t.n AS b ON a.n = b.m")).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }) && error.to_string().contains("1 MiB"), "{error}");
}
