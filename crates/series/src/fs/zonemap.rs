//! Zone maps of series in files: making, keeping and using them.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

use rayon::prelude::*;
use uranometria_fits::fs::{Durability, write};
use uranometria_lttb as lttb;
use xxhash_rust::xxh3::Xxh3;

use super::open::refuse_pipes;
use super::{Series, Unit, shifted};
use crate::Error;
use crate::number::{Abscissa, Kind, Ordinate, with_types};
use crate::sidecar::{Column, Header, Source, bad};

/// How the caller watches and stops long work.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Called often, from any thread, with what is done and all there is to do: rows, or the bytes of CSV that is
    /// opened.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
    /// Set to true to stop.
    pub stop: &'a AtomicBool,
}

impl Control<'_> {
    /// Watches nothing and never stops.
    pub fn none() -> Control<'static> {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Control { progress: &|_, _| {}, stop: &NEVER }
    }
}

/// What is known of each 1024 rows of a series: boxes and sums, in 20 to 56 bytes.
///
/// It belongs to the very files it was made of and is refused when they were changed.
///
/// ```
/// use uranometria_lttb::Downsample;
/// use uranometria_series::{Control, Series, Window, ZoneMap};
/// # use std::sync::Arc;
/// # use parquet::arrow::ArrowWriter;
/// # use arrow_array::{ArrayRef, Float64Array, RecordBatch};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("flux.parquet");
/// # let column = |f: fn(f64) -> f64| -> ArrayRef { Arc::new((0..30_000).map(|i| f(f64::from(i))).collect::<Float64Array>()) };
/// # let batch = RecordBatch::try_from_iter([("time", column(|i| i)), ("flux", column(|i| (i * 0.01).sin()))])?;
/// # let mut writer = ArrowWriter::try_new(std::fs::File::create(&path)?, batch.schema(), None)?;
/// # writer.write(&batch)?;
/// # writer.close()?;
///
/// let series = Series::open(&[path], Some("time"), Some("flux"))?;
/// let map = ZoneMap::build(&series, &Control::none())?;
/// map.save(folder.path().join("flux.zonemap"))?;
///
/// let map = ZoneMap::open(folder.path().join("flux.zonemap"), &series)?;
/// let window = Window { from: Some(1000.0.into()), to: Some(9999.5.into()) };
/// let found = series.choose_with(&map, &Downsample::default(), &window, 50)?;
/// assert_eq!((found.window.clone(), found.chosen.indices.len()), (1000..10_000, 50));
/// assert_eq!(found, series.choose(&Downsample::default(), &window, 50)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ZoneMap {
    pub(super) x: Option<Column>,
    pub(super) y: Column,
    sources: Vec<Known>,
    pub(super) map: Map,
}

/// A file as it is or was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    path: PathBuf,
    bytes: u64,
    modified_ns: i128,
    rows: u64,
    ends: String,
}

/// A map by the type of x; row numbers are u64.
pub(super) enum Map {
    F32(lttb::ZoneMap<f32>),
    F64(lttb::ZoneMap<f64>),
    I64(lttb::ZoneMap<i64>),
    U64(lttb::ZoneMap<u64>),
}

macro_rules! of_any_type {
    ($map:expr, $known:ident => $body:expr) => {
        match $map {
            Map::F32($known) => $body,
            Map::F64($known) => $body,
            Map::I64($known) => $body,
            Map::U64($known) => $body,
        }
    };
}

/// The types of x that have a map.
pub(super) trait Mapped: lttb::Coordinate {
    fn wrap(map: lttb::ZoneMap<Self>) -> Map;
    fn unwrap(map: &Map) -> Option<&lttb::ZoneMap<Self>>;
}

macro_rules! mapped {
    ($($number:ty: $kind:ident),*) => {$(
        impl Mapped for $number {
            fn wrap(map: lttb::ZoneMap<Self>) -> Map {
                Map::$kind(map)
            }

            fn unwrap(map: &Map) -> Option<&lttb::ZoneMap<Self>> {
                match map {
                    Map::$kind(map) => Some(map),
                    _ => None,
                }
            }
        }
    )*};
}

