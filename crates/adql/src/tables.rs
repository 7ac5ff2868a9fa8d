//! The tables that queries may name: what a service serves, and what a user has uploaded.

use crate::error::{Error, Kind, did_you_mean};
use crate::tree::{Ident, Name};
use crate::types::Type;

/// A column of a table or of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, as the engine knows it.
    pub name: String,
    /// Its type.
    pub datatype: Type,
    /// Its unit as VOUnits has it, if it has one.
    pub unit: Option<String>,
    /// Its UCD, if it has one.
    pub ucd: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
}

impl Column {
    /// A column of which nothing else is known.
    pub fn new(name: impl Into<String>, datatype: Type) -> Self {
        Self { name: name.into(), datatype, unit: None, ucd: None, description: None }
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableInfo {
    /// Its name with schema and, if any, catalogue, outermost first.
    pub name: Vec<String>,
    /// Its columns in their order.
    pub columns: Vec<Column>,
}

/// All tables that queries may name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tables {
    list: Vec<TableInfo>,
}

impl Tables {
    /// Adds a table, such as `add("gaia.source", columns)`; periods separate the parts of the name.
    pub fn add(&mut self, name: &str, columns: Vec<Column>) {
        self.list.push(TableInfo { name: name.split('.').map(str::to_owned).collect(), columns });
    }

    /// Takes a table out, such as an upload that is gone.
    pub fn remove(&mut self, name: &str) {
        self.list.retain(|table| table.name.join(".") != name);
    }

    /// All tables.
    pub fn iter(&self) -> impl Iterator<Item = &TableInfo> {
        self.list.iter()
    }

    /// Finds the table of a name, which may lack schema or catalogue if that leaves only one.
    pub(crate) fn find(&self, name: &Name) -> Result<&TableInfo, Error> {
        let mut found = self.list.iter().filter(|table| ends_with(&table.name, &name.0));
        match (found.next(), found.next()) {
            (Some(table), None) => Ok(table),
            (Some(table), Some(_)) if name.0.len() == table.name.len() => Ok(table),
            (Some(a), Some(b)) => {
                let message = format!("`{name}` can be {} or {}", a.name.join("."), b.name.join("."));
                Err(Error::new(Kind::Ambiguous, name.span(), message).hint("write the schema too"))
            }
            (None, _) => {
                let full: Vec<String> = self.list.iter().map(|table| table.name.join(".")).collect();
                let last = self.list.iter().filter_map(|table| table.name.last().map(String::as_str));
                let error = Error::new(Kind::UnknownTable, name.span(), format!("no table `{name}`"));
                let spelt = name.to_string();
                Err(if name.0.len() > 1 {
                    did_you_mean(error, &spelt, full.iter().map(String::as_str))
                } else {
                    did_you_mean(error, &spelt, last)
                })
            }
        }
    }
}

/// Says whether a name with fewer parts means the full name.
pub(crate) fn ends_with(full: &[String], parts: &[Ident]) -> bool {
    parts.len() <= full.len()
        && full[full.len() - parts.len()..].iter().zip(parts).all(|(name, ident)| ident.names(name))
}
