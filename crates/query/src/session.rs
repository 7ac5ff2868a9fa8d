//! The tables and functions that queries may name, and how a query goes from its text to rows.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use tokio::time::{Instant, timeout_at};
use uranometria_adql::{
    Checked, Column, Engine, Functions, Kind, Mode, Options, Tables, Version, check, parse, translate,
};
use uranometria_catalog::fs::{Catalog, Table};

use crate::embedded::Embedded;
use crate::postgres::Postgres;
use crate::source::Source;
use crate::{Answer, Error, tap_schema};

/// What all queries of a session may use together.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Bytes of memory; sorts and groups beyond it go to files.
    pub memory: usize,
    /// Threads a query is run by; 0 is one a core.
    pub threads: usize,
    /// The folder for what does not fit in memory; that of the system for files which do not last unless given.
    pub spill: Option<PathBuf>,
}

impl Default for Resources {
    /// 2 GiB, a thread a core.
    fn default() -> Self {
        Resources { memory: 2 << 30, threads: 0, spill: None }
    }
}

/// A query and what it may take.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The query, in ADQL.
    pub adql: &'a str,
    /// The version of ADQL it is written in.
    pub version: Version,
    /// How closely the standard is followed.
    pub mode: Mode,
    /// The most rows that are given (MAXREC of DALI); whether there were more, [`Answer::overflowed`] tells.
    pub max_rows: Option<u64>,
    /// How long it may take, from the call to the last row.
    pub time_limit: Option<Duration>,
}

impl<'a> Request<'a> {
    /// A query of ADQL 2.1, read leniently, without limits.
    pub fn new(adql: &'a str) -> Self {
        let options = Options::default();
        Request { adql, version: options.version, mode: options.mode, max_rows: None, time_limit: None }
    }

    /// When it has to be done; a limit beyond what clocks count is none.
    pub(crate) fn deadline(&self) -> Option<(Instant, Duration)> {
        self.time_limit.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit)))
    }
}

/// Tables that are queried by their names.
pub struct Session {
    tables: Tables,
    /// The names of tables that were added, in small letters.
    names: HashSet<String>,
    functions: Functions,
    embedded: Embedded,
    /// Where the catalogues are, if not in the embedded engine.
    postgres: Option<Postgres>,
    /// The tables at rest, by their names.
    stored: Vec<(String, Source)>,
    /// Files that could not be opened as tables, by the names they would have.
    left_out: Vec<(String, Arc<uranometria_catalog::Error>)>,
}

impl Session {
    /// One with the tables of TAP_SCHEMA, which describe what there is.
    ///
    /// # Errors
    /// [`Error::Table`] where the folder for what does not fit in memory cannot be used.
    pub fn new(resources: &Resources) -> Result<Self, Error> {
        let mut session = Session {
            tables: Tables::default(),
            names: HashSet::new(),
            functions: Functions::default(),
            embedded: Embedded::new(resources)?,
            postgres: None,
            stored: Vec::new(),
            left_out: Vec::new(),
        };
        session.describe()?;
        Ok(session)
    }

    /// Adds a catalogue as `schema.table`.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is not of two parts, or taken.
    pub fn add_catalog(&mut self, name: &str, catalog: Arc<Catalog>) -> Result<(), Error> {
        self.add_stored(name, Source::Catalog(catalog))
    }

    /// Adds files, as they are, as `schema.table`: time series, uploads, tables that are no catalogue. Conditions on their
    /// columns choose the pages that are read of parquet; regions are tested row by row.
    ///
    /// # Errors
    /// As [`Session::add_catalog`].
    pub fn add_files(&mut self, name: &str, files: Arc<Table>) -> Result<(), Error> {
        self.add_stored(name, Source::Files(files))
    }

    fn add_stored(&mut self, name: &str, source: Source) -> Result<(), Error> {
        self.add_all([(name.to_string(), source)])
    }

    /// Adds tables at rest; TAP_SCHEMA is made anew once for all of them.
    pub(crate) fn add_all(&mut self, all: impl IntoIterator<Item = (String, Source)>) -> Result<(), Error> {
        for (name, source) in all {
            let schema = source.schema().clone();
            self.add(&name, &schema, |embedded, parts| embedded.add_stored(parts, source.clone()))?;
            self.stored.push((name, source));
        }
        self.describe()
    }

    /// Has queries of catalogues run by a PostgreSQL that has them too (see [`Session::load`]): the index of the sky of
    /// `dialect`, or of q3c and pgSphere that which is there. Queries that name other tables, such as TAP_SCHEMA,
    /// files and uploads, stay here.
    ///
    /// # Errors
    /// [`Error::Database`] for a server that cannot be reached or has neither extension.
    pub async fn use_postgres(&mut self, url: &str, dialect: Option<Engine>) -> Result<(), Error> {
        self.postgres = Some(Postgres::connect(url, dialect).await?);
        Ok(())
    }

