//! Any bytes as the zone map beside a series: refused, or points of that series.
#![no_main]

use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use uranometria_fuzz::mapped::{Mapped, folder, mapped, sealed};
use uranometria_lttb::{Downsample, Gaps, Method, Missing};
use uranometria_series::{Found, Series, Window, ZoneMap};

/// A series, its map without the header of the file, and what is chosen of it.
struct Known {
    series: Series,
    map: Vec<u8>,
    answers: Vec<Found>,
}

static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();

fuzz_target!(init: {
    // One thread, and that is this one, so that every run takes the same way.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    KNOWN.get_or_init(|| {
        let known = |Mapped { series, sidecar }: Mapped| {
            let map = sidecar.windows(8).position(|bytes| bytes == b"lttbzone").unwrap();
            let map = sidecar[map..sidecar.len() - 8].to_vec();
            let answer = |question: &Question| series.choose(&question.0, &question.1, question.2).unwrap();
            let answers = questions().iter().map(answer).collect();
            Known { series, map, answers }
        };
        mapped(&folder()).into_iter().map(known).collect()
    });
}, |bytes: &[u8]| {
    let path = folder().join(format!("{}.zonemap", std::process::id()));
    // As it comes, and with the checksum that nobody finds by trying.
    for bytes in [bytes, &sealed(bytes)] {
        std::fs::write(&path, bytes).expect("the folder is there");
        for known in KNOWN.get().into_iter().flatten() {
            check(known, &path, bytes);
        }
    }
    let _ = std::fs::remove_file(&path);
});

/// What is asked: how, which window, how many points.
type Question = (Downsample, Window, usize);

fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    let part = Window { from: Some(1500.0.into()), to: Some(8000.5.into()) };
    for method in [Method::Lttb, Method::MinMax, Method::MinMaxLttb { ratio: 2 }, Method::M4] {
        for (gaps, missing) in [(Gaps::None, Missing::Drop), (Gaps::Auto, Missing::Break)] {
            let request = Downsample { method, gaps, missing, threads: 1, ..Downsample::default() };
            // Few, for which the map is used, and so many that every point is looked at.
            questions.extend([(request, Window::default(), 4), (request, part, 3), (request, part, 40)]);
        }
    }
    questions
}

fn check(known: &Known, path: &PathBuf, bytes: &[u8]) {
    let Ok(map) = ZoneMap::open(path, &known.series) else { return };
    let rows = known.series.rows();
    assert_eq!(map.points(), rows);
    let is_true = bytes[..bytes.len() - 8].ends_with(&known.map);
    for ((request, window, n), answer) in questions().iter().zip(&known.answers) {
        let found = known.series.choose_with(&map, request, window, *n);
        if is_true {
            assert_eq!(&found.expect("the map is true"), answer, "{request:?} {window:?} {n}");
        } else if let Ok(found) = found {
            assert!(found.window.start <= found.window.end && found.window.end <= rows);
            assert!(found.chosen.indices.iter().all(|&index| index < rows));
        }
    }
}
