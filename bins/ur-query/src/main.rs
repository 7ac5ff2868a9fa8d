//! `ur query`: a query in ADQL on an archive, its rows to a file or the terminal.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]

mod args;

use std::error::Error;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;
use tokio::time::sleep;
use uranometria_adql::{Engine, Mode};
use uranometria_catalog::fs::{Control, Table};
use uranometria_query::{Request, Resources, Session, fs};
use uranometria_rows::Ending;
use uranometria_rows::fs::{Sink, chosen};

use args::Args;

/// The most files that are named for being no tables.
const LEFT_OUT: usize = 3;

/// How a query ended when it did not fail.
enum Outcome {
    Rows,
    NoRows,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let stop = stop_on_signals();
    // A large catalogue is thousands of files. Where no more may be open, that is told when it matters.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    match run(&args, &stop) {
        Ok(Outcome::Rows) => ExitCode::SUCCESS,
        Ok(Outcome::NoRows) => ExitCode::from(1),
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                let more = error.to_string();
                if !text.contains(&more) {
                    text.push_str(&format!(": {more}"));
                }
                cause = error.source();
            }
            eprintln!("error: {text}");
            ExitCode::from(2)
        }
    }
}

/// Becomes true at the first Ctrl-C or TERM; a second one ends the program at once.
fn stop_on_signals() -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registering fails only for signals that cannot be caught; these can.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone());
        let _ = signal_hook::flag::register(signal, stop.clone());
    }
    // A write past the file size limit is an error then and no longer a signal.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    stop
}

fn run(args: &Args, stop: &AtomicBool) -> Result<Outcome, Box<dyn Error>> {
    let format = chosen(args.format.as_deref(), args.out.as_deref())?;
    let mut query = args.query.clone().unwrap_or_default();
    if query == "-" {
        query.clear();
        io::stdin().read_to_string(&mut query).map_err(|error| format!("standard input: {error}"))?;
    }
    let resources = Resources { memory: args.memory, threads: args.threads, spill: args.spill.clone() };
    let control = Control { progress: &|_| {}, stop };
    let mut session = match &args.archive {
        Some(archive) => fs::open_archive_watched(archive, &resources, &control)?,
        None => Session::new(&resources)?,
    };
    for (_, why) in session.left_out().take(LEFT_OUT) {
        eprintln!("warning: left out: {why}");
    }
    if let more @ 1.. = session.left_out().count().saturating_sub(LEFT_OUT) {
        eprintln!("warning: left out: {more} more");
    }
    for (name, path) in &args.upload {
        let table = Table::open(std::slice::from_ref(path), &control)?;
        session.add_files(&format!("TAP_UPLOAD.{name}"), Arc::new(table))?;
    }
    let request = Request {
        mode: if args.strict { Mode::Strict } else { Mode::Lenient },
        max_rows: args.max_rows,
        time_limit: args.timeout,
        ..Request::new(&query)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if args.engine != "embedded" {
        let dialect = args.dialect.as_deref().map(|name| match name {
            "q3c" => Engine::Q3c,
            _ => Engine::PgSphere,
        });
        runtime.block_on(session.use_postgres(&args.engine, dialect))?;
    } else if args.load || args.dialect.is_some() {
        return Err("--load and --dialect are for PostgreSQL; name one with --engine postgres://…".into());
    }
    if args.load {
        load(&session, &runtime, stop)?;
        if args.query.is_none() {
            return Ok(Outcome::Rows);
        }
    }
    if args.explain {
        let plan = runtime.block_on(session.explain(&request))?;
        let _ = writeln!(io::stdout(), "{}", plan.trim_end());
        return Ok(Outcome::Rows);
    }
    answered(args, (&session, &request, format), &runtime, stop)
}

/// Copies the tables into PostgreSQL.
fn load(session: &Session, runtime: &Runtime, stop: &AtomicBool) -> Result<(), Box<dyn Error>> {
    let shown = io::stderr().is_terminal();
    let progress = |table: &str, rows: u64| {
        if shown {
            eprint!("\r\x1b[K{table}: {rows} rows");
        }
    };
    let start = Instant::now();
    let loaded = runtime.block_on(async {
        tokio::select! {
            rows = session.load(&progress) => rows.map_err(Box::<dyn Error>::from),
            () = stopped(stop) => Err("interrupted; the table under way is as it was before".into()),
        }
    });
    if shown {
        eprint!("\r\x1b[K");
    }
    eprintln!("{} rows loaded in {:.1} s", loaded?, start.elapsed().as_secs_f64());
    Ok(())
}

fn answered(
    args: &Args,
    (session, request, format): (&Session, &Request<'_>, uranometria_rows::Format),
    runtime: &Runtime,
    stop: &AtomicBool,
) -> Result<Outcome, Box<dyn Error>> {
    let start = Instant::now();
    let (mut answer, mut sink, mut rows) = (None, None, 0_u64);
    let ending = runtime.block_on(async {
        let work = async {
            let answer = answer.insert(session.run(request).await?);
            let sink = sink.insert(Sink::create(args.out.as_deref(), format, answer.schema())?);
            while let Some(batch) = answer.next().await {
                let batch = batch?;
                rows += batch.num_rows() as u64;
                match sink.write(&batch) {
                    // Who reads the rows has enough of them.
                    Err(error) if is_broken_pipe(&error, args) => return Ok(Ending::Cut),
                    written => written?,
                }
            }
            Ok::<_, Box<dyn Error>>(if answer.overflowed() { Ending::Cut } else { Ending::All })
        };
        let ending = tokio::select! {
            ending = work => ending,
            () = stopped(stop) => Err("interrupted; no file was written".into()),
        };
        if ending.is_err() && answer.take().is_some() && args.engine != "embedded" {
            // The database is told that nobody waits any more.
            sleep(Duration::from_millis(100)).await;
        }
        ending
    })?;
    let Some(sink) = sink else { return Ok(Outcome::NoRows) };
    let (written, bytes) = match sink.finish(ending) {
        Err(error) if is_broken_pipe(&error, args) => (rows, 0),
        finished => finished?,
    };
    if let Some(out) = &args.out {
        eprintln!(
            "{}: {written} rows, {bytes} bytes in {:.1} ms",
            out.display(),
            start.elapsed().as_secs_f64() * 1e3
        );
    }
    if answer.is_some_and(|answer| answer.overflowed()) && (args.out.is_some() || !io::stdout().is_terminal())
    {
        eprintln!("warning: there are more rows than --max-rows {}", args.max_rows.unwrap_or_default());
    }
    Ok(if written == 0 { Outcome::NoRows } else { Outcome::Rows })
}

fn is_broken_pipe(error: &uranometria_rows::Error, args: &Args) -> bool {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    let mut broken = false;
    while let Some(error) = source {
        let io = error.downcast_ref::<io::Error>();
        broken |= io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        source = error.source();
    }
    args.out.is_none() && (broken || error.to_string().contains("Broken pipe"))
}

/// Waits for a signal.
async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(20)).await;
    }
}