    /// Copies all catalogues into the PostgreSQL that is used, each in the place of the table of its name and whole or
    /// not at all, with an index of positions. `progress` is told the table and its rows so far.
    ///
    /// # Errors
    /// [`Error::Database`] if none is used, [`Error::Value`] for columns that it has no type for.
    pub async fn load(&self, progress: &(dyn Fn(&str, u64) + Sync)) -> Result<u64, Error> {
        let none = || Error::Database { place: "PostgreSQL".into(), reason: "no server was named".into() };
        let postgres = self.postgres.as_ref().ok_or_else(none)?;
        let mut rows = 0;
        for (name, source) in &self.stored {
            let Source::Catalog(catalog) = source else { continue };
            let report = |rows| progress(name, rows);
            rows += postgres.load(two_parts(name)?, catalog, &report).await?;
        }
        Ok(rows)
    }

    /// Adds rows in memory as `schema.table`, such as an upload.
    ///
    /// # Errors
    /// [`Error::Name`] as above, [`Error::Value`] for batches of another schema.
    pub fn add_rows(&mut self, name: &str, schema: &SchemaRef, rows: Vec<RecordBatch>) -> Result<(), Error> {
        self.add(name, schema, |embedded, parts| embedded.add_rows(parts, schema, rows))?;
        self.describe()
    }

    /// Adds a table, which TAP_SCHEMA does not tell of yet.
    fn add(
        &mut self,
        name: &str,
        schema: &Schema,
        add: impl FnOnce(&Embedded, [&str; 2]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let parts = two_parts(name)?;
        own_schema(name)?;
        if self.names.contains(&name.to_ascii_lowercase()) {
            let reason = "it is taken";
            return Err(Error::Name { name: name.to_string(), reason });
        }
        add(&self.embedded, parts)?;
        let columns = schema.fields().iter().map(|field| Column::of_field(field)).collect();
        self.tables.add(name, columns);
        self.names.insert(name.to_ascii_lowercase());
        Ok(())
    }

    /// Takes a table out, such as an upload that has served; says whether it was there.
    ///
    /// # Errors
    /// [`Error::Name`] for a name that is not of two parts.
    pub fn remove(&mut self, name: &str) -> Result<bool, Error> {
        own_schema(name)?;
        if !self.embedded.remove(two_parts(name)?) {
            return Ok(false);
        }
        self.stored.retain(|(other, _)| other != name);
        self.tables.remove(name);
        self.names.remove(&name.to_ascii_lowercase());
        self.describe()?;
        Ok(true)
    }

    /// Makes the tables of TAP_SCHEMA anew.
    fn describe(&mut self) -> Result<(), Error> {
        tap_schema::declare(&mut self.tables);
        for (table, rows) in tap_schema::rows(&self.tables) {
            let parts = [tap_schema::SCHEMA, table];
            self.embedded.remove(parts);
            self.embedded.add_rows(parts, &rows.schema(), vec![rows])?;
        }
        Ok(())
    }

    /// Notes that files cannot be opened as a table.
    pub(crate) fn leave_out(&mut self, name: String, why: uranometria_catalog::Error) {
        self.left_out.push((name, Arc::new(why)));
    }

    /// The files of an archive that could not be opened as tables: the names they would have, and why not. Queries of other
    /// tables are answered.
    pub fn left_out(&self) -> impl Iterator<Item = (&str, &uranometria_catalog::Error)> {
        self.left_out.iter().map(|(name, why)| (name.as_str(), why.as_ref()))
    }

    /// The tables.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The functions beyond those of ADQL.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Begins a query; rows come as they are asked for, and a dropped answer stops the work. Needs a runtime of tokio
    /// with timers, and for PostgreSQL with sockets.
    ///
    /// # Errors
    /// [`Error::Query`] for a query that is wrong, others for what goes wrong before the first row.
    pub async fn run(&self, request: &Request<'_>) -> Result<Answer, Error> {
        match request.deadline() {
            None => self.begun(request).await,
            Some((at, limit)) => {
                timeout_at(at, self.begun(request)).await.unwrap_or(Err(Error::TimeOut { limit }))
            }
        }
    }

    async fn begun(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let checked = self.checked(request)?;
        match self.elsewhere(&checked) {
            Some(postgres) => {
                let sql = sql(&checked, postgres.dialect(), request)?;
                postgres.run(request, &checked, sql).await
            }
            None => self.embedded.run(request, &checked, sql(&checked, Engine::DataFusion, request)?).await,
        }
    }

    /// The plan of a query in the embedded engine as bytes, for a session elsewhere that has the same catalogues and files. What is
    /// in tables of memory goes with it. Needs the feature `codec`.
    ///
    /// # Errors
    /// As [`Session::run`].
    #[cfg(feature = "codec")]
    pub async fn plan_to_bytes(&self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let checked = self.checked(request)?;
        let sql = sql(&checked, Engine::DataFusion, request)?;
        self.embedded.written(request, &checked, &sql, &self.stored).await
    }

    /// Runs the plan of a query that [`Session::plan_to_bytes`] gave, with its limit of rows. Needs the feature `codec`, and
    /// a runtime as [`Session::run`] does.
    ///
    /// # Errors
    /// [`Error::Value`] for bytes that are no plan, or one of tables and columns that are not here.
    #[cfg(feature = "codec")]
    pub fn run_from_bytes(&self, plan: &[u8]) -> Result<Answer, Error> {
        self.embedded.run_written(plan, &self.stored)
    }

    /// How a query is run: the SQL of the engine, and its plan; that of the embedded engine tells the partitions, pages
    /// and rows that are read.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub async fn explain(&self, request: &Request<'_>) -> Result<String, Error> {
        let checked = self.checked(request)?;
        let (sql, plan) = match self.elsewhere(&checked) {
            Some(postgres) => {
                let sql = sql(&checked, postgres.dialect(), request)?;
                let plan = postgres.explain(&sql).await?;
                (sql, plan)
            }
            None => {
                let sql = sql(&checked, Engine::DataFusion, request)?;
                let plan = self.embedded.explain(request, &sql).await?;
                (sql, plan)
            }
        };
        Ok(format!("{sql}\n\n{plan}"))
    }

