//! Files by path or URL: what is not in a folder is read from an object store, in ranges.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::chunks::Chunks;

/// Whether a path is a URL, as `s3://bucket/name`.
pub(super) fn is_url(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|text| text.split_once("://"));
    scheme.is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Reads a whole file of text.
pub(super) fn read_to_string(path: &Path) -> io::Result<String> {
    if is_url(path) { stored::read_to_string(path) } else { fs::read_to_string(path) }
}

/// Opens a file to be read at any place.
pub(super) fn open(path: &Path) -> io::Result<Chunks> {
    if is_url(path) { stored::open(path) } else { Chunks::open(path) }
}

/// Bytes that are others when the file is another.
pub(super) fn version(path: &Path) -> io::Result<Vec<u8>> {
    if is_url(path) {
        return stored::version(path);
    }
    let meta = fs::metadata(path)?;
    // Times are as coarse as the clock of the system.
    let numbers = [meta.len() as i64, meta.mtime(), meta.mtime_nsec(), meta.ino() as i64];
    Ok(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
}

#[cfg(feature = "object-store")]
use super::store as stored;

#[cfg(not(feature = "object-store"))]
mod stored {
    use super::*;

    fn lacking<T>() -> io::Result<T> {
        let reason = "this program was built without the feature object-store, which reads URLs";
        Err(io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    pub(super) fn read_to_string(_: &Path) -> io::Result<String> {
        lacking()
    }

    pub(super) fn open(_: &Path) -> io::Result<Chunks> {
        lacking()
    }

    pub(super) fn version(_: &Path) -> io::Result<Vec<u8>> {
        lacking()
    }
}
