//! A PostgreSQL of a test's own, on a port of its own, that ends with the test.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    programs: PathBuf,
    user: Option<u32>,
    server: Child,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Self {
        let programs = newest(Path::new("/usr/lib/postgresql")).join("bin");
        assert!(programs.join("initdb").exists(), "PostgreSQL is missing: install postgresql");
        let folder = tempfile::tempdir().unwrap();
        // It refuses to be root.
        let user = (own_user() == 0).then(|| number(&["-u", "postgres"]));
        if let Some(user) = user {
            chown(folder.path(), Some(user), None).unwrap();
        }
        let data = folder.path().join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args([
            "--auth=trust",
            "--username=sky",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--pgdata",
        ]);
        let made = as_user(initdb.arg(&data), user).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Command::new(programs.join("postgres"));
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(folder.path());
        server.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=20"]);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let server = as_user(server.stderr(log).stdout(Stdio::null()), user).current_dir(folder.path());
        let server = server.spawn().unwrap();
        let postgres = Postgres { folder, port, programs, user, server };
        let start = Instant::now();
        while !postgres.client("pg_isready", &["-q"]).status.success() {
            let log = fs::read_to_string(postgres.folder.path().join("log")).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60), "it does not start:\n{log}");
            sleep(Duration::from_millis(50));
        }
        postgres
    }

    /// Makes a database with an extension; its URL.
    pub(crate) fn database(&self, name: &str, extension: &str) -> String {
        self.run("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        let made = self.run(name, &format!("CREATE EXTENSION {extension}"));
        if made.as_ref().is_err_and(|said| said.contains("commutator") || said.contains("negator")) {
            // The script of pg_sphere 1.2.0 names operators in a way that releases of PostgreSQL since 15.9 refuse.
            self.run(name, &self.script_without_commutators()).unwrap();
        } else if let Err(said) = made {
            panic!("{said}: install postgresql-VERSION-q3c and postgresql-VERSION-pgsphere");
        }
        format!("postgres://sky@127.0.0.1:{}/{name}", self.port)
    }

    fn script_without_commutators(&self) -> String {
        let share = Command::new(self.programs.join("pg_config")).arg("--sharedir").output();
        let share = share.ok().and_then(|output| String::from_utf8(output.stdout).ok());
        let version = self.programs.ancestors().nth(1).unwrap().file_name().unwrap().to_str().unwrap();
        let share =
            share.filter(|path| !path.is_empty()).unwrap_or(format!("/usr/share/postgresql/{version}"));
        let script = Path::new(share.trim()).join("extension/pg_sphere--1.2.0.sql");
        let mut kept = String::new();
        for line in fs::read_to_string(script).unwrap().lines() {
            let word = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            if word.starts_with('\\') || word.starts_with("COMMUTATOR") || word.starts_with("NEGATOR") {
                continue;
            }
            if line.trim_start().starts_with(')') {
                let end = kept.trim_end().trim_end_matches(',').len();
                kept.truncate(end);
            }
            kept.push_str(line);
            kept.push('\n');
        }
        kept.replace("MODULE_PATHNAME", "$libdir/pg_sphere")
    }

    /// Runs SQL; what was said if it failed.
    fn run(&self, database: &str, sql: &str) -> Result<(), String> {
        let script = self.folder.path().join("script.sql");
        fs::write(&script, sql).unwrap();
        let script = script.to_str().unwrap();
        let done = self.client("psql", &["-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", script]);
        if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
    }

    fn client(&self, program: &str, arguments: &[&str]) -> std::process::Output {
        let mut client = Command::new(self.programs.join(program));
        client.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "sky"]).args(arguments);
        as_user(&mut client, self.user).current_dir(self.folder.path()).output().unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // QUIT is its immediate shutdown: children end with it.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn as_user(command: &mut Command, user: Option<u32>) -> &mut Command {
    match user {
        Some(user) => command.uid(user).gid(number(&["-g", "postgres"])),
        None => command,
    }
}

fn own_user() -> u32 {
    number(&["-u"])
}

fn number(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().expect("the user postgres is not there")
}

/// The folder of the newest version.
fn newest(folder: &Path) -> PathBuf {
    let versions =
        fs::read_dir(folder).unwrap_or_else(|_| panic!("PostgreSQL is missing: install postgresql"));
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    versions.map(|entry| entry.unwrap().path()).max_by_key(version).unwrap()
}
