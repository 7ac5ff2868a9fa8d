//! The work itself: blocks of pixels through the turn into the file, by several threads, resumable.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use uranometria_fits::checksum::{self, Sum};
use uranometria_fits::fs::{Durability, open_locked, publish};
use uranometria_fits::{self as fits, Header, padded, padding};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::input::{Buffers, Input};
use super::journal::{Entry, Journal, Work};
use super::{Control, Options, Stage, beside};
use crate::transpose::{GROUP, Word};
use crate::{CubeLayout, Error};

/// Everything that decides the bytes of a cube.
pub(super) struct Plan {
    /// The primary header without checksums.
    pub(super) primary: Header,
    /// The table HDU, ready to write.
    pub(super) table: Vec<u8>,
    /// The shape.
    pub(super) layout: CubeLayout,
    /// Where the pixels come from.
    pub(super) input: Input,
}

/// What came of it.
pub(super) struct Made {
    pub(super) bytes: u64,
    pub(super) resumed: u64,
}

/// A cube's blocks: pixels in pieces that fit the memory.
struct Blocks {
    layout: CubeLayout,
    pixels: usize,
}

impl Blocks {
    fn count(&self) -> usize {
        self.layout.pixels().div_ceil(self.pixels)
    }

    fn range(&self, block: usize) -> std::ops::Range<usize> {
        let start = block * self.pixels;
        start..(start + self.pixels).min(self.layout.pixels())
    }

    fn bytes(&self, block: usize) -> u64 {
        (self.range(block).len() * self.layout.series_len()) as u64
    }
}

/// What the tables and open files of one frame take in memory, measured generously.
const BYTES_A_FRAME: u64 = 28 << 10;
/// What the program takes before it reads anything.
const BYTES_AT_REST: u64 = 32 << 20;
/// Blocks are made about this large where memory allows: they stay in the cache between turn and write.
const BLOCK_TARGET: usize = 4 << 20;
/// Frames are read at least this many pixels at a time where memory allows: enough that the calls cost little, few
/// enough that long series are scattered over no more pages than the processor's table of pages holds.
const LEAST_PIXELS: usize = 2 << 10;
/// Blocks are summed, hashed and written in pieces of this many bytes, which stay in the cache between the three.
/// Whole blocks of some MiB in one call cost the system several times the processor time (benches/RESULTS.md).
const PIECE: usize = 256 << 10;

/// How the memory is spent.
pub(super) struct Budget {
    pub(super) threads: usize,
    /// Pixels a block.
    pub(super) block: usize,
    /// The most pixels a block may have.
    most: usize,
}

/// Chooses how many threads work on blocks of how many pixels within the memory.
pub(super) fn budget(layout: &CubeLayout, old_series_len: usize, options: &Options) -> Result<Budget, Error> {
    let a_pixel = (layout.series_len() + old_series_len + GROUP * 4) as u64;
    let fixed = BYTES_AT_REST + BYTES_A_FRAME * layout.frames as u64;
    let free = options.memory.saturating_sub(fixed);
    if free < a_pixel {
        let wanted = fixed + a_pixel;
        return Err(Error::Memory { given: options.memory, wanted, frames: layout.frames });
    }
    let threads = (options.threads().max(1) as u64).min(free / a_pixel) as usize;
    let most = (free / threads as u64 / a_pixel) as usize;
    let liked = (BLOCK_TARGET / layout.series_len().max(1)).max(LEAST_PIXELS);
    Ok(Budget { threads, block: liked.min(most).min(layout.pixels()).max(1), most })
}

/// The right to write a cube: its hidden file, locked from before the frames are read until it is published.
pub(super) struct Claim {
    file: File,
    part: PathBuf,
}

