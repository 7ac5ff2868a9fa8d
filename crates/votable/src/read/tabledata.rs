//! Rows of TABLEDATA.
//!
//! Cells as nearly everybody writes them, `<TD>1.5</TD>` without attributes and references, are taken from the buffer of
//! the source at once; all others go through the XML parser. As whole elements alone are taken past the parser, it does
//! not notice.
//!
//! VOTable 1.5, section 5.1.

use std::io::BufRead;

use super::Table;
use super::columns::Column;
use super::xml::{Piece, Tag, Xml, attribute};
use crate::Error;
use crate::error::{Misfit, quoted};

/// Rows under way.
pub(super) struct TabledataRows {
    /// Bytes that a row takes in memory at least.
    row_bytes: usize,
    /// Whether the beginning of the next row was read.
    inside: bool,
    scratch: String,
}

/// What the buffer of the source has next.
enum Next<'a> {
    /// A cell and the bytes of its element.
    Cell(&'a str, usize),
    /// Something else, or something that is not whole.
    Other,
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len())
}

fn next(bytes: &[u8]) -> Next<'_> {
    let start = blanks(bytes);
    let Some(rest) = bytes[start..].strip_prefix(b"<TD") else { return Next::Other };
    if rest.starts_with(b"/>") {
        return Next::Cell("", start + 5);
    }
    let Some(rest) = rest.strip_prefix(b">") else { return Next::Other };
    let end = rest.iter().position(|byte| matches!(byte, b'<' | b'&' | b'\r'));
    let Some((text, behind)) = end.and_then(|end| rest.split_at_checked(end)) else { return Next::Other };
    if !behind.starts_with(b"</TD>") {
        return Next::Other;
    }
    match std::str::from_utf8(text) {
        Ok(text) => Next::Cell(text, start + 4 + text.len() + 5),
        Err(_) => Next::Other,
    }
}

/// The bytes of the end of a row and the beginning of the next one.
fn turn(bytes: &[u8]) -> Option<usize> {
    let start = blanks(bytes);
    let rest = bytes[start..].strip_prefix(b"</TR>")?;
    let between = blanks(rest);
    rest[between..].starts_with(b"<TR>").then_some(start + 5 + between + 4)
}

fn append(column: &mut Column, cell: &str) -> Result<(), Misfit> {
    if cell.is_empty() {
        column.cells.null();
        return Ok(());
    }
    column.cells.text(cell)
}

impl TabledataRows {
    pub(super) fn new(columns: &[Column]) -> Self {
        let row_bytes = columns.iter().map(|column| column.row_bytes).sum();
        TabledataRows { row_bytes, inside: false, scratch: String::new() }
    }

    /// Appends a row to the columns, and says about how many bytes it takes; `None` behind the last.
    pub(super) fn read<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [Column],
        table: &Table,
    ) -> Result<Option<usize>, Error> {
        let start = xml.byte();
        while !self.inside {
            match xml.tag()? {
                Tag::Start if xml.name() == "TR" => self.inside = true,
                Tag::Start => return Err(xml.structure(format!("an element {}", quoted(xml.name())), "TR")),
                Tag::End => return Ok(None),
                Tag::Eof => return Err(xml.structure("the end of the document", "the end of TABLEDATA")),
            }
        }
        let mut done = 0;
        while done < columns.len() {
            done += self.plain_cells(xml, &mut columns[done..], table)?;
            if xml.byte() - start > table.limit as u64 {
                let name = &columns[done.min(columns.len() - 1)].name;
                return Err(table.cell(name, xml.byte(), table.too_long()));
            }
            if done == columns.len() {
                break;
            }
            let column = &mut columns[done];
            if !self.cell(xml, table, &column.name)? {
                let (found, wanted) = (format!("{done} cells"), columns.len().to_string());
                return Err(table.row(xml.byte(), found, wanted));
            }
            append(column, &self.scratch).map_err(|misfit| table.cell(&column.name, xml.byte(), misfit))?;
            done += 1;
        }
        self.end(xml, columns.len(), table)?;
        let text_bytes = usize::try_from(xml.byte() - start).unwrap_or(usize::MAX);
        Ok(Some(self.row_bytes.saturating_add(text_bytes)))
    }

    /// Takes plain cells as far as they are in the buffer of the source, and says how many.
    fn plain_cells<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        columns: &mut [Column],
        table: &Table,
    ) -> Result<usize, Error> {
        let mut stream = xml.stream();
        // An error comes again when the parser reads on.
        let bytes = stream.fill_buf().unwrap_or(&[]);
        let (mut at, mut count, mut misfit) = (0, 0, None);
        for column in columns.iter_mut() {
            let Next::Cell(cell, len) = next(&bytes[at..]) else { break };
            at += len;
            if let Err(error) = append(column, cell) {
                misfit = Some(error);
                break;
            }
            count += 1;
        }
        stream.consume(at);
        match misfit {
            Some(misfit) => Err(table.cell(&columns[count].name, xml.byte(), misfit)),
            None => Ok(count),
        }
    }

    /// Reads any cell into `scratch`; `false` where the row ends.
    fn cell<R: BufRead>(&mut self, xml: &mut Xml<R>, table: &Table, column: &str) -> Result<bool, Error> {
        let wrong = |xml: &Xml<R>, found: &str, wanted: &str| {
            table.cell(column, xml.byte(), Misfit::new(found, wanted))
        };
        match xml.tag()? {
            Tag::Start if xml.name() == "TD" => {}
            Tag::Start => {
                return Err(wrong(xml, &format!("an element {}", quoted(xml.name())), "TD"));
            }
            Tag::End => return Ok(false),
            Tag::Eof => return Err(xml.structure("the end of the document", "the end of its row")),
        }
        if let Some(encoding) = attribute(&xml.attributes()?, "encoding") {
            return Err(wrong(xml, &format!("a cell encoded by {}", quoted(encoding)), "plain text"));
        }
        self.scratch.clear();
        loop {
            match xml.piece(&mut self.scratch)? {
                Piece::Text if self.scratch.len() > table.limit => {
                    return Err(table.cell(column, xml.byte(), table.too_long()));
                }
                Piece::Text => {}
                Piece::Start => {
                    let found = format!("an element {}", quoted(xml.name()));
                    return Err(wrong(xml, &found, "text"));
                }
                Piece::End => return Ok(true),
            }
        }
    }

    /// Reads the end of a row, and the beginning of the next one where it is near.
    fn end<R: BufRead>(&mut self, xml: &mut Xml<R>, columns: usize, table: &Table) -> Result<(), Error> {
        let mut stream = xml.stream();
        if let Some(len) = turn(stream.fill_buf().unwrap_or(&[])) {
            stream.consume(len);
            return Ok(());
        }
        self.inside = false;
        match xml.tag()? {
            Tag::End => Ok(()),
            Tag::Start => {
                let found = format!("an element {} behind the last cell", quoted(xml.name()));
                Err(table.row(xml.byte(), found, format!("{columns} cells")))
            }
            Tag::Eof => Err(xml.structure("the end of the document", "the end of its row")),
        }
    }
}
