//! The proof of a cube against its frames.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use uranometria_fits::checksum::{self, Sum};
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{self as fits, Header, Source};

use super::engine::{Budget, budget};
use super::input::{Buffers, Input};
use super::scan::{Scan, headers, scan};
use super::stage::Staging;
use super::{Control, Options, Stage, open};
use crate::frame_table::{FILE_COLUMN, ascii, is_cut_from, uncompressed};
use crate::primary::{self, Skipped};
use crate::select::Wanted;
use crate::transpose::Word;
use crate::{Cell, Cube, Error, Frame};

/// What a cube was compared with.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Frames whose pixels and headers were compared.
    pub frames: usize,
    /// Bytes of pixels that were compared.
    pub bytes: u64,
    /// HDUs whose checksums were there and right.
    pub checksums: usize,
    /// How many pixels, keywords, frames and checksums differ.
    pub differences: u64,
    /// The first of them in words, in order of place.
    pub examples: Vec<String>,
}

impl Verified {
    fn differ(&mut self, example: String) {
        self.differences += 1;
        if self.examples.len() < 20 {
            self.examples.push(example);
        }
    }
}

/// Compares every pixel of a cube, every value of its table of frames and those that its primary header has of its first
/// and last frame with its frames, and its checksums with its bytes.
///
/// Frames that the cube's header lists as skipped may be among `frames`. Copies of compressed frames are kept beside the
/// cube meanwhile or, where nothing can be written there, in the folder for temporary files.
///
/// # Errors
/// Where something cannot be read, and [`Error::BadFrames`] where no frame is of the cube; a difference is no error but
/// counted in the result.
pub fn verify(
    cube_path: impl AsRef<Path>,
    frames: &[PathBuf],
    options: &Options,
    control: &Control<'_>,
) -> Result<Verified, Error> {
    let path = cube_path.as_ref();
    let cube = open(path)?;
    let mut verified = Verified { frames: 0, bytes: 0, checksums: 0, differences: 0, examples: Vec::new() };
    let staging = Staging::apart(path);
    let skip = Options { skip_bad: true, product: Some(cube.product()), ..options.clone() };
    let Scan { frames, pixels, skipped: unusable } =
        scan(frames, &skip, &Wanted::by(&cube), &staging, control)?;
    let mut given = Given::new(frames, pixels);
    let names = cube.file_names();
    let found = given.take(&cube, &names);

    let skipped = Skipped::of(cube.primary());
    for problem in &unusable {
        if !skipped.has(&problem.path.file_name().unwrap_or_default().to_string_lossy()) {
            verified.differ(format!("{problem}"));
        }
    }
    let mut rows = Vec::new();
    let (mut matched, mut files) = (Vec::new(), Vec::new());
    for (row, (name, found)) in names.iter().zip(found).enumerate() {
        match found {
            Some((frame, pixels)) => {
                compare_headers(&cube, row, &frame, &mut verified);
                rows.push(row);
                matched.push(frame);
                files.push(pixels);
            }
            None => verified.differ(format!("frame {name} (row {row}) was not given")),
        }
    }
    if rows.len() == names.len() && cube.primary().get("FFI_TYPE").is_some() {
        compare_primary(&cube, &matched, &headers(&matched[0], &files[0], &staging)?.0, &mut verified);
    }
    for name in given.names().filter(|name| !skipped.has(name)) {
        verified.differ(format!("frame {name} is not in the cube"));
    }
    verified.frames = rows.len();
    let sum = compare_pixels(&cube, &rows, (&matched, &files), options, control, &mut verified)?;
    for hdu in cube.hdus() {
        let data = match hdu.index {
            1 => sum,
            _ => checksum::data_sum(cube.source(), hdu).map_err(|error| error.in_file(path))?,
        };
        match checksum::verify_with(cube.source(), hdu, data) {
            Ok(true) => verified.checksums += 1,
            Ok(false) => {}
            Err(error @ fits::Error::InHdu { .. }) => verified.differ(error.to_string()),
            Err(error) => return Err(error.in_file(path).into()),
        }
    }
    Ok(verified)
}

/// A frame and the file its pixels are read from.
type Found = (Frame, PathBuf);

