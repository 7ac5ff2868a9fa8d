//! Binary tables as big-endian bytes: where each column lies in a row, and the header of a new table.
//!
//! FITS 4.0, section 7.3.

use crate::{Error, Hdu, HduKind, Header};

/// The type of the elements of a column (FITS 4.0, table 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the letters' names say it")]
pub enum ColumnType {
    Logical,
    Bit,
    Byte,
    Short,
    Int,
    Long,
    Character,
    Float,
    Double,
    ComplexFloat,
    ComplexDouble,
    ArrayDescriptor32,
    ArrayDescriptor64,
}

impl ColumnType {
    /// Finds the type of a letter in TFORM.
    pub(crate) fn of_letter(letter: char) -> Option<Self> {
        Self::LETTERS.iter().find(|(known, _, _)| *known == letter).map(|(_, ty, _)| *ty)
    }

    const LETTERS: [(char, ColumnType, usize); 13] = [
        ('L', ColumnType::Logical, 1),
        ('X', ColumnType::Bit, 0),
        ('B', ColumnType::Byte, 1),
        ('I', ColumnType::Short, 2),
        ('J', ColumnType::Int, 4),
        ('K', ColumnType::Long, 8),
        ('A', ColumnType::Character, 1),
        ('E', ColumnType::Float, 4),
        ('D', ColumnType::Double, 8),
        ('C', ColumnType::ComplexFloat, 8),
        ('M', ColumnType::ComplexDouble, 16),
        ('P', ColumnType::ArrayDescriptor32, 8),
        ('Q', ColumnType::ArrayDescriptor64, 16),
    ];

    /// The letter in TFORM.
    pub fn letter(self) -> char {
        Self::LETTERS.iter().find(|(_, ty, _)| *ty == self).map_or('?', |(letter, _, _)| *letter)
    }

    /// Bytes that `repeat` elements take; `None` where they overflow.
    pub(crate) fn width(self, repeat: usize) -> Option<usize> {
        if self == ColumnType::Bit {
            return Some(repeat.div_ceil(8));
        }
        let (_, _, size) = Self::LETTERS.iter().find(|(_, ty, _)| *ty == self)?;
        repeat.checked_mul(*size)
    }
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// TTYPE, or `col1`, `col2`, ... where it is missing or empty.
    pub name: String,
    /// The type of the elements.
    pub ty: ColumnType,
    /// Elements in a row.
    pub repeat: usize,
    /// Byte offset in the row.
    pub offset: usize,
    /// Bytes in the row.
    pub width: usize,
    /// TUNIT.
    pub unit: Option<String>,
    /// TDISP.
    pub display: Option<String>,
    /// TNULL.
    pub null: Option<i64>,
    /// TSCAL: the physical value is `zero + scale * stored`.
    pub scale: f64,
    /// TZERO.
    pub zero: f64,
    /// TDIM, the fastest axis first.
    pub dim: Option<Vec<usize>>,
}

/// Where everything lies in a binary table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableLayout {
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// Bytes a row.
    pub row_len: usize,
    /// Number of rows.
    pub rows: usize,
}

impl TableLayout {
    /// Reads the layout from the header of a binary table.
    ///
    /// # Errors
    /// [`Error::WrongKind`], [`Error::MissingKeyword`], [`Error::BadKeyword`], all inside [`Error::InHdu`].
    pub fn of(hdu: &Hdu) -> Result<Self, Error> {
        if hdu.kind != HduKind::BinTable {
            let found = format!("{:?}", hdu.kind);
            return Err(Error::WrongKind { found, wanted: "a binary table" }.in_hdu(hdu.index));
        }
        let layout = Self::from_header(&hdu.header).map_err(|error| error.in_hdu(hdu.index))?;
        // The length of the data was checked against that of the file; NAXIS and GCOUNT can part the two.
        let len = (layout.rows as u64).checked_mul(layout.row_len as u64);
        if len.is_none_or(|len| len > hdu.data_len) {
            let wanted =
                format!("at most the rows of {} bytes that {} bytes hold", layout.row_len, hdu.data_len);
            return Err(hdu.header.wrong("NAXIS2", wanted).in_hdu(hdu.index));
        }
        Ok(layout)
    }

