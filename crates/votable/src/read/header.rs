//! What stands in front of the rows and behind them.
//!
//! VOTable 1.5, sections 3 and 4. GROUP, PARAM, LINK, COOSYS, TIMESYS and what is not of VOTable are passed over.

use std::collections::HashMap;
use std::io::BufRead;

use arrow_schema::Field;

use super::TableChoice;
use super::columns::Column;
use super::field::Spec;
use super::xml::{Tag, Xml, attribute};
use crate::error::quoted;
use crate::{Error, Info, Serialisation, Status, keys};

/// The most columns a table may have.
const MAX_COLUMNS: usize = 1 << 16;

/// What is counted for an element that is kept, beside its text.
const ELEMENT_BYTES: usize = 256;

/// A table that was found, and where its rows are.
pub(super) struct Header {
    pub(super) label: String,
    pub(super) metadata: HashMap<String, String>,
    pub(super) fields: Vec<Field>,
    pub(super) columns: Vec<Column>,
    /// `None` where the table has no data.
    pub(super) serialisation: Option<Serialisation>,
    pub(super) rest: Rest,
}

/// What is kept of the document around the table, while it is read on behind the rows.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) infos: Vec<Info>,
    kept: Kept,
    done: bool,
}

/// Bytes of what is kept, against a limit.
#[derive(Default)]
struct Kept(usize);

impl Kept {
    fn add<R: BufRead>(&mut self, bytes: usize, xml: &Xml<R>, limit: usize) -> Result<(), Error> {
        self.0 = self.0.saturating_add(bytes).saturating_add(ELEMENT_BYTES);
        if self.0 > limit {
            let what = "descriptions and other elements in front of or behind the rows".to_string();
            return Err(Error::TooLong { byte: xml.byte(), what, limit });
        }
        Ok(())
    }
}

/// A table as its header has it.
struct Table {
    label: String,
    metadata: HashMap<String, String>,
    specs: Vec<Spec>,
}

/// A table without data, for want of one with.
struct Fallback {
    table: Table,
    /// The INFO elements of the table and of the elements around it.
    infos: Vec<Info>,
    /// How many of these are still open.
    depth: usize,
}

/// What is known while tables are looked for.
struct Search {
    limit: usize,
    rest: Rest,
    /// Columns of tables with an ID, for those that refer to them.
    known: HashMap<String, Vec<Spec>>,
    /// The null of VALUES elements with an ID.
    nulls: HashMap<String, String>,
    there: Vec<String>,
    tables: usize,
}

/// Reads up to the first row of a table.
pub(super) fn find<R: BufRead>(
    xml: &mut Xml<R>,
    choice: &TableChoice,
    limit: usize,
) -> Result<Header, Error> {
    check_beginning(xml)?;
    let mut search = Search {
        limit,
        rest: Rest::default(),
        known: HashMap::new(),
        nulls: HashMap::new(),
        there: Vec::new(),
        tables: 0,
    };
    // How many INFO elements there were in front of each element that is open.
    let mut open: Vec<usize> = Vec::new();
    let mut fallback: Option<Fallback> = None;
    let mut reported = None;
    loop {
        match xml.tag()? {
            Tag::Start if open.is_empty() => {
                if xml.name() != "VOTABLE" {
                    let found = format!("an element {}", quoted(xml.name()));
                    return Err(xml.structure(found, "VOTABLE"));
                }
                open.push(0);
            }
            Tag::Start => match xml.name() {
                "RESOURCE" => open.push(search.rest.infos.len()),
                // In version 1.0 global definitions are inside of an element.
                "DEFINITIONS" => open.push(search.rest.infos.len()),
                "INFO" => {
                    search.rest.info(xml, limit)?;
                    let info = search.rest.infos.last();
                    if let Some(Status::Error(message)) = info.and_then(Status::of) {
                        reported = Some(message);
                    }
                    if let Some(fallback) = fallback.as_mut().filter(|it| open.len() <= it.depth) {
                        fallback.infos.extend(info.cloned());
                    }
                }
                "TABLE" => {
                    let mark = search.rest.infos.len();
                    let (table, wanted, at_data) = search.table(xml, choice)?;
                    if wanted && at_data {
                        let serialisation = data(xml)?;
                        return search.found(xml, table, serialisation);
                    }
                    if wanted && *choice != TableChoice::First {
                        return search.found(xml, table, None);
                    }
                    if wanted && fallback.is_none() {
                        let infos = search.rest.infos.clone();
                        fallback = Some(Fallback { table, infos, depth: open.len() });
                    }
                    if at_data {
                        // DATA, and then TABLE.
                        xml.skip()?;
                        xml.skip()?;
                    }
                    search.rest.infos.truncate(mark);
                }
                _ => xml.skip()?,
            },
            Tag::End => {
                let mark = open.pop().unwrap_or(0);
                if !open.is_empty() {
                    search.rest.infos.truncate(mark);
                }
                if let Some(fallback) = &mut fallback {
                    fallback.depth = fallback.depth.min(open.len());
                }
            }
            Tag::Eof if !open.is_empty() => {
                return Err(xml.structure("the end of the document", "the end of its elements"));
            }
            Tag::Eof => break,
        }
    }
    if let Some(Fallback { table, infos, .. }) = fallback {
        search.rest = Rest { infos, done: true, ..search.rest };
        return search.found(xml, table, None);
    }
    if search.there.is_empty()
        && let Some(message) = reported
    {
        return Err(Error::Reported { message });
    }
    let wanted = match choice {
        TableChoice::First => "a table".to_string(),
        TableChoice::Index(index) => format!("table number {index}, counted from 0,"),
        TableChoice::Id(id) => format!("a table with ID {id}"),
        TableChoice::Name(name) => format!("a table with name {name}"),
    };
    Err(Error::NoTable { wanted, there: search.there })
}