/// The frames that were given, by name without the endings of compression, name, and the bits of their start; names
/// in ASCII as the table has them.
///
/// Files of several folders may have one name.
struct Given(BTreeMap<Key, Found>);

type Key = (String, String, u64);

fn key(name: String, start: f64) -> Key {
    (uncompressed(&name).to_string(), name, start.to_bits())
}

impl Given {
    fn new(frames: Vec<Frame>, pixels: Vec<PathBuf>) -> Self {
        let keyed = |found: Found| (key(ascii(&found.0.file_name()), found.0.start), found);
        Given(frames.into_iter().zip(pixels).map(keyed).collect())
    }

    /// Their names, in order.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(_, name, _)| name.as_str())
    }

    /// Takes out the frame of each row: that of the row's name and start or, where the start differs, of its name.
    fn take(&mut self, cube: &Cube<OpenFile>, names: &[String]) -> Vec<Option<Found>> {
        let starts = cube.frames().numbers(cube.product().start_keyword());
        let starts = starts.unwrap_or_else(|| vec![f64::NAN; names.len()]);
        let keys = names.iter().cloned().zip(starts).map(|(name, start)| key(name, start));
        // Exact ones first, lest a row takes what is another's.
        let mut found: Vec<Option<Found>> = keys.map(|key| self.0.remove(&key)).collect();
        for (name, found) in names.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
            *found = self.take_named(name);
        }
        found
    }

    /// Takes out the first frame of a name; if there is none, the first that is compressed otherwise, then the first of
    /// a name from which this one is cut.
    fn take_named(&mut self, name: &str) -> Option<Found> {
        let bare = uncompressed(name);
        let alike = || {
            let from = (bare.to_string(), String::new(), 0);
            self.0.range(from..).map(|(key, _)| key).take_while(|(other, ..)| other == bare)
        };
        let key = alike().find(|(_, given, _)| given == name).or_else(|| alike().next());
        let key = key.or_else(|| self.0.keys().find(|(_, given, _)| is_cut_from(name, given))).cloned()?;
        self.0.remove(&key)
    }
}

fn compare_headers(cube: &Cube<OpenFile>, row: usize, frame: &Frame, verified: &mut Verified) {
    let table = cube.frames();
    let name = frame.file_name();
    for keyword in table.keywords().filter(|keyword| *keyword != FILE_COLUMN) {
        let wanted = match frame.value(keyword).map_or(Cell::Missing, Cell::from) {
            Cell::Text(text) => Cell::Text(ascii(&text)),
            other => other,
        };
        let stored = table.cell(row, keyword);
        let same = match (&stored, &wanted) {
            (Cell::Integer(0) | Cell::Missing, Cell::Missing) => true,
            (Cell::Missing, Cell::Text(text)) => text.is_empty(),
            (Cell::Integer(a), Cell::Real(b)) | (Cell::Real(b), Cell::Integer(a)) => *a as f64 == *b,
            // astrocut's cubes cut a string to the length that the first frame has.
            (Cell::Text(a), Cell::Text(b)) => {
                a == b || (cube.primary().get("FFI_TYPE").is_none() && b.starts_with(a.as_str()))
            }
            (Cell::Text(a), other) => *a == display(other),
            (a, b) => a == b,
        };
        if !same {
            verified.differ(format!(
                "{name}: {keyword} is {}, the cube has {}",
                display(&wanted),
                display(&stored)
            ));
        }
    }
}

/// Compares the primary header of a cube of ours with what its frames make of it.
fn compare_primary(cube: &Cube<OpenFile>, frames: &[Frame], first: &Header, verified: &mut Verified) {
    // Of the day and the program that made the cube.
    const OWN: [&str; 2] = ["DATE", "CREATOR"];
    let expected = primary::of_frames(first, frames, &[], "");
    // As it would be read again: in ASCII.
    let expected = Header::parse(&expected.to_bytes()).map_or(expected, |(header, _)| header);
    for card in expected.cards().iter().filter(|card| !OWN.contains(&card.keyword.as_str())) {
        let (Some(wanted), found) = (&card.value, cube.primary().get(&card.keyword)) else { continue };
        if found.map(Cell::from) != Some(Cell::from(wanted)) {
            let found = found.map_or("nothing".to_string(), |found| display(&Cell::from(found)));
            let wanted = display(&Cell::from(wanted));
            verified.differ(format!("HDU 0: {} is {found}, the frames make it {wanted}", card.keyword));
        }
    }
}

