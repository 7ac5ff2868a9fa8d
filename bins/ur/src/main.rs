//! The command line of Uranometria: arguments in, one call of a library, a report out.

mod args;
mod report;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use args::{Command, Ur};
use report::Outcome;

fn main() -> ExitCode {
    let stop = report::stop_on_signals();
    let outcome = match Ur::parse().command {
        Command::Cube(cube) => verbs::cube::run(cube, &stop),
        Command::Cutout(cutout) => verbs::cutout::run(&cutout, &stop),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Nothing) => ExitCode::from(1),
        Err(error) => {
            report::error(&*error);
            ExitCode::from(2)
        }
    }
}
