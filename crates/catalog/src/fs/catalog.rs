//! An open catalogue.
//!
//! Partitions are opened when they are first needed and stay open with their footers and page indexes decoded, so that
//! a second search reads nothing but the pages it needs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_schema::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;

use uranometria_fits::arrow::keys;
use uranometria_sky::Angle;

use super::chunks::Chunks;
use super::collection::Collection;
use super::metadata::EPOCH;
use super::pages::Pages;
use super::{decoder, storage};
use crate::positions::{column, columns};
use crate::{CELL_COLUMN, Error, Pixel, Properties};

/// A HATS catalogue, open for reading by any number of threads.
#[derive(Debug)]
pub struct Catalog {
    path: PathBuf,
    properties: Properties,
    schema: SchemaRef,
    pub(super) parts: Vec<Part>,
    /// Places of the cells, right ascensions and declinations in the schema.
    pub(super) cell: usize,
    pub(super) ra: usize,
    pub(super) dec: usize,
}

/// A partition of an open catalogue.
#[derive(Debug)]
pub struct Part {
    pixel: Pixel,
    path: PathBuf,
    mapped: bool,
    /// The column of cells.
    cell: Arc<str>,
    open: OnceLock<OpenPart>,
}

/// A partition whose footer was read.
#[derive(Debug)]
pub(super) struct OpenPart {
    pub(super) chunks: Chunks,
    pub(super) metadata: ArrowReaderMetadata,
    pub(super) pages: Pages,
}

impl Part {
    /// The cell whose rows it has.
    pub fn pixel(&self) -> Pixel {
        self.pixel
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its rows, as its footer has them.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Parquet`] in the file.
    pub fn rows(&self) -> Result<u64, Error> {
        Ok(self.open()?.metadata.metadata().file_metadata().num_rows() as u64)
    }

    /// The open file; opens it when it is asked for the first time.
    pub(super) fn open(&self) -> Result<&OpenPart, Error> {
        if let Some(open) = self.open.get() {
            return Ok(open);
        }
        let opened = self.load().map_err(|error| error.in_file(&self.path))?;
        Ok(self.open.get_or_init(|| opened))
    }

    #[allow(unsafe_code)]
    fn load(&self) -> Result<OpenPart, Error> {
        let chunks = match self.mapped && !storage::is_url(&self.path) {
            // SAFETY: who opened the catalogue with `map` promised that its files do not change.
            true => unsafe { Chunks::map(&self.path) },
            false => storage::open(&self.path),
        };
        OpenPart::of(chunks.map_err(|source| Error::io("open it", source))?, Some(&self.cell))
    }
}

impl OpenPart {
    /// Reads the footer of a file, and what it says of the cells in a column.
    pub(super) fn of(chunks: Chunks, cell: Option<&str>) -> Result<Self, Error> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = decoder::footer(&chunks, options)?;
        let pages = Pages::of(&metadata, cell);
        // What was fetched for the footer is not needed any more.
        let chunks = chunks.fetched(Vec::new).map_err(|source| Error::io("open it", source))?;
        Ok(OpenPart { chunks, metadata, pages })
    }
}

impl Catalog {
    /// Opens a catalogue, or the main catalogue of a collection, with a system call for each reading.
    ///
    /// With the feature `object-store` a path may be a URL: `s3://bucket/catalogue` with the settings of the environment
    /// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`; without a key what is public is read), or
    /// `https://server/catalogue`. A search then fetches the pages it needs, near ones in one request and all at a time.
    ///
    /// # Errors
    /// [`Error::NotHats`], [`Error::Property`], and those of reading its files.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_as(path.as_ref(), false)
    }

