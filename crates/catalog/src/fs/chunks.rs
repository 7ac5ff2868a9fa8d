//! Bytes of a parquet file: read at their place, so that threads can share an open file, or lying in mapped memory.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// A file that is cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Chunks {
    Open { file: Arc<File>, len: u64 },
    Mapped(Bytes),
}

impl Chunks {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Chunks::Open { file: Arc::new(file), len })
    }

    /// # Safety
    /// Nobody may change the file while it is mapped.
    #[allow(unsafe_code)]
    pub(super) unsafe fn map(path: &Path) -> io::Result<Self> {
        // SAFETY: the caller promises that the file does not change.
        let map = unsafe { memmap2::Mmap::map(&File::open(path)?) }?;
        Ok(Chunks::Mapped(Bytes::from_owner(map)))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        match self {
            Chunks::Open { len, .. } => *len,
            Chunks::Mapped(bytes) => bytes.len() as u64,
        }
    }
}

/// Reads on from a place.
pub(super) struct From {
    chunks: Chunks,
    at: u64,
}

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &self.chunks {
            Chunks::Open { file, .. } => file.read_at(into, self.at)?,
            Chunks::Mapped(bytes) => {
                let rest = usize::try_from(self.at).ok().and_then(|at| bytes.get(at..)).unwrap_or(&[]);
                let count = rest.len().min(into.len());
                into[..count].copy_from_slice(&rest[..count]);
                count
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl ChunkReader for Chunks {
    type T = io::BufReader<From>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(io::BufReader::with_capacity(1 << 12, From { chunks: self.clone(), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self {
            Chunks::Open { file, .. } => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, start)?;
                Ok(bytes.into())
            }
            Chunks::Mapped(bytes) => {
                let range = usize::try_from(start).ok().and_then(|at| Some(at..at.checked_add(length)?));
                let range = range.filter(|range| range.end <= bytes.len());
                let eof = || ParquetError::EOF(format!("{length} bytes at byte {start} are beyond the end"));
                Ok(bytes.slice(range.ok_or_else(eof)?))
            }
        }
    }
}