/// Refuses at once what is no XML.
fn check_beginning<R: BufRead>(xml: &mut Xml<R>) -> Result<(), Error> {
    use std::io::BufRead as _;
    let mut stream = xml.stream();
    let beginning = loop {
        match stream.fill_buf() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            beginning => break beginning.map(|bytes| bytes[..bytes.len().min(16)].to_vec()),
        }
    };
    let beginning = beginning.map_err(|error| xml.stream_error(error))?;
    if beginning.starts_with(&[0x1F, 0x8B]) {
        return Err(xml.structure("a document compressed by gzip", "a bare one; decompress it on the way"));
    }
    let text = beginning.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&beginning);
    match text.trim_ascii_start().first() {
        // A mark of the byte order may be split between two reads.
        Some(b'<') | None => Ok(()),
        Some(0xEF) if beginning.len() < 3 => Ok(()),
        Some(_) => {
            let found = format!("a beginning {}", quoted(&String::from_utf8_lossy(&beginning)));
            Err(xml.structure(found, "a VOTable document"))
        }
    }
}

impl Search {
    /// Reads the header of a table: what it is, whether it is the one wanted, and whether DATA was begun.
    fn table<R: BufRead>(
        &mut self,
        xml: &mut Xml<R>,
        choice: &TableChoice,
    ) -> Result<(Table, bool, bool), Error> {
        let attributes = xml.attributes()?;
        let index = self.tables;
        self.tables += 1;
        let (id, name) = (attribute(&attributes, "ID"), attribute(&attributes, "name"));
        let wanted = match choice {
            TableChoice::First => true,
            TableChoice::Index(wanted) => *wanted == index,
            TableChoice::Id(wanted) => id == Some(wanted.trim()),
            TableChoice::Name(wanted) => name == Some(wanted.trim()),
        };
        let label = match name.or(id) {
            Some(name) => format!("table {name}"),
            None => format!("table number {index}"),
        };
        self.rest.kept.add(label.len(), xml, self.limit)?;
        self.there.push(label.clone());
        let mut metadata = HashMap::new();
        let known = [("name", keys::NAME), ("ID", keys::ID), ("ucd", keys::UCD), ("utype", keys::UTYPE)];
        for (name, key) in known {
            if let Some(value) = attribute(&attributes, name) {
                metadata.insert(key.to_string(), value.to_string());
            }
        }
        let mut table = Table { label, metadata, specs: Vec::new() };
        let at_data = loop {
            match xml.tag()? {
                Tag::Start => match xml.name() {
                    "FIELD" => self.field(xml, &mut table)?,
                    "DESCRIPTION" => {
                        let text = xml.text()?;
                        self.rest.kept.add(text.len(), xml, self.limit)?;
                        if !text.trim().is_empty() {
                            table.metadata.insert(keys::DESCRIPTION.to_string(), text.trim().to_string());
                        }
                    }
                    "INFO" => self.rest.info(xml, self.limit)?,
                    "DATA" => break true,
                    _ => xml.skip()?,
                },
                Tag::End => break false,
                Tag::Eof => return Err(xml.structure("the end of the document", "the end of its TABLE")),
            }
        };
        if table.specs.is_empty()
            && let Some(specs) = attribute(&attributes, "ref").and_then(|target| self.known.get(target))
        {
            table.specs = specs.clone();
        } else if let Some(id) = id {
            self.known.insert(id.to_string(), table.specs.clone());
        }
        Ok((table, wanted, at_data))
    }

