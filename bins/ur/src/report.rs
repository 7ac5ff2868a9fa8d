//! What a person or a script sees: progress, sizes, errors.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where the program speaks")]

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use uranometria_cube::fs::{Progress, Stage};

/// How a verb ended when it did not fail.
pub(crate) enum Outcome {
    /// All is done: exit 0.
    Done,
    /// Nothing was found, or a check failed: exit 1.
    Nothing,
}

/// What a verb returns; the error is printed and the exit code is 2.
pub(crate) type Result = std::result::Result<Outcome, Box<dyn Error>>;

/// Becomes true at the first Ctrl-C or TERM; a second one ends the program at once.
///
/// A write past the file size limit then is an error and no longer a signal.
pub(crate) fn stop_on_signals(watched: bool) -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM].into_iter().filter(|_| watched) {
        // Registering fails only for signals that cannot be caught; these can.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, stop.clone());
        let _ = signal_hook::flag::register(signal, stop.clone());
    }
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    stop
}

/// Prints an error with its causes.
pub(crate) fn error(error: &dyn Error) {
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
}

/// Prints a warning.
pub(crate) fn warning(text: &str) {
    eprintln!("warning: {text}");
}

/// Prints a line of a report; a closed pipe ends the report quietly.
pub(crate) fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

/// Prints a report as JSON.
pub(crate) fn json(value: &serde_json::Value) {
    line(format!("{value:#}"));
}

/// A path as JSON has it: text, whatever its bytes are.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A progress bar on a terminal, nothing elsewhere.
pub(crate) struct Bar {
    bar: ProgressBar,
    stage: Mutex<Option<Stage>>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let shown = std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Bar { bar: ProgressBar::with_draw_target(Some(0), target), stage: Mutex::new(None) }
    }

    /// Shows how far making a cube is.
    pub(crate) fn cube(&self, progress: Progress) {
        let mut stage = self.stage.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *stage != Some(progress.stage) {
            *stage = Some(progress.stage);
            let (name, bytes) = match progress.stage {
                Stage::Headers => ("reading headers", false),
                Stage::Decompressing => ("decompressing", false),
                Stage::Resuming => ("checking what is done", true),
                Stage::Turning => ("turning pixels", true),
                Stage::Comparing => ("comparing", true),
                Stage::Syncing => ("syncing to disk", true),
            };
            self.begin(name, bytes, progress.done);
        }
        drop(stage);
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
    }

    /// Shows a count of things done.
    pub(crate) fn count(&self, name: &str, done: u64, total: u64) {
        if self.bar.message() != name {
            self.begin(name, false, 0);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn begin(&self, name: &str, bytes: bool, done: u64) {
        let template = if bytes {
            "{msg:>22} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
        } else {
            "{msg:>22} {wide_bar} {pos}/{len} {per_sec} {eta} left"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_message(name.to_string());
        self.bar.set_position(done);
        self.bar.reset_eta();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Bytes for people.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// A rate in bytes a second for people.
pub(crate) fn rate(bytes: u64, time: Duration) -> String {
    format!("{}/s", indicatif::HumanBytes((bytes as f64 / time.as_secs_f64().max(1e-9)) as u64))
}

/// Measures how long a step takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
