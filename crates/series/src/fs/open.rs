//! Files that become one series.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use uranometria_fits::Source;
use uranometria_fits::fs::{MappedFile, OpenFile};

use super::arrays::{self, Array, ArrayTable};
use super::csv::{CsvTable, Reading};
use super::fits::FitsTable;
use super::parquet::ParquetTable;
use super::table::Wanted;
use super::{Control, File, Part, Series};
use crate::Error;
use crate::number::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Array,
    Csv,
    Fits,
    Parquet,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Array => "an array",
            Format::Csv => "CSV",
            Format::Fits => "FITS",
            Format::Parquet => "parquet",
        }
    }

    /// Tells arrays without a header by the ending of their name, other formats by the first bytes; anything without
    /// a NUL in them is text.
    fn of(path: &Path, file: &OpenFile) -> Result<Format, Error> {
        if arrays::Stored::of_ending(path).is_some() {
            return Ok(Format::Array);
        }
        let mut head = vec![0; file.len().min(512) as usize];
        file.read_at(0, &mut head).map_err(|error| Error::io("read its first bytes", error))?;
        let begins = |magic: &[u8]| head.starts_with(magic);
        Ok(match () {
            () if begins(b"PAR1") => Format::Parquet,
            () if begins(b"SIMPLE  =") => Format::Fits,
            () if begins(b"\x93NUMPY") => Format::Array,
            () if begins(b"\x1f\x8b") => return Err(Error::Gzip),
            () if head.is_empty() => return Err(Error::Empty),
            () if !head.contains(&0) => Format::Csv,
            () => {
                let found = String::from_utf8_lossy(&head[..head.len().min(8)]).into_owned();
                return Err(Error::Format { found });
            }
        })
    }
}

/// Errs where a path leads to a pipe or a device, which can be read only once, and in order.
pub(super) fn refuse_pipes(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => Err(Error::Pipe.in_file(path)),
        _ => Ok(()),
    }
}

/// How arrays are opened: mapped, or to be read.
type OpenArray<'a> = dyn Fn(&Path) -> Result<Box<dyn Source>, Error> + 'a;

impl Series {
    /// Opens files as one series of the columns `x` and `y`.
    ///
    /// Without `x` the rows are numbered. `y` may be left out where files are arrays. CSV is read whole, of other
    /// formats only what says where things are. Uses the threads of the current `rayon` pool, as all
    /// reading does; choosing has those of `Downsample::threads`.
    ///
    /// # Errors
    /// What is wrong with a file, inside [`Error::InFile`]; [`Error::OtherFormat`] and [`Error::OtherColumns`] where
    /// the files are not alike.
    pub fn open(
        paths: &[impl AsRef<Path> + Sync],
        x: Option<&str>,
        y: Option<&str>,
    ) -> Result<Series, Error> {
        Self::open_watched(paths, x, y, &Control::none())
    }

    /// As [`open`](Series::open), watched and stopped by `control` while it reads CSV.
    ///
    /// # Errors
    /// As [`open`](Series::open); [`Error::Interrupted`].
    pub fn open_watched(
        paths: &[impl AsRef<Path> + Sync],
        x: Option<&str>,
        y: Option<&str>,
        control: &Control<'_>,
    ) -> Result<Series, Error> {
        Self::open_with(paths, &Wanted { x, y }, &|path| Ok(Box::new(OpenFile::open(path)?)), control)
    }

    /// As [`open`](Series::open), but maps arrays into memory; files of other formats are read as there.
    ///
    /// # Safety
    /// Nobody may shorten or change an array while the series lives.
    ///
    /// # Errors
    /// As [`open`](Series::open).
    #[allow(unsafe_code, reason = "a file is mapped")]
    pub unsafe fn open_mapped(
        paths: &[impl AsRef<Path> + Sync],
        x: Option<&str>,
        y: Option<&str>,
    ) -> Result<Series, Error> {
        // SAFETY: the caller promises that the arrays do not change while the series, which owns the maps, lives.
        let map = |path: &Path| unsafe { MappedFile::open(path) };
        Self::open_with(paths, &Wanted { x, y }, &|path| Ok(Box::new(map(path)?)), &Control::none())
    }

