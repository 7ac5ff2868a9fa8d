//! `ur query`: hands over to the program with the query engine.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::report;

const PROGRAM: &str = "ur-query";

/// Becomes the other program; comes back only if there is none.
pub(crate) fn run(arguments: &[OsString]) -> report::Result {
    let beside = env::current_exe().ok().map(|own| own.with_file_name(PROGRAM)).filter(|path| path.is_file());
    // Elsewhere it is looked for where all programs are.
    let program = beside.unwrap_or_else(|| PathBuf::from(PROGRAM));
    let error = Command::new(program).args(arguments).exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => format!(
            "{PROGRAM} is not there, neither beside this program nor on the PATH; build it with \
             cargo build --release --bin {PROGRAM}"
        ),
        _ => format!("{PROGRAM} cannot be run: {error}"),
    }
    .into())
}
