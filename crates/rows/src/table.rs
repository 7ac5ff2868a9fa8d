//! Aligned columns: names, units where there are any, and a line a row.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, FieldRef, Schema};
use uranometria_fits::arrow::keys;

use crate::Error;

/// Rows whose cells decide how wide the columns are.
const MEASURED: usize = 1000;

/// The widest column; longer cells push those behind them.
const WIDEST: usize = 40;

pub(crate) struct Table<W> {
    to: W,
    /// Heads of the columns, and whether they are numbers.
    heads: Vec<(String, String, bool)>,
    /// Lines until the widths are known.
    waiting: Vec<Vec<String>>,
    widths: Vec<usize>,
}

impl<W: Write> Table<W> {
    pub(crate) fn new(to: W, schema: &Schema) -> Self {
        let head = |field: &FieldRef| {
            let unit = field.metadata().get(keys::UNIT).cloned().unwrap_or_default();
            let right = field.data_type().is_numeric() || field.data_type() == &DataType::Boolean;
            (field.name().clone(), unit, right)
        };
        let heads = schema.fields().iter().map(head).collect();
        Table { to, heads, waiting: Vec::new(), widths: Vec::new() }
    }

    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), Error> {
        let options = FormatOptions::default();
        let columns: Vec<ArrayFormatter<'_>> = rows
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        for row in 0..rows.num_rows() {
            let cell = |column: &ArrayFormatter<'_>| column.value(row).try_to_string();
            let cells: Vec<String> = columns.iter().map(cell).collect::<Result<_, _>>()?;
            if !self.widths.is_empty() {
                self.line(&cells)?;
                continue;
            }
            self.waiting.push(cells);
            if self.waiting.len() == MEASURED {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let width = |column: usize| {
            let head = self.heads[column].0.chars().count().max(self.heads[column].1.chars().count());
            waiting.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0).min(WIDEST).max(head)
        };
        self.widths = (0..self.heads.len()).map(width).collect();
        let names: Vec<String> = self.heads.iter().map(|head| head.0.clone()).collect();
        let units: Vec<String> = self.heads.iter().map(|head| head.1.clone()).collect();
        self.line(&names)?;
        if units.iter().any(|unit| !unit.is_empty()) {
            self.line(&units)?;
        }
        waiting.iter().try_for_each(|cells| self.line(cells))
    }

    fn line(&mut self, cells: &[String]) -> io::Result<()> {
        let mut line = String::new();
        for ((cell, width), (_, _, right)) in cells.iter().zip(&self.widths).zip(&self.heads) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            if *right {
                line.push_str(&format!("{cell:>width$}"));
            } else {
                line.push_str(&format!("{cell:<width$}"));
            }
        }
        writeln!(self.to, "{}", line.trim_end())
    }

    pub(crate) fn finish(mut self, cut: bool) -> io::Result<W> {
        if self.widths.is_empty() {
            self.begin()?;
        }
        if cut {
            writeln!(self.to, "... and more: the limit of rows was reached")?;
        }
        Ok(self.to)
    }
}
