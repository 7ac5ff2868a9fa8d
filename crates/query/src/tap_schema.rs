//! TAP_SCHEMA: the tables that describe the tables. TAP 1.1, section 4.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use uranometria_adql::{Column, TableInfo, Tables, Type};

/// The schema, as it is written in names.
pub(crate) const SCHEMA: &str = "TAP_SCHEMA";

/// The columns of a table: name, whether it is a number, and what it is.
type Described = &'static [(&'static str, bool, &'static str)];

const SCHEMAS: Described = &[
    ("schema_name", false, "Name of the schema"),
    ("utype", false, "Its utype, if it follows a data model"),
    ("description", false, "What it is"),
    ("schema_index", true, "Where it is shown among the others"),
];

const TABLES: Described = &[
    ("schema_name", false, "Name of the schema"),
    ("table_name", false, "Name of the table, as queries write it"),
    ("table_type", false, "table or view"),
    ("utype", false, "Its utype, if it follows a data model"),
    ("description", false, "What it is"),
    ("table_index", true, "Where it is shown among the others"),
];

const COLUMNS: Described = &[
    ("table_name", false, "Name of the table, as queries write it"),
    ("column_name", false, "Name of the column"),
    ("datatype", false, "Type, as VOTable has it"),
    ("arraysize", false, "Number of values, as VOTable has it"),
    ("xtype", false, "What values of the type stand for (DALI)"),
    ("size", true, "Length; TAP 1.0 has it"),
    ("description", false, "What it is"),
    ("utype", false, "Its utype, if it follows a data model"),
    ("unit", false, "Unit, as VOUnits has it"),
    ("ucd", false, "UCD"),
    ("indexed", true, "1 if an index helps to find values"),
    ("principal", true, "1 if most will want to see it"),
    ("std", true, "1 if a standard defines it"),
    ("column_index", true, "Where it is shown among the others"),
];

const KEYS: Described = &[
    ("key_id", false, "Name of the key"),
    ("from_table", false, "The table that points"),
    ("target_table", false, "The table pointed to"),
    ("utype", false, "Its utype, if it follows a data model"),
    ("description", false, "What it is"),
];

const KEY_COLUMNS: Described = &[
    ("key_id", false, "Name of the key"),
    ("from_column", false, "The column that points"),
    ("target_column", false, "The column pointed to"),
];

const ALL: [(&str, Described, &str); 5] = [
    ("schemas", SCHEMAS, "The schemas of this service"),
    ("tables", TABLES, "The tables of this service"),
    ("columns", COLUMNS, "The columns of the tables of this service"),
    ("keys", KEYS, "Which tables point to which"),
    ("key_columns", KEY_COLUMNS, "The columns of keys"),
];

/// The keys among these tables themselves.
const OWN_KEYS: [(&str, &str, &str, &str); 4] = [
    ("schema", "tables", "schemas", "schema_name"),
    ("table", "columns", "tables", "table_name"),
    ("from", "keys", "tables", "from_table"),
    ("key", "key_columns", "keys", "key_id"),
];

/// Adds the tables to those that queries may name, unless they are there.
pub(crate) fn declare(tables: &mut Tables) {
    if tables.iter().any(|table| table.name[0] == SCHEMA) {
        return;
    }
    for (name, columns, _) in ALL {
        let column = |(name, number, description): &(&str, bool, &str)| Column {
            description: Some((*description).to_string()),
            ..Column::new(*name, if *number { Type::Integer } else { Type::Varchar })
        };
        tables.add(&format!("{SCHEMA}.{name}"), columns.iter().map(column).collect());
    }
}

