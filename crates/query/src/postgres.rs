//! PostgreSQL as the engine, with q3c or pgSphere as its index of the sky.

mod load;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type as PgType;
use tokio_postgres::{CancelToken, Client, Config, NoTls, RowStream};
use uranometria_adql::{Checked, Column, Engine, Type};

use crate::answer::described;
use crate::{Answer, Error, Request};
use rows::Reader;

/// Rows a batch.
const BATCH: usize = 8192;

/// A database that has the tables.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    config: Config,
    /// What is said of it in errors, without a password.
    place: String,
    dialect: Engine,
}

impl Postgres {
    /// Connects, and finds out which index of the sky there is unless one is named.
    pub(crate) async fn connect(url: &str, dialect: Option<Engine>) -> Result<Self, Error> {
        let config: Config = url.parse().map_err(|error: tokio_postgres::Error| Error::Database {
            place: "the URL of PostgreSQL".to_string(),
            reason: error.to_string(),
        })?;
        let place = without_password(&config);
        let mut postgres = Postgres { config, place, dialect: dialect.unwrap_or(Engine::Q3c) };
        let client = postgres.client().await?;
        // They may be there without being an extension of the database.
        let sql = "SELECT EXISTS (SELECT 1 FROM pg_proc WHERE proname = 'q3c_ang2ipix'), to_regtype('spoint') IS NOT NULL";
        let row = client.query_one(sql, &[]).await.map_err(|error| postgres.failed(&error, sql))?;
        let there: Vec<Engine> = [(Engine::Q3c, row.get(0)), (Engine::PgSphere, row.get(1))]
            .into_iter()
            .filter_map(|(engine, there): (Engine, bool)| there.then_some(engine))
            .collect();
        postgres.dialect = match dialect.or(there.first().copied()) {
            Some(dialect) if there.contains(&dialect) => dialect,
            _ => {
                let reason =
                    "the extension q3c or pg_sphere is not there; CREATE EXTENSION makes it".to_string();
                return Err(Error::Database { place: postgres.place, reason });
            }
        };
        Ok(postgres)
    }

    /// The dialect of its SQL.
    pub(crate) fn dialect(&self) -> Engine {
        self.dialect
    }

    async fn client(&self) -> Result<Client, Error> {
        let connected = self.config.connect(NoTls).await;
        let (client, connection) = connected
            .map_err(|error| Error::Database { place: self.place.clone(), reason: with_causes(&error) })?;
        // Ends when the client does; what goes wrong on the way is told to who waits for rows.
        tokio::spawn(connection);
        Ok(client)
    }

    fn failed(&self, error: &tokio_postgres::Error, sql: &str) -> Error {
        match error.as_db_error() {
            // Values: out of range, not a number, a division by 0.
            Some(database) if database.code().code().starts_with("22") => {
                Error::Value(database.message().to_string())
            }
            Some(database) => Error::Engine { reason: database.message().to_string(), sql: sql.to_string() },
            None => Error::Database { place: self.place.clone(), reason: with_causes(error) },
        }
    }

    pub(crate) async fn run(
        &self,
        request: &Request<'_>,
        checked: &Checked,
        sql: String,
    ) -> Result<Answer, Error> {
        let deadline = request.deadline();
        let client = self.client().await?;
        let failed = |error: tokio_postgres::Error| match (request.time_limit, error.code()) {
            (Some(limit), Some(&SqlState::QUERY_CANCELED)) => Error::TimeOut { limit },
            _ => self.failed(&error, &sql),
        };
        if let Some(limit) = request.time_limit {
            // A little longer than we wait, so that who asks is told by us.
            let limit = limit.as_millis().saturating_add(50).min(i32::MAX as u128);
            client.batch_execute(&format!("SET statement_timeout = {limit}")).await.map_err(failed)?;
        }
        let found = client.prepare(&sql).await.map_err(failed)?;
        let types: Vec<PgType> = found.columns().iter().map(|column| column.type_().clone()).collect();
        let whole = wrapped(&sql, &types, &checked.columns, request.max_rows)?;
        let statement = client.prepare(&whole).await.map_err(failed)?;
        let reader = Reader::new(&statement, &checked.columns)?;
        let schema = described(reader.schema(), &checked.columns)?;
        let nothing: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let rows = client.query_raw(&statement, nothing).await.map_err(failed)?;
        let going =
            Going { cancel: Some(client.cancel_token()), runtime: Handle::current(), _client: client };
        let batches = batches(self.clone(), sql, rows, reader, going, request.time_limit);
        Ok(Answer::new(schema, batches, request.max_rows, deadline))
    }

