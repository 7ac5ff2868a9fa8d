//! Catalogues at URLs: an S3-compatible server and a plain web server, both started here on ports of their own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use arrow_array::cast::AsArray;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::runtime::Runtime;

use crate::series_files::{Folder, read_parquet};
use crate::support::{Ended, assert_error, fixture, run, ur};

const KEY: (&str, &str) = ("somebody", "a secret of nobody");

/// A folder with a bucket of two catalogues.
fn bucket() -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.at("sky")).unwrap();
    for (name, epoch) in [("gaia", "2016.0"), ("hipparcos", "1991.25")] {
        let ended = run(ur()
            .args(["catalog", "import"])
            .arg(fixture(&format!("catalog/{name}.parquet")))
            .args(["--ra", "ra", "--dec", "dec", "--rows-per-partition", "300"])
            .args(["--epoch", epoch, "--out"])
            .arg(folder.at("sky").join(name)));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
    }
    folder
}

/// Serves the buckets in a folder as S3, to those who sign with [`KEY`], until the runtime ends.
fn s3(folder: &Path) -> (Runtime, SocketAddr) {
    let runtime = Runtime::new().unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
    let service = builder.build();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let _ =
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    (runtime, address)
}

/// A program that knows the server and a key, and nothing else of S3.
fn with_key(address: SocketAddr, secret: &str) -> Command {
    let mut ur = ur();
    ur.env("AWS_ENDPOINT", format!("http://{address}")).env("AWS_ACCESS_KEY_ID", KEY.0);
    ur.env("AWS_SECRET_ACCESS_KEY", secret).env("AWS_REGION", "us-east-1");
    ur
}

fn local(folder: &Folder, arguments: &[&str]) -> Ended {
    run(ur().current_dir(folder.at("sky")).arg("catalog").args(arguments))
}

#[test]
fn catalogues_in_s3_are_those_in_folders() {
    let folder = bucket();
    let (_runtime, address) = s3(folder.path());
    let remote = |arguments: &[&str]| {
        run(with_key(address, KEY.1).current_dir(folder.path()).arg("catalog").args(arguments))
    };
    let same = |verb: &[&str], names: &[&str], more: &[&str], out: &str| {
        let urls: Vec<String> = names.iter().map(|name| format!("s3://sky/{name}")).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let here = local(&folder, &[verb, names, more, &["--out", out]].concat());
        assert_eq!(here.code, Some(0), "{}", here.err);
        let there = remote(&[verb, &urls[..], more, &["--out", out]].concat());
        assert_eq!(there.code, Some(0), "{}", there.err);
        assert!(
            fs::read(folder.at("sky").join(out)).unwrap() == fs::read(folder.at(out)).unwrap(),
            "{verb:?} {more:?}"
        );
    };
    let cone = ["--ra", "56.75", "--dec", "24.1", "--radius", "1.5"];
    same(&["cone"], &["gaia"], &cone, "cone.csv");
    same(&["cone"], &["gaia"], &[&cone[..], &["--columns", "source_id,ra"]].concat(), "few.csv");
    same(&["crossmatch"], &["hipparcos", "gaia"], &["--radius", "3arcsec"], "pairs.csv");
    same(&["density"], &["gaia"], &["--order", "4"], "density.fits");
    let (here, there) =
        (local(&folder, &["info", "gaia", "--json"]), remote(&["info", "s3://sky/gaia", "--json"]));
    let (mut here, mut there) = (here.json(), there.json());
    for told in [&mut here, &mut there] {
        told.as_object_mut().unwrap().retain(|key, _| key != "path" && key != "catalog");
    }
    assert_eq!(here, there);
    let proved = remote(&["verify", "s3://sky/gaia"]);
    assert_eq!(proved.code, Some(0), "{}{}", proved.out, proved.err);
}

#[test]
fn tables_in_s3_are_imported_as_those_in_folders() {
    let folder = bucket();
    let sky = folder.at("sky");
    fs::copy(fixture("catalog/gaia.parquet"), sky.join("gaia.parquet")).unwrap();
    let rows = ["catalog", "box", "sky/gaia", "--ra", "0..360", "--dec", "-90..90", "--out"];
    for name in ["sky/gaia.csv", "sky/gaia.vot"] {
        let made = run(ur().current_dir(folder.path()).args(rows).arg(name));
        assert_eq!(made.code, Some(0), "{}", made.err);
    }
    let (_runtime, address) = s3(folder.path());
    for name in ["gaia.parquet", "gaia.csv", "gaia.vot", "gaia"] {
        let import = |mut command: Command, table: String, out: &str| {
            let import = ["catalog", "import", &table, "--ra", "ra", "--dec", "dec", "--out", out];
            let ended = run(command.current_dir(folder.path()).args(import));
            assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
            let partition = fs::read(folder.at(out).join("dataset/_metadata")).unwrap();
            (partition, fs::read(folder.at(out).join("partition_info.csv")).unwrap())
        };
        let here = import(ur(), format!("sky/{name}"), "here");
        let there = import(with_key(address, KEY.1), format!("s3://sky/{name}"), "there");
        assert!(here == there, "{name}");
    }
}

#[test]
fn what_is_wrong_with_a_store_is_told_by_its_url() {
    let folder = bucket();
    let (runtime, address) = s3(folder.path());
    let info = |secret: &str, url: &str| run(with_key(address, secret).args(["catalog", "info", url]));
    assert_error(&info(KEY.1, "s3://sky/gaja"), "error: s3://sky/gaja: is not a HATS catalogue: ");
    let refused = info("guessed", "s3://sky/gaia");
    assert_error(&refused, "error: s3://sky/gaia: cannot open it: ");
    assert_error(&info(KEY.1, "gopher://sky/gaia"), "error: gopher://sky/gaia: ");
    // Nobody answers any more.
    drop(runtime);
    let gone =
        run(with_key(address, KEY.1).env("AWS_MAX_RETRIES", "1").args(["catalog", "info", "s3://sky/gaia"]));
    assert_error(&gone, "error: s3://sky/gaia: cannot open it: ");
}