    fn open_with(
        paths: &[impl AsRef<Path> + Sync],
        wanted: &Wanted<'_>,
        open_array: &OpenArray<'_>,
        control: &Control<'_>,
    ) -> Result<Series, Error> {
        let first = paths.first().ok_or(Error::NoFiles)?.as_ref();
        let mut files = Vec::new();
        let mut format = None;
        for path in paths {
            let path = path.as_ref();
            refuse_pipes(path)?;
            let file = OpenFile::open(path)?;
            let found = Format::of(path, &file).map_err(|error| error.in_file(path))?;
            let wanted = *format.get_or_insert(found);
            if found != wanted {
                let (found, wanted) = (found.name(), wanted.name());
                let first = first.to_path_buf();
                return Err(Error::OtherFormat { found, wanted, first }.in_file(path));
            }
            files.push((path.to_path_buf(), file));
        }
        let opened: Vec<(PathBuf, File)> = match format {
            Some(Format::Array) => open_arrays(paths, wanted, open_array)?,
            format => {
                let all = files.iter().map(|(_, file)| file.len()).sum();
                let reading = Reading { control, done: AtomicU64::new(0), all };
                let open = |(path, file): (PathBuf, OpenFile)| {
                    let table = match format {
                        Some(Format::Parquet) => ParquetTable::open(file, wanted).map(File::Parquet),
                        Some(Format::Fits) => FitsTable::open(file, wanted).map(File::Fits),
                        _ => CsvTable::open(&path, file, wanted, &reading).map(File::Csv),
                    };
                    table.map_err(|error| error.in_file(&path)).map(|table| (path, table))
                };
                let opened: Vec<_> = files.into_par_iter().map(open).collect();
                opened.into_iter().collect::<Result<_, _>>()?
            }
        };
        Self::of(opened, wanted)
    }

    fn of(mut files: Vec<(PathBuf, File)>, wanted: &Wanted<'_>) -> Result<Series, Error> {
        // Files without rows say nothing of types; decimals are more than integers, high integers more than others.
        let x_types: Vec<DataType> = files
            .iter()
            .filter(|(_, file)| file.table().rows() > 0)
            .filter_map(|(_, file)| file.table().types().0)
            .collect();
        let widest = [DataType::Float64, DataType::UInt64].into_iter().find(|wide| x_types.contains(wide));
        if let Some(widest) = widest.or(x_types.first().cloned()) {
            for (path, file) in &mut files {
                if let File::Csv(table) = file {
                    table.become_like(&widest).map_err(|error| error.in_file(path))?;
                }
            }
        }
        let (first_path, first) = (files[0].0.clone(), files[0].1.table());
        let schema = first.schema().clone();
        let (x_type, y_type) = first.types();
        let spelt = |wanted: &str| {
            let alike = |field: &&Arc<Field>| field.name().eq_ignore_ascii_case(wanted);
            let exact = schema.fields().iter().find(|field| field.name() == wanted);
            exact.or(schema.fields().iter().find(alike)).map(|field| field.name().clone())
        };
        let is_array = matches!(files[0].1, File::Array(_));
        let (x_name, y_name) = match is_array {
            true => (schema.field(0).name().clone(), schema.field(1).name().clone()),
            false => {
                (wanted.x.and_then(spelt).unwrap_or_default(), wanted.y.and_then(spelt).unwrap_or_default())
            }
        };
        let refuse = |column: &str, found: &DataType, wanted| Error::ColumnType {
            column: column.to_string(),
            found: found.to_string(),
            wanted,
        };
        for (path, file) in &files {
            let table = file.table();
            let of_types = same_columns(&schema, table.schema(), &first_path)
                .and_then(|()| same_type(&x_name, (&x_type, &table.types().0), &first_path))
                .and_then(|()| {
                    same_type(&y_name, (&Some(y_type.clone()), &Some(table.types().1)), &first_path)
                });
            of_types.map_err(|error| file.place(error).in_file(path))?;
        }
        if let Some(data_type) = &x_type
            && Kind::of_x(data_type).is_none()
        {
            let wanted = "floats, integers, dates or times";
            return Err(files[0].1.place(refuse(&x_name, data_type, wanted)).in_file(&first_path));
        }
        if Kind::of_y(&y_type).is_none() {
            let error = refuse(&y_name, &y_type, "floats of 32 or 64 bits, or integers");
            return Err(files[0].1.place(error).in_file(&first_path));
        }
        let schema = nullable_where_one_is(&schema, files.iter().map(|(_, file)| file.table().schema()));
        let mut first = 0;
        let parts = files.into_iter().map(|(path, file)| {
            let part = Part { first, path, file };
            first += part.file.table().rows();
            part
        });
        let parts = parts.collect();
        let x = x_type.map(|x_type| (x_name, x_type));
        let x_path = wanted.x.filter(|_| is_array).map(PathBuf::from);
        Ok(Series { parts, x, y: (y_name, y_type), schema, x_path, inferred: OnceLock::new() })
    }
}

