//! Files in an object store: S3 and what speaks like it, plain web servers, any other store that is registered.
//!
//! A request takes as long as reading a megabyte, so what will be needed is fetched in few of them: the pages of a
//! search all at once, and where there is too much for that, pieces of a megabyte as the decoder goes along. All requests
//! for a file ask for the version that was opened, where the server tells one: a file that is replaced is an error.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::http::HttpBuilder;
use object_store::path::Path as Location;
use object_store::{ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig, coalesce_ranges};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use super::chunks::Chunks;
use crate::error::without_password;

/// What of its end is fetched when a file is opened: the footer of a partition, as a rule.
const TAIL: u64 = 1 << 16;

/// Ranges nearer to each other than this are fetched as one.
const NEAR: u64 = 1 << 18;

/// Bytes that are joined to one request at most.
const PIECE: u64 = 1 << 23;

/// Bytes of one file that are kept at most.
const MOST: u64 = 1 << 26;

/// Pieces that are kept: one for each of very many columns.
const PIECES: usize = 256;

/// A store by what its URLs begin with, up to the path.
type Stores = Mutex<HashMap<String, Arc<dyn ObjectStore>>>;

fn stores() -> &'static Stores {
    static STORES: OnceLock<Stores> = OnceLock::new();
    STORES.get_or_init(Stores::default)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes URLs that begin with the scheme and host of `url` be read from a store: one with its own credentials, of
/// another kind, or in memory.
///
/// Without it `s3://` is read with the settings of the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT`, `AWS_REGION` and
/// so on), without signing where there is no key; and `http://` and `https://` from servers that know ranges.
///
/// ```
/// use std::sync::Arc;
/// use object_store::memory::InMemory;
/// use uranometria_catalog::fs::{Catalog, register_store};
///
/// register_store("memory://catalogues", Arc::new(InMemory::new()))?;
/// assert!(Catalog::open("memory://catalogues/gaia").is_err(), "nothing is there yet");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where `url` is none.
pub fn register_store(url: &str, store: Arc<dyn ObjectStore>) -> io::Result<()> {
    let url = Url::parse(url).map_err(|error| invalid(format!("{url} is no URL: {error}")))?;
    locked(stores()).insert(beginning(&url), store);
    Ok(())
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

/// Scheme and host, with port and credentials.
fn beginning(url: &Url) -> String {
    url[..url::Position::BeforePath].to_string()
}

/// The store of a URL and the place in it.
fn at(path: &Path) -> io::Result<(Arc<dyn ObjectStore>, Location)> {
    let text = path.to_string_lossy();
    let told = without_password(path);
    let url = Url::parse(&text).map_err(|error| invalid(format!("{} is no URL: {error}", told.display())))?;
    if url.query().is_some() || url.fragment().is_some() || url.password().is_some() {
        let reason =
            "a URL of a catalogue has neither `?` nor `#` nor a password; register_store knows other ways";
        return Err(invalid(reason.to_string()));
    }
    let location = Location::from_url_path(url.path()).map_err(io::Error::other)?;
    if let Some(known) = locked(stores()).get(&beginning(&url)) {
        return Ok((known.clone(), location));
    }
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "s3" | "s3a" => {
            let mut builder = AmazonS3Builder::from_env().with_url(beginning(&url)).with_retry(retries());
            let set = |name: &str| std::env::var_os(name).is_some();
            // Who has no key reads what is public; asking the metadata service for one would take seconds to fail.
            const SIGNING: [&str; 5] = [
                "AWS_ACCESS_KEY_ID",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                "AWS_WEB_IDENTITY_TOKEN_FILE",
                "AWS_SKIP_SIGNATURE",
            ];
            if !SIGNING.into_iter().any(set) {
                builder = builder.with_skip_signature(true);
            }
            let plain = builder
                .get_config_value(&AmazonS3ConfigKey::Endpoint)
                .is_some_and(|endpoint| endpoint.starts_with("http://"));
            if plain {
                builder = builder.with_allow_http(true);
            }
            Arc::new(builder.build().map_err(io::Error::from)?)
        }
        "http" | "https" => {
            let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
            let builder = HttpBuilder::new()
                .with_url(beginning(&url))
                .with_client_options(options)
                .with_retry(retries());
            Arc::new(builder.build().map_err(io::Error::from)?)
        }
        other => {
            return Err(invalid(format!("{other}:// is not known here, expected s3, http or https")));
        }
    };
    Ok((locked(stores()).entry(beginning(&url)).or_insert(store).clone(), location))
}

/// Fewer than the crate's own ten in three minutes: who waits cannot be interrupted before.
fn retries() -> RetryConfig {
    RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() }
}

/// The error with its kind.
fn told(error: object_store::Error) -> io::Error {
    let kind = match error {
        object_store::Error::NotFound { .. } => io::ErrorKind::NotFound,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// Waits for an answer, on whatever thread: within somebody's runtime too.
fn wait<T: Send + 'static>(
    asked: impl Future<Output = object_store::Result<T>> + Send + 'static,
) -> io::Result<T> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(2).thread_name("object-store").enable_all().build()
    });
    let runtime = runtime.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (tell, answer) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = tell.send(asked.await);
    });
    answer.recv().map_err(|_| io::Error::other("the request was dropped"))?.map_err(told)
}

