//! The table of a cube that keeps the header of each frame: one row a frame, one column a keyword.
//!
//! The columns are the keywords of the first frame that has world coordinates, then FFI_FILE. Integers and logicals
//! are `J` (`K` where one needs 64 bits), reals `D`, strings as wide as the longest. A frame that lacks a keyword has
//! 0, NaN or an empty string there, as in astrocut's cubes; but integers of coordinates that one frame lacks are `D`,
//! for 0 would be another coordinate.

use std::collections::HashSet;

use uranometria_fits::{
    ColumnSpec, ColumnType, Error, Hdu, Header, TableLayout, Value, checksum, table_header,
};

use crate::Frame;

/// The column that holds the file name of each frame.
pub(crate) const FILE_COLUMN: &str = "FFI_FILE";

/// What a frame has for one keyword.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing: the keyword is missing, undefined or NaN.
    Missing,
    /// An integer or a logical.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// A string.
    Text(String),
}

impl From<&Value> for Cell {
    fn from(value: &Value) -> Self {
        match value {
            Value::Integer(number) => Cell::Integer(*number),
            Value::Logical(truth) => Cell::Integer((*truth).into()),
            Value::Real(number) => Cell::Real(*number),
            Value::Undefined => Cell::Missing,
            Value::Text(text) => Cell::Text(text.clone()),
            Value::Invalid(text) if text.trim_start_matches(['+', '-']).eq_ignore_ascii_case("nan") => {
                Cell::Missing
            }
            other => Cell::Text(other.to_string()),
        }
    }
}

impl Cell {
    /// The number in it; also where one frame's text made a text of all.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Cell::Missing => None,
            Cell::Integer(number) => Some(*number as f64),
            Cell::Real(number) => Some(*number),
            Cell::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// The text as a table keeps it: what is not printable ASCII becomes `?`.
pub(crate) fn ascii(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

/// Whether a name in the table is that of a file: the same, or cut short, as older cubes have them, or of the same
/// frame compressed otherwise.
pub(crate) fn is_of_file(stored: &str, given: &str) -> bool {
    is_cut_from(stored, given) || uncompressed(stored) == uncompressed(given)
}

/// Whether a name in the table is a file's, maybe cut short.
pub(crate) fn is_cut_from(stored: &str, given: &str) -> bool {
    stored == given || (stored.len() >= 30 && given.starts_with(stored))
}

/// The name that a file has or would have uncompressed.
pub(crate) fn uncompressed(name: &str) -> &str {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.strip_suffix(".fz").unwrap_or(name)
}

/// The headers of all frames of a cube, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameTable {
    layout: TableLayout,
    comments: Vec<String>,
    data: Vec<u8>,
}

/// How wide the cells of a column need to be; later ones hold all earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Nothing,
    Int,
    Long,
    Real,
    Text,
}

impl FrameTable {
    /// Makes the table of frames from the keywords of a template's science header.
    pub(crate) fn of_frames(template: &Header, frames: &[Frame]) -> Self {
        let mut columns: Vec<(String, String)> = Vec::new();
        let mut known = HashSet::new();
        for card in template.cards() {
            let keyword = ascii(&card.keyword);
            if card.value.is_some() && known.insert(keyword.clone()) {
                columns.push((keyword, card.comment.clone()));
            }
        }
        columns.push((FILE_COLUMN.to_string(), "file name of the frame".to_string()));
        Self::fill(columns, frames.len(), |row, column| frame_cell(&frames[row], column))
    }

    /// Reads the table of a cube.
    ///
    /// # Errors
    /// As [`TableLayout::of`].
    pub(crate) fn of_hdu(hdu: &Hdu, data: Vec<u8>) -> Result<Self, Error> {
        let layout = TableLayout::of(hdu)?;
        let comments = (1..)
            .zip(&layout.columns)
            .map(|(n, column)| match hdu.header.text(&column.name) {
                // astrocut keeps the comment as the value of a keyword of that name; these four are the table's own.
                Some(comment)
                    if !matches!(column.name.as_str(), "XTENSION" | "EXTNAME" | "CHECKSUM" | "DATASUM") =>
                {
                    comment.to_string()
                }
                _ => hdu.header.card(&format!("TTYPE{n}")).map_or(String::new(), |card| card.comment.clone()),
            })
            .collect();
        Ok(FrameTable { layout, comments, data })
    }

    /// Adds later frames; where no frame had world coordinates, `template` gives the columns anew.
    pub(crate) fn extended(&self, template: Option<&Header>, frames: &[Frame]) -> Self {
        let known = |(n, comment): (usize, &String)| (self.layout.columns[n].name.clone(), comment.clone());
        let columns = match template {
            Some(template) => Self::of_frames(template, &[]).named_columns(),
            None => self.comments.iter().enumerate().map(known).collect(),
        };
        let old = self.len();
        Self::fill(columns, old + frames.len(), |row, column| match row.checked_sub(old) {
            None => self.cell(row, column),
            Some(new) => frame_cell(&frames[new], column),
        })
    }