impl Claim {
    /// Locks the hidden file of a cube.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let part = beside(path, "part");
        Ok(Claim { file: open_locked(&part, path)?, part })
    }

    /// Whether no interrupted run left pixels in the hidden file.
    pub(super) fn is_fresh(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| meta.len() == 0)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A run that wrote nothing leaves nothing; once published, the hidden name is gone or another's.
        let own = |file: &fs::Metadata, named: &fs::Metadata| {
            (file.dev(), file.ino()) == (named.dev(), named.ino())
        };
        if let (Ok(file), Ok(named)) = (self.file.metadata(), fs::metadata(&self.part))
            && file.len() == 0
            && own(&file, &named)
        {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Makes the cube under its hidden name, going on where an interrupted run stopped, and publishes it.
pub(super) fn make(
    path: &Path,
    claim: &Claim,
    plan: Plan,
    options: &Options,
    control: &Control<'_>,
) -> Result<Made, Error> {
    let Plan { mut primary, table, layout, input } = plan;
    let data_len = layout.data_len().ok_or_else(|| fits::Error::TooLarge { sizes: format!("{layout:?}") })?;
    let Budget { threads, block, most } = budget(&layout, input.old_series_len(), options)?;
    let Claim { file, part } = claim;
    let journal_path = beside(path, "journal");

    let mut work = Work {
        fingerprint: fingerprint(&primary, &table, &layout, &input)?,
        block_pixels: block,
        date: primary.text("DATE").unwrap_or_default().to_string(),
    };
    let mut found = Vec::new();
    if let Some((earlier, entries)) = Journal::read(&journal_path)
        && earlier.fingerprint == work.fingerprint
        && (1..=most).contains(&earlier.block_pixels)
    {
        work = earlier;
        found = entries;
    }
    primary.set("DATE", work.date.clone(), "file creation date");
    let blocks = Blocks { layout, pixels: work.block_pixels };
    let image = image_header(&layout);
    let data_start = (primary_len(&primary) + image_len(&image)) as u64;
    let data_padded = padded(data_len).unwrap_or(u64::MAX);
    let bytes = data_start + data_padded + table.len() as u64;

    if found.is_empty() {
        file.set_len(0).map_err(|source| fits::Error::io("empty it", source).in_file(part))?;
    }
    let no_room = |source| room(path, bytes, source, "make room for it");
    if let Err(error) = allocate(file, bytes).map_err(no_room) {
        if found.is_empty() {
            // Dropping the claim removes the empty file.
            let _ = (file.set_len(0), fs::remove_file(&journal_path));
        }
        return Err(error);
    }
    let kept = still_there(file, data_start, &blocks, found, control)?;
    let resumed = kept.iter().map(|entry| blocks.bytes(entry.block)).sum();
    let journal = Journal::begin(&journal_path, &work, &kept).map_err(|source| {
        if kept.is_empty() {
            // Nothing is in it that the next run could go on with.
            let _ = file.set_len(0);
        }
        room(&journal_path, bytes, source, "write it")
    })?;

    let writer = Writer { file, path, data_start, data_len, bytes, blocks, input, journal, control };
    let mut sum = writer.run(threads, &kept)?;
    for entry in &kept {
        sum.merge(Sum::from(entry.sum));
    }

    let mut head = checksum::sealed_hdu(primary, &[]);
    let mut image = image;
    checksum::seal(&mut image, sum);
    head.extend(image.to_bytes());
    let write = |bytes_here: &[u8], at: u64| {
        file.write_all_at(bytes_here, at).map_err(|source| room(path, bytes, source, "write it"))
    };
    write(padding(data_len), data_start + data_len)?;
    write(&table, data_start + data_padded)?;
    write(&head, 0)?;
    file.set_len(bytes).map_err(|source| room(path, bytes, source, "set its length"))?;
    control.report(Stage::Syncing, data_len, data_len);
    publish(file, part, path, Durability::Disk)?;
    // The cube is published; a journal left behind would only be of a finished work.
    let _ = fs::remove_file(&journal_path);
    Ok(Made { bytes, resumed })
}

fn image_header(layout: &CubeLayout) -> Header {
    let mut header =
        Header::image_extension(-32, &[layout.planes, layout.frames, layout.columns, layout.rows]);
    let axes = ["plane: flux, error", "time: frames of HDU 2", "column of the chip", "row of the chip"];
    for (n, axis) in (1..).zip(axes) {
        let keyword = format!("NAXIS{n}");
        let length = header.integer(&keyword).unwrap_or(0);
        header.set(&keyword, length, axis);
    }
    header.set("EXTNAME", "PIXELS", "pixel series [row][column][time][plane]");
    header
}

fn primary_len(primary: &Header) -> usize {
    checksum::sealed_hdu(primary.clone(), &[]).len()
}

fn image_len(image: &Header) -> usize {
    checksum::sealed_hdu(image.clone(), &[]).len()
}

/// Hashes what decides the bytes of the cube but its date.
fn fingerprint(primary: &Header, table: &[u8], layout: &CubeLayout, input: &Input) -> Result<u64, Error> {
    let mut undated = primary.clone();
    undated.remove("DATE");
    let mut bytes = undated.to_bytes();
    bytes.extend_from_slice(table);
    bytes.extend_from_slice(format!("{layout:?}").as_bytes());
    bytes.extend(input.identity()?);
    Ok(xxh3_64(&bytes))
}

fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // Some file systems cannot; then a full disk shows when it is written.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => file.set_len(bytes),
        Err(errno) => Err(errno.into()),
    }
}

/// Tells a full disk, quota or file size limit from other errors.
fn room(path: &Path, wanted: u64, source: io::Error, action: &str) -> Error {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::NoRoom { path: PathBuf::from(path), wanted, source }
        }
        _ => fits::Error::io(action, source).in_file(path).into(),
    }
}

