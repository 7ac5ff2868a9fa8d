//! Archives on disk.

use std::path::Path;
use std::sync::Arc;

use uranometria_catalog::fs::{Catalog, Control, Stored, Table, archive_tables};

use crate::source::Source;
use crate::{Error, Resources, Session};

/// A session with the tables of an archive: `catalogues/SCHEMA/TABLE` as `SCHEMA.TABLE` and `series/TABLE` as `series.TABLE`,
/// catalogues and [files as they are](uranometria_catalog::fs::archive_tables).
///
/// A file that cannot be opened or named as a table is [left out](Session::left_out), with the reason. Of CSV and TSV the types
/// of columns are found out by reading them once.
///
/// Files are read with system calls; [`map_archive`] is quicker where nobody changes them in place.
///
/// # Errors
/// [`Error::Catalog`] for a catalogue that cannot be opened, and where the archive has neither folder.
pub fn open_archive(archive: impl AsRef<Path>, resources: &Resources) -> Result<Session, Error> {
    open_archive_watched(archive, resources, &Control::none())
}

/// As [`open_archive`], watched and stopped by `control` while it reads CSV.
///
/// # Errors
/// As [`open_archive`]; that it was interrupted.
pub fn open_archive_watched(
    archive: impl AsRef<Path>,
    resources: &Resources,
    control: &Control<'_>,
) -> Result<Session, Error> {
    with_each(archive.as_ref(), resources, control, |path| Catalog::open(path))
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
    with_each(archive.as_ref(), resources, &Control::none(), |path| unsafe { Catalog::map(path) })
}

fn with_each(
    archive: &Path,
    resources: &Resources,
    control: &Control<'_>,
    open: impl Fn(&Path) -> Result<Catalog, uranometria_catalog::Error>,
) -> Result<Session, Error> {
    let mut session = Session::new(resources)?;
    let mut all = Vec::new();
    let found = archive_tables(archive)?;
    found.left_out.into_iter().for_each(|(name, why)| session.leave_out(name, why));
    for table in found.tables {
        let source = match &table.stored {
            Stored::Catalog(path) => Source::Catalog(Arc::new(open(path)?)),
            Stored::Files(paths) => match Table::open(paths, control) {
                Ok(files) => Source::Files(Arc::new(files)),
                Err(error @ uranometria_catalog::Error::Interrupted) => return Err(error.into()),
                Err(error) => {
                    session.leave_out(table.name, error);
                    continue;
                }
            },
        };
        all.push((table.name, source));
    }
    session.add_all(all)?;
    Ok(session)
}