/// The rows of each of the tables.
pub(crate) fn rows(tables: &Tables) -> Vec<(&'static str, RecordBatch)> {
    let full = |table: &TableInfo| table.name.iter().map(|part| spelt(part)).collect::<Vec<_>>().join(".");
    let of = |name: &str| ALL.iter().find(|(known, ..)| *known == name);
    let mut schemas = Rows::new(SCHEMAS);
    let mut names: Vec<&str> = tables.iter().map(|table| table.name[0].as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for (at, name) in names.into_iter().enumerate() {
        let description = (name == SCHEMA).then_some("What this service has");
        schemas.add([text(spelt(name)), None, description.map(Into::into), number(at)]);
    }
    let (mut of_tables, mut of_columns) = (Rows::new(TABLES), Rows::new(COLUMNS));
    for (at, table) in tables.iter().enumerate() {
        let (schema, own) = (&table.name[0], table.name[0] == SCHEMA);
        let description = of(&table.name[1]).filter(|_| own).map(|(_, _, description)| (*description).into());
        of_tables.add([text(spelt(schema)), text(full(table)), text("table"), None, description, number(at)]);
        for (at, column) in table.columns.iter().enumerate() {
            let (datatype, arraysize, xtype) = as_votable(column.datatype);
            of_columns.add([
                text(full(table)),
                text(spelt(&column.name)),
                text(datatype),
                arraysize.map(Into::into),
                xtype.map(Into::into),
                None,
                column.description.clone().map(Cell::Text),
                None,
                column.unit.clone().map(Cell::Text),
                column.ucd.clone().map(Cell::Text),
                number(0),
                number(usize::from(!column.name.starts_with('_'))),
                number(usize::from(own)),
                number(at),
            ]);
        }
    }
    let (mut keys, mut key_columns) = (Rows::new(KEYS), Rows::new(KEY_COLUMNS));
    for (id, from, target, column) in OWN_KEYS {
        let name = |table: &str| text(format!("{SCHEMA}.{table}"));
        keys.add([text(id), name(from), name(target), None, None]);
        let pointed = if id == "from" { "table_name" } else { column };
        key_columns.add([text(id), text(column), text(pointed)]);
    }
    let all = [schemas, of_tables, of_columns, keys, key_columns];
    ALL.iter().zip(all).map(|((name, ..), rows)| (*name, rows.finish())).collect()
}

/// A name as queries have to write it.
fn spelt(name: &str) -> String {
    if uranometria_adql::is_regular(name) {
        name.to_string()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Type, array size and xtype of VOTable.
fn as_votable(datatype: Type) -> (&'static str, Option<&'static str>, Option<&'static str>) {
    match datatype {
        Type::Boolean => ("boolean", None, None),
        Type::SmallInt => ("short", None, None),
        Type::Integer => ("int", None, None),
        Type::BigInt => ("long", None, None),
        Type::Real => ("float", None, None),
        Type::Double => ("double", None, None),
        Type::Timestamp => ("char", Some("*"), Some("timestamp")),
        Type::Binary => ("unsignedByte", Some("*"), None),
        Type::Interval => ("double", Some("2"), Some("interval")),
        Type::Point => ("double", Some("2"), Some("point")),
        Type::Circle => ("double", Some("3"), Some("circle")),
        Type::Polygon => ("double", Some("*"), Some("polygon")),
        Type::Region => ("char", Some("*"), Some("region")),
        _ => ("char", Some("*"), None),
    }
}

/// A value of a row.
enum Cell {
    Text(String),
    Number(i32),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_string())
    }
}

fn text(text: impl Into<String>) -> Option<Cell> {
    Some(Cell::Text(text.into()))
}

fn number(number: usize) -> Option<Cell> {
    Some(Cell::Number(i32::try_from(number).unwrap_or(i32::MAX)))
}

/// Rows under way.
struct Rows {
    columns: Described,
    cells: Vec<Vec<Option<Cell>>>,
}

impl Rows {
    fn new(columns: Described) -> Self {
        Rows { columns, cells: columns.iter().map(|_| Vec::new()).collect() }
    }

    fn add<const N: usize>(&mut self, row: [Option<Cell>; N]) {
        self.cells.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }

    fn finish(self) -> RecordBatch {
        let array = |(column, cells): (&(&'static str, bool, &str), Vec<Option<Cell>>)| -> (&'static str, ArrayRef, bool) {
            let array: ArrayRef = if column.1 {
                Arc::new(Int32Array::from_iter(cells.into_iter().map(|cell| match cell {
                    Some(Cell::Number(number)) => Some(number),
                    _ => None,
                })))
            } else {
                Arc::new(StringArray::from_iter(cells.into_iter().map(|cell| match cell {
                    Some(Cell::Text(text)) => Some(text),
                    _ => None,
                })))
            };
            debug_assert!(matches!(array.data_type(), DataType::Int32 | DataType::Utf8));
            (column.0, array, true)
        };
        let columns: Vec<_> = self.columns.iter().zip(self.cells).map(array).collect();
        RecordBatch::try_from_iter_with_nullable(columns)
            .expect("columns of a table have the same number of rows")
    }
}