    fn from_header(header: &Header) -> Result<Self, Error> {
        let row_len = header.integer_in("NAXIS1", 0..=i64::from(i32::MAX))? as usize;
        let rows = header.integer_in("NAXIS2", 0..=i64::MAX)? as usize;
        let fields = header.integer_in("TFIELDS", 0..=999)?;
        let mut columns = Vec::new();
        let mut offset = 0usize;
        for n in 1..=fields {
            let column = Column::from_header(header, n, offset)?;
            offset += column.width;
            if offset > row_len {
                let wanted = format!("at least {offset}, the width of the first {n} columns");
                return Err(header.wrong("NAXIS1", wanted));
            }
            columns.push(column);
        }
        Ok(TableLayout { columns, row_len, rows })
    }

    /// Finds a column by name; capitals do not matter (FITS 4.0, section 7.3.2).
    ///
    /// # Errors
    /// [`Error::NoColumn`] with the most similar name.
    pub fn column(&self, name: &str) -> Result<&Column, Error> {
        self.find(name)
            .ok_or_else(|| Error::NoColumn { wanted: name.to_string(), nearest: self.nearest(name) })
    }

    /// Finds a column by name, if it is there; of names that differ in capitals alone, the one that is spelt so.
    pub fn find(&self, name: &str) -> Option<&Column> {
        self.position(name).map(|at| &self.columns[at])
    }

    /// The place of a column among the columns, found as [`TableLayout::find`] does.
    pub fn position(&self, name: &str) -> Option<usize> {
        let alike = || self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
        self.columns.iter().position(|column| column.name == name).or_else(alike)
    }

    /// The name most similar to one that is not there, if any is similar.
    pub(crate) fn nearest(&self, name: &str) -> Option<String> {
        let wanted = name.to_ascii_uppercase();
        let distance = |column: &Column| edit_distance(&wanted, &column.name.to_ascii_uppercase());
        let best = self.columns.iter().min_by_key(|column| distance(column))?;
        (distance(best) <= wanted.len() / 2).then(|| best.name.clone())
    }

    /// The rows of the table's data; bytes behind the last whole row (the heap) are left out.
    pub fn rows<'a>(&self, data: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        data.chunks_exact(self.row_len.max(1)).take(if self.row_len == 0 { 0 } else { self.rows })
    }
}

/// Reads TDIM: axes in parentheses, the fastest first.
pub(crate) fn axes(dim: &str) -> Option<Vec<usize>> {
    let inner = dim.trim().strip_prefix('(')?.strip_suffix(')')?;
    inner.split(',').map(|axis| axis.trim().parse().ok()).collect()
}