#[test]
fn what_is_public_is_read_without_a_key() {
    let folder = bucket();
    let web = Web::of(folder.path().to_path_buf());
    let info = |url: &str| {
        let mut ur = ur();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            ur.env_remove(name);
        }
        run(ur.env("AWS_ENDPOINT", format!("http://{}", web.address)).args(["catalog", "info", url]))
    };
    let told = info("s3://sky/gaia");
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert_error(
        &info("s3://sky/gaia?version=2"),
        "error: s3://sky/gaia?version=2: cannot open it: a URL of a",
    );
    // What a server says does not lead to files of this machine.
    fs::create_dir(folder.at("sky").join("all")).unwrap();
    let named = format!("hats_primary_table_url={}\n", folder.at("sky").join("gaia").display());
    fs::write(folder.at("sky").join("all/collection.properties"), named).unwrap();
    assert_error(&info("s3://sky/all"), "error: s3://sky/all: property collection.properties: found /");
}

/// A web server of a folder that knows ranges, and counts the requests for partitions and the bytes sent.
struct Web {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
}

impl Web {
    fn of(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let web = Web { address, requests: Arc::default(), bytes: Arc::default() };
        let (requests, bytes) = (web.requests.clone(), web.bytes.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (folder, requests, bytes) = (folder.clone(), requests.clone(), bytes.clone());
                thread::spawn(move || answer(stream, &folder, (&requests, &bytes)));
            }
        });
        web
    }

    fn counts(&self) -> (u64, u64) {
        (self.requests.swap(0, Ordering::SeqCst), self.bytes.swap(0, Ordering::SeqCst))
    }
}

fn answer(stream: TcpStream, folder: &Path, (requests, sent): (&AtomicU64, &AtomicU64)) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        let mut range = None;
        loop {
            let line = lines.next()?.ok()?;
            if line.is_empty() {
                break;
            }
            if let Some(asked) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
                range = Some(asked.to_string());
            }
        }
        let with_body = request.starts_with("GET");
        let place = request.split(' ').nth(1)?.trim_start_matches('/').replace("%3D", "=");
        let mut out = stream.try_clone().ok()?;
        let Ok(mut file) = fs::File::open(folder.join(&place)) else {
            out.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?;
            continue;
        };
        let len = file.metadata().ok()?.len();
        let (start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
            None => (0, len),
            Some(("", last)) => (len.saturating_sub(last.parse().ok()?), len),
            Some((first, last)) => {
                (first.parse().ok()?, last.parse::<u64>().map_or(len, |last| len.min(last + 1)))
            }
        };
        let mut body = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start)).ok()?;
        file.read_exact(&mut body).ok()?;
        let status = if range.is_some() { "206 Partial Content" } else { "200 OK" };
        let about = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{len}\r\nETag: \"{len}\"\r\n\
             Last-Modified: Sun, 01 Nov 2026 00:00:00 GMT\r\n\r\n",
            body.len(),
            end - 1
        );
        if place.ends_with(".parquet") {
            requests.fetch_add(1, Ordering::SeqCst);
            sent.fetch_add(if with_body { body.len() as u64 } else { 0 }, Ordering::SeqCst);
        }
        out.write_all(about.as_bytes()).ok()?;
        out.write_all(if with_body { &body } else { &[] }).ok()?;
    }
}

#[test]
fn a_cone_fetches_its_pages_in_few_requests() {
    let folder = Folder::new();
    // The stars again and again, so that a partition has many pages.
    let mut parts = vec![fixture("catalog/gaia.parquet")];
    for copy in 1..64 {
        let path = folder.at(&format!("copy{copy}.parquet"));
        fs::copy(fixture("catalog/gaia.parquet"), &path).unwrap();
        parts.push(path);
    }
    let ended = run(ur()
        .args(["catalog", "import"])
        .args(&parts)
        .args(["--ra", "ra", "--dec", "dec", "--out"])
        .arg(folder.at("gaia")));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let all: u64 =
        files(&folder.at("gaia").join("dataset")).iter().map(|path| path.metadata().unwrap().len()).sum();
    let stars = read_parquet(&fixture("catalog/gaia.parquet"));
    let first = |name: &str| {
        let column = stars.column_by_name(name).unwrap();
        column.as_primitive::<arrow_array::types::Float64Type>().value(0).to_string()
    };
    let (ra, dec) = (first("ra"), first("dec"));
    let (ra, dec) = (ra.as_str(), dec.as_str());
    let web = Web::of(folder.path().to_path_buf());
    let url = format!("http://{}/gaia", web.address);
    let cone = |catalogue: &str, out: &str| {
        let ended = run(ur()
            .args(["catalog", "cone", catalogue, "--ra", ra, "--dec", dec, "--radius", "60arcsec"])
            .args(["--columns", "source_id,ra,dec", "--out"])
            .arg(folder.at(out)));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        fs::read(folder.at(out)).unwrap()
    };
    let there = cone(&url, "there.csv");
    let (requests, bytes) = web.counts();
    assert_eq!(there, cone(folder.at("gaia").to_str().unwrap(), "here.csv"));
    assert!((1..=8).contains(&requests), "{requests} requests");
    assert!(bytes < all / 2, "{bytes} of {all} bytes");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
