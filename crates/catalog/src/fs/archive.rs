//! Which tables an archive has.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::metadata;
use crate::Error;

/// The tables of an archive.
#[derive(Debug, Default)]
pub struct ArchiveTables {
    /// The tables, schema by schema.
    pub tables: Vec<ArchiveTable>,
    /// Files that queries cannot name, by the names they would have.
    pub left_out: Vec<(String, Error)>,
}

/// A table of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveTable {
    /// The name by which queries know it, `SCHEMA.TABLE`.
    pub name: String,
    /// What it is there.
    pub stored: Stored,
}

/// How a table is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The folder of a HATS catalogue, which has an index of the sky.
    Catalog(PathBuf),
    /// Files with the same columns, as [`Table`](super::Table) opens them.
    Files(Vec<PathBuf>),
}

/// Endings of files that are tables; `.gz` may follow the first.
const PACKED: [&str; 5] = ["csv", "tsv", "ecsv", "vot", "votable"];
const PLAIN: [&str; 3] = ["parquet", "fits", "fit"];

/// What tables that describe the others begin with: TAP 1.1, section 4.
const DESCRIBING: &str = "TAP_SCHEMA.";

/// The schema of time series.
const SERIES: &str = "series";

/// The tables of an archive's folder: `catalogues/SCHEMA/TABLE` is `SCHEMA.TABLE`, `series/TABLE` is `series.TABLE`. A table
/// is a HATS catalogue, a file (its name without the ending is the table's), or a folder of files with the same columns.
/// Names that begin with a period are under way; files that are no tables by their endings are passed over, as are empty
/// folders, and files with the name of a folder beside them, of which a catalogue may have been made.
///
/// # Errors
/// [`Error::Io`] where neither folder is there or one in them cannot be read; left out with [`Error::ArchiveName`] are names
/// that have a period within or are in TAP_SCHEMA, and of two tables with one name, whatever its capitals, the second; with
/// [`Error::NoTables`] folders in which there is something, but neither a catalogue nor a table.
pub fn archive_tables(archive: impl AsRef<Path>) -> Result<ArchiveTables, Error> {
    let [catalogues, series] = ["catalogues", SERIES].map(|name| archive.as_ref().join(name));
    let mut found = Found::default();
    if catalogues.is_dir() || !series.is_dir() {
        for schema in listed(&catalogues)?.into_iter().filter(|path| path.is_dir()) {
            found.add(&name_of(&schema), &schema)?;
        }
    }
    if series.is_dir() {
        found.add(SERIES, &series)?;
    }
    Ok(found.archive)
}

/// What was found so far.
#[derive(Default)]
struct Found {
    archive: ArchiveTables,
    /// The names of the tables, in small letters.
    names: HashSet<String>,
}

