//! The command line of Uranometria: arguments in, one call of a library, a report out.

mod args;
mod files;
mod report;
mod verbs;

use std::process::ExitCode;

use clap::Parser;

use args::{Command, CubeCommand, SimulateCommand, Ur};
use report::Outcome;

fn main() -> ExitCode {
    let command = Ur::parse().command;
    // What does not look whether it shall stop is ended by signals as any program.
    let watched = !matches!(
        command,
        Command::Lightcurve(_) | Command::Cube(CubeCommand::Info { .. }) | Command::Query { .. }
    );
    let stop = report::stop_on_signals(watched);
    // A large catalogue is thousands of files. Where no more may be open, that is told when it matters.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let outcome = match command {
        Command::Cube(cube) => verbs::cube::run(cube, &stop),
        Command::Cutout(cutout) => verbs::cutout::run(&cutout, &stop),
        Command::Lightcurve(lightcurve) => verbs::lightcurve::run(&lightcurve),
        Command::Downsample(downsample) => verbs::downsample::run(&downsample, &stop),
        Command::Zonemap(zonemap) => verbs::zonemap::run(&zonemap, &stop),
        Command::Catalog(catalog) => verbs::catalog::run(catalog, &stop),
        Command::Alerts(alerts) => verbs::alerts::run(alerts, &stop),
        Command::Adql(adql) => verbs::adql::run(&adql, &stop),
        Command::Query { arguments } => verbs::query::run(&arguments),
        Command::Simulate(SimulateCommand::Sector(sector)) => verbs::simulate::run(&sector, &stop),
        Command::Simulate(SimulateCommand::Night(night)) => verbs::alerts::night(&night, &stop),
        Command::Demo { folder } => verbs::demo::run(&folder, &stop),
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