/// Reads back the blocks that a journal lists and keeps those that are in the file as it says.
fn still_there(
    file: &File,
    data_start: u64,
    blocks: &Blocks,
    found: Vec<Entry>,
    control: &Control<'_>,
) -> Result<Vec<Entry>, Error> {
    let mut kept: Vec<Entry> = Vec::new();
    let mut seen = vec![false; blocks.count()];
    let mut buffer = Vec::new();
    let total = found.iter().filter(|entry| entry.block < seen.len()).map(|e| blocks.bytes(e.block)).sum();
    let mut done = 0;
    for entry in found {
        control.check()?;
        if entry.block >= seen.len() || seen[entry.block] {
            continue;
        }
        let start = (entry.block * blocks.pixels * blocks.layout.series_len()) as u64;
        buffer.resize(blocks.bytes(entry.block) as usize, 0);
        if file.read_exact_at(&mut buffer, data_start + start).is_ok() && xxh3_64(&buffer) == entry.hash {
            seen[entry.block] = true;
            kept.push(entry);
        }
        done += buffer.len() as u64;
        control.report(Stage::Resuming, done, total);
    }
    Ok(kept)
}

struct Writer<'a> {
    file: &'a File,
    path: &'a Path,
    data_start: u64,
    data_len: u64,
    bytes: u64,
    blocks: Blocks,
    input: Input,
    journal: Journal,
    control: &'a Control<'a>,
}

impl Writer<'_> {
    /// Turns and writes all blocks but those of `kept`, and returns the sum of their words.
    fn run(&self, threads: usize, kept: &[Entry]) -> Result<Sum, Error> {
        let mut todo = vec![true; self.blocks.count()];
        for entry in kept {
            todo[entry.block] = false;
        }
        let todo: Vec<usize> = (0..todo.len()).filter(|block| todo[*block]).collect();
        let resumed: u64 = kept.iter().map(|entry| self.blocks.bytes(entry.block)).sum();
        let (next, written) = (AtomicUsize::new(0), AtomicU64::new(resumed));
        let finished = AtomicBool::new(false);
        let failed = AtomicBool::new(false);
        let result = Mutex::new(Ok(Sum::default()));
        std::thread::scope(|scope| {
            scope.spawn(|| self.keep_flushing(&written, &finished));
            let workers: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.work(&todo, &next, &written, &failed, &result)))
                .collect();
            let panic = workers.into_iter().filter_map(|worker| worker.join().err()).next();
            finished.store(true, Ordering::Release);
            if let Some(panic) = panic {
                std::panic::resume_unwind(panic);
            }
        });
        if written.load(Ordering::Relaxed) != self.data_len && !failed.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        result.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn work(
        &self,
        todo: &[usize],
        next: &AtomicUsize,
        written: &AtomicU64,
        failed: &AtomicBool,
        result: &Mutex<Result<Sum, Error>>,
    ) {
        let mut series: Vec<Word> = Vec::new();
        let mut buffers = Buffers::default();
        let mut sum = Sum::default();
        let outcome = loop {
            if failed.load(Ordering::Relaxed) {
                break Ok(());
            }
            let Some(&block) = todo.get(next.fetch_add(1, Ordering::Relaxed)) else { break Ok(()) };
            match self.control.check().and_then(|()| self.write_block(block, &mut series, &mut buffers)) {
                Ok(block_sum) => sum.merge(block_sum),
                Err(error) => break Err(error),
            }
            let done =
                written.fetch_add(self.blocks.bytes(block), Ordering::Relaxed) + self.blocks.bytes(block);
            self.control.report(Stage::Turning, done, self.data_len);
        };
        let mut result = result.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (&mut *result, outcome) {
            (Ok(total), Ok(())) => total.merge(sum),
            (slot @ Ok(_), Err(error)) => {
                failed.store(true, Ordering::Relaxed);
                *slot = Err(error);
            }
            (Err(_), _) => {}
        }
    }

    fn write_block(&self, block: usize, series: &mut Vec<Word>, buffers: &mut Buffers) -> Result<Sum, Error> {
        let pixels = self.blocks.range(block);
        let stride = self.blocks.layout.series_len() / 4;
        series.resize(pixels.len() * stride, [0; 4]);
        self.input.fill(pixels.clone(), series, buffers)?;
        let mut at = self.data_start + (pixels.start * stride * 4) as u64;
        let (mut sum, mut hash) = (Sum::default(), Xxh3::new());
        for piece in series.as_flattened().chunks(PIECE) {
            sum.add(piece);
            hash.update(piece);
            self.file
                .write_all_at(piece, at)
                .map_err(|source| room(self.path, self.bytes, source, "write its pixels"))?;
            at += piece.len() as u64;
        }
        let entry = Entry { block, sum: sum.value(), hash: hash.digest() };
        self.journal.add(entry).map_err(|source| room(self.path, self.bytes, source, "write its journal"))?;
        Ok(sum)
    }

    /// Sends what was written to the disk while the work goes on, so that the last sync is short.
    fn keep_flushing(&self, written: &AtomicU64, finished: &AtomicBool) {
        const STEP: u64 = 64 << 20;
        let mut flushed = written.load(Ordering::Relaxed);
        while !finished.load(Ordering::Acquire) {
            let now = written.load(Ordering::Relaxed);
            if now >= flushed + STEP {
                // A failure shows again at the last sync, which is checked.
                let _ = self.file.sync_data();
                flushed = now;
            } else {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}
