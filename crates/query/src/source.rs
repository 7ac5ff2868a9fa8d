//! What a table is read from: a catalogue, which has an index of the sky, or files as they are.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use uranometria_catalog::Error;
use uranometria_catalog::fs::{Catalog, Place, Query, Table};
use uranometria_sky::{Cost, Region};

/// A table at rest.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Catalog(Arc<Catalog>),
    Files(Arc<Table>),
}

/// Rows that a search finds, batch by batch.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<RecordBatch, Error>> + Send>;

impl Source {
    pub(crate) fn schema(&self) -> &SchemaRef {
        match self {
            Source::Catalog(catalog) => catalog.schema(),
            Source::Files(table) => table.schema(),
        }
    }

    /// The columns of right ascensions and declinations by which regions are found.
    pub(crate) fn position_columns(&self) -> Option<(&str, &str)> {
        match self {
            Source::Catalog(catalog) => Some(catalog.position_columns()),
            Source::Files(_) => None,
        }
    }

    /// The column of HEALPix cells of order 29, if it is sure to have those of the positions.
    pub(crate) fn cells_of_positions(&self) -> Option<&str> {
        match self {
            Source::Catalog(catalog) => catalog.cells_of_positions(),
            Source::Files(_) => None,
        }
    }

    /// How many rows it says there are.
    pub(crate) fn rows(&self) -> Option<f64> {
        match self {
            Source::Catalog(catalog) => catalog.properties().get("hats_nrows")?.parse().ok(),
            Source::Files(table) => table.rows().map(|rows| rows as f64),
        }
    }

    /// Whether it has an index of the sky, in files that are here.
    pub(crate) fn is_indexed_here(&self) -> bool {
        matches!(self, Source::Catalog(catalog) if catalog.path().is_dir())
    }

    /// How many parts it has that can be searched by themselves.
    pub(crate) fn parts(&self) -> usize {
        match self {
            Source::Catalog(catalog) => catalog.parts().len(),
            Source::Files(table) => table.parts(),
        }
    }

    /// The parts that a search touches.
    pub(crate) fn touched(&self, query: &Query) -> Range<usize> {
        let Source::Catalog(catalog) = self else { return 0..self.parts() };
        let joined = match &query.place {
            Place::Anywhere => return 0..self.parts(),
            // One in which there is nothing to read costs no more than opening it.
            Place::Region(region) => Region::from(region.bounding_cone()).coverage(Cost::Cells(16)).joined(),
            Place::Cells(cells) => cells.clone(),
        };
        let (first, last) =
            (joined.first().map_or(0, |run| run.start), joined.last().map_or(0, |run| run.end));
        let parts = catalog.parts();
        let from = parts.partition_point(|part| part.pixel().cells().end <= first);
        from..parts.partition_point(|part| part.pixel().cells().start < last).max(from)
    }

    /// Begins a search, which ends with [`Error::Interrupted`] where `stop` says so.
    pub(crate) fn search(
        &self,
        query: &Query,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<Rows, Error> {
        Ok(match self {
            Source::Catalog(catalog) => Box::new(catalog.search_shared(query)?.stop_when(stop)),
            Source::Files(table) => Box::new(table.read_shared(query)?.stop_when(stop)),
        })
    }

    /// What a search reads, for people.
    pub(crate) fn reads(&self, query: &Query) -> Result<String, Error> {
        Ok(match self {
            Source::Catalog(catalog) => {
                let reads = catalog.reads(query)?;
                let (rows, runs, parts) = (reads.rows, reads.runs, reads.parts.len());
                format!("{rows} rows in {runs} runs of pages of {parts} of {} partitions", self.parts())
            }
            Source::Files(table) => {
                let reads = table.reads(query)?;
                let rows = reads.rows.map_or_else(|| "all rows".to_string(), |rows| format!("{rows} rows"));
                format!(
                    "{rows} in {} of {} parts of {} files",
                    reads.parts,
                    self.parts(),
                    table.paths().count()
                )
            }
        })
    }
}
