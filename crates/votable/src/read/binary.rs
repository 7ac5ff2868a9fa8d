//! Rows of BINARY and BINARY2.
//!
//! VOTable 1.5, sections 5.3 and 5.4.

use std::io::BufRead;

use super::Table;
use super::base64::Decoder;
use super::columns::{Column, Width};
use super::xml::Xml;
use crate::Error;
use crate::error::Misfit;

/// Rows under way.
pub(super) struct BinaryRows {
    decoder: Decoder,
    /// Whether bits for null stand in front of a row.
    flagged: bool,
    flags: Vec<u8>,
}

impl BinaryRows {
    pub(super) fn new(flagged: bool) -> Self {
        BinaryRows { decoder: Decoder::default(), flagged, flags: Vec::new() }
    }

    /// Appends a row to the columns, and says about how many bytes it takes; `None` behind the last.
    pub(super) fn read<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [Column],
        table: &Table,
    ) -> Result<Option<usize>, Error> {
        if !self.decoder.has(xml, 1)? {
            return Ok(None);
        }
        self.flags.clear();
        let flag_bytes = if self.flagged { columns.len().div_ceil(8) } else { 0 };
        if !self.decoder.has(xml, flag_bytes)? {
            return Err(self.ends(table, "the bits for null"));
        }
        self.flags.extend_from_slice(self.decoder.take(flag_bytes));
        let mut row_bytes = flag_bytes;
        for (n, column) in columns.iter_mut().enumerate() {
            let (bytes, count) = match column.width {
                Width::Fixed { bytes, count } => (bytes, count),
                Width::Counted(datatype) => {
                    if !self.decoder.has(xml, 4)? {
                        return Err(self.ends(table, &column.name));
                    }
                    let number =
                        self.decoder.take(4).first_chunk().map_or(0, |four| i32::from_be_bytes(*four));
                    row_bytes += 4;
                    let count = usize::try_from(number).ok().filter(|&count| count <= table.limit);
                    let bytes = count.and_then(|count| Some((datatype.bytes(count)?, count)));
                    match bytes.filter(|(bytes, _)| *bytes <= table.limit) {
                        Some(sizes) => sizes,
                        None => {
                            let found = format!("an array of {number} elements");
                            let wanted = format!(
                                "at most {} bytes; raise the limit `max_row_bytes` if they are meant",
                                table.limit
                            );
                            return Err(self.wrong(table, &column.name, Misfit::new(found, wanted)));
                        }
                    }
                }
            };
            row_bytes += bytes.max(count);
            if row_bytes > table.limit {
                return Err(self.wrong(table, &column.name, table.too_long()));
            }
            if !self.decoder.has(xml, bytes)? {
                return Err(self.ends(table, &column.name));
            }
            let cell = self.decoder.take(bytes);
            if self.flags.get(n / 8).is_some_and(|flags| flags & (0x80 >> (n % 8)) != 0) {
                column.cells.null();
            } else if let Err(misfit) = column.cells.binary(cell, count) {
                return Err(self.wrong(table, &column.name, misfit));
            }
        }
        Ok(Some(row_bytes))
    }

    fn wrong(&self, table: &Table, column: &str, misfit: Misfit) -> Error {
        table.cell(column, self.decoder.taken, misfit)
    }

    fn ends(&self, table: &Table, within: &str) -> Error {
        Error::Row {
            table: table.label.clone(),
            row: table.row,
            byte: self.decoder.taken,
            found: format!("the end of the stream within {within}, {} bytes behind", self.decoder.left()),
            wanted: "whole rows".to_string(),
        }
    }
}