impl Found {
    /// Adds the tables in the folder of a schema, by name; folders have theirs before files.
    fn add(&mut self, schema: &str, folder: &Path) -> Result<(), Error> {
        let before = self.archive.tables.len();
        let (folders, files): (Vec<_>, Vec<_>) = listed(folder)?.into_iter().partition(|path| path.is_dir());
        let mut of_folders = HashSet::new();
        for path in folders {
            let stored = match metadata::is_catalog(&path) {
                true => Stored::Catalog(path.clone()),
                false => {
                    let within = listed(&path)?;
                    let is_empty = within.is_empty();
                    let files: Vec<_> = within.into_iter().filter(|path| stem(path).is_some()).collect();
                    if files.is_empty() {
                        if !is_empty {
                            let name = format!("{schema}.{}", name_of(&path));
                            self.archive.left_out.push((name, Error::NoTables.in_file(&path)));
                        }
                        continue;
                    }
                    Stored::Files(files)
                }
            };
            let name = format!("{schema}.{}", name_of(&path));
            of_folders.insert(name.to_ascii_lowercase());
            self.push(name, &path, stored);
        }
        for path in files {
            let Some(stem) = stem(&path) else { continue };
            let name = format!("{schema}.{stem}");
            if !of_folders.contains(&name.to_ascii_lowercase()) {
                self.push(name, &path, Stored::Files(vec![path.clone()]));
            }
        }
        self.archive.tables[before..].sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    fn push(&mut self, name: String, path: &Path, stored: Stored) {
        let reason = if name.matches('.').count() > 1 {
            "has a period, which divides schema and table in queries"
        } else if name.get(..DESCRIBING.len()).is_some_and(|of| of.eq_ignore_ascii_case(DESCRIBING)) {
            "is one of TAP_SCHEMA, whose tables describe the others"
        } else if !self.names.insert(name.to_ascii_lowercase()) {
            "is that of another table"
        } else {
            return self.archive.tables.push(ArchiveTable { name, stored });
        };
        self.archive.left_out.push((name, Error::ArchiveName { reason }.in_file(path)));
    }
}

/// The name of a file that is a table, without its ending.
fn stem(path: &Path) -> Option<String> {
    let name = name_of(path);
    let unpacked = name.strip_suffix(".gz");
    let (stem, ending) = unpacked.unwrap_or(&name).rsplit_once('.')?;
    let ending = &*ending.to_ascii_lowercase();
    let known = PACKED.contains(&ending) || unpacked.is_none() && PLAIN.contains(&ending);
    (known && !stem.is_empty() && path.is_file()).then(|| stem.to_string())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is in a folder, by name.
fn listed(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = || -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    };
    list().map_err(|source| Error::io("list what is in it", source).in_file(path))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn folders_catalogues_and_files_are_tables_and_notes_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let touch = |path: &str| {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), "x").unwrap();
        };
        assert!(archive_tables(folder.path()).unwrap_err().to_string().contains("catalogues"));
        touch("series/kepler.csv.gz");
        touch("series/kepler.zonemap");
        touch("series/tess/part-2.parquet");
        touch("series/tess/part-1.parquet");
        touch("series/tess/notes.md");
        let named = |name: &str, stored| ArchiveTable { name: name.into(), stored };
        let series = [
            named("series.kepler", Stored::Files(vec![at("series/kepler.csv.gz")])),
            named(
                "series.tess",
                Stored::Files(vec![at("series/tess/part-1.parquet"), at("series/tess/part-2.parquet")]),
            ),
        ];
        let tables = || archive_tables(folder.path()).unwrap();
        assert_eq!(tables().tables, series);
        touch("catalogues/gaia/source/hats.properties");
        touch("catalogues/gaia/source/README.txt");
        touch("catalogues/gaia/.under-way.part/hats.properties");
        touch("catalogues/gaia/neighbours.FITS");
        fs::create_dir(at("catalogues/gaia/empty")).unwrap();
        touch("catalogues/README.md");
        touch("catalogues/gaia/packed.fits.gz");
        touch("catalogues/gaia/Source.parquet");
        let mut all = vec![
            named("gaia.neighbours", Stored::Files(vec![at("catalogues/gaia/neighbours.FITS")])),
            named("gaia.source", Stored::Catalog(at("catalogues/gaia/source"))),
        ];
        all.extend(series);
        assert_eq!(tables().tables, all);
        assert!(tables().left_out.is_empty());

        touch("catalogues/gaia/neighbours.csv");
        touch("catalogues/gaia/dr3.1.csv");
        touch("catalogues/gaia/plots/a.png");
        // Of other folders than the first, and with other capitals.
        touch("catalogues/Gaia/neighbours.parquet");
        touch("catalogues/Series/kepler.csv");
        touch("catalogues/tap_schema/tables.csv");
        let told: Vec<String> =
            tables().left_out.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        let wanted = [
            ("gaia.plots", "plots: is neither a HATS catalogue nor has it files that are tables"),
            ("gaia.dr3.1", "dr3.1.csv: its name has a period"),
            ("gaia.neighbours", "neighbours.FITS: its name is that of another table; rename it"),
            ("gaia.neighbours", "neighbours.csv: its name is that of another table; rename it"),
            ("tap_schema.tables", "tables.csv: its name is one of TAP_SCHEMA"),
            ("series.kepler", "kepler.csv.gz: its name is that of another table; rename it"),
        ];
        let fits =
            |(told, (name, why)): (&String, &(&str, &str))| told.starts_with(*name) && told.contains(why);
        assert!(told.len() == wanted.len() && told.iter().zip(&wanted).all(fits), "{told:#?}");
        // The first of them stays.
        let stays = named("Gaia.neighbours", Stored::Files(vec![at("catalogues/Gaia/neighbours.parquet")]));
        assert!(tables().tables.contains(&stays));
    }
}