    fn named_columns(&self) -> Vec<(String, String)> {
        self.layout
            .columns
            .iter()
            .map(|column| column.name.clone())
            .zip(self.comments.iter().cloned())
            .collect()
    }

    fn fill(columns: Vec<(String, String)>, rows: usize, cell: impl Fn(usize, &str) -> Cell) -> Self {
        let mut specs = Vec::new();
        let mut filled: Vec<Vec<u8>> = Vec::new();
        for (name, comment) in &columns {
            let cells: Vec<Cell> = (0..rows).map(|row| cell(row, name)).collect();
            let (form, bytes) = encode(cells, zero_is_a_value(name));
            specs.push(ColumnSpec { comment: comment.clone(), ..ColumnSpec::new(name.clone(), form) });
            filled.push(bytes);
        }
        let widths: Vec<usize> =
            filled.iter().map(|bytes| bytes.len().checked_div(rows).unwrap_or(0)).collect();
        let mut data = Vec::with_capacity(filled.iter().map(Vec::len).sum());
        for row in 0..rows {
            for (bytes, width) in filled.iter().zip(&widths) {
                data.extend_from_slice(&bytes[row * width..(row + 1) * width]);
            }
        }
        let mut offset = 0;
        let columns_laid = specs
            .iter()
            .zip(&widths)
            .map(|(spec, width)| {
                let ty = match spec.form.chars().last() {
                    Some('J') => ColumnType::Int,
                    Some('K') => ColumnType::Long,
                    Some('D') => ColumnType::Double,
                    _ => ColumnType::Character,
                };
                let repeat = if ty == ColumnType::Character { *width } else { 1 };
                let column = uranometria_fits::Column {
                    name: spec.name.clone(),
                    ty,
                    repeat,
                    offset,
                    width: *width,
                    unit: None,
                    display: None,
                    null: None,
                    scale: 1.0,
                    zero: 0.0,
                    dim: None,
                };
                offset += width;
                column
            })
            .collect();
        FrameTable {
            layout: TableLayout { columns: columns_laid, row_len: offset, rows },
            comments: columns.into_iter().map(|(_, comment)| comment).collect(),
            data,
        }
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.layout.rows
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keywords, FFI_FILE among them.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.layout.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether there is a column for that keyword.
    pub fn has(&self, keyword: &str) -> bool {
        self.layout.find(keyword).is_some()
    }

    /// The comment that the frames have on a keyword.
    pub fn comment(&self, keyword: &str) -> Option<&str> {
        let at = self.layout.columns.iter().position(|column| column.name == keyword)?;
        Some(&self.comments[at])
    }

    /// What frame `row` has for a keyword.
    ///
    /// Integers that were missing read as 0, but for those of coordinates: the table cannot tell them apart.
    pub fn cell(&self, row: usize, keyword: &str) -> Cell {
        let Some(column) = self.layout.find(keyword) else { return Cell::Missing };
        let start = row * self.layout.row_len;
        let Some(bytes) = self.data.get(start..start + self.layout.row_len) else { return Cell::Missing };
        if let Ok(text) = column.text(bytes) {
            return if text.is_empty() { Cell::Missing } else { Cell::Text(text) };
        }
        if let Ok(number) = column.integer(bytes) {
            return Cell::Integer(number);
        }
        match column.number(bytes) {
            Ok(number) if !number.is_nan() => Cell::Real(number),
            _ => Cell::Missing,
        }
    }

    /// A number of every frame; NaN where it is missing, `None` where no frame has the keyword.
    pub fn numbers(&self, keyword: &str) -> Option<Vec<f64>> {
        self.has(keyword).then(|| {
            (0..self.len()).map(|row| self.cell(row, keyword).number().unwrap_or(f64::NAN)).collect()
        })
    }

    /// The world coordinate system of one frame; `None` where it has none.
    pub(crate) fn wcs(&self, row: usize) -> Option<Result<uranometria_wcs::Wcs, uranometria_wcs::Error>> {
        let tangent =
            |keyword: &str| matches!(self.cell(row, keyword), Cell::Text(text) if text.contains("TAN"));
        if !(tangent("CTYPE1") && tangent("CTYPE2")) {
            return None;
        }
        Some(uranometria_wcs::Wcs::from_keywords(|keyword| {
            let cell = self.cell(row, keyword);
            // Other programs write 0 where a frame has none, and a pole of 0 turns the frame upside down.
            if keyword == "LONPOLE" && cell == Cell::Integer(0) {
                return None;
            }
            match (cell.number(), cell) {
                (Some(number), _) => Some(uranometria_wcs::Keyword::Number(number)),
                (None, Cell::Text(text)) => Some(uranometria_wcs::Keyword::Text(text)),
                (None, _) => None,
            }
        }))
    }

    /// The bytes of one frame's world coordinate columns: equal bytes, equal coordinates.
    pub(crate) fn wcs_bytes(&self, row: usize) -> Vec<u8> {
        let is_wcs = |name: &str| {
            let stems =
                ["CTYPE", "CRVAL", "CRPIX", "CD", "PC", "CUNIT", "A_", "B_", "LONPOLE", "LATPOLE", "CROTA"];
            stems.iter().any(|stem| name.starts_with(stem))
        };
        let start = row * self.layout.row_len;
        let bytes = self.data.get(start..start + self.layout.row_len).unwrap_or(&[]);
        let columns = self.layout.columns.iter().filter(|column| is_wcs(&column.name));
        columns.flat_map(|column| column.bytes(bytes).iter().copied()).collect()
    }

    /// Writes the table as an HDU with checksums.
    pub(crate) fn to_hdu(&self) -> Vec<u8> {
        let specs: Vec<ColumnSpec> = self
            .layout
            .columns
            .iter()
            .zip(&self.comments)
            .map(|(column, comment)| {
                let form = match column.ty {
                    ColumnType::Character => format!("{}A", column.repeat),
                    other => other.letter().to_string(),
                };
                ColumnSpec { comment: comment.clone(), ..ColumnSpec::new(column.name.clone(), form) }
            })
            .collect();
        let mut header = table_header(&specs, self.layout.row_len, self.len(), |_, _| {});
        header.set("EXTNAME", "FFI_HEADERS", "one row a frame, one column a keyword");
        checksum::sealed_hdu(header, &self.data)
    }
}

fn frame_cell(frame: &Frame, keyword: &str) -> Cell {
    match keyword {
        FILE_COLUMN => Cell::Text(frame.file_name()),
        _ => frame.value(keyword).map_or(Cell::Missing, Cell::from),
    }
}

/// Whether 0 of a keyword is something else than none.
fn zero_is_a_value(keyword: &str) -> bool {
    ["LONPOLE", "LATPOLE", "CRVAL", "CRPIX", "CDELT", "CD1_", "CD2_", "PC1_", "PC2_", "CROTA"]
        .iter()
        .any(|stem| keyword.starts_with(stem))
}

/// Encodes a column in the narrowest form that holds all its cells; `exact` where 0 cannot stand for a missing one.
fn encode(cells: Vec<Cell>, exact: bool) -> (String, Vec<u8>) {
    let exact = exact && cells.contains(&Cell::Missing);
    let width = |cell: &Cell| match cell {
        Cell::Missing => Width::Nothing,
        Cell::Integer(_) if exact => Width::Real,
        Cell::Integer(number) if i32::try_from(*number).is_ok() => Width::Int,
        Cell::Integer(_) => Width::Long,
        Cell::Real(_) => Width::Real,
        Cell::Text(_) => Width::Text,
    };
    match cells.iter().map(width).max().unwrap_or(Width::Nothing) {
        Width::Int => {
            let int = |cell| if let Cell::Integer(number) = cell { number as i32 } else { 0 };
            ("J".into(), cells.into_iter().flat_map(|cell| int(cell).to_be_bytes()).collect())
        }
        Width::Long => {
            let long = |cell| if let Cell::Integer(number) = cell { number } else { 0 };
            ("K".into(), cells.into_iter().flat_map(|cell| long(cell).to_be_bytes()).collect())
        }
        Width::Nothing | Width::Real => {
            let real = |cell| match cell {
                Cell::Integer(number) => number as f64,
                Cell::Real(number) => number,
                _ => f64::NAN,
            };
            ("D".into(), cells.into_iter().flat_map(|cell| real(cell).to_be_bytes()).collect())
        }
        Width::Text => {
            let texts: Vec<Vec<u8>> = cells
                .into_iter()
                .map(|cell| match cell {
                    Cell::Missing => String::new(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Real(number) => Value::Real(number).to_string(),
                    Cell::Text(text) => text,
                })
                .map(|text| ascii(&text).into_bytes())
                .collect();
            let width = texts.iter().map(Vec::len).max().unwrap_or(0).max(1);
            let padded = texts.into_iter().flat_map(|mut text| {
                text.resize(width, 0);
                text
            });
            (format!("{width}A"), padded.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_integer_is_0_but_for_coordinates() {
        let cells = vec![Cell::Integer(180), Cell::Missing];
        let (form, bytes) = encode(cells.clone(), zero_is_a_value("LONPOLE"));
        assert_eq!((form.as_str(), bytes), ("D", [180f64.to_be_bytes(), f64::NAN.to_be_bytes()].concat()));
        let (form, bytes) = encode(cells, zero_is_a_value("NREADOUT"));
        assert_eq!((form.as_str(), bytes), ("J", [180i32.to_be_bytes(), [0; 4]].concat()));
        assert_eq!(encode(vec![Cell::Integer(180)], zero_is_a_value("LONPOLE")).0, "J");
    }
}
