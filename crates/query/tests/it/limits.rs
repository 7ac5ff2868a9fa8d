//! Limits of rows, time and memory, and answers that nobody waits for any more.

use std::time::{Duration, Instant};

use uranometria_query::{Error, Request, Resources};

use crate::support::{Archive, doubles, texts};

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
        let (m, n) = (doubles(rows, "m"), doubles(rows, "n"));
        m.iter().zip(&n).is_sorted_by(|a, b| a.0 < b.0 || a.0 == b.0 && a.1 < b.1)
    };
    assert!(rows.num_rows() == 1_500_000 && sorted(&rows));
    // Files are gone when the answer is.
    drop(archive);
    let left = std::fs::read_dir(spill.path()).unwrap().count();
    assert_eq!(left, 0);

    let archive = numbers(&Resources { memory: 1 << 20, ..Resources::default() }, 300_000);
    let query = "SELECT a.n FROM t.n AS a FULL OUTER JOIN t.n AS b ON DISTANCE(a.n, a.m, b.n, b.m) < 0.1";
    let error = archive.ask(&Request::new(query)).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }) && error.to_string().contains("1 MiB"), "{error}");
}

#[test]
fn a_join_beyond_the_memory_is_done_by_sorting_and_goes_to_files() {
    let spill = tempfile::tempdir().unwrap();
    for threads in [1, 2] {
        let folder = Some(spill.path().to_path_buf());
        let archive = numbers(&Resources { memory: 24 << 20, threads, spill: folder }, 1_500_000);
        let query = "SELECT a.n AS n, b.m AS m FROM t.n AS a JOIN t.n AS b ON a.n = b.m WHERE b.n < 1000000";
        let rows = archive.rows(query);
        // 7919 and 1,000,003 have no common factor: the first million of m are all different, and as many as are below
        // 1,500,000.
        assert_eq!(rows.num_rows(), 1_000_000, "{threads} threads");
        assert_eq!(doubles(&rows, "n"), doubles(&rows, "m"));
        assert!(archive.plan(query).contains("HashJoinExec"));
    }
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0);
}

#[test]
fn a_join_by_position_beyond_the_memory_is_done_in_passes() {
    let stars = |resources: &Resources| {
        let mut archive = Archive::empty(resources);
        // The engine begins with the smaller side.
        let (left, right) = (200_000, 300_000);
        let at = |n: usize, of: usize| {
            Some((n as f64 * 0.618_033_988_75).fract() * 360.0 * (n % of + 1) as f64 / of as f64)
        };
        let column = |count: usize, of: usize| (0..count).map(|n| at(n, of)).collect::<Vec<_>>();
        let dec = |count: usize| {
            (0..count).map(|n| Some((n * 7919 % 1700) as f64 / 10.0 - 85.0)).collect::<Vec<_>>()
        };
        let id = |count: usize| (0..count).map(|n| Some(n as f64)).collect::<Vec<_>>();
        archive.add("t.l", &[("id", id(left)), ("ra", column(left, 7)), ("dec", dec(left))]);
        archive.add("t.r", &[("id", id(right)), ("ra", column(right, 11)), ("dec", dec(right))]);
        archive
    };
    let near = "ON DISTANCE(l.ra, l.dec, r.ra, r.dec) < 0.05";
    let kinds = [
        format!("SELECT l.id AS a, r.id AS b FROM t.l AS l JOIN t.r AS r {near} ORDER BY a, b"),
        format!("SELECT l.id AS a, r.id AS b FROM t.l AS l LEFT OUTER JOIN t.r AS r {near} ORDER BY a, b"),
        format!("SELECT COUNT(*) AS n FROM t.l AS l JOIN t.r AS r {near}"),
        "SELECT id FROM t.l AS l WHERE NOT EXISTS (SELECT id FROM t.r AS r WHERE DISTANCE(l.ra, l.dec, r.ra, r.dec) < 0.05) \
         ORDER BY id".to_string(),
    ];
    let plenty = stars(&Resources::default());
    for threads in [1, 2] {
        // The left rows alone take 5 MB, their index 20.
        let little = stars(&Resources { memory: 12 << 20, threads, ..Resources::default() });
        for query in &kinds {
            let wanted = plenty.rows(query);
            assert!(wanted.num_rows() > 0);
            assert_eq!(little.rows(query), wanted, "{query}");
        }
    }
    // Which right rows have no partner no pass can tell.
    let little = stars(&Resources { memory: 4 << 20, ..Resources::default() });
    let full = format!("SELECT l.id AS a, r.id AS b FROM t.l AS l FULL OUTER JOIN t.r AS r {near}");
    let error = little.ask(&Request::new(&full)).unwrap_err();
    assert!(matches!(error, Error::Memory { .. }), "{error}");
    assert!(error.to_string().contains("the left rows of a join by position"), "{error}");
    // Nor is a right side read again that may have other rows then: some of many, by number or by chance.
    for some in ["SELECT TOP 250000 id, ra, dec FROM t.r", "SELECT id, ra, dec FROM t.r WHERE RAND() < 0.8"] {
        let of_some = format!(
            "SELECT l.id AS a, r.id AS b FROM t.l AS l LEFT OUTER JOIN ({some}) AS r {near} ORDER BY a, b"
        );
        let error = little.ask(&Request::new(&of_some)).unwrap_err();
        assert!(matches!(error, Error::Memory { .. }), "{error}");
    }
    // A batch of left rows that does not fit is parted.
    let few = "SELECT COUNT(*) AS n FROM t.l AS l JOIN t.r AS r";
    let few = format!("{few} {near} WHERE r.id < 3000 AND l.id < 40000");
    let tiny = stars(&Resources { memory: 3 << 20, threads: 1, ..Resources::default() });
    assert_eq!(tiny.rows(&few), plenty.rows(&few));
}

