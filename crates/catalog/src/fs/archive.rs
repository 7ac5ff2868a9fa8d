//! Which catalogues an archive has.

use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// The catalogues of an archive's folder with the names by which queries know them: `catalogues/SCHEMA/TABLE` is
/// `SCHEMA.TABLE`. Names that begin with a period are under way.
///
/// # Errors
/// [`Error::Io`] where the folder `catalogues` or one in it cannot be read.
pub fn archive_tables(archive: impl AsRef<Path>) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut tables = Vec::new();
    for schema in folders(&archive.as_ref().join("catalogues"))? {
        for table in folders(&schema)? {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tables.push((format!("{}.{}", name(&schema), name(&table)), table));
        }
    }
    Ok(tables)
}

/// The folders in a folder, by name.
fn folders(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if entry.path().is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    };
    list().map_err(|source| Error::io("list what is in it", source).in_file(path))
}