fn display(cell: &Cell) -> String {
    match cell {
        Cell::Missing => "missing".to_string(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => fits::Value::Real(*number).to_string(),
        Cell::Text(text) => text.clone(),
    }
}

/// Compares the pixels of the frames that stand in `rows` of the cube and returns the sum of all words of the cube.
fn compare_pixels(
    cube: &Cube<OpenFile>,
    rows: &[usize],
    (frames, pixels): (&[Frame], &[PathBuf]),
    options: &Options,
    control: &Control<'_>,
    verified: &mut Verified,
) -> Result<Sum, Error> {
    let layout = *cube.layout();
    let planes = layout.planes;
    let input = Input::new(None, frames, pixels, planes)?;
    let Budget { threads, block, .. } = budget(&layout, rows.len() * planes * 4, options)?;
    let total = layout.data_len().unwrap_or(u64::MAX);
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let shared = Mutex::new((Sum::default(), 0u64, Vec::<(usize, String)>::new()));
    let work = || -> Result<(), Error> {
        let (mut stored, mut buffers) = (Vec::new(), Buffers::default());
        let mut wanted: Vec<Word> = Vec::new();
        loop {
            control.check()?;
            let start = next.fetch_add(block, Ordering::Relaxed);
            if start >= layout.pixels() {
                return Ok(());
            }
            let pixels = start..(start + block).min(layout.pixels());
            stored.resize(pixels.len() * layout.series_len(), 0);
            let offset = cube.hdus()[1].data_start + (start * layout.series_len()) as u64;
            cube.source()
                .read_at(offset, &mut stored)
                .map_err(|source| cube.named(fits::Error::io(format!("read at byte {offset}"), source)))?;
            let mut sum = Sum::default();
            sum.add(&stored);
            wanted.resize(pixels.len() * rows.len() * planes, [0; 4]);
            input.fill(pixels.clone(), &mut wanted, &mut buffers)?;
            let mut differences = 0;
            let mut examples = Vec::new();
            let series = stored.as_chunks::<4>().0.chunks_exact(layout.series_len() / 4);
            let frames_wanted = wanted.chunks_exact((rows.len() * planes).max(1));
            for (pixel, (have, want)) in pixels.clone().zip(series.zip(frames_wanted)) {
                for (n, row) in rows.iter().enumerate() {
                    for plane in 0..planes {
                        let (have, want) = (have[row * planes + plane], want[n * planes + plane]);
                        if have != want {
                            differences += 1;
                            if examples.len() < 20 {
                                examples
                                    .push((pixel, describe(&layout, pixel, &frames[n], plane, have, want)));
                            }
                        }
                    }
                }
            }
            let mut shared = shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            shared.0.merge(sum);
            shared.1 += differences;
            shared.2.extend(examples);
            drop(shared);
            let len = stored.len() as u64;
            control.report(Stage::Comparing, done.fetch_add(len, Ordering::Relaxed) + len, total);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        let ended = ended.into_iter().map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)));
        ended.collect::<Result<(), Error>>()
    })?;
    let (sum, differences, mut examples) =
        shared.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    examples.sort();
    let room = 20usize.saturating_sub(verified.examples.len());
    verified.examples.extend(examples.into_iter().take(room).map(|(_, text)| text));
    verified.differences += differences;
    verified.bytes = layout.pixels() as u64 * (rows.len() * planes * 4) as u64;
    Ok(sum)
}

fn describe(
    layout: &crate::CubeLayout,
    pixel: usize,
    frame: &Frame,
    plane: usize,
    have: Word,
    want: Word,
) -> String {
    let plane = ["flux", "error"][plane.min(1)];
    let (x, y) = (pixel % layout.columns, pixel / layout.columns);
    let (have, want) = (f32::from_be_bytes(have), f32::from_be_bytes(want));
    format!("{}: {plane} of column {x}, row {y} is {want}, the cube has {have}", frame.file_name())
}
