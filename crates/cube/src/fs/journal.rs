//! Which blocks of a cube under way are done.
//!
//! Text, a line a block: number, sum of its words, hash of its bytes, hash of the line. Nothing is synced: on resuming
//! each block is read back and hashed, so that a journal ahead of its cube (a power cut) does no harm.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &str = "ur-cube-journal-1";

/// What identifies the work that a journal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// Hash of everything that decides the cube's bytes but its date.
    pub(super) fingerprint: u64,
    /// Pixels a block.
    pub(super) block_pixels: usize,
    /// DATE of the cube.
    pub(super) date: String,
}

/// A block that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) block: usize,
    /// The sum of the block's words, for DATASUM.
    pub(super) sum: u32,
    /// xxh3 of the block's bytes.
    pub(super) hash: u64,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct Journal {
    file: Mutex<File>,
}

fn sealed(line: String) -> String {
    let seal = xxh3_64(line.as_bytes());
    format!("{line} {seal:016x}\n")
}

fn unseal(line: &str) -> Option<&str> {
    let (text, seal) = line.rsplit_once(' ')?;
    (u64::from_str_radix(seal, 16) == Ok(xxh3_64(text.as_bytes()))).then_some(text)
}

impl Journal {
    /// Reads a journal; `None` where there is none or its first line is damaged. Stops at the first damaged line.
    pub(super) fn read(path: &Path) -> Option<(Work, Vec<Entry>)> {
        let text = fs::read_to_string(path).ok()?;
        let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let mut words = unseal(lines.next()?)?.split(' ');
        if words.next()? != MAGIC {
            return None;
        }
        let work = Work {
            fingerprint: u64::from_str_radix(words.next()?, 16).ok()?,
            block_pixels: words.next()?.parse().ok()?,
            date: words.next()?.to_string(),
        };
        let entries = lines.map_while(|line| {
            let mut words = unseal(line)?.split(' ');
            Some(Entry {
                block: words.next()?.parse().ok()?,
                sum: u32::from_str_radix(words.next()?, 16).ok()?,
                hash: u64::from_str_radix(words.next()?, 16).ok()?,
            })
        });
        Some((work, entries.collect()))
    }

    /// Begins a journal with what is already done, replacing an older one.
    pub(super) fn begin(path: &Path, work: &Work, done: &[Entry]) -> io::Result<Self> {
        let new: PathBuf = path.with_extension("journal-new");
        let mut text =
            sealed(format!("{MAGIC} {:016x} {} {}", work.fingerprint, work.block_pixels, work.date));
        text.extend(done.iter().map(line));
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            fs::rename(&new, path)?;
            Ok(file)
        };
        let file = write().inspect_err(|_: &io::Error| {
            let _ = fs::remove_file(&new);
        })?;
        Ok(Journal { file: Mutex::new(file) })
    }

    /// Adds a block that was written.
    pub(super) fn add(&self, entry: Entry) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.write_all(line(&entry).as_bytes())
    }
}

fn line(entry: &Entry) -> String {
    sealed(format!("{} {:08x} {:016x}", entry.block, entry.sum, entry.hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".cube.fits.journal");
        let work = Work { fingerprint: 7, block_pixels: 100, date: "2026-11-21".into() };
        let first = Entry { block: 0, sum: 1, hash: 2 };
        let journal = Journal::begin(&path, &work, &[first]).unwrap();
        journal.add(Entry { block: 1, sum: 3, hash: 4 }).unwrap();
        assert_eq!(Journal::read(&path).unwrap().1.len(), 2);
        let text = fs::read(&path).unwrap();
        for cut in 1..30 {
            fs::write(&path, &text[..text.len() - cut]).unwrap();
            assert_eq!(Journal::read(&path), Some((work.clone(), vec![first])));
        }
        fs::write(&path, "garbage").unwrap();
        assert_eq!(Journal::read(&path), None);
    }
}