    fn field<R: BufRead>(&mut self, xml: &mut Xml<R>, table: &mut Table) -> Result<(), Error> {
        let attributes = xml.attributes()?;
        let mut spec = Spec { byte: xml.byte(), attributes, description: None, null: None };
        loop {
            match xml.tag()? {
                Tag::Start => match xml.name() {
                    "DESCRIPTION" => spec.description = Some(xml.text()?),
                    "VALUES" => {
                        let attributes = xml.attributes()?;
                        let null = match attribute(&attributes, "ref") {
                            Some(target) => self.nulls.get(target).cloned(),
                            None => attribute(&attributes, "null").map(str::to_string),
                        };
                        if let (Some(id), Some(null)) = (attribute(&attributes, "ID"), &null) {
                            self.rest.kept.add(id.len() + null.len(), xml, self.limit)?;
                            self.nulls.insert(id.to_string(), null.clone());
                        }
                        // Of several, such as those for `legal` and `actual` values, the first one with a null counts.
                        spec.null = spec.null.or(null);
                        xml.skip()?;
                    }
                    _ => xml.skip()?,
                },
                Tag::End => break,
                Tag::Eof => return Err(xml.structure("the end of the document", "the end of its FIELD")),
            }
        }
        self.rest.kept.add(spec.bytes(), xml, self.limit)?;
        table.specs.push(spec);
        if table.specs.len() > MAX_COLUMNS {
            return Err(xml.structure(format!("more than {MAX_COLUMNS} columns"), "fewer"));
        }
        Ok(())
    }

    /// Makes columns of the table that was found.
    fn found<R: BufRead>(
        self,
        xml: &Xml<R>,
        table: Table,
        serialisation: Option<Serialisation>,
    ) -> Result<Header, Error> {
        let (mut fields, mut columns): (Vec<Field>, Vec<Column>) = (Vec::new(), Vec::new());
        let mut row_bytes = 0usize;
        for (n, spec) in table.specs.iter().enumerate() {
            let (field, column) = spec.column(n, self.limit).map_err(|misfit| Error::Field {
                table: table.label.clone(),
                column: spec.name(n),
                byte: spec.byte,
                found: misfit.found,
                wanted: misfit.wanted,
            })?;
            row_bytes = row_bytes.saturating_add(column.row_bytes);
            fields.push(field);
            columns.push(column);
        }
        if row_bytes > self.limit {
            let what = "a row with fixed arrays".to_string();
            return Err(Error::TooLong { byte: xml.byte(), what, limit: self.limit });
        }
        let Table { label, metadata, .. } = table;
        Ok(Header { label, metadata, fields, columns, serialisation, rest: self.rest })
    }
}

/// Finds out how the rows are put down, behind the beginning of DATA; goes to the first of them.
fn data<R: BufRead>(xml: &mut Xml<R>) -> Result<Option<Serialisation>, Error> {
    let serialisation = loop {
        match xml.tag()? {
            Tag::Start => match xml.name() {
                "TABLEDATA" => return Ok(Some(Serialisation::Tabledata)),
                "BINARY" => break Serialisation::Binary,
                "BINARY2" => break Serialisation::Binary2,
                "FITS" => {
                    return Err(xml.structure(
                        "rows in FITS",
                        "TABLEDATA, BINARY or BINARY2; read the FITS file itself instead",
                    ));
                }
                _ => xml.skip()?,
            },
            Tag::End => return Ok(None),
            Tag::Eof => return Err(xml.structure("the end of the document", "the end of its DATA")),
        }
    };
    loop {
        match xml.tag()? {
            Tag::Start if xml.name() == "STREAM" => {
                let attributes = xml.attributes()?;
                if let Some(href) = attribute(&attributes, "href") {
                    let found = format!("rows elsewhere, at {}", quoted(href));
                    return Err(xml.structure(found, "rows in the document itself"));
                }
                // Inside of XML nothing but base64 can be meant where nothing is said.
                match attribute(&attributes, "encoding") {
                    None | Some("base64") => return Ok(Some(serialisation)),
                    Some(other) => {
                        let found = format!("a stream encoded by {}", quoted(other));
                        return Err(xml.structure(found, "base64"));
                    }
                }
            }
            Tag::Start => xml.skip()?,
            Tag::End => return Err(xml.structure("binary data without a STREAM", "a STREAM")),
            Tag::Eof => return Err(xml.structure("the end of the document", "a STREAM")),
        }
    }
}

impl Rest {
    /// Keeps the INFO element that was begun.
    fn info<R: BufRead>(&mut self, xml: &mut Xml<R>, limit: usize) -> Result<(), Error> {
        let attributes = xml.attributes()?;
        let text = xml.text()?;
        let of = |name: &str| attribute(&attributes, name).unwrap_or("").to_string();
        let info = Info { name: of("name"), value: of("value"), text: text.trim().to_string() };
        self.kept.add(info.name.len() + info.value.len() + info.text.len(), xml, limit)?;
        self.infos.push(info);
        Ok(())
    }

    /// Reads the document to its end, from behind the rows on, and keeps the INFO elements of the elements that are
    /// still open.
    pub(super) fn read<R: BufRead>(&mut self, xml: &mut Xml<R>, limit: usize) -> Result<(), Error> {
        if self.done {
            return Ok(());
        }
        self.done = true;
        let mut depth = xml.depth();
        loop {
            match xml.tag()? {
                Tag::Start if xml.name() == "INFO" => self.info(xml, limit)?,
                Tag::Start => xml.skip()?,
                Tag::End => depth = depth.saturating_sub(1),
                Tag::Eof if depth == 0 => return Ok(()),
                Tag::Eof => return Err(xml.structure("the end of the document", "the end of its elements")),
            }
        }
    }
}