    fn checked(&self, request: &Request<'_>) -> Result<Checked, Error> {
        let options =
            Options { version: request.version, mode: request.mode, functions: self.functions.clone() };
        let wrong = |errors| Error::query(errors, request.adql);
        let tree = parse(request.adql, &options).map_err(wrong)?;
        check(&tree, &self.tables, &self.functions).map_err(|errors| {
            let unknown = errors.iter().filter(|error| error.kind == Kind::UnknownTable);
            // Not of `x.*`, where x is a name of this query.
            let of_from = unknown.filter(|error| {
                !request.adql.get(error.span.end..).unwrap_or_default().trim_start().starts_with('.')
            });
            let mut unknown = of_from.filter_map(|error| request.adql.get(error.span.start..error.span.end));
            match unknown.find_map(|name| self.left_out.iter().find(|(other, _)| is_named(other, name))) {
                Some((name, why)) => Error::LeftOut { name: name.clone(), source: why.clone() },
                None => wrong(errors),
            }
        })
    }

    /// The database that runs a query, if all its tables are there.
    fn elsewhere(&self, checked: &Checked) -> Option<&Postgres> {
        let there = |name: &String| {
            let mut catalogs = self.stored.iter().filter(|(_, source)| matches!(source, Source::Catalog(_)));
            catalogs.any(|(catalog, _)| catalog == name)
        };
        self.postgres.as_ref().filter(|_| checked.tables.iter().all(there))
    }
}

fn sql(checked: &Checked, engine: Engine, request: &Request<'_>) -> Result<String, Error> {
    translate(&checked.query, engine).map_err(|error| Error::query(error, request.adql))
}

/// Whether the name of a table in a query, quoted or not, with its schema or without, is that of a table.
fn is_named(table: &str, name: &str) -> bool {
    let name: String = name.chars().filter(|c| *c != '"' && !c.is_whitespace()).collect();
    let same = |table: &str| table.eq_ignore_ascii_case(&name);
    same(table) || table.split_once('.').is_some_and(|(_, last)| same(last))
}

/// Refuses names in TAP_SCHEMA, which describes the others.
fn own_schema(name: &str) -> Result<(), Error> {
    let schema = name.split('.').next().unwrap_or_default();
    match schema.eq_ignore_ascii_case(tap_schema::SCHEMA) {
        true => Err(Error::Name { name: name.to_string(), reason: "TAP_SCHEMA describes the other tables" }),
        false => Ok(()),
    }
}

/// Schema and table of a name.
fn two_parts(name: &str) -> Result<[&str; 2], Error> {
    let wrong = |reason| Error::Name { name: name.to_string(), reason };
    match name.split('.').collect::<Vec<_>>()[..] {
        [schema, table] if !schema.is_empty() && !table.is_empty() => Ok([schema, table]),
        _ => Err(wrong("it has to be a schema, a period and a table")),
    }
}