#[test]
fn a_left_side_that_fails_is_not_begun_again() {
    let mut archive = Archive::empty(&Resources { memory: 4 << 20, threads: 2, ..Resources::default() });
    let column = |by: f64| (0..200_000).map(|n| Some((f64::from(n) * by).fract() * 80.0)).collect::<Vec<_>>();
    archive.add(
        "t.l",
        &[("id", column(0.618_033_988_7)), ("ra", column(0.732_050_807_6)), ("dec", column(0.414_213_562_4))],
    );
    let grouped = "(SELECT id, MAX(ra) AS ra, MAX(dec) AS dec FROM t.l GROUP BY id)";
    let query = format!(
        "SELECT COUNT(*) AS n FROM {grouped} AS a FULL OUTER JOIN {grouped} AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.01"
    );
    for _ in 0..5 {
        let error = archive.ask(&Request::new(&query)).unwrap_err();
        assert!(matches!(error, Error::Memory { .. }), "{error}");
    }
}

#[test]
fn ten_queries_at_once_finish_within_the_memory_of_all() {
    let resources = Resources { memory: 160 << 20, threads: 1, ..Resources::default() };
    let archive = numbers(&resources, 300_000);
    let query = "SELECT m, n FROM t.n ORDER BY m DESC, n";
    let found = archive.runtime.block_on(async {
        let one = || async {
            let mut answer = archive.session.run(&Request::new(query)).await?;
            let (mut rows, mut last) = (0, f64::INFINITY);
            while let Some(batch) = answer.next().await {
                let m = doubles(&batch?, "m");
                assert!(m.first().is_none_or(|first| *first <= last) && m.is_sorted_by(|a, b| a >= b));
                (rows, last) = (rows + m.len(), m.last().copied().unwrap_or(last));
            }
            Ok::<_, Error>(rows)
        };
        futures_util::future::join_all((0..10).map(|_| one())).await
    });
    for rows in found {
        assert_eq!(rows.unwrap(), 300_000);
    }
}

