//! Files that are open only while they are needed, as systems let a process have no more than some hundreds at a time and
//! catalogues have thousands.

use std::collections::VecDeque;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::Error;

/// The most files that are open; the one opened first gives way.
const MOST: usize = 128;

/// Those that are open, the one opened first in front.
static OPEN: Mutex<VecDeque<Weak<Handle>>> = Mutex::new(VecDeque::new());

/// A file that can be read at any place, open or not.
#[derive(Debug)]
pub(super) struct Handle {
    path: PathBuf,
    /// Of the file that it was when it was opened first.
    identity: [i64; 5],
    len: u64,
    file: Mutex<Option<Arc<File>>>,
}

impl Handle {
    pub(super) fn open(path: &Path) -> io::Result<Arc<Self>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let handle = Arc::new(Handle {
            path: path.to_path_buf(),
            identity: identity(&metadata),
            len: metadata.len(),
            file: Mutex::new(Some(Arc::new(file))),
        });
        handle.noted();
        Ok(handle)
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The open file; an error where it is another one by now.
    pub(super) fn file(self: &Arc<Self>) -> io::Result<Arc<File>> {
        let mut held = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*held {
            return Ok(file.clone());
        }
        let file = File::open(&self.path)?;
        if identity(&file.metadata()?) != self.identity {
            return Err(io::Error::other(Error::Replaced));
        }
        let file = Arc::new(file);
        *held = Some(file.clone());
        // Others that give way are locked next.
        drop(held);
        self.noted();
        Ok(file)
    }

    /// Takes its place among the open ones, for which others may have to give way.
    fn noted(self: &Arc<Self>) {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.push_back(Arc::downgrade(self));
        if open.len() > MOST {
            open.retain(|handle| handle.strong_count() > 0);
        }
        while open.len() > MOST {
            if let Some(first) = open.pop_front().and_then(|handle| handle.upgrade()) {
                *first.file.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    }
}

fn identity(metadata: &Metadata) -> [i64; 5] {
    let len = metadata.len() as i64;
    [metadata.dev() as i64, metadata.ino() as i64, len, metadata.mtime(), metadata.mtime_nsec()]
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn more_files_are_read_than_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = |n: usize| folder.path().join(n.to_string());
        let handles: Vec<Arc<Handle>> = (0..3 * MOST)
            .map(|n| {
                std::fs::write(path(n), [n as u8]).unwrap();
                Handle::open(&path(n)).unwrap()
            })
            .collect();
        for _ in 0..2 {
            for (n, handle) in handles.iter().enumerate() {
                let mut byte = [0];
                handle.file().unwrap().read_exact_at(&mut byte, 0).unwrap();
                assert_eq!((byte[0], handle.len()), (n as u8, 1));
            }
        }
        let open = handles.iter().filter(|handle| handle.file.lock().unwrap().is_some()).count();
        assert!(open <= MOST, "{open}");
        // Who gave way notices that the file is another one now.
        let first = handles.iter().position(|handle| handle.file.lock().unwrap().is_none()).unwrap();
        std::fs::write(path(first), "other").unwrap();
        assert!(handles[first].file().unwrap_err().to_string().contains("replaced"));
    }
}