pub(super) fn read_to_string(path: &Path) -> io::Result<String> {
    let (store, location) = at(path)?;
    let bytes = wait(async move { store.get(&location).await?.bytes().await })?;
    String::from_utf8(bytes.into()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

pub(super) fn open(path: &Path) -> io::Result<Chunks> {
    let (store, location) = at(path)?;
    let place = location.clone();
    let asked = store.clone();
    // Not every server counts ranges from the end, as would save the first request.
    let meta = wait(async move { asked.head(&place).await })?;
    // A weak tag says nothing of bytes, and servers compare it with none.
    let version = meta.e_tag.filter(|tag| !tag.starts_with("W/"));
    let file = Arc::new(File { store, location, len: meta.size, version });
    let tail = meta.size.saturating_sub(TAIL)..meta.size;
    let stored = Stored { file, kept: Arc::default() };
    stored.with(vec![tail]).map(Chunks::Stored)
}

/// What the store says of the version of a file.
pub(super) fn version(path: &Path) -> io::Result<Vec<u8>> {
    let (store, location) = at(path)?;
    let meta = wait(async move { store.head(&location).await })?;
    Ok(format!("{} {:?} {}", meta.size, meta.e_tag, meta.last_modified).into_bytes())
}

/// A file of a store.
struct File {
    store: Arc<dyn ObjectStore>,
    location: Location,
    len: u64,
    version: Option<String>,
}

/// A file of a store, with pieces of it that were fetched.
#[derive(Clone)]
pub(super) struct Stored {
    file: Arc<File>,
    /// Where they begin; the newest first.
    kept: Arc<Mutex<VecDeque<(u64, Bytes)>>>,
}

impl Debug for Stored {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("location", &self.file.location).field("len", &self.file.len).finish()
    }
}

impl Stored {
    pub(super) fn len(&self) -> u64 {
        self.file.len
    }

    /// Some bytes: of what is kept, else fetched with what lies behind them.
    pub(super) fn bytes(&self, start: u64, len: usize) -> io::Result<Bytes> {
        let end = start.checked_add(len as u64).filter(|&end| end <= self.file.len);
        let end = end.ok_or_else(|| {
            let reason = format!("{len} bytes at byte {start} are beyond the end, {}", self.file.len);
            io::Error::new(io::ErrorKind::UnexpectedEof, reason)
        })?;
        let within = |(first, bytes): &(u64, Bytes)| {
            (*first <= start && end <= first + bytes.len() as u64)
                .then(|| bytes.slice((start - first) as usize..(end - first) as usize))
        };
        if let Some(found) = locked(&self.kept).iter().find_map(within) {
            return Ok(found);
        }
        let ahead = start..end.max(start + (1 << 20)).min(self.file.len);
        let fetched = self.fetch(vec![ahead])?.swap_remove(0);
        let found = fetched.slice(..len);
        let mut kept = locked(&self.kept);
        kept.push_front((start, fetched));
        let mut bytes = 0;
        let few = kept.iter().take(PIECES).take_while(|(_, piece)| {
            bytes += piece.len() as u64;
            bytes <= MOST
        });
        let few = few.count().max(1);
        kept.truncate(few);
        Ok(found)
    }

    /// The same file with these ranges fetched and nothing else, unless they are too much to be kept.
    pub(super) fn with(&self, mut ranges: Vec<Range<u64>>) -> io::Result<Self> {
        ranges.retain(|range| range.start < range.end);
        ranges.sort_unstable_by_key(|range| range.start);
        let mut pieces: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match pieces.last_mut() {
                Some(last)
                    if range.start <= last.end
                        || (range.start - last.end <= NEAR && range.end - last.start <= PIECE) =>
                {
                    last.end = last.end.max(range.end);
                }
                _ => pieces.push(range),
            }
        }
        let bytes = pieces.iter().fold(0_u64, |sum, piece| sum.saturating_add(piece.end - piece.start));
        if bytes > MOST || pieces.is_empty() {
            return Ok(Stored { file: self.file.clone(), kept: Arc::default() });
        }
        let fetched = self.fetch(pieces.clone())?;
        let kept = pieces.into_iter().map(|piece| piece.start).zip(fetched).collect();
        Ok(Stored { file: self.file.clone(), kept: Arc::new(Mutex::new(kept)) })
    }

    /// Fetches ranges, several at the same time.
    fn fetch(&self, ranges: Vec<Range<u64>>) -> io::Result<Vec<Bytes>> {
        let file = self.file.clone();
        wait(async move {
            let one = |range: Range<u64>| {
                let (file, options) = (file.clone(), GetOptions::new());
                let options = options.with_range(Some(range.clone())).with_if_match(file.version.clone());
                async move {
                    let found = file.store.get_opts(&file.location, options).await?;
                    let bytes = found.bytes().await?;
                    if bytes.len() as u64 == range.end - range.start {
                        return Ok(bytes);
                    }
                    let said = format!(
                        "{} bytes came where {} were asked for",
                        bytes.len(),
                        range.end - range.start
                    );
                    Err(object_store::Error::Generic { store: "range", source: said.into() })
                }
            };
            coalesce_ranges(&ranges, one, 0).await
        })
    }
}
