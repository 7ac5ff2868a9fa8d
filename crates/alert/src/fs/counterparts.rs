//! A catalogue of the archive as what alerts are matched with.
//!
//! Positions come by the hundred thousand. They are sorted by the few cells that their circles reach, and each partition
//! of the catalogue is read once, only in the pages that have rows in these cells.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, SchemaRef};
use rayon::prelude::*;
use uranometria_catalog::CELL_COLUMN;
use uranometria_catalog::fs::{Catalog, Place, Query};
use uranometria_sky::{Angle, Direction, healpix};

use crate::condition::{Conditions, Counterparts, square_between, square_of_chord};

/// A catalogue to match with.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) catalog: Catalog,
}

/// A cell that the circle around a position reaches, and which position.
type Reached = (u64, u32);

impl Counterparts for Known {
    fn schema(&self) -> SchemaRef {
        self.catalog.schema().clone()
    }

    fn nearest(
        &self,
        ra_deg: &[f64],
        dec_deg: &[f64],
        radius: Angle,
        condition: Option<&Conditions>,
    ) -> Result<Vec<f64>, String> {
        // A little more than nothing, so that a radius of 0 finds what is at the same place.
        let reach = Angle::from_arcsec(radius.arcsec().max(1e-6));
        let around = healpix::Around::new(reach, 3).ok_or("the radius is too wide")?;
        let mut vectors = vec![[f64::NAN; 3]; ra_deg.len()];
        let (mut reached, mut cells): (Vec<Reached>, Vec<u64>) = (Vec::new(), Vec::new());
        for (row, (ra, dec)) in ra_deg.iter().zip(dec_deg).enumerate() {
            let Ok(place) = Direction::from_degrees(*ra, *dec) else { continue };
            vectors[row] = place.unit_vector();
            cells.clear();
            around.cells(&place, &mut cells);
            reached.extend(cells.iter().map(|cell| (*cell, row as u32)));
        }
        reached.par_sort_unstable();
        let shift = 2 * (29 - u32::from(around.depth()));
        let parts: Vec<Range<u64>> = self.catalog.parts().iter().map(|part| part.pixel().cells()).collect();
        let found: Vec<Vec<(u32, f64)>> = (0..parts.len())
            .into_par_iter()
            .map(|part| {
                let cells = &parts[part];
                let from = reached.partition_point(|(cell, _)| (cell + 1) << shift <= cells.start);
                let to = reached.partition_point(|(cell, _)| cell << shift < cells.end);
                if from >= to {
                    return Ok(Vec::new());
                }
                let search = InPart { known: self, part, shift, vectors: &vectors, radius: reach, condition };
                search.run(&reached[from..to])
            })
            .collect::<Result<_, String>>()?;
        let mut nearest = vec![f64::NAN; ra_deg.len()];
        for (row, square) in found.into_iter().flatten() {
            let at = &mut nearest[row as usize];
            *at = at.min(square);
        }
        for square in &mut nearest {
            *square = 2.0 * (square.sqrt() / 2.0).asin().to_degrees() * 3600.0;
        }
        Ok(nearest)
    }
}

/// The search of one partition.
struct InPart<'a> {
    known: &'a Known,
    part: usize,
    shift: u32,
    vectors: &'a [[f64; 3]],
    radius: Angle,
    condition: Option<&'a Conditions>,
}

impl InPart<'_> {
    /// The squares of the distances of counterparts, by position.
    fn run(&self, reached: &[Reached]) -> Result<Vec<(u32, f64)>, String> {
        let catalog = &self.known.catalog;
        let told = |error: uranometria_catalog::Error| error.to_string();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for (cell, _) in reached {
            let range = cell << self.shift..(cell + 1) << self.shift;
            match ranges.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        let (ra, dec) = catalog.position_columns();
        let mut columns = vec![CELL_COLUMN.to_string(), ra.to_string(), dec.to_string()];
        if let Some(condition) = self.condition {
            let fields = catalog.schema().fields();
            let mut leaf = 0;
            let needed = condition.leaves();
            for field in fields {
                let all = crate::condition::leaves(field.data_type());
                if needed.iter().any(|need| (leaf..leaf + all).contains(need))
                    && !columns.contains(field.name())
                {
                    columns.push(field.name().clone());
                }
                leaf += all;
            }
        }
        let query = Query {
            place: Place::Cells(ranges),
            parts: self.part..self.part + 1,
            columns: Some(columns),
            ..Query::default()
        };
        let most = square_of_chord(self.radius);
        let mut found = Vec::new();
        let mut from = 0;
        for batch in catalog.search(&query).map_err(told)? {
            let batch = batch.map_err(told)?;
            let met = match self.condition {
                None => None,
                Some(condition) => Some(condition.evaluate(&batch).map_err(|error| error.to_string())?),
            };
            let (cells, ra, dec) = (wholes(&batch, 0)?, numbers(&batch, 1)?, numbers(&batch, 2)?);
            let (cells, ra, dec) = (
                cells.as_primitive::<Int64Type>(),
                ra.as_primitive::<Float64Type>(),
                dec.as_primitive::<Float64Type>(),
            );
            for row in 0..batch.num_rows() {
                if met.as_ref().is_some_and(|met| !met.value(row)) || ra.is_null(row) || dec.is_null(row) {
                    continue;
                }
                let cell = (cells.value(row) as u64) >> self.shift;
                // Rows ascend by cell, as do the cells that are reached; where they do not, none is missed.
                from = advanced(reached, from, cell);
                let mut at = from;
                if reached.get(at).is_none_or(|(other, _)| *other != cell) {
                    continue;
                }
                let Ok(place) = Direction::from_degrees(ra.value(row), dec.value(row)) else { continue };
                let vector = place.unit_vector();
                while let Some((_, position)) = reached.get(at).filter(|(other, _)| *other == cell) {
                    let square = square_between(&self.vectors[*position as usize], &vector);
                    if square <= most {
                        found.push((*position, square));
                    }
                    at += 1;
                }
            }
        }
        Ok(found)
    }
}

/// The first place from where cells are not less than a cell. One that comes out of order is looked up from the start.
fn advanced(reached: &[Reached], mut from: usize, cell: u64) -> usize {
    if from > 0 && reached[from - 1].0 >= cell {
        return reached.partition_point(|(other, _)| *other < cell);
    }
    while reached.get(from).is_some_and(|(other, _)| *other < cell) {
        from += 1;
    }
    from
}

fn numbers(batch: &RecordBatch, column: usize) -> Result<arrow_array::ArrayRef, String> {
    cast(batch.column(column), &DataType::Float64).map_err(|error| error.to_string())
}

fn wholes(batch: &RecordBatch, column: usize) -> Result<arrow_array::ArrayRef, String> {
    cast(batch.column(column), &DataType::Int64).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_in_any_order() {
        let reached: Vec<Reached> = [3, 5, 5, 9].iter().zip(0..).map(|(cell, row)| (*cell, row)).collect();
        let mut from = 0;
        for (cell, wanted) in [(5, 1), (9, 3), (3, 0), (5, 1), (10, 4), (5, 1), (0, 0), (4, 1)] {
            from = advanced(&reached, from, cell);
            assert_eq!(from, wanted, "{cell}");
        }
    }
}