/// The columns of all files: programs write a column that happens to have no null as one that cannot have any.
fn nullable_where_one_is<'a>(
    first: &SchemaRef,
    all: impl Iterator<Item = &'a SchemaRef> + Clone,
) -> SchemaRef {
    let field = |(place, field): (usize, &Arc<Field>)| {
        let nullable = all.clone().any(|schema| schema.field(place).is_nullable());
        field.as_ref().clone().with_nullable(nullable)
    };
    let fields: Vec<Field> = first.fields().iter().enumerate().map(field).collect();
    Arc::new(Schema::new(fields).with_metadata(first.metadata().clone()))
}

fn same_columns(first: &SchemaRef, other: &SchemaRef, path: &Path) -> Result<(), Error> {
    let of = |field: Option<&Arc<Field>>| match field {
        Some(field) => (field.name().clone(), field.data_type().to_string()),
        None => (String::new(), "missing".to_string()),
    };
    let columns = first.fields().len().max(other.fields().len());
    for place in 0..columns {
        let (wanted, found) = (first.fields().get(place), other.fields().get(place));
        let ((wanted_name, wanted_type), (found_name, found_type)) = (of(wanted), of(found));
        let error =
            |column, found, wanted| Error::OtherColumns { column, found, wanted, first: path.to_path_buf() };
        if wanted_name != found_name {
            let column = format!("{place} (counted from 0)");
            return Err(error(column, format!("{found_name:?}"), format!("{wanted_name:?}")));
        }
        if wanted.map(|field| field.data_type()) != found.map(|field| field.data_type()) {
            return Err(error(found_name, found_type, wanted_type));
        }
    }
    Ok(())
}

fn same_type(
    column: &str,
    (wanted, found): (&Option<DataType>, &Option<DataType>),
    first: &Path,
) -> Result<(), Error> {
    if wanted == found {
        return Ok(());
    }
    let name = |of: &Option<DataType>| of.as_ref().map_or("missing".to_string(), DataType::to_string);
    let (column, first) = (column.to_string(), first.to_path_buf());
    Err(Error::OtherColumns { column, found: name(found), wanted: name(wanted), first })
}

fn open_arrays(
    paths: &[impl AsRef<Path>],
    wanted: &Wanted<'_>,
    open: &OpenArray<'_>,
) -> Result<Vec<(PathBuf, File)>, Error> {
    let array = |path: &Path| {
        refuse_pipes(path)?;
        let array = open(path).and_then(|bytes| Array::open(path, bytes));
        array.map_err(|error| error.in_file(path))
    };
    let x = match wanted.x {
        Some(path) => Some((Arc::new(array(Path::new(path))?), arrays::name(Path::new(path)), path)),
        None => None,
    };
    let first_name = paths.first().map_or_else(String::new, |path| arrays::name(path.as_ref()));
    let y_name = wanted.y.map_or(first_name, str::to_string);
    let mut first = 0;
    let mut opened = Vec::new();
    for path in paths {
        let path = path.as_ref();
        let y = array(path)?;
        let len = y.len;
        let of_x = x.as_ref().map(|(x, name, _)| (x.clone(), name.as_str()));
        opened.push((path.to_path_buf(), File::Array(ArrayTable::new(of_x, (y, &y_name), first))));
        first += len;
    }
    if let Some((x, _, path)) = x
        && x.len != first
    {
        let error = Error::Array {
            found: format!("{} elements", x.len),
            wanted: format!("{first}, as many as y has in all files"),
        };
        return Err(error.in_file(path));
    }
    Ok(opened)
}