mapped!(f32: F32, f64: F64, i64: I64, u64: U64);

impl ZoneMap {
    /// What its files begin with.
    pub const MAGIC: &[u8; 8] = crate::sidecar::MAGIC;

    /// Makes the zone map of a series, reading all of it once, in bounded memory and with all threads of the pool.
    ///
    /// # Errors
    /// [`Error::Unsorted`], [`Error::Cell`] and what reading gives; [`Error::Stale`] if a
    /// file changes meanwhile; [`Error::Interrupted`].
    pub fn build(series: &Series, control: &Control<'_>) -> Result<ZoneMap, Error> {
        let (x, y) = series.columns();
        let before = series.sources()?;
        let map = with_types!(series.x_kind(), series.y_kind(), <X, Y> build::<X, Y>(series, control))?;
        compare(&before, &series.sources()?)?;
        Ok(ZoneMap { x, y, sources: before, map })
    }

    /// Reads the zone map of a series.
    ///
    /// # Errors
    /// [`Error::Stale`] where a file was changed since; inside [`Error::InFile`]: [`Error::Grown`] where files were
    /// added behind the others, [`Error::BadZoneMap`], [`Error::OtherSeries`], [`Error::Io`].
    pub fn open(path: impl AsRef<Path>, series: &Series) -> Result<ZoneMap, Error> {
        let path = path.as_ref();
        let read = || {
            refuse_pipes(path)?;
            let bytes = fs::read(path).map_err(|error| Error::io("read it", error))?;
            let (header, map) = Header::unseal(&bytes)?;
            let (x, y) = series.columns();
            if (&header.x, &header.y) != (&x, &y) {
                return Err(Error::OtherSeries {
                    found: described(header.x.as_ref(), &header.y),
                    wanted: described(x.as_ref(), &y),
                });
            }
            let now = series.sources()?;
            let folder = folder_of(path);
            let there = |source: &Source| folder.join(&source.path);
            let alike = header.files.len() == now.len()
                && header.files.iter().zip(&now).all(|(known, now)| is_same(&there(known), &now.path));
            // An array of x is the last of both.
            let with_x = usize::from(series.x_path.is_some());
            let leading = header.files.len().saturating_sub(with_x);
            let grew = leading > 0
                && header.files.len() < now.len()
                && header.files[..leading]
                    .iter()
                    .zip(&now)
                    .all(|(known, now)| is_same(&there(known), &now.path))
                && header.files[leading..]
                    .iter()
                    .zip(&now[now.len() - with_x..])
                    .all(|(known, now)| is_same(&there(known), &now.path));
            if grew {
                return Err(Error::Grown { known: leading, now: now.len() - with_x });
            }
            if !alike {
                let found = listed(header.files.iter().map(|file| file.path.as_path()));
                let wanted = listed(now.iter().map(|file| file.path.as_path()));
                return Err(Error::OtherSeries { found, wanted });
            }
            let known: Vec<Known> =
                header.files.into_iter().zip(&now).map(|(known, now)| known.of(now)).collect();
            compare(&known, &now)?;
            let map = Map::of(series.x_kind(), map).map_err(|error| bad(error.to_string()))?;
            let map = ZoneMap { x, y, sources: known, map };
            if map.points() != series.rows() {
                return Err(bad(format!("it has {} rows, the files have {}", map.points(), series.rows())));
            }
            Ok(map)
        };
        read().map_err(|error: Error| error.in_file(path))
    }

    /// Writes the zone map as a file that appears when it is whole, and returns its length in bytes.
    ///
    /// The files are remembered by their paths from its folder.
    ///
    /// # Errors
    /// Those of writing.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let path = path.as_ref();
        let folder = absolute(&folder_of(path));
        let files = self.sources.iter().map(|file| Source {
            path: relative(&folder, &absolute(&file.path)),
            bytes: file.bytes,
            modified_ns: file.modified_ns,
            rows: file.rows,
            ends: file.ends.clone(),
        });
        let header = Header { x: self.x.clone(), y: self.y.clone(), files: files.collect() };
        let bytes = header.seal(&of_any_type!(&self.map, map => map.to_bytes()))?;
        write(path, &bytes, Durability::Process)?;
        Ok(bytes.len() as u64)
    }

    /// The number of rows, missing points among them.
    pub fn points(&self) -> usize {
        of_any_type!(&self.map, map => map.points())
    }

    /// The number of points of which x or y is NaN, infinite or null.
    pub fn missing(&self) -> usize {
        of_any_type!(&self.map, map => map.points() - map.kept())
    }
}

