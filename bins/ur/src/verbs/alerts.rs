//! `ur alerts`; and `ur simulate night`, whose nights they are tried on.

mod ingest;
mod select;
mod show;

use std::sync::atomic::AtomicBool;

use crate::args::AlertsCommand;
use crate::report;

pub(crate) use ingest::night;

pub(crate) fn run(command: AlertsCommand, stop: &AtomicBool) -> report::Result {
    match command {
        AlertsCommand::Ingest(args) => ingest::take_in(&args, stop),
        AlertsCommand::Filter(args) => select::filter(&args, stop),
        AlertsCommand::Estimate(args) => select::estimate(&args, stop),
        AlertsCommand::Show(args) => show::show(&args),
    }
}
