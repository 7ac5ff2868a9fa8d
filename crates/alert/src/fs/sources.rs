//! Catalogues, watch lists and maps by the names that conditions give them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use uranometria_catalog::fs::{ArchiveTable, Catalog, Stored, archive_tables};
use uranometria_sky::{Angle, Moc};
use uranometria_votable::{Reader, ReaderOptions};

use super::counterparts::Known;
use crate::condition::{Counterparts, Places, SourceFile, Sources, WatchList, nearest};

/// Files that a catalogue replaces when it changes.
const CATALOGUE_FILES: [&str; 3] = ["hats.properties", "properties", "collection.properties"];

/// Finds catalogues in an archive, by `schema.table` or by `table` alone where only one is called so, or by their path;
/// watch lists and maps by their path.
///
/// A watch list is CSV (.csv), parquet (.parquet) or VOTable (.vot, .xml, .votable) with columns `ra` and `dec` (ICRS
/// degrees) and, if it likes, `radius` (arcseconds); or with a column `objectId`, `object_id`, `diaObjectId`, `id` or
/// `name` of the objects that are waited for. Maps are MOCs: .fits, .txt (ASCII), .json, or ASCII in the condition itself.
#[derive(Debug)]
pub struct ArchiveSources {
    archive: Option<PathBuf>,
    catalogues: Mutex<HashMap<String, Arc<Known>>>,
    files: Mutex<BTreeSet<SourceFile>>,
}