impl Map {
    fn of(x: Option<Kind>, bytes: &[u8]) -> Result<Map, lttb::Error> {
        Ok(match x {
            Some(Kind::F32) => Map::F32(lttb::ZoneMap::from_bytes(bytes)?),
            Some(Kind::F64) => Map::F64(lttb::ZoneMap::from_bytes(bytes)?),
            Some(Kind::I64) => Map::I64(lttb::ZoneMap::from_bytes(bytes)?),
            Some(Kind::U64) | None => Map::U64(lttb::ZoneMap::from_bytes(bytes)?),
        })
    }
}

impl Source {
    fn of(self, now: &Known) -> Known {
        let Source { bytes, modified_ns, rows, ends, .. } = self;
        Known { path: now.path.clone(), bytes, modified_ns, rows, ends }
    }
}

pub(super) fn described(x: Option<&Column>, y: &Column) -> String {
    let of = |column: &Column| format!("{} ({})", column.name, column.r#type);
    format!("{} over {}", of(y), x.map_or("the row number".to_string(), of))
}

/// Finds the first file that is not what it was.
fn compare(known: &[Known], now: &[Known]) -> Result<(), Error> {
    for (known, now) in known.iter().zip(now) {
        let change = match () {
            () if known.bytes != now.bytes => format!("went from {} to {} bytes", known.bytes, now.bytes),
            () if known.rows != now.rows => format!("went from {} to {} rows", known.rows, now.rows),
            () if known.ends != now.ends => "has changed".to_string(),
            () if known.modified_ns != now.modified_ns => "was written again".to_string(),
            () => continue,
        };
        return Err(Error::Stale { path: now.path.clone(), change });
    }
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_path_buf())
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn is_same(there: &Path, here: &Path) -> bool {
    absolute(there) == absolute(here)
}

/// The way from one absolute folder to a file.
fn relative(folder: &Path, file: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<_>) =
        (folder.components().collect(), file.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[shared..].iter().map(|_| Component::ParentDir);
    up.chain(to[shared..].iter().copied()).collect()
}

/// The hash of the first and last 64 KiB of a file.
fn ends(file: &mut fs::File, len: u64) -> std::io::Result<String> {
    const END: u64 = 64 << 10;
    let mut hash = Xxh3::new();
    let mut bytes = Vec::new();
    let second = len.saturating_sub(END).max(END.min(len));
    for (from, to) in [(0, END.min(len)), (second, len)] {
        bytes.resize((to - from) as usize, 0);
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(format!("{:016x}", hash.digest()))
}

fn known(path: &Path, rows: usize) -> Result<Known, Error> {
    let look = || {
        let mut file = fs::File::open(path)?;
        let meta = file.metadata()?;
        let modified_ns = match meta.modified()?.duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_nanos() as i128,
            Err(before) => -(before.duration().as_nanos() as i128),
        };
        let ends = ends(&mut file, meta.len())?;
        Ok(Known { path: path.to_path_buf(), bytes: meta.len(), modified_ns, rows: rows as u64, ends })
    };
    look().map_err(|error| Error::io("read it", error).in_file(path))
}

impl Series {
    pub(super) fn columns(&self) -> (Option<Column>, Column) {
        let column = |(name, data_type): &(String, arrow_schema::DataType)| Column {
            name: name.clone(),
            r#type: data_type.to_string(),
        };
        (self.x.as_ref().map(column), column(&self.y))
    }

    /// The files as they are now; an array of x is the last.
    fn sources(&self) -> Result<Vec<Known>, Error> {
        let mut paths: Vec<(&Path, usize)> =
            self.parts.iter().map(|part| (part.path.as_path(), part.file.table().rows())).collect();
        if let Some(x) = &self.x_path {
            paths.push((x, self.rows()));
        }
        paths.par_iter().map(|(path, rows)| known(path, *rows)).collect::<Vec<_>>().into_iter().collect()
    }
}

/// Does some work for all units at the same time.
///
/// Of several errors the first one in the series is returned, and units behind one that failed are not begun.
pub(super) fn in_order<U: Send, T: Send>(
    units: Vec<U>,
    work: impl Fn(U) -> Result<T, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let failed = AtomicUsize::new(usize::MAX);
    let one = |(n, unit)| {
        if n > failed.load(Ordering::Relaxed) {
            return None;
        }
        let done = work(unit);
        if done.is_err() {
            failed.fetch_min(n, Ordering::Relaxed);
        }
        Some(done)
    };
    // Nothing before the first error is left out, so collecting meets that error first.
    let done: Vec<Option<Result<T, Error>>> = units.into_par_iter().enumerate().map(one).collect();
    done.into_iter().flatten().collect()
}

/// Makes the maps of all units at the same time and joins them.
fn build<X: Abscissa, Y: Ordinate>(series: &Series, control: &Control<'_>) -> Result<Map, Error>
where
    X::X: Mapped,
{
    let (done, all) = (AtomicU64::new(0), series.rows() as u64);
    let one = |unit: Unit<'_>| {
        let first = unit.part.first + unit.rows.start;
        let fail = |error| series.place(shifted(error, first));
        let mut builder = X::zone_map::<Y>();
        series.stream::<X, Y>(&unit, |x, y| {
            if control.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            builder.push(x, y).map_err(fail)?;
            let before = done.fetch_add(y.len() as u64, Ordering::Relaxed);
            (control.progress)(before + y.len() as u64, all);
            Ok(())
        })?;
        Ok((first, builder.finish().map_err(fail)?))
    };
    let mut maps = in_order(series.units(), one)?;
    // Neighbours are joined, then neighbours of these: each block is moved a few times, not once a part.
    while maps.len() > 1 {
        let mut joined = Vec::with_capacity(maps.len().div_ceil(2));
        let mut rest = maps.into_iter();
        while let Some((first, mut map)) = rest.next() {
            if let Some((_, later)) = rest.next() {
                map.append(later).map_err(|error| series.place(shifted(error, first)))?;
            }
            joined.push((first, map));
        }
        maps = joined;
    }
    match maps.pop() {
        Some((_, map)) => Ok(Mapped::wrap(map)),
        None => Ok(Mapped::wrap(X::zone_map::<Y>().finish()?)),
    }
}

/// Paths for a message; of many the first and the last.
fn listed<'a>(paths: impl Iterator<Item = &'a Path>) -> String {
    let names: Vec<String> = paths.map(|path| path.display().to_string()).collect();
    match names.as_slice() {
        [first, .., last] if names.len() > 3 => format!("{} files, {first} to {last}", names.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_behind_the_first_error_is_not_begun_and_that_error_is_returned() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let begun = AtomicUsize::new(0);
        let work = |n: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            if n % 10 == 3 { Err(bad(n.to_string())) } else { Ok(n) }
        };
        let done = pool.install(|| in_order((0..1000).collect(), work));
        assert!(done.unwrap_err().to_string().contains(": 3;"));
        assert!(begun.into_inner() < 500);
        assert_eq!(in_order((0..3).collect(), Ok).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_path_leads_from_the_folder_of_the_map_to_the_file() {
        let check = |folder: &str, file: &str, wanted: &str| {
            assert_eq!(relative(Path::new(folder), Path::new(file)), Path::new(wanted), "{folder} {file}");
        };
        check("/a/b", "/a/b/c.parquet", "c.parquet");
        check("/a/b", "/a/c/d.parquet", "../c/d.parquet");
        check("/", "/d.parquet", "d.parquet");
        check("/a/b/c", "/d", "../../../d");
    }
}
