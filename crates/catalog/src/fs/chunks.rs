//! Bytes of a parquet file: read at their place, so that threads can share an open file, lying in mapped memory, or in
//! an object store.

use std::fs::File;
use std::io::{self, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use uranometria_fits::{Source, SourceReader};

use super::handle::Handle;

/// A file that is cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Chunks {
    Open(Arc<Handle>),
    Mapped(Bytes),
    #[cfg(feature = "object-store")]
    Stored(super::store::Stored),
}

impl Chunks {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Handle::open(path).map(Chunks::Open)
    }

    /// The same file, with what will be read fetched beforehand where each reading takes long.
    pub(super) fn fetched(&self, ranges: impl FnOnce() -> Vec<Range<u64>>) -> io::Result<Self> {
        match self {
            #[cfg(feature = "object-store")]
            Chunks::Stored(file) => Ok(Chunks::Stored(file.with(ranges())?)),
            _ => {
                let _ = ranges;
                Ok(self.clone())
            }
        }
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
            Chunks::Open(handle) => handle.len(),
            Chunks::Mapped(bytes) => bytes.len() as u64,
            #[cfg(feature = "object-store")]
            Chunks::Stored(file) => file.len(),
        }
    }
}

impl Source for Chunks {
    fn len(&self) -> u64 {
        Length::len(self)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match self {
            Chunks::Open(handle) => handle.file()?.read_exact_at(into, offset),
            Chunks::Mapped(bytes) => Source::read_at(&&**bytes, offset, into),
            #[cfg(feature = "object-store")]
            Chunks::Stored(file) => {
                into.copy_from_slice(&file.bytes(offset, into.len())?);
                Ok(())
            }
        }
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<SourceReader<Chunks>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::with_capacity(1 << 12, SourceReader::new(self.clone(), start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self {
            Chunks::Open(handle) => {
                let mut bytes = vec![0; length];
                handle.file()?.read_exact_at(&mut bytes, start)?;
                Ok(bytes.into())
            }
            Chunks::Mapped(bytes) => {
                let range = usize::try_from(start).ok().and_then(|at| Some(at..at.checked_add(length)?));
                let range = range.filter(|range| range.end <= bytes.len());
                let eof = || ParquetError::EOF(format!("{length} bytes at byte {start} are beyond the end"));
                Ok(bytes.slice(range.ok_or_else(eof)?))
            }
            #[cfg(feature = "object-store")]
            Chunks::Stored(file) => Ok(file.bytes(start, length)?),
        }
    }
}
