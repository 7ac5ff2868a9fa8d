//! Series in files, the same wherever and whenever they are made, with their zone maps.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uranometria_series::{Control, Series, ZoneMap};
use xxhash_rust::xxh3::xxh3_64;

/// A series and the file of its zone map.
pub struct Mapped {
    pub series: Series,
    pub sidecar: Vec<u8>,
}

/// A folder for them that outlasts the process, as fuzzing ends without leave.
pub fn folder() -> PathBuf {
    std::env::temp_dir().join("uranometria-fuzz")
}

/// Makes series of a row number, of floats and of integers as x, in arrays of two files.
pub fn mapped(folder: &Path) -> Vec<Mapped> {
    fs::create_dir_all(folder).unwrap();
    let value = |row: u32| match row % 2500 {
        0..20 => f32::NAN,
        spike if spike % 700 == 21 => 50.0,
        _ => (row % 61) as f32,
    };
    let gap = |row: u32| if row < 4000 { row } else { row + 900 };
    let bytes =
        |rows: std::ops::Range<u32>| rows.flat_map(|row| value(row).to_le_bytes()).collect::<Vec<_>>();
    let files = [
        ("a.f32", bytes(0..5000)),
        ("b.f32", bytes(5000..9000)),
        ("time.f64", (0..9000).flat_map(|row| f64::from(gap(row)).to_le_bytes()).collect()),
        ("count.i64", (0..9000).flat_map(|row| i64::from(gap(row)).to_le_bytes()).collect()),
    ];
    for (name, bytes) in files {
        // Another process may read what is there.
        let (path, part) = (folder.join(name), folder.join(format!(".{name}.{}", std::process::id())));
        fs::write(&part, bytes).unwrap();
        let file = File::options().write(true).open(&part).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
        fs::rename(part, path).unwrap();
    }
    let ys = [folder.join("a.f32"), folder.join("b.f32")];
    let of = |x: Option<&str>| {
        let x = x.map(|name| folder.join(name));
        let series = Series::open(&ys, x.as_deref().and_then(Path::to_str), Some("flux")).unwrap();
        let path = folder.join(format!(".made.{}", std::process::id()));
        ZoneMap::build(&series, &Control::none()).unwrap().save(&path).unwrap();
        let sidecar = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        Mapped { series, sidecar }
    };
    [None, Some("time.f64"), Some("count.i64")].map(of).into()
}

/// The bytes with the checksum at their end put right.
pub fn sealed(bytes: &[u8]) -> Vec<u8> {
    let body = &bytes[..bytes.len().saturating_sub(8)];
    [body, &xxh3_64(body).to_le_bytes()].concat()
}
