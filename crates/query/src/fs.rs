//! Archives on disk.

use std::path::Path;
use std::sync::Arc;

use uranometria_catalog::fs::{Catalog, Control, Stored, Table, archive_tables};

use crate::source::Source;
use crate::{Error, Resources, Session};

/// A session with the tables of an archive: `catalogues/SCHEMA/TABLE` as `SCHEMA.TABLE` and `series/TABLE` as `series.TABLE`,
/// catalogues and [files as they are](uranometria_catalog::fs::archive_tables).
///
/// Files are read with system calls; [`map_archive`] is quicker where nobody changes them in place.
///
/// # Errors
/// [`Error::Catalog`] for a table that cannot be opened or named, [`Error::Name`] for a schema with a period in its name.
pub fn open_archive(archive: impl AsRef<Path>, resources: &Resources) -> Result<Session, Error> {
    with_each(archive.as_ref(), resources, |path| Catalog::open(path))
}

/// The same with catalogues as mapped memory.
///
/// # Safety
/// Nobody may change files of the catalogues in place. Catalogues made by this project are only ever replaced as a whole.
///
/// # Errors
/// As [`open_archive`].
#[allow(unsafe_code)]
pub unsafe fn map_archive(archive: impl AsRef<Path>, resources: &Resources) -> Result<Session, Error> {
    // SAFETY: the caller promised that the files do not change.
    with_each(archive.as_ref(), resources, |path| unsafe { Catalog::map(path) })
}

fn with_each(
    archive: &Path,
    resources: &Resources,
    open: impl Fn(&Path) -> Result<Catalog, uranometria_catalog::Error>,
) -> Result<Session, Error> {
    let mut session = Session::new(resources)?;
    let mut all = Vec::new();
    for table in archive_tables(archive)? {
        let source = match &table.stored {
            Stored::Catalog(path) => Source::Catalog(Arc::new(open(path)?)),
            Stored::Files(paths) => Source::Files(Arc::new(Table::open(paths, &Control::none())?)),
        };
        all.push((table.name, source));
    }
    session.add_all(all)?;
    Ok(session)
}