/// A file as it is now; one that is not there has no length and no time.
pub(super) fn file_now(path: &Path) -> SourceFile {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let meta = std::fs::metadata(&path).ok();
    let modified = meta.as_ref().and_then(|meta| meta.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let modified_ns = modified.map_or(0, |time| time.as_nanos() as u64);
    SourceFile { bytes: meta.map_or(0, |meta| meta.len()), modified_ns, path }
}

impl ArchiveSources {
    /// Of an archive, or of files alone.
    pub fn new(archive: Option<&Path>) -> Self {
        ArchiveSources {
            archive: archive.map(Path::to_path_buf),
            catalogues: Mutex::default(),
            files: Mutex::default(),
        }
    }

    fn note(&self, path: &Path) {
        let mut files = self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        files.insert(file_now(path));
    }

    fn find(&self, name: &str) -> Result<PathBuf, String> {
        let path = Path::new(name);
        if path.is_dir() && name.contains('/') {
            return Ok(path.to_path_buf());
        }
        let archive = self.archive.as_deref().filter(|archive| archive.join("catalogues").is_dir());
        let tables = match archive {
            None => Vec::new(),
            Some(archive) => archive_tables(archive).map_err(|error| error.to_string())?.tables,
        };
        let catalogue = |table: ArchiveTable| match table.stored {
            Stored::Catalog(path) => Some((table.name, path)),
            Stored::Files(_) => None,
        };
        let tables: Vec<(String, PathBuf)> = tables.into_iter().filter_map(catalogue).collect();
        let mut named = tables.iter().filter(|(table, _)| {
            table.eq_ignore_ascii_case(name)
                || table.split_once('.').is_some_and(|(_, table)| table.eq_ignore_ascii_case(name))
        });
        match (named.next(), named.next()) {
            (Some((_, path)), None) => Ok(path.clone()),
            (Some((one, _)), Some((other, _))) => {
                Err(format!("several catalogues are called '{name}'; write '{one}' or '{other}'"))
            }
            _ => {
                let names = tables.iter().map(|(table, _)| table.as_str());
                Err(match nearest(name, names) {
                    Some(near) => format!("there is no catalogue '{name}'; did you mean '{near}'?"),
                    None if tables.is_empty() => {
                        format!("there is no catalogue '{name}': the archive has none; see ur catalog import")
                    }
                    None => {
                        let names: Vec<&str> = tables.iter().map(|(table, _)| table.as_str()).collect();
                        format!("there is no catalogue '{name}'; the archive has {}", names.join(", "))
                    }
                })
            }
        }
    }
}

impl Sources for ArchiveSources {
    fn catalogue(&self, name: &str) -> Result<Arc<dyn Counterparts>, String> {
        let mut open = self.catalogues.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = open.get(name) {
            return Ok(known.clone());
        }
        let folder = self.find(name)?;
        CATALOGUE_FILES.iter().for_each(|file| self.note(&folder.join(file)));
        let catalog = Catalog::open(folder).map_err(|error| error.to_string())?;
        // The one that a collection leads to.
        CATALOGUE_FILES.iter().for_each(|file| self.note(&catalog.path().join(file)));
        let known = Arc::new(Known { catalog });
        open.insert(name.to_string(), known.clone());
        Ok(known)
    }

    fn watch_list(&self, name: &str, radius: Option<Angle>) -> Result<Arc<WatchList>, String> {
        self.note(Path::new(name));
        let read = || watch_list(&read_table(Path::new(name))?, radius);
        Ok(Arc::new(read().map_err(|told| format!("{name}: {told}"))?))
    }

    fn moc(&self, name: &str) -> Result<Arc<Moc>, String> {
        let path = Path::new(name);
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        if matches!(ending.as_str(), "fits" | "txt" | "moc" | "json") {
            self.note(path);
        }
        let text = || std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"));
        let moc = match ending.as_str() {
            "fits" => {
                let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
                Moc::from_fits(&bytes)
            }
            "txt" | "moc" => Moc::from_ascii(&text()?),
            "json" => Moc::from_json(&text()?),
            // Cells have a slash too, but begin with their order.
            _ if name.trim_start().starts_with(|c: char| c.is_ascii_digit()) => Moc::from_ascii(name),
            _ => {
                return Err(format!(
                    "'{name}' is no MOC: expected a file .fits, .txt or .json, or cells such as 3/12 14-17"
                ));
            }
        };
        Ok(Arc::new(moc.map_err(|error| format!("{name}: {error}"))?))
    }

    fn files(&self) -> Vec<SourceFile> {
        self.files.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter().cloned().collect()
    }
}

/// A small table, whole.
fn read_table(path: &Path) -> Result<Vec<RecordBatch>, String> {
    let open = || File::open(path).map_err(|error| error.to_string());
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match ending.as_str() {
        "parquet" => {
            let reader =
                ParquetRecordBatchReaderBuilder::try_new(open()?).and_then(|builder| builder.build());
            reader.map_err(|e| told(&e))?.map(|batch| batch.map_err(|e| told(&e))).collect()
        }
        "vot" | "xml" | "votable" => {
            let options = ReaderOptions::default();
            let reader = Reader::new(BufReader::new(open()?), &options).map_err(|e| told(&e))?;
            reader.map(|batch| batch.map_err(|e| told(&e))).collect()
        }
        "csv" => {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            let format = arrow_csv::reader::Format::default().with_header(true);
            let (found, _) = format.infer_schema(text.as_bytes(), None).map_err(|e| told(&e))?;
            // Names of objects may look like numbers in the first rows alone.
            let fields: Vec<_> = found
                .fields()
                .iter()
                .map(|field| {
                    let number =
                        ["ra", "dec", "radius"].iter().any(|name| field.name().eq_ignore_ascii_case(name));
                    let data_type = if number { DataType::Float64 } else { DataType::Utf8 };
                    field.as_ref().clone().with_data_type(data_type)
                })
                .collect();
            let reader = arrow_csv::ReaderBuilder::new(Arc::new(Schema::new(fields))).with_header(true);
            let reader = reader.build(text.as_bytes()).map_err(|e| told(&e))?;
            reader.map(|batch| batch.map_err(|e| told(&e))).collect()
        }
        other => Err(format!("ending {other:?} is not known, expected .csv, .parquet, .vot or .xml")),
    }
}

fn watch_list(table: &[RecordBatch], radius: Option<Angle>) -> Result<WatchList, String> {
    let Some(first) = table.first() else { return Err("there are no rows".into()) };
    let schema = first.schema();
    let place = |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let read = |at: usize, data_type: &DataType| -> Result<Vec<ArrayRef>, String> {
        let name = schema.field(at).name();
        table
            .iter()
            .map(|batch| cast(batch.column(at), data_type).map_err(|e| format!("column `{name}`: {e}")))
            .collect()
    };
    let numbers = |at: usize| -> Result<Vec<f64>, String> {
        let arrays = read(at, &DataType::Float64)?;
        let each = arrays.iter().flat_map(|array| array.as_primitive::<Float64Type>().iter());
        Ok(each.map(|number| number.unwrap_or(f64::NAN)).collect())
    };
    if let (Some(ra), Some(dec)) = (place("ra"), place("dec")) {
        let (ra, dec) = (numbers(ra)?, numbers(dec)?);
        let usual = radius.map_or(1.0, |radius| radius.arcsec());
        let radii = match place("radius") {
            Some(at) => numbers(at)?.into_iter().map(|own| if own.is_nan() { usual } else { own }).collect(),
            None => vec![usual; ra.len()],
        };
        let radii: Vec<Angle> = radii.into_iter().map(Angle::from_arcsec).collect();
        return Ok(WatchList::Places(Places::new(&ra, &dec, &radii)?));
    }
    let names = ["objectId", "object_id", "diaObjectId", "id", "name"];
    let Some(at) = names.iter().find_map(|name| place(name)) else {
        return Err("it has neither columns ra and dec nor one of names, such as objectId".into());
    };
    let mut all = HashSet::new();
    for array in read(at, &DataType::Utf8)? {
        all.extend(array.as_string::<i32>().iter().flatten().map(|name| name.trim().to_string()));
    }
    Ok(WatchList::Names(all))
}