    pub(crate) async fn explain(&self, sql: &str) -> Result<String, Error> {
        let sql = format!("EXPLAIN {sql}");
        let client = self.client().await?;
        let lines = client.query(&sql, &[]).await.map_err(|error| self.failed(&error, &sql))?;
        Ok(lines.iter().map(|line| line.get::<_, String>(0)).collect::<Vec<_>>().join("\n"))
    }
}

/// A query under way; dropped, it is cancelled.
struct Going {
    cancel: Option<CancelToken>,
    runtime: Handle,
    _client: Client,
}

impl Going {
    /// All is here: nothing is left to cancel.
    fn ended(mut self) {
        self.cancel = None;
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            self.runtime.spawn(async move { cancel.cancel_query(NoTls).await });
        }
    }
}

fn batches(
    postgres: Postgres,
    sql: String,
    rows: RowStream,
    reader: Reader,
    going: Going,
    limit: Option<Duration>,
) -> BoxStream<'static, Result<RecordBatch, Error>> {
    let state = (Box::pin(rows).ready_chunks(BATCH), going, reader);
    let told = Arc::new(move |error: &tokio_postgres::Error| match (limit, error.code()) {
        (Some(limit), Some(&SqlState::QUERY_CANCELED)) => Error::TimeOut { limit },
        _ => postgres.failed(error, &sql),
    });
    stream::try_unfold(state, move |(mut chunks, going, reader)| {
        let told = told.clone();
        async move {
            let Some(chunk) = chunks.next().await else {
                going.ended();
                return Ok(None);
            };
            let rows = chunk.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| told(&error))?;
            let batch = reader.batch(&rows)?;
            Ok(Some((batch, (chunks, going, reader))))
        }
    })
    .boxed()
}

/// The query with a limit of rows, and its values in types that are read.
fn wrapped(sql: &str, types: &[PgType], columns: &[Column], max_rows: Option<u64>) -> Result<String, Error> {
    let names: Vec<String> = (0..types.len()).map(|at| format!("c{at}")).collect();
    let mut values = Vec::with_capacity(types.len());
    for ((name, found), column) in names.iter().zip(types).zip(columns) {
        values.push(match found.name() {
            "numeric" => match column.datatype {
                Type::SmallInt | Type::Integer | Type::BigInt => format!("CAST({name} AS BIGINT)"),
                _ => format!("CAST({name} AS DOUBLE PRECISION)"),
            },
            "spoint" => format!("ARRAY[degrees(long({name})), degrees(lat({name}))]"),
            "scircle" => format!(
                "ARRAY[degrees(long(center({name}))), degrees(lat(center({name}))), degrees(radius({name}))]"
            ),
            "spoly" => {
                let reason =
                    format!("column {} is a polygon, which pgSphere does not give in numbers", column.name);
                return Err(Error::Value(reason));
            }
            "bpchar" | "name" | "unknown" | "varchar" => format!("CAST({name} AS TEXT)"),
            _ => name.clone(),
        });
    }
    let limit = max_rows.map(|rows| format!(" LIMIT {}", rows.saturating_add(1).min(i64::MAX as u64)));
    Ok(format!(
        "SELECT {} FROM ({sql}) AS answer({}){}",
        values.join(", "),
        names.join(", "),
        limit.unwrap_or_default()
    ))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Where a database is and who asks it.
fn without_password(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<String> = config.get_hosts().iter().map(host).collect();
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let port = config.get_ports().first().map(|port| format!(":{port}")).unwrap_or_default();
    let database = config.get_dbname().map(|name| format!("/{name}")).unwrap_or_default();
    format!("postgres://{user}{}{port}{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        for (url, told) in [
            ("postgres://me:secret@host:5432/sky", "postgres://me@host:5432/sky"),
            ("postgres://host/sky?user=me&password=secret", "postgres://me@host:5432/sky"),
            ("postgres://host:1/sky", "postgres://host:1/sky"),
            ("host=/run user=me password='my secret' dbname=sky", "postgres://me@/run/sky"),
        ] {
            assert_eq!(without_password(&url.parse().unwrap()), told);
        }
    }
}