    /// Opens the margins of a collection, catalogues too: for each partition the rows of others that are near it.
    ///
    /// There are none where there is no collection.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn margins(path: impl AsRef<Path>) -> Result<Vec<Self>, Error> {
        let collection = Collection::read(path.as_ref())?;
        collection.iter().flat_map(|collection| &collection.margins).map(Self::open).collect()
    }

    /// Opens a catalogue as mapped memory: the quickest to search. One at a URL is opened as [`Catalog::open`] does.
    ///
    /// # Safety
    /// Nobody may change its files in place. Catalogues made here are only ever replaced as a whole.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    #[allow(unsafe_code)]
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_as(path.as_ref(), true)
    }

    fn open_as(path: &Path, mapped: bool) -> Result<Self, Error> {
        match Collection::read(path)? {
            Some(Collection { main, .. }) => Self::load(&main, mapped).map_err(|error| error.in_file(&main)),
            None => Self::load(path, mapped).map_err(|error| error.in_file(path)),
        }
    }

    fn load(path: &Path, mapped: bool) -> Result<Self, Error> {
        let read = |name: &str| {
            storage::read_to_string(&path.join(name)).map_err(|source| {
                let reason = format!("{name} cannot be read ({source})");
                let is_there = storage::is_url(path) && source.kind() == io::ErrorKind::NotFound;
                if is_there || path.is_dir() {
                    Error::NotHats { reason }
                } else {
                    Error::io("open it", source)
                }
            })
        };
        let older = |error: Error| match &error {
            // A server that does not answer is not asked again.
            Error::Io { .. } if storage::is_url(path) => Err(error),
            _ => read("properties"),
        };
        let properties = Properties::parse(&read("hats.properties").or_else(older)?);
        let suffix =
            properties.get("hats_npix_suffix").filter(|suffix| !suffix.is_empty()).unwrap_or(".parquet");
        if suffix == "/" {
            let found = suffix.to_string();
            return Err(Error::Property {
                key: "hats_npix_suffix",
                found,
                wanted: "the suffix of one file a partition",
            });
        }
        if let Some(order) = properties.number("hats_col_healpix_order")?
            && order != 29
        {
            let found = order.to_string();
            return Err(Error::Property { key: "hats_col_healpix_order", found, wanted: "29" });
        }
        let mut pixels = Pixel::read_list(&read("partition_info.csv")?)
            .map_err(|reason| Error::NotHats { reason: format!("partition_info.csv, {reason}") })?;
        pixels.sort_unstable_by_key(|pixel| pixel.cells().start);
        if let Some(pair) = pixels.windows(2).find(|pair| pair[0].cells().end > pair[1].cells().start) {
            let reason = format!("partition_info.csv: {} overlaps {}", pair[1], pair[0]);
            return Err(Error::NotHats { reason });
        }
        let dataset = path.join("dataset");
        let cell: Arc<str> = properties.get("hats_col_healpix").unwrap_or(CELL_COLUMN).into();
        let part = |pixel: Pixel| {
            let path = dataset.join(pixel.file(suffix));
            Part { pixel, path, mapped, cell: cell.clone(), open: OnceLock::new() }
        };
        let parts: Vec<Part> = pixels.into_iter().map(part).collect();
        let first = parts.first().ok_or_else(|| Error::NotHats { reason: "it has no partition".into() })?;
        let schema = first.open()?.metadata.schema().clone();
        let cell = column(&schema, &cell)?;
        let ra = column(&schema, properties.wanted("hats_col_ra")?)?;
        let dec = column(&schema, properties.wanted("hats_col_dec")?)?;
        Ok(Catalog { path: path.to_path_buf(), properties, schema, parts, cell, ra, dec })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says about itself.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.properties.get("obs_collection").unwrap_or("catalogue")
    }

    /// Its columns; unit, UCD and description are metadata of the fields, under the keys of
    /// `uranometria_fits::arrow::keys`.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns of right ascensions and declinations.
    pub fn position_columns(&self) -> (&str, &str) {
        (self.schema.field(self.ra).name(), self.schema.field(self.dec).name())
    }

    /// The column of HEALPix cells of order 29, if it is sure to have the cell of each row's position to the last bit: in
    /// catalogues that were made here.
    pub fn cells_of_positions(&self) -> Option<&str> {
        self.is_made_here().then(|| self.schema.field(self.cell).name().as_str())
    }

    /// Whether this crate has written it.
    pub(super) fn is_made_here(&self) -> bool {
        self.properties.get("hats_builder").is_some_and(|builder| builder.starts_with("uranometria"))
    }

    /// The column that names its rows: the one whose UCD is `meta.id;meta.main`, else the first with `meta.id`, else the
    /// first that is neither cell nor position.
    pub fn identifier(&self) -> &str {
        let fields = self.schema.fields();
        let ucd = |at: &usize| fields[*at].metadata().get(keys::UCD).map_or("", String::as_str);
        let of =
            |at: &usize, atom: &str| ucd(at).split(';').any(|found| found.trim().eq_ignore_ascii_case(atom));
        let all = || 0..fields.len();
        let main = all().find(|at| of(at, "meta.id") && of(at, "meta.main"));
        let any = || all().find(|at| of(at, "meta.id"));
        let other = || all().find(|at| ![self.cell, self.ra, self.dec].contains(at));
        fields[main.or_else(any).or_else(other).unwrap_or(self.cell)].name()
    }

    /// The epoch of its positions in Julian years, where it says so.
    pub fn epoch(&self) -> Option<f64> {
        self.properties.get(EPOCH)?.parse().ok()
    }

    /// How wide it is, if it is a margin.
    ///
    /// # Errors
    /// [`Error::Property`] for a width that is no number.
    pub fn margin_width(&self) -> Result<Option<Angle>, Error> {
        const WIDTH: &str = "hats_margin_threshold";
        let Some(text) = self.properties.get(WIDTH) else { return Ok(None) };
        let wanted = "a number of arcseconds";
        let wrong = || Error::Property { key: WIDTH, found: text.into(), wanted }.in_file(&self.path);
        text.parse().map(|arcsec| Some(Angle::from_arcsec(arcsec))).map_err(|_| wrong())
    }

    /// Its partitions, ascending on the sky.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Its rows, counted in the footers of all partitions.
    ///
    /// # Errors
    /// Those of opening a partition.
    pub fn rows(&self) -> Result<u64, Error> {
        self.parts.iter().map(Part::rows).sum()
    }

    /// The place of a column, or the nearest name in the error.
    pub(super) fn column(&self, name: &str) -> Result<usize, Error> {
        column(&self.schema, name).map_err(|error| error.in_file(&self.path))
    }

    /// The places of columns that are wanted.
    pub(super) fn columns(&self, names: &[String]) -> Result<Vec<usize>, Error> {
        columns(&self.schema, names).map_err(|error| error.in_file(&self.path))
    }
}
