//! Binary tables in FITS files.

use std::ops::Range;

use arrow_array::{RecordBatch, UInt64Array};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::take::take_record_batch;
use uranometria_fits::arrow::{ReadOptions, TableReader};
use uranometria_fits::fs::OpenFile;
use uranometria_fits::{HduKind, read_hdus};

use super::table::{Batches, Places, Table, Wanted};
use crate::Error;

/// Rows that are read in one piece.
const UNIT: usize = 1 << 20;

/// Rows between two chosen ones that are rather read than jumped over, in bytes.
const NEAR_BYTES: usize = 16 << 10;

/// An open table.
pub(super) struct FitsTable {
    /// Its number in the file; the primary one is 0.
    hdu: usize,
    reader: TableReader<OpenFile>,
    places: Places,
}

impl FitsTable {
    /// Opens the first binary table that has the columns.
    pub(super) fn open(file: OpenFile, wanted: &Wanted<'_>) -> Result<Self, Error> {
        let mut missed: Option<(usize, Error)> = None;
        let hdus = read_hdus(&file)?;
        let tables = hdus.iter().filter(|hdu| hdu.kind == HduKind::BinTable);
        let mut found = None;
        for hdu in tables {
            let layout = uranometria_fits::TableLayout::of(hdu)?;
            let names: Vec<&str> = layout.columns.iter().map(|column| column.name.as_str()).collect();
            match wanted.among(&names) {
                Ok(places) => {
                    found = Some((hdu, places));
                    break;
                }
                // The table that has most of the columns is the one that was meant; of equal ones the first.
                Err(error) => {
                    let there = wanted.there(&names);
                    if missed.as_ref().is_none_or(|(most, _)| there > *most) {
                        missed = Some((there, in_hdu(hdu.index, error)));
                    }
                }
            }
        }
        let Some((hdu, places)) = found else {
            return Err(match missed {
                Some((_, error)) => error,
                None => uranometria_fits::Error::NoTable { wanted: None }.into(),
            });
        };
        Ok(FitsTable { hdu: hdu.index, reader: TableReader::new(file, hdu)?, places })
    }

    /// Names the table in an error.
    pub(super) fn in_hdu(&self, error: Error) -> Error {
        in_hdu(self.hdu, error)
    }

    fn points(&self) -> Option<Vec<usize>> {
        Some(self.places.x.into_iter().chain([self.places.y]).collect())
    }

    /// Reads x and y of any rows.
    pub(super) fn read(&self, rows: Range<usize>) -> Result<Batches<'_>, Error> {
        let options = ReadOptions { columns: self.points(), rows: Some(rows), ..ReadOptions::default() };
        Ok(Box::new(self.reader.read(&options)?.map(|batch| Ok(batch?))))
    }
}

fn in_hdu(hdu: usize, error: Error) -> Error {
    match error {
        Error::Fits(_) | Error::InFile { .. } | Error::InHdu { .. } | Error::Interrupted => error,
        other => Error::InHdu { hdu, source: Box::new(other) },
    }
}

impl Table for FitsTable {
    fn rows(&self) -> usize {
        self.reader.rows()
    }

    fn schema(&self) -> &SchemaRef {
        self.reader.schema()
    }

    fn types(&self) -> (Option<DataType>, DataType) {
        let data_type = |place: usize| self.reader.schema().field(place).data_type().clone();
        (self.places.x.map(data_type), data_type(self.places.y))
    }

    fn units(&self) -> Vec<Range<usize>> {
        (0..self.rows()).step_by(UNIT).map(|start| start..self.rows().min(start + UNIT)).collect()
    }

    fn batches(&self, rows: Range<usize>) -> Result<Batches<'_>, Error> {
        self.read(rows)
    }

    fn take(&self, rows: &[usize], points_only: bool) -> Result<Vec<RecordBatch>, Error> {
        let near = NEAR_BYTES / self.reader.layout().row_len.max(1);
        let mut taken = Vec::new();
        for near_ones in rows.chunk_by(|before, row| row - before <= near.max(1)) {
            let (first, end) = (near_ones[0], near_ones[near_ones.len() - 1] + 1);
            let columns = if points_only { self.points() } else { None };
            let options = ReadOptions { columns, rows: Some(first..end), ..ReadOptions::default() };
            let mut start = first;
            for batch in self.reader.read(&options)? {
                let batch = batch?;
                let end = start + batch.num_rows();
                let here = near_ones.iter().filter(|row| (start..end).contains(row));
                let indices = UInt64Array::from_iter_values(here.map(|row| (row - start) as u64));
                taken
                    .push(take_record_batch(&batch, &indices).map_err(Error::arrow("take the chosen rows"))?);
                start = end;
            }
        }
        Ok(taken)
    }
}