/// The number of single-letter changes between two names.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replace = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl Column {
    fn from_header(header: &Header, n: i64, offset: usize) -> Result<Self, Error> {
        let key = |stem: &str| format!("{stem}{n}");
        let form_key = key("TFORM");
        let wrong_form = || header.wrong(&form_key, "a repeat count and one of L X B I J K A E D C M P Q");
        let form = header.text(&form_key).ok_or_else(wrong_form)?.trim();
        let digits = form.bytes().take_while(u8::is_ascii_digit).count();
        let repeat = if digits == 0 { 1 } else { form[..digits].parse().map_err(|_| wrong_form())? };
        let letter = form[digits..].chars().next().ok_or_else(wrong_form)?;
        let ty = ColumnType::of_letter(letter).ok_or_else(wrong_form)?;
        let width = ty.width(repeat).filter(|width| *width <= i32::MAX as usize).ok_or_else(wrong_form)?;
        let text = |stem: &str| header.text(&key(stem)).map(str::to_string);
        let dim = text("TDIM").and_then(|dim| axes(&dim));
        let product = dim.as_ref().and_then(|d| d.iter().try_fold(1usize, |p, axis| p.checked_mul(*axis)));
        Ok(Column {
            name: text("TTYPE").filter(|name| !name.is_empty()).unwrap_or_else(|| format!("col{n}")),
            ty,
            repeat,
            offset,
            width,
            unit: text("TUNIT"),
            display: text("TDISP"),
            null: header.integer(&key("TNULL")),
            scale: header.number(&key("TSCAL")).unwrap_or(1.0),
            zero: header.number(&key("TZERO")).unwrap_or(0.0),
            // A TDIM that needs more elements than there are is ignored, as the standard tells readers to.
            dim: dim.filter(|_| product.is_some_and(|product| product <= repeat)),
        })
    }

    /// TFORM.
    pub fn form(&self) -> String {
        format!("{}{}", self.repeat, self.ty.letter())
    }

    /// The bytes of this column in a row; empty where the row is too short.
    pub fn bytes<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        row.get(self.offset..self.offset + self.width).unwrap_or(&[])
    }

    /// Reads the elements of a numeric or logical column as f64; TNULL becomes NaN, scaling is applied.
    ///
    /// # Errors
    /// [`Error::ColumnType`] for strings, complex numbers, bits and array descriptors.
    pub fn numbers(&self, row: &[u8]) -> Result<Vec<f64>, Error> {
        let bytes = self.bytes(row);
        let integer = |stored: i64| {
            if self.null == Some(stored) { f64::NAN } else { self.zero + self.scale * stored as f64 }
        };
        macro_rules! elements {
            ($type:ty, $map:expr) => {
                bytes.as_chunks().0.iter().map(|&element| $map(<$type>::from_be_bytes(element))).collect()
            };
        }
        Ok(match self.ty {
            ColumnType::Byte => elements!(u8, |x| integer(i64::from(x))),
            ColumnType::Short => elements!(i16, |x| integer(i64::from(x))),
            ColumnType::Int => elements!(i32, |x| integer(i64::from(x))),
            ColumnType::Long => elements!(i64, integer),
            ColumnType::Float => elements!(f32, |x: f32| self.zero + self.scale * f64::from(x)),
            ColumnType::Double => elements!(f64, |x: f64| self.zero + self.scale * x),
            ColumnType::Logical => {
                let truth = |byte: &u8| match byte {
                    b'T' => 1.0,
                    b'F' => 0.0,
                    _ => f64::NAN,
                };
                bytes.iter().map(truth).collect()
            }
            _ => {
                let column = self.name.clone();
                return Err(Error::ColumnType {
                    column,
                    found: self.form(),
                    wanted: "B, I, J, K, E, D or L",
                });
            }
        })
    }

    /// Reads the first element as f64; NaN where the column has none.
    ///
    /// # Errors
    /// As [`Column::numbers`].
    pub fn number(&self, row: &[u8]) -> Result<f64, Error> {
        let first = Column { width: self.width.min(self.ty.width(1).unwrap_or(0)), ..self.clone_shape() };
        Ok(first.numbers(row)?.first().copied().unwrap_or(f64::NAN))
    }

    /// A copy without the texts, which reading one element does not need.
    fn clone_shape(&self) -> Column {
        Column { name: String::new(), unit: None, display: None, dim: None, ..*self }
    }

    /// Reads a single-precision column bit for bit.
    ///
    /// # Errors
    /// [`Error::ColumnType`] unless TFORM is `E`.
    pub fn floats(&self, row: &[u8]) -> Result<Vec<f32>, Error> {
        if self.ty != ColumnType::Float {
            let column = self.name.clone();
            return Err(Error::ColumnType { column, found: self.form(), wanted: "E" });
        }
        Ok(self.bytes(row).as_chunks().0.iter().map(|&element| f32::from_be_bytes(element)).collect())
    }

    /// Reads the first element of an integer column exactly.
    ///
    /// # Errors
    /// [`Error::ColumnType`] unless TFORM is `B`, `I`, `J` or `K`.
    pub fn integer(&self, row: &[u8]) -> Result<i64, Error> {
        let bytes = self.bytes(row);
        let value = match self.ty {
            ColumnType::Byte => bytes.first().map(|&x| i64::from(x)),
            ColumnType::Short => bytes.first_chunk().map(|&x| i64::from(i16::from_be_bytes(x))),
            ColumnType::Int => bytes.first_chunk().map(|&x| i64::from(i32::from_be_bytes(x))),
            ColumnType::Long => bytes.first_chunk().map(|&x| i64::from_be_bytes(x)),
            _ => None,
        };
        value.ok_or_else(|| Error::ColumnType {
            column: self.name.clone(),
            found: self.form(),
            wanted: "B, I, J or K",
        })
    }

    /// Reads a string: up to the first NUL, trailing blanks removed.
    ///
    /// # Errors
    /// [`Error::ColumnType`] unless TFORM is `A`.
    pub fn text(&self, row: &[u8]) -> Result<String, Error> {
        if self.ty != ColumnType::Character {
            let column = self.name.clone();
            return Err(Error::ColumnType { column, found: self.form(), wanted: "A" });
        }
        let bytes = self.bytes(row);
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        let text: String = bytes[..end].iter().map(|&byte| char::from(byte)).collect();
        Ok(text.trim_end().to_string())
    }
}

