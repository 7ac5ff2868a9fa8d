use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::error::DataFusionError;
use uranometria_adql::Errors;

/// What can go wrong with a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The query is wrong, or asks for what the engine lacks.
    #[error("{shown}")]
    Query {
        /// What is wrong, with its places.
        errors: Errors,
        /// The same with lines, columns and carets.
        shown: String,
    },
    /// It took longer than it may.
    #[error("the query was stopped after its limit of {} s; ask for less, or for more time", limit.as_secs_f64())]
    TimeOut {
        /// How long it may take.
        limit: Duration,
    },
    /// It needs more memory than there is for all queries, and cannot spill.
    #[error(
        "the queries under way need more than their limit of {} MiB of memory: {reason}; ask for less, or raise the limit",
        limit >> 20
    )]
    Memory {
        /// Bytes that all queries may use.
        limit: usize,
        /// What wanted more.
        reason: String,
    },
    /// A catalogue cannot be read.
    #[error(transparent)]
    Catalog(#[from] uranometria_catalog::Error),
    /// A table that a query names was left out, as its files could not be opened.
    #[error("{name} was left out when the archive was opened: {source}")]
    LeftOut {
        /// The table.
        name: String,
        /// Why.
        source: Arc<uranometria_catalog::Error>,
    },
    /// A table cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Table {
        /// Its file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Something that cannot be the name of a table.
    #[error("{name:?} cannot be the name of a table: {reason}")]
    Name {
        /// The name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A value that is none for what the query does with it, or a file with rows that cannot be read.
    #[error("{0}")]
    Value(String),
    /// A database cannot be reached or used.
    #[error("{place}: {reason}")]
    Database {
        /// Its URL, without a password.
        place: String,
        /// Why.
        reason: String,
    },
    /// The engine failed where it should not: a bug here or there.
    #[error("the engine cannot do this query: {reason}\n  it was given: {sql}")]
    Engine {
        /// What it says.
        reason: String,
        /// What it was given.
        sql: String,
    },
}

impl Error {
    pub(crate) fn query(errors: impl Into<Errors>, query: &str) -> Self {
        let errors = errors.into();
        let shown = errors.render(query);
        Error::Query { errors, shown }
    }

    /// Finds out what an error of the engine means.
    pub(crate) fn of_engine(error: DataFusionError, sql: &str, memory: usize) -> Self {
        // What is told through shared and joined streams is in there somewhere.
        if let Some(found) = own(&error) {
            return found;
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(reason) => {
                Error::Memory { limit: memory, reason: first_line(reason) }
            }
            DataFusionError::Execution(reason) => Error::Value(reason.clone()),
            DataFusionError::ArrowError(reason, _) => Error::Value(reason.to_string()),
            other => Error::Engine { reason: other.strip_backtrace(), sql: sql.to_string() },
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_string()
}

/// An error of a catalogue that the engine hands on. Others may hold on to it, so that it is told by its words.
fn own(error: &DataFusionError) -> Option<Error> {
    let mut at: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<uranometria_catalog::Error>() {
            return Some(Error::Value(found.to_string()));
        }
        at = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Context(_, inner)) => Some(inner.as_ref()),
            _ => error.source(),
        };
    }
    None
}