#[test]
fn an_answer_that_is_dropped_gives_its_threads_back() {
    let archive = numbers(&Resources { threads: 1, ..Resources::default() }, 200_000);
    // Of the pairs of the second none holds, so that nothing comes out between.
    for condition in
        ["a.m * b.n + SIN(a.n) * b.m > a.n * b.m + COS(b.n)", "SIN(a.n) * COS(b.n) > 2 + SIN(b.m)"]
    {
        let long = format!("SELECT COUNT(*) AS n FROM t.n AS a JOIN t.n AS b ON {condition}");
        archive.runtime.block_on(async {
            let mut answer = archive.session.run(&Request::new(&long)).await.unwrap();
            let early = tokio::time::timeout(Duration::from_millis(300), answer.next()).await;
            assert!(early.is_err(), "it was done already");
        });
        let start = Instant::now();
        assert_eq!(archive.texts("SELECT COUNT(*) AS n FROM t.n"), ["200000"]);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}: {condition}", start.elapsed());
    }
}

#[test]
fn a_slow_reader_is_told_that_the_time_is_over() {
    let archive = numbers(&Resources { threads: 1, ..Resources::default() }, 200_000);
    let request =
        Request { time_limit: Some(Duration::from_millis(300)), ..Request::new("SELECT n, m FROM t.n") };
    let error = archive.runtime.block_on(async {
        let mut answer = archive.session.run(&request).await.unwrap();
        loop {
            match answer.next().await {
                Some(Ok(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
                Some(Err(error)) => break error,
                None => panic!("it was given whole"),
            }
        }
    });
    assert!(matches!(error, Error::TimeOut { .. }), "{error}");
    let endless =
        Request { time_limit: Some(Duration::MAX), ..Request::new("SELECT n FROM t.n WHERE n < 3") };
    assert_eq!(archive.ask(&endless).unwrap().0.num_rows(), 3);
}

#[test]
fn a_join_by_position_that_finds_nothing_ends_at_its_limit_too() {
    let mut archive = Archive::empty(&Resources { threads: 1, ..Resources::default() });
    let column = |of: fn(usize) -> f64| (0..30_000).map(|row| Some(of(row))).collect::<Vec<_>>();
    archive.add(
        "t.s",
        &[("ra", column(|row| row as f64 * 0.01)), ("dec", column(|row| row as f64 * 1e-3 - 15.0))],
    );
    let query = "SELECT COUNT(*) AS n FROM t.s AS a JOIN t.s AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) <= 170 \
                 AND a.ra + b.dec < -1000";
    assert!(archive.plan(query).contains("PositionJoin"));
    let start = Instant::now();
    let limit = Some(Duration::from_millis(200));
    let error = archive.ask(&Request { time_limit: limit, ..Request::new(query) }).unwrap_err();
    assert!(matches!(error, Error::TimeOut { .. }), "{error}");
    assert_eq!(archive.texts("SELECT COUNT(*) AS n FROM t.s"), ["30000"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// Engines nest what stands in a row, and go down step by step.
#[test]
fn long_chains_and_wide_joins_need_no_more_stack_than_there_is() {
    let mut archive = Archive::empty(&Resources::default());
    let wide: Vec<String> = (0..400).map(|n| format!("c{n}")).collect();
    let columns: Vec<(&str, Vec<Option<f64>>)> =
        wide.iter().map(|name| (name.as_str(), vec![Some(1.0)])).collect();
    archive.add("t.wide", &columns);
    let long = 1_000;
    let count = |condition: &str| format!("SELECT COUNT(*) AS n FROM wide WHERE {condition}");
    let chain = |link: &str| (0..long).map(|n| format!("c{} > {n}", n % 400)).collect::<Vec<_>>().join(link);
    for (query, wanted) in [
        (count(&chain(" OR ")), "1"),
        (count(&chain(" AND ")), "0"),
        (count(&format!("c1 + {} > 5", ["c2"; 100].join(" + "))), "1"),
        ("SELECT COUNT(*) AS n FROM wide AS a NATURAL JOIN wide AS b".to_string(), "1"),
        (
            format!(
                "SELECT COUNT(*) AS n FROM {}wide{}",
                "(SELECT * FROM ".repeat(40),
                ") AS wide".repeat(40)
            ),
            "1",
        ),
    ] {
        assert_eq!(archive.texts(&query), [wanted], "{}", &query[..80]);
    }
}