/// A column of a table to be written.
#[derive(Clone, Debug, Default)]
pub struct ColumnSpec {
    /// TTYPE.
    pub name: String,
    /// What stands in the comment of TTYPE.
    pub comment: String,
    /// The type's letter and the number of elements, as in TFORM: `D`, `121E`, `43A`.
    pub form: String,
    /// TUNIT.
    pub unit: Option<String>,
    /// TDISP.
    pub display: Option<String>,
    /// TNULL.
    pub null: Option<i64>,
    /// TDIM, the fastest axis first.
    pub dim: Option<Vec<usize>>,
}

impl ColumnSpec {
    /// Makes a column of a name and form.
    pub fn new(name: impl Into<String>, form: impl Into<String>) -> Self {
        ColumnSpec { name: name.into(), form: form.into(), ..Self::default() }
    }
}

/// Makes the header of a binary table of `rows` rows.
///
/// `row_len` is the length of a row in bytes. `after_column(n, header)` may add cards behind those of column `n`
/// (counted from 1), such as its world coordinates.
pub fn table_header(
    columns: &[ColumnSpec],
    row_len: usize,
    rows: usize,
    mut after_column: impl FnMut(usize, &mut Header),
) -> Header {
    let mut header = Header::new();
    header.set("XTENSION", "BINTABLE", "binary table extension");
    header.set("BITPIX", 8, "array data type");
    header.set("NAXIS", 2, "number of array dimensions");
    header.set("NAXIS1", row_len, "length of dimension 1");
    header.set("NAXIS2", rows, "length of dimension 2");
    header.set("PCOUNT", 0, "number of group parameters");
    header.set("GCOUNT", 1, "number of groups");
    header.set("TFIELDS", columns.len(), "number of table fields");
    for (n, column) in (1..).zip(columns) {
        let mut add = |stem: &str, value: crate::Value, comment: &str| {
            header.push(crate::Card::new(format!("{stem}{n}"), value, comment));
        };
        let comment = if column.comment.is_empty() { "column name" } else { &column.comment };
        add("TTYPE", crate::Value::Text(column.name.clone()), comment);
        add("TFORM", crate::Value::Text(column.form.clone()), "column format");
        if let Some(unit) = &column.unit {
            add("TUNIT", crate::Value::Text(unit.clone()), "unit");
        }
        if let Some(null) = column.null {
            add("TNULL", crate::Value::Integer(null), "null value");
        }
        if let Some(display) = &column.display {
            add("TDISP", crate::Value::Text(display.clone()), "display format");
        }
        if let Some(dim) = &column.dim {
            let axes: Vec<String> = dim.iter().map(usize::to_string).collect();
            add("TDIM", crate::Value::Text(format!("({})", axes.join(","))), "multi-dimensional array spec");
        }
        after_column(n, &mut header);
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checksum::sealed_hdu, read_hdus};

    fn table() -> Vec<u8> {
        let columns = [
            ColumnSpec::new("TIME", "D"),
            ColumnSpec { null: Some(-1), ..ColumnSpec::new("COUNTS", "2J") },
            ColumnSpec::new("FILE", "5A"),
            ColumnSpec { dim: Some(vec![2, 1]), ..ColumnSpec::new("FLUX", "2E") },
        ];
        let mut data = Vec::new();
        for n in 0..3i32 {
            data.extend(f64::from(n).to_be_bytes());
            data.extend((n - 1).to_be_bytes());
            data.extend((n + 7).to_be_bytes());
            data.extend(b"ab\0zz");
            data.extend([n as f32, f32::NAN].iter().flat_map(|x| x.to_be_bytes()));
        }
        let mut bytes = Header::primary().to_bytes();
        bytes.extend(sealed_hdu(table_header(&columns, 29, 3, |_, _| {}), &data));
        bytes
    }

    #[test]
    fn rows_of_a_written_table_read_back() {
        let bytes = table();
        let hdu = &read_hdus(&bytes).unwrap()[1];
        let layout = TableLayout::of(hdu).unwrap();
        let data = hdu.read_data(&bytes).unwrap();
        let rows: Vec<_> = layout.rows(&data).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(layout.column("time").unwrap().number(rows[2]).unwrap(), 2.0);
        let counts = layout.column("COUNTS").unwrap().numbers(rows[0]).unwrap();
        assert!(counts[0].is_nan() && counts[1] == 7.0);
        assert_eq!(layout.column("FILE").unwrap().text(rows[0]).unwrap(), "ab");
        assert_eq!(layout.column("FLUX").unwrap().dim, Some(vec![2, 1]));
        assert_eq!(layout.column("FLUX").unwrap().floats(rows[1]).unwrap()[0], 1.0);
    }

    #[test]
    fn a_missing_column_names_the_nearest() {
        let bytes = table();
        let layout = TableLayout::of(&read_hdus(&bytes).unwrap()[1]).unwrap();
        let error = layout.column("FLUXX").unwrap_err().to_string();
        assert_eq!(error, "column FLUXX is not in the table; did you mean FLUX?");
    }

    #[test]
    fn columns_wider_than_the_row_are_an_error() {
        let header = table_header(&[ColumnSpec::new("A", "9D")], 8, 1, |_, _| {});
        let error = TableLayout::from_header(&header).unwrap_err().to_string();
        assert_eq!(error, "card 4: NAXIS1 is 8, expected at least 72, the width of the first 1 columns");
    }

    #[test]
    fn rows_past_the_data_are_an_error() {
        for (keyword, value) in [("GCOUNT", 0), ("NAXIS", 1)] {
            let mut header = table_header(&[ColumnSpec::new("A", "D")], 8, 1 << 40, |_, _| {});
            header.set(keyword, value, "");
            let mut bytes = Header::primary().to_bytes();
            bytes.extend(sealed_hdu(header, &[0; 8]));
            let error = TableLayout::of(&read_hdus(&bytes).unwrap()[1]).unwrap_err().to_string();
            assert!(error.starts_with("HDU 1: card 5: NAXIS2 is 1099511627776, expected at most"), "{error}");
        }
    }

    #[test]
    fn a_repeat_count_past_all_memory_is_an_error() {
        for form in ["99999999999999999999999D", "9223372036854775807D", "Z", "", "1"] {
            let header = table_header(&[ColumnSpec::new("A", form)], 8, 1, |_, _| {});
            let error = TableLayout::from_header(&header).unwrap_err().to_string();
            assert!(error.contains("TFORM1"), "{error}");
        }
    }
}
