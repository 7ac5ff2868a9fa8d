//! Any bytes as a parquet file with a series: refused, or the same points from its pages as from all of it.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use uranometria_fuzz::mapped::folder;
use uranometria_lttb::{Downsample, Method};
use uranometria_series::{Control, Series, Window, ZoneMap};

fuzz_target!(init: {
    // One thread, and that is this one, so that every run takes the same way.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
}, |bytes: &[u8]| {
    let path = folder().join(format!("{}.parquet", std::process::id()));
    fs::write(&path, bytes).expect("the folder is there");
    for x in [Some("x"), None] {
        if let Ok(series) = Series::open(&[&path], x, Some("y")) {
            check(&series);
        }
    }
    let _ = fs::remove_file(&path);
});

fn check(series: &Series) {
    let Ok(map) = ZoneMap::build(series, &Control::none()) else { return };
    assert_eq!(map.points(), series.rows());
    // So few points that the map is used. Extremes need no sums, which may round otherwise.
    for (method, n) in [(Method::M4, 2), (Method::MinMax, 2), (Method::Lttb, 3)] {
        let request = Downsample { method, threads: 1, ..Downsample::default() };
        let scanned = series.choose(&request, &Window::default(), n);
        let mapped = series.choose_with(&map, &request, &Window::default(), n);
        if let (Ok(scanned), Ok(mapped)) = (scanned, mapped) {
            assert_eq!(scanned.window, mapped.window);
            if method != Method::Lttb {
                assert_eq!(scanned, mapped, "{method:?}");
            }
        }
    }
}
